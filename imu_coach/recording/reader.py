"""One pass over a recording file: the inputs that prove themselves, in order, and what was lost between them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from imu_coach.recording import format as form
from imu_coach.recording.scan import MAGIC, Scan, Unit
from imu_coach.types import Header, Input, Packet

_AHEAD = 1 << 24
"""More inputs than any gap can hold; a chunk numbered further off belongs to another recording."""
_MASK = 0xFFFFFFFF
_MAX_CHANNELS = 4096
_PREFIX = struct.Struct("<BQHH")


class Loss(NamedTuple):
    """Bytes of a file that could not be used, between the session times (s) of what was read around them."""

    offset: int
    length: int
    before_t: float | None
    after_t: float | None
    problem: str


class Part(NamedTuple):
    """What a chunk holds; ``first, last`` are input numbers, ``start, end`` times in ns."""

    items: list[Input]
    first: int
    last: int
    start: int
    end: int
    routes: dict[int, form.Route]


class Reading:
    """One pass; ``losses`` grows with it."""

    def __init__(self, file: BinaryIO, size: int, head: form.Head) -> None:
        self.size, self.head = size, head
        self.scan = Scan(file, size)
        self.losses: list[Loss] = []
        self.count = 0
        self.total: int | None = None
        self.last_t: float | None = None
        self.bad: tuple[int, int, str] | None = None
        self.routes: dict[int, form.Route] = {}
        self.known: dict[bytes, tuple[int, form.Route]] = {}
        file.seek(0)
        self.end = self.after = len(MAGIC) if file.read(len(MAGIC)) == MAGIC else 0

    def lists(self) -> Iterator[list[Input]]:
        """The inputs of one chunk after the other, as recorded."""
        while self.total != self.count and (unit := self.scan.next(self.end)) is not None:
            if not self.scan.chained(self.end, unit.start):
                self._bad(self.end, unit.start, self.scan.problem or "damaged bytes")
            if unit.records is None:
                self._copy(unit)
            elif part := self._accept(unit, unit.records):
                yield part.items
            self.end = unit.end
        if self.total is None:
            self._bad(self.end, self.size, self.scan.problem or "not closed")
            self._lost(None, "what came in the last second may be missing")
        elif self.total != self.count:
            self._bad(self.after, self.end, "a part is gone")
            self._lost(None, f"{self.total - self.count} inputs missing")
        elif self.bad:
            self._lost(None, "nothing missing")

    def _copy(self, unit: Unit) -> None:
        """A copy of the header; the last one tells how many inputs there are."""
        try:
            first, inputs, closed = form.load_counts(form.load_json(unit.head))
        except ValueError:
            self._bad(unit.start, unit.end, "a copy of the header that imu_coach did not write")
            return
        if first != self.head.first or (closed and inputs < self.count):
            self._bad(unit.start, unit.end, "a part of another recording")
        elif closed:
            self.total = inputs

    def _accept(self, unit: Unit, data: bytes) -> Part | None:
        """A chunk, if it follows what was read before."""
        try:
            part = parse(data, self.head.header, self.routes, self.known)
        except (ValueError, LookupError, OverflowError, struct.error):
            return self._bad(unit.start, unit.end, "a chunk that imu_coach did not write")
        if not part.items:
            return None
        ahead = (part.first - self.head.first - self.count) & _MASK
        if (part.last - part.first) & _MASK != len(part.items) - 1 or ahead >= _AHEAD:
            repeats = ahead > _MASK - _AHEAD
            problem = "a part that repeats" if repeats else "a part of another recording"
            return self._bad(unit.start, unit.end, problem)
        if ahead and not self.bad:
            self._bad(self.after, unit.start, "a part is gone")
        if self.bad:
            self._lost(part.start / 1e9, f"{ahead} inputs missing" if ahead else "nothing missing")
        self.count += ahead + len(part.items)
        self.after = unit.end
        self.routes, self.last_t = part.routes, part.end / 1e9
        return part

    def _bad(self, start: int, end: int, problem: str) -> Part | None:
        """Remember the damage until what comes after it tells what it cost."""
        first, _, why = self.bad or (start, end, problem)
        self.bad = first, end, why
        return None

    def _lost(self, after_t: float | None, amount: str) -> None:
        start, end, problem = self.bad or (self.end, self.end, "")
        self.losses.append(Loss(start, end - start, self.last_t, after_t, f"{problem}: {amount}"))
        self.bad = None


def parse(
    data: bytes, header: Header, routes: dict[int, form.Route], known: dict[bytes, tuple[int, form.Route]]
) -> Part:
    """The records of a chunk; ValueError, LookupError, OverflowError or struct.error where they are not ours.

    ``routes`` are the channels known before; ``known`` caches channel records, which repeat in every chunk.
    """
    items: list[Input] = []
    routes, first, seq, start, t = dict(routes), -1, -1, 0, 0
    append, unpack, new, is_packet = items.append, form.MESSAGE.unpack_from, tuple.__new__, form.PACKET
    pos, size, latest = 0, len(data), form.MAX_TIME_NS
    while pos < size:
        op, length, cid, number, stamp, _ = unpack(data, pos)
        after = pos + 9 + length
        if after > size:
            raise ValueError("a record that is longer than its chunk")
        if op == 5:
            if length < 22 or stamp > latest:
                raise ValueError("a message without a time")
            kind, sensor, channel = routes[cid]
            if first < 0:
                first, start = number, stamp
            seq, t = number, stamp
            if kind == is_packet:
                append(new(Packet, (sensor, t, channel, data[pos + 31 : after])))
            else:
                append(form.join((kind, sensor, channel), t, data[pos + 31 : after]))
        elif op == 4:
            cid, route = _channel(data[pos:after], header, known)
            if routes.setdefault(cid, route) != route:
                raise ValueError("a channel that changes its meaning")
        elif op != 3:
            raise ValueError("neither schema, channel nor message")
        pos = after
    return Part(items, first, seq, start, t, routes)


def _channel(record: bytes, header: Header, known: dict[bytes, tuple[int, form.Route]]) -> tuple[int, form.Route]:
    if record not in known:
        if len(known) >= _MAX_CHANNELS:
            raise ValueError("too many channels")
        _, _, cid, _ = _PREFIX.unpack_from(record)
        topic, pos = _text(record, _PREFIX.size)
        encoding, _ = _text(record, pos)
        route = form.parse_topic(topic, header)
        if encoding != form.encoding(route, header):
            raise ValueError("a channel of another encoding")
        known[record] = cid, route
    return known[record]


def _text(record: bytes, pos: int) -> tuple[str, int]:
    end = pos + 4 + int.from_bytes(record[pos : pos + 4], "little")
    return record[pos + 4 : end].decode("ascii"), end
