"""How long a limb is held still, judged from one sensor that is worn any way round and was never calibrated.

*Still* is a low-passed rate below 10 deg/s: breathing and sway together reach 5.5, a captured sensor's offset less than
1 and an uncaptured one's 3, and tremor of 4 to 8 Hz does not pass the filter.  After 0.8 s of it a hold begins, dated
back.  From then on only the pose matters, because a wobble is a movement, too: the hold lasts while the attitude stays
within 8 deg of a reference that follows slowly (3 s), so that sagging at up to 2.5 deg/s is no end and a heading that
drifts is none either.

* Away for up to half a second is a dip that breaks nothing; for up to two seconds a break, whose seconds do not count;
  for longer, or by more than 25 deg, the end, dated back to where the pose was left.
* While nothing is sensed the judge pauses and the hold goes on: those seconds count as held, if the pose is the same
  afterwards (by gravity alone, the heading may be new).  After five seconds the hold ended where it was last seen.

Attitudes are used before they have settled: stillness is a matter of differences.  The numbers are engineering
defaults.  An ended hold shorter than :data:`LEAST` was a turning point.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import butter, detrend, sosfilt, sosfilt_zi, sosfiltfilt

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE
from imu_coach.core.rep import HoldNews
from imu_coach.types import Bools, Codes, Floats, Ints

EVERY = 4
"""Frames per step: 25 Hz."""
STEP = EVERY / FRAME_RATE
CUTOFF = 1.5
DELAY = round(math.sqrt(2.0) / (2.0 * math.pi * CUTOFF) * FRAME_RATE)
"""Frames by which the low-passed rate lags."""
RATE = math.radians(10.0)
"""rad/s; slower is still."""
CONFIRM = 20
"""Steps of stillness before a hold is told: 0.8 s."""
NEAR, FAR = math.radians(8.0), math.radians(25.0)
"""rad; within it the pose is held; beyond it, it has been left for good."""
_FOLLOW = np.array(STEP / 3.0)
"""Gain per step with which the reference follows."""
DIP, AWAY, GONE = 12, 50, 8
"""Steps away that break nothing (0.5 s), that end the hold (2 s), and, beyond ``FAR``, that end it (0.3 s)."""
LEAVING = 1.0
"""s; a pose is left for good no longer than this before it is lost: the hold ends with the last stillness in it."""
WAY = 10
"""Steps at either end of a hold that are still the way there and back: no part of its steadiness."""
UNSEEN = 125
"""Steps without data, after which the hold is over: 5 s."""
LEAST = 1.5
"""s; the limb is as slow as this where it turns without being held."""

_SOS = butter(2, CUTOFF, fs=FRAME_RATE, output="sos")
_ZI = sosfilt_zi(_SOS)[:, :, None]
_TREMOR = butter(2, 3.0, "high", fs=1.0 / STEP, output="sos")
_SWAY = butter(2, (0.2, 3.0), "band", fs=1.0 / STEP, output="sos")


class StillHold:
    """Judges the stillness of one limb; ``target`` s is what is aimed for, None or 0 when it is only timed."""

    def __init__(self, target: float | None = None) -> None:
        self.target = target
        self.zi = _ZI * np.zeros(3)
        self.turn = np.zeros(3)  # rad, sum of the rates
        self.seen = -2  # last frame with data
        self.held = self.paused = False
        self.still_for = self.away = self.far = self.blind = 0
        self.began = self.since = 0  # first frame of data without a gap: of the data so far, of those judged so far
        self.stepped = 0  # latest step with data
        self.onset = self.last = self.still = self.told = self.breaks = self.lost = self.unseen = 0
        self.reference = np.array([1.0, 0.0, 0.0, 0.0])
        self.turns: list[Floats] = []

    @property
    def seconds(self) -> float:
        """Held so far, without breaks; 0 when nothing is held."""
        return max(0.0, (self.last - self.onset - self.lost) / FRAME_RATE) if self.held else 0.0

    def push(self, index: Ints, earth_from_sensor: Floats, gyr: Floats, why: Codes) -> list[HoldNews]:
        """Consecutive frames ``index (n,)`` of one sensor: ``(n, 4)``, rad/s ``(n, 3)``, ``(n,)``."""
        news: list[HoldNews] = []
        finite: Bools = np.isfinite(np.concatenate([gyr, earth_from_sensor], axis=1)).all(axis=1)
        rate, turn, since = np.zeros_like(gyr), np.zeros_like(gyr), np.zeros(len(index), np.int64)
        edges = np.flatnonzero(np.diff(finite, prepend=False, append=False))
        for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if int(index[a]) != self.seen + 1:
                self.zi, self.began = _ZI * gyr[a], int(index[a])
            since[a:b] = self.began
            rate[a:b], self.zi = sosfilt(_SOS, gyr[a:b], axis=0, zi=self.zi)
            turn[a:b] = np.cumsum(np.concatenate([self.turn[None], gyr[a:b] / FRAME_RATE]), axis=0)[1:]
            self.turn = turn[b - 1].copy()
            self.seen = int(index[b - 1])
        speed = quat.length(rate)
        first = -int(index[0]) % EVERY if len(index) else 0
        for i in range(first, len(index), EVERY):
            if finite[i]:
                self.since = int(since[i])
                news += self._step(int(index[i]), earth_from_sensor[i], float(speed[i]), turn[i])
            else:
                news += self._blind(int(index[i]))
        return news

    def _step(self, i: int, pose: Floats, speed: float, turn: Floats) -> list[HoldNews]:
        if not self.held:
            self.blind, self.stepped = 0, i
            return self._moving(i, pose, speed)
        news = self._seen(i, pose) if self.paused or self.since > self.stepped else []
        self.stepped = i
        if not self.held:
            return news
        self.turns.append(turn)
        away = float(apart(pose, self.reference))
        if away < NEAR:
            if speed < RATE:
                self.still = i - DELAY
            return news + self._near(i, pose)
        self.away += 1
        self.far = self.far + 1 if away > FAR else 0
        if self.away > AWAY or self.far > GONE:
            news += self._finish(i)
        return news

    def _moving(self, i: int, pose: Floats, speed: float) -> list[HoldNews]:
        """No hold yet: wait for stillness in one pose."""
        if self.still_for == 0:
            self.reference = pose
        near = float(apart(pose, self.reference)) < NEAR
        self.still_for = self.still_for + 1 if speed < RATE and near else 0
        if self.still_for < CONFIRM:
            return []
        self.held, self.reference, self.turns = True, pose, []
        self.still_for = self.away = self.far = 0
        self.onset = max(i - (CONFIRM - 1) * EVERY - DELAY, self.since)
        self.last = self.still = i
        self.told = self.breaks = self.lost = self.unseen = 0
        return [self._news(i, self.onset, "start")]

    def _near(self, i: int, pose: Floats) -> list[HoldNews]:
        if self.away > DIP:
            self.breaks += 1
            self.lost += i - self.last
        self.away = self.far = 0
        self.last = i
        self.reference = quat.interpolate(self.reference, pose, _FOLLOW)
        news = []
        while self.seconds >= self.told + 1:
            self.told += 1
            news.append(self._news(i, i, "second"))
        return news

    def _blind(self, i: int) -> list[HoldNews]:
        """A step without data."""
        self.still_for = 0
        if not self.held:
            return []
        self.blind += 1
        if self.blind > UNSEEN:
            return self._finish(i)
        if self.paused:
            return []
        self.paused = True
        return [self._news(i, i, "pause")]

    def _seen(self, i: int, pose: Floats) -> list[HoldNews]:
        """Data again: the heading may be new, gravity is not."""
        steps, paused = self.blind, self.paused
        self.blind, self.paused = 0, False
        up, before = quat.up(pose), quat.up(self.reference)
        if float(np.arccos(np.clip(quat.dot(up, before), -1.0, 1.0))) > NEAR:
            return self._finish(i)
        self.unseen += steps
        self.reference, self.last = pose, i
        return [self._news(i, i, "resume")] if paused else []

    def _finish(self, i: int) -> list[HoldNews]:
        if self.away and 0 <= self.last - self.still < LEAVING * FRAME_RATE:
            self.last = self.still
        end = self._news(i, self.last, "end")
        tremor, sway = _unsteady(self.turns[: len(self.turns) - self.away], self.unseen > 0)
        self.held = self.paused = False
        self.still_for = self.away = self.far = self.blind = 0
        return [end._replace(tremor=tremor, sway=sway)]

    def finish(self, frame: int) -> list[HoldNews]:
        """No more data will come: a hold in progress ends where it was last seen."""
        return self._finish(frame) if self.held else []

    def _news(self, i: int, onset: int, kind: str) -> HoldNews:
        return HoldNews(i, onset, kind, self.seconds, self.breaks, unseen=self.unseen * STEP)


def apart(a: Floats, b: Floats) -> Floats:
    """Angle rad between attitudes ``(..., 4)``."""
    cosine = a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2] + a[..., 3] * b[..., 3]
    return np.asarray(2.0 * np.arccos(np.minimum(np.abs(cosine), 1.0)))


def _unsteady(turns: list[Floats], gaps: bool) -> tuple[float, float]:
    """Rms turn (rad, all three axes together) of 3 to 12 Hz and of 0.2 to 3 Hz; nan where too short or with gaps."""
    turns = turns[WAY:-WAY]
    if gaps or len(turns) < 25:
        return math.nan, math.nan
    plain = detrend(np.array(turns), axis=0)
    tremor = float(np.sqrt((sosfiltfilt(_TREMOR, plain, axis=0) ** 2).sum(axis=1).mean()))
    if len(turns) < 75:
        return tremor, math.nan
    return tremor, float(np.sqrt((sosfiltfilt(_SWAY, plain, axis=0) ** 2).sum(axis=1).mean()))
