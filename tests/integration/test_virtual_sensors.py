"""Virtual sensors do what docs/protocol.md says, feel what the simulated person does, and keep their own time."""

from __future__ import annotations

import asyncio
import struct

import numpy as np
import pytest
from bleak.exc import BleakGATTProtocolError
from virtual_host import CTRL, INFO, SYNC, Host, run

from imu_coach.virtual.air import LinkProfile
from imu_coach.virtual.firmware import Firmware, FirmwareMissing, load
from imu_coach.virtual.motion import STILL, Motion
from imu_coach.virtual.packetiser import Packetiser
from imu_coach.virtual.part import Clock, Part
from imu_coach.virtual.person import exercising
from imu_coach.virtual.session import QUIET, Session
from imu_coach.virtual.world import Here, World

FAST = LinkProfile(interval=0.0, supervision=0.4)


@pytest.fixture(params=["Packetiser", "Firmware"])
def core(request: pytest.FixtureRequest) -> type[Packetiser] | type[Firmware]:
    """Both cores; the C one where there is a compiler."""
    if request.param == "Packetiser":
        return Packetiser
    try:
        load()
    except FirmwareMissing as missing:
        pytest.skip(str(missing))
    return Firmware


def test_it_says_what_it_is(core: type[Packetiser] | type[Firmware]) -> None:
    async def work() -> None:
        async with World(("wrist",), profile=FAST, core=core) as world:
            host, part = await Host(world, "wrist").connect(), world.parts["wrist"]
            info = struct.unpack("<BBHHHIQ", await host.client.read_gatt_char(INFO))
            assert info[0] == 1
            assert info[-1] == part.serial
            assert bytes(await host.client.read_gatt_char("2a25")).decode() == f"{part.serial:016x}"
            assert bytes(await host.client.read_gatt_char("2a19")) == bytes([round(100 * part.battery)])
            assert host.client.mtu_size == 247

    run(work())


def test_nothing_is_sent_before_it_is_asked_for(core: type[Packetiser] | type[Firmware]) -> None:
    async def work() -> None:
        async with World(("wrist",), profile=FAST, core=core) as world:
            host = await Host(world, "wrist").connect()
            await asyncio.sleep(0.2)
            assert not host.data
            assert await host.start(104, 4) == b"\x80\x01\x00\x04"
            await host.packets(20)
            assert host.missing == 0
            assert [n for _, _, n, *_ in host.data] == [4] * len(host.data)
            assert (await host.ask(b"\x02"))[2] == 0
            count = len(host.data)
            await asyncio.sleep(0.2)
            assert len(host.data) <= count + 1
            assert (await host.ask(b"\x03"))[:3] == b"\x80\x03\x00"

    run(work())


def test_a_request_without_a_subscription_is_not_accepted() -> None:
    async def work() -> int:
        async with World(("wrist",), profile=FAST) as world:
            host = await Host(world, "wrist").connect()
            await host.client.stop_notify(CTRL)
            with pytest.raises(BleakGATTProtocolError) as refused:
                await host.client.write_gatt_char(CTRL, b"\x02", response=True)
            return refused.value.code

    assert run(work()) == 0xFD


def test_an_absence_is_caught_up(core: type[Packetiser] | type[Firmware]) -> None:
    async def work() -> tuple[Host, Host]:
        async with World(("wrist",), profile=FAST, core=core) as world:
            before = await Host(world, "wrist").connect()
            await before.start()
            await before.packets(5)
            await world.fault("out_of_range", "wrist", seconds=1.2)
            assert before.gone.is_set()
            after = await Host(world, "wrist").connect()
            reply = await after.resume(before.next)
            assert reply[2] == 0
            assert struct.unpack_from("<H", reply, 3)[0] == before.next
            await after.packets(45)
            return before, after

    before, after = run(work())
    assert after.data[0][1] == before.next
    assert after.missing == 0
    kinds = [kind for kind, *_ in after.data]
    assert kinds == sorted(kinds, reverse=True), "stored first, then live"
    assert kinds.count(0x12) > 10
    stored = [arrived for kind, *_, arrived in after.data if kind == 0x12]
    assert stored[-1] - stored[0] < 0.4, "faster than real time"


