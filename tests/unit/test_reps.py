"""The counter: every cut the same, in time, neither fooled by noise nor by a hold, nor by a wrong expectation."""

from __future__ import annotations

import numpy as np
import pytest
from rep_traces import KINDS, Kind, Trace, noise, smooth_step, trace

from imu_coach.core.rep import HoldNews, Rep, RepSpec, Turn
from imu_coach.core.reps import Counter
from imu_coach.types import Floats

DEG = float(np.deg2rad(1.0))
PLAIN = RepSpec(50 * DEG, 15 * DEG)
QUIET = {"breathing": (0.0, 0.3), "sway": (0.0, 0.3), "tremor": (0.0, 0.2), "creep": (0.0, 0.0), "tempo": (0.9, 1.1)}


def run(
    spec: RepSpec, value: Floats, chunk: int = 700, amplitude: float | None = None, first: int = 0
) -> tuple[Counter, list[Rep | HoldNews | Turn]]:
    counter = Counter(spec, amplitude)
    events = []
    for a in range(0, len(value), chunk):
        part = value[a : a + chunk]
        events += counter.push(np.arange(first + a, first + a + len(part)), part)
    return counter, events


def reps(events: list[Rep | HoldNews | Turn], *status: str) -> list[Rep]:
    return [e for e in events if isinstance(e, Rep) and e.status in (status or ("counted", "promoted"))]


def bumps(*parts: tuple[float, float, float, float], lead: float = 2.0) -> Floats:
    """(size in deg, rise, hold, fall in s) each, and half a second of rest."""
    out = [np.zeros(int(100 * lead))]
    for size, rise, hold, fall in parts:
        up, down = smooth_step(max(1, int(100 * rise))), smooth_step(max(1, int(100 * fall)))
        out += [size * up, size * np.ones(int(100 * hold)), size * (1.0 - down), np.zeros(50)]
    return np.concatenate([*out, np.zeros(250)]) * DEG


def sets(name: str, factor: float, seeds: range, practised: bool = False) -> tuple[list[int], list[float]]:
    """Counted minus true, and seconds from the true end to the count."""
    kind = KINDS[name]
    wrong, late = [], []
    for seed in seeds:
        t = trace(np.random.default_rng([7, seed]), kind)
        _, events = run(kind.spec(factor), t.value, amplitude=t.amplitude if practised else None)
        found = reps(events)
        wrong.append(len(found) - len(t.complete))
        for rep in found:
            late += [rep.decided / 100 - end / 100 for on, _, _, end, _, _ in t.complete if on - 50 < rep.top < end]
    return wrong, late


def test_counts_what_was_done_at_once_and_in_order() -> None:
    value = bumps(*[(50, 1.2, 0.2, 1.4)] * 3, lead=0.3)
    _, events = run(PLAIN, value)
    found = reps(events)
    assert [r.status for r in found] == ["counted"] * 3
    for k, r in enumerate(found):
        begin = 30 + k * 330
        assert abs(r.onset - begin) < 25
        assert abs(r.top - (begin + 120)) < 30
        assert abs(r.release - (begin + 140)) < 40
        assert abs(r.end - (begin + 280)) < 25
        assert r.onset <= r.top <= r.release <= r.end <= r.decided
        assert r.peak - r.baseline == pytest.approx(50 * DEG, rel=0.08)
        assert r.speed == pytest.approx(1.875 * 50 * DEG / 1.2, rel=0.15)
    decided = [e.decided for e in events]
    assert decided == sorted(decided)


@pytest.mark.parametrize("name", ["advanced", "side_reach"])
def test_any_cut_gives_the_same(name: str) -> None:
    kind = KINDS[name]
    t = trace(np.random.default_rng(3), kind, reps=2, gaps=4)
    whole_counter, whole = run(kind.spec(), t.value, chunk=len(t.value))
    for chunk in (1, 2, 3, 97):
        counter, events = run(kind.spec(), t.value, chunk=chunk)
        assert repr(events) == repr(whole)
        assert (counter.base, counter.variance, counter.amplitude) == (
            whole_counter.base,
            whole_counter.variance,
            whole_counter.amplitude,
        )
    assert reps(whole)


