"""A copy of a stage's state stays as it was, whatever the original does."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

from imu_coach.core.calibrate import nominal
from imu_coach.core.slip import BLOCK, SlipMonitor
from imu_coach.core.snapshot import snapshot


@dataclass
class Part:
    """A part of a state."""

    values: list[float]


class Row(NamedTuple):
    """A row that holds something that may change."""

    at: int
    parts: list[float]


CHANGES: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {
    "array": (lambda: [np.zeros(3)], lambda s: s[0].__setitem__(1, 7.0)),
    "list": (lambda: {"seen": [1.0]}, lambda s: s["seen"].append(2.0)),
    "list of lists": (lambda: [[1.0], [2.0]], lambda s: s[1].append(3.0)),
    "row": (lambda: [Row(1, [1.0])], lambda s: s[0].parts.append(2.0)),
    "part": (lambda: [Part([1.0])], lambda s: s[0].values.append(2.0)),
    "set": (lambda: [{1, 2}], lambda s: s[0].discard(1)),
    "deque": (lambda: [deque([1, 2])], lambda s: s[0].popleft()),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_what_is_done_to_the_original_is_not_done_to_the_copy(kind: str) -> None:
    make, change = CHANGES[kind]
    original = make()
    kept = snapshot(original)
    change(original)
    assert repr(kept) == repr(make())
    assert repr(original) != repr(kept)


def test_a_set_that_is_looked_at_ahead_and_taken_back_has_the_axis_of_its_own_movement() -> None:
    """A set ends with lying down on the side: that turn is no part of it, and says nothing of how the sensor sits."""
    mount, rng = nominal(), np.random.default_rng(2)
    up, why = np.tile([0.0, 1.0, 0.0], (4 * BLOCK, 1)), np.zeros(4 * BLOCK, np.uint8)
    bends, roll = (np.outer(np.sin(np.arange(4 * BLOCK) / 30.0), axis) for axis in ([0.0, 0.0, 2.0], [9.0, 0.0, 0.0]))
    bends, roll = (rate + 0.01 * rng.standard_normal(rate.shape) for rate in (bends, roll))
    monitor = SlipMonitor()
    monitor.context(mount, "prone", True)
    monitor.push(mount, up, bends, up, why)
    kept = snapshot(monitor)
    monitor.push(mount, up, roll, up, why)
    assert monitor.context(mount, "", False) != ""
    assert kept.context(mount, "", False) == ""
