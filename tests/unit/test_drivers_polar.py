"""Polar: frames written by hand from the byte layout, two streams made one, and the control point."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from talk import Table, talk

from imu_coach.conventions import GRAVITY
from imu_coach.core.decode import Receiver
from imu_coach.drivers import gatt, polar
from imu_coach.drivers.base import BATTERY, EVENT, Declined
from imu_coach.drivers.polar import PROFILE, Polar, factor, uuid
from imu_coach.drivers.polar_frames import ACC, GYRO, LATEST, MOST, Broken, parse, settings
from imu_coach.types import Packet, SensorInfo

INFO = SensorInfo("wrist", "polar", rate=50.0, acc_range=32.768, gyr_range=65.536)
"""A count is worth 1 mm/s2 and 2 mrad/s."""
SECOND = bytes.fromhex("00ca9a3b00000000")

RAW = bytes.fromhex("02") + SECOND + bytes.fromhex("01 e803 18fc 0000  0000 e803 d007")
DELTA = bytes.fromhex(
    "02 00ca9a3b00000000 80  6400 9cff 0000"  # 100 -100 0
    "04 02 f1 87 20"  # four bits each: 1 -1 7, -8 0 2
    "03 01 e3 01"  # three bits each: 3 -4 -1
)
FLOAT = bytes.fromhex(
    "05 00ca9a3b00000000 81  0000803f 000000c0 00000000"  # 1 -2 0
    "18 01 000040 000040 000000"  # 24 bits each, on the patterns: 1.5 -3 0
)


def test_raw_vector() -> None:
    frame = parse(RAW)
    assert (frame.kind, frame.last, frame.counts) == (ACC, 10**9, False)
    np.testing.assert_array_equal(frame.values, [[1000, -1000, 0], [0, 1000, 2000]])


@pytest.mark.parametrize("kind", [ACC, GYRO])
def test_delta_vector(kind: int) -> None:
    frame = parse(bytes([kind]) + DELTA[1:])
    assert (frame.kind, frame.last, frame.counts) == (kind, 10**9, True)
    np.testing.assert_array_equal(frame.values, [[100, -100, 0], [101, -101, 7], [93, -101, 9], [96, -105, 8]])


def test_float_vector() -> None:
    frame = parse(FLOAT)
    assert (frame.kind, frame.counts) == (GYRO, False)
    np.testing.assert_array_equal(frame.values, [[1, -2, 0], [1.5, -3, 0]])


def test_high_bits_of_the_kind_do_not_count() -> None:
    np.testing.assert_array_equal(parse(bytes([0xC2]) + DELTA[1:]).values, parse(DELTA).values)


BLOCKS = st.lists(st.integers(1, 20).flatmap(lambda n: arrays(np.int16, (n, 3))), min_size=1, max_size=4)


@given(BLOCKS, st.integers(17, 32), st.sampled_from([ACC, GYRO]))
def test_any_counts_at_any_width(blocks: list[np.ndarray], bits: int, kind: int) -> None:
    """Differences of 16 bit counts need 17 bits; wider ones are allowed."""
    counts = np.concatenate(blocks).astype(np.int64)
    out = struct.pack("<BQB3h", kind, 5, 0x80, *counts[0].tolist())
    at = 0
    steps = np.diff(counts, axis=0)
    for n in [len(b) for b in blocks]:
        part = steps[at : at + n].reshape(-1).tolist()
        at += n
        if part:
            packed = sum((v & ((1 << bits) - 1)) << (bits * j) for j, v in enumerate(part))
            out += bytes([bits, len(part) // 3]) + packed.to_bytes((bits * len(part) + 7) // 8, "little")
    np.testing.assert_array_equal(parse(out).values, counts)


HEAD = DELTA[:10]
LARGE = bytes.fromhex("ff7f ff7f ff7f")
INVALID = {
    "empty": b"",
    "head alone": HEAD,
    "half a sample": RAW[:-1],
    "half a first sample": DELTA[:14],
    "half a block": DELTA[:-1],
    "width alone": HEAD + LARGE + b"\x04",
    "a block of nothing": HEAD + LARGE + b"\x04\x00",
    "too wide": HEAD + LARGE + b"\x21\x01" + bytes(13),
    "huge count of no bits": HEAD + LARGE + b"\x00\xff" * (MOST // 255 + 1),
    "overflow": HEAD + LARGE + b"\x04\x01\x01\x00\x00",
    "overflow by far": HEAD + LARGE + b"\x20\x02" + b"\xff\xff\xff\x7f" * 6,
    "not a number": FLOAT[:10] + bytes.fromhex("0000c07f 0000807f 00000000"),
    "infinite": FLOAT[:10] + bytes.fromhex("0000803f 0000807f 00000000"),
    "signalling": FLOAT[:10] + bytes.fromhex("0100807f 00000000 00000000"),
    "absurdly fast": FLOAT[:10] + struct.pack("<3f", 1e9, 0, 0),
    "absurd time": b"\x02" + b"\xff" * 8 + RAW[9:],
    "latest": b"\x02" + LATEST.to_bytes(8, "little") + RAW[9:],
    "heart rate": b"\x01" + RAW[1:],
    "unknown frame type": RAW[:9] + b"\x05" + RAW[10:],
    "raw rotation": b"\x05" + RAW[1:],
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_vectors(name: str) -> None:
    with pytest.raises(Broken):
        parse(INVALID[name])
    assert Polar(INFO).decode([RAW, INVALID[name], RAW]).problem[1] not in ("", EVENT)


@pytest.mark.parametrize("size", range(len(DELTA)))
def test_cut_delta(size: int) -> None:
    """A cut at the end of a block is a shorter frame; any other is named."""
    if size in (16, 21):
        assert len(parse(DELTA[:size]).values) == {16: 1, 21: 3}[size]
    else:
        with pytest.raises(Broken):
            parse(DELTA[:size])


# --- two streams, 50 Hz, blocks of ten ------------------------------------------------------------------------------

STEP = 20_000_000


def acc(block: int, shift: float = 0.3) -> bytes:
    """Ten accelerations of 7 k mg along x, -3 k along y, taken ``shift`` samples after the gyroscope's."""
    k = 10 * block + np.arange(10)
    last = 10**15 + round((int(k[-1]) + shift) * STEP)
    rows = [(round(7 * (i + shift)), round(-3 * (i + shift)), 1000) for i in k.tolist()]
    return struct.pack("<BQB", 2, last, 1) + b"".join(struct.pack("<3h", *row) for row in rows)


