"""What the coach does with postures, repetitions, commands and trouble, on scripted angles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from imu_coach import catalogue, config, quat
from imu_coach.conventions import GRAVITY
from imu_coach.core.book import OPEN
from imu_coach.core.session import Session, cut
from imu_coach.core.snapshot import snapshot
from imu_coach.core.table import TABLE, TAPS
from imu_coach.exercise import PHASES, Plan
from imu_coach.planner import single
from imu_coach.types import Angles, Command, Event, Frames, Header, SensorInfo

NS = 10_000_000
LYING = 88.0


def still(seconds: float, trunk: float = LYING) -> np.ndarray:
    """Trunk inclination, deg, at 100 Hz."""
    return np.full(round(seconds * 100), trunk)


def lift(size: float = 25.0, hold: float = 1.0, rise: float = 1.5, trunk: float = LYING) -> np.ndarray:
    """One lift of the chest from lying, and back."""
    x = np.linspace(0.0, 1.0, round(rise * 100))
    smooth = x * x * x * (10.0 + x * (6.0 * x - 15.0))
    return trunk - size * np.concatenate([smooth, np.ones(round(hold * 100)), smooth[::-1]])


def lifts(n: int, rest: float = 1.0, **how: Any) -> np.ndarray:
    return np.concatenate([part for _ in range(n) for part in (lift(**how), still(rest))])


def frames(trunk: np.ndarray, lost: tuple[float, float] = (0.0, 0.0)) -> Frames:
    """An upper-back sensor worn as drawn; ``lost``: s without data."""
    f = np.deg2rad(trunk)
    n = len(f)
    up = np.stack([-np.sin(f), np.cos(f), np.zeros(n)], axis=1)
    q = quat.from_up(up)[:, None, :]
    gyr = np.zeros((n, 1, 3))
    gyr[:, 0, 2] = -np.gradient(f) * 100.0
    why = np.zeros((n, 1), np.uint8)
    a, b = (round(x * 100) for x in lost)
    why[a:b] = 2
    return Frames(np.arange(n), q, up[:, None, :] * GRAVITY, gyr, why)


def plan(id: str = "prone_ext_beginner", **change: Any) -> Plan:
    made = single(catalogue.exercise(id))
    change = {"sets": (2, 2), "reps": (3, 3), "rest": (5.0, 20.0), **change}
    return replace(made, items=tuple(i._replace(**change) for i in made.items), practice=False)


def command(at: float, name: str, **value: Any) -> Command:
    return Command(round(at * 1e9), name, value)


START = command(0.5, "start")


def worn(to_do: Plan) -> Session:
    """Of one sensor on the upper back, as drawn."""
    header = Header((SensorInfo("upper_back", mounting=(1.0, 0.0, 0.0, 0.0), bias=(0.0, 0.0, 0.0)),))
    return Session(header, replace(config.setup(header), layout=config.layout("upper_back"), plan=to_do))


def play(trunk: np.ndarray, *commands: Command, to_do: Plan | None = None, lost: tuple[float, float] = (0.0, 0.0),
         acc: Sequence[tuple[float, float]] = ()) -> list[Event]:  # fmt: skip
    """Events of a session; ``acc``: knocks of so many g."""
    session = worn(to_do or plan())
    f = frames(trunk, lost)
    force = f.acc.copy()
    for at, g in acc:
        force[round(at * 100)] *= g
    f = replace(f, acc=force)
    for c in commands:
        session.command(c)
    session.push(f)
    session.finish()
    return session.take_events()[1]


def kinds(events: Sequence[Event], *wanted: str) -> list[str]:
    return [e.kind for e in events if not wanted or e.kind in wanted]


def numbers(events: Sequence[Event]) -> list[int]:
    return [int(e.detail["number"]) for e in events if e.kind == "rep"]


def first(events: Sequence[Event], kind: str) -> Event:
    return next(e for e in events if e.kind == kind)


def ended(events: Sequence[Event]) -> list[tuple[str, int]]:
    """Why each set ended, and with how many."""
    return [(str(e.detail["why"]), int(e.detail["reps"])) for e in events if e.kind == "set_end"]


BEGUN = still(3.0)


def test_a_session_from_start_to_end() -> None:
    events = play(np.concatenate([BEGUN, lifts(3), still(12.0), lifts(3), still(5.0)]), START)
    told = kinds(
        events, "exercise_begin", "set_begin", "set_end", "rest_begin", "rest_end", "exercise_end", "session_end"
    )
    assert told == ["exercise_begin", "set_begin", "set_end", "rest_begin", "rest_end", "set_begin", "set_end",
                    "exercise_end", "session_end"]  # fmt: skip
    assert numbers(events) == [1, 2, 3, 1, 2, 3]
    assert ended(events) == [("reached", 3), ("reached", 3)]
    assert [e.decided for e in events] == sorted(e.decided for e in events)


def test_nothing_begins_before_start() -> None:
    assert play(np.concatenate([BEGUN, lifts(3), still(5.0)])) == []


def test_getting_into_position_is_not_counted() -> None:
    """Up and down between standing and lying, then still, then the exercise."""
    down = np.concatenate([np.linspace(0.0, LYING, 300), lift(40.0, 0.2), lift(30.0, 0.2)])
    events = play(np.concatenate([still(1.0, 0.0), down, still(3.0), lifts(3), still(5.0)]), START)
    assert first(events, "set_begin").decided > 400 + 600
    assert ended(events)[0] == ("reached", 3)


def test_movement_in_the_rest_is_not_counted() -> None:
    body = np.concatenate([BEGUN, lifts(3), still(3.2), lift(), lift(), still(20.0)])
    assert sum(r for _, r in ended(play(body, START))) == 3


def test_the_set_opens_only_in_the_start_posture() -> None:
    assert "set_begin" not in kinds(play(still(20.0, 20.0), START))
    assert "set_begin" in kinds(play(still(20.0, 80.0), START))


def test_leaving_the_posture_pauses_and_coming_back_goes_on() -> None:
    up = np.concatenate([np.linspace(LYING, 0.0, 200), still(5.0, 0.0), np.linspace(0.0, LYING, 200)])
    events = play(np.concatenate([BEGUN, lifts(2), up, still(3.0), lifts(1), still(5.0)]), START)
    assert first(events, "paused").detail["why"] == "left"
    assert numbers(events) == [1, 2, 3]
    assert kinds(events, "paused", "resumed", "set_end") == ["paused", "resumed", "set_end"]


def test_a_prop_leaves_the_gate_and_does_not_pause() -> None:
    """Lifted by 42 deg the trunk is far outside the start posture: the gate is that of the start."""
    events = play(np.concatenate([BEGUN, lifts(3, size=42.0, hold=8.0), still(5.0)]), START)
    assert ended(events)[0] == ("reached", 3)
    assert "paused" not in kinds(events)


def test_ten_seconds_of_tiredness_are_normal_and_half_a_minute_asks() -> None:
    events = play(np.concatenate([BEGUN, lifts(2), still(10.0), lifts(1), still(5.0)]), START)
    assert "paused" not in kinds(events)
    assert ended(events)[0] == ("reached", 3)
    events = play(np.concatenate([BEGUN, lifts(2), still(32.0), lifts(1), still(5.0)]), START)
    assert first(events, "paused").detail["why"] == "silent"
    assert numbers(events) == [1, 2, 3], "the repetition that ends the silence counts"
    assert kinds(events, "paused", "resumed", "set_end") == ["paused", "resumed", "set_end"]


def test_the_lower_number_is_enough_after_a_while() -> None:
    body = np.concatenate([BEGUN, lifts(2), still(16.0)])
    assert ended(play(body, START, to_do=plan(reps=(2, 4))))[0] == ("enough", 2)


def test_no_set_ends_silently() -> None:
    """However it stops: killed by the end of the recording, stopped, skipped, or finished by hand."""
    body = np.concatenate([BEGUN, lifts(2), still(3.0)])
    t = len(body) / 100 - 1.0
    assert ended(play(body, START)) == [("the recording ended", 2)]
    assert ended(play(body, START, command(t, "stop", reason="pain")))[0] == ("stopped: pain", 2)
    assert ended(play(body, START, command(t, "next")))[0] == ("skipped", 2)
    assert ended(play(body, START, command(t, "finish")))[0] == ("finish", 2)


def test_stop_with_pain_is_said_differently() -> None:
    body = np.concatenate([BEGUN, lifts(1), still(3.0)])
    for reason, prompt in (("pain", "session_pain"), ("tired", "session_end")):
        end = first(play(body, START, command(7.0, "stop", reason=reason)), "session_end")
        assert (end.detail["why"], end.detail["prompt"]) == (reason, prompt)


def test_undo_and_add_keep_raw_and_edited() -> None:
    body = np.concatenate([BEGUN, lifts(2), still(6.0)])
    events = play(body, START, command(14.0, "undo"), command(14.5, "add"), command(15.0, "add"))
    assert [e.detail["status"] for e in events if e.kind == "rep"] == ["counted", "counted", "hand", "hand"]
    assert numbers(events) == [1, 2, 2, 3]
    end = first(events, "set_end").detail
    assert (end["counted"], end["hand"], end["undone"], end["reps"]) == (1, 2, 1, 3)


def test_taps_pause_go_on_and_undo() -> None:
    body = np.concatenate([BEGUN, lifts(2), still(10.0), lifts(1), still(5.0)])
    events = play(body, START, command(11.0, "tap", taps=2), command(14.0, "tap", taps=2), command(15.0, "tap", taps=3))
    assert kinds(events, "paused", "resumed", "undone") == ["paused", "resumed", "undone"]
    assert first(events, "paused").detail["why"] == "pause"


def test_a_hard_knock_pauses_and_asks() -> None:
    body = np.concatenate([BEGUN, lifts(2), still(10.0)])
    assert first(play(body, START, acc=[(11.5, 3.5)]), "paused").detail["why"] == "knocked"
    assert "paused" not in kinds(play(body, START, acc=[(11.5, 2.0)]))


def test_a_gap_pauses_and_data_go_on() -> None:
    body = np.concatenate([BEGUN, lifts(1), still(12.0), lifts(2), still(5.0)])
    events = play(body, START, lost=(8.0, 15.0))
    assert first(events, "paused").detail["why"] == "blind"
    assert numbers(events) == [1, 2, 3]
    assert first(events, "set_end").detail["seen"] < 1.0


def test_practice_teaches_and_does_not_count() -> None:
    body = np.concatenate([BEGUN, lifts(2, size=14.0), still(3.0), lifts(3, size=14.0), still(5.0)])
    events = play(body, START, to_do=replace(plan(), practice=True))
    assert kinds(events, "practice_begin", "practised", "set_begin", "set_end")[:4] == [
        "practice_begin", "practised", "set_begin", "set_end",
    ]  # fmt: skip
    assert ended(events)[0] == ("reached", 3)


def test_open_ended_counts_the_whole_recording() -> None:
    made = single(catalogue.exercise("prone_ext_beginner"), open_ended=True)
    events = play(np.concatenate([lifts(4), still(40.0), lifts(3), still(2.0)]), to_do=made)
    assert ended(events) == [("the recording ended", 7)]


def test_open_ended_sets_follow_context_commands() -> None:
    made = single(catalogue.exercise("prone_ext_beginner"), open_ended=True)
    body = np.concatenate([lifts(4), still(10.0), lifts(3), still(2.0)])
    commands = (
        command(21.0, "context", posture="prone", in_set=False),
        command(26.0, "context", posture="prone", in_set=True),
    )
    assert [r for _, r in ended(play(body, *commands, to_do=made))] == [4, 3]


def test_an_exercise_that_is_not_in_the_plan() -> None:
    events = play(still(5.0), command(1.0, "exercise", id="handstand"))
    assert kinds(events) == ["not_in_plan"]


def test_a_target_is_never_needed() -> None:
    events = play(np.concatenate([BEGUN, lifts(7), still(3.0)]), START, to_do=plan(reps=(OPEN, OPEN)))
    assert ended(events) == [("the recording ended", 7)]
    assert first(events, "set_end").detail["asked"] is None


def test_holds_are_told_while_they_last_and_belong_to_their_repetition() -> None:
    events = play(np.concatenate([BEGUN, lifts(2, hold=6.0), still(5.0)]), START)
    seconds = [round(float(e.detail["seconds"])) for e in events if e.kind == "hold_second"]
    assert seconds[:5] == [1, 2, 3, 4, 5]
    reps = [e for e in events if e.kind == "rep"]
    assert all(5.0 < float(e.detail["hold_s"]) < 7.5 for e in reps)
    assert first(events, "hold_end").detail["whole"] is True


@pytest.mark.parametrize("every", [3, 24, 25, 26, 101, 512])
def test_any_cut_gives_the_same(every: int) -> None:
    body = np.concatenate([BEGUN, lifts(3), still(12.0), lifts(2), still(8.0)])
    found = []
    for size in (len(body), every):
        session, f = worn(plan()), frames(body)
        for c in (START, command(11.03, "undo"), command(24.987, "tap", taps=2)):
            session.command(c)
        events, traces = [], []
        for i in range(0, len(body), size):
            traces.append(session.push(cut(f, i, i + size))[1])
            events += session.take_events()[1]
        session.finish()
        found.append((events + session.take_events()[1], np.concatenate(traces)))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_a_copy_of_the_state_shares_what_the_original_shared() -> None:
    """The hold judge looks at the counter's own trace: so must its copy."""
    trace = [1.0]
    copied = snapshot({"counter": trace, "judge": [trace]})
    copied["counter"].append(2.0)
    assert (copied["judge"][0], trace) == ([1.0, 2.0], [1.0])


