"""One rule over time: threshold, dwell, levels, hysteresis; steps of Python only where something happens."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nan
from typing import NamedTuple

import numpy as np

from imu_coach.conventions import FRAME_RATE
from imu_coach.exercise import Level, Rule
from imu_coach.types import Bools, Floats, Ints

TWIST_LOAD = "twist_or_load"
"""The quantity of W7: it raises nothing itself, it sharpens others."""
SHARPER = 0.5
"""Of its dwell is what is left of a rule that is sharpened; it is told one level up, too.  Its angle stays: 5 deg less
would lie within what correct hinges and rows show plus the error of a sensor on skin."""
DOUBT = 0.5
"""Standard deviations by which an amber or a cue must lie beyond its angle."""
SURE = 2.0
"""The same for what W7 makes one level worse: a red is not what an error of measurement makes once in a while."""
AGAIN = float(np.deg2rad(10.0))
"""rad or rad/s; so much worse than when it was raised is raised again."""
BENT_LEFT = 0.75
"""A sustained lean is over at this share of the time that raised it."""


class Limits(NamedTuple):
    """One direction of a rule with the numbers of a scene, all signed so that more is worse.

    ``sign`` is -1 for the lower edge of a band; ``levels`` from mild to severe; ``rule`` carries the rest.
    """

    rule: Rule
    sign: int
    levels: tuple[Level, ...]
    off: float

    @property
    def lowest(self) -> float:
        """Nothing begins at or below it."""
        return min(level.on for level in self.levels)


class Seen(NamedTuple):
    """What a watch looks at: ``frame, value, sigma, shown (n,)``, NaN where not judged; ``sharp (n,)`` or None."""

    frame: Ints
    value: Floats
    sigma: Floats
    shown: Floats
    sharp: Bools | None


class Look(NamedTuple):
    """One row of it."""

    frame: int
    value: float
    sigma: float
    shown: float
    sharp: bool


class Found(NamedTuple):
    """What a watch has to say, at a frame.

    kind : "warning" or "warning_cleared"
    level, severity, threshold : reached, its name, and the limit that was crossed
    value, shown : what was compared, and the angle for people (the worst one when it is over); signed as measured
    sign : -1 below the lower edge of a band
    sharp, again : W7 makes it one level worse; raised before and 10 deg worse now
    why : of the end: "eased", "not_judged", "scene"
    """

    decided: int
    onset: int
    kind: str
    rule: Rule
    level: int = 0
    severity: str = ""
    threshold: float = nan
    value: float = nan
    shown: float = nan
    sign: int = 1
    sharp: bool = False
    again: bool = False
    why: str = ""


def worse(rule: Rule) -> float:
    """How much worse is told again: an angle or a speed; never a time, nor a yes."""
    return inf if rule.quantity in ("time_bent", "unsensed") else AGAIN


def limits(rule: Rule, changes: Mapping[str, float]) -> tuple[Limits, ...]:
    """The rule in a scene: an exercise's numbers, but those that a clinician fixed; then the profile's shift.

    Changing ``on`` takes ``off`` and the further levels along.
    """
    numbers = {key: value for key, value in changes.items() if key not in rule.fixed}
    on = numbers.pop("on", rule.on)
    off = min(numbers.pop("off", rule.off + on - rule.on), on) + rule.shift
    moved = on + rule.shift - rule.on
    now = rule._replace(**numbers, on=on + rule.shift, off=off)  # type: ignore[arg-type]
    if rule.quantity == "time_bent":  # seconds decide
        return (Limits(now, 1, (Level(rule.severity, now.dwell, 0.0),), BENT_LEFT * now.dwell),)
    higher = (level._replace(on=level.on + moved) for level in rule.higher)
    above = Limits(now, 1, (Level(rule.severity, now.on, now.dwell), *higher), off)
    if rule.low == -inf:
        return (above,)
    return above, Limits(now, -1, (Level(rule.severity, -rule.low, now.dwell),), -rule.low - (now.on - off))


def effective(now: Limits, sharp: bool) -> Level:
    """The first level of a direction of a rule, sharpened or not: its angle and its dwell."""
    level = now.levels[0]
    return level._replace(dwell=SHARPER * level.dwell) if sharp else level


class Watch:
    """One direction of one rule."""

    def __init__(self) -> None:
        self.rule: Rule | None = None
        self.since: list[int] = []  # frame since which each level is exceeded, -1 when it is not
        self.raised, self.onset, self.mark = -1, -1, nan  # level, frame, and the value at which it was told last
        self.worst, self.shown = -inf, nan
        self.under = -1  # frame since which it is below the off threshold

    @property
    def idle(self) -> bool:
        """Nothing raised, nothing pending."""
        return self.raised < 0 and all(s < 0 for s in self.since)

    def forget(self) -> None:
        """What is pending is not going to be raised."""
        self.since = [-1] * len(self.since)

    def drop(self, frame: int, why: str) -> list[Found]:
        """It is over, whatever the value."""
        self.forget()
        if self.raised < 0 or self.rule is None:
            return []
        over = Found(frame, self.onset, "warning_cleared", self.rule, shown=self.shown, why=why)
        self.raised, self.under = -1, -1
        return [over]

    def run(self, now: Limits, seen: Seen) -> list[Found]:
        """What is raised and what is over, within these looks."""
        rule, self.rule = now.rule, now.rule
        if len(self.since) != len(now.levels):
            self.since = [-1] * len(now.levels)
        starts = np.flatnonzero(seen.value > now.lowest)
        found: list[Found] = []
        i, n = 0, len(seen.frame)
        while i < n:
            if self.idle:
                later = int(np.searchsorted(starts, i))
                if later == len(starts):
                    break
                i = int(starts[later])
            sharp = seen.sharp is not None and bool(seen.sharp[i])
            look = Look(int(seen.frame[i]), float(seen.value[i]), float(seen.sigma[i]), float(seen.shown[i]), sharp)
            self._raise(found, now, look)
            if self.raised >= 0:
                self._ease(found, rule, now.off, look)
            i += 1
        return found

    def _raise(self, found: list[Found], now: Limits, look: Look) -> None:
        part = SHARPER if look.sharp else 1.0
        reached = -1
        for i, level in enumerate(now.levels):
            doubt = 0.0 if level.severity == "red" else DOUBT * look.sigma
            if not look.value - doubt > level.on:
                self.since[i] = -1
                continue
            if self.since[i] < 0:
                self.since[i] = look.frame
            if look.frame - self.since[i] >= level.dwell * part * FRAME_RATE:
                reached = i
        again = self.raised >= 0 and reached >= 0 and look.value >= self.mark + worse(now.rule)
        if reached <= self.raised and not again:
            return
        onset = self.since[reached]
        if self.raised < 0:
            self.onset, self.worst, self.shown, self.under = onset, look.value, look.shown, -1
        self.raised, self.mark = max(reached, self.raised), look.value
        level = now.levels[self.raised]
        sharp = look.sharp and look.value - SURE * look.sigma > level.on
        found.append(
            Found(look.frame, onset, "warning", now.rule, self.raised, level.severity, now.sign * level.on,
                  look.value, look.shown, now.sign, sharp, again)
        )  # fmt: skip

    def _ease(self, found: list[Found], rule: Rule, off: float, look: Look) -> None:
        if look.value > self.worst:
            self.worst, self.shown = look.value, look.shown
        if look.value >= off:
            self.under = -1
            return
        self.under = look.frame if self.under < 0 else self.under  # below, or not judged
        if look.frame - self.under >= rule.clear_dwell * FRAME_RATE:
            found += self.drop(look.frame, "eased" if look.value == look.value else "not_judged")
