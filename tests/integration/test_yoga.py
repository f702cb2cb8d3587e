"""Held poses of real people, one sensor on the leg; and the superman of simulated ones, by the wrist."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imu_coach import config
from imu_coach.core.stillness import LEAST, StillHold
from imu_coach.errors import ImportFileError
from imu_coach.evaluate import yoga
from imu_coach.recording import Recording
from imu_coach.run import stream
from imu_coach.synthetic import simulate
from imu_coach.types import Json, concat


@pytest.fixture(scope="module")
def rows(data: Path) -> list[dict[str, Json]]:
    folder = data / "yoga_holds"
    if not list(folder.glob("*.npz")):
        pytest.skip("there are no held poses in the data")
    return list(yoga.run(folder)["rows"])


def test_each_held_pose_is_one_hold(rows: list[dict[str, Json]]) -> None:
    held = [row for row in rows[:-2] if "Moving" not in row["pose"]]
    assert len(held) > 10
    assert [row["pose"] for row in held if row["holds"] != 1] == []
    assert all(row["short by"] < 2.5 for row in held), "the way into the pose may be in the file"
    assert np.median([row["short by"] for row in held]) < 0.1
    assert rows[-2]["as one hold %"] >= 95.0


def test_standing_and_moving_is_none(rows: list[dict[str, Json]]) -> None:
    moving = [row for row in rows[:-2] if "Moving" in row["pose"]]
    assert moving
    assert all(row["holds"] == 0 for row in moving)


def test_superman_is_held_while_the_wrist_is_still() -> None:
    simulated = simulate("superman", seed=431)
    recording = Recording.of(simulated.header, simulated.inputs)
    f = concat(list(stream(recording, config.setup(recording.header, "wrist")))).frames
    judge = StillHold(3.0)
    news = judge.push(f.index, f.earth_from_sensor[:, 0], f.gyr[:, 0], f.why[:, 0]) + judge.finish(int(f.index[-1]))
    begins = [n.onset / 100 for n in news if n.kind == "start"]
    lengths = [n.seconds for n in news if n.kind == "end"]
    told = [(a, s) for a, s in zip(begins, lengths, strict=True) if s >= LEAST]
    assert len(simulated.truth.holds) >= 6
    for a, b in simulated.truth.holds:
        (seconds,) = [s for onset, s in told if onset < b - 0.5 and onset + s > a + 0.5]
        assert seconds >= 0.9 * (b - a)
        assert seconds == pytest.approx(b - a, abs=1.0)


def test_a_folder_without_poses_says_so(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match="no poses"):
        yoga.run(tmp_path)
