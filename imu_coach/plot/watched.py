"""The panel of what was watched: when each rule was raised, said aloud or not, and when it could not be judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from imu_coach import results
from imu_coach.conventions import FRAME_RATE
from imu_coach.plot.page import GREY, INK, NOTHING, ORANGE, PALE, RED, SKY, SMALL, View, fit, printable, shortened
from imu_coach.plot.panels import bare, heading
from imu_coach.results import Unjudged, unjudged
from imu_coach.sinks import words

ROW = 0.21
"""in; height of a rule."""
SEVERITY = {"cue": (SKY, 0.3), "amber": (ORANGE, 0.5), "red": (RED, 0.8)}
"""Colour, and share of the row: colour is never alone."""
SHORT = words.SHORT | {
    "estimated": "only estimated",
    "resting": "just changed",
    "no_neutral": "no neutral yet",
    "no_set_start": "start not measured",
    "not_measurable": "not measurable",
}
"""A few words for each reason of :data:`imu_coach.core.quantities.REASON_TEXT`."""
BESIDE = 27
"""Letters that there is room for at the right."""
NARROW = 0.035
"""in; a warning is drawn at least as wide."""


def rules_in(view: View) -> list[str]:
    """Rules that were raised or could not be judged in this span, by their number."""
    raised = set(_in_view(view)["rule"])
    return sorted(raised | {one.rule for one in _unjudged(view)}, key=lambda rule: (len(rule), rule))


def _in_view(view: View) -> pd.DataFrame:
    table = results.warnings(view.result.events)
    return table[(table["onset_s"] < view.t1) & (table["cleared_s"].fillna(view.t1) > view.t0)]


def _unjudged(view: View) -> list[Unjudged]:
    last = int(view.result.block.index[-1]) + 1
    a, b = view.t0 * FRAME_RATE, view.t1 * FRAME_RATE
    return [one for one in unjudged(view.result.events, last) if one.begin < b and one.end > a]


def watched_panel(ax: Axes, view: View, rules: Sequence[str]) -> None:
    """One row per rule; of none, a line that says so."""
    ax.set_xlim(view.t0, view.t1)
    ax.set_ylim(max(len(rules), 1) - 0.5, -0.5)
    bare(ax)
    ax.set_yticks(range(len(rules)), rules, color=INK)
    ax.tick_params(axis="y", length=0)
    about = heading(ax, "warnings", "none was raised in this span; every rule that was called for could be judged")
    if not rules:
        return
    about.set_text("engineering defaults, or a clinician's limits")
    _key(ax, about)
    table, gaps = _in_view(view), _unjudged(view)
    titles = {str(e.detail["rule"]): str(e.detail["title"]) for e in view.result.events if "title" in e.detail
              and "rule" in e.detail}  # fmt: skip
    for k, rule in enumerate(rules):
        ax.axhline(k + 0.5, color=PALE, lw=0.5, zorder=0.5)
        _row(ax, view, k, table[table["rule"] == rule], [one for one in gaps if one.rule == rule])
        n = int((table["rule"] == rule).sum())
        title = titles.get(rule, rule).lower()
        told = f"{title}: {n or 'not judged'}"
        told = shortened(printable(told if len(told) <= BESIDE else title), BESIDE)
        ax.annotate(told, (1, k), (8, 0), ax.get_yaxis_transform(), "offset points", fontsize=SMALL, color=INK,
                    va="center", annotation_clip=False, parse_math=False)  # fmt: skip


def _row(ax: Axes, view: View, k: int, raised: pd.DataFrame, gaps: Sequence[Unjudged]) -> None:
    """Hatched where a rule could not be judged, a bar where it was raised, a dot where that was said."""
    spans = [(one.begin / FRAME_RATE, (one.end - one.begin) / FRAME_RATE) for one in gaps]
    if spans:
        ax.broken_barh(spans, (k - 0.42, 0.84), zorder=1, gid="unavailable", **NOTHING)
    for one, (begin, length) in zip(gaps, spans, strict=True):
        a, b = max(begin, view.t0), min(begin + length, view.t1)
        reason = SHORT.get(one.why, one.why)
        for text in (f"not judged: {reason}", reason, "not judged"):
            if len(fit(text, view.inches(b - a), ROW)) == 1:
                box = {"facecolor": "#F3F4F5", "edgecolor": "none", "pad": 0.6}
                ax.text((a + b) / 2, k, words.clean(text), ha="center", va="center", fontsize=6.5, color=GREY, bbox=box,
                        zorder=2, gid="reason")  # fmt: skip
                break
    least = NARROW * (view.t1 - view.t0) / view.inches(view.t1 - view.t0)
    for row in raised.to_dict("records"):
        colour, high = SEVERITY[str(row["severity"])]
        begin = float(row["onset_s"])
        end = view.t1 if pd.isna(row["cleared_s"]) else float(row["cleared_s"])
        bar = [(begin, max(end - begin, least))]
        gid = f"raised-{row['severity']}"
        ax.broken_barh(bar, (k - high / 2, high), facecolor=colour, edgecolor="none", zorder=3, gid=gid)
        if row["spoken"]:
            ax.plot([float(row["told_s"])], [k], ls="", marker="o", ms=4, color=INK, zorder=4, gid="aloud")


def _key(ax: Axes, about: Any) -> None:
    """Severities and signs, behind the heading."""
    entries = [("\u25a0", colour, name) for name, (colour, _) in SEVERITY.items()]
    entries += [("\u25cf", INK, "said aloud, the others only logged"), ("\u25a8", GREY, "not judged")]
    last = about
    for mark, colour, text in entries:
        sign = ax.annotate(mark, (1, 0), (9, 0), last, "offset points", fontsize=8, color=colour, va="bottom")
        last = ax.annotate(text, (1, 0), (3, 0), sign, "offset points", fontsize=8, color=GREY, va="bottom")
