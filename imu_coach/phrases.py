"""What is said: the phrase of an event, filled in, in one language; the texts are in ``phrases.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from imu_coach.errors import ConfigError

if TYPE_CHECKING:
    from imu_coach.types import Event

LANGUAGE = "en"
PRIORITIES = ("safety", "hold", "rep", "info")
"""What goes first when two are due, from the most urgent on."""
ANY = ("any",)

PLACE = {
    "upper_back": "on the upper back",
    "thoracolumbar": "on the lower back",
    "sacrum": "at the back of the waistband",
    "wrist": "on the wrist",
    "upper_arm": "above the elbow",
}
"""Where a sensor goes, for people."""


class Phrase(NamedTuple):
    """``text`` by language, with {places}; ``postures`` in which the thing it asks for can be done, or ("any",)."""

    text: Mapping[str, str]
    priority: str
    postures: tuple[str, ...]


@cache
def phrases() -> Mapping[str, Phrase]:
    """Every phrase by key.

    Raises
    ------
    ConfigError : the file says something that it may not
    """
    data = tomllib.loads((resources.files("imu_coach") / "phrases.toml").read_text(encoding="utf-8"))
    return {key: _phrase(key, row) for key, row in data.items()}


def _phrase(key: str, row: Mapping[str, Any]) -> Phrase:
    unknown = sorted(set(row) ^ {"text", "priority", "postures"})
    if unknown:
        raise ConfigError("phrases.toml", f"{key}.{unknown[0]}", "each phrase has text, priority and postures")
    if LANGUAGE not in row["text"] or row["priority"] not in PRIORITIES:
        raise ConfigError("phrases.toml", key, f"needs text.{LANGUAGE}, and one of {', '.join(PRIORITIES)}")
    postures = row["postures"]
    return Phrase(dict(row["text"]), row["priority"], ANY if postures == "any" else tuple(postures))


def key_of(e: Event) -> str:
    """The phrase that an event is told with; "" when nobody says anything."""
    d = e.detail
    if e.kind == "rep":
        return "rep_promoted" if d["promoted"] else {"counted": "rep"}.get(d["status"], f"rep_{d['status']}")
    if e.kind == "set_end":
        return "set_end_none" if not d["reps"] else "set_end" if d["asked"] else "set_end_open"
    if e.kind == "set_begin" and _many(d.get("of")) == "":
        return "set_begin_open"
    key = str(d.get("prompt") or e.kind)
    return key if key in phrases() else ""


def said(e: Event, language: str = LANGUAGE) -> str:
    """The phrase of an event with its numbers; "" when nobody says anything.  Of a missing language: English."""
    key = key_of(e)
    if not key:
        return ""
    texts = phrases()[key].text
    return texts.get(language, texts[LANGUAGE]).format_map(_Filled(filled(e)))


def priority(e: Event) -> str:
    """How urgent an event's phrase is; "info" for those without."""
    key = key_of(e)
    return phrases()[key].priority if key else "info"


class _Filled(dict[str, str]):
    """Nothing where an event does not say what its phrase has a place for."""

    def __missing__(self, key: str) -> str:
        return ""


def filled(e: Event) -> dict[str, str]:
    """What goes into the {places} of a phrase, in words."""
    d = e.detail
    found = {key: str(d[key]) for key in ("number", "title", "exercise", "set") if d.get(key) is not None}
    found["site"] = PLACE.get(str(d.get("site")), str(d.get("site", "")).replace("_", " "))
    sensor = e.sensor or str(d.get("sensor", ""))
    found["sensor"] = {"upper_back": "back"}.get(sensor, sensor.replace("_", " "))
    found["side"] = f", {d['side']} side" if d.get("side") else ""
    found["of"] = _many(d.get("of"))
    found["asked"] = numbers(d.get("asked"))
    found["rest"] = f"{numbers(d.get('rest_s'))} s"
    found["seconds"] = _seconds(d.get("seconds"), e.kind == "hold_second")
    if isinstance(d.get("sets"), list | tuple):
        sets = numbers(d["sets"])
        found["sets"] = f"{sets} set{'' if sets == '1' else 's'}"
    reps = d.get("reps", "")
    if e.kind == "exercise_begin":
        reps = numbers(reps) or "as many as you like"
    return found | {"reps": str(reps)}


def numbers(values: Any) -> str:
    """A range in words: ``8``, ``8 to 12``; "" for none."""
    if not values:
        return ""
    low, high = (f"{v:g}" for v in values)
    return low if low == high else f"{low} to {high}"


MOST = 1000
"""More than that nobody means: it stands for as many as you like."""


def _many(value: Any) -> str:
    return "" if value is None or value >= MOST else str(value)


def _seconds(value: Any, whole: bool) -> str:
    if value is None:
        return ""
    return f"{int(value + 0.01)}" if whole else f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"
