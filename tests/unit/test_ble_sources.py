"""What the radio's side does without a radio: bounds on what comes from the air, names, order, errors in own words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakCharacteristicNotFoundError, BleakDBusError, BleakError, BleakGATTProtocolError
from hypothesis import given
from hypothesis import strategies as st

from imu_coach.drivers import PROFILES
from imu_coach.drivers.base import Refused
from imu_coach.errors import BluetoothUnavailable, ImuCoachError
from imu_coach.sources import Air, Inbox, Interrupted, Limits, Options, Wanted
from imu_coach.sources.air import NOBODY, Directory, keep, recognised
from imu_coach.sources.policy import DEVICES, KNOWN, LIMITS
from imu_coach.sources.problems import plain, translated
from imu_coach.types import Link, Packet, SensorInfo, Tick

OWN = PROFILES["own"]
SECOND = 1_000_000_000


class Hand:
    """A clock turned by hand."""

    def __init__(self) -> None:
        self.ns = 77 * SECOND

    def __call__(self) -> int:
        return self.ns


def feed(inbox: Inbox, clock: Hand, *, packets: float, size: int, seconds: float, site: str = "wrist") -> int:
    """Offer a steady stream; how many were let in.  Somebody empties the inbox ten times a second."""
    let_in = 0
    for k in range(int(packets * seconds)):
        clock.ns += int(SECOND / packets)
        if inbox.admit(site, size, inbox.now()):
            inbox.packet(site, 2, bytes(size), inbox.now())
            let_in += 1
        if k % max(1, int(packets / 10)) == 0:
            inbox.take()
    return let_in


# --- the inbox ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("packets", "size"), [(25, 58), (208, 22), (26, 106), (300, 244)])
def test_every_honest_sensor_is_let_in(packets: float, size: int) -> None:
    clock = Hand()
    inbox = Inbox(clock)
    assert feed(inbox, clock, packets=packets, size=size, seconds=120) == int(packets * 120)
    assert inbox.dropped("wrist") == 0
    assert not inbox.floods("wrist")


def test_twenty_seconds_of_stored_samples_are_let_in_at_once() -> None:
    """208 Hz, four samples a packet: 1040 packets as fast as a radio can, twice in a minute."""
    clock = Hand()
    inbox = Inbox(clock)
    for _ in range(2):
        assert feed(inbox, clock, packets=700, size=58, seconds=1.5) == 1050
        assert feed(inbox, clock, packets=52, size=58, seconds=30) == 1560
    assert inbox.dropped("wrist") == 0


@pytest.mark.parametrize(("packets", "size", "most"), [(2000, 20, 400), (390, 512, 96e3 / 512)])
def test_a_flood_is_cut_to_what_a_sensor_may_send(packets: float, size: int, most: float) -> None:
    clock = Hand()
    inbox = Inbox(clock)
    let_in = feed(inbox, clock, packets=packets, size=size, seconds=30)
    assert let_in <= 2000 + most * 30 + 1
    assert inbox.dropped("wrist") == int(packets * 30) - let_in
    assert inbox.floods("wrist")
    assert feed(inbox, clock, packets=25, size=58, seconds=10, site="sacrum") == 250, "the others are not concerned"
    assert not inbox.floods("sacrum")
    clock.ns += 3 * SECOND
    assert not inbox.floods("wrist"), "over when it is over"


def test_a_moment_of_too_much_is_not_a_flood() -> None:
    clock = Hand()
    inbox = Inbox(clock)
    feed(inbox, clock, packets=5000, size=20, seconds=0.8)
    assert inbox.dropped("wrist") > 0
    assert not inbox.floods("wrist")


@given(st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 700)), max_size=300))
def test_no_stream_gets_more_than_its_share(offers: list[tuple[int, int]]) -> None:
    clock = Hand()
    limits = Limits(packets=10, burst_packets=5, data=1000, burst_data=900)
    inbox = Inbox(clock, limits)
    taken = []
    for wait, size in offers:
        clock.ns += wait
        if inbox.admit("x", size, inbox.now()):
            taken.append((clock.ns, size))
    for i, (begin, _) in enumerate(taken):
        for j in range(i, len(taken)):
            seconds = (taken[j][0] - begin) * 1e-9
            assert j - i + 1 <= 5 + 10 * seconds + 1
            assert sum(size for _, size in taken[i : j + 1]) <= 900 + 1000 * seconds + 512
    assert all(size <= limits.payload for _, size in taken)


def test_memory_is_bounded_when_nobody_takes_anything_out() -> None:
    clock = Hand()
    inbox = Inbox(clock)
    for _ in range(100_000):
        clock.ns += SECOND // 100
        if inbox.admit("wrist", 58, inbox.now()):
            inbox.packet("wrist", 2, bytes(58), inbox.now())
    assert len(inbox.items) == LIMITS.waiting
    inbox.take()
    assert inbox.admit("wrist", 58, inbox.now())


@pytest.mark.parametrize("size", [513, 10_000])
def test_no_payload_is_longer_than_the_protocol_allows(size: int) -> None:
    inbox = Inbox()
    assert not inbox.admit("wrist", size, inbox.now())
    assert inbox.admit("wrist", 512, inbox.now())


def test_inputs_are_in_order_and_waited_for() -> None:
    async def run() -> None:
        clock = Hand()
        inbox = Inbox(clock)
        waiting = asyncio.create_task(inbox.get())
        await asyncio.sleep(0)
        assert not waiting.done()
        clock.ns += 5
        inbox.link("wrist", "up", 0.0)
        inbox.packet("wrist", 2, b"x", 6)
        clock.ns += 2
        inbox.tick()
        assert await waiting == [Link("wrist", 5, "up", 0.0), Packet("wrist", 6, 2, b"x"), Tick(7)]
        assert inbox.take() == []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await inbox.get()

    asyncio.run(run())


# --- names and devices ----------------------------------------------------------------------------------------------

NASTY = (
    "imu-\x00\x07\x1b[31mX",
    "imu-\u202eevil\u202c",
    "imu-" + "A" * 10_000,
    "imu-\n\r\t\x85\u2028",
    "imu-\ud800",
    "imu-\u200b\u200f\ufeff",
    "\x1b]0;owned\x07",
    "",
)


@pytest.mark.parametrize("name", NASTY)
def test_a_name_from_the_air_is_short_and_cannot_steer_a_terminal(name: str) -> None:
    device = BLEDevice("AA:BB:CC:DD:EE:FF", name, None)
    found = recognised(device, advertisement(name, [OWN.services[0]]), [OWN])
    assert found is not None
    assert len(found.name) <= 40
    assert found.name.isprintable()
    found.name.encode()
    assert not any("\u202a" <= c <= "\u202e" or c < " " for c in found.name)


@given(st.text())
def test_any_text_becomes_plain(text: str) -> None:
    said = plain(text, 40)
    assert said.isprintable()
    assert len(said) <= 40
    assert plain(said, 40) == said


def advertisement(name: str | None, services: list[str], rssi: Any = -60) -> AdvertisementData:
    """What bleak reports."""
    return AdvertisementData(name, {}, {}, services, None, rssi, ())


def heard(k: int, rssi: int = -60, name: str | None = None) -> Any:
    """A sensor of the project's own kind."""
    device = BLEDevice(f"AA:BB:CC:DD:{k // 256:02X}:{k % 256:02X}", name, None)
    found = recognised(device, advertisement(name, [OWN.services[0].upper()], rssi), [OWN])
    assert found is not None
    return found


