"""What the guards compare: lean, rounding, twist, speed and the rest, each measured or with the reason why not.

Everything lives on a grid of 25 Hz (frames whose index is a multiple of :data:`STEP`).  A quantity is judged only where
its angle is *measured* and nothing changed within the last second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from imu_coach.conventions import FRAME_RATE
from imu_coach.exercise import Rule, Scene
from imu_coach.types import WHY_TEXT, Angles, Bools, Codes, Event, Floats, Ints, Source, Why

STEP = 4
"""Frames between two looks."""
RATE = FRAME_RATE / STEP
REST = int(FRAME_RATE)
"""Frames of rest after a gap, a re-zeroing, a calibration, a slip or a re-siting (W12)."""
BAND_SIGMAS = 2.0 * 1.2816
"""Width of an 80 % band of a normal distribution, in standard deviations."""

SPEED_STEPS = 3
"""Looks (0.12 s) over which a speed is taken: it must last for 0.1 s."""
SPEED_KEPT = 15
"""Looks (0.6 s) for which a speed counts: the swing that makes it a bend may be completed after its fastest moment."""
SWING_STEPS = 37
"""Looks (1.5 s) within which a swing must happen: 20 deg in 1.5 s is 13 deg/s, far below any rapid bend."""
SPEED_SIGMA = float(np.deg2rad(5.0))
"""rad/s; a skin wobble of 0.5 deg within 0.12 s."""
BENT_STEPS = int(120 * RATE)
"""Looks within which time spent bent is added up: two minutes."""
PAST = int(60 * RATE)
"""Looks that are remembered: the longest calibration pose."""
SET_START = int(FRAME_RATE)
"""Frames whose mean is the posture at the start of a set: breathing averages to a third."""
TWIST_TO = float(np.deg2rad(115.0))
"""rad; a trunk bent further than this is not standing, kneeling or on the bench."""
NEUTRAL = {"standing": 0.0, "pushback": 0.0, "kneeling": 0.0, "row": 0.0}
"""rad; thoracolumbar flexion of the straight back by posture: as in standing tall.  Sitting has its own, from *sit
tall*: it flattens the lumbar curve by about 36 deg (Mitchell 2008, doi:10.1186/1471-2474-9-152)."""

OWN_NEUTRAL = 0.5
"""Share of the doubt about rounding that is left against a neutral which the same sensors measured in this posture:
what is constant (where a sensor sits, the shape of the back) cancels.  Simulated people show a quarter."""

RISEN = float(np.deg2rad(10.0))
"""rad; rounding that grew by so much beyond all of 12 to 3 s before is not doubted: a change is measured to a degree.
Getting into position changes it, too: so not in the first 12 s of a set."""
RISE_LONG, RISE_SHORT = int(12 * RATE), int(3 * RATE)
AS_FOUND = 2.0
"""Factor on the doubt about rounding that was there before: a sensor's seat shows as rounding, too."""
TURNED = 1.5
"""Factor on the doubt about a twist: a side axis that is a little off shows as one, the same all through a set."""

ESTIMATED, RESTING, NO_NEUTRAL, NO_SET_START, NOT_MEASURABLE = 100, 101, 102, 103, 104
REASONS: Mapping[int, str] = {
    **{int(why): why.name.lower() for why in Why},
    ESTIMATED: "estimated",
    RESTING: "resting",
    NO_NEUTRAL: "no_neutral",
    NO_SET_START: "no_set_start",
    NOT_MEASURABLE: "not_measurable",
}
"""Why a rule is not judged, as it stands in events."""
REASON_TEXT: Mapping[str, str] = {
    **{why.name.lower(): text for why, text in WHY_TEXT.items()},
    "estimated": "these sensors only estimate it: a sensor at the back of the waistband would measure it",
    "resting": "the link or the calibration changed within the last second",
    "no_neutral": "this posture has no neutral of its own yet: sit tall once",
    "no_set_start": "the posture at the start of this set was not measured",
    "not_measurable": "gravity does not show it, and there is no magnetometer",
}
"""The same for people."""

MEASURED = int(Source.MEASURED)
BAD = tuple(int(w) for w in (Why.NOT_STARTED, Why.NO_DATA, Why.SETTLING, Why.NOT_CALIBRATED, Why.SENSOR_MOVED))
LOST = tuple(int(w) for w in (Why.NOT_STARTED, Why.NO_DATA, Why.SETTLING, Why.SENSOR_MOVED))
IS_BAD, IS_LOST = np.zeros(256, np.bool_), np.zeros(256, np.bool_)
IS_BAD[list(BAD)], IS_LOST[list(LOST)] = True, True
COLUMNS = {"lean": "trunk_inclination", "rounding": "thoracolumbar_flexion", "twist": "trunk_twist"}


