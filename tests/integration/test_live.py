"""A session as people run it: found by scanning, streamed, shown, recorded, and the same again in a replay."""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imu_coach import config, drivers, intent
from imu_coach.core.pipeline import Pipeline
from imu_coach.live import Recorder, Session, run
from imu_coach.recording import Recording
from imu_coach.sources import Air, Inbox, Sensor, Wanted
from imu_coach.types import Command, Header, Packet, SensorInfo, Tick, Update, concat

pytest.importorskip("bumble", reason="virtual sensors need the extra sim")

from imu_coach.virtual.motion import Motion
from imu_coach.virtual.world import World

SITES = ("upper_back", "wrist")
Line = dict[str, Any]


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "IMU_COACH_HOME": str(tmp_path / "home"), "IMU_COACH_RUNTIME": str(tmp_path / "runtime")}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "imu_coach.cli", *arguments]


def lines(text: str) -> list[Line]:
    return [json.loads(line) for line in text.splitlines()]


def told(lines: list[Line], kind: str) -> list[Line]:
    return [line for line in lines if line["type"] == kind]


def test_live_is_what_replay_shows(home: dict[str, str], tmp_path: Path) -> None:
    """By the commands of the README: repetitions appear, and the recording gives the same events and angles."""
    out = tmp_path / "session.mcap"
    live = subprocess.run(
        command("live", "--virtual", "--seconds", "95", "--json", "-o", str(out)),
        env=home, capture_output=True, text=True, timeout=170, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert live.returncode == 0, live.stderr
    again = subprocess.run(command("replay", str(out), "--json"), env=home, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    first, second = lines(live.stdout), lines(again.stdout)
    assert [e["kind"] for e in told(first, "event")].count("rep") >= 1
    for kind in ("header", "frame", "event", "end"):
        assert told(first, kind) == told(second, kind), kind
    health = told(first, "end")[0]["health"]
    assert {site: one["lost"] for site, one in health.items()} == dict.fromkeys(SITES, 0)
    assert not (tmp_path / "home").exists(), "virtual sensors are not remembered"


def killed(env: dict[str, str], out: Path, after: float) -> float:
    """Session time (s) that was shown when the program was killed, so many s after its first frame."""
    program = subprocess.Popen(
        command("live", "--virtual", "--json", "-o", str(out)),
        env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert program.stdout is not None
    shown, until = 0.0, float("inf")
    for text in program.stdout:
        line = json.loads(text)
        if line["type"] != "frame":
            continue
        shown, until = line["t_s"], min(until, time.monotonic() + after)
        if time.monotonic() >= until:
            break
    program.send_signal(signal.SIGKILL)
    program.wait(10)
    program.stdout.close()
    return shown


@pytest.fixture
def air(home: dict[str, str]) -> Iterator[dict[str, str]]:
    """Virtual sensors that run in another terminal."""
    program = subprocess.Popen(
        command("virtual", "--python", "--exercise", "superman_beginner"),
        env=home, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert program.stderr is not None
    for text in program.stderr:
        if "another terminal" in text:
            break
    yield home
    program.send_signal(signal.SIGINT)
    program.stderr.close()
    assert program.wait(20) == 0


def test_a_killed_session_is_on_the_disk(air: dict[str, str], tmp_path: Path) -> None:
    """As it is with kill -9 at fifty moments: tests/bench/kill.py."""
    draw = random.Random(4)
    for k in range(3):
        out = tmp_path / f"{k}.mcap"
        shown = killed(air, out, draw.uniform(0.5, 4.0))
        recording = Recording.open(out)
        last = max(item.arrived_ns for item in recording.inputs()) / 1e9
        assert last >= shown - 1.0
        found = [item for item in recording.inputs() if isinstance(item, Command)]
        assert found[0].name == intent.COMMAND


def test_a_recording_without_a_view(air: dict[str, str], tmp_path: Path) -> None:
    """Words on standard input are commands; what was recorded counts in a replay."""
    out = tmp_path / "headless.mcap"
    done = subprocess.run(
        command("record", "--virtual", "--seconds", "8", "-o", str(out)),
        env=air, input="stand\nnonsense\ngo\n", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert f"recorded in {out}" in done.stderr
    commands = [(c.name, dict(c.value)) for c in Recording.open(out).inputs() if isinstance(c, Command)]
    assert ("calibrate", {"pose": "stand_tall", "seconds": 5.0}) in commands
    assert ("tap", {"taps": 2}) in commands


# --- in this process ------------------------------------------------------------------------------------------------


class Kept(list[Update]):
    """Updates, and what is told meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.notices: list[str] = []


async def session(out: Path, seconds: float, kept: Kept, spoil: Any = None) -> None:
    """A live session on virtual sensors that nobody wears."""
    async with World(SITES) as world:
        inbox, air, stop = Inbox(), Air(*world.backends()), asyncio.Event()
        sensors = [
            Sensor(air, Wanted(site, SensorInfo(site), world.addresses[site], ""), drivers.profile("own"), inbox)
            for site in SITES
        ]

        def begin() -> Session:
            header = Header(tuple(sensor.granted or sensor.wanted.info for sensor in sensors))
            recorder = Recorder(out, header, kept.notices.append)
            pipeline = Pipeline(header, config.setup(header))
            if spoil is not None:
                spoil()
            return Session(recorder, pipeline, (kept.append,))

        async def later() -> None:
            await asyncio.sleep(seconds)
            stop.set()

        await run(sensors, inbox, begin, stop, [later()])
        await air.close()


def test_a_full_disk_ends_the_recording_and_not_the_session(tmp_path: Path) -> None:
    """A file-size limit is a disk that is full after so many bytes."""
    kept, out = Kept(), tmp_path / "full.mcap"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def spoil() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, before[1]))

    try:
        asyncio.run(session(out, 7.0, kept, spoil))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(kept.notices) == 1
    assert "the session goes on" in kept.notices[0]
    assert "make room" in kept.notices[0]
    recording = Recording.open(out)
    recorded = max(item.arrived_ns for item in recording.inputs()) / 1e9
    shown = int(concat(kept).frames.index[-1]) / 100.0
    assert 0.5 < recorded < shown - 1.0


def test_no_room_is_said_before_the_session(tmp_path: Path, home: dict[str, str]) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    done = subprocess.run(
        command("live", "--virtual", "-o", str(tmp_path / "file" / "x.mcap")),
        env=home, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "there is no directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_recorded_is_what_was_computed(tmp_path: Path) -> None:
    kept, out = Kept(), tmp_path / "session.mcap"
    asyncio.run(session(out, 5.0, kept))
    recording = Recording.open(out)
    inputs = list(recording.inputs())
    assert sum(isinstance(item, Tick) for item in inputs) >= 12
    assert {item.sensor for item in inputs if isinstance(item, Packet)} == set(SITES)
    pipeline = Pipeline(recording.header, config.setup(recording.header))
    again = concat([pipeline.push(inputs), pipeline.flush()])
    live = concat(kept)
    np.testing.assert_array_equal(live.angles.value, again.angles.value)
    np.testing.assert_array_equal(live.frames.earth_from_sensor, again.frames.earth_from_sensor)
    assert live.events == again.events
    assert live.health == again.health


# --- which is which -------------------------------------------------------------------------------------------------


def waving(at: float, seconds: float = 3.0, total: float = 60.0) -> Motion:
    """A sensor that lies on the table, and is lifted and turned about from ``at`` s on."""
    t = np.arange(round(total * 100.0)) / 100.0
    values = np.tile([0.0, 0.0, 9.81, 0.0, 0.0, 0.0], (len(t), 1))
    values[:, 3] = np.where((t > at) & (t < at + seconds), 3.0 * np.sin(6.0 * t), 0.0)
    return Motion(values)


class Lifting(World):
    """Somebody lifts one sensor after the other."""

    def motion(self, site: str) -> Motion:
        return waving({"wrist": 5.0, "upper_back": 11.0}[site])


def test_the_one_that_is_lifted_is_the_one_that_is_asked_for() -> None:
    from imu_coach.cli.radio import Radio
    from imu_coach.cli.scan import _lifting

    async def lifting() -> list[Any]:
        async with Lifting(SITES) as world:
            inbox, air = Inbox(), Air(*world.backends())
            addresses = {world.addresses[site]: site for site in SITES}
            sensors = [
                Sensor(air, Wanted(address, SensorInfo(address), address, ""), drivers.profile("own"), inbox)
                for address in addresses
            ]
            return await _lifting(Radio(air, ()), ("wrist", "upper_back"), sensors, inbox, 20.0, addresses)

    found = asyncio.run(lifting())
    assert [(one.site, one.name) for one in found] == [("wrist", "wrist"), ("upper_back", "upper_back")]
    assert all(len(one.identity) == 16 for one in found)


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: the firmware's own core cannot be built")
def test_scan_finds_them_like_any_others(home: dict[str, str]) -> None:
    done = subprocess.run(
        command("scan", "--virtual", "--json"), env=home, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = lines(done.stdout)
    assert {row["site"] for row in rows} == set(SITES)
    assert all(row["name"].startswith("imu-") and 0.0 < row["battery"] <= 1.0 for row in rows)
