"""What an inertial sensor on the moving body measures: lever arm, skin, slips, and the errors of the part itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from imu_coach import quat
from imu_coach.conventions import GRAVITY
from imu_coach.synthetic import algebra
from imu_coach.synthetic.person import Person, stream
from imu_coach.synthetic.skeleton import LEVER, SEGMENT_OF, Body
from imu_coach.synthetic.timeline import Notes
from imu_coach.types import Floats

Slip = tuple[str, float, float, tuple[float, float, float]]
"""Sensor, s, deg, axis in sensor axes (any length)."""

SLIP_SECONDS = 0.25


@dataclass(frozen=True)
class Errors:
    """Sizes of everything that makes a sensor imperfect; the signs and directions are drawn.  ``PERFECT`` has none.

    Attributes
    ----------
    scale : SD of the relative scale error per axis (biomechanics.md 7: 0.5-1 %)
    misalignment : deg, SD of the misalignment of each axis (0.5-1 deg)
    gyr_bias : deg/s, SD of the turn-on offset per axis (0.5-1, stress 3)
    gyr_walk : deg/s/sqrt(s), bias random walk (2-4 mdps)
    gyr_warm_up, warm_up_seconds : deg/s and s, size and time constant of the warm-up drift (0.1, 120)
    acc_bias, acc_bias_max : m/s2, SD and limit of the offset per axis (15 mg, up to 40 mg)
    gyr_noise : deg/s/sqrt(Hz), acc_noise : m/s2/sqrt(Hz); LSM6DS3TR-C: 5 mdps, 90 ug
    mounting : whether the person's mounting errors apply
    shear : deg of skin shear at 60 deg of flexion, drawn from U(3, 8) times this (biomechanics.md 7)
    sag : deg, SD of the sensor's settling between upright and lying [ENG]
    wobble : factor on the soft-tissue wobble, 5-12 Hz, damping 0.2-0.4 (biomechanics.md 7)
    """

    scale: float = 0.007
    misalignment: float = 0.7
    gyr_bias: float = 1.0
    gyr_walk: float = 0.003
    gyr_warm_up: float = 0.1
    warm_up_seconds: float = 120.0
    acc_bias: float = 0.015 * GRAVITY
    acc_bias_max: float = 0.040 * GRAVITY
    gyr_noise: float = 0.005
    acc_noise: float = 90e-6 * GRAVITY
    mounting: bool = True
    shear: float = 1.0
    sag: float = 1.0
    wobble: float = 1.0


PERFECT = Errors(0.0, 0.0, 0.0, 0.0, 0.0, 120.0, 0.0, 0.0, 0.0, 0.0, False, 0.0, 0.0, 0.0)
"""No errors at all: for self-tests."""


def attitude_and_place(
    site: str, body: Body, notes: Notes, person: Person, errors: Errors, slips: Sequence[Slip], seed: int
) -> tuple[Floats, Floats]:
    """``earth_from_sensor (n, 4)`` and position ``(n, 3)`` m on the body's grid, with mounting, skin, slips, table."""
    segment = SEGMENT_OF[site]
    q_body = body.earth_from[segment]
    lever = person.scale * np.array(LEVER[site]) * (1.0, 1.0, person.mirror)
    p = body.joint[segment] + algebra.rotate(q_body, lever)
    q = algebra.multiply(q_body, _mounting(site, person, errors))
    if site == "upper_back" and body.scapula.any():
        q = algebra.multiply(q, algebra.from_rotvec(np.outer(-body.scapula, (0.0, 0.0, 1.0))))
    if errors.shear or errors.sag or errors.wobble:
        q = algebra.multiply(q, algebra.from_rotvec(_skin(site, body, p, q, person, errors, seed)))
    t = np.arange(len(p)) / body.rate
    for _, when, degrees, axis in (s for s in slips if s[0] == site):
        turn = np.deg2rad(degrees) * np.array(axis) / np.linalg.norm(axis)
        q = algebra.multiply(q, algebra.from_rotvec(_ease((t - when) / SLIP_SECONDS)[:, None] * turn))
    return _table(site, t, q, p, notes, seed) if notes.worn > 0 else (q, p)


