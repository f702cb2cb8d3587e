"""A pose held by a limb, judged from one uncalibrated sensor: what breaks a hold and what does not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from imu_coach import quat
from imu_coach.core.rep import HoldNews
from imu_coach.core.stillness import LEAST, StillHold
from imu_coach.testing import partition
from imu_coach.types import Floats

AXIS = np.array([0.36, 0.48, 0.8])


def smooth(x: Floats) -> Floats:
    """From 0 to 1 with a bell-shaped speed."""
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x**3 * (10.0 - 15.0 * x + 6.0 * x * x))


def lifted(seconds: float, degrees: float = 90.0, way: float = 1.2) -> tuple[Floats, Floats, tuple[float, float]]:
    """Times (n,) s, angle (n,) deg of a lift that is held so long, and when the hold begins and ends."""
    begin, end = 2.0 + way, 2.0 + way + seconds
    t = np.arange(round(100 * (end + way + 2.0))) / 100
    return t, degrees * (smooth((t - 2.0) / way) - smooth((t - end) / way)), (begin, end)


def judged(degrees: Floats, gap: slice | None = None, cuts: Sequence[int] = (), turned: float = 0.0) -> list[HoldNews]:
    """News of a sensor that turns by ``degrees`` (n,); no data in ``gap``, then a heading ``turned`` (rad)."""
    angle = np.deg2rad(degrees)
    q = quat.multiply(quat.normalize(np.array([0.4, -0.5, 0.7, 0.1])), quat.from_rotvec(angle[:, None] * AXIS))
    gyr = np.gradient(angle, 0.01)[:, None] * AXIS + np.random.default_rng(1).normal(0.0, 0.003, (len(angle), 3))
    if gap is not None:
        heading = np.array([np.cos(turned / 2), 0.0, 0.0, np.sin(turned / 2)])
        q[gap.stop :] = quat.multiply(heading, q[gap.stop :])
        q[gap], gyr[gap] = np.nan, np.nan
    judge, index, why = StillHold(3.0), np.arange(len(angle)), np.zeros(len(angle), np.uint8)
    news: list[HoldNews] = []
    for rows in partition(range(len(angle)), cuts):
        part = slice(rows[0], rows[-1] + 1) if len(rows) else slice(0, 0)
        news += judge.push(index[part], q[part], gyr[part], why[part])
    return news + judge.finish(len(angle) - 1)


def holds(news: Sequence[HoldNews], begin: float, end: float) -> list[HoldNews]:
    """Ends of the holds that lie within these s; those at rest before and after are holds of the rest pose."""
    starts = [n.onset for n in news if n.kind == "start"]
    ends = [n for n in news if n.kind == "end"]
    return [e for s, e in zip(starts, ends, strict=True) if begin - 1.0 < s / 100 < end and e.seconds >= LEAST]


def disturbed(t: Floats) -> Floats:
    """Breathing, sway and tremor, deg."""
    breath, sway = 1.5 * np.sin(2 * np.pi * 0.25 * t), np.sin(2 * np.pi * 0.5 * t + 1.0)
    return np.asarray(breath + sway + 0.8 * np.sin(2 * np.pi * 5.0 * t))


@pytest.mark.parametrize("seconds", [3.0, 5.0, 20.0, 30.0])
def test_a_hold_is_as_long_as_it_was(seconds: float) -> None:
    _, angle, span = lifted(seconds)
    (end,) = holds(judged(angle), *span)
    assert end.seconds == pytest.approx(seconds, abs=0.35)
    assert end.breaks == 0


@pytest.mark.parametrize("seconds", [3.0, 20.0])
def test_breathing_sway_and_tremor_do_not_break_it(seconds: float) -> None:
    t, angle, span = lifted(seconds)
    (end,) = holds(judged(angle + disturbed(t)), *span)
    assert end.seconds == pytest.approx(seconds, abs=0.6)
    assert end.breaks == 0


def test_tremor_and_sway_are_told_apart() -> None:
    t, angle, span = lifted(12.0)
    (quiet,) = holds(judged(angle), *span)
    (shaky,) = holds(judged(angle + 0.8 * np.sin(2 * np.pi * 6.0 * t)), *span)
    (swaying,) = holds(judged(angle + 1.5 * np.sin(2 * np.pi * 0.5 * t)), *span)
    assert np.rad2deg(shaky.tremor) == pytest.approx(0.8 / np.sqrt(2), rel=0.25)
    assert shaky.tremor > 5 * quiet.tremor
    assert shaky.tremor > 5 * swaying.tremor
    assert np.rad2deg(swaying.sway) == pytest.approx(1.5 / np.sqrt(2), rel=0.3)
    assert np.isnan(shaky.sag)


def test_a_short_hold_has_no_steadiness() -> None:
    _, angle, span = lifted(1.6, way=0.8)
    (end,) = holds(judged(angle), *span)
    assert np.isnan(end.sway)


def dip(t: Floats, begin: float, seconds: float, degrees: float = 14.0) -> Floats:
    """Down and up again within so many s."""
    x = (t - begin) / seconds
    return np.where((x > 0.0) & (x < 1.0), degrees * np.sin(np.pi * np.clip(x, 0.0, 1.0)) ** 2, 0.0)


def test_a_dip_of_half_a_second_breaks_nothing() -> None:
    t, angle, span = lifted(8.0)
    (end,) = holds(judged(angle - dip(t, 6.0, 0.6)), *span)
    assert (end.breaks, round(end.seconds)) == (0, 8)


def test_a_longer_one_is_a_break_and_its_seconds_do_not_count() -> None:
    t, angle, span = lifted(10.0)
    away = 14.0 * (smooth((t - 6.0) / 0.4) - smooth((t - 7.4) / 0.4))
    (end,) = holds(judged(angle - away), *span)
    assert end.breaks == 1
    assert end.seconds == pytest.approx(10.0 - 1.5, abs=0.6)


def test_another_pose_is_the_end() -> None:
    t, angle, span = lifted(10.0)
    first, second = holds(judged(angle - 30.0 * smooth((t - 7.0) / 0.8)), *span)
    assert first.seconds == pytest.approx(7.0 - span[0], abs=0.6)
    assert second.seconds == pytest.approx(span[1] - 7.8, abs=0.7)


def test_sagging_slowly_is_no_end() -> None:
    t, angle, span = lifted(20.0)
    sag = 1.5 * np.clip(t - span[0], 0.0, 20.0)
    (end,) = holds(judged(angle - sag), *span)
    assert end.seconds == pytest.approx(20.0, abs=0.7)


def test_moving_all_the_time_is_no_hold() -> None:
    t = np.arange(2000) / 100
    assert not [n for n in judged(20.0 * np.sin(2 * np.pi * 0.4 * t)) if n.kind == "end" and n.seconds >= LEAST]


def test_shaking_in_place_does_not_begin_one() -> None:
    t = np.arange(1500) / 100
    assert judged(3.5 * np.sin(2 * np.pi * 1.2 * t)) == []


def test_turning_without_a_stop_is_no_hold() -> None:
    _, angle, span = lifted(0.2, way=1.0)
    assert not holds(judged(angle), *span)


def test_each_second_is_told_once_and_soon() -> None:
    t, angle, span = lifted(5.4)
    news = [n for n in judged(angle + disturbed(t)) if span[0] < n.decided / 100 < span[1] + 0.5]
    told = [n for n in news if n.kind == "second"]
    assert [int(n.seconds) for n in told] == [1, 2, 3, 4, 5]
    assert next(n for n in news if n.kind == "start").decided / 100 < span[0] + 1.0
    for k, n in enumerate(told, start=1):
        assert n.decided / 100 == pytest.approx(span[0] + k, abs=0.4)


def test_what_is_not_sensed_pauses_the_judge_and_not_the_hold() -> None:
    _, angle, span = lifted(12.0)
    news = judged(angle, gap=slice(700, 1050), turned=1.0)
    (end,) = holds(news, *span)
    assert end.seconds == pytest.approx(12.0, abs=0.5)
    assert end.unseen == pytest.approx(3.5, abs=0.1)
    assert np.isnan(end.tremor)
    assert [n.kind for n in news if n.kind in ("pause", "resume")] == ["pause", "resume"]


def test_a_restart_of_the_filter_is_no_end() -> None:
    _, angle, span = lifted(12.0)
    (end,) = holds(judged(angle, gap=slice(701, 702), turned=0.5), *span)  # no step falls into it
    assert end.seconds == pytest.approx(12.0, abs=0.5)


def test_after_five_seconds_unseen_it_ended_where_it_was_last_seen() -> None:
    _, angle, span = lifted(14.0)
    first, _ = holds(judged(angle, gap=slice(700, 1250)), *span)
    assert first.seconds == pytest.approx(7.0 - span[0], abs=0.4)


def test_another_pose_after_the_gap_is_the_end_too() -> None:
    t, angle, span = lifted(12.0)
    first, *_ = holds(judged(np.where(t < 8.0, angle, angle - 30.0), gap=slice(700, 950)), *span)
    assert first.seconds == pytest.approx(7.0 - span[0], abs=0.4)


def arm(t: Floats, wobble: float = 0.0) -> Floats:
    """A wobble at 1.4 Hz from the arrival (t = 0) on that dies away within a second or two, deg."""
    return np.where(t > 0.0, wobble * np.exp(-np.maximum(t, 0.0) / 0.8) * np.sin(2 * np.pi * 1.4 * t), 0.0)


@pytest.mark.parametrize("way", [0.8, 1.2, 2.0, 3.0])
@pytest.mark.parametrize("degrees", [60.0, 90.0, 140.0])
def test_a_hold_begins_on_arrival_and_ends_on_leaving(way: float, degrees: float) -> None:
    """Not when the limb is slow, which it is for the last and first tenths of a second of the way, too."""
    _, angle, (begin, end) = lifted(5.0, degrees, way)
    news = judged(angle)
    start = next(n for n in news if n.kind == "start" and n.decided / 100 > begin)
    (last,) = holds(news, begin, end)
    assert start.onset / 100 == pytest.approx(begin, abs=0.12)
    assert last.onset / 100 == pytest.approx(end, abs=0.12)


@pytest.mark.parametrize("wobble", [3.0, 6.0])
def test_a_limb_that_wobbles_when_it_arrives_is_held_from_then_on(wobble: float) -> None:
    t, angle, span = lifted(4.0)
    news = judged(angle + arm(t - span[0], wobble))
    start = next(n for n in news if n.kind == "start" and n.decided / 100 > span[0])
    assert start.onset / 100 == pytest.approx(span[0], abs=0.25)
    (end,) = holds(news, *span)
    assert end.seconds == pytest.approx(4.0, abs=0.3)


def test_a_dip_soon_after_arriving_takes_nothing_off() -> None:
    t, angle, span = lifted(4.0)
    (end,) = holds(judged(angle - dip(t, span[0] + 0.5, 0.6, 11.0)), *span)
    assert end.seconds == pytest.approx(4.0, abs=0.3)


def test_a_short_gap_soon_after_arriving_takes_nothing_off() -> None:
    _, angle, span = lifted(4.0)
    first = round(100 * span[0]) + 40
    (end,) = holds(judged(angle, gap=slice(first, first + 70)), *span)
    assert end.seconds == pytest.approx(4.0, abs=0.3)
    assert end.unseen == pytest.approx(0.7, abs=0.1)


def test_an_arrival_that_was_not_seen_is_not_made_up() -> None:
    _, angle, span = lifted(5.0)
    first = round(100 * span[0])
    (end,) = holds(judged(angle, gap=slice(first - 70, first + 25)), *span)
    assert 4.0 <= end.seconds <= 5.1


def test_after_a_long_gap_what_was_before_it_does_not_count() -> None:
    _, angle, span = lifted(8.0)
    first = round(100 * span[0]) + 40
    (end,) = holds(judged(angle, gap=slice(first, first + 200)), span[0], span[1])
    assert end.seconds == pytest.approx(8.0 - 2.4, abs=0.4)


def test_moving_about_before_a_hold_is_no_part_of_it() -> None:
    t, angle, span = lifted(6.0)
    about = np.where((t > span[0]) & (t < span[0] + 3.0), 14.0 * np.sin(2 * np.pi * 0.7 * (t - span[0])), 0.0)
    told = holds(judged(angle + about), *span)
    assert sum(end.seconds for end in told) <= 4.5


@pytest.mark.parametrize("seed", range(4))
def test_any_cut_gives_the_same_bit_for_bit(seed: int) -> None:
    t, angle, _ = lifted(12.0)
    angle = angle + disturbed(t) - dip(t, 6.0, 1.6)
    cuts = [0, 1, 1, *np.random.default_rng(seed).integers(0, len(t), 50).tolist()]
    gap = slice(901, 963)
    whole = judged(angle, gap)
    assert repr(judged(angle, gap, cuts)) == repr(whole)
    assert {n.kind for n in whole} == {"start", "second", "pause", "resume", "end"}
