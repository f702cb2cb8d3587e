"""Frames and commands to body angles, each measured, estimated with a band, or unavailable with a reason.

All flexions, side bends, twists and elevations come from the direction of gravity in a segment frame: they do not
drift.  The wrist's yaw is the one integrated quantity; it leaks and is re-zeroed, and is never called measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE
from imu_coach.core import calibrate
from imu_coach.core.calibrate import Mount
from imu_coach.core.slip import SlipMonitor
from imu_coach.types import (
    Angles,
    Bands,
    Codes,
    Command,
    Estimate,
    Event,
    Floats,
    Frames,
    Header,
    Ints,
    Json,
    Layout,
    Source,
    Why,
    concat_angles,
)


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
ANCHOR_FRAMES = 100
"""Frames (1 s) whose mean is the trunk angle at the anchor: breathing averages to a third."""
YAW_LEAK = 20.0
"""s; time constant with which the relative yaw forgets: longer than a repetition, shorter than its drift matters."""


def angles_of(layout: Layout) -> tuple[AngleKind, ...]:
    """The columns of a layout."""
    return tuple(a for a in ANGLES if a.always or a.site in layout.sites)


class _Window(NamedTuple):
    """A pose in progress: frames ``begin`` to ``end``, and what was collected (up, gyr, why per sensor)."""

    begin: int
    end: int
    pose: str
    parts: list[tuple[Floats, Floats, Codes]]


class Body:
    """Stage Frames -> Angles and events; commands take effect at their frame."""

    def __init__(self, layout: Layout, header: Header, bands: Bands) -> None:
        self.sites = layout.sites
        self.columns = angles_of(layout)
        self.names = tuple(a.name for a in self.columns)
        self.nothing = _empty(self.names)
        self.bands = bands
        mountings = {info.sensor: info.mounting for info in header.sensors}
        self.mounts: list[Mount] = []
        for site in self.sites:
            mounting = mountings.get(site)
            self.mounts.append(calibrate.nominal() if mounting is None else calibrate.given(mounting))
        self.monitors = [SlipMonitor() if site in SPINE else None for site in self.sites]
        self.bias_known = {i.sensor: i.bias is not None for i in header.sensors}
        self.commands: list[tuple[int, Command]] = []
        self.biases: list[tuple[int, str]] = []
        self.windows: list[_Window] = []
        self.events: list[Event] = []
        self.posture: str | None = None
        self.in_set = False
        self.anchors: dict[str, float] = {}  # trunk inclination at the anchor, by posture
        self.anchor_window: tuple[int, list[Floats]] | None = None  # frame at which it ends, and what came so far
        self.yaw = 0.0
        self.now = -1  # the frame at which the state was last looked at
        self.watched = 0  # frames before this one have been through the slip monitors
        self.slips: list[tuple[int, int, str]] = []  # frame, sensor, problem

    # --- inputs ---------------------------------------------------------------------------------

    def command(self, command: Command) -> None:
        """Take note of a command; it acts from the first frame at or after it."""
        self.commands.append((-(-command.arrived_ns * int(FRAME_RATE) // 1_000_000_000), command))

    def bias_captured(self, event: Event) -> None:
        """From the event's frame on, a sensor's gyroscope bias is known."""
        self.biases.append((event.decided, event.sensor))

    def take_events(self) -> list[Event]:
        """Events since the last call."""
        events, self.events = self.events, []
        return events

    def push(self, f: Frames) -> Angles:
        """Angles of every frame; the state changes only at frames, so any cut gives the same."""
        if not len(f.index):
            return self.nothing
        parts: list[Angles] = []
        done, n = 0, len(f.index)
        while done < n:
            self._act(int(f.index[done]))
            stop = min(int(np.searchsorted(f.index, self._next_change())), n)
            if f.index[done] >= self.watched:
                self._watch(f, done, stop, quat.up(f.earth_from_sensor[done:stop]))
                stop = min(int(np.searchsorted(f.index, self._next_change())), n)
            parts.append(self._segment(f, slice(done, stop)))
            done = stop
        return parts[0] if len(parts) == 1 else concat_angles(parts)

    # --- changes of state -------------------------------------------------------------------------

    def _next_change(self) -> int:
        """The next frame before which something must be done."""
        frames = [frame for frame, _ in self.commands] + [frame for frame, _ in self.biases]
        frames += [window.end for window in self.windows] + [frame for frame, _, _ in self.slips]
        if self.anchor_window is not None:
            frames.append(self.anchor_window[0])
        return min(frames, default=int(np.iinfo(np.int64).max))

    def _act(self, frame: int) -> None:
        """Everything that is due before this frame is processed."""
        self.now = frame
        for due, sensor in [b for b in self.biases if b[0] <= frame]:
            self.bias_known[sensor] = True
            self.biases.remove((due, sensor))
        for due, i, problem in [s for s in self.slips if s[0] <= frame]:
            self.slips.remove((due, i, problem))
            self._slipped(due, i, problem)
        for window in [w for w in self.windows if w.end <= frame]:
            self.windows.remove(window)
            self._finish(window)
        if self.anchor_window is not None and self.anchor_window[0] <= frame:
            self._finish_anchor(frame)
        while self.commands and self.commands[0][0] <= frame:
            due, command = self.commands.pop(0)
            self._obey(due, command)

    def _obey(self, frame: int, command: Command) -> None:
        value = command.value
        if command.name == "calibrate":
            self._begin_pose(frame, value.get("pose"), value.get("seconds", 4.0))
        elif command.name == "context":
            posture = value.get("posture")
            self._context(frame, posture if posture in POSTURES else None, bool(value.get("in_set", False)))
        elif command.name == "rezero":
            self.yaw = 0.0
        elif command.name == "marker":
            self.events.append(Event(frame, frame, "marked", "", {"text": str(value.get("text", ""))[:200]}))

    def _begin_pose(self, frame: int, pose: Json, seconds: Json) -> None:
        if pose == "table_still":
            return  # the orientation stage measures it
        if pose not in calibrate.POSES or not isinstance(seconds, int | float) or not 0.5 <= seconds <= 60.0:
            problem = "unknown pose, or a length outside 0.5 to 60 s"
            self.events.append(Event(frame, frame, "calibration_failed", "", {"pose": str(pose), "problem": problem}))
            return
        self.windows.append(_Window(frame, frame + round(seconds * FRAME_RATE), pose, []))

    def _context(self, frame: int, posture: str | None, in_set: bool) -> None:
        if (posture, in_set) == (self.posture, self.in_set):
            return
        renewed = posture != self.posture or in_set  # a set has its own anchor; sit tall outlives it
        self.posture, self.in_set = posture, in_set
        self.yaw = 0.0
        self.anchor_window = None
        if posture in ANCHORED and renewed and not (posture == "seated" and "seated" in self.anchors):
            self.anchors.pop(posture, None)
            self.anchor_window = frame + ANCHOR_FRAMES, []
        for i, monitor in enumerate(self.monitors):
            if monitor is not None:
                problem = self._tell(i)
                if problem and self.mounts[i].side:
                    self._slipped(frame, i, problem)

    def _tell(self, i: int) -> str:
        """Tell a slip monitor the context; what it concludes from the one that ends."""
        monitor = self.monitors[i]
        known = self.posture if self.posture not in (None, "transition") else ""
        return monitor.context(known or "", self.in_set) if monitor is not None else ""

    def _slipped(self, frame: int, i: int, problem: str) -> None:
        nominal = calibrate.nominal()
        self.mounts[i] = Mount(nominal.x, nominal.y, nominal.z, Why.SENSOR_MOVED)
        self.events.append(Event(frame, frame, "slipped", self.sites[i], {"problem": problem}))

    def _finish_anchor(self, frame: int) -> None:
        assert self.anchor_window is not None
        seen = np.concatenate([*self.anchor_window[1], np.empty(0)])
        seen = seen[~np.isnan(seen)]
        if len(seen) >= 0.5 * ANCHOR_FRAMES and self.posture is not None:
            self.anchors[self.posture] = float(seen.mean())
            self.anchor_window = None
        else:
            self.anchor_window = frame + ANCHOR_FRAMES, []

    def _finish(self, window: _Window) -> None:
        """Judge a pose for every sensor; what is refused leaves the sensor as it was."""
        detail: dict[str, Json] = {"pose": window.pose, "sensors": {}}
        up, gyr, why = (np.concatenate(arrays) for arrays in zip(*window.parts, strict=True))
        for i, site in enumerate(self.sites):
            if site not in SPINE and window.pose != "stand_tall":
                continue
            valid = why[:, i] == Why.AVAILABLE
            mount, quality = calibrate.calibrate(window.pose, up[:, i], gyr[:, i], valid, self.mounts[i])
            detail["sensors"][site] = quality
            if "problem" in quality:
                continue
            self.mounts[i] = mount
            if window.pose == "stand_tall" and self.monitors[i] is not None:
                self.monitors[i] = SlipMonitor()
                self._tell(i)
            if site == "upper_back" and window.pose == "stand_tall":
                self.anchors.clear()
            if site == "upper_back" and window.pose == "sit_tall" and mount.why == Why.AVAILABLE:
                x, y, _ = mount.into_body(up[valid, i].mean(axis=0))
                self.anchors["seated"] = float(np.arctan2(-x, y))
        refused = [site for site, quality in detail["sensors"].items() if "problem" in quality]
        kind = "calibration_failed" if refused and len(refused) == len(detail["sensors"]) else "calibrated"
        self.events.append(Event(window.end, window.begin, kind, "", detail))

    def _watch(self, f: Frames, a: int, b: int, up: Floats) -> None:
        """Run the slip monitors over frames that have one context; what they find is due at its frame."""
        self.watched = int(f.index[b - 1]) + 1
        for i, monitor in enumerate(self.monitors):
            mount = self.mounts[i]
            if monitor is None or not mount.side:
                continue
            body = np.stack(mount.into_body(up[:, i]), axis=1)
            rate = np.stack(mount.into_body(f.gyr[a:b, i]), axis=1)
            at, problem = monitor.push(body, rate, quat.length(f.acc[a:b, i]), f.why[a:b, i] == Why.AVAILABLE)
            if problem:
                self.slips.append((int(f.index[a]) + at + 1, i, problem))

    # --- angles -----------------------------------------------------------------------------------

    def _segment(self, f: Frames, rows: slice) -> Angles:
        """Angles of frames with one state; also feeds the poses and the anchor in progress."""
        up, gyr, why = quat.up(f.earth_from_sensor[rows]), f.gyr[rows], f.why[rows]
        for window in self.windows:
            window.parts.append((up, gyr, why))
        table = _Table(f.index[rows], self.columns, self.bands, self.posture)
        seen = {site: i for i, site in enumerate(self.sites)}
        spine = {s: _Inclination(up[:, i], why[:, i], self.mounts[i]) for s, i in seen.items() if s in SPINE}
        unsure = {site for site in self.sites if not self.bias_known.get(site, False)}
        if "upper_back" in spine:
            self._trunk(table, spine, up[:, seen["upper_back"]], "upper_back" in unsure)
        if "sacrum" in spine:
            pelvis = spine["sacrum"]
            table.put("pelvis_inclination", pelvis.flexion, pelvis.why, pelvis.basis, "sacrum" in unsure)
        self._curves(table, spine, bool(unsure & set(SPINE)))
        for site, name in (("wrist", "forearm_elevation"), ("upper_arm", "upper_arm_elevation")):
            if site in seen:
                mount = self.mounts[seen[site]]
                x, y, z = mount.into_body(up[:, seen[site]])
                known = _first(why[:, seen[site]], mount.why)
                table.put(name, np.arctan2(-y, np.hypot(x, z)), known, "measured", site in unsure)
        if "wrist" in seen:
            self._wrist_yaw(table, up, gyr, why, seen, bool(unsure & {"wrist", "upper_back"}))
        return table.angles()

    def _trunk(self, table: _Table, spine: dict[str, _Inclination], up: Floats, unsure: bool) -> None:
        trunk = spine["upper_back"]
        if self.anchor_window is not None:
            self.anchor_window[1].append(np.where(trunk.why == Why.AVAILABLE, trunk.flexion, np.nan))
        table.put("trunk_inclination", trunk.flexion, trunk.why, trunk.basis, unsure)
        lean = np.abs(trunk.flexion)
        upright, level = lean < UPRIGHT, (lean >= UPRIGHT) & (lean <= INVERTED)
        side = _first(trunk.why, Why.AVAILABLE if trunk.side else Why.SIDE_AXIS_UNKNOWN)
        for name, defined in (("trunk_lateral", upright), ("trunk_twist", level)):
            table.put(name, trunk.out, _unless(side, defined, Why.NOT_DEFINED_HERE), "measured", unsure)
        tilt = np.arctan2(-up[:, 0], up[:, 1])
        table.put("upper_back_tilt", tilt, trunk.raw_why, "measured", unsure)

    def _curves(self, table: _Table, spine: dict[str, _Inclination], unsure: bool) -> None:
        """The three flexions between spine levels: measured between two sensors, else shared out, else anchored."""
        total = None
        for name, upper, lower in (
            ("thoracolumbar_flexion", "upper_back", "sacrum"),
            ("thoracic_flexion", "upper_back", "thoracolumbar"),
            ("lumbar_flexion", "thoracolumbar", "sacrum"),
        ):
            if upper in spine and lower in spine:
                value, why = _between(spine[upper], spine[lower])
                basis = "measured" if spine[upper].side and spine[lower].side else "nominal"
                table.put(name, value, why, basis, unsure)
                if name == "thoracolumbar_flexion":
                    total = value, why
            elif total is not None:
                self._estimate(table, name, "split", total[0], 0.0, total[1], unsure)
            elif "upper_back" not in spine:
                continue
            else:
                trunk = spine["upper_back"]
                why = _first(trunk.why, self._why_no_anchor())
                anchor = self.anchors.get(self.posture or "", np.nan)
                self._estimate(table, name, "anchored", trunk.flexion - anchor, anchor, why, unsure)

    def _why_no_anchor(self) -> Why:
        """Why one spine sensor cannot say anything about the curve right now."""
        if self.posture is None:
            return Why.POSTURE_UNKNOWN
        if self.posture == "transition":
            return Why.TRANSITION
        if self.posture not in ANCHORED or (ANCHORED[self.posture] and not self.in_set):
            return Why.NO_ANCHOR
        return Why.AVAILABLE if self.posture in self.anchors else Why.CALIBRATING

    def _estimate(
        self, table: _Table, name: str, basis: str, change: Floats, anchor: float, why: Codes, unsure: bool
    ) -> None:
        e = table.estimate(name, basis)
        if e is None:
            table.put(name, change, _first(why, Why.NO_ANCHOR), basis, unsure)
        else:
            table.put(name, e.offset + e.change * change + e.anchor * anchor, why, basis, unsure)

    def _wrist_yaw(
        self, table: _Table, up: Floats, gyr: Floats, why: Codes, seen: dict[str, int], unsure: bool
    ) -> None:
        """Leaky integral of the difference of the rates about the vertical."""
        w = seen["wrist"]
        rate, reason = quat.dot(up[:, w], gyr[:, w]), why[:, w]
        if "upper_back" in seen:
            b = seen["upper_back"]
            rate = rate - quat.dot(up[:, b], gyr[:, b])
            reason = np.where(reason == 0, why[:, b], reason)
        steps = np.where(reason == 0, rate / FRAME_RATE, 0.0).tolist()
        keep = 1.0 - 1.0 / (YAW_LEAK * FRAME_RATE)
        yaw = np.array(list(accumulate(steps, lambda y, step: keep * y + step, initial=self.yaw)))[1:]
        self.yaw = float(yaw[-1])
        table.put("wrist_yaw", yaw, reason, "integrated", unsure)


class _Inclination:
    """Flexion and out-of-plane angle of one spine segment against gravity."""

    def __init__(self, up: Floats, why: Codes, mount: Mount) -> None:
        x, y, z = mount.into_body(up)
        plane = np.hypot(x, y)
        self.flexion = np.arctan2(-x, y)
        self.out = np.arctan2(-z, plane)
        self.side = mount.side
        self.basis = "measured" if mount.side else "nominal"
        self.raw_why = why
        self.why = _unless(_first(why, mount.why), plane > SIDEWAYS, Why.OUT_OF_PLANE)


def _between(upper: _Inclination, lower: _Inclination) -> tuple[Floats, Codes]:
    """Difference of two inclinations, wrapped to +-180 deg."""
    d = upper.flexion - lower.flexion
    wrapped = d - 2.0 * np.pi * np.rint(d / (2.0 * np.pi))
    why = np.where(upper.why == 0, lower.why, upper.why)
    near = (np.abs(upper.out) <= TOO_FAR_OUT) & (np.abs(lower.out) <= TOO_FAR_OUT)
    return wrapped, _unless(why, near, Why.OUT_OF_PLANE)


def _first(why: Codes, reason: Why) -> Codes:
    """``why``, and where there is none, ``reason``."""
    return why if reason == Why.AVAILABLE else np.where(why == 0, np.uint8(reason), why)


def _unless(why: Codes, condition: np.ndarray, reason: Why) -> Codes:
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
        self.value, self.low, self.high = (np.full(shape, np.nan) for _ in range(3))
        self.source = np.zeros(shape, np.uint8)
        self.why = np.full(shape, Why.NOT_WORN, np.uint8)

    def estimate(self, name: str, basis: str) -> Estimate | None:
        """How this angle is estimated in this posture."""
        estimates = self.bands.estimate
        return estimates.get((name, basis, self.posture)) or estimates.get((name, basis, "any"))

    def put(self, name: str, value: Floats, why: Codes, basis: str, unsure: bool) -> None:
        """One column: values where ``why`` is 0, with the band of its basis and posture."""
        i = self.names.index(name)
        bands = self.bands.band
        band = bands.get((name, basis, self.posture)) or bands[name, basis, "any"]
        extra = self.bands.no_bias_capture.get(name, 0.0) if unsure else 0.0
        there = why == 0
        v = np.where(there, value, np.nan)
        size = np.abs(v)
        self.value[i] = v
        self.low[i] = v + ((band.low - extra) + band.low_slope * size)
        self.high[i] = v + ((band.high + extra) + band.high_slope * size)
        self.source[i] = there * np.uint8(SOURCE[basis])
        self.why[i] = why

    def angles(self) -> Angles:
        """The block, one row a frame."""
        return Angles(self.index, self.names, self.value.T, self.low.T, self.high.T, self.source.T, self.why.T)


def _empty(names: tuple[str, ...]) -> Angles:
    shape = 0, len(names)
    codes = np.empty(shape, np.uint8)
    return Angles(np.empty(0, np.int64), names, np.empty(shape), np.empty(shape), np.empty(shape), codes, codes)
