"""What the user chose: sensors, filter, deadlines, and how wide the bands are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from imu_coach.exercise import Plan, Rule


@dataclass(frozen=True, slots=True)
class Layout:
    """A named set of sensor sites; ``sites`` is the sensor order of :class:`Frames`."""

    name: str
    sites: tuple[str, ...]
    title: str = ""
    sees: tuple[str, ...] = ()
    cannot_see: tuple[str, ...] = ()


class Band(NamedTuple):
    """An 80 % band about a value v: from ``v + low + low_slope |v|`` to ``v + high + high_slope |v|``, rad."""

    low: float
    low_slope: float
    high: float
    high_slope: float


class Estimate(NamedTuple):
    """A linear estimate, rad.

    Anchored: ``offset + change * (trunk - trunk at anchor) + anchor * trunk at anchor``.
    Split: ``offset + change * thoracolumbar flexion + anchor * trunk``.
    """

    offset: float
    change: float
    anchor: float


@dataclass(frozen=True, slots=True)
class Bands:
    """How wide each angle's band is, and how angles are estimated where they are not measured.

    Keys are ``(angle, basis, posture)``; basis is measured, nominal (side axis not calibrated), split (shared out
    between two spine sensors) or anchored; posture "any" serves those not listed.  ``no_bias_capture`` (rad, by angle)
    widens either side where a sensor's gyroscope bias was never captured.
    """

    band: Mapping[tuple[str, str, str], Band]
    estimate: Mapping[tuple[str, str, str], Estimate]
    no_bias_capture: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Setup:
    """What the user chose.

    Attributes
    ----------
    layout : the sensors that take part, in order
    bands : widths and estimates, by angle, basis and posture
    filter : name in :data:`imu_coach.core.orientation.FILTERS`
    wait : s; a sensor counts in a frame only if its sample arrived this soon after the frame's time
    hold : s; a gap up to this long is interpolated, a longer one restarts the filter
    settle : s; after a (re)start the attitude is not used for this long
    plan : what is to be done, when there is a coach
    rules : what is watched, when there is a coach
    """

    layout: Layout
    bands: Bands
    filter: str = "vqf"
    wait: float = 0.30
    hold: float = 0.25
    settle: float = 3.0
    plan: Plan | None = None
    rules: tuple[Rule, ...] = ()

    def places(self) -> tuple[str, ...]:
        """Every site that has a sensor at some time: those of the layout, and where the plan moves one to."""
        planned = [site for item in self.plan.items for site in item.exercise.sites] if self.plan else []
        return tuple(dict.fromkeys([*self.layout.sites, *planned]))
