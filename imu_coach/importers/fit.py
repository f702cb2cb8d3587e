"""The map of one clock onto another, and the small things that every way of finding it needs."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from imu_coach.importers.columns import Track
from imu_coach.types import Floats

MOST_DRIFT: Final = 500e-6
USUAL_DRIFT: Final = 50e-6


class Fit(NamedTuple):
    """Map of one clock onto another; see :class:`SyncReport`."""

    offset: float
    drift: float
    error: float
    detail: str


def guess(reference: Track, track: Track) -> float:
    """First idea of an offset: none if the clocks overlap, else both loggers began together."""
    shared = min(reference.t[-1], track.t[-1]) - max(reference.t[0], track.t[0])
    shorter = float(min(np.ptp(reference.t), np.ptp(track.t)))
    return 0.0 if shared > shorter / 2 else float(reference.t[0] - track.t[0])


def parabola(x: Floats, y: Floats) -> float:
    """Where the parabola through three points has its top; the middle one if there is none."""
    slopes = np.diff(y) / np.diff(x)
    bend = (slopes[1] - slopes[0]) / (x[2] - x[0])
    if bend >= 0:
        return float(x[1])
    top = (x[0] + x[1]) / 2 - slopes[0] / (2 * bend)
    return float(np.clip(top, x[0], x[2]))
