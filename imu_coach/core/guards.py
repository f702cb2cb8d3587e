"""The stage that judges: frames, angles and the coach's scene in, warnings out, each when it is decided.

Laws: nothing on an estimate; nothing aloud and nothing red while getting from one posture to another; nothing within a
second of a change of link or calibration; a rule that cannot be judged says so and is never shown as fine.

Events
------
``warning`` and ``warning_cleared``
    Raised, or raised again because it got a level or 10 deg worse; and over (eased, not judged any more, or not asked
    for any more).  ``decided`` is the frame of raising, ``onset`` the one at which the threshold was crossed.
``not_judged`` and ``judged_again``
    A rule that this scene calls for cannot be judged, and why (:data:`~imu_coach.core.quantities.REASONS`).  It holds
    until it is judged again or until posture, exercise or set change, whichever comes first.
``transition``
    A way from one posture to another is over: its length, deepest lean and fastest bend, for the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import inf
from typing import NamedTuple

import numpy as np

from imu_coach.conventions import FRAME_RATE
from imu_coach.core.observe import LIFTED, SLACK
from imu_coach.core.quantities import QUANTITIES, REASONS, STEP, Asked, Senses
from imu_coach.core.watch import TWIST_LOAD, Found, Limits, Seen, Watch, limits, worse
from imu_coach.exercise import Rule, Scene
from imu_coach.types import Angles, Bools, Codes, Event, Frames, Json, Why

SETS = ("practice", "set")
"""Phases in which the rules are those that the exercise names, and those that are always watched."""
SEVERITIES = ("cue", "amber", "red")
MINUTE = int(60 * FRAME_RATE)
A_MINUTE = 3
"""So many prompts may be spoken within a minute."""
LIMBS = ("wrist", "upper_arm")
CHANGES = ("calibrated", "slipped", "sensor_back")
"""Events after which the rules rest."""


class Active(NamedTuple):
    """A rule as it stands in this scene.

    ``lowest``: nothing begins at or below it, by direction; ``unknown``: called for, but the posture is not known.
    """

    rule: Rule
    limits: tuple[Limits, ...]
    lowest: tuple[float, ...]
    sharp: bool
    unknown: bool


class Speech:
    """Which warnings are said aloud: not too often, and not the same thing over and over."""

    def __init__(self) -> None:
        self.told: dict[str, tuple[int, float]] = {}  # rule -> frame and value
        self.recent: tuple[int, ...] = ()

    def refusal(self, found: Found, scene: Scene) -> str:
        """Why a warning is not told aloud; "" when it is, and then it has been."""
        rule, frame = found.rule, found.decided
        if scene.posture == "transition" or not scene.begun:
            return "transition"
        if not rule.spoken:
            return "shown"
        for here, aloud in ((scene.phase, rule.aloud_phases), (scene.posture, rule.aloud_postures)):
            if aloud and here not in aloud:
                return "shown"
        last, value = self.told.get(rule.id, (-MINUTE, inf))
        if frame - last < rule.refractory * FRAME_RATE and not found.value >= value + worse(rule):
            return "refractory"
        self.recent = tuple(at for at in self.recent if frame - at < MINUTE)
        if len(self.recent) >= A_MINUTE:
            return "often"
        self.told[rule.id] = frame, found.value
        self.recent += (frame,)
        return ""


class Guards:
    """Judges the rules, stretch by stretch of one scene each; any cut of a stretch gives the same events.

    Parameters
    ----------
    rules : see :func:`imu_coach.rules.load`; W7 among them sharpens the others
    names : of the angle columns
    sites : of the sensors, in frame order
    """

    def __init__(self, rules: Sequence[Rule], names: tuple[str, ...], sites: tuple[str, ...]) -> None:
        self.order = {rule.id: i for i, rule in enumerate(rules)}
        self.rules = tuple(rule for rule in rules if rule.quantity in QUANTITIES)
        self.sharpener = next((rule for rule in rules if rule.quantity == TWIST_LOAD), None)
        self.sensors = self.sites = sites  # the sensors keep their names when they move
        self.senses = Senses(names)
        self.watches: dict[tuple[str, int], Watch] = {}
        self.judged: dict[str, bool] = {}
        self.speech = Speech()
        self.scene = Scene()
        self.active: tuple[Active, ...] = ()
        self.due: list[Event] = []
        self.way: _Way | None = None
        self.events: list[Event] = []

    def note(self, events: Sequence[Event]) -> None:
        """Calibrations and slips: they act from their deciding frame on, so tell them before its frames are pushed."""
        if events:
            self.due += [e for e in events if e.kind in CHANGES]
            self.due.sort(key=lambda e: e.decided)

    def push(self, frames: Frames, angles: Angles, scene: Scene) -> list[Event]:
        """Events decided within these frames, during which the scene did not change."""
        done, n = 0, len(frames.index)
        if n and scene != self.scene:
            self._enter(scene, int(frames.index[0]))
        while done < n:
            first = int(frames.index[done])
            while self.due and self.due[0].decided <= first:
                self._changed(self.due.pop(0))
            changes = [self.senses.set_begins(scene, first), *(e.decided for e in self.due[:1])]
            stop = min([n, *(done + change - first for change in changes if change > first)])
            if scene.phase == "siting":  # a hand is at a sensor: all of it rests, and a second more
                self.senses.calm = max(self.senses.calm, first + stop - done + int(FRAME_RATE))
            start = done + -first % STEP
            if start < stop:
                self._judge(angles, slice(start, stop, STEP))
            done = stop
        events, self.events = self.events, []
        return events

    def _changed(self, event: Event) -> None:
        """A change takes effect, unless it is one of a sensor that sits on the arm now."""
        if dict(zip(self.sensors, self.sites, strict=True)).get(event.sensor, event.sensor) not in LIMBS:
            self.senses.note(event)

    # --- scenes -------------------------------------------------------------------------------------------------------

    def _enter(self, scene: Scene, frame: int) -> None:
        """Another scene: other rules; what is pending does not outlive its posture, exercise or set."""
        before, self.scene = self.scene, scene
        self.active = tuple(chain.from_iterable(self._active(rule, scene) for rule in self.rules))
        there = {a.rule.id: a.rule for a in self.active}
        same = _task(before) == _task(scene)
        for (rule, _), watch in self.watches.items():
            if rule not in there or (not same and there[rule].relative == "set"):
                self.events += [self._cleared(found) for found in watch.drop(frame, "scene")]
            elif not same:
                watch.forget()
        self.judged = {rule: judged for rule, judged in self.judged.items() if same and rule in there}
        if before.posture != scene.posture:
            self.senses.posture_since = frame
            if self.way is not None:
                self.events.append(self.way.over(frame))
            self.way = _Way(frame) if scene.posture == "transition" else None

    def _active(self, rule: Rule, scene: Scene) -> list[Active]:
        """The rule with the numbers of this scene, when the scene calls for it."""
        exercise = scene.exercise if scene.phase in SETS else None
        named = exercise is not None and rule.id in exercise.guards
        if not (named or rule.always) or (rule.phases and scene.phase not in rule.phases):
            return []
        unknown = bool(rule.postures) and scene.posture is None
        if rule.postures and not unknown and scene.posture not in rule.postures:
            return []
        changes = exercise.guards[rule.id] if exercise is not None and named else {}
        # an exercise that sets the threshold itself knows its weight
        loaded = exercise is not None and named and exercise.loaded and "on" not in changes
        sharp = rule.sharpened and self.sharpener is not None and loaded
        now = limits(rule, changes)
        return [Active(now[0].rule, now, tuple(one.lowest for one in now), sharp, unknown)]

    # --- judging ------------------------------------------------------------------------------------------------------

    def _judge(self, angles: Angles, rows: slice) -> None:
        """All rules of the scene on the grid frames among these rows."""
        self.senses.take(angles, rows)
        found = list(chain.from_iterable(self._rule(active) for active in self.active))
        for rule in self.rules:
            if rule.quantity == "time_bent" and all(a.rule.id != rule.id for a in self.active):
                self.senses.idle_time(rule)
        if self.way is not None:
            self.way.see(self.senses)
        if found:
            found.sort(key=lambda f: (f.decided, -_urgency(f), self.order[f.rule.id]))
            self.events += [self._told(f) if f.kind == "warning" else self._cleared(f) for f in found]
        if self.events:
            self.events.sort(key=lambda e: e.decided)
        self.senses.done()

    def _rule(self, active: Active) -> list[Found]:
        """What one rule finds; also tells whether it can be judged."""
        asked = self.senses.quantity[active.rule.quantity](active.rule, self.scene)
        where, why = asked.asked, asked.series.why
        if active.unknown:
            why = np.where(why == 0, np.uint8(Why.POSTURE_UNKNOWN), why)
        where = None if where is None or np.count_nonzero(where) == len(where) else where
        judged = why == 0
        if not (np.count_nonzero(judged) == len(why) and self.judged.get(active.rule.id, True)):
            self._can_judge(active.rule, where, why)
        if where is not None:
            judged &= where
        return self._watch(active, asked, judged)

    def _watch(self, active: Active, asked: Asked, judged: Bools) -> list[Found]:
        value = asked.series.value
        stirring = []
        for now, lowest in zip(active.limits, active.lowest, strict=True):
            watch = self.watches.get((active.rule.id, now.sign)) or self._new_watch(active.rule.id, now.sign)
            if not watch.idle or np.count_nonzero(value > lowest if now.sign > 0 else -value > lowest):
                stirring.append((now, watch))
        if not stirring:  # nearly always
            return []
        x = value if judged.all() else np.where(judged, value, np.nan)
        sharp = np.ones(len(x), np.bool_) if active.sharp else self._turned(active.rule)
        seen = Seen(self.senses.index, x, asked.series.sigma, asked.shown, sharp)
        found: list[Found] = []
        for now, watch in stirring:
            found += watch.run(now, seen if now.sign > 0 else seen._replace(value=-x))
        return found

    def _new_watch(self, rule: str, sign: int) -> Watch:
        return self.watches.setdefault((rule, sign), Watch())

    def _turned(self, rule: Rule) -> Bools | None:
        """Where the trunk is bent and turned; None when nowhere.  A twist has that in its own thresholds."""
        if not rule.sharpened or self.sharpener is None or rule.quantity == "twist":
            return None
        lean, twist = self.senses.now["lean"], self.senses.now["twist"]
        turned = (twist.why == 0) & (np.abs(twist.value) >= self.sharpener.on)
        turned &= (lean.why == 0) & (lean.value >= self.sharpener.beyond)
        return turned if turned.any() else None

    def _can_judge(self, rule: Rule, asked: Bools | None, why: Codes) -> None:
        """Tell when a rule stops or begins to be judged."""
        judged = why == 0
        rows = np.arange(len(why)) if asked is None else np.flatnonzero(asked)
        now = judged[rows]
        for i in np.flatnonzero(np.diff(now, prepend=self.judged.get(rule.id, True))):
            row = rows[i]
            frame = int(self.senses.index[row])
            kind = "judged_again" if now[i] else "not_judged"
            reason = "" if now[i] else REASONS[int(why[row])]
            self.events.append(Event(frame, frame, kind, "", {"rule": rule.id, "title": rule.title, "why": reason}))
        if len(rows):
            self.judged[rule.id] = bool(now[-1])

    # --- telling ------------------------------------------------------------------------------------------------------

    def _told(self, found: Found) -> Event:
        rule, scene = found.rule, self.scene
        suppressed = "transition" if self._left(found) else self.speech.refusal(found, scene)
        # what may not be said here may be sitting down or getting up: it is not red either
        severity = min(_urgency(found), SEVERITIES.index("amber" if suppressed in ("transition", "shown") else "red"))
        detail: dict[str, Json] = {
            "rule": rule.id,
            "severity": SEVERITIES[severity],
            "title": rule.title,
            "value_deg": _degrees(found.shown),
            "threshold_deg": _degrees(found.threshold) if QUANTITIES[rule.quantity].unit else None,
            "unit": QUANTITIES[rule.quantity].unit,
            "prompt": rule.prompt + ("_low" if found.sign < 0 else ""),
            "spoken": not suppressed,
            "suppressed": suppressed,
            "sharpened": found.sharp,
            "again": found.again,
            "posture": scene.posture,
            "exercise": scene.exercise.id if scene.exercise is not None else "",
            "phase": scene.phase,
        }
        return Event(found.decided, found.onset, "warning", "", detail)

    def _left(self, found: Found) -> bool:
        """Whether the trunk is so far from where the set began that it was left: the coach will know in a moment."""
        exercise = self.scene.exercise
        if found.rule.relative != "set" or exercise is None or exercise.gate.trunk is None:
            return False
        way = -1.0 if found.rule.quantity == "extension" else 1.0
        lean = self.senses.zero + way * found.shown
        low, high = exercise.gate.trunk
        lift = max((m.expected for m in exercise.motions if m.channel == "trunk_extension"), default=0.0)
        return lean < low - (LIFTED if lift else SLACK) or lean > high + SLACK

    def _cleared(self, found: Found) -> Event:
        detail: dict[str, Json] = {
            "rule": found.rule.id,
            "seconds": round((found.decided - found.onset) / FRAME_RATE, 2),
            "worst_deg": _degrees(found.shown),
            "why": found.why,
        }
        return Event(found.decided, found.onset, "warning_cleared", "", detail)


class _Way:
    """From one posture to another: what the log keeps of it."""

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self.lean, self.speed = -inf, -inf

    def see(self, senses: Senses) -> None:
        """Deepest lean and fastest bend so far."""
        lean, speed = senses.now["lean"], senses.bending()[-len(senses.index) :]
        ok = lean.why == 0
        self.lean = float(np.max(lean.value, where=ok, initial=self.lean))
        self.speed = float(np.max(speed, where=ok & ~np.isnan(speed), initial=self.speed))

    def over(self, frame: int) -> Event:
        """Its line in the log."""
        detail: dict[str, Json] = {
            "seconds": round((frame - self.begin) / FRAME_RATE, 2),
            "deepest_deg": _degrees(self.lean),
            "fastest_deg_s": _degrees(self.speed),
        }
        return Event(frame, self.begin, "transition", "", detail)


def _task(scene: Scene) -> tuple[object, ...]:
    """What a warning belongs to: posture, exercise, side and set."""
    exercise = scene.exercise.id if scene.exercise is not None else ""
    return scene.posture, exercise, scene.side, scene.set_number, scene.set_begin


def _urgency(found: Found) -> int:
    """Position of its severity; of the end of a warning -1."""
    return SEVERITIES.index(found.severity) + found.sharp if found.severity else -1


def _degrees(value: float) -> float | None:
    """To a tenth; None for what was not measured."""
    return round(float(np.rad2deg(value)), 1) if np.isfinite(value) else None
