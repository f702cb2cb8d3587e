"""The small parts of a live session: keys, pictures, which sensor was lifted, what is remembered."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imu_coach import drivers
from imu_coach.cli.keys import KEYS, pressed
from imu_coach.cli.radio import layout_of, wanted
from imu_coach.cli.running import Running, biases, lower_timing
from imu_coach.cli.scan import lifted
from imu_coach.core.table import ASKS, TABLE
from imu_coach.drivers.base import Declined
from imu_coach.errors import ConfigError, ConnectionLost
from imu_coach.live import SHOW, Recorder, Session, Shown, run
from imu_coach.recording import Recording
from imu_coach.sinks import Session as About
from imu_coach.sinks import Summary
from imu_coach.sources import Air, Inbox, Interrupted, Sensor, Wanted
from imu_coach.sources.problems import CONNECTING, hint
from imu_coach.store import Known
from imu_coach.types import Angles, Event, Frames, Header, SensorInfo, Update


@pytest.mark.parametrize("key", KEYS, ids=[key.word for key in KEYS])
def test_a_letter_and_a_word_are_the_same_command(key: Any) -> None:
    found = []
    for text in (key.letter, key.word):
        stop, put = asyncio.Event(), list[tuple[str, Any]]()
        pressed(text, lambda name, value, put=put: put.append((name, value)), stop)  # type: ignore[misc]
        found.append((put, stop.is_set()))
    assert found[0] == found[1]
    assert found[0] == (([(key.command, key.value)], False) if key.command else ([], True))
    known = {*ASKS, "tap", "calibrate", "undo", "add", "stop", "moved", ""} | {trigger for _, trigger in TABLE}
    assert key.command in known


def test_any_other_key_is_nothing() -> None:
    stop, put = asyncio.Event(), list[str]()
    for text in ("", "z", "stand up", "\x1b", "S"):
        pressed(text, lambda name, _: put.append(name), stop)
    assert (put, stop.is_set()) == ([], False)
    assert len({key.letter for key in KEYS}) == len({key.word for key in KEYS}) == len(KEYS)


def update(first: int, n: int, *events: Event) -> Update:
    index = np.arange(first, first + n)
    frames = Frames(index, *(np.zeros((n, 1, k)) for k in (4, 3, 3)), np.zeros((n, 1), np.uint8))
    none = np.zeros((n, 0))
    codes = np.zeros((n, 0), np.uint8)
    return Update(frames, Angles(index, (), none, none, none, codes, codes, none), np.zeros(n), events, {})


class Seen:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.updates: list[Update] = []

    def begin(self, session: About) -> None: ...

    def push(self, update: Update) -> None:
        self.updates.append(update)

    def notice(self, text: str) -> None: ...

    def close(self) -> None: ...

    def end(self, summary: Summary) -> None: ...


def test_a_few_pictures_a_second_and_events_at_once() -> None:
    now, sink = [0.0], Seen()
    shown = Shown(sink, lambda: now[0])
    rep = Event(13, 10, "rep", "", {})
    for k in range(10):
        now[0] = k * 0.04
        shown.push(update(4 * k, 4, *([rep] if k == 3 else [])))
    assert [len(u.frames.index) for u in sink.updates] == [4, 12, 20]
    assert [u.events for u in sink.updates] == [(), (rep,), ()]
    shown.flush()
    assert np.concatenate([u.frames.index for u in sink.updates]).tolist() == list(range(40))
    assert SHOW < 0.25


@pytest.mark.parametrize(
    ("rates", "site"),
    [
        ({"a": 2.0, "b": 0.01}, "a"),
        ({"a": 2.0, "b": 1.0}, None),  # both: somebody carries the table
        ({"a": 0.5, "b": 0.0}, None),  # a door that was shut
        ({"a": 2.0}, "a"),
        ({}, None),
    ],
)
def test_the_lifted_one_moves_while_the_others_rest(rates: dict[str, float], site: str | None) -> None:
    assert lifted(rates) == site


BACK, WRIST = Known("01", "own", "upper_back", bias=(0.1, 0.0, 0.0)), Known("02", "witmotion", "wrist")


def test_the_layout_is_what_the_assigned_sensors_make() -> None:
    assert layout_of((BACK, WRIST), None) == "upper_back_wrist"
    assert layout_of((BACK,), None) == "upper_back"
    assert layout_of((BACK, WRIST), "wrist") == "wrist"
    with pytest.raises(ConfigError, match="identify"):
        layout_of((), None)


def test_sensors_come_with_what_is_known_of_them() -> None:
    back, wrist = wanted((WRIST, BACK), ("upper_back", "wrist"))
    assert (back.site, back.identity, back.info.bias) == ("upper_back", "01", (0.1, 0.0, 0.0))
    assert (wrist.info.driver, wrist.info.bias) == ("witmotion", None)
    with pytest.raises(ConfigError, match="wrist; switch it on"):
        wanted((BACK,), ("upper_back", "wrist"))


def test_a_sensor_that_joins_late_must_be_as_the_recording_says() -> None:
    """Counts that are scaled otherwise would be wrong in this session and in every replay of it."""
    info = SensorInfo("wrist")
    sensor = Sensor(Air(), Wanted("wrist", info, "AA", "01"), drivers.profile("polar"), Inbox())
    sensor.promised = info
    with pytest.raises(Declined, match="start anew"):
        sensor._grant(replace(info, rate=52.0))
    sensor._grant(info)
    assert sensor.granted is not None


def test_a_sensor_without_good_times_says_so() -> None:
    kinds = {"wrist": "witmotion", "upper_back": "own"}
    air, inbox = Air(), Inbox()
    sensors = [
        Sensor(air, Wanted(site, SensorInfo(site), "AA", "01"), drivers.profile(kind), inbox)
        for site, kind in kinds.items()
    ]
    (line,) = lower_timing(sensors)
    assert line.startswith("wrist (")
    assert "no time stamps" in line


class Stuck:
    """A sensor that does not connect, again and again."""

    def __init__(self) -> None:
        self.wanted = Wanted("wrist", SensorInfo("wrist"), "AA:BB", "01")
        self.state, self.problem = "away", ConnectionLost("wrist", 8)
        self.problem.__cause__ = Interrupted(f"{CONNECTING} it did not answer")


def test_a_link_that_is_stuck_comes_with_advice() -> None:
    told: list[str] = []
    asked: Any = None
    running = Running(asked, None, asked, asked, [Stuck()], "wrist", asked)  # type: ignore[list-item]
    running.tell = told.append  # type: ignore[method-assign]

    async def watched() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(running.watching(), 0.6)

    asyncio.run(watched())
    (line,) = told
    assert "wrist: not reached in 8 attempts" in line
    assert hint(running.sensors[0].problem, "AA:BB") in line
    assert hint(running.sensors[0].problem, "AA:BB")


def test_an_error_beside_a_session_is_one_error_and_the_recording_is_closed(tmp_path: Path) -> None:
    header = Header((SensorInfo("wrist"),))
    inbox, out = Inbox(), tmp_path / "x.mcap"

    async def lost() -> None:
        await asyncio.sleep(0.6)
        raise ConnectionError

    async def session() -> None:
        await run([], inbox, lambda: Session(Recorder(out, header, pytest.fail), None), asyncio.Event(), [lost()])

    with pytest.raises(ConnectionError):
        asyncio.run(session())
    recording = Recording.open(out)
    assert not recording.losses
    assert len(list(recording.inputs())) == 2


def test_a_session_that_is_stopped_before_any_sensor_is_none() -> None:
    sensor = Sensor(Air(), Wanted("wrist", SensorInfo("wrist"), "AA", "01"), drivers.profile("own"), Inbox())

    async def session() -> None:
        stop = asyncio.Event()
        stop.set()
        await run([sensor], sensor.inbox, lambda: pytest.fail("nothing has begun"), stop)

    asyncio.run(session())


def test_biases_that_were_captured_are_remembered() -> None:
    events = [
        Event(5, 1, "calibrated", "wrist", {"pose": "table_still", "bias_deg_s": [1.0, 0.0, -2.0]}),
        Event(6, 1, "calibrated", "", {"pose": "stand_tall"}),
        Event(7, 1, "calibration_failed", "upper_back", {"bias_deg_s": [9.0, 9.0, 9.0]}),
    ]
    ((site, bias),) = biases(events)
    assert site == "wrist"
    np.testing.assert_allclose(np.rad2deg(bias), [1.0, 0.0, -2.0])
