"""Matlab files are looked through before scipy reads them: its reader trusts types and sizes, and damage crashes it.

Only the tags are read here, as in the description of the format [1]_; the values are scipy's work.

References
----------
.. [1] The MathWorks, MAT-File Format, "Level 5 MAT-File Format"
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection
from typing import Final, NamedTuple

HEADER: Final = 128
ORDER: Final = {b"IM": "<", b"MI": ">"}
INT8, INT32, UINT32, MATRIX, COMPRESSED = 1, 5, 6, 14, 15
NUMBERS: Final = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 12, 13})
NUMERIC_CLASSES: Final = frozenset(range(6, 16))


class Element(NamedTuple):
    """Type, body and where the next one begins."""

    kind: int
    body: bytes
    after: int


def element(raw: bytes, at: int, order: str) -> Element:
    """The element of a matrix at ``at``, in the long or the short form."""
    (kind,) = struct.unpack_from(order + "I", raw, at)
    if kind >> 16:
        size, start, after = kind >> 16, at + 4, at + 8
        kind &= 0xFFFF
    else:
        (size,) = struct.unpack_from(order + "I", raw, at + 4)
        start, after = at + 8, at + 8 + (size + 7) // 8 * 8
    if start + size > len(raw):
        raise ValueError("cut off")
    return Element(kind, raw[start : start + size], after)


def check(raw: bytes, wanted: Collection[str], largest: int) -> None:
    """Go through the tags of a file; raises ValueError, struct.error or zlib.error at the first wrong one."""
    order = ORDER.get(raw[HEADER - 2 : HEADER])
    if order is None or raw.startswith(b"MATLAB 7.3"):
        raise ValueError("not a Matlab file of version 5 to 7; save with -v7")
    at = HEADER
    while at < len(raw):
        kind, size = struct.unpack_from(order + "II", raw, at)
        body = raw[at + 8 : at + 8 + size]
        if len(body) < size:
            raise ValueError("cut off")
        at += 8 + size
        if kind == COMPRESSED:
            body = zlib.decompressobj().decompress(body, largest)
            kind, size = struct.unpack_from(order + "II", body)
            body = body[8 : 8 + size]
            if len(body) < size:
                raise ValueError(f"cut off, or larger than {largest} bytes")
        if kind != MATRIX:
            raise ValueError(f"an element of type {kind} instead of an array")
        matrix(body, wanted, order)


def matrix(body: bytes, wanted: Collection[str], order: str) -> None:
    """Check the tags of one array: flags, dimensions, name and, if it will be read, its numbers."""
    flags = element(body, 0, order)
    dimensions = element(body, flags.after, order)
    name = element(body, dimensions.after, order)
    if (flags.kind, dimensions.kind, name.kind) != (UINT32, INT32, INT8) or len(flags.body) < 8:
        raise ValueError("an array without flags, dimensions and name")
    if name.body.decode("latin-1") not in wanted:
        return
    (flag,) = struct.unpack_from(order + "I", flags.body)
    if flag & 0xFF not in NUMERIC_CLASSES:
        raise ValueError(f"{name.body.decode('latin-1')} is not an array of numbers")
    at = name.after
    while at < len(body):
        part = element(body, at, order)
        if part.kind not in NUMBERS:
            raise ValueError(f"numbers of an unknown type {part.kind}")
        at = part.after
