"""A sensor that comes and goes: what it sent while away comes after it, and everything that happened is on record."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from ble_room import DATA, FAST, INSTANT, OWN, SYNC, lasting, room
from test_ble_pitfalls import numbers

from imu_coach.core.decode import Receiver
from imu_coach.drivers import own
from imu_coach.errors import ConnectionLost, SourceError
from imu_coach.sources import Policy, Sensor
from imu_coach.sources.backoff import BackOff
from imu_coach.types import Link, Packet, Sent


def health(sensor: Sensor, items: list[object]) -> object:
    """What the core makes of the inputs of one sensor."""
    receiver = Receiver(sensor.wanted.info, 0.1)
    receiver.push([i for i in items if isinstance(i, Packet | Sent | Link) and i.sensor == sensor.wanted.site])
    return receiver.health(False)


@lasting(40)
async def test_what_was_measured_while_away_comes_after() -> None:
    async with room(profile=replace(INSTANT, interval=0.015)) as here:
        await here.streaming()
        await here.world.fault("out_of_range", "wrist", seconds=4.0)
        await here.streaming()
        counters = here["wrist"].counters
        assert (counters.started, counters.resumed) == (1, 1)
        last = numbers(here.packets("wrist"))[-1]
        await here.until(lambda: numbers(here.packets("wrist"))[-1] > last + 100)
        found = numbers(here.packets("wrist"))
        assert found == list(range(len(found))), "without a gap, and nothing twice"
        assert any(p.payload[0] == own.STORED for p in here.packets("wrist"))
        told = health(here["wrist"], here.items)
        assert (told.lost, told.late, told.rejected, told.reconnects) == (0, 0, 0, 1)


@lasting(40)
async def test_a_sensor_that_was_off_starts_anew() -> None:
    async with room() as here:
        await here.streaming()
        await here.world.fault("reboot", "wrist", seconds=0.5)
        await here.until(lambda: here["wrist"].counters.started == 2)
        await here.streaming()
        assert here["wrist"].counters.resumed == 0
        kinds = [link.kind for link in here.links("wrist")]
        assert kinds == ["up", "down", "up"]


@lasting(30)
async def test_link_changes_surround_the_packets() -> None:
    """Up before the first packet, down after the last; battery and signal strength in between."""
    async with room() as here:
        await here.streaming()
        await here.world.fault("out_of_range", "wrist", seconds=1.0)
        await here.streaming()
        await here.stop()
        here.links("wrist")
        up, times = False, []
        for item in here.items:
            times.append(item.arrived_ns)
            if isinstance(item, Link) and item.kind in ("up", "down"):
                assert up == (item.kind == "down")
                up = item.kind == "up"
            elif isinstance(item, Packet):
                assert up
        assert not up
        assert times == sorted(times), "in order of arrival"
        assert [k.kind for k in here.links("wrist")] == ["up", "down", "up", "down"]
        battery, rssi = here.links("wrist", "battery"), here.links("wrist", "rssi")
        assert all(0.0 <= link.value <= 1.0 for link in battery)
        assert battery
        assert len(rssi) == 2
        assert all(-90 < link.value < -20 for link in rssi)


@lasting(20)
async def test_a_battery_that_empties_is_told() -> None:
    async with room() as here:
        await here.streaming()
        sensor = here.world.stage.sensors["wrist"][1]
        sensor.part = sensor.part._replace(battery=0.07)
        await here.until(lambda: here.links("wrist", "battery")[-1].value == pytest.approx(0.07))


@lasting(30)
async def test_clock_requests_are_recorded_before_they_leave() -> None:
    policy = replace(FAST, eager=2)
    async with room(policy=policy) as here:
        await here.streaming()
        await asyncio.sleep(4.0)
        replies = here.packets("wrist", SYNC)
        sent = {own.REQUEST.unpack(i.payload)[2]: i for i in here.items if isinstance(i, Sent)}
        assert len(replies) >= len(sent) - 1 >= 4
        for reply in replies:
            _, _, token, _, _ = own.REPLY.unpack(reply.payload)
            assert 0 < reply.arrived_ns - sent[token].arrived_ns < 0.2e9
        times = [i.arrived_ns * 1e-9 for i in sent.values()][2:]
        steps = [b - a for a, b in pairwise(times)]
        assert all(0.45 < step < 1.3 for step in steps)
        assert len({round(step, 2) for step in steps}) > 1, "never in step with the samples or the radio"


@lasting(20)
async def test_things_are_asked_of_a_sensor_while_it_streams() -> None:
    async with room() as here:
        with pytest.raises(ConnectionLost):
            await here["wrist"].do(OWN.identify(1))
        await here.streaming()
        sensor = here.world.stage.sensors["wrist"][1]
        assert await here["wrist"].do(OWN.identify(3))
        assert await here["wrist"].do(OWN.haptic(2))
        assert sensor.core.led
        both = await asyncio.gather(here["wrist"].do(OWN.identify(1)), here["wrist"].do(OWN.haptic(1)))
        assert both == [True, True]
        await here.streaming()
        found = numbers(here.packets("wrist"))
        assert found == list(range(len(found)))
        await here.world.stage.range("wrist", False)
        with pytest.raises(SourceError):
            await here["wrist"].do(OWN.identify(1))


@lasting(20)
async def test_taps_are_told() -> None:
    told = []
    async with room(start=False) as here:
        here["wrist"].told = lambda *what: told.append(what)
        here.start()
        await here.streaming()
        sensor = here.world.stage.sensors["wrist"][1]
        sensor.core.tap(2, sensor.clock.us())
        await here.until(lambda: bool(told))
        assert told == [("wrist", "tap", {"taps": 2})]
        assert any(len(p.payload) == own.TAP_SIZE for p in here.packets("wrist", DATA)), "recorded, too"


@lasting(30)
async def test_a_session_keeps_the_scale_it_began_with() -> None:
    """A sensor that suddenly has other ranges would be decoded wrongly: it is not taken."""
    async with room() as here:
        await here.streaming()
        granted = here["wrist"].granted
        assert granted is not None
        here["wrist"].granted = replace(granted, acc_range=granted.acc_range / 2)
        await here.world.fault("reboot", "wrist", seconds=0.2)
        await here.until(lambda: "ranges have changed" in str(here["wrist"].problem))
        assert not [p for p in here.packets("wrist") if p.arrived_ns > here.links("wrist")[-1].arrived_ns]


# --- waiting --------------------------------------------------------------------------------------------------------


def test_waits_grow_vary_and_end() -> None:
    policy = Policy()
    waits = [BackOff(policy, random.Random(seed)) for seed in range(200)]
    rounds = [[b.next() for b in waits] for _ in range(40)]
    for k, found in enumerate(rounds):
        middle = min(policy.back_off_most, policy.back_off * 2**k)
        assert middle * (1 - policy.jitter) <= min(found) < max(found) <= middle * (1 + policy.jitter)
        assert max(found) - min(found) > 0.8 * policy.jitter * middle, "not all at once"
    waits[0].reset()
    assert waits[0].next() <= policy.back_off * (1 + policy.jitter)


@lasting(40)
async def test_a_good_while_makes_the_next_wait_short() -> None:
    async with room(policy=replace(FAST, good=1.0, back_off_most=3.0), start=False) as here:
        await here.world.stage.power("wrist", False)
        here.start()
        await here.until(lambda: here["wrist"].back_off.in_a_row >= 4)
        await here.world.stage.power("wrist", True)
        await here.streaming()
        assert here["wrist"].back_off.in_a_row >= 4
        await asyncio.sleep(1.5)
        assert here["wrist"].back_off.in_a_row == 0
