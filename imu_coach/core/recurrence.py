"""Second-order sections with carried state: ``scipy.signal.sosfilt`` without the preparations that it makes.

Of the few frames that a push has in a live session, they cost twenty times what the filter does.
The loop is scipy's own, so every bit is the same; where it is not found as expected, ``sosfilt`` itself is called.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import signal

from imu_coach.types import Floats


def plain(sos: Floats, x: Floats, zi: Floats) -> tuple[Floats, Floats]:
    """``x (n,)``, or ``(n, k)`` along its first axis; ``zi (sections, 2)`` or ``(sections, 2, k)``."""
    y, state = signal.sosfilt(sos, x, axis=0, zi=zi)
    return np.asarray(y), np.asarray(state)


def _direct(sos: Floats, x: Floats, zi: Floats) -> tuple[Floats, Floats]:
    if x.ndim == 1:
        y, state = np.array(x[None], np.float64), np.array(zi[None], np.float64)
        _loop(sos, y, state)
        return y[0], state[0]
    y, state = np.array(x.T, np.float64, order="C"), np.array(zi.transpose(2, 0, 1), np.float64, order="C")
    _loop(sos, y, state)
    return y.T, state.transpose(1, 2, 0)


def _as_expected() -> bool:
    """Whether the loop does what ``sosfilt`` does."""
    sos = signal.butter(3, 0.2, output="sos")
    x, zi = np.arange(21.0).reshape(7, 3) % 5.0, np.arange(12.0).reshape(2, 2, 3)
    try:
        pairs = [(_direct(sos, *given), plain(sos, *given)) for given in ((x, zi), (x[:, 0], zi[:, :, 0]))]
    except (TypeError, ValueError):
        return False
    return all(np.array_equal(a, b) for ours, theirs in pairs for a, b in zip(ours, theirs, strict=True))


try:
    from scipy.signal._sosfilt import _sosfilt
except ImportError:
    sections = plain
else:
    _loop: Any = _sosfilt
    sections = _direct if _as_expected() else plain
