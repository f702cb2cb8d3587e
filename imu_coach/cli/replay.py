"""``imu-coach replay``: the recorded inputs through the pipeline again, on the terminal, as lines or as JSON."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import fields
from dataclasses import replace as changed
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from imu_coach.cli import coaching, common, views

if TYPE_CHECKING:
    from imu_coach.recording import Recording
    from imu_coach.settings import Setup
    from imu_coach.sinks import Sink
    from imu_coach.types import Block, Event, Input, Update

    B = TypeVar("B", bound=Block)

SLICE_NS = {True: 250_000_000, False: 5_000_000_000}
"""ns of the session per push of the pipeline, paced or not: small slices keep the counters up to date."""
STEP = {"1": 10, "10": 100, "max": 1 << 62}
"""Frames that are shown at once."""


@click.command(short_help="Show a recorded session again.")
@common.file_argument
@click.option(
    "--speed",
    type=click.Choice(["1", "10", "max"]),
    help="1: as it was, 10: ten times faster, max: no waiting. Default: 1 on a terminal, else max.",
)
@common.span_options
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout, angles in degrees at 10 Hz.")
@common.setup_options
@coaching.coach_options
def replay(
    file: Path,
    speed: str | None,
    start: float | None,
    end: float | None,
    as_json: bool,
    layout: str | None,
    filter: str,
    wanted: coaching.Wanted,
) -> None:
    """Show a recorded session again, as it happened.

    The recorded radio packets go through the same computation as in a live session. On a terminal it is a view that
    is redrawn in place; into a file or pipe it is one line per second and one per event. Angles are measured, estimated
    (~) or not measured, with the reason. With --exercise or --programme repetitions, holds and rests are told, too.
    """
    common.checked_span(start, end)
    recording = common.opened(file)
    setup = coaching.coached_setup(recording, layout, filter, wanted)
    pace = speed or ("1" if views.on_terminal(as_json) else "max")
    interrupted = _play(recording, setup, views.sink(as_json, "" if pace == "max" else f"{pace}x"), pace, start, end)
    code = common.told_losses(recording)
    click.get_current_context().exit(common.INTERRUPTED if interrupted else code)


def _play(recording: Recording, setup: Setup, sink: Sink, pace: str, start: float | None, end: float | None) -> bool:
    """Everything to the sink; whether it was interrupted."""
    from imu_coach.conventions import FRAME_RATE
    from imu_coach.sinks import Tally

    about = views.about(recording.path.name if recording.path else "recording", recording.header, setup)
    first = round((start or 0.0) * FRAME_RATE)
    last = round(end * FRAME_RATE) if end is not None else 1 << 62
    tally = Tally(about.angles)
    interrupted = False
    sink.begin(about)
    try:
        clock = _Clock(pace, first / FRAME_RATE)
        for update in _updates(recording, setup, SLICE_NS[pace != "max"]):
            for step in _steps(update, STEP[pace], first, last):
                if len(step.angles.index):
                    clock.wait(int(step.angles.index[-1]) / FRAME_RATE)
                tally.push(step)
                sink.push(step)
            if len(update.angles.index) and int(update.angles.index[-1]) >= last:
                break
    except KeyboardInterrupt:
        interrupted = True
    finally:
        sink.close()
    sink.end(tally.summary(recording.losses, interrupted))
    return interrupted


class _Clock:
    """Session time against the wall; the only clock of the command line."""

    def __init__(self, pace: str, start: float) -> None:
        self.speed = None if pace == "max" else float(pace)
        self.start = start
        self.began = time.monotonic()

    def wait(self, t: float) -> None:
        """Until session time ``t`` is due."""
        if self.speed is not None:
            ahead = (t - self.start) / self.speed - (time.monotonic() - self.began)
            if ahead > 0:
                time.sleep(ahead)


def _updates(recording: Recording, setup: Setup, slice_ns: int) -> Iterator[Update]:
    """The pipeline over slices of session time; how it is cut does not change the angles."""
    from imu_coach.core.pipeline import Pipeline

    pipeline = Pipeline(recording.header, setup)
    part: list[Input] = []
    due = slice_ns
    for chunk in recording.chunks():
        for item in chunk:
            if item.arrived_ns >= due and part:
                yield pipeline.push(part)
                part = []
                due = item.arrived_ns + slice_ns
            part.append(item)
    yield pipeline.push(part)
    yield pipeline.flush()


def _steps(update: Update, frames: int, first: int, last: int) -> Iterator[Update]:
    """An update in parts of so many frames, from frame ``first`` up to ``last``; events go with their frame."""
    import numpy as np

    index = update.angles.index
    a, b = (int(np.searchsorted(index, edge)) for edge in (first, last))
    events = [e for e in update.events if first <= max(e.decided, 0) < last]  # -1: before the first frame
    for begin in range(a, b, min(frames, max(1, b - a))):
        rows = slice(begin, min(begin + frames, b))
        newest = int(index[rows.stop - 1]) if rows.stop < b else last
        now = [e for e in events if e.decided <= newest]
        events = events[len(now) :]
        yield _part(update, rows, tuple(now))
    if events:
        yield _part(update, slice(b, b), tuple(events))


def _part(update: Update, rows: slice, events: tuple[Event, ...]) -> Update:
    frames, angles = _rows(update.frames, rows), _rows(update.angles, rows)
    return changed(update, frames=frames, angles=angles, trace=update.trace[rows], events=events)


def _rows(block: B, rows: slice) -> B:
    """Rows of a block; what is not an array stays."""
    import numpy as np

    values = {field.name: getattr(block, field.name) for field in fields(block)}
    return changed(block, **{name: v[rows] for name, v in values.items() if isinstance(v, np.ndarray)})
