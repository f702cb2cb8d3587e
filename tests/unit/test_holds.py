"""Holds: their length, live and afterwards, through breathing, sway, dips and gaps."""

from __future__ import annotations

import numpy as np
import pytest
from rep_traces import Kind, noise, smooth_step, trace

from imu_coach.core.rep import HoldNews, RepSpec
from imu_coach.core.reps import Counter
from imu_coach.types import Floats

DEG = float(np.deg2rad(1.0))


def news(spec: RepSpec, value: Floats, chunk: int = 300) -> list[HoldNews]:
    counter = Counter(spec)
    events = []
    for a in range(0, len(value), chunk):
        part = value[a : a + chunk]
        events += counter.push(np.arange(a, a + len(part)), part)
    return [e for e in events if isinstance(e, HoldNews)]


def ends(events: list[HoldNews]) -> list[HoldNews]:
    return [e for e in events if e.kind == "end" and e.seconds >= 1.5]


def lift(deg: float, hold: float, way: float = 1.5) -> Floats:
    """From frame 200; the hold begins at 200 + 100 way."""
    step = smooth_step(int(100 * way))
    parts = [np.zeros(200), deg * step, np.full(int(100 * hold), deg), deg * (1.0 - step), np.zeros(300)]
    return np.concatenate(parts) * DEG


def spec(deg: float, hold: float = 5.0) -> RepSpec:
    return RepSpec(deg * DEG, 3.5 * DEG, hold=hold)


@pytest.mark.parametrize("target", [3.0, 5.0, 20.0, 30.0])
def test_true_holds_are_credited(target: float) -> None:
    credited, wrong = [], []
    for seed in range(12):
        rng = np.random.default_rng([11, seed])
        deg = float(rng.uniform(4.0, 45.0))
        kind = Kind(deg, 3.5, 2.0, target, 2.0, held=True)
        t = trace(rng, kind, reps=2, partials=0.0, breathing=(1.0, 1.5), dips=0.5, creep=(-2.0, 2.0))
        told = ends(news(kind.spec(), t.value))
        for on, top, release, end, _, _ in t.reps:
            true = (release - top) / 100
            got = max([e.seconds for e in told if on < e.onset < end + 100], default=0.0)
            credited.append(got >= 0.9 * true)
            wrong.append(abs(got - true))
    assert np.mean(credited) >= 0.95
    assert np.mean(wrong) <= 0.6


@pytest.mark.parametrize("deg", [8.0, 28.0, 45.0])
def test_the_start_is_told_in_time_and_seconds_are_counted(deg: float) -> None:
    events = news(spec(deg), lift(deg, 5.0))
    assert [e.kind for e in events] == ["start", *["second"] * 5, "end"]
    start, seconds, end = events[0], events[1:-1], events[-1]
    assert abs(start.onset - 350) <= 30
    assert start.decided - 350 <= 75
    assert all(abs(e.decided - (350 + 100 * (k + 1))) <= 50 for k, e in enumerate(seconds))
    assert end.seconds == pytest.approx(5.0, abs=0.4)
    assert end.breaks == 0


def test_live_seconds() -> None:
    value = lift(28.0, 10.0)
    counter = Counter(spec(28.0))
    counter.push(np.arange(300), value[:300])
    assert counter.holding == 0.0
    counter.push(np.arange(300, 800), value[300:800])
    assert counter.holding == pytest.approx(4.5, abs=0.4)
    counter.push(np.arange(800, len(value)), value[800:])
    assert counter.holding == 0.0


def test_no_hold_no_news_of_a_second_and_a_half() -> None:
    for deg in (6.0, 15.0, 40.0):
        value = np.concatenate([lift(deg, 0.3), lift(deg, 0.2, 1.2), lift(deg, 0.4, 2.0)])
        value += noise(np.random.default_rng(4), len(value), 0.8, 0.5, 0.3)
        assert not ends(news(spec(deg), value))


def test_breathing_and_sway_break_nothing() -> None:
    value = lift(11.0, 20.0)
    t = np.arange(len(value)) / 100.0
    value = value + DEG * (1.5 * np.sin(2 * np.pi * 0.25 * t) + 1.0 * np.sin(2 * np.pi * 0.4 * t))
    (end,) = ends(news(spec(11.0, 20.0), value))
    assert end.breaks == 0
    assert end.seconds == pytest.approx(20.0, abs=1.0)


