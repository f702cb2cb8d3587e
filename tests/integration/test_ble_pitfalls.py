"""What goes wrong between programs, operating systems and Bluetooth radios: one test for each rule that avoids it."""

from __future__ import annotations

import asyncio
import inspect
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from ble_room import CTRL, DATA, FAST, INSTANT, OWN, SYNC, lasting, room, serial
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakDBusError, BleakError, BleakGATTProtocolError
from bleak.exc import BleakBluetoothNotAvailableReason as Reason

from imu_coach.drivers.base import Refused
from imu_coach.errors import BluetoothUnavailable, ConnectionLost, ImuCoachError
from imu_coach.sources import Air, Interrupted, Options, Policy, advice, hint, visit
from imu_coach.sources.problems import unavailable
from imu_coach.types import Packet

THREE = ("upper_back", "sacrum", "wrist")


def numbers(packets: list[Packet]) -> list[int]:
    """Sample numbers of data packets."""
    return [n + k for p in packets if p.payload[0] in (0x11, 0x12) for n in [p.payload[2] | p.payload[3] << 8]
            for k in range(p.payload[1])]  # fmt: skip


# --- scanning and connecting ----------------------------------------------------------------------------------------


@lasting(20)
async def test_a_device_is_passed_never_an_address() -> None:
    async with room(THREE) as here:
        await here.streaming()
        assert len(here.seen.of("new")) == 3
        assert all(isinstance(target, BLEDevice) for _, target, _ in here.seen.of("new"))


@lasting(30)
async def test_one_lock_around_scan_and_connect() -> None:
    async with room(THREE) as here:
        await here.streaming()
        await here.world.fault("out_of_range", "wrist", seconds=1.0)
        await here.streaming()
        order = here.seen.order("scan", "scanned", "connect", "connected")
        open_ = {"scan": "scanned", "connect": "connected"}
        for first, second in zip(order[::2], order[1::2], strict=True):
            assert open_[first] == second, order  # never a second one before the first has ended


@lasting(30)
async def test_a_new_client_and_a_new_scan_for_every_attempt() -> None:
    async with room() as here:
        await here.streaming()
        for _ in range(2):
            await here.world.fault("out_of_range", "wrist", seconds=1.0)
            await here.streaming()
        clients = [client for client, _, _ in here.seen.of("new")]
        assert len(clients) == len(set(map(id, clients))) >= 3
        connects = here.seen.of("connect")
        assert [id(c) for c in connects] == [id(c) for c in clients], "no client connects twice"
        order = here.seen.order("scan", "connect")
        assert all(order[i - 1] == "scan" for i, what in enumerate(order) if what == "connect")


@lasting(30)
async def test_disconnect_in_any_case() -> None:
    """Also after a connection that did not come about, a start that was not granted, and a session that is stopped."""
    async with room(start=False) as here:
        client = here.air.client
        assert client is not None
        connect, write = client.connect, client.write_gatt_char
        left: list[Any] = [TimeoutError(), BleakError("failed to discover services, device disconnected")]

        async def reluctant(self: Any, pair: bool, **kwargs: Any) -> None:
            if left:
                here.seen.note("connect", self.address, self)
                raise left.pop()
            await connect(self, pair, **kwargs)

        refuse = [BleakGATTProtocolError(0x13)]

        async def refusing(self: Any, characteristic: Any, data: Any, response: bool) -> None:
            if response and refuse:
                raise refuse.pop()
            await write(self, characteristic, data, response)

        client.connect, client.write_gatt_char = reluctant, refusing  # type: ignore[method-assign,assignment]
        here.start()
        await here.streaming()
        await here.stop()
        clients = [c for c, _, _ in here.seen.of("new")]
        assert len(clients) == 4
        assert [id(c) for c in here.seen.of("disconnect")] == [id(c) for c in clients]
        assert not any(c.is_connected for c in clients)


@lasting(20)
async def test_a_stopped_session_leaves_no_link_and_no_measuring_sensor() -> None:
    async with room() as here:
        await here.streaming()
        began = time.monotonic()
        await here.stop()
        assert time.monotonic() - began < 2.0
        _, sensor = here.world.stage.sensors["wrist"]
        assert sensor.core.rate == 0
        assert here.seen.of("write")[-1][1] == b"\x02"
        assert not [c for c, _, _ in here.seen.of("new") if c.is_connected]
        assert [link.kind for link in here.links("wrist")] == ["up", "down"]


