"""The page a plot is drawn on: sizes, colours, the part of a result that is shown, head and key, and small type."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from imu_coach.conventions import FRAME_RATE
from imu_coach.run import Result
from imu_coach.sinks import words
from imu_coach.types import Floats

FOOTER = f"80 % bands from simulated people. {words.NOTICE}"

BLUE, AMBER, RED, INK, GREY, PALE = "#0072B2", "#C2790A", "#B5401B", "#1B1F24", "#5F6770", "#D9DDE1"
PURPLE, SKY, ORANGE = "#A9538A", "#56B4E9", "#E69F00"
"""Holds, and warnings that are a cue or amber (red ones are :data:`RED`)."""
NOTHING: dict[str, Any] = {"facecolor": "#F3F4F5", "edgecolor": "#C9CED3", "hatch": "////", "linewidth": 0}
"""How a span without a value looks."""
GUESSED: dict[str, Any] = {"facecolor": "#FBF4E9", "edgecolor": "#E4BE8A", "hatch": "\\\\\\", "linewidth": 0}
"""How the band of an estimate looks."""

DPI = 130
WIDTH, LEFT, RIGHT = 12.0, 0.85, 1.75
HEAD, FOOT, GAP = 1.0, 0.66, 0.34
FULL, EMPTY = 1.2, 0.3
"""in; the sizes of the figure's parts, and the heights of a panel with values and of one without any."""
SMALL = 7.0
"""pt; reasons and other small type."""
LETTER, LINE = 0.0595, 0.115
"""in; width of a letter and distance of lines in small type."""


@dataclass(frozen=True)
class View:
    """What is drawn: rows of the block, from ``t0`` to ``t1`` s, for these columns."""

    result: Result
    rows: slice
    t0: float
    t1: float
    columns: tuple[int, ...]

    @property
    def t(self) -> Floats:
        """(n,) s, of the frames shown."""
        return self.result.block.index[self.rows] / FRAME_RATE

    def inches(self, seconds: float) -> float:
        """Width of a length of time on the page."""
        return seconds / (self.t1 - self.t0) * (WIDTH - LEFT - RIGHT)

    def degrees(self, name: str, column: int) -> Floats:
        """(n,) deg: value, low or high of an angle."""
        values: Floats = np.rad2deg(getattr(self.result.block, name)[self.rows, column])
        return values


def frame(heights: Sequence[float], strip_height: float) -> tuple[Figure, Axes, list[Axes]]:
    """An empty figure: the strip and the panels, measured in inches from the top."""
    total = HEAD + strip_height + sum(heights) + GAP * len(heights) + FOOT
    fig = Figure(figsize=(WIDTH, total), dpi=DPI, facecolor="white")
    left, width = LEFT / WIDTH, (WIDTH - LEFT - RIGHT) / WIDTH
    top = total - HEAD - strip_height
    strip = fig.add_axes((left, top / total, width, max(strip_height, 0.01) / total))
    strip.set_ylim(0, max(strip_height, 0.01))
    strip.set_axis_off()
    panels: list[Axes] = []
    for height in heights:
        top -= GAP + height
        panels.append(fig.add_axes((left, top / total, width, height / total), sharex=panels[0] if panels else strip))
    return fig, strip, panels


def head(fig: Figure, view: View, title: str) -> None:
    """Title, what it is and the badge; and the footer."""
    high = fig.get_figheight()
    left, right = LEFT / WIDTH, 1 - 0.3 / WIDTH
    r = view.result
    made = f"{r.header.started}  " if r.header.started else ""
    span = f"{words.clock(view.t0)} to {words.clock(view.t1)}"
    told = f"{made}{r.setup.layout.title}  |  {r.name} result  |  filter {r.setup.filter}  |  {span}"
    plain: dict[str, Any] = {"parse_math": False}
    fig.text(
        left,
        1 - 0.22 / high,
        shortened(printable(title), 70),
        fontsize=14,
        fontweight="bold",
        color=INK,
        va="top",
        **plain,
    )
    fig.text(left, 1 - 0.5 / high, shortened(printable(told), 130), fontsize=9, color=GREY, va="top", **plain)
    if r.header.synthetic:
        badge = {"boxstyle": "round,pad=0.35", "facecolor": "#F0E442", "edgecolor": INK, "linewidth": 0.8}
        fig.text(
            right,
            1 - 0.2 / high,
            "SYNTHETIC",
            fontsize=11,
            fontweight="bold",
            color=INK,
            va="top",
            ha="right",
            bbox=badge,
        )
    fig.text(left, 0.14 / high, FOOTER, fontsize=8, color=GREY)


def keys(fig: Figure, panels: Sequence[Axes]) -> None:
    """The key, of what is there."""
    keys: dict[str, Any] = {
        "value-measured": Line2D([], [], color=BLUE, lw=1.6, label="measured"),
        "band-measured": Patch(facecolor="#CCE3F0", label="80 % band, measured"),
        "value-estimated": Line2D([], [], color=AMBER, lw=1.6, ls="--", label="estimated"),
        "band-estimated": Patch(**GUESSED, label="80 % band, estimated"),
        "unavailable": Patch(**NOTHING, label="not measured, with the reason"),
        "truth": Line2D([], [], color=INK, lw=0.9, label="truth (simulated)"),
    }
    there = {artist.get_gid() for ax in panels for artist in (*ax.lines, *ax.collections)}
    place = LEFT / WIDTH - 0.006, 1 - 0.82 / fig.get_figheight()
    fig.legend(
        handles=[key for gid, key in keys.items() if gid in there],
        loc="center left",
        bbox_to_anchor=place,
        ncols=len(keys),
        fontsize=8,
        frameon=False,
        labelcolor=GREY,
    )


def fit(text: str, along: float, across: float) -> list[str]:
    """Text wrapped into a box (in); nothing if it does not fit."""
    room, lines = int((along - 0.06) / LETTER), int((across - 0.02) / LINE)
    if room < 1 or lines < 1:
        return []
    wrapped = textwrap.wrap(text, room, break_long_words=False)
    return wrapped if len(wrapped) <= lines and max(map(len, wrapped)) <= room else []


def shortened(text: str, most: int) -> str:
    """At most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def printable(text: str) -> str:
    """One line of characters that the font has: anything else would be drawn as a box, with a warning."""
    font = get_font(findfont("DejaVu Sans"))
    return "".join(c if font.get_char_index(ord(c)) else "?" for c in words.clean(text))
