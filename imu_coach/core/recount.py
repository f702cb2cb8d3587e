"""Repetitions of one channel, counted afterwards: the whole set is known, and nothing is late.

The channel is low-passed without lag (Butterworth of order 2, 1.5 Hz, both ways).  What is below half way between the
two levels of the set (2-means: rest and top) is rest, and the baseline goes through it.  Every movement away from it
is measured by the mean of its upper part and compared with the full repetitions around it; less than 65 % is a partial.
A repetition begins and ends where its speed passes 5 % of the fastest of its rise and fall, and so does its top: the
tempo (rise, hold, fall) is ``top - onset``, ``release - top``, ``end - release``.  :func:`odd` compares shapes.

The numbers are engineering defaults.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.ndimage import grey_opening, median_filter, uniform_filter1d
from scipy.signal import butter, sosfiltfilt

from imu_coach.conventions import FRAME_RATE
from imu_coach.core.rep import Rep, RepSpec
from imu_coach.core.reps import BREATH, QUIET, TELL_NOISE
from imu_coach.types import Bools, Floats, Ints

EVERY = 4
"""Frames per point: 25 Hz."""
RATE = FRAME_RATE / EVERY
SHORTEST = 2.0
"""s of values below which there is nothing to count."""
AWAY = 0.3
"""Of the amplitude: a movement away from rest."""
FULL = 0.65
"""Of the full repetitions around it."""
UPPER = 0.8
"""Of the peak: what a size is averaged over."""
SLOW = 0.05
"""Of the fastest: where a movement begins and ends."""
STILL = 0.1
"""Of the fastest of the set: at rest, or at a top."""
NEARLY = 0.85
"""Of the minimum, as in the counter."""
NOISE = 3.0
"""Times the rms about rest, which a repetition longer than a breath must exceed."""
NEIGHBOURS = 4
"""Full repetitions on either side that one is compared with."""
POINTS = 40
"""Of a repetition whose shape is compared."""
ODD, ODD_LEAST = 4.0, 0.15
"""Median absolute deviations beyond the median distance, and at least that distance, in amplitudes."""

_SOS = butter(2, 1.5, fs=FRAME_RATE, output="sos")


class Away(NamedTuple):
    """A stretch away from rest: points ``a`` to ``b``, its direction, and how far."""

    a: int
    b: int
    direction: int
    size: float


def recount(value: Floats, spec: RepSpec, first_frame: int = 0) -> list[Rep]:
    """Repetitions (status "counted" or "partial") of a whole set.

    Parameters
    ----------
    value : (n,) the channel at consecutive frames, rad (m), NaN where it is not sensed
    spec : what is known of the movement; of ``expected`` no use is made
    first_frame : frame of ``value[0]``

    Returns
    -------
    In order; each is "decided" when it ended.
    """
    seen = np.isfinite(value)
    if seen.sum() < SHORTEST * FRAME_RATE:
        return []
    y = _smooth(value, seen)
    x, noise = _from_rest(y, spec)
    moves = _movements(x, spec, noise, seen[::EVERY])
    full = _full(moves, spec, noise)
    reps = []
    earliest = 0
    for i, move in enumerate(moves):
        latest = moves[i + 1].a if i + 1 < len(moves) else len(x) - 1
        marks = _marks(x * move.direction, move, earliest, latest)
        earliest = marks[3]
        if (marks[3] - marks[0]) / RATE >= 0.9 * spec.shortest:
            reps.append(_rep(y, x, move, marks, bool(full[i]), first_frame))
    return reps


def _smooth(value: Floats, seen: Bools) -> Floats:
    """(n / 4,) low-passed without lag; straight lines through gaps."""
    frames = np.arange(len(value))
    whole = np.interp(frames, frames[seen], value[seen])
    return np.asarray(sosfiltfilt(_SOS, whole, padlen=min(150, len(whole) - 1))[::EVERY])


def _from_rest(y: Floats, spec: RepSpec) -> tuple[Floats, float]:
    """Displacement from rest, and its rms at rest."""
    longest = spec.longest + 2.0 * (spec.hold or 0.0)
    if spec.either_way:
        base = median_filter(y, size=min(len(y), int(30.0 * RATE)) | 1, mode="nearest")
    else:
        base = grey_opening(y, size=(min(len(y), int(longest * RATE)),), mode="nearest")
    speed = np.abs(np.gradient(y))
    slow = speed < STILL * np.percentile(speed, 99.0)
    for _ in range(3):
        size = np.abs(y - base) if spec.either_way else y - base
        rest = size < 0.5 * _halfway(size)
        points = np.flatnonzero(rest & slow)
        if not spec.either_way:
            points = np.union1d(points, _lowest(y, rest, slow))
        if len(points):
            base = np.interp(np.arange(len(y)), points, uniform_filter1d(y[points], int(RATE) | 1, mode="nearest"))
    x = y - base
    quiet = x[rest & slow] if spec.either_way else x[x < 0.0]  # noise goes both ways, repetitions one
    return x, float(np.sqrt(np.mean(quiet**2))) if len(quiet) else 0.0


def _lowest(y: Floats, rest: Bools, slow: Bools) -> Ints:
    """The lowest point of each stretch at rest that was too short to be slow."""
    edges = np.flatnonzero(np.diff(rest, prepend=False, append=False))
    stretches = zip(edges[::2], edges[1::2], strict=True)
    return np.array([a + int(np.argmin(y[a:b])) for a, b in stretches if not slow[a:b].any()], np.int64)


def _halfway(size: Floats) -> float:
    """Between the levels of rest and top: 2-means, from the lowest and the highest."""
    low, high = float(size.min()), float(size.max())
    for _ in range(20):
        upper = size > 0.5 * (low + high)
        if upper.all() or not upper.any():
            break
        low, high = float(size[~upper].mean()), float(size[upper].mean())
    return 0.5 * (low + high) + 1e-12


def _movements(x: Floats, spec: RepSpec, noise: float, seen: Bools) -> list[Away]:
    """Stretches away from rest that may be repetitions, as far as anything of them was seen."""
    size = np.abs(x) if spec.either_way else x
    top = float(np.percentile(size, 98.0))
    least = max(NEARLY * 0.5 * spec.minimum, 0.5 * NOISE * noise)
    away = size > max(AWAY * min(top, 2.0 * _halfway(size)), least)
    change = np.diff(np.where(away, np.sign(x), 0.0), prepend=0.0, append=0.0)
    edges = np.flatnonzero(change)
    moves = []
    for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if away[a] and seen[a:b].any() and a > 0 and b < len(x):
            part = size[a:b]
            moves.append(Away(a, b, 1 if x[a] > 0.0 else -1, float(part[part >= UPPER * part.max()].mean())))
    return [move for move in moves if move.size >= max(NEARLY * 0.8 * spec.minimum, _least(size, move, noise))]


def _least(size: Floats, move: Away, noise: float) -> float:
    """What noise may reach in so short a time."""
    up = int((size[move.a : move.b] > 0.5 * move.size).sum())
    return (NOISE if up > BREATH * RATE else TELL_NOISE) * max(noise, QUIET)


def _full(moves: Sequence[Away], spec: RepSpec, noise: float) -> Bools:
    """Which are full, against the full ones around them."""
    sizes = np.array([move.size for move in moves])
    if not len(sizes):
        return np.zeros(0, np.bool_)
    full = sizes >= FULL * np.percentile(sizes, 80.0)
    for _ in range(3):
        around = [np.median(_near(np.flatnonzero(full), i, sizes)) for i in range(len(sizes))]
        full = sizes >= FULL * np.array(around)
    return np.asarray(full & (sizes >= max(NEARLY * spec.minimum, NOISE * noise)))


def _near(full: Ints, i: int, sizes: Floats) -> Floats:
    """Sizes of the full repetitions next to the i-th."""
    k = int(np.searchsorted(full, i))
    return sizes[full[max(0, k - NEIGHBOURS) : k + NEIGHBOURS + 1]] if len(full) else sizes


def _marks(x: Floats, move: Away, earliest: int, latest: int) -> tuple[int, int, int, int]:
    """Points of onset, top, release and end."""
    v = np.gradient(x)
    middle = move.a + int(np.argmax(x[move.a : move.b]))
    first, last = max(earliest, move.a - int(4.0 * RATE)), min(latest, move.b + int(4.0 * RATE))
    rise = min(move.a, middle) if middle == move.a else move.a + int(np.argmax(v[move.a : middle]))
    fall = middle + int(np.argmin(v[middle : min(move.b, last) + 1]))
    onset = _passing(v, rise, first, -1, SLOW * v[rise])
    onset = max([onset, *(np.flatnonzero(x[onset : move.a] <= 0.0)[-1:] + onset).tolist()])
    top = _passing(v, rise, middle, 1, SLOW * v[rise])
    end = _passing(-v, fall, last, 1, -SLOW * v[fall])
    end = min([end, *(np.flatnonzero(x[move.b : end] <= 0.0)[:1] + move.b).tolist()])
    release = _passing(-v, fall, middle, -1, -SLOW * v[fall])
    return onset, top, max(release, top), max(end, release, top)


def _passing(v: Floats, start: int, stop: int, way: int, least: float) -> int:
    """The first point from ``start`` towards ``stop`` with a speed below ``least``."""
    k = start
    while k != stop and v[k] > least:
        k += way
    return k


def _rep(y: Floats, x: Floats, move: Away, marks: tuple[int, int, int, int], full: bool, first_frame: int) -> Rep:
    onset, top, release, end = (first_frame + k * EVERY for k in marks)
    part = slice(marks[0], marks[3] + 1)
    peak = marks[0] + int(np.argmax(x[part] * move.direction))
    speed = float(np.abs(np.gradient(y)[part]).max() * RATE)
    base = float(y[peak] - x[peak])
    status = "counted" if full else "partial"
    return Rep(end, onset, top, release, end, status, move.direction, base, float(y[peak]), speed)


# --- shapes ---------------------------------------------------------------------------------------------------------


def odd(value: Floats, reps: Sequence[Rep], first_frame: int = 0) -> list[bool]:
    """Which of the counted repetitions do not look like the others; at least five are needed to tell.

    Each is compared with the median one by dynamic time warping that keeps the amplitude: a small or broken one stands
    out, a slow one does not.
    """
    seen = np.isfinite(value)
    counted = [i for i, rep in enumerate(reps) if rep.status != "partial" and rep.end - rep.onset >= 2 * EVERY]
    if len(counted) < 5 or seen.sum() < SHORTEST * FRAME_RATE:
        return [False] * len(reps)
    y = _smooth(value, seen)
    shapes = [_shape(y, reps[i], first_frame) for i in counted]
    scale = float(np.median([shape.max() for shape in shapes]))
    template = np.median(shapes, axis=0)
    distances = np.array([_warped(shape, template) for shape in shapes]) / scale
    spread = float(np.median(np.abs(distances - np.median(distances))))
    limit = max(float(np.median(distances)) + ODD * spread, ODD_LEAST)
    out = {i for i, distance in zip(counted, distances.tolist(), strict=True) if distance > limit}
    return [i in out for i in range(len(reps))]


def _shape(y: Floats, rep: Rep, first_frame: int) -> Floats:
    """(POINTS,) a repetition from onset to end, from its baseline."""
    at = np.linspace(rep.onset - first_frame, rep.end - first_frame, POINTS) / EVERY
    return np.asarray((np.interp(at, np.arange(len(y)), y) - rep.baseline) * rep.direction)


def _warped(a: Floats, b: Floats) -> float:
    """Mean distance along the best alignment of two shapes, at most a quarter of their length apart."""
    band = POINTS // 4
    cost = [[float("inf")] * (POINTS + 1) for _ in range(POINTS + 1)]
    cost[0][0] = 0.0
    one, two = a.tolist(), b.tolist()
    for i in range(1, POINTS + 1):
        above, row = cost[i - 1], cost[i]
        for j in range(max(1, i - band), min(POINTS, i + band) + 1):
            row[j] = abs(one[i - 1] - two[j - 1]) + min(above[j], row[j - 1], above[j - 1])
    return cost[POINTS][POINTS] / POINTS
