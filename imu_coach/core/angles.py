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
from imu_coach.core.columns import Numbers, Table
from imu_coach.core.segments import SPINE, Segments
from imu_coach.settings import Bands
from imu_coach.types import Angles, Bools, Codes, Floats, Frames, Ints, Why


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
    numbers : the bands that were looked up so far
    """

    sites: tuple[str, ...]
    mounts: list[Mount]
    unsure: set[str]
    posture: str | None = None
    in_set: bool = False
    anchors: dict[str, float] = field(default_factory=dict)
    yaw: float = 0.0
    numbers: dict[object, Numbers] = field(default_factory=dict, repr=False, compare=False)

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
        self.whole = all(self.zeroed.values())

    @cached_property
    def segments(self) -> Segments:
        """How the segments stand against gravity."""
        return Segments(self.up, self.situation.sites, self.situation.mounts)

    @cached_property
    def spine(self) -> dict[str, Inclination]:
        """Inclination of each spine segment with a sensor."""
        mounts, segments = self.situation.mounts, self.segments
        return {
            site: Inclination(segments, site, self.why[:, i], mounts[i], segments.in_plane[i])
            for site, i in self.seen.items()
            if site in SPINE
        }

    def skip(self) -> None:
        """Move the situation's yaw on, and no more."""
        if "wrist" in self.seen:
            self._wrist_yaw(self.seen["wrist"])

    def angles(self) -> Angles:
        """Every column of the layout; moves the situation's yaw on."""
        names, situation = tuple([a.name for a in self.columns]), self.situation
        self.table = Table(self.index, names, self.bands, situation.posture, situation.numbers)
        if "upper_back" in self.spine:
            self._trunk(self.spine["upper_back"])
        if "sacrum" in self.spine:
            pelvis = self.spine["sacrum"]
            self._put("pelvis_inclination", pelvis.flexion, pelvis.why, pelvis.basis, "sacrum")
        self._curves()
        for site, name in (("wrist", "forearm_elevation"), ("upper_arm", "upper_arm_elevation")):
            if site in self.seen:
                i = self.seen[site]
                why = _first(self.why[:, i], self.situation.mounts[i].why)
                self._put(name, self.segments("elevation", site), why, "measured", site)
        if "wrist" in self.seen:
            yaw, why = self._wrist_yaw(self.seen["wrist"])
            self._put("wrist_yaw", yaw, why, "integrated", "wrist", "upper_back")
        return self.table.angles()

    def _put(self, name: str, value: Floats, why: Codes, basis: str, *sites: str) -> None:
        rough = self.whole or all(self.zeroed.get(site, True) for site in sites)
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
        tilt, i = self.segments("tilt", "upper_back"), self.seen["upper_back"]
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
        weighted = np.empty(b - a + 1)
        weighted[0] = carry
        np.multiply(steps[a:b], WEIGHT_UP[k : k + b - a], out=weighted[1:])
        total = weighted.cumsum()[1:]
        np.multiply(total, WEIGHT_DOWN[k : k + b - a], out=out[a:b])
        ends = (first + b) % LEAK_BLOCK == 0
        carry = float(out[b - 1]) * YAW_KEEP if ends else float(total[-1])
    return out, carry


class Inclination:
    """Flexion and out-of-plane angle of one spine segment against gravity."""

    def __init__(self, segments: Segments, site: str, why: Codes, mount: Mount, in_plane: Bools) -> None:
        self.flexion, self.out = segments("flexion", site), segments("out", site)
        self.side = mount.side
        self.basis = "measured" if mount.side else "nominal"
        self.why = _unless(_first(why, mount.why), in_plane, Why.OUT_OF_PLANE)


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
    if np.count_nonzero(condition) == len(condition):  # much cheaper than all() for a few frames
        return why
    return np.where((why == 0) & ~condition, np.uint8(reason), why)


def empty(names: tuple[str, ...]) -> Angles:
    """No frames."""
    shape = 0, len(names)
    codes = np.empty(shape, np.uint8)
    none = np.empty(shape)
    return Angles(np.empty(0, np.int64), names, none, none, none, codes, codes, none)
