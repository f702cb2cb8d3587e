"""A programme, a prescription and the sensors at hand to the plan of one session: little re-siting, one way down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations_with_replacement, pairwise, permutations
from typing import NamedTuple

from imu_coach import catalogue
from imu_coach.errors import ConfigError
from imu_coach.exercise import Exercise, Item, Motion, Plan, Prescription, Programme, Range

MOST_RESITINGS = 2
ARM = ("wrist", "upper_arm")
SIDED = ("upper_arm",)
"""Where the sensor must be on the arm that works; on the wrist either arm tells of a movement of both."""
NOT_THE_PLACE, PROBABLE, UNSEEN, RESITING, WARM_UP = 1.0, 6.0, 20.0, 1.5, 0.3
"""What is worth avoiding, against each other: another place than the exercise's own (what its third sensor would add
is not told), repetitions that are only probable, repetitions that are not seen, and moving the sensor; and how much
less it matters in a warm-up."""


class Planned(NamedTuple):
    """A plan, and what was left out of it: a plain sentence each."""

    plan: Plan
    left_out: tuple[str, ...]


class Spot(NamedTuple):
    """Where the second sensor is; ``side`` is "" where either will do."""

    site: str
    side: str


class Resiting(NamedTuple):
    """The second sensor moves before item number ``item`` (from 0)."""

    item: int
    before: Spot
    after: Spot


class Job(NamedTuple):
    """An item in the making; ``block`` 0 warm-up, 1 on the feet or a chair, 2 on the floor."""

    block: int
    item: Item


# --- a plan ---------------------------------------------------------------------------------------------------------


def plan(
    programme: Programme,
    prescription: Prescription | None = None,
    layout_sites: Sequence[str] = ("upper_back", "wrist"),
    sides: tuple[str, str] = ("right", "left"),
    exercises: Mapping[str, Exercise] | None = None,
    movable: bool = True,
) -> Planned:
    """Order a programme: warm-up, then feet and chair, then the floor; the second sensor moves at most twice.

    Parameters
    ----------
    prescription : changes doses and holds, allows what is locked, leaves out what it does not name
    layout_sites : the sensors at hand; of two the second one moves, of more the one on the arm
    sides : which side of the body goes first
    exercises : by id; :func:`imu_coach.catalogue.exercises` unless there are a person's own
    movable : False when the sensors stay where they are, as in a recording that nobody coached

    Returns
    -------
    Planned
        ``item.exercise.sites`` is where the sensors sit for that item, which may differ from the exercise's own; see
        :func:`spots` for the arm.

    Raises
    ------
    ConfigError
        The prescription leaves nothing of the programme.
    """
    rules, known = prescription or Prescription(), catalogue.exercises() if exercises is None else exercises
    jobs, left_out = [], []
    for warm_up, ids in ((True, programme.warm_up), (False, programme.exercises)):
        for e in (known[id] for id in ids):
            reason = why_not(e, rules, warm_up)
            if reason:
                left_out.append(f"{e.title}: {reason}")
                continue
            block = 0 if warm_up else 2 if e.place == "floor" else 1
            jobs += [Job(block, item(e, side, rules)) for side in (sides if e.sides == "one" else ("",))]
    if not jobs:
        raise ConfigError("", "prescription", f"nothing of {programme.title!r} is left; {'; '.join(left_out)}")
    items = _sited(jobs, _ways(tuple(layout_sites), sides, movable))
    return Planned(Plan(programme.id, programme.title, items), tuple(left_out))


def why_not(e: Exercise, prescription: Prescription, warm_up: bool = False) -> str:
    """Why an exercise is left out of a session; "" when it is not.  A warm-up needs no permission."""
    if e.locked and e.id not in prescription.allowed:
        return "only when a prescription allows it"
    if prescription.allowed and e.id not in prescription.allowed and not warm_up:
        return "not in the prescription"
    if prescription.surface == "chair" and e.place == "floor":
        return "on the floor, and the prescription says chair"
    return ""


def item(e: Exercise, side: str = "", prescription: Prescription | None = None, hold: float | None = None) -> Item:
    """One exercise with what a prescription makes of it; a hold that is self-paced has the target 0."""
    rules = prescription or Prescription()
    changed = rules.dose.get(e.id, {})
    sets, reps = changed.get("sets", e.dose.sets), changed.get("reps", e.dose.reps)
    target = hold if hold is not None else rules.holds.get(e.id)
    return Item(e, side, _whole(sets), _whole(reps), changed.get("rest", e.dose.rest), _target(e, target))


def _whole(values: Range) -> tuple[int, int]:
    return int(values[0]), int(values[1])


def _target(e: Exercise, wanted: float | None) -> float | None:
    if e.hold is None:
        return None
    if e.hold.self_paced:
        return 0.0
    return wanted if wanted is not None else e.hold.levels[0]


def single(
    e: Exercise,
    side: str = "",
    hold: float | None = None,
    open_ended: bool = False,
    prescription: Prescription | None = None,
) -> Plan:
    """A plan of one exercise; ``hold`` is its target in s.  Nothing is left out: who names it wants it."""
    if side not in ("", "left", "right"):
        raise ConfigError("", "side", f"unknown {side!r}; there are: left, right")
    if hold is not None and e.hold is None:
        raise ConfigError("", "hold", f"nothing is held in {e.id}")
    if hold is not None and not 0 <= hold <= 600:
        raise ConfigError("", "hold", f"{hold:g} s; between 0 and 600 s are allowed")
    return Plan(e.id, e.title, (item(e, side, prescription, hold),), practice=not open_ended, open_ended=open_ended)


# --- what a plan asks of the person ---------------------------------------------------------------------------------


def spots(plan: Plan) -> list[Spot]:
    """Where the second sensor sits, for each item; site "" when there is none.

    On the upper arm it sits on the side of the items that work one side; a warm-up before them is done with it there.
    """
    found = [_spot(one) for one in plan.items]
    for order in (range(len(found) - 2, -1, -1), range(1, len(found))):
        step = -order.step
        for k in order:
            other = found[k + step]
            if found[k].site in SIDED and not found[k].side and other.site == found[k].site:
                found[k] = other
    return found


def _spot(one: Item) -> Spot:
    moving = [site for site in one.exercise.sites if site != "upper_back"]
    site = ([site for site in moving if site in ARM] or moving or [""])[0]
    return Spot(site, one.side if site in SIDED else "")


def resitings(plan: Plan) -> list[Resiting]:
    """Where the second sensor moves between items."""
    pairs = enumerate(pairwise(spots(plan)), start=1)
    return [Resiting(k, before, after) for k, (before, after) in pairs if before != after]


def descents(plan: Plan) -> int:
    """How often one has to get down to the floor."""
    low = [False, *(one.exercise.place == "floor" for one in plan.items)]
    return sum(b and not a for a, b in pairwise(low))


# --- where the second sensor goes -----------------------------------------------------------------------------------


class Stage(NamedTuple):
    """A stretch of the session in which no sensor moves: all sites, and the arm that the arm's sensor is on."""

    sites: tuple[str, ...]
    side: str


