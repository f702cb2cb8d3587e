"""What goes wrong on the virtual air: written down, drawn from a seed, and felt by a bleak program."""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path

import pytest
from virtual_host import Host, run

from imu_coach.errors import ConfigError
from imu_coach.virtual import faults
from imu_coach.virtual.air import LinkProfile
from imu_coach.virtual.faults import Fault, Plan
from imu_coach.virtual.world import Here, World

FAST = LinkProfile(interval=0.0, supervision=0.3)
SITES = ("upper_back", "wrist")


def test_in_short() -> None:
    plan = faults.parse(
        "out_of_range:wrist@30+5; clock_skew:wrist@60=-80, adapter_death@70+2\nreboot:upper_back, random@8"
    )
    assert plan.faults == (
        Fault("out_of_range", "wrist", 30.0, 5.0, 0.0),
        Fault("clock_skew", "wrist", 60.0, 0.0, -80.0),
        Fault("adapter_death", "", 70.0, 2.0, 0.0),
        Fault("reboot", "upper_back", 0.0, 1.5, 0.0),
    )
    assert plan.every == 8.0
    assert faults.parse("") == Plan()


def test_as_a_file(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(
        'every = 5\nkinds = ["fade"]\n[[fault]]\nkind = "fade"\nsite = "wrist"\nat = 3\nseconds = 2\nvalue = 0.9\n'
    )
    assert faults.read(str(file)) == Plan((Fault("fade", "wrist", 3, 2, 0.9),), 5.0, ("fade",))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("earthquake:wrist@3", "unknown kind 'earthquake'"),
        ("reboot@3", "needs the site"),
        ("adapter_death:wrist@3", "has no site"),
        ("fade:wrist@@3", "form kind:site@at"),
        ("fade:wrist@1+999999", "out of bounds"),
        ("nowhere.toml", "cannot be read"),
    ],
)
def test_nonsense_is_said_so(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        faults.read(text)


@pytest.mark.parametrize(
    "text", ["[[fault]]\nkind = 3", '[[fault]]\nkind = "fade"\nwhen = 2', "kinds = ['x']", "every = 'a'", "= 3"]
)
def test_a_file_of_nonsense_is_said_so(text: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        faults.read(str(file))


def test_a_sensor_that_is_not_there_is_said_so() -> None:
    with pytest.raises(ConfigError, match="no sensor at sacrum"):
        list(faults.schedule(faults.parse("reboot:sacrum@3"), SITES, 1))


def test_a_seed_decides_what_happens_and_everything_happens() -> None:
    plan = faults.parse("random@8, reboot:wrist@20")
    one, two, other = (list(islice(faults.schedule(plan, SITES, seed), 200)) for seed in (1, 1, 2))
    assert one == two != other
    assert {f.kind for f in one} == set(faults.KINDS)
    assert {f.site for f in one} == {*SITES, ""}
    assert [f.at for f in one] == sorted(f.at for f in one)
    assert Fault("reboot", "wrist", 20.0, 1.5, 0.0) in one
    assert 4 < one[-1].at / len(one) < 16
    assert all(faults.shown(f) for f in one)


def test_a_plan_happens_after_the_session_has_begun() -> None:
    told: list[Fault] = []

    async def work() -> tuple[float, float, float]:
        async with World(SITES, profile=FAST, plan="reboot:wrist@0.6+0.5", told=told.append) as world:
            host = await Host(world, "wrist").connect()
            await asyncio.sleep(1.2)
            assert not told, "nobody has started anything"
            await host.start()
            started = host.now()
            await asyncio.wait_for(host.gone.wait(), 5.0)
            away = host.now() - started
            await (await Host(world, "wrist").connect()).start()
            return away, started, host.now() - started

    away, _, back = run(work())
    assert len(told) == 1
    assert 0.8 < away < 1.8
    assert back < 4.0


@pytest.mark.parametrize("kind", [k for k, usual in faults.KINDS.items() if usual.site])
def test_one_sensors_fault_leaves_the_other_alone(kind: str) -> None:
    async def work() -> None:
        async with World(SITES, profile=FAST) as world:
            hosts = {site: await Host(world, site).connect() for site in SITES}
            for host in hosts.values():
                await host.start()
            await world.fault(kind, "wrist", seconds=0.8)
            await asyncio.sleep(0.2)
            alone = hosts["upper_back"]
            assert not alone.gone.is_set()
            assert alone.missing == 0
            assert alone.now() - alone.data[-1][-1] < 0.2
            gone = kind in ("out_of_range", "battery_pull", "reboot")
            assert hosts["wrist"].gone.is_set() == gone
            if not gone:
                there = (await hosts["wrist"].ask(b"\x03"))[3:11]
                await asyncio.sleep(0.5)
                assert (await hosts["wrist"].ask(b"\x03"))[3:7] == there[:4], "nothing is dropped any more"
                assert isinstance(world.stage, Here)
                assert not world.stage.air.special

    run(work())


def test_faults_of_one_sensor_wait_for_each_other() -> None:
    async def work() -> float:
        async with World(SITES, profile=FAST) as world:
            host = await Host(world, "wrist").connect()
            start = host.now()
            await asyncio.gather(*(world.fault("battery_pull", "wrist", seconds=0.3) for _ in range(3)))
            await Host(world, "wrist").connect()
            return host.now() - start

    assert run(work()) > 0.9
