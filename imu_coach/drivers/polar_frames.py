"""Polar's measurement frames and settings, as bytes: raw and delta-compressed samples, and type-length-value lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from imu_coach.types import Floats, Ints

ACC, GYRO = 2, 5
HEAD = 10
"""Bytes before the samples: kind, time of the last sample (u64, ns), frame type."""
COMPRESSED = 0x80
LATEST = 1 << 62
"""ns; a stamp beyond is no time (146 years)."""
MOST = 512
"""Samples in one frame; more cannot come from a working sensor."""
MOST_TURN = 1e4
"""deg/s; nothing on a person turns as fast."""
WIDEST = 32
"""Bits of a difference."""

RATE, RESOLUTION, RANGE, RANGE_MILLI, CHANNELS, FACTOR = range(6)
SIZES: Mapping[int, int] = {RATE: 2, RESOLUTION: 2, RANGE: 2, RANGE_MILLI: 4, CHANNELS: 1, FACTOR: 4}
"""Settings, and the bytes of one value."""


class Broken(Exception):
    """A frame that does not follow its format; says why."""


class Frame(NamedTuple):
    """``kind`` ACC or GYRO; ``last`` ns of the last sample; ``values (n, 3)``; ``scaled``: they are counts."""

    kind: int
    last: int
    values: Floats
    counts: bool


def parse(payload: bytes) -> Frame:
    """A data payload; raises :class:`Broken`.  Values that are not counts are in mg (ACC) or deg/s (GYRO)."""
    if len(payload) <= HEAD:
        raise Broken("shorter than one sample")
    kind, last, form = payload[0] & 0x3F, int.from_bytes(payload[1:9], "little"), payload[9]
    body = payload[HEAD:]
    if last >= LATEST:
        raise Broken("time out of range")
    match kind, form:
        case 2, 1:
            return Frame(kind, last, _raw(body), False)
        case 2 | 5, 0x80:
            return Frame(kind, last, _within(_deltas(body, 2)), True)
        case 5, 0x81:
            return Frame(kind, last, _floats(_deltas(body, 4)), False)
    raise Broken("a kind of frame that is not known")


def _raw(body: bytes) -> Floats:
    if len(body) % 6:
        raise Broken("length is not that of whole samples")
    return np.frombuffer(body, "<i2").reshape(-1, 3).astype(np.float64)


def _within(values: Ints) -> Floats:
    if (np.abs(values) > 32768).any():
        raise Broken("differences that lead out of the range")
    return values.astype(np.float64)


def _floats(patterns: Ints) -> Floats:
    """Differences were taken of the bits of floats."""
    values = (patterns & 0xFFFFFFFF).astype("<u4").view("<f4")
    if not np.isfinite(values).all() or (np.abs(values) > MOST_TURN).any():
        raise Broken("a value that no sensor measures")
    return values.astype(np.float64)


def _deltas(body: bytes, width: int) -> Ints:
    """(n, 3) integers: one sample of ``width`` bytes a channel, then blocks of differences, lowest bit first."""
    at = 3 * width
    if len(body) < at:
        raise Broken("shorter than its first sample")
    rows = [np.array([[int.from_bytes(body[i : i + width], "little", signed=True) for i in range(0, at, width)]])]
    total = 1
    while at < len(body):
        bits, count = body[at], body[at + 1] if at + 1 < len(body) else 0
        size = (3 * bits * count + 7) // 8
        total += count
        if bits > WIDEST or count == 0 or total > MOST or at + 2 + size > len(body):
            raise Broken("a block of differences that does not fit")
        rows.append(_signed(body[at + 2 : at + 2 + size], bits, 3 * count).reshape(count, 3))
        at += 2 + size
    values: Ints = np.cumsum(np.concatenate(rows), axis=0)
    return values


def _signed(packed: bytes, bits: int, count: int) -> Ints:
    """``count`` two's-complement numbers of ``bits`` bits each, lowest bit first."""
    flat = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")[: bits * count]
    worth = np.array([1 << i for i in range(bits)], np.int64)
    worth[-1:] *= -1
    numbers: Ints = (flat.reshape(count, bits) * worth).sum(axis=1, dtype=np.int64)
    return numbers


def settings(listed: bytes) -> dict[int, list[int]]:
    """Values offered or granted, by setting, of a type-length-value list; what is cut or unknown ends it."""
    found: dict[int, list[int]] = {}
    at = 0
    while at + 2 <= len(listed) and (size := SIZES.get(listed[at])):
        end = at + 2 + size * listed[at + 1]
        if end > len(listed):
            break
        found[listed[at]] = [int.from_bytes(listed[i : i + size], "little") for i in range(at + 2, end, size)]
        at = end
    return found


def setting_list(chosen: Sequence[tuple[int, int]]) -> bytes:
    """The list of one value each."""
    return b"".join(bytes([what, 1]) + value.to_bytes(SIZES[what], "little") for what, value in chosen)
