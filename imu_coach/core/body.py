"""Frames and commands to angles and events: calibration, posture, anchors and slips change the situation at a frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE, SITES
from imu_coach.core import calibrate
from imu_coach.core.angles import ANCHORED, POSTURES, Situation, Stretch, angles_of, empty
from imu_coach.core.calibrate import Mount
from imu_coach.core.segments import SPINE
from imu_coach.core.slip import SlipMonitor
from imu_coach.settings import Bands, Layout
from imu_coach.types import Angles, Codes, Command, Event, Floats, Frames, Header, Json, Why, concat_angles

NEVER = int(np.iinfo(np.int64).max)
"""A frame that will not come."""
ANCHOR_FRAMES = 100
"""Frames (1 s) whose mean is the trunk angle at the anchor: breathing averages to a third."""


class _Window(NamedTuple):
    """A pose in progress: frames ``begin`` to ``end``, and what was collected (up, gyr, why per sensor)."""

    begin: int
    end: int
    pose: str
    parts: list[tuple[Floats, Floats, Codes]]


class Body:
    """Stage Frames -> Angles and events; commands take effect at their frame."""

    def __init__(self, layout: Layout, header: Header, bands: Bands, places: Sequence[str] = ()) -> None:
        self.columns = angles_of(places or layout.sites)
        self.nothing = empty(tuple(a.name for a in self.columns))
        self.bands = bands
        worn = [header[site] for site in layout.sites]
        mounts = [calibrate.nominal() if i.mounting is None else calibrate.given(i.mounting) for i in worn]
        self.sensors = layout.sites  # by the name of the stream; where each sits is in the situation
        self.now = Situation(layout.sites, mounts, {i.sensor for i in worn if i.bias is None})
        self.monitors = [SlipMonitor() if site in SPINE else None for site in layout.sites]
        self.events: list[Event] = []
        # what is due, each with its frame
        self.commands: list[tuple[int, Command]] = []
        self.biases: list[tuple[int, str]] = []
        self.slips: list[tuple[int, int, str]] = []  # with sensor and problem
        self.windows: list[_Window] = []
        self.anchor_window: tuple[int, list[Floats]] | None = None  # trunk inclinations until that frame
        self.watched = 0  # frames before this one have been through the slip monitors

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
        parts = [stretch.angles() for stretch in self._stretches(f)]
        if not parts:
            return self.nothing
        return parts[0] if len(parts) == 1 else concat_angles(parts)

    def skip(self, f: Frames) -> None:
        """Frames whose angles are known already: the state alone moves on, as :meth:`push` would leave it."""
        for stretch in self._stretches(f):
            stretch.skip()

    def _stretches(self, f: Frames) -> Iterator[Stretch]:
        """Frames of one situation after the other; each must be done before the next is asked for."""
        done, n = 0, len(f.index)
        if not n:
            return
        up = quat.up(f.earth_from_sensor)
        while done < n:
            self._act(int(f.index[done]))
            stop = _rows_before(f, self._next_change())
            if f.index[done] >= self.watched:
                self._watch(f, slice(done, stop), up)
                if self.slips:
                    stop = _rows_before(f, self._next_change())
            yield self._stretch(f, slice(done, stop), up)
            done = stop

    def _stretch(self, f: Frames, rows: slice, up: Floats) -> Stretch:
        """Frames with one situation; also feeds the poses and the anchor in progress."""
        stretch = Stretch(f, rows, up[rows], self.columns, self.bands, self.now)
        for window in self.windows:
            window.parts.append((stretch.up, stretch.gyr, stretch.why))
        if self.anchor_window is not None and "upper_back" in stretch.spine:
            trunk = stretch.spine["upper_back"]
            self.anchor_window[1].append(np.where(trunk.why == 0, trunk.flexion, np.nan))
        return stretch

    # --- changes of state -------------------------------------------------------------------------

    def _next_change(self) -> int:
        """The next frame before which something must be done."""
        frames = [frame for frame, _ in self.commands] + [frame for frame, _ in self.biases]
        frames += [window.end for window in self.windows] + [frame for frame, _, _ in self.slips]
        if self.anchor_window is not None:
            frames.append(self.anchor_window[0])
        return min(frames, default=NEVER)

    def _act(self, frame: int) -> None:
        """Everything that is due before this frame is processed."""
        for due, sensor in [b for b in self.biases if b[0] <= frame]:
            self.now.unsure.discard(sensor)
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
            self.now.yaw = 0.0
        elif command.name == "resite":
            self._resite(str(value.get("sensor")), str(value.get("site")))
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
        if (posture, in_set) == (self.now.posture, self.now.in_set):
            return
        renewed = posture != self.now.posture or in_set  # a set has its own anchor; sit tall outlives it
        self.now.posture, self.now.in_set = posture, in_set
        self.now.yaw = 0.0
        self.anchor_window = None
        if posture in ANCHORED and renewed and not (posture == "seated" and "seated" in self.now.anchors):
            self.now.anchors.pop(posture, None)
            self.anchor_window = frame + ANCHOR_FRAMES, []
        for i, monitor in enumerate(self.monitors):
            if monitor is not None:
                problem = self._tell(i)
                if problem and self.now.mounts[i].side:
                    self._slipped(frame, i, problem)

    def _resite(self, sensor: str, site: str) -> None:
        """A sensor was moved to another place on the body; how it sits there is not known."""
        now = self.now
        if not movable(sensor, site, self.sensors, now.sites):
            return
        i = self.sensors.index(sensor)
        now.unsure = {site if s == now.sites[i] else s for s in now.unsure}
        now.sites = (*now.sites[:i], site, *now.sites[i + 1 :])
        now.mounts[i] = calibrate.nominal()
        now.yaw = 0.0
        self.monitors[i] = SlipMonitor() if site in SPINE else None
        self._tell(i)

    def _tell(self, i: int) -> str:
        """Tell a slip monitor the context; what it concludes from the one that ends."""
        monitor = self.monitors[i]
        known = self.now.posture if self.now.posture not in (None, "transition") else ""
        return monitor.context(self.now.mounts[i], known or "", self.now.in_set) if monitor is not None else ""

    def _slipped(self, frame: int, i: int, problem: str) -> None:
        nominal = calibrate.nominal()
        self.now.mounts[i] = Mount(nominal.x, nominal.y, nominal.z, Why.SENSOR_MOVED)
        self.events.append(Event(frame, frame, "slipped", self.now.sites[i], {"problem": problem}))

    def _finish_anchor(self, frame: int) -> None:
        assert self.anchor_window is not None
        seen = np.concatenate([*self.anchor_window[1], np.empty(0)])
        seen = seen[~np.isnan(seen)]
        if len(seen) >= 0.5 * ANCHOR_FRAMES and self.now.posture is not None:
            self.now.anchors[self.now.posture] = float(seen.mean())
            self.anchor_window = None
        else:
            self.anchor_window = frame + ANCHOR_FRAMES, []

    def _finish(self, window: _Window) -> None:
        """Judge a pose for every sensor; what is refused leaves the sensor as it was."""
        detail: dict[str, Json] = {"pose": window.pose, "sensors": {}}
        up, gyr, why = (np.concatenate(arrays) for arrays in zip(*window.parts, strict=True))
        for i, site in enumerate(self.now.sites):
            if site not in SPINE and window.pose != "stand_tall":
                continue
            valid = why[:, i] == Why.AVAILABLE
            mount, quality = calibrate.calibrate(window.pose, up[:, i], gyr[:, i], valid, self.now.mounts[i])
            detail["sensors"][site] = quality
            if "problem" in quality:
                continue
            self.now.mounts[i] = mount
            if window.pose == "stand_tall" and self.monitors[i] is not None:
                self.monitors[i] = SlipMonitor()
                self._tell(i)
            if site == "upper_back" and window.pose == "stand_tall":
                self.now.anchors.clear()
                if self.now.posture in ANCHORED:
                    self.anchor_window = window.end + ANCHOR_FRAMES, []
            if site == "upper_back" and window.pose == "sit_tall" and mount.why == Why.AVAILABLE:
                x, y, _ = mount.into_body(up[valid, i].mean(axis=0))
                self.now.anchors["seated"] = float(np.arctan2(-x, y))
        refused = [site for site, quality in detail["sensors"].items() if "problem" in quality]
        kind = "calibration_failed" if refused and len(refused) == len(detail["sensors"]) else "calibrated"
        self.events.append(Event(window.end, window.begin, kind, "", detail))

    def _watch(self, f: Frames, rows: slice, up: Floats) -> None:
        """Run the slip monitors over frames that have one context; what they find is due at its frame."""
        self.watched = int(f.index[rows.stop - 1]) + 1
        for i, monitor in enumerate(self.monitors):
            if monitor is None or not self.now.mounts[i].side:
                continue
            data = up[rows, i], f.gyr[rows, i], f.acc[rows, i], f.why[rows, i]
            at, problem = monitor.push(self.now.mounts[i], *data)
            if problem:
                self.slips.append((int(f.index[rows.start]) + at + 1, i, problem))


def _rows_before(f: Frames, frame: int) -> int:
    return len(f.index) if frame > f.index[-1] else int(f.index.searchsorted(frame))


def movable(sensor: str, site: str, sensors: Sequence[str], sites: Sequence[str]) -> bool:
    """Whether a ``resite`` command can be obeyed: a sensor of the layout, to a site where no other sits.

    The same site again is fine: the other arm, or put on anew.
    """
    others = [s for name, s in zip(sensors, sites, strict=True) if name != sensor]
    return sensor in sensors and site in SITES and site not in others