@pytest.mark.parametrize(("rssi", "kept"), [(-60, -60), (127, -127), (None, -127), (-(10**9), -127), ("x", -127)])
def test_a_signal_strength_that_cannot_be_is_unknown(rssi: Any, kept: int) -> None:
    assert heard(1, rssi).rssi == kept


def test_strangers_in_the_air_are_ignored() -> None:
    device = BLEDevice("AA", "Kettle", None)
    assert recognised(device, advertisement("Kettle", ["0000180f-0000-1000-8000-00805f9b34fb"] * 10_000), [OWN]) is None


def test_a_thousand_devices_leave_the_nearest() -> None:
    table: dict[str, Any] = {}
    for k in range(1000):
        keep(table, heard(k, -30 - k % 90))
    assert len(table) == DEVICES
    assert max(-30 - k % 90 for k in range(1000)) == -30
    assert min(found.rssi for found in table.values()) >= -36


def test_the_one_that_is_wanted_is_found_in_any_crowd() -> None:
    table: dict[str, Any] = {}
    for k in range(100):
        keep(table, heard(k, -30))
    far = heard(5000, -95)
    assert not keep(table, far)
    assert keep(table, far, wanted=True)
    assert far.address in table
    assert len(table) == DEVICES


def test_a_name_once_heard_stays() -> None:
    """It comes in the scan response, and not every advertisement has one."""
    table: dict[str, Any] = {}
    keep(table, heard(1, name="imu-1234"))
    keep(table, heard(1, rssi=-50))
    assert [(f.name, f.rssi) for f in table.values()] == [("imu-1234", -50)]


