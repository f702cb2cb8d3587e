"""What people do in a posture: still, repetitions, slumps, circles, walking, fidgeting; and whole scripts of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from imu_coach.synthetic.acting import Actor
from imu_coach.synthetic.conduct import Conduct
from imu_coach.synthetic.events import event, jolt, resite
from imu_coach.synthetic.person import Person
from imu_coach.synthetic.repetitions import calibrate, circles, habit, reps
from imu_coach.synthetic.scenario import Activity, Step, activities, poses
from imu_coach.synthetic.timeline import Notes, Timeline, Wave, joints

LEAD_IN = {"table_still": 0.8}
"""s of stillness before the calibration command, if not 0.6."""


def still(actor: Actor, activity: Activity, step: Step) -> None:
    """Stay, and calibrate if the activity says so."""
    line, notes = actor.timeline, actor.timeline.notes
    seconds = activity.seconds if step.seconds is None else step.seconds
    lead = LEAD_IN.get(activity.calibrate, 0.6) if activity.calibrate else 0.0
    length = seconds - lead - 0.2 if activity.name == "table" else seconds
    line.t += lead
    calibrate(actor, activity, step, length)
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
    calibrate(actor, activity, step, sum(s for _, s in parts) + 1.0)
    for pose, seconds in parts:
        line.go(actor.pose(pose), seconds)
    line.t = max(line.t, start) + 1.2
    actor.group = poses()[activity.path[-1][0]].group


def command(actor: Actor, activity: Activity, step: Step) -> None:
    """Somebody presses a button."""
    value = {"text": step.strategy or "marker"} if activity.name == "marker" else {}
    actor.command(activity.name, value)


def slump(actor: Actor, activity: Activity, step: Step) -> None:
    """A slow slump at 0.5 to 2 deg/s, and up again."""
    line = actor.timeline
    name, how = habit(actor, activity, step)
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
    "circles": circles,
    "walk": walk,
    "fidget": fidget,
    "event": event,
    "resite": resite,
    "jolt": jolt,
}

ASIDE = ("command", "resite", "jolt")
"""Patterns that leave the posture as it is."""


def perform(
    person: Person, steps: Sequence[Step], seed: int, conduct: Conduct | None = None, coached: bool = False
) -> tuple[Timeline, Notes]:
    """A script played by a person."""
    actor = Actor(person, seed, conduct, coached)
    line = actor.timeline
    for step in steps:
        activity = activities()[step.activity]
        if coached and activity.coached:
            activity = activities()[activity.coached]
        actor.announce(activity, step)
        if activity.pose:
            actor.take(activity.pose)
        if activity.pattern not in ASIDE:
            actor.context(activity.posture)
        start = line.t
        PATTERNS[activity.pattern](actor, activity, step)
        line.notes.steps.append((start, line.t, activity.name))
    line.t += 1.0
    return line, line.notes
