"""The own sensor on the air: its vectors, and what is said to it, answered by the packetiser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from talk import Table, talk

from imu_coach.conventions import GRAVITY
from imu_coach.drivers import gatt, own
from imu_coach.drivers.base import BATTERY, Declined, Refused
from imu_coach.drivers.own_profile import PROFILE, parse_info, uuid
from imu_coach.errors import ImuCoachError
from imu_coach.types import SensorInfo
from imu_coach.virtual.packetiser import Packetiser

VECTORS = json.loads((Path(__file__).parents[2] / "firmware_stubs" / "vectors.json").read_text("utf-8"))
INFO = SensorInfo("wrist", acc_range=32768.0, gyr_range=32768.0)
"""Full scales that make a count worth 1."""


def named(kind: str) -> Any:
    return pytest.mark.parametrize(
        "case", VECTORS[kind], ids=lambda c: c.get("name") or c.get("reason") or c["payload"]
    )


@named("data")
def test_data_vectors(case: dict[str, Any]) -> None:
    check(case)


@named("stored")
def test_stored_vectors(case: dict[str, Any]) -> None:
    check(case)


def check(case: dict[str, Any]) -> None:
    payload = bytes.fromhex(case["payload"])
    d = own.Own(INFO).decode([payload])
    assert (d.problem, d.seq.tolist(), d.ticks.tolist()) == ([""], [case["seq"]], [case["t_first"]])
    np.testing.assert_array_equal(np.hstack([d.acc, d.gyr]), case["samples"])
    np.testing.assert_allclose(d.offset, np.arange(len(case["samples"])) * case["period"] * 1e-6)
    assert PROFILE.last_number(payload) == (case["seq"] + len(case["samples"])) % 65536
    assert PROFILE.event(own.DATA, payload) is None


@named("bad_data")
def test_bad_data_vectors(case: dict[str, Any]) -> None:
    payload = bytes.fromhex(case["payload"])
    assert own.Own(INFO).decode([payload]).problem[0] not in ("", "event")
    assert PROFILE.last_number(payload) is None
    assert PROFILE.event(own.DATA, payload) is None


@named("info")
def test_info_vectors(case: dict[str, Any]) -> None:
    info = parse_info(bytes.fromhex(case["payload"]))
    assert info._asdict() == {name: case[name] for name in info._fields}


@named("tap")
def test_tap_vectors(case: dict[str, Any]) -> None:
    payload = bytes.fromhex(case["payload"])
    assert PROFILE.event(own.DATA, payload) == ("tap", {"taps": case["taps"]})
    assert PROFILE.event(own.SYNC, payload) is None
    assert PROFILE.last_number(payload) is None, "and no sample"


def test_sync_vectors() -> None:
    good = [case for case in VECTORS["sync"] if case["reply"]]
    assert good
    for case in good:
        request, reply = bytes.fromhex(case["write"]), own.Own(INFO).reply(bytes.fromhex(case["reply"]))
        assert reply == (own.Own(INFO).token(request), case["t_rx"], case["t_tx"])


def sensor(core: Packetiser, now: list[int] | None = None, **reads: bytes) -> Table:
    """The packetiser behind a control point; its clock is ``now[0]`` us."""
    clock = now or [0]

    def write(where: str, payload: bytes) -> list[tuple[int, bytes]]:
        assert where == uuid(own.CTRL)
        return [(own.CTRL, core.control(payload, clock[0]))]

    return Table({uuid(own.INFO): core.info} | {getattr(gatt, name): value for name, value in reads.items()}, write)


def connected(**options: int) -> Packetiser:
    core = Packetiser(0xABCDEF, **options)
    core.connected()
    core.set_mtu(247)
    return core


def test_identity() -> None:
    full = sensor(connected(), MODEL=b"XIAO\x1b[31m\n nRF52840", FIRMWARE=b"0.3\0junk", BATTERY_LEVEL=b"\x57")
    who = talk(PROFILE.identity("imu-CDEF", "AA:BB"), full)
    assert who == (
        "0000000000abcdef",
        "XIAO [31m nRF52840",
        "0.3",
        0.87,
        frozenset({"tap", "haptic", "catch_up", "battery", "identify", "sync"}),
    ), "and control characters are gone"
    bare = talk(PROFILE.identity("", ""), sensor(connected(features=0), BATTERY_LEVEL=b"\xff"))
    assert bare == ("0000000000abcdef", "", "", None, frozenset({"identify", "sync"}))


@pytest.mark.parametrize(
    ("info", "says"),
    [(b"", "0 bytes"), (b"\x01" * 19, "19 bytes"), (b"\x02" + bytes(19), "version 2"), (b"\x01" + bytes(19), "zero")],
)
def test_a_sensor_that_does_not_say_what_it_is(info: bytes, says: str) -> None:
    for dialogue in (PROFILE.identity("", ""), PROFILE.start(SensorInfo("wrist"), 5)):
        with pytest.raises(Declined, match=says) as caught:
            talk(dialogue, Table({uuid(own.INFO): info}))
        assert isinstance(caught.value, ImuCoachError)
    with pytest.raises(Refused):
        talk(PROFILE.identity("", ""), Table())


def test_start_grants_rate_and_ranges() -> None:
    core = connected(acc_range=8, gyr_range=1000, max_rate=104)
    table = sensor(core)
    info = talk(PROFILE.start(SensorInfo("wrist", rate=200.0, bias=(1.0, 2.0, 3.0)), 4), table)
    assert (info.rate, info.acc_range, info.gyr_range) == (104.0, 8 * GRAVITY, pytest.approx(np.deg2rad(1000)))
    assert info.bias == (1.0, 2.0, 3.0)
    assert core.rate == 104
    assert table.listened() == [own.CTRL, own.SYNC, own.DATA, BATTERY]
    assert [type(step).__name__ for step in table.steps[-2:]] == ["Write", "Answer"], "and started last"
    for k in range(4):
        core.push((1, 2, 3, 4, 5, 6), k * 10_000)
    payload = core.peek()
    assert payload
    decoded = PROFILE.decoder(info).decode([payload])
    assert decoded.count.tolist() == [4], "as many a packet as were asked for"
    np.testing.assert_allclose(decoded.gyr[0], np.deg2rad(np.array([4, 5, 6]) * 1000 / 32768))


def test_start_without_a_battery_service() -> None:
    table = sensor(connected())
    table.silent = frozenset({BATTERY})
    assert talk(PROFILE.start(SensorInfo("wrist"), 5), table).rate == 100.0


def test_start_that_is_not_granted_says_why() -> None:
    core = connected()
    core.set_mtu(23)
    with pytest.raises(Declined, match=r"100 Hz.*too small"):
        talk(PROFILE.start(SensorInfo("wrist"), 5), sensor(core))
    with pytest.raises(Declined, match="does not say why"):
        talk(PROFILE.start(SensorInfo("wrist"), 5), Table({uuid(5): connected().info}, lambda u, p: [(3, b"\x80\x01")]))
    with pytest.raises(TimeoutError):
        talk(PROFILE.start(SensorInfo("wrist"), 5), Table({uuid(5): connected().info}))


def test_resume_goes_on_from_a_number() -> None:
    core, now = connected(), [0]
    table = sensor(core, now)
    info = talk(PROFILE.start(SensorInfo("wrist"), 5), table)
    payloads = []

    def receive(numbers: range) -> None:
        for k in numbers:
            core.push((k, 0, 0, 0, 0, 0), k * 10_000)
            while payload := core.peek():
                payloads.append(payload)
                core.sent()

    receive(range(10))
    core.disconnected()
    for k in range(10, 100):
        core.push((k, 0, 0, 0, 0, 0), k * 10_000)
    core.connected()
    core.set_mtu(247)
    number = PROFILE.last_number(payloads[-1])
    assert number == 10
    table.steps.clear()
    now[0] = 1_000_000
    assert talk(PROFILE.resume(number), table)
    assert table.listened() == [own.CTRL, own.SYNC, own.DATA, BATTERY], "before it is asked to send"
    receive(range(100, 110))
    decoded = PROFILE.decoder(info).decode(payloads)
    np.testing.assert_array_equal(np.rint(decoded.acc[:, 0] / info.acc_range * 32768), np.arange(110))


@pytest.mark.parametrize("reply", [b"\x80\x06\x03", b"\x80\x06\x01", b"\x80\x06", b"\x80\x06\x00", b"\x80\x06\x00" * 5])
def test_resume_that_is_not_possible(reply: bytes) -> None:
    assert talk(PROFILE.resume(70_000), Table({}, lambda u, p: [(own.CTRL, reply)])) is False


def test_led_haptic_stop() -> None:
    core = connected()
    table = sensor(core)
    assert talk(PROFILE.identify(10), table)
    assert core.led
    assert talk(PROFILE.haptic(2), table)
    assert core.haptic
    assert not talk(PROFILE.haptic(9), table)
    assert not talk(PROFILE.haptic(1), sensor(connected(features=0))), "it has none"
    talk(PROFILE.start(SensorInfo("wrist"), 5), table)
    talk(PROFILE.stop(), table)
    assert core.rate == 0


def test_clock_request() -> None:
    core = connected()
    channel, payload = PROFILE.request(2**32 + 7) or (0, b"")
    assert PROFILE.channels[channel] == uuid(4)
    assert core.sync(payload, 1000, 0) == 0
    reply = core.sync_reply(2000)
    assert reply
    assert own.Own(INFO).reply(reply) == (7, 1000, 2000)


def test_battery_events() -> None:
    assert PROFILE.event(BATTERY, b"\x32") == ("battery", {"level": 0.5})
    for odd in (b"", b"\x65", b"\x32\x00"):
        assert PROFILE.event(BATTERY, odd) is None
    assert PROFILE.event(own.DATA, b"\x32") is None


def test_it_is_recognised_by_its_service() -> None:
    assert PROFILE.recognises("anything", ["180f", uuid(1).upper()])
    assert not PROFILE.recognises("imu-1234", [])
