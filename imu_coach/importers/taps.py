"""Clocks from taps: sharp peaks of the accelerometers whose pattern fits at one lag only."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from scipy import ndimage, signal

from imu_coach.conventions import GRAVITY
from imu_coach.errors import ImportFileError
from imu_coach.importers.columns import Track
from imu_coach.importers.fit import MOST_DRIFT, USUAL_DRIFT, Fit, guess, parabola
from imu_coach.types import Floats

TAP_WINDOW: Final = 30.0
"""s, from the start or the end of either recording, in which taps are looked for."""
TAP_HEIGHT: Final = 1.0 * GRAVITY
TAP_NOISE: Final = 8.0
"""m/s2 above the running median, and standard deviations of what is usual: what makes a spike."""
TAP_APART: Final = 0.08
TAP_PATTERN: Final = 10.0
TAP_AGREE: Final = 0.025
"""s: between two taps at least, from first to last at most, and how well a tap must coincide."""
MOST_TAPS: Final = 16
MEDIAN_SPAN: Final = 0.2


def spikes(track: Track, max_lag: float) -> Floats:
    """Times (k,) of sharp peaks of the accelerometer above what is usual in this recording."""
    size = np.sqrt((track.acc * track.acc).sum(axis=1))
    step = float(np.median(np.diff(track.t)))
    sharp = abs(size - ndimage.median_filter(size, size=max(3, round(MEDIAN_SPAN / step) | 1), mode="nearest"))
    height = max(TAP_HEIGHT, TAP_NOISE * 1.4826 * float(np.median(sharp)))
    peaks, _ = signal.find_peaks(sharp, height=height, distance=max(1, round(TAP_APART / step)))
    peaks = peaks[(peaks > 0) & (peaks < len(sharp) - 1)]
    found: list[int] = []
    reach = TAP_WINDOW + max_lag
    for part in (track.t[peaks] < track.t[0] + reach, track.t[peaks] > track.t[-1] - reach):
        near = peaks[part]
        found.extend(near[np.argsort(sharp[near])[-MOST_TAPS:]].tolist())
    return np.array([parabola(track.t[i - 1 : i + 2], sharp[i - 1 : i + 2]) for i in sorted(set(found))])


class Match(NamedTuple):
    """Taps that both felt: ``at (k,)`` on the sensor's clock, ``lag (k,)`` to the reference, other lags as good."""

    at: Floats
    lag: Floats
    rivals: tuple[float, ...]

    @property
    def usable(self) -> bool:
        """At least two taps, and one way to fit them."""
        return self.at.size > 1 and not self.rivals


class Pair(NamedTuple):
    """Two recordings and their spikes."""

    reference: Track
    theirs: Floats
    track: Track
    ours: Floats

    def match(self, low: float, high: float, side: int) -> Match:
        """The lag between ``low`` and ``high`` at which most taps of one short pattern coincide.

        The pattern lies in the first (``side`` 0) or last (-1) seconds of either recording.
        """
        apart = self.theirs[:, None] - self.ours[None, :]
        tried: list[tuple[int, float, Floats, Floats]] = []
        for lag in apart[(apart >= low) & (apart <= high)]:
            nearest = np.take_along_axis(apart, abs(apart - lag).argmin(axis=0)[None, :], axis=0)[0]
            edge = np.minimum(abs(self.ours - self.track.t[side]), abs(self.ours + nearest - self.reference.t[side]))
            hit = (abs(nearest - lag) < TAP_AGREE) & (edge < TAP_WINDOW)
            at, lags = self.ours[hit], nearest[hit]
            groups = [(at >= start) & (at <= start + TAP_PATTERN) for start in at]
            if groups:
                group = max(groups, key=lambda one: int(one.sum()))
                tried.append((int(group.sum()), float(lags[group].std()), at[group], lags[group]))
        if not tried:
            return Match(np.empty(0), np.empty(0), ())
        count, _, at, lags = min(tried, key=lambda one: (-one[0], one[1]))
        others = {
            round(float(r.mean()), 2) for n, _, _, r in tried if n == count and abs(r.mean() - lags.mean()) > TAP_AGREE
        }
        return Match(at, lags, tuple(sorted(others)))


def match_taps(sensor: str, first: str, pair: Pair, max_lag: float) -> Fit:
    """Clock of one sensor from the taps at the start, at the end, or both."""
    centre = guess(pair.reference, pair.track)
    sides = [pair.match(centre - max_lag, centre + max_lag, side) for side in (0, -1)]
    if not any(one.usable for one in sides):
        why = f"no two taps near the start or the end that {first!r} felt too"
        for one in sides:
            if one.at.size > 1:
                why = f"its taps fit {first!r} at {one.lag.mean():+.2f} s and at {one.rivals[0]:+.2f} s"
        raise ImportFileError(sensor, f"{why}; hold the sensors together and tap three times, or use sync=correlate")
    late = max((0, 1), key=lambda side: sides[side].usable * sides[side].at.size) == 1
    found = sides[late]
    length = float(np.ptp(pair.track.t))
    lag = float(found.lag.mean())
    reach = TAP_AGREE + MOST_DRIFT * length
    rest = pair._replace(ours=pair.ours[abs(pair.ours - found.at.mean()) > TAP_WINDOW])
    other = rest.match(lag - reach, lag + reach, 0 if late else -1)
    floor = spacing(pair.reference, pair.track)
    errors = [max(float(one.lag.std()), floor / np.sqrt(one.lag.size)) for one in (found, other) if one.lag.size]
    if not other.usable:
        detail = f"{found.at.size} taps at the {'end' if late else 'start'} only, so the drift is unknown:"
        return Fit(lag, 0.0, errors[0], f"{detail} {USUAL_DRIFT * length * 1e3:.0f} ms at 50 ppm over the recording")
    gap = float(other.at.mean() - found.at.mean())
    change = float(other.lag.mean()) - lag
    detail = f"{found.at.size} and {other.at.size} taps, {abs(gap):.0f} s apart"
    if abs(change) < 2 * np.hypot(*errors):
        return Fit(lag + change / 2, 0.0, max(*errors, abs(change) / 2), detail + ", no drift seen")
    drift = change / gap
    return Fit(lag - drift * float(found.at.mean() - pair.track.t[0]), drift, max(errors), detail)


def spacing(*tracks: Track) -> float:
    """Standard deviation that sampling alone gives the difference of two taps, s."""
    return float(np.sqrt(sum(float(np.median(np.diff(track.t))) ** 2 for track in tracks) / 12))
