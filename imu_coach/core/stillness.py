"""How long a limb is held still, judged from one sensor that is worn any way round and was never calibrated.

*Still* is a low-passed rate below 10 deg/s: breathing and sway together reach 5.5, a captured sensor's offset less than
1 and an uncaptured one's 3, and tremor of 4 to 8 Hz does not pass the filter.  After 0.8 s of it in one pose a hold
begins.  From then on only the pose matters, because a wobble is a movement, too: the hold lasts while the attitude
stays within 8 deg of a reference that follows slowly (3 s), so that sagging at up to 2.5 deg/s is no end and a heading
that drifts is none either.

A hold begins when the limb has arrived and ends when it starts to leave, not when it is slow: an arm that comes to rest
is slow before it is there, and one that wobbles is not slow when it is there.  Both moments are taken from the steep
part of the way, which a wobble hardly moves, and the shape of a minimum-jerk movement; of a way of less than 25 deg or
in several parts, from the stillness.

* Away for up to half a second is a dip that breaks nothing; for up to two seconds a break, whose seconds do not count;
  for longer, or by more than 25 deg, the end, dated back to where the pose was left.
* While nothing is sensed the judge pauses and the hold goes on: those seconds count as held, if the pose is the same
  afterwards (by gravity alone, the heading may be new).  After five seconds the hold ended where it was last seen.

Attitudes are used before they have settled: stillness is a matter of differences.  The numbers are engineering
defaults.  An ended hold shorter than :data:`LEAST` was a turning point.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from scipy.signal import butter, detrend, sosfilt_zi, sosfiltfilt

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE
from imu_coach.core.recurrence import sections
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
TAIL = 1.7
"""A minimum-jerk way of 60 to 160 deg takes 1.5 to 1.8 times as long for its last 8 deg as for the 17 before (Flash and
Hogan 1985, doi:10.1523/JNEUROSCI.05-07-01688.1985); the first are as long as the last."""
SLOWEST = 0.6
"""s for those 17 deg; a limb that is slower does not go there in one way."""
BRIDGED = 25
"""Steps without data across which an attitude is still the same one: 1 s."""
PATH = 150
"""Steps kept to see the way there: 6 s."""
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
        self.path: deque[tuple[int, Floats]] = deque(maxlen=PATH)  # frames and poses of the way there
        self.angle = 0.0  # rad from the reference, one step ago
        self.left = self.gone = math.nan  # frames at which ``NEAR`` and ``FAR`` were passed on the way back
        self.calm = self.ended = 0  # frames from which it is still, and at which the last hold ended
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
            rate[a:b], self.zi = sections(_SOS, gyr[a:b], self.zi)
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
        if i - self.stepped > BRIDGED * EVERY:
            self.path.clear()
        self.path.append((i, pose))
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
            self.angle = away
            return news + self._near(i, pose)
        self._leaving(i, away)
        self.away += 1
        self.far = self.far + 1 if away > FAR else 0
        if self.away > AWAY or self.far > GONE:
            news += self._finish(i)
        return news

    def _leaving(self, i: int, away: float) -> None:
        """Note when the two angles are passed, between two steps."""
        if self.away == 0:
            self.left, self.gone = _passed(i, self.angle, away, NEAR), math.nan
        if away > FAR and self.gone != self.gone:
            self.gone = _passed(i, self.angle, away, FAR)
        self.angle = away

    def _moving(self, i: int, pose: Floats, speed: float) -> list[HoldNews]:
        """No hold yet: wait for stillness in one pose."""
        if self.still_for == 0:
            self.reference, self.calm = pose, i
        near = float(apart(pose, self.reference)) < NEAR
        self.still_for = self.still_for + 1 if speed < RATE and near else 0
        if self.still_for < CONFIRM:
            return []
        self.held, self.reference, self.turns = True, pose, []
        self.still_for = self.away = self.far = 0
        self.onset = max(self._arrived(i), self.ended)
        self.angle, self.left, self.gone = 0.0, math.nan, math.nan
        self.last = self.still = i
        self.told = self.breaks = self.lost = 0
        self.unseen = max(0, (i - self.onset) // EVERY + 1 - sum(frame >= self.onset for frame, _ in self.path))
        return [self._news(i, self.onset, "start")]

    def _arrived(self, i: int) -> int:
        """Frame at which the pose was reached; one dip since then may have been."""
        slow = max(self.calm - DELAY, self.since)
        frames = [frame for frame, _ in self.path]
        angles = apart(np.array([pose for _, pose in self.path]), self.reference).tolist()
        here = _since(angles, len(angles))
        dip = next((k for k in range(here - 1, max(here - DIP, 0) - 1, -1) if angles[k] < NEAR or angles[k] > FAR), -1)
        if dip >= 0 and angles[dip] < NEAR:
            here = _since(angles, dip)
        away = here - 1
        while away >= 0 and angles[away] < FAR:
            away -= 1
        if away < 0:
            return slow
        if frames[here] - frames[away] > (here - away) * EVERY:
            return frames[here]  # it was not seen
        near = _passed(frames[here], angles[here - 1], angles[here], NEAR)
        way = near - _passed(frames[away + 1], angles[away], angles[away + 1], FAR)
        return min(round(near + TAIL * way), i) if way <= SLOWEST * FRAME_RATE else slow

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
        self.last = self.ended = self._released()
        end = self._news(i, self.last, "end")
        tremor, sway = _unsteady(self.turns[: len(self.turns) - self.away], self.unseen > 0)
        self.held = self.paused = False
        self.still_for = self.away = self.far = self.blind = 0
        return [end._replace(tremor=tremor, sway=sway)]

    def _released(self) -> int:
        """Frame at which the pose began to be left, if it was."""
        if self.away and self.gone - self.left <= SLOWEST * FRAME_RATE:
            return max(min(self.last, round(self.left - TAIL * (self.gone - self.left))), self.onset)
        if self.away and 0 <= self.last - self.still < LEAVING * FRAME_RATE:
            return self.still
        return self.last

    def finish(self, frame: int) -> list[HoldNews]:
        """No more data will come: a hold in progress ends where it was last seen."""
        return self._finish(frame) if self.held else []

    def _news(self, i: int, onset: int, kind: str) -> HoldNews:
        return HoldNews(i, onset, kind, self.seconds, self.breaks, unseen=self.unseen * STEP)


def apart(a: Floats, b: Floats) -> Floats:
    """Angle rad between attitudes ``(..., 4)``."""
    cosine = a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2] + a[..., 3] * b[..., 3]
    return np.asarray(2.0 * np.arccos(np.minimum(np.abs(cosine), 1.0)))


def _since(angles: list[float], k: int) -> int:
    """The first of the steps before ``k`` from which on the angle is small."""
    while k > 0 and angles[k - 1] < NEAR:
        k -= 1
    return k


def _passed(i: int, before: float, now: float, level: float) -> float:
    """Frame at which an angle that changed from ``before`` to ``now`` in the step that ends at ``i`` was ``level``."""
    return i - EVERY * (now - level) / (now - before) if now != before else float(i)


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
