"""What a foreign table means: which column is what, in which unit; and one sensor's arrays read with it.

Option syntax
-------------
Parts are separated by commas, the three axes by semicolons, the unit follows the last colon::

    time=timestamp_ms:ms,acc=ax;ay;az:g,gyr=gx;gy;gz:deg/s
    acc=acc_x;acc_y;acc_z:m/s2,gyr=gyr_x;gyr_y;gyr_z:deg/s,rate=102.4
    time="t, host":s,acc=2;3;4:g,gyr=5;6;7:rad/s,separator=semicolon,decimal=comma

===========  =======================================================================================
time         column and ``s``, ``ms``, ``us`` or ``ns`` (no unit: ``s``)
acc          three columns and ``g`` or ``m/s2``: specific force, gravity included
gyr          three columns and ``deg/s`` or ``rad/s``
rate         Hz, when there is no time column; with one, it is checked against it
separator    ``comma``, ``semicolon``, ``tab``, ``bar`` or a character in quotes (left out: found)
decimal      ``point`` or ``comma`` (left out: found)
===========  =======================================================================================

A name that contains ``, ; : =`` goes in double quotes.  The columns of a file without a header row are ``1``, ``2``...
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeVar

from imu_coach.errors import ConfigError
from imu_coach.types import Floats

TimeUnit = Literal["s", "ms", "us", "ns"]
AccUnit = Literal["g", "m/s2"]
GyrUnit = Literal["deg/s", "rad/s"]
Decimal = Literal[".", ","]
Names = tuple[str, str, str]
Value = TypeVar("Value")

TIME: Final[dict[str, TimeUnit]] = {"s": "s", "ms": "ms", "us": "us", "µs": "us", "μs": "us", "ns": "ns"}
ACC: Final[dict[str, AccUnit]] = {"g": "g", "m/s2": "m/s2", "m/s^2": "m/s2", "m/s²": "m/s2"}
GYR: Final[dict[str, GyrUnit]] = {"deg/s": "deg/s", "rad/s": "rad/s", "dps": "deg/s", "°/s": "deg/s"}
SEPARATOR: Final[dict[str, str]] = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
DECIMAL: Final[dict[str, Decimal]] = {"point": ".", "comma": ","}
KEYS: Final = ("time", "acc", "gyr", "rate", "separator", "decimal")
EXAMPLE: Final = "time=timestamp_ms:ms,acc=ax;ay;az:g,gyr=gx;gy;gz:deg/s"


class Track(NamedTuple):
    """One sensor's arrays.

    Attributes
    ----------
    t : (n,) s, strictly increasing, on the clock of the file
    acc : (n, 3) m/s2, specific force in sensor axes
    gyr : (n, 3) rad/s, sensor axes
    source : kind of file and what was found in it; neither a file name nor a serial number
    """

    t: Floats
    acc: Floats
    gyr: Floats
    source: str


@dataclass(frozen=True)
class Columns:
    """Columns and units of a table.

    Attributes
    ----------
    acc, gyr : names of the x, y and z columns
    acc_unit, gyr_unit : unit of those columns
    time : name of the time column, or None: samples are evenly spaced at ``rate``
    time_unit : unit of the time column
    rate : Hz, or None: the time column tells
    separator, decimal : as written in the file, or None: found from the file

    Raises
    ------
    ConfigError
        when they cannot be right, whatever the file
    """

    acc: Names
    gyr: Names
    acc_unit: AccUnit
    gyr_unit: GyrUnit
    time: str | None = None
    time_unit: TimeUnit = "s"
    rate: float | None = None
    separator: str | None = None
    decimal: Decimal | None = None

    def __post_init__(self) -> None:
        for key, names in (("acc", self.acc), ("gyr", self.gyr)):
            axes(key, list(names))
        known("acc", self.acc_unit, ACC)
        known("gyr", self.gyr_unit, GYR)
        known("time", self.time_unit, TIME)
        wanted = [*self.acc, *self.gyr, *([] if self.time is None else [self.time])]
        twice = sorted({name for name in wanted if wanted.count(name) > 1})
        if twice:
            raise wrong("", f"column {twice[0]!r} is used twice; each axis has its own column")
        if self.time is None and self.rate is None:
            raise wrong("time", "say time=column:unit, or rate=Hz if the samples are evenly spaced and none is missing")
        if self.rate is not None and not (math.isfinite(self.rate) and self.rate > 0):
            raise wrong("rate", f"a rate in Hz is needed, not {self.rate}")
        if self.separator is not None and re.fullmatch(r'[^\w"\r\n.+-]', self.separator) is None:
            raise wrong("separator", f"{self.separator!r} is none of {', '.join(SEPARATOR)} nor a usable character")
        if self.decimal not in (None, *DECIMAL.values()):
            raise wrong("decimal", f"{self.decimal!r} is not one of {', '.join(DECIMAL)}")

    @classmethod
    def parse(cls, text: str) -> Columns:
        """Read the option syntax of this module.

        Raises
        ------
        ConfigError
            one line: the part, what is wrong with it, what is allowed
        """
        if text.count('"') % 2:
            raise wrong("", "a double quote is not closed; quote whole names")
        given: dict[str, str] = {}
        for item in outside(text, ","):
            key, *rest = outside(item, "=")
            key = key.strip()
            if key not in KEYS or len(rest) != 1:
                raise wrong("", f"{item.strip()!r} is not {', '.join(f'{k}=...' for k in KEYS)}; such as {EXAMPLE}")
            if key in given:
                raise wrong(key, "given twice; say it once")
            given[key] = rest[0]
        for key in ("acc", "gyr"):
            if key not in given:
                raise wrong(key, f"is missing; such as {EXAMPLE}")
        acc, acc_unit = names_unit("acc", given["acc"], ACC)
        gyr, gyr_unit = names_unit("gyr", given["gyr"], GYR)
        time, time_unit = names_unit("time", given["time"], TIME, "s") if "time" in given else (None, TIME["s"])
        if time is not None and len(time) != 1:
            raise wrong("time", f"one column is needed, not {len(time)}")
        return cls(
            acc=axes("acc", acc),
            gyr=axes("gyr", gyr),
            acc_unit=acc_unit,
            gyr_unit=gyr_unit,
            time=time[0] if time else None,
            time_unit=time_unit,
            rate=number("rate", given["rate"]) if "rate" in given else None,
            separator=SEPARATOR.get(given["separator"].strip(), bare(given["separator"]))
            if "separator" in given
            else None,
            decimal=known("decimal", given["decimal"].strip(), DECIMAL) if "decimal" in given else None,
        )


def wrong(key: str, problem: str) -> ConfigError:
    """The one error of this module."""
    return ConfigError("columns", key, problem)


def outside(text: str, mark: str) -> list[str]:
    """Split at ``mark`` where it is not inside double quotes."""
    return re.split(rf'{re.escape(mark)}(?=(?:[^"]*"[^"]*")*[^"]*$)', text)


def bare(text: str) -> str:
    """A name without the quotes around it."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def known(key: str, text: str, table: Mapping[str, Value]) -> Value:
    """Look a word up, or say which words there are."""
    if text not in table:
        hint = "; a name with a colon in it goes in double quotes" if key == "time" else ""
        usual = [word for word, value in table.items() if value == word]
        raise wrong(key, f"{text!r} is not known; use {', '.join(usual or table.keys())}{hint}")
    return table[text]


def names_unit(key: str, text: str, table: Mapping[str, Value], default: str | None = None) -> tuple[list[str], Value]:
    """``a;b;c:unit`` -> names and unit."""
    body, *unit = outside(text, ":")
    if len(unit) > 1:
        raise wrong(key, f"{text!r} has {len(unit)} colons; a name with a colon in it goes in double quotes")
    if not unit and default is None:
        units = " or ".join(f":{word}" for word in table if table[word] == word)
        raise wrong(key, f"the unit is missing; end it in {units}")
    return [bare(name) for name in outside(body, ";")], known(key, unit[0].strip() if unit else str(default), table)


def axes(key: str, names: list[str]) -> Names:
    """Exactly three names."""
    if len(names) != 3 or len(set(names)) != 3 or not all(names):
        raise wrong(key, f"three different columns are needed, not {';'.join(names)!r}; such as {EXAMPLE}")
    return names[0], names[1], names[2]


def number(key: str, text: str) -> float:
    """A plain number."""
    try:
        return float(text)
    except ValueError:
        raise wrong(key, f"{text.strip()!r} is not a number") from None
