"""Counted afterwards: as exact as live at least, and better dated."""

from __future__ import annotations

import numpy as np
import pytest
from rep_traces import KINDS, smooth_step, trace

from imu_coach.core.recount import odd, recount
from imu_coach.core.rep import Rep, RepSpec
from imu_coach.core.reps import Counter
from imu_coach.types import Floats

DEG = float(np.deg2rad(1.0))
PLAIN = RepSpec(50 * DEG, 15 * DEG)


def bumps(sizes: list[float], rise: float = 1.2, hold: float = 0.6, fall: float = 1.6) -> Floats:
    out = [np.zeros(200)]
    for size in sizes:
        out += [size * smooth_step(int(100 * rise)), np.full(int(100 * hold), size)]
        out += [size * (1.0 - smooth_step(int(100 * fall))), np.zeros(60)]
    return np.concatenate([*out, np.zeros(200)]) * DEG


@pytest.mark.parametrize("name", list(KINDS))
def test_at_least_as_exact_as_live(name: str) -> None:
    kind = KINDS[name]
    offline, online = [], []
    for seed in range(15):
        t = trace(np.random.default_rng([13, seed]), kind)
        offline.append(len([r for r in recount(t.value, kind.spec(2.0)) if r.status == "counted"]) - len(t.complete))
        live = Counter(kind.spec(2.0)).push(np.arange(len(t.value)), t.value)
        online.append(len([r for r in live if isinstance(r, Rep) and r.status != "partial"]) - len(t.complete))
    assert np.mean(np.abs(offline)) <= np.mean(np.abs(online)) + 0.1
    assert np.max(np.abs(offline)) <= 1


def test_tempo() -> None:
    for k, rep in enumerate(recount(bumps([50] * 5), PLAIN, first_frame=1000)):
        begin = 1200 + 400 * k
        assert rep.onset - begin == pytest.approx(0, abs=20)
        assert rep.top - rep.onset == pytest.approx(120, abs=25)
        assert rep.release - rep.top == pytest.approx(60, abs=35)
        assert rep.end - rep.release == pytest.approx(160, abs=25)
        assert rep.peak - rep.baseline == pytest.approx(50 * DEG, rel=0.05)
        assert rep.decided == rep.end


def test_partials_stay_partials_and_fatigue_is_allowed() -> None:
    sizes = [60.0, 55.0, 25.0, 50.0, 46.0, 44.0, 20.0, 40.0]
    found = recount(bumps(sizes), PLAIN)
    assert [r.status for r in found] == ["counted" if s > 30 else "partial" for s in sizes]


def test_the_expectation_does_not_matter() -> None:
    value = bumps([50, 52, 24, 48])
    assert repr(recount(value, PLAIN)) == repr(recount(value, PLAIN._replace(expected=10 * DEG)))


def test_gaps_and_nothing() -> None:
    value = bumps([50] * 4)
    value[640:700] = np.nan
    assert len(recount(value, PLAIN)) == 4
    assert recount(np.full(1000, np.nan), PLAIN) == []
    assert recount(np.zeros(0), PLAIN) == []
    assert recount(np.zeros(3000), PLAIN) == []


def test_noise_is_nothing() -> None:
    t = np.arange(12000) / 100.0
    value = DEG * (1.5 * np.sin(2 * np.pi * 0.25 * t) + np.sin(2 * np.pi * 0.31 * t + 1.0))
    assert not [r for r in recount(value, KINDS["advanced"].spec()) if r.status == "counted"]


def test_an_odd_one_is_seen() -> None:
    value = bumps([50] * 7)
    assert odd(value, recount(value, PLAIN)) == [False] * 7
    wave = np.sin(np.linspace(0, 3 * np.pi, 180)) ** 2
    a = 200 + 3 * 400 + 80
    value[a : a + 180] -= 28 * DEG * wave  # trembles between half way and the top
    found = recount(value, PLAIN)
    assert odd(value, found) == [i == 3 for i in range(7)]


def test_too_few_to_tell_odd_ones() -> None:
    value = bumps([50, 50, 30])
    assert odd(value, recount(value, PLAIN)) == [False] * len(recount(value, PLAIN))
