"""WitMotion WT901BLE and WT9011DCL: frames 55 61 in a byte stream, without time stamps or numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from imu_coach.conventions import GRAVITY
from imu_coach.drivers import gatt
from imu_coach.drivers.base import (
    EVENT,
    Decoded,
    Dialogue,
    Identity,
    Listen,
    NoExchange,
    Pause,
    Profile,
    Write,
)
from imu_coach.types import Json, SensorInfo

DATA = 1
SERVICE, NOTIFY, WRITE = (f"0000{n}-0000-1000-8000-00805f9a34fb" for n in ("ffe5", "ffe4", "ffe9"))
"""The vendor's base ends in 9a34fb, that of the Bluetooth SIG in 9b34fb."""
FRAME = 20
MOTION, REGISTERS = b"\x55\x61", b"\x55\x71"
ACC_RANGE, GYR_RANGE = 16 * GRAVITY, float(np.deg2rad(2000.0))
ACC_UNIT, GYR_UNIT = ACC_RANGE / 32768, GYR_RANGE / 32768
COUNTED = 1 << 62

RATES = {0.2: 1, 0.5: 2, 1: 3, 2: 4, 5: 5, 10: 6, 20: 7, 50: 8, 100: 9, 200: 11}
"""Hz -> value of the rate register."""
UNLOCK, SAVE, READ_VOLTS = (bytes.fromhex(h) for h in ("ffaa6988b5", "ffaa000000", "ffaa276400"))
SETTLE = 0.1
"""s between two writes to registers."""
VOLTS = (3.4, 3.6, 3.7, 3.8, 3.95, 4.1)
LEVELS = (0.0, 0.1, 0.2, 0.5, 0.8, 1.0)
"""Roughly how full a lithium cell is."""


class WitMotion(NoExchange):
    """Decoder of one sensor; see :class:`imu_coach.drivers.base.Driver`.

    Its ticks are sample numbers: what the radio loses cannot be seen.
    """

    name = "witmotion"
    seq_modulus = COUNTED
    tick_modulus = COUNTED
    clock = "index"

    def __init__(self, info: SensorInfo) -> None:
        self.sensor = info.sensor
        self.tick_seconds = 1.0 / info.rate
        self.number = 0
        self.rest = b""  # the beginning of a frame, always shorter than one

    def decode(self, payloads: Sequence[bytes]) -> Decoded:
        problem: list[str] = []
        counts: list[int] = []
        motion: list[bytes] = []
        for payload in payloads:
            frames, sound = self._frames(payload)
            here = [frame[2:14] for frame in frames if frame[:2] == MOTION]
            problem.append("" if here else EVENT if sound else "no frame in it")
            if here:
                counts.append(len(here))
                motion += here
        raw = np.frombuffer(b"".join(motion), "<i2").reshape(-1, 6)
        count = np.array(counts, np.int64)
        first = np.cumsum(count) - count
        offset = (np.arange(len(raw), dtype=np.float64) - np.repeat(first, count)) * self.tick_seconds
        seq = (self.number + first) % COUNTED
        self.number = (self.number + len(raw)) % COUNTED
        return Decoded(problem, seq, seq, count, offset, raw[:, :3] * ACC_UNIT, raw[:, 3:] * GYR_UNIT)

    def _frames(self, payload: bytes) -> tuple[list[bytes], bool]:
        """Whole frames that end in this payload, and whether all its bytes belong to frames.

        A payload that is nothing but whole frames is believed whatever was left before; there is no checksum to ask.
        """
        if _headers(payload) and len(payload) % FRAME == 0:
            self.rest = b""
            return [payload[i : i + FRAME] for i in range(0, len(payload), FRAME)], True
        if _headers(payload) and not _headers(self.rest + payload):
            self.rest = b""
        stream, frames, at, sound = self.rest + payload, [], 0, bool(payload)
        while len(stream) - at >= FRAME:
            if stream[at : at + 2] in (MOTION, REGISTERS):
                frames.append(stream[at : at + FRAME])
                at += FRAME
            else:
                at, sound = _next(stream, at + 1), False
        rest = stream[at:]
        begins = _next(rest, 0)
        self.rest = rest[begins:]
        return frames, sound and begins == 0


def _headers(stream: bytes) -> bool:
    """Whether frames begin at its first byte and after every frame."""
    heads = [stream[i : i + 2] for i in range(0, len(stream), FRAME)]
    return bool(heads) and all(h in (MOTION, REGISTERS) or h == MOTION[:1] for h in heads)


def _next(stream: bytes, at: int) -> int:
    """Where the next frame may begin, or the end."""
    while (at := stream.find(MOTION[:1], at)) >= 0:
        if stream[at : at + 2] in (MOTION, REGISTERS, MOTION[:1]):
            return at
        at += 1
    return len(stream)


class WitMotionProfile(Profile):
    """Streams as soon as one listens; the rate is written to a register first.  Never tried on a device."""

    name = "witmotion"
    title = "WitMotion BLE5"
    timing = "no time stamps: times are judged by arrival, to some 10 ms, and lost samples go unnoticed"
    channels: Mapping[int, str] = {DATA: NOTIFY}
    packets = frozenset({DATA})
    services = ("WT", SERVICE)

    def decoder(self, info: SensorInfo) -> WitMotion:
        return WitMotion(info)

    def identity(self, name: str, address: str) -> Dialogue[Identity]:
        yield from ()
        return Identity(address.lower(), gatt.text(name.encode()), "", None, frozenset({"battery"}))

    def start(self, info: SensorInfo, samples_per_packet: int) -> Dialogue[SensorInfo]:
        rate = min(RATES, key=lambda r: abs(math.log(r / info.rate)))
        for request in (UNLOCK, bytes([0xFF, 0xAA, 0x03, RATES[rate], 0]), SAVE):
            yield Write(WRITE, request, response=False)
            yield Pause(SETTLE)
        yield Listen(DATA)
        yield Write(WRITE, READ_VOLTS, response=False)  # its answer comes among the data, see event
        return replace(info, rate=float(rate), acc_range=ACC_RANGE, gyr_range=GYR_RANGE)

    def stop(self) -> Dialogue[None]:
        """It streams to whoever listens; disconnecting is all there is."""
        yield from ()

    def event(self, channel: int, payload: bytes) -> tuple[str, Mapping[str, Json]] | None:
        for at in range(0, len(payload) - FRAME + 1, FRAME):
            if channel == DATA and payload[at : at + 4] == REGISTERS + READ_VOLTS[3:]:
                volts = int.from_bytes(payload[at + 4 : at + 6], "little") / 100
                if 3.0 < volts < 5.0:
                    return "battery", {"level": float(np.interp(volts, VOLTS, LEVELS))}
        return None


PROFILE = WitMotionProfile()
