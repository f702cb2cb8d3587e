"""Sets counted again: which repetitions are told to be unlike the others, and where that is not told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from imu_coach import catalogue, config, results
from imu_coach.planner import single
from imu_coach.recording import Recording
from imu_coach.recounting import recounted
from imu_coach.run import process, stream
from imu_coach.settings import Setup
from imu_coach.synthetic import Conduct, Faults, Simulated, exercise_session
from imu_coach.types import Floats, Update, concat


def session(exercise: str, reps: int) -> tuple[Simulated, Setup]:
    """Two sets, done evenly, on a good link."""
    even = Conduct(partials=0.0, pauses=0.0, dips=0.0)
    made = exercise_session(exercise, 17003, reps=reps, conduct=even, faults=Faults())
    plan = single(catalogue.exercise(exercise))
    plan = replace(plan, practice=False, items=(plan.items[0]._replace(sets=(2, 3)),))
    return made, config.setup(made.header, plan=plan)


@pytest.fixture(scope="module")
def seven() -> tuple[Update, Setup]:
    """Two sets of seven as they were seen live."""
    made, setup = session("ext_rotation_seated", 7)
    return concat(list(stream(Recording.of(made.header, made.inputs), setup))), setup


def again(update: Update, setup: Setup, trace: Floats) -> pd.DataFrame:
    """Those of its first set, counted again from another trace."""
    table = results.reps(recounted(replace(update, trace=trace), setup.plan).events)
    return table[table["set"] == 1].reset_index(drop=True)


def larger(update: Update, setup: Setup, times: float) -> Floats:
    """The trace with the fourth repetition that many times as large."""
    row = again(update, setup, update.trace).iloc[3]
    a, b = round(100 * row.onset_s), round(100 * row.end_s)
    trace = update.trace.copy()
    trace[a:b] = trace[a] + times * (trace[a:b] - trace[a])
    return trace


def test_even_repetitions_are_alike(seven: tuple[Update, Setup]) -> None:
    update, setup = seven
    table = again(update, setup, update.trace)
    assert table["status"].tolist() == ["counted"] * 7
    assert table["odd_shape"].tolist() == [False] * 7


@pytest.mark.parametrize("times", [1.7, 0.8])
def test_a_much_larger_one_is_unlike_the_others(seven: tuple[Update, Setup], times: float) -> None:
    update, setup = seven
    table = again(update, setup, larger(update, setup, times))
    assert table["status"].tolist() == ["counted"] * 7
    assert table["odd_shape"].tolist() == [times > 1.5 and k == 3 for k in range(7)]


def test_what_was_not_sensed_whole_is_not_told(seven: tuple[Update, Setup]) -> None:
    update, setup = seven
    row = again(update, setup, update.trace).iloc[3]
    a, b = round(100 * row.onset_s), round(100 * row.end_s)
    for share, told in ((0.05, False), (0.15, None)):
        trace = update.trace.copy()
        trace[b - 10 - round(share * (b - a)) : b - 10] = np.nan
        table = again(update, setup, trace)
        assert [None if pd.isna(x) else x for x in table["odd_shape"]] == [False] * 3 + [told] + [False] * 3


def test_small_ones_are_not_told(seven: tuple[Update, Setup]) -> None:
    update, setup = seven
    table = again(update, setup, larger(update, setup, 0.4))
    assert table["status"].tolist() == ["counted"] * 3 + ["small"] + ["counted"] * 3
    assert table["odd_shape"].isna().tolist() == [False] * 3 + [True] + [False] * 3


def test_four_do_not_tell_what_is_usual() -> None:
    made, setup = session("prone_ext_beginner", 4)
    table = process(Recording.of(made.header, made.inputs), setup, result="offline").reps
    assert len(table) == 8
    assert table["odd_shape"].isna().all()


def test_only_the_offline_result_tells() -> None:
    made, setup = session("triceps_pushback", 6)
    recording = Recording.of(made.header, made.inputs)
    live, offline = (process(recording, setup, result=name).reps for name in ("realtime", "offline"))
    assert len(live) >= 6
    assert live["odd_shape"].isna().all()
    assert offline.loc[offline["status"] == "counted", "odd_shape"].notna().all()
