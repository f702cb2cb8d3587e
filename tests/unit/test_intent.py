"""What was agreed before a session comes back from its recording, whatever became of the files since."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from imu_coach import catalogue, intent
from imu_coach.errors import ConfigError
from imu_coach.intent import Wanted

SITES = ("upper_back", "wrist")
OWN = Path(str(catalogue.__file__)).parents[1] / "exercises" / "prone_ext_beginner.toml"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "my_lift.toml").write_text(OWN.read_text("utf-8"), "utf-8")
    (tmp_path / "plan.toml").write_text('title = "Mine"\nexercises = ["my_lift", "superman_beginner"]\n', "utf-8")
    (tmp_path / "rules.toml").write_text("[W10]\non = 33\n", "utf-8")
    text = 'date = "2026-11-02"\nby = "A. Physio"\n[dose.my_lift]\nreps = [5, 6]\n'
    (tmp_path / "note.toml").write_text(text, "utf-8")
    return tmp_path


@pytest.mark.parametrize("case", ["exercise", "programme", "own exercise", "own programme", "prescribed", "nothing"])
def test_a_recording_brings_back_what_was_agreed(case: str, files: Path) -> None:
    wanted = {
        "exercise": Wanted(exercise="triceps_pushback", practice=False),
        "programme": Wanted(programme="spine_basics"),
        "own exercise": Wanted(exercise="my_lift", folder=files / "mine", rules=files / "rules.toml"),
        "own programme": Wanted(programme=str(files / "plan.toml"), folder=files / "mine"),
        "prescribed": Wanted(exercise="my_lift", folder=files / "mine", prescription=files / "note.toml"),
        "nothing": Wanted(rules=files / "rules.toml"),
    }[case]
    before = intent.agreed(wanted, SITES)
    packed = intent.packed(wanted, "upper_back_wrist")
    shutil.rmtree(files)
    after = intent.recalled(packed, SITES)
    assert repr(after) == repr(before)
    assert (after.plan is None) == (case == "nothing")


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"files": 3, "exercises": {}, "exercise": None, "programme": None},
        {"files": {"prescription": "["}, "exercises": {}, "exercise": "superman_beginner", "programme": None},
        {"files": {}, "exercises": {"../../x.toml": "a = 1"}, "exercise": "x", "programme": None},
        {"files": {}, "exercises": {"\0.toml": ""}, "exercise": "x", "programme": None},
        {"files": {}, "exercises": {}, "exercise": "nobody", "programme": None},
        {"files": {}, "exercises": {}, "exercise": None, "programme": "/somewhere/else.toml"},
        {"files": {"programme": "x"}, "exercises": {}, "exercise": None, "programme": "/etc/passwd"},
    ],
)
def test_a_plan_that_cannot_be_read_is_one_line(value: dict[str, Any], tmp_path: Path) -> None:
    """A recording may come from anybody: nothing is written or read outside of a folder of its own."""
    with pytest.raises(ConfigError) as caught:
        intent.recalled(value, SITES)
    assert "\n" not in str(caught.value)


def test_files_that_do_not_fit_are_refused_before_the_session(files: Path) -> None:
    (files / "mine" / "long.toml").write_text("#" * intent.LONGEST, "utf-8")
    with pytest.raises(ConfigError, match="leave some out"):
        intent.packed(Wanted(exercise="my_lift", folder=files / "mine"), "upper_back_wrist")
