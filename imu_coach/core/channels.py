"""What repetitions are seen by: one number per frame out of angles, rates and specific force, signed to go up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from scipy import signal

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE, GRAVITY
from imu_coach.core.recurrence import sections
from imu_coach.exercise import Motion
from imu_coach.types import Angles, Bools, Codes, Floats, Frames, Source, Why

COLUMN = {
    "trunk_extension": ("trunk_inclination", -1.0),
    "trunk_lateral": ("trunk_lateral", 1.0),
    "forearm_elevation": ("forearm_elevation", 1.0),
}
"""Channels that are an angle of the table, and their factor."""

SLOWEST = 0.12
"""Hz; a lift of a weight takes 8 s at the most; what is slower is drift of the twofold integration."""
MEASURED, SETTLING = int(Source.MEASURED), int(Why.SETTLING)


class Channel(Protocol):
    """Consecutive frames in, one value each out; NaN where it is not sensed."""

    def push(self, f: Frames, a: Angles) -> Floats:
        """Value (n,) of every frame: rad, of a displacement m."""


def first_site(motion: Motion, sites: tuple[str, ...]) -> int:
    """Index of the sensor that carries a motion; -1 when nobody wears it."""
    if motion.site == "any":
        limbs = [i for i, site in enumerate(sites) if site in ("wrist", "upper_arm")]
        return (limbs or [0])[0] if sites else -1
    return sites.index(motion.site) if motion.site in sites else -1


class Column:
    """A column of the angle table, where it is measured."""

    def __init__(self, motion: Motion, sites: tuple[str, ...], sign: float) -> None:
        self.name, factor = COLUMN[motion.channel]
        self.factor = factor * (sign or 1.0)

    def push(self, f: Frames, a: Angles) -> Floats:
        """The angle, turned so that a repetition goes up; a settling filter is good enough to count by."""
        i = a.names.index(self.name)
        seen = (a.source[:, i] == MEASURED) | (a.why[:, i] == SETTLING)
        return np.where(seen, self.factor * a.rough[:, i], np.nan)


class Tilt:
    """How far "up" has turned in the sensor since the counting began: no calibration, and no direction."""

    def __init__(self, motion: Motion, sites: tuple[str, ...], sign: float) -> None:
        self.site = first_site(motion, sites)
        self.start: Floats | None = None

    def push(self, f: Frames, a: Angles) -> Floats:
        """Angle to the first "up", rad."""
        there, up = _there(f, self.site), quat.up(f.earth_from_sensor[:, self.site])
        good = np.flatnonzero(there)
        if self.start is None and len(good):
            self.start = up[good[0]].copy()
        if self.start is None:
            return np.full(len(up), np.nan)
        return np.where(there, np.arccos(np.clip(quat.dot(up, self.start), -1.0, 1.0)), np.nan)


HANGS = float(np.deg2rad(-65.0))
"""rad; below it the elevation of a limb may fold: how it hung while standing tall was taken for plumb, to 17 deg."""


class Elevation:
    """Elevation of the forearm; from where it hangs, how far it has turned from there."""

    def __init__(self, motion: Motion, sites: tuple[str, ...], sign: float) -> None:
        self.column, self.tilt = Column(motion, sites, sign), Tilt(motion, sites, sign)
        self.hangs: bool | None = None if sign > 0.0 else False

    def push(self, f: Frames, a: Angles) -> Floats:
        """The one or the other, as the first value of the set decides."""
        value = self.column.push(f, a)
        if self.hangs is False:
            return value
        turned, begin = self.tilt.push(f, a), 0
        if self.hangs is None:
            known = np.flatnonzero(~np.isnan(value))
            if not len(known):
                return value
            begin = int(known[0])
            self.hangs = bool(value[begin] < HANGS)
        return np.concatenate([value[:begin], turned[begin:]]) if self.hangs else value


class Yaw:
    """The turn of a limb against the trunk (or alone) about the vertical since the counting began: not leaking."""

    def __init__(self, motion: Motion, sites: tuple[str, ...], sign: float) -> None:
        limb = first_site(motion, sites)
        self.turns = [_Turn(limb, sign or 1.0)]
        if "upper_back" in sites and sites[limb] != "upper_back":
            self.turns.append(_Turn(sites.index("upper_back"), -(sign or 1.0)))

    def push(self, f: Frames, a: Angles) -> Floats:
        """Running integral of the difference of the rates about the vertical."""
        total = self.turns[0].push(f)
        for turn in self.turns[1:]:
            total = total + turn.push(f)
        return total


BRIDGE = int(FRAME_RATE)
"""Frames (1 s) without data over which a turn is carried on at the mean of the rates before and after."""


class _Turn:
    """Turn of one sensor about the vertical; NaN while there are no data, and carried over short gaps."""

    def __init__(self, site: int, sign: float) -> None:
        self.site, self.sign = site, sign
        self.sum = 0.0
        self.last: tuple[int, float, Floats] | None = None  # frame, rate and attitude of the last data

    def push(self, f: Frames) -> Floats:
        """Angle (n,) rad since the first frame with data."""
        there = _there(f, self.site)
        q = f.earth_from_sensor[:, self.site]
        rate = self.sign * _vertical_rate(f, self.site)
        steps = np.where(there, rate / FRAME_RATE, 0.0)
        rows = np.flatnonzero(there)
        for row in rows[np.diff(rows, prepend=rows[0] - 1 if len(rows) else 0) > 1].tolist() if len(rows) else []:
            before = int(rows[np.searchsorted(rows, row) - 1])
            self._bridge(f, steps, row, int(f.index[before]), float(rate[before]), q[before])
        if len(rows) and self.last is not None and f.index[rows[0]] > self.last[0] + 1:
            self._bridge(f, steps, int(rows[0]), *self.last)
        if len(rows):
            end = int(rows[-1])
            self.last = int(f.index[end]), float(rate[end]), q[end].copy()
        total = np.cumsum(np.concatenate([[self.sum], steps]))
        self.sum = float(total[-1])
        return np.where(there, total[1:], np.nan)

    def _bridge(self, f: Frames, steps: Floats, row: int, frame: int, rate: float, attitude: Floats) -> None:
        """The turn during a gap: late data leave the filter whole, so it knows; lost data do not."""
        missed = int(f.index[row]) - frame
        if f.why[row, self.site] == Why.AVAILABLE:
            turn = quat.multiply(f.earth_from_sensor[row, self.site], quat.conjugate(attitude))
            half = float(np.arctan2(turn[3], turn[0]))
            steps[row] = self.sign * 2.0 * (half - np.pi * np.rint(half / np.pi))
        elif missed <= BRIDGE:
            steps[row] = 0.5 * (rate + steps[row] * FRAME_RATE) * missed / FRAME_RATE


class Vertical:
    """Height of the sensor over its average of the last seconds, from the specific force integrated twice, m."""

    def __init__(self, motion: Motion, sites: tuple[str, ...], sign: float) -> None:
        self.site, self.sign = first_site(motion, sites), sign or 1.0
        leak = 1.0 - 2.0 * np.pi * SLOWEST / FRAME_RATE
        self.steps = [_Filter([1.0, -1.0], [1.0, -leak]), *(_Filter([1.0 / FRAME_RATE], [1.0, -leak]) for _ in "vh")]
        self.last = _Filter([1.0, -1.0], [1.0, -leak])

    def push(self, f: Frames, a: Angles) -> Floats:
        """High-passed, integrated, integrated, high-passed."""
        why = f.why[:, self.site]
        up, acc = quat.up(f.earth_from_sensor[:, self.site]), f.acc[:, self.site]
        value = np.where(why == 0, quat.dot(up, acc) - GRAVITY, 0.0)
        for step in (*self.steps, self.last):
            value = step.push(value)
        return np.where(why == 0, self.sign * value, np.nan)


class _Filter:
    """A first-order filter that starts at rest at its first value."""

    def __init__(self, b: list[float], a: list[float]) -> None:
        self.sos = signal.tf2sos(b, a)
        self.rest = b == [1.0, -1.0]
        self.state: Floats | None = None

    def push(self, x: Floats) -> Floats:
        """(n,) -> (n,)"""
        if not len(x):
            return x
        if self.state is None:
            self.state = signal.sosfilt_zi(self.sos) * (float(x[0]) if self.rest else 0.0)
        y, self.state = sections(self.sos, x, self.state)
        return y


def _there(f: Frames, site: int) -> Bools:
    """Frames (n,) with data, be the filter settled or not."""
    why = f.why[:, site]
    return np.asarray((why == 0) | (why == SETTLING))


def _vertical_rate(f: Frames, site: int) -> Floats:
    return quat.dot(quat.up(f.earth_from_sensor[:, site]), f.gyr[:, site])


MAKERS: Mapping[str, Callable[[Motion, tuple[str, ...], float], Channel]] = {
    **dict.fromkeys(COLUMN, Column),
    "wrist_yaw": Yaw,
    "wrist_sweep": Yaw,
    "wrist_vertical": Vertical,
    "forearm_elevation": Elevation,
    "upper_arm_elevation": Tilt,  # an arm that hangs before the vertical passes it: its elevation would go down first
    "tilt": Tilt,
}
"""How each channel is made; ``circle`` and ``auto`` are counted by counters of their own."""

MIRRORED = ("wrist_yaw", "wrist_sweep")
"""Channels whose sign is that of a right arm."""


def channel(motion: Motion, sites: tuple[str, ...], arm: str) -> Channel:
    """The channel of a motion; ``arm`` ("left", "right" or "") wears the sensor."""
    mirrored = motion.channel in MIRRORED and arm == "left"
    return MAKERS[motion.channel](motion, sites, -float(motion.sign) if mirrored else float(motion.sign))


NEVER = (Why.NOT_STARTED, Why.NOT_WORN, Why.NOT_CALIBRATED, Why.SIDE_AXIS_UNKNOWN, Why.SENSOR_MOVED)
"""Reasons that will not pass by themselves."""


def sensed(motion: Motion, sites: tuple[str, ...], names: tuple[str, ...], why: Codes) -> bool:
    """Whether this motion has a value, or will have one in a moment, by a frame's reasons ``(k,)``."""
    if first_site(motion, sites) < 0:
        return False
    if motion.channel not in COLUMN:
        return True
    name = COLUMN[motion.channel][0]
    return name in names and why[names.index(name)] not in NEVER