def test_a_slow_link_drops_the_oldest_and_counts_them(core: type[Packetiser] | type[Firmware]) -> None:
    async def work() -> tuple[int, int]:
        async with World(("wrist",), profile=LinkProfile(interval=0.0075, supervision=1.0), core=core) as world:
            host = await Host(world, "wrist").connect()
            await host.start(208, 4)
            await host.packets(5)
            await world.fault("slow_link", "wrist", seconds=3.0, value=0.3)
            await asyncio.sleep(0.5)
            dropped = struct.unpack_from("<I", await host.ask(b"\x03"), 3)[0]
            return host.missing, dropped

    missing, dropped = run(work())
    assert missing == dropped > 50


def test_a_reboot_begins_anew() -> None:
    async def work() -> None:
        async with World(("wrist",), profile=FAST) as world:
            before = await Host(world, "wrist").connect()
            await before.start()
            await before.packets(5)
            await world.fault("reboot", "wrist", seconds=0.5)
            await asyncio.wait_for(before.gone.wait(), 2.0)
            after = await Host(world, "wrist").connect()
            assert (await after.resume(before.next)) == b"\x80\x06\x03"
            await after.start()
            await after.packets(2)
            assert after.data[0][1] == 0
            assert after.data[0][3] < 10_000_000 < before.data[0][3]

    run(work())


# --- time -----------------------------------------------------------------------------------------------------------


def test_a_clock_runs_at_its_own_rate_and_can_change_it() -> None:
    now = [100.0]
    clock = Clock(50.0, 7_000_000, lambda: now[0])
    assert clock.us() == 7_000_000
    now[0] = 1100.0
    assert clock.us() == 7_000_000 + 1000 * 1_000_050
    clock.skew(-50.0)
    assert clock.us() == 7_000_000 + 1000 * 1_000_050
    assert clock.us(1200.0) - clock.us() == 100 * 999_950
    assert clock.when(clock.us(1150.0)) == pytest.approx(1150.0, abs=1e-6)
    ppm, us, since = clock.set
    assert Clock(ppm, us, lambda: now[0], since).us(1150.0) == clock.us(1150.0)


def test_clock_answers_are_dithered_and_tell_the_sensors_time() -> None:
    async def work() -> list[tuple[int, int, float]]:
        out = []
        async with World(("wrist",), profile=FAST) as world:
            host, clock = await Host(world, "wrist").connect(), world.clock("wrist")
            for token in range(30):
                request, sent = struct.pack("<BBI", 1, 0, token), host.now()
                await host.client.write_gatt_char(SYNC, request, response=False)
                reply, got = await asyncio.wait_for(host.synced.get(), 1.0)
                assert reply[:6] == struct.pack("<BBI", 0x81, 0, token)
                received, replied = struct.unpack_from("<QQ", reply, 6)
                assert clock.us(sent) <= received <= replied <= clock.us(got)
                out.append((received, replied, got - sent))
        return out

    waits = [replied - received for received, replied, _ in run(work())]
    assert min(waits) < 20_000
    assert 35_000 < max(waits) < 75_000


def test_the_skew_of_a_crystal_shows_in_its_time_stamps() -> None:
    async def work() -> float:
        async with World(("wrist",), profile=FAST) as world:
            clock, now = world.clock("wrist"), asyncio.get_running_loop().time
            await world.fault("clock_skew", "wrist", value=20_000 / 4)
            start, us = now(), clock.us()
            await asyncio.sleep(0.5)
            return (clock.us() - us) / (now() - start) - 1e6 - world.parts["wrist"].ppm

    assert run(work()) == pytest.approx(5000.0, abs=50.0)


def test_the_session_begins_with_the_first_stream_and_again_after_quiet() -> None:
    now = [5.0]
    session = Session(lambda: now[0])
    assert session.epoch is None
    assert session.begin("a") == 5.0
    now[0] = 8.0
    assert session.begin("b") == 5.0, "the second sensor joins"
    session.busy("a", False)
    now[0] = 100.0
    assert session.begin("a") == 5.0, "a reboot while the other streams"
    session.busy("a", False)
    session.busy("b", False)
    now[0] += QUIET / 2
    assert session.begin("a") == 5.0
    session.busy("a", False)
    now[0] += QUIET + 0.1
    assert session.begin("b") == now[0]


# --- the person -----------------------------------------------------------------------------------------------------


