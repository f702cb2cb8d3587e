"""What one stretch out of rest was like: how large, how long near its top, and where it waited before it rose.

``trace`` is the displacement from rest at each step, NaN without a value, and ``peak`` its largest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

TOP = 0.8
"""Of the peak: what the size of a repetition is averaged over."""
NEAR_TOP = 0.5
"""Of the peak: the time above it is the time near the top."""
WAIT = 50
"""Steps (2 s) at a level, before rising from it and coming back to it, that make it rest: a movement does not wait."""


def size(trace: Sequence[float], peak: float) -> float:
    """Mean of the upper part, which breathing and sway move less than the highest point."""
    upper = [x for x in trace if x >= TOP * peak]
    return sum(upper) / len(upper)


def steps_up(trace: Sequence[float], peak: float) -> tuple[int, int]:
    """Steps near the top, and steps without a value."""
    least = NEAR_TOP * peak
    return sum(x > least for x in trace), sum(x != x for x in trace)


def at_top(trace: Sequence[float], peak: float) -> tuple[int, int]:
    """Steps at which the top was reached and left."""
    near = peak - max(0.1 * peak, math.radians(1.0) if peak > math.radians(5.0) else 0.2 * peak)
    first = next(k for k, x in enumerate(trace) if x >= near)
    return first, next(k for k in range(len(trace) - 1, -1, -1) if trace[k] >= near)


def waited(trace: Sequence[float], peak: float, level: float, near: float) -> tuple[int, float]:
    """Last step before the peak of a stay within ``near`` of a level, and its mean there; 0 when it did not stay."""
    run = last = 0
    for step, x in enumerate(trace):
        run = run + 1 if abs(x - level) < near else 0
        if run >= WAIT:
            last = step
        if x == peak:
            break
    return last, sum(trace[last - WAIT + 1 : last + 1]) / WAIT if last else 0.0
