"""Body angles of a stretch of frames in one situation: measured, estimated with a band, or unavailable with a reason.

All flexions, side bends, twists and elevations come from the direction of gravity in a segment frame: they do not
drift.  The wrist's yaw is the one integrated quantity; it leaks and is re-zeroed, and is never called measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE
from imu_coach.core.calibrate import Mount
from imu_coach.settings import Bands, Estimate
from imu_coach.types import Angles, Bools, Codes, Floats, Frames, Ints, Source, Why


class AngleKind(NamedTuple):
    """One column of the angle table.

    ``site`` must be in the layout, unless the angle is ``always`` shown (then as unavailable); ``zero`` is what it is
    counted from.
    """

    name: str
    kind: str
    site: str
    always: bool
    meaning: str
    zero: str = "the person's stand tall"


ANGLES = (
    AngleKind("trunk_inclination", "flexion", "upper_back", True, "upper back against gravity"),
    AngleKind("trunk_lateral", "lateral", "upper_back", False, "side bend of the upright trunk"),
    AngleKind("trunk_twist", "rotation", "upper_back", False, "turn about the long axis of the level trunk", "level"),
    AngleKind(
        "upper_back_tilt", "flexion", "upper_back", False, "the sensor's tilt: placement and posture", "vertical"
    ),
    AngleKind("pelvis_inclination", "flexion", "sacrum", False, "pelvis against gravity"),
    AngleKind("thoracolumbar_flexion", "flexion", "upper_back", True, "upper back against pelvis"),
    AngleKind("thoracic_flexion", "flexion", "upper_back", True, "upper back against T12/L1"),
    AngleKind("lumbar_flexion", "flexion", "upper_back", True, "T12/L1 against pelvis"),
    AngleKind(
        "forearm_elevation", "flexion", "wrist", False, "forearm against the horizontal", "level; hanging is -90"
    ),
    AngleKind("upper_arm_elevation", "flexion", "upper_arm", False, "upper arm against the horizontal", "level"),
    AngleKind("wrist_yaw", "rotation", "wrist", False, "wrist against trunk about the vertical", "the last re-zeroing"),
)
"""Every angle there is; ``name`` is the column, ``kind`` selects the ISB sign."""

SPINE = ("upper_back", "thoracolumbar", "sacrum")
CURVES = (
    ("thoracolumbar_flexion", "upper_back", "sacrum"),
    ("thoracic_flexion", "upper_back", "thoracolumbar"),
    ("lumbar_flexion", "thoracolumbar", "sacrum"),
)
"""Angles between two spine levels, the whole before its parts."""
POSTURES = ("standing", "seated", "prone", "row", "pushback", "kneeling", "transition")
"""What a ``context`` command may say."""
ANCHORED = {"prone": False, "seated": False, "row": False, "pushback": True, "kneeling": True}
"""Postures that fix the pelvis: the floor, the chair, hand and knee on a bench; and (True) only within a set, feet
still."""
UPRIGHT = float(np.deg2rad(45.0))
INVERTED = float(np.deg2rad(135.0))
SIDEWAYS = 0.5
"""Share of gravity left in the sagittal plane below which flexion is not defined: lying on the side."""
TOO_FAR_OUT = float(np.deg2rad(25.0))
"""rad; out-of-plane angle beyond which a difference of inclinations is off by more than 5 deg."""
YAW_LEAK = 20.0
"""s; time constant with which the relative yaw forgets: longer than a repetition, shorter than its drift matters."""
YAW_KEEP = 1.0 - 1.0 / (YAW_LEAK * FRAME_RATE)
LEAK_BLOCK = 4096
"""Frames (41 s) between fresh weights: they grow to e^2."""
WEIGHT_UP, WEIGHT_DOWN = (np.power(YAW_KEEP, sign * np.arange(LEAK_BLOCK, dtype=np.float64)) for sign in (-1.0, 1.0))


def angles_of(sites: Sequence[str]) -> tuple[AngleKind, ...]:
    """The columns that sensors at these sites give."""
    return tuple(a for a in ANGLES if a.always or a.site in sites)


@dataclass(slots=True)
class Situation:
    """What the angles of a frame depend on beside the frame itself.

    Attributes
    ----------
    sites, mounts : the sensors in frame order, and how each sits
    unsure : sites whose gyroscope bias was never captured
    posture, in_set : what the last ``context`` command said
    anchors : trunk inclination (rad) at the anchor, by posture
    yaw : rad, running sum of the wrist's relative yaw: see :func:`leaky_sum`
    """

    sites: tuple[str, ...]
    mounts: list[Mount]
    unsure: set[str]
    posture: str | None = None
    in_set: bool = False
    anchors: dict[str, float] = field(default_factory=dict)
    yaw: float = 0.0

    def why_no_anchor(self) -> Why:
        """Why one spine sensor cannot say anything about the curve right now."""
        if self.posture is None:
            return Why.POSTURE_UNKNOWN
        if self.posture == "transition":
            return Why.TRANSITION
        if self.posture not in ANCHORED or (ANCHORED[self.posture] and not self.in_set):
            return Why.NO_ANCHOR
        return Why.AVAILABLE if self.posture in self.anchors else Why.CALIBRATING


class Stretch:
    """Frames with one situation."""

    def __init__(
        self, f: Frames, rows: slice, up: Floats, columns: Sequence[AngleKind], bands: Bands, situation: Situation
    ) -> None:
        self.situation = situation
        self.up, self.gyr, self.why = up, f.gyr[rows], f.why[rows]
        self.index, self.columns, self.bands = f.index[rows], columns, bands
        self.seen = {site: i for i, site in enumerate(situation.sites)}
        self.zeroed = {site: mount.why == 0 for site, mount in zip(situation.sites, situation.mounts, strict=True)}

    @cached_property
    def spine(self) -> dict[str, Inclination]:
        """Inclination of each spine segment with a sensor."""
        mounts = self.situation.mounts
        return {
            site: Inclination(self.up[:, i], self.why[:, i], mounts[i])
            for site, i in self.seen.items()
            if site in SPINE
        }

    def skip(self) -> None:
        """Move the situation's yaw on, and no more."""
        if "wrist" in self.seen:
            self._wrist_yaw(self.seen["wrist"])

    def angles(self) -> Angles:
        """Every column of the layout; moves the situation's yaw on."""
        self.table = _Table(self.index, self.columns, self.bands, self.situation.posture)
        if "upper_back" in self.spine:
            self._trunk(self.spine["upper_back"])
        if "sacrum" in self.spine:
            pelvis = self.spine["sacrum"]
            self._put("pelvis_inclination", pelvis.flexion, pelvis.why, pelvis.basis, "sacrum")
        self._curves()
        for site, name in (("wrist", "forearm_elevation"), ("upper_arm", "upper_arm_elevation")):
            if site in self.seen:
                i = self.seen[site]
                mount = self.situation.mounts[i]
                x, y, z = mount.into_body(self.up[:, i])
                why = _first(self.why[:, i], mount.why)
                self._put(name, np.arctan2(-y, np.hypot(x, z)), why, "measured", site)
        if "wrist" in self.seen:
            yaw, why = self._wrist_yaw(self.seen["wrist"])
            self._put("wrist_yaw", yaw, why, "integrated", "wrist", "upper_back")
        return self.table.angles()

    def _put(self, name: str, value: Floats, why: Codes, basis: str, *sites: str) -> None:
        rough = all(self.zeroed.get(site, True) for site in sites)
        self.table.put(name, value, why, basis, not self.situation.unsure.isdisjoint(sites), rough)

    def _trunk(self, trunk: Inclination) -> None:
        self._put("trunk_inclination", trunk.flexion, trunk.why, trunk.basis, "upper_back")
        lean = np.abs(trunk.flexion)
        side = _first(trunk.why, Why.AVAILABLE if trunk.side else Why.SIDE_AXIS_UNKNOWN)
        for name, defined in (
            ("trunk_lateral", lean < UPRIGHT),
            ("trunk_twist", (lean >= UPRIGHT) & (lean <= INVERTED)),
        ):
            why = _unless(side, defined, Why.NOT_DEFINED_HERE)
            self._put(name, trunk.out, why, "measured", "upper_back")
        i = self.seen["upper_back"]
        tilt = np.arctan2(-self.up[:, i, 0], self.up[:, i, 1])
        self._put("upper_back_tilt", tilt, self.why[:, i], "measured", "upper_back")

    def _curves(self) -> None:
        """The three flexions between spine levels: measured between two sensors, else shared out, else anchored."""
        spine, situation = self.spine, self.situation
        if "upper_back" not in spine:
            return
        trunk, total = spine["upper_back"], None
        for name, upper, lower in CURVES:
            if upper in spine and lower in spine:
                value, why = _between(spine[upper], spine[lower])
                basis = "measured" if spine[upper].side and spine[lower].side else "nominal"
                self._put(name, value, why, basis, upper, lower)
                total = (value, why) if (upper, lower) == ("upper_back", "sacrum") else total
            elif total is not None:
                self._estimate(name, "split", total[0], trunk.flexion, total[1], "upper_back", "sacrum")
            else:
                why = _first(trunk.why, situation.why_no_anchor())
                anchor = situation.anchors.get(situation.posture or "", np.nan)
                self._estimate(name, "anchored", trunk.flexion - anchor, anchor, why, "upper_back")

    def _estimate(self, name: str, basis: str, first: Floats, second: Floats | float, why: Codes, *sites: str) -> None:
        """A linear estimate from two inputs: see :class:`~imu_coach.settings.Estimate`."""
        e = self.table.estimate(name, basis)
        if e is None:
            self._put(name, first, _first(why, Why.NO_ANCHOR), basis, *sites)
        else:
            self._put(name, e.offset + e.change * first + e.anchor * second, why, basis, *sites)

    def _wrist_yaw(self, wrist: int) -> tuple[Floats, Codes]:
        """Leaky integral of the difference of the rates about the vertical."""
        up, gyr = self.up, self.gyr
        rate, why = quat.dot(up[:, wrist], gyr[:, wrist]), self.why[:, wrist]
        if "upper_back" in self.seen:
            back = self.seen["upper_back"]
            rate = rate - quat.dot(up[:, back], gyr[:, back])
            why = np.where(why == 0, self.why[:, back], why)
        steps = np.where(why == 0, rate / FRAME_RATE, 0.0)
        yaw, self.situation.yaw = leaky_sum(steps, self.index, self.situation.yaw)
        return yaw, why


