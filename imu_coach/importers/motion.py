"""Clocks from motion: the lag at which the rates of turn of two sensors agree, if one is clearly the best."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from scipy import signal, stats

from imu_coach.errors import ImportFileError
from imu_coach.importers.columns import Track
from imu_coach.importers.fit import MOST_DRIFT, Fit, guess, parabola
from imu_coach.types import Floats

GRID: Final = 200.0
"""Hz, of the common grid."""
BAND: Final = (0.5, 5.0)
"""Hz: posture is left out below, what body parts do not share above."""
SHORTEST: Final = 20.0
LONGEST: Final = 6 * 3600.0
LEAST_MOTION: Final = 0.02
"""rad/s, standard deviation within the band."""
LEAST_OVERLAP: Final = 0.25

CLEAR_PEAK: Final = 0.4
CLEAR_RATIO: Final = 1.2
CLEAR_REST: Final = 3.0
LEAST_REST: Final = 0.01
"""A peak is clear when it is ``RATIO`` times the next or, for motions nearly alike, when it leaves less of the variance
unexplained by the factor ``REST``.  On 1500 pairs of unrelated recorded exercises none was."""
SAME_PEAK: Final = 0.3
"""s; nearer than this it is the same peak."""

PIECE: Final = 10.0
PIECES: Final = (4, 24)
PIECE_LAG: Final = 0.3
PIECE_PEAK: Final = 0.4
DRIFT_PIECES: Final = 6
DRIFT_CONFIDENCE: Final = 0.99
"""Pieces of about so many seconds, how many, how far (s) and how well each must agree to count."""


def turning(sensor: str, track: Track) -> Floats:
    """Magnitude of the rate of turn on the common grid from ``t[0]``, band-passed, rad/s."""
    length = float(np.ptp(track.t))
    if not SHORTEST <= length <= LONGEST:
        problem = f"{length:.0f} s is too {'short' if length < SHORTEST else 'long'} to correlate"
        raise ImportFileError(sensor, f"{problem}; {SHORTEST:.0f} s to {LONGEST / 3600:.0f} h are needed")
    grid = np.arange(track.t[0], track.t[-1], 1 / GRID)
    size = np.interp(grid, track.t, np.sqrt((track.gyr * track.gyr).sum(axis=1)))
    moved = np.asarray(signal.sosfiltfilt(signal.butter(2, BAND, "bandpass", fs=GRID, output="sos"), size))
    if moved.std() < LEAST_MOTION:
        raise ImportFileError(sensor, "hardly moves, so there is nothing to correlate; tap the sensors together")
    return moved


def correlation(a: Floats, b: Floats, least: int) -> tuple[Floats, Floats]:
    """Lags in samples, and the correlation of what overlaps, less where that is short (it means less there)."""
    lags = signal.correlation_lags(len(a), len(b))
    both = signal.correlate(a, b, method="fft")
    sums_a, sums_b = (np.concatenate([[0.0], np.cumsum(x * x)]) for x in (a, b))
    begin, end = np.maximum(0, lags), np.minimum(len(a), len(b) + lags)
    energy = (sums_a[end] - sums_a[begin]) * (sums_b[end - lags] - sums_b[begin - lags])
    overlap = end - begin
    usable = (overlap >= least) & (energy > 1e-12 * sums_a[-1] * sums_b[-1])
    value = np.where(
        usable, both / np.sqrt(np.where(usable, energy, 1.0)) * np.sqrt(overlap / min(len(a), len(b))), -1.0
    )
    return lags.astype(np.float64), value


def match_motion(sensor: str, first: str, reference: Track, track: Track, max_lag: float) -> Fit:
    """Clock of one sensor from its rate of turn."""
    a, b = turning(first, reference), turning(sensor, track)
    shift = float(reference.t[0] - track.t[0])
    lags, value = correlation(a, b, int(LEAST_OVERLAP * min(len(a), len(b))))
    value = np.where(abs(lags / GRID + shift - guess(reference, track)) <= max_lag, value, -1.0)
    top = int(np.argmax(value))
    rival = float(value[abs(lags - lags[top]) > SAME_PEAK * GRID].max())
    ratio = float(value[top]) / max(rival, 1e-9)
    full = np.sqrt((min(len(a), len(b) + lags[top]) - max(0, lags[top])) / min(len(a), len(b)))
    rest = [1 - min(1.0, max(0.0, one) / full) ** 2 for one in (float(value[top]), rival)]
    clear = ratio >= CLEAR_RATIO or rest[1] >= CLEAR_REST * max(rest[0], LEAST_REST)
    if value[top] < CLEAR_PEAK or not clear:
        problem = f"no clear peak against {first!r} (correlation {value[top]:.2f}, {ratio:.2f} times the next)"
        raise ImportFileError(
            sensor, f"{problem}; the motion repeats itself or is not shared: tap the sensors together"
        )
    at, found, count = pieces(a, b, int(lags[top]))
    if len(found) < max(3, count / 2):
        problem = f"only {len(found)} of {count} pieces of the recording agree with {first!r}"
        raise ImportFileError(sensor, f"{problem}; tap the sensors together, or use a longer recording")
    drift, said = slope(at, found)
    left = found - drift * at
    offset = float(np.median(left))
    error = max(float((left - offset).std(ddof=1)), 1 / GRID / np.sqrt(12))
    detail = f"peak {value[top]:.2f}, {ratio:.1f} times the next, {len(found)} of {count} pieces agree{said}"
    return Fit(offset + shift, drift, error, detail)


def pieces(a: Floats, b: Floats, lag: int) -> tuple[Floats, Floats, int]:
    """Where the pieces of the overlap are, s from the start of ``b``; their lags, s; and how many were tried."""
    begin, end = max(0, lag), min(len(a), len(b) + lag)
    count = int(np.clip((end - begin) / GRID / PIECE, *PIECES))
    edges = np.linspace(begin, end, count + 1).astype(int)
    reach = int((PIECE_LAG + MOST_DRIFT * (end - begin) / GRID) * GRID)
    at, found = [], []
    for start, stop in pairwise(edges):
        lags, value = correlation(a[start:stop], b[start - lag : stop - lag], (stop - start) // 2)
        value = np.where(abs(lags) <= reach, value, -1.0)
        top = int(np.argmax(value))
        if value[top] >= PIECE_PEAK and abs(lags[top]) < reach:
            at.append(((start + stop) / 2 - lag) / GRID)
            found.append((parabola(lags[top - 1 : top + 2], value[top - 1 : top + 2]) + lag) / GRID)
    where, lagged = np.array(at), np.array(found)
    if not lagged.size:
        return where, lagged, count
    off = abs(lagged - np.median(lagged))
    keep = off <= max(5 * float(np.median(off)), 2 / GRID)
    return where[keep], lagged[keep], count


def slope(at: Floats, lag: Floats) -> tuple[float, str]:
    """Clock drift in s/s where the pieces show one that a crystal can have, else 0."""
    if len(at) < DRIFT_PIECES:
        return 0.0, ", too few for a drift"
    found, _, low, high = stats.theilslopes(lag, at, DRIFT_CONFIDENCE)
    if low <= 0 <= high:
        return 0.0, ", no drift seen"
    if abs(found) > MOST_DRIFT:
        return 0.0, f", a trend of {found * 1e6:+.0f} ppm is the motion's, not a clock's: left"
    return float(found), ""
