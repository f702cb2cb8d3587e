"""From joint channels to segments in the world: attitudes, joint positions, and what the body does by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from imu_coach.synthetic import algebra
from imu_coach.synthetic.person import Person, stream
from imu_coach.synthetic.timeline import SIDED, Timeline
from imu_coach.types import Floats

SEGMENTS = ("pelvis", "lower_thorax", "upper_thorax", "upper_arm", "forearm")

SEGMENT_OF: Mapping[str, str] = {
    "sacrum": "pelvis",
    "thoracolumbar": "lower_thorax",
    "upper_back": "upper_thorax",
    "upper_arm": "upper_arm",
    "wrist": "forearm",
}
"""On which segment a site lies."""

LEVER: Mapping[str, tuple[float, float, float]] = {
    "sacrum": (-0.09, 0.02, 0.0),
    "thoracolumbar": (-0.09, 0.17, 0.0),
    "upper_back": (-0.08, 0.16, 0.0),
    "upper_arm": (0.01, -0.23, 0.04),
    "wrist": (0.02, -0.21, 0.02),
}
"""m from the segment's proximal joint to the sensor, stature 1.62 m, right arm [ENG, from body proportions]."""

HIP, LUMBAR, THORACIC = (0.04, -0.09, 0.0), (0.0, 0.06, 0.0), (-0.02, 0.2, 0.0)
SHOULDER, ELBOW = (0.0, 0.17, 0.17), (0.0, -0.28, 0.0)
HIP_HEIGHT = 0.84
"""m: hip and lumbar joint from the sacrum, thoracic joint from the lumbar one, shoulder, elbow [ENG]."""

PLAIN = ("height", "forward", "sideways", "sway", "tremor", "follow", "on_hip")
"""Channels that are no angles."""

ARM = ("arm_yaw", "arm_twist", "fore_yaw", "fore_twist")
"""Channels that are mirrored when the sensors are on the other arm."""


@dataclass(frozen=True, eq=False)
class Body:
    """Segments in the world, on the simulation grid ``k / rate`` s.

    Attributes
    ----------
    rate : Hz
    earth_from : segment -> (n, 4); at a perfectly tall stance every segment has x anterior, y up, z right
    joint : segment -> (n, 3) m, position of its proximal joint (the pelvis: of the sacrum)
    flexion : segment -> (n,) rad, flexion of its own joint against the one below (arms: elevation), for the skin
    scapula : (n,) rad, tilt of the skin at the upper back that comes from the arms, forward +
    """

    rate: float
    earth_from: Mapping[str, Floats]
    joint: Mapping[str, Floats]
    flexion: Mapping[str, Floats]
    scapula: Floats


def zxy(z: Floats, x: Floats, y: Floats) -> Floats:
    """Quaternion (n, 4) of the ISB sequence Rz Rx Ry; angles (n,) rad."""
    cz, cx, cy = np.cos(0.5 * z), np.cos(0.5 * x), np.cos(0.5 * y)
    sz, sx, sy = np.sin(0.5 * z), np.sin(0.5 * x), np.sin(0.5 * y)
    return _then_y(cz * cx, cz * sx, sz * sx, sz * cx, cy, sy)


def yzy(yaw: Floats, elevation: Floats, twist: Floats) -> Floats:
    """Quaternion (n, 4) of Ry Rz Ry, for the arm; angles (n,) rad."""
    cy, cz, ct = np.cos(0.5 * yaw), np.cos(0.5 * elevation), np.cos(0.5 * twist)
    sy, sz, st = np.sin(0.5 * yaw), np.sin(0.5 * elevation), np.sin(0.5 * twist)
    return _then_y(cy * cz, sy * sz, sy * cz, cy * sz, ct, st)


def _then_y(w: Floats, x: Floats, y: Floats, z: Floats, c: Floats, s: Floats) -> Floats:
    """The quaternion ``w x y z`` times a turn about y."""
    return algebra.columns(w * c - y * s, x * c - z * s, w * s + y * c, x * s + z * c)


def _upright(heading: Floats) -> Floats:
    """Attitude of an upright segment that faces ``heading`` (rad, 0 = earth x): Rz(heading) Rx(90 deg)."""
    c, s = np.cos(0.5 * heading), np.sin(0.5 * heading)
    return np.asarray(algebra.columns(c, c, s, s) * np.sqrt(0.5))


