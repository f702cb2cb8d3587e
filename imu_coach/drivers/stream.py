"""Sample numbers for streams that have only time stamps, such that a loss shows and one odd stamp changes nothing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imu_coach.types import Floats, Ints

HELD = 4
"""Blocks that do not continue the stream and wait for one that continues them."""
RESTART = 4
"""Blocks in a row, each continuing the one before, until an earlier time is taken for a sensor that has restarted."""
OFF = 0.05
"""A block's duration may be off by this much of what its samples last, and by :data:`ROUND` of a sample."""
ROUND = 0.75
WANDER = 0.10
"""The measured interval stays within this of the declared one."""
NUMBERS = 1 << 32


class Block(NamedTuple):
    """Values of contiguous samples ``(n, k)`` and the stamp of the last."""

    last: int
    values: Floats


class Run(NamedTuple):
    """Contiguous samples: number of the first (modulo :data:`NUMBERS`), stamps ``(n,)`` not wrapped, values."""

    number: int
    times: Ints
    values: Floats


class Stream:
    """Blocks of samples, each stamped with the time of its last sample -> numbered runs.

    A block continues the stream when its stamp is as much later than the newest as its samples last.  One that does not
    is held until another continues it: then both are taken (a loss; after a restart it takes more).  A damaged stamp
    finds no continuation and is forgotten.

    Parameters
    ----------
    interval : between samples as declared, in ticks
    modulus : where stamps wrap
    """

    def __init__(self, interval: float, modulus: int) -> None:
        self.declared = self.interval = interval
        self.modulus = modulus
        self.newest: int | None = None
        self.number = NUMBERS - 1
        self.held: list[tuple[Block, int]] = []  # each with how many in a row it is the last of

    def follow(self, stamp: int) -> int | None:
        """Number of a single sample that continues the stream, None when :meth:`add` is to judge; as fast as can be."""
        if self.newest is None:
            return None
        passed = self.since(self.newest, stamp)
        if abs(passed / self.interval - 1.0) > OFF + ROUND:
            return None
        self._follow(1, passed, stamp)
        return self.number

    def add(self, block: Block) -> Run | None:
        """The samples that can be numbered now: those of the block, of one held block and this one, or none."""
        if self.newest is None:
            self.newest = (block.last - self._lasts(block)) % self.modulus
            return self._take(block)
        if self._continues(self.newest, block):
            return self._take(block)
        row = 1
        for before, so_far in self.held:
            if self._continues(before.last, block):
                row = so_far + 1
                if row >= RESTART or self.since(self.newest, before.last) > 0:
                    return self._jump(before, block)
        self.held = [*self.held[1 - HELD :], (block, row)]
        return None

    def since(self, stamp: int, other: int) -> int:
        """Ticks from one stamp to another, signed, a wrap undone."""
        half = self.modulus >> 1
        return (other - stamp + half) % self.modulus - half

    def _lasts(self, block: Block) -> int:
        return round(len(block.values) * self.interval)

    def _continues(self, stamp: int, block: Block) -> bool:
        n = len(block.values)
        return abs(self.since(stamp, block.last) / self.interval - n) <= OFF * n + ROUND

    def _take(self, block: Block) -> Run:
        """A block that continues: its samples lie evenly between the newest stamp and its own."""
        assert self.newest is not None
        n, passed = len(block.values), self.since(self.newest, block.last)
        before_last = np.arange(n - 1, -1, -1)
        run = Run((self.number + 1) % NUMBERS, block.last - before_last * passed // n, block.values)
        self._follow(n, passed, block.last)
        return run

    def _follow(self, n: int, passed: int, last: int) -> None:
        """Take note of ``n`` samples in so many ticks."""
        interval = self.interval + min(0.25, n / 256) * (passed / n - self.interval)
        self.interval = max((1 - WANDER) * self.declared, min((1 + WANDER) * self.declared, interval))
        self.newest = last
        self.number = (self.number + n) % NUMBERS
        if self.held:
            self.held = [(b, row) for b, row in self.held if self.since(last, b.last) > 0]

    def _jump(self, before: Block, block: Block) -> Run:
        """Go on from a held block that this one continues; numbers tell what is missing in between."""
        assert self.newest is not None
        began = (before.last - self._lasts(before)) % self.modulus
        missing = round(self.since(self.newest, began) / self.interval)
        self.number = (self.number + max(0, missing)) % NUMBERS
        self.newest, self.held = began, []
        first = self._take(before)
        second = self._take(block)
        back = int(second.times[-1]) - self.since(before.last, block.last)  # where before.last is, not wrapped
        times = np.concatenate([first.times - before.last + back, second.times])
        return Run(first.number, times, np.concatenate([first.values, second.values]))
