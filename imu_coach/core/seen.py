"""What a set shows: a channel and its counter, the wrist's stillness, or the dominant motion; one stream of news."""

from __future__ import annotations

import numpy as np

from imu_coach.core.auto import AutoCounter
from imu_coach.core.channels import MIRRORED, Channel, channel, first_site, sensed
from imu_coach.core.circles import Circles
from imu_coach.core.rep import HoldNews, Rep, RepSpec, Turn
from imu_coach.core.reps import Counter
from imu_coach.core.stillness import StillHold
from imu_coach.exercise import Exercise, Motion
from imu_coach.types import Angles, Codes, Floats, Frames

FARTHEST = 3.0
"""Times the usual amplitude: a larger excursion is a change of posture, not a repetition."""

HANGING = ("upper_arm",)
"""Sites whose segment hangs at the start, and so can only go one way."""

Known = tuple[tuple[str, ...], Codes] | None
"""Names of the angles, and why each is not known at this frame; None before there is any."""

News = Rep | HoldNews | Turn


def best_motion(exercise: Exercise, sites: tuple[str, ...], known: Known) -> Motion | None:
    """How repetitions will be seen with the sensors as they sit: the best way that has a value."""
    worn = [m for m in exercise.motions if first_site(m, sites) >= 0]
    for motion in worn:
        if known is None or sensed(motion, sites, *known):
            return motion
    if worn:  # worn, but not calibrated: the size of the movement shows, its direction does not
        return worn[0]._replace(channel="tilt", probable=worn[0].site not in HANGING)
    return None


def spec_of(exercise: Exercise, motion: Motion, hold: float | None) -> RepSpec:
    """What the counter is told of an exercise; never how many are wanted."""
    held = None
    if exercise.hold is not None and exercise.hold.by == "level":
        held = 0.0 if exercise.hold.self_paced else (hold if hold is not None else exercise.hold.levels[0])
    shortest, longest = exercise.tempo
    return RepSpec(motion.expected, motion.minimum, shortest, longest, motion.sign == 0, held)


class Seen:
    """Counts one set.  ``amplitude`` is what earlier repetitions of this person taught, or None."""

    def __init__(
        self,
        exercise: Exercise,
        motion: Motion,
        sites: tuple[str, ...],
        arm: str,
        hold: float | None,
        amplitude: float | None,
    ) -> None:
        self.usual = max(motion.expected, amplitude or 0.0)
        self.away = motion.minimum
        self.site = first_site(motion, sites)
        if motion.channel in MIRRORED and not arm:
            motion = motion._replace(sign=0)  # which way is outward is not known
        spec = spec_of(exercise, motion, hold)
        self.channel: Channel | None = None
        self.counter: Counter | Circles | AutoCounter
        if motion.channel == "auto":
            self.counter = AutoCounter(spec)
            self.usual = np.inf
        elif motion.channel == "circle":
            self.counter = Circles(spec, amplitude)
        else:
            self.channel = channel(motion, sites, arm)
            self.counter = Counter(spec, amplitude)
        still = exercise.hold is not None and exercise.hold.by == "wrist_still"
        self.still = StillHold(hold) if still else None
        self.holding = False  # the stillness belongs to a hold: the limb is away from rest
        self.value: Floats = np.empty(0)

    @property
    def amplitude(self) -> float | None:
        """What the repetitions so far taught."""
        return self.counter.amplitude

    def push(self, f: Frames, a: Angles) -> list[News]:
        """News of these frames, in the order in which they were decided; :attr:`value` is the trace that was judged."""
        site = self.site
        news: list[News]
        if isinstance(self.counter, Counter):
            assert self.channel is not None
            self.value = self.channel.push(f, a)
            news = list(self.counter.push(f.index, self.value)) if self.still is None else self._stilled(f)
        else:
            attitude, why = f.earth_from_sensor[:, site], f.why[:, site]
            if isinstance(self.counter, Circles):
                news = list(self.counter.push(f.index, attitude, why))
            else:
                news = self.counter.push(f.index, attitude, f.gyr[:, site], f.acc[:, site], why)
            self.value = self.counter.value
            if self.still is not None:  # of a movement that nobody defined, every stillness may be a hold
                held = self.still.push(f.index, attitude, f.gyr[:, site], why)
                news = sorted([*news, *held], key=lambda one: one.decided)
        return [one for one in news if not isinstance(one, Rep) or self._plausible(one)]

    def _plausible(self, rep: Rep) -> bool:
        """Not a change of posture; what is usual grows with the repetitions."""
        size = abs(rep.peak - rep.baseline)
        if size > FARTHEST * self.usual:
            return False
        self.usual = max(self.usual, 0.5 * (self.usual + size))
        return True

    def finish(self, frame: int) -> list[News]:
        """No more frames will come: what was in progress."""
        news: list[News] = []
        if isinstance(self.counter, AutoCounter):
            news += self.counter.finish(frame)
        if self.still is not None and (self.holding or self.channel is None):
            news += self.still.finish(frame)
        return news

    def _stilled(self, f: Frames) -> list[News]:
        """Repetitions, and every stillness that begins with the limb away from rest."""
        assert isinstance(self.counter, Counter)
        assert self.still is not None
        site, first, a = self.site, int(f.index[0]) if len(f.index) else 0, 0
        news: list[News] = []
        kept: list[News] = []
        for one in self.still.push(f.index, f.earth_from_sensor[:, site], f.gyr[:, site], f.why[:, site]):
            if one.kind == "start":  # where rest is, the counter knows: the channel itself may begin anywhere
                b = one.decided - first + 1
                news += self.counter.push(f.index[a:b], self.value[a:b])
                self.holding, a = not self.counter.resting and abs(self.counter.displacement) > self.away, b
            if self.holding:
                kept.append(one)
            if one.kind == "end":
                self.holding = False
        news += self.counter.push(f.index[a:], self.value[a:])
        return sorted([*news, *kept], key=lambda one: one.decided)
