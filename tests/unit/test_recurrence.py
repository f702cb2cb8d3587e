"""Filters with carried state: as ``sosfilt`` does it, in any pieces, and nobody's array is changed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import signal

from imu_coach.core.recurrence import plain, sections
from imu_coach.types import Floats

Run = Callable[[Floats, Floats, Floats], tuple[Floats, Floats]]
SOS = signal.butter(3, (0.02, 0.3), "band", output="sos")


@pytest.mark.parametrize("shape", [(400,), (400, 3)])
@pytest.mark.parametrize("run", [plain, sections])
def test_pieces_give_what_sosfilt_gives_at_once(run: Run, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(3).standard_normal(shape)
    zi: Floats = np.multiply.outer(signal.sosfilt_zi(SOS), x[0])
    whole, last = signal.sosfilt(SOS, x, axis=0, zi=zi)
    x.setflags(write=False)
    parts = []
    for a, b in ((0, 1), (1, 5), (5, 5 + 4), (9, 400)):
        y, zi = run(SOS, x[a:b], zi)
        parts.append(y)
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    np.testing.assert_array_equal(zi, last)


def test_the_state_of_before_is_left_alone() -> None:
    zi = signal.sosfilt_zi(SOS)
    before = zi.copy()
    sections(SOS, np.ones(4), zi)
    np.testing.assert_array_equal(zi, before)
