"""What the coach looks at four times a second: posture, stillness, knocks and data, one row per quarter of a second."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE, GRAVITY
from imu_coach.types import Angles, Codes, Floats, Frames, Ints, Source, Why

CELL = 25
"""Frames; cell m is frames ``CELL m`` to ``CELL (m + 1) - 1``, judged when its last frame is there."""
CELL_SECONDS = CELL / FRAME_RATE
CALM_TRUNK, CALM_LIMB = (float(np.deg2rad(x)) for x in (6.0, 10.0))
"""rad/s; mean rate over a cell: breathing (1.5 deg, 0.25 Hz) and sway (1 deg, 0.5 Hz) reach 5; tremor averages out."""
SHAKEN = float(np.deg2rad(60.0))
"""rad/s rms; tremor of 1.5 deg at 6 Hz is 40; more is no rest."""
KNOCK = 3.0 * GRAVITY
MEASURED, NO_DATA, SETTLING = int(Source.MEASURED), int(Why.NO_DATA), int(Why.SETTLING)


class Cell(NamedTuple):
    """One quarter of a second.

    end : its last frame; trunk : rad, mean trunk inclination, NaN where not measured
    calm : every sensor that has data is at rest; knocked : a spine sensor was hit
    data : share of frames with data, of each sensor
    """

    end: int
    trunk: float
    calm: bool
    knocked: bool
    data: list[float]


Rows = tuple[Any, ...]
"""Columns of frames: index (n,), trunk (n,), why (n, s), gyr and acc (n, s, 3)."""


class Cells:
    """Frames and angles in, finished cells out."""

    def __init__(self) -> None:
        self.parts: list[Rows] = []  # of the unfinished cell
        self.held = 0  # frames in them

    def push(self, f: Frames, a: Angles, sites: tuple[str, ...]) -> list[Cell]:
        """Cells that these frames finish."""
        if not len(f.index):
            return []
        rows: Rows = (f.index, _trunk(a), f.why, f.gyr, f.acc)
        head = 0
        if not self.parts:
            head = -int(f.index[0]) % CELL  # a cell that began before us is not judged
        elif self.held + len(f.index) < CELL:
            self.parts.append(rows)
            self.held += len(f.index)
            return []
        else:
            rows = tuple(np.concatenate(columns) for columns in zip(*self.parts, rows, strict=True))
        n = len(rows[0])
        count = max(0, (n - head) // CELL)
        rest = head + count * CELL
        self.parts = [tuple(column[rest:] for column in rows)] if rest < n else []
        self.held = max(0, n - rest)
        if not count:
            return []
        index, trunk, why, gyr, acc = (c[head:rest].reshape(count, CELL, *c.shape[1:]) for c in rows)
        return _cells(index, trunk, why, gyr, acc, sites)

    def back(self) -> None:
        """To the end of a cell: the frames of the next one will come again."""
        self.parts, self.held = [], 0


def _trunk(a: Angles) -> Floats:
    """Trunk inclination (n,) rad where it is measured, else NaN."""
    if "trunk_inclination" not in a.names:
        return np.full(len(a.index), np.nan)
    i = a.names.index("trunk_inclination")
    return np.where(a.source[:, i] == MEASURED, a.value[:, i], np.nan)


def _cells(index: Ints, trunk: Floats, why: Codes, gyr: Floats, acc: Floats, sites: tuple[str, ...]) -> list[Cell]:
    """Judge cells: arrays ``(c, 25, ...)``; every sum runs over the 25 rows of one cell."""
    known = ~np.isnan(trunk)
    n = known.sum(axis=1)
    mean = np.where(known, trunk, 0.0).sum(axis=1) / np.maximum(n, 1)
    good = why == 0
    if not good.all():
        gyr, acc = (np.where(good[..., None], x, 0.0) for x in (gyr, acc))
    seen = good.sum(axis=1)
    spin, turn, force = quat.dot(gyr, gyr).sum(axis=1), gyr.sum(axis=1), quat.dot(acc, acc).max(axis=1)
    limb = np.array([site in ("wrist", "upper_arm") for site in sites])
    limit = np.where(limb, CALM_LIMB, CALM_TRUNK)
    still = (spin <= SHAKEN * SHAKEN * seen) & (quat.dot(turn, turn) <= limit * limit * seen * seen)
    knocked = ((force > KNOCK * KNOCK) & ~limb).any(axis=1)
    columns = (
        index[:, -1],
        np.where(2 * n > CELL, mean, np.nan),
        still.all(axis=1) & (seen > 0).any(axis=1),
        knocked,
        seen / CELL,
    )
    return [Cell(*cell) for cell in zip(*(c.tolist() for c in columns), strict=True)]


def lasting(why: Codes, before: Codes | None) -> Codes:
    """Why each angle is not known after rows ``(n, k)`` of reasons, where gaps in the data leave the reason before."""
    newest: Codes = why[-1].copy()
    if not ((newest == NO_DATA) | (newest == SETTLING)).any():  # nearly always
        return newest
    known = (why != NO_DATA) & (why != SETTLING)
    last = len(why) - 1 - np.argmax(known[::-1], axis=0)
    now = why[last, np.arange(why.shape[1])]
    return now if before is None else np.where(known.any(axis=0), now, before)
