"""Samples of one sensor to attitudes: gyroscope bias, filter, restarts."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE, GRAVITY
from imu_coach.core.filters import OTHERS, Filter, Vqf
from imu_coach.types import Attitude, Bools, Event, Floats, Samples, SensorInfo

STILL_GYR = float(np.deg2rad(0.3))
"""rad/s; spread of a gyroscope on a table: parts have 0.05-0.1 deg/s of noise at 100 Hz, a hand has more than 1."""
STILL_ACC = 0.05
"""A still accelerometer reads within 5 % of 1 g: offsets of 40 mg per axis."""
BLOCK = 2.0
"""s; blocks that the still detector looks at; two in a row make a capture."""
BLOCK_GYR = float(np.deg2rad(0.25))
"""rad/s; spread within such a block: a worn sensor has 0.4-0.7 from breathing alone."""
BLOCK_TURN = float(np.deg2rad(0.1))
"""rad/s; gravity may not turn faster than this: what does is motion, however slow and smooth."""
SOON = 0.5
"""s; a sensor that has been quiet since its start has its tilt by then: VQF starts from the accelerometer's mean."""
QUIET_GYR = float(np.deg2rad(12.0))
"""rad/s; standing or lying still with tremor stays below, any exercise is above."""
QUIET_ACC = 0.04
"""Share of 1 g."""
PATIENCE = 2.0
"""s after a capture should have ended, before it is called off for want of data."""


class Capture(NamedTuple):
    """A table-still bias capture: samples after ``begin`` up to ``end`` (s)."""

    begin: float
    end: float


