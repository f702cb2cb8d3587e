"""The ``offline`` result: the same stages without deadlines, with the clock of the whole log and an acausal filter.

It sees what the ``realtime`` result could not wait for: late data is no hole, and the filter knows the future.  The two
are separate results, by name; they are never joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import vqf

from imu_coach.core.clock import WINDOW, Clock, Hull
from imu_coach.core.decode import Receiver
from imu_coach.core.filters import CLIP, SPREAD_KNOWN
from imu_coach.core.orientation import Orientation
from imu_coach.core.pipeline import Pipeline
from imu_coach.recounting import recounted
from imu_coach.settings import Setup
from imu_coach.types import Attitude, Header, Input, Link, Packet, Samples, SensorInfo, Sent, Update, concat

KNOT = 5.0
"""s between the points at which the whole-log clock is evaluated: a crystal bends by less than 0.1 ms over it."""


class _Witness(Clock):
    """A causal clock that also keeps everything it was told, for :class:`_Fitted`."""

    told_of_every_packet = True

    def __init__(self, tolerance: float) -> None:
        super().__init__(tolerance)
        self.said: list[tuple[int, float, float]] = []  # side, device s, session s

    def place(self, first: float, last: float, arrived: float, after: float) -> tuple[float, float]:
        self.said.append((+1, last, arrived))
        return super().place(first, last, arrived, after)

    def request(self, device: float, sent: float) -> None:
        self.said.append((-1, device, sent))
        super().request(device, sent)

    def answer(self, device: float, arrived: float) -> None:
        self.said.append((+1, device, arrived))
        super().answer(device, arrived)


class _Fitted(Clock):
    """A clock that knows the whole log: at each knot, the line through the evidence of a window on either side."""

    told_of_every_packet = True

    def __init__(self, witness: _Witness) -> None:
        super().__init__(witness.tolerance)
        self.rate, self.band = witness.rate, witness.band
        evidence = np.array(witness.said).reshape(-1, 3)
        evidence = evidence[np.argsort(evidence[:, 1], kind="stable")]
        arrivals = evidence[evidence[:, 0] > 0, 1]
        begin, end = (arrivals[0], arrivals[-1]) if len(arrivals) else (0.0, 0.0)
        knots = np.linspace(begin, end, max(2, int(np.ceil((end - begin) / KNOT)) + 1))
        values = np.array([self._at(d, evidence) for d in knots])
        known = ~np.isnan(values)  # a window without evidence is a long silence: straight through
        self.knots, self.values = knots[known], values[known]

    def session(self, device: float) -> float | None:
        """Known from the beginning."""
        return float(np.interp(device, self.knots, self.values)) if len(self.knots) else None

    def _at(self, device: float, evidence: np.ndarray) -> float:
        a, b = np.searchsorted(evidence[:, 1], (device - WINDOW, device + WINDOW))
        lower, upper = Hull(+1.0), Hull(-1.0)
        for side, x, y in evidence[a:b].tolist():
            (lower if side > 0 else upper).add(x, y)
        if not lower.points:
            return np.nan
        rate = self._rate(lower, upper)
        high = lower.value(device, rate)
        return 0.5 * (high + upper.value(device, rate)) if upper.points else high

    def place(self, first: float, last: float, arrived: float, after: float) -> tuple[float, float]:
        t_last = float(np.interp(last, self.knots, self.values))
        t_first = t_last - self.rate * (last - first)
        return self._fit(first, last, t_first, t_last, self.rate, arrived, after)


class _OfflineReceiver(Receiver):
    """A receiver whose clocks come from a first pass over the same log."""

    def __init__(self, info: SensorInfo, hold: float, witnesses: list[_Witness] | None) -> None:
        self.witnesses: list[_Witness] = []
        self.fitted = None if witnesses is None else [_Fitted(w) for w in witnesses]
        super().__init__(info, hold)

    def _clock(self, tolerance: float) -> Clock:
        if self.fitted is not None:
            return self.fitted.pop(0)
        self.witnesses.append(_Witness(tolerance))
        return self.witnesses[-1]


class OfflineOrientation(Orientation):
    """Runs the acausal VQF over each unbroken stretch, with the bias that the captures of the whole log gave."""

    def push(self, s: Samples, host_ns: int) -> Attitude:
        causal = super().push(s, host_ns)
        if not self.name.startswith("vqf") or not len(s.t):
            return causal
        scale = (s.interval / self.interval)[:, None]
        bias = self.bias if self.bias is not None else np.zeros(3)
        rate = s.gyr - bias
        q, gyr = causal.earth_from_sensor.copy(), rate.copy()
        edges = [*np.flatnonzero(s.start).tolist(), len(s.t)]
        settled = np.zeros(len(s.t), bool)
        for a, b in pairwise(edges):
            params = {"biasClip": CLIP, "restBiasEstEnabled": self.bias is None}
            params |= {"biasSigmaInit": SPREAD_KNOWN} if self.bias is not None else {}
            out = vqf.offlineVQF(
                np.ascontiguousarray(rate[a:b] * scale[a:b]),
                np.ascontiguousarray(s.acc[a:b]),
                None,
                self.interval,
                params,
            )
            q[a:b] = out["quat6D"]
            gyr[a:b] = rate[a:b] - out["bias"] / scale[a:b]
            settled[a:b] = s.t[b - 1] - s.t[a] >= self.settle
        return Attitude(self.sensor, s.t, s.arrived_ns, q, s.acc, gyr, settled, s.held, s.start)


class Offline(Pipeline):
    """A pipeline that is given everything at once; see :func:`offline`."""

    def __init__(self, header: Header, setup: Setup, inputs: Sequence[Input]) -> None:
        self.first_pass: dict[str, list[_Witness]] = {}
        for site in setup.layout.sites:
            if any(info.sensor == site for info in header.sensors):
                receiver = _OfflineReceiver(header[site], setup.hold, None)
                receiver.push([i for i in inputs if isinstance(i, Packet | Sent | Link) and i.sensor == site])
                self.first_pass[site] = receiver.witnesses
        super().__init__(header, setup)

    def _receiver(self, info: SensorInfo, setup: Setup) -> Receiver:
        return _OfflineReceiver(info, setup.hold, self.first_pass[info.sensor])

    def _orientation(self, info: SensorInfo, setup: Setup) -> Orientation:
        return OfflineOrientation(info, setup.filter, setup.settle)

    def _wait_ns(self, setup: Setup) -> int | None:
        return None


def offline(header: Header, setup: Setup, inputs: Sequence[Input]) -> Update:
    """The whole recording at once."""
    pipeline = Offline(header, setup, inputs)
    return recounted(concat([pipeline.push(inputs), pipeline.flush()]), setup.plan)
