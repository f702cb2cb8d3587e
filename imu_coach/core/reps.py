"""Repetitions of one channel, counted while they happen.

A repetition leaves rest, reaches a top, and comes back.  All three are judged against the person's own amplitude, which
starts as a guess and is learned from every repetition:

* the channel is low-passed (1.5 Hz, Butterworth of order 2); the steps below run at 25 Hz;
* *rest*: a baseline follows the channel slowly, only while it is slow, so that it neither chases a hold nor a rise;
  the spread about it is the person's noise (breathing, sway), below which nothing counts;
* *out*: beyond a quarter of the amplitude (and the noise).  The onset is dated back to where the speed began;
* *back*: below 35 % of this repetition's own peak, and then slow, turned, or through; or, where the rest position
  itself has risen, down from the peak by as much as a repetition and turned.  That decides the repetition;
* where it waited before it rose, and came back to, has been rest: people get into position while they are counted;
* smaller than 55 to 75 % of the amplitude it is a *partial*: less is asked of one that lasts as long as the others,
  more of one that is broken off.  Alike partials show that the amplitude was wrong, not the person: two before
  anything was counted, three afterwards, are *promoted*.

The numbers are engineering defaults.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from scipy.signal import butter, sosfilt_zi

from imu_coach.conventions import FRAME_RATE
from imu_coach.core.amplitude import NEARLY, Amplitude
from imu_coach.core.excursion import TOP, at_top, size, steps_up, waited
from imu_coach.core.holds import HoldJudge
from imu_coach.core.recurrence import sections
from imu_coach.core.rep import HoldNews, Rep, RepSpec, Turn
from imu_coach.types import Floats, Ints

EVERY = 4
"""Frames per step: 25 Hz is ten times what passes the filter."""
STEP = EVERY / FRAME_RATE
CUTOFF = 1.5
DELAY = round(math.sqrt(2.0) / (2.0 * math.pi * CUTOFF) * FRAME_RATE)
"""Frames by which the low-pass lags (its group delay at 0 Hz)."""
SPAN = 4
"""Steps over which the speed is taken: tremor of 4 to 8 Hz nearly cancels."""
SPEED_DELAY = DELAY + SPAN * EVERY // 2
SPAN_SECONDS = SPAN * STEP

LEAVE, RETURN = 0.25, 0.35
"""Of the amplitude, and of the repetition's own peak."""
DOWN, SLOWLY, NOISE = (1.0 - math.exp(-STEP / tau) for tau in (0.7, 3.0, 6.0))
"""Gains per step of the baseline going down, of the baseline otherwise, and of the noise's variance."""
STILL = math.radians(3.0)
"""rad/s; the channel counts as slow below it or a tenth of the amplitude per second: breathing reaches 2.4 deg/s."""
QUIET = math.radians(1.2)
"""rad; rms noise assumed before any was seen."""
LOUD = math.radians(3.5)
"""rad; the noise is not believed to reach further."""
LEAVE_NOISE, TELL_NOISE = 2.4, 4.0
"""Times the rms noise: to leave rest, and to be a repetition that is shorter than a breath."""
MARGIN = 4.5
"""Times the rms noise from peak to return, below which the return is judged by an average over a breath."""
CALM = 1.0 - math.exp(-STEP / 1.2)
"""Gain per step of that average."""
BREATH = 3.0
"""s above half of the peak; what is up longer cannot be one breath."""
LOST, STUCK = 8.0, 90.0
"""s out of rest without the least amplitude (a change of posture), and at most."""
SETTLE = 1.8
"""s after the return began at which rest counts as reached, however slow."""
FORGET = 2.0
"""s without a value in rest, after which the baseline is taken anew."""
FARTHEST = 3.0
"""Times what is expected or was learned: a larger excursion is a change of posture, and teaches nothing."""
LONG = 8
"""Steps without a value in which a top may hide (0.3 s)."""
MEMORY = 100
"""Steps kept to date the onset back."""