@pytest.mark.parametrize("moment", ["scan", "connect", "listen", "write", "disconnect"])
@lasting(30)
async def test_cancelled_at_any_moment_leaves_no_link(moment: str) -> None:
    async with room() as here:
        if moment == "disconnect":
            await here.streaming()
            await here.world.stage.range("wrist", False)
        await here.until(lambda: bool(here.seen.order(moment)))
        for _ in range(3):  # impatient people press Ctrl-C more than once
            here.tasks["wrist"].cancel()
            await asyncio.sleep(0.01)
        await asyncio.wait(here.tasks.values(), timeout=3.0)
        assert here.tasks["wrist"].done()
        await here.air.close()
        assert not [c for c, _, _ in here.seen.of("new") if c.is_connected]
        assert not here.air.lock.locked()


@lasting(20)
async def test_a_link_of_a_program_that_has_crashed_is_told_of() -> None:
    """BlueZ holds it, and every connection ends in InProgress."""
    async with room(start=False, policy=replace(FAST, many_attempts=3, back_off_most=0.05)) as here:
        client = here.air.client
        assert client is not None

        async def held(self: Any, pair: bool, **kwargs: Any) -> None:
            raise BleakDBusError("org.bluez.Error.InProgress", ["Operation already in progress"])

        client.connect = held  # type: ignore[method-assign,assignment]
        here.start()
        assert not hint(here["wrist"].problem, "x")
        await here.until(lambda: isinstance(here["wrist"].problem, ConnectionLost))
        address = here["wrist"].wanted.address
        assert f"`bluetoothctl remove {address}`" in hint(here["wrist"].problem, address, "linux")
        assert all(hint(here["wrist"].problem, address, system) for system in ("darwin", "win32", "other"))
        assert len(here.seen.of("disconnect")) >= 3


@pytest.mark.parametrize("moment", ["scan", "connect", "listen"])
@lasting(30)
async def test_a_cancellation_that_the_system_swallows_is_obeyed(moment: str) -> None:
    """``asyncio.wait_for``, which bleak's backends use, may lose one before Python 3.12."""
    async with room(start=False) as here:
        owner, name = {
            "scan": (here.air.scanner, "start"),
            "connect": (here.air.client, "connect"),
            "listen": (here.air.client, "start_notify"),
        }[moment]
        ordinary = getattr(owner, name)

        async def swallowing(*args: Any, **kwargs: Any) -> None:
            await ordinary(*args, **kwargs)
            with suppress(asyncio.CancelledError):
                here.seen.note("now")
                await asyncio.sleep(0.3)

        setattr(owner, name, swallowing)
        here.start()
        await here.until(lambda: bool(here.seen.of("now")))
        here.tasks["wrist"].cancel()
        await asyncio.wait(here.tasks.values(), timeout=3.0)
        assert here.tasks["wrist"].cancelled()
        assert not [c for c, _, _ in here.seen.of("new") if c.is_connected]


# --- dead links -----------------------------------------------------------------------------------------------------


@lasting(30)
async def test_a_silent_link_is_a_dead_link() -> None:
    """Whatever ``is_connected`` says: here the radio would notice only after a minute."""
    async with room(profile=replace(INSTANT, supervision=60.0)) as here:
        await here.streaming()
        await here.world.stage.range("wrist", False)
        gone = time.monotonic()
        client = here.seen.of("new")[-1][0]
        states = set()

        def noticed() -> bool:
            states.add(here["wrist"].state)
            return len(here.links("wrist")) == 2

        await here.until(lambda: noticed() or not client.is_connected)
        assert client.is_connected or noticed()
        await here.until(noticed)
        assert 0.5 < time.monotonic() - gone < FAST.silence + 1.0
        assert "silent" in states or here["wrist"].counters.stale == 1
        assert here.links("wrist")[-1].kind == "down"


def test_the_watchdog_waits_two_to_three_seconds() -> None:
    assert 2.0 <= Policy().silence <= 3.0


@lasting(30)
async def test_a_slow_sensor_is_not_a_silent_one() -> None:
    """At 16 Hz four samples take 0.25 s; the watchdog waits for several packets whatever the policy says."""
    async with room(rate=16.0, policy=replace(FAST, silence=0.1)) as here:
        await here.streaming()
        await asyncio.sleep(1.5)
        assert here["wrist"].counters.stale == 0
        assert here["wrist"].state == "streaming"


