"""What goes wrong on the virtual air, as data: kinds of faults, how they are written down, and a seeded schedule."""

from __future__ import annotations

import asyncio
import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from imu_coach.errors import ConfigError


class Kind(NamedTuple):
    """``seconds``: range drawn from at random; ``value``: the usual one, of ``unit``; ``site``: whether it has one."""

    seconds: tuple[float, float]
    value: float
    unit: str
    site: bool
    text: str


KINDS: Mapping[str, Kind] = {
    "out_of_range": Kind((1.0, 15.0), 0.0, "", True, "the sensor is not heard at all"),
    "fade": Kind((0.3, 5.0), 0.8, "chance", True, "packets need many attempts"),
    "battery_pull": Kind((2.0, 6.0), 0.0, "", True, "the sensor is off, then on again with an empty store"),
    "reboot": Kind((1.5, 1.5), 0.0, "", True, "the sensor restarts: numbers, clock and store begin anew"),
    "slow_link": Kind((2.0, 6.0), 0.2, "s between events", True, "the link carries less than the sensor measures"),
    "clock_skew": Kind((0.0, 0.0), 60.0, "ppm", True, "the sensor's crystal changes its rate"),
    "adapter_death": Kind((1.0, 5.0), 0.0, "", False, "the computer's radio is gone"),
}
SLOW_PER_EVENT = 1
"""Packets in a connection event of a slow link."""
EVERYTHING = tuple(KINDS)
LONGEST = 86400.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, ``at`` s after the session began, for ``seconds``; ``site`` "" where it has none."""

    kind: str
    site: str = ""
    at: float = 0.0
    seconds: float = 0.0
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Faults at their times, and random ones every ``every`` s on average (0: none) out of ``kinds``."""

    faults: tuple[Fault, ...] = ()
    every: float = 0.0
    kinds: tuple[str, ...] = EVERYTHING


def fault(
    kind: str, site: str = "", *, at: float = 0.0, seconds: float | None = None, value: float | None = None
) -> Fault:
    """A checked fault with the usual length and size of its kind; raises ConfigError."""
    if kind not in KINDS:
        raise ConfigError("", "faults", f"unknown kind {kind!r}; there are: {', '.join(KINDS)}, random")
    usual = KINDS[kind]
    if usual.site != bool(site):
        raise ConfigError("", "faults", f"{kind} {'needs the site of a sensor' if usual.site else 'has no site'}")
    long = sum(usual.seconds) / 2 if seconds is None else seconds
    size = usual.value if value is None else value
    if not (0.0 <= at <= LONGEST and 0.0 <= long <= LONGEST and abs(size) <= 1e4):
        raise ConfigError("", "faults", f"{kind} at {at:g} s for {long:g} s with {size:g}: out of bounds")
    return Fault(kind, site, at, long, size)


NUMBER = r"(-?\d+(?:\.\d+)?)"
ONE = re.compile(rf"([a-z_]+)(?::([a-z_]+))?(?:@{NUMBER})?(?:\+{NUMBER})?(?:={NUMBER})?")


def parse(text: str) -> Plan:
    """A plan in short: ``out_of_range:wrist@30+5, clock_skew:wrist@60=80, random@8``.

    ``kind:site@at+seconds=value``; ``random@8`` is one every 8 s on average.  Raises ConfigError.
    """
    faults, every = [], 0.0
    for part in filter(None, (p.strip() for p in re.split(r"[,;\n]", text))):
        found = ONE.fullmatch(part)
        if found is None:
            raise ConfigError("", "faults", f"{part!r} is not of the form kind:site@at+seconds=value")
        kind, site, at, seconds, value = found.groups()
        if kind == "random":
            every = float(at or 10.0)
        else:
            numbers = [None if x is None else float(x) for x in (seconds, value)]
            faults.append(fault(kind, site or "", at=float(at or 0.0), seconds=numbers[0], value=numbers[1]))
    return Plan(tuple(faults), every)