def _ease(x: Floats) -> Floats:
    """Minimum-jerk step from 0 to 1."""
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x * x * x * (10.0 + x * (6.0 * x - 15.0)))


def _mounting(site: str, person: Person, errors: Errors) -> Floats:
    """``segment_from_sensor (4,)``: the kyphotic surface at the upper back, then the mounting error."""
    tilt = np.deg2rad(person.kyphosis) if site == "upper_back" else 0.0
    surface = quat.from_rotvec(np.array([0.0, 0.0, -tilt]))
    if not errors.mounting or site not in person.mounting:
        return surface
    return quat.multiply(surface, quat.from_rotvec(np.deg2rad(person.mounting[site])))


def _skin(site: str, body: Body, p: Floats, q: Floats, person: Person, errors: Errors, seed: int) -> Floats:
    """Rotation vector (n, 3) rad of the sensor against the bone, sensor axes: shear, sag and wobble."""
    rng = stream(person.seed, "skin:" + site)
    size = np.deg2rad(rng.uniform(3.0, 8.0)) * (1.0 if rng.random() < 0.5 else -1.0) / np.deg2rad(60.0)
    shear = (
        errors.shear
        * person.tissue
        * size
        * np.array([0.25 * rng.standard_normal(), 0.25 * rng.standard_normal(), 1.0])
    )
    sag = errors.sag * np.deg2rad([0.4, 0.2, 1.0]) * rng.standard_normal(3)
    up = quat.up(body.earth_from[SEGMENT_OF[site]])
    delta = body.flexion[SEGMENT_OF[site]][:, None] * shear - up[:, :1] * sag
    if errors.wobble:
        # 1 m/s2 tilts the sensor by 0.2-0.5 deg: 0.5-2 deg in brisk movements [ENG]
        gain = errors.wobble * person.tissue * np.deg2rad(rng.uniform(0.2, 0.5))
        hz, damping = rng.uniform(5.0, 12.0), rng.uniform(0.2, 0.4)
        force = algebra.rotate(q, _acceleration(p, body.rate), inverse=True)
        swing = _oscillator(force[:, 1:], hz, damping, body.rate)
        delta[:, 1] -= gain * swing[:, 1]  # the lever of the mass points away from the skin, along x
        delta[:, 2] += gain * swing[:, 0]
    return np.asarray(delta)


def _acceleration(p: Floats, rate: float) -> Floats:
    """Second central difference (n, 3); the ends are repeated."""
    a = np.empty_like(p)
    a[1:-1] = (p[2:] - 2.0 * p[1:-1] + p[:-2]) * (rate * rate)
    a[0], a[-1] = a[1], a[-2]
    return a


def _oscillator(x: Floats, hz: float, damping: float, rate: float) -> Floats:
    """A damped second-order system with unit static gain, bilinear transform with the resonance kept in place."""
    k = 1.0 / np.tan(np.pi * hz / rate)
    a = np.array([1.0 + 2.0 * damping * k + k * k, 2.0 - 2.0 * k * k, 1.0 - 2.0 * damping * k + k * k])
    return np.asarray(lfilter(np.array([1.0, 2.0, 1.0]) / a[0], a / a[0], x, axis=0))


def _table(site: str, t: Floats, q: Floats, p: Floats, notes: Notes, seed: int) -> tuple[Floats, Floats]:
    """Lie still anywhere until ``notes.table``, be carried and handled, be worn from ``notes.worn`` on."""
    rng = stream(seed, "table:" + site)
    lie = quat.normalize(rng.standard_normal(4))
    rate = 1.0 / (t[1] - t[0])
    first, last = int(np.ceil(notes.table * rate)), int(np.ceil(notes.worn * rate))
    q, p = q.copy(), p.copy()
    x = (t[first:last] - notes.table) / (notes.worn - notes.table)
    left = 1.0 - _ease(x)
    apart = quat.multiply(lie, quat.conjugate(q[first]))
    apart = apart if apart[0] >= 0 else -apart
    away = 2.0 * np.arccos(min(float(apart[0]), 1.0)) * quat.normalize(apart[1:] + 1e-12)
    bump = (_ease(3.0 * x) * _ease(3.0 - 3.0 * x))[:, None]
    turn = bump * np.sin(np.outer(x, rng.uniform(6.0, 14.0, 3)) + rng.uniform(0.0, 6.28, 3)) * rng.uniform(0.4, 1.2, 3)
    handled = quat.multiply(quat.from_rotvec(left[:, None] * away), q[first:last])
    place = p[first] + np.array([*rng.uniform(0.2, 0.6, 2), -0.3])
    shift = 0.12 * bump * np.sin(np.outer(x, rng.uniform(8.0, 16.0, 3)))
    p[first:last] = left[:, None] * place + (1.0 - left[:, None]) * p[first:last] + shift
    q[first:last] = quat.multiply(handled, quat.from_rotvec(turn))
    q[:first], p[:first] = lie, place
    return q, p


