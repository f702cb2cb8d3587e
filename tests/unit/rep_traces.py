"""Made-up channels with known repetitions and holds, for the tests of counters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from imu_coach.core.rep import RepSpec
from imu_coach.types import Floats

RATE = 100.0


class Kind(NamedTuple):
    """An exercise's channel: degrees, seconds."""

    amplitude: float
    minimum: float
    rise: float
    hold: float
    fall: float
    either_way: bool = False
    held: bool = False
    drift: float = 0.0

    def spec(self, factor: float = 1.0) -> RepSpec:
        """What a counter would be told, the amplitude wrong by ``factor``."""
        return RepSpec(
            float(np.deg2rad(self.amplitude * factor)),
            float(np.deg2rad(self.minimum)),
            either_way=self.either_way,
            hold=self.hold if self.held else None,
        )


KINDS = {
    "ext_rotation": Kind(50, 15, 1.5, 0.4, 1.8, drift=0.2),
    "row": Kind(70, 20, 1.3, 0.4, 1.6),
    "pushback": Kind(18, 7, 1.2, 0.5, 1.4),
    "superman": Kind(140, 40, 2.2, 3.0, 2.4, drift=0.2),
    "prop": Kind(28, 8, 2.0, 5.0, 2.0, held=True),
    "press_up": Kind(38, 10, 2.0, 3.0, 2.2, held=True),
    "advanced": Kind(11, 3.5, 1.5, 5.0, 1.6, held=True),
    "side_reach": Kind(20, 8, 1.5, 0.6, 1.6, either_way=True),
}


@dataclass
class Trace:
    """A channel (rad), its true repetitions (onset, top, release, end, amplitude, complete) and its own amplitude."""

    value: Floats
    reps: list[tuple[float, float, float, float, float, bool]] = field(default_factory=list)
    amplitude: float = 0.0

    @property
    def complete(self) -> list[tuple[float, float, float, float, float, bool]]:
        return [rep for rep in self.reps if rep[5]]


def smooth_step(n: int) -> Floats:
    """Minimum-jerk way from 0 to 1 in ``n`` frames."""
    u = (np.arange(n) + 1.0) / n
    return np.asarray(u**3 * (10.0 - 15.0 * u + 6.0 * u * u))


def noise(rng: np.random.Generator, n: int, breathing: float = 1.5, sway: float = 1.0, tremor: float = 0.4) -> Floats:
    """Breathing (0.2-0.3 Hz), sway (0.1-0.5 Hz) and tremor (4-8 Hz), deg amplitudes; rad."""
    t = np.arange(n) / RATE
    out = breathing * np.sin(2 * np.pi * rng.uniform(0.22, 0.28) * t + rng.uniform(0, 6.28))
    parts = rng.uniform(0.1, 0.5, 4)
    swing = sum(np.sin(2 * np.pi * f * t + rng.uniform(0, 6.28)) for f in parts)
    out += sway * swing / max(1e-9, np.abs(swing).max() if n else 1.0)
    wobble = 1.0 + 0.5 * np.sin(2 * np.pi * 0.2 * t + rng.uniform(0, 6.28))
    out += tremor / 1.5 * wobble * np.sin(2 * np.pi * rng.uniform(4.0, 8.0) * t)
    return np.deg2rad(out + 0.05 * rng.standard_normal(n))


def trace(
    rng: np.random.Generator,
    kind: Kind,
    reps: int = 8,
    partials: float = 0.08,
    pauses: float = 0.08,
    breathing: tuple[float, float] = (0.3, 1.5),
    sway: tuple[float, float] = (0.3, 1.0),
    tremor: tuple[float, float] = (0.1, 0.8),
    tempo: tuple[float, float] = (0.6, 2.0),
    creep: tuple[float, float] = (-3.0, 5.0),
    dips: float = 0.3,
    gaps: int = 0,
    lead: float = 2.0,
    own: float = 1.0,
    hold: float | None = None,
) -> Trace:
    """One set: ``own`` times the kind's amplitude, log-normal tempo about a person's own, fatigue, dips in holds."""
    person = float(np.exp(rng.uniform(*np.log(tempo))))
    fatigue = rng.uniform(0.0, 0.2)
    held = kind.hold if hold is None else hold
    parts: list[Floats] = [np.zeros(int(lead * RATE))]
    truth: list[tuple[float, float, float, float, float, bool]] = []
    now = len(parts[0])
    for k in range(reps):
        full = bool(rng.random() >= partials)
        size = (1.0 - fatigue * k / max(reps - 1, 1)) * (1.0 + 0.12 * rng.standard_normal())
        size = max(size, 0.65) if full else rng.uniform(0.3, 0.6)
        size *= own * kind.amplitude * (-1.0 if kind.either_way and k % 2 else 1.0)
        stretch = [person * float(np.exp(0.15 * rng.standard_normal())) for _ in range(3)]
        rise, fall = (
            max(40, int(RATE * s * f * (1.0 if full else 0.75)))
            for s, f in zip((kind.rise, kind.fall), stretch, strict=False)
        )
        top = int(RATE * (held * np.exp(0.12 * rng.standard_normal()) if full else 0.3))
        plateau = np.ones(top)
        if kind.held and top > 250 and rng.random() < dips:
            width = int(rng.uniform(20, 50))
            at = int(rng.uniform(80, top - 130))
            plateau[at : at + width] -= rng.uniform(0.1, 0.3) * np.sin(np.pi * np.arange(width) / width)
        rest = int(RATE * (rng.uniform(0.1, 1.5) * person + (rng.uniform(2, 6) if rng.random() < pauses else 0.0)))
        up = smooth_step(rise)
        parts += [size * up, size * plateau, size * (1.0 - smooth_step(fall)), np.zeros(rest)]
        truth.append((now, now + rise, now + rise + top, now + rise + top + fall, float(np.deg2rad(abs(size))), full))
        now += rise + top + fall + rest
    parts.append(np.zeros(300))
    value = np.deg2rad(np.concatenate(parts))
    n = len(value)
    value += noise(rng, n, rng.uniform(*breathing), rng.uniform(*sway), rng.uniform(*tremor))
    t = np.arange(n) / RATE
    value += np.deg2rad(rng.uniform(*creep) * t / t[-1] + kind.drift * rng.choice([-1.0, 1.0]) * t)
    value += np.deg2rad(rng.uniform(-30.0, 90.0))
    for _ in range(gaps):
        at = int(rng.uniform(0, n))
        value[at : at + int(rng.uniform(20, 150))] = np.nan
    amplitudes = [rep[4] for rep in truth if rep[5]]
    return Trace(value, truth, float(np.median(amplitudes)) if amplitudes else 0.0)