def gyr(block: int) -> bytes:
    """Ten rotations of k counts about x."""
    last = 10**15 + (10 * block + 9) * STEP
    return struct.pack("<BQB3hBB", 5, last, 0x80, 10 * block, 0, 0, 2, 9) + _ones(9)


def _ones(n: int) -> bytes:
    """Differences of +1, 0, 0 in two bits each."""
    return sum(1 << (6 * i) for i in range(n)).to_bytes((6 * n + 7) // 8, "little")


def counts(gyr: np.ndarray) -> list[int]:
    return np.rint(gyr[:, 0] / 0.002).astype(int).tolist()


def test_acceleration_at_the_times_of_the_gyroscope() -> None:
    d = Polar(INFO).decode([gyr(0), acc(0), acc(1), gyr(1), gyr(2)])
    assert d.problem == [EVENT, "", EVENT, "", EVENT], "what waits for the other stream is no damage"
    assert counts(d.gyr) == list(range(1, 20)), "nothing is known before the first acceleration"
    assert d.count.tolist() == [9, 10]
    assert d.seq.tolist() == [1, 10]
    assert d.ticks.tolist() == [10**15 + STEP, 10**15 + 10 * STEP]
    np.testing.assert_allclose(d.offset, [0.02 * i for i in [*range(9), *range(10)]])
    expected = np.stack([7.0 * np.arange(1, 20), -3.0 * np.arange(1, 20), np.full(19, 1000.0)], axis=1)
    np.testing.assert_allclose(d.acc, expected * GRAVITY * 1e-3, atol=0.6 * GRAVITY * 1e-3)


def test_counts_are_worth_what_the_header_says() -> None:
    delta = struct.pack("<BQB3h", 2, 10**15 + 9 * STEP, 0x80, 1000, -2000, 3000) + b"\x00\x09"
    d = Polar(INFO).decode([delta, gyr(0)])
    np.testing.assert_allclose(d.acc, np.tile([1.0, -2.0, 3.0], (10, 1)))


def test_a_lost_block_of_acceleration_is_not_made_up() -> None:
    blocks = [p for b in range(12) for p in (gyr(b), acc(b)) if (p[0], b) != (2, 5)]
    d = Polar(INFO).decode(blocks)
    numbers = [(int(s) + i) % 2**32 for s, n in zip(d.seq, d.count, strict=True) for i in range(n)]
    assert counts(d.gyr) == numbers == [*range(1, 50), *range(61, 120)]
    assert (np.diff(d.seq) > 0).all()


def test_a_lost_block_of_rotation_shows_in_the_numbers() -> None:
    packets = []
    for b in range(20):
        arrived = round((0.2 * b + 0.25) * 1e9)
        packets += [Packet("wrist", arrived + i, 2, p) for i, p in enumerate((gyr(b), acc(b))) if b != 9 or p[0] == 2]
    receiver = Receiver(INFO, 0.25)
    samples = receiver.push(packets)
    health = receiver.health(False)
    assert (health.lost, health.held, health.rejected, health.late, health.restarts) == (10, 10, 0, 0, 0)
    assert counts(samples.gyr) == [*range(1, 200)], "and 0.2 s are bridged as those of any sensor"


def long_acc(first: int, n: int) -> bytes:
    """One frame of ``n`` accelerations of 1 g along z."""
    last = 10**15 + round((first + n - 1 + 0.3) * STEP)
    return struct.pack("<BQB", 2, last, 1) + struct.pack("<3h", 0, 0, 1000) * n


def test_what_is_not_contiguous_comes_one_by_one() -> None:
    """A long block of acceleration covers rotation before and after a loss: one packet a payload, the rest waits."""
    d = Polar(INFO)
    d.decode([gyr(0), long_acc(0, 10), gyr(1), gyr(3), gyr(4)])
    first = d.decode([long_acc(10, 40)])
    assert (first.seq.tolist(), counts(first.gyr)) == ([10], list(range(10, 20)))
    odd = b"\x02" + (10**17).to_bytes(8, "little") + RAW[9:]
    assert d.decode([odd]).problem == [EVENT], "a stamp that is not believed lets nothing out"
    rest = d.decode([gyr(5)])
    assert (rest.seq.tolist(), counts(rest.gyr)) == ([30], list(range(30, 50)))
    assert rest.behind is not None
    np.testing.assert_allclose(rest.behind, [0.2], err_msg="sample 49 was taken 10 samples before the newest")


def test_repeats_are_counted_and_change_nothing() -> None:
    clean = Polar(INFO).decode([p for b in range(6) for p in (gyr(b), acc(b))])
    d = Polar(INFO).decode([p for b in range(6) for p in (gyr(b), acc(b), gyr(max(0, b - 2)), acc(max(0, b - 2)))])
    np.testing.assert_array_equal(d.gyr, clean.gyr)
    assert sum("repeats" in p for p in d.problem) == 12


def test_a_restart_of_its_clock() -> None:
    d = Polar(INFO)
    d.decode([p for b in range(50, 60) for p in (gyr(b), acc(b))])
    after = d.decode([p for b in range(10) for p in (gyr(b), acc(b))])
    assert counts(after.gyr) == list(range(40, 100)), "four blocks of each until it is believed"


def test_one_silent_stream_fills_nothing() -> None:
    d = Polar(INFO)
    for b in range(500):
        assert d.decode([gyr(b)]).problem == [EVENT]
    assert len(d.waiting.t) <= polar.KEPT
    for b in range(600, 850):
        d.decode([b"\x02" + (10**15 + 10 * b * STEP).to_bytes(8, "little") + acc(0)[9:]])
    assert len(d.acc.t) <= polar.KEPT


# --- control point --------------------------------------------------------------------------------------------------

OFFERED = {
    ACC: bytes.fromhex("00 04 1a00 3400 6800 d000 01 01 1000 02 03 0200 0400 0800 04 01 03"),
    GYRO: bytes.fromhex("00 02 3400 6800 01 01 1000 02 01 d007 04 01 03"),
}


def answer(where: str, payload: bytes, granted: bytes = b"", status: int = 0) -> list[tuple[int, bytes]]:
    assert where == "fb005c81-02e7-f387-1cad-8acd2d8df0c8"
    op, kind = payload[0], payload[1]
    head = bytes([0xF0, op, kind])
    if op == 3:
        return [(1, head + b"\x06\x00")]  # it was not sending
    return [(1, head + bytes([status, 0]) + (OFFERED[kind] if op == 1 else granted))]


def test_settings() -> None:
    assert settings(OFFERED[ACC]) == {0: [26, 52, 104, 208], 1: [16], 2: [2, 4, 8], 4: [3]}
    assert settings(OFFERED[ACC][:-1]) == {0: [26, 52, 104, 208], 1: [16], 2: [2, 4, 8]}
    assert settings(b"\x63\x01\x00") == settings(b"\x00") == settings(b"") == {}


def test_start() -> None:
    table = Table({}, lambda u, p: answer(u, p, b"\x05\x01" + struct.pack("<f", 0.07 if p[1] == GYRO else 2.44e-4)))
    info = talk(PROFILE.start(SensorInfo("wrist", "polar", rate=50.0), 5), table)
    assert table.written() == [
        bytes.fromhex(h)
        for h in (
            "03 02",
            "03 05",
            "01 02",
            "01 05",
            "02 02 00 01 34 00 01 01 10 00 02 01 08 00 04 01 03",
            "02 05 00 01 34 00 01 01 10 00 02 01 d0 07 04 01 03",
        )
    ]
    assert table.listened()[:3] == [1, BATTERY, 2], "both before anything is started"
    assert info.rate == 52.0
    assert info.acc_range / 32768 == pytest.approx(2.44e-4 * GRAVITY)
    assert info.gyr_range / 32768 == pytest.approx(np.deg2rad(0.07))


@pytest.mark.parametrize("listed", [b"", b"\x05\x01", b"\x05\x01" + b"\xff" * 4, b"\x05\x01" + bytes(4)])
def test_a_factor_that_cannot_be(listed: bytes) -> None:
    assert (factor(listed, ACC), factor(listed, GYRO)) == (1e-3, 1.0)


def test_start_that_is_not_granted() -> None:
    with pytest.raises(Declined, match=r"accelerometer.*status 8"):
        talk(PROFILE.start(INFO, 5), Table({}, lambda u, p: answer(u, p, status=8 * (p[0] == 2))))
    with pytest.raises(Declined, match="no rate"):
        talk(PROFILE.start(INFO, 5), Table({}, lambda u, p: [(1, b"\xf0" + p[:2])]))


def test_identity() -> None:
    reads = {uuid(0x81): b"\x0f\x2e\x00", gatt.SERIAL: b"A1B2C3\0", gatt.BATTERY_LEVEL: b"\x40"}
    who = talk(PROFILE.identity("Polar Sense A1B2C3", "AA:BB"), Table(reads))
    assert who == ("A1B2C3", "Polar Sense A1B2C3", "", 0.64, frozenset({"battery"}))


@pytest.mark.parametrize(
    ("features", "says"), [(b"\x0f\x05", "has no gyroscope"), (b"\x0f\x24", ""), (b"", "does not offer")]
)
def test_a_chest_strap_is_told_apart(features: bytes, says: str) -> None:
    """Polar H10: heart and acceleration."""
    assert PROFILE.recognises("Polar H10 12345678", [])
    table = Table({uuid(0x81): features} if features else {})
    if says:
        with pytest.raises(Declined, match=rf"Polar H10 12345678.*{says}.*Verity Sense"):
            talk(PROFILE.identity("Polar H10 12345678", "aa"), table)
    else:
        assert talk(PROFILE.identity("Polar H10 12345678", "AA"), table).serial == "aa"
