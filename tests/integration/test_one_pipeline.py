"""Live == replay == batch: what a session showed comes out of its file again, bit for bit; a cut file gives part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imu_coach import Recording, config, process, synthetic
from imu_coach.core.pipeline import Pipeline
from imu_coach.core.placed import Placed
from imu_coach.drivers import own
from imu_coach.evaluate import slump
from imu_coach.recording import Writer
from imu_coach.run import stream
from imu_coach.synthetic import Faults, Step, numbered
from imu_coach.testing import assert_identical
from imu_coach.types import Header, Packet, SensorInfo, concat

STEPS = (*synthetic.START, Step("bend", reps=2), Step("stand_quiet", seconds=5))
FAULTS = Faults(loss=0.01, stalls=(("wrist", 25.0, 0.9),), out_of_range=(("upper_back", 44.0, 46.0),))


@pytest.fixture(scope="module")
def simulated() -> synthetic.Simulated:
    return synthetic.simulate(STEPS, seed=21, faults=FAULTS)


def test_live_and_replay_are_the_same(simulated: synthetic.Simulated, tmp_path: Path) -> None:
    """Live: each input is recorded, then pushed, one at a time.  Replay: the file, in whatever chunks it has."""
    setup = config.setup(simulated.header)
    pipeline, shown = Pipeline(simulated.header, setup), []
    with Writer(tmp_path / "live.mcap", simulated.header) as writer:
        shown.append(pipeline.push([]))
        for item in simulated.inputs:
            writer.write(item)
            shown.append(pipeline.push([item]))
        shown.append(pipeline.flush())
    replayed = list(stream(Recording.open(tmp_path / "live.mcap"), setup))
    assert_identical(concat(shown), concat(replayed))
    batch = process(Recording.open(tmp_path / "live.mcap"))
    np.testing.assert_array_equal(batch.block.value, concat(shown).angles.value)
    assert batch.events == concat(shown).events


def test_a_cut_file_gives_the_beginning_of_the_whole(simulated: synthetic.Simulated, tmp_path: Path) -> None:
    path = tmp_path / "whole.mcap"
    Recording.of(simulated.header, simulated.inputs).save(path)
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    whole = process(Recording.open(path))
    recording = Recording.open(cut)
    part = process(recording)
    assert recording.losses
    n = len(part.block.index) - 60  # frames that were still waiting for late data when the file ends
    assert n > 2000
    np.testing.assert_array_equal(part.block.value[:n], whole.block.value[:n])


def test_every_sample_keeps_its_number_through_the_stages() -> None:
    """The accelerometer carries the sample's number: loss, doubling and order are visible wherever one looks."""
    info = SensorInfo("upper_back")
    inputs = numbered(["upper_back"], 60.0, faults=Faults(loss=0.03, duplicate=0.02, late=0.02), seed=3)
    header = Header((info,))
    pipeline = Pipeline(header, config.setup(header))
    receiver = pipeline.receivers["upper_back"]
    samples = receiver.push([i for i in inputs if isinstance(i, Packet)])
    true = ~samples.held
    carried = synthetic.number_of(info, samples.acc[true])
    offset = np.unique((carried - samples.number[true]) % 65536)
    assert len(offset) == 1, "a sample's own number and the one it was given differ by a constant"
    assert (np.diff(samples.number) >= 1).all()
    assert receiver.lost > 0
    assert receiver.late > 0


def test_placed_is_empty_without_packets() -> None:
    nothing = own.Own(SensorInfo("wrist")).decode([])
    assert len(Placed().samples("wrist", nothing, np.empty(0, np.int64)).t) == 0


def test_a_slow_slump_is_not_taken_for_bias() -> None:
    rows = slump.run()["rows"]
    captured = [r for r in rows if r["capture"] == "table"]
    never = [r for r in rows if r["capture"] == "none"]
    assert max(r["largest_error_deg"] for r in captured) < 0.5
    for a, b in zip(captured, never, strict=True):
        assert b["band_half_width_deg"] > a["band_half_width_deg"] + 2.0, "without a capture the band is wider"
