"""Recordings: what goes in comes out, and arrays become the inputs of a live session."""

from __future__ import annotations

import builtins
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcap.reader import make_reader

from imu_coach.drivers import own, si
from imu_coach.errors import NotARecording, RecordingError
from imu_coach.recording import Recording, Writer, repair
from imu_coach.recording import format as form
from imu_coach.recording import writer as recording_writer
from imu_coach.types import Command, Header, Input, Link, Packet, SensorInfo, Sent, Tick

HEADER = Header(
    sensors=(
        SensorInfo("sacrum", identity="AA:BB", bias=(0.01, -0.02, 0.1 + 0.2), mounting=(0.5, 0.5, -0.5, 0.5)),
        SensorInfo("upper_back", driver="si", rate=99.37, acc_range=981.0, gyr_range=174.5),
    ),
    started="2026-01-31T10:00:00+01:00",
    synthetic=True,
    source="made for a test: \u00e9",
    person={"height": 1.7, "notes": ["a", None, {"b": True}]},
    software="imu_coach test",
)

INPUTS: list[Input] = [
    Tick(0),
    Command(1, "calibrate", {"pose": "stand_tall", "seconds": 3.0, "nested": {"x": [1, 2.5, None, "\u2028"]}}),
    Link("sacrum", 2, "up", 0.0),
    Packet("sacrum", 3, 2, b"\x00\xff" * 40),
    Packet("upper_back", 4, 1, b""),
    Sent("sacrum", 5, b"\x01\x00\x01\x02\x03\x04"),
    Packet("sacrum", 5, 4, b"\x81"),
    Packet("sacrum", 1, 65535, b"time goes back"),
    Link("upper_back", 900_000_000_000, "rssi", -71.5),
    Command(900_000_000_001, "context", {"posture": None}),
    Tick(1 << 62),
]


def save(path: Path, inputs: list[Input] = INPUTS, header: Header = HEADER) -> Path:
    Recording.of(header, inputs).save(path)
    return path


def packets(seconds: float, noise: float = 1.0) -> list[Input]:
    """Three sensors of the ``own`` driver at 100 Hz, 5 samples a packet, in motion and with noise (counts)."""
    rng = np.random.default_rng(3)
    infos = [SensorInfo(name) for name in ("upper_back", "thoracolumbar", "sacrum")]
    found: list[Input] = []
    for n, info in enumerate(infos):
        t = np.arange(int(seconds * 100)) / 100
        angle = 0.4 * np.sin(1.5 * t + n)
        zero = 0 * t
        acc = np.stack([9.81 * np.sin(angle), 9.81 * np.cos(angle), zero], 1) + rng.normal(0, 0.03 * noise, (len(t), 3))
        gyr = np.stack([zero, zero, np.gradient(angle, 0.01)], 1) + rng.normal(0, 0.003 * noise, (len(t), 3))
        for k in range(0, len(t), 5):
            arrived = int(k * 1e7 + 4e7 + n * 7e6 + abs(rng.normal()) * 8e6)
            found.append(
                Packet(info.sensor, arrived, 2, own.encode(info, k, k * 10000, 10004, acc[k : k + 5], gyr[k : k + 5]))
            )
    return sorted(found, key=lambda p: p.arrived_ns)


THREE = Header(tuple(SensorInfo(name) for name in ("upper_back", "thoracolumbar", "sacrum")), started="2026")


# --- files ----------------------------------------------------------------------------------------------------------


def test_every_kind_of_input_and_every_header_field_survive(tmp_path: Path) -> None:
    recording = Recording.open(save(tmp_path / "a.mcap"))
    assert recording.header == HEADER
    assert recording.inputs() == INPUTS
    assert [type(i) for i in recording.inputs()] == [type(i) for i in INPUTS]
    assert recording.losses == ()
    assert recording.path == tmp_path / "a.mcap"


