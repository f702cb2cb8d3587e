"""The project's own sensor protocol, version 1 (docs/protocol.md): bytes to samples, and samples to bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imu_coach.drivers.base import EVENT, Decoded, SyncReply
from imu_coach.errors import DecodeError
from imu_coach.types import Floats, SensorInfo

DATA, CTRL, SYNC, INFO = 2, 3, 4, 5
SAMPLES, STORED, TAP = 0x11, 0x12, 0x13
MAX_SAMPLES = 40
TAP_SIZE = 8

HEAD = np.dtype([("type", "u1"), ("n", "u1"), ("seq", "<u2"), ("t_first", "<u4"), ("period", "<u2")])
RAW = np.dtype([("acc", "<i2", 3), ("gyr", "<i2", 3)])
REQUEST = struct.Struct("<BBI")
REPLY = struct.Struct("<BBIQQ")


class Own:
    """Decoder of one sensor; see :class:`imu_coach.drivers.base.Driver`."""

    name = "own"
    seq_modulus = 1 << 16
    tick_modulus = 1 << 32
    tick_seconds = 1e-6
    clock = "device"

    def __init__(self, info: SensorInfo) -> None:
        self.sensor = info.sensor
        self.acc_scale, self.gyr_scale = scales(info)

    def decode(self, payloads: Sequence[bytes]) -> Decoded:
        problem, head, raw = _uniform(payloads) or _mixed(payloads)
        count = head["n"].astype(np.int64)
        within = np.arange(len(raw)) - np.repeat(np.cumsum(count) - count, count)
        offset = within * (np.repeat(head["period"], count) * self.tick_seconds)
        acc, gyr = raw["acc"] * self.acc_scale, raw["gyr"] * self.gyr_scale
        seq, ticks = head["seq"].astype(np.int64), head["t_first"].astype(np.int64)
        return Decoded(problem, seq, ticks, count, offset, acc, gyr)

    def reply(self, payload: bytes) -> SyncReply:
        if len(payload) != REPLY.size or payload[0] != 0x81:
            raise DecodeError(self.sensor, payload, "not a clock reply")
        _, _, token, received, replied = REPLY.unpack(payload)
        return SyncReply(token, received, replied)

    def token(self, payload: bytes) -> int:
        if len(payload) != REQUEST.size or payload[0] != 0x01:
            raise DecodeError(self.sensor, payload, "not a clock request")
        return int(REQUEST.unpack(payload)[2])


Parts = tuple[Sequence[str], NDArray[np.void], NDArray[np.void]]


def _uniform(payloads: Sequence[bytes]) -> Parts | None:
    """Problems, heads and samples of payloads of one size and no problem (nearly always), all at once; else None."""
    size = len(payloads[0]) if payloads else 0
    if size < 22 or (size - 10) % 12 or any(len(p) != size for p in payloads):
        return None
    n = (size - 10) // 12
    rows = np.frombuffer(b"".join(payloads), np.dtype([("head", HEAD), ("raw", RAW, n)]))
    head = rows["head"]
    known = (head["type"] == SAMPLES) | (head["type"] == STORED)
    if n > MAX_SAMPLES or not (known & (head["n"] == n) & (head["period"] > 0)).all():
        return None
    return [""] * len(payloads), head, rows["raw"].reshape(-1)


def _mixed(payloads: Sequence[bytes]) -> Parts:
    """The same for any payloads."""
    problem = [problem_of(p) for p in payloads]
    good = [p for p, bad in zip(payloads, problem, strict=True) if not bad]
    head = np.frombuffer(b"".join([p[:10] for p in good]), HEAD)
    return problem, head, np.frombuffer(b"".join([p[10:] for p in good]), RAW)


def problem_of(payload: bytes) -> str:
    """Why a DATA payload cannot be samples, or "" when it can."""
    size = len(payload)
    if size == TAP_SIZE and payload[0] == TAP:
        return EVENT
    if size < 22:
        return "shorter than one sample"
    if payload[0] not in (SAMPLES, STORED):
        return "unknown packet type"
    if not 1 <= payload[1] <= MAX_SAMPLES or size != 10 + 12 * payload[1]:
        return "length does not match the number of samples"
    if payload[8] == payload[9] == 0:
        return "sample period of zero"
    return ""


def scales(info: SensorInfo) -> tuple[float, float]:
    """m/s2 and rad/s per count."""
    return info.acc_range / 32768.0, info.gyr_range / 32768.0


def encode(info: SensorInfo, seq: int, t_first_us: int, period_us: int, acc: Floats, gyr: Floats) -> bytes:
    """One DATA packet from ``acc, gyr (n, 3)`` in SI units; rounds to counts and clips to full scale."""
    raw = np.empty(len(acc), RAW)
    for name, values, scale in zip(("acc", "gyr"), (acc, gyr), scales(info), strict=True):
        raw[name] = np.clip(np.rint(values / scale), -32768, 32767)
    head = np.array([(SAMPLES, len(acc), seq % Own.seq_modulus, t_first_us % Own.tick_modulus, period_us)], HEAD)
    return head.tobytes() + raw.tobytes()


def encode_request(token: int) -> bytes:
    """A clock request."""
    return REQUEST.pack(0x01, 0, token)


def encode_reply(token: int, received_us: int, replied_us: int) -> bytes:
    """A sensor's answer to a clock request."""
    return REPLY.pack(0x81, 0, token, received_us, replied_us)
