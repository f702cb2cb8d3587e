"""Samples that already are in SI units and session time: recordings made elsewhere and imported.

A payload is a contiguous block: ``u8 0x5A, 3 pad bytes, u32 n, i64 number of the first sample, i64 its time (ns)``,
then ``n`` x (``i64`` ns after the first, ``6 x f64`` acc m/s2 and gyr rad/s).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imu_coach.drivers.base import Decoded, SyncReply
from imu_coach.errors import DecodeError
from imu_coach.types import Floats, Ints, SensorInfo

DATA = 1
HEAD = np.dtype([("type", "u1"), ("pad", "V3"), ("n", "<u4"), ("number", "<i8"), ("t_ns", "<i8")])
ROW = np.dtype([("after_ns", "<i8"), ("acc", "<f8", 3), ("gyr", "<f8", 3)])


class SI:
    """Decoder of one imported sensor; see :class:`imu_coach.drivers.base.Driver`."""

    name = "si"
    seq_modulus = 1 << 62
    tick_modulus = 1 << 62
    tick_seconds = 1e-9
    clock = "session"

    def __init__(self, info: SensorInfo) -> None:
        self.sensor = info.sensor

    def decode(self, payloads: Sequence[bytes]) -> Decoded:
        problem = [_problem(p) for p in payloads]
        good = [p for p, bad in zip(payloads, problem, strict=True) if not bad]
        head = np.frombuffer(b"".join([p[: HEAD.itemsize] for p in good]), HEAD)
        rows = np.frombuffer(b"".join([p[HEAD.itemsize :] for p in good]), ROW)
        return Decoded(
            problem,
            head["number"].astype(np.int64),
            head["t_ns"].astype(np.int64),
            head["n"].astype(np.int64),
            rows["after_ns"] * self.tick_seconds,
            rows["acc"].astype(np.float64),
            rows["gyr"].astype(np.float64),
        )

    def reply(self, payload: bytes) -> SyncReply:
        raise DecodeError(self.sensor, payload, "imported recordings have no clock exchange")

    def token(self, payload: bytes) -> int:
        raise DecodeError(self.sensor, payload, "imported recordings have no clock exchange")


def _problem(payload: bytes) -> str:
    if len(payload) < HEAD.itemsize + ROW.itemsize or payload[0] != 0x5A:
        return "not a block of samples"
    head = np.frombuffer(payload, HEAD, 1)[0]
    if len(payload) != HEAD.itemsize + int(head["n"]) * ROW.itemsize:
        return "length does not match the number of samples"
    if head["number"] < 0 or head["t_ns"] < 0 or head["number"] >= SI.seq_modulus or head["t_ns"] >= SI.tick_modulus:
        return "number or time out of range"
    after = np.frombuffer(payload, ROW, offset=HEAD.itemsize)["after_ns"]
    if after[0] != 0 or not (np.diff(after) > 0).all():
        return "times within the block do not grow"
    return ""


def encode(number: int, t_ns: Ints, acc: Floats, gyr: Floats) -> bytes:
    """One block of contiguous samples; ``t_ns (n,)`` session time, ``acc, gyr (n, 3)``."""
    rows = np.empty(len(t_ns), ROW)
    rows["after_ns"], rows["acc"], rows["gyr"] = t_ns - t_ns[0], acc, gyr
    head = np.zeros(1, HEAD)
    head["type"], head["n"], head["number"], head["t_ns"] = 0x5A, len(t_ns), number, t_ns[0]
    return head.tobytes() + rows.tobytes()
