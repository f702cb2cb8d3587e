"""The virtual air behaves as air does: time, loss, range, and hosts that die, seen through the real bleak."""

from __future__ import annotations

import asyncio

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakError
from bumble import core, hci
from virtual_host import INFO, SERVICE, Host, run

from imu_coach.virtual.adapter import Adapter
from imu_coach.virtual.air import LinkProfile
from imu_coach.virtual.world import Here, World

FAST = LinkProfile(interval=0.0, supervision=0.4)
NOBODY = "E0:00:00:00:FF:FF"


def here(world: World) -> Here:
    assert isinstance(world.stage, Here)
    return world.stage


@pytest.mark.parametrize(("interval", "slowest", "fastest"), [(0.0, 0.03, 0.0), (0.05, 0.2, 0.05)])
def test_an_answer_takes_connection_events(interval: float, slowest: float, fastest: float) -> None:
    async def work() -> float:
        async with World(("wrist",), profile=LinkProfile(interval=interval)) as world:
            host = await Host(world, "wrist").connect(10.0)
            start = host.now()
            for _ in range(5):
                await host.client.read_gatt_char(INFO)
            return (host.now() - start) / 5

    assert fastest <= run(work()) <= slowest


def test_what_is_not_acknowledged_is_sent_again() -> None:
    async def work() -> tuple[Host, int]:
        async with World(("wrist",), profile=LinkProfile(interval=0.0075, loss=0.4), seed=5) as world:
            host = await Host(world, "wrist").connect(10.0)
            await host.start()
            await host.packets(40)
            return host, here(world).air.stats["again"]

    host, again = run(work())
    assert again > 20
    assert host.missing == 0
    assert host.data[0][1] == 0


def test_silence_ends_a_connection_after_the_supervision_timeout() -> None:
    async def work() -> tuple[float, bool, str]:
        async with World(("wrist",), profile=FAST) as world:
            host = await Host(world, "wrist").connect()
            start = host.now()
            await here(world).range("wrist", False)
            reading = asyncio.ensure_future(host.client.read_gatt_char(INFO))
            await asyncio.wait_for(host.gone.wait(), 2.0)
            after = host.now() - start
            with pytest.raises(BleakError) as ended:
                await reading
            return after, host.client.is_connected, str(ended.value)

    after, connected, _ = run(work())
    assert 0.35 < after < 0.6
    assert not connected


def test_a_short_absence_loses_nothing_and_no_connection() -> None:
    async def work() -> Host:
        async with World(("wrist",), profile=FAST) as world:
            host = await Host(world, "wrist").connect()
            await host.start()
            for _ in range(3):  # each shorter than the timeout, together longer
                await world.fault("out_of_range", "wrist", seconds=0.25)
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.3)
            assert not host.gone.is_set()
            return host

    host = run(work())
    assert host.missing == 0
    gaps = [after[6] - before[6] for before, after in zip(host.data, host.data[1:], strict=False)]
    assert max(gaps) > 0.2


def test_an_attempt_that_nobody_answers_ends_in_time_and_another_works() -> None:
    async def work() -> tuple[float, bool]:
        async with World(("wrist",), profile=FAST) as world:
            _, backend = world.backends()
            start = asyncio.get_running_loop().time()
            with pytest.raises(TimeoutError):
                await BleakClient(NOBODY, backend=backend, timeout=0.5).connect()
            waited = asyncio.get_running_loop().time() - start
            host = await Host(world, "wrist").connect()
            return waited, host.client.is_connected

    waited, connected = run(work())
    assert 0.45 < waited < 1.0
    assert connected


def test_the_controller_completes_what_is_cancelled() -> None:
    async def work() -> None:
        async with World(("wrist",), profile=FAST) as world:
            device = await here(world).adapter.ready()
            with pytest.raises(core.TimeoutError):
                await asyncio.wait_for(device.connect(hci.Address(NOBODY), timeout=0.3), 2.0)
            assert not device.is_le_connecting

    run(work())


def test_an_attempt_can_be_cancelled() -> None:
    async def work() -> bool:
        async with World(("wrist",), profile=FAST) as world:
            _, backend = world.backends()
            attempt = asyncio.ensure_future(BleakClient(NOBODY, backend=backend, timeout=5.0).connect())
            await asyncio.sleep(0.1)
            attempt.cancel()
            with pytest.raises(asyncio.CancelledError):
                await attempt
            return (await Host(world, "wrist").connect()).client.is_connected

    assert run(work())


def test_a_sensor_that_goes_while_it_is_called_is_not_waited_for_without_end() -> None:
    async def work() -> None:
        async with World(("wrist",), profile=FAST) as world:
            scanner, backend = world.backends()
            device = await BleakScanner.find_device_by_address(world.addresses["wrist"], 2.0, backend=scanner)
            assert device is not None
            attempt = asyncio.ensure_future(BleakClient(device, backend=backend, timeout=5.0).connect())
            radio, _ = here(world).sensors["wrist"]
            while not radio.le_connections and not here(world).adapter.radio.le_connections:  # type: ignore[union-attr]
                await asyncio.sleep(0)
            await here(world).power("wrist", False)
            start = asyncio.get_running_loop().time()
            with pytest.raises(BleakError):
                await attempt
            assert asyncio.get_running_loop().time() - start < 2.0, "long before the program's own patience ends"

    run(work())


def test_a_connection_is_refused_a_second_program_and_free_after_the_first_has_died() -> None:
    async def work() -> None:
        async with World(("wrist",), profile=FAST) as world:
            await Host(world, "wrist").connect()
            async with Adapter(here(world).air, address="F0:F0:F0:00:00:02") as other:
                scanner, _ = other.backends()
                assert not await BleakScanner.discover(0.4, backend=scanner), "a connected sensor does not advertise"
                here(world).adapter.close()
                found = await BleakScanner.find_device_by_address(world.addresses["wrist"], 3.0, backend=scanner)
                assert found is not None

    run(work())