# --- notifications --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "expected"), [(100.0, 4), (208.0, 8), (25.0, 4)])
@lasting(20)
async def test_few_large_notifications(rate: float, expected: int) -> None:
    async with room(rate=rate) as here:
        await here.streaming()
        await here.until(lambda: len(here.packets("wrist")) > 5)
        assert {p.payload[1] for p in here.packets("wrist")} == {expected}


@pytest.mark.parametrize(
    ("options", "passed"), [(None, {}), (Options(use_start_notify=False), {"use_start_notify": False})]
)
@lasting(20)
async def test_start_notify_unless_asked_otherwise(options: Options | None, passed: dict[str, bool]) -> None:
    async with room(options=options) as here:
        await here.streaming()
        assert len(here.seen.of("listen")) >= 3
        assert all(kwargs["bluez"] == passed for _, _, kwargs in here.seen.of("listen"))


@lasting(20)
async def test_data_only_after_the_start_was_asked_for() -> None:
    async with room() as here:
        await here.streaming()
        await here.until(lambda: len(here.packets("wrist")) > 10)
        asked = [
            (what, details[0], details[1]) for _, what, _, details in here.seen.calls if what in ("listen", "write")
        ]
        start = next(i for i, (what, _, payload) in enumerate(asked) if what == "write" and payload[:1] == b"\x01")
        listened = {uuid for what, uuid, _ in asked[:start] if what == "listen"}
        assert {OWN.channels[c] for c in (DATA, CTRL, SYNC)} <= listened
        assert numbers(here.packets("wrist"))[:40] == list(range(40)), "nothing is missed at the beginning"


@lasting(20)
async def test_what_fits_is_asked_of_the_characteristic_not_of_the_mtu() -> None:
    """``mtu_size`` says 23 on BlueZ, whatever was agreed."""
    async with room(start=False) as here:
        client = here.air.client
        assert client is not None
        client.mtu_size = property(lambda self: 23)  # type: ignore[assignment,misc]
        here.start()
        await here.streaming()
        assert {p.payload[1] for p in here.packets("wrist")} == {4}, "the sensor knows what fits, and caps it"
        line = here["wrist"].line
        assert line is not None
        control, sync = OWN.channels[CTRL], OWN.channels[SYNC]
        await line.write(control, b"\x03" + bytes(19), response=False)
        with suppress(Refused):  # the sensor may not like its length
            await line.write(control, b"\x03" + bytes(20), response=False)
        with pytest.raises(Refused):  # this one cannot be written with a response
            await line.write(sync, bytes(21), response=False)
        asked = [(len(data), response) for uuid, data, response in here.seen.of("write") if uuid == control]
        assert asked[-2:] == [(20, False), (21, True)]
        assert not [data for uuid, data, _ in here.seen.of("write") if uuid == sync and len(data) > 20]


@lasting(20)
async def test_the_callback_is_synchronous_and_its_time_is_that_of_the_radio() -> None:
    async with room() as here:
        await here.streaming()
        callbacks = [callback for _, callback, _ in here.seen.of("listen")]
        assert not any(inspect.iscoroutinefunction(callback) for callback in callbacks)
        here.packets("wrist")
        before = here.inbox.now()
        await asyncio.sleep(0.5)  # nobody takes anything out meanwhile
        late = [i for i in here.inbox.take() if isinstance(i, Packet) and i.channel == DATA]
        taken = here.inbox.now()
        spread = [p.arrived_ns for p in late]
        assert spread == sorted(spread)
        assert before <= spread[0] < before + 0.2e9
        assert taken - 0.2e9 < spread[-1] <= taken
        assert len(set(spread)) > 5


# --- who is who -----------------------------------------------------------------------------------------------------


@lasting(30)
async def test_a_sensor_with_another_address_is_the_same() -> None:
    async with room(("wrist", "sacrum")) as here:
        await here.streaming()
        await here.world.stage.power("wrist", False)
        here.world.addresses["wrist"] = "E0:00:00:00:77:01"
        await here.world.stage.power("wrist", True)
        await here.until(lambda: here["wrist"].wanted.address == "E0:00:00:00:77:01", 15)
        await here.streaming()
        assert here["wrist"].identity is not None
        assert here["wrist"].identity.serial == serial(here.world, "wrist")
        assert here["sacrum"].counters.attempts == 1, "the others go on"


