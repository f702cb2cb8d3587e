"""The panel of what was done: the curve that repetitions are counted by, with repetitions and holds on it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from imu_coach import results
from imu_coach.conventions import FRAME_RATE
from imu_coach.plot.page import (
    AMBER,
    BLUE,
    GREY,
    INK,
    LETTER,
    NOTHING,
    PALE,
    PURPLE,
    SMALL,
    View,
    fit,
    printable,
    shortened,
)
from imu_coach.plot.panels import bare, curve, heading, runs, thinned
from imu_coach.results import BEGINS, OVER
from imu_coach.sinks import words
from imu_coach.types import Event, Floats

TALL = 1.75
"""in; of this panel."""
CURVE = 0.66
"""Of its height, for the curves; set and exercise are named above."""
NAMES = (0.83, 0.955)
"""Of its height: where sets and exercises are named."""
BRIEF = 0.05
"""s; a shorter stretch without a value is not hatched."""
STEPS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
"""deg or cm that a scale bar stands for."""

NO_CURVE = {"": "by hand only", "auto": "not learned yet, or no value", "circle": "no full turn yet, or no value"}
"""Why there is no curve, by channel."""

STATUS: dict[str, tuple[str, str, str, str]] = {
    "counted": (BLUE, "-", BLUE, "\u25bc"),
    "probable": (AMBER, "--", "white", "\u25bd"),
    "small": (GREY, "-", "white", "\u25bd"),
}
"""Colour, line, inside of the mark at the top, and that mark as a letter; as measured and estimated angles look."""


class Stretch(NamedTuple):
    """A set or the practice before it: s from ``begin`` to ``end``, and the channel that it is counted by."""

    begin: float
    end: float
    exercise: str
    side: str
    number: int
    channel: str
    probable: bool


def stretches(events: Sequence[Event], last: float) -> list[Stretch]:
    """Of a session; what never ended ends at ``last`` s."""
    found: list[Stretch] = []
    begun: Event | None = None
    for e in events:
        if begun is not None and (e.kind in OVER or e.kind in BEGINS):
            found.append(_stretch(begun, e.decided / FRAME_RATE))
            begun = None
        if e.kind in BEGINS:
            begun = e
    return found if begun is None else [*found, _stretch(begun, last)]


def _stretch(e: Event, end: float) -> Stretch:
    d = e.detail
    about = str(d["exercise"]), str(d["side"] or ""), int(d["set"] or 0), str(d["channel"] or ""), bool(d["probable"])
    return Stretch(max(e.decided + 1, 0) / FRAME_RATE, end, *about)


def sets_in(view: View) -> list[Stretch]:
    """Sets and practice of which something is in view."""
    every = stretches(view.result.events, float(view.result.block.index[-1] + 1) / FRAME_RATE)
    return [one for one in every if one.begin < view.t1 and one.end > view.t0]


def done_panel(ax: Axes, view: View) -> None:
    """Every set that is in view."""
    ax.set_xlim(view.t0, view.t1)
    ax.set_ylim(0.0, 1.0)
    bare(ax)
    ax.set_yticks([])
    events, sets = view.result.events, sets_in(view)
    reps, holds = (_in_view(table, view) for table in (results.reps(events), results.holds(events)))
    channels = dict.fromkeys(words.angle(s.channel) for s in sets if s.channel)
    told = f"{', '.join(channels)}; each exercise to its own scale" if channels else "no set in this span"
    heading(ax, "repetitions", told)
    for group in _groups(sets):
        scale = _scale(view, group)
        _named(ax, view, group)
        _ruled(ax, view, group, scale)
        for one in group:
            _trace(ax, view, one, scale, reps)
            _held(ax, view, one, scale, holds)
            _unseen(ax, view, one)
    _counts(ax, reps, holds)


def _in_view(table: pd.DataFrame, view: View) -> pd.DataFrame:
    begin = table["onset_s" if "onset_s" in table else "start_s"]
    end = table["end_s"].fillna(begin)
    return table[(begin < view.t1) & (end >= view.t0)]


def _groups(sets: Iterable[Stretch]) -> list[list[Stretch]]:
    """Sets of one exercise and side that follow each other and are seen by the same channel."""
    groups: list[list[Stretch]] = []
    for one in sets:
        same = bool(groups) and all(
            getattr(groups[-1][-1], name) == getattr(one, name) for name in ("exercise", "side", "channel")
        )
        if same:
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


# --- the curve ------------------------------------------------------------------------------------------------------


class Scale(NamedTuple):
    """From rad (m) to the panel: ``low`` is at its bottom, ``high`` at the top of the curves."""

    low: float
    high: float
    metres: bool

    def place(self, value: Floats) -> Floats:
        """(n,) of the height of the panel."""
        return np.asarray(0.05 + (CURVE - 0.05) * (value - self.low) / (self.high - self.low))


def _frames(view: View, begin: float, end: float) -> slice:
    """Rows of the result between two moments, as far as they are in view."""
    first = int(view.result.block.index[0])
    a, b = (round(max(min(t, view.t1), view.t0) * FRAME_RATE) - first for t in (begin, end))
    return slice(a, b)


def _scale(view: View, group: Sequence[Stretch]) -> Scale:
    values = np.concatenate([view.result.trace[_frames(view, s.begin, s.end)] for s in group])
    known = values[np.isfinite(values)]
    metres = group[0].channel == "wrist_vertical"
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    least = 0.05 if metres else float(np.deg2rad(5.0))
    return Scale(low, max(high, low + least), metres)


def _trace(ax: Axes, view: View, one: Stretch, scale: Scale, reps: pd.DataFrame) -> None:
    """The curve in grey, and the set's repetitions on it."""
    rows = _frames(view, one.begin, one.end)
    t, y = view.result.block.index[rows] / FRAME_RATE, scale.place(view.result.trace[rows])
    if np.isfinite(y).any():
        ax.plot(*curve(*thinned(t, y, y)), color=GREY, lw=0.8, zorder=2.6, gid="trace")
    mine = reps[reps["told_s"].between(one.begin - 0.02, one.end)]
    for row in mine.to_dict("records"):
        if row["status"] == "hand":
            ax.plot([row["onset_s"]], [0.05], ls="", marker="P", ms=5, color=INK, zorder=4, gid="by-hand")
        elif len(t):
            _rep(ax, view, row, t, y)


