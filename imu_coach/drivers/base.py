"""What a driver gives: samples as decoded, clock replies, and the protocol that every driver follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from imu_coach.types import Block, Floats, Ints

EVENT = "event"
"""The "problem" of a sound payload without samples, such as a tap."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoded(Block):
    """What a driver makes of a run of payloads of one sensor.

    Attributes
    ----------
    problem : one entry per payload, "" where it decoded, :data:`EVENT` where it is sound but holds no samples
    seq : (p,) number of the packet's first sample, modulo the driver's ``seq_modulus``; good payloads only
    ticks : (p,) device time of the first sample in ``tick_seconds``, modulo ``tick_modulus``
    count : (p,) samples per packet
    offset : (n,) s, device time of each sample after its packet's first
    acc, gyr : (n, 3) m/s2 and rad/s, sensor axes
    """

    problem: Sequence[str]
    seq: Ints
    ticks: Ints
    count: Ints
    offset: Floats
    acc: Floats
    gyr: Floats


class SyncReply(NamedTuple):
    """A sensor's answer to a clock request; device times in ticks (not wrapped)."""

    token: int
    received_ticks: int
    replied_ticks: int


class Driver(Protocol):
    """Bytes of one sensor -> samples.  One object per sensor; it may keep a byte buffer, nothing else.

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
