"""Simulated sessions of one exercise through the coach, and what it counted beside what was done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from imu_coach import catalogue, config, synthetic
from imu_coach.conventions import FRAME_RATE
from imu_coach.core.book import OPEN
from imu_coach.core.observe import PRACTICE
from imu_coach.exercise import Exercise, Plan
from imu_coach.planner import single
from imu_coach.synthetic import Conduct, Simulated
from imu_coach.synthetic.conduct import Which, faults_for
from imu_coach.synthetic.person import stream
from imu_coach.synthetic.routines import PlanItem, coached_session
from imu_coach.testing import run as through
from imu_coach.types import Event

LEAST = 0.7
"""Of a wrong expectation; the least amplitude is never above it."""
MARGIN = 2.0
"""s around a set that still belong to it: what is counted there is not a false repetition between sets."""
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Case:
    """One session: who, what, worn where; ``factor``: expected amplitude over this person's own, None: as shipped.

    ``practice``: with the coach's practice repetitions before the first set, which teach the amplitude.
    """

    exercise: str
    seed: int
    sites: tuple[str, ...] = ()
    factor: float | None = None
    which: Which = "test"
    practice: bool = False


@dataclass(frozen=True)
class Counted:
    """One set: s, repetitions done and counted (told as probable among them), latencies, edges, share seen."""

    exercise: str
    seed: int
    factor: float | None
    large: bool  # enough to be a repetition by the exercise's own least amplitude
    true: int
    told: int
    probable: int
    latency: tuple[float, ...]
    edges: tuple[int, int, int]  # found, told, true: starts and ends of repetitions within 0.5 s
    seen: float


def open_plan(exercise: Exercise, expected: float | None = None, side: str = "") -> Plan:
    """As many sets and repetitions as are done, and the counter is not told; ``expected``: rad, if not its own."""
    if expected is not None:
        motions = tuple(
            m
            if m.channel == "wrist_vertical"
            else m._replace(expected=expected, minimum=min(m.minimum, LEAST * expected))
            for m in exercise.motions
        )
        exercise = replace(exercise, motions=motions)
    plan = single(exercise, side)
    items = tuple(i._replace(sets=(1, OPEN), reps=(OPEN, OPEN)) for i in plan.items)
    return replace(plan, items=items, practice=False)


def session(case: Case) -> tuple[Simulated, tuple[Event, ...]]:
    """Simulate one, and what the coach said of it."""
    exercise = catalogue.exercise(case.exercise)
    sites = case.sites or exercise.sites
    exercise = replace(exercise, sites=sites)
    simulated = _practised(case, sites) if case.practice else _plain(case, sites)
    own = float(np.median([r[3] for r in simulated.truth.reps if r[4]]))
    plan = open_plan(exercise, None if case.factor is None else own * case.factor)
    setup = replace(config.setup(simulated.header), plan=replace(plan, practice=case.practice))
    return simulated, through(simulated.header, setup, [simulated.inputs]).events


def _plain(case: Case, sites: tuple[str, ...]) -> Simulated:
    conduct = Conduct.draw(case.seed, case.which)
    return synthetic.exercise_session(case.exercise, case.seed, conduct=conduct, sensors=sites, which=case.which)


def _practised(case: Case, sites: tuple[str, ...]) -> Simulated:
    """Two sets, and the repetitions that teach the amplitude as a set of their own before them."""
    rng = stream(case.seed, f"practised:{case.exercise}:{case.which}")
    sets = [PlanItem(case.exercise, reps=int(rng.integers(5, 13))) for _ in range(2)]
    conduct, faults = Conduct.draw(case.seed, case.which), faults_for(case.which, case.seed)
    return coached_session(
        sets, case.seed, sensors=sites, resites=False, conduct=conduct, faults=faults, practice=PRACTICE
    )


def counted(case: Case) -> tuple[list[Counted], tuple[int, float]]:
    """Every set of one session, and the false repetitions in so many minutes outside of sets."""
    simulated, events = session(case)
    truth, least = simulated.truth, catalogue.exercise(case.exercise).motions[0].minimum
    reps = [e for e in events if e.kind == "rep" and e.detail["status"] != "hand"]
    sets, inside = [], 0
    for t0, t1, *_ in truth.sets:
        mine = [e for e in reps if t0 - MARGIN <= e.onset / FRAME_RATE <= t1 + MARGIN]
        inside += len(mine)
        done = [r for r in truth.reps if t0 - 0.1 <= r[0] <= t1 and r[4]]
        found = [(e.onset / FRAME_RATE, float(e.detail["end_s"]), e.decided / FRAME_RATE) for e in mine]
        matched = _matched(done, found)
        edges = sum((abs(f[0] - r[0]) <= 0.5) + (abs(f[1] - r[2]) <= 0.5) for r, f in matched)
        seen = [
            float(e.detail["seen"]) for e in events if e.kind == "set_end" and t0 < e.decided / FRAME_RATE < t1 + 30
        ]
        sets.append(
            Counted(
                case.exercise,
                case.seed,
                case.factor,
                bool(done) and float(np.median([r[3] for r in done])) >= least,
                len(done),
                len(mine),
                sum(e.detail["status"] == "probable" for e in mine),
                tuple(f[2] - r[2] for r, f in matched),
                (edges, 2 * len(found), 2 * len(done)),
                seen[0] if seen else 0.0,
            )
        )
    idle = float(truth.t[-1]) - sum(t1 - t0 for t0, t1, *_ in truth.sets)
    return sets[int(case.practice) :], (len(reps) - inside, idle / 60.0)


Done = tuple[float, float, float, float, bool]
"""A true repetition: start, top, end (s), amplitude (rad), whole."""
Found = tuple[float, float, float]
"""Start and end of a repetition as told, and when it was told, s."""


def _matched(done: Sequence[Done], found: Sequence[Found]) -> list[tuple[Done, Found]]:
    """Each repetition told, with the true one that it shares most time with; each true one once.

    One that is told across the border of two true ones would else be late for the first of them by a whole repetition.
    """
    best: dict[Done, tuple[float, Found]] = {}
    for f in found:
        shared, r = max(((min(f[1], r[2]) - max(f[0], r[0]), r) for r in done), default=(0.0, None))
        if r is not None and shared > max(0.0, best.get(r, (0.0, f))[0]):
            best[r] = shared, f
    return [(r, f) for r, (_, f) in best.items()]


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953), as per cent."""
    if not n:
        return 0.0, 100.0
    p, d = hits / n, 1.0 + z * z / n
    centre, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return round(100 * (centre - half) / d, 1), round(100 * float(centre + half) / d, 1)


def over(work: Callable[[T], R], cases: Sequence[T], jobs: int, progress: Callable[[float], None] | None) -> list[R]:
    """Every case, in order, by some processes."""
    done: list[R] = []
    pool = ProcessPoolExecutor(jobs) if jobs > 1 else None
    results: Iterable[R] = map(work, cases) if pool is None else pool.map(work, cases, chunksize=2)
    for result in results:
        done.append(result)
        if progress is not None:
            progress(len(done) / len(cases))
    if pool is not None:
        pool.shutdown()
    return done
