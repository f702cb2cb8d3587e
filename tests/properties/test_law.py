"""The law: any cut of the inputs gives the same frames, angles, events and counters, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_log import Lawful, Log

from imu_coach import Recording, config, synthetic
from imu_coach.core.pipeline import Pipeline
from imu_coach.synthetic import Faults, Step
from imu_coach.testing import assert_identical, partition, run
from imu_coach.types import Command, Input, Packet, Tick, concat

SENSORS = ("upper_back", "wrist", "sacrum")
STEPS = (
    *synthetic.START,
    Step("bend", reps=2),
    Step("stand_quiet", seconds=11),
    Step("pushback", reps=2),
    Step("stand_quiet", seconds=4),
)
BAD_LINK = Faults(
    loss=0.01,
    burst=3.0,
    stalls=(("wrist", 0.0, 1.2), ("wrist", 30.0, 1.4), ("upper_back", 41.0, 0.7), ("sacrum", 41.2, 0.6)),
    stall_rate=4.0,
    out_of_range=(("upper_back", 62.0, 65.0), *((s, 72.0, 75.0) for s in SENSORS)),
    reboots=(("sacrum", 47.0),),
    duplicate=0.01,
    late=0.01,
    rate_error={"upper_back": 0.05, "wrist": -0.05, "sacrum": 0.01},
    slip=(("upper_back", 51.0, 25.0, (1.0, 0.3, 0.4)),),
)


def log() -> Log:
    """A session with everything that can go wrong on a link; generic 3-D attitudes; commands in gaps and in silence."""
    simulated = synthetic.simulate(STEPS, seed=4, sensors=SENSORS, faults=BAD_LINK)
    extra: list[Input] = [
        Command(73_700_000_000, "context", {"posture": "seated", "in_set": False}),
        Command(73_700_000_000, "marker", {"text": "in the silence"}),
        Command(63_123_456_789, "calibrate", {"pose": "stand_tall", "seconds": 4.0}),
        Command(30_900_000_001, "rezero", {}),
    ]
    inputs = [i for i in simulated.inputs if not (isinstance(i, Tick) and 72.5 < i.arrived_ns * 1e-9 < 74.5)]
    merged = sorted([*inputs, *extra], key=lambda i: i.arrived_ns)
    return simulated.header, merged, config.setup(simulated.header)


LAW = Lawful(log)


def test_the_log_has_what_it_takes() -> None:
    """A log in which nothing happens would let any mutant through."""
    inputs = LAW.log()[1]
    out = LAW.whole(True)
    why = out.frames.why
    assert len(inputs) > 3000
    assert {0, 1, 2, 3} <= set(np.unique(why).tolist()), "valid, not started, no data and settling frames"
    kinds = {e.kind for e in out.events}
    assert {"calibrated", "sensor_lost", "sensor_back", "marked", "slipped"} <= kinds
    assert any(e.onset < e.decided for e in out.events), "an event that is back-dated"
    for health in out.health.values():
        assert health.lost > 0
        assert health.late > 0
        assert health.held > 0
        assert health.restarts > 0
    arrivals = [i.arrived_ns for i in inputs if isinstance(i, Packet)]
    assert max(np.diff(arrivals)) > 1_500_000_000, "a silence of all sensors"
    q = out.frames.earth_from_sensor[why[:, 0] == 0, 0]
    assert (np.ptp(q, axis=0) > 0.3).all(), "turning about all axes"


@pytest.mark.parametrize("flush", [True, False])
def test_one_input_at_a_time(flush: bool) -> None:
    LAW.check_one_at_a_time(flush)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 5000), max_size=60))
def test_any_cut_with_empty_chunks_too(cuts: list[int]) -> None:
    LAW.check([*cuts, *cuts[:5]])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 5000), max_size=30))
def test_any_cut_without_flush(cuts: list[int]) -> None:
    LAW.check(cuts, flush=False)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 5000), st.integers(1, 40))
def test_small_chunks_around_one_place(start: int, size: int) -> None:
    LAW.check([start + size * i for i in range(30)])


def test_flush_only_adds() -> None:
    """A killed session never flushed: what it gave is the beginning of what a flushed one gives."""
    a, b = LAW.whole(False), LAW.whole(True)
    n = len(a.angles.index)
    assert 0 < len(b.angles.index) - n < 100
    for name in ("index", "value", "low", "high", "source", "why"):
        x, y = getattr(a.angles, name), getattr(b.angles, name)[:n]
        np.testing.assert_array_equal(x, y)
    assert b.events[: len(a.events)] == a.events


def test_concat_is_associative() -> None:
    header, inputs, setup = LAW.log()
    pipeline = Pipeline(header, setup)
    a, b, c = (pipeline.push(chunk) for chunk in partition(inputs[:1500], [500, 1000]))
    assert_identical(concat([concat([a, b]), c]), concat([a, concat([b, c])]))


def test_a_prefix_is_a_prefix() -> None:
    """What was shown is never changed by what comes later."""
    early, late = LAW.run([], flush=False, first=2000), LAW.whole(False)
    n = len(early.angles.index)
    np.testing.assert_array_equal(early.angles.value, late.angles.value[:n])
    assert late.events[: len(early.events)] == early.events


@pytest.mark.parametrize("name", ["vqf_default", "madgwick", "mahony", "ekf"])
def test_other_filters_obey_it_too(name: str) -> None:
    header, inputs, setup = LAW.log()
    setup = replace(setup, filter=name)
    part = inputs[:1200]
    a = run(header, setup, [part])
    assert_identical(a, run(header, setup, partition(part, list(range(0, 1200, 7)))))


def test_imported_recordings_obey_it_too() -> None:
    """Their samples arrive at the very moment they were taken, and here commands come right after, in the same ns."""
    t = np.arange(3000) * 0.01
    lean = np.deg2rad(20.0) * np.sin(0.7 * t)
    zero = np.zeros_like(t)
    acc = 9.81 * np.stack([-np.sin(lean), np.cos(lean), zero], axis=1)
    gyr = np.stack([zero, zero, -np.gradient(lean, 0.01)], axis=1)
    labels = [(0.1 * k - 0.01, 0.1 * k + 0.09, ("seated", "prone")[k % 2]) for k in range(60, 290)]
    sensors = {"upper_back": (t, acc, gyr), "wrist": (t, acc, gyr)}
    recording = Recording.from_arrays(sensors, neutral=(1.0, 5.0), labels=labels)
    inputs = sorted(recording.inputs(), key=lambda i: (i.arrived_ns, isinstance(i, Command)))
    setup = config.setup(recording.header)
    whole = run(recording.header, setup, [inputs])
    assert_identical(whole, run(recording.header, setup, partition(inputs, range(len(inputs)))))
    packets = {i.arrived_ns for i in inputs if isinstance(i, Packet)}
    assert sum(i.arrived_ns in packets for i in inputs if isinstance(i, Command)) > 200


def test_no_event_is_told_before_the_frame_that_decided_it() -> None:
    header, inputs, setup = LAW.log()
    pipeline, newest, told = Pipeline(header, setup), -1, 0
    for item in inputs[:2500]:
        update = pipeline.push([item])
        newest = int(update.frames.index[-1]) if len(update.frames.index) else newest
        assert all(e.decided <= newest for e in update.events)
        told += len(update.events)
    assert told > 4