def dipped(seconds: float, depth: float) -> Floats:
    value = lift(28.0, 12.0)
    n = int(100 * seconds)
    value[800 : 800 + n] -= depth * 28.0 * DEG * np.sin(np.pi * np.arange(n) / n)
    return value


def test_a_short_dip_breaks_nothing_and_a_long_one_is_taken_off() -> None:
    (short,) = ends(news(spec(28.0, 12.0), dipped(0.5, 0.35)))
    assert short.breaks == 0
    assert short.seconds == pytest.approx(12.0, abs=0.4)
    (long,) = ends(news(spec(28.0, 12.0), dipped(3.0, 0.45)))
    assert long.breaks == 1
    assert 8.9 <= long.seconds <= 10.5


def test_a_gap_pauses_the_judge_and_not_the_hold() -> None:
    value = lift(28.0, 12.0)
    value[700:900] = np.nan
    events = news(spec(28.0, 12.0), value)
    assert [e.kind for e in events if e.kind != "second"] == ["start", "pause", "resume", "end"]
    assert events[-1].seconds == pytest.approx(12.0, abs=0.4)
    assert events[-1].unseen == pytest.approx(2.0, abs=0.1)
    assert events[-1].breaks == 0
    assert np.isnan(events[-1].sag)


def test_a_long_gap_ends_it_where_it_was_last_seen() -> None:
    value = lift(28.0, 20.0)
    value[700:1400] = np.nan
    events = news(spec(28.0, 20.0), value)
    first = next(e for e in events if e.kind == "end")
    assert first.decided - 700 == pytest.approx(500, abs=8)
    assert first.seconds == pytest.approx(3.5, abs=0.5)


def test_a_return_within_a_gap_ends_it_there() -> None:
    value = lift(28.0, 6.0)
    value[850:1150] = np.nan
    (end,) = ends(news(spec(28.0), value))
    assert end.seconds == pytest.approx(5.0, abs=0.5)


def test_steadiness() -> None:
    value = lift(28.0, 20.0)
    t = np.arange(len(value)) / 100.0
    shaky = value + DEG * (0.5 * np.sin(2 * np.pi * 6.0 * t) + 1.0 * np.sin(2 * np.pi * 0.5 * t))
    shaky[350:2350] -= 0.2 * DEG * (t[350:2350] - t[350])
    (end,) = ends(news(spec(28.0, 20.0), shaky))
    assert end.sag == pytest.approx(-0.2 * DEG, rel=0.25)
    assert end.tremor == pytest.approx(0.5 * DEG / np.sqrt(2.0), rel=0.2)
    assert end.sway == pytest.approx(1.0 * DEG / np.sqrt(2.0), rel=0.25)


def test_nothing_is_held_where_nothing_is_to_be_held() -> None:
    assert not news(spec(28.0)._replace(hold=None), lift(28.0, 5.0))


def test_self_paced_holds_are_timed() -> None:
    (end,) = ends(news(spec(28.0, 0.0), lift(28.0, 4.0)))
    assert end.seconds == pytest.approx(4.0, abs=0.4)


def both(small: float, high: float, rest: float) -> Floats:
    """Two lifts (deg) of 4 s each, between which the trunk goes down only as far as ``rest``."""
    step = smooth_step(150)
    up, down = np.zeros(200), np.zeros(300)
    parts = [up, small * step, np.full(400, small), small + (rest - small) * step, np.full(150, rest)]
    parts += [rest + (high - rest) * step, np.full(400, high), high * (1.0 - step), down]
    return np.concatenate(parts) * DEG


def test_two_lifts_are_two_holds_however_little_is_between_them() -> None:
    value = both(11.0, 11.0, 4.5)  # the counter waits for rest, below 35 %
    told = ends(news(spec(11.0), value))
    assert [e.seconds for e in told] == pytest.approx([4.0, 4.0], abs=0.8)
    assert sum(e.seconds for e in told) == pytest.approx(8.0, abs=0.5)


def test_breathing_does_not_split_a_small_lift() -> None:
    for phase in np.linspace(0.0, 6.0, 7):
        value = lift(7.0, 20.0)
        t = np.arange(len(value)) / 100.0
        value = value + DEG * (1.5 * np.sin(2 * np.pi * 0.25 * t + phase) + 0.7 * np.sin(2 * np.pi * 0.4 * t))
        told = ends(news(spec(7.0, 20.0), value))
        assert len(told) == 1
        assert told[0].seconds == pytest.approx(20.0, abs=1.0)