def leaky_sum(steps: Floats, index: Ints, carry: float) -> tuple[Floats, float]:
    """``y[k] = keep y[k-1] + steps[k]``, as a running sum of steps that are weighted up as the sum is weighted down.

    The weights start anew at every multiple of :data:`LEAK_BLOCK` frames.  ``carry`` is the running sum so far.
    """
    out = np.empty_like(steps)
    first = int(index[0])
    edges = [0, *range(LEAK_BLOCK - first % LEAK_BLOCK, len(steps), LEAK_BLOCK), len(steps)]
    for a, b in pairwise(edges):
        k = (first + a) % LEAK_BLOCK
        total = np.cumsum(np.concatenate([[carry], steps[a:b] * WEIGHT_UP[k : k + b - a]]))[1:]
        out[a:b] = total * WEIGHT_DOWN[k : k + b - a]
        ends = (first + b) % LEAK_BLOCK == 0
        carry = float(out[b - 1]) * YAW_KEEP if ends else float(total[-1])
    return out, carry


class Inclination:
    """Flexion and out-of-plane angle of one spine segment against gravity."""

    def __init__(self, up: Floats, why: Codes, mount: Mount) -> None:
        x, y, z = mount.into_body(up)
        plane = np.hypot(x, y)
        self.flexion = np.arctan2(-x, y)
        self.out = np.arctan2(-z, plane)
        self.side = mount.side
        self.basis = "measured" if mount.side else "nominal"
        self.why = _unless(_first(why, mount.why), plane > SIDEWAYS, Why.OUT_OF_PLANE)


