"""Without deadlines and with the whole log: late data is no hole, and the attitude is not worse than in real time."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from imu_coach import config, quat, synthetic
from imu_coach.drivers.own import scales
from imu_coach.offline import offline
from imu_coach.synthetic import Faults, Simulated, Step
from imu_coach.synthetic.link import device
from imu_coach.testing import assert_identical, run
from imu_coach.types import Command, Packet, Update, Why

SENSORS = ("upper_back", "wrist")
AWAY = (30.0, 33.0)
FAULTS = Faults(
    out_of_range=(("wrist", *AWAY),), catch_up=True, stalls=(("upper_back", 40.0, 1.2),), stall_rate=3.0, loss=0.005
)


@cache
def session() -> Simulated:
    return synthetic.simulate((*synthetic.START, Step("bend", reps=3)), seed=8, sensors=SENSORS, faults=FAULTS)


@cache
def both() -> tuple[Update, Update]:
    s = session()
    setup = config.setup(s.header)
    return run(s.header, setup, [s.inputs]), offline(s.header, setup, s.inputs)


def column(out: Update, name: str, what: str = "value") -> np.ndarray:
    return np.asarray(getattr(out.angles, what)[:, out.angles.names.index(name)])


def test_same_frames_for_both() -> None:
    realtime, late = both()
    np.testing.assert_array_equal(realtime.frames.index, late.frames.index)
    assert realtime.angles.names == late.angles.names
    assert {h.packets for h in late.health.values()} == {h.packets for h in realtime.health.values()}


def test_what_arrived_late_is_filled() -> None:
    """Three seconds out of range, sent afterwards: a hole in real time, none offline; likewise a stall of 1.2 s."""
    realtime, late = both()
    for sensor, a, b in ((1, *AWAY), (0, 40.1, 40.8)):
        rows = slice(int(100 * a) + 5, int(100 * b) - 5)
        assert (realtime.frames.why[rows, sensor] == Why.NO_DATA).all()
        assert (late.frames.why[rows, sensor] == 0).all()
        assert np.isfinite(late.frames.earth_from_sensor[rows, sensor]).all()


def test_it_never_has_less() -> None:
    realtime, late = both()
    worn = np.arange(len(realtime.frames.index)) > 500
    missing = (late.frames.why != 0) & (realtime.frames.why == 0)
    assert missing[worn].sum() == 0


def true_attitude(s: Simulated, index: np.ndarray) -> np.ndarray:
    return s.truth.angle["trunk_inclination"][np.minimum(index, len(s.truth.t) - 1)]


@pytest.mark.parametrize("bias_captured", [True, False])
def test_inclination_is_better_or_equal(bias_captured: bool) -> None:
    """The filter knows the future: rms error of the trunk's inclination, frames that both have."""
    faults = replace(FAULTS, bias_captured=bias_captured, gyro_bias_dps=1.5)
    steps = (*synthetic.START, Step("bend", reps=4))
    worse = better = 0.0
    for seed in (11, 12):
        s = synthetic.simulate(steps, seed=seed, sensors=("upper_back",), faults=faults)
        setup = config.setup(s.header)
        realtime, late = run(s.header, setup, [s.inputs]), offline(s.header, setup, s.inputs)
        keep = (column(realtime, "trunk_inclination", "why") == 0) & (column(late, "trunk_inclination", "why") == 0)
        true = true_attitude(s, realtime.angles.index)
        worse += float(((column(realtime, "trunk_inclination") - true)[keep] ** 2).mean())
        better += float(((column(late, "trunk_inclination") - true)[keep] ** 2).mean())
    assert np.rad2deg(np.sqrt(better / 2)) < 3.0
    assert better <= 1.02 * worse, "rounding of the skin's own error aside"


def clock_error(sync: bool, result: str) -> np.ndarray:
    """Error (s) of frame times against the sample numbers that the frames hold, frame by frame."""
    faults = Faults(clock_ppm={"wrist": 120.0}, burst=2.0, sync=sync)
    inputs = synthetic.numbered(("wrist",), 90.0, faults=faults, seed=2)
    header = synthetic.header_for(("wrist",))
    setup = config.setup(header)
    out = offline(header, setup, inputs) if result == "offline" else run(header, setup, [inputs])
    assert out.health["wrist"].packets > 1700
    part = device("wrist", 100.0, 90.0, faults, 2)
    number = out.frames.acc[:, 0, 0] / scales(header["wrist"])[0]
    true = part.boots[0][0] + part.interval * number
    return (out.frames.index / 100.0 - true)[np.isfinite(number)]


@pytest.mark.parametrize("sync", [True, False])
def test_the_clock_of_the_whole_log(sync: bool) -> None:
    """Right from the first packet to the last, where the causal clock still learns; one-sided, the least delay late."""
    error = clock_error(sync, "offline")
    causal = clock_error(sync, "realtime")
    assert np.abs(error).max() < 0.005
    assert np.abs(error[:300]).max() < np.abs(causal[:300]).max()
    assert len(error) >= len(causal)


def test_counters_are_those_of_real_time() -> None:
    realtime, late = both()
    for name in ("packets", "samples", "lost", "held", "late", "rejected", "invalid", "battery"):
        for sensor in SENSORS:
            assert getattr(late.health[sensor], name) == getattr(realtime.health[sensor], name), name


def test_a_reboot_has_two_clocks() -> None:
    faults = Faults(reboots=(("wrist", 20.0),))
    inputs = synthetic.numbered(("wrist",), 45.0, faults=faults, seed=2)
    header = synthetic.header_for(("wrist",))
    out = offline(header, config.setup(header), inputs)
    why = out.frames.why[:, 0]
    assert (why[2005:2145] == Why.NO_DATA).all(), "the second and a half in which there were no samples"
    assert np.isin(why[100:1980], (0, Why.SETTLING)).all()
    assert np.isin(why[2170:4400], (0, Why.SETTLING)).all()
    assert out.health["wrist"].restarts >= 1


def test_it_is_deterministic() -> None:
    s = session()
    assert_identical(both()[1], offline(s.header, config.setup(s.header), list(s.inputs)))


@pytest.mark.parametrize("name", ["vqf_default", "madgwick"])
def test_other_filters(name: str) -> None:
    s = session()
    out = offline(s.header, replace(config.setup(s.header), filter=name), s.inputs[:2500])
    there = out.frames.why[:, 0] == 0
    assert there.mean() > 0.7
    np.testing.assert_allclose(quat.length(out.frames.earth_from_sensor[there, 0]), 1.0, atol=1e-9)


def test_a_command_acts_in_both() -> None:
    realtime, late = both()
    for out in (realtime, late):
        assert {e.detail["pose"] for e in out.events if e.kind == "calibrated"} >= {"table_still", "stand_tall"}
    assert any(isinstance(i, Command) for i in session().inputs)


@pytest.mark.parametrize("keep", ["nothing", "one sensor", "one packet"])
def test_little_or_no_data(keep: str) -> None:
    s = session()
    if keep == "nothing":
        inputs = [i for i in s.inputs if not isinstance(i, Packet)]
    elif keep == "one sensor":
        inputs = [i for i in s.inputs if not isinstance(i, Packet) or i.sensor == "upper_back"][:1500]
    else:
        inputs = [next(i for i in s.inputs if isinstance(i, Packet) and i.channel == 2)]
    out = offline(s.header, config.setup(s.header), inputs)
    assert len(out.frames.index) == -(-inputs[-1].arrived_ns // 10_000_000)
    assert ((out.frames.why[:, 0] == 0).sum() > 500) == (keep == "one sensor")
