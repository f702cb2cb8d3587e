"""Recordings that were cut, killed, flipped, spliced or made to harm: what is read is true, what is lost is said."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import itertools
import json
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest
import zstandard
from mcap.reader import make_reader
from mcap.stream_reader import StreamReader

from imu_coach.errors import ImuCoachError, NewerFormat, NotARecording, RecordingError, Truncated
from imu_coach.recording import Loss, Recording, Writer, repair
from imu_coach.recording import format as form
from imu_coach.types import Command, Header, Input, Link, Packet, SensorInfo, Sent, Tick

HEADER = Header((SensorInfo("sacrum"), SensorInfo("wrist")), started="2026-01-01T00:00:00", person={"height": 1.7})


def session(seconds: float, size: int, seed: int = 0) -> list[Input]:
    """Ten packets a second of ``size`` random bytes, and all the other kinds of input."""
    rng = random.Random(seed)
    found: list[Input] = [Command(0, "calibrate", {"pose": "stand_tall", "seconds": 3}), Link("sacrum", 0, "up", 0.0)]
    for k in range(int(seconds * 10)):
        t = k * 100_000_000 + rng.randrange(90_000_000)
        found.append(Packet("sacrum" if k % 2 else "wrist", t, 2, rng.randbytes(size)))
        if k % 5 == 0:
            found += [Tick(t), Sent("wrist", t, rng.randbytes(6))]
    return found


def arrived(item: Input) -> int:
    return item.arrived_ns


def write(path: Path, inputs: Sequence[Input], header: Header = HEADER) -> list[int]:
    """Write a file as a live session does; the size of the file after each input."""
    sizes = []
    with Writer(path, header) as writer:
        for item in inputs:
            writer.write(item)
            sizes.append(path.stat().st_size)
    return sizes


def read(path: Path) -> tuple[list[Input], tuple[Loss, ...]]:
    recording = Recording.open(path)
    return recording.inputs(), recording.losses


def records(data: bytes) -> list[tuple[int, int, int]]:
    """(opcode, start, end) of every record of an intact file."""
    found, pos = [], 8
    while pos < len(data) - 8:
        op, length = struct.unpack_from("<BQ", data, pos)
        found.append((op, pos, pos + 9 + length))
        pos = found[-1][2]
    return found


def subset(part: Sequence[Input], whole: Sequence[Input]) -> bool:
    """Whether ``part`` are some of ``whole``, in order."""
    rest = iter(whole)
    return all(any(item == other for other in rest) for item in part)


# --- cuts -----------------------------------------------------------------------------------------------------------


def check_cut(
    path: Path, cut: int, items: list[Input], sizes: list[int], complete: int, opened: Recording | None = None
) -> None:
    """All inputs that came more than 1.0 s before the cut are there; a file that is not whole says so."""
    try:
        recording = copy.copy(opened) if opened else Recording.open(path)
        found, losses = recording.inputs(), recording.losses
    except (Truncated, NotARecording):
        assert cut < sizes[0], "the header is written before any input"
        return
    assert found == items[: len(found)]
    written = sum(size <= cut for size in sizes)
    newest = arrived(items[min(written, len(items) - 1)])
    assert len(found) == len(items) or arrived(items[len(found)]) >= newest - 1_000_000_000
    if cut < complete:
        (loss,) = losses
        assert loss.after_t is None
        assert loss.offset + loss.length == cut
        assert loss.before_t == (arrived(found[-1]) / 1e9 if found else None)
    else:
        assert losses == ()


def complete_size(data: bytes) -> int:
    """End of the closing copy of the header, behind which nothing is read."""
    return [end for op, _, end in records(data) if op == 0x0C][-1]


def test_cuts_at_every_byte(tmp_path: Path) -> None:
    """Large packets, so that 64 KiB are few inputs, and opened anew only where the cut is near the header: fast."""
    path = tmp_path / "a"
    items = session(2.4, 4000)
    sizes = write(path, items)
    complete, opened = complete_size(path.read_bytes()), Recording.open(path)
    assert 65536 < complete < 110000
    for cut in range(65536, -1, -1):
        os.truncate(path, cut)
        check_cut(path, cut, items, sizes, complete, opened if cut > 2048 else None)


def test_cuts_at_every_record_and_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "a"
    items = session(40, 70)
    sizes = write(path, items)
    data = path.read_bytes()
    edges = {end + k for _, _, end in records(data) for k in (-1, 0, 1)}
    anywhere = {random.Random(1).randrange(len(data)) for _ in range(200)}
    complete = complete_size(data)
    for cut in sorted(edges | anywhere | {len(data)}, reverse=True):
        os.truncate(path, min(cut, len(data)))
        check_cut(path, cut, items, sizes, complete)


WRITER = """
import sys, time
from imu_coach.recording import Writer
from imu_coach.types import Header, Packet, SensorInfo
start = time.monotonic()
with Writer(sys.argv[1], Header((SensorInfo("sacrum"),))) as writer:
    for k in range(10000):
        now = time.monotonic() - start
        writer.write(Packet("sacrum", int(now * 1e9), 2, k.to_bytes(4, "little") * 17))
        sys.stdout.write(f"{k} {now}\\n")
        sys.stdout.flush()
        time.sleep(0.016)
