"""What people do in a posture: still, repetitions, slumps, circles, walking, fidgeting; and whole scripts of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imu_coach.synthetic.acting import Actor
from imu_coach.synthetic.person import Person
from imu_coach.synthetic.scenario import Activity, Spread, Step, Strategy, activities, poses
from imu_coach.synthetic.timeline import SPINE, Notes, Rep, Timeline, Wave, joints

PARTIAL, PAUSE, HOLD_DIP = 0.08, 0.08, 0.3
"""Chances per repetition: biomechanics.md 7; the dips ENG."""

AMPLITUDE_SD = 0.12
"""SD of a repetition's relative amplitude: biomechanics.md 7."""

LEAD_IN = {"table_still": 0.8}
"""s of stillness before the calibration command, if not 0.6."""


def _calibrate(actor: Actor, activity: Activity, step: Step, seconds: float) -> None:
    if activity.calibrate and step.calibrate:
        value = {"pose": activity.calibrate, "seconds": round(seconds, 2)}
        actor.timeline.notes.commands.append((actor.timeline.t, "calibrate", value))


def still(actor: Actor, activity: Activity, step: Step) -> None:
    """Stay, and calibrate if the activity says so."""
    line, notes = actor.timeline, actor.timeline.notes
    seconds = activity.seconds if step.seconds is None else step.seconds
    lead = LEAD_IN.get(activity.calibrate, 0.6) if activity.calibrate else 0.0
    length = seconds - lead - 0.2 if activity.name == "table" else seconds
    line.t += lead
    _calibrate(actor, activity, step, length)
    if activity.name == "stand_tall" and notes.tall is None:
        notes.tall = (line.t, line.t + length)
    line.t += length + 0.2
    if activity.name == "table":
        notes.table = notes.worn = line.t
    if activity.name == "put_on":
        notes.worn = line.t


def path(actor: Actor, activity: Activity, step: Step) -> None:
    """Through poses, one after the other."""
    line = actor.timeline
    line.t += 0.8
    start, parts = line.t, [(pose, actor.seconds(s, step.speed)) for pose, s in activity.path]
    _calibrate(actor, activity, step, sum(s for _, s in parts) + 1.0)
    for pose, seconds in parts:
        line.go(actor.pose(pose), seconds)
    line.t = max(line.t, start) + 1.2
    actor.group = poses()[activity.path[-1][0]].group


def command(actor: Actor, activity: Activity, step: Step) -> None:
    """Somebody presses a button."""
    value = {"text": step.strategy or "marker"} if activity.name == "marker" else {}
    actor.timeline.notes.commands.append((actor.timeline.t, activity.name, value))


def _strategy(actor: Actor, activity: Activity, step: Step) -> tuple[str, Strategy]:
    name = step.strategy or actor.person.strategy(activity.name, actor.rng) or next(iter(activity.strategy), "")
    return name, activity.strategy.get(name, Strategy())


def _spread(actor: Actor, name: str, values: Mapping[str, Spread], strategy: Strategy) -> dict[str, float]:
    """Joint changes of a strategy's offset, drift or dip."""
    deltas = actor.draws(name, values)
    if "spine" in deltas:
        deltas["spine"] = actor.room(deltas["spine"])
    return joints(deltas, actor.share(strategy))


@dataclass(frozen=True)
class Drawn:
    """One repetition, drawn: seconds, relative amplitude, and how much of the movement is whose."""

    rise: float
    hold: float
    fall: float
    rest: float
    factor: float
    complete: bool


def _draw_rep(actor: Actor, activity: Activity, step: Step, progress: float) -> Drawn:
    rng = actor.rng
    complete = bool(rng.random() >= PARTIAL)
    factor = (1.0 - actor.person.fatigue * progress) * (1.0 + AMPLITUDE_SD * float(rng.standard_normal()))
    if not complete:
        factor = float(rng.uniform(0.3, 0.6))
    hold = activity.hold if step.hold is None else step.hold
    rise, fall = (actor.seconds(s, step.speed) * (1.0 if complete else 0.75) for s in (activity.rise, activity.fall))
    # a hold is counted aloud: its length spreads less than a movement's
    held = hold * float(np.exp(0.12 * rng.standard_normal())) if complete else 0.3
    rest = actor.seconds(activity.rest) + (float(rng.uniform(2.0, 6.0)) if rng.random() < PAUSE else 0.0)
    return Drawn(rise, held, fall, rest, max(factor, 0.2), complete)


