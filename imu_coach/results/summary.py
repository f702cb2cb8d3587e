"""What a session came to: time, posture and warnings by phase, sets against what was asked, left against right."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import NamedTuple

import numpy as np
import pandas as pd

from imu_coach.conventions import FRAME_RATE
from imu_coach.results.columns import Row, table
from imu_coach.types import Angles, Bools, Codes, Event, Floats, Source

PHASES = ("exercise", "rest", "transition", "other")
"""In sets and practice; between sets and in a pause; getting into position; before the first and after the last."""

EDGES = (-math.inf, 0.0, 20.0, 45.0, 60.0, math.inf)
BINS = ("inclination_below_0", "inclination_0_20", "inclination_20_45", "inclination_45_60", "inclination_above_60")
"""deg of trunk inclination; 20 and 60 are the marks of RULA and REBA."""
EXPOSED = 20.0
"""deg beyond which the exposure adds up."""

NEXT: Mapping[str, str] = {
    "exercise_begin": "transition",
    "practice_begin": "exercise",
    "set_begin": "exercise",
    "practised": "rest",
    "resumed": "exercise",
    "set_end": "rest",
    "session_end": "other",
}
"""The phase after an event; a pause because the posture was left is a transition, any other one is rest."""

ENDS_UNJUDGED = ("judged_again", "exercise_begin", "set_begin", "practice_begin", "set_end", "practised", "resumed",
                 "paused", "transition", "session_end")  # fmt: skip
"""A rule's "not judged" holds until one of these."""


def session(events: Sequence[Event], angles: Angles, reps: pd.DataFrame, sets: pd.DataFrame) -> pd.DataFrame:
    """The long table of a session: see docs/events.md for its quantities."""
    phases = phases_of(events, angles.index)
    rows = [row for name in PHASES for row in _posture(angles, phases == PHASES.index(name), name)]
    rows += _rules(events, phases)
    asked = {(e.detail["exercise"], e.detail["side"]): e.detail["sets"] for e in events if e.kind == "exercise_begin"}
    for (exercise, side), part in sets.groupby(["exercise", "side"], sort=False):
        rows += _done((str(exercise), str(side)), part, asked)
    return table("session", rows + list(_symmetry(reps)))


def phases_of(events: Sequence[Event], index: np.ndarray) -> Codes:
    """Of every frame: number in :data:`PHASES`."""
    first = int(index[0]) if len(index) else 0
    codes = np.full(len(index), PHASES.index("other"), np.uint8)
    for e in events:
        name = ("transition" if e.detail["why"] == "left" else "rest") if e.kind == "paused" else NEXT.get(e.kind)
        if name is not None:
            codes[max(e.decided + 1 - first, 0) :] = PHASES.index(name)
    for e in events:
        if e.kind == "transition":
            span = codes[max(e.onset - first, 0) : max(e.decided - first, 0)]
            span[span != PHASES.index("exercise")] = PHASES.index("transition")
    return codes


def _row(quantity: str, value: float, unit: str, phase: str = "exercise", exercise: str = "", side: str = "") -> Row:
    return {"exercise": exercise, "side": side, "phase": phase, "quantity": quantity, "value": value, "unit": unit}


# --- posture --------------------------------------------------------------------------------------------------------


def _posture(a: Angles, here: Bools, phase: str) -> Iterator[Row]:
    """Time and trunk inclination of one phase; only what is measured adds up."""
    yield _row("time", int(here.sum()) / FRAME_RATE, "s", phase)
    lean = _measured(a, "trunk_inclination")[here]
    curve = _measured(a, "thoracolumbar_flexion")[here]
    yield _row("inclination_not_measured", _missing(lean), "%", phase)
    yield _row("rounding_not_measured", _missing(curve), "%", phase)
    known = np.rad2deg(lean[~np.isnan(lean)])
    bins = np.searchsorted(np.array(EDGES[1:-1]), known, side="right")
    for k, name in enumerate(BINS):
        yield _row(name, int((bins == k).sum()) / FRAME_RATE if len(known) else math.nan, "s", phase)
    beyond = float(np.maximum(known - EXPOSED, 0.0).sum()) / FRAME_RATE if len(known) else math.nan
    yield _row("exposure_beyond_20", beyond, "deg s", phase)
    yield _row("largest_inclination", float(known.max()) if len(known) else math.nan, "deg", phase)


def _measured(a: Angles, name: str) -> Floats:
    """A column where it is measured, else NaN."""
    if name not in a.names:
        return np.full(len(a.index), np.nan)
    i = a.names.index(name)
    return np.where(a.source[:, i] == Source.MEASURED, a.value[:, i], np.nan)