def test_advertisements_carry_what_the_protocol_says() -> None:
    async def work() -> None:
        async with World(("wrist", "sacrum"), profile=FAST) as world:
            scanner, _ = world.backends()
            async with BleakScanner(backend=scanner, service_uuids=[SERVICE]) as scanning:
                await asyncio.sleep(1.0)
                heard = scanning.discovered_devices_and_advertisement_data
            assert set(heard) == set(world.addresses.values())
            for site, address in world.addresses.items():
                device, advertisement = heard[address]
                assert advertisement.service_uuids == [SERVICE]
                assert device.name == world.parts[site].name == f"imu-{world.parts[site].serial & 0xFFFF:04X}"
                assert -85 <= advertisement.rssi <= -40
            nothing = await BleakScanner.discover(
                0.4, backend=scanner, service_uuids=["0000ffe5-0000-1000-8000-00805f9a34fb"]
            )
            assert not nothing

    run(work())


def test_an_adapter_that_dies_tells_everybody_and_comes_back() -> None:
    async def work() -> None:
        async with World(("wrist",), profile=FAST) as world:
            host = await Host(world, "wrist").connect()
            scanner, _ = world.backends()
            await here(world).plug(False)
            await asyncio.wait_for(host.gone.wait(), 0.5)
            with pytest.raises(BleakError):
                await host.client.read_gatt_char(INFO)
            with pytest.raises(BleakBluetoothNotAvailableError):
                await BleakScanner.discover(0.1, backend=scanner)
            await here(world).plug(True)
            assert (await Host(world, "wrist").connect()).client.is_connected

    run(work())


def test_a_sensor_that_is_back_before_it_was_missed_keeps_its_new_connection() -> None:
    async def work() -> tuple[int, int, bool]:
        async with World(("wrist",), profile=FAST) as world:
            before = await Host(world, "wrist").connect()
            await world.fault("battery_pull", "wrist", seconds=0.05)
            await before.client.disconnect()
            host = await Host(world, "wrist").connect()
            await asyncio.sleep(1.5 * FAST.supervision)  # what was left of the connection before has ended
            information = await asyncio.wait_for(host.client.read_gatt_char(INFO), 1.0)
            return len(information), len(here(world).air.wires), host.gone.is_set()

    assert run(work()) == (20, 1, False)


def test_a_sensor_that_is_back_before_it_was_missed_is_free_when_the_adapter_dies() -> None:
    async def work() -> None:
        async with World(("wrist",), profile=FAST) as world:
            before = await Host(world, "wrist").connect()
            await world.fault("battery_pull", "wrist", seconds=0.05)
            await before.client.disconnect()
            await Host(world, "wrist").connect()
            await asyncio.sleep(1.5 * FAST.supervision)
            await world.fault("adapter_death", seconds=0.05)
            assert (await Host(world, "wrist").connect(3.0)).client.is_connected

    run(work())


@pytest.mark.parametrize("turns", range(6))
def test_an_adapter_that_dies_while_it_calls_leaves_the_sensor_free(turns: int) -> None:
    async def work() -> bool:
        async with World(("wrist",), profile=FAST) as world:
            _, backend = world.backends()
            attempt = asyncio.ensure_future(
                BleakClient(world.addresses["wrist"], backend=backend, timeout=5.0).connect()
            )
            while not here(world).adapter.radio.le_connections:  # type: ignore[union-attr]
                await asyncio.sleep(0)
            for _ in range(turns):
                await asyncio.sleep(0)
            await here(world).plug(False)
            with pytest.raises(BleakError):
                await attempt
            await here(world).plug(True)
            return (await Host(world, "wrist").connect(3.0)).client.is_connected

    assert run(work())


def test_a_farewell_that_is_not_heard_leaves_the_other_end_to_its_timeout() -> None:
    async def work() -> tuple[float, bool]:
        async with World(("wrist",), profile=FAST) as world:
            host = await Host(world, "wrist").connect()
            radio, _ = here(world).sensors["wrist"]
            await here(world).range("wrist", False)
            start = host.now()
            await host.client.disconnect()
            await here(world).range("wrist", True)
            while radio.le_connections:
                await asyncio.sleep(0.01)
            after = host.now() - start
            return after, (await Host(world, "wrist").connect()).client.is_connected

    after, connected = run(work())
    assert 0.35 < after < 0.6
    assert connected


def test_an_end_that_goes_without_a_farewell_is_missed_by_the_other() -> None:
    async def work() -> float:
        async with World(("wrist",), profile=FAST) as world:
            host = await Host(world, "wrist").connect()
            stage = here(world)
            assert stage.adapter.radio is not None
            (connection,) = stage.adapter.radio.le_connections.values()
            start = host.now()
            stage.adapter.radio.ended(connection, hci.HCI_ErrorCode.HARDWARE_FAILURE_ERROR)
            while stage.sensors["wrist"][0].le_connections:
                await asyncio.sleep(0.01)
            return host.now() - start

    assert 0.35 < run(work(), 5.0) < 0.6


def test_nothing_is_left_on_the_air() -> None:
    async def work() -> tuple[int, int]:
        async with World(("wrist", "sacrum"), profile=FAST) as world:
            air = here(world).air
            for site in world.sites:
                await (await Host(world, site).connect()).start()
            for _ in range(3):
                await world.fault("battery_pull", "wrist", seconds=0.5)
        await asyncio.sleep(0.6)
        return len(air.controllers), len(air.wires)

    assert run(work()) == (0, 0)
