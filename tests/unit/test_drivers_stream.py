"""Numbers out of time stamps: losses, wraps, restarts, and stamps that lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu_coach.drivers.stream import HELD, NUMBERS, OFF, RESTART, WANDER, Block, Run, Stream

STEP, N = 1000, 10
WRAP = 1 << 32


def block(index: int, start: int = 0, n: int = N) -> Block:
    """Samples ``index * n`` and on, a tick step apart; values are their numbers."""
    k = index * n + np.arange(n)
    return Block((start + int(k[-1]) * STEP) % WRAP, k[:, None].astype(float))


def fill(stream: Stream, indices: range | list[int], start: int = 0) -> list[Run]:
    return [run for i in indices if (run := stream.add(block(i, start))) is not None]


def known(runs: list[Run], start: int, offset: int = 0) -> None:
    """Numbers and stamps are those of the values."""
    for run in runs:
        values = run.values[:, 0].astype(int)
        assert run.number == (values[0] - offset) % NUMBERS
        np.testing.assert_array_equal(np.diff(values), 1)
        np.testing.assert_allclose(run.times % WRAP, (start + values * STEP) % WRAP, atol=1)
        assert (np.diff(run.times) > 0).all()


STARTS = [0, WRAP - 15 * STEP, WRAP - 95 * STEP, WRAP - 205 * STEP, WRAP // 2 - 100 * STEP]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("missing", [1, 10, 5000])
def test_a_loss(start: int, missing: int) -> None:
    """The block after it waits for the next; both come at once, wherever the stamps wrap."""
    stream = Stream(STEP, WRAP)
    runs = fill(stream, range(10), start) + fill(stream, range(10 + missing, 20 + missing), start)
    assert [len(run.values) for run in runs] == [N] * 10 + [2 * N] + [N] * 8
    known(runs, start)


@pytest.mark.parametrize("start", [WRAP - s * STEP for s in range(95, 135, 5)])
def test_a_loss_where_stamps_wrap(start: int) -> None:
    stream = Stream(STEP, WRAP)
    known(fill(stream, [*range(10), *range(11, 20)], start), start)


def test_lies_between_do_not_make_it_forget() -> None:
    """After a loss, up to a few odd stamps come before the block that confirms the first."""
    stream = Stream(STEP, WRAP)
    fill(stream, range(10))
    assert stream.add(block(20)) is None
    for odd in range(HELD - 1):
        assert stream.add(block(70_000 + 977 * odd)) is None
    run = stream.add(block(21))
    assert run is not None
    known([run], 0)
    assert stream.add(block(21)) is None, "and one that repeats is none"


def test_old_blocks_in_a_row_are_no_restart_while_the_stream_goes_on() -> None:
    stream = Stream(STEP, WRAP)
    fill(stream, range(50))
    for i in range(50, 70):
        assert fill(stream, [i - 40]) == []
        assert fill(stream, [i - 39]) == []
        known(fill(stream, [i]), 0)


def test_a_restart_takes_a_few_blocks() -> None:
    stream = Stream(STEP, WRAP)
    fill(stream, range(500, 510))
    runs = fill(stream, range(20))
    assert len(runs) == 20 - RESTART + 1
    first = int(runs[0].values[0, 0])
    assert first == (RESTART - 2) * N
    assert runs[0].number == 10 * N, "numbers go on"
    known(runs, 0, first - 10 * N)


@pytest.mark.parametrize("error", [-0.04, 0.04])
def test_the_rate_is_learned_so_that_long_losses_are_counted_right(error: float) -> None:
    stream = Stream(STEP * (1 + error), WRAP)
    runs = fill(stream, range(200)) + fill(stream, range(560, 580))
    assert [run.number for run in runs] == [run.values[0, 0] for run in runs]
    known(runs[-5:], 0)


def test_the_rate_is_not_learned_without_end() -> None:
    """A stamp may creep, block by block; the interval stays within what is declared."""
    stream, last = Stream(STEP, WRAP), 0
    for _ in range(400):
        last += round(N * stream.interval * (1 + OFF))
        stream.add(Block(last % WRAP, np.zeros((N, 1))))
    assert stream.interval <= STEP * (1 + WANDER)


@given(st.lists(st.integers(0, WRAP - 1), max_size=60))
def test_any_stamps(stamps: list[int]) -> None:
    stream = Stream(STEP, WRAP)
    for stamp in stamps:
        stream.follow(stamp)
        run = stream.add(Block(stamp, np.zeros((3, 1))))
        assert run is None or (0 <= run.number < NUMBERS and (np.diff(run.times) > 0).all())
        assert len(stream.held) <= HELD


@given(st.lists(st.integers(0, 30), max_size=60))
def test_one_at_a_time_is_the_same(indices: list[int]) -> None:
    """The fast way for single samples gives what the other gives."""
    fast, slow = Stream(STEP, WRAP), Stream(STEP, WRAP)
    for i in indices:
        single = block(i, n=1)
        number = fast.follow(single.last)
        run = fast.add(single) if number is None else None
        expected = slow.add(single)
        assert (expected is None) == (number is None and run is None)
        if expected is not None:
            assert expected.number == (run.number if run is not None else number)
