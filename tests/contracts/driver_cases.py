"""Streams of every driver, built from the byte layouts: payloads, when they are complete, and what is in them.

Sample ``k`` of a stream turns with ``k % 1000`` counts about x.  Its acceleration along x is ``k % 1000`` counts too,
but of the Polar, whose two streams are apart: there it rises and falls with time.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from imu_coach.conventions import GRAVITY
from imu_coach.drivers import movella_dot, own, polar, si, witmotion
from imu_coach.types import Packet, SensorInfo

EXAMPLE = Path(__file__).resolve().parents[1] / "example_driver"
RATE = 100.0


@dataclass(frozen=True)
class Case:
    """One driver: ``stream(samples, wrapping)`` gives (device time when complete in s, payload)."""

    info: SensorInfo
    channel: int
    stream: Callable[[int, bool], list[tuple[float, bytes]]]
    gyr_unit: float  # rad/s per count
    loss_shows: bool = True
    first: int = 0  # number of the first sample that comes out
    behind: int = 0  # samples at the end that still wait

    def payloads(self, samples: int, wrapping: bool = False) -> list[bytes]:
        return [payload for _, payload in self.stream(samples, wrapping)]

    def packets(self, samples: int, wrapping: bool = False, delay: float = 0.02) -> list[Packet]:
        stream = self.stream(samples, wrapping)
        return [Packet(self.info.sensor, round((t + delay) * 1e9), self.channel, payload) for t, payload in stream]

    def numbers(self, gyr: np.ndarray) -> np.ndarray:
        """Sample numbers modulo 1000 out of decoded rotation."""
        return np.rint(gyr[:, 0] / self.gyr_unit).astype(int)


def info(driver: str, rate: float = RATE) -> SensorInfo:
    return SensorInfo("wrist", driver, rate=rate, acc_range=32.768, gyr_range=65.536)


def own_stream(samples: int, wrapping: bool) -> list[tuple[float, bytes]]:
    seq, ticks = (65_500, 2**32 - 200_000) if wrapping else (0, 5_000_000)
    out = []
    for k in range(0, samples - 3, 4):
        head = struct.pack("<BBHIH", 0x11, 4, (seq + k) % 65536, (ticks + k * 10_000) % 2**32, 10_000)
        counts = [struct.pack("<6h", i % 1000, 0, 0, i % 1000, 0, 0) for i in range(k, k + 4)]
        out.append((0.01 * (k + 3), head + b"".join(counts)))
    return out


def si_stream(samples: int, wrapping: bool) -> list[tuple[float, bytes]]:
    out = []
    for k in range(0, samples - 9, 10):
        each = [(k + i) % 1000 * 1e-3 for i in range(10)]
        rows = [struct.pack("<q6d", i * 10_000_000, x, 0, 0, x, 0, 0) for i, x in enumerate(each)]
        out.append((0.01 * (k + 9), struct.pack("<B3xIqq", 0x5A, 10, k, k * 10_000_000) + b"".join(rows)))
    return out


def witmotion_stream(samples: int, wrapping: bool) -> list[tuple[float, bytes]]:
    """Whole frames, one to three in a payload."""
    out, k = [], 0
    while k < samples:
        n = 1 + k % 3
        frames = [b"\x55\x61" + struct.pack("<9h", i % 1000, 0, 0, i % 1000, *[0] * 5) for i in range(k, k + n)]
        out.append((0.01 * (k + n - 1), b"".join(frames)))
        k += n
    return out


def dot_stream(samples: int, wrapping: bool) -> list[tuple[float, bytes]]:
    """At 60 Hz, rounded to microseconds."""
    ticks = 2**32 - 500_000 if wrapping else 5_000_000
    out = []
    for k in range(samples):
        stamp = (ticks + round(k / 60 * 1e6)) % 2**32
        values = struct.pack("<I6f3h", stamp, (k % 1000) * 0.01, 0, 9.81, (k % 1000) * 0.5, 0, 0, 1, 2, 3)
        out.append((k / 60, values))
    return out


def polar_delta(kind: int, last_ns: int, counts: np.ndarray) -> bytes:
    """A compressed frame of ``counts (n, 3)``: blocks of at most 10 samples, as narrow as they can be."""
    out = struct.pack("<BQB3h", kind, last_ns, 0x80, *counts[0].tolist())
    steps = np.diff(counts, axis=0)
    for i in range(0, len(steps), 10):
        part = steps[i : i + 10].reshape(-1).tolist()
        bits = max(max(v, -v - 1).bit_length() for v in part) + 1
        packed = sum((v & ((1 << bits) - 1)) << (bits * j) for j, v in enumerate(part))
        out += bytes([bits, len(part) // 3]) + packed.to_bytes((bits * len(part) + 7) // 8, "little")
    return out


POLAR_RATE, POLAR_N = 52.0, 26
POLAR_EPOCH = 599_616_000 * 10**9


def polar_stream(samples: int, wrapping: bool) -> list[tuple[float, bytes]]:
    """Rotation at 52.3 Hz and acceleration a quarter of a sample later, each in blocks of half a second."""
    rate, out = 52.3, []
    for k in range(0, samples - POLAR_N + 1, POLAR_N):
        i = np.arange(k, k + POLAR_N)
        zero = np.zeros_like(i)
        gyr_ns = POLAR_EPOCH + round((i[-1]) / rate * 1e9)
        acc_ns = POLAR_EPOCH + round((i[-1] + 0.25) / rate * 1e9)
        out.append((i[-1] / rate, polar_delta(5, gyr_ns, np.stack([i % 1000, -(i % 7), zero], axis=1))))
        acc = np.stack([4 * np.abs(i % 4000 - 2000), zero, zero + 1000], axis=1)
        if k % 4:
            raw = b"".join(struct.pack("<3h", *row) for row in acc.tolist())
            out.append(((i[-1] + 0.25) / rate, struct.pack("<BQB", 2, acc_ns, 1) + raw))
        else:
            out.append(((i[-1] + 0.25) / rate, polar_delta(2, acc_ns, acc)))
    return out


def thingy_stream(samples: int, wrapping: bool) -> list[tuple[float, bytes]]:
    return [(0.01 * k, struct.pack("<9h", k % 1000, 0, 0, k % 1000, *[0] * 5)) for k in range(samples)]


DEG = np.pi / 180
POLAR_INFO = SensorInfo("wrist", "polar", rate=POLAR_RATE, acc_range=32.768 * GRAVITY, gyr_range=32768 * 0.07 * DEG)
CASES: dict[str, Case] = {
    "own": Case(info("own"), own.DATA, own_stream, 0.002),
    "si": Case(info("si"), si.DATA, si_stream, 0.001),
    "witmotion": Case(info("witmotion"), witmotion.DATA, witmotion_stream, 2000 / 32768 * DEG, loss_shows=False),
    "polar": Case(POLAR_INFO, polar.DATA, polar_stream, 0.07 * DEG, first=1),
    "movella_dot": Case(info("movella_dot", 60.0), movella_dot.DATA, dot_stream, 0.5 * DEG),
    "thingy": Case(info("thingy"), 1, thingy_stream, DEG / 32, loss_shows=False),
}


def install_example(folder: Path, patch: pytest.MonkeyPatch, points: str = "thingy = imu_coach_thingy:PROFILE") -> None:
    """What pip leaves of a package: its module on the path, and a folder that tells of its entry points."""
    written = folder / "imu_coach_thingy-0.1.0.dist-info"
    written.mkdir()
    (written / "METADATA").write_text("Metadata-Version: 2.1\nName: imu-coach-thingy\nVersion: 0.1.0\n")
    (written / "entry_points.txt").write_text(f"[imu_coach.drivers]\n{points}\n")
    patch.syspath_prepend(str(EXAMPLE))
    patch.syspath_prepend(str(folder))
