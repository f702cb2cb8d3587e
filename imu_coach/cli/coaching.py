"""Options that say what is done in a recording: exercise, programme, prescription, and what is watched."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from imu_coach.cli import common
from imu_coach.errors import ConfigError

if TYPE_CHECKING:
    from imu_coach.exercise import Exercise, Item, Plan, Prescription, Rule
    from imu_coach.recording import Recording
    from imu_coach.settings import Setup
    from imu_coach.types import Command

F = TypeVar("F", bound=Callable[..., Any])


class Wanted(NamedTuple):
    """What the options say; empty ones are None."""

    exercise: str | None = None
    programme: str | None = None
    prescription: Path | None = None
    folder: Path | None = None
    rules: Path | None = None
    practice: bool | None = None


def coach_options(function: F) -> F:
    """The options; the command gets them as one ``wanted``."""
    file = click.Path(path_type=Path)
    options = (
        click.option("--exercise", metavar="ID", help="Count this exercise; see: imu-coach exercises list."),
        click.option("--programme", metavar="ID", help="Coach this programme; or a .toml file of your own."),
        click.option("--prescription", type=file, metavar="FILE", help="What a clinician allows and asks for (.toml)."),
        click.option("--exercises", "folder", type=file, metavar="DIR", help="Your own exercises, too."),
        click.option("--rules", type=file, metavar="FILE", help="A clinician's limits for what is watched (.toml)."),
        click.option(
            "--practice/--no-practice",
            default=None,
            help="Whether two repetitions were practised first. Default: yes, but not by simulated people.",
        ),
    )

    @functools.wraps(function)
    def gathered(**values: Any) -> Any:
        wanted = Wanted(**{name: values.pop(name) for name in Wanted._fields})
        return function(wanted=wanted, **values)

    made: Any = gathered
    for option in reversed(options):
        made = option(made)
    return made  # type: ignore[no-any-return]


def coached_setup(recording: Recording, layout: str | None, filter: str, wanted: Wanted) -> Setup:
    """The setup that was asked for, with its plan and rules, or an error before any work."""
    from imu_coach import config
    from imu_coach.core.pipeline import Pipeline

    _sensible(wanted)
    plain = config.setup(recording.header, layout, filter)
    prescription = _prescription(wanted)
    rules = _rules(wanted, prescription)
    plan = None
    if wanted.exercise is not None or wanted.programme is not None:
        _, commands = common.survey(recording)
        plan = _plan(wanted, prescription, commands, plain.layout.sites)
        practised = not recording.header.synthetic if wanted.practice is None else wanted.practice
        plan = replace(plan, practice=practised and not plan.open_ended)
    setup = config.setup(recording.header, layout, filter, plan, rules)
    Pipeline(recording.header, setup)
    return setup


def _sensible(wanted: Wanted) -> None:
    if wanted.exercise is not None and wanted.programme is not None:
        raise ConfigError("", "--exercise", "is one exercise and --programme several; give one of the two")
    if wanted.exercise is None and wanted.programme is None:
        for option, value in (("--prescription", wanted.prescription), ("--exercises", wanted.folder)):
            if value is not None:
                raise ConfigError("", option, "needs --exercise ID or --programme ID beside it")


def _prescription(wanted: Wanted) -> Prescription | None:
    from imu_coach import catalogue

    return None if wanted.prescription is None else catalogue.prescription(wanted.prescription, wanted.folder)


def _rules(wanted: Wanted, prescription: Prescription | None) -> tuple[Rule, ...]:
    """A clinician's file, else the prescription's numbers, else the engineering defaults; none without a coach."""
    if wanted.exercise is None and wanted.programme is None and wanted.rules is None:
        return ()
    from imu_coach import rules

    if wanted.rules is not None:
        if prescription is not None and prescription.rules:
            raise ConfigError("", "--rules", "and the prescription both set limits; put them in one of the two")
        return rules.load_file(wanted.rules)
    return rules.load(prescription.rules if prescription is not None else None)


# --- plans ----------------------------------------------------------------------------------------------------------


def _plan(wanted: Wanted, prescription: Prescription | None, commands: list[Command], sites: tuple[str, ...]) -> Plan:
    from imu_coach import catalogue

    if wanted.exercise is not None:
        return _of_exercise(catalogue.exercise(wanted.exercise, wanted.folder), prescription, commands)
    from imu_coach import planner

    programme = catalogue.programme(str(wanted.programme), wanted.folder)
    if not any(c.name in ("exercise", "start") for c in commands):
        problem = "nobody coached this recording, so nothing says when which exercise was done; use --exercise ID"
        raise ConfigError("", "--programme", problem)
    planned = planner.plan(programme, prescription, sites, exercises=catalogue.exercises(wanted.folder))
    for line in planned.left_out:
        common.say(f"left out: {line}")
    return planned.plan


def _of_exercise(e: Exercise, prescription: Prescription | None, commands: list[Command]) -> Plan:
    """Coached where the recording says when it was done, on which sides; else the whole recording is counted."""
    from imu_coach import planner
    from imu_coach.core.book import OPEN

    told = [c for c in commands if c.name == "exercise" and c.value.get("id") == e.id]
    plan = planner.single(e, open_ended=not told, prescription=prescription)
    if not told:
        return replace(plan, items=(plan.items[0]._replace(sets=(1, OPEN), reps=(OPEN, OPEN)),))
    sides = dict.fromkeys(str(c.value.get("side") or "") for c in told)
    if e.sides == "one" and sides.keys() & {"left", "right"}:
        items: tuple[Item, ...] = tuple(plan.items[0]._replace(side=side) for side in sides if side)
        return replace(plan, items=items)
    return plan
