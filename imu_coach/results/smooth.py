"""How smooth the phases of a repetition were: SPARC of the angular speed, never across a hold.

Of the speeds that sensors on a body give, that of the gyroscope makes SPARC valid; accelerations integrated to a speed
do not [1]_.  The spectral arc length is that of [2]_: up to 10 Hz, amplitudes from 5 % on, padded by 2^4.

References
----------
.. [1] A. Melendez-Calderon et al., Front. Bioeng. Biotechnol. 8 (2021) 558771, doi:10.3389/fbioe.2020.558771
.. [2] S. Balasubramanian et al., J. NeuroEng. Rehabil. 12 (2015) 112, doi:10.1186/s12984-015-0090-9
"""

from __future__ import annotations

import math

import numpy as np

from imu_coach.conventions import FRAME_RATE
from imu_coach.core.channels import first_site
from imu_coach.exercise import Exercise, Motion, Plan
from imu_coach.types import Event, Floats

HIGHEST, LEAST, PADDING = 10.0, 0.05, 4
SHORTEST = 30
"""Frames (0.3 s); of fewer there is no spectrum worth the name."""


class Turning:
    """How fast every sensor turns, ``speed (n, s)`` rad/s per frame from 0 on; knows which one carries a repetition."""

    def __init__(self, speed: Floats, sites: tuple[str, ...], plan: Plan | None) -> None:
        self.speed, self.sensors, self.sites = speed, sites, sites
        self.exercises = {item.exercise.id: item.exercise for item in plan.items} if plan is not None else {}
        self.column = -1

    def follow(self, e: Event) -> None:
        """Sensors that move, and the channel of a set."""
        d = e.detail
        if e.kind == "resited":
            self.sites = tuple(
                d["site"] if s == d["sensor"] else old for s, old in zip(self.sensors, self.sites, strict=True)
            )
        elif e.kind in ("set_begin", "practice_begin"):
            exercise = self.exercises.get(d["exercise"])
            motion = _motion(exercise, d["channel"], self.sites) if exercise is not None else None
            self.column = first_site(motion, self.sites) if motion is not None else -1

    def smoothness(self, e: Event) -> dict[str, float]:
        """Of the two phases of a repetition; NaN where it cannot be told."""
        d = e.detail
        if self.column < 0 or "end_s" not in d:
            return {}
        ends = [e.onset, *(round(d[name] * FRAME_RATE) for name in ("top_s", "release_s", "end_s"))]
        speed = self.speed[:, self.column]
        return {
            "smooth_up": sparc(speed[ends[0] : ends[1] + 1]),
            "smooth_down": sparc(speed[ends[2] : ends[3] + 1]),
        }


def _motion(exercise: Exercise, channel: str, sites: tuple[str, ...]) -> Motion | None:
    """The motion that a channel's name stands for; "tilt" stands in for the first that is worn."""
    worn = [m for m in exercise.motions if first_site(m, sites) >= 0]
    return next((m for m in worn if m.channel == channel), worn[0] if worn and channel == "tilt" else None)


def sparc(speed: Floats) -> float:
    """Spectral arc length of a speed ``(n,)`` at 100 Hz; NaN where a value is missing or too few are there."""
    if len(speed) < SHORTEST or not np.isfinite(speed).all() or not speed.any():
        return math.nan
    size = 2 ** (math.ceil(math.log2(len(speed))) + PADDING)
    height = np.abs(np.fft.rfft(speed, size))
    height /= height.max()
    hz = np.arange(len(height)) * (FRAME_RATE / size)
    within = np.flatnonzero((hz <= HIGHEST) & (height >= LEAST))
    span = slice(int(within[0]), int(within[-1]) + 1)
    hz, height = hz[span], height[span]
    if len(hz) < 2:
        return math.nan
    return -float(np.hypot(np.diff(hz) / (hz[-1] - hz[0]), np.diff(height)).sum())
