"""The virtual air in processes of its own: found, streamed from, broken, and nothing left behind; about 30 s."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from virtual_host import Host, run

from imu_coach.cli import cli
from imu_coach.virtual import ports
from imu_coach.virtual.adapter import Adapter
from imu_coach.virtual.air import LinkProfile
from imu_coach.virtual.wire import Line
from imu_coach.virtual.world import Apart, World

FAST = LinkProfile(interval=0.0075, supervision=0.4)
COMMAND = [sys.executable, "-m", "imu_coach.cli", "virtual"]
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and process ids as Unix has them")


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(pids: list[int], seconds: float = 10.0) -> bool:
    """Whether they all end in time."""
    until = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(map(alive, pids))


def test_it_streams_survives_and_leaves_nothing() -> None:
    async def work() -> list[int]:
        async with World(("upper_back", "wrist"), "row_low_dumbbell", processes=True, profile=FAST) as world:
            pids = list((await world.stats())["pids"].values())
            assert len(pids) == 3
            assert all(map(alive, pids))
            hosts = [await Host(world, site).connect(10.0) for site in world.sites]
            for host in hosts:
                await host.start()
            await asyncio.sleep(1.0)
            for host in hosts:
                assert host.missing == 0
                late = [h[-1] - world.clock(host.site).when(_due(world, host.site, h)) for h in host.data]
                assert 0.0 < sorted(late)[len(late) // 2] < 0.2
            await world.fault("battery_pull", "wrist", seconds=0.3)
            assert hosts[1].gone.is_set()
            assert not hosts[0].gone.is_set()
            again = await Host(world, "wrist").connect(10.0)
            await again.start()
            await again.packets(5)
            await world.fault("clock_skew", "wrist", value=50.0)
            await world.fault("adapter_death", seconds=1.0)
            assert hosts[0].gone.is_set()
            back = await Host(world, "upper_back").connect(10.0)
            assert (await back.resume(hosts[0].next))[2] == 0
            await back.packets(10)
            assert (back.data[0][1], back.missing) == (hosts[0].next, 0)
            return pids + list((await world.stats())["pids"].values())

    assert gone(run(work(), 120.0), 1.0)


def _due(world: World, site: str, packet: tuple[int, int, int, int, int, bytes, float]) -> int:
    """Device time, not wrapped, of a packet's last sample."""
    _, _, n, t_first, period, _, arrived = packet
    now = world.clock(site).us(arrived)
    return now - (now - t_first - (n - 1) * period) % (1 << 32)


def test_sensors_end_when_the_air_does() -> None:
    async def work() -> list[int]:
        async with World(("wrist",), processes=True, profile=FAST) as world:
            assert isinstance(world.stage, Apart)
            assert world.stage.hub is not None
            host = await Host(world, "wrist").connect(10.0)
            await host.start()
            pids = list((await world.stats())["pids"].values())
            world.stage.hub.process.kill()
            await asyncio.wait_for(host.gone.wait(), 2.0)
            async with asyncio.timeout(10.0):
                while any(map(alive, pids)):
                    await asyncio.sleep(0.05)
            return pids

    run(work(), 60.0)


def test_the_hub_answers_nonsense_and_lives() -> None:
    async def work() -> None:
        async with World(("wrist",), processes=True, profile=FAST) as world:
            assert isinstance(world.stage, Apart)
            admin = world.stage.ports["admin"]
            for nonsense in (
                b"\n",
                b"{}\n",
                b'{"command": "range"}\n',
                b"[1]\n",
                b'{"command": "link", "address": "x", "changes": 3}\n',
            ):
                reader, writer = await asyncio.open_connection("127.0.0.1", admin)
                writer.write(nonsense)
                assert "problem" in json.loads(await asyncio.wait_for(reader.readline(), 2.0))
                writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", admin)
            writer.write(b"x" * 100_000)
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 2.0) == b"", "it hangs up"
            writer.close()
            for port in ("radio", "sensors"):
                _, writer = await asyncio.open_connection("127.0.0.1", world.stage.ports[port])
                writer.write(os.urandom(5000))
                writer.close()
            line = await Line.to(admin)
            with pytest.raises(ValueError, match="KeyError"):
                await line.ask("nonsense")
            assert (await line.ask("status"))["epoch"] is None
            line.close()
            assert (await Host(world, "wrist").connect(10.0)).client.is_connected

    run(work(), 60.0)


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime folder of this test's own."""
    monkeypatch.setenv("IMU_COACH_RUNTIME", str(tmp_path))
    return tmp_path


def running(process: subprocess.Popen[str]) -> ports.Running:
    """Wait until the command has left its file."""
    until = time.monotonic() + 60.0
    while time.monotonic() < until and process.poll() is None:
        if (found := ports.find()) is not None:
            return found
        time.sleep(0.1)
    raise AssertionError(process.communicate()[1])


def children(pid: int) -> list[int]:
    """Process ids of a process's children."""
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@POSIX
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_the_command_is_found_and_ends_whatever_ends_it(
    end: signal.Signals, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--layout", "upper_back_wrist", "--exercise", "row_low_dumbbell", "--seed", "3", "--python"]
    monkeypatch.setenv("TMPDIR", str(runtime / "temporary"))
    (runtime / "temporary").mkdir()
    with subprocess.Popen([*COMMAND, *options], stderr=subprocess.PIPE, text=True) as process:
        found = running(process)
        pids = [process.pid, *children(process.pid)]
        assert len(pids) == 4
        assert found[3:] == ("upper_back_wrist", "row_low_dumbbell", 3, 2, 8)

        async def seen() -> list[str | None]:
            from bleak import BleakScanner

            async with Adapter(port=found.radio) as adapter:
                scanner, _ = adapter.backends()
                return sorted(d.name or "" for d in await BleakScanner.discover(1.0, backend=scanner))

        names = run(seen())
        assert len(names) == 2
        process.send_signal(end)
        said = process.communicate(timeout=15.0)[1]
        assert gone(pids)
    assert not list((runtime / "temporary").glob("imu-coach-*"))
    assert all(str(name) in said for name in names)
    assert "Traceback" not in said
    assert process.returncode == (-end if end is signal.SIGKILL else 0)
    assert ports.find() is None
    assert (runtime / "virtual.json").exists() == (end is signal.SIGKILL)


def test_the_command_ends_by_itself_and_refuses_nonsense(runtime: Path) -> None:
    done = subprocess.run([*COMMAND, "--python", "--seconds", "1"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert not list(runtime.iterdir())
    wrong = CliRunner().invoke(cli, ["virtual", "--faults", "earthquake"])
    assert wrong.exit_code == 2
    assert "unknown kind 'earthquake'" in wrong.output


def test_a_file_that_was_left_behind_is_not_believed(runtime: Path) -> None:
    for text in ("", "[]", '{"pid": 1}', '{"pid":1,"radio":1,"admin":1,"layout":"x","exercise":"y","seed":1}'):
        (runtime / "virtual.json").write_text(text)
        assert ports.find() is None
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = ports.Running(os.getpid(), 1, server.getsockname()[1], "upper_back", "", 1)
        with ports.announced(here) as file:
            assert ports.find() == here
            assert file == runtime / "virtual.json"
            with pytest.raises(Exception, match="runs already"), ports.announced(here):
                pass
        assert not file.exists()
