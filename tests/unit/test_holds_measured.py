"""What the measurement of holds counts: what was told as one hold is credited once, and loose ones are false."""

from __future__ import annotations

import pytest

from imu_coach.evaluate import holds
from imu_coach.types import Event


def event(kind: str, frame: int, seconds: float = 0.0) -> Event:
    return Event(frame, frame, kind, "", {"seconds": seconds})


def test_a_hold_that_its_set_cuts_off_does_not_shift_the_others() -> None:
    events = [event("hold_begin", 100), event("hold_begin", 900), event("hold_end", 1200, 3.0)]
    assert holds._told(events) == [(9.0, 12.0, 3.0)]


def test_two_true_holds_told_as_one_are_credited_once() -> None:
    credit, false = holds._credit([(1.0, 13.0, 11.0)], [(1.0, 4.0), (6.0, 13.0)])
    assert credit == [0.0, 11.0]
    assert false == 0


def test_one_true_hold_told_in_two_parts_is_credited_with_both() -> None:
    credit, _ = holds._credit([(1.0, 3.0, 2.0), (3.5, 6.0, 2.5)], [(1.0, 6.0)])
    assert credit == [4.5]


def test_a_hold_that_touches_none_is_false_unless_it_is_short() -> None:
    _, false = holds._credit([(20.0, 22.0, 2.0), (30.0, 31.0, 1.0)], [(1.0, 6.0)])
    assert false == 1


def test_every_target_and_lift_has_a_row() -> None:
    table = holds.run(sessions=2, exercises=("prone_ext_beginner",), jobs=1)
    rows = {row["holds of"]: row for row in table["rows"]}
    assert {"prone_ext_beginner", "3 s", "5 s", "20 s", "30 s", "all"} <= set(rows)
    assert rows["3 s"]["holds"] > 10
    assert rows["20 s"]["holds"] == 0
    assert rows["all"]["credited %"] == pytest.approx(100.0, abs=10.0)
