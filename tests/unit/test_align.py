"""Frames by hand: what a frame holds is decided by recorded arrival times, and when it is emitted by host time."""

from __future__ import annotations

import numpy as np
import pytest

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE
from imu_coach.core.align import STEP_NS, Aligner
from imu_coach.types import Attitude, Frames, Why

WAIT_NS = 300_000_000
MS = 1_000_000


def attitude(
    t: list[float],
    arrived: list[float],
    *,
    angle: list[float] | None = None,
    settled: bool | list[bool] = True,
    start: tuple[int, ...] = (0,),
) -> Attitude:
    """Turned by ``angle`` (default: the time, rad) about x; acc and gyr are the time too; times in s."""
    x = np.array(t, float)
    turn = x if angle is None else np.array(angle)
    q = quat.from_rotvec(turn[:, None] * np.array([1.0, 0.0, 0.0]))
    values = np.repeat(x[:, None], 3, axis=1)
    arrived_ns = np.round(np.array(arrived) * 1e9).astype(np.int64)
    flags = np.broadcast_to(np.array(settled), x.shape).copy()
    begins = np.isin(np.arange(len(x)), start)
    return Attitude("wrist", x, arrived_ns, q, values, -values, flags, np.zeros(len(x), bool), begins)


def empty() -> Attitude:
    return attitude([], [])


def grid(first: float, last: float, start: tuple[int, ...] = (0,)) -> Attitude:
    t = np.arange(first, last, 0.008)
    return attitude(t.tolist(), (t + 0.02).tolist(), start=start)


def one(a: Attitude, host: float, wait_ns: int | None = WAIT_NS, end: int | None = None) -> Frames:
    return Aligner(1, wait_ns).push([a], round(host * 1e9), end)


def test_the_step_is_the_grid() -> None:
    assert STEP_NS * FRAME_RATE == 1e9


def test_values_between_two_samples() -> None:
    f = one(attitude([0.003, 0.0150, 0.027], [0.02, 0.03, 0.04]), 0.04)
    assert f.index.tolist() == [0, 1, 2]
    assert f.why[:, 0].tolist() == [Why.NOT_STARTED, 0, 0]
    np.testing.assert_allclose(f.acc[1:, 0, 0], [0.010, 0.020], atol=1e-15)
    np.testing.assert_allclose(f.gyr[1:, 0, 2], [-0.010, -0.020], atol=1e-15)
    np.testing.assert_allclose(
        f.earth_from_sensor[1:, 0], quat.from_rotvec(np.array([[0.01, 0, 0], [0.02, 0, 0]])), atol=1e-7
    )
    for values in (f.earth_from_sensor, f.acc, f.gyr):
        assert np.isnan(values[0]).all()


def test_a_sample_on_the_grid_is_taken_as_it_is() -> None:
    f = one(attitude([0.0, 0.01, 0.02], [0.02, 0.03, 0.04], angle=[0.1, 0.5, 0.2]), 0.04)
    assert f.index.tolist() == [0, 1, 2]
    assert f.why[:, 0].tolist()[1:] == [0, 0]
    np.testing.assert_allclose(f.earth_from_sensor[1, 0], quat.from_rotvec(np.array([0.5, 0.0, 0.0])), atol=1e-15)


def test_signs_of_quaternions_do_not_matter() -> None:
    a = attitude([0.003, 0.013], [0.02, 0.02])
    flipped = Attitude(
        "wrist", a.t, a.arrived_ns, a.earth_from_sensor * [[1.0], [-1.0]], a.acc, a.gyr, a.settled, a.held, a.start
    )
    q = one(flipped, 0.02).earth_from_sensor[1, 0]
    assert np.linalg.norm(q) == pytest.approx(1.0)
    np.testing.assert_allclose(np.abs(q), np.abs(one(a, 0.02).earth_from_sensor[1, 0]), atol=1e-12)


@pytest.mark.parametrize(("late_ns", "code"), [(-1, 0), (0, 0), (1, Why.NO_DATA)])
def test_the_deadline_is_a_predicate(late_ns: int, code: int) -> None:
    """Frame 5 at 50 ms needs the sample at 53 ms by 350 ms, to the nanosecond; when code ran has no say."""
    t = [0.003 + 0.01 * k for k in range(8)]
    arrived = [0.02 + x for x in t]
    a = attitude(t, arrived)
    late = a.arrived_ns.copy()
    late[5:] = 50 * MS + WAIT_NS + late_ns
    b = Attitude("wrist", a.t, late, a.earth_from_sensor, a.acc, a.gyr, a.settled, a.held, a.start)
    for host in (0.4, 9.0):
        f = one(b, host)
        assert f.why[1:5, 0].tolist() == [0, 0, 0, 0]
        assert f.why[5, 0] == code
        assert f.why[6, 0] == 0, "its own deadline is 10 ms later"


def test_a_late_start_is_not_a_hole() -> None:
    """A first sample that came after a frame's deadline: for that frame the sensor had not started."""
    a = attitude([0.003, 0.013, 0.303], [0.400, 0.400, 0.400])
    f = one(a, 2.0)
    assert f.why[1, 0] == Why.NOT_STARTED
    assert f.why[9, 0] == Why.NOT_STARTED
    assert f.why[10, 0] == 0, "deadline 0.4 s: the sample at 303 ms came in time"
    assert f.why[31, 0] == Why.NO_DATA


