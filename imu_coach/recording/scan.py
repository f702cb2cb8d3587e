"""Finds the parts of an MCAP file that are provably as written, however damaged the rest is.

Only two records are ever believed, because both prove themselves: a chunk whose CRC matches, and a header copy whose
SHA-256 matches.  No length of any other record is trusted; what does not prove itself is searched byte by byte for the
next record that does.  That is why the summary at the end is not needed, and not read.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from typing import BinaryIO, NamedTuple

import zstandard

MAGIC = bytes((137, 77, 67, 65, 80, 48, 13, 10))
CHUNK = 0x06
BENIGN = frozenset((0x01, 0x03, 0x04, 0x07, 0x09))
"""Header, schema, channel, message index, attachment: may stand between the records that are read."""

MAX_CHUNK = 1 << 24
MAX_HEAD = 1 << 19
EXPANDS = 200
CHUNK_HEAD = struct.Struct("<BQQQQII4sQ")
RECORD_HEAD = struct.Struct("<BQ")
# A chunk or header copy shorter than 16 MiB, by its fixed bytes.
_MARK = re.compile(rb"[\x06\x0c]...\0{5}(?:.{28}\x04\0{3}zstd|\x09\0{3}imu_coach)", re.DOTALL)
_MARK_SIZE = 64
_BLOCK = 1 << 16


class Unit(NamedTuple):
    """A record that proved itself, at ``start`` to ``end``: a chunk's records, or a header copy's JSON."""

    start: int
    end: int
    records: bytes | None
    head: str


class Scan:
    """One pass over a file of ``size`` bytes.

    ``problem`` says what was wrong first since the last record that proved itself.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size
        self.problem = ""
        # Work allowed for: a file that expands further than any recording does is hostile.
        self.budget = (1 << 26) + EXPANDS * size
        self.unpacker = zstandard.ZstdDecompressor(max_window_size=MAX_CHUNK)
        self.block, self.block_pos = b"", 0

    def next(self, pos: int, stop: int | None = None) -> Unit | None:
        """The first record at ``pos`` or later that proves itself, or None up to the end (or ``stop``)."""
        self.problem = ""
        unit = self.at(pos)
        while unit is None:
            found = self._mark(pos + 1, self.size if stop is None else min(stop, self.size))
            if found is None:
                return None
            pos, unit = found, self.at(found)
        return unit

    def at(self, pos: int) -> Unit | None:
        """The record that starts at ``pos``, if it proves itself."""
        head = self._read(pos, CHUNK_HEAD.size)
        if head[:1] == b"\x0c":
            return self._metadata(pos, head)
        return self._chunk(pos, head)

    def chained(self, start: int, end: int) -> bool:
        """Whether only records that may stand there lie between."""
        while start < end:
            head = self._read(start, RECORD_HEAD.size)
            if len(head) < RECORD_HEAD.size or head[0] not in BENIGN:
                return False
            start += RECORD_HEAD.size + int(RECORD_HEAD.unpack(head)[1])
        return start == end

    def _chunk(self, pos: int, head: bytes) -> Unit | None:
        if len(head) < CHUNK_HEAD.size:
            return self._bad("cut off" if head else "")
        op, length, _, _, size, crc, name_size, name, packed = CHUNK_HEAD.unpack(head)
        if op != CHUNK or name_size != 4 or name != b"zstd" or length != packed + 44 or max(size, packed) > MAX_CHUNK:
            return self._bad("a damaged record")
        start = pos + CHUNK_HEAD.size
        if start + packed > self.size:
            return self._bad("cut off")
        self.budget -= max(size, packed)
        if self.budget < 0:
            return self._bad(f"a file that expands to more than {EXPANDS} times its size")
        data = self._unpack(self._read(start, packed), size)
        if data is None or zlib.crc32(data) != crc:
            return self._bad("a chunk whose checksum does not match")
        return Unit(pos, start + packed, data, "")

    def _unpack(self, packed: bytes, size: int) -> bytes | None:
        try:
            # The content size inside the frame would overrule max_output_size.
            if zstandard.frame_content_size(packed) not in (-1, size):
                return None
            data = self.unpacker.decompress(packed, max_output_size=size, allow_extra_data=False)
        except (zstandard.ZstdError, MemoryError):
            return None
        return data if len(data) == size else None

    def _metadata(self, pos: int, head: bytes) -> Unit | None:
        """``name``, then the size of a map, then its keys and values; all strings have a u32 length."""
        if len(head) < RECORD_HEAD.size:
            return self._bad("cut off")
        length = int(RECORD_HEAD.unpack_from(head)[1])
        end = pos + RECORD_HEAD.size + length
        if length > MAX_HEAD or end > self.size:
            return self._bad("a damaged record" if length > MAX_HEAD else "cut off")
        self.budget -= length
        body = self._read(pos + RECORD_HEAD.size, length) if self.budget >= 0 else b""
        if body[:17] != b"\x09\0\0\0imu_coach" + struct.pack("<I", max(length - 17, 0)):
            return self._bad("a damaged record")
        found = _strings(body, 17)
        text = found.get(b"json", b"")
        if hashlib.sha256(text).hexdigest().encode() != found.get(b"sha256") or not text.isascii():
            return self._bad("a copy of the header whose checksum does not match")
        return Unit(pos, end, None, text.decode())

    def _mark(self, pos: int, stop: int) -> int | None:
        """Where the next record that may prove itself starts."""
        while pos < stop:
            if not self.block_pos <= pos < self.block_pos + len(self.block):
                self.block, self.block_pos = self._read(pos, _BLOCK), pos
                if not self.block:
                    return None
            found = _MARK.search(self.block, pos - self.block_pos)
            if found:
                return self.block_pos + found.start()
            # The next block overlaps this one by a mark less a byte, or is the end.
            last = self.block_pos + len(self.block)
            pos = last if last >= self.size else max(last - _MARK_SIZE, pos + 1)
            self.block = b""
        return None

    def _read(self, pos: int, count: int) -> bytes:
        self.file.seek(pos)
        return self.file.read(min(count, self.size - pos)) if pos < self.size else b""

    def _bad(self, problem: str) -> Unit | None:
        self.problem = self.problem or problem
        return None


def _strings(data: bytes, pos: int) -> dict[bytes, bytes]:
    """Pairs of strings with a length; none where they do not end with the data."""
    found: list[bytes] = []
    while pos < len(data) and len(found) < 64:
        end = pos + 4 + int.from_bytes(data[pos : pos + 4], "little")
        found.append(data[pos + 4 : end])
        pos = end
    return dict(zip(found[::2], found[1::2], strict=False)) if pos == len(data) else {}
