"""Sensors that flood, lie and babble: they harm themselves, not the others, and not the program."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from ble_room import CTRL, DATA, FAST, OWN, SYNC, Room, lasting, room
from bumble import att
from test_ble_pitfalls import numbers

from imu_coach.core.decode import Receiver
from imu_coach.drivers.base import Identity
from imu_coach.errors import ImuCoachError
from imu_coach.sources import Flood, Limits
from imu_coach.types import Link, Packet, Sent
from imu_coach.virtual.air import Radio
from imu_coach.virtual.motion import STILL
from imu_coach.virtual.packetiser import Packetiser
from imu_coach.virtual.peripheral import Peripheral

Babble = Callable[["Liar"], None]


class Liar(Peripheral):
    """A sensor that says, ten milliseconds after ten milliseconds, whatever ``babble`` makes it say."""

    babble: Babble | None = None

    def say(self, channel: int, payload: bytes) -> None:
        characteristic = self._level if channel == 16 else self._characteristics[channel]
        if (
            self.device is None
            or self.connection is None
            or not self._subscribed(characteristic, 1 if channel != CTRL else 2)
        ):
            return
        kind = att.ATT_Handle_Value_Indication if channel == CTRL else att.ATT_Handle_Value_Notification
        packet = kind(attribute_handle=characteristic.handle, attribute_value=payload)
        self.device.gatt_server.send_gatt_pdu(self.connection, bytes(packet))

    async def talk(self) -> None:
        while True:
            await asyncio.sleep(0.01)
            if self.babble is not None:
                self.babble(self)


async def replaced(here: Room, site: str, babble: Babble, **parts: Any) -> Liar:
    """Put a liar in the place of an honest sensor: its address, its serial."""
    await here.world.stage.power(site, False)

    async def begin() -> float:
        return asyncio.get_running_loop().time()

    part = here.world.parts[site]._replace(**parts)
    liar = Liar(Packetiser, part, here.world.addresses[site], STILL, begin)
    liar.babble = babble
    radio = Radio("liar", here.world.stage.air)
    here.world.stage.sensors[site] = (radio, liar)
    await liar.start(radio, radio)
    liar._task(liar.talk())
    return liar


@asynccontextmanager
async def with_liar(babble: Babble, **kwargs: Any) -> AsyncIterator[Room]:
    """An honest sensor at the sacrum that streams, and a liar at the wrist."""
    async with room(("wrist", "sacrum"), start=False, **kwargs) as here:
        await replaced(here, "wrist", babble)
        here.start()
        await here.streaming("sacrum")
        yield here


def unharmed(here: Room) -> None:
    """The honest one has missed nothing, and the program raised nothing of others."""
    found = numbers(here.packets("sacrum"))
    assert len(found) > 100
    assert found == list(range(len(found)))
    assert here["sacrum"].counters.attempts == 1
    assert not any(task.done() for task in here.tasks.values())
    problem = here["wrist"].problem
    assert problem is None or isinstance(problem, ImuCoachError)
    assert str(problem).isprintable()


def flood(channel: int, size: int, count: int) -> Babble:
    """``count`` payloads each 10 ms."""

    def babble(liar: Liar) -> None:
        for _ in range(count):
            liar.say(channel, os.urandom(size))

    return babble


@pytest.mark.parametrize(("channel", "size"), [(DATA, 20), (DATA, 240), (SYNC, 22), (16, 1)])
@lasting(40)
async def test_a_flood_is_cut_off(channel: int, size: int) -> None:
    limits = Limits(packets=300, burst_packets=200, burst_data=40_000, lasting=1.0, waiting=500)
    async with with_liar(flood(channel, size, 20), limits=limits, policy=replace(FAST, penalty=60.0)) as here:
        most = 0

        def cut() -> bool:
            nonlocal most
            most = max(most, len(here.inbox.items))
            here.packets("sacrum")
            return here["wrist"].counters.floods == 1

        await here.until(cut, 15)
        await here.until(lambda: here["wrist"].state == "away")
        assert isinstance(here["wrist"].problem, Flood)
        assert here.inbox.dropped("wrist") > 200
        assert most < 2 * limits.waiting
        assert sum(isinstance(i, Packet | Link) and i.sensor == "wrist" for i in here.items) < 200 + 300 * 6 + 20
        begun = here["wrist"].counters.attempts
        await asyncio.sleep(2.0)
        assert here["wrist"].counters.attempts == begun, "not asked again at once"
        unharmed(here)


@lasting(40)
async def test_a_flood_that_nobody_reads_does_not_grow_memory() -> None:
    limits = Limits(waiting=300)
    async with with_liar(flood(DATA, 100, 5), limits=limits) as here:
        here.inbox.take()
        await asyncio.sleep(3.0)
        assert sum(isinstance(i, Packet) and i.sensor == "wrist" for i in here.inbox.items) <= limits.waiting


@lasting(40)
async def test_babble_is_recorded_and_harms_nobody() -> None:
    draw = random.Random(7)

    def babble(liar: Liar) -> None:
        heads = (b"", b"\x11", b"\x12", b"\x13", b"\x81", b"\x11\x04", b"\x11\x04\x00\x00\x00\x00\x00\x00\x10\x27")
        liar.say(
            draw.choice((DATA, SYNC, CTRL, 16)), draw.choice(heads) + draw.randbytes(draw.choice((0, 1, 12, 48, 150)))
        )

    async with with_liar(babble) as here:
        await here.until(lambda: len(here.packets("wrist")) > 100, 20)
        await asyncio.sleep(1.0)
        unharmed(here)
        receiver = Receiver(here["wrist"].wanted.info, 0.1)
        receiver.push([i for i in here.items if isinstance(i, Packet | Sent | Link) and i.sensor == "wrist"])
        assert receiver.health(False).rejected > 20
        assert all(0.0 <= link.value <= 1.0 for link in here.links("wrist", "battery"))


@pytest.mark.parametrize(
    "reply", [b"", b"\x80", b"\x80\x01", b"\x80\x01\x00", b"\x80\x01\x07\x04", b"\x80\x01\x00\xff" * 50, b"\xff" * 200]
)
@lasting(30)
async def test_wrong_answers_end_an_attempt_not_a_session(reply: bytes) -> None:
    async with room(("wrist", "sacrum"), start=False) as here:
        liar = await replaced(here, "wrist", lambda _: None)
        liar.core.control = lambda payload, t_us: reply  # type: ignore[method-assign]
        here.start()
        await here.until(
            lambda: here["wrist"].counters.attempts >= 2 and len(numbers(here.packets("sacrum"))) > 100, 20
        )
        unharmed(here)
        assert here["wrist"].counters.started == 0
        assert not here.packets("wrist")


@lasting(30)
async def test_a_sensor_that_never_answers_ends_an_attempt() -> None:
    async with room(("wrist", "sacrum"), start=False) as here:
        liar = await replaced(here, "wrist", lambda _: None)

        async def deaf(_reply: bytes) -> None: ...

        liar._indicate = deaf  # type: ignore[method-assign]
        here.start()
        await here.until(lambda: "no answer in time" in str(here["wrist"].problem), 15)
        await here.until(lambda: len(numbers(here.packets("sacrum"))) > 100)
        unharmed(here)


@pytest.mark.parametrize("info", [b"", b"\x01", bytes(20), bytes([9]) + bytes(19), b"\xff" * 20, b"\x01" * 400])
@lasting(30)
async def test_nonsense_about_itself_ends_an_attempt(info: bytes) -> None:
    async with room(("wrist", "sacrum"), start=False) as here:
        liar = await replaced(here, "wrist", lambda _: None)
        for service in liar.device.gatt_server.services:  # type: ignore[union-attr]
            for characteristic in service.characteristics:
                if str(characteristic.uuid).lower().startswith(OWN.services[0][:4]) and characteristic.properties == 2:
                    characteristic.value = info
        here.start()
        await here.until(
            lambda: here["wrist"].counters.attempts >= 2 and len(numbers(here.packets("sacrum"))) > 100, 20
        )
        unharmed(here)
        assert not here.packets("wrist")


@lasting(40)
async def test_a_sensor_that_hangs_up_at_once_is_not_asked_without_pause() -> None:
    async with room(("wrist", "sacrum"), start=False) as here:
        liar = await replaced(here, "wrist", lambda _: None)

        def hang_up(liar: Liar) -> None:
            if liar.connection is not None:
                liar._task(liar.connection.disconnect())
                liar.connection = None

        liar.babble = hang_up
        here.start()
        await here.streaming("sacrum")
        began, before = time.monotonic(), here["wrist"].counters.attempts
        await asyncio.sleep(4.0)
        rate = (here["wrist"].counters.attempts - before) / (time.monotonic() - began)
        assert rate < 4.0
        unharmed(here)


@lasting(40)
async def test_a_sensor_that_never_starts_does_not_keep_the_others_from_coming_back() -> None:
    async with room(("wrist", "sacrum"), start=False) as here:
        liar = await replaced(here, "wrist", lambda _: None)
        liar.core.control = lambda payload, t_us: b"\x80\x01\x05\x00"  # type: ignore[method-assign]
        here.start()
        await here.streaming("sacrum")
        for _ in range(3):
            began = time.monotonic()
            await here.world.fault("reboot", "sacrum", seconds=0.1)
            await here.streaming("sacrum")
            assert time.monotonic() - began < 6.0


@lasting(20)
async def test_a_long_strange_identity_is_cut_and_does_not_match() -> None:
    async with room() as here:
        sensor = here["wrist"]
        await here.streaming()
        found = sensor.line.found  # type: ignore[union-attr]
        with pytest.raises(ImuCoachError):
            sensor._recognise(found, Identity("\x1b" + "9" * 10_000, "", "", None, frozenset()))
        assert all(len(owner) <= 40 and owner.isprintable() for owner in here.air.directory.owner.values())


@lasting(20)
async def test_a_driver_that_stumbles_ends_an_attempt() -> None:
    """Drivers of other packages meet hostile bytes, too."""
    from imu_coach.drivers.own_profile import OwnProfile

    class Stumbling(OwnProfile):
        def identity(self, name: str, address: str) -> Any:
            yield from super().identity(name, address)
            raise IndexError("bytes index out of range")

        def event(self, channel: int, payload: bytes) -> Any:
            raise ZeroDivisionError

        def request(self, token: int) -> Any:
            raise KeyError(token)

    async with room() as here:
        await here.streaming()
        here["wrist"].profile = Stumbling()
        said: set[str] = set()

        def stumbled() -> bool:
            said.add(str(here["wrist"].problem))
            return all(any(name in text for text in said) for name in ("KeyError", "IndexError"))

        await here.until(stumbled)
        assert here["wrist"].counters.odd >= 2
        assert not here.tasks["wrist"].done()
