"""A long session on the virtual air while everything goes wrong: what comes back, what is lost, what grows.

    python tests/bench/soak.py --seconds 420 --faults 55

Three sensors, each in a process of its own, and the radio in another (``--here``: all in one).  Prints JSON; exit code
1 when something did not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from imu_coach.core.decode import Receiver
from imu_coach.drivers import PROFILES, own_profile
from imu_coach.errors import ImuCoachError
from imu_coach.sources import Air, Inbox, Sensor, Wanted
from imu_coach.types import Input, Link, Packet, SensorInfo, Sent
from imu_coach.virtual import faults
from imu_coach.virtual.air import LinkProfile
from imu_coach.virtual.world import World

SITES = ("upper_back", "sacrum", "wrist")
OWN = PROFILES["own"]
DATA, WRAP = 2, 1 << 16
BEGINNING, ENDING = 12.0, 25.0
"""s without faults, to settle and to come back."""
CAN_SKIP = ("slow_link", "fade", "out_of_range")
"""Faults during which the sensor may have more than two seconds waiting on a living link, and skips (protocol)."""
AFTER = 12.0
"""s after such a fault in which what was skipped may still be on its way."""
SKIPPED = "dropped_as_the_sensor_says_and_as_seen"
LONGEST = 45.0
"""s; the longest faults, one after the other at one sensor, and what it takes to find out and come back."""
CATCH_UP = 20.0
"""s of absence that are made good."""


def planned(seconds: float, count: int, seed: int) -> list[faults.Fault]:
    """At least ``count`` faults, all kinds in turn, at random times and sites, one at a time at each site."""
    draw, plan = random.Random(seed), []
    room = seconds - BEGINNING - ENDING
    while len(plan) < count:
        for kind in draw.sample(list(faults.KINDS), len(faults.KINDS)):
            usual = faults.KINDS[kind]
            long = draw.uniform(*usual.seconds) if kind != "out_of_range" else draw.uniform(1.0, 16.0)
            site = draw.choice(SITES) if usual.site else ""
            value = usual.value * draw.choice((-1.0, 1.0)) if kind == "clock_skew" else None
            plan.append(faults.fault(kind, site, seconds=min(long, room / 4), value=value))
    times = sorted(draw.uniform(0.0, room) for _ in plan)
    return [faults.moved(fault, BEGINNING + at) for fault, at in zip(plan, times, strict=True)]


@dataclass
class Stream:
    """The sample numbers of one sensor, as they arrive; ``missed`` are those since its last START."""

    receiver: Receiver
    next: int | None = None
    packets: int = 0
    lost: int = 0
    skipped: int = 0
    missed: int = 0
    filled: list[float] = field(default_factory=list)
    short: list[tuple[float, int]] = field(default_factory=list)
    anew: int = 0
    down_ns: int | None = None
    resumed: bool = False
    skipping_until: float = 0.0
    band: float | None = None

    def take(self, item: Input) -> None:
        """One input of this sensor."""
        if isinstance(item, Link) and item.kind == "down":
            self.down_ns = item.arrived_ns
        elif isinstance(item, Link) and item.kind == "up" and self.next is not None:
            self.resumed = True
        elif isinstance(item, Packet) and item.channel == DATA and item.payload[0] in (0x11, 0x12):
            self._number(item)

    def _number(self, item: Packet) -> None:
        first = item.payload[2] | item.payload[3] << 8
        gap = 0 if self.next is None else (first - self.next) % WRAP
        self.packets += 1
        if self.resumed:
            self.resumed = False
            away = (item.arrived_ns - (self.down_ns or 0)) * 1e-9
            if gap == 0:
                self.filled.append(away)
            elif first == 0:
                self.anew += 1
                self.missed = gap = 0
            else:
                self.short.append((round(away, 2), gap))
        elif gap and item.arrived_ns * 1e-9 < self.skipping_until:
            self.skipped += gap
        elif gap:
            self.lost += gap
        self.missed += gap
        self.next = (first + item.payload[1]) % WRAP


class Soak:
    """One run."""

    def __init__(self, world: World, seconds: float, plan: Sequence[faults.Fault], seed: int) -> None:
        self.world, self.seconds, self.plan = world, seconds, plan
        self.air = Air(*world.backends())
        self.inbox = Inbox()
        self.sensors = {
            site: Sensor(self.air, self._wanted(site), OWN, self.inbox, draw=random.Random(seed + k))
            for k, site in enumerate(SITES)
        }
        self.streams = {site: Stream(Receiver(SensorInfo(site), 0.1)) for site in SITES}
        self.away: dict[str, float] = {}
        self.back: list[float] = []
        self.returned: list[float] = []
        self.problems: Counter[str] = Counter()
        self.foreign: list[str] = []
        self.simulator: list[str] = []
        self.memory: list[float] = []
        self.sent = self.waited = 0

    def _wanted(self, site: str) -> Wanted:
        return Wanted(site, SensorInfo(site), self.world.addresses[site], f"{self.world.parts[site].serial:016x}")

    async def run(self) -> dict[str, Any]:
        """All of it; the report."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._complained)
        tasks = [asyncio.create_task(sensor.run()) for sensor in self.sensors.values()]
        began, cpu = time.monotonic(), time.process_time()
        trouble = asyncio.create_task(self._trouble(began))
        while (now := time.monotonic() - began) < self.seconds:
            self._look()
            await asyncio.sleep(0.1)
            self._take(self.inbox.take())
            if now > len(self.memory) * self.seconds / 40:
                gc.collect()
                self.memory.append(resident())
        cpu = time.process_time() - cpu
        trouble.cancel()
        await asyncio.gather(trouble, return_exceptions=True)
        skipped = {site: (await self._dropped(site), self.streams[site].missed) for site in SITES}
        streaming = [site for site, sensor in self.sensors.items() if sensor.state == "streaming"]
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        self.foreign += [repr(end) for end in ends if not isinstance(end, asyncio.CancelledError)]
        await self.air.close()
        left = [str(t.get_coro()) for t in asyncio.all_tasks() if "sources" in str(t.get_coro())]
        return self._report(streaming, cpu, left) | {SKIPPED: skipped}

    async def _dropped(self, site: str) -> int | None:
        """What a sensor says it could not send since its last START."""
        try:
            reply = await self.sensors[site].do(own_profile.ask(b"\x03"))
        except ImuCoachError:
            return None
        return int.from_bytes(reply[3:7], "little")

    def _complained(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What asyncio found nobody to tell; the simulated radio's own, when its host dies, is not ours."""
        error = context.get("exception")
        simulated = type(error).__module__.startswith("bumble") and "pyee" in str(context.get("message"))
        (self.simulator if simulated else self.foreign).append(f"{context.get('message')}: {error!r}"[:300])

    async def _trouble(self, began: float) -> None:
        pending: set[asyncio.Task[None]] = set()
        for fault in self.plan:
            await asyncio.sleep(max(0.0, began + fault.at - time.monotonic()))
            task = asyncio.create_task(self._one(fault))
            pending.add(task)
            task.add_done_callback(pending.discard)
        await asyncio.gather(*pending)

    async def _one(self, fault: faults.Fault) -> None:
        stream = self.streams.get(fault.site)
        if stream is not None and fault.kind in CAN_SKIP:
            stream.skipping_until = self.inbox.now() * 1e-9 + fault.seconds + AFTER
        try:
            await self.world.fault(fault.kind, fault.site, seconds=fault.seconds, value=fault.value)
        except Exception as error:
            self.foreign.append(f"{fault}: {error!r}")
        over, sensor = time.monotonic(), self.sensors.get(fault.site)
        if sensor is not None and sensor.state != "streaming":
            while sensor.state != "streaming":
                await asyncio.sleep(0.05)
            self.returned.append(time.monotonic() - over)

    def _look(self) -> None:
        now = time.monotonic()
        for site, sensor in self.sensors.items():
            if sensor.state != "streaming":
                self.away.setdefault(site, now)
            elif site in self.away:
                self.back.append(now - self.away.pop(site))
            if sensor.problem is not None:
                self.problems[type(sensor.problem).__name__] += 1
                if not isinstance(sensor.problem, ImuCoachError):
                    self.foreign.append(repr(sensor.problem))

    def _take(self, items: Sequence[Input]) -> None:
        by_site: dict[str, list[Any]] = {site: [] for site in SITES}
        for item in items:
            if isinstance(item, Packet | Sent | Link):
                self.streams[item.sensor].take(item)
                by_site[item.sensor].append(item)
                self.sent += isinstance(item, Sent)
        for site, own in by_site.items():
            self.streams[site].receiver.push(own)
            self.streams[site].band = self.streams[site].receiver.clock.band

    def _report(self, streaming: list[str], cpu: float, left: list[str]) -> dict[str, Any]:
        streams, counters = self.streams.values(), [s.counters for s in self.sensors.values()]
        settled = self.memory[len(self.memory) // 4 :]
        back = sorted(self.back[len(SITES) :])  # the first of each is the beginning
        return {
            "seconds": self.seconds,
            "faults": dict(Counter(fault.kind for fault in self.plan)),
            "attempts": sum(c.attempts for c in counters),
            "started": sum(c.started for c in counters),
            "resumed": sum(c.resumed for c in counters),
            "ended_by": {n: sum(getattr(c, n) for c in counters) for n in ("lost", "stale", "floods")},
            "streaming_at_the_end": streaming,
            "back_after_the_fault_s": {"n": len(self.returned), "p50": at(sorted(self.returned), 0.5)},
            "away_s": {"n": len(back), "p50": at(back, 0.5), "max": at(back, 1.0)},
            "packets": [s.packets for s in streams],
            "lost_while_connected": sum(s.lost for s in streams),
            "skipped_by_the_sensor_on_a_slow_link": sum(s.skipped for s in streams),
            "absences_filled": sum(len(s.filled) for s in streams),
            "longest_filled_s": round(max((a for s in streams for a in s.filled), default=0.0), 2),
            "not_filled": [gap for s in streams for gap in s.short],
            "streams_anew": sum(s.anew for s in streams),
            "rejected": [s.receiver.health(False).rejected for s in streams],
            "clock_band_ms": [None if s.band is None else round(s.band * 1e3, 2) for s in streams],
            "memory_MiB": {"quarter": round(settled[0], 1), "end": round(settled[-1], 1)},
            "cpu_percent": round(100 * cpu / self.seconds, 1),
            "dropped_by_the_inbox": sum(self.inbox.dropped(site) for site in SITES),
            "defects": sum(c.odd for c in counters),
            "problems": dict(self.problems),
            "foreign": self.foreign,
            "of_the_simulated_radio": len(self.simulator),
            "tasks_left": left,
        }


def at(values: list[float], share: float) -> float | None:
    """A quantile of sorted values."""
    return round(values[min(len(values) - 1, int(share * len(values)))], 2) if values else None


def resident() -> float:
    """MiB of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20


def complaints(report: dict[str, Any]) -> list[str]:
    """What did not hold."""
    grown = report["memory_MiB"]["end"] - report["memory_MiB"]["quarter"]
    wrong = {
        "not all stream at the end": len(report["streaming_at_the_end"]) < len(SITES),
        "not every kind of fault": len(report["faults"]) < len(faults.KINDS),
        "samples lost while connected": report["lost_while_connected"] > 0,
        "an absence was not filled": any(away <= CATCH_UP for away, _ in report["not_filled"]),
        # what a sensor skipped on a slow link it may have sent after all, when the link was lost and taken up again
        "more is missing than the sensors dropped": any(a is None or a < b for a, b in report[SKIPPED].values()),
        "one stayed away": (report["away_s"]["max"] or 0.0) > LONGEST,
        "memory grew": grown > 8.0,
        "foreign exceptions": bool(report["foreign"]),
        "defects": report["defects"] > 0,
        "tasks left": bool(report["tasks_left"]),
        "the inbox dropped": report["dropped_by_the_inbox"] > 0,
    }
    return [what for what, so in wrong.items() if so]


async def soak(seconds: float, count: int, seed: int, processes: bool, profile: LinkProfile) -> dict[str, Any]:
    """A world, and what becomes of a session in it."""
    async with World(SITES, seed=seed, processes=processes, profile=profile) as world:
        return await Soak(world, seconds, planned(seconds, count, seed), seed).run()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=420.0)
    parser.add_argument("--faults", type=int, default=55)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--here", action="store_true", help="everything in one process")
    chosen = parser.parse_args()
    profile = LinkProfile(interval=0.03, loss=0.05, supervision=4.0)
    report = asyncio.run(soak(chosen.seconds, chosen.faults, chosen.seed, not chosen.here, profile))
    report["complaints"] = complaints(report)
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return 1 if report["complaints"] else 0


if __name__ == "__main__":
    sys.exit(main())
