"""Loggers that were started separately, put on the clock of the first one.

``tap``
    All sensors are held together and tapped two or three times, at the start and, to know the clock drift, at the end.
    Good to a few milliseconds.
``correlate``
    The rates of turn of all sensors are compared.  Body parts do not move at the same instant: on a walking and sitting
    person the pelvis, the lumbar and the thoracic spine differed by 20 to 100 ms.  So it is a second choice, and its
    error cannot be smaller than that of the motion.

A sensor is mapped by ``t + offset + drift * (t - t[0])``.  The error is an estimate from the recording itself: the
spread between taps, or between pieces of the recording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from imu_coach.errors import ConfigError
from imu_coach.importers.columns import Track
from imu_coach.importers.fit import Fit
from imu_coach.importers.motion import match_motion
from imu_coach.importers.taps import Pair, match_taps, spikes

MAX_LAG: Final = 120.0


@dataclass(frozen=True)
class SyncReport:
    """What was found, per sensor; the first one is the reference.

    Attributes
    ----------
    method : ``tap`` or ``correlate``
    offset : s, added to the first time stamp of the sensor
    error : s, one standard deviation as far as the recording shows it
    drift : s/s, added per second of the sensor's clock; 0 where unknown or not significant
    detail : how it was found
    """

    method: str
    offset: dict[str, float]
    error: dict[str, float]
    drift: dict[str, float]
    detail: dict[str, str]

    def text(self) -> str:
        """One line per sensor."""
        return "\n".join(
            f"{sensor}: {self.offset[sensor]:+.4f} s, error {self.error[sensor] * 1e3:.1f} ms,"
            f" drift {self.drift[sensor] * 1e6:+.0f} ppm ({self.method}: {self.detail[sensor]})"
            for sensor in self.offset
        )


def tap(tracks: Mapping[str, Track], *, max_lag: float = MAX_LAG) -> tuple[dict[str, Track], SyncReport]:
    """Synchronise by taps that all sensors felt.

    Raises
    ------
    ImportFileError
        the sensor, and what to do: no taps, or taps that fit in two ways
    """
    check(tracks, max_lag)
    taps = {sensor: spikes(track, max_lag) for sensor, track in tracks.items()}
    (first, reference), *others = tracks.items()
    fits = {first: Fit(0.0, 0.0, 0.0, "reference")}
    for sensor, track in others:
        fits[sensor] = match_taps(sensor, first, Pair(reference, taps[first], track, taps[sensor]), max_lag)
    return apply("tap", tracks, fits)


def correlate(tracks: Mapping[str, Track], *, max_lag: float = MAX_LAG) -> tuple[dict[str, Track], SyncReport]:
    """Synchronise by the magnitude of the rate of turn.

    Raises
    ------
    ImportFileError
        the sensor, and what to do: too short, or no lag that is clearly the best
    """
    check(tracks, max_lag)
    (first, reference), *others = tracks.items()
    fits = {first: Fit(0.0, 0.0, 0.0, "reference")}
    for sensor, track in others:
        fits[sensor] = match_motion(sensor, first, reference, track, max_lag)
    return apply("correlate", tracks, fits)


def check(tracks: Mapping[str, Track], max_lag: float) -> None:
    """Refuse what cannot be synchronised at all."""
    if len(tracks) < 2:
        raise ConfigError("", "sync", "one sensor has nothing to be synchronised with; use sync=none")
    if not 0 < max_lag < np.inf:
        raise ConfigError("", "max_lag", f"{max_lag} is not a positive number of seconds")


def apply(method: str, tracks: Mapping[str, Track], fits: Mapping[str, Fit]) -> tuple[dict[str, Track], SyncReport]:
    """Map every clock onto the first."""
    mapped = {
        sensor: track._replace(t=track.t + fits[sensor].offset + fits[sensor].drift * (track.t - track.t[0]))
        for sensor, track in tracks.items()
    }
    offset, drift, error = ({s: float(fit[i]) for s, fit in fits.items()} for i in range(3))
    return mapped, SyncReport(method, offset, error, drift, {s: fit.detail for s, fit in fits.items()})
