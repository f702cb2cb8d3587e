"""How well holds are timed: simulated people who breathe and sway, targets of 3, 5, 20 and 30 s.

Synthetic: an upper bound, not a device's accuracy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from imu_coach import catalogue, config, synthetic
from imu_coach.conventions import FRAME_RATE
from imu_coach.evaluate.counting import open_plan, over, wilson
from imu_coach.synthetic import Conduct
from imu_coach.synthetic.conduct import Which
from imu_coach.testing import run as through
from imu_coach.types import Event, Json

EXERCISES = (
    "superman_beginner",
    "superman_intermediate",
    "prone_ext_beginner",
    "prone_ext_intermediate",
    "prone_ext_advanced",
    "prone_ext_advanced_legs",
)
TARGETS = {3.0: 8, 5.0: 6, 20.0: 3, 30.0: 2}
"""s that are aimed for, and repetitions in each of the two sets: sessions take them in turn."""
LIFTS = ((0.0, 5.0), (5.0, 10.0), (10.0, 20.0), (20.0, 50.0))
"""deg of lifts that are told apart."""
SEEDS = 13000
CREDIT = 0.9
LEAST = 1.5
"""s; what is shorter is told as no hold."""
Span = tuple[float, float, float]
"""s: begin, end, and how long it was held."""
TITLE = "Holds, simulated people who breathe and sway (synthetic: not a device's accuracy)"


@dataclass(frozen=True)
class Case:
    """One session: who, what, and how long each hold is meant to be, s."""

    exercise: str
    seed: int
    target: float
    which: Which = "test"


@dataclass(frozen=True)
class Hold:
    """A true hold: s, s credited within it, how high it was lifted, deg; nan where the back is not what is judged."""

    exercise: str
    target: float
    seconds: float
    credited: float
    lift: float


@dataclass(frozen=True)
class Timed:
    """A session's true holds, and how many were told that touch none of them."""

    case: Case
    holds: tuple[Hold, ...]
    false: int


def run(
    *,
    sessions: int = 20,
    exercises: Sequence[str] = EXERCISES,
    which: Which = "test",
    seeds: int = SEEDS,
    jobs: int = 2,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Json]:
    """Time the holds of ``sessions`` sessions per exercise."""
    aims = tuple(TARGETS)
    cases = [Case(e, seeds + i, aims[i % len(aims)], which) for e in exercises for i in range(sessions)]
    timed = over(one, cases, jobs, progress)
    holds = [h for t in timed for h in t.holds]
    rows = [_row(e, _of(holds, exercise=e), sum(t.false for t in timed if t.case.exercise == e)) for e in exercises]
    rows += [_row(f"{a:g} s", _of(holds, target=a), sum(t.false for t in timed if t.case.target == a)) for a in aims]
    rows += [_row(f"lift {a:g}-{b:g} deg", [h for h in holds if a <= h.lift < b]) for a, b in LIFTS]
    rows.append(_row("all", holds, sum(t.false for t in timed)))
    mix = ", ".join(f"{a:g} s: {reps}" for a, reps in TARGETS.items())
    notes = [
        f"targets take turns, one a session; repetitions in each of its two sets: {mix}.",
        f"credited: told at least {100 * CREDIT:.0f} % of the true length.  MAE and bias in s, of all true holds.",
        f"false: holds of {LEAST:g} s or more that touch no true one, per true hold.",
    ]
    return {"title": TITLE, "rows": rows, "notes": notes}


def one(case: Case) -> Timed:
    """Simulate a session and time its holds."""
    exercise, conduct = catalogue.exercise(case.exercise), Conduct.draw(case.seed, case.which)
    simulated = synthetic.exercise_session(
        case.exercise, case.seed, reps=TARGETS[case.target], hold=case.target, conduct=conduct,
        sensors=exercise.sites, which=case.which,
    )  # fmt: skip
    setup = replace(config.setup(simulated.header), plan=open_plan(exercise))
    told = _told(through(simulated.header, setup, [simulated.inputs]).events)
    truth = simulated.truth
    credit, false = _credit(told, truth.holds)
    lift = {rep[1]: float(np.rad2deg(rep[3])) for rep in truth.reps} if _level(case.exercise) else {}
    holds = tuple(
        Hold(case.exercise, case.target, b - a, seconds, lift.get(a, float("nan")))
        for (a, b), seconds in zip(truth.holds, credit, strict=True)
    )
    return Timed(case, holds, false)


def _told(events: Sequence[Event]) -> list[Span]:
    """Begin, end and seconds of the holds that the coach told; one that the end of its set cuts off has no end."""
    told, begin = [], float("nan")
    for e in events:
        if e.kind == "hold_begin":
            begin = e.onset / FRAME_RATE
        elif e.kind == "hold_end":
            told.append((begin, e.onset / FRAME_RATE, float(e.detail["seconds"])))
    return told


def _credit(told: Sequence[Span], true: Sequence[tuple[float, float]]) -> tuple[list[float], int]:
    """Seconds for each true hold, each told one counting for the one that it overlaps most; and those that touch none.

    So what is told as one hold and was two is credited once, with all of its seconds.
    """
    credit, false = [0.0] * len(true), 0
    for begin, end, seconds in told:
        shared = [min(end, b) - max(begin, a) for a, b in true]
        if max(shared, default=0.0) > 0.0:
            credit[int(np.argmax(shared))] += seconds
        else:
            false += seconds >= LEAST
    return credit, false


def _level(exercise: str) -> bool:
    hold = catalogue.exercise(exercise).hold
    return hold is not None and hold.by == "level"


def _of(holds: Sequence[Hold], **wanted: object) -> list[Hold]:
    return [h for h in holds if all(getattr(h, name) == value for name, value in wanted.items())]


def _row(name: str, holds: Sequence[Hold], false: int | None = None) -> dict[str, Json]:
    true, told = (np.array([getattr(h, key) for h in holds]) for key in ("seconds", "credited"))
    n, hits = len(holds), int((told >= CREDIT * true).sum())
    low, high = wilson(hits, n)
    error = told - true
    return {
        "holds of": name,
        "holds": n,
        "length s": f"{true.min():.0f}-{true.max():.0f}" if n else "-",
        "credited %": round(100 * hits / n, 1) if n else None,
        "95 %": f"{low:.0f}-{high:.0f}",
        "MAE s": round(float(np.abs(error).mean()), 2) if n else None,
        "bias s": round(float(error.mean()), 2) if n else None,
        "false %": None if false is None or not n else round(100 * false / n, 1),
    }
