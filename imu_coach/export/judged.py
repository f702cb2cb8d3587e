"""What a set of sensors measures, estimates and cannot judge while an exercise is done."""

from __future__ import annotations

from typing import NamedTuple

from imu_coach.core.angles import ANCHORED, CURVES, AngleKind, angles_of
from imu_coach.exercise import Exercise
from imu_coach.settings import Layout

UPRIGHT = ("standing", "seated", "kneeling")
LEVEL = ("prone", "row")
DEFINED = {"trunk_lateral": UPRIGHT, "trunk_twist": LEVEL}
"""Angles that gravity shows in some postures only."""
NEEDS_PELVIS, NEVER = ("W4",), ("W11",)
"""Rules that only a sensor on the sacrum can judge, and that none can."""
NEEDS_NOTHING = ("W0",)
"""Rules about the sensing itself."""


class Judged(NamedTuple):
    """Names of angles and rules in words; ``cannot`` are the exercise's own words."""

    measured: tuple[str, ...]
    estimated: tuple[str, ...]
    not_judged: tuple[str, ...]
    cannot: tuple[str, ...]


def judged(e: Exercise, layout: Layout) -> Judged:
    """What is known of an exercise with a layout, when calibrated and in the exercise's start posture."""
    kinds = {a.name: _kind(a, e.gate.posture, layout) for a in angles_of(layout.sites) if _shown(a)}
    named = {want: tuple(n.replace("_", " ") for n, kind in kinds.items() if kind == want) for want in ("m", "e", "")}
    rules = tuple(f"rule {rule} ({why})" for rule in e.guards if (why := _missing(rule, layout)))
    own = (*e.cannot.get("any", ()), *e.cannot.get(layout.name, ()))
    return Judged(named["m"], named["e"], (*named[""], *rules), own or layout.cannot_see)


def _shown(a: AngleKind) -> bool:
    return a.name != "upper_back_tilt"


def _kind(a: AngleKind, posture: str, layout: Layout) -> str:
    """m measured, e estimated, "" not available."""
    curve = next(((upper, lower) for name, upper, lower in CURVES if name == a.name), None)
    if curve is not None:
        if set(curve) <= set(layout.sites):
            return "m"
        split = {"upper_back", "sacrum"} <= set(layout.sites)
        return "e" if split or ("upper_back" in layout.sites and posture in ANCHORED) else ""
    if a.site not in layout.sites or (posture and posture not in DEFINED.get(a.name, (posture,))):
        return ""
    return "e" if a.name == "wrist_yaw" else "m"


def _missing(rule: str, layout: Layout) -> str:
    if rule in NEVER:
        return "a turn of the upright trunk drifts"
    if rule not in NEEDS_NOTHING and "upper_back" not in layout.sites:
        return "needs the upper back"
    return "needs the sacrum" if rule in NEEDS_PELVIS and "sacrum" not in layout.sites else ""
