"""Orientation filters: recurrences over the samples of one sensor, by name.

VQF [1]_ in six-axis mode is the default: on the BROAD benchmark it has less than half the inclination error of the next
best filter here.  It takes no per-sample interval, so it runs at the declared rate and its rates are scaled by
``interval / declared``, the true interval over the nominal one.

References
----------
.. [1] D. Laidig, T. Seel, Inf. Fusion 91 (2023) 187-204, doi:10.1016/j.inffus.2022.10.014
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import ahrs.filters
import numpy as np
import vqf

from imu_coach import quat
from imu_coach.types import Floats

COLD = 6.0
"""s after a start: two time constants of VQF's accelerometer filter (3 s)."""
CLIP = 5.0
"""deg/s; zero-rate offsets of consumer parts reach 3, VQF's default of 2 cannot follow them."""
SPREAD_KNOWN, SPREAD_UNKNOWN = 0.3, 1.0
"""deg/s; how far the bias may be off: after a capture (warm-up, g-sensitivity), and without one."""


class Filter(Protocol):
    """A recurrence over samples, starting with the first."""

    def push(self, gyr: Floats, acc: Floats, interval: Floats) -> tuple[Floats, Floats | None]:
        """``gyr, acc (n, 3)``, ``interval (n,)`` s -> ``earth_from_sensor (n, 4)``, and the bias it found (n, 3)."""
        ...


class Vqf:
    """VQF in real time, with three departures from its defaults (evidence: docs/orientation.md).

    * Its rest-based bias estimator is off: it takes any motion below 2 deg/s for bias and would swallow a slow slump.
      The bias comes from a capture on the table or from stillness.
    * Its motion-based bias estimator pauses for :data:`COLD` s after a start, when tilt errors are not bias.
    * It may learn up to :data:`CLIP` of bias, with a spread that knows whether there was a capture.
    """

    def __init__(self, interval: float, bias_known: bool, previous: Vqf | None = None) -> None:
        self.interval = interval
        self.bias_known = bias_known
        self.cold = round(COLD / interval)  # samples left without motion bias estimation
        spread = SPREAD_KNOWN if bias_known else SPREAD_UNKNOWN
        self.vqf = vqf.VQF(
            interval,
            restBiasEstEnabled=False,
            magDistRejectionEnabled=False,
            motionBiasEstEnabled=False,
            biasClip=CLIP,
            biasSigmaInit=spread,
        )
        if previous is not None:
            self.vqf.setBiasEstimate(previous.vqf.getBiasEstimate()[0], float(np.deg2rad(spread)))

    def push(self, gyr: Floats, acc: Floats, interval: Floats) -> tuple[Floats, Floats | None]:
        scale = (interval / self.interval)[:, None]
        gyr, acc = gyr * scale, np.ascontiguousarray(acc)
        parts = []
        if self.cold:
            n = min(self.cold, len(gyr))
            self.cold -= n
            parts.append(self.vqf.updateBatch(gyr[:n], acc[:n]))
            if not self.cold:
                self.vqf.setMotionBiasEstEnabled(True)
            gyr, acc = gyr[n:], acc[n:]
        if len(gyr) or not parts:
            parts.append(self.vqf.updateBatch(gyr, acc))
        q, bias = (np.concatenate([p[k] for p in parts]) if parts[1:] else parts[0][k] for k in ("quat6D", "bias"))
        return q, None if self.bias_known else bias / scale


class VqfDefault:
    """VQF exactly as its authors set it, for comparison."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.vqf = vqf.VQF(interval)

    def push(self, gyr: Floats, acc: Floats, interval: Floats) -> tuple[Floats, Floats | None]:
        scale = (interval / self.interval)[:, None]
        out = self.vqf.updateBatch(gyr * scale, np.ascontiguousarray(acc))
        return out["quat6D"], out["bias"] / scale


class Ahrs:
    """A filter of the ``ahrs`` package with its default gains, sample by sample."""

    def __init__(self, update: Callable[[Floats, Floats, Floats, float], Floats]) -> None:
        self.update = update
        self.q: Floats | None = None

    def push(self, gyr: Floats, acc: Floats, interval: Floats) -> tuple[Floats, Floats | None]:
        out = np.empty((len(gyr), 4))
        for i, dt in enumerate(interval.tolist()):
            if self.q is None:
                self.q = quat.from_up(acc[i]) if acc[i].any() else np.array([1.0, 0.0, 0.0, 0.0])
            else:
                self.q = self.update(self.q, gyr[i], acc[i], dt)
            out[i] = self.q
        return out, None


def _madgwick(interval: float) -> Ahrs:
    f = ahrs.filters.Madgwick(Dt=interval)
    return Ahrs(lambda q, g, a, dt: f.updateIMU(q, g, a, dt=dt))


def _mahony(interval: float) -> Ahrs:
    f = ahrs.filters.Mahony(Dt=interval)
    return Ahrs(lambda q, g, a, dt: f.updateIMU(q, g, a, dt=dt))


def _ekf(interval: float) -> Ahrs:
    f = ahrs.filters.EKF(Dt=interval, frame="NED")  # with "ENU" this class turns an ordinary accelerometer upside down
    return Ahrs(lambda q, g, a, dt: f.update(q, g, a, dt=dt))


OTHERS: dict[str, Callable[[float], Filter]] = {
    "vqf_default": VqfDefault,
    "madgwick": _madgwick,
    "mahony": _mahony,
    "ekf": _ekf,
}

FILTERS = {
    "vqf": "VQF, six-axis, bias from stillness that gravity confirms: the default",
    "vqf_default": "VQF exactly as its authors set it",
    "madgwick": "Madgwick gradient descent (ahrs), gain 0.033",
    "mahony": "Mahony complementary (ahrs), gains 1 and 0.3",
    "ekf": "extended Kalman filter (ahrs)",
}
"""Selectable filters and what they are."""