def _rep(ax: Axes, view: View, row: Mapping[Hashable, Any], t: Floats, y: Floats) -> None:
    """One repetition in the colour of its status, with its beginning, top and end; also where there is no curve."""
    colour, dashes, inside, _ = STATUS[row["status"]]
    style: dict[str, Any] = {"color": colour, "zorder": 3}
    part = (t >= row["onset_s"]) & (t <= row["end_s"])
    if np.isfinite(y[part]).any():
        width = 0.9 if row["status"] == "small" else 1.5
        ax.plot(*curve(*thinned(t[part], y[part], y[part])), ls=dashes, lw=width, gid=f"rep-{row['status']}", **style)
    ends = [at for at in (row["onset_s"], row["end_s"]) if view.t0 <= at < view.t1]
    ax.plot(ends, [_height(t, y, at, 0.05) for at in ends], ls="", marker="|", ms=5, mew=1.0, gid="rep-ends", **style)
    top = 0.5 * (row["top_s"] + row["release_s"])
    if view.t0 <= top < view.t1:
        where = _height(t, y, top, CURVE) + 0.055
        mark: dict[str, Any] = {"marker": "v", "ms": 4.2, "mfc": inside, "mew": 0.8, "gid": f"top-{row['status']}"}
        ax.plot([top], [where], ls="", **mark, **style)
        if row["undone"]:
            ax.plot([top], [where], ls="", marker="x", ms=7, mew=1.2, color=INK, zorder=4, gid="undone")


def _height(t: Floats, y: Floats, at: float, otherwise: float) -> float:
    """Of the curve at a moment; ``otherwise`` where it has none."""
    found = float(np.interp(at, t, y))
    return found if np.isfinite(found) else otherwise


def _held(ax: Axes, view: View, one: Stretch, scale: Scale, holds: pd.DataFrame) -> None:
    """Holds as a broad line below the curve, with the seconds held where there is room."""
    for row in holds[holds["start_s"].between(one.begin, one.end)].to_dict("records"):
        rows = _frames(view, float(row["start_s"]), float(row["end_s"]))
        y = scale.place(view.result.trace[rows])
        if not np.isfinite(y).any():
            continue
        t = view.result.block.index[rows] / FRAME_RATE
        ax.plot(t, y, color=PURPLE, lw=5.0, alpha=0.45, zorder=2.4, solid_capstyle="butt", gid="hold")
        text, wide = f"{row['held_s']:.1f} s", view.inches(float(t[-1] - t[0]))
        if fit(text, wide + 0.1, 0.2):
            at = float(t.mean()), float(np.nanmin(y))
            ax.annotate(text, at, (0, -5), "data", "offset points", ha="center", va="top", fontsize=SMALL,
                        color=PURPLE, gid="held")  # fmt: skip


def _unseen(ax: Axes, view: View, one: Stretch) -> None:
    """Hatch what of a set was not seen, and say why as far as it is known."""
    rows = _frames(view, one.begin, one.end)
    t = view.result.block.index[rows] / FRAME_RATE
    gaps = [(a, b) for a, b, code in runs(np.isnan(view.result.trace[rows]).astype(np.uint8)) if code and len(t)]
    spans = [(float(t[a]), (b - a) / FRAME_RATE) for a, b in gaps if b - a > BRIEF * FRAME_RATE]
    if not spans:
        return
    ax.broken_barh(spans, (0, CURVE + 0.08), zorder=1, gid="unavailable", **NOTHING)
    begin, length = max(spans, key=lambda span: span[1])
    reason = "paused" if _paused(view, begin, length) else NO_CURVE.get(one.channel, "no value")
    lines = fit(reason, view.inches(length), 0.3)
    if lines:
        ax.text(begin + length / 2, 0.5 * CURVE, "\n".join(lines), ha="center", va="center", fontsize=SMALL, color=GREY,
                bbox={"facecolor": "#F3F4F5", "edgecolor": "none", "pad": 1.0}, zorder=4, gid="reason")  # fmt: skip


