"""Exercises, programmes and prescriptions: TOML in degrees and seconds to the frozen types, or a complaint."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np

from imu_coach.catalogue.schema import (
    MAX_FILES,
    RULE_ANGLES,
    ExerciseTable,
    FactsTable,
    MotionTable,
    PrescriptionTable,
    ProgrammeTable,
    RangesTable,
)
from imu_coach.config import read
from imu_coach.errors import ConfigError
from imu_coach.exercise import Dose, Exercise, Facts, Gate, Hold, Motion, Prescription, Programme, Range

DEGREE = float(np.deg2rad(1.0))


# --- from the edge to the frozen types ------------------------------------------------------------------------------


def _numbers(rules: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Rules in rad or rad/s, and s."""
    return {
        rule: {key: value * DEGREE if key in RULE_ANGLES else value for key, value in numbers.items()}
        for rule, numbers in rules.items()
    }


def _span(values: list[float], factor: float = 1.0) -> Range:
    return values[0] * factor, values[1] * factor


def _count(values: list[int]) -> tuple[int, int]:
    return values[0], values[1]


def _motion(m: MotionTable) -> Motion:
    factor = 1.0 if m.channel == "wrist_vertical" else DEGREE
    return Motion(m.channel, m.site, m.sign, m.expected * factor, m.minimum * factor, m.probable)


def _facts(f: FactsTable) -> Facts:
    return Facts(f.why, f.start, tuple(f.moves), tuple(f.cues), tuple(f.kit), f.adaptation, f.caution, f.source)


def _exercise(id: str, e: ExerciseTable) -> Exercise:
    return Exercise(
        id=id,
        title=e.title,
        sites=tuple(e.sites),
        gate=Gate(e.gate.posture, _span(e.gate.trunk, DEGREE) if e.gate.trunk else None),
        motions=tuple(map(_motion, e.motions)),
        tempo=_span(e.tempo),
        hold=Hold(tuple(e.hold.levels), e.hold.by, e.hold.self_paced) if e.hold else None,
        dose=Dose(_count(e.dose.sets), _count(e.dose.reps), _span(e.dose.rest), e.dose.each_side),
        sides=e.sides,
        guards=_numbers(e.guards),
        cannot={layout: tuple(texts) for layout, texts in e.cannot.items()},
        facts=_facts(e.facts),
        place=e.place,
        locked=e.locked,
        loaded=e.loaded,
    )


# --- reading --------------------------------------------------------------------------------------------------------


def _package(folder: str) -> Traversable:
    return resources.files("imu_coach") / folder


def _names(folder: Traversable) -> list[str]:
    """The names of the TOML files of a folder."""
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def _name(file: Traversable) -> str:
    """A file's name as an id."""
    name = file.name.removesuffix(".toml")
    if not (name.isascii() and name.isidentifier() and name == name.lower() and len(name) <= 40):
        problem = "its name is the exercise's id: use small letters a-z, digits and _, a letter first, up to 40"
        raise ConfigError(str(file), "", problem)
    return name


def exercise_file(file: Traversable) -> Exercise:
    """An exercise of one file; its name is its id."""
    found = read(file, ExerciseTable)
    name = _name(file)
    if found.id not in (None, name):
        raise ConfigError(str(file), "id", f"{found.id!r} must be the file's name {name!r}, or left out")
    return _exercise(name, found)


@cache
def _shipped() -> Mapping[str, Exercise]:
    folder = _package("exercises")
    return {name: exercise_file(folder / f"{name}.toml") for name in _names(folder)}


def exercises(directory: str | Path | None = None) -> dict[str, Exercise]:
    """Every exercise by id: those that come with the package, then those of a folder, which go first on equal ids."""
    return {**_shipped(), **(_own(Path(directory)) if directory is not None else {})}


def _own(directory: Path) -> dict[str, Exercise]:
    try:
        names = _names(directory)
    except OSError as error:
        problem = f"cannot be read: {error.strerror}; it must be a folder with .toml files"
        raise ConfigError(directory, "", problem) from None
    if not names or len(names) > MAX_FILES:
        raise ConfigError(directory, "", f"has {len(names)} .toml files; between 1 and {MAX_FILES} are allowed")
    return {name: exercise_file(directory / f"{name}.toml") for name in names}


def exercise(id: str, directory: str | Path | None = None) -> Exercise:
    """One exercise by id."""
    return _picked(id, exercises(directory))


def _picked(id: str, known: Mapping[str, Exercise], file: str = "", key: str = "exercise") -> Exercise:
    if id not in known:
        raise ConfigError(file, key, f"unknown {id!r}; there are: {', '.join(known)}")
    return known[id]


def programmes() -> tuple[str, ...]:
    """The ids of the programmes that come with the package."""
    return tuple(_names(_package("programmes")))


def programme(id: str, directory: str | Path | None = None) -> Programme:
    """A programme by id, or from a file whose name ends in ``.toml``; exercises may be from a folder."""
    own = id.endswith(".toml")
    if not own and id not in programmes():
        raise ConfigError("", "programme", f"unknown {id!r}; there are: {', '.join(programmes())}, or a .toml file")
    file: Traversable = Path(id) if own else _package("programmes") / f"{id}.toml"
    found, known = read(file, ProgrammeTable), exercises(directory)
    for key, ids in (("warm_up", found.warm_up), ("exercises", found.exercises)):
        for one in ids:
            _picked(one, known, str(file), key)
    everything = [*found.warm_up, *found.exercises]
    twice = [one for one in everything if everything.count(one) > 1]
    if twice:
        raise ConfigError(str(file), "exercises", f"{twice[0]!r} is there twice")
    return Programme(_name(file), found.title, tuple(found.exercises), tuple(found.warm_up))


def prescription(path: str | Path, directory: str | Path | None = None) -> Prescription:
    """A prescription from a TOML file; every id, key and number is checked."""
    file, known = str(path), exercises(directory)
    found = read(Path(path), PrescriptionTable)
    for key, ids in (("allowed", found.allowed), ("dose", found.dose), ("holds", found.holds)):
        for one in ids:
            _picked(one, known, file, key)
    for one in found.holds:
        _holdable(known[one], file)
    ranges = {one: _changes(dose) for one, dose in found.dose.items()}
    return Prescription(
        date=found.date,
        by=found.by,
        notes=found.notes,
        surface=found.surface,
        allowed=tuple(dict.fromkeys(found.allowed)),
        dose=ranges,
        holds=dict(found.holds),
        rules=_numbers(found.rules),
        limits=tuple(found.limits),
    )


def _changes(dose: RangesTable) -> dict[str, Range]:
    pairs = {"sets": dose.sets, "reps": dose.reps, "rest": dose.rest}
    return {key: (float(pair[0]), float(pair[1])) for key, pair in pairs.items() if pair is not None}


def _holdable(e: Exercise, file: str) -> None:
    if e.hold is None:
        raise ConfigError(file, f"holds.{e.id}", "nothing is held in this exercise")
    if e.hold.self_paced:
        raise ConfigError(file, f"holds.{e.id}", "its hold is as long as is comfortable; it has no target")