def _ways(sensors: tuple[str, ...], sides: tuple[str, str], movable: bool) -> list[tuple[Stage, ...]]:
    """What the moving sensor may visit, in order: every way through at most three places."""
    moving = [site for site in sensors if site in ARM]
    if len(sensors) == 2 and "upper_back" in sensors:
        moving = [site for site in sensors if site != "upper_back"]
    if not movable or len(moving) != 1 or len(sensors) < 2:
        return [(Stage(sensors, ""),)]
    places = (*ARM, "sacrum") if len(sensors) == 2 else ARM
    stages = [
        Stage(tuple(place if site in moving else site for site in sensors), side)
        for place in places
        for side in (sides if place in SIDED else ("",))
    ]
    return [way for n in range(1, MOST_RESITINGS + 2) for way in permutations(stages, n)]


def _sited(jobs: Sequence[Job], ways: Sequence[tuple[Stage, ...]]) -> tuple[Item, ...]:
    """Items in the best order, each with the sites it is done with.

    Every way is tried, with every division of the three blocks among its stages; few enough.
    """
    tried = ((stages, division) for stages in ways for division in _divided(jobs, stages))
    stages, (_, picks) = min(tried, key=lambda one: one[1][0])
    order = sorted(range(len(jobs)), key=lambda k: (jobs[k].block, picks[k]))
    return tuple(_with_sites(jobs[k].item, stages[picks[k]].sites) for k in order)


def _divided(jobs: Sequence[Job], stages: tuple[Stage, ...]) -> list[tuple[float, list[int]]]:
    """Cost, and the stage of every job: of all divisions, the warm-up ending in stage a, the floor beginning in b."""
    last = len(stages) - 1
    cost = [[_cost(job, stage) for stage in stages] for job in jobs]
    found = []
    for a, b in combinations_with_replacement(range(last + 1), 2):
        allowed = (range(a + 1), range(a, b + 1), range(b, last + 1))
        picks = [min(allowed[job.block], key=row.__getitem__) for job, row in zip(jobs, cost, strict=True)]
        found.append((sum(row[k] for row, k in zip(cost, picks, strict=True)) + RESITING * last, picks))
    return found


def _cost(job: Job, stage: Stage) -> float:
    """How much is lost by doing an item there; of a warm-up it matters less."""
    e, side = job.item.exercise, job.item.side
    seen, weight = motion_seen(e, stage.sites), WARM_UP if job.block == 0 else 1.0
    if seen is None or (stage.side and side and stage.side != side):
        return UNSEEN * weight
    if seen.probable:
        return PROBABLE * weight
    return 0.0 if set(e.sites) <= {*stage.sites, "any"} else NOT_THE_PLACE * weight


def motion_seen(e: Exercise, sites: Sequence[str]) -> Motion | None:
    """How an exercise's repetitions are seen with sensors at these sites; None when they are not."""
    return next((m for m in e.motions if m.site in sites or (m.site == "any" and sites)), None)


def _with_sites(one: Item, sites: tuple[str, ...]) -> Item:
    return one._replace(exercise=replace(one.exercise, sites=sites))
