"""What can be simulated, as data: people, postures, ways between them, activities and scripts from the TOML tables."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

Spread = tuple[float, float, float]
"""Mean, standard deviation between people, standard deviation from one time to the next."""

COMPOSITE = ("trunk", "spine", "lat", "axial", "legs")
"""Names that stand for several joints: upper thorax, its flexion against the pelvis, side bend, turn; and what lifted
legs do to a prone pelvis, which the lumbar spine takes back."""


@dataclass(frozen=True)
class Distribution:
    """A clipped normal (or log-normal) distribution between people."""

    mean: float
    sd: float
    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Pose:
    """A posture: ``target`` per channel, deg or m; ``sitting`` and ``slump`` are shares of the person's own values."""

    name: str
    group: str
    target: Mapping[str, Spread]
    sitting: float = 0.0
    slump: float = 0.0


@dataclass(frozen=True)
class Edge:
    """A way from one group of postures to another: poses passed, seconds per part, change of heading (deg)."""

    name: str
    start: str
    end: str
    via: tuple[str, ...]
    seconds: tuple[float, ...]
    turn: float


@dataclass(frozen=True)
class Strategy:
    """One way of doing an activity.

    Attributes
    ----------
    spine : share of the trunk movement that the spine makes; the pelvis makes the rest
    offset : added to the posture as long as the set lasts, deg
    drift : comes slowly during the set, deg
    dips : comes and goes within a few seconds, deg
    also : other channels that move with a repetition of nominal amplitude, deg
    share : lumbar share of the spine movement, if not the person's own
    lead : duration of the spine movement as a share of the whole (the spine bends first)
    """

    spine: Spread = (0.5, 0.1, 0.04)
    offset: Mapping[str, Spread] = field(default_factory=dict)
    drift: Mapping[str, Spread] = field(default_factory=dict)
    dips: Mapping[str, Spread] = field(default_factory=dict)
    also: Mapping[str, Spread] = field(default_factory=dict)
    share: float | None = None
    lead: float = 1.0


@dataclass(frozen=True)
class Activity:
    """Something a person does; times in s at tempo 1, amplitudes in deg.

    ``limits`` are the usual smallest and largest amplitude, ``most`` is what a body can do.  ``exercise`` is the id
    under which a coach knows it, ``one_sided`` that the sensor arm alone does it, ``second`` where the second
    sensor belongs, ``coached`` the activity that a
    coached session has instead; ``lean`` is the trunk inclination taken up first, ``tilt`` deg by which the arms tilt
    the sensor on the upper back, one way or the other.
    """

    name: str
    pose: str
    pattern: str
    posture: str
    in_set: bool = False
    calibrate: str = ""
    seconds: float = 0.0
    channel: str = ""
    sign: float = 1.0
    amplitude: Spread = (0.0, 0.0, 0.0)
    limits: tuple[float, float] = (0.0, 180.0)
    alternate: bool = False
    each: bool = False
    reps: int = 0
    rise: float = 1.0
    hold: float = 0.0
    fall: float = 1.0
    rest: float = 1.0
    also: Mapping[str, Spread] = field(default_factory=dict)
    path: tuple[tuple[str, float], ...] = ()
    strategy: Mapping[str, Strategy] = field(default_factory=dict)
    exercise: str = ""
    one_sided: bool = False
    second: str = "wrist"
    coached: str = ""
    most: float = 180.0
    lean: Spread = (0.0, 0.0, 0.0)
    tilt: tuple[float, float] = (0.0, 0.0)


class Lapse(NamedTuple):
    """The trunk goes elsewhere in the middle of a set, while the repetitions go on.

    trunk : deg of flexion (extension negative); ``seconds`` there; rise and fall come on top
    spine : share made by the spine: 0 from the hips with a flat back, 1 rounded
    after : repetitions before it; speed : factor on its rise and fall of 1.5 s
    """

    trunk: float
    seconds: float = 3.0
    spine: float = 0.0
    after: int = 2
    speed: float = 1.0


@dataclass(frozen=True)
class Step:
    """One entry of a script; None = as the activity says, or as the person's habits decide.

    ``seconds`` for stills, ``reps`` and ``hold`` (s) for repetitions, ``amplitude`` in deg, ``speed`` a factor,
    ``calibrate=False`` leaves out the calibration command of the activity.

    ``rate`` is the peak speed of an event in deg/s, ``trunk`` the trunk inclination at which it happens, deg.
    ``exact``: every repetition has just this amplitude, unusual or not.  ``exercise`` and ``side`` are what a coach is
    told, if not what the activity says.  ``lapse``: see :class:`Lapse`.
    """

    activity: str
    seconds: float | None = None
    reps: int | None = None
    hold: float | None = None
    strategy: str | None = None
    amplitude: float | None = None
    speed: float = 1.0
    calibrate: bool = True
    rate: float | None = None
    trunk: float | None = None
    exact: bool = False
    exercise: str = ""
    side: str = ""
    lapse: Lapse | None = None


