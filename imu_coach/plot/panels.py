"""One panel per angle: value and band by source, and hatching with the reason where there is none."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from imu_coach.conventions import FRAME_RATE
from imu_coach.core.angles import ANGLES, AngleKind
from imu_coach.plot.page import AMBER, BLUE, DPI, EMPTY, GREY, GUESSED, INK, LINE, NOTHING, PALE, SMALL, View, fit
from imu_coach.sinks import words
from imu_coach.types import Codes, Floats, Source, Why

if TYPE_CHECKING:
    from imu_coach.synthetic import Truth

STYLE = {Source.MEASURED: (BLUE, "-"), Source.ESTIMATED: (AMBER, "--")}
UP = {"flexion": "flexion +", "lateral": "right bend +", "rotation": "left turn +"}
POINTS = 2000
"""Columns of a curve: more would fall on one pixel, and show as their lowest and highest value."""
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
"""s between the ticks of the time axis."""


def panel(ax: Axes, view: View, column: int, some: bool, truth: Truth | None) -> None:
    """The panel of one column; ``some``: it has values."""
    block = view.result.block
    about = next(a for a in ANGLES if a.name == block.names[column])
    source, why = block.source[view.rows, column], block.why[view.rows, column]
    ax.set_xlim(view.t0, view.t1)
    bare(ax)
    reach = _curves(ax, view, column, source) if some else []
    if truth is not None and some and about.name in truth.angle:
        reach += _truth(ax, view, truth.t, np.rad2deg(truth.angle[about.name]))
    left_over = _unavailable(ax, view, source, why)
    if some:
        _scale(ax, reach, about)
    else:
        ax.set_yticks([])
    _label(ax, about, source, left_over)


def bare(ax: Axes) -> None:
    """The quiet frame of a panel."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(PALE)
    ax.tick_params(axis="both", labelsize=8, color=PALE, labelcolor=GREY, length=3)
    ax.tick_params(axis="x", labelbottom=False)
    ax.set_axisbelow(True)


def _curves(ax: Axes, view: View, column: int, source: Codes) -> list[float]:
    """Lines and bands, one pair per source; the values between which the panel must reach."""
    reach: list[float] = []
    value, low, high = (view.degrees(name, column) for name in ("value", "low", "high"))
    for kind, (colour, dashes) in STYLE.items():
        here = source == kind
        if not here.any():
            continue
        gid = kind.name.lower()
        t, bottom, top = thinned(view.t, *(np.where(here, x, np.nan) for x in (low, high)))
        band = ax.fill_between(t, bottom, top, where=np.isfinite(bottom).tolist(), zorder=1.5, gid=f"band-{gid}")
        band.set(**(GUESSED if kind == Source.ESTIMATED else {"facecolor": colour, "alpha": 0.2, "linewidth": 0}))
        t, bottom, top = thinned(view.t, *(np.where(here, value, np.nan),) * 2)
        line = curve(t, bottom, top)
        ax.plot(*line, color=colour, ls=dashes, lw=1.5, zorder=3, gid=f"value-{gid}", solid_joinstyle="round")
        reach += [float(np.nanmin(low[here])), float(np.nanmax(high[here]))]
    return reach


def _truth(ax: Axes, view: View, t: Floats, degrees: Floats) -> list[float]:
    here = (t >= view.t0) & (t <= view.t1)
    if not np.isfinite(degrees[here]).any():
        return []
    line = curve(*thinned(t[here], degrees[here], degrees[here]))
    ax.plot(*line, color=INK, lw=0.9, zorder=2.5, gid="truth")
    return [float(np.nanmin(degrees[here])), float(np.nanmax(degrees[here]))]


def curve(t: Floats, bottom: Floats, top: Floats) -> tuple[Floats, Floats]:
    """A curve through lowest and highest values; a jump over half a turn is a gap, not a stroke."""
    if bottom is top or np.array_equal(bottom, top, equal_nan=True):
        y = bottom.copy()
        y[1:][np.abs(np.diff(bottom)) > 180.0] = np.nan
        return t, y
    return np.repeat(t, 2), np.stack([bottom, top], axis=1).ravel()


def thinned(t: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats]:
    """At most about :data:`POINTS` points: the lowest ``low`` and highest ``high`` of each stretch."""
    step = len(t) // POINTS
    if step < 2:
        return t, low, high
    at = np.arange(0, len(t), step)
    return t[at], np.fmin.reduceat(low, at), np.fmax.reduceat(high, at)


def runs(codes: Codes) -> list[tuple[int, int, int]]:
    """``(begin, end, code)`` of stretches with one code."""
    edges = np.flatnonzero(np.diff(codes.astype(np.int64))) + 1
    begins = [0, *edges.tolist()]
    return [(a, b, int(codes[a])) for a, b in zip(begins, [*begins[1:], len(codes)], strict=True)]


