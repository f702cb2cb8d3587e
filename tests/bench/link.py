"""How long a sample takes from its due time to bleak's callback, what is lost, and what the processes cost.

Three virtual sensors, each in a process of its own with the firmware's C core, a hub, and this process as the program::

    python tests/bench/link.py                      3 sensors x 100 Hz, 4 samples a packet, interval 15 ms, 20 s
    python tests/bench/link.py --interval 30 --loss 0.1
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from bleak import BleakClient, BleakScanner

from imu_coach.virtual.air import LinkProfile
from imu_coach.virtual.firmware import Firmware
from imu_coach.virtual.world import World

UUID = "6e3f{:04x}-5b1c-4d0e-9f4a-1b7c2d9e8a01".format
SITES = ("upper_back", "wrist", "sacrum")


def cpu(pid: int) -> float:
    """CPU time of a process so far, s; 0 where that cannot be read."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def per_cent(values: list[float], p: float) -> float:
    """A percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(p / 100 * len(ordered)))] if ordered else float("nan")


class Heard:
    """What arrived from one sensor: latency of each packet in s, numbers."""

    def __init__(self, world: World, site: str) -> None:
        self.clock, self.now = world.clock(site), asyncio.get_running_loop().time
        self.latency: list[float] = []
        self.next: int | None = None
        self.samples = self.lost = 0

    def packet(self, _: object, payload: bytearray) -> None:
        """A notification: when its last sample was due is known from the sensor's true clock."""
        now = self.now()
        _, n, seq, t_first, period = struct.unpack_from("<BBHIH", payload)
        late = (self.clock.us(now) - t_first - (n - 1) * period + (1 << 31)) % (1 << 32) - (1 << 31)
        self.latency.append(late * 1e-6)
        self.lost += 0 if self.next is None else (seq - self.next) % 65536
        self.next, self.samples = (seq + n) % 65536, self.samples + n

    def clear(self) -> None:
        """Measure from here."""
        self.latency.clear()
        self.samples = self.lost = 0


async def connected(world: World, site: str, heard: Callable[..., None], rate: int, n: int) -> BleakClient:
    """One sensor, streaming."""
    scanner, client = world.backends()
    device = await BleakScanner.find_device_by_address(world.addresses[site], 10.0, backend=scanner)
    assert device is not None, site
    one = BleakClient(device, backend=client, timeout=10.0)
    await one.connect()
    await one.start_notify(UUID(3), lambda *_: None)
    await one.start_notify(UUID(2), heard)
    await one.write_gatt_char(UUID(3), struct.pack("<BHB", 1, rate, n), response=True)
    return one


async def measure(args: argparse.Namespace) -> dict[str, object]:
    """One run."""
    profile = LinkProfile(interval=args.interval / 1e3, loss=args.loss)
    async with World(SITES, processes=not args.inside, core=Firmware, profile=profile) as world:
        heard = {site: Heard(world, site) for site in SITES}
        clients = [await connected(world, site, heard[site].packet, args.rate, args.samples) for site in SITES]
        await asyncio.sleep(1.5)
        pids = (await world.stats()).get("pids", {}) | {"program": os.getpid()}
        for one in heard.values():
            one.clear()
        before, start = {name: cpu(pid) for name, pid in pids.items()}, asyncio.get_running_loop().time()
        await asyncio.sleep(args.seconds)
        wall = asyncio.get_running_loop().time() - start
        used = {name: round(100 * (cpu(pid) - before[name]) / wall, 1) for name, pid in pids.items()}
        latency = [x * 1e3 for one in heard.values() for x in one.latency]
        found = {
            "rate": args.rate,
            "interval_ms": args.interval,
            "loss": args.loss,
            "packets": len(latency),
            "samples_per_s": [round(one.samples / wall, 1) for one in heard.values()],
            "lost": sum(one.lost for one in heard.values()),
            "latency_ms": {f"p{p}": round(per_cent(latency, p), 1) for p in (50, 95, 99, 100)},
            "cpu_per_cent": used,
            "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        }
        for client in clients:
            await client.disconnect()
        return found


def main() -> int:
    """Run it; 1 when something was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--samples", type=int, default=4, help="in a packet")
    parser.add_argument("--interval", type=float, default=15.0, help="ms between connection events")
    parser.add_argument("--loss", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--inside", action="store_true", help="everything in this process")
    found = asyncio.run(measure(parser.parse_args()))
    sys.stdout.write(json.dumps(found) + "\n")
    return 1 if found["lost"] else 0


if __name__ == "__main__":
    sys.exit(main())