@lasting(40)
async def test_sensors_that_have_swapped_addresses_are_not_confused() -> None:
    async with room(("wrist", "sacrum"), start=False) as here:
        one, two = here["wrist"].wanted, here["sacrum"].wanted
        one.address, two.address = two.address, one.address
        here.start()
        await here.streaming(seconds=20)
        assert one.address == here.world.addresses["wrist"]
        assert two.address == here.world.addresses["sacrum"]
        strangers = sum(s.counters.strangers for s in here.sensors.values())
        assert 1 <= strangers <= 2
        assert not any(p.sensor != "wrist" for p in here.packets("wrist"))
        for site in ("wrist", "sacrum"):
            address = here.world.addresses[site]
            assert sum(w[0] == OWN.channels[CTRL] for w in here.seen.of("write", address)) == 1, (
                "no stranger was started"
            )


@lasting(30)
async def test_somebody_elses_sensor_is_left_alone() -> None:
    """A sensor that is not there, and a neighbour's of the same kind: asked once who it is, never started."""
    async with room(("wrist", "sacrum"), start=False) as here:
        await here.world.stage.power("wrist", False)
        here.start("wrist")
        await here.until(lambda: here["wrist"].counters.attempts >= 4, 20)
        assert len(here.seen.of("connect", here.world.addresses["sacrum"])) == 1
        assert not here.seen.of("write")
        assert not here.packets("wrist")


@lasting(20)
async def test_an_unknown_sensor_is_known_by_its_identity_from_then_on() -> None:
    async with room(known=False) as here:
        await here.streaming()
        assert here["wrist"].wanted.identity == serial(here.world, "wrist")
        assert here["wrist"].wanted.info.identity == serial(here.world, "wrist")


@lasting(30)
async def test_services_are_read_anew_when_the_firmware_has_changed() -> None:
    """Windows remembers the services of the old firmware."""
    async with room(start=False) as here:
        here["wrist"].wanted.firmware = "0.9 of last year"
        here.start()
        await here.streaming()
        winrt = [kwargs["winrt"] for _, _, kwargs in here.seen.of("new")]
        assert winrt == [{}, {"use_cached_services": False}]
        assert here["wrist"].wanted.firmware == "packetiser"
        await here.world.fault("out_of_range", "wrist", seconds=1.0)
        await here.streaming()
        assert here.seen.of("new")[-1][2]["winrt"] == {}


@lasting(20)
async def test_only_sensors_on_the_list_are_started() -> None:
    wrist = "E0:00:00:00:01:01"
    async with room(("wrist", "sacrum"), known=False, options=Options(allowed=frozenset({wrist.lower()}))) as here:
        assert here.world.addresses["wrist"] == wrist
        await here.streaming("wrist")
        await here.until(lambda: here["sacrum"].counters.attempts >= 2)
        assert "not on the list" in str(here["sacrum"].problem)
        assert not here.seen.of("write", here.world.addresses["sacrum"])


# --- many of them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sensors", "warned"), [(1, False), (3, False), (4, False), (5, True), (8, True)])
def test_more_than_four_sensors_are_warned_of(sensors: int, warned: bool) -> None:
    assert bool(advice(sensors)) == warned


@lasting(20)
async def test_no_scan_while_all_stream() -> None:
    async with room(THREE) as here:
        await here.streaming()
        scans = len(here.seen.of("scan"))
        assert len(here.seen.of("scanned")) == scans
        await asyncio.sleep(2.0)
        assert len(here.seen.of("scan")) == scans


@lasting(30)
async def test_one_that_is_away_does_not_keep_the_others_waiting() -> None:
    """While one is looked for in vain, another comes back: the search ends when it is heard."""
    async with room(("wrist", "sacrum"), policy=replace(FAST, scan=4.0, back_off_most=0.1)) as here:
        await here.streaming()
        await here.world.stage.power("wrist", False)
        await here.until(lambda: here["wrist"].state == "searching")
        began = time.monotonic()
        await here.world.fault("reboot", "sacrum", seconds=0.2)
        await here.until(lambda: here["sacrum"].counters.started == 2, 6)
        assert time.monotonic() - began < 3.0


# --- no radio -------------------------------------------------------------------------------------------------------