def _unavailable(ax: Axes, view: View, source: Codes, why: Codes) -> list[str]:
    """Hatch what is not known, write each reason once; the reasons for which there was no room."""
    first = int(view.result.block.index[view.rows.start])
    spans = [
        ((first + a) / FRAME_RATE, (b - a) / FRAME_RATE, code)
        for a, b, code in runs(np.where(source == Source.UNAVAILABLE, why, 0).astype(np.uint8))
        if code
    ]
    if not spans:
        return []
    ax.broken_barh(
        [span[:2] for span in spans],
        (0, 1),
        transform=ax.get_xaxis_transform(),
        zorder=1,
        gid="unavailable",
        **NOTHING,
    )
    tall = round(ax.bbox.height / DPI, 3)
    left_over = []
    for code in dict.fromkeys(code for *_, code in spans):
        begin, length, _ = max((span for span in spans if span[2] == code), key=lambda span: span[1])
        reason = words.SHORT[Why(code).name.lower()]
        if not _reason(ax, reason, begin + length / 2, view.inches(length), tall):
            total = sum(span[1] for span in spans if span[2] == code)
            left_over += [reason] if total >= 0.005 * (view.t1 - view.t0) else []
    return left_over


def _reason(ax: Axes, reason: str, middle: float, wide: float, tall: float) -> bool:
    """Write a reason into a span (in), upright if it must be; whether there was room."""
    for angle, along, across in ((0, wide, tall), (90, tall, wide)):
        lines = fit(reason, along, across)
        if lines:
            ax.text(
                middle,
                0.96 if tall > EMPTY else 0.5,
                "\n".join(lines),
                transform=ax.get_xaxis_transform(),
                rotation=angle,
                ha="center",
                va="top" if tall > EMPTY else "center",
                fontsize=SMALL,
                color=GREY,
                linespacing=1.1,
                bbox={"facecolor": "#F3F4F5", "edgecolor": "none", "pad": 1.0},
                zorder=4,
                gid="reason",
            )
            return True
    return False


def _scale(ax: Axes, reach: Sequence[float], about: AngleKind) -> None:
    low, high = max(min(reach), -200.0), min(max(reach), 200.0)
    spare = max(0.0, 20.0 - (high - low)) / 2 + 0.06 * (high - low)
    ax.set_ylim(low - spare, high + spare)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 1.5, 3, 4.5, 6, 9, 10], integer=True))
    ax.grid(axis="y", color=PALE, lw=0.6)
    ax.axhline(0.0, color="#9AA1A9", lw=0.8, zorder=1.2)
    up = "up +" if about.name.endswith("elevation") else UP[about.kind]
    ax.set_ylabel(f"{up}  (deg)", fontsize=8, color=GREY, labelpad=4)


def heading(ax: Axes, name: str, told: str) -> Annotation:
    """A name above a panel, and a few words behind it, which are returned."""
    bold: dict[str, Any] = {"fontsize": 9.5, "fontweight": "bold", "color": INK}
    title = ax.annotate(name, (0, 1), (0, 5), "axes fraction", "offset points", **bold)
    return ax.annotate(told, (1, 0), (7, 0), title, "offset points", fontsize=8, color=GREY, va="bottom")


def _label(ax: Axes, about: AngleKind, source: Codes, left_over: Sequence[str]) -> None:
    """The angle's name above, how much of it there is at the right."""
    heading(ax, words.angle(about.name), f"{about.meaning}; zero: {about.zero}")
    lines = round(ax.bbox.height / DPI / LINE)
    shares = [(float((source == kind).mean()), kind) for kind in (*STYLE, Source.UNAVAILABLE)]
    texts = [
        (f"{'not measured' if kind == Source.UNAVAILABLE else kind.name.lower()} {words.percent(share)}", kind)
        for share, kind in shares
        if share > 0
    ]
    for i, (text, kind) in enumerate(texts):
        colour = STYLE[kind][0] if kind in STYLE else GREY
        ax.annotate(
            text, (1, 1), (8, -1 - 11 * i), "axes fraction", "offset points", fontsize=8, color=colour, va="top"
        )
    if left_over:
        rest = textwrap.fill(
            f"briefly: {', '.join(left_over)}", 26, max_lines=max(1, lines - len(texts)), placeholder=" ..."
        )
        below = (8, -2 - 11 * len(texts))
        ax.annotate(rest, (1, 1), below, "axes fraction", "offset points", fontsize=SMALL, color=GREY, va="top")


def times(ax: Axes, view: View) -> None:
    """Minutes and seconds below the lowest panel."""
    length = view.t1 - view.t0
    step = next((s for s in STEPS if length / s <= 12), 14400)
    ax.xaxis.set_major_locator(MultipleLocator(step))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda t, _: words.clock(max(t, 0.0))))
    ax.tick_params(axis="x", labelbottom=True)
    ax.set_xlabel("session time (min:s)", fontsize=8.5, color=GREY)