def test_memory_and_file_give_the_same(tmp_path: Path) -> None:
    items = packets(90)
    memory = Recording.of(THREE, iter(items))
    memory.save(tmp_path / "a")
    file = Recording.open(tmp_path / "a")
    for recording in (memory, file):
        lists = list(recording.chunks())
        assert [i for part in lists for i in part] == items == recording.inputs()
        assert len(lists) > 1
        assert max(map(len, lists)) < 5000
        assert recording.losses == ()
    assert file.fingerprint() == memory.fingerprint()


def test_nothing_at_all_is_a_recording(tmp_path: Path) -> None:
    recording = Recording.open(save(tmp_path / "a", [], Header(())))
    assert (recording.header, recording.inputs(), recording.losses) == (Header(()), [], ())


def test_what_json_cannot_keep_comes_back_as_its_nearest(tmp_path: Path) -> None:
    save(tmp_path / "a", [Link("sacrum", 0, "rssi", math.nan), Command(1, "mark", {"at": (1, 2)})])
    link, command = Recording.open(tmp_path / "a").inputs()
    assert isinstance(link, Link)
    assert math.isnan(link.value)
    assert command == Command(1, "mark", {"at": [1, 2]})


def test_bytearrays_are_copied(tmp_path: Path) -> None:
    payload = bytearray(b"radio")
    with Writer(tmp_path / "a", HEADER) as writer:
        writer.write(Packet("sacrum", 0, 2, payload))  # type: ignore[arg-type]
        payload[:] = b"spoil"
    assert Recording.open(tmp_path / "a").inputs() == [Packet("sacrum", 0, 2, b"radio")]


def test_other_programs_read_it(tmp_path: Path) -> None:
    items = packets(3)
    with open(save(tmp_path / "a", [*items, *INPUTS], Header(HEADER.sensors + THREE.sensors[:2][1:])), "rb") as file:
        reader = make_reader(file, validate_crcs=True)
        messages = list(reader.iter_messages(log_time_order=False))
        summary = reader.get_summary()
        metadata = [m.metadata for m in reader.iter_metadata() if m.name == "imu_coach"]
    assert summary is not None
    assert summary.statistics is not None
    assert [m.log_time for _, _, m in messages] == [form.split(i)[1] for i in [*items, *INPUTS]]
    assert all(m.publish_time == m.log_time for _, _, m in messages)
    assert summary.statistics.message_count == len(messages) == sum(summary.statistics.channel_message_counts.values())
    assert summary.statistics.chunk_count == len(summary.chunk_indexes)
    assert summary.statistics.metadata_count == len(metadata) == len(summary.metadata_indexes)
    channels = {c.topic: c.message_encoding for c in summary.channels.values()}
    assert channels == {
        "/upper_back/2": "imu_coach/si",
        "/thoracolumbar/2": "imu_coach/own",
        "/sacrum/2": "imu_coach/own",
        "/sacrum/4": "imu_coach/own",
        "/sacrum/65535": "imu_coach/own",
        "/upper_back/1": "imu_coach/si",
        "/sacrum/sent": "imu_coach/own",
        "/link": "json",
        "/command": "json",
        "/tick": "imu_coach/tick",
    }
    assert all(json.loads(m["json"])["format"] == 1 for m in metadata)


def test_size_and_chunks_of_an_own_recording(tmp_path: Path) -> None:
    for noise in (1.0, 5.0):
        items = packets(120, noise)
        size = save(tmp_path / f"{noise}", items, THREE).stat().st_size
        assert size <= 1.3 * sum(len(p.payload) for p in items if isinstance(p, Packet))


def test_the_same_inputs_give_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = packets(5)
    first = save(tmp_path / "a", items, THREE).read_bytes()
    clock = iter(range(10**9))
    monkeypatch.setattr(recording_writer.time, "monotonic", lambda: next(clock))
    assert save(tmp_path / "b", items, THREE).read_bytes() == first


# --- the writer -----------------------------------------------------------------------------------------------------


