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
from imu_coach.settings import Band, Bands, Estimate, Layout, Setup
from imu_coach.types import Header

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


def _read(file: Traversable, model: type[Model]) -> Model:
    """Parse and validate; every complaint names the file, the key and what is allowed."""
    try:
        data: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        return model.model_validate(data)
    except FileNotFoundError:
        raise ConfigError(str(file), "", "no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(file), "", f"not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(str(file), ".".join(map(str, first["loc"])), first["msg"]) from None


def _package() -> Traversable:
    return resources.files("imu_coach")


@cache
def layout(name: str) -> Layout:
    """A layout by name."""
    if name not in LAYOUTS:
        raise ConfigError("", "layout", f"unknown layout {name!r}; there are: {', '.join(LAYOUTS)}")
    read = _read(_package() / "layouts" / f"{name}.toml", _Layout)
    unknown = set(read.sites) - set(SITES)
    if unknown:
        raise ConfigError(f"{name}.toml", "sites", f"unknown {sorted(unknown)}; there are: {', '.join(SITES)}")
    return Layout(name, read.sites, read.title, read.sees, read.cannot_see)


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
    read = _read(_package() / "bands.toml", _Bands)
    names = {a.name for a in ANGLES}
    for table in (read.band, read.estimate):
        for angle, bases in table.items():
            postures = {posture for by_posture in bases.values() for posture in by_posture}
            if angle not in names or postures - {*POSTURES, "any"}:
                raise ConfigError("bands.toml", angle, "unknown angle or posture")
    degree = float(np.deg2rad(1.0))
    return Bands(
        band={
            (angle, basis, posture): Band(b[0] * degree, b[1], b[2] * degree, b[3])
            for angle, bases in read.band.items()
            for basis, by_posture in bases.items()
            for posture, b in by_posture.items()
        },
        estimate={
            (angle, basis, posture): Estimate(e[0] * degree, e[1], e[2])
            for angle, bases in read.estimate.items()
            for basis, by_posture in bases.items()
            for posture, e in by_posture.items()
        },
        no_bias_capture={angle: width * degree for angle, width in read.no_bias_capture.items()},
    )


def angle_names() -> tuple[str, ...]:
    """Every angle there is."""
    return tuple(a.name for a in ANGLES)


def setup(header: Header, layout_name: str | None = None, filter: str = "vqf") -> Setup:
    """The setup of a recording: its own layout unless one is named."""
    return Setup(layout(layout_name) if layout_name else layout_of(header), bands(), filter)
