"""``imu-coach exercises``: what there is, what a file can be judged by, and sheets for paper."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imu_coach.cli import common
from imu_coach.cli.common import put, say
from imu_coach.errors import ConfigError
from imu_coach.sinks import words

if TYPE_CHECKING:
    from imu_coach.exercise import Exercise, Motion, Plan, Prescription, Programme, Range
    from imu_coach.settings import Layout

WIDTH = 13
FOLDER = click.option(
    "--exercises", "folder", metavar="DIR", type=click.Path(path_type=Path), help="Your own exercises, too."
)
PLACES = {"standing": "standing", "chair": "on a chair", "bench": "at a bench", "floor": "on the floor"}


@click.group(short_help="List, check and print exercises.")
def exercises() -> None:
    """List, check and print exercises. How to write your own: docs/exercises.md."""


@exercises.command("list", short_help="List exercises and programmes.")
@FOLDER
def list_(folder: Path | None) -> None:
    """List exercises and programmes."""
    from rich.table import Table

    from imu_coach import catalogue, planner
    from imu_coach.export import sheets

    known = catalogue.exercises(folder)
    table = Table("id", "title", "where", "second sensor", "how much", box=None, pad_edge=False)
    for e in known.values():
        item = planner.item(e)
        second = ", ".join(words.site(site) for site in e.sites if site != "upper_back")
        locked = " (needs a prescription)" if e.locked else ""
        table.add_row(e.id, e.title + locked, PLACES[e.place], second or "-", sheets.short(item))
    console = common.out_console()
    console.print(table)
    console.print()
    programmes = Table("programme", "title", "exercises", box=None, pad_edge=False)
    for name in catalogue.programmes():
        one = catalogue.programme(name, folder)
        programmes.add_row(name, one.title, ", ".join((*one.warm_up, *one.exercises)))
    console.print(programmes)


@exercises.command(short_help="Show one exercise.")
@click.argument("id")
@FOLDER
def show(id: str, folder: Path | None) -> None:
    """Show what is known of one exercise."""
    from imu_coach import catalogue, planner
    from imu_coach.export import sheets

    e = catalogue.exercise(id, folder)
    put(f"{e.id}: {e.title}")
    for part in sheets.sheet(e).parts:
        _lines(
            part.heading, [f"{k}. {line}" for k, line in enumerate(part.lines, 1)] if part.mark == "1" else part.lines
        )
    _lines("source", [e.facts.source or "-"])
    _lines("where", [PLACES[e.place]])
    _technical(e)
    _lines("tempo", [f"{sheets.numbers(e.tempo)} s for a repetition without its hold"])
    _lines("sides", [e.sides])
    _lines("warnings", [", ".join(_rule(rule, numbers) for rule, numbers in e.guards.items()) or "none of its own"])
    _lines("locked", ["needs a prescription that allows it"] if planner.why_not(e, _no_prescription()) else ["no"])


@exercises.command(short_help="Check a file: is it valid, and what its sensors can and cannot see.")
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check the file of an exercise: is it valid, and what each set of sensors can and cannot see of it.

    Repetitions are counted, or probable, or not seen. Angles are measured, or estimated, or not judged.
    """
    from imu_coach import catalogue
    from imu_coach.config import LAYOUTS, layout

    e = catalogue.exercise_file(file)
    put(f"{e.id}: {e.title}: valid")
    _technical(e)
    for name in sorted(LAYOUTS, key=lambda name: len(layout(name).sites)):
        put("")
        _seen(e, layout(name))


@exercises.command("print", short_help="Make exercise sheets for paper.")
@click.argument("names", metavar="[ID|PROGRAMME]...", nargs=-1)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="A .html or .pdf file.")
@click.option(
    "--prescription", metavar="FILE", type=click.Path(path_type=Path), help="Doses, holds and what is allowed."
)
@FOLDER
@common.force_option
def print_(names: tuple[str, ...], out: Path, prescription: Path | None, folder: Path | None, force: bool) -> None:
    """Make exercise sheets for paper: one A4 page for each, in large letters, with boxes to tick.

    Without names: every exercise that needs no prescription, or all that the prescription allows.
    """
    from imu_coach import catalogue, planner
    from imu_coach.export import sheets

    common.ending(out, sheets.ENDINGS)
    common.fresh(out, force, *([prescription] if prescription else []))
    known = catalogue.exercises(folder)
    rules = catalogue.prescription(prescription, folder) if prescription else None
    wanted, titled = _wanted(names, folder, rules)
    plan, left_out = planner.plan(wanted, rules, exercises=known)
    pages = [sheets.cover(plan, rules)] if titled or rules else []
    pages += [sheets.sheet(known[id], rules) for id in _ids(plan, names)]
    sheets.write(pages, out, plan.title)
    for reason in left_out:
        say(f"left out: {reason}")
    say(f"{out}: {len(pages)} {'page' if len(pages) == 1 else 'pages'}")


