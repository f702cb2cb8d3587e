"""Somebody who exercises in the virtual air: one simulated person who moves all the sensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imu_coach.drivers import own
from imu_coach.errors import ConfigError
from imu_coach.synthetic import Conduct, Faults, Simulated, Truth, exercise_session
from imu_coach.synthetic.link import device
from imu_coach.synthetic.scenario import exercises
from imu_coach.types import Command, Packet
from imu_coach.virtual.motion import Motion


@dataclass(frozen=True, eq=False)
class Person:
    """The motion at every site, what the person would tell the program meanwhile, and what was true.

    ``commands`` are those of a coached session, at session times: calibrate, exercise, finish.
    """

    motions: Mapping[str, Motion]
    commands: tuple[Command, ...]
    truth: Truth | None

    @property
    def seconds(self) -> float:
        """When the session is over; then the person rests."""
        return max(motion.seconds for motion in self.motions.values())

    def save(self, path: Path) -> None:
        """The motion alone, for the processes of single sensors."""
        arrays: dict[str, Any] = {site: motion.values for site, motion in self.motions.items()}
        starts = {f"{site}.start": np.float64(motion.start) for site, motion in self.motions.items()}
        np.savez(path, **(arrays | starts))


def exercising(
    exercise: str,
    sites: Sequence[str],
    *,
    seed: int = 1,
    sets: int = 2,
    reps: int | None = 8,
    hold: float | None = None,
    conduct: Conduct | None = None,
) -> Person:
    """A person who does some sets of an exercise after the start routine; the same arguments give the same person."""
    if exercise not in exercises():
        raise ConfigError(
            "", "exercise", f"nobody here knows {exercise!r}; there are: {', '.join(sorted(exercises()))}"
        )
    exact = dict.fromkeys(sites, 0.0)
    link = Faults(clock_ppm=exact, rate_error=exact, stamp_jitter=0.0, sync=False, battery=None)
    session = exercise_session(
        exercise, seed, sets=sets, reps=reps, hold=hold, sensors=sites, faults=link, conduct=conduct or Conduct()
    )
    return _felt(session, link, seed)


def _felt(session: Simulated, link: Faults, seed: int) -> Person:
    """The motion in a session with perfect links and clocks, out of its packets."""
    motions = {}
    for info in session.header.sensors:
        payloads = [p.payload for p in session.inputs if isinstance(p, Packet) and p.sensor == info.sensor]
        decoded = own.Own(info).decode(payloads)
        start = device(info.sensor, info.rate, 1.0, link, seed).boots[0][0]
        motions[info.sensor] = Motion(np.concatenate([decoded.acc, decoded.gyr], axis=1), start)
    commands = tuple(item for item in session.inputs if isinstance(item, Command))
    return Person(motions, commands, session.truth)
