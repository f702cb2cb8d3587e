"""The Python core of a virtual sensor: the examples of the protocol, and what a host relies on whatever happens."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sensor_vectors import VECTORS, call, ctrl, data, make, names, sync

from imu_coach.drivers.own import Own
from imu_coach.errors import DecodeError
from imu_coach.types import SensorInfo
from imu_coach.virtual.core import Core
from imu_coach.virtual.packetiser import Packetiser

RATE, STEP = 100, 10_000


@pytest.mark.parametrize("case", VECTORS["info"], ids=names("info"))
def test_info(case: dict[str, Any]) -> None:
    assert make(Packetiser, case["sensor"]).info.hex() == case["payload"]


@pytest.mark.parametrize("case", VECTORS["data"], ids=names("data"))
def test_data(case: dict[str, Any]) -> None:
    assert data(make(Packetiser, case["sensor"]), case) == case["payload"]


@pytest.mark.parametrize("case", VECTORS["ctrl"], ids=names("ctrl"))
def test_ctrl(case: dict[str, Any]) -> None:
    assert ctrl(make(Packetiser, case["sensor"]), case) == [step["reply"] for step in case["steps"]]


@pytest.mark.parametrize("case", VECTORS["sync"], ids=names("sync"))
def test_sync(case: dict[str, Any]) -> None:
    assert sync(make(Packetiser, "standard"), case) == (case["wait"], case["reply"])


@pytest.mark.parametrize("case", VECTORS["streams"], ids=names("streams"))
def test_stories(case: dict[str, Any]) -> None:
    core = make(Packetiser, case["sensor"])
    for i, step in enumerate(case["calls"]):
        got, wanted = call(core, step)
        assert got == wanted, f"call {i}: {step}"


# --- the driver reads what the table says -------------------------------------------------------------------------

DRIVER = Own(SensorInfo("waist", acc_range=32768.0, gyr_range=32768.0))


@pytest.mark.parametrize("case", VECTORS["data"] + VECTORS["stored"], ids=names("data") + names("stored"))
def test_the_driver_reads_data(case: dict[str, Any]) -> None:
    decoded = DRIVER.decode([bytes.fromhex(case["payload"])])
    assert list(decoded.problem) == [""]
    assert (decoded.seq[0], decoded.ticks[0], decoded.count[0]) == (case["seq"], case["t_first"], len(case["samples"]))
    assert [[*a, *g] for a, g in zip(decoded.acc.tolist(), decoded.gyr.tolist(), strict=True)] == case["samples"]
    assert decoded.offset == pytest.approx([k * case["period"] * 1e-6 for k in range(len(case["samples"]))])


@pytest.mark.parametrize("case", VECTORS["bad_data"], ids=names("bad_data"))
def test_the_driver_rejects(case: dict[str, Any]) -> None:
    decoded = DRIVER.decode([bytes.fromhex(case["payload"])])
    assert decoded.problem[0] not in ("", "event")
    assert len(decoded.acc) == 0


@pytest.mark.parametrize("case", VECTORS["tap"], ids=names("tap"))
def test_the_driver_knows_a_tap(case: dict[str, Any]) -> None:
    assert list(DRIVER.decode([bytes.fromhex(case["payload"])]).problem) == ["event"]


@pytest.mark.parametrize("case", [c for c in VECTORS["sync"] if c["reply"]], ids=lambda c: c["name"])
def test_the_driver_reads_clock_replies(case: dict[str, Any]) -> None:
    reply = DRIVER.reply(bytes.fromhex(case["reply"]))
    assert reply[1:] == (case["t_rx"], case["t_tx"])
    assert reply.token == DRIVER.token(bytes.fromhex(case["write"])) if case["write"].startswith("01") else True


# --- whatever happens ---------------------------------------------------------------------------------------------


class Host:
    """What a host does with what it receives: the numbers of the samples it has, in order of arrival."""

    def __init__(self, core: Core, n: int) -> None:
        self.core, self.n, self.got, self.kinds = core, n, list[int](), list[int]()
        self.join()
        assert core.control(struct.pack("<BHB", 1, RATE, n), 0)[2] == 0

    def join(self) -> None:
        self.core.connected()
        self.core.set_mtu(247)

    def receive(self, packets: int) -> None:
        for _ in range(packets):
            payload = self.core.peek()
            if payload is None:
                return
            self.core.sent()
            kind, n, seq = struct.unpack_from("<BBH", payload)
            self.kinds.append(kind)
            self.got.extend(range(seq, seq + n))

    def resume(self, t_us: int) -> int:
        reply = self.core.control(struct.pack("<BH", 6, self.got[-1] + 1 if self.got else 0), t_us)
        assert reply[2] == 0
        return int.from_bytes(reply[3:5], "little")


actions = st.lists(st.tuples(st.sampled_from(["samples", "air", "loss"]), st.integers(1, 60)), max_size=40)


@settings(max_examples=150, deadline=None)
@given(actions, st.integers(1, 19))
def test_absences_shorter_than_the_store_lose_nothing(story: list[tuple[str, int]], n: int) -> None:
    core = Packetiser(1)
    host, pushed = Host(core, n), 0
    for what, amount in story:
        if what == "samples":
            for _ in range(amount):
                core.push((pushed % 100, 0, 0, 0, 0, 0), pushed * STEP)
                pushed += 1
        elif what == "air":
            host.receive(amount)
        else:
            core.peek()  # taken by the stack and lost with the link
            core.disconnected()
            host.join()
            assert core.peek() is None
            host.resume(pushed * STEP)
        if core.control(b"\x03", pushed * STEP)[3:7] != bytes(4):
            return  # the air was too slow for two seconds: that is another test
    host.receive(10_000)
    assert host.got == list(range(len(host.got)))
    assert pushed - len(host.got) < n


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 80), st.integers(0, 6)), max_size=60), st.integers(1, 40))
def test_what_is_not_received_is_counted(story: list[tuple[int, int]], n: int) -> None:
    core = Packetiser(1, store=128)
    host, pushed = Host(core, n), 0
    for samples, packets in story:
        for _ in range(samples):
            core.push((0,) * 6, pushed * STEP)
            pushed += 1
        host.receive(packets)
    host.receive(10_000)
    dropped, counted, _ = struct.unpack("<IIB", core.control(b"\x03", 0)[3:])
    assert counted == pushed
    assert host.got == sorted(set(host.got))
    granted = min(n, 19)
    assert 0 <= pushed - len(host.got) - dropped < granted


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_hostile_writes_are_answered_and_change_nothing(write: bytes, request: bytes) -> None:
    core = Packetiser(1)
    reply = core.control(write, 5)
    assert 3 <= len(reply) <= 12
    assert reply[:2] == bytes((0x80, write[0] if write else 0))
    wait = core.sync(request, 7, 65535)
    assert (wait is None) == (len(request) != 6 or request[0] != 1)


def test_a_sensor_out_of_bounds_cannot_be_made() -> None:
    for wrong in ({"max_rate": 15}, {"max_rate": 1001}, {"store": 127}, {"store": 32769}):
        with pytest.raises(ValueError, match="must be"):
            Packetiser(1, **wrong)


def test_twenty_seconds_are_kept_at_the_highest_rate() -> None:
    for rate in (52, 208, 1000):
        assert int.from_bytes(Packetiser(1, max_rate=rate).info[8:12], "little") >= 20 * rate


def test_a_clock_reply_is_no_request() -> None:
    with pytest.raises(DecodeError):
        DRIVER.reply(b"\x01\x00\x00\x00\x00\x00")
