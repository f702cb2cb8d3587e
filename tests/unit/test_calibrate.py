"""Poses: what each finds, what is refused and why, and how well the axes come out of random mountings."""

from __future__ import annotations

import numpy as np
import pytest

from imu_coach import quat
from imu_coach.core import calibrate
from imu_coach.core.calibrate import ENOUGH, LEAN, POSES, PRONE, Mount, given, nominal
from imu_coach.types import Why

N = 400
RNG = np.random.default_rng(17)
UPRIGHT = np.array([0.0, 1.0, 0.0])
FACE_DOWN = np.array([-1.0, 0.0, 0.0])


def rad(degrees: float) -> float:
    return float(np.deg2rad(degrees))


def bent(flexion: float) -> np.ndarray:
    """Up in segment axes for this flexion, deg."""
    return np.array([-np.sin(rad(flexion)), np.cos(rad(flexion)), 0.0])


def random_mounting(yaw: float, tilt: float) -> np.ndarray:
    """``body_from_sensor``: turned about the long axis by up to ``yaw`` deg, tilted by up to ``tilt``."""
    about_y = quat.from_rotvec(np.array([0.0, rad(RNG.uniform(-yaw, yaw)), 0.0]))
    other = RNG.normal(size=3) * [1.0, 0.0, 1.0]
    return quat.multiply(quat.from_rotvec(rad(RNG.uniform(0, tilt)) * other / np.linalg.norm(other)), about_y)


def seen(body: np.ndarray, mounting: np.ndarray, noise: float = 0.0) -> np.ndarray:
    """Segment-frame vectors (n, 3) as the sensor sees them; ``noise`` deg of tilt in every sample."""
    v = quat.rotate(np.broadcast_to(quat.conjugate(mounting), (len(body), 4)), body)
    return quat.rotate(quat.from_rotvec(rad(noise) * RNG.normal(size=v.shape)), v) if noise else v


def hold(up: np.ndarray, mounting: np.ndarray, offset: float = 0.0, noise: float = 0.0) -> np.ndarray:
    """A pose kept for :data:`N` frames, ``offset`` deg away from what it should be, in a random direction."""
    away = quat.rotate(quat.from_rotvec(rad(offset) * RNG.normal(size=3)), up)
    return seen(np.broadcast_to(away, (N, 3)), mounting, noise)