class StillDetector:
    """Finds the first 4 s in which a sensor lies still, so that it captures its own bias when nobody asked it to.

    Gravity has the last word: a slow slump has a quiet gyroscope too, but turns gravity.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.n = round(BLOCK / interval)
        self.rows = np.empty((0, 6))
        self.previous: Floats | None = None  # mean gyr and acc of the last block, if it was quiet

    def push(self, gyr: Floats, acc: Floats, start: Bools) -> tuple[int, Floats] | None:
        """How many of these samples it took, and the bias (3,) rad/s; None if there was no such stillness yet."""
        edges = sorted({0, *np.flatnonzero(start).tolist(), len(gyr)})
        for a, b in pairwise(edges):
            if start[a]:
                self.rows, self.previous = self.rows[:0], None
            found = self._scan(np.concatenate([gyr[a:b], acc[a:b]], axis=1))
            if found is not None:
                return a + found[0], found[1]
        return None

    def _scan(self, new: Floats) -> tuple[int, Floats] | None:
        carried = len(self.rows)
        rows = np.concatenate([self.rows, new])
        whole = len(rows) // self.n
        for i in range(whole):
            block = rows[i * self.n : (i + 1) * self.n]
            mean = block.mean(axis=0)
            quiet = float(block[:, :3].std(axis=0).max()) < BLOCK_GYR
            if quiet and self.previous is not None and self._turn(self.previous[3:], mean[3:]) < BLOCK_TURN:
                return (i + 1) * self.n - carried, 0.5 * (self.previous[:3] + mean[:3])
            self.previous = mean if quiet else None
        self.rows = rows[whole * self.n :]
        return None

    def _turn(self, a: Floats, b: Floats) -> float:
        """rad/s between the mean gravity of two neighbouring blocks."""
        if abs(float(quat.length(b)) / GRAVITY - 1.0) > STILL_ACC:
            return np.inf
        cross = quat.length(quat.cross(a, b))
        return float(np.arctan2(cross, quat.dot(a, b))) / BLOCK


class Orientation:
    """Stage Samples -> Attitude of one sensor.

    Parameters
    ----------
    settle : s after a (re)start before an attitude counts as settled
    """

    def __init__(self, info: SensorInfo, filter: str, settle: float) -> None:
        self.sensor = info.sensor
        self.name = filter
        self.settle = settle
        self.interval = 1.0 / info.rate
        self.bias = None if info.bias is None else np.array(info.bias)
        self.detector = StillDetector(self.interval) if self.bias is None and filter == "vqf" else None
        self.filter: Filter | None = None
        self.started = -np.inf
        self.quiet = True  # nothing but gravity since the start
        self.captures: list[Capture] = []
        self.window: list[Samples] = []  # samples of the capture in progress
        self.events: list[Event] = []
        t, ns, q, xyz, no = np.empty(0), np.empty(0, np.int64), np.empty((0, 4)), np.empty((0, 3)), np.empty(0, bool)
        self.nothing = Attitude(info.sensor, t, ns, q, xyz, xyz, no, no, no)

    def capture(self, begin: float, seconds: float) -> None:
        """Measure the bias on the samples of the next ``seconds``, then restart the filter with it."""
        self.captures.append(Capture(begin, begin + seconds))

    def push(self, s: Samples, host_ns: int) -> Attitude:
        """``host_ns`` is the time of the newest input: it ends captures that wait in vain."""
        if not self.captures:
            return self._filter(s) if len(s.t) else self.nothing
        parts: list[Attitude] = []
        done = 0
        while self.captures:
            capture = self.captures[0]
            late = int((capture.end + PATIENCE) * 1e9)
            ended = int(np.searchsorted(s.t, capture.end, side="right"))
            end = max(done, min(ended, int(np.searchsorted(s.arrived_ns, late, side="right"))))
            begin = max(done, int(np.searchsorted(s.t, capture.begin, side="right")))
            self.window.append(_cut(s, slice(begin, end)))
            parts.append(self._filter(_cut(s, slice(done, end))))
            done = end
            if end < len(s.t) and s.arrived_ns[end] <= late:
                self._finish(capture, int(s.arrived_ns[end]))
            elif host_ns > late:
                self._finish(capture, late)
            else:
                break
        parts.append(self._filter(_cut(s, slice(done, None))))
        return _concat(parts)

    def take_events(self) -> list[Event]:
        """Events since the last call."""
        events, self.events = self.events, []
        return events

    def _filter(self, s: Samples) -> Attitude:
        """Filter one stretch; an uncaptured sensor that lies still restarts within it, with its bias."""
        if self.detector is None:
            return self._run(s)
        found = self.detector.push(s.gyr, s.acc, s.start)
        if found is None:
            return self._run(s)
        took, bias = found
        before = self._run(_cut(s, slice(0, took)))
        self._use(bias)
        frame = _frame_after(int(s.arrived_ns[took - 1]))
        detail = {"pose": "table_still", "automatic": True, "bias_deg_s": _degrees(bias)}
        onset = max(0, frame - round(2.0 * BLOCK * FRAME_RATE))
        self.events.append(Event(frame, onset, "calibrated", self.sensor, detail))
        return _concat([before, self._run(_cut(s, slice(took, None)))])

    def _use(self, bias: Floats) -> None:
        self.bias = bias
        self.filter = None
        self.detector = None

    def _run(self, s: Samples) -> Attitude:
        """Run the filter, from each ``start`` anew."""
        if self.filter is not None and not s.start.any() and len(s.t):  # nearly always
            q, gyr, settled = self._plain(self.filter, s)
            return Attitude(self.sensor, s.t, s.arrived_ns, q, s.acc, gyr, settled, s.held, s.start)
        q, gyr = np.empty((len(s.t), 4)), np.empty((len(s.t), 3))
        settled, start = np.empty(len(s.t), bool), s.start
        if self.filter is None and len(start):
            start = start.copy()
            start[0] = True
        edges = sorted({0, *np.flatnonzero(start).tolist(), len(s.t)})
        for a, b in pairwise(edges):
            if start[a]:
                self._restart(float(s.t[a]))
            assert self.filter is not None
            q[a:b], gyr[a:b], settled[a:b] = self._plain(self.filter, _cut(s, slice(a, b)))
        return Attitude(self.sensor, s.t, s.arrived_ns, q, s.acc, gyr, settled, s.held, start)

    def _plain(self, filter: Filter, s: Samples) -> tuple[Floats, Floats, Bools]:
        """Attitude, rate without its bias, and whether settled: of samples without a start among them."""
        rate = s.gyr - self.bias if self.bias is not None else s.gyr
        q, removed = filter.push(rate, s.acc, s.interval)
        return q, rate if removed is None else rate - removed, self._settled(s.t, rate, s.acc)

    def _settled(self, t: Floats, gyr: Floats, acc: Floats) -> Bools:
        """After a while; or soon, while the sensor has been quiet ever since: then gravity is all that it feels."""
        if float(t[0]) - self.started >= self.settle:
            return np.ones(len(t), bool)
        since = t - self.started
        quiet = (quat.length(gyr) < QUIET_GYR) & (np.abs(quat.length(acc) / GRAVITY - 1.0) < QUIET_ACC)
        so_far = np.logical_and.accumulate(np.concatenate([[self.quiet], quiet]))[1:]
        self.quiet = bool(so_far[-1])
        return (since >= self.settle) | ((since >= SOON) & so_far)

    def _restart(self, t: float) -> None:
        self.quiet = True
        previous = self.filter if isinstance(self.filter, Vqf) else None
        self.started = t
        if self.name == "vqf":
            self.filter = Vqf(self.interval, self.bias is not None, previous)
        else:
            self.filter = OTHERS[self.name](self.interval)

    def _finish(self, capture: Capture, decided_ns: int) -> None:
        """Accept or refuse a capture; an accepted one starts the filter anew."""
        gyr = np.concatenate([w.gyr for w in self.window])
        acc = np.concatenate([w.acc for w in self.window])
        self.captures.pop(0)
        self.window = []
        problem = _why_not_still(gyr, acc, capture, self.interval)
        detail: dict[str, object] = {"pose": "table_still"}
        if problem:
            detail["problem"] = problem
        else:
            bias = gyr.mean(axis=0)
            self._use(bias)
            detail["bias_deg_s"] = _degrees(bias)
        frame = _frame_after(decided_ns)
        onset = int(np.ceil(capture.begin * FRAME_RATE))
        kind = "calibration_failed" if problem else "calibrated"
        self.events.append(Event(frame, onset, kind, self.sensor, detail))


def _frame_after(ns: int) -> int:
    return -(-ns * int(FRAME_RATE) // 1_000_000_000)


def _degrees(bias: Floats) -> list[float]:
    return [float(b) for b in np.rad2deg(bias)]


def _why_not_still(gyr: Floats, acc: Floats, capture: Capture, interval: float) -> str:
    """Why these samples are not of a sensor lying still, or ""."""
    if len(gyr) < 0.8 * (capture.end - capture.begin) / interval:
        return "too few samples arrived"
    if gyr.std(axis=0).max() > STILL_GYR:
        return "the sensor moved"
    if abs(float(quat.length(acc.mean(axis=0))) / GRAVITY - 1.0) > STILL_ACC:
        return "the accelerometer does not read 1 g"
    return ""


def _cut(s: Samples, rows: slice) -> Samples:
    return Samples(
        s.sensor,
        s.number[rows],
        s.t[rows],
        s.arrived_ns[rows],
        s.interval[rows],
        s.acc[rows],
        s.gyr[rows],
        s.held[rows],
        s.start[rows],
    )


def _concat(parts: list[Attitude]) -> Attitude:
    if len(parts) == 1:
        return parts[0]

    def join(name: str) -> Floats:
        return np.concatenate([getattr(p, name) for p in parts])

    return Attitude(
        parts[0].sensor,
        join("t"),
        join("arrived_ns"),  # type: ignore[arg-type]
        join("earth_from_sensor"),
        join("acc"),
        join("gyr"),
        join("settled"),  # type: ignore[arg-type]
        join("held"),  # type: ignore[arg-type]
        join("start"),  # type: ignore[arg-type]
    )
