"""Short gaps interpolated on the sensor's own grid, long ones marked, bad samples as if they had not come."""

from __future__ import annotations

import numpy as np
import pytest

from imu_coach.core.gaps import GapFiller
from imu_coach.types import Samples, SensorInfo

INFO = SensorInfo("wrist", acc_range=80.0, gyr_range=20.0)
HOLD = 0.25
DT = 0.01


def line(number: np.ndarray) -> np.ndarray:
    """Six signals that are straight lines over the sample number."""
    return np.outer(number, [0.001, -0.002, 0.003, 0.001, 0.002, -0.003]) + np.array([1.0, 9.0, -2.0, 0.1, 0.2, 0.3])


def block(number: list[int] | np.ndarray, start: tuple[int, ...] = (0,)) -> Samples:
    """Samples with these numbers; ``start`` are positions."""
    n = np.asarray(number, np.int64)
    values = line(n)
    begins = np.isin(np.arange(len(n)), start)
    arrived = np.round((n * DT + 5.02) * 1e9).astype(np.int64)
    interval = np.full(len(n), DT)
    none = np.zeros(len(n), bool)
    return Samples("wrist", n, 5.0 + n * DT, arrived, interval, values[:, :3], values[:, 3:], none, begins)


def spoiled(s: Samples, rows: list[int], value: float, signal: str, axis: int) -> Samples:
    """The same with some values replaced."""
    arrays = {"acc": s.acc.copy(), "gyr": s.gyr.copy()}
    arrays[signal][rows, axis] = value
    return Samples(s.sensor, s.number, s.t, s.arrived_ns, s.interval, arrays["acc"], arrays["gyr"], s.held, s.start)


def without(n: int, missing: range | tuple[int, ...]) -> list[int]:
    return [i for i in range(n) if i not in set(missing)]


def on_the_line(s: Samples) -> None:
    np.testing.assert_allclose(np.hstack([s.acc, s.gyr]), line(s.number), atol=1e-12)
    np.testing.assert_allclose(s.t, 5.0 + s.number * DT, atol=1e-12)


@pytest.mark.parametrize("missing", [(3,), (3, 4, 5), (3, 7, 8), range(5, 30), ()])
def test_short_gaps_of_a_straight_line_are_exact(missing: range | tuple[int, ...]) -> None:
    filler = GapFiller(INFO, HOLD)
    s = filler.push(block(without(50, missing)))
    np.testing.assert_array_equal(s.number, np.arange(50))
    on_the_line(s)
    assert np.flatnonzero(s.held).tolist() == list(missing), "what was made up says so"
    assert np.flatnonzero(s.start).tolist() == [0]
    assert (filler.held, filler.restarts, filler.invalid) == (len(missing), 1, 0)
    assert filler.samples == 50 - len(missing), "made-up samples are not counted as samples"


def test_filled_samples_arrived_with_the_one_that_allowed_it() -> None:
    s = GapFiller(INFO, HOLD).push(block(without(20, (8, 9))))
    assert (s.arrived_ns[8:10] == s.arrived_ns[10]).all()
    assert (s.t < s.arrived_ns * 1e-9).all()


@pytest.mark.parametrize(("missing", "long"), [(24, False), (25, False), (26, True), (3000, True)])
def test_a_gap_longer_than_hold_starts_anew(missing: int, long: bool) -> None:
    filler = GapFiller(INFO, HOLD)
    s = filler.push(block([*range(10), *range(10 + missing, 30 + missing)]))
    assert len(s.t) == (30 if long else 30 + missing)
    assert s.number[np.flatnonzero(s.start)].tolist() == ([0, 10 + missing] if long else [0])
    assert s.held.any() != long
    assert filler.restarts == 1 + long
    on_the_line(s)


def test_no_filling_across_a_start() -> None:
    """A reboot: the numbers go on, but nothing is known about the time between."""
    filler = GapFiller(INFO, HOLD)
    s = filler.push(block([0, 1, 2, 5, 6], start=(0, 3)))
    assert s.number.tolist() == [0, 1, 2, 5, 6]
    assert np.flatnonzero(s.start).tolist() == [0, 3]
    assert filler.held == 0