def _missing(values: Floats) -> float:
    return 100.0 * float(np.isnan(values).mean()) if len(values) else math.nan


# --- rules ----------------------------------------------------------------------------------------------------------


def _rules(events: Sequence[Event], phases: Codes) -> list[Row]:
    """How often each rule was raised, and for how long it could not be judged though it was called for."""
    count: dict[tuple[str, str], int] = {}
    for e in events:
        if e.kind == "warning":
            key = e.detail["rule"], _phase_at(phases, e.decided)
            count[key] = count.get(key, 0) + 1
    rows = [_row(f"warnings_{rule}", n, "times", phase) for (rule, phase), n in sorted(count.items(), key=_by_rule)]
    seconds: dict[tuple[str, str], float] = {}
    for rule, begin, end, _ in unjudged(events, len(phases)):
        for code, name in enumerate(PHASES):
            frames = int((phases[begin:end] == code).sum())
            if frames:
                seconds[rule, name] = seconds.get((rule, name), 0.0) + frames / FRAME_RATE
    found = sorted(seconds.items(), key=_by_rule)
    return rows + [_row(f"not_judged_{rule}", length, "s", phase) for (rule, phase), length in found]


def _by_rule(entry: tuple[tuple[str, str], float]) -> tuple[int, str, int]:
    rule, phase = entry[0]
    return len(rule), rule, PHASES.index(phase)


def _phase_at(phases: Codes, frame: int) -> str:
    return PHASES[int(phases[min(max(frame, 0), len(phases) - 1)])] if len(phases) else "other"


class Unjudged(NamedTuple):
    """A stretch of frames in which a rule was called for and could not be judged; ``why`` as in the event."""

    rule: str
    begin: int
    end: int
    why: str


def unjudged(events: Sequence[Event], frames: int) -> Iterator[Unjudged]:
    """Every stretch in which a rule could not be judged for one reason, of a session of so many frames."""
    since: dict[str, tuple[int, str]] = {}
    for e in events:
        if e.kind in ENDS_UNJUDGED:
            over = [e.detail["rule"]] if e.kind == "judged_again" else list(since)
            yield from (_until(rule, since.pop(rule), e.decided) for rule in over if rule in since)
        elif e.kind == "not_judged":
            rule, why, now = e.detail["rule"], str(e.detail["why"]), max(e.decided, 0)
            if rule in since and since[rule][1] != why:
                yield _until(rule, since.pop(rule), now)
            since.setdefault(rule, (now, why))
    yield from (_until(rule, begun, frames) for rule, begun in since.items())


def _until(rule: str, begun: tuple[int, str], end: int) -> Unjudged:
    return Unjudged(rule, begun[0], end, begun[1])


# --- what was done --------------------------------------------------------------------------------------------------


def _done(key: tuple[str, str], part: pd.DataFrame, asked: Mapping[tuple[str, str], Sequence[int]]) -> Iterator[Row]:
    """Sets and repetitions of one exercise and side."""
    about = {"exercise": key[0], "side": key[1]}
    yield _row("sets_done", int((part["reps"] > 0).sum()), "sets", **about)
    for name, value in zip(("sets_asked_low", "sets_asked_high"), asked.get(key, ()), strict=False):
        yield _row(name, value, "sets", **about)
    for name in ("reps", "counted", "probable", "hand", "undone", "small", "holds"):
        quantity = name if name in ("reps", "holds") else f"reps_{name}"
        yield _row(quantity, int(part[name].sum()), "times", **about)
    yield _row("time_in_sets", float((part["end_s"] - part["start_s"]).sum()), "s", **about)


def _symmetry(reps: pd.DataFrame) -> Iterator[Row]:
    """100 |L - R| / mean of range and of time without holds: medians of the repetitions that count."""
    used = reps[(reps["set"] > 0) & reps["status"].isin(["counted", "probable"]) & ~reps["undone"]]
    for exercise, part in used.groupby("exercise", sort=False):
        sides = [part[part["side"] == side] for side in ("left", "right")]
        if any(side.empty for side in sides) or part["unit"].nunique() != 1:
            continue
        tempo = [side["concentric_s"] + side["eccentric_s"] for side in sides]
        for name, pair in (("range", [side["range"] for side in sides]), ("tempo", tempo)):
            left, right = (median(values.tolist()) for values in pair)
            mean = (left + right) / 2
            yield _row(f"asymmetry_{name}", 100.0 * abs(left - right) / mean if mean else math.nan, "%",
                       exercise=str(exercise))  # fmt: skip
