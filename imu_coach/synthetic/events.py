"""Single movements with a purpose: bend, round, turn, reach, cough; and what happens to the sensors meanwhile."""

from __future__ import annotations

import numpy as np

from imu_coach.synthetic.acting import Actor
from imu_coach.synthetic.repetitions import habit
from imu_coach.synthetic.scenario import Activity, Step, Strategy
from imu_coach.synthetic.timeline import SPINE, Jolt, Resite, joints

MINIMUM_JERK_PEAK = 1.875
"""Peak speed of a minimum-jerk move, of its mean."""

LEAN_SECONDS = 1.8

KNOCKS = {"double_tap": 2, "triple_tap": 3, "knock": 1}
TAP_APART = 0.25
"""s between the taps of one signal."""

RESITE_SECONDS = (5.0, 8.0)
"""s from taking a sensor off to having it on elsewhere [ENG]."""

FUMBLING = {"lat": 6.0, "axial": 8.0, "trunk": 7.0, "spine": 4.0}
"""SD of what the trunk does while the hands are busy with a sensor, deg [ENG]."""


def event(actor: Actor, activity: Activity, step: Step) -> None:
    """Lean to where it happens, do it (several times), and come back."""
    line = actor.timeline
    name, how = habit(actor, activity, step)
    start = line.t
    line.t += 0.6
    lean = actor.draw(activity.name + ".lean", activity.lean) if step.trunk is None else step.trunk
    bent: dict[str, float] = {}
    if lean:
        trunk = lean - sum(line.value[c] for c in ("pelvis", *SPINE))
        # a rounding comes on top of a flat back: how much of it is the lean's own would not be known
        spine = (
            0.0 if activity.channel == "spine" else actor.room(actor.draw(f"{activity.name}.{name}", how.spine) * trunk)
        )
        bent = joints({"trunk": trunk, "spine": spine}, actor.share(how))
        line.go({c: line.value[c] + d for c, d in bent.items()}, actor.seconds(LEAN_SECONDS))
    for _ in range(activity.reps if step.reps is None else step.reps):
        _once(actor, activity, step, name, how)
    if bent:
        line.go({c: line.value[c] - d for c, d in bent.items()}, actor.seconds(LEAN_SECONDS))
    line.notes.strategies.append((start, line.t, name))
    line.t += 0.6


def _once(actor: Actor, activity: Activity, step: Step, name: str, how: Strategy) -> None:
    line, more = actor.timeline, actor.more
    drawn = float(np.clip(actor.draw(activity.name + ".amplitude", activity.amplitude), *activity.limits))
    size = drawn if step.amplitude is None else step.amplitude
    deltas = actor.draws(f"{activity.name}.{name}.also", {**activity.also, **how.also})
    deltas[activity.channel] = deltas.get(activity.channel, 0.0) + activity.sign * size
    if activity.channel == "trunk":
        deltas["spine"] = actor.room(actor.draw(f"{activity.name}.{name}.spine", how.spine) * size)
    if activity.tilt[1]:
        way = 1.0 if actor.person.trait("scapula") > 0 else -1.0
        deltas["scapula"] = way * float(more.uniform(*activity.tilt))
    rise = actor.seconds(activity.rise, step.speed)
    fall = actor.seconds(activity.fall, step.speed)
    if step.rate is not None:
        rise = fall = MINIMUM_JERK_PEAK * abs(size) / step.rate
    stay = actor.seconds(activity.hold) if step.seconds is None else step.seconds
    line.excursion(joints(deltas, actor.share(how)), line.t, rise, stay, fall)
    line.t += rise + stay + fall + actor.seconds(activity.rest)


def resite(actor: Actor, activity: Activity, step: Step) -> None:
    """Carry the sensor at one site to another; ``strategy`` is "from>to", or "from>to:left" for an arm's side."""
    line, more = actor.timeline, actor.more
    way, _, arm = (step.strategy or "").partition(":")
    before, _, after = way.partition(">")
    line.t += 0.5
    start, seconds = line.t, float(more.uniform(*RESITE_SECONDS))
    for share in (0.15, 0.55):
        busy = {c: sd * float(more.standard_normal()) for c, sd in FUMBLING.items()}
        line.excursion(joints(busy, 0.7), start + share * seconds, 0.9, 0.4, 0.9)
    actor.arm = arm or actor.arm
    line.t = start + seconds
    line.notes.resites.append(Resite(start, line.t, before, after, actor.arm))
    line.t += float(more.uniform(0.8, 2.0))


def jolt(actor: Actor, activity: Activity, step: Step) -> None:
    """Taps or a knock on the sensor that ``strategy`` names (wrist); ``amplitude`` deg by which a knock turns it."""
    line, more, notes = actor.timeline, actor.more, actor.timeline.notes
    sensor = step.strategy or "wrist"
    line.t += 0.8
    for _ in range(KNOCKS[activity.name]):
        peak = float(more.uniform(3.5, 6.0) if activity.name == "knock" else more.uniform(2.0, 4.0))
        notes.jolts.append(Jolt(line.t, sensor, peak, float(more.uniform(0.02, 0.04))))
        line.t += TAP_APART * float(more.uniform(0.9, 1.1))
    if step.amplitude:
        notes.turns.append((notes.jolts[-1].t, sensor, step.amplitude))
    line.t += 1.2
