"""What is kept between sessions, in the user's data folder: sensors and where they are worn, people, recordings.

Plain TOML that a person can read and edit.  ``IMU_COACH_HOME`` puts the folder elsewhere; nothing leaves the machine.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import platformdirs
import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imu_coach import config
from imu_coach.conventions import SITES
from imu_coach.errors import ConfigError
from imu_coach.types import SensorInfo

HOME = "IMU_COACH_HOME"
MOST = 64
"""Sensors and people that are kept."""
LARGEST_BIAS = 50.0
"""deg/s; no gyroscope that works is off by more."""
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
"""Of a person: it is a file's name, too."""


class Known(NamedTuple):
    """A sensor that was assigned once.

    identity : what survives reconnects and other addresses (a serial number); site : "" when it is not assigned
    bias : (3,) rad/s of the gyroscope, as captured on ``bias_day`` (ISO date), or None
    """

    identity: str
    driver: str
    site: str = ""
    name: str = ""
    address: str = ""
    bias: tuple[float, float, float] | None = None
    bias_day: str = ""


class Person(NamedTuple):
    """How a person usually exercises; what is not said is the programme's default."""

    name: str
    arm: str = ""
    layout: str = ""
    prescription: str = ""
    notes: str = ""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Sensor(_Strict):
    identity: str = Field(min_length=1, max_length=100)
    driver: str = Field(max_length=40)
    site: str = ""
    name: str = Field("", max_length=100)
    address: str = Field("", max_length=100)
    bias_deg_s: tuple[float, float, float] | None = None
    bias_day: str = Field("", max_length=10)


class _Sensors(_Strict):
    sensor: list[_Sensor] = Field(default_factory=list, max_length=MOST)


class _Person(_Strict):
    arm: Literal["", "left", "right"] = ""
    layout: str = Field("", max_length=40)
    prescription: str = Field("", max_length=1000)
    notes: str = Field("", max_length=1000)


class Store:
    """The user's data folder; every change is written at once, and whole or not at all."""

    def __init__(self, folder: Path | None = None) -> None:
        own = os.environ.get(HOME)
        self.folder = folder or (Path(own) if own else platformdirs.user_data_path("imu_coach", appauthor=False))

    @property
    def sensors_file(self) -> Path:
        """Where the sensors are written down."""
        return self.folder / "sensors.toml"

    @property
    def recordings(self) -> Path:
        """Where sessions are recorded when no other place is named."""
        return self.folder / "recordings"

    # --- sensors --------------------------------------------------------------------------------------

    def sensors(self) -> tuple[Known, ...]:
        """All that are known, in the order of their sites."""
        if not self.sensors_file.exists():
            return ()
        found = [self._known(one) for one in config.read(self.sensors_file, _Sensors).sensor]
        seen: set[str] = set()
        for one in found:
            if one.identity in seen or (one.site and one.site in seen):
                raise ConfigError(self.sensors_file, one.site or one.identity, "is there twice; remove one of the two")
            seen |= {one.identity, one.site}
        return tuple(sorted(found, key=lambda one: (SITES.index(one.site) if one.site else len(SITES), one.identity)))

    def _known(self, one: _Sensor) -> Known:
        if one.site and one.site not in SITES:
            problem = f"unknown site {one.site!r}; there are: {', '.join(SITES)}"
            raise ConfigError(self.sensors_file, one.identity, problem)
        if one.bias_deg_s is not None and not all(abs(b) <= LARGEST_BIAS for b in one.bias_deg_s):
            raise ConfigError(
                self.sensors_file, one.identity, f"bias_deg_s is not within {LARGEST_BIAS:g} deg/s; remove it"
            )
        x, y, z = np.deg2rad(one.bias_deg_s or (0.0, 0.0, 0.0)).tolist()
        bias = None if one.bias_deg_s is None else (x, y, z)
        return Known(one.identity, one.driver, one.site, one.name, one.address, bias, one.bias_day)

    def keep(self, sensor: Known) -> None:
        """Write a sensor down; one that was worn there before is not assigned any more."""
        others = [one for one in self.sensors() if one.identity != sensor.identity]
        others = [one._replace(site="") if sensor.site and one.site == sensor.site else one for one in others]
        if len(others) >= MOST:
            raise ConfigError(self.sensors_file, "sensor", f"more than {MOST} sensors; forget some of them")
        self._write_sensors([*others, sensor])

    def forget(self, identity: str) -> bool:
        """Whether it was known."""
        known = self.sensors()
        left = [one for one in known if one.identity != identity]
        if len(left) < len(known):
            self._write_sensors(left)
        return len(left) < len(known)

    def _write_sensors(self, sensors: list[Known]) -> None:
        rows = []
        for one in sensors:
            bias = None if one.bias is None else [round(float(b), 4) for b in np.rad2deg(one.bias)]
            row = one._asdict() | {"bias_deg_s": bias}
            rows.append({k: v for k, v in row.items() if k != "bias" and v})
        _write(self.sensors_file, {"sensor": rows}, "Which sensor is worn where; edit it, or use: imu-coach sensors")

    # --- people ---------------------------------------------------------------------------------------

    def people(self) -> tuple[str, ...]:
        """Names, sorted."""
        folder = self.folder / "people"
        found = sorted(path.stem for path in folder.glob("*.toml")) if folder.is_dir() else []
        return tuple(name for name in found if NAME.fullmatch(name))

    def person(self, name: str) -> Person:
        """One of them."""
        file = self._person_file(name)
        if not file.exists():
            there = ", ".join(self.people()) or "nobody yet"
            raise ConfigError("", "--person", f"no {name!r}; there are: {there}. Make one: imu-coach people set {name}")
        return Person(name, **config.read(file, _Person).model_dump())

    def keep_person(self, person: Person) -> Path:
        """Write a person down; the file."""
        file = self._person_file(person.name)
        if person.layout:
            config.layout(person.layout)
        rows = {k: v for k, v in person._asdict().items() if k != "name" and v}
        try:
            _Person.model_validate(rows)
        except ValidationError as error:
            first = error.errors()[0]
            raise ConfigError("", str(first["loc"][0]), first["msg"]) from None
        _write(file, rows, "How this person exercises; edit it, or use: imu-coach people set")
        return file

    def forget_person(self, name: str) -> None:
        """Their file; recordings stay."""
        if name not in self.people():
            self.person(name)  # says who there is
        self._person_file(name).unlink()

    def _person_file(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise ConfigError("", "name", f"{name!r} is not a name of small letters, digits, - and _, such as anna")
        return self.folder / "people" / f"{name}.toml"


def with_bias(info: SensorInfo, known: Known | None) -> SensorInfo:
    """A sensor as it was left: with the bias captured earlier."""
    return info if known is None or known.bias is None else replace(info, bias=known.bias)


def _write(file: Path, content: Mapping[str, Any], heading: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        text = f"# {heading}\n{tomli_w.dumps(content)}".encode()
        handle, temporary = tempfile.mkstemp(dir=file.parent, suffix=".tmp")
        with os.fdopen(handle, "wb") as stream:
            stream.write(text)
        os.replace(temporary, file)
    except UnicodeError:
        raise ConfigError(file, "", "cannot be written: a text in it is not UTF-8") from None
    except OSError as error:
        raise ConfigError(file, "", f"cannot be written: {error.strerror}") from None
