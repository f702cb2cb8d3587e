"""Packets that have a number and a time, and the samples that they hold."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imu_coach.drivers.base import Decoded
from imu_coach.types import Ints, Samples


class Columns(NamedTuple):
    """The decoded packets as plain lists; a loop over numpy scalars would be several times slower."""

    seq: list[int]
    ticks: list[int]
    counts: list[int]
    span: list[float]  # s, device time from first to last sample
    arrived_ns: list[int]  # or, of samples that were kept back, when they would have arrived

    @classmethod
    def of(cls, decoded: Decoded, arrived_ns: list[int]) -> Columns:
        """Good packets that arrived then."""
        span = decoded.offset[np.cumsum(decoded.count) - 1].tolist()
        if decoded.behind is not None:
            kept_back = np.rint(decoded.behind * 1e9).astype(np.int64)
            arrived_ns = (np.array(arrived_ns, np.int64) - kept_back).tolist()
        return cls(decoded.seq.tolist(), decoded.ticks.tolist(), decoded.count.tolist(), span, arrived_ns)


class Placed:
    """Per placed packet: its index among the decoded ones, first sample number, time line, interval.

    ``starts`` lists the positions at which a stream begins.
    """

    __slots__ = ("index", "interval", "number", "slope", "starts", "t_first")

    def __init__(self) -> None:
        self.index: list[int] = []
        self.number: list[int] = []
        self.t_first: list[float] = []
        self.slope: list[float] = []
        self.interval: list[float] = []
        self.starts: list[int] = []

    def samples(self, sensor: str, decoded: Decoded, arrived_ns: Ints) -> Samples:
        """Per-sample arrays of the placed packets."""
        if len(self.index) == len(decoded.count) == 1:
            return self._one(sensor, decoded, int(arrived_ns[0]))
        index = np.array(self.index, np.int64)
        count = decoded.count[index]
        acc, gyr, offset = decoded.acc, decoded.gyr, decoded.offset
        if len(index) < len(decoded.count):
            kept = np.zeros(len(decoded.count), bool)
            kept[index] = True
            rows = np.repeat(kept, decoded.count)
            acc, gyr, offset = acc[rows], gyr[rows], offset[rows]
        first = np.cumsum(count) - count
        within = np.arange(len(offset)) - np.repeat(first, count)
        start = np.zeros(len(offset), bool)
        start[first[self.starts]] = True
        return Samples(
            sensor=sensor,
            number=np.repeat(np.array(self.number, np.int64), count) + within,
            t=np.repeat(np.array(self.t_first), count) + np.repeat(np.array(self.slope), count) * offset,
            arrived_ns=np.repeat(arrived_ns[index], count),
            interval=np.repeat(np.array(self.interval), count),
            acc=acc,
            gyr=gyr,
            held=np.zeros(len(offset), bool),
            start=start,
        )

    def _one(self, sensor: str, decoded: Decoded, arrived_ns: int) -> Samples:
        """The same for one packet, which is what comes in a live session."""
        n = len(decoded.offset)
        start = np.zeros(n, bool)
        start[: len(self.starts)] = True
        return Samples(
            sensor=sensor,
            number=np.arange(self.number[0], self.number[0] + n),
            t=self.t_first[0] + self.slope[0] * decoded.offset,
            arrived_ns=np.full(n, arrived_ns),
            interval=np.full(n, self.interval[0]),
            acc=decoded.acc,
            gyr=decoded.gyr,
            held=np.zeros(n, bool),
            start=start,
        )