def lean(
    mounting: np.ndarray, degrees: float, roll: float = 0.0, side: float = 1.0, noise: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Leaning there and back about the side axis: up and rate (rad/s); begins ``roll`` deg behind upright."""
    t = np.linspace(0.0, 1.0, N)
    flexion = side * (degrees * np.sin(np.pi * t) ** 2) - roll * np.cos(0.5 * np.pi * t) ** 2
    up = np.stack([-np.sin(np.deg2rad(flexion)), np.cos(np.deg2rad(flexion)), np.zeros(N)], axis=1)
    rate = np.zeros((N, 3))
    rate[:, 2] = -np.gradient(np.deg2rad(flexion), 0.01)  # flexion turns about -z
    return seen(up, mounting, noise), seen(rate, mounting)


def calibrated(
    pose: str, up: np.ndarray, gyr: np.ndarray | None = None, mount: Mount | None = None, valid: float = 1.0
) -> tuple[Mount, dict[str, object]]:
    keep = np.arange(len(up)) < valid * len(up)
    return calibrate.calibrate(pose, up, np.zeros_like(up) if gyr is None else gyr, keep, mount or nominal())


def standing(mounting: np.ndarray, offset: float = 0.0) -> Mount:
    mount, quality = calibrated("stand_tall", hold(UPRIGHT, mounting, offset))
    assert "problem" not in quality
    return mount


def axis_error(mount: Mount, mounting: np.ndarray, axis: str) -> float:
    """Degrees between an axis found and the true one."""
    true = quat.rotate(quat.conjugate(mounting), np.eye(3)["xyz".index(axis)])
    found = getattr(mount, axis)
    return float(np.rad2deg(np.arctan2(np.linalg.norm(np.cross(found, true)), np.dot(found, true))))


def orthonormal(mount: Mount) -> None:
    m = np.stack([mount.x, mount.y, mount.z])
    np.testing.assert_allclose(m @ m.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(m) == pytest.approx(1.0), "right-handed"


def test_a_toe_touch_is_never_asked_for() -> None:
    assert POSES == ("table_still", "stand_tall", "sit_tall", "lie_prone", "sit_to_stand", "hip_hinge")
    assert not [pose for pose in POSES if "toe" in pose or "touch" in pose]
    assert rad(30) > LEAN, "a small hinge of 20 to 30 deg is enough"


def test_before_any_pose() -> None:
    mount = nominal()
    assert mount.why == Why.NOT_CALIBRATED
    assert not mount.side
    orthonormal(mount)


@pytest.mark.parametrize("q", [(1.0, 0.0, 0.0, 0.0), (0.5, 0.5, 0.5, 0.5), (2.0, 0.0, -1.0, 0.3)])
def test_a_given_mounting(q: tuple[float, ...]) -> None:
    mount = given(q)
    assert (mount.why, mount.side) == (Why.AVAILABLE, True)
    unit = quat.normalize(np.array(q))
    for axis in "xyz":
        assert axis_error(mount, unit, axis) < 1e-6
    v = RNG.normal(size=(5, 3))
    np.testing.assert_allclose(np.stack(mount.into_body(v), -1), quat.rotate(np.tile(unit, (5, 1)), v), atol=1e-12)


# --- standing tall --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trial", range(10))
def test_standing_tall_gives_the_long_axis(trial: int) -> None:
    mounting = random_mounting(yaw=40.0, tilt=60.0)
    mount, quality = calibrated("stand_tall", hold(UPRIGHT, mounting, noise=1.0))
    assert (mount.why, mount.side) == (Why.AVAILABLE, False)
    assert axis_error(mount, mounting, "y") < 0.3
    orthonormal(mount)
    assert 0.5 < quality["spread_deg"] < 2.0  # type: ignore[operator]


def test_standing_tall_again_keeps_the_side_axis() -> None:
    """And after the sensor moved, it does not."""
    mounting = random_mounting(30.0, 20.0)
    both, _ = calibrated("lie_prone", hold(FACE_DOWN, mounting), mount=standing(mounting))
    again, _ = calibrated("stand_tall", hold(bent(5.0), mounting), mount=both)
    assert again.side
    assert axis_error(again, mounting, "z") < 1.0
    assert axis_error(again, mounting, "y") == pytest.approx(5.0, abs=0.01)
    moved = Mount(both.x, both.y, both.z, Why.SENSOR_MOVED, side=True)
    fresh, _ = calibrated("stand_tall", hold(UPRIGHT, mounting), mount=moved)
    assert (fresh.why, fresh.side) == (Why.AVAILABLE, False)


@pytest.mark.parametrize(("quarter", "refused"), [(69.0, False), (71.0, True), (90.0, True), (-90.0, True)])
def test_a_sensor_worn_turned_by_a_quarter(quarter: float, refused: bool) -> None:
    turned = quat.from_rotvec(np.array([rad(quarter), 0.0, 0.0]))
    mount, quality = calibrated("stand_tall", hold(UPRIGHT, turned))
    assert ("quarter" in str(quality.get("problem"))) == refused
    assert (mount.why == Why.AVAILABLE) != refused


def sway(degrees: float, hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Up direction and rate while the trunk moves by +-``degrees``."""
    t = 0.01 * np.arange(N)
    angle = rad(degrees) * np.sin(2 * np.pi * hz * t)
    rate = np.zeros((N, 3))
    rate[:, 2] = -np.gradient(angle, 0.01)
    return np.stack([-np.sin(angle), np.cos(angle), np.zeros(N)], axis=1), rate


STILL_POSES = ("stand_tall", "sit_tall", "lie_prone")


@pytest.mark.parametrize("pose", STILL_POSES)
@pytest.mark.parametrize(
    ("degrees", "hz", "accepted"),
    [(1.5, 0.25, True), (1.0, 0.5, True), (0.5, 6.0, True), (8.0, 0.25, False), (1.5, 6.0, False)],
    ids=["breathing", "sway", "tremor", "shifting about", "shaking"],
)
def test_how_still_is_still(pose: str, degrees: float, hz: float, accepted: bool) -> None:
    up, gyr = sway(degrees, hz)
    ready = standing(np.array([1.0, 0.0, 0.0, 0.0]))
    if pose == "lie_prone":
        up = np.stack([-up[:, 1], up[:, 0], up[:, 2]], axis=1)
    mount, quality = calibrated(pose, up, gyr, ready)
    assert ("problem" not in quality) == accepted
    if not accepted:
        assert quality["problem"] == "not still enough"
        assert mount is ready, "what is refused changes nothing"


@pytest.mark.parametrize("pose", POSES[1:])
@pytest.mark.parametrize(("share", "refused"), [(ENOUGH + 0.01, False), (ENOUGH - 0.01, True), (0.0, True)])
def test_too_little_data(pose: str, share: float, refused: bool) -> None:
    ready = standing(np.array([1.0, 0.0, 0.0, 0.0]))
    up = hold(UPRIGHT, np.array([1.0, 0.0, 0.0, 0.0]))
    mount, quality = calibrated(pose, up, mount=ready, valid=share)
    assert ("too little data" in str(quality.get("problem", ""))) == refused
    if refused:
        assert mount is ready


def test_sitting_tall_turns_no_axis() -> None:
    ready = standing(np.array([1.0, 0.0, 0.0, 0.0]))
    mount, quality = calibrated("sit_tall", hold(bent(12.0), np.array([1.0, 0.0, 0.0, 0.0])), mount=ready)
    assert mount is ready
    assert "problem" not in quality


# --- lying prone ----------------------------------------------------------------------------------------------------


def test_prone_after_pose_noise() -> None:
    """1.5 deg of noise in either pose: the side axis is good to 2 deg (median) and 4 deg (p95)."""
    errors = []
    for _ in range(60):
        mounting = random_mounting(60.0, 25.0)
        mount, quality = calibrated("lie_prone", hold(FACE_DOWN, mounting, 1.5), mount=standing(mounting, 1.5))
        assert mount.side
        assert "problem" not in quality
        orthonormal(mount)
        errors.append(axis_error(mount, mounting, "z"))
    assert np.median(errors) < 2.5
    assert np.percentile(errors, 95) < 5.0


@pytest.mark.parametrize(
    ("flexion", "accepted"),
    [(90.0, True), (62.0, True), (51.0, True), (49.0, False), (0.0, False), (124.0, True), (126.0, False)],
)
def test_what_looks_like_prone(flexion: float, accepted: bool) -> None:
    """Propped on the elbows still is; standing is not."""
    assert PRONE[0] < rad(62.0) < rad(90.0) < PRONE[1]
    plain = np.array([1.0, 0.0, 0.0, 0.0])
    mount, quality = calibrated("lie_prone", hold(bent(flexion), plain), mount=standing(plain))
    assert mount.side == accepted
    assert quality["turned_deg"] == pytest.approx(flexion, abs=0.1)
    assert ("front" in str(quality.get("problem"))) != accepted


@pytest.mark.parametrize("up", [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, -1.0)], ids=["back", "left", "right"])
def test_lying_otherwise_is_not_prone(up: tuple[float, float, float]) -> None:
    """The face of the sensor tells, as it does for a lean."""
    plain = np.array([1.0, 0.0, 0.0, 0.0])
    mount, _ = calibrated("lie_prone", hold(np.array(up), plain), mount=standing(plain))
    assert not mount.side


