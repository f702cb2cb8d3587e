"""Attitudes: tilt at rest and in motion for every filter, restarts, and where the gyroscope bias comes from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imu_coach import quat
from imu_coach.conventions import GRAVITY
from imu_coach.core.filters import FILTERS
from imu_coach.core.orientation import BLOCK, PATIENCE, SOON, Orientation
from imu_coach.types import Attitude, Event, Samples, SensorInfo

INFO = SensorInfo("wrist", bias=(0.0, 0.0, 0.0))
UNKNOWN = SensorInfo("wrist")
RNG = np.random.default_rng(21)
TILTS = quat.normalize(RNG.standard_normal((6, 3)))
DEGREE = float(np.deg2rad(1.0))
NOISE = 0.07 * DEGREE
"""rad/s at 100 Hz: an ordinary part (5 mdps/sqrt(Hz))."""


def samples(
    up: np.ndarray, gyr: np.ndarray, *, t0: float = 0.5, dt: float = 0.01, delay: float = 0.02, start: bool = True
) -> Samples:
    """Samples of ``up, gyr (n, 3)``; the accelerometer sees gravity alone."""
    n = len(up)
    t = t0 + dt * np.arange(n)
    begins = np.zeros(n, bool)
    begins[:1] = start
    number = np.round(t / dt).astype(np.int64)
    arrived = np.round((t + delay) * 1e9).astype(np.int64)
    return Samples("wrist", number, t, arrived, np.full(n, dt), GRAVITY * up, gyr, np.zeros(n, bool), begins)


def still(
    seconds: float,
    up: np.ndarray,
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0),
    noise: float = 0.0,
    **options: float,
) -> Samples:
    n = round(seconds / options.get("dt", 0.01))
    rng = np.random.default_rng(5)
    gyr = DEGREE * np.array(bias) + noise * rng.standard_normal((n, 3))
    return samples(np.broadcast_to(up, (n, 3)), gyr, **options)  # type: ignore[arg-type]


def turning(seconds: float, first: np.ndarray, rate: np.ndarray, dt: float = 0.01) -> tuple[Samples, np.ndarray]:
    """A constant rate (rad/s, sensor axes) from attitude ``first``; and the true attitudes."""
    t = dt * np.arange(round(seconds / dt))
    q = quat.multiply(np.broadcast_to(first, (len(t), 4)), quat.from_rotvec(t[:, None] * rate))
    return samples(quat.up(q), np.broadcast_to(rate, (len(t), 3)).copy(), dt=dt), q


def run(stage: Orientation, s: Samples) -> Attitude:
    return stage.push(s, int(s.arrived_ns[-1]) if len(s.t) else 0)


def tilt_error(a: Attitude, up: np.ndarray) -> np.ndarray:
    """Degrees between the estimated and the true up direction."""
    return np.rad2deg(np.arccos(np.clip(quat.dot(quat.up(a.earth_from_sensor), up), -1.0, 1.0)))


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("up", [*TILTS, np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, -1.0])], ids=range(8))
def test_tilt_at_rest(name: str, up: np.ndarray) -> None:
    a = run(Orientation(INFO, name, 1.0), still(4.0, up, noise=NOISE))
    assert tilt_error(a, up).max() < 0.5
    np.testing.assert_allclose(quat.length(a.earth_from_sensor), 1.0, atol=1e-9)
    np.testing.assert_array_equal(a.t, 0.5 + 0.01 * np.arange(400))


@pytest.mark.parametrize("name", FILTERS)
def test_a_wrong_beginning_is_forgotten(name: str) -> None:
    """A first sample that was taken in a jolt, 15 deg off: gravity wins within half a minute."""
    up = TILTS[0]
    away = quat.rotate(quat.from_rotvec(15.0 * DEGREE * quat.normalize(np.cross(up, [0.3, 0.1, 0.9]))), up)
    s = still(40.0, up, noise=NOISE)
    acc = s.acc.copy()
    acc[0] = GRAVITY * away
    a = run(Orientation(INFO, name, 1.0), replace(s, acc=acc))
    assert tilt_error(a, up)[-1] < 1.0


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("axis", [*np.eye(3), TILTS[1]], ids=["x", "y", "z", "generic"])
def test_a_quarter_turn(name: str, axis: np.ndarray) -> None:
    """Rates have the right sign about every axis: 90 deg in a second and back, seen as it happens."""
    first = quat.from_up(TILTS[2])
    s, q = turning(1.0, first, 0.5 * np.pi * axis)
    a = run(Orientation(INFO, name, 0.1), s)
    assert tilt_error(a, quat.up(q)).max() < 2.0
    turned = quat.multiply(quat.conjugate(a.earth_from_sensor[0]), a.earth_from_sensor[-1])
    angle = 2.0 * np.arctan2(np.linalg.norm(turned[1:]), turned[0])
    assert np.rad2deg(angle) == pytest.approx(90.0, abs=3.0), "heading included"
    np.testing.assert_allclose(turned[1:] / np.linalg.norm(turned[1:]), axis, atol=0.05)


@pytest.mark.parametrize(("name", "worst"), [("vqf", 2.0), ("vqf_default", 2.0), ("madgwick", 2.0), ("ekf", 2.0)])
@pytest.mark.parametrize("off", [-0.05, 0.05])
def test_a_wrong_declared_rate(name: str, worst: float, off: float) -> None:
    """5 % off the declared rate: rates are scaled by the measured interval.  Unscaled, 180 deg would become 189."""
    s, q = turning(10.0, quat.from_up(TILTS[3]), np.array([0.0, np.pi / 10.0, 0.0]), dt=0.01 * (1.0 + off))
    a = run(Orientation(INFO, name, 0.1), s)
    turned = quat.multiply(quat.conjugate(a.earth_from_sensor[0]), a.earth_from_sensor[-1])
    true = quat.multiply(quat.conjugate(q[0]), q[-1])
    difference = quat.multiply(quat.conjugate(true), turned)
    assert np.rad2deg(2.0 * np.arcsin(min(1.0, np.linalg.norm(difference[1:])))) < worst


def joined(*parts: Samples) -> Samples:
    names = ("number", "t", "arrived_ns", "interval", "acc", "gyr", "held", "start")
    return Samples("wrist", *(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def knocked(s: Samples, row: int = 5) -> Samples:
    """The same with one sample of more than gravity: not quiet."""
    acc = s.acc.copy()
    acc[row] *= 1.2
    return replace(s, acc=acc)


@pytest.mark.parametrize("name", FILTERS)
def test_restart_after_a_gap(name: str) -> None:
    """The attitude after a gap comes from the accelerometer at once, whatever it was before."""
    parts = knocked(still(3.0, TILTS[0], noise=NOISE)), knocked(still(3.0, TILTS[4], t0=20.0, noise=NOISE))
    a = run(Orientation(INFO, name, 1.0), joined(*parts))
    assert tilt_error(a, np.repeat(TILTS[[0, 4]], 300, axis=0)).max() < 0.5
    assert np.flatnonzero(a.start).tolist() == [0, 300]
    assert a.settled.tolist() == 2 * ([False] * 100 + [True] * 200), "settled a second after each start"


@pytest.mark.parametrize("settle", [0.0, 0.25, 2.0, 5.0])
@pytest.mark.parametrize("row", [None, 2, 49, 60, 450])
def test_settle(settle: float, row: int | None) -> None:
    """A sensor that feels nothing but gravity since its start is trusted soon, any other after ``settle``."""
    s = still(6.0, TILTS[0], t0=100.0)
    a = run(Orientation(INFO, "vqf", settle), s if row is None else knocked(s, row))
    late = np.arange(600) >= round(100 * settle)
    soon = (np.arange(600) >= round(100 * SOON)) & (np.arange(600) < (600 if row is None else row))
    np.testing.assert_array_equal(a.settled, late | soon)


def test_turning_is_not_quiet() -> None:
    s, _ = turning(3.0, quat.from_up(TILTS[2]), np.array([0.0, 0.5, 0.0]))
    assert run(Orientation(INFO, "vqf", 2.0), s).settled.sum() == 100


def test_the_first_sample_is_always_a_start() -> None:
    a = run(Orientation(INFO, "vqf", 0.5), still(1.0, TILTS[0], start=False))
    assert np.flatnonzero(a.start).tolist() == [0]


def test_nothing_gives_nothing() -> None:
    a = run(Orientation(UNKNOWN, "vqf", 1.0), still(0.0, TILTS[0]))
    assert len(a.t) == 0
    assert a.earth_from_sensor.shape == (0, 4)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("name", ["madgwick", "mahony", "ekf"])
def test_a_first_reading_of_zero_is_survived(name: str) -> None:
    """Some parts answer with zeros until they are awake."""
    s = still(5.0, TILTS[0])
    acc = s.acc.copy()
    acc[0] = 0.0
    a = run(Orientation(INFO, name, 1.0), replace(s, acc=acc))
    assert np.isfinite(a.earth_from_sensor[-1]).all()


# --- bias -----------------------------------------------------------------------------------------------------------

BIAS = (1.5, -2.5, 0.8)


def test_a_known_bias_is_subtracted() -> None:
    info = replace(INFO, bias=tuple(DEGREE * b for b in BIAS))  # type: ignore[arg-type]
    a = run(Orientation(info, "vqf", 1.0), still(20.0, TILTS[0], BIAS))
    np.testing.assert_allclose(a.gyr, 0.0, atol=1e-12)
    assert tilt_error(a, TILTS[0]).max() < 0.05


def captured(s: Samples, seconds: float) -> tuple[Orientation, list[Event], Attitude]:
    """A capture that begins one second into the samples."""
    stage = Orientation(UNKNOWN, "vqf", 1.0)
    stage.capture(1.5, seconds)
    a = run(stage, s)
    return stage, stage.take_events(), a


def shaken(seconds: float, size: float) -> Samples:
    """Shaking from the start: neither a capture nor the detector finds stillness."""
    s = still(seconds, TILTS[0], BIAS)
    return replace(s, gyr=s.gyr + size * DEGREE * np.sin(2.0 * np.pi * 1.3 * s.t)[:, None])


def test_capture_on_the_table() -> None:
    first = still(1.0, TILTS[0])
    table = still(9.0, TILTS[0], BIAS, NOISE, t0=1.5, start=False)
    stage, events, a = captured(knocked(joined(replace(first, gyr=first.gyr + 1.0), table), 600), 4.0)
    assert [(e.kind, e.sensor, e.onset) for e in events] == [("calibrated", "wrist", 150)]
    assert events[0].decided == pytest.approx(553, abs=2), "with the arrival of the first sample after its end"
    assert events[0].detail["pose"] == "table_still"
    np.testing.assert_allclose(events[0].detail["bias_deg_s"], BIAS, atol=4 * 0.07 / np.sqrt(400))
    assert stage.bias is not None
    restart = np.flatnonzero(a.start)[-1]
    assert a.t[restart] == pytest.approx(5.5, abs=0.02), "an accepted capture starts the filter anew"
    assert np.abs(a.gyr[restart:].mean(axis=0)).max() < 0.02 * DEGREE
    assert not a.settled[restart : restart + round(100 * SOON)].any()


@pytest.mark.parametrize(
    ("s", "problem"),
    [
        (shaken(10.0, 1.0), "the sensor moved"),
        (still(10.0, 0.9 * TILTS[0], BIAS, NOISE), "1 g"),
        (still(10.0, 1.1 * TILTS[0], BIAS, NOISE), "1 g"),
        (joined(shaken(1.5, 1.0), still(8.0, TILTS[0], BIAS, NOISE, t0=4.5)), "too few"),
    ],
    ids=["moved", "light", "heavy", "hole"],
)
def test_refused_captures(s: Samples, problem: str) -> None:
    stage = Orientation(UNKNOWN, "vqf", 1.0)
    stage.detector = None
    stage.capture(1.5, 5.0)
    a = stage.push(s, int(s.arrived_ns[-1]))
    (event,) = stage.take_events()
    assert event.kind == "calibration_failed"
    assert problem in event.detail["problem"]
    assert stage.bias is None
    assert a.start[a.t > 6.0].sum() == 0, "a refused one changes nothing"


@pytest.mark.parametrize("cut", [0, 300])
def test_a_capture_that_waits_in_vain_ends(cut: int) -> None:
    """The radio went silent: called off :data:`PATIENCE` seconds after it should have ended, by the time of ticks."""
    s = shaken(4.0, 1.0)
    stage = Orientation(UNKNOWN, "vqf", 1.0)
    stage.capture(1.5, 5.0)
    stage.push(s, round(4.6e9))
    late = 6.5 + PATIENCE
    nothing = still(0.0, TILTS[0])
    stage.push(nothing, round(late * 1e9))
    assert stage.take_events() == []
    stage.push(nothing, round(late * 1e9) + 1)
    (event,) = stage.take_events()
    assert (event.kind, event.decided) == ("calibration_failed", round(late * 100))
    assert "too few" in event.detail["problem"]
    stage.push(still(3.0, TILTS[0], t0=20.0 + cut), round((24.0 + cut) * 1e9))
    assert stage.take_events() == [], "and only once"


def test_samples_that_come_after_the_patience_do_not_count() -> None:
    """A radio gap: the data of the capture come half a minute late, in one go with what follows."""
    s = still(10.0, TILTS[0], BIAS, NOISE)
    arrived = s.arrived_ns.copy()
    arrived[150:] += 30 * 10**9
    stage = Orientation(UNKNOWN, "vqf", 1.0)
    stage.detector = None
    stage.capture(1.5, 5.0)
    stage.push(replace(s, arrived_ns=arrived), int(arrived[-1]))
    (event,) = stage.take_events()
    assert event.kind == "calibration_failed"


def test_one_capture_after_the_other() -> None:
    stage = Orientation(UNKNOWN, "vqf", 1.0)
    stage.capture(1.5, 3.0)
    stage.capture(6.0, 3.0)
    s = joined(shaken(5.0, 1.0), still(7.0, TILTS[0], BIAS, NOISE, t0=5.5, start=False))
    stage.detector = None
    run(stage, s)
    assert [e.kind for e in stage.take_events()] == ["calibration_failed", "calibrated"]
    np.testing.assert_allclose(np.rad2deg(stage.bias), BIAS, atol=0.02)  # type: ignore[arg-type]


@pytest.mark.parametrize("before", [0.0, 3.7])
def test_lying_still_is_noticed(before: float) -> None:
    """Two quiet blocks in a row make a capture; shaking before does not matter."""
    parts = [shaken(before, 5.0)] if before else []
    s = joined(*parts, still(12.0, TILTS[0], BIAS, NOISE, t0=0.5 + before, start=not before))
    stage = Orientation(UNKNOWN, "vqf", 1.0)
    a = run(stage, s)
    (event,) = stage.take_events()
    assert event.kind == "calibrated"
    assert event.detail["automatic"]
    np.testing.assert_allclose(event.detail["bias_deg_s"], BIAS, atol=0.02)
    at = a.t[np.flatnonzero(a.start)[1]]
    assert 0.5 + before + 2 * BLOCK - 0.02 <= at <= 0.5 + before + 3 * BLOCK + 0.02
    assert event.decided == pytest.approx(100 * at, abs=4)
    assert event.onset == event.decided - round(200 * BLOCK)
    np.testing.assert_allclose(a.gyr[-1], 0.0, atol=0.5 * DEGREE)


@pytest.mark.parametrize("deg_s", [0.2, 0.5, 1.0, 1.9])
def test_a_slow_slump_is_not_stillness(deg_s: float) -> None:
    """As quiet as a table for the gyroscope, but gravity turns: no bias is taken from it, and the tilt stays true."""
    axis = np.array([0.0, 0.0, 1.0])
    s, q = turning(30.0, quat.from_up(np.array([0.0, 1.0, 0.0])), deg_s * DEGREE * axis)
    noisy = replace(s, gyr=s.gyr + NOISE * np.random.default_rng(3).standard_normal(s.gyr.shape))
    stage = Orientation(UNKNOWN, "vqf", 1.0)
    a = run(stage, noisy)
    assert stage.take_events() == []
    assert stage.bias is None
    assert tilt_error(a, quat.up(q)).max() < 1.5


@pytest.mark.parametrize("s", [shaken(12.0, 1.0), still(12.0, 1.2 * TILTS[0], BIAS, NOISE)], ids=["hand", "no 1 g"])
def test_what_else_is_not_stillness(s: Samples) -> None:
    stage = Orientation(UNKNOWN, "vqf", 1.0)
    run(stage, s)
    assert stage.take_events() == []


def test_a_gap_breaks_stillness() -> None:
    """Two quiet blocks with a gap between them are not 4 s of stillness."""
    parts = [still(3.0, TILTS[0], BIAS, NOISE, t0=0.5 + 10.0 * k) for k in range(4)]
    stage = Orientation(UNKNOWN, "vqf", 1.0)
    run(stage, joined(*parts))
    assert stage.take_events() == []


def test_the_reference_filter_is_left_alone() -> None:
    """``vqf_default`` is as its authors set it: no bias from elsewhere."""
    stage = Orientation(UNKNOWN, "vqf_default", 1.0)
    a = run(stage, still(12.0, TILTS[0], BIAS, NOISE))
    assert stage.take_events() == []
    assert np.flatnonzero(a.start).tolist() == [0]


def test_vqf_keeps_what_it_learned_over_a_restart() -> None:
    """Without a capture the bias is learned in motion; after a gap the new filter goes on from it."""
    rng = np.random.default_rng(9)
    t = 0.01 * np.arange(12_000)
    sway = np.stack([0.8 * np.sin(0.9 * t), 0.6 * np.sin(1.1 * t + 1.0), 0.7 * np.sin(0.7 * t + 2.0)], axis=1)
    q = quat.multiply(quat.from_rotvec(sway), np.broadcast_to(quat.from_up(TILTS[5]), (len(t), 4)))
    rate = 2.0 * quat.multiply(quat.conjugate(q[:-1]), q[1:])[:, 1:] / 0.01
    true = np.concatenate([rate[:1], rate])
    s = samples(quat.up(q), true + DEGREE * np.array(BIAS) + NOISE * rng.standard_normal(true.shape))
    again = np.zeros(len(t), bool)
    again[[0, 9000]] = True
    a = run(Orientation(UNKNOWN, "vqf", 1.0), replace(s, start=again))
    residual = np.rad2deg(a.gyr - true)
    assert np.abs(residual[:100].mean(axis=0)).max() > 1.0, "unknown at first"
    assert np.abs(residual[8000:8900].mean(axis=0)).max() < 0.5
    assert np.abs(residual[9000:9300].mean(axis=0)).max() < 0.5
