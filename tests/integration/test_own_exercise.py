"""A file that a user writes from docs/exercises.md alone counts a movement that the package knows nothing of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from imu_coach import catalogue, config, planner, synthetic
from imu_coach.testing import run

BICEPS_CURL = """
title = "Biceps curl"
place = "standing"
sites = ["upper_back", "wrist"]
tempo = [1, 12]
loaded = true

[gate]
posture = "standing"
trunk = [-20, 25]

[[motions]]
channel = "forearm_elevation"
site = "wrist"
expected = 90
minimum = 30

[dose]
sets = 3
reps = [8, 12]
rest = [20, 60]

[guards]
W1 = {}

[facts]
start = "Stand tall, a weight in each hand, arms hanging."
moves = ["Bend your elbows and bring the weights up.", "Slowly let them down."]
"""


@pytest.mark.parametrize("seed", range(6))
def test_a_biceps_curl_is_counted(tmp_path: Path, seed: int) -> None:
    (tmp_path / "biceps_curl.toml").write_text(BICEPS_CURL, encoding="utf-8")
    exercise = catalogue.exercise("biceps_curl", tmp_path)
    simulated = synthetic.exercise_session("biceps_curl", seed, sensors=("upper_back", "wrist"), activity="biceps_curl")
    item = planner.single(exercise).items[0]._replace(sets=(1, 20), reps=(1000, 1000))
    plan = replace(planner.single(exercise), items=(item,), practice=False)
    events = run(simulated.header, replace(config.setup(simulated.header), plan=plan), [simulated.inputs]).events
    told = [e.onset / 100 for e in events if e.kind == "rep"]
    for begin, end, *_ in simulated.truth.sets:
        done = sum(r[4] for r in simulated.truth.reps if begin - 0.1 <= r[0] <= end)
        assert abs(sum(begin - 2 <= t <= end + 2 for t in told) - done) <= 1
