"""How well three sensors agree on time: placed sample times against the virtual sensors' true clocks.

    python tests/bench/clocks.py --seconds 100 --seeds 1 2 3

30 ms connection interval, 10 % of the packets sent again.  Prints a line per seed, ms; exit code 1 above the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from imu_coach.core.decode import Receiver
from imu_coach.drivers import PROFILES
from imu_coach.drivers.own import SAMPLES
from imu_coach.sources import Air, Inbox, Sensor, Wanted
from imu_coach.types import Floats, Link, Packet, SensorInfo, Sent
from imu_coach.virtual.air import LinkProfile
from imu_coach.virtual.part import Clock
from imu_coach.virtual.world import World

SITES = ("upper_back", "sacrum", "wrist")
LIMIT = 3.0
"""ms, between sensors, for 95 % of the time."""
SETTLED = 5.0
"""s from the last sensor's first sample until the figures count."""
WRAP = 1 << 32


class Placed(NamedTuple):
    """Of one sensor: true time of each packet's first sample, error of its placed time, half band of the clock; s."""

    t: Floats
    error: Floats
    band: Floats


class Agreement(NamedTuple):
    """ms.  Between any two sensors: median, 95 %, worst; each sensor's mean error; clock bands at the end."""

    p50: float
    p95: float
    worst: float
    bias: tuple[float, ...]
    band: tuple[float, ...]
    lost: int
    inside: float


async def session(world: World, seconds: float, seed: int) -> tuple[list[Any], Mapping[str, SensorInfo], float]:
    """Stream for a while; all inputs, and when (s of the loop's clock) the session began."""
    air, inbox = Air(*world.backends()), Inbox()
    wanted = [Wanted(s, SensorInfo(s), world.addresses[s], f"{world.parts[s].serial:016x}") for s in SITES]
    sensors = [Sensor(air, w, PROFILES["own"], inbox, draw=random.Random(seed + k)) for k, w in enumerate(wanted)]
    tasks = [asyncio.create_task(sensor.run()) for sensor in sensors]
    items: list[Any] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        items += await inbox.get()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return items, {w.site: w.info for w in wanted}, inbox.began_ns * 1e-9


def placed(receiver: Receiver, items: Sequence[Any], clock: Clock, began: float) -> Placed:
    """Push a sensor's inputs one by one, as live, and look at where each packet was placed.

    The device clock is undone by what :class:`Clock` was made of.
    """
    start, since, rate = clock._us, clock._since - began, clock._rate
    rows = []
    for item in items:
        samples = receiver.push([item])
        if isinstance(item, Packet) and item.payload[0] == SAMPLES and len(samples.t):
            ticks = int.from_bytes(item.payload[4:8], "little")
            about = start + (item.arrived_ns * 1e-9 - since) * rate
            ticks += WRAP * round((about - ticks) / WRAP)
            true = (ticks - start) / rate + since
            rows.append((true, samples.t[0] - true, receiver.clock.band or np.nan))
    return Placed(*np.array(rows).T)


def agreement(found: Sequence[Placed], lost: int) -> Agreement:
    """Errors between sensors at the same moments, ten times a second."""
    t = np.arange(max(p.t[0] for p in found) + SETTLED, min(p.t[-1] for p in found), 0.1)
    errors = [np.interp(t, p.t, p.error) * 1e3 for p in found]
    between = np.abs(np.concatenate([a - b for a, b in itertools.combinations(errors, 2)]))
    bands = [np.interp(t, p.t, p.band) * 1e3 for p in found]
    inside = np.mean(np.concatenate([np.abs(e) <= b for e, b in zip(errors, bands, strict=True)]))
    p50, p95 = np.percentile(between, [50, 95])
    ends = tuple(float(p.band[-1] * 1e3) for p in found)
    return Agreement(p50, p95, between.max(), tuple(float(e.mean()) for e in errors), ends, lost, float(inside))


async def measure(seconds: float, seed: int, interval: float = 0.03, loss: float = 0.1) -> Agreement:
    """One session of three sensors, everything in this process."""
    async with World(SITES, seed=seed, profile=LinkProfile(interval=interval, loss=loss)) as world:
        items, infos, began = await session(world, seconds, seed)
        found, lost = [], 0
        for site in SITES:
            receiver = Receiver(infos[site], 0.1)
            own = [i for i in items if isinstance(i, Packet | Sent | Link) and i.sensor == site]
            found.append(placed(receiver, own, world.stage.sensors[site][1].clock, began))
            lost += receiver.health(False).lost
        return agreement(found, lost)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=100.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--interval", type=float, default=0.03)
    parser.add_argument("--loss", type=float, default=0.1)
    chosen = parser.parse_args()
    above = False
    for seed in chosen.seeds:
        got = asyncio.run(measure(chosen.seconds, seed, chosen.interval, chosen.loss))
        above |= got.p95 > LIMIT
        bias, band = (" ".join(f"{x:+.2f}" for x in row) for row in (got.bias, got.band))
        sys.stdout.write(
            f"seed {seed}: between sensors p50 {got.p50:.2f} p95 {got.p95:.2f} worst {got.worst:.2f} ms; "
            f"bias {bias}; band at the end {band}; inside the band {got.inside:.0%}; lost {got.lost}\n"
        )
        sys.stdout.flush()
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
