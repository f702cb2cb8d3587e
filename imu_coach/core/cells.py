"""What the coach looks at four times a second: posture, stillness, knocks and data, one row per quarter of a second."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE, GRAVITY
from imu_coach.types import Angles, Floats, Frames, Source

CELL = 25
"""Frames; cell m is frames ``CELL m`` to ``CELL (m + 1) - 1``, judged when its last frame is there."""
CELL_SECONDS = CELL / FRAME_RATE
CALM_TRUNK, CALM_LIMB = (float(np.deg2rad(x)) for x in (6.0, 10.0))
"""rad/s; mean rate over a cell: breathing (1.5 deg, 0.25 Hz) and sway (1 deg, 0.5 Hz) reach 5; tremor averages out."""
SHAKEN = float(np.deg2rad(60.0))
"""rad/s rms; tremor of 1.5 deg at 6 Hz is 40; more is no rest."""
KNOCK = 3.0 * GRAVITY
MEASURED = int(Source.MEASURED)


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


class Cells:
    """Frames and angles in, finished cells out."""

    def __init__(self) -> None:
        self.rows: Floats | None = None  # of the unfinished cell

    def push(self, f: Frames, a: Angles, sites: tuple[str, ...]) -> list[Cell]:
        """Cells that these frames finish."""
        if not len(f.index):
            return []
        rows = self._columns(f, a, sites)
        rows = rows if self.rows is None else np.concatenate([self.rows, rows])
        first = int(rows[0, 0])
        head = -first % CELL if self.rows is None else 0  # a cell that began before us is not judged
        count = max(0, (len(rows) - head) // CELL)
        if len(rows) < head:
            self.rows = None
            return []
        whole = rows[head : head + count * CELL].reshape(count, CELL, rows.shape[1])
        rest = rows[head + count * CELL :]
        self.rows = rest if len(rest) else None
        return _cells(whole, sites) if count else []

    def _columns(self, f: Frames, a: Angles, sites: tuple[str, ...]) -> Floats:
        n, s = f.why.shape
        rows = np.empty((n, 2 + 6 * s))
        rows[:, 0] = f.index
        rows[:, 1] = np.nan
        if "trunk_inclination" in a.names:
            i = a.names.index("trunk_inclination")
            rows[:, 1] = np.where(a.source[:, i] == MEASURED, a.value[:, i], np.nan)
        for k in range(s):
            rows[:, 2 + k] = f.why[:, k]
            rows[:, 2 + s + k] = quat.dot(f.gyr[:, k], f.gyr[:, k])
            rows[:, 2 + 2 * s + k] = quat.dot(f.acc[:, k], f.acc[:, k])
            rows[:, 2 + 3 * s + 3 * k : 5 + 3 * s + 3 * k] = f.gyr[:, k]
        return rows


def _cells(rows: Floats, sites: tuple[str, ...]) -> list[Cell]:
    """Judge cells ``(c, 25, columns)``; every sum runs over the 25 rows of one cell."""
    s = len(sites)
    trunk = rows[:, :, 1]
    known = ~np.isnan(trunk)
    n = known.sum(axis=1)
    mean = np.where(known, trunk, 0.0).sum(axis=1) / np.maximum(n, 1)
    good = rows[:, :, 2 : 2 + s] == 0
    calm, knocked = good.any(axis=(1, 2)), np.zeros(len(rows), bool)
    for k, site in enumerate(sites):
        seen = good[:, :, k]
        limb = site in ("wrist", "upper_arm")
        limit = CALM_LIMB if limb else CALM_TRUNK
        n_seen = seen.sum(axis=1)
        spin = np.where(seen, rows[:, :, 2 + s + k], 0.0).sum(axis=1)
        turn = np.where(seen[:, :, None], rows[:, :, 2 + 3 * s + 3 * k : 5 + 3 * s + 3 * k], 0.0).sum(axis=1)
        calm &= (spin <= SHAKEN * SHAKEN * n_seen) & (quat.dot(turn, turn) <= limit * limit * n_seen * n_seen)
        if not limb:
            knocked |= np.where(seen, rows[:, :, 2 + 2 * s + k], 0.0).max(axis=1) > KNOCK * KNOCK
    columns = (
        rows[:, -1, 0].astype(np.int64),
        np.where(2 * n > CELL, mean, np.nan),
        calm,
        knocked,
        good.sum(axis=1) / CELL,
    )
    return [Cell(*cell) for cell in zip(*(c.tolist() for c in columns), strict=True)]
