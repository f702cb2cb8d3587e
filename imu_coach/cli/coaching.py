"""Options that say what is done in a recording: exercise, programme, prescription, and what is watched."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from imu_coach.cli import common
from imu_coach.errors import ConfigError

if TYPE_CHECKING:
    from imu_coach.exercise import Exercise, Item, Plan, Prescription
    from imu_coach.intent import Agreed
    from imu_coach.intent import Wanted as Wanted
    from imu_coach.recording import Recording
    from imu_coach.settings import Setup
    from imu_coach.types import Command

F = TypeVar("F", bound=Callable[..., Any])


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
        from imu_coach.intent import Wanted

        wanted = Wanted(**{name: values.pop(name) for name in Wanted._fields})
        return function(wanted=wanted, **values)

    made: Any = gathered
    for option in reversed(options):
        made = option(made)
    return made  # type: ignore[no-any-return]


def coached_setup(recording: Recording, layout: str | None, filter: str, wanted: Wanted) -> Setup:
    """The setup that was asked for, with its plan and rules, or an error before any work.

    Without a word on what was done the recording's own plan counts, if it has one.
    """
    from imu_coach import config, intent
    from imu_coach.core.pipeline import Pipeline

    kept = None if any(value is not None for value in wanted) else planned(recording)
    plain = config.setup(recording.header, layout or (str(kept["layout"]) if kept else None), filter)
    if kept is not None:
        agreed = intent.recalled(kept, plain.layout.sites)
    else:
        agreed = _asked(recording, wanted, plain.layout.sites)
    for line in agreed.left_out:
        common.say(f"left out: {line}")
    setup = config.setup(recording.header, plain.layout.name, filter, agreed.plan, agreed.rules)
    Pipeline(recording.header, setup)
    return setup


def planned(recording: Recording) -> Mapping[str, Any] | None:
    """What the ``plan`` command that a coached session begins with says."""
    from imu_coach.intent import COMMAND
    from imu_coach.types import Command

    first = next(iter(recording.chunks()), [])
    return next((c.value for c in first if isinstance(c, Command) and c.name == COMMAND), None)


def _asked(recording: Recording, wanted: Wanted, sites: tuple[str, ...]) -> Agreed:
    """What the options say of a recording."""
    from imu_coach import intent

    intent.sensible(wanted)
    prescription = intent.prescription_of(wanted)
    rules = intent.rules_of(wanted, prescription)
    if not wanted.coached:
        return intent.Agreed(None, rules)
    _, commands = common.survey(recording)
    plan, left_out = _plan(wanted, prescription, commands, sites)
    practised = not recording.header.synthetic if wanted.practice is None else wanted.practice
    return intent.Agreed(replace(plan, practice=practised and not plan.open_ended), rules, left_out)


# --- plans ----------------------------------------------------------------------------------------------------------


def _plan(
    wanted: Wanted, prescription: Prescription | None, commands: list[Command], sites: tuple[str, ...]
) -> tuple[Plan, tuple[str, ...]]:
    """A plan, and what was left out of it."""
    from imu_coach import catalogue

    if wanted.exercise is not None:
        return _of_exercise(catalogue.exercise(wanted.exercise, wanted.folder), prescription, commands), ()
    from imu_coach import planner

    programme = catalogue.programme(str(wanted.programme), wanted.folder)
    if not any(c.name in ("exercise", "start") for c in commands):
        problem = "nobody coached this recording, so nothing says when which exercise was done; use --exercise ID"
        raise ConfigError("", "--programme", problem)
    planned = planner.plan(programme, prescription, sites, exercises=catalogue.exercises(wanted.folder))
    return planned.plan, tuple(planned.left_out)


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
