"""The whole core: bad use is an error, bad input is counted, and events come out in the order that decided them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from imu_coach import config, quat, synthetic
from imu_coach.core.align import STEP_NS
from imu_coach.core.pipeline import LONGEST_SILENCE_NS, Pipeline
from imu_coach.drivers import own
from imu_coach.errors import ConfigError, SensorNotFound
from imu_coach.settings import Setup
from imu_coach.synthetic import PERFECT, Faults, Simulated, Step
from imu_coach.testing import assert_identical, partition, run
from imu_coach.types import Command, Header, Input, Link, Packet, SensorInfo, Tick, Why, concat

SECOND = 10**9
SENSORS = ("upper_back", "wrist")


@cache
def session() -> Simulated:
    """The start routine and a few bends, on a good link, with faultless sensors."""
    return synthetic.simulate((*synthetic.START, Step("bend", reps=2)), seed=6, sensors=SENSORS, errors=PERFECT)


def setup(header: Header | None = None, **changes: Any) -> Setup:
    return replace(config.setup(header or session().header), **changes)


def fresh() -> Pipeline:
    return Pipeline(session().header, setup())


def test_unknown_filter_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"unknown filter 'magic'.*vqf.*ekf") as caught:
        Pipeline(session().header, setup(filter="magic"))
    assert caught.value.key == "filter"


def test_a_layout_without_its_sensor() -> None:
    with pytest.raises(SensorNotFound) as caught:
        Pipeline(session().header, setup(layout=config.layout("upper_back_sacrum")))
    assert caught.value.name == "sacrum"
    assert caught.value.seen == SENSORS


def test_unknown_driver() -> None:
    header = Header((SensorInfo("upper_back", "magic"),))
    with pytest.raises(ConfigError, match="unknown driver"):
        Pipeline(header, setup(header))


def test_nothing_pushed_nothing_given() -> None:
    pipeline = fresh()
    for update in (pipeline.push([]), pipeline.push([]), pipeline.flush()):
        assert len(update.frames.index) == len(update.angles.index) == 0
        assert update.angles.names[0] == "trunk_inclination"
        assert update.events == ()
        assert set(update.health) == set(SENSORS)
        assert update.health["wrist"].packets == 0


def test_a_session_from_bytes_to_angles() -> None:
    """Faultless sensors: the trunk's inclination within a degree of what was simulated, and always in its band."""
    s = session()
    out = run(s.header, setup(), [s.inputs])
    index = out.angles.index
    np.testing.assert_array_equal(index, np.arange(len(index)), err_msg="one row per frame, none missing")
    assert len(index) == -(-s.inputs[-1].arrived_ns // STEP_NS)
    i = out.angles.names.index("trunk_inclination")
    there = (out.angles.why[:, i] == 0) & (index < len(s.truth.t))
    assert there.mean() > 0.5
    true = s.truth.angle["trunk_inclination"][index[there]]
    error = np.rad2deg(out.angles.value[there, i] - true)
    assert np.abs(error).max() < 1.5
    assert np.sqrt((error**2).mean()) < 0.5
    assert [e.kind for e in out.events if e.kind == "calibration_failed"] == []
    assert {e.detail["pose"] for e in out.events if e.kind == "calibrated"} >= {"table_still", "stand_tall"}
    for site in SENSORS:
        h = out.health[site]
        assert (h.lost, h.late, h.rejected, h.invalid, h.held, h.restarts) == (0, 0, 0, 0, 0, 0)
        assert h.bias_known
        assert h.battery is not None
        assert 0.0 < h.delay < 0.2
        assert h.clock_band is not None
        assert h.clock_band < 0.004
        assert h.packets * 5 == h.samples


@pytest.mark.parametrize("name", ["vqf_default", "madgwick", "mahony", "ekf"])
def test_every_filter_runs(name: str) -> None:
    s = session()
    out = run(s.header, setup(filter=name), [s.inputs[:900]])
    q = out.frames.earth_from_sensor[(out.frames.why == 0).all(axis=1)]
    assert len(q) > 300
    np.testing.assert_allclose(quat.length(q), 1.0, atol=1e-9)


# --- times that cannot be -------------------------------------------------------------------------------------------


def times(*stamps: int) -> list[Input]:
    return [Packet("wrist", ns, own.DATA, b"") for ns in stamps]


@pytest.mark.parametrize("bad", [4 * SECOND, -1, 5 * SECOND + LONGEST_SILENCE_NS + 1, 2**62])
def test_a_time_that_cannot_be_is_counted_and_passed_over(bad: int) -> None:
    pipeline = fresh()
    pipeline.push([Tick(5 * SECOND)])
    update = pipeline.push([Packet("wrist", bad, own.DATA, b""), Tick(bad), Command(bad, "marker", {})])
    assert update.health["wrist"].rejected == 1
    assert update.health["upper_back"].rejected == 0
    update = pipeline.push([Tick(6 * SECOND), Command(6 * SECOND, "marker", {"text": "now"})])
    assert len(update.frames.index) == 100, "time goes on from where it was"
    assert [e.detail["text"] for e in concat([update, pipeline.push([Tick(7 * SECOND)])]).events] == ["now"]


def test_the_longest_silence_that_is_believed() -> None:
    pipeline = Pipeline(session().header, setup(layout=config.layout("wrist")))
    update = pipeline.push([Tick(LONGEST_SILENCE_NS // 60)])
    assert len(update.frames.index) == LONGEST_SILENCE_NS // 60 // STEP_NS - 30
    assert (update.frames.why == Why.NOT_STARTED).all()


def test_one_stamp_out_of_order_changes_nothing_else() -> None:
    s = session()
    k = 900
    odd = s.inputs[k]._replace(arrived_ns=3)
    clean = run(s.header, setup(), [s.inputs[:1500]])
    out = run(s.header, setup(), [[*s.inputs[: k + 1], odd, *s.inputs[k + 1 : 1500]]])
    np.testing.assert_array_equal(out.angles.value, clean.angles.value)
    assert out.events == clean.events


def test_inputs_of_other_sensors_are_none_of_its_business() -> None:
    s = session()
    part = s.inputs[:1200]
    strangers: list[Input] = [Packet("ankle", i.arrived_ns, 2, b"junk") for i in part[:300]]
    strangers += [Link("ankle", part[300].arrived_ns, "up", 0.0)]
    mixed = sorted([*part, *strangers], key=lambda i: i.arrived_ns)
    assert_identical(run(s.header, setup(), [part]), run(s.header, setup(), [mixed]))


def test_a_layout_of_fewer_sensors() -> None:
    """The other sensors of the recording are simply not used."""
    s = session()
    one = setup(layout=config.layout("upper_back"))
    out = run(s.header, one, [s.inputs[:2000]])
    assert set(out.health) == {"upper_back"}
    assert out.frames.why.shape[1] == 1


# --- commands -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cuts", [[], [1], [1, 2, 3], [2, 2]])
def test_a_command_finds_its_frame_undecided(cuts: list[int]) -> None:
    """Given at 2 s, it acts at frame 200, although all data of that time are long there."""
    log: list[Input] = [Tick(2 * SECOND), Command(2 * SECOND, "marker", {"text": "a"}), Tick(3 * SECOND)]
    pipeline = fresh()
    out = concat([pipeline.push(part) for part in partition(log, cuts)])
    assert [(e.kind, e.decided) for e in out.events] == [("marked", 200)]


def test_events_wait_for_their_frame() -> None:
    pipeline = fresh()
    assert pipeline.push([Command(2 * SECOND, "marker", {}), Tick(2 * SECOND)]).events == ()
    assert pipeline.push([Tick(2 * SECOND + 300_000_000)]).events == ()
    (event,) = pipeline.push([Tick(2 * SECOND + 300_000_001)]).events
    assert event.decided == 200


def test_events_in_the_order_of_the_frames_that_decided_them() -> None:
    """Sensors lost and back, captures, markers: any push gives them sorted, and all pushes together too."""
    faults = Faults(out_of_range=(("wrist", 20.0, 24.0), ("upper_back", 21.0, 23.5)), reboots=(("wrist", 30.0),))
    s = synthetic.simulate((*synthetic.START, Step("bend", reps=1)), seed=6, sensors=SENSORS, faults=faults)
    markers: list[Input] = [Command(t * SECOND, "marker", {"text": str(t)}) for t in (20, 21, 22, 22, 23, 25, 26)]
    log = sorted([*s.inputs, *markers], key=lambda i: i.arrived_ns)
    pipeline = Pipeline(s.header, setup(s.header))
    newest, seen = -1, []
    for part in [*partition(log, range(0, len(log), 50)), None]:
        update = pipeline.flush() if part is None else pipeline.push(part)
        seen += update.events
        newest = int(update.frames.index[-1]) if len(update.frames.index) else newest
        assert all(e.decided <= newest for e in update.events) or part is None
    assert [e.decided for e in seen] == sorted(e.decided for e in seen)
    assert {"sensor_lost", "sensor_back", "marked", "calibrated"} <= {e.kind for e in seen}
    assert all(e.onset <= e.decided for e in seen)


@pytest.mark.parametrize("seconds", [None, "5", 0, 0.99, 60.1, float("nan"), float("inf"), [5]])
def test_a_table_capture_of_no_sensible_length_is_not_made(seconds: object) -> None:
    pipeline = fresh()
    pipeline.push([Command(SECOND, "calibrate", {"pose": "table_still", "seconds": seconds})])
    out = pipeline.push([Tick(90 * SECOND)])
    assert not [e for e in out.events if e.kind == "calibrated"]
    assert len([e for e in out.events if e.kind == "calibration_failed"]) <= 1, "not once per sensor for want of data"


def test_a_table_capture_of_no_sensible_length_is_answered() -> None:
    pipeline = fresh()
    pipeline.push([Command(SECOND, "calibrate", {"pose": "table_still", "seconds": 0})])
    assert [e.kind for e in pipeline.push([Tick(9 * SECOND)]).events] == ["calibration_failed"]


def test_a_table_capture_without_data_fails_for_every_sensor() -> None:
    pipeline = fresh()
    pipeline.push([Command(SECOND, "calibrate", {"pose": "table_still", "seconds": 5.0})])
    out = pipeline.push([Tick(30 * SECOND)])
    assert [(e.kind, e.sensor) for e in out.events] == [("calibration_failed", s) for s in SENSORS]


def test_a_capture_narrows_the_bands() -> None:
    """After the capture on the table the bands are those of a sensor whose bias was known beforehand."""
    s = session()
    known = replace(s.header, sensors=tuple(replace(i, bias=(0.0, 0.0, 0.0)) for i in s.header.sensors))
    runs = [run(header, setup(), [s.inputs]).angles for header in (s.header, known)]
    i = runs[0].names.index("trunk_inclination")
    both = (runs[0].why[:, i] == 0) & (runs[1].why[:, i] == 0)
    captured, given = (np.rad2deg(a.high - a.low)[both, i] for a in runs)
    assert len(given) > 1000
    np.testing.assert_allclose(captured, given, atol=0.1)


def test_flush_decides_what_still_waits() -> None:
    pipeline = fresh()
    early = pipeline.push([Tick(2 * SECOND), Command(2 * SECOND - 1, "marker", {})])
    assert pipeline.health()["wrist"].rejected == 0
    late = pipeline.flush()
    assert early.frames.index[-1] == 169
    assert late.frames.index.tolist() == list(range(170, 200))
    assert len(pipeline.flush().frames.index) == 0