def test_empty_chunks_are_legal() -> None:
    value = bumps((50, 1.2, 0.2, 1.4))
    counter = Counter(PLAIN)
    events = counter.push(np.arange(0), value[:0])
    for a in range(0, len(value), 50):
        events += counter.push(np.arange(a, a + len(value[a : a + 50])), value[a : a + 50])
        events += counter.push(np.arange(0), value[:0])
    assert repr(events) == repr(run(PLAIN, value)[1])


@pytest.mark.parametrize(("name", "factor"), [(n, f) for n in KINDS for f in (0.5, 1.0, 2.0)])
def test_sets_of_held_out_people(name: str, factor: float) -> None:
    wrong, late = sets(name, factor, range(100, 108))
    assert np.mean(np.abs(wrong) <= 1) >= 0.85, wrong
    assert np.mean(np.array(wrong) == 0) >= 0.6, wrong
    if factor == 1.0:
        assert np.percentile(late, 95) <= 1.0
        assert min(late) > -1.5


def test_learns_the_amplitude_and_uses_what_was_learned() -> None:
    counter, _ = run(PLAIN, bumps(*[(90, 1.2, 0.2, 1.4)] * 4))
    assert counter.amplitude == pytest.approx(88 * DEG, rel=0.07)
    half = bumps((45, 1.2, 0.2, 1.4))
    assert len(reps(run(PLAIN, half)[1])) == 1
    assert not reps(run(PLAIN, half, amplitude=counter.amplitude)[1])


def test_real_partials_are_told_and_not_counted() -> None:
    value = bumps((50, 1.2, 0, 1.4), (50, 1.2, 0, 1.4), (24, 1.0, 0, 1.0), (50, 1.2, 0, 1.4))
    _, events = run(PLAIN, value)
    assert [r.status for r in reps(events, "counted", "partial")] == ["counted", "counted", "partial", "counted"]


def test_two_alike_partials_at_the_beginning_are_promoted() -> None:
    value = bumps(*[(22, 1.0, 0.2, 1.2)] * 4)
    counter, events = run(PLAIN, value)
    assert [r.status for r in reps(events, "counted", "partial", "promoted")] == [
        "partial",
        "partial",
        "promoted",
        "promoted",
        "counted",
        "counted",
    ]
    told, again = reps(events, "partial"), reps(events, "promoted")
    assert [r.onset for r in told] == [r.onset for r in again]
    assert {r.decided for r in again} == {told[1].decided}
    assert counter.amplitude == pytest.approx(22 * DEG, rel=0.15)


def test_later_it_takes_three() -> None:
    full, small = (50, 1.2, 0.2, 1.4), (22, 1.0, 0.2, 1.2)
    assert len(reps(run(PLAIN, bumps(full, full, full, small, small, full))[1])) == 4
    assert len(reps(run(PLAIN, bumps(full, full, full, small, small, small))[1])) == 6


@pytest.mark.parametrize("name", list(KINDS))
def test_breathing_sway_and_tremor_never_count(name: str) -> None:
    for seed in range(3):
        value = noise(np.random.default_rng([5, seed]), 30000, 1.5, 1.0 + 0.3 * seed, 0.8)
        _, events = run(KINDS[name].spec(), value, 10000)
        assert not reps(events)


def test_the_baseline_does_not_chase_a_hold() -> None:
    spec = RepSpec(28 * DEG, 8 * DEG, hold=30.0)
    value = bumps((28, 2, 30, 2), (28, 2, 30, 2))
    value += noise(np.random.default_rng(1), len(value), 1.5, 1.0, 0.3)
    _, events = run(spec, value)
    found = reps(events)
    assert len(found) == 2
    assert all(r.peak - r.baseline == pytest.approx(28 * DEG, abs=4 * DEG) for r in found)
    assert all(r.release - r.top > 2500 for r in found)


@pytest.mark.parametrize("drift", [-0.2, 0.2])
def test_drift_makes_and_loses_nothing(drift: float) -> None:
    value = bumps(*[(50, 1.2, 0.2, 1.4)] * 10)
    value = np.concatenate([value, np.full(6000, value[-1])])
    value = value + drift * DEG * np.arange(len(value)) / 100.0
    assert len(reps(run(PLAIN, value)[1], "counted", "partial", "promoted")) == 10


