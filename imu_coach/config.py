"""TOML to the frozen types of the core; the only place where degrees become radians."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imu_coach.conventions import SITES
from imu_coach.core.angles import ANGLES, POSTURES
from imu_coach.errors import ConfigError
from imu_coach.exercise import Plan, Rule
from imu_coach.settings import Band, Bands, Estimate, Layout, Setup
from imu_coach.types import Header, Json

LAYOUTS = (
    "spine_wrist",
    "spine",
    "upper_back_wrist_sacrum",
    "upper_back_sacrum",
    "upper_back_wrist",
    "upper_back_upper_arm",
    "upper_back",
    "upper_arm",
    "wrist",
)
"""The layouts that come with the package; the first whose sites a recording all has is its layout."""


MAX_BYTES = 200_000
"""Of a TOML file; the largest that comes with the package has a tenth of it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Layout(_Strict):
    title: str
    sites: tuple[str, ...] = Field(min_length=1, max_length=8)
    sees: tuple[str, ...]
    cannot_see: tuple[str, ...]


class _Bands(_Strict):
    """By angle, basis and posture; offsets in degrees, slopes as they are."""

    band: dict[str, dict[str, dict[str, tuple[float, float, float, float]]]]
    estimate: dict[str, dict[str, dict[str, tuple[float, float, float]]]]
    no_bias_capture: dict[str, float]


Model = TypeVar("Model", bound=BaseModel)


def read(file: Traversable, model: type[Model]) -> Model:
    """Parse and validate; every complaint names the file, the key and what is allowed."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ConfigError(str(file), "", f"longer than {MAX_BYTES} bytes: not a file for this")
        data: dict[str, Any] = tomllib.loads(content.decode("utf-8"))
        return model.model_validate(data)
    except FileNotFoundError:
        raise ConfigError(str(file), "", "no such file") from None
    except OSError as error:
        raise ConfigError(str(file), "", f"cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise ConfigError(str(file), *_complaint(error)) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(str(file), "", f"not TOML: {error}") from None


def _complaint(error: ValidationError) -> tuple[str, str]:
    """The key, and what is wrong with it: of the first complaint."""
    first = error.errors()[0]
    return ".".join(str(part) for part in first["loc"] if part != "[key]"), first["msg"].removeprefix("Value error, ")


def _package() -> Traversable:
    return resources.files("imu_coach")


@cache
def layout(name: str) -> Layout:
    """A layout by name."""
    if name not in LAYOUTS:
        raise ConfigError("", "layout", f"unknown layout {name!r}; there are: {', '.join(LAYOUTS)}")
    found = read(_package() / "layouts" / f"{name}.toml", _Layout)
    unknown = set(found.sites) - set(SITES)
    if unknown:
        raise ConfigError(f"{name}.toml", "sites", f"unknown {sorted(unknown)}; there are: {', '.join(SITES)}")
    return Layout(name, found.sites, found.title, found.sees, found.cannot_see)


def layout_of(header: Header) -> Layout:
    """The richest layout that a recording has the sensors for."""
    worn = {info.sensor for info in header.sensors}
    for name in LAYOUTS:
        if worn >= set(layout(name).sites):
            return layout(name)
    raise ConfigError(
        "", "sensors", f"no layout for {', '.join(sorted(worn)) or 'no sensors'}; sites are: {', '.join(SITES)}"
    )


@cache
def bands() -> Bands:
    """Band widths and estimates of ``bands.toml``."""
    found = read(_package() / "bands.toml", _Bands)
    names = {a.name for a in ANGLES}
    for table in (found.band, found.estimate):
        for angle, bases in table.items():
            postures = {posture for by_posture in bases.values() for posture in by_posture}
            if angle not in names or postures - {*POSTURES, "any"}:
                raise ConfigError("bands.toml", angle, "unknown angle or posture")
    degree = float(np.deg2rad(1.0))
    return Bands(
        band={
            (angle, basis, posture): Band(b[0] * degree, b[1], b[2] * degree, b[3])
            for angle, bases in found.band.items()
            for basis, by_posture in bases.items()
            for posture, b in by_posture.items()
        },
        estimate={
            (angle, basis, posture): Estimate(e[0] * degree, e[1], e[2])
            for angle, bases in found.estimate.items()
            for basis, by_posture in bases.items()
            for posture, e in by_posture.items()
        },
        no_bias_capture={angle: width * degree for angle, width in found.no_bias_capture.items()},
    )


def angle_names() -> tuple[str, ...]:
    """Every angle there is."""
    return tuple(a.name for a in ANGLES)


def setup(
    header: Header,
    layout_name: str | None = None,
    filter: str = "vqf",
    plan: Plan | None = None,
    rules: tuple[Rule, ...] = (),
) -> Setup:
    """The setup of a recording: its own layout unless one is named; with a plan there is a coach, with rules guards."""
    chosen = layout(layout_name) if layout_name else layout_of(header)
    return Setup(chosen, bands(), filter, plan=plan, rules=rules)


def described_plan(plan: Plan | None) -> Json:
    """A plan for files and programs: seconds, None where nothing is planned."""
    if plan is None:
        return None
    items = [
        {
            "exercise": item.exercise.id,
            "title": item.exercise.title,
            "side": item.side,
            "sites": list(item.exercise.sites),
            "sets": list(item.sets),
            "reps": list(item.reps),
            "rest_s": list(item.rest),
            "hold_s": item.hold,
        }
        for item in plan.items
    ]
    return {
        "id": plan.id,
        "title": plan.title,
        "open_ended": plan.open_ended,
        "practice": plan.practice,
        "items": items,
    }


def described_rules(rules: tuple[Rule, ...]) -> Json:
    """What is watched, for files and programs: by rule, in deg or deg/s and s."""
    return {
        rule.id: {
            "title": rule.title,
            "severity": rule.severity,
            "on_deg": round(float(np.rad2deg(rule.on + rule.shift)), 3),
            "off_deg": round(float(np.rad2deg(rule.off + rule.shift)), 3),
            "dwell_s": rule.dwell,
            "clinician_set": list(rule.fixed),
        }
        for rule in rules
    }
