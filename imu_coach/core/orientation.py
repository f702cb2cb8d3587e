"""Samples of one sensor to attitudes: gyroscope bias, filter, restarts.

VQF [1]_ in six-axis mode is the default: on the BROAD benchmark it has less than half the inclination error of the next
best filter.  It takes no per-sample interval, so it runs at the declared rate and its rates are scaled by
``interval / declared``, the true interval over the nominal one.

References
----------
.. [1] D. Laidig, T. Seel, Inf. Fusion 91 (2023) 187-204, doi:10.1016/j.inffus.2022.10.014
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple, Protocol

import ahrs.filters
import numpy as np
import vqf

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE, GRAVITY
from imu_coach.types import Attitude, Event, Floats, Samples, SensorInfo

STILL_GYR = float(np.deg2rad(0.3))
"""rad/s; spread of a gyroscope on a table: parts have 0.05-0.1 deg/s of noise at 100 Hz, a hand has more than 1."""
STILL_ACC = 0.05
"""A still accelerometer reads within 5 % of 1 g: offsets of 40 mg per axis."""
PATIENCE = 2.0
"""s after a capture should have ended, before it is called off for want of data."""


class Filter(Protocol):
    """A recurrence over samples, starting with the first."""

    def push(self, gyr: Floats, acc: Floats, interval: Floats) -> tuple[Floats, Floats]:
        """``gyr, acc (n, 3)``, ``interval (n,)`` s -> ``earth_from_sensor (n, 4)`` and the bias it removed (n, 3)."""
        ...


class Vqf:
    """VQF, real time.

    With a table-still bias the rest-based bias estimator is off: it takes any motion below 2 deg/s for bias and would
    swallow a slow slump.
    """

    def __init__(self, interval: float, bias_known: bool, previous: Vqf | None = None) -> None:
        self.interval = interval
        self.vqf = vqf.VQF(interval)
        if bias_known:
            self.vqf.setRestBiasEstEnabled(False)
        if previous is not None:
            self.vqf.setBiasEstimate(*previous.vqf.getBiasEstimate())

    def push(self, gyr: Floats, acc: Floats, interval: Floats) -> tuple[Floats, Floats]:
        scale = (interval / self.interval)[:, None]
        out = self.vqf.updateBatch(np.ascontiguousarray(gyr * scale), np.ascontiguousarray(acc))
        return out["quat6D"], out["bias"] / scale


class Ahrs:
    """A filter of the ``ahrs`` package with its default gains, sample by sample."""

    def __init__(self, update: Callable[[Floats, Floats, Floats, float], Floats]) -> None:
        self.update = update
        self.q: Floats | None = None

    def push(self, gyr: Floats, acc: Floats, interval: Floats) -> tuple[Floats, Floats]:
        out = np.empty((len(gyr), 4))
        for i, dt in enumerate(interval.tolist()):
            if self.q is None:
                self.q = quat.from_up(acc[i])
            else:
                self.q = self.update(self.q, gyr[i], acc[i], dt)
            out[i] = self.q
        return out, np.zeros_like(gyr)


def _madgwick(interval: float) -> Ahrs:
    f = ahrs.filters.Madgwick(Dt=interval)
    return Ahrs(lambda q, g, a, dt: f.updateIMU(q, g, a, dt=dt))


def _mahony(interval: float) -> Ahrs:
    f = ahrs.filters.Mahony(Dt=interval)
    return Ahrs(lambda q, g, a, dt: f.updateIMU(q, g, a, dt=dt))


def _ekf(interval: float) -> Ahrs:
    f = ahrs.filters.EKF(Dt=interval, frame="NED")  # with "ENU" this class turns an ordinary accelerometer upside down
    return Ahrs(lambda q, g, a, dt: f.update(q, g, a, dt=dt))


AHRS: dict[str, Callable[[float], Ahrs]] = {"madgwick": _madgwick, "mahony": _mahony, "ekf": _ekf}

FILTERS = {
    "vqf": "VQF, six-axis: the default",
    "madgwick": "Madgwick gradient descent (ahrs), gain 0.033",
    "mahony": "Mahony complementary (ahrs), gains 1 and 0.3",
    "ekf": "extended Kalman filter (ahrs)",
}
"""Selectable filters and what they are."""


class Capture(NamedTuple):
    """A table-still bias capture: samples after ``begin`` up to ``end`` (s)."""

    begin: float
    end: float


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
        self.filter: Filter | None = None
        self.started = -np.inf
        self.captures: list[Capture] = []
        self.window: list[Samples] = []  # samples of the capture in progress
        self.events: list[Event] = []

    def capture(self, begin: float, seconds: float) -> None:
        """Measure the bias on the samples of the next ``seconds``, then restart the filter with it."""
        self.captures.append(Capture(begin, begin + seconds))

    def push(self, s: Samples, host_ns: int) -> Attitude:
        """``host_ns`` is the time of the newest input: it ends captures that wait in vain."""
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
        """Run the filter over one stretch, from each ``start`` anew."""
        q, gyr = np.empty((len(s.t), 4)), np.empty((len(s.t), 3))
        settled, start = np.empty(len(s.t), bool), s.start.copy()
        if self.filter is None:
            start[:1] = True
        edges = sorted({0, *np.flatnonzero(start).tolist(), len(s.t)})
        for a, b in pairwise(edges):
            if start[a]:
                self._restart(float(s.t[a]))
            assert self.filter is not None
            rate = s.gyr[a:b] - self.bias if self.bias is not None else s.gyr[a:b]
            q[a:b], removed = self.filter.push(rate, s.acc[a:b], s.interval[a:b])
            gyr[a:b] = rate - removed
            settled[a:b] = s.t[a:b] - self.started >= self.settle
        return Attitude(self.sensor, s.t, s.arrived_ns, q, s.acc, gyr, settled, s.held, start)

    def _restart(self, t: float) -> None:
        previous = self.filter if isinstance(self.filter, Vqf) else None
        self.started = t
        if self.name == "vqf":
            self.filter = Vqf(self.interval, self.bias is not None, previous)
        else:
            self.filter = AHRS[self.name](self.interval)

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
            self.bias = gyr.mean(axis=0)
            self.filter = None
            detail["bias_deg_s"] = [float(b) for b in np.rad2deg(self.bias)]
        frame = -(-decided_ns * int(FRAME_RATE) // 1_000_000_000)
        onset = int(np.ceil(capture.begin * FRAME_RATE))
        kind = "calibration_failed" if problem else "calibrated"
        self.events.append(Event(frame, onset, kind, self.sensor, detail))


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
