"""What happens to the inputs of a live session, whatever those who look at it do."""

from __future__ import annotations

from pathlib import Path

import pytest

from imu_coach import config, synthetic
from imu_coach.core.pipeline import Pipeline
from imu_coach.live import Recorder, Session
from imu_coach.recording import Recording
from imu_coach.synthetic import Step
from imu_coach.types import Update


class Broken(Exception):
    """A view that cannot go on."""


def broken(update: Update) -> None:
    if len(update.frames.index) > 100:
        raise Broken


def test_the_inputs_that_end_a_session_are_in_its_recording(tmp_path: Path) -> None:
    """Whatever goes wrong after them, a replay gets as far: it is how one finds out."""
    simulated = synthetic.simulate((Step("stand_quiet", seconds=3.0),), seed=5, sensors=("upper_back",))
    header, inputs, out = simulated.header, list(simulated.inputs), tmp_path / "session.mcap"
    recorder = Recorder(out, header, pytest.fail)
    session = Session(recorder, Pipeline(header, config.setup(header)), (broken,))
    session.push(inputs[:10])
    with pytest.raises(Broken):
        session.push(inputs[10:])
    recorder.close()
    assert list(Recording.open(out).inputs()) == inputs
