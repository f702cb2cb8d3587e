"""Repetitions of one movement: sizes, tempo, holds with their dips, partial ones, pauses; and circles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from imu_coach.synthetic.acting import Actor
from imu_coach.synthetic.scenario import Activity, Lapse, Spread, Step, Strategy
from imu_coach.synthetic.timeline import SPINE, Orbit, Rep, Wave, joints

AMPLITUDE_SD = 0.12
"""SD of a repetition's relative amplitude: biomechanics.md 7."""

SHORTEST_HOLD = 1.5
"""s; what is kept shorter is no hold in the truth."""

DEEPEST_SAG = 3.0
"""deg that a hold sinks at most."""

LAPSE_SECONDS = 1.5
"""s there and s back."""

BEYOND = 1.1
"""What a single repetition may exceed a body's usual end of range by."""


def calibrate(actor: Actor, activity: Activity, step: Step, seconds: float) -> None:
    """The calibration command of an activity, if it has one."""
    if activity.calibrate and step.calibrate:
        actor.command("calibrate", {"pose": activity.calibrate, "seconds": round(seconds, 2)})


def habit(actor: Actor, activity: Activity, step: Step) -> tuple[str, Strategy]:
    """How this person does it this time."""
    name = step.strategy or actor.person.strategy(activity.name, actor.rng) or next(iter(activity.strategy), "")
    return name, activity.strategy.get(name, Strategy())


def spreading(actor: Actor, name: str, values: Mapping[str, Spread], strategy: Strategy) -> dict[str, float]:
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


@dataclass(frozen=True)
class Size:
    """How large a whole repetition is: ``nominal`` deg, ``scale`` of what is usual, ``most`` deg."""

    nominal: float
    scale: float
    most: float

    @classmethod
    def draw(cls, actor: Actor, activity: Activity, step: Step) -> Size:
        """As the person, the script and the conduct have it."""
        usual = actor.person.amplitude * actor.draw(activity.name + ".amplitude", activity.amplitude)
        usual = float(np.clip(usual if step.amplitude is None else step.amplitude, *activity.limits))
        if step.exact and step.amplitude is not None:
            return cls(step.amplitude, step.amplitude / usual, max(step.amplitude, activity.most))
        nominal = min(usual * actor.conduct.amplitude, activity.most)
        return cls(nominal, nominal / usual, activity.most)


def _draw_rep(actor: Actor, activity: Activity, step: Step, progress: float, size: Size) -> Drawn:
    rng, conduct = actor.rng, actor.conduct
    complete = bool(rng.random() >= conduct.partials) or step.exact
    factor = (1.0 - actor.person.fatigue * progress) * (1.0 + AMPLITUDE_SD * float(rng.standard_normal()))
    if not complete:
        factor = float(rng.uniform(*conduct.partial_size))
    if step.exact:
        factor = 1.0
    elif size.scale > 1.0 or actor.coached:
        factor = min(factor, BEYOND * size.most / size.nominal)
    hold = activity.hold if step.hold is None else step.hold
    rise, fall = (actor.seconds(s, step.speed) * (1.0 if complete else 0.75) for s in (activity.rise, activity.fall))
    # a hold is counted aloud: its length spreads less than a movement's
    held = hold * float(np.exp(0.12 * rng.standard_normal())) if complete else 0.3
    rest = actor.seconds(activity.rest) * conduct.gap
    rest += float(rng.uniform(*conduct.pause)) if rng.random() < conduct.pauses else 0.0
    return Drawn(rise, held, fall, rest, max(factor, 0.2), complete)