def test_motion_is_what_the_sensor_feels_whatever_its_rhythm() -> None:
    t = np.arange(0, 40.0, 0.01)
    middle = t - 0.005  # a value is the mean over the interval that ends at t
    values = np.column_stack([9.81 + np.sin(middle), t * 0, t * 0, 0.5 * np.sin(3 * middle), t * 0 + 0.1, t * 0])
    motion = Motion(values, 0.0)
    whole = np.array(motion.counts(10.0, 1 / 104, 2000))
    pieces = np.concatenate([motion.counts(10.0 + k * 5 / 104, 1 / 104, 5) for k in range(400)])
    assert abs(whole - pieces).max() <= 1
    at = 10.0 + np.arange(2000) / 104
    expected = (9.81 + np.sin(at - 0.5 / 104)) / (16 * 9.81) * 32768
    assert abs(whole[:, 0] - expected).max() < 2
    turned = np.cumsum(whole[:, 3]) / 104 * np.deg2rad(2000) / 32768
    expected_turn = (np.cos(3 * (10.0 - 1 / 104)) - np.cos(3 * at)) / 6
    assert abs(turned - expected_turn).max() < 0.0005, "turning adds up to the angle"


def test_before_and_after_the_session_everything_rests() -> None:
    motion = exercising("row_low_dumbbell", ("upper_back", "upper_arm"), seed=3, sets=1, reps=3).motions["upper_back"]
    for first in (-1e6, -3.0, motion.seconds + 5.0, 1e6):
        counts = np.array(motion.counts(first, 0.01, 200))
        acc = np.linalg.norm(counts[:, :3], axis=1) / 32768 * 16
        assert abs(acc - 1.0).max() < 0.1
        assert abs(counts[:, 3:]).max() / 32768 * 2000 < 15.0
    assert np.array(STILL.counts(0.0, 0.01, 3)).tolist() == [[2048, 0, 0, 0, 0, 0]] * 3


def test_the_same_arguments_give_the_same_person_and_parts() -> None:
    one, two = (exercising("row_low_dumbbell", ("upper_back", "upper_arm"), seed=4, sets=1, reps=3) for _ in range(2))
    assert (one.motions["upper_back"].values == two.motions["upper_back"].values).all()
    assert one.commands == two.commands
    assert [c.name for c in one.commands].count("exercise") == 1
    assert Part.draw("wrist", 1) == Part.draw("wrist", 1) != Part.draw("wrist", 2)


def test_all_sensors_feel_the_same_person_at_the_same_time() -> None:
    sites = ("upper_back", "sacrum")

    async def work() -> None:
        async with World(sites, "row_low_dumbbell", profile=FAST, seed=7) as world:
            hosts = [await Host(world, site).connect() for site in sites]
            for host in hosts:
                await host.start(100, 5)
            await asyncio.sleep(1.5)
            epoch = await world.began()
            assert epoch is not None
            for host in hosts:
                clock, rate = world.clock(host.site), 100.0 * (1.0 + world.parts[host.site].rate_error)
                turns = clock.us() >> 32
                for *_, t_first, period, payload, _arrived in host.data[3:]:
                    assert period == pytest.approx(1e6 / rate, abs=2)
                    felt = np.frombuffer(payload, "<i2", offset=10).reshape(-1, 6)
                    when = clock.when((turns << 32) + t_first) - epoch
                    expected = np.array(world.motion(host.site).counts(when, 1.0 / rate, len(felt)))
                    assert abs(felt - expected).max() <= 2

    run(work())


def test_an_unknown_exercise_is_said_so() -> None:
    with pytest.raises(Exception, match="nobody here knows 'juggling'"):
        World(("wrist",), "juggling")


def test_writing_nonsense_harms_nobody() -> None:
    async def work() -> None:
        async with World(("wrist",), profile=FAST) as world:
            host = await Host(world, "wrist").connect()
            for nonsense in (b"", b"\x00", b"\x01", b"\xff" * 200, b"\x01\x68\x00\x00", b"\x06\x00"):
                assert (await host.ask(nonsense))[2] != 0
            await host.client.write_gatt_char(SYNC, b"\x07" * 30, response=False)
            assert (await host.start())[2] == 0
            await host.packets(3)

    run(work())


def test_here_is_the_default_stage() -> None:
    async def work() -> bool:
        async with World(("wrist",)) as world:
            return isinstance(world.stage, Here)

    assert run(work())
