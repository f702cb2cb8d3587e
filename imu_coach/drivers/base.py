"""What a driver is: a decoder from bytes to samples, and a profile that knows how its sensor is talked to."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np

from imu_coach.errors import DecodeError, SourceError
from imu_coach.types import Block, Floats, Ints, Json, SensorInfo

EVENT = "event"
"""The "problem" of a sound payload without samples, such as a tap."""

# --- bytes to samples -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Decoded(Block):
    """What a driver makes of a run of payloads of one sensor.

    Attributes
    ----------
    problem : one entry per payload, "" where it decoded, :data:`EVENT` where it is sound but holds no samples
    seq : (p,) number of the packet's first sample, modulo the driver's ``seq_modulus``; good payloads only
    ticks : (p,) device time of the first sample in ``tick_seconds``, modulo ``tick_modulus``
    count : (p,) samples per packet, at least 1
    offset : (n,) s, device time of each sample after its packet's first
    acc, gyr : (n, 3) m/s2 and rad/s, sensor axes
    behind : (p,) s, how long before the newest stamp of its payload a packet's last sample is: it could have come so
        much earlier, which tells of the clock.  None: 0, the last sample is the newest
    """

    problem: Sequence[str]
    seq: Ints
    ticks: Ints
    count: Ints
    offset: Floats
    acc: Floats
    gyr: Floats
    behind: Floats | None = None


class SyncReply(NamedTuple):
    """A sensor's answer to a clock request; device times in ticks (not wrapped)."""

    token: int
    received_ticks: int
    replied_ticks: int


class Driver(Protocol):
    """Bytes of one sensor -> samples.  One object per sensor; it may keep what its framing needs, bounded.

    However the run of payloads is cut into calls of :meth:`decode`, the results joined are the same.

    ``clock`` says what the ticks are worth: ``device`` (a crystal, 150 ppm), ``index`` (sample number times the nominal
    interval: off by per cents), ``session`` (already session time).
    """

    name: str
    seq_modulus: int
    tick_modulus: int
    tick_seconds: float
    clock: str

    def decode(self, payloads: Sequence[bytes]) -> Decoded:
        """Data payloads in order of arrival."""
        ...

    def reply(self, payload: bytes) -> SyncReply:
        """A clock answer; raises :class:`~imu_coach.errors.DecodeError`."""
        ...

    def token(self, payload: bytes) -> int:
        """The token of a clock request that was sent."""
        ...


class NoExchange:
    """For drivers of sensors without a clock exchange."""

    sensor: str

    def reply(self, payload: bytes) -> SyncReply:
        """Always raises DecodeError."""
        raise DecodeError(self.sensor, payload, "this sensor has no clock exchange")

    def token(self, payload: bytes) -> int:
        """Always raises DecodeError."""
        raise DecodeError(self.sensor, payload, "this sensor has no clock exchange")


class Taken(NamedTuple):
    """The samples of one good payload: ``offset (n,)`` s after the first, ``acc, gyr (n, 3)`` in SI units.

    ``behind`` as in :class:`Decoded`.
    """

    seq: int
    ticks: int
    offset: Floats
    acc: Floats
    gyr: Floats
    behind: float = 0.0


def gather(problem: Sequence[str], packets: Sequence[Taken]) -> Decoded:
    """One :class:`Decoded` of packets that were taken apart one by one."""
    none = [np.empty((0, 3))]
    return Decoded(
        problem,
        np.array([p.seq for p in packets], np.int64),
        np.array([p.ticks for p in packets], np.int64),
        np.array([len(p.offset) for p in packets], np.int64),
        np.concatenate([np.empty(0), *(p.offset for p in packets)]),
        np.concatenate(none + [p.acc for p in packets]),
        np.concatenate(none + [p.gyr for p in packets]),
        np.array([p.behind for p in packets], np.float64),
    )


# --- dialogues: what is said to a sensor, without saying it ---------------------------------------------------------


class Read(NamedTuple):
    """Read a characteristic (full UUID, lower case); answered with its value."""

    uuid: str


class Write(NamedTuple):
    """Write to a characteristic; answered with b"" when done."""

    uuid: str
    payload: bytes
    response: bool = True


class Listen(NamedTuple):
    """Subscribe to a channel of the profile; doing it again changes nothing.  Answered with b""."""

    channel: int


class Answer(NamedTuple):
    """Wait for the first payload of a channel, since the last :class:`Write` began, that begins with ``prefix``.

    Answered with the payload; ``TimeoutError`` is raised into the dialogue after ``seconds``.
    """

    channel: int
    prefix: bytes
    seconds: float


