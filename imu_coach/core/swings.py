"""Out and back again in one number, of which only the size and the course of a repetition are known.

Rest is the lowest point since the last repetition; out is 40 % of the swing above it; back is most of the way down from
the highest point.  So a movement that never rests is counted like one that does.

The numbers are engineering defaults.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from imu_coach.conventions import FRAME_RATE
from imu_coach.core.dominant import DELAY, EVERY, STEP, Found, stretched
from imu_coach.core.rep import Rep
from imu_coach.types import Floats

LEAVE = 0.4
"""Of the swing: out of rest."""
WHOLE, LARGEST = 0.6, 2.0
"""Of the swing: a repetition; less is a partial, more another movement."""
BACK, HOME = 0.6, 0.85
"""Of the way out: on the way back (decides once it slows down), and as good as back (decides at once)."""
FARTHEST = 1.25
"""Of the swing: no more of the way out is asked back, so that a change of posture on the way out ends."""
SLOW = 0.5
"""Of the fastest on the way back."""
LEARN = 0.3
"""Gain of swing and course."""
ALIKE = 0.2
"""Cosine with the course of the repetitions so far; most of a set keep 0.8, some of a small, jerky movement 0.3."""
SAME, SAME_SIZE, SAME_TEMPO = 0.7, 1.5, 1.6
"""Cosine of the courses, and largest ratios of sizes and of lengths, of the two repetitions that teach a movement."""
WHOLE_CYCLE = 1.1
"""Of the rows at which a repetition is decided: to rest."""
ARM_SWING = math.radians(90.0)
"""rad; no arm swings so far in walking."""
FOLLOW = 1.0
"""s in which rest follows while still."""
STUCK = 90.0
"""s out of rest, at most."""
MEMORY = 500
"""Steps kept in rest, to date the onset back."""


class Point(NamedTuple):
    """One step: frame, turn (rad), its rate (rad/s), and the rate as a vector (3,), None while still."""

    frame: int
    turn: float
    speed: float = 0.0
    rate: Floats | None = None


class Swings:
    """Out and back again, in one number of which only the swing and the course are known."""

    def __init__(self, found: Found, shortest: float, sign: int, shape: Floats | None, begin: Point) -> None:
        self.direction, self.amplitude = found.direction * sign, found.swing
        self.shortest, self.shape = shortest, shape
        self.previous: tuple[Floats, float, float] | None = None  # course, size, s of the last repetition
        self.repeated = False  # two that followed each other were the same
        self.rows = 0  # of movement, in the last repetition; 0 if it was larger than in walking
        self.walking = 0.0  # share of the latest repetitions during which the body bounced as in walking
        self.lost(begin)

    def lost(self, p: Point) -> None:
        """Where it is now is rest."""
        self.out, self.base, self.rest_since, self.trace = False, p, p.frame, [p]
        self.peak, self.fastest_back = p.turn, 0.0

    def step(self, p: Point) -> Rep | None:
        """One step; the repetition that it decided."""
        if not self.out:
            self._rest(p)
            return None
        self.trace.append(p)
        if p.turn > self.peak:
            self.peak, self.fastest_back = p.turn, 0.0
        self.fastest_back = min(self.fastest_back, p.speed)
        size, back = self.peak - self.base.turn, self.peak - p.turn
        enough = min(size, FARTHEST * self.amplitude)
        slow = p.speed > SLOW * self.fastest_back
        if back >= HOME * enough or (back >= BACK * enough and slow):
            return self._back(p, size)
        if p.frame - self.base.frame > STUCK * FRAME_RATE:
            self.lost(p)
        return None

    def cut_off(self, frame: int) -> Rep | None:
        """The repetition in progress, if it is as large as one must be."""
        size = self.peak - self.base.turn
        if not self.out or size < WHOLE * self.amplitude:
            return None
        return self._back(self.trace[-1]._replace(frame=frame), size, whole=False)

    def _rest(self, p: Point) -> None:
        """Rest is the lowest point since it was reached; what comes after it is kept."""
        if p.turn <= self.base.turn:
            self.base, self.trace = p, []
        self.trace.append(p)
        if p.turn - self.base.turn > LEAVE * self.amplitude:
            self.out, self.peak, self.fastest_back = True, p.turn, 0.0
        elif p.rate is None:  # still, a little above: rest has moved
            self.base = p._replace(turn=self.base.turn + STEP / FOLLOW * (p.turn - self.base.turn))
            self.trace = [p]
        elif len(self.trace) > MEMORY:
            del self.trace[0]

    def _back(self, p: Point, size: float, whole: bool = True) -> Rep | None:
        """The way back is made, or (not ``whole``) never will be: the course of half a way cannot be compared."""
        rep = self._repetition(p, size)
        rates = [q.rate for q in self.trace if q.rate is not None]
        course, self.rows = stretched(rates), round(WHOLE_CYCLE * len(rates)) if size < ARM_SWING else 0
        self.lost(p)
        seconds = (rep.end - rep.onset) / FRAME_RATE
        if seconds < 0.5 * self.shortest or size > LARGEST * self.amplitude:
            return None
        if whole and self.shape is not None and float((course * self.shape).sum()) < ALIKE:
            return None
        if size < WHOLE * self.amplitude:
            return rep._replace(status="partial")
        self._compare(course, size, seconds)
        self.amplitude += LEARN * (size - self.amplitude)
        mean = course if self.shape is None else self.shape + LEARN * (course - self.shape)
        self.shape = mean / np.sqrt((mean * mean).sum())
        return rep

    def _compare(self, course: Floats, size: float, seconds: float) -> None:
        """With the repetition before it: two of the same course, size and tempo are a movement that repeats."""
        if self.previous is not None:
            before, other, took = self.previous
            even = other < SAME_SIZE * size and size < SAME_SIZE * other
            even = even and took < SAME_TEMPO * seconds and seconds < SAME_TEMPO * took
            self.repeated = self.repeated or (even and float((course * before).sum()) > SAME)
        self.previous = course, size, seconds

    def _repetition(self, p: Point, size: float) -> Rep:
        high = [q.frame for q in self.trace if q.turn >= self.peak - 0.1 * size]
        onset = max(self.trace[min(1, len(self.trace) - 1)].frame - EVERY - DELAY, 0)  # stillness has no rows
        top, release = max(high[0] - DELAY, onset), max(high[-1] - DELAY, onset)
        speed = max(abs(q.speed) for q in self.trace)
        end = max(p.frame, release)
        return Rep(p.frame, onset, top, release, end, "counted", 1, self.base.turn, self.peak, speed)
