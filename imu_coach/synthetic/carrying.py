"""Sensors that change places, are tapped or knocked: which segment each one follows, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from imu_coach import quat
from imu_coach.conventions import GRAVITY
from imu_coach.synthetic.person import Person, Triple, stream
from imu_coach.synthetic.sensors import Errors, Slip, attitude_and_place
from imu_coach.synthetic.skeleton import Body, body
from imu_coach.synthetic.timeline import Jolt, Notes, Timeline
from imu_coach.types import Floats, Json

REBOUND = 3.0
"""A knock moves a sensor and it stays where it was: the rebound is so much longer, and weaker."""

RATTLE = 25.0
"""deg/s per g that a knock turns a sensor to and fro [ENG]."""


class Leg(NamedTuple):
    """A sensor is worn at ``site`` of ``arm`` from ``end`` on, s; before, from ``start`` on, it was carried there."""

    start: float
    end: float
    site: str
    arm: str


def legs_of(sensors: Sequence[str], notes: Notes, person: Person) -> dict[str, list[Leg]]:
    """Where each sensor is worn, in order; a re-siting takes the sensor that is at its first site, if there is one."""
    legs = {sensor: [Leg(-1.0, -1.0, sensor, person.arm)] for sensor in sensors}
    for r in notes.resites:
        sensor = next((s for s in sensors if legs[s][-1].site == r.before), None)
        if sensor is not None:
            legs[sensor].append(Leg(r.start, r.end, r.after, r.arm))
    return legs


def resite_commands(
    legs: Mapping[str, Sequence[Leg]], seed: int
) -> tuple[list[tuple[float, str, Mapping[str, Json]]], list[tuple[float, float, str, str]]]:
    """The commands that say where a sensor is now, a moment after it is on, and the same for the truth."""
    rng = stream(seed, "resite")
    commands: list[tuple[float, str, Mapping[str, Json]]] = []
    sited: list[tuple[float, float, str, str]] = []
    for sensor, places in legs.items():
        for leg in places[1:]:
            when = leg.end + float(rng.uniform(0.2, 0.7))
            commands.append((when, "resite", {"sensor": sensor, "site": leg.site}))
            sited.append((round(leg.start, 3), round(leg.end, 3), sensor, leg.site))
    return commands, sorted(sited)


def two_armed(person: Person, line: Timeline, rate: float, seed: int) -> Body:
    """The body whose arm is the one that the sensors are on: it may be the other one after a re-siting."""
    own = body(person, line, rate, seed)
    changes = [(r.start, r.arm) for r in line.notes.resites]
    if all(arm == person.arm for _, arm in changes):
        return own
    other = body(person, line, rate, seed, other_arm=True)
    t = np.arange(len(own.scapula)) / rate
    arms = np.array([False, *(arm != person.arm for _, arm in changes)])
    swapped = arms[np.searchsorted([when for when, _ in changes], t, side="right")]

    def mixed(a: Mapping[str, Floats], b: Mapping[str, Floats]) -> dict[str, Floats]:
        out = dict(a)
        for segment in ("upper_arm", "forearm"):
            rows = swapped if a[segment].ndim == 1 else swapped[:, None]
            out[segment] = np.where(rows, b[segment], a[segment])
        return out

    return replace(
        own,
        earth_from=mixed(own.earth_from, other.earth_from),
        joint=mixed(own.joint, other.joint),
        flexion=mixed(own.flexion, other.flexion),
    )


def worn(
    sensor: str,
    legs: Sequence[Leg],
    moving: Body,
    notes: Notes,
    person: Person,
    errors: Errors,
    slips: Sequence[Slip],
    seed: int,
) -> tuple[Floats, Floats]:
    """``earth_from_sensor (n, 4)`` and place ``(n, 3)`` m of a sensor that follows one segment after the other."""
    first = legs[0].site
    q, p = attitude_and_place(first, moving, notes, person, errors, _within(slips, sensor, first, legs, 0), seed)
    for k, leg in enumerate(legs[1:], 1):
        wearer = replace(person, arm=leg.arm, mounting={leg.site: _anew(person, sensor, k)})
        part = _within(slips, sensor, leg.site, legs, k)
        q_new, p_new = attitude_and_place(leg.site, moving, notes, wearer, errors, part, seed)
        q, p = _carried(leg, moving.rate, (q, p), (q_new, p_new), stream(seed, f"carry:{sensor}:{k}"))
    return q, p


def _within(slips: Sequence[Slip], sensor: str, site: str, legs: Sequence[Leg], k: int) -> list[Slip]:
    """The slips of a sensor while it is on its k-th place, under the name of the place."""
    until = legs[k + 1].start if k + 1 < len(legs) else np.inf
    return [(site, t, degrees, axis) for s, t, degrees, axis in slips if s == sensor and legs[k].end <= t < until]


def _anew(person: Person, sensor: str, k: int) -> Triple:
    """A mounting error of the same kind as the person's others."""
    rng = stream(person.seed, f"mounting:{sensor}:{k}")
    axis = rng.standard_normal(3)
    x, y, z = float(np.clip(12.0 + 4.0 * rng.standard_normal(), 5.0, 20.0)) * axis / np.linalg.norm(axis)
    return float(x), float(y), float(z)


