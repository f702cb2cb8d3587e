"""Every value that crosses a stage boundary: inputs, sample blocks, frames, angles, events, health.

Inputs are tuples (they are many and small); blocks are frozen dataclasses of read-only arrays.  SI units and radians
throughout; session time is in seconds (``t``) or integer nanoseconds (``_ns``) since the recording began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import IntEnum
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Codes: TypeAlias = NDArray[np.uint8]
Json: TypeAlias = Any


# --- inputs: the closed set of what is recorded and replayed --------------------------------------------------------


class Packet(NamedTuple):
    """A notification from a sensor, as received.  ``channel`` says which characteristic (a driver's number)."""

    sensor: str
    arrived_ns: int
    channel: int
    payload: bytes


class Sent(NamedTuple):
    """A clock request left the host."""

    sensor: str
    arrived_ns: int
    payload: bytes


class Link(NamedTuple):
    """The radio link changed or was measured.  ``kind``: up, down, rssi (dBm), battery (0..1)."""

    sensor: str
    arrived_ns: int
    kind: str
    value: float


class Command(NamedTuple):
    """Something a person or program asked for; see :mod:`imu_coach.core.pipeline` for the names."""

    arrived_ns: int
    name: str
    value: Mapping[str, Json]


class Tick(NamedTuple):
    """Time has passed, whatever the radio did (every 250 ms in a live session)."""

    arrived_ns: int


Input: TypeAlias = Packet | Sent | Link | Command | Tick


# --- what is known before the first input ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SensorInfo:
    """One sensor of a session.

    Attributes
    ----------
    sensor : where it is worn, one of :data:`imu_coach.conventions.SITES` (or any name in a foreign recording)
    driver : name in :mod:`imu_coach.drivers`
    identity : hardware identity that survives reconnects ("" when unknown)
    rate : declared sample rate, Hz
    acc_range, gyr_range : full scale, m/s2 and rad/s; at or beyond it a sample is saturated
    bias : (3,) rad/s gyroscope bias captured earlier for this identity, or None
    mounting : (4,) ``body_from_sensor`` if known beforehand, or None
    """

    sensor: str
    driver: str = "own"
    identity: str = ""
    rate: float = 100.0
    acc_range: float = 16 * 9.81
    gyr_range: float = float(np.deg2rad(2000.0))
    bias: tuple[float, float, float] | None = None
    mounting: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """What a recording knew when it began.  ``started`` is ISO 8601 wall-clock time, or "" when removed or unknown."""

    sensors: tuple[SensorInfo, ...]
    started: str = ""
    synthetic: bool = False
    source: str = ""
    person: Mapping[str, Json] = field(default_factory=dict)
    software: str = ""

    def __getitem__(self, sensor: str) -> SensorInfo:
        return next(info for info in self.sensors if info.sensor == sensor)


# --- blocks ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _fields_of(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*kind.__slots__)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Base of array blocks: every array is made read-only."""

    def __post_init__(self) -> None:
        kind: Any = type(self)
        for value in _fields_of(kind)(self):
            if isinstance(value, np.ndarray):
                value.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class Samples(Block):
    """Samples of one sensor on its own sample grid; strictly increasing ``t``, ``t < arrived``.

    Attributes
    ----------
    number : (n,) sample number since the stream began
    t : (n,) s, when it was taken
    arrived_ns : (n,) when it reached the host
    interval : (n,) s, the estimated true time between samples, frozen on arrival
    acc, gyr : (n, 3) m/s2 specific force, rad/s, sensor axes
    held : (n,) interpolated over a short gap
    start : (n,) first sample after a long gap, a reboot or the beginning: the filter starts anew here
    """

    sensor: str
    number: Ints
    t: Floats
    arrived_ns: Ints
    interval: Floats
    acc: Floats
    gyr: Floats
    held: Bools
    start: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Attitude(Block):
    """Attitudes of one sensor at its own sample times.

    ``earth_from_sensor (n, 4)``; ``gyr`` is bias-corrected; ``settled (n,)`` is False while a (re)started filter has
    not converged; ``held`` and ``start`` as in :class:`Samples`.
    """

    sensor: str
    t: Floats
    arrived_ns: Ints
    earth_from_sensor: Floats
    acc: Floats
    gyr: Floats
    settled: Bools
    held: Bools
    start: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Frames(Block):
    """All sensors on the common grid; frame ``k`` is at ``k / FRAME_RATE`` s.

    ``index (n,)``, ``earth_from_sensor (n, s, 4)``, ``acc, gyr (n, s, 3)``, ``why (n, s)`` a :class:`Why` code (0 =
    valid); sensor order is layout order.  Values are NaN where not valid.
    """

    index: Ints
    earth_from_sensor: Floats
    acc: Floats
    gyr: Floats
    why: Codes


class Source(IntEnum):
    """Where a value comes from."""

    UNAVAILABLE = 0
    MEASURED = 1
    ESTIMATED = 2


class Why(IntEnum):
    """Why a value is not available (0: it is)."""

    AVAILABLE = 0
    NOT_STARTED = 1
    NO_DATA = 2
    SETTLING = 3
    NOT_WORN = 4
    NOT_CALIBRATED = 5
    SIDE_AXIS_UNKNOWN = 6
    POSTURE_UNKNOWN = 7
    NO_ANCHOR = 8
    TRANSITION = 9
    OUT_OF_PLANE = 10
    NOT_DEFINED_HERE = 11
    SENSOR_MOVED = 12
    CALIBRATING = 13


WHY_TEXT: Mapping[Why, str] = {
    Why.AVAILABLE: "",
    Why.NOT_STARTED: "the sensor has not sent anything yet",
    Why.NO_DATA: "no data from the sensor at this moment",
    Why.SETTLING: "the orientation filter is settling after a start or a gap",
    Why.NOT_WORN: "this layout has no sensor there",
    Why.NOT_CALIBRATED: "not calibrated: stand tall once",
    Why.SIDE_AXIS_UNKNOWN: "left and right are not calibrated: lie prone, do a sit-to-stand or a small hip hinge once",
    Why.POSTURE_UNKNOWN: "one spine sensor, and the posture is not known",
    Why.NO_ANCHOR: "one spine sensor, and nothing fixes the pelvis in this posture",
    Why.TRANSITION: "moving from one posture to another",
    Why.OUT_OF_PLANE: "bent or turned too far sideways",
    Why.NOT_DEFINED_HERE: "gravity does not show this angle in this posture",
    Why.SENSOR_MOVED: "the sensor may have moved on the body: stand tall once",
    Why.CALIBRATING: "calibrating",
}


@dataclass(frozen=True, slots=True, eq=False)
class Angles(Block):
    """Body angles per frame.

    ``index (n,)``; ``names (k,)``; ``value, low, high (n, k)`` rad with an 80 % band, NaN where not available;
    ``source (n, k)`` :class:`Source` codes; ``why (n, k)`` :class:`Why` codes.  ``rough (n, k)`` is ``value``, and also
    has what a settling filter says: good enough to count by, never shown.
    """

    index: Ints
    names: tuple[str, ...]
    value: Floats
    low: Floats
    high: Floats
    source: Codes
    why: Codes
    rough: Floats = field(default_factory=lambda: np.empty(0))


# --- events: a closed union; decided is the frame that decided it, onset the frame it speaks of ---------------------


class Event(NamedTuple):
    """Something happened.

    ``kind``: calibrated, calibration_failed, slipped, sensor_lost, sensor_back, marked.
    ``sensor`` is "" when it concerns all of them; ``detail`` is JSON-able and says the rest.
    """

    decided: int
    onset: int
    kind: str
    sensor: str
    detail: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Health:
    """Counters of one sensor since the session began.

    packets, samples : accepted; lost : samples missing by number; held : interpolated samples
    late : packets out of sequence (recorded, never filtered); rejected : payloads that do not decode or fit
    invalid : samples not finite, saturated or out of range; restarts : of the filter; reconnects : of the link
    delay : s, of the newest packet; interval : s, estimated between samples; clock_band : s, half-width of the clock
    bias_known : a table-still capture is in use; battery : 0..1 or None
    """

    packets: int = 0
    samples: int = 0
    lost: int = 0
    held: int = 0
    late: int = 0
    rejected: int = 0
    invalid: int = 0
    restarts: int = 0
    reconnects: int = 0
    delay: float = 0.0
    interval: float = 0.0
    clock_band: float | None = None
    bias_known: bool = False
    battery: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """What :meth:`imu_coach.core.pipeline.Pipeline.push` returns; :func:`concat` is associative.

    ``trace (n,)`` is what repetitions are seen by during sets (rad, of a displacement m), NaN elsewhere.
    """

    frames: Frames
    angles: Angles
    trace: Floats
    events: tuple[Event, ...]
    health: Mapping[str, Health]


def concat_angles(parts: Sequence[Angles]) -> Angles:
    """Join angle blocks in order; at least one is needed."""
    names = ("value", "low", "high", "source", "why", "rough")
    joined = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
    return Angles(np.concatenate([part.index for part in parts]), parts[0].names, *joined)


def concat(updates: Sequence[Update]) -> Update:
    """Join updates in order; at least one is needed."""
    frames = Frames(*(np.concatenate([getattr(u.frames, f.name) for u in updates]) for f in fields(Frames)))
    angles = concat_angles([u.angles for u in updates])
    trace = np.concatenate([u.trace for u in updates])
    return Update(frames, angles, trace, tuple(e for u in updates for e in u.events), updates[-1].health)
