"""How somebody performs this time, beyond who they are: sizes, tempo, pauses, breathing; and what a link does to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from imu_coach.synthetic.link import Faults
from imu_coach.synthetic.person import Person, stream

Which = Literal["tuning", "test"]
Range = tuple[float, float]


@dataclass(frozen=True)
class Conduct:
    """How the person of a session performs; the defaults change nothing.

    Attributes
    ----------
    amplitude : factor on every repetition, 0.4-2; only what a body can do limits it, not what is usual
    tempo : factor on every duration but holds and stills
    partials : chance that a repetition is not a whole one; ``partial_size``: its size, of a whole one
    pauses : chance of a pause after a repetition; ``pause`` s: shortest and longest
    gap : factor on the time between repetitions
    wobble : factor on sway and tremor
    breathing, breathing_hz : deg at the upper back, Hz; None: the person's own
    dips : chance that a hold sinks for half a second
    hold_sway : deg (amplitude), 0.2-0.8 Hz, of the trunk while a hold lasts
    sag : deg/s by which the trunk sinks while a hold lasts, at most 3 deg
    fatigue : factor on the share of the amplitude that is lost during a set
    ready : s, shortest and longest still time in the start posture before a set (coached sessions)
    finish : s after the last repetition until "that was this set" is said (coached sessions)
    rest : s, shortest and longest rest between the sets of :func:`~imu_coach.synthetic.exercise_session`
    """

    amplitude: float = 1.0
    tempo: float = 1.0
    partials: float = 0.08
    partial_size: Range = (0.3, 0.6)
    pauses: float = 0.08
    pause: Range = (2.0, 6.0)
    gap: float = 1.0
    wobble: float = 1.0
    breathing: float | None = None
    breathing_hz: float | None = None
    dips: float = 0.3
    hold_sway: float = 0.0
    sag: float = 0.0
    fatigue: float = 1.0
    ready: Range = (3.0, 5.0)
    finish: Range = (2.7, 3.3)
    rest: Range = (20.0, 45.0)

    def on(self, person: Person) -> Person:
        """The person as they are this time."""
        return replace(
            person,
            tempo=person.tempo * self.tempo,
            fatigue=person.fatigue * self.fatigue,
            sway=person.sway * self.wobble,
            tremor=person.tremor * self.wobble,
            breathing=person.breathing if self.breathing is None else self.breathing,
            breathing_hz=person.breathing_hz if self.breathing_hz is None else self.breathing_hz,
        )

    @classmethod
    def draw(cls, seed: int | np.random.Generator, which: Which = "test") -> Conduct:
        """A conduct from :data:`CONDUCT`; tune on "tuning", report on "test".

        Amplitude, tempo and wobble are drawn uniformly in the logarithm, everything else uniformly.
        """
        rng = stream(seed, "conduct:" + which) if isinstance(seed, int) else seed
        value: dict[str, Any] = {name: _drawn(rng, name, low, high) for name, (low, high) in CONDUCT[which].items()}
        return cls(pause=PAUSE[which], partial_size=PARTIAL_SIZE[which], **value)


LOGARITHMIC: Final = ("amplitude", "tempo", "wobble", "gap")

CONDUCT: Final[Mapping[str, Mapping[str, Range]]] = {
    "tuning": {
        "amplitude": (0.7, 1.4), "tempo": (0.8, 1.35), "gap": (0.7, 1.6), "wobble": (0.7, 1.4),
        "partials": (0.0, 0.12), "pauses": (0.0, 0.12), "breathing": (0.8, 1.6), "breathing_hz": (0.18, 0.28),
        "dips": (0.1, 0.4), "hold_sway": (0.0, 0.7), "sag": (0.0, 0.05), "fatigue": (0.5, 1.5),
    },
    "test": {
        "amplitude": (0.6, 1.7), "tempo": (0.65, 1.7), "gap": (0.4, 2.5), "wobble": (0.5, 2.0),
        "partials": (0.0, 0.16), "pauses": (0.0, 0.2), "breathing": (0.5, 2.0), "breathing_hz": (0.15, 0.36),
        "dips": (0.0, 0.6), "hold_sway": (0.0, 1.0), "sag": (0.0, 0.1), "fatigue": (0.0, 2.5),
    },
}  # fmt: skip
"""Ranges of :meth:`Conduct.draw`.  Those for tests are wider on either side, so that most draws of a test differ from
everything seen while tuning in at least one parameter [ENG; biomechanics.md 3 and 7 for the middle]."""

PAUSE: Final[Mapping[str, Range]] = {"tuning": (2.0, 5.0), "test": (2.0, 10.0)}
PARTIAL_SIZE: Final[Mapping[str, Range]] = {"tuning": (0.3, 0.55), "test": (0.25, 0.6)}

FAULTS: Final[Mapping[str, Mapping[str, Range]]] = {
    "tuning": {"loss": (0.0, 0.005), "burst": (0.0, 0.5), "stall_rate": (0.0, 0.3), "gyro_bias_dps": (0.5, 1.5)},
    "test": {"loss": (0.0, 0.02), "burst": (0.0, 2.0), "stall_rate": (0.0, 1.0), "gyro_bias_dps": (0.3, 3.0),
             "duplicate": (0.0, 0.005), "late": (0.0, 0.003)},
}  # fmt: skip
"""Ranges of :func:`faults_for`; biomechanics.md 7: bursts of loss, 0.1-3 % in all."""


def faults_for(which: Which, seed: int) -> Faults:
    """A link and parts drawn from :data:`FAULTS`; no slips, reboots or long outages."""
    rng = stream(seed, "faults:" + which)
    value: dict[str, Any] = {name: float(rng.uniform(*ends)) for name, ends in FAULTS[which].items()}
    return Faults(**value)


def _drawn(rng: np.random.Generator, name: str, low: float, high: float) -> float:
    if name in LOGARITHMIC:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return float(rng.uniform(low, high))