def spread(values: Sequence[float] | float) -> Spread:
    """A spread with the missing numbers set to zero."""
    given = [float(values)] if isinstance(values, (int, float)) else [float(v) for v in values]
    mean, between, each = (*given, 0.0, 0.0)[:3]
    return mean, between, each


@cache
def table(name: str) -> Mapping[str, Any]:
    """One of the TOML tables of this package."""
    return tomllib.loads((files(__package__) / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def people(mix: str) -> tuple[Mapping[str, Distribution], Mapping[str, Mapping[str, float]]]:
    """Distributions of a population, and how often each strategy is used."""
    data = table("people")
    chosen = data["mix"][mix]
    merged = {**data["person"], **chosen["person"]}
    spread = {}
    for name, values in merged.items():
        mean, sd, low, high = values["of"]
        spread[name] = Distribution(mean, sd, low, high, values.get("log", False))
    return spread, chosen["weights"]


@cache
def poses() -> Mapping[str, Pose]:
    """Every posture by name."""
    data = table("postures")
    plain = {"group", "sitting", "slump"}
    return {
        name: Pose(
            name,
            values["group"],
            {k: spread(v) for k, v in {**data["default"], **values}.items() if k not in plain},
            values.get("sitting", 0.0),
            values.get("slump", 0.0),
        )
        for name, values in data["pose"].items()
    }


@cache
def edges() -> tuple[Edge, ...]:
    """Every direct way between two groups of postures."""
    return tuple(
        Edge(name, e["from"], e["to"], tuple(e["via"]), tuple(e["seconds"]), e["turn"])
        for name, e in table("postures")["edge"].items()
    )


@cache
def route(start: str, end: str) -> tuple[Edge, ...]:
    """The shortest chain of edges from one group of postures to another."""
    seen = {start}
    front: list[tuple[str, tuple[Edge, ...]]] = [(start, ())]
    while front:
        at, way = front.pop(0)
        if at == end:
            return way
        for edge in edges():
            if edge.start == at and edge.end not in seen:
                seen.add(edge.end)
                front.append((edge.end, (*way, edge)))
    raise ValueError(f"no way from {start} to {end}")


def _spreads(values: Mapping[str, Any]) -> Mapping[str, Spread]:
    return {k: spread(v) for k, v in values.items()}


def _strategy(values: Mapping[str, Any]) -> Strategy:
    maps = {k: _spreads(values.get(k, {})) for k in ("offset", "drift", "dips", "also")}
    mean, between, each = spread(values.get("spine", (0.5, 0.1)))
    return Strategy(
        (mean, between, each or 0.4 * between), share=values.get("share"), lead=values.get("lead", 1.0), **maps
    )


@cache
def activities() -> Mapping[str, Activity]:
    """Every activity by name."""
    out = {}
    for name, values in table("activities")["activity"].items():
        v = dict(values)
        v["amplitude"] = spread(v.get("amplitude", 0.0))
        v["limits"] = tuple(v.get("limits", (0.0, 180.0)))
        v["also"] = _spreads(v.get("also", {}))
        v["lean"] = spread(v.get("lean", 0.0))
        v["tilt"] = tuple(v.get("tilt", (0.0, 0.0)))
        v["path"] = tuple((str(pose), float(seconds)) for pose, seconds in v.get("path", ()))
        v["strategy"] = {k: _strategy(s) for k, s in v.get("strategy", {}).items()}
        out[name] = Activity(name=name, **v)
    return out


@cache
def exercises() -> Mapping[str, Activity]:
    """What is done, by exercise id."""
    return {a.exercise: a for a in activities().values() if a.exercise}


@cache
def scripts() -> Mapping[str, tuple[Step, ...]]:
    """The ready-made scripts, without the start routine."""
    return {name: tuple(Step(**step) for step in steps) for name, steps in table("activities")["script"].items()}


START: tuple[Step, ...] = (Step("table"), Step("put_on"), Step("stand_tall"), Step("sit_tall"), Step("sit_to_stand"))
"""How every session starts: bias on the table, putting on, tall standing, tall sitting, one slow sit-to-stand."""


def resolve(script: str | Sequence[Step]) -> tuple[Step, ...]:
    """The steps of a script, with the start routine in front unless they begin with ``table`` or ``stand_tall``."""
    steps = scripts()[script] if isinstance(script, str) else tuple(script)
    if steps and steps[0].activity in ("table", "stand_tall"):
        return steps
    return (*START, *steps)
