"""The simulated person as one sensor feels them: raw counts at any moment of the sensor's own."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from imu_coach.conventions import GRAVITY
from imu_coach.errors import ConfigError
from imu_coach.types import Floats

GRID = 100.0
"""Hz of the motion that is kept; a sensor of another rate gets means over its own intervals."""
ACC_RANGE, GYR_RANGE = 16, 2000
"""g and deg/s of the virtual sensors."""
SCALE = np.repeat([ACC_RANGE * GRAVITY, np.deg2rad(GYR_RANGE)], 3) / 32768.0


@dataclass(frozen=True, eq=False)
class Motion:
    """What one sensor feels during a session; before it and after it, everything rests.

    Attributes
    ----------
    values : (n, 6) m/s2 and rad/s, sensor axes; each the mean over the grid interval that ends there
    start : s, session time of the first of them
    """

    values: Floats
    start: float = 0.0
    _total: Floats = field(init=False, repr=False)
    _rest: tuple[Floats, Floats, Floats] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        second = self.values[: round(GRID)]
        rest = second.mean(axis=0), self.values[-round(GRID) :].mean(axis=0), second - second.mean(axis=0)
        object.__setattr__(self, "_total", np.cumsum(self.values, axis=0))
        object.__setattr__(self, "_rest", rest)

    @property
    def seconds(self) -> float:
        """When the session is over."""
        return self.start + (len(self.values) - 1) / GRID

    def counts(self, first: float, interval: float, n: int) -> list[list[int]]:
        """Raw counts of ``n`` samples, the first at session time ``first`` s, the others ``interval`` s apart."""
        t: Floats = first + interval * np.arange(-1.0, n)
        if t[0] < self.start or t[-1] > self.seconds:
            values = self._resting(t[1:])
        else:
            at = (t - self.start) * GRID
            before = np.minimum(at.astype(np.int64), len(self._total) - 2)
            part = (at - before)[:, None]
            total = self._total[before] * (1.0 - part) + self._total[before + 1] * part
            values = np.diff(total, axis=0) / (GRID * interval)
        counts: list[list[int]] = np.clip(np.rint(values / SCALE), -32768, 32767).astype(np.int64).tolist()
        return counts

    def _resting(self, t: Floats) -> Floats:
        """Where it was or will be, with the noise of a sensor at rest."""
        before, after, noise = self._rest
        still = np.where((t < self.start + 1.0)[:, None], before, after)
        return np.asarray(still + noise[np.floor(t * GRID).astype(np.int64) % len(noise)])


def load(path: Path, site: str) -> Motion:
    """One sensor's motion out of a file of :meth:`imu_coach.virtual.person.Person.save`."""
    try:
        with np.load(path) as file:
            return Motion(file[site], float(file[f"{site}.start"]))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ConfigError(path, site, f"no motion of this sensor in the file ({error.__class__.__name__})") from None


STILL = Motion(np.tile([GRAVITY, 0.0, 0.0, 0.0, 0.0, 0.0], (round(GRID), 1)))
"""A sensor that nobody wears, upright."""
