"""One log of inputs, and any cut of it held against the whole: what both laws share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from imu_coach.settings import Setup
from imu_coach.testing import assert_identical, partition, run
from imu_coach.types import Header, Input, Update

Log = tuple[Header, list[Input], Setup]


class Lawful:
    """The log that ``made`` makes; it is made, and run whole, once."""

    def __init__(self, made: Callable[[], Log]) -> None:
        self.log = cache(made)
        self.whole = cache(self._whole)

    def _whole(self, flush: bool) -> Update:
        return self.run([], flush)

    def run(self, cuts: Iterable[int], flush: bool = True, first: int | None = None) -> Update:
        """What the log gives cut before these inputs; ``first``: only so many inputs of it."""
        header, inputs, setup = self.log()
        return run(header, setup, partition(inputs[:first], cuts), flush)

    def check(self, cuts: Iterable[int], flush: bool = True) -> None:
        """The same bits as from the whole."""
        assert_identical(self.whole(flush), self.run(cuts, flush))

    def check_one_at_a_time(self, flush: bool = True) -> None:
        """The same bits from one input at a time."""
        self.check(range(len(self.log()[1])), flush)
