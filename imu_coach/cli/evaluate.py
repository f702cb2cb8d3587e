"""``imu-coach evaluate``: accuracy against published and simulated truth, as tables."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from imu_coach.cli import common
from imu_coach.errors import ConfigError

json_option = click.option("--json", "out", type=click.Path(path_type=Path), help="Also write the numbers to a file.")


@click.group(short_help="Measure how good angles, counts and warnings are.")
def evaluate() -> None:
    """Measure how good angles, counts and warnings are, and say against what."""


@evaluate.command()
@click.argument("directory", type=click.Path(path_type=Path))
@json_option
@common.force_option
def broad(directory: Path, out: Path | None, force: bool) -> None:
    """Orientation filters against optical truth: the BROAD data set, downloaded to DIRECTORY."""
    _report("broad", out, force, _there(directory, "the BROAD trials"))


@evaluate.command()
@json_option
@common.force_option
def slump(out: Path | None, force: bool) -> None:
    """A slow slump that a drifting filter would hide, simulated."""
    _report("slump", out, force)


@evaluate.command()
@click.option("--seeds", metavar="A:B", help="Simulated people A up to B-1. Default: 240 of them, many minutes.")
@click.option("--mix", default="default", type=click.Choice(["default", "shifted"]), help="Which people to simulate.")
@click.option("--layout", help="Only this layout; see: imu-coach layouts.")
@json_option
@common.force_option
def bands(seeds: str | None, mix: str, layout: str | None, out: Path | None, force: bool) -> None:
    """How often the truth lies inside the 80 % bands, on simulated people the bands were not made from."""
    options: dict[str, Any] = {"mix": mix}
    if seeds is not None:
        begin, _, end = seeds.partition(":")
        if not (begin.isdecimal() and end.isdecimal() and int(begin) < int(end)):
            raise ConfigError("", "--seeds", f"{seeds!r} is not A:B with A below B, such as 5000:5020")
        options["seeds"] = int(begin), int(end)
    if layout is not None:
        from imu_coach import config

        options["layouts"] = (config.layout(layout).name,)
    _report("bands", out, force, **options)


sessions_option = click.option(
    "--sessions", type=click.IntRange(min=1), metavar="N", help="Simulated sessions of each kind. Default: 20."
)
exercise_option = click.option(
    "--exercise", "exercises", multiple=True, metavar="ID", help="Only this exercise; may be given several times."
)


@evaluate.command()
@sessions_option
@exercise_option
@click.option("--practice", is_flag=True, help="Also with the coach's two practice repetitions before the sets.")
@click.option(
    "--parameters",
    default="test",
    type=click.Choice(["test", "tuning"]),
    help="How people perform: ranges that nothing was tuned on, or those that it was. Default: test.",
)
@json_option
@common.force_option
def reps(
    sessions: int | None, exercises: tuple[str, ...], practice: bool, parameters: str, out: Path | None, force: bool
) -> None:
    """How well repetitions are counted, on simulated people, each exercise with its own sensors."""
    options = _simulated("reps", sessions, exercises)
    _report("reps", out, force, **options, practice=practice, which=parameters)


@evaluate.command()
@sessions_option
@exercise_option
@json_option
@common.force_option
def holds(sessions: int | None, exercises: tuple[str, ...], out: Path | None, force: bool) -> None:
    """How well holds are timed, on simulated people who breathe and sway."""
    _report("holds", out, force, **_simulated("holds", sessions, exercises))


@evaluate.command()
@sessions_option
@exercise_option
@json_option
@common.force_option
def guards(sessions: int | None, exercises: tuple[str, ...], out: Path | None, force: bool) -> None:
    """How well warnings are told, on simulated people who do what should be told and what should not."""
    _report("guards", out, force, **_simulated("guards", sessions, exercises))


@evaluate.command()
@click.argument("directory", type=click.Path(path_type=Path))
@json_option
@common.force_option
def spar(directory: Path, out: Path | None, force: bool) -> None:
    """Repetitions of real people with a watch: the SPAR data set, downloaded to DIRECTORY."""
    _report("spar", out, force, _there(directory, "the SPAR recordings"))


@evaluate.command()
@click.argument("directory", type=click.Path(path_type=Path))
@json_option
@common.force_option
def yoga(directory: Path, out: Path | None, force: bool) -> None:
    """Holds of a real person with one sensor: the yoga recordings, downloaded to DIRECTORY."""
    _report("yoga", out, force, _there(directory, "the yoga recordings"))


def _there(directory: Path, what: str) -> Path:
    if not directory.is_dir():
        raise ConfigError("", str(directory), f"is not a directory; give the one that holds {what}")
    return directory


def _simulated(module: str, sessions: int | None, exercises: tuple[str, ...]) -> dict[str, Any]:
    """Options of an evaluation on simulated sessions."""
    from imu_coach import catalogue

    allowed = importlib.import_module(f"imu_coach.evaluate.{module}").EXERCISES
    for id in exercises:
        catalogue.exercise(id)
        if id not in allowed:
            raise ConfigError("", "--exercise", f"{id} is not measured here; there are: {', '.join(allowed)}")
    return ({"sessions": sessions} if sessions else {}) | ({"exercises": exercises} if exercises else {})


def _report(module: str, out: Path | None, force: bool, *arguments: Any, **options: Any) -> None:
    """Run an evaluation, print its table, write its numbers."""
    if out is not None:
        common.fresh(out, force)
    run: Callable[..., dict[str, Any]] = importlib.import_module(f"imu_coach.evaluate.{module}").run
    with common.progress(f"evaluating {module}", 1.0) as advance:
        found = run(*arguments, progress=advance, **options)
    show(found)
    if out is not None:
        out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        common.say(f"{out}: written")


def show(found: dict[str, Any]) -> None:
    """Title, tables and notes on stdout; ``tables``: the columns of each, else one of them all."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows: list[dict[str, Any]] = found["rows"]
    console = common.out_console()
    console.print(Text(found["title"], style="bold"))
    for names in found.get("tables") or [list(dict.fromkeys(name for row in rows for name in row))]:
        table = Table(box=box.SIMPLE, title_justify="left")
        for name in names:
            numeric = all(isinstance(row.get(name), int | float | None) for row in rows)
            table.add_column(Text(name), justify="right" if numeric else "left")
        for row in rows:
            table.add_row(*(Text(_cell(row.get(name))) for name in names))
        console.print(table)
    for note in found.get("notes", ()):
        console.print(Text(note))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
