"""A recording as a picture: angles, 80 % bands, and where nothing is known, with the reason; and what was done.

Measured is solid, estimated is dashed with a hatched band, unavailable is hatched grey.  Colours are told apart by
colour-blind people (Okabe and Ito), and never alone: line style, hatching, height or a mark say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from imu_coach.conventions import FRAME_RATE
from imu_coach.errors import ConfigError, ExportError
from imu_coach.export import replacing
from imu_coach.plot.done import TALL, done_panel, sets_in
from imu_coach.plot.page import EMPTY, FULL, View, frame, head, keys
from imu_coach.plot.panels import panel, times
from imu_coach.plot.strip import LANE, POSTURE, Context, context_bars, event_marks, marks_of
from imu_coach.plot.watched import ROW, rules_in, watched_panel
from imu_coach.run import Result
from imu_coach.sinks import words
from imu_coach.types import Source

if TYPE_CHECKING:
    from imu_coach.synthetic import Truth

__all__ = ["ENDINGS", "Context", "plot", "save"]

ENDINGS = (".png", ".svg", ".pdf")


def plot(
    result: Result,
    path: str | Path | None = None,
    *,
    angles: Sequence[str] | None = None,
    start: float | None = None,
    end: float | None = None,
    truth: Truth | str | Path | None = None,
    contexts: Sequence[Context] = (),
    title: str | None = None,
) -> Figure:
    """Stacked panels that share the session time: with a plan, repetitions and warnings; then one per angle.

    Parameters
    ----------
    path : a .png, .svg or .pdf file to write, replaced if it exists; None: only the figure
    angles : names, in order; None: all of the layout
    start, end : s; the whole session when None
    truth : of a simulated session, drawn beside
    contexts : what the person was doing, for the strip on top
    title : None: what the recording says of its source

    Raises
    ------
    ConfigError : an unknown angle, or nothing to draw in that span
    ExportError : another kind of file
    """
    if path is not None and Path(path).suffix.lower() not in ENDINGS:
        raise ExportError(str(path), f"the ending says the format; use one of {', '.join(ENDINGS)}")
    view = view_of(result, angles, start, end)
    true = _read_truth(truth) if isinstance(truth, str | Path) else truth
    seen = [bool((result.block.source[view.rows, i] != Source.UNAVAILABLE).any()) for i in view.columns]
    rules = rules_in(view)
    extra = [] if result.setup.plan is None else [TALL if sets_in(view) else EMPTY, max(EMPTY, ROW * len(rules))]
    heights = [*extra, *(FULL if some else EMPTY for some in seen)]
    marks = marks_of(view)
    room = POSTURE * bool(contexts) + LANE * (1 + max((lane for *_, lane in marks), default=-1))
    fig, strip, panels = frame(heights, room)
    if extra:
        done_panel(panels[0], view)
        watched_panel(panels[1], view, rules)
    for ax, column, some in zip(panels[len(extra) :], view.columns, seen, strict=True):
        panel(ax, view, column, some, true)
    times(panels[-1], view)
    context_bars(strip, view, contexts)
    event_marks(strip, panels, view, marks, POSTURE * bool(contexts))
    head(fig, view, title or result.header.source or "Recording")
    keys(fig, panels)
    if path is not None:
        save(fig, Path(path))
    return fig


def save(fig: Figure, path: Path) -> None:
    """Write a figure; the same figure gives the same bytes."""
    kind = path.suffix.lower().removeprefix(".")
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}[kind]
    with mpl.rc_context({"svg.hashsalt": "imu_coach"}), replacing(path) as part:
        fig.savefig(part, format=kind, metadata=dates)


def _read_truth(path: str | Path) -> Truth:
    from imu_coach.synthetic import Truth

    return Truth.from_csv(path)


def view_of(result: Result, angles: Sequence[str] | None, start: float | None, end: float | None) -> View:
    """The part of a result that is asked for."""
    names = result.block.names
    for name in angles or ():
        if name not in names:
            raise ConfigError("", "angles", f"unknown {name!r}; there are: {', '.join(names)}")
    t = result.block.index / FRAME_RATE
    a = 0 if start is None else int(np.searchsorted(t, start - 1e-9))
    b = len(t) if end is None else int(np.searchsorted(t, end - 1e-9))
    columns = tuple(names.index(name) for name in (names if angles is None else angles))
    if a >= b or not columns:
        length = words.span(len(t) / FRAME_RATE)
        raise ConfigError("", "plot", f"there is nothing to draw in that span; the session lasts {length}")
    return View(result, slice(a, b), float(t[a]), float(t[b - 1]) + 1.0 / FRAME_RATE, columns)