def test_long_pauses_and_none_at_all() -> None:
    value = np.concatenate([bumps((50, 1.2, 0, 1.4)), np.zeros(1000), bumps((50, 1.2, 0, 1.4))])
    assert len(reps(run(PLAIN, value)[1])) == 2
    one = np.concatenate([smooth_step(80), 1.0 - smooth_step(90)]) * 50 * DEG
    fast = np.concatenate([np.zeros(20), *[one] * 8, np.zeros(200)])
    assert len(reps(run(PLAIN, fast)[1])) == 8


def test_a_change_of_posture_is_no_repetition() -> None:
    value = np.concatenate([np.zeros(300), 30 * DEG * smooth_step(150), np.full(3200, 30 * DEG)])
    counter, events = run(PLAIN, value)
    assert not reps(events, "counted", "partial", "promoted")
    assert counter.resting
    assert abs(counter.displacement) < DEG
    more = value[-1] + bumps((50, 1.2, 0.2, 1.4))
    assert len(reps(counter.push(np.arange(len(value), len(value) + len(more)), more))) == 1


def test_a_hold_of_more_than_ninety_seconds_is_let_go() -> None:
    spec = RepSpec(28 * DEG, 8 * DEG, hold=30.0)
    counter, events = run(spec, bumps((28, 2, 100, 2)))
    assert not reps(events)
    assert counter.resting
    assert [e.kind for e in events if isinstance(e, HoldNews)][-1] == "end"


def test_rest_that_has_risen_still_ends_a_repetition() -> None:
    up, down = smooth_step(120), smooth_step(140)
    once = [35 + 50 * up, 85 - 50 * down, np.full(60, 35.0)]
    value = np.concatenate(
        [np.zeros(200), 85 * up, 85 - 50 * down, np.full(60, 35.0), *once, *once, np.full(300, 35.0)]
    )
    assert len(reps(run(PLAIN, value * DEG)[1])) == 3


@pytest.mark.parametrize("level", [9.0, 20.0, 31.0])
def test_rest_is_where_one_waits_before_and_comes_back_to(level: float) -> None:
    """Getting into position after the counting began is neither a repetition nor the first one lost."""
    spec = RepSpec(17 * DEG, 7 * DEG)
    into = np.concatenate([np.zeros(100), level * DEG * smooth_step(150)])
    value = np.concatenate([into, level * DEG + bumps(*[(17, 1.2, 0.4, 1.4)] * 4, lead=5.0)])
    _, events = run(spec, value)
    found = reps(events, "counted", "partial", "promoted")
    assert [r.status for r in found] == ["counted"] * 4
    assert all(r.peak - r.baseline == pytest.approx(17 * DEG, rel=0.1) for r in found)
    assert abs(found[0].onset - (len(into) + 500)) < 40


def test_a_huge_excursion_teaches_nothing() -> None:
    spec = RepSpec(17 * DEG, 7 * DEG)
    value = bumps((70, 1.5, 0.2, 1.5), *[(17, 1.2, 0.4, 1.4)] * 4)
    counter, events = run(spec, value)
    assert len(reps(events)) == 4
    assert counter.amplitude == pytest.approx(17 * DEG, rel=0.1)


def test_a_tired_one_is_counted_and_a_broken_off_one_is_not() -> None:
    full = (40, 1.2, 4.0, 1.4)
    tired, broken = (24, 1.2, 4.0, 1.4), (27, 0.9, 0.0, 1.0)
    told = [r.status for r in reps(run(PLAIN, bumps(full, full, full, tired, full))[1], "counted", "partial")]
    assert told == ["counted"] * 5
    told = [r.status for r in reps(run(PLAIN, bumps(full, full, full, broken, full))[1], "counted", "partial")]
    assert told == ["counted"] * 3 + ["partial", "counted"]


def test_two_that_are_broken_off_promote_nothing() -> None:
    full, broken = (40, 1.2, 4.0, 1.4), (20, 0.9, 0.0, 1.0)
    found = reps(run(PLAIN, bumps(full, broken, broken, full))[1], "counted", "partial", "promoted")
    assert [r.status for r in found] == ["counted", "partial", "partial", "counted"]


