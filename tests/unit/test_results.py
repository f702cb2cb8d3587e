"""Result tables: what a physiotherapist and a researcher read, from real events of simulated sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from imu_coach import catalogue, config, results, rules
from imu_coach.core.book import Book
from imu_coach.core.rep import HoldNews, Rep
from imu_coach.planner import item, single
from imu_coach.recording import Recording
from imu_coach.results import TABLES
from imu_coach.results.smooth import Turning, sparc
from imu_coach.results.summary import BINS
from imu_coach.run import Result, process, stream
from imu_coach.synthetic import Conduct, Faults, Simulated, exercise_session, simulate
from imu_coach.types import Command, Event, Input, concat


def coached(simulated: Simulated, exercise: str, commands: Sequence[Command] = (), result: str = "realtime") -> Result:
    """A coached session with some more commands, processed with coach and guards."""
    inputs: list[Input] = sorted([*simulated.inputs, *commands], key=lambda one: one.arrived_ns)
    plan = single(catalogue.exercise(exercise))
    plan = replace(plan, practice=False, items=(plan.items[0]._replace(sets=(2, 3)),))
    setup = config.setup(simulated.header, plan=plan, rules=rules.load())
    return process(Recording.of(simulated.header, inputs), setup, result=result)


@pytest.fixture(scope="module")
def prone() -> Simulated:
    """Two sets of chest lifts with holds."""
    even = Conduct(partials=0.0, pauses=0.0, dips=0.0)
    return exercise_session("prone_ext_beginner", 3, reps=4, conduct=even, faults=Faults())


@pytest.fixture(scope="module")
def found(prone: Simulated) -> Result:
    """What it comes to."""
    return coached(prone, "prone_ext_beginner")


@pytest.fixture(scope="module")
def again(prone: Simulated) -> Result:
    """The same session counted again offline, with one taken back early in the second set."""
    start, end, *_ = prone.truth.sets[1]
    undo = Command(round((start + 0.6 * (end - start)) * 1e9), "undo", {})
    return coached(prone, "prone_ext_beginner", [undo], "offline")


@pytest.fixture(scope="module")
def edited(prone: Simulated) -> Result:
    """The same; within the first set one is added and two are taken back, in the second one is added."""
    (a, b, *_), (_, d, *_) = prone.truth.sets
    at = [(a + 0.8 * (b - a), "add"), (a + 0.81 * (b - a), "undo"), (a + 0.82 * (b - a), "undo"), (d - 1.0, "add")]
    return coached(prone, "prone_ext_beginner", [Command(round(t * 1e9), name, {}) for t, name in at])


def tables(result: Result) -> Mapping[str, pd.DataFrame]:
    return {name: getattr(result, name) for name in TABLES}


def check_shape(name: str, table: pd.DataFrame) -> None:
    assert list(table) == [c.name for c in TABLES[name]]
    assert [str(dtype) for dtype in table.dtypes] == [c.dtype for c in TABLES[name]]


# --- shape ----------------------------------------------------------------------------------------------------------


def test_every_table_has_its_columns_and_types_also_when_empty(found: Result) -> None:
    made = simulate("quiet", seed=4)
    nothing = process(Recording.of(made.header, made.inputs))
    for name, table in tables(nothing).items():
        check_shape(name, table)
        assert table.empty == (name != "session")
    for name, table in tables(found).items():
        check_shape(name, table)


def test_every_column_says_its_unit() -> None:
    for columns in TABLES.values():
        for c in columns:
            assert c.meaning
            for ending, unit in (("_s", "s"), ("_deg", "deg"), ("_dps", "deg/s")):
                if c.name.endswith(ending):
                    assert unit in c.unit


# --- repetitions, holds, sets ---------------------------------------------------------------------------------------


def test_repetitions_are_those_that_were_done(found: Result, prone: Simulated) -> None:
    reps, true = found.reps, [r for r in prone.truth.reps if r[4]]
    assert len(reps) == len(true) == 8
    for (_, row), (onset, top, end, size, _) in zip(reps.iterrows(), true, strict=True):
        assert abs(row.onset_s - onset) < 1.0
        assert abs(row.end_s - end) < 1.0
        assert abs(row.range - np.rad2deg(size)) < 6.0
        assert row.onset_s < row.top_s <= row.release_s < row.end_s <= row.told_s
        assert top - 1.5 < row.top_s < row.release_s
        assert row.concentric_s == pytest.approx(row.top_s - row.onset_s)
        assert row.eccentric_s == pytest.approx(row.end_s - row.release_s)
    assert reps["number"].tolist() == reps["raw_number"].tolist() == [1, 2, 3, 4] * 2
    assert reps["set"].tolist() == [1] * 4 + [2] * 4
    assert set(reps["status"]) == {"counted"}
    assert set(reps["unit"]) == {"deg"}


def test_a_repetition_and_its_hold_say_the_same(found: Result, prone: Simulated) -> None:
    holds, reps = found.holds, found.reps
    assert holds["rep"].tolist() == reps["number"].tolist()
    assert holds["held_s"].tolist() == pytest.approx(reps["hold_s"].tolist(), abs=0.01)
    for (_, row), (start, end) in zip(holds.iterrows(), prone.truth.holds, strict=True):
        assert abs(row.held_s - (end - start)) < 1.5
        assert row.whole == (row.held_s >= 0.9 * row.target_s)
        assert row.start_s < row.end_s
    assert holds["target_s"].unique().tolist() == [5.0]


def test_what_was_taken_back_and_added_stays_visible(edited: Result) -> None:
    reps, sets = edited.reps, edited.sets
    first, second = (reps[reps["set"] == k] for k in (1, 2))
    assert first["undone"].sum() == 2
    assert set(first.loc[first["undone"], "status"]) == {"hand", "counted"}
    assert second["status"].tolist().count("hand") == 1
    assert first["raw_number"].dropna().tolist() == [1, 2, 3, 4]
    assert sets["undone"].tolist() == [2, 0]
    assert sets["reps"].tolist() == [3, 5]
    by_hand = reps[reps["status"] == "hand"]
    assert by_hand[["top_s", "end_s", "range", "smooth_up"]].isna().all(axis=None)
    assert by_hand["told_s"].notna().all()


@pytest.mark.parametrize("name", ["found", "edited"])
def test_a_set_is_the_sum_of_its_rows(name: str, request: pytest.FixtureRequest) -> None:
    result: Result = request.getfixturevalue(name)
    for _, row in result.sets.iterrows():
        mine = result.reps[result.reps["set"] == row["set"]]
        kept = mine[~mine["undone"]]
        for status in ("counted", "probable", "hand", "small"):
            assert row[status] == (kept["status"] == status).sum()
        assert row["undone"] == mine["undone"].sum()
        assert row["reps"] == row["counted"] + row["probable"] + row["hand"]
        held = result.holds[result.holds["set"] == row["set"]]
        assert (row["holds"], row["holds_whole"]) == (len(held), held["whole"].sum())


def test_counted_again_offline_what_was_taken_back_stays_visible(again: Result) -> None:
    second = again.reps[again.reps["set"] == 2]
    assert second["undone"].tolist() == [False, True, False, False]
    assert again.sets["reps"].tolist() == [4, (~second["undone"]).sum()]


def test_sets_and_the_rest_between(found: Result, prone: Simulated) -> None:
    sets = found.sets
    for (_, row), (start, end, *_) in zip(sets.iterrows(), prone.truth.sets, strict=True):
        assert start - 6.0 < row.start_s <= start + 0.5
        assert end < row.end_s < end + 5.0
        assert 0.9 < row.seen <= 1.0
    assert np.isnan(sets["rest_before_s"][0])
    assert sets["rest_before_s"][1] == pytest.approx(sets["start_s"][1] - sets["end_s"][0])
    assert sets["channel"].tolist() == ["trunk_extension"] * 2


@pytest.mark.parametrize(
    ("done", "low", "high", "word"),
    [(7, 8, 12, "below"), (8, 8, 12, "within"), (12, 8, 12, "within"), (13, 8, 12, "above"), (3, None, None, None)],
)
def test_a_number_against_a_range_is_a_word(done: int, low: int | None, high: int | None, word: str | None) -> None:
    assert results.within(done, low, high) == word


def told(news: list[Rep], commands: Mapping[int, str] | None = None) -> tuple[Event, ...]:
    """News through the real book, as events of set 1."""
    one = item(catalogue.exercise("triceps_pushback"))
    book = Book(one, one.exercise.motions[0], 1, 0)
    about = {"exercise": one.exercise.id, "side": "", "set": 1}
    begin = about | {"of": 3, "channel": one.exercise.motions[0].channel, "probable": False, "prompt": "set_begin"}
    events = [Event(0, 0, "set_begin", "", begin)]
    for rep in news:
        events += [Event(e.decided, e.onset, e.kind, "", about | dict(e.detail)) for e in book.hear(rep)]
        name = (commands or {}).get(rep.decided)
        entry = book.by_hand(rep.decided, name) if name else None
        if entry is not None:
            events.append(Event(entry.decided, entry.onset, entry.kind, "", about | dict(entry.detail)))
    return (*events, Event(9000, 0, "set_end", "", about | book.summary("finish", 9000) | {"prompt": "set_end"}))


def rep(onset: int, status: str = "counted", decided: int | None = None) -> Rep:
    return Rep(decided or onset + 250, onset, onset + 90, onset + 110, onset + 200, status, 1, 0.0, 0.3, 0.6)


def test_a_promoted_pair_is_two_rows_not_four() -> None:
    pair = [rep(100, "partial"), rep(400, "partial"), rep(100, "promoted", 650), rep(400, "promoted", 650), rep(800)]
    reps = results.reps(told(pair))
    assert reps["number"].tolist() == [1, 2, 3]
    assert reps["promoted"].tolist() == [True, True, False]
    assert reps["onset_s"].tolist() == [1.0, 4.0, 8.0]
    assert reps["told_s"].tolist() == [6.5, 6.5, 10.5]


def test_a_promoted_repetition_keeps_its_hold() -> None:
    one = item(catalogue.exercise("prone_ext_beginner"))
    book = Book(one, one.exercise.motions[0], 1, 0)
    news = (HoldNews(280, 190, "end", 3.2), rep(100, "partial"), rep(100, "promoted", 650))
    entries = [entry for item in news for entry in book.hear(item)]
    about = {"exercise": one.exercise.id, "side": "", "set": 1}
    reps = results.reps([Event(e.decided, e.onset, e.kind, "", about | dict(e.detail)) for e in entries])
    assert reps["hold_s"].tolist() == [3.2]


def test_undo_takes_the_last_that_still_counts() -> None:
    events = told([rep(100), rep(400), rep(700), rep(1000)], {650: "undo", 950: "undo"})
    reps = results.reps(events)
    assert reps["undone"].tolist() == [False, True, True, False]
    assert reps["number"].tolist() == [1, 2, 2, 2]
    assert reps["raw_number"].tolist() == [1, 2, 3, 4]
    assert results.sets(events)["reps"].tolist() == [2]


# --- warnings and the session ---------------------------------------------------------------------------------------


def warned(t: int, rule: str = "W13", value: float = 12.0) -> Event:
    detail = {"rule": rule, "severity": "cue", "title": "Dip in the set", "value_deg": value, "threshold_deg": 10.0}
    detail |= {"unit": "deg", "prompt": "w13_dip", "spoken": True, "suppressed": "", "posture": "row", "phase": "set"}
    return Event(t, t - 200, "warning", "", detail | {"exercise": "row_low_dumbbell"})


def cleared(t: int, rule: str = "W13", worst: float = 25.0) -> Event:
    return Event(t, t - 500, "warning_cleared", "", {"rule": rule, "seconds": 5.0, "worst_deg": worst, "why": "eased"})


def test_a_warning_ends_when_its_own_rule_is_over() -> None:
    raised = [warned(1000), warned(1100, "W4"), warned(1300, value=23.0)]
    events = [*raised, cleared(1500), warned(1700), cleared(1800, "W4")]
    again = results.warnings([*events, cleared(1900)])
    assert again["cleared_s"].tolist() == [15.0, 18.0, 15.0, 19.0]
    table = results.warnings(events)
    assert table["rule"].tolist() == ["W13", "W4", "W13", "W13"]
    assert table["cleared_s"].fillna(-1).tolist() == [15.0, 18.0, 15.0, -1.0]
    assert table["worst_deg"].tolist() == [25.0, 25.0, 25.0, 12.0]
    assert table["onset_s"].tolist() == [8.0, 9.0, 11.0, 15.0]
    assert table["set"].isna().all()


def test_a_warning_belongs_to_the_set_in_progress() -> None:
    begin, *rest, end = told([rep(100)])
    table = results.warnings([warned(-1), begin, *rest, warned(1000), end, warned(9500)])
    assert table["set"].fillna(-1).tolist() == [-1, 1, -1]


def test_warnings_of_a_session_are_its_events(found: Result) -> None:
    raised = [e for e in found.events if e.kind == "warning"]
    table = found.warnings
    assert table["rule"].tolist() == [e.detail["rule"] for e in raised]
    assert len(raised) > 0, "lying down is told to the log"
    assert not table["spoken"].any()


def value(table: pd.DataFrame, quantity: str, phase: str = "exercise", exercise: str = "") -> float:
    here = table[(table["quantity"] == quantity) & (table["phase"] == phase) & (table["exercise"] == exercise)]
    assert len(here) == 1
    return float(here["value"].iloc[0])


def test_the_phases_make_up_the_session(found: Result) -> None:
    table = found.session
    times = {phase: value(table, "time", phase) for phase in results.PHASES}
    assert sum(times.values()) == pytest.approx(len(found.block.index) / 100)
    sets = found.sets
    assert times["exercise"] == pytest.approx((sets["end_s"] - sets["start_s"]).sum(), abs=0.1)
    assert times["rest"] > 15.0
    assert times["transition"] > 5.0


def test_inclination_adds_up_to_what_the_angle_table_says(found: Result) -> None:
    table, angles, sets = found.session, found.angles, found.sets
    inside = np.zeros(len(angles), bool)
    for _, row in sets.iterrows():
        inside |= (angles.index > row.start_s) & (angles.index <= row.end_s)
    known = inside & (angles["trunk_inclination_source"] == "measured").to_numpy()
    lean = angles["trunk_inclination_deg"].to_numpy()[known]
    edges = [-np.inf, 0.0, 20.0, 45.0, 60.0, np.inf]
    for name, low, high in zip(BINS, edges, edges[1:], strict=False):
        assert value(table, name) == pytest.approx(((lean >= low) & (lean < high)).sum() / 100, abs=0.03)
    assert value(table, "exposure_beyond_20") == pytest.approx(np.clip(lean - 20.0, 0.0, None).sum() / 100, rel=1e-3)
    assert value(table, "largest_inclination") == pytest.approx(lean.max())
    share = 100.0 * (1.0 - known.sum() / inside.sum())
    assert value(table, "inclination_not_measured") == pytest.approx(share, abs=0.1)
    measured = (angles["thoracolumbar_flexion_source"] == "measured").to_numpy()[inside]
    assert value(table, "rounding_not_measured") == pytest.approx(100.0 * (1.0 - measured.mean()), abs=0.1)


def test_an_estimate_is_not_measured() -> None:
    made = simulate("quiet", seed=4)
    result = process(Recording.of(made.header, made.inputs))
    assert result.availability()["thoracolumbar_flexion"] > 0.05
    assert value(result.session, "rounding_not_measured", "other") == 100.0
    lean = result.angles["trunk_inclination_deg"].to_numpy()
    exposure = np.nansum(np.clip(lean - 20.0, 0.0, None)) / 100
    assert value(result.session, "exposure_beyond_20", "other") == pytest.approx(exposure)


def test_what_was_done_stands_beside_what_was_asked(edited: Result) -> None:
    table, sets = edited.session, edited.sets
    got = {name: value(table, name, exercise="prone_ext_beginner") for name in ("sets_done", "reps", "reps_undone")}
    assert got == {"sets_done": 2, "reps": sets["reps"].sum(), "reps_undone": 2}
    assert value(table, "sets_asked_low", exercise="prone_ext_beginner") == 2
    assert value(table, "sets_asked_high", exercise="prone_ext_beginner") == 3


def test_a_set_without_a_repetition_was_not_done(found: Result) -> None:
    events = [*told([rep(100)]), *told([rep(100, "partial")])]
    table = results.session(events, found.block, results.reps(events), results.sets(events))
    assert value(table, "sets_done", exercise="triceps_pushback") == 1
    assert value(table, "reps_small", exercise="triceps_pushback") == 1


def test_what_could_not_be_judged_lasts_until_the_set_changes() -> None:
    def event(t: int, kind: str, **detail: Any) -> Event:
        about = {"exercise": "x", "side": "", "set": 1, "rule": "W4", "title": "Rounded back"}
        return Event(t, t, kind, "", about | detail)

    events = [
        event(-1, "set_begin", channel=""),
        event(100, "not_judged", why="estimated"),
        event(300, "judged_again", why=""),
        event(400, "not_judged", why="estimated"),
        event(599, "set_end"),
    ]
    made = simulate("quiet", seed=4)
    block = process(Recording.of(made.header, made.inputs)).block
    table = results.session(events, block, results.reps([]), results.sets([]))
    assert value(table, "not_judged_W4") == pytest.approx(2.0 + 1.99)
    open_ = results.session(events[:-1], block, results.reps([]), results.sets([]))
    assert value(open_, "not_judged_W4") == pytest.approx(2.0 + len(block.index) / 100 - 4.0)


def test_each_reason_why_a_rule_could_not_be_judged_has_its_own_stretch() -> None:
    def event(t: int, kind: str, why: str = "", rule: str = "W4") -> Event:
        return Event(t, t, kind, "", {"rule": rule, "title": "x", "why": why})

    events = [
        event(-1, "not_judged", "not_started"),
        event(100, "not_judged", "settling"),
        event(200, "not_judged", "settling"),
        event(250, "not_judged", "estimated", "W6"),
        event(300, "judged_again"),
    ]
    assert list(results.unjudged(events, 1000)) == [
        ("W4", 0, 100, "not_started"),
        ("W4", 100, 300, "settling"),
        ("W6", 250, 1000, "estimated"),
    ]


def test_left_against_right() -> None:
    events = []
    for side, sizes, undone in (("left", (0.2, 0.2, 1.8), ()), ("right", (0.9, 0.9, 0.3), (350, 650))):
        news = [rep(100 + 300 * k)._replace(peak=size) for k, size in enumerate(sizes)]
        for e in told(news, dict.fromkeys(undone, "undo")):
            events.append(e._replace(detail={**e.detail, "side": side}))
    made = simulate("quiet", seed=4)
    block = process(Recording.of(made.header, made.inputs)).block
    table = results.session(events, block, results.reps(events), results.sets(events))
    assert value(table, "asymmetry_range", exercise="triceps_pushback") == pytest.approx(40.0, abs=0.1)
    assert value(table, "asymmetry_tempo", exercise="triceps_pushback") == 0.0
    one_side = results.session(events[:5], block, results.reps(events[:5]), results.sets(events[:5]))
    assert not one_side["quantity"].str.startswith("asymmetry").any()


# --- smoothness -----------------------------------------------------------------------------------------------------

T = np.arange(150) / 100.0
BELL = 30.0 * (T / 1.5) ** 2 * (1.0 - T / 1.5) ** 2  # speed of a minimum-jerk movement


def test_a_plain_movement_is_smoother_than_a_shaky_one() -> None:
    shaky = BELL * (1.0 + 0.4 * np.sin(2 * np.pi * 4.0 * T))
    assert sparc(shaky) < sparc(BELL) - 0.2
    assert -1.6 < sparc(BELL) < -1.3  # a minimum-jerk movement: Balasubramanian 2015
    assert sparc(7.0 * BELL) == pytest.approx(sparc(BELL))


@pytest.mark.parametrize("bad", [BELL[:20], np.where(T == 0.7, np.nan, BELL), np.zeros(100)])
def test_no_smoothness_where_it_cannot_be_told(bad: np.ndarray) -> None:
    assert np.isnan(sparc(bad))


def test_smoothness_is_of_each_phase_and_of_the_sensor_that_carries_it() -> None:
    events = told([rep(100), rep(400)])
    plan = single(catalogue.exercise("triceps_pushback"))
    speed = np.full((1200, 2), np.nan)
    speed[:, 1] = 0.3 + 0.2 * np.sin(np.arange(1200) / 15.0)
    speed[190:211, 1] = np.nan  # the hold of the first one: from top (190) to release (210)
    speed[191:210, 1] = 50.0
    plain = speed.copy()
    plain[191:210, 1] = 0.0
    sites = ("upper_back", "wrist")
    both = [results.reps(events, Turning(s, sites, plan)) for s in (speed, plain)]
    assert both[0]["smooth_down"].tolist()[1:] == both[1]["smooth_down"].tolist()[1:]
    assert both[0].loc[1, "smooth_up"] < 0
    assert results.reps(events, Turning(speed, ("wrist", "upper_back"), plan))["smooth_up"].isna().all()
    filled = np.nan_to_num(speed, nan=0.3)
    quiet = filled.copy()
    quiet[191:210, 1] = 0.0
    both = [results.reps(events, Turning(s, sites, plan)) for s in (filled, quiet)]
    for name in ("smooth_up", "smooth_down"):
        assert both[0].loc[0, name] == both[1].loc[0, name]


def test_smoothness_of_a_session(found: Result) -> None:
    reps = found.reps
    assert reps["smooth_up"].notna().mean() > 0.8
    assert reps["smooth_up"].dropna().between(-12.0, -1.0).all()


def test_the_turning_of_every_sensor_is_kept(found: Result, prone: Simulated) -> None:
    whole = concat(list(stream(Recording.of(prone.header, prone.inputs), found.setup)))
    speed = np.sqrt((whole.frames.gyr**2).sum(axis=2))
    assert np.array_equal(found.turning, speed, equal_nan=True)
    assert np.array_equal(found.trace, whole.trace, equal_nan=True)
    assert np.isfinite(found.trace).sum() > 5000
