"""The checks that every importer shares: what cannot be right is refused, with the row and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from imu_coach.conventions import GRAVITY
from imu_coach.errors import ImportFileError
from imu_coach.importers.columns import AccUnit, Columns, GyrUnit, TimeUnit
from imu_coach.types import Bools, Floats

SECONDS: Final[dict[TimeUnit, float]] = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
MS2: Final[dict[AccUnit, float]] = {"g": GRAVITY, "m/s2": 1.0}
RADS: Final[dict[GyrUnit, float]] = {"deg/s": float(np.deg2rad(1.0)), "rad/s": 1.0}

LIKELY: Final = (
    (0.0, 0.3, "too small for a sensor that feels gravity (linear or free acceleration, with gravity removed?)"),
    (0.5, 4.0, "g"),
    (5.0, 40.0, "m/s2"),
    (500.0, np.inf, "thousandths of g, or raw counts"),
)
"""Median magnitude of the accelerometer, from and to, and what it looks like.

Gravity is always in it, and swinging an arm fast adds to it: recorded sets of exercises reach a median of 2.5 g.
"""

HUGE: Final = 1e20
"""Larger than any time stamp, even nanoseconds since 1970; such numbers are damage, and their squares overflow."""

FEWEST: Final = 20
RATES: Final = (5.0, 8000.0)
LONGEST_GAP: Final = 3600.0
MOST_ACC: Final = 400 * GRAVITY
MOST_GYR: Final[dict[GyrUnit, float]] = {"deg/s": 4200.0, "rad/s": 40.0}
STILL_ROWS: Final = 16
STILL_SPREAD: Final = 0.25
SAME_RATE: Final = 0.2


class Origin(NamedTuple):
    """Where samples came from: ``row(i)`` is the row of sample ``i`` as an editor shows it."""

    path: Path
    row: Callable[[int], int | None] = lambda sample: sample + 1

    def error(self, problem: str, sample: int | None = None, column: str | None = None) -> ImportFileError:
        """An error at a sample, to raise."""
        return ImportFileError(self.path, problem, None if sample is None else self.row(sample), column)


def enough(origin: Origin, n: int) -> None:
    """Refuse a file without data."""
    if n == 0:
        raise origin.error("a header and no data; export the recording again")
    if n < FEWEST:
        raise origin.error(f"{n} rows of data; at least {FEWEST} are needed")


def finite(origin: Origin, values: Floats, names: Sequence[str]) -> None:
    """Refuse NaN, infinities and nonsense in ``values (n, k)``."""
    bad = ~(abs(values) < HUGE)
    if bad.any():
        sample = int(np.flatnonzero(bad.any(axis=1))[0])
        column = names[int(np.flatnonzero(bad[sample])[0])]
        problem = f"not a number that a sensor gives ({int(bad.any(axis=1).sum())} such rows); remove those rows"
        raise origin.error(problem, sample, column)


def clock(origin: Origin, raw: Floats | None, n: int, columns: Columns) -> Floats:
    """Time stamps ``raw (n,)`` in the unit of ``columns`` -> (n,) s, strictly increasing; or evenly spaced."""
    if raw is None or columns.time is None:
        if columns.rate is None:
            raise origin.error("no time column and no rate; say rate=Hz")
        check_rate(origin, columns.rate, columns)
        return np.arange(n) / columns.rate
    step = np.diff(raw)
    bad = step <= 0
    if bad.any():
        again, back = int((step == 0).sum()), int((step < 0).sum())
        problem = (
            f"the time stamp {'repeats' if step[bad][0] == 0 else 'is earlier than'} the one before"
            f" ({again} repeated, {back} backward in all); remove those rows, or say rate= instead of time= if the"
            " samples are evenly spaced and none is missing"
        )
        raise origin.error(problem, int(np.flatnonzero(bad)[0]) + 1, columns.time)
    seconds = SECONDS[columns.time_unit]
    rate = 1 / (float(np.median(step)) * seconds)
    check_rate(origin, rate, columns)
    if columns.rate is not None and abs(rate / columns.rate - 1) > SAME_RATE:
        problem = f"the time stamps say {rate:.4g} Hz, rate= says {columns.rate:.4g}; correct the unit of time or rate="
        raise origin.error(problem, column=columns.time)
    jump = int(np.argmax(step))
    if step[jump] * seconds > LONGEST_GAP:
        problem = f"time jumps by {step[jump] * seconds:.0f} s; split the file there"
        raise origin.error(problem, jump + 1, columns.time)
    t = raw * seconds
    if (np.diff(t) <= 0).any():
        problem = "the time stamps are too large to tell samples apart; subtract the first"
        raise origin.error(problem, column=columns.time)
    return t


def check_rate(origin: Origin, rate: float, columns: Columns) -> None:
    """Refuse a rate that no motion sensor has."""
    if RATES[0] <= rate <= RATES[1]:
        return
    problem = f"{rate:.3g} Hz is not the rate of a motion sensor"
    if columns.time is not None:
        fits = [
            unit
            for unit, seconds in SECONDS.items()
            if RATES[0] <= rate * SECONDS[columns.time_unit] / seconds <= RATES[1]
        ]
        problem += f"; the time unit {columns.time_unit!r} is wrong" + (f", try {' or '.join(fits)}" if fits else "")
    raise origin.error(problem, column=columns.time)


def specific_force(origin: Origin, raw: Floats, unit: AccUnit, names: Sequence[str]) -> Floats:
    """Accelerometer (n, 3) in ``unit`` -> m/s2, if gravity is in it and the unit fits."""
    size = np.sqrt((raw * raw).sum(axis=1))
    median = float(np.median(size))
    columns = ";".join(names)
    looks = next((text for low, high, text in LIKELY if low <= median < high), "neither g nor m/s2")
    mixed = change_of_unit(size)
    if mixed is not None:
        problem = "the unit changes between g and m/s2 within the file; split it at this row"
        raise origin.error(problem, mixed, columns)
    if looks != unit:
        problem = f"median |acc| is {median:.3g}: looks like {looks}, declared {unit}"
        fix = f"say acc=...:{looks}" if looks in MS2 else "export the accelerometer with gravity, in g or m/s2"
        raise origin.error(f"{problem}; {fix}", column=columns)
    impossible(origin, size * MS2[unit] > MOST_ACC, size, unit, names)
    return raw * MS2[unit]


def change_of_unit(size: Floats) -> int | None:
    """First sample of ``size (n,)`` at rest in the other unit than before, or None."""
    blocks = size[: size.size // STILL_ROWS * STILL_ROWS].reshape(-1, STILL_ROWS)
    level = np.median(blocks, axis=1)
    still = (blocks.max(axis=1) - blocks.min(axis=1)) < STILL_SPREAD * level
    in_g = still & (abs(level - 1) < 0.15)
    in_ms2 = still & (abs(level / GRAVITY - 1) < 0.15)
    if in_g.sum() < 2 or in_ms2.sum() < 2:
        return None
    g_first = bool(np.argmax(in_g) < np.argmax(in_ms2))
    first, other = (in_g, in_ms2) if g_first else (in_ms2, in_g)
    start, stop = int(np.argmax(first)) * STILL_ROWS, int(np.argmax(other)) * STILL_ROWS
    before = (size[start:stop] < np.sqrt(GRAVITY)) == g_first
    return start + int(np.flatnonzero(before)[-1]) + 1


def rate_of_turn(origin: Origin, raw: Floats, unit: GyrUnit, names: Sequence[str]) -> Floats:
    """Gyroscope (n, 3) in ``unit`` -> rad/s, unless it is faster than any gyroscope."""
    size = np.sqrt((raw * raw).sum(axis=1))
    fast = size > MOST_GYR[unit]
    if unit == "rad/s" and fast.any() and not (size * RADS["deg/s"] > MOST_GYR["rad/s"]).any():
        sample = int(np.argmax(fast))
        problem = f"|gyr| is {size[sample]:.4g}: looks like deg/s, declared rad/s; say gyr=...:deg/s"
        raise origin.error(problem, sample, ";".join(names))
    impossible(origin, fast, size, unit, names)
    return raw * RADS[unit]


def impossible(origin: Origin, bad: Bools, size: Floats, unit: str, names: Sequence[str]) -> None:
    """Refuse a magnitude that no sensor reads."""
    if bad.any():
        sample = int(np.argmax(bad))
        problem = f"magnitude {size[sample]:.4g} {unit} ({int(bad.sum())} such rows): no sensor reads that"
        raise origin.error(f"{problem}; correct the unit or remove those rows", sample, ";".join(names))
