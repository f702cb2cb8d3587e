"""The whole core as one stage: inputs in, updates out; any cut of the inputs gives the same, bit for bit.

Commands
--------
``calibrate`` {"pose": table_still | stand_tall | sit_tall | lie_prone | sit_to_stand | hip_hinge, "seconds": s}
    Uses the next ``seconds`` of data; answered by a ``calibrated`` or ``calibration_failed`` event.
``context`` {"posture": standing | seated | prone | row | pushback | kneeling | transition | None, "in_set": bool}
    What the person is doing: decides what one sensor can tell, and where slips are looked for.
``rezero`` {}
    Zero of the wrist's relative yaw.
``marker`` {"text": str}
    Comes back as a ``marked`` event.

``exercise``, ``start``, ``finish`` and others move the coach, where there is a plan: :mod:`imu_coach.core.coach`.
``resite`` {"sensor": stream, "site": site}
    That sensor sits somewhere else now.  Absolute angles of it wait for the next stand tall.

Any other command is ignored here (it is recorded for those who know it).
"""

from __future__ import annotations

from collections.abc import Sequence

from imu_coach.core.align import STEP_NS, Aligner
from imu_coach.core.decode import Receiver, SensorInput
from imu_coach.core.filters import FILTERS
from imu_coach.core.orientation import Orientation
from imu_coach.core.presence import Presence
from imu_coach.core.session import Session
from imu_coach.errors import ConfigError, SensorNotFound
from imu_coach.settings import Setup
from imu_coach.types import Command, Event, Header, Health, Input, Packet, SensorInfo, Tick, Update

LONGEST_SILENCE_NS = 6 * 3600 * 1_000_000_000
"""A time stamp further ahead than this is damage, not a pause: it would ask for millions of empty frames."""


class Pipeline:
    """Packets, ticks and commands of one session -> frames, angles, events, health.

    Raises
    ------
    SensorNotFound : the layout names a site that the header has no sensor for
    ConfigError : unknown filter
    """

    def __init__(self, header: Header, setup: Setup) -> None:
        if setup.filter not in FILTERS:
            raise ConfigError("", "filter", f"unknown filter {setup.filter!r}; there are: {', '.join(FILTERS)}")
        worn = tuple(info.sensor for info in header.sensors)
        for site in setup.layout.sites:
            if site not in worn:
                raise SensorNotFound(site, worn)
        self.sites = setup.layout.sites
        self.receivers = {site: self._receiver(header[site], setup) for site in self.sites}
        self.orientations = {site: self._orientation(header[site], setup) for site in self.sites}
        self.aligner = Aligner(len(self.sites), self._wait_ns(setup))
        self.presence = Presence(self.sites)
        self.session = Session(header, setup)
        self.host_ns = 0
        self.pending: list[Event] = []
        self.told: list[Event] = []

    # what the offline result does differently

    def _receiver(self, info: SensorInfo, setup: Setup) -> Receiver:
        return Receiver(info, setup.hold)

    def _orientation(self, info: SensorInfo, setup: Setup) -> Orientation:
        return Orientation(info, setup.filter, setup.settle)

    def _wait_ns(self, setup: Setup) -> int | None:
        return round(setup.wait * 1e9)

    def push(self, inputs: Sequence[Input]) -> Update:
        """Inputs in order of arrival; none is fine."""
        by_sensor: dict[str, list[SensorInput]] = {site: [] for site in self.sites}
        host = self.host_ns
        for item in inputs:
            at = item.arrived_ns
            if not host <= at <= host + LONGEST_SILENCE_NS:
                self._misplaced(item)
                continue
            host = at
            if type(item) is Packet:  # nearly all of them
                if item.sensor in by_sensor:
                    by_sensor[item.sensor].append(item)
            elif isinstance(item, Command):
                self._command(item)
            elif not isinstance(item, Tick) and item.sensor in by_sensor:
                by_sensor[item.sensor].append(item)
        self.host_ns = host
        return self._advance(by_sensor, None)

    def flush(self) -> Update:
        """Decide what still waits for late data: the end of a recording."""
        return self._advance({site: [] for site in self.sites}, max(0, (self.host_ns - 1) // STEP_NS + 1))

    def _advance(self, by_sensor: dict[str, list[SensorInput]], end: int | None) -> Update:
        attitudes = []
        for site, items in by_sensor.items():
            samples = self.receivers[site].push(items)
            attitudes.append(self.orientations[site].push(samples, self.host_ns))
            events = self.orientations[site].take_events()
            self.pending += events
            self.session.note(events)
            for event in events:
                if event.kind == "calibrated":
                    self.session.body.bias_captured(event)
        frames = self.aligner.push(attitudes, self.host_ns, end)
        lost = self.presence.push(frames)
        self.pending += lost
        self.session.note(lost)
        angles, trace = self.session.push(frames)
        if end is not None:
            self.session.finish()
        changes, told = self.session.take_events()
        self.pending += changes
        self.told += told
        return Update(frames, angles, trace, self._release(everything=end is not None), self.health())

    def health(self) -> dict[str, Health]:
        """Counters of every sensor of the layout so far."""
        return {s: r.health(self.orientations[s].bias is not None) for s, r in self.receivers.items()}

    def _command(self, command: Command) -> None:
        seconds = command.value.get("seconds", 5.0)
        if command.name == "calibrate" and command.value.get("pose") == "table_still":
            if isinstance(seconds, int | float) and 1.0 <= seconds <= 60.0:
                for orientation in self.orientations.values():
                    orientation.capture(command.arrived_ns * 1e-9, float(seconds))
            else:
                frame = -(-command.arrived_ns // STEP_NS)
                detail = {"pose": "table_still", "problem": "a length outside 1 to 60 s"}
                self.pending.append(Event(frame, frame, "calibration_failed", "", detail))
        else:
            self.session.command(command)

    def _misplaced(self, item: Input) -> None:
        """An input whose time cannot be: counted where it is a sensor's."""
        sensor = getattr(item, "sensor", None)
        if sensor in self.receivers:
            self.receivers[sensor].rejected += 1

    def _release(self, everything: bool) -> tuple[Event, ...]:
        """Events whose deciding frame is out, in the order of those frames."""
        self.pending.sort(key=lambda e: (e.decided, e.sensor, e.kind, e.onset))
        ready = [e for e in self.pending if everything or e.decided < self.aligner.next]
        self.pending = self.pending[len(ready) :]
        told, self.told = self.told, []  # decided within the frames that are out
        return tuple(sorted([*ready, *told], key=lambda e: e.decided))
