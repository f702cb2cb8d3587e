"""How long a sample takes from its due time to the angles, the coach and the warnings, and what the program costs.

Three virtual sensors, each in a process of its own with the firmware's C core, a hub, and this process as the program,
as ``imu-coach live`` runs it: recording, pipeline with coach and warnings, no view::

    python tests/bench/live.py                      100 Hz, interval 15 ms, 30 s
    python tests/bench/live.py --interval 30 --loss 0.1

``callback`` is the same samples' latency at bleak's callback; ``update``: from the due time of the last sample of the
latest packet that the newest frame needed until ``Pipeline.push`` has returned.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from link import SITES, cpu, per_cent

from imu_coach import config, drivers, intent
from imu_coach.conventions import FRAME_RATE
from imu_coach.core.pipeline import Pipeline
from imu_coach.drivers import own
from imu_coach.live import Recorder, Session, run
from imu_coach.sources import Air, Inbox, Sensor, Wanted
from imu_coach.types import Header, Input, Packet, SensorInfo, Update
from imu_coach.virtual.air import LinkProfile
from imu_coach.virtual.firmware import Firmware
from imu_coach.virtual.world import World

LAYOUT = "upper_back_wrist_sacrum"


class Watched(Session):
    """A session with a note of when everything was due, came and was done."""

    def watch(self, world: World, inbox: Inbox) -> None:
        """Begin to take notes."""
        self.world, self.inbox = world, inbox
        self.due: dict[str, list[float]] = {site: [] for site in SITES}  # s of the loop's clock, of each packet
        self.callback: list[float] = []
        self.update: list[float] = []
        self.pushes = 0
        self.seen = (self.returned,)
        self.heights: dict[str, int] = {}

    def push(self, items: Sequence[Input]) -> None:
        """Note the packets, then do what a session does."""
        for item in items:
            if isinstance(item, Packet) and item.channel == own.DATA and item.payload[0] == own.SAMPLES:
                due = self._due(item)
                self.due[item.sensor].append(due)
                self.callback.append(self.inbox.began_ns * 1e-9 + item.arrived_ns * 1e-9 - due)
        self.pushes += 1
        super().push(items)

    def _due(self, item: Packet) -> float:
        """When its last sample was due: the sensor's clock is known here."""
        n, period = item.payload[1], int.from_bytes(item.payload[8:10], "little")
        first = int.from_bytes(item.payload[4:8], "little")
        clock, heard = self.world.clock(item.sensor), self.inbox.began_ns * 1e-9 + item.arrived_ns * 1e-9
        here = clock.us(heard)
        us = here - ((here - first) % (1 << 32)) + (n - 1) * period
        return clock.when(us)

    def returned(self, update: Update) -> None:
        """The newest frame of an update, and the packets that it needed."""
        if not len(update.frames.index):
            return
        now = asyncio.get_running_loop().time()
        t = self.inbox.began_ns * 1e-9 + int(update.frames.index[-1]) / FRAME_RATE
        needed = [next((due for due in self.due[site] if due >= t - 0.002), None) for site in SITES]
        if all(due is not None for due in needed):
            self.update.append(now - max(due for due in needed if due is not None))
        for site in SITES:
            self.due[site] = [due for due in self.due[site] if due >= t - 0.5]


async def measure(args: argparse.Namespace) -> dict[str, object]:
    """One run."""
    profile = LinkProfile(interval=args.interval / 1e3, loss=args.loss)
    layout = config.layout(LAYOUT)
    async with World(layout.sites, args.exercise, processes=True, core=Firmware, profile=profile) as world:
        inbox, air, stop = Inbox(), Air(*world.backends()), asyncio.Event()
        sensors = [
            Sensor(air, Wanted(site, SensorInfo(site), world.addresses[site], ""), drivers.profile("own"), inbox)
            for site in layout.sites
        ]
        agreed = intent.agreed(intent.Wanted(args.exercise, practice=False), layout.sites)
        made: list[Watched] = []
        with tempfile.TemporaryDirectory() as folder:

            def begin() -> Session:
                header = Header(tuple(sensor.granted or sensor.wanted.info for sensor in sensors), synthetic=True)
                setup = config.setup(header, layout.name, plan=agreed.plan, rules=agreed.rules)
                recorder = Recorder(Path(folder) / "live.mcap", header, print)
                session = Watched(recorder, Pipeline(header, setup))
                session.watch(world, inbox)
                made.append(session)
                return session

            async def measuring() -> dict[str, object]:
                while not made:
                    await asyncio.sleep(0.1)
                await asyncio.sleep(5.0)
                session = made[0]
                session.callback.clear()
                session.update.clear()
                session.pushes = 0
                loop = asyncio.get_running_loop()
                start, before = loop.time(), cpu(os.getpid())
                await asyncio.sleep(args.seconds)
                wall, used = loop.time() - start, cpu(os.getpid()) - before
                assert session.pipeline is not None
                health = session.pipeline.health()
                stop.set()
                return {
                    "interval_ms": args.interval,
                    "loss": args.loss,
                    "packets": len(session.callback),
                    "pushes_per_s": round(session.pushes / wall, 1),
                    "lost": sum(one.lost for one in health.values()),
                    "clock_band_ms": [round(1e3 * (one.clock_band or 0.0), 1) for one in health.values()],
                    "callback_ms": {f"p{p}": round(1e3 * per_cent(session.callback, p), 1) for p in (50, 95, 99)},
                    "update_ms": {f"p{p}": round(1e3 * per_cent(session.update, p), 1) for p in (50, 95, 99)},
                    "program_cpu_per_cent": round(100 * used / wall, 1),
                    "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
                }

            task = asyncio.create_task(measuring())
            await run(sensors, inbox, begin, stop)
            return await task


def main() -> int:
    """Run it; 1 when something was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interval", type=float, default=15.0, help="ms between connection events")
    parser.add_argument("--loss", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--exercise", default="triceps_pushback")
    found = asyncio.run(measure(parser.parse_args()))
    sys.stdout.write(json.dumps(found) + "\n")
    return 1 if found["lost"] else 0


if __name__ == "__main__":
    sys.exit(main())
