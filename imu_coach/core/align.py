"""Attitudes of all sensors to frames on the common grid, decided by recorded arrival times alone.

Sensor *s* counts in frame *k* if and only if its sample at or after ``t_k`` **arrived** by ``t_k + wait``.  A frame is
emitted once every sensor has passed it, or the time of the inputs has passed its deadline.  So what a frame holds does
not depend on when code ran.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE
from imu_coach.types import Attitude, Bools, Codes, Floats, Frames, Ints, Why

STEP_NS = int(1e9 / FRAME_RATE)


class _Tail(NamedTuple):
    """What is kept of one sensor: samples from the one before the next frame on."""

    t: Floats
    arrived_ns: Ints
    values: Floats  # (n, 10) attitude, acc, gyr side by side: one look-up for all
    settled: Bools
    start: Bools


class Aligner:
    """Stage [Attitude per sensor] -> Frames; ``wait_ns`` None waits for ever (the offline result)."""

    def __init__(self, sensors: int, wait_ns: int | None) -> None:
        self.wait_ns = wait_ns
        self.next = 0
        self.tails: list[_Tail | None] = [None] * sensors
        shape = 0, sensors
        none = np.empty((*shape, 3))
        self.nothing = Frames(np.empty(0, np.int64), np.empty((*shape, 4)), none, none, np.empty(shape, np.uint8))
        self.first: list[tuple[float, int] | None] = [None] * sensors  # t and arrived_ns of a sensor's first sample

    def push(self, parts: Sequence[Attitude], host_ns: int, end: int | None = None) -> Frames:
        """Frames decided by now.

        Parameters
        ----------
        host_ns : time of the newest input; frames at or after it are not emitted yet, so that a command given at that
            moment finds them undecided
        end : emit every frame before this one, whether decided or not (the end of a recording)
        """
        for i, part in enumerate(parts):
            self._append(i, part)
        stop = end if end is not None else self._decided(host_ns)
        k = np.arange(self.next, max(stop, self.next))
        self.next = max(stop, self.next)
        if not len(k):
            return self.nothing
        columns = [self._sensor(i, k) for i in range(len(self.tails))]
        self._trim()
        values = np.stack([v for v, _ in columns], axis=1)
        why = np.stack([w for _, w in columns], axis=1)
        return Frames(k, values[..., :4], values[..., 4:7], values[..., 7:], why)

    def _append(self, i: int, a: Attitude) -> None:
        if not len(a.t):
            return
        if self.first[i] is None:
            self.first[i] = float(a.t[0]), int(a.arrived_ns[0])
        values = np.concatenate([a.earth_from_sensor, a.acc, a.gyr], axis=1)
        new = _Tail(a.t, a.arrived_ns, values, a.settled, a.start)
        old = self.tails[i]
        self.tails[i] = new if old is None else _Tail._make(np.concatenate(pair) for pair in zip(old, new, strict=True))

    def _decided(self, host_ns: int) -> int:
        """The first frame that is not decided yet."""
        newest = min((tail.t[-1] if tail is not None else -1.0) for tail in self.tails)
        passed = int(np.floor(newest * FRAME_RATE)) + 1
        if newest < (passed - 1) / FRAME_RATE:  # the product above was rounded up
            passed -= 1
        if self.wait_ns is not None:
            passed = max(passed, (host_ns - self.wait_ns - 1) // STEP_NS + 1)
        return min(passed, (host_ns - 1) // STEP_NS + 1)

    def _sensor(self, i: int, k: Ints) -> tuple[Floats, Codes]:
        """Attitude, acc and gyr (n, 10) of one sensor at frames ``k``, and the :class:`Why` code."""
        tail, first = self.tails[i], self.first[i]
        if tail is None or first is None:
            return np.full((len(k), 10), np.nan), np.full(len(k), Why.NOT_STARTED, np.uint8)
        t = k / FRAME_RATE
        right = np.searchsorted(tail.t, t)
        i1 = np.minimum(np.maximum(right, 1), len(tail.t) - 1)
        i0 = np.maximum(i1 - 1, 0)
        there = (right == i1) & (i1 > i0) & ~tail.start[i1]
        started = t >= first[0]
        if self.wait_ns is not None:
            deadline = k * STEP_NS + self.wait_ns
            there &= tail.arrived_ns[i1] <= deadline
            started &= first[1] <= deadline
        settled = tail.settled[i0] & tail.settled[i1]
        why = np.zeros(len(k), np.uint8)
        if not (settled.all() and there.all() and started.all()):
            why[~settled] = Why.SETTLING
            why[~there] = Why.NO_DATA
            why[~started] = Why.NOT_STARTED
        a, b = tail.values.take(i0, axis=0), tail.values.take(i1, axis=0)
        flipped = a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2] + a[:, 3] * b[:, 3] < 0.0
        if flipped.any():  # q and -q are the same attitude
            b[flipped, :4] *= -1.0
        t0 = tail.t[i0]
        weight = (t - t0) / np.where(there, tail.t[i1] - t0, 1.0)
        b -= a
        b *= weight[:, None]
        b += a
        b[:, :4] /= quat.length(b[:, :4])[:, None]
        if not there.all():
            b[~there] = np.nan
        return b, why

    def _trim(self) -> None:
        """Forget what no later frame needs."""
        t_next = self.next / FRAME_RATE
        for i, tail in enumerate(self.tails):
            if tail is not None:
                keep = max(0, int(np.searchsorted(tail.t, t_next)) - 1)
                if keep:
                    self.tails[i] = _Tail._make(a[keep:] for a in tail)
