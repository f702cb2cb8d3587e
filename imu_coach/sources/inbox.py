"""Where inputs wait, in order of arrival and with their time, bounded against sensors that flood."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from imu_coach.sources.policy import Limits
from imu_coach.types import Command, Input, Json, Link, Packet, Sent, Tick

PAUSE_NS = 1_000_000_000
"""A second without dropping ends a run of it."""


class Meter:
    """What one sensor may send: two token buckets, and how long it has exceeded them."""

    def __init__(self, limits: Limits, now_ns: int) -> None:
        self.limits = limits
        self.packets, self.data = limits.burst_packets, limits.burst_data
        self.filled_ns = now_ns
        self.waiting = 0
        self.dropped = 0
        self.began_ns = self.last_ns = now_ns - 2 * PAUSE_NS

    def admits(self, size: int, now_ns: int) -> bool:
        """Whether one more payload of this size may come in; counts it when not."""
        limits, elapsed = self.limits, (now_ns - self.filled_ns) * 1e-9
        self.packets = min(limits.burst_packets, self.packets + limits.packets * elapsed)
        self.data = min(limits.burst_data, self.data + limits.data * elapsed)
        self.filled_ns = now_ns
        if size > limits.payload or self.packets < 1.0 or self.data < size or self.waiting >= limits.waiting:
            self.drop(now_ns)
            return False
        self.packets -= 1.0
        self.data -= size
        self.waiting += 1
        return True

    def drop(self, now_ns: int) -> None:
        """One did not come in."""
        if now_ns - self.last_ns > PAUSE_NS:
            self.began_ns = now_ns
        self.last_ns = now_ns
        self.dropped += 1

    def floods(self, now_ns: int) -> bool:
        """Whether it has been exceeding for a while and still is."""
        return now_ns - self.last_ns <= PAUSE_NS and self.last_ns - self.began_ns >= self.limits.lasting * 1e9


class Inbox:
    """Inputs of a session so far not taken; every time is ns since the inbox was made.

    Parameters
    ----------
    clock : monotonic ns
    limits : of each sensor; commands and ticks come from the program itself and are not limited
    """

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns, limits: Limits | None = None) -> None:
        self.clock, self.limits = clock, limits or Limits()
        self.began_ns = clock()
        self.items: list[Input] = []
        self.meters: dict[str, Meter] = {}
        self.filled = asyncio.Event()

    def now(self) -> int:
        """ns since the session began."""
        return self.clock() - self.began_ns

    def admit(self, site: str, size: int, at_ns: int) -> bool:
        """Whether one more payload of this sensor is let in; to be asked for each, of whatever channel."""
        return self.meter(site).admits(size, at_ns)

    def packet(self, site: str, channel: int, payload: bytes, at_ns: int) -> None:
        """A payload that was let in."""
        self.put(Packet(site, at_ns, channel, payload))

    def link(self, site: str, kind: str, value: float, at_ns: int | None = None) -> None:
        """The link of a sensor changed or was measured."""
        self.put(Link(site, self.now() if at_ns is None else at_ns, kind, value))

    def sent(self, site: str, payload: bytes) -> None:
        """A clock request leaves now."""
        self.put(Sent(site, self.now(), payload))

    def command(self, name: str, value: Mapping[str, Json]) -> None:
        """Somebody asks for something."""
        self.put(Command(self.now(), name, value))

    def tick(self) -> None:
        """Time has passed."""
        self.put(Tick(self.now()))

    def put(self, item: Input) -> None:
        """Append an input whose time is now."""
        self.items.append(item)
        self.filled.set()

    async def get(self) -> list[Input]:
        """Everything since the last time, at least one input."""
        await self.filled.wait()
        return self.take()

    def take(self) -> list[Input]:
        """Everything since the last time, maybe nothing; does not wait."""
        self.filled.clear()
        for meter in self.meters.values():
            meter.waiting = 0
        taken, self.items = self.items, []
        return taken

    def meter(self, site: str) -> Meter:
        """Of one sensor; there are as many as were started."""
        meter = self.meters.get(site)
        if meter is None:
            meter = self.meters[site] = Meter(self.limits, self.now())
        return meter

    def dropped(self, site: str) -> int:
        """Payloads of a sensor that did not come in."""
        return self.meter(site).dropped

    def floods(self, site: str) -> bool:
        """Whether a sensor has been sending too much for a while."""
        return self.meter(site).floods(self.now())
