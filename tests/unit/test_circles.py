"""Circles: every full turn once, in any cut, neither made up by a gap nor by getting into position."""

from __future__ import annotations

import numpy as np
import pytest

from imu_coach.core.circles import Circles
from imu_coach.core.rep import Rep, RepSpec, Turn
from imu_coach.types import Bools, Codes, Floats, Why

DEG = float(np.deg2rad(1.0))
SPEC = RepSpec(6 * DEG, 2.5 * DEG, 1.0, 12.0)
SECONDS = 3.0


def tilted(x: Floats, y: Floats) -> Floats:
    """Attitudes (n, 4) leaning by the rotation vector (x, y), rad."""
    angle = np.hypot(x, y)
    part = np.where(angle > 0.0, np.sin(0.5 * angle) / np.maximum(angle, 1e-12), 0.5)
    return np.stack([np.cos(0.5 * angle), part * x, part * y, 0.0 * x], axis=1)


def turns(count: float, radius: float = 6.0, sign: int = 1) -> tuple[Floats, Floats]:
    """Out from the middle, so many turns, back to the middle, and rest; deg."""
    phase = sign * 2.0 * np.pi * np.arange(round(100 * SECONDS * count)) / (100.0 * SECONDS)
    out = radius * np.linspace(0.0, 1.0, 60)
    back, end = np.linspace(1.0, 0.0, 60), phase[-1]
    x = np.concatenate([np.zeros(300), out, radius * np.cos(phase), radius * np.cos(end) * back, np.zeros(300)])
    y = np.concatenate([np.zeros(360), radius * np.sin(phase), radius * np.sin(end) * back, np.zeros(300)])
    return x, y


def session(*rows: tuple[int, float, int]) -> Floats:
    parts = [turns(*row) for row in rows]
    x, y = (np.concatenate([p[k] for p in parts]) for k in (0, 1))
    return tilted(x * DEG, y * DEG)


def run(q: Floats, chunk: int = 1000, lost: Bools | None = None, amplitude: float | None = None) -> list[Rep | Turn]:
    counter = Circles(SPEC, amplitude)
    why: Codes = np.full(len(q), int(Why.AVAILABLE), np.int8)
    if lost is not None:
        why[lost] = int(Why.NO_DATA)
        q = np.where(lost[:, None], np.nan, q)
    events: list[Rep | Turn] = []
    for a in range(0, len(q), chunk):
        part = slice(a, min(a + chunk, len(q)))
        events += counter.push(np.arange(part.start, part.stop), q[part], why[part])
        events += counter.push(np.arange(0), q[:0], why[:0])
    return events


def told(events: list[Rep | Turn]) -> list[Rep]:
    return [e for e in events if isinstance(e, Rep)]


@pytest.mark.parametrize("count", [2, 3, 5, 8])
def test_every_full_turn_once(count: int) -> None:
    found = told(run(session((count, 6.0, 1), (count, 6.0, -1))))
    assert [r.direction for r in found] == [found[0].direction] * count + [-found[0].direction] * count
    assert all(abs(r.end - r.onset) < 1.5 * 100 * SECONDS for r in found)


def test_a_third_of_a_turn_over_is_none() -> None:
    x, y = turns(4.35)
    assert len(told(run(tilted(x * DEG, y * DEG)))) == 4


def test_any_cut_gives_the_same_with_gaps_too() -> None:
    q = session((4, 6.0, 1))
    lost = np.zeros(len(q), np.bool_)
    lost[700:820] = lost[0:5] = lost[1100:1103] = True
    whole = run(q, len(q), lost)
    for chunk in (1, 7, 64):
        assert repr(run(q, chunk, lost)) == repr(whole)
    assert told(whole)


@pytest.mark.parametrize("begin", [500, 650, 800, 950])
def test_a_gap_makes_no_turn_and_teaches_nothing(begin: int) -> None:
    """Half a second without data, anywhere: as before it, not as if the body had jumped upright."""
    x, y = turns(4)
    q = tilted((x + 20.0) * DEG, y * DEG)
    lost = np.zeros(len(q), np.bool_)
    lost[begin : begin + 50] = True
    found = told(run(q, 1000, lost))
    assert len(found) == 4
    assert all(abs(r.peak) < 9 * DEG for r in found)


def test_a_larger_circle_is_another_movement_once_the_radius_is_known() -> None:
    found = told(run(session((2, 20.0, 1)), amplitude=5 * DEG))
    assert not found
    assert len(told(run(session((3, 8.0, 1)), amplitude=5 * DEG))) == 3