def ideal(q: Floats, p: Floats, rate: float) -> tuple[Floats, Floats]:
    """Specific force (n, 3) m/s2 at each grid point, and the mean rate (n, 3) rad/s of the interval that ends there.

    The rate is the logarithm of the body-frame step ``conj(q[k-1]) * q[k]``, never a difference of Euler angles.
    """
    force = _acceleration(p, rate)
    force[:, 2] += GRAVITY
    step = algebra.step(q)
    sine = np.sqrt(step[:, 1] * step[:, 1] + step[:, 2] * step[:, 2] + step[:, 3] * step[:, 3])
    small = sine < 1e-9
    factor = np.where(small, 2.0, 2.0 * np.arctan2(sine, step[:, 0]) / np.where(small, 1.0, sine))
    omega = np.empty_like(p)
    omega[1:] = step[:, 1:] * (factor * rate)[:, None]
    omega[0] = omega[1]
    return algebra.rotate(q, force, inverse=True), omega


def sampled(values: Floats, rate: float, t: Floats, interval: float, ends: bool) -> Floats:
    """Mean of grid values over ``[t - interval, t]`` (the part's anti-alias filter), ``(len(t), 3)``.

    ``t`` is a lattice, each sample begins where the last one ended.  ``ends`` says that value k is the mean over the
    grid interval that ends at k (rates) instead of the value at k.
    """
    if not len(t):
        return np.empty((0, 3))
    steps = values[1:] if ends else 0.5 * (values[1:] + values[:-1])
    total = np.zeros_like(values)
    np.cumsum(steps, axis=0, out=total[1:])
    at = np.append(t[0] - interval, t) * rate
    before = np.clip(at.astype(int), 0, len(values) - 2)
    part = at - before
    edges = ((c[before] * (1.0 - part) + c[before + 1] * part) for c in np.ascontiguousarray(total.T))
    return algebra.columns(*(np.diff(e) for e in edges)) / (rate * interval)


def imperfect(
    site: str, acc: Floats, gyr: Floats, t: Floats, interval: float, errors: Errors, seed: int
) -> tuple[Floats, Floats]:
    """Add the errors of the part to ideal samples ``(n, 3)``; quantisation and saturation come with the packets."""
    if errors == PERFECT:
        return acc, gyr
    rng = stream(seed, "part:" + site)
    n, out = len(t), []
    for ideal_values in (acc, gyr):
        wrong = np.deg2rad(errors.misalignment) * rng.standard_normal((3, 3))
        np.fill_diagonal(wrong, errors.scale * rng.standard_normal(3))
        x, y, z = ideal_values.T
        out.append(ideal_values + algebra.columns(*(a * x + b * y + c * z for a, b, c in wrong)))
    offset = np.clip(errors.acc_bias * rng.standard_normal(3), -errors.acc_bias_max, errors.acc_bias_max)
    bias = errors.gyr_bias * rng.standard_normal(3)
    warm = errors.gyr_warm_up * rng.standard_normal(3) * np.exp(-t / errors.warm_up_seconds)[:, None]
    walk = errors.gyr_walk * np.sqrt(interval) * np.cumsum(rng.standard_normal((3, n), dtype=np.float32), axis=1).T
    band = np.sqrt(0.5 / interval)
    gyr_noise = errors.gyr_noise * band * rng.standard_normal((3, n), dtype=np.float32).T
    acc_noise = errors.acc_noise * band * rng.standard_normal((3, n), dtype=np.float32).T
    return out[0] + offset + acc_noise, out[1] + np.deg2rad(bias + warm + walk + gyr_noise)
