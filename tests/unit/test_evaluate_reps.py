"""``evaluate reps``: what is matched with what, practice before the sets, and tables that fit a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from imu_coach.cli.evaluate import evaluate
from imu_coach.core.observe import PRACTICE
from imu_coach.evaluate import reps
from imu_coach.evaluate.counting import Case, _matched, counted, session


def test_each_repetition_told_belongs_to_the_one_it_shares_most_time_with() -> None:
    done = [(0.0, 1.0, 3.0, 0.5, True), (3.0, 4.0, 6.0, 0.5, True)]
    early = [(-0.5, 2.4, 2.5), (2.4, 5.5, 5.6)]
    assert _matched(done, early) == [(done[0], early[0]), (done[1], early[1])]
    twice = [(3.0, 4.0, 4.1), (3.9, 6.0, 6.1)]
    assert _matched(done, twice) == [(done[1], twice[1])]
    assert _matched(done, [(7.0, 8.0, 8.1)]) == _matched([], early) == []


def test_practice_teaches_and_is_not_scored() -> None:
    case = Case("row_low_dumbbell", 17001, (), 2.0, "tuning", practice=True)
    simulated, events = session(case)
    kinds = [e.kind for e in events]
    assert kinds.index("practice_begin") < kinds.index("practised") < kinds.index("set_begin")
    practised = simulated.truth.sets[0]
    assert sum(practised[0] <= r[0] <= practised[1] for r in simulated.truth.reps) == PRACTICE
    sets, _ = counted(case)
    assert len(sets) == len(simulated.truth.sets) - 1 == 2
    assert [s.told for s in sets] == [s.true for s in sets]
    assert max(x for s in sets for x in s.latency) < 1.0, (
        "what was expected is double, and was unlearned before the set"
    )


def test_tables_fit_a_terminal_and_the_rest_is_in_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reps, "FACTORS", (0.5,))
    monkeypatch.setattr(reps.run, "__kwdefaults__", {**reps.run.__kwdefaults__, "factors": (0.5,), "jobs": 1})
    out = tmp_path / "numbers.json"
    options = ["--sessions", "1", "--exercise", "triceps_pushback_kneeling", "--practice", "--parameters", "tuning"]
    result = CliRunner().invoke(evaluate, ["reps", *options, "--json", str(out)], catch_exceptions=False)
    assert result.exit_code == 0
    table = [line for line in result.stdout.splitlines() if "triceps" in line or "amplitude " in line]
    assert table
    assert max(len(line) for line in table) <= 100
    assert "tuned on" in result.stdout.splitlines()[0]
    rows = json.loads(out.read_text())["rows"]
    assert [r["amplitude"] for r in rows] == ["x0.5", "x0.5 practice"] * 2
    assert np.isfinite([r[k] for r in rows for k in ("MAE", "seen %", "probable %", "latency p95")]).all()
