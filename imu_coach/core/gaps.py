"""Samples without holes: bad ones dropped, short gaps interpolated on the sensor's own grid, long ones marked."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from imu_coach.types import Bools, Samples, SensorInfo


class GapFiller:
    """Stage Samples -> Samples of one sensor.

    A sample that is not finite, saturated or out of range is treated as if it had not come.  A filter needs its fixed
    rate: over a gap up to ``hold`` s samples are interpolated (and marked ``held``), after a longer one the next sample
    is marked ``start``.
    """

    def __init__(self, info: SensorInfo, hold: float) -> None:
        self.hold = hold
        self.acc_limit = info.acc_range * (32767.0 / 32768.0) * (1.0 - 1e-9)
        self.gyr_limit = info.gyr_range * (32767.0 / 32768.0) * (1.0 - 1e-9)
        self.last: Samples | None = None  # the latest good samples
        self.pending_start = False  # a start whose own sample was bad
        self.samples = self.held = self.invalid = self.restarts = 0

    def push(self, s: Samples) -> Samples:
        """Any cut of the stream gives the same samples."""
        if self.pending_start and len(s.number):
            s = _replace(s, start=_with_first(s.start))
            self.pending_start = False
        if not ((np.abs(s.acc) < self.acc_limit).all() and (np.abs(s.gyr) < self.gyr_limit).all()):
            s = self._drop(s, _within(s.acc, self.acc_limit) & _within(s.gyr, self.gyr_limit))
        n = len(s.number)
        if not n:
            return s
        self.samples += n
        before, self.last = self.last, s
        first = int(s.number[0])
        after = int(before.number[-1]) + 1 if before is not None else first
        if first == after and int(s.number[-1]) - first == n - 1:  # nearly always; numbers only grow
            self.restarts += int(np.count_nonzero(s.start))
            return s
        steps = np.diff(s.number, prepend=after - 1)
        return self._fill(s if before is None else _join(_rows(before, slice(-1, None)), s), steps, before is not None)

    def _drop(self, s: Samples, good: Bools) -> Samples:
        """Without the bad samples; a start they carried moves to the next good one."""
        self.invalid += int((~good).sum())
        start = s.start.copy()
        at = np.flatnonzero(start & ~good)
        for i in at.tolist():
            following = np.flatnonzero(good[i:])
            if len(following):
                start[i + following[0]] = True
            else:
                self.pending_start = True
        return _rows(_replace(s, start=start), good)

    def _fill(self, s: Samples, steps: NDArray[np.int64], carried: bool) -> Samples:
        """Interpolate short gaps and mark long ones; ``s`` begins with the carried sample if there is one."""
        if not carried:
            steps = steps[1:]
        seconds = (steps - 1) * s.interval[1:]
        long = (seconds > self.hold) & ~s.start[1:]
        start = s.start.copy()
        start[1:] |= long
        repeat = np.where(start[1:], 1, steps)
        right = np.repeat(np.arange(1, len(s.number)), repeat)
        k = np.arange(len(right)) - np.repeat(np.cumsum(repeat) - repeat, repeat) + 1
        whole = np.repeat(repeat, repeat)
        weight = k / whole
        own = k == whole

        def blend(a: NDArray[np.float64]) -> NDArray[np.float64]:
            left = a[right - 1]
            w = weight if a.ndim == 1 else weight[:, None]
            mixed: NDArray[np.float64] = left + w * (a[right] - left)
            mixed[own] = a[right[own]]
            return mixed

        filled = Samples(
            s.sensor,
            s.number[right] - (whole - k),
            blend(s.t),
            s.arrived_ns[right],
            s.interval[right],
            blend(s.acc),
            blend(s.gyr),
            ~own,
            start[right] & own,
        )
        if not carried:
            filled = _join(_replace(_rows(s, slice(0, 1)), start=start[:1]), filled)
        self.held += int(filled.held.sum())
        self.restarts += int(filled.start.sum())
        return filled


def _within(x: NDArray[np.float64], limit: float) -> Bools:
    size = np.abs(x)
    return (size[:, 0] < limit) & (size[:, 1] < limit) & (size[:, 2] < limit)


def _with_first(start: Bools) -> Bools:
    start = start.copy()
    start[0] = True
    return start


def _arrays(s: Samples) -> dict[str, NDArray[np.generic]]:
    return {f.name: getattr(s, f.name) for f in fields(Samples) if f.name != "sensor"}


def _rows(s: Samples, rows: slice | Bools) -> Samples:
    return Samples(s.sensor, **{k: v[rows] for k, v in _arrays(s).items()})  # type: ignore[arg-type]


def _replace(s: Samples, start: Bools) -> Samples:
    return Samples(s.sensor, **{**_arrays(s), "start": start})  # type: ignore[arg-type]


def _join(a: Samples, b: Samples) -> Samples:
    right = _arrays(b)
    return Samples(a.sensor, **{k: np.concatenate([v, right[k]]) for k, v in _arrays(a).items()})
