"""WitMotion and Movella DOT: payloads written by hand from the byte layouts, and what is said to the sensors."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from talk import Table, talk

from imu_coach.conventions import GRAVITY
from imu_coach.core.decode import Receiver
from imu_coach.drivers import movella_dot, witmotion
from imu_coach.drivers.base import EVENT, Refused
from imu_coach.drivers.movella_dot import MovellaDot
from imu_coach.drivers.witmotion import WitMotion
from imu_coach.types import Packet, SensorInfo

# --- WitMotion ------------------------------------------------------------------------------------------------------

WIT = SensorInfo("wrist", "witmotion", rate=100.0)
FRAME = bytes.fromhex("5561 0008 00f8 0040  0020 00e0 0100  123400008765")
VOLTS = bytes.fromhex("5571 6400 7c01" + "0000" * 7)


def frame(k: int) -> bytes:
    """Frame ``k``: its rotation about x is k % 80 counts (and never looks like a header)."""
    return b"\x55\x61" + struct.pack("<9h", 0, 0, 2048, k % 80, 0, 0, 0, 0, 0)


def numbers(gyr: np.ndarray) -> list[int]:
    return np.rint(np.rad2deg(gyr[:, 0]) * 32768 / 2000).astype(int).tolist()


def test_witmotion_vector() -> None:
    d = WitMotion(WIT).decode([FRAME])
    assert (d.problem, d.seq.tolist(), d.ticks.tolist(), d.count.tolist()) == ([""], [0], [0], [1])
    np.testing.assert_allclose(d.acc, [[GRAVITY, -GRAVITY, 8 * GRAVITY]])
    np.testing.assert_allclose(np.rad2deg(d.gyr), [[500.0, -500.0, 2000 / 32768]])


@given(st.lists(st.integers(1, 60), min_size=1, max_size=60))
def test_witmotion_split_and_merged(sizes: list[int]) -> None:
    """However frames are cut and joined into payloads."""
    stream = b"".join(frame(k) for k in range(60))
    ends = [0, *(int(e) for e in np.cumsum(sizes) if e < len(stream)), len(stream)]
    payloads = [stream[a:b] for a, b in pairwise(ends)]
    d = WitMotion(WIT).decode(payloads)
    assert set(d.problem) <= {"", EVENT}
    assert numbers(d.gyr) == list(range(60))
    assert d.seq.tolist() == (np.cumsum(d.count) - d.count).tolist() == d.ticks.tolist()
    np.testing.assert_allclose(d.offset[: d.count[0]], 0.01 * np.arange(d.count[0]))


@pytest.mark.parametrize("lost", range(1, 20))
def test_witmotion_finds_back(lost: int) -> None:
    """The first bytes of a split stream are missing: from the next whole frame on all is there."""
    stream = b"".join(frame(k) for k in range(10))[lost:]
    d = WitMotion(WIT).decode([stream[i : i + 7] for i in range(0, len(stream), 7)])
    assert numbers(d.gyr) == list(range(1, 10))
    assert any(problem not in ("", EVENT) for problem in d.problem[:3]), "and what was of no use is counted"


@pytest.mark.parametrize(
    "junk", [b"\x55", b"\x55\x61" + bytes(10), b"\x55\x71", b"junk", frame(3)[:19], b"\x55\x61" * 9]
)
def test_witmotion_a_whole_payload_is_believed_after_anything(junk: bytes) -> None:
    d = WitMotion(WIT).decode([frame(1), junk, frame(2) + frame(3), frame(4)])
    assert numbers(d.gyr[-4:]) == [1, 2, 3, 4]


def test_witmotion_a_whole_frame_that_looks_like_the_rest_of_another() -> None:
    """Half a frame was left, and the next payload has the bytes of a header where that one would end."""
    whole = bytearray(frame(7))
    whole[10:12] = b"\x55\x61"
    d = WitMotion(WIT).decode([frame(3)[:10], bytes(whole)])
    assert numbers(d.gyr) == [7]


def test_witmotion_a_frame_and_a_part_after_a_loss() -> None:
    """What begins with a header and does not continue the rest begins anew, whole frames or not."""
    stream = frame(1) + frame(2)
    d = WitMotion(WIT).decode([frame(0)[:10], stream[:27], stream[27:]])
    assert numbers(d.gyr) == [1, 2]


def test_witmotion_registers_are_no_samples() -> None:
    d = WitMotion(WIT).decode([VOLTS, frame(0) + VOLTS + frame(1)])
    assert d.problem == [EVENT, ""]
    assert numbers(d.gyr) == [0, 1]


def test_witmotion_battery() -> None:
    event = witmotion.PROFILE.event
    assert event(witmotion.DATA, frame(0) + VOLTS) == ("battery", {"level": pytest.approx(0.5)})
    assert event(witmotion.DATA, VOLTS[:-1]) is None
    assert event(witmotion.DATA, VOLTS[:4] + b"\xff\x7f" + VOLTS[6:]) is None, "no cell has 327 V"
    assert event(9, VOLTS) is None


@pytest.mark.parametrize(
    ("rate", "code", "granted"), [(100.0, "09", 100.0), (200.0, "0b", 200.0), (60.0, "08", 50.0), (0.01, "01", 0.2)]
)
def test_witmotion_start(rate: float, code: str, granted: float) -> None:
    """The rate is written before it begins to stream, which it does as soon as one listens."""
    table = Table()
    info = talk(witmotion.PROFILE.start(SensorInfo("wrist", "witmotion", rate=rate), 5), table)
    assert info.rate == granted
    assert (info.acc_range, info.gyr_range) == (16 * GRAVITY, pytest.approx(np.deg2rad(2000)))
    written = ["ffaa6988b5", f"ffaa03{code}00", "ffaa000000", "ffaa276400"]
    assert [p.hex() for p in table.written()] == written
    kinds = [type(step).__name__ for step in table.steps]
    assert kinds == ["Write", "Pause", "Write", "Pause", "Write", "Pause", "Listen", "Write"]


def test_witmotion_profile() -> None:
    p = witmotion.PROFILE
    assert p.channels == {1: "0000ffe4-0000-1000-8000-00805f9a34fb"}
    assert p.recognises("WT901BLE67", [])
    assert not p.recognises("", ["0000ffe5-0000-1000-8000-00805f9b34fb"]), "that is the base of the Bluetooth SIG"
    assert "time stamps" in p.timing
    who = talk(p.identity("WT901\x07BLE", "AA:BB:CC"), Table())
    assert (who.serial, who.model) == ("aa:bb:cc", "WT901 BLE")
    talk(p.stop(), Table())
    assert not talk(p.identify(3), Table())
    assert not talk(p.haptic(1), Table())
    assert not talk(p.resume(1), Table())


# --- Movella DOT ----------------------------------------------------------------------------------------------------

DOT = SensorInfo("wrist", "movella_dot", rate=60.0)
SAMPLE = bytes.fromhex("40420f00 0000803f 000000c0 cdcc1c41  0000b442 00003443 000000bf 0010 00f0 0000")


def dot(t_us: float, k: float = 0.0) -> bytes:
    return struct.pack("<I6f3h", round(t_us) % 2**32, 0, 0, 9.81, k, 0, 0, 0, 0, 0)


def test_dot_vector() -> None:
    for payload in (SAMPLE, SAMPLE + bytes(6)):
        d = MovellaDot(DOT).decode([payload])
        assert (d.problem, d.ticks.tolist(), d.count.tolist()) == ([""], [1_000_000], [1])
        np.testing.assert_allclose(d.acc, [[1.0, -2.0, 9.8]])
        np.testing.assert_allclose(np.rad2deg(d.gyr), [[90.0, 180.0, -0.5]])


NAN, INF = b"\x00\x00\xc0\x7f", b"\x00\x00\x80\xff"
BAD = [SAMPLE[:n] for n in range(34)] + [SAMPLE + b"\0", SAMPLE + bytes(7), bytes(63)]
BAD += [SAMPLE[:at] + odd + SAMPLE[at + 4 :] for at in range(4, 28, 4) for odd in (NAN, INF, b"\x01\x00\x80\x7f")]
BAD += [SAMPLE[:4] + struct.pack("<f", 400.0) + SAMPLE[8:], SAMPLE[:16] + struct.pack("<f", -1e9) + SAMPLE[20:]]


@pytest.mark.parametrize("bad", BAD)
def test_dot_invalid_vectors(bad: bytes) -> None:
    d = MovellaDot(DOT).decode([SAMPLE, bad, dot(1e6 + 1e6 / 60)])
    assert d.problem[0] == d.problem[2] == ""
    assert d.problem[1] not in ("", EVENT)
    assert np.isfinite(d.acc).all()


@pytest.mark.parametrize("start", [10**6, 2**32 - 100_000])
@pytest.mark.parametrize("missing", [1, 2, 30, 1200])
def test_dot_numbers_come_from_time_stamps(start: int, missing: int) -> None:
    """Also over the wrap of its stamps; the first sample after a loss waits for the next."""
    present = [*range(100), *range(100 + missing, 200 + missing)]
    d = MovellaDot(DOT).decode([dot(start + k * 1e6 / 60, k) for k in present])
    assert d.problem.count(EVENT) == 1
    assert (d.count == 2).sum() == 1
    seen = [int(s) + i for s, n in zip(d.seq, d.count, strict=True) for i in range(n)]
    assert seen == present
    np.testing.assert_allclose(np.rad2deg(d.gyr[:, 0]), present)
    ticks = np.repeat(d.ticks, d.count) + np.rint(d.offset * 1e6).astype(int)
    np.testing.assert_allclose(ticks % 2**32, [round(start + k * 1e6 / 60) % 2**32 for k in present], atol=2)


def test_dot_a_damaged_stamp_changes_nothing() -> None:
    clean = [dot(k * 1e6 / 60, k) for k in range(60)]
    odd = [p for k, p in enumerate(clean) for p in (dot(7e8 * ((k * 7919) % 13 - 6)), p)]
    d = MovellaDot(DOT).decode([clean[0], *odd])
    assert np.rint(np.rad2deg(d.gyr[:, 0])).tolist() == list(range(60))
    assert d.seq.tolist() == list(range(60))


def test_dot_a_restart() -> None:
    """Its stamps begin anew: after a few samples the receiver goes on."""
    log = [Packet("wrist", round((k / 60 + 0.03) * 1e9), 1, dot(5e8 + k * 1e6 / 60)) for k in range(300)]
    log += [Packet("wrist", round((6 + k / 60 + 0.03) * 1e9), 1, dot(k * 1e6 / 60)) for k in range(300)]
    receiver = Receiver(DOT, 0.25)
    samples = receiver.push(log)
    assert receiver.health(False).restarts == 1
    assert len(samples.t) > 590
    assert samples.t[-1] == pytest.approx(6 + 299 / 60, abs=0.04)


def uuid(number: str) -> str:
    return f"1517{number}-4947-11e9-8646-d663bd873d93"


CONTROL = bytes.fromhex("00 00 00 0a 00 1e 00 0b") + b"Movella DOT\0\0\0\0\0" + bytes.fromhex("3c00 00 0000000000")


def test_dot_start() -> None:
    table = Table({uuid("1002"): CONTROL})
    info = talk(movella_dot.PROFILE.start(SensorInfo("wrist", "movella_dot", rate=28.0), 5), table)
    assert info.rate == 30.0
    assert (info.acc_range, info.gyr_range) == (16 * GRAVITY, pytest.approx(np.deg2rad(2000)))
    assert table.written() == [
        bytes.fromhex("01 00 14"),
        b"\x10" + CONTROL[1:24] + b"\x1e\x00" + CONTROL[26:],
        bytes.fromhex("01 01 14"),
    ]
    assert table.listened()[-1] == movella_dot.DATA
    assert type(table.steps[-1]).__name__ == "Write", "started last"


def test_dot_identity_and_led() -> None:
    about = bytes.fromhex("aabbcc cd22d4 020401 e707 05 01 0c 00 00 00000000 8877665544332211") + b"XS-T02"
    table = Table({uuid("1001"): about, uuid("3001"): b"\x5a\x00", uuid("1002"): CONTROL})
    who = talk(movella_dot.PROFILE.identity("Movella DOT", "D4:22"), table)
    assert who[:4] == ("1122334455667788", "XS-T02", "2.4.1", 0.9)
    assert talk(movella_dot.PROFILE.identity("", "D4:22"), Table({uuid("1001"): b"\x01"})).serial == "d4:22"
    assert talk(movella_dot.PROFILE.identify(3), table)
    assert table.written() == [b"\x01\x01" + CONTROL[2:]]
    assert not talk(movella_dot.PROFILE.identify(3), Table())
    with pytest.raises(Refused):
        talk(movella_dot.PROFILE.start(DOT, 1), Table())


def test_dot_events() -> None:
    event = movella_dot.PROFILE.event
    assert event(movella_dot.BATTERY, b"\x5a\x01") == ("battery", {"level": 0.9})
    assert event(movella_dot.BATTERY, b"\x66\x01") is None
    assert event(movella_dot.REPORT, b"\x06\x04" + bytes(34)) == ("tap", {"taps": 2})
    assert event(movella_dot.REPORT, b"\x07\x04" + bytes(34)) == ("tap", {"taps": 3})
    assert event(movella_dot.REPORT, b"\x05\x04" + bytes(34)) is None
    assert event(movella_dot.DATA, b"\x06\x04") is None