def _paused(view: View, begin: float, length: float) -> bool:
    """Whether a pause was told in this span."""
    told = (e.decided / FRAME_RATE for e in view.result.events if e.kind == "paused")
    return any(begin - 1.0 <= t <= begin + length for t in told)


# --- names, scale and key -------------------------------------------------------------------------------------------


def _named(ax: Axes, view: View, group: Sequence[Stretch]) -> None:
    """The exercise above its sets, each set with what it came to."""
    ends = {round(e.onset / FRAME_RATE): e.detail for e in view.result.events if e.kind == "set_end"}
    titles = {} if view.result.setup.plan is None else {
        item.exercise.id: item.exercise.title for item in view.result.setup.plan.items
    }  # fmt: skip
    side = f", {group[0].side}" if group[0].side else ""
    _between(ax, view, group[0].begin, group[-1].end, 1, [f"{titles.get(group[0].exercise, group[0].exercise)}{side}"])
    for one in group:
        a, b = max(one.begin, view.t0), min(one.end, view.t1)
        ax.broken_barh([(a, b - a)], (0, NAMES[0] + 0.06), facecolor="#F7F9FB", edgecolor="none", zorder=0.5)
        name = f"set {one.number}" if one.number else "practice"
        detail = next((d for t, d in ends.items() if abs(t - one.begin) < 2.0 and d.get("set") == one.number), None)
        texts = [name, str(one.number) if one.number else ""]
        if detail is not None:
            came = f"{name}: {detail['reps']}"
            small = f" + {detail['small']} small" if detail["small"] else ""
            texts = [came + small, came, f"{one.number}: {detail['reps']}", *texts]
        _between(ax, view, one.begin, one.end, 0, texts)


def _between(ax: Axes, view: View, begin: float, end: float, row: int, texts: Sequence[str]) -> None:
    """The first of some texts that fits between two moments; the last of all resorts is none."""
    a, b = max(begin, view.t0), min(end, view.t1)
    text = next((t for t in texts if len(fit(t, view.inches(b - a) + 0.06, 0.2)) == 1), "")
    colour = INK if row else GREY
    if row and not text and texts:
        text = shortened(texts[0], max(2, int(view.inches(b - a) / LETTER)))
    plain: dict[str, Any] = {"fontsize": 7.5, "color": colour, "parse_math": False, "gid": "exercise" if row else "set"}
    ax.text((a + b) / 2, NAMES[row], printable(text), ha="center", va="center", **plain)
    if row:
        ax.plot([a, b], [NAMES[row] - 0.06] * 2, color=PALE, lw=1.0, zorder=1, gid="brace", solid_capstyle="butt")


def _ruled(ax: Axes, view: View, group: Sequence[Stretch], scale: Scale) -> None:
    """A bar that says how large the movement is."""
    unit, times = (" cm", 100.0) if scale.metres else ("\u00b0", float(np.rad2deg(1.0)))
    span = (scale.high - scale.low) * times
    size = max((s for s in STEPS if s <= 0.8 * span), default=STEPS[0])
    bottom, top = scale.place(np.array([scale.low, scale.low + size / times])).tolist()
    x = max(group[0].begin, view.t0) - 0.05 * (view.t1 - view.t0) / view.inches(view.t1 - view.t0)
    ax.plot([x, x], [bottom, top], color=INK, lw=1.4, clip_on=False, zorder=4, gid="ruler", solid_capstyle="butt")
    ax.annotate(f"{size:g}{unit}", (x, top), (3, 2), "data", "offset points", fontsize=SMALL, color=INK, ha="right",
                va="bottom", gid="ruler", annotation_clip=False)  # fmt: skip


def _counts(ax: Axes, reps: pd.DataFrame, holds: pd.DataFrame) -> None:
    """The key, at the right: how many of each kind are in view."""
    counts = reps["status"].value_counts()
    there = {name: style for name, style in STATUS.items() if name in counts}
    told = [(f"{mark} {name} {counts[name]}", colour) for name, (colour, _, _, mark) in there.items()]
    told += [(f"\u271a by hand {counts['hand']}", INK)] if "hand" in counts else []
    told += [(f"\u2715 taken back {int(reps['undone'].sum())}", INK)] if reps["undone"].any() else []
    told += [(f"\u25ac hold {len(holds)}", PURPLE)] if len(holds) else []
    told += [("| begins and ends", GREY)] if len(reps) else [("no repetition", GREY)]
    for i, (text, colour) in enumerate(told):
        at = (8, -1 - 11 * i)
        ax.annotate(text, (1, 1), at, "axes fraction", "offset points", fontsize=8, color=colour, va="top")