"""


def test_a_killed_process_loses_at_most_a_second(tmp_path: Path) -> None:
    """Three at a time, in real time; the process tells every input it was about to have written."""
    runs = []
    for k in range(3):
        command = [sys.executable, "-c", WRITER, str(tmp_path / f"{k}")]
        runs.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    for k, run in enumerate(runs):
        assert run.stdout is not None
        told = []
        for line in run.stdout:
            told.append(line.split())
            if float(told[-1][1]) > 1.7 + 0.37 * k:
                break
        run.send_signal(signal.SIGKILL)
        told += [line.split() for line in run.stdout.read().splitlines() if len(line.split()) == 2]
        run.stdout.close()
        assert run.wait() == -signal.SIGKILL
        found, losses = read(tmp_path / f"{k}")
        assert [i.payload[:4] for i in found if isinstance(i, Packet)] == [
            n.to_bytes(4, "little") for n in range(len(found))
        ]
        assert arrived(found[-1]) / 1e9 >= float(told[-1][1]) - 1.0
        assert len(losses) == 1


# --- flipped bits ---------------------------------------------------------------------------------------------------


def harmless(data: bytes) -> list[tuple[int, int]]:
    """Bytes that may change unnoticed, because nothing that is read depends on them (see ``recording``)."""
    found = [(complete_size(data), len(data))]
    for op, start, end in records(data):
        if op == 0x01:
            found += [(start, start + 1), (start + 9, end)]
        if op == 0x06:
            found.append((start + 9, start + 25))
    return found


def unpacks_the_same(data: bytes, bad: bytes, place: int) -> bool:
    """Whether the chunk around ``place`` still holds the same: some bits of zstd say nothing."""
    start, end = next((start + 53, end) for op, start, end in records(data) if start + 53 <= place < end)
    return zstandard.decompress(data[start:end]) == zstandard.decompress(bad[start:end])


def test_flipped_bits_are_never_returned(tmp_path: Path) -> None:
    path = tmp_path / "a"
    items = session(12, 70)
    write(path, items)
    data = path.read_bytes()
    rng = random.Random(5)
    heads = [start for op, start, _ in records(data) if op == 0x06]
    places = [rng.randrange(complete_size(data)) for _ in range(400)]
    places += [start + k for start in heads[:4] for k in range(60)] + list(range(400))
    silent = 0
    for place in places:
        bad = bytearray(data)
        bad[place] ^= 1 << rng.randrange(8)
        path.write_bytes(bad)
        found, losses = read(path)
        assert subset(found, items), place
        assert len(items) - len(found) <= 10, place
        if not losses:
            silent += 1
            assert found == items, place
            assert any(a <= place < b for a, b in harmless(data)) or unpacks_the_same(data, bytes(bad), place), place
        else:
            assert all(a.offset + a.length <= b.offset for a, b in itertools.pairwise(losses))
            assert any(loss.offset <= place < loss.offset + loss.length for loss in losses), (place, losses)
    assert silent < len(places) / 4


def test_a_damaged_length_costs_one_chunk(tmp_path: Path) -> None:
    path = tmp_path / "a"
    items = session(10, 70)
    write(path, items)
    data = path.read_bytes()
    chunks = [(start, end) for op, start, end in records(data) if op == 0x06]
    start, end = chunks[7]
    for length in (0, 1, 1 << 15, 1 << 23, 1 << 62, (1 << 64) - 1):
        path.write_bytes(data[: start + 1] + struct.pack("<Q", length) + data[start + 9 :])
        found, losses = read(path)
        (loss,) = losses
        assert subset(found, items)
        assert 0 < len(items) - len(found) <= 8
        assert f"{len(items) - len(found)} inputs missing" in loss.problem
        assert (loss.offset, loss.length) == (start, end - start)
        gone = [i for i in items if i not in found]
        assert loss.before_t is not None
        assert loss.after_t is not None
        assert loss.before_t * 1e9 <= arrived(gone[0]) <= arrived(gone[-1]) <= loss.after_t * 1e9


def test_the_first_copy_of_the_header_can_go(tmp_path: Path) -> None:
    path = tmp_path / "a"
    items = session(10, 70)
    write(path, items)
    data = path.read_bytes()
    first_chunk = next(start for op, start, _ in records(data) if op == 0x06)
    for start in (0, 8, 30, 60):
        path.write_bytes(data[:start] + bytes(first_chunk - start) + data[first_chunk:])
        recording = Recording.open(path)
        assert recording.header == HEADER
        assert recording.inputs() == items
        assert [loss.offset for loss in recording.losses] == [start if start == 0 else 8]
        assert "nothing missing" in recording.losses[0].problem


def test_a_killed_session_has_more_than_one_header(tmp_path: Path) -> None:
    path = tmp_path / "a"
    items = session(10, 70)
    write(path, items)
    data = path.read_bytes()
    heads = [start for op, start, _ in records(data) if op == 0x0C]
    chunks = [end for op, _, end in records(data) if op == 0x06]
    assert [sum(end <= start for end in chunks) for start in heads] == [0, 1, 2, 4, 8, 16, len(chunks)]
    path.write_bytes(data[:8] + bytes(heads[0]) + data[heads[0] + 8 : chunks[1]])
    recording = Recording.open(path)
    assert recording.header == HEADER
    assert 0 < len(recording.inputs()) < 20


def test_half_a_file_is_half_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "a"
    items = session(30, 70)
    write(path, items)
    data = path.read_bytes()
    path.write_bytes(bytes(len(data) // 2) + data[len(data) // 2 :])
    recording = Recording.open(path)
    found = recording.inputs()
    assert recording.header == HEADER
    assert found == items[-len(found) :]
    assert len(found) > 0.45 * len(items)
    assert f"{len(items) - len(found)} inputs missing" in recording.losses[0].problem


def test_parts_that_repeat_move_or_belong_elsewhere_are_not_read(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    items = session(10, 70)
    write(path, items)
    write(other, session(10, 70, seed=9), Header(HEADER.sensors, started="another day"))
    data, foreign = path.read_bytes(), other.read_bytes()
    chunks = [(start, end) for op, start, end in records(data) if op == 0x06]
    alien = [foreign[start:end] for op, start, end in records(foreign) if op == 0x06]
    (a, b), (c, d) = chunks[4], chunks[12]
    for bad, whole in (
        (data[:b] + data[a:b] + data[b:], True),
        (data[:c] + data[a:b] + data[c:], True),
        (data[:a] + alien[4] + data[a:], True),
        (data[:a] + alien[4] + data[b:], False),
        (data[:a] + data[b:d] + data[a:b] + data[d:], False),
        (data[:a] + data[b:], False),
        (data[:a] + data[c:d] + data[a:], False),
        (data[: chunks[-1][0]] + data[chunks[-1][1] :], False),
        (data + foreign, True),
    ):
        path.write_bytes(bad)
        found, losses = read(path)
        assert subset(found, items)
        assert (found == items) == whole
        assert bool(losses) == (bad != data + foreign)
        if not whole:
            assert any(f"{len(items) - len(found)} inputs missing" in loss.problem for loss in losses)


# --- files made to harm ---------------------------------------------------------------------------------------------


def head_record(**changes: object) -> bytes:
    """A header copy with a right checksum."""
    raw = json.loads(form.dump_head(HEADER, 0, False)["json"]) | changes
    return metadata(json.dumps(raw))


def metadata(text: str) -> bytes:
    pairs = [b"json", text.encode(), b"sha256", hashlib.sha256(text.encode()).hexdigest().encode()]
    strings = b"".join(struct.pack("<I", len(s)) + s for s in pairs)
    body = struct.pack("<I", 9) + b"imu_coach" + struct.pack("<I", len(strings)) + strings
    return struct.pack("<BQ", 0x0C, len(body)) + body


def chunk(data: bytes, packed: bytes | None = None, size: int | None = None, crc: int | None = None) -> bytes:
    packed = zstandard.compress(data) if packed is None else packed
    size, crc = len(data) if size is None else size, zlib.crc32(data) if crc is None else crc
    return struct.pack("<BQQQQII4sQ", 6, len(packed) + 44, 0, 0, size, crc, 4, b"zstd", len(packed)) + packed


def channel(cid: int, topic: bytes, encoding: bytes) -> bytes:
    body = struct.pack("<HHI", cid, 0, len(topic)) + topic + struct.pack("<I", len(encoding)) + encoding + bytes(4)
    return struct.pack("<BQ", 4, len(body)) + body


def message(number: int, data: bytes = b"", t: int = 0, cid: int = 1, length: int | None = None) -> bytes:
    length = 22 + len(data) if length is None else length
    return form.MESSAGE.pack(5, length, cid, (form.first_number(HEADER) + number) & 0xFFFFFFFF, t, t) + data


START = b"\x89MCAP0\r\n" + struct.pack("<BQI", 1, 17, 9) + b"imu_coach" + bytes(4)
PACKETS = channel(1, b"/sacrum/2", b"imu_coach/own")
COMMANDS = channel(1, b"/command", b"json")
GOOD = chunk(PACKETS + message(0, b"good"))


def test_the_parts_of_the_harmful_files_are_right(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(START + head_record() + GOOD)
    found, losses = read(tmp_path / "a")
    assert found == [Packet("sacrum", 0, 2, b"good")]
    assert [loss.problem[:10] for loss in losses] == ["not closed"]


@pytest.mark.parametrize(
    "bad",
    [
        chunk(PACKETS + message(1, b"x"), crc=0),
        chunk(PACKETS + message(1, b"x", t=(1 << 62) + 1)),
        chunk(PACKETS + message(1, b"x", cid=2)),
        chunk(PACKETS + message(1, b"x", length=3)),
        chunk(PACKETS + message(1, length=21)[:-1] + message(2)),
        chunk(PACKETS + message(1, b"x", length=1 << 40)),
        chunk(PACKETS + message(1, b"x") + b"\x05"),
        chunk(PACKETS + message(1, b"x") + message(3, b"x")),
        chunk(PACKETS + COMMANDS + message(1, b"x")),
        chunk(channel(1, b"/wrist/2", b"imu_coach/own") + message(1)),
        chunk(channel(7, b"/wrist/2", b"imu_coach/own") + b"\x07") + chunk(message(1, cid=7)),
        chunk(channel(1, b"/elbow/2", b"imu_coach/own") + message(1)),
        chunk(channel(2, b"/sacrum/02", b"imu_coach/own") + message(1, cid=2)),
        chunk(channel(2, b"/sacrum/65536", b"imu_coach/own") + message(1, cid=2)),
        chunk(channel(2, b"/sacrum/2", b"imu_coach/si") + message(1, cid=2)),
        chunk(channel(2, b"/sacrum/\xff", b"imu_coach/own") + message(1, cid=2)),
        chunk(channel(2, b"/command", b"json") + message(1, b"{}", cid=2)),
        chunk(channel(2, b"/command", b"json") + message(1, b'{"name":"\\u001b","value":{}}', cid=2)),
        chunk(channel(2, b"/command", b"json") + message(1, b'{"name":"a","value":[]}', cid=2)),
        chunk(channel(2, b"/command", b"json") + message(1, b'{"name":"a","value":{"x":NaN}}', cid=2)),
        chunk(channel(2, b"/command", b"json") + message(1, b'{"name":"a","value":{"x":1e999}}', cid=2)),
        chunk(channel(2, b"/command", b"json") + message(1, b"[" * 100000, cid=2)),
        chunk(channel(2, b"/link", b"json") + message(1, b'{"sensor":"a","kind":"up","value":"1"}', cid=2)),
        chunk(
            channel(2, b"/link", b"json") + message(1, b'{"sensor":"a","kind":"up","value":' + b"9" * 999 + b"}", cid=2)
        ),
        chunk(b"".join(channel(k, b"/sacrum/%d" % k, b"imu_coach/own") for k in range(2, 6000)) + message(1)),
        chunk(b"", packed=zstandard.compress(bytes(1 << 25)), size=16),
        chunk(b"", packed=zstandard.compress(bytes(1 << 25)), size=1 << 25),
        chunk(PACKETS + message(1, b"x"), packed=zstandard.compress(PACKETS + message(1, b"x")) + b"more"),
        metadata("[]"),
        metadata("{}"),
        head_record(first=1),
        head_record(closed=True, inputs=-1),
        head_record(closed=True, inputs=0),
        head_record(closed="yes"),
    ],
)
def test_parts_that_only_harm_are_left_out(tmp_path: Path, bad: bytes) -> None:
    after = chunk(PACKETS + message(1, b"after"))
    (tmp_path / "a").write_bytes(START + head_record() + GOOD + bad + after)
    found, losses = read(tmp_path / "a")
    assert found == [Packet("sacrum", 0, 2, b"good"), Packet("sacrum", 0, 2, b"after")]
    assert [(loss.offset, loss.length) for loss in losses[:1]] == [(len(START + head_record() + GOOD), len(bad))]
    assert len(losses) == 2


@pytest.mark.parametrize(
    "head",
    [
        metadata("[]"),
        metadata("[" * 100000),
        metadata('{"format": 1}'),
        head_record(format="1"),
        head_record(format=True),
        head_record(header=[]),
        head_record(header={"sensors": [{"sensor": f"s{k}"} for k in range(17)]}),
        head_record(header={"sensors": [{"sensor": "\x1b[2J"}]}),
        head_record(header={"sensors": [{"sensor": "a", "rate": "fast"}]}),
        head_record(header={"sensors": [{"sensor": "a", "rate": int("9" * 400)}]}),
        head_record(header={"sensors": [{"sensor": "a", "bias": [1, 2]}]}),
        head_record(header={"sensors": [{"sensor": "a", "surprise": 1}]}),
        head_record(header={"sensors": [], "started": "\n"}),
        head_record(header={"sensors": [], "synthetic": 1}),
        head_record(header={"sensors": [], "person": []}),
        head_record(first=-1),
        head_record(inputs=1.5),
    ],
)
def test_headers_that_imu_coach_did_not_write(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a").write_bytes(START + head + GOOD)
    with pytest.raises(RecordingError, match="did not write") as caught:
        Recording.open(tmp_path / "a")
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_newer_format_says_what_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(START + head_record(format=2, needs="0.7", header="quite different"))
    with pytest.raises(NewerFormat, match=r"imu_coach 0\.7 or later.*--upgrade"):
        Recording.open(path)
    path.write_bytes(START + head_record(format=3, needs="\x1b[2J\n"))
    with pytest.raises(NewerFormat, match="a later imu_coach"):
        Recording.open(path)


def test_other_mcap_files_are_not_recordings(tmp_path: Path) -> None:
    from mcap.writer import Writer as Foreign

    with open(tmp_path / "a", "wb") as file:
        foreign = Foreign(file)
        foreign.start("ros2", "another program")
        cid = foreign.register_channel("/imu", "json", 0)
        for k in range(1000):
            foreign.add_message(cid, k, b"{}", k)
        foreign.add_metadata("other", {"json": "{}"})
        foreign.finish()
    with pytest.raises(NotARecording):
        Recording.open(tmp_path / "a")


def test_a_header_is_found_wherever_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(START + bytes(3 << 20) + head_record() + GOOD)
    assert Recording.open(tmp_path / "a").header == HEADER
    assert len(Recording.open(tmp_path / "a").inputs()) == 1


def test_a_file_without_any_header_is_truncated(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(START + GOOD * 3)
    with pytest.raises(Truncated) as caught:
        Recording.open(tmp_path / "a")
    assert (caught.value.offset, caught.value.last_t) == ((tmp_path / "a").stat().st_size, None)


def test_bombs_cost_little(tmp_path: Path) -> None:
    """A file of chunks that each unpack to 16 MiB, and one of chunks inside chunks: time stays in proportion."""
    path = tmp_path / "a"
    zeros = bytes(1 << 24)
    bomb = chunk(b"", packed=zstandard.compress(zeros), size=1 << 24, crc=zlib.crc32(zeros))
    nested = b"".join(
        struct.pack("<BQQQQII4sQ", 6, n + 44, 0, 0, 1 << 24, 1, 4, b"zstd", n) for n in range(53 * 20000, 0, -53)
    )
    skip = b"".join(metadata_mark(n) for n in range(0, 500000, 25))
    for bad in (bomb * 1500, nested, skip):
        path.write_bytes(START + head_record() + GOOD + bad)
        start = time.process_time()
        found, losses = read(path)
        assert time.process_time() - start < 8
        assert found == [Packet("sacrum", 0, 2, b"good")]
        assert len(losses) == 1


def test_a_frame_that_unpacks_to_more_than_it_may_takes_no_memory(tmp_path: Path) -> None:
    packer = zstandard.ZstdCompressor().compressobj(size=1 << 29)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1 << 9)) + packer.flush()
    (tmp_path / "a").write_bytes(START + head_record() + GOOD + chunk(b"", packed=packed, size=1 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found, losses = read(tmp_path / "a")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    assert (len(found), len(losses)) == (1, 1)


def test_what_follows_damage_is_found_wherever_it_starts(tmp_path: Path) -> None:
    """Also where it lies across the blocks that a search reads."""
    before, after = START + head_record() + GOOD, chunk(PACKETS + message(1, b"after"))
    block = (1 << 16) - len(before)
    for size in (*range(1, 80), *range(block - 80, block + 20)):
        (tmp_path / "a").write_bytes(before + b"\x06" * size + after)
        found, losses = read(tmp_path / "a")
        assert len(found) == 2, size
        assert losses[0].length == size


def metadata_mark(length: int) -> bytes:
    return struct.pack("<BQI", 0x0C, length, 9) + b"imu_coach"


def mutate(data: bytes, rng: random.Random) -> bytes:
    """One of: edited bytes, bytes set to 0 or 255, a cut, a span moved, repeated, removed or put in."""
    a, b = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    c = rng.randrange(len(data) + 1)
    kind = rng.randrange(7)
    if kind == 0:
        out = bytearray(data)
        for _ in range(rng.choice((1, 3, 30))):
            out[rng.randrange(len(out))] = rng.choice((0, 1, 4, 5, 6, 12, 255, rng.randrange(256)))
        return bytes(out)
    if kind == 1:
        return data[:a] + bytes([rng.choice((0, 255))]) * min(b - a, 700) + data[a + min(b - a, 700) :]
    if kind == 2:
        return data[:c]
    if kind == 3:
        return data[:a] + data[b:]
    if kind == 4:
        return data[:c] + data[a:b] + data[c:]
    if kind == 5:
        return data[:c] + rng.randbytes(rng.randrange(200)) + data[c:]
    return (data[:a] + data[b:])[:c] + data[a:b] + (data[:a] + data[b:])[c:]


def test_a_thousand_mutants(tmp_path: Path) -> None:
    path = tmp_path / "a"
    items = session(4, 40)
    write(path, items)
    data = path.read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read_some = refused = 0
    for seed in range(1000):
        rng = random.Random(seed)
        bad = data
        for _ in range(rng.choice((1, 1, 2, 4))):
            bad = mutate(bad, rng) or b"\0"
        path.write_bytes(bad)
        start = time.process_time()
        try:
            found, losses = read(path)
        except ImuCoachError as e:
            refused += "\n" not in str(e)
        else:
            read_some += 1
            assert subset(found, items), seed
            assert losses or found == items, seed
            assert all(0 <= loss.offset <= loss.offset + loss.length <= len(bad) for loss in losses), seed
        assert time.process_time() - start < 2, seed
    assert read_some > 500
    assert refused > 50
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


# --- repair ---------------------------------------------------------------------------------------------------------


def test_a_repaired_file_is_whole_for_every_reader(tmp_path: Path) -> None:
    path, out = tmp_path / "a", tmp_path / "b"
    items = session(20, 70)
    write(path, items)
    data = bytearray(path.read_bytes())
    chunks = [(start, end) for op, start, end in records(bytes(data)) if op == 0x06]
    for start, end in (chunks[3], chunks[4], chunks[20]):
        data[(start + end) // 2] ^= 0xFF
    path.write_bytes(data[: chunks[30][0] + 100])
    with open(path, "rb") as file, contextlib.suppress(Exception):
        pytest.fail(f"the stock reader reads it all: {len(list(make_reader(file).iter_messages()))}")
    survived, losses = read(path)
    assert repair(path, out) == losses
    assert len(losses) == 3
    again = Recording.open(out)
    assert again.header == HEADER
    assert again.inputs() == survived
    assert again.losses == ()
    assert again.fingerprint() == Recording.open(path).fingerprint()
    with open(out, "rb") as file:
        stock = list(make_reader(file, validate_crcs=True).iter_messages(log_time_order=False))
    assert [m.log_time for _, _, m in stock] == [arrived(i) for i in survived]
    assert [m.data for _, _, m in stock] == [form.split(i)[2] for i in survived]
    with open(out, "rb") as file:
        assert len(list(StreamReader(file, validate_crcs=True).records)) > len(survived)


def test_what_cannot_be_read_is_not_repaired(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no recording")
    with pytest.raises(NotARecording):
        repair(tmp_path / "text", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    items = session(400, 70)
    write(path, items)
    recording = Recording.open(path)
    parts = recording.chunks()
    found = next(parts)
    os.truncate(path, path.stat().st_size // 2 + 1)
    for part in parts:
        found += part
    assert found == items[: len(found)]
    assert len(found) < len(items)
    assert recording.losses