@pytest.mark.parametrize("pose", ["lie_prone", "sit_to_stand", "hip_hinge"])
@pytest.mark.parametrize("why", [Why.NOT_CALIBRATED, Why.SENSOR_MOVED])
def test_standing_comes_first(pose: str, why: Why) -> None:
    x, y, z = np.eye(3)
    up, gyr = lean(np.array([1.0, 0.0, 0.0, 0.0]), 30.0)
    before = Mount(x, y, z, why)
    if pose == "lie_prone":
        up, gyr = hold(FACE_DOWN, np.array([1.0, 0.0, 0.0, 0.0])), np.zeros((N, 3))
    mount, quality = calibrated(pose, up, gyr, before)
    assert mount is before
    assert quality["problem"] == "stand tall first"


# --- leaning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("degrees", "median", "p95"), [(25.0, 5.0, 13.0), (40.0, 3.5, 9.0)])
@pytest.mark.parametrize("pose", ["sit_to_stand", "hip_hinge"])
def test_leaning_after_pose_noise(pose: str, degrees: float, median: float, p95: float) -> None:
    """1.5 deg of noise over a lean of 25 deg is 3.4 deg (median) and 10 deg (p95) about the long axis."""
    errors = []
    for _ in range(60):
        mounting = random_mounting(60.0, 25.0)
        up, gyr = lean(mounting, degrees, noise=0.3)
        mount, quality = calibrated(pose, up, gyr, standing(mounting, 1.5))
        assert "problem" not in quality
        assert mount.side
        orthonormal(mount)
        errors.append(axis_error(mount, mounting, "z"))
    assert np.median(errors) < median
    assert np.percentile(errors, 95) < p95


