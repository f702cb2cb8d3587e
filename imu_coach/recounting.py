"""Repetitions of the ``offline`` result: every set counted again, whole, from the channel that the coach looked at.

Holds, and what a person added or took back by hand, stay as they are.  Sets that were counted by their dominant motion
or by full turns stay as counted.  Of each repetition it is also told whether its curve is unlike that of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from imu_coach.conventions import FRAME_RATE
from imu_coach.core.book import Book
from imu_coach.core.recount import odd, recount
from imu_coach.core.rep import Rep
from imu_coach.core.seen import FARTHEST, spec_of
from imu_coach.exercise import Item, Motion, Plan
from imu_coach.types import Event, Floats, Update

WHOLE = ("circle", "auto")
"""Channels whose trace alone does not tell the repetitions."""
LIFTED = 0.5
"""s around a hold within which it belongs to a repetition."""
ENOUGH = 5
"""Counted repetitions of a set that tell what is usual in it."""
SEEN = 0.9
"""Of a repetition's frames: with fewer, what bridges the gap would be compared."""


def recounted(update: Update, plan: Plan | None) -> Update:
    """The update of a whole recording with its sets counted again."""
    if plan is None or not len(update.angles.index):
        return update
    events = list(update.events)
    for begin in [e for e in events if e.kind == "set_begin"]:
        end = next((e for e in events if e.kind == "set_end" and e.decided > begin.decided), None)
        item = _item(plan, begin)
        if end is None or item is None or begin.detail["channel"] in ("", *WHOLE):
            continue
        events = _again(events, begin, end, item, update.trace, int(update.angles.index[0]))
    return replace(update, events=tuple(sorted(events, key=lambda e: e.decided)))


def _item(plan: Plan, begin: Event) -> Item | None:
    asked = begin.detail["exercise"], begin.detail["side"]
    return next((item for item in plan.items if (item.exercise.id, item.side) == asked), None)


def _again(events: Sequence[Event], begin: Event, end: Event, item: Item, trace: Floats, first: int) -> list[Event]:
    """The events with those of one set's repetitions exchanged."""
    a, b = begin.decided + 1 - first, end.decided + 1 - first
    motion = _motion(item, begin)
    value = trace[a:b]
    limit = FARTHEST * motion.expected
    found = [r for r in recount(value, spec_of(item.exercise, motion, item.hold), a + first)
             if abs(r.peak - r.baseline) <= limit]  # fmt: skip
    inside = [e for e in events if begin.decided < e.decided <= end.decided]
    counted = [e for e in inside if e.kind in ("rep", "small_rep") and e.detail.get("status") != "hand"]
    hand = [e for e in inside if e.kind == "rep" and e.detail["status"] == "hand"]
    book = Book(item, motion, int(begin.detail["set"]), begin.decided + 1)
    about = {key: begin.detail[key] for key in ("exercise", "side", "set")}
    told: list[Event] = []
    for rep, unlike in zip(found, odd_shapes(value, found, a + first), strict=True):
        book.held = sum(
            float(e.detail["seconds"]) for e in inside if e.kind == "hold_end" and _within(e, rep.onset, rep.end)
        )
        entry = book.hear(rep)[0]
        detail = about | dict(entry.detail) | {"odd_shape": unlike}
        told.append(Event(min(entry.decided, end.decided), entry.onset, entry.kind, "", detail))
    undone = [str(e.detail["status"]) for e in inside if e.kind == "undone"]
    status = [str(e.detail["status"]) for e in told if e.kind == "rep"]
    told_as = {name: status.count(name) for name in ("counted", "probable")} | {"hand": len(hand)}
    left = {name: max(0, n - undone.count(name)) for name, n in told_as.items()}
    came_to = {"reps": sum(left.values()), **left, "small": len(told) - len(status)}
    kept = [e for e in events if e is not end and not any(e is one for one in counted)]
    return sorted([*kept, *told, end._replace(detail=dict(end.detail) | came_to)], key=lambda e: e.decided)


def odd_shapes(value: Floats, reps: Sequence[Rep], first_frame: int) -> list[bool | None]:
    """Whether each repetition's curve, size included, is unlike the usual one of its set; None where that is not told.

    It is not told of a small repetition, of one with over a tenth of its frames not sensed, and in a set with fewer
    than five counted ones.

    Parameters
    ----------
    value : (n,) the channel during the set, rad (m), NaN where it is not sensed
    reps : of that set
    first_frame : frame of ``value[0]``
    """
    if sum(rep.status == "counted" for rep in reps) < ENOUGH:
        return [None] * len(reps)
    whole = [
        rep.status == "counted"
        and float(np.isfinite(value[rep.onset - first_frame : rep.end - first_frame + 1]).mean()) >= SEEN
        for rep in reps
    ]
    return [unlike if told else None for unlike, told in zip(odd(value, reps, first_frame), whole, strict=True)]


def _within(hold: Event, onset: int, end: int) -> bool:
    slack = round(LIFTED * FRAME_RATE)
    return onset - slack <= hold.onset <= end + slack


def _motion(item: Item, begin: Event) -> Motion:
    """How the set was seen: one of the exercise's ways, or a tilt."""
    channel = begin.detail["channel"]
    ways = item.exercise.motions
    motion = next((m for m in ways if m.channel == channel), ways[0])
    return motion._replace(channel=str(channel), probable=bool(begin.detail["probable"]))
