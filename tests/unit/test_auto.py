"""A movement that nobody defined: learned from two repetitions, however worn, and nothing else counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest

from imu_coach import quat
from imu_coach.conventions import GRAVITY
from imu_coach.core.auto import AutoCounter
from imu_coach.core.rep import HoldNews, Rep, RepSpec, Turn
from imu_coach.testing import partition
from imu_coach.types import Codes, Floats, Ints

News = Rep | HoldNews | Turn
AXIS = np.array([0.6, -0.64, 0.48])
OTHER = np.array([0.0, 0.6, 0.8])


class Log(NamedTuple):
    """What one sensor gives, and when the repetitions began (s)."""

    frame: Ints
    q: Floats
    gyr: Floats
    acc: Floats
    why: Codes
    begins: list[float]


def smooth(x: Floats) -> Floats:
    """From 0 to 1 with a bell-shaped speed."""
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x**3 * (10.0 - 15.0 * x + 6.0 * x * x))


def movement(
    degrees: Sequence[float], rise: float = 1.0, hold: float = 0.2, rest: Sequence[float] = (0.6,), before: float = 1.0
) -> tuple[Floats, list[float]]:
    """Angle (n,) rad of repetitions that large, and when each began."""
    length = before + sum(2 * rise + hold + rest[k % len(rest)] for k in range(len(degrees))) + 1.5
    t = np.arange(round(100 * length)) / 100
    angle, at, begins = np.zeros_like(t), before, []
    for k, size in enumerate(degrees):
        begins.append(at)
        back = at + rise + hold
        angle += np.deg2rad(size) * (smooth((t - at) / rise) - smooth((t - back) / rise))
        at = back + rise + rest[k % len(rest)]
    return angle, begins


def sensor(
    angle: Floats,
    begins: Sequence[float] = (),
    axis: Floats = AXIS,
    worn: Floats | None = None,
    bounce: Floats | None = None,
    seed: int = 0,
) -> Log:
    """A sensor that turns about ``axis`` by ``angle``; ``worn`` turns it on the limb, ``bounce`` m/s2 is upward."""
    rng = np.random.default_rng(seed)
    n = len(angle)
    q = quat.multiply(
        quat.normalize(np.array([0.5, 0.3, -0.6, 0.2])), quat.from_rotvec(angle[:, None] * axis / np.linalg.norm(axis))
    )
    gyr = np.gradient(angle, 0.01)[:, None] * axis / np.linalg.norm(axis) + rng.normal(0.0, 0.01, (n, 3))
    push = np.zeros((n, 3)) if bounce is None else np.stack([np.zeros(n), np.zeros(n), bounce], axis=1)
    acc = quat.rotate(quat.conjugate(q), push + np.array([0.0, 0.0, GRAVITY]))
    if worn is not None:
        q, gyr, acc = quat.multiply(q, quat.conjugate(worn)), quat.rotate(worn, gyr), quat.rotate(worn, acc)
    return Log(np.arange(n), q, gyr, acc, np.zeros(n, np.uint8), list(begins))


def joined(*logs: Log) -> Log:
    """One after the other."""
    n = sum(len(log.frame) for log in logs)
    arrays = (np.concatenate([getattr(log, name) for log in logs]) for name in ("q", "gyr", "acc", "why"))
    q, gyr, acc, why = arrays
    return Log(np.arange(n), q, gyr, acc, why, [])


def first(log: Log, n: int) -> Log:
    """Its first ``n`` frames."""
    return Log(log.frame[:n], log.q[:n], log.gyr[:n], log.acc[:n], log.why[:n], log.begins)


def tell(log: Log, cuts: Sequence[int] = ()) -> tuple[AutoCounter, list[News], Floats]:
    counter, news, values = AutoCounter(), [], []
    for rows in partition(range(len(log.frame)), cuts):
        part = slice(rows[0], rows[-1] + 1) if len(rows) else slice(0, 0)
        news += counter.push(log.frame[part], log.q[part], log.gyr[part], log.acc[part], log.why[part])
        values.append(counter.value)
    return counter, news, np.concatenate(values)


def reps(news: Sequence[News]) -> list[Rep]:
    return [n for n in news if isinstance(n, Rep) and n.status != "partial"]


def at_the_end(log: Log) -> list[Rep]:
    """Those told live, and one that the end cut off."""
    counter, news, _ = tell(log)
    return reps([*news, *counter.finish(len(log.frame) - 1)])


# --- what is counted ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [15.0, 40.0, 120.0])
@pytest.mark.parametrize("rise", [0.5, 1.0, 2.5])
def test_counts_what_was_done(size: float, rise: float) -> None:
    log = sensor(*movement([size] * 7, rise))
    assert len(reps(tell(log)[1])) == 7


def test_the_first_two_are_told_together_with_their_own_onsets() -> None:
    log = sensor(*movement([50.0] * 5))
    told = reps(tell(log)[1])
    assert told[0].decided == told[1].decided
    assert told[1].decided / 100 < log.begins[2], "before the third begins"
    assert [r.onset / 100 for r in told] == pytest.approx(log.begins, abs=0.25)
    assert all(r.onset <= r.top <= r.release <= r.end <= r.decided for r in told)
    assert all(np.rad2deg(r.peak - r.baseline) == pytest.approx(50.0, rel=0.1) for r in told)


def test_told_before_the_next_one_begins() -> None:
    log = sensor(*movement([50.0] * 8))
    for rep, begin in zip(reps(tell(log)[1])[2:], log.begins[2:], strict=True):
        assert rep.decided / 100 - (begin + 2.2) < 0.5


@pytest.mark.parametrize("seed", range(6))
def test_however_the_sensor_is_worn(seed: int) -> None:
    worn = quat.normalize(np.random.default_rng(seed).normal(size=4))
    movements = movement([45.0, 50.0, 40.0, 55.0, 48.0], rest=(0.3, 1.5))
    plain, turned = (reps(tell(sensor(*movements, worn=w))[1]) for w in (None, worn))
    assert len(turned) == 5
    assert [r.onset for r in turned] == pytest.approx([r.onset for r in plain], abs=8)


def test_pauses_and_holds_of_any_length_do_not_matter() -> None:
    log = sensor(*movement([40.0] * 6, hold=3.0, rest=(0.2, 9.0, 2.0)))
    assert len(reps(tell(log)[1])) == 6


def test_a_movement_that_never_rests_is_counted_by_its_turns() -> None:
    t = np.arange(1600) / 100
    angle = np.deg2rad(30.0) * (1.0 - np.cos(2.0 * np.pi * t / 1.6))  # ten times, from the first sample on
    assert len(at_the_end(sensor(angle))) == 10


def test_two_nods_and_one_turn_are_one_repetition() -> None:
    t = np.arange(1800) / 100
    turn, nod = np.deg2rad(15.0) * np.sin(2 * np.pi * t / 1.8), np.deg2rad(12.0) * np.sin(4 * np.pi * t / 1.8)
    q = quat.multiply(
        quat.from_rotvec(turn[:, None] * (0.0, 0.0, 1.0)), quat.from_rotvec(nod[:, None] * (1.0, 0.0, 0.0))
    )
    step = quat.multiply(quat.conjugate(q[:-1]), q[1:])
    gyr = np.concatenate([200.0 * step[:, 1:], 200.0 * step[-1:, 1:]])
    acc = quat.rotate(quat.conjugate(q), np.tile((0.0, 0.0, GRAVITY), (len(t), 1)))
    told = at_the_end(Log(np.arange(len(t)), q, gyr, acc, np.zeros(len(t), np.uint8), []))
    assert 9 <= len(told) <= 10


def test_the_course_may_drift_from_a_biased_gyroscope() -> None:
    log = sensor(*movement([30.0] * 10))
    biased = log._replace(gyr=log.gyr + np.deg2rad(2.0) * AXIS)
    assert len(reps(tell(biased)[1])) == 10


def test_a_repetition_cut_off_by_the_end_counts_at_the_end_only() -> None:
    log = sensor(*movement([50.0] * 4, hold=1.0))
    n = round(100 * (log.begins[-1] + 1.3))
    cut = first(log, n)
    assert len(reps(tell(cut)[1])) == 3
    assert len(at_the_end(cut)) == 4


def test_nothing_at_all_is_no_repetition() -> None:
    still = sensor(np.zeros(1000))
    assert at_the_end(still) == []
    assert at_the_end(first(still, 0)) == []


# --- what is not ----------------------------------------------------------------------------------------------------


def test_one_movement_is_none() -> None:
    assert not reps(tell(sensor(*movement([60.0], before=3.0)))[1])


def test_two_different_movements_are_none() -> None:
    first, second = sensor(*movement([60.0])), sensor(*movement([60.0], rise=2.2), axis=OTHER)
    assert not reps(tell(joined(first, second))[1])


def test_breathing_sway_and_tremor_are_none() -> None:
    t = np.arange(6000) / 100
    still = 1.5 * np.sin(2 * np.pi * 0.25 * t) + np.sin(2 * np.pi * 0.4 * t) + 0.8 * np.sin(2 * np.pi * 5.0 * t)
    assert not tell(sensor(np.deg2rad(still)))[1]


def test_a_movement_about_another_direction_does_not_count_later() -> None:
    log = joined(sensor(*movement([50.0] * 4)), sensor(*movement([50.0]), axis=OTHER), sensor(*movement([50.0] * 2)))
    assert len(reps(tell(log)[1])) == 6


def test_a_much_larger_movement_does_not_count_later() -> None:
    log = joined(sensor(*movement([30.0] * 4)), sensor(*movement([100.0], rise=2.0)), sensor(*movement([30.0] * 2)))
    assert len(reps(tell(log)[1])) == 6


def test_a_movement_that_mostly_goes_another_way_does_not_count_later() -> None:
    across = AXIS + 5.0 * np.cross(AXIS, OTHER) / np.linalg.norm(np.cross(AXIS, OTHER))
    other = sensor(*movement([100.0], rise=2.0), axis=across)  # 20 deg of it are about the direction
    log = joined(sensor(*movement([20.0] * 4)), other, sensor(*movement([20.0] * 2)))
    assert len(reps(tell(log)[1])) == 6


def test_half_a_movement_is_a_partial() -> None:
    news = tell(sensor(*movement([50.0] * 4 + [25.0] + [50.0])))[1]
    assert [r.status for r in news if isinstance(r, Rep)].count("partial") == 1
    assert len(reps(news)) == 5


def test_partials_that_repeat_are_promoted_with_their_onsets() -> None:
    news = tell(sensor(*movement([60.0] * 3 + [29.0] * 5)))[1]
    partials = {r.onset for r in news if isinstance(r, Rep) and r.status == "partial"}
    promoted = [r for r in news if isinstance(r, Rep) and r.status == "promoted"]
    assert promoted
    assert {r.onset for r in promoted} <= partials
    assert len({r.onset for r in reps(news)}) == 8


def test_another_movement_is_learned_in_its_turn() -> None:
    log = joined(sensor(*movement([50.0] * 4)), sensor(*movement([35.0] * 5), axis=OTHER))
    assert len(reps(tell(log)[1])) == 9


def test_another_movement_is_learned_after_many() -> None:
    log = joined(sensor(*movement([50.0] * 30)), sensor(*movement([35.0] * 5), axis=OTHER))
    assert len(reps(tell(log)[1])) == 35


def test_rest_may_move() -> None:
    angle, _ = movement([50.0] * 7)
    t = np.arange(len(angle)) / 100
    news = tell(sensor(angle + np.deg2rad(15.0) * smooth((t - 9.2) / 0.5)))[1]
    assert len(reps(news)) == 7
    assert np.rad2deg(reps(news)[-1].peak - reps(news)[-1].baseline) == pytest.approx(50.0, abs=3.0)


def test_the_swing_of_an_arm_in_walking_does_not_count() -> None:
    t = np.arange(3000) / 100
    swing = np.deg2rad(17.0) * np.sin(2 * np.pi * t / 1.1)
    steps = 2.5 * np.sin(4 * np.pi * t / 1.1)
    assert not reps(tell(sensor(swing, bounce=steps))[1])
    assert len(reps(tell(sensor(swing))[1])) > 20, "the same without steps is an exercise"


# --- while it happens -----------------------------------------------------------------------------------------------


def test_what_can_be_asked_while_it_happens() -> None:
    log = sensor(*movement([50.0] * 4, hold=1.0))
    top = round(100 * (log.begins[3] + 1.5))
    counter, news, value = tell(first(log, top))
    learned = reps(news)[0].decided
    assert np.isnan(value[:learned]).all()
    assert np.isfinite(value[learned:]).all()
    assert not counter.resting
    assert np.rad2deg(counter.amplitude or 0.0) == pytest.approx(50.0, rel=0.1)
    assert np.rad2deg(counter.displacement) == pytest.approx(50.0, rel=0.15)
    turns = [n for n in news if isinstance(n, Turn)]
    assert [n.resting for n in turns] == [k % 2 == 1 for k in range(len(turns))]


def test_before_anything_is_learned() -> None:
    counter = AutoCounter(RepSpec(0.5, 0.2))
    assert counter.amplitude is None
    assert (counter.resting, counter.rest_since, counter.displacement, counter.holding) == (True, 0, 0.0, 0.0)
    assert counter.finish(10) == []


def test_a_gap_in_the_data_costs_what_it_covers() -> None:
    log = sensor(*movement([50.0] * 8, rest=(1.0,)))
    a = round(100 * (log.begins[4] - 0.9))
    for name in ("q", "gyr", "acc"):
        getattr(log, name)[a : a + 420] = np.nan  # one repetition and a little
    assert len(reps(tell(log)[1])) == 7


def test_after_a_long_rest_one_movement_is_not_enough() -> None:
    log = joined(sensor(*movement([50.0] * 4)), sensor(np.zeros(2000)), sensor(*movement([50.0])))
    assert len(reps(tell(log)[1])) == 4


def test_a_gap_that_begins_at_the_top_ends_at_rest() -> None:
    log = sensor(*movement([50.0] * 8, rest=(3.0,), hold=1.0))
    a = round(100 * (log.begins[4] + 1.5))
    for name in ("q", "gyr", "acc"):
        getattr(log, name)[a : a + 300] = np.nan
    told = reps(tell(log)[1])
    assert len(told) == 7
    assert all(np.rad2deg(r.peak - r.baseline) == pytest.approx(50.0, abs=3.0) for r in told)


def test_a_long_rest_asks_for_two_again_and_tells_both() -> None:
    log = joined(
        sensor(*movement([50.0] * 4)), sensor(np.zeros(2000)), sensor(*movement([50.0])), sensor(*movement([50.0] * 2))
    )
    assert len(reps(tell(log)[1])) == 7


@pytest.mark.parametrize("seed", range(4))
def test_any_cut_gives_the_same_bit_for_bit(seed: int) -> None:
    log = joined(sensor(*movement([50.0] * 4 + [25.0] * 3)), sensor(*movement([35.0] * 3), axis=OTHER))
    log.gyr[700:735] = log.q[700:735] = log.acc[700:735] = np.nan
    rng = np.random.default_rng(seed)
    cuts = [0, 1, 2, *rng.integers(0, len(log.frame), 60).tolist(), 701, 701]
    _, whole, value = tell(log)
    _, parts, pieces = tell(log, cuts)
    assert repr(parts) == repr(whole)
    assert whole
    np.testing.assert_array_equal(pieces, value)
