"""Finds the movement that repeats: when a sensor's turning has done the same thing twice, and about which direction.

Nothing is known of the movement, nor of how the sensor is worn.  What is looked at is the angular rate as a vector in
sensor axes, and of it only the stretches in which the sensor moves: stillness, at rest or in a hold, is cut out, so
that pauses of any length do not disturb the comparison ("movement time").

*The same thing twice*: two neighbouring stretches of equal length whose rates, as vectors, are alike (cosine), and each
of which ends in the pose in which it began (its turns add up to little against the way it went).  As vectors: a sensor
that nods twice while it turns once has a clear period, which either angle alone would hide.

*Direction*: the one in which the rate has most at the frequency of the repetition, not the one in which it has most in
all.  Rotating the sensor on the limb rotates everything here alike, so nothing depends on how it is worn.

The numbers are engineering defaults.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE
from imu_coach.core.rep import RepSpec
from imu_coach.core.stillness import apart
from imu_coach.types import Floats, Ints

EVERY = 4
"""Frames per row: 25 Hz."""
STEP = EVERY / FRAME_RATE
CUTOFF = 3.0
"""Hz; of the rates, in which tremor (4 to 8 Hz) is no movement."""
DELAY = round(math.sqrt(2.0) / (2.0 * math.pi * CUTOFF) * FRAME_RATE)
"""Frames by which the low-passed rates lag."""
LONGEST = 250
"""Rows; a repetition may move for 10 s, however long it rests or is held between."""
EDGE = 3
"""Rows of stillness that may belong to the first of two repetitions."""
ROWS = 1000
"""Kept at least half of it: two of the longest."""
ALIKE = 0.6
"""Cosine of two repetitions; neighbours in a set of a healthy arm reach 0.8 to 0.95, fidgeting rarely 0.4."""
NEARLY = 0.9
"""Of the best cosine: the shortest period that comes so close is taken, since twice the period fits as well."""
CLOSED = 0.15
"""Of the way gone: how far from its first pose a repetition may end (half of the way is the swing)."""
EVEN = 1.6
"""Ratio of the ways of two repetitions, at most."""

POINTS = 16
"""Of the course of a movement."""
STEPS = (1.1, 2.7)
"""Steps per second in walking, slow to fast."""
BOUNCE = 0.8
"""m/s2; half of what slow walking does to a wrist."""
LEVEL, STEADY = 0.7, 2.5
"""Of what is sideways with the step, and, squared, of that times what is up and down with the swing.  Wrists of 22
walkers, two of them real, are above both in 95 % of their steps; of 70 sets of seven movements three are in 40 %."""


class Found(NamedTuple):
    """A movement that repeats.

    direction : (3,) unit vector in sensor axes; swing : rad, there and back once; share : of the squared rate that is
    about the direction; lag : rows of one repetition; begin : frame at which the first of the two began
    """

    direction: Floats
    swing: float
    share: float
    lag: int
    begin: int


class Recurrence:
    """Rows of movement, the running comparison with the rows before them, and what repeats in them."""

    def __init__(self, spec: RepSpec) -> None:
        self.spec = spec
        self.shortest = max(4, round(0.5 * spec.shortest / STEP))
        self.lags = np.arange(self.shortest, LONGEST + 1)
        self.reset()

    def reset(self) -> None:
        """Forget everything: after a gap the pose is not known any more."""
        self.rate = np.zeros((ROWS + 1, 3))
        self.turned = np.zeros((ROWS + 1, 3))  # rad, sum of the rate
        self.way = np.zeros(ROWS + 1)  # rad, sum of its length
        self.energy = np.zeros(ROWS + 1)
        self.pose = np.zeros((ROWS + 1, 4))
        self.pushed = np.zeros((ROWS + 1, 3))  # m/s2, acceleration in earth axes
        self.frame = np.zeros(ROWS + 1, np.int64)
        self.alike = np.zeros(len(self.lags))  # sum of products of the last stretch with the one before, by lag
        self.end = self.first = 2 * LONGEST  # rows before ``first`` are zeros

    def push(self, frame: int, rate: Floats, pose: Floats, pushed: Floats) -> None:
        """One row of movement.

        ``rate (3,)`` rad/s in sensor axes, ``pose (4,)`` a unit quaternion, ``pushed (3,)`` m/s2 in earth axes.
        """
        if self.end == self.first:
            self.pose[: self.end + 1] = pose  # it was still
        if self.end == ROWS:
            self._make_room()
        n = self.end = self.end + 1
        length = float(quat.length(rate))
        self.rate[n], self.pose[n], self.pushed[n], self.frame[n] = rate, pose, pushed, frame
        self.turned[n] = self.turned[n - 1] + rate * STEP
        self.way[n] = self.way[n - 1] + length * STEP
        self.energy[n] = self.energy[n - 1] + length * length
        middle, old = self.rate[n - self.lags], self.rate[n - 2 * self.lags]
        self.alike += quat.dot(rate - old, middle)

    def _make_room(self) -> None:
        """Keep the newest rows; sums begin at their oldest again, so they never grow large."""
        drop = ROWS - 2 * LONGEST
        for values in (self.rate, self.pose, self.pushed, self.turned, self.way, self.energy, self.frame):
            values[: ROWS + 1 - drop] = values[drop:].copy()
        for values in (self.turned, self.way, self.energy):
            values -= values[0].copy()
        self.end -= drop
        self.first = max(self.first - drop, 0)

    def rows(self, after: int) -> tuple[Ints, Floats]:
        """Frames (m,) and rates (m, 3) rad/s of the rows kept, those after this frame."""
        kept = slice(self.first + 1, self.end + 1)
        a = int(np.searchsorted(self.frame[kept], after, "right"))
        return self.frame[kept][a:].copy(), self.rate[kept][a:].copy()

    def find(self, after: int) -> Found | None:
        """What the newest rows repeat, if both repetitions began after this frame."""
        n = self.end
        most = min((n - self.first) // 2 + EDGE, LONGEST)
        if most < self.shortest + 2:
            return None
        k = most - self.shortest + 1
        lags = self.lags[:k]
        middle, begin = n - lags, n - 2 * lags
        energy = (self.energy[n] - self.energy[middle]) * (self.energy[middle] - self.energy[begin])
        cosine = self.alike[:k] / np.sqrt(np.maximum(energy, 1e-12))
        way_1, way_0 = self.way[n] - self.way[middle], self.way[middle] - self.way[begin]
        pose = self.pose[middle]
        closed_1 = apart(self.pose[n], pose) < CLOSED * way_1
        closed_0 = apart(pose, self.pose[begin]) < CLOSED * way_0
        even = (way_1 < EVEN * way_0) & (way_0 < EVEN * way_1)
        large = np.minimum(way_1, way_0) > 2.0 * self.spec.minimum
        seconds = 0.5 * (self.frame[n] - self.frame[begin]) / FRAME_RATE
        good = (cosine > ALIKE) & closed_1 & closed_0 & even & large & (seconds > 0.75 * self.spec.shortest)
        good &= self.frame[np.maximum(begin, self.first) + 1] > after
        good[0] = good[-1] = False
        good[1:-1] &= (cosine[1:-1] >= cosine[:-2]) & (cosine[1:-1] >= cosine[2:])
        if not good.any():
            return None
        lag = int(lags[int(np.argmax(good & (cosine >= NEARLY * cosine[good].max())))])
        return self._about(lag)

    def walked(self, row: int, lag: int) -> bool:
        """Whether the body bounced with each step during one repetition: ``lag`` rows, the last one being ``row``.

        In walking the wrist goes up and down twice a swing of the arm, more than it goes up and down with the swing
        and to and fro with the step.
        """
        pushed = self.pushed[row - lag + 1 : row + 1]
        if not STEPS[0] <= 2.0 / (lag * STEP) <= STEPS[1] or len(pushed) < lag:
            return False
        phase = 2.0 * np.pi / lag * np.array([[1.0], [2.0]]) * np.arange(lag)
        wave = np.stack([np.cos(phase), np.sin(phase)])  # (2, harmonics, rows)
        size = 2.0 / lag * np.sqrt(np.square((wave[..., None] * pushed).sum(axis=2)).sum(axis=0))  # m/s2
        (swing, step), along = size[:, 2].tolist(), float(np.hypot(size[1, 0], size[1, 1]))
        return bool(step > BOUNCE and step > swing and step > LEVEL * along and step * step > STEADY * swing * along)

    def _about(self, lag: int) -> Found | None:
        """Direction and size of a movement of this many rows."""
        n = self.end
        rate = self.rate[n - 2 * lag + 1 : n + 1]
        phase = 2.0 * np.pi * np.arange(2 * lag) / lag
        real, imag = (rate * np.cos(phase)[:, None]).sum(axis=0), (rate * np.sin(phase)[:, None]).sum(axis=0)
        # the phase at which the fundamental, an ellipse in space, is longest
        turn = 0.5 * math.atan2(2.0 * float(quat.dot(real, imag)), float(quat.dot(real, real) - quat.dot(imag, imag)))
        direction = quat.normalize(real * math.cos(turn) + imag * math.sin(turn))
        if not np.isfinite(direction).all():
            return None
        along = quat.dot(self.turned[n - 2 * lag : n + 1], direction)
        swing = 0.5 * (float(np.ptp(along[: lag + 1])) + float(np.ptp(along[lag:])))
        if swing < self.spec.minimum:
            return None
        about = quat.dot(rate, direction)
        share = float((about * about).sum() / (rate * rate).sum())
        return Found(direction, swing, share, lag, int(self.frame[max(n - 2 * lag, self.first) + 1]))


def stretched(rates: Sequence[Floats]) -> Floats:
    """The course of a movement, ``rates`` (3,) each, as (POINTS, 3) of length 1: what does not change with tempo."""
    at = np.linspace(0.0, len(rates) - 1.0, POINTS)
    low = np.minimum(at.astype(np.int64), max(len(rates) - 2, 0))
    rows = np.array(rates)
    high = np.minimum(low + 1, len(rates) - 1)
    course = rows[low] + (at - low)[:, None] * (rows[high] - rows[low])
    return np.asarray(course / np.sqrt((course * course).sum()))


def first_alike(along: Floats, swing: float) -> tuple[int, int]:
    """Row at which the repetitions that lead up to the last row began, and the sign of the first way.

    Ways there and back of half to twice the swing belong together.
    """
    turns = turning_points(along.tolist(), 0.5 * swing)
    k = len(turns) - 1
    while k > 0:
        size = abs(along[turns[k]] - along[turns[k - 1]])
        if not 0.5 * swing <= size <= 2.0 * swing:
            break
        k -= 1
    start = turns[k]
    later = along[turns[k + 1]] if k + 1 < len(turns) else along[-1]
    return start, 1 if later >= along[start] else -1


def turning_points(x: list[float], least: float) -> list[int]:
    """Positions of the extremes of ``x`` between which it goes at least so far; the beginning may be one, too."""
    low = high = way = 0
    found: list[int] = []
    for i, value in enumerate(x):
        if way >= 0 and value > x[high]:
            high = i
        if way <= 0 and value < x[low]:
            low = i
        if way >= 0 and x[high] - value >= least:
            found.append(high)
            way, low = -1, i
        elif way <= 0 and value - x[low] >= least:
            found.append(low)
            way, high = 1, i
    begun = not found or (found[0] > 0 and abs(x[found[0]] - x[0]) >= least)
    return [0, *found] if begun else found
