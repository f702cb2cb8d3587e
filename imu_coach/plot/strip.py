"""The strip above the panels: what the person was doing, and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from imu_coach.conventions import FRAME_RATE
from imu_coach.plot.page import GREY, INK, RED, View, fit, printable
from imu_coach.sinks import words
from imu_coach.types import Event

POSTURE, LANE = 0.3, 0.19
"""in; heights of the row of postures and of a row of events."""
LANES = 3


class Context(NamedTuple):
    """What the person is doing from ``t`` s on: a posture or None, and whether within a set."""

    t: float
    posture: str | None
    in_set: bool


MARKS = {
    "calibrated": ("v", INK, INK),
    "calibration_failed": ("v", "white", INK),
    "slipped": ("X", RED, RED),
    "sensor_lost": ("o", "white", INK),
    "marked": ("d", INK, INK),
}


def context_bars(strip: Axes, view: View, contexts: Sequence[Context]) -> None:
    """Postures as bars, darker within a set."""
    strip.set_xlim(view.t0, view.t1)
    ends = [*(c.t for c in contexts[1:]), view.t1][: len(contexts)]
    for context, end in zip(contexts, ends, strict=True):
        begin, end = max(context.t, view.t0), min(end, view.t1)
        if context.posture is None or begin >= end:
            continue
        moving = context.posture == "transition"
        colour = "#F0F2F4" if moving else "#8FA9C4" if context.in_set else "#D5DFE9"
        strip.broken_barh([(begin, end - begin)], (0.01, 0.21), facecolor=colour, edgecolor="white", lw=1.0)
        for text in (f"{context.posture}, set", context.posture) if context.in_set else (context.posture,):
            if fit(text, view.inches(end - begin) - 0.02, 0.2):
                middle = (begin + end) / 2
                strip.text(middle, 0.11, text, ha="center", va="center", fontsize=7.5, color=GREY if moving else INK)
                break
    if contexts:
        _aside(strip, 0.11, "posture; darker: in a set")


def _aside(strip: Axes, y: float, text: str) -> None:
    at = (1, y / strip.get_ylim()[1])
    strip.annotate(text, at, (8, 0), "axes fraction", "offset points", fontsize=7.5, color=GREY, va="center")


def marks_of(view: View) -> list[tuple[Event, str, int]]:
    """Events worth a mark, with a label and a lane where it does not run into another; "" where no lane is free."""
    free = [-np.inf] * LANES
    marks = []
    for e in view.result.events:
        t = e.decided / FRAME_RATE
        quiet = e.kind not in MARKS or (e.kind == "calibrated" and e.detail.get("pose") == "table_still")
        if quiet or not view.t0 <= t < view.t1:
            continue
        text, at = printable(words.short_event(e)), view.inches(t - view.t0)
        lane = next((k for k, until in enumerate(free) if at >= until), None)
        marks.append((e, "" if lane is None else text, lane or 0))
        if lane is not None:
            free[lane] = at + 0.22 + 0.064 * len(text)
    return marks


def event_marks(
    strip: Axes, panels: Sequence[Axes], view: View, marks: Sequence[tuple[Event, str, int]], bottom: float
) -> None:
    """Events above the postures."""
    for e, text, lane in marks:
        t, y = e.decided / FRAME_RATE, bottom + LANE * (lane + 0.4)
        marker, face, edge = MARKS[e.kind]
        style: dict[str, Any] = {"ls": "", "ms": 5.5, "color": edge, "mfc": face, "clip_on": False}
        strip.plot([t], [y], marker=marker, gid=f"event-{e.kind}", **style)
        if e.kind in ("slipped", "calibrated"):
            _through(panels, t, e)
        plain: dict[str, Any] = {"fontsize": 7.5, "color": edge, "va": "center", "parse_math": False}
        strip.annotate(text, (t, y), (6, 0), "data", "offset points", **plain)
    if marks:
        _aside(strip, bottom + 0.4 * LANE, "events")


def _through(panels: Sequence[Axes], t: float, e: Event) -> None:
    """A line through all panels."""
    colour, width = (RED, 1.1) if e.kind == "slipped" else ("#9AA1A9", 0.7)
    for ax in panels:
        ax.axvline(t, color=colour, lw=width, ls=(0, (2, 2)), zorder=2)
