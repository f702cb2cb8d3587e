"""Attitudes of all sensors to frames on the common grid, decided by recorded arrival times alone.

Sensor *s* counts in frame *k* if and only if its sample at or after ``t_k`` **arrived** by ``t_k + wait``.  A frame is
emitted once every sensor has passed it, or the time of the inputs has passed its deadline.  So what a frame holds does
not depend on when code ran.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE
from imu_coach.types import Attitude, Bools, Codes, Floats, Frames, Ints, Why

STEP_NS = int(1e9 / FRAME_RATE)


TIME, ARRIVED, SETTLED, START = 10, 11, 12, 13
"""Columns of what is kept of a sensor: attitude, acc and gyr side by side, then what tells whether they count."""
WIDTH = 14
AT_ONCE = 512
"""Frames that are done at once: what they take stays in the cache."""


class Aligner:
    """Stage [Attitude per sensor] -> Frames; ``wait_ns`` None waits for ever (the offline result)."""

    def __init__(self, sensors: int, wait_ns: int | None) -> None:
        self.wait_ns = wait_ns
        self.next = 0
        self.tails: list[Floats | None] = [None] * sensors  # (n, 14) samples from the one before the next frame on
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
        frames = self._frames(k)
        self._trim()
        return frames

    def _append(self, i: int, a: Attitude) -> None:
        if not len(a.t):
            return
        if self.first[i] is None:
            self.first[i] = float(a.t[0]), int(a.arrived_ns[0])
        new = np.empty((len(a.t), WIDTH))
        new[:, :4], new[:, 4:7], new[:, 7:10] = a.earth_from_sensor, a.acc, a.gyr
        new[:, TIME], new[:, ARRIVED], new[:, SETTLED], new[:, START] = a.t, a.arrived_ns, a.settled, a.start
        old = self.tails[i]
        self.tails[i] = new if old is None else np.concatenate([old, new])

    def _decided(self, host_ns: int) -> int:
        """The first frame that is not decided yet."""
        newest = min((float(tail[-1, TIME]) if tail is not None else -1.0) for tail in self.tails)
        passed = math.floor(newest * FRAME_RATE) + 1
        if newest < (passed - 1) / FRAME_RATE:  # the product above was rounded up
            passed -= 1
        if self.wait_ns is not None:
            passed = max(passed, (host_ns - self.wait_ns - 1) // STEP_NS + 1)
        return min(passed, (host_ns - 1) // STEP_NS + 1)

    def _frames(self, k: Ints) -> Frames:
        """All sensors at frames ``k (n,)``."""
        t = k / FRAME_RATE
        after = [tail[:, TIME].searchsorted(t) if tail is not None else None for tail in self.tails]
        values, why = np.empty((len(k), len(self.tails), 10)), np.zeros((len(k), len(self.tails)), np.uint8)
        for begin in range(0, len(k), AT_ONCE):
            rows = slice(begin, begin + AT_ONCE)
            pairs, inside = self._neighbours([at[rows] if at is not None else None for at in after], len(t[rows]))
            self._between(k[rows], t[rows], pairs, inside, values[rows], why[rows])
        return Frames(k, values[..., :4], values[..., 4:7], values[..., 7:], why)

    def _neighbours(self, after: Sequence[Ints | None], n: int) -> tuple[Floats, Bools | None]:
        """Samples before and after every frame, ``(2, n, s, 14)``; where there are both (None: everywhere)."""
        pairs = np.empty((2, n, len(self.tails), WIDTH))
        inside: Bools | None = None
        for i, (tail, at) in enumerate(zip(self.tails, after, strict=True)):
            last = len(tail) - 1 if tail is not None else 0
            if tail is not None and at is not None and at[0] >= 1 and at[-1] <= last:  # nearly always
                pairs[0, :, i], pairs[1, :, i] = tail.take(at - 1, axis=0), tail.take(at, axis=0)
                continue
            inside = np.ones((n, len(self.tails)), np.bool_) if inside is None else inside
            if tail is None or at is None:
                pairs[:, :, i], inside[:, i] = 1.0, False
            else:
                near = np.minimum(np.maximum(at, 1), last)
                pairs[0, :, i], pairs[1, :, i] = tail[np.maximum(near - 1, 0)], tail[near]
                inside[:, i] = (at >= 1) & (at <= last)
        return pairs, inside

    def _between(self, k: Ints, t: Floats, pairs: Floats, inside: Bools | None, v: Floats, why: Codes) -> None:
        """Fill ``v (n, s, 10)`` and the :class:`Why` codes ``(n, s)`` of frames from the samples around them."""
        left, right = pairs
        deadline = k * STEP_NS + self.wait_ns if self.wait_ns is not None else None
        there = right[..., START] == 0.0
        if inside is not None:
            there &= inside
        if deadline is not None:
            there &= right[..., ARRIVED] <= deadline[:, None]
        settled = left[..., SETTLED] + right[..., SETTLED] == 2.0
        whole = np.count_nonzero(there) == there.size
        if not (whole and np.count_nonzero(settled) == there.size):
            why[~settled] = Why.SETTLING
            why[~there] = Why.NO_DATA
        self._not_started(t, deadline, why)
        turn = left * right  # all columns, here and below: one loop instead of one for every row
        flipped = turn[..., 0] + turn[..., 1] + turn[..., 2] + turn[..., 3] < 0.0
        if np.count_nonzero(flipped):  # q and -q are the same attitude
            right[flipped, :4] *= -1.0
        since = right[..., TIME] - left[..., TIME]
        weight = (t[:, None] - left[..., TIME]) / (since if whole else np.where(there, since, 1.0))
        mixed = right - left
        mixed *= weight[..., None]
        mixed += left
        np.divide(mixed[..., :4], quat.length(mixed[..., :4])[..., None], out=v[..., :4])
        v[..., 4:] = mixed[..., 4:TIME]
        if not whole:
            v[~there] = np.nan

    def _not_started(self, t: Floats, deadline: Ints | None, why: Codes) -> None:
        """Mark the frames at which a sensor's first sample was not there yet."""
        for i, first in enumerate(self.first):
            if first is None:
                why[:, i] = Why.NOT_STARTED
            elif t[0] < first[0] or (deadline is not None and deadline[0] < first[1]):
                early = t < first[0] if deadline is None else (t < first[0]) | (deadline < first[1])
                why[early, i] = Why.NOT_STARTED

    def _trim(self) -> None:
        """Forget what no later frame needs."""
        t_next = self.next / FRAME_RATE
        for i, tail in enumerate(self.tails):
            if tail is not None:
                keep = int(tail[:, TIME].searchsorted(t_next)) - 1
                if keep > 0:
                    self.tails[i] = tail[keep:]
