"""What is watched, from TOML: the rules with their engineering defaults, a profile, and a clinician's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from imu_coach.config import read
from imu_coach.core.angles import POSTURES
from imu_coach.core.quantities import QUANTITIES
from imu_coach.core.watch import TWIST_LOAD
from imu_coach.errors import ConfigError
from imu_coach.exercise import PHASES, Level, Rule

DEGREE = float(np.deg2rad(1.0))
IN_DEGREES = ("on", "off")
NUMBERS = (*IN_DEGREES, "dwell", "clear_dwell", "refractory")
"""What an exercise or a clinician may change of a rule; ``on`` and ``off`` are deg or deg/s in TOML, the rest s."""
HIGHER_RISK = -10.0 * DEGREE
"""rad; what a higher-risk profile adds to every absolute forward-bending threshold."""

Severity = Literal["cue", "amber", "red"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Level(_Strict):
    severity: Severity
    on: float
    dwell: float = Field(ge=0.0)


class _Rule(_Strict):
    """Degrees, deg/s and s; see :class:`imu_coach.exercise.Rule`."""

    title: str
    severity: Severity
    quantity: str
    relative: Literal["neutral", "posture", "set"]
    on: float
    off: float
    dwell: float = Field(ge=0.0)
    clear_dwell: float = Field(ge=0.0)
    refractory: float = Field(10.0, ge=0.0)
    phases: tuple[str, ...] = ()
    postures: tuple[str, ...] = ()
    always: bool = False
    spoken: bool = True
    prompt: str
    higher: tuple[_Level, ...] = ()
    low: float = float("-inf")
    beyond: float = 0.0
    sharpened: bool = False
    aloud_phases: tuple[str, ...] = ()
    aloud_postures: tuple[str, ...] = ()
    flexion: bool = False


class _Rules(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, _Rule] = Field(init=False)


class _Numbers(_Strict):
    on: float | None = Field(None, ge=-360.0, le=360.0)
    off: float | None = Field(None, ge=-360.0, le=360.0)
    dwell: float | None = Field(None, ge=0.0, le=3600.0)
    clear_dwell: float | None = Field(None, ge=0.0, le=3600.0)
    refractory: float | None = Field(None, ge=0.0, le=3600.0)


class _Override(BaseModel):
    """A clinician's file: a profile, and rule id -> numbers in degrees and seconds."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, _Numbers] = Field(init=False)
    higher_risk: bool = False


@cache
def defaults() -> tuple[Rule, ...]:
    """The rules of ``rules.toml``."""
    found = read(resources.files("imu_coach") / "rules.toml", _Rules)
    return tuple(_rule(name, row) for name, row in (found.model_extra or {}).items())


def load(override: Mapping[str, Mapping[str, float]] | None = None, *, higher_risk: bool = False) -> tuple[Rule, ...]:
    """The rules, with a clinician's numbers and profile.

    Parameters
    ----------
    override : rule id -> numbers of :data:`NUMBERS` that replace the defaults, in rad, rad/s and s
        (:attr:`imu_coach.exercise.Prescription.rules` as it is).  They go before those of an exercise.
    higher_risk : every absolute forward-bending threshold 10 deg lower, but those that the clinician set

    Raises
    ------
    ConfigError : unknown rule or number; a rule would be over before it begins
    """
    override = override or {}
    known = [rule.id for rule in defaults()]
    for name, numbers in override.items():
        if name not in known:
            raise ConfigError("", f"rules.{name}", f"unknown rule; there are: {', '.join(known)}")
        for key in set(numbers) - set(NUMBERS):
            raise ConfigError("", f"rules.{name}.{key}", f"unknown number; there are: {', '.join(NUMBERS)}")
    return tuple(_changed(rule, override.get(rule.id, {}), higher_risk) for rule in defaults())


def load_file(path: str | Path) -> tuple[Rule, ...]:
    """The rules with a clinician's file: ``higher_risk = true`` and ``[W4]`` tables, in degrees and seconds.

    Raises
    ------
    ConfigError : with file, key and what is allowed
    """
    found = read(Path(path), _Override)
    tables = {name: row.model_dump(exclude_none=True) for name, row in (found.model_extra or {}).items()}
    try:
        return load({name: in_radians(numbers) for name, numbers in tables.items()}, higher_risk=found.higher_risk)
    except ConfigError as error:
        raise ConfigError(path, error.key.removeprefix("rules."), error.problem) from None


def in_radians(numbers: Mapping[str, float]) -> dict[str, float]:
    """Numbers of a rule from the edge (deg, deg/s, s) to the inside (rad, rad/s, s)."""
    return {key: value * DEGREE if key in IN_DEGREES else value for key, value in numbers.items()}


def _changed(rule: Rule, numbers: Mapping[str, float], higher_risk: bool) -> Rule:
    moved = numbers.get("on", rule.on) - rule.on
    changed = rule._replace(
        **{"off": rule.off + moved, **numbers},  # type: ignore[arg-type]
        higher=tuple(level._replace(on=level.on + moved) for level in rule.higher),
        shift=HIGHER_RISK if higher_risk and rule.flexion and "on" not in numbers else 0.0,
        fixed=tuple(sorted({*numbers, *(("off",) if "on" in numbers else ())})),
    )
    if changed.off > changed.on:
        raise ConfigError("", f"rules.{rule.id}.off", "off must not be above on")
    return changed


def _rule(name: str, row: _Rule) -> Rule:
    if row.quantity not in (*QUANTITIES, TWIST_LOAD):
        raise ConfigError("rules.toml", f"{name}.quantity", f"unknown; there are: {', '.join(QUANTITIES)}")
    if {*row.phases, *row.aloud_phases} - {*PHASES} or {*row.postures, *row.aloud_postures} - {*POSTURES}:
        raise ConfigError("rules.toml", name, "unknown phase or posture")
    values = row.model_dump()
    values |= {key: values[key] * DEGREE for key in (*IN_DEGREES, "low", "beyond")}
    values["higher"] = tuple(Level(level.severity, level.on * DEGREE, level.dwell) for level in row.higher)
    return Rule(name, **values)
