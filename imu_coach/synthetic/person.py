"""Who is simulated: the numbers of one person, drawn from a seed and from the distributions of ``people.toml``."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from imu_coach.conventions import SITES
from imu_coach.synthetic.scenario import Distribution, people

Triple = tuple[float, float, float]


def stream(seed: int, name: str) -> np.random.Generator:
    """A random generator of its own for every purpose, so that one draw more in one place changes nothing elsewhere."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


@dataclass(frozen=True)
class Person:
    """A simulated person; every value is drawn, sources are in ``people.toml``.

    Attributes
    ----------
    seed : int, also decides the person's habits in each posture (:meth:`trait`)
    arm : ``right`` or ``left``, the arm with the wrist and upper-arm sensors
    stature : m; segment lengths are proportional to it
    kyphosis : deg, forward tilt of the back surface at T2-T4 when standing tall
    lumbar_share, lumbar_share_spread : share of spine flexion made by the lumbar spine, and its SD between repetitions
    lumbar_range, thoracic_range : deg, full flexion from standing
    sit_flattening : deg, lumbar flexion when sitting compared with standing
    slump : deg of spine flexion by which the habitual posture differs from the tall one
    tempo, amplitude : factors on every duration and movement
    fatigue : share of the amplitude lost during a set
    sway, tremor, breathing : deg; tremor_hz, breathing_hz : Hz
    tissue : factor on skin shear and wobble
    mounting : site -> (3,) deg rotation vector, ``segment_from_sensor`` error, also about the long axis
    weights : activity -> strategy -> probability
    """

    seed: int = 0
    arm: str = "right"
    stature: float = 1.62
    kyphosis: float = 25.0
    lumbar_share: float = 0.73
    lumbar_share_spread: float = 0.05
    lumbar_range: float = 45.0
    thoracic_range: float = 19.0
    sit_flattening: float = 36.0
    slump: float = 2.0
    tempo: float = 1.0
    amplitude: float = 1.0
    fatigue: float = 0.06
    sway: float = 1.0
    tremor: float = 0.18
    tremor_hz: float = 5.5
    breathing: float = 1.5
    breathing_hz: float = 0.25
    tissue: float = 1.0
    mounting: Mapping[str, Triple] = field(default_factory=dict)
    weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def draw(cls, seed: int, mix: str = "default") -> Person:
        """The person of a seed, from the population ``mix``."""
        rng = stream(seed, "person")
        spread, weights = people(mix)
        value = {name: _value(rng, d) for name, d in spread.items() if name not in ("mounting", "left_arm")}
        arm = "left" if rng.random() < spread["left_arm"].mean else "right"
        mounting = {site: _rotation(rng, _value(rng, spread["mounting"])) for site in SITES}
        return cls(seed=seed, arm=arm, mounting=mounting, weights=weights, **value)

    @property
    def scale(self) -> float:
        """Body size compared with a stature of 1.62 m."""
        return self.stature / 1.62

    @property
    def mirror(self) -> float:
        """+1 when the sensor arm is the right one, -1 when it is the left one."""
        return 1.0 if self.arm == "right" else -1.0

    def trait(self, name: str) -> float:
        """A standard normal number that belongs to this person and this name for ever."""
        return float(stream(self.seed, "trait:" + name).standard_normal())

    def strategy(self, activity: str, rng: np.random.Generator) -> str:
        """The habitual strategy of this person for an activity, or (3 times in 10) another draw [ENG]; "" if none."""
        weights = self.weights.get(activity)
        if not weights:
            return ""
        source = stream(self.seed, "habit:" + activity) if rng.random() < 0.7 else rng
        p = np.array(list(weights.values()))
        return str(source.choice(list(weights), p=p / p.sum()))


def _value(rng: np.random.Generator, d: Distribution) -> float:
    z = d.sd * rng.standard_normal()
    return float(np.clip(d.mean * np.exp(z) if d.log else d.mean + z, d.low, d.high))


def _rotation(rng: np.random.Generator, degrees: float) -> Triple:
    axis = rng.standard_normal(3)
    x, y, z = (float(v) for v in degrees * axis / np.linalg.norm(axis))
    return x, y, z
