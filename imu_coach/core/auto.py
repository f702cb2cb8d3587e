"""Counts a movement that nobody defined, with one sensor worn any way round: learned from its first two repetitions.

Once something has repeated (:mod:`imu_coach.core.dominant`), its direction gives one number, the turn about it, and
the repetitions so far are told with their own onsets.  From then on a repetition is a way out, by at least 60 % of the
person's own swing, and most of the way back, along much the same course.  The way out is the way that the first
movement went.

The turn is integrated from rates while the sensor moves and stands while it does not, so that neither a hold nor a
pause drifts; rest is where the last repetition ended, so that what drift there is does not add up.  A movement of
another size or course is none; if another movement repeats, that one is learned instead.

The numbers are engineering defaults.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import butter, sosfilt, sosfilt_zi

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE, GRAVITY
from imu_coach.core.dominant import CUTOFF, EVERY, STEP, Found, Recurrence, first_alike
from imu_coach.core.rep import HoldNews, Rep, RepSpec, Turn
from imu_coach.core.swings import LEARN, Point, Swings
from imu_coach.types import Codes, Floats, Ints

BOUNCING = 6.0
"""Hz; of the acceleration, in which steps show."""
STILL = math.radians(4.0)
"""rad/s; slower is standing still: zero-rate offsets reach 3, breathing 2.4, sway 1.5 deg/s."""
ANY = RepSpec(math.radians(40.0), math.radians(8.0), 0.8, 20.0)
"""Of a movement nobody defined: less than 8 deg is breathing, sway and fidgeting."""
WALKING = 0.75
"""Share of the latest repetitions during which the body bounced, beyond which they are steps."""
PAUSE = 15.0
"""s of stillness after which a movement is forgotten: a tired person rests for ten between repetitions."""
SILENCE = 4000
"""Frames of stillness before anything was learned, after which what was before it is forgotten."""
GAP, LOST = 0.5, 2.0
"""s without data after which repetitions are not compared across it, and after which the pose is not known."""
QUIET = 3.0
"""s without a repetition after which another movement may be learned."""
AGAIN = 40
"""Frames until the next try, when something repeated and was no movement to be learned."""

_SOS = butter(2, CUTOFF, fs=FRAME_RATE, output="sos")
_ZI = sosfilt_zi(_SOS)[:, :, None]
_SOS_BOUNCE = butter(2, BOUNCING, fs=FRAME_RATE, output="sos")
_ZI_BOUNCE = sosfilt_zi(_SOS_BOUNCE)[:, :, None]


class AutoCounter:
    """Counts the dominant motion of one uncalibrated sensor.

    ``value`` (n,) rad is the turn about the direction at the frames of the last push, NaN until learned.
    """

    def __init__(self, spec: RepSpec | None = None) -> None:
        self.spec = spec or ANY
        self.recurrence = Recurrence(self.spec)
        self.swings: Swings | None = None
        self.value: Floats = np.empty(0)
        self.zi, self.zi_bounce = _ZI * 0.0, _ZI * 0.0
        self.seen = -(10**9)  # last frame with data
        self.last = -1  # frame at which the last repetition was decided
        self.again = -1  # until when nothing is learned
        self.moved = -1  # last frame of movement
        self.pause = round(FRAME_RATE * max(PAUSE, 5.0 + 1.5 * (self.spec.hold or 0.0)))
        self.turn = 0.0
        self.partials: list[Rep] = []  # told since the last repetition

    @property
    def amplitude(self) -> float | None:
        """rad, of the swing as learned so far."""
        return self.swings.amplitude if self.swings else None

    @property
    def resting(self) -> bool:
        """At rest now, or nothing learned yet."""
        return self.swings is None or not self.swings.out

    @property
    def rest_since(self) -> int:
        """Frame at which rest was reached."""
        return self.swings.rest_since if self.swings else 0

    @property
    def displacement(self) -> float:
        """rad from rest."""
        return self.turn - self.swings.base.turn if self.swings else 0.0

    @property
    def holding(self) -> float:
        """Seconds of the present hold: none is judged here, see :mod:`imu_coach.core.stillness`."""
        return 0.0

    def push(
        self, index: Ints, earth_from_sensor: Floats, gyr: Floats, acc: Floats, why: Codes
    ) -> list[Rep | HoldNews | Turn]:
        """Consecutive frames ``index (n,)`` of one sensor: ``(n, 4)``, rad/s ``(n, 3)``, m/s2 ``(n, 3)``, ``(n,)``.

        Whatever is a number is used, whether the attitude has settled (``why``) or not: only turns from one moment to
        another matter here, and they are good from the first sample.
        """
        self.value = np.full(len(index), np.nan)
        events: list[Rep | HoldNews | Turn] = []
        finite = (
            np.isfinite(gyr).all(axis=1) & np.isfinite(acc).all(axis=1) & np.isfinite(earth_from_sensor).all(axis=1)
        )
        edges = np.flatnonzero(np.diff(finite, prepend=False, append=False))
        for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            pushed = quat.rotate(earth_from_sensor[a:b], acc[a:b]) - (0.0, 0.0, GRAVITY)
            self._begin(int(index[a]), gyr[a], pushed[0])
            rate, self.zi = sosfilt(_SOS, gyr[a:b], axis=0, zi=self.zi)
            pushed, self.zi_bounce = sosfilt(_SOS_BOUNCE, pushed, axis=0, zi=self.zi_bounce)
            for i in range(a, b):
                if int(index[i]) % EVERY == 0:
                    events += self._step(int(index[i]), rate[i - a], earth_from_sensor[i], pushed[i - a])
                if self.swings is not None:
                    self.value[i] = self.turn
            self.seen = int(index[b - 1])
        return events

    def finish(self, frame: int) -> list[Rep]:
        """No more data will come: a repetition that was out far enough is one, cut off by the end of the recording."""
        rep = self.swings.cut_off(frame) if self.swings else None
        if rep is None:
            return []
        self._note(rep)
        return [rep]

    def _begin(self, frame: int, rate: Floats, pushed: Floats) -> None:
        """Data begin, or go on."""
        silent = (frame - self.seen - 1) / FRAME_RATE
        if silent > 0.0:
            self.zi, self.zi_bounce = _ZI * rate, _ZI_BOUNCE * pushed
        if silent > GAP:
            self.recurrence.reset()
        if silent > LOST and self.swings is not None:
            self.swings.lost(Point(frame, self.turn))

    def _step(self, frame: int, rate: Floats, pose: Floats, pushed: Floats) -> list[Rep | HoldNews | Turn]:
        moving = float(quat.length(rate)) >= STILL
        if frame - self.moved > (self.pause if self.swings is not None else SILENCE) and self.resting:
            self._forget()
        if moving:
            self.moved = frame
            self.recurrence.push(frame, rate, pose, pushed)
        told: list[Rep | HoldNews | Turn] = []
        if self.swings is not None:
            out = self.swings.out
            speed = float(quat.dot(rate, self.swings.direction)) if moving else 0.0
            self.turn += speed * STEP
            rep = self.swings.step(Point(frame, self.turn, speed, rate if moving else None))
            if rep is not None and not self._walking(rep):
                self._note(rep)
                told.append(rep)
            if self.swings.out is not out:
                told.append(Turn(frame, self.resting, self.rest_since))
        try_now = frame > self.again if moving else frame - self.moved == EVERY  # or as soon as it stops
        if try_now and (self.swings is None or frame - self.last > QUIET * FRAME_RATE):
            found = self.recurrence.find(self.last)
            if found is not None:
                told += self._learn(frame, found)
        return told

    def _forget(self) -> None:
        """After a long rest two repetitions are asked for again: what comes first may be anything."""
        if self.swings is not None or self.recurrence.end > self.recurrence.first:
            self.recurrence.reset()
        self.swings = None

    def _walking(self, rep: Rep) -> bool:
        """Whether this repetition and those before it were the swings of an arm in walking."""
        assert self.swings is not None
        bounced = self.swings.rows > 0 and self.recurrence.walked(self.recurrence.end, self.swings.rows)
        self.swings.walking += LEARN * (bounced - self.swings.walking)
        return self.swings.walking > WALKING

    def _note(self, rep: Rep) -> None:
        if rep.status == "partial":
            self.partials.append(rep)
        else:
            self.partials, self.last = [], rep.decided

    def _learn(self, frame: int, found: Found) -> list[Rep | HoldNews | Turn]:
        """Take this movement, and tell its repetitions so far."""
        frames, rates = self.recurrence.rows(self.last)
        start, sign = first_alike(np.cumsum(quat.dot(rates, found.direction)) * STEP, found.swing)
        frames, rates = frames[start:], rates[start:]
        known = self._replay(found, sign, None, frames, rates)[1].shape  # the course, from all of them
        reps, swings = self._replay(found, sign, known, frames, rates)
        if not swings.repeated or swings.walking >= 0.5:
            self.again = frame + AGAIN
            return []
        was_resting, self.swings, self.turn = self.resting, swings, swings.trace[-1].turn
        told: list[Rep | HoldNews | Turn] = [self._again(rep._replace(decided=frame)) for rep in reps]
        self.last, self.partials = frame, []
        if was_resting is not self.resting:
            told.append(Turn(frame, self.resting, self.rest_since))
        return told

    def _replay(
        self, found: Found, sign: int, shape: Floats | None, frames: Ints, rates: Floats
    ) -> tuple[list[Rep], Swings]:
        """Repetitions in the newest rows, and the state that they end in."""
        direction, turn = found.direction * sign, 0.0
        swings = Swings(found, self.spec.shortest, sign, shape, Point(int(frames[0]), turn))
        reps, walked = [], 0
        row = self.recurrence.end - len(frames) + 1
        for k in range(1, len(frames)):
            speed = float(quat.dot(rates[k], direction))
            turn += speed * STEP
            rep = swings.step(Point(int(frames[k]), turn, speed, rates[k]))
            if rep is not None and rep.status == "counted":
                reps.append(rep)
                walked += swings.rows > 0 and self.recurrence.walked(row + k, swings.rows)
        swings.walking = walked / max(len(reps), 1)
        return reps, swings

    def _again(self, rep: Rep) -> Rep:
        """A repetition told already as a partial keeps its onset."""
        for partial in self.partials:
            if partial.onset < rep.end and rep.onset < partial.end:
                return rep._replace(onset=partial.onset, status="promoted")
        return rep