BAD = {
    "not a number": (np.nan, "acc", 0),
    "infinite": (np.inf, "gyr", 2),
    "minus infinite": (-np.inf, "acc", 1),
    "saturated": (80.0 * 32767 / 32768, "acc", 2),
    "saturated below": (-80.0, "acc", 0),
    "gyro saturated": (20.0 * 32767 / 32768, "gyr", 1),
    "out of range": (1e30, "gyr", 0),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_samples_are_as_if_they_had_not_come(name: str) -> None:
    filler = GapFiller(INFO, HOLD)
    s = filler.push(spoiled(block(range(40)), [10, 11, 20], *BAD[name]))
    np.testing.assert_array_equal(s.number, np.arange(40))
    on_the_line(s)
    assert np.flatnonzero(s.held).tolist() == [10, 11, 20]
    assert (filler.invalid, filler.held, filler.samples) == (3, 3, 37)


@pytest.mark.parametrize(("value", "signal"), [(80.0 * 32766 / 32768, "acc"), (-20.0 * 32766 / 32768, "gyr")])
def test_just_below_full_scale_is_good(value: float, signal: str) -> None:
    filler = GapFiller(INFO, HOLD)
    s = filler.push(spoiled(block(range(5)), [2], value, signal, 1))
    assert filler.invalid == 0
    assert getattr(s, signal)[2, 1] == value


@pytest.mark.parametrize("cut", [None, 0, 1, 2, 3, 4, 5, 6])
def test_a_start_moves_to_the_next_good_sample(cut: int | None) -> None:
    """Also when the good sample only comes with a later block, and when a whole block is bad."""
    filler = GapFiller(INFO, HOLD)
    s = spoiled(block(range(8), start=(0, 2)), [0, 2, 3, 4], np.nan, "acc", 0)
    rows = [slice(0, 8)] if cut is None else [slice(0, cut), slice(cut, cut), slice(cut, 8)]
    parts = [filler.push(cut_rows(s, r)) for r in rows]
    number, start = (np.concatenate([getattr(p, name) for p in parts]) for name in ("number", "start"))
    assert number.tolist() == [1, 5, 6, 7]
    assert number[start].tolist() == [1, 5]
    assert filler.restarts == 2
    assert filler.invalid == 4


def cut_rows(s: Samples, r: slice) -> Samples:
    return Samples(
        s.sensor, s.number[r], s.t[r], s.arrived_ns[r], s.interval[r], s.acc[r], s.gyr[r], s.held[r], s.start[r]
    )


def test_a_gap_between_two_blocks_is_a_gap() -> None:
    filler = GapFiller(INFO, HOLD)
    first, second, third = block(range(10)), block(range(13, 20), start=()), block(range(120, 125), start=())
    assert len(filler.push(first).t) == 10
    filled = filler.push(second)
    assert filled.number.tolist() == list(range(10, 20))
    assert np.flatnonzero(filled.held).tolist() == [0, 1, 2]
    on_the_line(filled)
    assert filler.push(third).start.tolist() == [True, False, False, False, False]
    assert filler.restarts == 2


def test_nothing_but_bad_samples() -> None:
    filler = GapFiller(INFO, HOLD)
    s = filler.push(spoiled(block(range(5)), list(range(5)), np.nan, "gyr", 0))
    assert len(s.t) == 0
    assert filler.invalid == 5
    assert filler.push(block([5, 6], start=())).start.tolist() == [True, False]


def test_the_input_is_not_touched() -> None:
    s = spoiled(block(without(30, (4, 5))), [0, 9], np.nan, "acc", 0)
    before = s.start.copy(), s.acc.copy()
    GapFiller(INFO, HOLD).push(s)
    np.testing.assert_array_equal(s.start, before[0])
    np.testing.assert_array_equal(s.acc, before[1])