def _movement(
    actor: Actor, activity: Activity, name: str, how: Strategy, nominal: float, rep: Drawn
) -> dict[str, float]:
    """Joint changes at the top of one repetition."""
    also = actor.draws(f"{activity.name}.{name}.also", {**activity.also, **how.also})
    deltas = {channel: value * rep.factor for channel, value in also.items()}
    deltas[activity.channel] = deltas.get(activity.channel, 0.0) + activity.sign * nominal * rep.factor
    share = actor.draw(f"{activity.name}.{name}.spine", how.spine)
    deltas["spine"] = actor.room(share * deltas.get("trunk", 0.0))
    return joints(deltas, actor.share(how))


def _perform(actor: Actor, deltas: Mapping[str, float], how: Strategy, rep: Drawn) -> None:
    """There, hold (with a dip), and back; the spine goes first and comes last when the strategy leads with it."""
    line = actor.timeline
    leading = {c: d for c, d in deltas.items() if c in SPINE}
    others = {c: d for c, d in deltas.items() if c not in SPINE}
    top = line.t + rep.rise
    line.shift(others, line.t, rep.rise)
    line.shift(leading, line.t, rep.rise * how.lead)
    line.shift({c: -d for c, d in others.items()}, top + rep.hold, rep.fall)
    line.shift({c: -d for c, d in leading.items()}, top + rep.hold + (1.0 - how.lead) * rep.fall, rep.fall * how.lead)
    if rep.hold >= 2.0 and actor.rng.random() < HOLD_DIP:
        depth = float(actor.rng.uniform(0.08, 0.25))
        at = top + float(actor.rng.uniform(0.2, 0.6)) * rep.hold
        dip = {c: -float(np.clip(depth * d, -8.0, 8.0)) for c, d in deltas.items()}
        line.excursion(dip, at, 0.3, 0.1, 0.4)


def reps(actor: Actor, activity: Activity, step: Step) -> None:
    """Repetitions of one movement, with everything that people do meanwhile."""
    line, rng, notes = actor.timeline, actor.rng, actor.timeline.notes
    name, how = _strategy(actor, activity, step)
    nominal = actor.person.amplitude * actor.draw(activity.name + ".amplitude", activity.amplitude)
    nominal = float(np.clip(nominal if step.amplitude is None else step.amplitude, *activity.limits))
    count = activity.reps if step.reps is None else step.reps
    offset = _spread(actor, f"{activity.name}.{name}.offset", how.offset, how)
    line.go({c: line.value[c] + d for c, d in offset.items()}, actor.seconds(1.0) if offset else 0.3)
    line.t += 0.8
    actor.context(activity.posture, activity.in_set)
    start = line.t
    line.t += 0.6
    drawn = [_draw_rep(actor, activity, step, i / max(count - 1, 1)) for i in range(count)]
    length = sum(r.rise + r.hold + r.fall + r.rest for r in drawn)
    _calibrate(actor, activity, step, length + 0.5)
    drift = _spread(actor, f"{activity.name}.{name}.drift", how.drift, how)
    line.ramp(drift, line.t + 0.2 * length, 0.6 * length)
    for i, rep in enumerate(drawn):
        if activity.each and i:
            notes.strategies.append((start, line.t, name))
            start, (name, how) = line.t, _strategy(actor, activity, step)
        peak = _movement(actor, activity, name, how, nominal, rep)
        if activity.alternate and i % 2:
            peak = {c: -d if c.endswith(("_lat", "_axial")) else d for c, d in peak.items()}
        top, end = line.t + rep.rise, line.t + rep.rise + rep.hold + rep.fall
        notes.reps.append(Rep(line.t, top, end, float(np.deg2rad(nominal * rep.factor)), rep.complete))
        if rep.hold >= 1.5:
            notes.holds.append((top, top + rep.hold))
        if how.dips and rng.random() < 0.3:
            dip = _spread(actor, f"{activity.name}.{name}.dips", how.dips, how)
            line.excursion(dip, line.t, 1.0, float(rng.uniform(0.5, 3.0)), 1.2)
        _perform(actor, peak, how, rep)
        line.shift({c: 0.5 * float(rng.standard_normal()) for c in ("pelvis", *SPINE)}, end, rep.rest)
        line.t = end + rep.rest
    notes.strategies.append((start, line.t, name))
    line.t += 0.8
    actor.context(activity.posture, False)
    line.go(
        {c: line.value[c] - offset.get(c, 0.0) - drift.get(c, 0.0) for c in {**offset, **drift}}, actor.seconds(1.2)
    )