def test_the_header_is_on_disk_before_the_first_input(tmp_path: Path) -> None:
    with Writer(tmp_path / "a", HEADER) as writer:
        recording = Recording.open(tmp_path / "a")
        assert recording.header == HEADER
        assert recording.inputs() == []
        assert len(recording.losses) == 1
        writer.write(INPUTS[0])
    assert Recording.open(tmp_path / "a").inputs() == INPUTS[:1]


def test_half_a_second_of_arrival_time_goes_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_writer.time, "monotonic", lambda: 0.0)
    with Writer(tmp_path / "a", HEADER) as writer:
        for k in range(50):
            writer.write(Tick(k * 10_000_000))
        assert Recording.open(tmp_path / "a").inputs() == []
        writer.write(Tick(500_000_000))
        assert len(Recording.open(tmp_path / "a").inputs()) == 50
        writer.write(Tick(499_999_999))
        assert len(Recording.open(tmp_path / "a").inputs()) == 51


def test_half_a_second_of_wall_time_goes_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    monkeypatch.setattr(recording_writer.time, "monotonic", lambda: now[0])
    with Writer(tmp_path / "a", HEADER) as writer:
        writer.write(Tick(0))
        now[0] = 10.4
        writer.write(Tick(1))
        assert Recording.open(tmp_path / "a").inputs() == []
        now[0] = 10.6
        writer.write(Tick(2))
        assert Recording.open(tmp_path / "a").inputs() == [Tick(0), Tick(1), Tick(2)]


def test_flush_writes_all(tmp_path: Path) -> None:
    with Writer(tmp_path / "a", HEADER) as writer:
        for item in INPUTS:
            writer.write(item)
        writer.flush()
        writer.flush()
        assert Recording.open(tmp_path / "a").inputs() == INPUTS


