"""How long a repetition is held at its top, judged while it happens.

*Seconds held* is the time near the top from when it is reached slowly to when it is left, minus real breaks:

* it is known when the channel has been slow (15 % of the repetition's fastest, at least 5 deg/s) and within 15 % (at
  least 3.5 deg, but at most 60 % of the lift) of the highest point for half a second.  It began when the way up ended;
  a small slow lift has no visible end in the noise, so that is taken from its steep middle and the shape of a
  minimum-jerk movement, and so is the moment at which the way down began;
* from then on only the level matters, because breathing and sway are movements, too: lower than that for up to half a
  second is a dip that does not break anything, for longer a break, whose seconds do not count;
* lower by half for longer than a dip the top has been left, and another hold may begin, although the counter may still
  be waiting for rest;
* it ends at the last moment near the top and slow, or when the way down began, whichever was first;
* what cannot be seen for up to five seconds counts as held; after more the hold ended where it was last seen.

A turning point without a hold is slow for half a second or so: an ended hold of less than 1.5 s is none.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import butter, detrend, sosfiltfilt

from imu_coach.conventions import FRAME_RATE
from imu_coach.core.rep import HoldNews
from imu_coach.types import Floats

STEP = 0.04
"""s; steps come at 25 Hz."""
DELAY = 15
"""Frames by which the low-passed level lags."""
SPEED_DELAY = 23
"""The same of its speed."""
SLOW = 0.15
"""Of the repetition's fastest."""
SLOW_FLOOR = math.radians(5.0)
"""rad/s; breathing (1.5 deg at 0.25 Hz) and sway (1 deg) together move that fast."""
NEAR = 0.15
"""Of the level."""
NEAR_FLOOR = math.radians(3.5)
"""rad; breathing and sway together go 2.5 deg either way."""
NEAR_MOST = 0.6
"""Of the level: however small the lift, below 40 % of it is not the top."""
CONFIRM = 12
"""Steps slow near the top before a hold is told: with the filter's lag, 0.7 s."""
DIP = 15
"""Steps below the level that break nothing: 0.5 s, and what the filter makes of it."""
UNSEEN = 125
"""Steps without a value, after which the hold is over."""
FOLLOW = 1.0 - math.exp(-STEP / 3.0)
"""Gain per step with which the level follows a slow sinking."""
RISEN = 0.25
"""Of the level: further up than this a short hold was a stop on the way."""

LEFT = 0.5
"""Of the level: lower by this (and by ``NEAR_FLOOR``) for longer than a dip is not the top any more."""
LOWEST = 0.4
"""Of the highest level: a hold that has sunk further is no longer near the top."""
LATEST = 200
"""Frames by which an end of a hold is moved inwards at most, for the slow last part of the way there."""
SLOWEST = 30
"""Steps from 30 to 70 % of the way: a lift that takes longer than 5.5 s is not one movement."""
SURE = 35
"""Frames past its onset after which a hold is told."""

_TREMOR = butter(2, 3.0, "high", fs=25.0, output="sos")
_SWAY = butter(2, (0.2, 3.0), "band", fs=25.0, output="sos")