def _carried(
    leg: Leg, rate: float, old: tuple[Floats, Floats], new: tuple[Floats, Floats], rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """The old way until a leg starts, then taken through the air by hand, then the new way."""
    (q, p), (q_new, p_new) = old, new
    i, j = (min(int(np.ceil(t * rate)), len(p)) for t in (leg.start, leg.end))
    x = (np.arange(i, j) / rate - leg.start) / (leg.end - leg.start)
    left = (1.0 - x * x * x * (10.0 + x * (6.0 * x - 15.0)))[:, None]
    bump = (16.0 * x * x * (1.0 - x) * (1.0 - x))[:, None]
    apart = quat.multiply(q[i - 1], quat.conjugate(q_new[i]))
    apart = apart if apart[0] >= 0 else -apart
    away = 2.0 * np.arccos(min(float(apart[0]), 1.0)) * quat.normalize(apart[1:] + 1e-12)
    wave = np.sin(np.outer(x, rng.uniform(8.0, 20.0, 3)) + rng.uniform(0.0, 6.28, 3))
    turned = quat.from_rotvec(left * away)
    handled = quat.multiply(quat.multiply(turned, q_new[i:j]), quat.from_rotvec(bump * wave * rng.uniform(0.4, 1.4, 3)))
    swing = 0.15 * bump * np.sin(np.outer(x, rng.uniform(8.0, 20.0, 3)))
    place = left * p[i - 1] + (1.0 - left) * p_new[i:j] + swing
    return np.concatenate([q[:i], handled, q_new[j:]]), np.concatenate([p[:i], place, p_new[j:]])


def turned(notes: Notes, seed: int) -> list[Slip]:
    """The slips that knocks make, about axes of their own."""
    slips: list[Slip] = []
    for k, (t, sensor, degrees) in enumerate(notes.turns):
        x, y, z = (float(v) for v in stream(seed, f"turn:{k}").standard_normal(3))
        slips.append((sensor, t, degrees, (x, y, z)))
    return slips


def jolted(sensor: str, notes: Notes, rate: float, force: Floats, omega: Floats, seed: int) -> tuple[Floats, Floats]:
    """Specific force and rate (n, 3) with the knocks on this sensor: a spike, a rebound, a little rattling."""
    for k, jolt in enumerate(notes.jolts):
        if jolt.sensor == sensor:
            _knock(jolt, rate, force, omega, stream(seed, f"jolt:{k}"))
    return force, omega


def _knock(jolt: Jolt, rate: float, force: Floats, omega: Floats, rng: np.random.Generator) -> None:
    """Add one knock in place: half a sine of its width along the outward axis, then a third of it three times as long.

    The two areas are equal: the sensor is at rest again afterwards.
    """
    direction = np.array([-1.0, *rng.uniform(-0.3, 0.3, 2)])
    direction *= jolt.peak * GRAVITY / np.linalg.norm(direction)
    spin = np.deg2rad(RATTLE) * jolt.peak * rng.standard_normal(3)
    length = (1.0 + REBOUND) * jolt.seconds
    i, j = (min(int(np.ceil(x * rate)), len(force)) for x in (jolt.t, jolt.t + length))
    s = (np.arange(i, j) / rate - jolt.t) / jolt.seconds
    pulse = np.where(s < 1.0, np.sin(np.pi * s), -np.sin(np.pi * (s - 1.0) / REBOUND) / REBOUND)
    force[i:j] += pulse[:, None] * direction
    omega[i:j] += np.sin(2.0 * np.pi * s / (1.0 + REBOUND))[:, None] * spin