def test_an_error_in_the_session_still_closes_the_file(tmp_path: Path) -> None:
    def session() -> None:
        with Writer(tmp_path / "a", HEADER) as writer:
            writer.write(INPUTS[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        session()
    recording = Recording.open(tmp_path / "a")
    assert (recording.inputs(), recording.losses) == (INPUTS[:1], ())


def test_files_are_not_overwritten_unless_asked(tmp_path: Path) -> None:
    path = save(tmp_path / "a")
    before = path.read_bytes()
    for act in (lambda: Writer(path, HEADER), lambda: save(path), lambda: repair(save(tmp_path / "b"), path)):
        with pytest.raises(RecordingError, match="--force"):
            act()
    assert path.read_bytes() == before
    Recording.of(HEADER, INPUTS[:2]).save(path, overwrite=True)
    assert Recording.open(path).inputs() == INPUTS[:2]


def test_a_recording_is_not_written_over_itself(tmp_path: Path) -> None:
    path = save(tmp_path / "a")
    with pytest.raises(RecordingError, match="over itself"):
        Recording.open(path).save(path, overwrite=True)
    with pytest.raises(RecordingError, match="over itself"):
        repair(path, tmp_path / ".." / tmp_path.name / "a", overwrite=True)
    assert Recording.open(path).inputs() == INPUTS


@pytest.mark.parametrize(
    "item",
    [
        Packet("elbow", 0, 2, b""),
        Packet("sacrum", -1, 2, b""),
        Packet("sacrum", (1 << 62) + 1, 2, b""),
        Packet("sacrum", 0, 65536, b""),
        Packet("sacrum", 0, -1, b""),
        Packet("sacrum", 0, 2, bytes(65537)),
        Packet("sacrum", 0, 2, "text"),  # type: ignore[arg-type]
        Packet("sacrum", 0, 2, 5),  # type: ignore[arg-type]
        Packet("sacrum", 0.5, 2, b""),  # type: ignore[arg-type]
        Sent("elbow", 0, b""),
        Link("sacrum", 0, "\x1b[2J", 0.0),
        Link("sacrum", 0, "rssi", math.inf),
        Link("Sacrum", 0, "rssi", 1.0),
        Command(0, "", {}),
        Command(0, "go away", {}),
        Command(0, "mark", {"x": math.nan}),
        Command(0, "mark", {"x": object()}),
        Command(0, "mark", None),  # type: ignore[arg-type]
        "not an input",
    ],
)
def test_what_no_reader_would_accept_is_refused(tmp_path: Path, item: Any) -> None:
    with Writer(tmp_path / "a", HEADER) as writer:
        writer.write(INPUTS[0])
        with pytest.raises(RecordingError) as caught:
            writer.write(item)
        assert "\n" not in str(caught.value)
        writer.write(INPUTS[1])
    recording = Recording.open(tmp_path / "a")
    assert (recording.inputs(), recording.losses) == (INPUTS[:2], ())


@pytest.mark.parametrize(
    "header",
    [
        Header(tuple(SensorInfo(f"s{k}") for k in range(17))),
        Header((SensorInfo("a"), SensorInfo("a"))),
        Header((SensorInfo("\x1b[2J"),)),
        Header((SensorInfo("Sacrum"),)),
        Header((SensorInfo("a" * 41),)),
        Header((SensorInfo("a", driver="own/../x"),)),
        Header((SensorInfo("a", identity="\u202e"),)),
        Header((SensorInfo("a", rate=0.0),)),
        Header((SensorInfo("a", rate=math.nan),)),
        Header((SensorInfo("a", acc_range=math.inf),)),
        Header((SensorInfo("a", bias=(0.0, 0.0)),)),  # type: ignore[arg-type]
        Header((SensorInfo("a", mounting=(math.nan, 0.0, 0.0, 0.0)),)),
        Header((), started="two\nlines"),
        Header((), source="x" * 1001),
        Header((), person={"x": {1, 2}}),
        Header((), person={"x": "y" * (1 << 18)}),
    ],
)
def test_a_header_that_could_harm_is_refused_and_no_file_made(tmp_path: Path, header: Header) -> None:
    with pytest.raises(RecordingError):
        Writer(tmp_path / "a", header)
    assert not (tmp_path / "a").exists()


def test_a_closed_writer_says_so(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a", HEADER)
    writer.close()
    writer.close()
    with pytest.raises(RecordingError, match="closed"):
        writer.write(INPUTS[0])


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "a", tmp_path / "nul\0"):
        with pytest.raises(RecordingError):
            Writer(path, HEADER, overwrite=True)
    if Path("/dev/full").exists():
        with pytest.raises(RecordingError, match="disk"):
            Writer("/dev/full", HEADER, overwrite=True)


class Full:
    """A file that takes 40 bytes more."""

    closed = False

    def __init__(self, file: Any) -> None:
        self.file, self.tell = file, file.tell

    def write(self, data: bytes) -> int:
        if len(data) > 40:
            return int(self.file.write(data[:40]))
        raise OSError(28, "No space left on device")


def test_a_full_disk_loses_one_chunk_and_the_file_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: list[Input] = [Tick(k * 100_000_000) for k in range(30)]
    writer = Writer(tmp_path / "a", HEADER)
    failed = []
    for k, item in enumerate(ticks):
        with monkeypatch.context() as patch:
            if k == 15:
                patch.setattr(writer, "_file", Full(writer._file))
            try:
                writer.write(item)
            except RecordingError as e:
                failed.append((k, str(e)))
    writer.close()
    assert [k for k, _ in failed] == [15]
    recording = Recording.open(tmp_path / "a")
    assert recording.inputs() == ticks[:10] + ticks[16:]
    assert [(loss.before_t, loss.after_t) for loss in recording.losses] == [(0.9, 1.6)]
    assert "5 inputs missing" in recording.losses[0].problem


# --- opening --------------------------------------------------------------------------------------------------------


def test_files_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("time,acc_x\n0.0,1.0\n" * 1000)
    np.savez(tmp_path / "arrays.npz", a=np.zeros(5000))
    for name in ("empty", "text", "arrays.npz"):
        with pytest.raises(NotARecording, match=r"check the name"):
            Recording.open(tmp_path / name)
    for path in (tmp_path / "missing", tmp_path, tmp_path / "nul\0", Path("/dev/null")):
        with pytest.raises(RecordingError) as caught:
            Recording.open(path)
        assert not isinstance(caught.value, NotARecording)

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(builtins, "open", refuse)
    with pytest.raises(RecordingError, match="permission"):
        Recording.open(tmp_path / "text")


def test_a_disk_that_fails_while_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording.open(save(tmp_path / "a"))
    (tmp_path / "a").unlink()
    with pytest.raises(RecordingError, match="does not exist"):
        recording.inputs()


# --- fingerprint ----------------------------------------------------------------------------------------------------


def test_the_fingerprint_is_of_content_only(tmp_path: Path) -> None:
    one = Recording.of(HEADER, INPUTS).fingerprint()
    assert one == Recording.open(save(tmp_path / "a")).fingerprint()
    assert one == Recording.of(THREE, INPUTS).fingerprint()
    changed = [
        INPUTS[1:],
        INPUTS[1:] + INPUTS[:1],
        [*INPUTS, Tick(0)],
        *([*INPUTS[:k], i._replace(arrived_ns=7), *INPUTS[k + 1 :]] for k, i in enumerate(INPUTS)),
        [*INPUTS[:3], Packet("sacrum", 3, 3, b"\x00\xff" * 40), *INPUTS[4:]],
        [*INPUTS[:3], Packet("sacru", 3, 2, b"m\x00\xff" * 40), *INPUTS[4:]],
        [*INPUTS[:3], Sent("sacrum", 3, b"\x00\xff" * 40), *INPUTS[4:]],
    ]
    prints = [Recording.of(HEADER, items).fingerprint() for items in changed]
    assert len({one, *prints}) == len(changed) + 1
    alike: list[Input] = [Packet("a", 0, 0, b"bc"), Packet("ab", 0, 0, b"c"), Sent("a", 0, b"bc")]
    assert len({Recording.of(HEADER, [item]).fingerprint() for item in alike}) == 3
    with pytest.raises(RecordingError):
        Recording.of(HEADER, [Command(0, "mark", {"x": math.inf})]).fingerprint()


# --- arrays ---------------------------------------------------------------------------------------------------------


def arrays(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)), rng.normal(size=(n, 3))


def decoded(recording: Recording, sensor: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sample numbers, times (s), acc and gyr of a sensor."""
    found = [i for i in recording.inputs() if isinstance(i, Packet) and i.sensor == sensor]
    data = si.SI(recording.header[sensor]).decode([p.payload for p in found])
    assert not any(data.problem)
    within = np.arange(len(data.acc)) - np.repeat(np.cumsum(data.count) - data.count, data.count)
    t = np.repeat(data.ticks, data.count) * 1e-9 + data.offset
    assert [p.arrived_ns for p in found] == [round(x * 1e9) for x in t[np.cumsum(data.count) - 1]]
    return np.repeat(data.seq, data.count) + within, t, data.acc, data.gyr


def test_arrays_at_a_rate() -> None:
    acc, gyr = arrays(1005)
    acc[3, 1], gyr[4, 2] = np.nan, np.inf
    recording = Recording.from_arrays({"wrist": (None, acc, gyr)}, rate=100.0, source="a paper", synthetic=True)
    number, t, a, g = decoded(recording, "wrist")
    np.testing.assert_array_equal(a, acc)
    np.testing.assert_array_equal(g, gyr)
    np.testing.assert_array_equal(number, np.arange(1005))
    np.testing.assert_allclose(t, np.arange(1005) / 100, atol=1e-9)
    info = recording.header["wrist"]
    assert (info.driver, info.rate) == ("si", 100.0)
    assert (recording.header.source, recording.header.synthetic) == ("a paper", True)
    assert len(recording.inputs()) == 101


def test_arrays_keep_their_own_clock_and_rate(tmp_path: Path) -> None:
    t = 1.7e9 + np.arange(300) / 50 + np.random.default_rng(1).normal(0, 1e-3, 300)
    later = 1.7e9 + 2.5 + np.arange(100) / 200
    recording = Recording.from_arrays({"sacrum": (t, *arrays(300)), "wrist": (later, *arrays(100, 1))})
    assert recording.header["sacrum"].rate == pytest.approx(50, rel=0.01)
    assert recording.header["wrist"].rate == pytest.approx(200, rel=1e-3)
    np.testing.assert_allclose(decoded(recording, "sacrum")[1], t - t[0], atol=1e-6)
    np.testing.assert_allclose(decoded(recording, "wrist")[1], later - t[0], atol=1e-6)
    arrived = [i.arrived_ns for i in recording.inputs()]
    assert arrived == sorted(arrived)
    recording.save(tmp_path / "a")
    assert Recording.open(tmp_path / "a").inputs() == recording.inputs()
    assert Recording.open(tmp_path / "a").header == recording.header


def test_missing_samples_leave_a_gap_in_the_numbers() -> None:
    keep = np.delete(np.arange(200), [50, 51, 52, 120])
    recording = Recording.from_arrays({"wrist": (keep / 100, *arrays(196))})
    number, t, _, _ = decoded(recording, "wrist")
    np.testing.assert_array_equal(number, keep)
    np.testing.assert_allclose(t, keep / 100, atol=1e-9)
    ends = {i.arrived_ns for i in recording.inputs() if isinstance(i, Packet)}
    assert {490_000_000, 1_190_000_000} <= ends


def test_jitter_below_half_an_interval_is_no_gap() -> None:
    t = np.arange(500) / 100 + np.random.default_rng(2).uniform(-0.0024, 0.0024, 500)
    np.testing.assert_array_equal(
        decoded(Recording.from_arrays({"wrist": (t, *arrays(500))}), "wrist")[0], np.arange(500)
    )


def test_neutral_labels_and_mounting() -> None:
    t = 100 + np.arange(2000) / 100
    recording = Recording.from_arrays(
        {"sacrum": (t, *arrays(2000))},
        neutral=(101.0, 104.0),
        mounting={"sacrum": [1.0, 0.0, 0.0, 0.0]},
        labels=[
            (110.0, 112.0, "prone"),
            (106.0, 110.0, "standing"),
            (114.05, 116.0, "table_still"),
            (117, 118, "sitting"),
        ],
    )
    commands = [i for i in recording.inputs() if isinstance(i, Command)]
    assert commands == [
        Command(1_000_000_000, "calibrate", {"pose": "stand_tall", "seconds": 3.0}),
        Command(6_000_000_000, "context", {"posture": "standing"}),
        Command(10_000_000_000, "context", {"posture": "prone"}),
        Command(12_000_000_000, "context", {"posture": None}),
        Command(14_050_000_000, "calibrate", {"pose": "table_still", "seconds": 1.95}),
        Command(17_000_000_000, "context", {"posture": "sitting"}),
        Command(18_000_000_000, "context", {"posture": None}),
    ]
    assert recording.header["sacrum"].mounting == (1.0, 0.0, 0.0, 0.0)


def test_a_command_comes_before_the_packets_of_its_time() -> None:
    recording = Recording.from_arrays(
        {"sacrum": (None, *arrays(500)), "wrist": (None, *arrays(500))}, rate=100.0, labels=[(0.09, 0.39, "lie_prone")]
    )
    items = recording.inputs()
    first = next(k for k, i in enumerate(items) if isinstance(i, Command))
    assert first == 0
    assert items[0].arrived_ns == items[1].arrived_ns == 90_000_000


@pytest.mark.parametrize(
    ("sensors", "more", "says"),
    [
        ({}, {}, "at least one"),
        ({"a": (None, np.zeros((5, 3)), np.zeros((5, 3)))}, {}, "a: neither times nor a rate"),
        ({"a": (None, np.zeros((5, 3)), np.zeros((5, 3)))}, {"rate": 0.0}, "rate"),
        ({"a": (None, np.zeros((5, 3)), np.zeros((5, 3)))}, {"rate": math.nan}, "rate"),
        ({"a": (None, np.zeros((5, 3)), np.zeros((4, 3)))}, {"rate": 1.0}, "a: acc"),
        ({"a": (None, np.zeros((3, 5)), np.zeros((3, 5)))}, {"rate": 1.0}, "a: acc"),
        ({"a": (None, np.zeros((0, 3)), np.zeros((0, 3)))}, {"rate": 1.0}, "a: acc"),
        ({"a": (None, [["x"] * 3], np.zeros((1, 3)))}, {"rate": 1.0}, "a: acc is not"),
        ({"a": (np.arange(4), np.zeros((5, 3)), np.zeros((5, 3)))}, {}, "a: t"),
        ({"a": ([0, 1, 1, 2, 3], np.zeros((5, 3)), np.zeros((5, 3)))}, {}, "a: t does not increase at row 2"),
        ({"a": ([0, 1, 2, 1.5, 3], np.zeros((5, 3)), np.zeros((5, 3)))}, {}, "a: t does not increase at row 3"),
        ({"a": ([0, 1, 2, np.nan, 3], np.zeros((5, 3)), np.zeros((5, 3)))}, {}, "a: t is not a number at row 3"),
        ({"a": ([0, 1, 2, np.inf, 3], np.zeros((5, 3)), np.zeros((5, 3)))}, {}, "a: t is not a number at row 3"),
        ({"a": ([0.0], np.zeros((1, 3)), np.zeros((1, 3)))}, {}, "a: one sample"),
        ({"a": (np.arange(5), np.zeros((5, 3)), np.zeros((5, 3)))}, {"rate": 100.0}, "a: times are 1 Hz apart"),
        ({"a": ([0, 1e300], np.zeros((2, 3)), np.zeros((2, 3)))}, {}, "146 years"),
        ({"a": ([0, 1], *arrays(2)), "b": ([1e11, 1e11 + 1], *arrays(2))}, {}, "146 years"),
        ({"A b": (np.arange(5), np.zeros((5, 3)), np.zeros((5, 3)))}, {}, "names are"),
        ({"a": (np.arange(5), *arrays(5))}, {"mounting": {"b": (1, 0, 0, 0)}}, "'b'"),
        ({"a": (np.arange(5), *arrays(5))}, {"mounting": {"a": (1, 1, 0, 0)}}, "a: mounting"),
        ({"a": (np.arange(5), *arrays(5))}, {"neutral": (2.0, 2.0)}, "stand_tall"),
        ({"a": (np.arange(5), *arrays(5))}, {"neutral": (-1.0, 2.0)}, "stand_tall"),
        ({"a": (np.arange(5), *arrays(5))}, {"labels": [(0, 2, "up"), (1, 3, "down")]}, "overlap"),
        ({"a": (np.arange(5), *arrays(5))}, {"labels": [(0, 2, "Up\n")]}, "rename"),
    ],
)
def test_arrays_that_are_wrong(sensors: Any, more: Any, says: str) -> None:
    with pytest.raises(RecordingError, match=says):
        Recording.from_arrays(sensors, **more)


def test_an_hour_reads_fast_enough_to_batch(tmp_path: Path) -> None:
    """A loose bound: a hundredth of real time."""
    items = packets(60)
    path = save(tmp_path / "a", items, THREE)
    start = time.process_time()
    assert len(Recording.open(path).inputs()) == len(items)
    assert time.process_time() - start < 0.6
