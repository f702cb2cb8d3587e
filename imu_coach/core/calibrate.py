"""From poses to how each sensor sits on its segment: the segment's axes as the sensor sees them.

*Stand tall* gives the cranial axis y and with it the zero of every angle: functional, as tall as is comfortable.  One
more pose gives the side axis z: lying prone (the second gravity direction), a sit-to-stand or a small hip hinge (the
direction of the lean).  A toe touch is never asked for.  Flexion barely depends on z (10 deg of error about the long
axis turn 50 deg into 49.6); side bend and twist do, so they wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imu_coach import quat
from imu_coach.types import Bools, Floats, Json, Why

POSES = ("table_still", "stand_tall", "sit_tall", "lie_prone", "sit_to_stand", "hip_hinge")
"""What a ``calibrate`` command may ask for."""

STEADY = float(np.deg2rad(3.0))
"""rad; spread of the up direction in a pose: sway of 1 deg and breathing of 1.5 deg pass, shifting about does not."""
QUIET = float(np.deg2rad(20.0))
"""rad/s; rms rate in a pose: tremor of 0.5 deg at 6 Hz is 13 deg/s."""
ENOUGH = 0.8
"""Share of a pose's frames that must be valid."""
PRONE = (float(np.deg2rad(50.0)), float(np.deg2rad(125.0)))
"""rad; angle between standing and lying prone: 90 deg, less propped on the pillow, more with a kyphotic back."""
LEAN = float(np.deg2rad(15.0))
"""rad; a smaller lean leaves the side axis to chance (pose noise of 1.5 deg over sin 15 deg is 6 deg)."""
ONE_AXIS = 0.80
"""Share of the squared rate about one axis in a lean; walking or turning has less."""
FACING = 0.35
"""Least cosine between forward as found and the sensor's face: 70 deg of turn, far more than a strap allows."""
LEVEL = float(np.deg2rad(20.0))
"""rad; that axis must be this near to horizontal."""


@dataclass(frozen=True, slots=True)
class Mount:
    """How a sensor sits: ``x, y, z (3,)`` are the segment's anterior, cranial and right axes in the sensor frame.

    ``why`` is :class:`Why.AVAILABLE` once the zero is known; ``side`` says whether z was calibrated.
    """

    x: Floats
    y: Floats
    z: Floats
    why: Why = Why.NOT_CALIBRATED
    side: bool = False

    def into_body(self, v: Floats) -> tuple[Floats, Floats, Floats]:
        """Components of sensor-frame vectors ``v (..., 3)`` along x, y, z."""
        return quat.dot(v, self.x), quat.dot(v, self.y), quat.dot(v, self.z)


def nominal() -> Mount:
    """Worn as drawn, not calibrated: sensor axes along segment axes."""
    x, y, z = np.eye(3)
    return Mount(x, y, z)


def given(body_from_sensor: tuple[float, ...]) -> Mount:
    """A known mounting quaternion; its zero is the segment's axes upright."""
    q = quat.normalize(np.array(body_from_sensor))
    x, y, z = quat.rotate(quat.conjugate(q)[None].repeat(3, 0), np.eye(3))
    return Mount(x, y, z, Why.AVAILABLE, side=True)


def _axes(y: Floats, z: Floats) -> tuple[Floats, Floats, Floats]:
    """Right-handed axes with ``y`` kept and ``z`` made perpendicular to it."""
    y = quat.normalize(y)
    x = quat.normalize(quat.cross(y, z))
    return x, y, quat.cross(x, y)


