"""What moves when: minimum-jerk moves and waves per joint channel, and the notes of what they meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator

from imu_coach.synthetic.scenario import COMPOSITE
from imu_coach.types import Floats, Json

CHANNELS = (
    "pelvis", "lumbar", "thoracic",
    "pelvis_lat", "lumbar_lat", "thoracic_lat",
    "pelvis_axial", "lumbar_axial", "thoracic_axial",
    "heading", "roll", "height", "forward",
    "arm_yaw", "arm_elev", "arm_twist", "fore_yaw", "fore_elev", "fore_twist",
    "follow", "sway", "tremor",
    "on_hip", "sideways", "scapula",
)  # fmt: skip
"""Joint channels: deg, but height, forward and sideways in m, and follow, sway, tremor and on_hip factors.

``on_hip``: the share of the pelvis' motion that the forearm follows; ``scapula``: tilt of the skin under the sensor on
the upper back that comes from the arms and not from the trunk.
"""

SIDED = tuple(c for c in CHANNELS if c.endswith(("_lat", "_axial", "_yaw", "_twist")))
"""Channels written for a right sensor arm and mirrored for a left one."""

LATERAL = {"pelvis_lat": 0.2, "lumbar_lat": 0.35, "thoracic_lat": 0.45}
AXIAL = {"pelvis_axial": 0.1, "lumbar_axial": 0.2, "thoracic_axial": 0.7}
"""How a side bend and a turn are shared between the joints [ENG; the lumbar spine hardly turns]."""

SPINE = ("lumbar", "thoracic")


class Move(NamedTuple):
    """``channel`` changes by ``delta`` along a minimum-jerk curve."""

    channel: str
    start: float
    seconds: float
    delta: float


class Wave(NamedTuple):
    """A sine on a channel that fades in and out within a second."""

    channel: str
    start: float
    end: float
    hz: float
    amplitude: float
    phase: float


class Orbit(NamedTuple):
    """Channels that go round together: ``turned (k,)`` full turns done at ``times (k,)`` s, smooth in between.

    ``parts``: channel, amplitude (deg or m), phase; it comes and goes within ``ease`` s before and after.
    """

    times: tuple[float, ...]
    turned: tuple[float, ...]
    parts: tuple[tuple[str, float, float], ...]
    ease: float = 1.0


class Jolt(NamedTuple):
    """A knock on a sensor: s, the sensor as the recording calls it, peak in g, width in s."""

    t: float
    sensor: str
    peak: float
    seconds: float


class Resite(NamedTuple):
    """A sensor is carried from one site to another between two times, s; ``arm`` is the one that wears it then."""

    start: float
    end: float
    before: str
    after: str
    arm: str


class Rep(NamedTuple):
    """One repetition as scripted: s, s, s, rad (always positive), and whether it was a whole one."""

    t_on: float
    t_peak: float
    t_off: float
    amplitude: float
    complete: bool


@dataclass
class Notes:
    """What happened, s: the truth beside the angles, and the commands that a coach would have sent."""

    steps: list[tuple[float, float, str]] = field(default_factory=list)
    strategies: list[tuple[float, float, str]] = field(default_factory=list)
    contexts: list[tuple[float, str, bool]] = field(default_factory=list)
    reps: list[Rep] = field(default_factory=list)
    holds: list[tuple[float, float]] = field(default_factory=list)
    commands: list[tuple[float, str, Mapping[str, Json]]] = field(default_factory=list)
    sets: list[tuple[float, float, str, str]] = field(default_factory=list)
    lapses: list[tuple[float, float, float, float]] = field(default_factory=list)
    jolts: list[Jolt] = field(default_factory=list)
    turns: list[tuple[float, str, float]] = field(default_factory=list)
    resites: list[Resite] = field(default_factory=list)
    tall: tuple[float, float] | None = None
    table: float = 0.0
    worn: float = 0.0


class Timeline:
    """Moves and waves laid out in time; :attr:`value` is where each channel is heading."""

    def __init__(self) -> None:
        self.t = 0.0
        self.value = dict.fromkeys(CHANNELS, 0.0)
        self.moves: list[Move] = []
        self.waves: list[Wave] = []
        self.orbits: list[Orbit] = []
        self.notes = Notes()

    def shift(self, deltas: Mapping[str, float], start: float, seconds: float) -> None:
        """Change joint channels by ``deltas`` from ``start`` on; moves may overlap, they add up."""
        for channel, delta in deltas.items():
            if delta:
                self.moves.append(Move(channel, start, seconds, delta))
                self.value[channel] += delta

    def go(self, targets: Mapping[str, float], seconds: float) -> None:
        """Bring joint channels to ``targets``, and let the time pass."""
        self.shift({c: target - self.value[c] for c, target in targets.items()}, self.t, seconds)
        self.t += seconds

    def jump(self, targets: Mapping[str, float]) -> None:
        """Start at ``targets`` (only before anything moved)."""
        self.shift({c: target - self.value[c] for c, target in targets.items()}, -2.0, 1.0)

    def ramp(self, deltas: Mapping[str, float], start: float, seconds: float) -> None:
        """Like :meth:`shift` at a nearly constant speed: overlapping small moves."""
        parts = max(2, round(seconds / 1.5))
        pace = seconds / (parts + 1)
        for i in range(parts):
            self.shift({c: d / parts for c, d in deltas.items()}, start + i * pace, 2.0 * pace)

    def excursion(self, deltas: Mapping[str, float], start: float, up: float, stay: float, down: float) -> None:
        """There and back."""
        self.shift(deltas, start, up)
        self.shift({c: -d for c, d in deltas.items()}, start + up + stay, down)

    def curves(self, n: int, rate: float) -> dict[str, Floats]:
        """Every channel at ``k / rate`` s, ``(n,)`` each; deg, m or factor."""
        t = np.arange(n) / rate
        ramps = {c: np.zeros(n) for c in CHANNELS}
        jumps = {c: np.zeros(n + 1) for c in CHANNELS}
        for channel, start, seconds, delta in self.moves:
            i, j = (min(max(int(np.ceil(x * rate)), 0), n) for x in (start, start + seconds))
            x = (t[i:j] - start) / seconds
            ramps[channel][i:j] += delta * (x * x * x * (10.0 + x * (6.0 * x - 15.0)))
            jumps[channel][j] += delta
        for wave in self.waves:
            i, j = (min(max(round(x * rate), 0), n) for x in (wave.start, wave.end))
            edge = min(1.0, (wave.end - wave.start) / 3.0)
            x = np.clip(np.minimum(t[i:j] - wave.start, wave.end - t[i:j]) / edge, 0.0, 1.0)
            fade = x * x * x * (10.0 + x * (6.0 * x - 15.0))
            angle = 2.0 * np.pi * wave.hz * (t[i:j] - wave.start) + wave.phase
            ramps[wave.channel][i:j] += wave.amplitude * fade * np.sin(angle)
        for orbit in self.orbits:
            first, last = orbit.times[0] - orbit.ease, orbit.times[-1] + orbit.ease
            i, j = (min(max(round(x * rate), 0), n) for x in (first, last))
            x = np.clip(np.minimum(t[i:j] - first, last - t[i:j]) / orbit.ease, 0.0, 1.0)
            fade = x * x * x * (10.0 + x * (6.0 * x - 15.0))
            within = np.clip(t[i:j], orbit.times[0], orbit.times[-1])
            angle = 2.0 * np.pi * PchipInterpolator(orbit.times, orbit.turned)(within)
            for channel, amplitude, phase in orbit.parts:
                ramps[channel][i:j] += amplitude * fade * np.sin(angle + phase)
        return {c: ramps[c] + np.cumsum(jumps[c])[:n] for c in CHANNELS}


def joints(deltas: Mapping[str, float], share: float) -> dict[str, float]:
    """Joint channels of composite ones: the spine's flexion is lumbar by ``share``, the pelvis makes the rest."""
    out = {c: d for c, d in deltas.items() if c not in COMPOSITE}
    trunk, spine = deltas.get("trunk", 0.0), deltas.get("spine", 0.0)
    for channel, part in (("pelvis", trunk - spine), ("lumbar", share * spine), ("thoracic", (1.0 - share) * spine)):
        if part:
            out[channel] = out.get(channel, 0.0) + part
    for channel, part in (("pelvis", deltas.get("legs", 0.0)), ("lumbar", -deltas.get("legs", 0.0))):
        if part:
            out[channel] = out.get(channel, 0.0) + part
    for name, parts in (("lat", LATERAL), ("axial", AXIAL)):
        if name in deltas:
            out.update({c: weight * deltas[name] for c, weight in parts.items()})
    return out
