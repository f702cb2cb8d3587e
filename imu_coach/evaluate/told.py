"""What the guards said of a simulated session, beside what was true of the person in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from imu_coach import config, rules
from imu_coach.conventions import FRAME_RATE
from imu_coach.core.guards import Active, Guards
from imu_coach.core.pipeline import Pipeline
from imu_coach.core.quantities import NEUTRAL, RATE, SET_START, SPEED_KEPT, SPEED_STEPS, STEP, SWING_STEPS
from imu_coach.core.watch import effective
from imu_coach.exercise import Plan, Rule, Scene
from imu_coach.settings import Layout
from imu_coach.synthetic import Simulated
from imu_coach.types import Angles, Bools, Event, Floats, Frames, Ints

OVER = float(np.deg2rad(5.0))
"""rad or rad/s; so far beyond its threshold a true quantity must be told."""
LATE = 0.5
"""s beyond the dwell that telling may take."""
TOLERANCE = float(np.deg2rad(3.0))
"""rad; what is told and true to within this is no false alarm: calibration and skin are worth so much."""
TOLERANCE_SPEED = float(np.deg2rad(10.0))
"""The same of a speed, rad/s: a wobble of a degree within 0.12 s."""
SPIN_UP = int(0.5 * FRAME_RATE)
"""Frames before the onset of a warning that still tell whether it was true."""


class Stretch(NamedTuple):
    """Frames ``begin`` to before ``end`` with one scene, and the rules that it called for."""

    begin: int
    end: int
    scene: Scene
    active: tuple[Active, ...]


class Witness(Guards):
    """The guards as they are, with a note of the scenes that they judged in."""

    def __init__(self, given: Sequence[Rule], names: tuple[str, ...], sites: tuple[str, ...]) -> None:
        super().__init__(given, names, sites)
        self.stretches: list[Stretch] = []

    def push(self, frames: Frames, angles: Angles, scene: Scene) -> list[Event]:
        """As it is."""
        events = super().push(frames, angles, scene)
        if len(frames.index):
            begin, end = int(frames.index[0]), int(frames.index[-1]) + 1
            self.stretches.append(Stretch(begin, end, scene, self.active))
        return events


def watched(simulated: Simulated, plan: Plan | None) -> tuple[tuple[Event, ...], list[Stretch]]:
    """The whole pipeline over a session: its events, and the scenes that the coach made of it."""
    worn = tuple(info.sensor for info in simulated.header.sensors)
    setup = replace(config.setup(simulated.header), layout=Layout("worn", worn), plan=plan, rules=rules.load())
    pipeline = Pipeline(simulated.header, setup)
    names = tuple(a.name for a in pipeline.session.body.columns)
    pipeline.session.guards = witness = Witness(setup.rules, names, setup.layout.sites)
    events = (*pipeline.push(simulated.inputs).events, *pipeline.flush().events)
    return events, witness.stretches


# --- what was true --------------------------------------------------------------------------------------------------


class Lived(NamedTuple):
    """One direction of a rule over a session: ``x (n,)`` the true quantity, NaN where it was not asked for;
    ``near (n,)`` the same where its conditions hold to within the tolerance.

    ``on (n,)`` the threshold, ``task (n,)`` a number for what a warning belongs to, ``dwell`` s, ``sign`` of the edge.
    """

    rule: Rule
    sign: int
    dwell: float
    x: Floats
    near: Floats
    on: Floats
    task: Ints


class Person:
    """What one simulated person really did, as the guards would have it."""

    def __init__(self, simulated: Simulated) -> None:
        truth = simulated.truth
        self.n = len(truth.t)
        self.lean = truth.angle["trunk_inclination"]
        self.rounding = truth.angle["thoracolumbar_flexion"]
        self.twist = np.abs(truth.angle["trunk_twist"])
        sat = truth.activity == "sit_tall"
        self.sat = float(self.rounding[sat].mean()) if sat.any() else np.nan

    def lived(self, stretches: Sequence[Stretch]) -> list[Lived]:
        """Every rule and direction that was ever called for."""
        found: dict[tuple[str, int], Lived] = {}
        task, before, posture, since = 0, None, None, 0
        for stretch in stretches:
            if stretch.scene.posture != posture:
                posture, since = stretch.scene.posture, stretch.begin
            now = (stretch.scene.posture, stretch.scene.exercise and stretch.scene.exercise.id, stretch.scene.set_begin)
            task += now != before
            before = now
            rows = slice(stretch.begin, min(stretch.end, self.n))
            for active in stretch.active:
                for limits in () if active.unknown else active.limits:
                    key = (active.rule.id, limits.sign)
                    level = effective(limits, active.sharp)
                    lived = found.setdefault(key, _nothing(active.rule, limits.sign, level.dwell, self.n))
                    lived.x[rows] = limits.sign * self._true(active.rule, stretch.scene, rows, since, 0.0)
                    lived.near[rows] = limits.sign * self._true(active.rule, stretch.scene, rows, since, TOLERANCE)
                    lived.on[rows], lived.task[rows] = level.on, task
        return [self._bent(lived) if lived.rule.quantity == "time_bent" else lived for lived in found.values()]

    def _true(self, rule: Rule, scene: Scene, rows: slice, since: int, give: float) -> Floats:
        if rule.quantity in ("lean", "time_bent"):
            return self.lean[rows]
        if rule.quantity == "rounding":
            return self.rounding[rows] - (
                self.sat if scene.posture == "seated" else NEUTRAL.get(scene.posture or "", np.nan)
            )
        if rule.quantity == "twist":
            return np.where(self.lean[rows] >= rule.beyond - give, self.twist[rows], np.nan)
        if rule.quantity == "bend_speed":
            begun = np.arange(self.n)[rows] >= since + SWING_STEPS * STEP
            return np.where(begun, self.bending(rule.beyond - give)[rows], np.nan)
        if rule.quantity in ("dip", "extension"):
            start = scene.set_begin
            if not 0 <= start < self.n:
                return np.full(self.n, np.nan)[rows]
            change = self.lean[rows] - self.lean[start : start + SET_START].mean()
            change = np.where(np.arange(self.n)[rows] >= start + SET_START, change, np.nan)
            return change if rule.quantity == "dip" else -change
        return np.full(self.n, np.nan)[rows]

    def bending(self, beyond: float) -> Floats:
        """Fastest bending forward (n,) rad/s of the last 0.6 s, 0 without a swing."""
        step = SPEED_STEPS * STEP
        lean = np.concatenate([np.full(SWING_STEPS * STEP, self.lean[0]), self.lean])
        speed = np.concatenate([np.zeros(step), (lean[step:] - lean[:-step]) * (RATE / SPEED_STEPS)])
        fastest = sliding_window_view(speed, SPEED_KEPT * STEP + 1).max(axis=1)[-self.n :]
        swing = self.lean - sliding_window_view(lean, SWING_STEPS * STEP + 1).min(axis=1)
        return np.where(swing >= beyond, fastest, 0.0)

    def _bent(self, lived: Lived) -> Lived:
        """Of a rule that adds up time: the seconds beyond its angle within two minutes, 5 deg over and just beyond."""
        asked = ~np.isnan(lived.x)
        window = int(120 * FRAME_RATE)
        seconds = []
        for give in (OVER, -TOLERANCE):
            total = np.cumsum(np.concatenate([np.zeros(window), asked & (lived.x >= lived.rule.on + give)]))
            seconds.append((total[window:] - total[:-window]) / FRAME_RATE)
        over, near = seconds
        # beyond by what counts as 5 deg over once the time is up, and not false while the time nearly is
        x = np.where(over >= lived.rule.dwell, np.inf, np.where(near >= 0.9 * lived.rule.dwell, 0.0, -np.inf))
        x = np.where(asked, x, np.nan)
        return lived._replace(x=x, near=x, on=np.zeros(self.n), dwell=0.0)


def _nothing(rule: Rule, sign: int, dwell: float, n: int) -> Lived:
    x, near, on = (np.full(n, np.nan) for _ in range(3))
    return Lived(rule, sign, dwell, x, near, on, np.full(n, -1))


# --- beside what was said -------------------------------------------------------------------------------------------


class Told(NamedTuple):
    """A warning: frames, what was said of it, and the most of the true quantity beyond its threshold, rad or rad/s.

    ``way``: the person was getting from one posture to another, or had been a second before, whatever the coach knew.
    """

    rule: str
    onset: int
    decided: int
    cleared: int
    severity: str
    spoken: bool
    suppressed: str
    phase: str
    posture: str
    beyond: float
    speed: bool
    way: bool

    @property
    def false(self) -> bool:
        """Told, and not true to within the tolerance."""
        return self.beyond < -(TOLERANCE_SPEED if self.speed else TOLERANCE)

    @property
    def alarm(self) -> bool:
        """Amber, red or spoken."""
        return self.severity != "cue" or self.spoken


class Episode(NamedTuple):
    """A stretch in which the true quantity lay 5 deg over the threshold for longer than the dwell and half a second.

    delay : s from its begin until the rule was raised, beyond the dwell; inf when it was not, -inf when it was before
    judged : the rule could be judged from its begin on
    spoken : the warning was said aloud; why not, otherwise
    """

    rule: str
    begin: int
    end: int
    delay: float
    judged: bool
    spoken: str


def told(events: Sequence[Event], lived: Sequence[Lived], ways: Bools) -> list[Told]:
    """Every warning with what was true meanwhile; ``ways (n,)`` where the person was between two postures."""
    ends: dict[tuple[str, int], int] = {}
    for e in events:
        if e.kind == "warning_cleared":
            ends.setdefault((e.detail["rule"], e.onset), e.decided)
    known = {(one.rule.id, one.sign): one for one in lived}
    out = []
    for e in (e for e in events if e.kind == "warning"):
        d = e.detail
        one = known.get((d["rule"], -1 if str(d["prompt"]).endswith("_low") else 1))
        beyond = np.nan
        if one is not None and one.rule.quantity != "unsensed":
            rows = slice(max(e.onset - SPIN_UP, 0), e.decided + 1)
            threshold = _threshold(d, one)
            x = one.near[rows]
            beyond = float(np.nanmax(x - threshold)) if not np.isnan(x).all() else np.nan
        end = min((c for (r, o), c in ends.items() if r == d["rule"] and o <= e.onset and c > e.decided), default=2**40)
        before = max(e.decided - round(FRAME_RATE), 0)
        out.append(
            Told(d["rule"], e.onset, e.decided, end, d["severity"], d["spoken"], d["suppressed"], d["phase"],
                 str(d["posture"]), beyond, d["unit"] == "deg/s", bool(ways[before : e.decided + 1].any()))
        )  # fmt: skip
    return out


def _threshold(detail: object, one: Lived) -> float:
    assert isinstance(detail, dict)
    if one.rule.quantity == "time_bent":
        return 0.0
    return one.sign * float(np.deg2rad(detail["threshold_deg"]))


def episodes(lived: Sequence[Lived], warnings: Sequence[Told], unjudged: dict[str, Bools]) -> Iterator[Episode]:
    """Every true event that a rule must tell."""
    for one in lived:
        mine = [w for w in warnings if w.rule == one.rule.id]
        allowed = round((one.dwell + LATE) * FRAME_RATE)
        beyond = one.x >= one.on + OVER
        edges = np.flatnonzero(np.diff(np.concatenate([[False], beyond, [False]])) | _changes(one.task))
        for a, b in pairwise(edges.tolist()):
            if not beyond[min(a, len(beyond) - 1)] or b - a < allowed:
                continue
            now = [w for w in mine if w.decided <= a + allowed and w.cleared > a]
            first = now[0] if now else next((w for w in mine if a <= w.decided <= b), None)
            delay = np.inf if first is None else (first.decided - a) / FRAME_RATE - one.dwell
            judged = not unjudged.get(one.rule.id, np.zeros(len(beyond), bool))[a : a + allowed].any()
            spoken = "never" if first is None else first.suppressed or "spoken"
            yield Episode(one.rule.id, a, b, delay, judged, spoken)


def _changes(task: Ints) -> Bools:
    """Where another task begins, (n + 1,)."""
    return np.concatenate([[False], np.diff(task) != 0, [False]])


def not_judged(events: Sequence[Event], lived: Sequence[Lived]) -> dict[str, Bools]:
    """Per rule, where it is not judged: from when that is said until it is judged again or its scene is over."""
    out: dict[str, Bools] = {}
    for one in lived:
        rows = out.setdefault(one.rule.id, np.zeros(len(one.task), bool))
        news = [e for e in events if e.kind in ("not_judged", "judged_again") and e.detail["rule"] == one.rule.id]
        for e, after in zip(news, [*(e.decided for e in news[1:]), len(rows)], strict=False):
            if e.kind == "not_judged" and e.decided < len(rows):
                over = np.flatnonzero(one.task[e.decided :] != one.task[e.decided])
                rows[e.decided : min(after, e.decided + int(over[0]) if len(over) else after)] = True
    return out
