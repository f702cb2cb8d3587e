"""Quaternion algebra, elementwise only, for any leading shape.

Quaternions are ``(..., 4)`` float arrays, scalar first.  Only ufuncs and explicit products are used: matrix products,
``einsum`` and ``scipy.spatial.transform.Rotation`` give results that differ in the last bit with the length of the
array, and then a live session could not be replayed bit for bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def multiply(a: Array, b: Array) -> Array:
    """Hamilton product ``a * b``; with ``x_from_y * y_from_z = x_from_z``."""
    aw, ax, ay, az = a[..., 0], a[..., 1], a[..., 2], a[..., 3]
    bw, bx, by, bz = b[..., 0], b[..., 1], b[..., 2], b[..., 3]
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def conjugate(q: Array) -> Array:
    """Inverse rotation of a unit quaternion."""
    return np.stack([q[..., 0], -q[..., 1], -q[..., 2], -q[..., 3]], axis=-1)


def rotate(q: Array, v: Array) -> Array:
    """Rotate vectors ``v (..., 3)`` by unit quaternions ``q (..., 4)``."""
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    vx, vy, vz = v[..., 0], v[..., 1], v[..., 2]
    tx, ty, tz = 2.0 * (y * vz - z * vy), 2.0 * (z * vx - x * vz), 2.0 * (x * vy - y * vx)
    return np.stack(
        [vx + w * tx + (y * tz - z * ty), vy + w * ty + (z * tx - x * tz), vz + w * tz + (x * ty - y * tx)],
        axis=-1,
    )


def up(earth_from_sensor: Array) -> Array:
    """Unit vector "up" (earth z) in the sensor frame, ``(..., 3)``."""
    w, x, y, z = (earth_from_sensor[..., i] for i in range(4))
    return np.stack([2.0 * (x * z - w * y), 2.0 * (y * z + w * x), w * w - x * x - y * y + z * z], axis=-1)


def normalize(v: Array) -> Array:
    """``v`` over its length along the last axis; a zero vector becomes NaN."""
    return v / length(v)[..., None]


def length(v: Array) -> Array:
    """Euclidean length along the last axis."""
    total = v[..., 0] * v[..., 0]
    for i in range(1, v.shape[-1]):
        total = total + v[..., i] * v[..., i]
    return np.asarray(np.sqrt(total))


def dot(a: Array, b: Array) -> Array:
    """Scalar product of 3-vectors along the last axis."""
    return np.asarray(a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2])


def cross(a: Array, b: Array) -> Array:
    """Vector product along the last axis."""
    return np.stack(
        [
            a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1],
            a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2],
            a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0],
        ],
        axis=-1,
    )


def from_up(up_in_sensor: Array) -> Array:
    """The attitude with no heading turn that maps ``up_in_sensor (..., 3)`` (any length) onto earth z."""
    u = normalize(up_in_sensor)
    w = 1.0 + u[..., 2]
    flipped = w < 1e-9  # exactly upside down: half a turn about x
    q = np.stack([np.where(flipped, 0.0, w), np.where(flipped, 1.0, u[..., 1]), -u[..., 0], np.zeros_like(w)], axis=-1)
    return normalize(q)


def from_axes(x: Array, y: Array, z: Array) -> Array:
    """Quaternion ``a_from_b (4,)`` of the matrix with rows ``x, y, z (3,)``: the axes of a seen from b."""
    m = np.stack([x, y, z])
    k = np.array(
        [
            1.0 + m[0, 0] + m[1, 1] + m[2, 2],
            1.0 + m[0, 0] - m[1, 1] - m[2, 2],
            1.0 - m[0, 0] + m[1, 1] - m[2, 2],
            1.0 - m[0, 0] - m[1, 1] + m[2, 2],
        ]
    )
    i = int(np.argmax(k))  # the largest component keeps the division well conditioned
    s = k[i]
    rows = (
        (s, m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]),
        (m[2, 1] - m[1, 2], s, m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]),
        (m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], s, m[1, 2] + m[2, 1]),
        (m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], s),
    )
    return normalize(np.array(rows[i]))


def from_rotvec(v: Array) -> Array:
    """Quaternion of a rotation vector ``v (..., 3)``, rad."""
    angle = length(v)
    half = 0.5 * angle
    scale = np.where(angle < 1e-8, 0.5, np.sin(half) / np.where(angle < 1e-8, 1.0, angle))
    return np.stack([np.cos(half), v[..., 0] * scale, v[..., 1] * scale, v[..., 2] * scale], axis=-1)


def interpolate(a: Array, b: Array, weight: Array) -> Array:
    """Between neighbouring attitudes, normalised linearly (error < 5e-5 rad for steps up to 10 deg)."""
    sign = np.where(
        a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2] + a[..., 3] * b[..., 3] < 0, -1.0, 1.0
    )
    return normalize(a + weight[..., None] * (sign[..., None] * b - a))


def inclination_error(estimate: Array, truth: Array) -> Array:
    """Angle between the two "up" directions, rad: ``2 acos(sqrt(w^2 + z^2))`` of the error in the earth frame.

    References
    ----------
    D. Laidig et al., Data 6 (2021) 72, doi:10.3390/data6070072
    """
    e = multiply(truth, conjugate(estimate))
    return np.asarray(2.0 * np.arccos(np.minimum(np.hypot(e[..., 0], e[..., 3]), 1.0)))