def _movement(actor: Actor, activity: Activity, name: str, how: Strategy, size: Size, rep: Drawn) -> dict[str, float]:
    """Joint changes at the top of one repetition."""
    also = actor.draws(f"{activity.name}.{name}.also", {**activity.also, **how.also})
    deltas = {channel: value * rep.factor * size.scale for channel, value in also.items()}
    deltas[activity.channel] = deltas.get(activity.channel, 0.0) + activity.sign * size.nominal * rep.factor
    share = actor.draw(f"{activity.name}.{name}.spine", how.spine)
    deltas["spine"] = actor.room(share * deltas.get("trunk", 0.0))
    return actor.sided(joints(deltas, actor.share(how)))


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
    if rep.hold >= 2.0 and actor.rng.random() < actor.conduct.dips:
        depth = float(actor.rng.uniform(0.08, 0.25))
        at = top + float(actor.rng.uniform(0.2, 0.6)) * rep.hold
        dip = {c: -float(np.clip(depth * d, -8.0, 8.0)) for c, d in deltas.items()}
        line.excursion(dip, at, 0.3, 0.1, 0.4)
    if rep.hold >= SHORTEST_HOLD:
        _tire(actor, deltas, top, rep)


def _tire(actor: Actor, deltas: Mapping[str, float], top: float, rep: Drawn) -> None:
    """Sway and sink while a hold lasts, as much as the conduct says."""
    line, conduct = actor.timeline, actor.conduct
    for part in (0.6, 0.4) if conduct.hold_sway else ():
        hz, phase = float(actor.more.uniform(0.2, 0.8)), float(actor.more.uniform(0.0, 6.28))
        line.waves.append(Wave("thoracic", top, top + rep.hold, hz, part * conduct.hold_sway, phase))
    trunk = sum(deltas.get(c, 0.0) for c in ("pelvis", *SPINE))
    sunk = -float(np.sign(trunk)) * min(conduct.sag * rep.hold, DEEPEST_SAG, 0.5 * abs(trunk))
    if sunk:
        line.ramp({"thoracic": sunk}, top, rep.hold)
        line.shift({"thoracic": -sunk}, top + rep.hold, rep.fall)


def reps(actor: Actor, activity: Activity, step: Step) -> None:
    """Repetitions of one movement, with everything that people do meanwhile."""
    line, notes = actor.timeline, actor.timeline.notes
    name, how = habit(actor, activity, step)
    size = Size.draw(actor, activity, step)
    count = activity.reps if step.reps is None else step.reps
    offset = spreading(actor, f"{activity.name}.{name}.offset", how.offset, how)
    line.go({c: line.value[c] + d for c, d in offset.items()}, actor.seconds(1.0) if offset else 0.3)
    line.t += 0.8
    actor.context(activity.posture, activity.in_set)
    start = begin = line.t
    actor.get_ready()
    line.t += 0.6
    drawn = [_draw_rep(actor, activity, step, i / max(count - 1, 1), size) for i in range(count)]
    length = sum(r.rise + r.hold + r.fall + r.rest for r in drawn)
    calibrate(actor, activity, step, length + 0.5)
    drift = spreading(actor, f"{activity.name}.{name}.drift", how.drift, how)
    line.ramp(drift, line.t + 0.2 * length, 0.6 * length)
    lapsed = end = line.t
    for i, rep in enumerate(drawn):
        if activity.each and i:
            notes.strategies.append((start, line.t, name))
            start, (name, how) = line.t, habit(actor, activity, step)
        if step.lapse and step.lapse.after == i:
            lapsed = _lapse(actor, step.lapse)
        peak = _movement(actor, activity, name, how, size, rep)
        if activity.alternate and i % 2:
            peak = {c: -d if c.endswith(("_lat", "_axial")) else d for c, d in peak.items()}
        end = _repetition(actor, activity, name, how, size, rep, peak)
    notes.strategies.append((start, line.t, name))
    line.t = max(line.t, lapsed)
    actor.finish(activity, step, begin, end)
    line.t += 0.8
    actor.context(activity.posture, False)
    line.go(
        {c: line.value[c] - offset.get(c, 0.0) - drift.get(c, 0.0) for c in {**offset, **drift}}, actor.seconds(1.2)
    )