def test_a_set_opened_by_stillness_has_begun_with_its_first_repetition() -> None:
    body = np.concatenate([BEGUN, lifts(1), still(3.0)])
    for told, begun in (((), [False, True]), ((command(1.0, "start"),), [True])):
        session, f, seen = worn(plan()), frames(body), []
        for c in (START, *told):
            session.command(c)
        for i in range(0, len(body), 25):
            session.push(cut(f, i, i + 25))
            assert session.coach is not None
            scene = session.coach.scene
            if scene.phase == "set" and scene.begun not in seen:
                seen.append(scene.begun)
        assert seen == begun


def test_the_table_is_whole() -> None:
    """Every phase can be left and stopped; every action exists; a double tap means something in every phase."""
    from imu_coach.core.coach import Coach

    assert set(TAPS) == set(PHASES)
    assert {phase for phase, _ in TABLE} <= set(PHASES)
    for phase in PHASES[:-1]:
        assert (phase, "stop") in TABLE
    for action in TABLE.values():
        assert callable(getattr(Coach, "_" + action))


def test_angles_pass_through() -> None:
    """The coach only looks: without anything to do it changes nothing."""
    header = Header((SensorInfo("upper_back", mounting=(1.0, 0.0, 0.0, 0.0), bias=(0.0, 0.0, 0.0)),))
    setup = config.setup(header)
    f = frames(still(3.0))
    plain, _ = Session(header, setup).push(f)
    coached, trace = Session(header, replace(setup, plan=plan())).push(f)
    assert isinstance(plain, Angles)
    i, j = (a.names.index("trunk_inclination") for a in (plain, coached))
    np.testing.assert_array_equal(plain.value[:, i], coached.value[:, j])
    assert np.isnan(trace).all()


@pytest.mark.parametrize("taps", [[2], {"a": 1}, None, "two", -1, 2.5])
def test_a_command_that_makes_no_sense_changes_nothing(taps: Any) -> None:
    """Commands come from files and pages: whatever they hold, the session goes on."""
    body = np.concatenate([BEGUN, lifts(1), still(2.0)])
    odd = command(4.0, "tap", taps=taps), command(4.1, "exercise", id=[1], side={}), command(4.2, "stop", reason=None)
    told = play(body, START, odd[0])
    assert "paused" not in kinds(told)
    assert "not_in_plan" in kinds(play(body, START, *odd))


@pytest.mark.parametrize("name", ["start", "tap", "next", "finish", "stop", "undo", "exercise"])
def test_a_plan_of_nothing_has_nothing_to_begin(name: str) -> None:
    """A prescription may leave nothing over."""
    events = play(still(3.0), command(1.0, name, taps=2, id="x"), to_do=Plan("none", "none", ()))
    assert "exercise_begin" not in kinds(events)
