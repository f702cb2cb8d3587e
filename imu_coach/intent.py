"""What is to be done and watched in a session: as options say it, and as a recording keeps it.

A live session begins with a ``plan`` command that holds the texts of a person's own files, so that a replay years later
does what was agreed then, whatever became of those files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from imu_coach import catalogue, planner, rules
from imu_coach.errors import ConfigError
from imu_coach.exercise import Plan, Prescription, Rule
from imu_coach.types import Json

COMMAND = "plan"
LONGEST = 100_000
"""Characters of a person's own files that fit into a recording's command."""


class Wanted(NamedTuple):
    """What the options say; empty ones are None."""

    exercise: str | None = None
    programme: str | None = None
    prescription: Path | None = None
    folder: Path | None = None
    rules: Path | None = None
    practice: bool | None = None

    @property
    def coached(self) -> bool:
        """Whether there is something to do."""
        return self.exercise is not None or self.programme is not None


class Agreed(NamedTuple):
    """A plan, what is watched meanwhile, and why something was left out of the plan."""

    plan: Plan | None
    rules: tuple[Rule, ...]
    left_out: tuple[str, ...] = ()


def sensible(wanted: Wanted) -> None:
    """ConfigError for options that do not go together."""
    if wanted.exercise is not None and wanted.programme is not None:
        raise ConfigError("", "--exercise", "is one exercise and --programme several; give one of the two")
    if not wanted.coached:
        for option, value in (("--prescription", wanted.prescription), ("--exercises", wanted.folder)):
            if value is not None:
                raise ConfigError("", option, "needs --exercise ID or --programme ID beside it")


def prescription_of(wanted: Wanted) -> Prescription | None:
    """The clinician's file, read and checked."""
    return None if wanted.prescription is None else catalogue.prescription(wanted.prescription, wanted.folder)


def rules_of(wanted: Wanted, prescription: Prescription | None) -> tuple[Rule, ...]:
    """A clinician's file, else the prescription's numbers, else the engineering defaults; none without a coach."""
    if not wanted.coached and wanted.rules is None:
        return ()
    if wanted.rules is not None:
        if prescription is not None and prescription.rules:
            raise ConfigError("", "--rules", "and the prescription both set limits; put them in one of the two")
        return rules.load_file(wanted.rules)
    return rules.load(prescription.rules if prescription is not None else None)


def agreed(wanted: Wanted, sites: tuple[str, ...]) -> Agreed:
    """The plan of a session that is coached, with the sensors at hand; no plan when nothing is wanted."""
    sensible(wanted)
    prescription = prescription_of(wanted)
    watched = rules_of(wanted, prescription)
    if not wanted.coached:
        return Agreed(None, watched)
    left_out: tuple[str, ...] = ()
    if wanted.exercise is not None:
        plan = planner.single(catalogue.exercise(wanted.exercise, wanted.folder), prescription=prescription)
    else:
        programme = catalogue.programme(str(wanted.programme), wanted.folder)
        planned = planner.plan(programme, prescription, sites, exercises=catalogue.exercises(wanted.folder))
        plan, left_out = planned.plan, tuple(planned.left_out)
    return Agreed(replace(plan, practice=wanted.practice is not False), watched, left_out)


# --- in a recording -------------------------------------------------------------------------------------------------


def packed(wanted: Wanted, layout: str) -> dict[str, Json]:
    """What the ``plan`` command of a recording says: ids, and the texts of files that may change."""
    programme = wanted.programme
    own = programme is not None and programme.endswith(".toml")
    texts = {
        "prescription": wanted.prescription,
        "rules": wanted.rules,
        "programme": Path(str(programme)) if own else None,
    }
    value: dict[str, Json] = {
        "layout": layout,
        "exercise": wanted.exercise,
        "programme": Path(str(programme)).name if own else programme,
        "practice": wanted.practice is not False,
        "files": {name: path.read_text("utf-8") for name, path in texts.items() if path is not None},
        "exercises": {},
    }
    if wanted.folder is not None:
        value["exercises"] = {path.name: path.read_text("utf-8") for path in sorted(wanted.folder.glob("*.toml"))}
    if sum(len(text) for kind in ("files", "exercises") for text in value[kind].values()) > LONGEST:
        raise ConfigError(str(wanted.folder or ""), "", f"more than {LONGEST} characters of exercises; leave some out")
    return value


def recalled(value: Mapping[str, Json], sites: tuple[str, ...]) -> Agreed:
    """The plan that a ``plan`` command holds; ConfigError when it does not hold one."""
    with tempfile.TemporaryDirectory() as name:
        return agreed(_unpacked(value, Path(name)), sites)


def _unpacked(value: Mapping[str, Json], folder: Path) -> Wanted:
    """The options again, with files written into a folder."""
    try:
        files = {str(name): str(text) for name, text in value["files"].items()}
        own = {str(name): str(text) for name, text in value["exercises"].items()}
        exercise, programme = value["exercise"], value["programme"]
    except (KeyError, AttributeError, TypeError):
        raise ConfigError("", COMMAND, "the recording's plan cannot be read; name one with --exercise ID") from None
    exercises = folder / "exercises"
    exercises.mkdir()
    for file, text in own.items():
        _put(exercises / Path(file).name, text)
    for file, text in files.items():
        _put(folder / f"{Path(file).name}.toml", text)
    if "programme" in files:
        _put(folder / Path(str(programme)).name, files["programme"])
        programme = str(folder / Path(str(programme)).name)
    elif str(programme).endswith(".toml"):
        raise ConfigError("", COMMAND, f"the recording does not hold its programme {programme!r}")
    return Wanted(
        None if exercise is None else str(exercise),
        None if programme is None else str(programme),
        folder / "prescription.toml" if "prescription" in files else None,
        exercises if own else None,
        folder / "rules.toml" if "rules" in files else None,
        bool(value.get("practice", True)),
    )


def _put(path: Path, text: str) -> None:
    """A file of a recording; its name may be anything."""
    try:
        path.write_text(text, "utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError("", COMMAND, f"the recording's plan holds {path.name!r}: {error}") from None
