"""A slow slump against gyroscope bias: the case that a rest-based bias estimator takes for stillness.

A synthetic signal, not a person: 20 deg of flexion at a constant slow rate, with a breathing trunk and the noise of an
LSM6DS3TR-C.  With a table-still capture the sensor first lies on a table for 6 s; without one it is worn from the first
sample.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imu_coach import config
from imu_coach.conventions import GRAVITY
from imu_coach.recording import Recording
from imu_coach.run import process
from imu_coach.types import Floats, Json

RATE = 100.0
TABLE, PUT_ON, TALL, QUIET, AFTER = 6.0, 8.0, 4.0, 30.0, 30.0
DEPTH = 20.0
BREATH = 0.5
"""deg; breathing at the upper back, a third of what a deep breath moves: enough that a worn sensor never lies still."""
GYR_NOISE = np.deg2rad(0.05)
ACC_NOISE = 0.009
TITLE = "Slump of 20 deg: largest error of trunk inclination in degrees (synthetic signal)"


def run(*, progress: Callable[[float], None] | None = None) -> dict[str, Json]:
    """Every rate, bias and capture."""
    cases = [(c, b, r) for c in (True, False) for b in (0.0, 1.0, 2.0, 3.0) for r in (0.5, 1.0, 2.0)]
    rows: list[dict[str, Json]] = []
    for i, (captured, bias, rate) in enumerate(cases):
        error, width = case(captured, bias, rate, seed=i)
        default, _ = case(captured, bias, rate, seed=i, filter="vqf_default")
        rows.append(
            {
                "capture": "table" if captured else "none",
                "bias_deg_s": bias,
                "slump_deg_s": rate,
                "largest_error_deg": error,
                "band_half_width_deg": width,
                "vqf_default_largest_error_deg": default,
            }
        )
        if progress is not None:
            progress((i + 1) / len(cases))
    notes = [
        "bias_deg_s: on each of the three axes, with alternating sign.",
        "Errors during the slump and 30 s after it.",
    ]
    return {"title": TITLE, "rows": rows, "notes": notes}


def case(captured: bool, bias: float, rate: float, seed: int, filter: str = "vqf") -> tuple[float, float]:
    """Largest error and mean half-width of the band, deg, from the beginning of the slump on."""
    t, flexion, begin = signal(captured, rate)
    acc, gyr = measured(flexion, np.deg2rad(bias) * np.array([1.0, -1.0, 1.0]), np.random.default_rng(seed))
    worn = TABLE if captured else 0.0
    tall = worn + PUT_ON, worn + PUT_ON + TALL
    labels = [(*tall, "stand_tall")] + ([(0.2, TABLE - 0.2, "table_still")] if captured else [])
    recording = Recording.from_arrays({"upper_back": (t, acc, gyr)}, rate=RATE, labels=labels)
    result = process(recording, config.setup(recording.header, filter=filter))
    i = result.block.names.index("trunk_inclination")
    rows = (result.block.index >= begin * RATE) & (result.block.index < len(t))
    k = result.block.index[rows]
    zero = flexion[int(tall[0] * RATE) : int(tall[1] * RATE)].mean()
    error = np.abs(result.block.value[rows, i] - (flexion[k] - zero))
    half = 0.5 * (result.block.high[rows, i] - result.block.low[rows, i])
    return float(np.rad2deg(np.nanmax(error))), float(np.rad2deg(np.nanmean(half)))


def signal(captured: bool, rate: float) -> tuple[Floats, Floats, float]:
    """Time (n,) s, true flexion (n,) rad, and when the slump begins, s."""
    worn = TABLE if captured else 0.0
    begin = worn + PUT_ON + TALL + QUIET
    t = np.arange(int((begin + DEPTH / rate + AFTER) * RATE)) / RATE
    slump = np.clip((t - begin) * rate, 0.0, DEPTH)
    breath = np.where(t >= worn, BREATH * np.sin(2.0 * np.pi * 0.25 * (t - worn)), 0.0)
    table = -45.0 * (1.0 + np.cos(np.pi * np.clip(t - worn, 0.0, 1.0))) if captured else 0.0  # it lay on its back
    return t, np.deg2rad(slump + breath + table), begin


def measured(flexion: Floats, bias: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Specific force and rate of a sensor whose axes are the segment's."""
    zero = np.zeros_like(flexion)
    acc = GRAVITY * np.stack([-np.sin(flexion), np.cos(flexion), zero], axis=1)
    gyr = np.stack([zero, zero, -np.gradient(flexion, 1.0 / RATE)], axis=1)  # bending forward turns about -z
    return acc + rng.normal(0.0, ACC_NOISE, acc.shape), gyr + bias + rng.normal(0.0, GYR_NOISE, gyr.shape)
