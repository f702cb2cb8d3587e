"""Where a running ``imu-coach virtual`` is found: a file in the user's runtime folder, gone when it ends."""

from __future__ import annotations

import json
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import platformdirs

from imu_coach.errors import ConfigError
from imu_coach.virtual.wire import HOST

ALIVE_SECONDS = 1.0


class Running(NamedTuple):
    """A virtual air to connect to.

    ``radio`` and ``admin`` are TCP ports of this computer: :class:`imu_coach.virtual.adapter.Adapter` takes the first.
    The rest says who exercises there: :func:`imu_coach.virtual.person.exercising`.
    """

    pid: int
    radio: int
    admin: int
    layout: str
    exercise: str
    seed: int
    sets: int = 2
    reps: int = 8


def file() -> Path:
    """The file; ``IMU_COACH_RUNTIME`` puts it into another folder."""
    folder = os.environ.get("IMU_COACH_RUNTIME")
    if not folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs warns of a session without a runtime folder, and finds one
            folder = platformdirs.user_runtime_dir("imu-coach")
    return Path(folder) / "virtual.json"


def find() -> Running | None:
    """The virtual air that runs now, if any; a file that was left behind does not count."""
    try:
        found = Running(**json.loads(file().read_text("utf-8")))
        with socket.create_connection((HOST, found.admin), ALIVE_SECONDS):
            return found
    except (OSError, ValueError, TypeError, OverflowError):
        return None


@contextmanager
def announced(running: Running) -> Iterator[Path]:
    """Leave the file while it runs; ConfigError when another one runs already."""
    other = find()
    if other is not None:
        raise ConfigError("", "virtual", f"it runs already (process {other.pid}); end that one first")
    place = file()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(running._asdict()), "utf-8")
        os.replace(fresh, place)
    except OSError as error:
        raise ConfigError(place, "", f"cannot be written: {error.strerror}") from None
    try:
        yield place
    finally:
        with suppress(OSError):
            place.unlink()