@pytest.mark.parametrize("trial", range(6))
def test_a_pelvis_that_sits_rolled_back(trial: int) -> None:
    """It leans further back (sitting) than forward (rising): the side axis must not come out reversed."""
    mounting = random_mounting(60.0, 25.0)
    up, gyr = lean(mounting, 22.0, roll=35.0)
    mount, quality = calibrated("sit_to_stand", up, gyr, standing(mounting))
    assert "problem" not in quality
    assert axis_error(mount, mounting, "z") < 2.0
    only_back, gyr_back = lean(mounting, 30.0, side=-1.0)
    mount, quality = calibrated("sit_to_stand", only_back, gyr_back, standing(mounting))
    assert axis_error(mount, mounting, "z") < 2.0


@pytest.mark.parametrize(("degrees", "accepted"), [(10.0, False), (14.0, False), (16.0, True), (60.0, True)])
def test_how_far_to_lean(degrees: float, accepted: bool) -> None:
    plain = np.array([1.0, 0.0, 0.0, 0.0])
    up, gyr = lean(plain, degrees)
    mount, quality = calibrated("hip_hinge", up, gyr, standing(plain))
    assert mount.side == accepted
    assert quality["lean_deg"] == pytest.approx(degrees, abs=0.1)
    assert ("too small" in str(quality.get("problem"))) != accepted


@pytest.mark.parametrize(
    "extra", [np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])], ids=["turning round", "side to side"]
)
def test_not_a_plain_lean(extra: np.ndarray) -> None:
    plain = np.array([1.0, 0.0, 0.0, 0.0])
    up, gyr = lean(plain, 30.0)
    swing = np.sqrt(2.0 * (gyr * gyr).sum(axis=1).mean()) * np.sin(np.linspace(0.0, 12.0, N))[:, None] * extra
    mount, quality = calibrated("hip_hinge", up, gyr + swing, standing(plain))
    assert not mount.side
    assert "plain lean" in str(quality["problem"])


def test_a_lean_about_a_tilted_axis() -> None:
    """All of the rate about one axis, but that axis is 30 deg from horizontal."""
    plain = np.array([1.0, 0.0, 0.0, 0.0])
    up, gyr = lean(plain, 30.0)
    tilted = gyr[:, 2:] * np.array([0.0, np.sin(rad(30.0)), np.cos(rad(30.0))])
    _, quality = calibrated("hip_hinge", up, tilted, standing(plain))
    assert "plain lean" in str(quality["problem"])
    assert quality["axis_tilt_deg"] == pytest.approx(30.0, abs=0.5)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("towards", [1.0, -1.0])
def test_a_lean_to_the_side(towards: float) -> None:
    plain = np.array([1.0, 0.0, 0.0, 0.0])
    up, gyr = lean(plain, 30.0)
    aside, rate = towards * up[:, [2, 1, 0]], towards * gyr[:, [2, 1, 0]]
    aside[:, 1] = up[:, 1]
    mount, _ = calibrated("hip_hinge", aside, rate, standing(plain))
    assert not mount.side


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_dead_gyroscope_calibrates_nothing() -> None:
    plain = np.array([1.0, 0.0, 0.0, 0.0])
    up, gyr = lean(plain, 30.0)
    mount, _ = calibrated("hip_hinge", up, 0.0 * gyr, standing(plain))
    assert not mount.side


@pytest.mark.parametrize(
    ("yaw", "accepted"), [(-80.0, False), (-60.0, True), (60.0, True), (75.0, False), (110.0, False)]
)
def test_a_lean_far_from_where_the_face_of_the_sensor_looks(yaw: float, accepted: bool) -> None:
    """Turned further round than any strap allows, forward and sideways cannot be told apart."""
    mounting = quat.from_rotvec(np.array([0.0, rad(yaw), 0.0]))
    up, gyr = lean(mounting, 30.0)
    mount, quality = calibrated("hip_hinge", up, gyr, standing(mounting))
    assert mount.side == accepted
    assert ("problem" in quality) != accepted
    if accepted:
        assert axis_error(mount, mounting, "z") < 1.0