class Series(NamedTuple):
    """A quantity on the grid: ``value, sigma (n,)``; ``why (n,)`` 0 where it is judged."""

    value: Floats
    sigma: Floats
    why: Codes


class Asked(NamedTuple):
    """What a rule looks at: a series, where it is asked for at all (None: everywhere), and the angle to be shown."""

    series: Series
    asked: Bools | None
    shown: Floats


class Quantity(NamedTuple):
    """``unit`` of its thresholds ("deg" or "deg/s", "" for yes or no); ``what`` it is."""

    unit: str
    what: str


QUANTITIES: Mapping[str, Quantity] = {
    "lean": Quantity("deg", "inclination of the upper back"),
    "rounding": Quantity("deg", "thoracolumbar flexion beyond the posture's own neutral"),
    "twist": Quantity("deg", "turn of the bent trunk about its long axis, either way"),
    "bend_speed": Quantity("deg/s", "fastest bending forward within a swing"),
    "time_bent": Quantity("deg", "inclination; the time beyond it within two minutes decides"),
    "dip": Quantity("deg", "inclination since the set began"),
    "extension": Quantity("deg", "rise of the upper back since the set began"),
    "upright_turn": Quantity("deg", "turn of the upright trunk against the pelvis"),
    "unsensed": Quantity("", "whether the trunk is not sensed"),
}
"""Everything that a rule can name."""


class Past:
    """The latest values of a series, oldest first; appending a few costs little."""

    def __init__(self, length: int, empty: float) -> None:
        self.length = length
        self.values = np.full(4 * length, empty)
        self.end = length

    def append(self, new: Floats) -> None:
        """The newest ones."""
        new = new[-self.length :]
        if self.end + len(new) > len(self.values):
            self.values[: self.length] = self.values[self.end - self.length : self.end].copy()
            self.end = self.length
        self.values[self.end : self.end + len(new)] = new
        self.end += len(new)

    def last(self, count: int) -> Floats:
        """So many of them."""
        return self.values[self.end - count : self.end]