# --- who is who -----------------------------------------------------------------------------------------------------


def test_addresses_that_were_asked_are_remembered_within_bounds() -> None:
    book = Directory()
    for k in range(10 * KNOWN):
        book.learn(f"address {k}", f"identity {k}", 100.0)
    assert len(book.owner) == len(book.until) == KNOWN
    newest = 10 * KNOWN - 1
    assert book.address(f"identity {newest}") == f"address {newest}"
    assert book.stranger(f"address {newest}", "mine", 99.0)
    assert not book.stranger(f"address {newest}", "mine", 101.0), "asked again after a while"
    assert not book.stranger("nowhere", "mine", 0.0)
    assert book.address("") == ""


def test_whom_to_ask_first() -> None:
    async def run() -> None:
        air = Air()
        wanted = Wanted("wrist", SensorInfo("wrist"), heard(1).address, "00000000000012ab")
        here, named, other = heard(1), heard(2, name="imu-12AB"), heard(3, name="imu-9999")
        assert [air.rank(f, wanted) for f in (here, named, other)] == [0, 1, 2]
        air.directory.learn(here.address, "somebody else", air.now() + 10)
        air.directory.learn(other.address, wanted.identity, air.now() + 10)
        assert [air.rank(f, wanted) for f in (here, named, other)] == [NOBODY, 1, 0]
        unknown = Wanted("wrist", SensorInfo("wrist"), heard(9).address, "")
        assert [air.rank(f, unknown) for f in (heard(9), named)] == [0, NOBODY], "nobody else is ever guessed"

    asyncio.run(run())


def test_the_list_of_those_allowed() -> None:
    async def run() -> None:
        wanted = Wanted("wrist", SensorInfo("wrist"), heard(1).address, "00ab")
        for allowed, rank in (
            (None, 0),
            ({"00AB"}, 0),
            ({heard(1).address.lower()}, 0),
            ({"77"}, NOBODY),
            (set(), NOBODY),
        ):
            air = Air(options=Options(allowed=None if allowed is None else frozenset(allowed)))
            assert air.rank(heard(1), wanted) == rank

    asyncio.run(run())


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BleakGATTProtocolError(0x0E), Refused),
        (BleakCharacteristicNotFoundError("2a19"), Refused),
        (BleakDBusError("org.bluez.Error.InProgress", ["busy"]), Interrupted),
        (BleakDBusError("org.bluez.Error.Failed", []), Interrupted),
        (BleakDBusError("org.bluez.Error.NotReady", []), BluetoothUnavailable),
        (BleakError("Client is already connected"), Interrupted),
        (TimeoutError(), Interrupted),
        (EOFError(), BluetoothUnavailable),
        (AssertionError(), Interrupted),
        (ValueError("\x1b[2J" + "x" * 10_000), Interrupted),
    ],
)
def test_everything_bleak_raises_has_a_name_here(error: Exception, kind: type[ImuCoachError]) -> None:
    found = translated(error, "reading")
    assert type(found) is kind
    assert len(str(found)) < 250
    assert str(found).isprintable()


def test_the_code_of_a_refusal_is_kept() -> None:
    found = translated(BleakGATTProtocolError(0x13), "writing")
    assert isinstance(found, Refused)
    assert found.code == 0x13


def test_own_errors_pass() -> None:
    error = Interrupted("x")
    assert translated(error, "reading") is error