def slump(actor: Actor, activity: Activity, step: Step) -> None:
    """A slow slump at 0.5 to 2 deg/s, and up again."""
    line = actor.timeline
    name, how = _strategy(actor, activity, step)
    given = actor.draw(activity.name + ".amplitude", activity.amplitude) if step.amplitude is None else step.amplitude
    size = float(np.clip(given, *activity.limits))
    spine = actor.room(size * actor.draw(f"{activity.name}.{name}.spine", how.spine))
    deltas = joints({"trunk": size, "spine": spine}, actor.share(how))
    start = line.t
    line.t += 0.8
    seconds = size / (step.speed * float(np.exp(actor.rng.uniform(np.log(0.5), np.log(2.0)))))
    line.ramp(deltas, line.t, seconds)
    line.t += seconds + 3.0
    line.shift({c: -d for c, d in deltas.items()}, line.t, 1.8)
    line.t += 2.2
    line.notes.strategies.append((start, line.t, name))


def circle(actor: Actor, activity: Activity, step: Step) -> None:
    """The hips go round, the trunk stays over the feet."""
    line = actor.timeline
    seconds = activity.seconds if step.seconds is None else step.seconds
    actor.context(activity.posture, activity.in_set)
    size = float(np.clip(actor.draw(activity.name + ".amplitude", activity.amplitude), *activity.limits))
    hz = 0.35 / actor.person.tempo * (1.0 if actor.rng.random() < 0.5 else -1.0)
    for channel, part, phase in (("pelvis", 1.0, 0.0), ("pelvis_lat", 1.0, 0.5 * np.pi), ("lumbar", -0.8, 0.0),
                                 ("lumbar_lat", -0.8, 0.5 * np.pi)):  # fmt: skip
        line.waves.append(Wave(channel, line.t, line.t + seconds, hz, part * size, phase))
    line.t += seconds + 0.5
    actor.context(activity.posture, False)


WALK = (("pelvis_lat", 0.5, 4.0, 0.0), ("pelvis_axial", 0.5, 4.0, 1.6), ("thoracic_axial", 0.5, 6.0, 4.7),
        ("height", 1.0, 0.018, 0.0), ("pelvis", 1.0, 1.5, 0.6), ("thoracic", 1.0, 1.0, 2.6),
        ("arm_elev", 0.5, 14.0, 1.6), ("fore_elev", 0.5, 18.0, 1.4))  # fmt: skip
"""Walking in place: channel, multiple of the step rate, deg or m, phase [ENG]."""


def walk(actor: Actor, activity: Activity, step: Step) -> None:
    """Walking in place."""
    line = actor.timeline
    seconds = activity.seconds if step.seconds is None else step.seconds
    hz = float(np.clip(actor.seconds(1.75), 1.2, 2.2))
    for channel, multiple, size, phase in WALK:
        amount = size * actor.person.scale * float(np.exp(0.25 * actor.rng.standard_normal()))
        line.waves.append(Wave(channel, line.t, line.t + seconds, multiple * hz, amount, phase))
    line.t += seconds + 0.5


FIDGET = {"trunk": 9.0, "spine": 6.0, "lat": 5.0, "axial": 8.0, "arm_elev": 22.0, "fore_elev": 28.0, "fore_yaw": 25.0}
"""SD of small purposeless movements, deg [ENG]."""


def fidget(actor: Actor, activity: Activity, step: Step) -> None:
    """Anything but the exercise."""
    line, rng = actor.timeline, actor.rng
    end = line.t + (activity.seconds if step.seconds is None else step.seconds)
    while line.t < end:
        chosen = rng.permutation(len(FIDGET))[: int(rng.integers(1, 4))]
        names = [list(FIDGET)[i] for i in chosen]
        deltas = joints({c: FIDGET[c] * float(rng.standard_normal()) for c in names}, actor.share())
        up, stay, down = rng.uniform((0.5, 0.0, 0.5), (1.4, 2.0, 1.6))
        line.excursion(deltas, line.t, float(up), float(stay), float(down))
        line.t += float(rng.uniform(0.8, 2.0))
    line.t += 2.5


PATTERNS: Mapping[str, Callable[[Actor, Activity, Step], None]] = {
    "still": still,
    "path": path,
    "command": command,
    "reps": reps,
    "slump": slump,
    "circle": circle,
    "walk": walk,
    "fidget": fidget,
}


def perform(person: Person, steps: Sequence[Step], seed: int) -> tuple[Timeline, Notes]:
    """A script played by a person."""
    actor = Actor(person, seed)
    line = actor.timeline
    for step in steps:
        activity = activities()[step.activity]
        if activity.pose:
            actor.take(activity.pose)
        if activity.pattern != "command":
            actor.context(activity.posture)
        start = line.t
        PATTERNS[activity.pattern](actor, activity, step)
        line.notes.steps.append((start, line.t, activity.name))
    line.t += 1.0
    return line, line.notes
