"""The firmware's tap detector: real motion is not taken for taps, simulated fingers are felt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from imu_coach.drivers.own import DATA, Own
from imu_coach.synthetic import exercise_session
from imu_coach.types import Floats, Packet
from imu_coach.virtual.firmware import FirmwareMissing, Taps, load

G, COUNTS = 9.81, 2048


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Skips where the C core cannot be compiled."""
    try:
        load()
    except FirmwareMissing as missing:
        pytest.skip(str(missing))


def felt(acc_g: Floats, rate: float) -> list[int]:
    """What is felt in ``acc_g (n, 3)``, all in order."""
    taps = Taps(COUNTS)
    counts = np.clip(np.rint(np.nan_to_num(acc_g) * COUNTS), -32768, 32767).astype(int).tolist()
    found = [taps.feed(row, 1_000_000 + int(i * 1e6 / rate)) for i, row in enumerate(counts)]
    return [n for n in found if n]


def recorded(data: Path) -> Iterator[tuple[str, Floats, float]]:
    """Other people's motion as (name, (n, 3) g, Hz): held yoga poses, walking, a board moved by hand, arm exercises."""
    for path in sorted((data / "yoga_holds").glob("*.npz")):
        yield path.stem, np.load(path)["acc_g"], 104.0
    walk = np.load(data / "qmt_body" / "full_body_trunk_arm.npz")
    yield from ((name, walk[name] / G, 100.0) for name in walk.files if name.endswith("_acc"))
    for path in sorted((data / "broad").glob("*.npz")):
        yield path.stem, np.load(path)["acc"][::3] / G, 285.71 / 3
    for path in sorted((data / "spar").glob("*.npz")):
        yield path.stem, np.load(path)["acc_g"], 50.0


def test_recorded_motion_is_not_taken_for_taps(data: Path) -> None:
    minutes, found = 0.0, {}
    for name, acc, rate in recorded(data):
        minutes += len(acc) / rate / 60
        found[name] = felt(acc, rate)
    assert minutes > 90
    assert not {name: taps for name, taps in found.items() if taps}


@pytest.mark.parametrize("exercise", ["row_low_dumbbell", "superman_beginner", "warmup_side_reach"])
def test_simulated_exercise_is_not_taken_for_taps(exercise: str) -> None:
    made = exercise_session(exercise, 17101)
    for info in made.header.sensors:
        payloads = [
            p.payload for p in made.inputs if isinstance(p, Packet) and p.sensor == info.sensor and p.channel == DATA
        ]
        acc = Own(info).decode(payloads).acc
        assert len(acc) > 3000
        assert felt(acc / G, 100.0) == []


def finger(rng: np.random.Generator, taps: int, strength: float, rate: int) -> Floats:
    """Taps of ``strength`` g in any direction, 5 to 15 ms long, 180 to 350 ms apart, with the strap ringing after."""
    fine = 8 * rate
    t = np.arange(4 * fine) / fine
    pulses, at = np.zeros_like(t), 1.5 + rng.uniform(0.0, 1.0 / rate)
    width, gap = rng.uniform(0.005, 0.015), rng.uniform(0.18, 0.35)
    for _ in range(taps):
        x, peak = t - at, strength * rng.uniform(0.8, 1.2)
        pulses += np.where((x >= 0) & (x < width), peak * np.sin(np.pi * np.clip(x / width, 0.0, 1.0)), 0.0)
        after = np.clip(x - width, 0.0, None)
        pulses -= 0.3 * peak * np.exp(-after / 0.008) * np.sin(2 * np.pi * 45 * after)
        at += gap * rng.uniform(0.85, 1.15)
    low = sosfilt(butter(2, rate / 4, fs=fine, output="sos"), pulses)[::8]
    way = rng.normal(size=3)
    acc: Floats = np.outer(low, way / np.linalg.norm(way)) + rng.normal(0.0, 0.003, (len(low), 3))
    return acc + np.array([0.0, 0.0, 1.0])


@pytest.mark.parametrize(("rate", "strength"), [(104, 4.0), (104, 8.0), (208, 3.0), (208, 8.0)])
def test_simulated_fingers_are_felt(rate: int, strength: float) -> None:
    rng = np.random.default_rng(17202)
    right = []
    for _ in range(15):
        for taps in (1, 2, 3, 4, 5):
            right.append(felt(finger(rng, taps, strength, rate), rate) == ([taps] if taps in (2, 3) else []))
    assert np.mean(right) >= 0.85