def read(source: str) -> Plan:
    """A plan in short (:func:`parse`), or the name of a TOML file of ``[[fault]]`` tables, ``every`` and ``kinds``."""
    if not source.endswith(".toml"):
        return parse(source)
    try:
        table = tomllib.loads(Path(source).read_text("utf-8"))
        faults = tuple(fault(**entry) for entry in table.get("fault", ()))
        plan = Plan(faults, float(table.get("every", 0.0)), tuple(table.get("kinds", EVERYTHING)))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        raise ConfigError(source, "", f"cannot be read as faults: {error}") from None
    unknown = sorted(set(plan.kinds) - set(KINDS))
    if unknown:
        raise ConfigError(source, "kinds", f"unknown: {', '.join(unknown)}; there are: {', '.join(KINDS)}")
    return plan


def schedule(plan: Plan, sites: Sequence[str], seed: int) -> Iterator[Fault]:
    """All faults in order of time; endless when the plan has random ones.  The same seed gives the same ones."""
    missing = sorted({f.site for f in plan.faults if f.site} - set(sites))
    if missing:
        raise ConfigError("", "faults", f"no sensor at {', '.join(missing)}; there are: {', '.join(sites)}")
    fixed = sorted(plan.faults, key=lambda f: f.at)
    for drawn in _random(plan, sites, seed):
        while fixed and fixed[0].at <= drawn.at:
            yield fixed.pop(0)
        yield drawn
    yield from fixed


def _random(plan: Plan, sites: Sequence[str], seed: int) -> Iterator[Fault]:
    if plan.every <= 0.0:
        return
    draw, at = random.Random(f"faults:{seed}"), 0.0
    while True:
        at += draw.expovariate(1.0 / plan.every)
        kind = draw.choice(plan.kinds)
        usual = KINDS[kind]
        site = draw.choice(list(sites)) if usual.site else ""
        size = usual.value * draw.choice((-1.0, 1.0)) if kind == "clock_skew" else usual.value
        yield Fault(kind, site, at, draw.uniform(*usual.seconds), size)


class Hands(Protocol):
    """What a fault can take hold of; sensors by their site."""

    async def range(self, site: str, there: bool) -> None:
        """In range or not."""
        ...

    async def link(self, site: str, loss: float | None = None, interval: float | None = None) -> None:
        """Spoil one sensor's link; with neither, as good as the others again."""
        ...

    async def power(self, site: str, on: bool) -> None:
        """Switch it off or on."""
        ...

    async def skew(self, site: str, ppm: float) -> None:
        """Change its crystal's error by so much."""
        ...

    async def plug(self, there: bool) -> None:
        """The computer's radio."""
        ...


async def happen(what: Fault, hands: Hands) -> None:
    """Let it happen, and end."""
    match what.kind:
        case "out_of_range":
            await hands.range(what.site, False)
            await asyncio.sleep(what.seconds)
            await hands.range(what.site, True)
        case "fade" | "slow_link":
            slow = what.kind == "slow_link"
            await hands.link(what.site, None if slow else what.value, what.value if slow else None)
            await asyncio.sleep(what.seconds)
            await hands.link(what.site)
        case "battery_pull" | "reboot":
            await hands.power(what.site, False)
            await asyncio.sleep(what.seconds)
            await hands.power(what.site, True)
        case "adapter_death":
            await hands.plug(False)
            await asyncio.sleep(what.seconds)
            await hands.plug(True)
        case "clock_skew":
            await hands.skew(what.site, what.value)


def shown(what: Fault) -> str:
    """For people."""
    usual = KINDS[what.kind]
    parts = [what.kind.replace("_", " "), f"({what.site})" if what.site else ""]
    parts += [f"for {what.seconds:.1f} s" if what.seconds else "", f"{what.value:g} {usual.unit}" if usual.unit else ""]
    return " ".join(p for p in parts if p)


def moved(what: Fault, by: float) -> Fault:
    """The same at another time."""
    return replace(what, at=what.at + by)