class HoldJudge:
    """The hold of one repetition after the other."""

    def __init__(self) -> None:
        self.begin([], 0)

    def begin(self, trace: list[float], began: int) -> None:
        """A repetition begins: ``trace`` will grow by its displacement, one per step, the first at frame ``began``."""
        self.trace, self.began = trace, began
        self.held = self.paused = False
        self.slow_for = self.start = self.low = 0  # start: where in the trace the way to this hold begins
        self.level = self.top = 0.0
        self.onset = self.last = self.told = 0
        self.below = self.breaks = self.lost = self.unseen = self.blind_for = 0
        self.raw: list[float] = []

    @property
    def seconds(self) -> float:
        """Held so far, without breaks."""
        return max(0.0, (self.last - self.onset - self.lost) / FRAME_RATE) if self.held else 0.0

    def step(self, i: int, v: float, raw: float, peak: float, speed: float, least: float) -> list[HoldNews]:
        """One step out of rest, its displacement already in the trace.

        ``v`` is its speed, ``raw`` the channel unfiltered, ``peak`` and ``speed`` the highest and fastest so far.
        Nothing below ``least`` is a hold.
        """
        x = self.trace[-1]
        news = self._seen(i, x) if self.paused else []
        slow = abs(v) <= max(SLOW * speed, SLOW_FLOOR)
        if not self.held:
            near = slow and x >= max(peak - _tolerance(peak), least)
            self.slow_for = self.slow_for + 1 if near else 0
            return news + self._start(i) if self.slow_for >= CONFIRM else news
        self.raw.append(raw)
        if x > self.level + max(RISEN * self.level, NEAR_FLOOR) and self.seconds < 2.0:
            return [*news, *self.finish(i)]
        self.low = self.low + 1 if x < self.level - max(LEFT * self.level, NEAR_FLOOR) else 0
        if self.low > DIP:
            news += self.finish(i)
            self.start = len(self.trace) - self.low
            return news
        return news + self._held(i, x, slow)

    def _start(self, i: int) -> list[HoldNews]:
        level = sum(self.trace[-CONFIRM:]) / CONFIRM
        slow = i - (self.slow_for - 1) * 4 - SPEED_DELAY
        onset = max(slow, min(self._edge(level, 1), slow + LATEST))
        if i - DELAY - onset < SURE:
            return []
        self.held, self.slow_for, self.low = True, 0, 0
        self.level = self.top = level
        self.onset, self.last = onset, i - SPEED_DELAY
        self.told = self.below = self.breaks = self.lost = self.unseen = 0
        self.raw = []
        return [self._news(i, onset, "start")]

    def _edge(self, level: float, way: int) -> int:
        """Frame at which the way up ended (``way`` 1) or the way down began (-1), if it was of minimum jerk.

        The middle of a way is steep: where it is crossed is hardly moved by breathing.  A minimum-jerk movement takes
        21.6 % of its time from 30 to 70 % of its way; 4 % before its end only 0.06 % are left (Flash and Hogan 1985,
        doi:10.1523/JNEUROSCI.05-07-01688.1985).
        """
        trace, outer = self.trace, self.start if way > 0 else len(self.trace) - 1
        inner = len(trace) if way > 0 else self.start - 1
        steep = next((k for k in range(outer, inner, way) if trace[k] >= 0.7 * level), -1)
        if steep < 0:
            return 0 if way > 0 else self.last
        foot = next((k + way for k in range(steep, outer - way, -way) if not trace[k] >= 0.3 * level), outer)
        if abs(steep - foot) > SLOWEST:
            return 0 if way > 0 else self.last
        away = 0.5 * (foot + steep) + 0.46 / 0.216 * (steep - foot)
        return self.began + round(4 * away) - DELAY

    def _held(self, i: int, x: float, slow: bool) -> list[HoldNews]:
        if x < max(self.level - _tolerance(self.level), LOWEST * self.top):
            self.below += 1
            return []
        if not slow:
            return []
        now = i - SPEED_DELAY
        if self.below > DIP:
            self.breaks += 1
            self.lost += now - self.last
        self.below = 0
        self.last = now
        self.level += FOLLOW * (x - self.level)
        if self.level > self.top:
            self.top = self.level
        news = []
        while self.seconds >= self.told + 1:
            self.told += 1
            news.append(self._news(i, now, "second"))
        return news

    def finish(self, i: int) -> list[HoldNews]:
        """The repetition returns: the end of the hold, if there was one."""
        if not self.held:
            return []
        release = self._edge(self.level, -1)
        self.last = max(min(self.last, release), self.last - LATEST, self.onset)
        end = self._news(i, self.last, "end")
        sag, tremor, sway = _steadiness(self.raw, self.unseen > 0, (self.last - self.onset) // 4)
        self.held = self.paused = False
        self.slow_for = self.blind_for = 0
        return [end._replace(sag=sag, tremor=tremor, sway=sway)]

    def blind(self, i: int) -> list[HoldNews]:
        """One step without a value."""
        if not self.held:
            self.slow_for = 0
            return []
        self.blind_for += 1
        if self.blind_for > UNSEEN:
            return self.finish(i)
        if self.paused:
            return []
        self.paused = True
        return [self._news(i, i, "pause")]

    def _seen(self, i: int, x: float) -> list[HoldNews]:
        """Values again: if it is still near the top, it was held all the time."""
        self.paused = False
        steps, self.blind_for = self.blind_for, 0
        if x < self.level - _tolerance(self.level):
            return self.finish(i)
        self.unseen += steps
        self.last = i - SPEED_DELAY
        return [self._news(i, i, "resume")]

    def _news(self, i: int, onset: int, kind: str) -> HoldNews:
        return HoldNews(i, onset, kind, self.seconds, self.breaks, unseen=self.unseen * STEP)


def _tolerance(level: float) -> float:
    return max(NEAR * level, min(NEAR_FLOOR, NEAR_MOST * level))


def _steadiness(raw: list[float], gaps: bool, steps: int) -> tuple[float, float, float]:
    """Slope (per s), rms 3-12 Hz and rms 0.2-3 Hz of the values held; nan where too short or with gaps."""
    nan = math.nan
    value: Floats = np.array(raw[: max(steps - 10, 0)])
    if gaps or len(value) < 25:
        return nan, nan, nan
    t = np.arange(len(value)) * STEP
    t -= t.mean()
    sag = float((t * value).sum() / (t * t).sum())
    plain = detrend(value)
    tremor = float(np.sqrt((sosfiltfilt(_TREMOR, plain) ** 2).mean()))
    sway = float(np.sqrt((sosfiltfilt(_SWAY, plain) ** 2).mean())) if len(value) >= 75 else nan
    return sag, tremor, sway