class Pause(NamedTuple):
    """Wait; answered with b""."""

    seconds: float


Step: TypeAlias = Read | Write | Listen | Answer | Pause
T = TypeVar("T")
Dialogue: TypeAlias = Generator[Step, bytes, T]
"""Yields steps, is sent the answers, returns the result; whoever has the radio runs it."""


class Refused(SourceError):
    """Raised into a dialogue when a read, write or subscription is not accepted, or there is no such characteristic.

    ``code`` is the ATT error, 0 when unknown.
    """

    def __init__(self, code: int = 0) -> None:
        self.code = code
        super().__init__(f"the sensor does not accept this (error {code:#04x})")


class Declined(SourceError):
    """Raised by a dialogue: this sensor cannot be used, or not as asked; ``reason`` says why and what to do."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Identity(NamedTuple):
    """Who a sensor says it is.

    ``serial`` survives reconnects and changes of address; ``battery`` 0..1 or None; ``features`` out of catch_up, tap,
    haptic, identify, sync, battery.
    """

    serial: str
    model: str
    firmware: str
    battery: float | None
    features: frozenset[str]


BATTERY = 16
"""The channel of battery levels (2a19), in every profile that has them."""


class Profile(Protocol):
    """One kind of sensor: how it is recognised, set up, started and stopped.  Stateless.

    A profile of your own inherits from this class and gives the attributes, ``decoder``, ``identity``, ``start`` and
    ``stop``; the rest has defaults for a sensor that cannot do it.  Dialogues may raise :class:`Declined`; what they do
    not catch (``Refused``, ``TimeoutError``) ends the attempt.

    Attributes
    ----------
    name, title : in recordings and for people
    timing : "", or what to say of a lower timing quality
    channels : number -> characteristic's full UUID, lower case; the numbers go into recordings and never change
    packets : the channels whose payloads are recorded and decoded; the others are for answers and events
    sync : the one of them that carries clock replies, or -1
    services : advertised service UUIDs, and beginnings of names, by which it is recognised
    """

    name: str
    title: str
    timing: str = ""
    channels: Mapping[int, str]
    packets: frozenset[int]
    sync: int = -1
    services: tuple[str, ...]

    def decoder(self, info: SensorInfo) -> Driver:
        """A new decoder for one sensor."""
        ...

    def identity(self, name: str, address: str) -> Dialogue[Identity]:
        """Who it is, asked before it is started."""
        ...

    def start(self, info: SensorInfo, samples_per_packet: int) -> Dialogue[SensorInfo]:
        """Listen, set rate and ranges, start a new stream; ``info`` with the rate and ranges that were granted."""
        ...

    def stop(self) -> Dialogue[None]:
        """End the stream."""
        ...

    def recognises(self, name: str, services: Collection[str]) -> bool:
        """Whether an advertisement is of such a sensor."""
        offered = {uuid.lower() for uuid in services}
        return any(mark in offered or name.startswith(mark) for mark in self.services)

    def resume(self, number: int) -> Dialogue[bool]:
        """Listen and go on from this sample number (of :meth:`last_number`); False: not possible, start anew."""
        return cannot()

    def identify(self, seconds: int) -> Dialogue[bool]:
        """Blink; False: it cannot."""
        return cannot()

    def haptic(self, pattern: int) -> Dialogue[bool]:
        """Buzz: 1 short, 2 long, 3 double; False: it cannot."""
        return cannot()

    def request(self, token: int) -> tuple[int, bytes] | None:
        """Channel and payload of a clock request, to be written without response; None: it has no such thing."""
        return None

    def last_number(self, payload: bytes) -> int | None:
        """Number after the last sample of a data payload, to resume from; None: not a data payload, or no resume."""
        return None

    def event(self, channel: int, payload: bytes) -> tuple[str, Mapping[str, Json]] | None:
        """What a payload tells besides samples: ``battery`` with ``level`` 0..1, ``tap`` with ``taps``; or None."""
        return battery_event(channel, payload)


def cannot() -> Dialogue[bool]:
    """The dialogue of what a sensor cannot do."""
    yield from ()
    return False


def battery_event(channel: int, payload: bytes) -> tuple[str, Mapping[str, Json]] | None:
    """The event of a standard battery level (2a19), one byte of per cent; None for anything else."""
    if channel == BATTERY and len(payload) == 1 and payload[0] <= 100:
        return "battery", {"level": payload[0] / 100}
    return None