def calibrate(pose: str, up: Floats, gyr: Floats, valid: Bools, mount: Mount) -> tuple[Mount, dict[str, Json]]:
    """One sensor, one pose.

    Parameters
    ----------
    up, gyr : (n, 3) up direction and rate (rad/s) in the sensor frame, one row per frame of the pose
    valid : (n,)
    mount : what is known so far

    Returns
    -------
    The new mount (``mount`` itself when refused), and ``{"problem": ...}`` or the quality figures in degrees.
    """
    if valid.mean() < ENOUGH:
        return mount, {"problem": "too little data from the sensor"}
    up, gyr = up[valid], gyr[valid]
    if pose in ("sit_to_stand", "hip_hinge"):
        return _lean(up, gyr, mount)
    mean = quat.normalize(up.mean(axis=0))
    spread = _spread(up, mean)
    quality: dict[str, Json] = {"spread_deg": round(float(np.rad2deg(spread)), 2)}
    if spread > STEADY or float(np.sqrt(quat.dot(gyr, gyr).mean())) > QUIET:
        return mount, {"problem": "not still enough", **quality}
    if pose == "sit_tall":
        return mount, quality
    if pose == "stand_tall":
        z, side = (mount.z, mount.side) if mount.why != Why.SENSOR_MOVED else (np.array([0.0, 0.0, 1.0]), False)
        if abs(float(quat.dot(mean, quat.normalize(z)))) > 0.94:  # within 20 deg: the sensor lies on its side
            return mount, {"problem": "the sensor is worn turned by a quarter: see the picture", **quality}
        x, y, z = _axes(mean, z)
        return Mount(x, y, z, Why.AVAILABLE, side), quality
    return _prone(mean, mount, quality)


def _prone(up: Floats, mount: Mount, quality: dict[str, Json]) -> tuple[Mount, dict[str, Json]]:
    if mount.why != Why.AVAILABLE:
        return mount, {"problem": "stand tall first", **quality}
    turned = float(np.arccos(np.clip(quat.dot(up, mount.y), -1.0, 1.0)))
    quality["turned_deg"] = round(float(np.rad2deg(turned)), 1)
    if not PRONE[0] <= turned <= PRONE[1] or float(quat.dot(up, mount.x)) > -FACING:
        problem = "this is not lying on the front, or the sensor is worn another way round"
        return mount, {"problem": problem, **quality}
    x, y, z = _axes(mount.y, quat.cross(mount.y, up))
    return replace(mount, x=x, y=y, z=z, side=True), quality


def _lean(up: Floats, gyr: Floats, mount: Mount) -> tuple[Mount, dict[str, Json]]:
    """The side axis from leaning in the sagittal plane: perpendicular to standing up and to the lean.

    Which way is forward comes from the sensor's face (its x axis, anterior when worn as drawn): a pelvis that sits
    rolled back leans further backward than forward while its person stands up.
    """
    if mount.why != Why.AVAILABLE:
        return mount, {"problem": "stand tall first"}
    angle = np.arccos(np.clip(quat.dot(up, mount.y), -1.0, 1.0))
    deepest = float(angle.max())
    quality: dict[str, Json] = {"lean_deg": round(float(np.rad2deg(deepest)), 1)}
    if deepest < LEAN:
        return mount, {"problem": "the lean was too small", **quality}
    moments = np.array([[float((gyr[:, i] * gyr[:, j]).sum()) for j in range(3)] for i in range(3)])
    values, vectors = np.linalg.eigh(moments)
    share = float(values[2] / values.sum())
    tilt = abs(float(np.arcsin(np.clip(abs(quat.dot(vectors[:, 2], mount.y)), 0.0, 1.0))))
    quality |= {"one_axis": round(share, 2), "axis_tilt_deg": round(float(np.rad2deg(tilt)), 1)}
    if not share >= ONE_AXIS or tilt > LEVEL:  # a dead gyroscope has no share
        return mount, {"problem": "the movement was not a plain lean forward", **quality}
    side = quat.cross(mount.y[None, :], up[angle > 0.6 * deepest])  # +z leaning forward, -z leaning back
    facing = quat.dot(side, mount.z[None, :])
    right = (side * np.sign(facing)[:, None]).sum(axis=0)
    if float(quat.dot(right, mount.z)) < FACING * float(quat.length(right)) or not right.any():
        return mount, {"problem": "the lean was not forward, or the sensor is worn another way round", **quality}
    x, y, z = _axes(mount.y, right)
    return replace(mount, x=x, y=y, z=z, side=True), quality


def _spread(up: Floats, mean: Floats) -> float:
    """Root mean square angle to the mean direction, rad."""
    cos = np.clip(quat.dot(up, mean), -1.0, 1.0)
    angle = np.arccos(cos)
    return float(np.sqrt((angle * angle).mean()))