@pytest.mark.parametrize(("host_ns", "n"), [(0, 0), (1, 1), (STEP_NS, 1), (STEP_NS + 1, 2), (5 * STEP_NS, 5)])
def test_no_frame_at_or_after_host_time(host_ns: int, n: int) -> None:
    """So that a command given at that moment still finds its frame undecided, even if a sensor claims to be ahead."""
    stage = Aligner(1, WAIT_NS)
    f = stage.push([grid(0.001, 0.5)], host_ns)
    assert f.index.tolist() == list(range(n))
    assert stage.push([empty()], host_ns).index.tolist() == [], "and none twice"


@pytest.mark.parametrize(("host_ns", "n"), [(WAIT_NS, 0), (WAIT_NS + 1, 1), (WAIT_NS + STEP_NS + 1, 2)])
def test_a_silent_sensor_is_waited_for_until_the_deadline_has_passed(host_ns: int, n: int) -> None:
    f = Aligner(2, WAIT_NS).push([grid(0.0, 0.3), empty()], host_ns)
    assert len(f.index) == n
    assert (f.why[:, 1] == Why.NOT_STARTED).all()


def test_the_slowest_sensor_decides_before_the_deadline() -> None:
    stage = Aligner(2, WAIT_NS)
    f = stage.push([grid(0.0, 0.2), grid(0.0, 0.1)], 200 * MS)
    assert f.index[-1] == 9
    assert f.index[-1] / FRAME_RATE <= 0.1
    f = stage.push([empty(), grid(0.104, 0.2, start=())], 210 * MS)
    assert f.index[0] == 10
    assert (f.why == 0).all()


def test_why_codes() -> None:
    """Start, settling, a restart after a gap, silence: every reason in one go."""
    a = grid(0.051, 0.202)
    b = grid(0.601, 0.802)
    settled = a.t > 0.1
    first = Attitude("wrist", a.t, a.arrived_ns, a.earth_from_sensor, a.acc, a.gyr, settled, a.held, a.start)
    stage = Aligner(1, WAIT_NS)
    parts = [stage.push([first], 220 * MS), stage.push([b], 900 * MS), stage.push([empty()], 1400 * MS)]
    why = np.concatenate([p.why[:, 0] for p in parts])
    k = np.concatenate([p.index for p in parts])
    np.testing.assert_array_equal(k, np.arange(len(k)))
    assert set(why[k <= 5]) == {Why.NOT_STARTED}
    assert set(why[(k >= 6) & (k <= 10)]) == {Why.SETTLING}
    assert set(why[(k >= 12) & (k <= 19)]) == {0}
    assert set(why[(k >= 21) & (k <= 60)]) == {Why.NO_DATA}, "nothing is interpolated into a restart"
    assert set(why[(k >= 61) & (k <= 79)]) == {0}
    assert set(why[k >= 81]) == {Why.NO_DATA}
    for p in parts:
        assert np.isnan(p.acc[:, 0, 0]).tolist() == [w in (Why.NO_DATA, Why.NOT_STARTED) for w in p.why[:, 0]]


def test_one_lonely_sample() -> None:
    """A single sample is no attitude between two samples."""
    f = one(attitude([0.013], [0.02]), 1.0)
    assert f.why[:, 0].tolist() == [Why.NOT_STARTED] * 2 + [Why.NO_DATA] * (len(f.index) - 2)


def test_end_emits_everything_before_it() -> None:
    stage = Aligner(2, WAIT_NS)
    f = stage.push([grid(0.0, 0.2), empty()], 200 * MS)
    assert len(f.index) == 0
    f = stage.push([empty(), empty()], 200 * MS, end=20)
    assert f.index.tolist() == list(range(20))
    assert (f.why[1:, 0] == 0).all()
    assert stage.push([empty(), empty()], 200 * MS, end=20).index.tolist() == []
    assert stage.push([empty(), empty()], 200 * MS, end=5).index.tolist() == [], "never back"


def test_without_deadline_late_data_counts() -> None:
    """The offline result: what arrives an hour later is in its frame."""
    t = [0.003 + 0.01 * k for k in range(60)]
    a = attitude(t, [3600.0] * 60)
    assert (one(a, 3601.0, wait_ns=None).why[1:60, 0] == 0).all()
    stage = Aligner(2, None)
    assert len(stage.push([a, empty()], 3601 * 10**9).index) == 0, "it waits for ever"
    assert len(stage.push([empty(), empty()], 3601 * 10**9, end=60).index) == 60


def test_pieces_give_the_same_as_the_whole() -> None:
    """Down to single samples, so that what is kept between pushes is enough."""
    t = np.arange(0.0, 1.0, 0.0073)
    whole = one(attitude(t.tolist(), (t + 0.05).tolist()), 1.1)
    stage = Aligner(1, WAIT_NS)
    parts = []
    for i, x in enumerate(t.tolist()):
        parts.append(stage.push([attitude([x], [x + 0.05], start=(0,) if i == 0 else ())], round((x + 0.05) * 1e9)))
    parts.append(stage.push([empty()], 1_100_000_000))
    np.testing.assert_array_equal(np.concatenate([p.index for p in parts]), whole.index)
    for name in ("earth_from_sensor", "acc", "gyr", "why"):
        np.testing.assert_array_equal(np.concatenate([getattr(p, name) for p in parts]), getattr(whole, name))