# --- what to print --------------------------------------------------------------------------------------------------


def _no_prescription() -> Prescription:
    from imu_coach.exercise import Prescription

    return Prescription()


def _wanted(names: tuple[str, ...], folder: Path | None, rules: Prescription | None) -> tuple[Programme, bool]:
    """All that is named as one programme, and whether a programme was named."""
    from imu_coach import catalogue
    from imu_coach.exercise import Programme

    known, programmes = catalogue.exercises(folder), catalogue.programmes()
    warm_up: list[str] = []
    ids: list[str] = []
    found: list[Programme] = []
    for name in names or [id for id, e in known.items() if _worth_printing(e, rules or _no_prescription())]:
        if name in known:
            ids.append(name)
        elif name in programmes or name.endswith(".toml"):
            found.append(catalogue.programme(name, folder))
            warm_up += found[-1].warm_up
            ids += found[-1].exercises
        else:
            raise ConfigError("", "", f"unknown {name!r}; there are: {', '.join((*known, *programmes))}")
    if not ids and not warm_up:
        raise ConfigError("", "", "the prescription leaves no exercise; see: imu-coach exercises list")
    title = found[0].title if len(found) == 1 else "Your exercises"
    first = dict.fromkeys(warm_up)
    return Programme("print", title, tuple(id for id in dict.fromkeys(ids) if id not in first), tuple(first)), bool(
        found
    )


def _worth_printing(e: Exercise, rules: Prescription) -> bool:
    from imu_coach import planner

    return not planner.why_not(e, rules) and any(motion.channel != "auto" for motion in e.motions)


def _ids(plan: Plan, names: tuple[str, ...]) -> Iterable[str]:
    """The ids of a plan, once each: as they were named if all of them were, else as the session has them."""
    ids = dict.fromkeys(item.exercise.id for item in plan.items)
    return [name for name in dict.fromkeys(names) if name in ids] if set(ids) <= set(names) else ids


# --- in words -------------------------------------------------------------------------------------------------------


def _lines(heading: str, lines: Iterable[str]) -> None:
    for k, line in enumerate(lines):
        put(f"  {heading.lower() if not k else '':{WIDTH}} {line}")


def _degrees(values: Range) -> str:
    return f"{math.degrees(values[0]):.0f} to {math.degrees(values[1]):.0f} deg"


def _technical(e: Exercise) -> None:
    posture = e.gate.posture or "any posture"
    trunk = f", trunk inclination {_degrees(e.gate.trunk)}" if e.gate.trunk else ""
    _lines("sensors", [", ".join(words.site(site) for site in e.sites)])
    _lines("start gate", [posture + trunk])
    _lines("seen by", [_motion(m) for m in e.motions])


def _motion(m: Motion) -> str:
    metres = m.channel == "wrist_vertical"
    size = f"{m.expected:g} m expected, {m.minimum:g} m at least"
    if not metres:
        size = f"{math.degrees(m.expected):.4g} deg expected, {math.degrees(m.minimum):.4g} deg at least"
    return f"{words.angle(m.channel)} at the {words.site(m.site)}, {size}{', probable' if m.probable else ''}"


def _how(m: Motion) -> str:
    by = f"by {words.angle(m.channel)} at the {words.site(m.site)}"
    return f"probable, {by}" if m.probable else f"counted, {by}"


def _rule(rule: str, numbers: object) -> str:
    return f"{rule} (changed)" if numbers else rule


def _seen(e: Exercise, layout: Layout) -> None:
    from imu_coach import planner
    from imu_coach.export.judged import judged

    told = judged(e, layout)
    own = " (its own)" if set(layout.sites) == set(e.sites) else ""
    put(f"{layout.name}{own}")
    motion = planner.motion_seen(e, layout.sites)
    _lines("repetitions", ["not seen" if motion is None else _how(motion)])
    for heading, names in (("measured", told.measured), ("estimated", told.estimated), ("not judged", told.not_judged)):
        _lines(heading, [", ".join(names) or "-"])
    _lines("cannot see", told.cannot)
