"""The law stage by stage, with finer cuts than packets: per sample and per frame, on generic 3-D attitudes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu_coach import config, quat
from imu_coach.core.align import Aligner
from imu_coach.core.angles import leaky_sum
from imu_coach.core.body import Body
from imu_coach.core.gaps import GapFiller
from imu_coach.core.orientation import Orientation
from imu_coach.core.presence import Presence
from imu_coach.testing import partition
from imu_coach.types import Attitude, Command, Frames, Header, Samples, SensorInfo, Why

N = 2600
INFO = SensorInfo("upper_back")
CUTS = st.lists(st.integers(0, N), max_size=80)


def rows(block: Any, part: slice) -> Any:
    """Rows of any block of arrays."""
    values = (getattr(block, f.name) for f in fields(block))
    return type(block)(*(v[part] if isinstance(v, np.ndarray) else v for v in values))


def joined(blocks: list[Any]) -> dict[str, np.ndarray]:
    names = [f.name for f in fields(blocks[0]) if isinstance(getattr(blocks[0], f.name), np.ndarray)]
    return {name: np.concatenate([getattr(b, name) for b in blocks]) for name in names}


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def slices(cuts: list[int], n: int = N) -> list[slice]:
    return [slice(c[0], c[-1] + 1) if len(c) else slice(0, 0) for c in partition(range(n), cuts)]


def samples() -> Samples:
    """Generic motion about all axes, still at first, with holes, bad samples and a reboot; it arrives in bursts."""
    rng = np.random.default_rng(7)
    number = np.arange(N) + np.repeat([0, 3, 90, 90], [900, 500, 600, 600])
    t = number * 0.01 + 0.5
    still = (t < 7.0)[:, None]
    gyr = np.where(still, 0.01, rng.normal(0.0, 1.0, (N, 3)).cumsum(axis=0) * 0.05) + rng.normal(0.0, 0.001, (N, 3))
    acc = np.array([2.0, 9.2, 2.5]) + np.where(still, 0.0, 1.0) * rng.normal(0.0, 2.0, (N, 3))
    acc[[950, 951, 1700]] = np.nan
    gyr[1800] = 1000.0
    start = np.zeros(N, bool)
    start[[0, 2000]] = True
    arrived = np.maximum.accumulate(np.round((t + 0.02 + (np.arange(N) % 300 < 50) * 0.4) * 1e9).astype(np.int64))
    return Samples("upper_back", number, t, arrived, np.full(N, 0.0101), acc, gyr, np.zeros(N, bool), start)


def attitudes() -> Attitude:
    s = GapFiller(INFO, 0.25).push(samples())
    return Orientation(INFO, "vqf", 1.0).push(s, int(s.arrived_ns[-1]))


def frames(n: int = N, sensors: int = 2) -> Frames:
    rng = np.random.default_rng(8)
    q = quat.normalize(rng.standard_normal((n, sensors, 4)))
    q[900:1500] = quat.normalize(np.array([0.7, 0.7, 0.1, 0.2]) + 0.001 * rng.standard_normal((600, sensors, 4)))
    why = np.where(rng.random((n, sensors)) < 0.02, int(Why.NO_DATA), 0).astype(np.uint8)
    why[300:460, 0] = Why.NO_DATA
    why[900:1500] = 0
    gyr, acc = rng.standard_normal((n, sensors, 3)), 9.81 * rng.standard_normal((n, sensors, 3))
    gyr[900:1500] *= 0.01
    return Frames(np.arange(n), q, acc, gyr, why)


@settings(max_examples=40, deadline=None)
@given(CUTS)
def test_gaps(cuts: list[int]) -> None:
    s = samples()
    whole = GapFiller(INFO, 0.25)
    reference = joined([whole.push(s)])
    stage = GapFiller(INFO, 0.25)
    same(reference, joined([stage.push(rows(s, part)) for part in slices(cuts)]))
    assert (whole.held, whole.invalid, whole.restarts) == (stage.held, stage.invalid, stage.restarts)


@pytest.mark.parametrize("captures", [(), ((1.0, 5.0),), ((8.0, 4.0), (13.0, 3.0))])
@settings(max_examples=25, deadline=None)
@given(CUTS)
def test_orientation(captures: tuple[tuple[float, float], ...], cuts: list[int]) -> None:
    s = GapFiller(INFO, 0.25).push(samples())

    def run(parts: list[slice]) -> tuple[dict[str, np.ndarray], list[Any]]:
        stage = Orientation(INFO, "vqf", 1.0)
        for capture in captures:
            stage.capture(*capture)
        out = [stage.push(rows(s, p), int(s.arrived_ns[max(p.stop - 1, 0)]) if p.stop else 0) for p in parts]
        return joined(out), stage.take_events()

    n = len(s.t)
    reference, events = run([slice(0, n)])
    got, same_events = run(slices(cuts, n))
    same(reference, got)
    assert events == same_events
    assert events, "the still beginning is captured"


@settings(max_examples=30, deadline=None)
@given(CUTS)
def test_align(cuts: list[int]) -> None:
    a = attitudes()
    n = len(a.t)

    def run(parts: list[slice]) -> dict[str, np.ndarray]:
        stage = Aligner(1, 300_000_000)
        return joined([stage.push([rows(a, p)], int(a.arrived_ns[p.stop - 1]) if p.stop else 0) for p in parts])

    same(run([slice(0, n)]), run(slices(cuts, n)))


@settings(max_examples=30, deadline=None)
@given(CUTS)
def test_body(cuts: list[int]) -> None:
    layout, header = config.layout("upper_back_wrist"), Header((INFO, SensorInfo("wrist")))
    f = frames()

    def run(parts: list[slice]) -> tuple[dict[str, np.ndarray], list[Any]]:
        stage = Body(layout, header, config.bands())
        for at, name, value in (
            (9.2, "calibrate", {"pose": "stand_tall", "seconds": 2.0}),
            (11.5, "context", {"posture": "seated", "in_set": False}),
            (12.6, "context", {"posture": "prone", "in_set": True}),
            (15.0, "rezero", {}),
            (16.0, "context", {"posture": "transition"}),
        ):
            stage.command(Command(int(at * 1e9), name, value))
        return joined([stage.push(rows(f, p)) for p in parts]), stage.take_events()

    reference, events = run([slice(0, N)])
    got, same_events = run(slices(cuts))
    same(reference, got)
    assert events == same_events
    assert {e.kind for e in events} == {"calibrated"}
    assert np.isfinite(reference["value"]).any()


@settings(max_examples=30, deadline=None)
@given(CUTS)
def test_presence(cuts: list[int]) -> None:
    f = frames()
    reference = Presence(("upper_back", "wrist")).push(f)
    stage = Presence(("upper_back", "wrist"))
    assert [e for p in slices(cuts) for e in stage.push(rows(f, p))] == reference
    assert {e.kind for e in reference} == {"sensor_lost", "sensor_back"}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 9000), max_size=40))
def test_leaky_sum(cuts: list[int]) -> None:
    steps, index = np.random.default_rng(1).standard_normal(9000), np.arange(9000)
    reference, _ = leaky_sum(steps, index, 0.0)
    carry, parts = 0.0, []
    for p in slices(cuts, 9000):
        if p.stop > p.start:
            out, carry = leaky_sum(steps[p], index[p], carry)
            parts.append(out)
    np.testing.assert_array_equal(np.concatenate(parts), reference)


def test_leaky_sum_is_the_recurrence() -> None:
    from imu_coach.core.angles import YAW_KEEP

    steps = np.random.default_rng(2).standard_normal(9000)
    expected, y = [], 0.0
    for step in steps:
        y = YAW_KEEP * y + step
        expected.append(y)
    np.testing.assert_allclose(leaky_sum(steps, np.arange(9000), 0.0)[0], expected, atol=1e-9)


RNG = np.random.default_rng(3)
Q, P = quat.normalize(RNG.standard_normal((997, 4))), quat.normalize(RNG.standard_normal((997, 4)))
V, W, U = RNG.standard_normal((997, 3)), RNG.standard_normal((997, 3)), RNG.random(997)
ALGEBRA: dict[str, Callable[[slice], np.ndarray]] = {
    "multiply": lambda s: quat.multiply(Q[s], P[s]),
    "rotate": lambda s: quat.rotate(Q[s], V[s]),
    "up": lambda s: quat.up(Q[s]),
    "normalize": lambda s: quat.normalize(V[s]),
    "dot": lambda s: quat.dot(V[s], W[s]),
    "cross": lambda s: quat.cross(V[s], W[s]),
    "from_up": lambda s: quat.from_up(V[s]),
    "from_rotvec": lambda s: quat.from_rotvec(V[s]),
    "interpolate": lambda s: quat.interpolate(Q[s], P[s], U[s]),
    "inclination_error": lambda s: quat.inclination_error(Q[s], P[s]),
}


@pytest.mark.parametrize("name", ALGEBRA)
@pytest.mark.parametrize("n", [1, 2, 7, 64])
def test_algebra_does_not_depend_on_the_length(name: str, n: int) -> None:
    f = ALGEBRA[name]
    parts = [f(slice(i, i + n)) for i in range(0, 997, n)]
    np.testing.assert_array_equal(np.concatenate(parts), f(slice(0, 997)))
