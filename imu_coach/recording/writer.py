"""Writes inputs so that a kill, a cut or a bad sector costs a second, not a session.

zstd chunks of at most half a second, each with a CRC, and each with the channel records it needs, so that it can be
understood alone.  The header is written before the first chunk, again after 1, 2, 4, 8, ... chunks and at the end:
damage that leaves half of a file leaves a copy.
"""

from __future__ import annotations

import operator
import struct
import time
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import zstandard
from mcap import records
from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode

import imu_coach
from imu_coach.errors import RecordingError
from imu_coach.recording import format as form
from imu_coach.recording import scan
from imu_coach.recording.scan import MAGIC
from imu_coach.types import Header, Input

FLUSH_NS = 500_000_000
CHUNK_SIZE = 1 << 20
LEVEL = 3


class Writer:
    """Writes a recording; a killed process leaves everything but the last half second of arrival time.

    Parameters
    ----------
    path : the new file
    header : what is known before the first input
    overwrite : replace a file that exists
    """

    patience = FLUSH_NS / 1e9
    """s of wall time after which what was written goes to the file, even if arrival times stand still."""

    def __init__(self, path: str | Path, header: Header, *, overwrite: bool = False) -> None:
        self.path, self.header = Path(path), header
        if problem := form.header_problem(header):
            raise RecordingError(self.path, f"{problem}; correct the header")
        self._first = form.first_number(header)
        self._count = 0
        self._channels: dict[form.Route, tuple[int, bytes]] = {}
        self._counts: dict[int, int] = {}
        self._summary: list[tuple[Opcode, Any]] = []
        self._chunks, self._span = 0, (form.MAX_TIME_NS, 0)
        self._begin()
        self._file = _create(self.path, overwrite)
        try:
            self._put(MAGIC + _record(records.Header("imu_coach", f"imu_coach {imu_coach.__version__}")))
            self._head(closed=False)
        except RecordingError:
            self._file.close()
            raise

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def write(self, item: Input) -> None:
        """Add one input; RecordingError for one that no reader would accept, or when the disk does not take it."""
        route, t, data = self._checked(item)
        # Before adding: a chunk never spans half a second, in either direction of time.
        if self._parts and (not 0 <= t - self._times[0] < FLUSH_NS or self._size > CHUNK_SIZE):
            self.flush()
        cid = self._channel(route)
        self._parts += (form.MESSAGE.pack(5, 22 + len(data), cid, self._number(), t, t), data)
        self._times.append(t)
        self._counts[cid] += 1
        self._count += 1
        self._size += 31 + len(data)
        if time.monotonic() - self._since > self.patience:
            self.flush()

    def flush(self) -> None:
        """Hand everything so far to the operating system (a killed process then loses none of it)."""
        if not self._parts:
            return
        data, times = b"".join(self._parts), self._times
        self._begin()
        packed = zstandard.ZstdCompressor(level=LEVEL).compress(data)
        start, low, high = self._file.tell(), min(times), max(times)
        chunk = scan.CHUNK_HEAD.pack(
            scan.CHUNK, len(packed) + 44, low, high, len(data), zlib.crc32(data), 4, b"zstd", len(packed)
        )
        self._put(chunk + packed)
        index = records.ChunkIndex(len(chunk) + len(packed), start, "zstd", len(packed), high, 0, {}, low, len(data))
        self._summary.append((Opcode.CHUNK_INDEX, index))
        self._span = min(self._span[0], low), max(self._span[1], high)
        self._chunks += 1
        if self._chunks & (self._chunks - 1) == 0:
            self._head(closed=False)

    def close(self) -> None:
        """Finish the file; without it, readers miss the last copy of the header and say so."""
        if self._file.closed:
            return
        try:
            self.flush()
            self._head(closed=True)
            self._put(_record(records.DataEnd(0)))
            self._finish()
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Close the file as it is: the disk takes nothing more."""
        self._file.close()

    def _checked(self, item: Input) -> tuple[form.Route, int, bytes]:
        """Only what reads back as it is."""
        if self._file.closed:
            raise RecordingError(self.path, "is closed already; write to a new one")
        kind = type(item).__name__
        try:
            route, t, data = form.split(item)
            t, data = operator.index(t), b"".join((data,))
            if route[0] in (form.LINK, form.COMMAND):
                form.join(route, t, data)
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as e:
            raise RecordingError(self.path, f"cannot record this {kind} ({e}); correct its source") from e
        if not 0 <= t <= form.MAX_TIME_NS or len(data) > form.MAX_PAYLOAD:
            raise RecordingError(self.path, f"time or size of this {kind} is out of range; correct its source")
        return route, t, data

    def _begin(self) -> None:
        self._parts: list[bytes] = []
        self._times: list[int] = []
        self._here: set[int] = set()
        self._size = 0
        self._since = time.monotonic()

    def _number(self) -> int:
        return (self._first + self._count) & 0xFFFFFFFF

    def _channel(self, route: form.Route) -> int:
        """Channel of a route; its record goes into every chunk that needs it."""
        if route not in self._channels:
            if route[0] in (form.PACKET, form.SENT) and all(i.sensor != route[1] for i in self.header.sensors):
                raise RecordingError(self.path, f"no sensor {route[1]!r} in the header; add it there")
            if not 0 <= route[2] <= 0xFFFF:
                raise RecordingError(self.path, f"channel {route[2]} is not within 0 and 65535; see the driver")
            cid = len(self._channels) + 1
            channel = records.Channel(cid, form.topic(route), form.encoding(route, self.header), {}, 0)
            self._channels[route] = cid, _record(channel)
            self._counts[cid] = 0
            self._summary.append((Opcode.CHANNEL, channel))
        cid, text = self._channels[route]
        if cid not in self._here:
            self._here.add(cid)
            self._parts.append(text)
        return cid

    def _head(self, closed: bool) -> None:
        start = self._file.tell()
        data = _record(records.Metadata("imu_coach", form.dump_head(self.header, self._count, closed)))
        self._put(data)
        self._summary.append((Opcode.METADATA_INDEX, records.MetadataIndex(start, len(data), "imu_coach")))

    def _finish(self) -> None:
        """The summary, in groups; for other programs, this reader does not need it."""
        low, high = self._span if self._count else (0, 0)
        heads = sum(code == Opcode.METADATA_INDEX for code, _ in self._summary)
        total = records.Statistics(0, len(self._channels), self._counts, self._chunks, self._count, high, low, heads, 0)
        self._summary.append((Opcode.STATISTICS, total))
        start, data, offsets = self._file.tell(), b"", b""
        for code in (Opcode.CHANNEL, Opcode.STATISTICS, Opcode.CHUNK_INDEX, Opcode.METADATA_INDEX):
            group = b"".join(_record(record) for c, record in self._summary if c == code)
            if group:
                offsets += _record(records.SummaryOffset(code, len(group), start + len(data)))
            data += group
        footer = struct.pack("<BQQQ", Opcode.FOOTER, 20, start, start + len(data))
        crc = zlib.crc32(data + offsets + footer)
        self._put(data + offsets + footer + struct.pack("<I", crc) + MAGIC)

    def _put(self, data: bytes) -> None:
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as e:
            raise RecordingError(self.path, f"cannot be written ({e.strerror}); make room on the disk") from e


def _record(record: Any) -> bytes:
    builder: Any = RecordBuilder()
    record.write(builder)
    return bytes(builder.end())


def _create(path: Path, overwrite: bool) -> BinaryIO:
    try:
        return open(path, "wb" if overwrite else "xb", buffering=0)
    except FileExistsError:
        raise RecordingError(path, "exists already; choose another name or use --force") from None
    except (OSError, ValueError) as e:
        raise RecordingError(path, f"cannot be created ({_reason(e)}); choose another place") from e


def _reason(e: OSError | ValueError) -> str:
    return getattr(e, "strerror", None) or "not a path"