def _between(upper: Inclination, lower: Inclination) -> tuple[Floats, Codes]:
    """Difference of two inclinations, wrapped to +-180 deg."""
    d = upper.flexion - lower.flexion
    wrapped = d - 2.0 * np.pi * np.rint(d / (2.0 * np.pi))
    why = np.where(upper.why == 0, lower.why, upper.why)
    near = (np.abs(upper.out) <= TOO_FAR_OUT) & (np.abs(lower.out) <= TOO_FAR_OUT)
    return wrapped, _unless(why, near, Why.OUT_OF_PLANE)


def _first(why: Codes, reason: Why) -> Codes:
    """``why``, and where there is none, ``reason``."""
    return why if reason == Why.AVAILABLE else np.where(why == 0, np.uint8(reason), why)


def _unless(why: Codes, condition: Bools, reason: Why) -> Codes:
    """``why``, and where there is none but the condition fails, ``reason``."""
    return np.where((why == 0) & ~condition, np.uint8(reason), why)


MEASURED, ESTIMATED = int(Source.MEASURED), int(Source.ESTIMATED)
SOURCE = {"measured": MEASURED, "nominal": MEASURED, "split": ESTIMATED, "anchored": ESTIMATED, "integrated": ESTIMATED}


class _Table:
    """The angle block of one segment, filled column by column."""

    def __init__(self, index: Ints, columns: Sequence[AngleKind], bands: Bands, posture: str | None) -> None:
        self.index = index
        self.names = tuple(a.name for a in columns)
        self.bands = bands
        self.posture = posture or "any"
        shape = len(columns), len(index)
        self.value, self.why = np.empty(shape), np.empty(shape, np.uint8)
        self.source = np.zeros(len(columns), np.uint8)
        self.band = np.zeros((4, len(columns), 1))
        self.rough = np.zeros(len(columns), np.bool_)
        self.missing = set(range(len(columns)))

    def estimate(self, name: str, basis: str) -> Estimate | None:
        """How this angle is estimated in this posture."""
        estimates = self.bands.estimate
        return estimates.get((name, basis, self.posture)) or estimates.get((name, basis, "any"))

    def put(self, name: str, value: Floats, why: Codes, basis: str, unsure: bool, rough: bool) -> None:
        """One column: values where ``why`` is 0, with the band of its basis and posture.

        ``rough``: what the filter says while it settles may serve to count.
        """
        if name not in self.names:
            return  # a sensor was moved to a place that nobody asked about
        i = self.names.index(name)
        bands = self.bands.band
        band = bands.get((name, basis, self.posture)) or bands[name, basis, "any"]
        extra = self.bands.no_bias_capture.get(name, 0.0) if unsure else 0.0
        self.missing.discard(i)
        self.value[i], self.why[i], self.source[i], self.rough[i] = value, why, SOURCE[basis], rough
        self.band[:, i, 0] = band.low - extra, band.low_slope, band.high + extra, band.high_slope

    def angles(self) -> Angles:
        """The block, one row a frame; angles of sites without a sensor are not worn."""
        for i in self.missing:
            self.value[i], self.why[i] = np.nan, Why.NOT_WORN
        value, rough, why = self.value, self.value, self.why
        source = np.empty(why.shape, np.uint8)
        source[:] = self.source[:, None]
        unknown = why != 0
        if unknown.any():
            value = np.where(unknown, np.nan, value)
            source[unknown] = 0
            settling = self.rough[:, None] & (why == Why.SETTLING)
            rough = np.where(unknown & ~settling, np.nan, rough) if settling.any() else value
        size = np.abs(value)
        low = self.band[1] * size
        low += self.band[0]
        low += value
        high = np.multiply(self.band[3], size, out=size)
        high += self.band[2]
        high += value
        return Angles(self.index, self.names, value.T, low.T, high.T, source.T, why.T, rough.T)


def empty(names: tuple[str, ...]) -> Angles:
    """No frames."""
    shape = 0, len(names)
    codes = np.empty(shape, np.uint8)
    none = np.empty(shape)
    return Angles(np.empty(0, np.int64), names, none, none, none, codes, codes, none)