def test_a_gap_at_the_top_breaks_nothing_off() -> None:
    full, tired = (40, 1.2, 4.0, 1.4), (25, 1.2, 4.0, 1.4)
    value = bumps(full, full, full, tired, full)
    begin = 200 + 3 * 710 + 150
    value[begin : begin + 300] = np.nan
    assert len(reps(run(PLAIN, value)[1])) == 5


def test_either_way() -> None:
    spec = RepSpec(20 * DEG, 8 * DEG, either_way=True)
    value = bumps((20, 1.2, 0.2, 1.2), (-20, 1.2, 0.2, 1.2), (20, 1.2, 0.2, 1.2))
    found = reps(run(spec, value)[1])
    assert [r.direction for r in found] == [1, -1, 1]
    assert [np.sign(r.peak - r.baseline) for r in found] == [1, -1, 1]
    through = np.concatenate([np.zeros(200), 20 * np.sin(np.arange(1200) * 2 * np.pi / 400), np.zeros(300)]) * DEG
    assert [r.direction for r in reps(run(spec, through)[1])] == [1, -1, 1, -1, 1, -1]
    one_way = reps(run(spec._replace(either_way=False), bumps((-20, 1.2, 0.2, 1.2)))[1])
    assert not one_way


def test_gaps() -> None:
    value = bumps(*[(50, 1.2, 0.4, 1.4)] * 3)
    begin = 200 + 350  # of the second
    for a, b in ((60, 200), (72, 232), (100, 180), (200, 300), (280, 350)):  # top, top, return, rest
        gap = value.copy()
        gap[begin + a : begin + b] = np.nan
        _, events = run(PLAIN, gap)
        assert len(reps(events)) == 3, (a, b)
    gap = value.copy()
    gap[begin - 20 : begin + 320] = np.nan  # all of it: nothing is made up
    assert len(reps(run(PLAIN, gap)[1])) == 2
    nothing = np.full(3000, np.nan)
    assert run(PLAIN, nothing)[1] == []


def test_after_a_long_gap_rest_is_where_it_is_now() -> None:
    counter, _ = run(PLAIN, np.concatenate([np.zeros(300), np.full(400, np.nan), np.full(100, 40 * DEG)]))
    assert counter.resting
    assert abs(counter.displacement) < DEG
    value = np.concatenate(
        [np.zeros(300), np.full(400, np.nan), np.full(400, 40 * DEG), 40 * DEG + bumps((50, 1, 0, 1))]
    )
    _, events = run(PLAIN, value)
    assert len(reps(events, "counted", "partial", "promoted")) == 1


def test_rest_is_known_live() -> None:
    value = bumps((50, 1.2, 0.2, 1.4))
    counter = Counter(PLAIN)
    counter.push(np.arange(1000, 1100), value[:100])
    assert counter.resting
    assert counter.rest_since == 1000
    counter.push(np.arange(1100, 1320), value[100:320])
    assert not counter.resting
    assert counter.displacement == pytest.approx(48 * DEG, rel=0.1)
    events = counter.push(np.arange(1320, 1000 + len(value)), value[320:])
    assert counter.resting
    assert counter.rest_since == reps(events)[0].end


def test_turns_tell_when_rest_is_left_and_reached() -> None:
    _, events = run(PLAIN, bumps((50, 1.2, 0.2, 1.4)))
    assert [e.resting for e in events if isinstance(e, Turn)] == [False, True]


def test_a_twitch_is_nothing() -> None:
    value = bumps((50, 0.15, 0.0, 0.15))
    assert not reps(run(PLAIN, value)[1], "counted", "partial", "promoted")


def small(own: float) -> Trace:
    return trace(np.random.default_rng(2), Kind(11, 3.5, 1.5, 5.0, 1.6, held=True), own=own, partials=0.0)


@pytest.mark.parametrize("own", [0.5, 1.0, 1.8])
def test_small_lifts_through_breathing(own: float) -> None:
    t = small(own)
    found = reps(run(KINDS["advanced"].spec(), t.value)[1])
    assert abs(len(found) - len(t.reps)) <= 1
