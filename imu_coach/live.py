"""A live session: sensors in, recording and pipeline, sinks out; what is recorded is computed, in that order."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from imu_coach.core.pipeline import Pipeline
from imu_coach.errors import RecordingError
from imu_coach.recording import Writer
from imu_coach.sinks import Sink
from imu_coach.sources import Inbox, Sensor
from imu_coach.types import Command, Header, Input, Packet, Update, concat

TICK = 0.25
"""s; time passes for the pipeline whatever the radio does."""
ROUND = 0.05
"""s that the first packet of a round waits for those of the other sensors: a frame needs all of them, so the last one
waits for nothing, and one push does what three would.  A packet of 4 samples comes every 40 ms."""
SHOW = 0.2
"""s between two pictures; events are shown at once."""
ROOM = 200 << 20
"""Bytes that must be free before a session: ten hours of three sensors."""
GATHER = 15.0
"""s that a session waits for its sensors; those that come later join it."""
LEAVE = 8.0
"""s for all sensors to be told that it is over."""

Tell = Callable[[str], None]


class Recorder:
    """Writes inputs until the disk does not take them; then it says so once, and the session goes on without it."""

    def __init__(self, path: Path, header: Header, tell: Tell, *, overwrite: bool = False) -> None:
        checked_room(path)
        self.path, self.tell = path, tell
        self.writer: Writer | None = Writer(path, header, overwrite=overwrite)
        self.lost = 0

    def write(self, items: Sequence[Input]) -> None:
        """Before anything else is done with them."""
        for item in items:
            if self.writer is None:
                self.lost += 1
                continue
            try:
                self.writer.write(item)
            except RecordingError as error:
                self._stop(error)
                self.lost += 1

    def close(self) -> None:
        """Finish the file."""
        if self.writer is not None:
            try:
                self.writer.close()
            except RecordingError as error:
                self._stop(error)

    def _stop(self, error: RecordingError) -> None:
        assert self.writer is not None
        self.writer.abandon()
        self.writer = None
        self.tell(f"the recording has stopped, the session goes on: {error}")


def checked_room(path: Path) -> None:
    """RecordingError when there is no room for a session."""
    folder = path.absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise RecordingError(path, f"cannot be created ({error.strerror}); choose another place") from None
    if free < ROOM:
        raise RecordingError(path, f"only {free >> 20} MB are free there and {ROOM >> 20} are needed; make room")


class Shown:
    """Passes updates on to a sink, a few pictures a second, events at once."""

    def __init__(self, sink: Sink, clock: Callable[[], float]) -> None:
        self.sink, self.clock = sink, clock
        self.waiting: list[Update] = []
        self.last = -np.inf

    def push(self, update: Update) -> None:
        """Show it now, or with the next ones."""
        self.waiting.append(update)
        if update.events or self.clock() - self.last >= SHOW:
            self.flush()

    def flush(self) -> None:
        """Show what waits."""
        if self.waiting:
            self.sink.push(concat(self.waiting))
            self.waiting, self.last = [], self.clock()


@dataclass
class Session:
    """What the inputs of a session go to; :meth:`push` in order of arrival.

    ``recorder`` and ``pipeline`` may each be left out; ``seen`` gets every update.
    """

    recorder: Recorder | None
    pipeline: Pipeline | None
    seen: Sequence[Callable[[Update], None]] = field(default_factory=tuple)

    def push(self, items: Sequence[Input]) -> None:
        """Record, compute, show."""
        if self.recorder is not None:
            self.recorder.write(items)
        if self.pipeline is not None:
            self._tell(self.pipeline.push(items))

    def close(self) -> None:
        """The last frames, and the end of the file."""
        if self.recorder is not None:
            self.recorder.close()
        if self.pipeline is not None:
            self._tell(self.pipeline.flush())

    def _tell(self, update: Update) -> None:
        seen, self.seen = self.seen, ()  # whoever raises once is not asked again
        for one in seen:
            one(update)
        self.seen = seen


async def run(
    sensors: Sequence[Sensor],
    inbox: Inbox,
    begin: Callable[[], Session],
    stop: asyncio.Event,
    also: Sequence[Coroutine[None, None, None]] = (),
) -> None:
    """Run a session until ``stop`` is set.

    Parameters
    ----------
    sensors : supervised ones, not started yet
    inbox : theirs
    begin : called once, when all sensors stream or have been waited for: what was granted is known then.  Not called
        when the session is stopped before any sensor has begun
    stop : ends the session; what has arrived by then is recorded and computed
    also : what else runs meanwhile: keys, a clock of one's own
    """
    try:
        await _run(sensors, inbox, begin, stop, also)
    except BaseExceptionGroup as group:
        raise _first(group) from None


def _first(error: BaseException) -> BaseException:
    """The error that ended a task group: one line of it is enough for a person."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


async def _run(
    sensors: Sequence[Sensor],
    inbox: Inbox,
    begin: Callable[[], Session],
    stop: asyncio.Event,
    also: Sequence[Coroutine[None, None, None]],
) -> None:
    async with asyncio.TaskGroup() as group:
        background = [group.create_task(sensor.run()) for sensor in sensors]
        background += [group.create_task(work) for work in also]
        background.append(group.create_task(_ticking(inbox)))
        session = None
        try:
            await _gathered(sensors, stop)
            if not stop.is_set() or any(sensor.granted is not None for sensor in sensors):
                session = begin()
                pump = group.create_task(_pumping(inbox, session, sensors))
                await stop.wait()
                pump.cancel()
        finally:
            for task in background:
                task.cancel()
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAVE):
                    await asyncio.gather(*background, return_exceptions=True)
            if session is not None:
                try:
                    session.push(inbox.take())
                finally:
                    session.close()


async def _ticking(inbox: Inbox) -> None:
    while True:
        await asyncio.sleep(TICK)
        inbox.tick()


async def _gathered(sensors: Sequence[Sensor], stop: asyncio.Event) -> None:
    """Until all sensors have begun, or have had their time, or nobody waits for them any more."""
    with suppress(TimeoutError):
        async with asyncio.timeout(GATHER):
            while not stop.is_set() and any(sensor.granted is None for sensor in sensors):
                await asyncio.sleep(0.05)


async def _pumping(inbox: Inbox, session: Session, sensors: Sequence[Sensor]) -> None:
    """Inputs as they come, a round of packets at a time."""
    now = asyncio.get_running_loop().time
    while True:
        await inbox.filled.wait()
        end = now() + ROUND
        while not _whole(inbox.items, sensors) and (left := end - now()) > 0.0:
            inbox.filled.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await inbox.filled.wait()
        session.push(inbox.take())


def _whole(items: Sequence[Input], sensors: Sequence[Sensor]) -> bool:
    """Whether every sensor that streams has sent something, or somebody has asked for something."""
    heard = {item.sensor for item in items if type(item) is Packet}
    asked = any(type(item) is Command for item in items)
    return asked or all(sensor.wanted.site in heard for sensor in sensors if sensor.state == "streaming")
