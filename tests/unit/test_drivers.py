"""Bytes to samples: vectors written by hand from docs/protocol.md, and payloads that nobody should send."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imu_coach import synthetic
from imu_coach.core.decode import Receiver
from imu_coach.drivers import SYNC_CHANNEL, driver, own, si
from imu_coach.drivers.base import Decoded
from imu_coach.errors import DecodeError
from imu_coach.types import Packet, SensorInfo

INFO = SensorInfo("wrist", acc_range=32.768, gyr_range=65.536)
"""Full scales that make a count worth 1 mm/s2 and 2 mrad/s."""

VECTOR = bytes.fromhex(
    "11 02 feff f0ffffff 1027"  # samples, n 2, seq 65534, t_first 2^32 - 16 us, period 10000 us
    "0100 ffff 0001 ff7f 0080 0000"
    "e803 0000 feff 0a00 1400 1e00"
)
ONE = bytes.fromhex("11 01 0000 00000000 1027" + "0000" * 6)
SI_VECTOR = bytes.fromhex(
    "5a 000000 02000000 0700000000000000 00ca9a3b00000000"  # 2 samples from number 7 at 1 s
    "0000000000000000 000000000000f03f 00000000000000c0 0000000000002340"
    "000000000000e03f 0000000000000000 000000000000f0bf"
    "8096980000000000 000000000000f87f 0000000000000000 0000000000000000"  # 10 ms later, acc x is NaN
    "0000000000000000 0000000000000000 0000000000000840"
)


def own_driver() -> own.Own:
    return own.Own(INFO)


def consistent(d: Decoded, payloads: int) -> None:
    """What every stage behind relies on."""
    n, p = int(d.count.sum()), sum(not x for x in d.problem)
    assert len(d.problem) == payloads
    assert len(d.seq) == len(d.ticks) == len(d.count) == p
    assert d.offset.shape == (n,)
    assert d.acc.shape == d.gyr.shape == (n, 3)
    assert d.acc.dtype == d.gyr.dtype == d.offset.dtype == np.float64
    assert d.seq.dtype == d.ticks.dtype == d.count.dtype == np.int64
    assert (d.count > 0).all()


@pytest.mark.parametrize("kind", [own.SAMPLES, own.STORED])
def test_own_vector(kind: int) -> None:
    d = own_driver().decode([bytes([kind]) + VECTOR[1:]])
    assert d.problem == [""]
    assert (d.seq.tolist(), d.ticks.tolist(), d.count.tolist()) == ([65534], [2**32 - 16], [2])
    np.testing.assert_allclose(d.offset, [0.0, 0.010])
    np.testing.assert_allclose(d.acc, [[0.001, -0.001, 0.256], [1.0, 0.0, -0.002]])
    np.testing.assert_allclose(d.gyr, [[65.534, -65.536, 0.0], [0.020, 0.040, 0.060]])
    consistent(d, 1)


@pytest.mark.parametrize("with_ones", [False, True], ids=["one size", "sizes mixed"])
def test_own_many_payloads(with_ones: bool) -> None:
    payloads = [VECTOR, VECTOR] + [ONE] * with_ones + [VECTOR]
    d = own_driver().decode(payloads)
    consistent(d, len(payloads))
    assert d.count.tolist() == [len(p) // 12 for p in payloads]
    np.testing.assert_allclose(d.offset[-2:], [0.0, 0.010], err_msg="offsets start anew in every packet")
    np.testing.assert_allclose(d.acc[-1], [1.0, 0.0, -0.002])


LONG = bytes([own.SAMPLES, own.MAX_SAMPLES + 1]) + VECTOR[2:10] + bytes(12 * (own.MAX_SAMPLES + 1))
INVALID = {
    "empty": (b"", "shorter"),
    "one byte": (b"\x11", "shorter"),
    "head alone": (VECTOR[:10], "shorter"),
    "one byte less": (VECTOR[:-1], "length"),
    "one byte more": (VECTOR + b"\0", "length"),
    "n too large": (bytes([0x11, 3]) + VECTOR[2:], "length"),
    "n too small": (bytes([0x11, 1]) + VECTOR[2:], "length"),
    "n of zero": (bytes([0x11, 0]) + VECTOR[2:], "length"),
    "more than may be": (LONG, "length"),
    "type": (b"\x14" + VECTOR[1:], "type"),
    "period of zero": (VECTOR[:8] + b"\0\0" + VECTOR[10:], "period"),
}


@pytest.mark.parametrize("name", INVALID)
def test_own_invalid_vectors(name: str) -> None:
    """Alone, in company of its own size, and between good ones: it is named and the others still decode."""
    payload, problem = INVALID[name]
    for payloads in ([payload], [payload] * 3, [VECTOR, payload, ONE]):
        d = own_driver().decode(payloads)
        consistent(d, len(payloads))
        for p, said in zip(payloads, d.problem, strict=True):
            assert (problem in said and said) if p is payload else said == ""


@pytest.mark.parametrize("period", [1, 255, 256, 65535])
def test_own_any_period_but_zero(period: int) -> None:
    payload = VECTOR[:8] + period.to_bytes(2, "little") + VECTOR[10:]
    for payloads in ([payload], [payload, ONE]):
        d = own_driver().decode(payloads)
        assert not any(d.problem)
        np.testing.assert_allclose(d.offset[:2], [0.0, period * 1e-6])


def test_own_tap_is_no_damage() -> None:
    receiver = Receiver(INFO, 0.25)
    receiver.push([Packet("wrist", 10**9, own.DATA, bytes.fromhex("13 02 1000 40420f00"))])
    assert receiver.health(False).rejected == 0


def test_own_clock_exchange_vectors() -> None:
    assert own.encode_request(0x01020304) == bytes.fromhex("01 00 04030201")
    assert own_driver().token(bytes.fromhex("01 05 04030201")) == 0x01020304
    reply = bytes.fromhex("81 00 04030201 0100000001000000 ffffffffffff0000")
    assert own.encode_reply(0x01020304, 2**32 + 1, 2**48 - 1) == reply
    assert own_driver().reply(reply) == (0x01020304, 2**32 + 1, 2**48 - 1)


@pytest.mark.parametrize("bad", [b"", b"\x81", b"\x01" * 22, b"\x81" * 21, b"\x81" * 23, b"\x82" * 22])
def test_own_bad_clock_payloads(bad: bytes) -> None:
    with pytest.raises(DecodeError, match="wrist"):
        own_driver().reply(bad)
    with pytest.raises(DecodeError, match="wrist"):
        own_driver().token(bad)


def test_own_encode_rounds_and_clips() -> None:
    acc, gyr = np.array([[0.0014, -0.0016, 99.0]]), np.array([[-99.0, 0.0031, 0.0]])
    d = own_driver().decode([own.encode(INFO, 65536 + 3, 2**32 + 5, 9615, acc, gyr)])
    np.testing.assert_allclose(d.acc, [[0.001, -0.002, 32.767]])
    np.testing.assert_allclose(d.gyr, [[-65.536, 0.004, 0.0]])
    assert (d.seq.tolist(), d.ticks.tolist()) == ([3], [5]), "both wrap"


COUNTS = st.integers(1, own.MAX_SAMPLES).flatmap(lambda n: arrays(np.int16, (n, 6)))


@given(COUNTS, st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.integers(1, 2**16 - 1))
def test_own_round_trip(counts: np.ndarray, seq: int, t_first: int, period: int) -> None:
    payload = own.encode(INFO, seq, t_first, period, counts[:, :3] * 0.001, counts[:, 3:] * 0.002)
    d = own_driver().decode([payload])
    assert (d.problem, d.seq[0], d.ticks[0], d.count[0]) == ([""], seq, t_first, len(counts))
    np.testing.assert_array_equal(np.rint(d.acc / 0.001), counts[:, :3])
    np.testing.assert_array_equal(np.rint(d.gyr / 0.002), counts[:, 3:])
    np.testing.assert_allclose(d.offset, np.arange(len(counts)) * period * 1e-6)


# --- si -------------------------------------------------------------------------------------------------------------


def test_si_vector() -> None:
    d = si.SI(INFO).decode([SI_VECTOR])
    assert d.problem == [""]
    assert (d.seq.tolist(), d.ticks.tolist(), d.count.tolist()) == ([7], [10**9], [2])
    np.testing.assert_allclose(d.offset, [0.0, 0.010])
    np.testing.assert_array_equal(d.acc, [[1.0, -2.0, 9.5], [np.nan, 0.0, 0.0]])
    np.testing.assert_array_equal(d.gyr, [[0.5, 0.0, -1.0], [0.0, 0.0, 3.0]])
    consistent(d, 1)


def test_si_encodes_the_vector() -> None:
    acc, gyr = np.array([[1.0, -2.0, 9.5], [np.nan, 0.0, 0.0]]), np.array([[0.5, 0.0, -1.0], [0.0, 0.0, 3.0]])
    assert si.encode(7, np.array([10**9, 10**9 + 10**7]), acc, gyr) == SI_VECTOR


def si_block(number: int, t_ns: int, after: tuple[int, ...], n: int | None = None) -> bytes:
    head = struct.pack("<B3xIqq", 0x5A, len(after) if n is None else n, number, t_ns)
    return head + b"".join(struct.pack("<q6d", a, *[1.0] * 6) for a in after)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        SI_VECTOR[:24],
        SI_VECTOR[:-1],
        SI_VECTOR + b"\0",
        b"\x5b" + SI_VECTOR[1:],
        si_block(0, 0, (0,), n=2),
        si_block(0, 0, (0,), n=0),
        si_block(-1, 0, (0,)),
        si_block(0, -1, (0,)),
        si_block(1 << 62, 0, (0,)),
        si_block(0, 1 << 62, (0,)),
    ],
)
def test_si_invalid_vectors(bad: bytes) -> None:
    d = si.SI(INFO).decode([SI_VECTOR, bad, SI_VECTOR])
    consistent(d, 3)
    assert [not p for p in d.problem] == [True, False, True]


@pytest.mark.parametrize("after", [(0, 20, 10), (0, 0, 10), (5, 10, 15), (0, -10, 20)])
def test_si_times_within_a_block_must_grow(after: tuple[int, ...]) -> None:
    block = si_block(0, 10**9, tuple(a * 10**6 for a in after))
    assert si.SI(INFO).decode([block]).problem[0]


def test_si_has_no_clock_exchange() -> None:
    assert "si" not in SYNC_CHANNEL
    with pytest.raises(DecodeError):
        si.SI(INFO).reply(own.encode_reply(1, 2, 3))
    with pytest.raises(DecodeError):
        si.SI(INFO).token(own.encode_request(1))


@given(st.integers(1, 20), st.integers(0, 2**61), st.integers(0, 2**61), st.data())
def test_si_round_trip(n: int, number: int, t_ns: int, data: st.DataObject) -> None:
    values = data.draw(arrays(np.float64, (n, 6)))
    d = si.SI(INFO).decode([si.encode(number, t_ns + 10**7 * np.arange(n), values[:, :3], values[:, 3:])])
    assert (d.problem, d.seq[0], d.ticks[0]) == ([""], number, t_ns)
    np.testing.assert_array_equal(np.hstack([d.acc, d.gyr]), values)
    np.testing.assert_allclose(d.offset, 0.01 * np.arange(n))


# --- both; what all drivers promise is in tests/contracts -----------------------------------------------------------

GOOD = {"own": [VECTOR, ONE], "si": [SI_VECTOR, si_block(3, 4, (0,))]}


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=60)
@given(data=st.data())
def test_decode_never_raises(name: str, data: st.DataObject) -> None:
    """Random bytes, and good payloads that were cut, lengthened or had bytes changed."""

    def mutated(payload: bytes) -> bytes:
        raw = bytearray(payload + data.draw(st.binary(max_size=14)))
        for _ in range(data.draw(st.integers(0, 3))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        return bytes(raw[: data.draw(st.integers(0, len(raw)))])

    d = driver(SensorInfo("wrist", name))
    payloads = [mutated(data.draw(st.sampled_from(GOOD[name]))) for _ in range(data.draw(st.integers(0, 4)))]
    payloads += [*data.draw(st.lists(st.binary(max_size=80), max_size=3)), GOOD[name][0]]
    decoded = d.decode(payloads)
    consistent(decoded, len(payloads))
    assert decoded.problem[-1] == "", "the good one behind them still decodes"
    np.testing.assert_array_equal(decoded.acc[-2:], d.decode([GOOD[name][0]]).acc)


TOP_OF_TIME = 7
"""Where the highest byte of the device time is in a DATA packet."""


def among_bad_ones(spared: int) -> tuple[list[Packet], list[Packet]]:
    """A long stream, and the same with noise or a damaged copy of an earlier packet before each of its packets."""
    rng = np.random.default_rng(5)
    faults = synthetic.Faults(sync=False, battery=None)
    stream = [p for p in synthetic.numbered(("wrist",), 510.0, faults=faults, seed=3) if isinstance(p, Packet)]
    where = np.array([i for i in range(30) if i != spared])
    log = stream[:60]
    for i, packet in enumerate(stream[60:], 60):
        old = bytearray(stream[int(rng.integers(0, i - 50))].payload)
        for at in rng.choice(where, int(rng.integers(1, 4))):
            old[at] = int(rng.integers(0, 256))
        cut = int(rng.integers(0, len(old)))
        kind = rng.random()
        bad = rng.bytes(int(rng.integers(0, 90))) if kind < 0.3 else bytes(old if kind < 0.7 else old[:cut])
        log += [Packet("wrist", packet.arrived_ns, own.DATA, bad), packet]
    return stream, log


@pytest.mark.parametrize(
    "spared",
    [
        TOP_OF_TIME,
        -1,
    ],
)
def test_ten_thousand_bad_packets_among_good_ones(spared: int) -> None:
    """All of the stream comes through, nothing raises, and the counters explain every packet."""
    stream, log = among_bad_ones(spared)
    bad = len(log) - len(stream)
    assert bad > 10_000
    info = synthetic.header_for(("wrist",)).sensors[0]
    receiver = Receiver(info, 0.25)
    samples = receiver.push(log)
    health = receiver.health(False)
    taps = sum(len(p.payload) == 8 and p.payload[0] == own.TAP for p in log)
    assert health.packets + health.late + health.rejected + taps == len(log), "every packet is explained"
    assert health.late > 0
    np.testing.assert_array_equal(synthetic.number_of(info, samples.acc), np.arange(5 * len(stream)))
    assert health.packets == len(stream)
    assert (health.lost, health.restarts, health.held) == (0, 0, 0)


def test_one_packet_from_the_future_is_not_believed() -> None:
    """The highest byte of its time is damaged: 22 minutes ahead, as if 130 000 samples had been lost."""
    faults = synthetic.Faults(sync=False, battery=None)
    stream = [p for p in synthetic.numbered(("wrist",), 20.0, faults=faults, seed=3) if isinstance(p, Packet)]
    receiver = Receiver(synthetic.header_for(("wrist",)).sensors[0], 0.25)
    receiver.push(stream[:200])
    odd = bytearray(stream[200].payload)
    odd[2:4] = ((odd[2] + 256 * odd[3] + 800) % 65536).to_bytes(2, "little")
    odd[TOP_OF_TIME] = (odd[TOP_OF_TIME] + 79) % 256
    receiver.push([stream[200]._replace(payload=bytes(odd)), *stream[200:]])
    health = receiver.health(False)
    assert (health.lost, health.rejected, health.late) == (0, 1, 0)
    assert health.packets == len(stream)
