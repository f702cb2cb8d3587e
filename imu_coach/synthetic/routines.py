"""Sets with something to notice in them, sessions of one exercise, and whole coached programmes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from imu_coach.synthetic.conduct import Conduct, Which, faults_for
from imu_coach.synthetic.idle import Steps
from imu_coach.synthetic.link import Faults
from imu_coach.synthetic.person import Person, stream
from imu_coach.synthetic.scenario import START, Activity, Lapse, Step, activities, exercises, poses
from imu_coach.synthetic.simulator import Simulated, simulate

RESTING: dict[str, tuple[Step, ...]] = {
    "seated": (Step("sit_quiet"), Step("sit_quiet"), Step("fidget", seconds=8.0), Step("drink", reps=1)),
    "prone": (Step("prone_quiet"), Step("prone_quiet"), Step("fidget_prone", seconds=5.0)),
    "kneeling": (Step("kneel_quiet"), Step("stand_quiet")),
    "standing": (Step("stand_quiet"), Step("fidget_standing", seconds=6.0), Step("walking", seconds=8.0)),
}
"""How people rest between sets, by the group of postures they rest in."""


GETTING_THERE = 14.0
"""s of a rest that go by with the end of one set, getting into position and being still there."""


def rises(count: int, activity: str = "sit_quiet") -> Steps:
    """Getting down and up ``count`` times: a chair (sit_quiet), one knee (kneel_quiet), the floor (prone_quiet)."""
    return (Step(activity, seconds=2.5), Step("stand_quiet", seconds=2.5)) * count


def dip(deg: float, seconds: float = 4.0, activity: str = "pushback", rounded: bool = False, reps: int = 8) -> Step:
    """A set during which the trunk dips by ``deg``: from the hips with a flat back, or rounded."""
    return Step(activity, reps=reps, strategy="flat", lapse=Lapse(deg, seconds, 1.0 if rounded else 0.0))


def slump_set(deg: float, seconds: float = 6.0, reps: int = 8) -> Step:
    """A set of seated external rotation during which the person slumps by ``deg``."""
    return Step("ext_rotation", reps=reps, strategy="tall", lapse=Lapse(deg, seconds, 0.9))


def overextend(deg: float, activity: str = "prone_press_up", reps: int = 3, hold: float = 4.0) -> Step:
    """A prone set whose repetitions go as far as ``deg``, however far that is."""
    return Step(activity, reps=reps, hold=hold, amplitude=deg, exact=True)


# --- sessions -------------------------------------------------------------------------------------------------------


def sites_of(exercise: str) -> tuple[str, str]:
    """Where the two sensors of an exercise are worn."""
    return "upper_back", exercises()[exercise].second


def _rest(rng: np.random.Generator, activity: Activity, conduct: Conduct) -> list[Step]:
    """Between two sets: in position or standing, as people do; about as long as the conduct says."""
    group = poses()[activity.pose].group
    at = group if group in ("seated", "prone") or (group == "kneeling" and rng.random() < 0.5) else "standing"
    left, out = float(rng.uniform(*conduct.rest)) - GETTING_THERE, []
    while left > 2.0:
        step = RESTING[at][int(rng.integers(len(RESTING[at])))]
        seconds = min(float(rng.uniform(4.0, 12.0)), left)
        timed = activities()[step.activity].pattern != "event"
        out.append(Step(step.activity, seconds=seconds) if timed else step)
        left -= seconds + (0.0 if timed else 2.0)
    return out


def _sets(
    rng: np.random.Generator, step: Step, counts: Sequence[int], activity: Activity, conduct: Conduct
) -> list[Step]:
    """Sets of one exercise with rests in between."""
    out: list[Step] = []
    for i, count in enumerate(counts):
        out += _rest(rng, activity, conduct) if i else ()
        out.append(Step(**{**vars(step), "reps": count}))
    return out


def exercise_session(
    exercise: str,
    seed: int,
    *,
    sets: int = 2,
    reps: int | None = None,
    hold: float | None = None,
    conduct: Conduct | None = None,
    sensors: Sequence[str] = (),
    which: Which = "test",
    faults: Faults | None = None,
    mix: str = "default",
    person: Person | None = None,
    activity: str = "",
    strategy: str | None = None,
) -> Simulated:
    """Some sets of one exercise, coached: the start routine, sets, rests, fidgeting and walking around them.

    Parameters
    ----------
    exercise : id; with ``activity`` any id, for that activity
    reps : per set; None: 5 to 12, drawn for each set
    hold : s; None: the activity's own
    conduct, faults : None: drawn for ``which``, "tuning" or "test"
    sensors : sites; none: the two of the exercise
    """
    rng = stream(seed, f"routine:{exercise}:{which}")
    conduct = Conduct.draw(seed, which) if conduct is None else conduct
    done = activities()[activity] if activity else exercises()[exercise]
    step = Step(done.name, hold=hold, strategy=strategy, exercise=exercise)
    counts = [int(rng.integers(5, 13)) if reps is None else reps for _ in range(sets)]
    steps = (
        *START,
        Step("fidget_standing", seconds=float(rng.uniform(3.0, 8.0))),
        *_sets(rng, step, counts, done, conduct),
        Step("stand_quiet", seconds=float(rng.uniform(2.0, 5.0))),
        Step("fidget_standing", seconds=float(rng.uniform(3.0, 8.0))),
    )
    return simulate(
        steps, seed=seed, sensors=sensors or ("upper_back", done.second), samples_per_packet=10,
        faults=faults_for(which, seed) if faults is None else faults, mix=mix, person=person, internal_rate=200.0,
        coached=True, conduct=conduct,
    )  # fmt: skip


class PlanItem(NamedTuple):
    """One entry of :func:`coached_session`; ``side`` "", "left" or "right"; ``hold`` s or None for the usual."""

    exercise: str
    side: str = ""
    sets: int = 1
    reps: int = 8
    hold: float | None = None


def coached_session(
    plan: Sequence[PlanItem | tuple[str, str, int, int, float | None]],
    seed: int,
    *,
    resites: bool = True,
    sensors: Sequence[str] = ("upper_back", "wrist"),
    conduct: Conduct | None = None,
    faults: Faults | None = None,
    mix: str = "default",
    person: Person | None = None,
    practice: int = 0,
) -> Simulated:
    """A whole programme, in the order given, with rests and with the second sensor moved to where it belongs.

    Parameters
    ----------
    resites : whether the last of ``sensors`` is moved; it is also moved to the other arm for a side's exercise
    conduct : None: the defaults of :class:`Conduct`
    practice : repetitions of a set of its own before the first set, as a coach asks for
    """
    rng, conduct = stream(seed, "programme"), conduct or Conduct()
    who = person or Person.draw(seed, mix)
    site, arm = sensors[-1], who.arm
    steps: list[Step] = [*START, Step("fidget_standing", seconds=float(rng.uniform(3.0, 8.0)))]
    before: Activity | None = None
    for i, entry in enumerate(PlanItem(*entry) for entry in plan):
        done = exercises()[entry.exercise]
        side = (entry.side or arm) if done.one_sided else arm
        steps += _rest(rng, before, conduct) if before else ()
        if resites and (done.second, side) != (site, arm) and done.second not in sensors[:-1]:
            steps.append(Step("resite", strategy=f"{site}>{done.second}:{side}"))
            site, arm = done.second, side
        counts = [practice] * (practice > 0 and not i) + [entry.reps] * entry.sets
        step = Step(done.name, hold=entry.hold, exercise=entry.exercise, side=entry.side)
        steps += [*_sets(rng, step, counts, done, conduct)]
        before = done
    steps += (Step("stand_quiet"), Step("fidget_standing", seconds=5.0))
    return simulate(
        tuple(steps), seed=seed, sensors=sensors, samples_per_packet=10, faults=faults or Faults(), mix=mix, person=who,
        internal_rate=200.0, coached=True, conduct=conduct,
    )  # fmt: skip