_SOS = butter(2, CUTOFF, fs=FRAME_RATE, output="sos")
_ZI = sosfilt_zi(_SOS)


class Counter:
    """Counts the repetitions of one channel; ``amplitude`` as learned before, None when only the spec is known."""

    def __init__(self, spec: RepSpec, amplitude: float | None = None) -> None:
        self.spec = spec
        self.size = Amplitude(spec, amplitude)
        self.judge = HoldJudge() if spec.hold is not None else None
        self.zi = _ZI
        self.seen = -2  # last frame with a value
        self.past: deque[float] = deque(maxlen=SPAN)
        self.recent: deque[tuple[float, float]] = deque(maxlen=MEMORY)
        self.fresh = True  # the next value is the baseline
        self.blind = 0  # steps without a value
        self.out = self.returning = False
        self.rest_since = -1
        self.base = self.displacement = self.peak = self.speed = self.lowest = 0.0
        self.variance = QUIET * QUIET
        self.back = self.calm = 0.0  # the level of return; the displacement averaged over a breath
        self.clear = True  # the return is far below what noise can reach
        self.rested = 0  # steps in rest since the baseline was taken anew
        self.direction = 1
        self.onset = self.began = self.crossed = 0  # frames; began: of the first step in the trace
        self.unseen = 0.0  # displacement at which the channel was lost while still going up
        self.trace: list[float] = []
        self._levels()

    @property
    def amplitude(self) -> float:
        """Learned so far."""
        return self.size.value

    @property
    def resting(self) -> bool:
        """At rest now."""
        return not self.out

    @property
    def holding(self) -> float:
        """Seconds held in the present hold; 0 when nothing is held."""
        return self.judge.seconds if self.judge else 0.0

    def push(self, index: Ints, value: Floats) -> list[Rep | HoldNews | Turn]:
        """Consecutive frames ``index (n,)`` and the channel there, ``value (n,)``, NaN where it is not sensed."""
        events: list[Rep | HoldNews | Turn] = []
        if not len(index):
            return events
        if self.rest_since < 0:
            self.rest_since = int(index[0])
        smooth = self._smooth(index, value)
        first = -int(index[0]) % EVERY
        frame = int(index[0]) + first
        for y, raw in zip(smooth[first::EVERY].tolist(), value[first::EVERY].tolist(), strict=True):
            out = self.out
            if y == y:
                self._step(frame, y, raw, events)
            else:
                self._blind(frame, events)
            if self.out is not out:
                events.append(Turn(frame, not self.out, self.rest_since))
            frame += EVERY
        return events

    def _smooth(self, index: Ints, value: Floats) -> Floats:
        """Low-passed; after a gap the filter starts from the first value."""
        finite = np.isfinite(value)
        if np.count_nonzero(finite) == len(value) and int(index[0]) == self.seen + 1:  # nearly always
            self.seen = int(index[-1])
            smooth, self.zi = sections(_SOS, value, self.zi)
            return smooth
        out = np.full(len(value), np.nan)
        edges = np.flatnonzero(np.diff(finite, prepend=False, append=False))
        for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if int(index[a]) != self.seen + 1:
                self.zi = _ZI * value[a]
            out[a:b], self.zi = sections(_SOS, value[a:b], self.zi)
            self.seen = int(index[b - 1])
        return out

    def _levels(self) -> None:
        """What depends on the learned amplitude alone."""
        self.leave = max(LEAVE * self.amplitude, 0.5 * self.spec.minimum)
        self.most = min(self.leave, LOUD) ** 2
        self.slow = max(0.1 * self.amplitude, min(STILL, self.amplitude))
        self.enough = 0.65 * self.amplitude
        self.least = max(0.4 * self.size.need, 0.5 * self.spec.minimum)

    def _step(self, i: int, y: float, raw: float, events: list[Rep | HoldNews | Turn]) -> None:
        past = self.past
        if self.blind:
            self._seen_again(i, y)
        if self.fresh:
            self.fresh, self.base, self.rested = False, y, 0
            past.clear()
        while len(past) < SPAN:
            past.append(y)
        v = (y - past[0]) / SPAN_SECONDS
        past.append(y)
        if self.out:
            self._moving(i, y, v, raw, events)
        else:
            self._rest(i, y, v)

    # --- rest -------------------------------------------------------------------------------------------------------

    def _rest(self, i: int, y: float, v: float) -> None:
        self.displacement = x = y - self.base
        self.recent.append((y, v))
        size = abs(x) if self.spec.either_way else x
        if size > self.leave and size > min(LEAVE_NOISE * math.sqrt(self.variance), 0.4 * self.amplitude):
            self._go(i, 1 if x > 0.0 else -1)
            return
        square = x * x
        self.variance += NOISE * ((square if square < self.most else self.most) - self.variance)
        if abs(v) < self.slow:
            self.rested = rested = self.rested + 1
            self.base += max(SLOWLY, 1.0 / (rested + 1)) * x
        elif x < -self.leave and not self.spec.either_way:
            self.base += DOWN * x

    def _go(self, i: int, direction: int) -> None:
        """Rest is left: date back to where the speed began, at a fifteenth of what it is now."""
        ys, vs = zip(*self.recent, strict=True)
        least = max(vs[-1] * direction, 0.0) / 15.0
        back = 1
        while back < len(vs) and vs[-back - 1] * direction > least:
            back += 1
        self.out, self.returning, self.direction = True, False, direction
        self.onset = max(i - back * EVERY - SPEED_DELAY + EVERY, self.rest_since)
        self.trace = [(y - self.base) * direction for y in ys[-back:]]
        self.speed, self.unseen, self.calm = max(abs(v) for v in vs[-back:]), 0.0, self.trace[-1]
        self._peak(max(self.trace))
        self.began = i - (back - 1) * EVERY
        if self.judge:
            self.judge.begin(self.trace, self.began)

    # --- out of rest ------------------------------------------------------------------------------------------------

    def _moving(self, i: int, y: float, v: float, raw: float, events: list[Rep | HoldNews | Turn]) -> None:
        self.displacement = y - self.base
        x, v = self.displacement * self.direction, v * self.direction
        self.trace.append(x)
        if x > self.peak:
            self._peak(x)
        if abs(v) > self.speed:
            self.speed = abs(v)
        if not self.returning:
            if self.judge:
                events += self.judge.step(i, v, raw, self.peak, self.speed, self.least)
            self.calm += CALM * (x - self.calm)
            back = x < self.back and (self.calm < self.back or self.clear)
            turned = v > -0.1 * self.slow and self.peak - x >= self.enough
            if back or (turned and (self._valley(x) or self._rest_was(x))):
                x = (y - self.base) * self.direction  # rest may have been found elsewhere
                self.returning, self.crossed, self.lowest = True, i, 0.0
                events += self.judge.finish(i) if self.judge else []
            elif (seconds := (i - self.onset) / FRAME_RATE) > LOST and self._stuck(seconds):
                events += self.judge.finish(i) if self.judge else []
                self._at_rest(i, y, i)
        if self.returning and self.out:
            self.lowest = min(self.lowest, v)
            late = (i - self.crossed) / FRAME_RATE > SETTLE
            if late or x < -0.1 * self.peak or v > min(0.08 * self.lowest, -0.35 * self.slow):
                self._returned(i, x, v, events)

    def _peak(self, peak: float) -> None:
        """A new highest point, and with it the level below which the repetition is on its way back to rest.

        Where that is within the noise of a hold at this height, only its average over a breath tells.
        """
        noise = math.sqrt(self.variance)
        self.peak = peak
        self.back = max(RETURN * peak, min(1.2 * noise, 0.6 * peak))
        self.clear = peak - self.back > MARGIN * noise

    def _valley(self, x: float) -> bool:
        """Down from the peak by a repetition, and most of the way: the rest position itself has changed."""
        return self.clear and self.peak - x > max(self.enough, 0.5 * self.peak)

    def _rest_was(self, x: float) -> bool:
        """Down from the peak by a repetition, to a level at which it was before it rose: that has been rest since."""
        fallen = self.peak - x
        if fallen < self.enough or x < 0.5 * self.leave:
            return False
        last, level = waited(self.trace, self.peak, x, RETURN * fallen)
        if not last:
            return False
        self.base += level * self.direction
        self.trace = [x - level for x in self.trace[last:]]
        self.began += last * EVERY
        self.onset = max(self.began - SPEED_DELAY, self.onset)
        self._peak(self.peak - level)
        return True

    def _stuck(self, seconds: float) -> bool:
        """Too long out of rest to be a repetition."""
        least = self.peak < NEARLY * self.spec.minimum
        longest = self.spec.longest + LOST if self.spec.hold is None else STUCK
        return least or seconds > min(longest, STUCK)

    def _at_rest(self, i: int, y: float, since: int) -> None:
        self.out = self.returning = False
        self.base, self.rest_since, self.rested = y, since, 0
        self.recent.clear()

    def _returned(self, i: int, x: float, v: float, events: list[Rep | HoldNews | Turn]) -> None:
        """Rest is reached: judge what was seen, then rest."""
        y = self.base + x * self.direction
        if self._rest_was(x):
            x = (y - self.base) * self.direction
        rep = self._repetition(i, x)
        told = self._judged(rep)
        events += told
        if not told:
            self._noise()
        through = abs(v) > 2.0 * self.slow and self.spec.either_way
        base = self.base if through else self.base + 0.6 * (y - self.base)
        self._at_rest(i, base, rep.end if told else self.rest_since)
        self.rested = 25

    def _noise(self) -> None:
        """What left rest and was nothing belongs to the noise."""
        for x in self.trace:
            if x == x:
                self.variance += NOISE * (min(x * x, self.most) - self.variance)

    def _repetition(self, i: int, x: float) -> Rep:
        frames = [max(self.began + k * EVERY - DELAY, self.onset) for k in at_top(self.trace, self.peak)]
        end = max(i - SPEED_DELAY, frames[1])
        signed = self.base + self.direction * self.peak
        return Rep(i, self.onset, frames[0], frames[1], end, "", self.direction, self.base, signed, self.speed)

    # --- judging ----------------------------------------------------------------------------------------------------

    def _judged(self, rep: Rep) -> list[Rep]:
        """What to tell of it: noise is not told."""
        if self.peak > FARTHEST * max(self.amplitude, self.spec.expected):
            return []
        whole = size(self.trace, self.peak)
        up, unseen = (steps * STEP for steps in steps_up(self.trace, self.peak))
        rms = math.sqrt(self.variance)
        short = rep.end - rep.onset < self.spec.shortest * FRAME_RATE
        if short or whole < rms * (TELL_NOISE if up < BREATH else LEAVE_NOISE):
            return []
        told = self.size.judge(rep, whole, up + unseen, self.unseen >= TOP * self.peak, TELL_NOISE * rms)
        self._levels()
        return told

    # --- without a value --------------------------------------------------------------------------------------------

    def _blind(self, i: int, events: list[Rep | HoldNews | Turn]) -> None:
        self.blind += 1
        if self.judge and self.out:
            events += self.judge.blind(i)

    def _seen_again(self, i: int, y: float) -> None:
        """After a gap: a repetition goes on, unless it would have ended long ago; rest is taken anew."""
        steps, self.blind = self.blind, 0
        if not self.out:
            self.fresh = self.fresh or steps * STEP > FORGET
        elif steps * STEP > self.spec.longest + (self.spec.hold or 0.0):
            self._at_rest(i, y, i)
        else:
            before = self.trace[-1]
            rising = len(self.trace) > SPAN and before - self.trace[-SPAN] > 0.2 * self.speed * SPAN * STEP
            self.unseen = max(self.unseen, before if rising and steps >= LONG else 0.0)
            self.trace += [math.nan] * steps
        self.past.clear()
        self.recent.clear()
