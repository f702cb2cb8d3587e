"""``imu-coach angles``, ``reps`` and ``plot``: angles and what was done as tables, and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imu_coach.cli import coaching, common
from imu_coach.cli.common import say
from imu_coach.errors import ConfigError, ImportFileError
from imu_coach.sinks import words

if TYPE_CHECKING:
    from imu_coach.plot import Context
    from imu_coach.run import Result
    from imu_coach.settings import Layout
    from imu_coach.synthetic import Truth
    from imu_coach.types import Command


@click.command(short_help="Write the angles as a table.")
@common.file_argument
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="A .csv or .parquet file.")
@common.result_option
@click.option("--isb", is_flag=True, help="Also ISB-signed values, in columns that end in _isb.")
@click.option("--rate", type=float, metavar="HZ", help="Rows per second, below 100: rows are picked, not averaged.")
@common.setup_options
@coaching.coach_options
@common.force_option
def angles(
    file: Path,
    out: Path,
    result: str,
    isb: bool,
    rate: float | None,
    layout: str | None,
    filter: str,
    wanted: coaching.Wanted,
    force: bool,
) -> None:
    """Write the angles of a recording as a table, one row per hundredth of a second.

    Degrees; flexion, right bend and left rotation are positive. Each angle has a value, an 80 % band, a source
    (measured, estimated, unavailable) and a reason. A .csv gets a .csv.json beside it that says what every column
    means and how it came about; a .parquet carries that in its metadata.
    """
    from imu_coach.export import tables

    recording = common.opened(file)
    common.ending(out, tables.ENDINGS)
    tables.check(out, rate)
    for path in tables.written(out):
        common.fresh(path, force, file)
    setup = coaching.coached_setup(recording, layout, filter, wanted)
    found = common.computed(recording, setup, result)
    with common.progress("writing"):
        rows = tables.write(found, out, isb=isb, rate=rate)
    say(f"{out}: {rows} rows, {result}{', SYNTHETIC' if recording.header.synthetic else ''}")
    click.get_current_context().exit(common.told_losses(recording))


@click.command(short_help="Draw the angles and what was done.")
@common.file_argument
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="A .png, .svg or .pdf file.")
@click.option("--angles", "names", metavar="A,B", help="Only these angles. Default: all of the layout.")
@common.span_options
@common.result_option
@click.option("--truth", type=click.Path(path_type=Path), help="Truth of a simulated session, drawn beside.")
@common.setup_options
@coaching.coach_options
@common.force_option
def plot(
    file: Path,
    out: Path,
    names: str | None,
    start: float | None,
    end: float | None,
    result: str,
    truth: Path | None,
    layout: str | None,
    filter: str,
    wanted: coaching.Wanted,
    force: bool,
) -> None:
    """Draw the angles of a recording: values, 80 % bands, and where nothing is known and why.

    With --programme or --exercise also what was done: what repetitions are counted by, repetitions with their
    beginning, top and end, holds with the seconds held, and when a rule was raised or could not be judged.
    """
    from imu_coach import plot as drawing

    common.checked_span(start, end)
    recording = common.opened(file)
    common.ending(out, drawing.ENDINGS)
    common.fresh(out, force, file)
    setup = coaching.coached_setup(recording, layout, filter, wanted)
    shown = _names(names, setup.layout)
    true = _truth(truth)
    found = common.computed(recording, setup, result)
    _, commands = common.survey(recording)
    with common.progress("drawing"):
        drawing.plot(
            found,
            out,
            angles=shown,
            start=start,
            end=end,
            truth=true,
            contexts=_contexts(commands) if setup.plan is None or setup.plan.open_ended else _coached(found),
            title=file.name,
        )
    say(f"{out}: drawn")
    click.get_current_context().exit(common.told_losses(recording))


def _names(text: str | None, layout: Layout) -> list[str] | None:
    from imu_coach.core.angles import angles_of

    if text is None:
        return None
    there = [a.name for a in angles_of(layout.sites)]
    names = list(dict.fromkeys(part.strip() for part in text.split(",")))
    for name in names:
        if name not in there:
            raise ConfigError("", "--angles", f"unknown {name!r}; this layout has: {', '.join(there)}")
    return names


def _truth(path: Path | None) -> Truth | None:
    if path is None:
        return None
    from imu_coach.synthetic import Truth

    try:
        return Truth.from_csv(path)
    except (ValueError, KeyError, IndexError, EOFError):
        problem = "is not the truth of a simulated session; imu-coach simulate --truth writes one"
        raise ImportFileError(words.clean(path), problem) from None


def _contexts(commands: list[Command]) -> list[Context]:
    """What the person was doing, as told by the commands of the recording."""
    from imu_coach.core.angles import POSTURES
    from imu_coach.plot import Context

    found = []
    for command in commands:
        if command.name == "context":
            posture = command.value.get("posture")
            known = posture if posture in POSTURES else None
            found.append(Context(command.arrived_ns / 1e9, known, bool(command.value.get("in_set", False))))
    return found


def _coached(found: Result) -> list[Context]:
    """What the person was doing, as the coach saw it: in the posture of the exercise, or on the way to it."""
    from imu_coach.conventions import FRAME_RATE
    from imu_coach.plot import Context

    assert found.setup.plan is not None
    postures = {item.exercise.id: item.exercise.gate.posture or None for item in found.setup.plan.items}
    in_set = {"set_begin": True, "practice_begin": True, "resumed": True, "set_end": False, "practised": False}
    contexts = []
    for e in found.events:
        t, posture = max(e.decided, 0) / FRAME_RATE, postures.get(str(e.detail.get("exercise", "")))
        if e.kind in in_set:
            contexts.append(Context(t, posture, in_set[e.kind]))
        elif e.kind == "exercise_begin" or (e.kind == "paused" and e.detail["why"] == "left"):
            contexts.append(Context(t, "transition", False))
        elif e.kind == "session_end":
            contexts.append(Context(t, None, False))
    return contexts