def _sine(hz: float, phase: float, n: int, rate: float) -> Floats:
    """``sin(2 pi hz k / rate + phase)`` for k < n, by the addition theorem on blocks: far cheaper than n sines."""
    block = 512
    start = 2.0 * np.pi * hz / rate * block * np.arange(n // block + 1) + phase
    within = 2.0 * np.pi * hz / rate * np.arange(block)
    out = np.multiply.outer(np.sin(start), np.cos(within)) + np.multiply.outer(np.cos(start), np.sin(within))
    return np.asarray(out.ravel()[:n])


def _wander(rng: np.random.Generator, n: int, rate: float, low: float, high: float) -> Floats:
    """A slow random signal of unit amplitude: three sines between two frequencies, Hz."""
    out = np.zeros(n)
    for weight in (0.5, 0.3, 0.2):
        out += weight * _sine(rng.uniform(low, high), rng.uniform(0.0, 2.0 * np.pi), n, rate)
    return out


def _beside(person: Person, c: dict[str, Floats], n: int, rate: float, seed: int) -> None:
    """Add what the body does by itself: sway, breathing, tremor, deg (biomechanics.md 7, product.md)."""
    rng, t = stream(seed, "ambient"), np.arange(n) / rate
    whole, side = _wander(rng, n, rate, 0.1, 0.5), _wander(rng, n, rate, 0.1, 0.5)
    spine, turn = _wander(rng, n, rate, 0.1, 0.4), _wander(rng, n, rate, 0.1, 0.3)
    sway = person.sway * c["sway"]
    phase = 2.0 * np.pi * person.breathing_hz * t + 0.6 * _sine(0.031, rng.uniform(0.0, 6.28), n, rate)
    c["pelvis"] += 0.8 * sway * whole
    c["lumbar"] += 0.4 * sway * spine
    c["pelvis_lat"] += 0.6 * sway * side
    c["thoracic_axial"] += 0.5 * sway * turn
    c["thoracic"] += person.breathing * np.sin(phase)
    shake = person.tremor * c["tremor"] * (0.6 + 0.4 * _wander(rng, n, rate, 0.1, 0.4))
    fast = np.sin(2.0 * np.pi * person.tremor_hz * t + 1.5 * _wander(rng, n, rate, 0.3, 0.8))
    other = _sine(1.07 * person.tremor_hz, rng.uniform(0.0, 6.28), n, rate)
    c["arm_elev"] += 0.4 * shake * fast
    c["fore_elev"] += shake * fast
    c["fore_yaw"] += 0.7 * shake * other
    c["thoracic"] += 0.12 * shake * other


def body(person: Person, line: Timeline, rate: float, seed: int, other_arm: bool = False) -> Body:
    """Segments of a person through a timeline, from 0 s to its end at ``rate`` Hz; the arm may be the other one."""
    n = int(line.t * rate) + 1
    c = line.curves(n, rate)
    if person.arm == "left":
        for channel in SIDED:
            c[channel] = -c[channel]
    if other_arm:
        person = replace(person, arm="left" if person.arm == "right" else "right")
        c |= {channel: -c[channel] for channel in ARM}
    _beside(person, c, n, rate, seed)
    metres = {name: c.pop(name) for name in PLAIN}
    r = {name: np.deg2rad(values) for name, values in c.items()}
    earth = _attitudes(r, metres["follow"], metres["on_hip"])
    flexion = {
        "pelvis": r["lumbar"],
        "lower_thorax": r["lumbar"] + r["thoracic"],
        "upper_thorax": 0.5 * r["lumbar"] + r["thoracic"],
        "upper_arm": r["arm_elev"],
        "forearm": r["fore_elev"] - r["arm_elev"] + r["fore_twist"],
    }
    return Body(rate, earth, _joints(person, earth, r["heading"], metres), flexion, r["scapula"])


def _attitudes(r: Mapping[str, Floats], follow: Floats, on_hip: Floats) -> dict[str, Floats]:
    upright = _upright(r["heading"])
    pelvis = algebra.multiply(upright, zxy(-r["pelvis"], r["pelvis_lat"], r["pelvis_axial"] + r["roll"]))
    lower = algebra.multiply(pelvis, zxy(-r["lumbar"], r["lumbar_lat"], r["lumbar_axial"]))
    upper = algebra.multiply(lower, zxy(-r["thoracic"], r["thoracic_lat"], r["thoracic_axial"]))
    total = [follow * (r["pelvis" + k] + r["lumbar" + k] + r["thoracic" + k]) for k in ("", "_lat", "_axial")]
    base = algebra.multiply(upright, zxy(-total[0], total[1], total[2]))
    arm = algebra.multiply(base, yzy(r["arm_yaw"], r["arm_elev"], r["arm_twist"]))
    if on_hip.any():
        total = [x + on_hip * r["pelvis" + k] for x, k in zip(total, ("", "_lat", "_axial"), strict=True)]
        base = algebra.multiply(upright, zxy(-total[0], total[1], total[2]))
    fore = algebra.multiply(base, yzy(r["fore_yaw"], r["fore_elev"], r["fore_twist"]))
    return dict(zip(SEGMENTS, (pelvis, lower, upper, arm, fore), strict=True))


def _joints(
    person: Person, earth: Mapping[str, Floats], heading: Floats, metres: Mapping[str, Floats]
) -> dict[str, Floats]:
    """Positions, m: the hips go where the script says, everything else hangs on them."""

    def along(segment: str, lever: tuple[float, float, float]) -> Floats:
        sided = np.array(lever) * (1.0, 1.0, person.mirror)
        return algebra.rotate(earth[segment], person.scale * sided)

    forward, right = metres["forward"], metres["sideways"]
    x, y = np.cos(heading), np.sin(heading)
    height = HIP_HEIGHT * person.scale + metres["height"]
    hips = algebra.columns(x * forward + y * right, y * forward - x * right, height)
    pelvis = hips - along("pelvis", HIP)
    lower = pelvis + along("pelvis", LUMBAR)
    upper = lower + along("lower_thorax", THORACIC)
    arm = upper + along("upper_thorax", SHOULDER)
    fore = arm + along("upper_arm", ELBOW)
    return dict(zip(SEGMENTS, (pelvis, lower, upper, arm, fore), strict=True))
