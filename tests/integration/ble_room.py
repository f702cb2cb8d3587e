"""A room with virtual sensors for the tests of the radio: the real bleak, watched, on the in-process air."""

from __future__ import annotations

import asyncio
import functools
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

pytest.importorskip("bumble")

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner

from imu_coach.drivers import PROFILES
from imu_coach.sources import Air, Inbox, Limits, Options, Policy, Sensor, Wanted
from imu_coach.types import Input, Link, Packet, SensorInfo
from imu_coach.virtual.air import LinkProfile
from imu_coach.virtual.world import World

OWN = PROFILES["own"]
DATA, CTRL, SYNC = 2, 3, 4

INSTANT = LinkProfile(interval=0.0, supervision=0.4)
FAST = Policy(scan=0.8, connect=2.0, hang_up=1.0, silence=0.8, back_off=0.05, back_off_most=0.4, strangers=8)
"""The same rules, in less time than people have."""


@dataclass
class Seen:
    """What bleak was asked to do, in order: (monotonic s, what, whose address, details)."""

    calls: list[tuple[float, str, str, Any]] = field(default_factory=list)

    def note(self, what: str, address: str = "", details: Any = None) -> None:
        self.calls.append((time.monotonic(), what, address, details))

    def of(self, what: str, address: str = "") -> list[Any]:
        return [details for _, w, a, details in self.calls if w == what and a == (address or a)]

    def order(self, *names: str) -> list[str]:
        return [what for _, what, _, _ in self.calls if what in names]


def watched(
    scanner: type[BaseBleakScanner], client: type[BaseBleakClient], seen: Seen
) -> tuple[type[BaseBleakScanner], type[BaseBleakClient]]:
    """The same backends, noting what they are asked."""

    class WatchedScanner(scanner):  # type: ignore[valid-type,misc]
        async def start(self) -> None:
            seen.note("scan")
            await super().start()

        async def stop(self) -> None:
            await super().stop()
            seen.note("scanned")

    class WatchedClient(client):  # type: ignore[valid-type,misc]
        def __init__(self, target: Any, **kwargs: Any) -> None:
            super().__init__(target, **kwargs)
            seen.note("new", self.address, (self, target, kwargs))

        async def connect(self, pair: bool, **kwargs: Any) -> None:
            seen.note("connect", self.address, self)
            try:
                await super().connect(pair, **kwargs)
            finally:
                seen.note("connected", self.address, self)

        async def disconnect(self) -> None:
            seen.note("disconnect", self.address, self)
            await super().disconnect()

        async def write_gatt_char(self, characteristic: Any, data: Any, response: bool) -> None:
            seen.note("write", self.address, (characteristic.uuid, bytes(data), response))
            await super().write_gatt_char(characteristic, data, response)

        async def start_notify(self, characteristic: Any, callback: Any, **kwargs: Any) -> None:
            seen.note("listen", self.address, (characteristic.uuid, callback, kwargs))
            await super().start_notify(characteristic, callback, **kwargs)

    return WatchedScanner, WatchedClient


@dataclass
class Room:
    """Sensors, and the program that wants them."""

    world: World
    air: Air
    inbox: Inbox
    seen: Seen
    sensors: dict[str, Sensor]
    items: list[Input] = field(default_factory=list)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def __getitem__(self, site: str) -> Sensor:
        return self.sensors[site]

    def start(self, *sites: str) -> None:
        for site in sites or tuple(self.sensors):
            self.tasks[site] = asyncio.create_task(self.sensors[site].run())

    def packets(self, site: str, channel: int = DATA) -> list[Packet]:
        self.items += self.inbox.take()
        return [i for i in self.items if isinstance(i, Packet) and i.sensor == site and i.channel == channel]

    def links(self, site: str, *kinds: str) -> list[Link]:
        self.items += self.inbox.take()
        found = [i for i in self.items if isinstance(i, Link) and i.sensor == site]
        return [i for i in found if i.kind in (kinds or ("up", "down"))]

    async def until(self, what: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait for it; fails when it does not come."""
        end = time.monotonic() + seconds
        while not what():
            states = {site: (s.state, str(s.problem), s.counters) for site, s in self.sensors.items()}
            assert time.monotonic() < end, states
            await asyncio.sleep(0.01)

    async def streaming(self, *sites: str, seconds: float = 10.0) -> None:
        """Wait until these (or all) stream, and have sent something since."""
        for site in sites or tuple(self.sensors):
            before = len(self.packets(site))
            await self.until(
                lambda s=site, b=before: self[s].state == "streaming" and len(self.packets(s)) > b, seconds
            )

    async def stop(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        await self.air.close()


@asynccontextmanager
async def room(
    sites: Sequence[str] = ("wrist",),
    *,
    seed: int = 1,
    profile: LinkProfile = INSTANT,
    policy: Policy = FAST,
    options: Options | None = None,
    limits: Limits | None = None,
    rate: float = 100.0,
    known: bool = True,
    start: bool = True,
) -> AsyncIterator[Room]:
    """``known``: the program has met these sensors before."""
    async with World(sites, seed=seed, profile=profile) as world:
        seen = Seen()
        air = Air(*watched(*world.backends(), seen), options=options, policy=policy)
        inbox = Inbox(limits=limits)
        sensors = {}
        for k, site in enumerate(sites):
            wanted = Wanted(
                site, SensorInfo(site, rate=rate), world.addresses[site], serial(world, site) if known else ""
            )
            sensors[site] = Sensor(air, wanted, OWN, inbox, draw=random.Random(seed * 10 + k))
        here = Room(world, air, inbox, seen, sensors)
        if start:
            here.start()
        try:
            yield here
        finally:
            await here.stop()


def serial(world: World, site: str) -> str:
    """What a sensor says of itself."""
    return f"{world.parts[site].serial:016x}"


def lasting(seconds: float) -> Callable[[Callable[..., Coroutine[Any, Any, None]]], Callable[..., None]]:
    """Run an async test, at most so long; nothing may be left over but the loop itself."""

    def wrap(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
        @functools.wraps(test)
        def run(*args: Any, **kwargs: Any) -> None:
            async def limited() -> None:
                complaints: list[str] = []

                def complain(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
                    # the simulated radio's own, when its host dies, is not the program's
                    if "bumble" not in f"{type(context.get('exception')).__module__} {context}":
                        complaints.append(str(context))

                asyncio.get_running_loop().set_exception_handler(complain)
                async with asyncio.timeout(seconds):
                    await test(*args, **kwargs)
                assert complaints == []

            asyncio.run(limited())

        return run

    return wrap
