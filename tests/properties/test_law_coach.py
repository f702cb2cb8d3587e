"""The law with a coach, guards and commands: re-siting, a way down to the floor, taps, undo, a gap, a stop."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_log import Lawful, Log

from imu_coach import catalogue, config, planner, rules, synthetic
from imu_coach.exercise import Plan
from imu_coach.synthetic import Faults
from imu_coach.types import Command, Input

DONE = (("ext_rotation_seated", "", 1, 3, None), ("row_low_dumbbell", "right", 1, 3, None),
        ("superman_beginner", "", 1, 2, 3.0), ("prone_ext_beginner", "", 1, 2, 4.0))  # fmt: skip
BAD_LINK = Faults(
    loss=0.01, burst=1.0, stall_rate=1.0, stalls=(("wrist", 62.0, 1.2),), out_of_range=(("wrist", 90.0, 96.5),)
)


def plan() -> Plan:
    """What was done, as a plan."""
    items = [planner.single(catalogue.exercise(id), side).items[0] for id, side, *_ in DONE]
    items = [i._replace(sets=(1, 1), reps=(2, 3), rest=(4.0, 60.0)) for i in items]
    return Plan("law", "law", tuple(items), practice=False)


def log() -> Log:
    """A coached session on a bad link, and more commands than any person gives."""
    simulated = synthetic.coached_session(DONE, 3, faults=BAD_LINK)
    end = simulated.inputs[-1].arrived_ns
    extra: list[Input] = [
        Command(round(at * end), name, value)
        for at, name, value in (
            (0.21, "tap", {"taps": 2}),
            (0.22, "tap", {"taps": 2}),
            (0.213, "add", {}),
            (0.216, "undo", {}),
            (0.33, "context", {"posture": "standing", "in_set": True}),
            (0.5, "pause", {}),
            (0.51, "resume", {}),
            (0.93, "stop", {"reason": "pain"}),
        )
    ]
    inputs = sorted([*simulated.inputs, *extra], key=lambda i: i.arrived_ns)
    setup = replace(config.setup(simulated.header), plan=plan(), rules=rules.load())
    return simulated.header, inputs, setup


LAW = Lawful(log)


def test_the_log_has_what_it_takes() -> None:
    """A session in which the coach does nothing would let any mutant through."""
    kinds = [e.kind for e in LAW.whole(True).events]
    wanted = {"exercise_begin", "set_begin", "rep", "set_end", "paused", "resumed", "resited", "undone", "hold_begin",
              "hold_second", "hold_end", "session_end", "sensor_lost", "calibrated"}  # fmt: skip
    assert wanted <= set(kinds), wanted - set(kinds)
    assert kinds.count("rep") >= 6
    assert {"warning", "not_judged"} & set(kinds)


@pytest.mark.parametrize("flush", [True, False])
def test_one_input_at_a_time(flush: bool) -> None:
    LAW.check_one_at_a_time(flush)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 12000), max_size=60))
def test_any_cut_with_empty_chunks_too(cuts: list[int]) -> None:
    LAW.check([*cuts, *cuts[:5]])


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 12000), st.integers(1, 40))
def test_small_chunks_around_one_place(start: int, size: int) -> None:
    LAW.check([start + size * i for i in range(30)])


def test_a_prefix_is_a_prefix() -> None:
    """What was said is never taken back."""
    early, late = LAW.run([], flush=False, first=len(LAW.log()[1]) // 2), LAW.whole(False)
    assert late.events[: len(early.events)] == early.events


def poses() -> Log:
    """Its beginning, with poses that last on while a set opens: what the body stage did ahead must not stay in them."""
    header, inputs, setup = log()
    end = 84_000_000_000
    extra = [
        Command(round(at * 1e9), "calibrate", {"pose": "sit_tall", "seconds": seconds})
        for at, seconds in ((52.0, 30.0), (55.0, 3.0))
    ]
    return header, sorted([*(i for i in inputs if i.arrived_ns < end), *extra], key=lambda i: i.arrived_ns), setup


def test_a_pose_that_lasts_on_while_a_set_opens() -> None:
    """Else a replay would find another way in which the sensor sits than the session did."""
    law = Lawful(poses)
    events = law.whole(True).events
    opened = next(e.decided for e in events if e.kind == "set_begin")
    spanned = [e for e in events if e.detail.get("pose") == "sit_tall" and e.onset < opened < e.decided]
    assert len(spanned) == 2
    assert all("sensors" in e.detail for e in spanned)
    law.check(range(0, len(law.log()[1]), 3))
