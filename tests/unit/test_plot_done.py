"""The picture of a coached session: every repetition, hold and warning of the tables has its mark, and no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from imu_coach import catalogue, config, rules
from imu_coach.planner import single
from imu_coach.plot import plot
from imu_coach.plot.page import AMBER, BLUE, View
from imu_coach.plot.watched import rules_in
from imu_coach.recording import Recording
from imu_coach.run import Result, process
from imu_coach.synthetic import Conduct, Faults, exercise_session
from imu_coach.types import Command, Event, Input


@pytest.fixture(scope="module")
def found() -> Result:
    """Chest lifts with holds, two sets, one not counted; one is added by hand in the first, one taken back."""
    conduct = Conduct(partials=0.25, pauses=0.0, dips=0.0)
    made = exercise_session("prone_ext_beginner", 17005, reps=5, conduct=conduct, faults=Faults())
    start, end, *_ = made.truth.sets[0]
    at = ((0.7, "add"), (0.8, "undo"), (0.85, "undo"))
    commands = [Command(round((start + share * (end - start)) * 1e9), name, {}) for share, name in at]
    inputs: list[Input] = sorted([*made.inputs, *commands], key=lambda one: one.arrived_ns)
    plan = single(catalogue.exercise("prone_ext_beginner"))
    plan = replace(plan, practice=False, items=(plan.items[0]._replace(sets=(2, 3)),))
    return process(Recording.of(made.header, inputs), config.setup(made.header, plan=plan, rules=rules.load()))


def drawn(result: Result, start: float | None = None, end: float | None = None) -> Figure:
    return plot(result, angles=["trunk_inclination"], start=start, end=end)


def panel(figure: Figure, name: str) -> Axes:
    (ax,) = [ax for ax in figure.axes if any(t.get_text() == name and t.get_fontweight() == "bold" for t in ax.texts)]
    return ax


def lines(ax: Axes, gid: str) -> list[Line2D]:
    return [one for one in ax.lines if one.get_gid() == gid]


def at(marks: list[Line2D]) -> list[float]:
    return [float(np.asarray(one.get_xdata())[0]) for one in marks]


def texts(ax: Axes, gid: str | None = None) -> list[str]:
    return [text.get_text() for text in ax.texts if gid is None or text.get_gid() == gid]


def hatched(ax: Axes) -> list[tuple[float, float]]:
    found = []
    for one in ax.collections:
        if one.get_gid() == "unavailable":
            assert one.get_hatch()
            ends = [np.asarray(path.vertices)[:, 0] for path in one.get_paths()]
            found += [(float(x.min()), float(x.max())) for x in ends]
    return sorted(found)


def test_every_repetition_of_the_table_has_its_mark(found: Result) -> None:
    reps, ax = found.reps, panel(drawn(found), "repetitions")
    assert {"counted", "small", "hand"} <= set(reps["status"]), "the session has what it takes"
    for status in ("counted", "small"):
        mine = reps[reps["status"] == status]
        tops = 0.5 * (mine["top_s"] + mine["release_s"])
        assert at(lines(ax, f"top-{status}")) == pytest.approx(tops.tolist())
    sensed = reps[reps["end_s"].notna()]
    ends = sorted(x for one in lines(ax, "rep-ends") for x in np.asarray(one.get_xdata(), np.float64).tolist())
    assert ends == pytest.approx(sorted([*sensed["onset_s"], *sensed["end_s"]]))
    assert at(lines(ax, "by-hand")) == reps.loc[reps["status"] == "hand", "onset_s"].tolist()
    assert len(lines(ax, "undone")) == int((reps["undone"] & reps["end_s"].notna()).sum())


def test_the_key_counts_what_is_drawn(found: Result) -> None:
    ax, counts = panel(drawn(found), "repetitions"), found.reps["status"].value_counts()
    told = texts(ax)
    assert f"\u25bc counted {counts['counted']}" in told
    assert f"\u25bd small {counts['small']}" in told
    assert f"\u271a by hand {counts['hand']}" in told
    assert f"\u2715 taken back {found.reps['undone'].sum()}" in told
    assert f"\u25ac hold {len(found.holds)}" in told
    assert not any("probable" in text for text in told)


def test_the_curve_is_the_trace_and_only_within_sets(found: Result) -> None:
    ax, trace = panel(drawn(found), "repetitions"), found.trace
    pairs = [np.asarray(one.get_data(), np.float64) for one in lines(ax, "trace")]
    t, y = np.concatenate(pairs, axis=1)
    sets = found.sets
    inside = np.zeros(len(t), bool)
    for row in sets.to_dict("records"):
        inside |= (t >= row["start_s"]) & (t <= row["end_s"] + 0.01)
    assert inside[np.isfinite(y)].all()
    shown = trace[np.round(t * 100).astype(int)]
    known = np.isfinite(y) & np.isfinite(shown)
    assert np.corrcoef(y[known], shown[known])[0, 1] > 0.999
    lowest = float(np.nanmin(y))
    assert lowest >= 0.0
    assert float(np.nanmax(y)) < 0.8, "below the names of the sets"


def test_the_scale_bar_is_as_long_as_it_says(found: Result) -> None:
    ax = panel(drawn(found), "repetitions")
    (bar,) = lines(ax, "ruler")
    (text,) = texts(ax, "ruler")
    long = float(np.ptp(np.asarray(bar.get_ydata(), np.float64)))
    pairs = [np.asarray(one.get_data(), np.float64) for one in lines(ax, "trace")]
    per_degree = np.nanmax(np.concatenate(pairs, axis=1)[1]) - np.nanmin(np.concatenate(pairs, axis=1)[1])
    per_degree /= np.rad2deg(np.nanmax(found.trace) - np.nanmin(found.trace))
    assert long / per_degree == pytest.approx(float(text.removesuffix("\u00b0")), rel=0.02)


def test_holds_say_how_long(found: Result) -> None:
    holds = found.holds
    start, end = holds["start_s"].min() - 3.0, holds["end_s"].iloc[:3].max() + 3.0
    ax = panel(drawn(found, start, end), "repetitions")
    shown = holds[holds["start_s"] < end]
    assert at(lines(ax, "hold")) == pytest.approx(shown["start_s"].tolist(), abs=0.02)
    long = shown[shown["end_s"] - shown["start_s"] > 2.0]
    assert set(texts(ax, "held")) >= {f"{held:.1f} s" for held in long["held_s"]}


def test_sets_are_named_with_what_they_came_to(found: Result) -> None:
    ax = panel(drawn(found), "repetitions")
    for row, told in zip(found.sets.to_dict("records"), texts(ax, "set"), strict=True):
        assert told.startswith(f"set {row['set']}: {row['reps']}")
    assert len(texts(ax, "exercise")) == 1


def test_a_part_of_a_set_without_a_value_is_hatched(found: Result) -> None:
    first = found.reps[found.reps["status"] == "counted"].iloc[0]
    begin, end = first.onset_s - 0.5, first.end_s + 0.5
    trace = found.trace.copy()
    trace[round(100 * begin) : round(100 * end)] = np.nan
    ax = panel(drawn(replace(found, trace=trace)), "repetitions")
    assert any(span == pytest.approx((begin, end), abs=0.02) for span in hatched(ax))
    tops = [one for status in ("counted", "small") for one in lines(ax, f"top-{status}")]
    assert len(tops) == int(found.reps["end_s"].notna().sum()), "a repetition without a curve keeps its mark"
    assert all(np.isfinite(np.asarray(one.get_ydata(), np.float64)).all() for one in tops)


def test_probable_looks_like_an_estimate(found: Result) -> None:
    def weaker(e: Event) -> Event:
        told = e.kind == "rep" and e.detail["status"] == "counted"
        return e._replace(detail={**e.detail, "status": "probable"}) if told else e

    plain = panel(drawn(found), "repetitions")
    ax = panel(drawn(replace(found, events=tuple(map(weaker, found.events)))), "repetitions")
    (one, *_), (other, *_) = lines(ax, "rep-probable"), lines(plain, "rep-counted")
    assert (one.get_linestyle(), to_hex(one.get_color())) == ("--", AMBER.lower())
    assert (other.get_linestyle(), to_hex(other.get_color())) == ("-", BLUE.lower())
    assert not lines(ax, "rep-counted")


def watched(found: Result, *told: tuple[int, str, str, bool]) -> Result:
    """The same with these warnings only: frame, rule, severity, aloud; each is over after 3 s."""
    events = [e for e in found.events if e.kind not in ("warning", "warning_cleared", "not_judged", "judged_again")]
    for frame, rule, severity, spoken in told:
        detail = {"rule": rule, "severity": severity, "title": f"Title of {rule}", "spoken": spoken, "value_deg": 1.0}
        detail |= {"threshold_deg": 1.0, "unit": "deg", "suppressed": "", "phase": "set", "posture": "prone"}
        events.append(Event(frame, frame - 50, "warning", "", detail))
        events.append(Event(frame + 300, frame, "warning_cleared", "", {"rule": rule, "worst_deg": 2.0}))
    return replace(found, events=tuple(sorted(events, key=lambda e: e.decided)))


def test_warnings_are_bars_with_a_dot_where_they_were_said(found: Result) -> None:
    result = watched(found, (6000, "W10", "cue", True), (7000, "W2", "red", False), (9000, "W10", "amber", False))
    ax = panel(drawn(result), "warnings")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["W2", "W10"]
    bars = {str(one.get_gid()): one for one in ax.collections if str(one.get_gid()).startswith("raised")}
    assert set(bars) == {"raised-cue", "raised-red", "raised-amber"}
    assert len({to_hex(one.get_facecolor()[0]) for one in bars.values()}) == 3
    x = np.asarray(bars["raised-cue"].get_paths()[0].vertices)[:, 0]
    assert (x.min(), x.max()) == pytest.approx((59.5, 63.0))
    heights = [np.ptp(np.asarray(bars[f"raised-{name}"].get_paths()[0].vertices)[:, 1]) for name in ("cue", "red")]
    assert heights[0] < heights[1], "told apart without colour, too"
    assert at(lines(ax, "aloud")) == [60.0]
    assert {"title of W2: 1".lower(), "title of W10: 2".lower()} <= set(texts(ax))


def test_what_was_not_judged_is_hatched_until_it_is_judged_again(found: Result) -> None:
    result = watched(found)
    told = {"rule": "W4", "title": "Rounded back", "why": "estimated"}
    begin = next(e.decided for e in result.events if e.kind == "set_begin") + 100
    more = [Event(begin, begin, "not_judged", "", told), Event(begin + 900, begin, "judged_again", "", told)]
    result = replace(result, events=tuple(sorted([*result.events, *more], key=lambda e: e.decided)))
    ax = panel(drawn(result, begin / 100 - 5.0, begin / 100 + 20.0), "warnings")
    assert hatched(ax) == [pytest.approx((begin / 100, begin / 100 + 9.0))]
    assert texts(ax, "reason") == ["not judged: only estimated"]
    assert "rounded back: not judged" in texts(ax)
    later = View(result, slice(0, 10), begin / 100 + 12.0, begin / 100 + 20.0, (0,))
    assert rules_in(later) == []


def test_a_foreign_title_is_drawn_in_the_room_there_is(found: Result) -> None:
    result, title = watched(found, (6000, "W10", "cue", True)), "$x_1 \u6f22 " + "long " * 20
    events = [e._replace(detail={**e.detail, "title": title}) if e.kind == "warning" else e for e in result.events]
    assert found.setup.plan is not None
    item = found.setup.plan.items[0]
    item = item._replace(exercise=replace(item.exercise, title=title))
    setup = replace(found.setup, plan=replace(found.setup.plan, items=(item,)))
    figure = drawn(replace(result, events=tuple(events), setup=setup))
    figure.canvas.draw()
    (beside,) = [text for text in texts(panel(figure, "warnings")) if text.startswith("$x_1")]
    (above,) = texts(panel(figure, "repetitions"), "exercise")
    assert beside.startswith("$x_1 ?")
    assert len(beside) <= 27
    assert above.startswith("$x_1 ?")


def test_nothing_to_tell_is_said_and_takes_little_room(found: Result) -> None:
    begin = found.sets["start_s"][0]
    figure = drawn(watched(found), 0.0, begin - 10.0)
    assert "no set in this span" in texts(panel(figure, "repetitions"))
    assert any("none was raised" in text for text in texts(panel(figure, "warnings")))
    assert figure.get_figheight() < drawn(found).get_figheight() - 1.0


def test_without_a_plan_there_are_angles_only(found: Result) -> None:
    figure = drawn(replace(found, setup=replace(found.setup, plan=None)))
    bold = [t.get_text() for ax in figure.axes for t in ax.texts if t.get_fontweight() == "bold"]
    assert bold == ["trunk inclination"]


def test_nothing_is_green(found: Result) -> None:
    figure = drawn(watched(found, (6000, "W10", "cue", True), (7000, "W2", "red", False), (9000, "W1", "amber", False)))
    colours = {to_hex(one.get_color()) for ax in figure.axes for one in ax.lines}
    colours |= {to_hex(c) for ax in figure.axes for one in ax.collections for c in one.get_facecolor()}
    for colour in colours:
        red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
        assert green <= max(red, blue)