def broken(error: BaseException) -> type[BaseBleakScanner]:
    """A scanner of a system whose Bluetooth cannot be used."""

    class Broken(BaseBleakScanner):
        def __init__(self, detection_callback: Any, service_uuids: Any, scanning_mode: Any, **_: Any) -> None:
            super().__init__(detection_callback, service_uuids)

        async def start(self) -> None:
            raise error

        async def stop(self) -> None: ...

    return Broken


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (BleakBluetoothNotAvailableError("x", Reason.NO_BLUETOOTH), "no Bluetooth Low Energy adapter"),
        (BleakBluetoothNotAvailableError("x", Reason.NO_BLE_CENTRAL_ROLE), "no Bluetooth Low Energy adapter"),
        (BleakBluetoothNotAvailableError("x", Reason.POWERED_OFF), "switched off"),
        (BleakBluetoothNotAvailableError("x", Reason.DENIED_BY_USER), "not allowed"),
        (BleakBluetoothNotAvailableError("x", Reason.DENIED_BY_SYSTEM), "not allowed"),
        (BleakBluetoothNotAvailableError("x", Reason.UNKNOWN), "does not say why"),
        (BleakDBusError("org.bluez.Error.NotReady", []), "switched off"),
        (BleakDBusError("org.freedesktop.DBus.Error.AccessDenied", []), "not allowed"),
        (BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", []), "does not answer"),
        (FileNotFoundError(2, "no D-Bus here"), "does not answer"),
        (PermissionError(13, "no"), "not allowed"),
        (OSError(-2147020577, "The device is not ready for use"), "does not say why"),
    ],
)
@lasting(10)
async def test_no_usable_radio_is_one_clear_line(error: Exception, says: str) -> None:
    air = Air(broken(error))
    with pytest.raises(BluetoothUnavailable, match=f"^Bluetooth cannot be used: [^\n]*{says}[^\n]*; [^\n]+$"):
        await air.check()


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32", "haiku"])
@pytest.mark.parametrize("kind", ["no_adapter", "off", "denied", "no_service", "unknown"])
def test_each_system_has_its_own_hint(platform: str, kind: str) -> None:
    said = str(unavailable(kind, platform))
    assert "\n" not in said
    own = {
        "linux": "bluetooth",
        "darwin": "menu bar|Settings|plug",
        "win32": "Settings|services|Device",
        "haiku": "bluetooth",
    }
    assert any(word in said.partition(";")[2] for word in own[platform].split("|"))


@lasting(30)
async def test_a_radio_that_comes_back_is_used_again() -> None:
    async with room(("wrist", "sacrum")) as here:
        await here.streaming()
        fault = asyncio.create_task(here.world.fault("adapter_death", seconds=1.5))
        await here.until(lambda: isinstance(here["wrist"].problem, BluetoothUnavailable), 5)
        assert "no Bluetooth Low Energy adapter" in str(here["wrist"].problem)
        await fault
        await here.streaming()
        assert [link.kind for link in here.links("wrist")] == ["up", "down", "up"]


@lasting(20)
async def test_whatever_bleak_raises_a_search_goes_on() -> None:
    """It lets assertions, key errors and errors of the system through."""
    errors: list[Exception] = [
        AssertionError(),
        KeyError("x"),
        RuntimeError("\x1b[31m"),
        BleakError(""),
        OSError(5, "?"),
    ]
    async with room(start=False, policy=replace(FAST, many_attempts=4, back_off_most=0.05)) as here:
        client = here.air.client
        assert client is not None
        connect = client.connect
        told = []

        async def stumbling(self: Any, pair: bool, **kwargs: Any) -> None:
            if errors:
                raise errors.pop()
            await connect(self, pair, **kwargs)

        client.connect = stumbling  # type: ignore[method-assign,assignment]
        here.start()

        def noted() -> bool:
            told.append(here["wrist"].problem)
            return here["wrist"].state == "streaming"

        await here.until(noted)
        kinds = {type(problem) for problem in told if problem is not None}
        assert kinds <= {Interrupted, ConnectionLost}
        assert ConnectionLost in kinds, "after many attempts the person is told to look after it"
        assert all(str(problem).isprintable() for problem in told)
        assert here["wrist"].problem is None


@lasting(20)
async def test_a_visit_asks_and_leaves() -> None:
    async with room(start=False) as here:
        found = await here.air.scan(2.0, {"own": OWN}, until=lambda heard: len(heard) > 0)
        identity = await visit(here.air, found[0], OWN, OWN.identity(found[0].name, found[0].address))
        assert identity.serial == serial(here.world, "wrist")
        assert await visit(here.air, found[0], OWN, OWN.identify(2))
        assert here.world.stage.sensors["wrist"][1].core.led
        assert len(here.seen.of("disconnect")) == 2
        await here.world.stage.power("wrist", False)
        with pytest.raises(ImuCoachError):
            await visit(here.air, found[0], OWN, OWN.identify(2))
        assert len(here.seen.of("disconnect")) == 3
        assert not here.air.lock.locked()