def _repetition(
    actor: Actor, activity: Activity, name: str, how: Strategy, size: Size, rep: Drawn, peak: Mapping[str, float]
) -> float:
    """Do one repetition and rest after it; when it ended, s."""
    line, rng, notes = actor.timeline, actor.rng, actor.timeline.notes
    top, end = line.t + rep.rise, line.t + rep.rise + rep.hold + rep.fall
    notes.reps.append(Rep(line.t, top, end, float(np.deg2rad(size.nominal * rep.factor)), rep.complete))
    if rep.hold >= SHORTEST_HOLD:
        notes.holds.append((top, top + rep.hold))
    if how.dips and rng.random() < 0.3:
        dip = spreading(actor, f"{activity.name}.{name}.dips", how.dips, how)
        line.excursion(dip, line.t, 1.0, float(rng.uniform(0.5, 3.0)), 1.2)
    _perform(actor, peak, how, rep)
    line.shift({c: 0.5 * float(rng.standard_normal()) for c in ("pelvis", *SPINE)}, end, rep.rest)
    line.t = end + rep.rest
    return end


def _lapse(actor: Actor, lapse: Lapse) -> float:
    """Begin a lapse now; when it will be over, s."""
    line, seconds = actor.timeline, LAPSE_SECONDS / lapse.speed
    spine = lapse.spine * lapse.trunk
    deltas = joints({"trunk": lapse.trunk, "spine": spine}, actor.person.lumbar_share)
    line.excursion(deltas, line.t, seconds, lapse.seconds, seconds)
    top = line.t + seconds
    line.notes.lapses.append((top, top + lapse.seconds, lapse.trunk, lapse.spine))
    return top + lapse.seconds + seconds


CIRCLE_SECONDS = 2.9
CIRCLE = (("pelvis", 1.0, 0.0), ("pelvis_lat", 1.0, 0.5 * np.pi), ("lumbar", -0.8, 0.0),
          ("lumbar_lat", -0.8, 0.5 * np.pi), ("forward", -0.006, 0.0), ("sideways", -0.006, 0.5 * np.pi))  # fmt: skip
"""The hips go round and the trunk stays over the feet: channel, deg per deg of tilt (m per deg), phase [ENG]."""


def circles(actor: Actor, activity: Activity, step: Step) -> None:
    """Turns of the hips, half of them one way and half the other; each full turn is a repetition."""
    line, more = actor.timeline, actor.more
    size = Size.draw(actor, activity, step)
    count = activity.reps if step.reps is None else step.reps
    parts = tuple((channel, part * size.nominal, phase) for channel, part, phase in CIRCLE)
    line.t += 0.8
    actor.context(activity.posture, activity.in_set)
    begin = line.t
    actor.get_ready()
    line.t += 1.2
    way = 1.0 if more.random() < 0.5 else -1.0
    for turns, sign in ((count - count // 2, way), (count // 2, -way)):
        if turns:
            _round(actor, turns, sign, parts, size)
    actor.finish(activity, step, begin, line.notes.reps[-1].t_off)
    line.t += 0.8
    actor.context(activity.posture, False)


def _round(actor: Actor, turns: int, sign: float, parts: tuple[tuple[str, float, float], ...], size: Size) -> None:
    """So many turns one way, with a pause here and there."""
    line, conduct, more = actor.timeline, actor.conduct, actor.more
    times, turned = [line.t], [0.0]
    for k in range(turns):
        spread = float(np.exp(0.12 * more.standard_normal()))
        start, seconds = times[-1], CIRCLE_SECONDS * actor.person.tempo * spread
        line.notes.reps.append(
            Rep(start, start + 0.5 * seconds, start + seconds, float(np.deg2rad(size.nominal)), True)
        )
        times.append(start + seconds)
        turned.append(sign * (k + 1))
        if k + 1 < turns and more.random() < conduct.pauses:
            times.append(times[-1] + float(more.uniform(*conduct.pause)))
            turned.append(turned[-1])
    line.orbits.append(Orbit(tuple(times), tuple(turned), parts))
    line.t = times[-1] + 2.0 + float(more.uniform(0.5, 1.5))