class Senses:
    """Quantities of one stretch after another; remembers what the past must say."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.column = {key: names.index(name) for key, name in COLUMNS.items() if name in names}
        self.rest = dict.fromkeys(COLUMNS, -1)  # frames before these rest, by angle
        self.calm = -1  # and by all angles
        self.anew = -1  # frame at which some zero last changed
        self.changed = -1  # frame at which the zero of the trunk last changed
        self.sat: float | None = None  # thoracolumbar flexion while sitting tall
        self.set_begin, self.zero = -1, float("nan")  # of the latest set, and the inclination at its start
        self.waiting = False  # for the end of its first second
        self.past = {key: Past(PAST, np.nan) for key in ("lean", "rounding")}
        self.counted: dict[str, Past] = {}  # time_bent: looks of the last two minutes, 1.0 where bent
        self.posture_since = 0
        self.next = 0  # grid frame that comes next
        self.index: Ints = np.empty(0, np.int64)
        self.now: dict[str, Series] = {}
        self.quantity: Mapping[str, Callable[[Rule, Scene], Asked]] = {
            "lean": self._lean,
            "rounding": self._rounding,
            "twist": self._twist,
            "bend_speed": self._bend_speed,
            "time_bent": self._time_bent,
            "dip": self._dip,
            "extension": self._extension,
            "upright_turn": self._upright_turn,
            "unsensed": self._unsensed,
        }

    # --- what happens -------------------------------------------------------------------------------------------------

    def note(self, event: Event) -> None:
        """A calibration or a slip: everything rests, and what was measured against the old zero is forgotten."""
        pose = event.detail.get("pose")
        done = {site for site, quality in event.detail.get("sensors", {}).items() if "problem" not in quality}
        self.calm = max(self.calm, event.decided + REST)
        if event.kind == "slipped" or (event.kind == "calibrated" and pose == "stand_tall"):
            self.sat = None
            self.anew = event.decided
            if event.sensor == "upper_back" or "upper_back" in done:
                self.changed, self.zero = event.decided, float("nan")
        elif event.kind == "calibrated" and pose == "sit_tall" and {"upper_back", "sacrum"} <= done:
            seen = self._remembered("rounding", event.onset, event.decided)
            self.sat = _mean(seen)

    def take(self, angles: Angles, rows: slice) -> None:
        """Look at every grid frame among ``rows``."""
        self.index = angles.index[rows]
        self.now = {key: self._series(key, angles, rows) for key in COLUMNS}

    def _series(self, key: str, angles: Angles, rows: slice) -> Series:
        if key not in self.column:
            n = len(self.index)
            return Series(np.full(n, np.nan), np.zeros(n), np.full(n, int(Why.NOT_WORN), np.uint8))
        i = self.column[key]
        why, source = angles.why[rows, i], angles.source[rows, i]
        first, until = self.index[0], self.rest[key]
        value, sigma = angles.value[rows, i], (angles.high[rows, i] - angles.low[rows, i]) / BAND_SIGMAS
        odd = source != MEASURED
        if max(until, self.calm) <= first and not (np.count_nonzero(why) or np.count_nonzero(odd)):
            return Series(value, sigma, why)
        unmeasured = odd & (why == 0)
        if unmeasured.any():
            why = np.where(unmeasured, np.uint8(ESTIMATED), why)
        bad = IS_BAD[why]
        if bad.any() or until > first:
            ends = np.maximum.accumulate(np.concatenate([[until], np.where(bad, self.index + (STEP + REST), -1)]))[1:]
            why = np.where((why == 0) & (self.index < ends), np.uint8(RESTING), why)
            self.rest[key] = int(ends[-1])
        if self.calm > first:
            why = np.where((why == 0) & (self.index < self.calm), np.uint8(RESTING), why)
        return Series(value, sigma, why)

    def done(self) -> None:
        """These grid frames belong to the past now."""
        for key, past in self.past.items():
            past.append(_known(self.now[key]))
        self.next = int(self.index[-1]) + STEP

    def _remembered(self, key: str, begin: int, end: int) -> Floats:
        """Past values of grid frames from ``begin`` to before ``end``."""
        first = self.next - PAST * STEP
        a, b = (max(0, -(-(frame - first) // STEP)) for frame in (begin, end))
        return self.past[key].last(PAST)[a:b] if begin >= first else np.empty(0)

    def set_begins(self, scene: Scene, frame: int) -> int:
        """Look after the posture at the start of the set; the frame at which it will be known, -1 when it is.

        ``scene.set_begin`` may lie in the past: a set can be known to have begun only after it has.
        """
        if scene.set_begin >= 0 and scene.set_begin != self.set_begin:
            self.set_begin, self.zero, self.waiting = scene.set_begin, float("nan"), True
        end = self.set_begin + SET_START
        if self.waiting and frame >= end:
            self.waiting = False
            mean = _mean(self._remembered("lean", self.set_begin, end)) if self.changed < self.set_begin else None
            self.zero = float("nan") if mean is None else mean
        return end if self.waiting else -1

    # --- quantities ---------------------------------------------------------------------------------------------------

    def _lean(self, rule: Rule, scene: Scene) -> Asked:
        lean = self.now["lean"]
        return Asked(lean, None, lean.value)

    def _rounding(self, rule: Rule, scene: Scene) -> Asked:
        value, sigma, why = self.now["rounding"]
        neutral = self.sat if scene.posture == "seated" else NEUTRAL.get(scene.posture or "")
        if neutral is None:
            why = np.where(why == 0, np.uint8(NO_NEUTRAL), why)
            neutral = 0.0
        rounded = value - neutral
        if scene.posture == "seated":
            doubt = OWN_NEUTRAL * sigma
        else:
            doubt = AS_FOUND * sigma
            if np.count_nonzero(value > rule.on):
                doubt = np.where(self._risen(), 0.0, doubt)
        return Asked(Series(rounded, doubt, why), None, rounded)

    def _risen(self) -> Bools:
        """Where rounding has grown within this set; after a gap that is not known for a while."""
        seen = np.nan_to_num(self._with_past("rounding", RISE_LONG), nan=np.inf)
        before = sliding_window_view(seen[:-RISE_SHORT], RISE_LONG - RISE_SHORT)[: len(self.index)].max(axis=1)
        long_enough = self.index >= max(self.set_begin, self.anew) + RISE_LONG * STEP
        return np.asarray((seen[RISE_LONG:] >= before + RISEN) & long_enough)

    def _twist(self, rule: Rule, scene: Scene) -> Asked:
        twist, lean = self.now["twist"], self.now["lean"]
        bent = (lean.value >= rule.beyond) & (lean.value <= TWIST_TO)
        size = np.abs(twist.value)
        return Asked(Series(size, TURNED * twist.sigma, twist.why), bent | (lean.why != 0), size)

    def bending(self) -> Floats:
        """Speed (n,) rad/s of bending forward, and before it those of the last :data:`SPEED_KEPT` looks."""
        lean = self._with_past("lean", SPEED_STEPS + SPEED_KEPT)
        return (lean[SPEED_STEPS:] - lean[:-SPEED_STEPS]) * (RATE / SPEED_STEPS)

    def _with_past(self, key: str, steps: int) -> Floats:
        return np.concatenate([self.past[key].last(steps), _known(self.now[key])])

    def _bend_speed(self, rule: Rule, scene: Scene) -> Asked:
        lean, n = self.now["lean"], len(self.index)
        value = np.zeros(n)
        speed = self.bending()
        if np.count_nonzero(speed > min(rule.off, rule.on)):
            fastest = sliding_window_view(np.nan_to_num(speed, nan=-np.inf), SPEED_KEPT + 1).max(axis=1)
            angle = self._with_past("lean", SWING_STEPS)
            lowest = sliding_window_view(np.nan_to_num(angle, nan=np.inf), SWING_STEPS + 1).min(axis=1)
            swung = angle[SWING_STEPS:] - lowest >= rule.beyond
            value = np.where(swung & (fastest > rule.off), fastest, 0.0)
        begun = self.index >= self.posture_since + SWING_STEPS * STEP  # nothing of the posture before
        return Asked(Series(value, np.full(n, SPEED_SIGMA), lean.why), begun, value)

    def _time_bent(self, rule: Rule, scene: Scene) -> Asked:
        """Seconds beyond the angle within two minutes."""
        value, _, why = self.now["lean"]
        bent = ((why == 0) | (why == RESTING)) & (value > rule.on)
        past, n = self.counted.setdefault(rule.id, Past(BENT_STEPS, 0.0)), len(value)
        before, now = past.last(BENT_STEPS), bent.astype(np.float64)  # whole numbers: sums are exact
        leaving = np.concatenate([before[:n], now[: max(0, n - BENT_STEPS)]])
        seconds = (before.sum() + np.cumsum(now) - np.cumsum(leaving)) / RATE
        past.append(now)
        return Asked(Series(seconds, np.zeros(n), why), None, value)

    def idle_time(self, rule: Rule) -> None:
        """Time goes by in which this rule does not count."""
        if rule.id in self.counted:
            self.counted[rule.id].append(np.zeros(len(self.index)))

    def _dip(self, rule: Rule, scene: Scene) -> Asked:
        value, sigma, why = self.now["lean"]
        if self.zero != self.zero:
            why = np.where(why == 0, np.uint8(NO_SET_START), why)
        change = value - self.zero
        return Asked(Series(change, sigma, why), self.index >= scene.set_begin + SET_START, change)

    def _extension(self, rule: Rule, scene: Scene) -> Asked:
        (value, sigma, why), asked, _ = self._dip(rule, scene)
        return Asked(Series(-value, sigma, why), asked, -value)

    def _upright_turn(self, rule: Rule, scene: Scene) -> Asked:
        """A turn of the upright trunk is integrated from rates and drifts: an estimate, and so never judged."""
        n = len(self.index)
        unknown = Series(np.full(n, np.nan), np.zeros(n), np.full(n, NOT_MEASURABLE, np.uint8))
        return Asked(unknown, None, unknown.value)

    def _unsensed(self, rule: Rule, scene: Scene) -> Asked:
        lost = IS_LOST[self.now["lean"].why].astype(np.float64)
        n = len(lost)
        return Asked(Series(lost, np.zeros(n), np.zeros(n, np.uint8)), None, np.full(n, np.nan))


def _known(series: Series) -> Floats:
    """Measured values, those during a rest too: NaN elsewhere."""
    why = series.why
    return np.where((why == 0) | (why == RESTING), series.value, np.nan) if np.count_nonzero(why) else series.value


def _mean(seen: Floats) -> float | None:
    """Mean of what is known, when that is most of it."""
    known = seen[~np.isnan(seen)]
    return float(known.mean()) if len(known) and 2 * len(known) >= len(seen) else None
