"""Quaternion algebra against hand-worked cases and an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from imu_coach import quat

RNG = np.random.default_rng(11)
Q = quat.normalize(RNG.standard_normal((200, 4)))
P = quat.normalize(RNG.standard_normal((200, 4)))
V = RNG.standard_normal((200, 3))
ONE, QI, QJ, QK = np.eye(4)
X, Y, Z = np.eye(3)
HALF = np.sqrt(0.5)


def other(q: np.ndarray) -> Rotation:
    """The same rotation in scipy (scalar last)."""
    return Rotation.from_quat(q[..., [1, 2, 3, 0]])


def same_turn(a: np.ndarray, b: np.ndarray, atol: float = 1e-12) -> None:
    """Equal up to the sign of the quaternion."""
    np.testing.assert_allclose(np.abs((a * b).sum(axis=-1)), 1.0, atol=atol)


@pytest.mark.parametrize(
    ("a", "b", "product"),
    [(QI, QJ, QK), (QJ, QK, QI), (QK, QI, QJ), (QJ, QI, -QK), (QI, QI, -ONE), (ONE, QK, QK), (QK, ONE, QK)],
)
def test_hamilton_table(a: np.ndarray, b: np.ndarray, product: np.ndarray) -> None:
    np.testing.assert_array_equal(quat.multiply(a, b), product)


def test_product_and_rotation_agree_with_scipy() -> None:
    same_turn(quat.multiply(Q, P), (other(Q) * other(P)).as_quat()[:, [3, 0, 1, 2]])
    np.testing.assert_allclose(quat.rotate(Q, V), other(Q).apply(V), atol=1e-12)
    np.testing.assert_allclose(quat.rotate(quat.multiply(Q, P), V), quat.rotate(Q, quat.rotate(P, V)), atol=1e-12)
    np.testing.assert_allclose(quat.rotate(quat.conjugate(Q), quat.rotate(Q, V)), V, atol=1e-12)


def test_quarter_turn_about_z_takes_x_to_y() -> None:
    np.testing.assert_allclose(quat.rotate(np.array([HALF, 0.0, 0.0, HALF]), X), Y, atol=1e-15)


def test_up_is_earth_z_seen_from_the_sensor() -> None:
    np.testing.assert_allclose(quat.up(Q), quat.rotate(quat.conjugate(Q), np.broadcast_to(Z, V.shape)), atol=1e-12)
    np.testing.assert_allclose(quat.up(np.array([HALF, HALF, 0.0, 0.0])), Y, atol=1e-15)  # x turned: y points up


@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (0,)])
def test_any_leading_shape(shape: tuple[int, ...]) -> None:
    q = np.broadcast_to(ONE, (*shape, 4))
    v = np.broadcast_to(np.array([1.0, 2.0, 3.0]), (*shape, 3))
    for out in (quat.rotate(q, v), quat.up(q), quat.cross(v, v), quat.normalize(v)):
        assert out.shape == (*shape, 3)
    for out in (quat.dot(v, v), quat.length(v), quat.inclination_error(q, q)):
        assert out.shape == shape
    for out in (quat.multiply(q, q), quat.from_up(v), quat.from_rotvec(v), quat.conjugate(q)):
        assert out.shape == (*shape, 4)


def test_vectors() -> None:
    np.testing.assert_allclose(quat.length(np.array([[3.0, 4.0, 0.0], [1.0, 2.0, 2.0]])), [5.0, 3.0])
    assert quat.length(np.array([1.0, 1.0, 1.0, 1.0])) == 2.0
    np.testing.assert_array_equal(quat.cross(X, Y), Z)
    np.testing.assert_allclose(quat.cross(V, V[::-1]), np.cross(V, V[::-1]), atol=1e-14)
    assert quat.dot(np.array([1.0, 2.0, 3.0]), np.array([4.0, -5.0, 6.0])) == 12.0
    np.testing.assert_allclose(quat.length(quat.normalize(V)), 1.0)
    with np.errstate(invalid="ignore"):
        assert np.isnan(quat.normalize(np.zeros(3))).all(), "a zero vector has no direction"


@pytest.mark.parametrize("up", [X, Y, Z, -X, -Y, -Z, np.array([1e-12, 0.0, -1.0]), np.array([0.3, -4.0, 2.0])])
def test_from_up(up: np.ndarray) -> None:
    q = quat.from_up(up)
    np.testing.assert_allclose(quat.up(q), up / np.linalg.norm(up), atol=1e-9)
    assert q[3] == 0.0, "no turn about the vertical"
    assert np.linalg.norm(q) == pytest.approx(1.0)


def test_from_up_of_many_directions() -> None:
    np.testing.assert_allclose(quat.up(quat.from_up(9.81 * V)), quat.normalize(V), atol=1e-9)


def test_from_axes_in_all_its_branches() -> None:
    """Rows are the axes of a seen from b: the quaternion takes each of them onto the unit vectors."""
    largest = set()
    for r in [*Rotation.random(60, random_state=3), *(Rotation.from_rotvec(np.pi * e) for e in (X, Y, Z))]:
        m = r.as_matrix()
        q = quat.from_axes(*m)
        for row, unit in zip(m, np.eye(3), strict=True):
            np.testing.assert_allclose(quat.rotate(q, row), unit, atol=1e-9)
        largest.add(int(np.argmax(np.abs(q))))
    assert largest == {0, 1, 2, 3}


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-7, 1e-3, 0.5, np.pi / 2, np.pi, 4.0])
def test_from_rotvec(angle: float) -> None:
    v = angle * np.array([2.0, -1.0, 2.0]) / 3.0
    np.testing.assert_allclose(
        quat.from_rotvec(v), [np.cos(angle / 2), *(np.sin(angle / 2) * np.array([2, -1, 2]) / 3)], atol=1e-15
    )


def test_interpolation_is_near_the_great_circle() -> None:
    """The documented error: 5e-5 rad for neighbours up to 10 deg apart, whatever the signs."""
    step = np.deg2rad(10.0)
    turn = quat.from_rotvec(step * quat.normalize(V))
    b = quat.multiply(Q, turn)
    b[::2] *= -1.0
    weight = RNG.random(200)
    exact = quat.multiply(Q, quat.from_rotvec(step * weight[:, None] * quat.normalize(V)))
    got = quat.interpolate(Q, b, weight)
    error = 2.0 * quat.length(quat.multiply(quat.conjugate(got), exact)[:, 1:])
    assert error.max() < 5e-5
    np.testing.assert_allclose(quat.length(got), 1.0)
    same_turn(quat.interpolate(Q, b, np.zeros(200)), Q)
    same_turn(quat.interpolate(Q, b, np.ones(200)), b)


def test_inclination_error_ignores_heading() -> None:
    heading = quat.from_rotvec(np.outer(RNG.uniform(-3.0, 3.0, 200), Z))
    tilt = 0.3
    tilted = quat.multiply(quat.from_rotvec(tilt * np.array([0.6, 0.8, 0.0])), Q)
    np.testing.assert_allclose(quat.inclination_error(quat.multiply(heading, Q), Q), 0.0, atol=1e-7)
    np.testing.assert_allclose(quat.inclination_error(quat.multiply(heading, tilted), Q), tilt, atol=1e-9)
    between = np.arccos(np.clip(quat.dot(quat.up(Q), quat.up(Q)), -1, 1))
    np.testing.assert_allclose(between, 0.0, atol=1e-7)
    assert quat.inclination_error(QI, ONE) == pytest.approx(np.pi), "upside down"
    assert quat.inclination_error((1.0 + 1e-12) * ONE, ONE) == 0.0, "rounding beyond 1 is no NaN"
