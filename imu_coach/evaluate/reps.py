"""How well repetitions are counted: simulated people, held-out parameters, each exercise in its own layout.

Synthetic: an upper bound, not a device's accuracy.  The counter is never told how many are wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from imu_coach.evaluate.counting import Case, Counted, counted, over, wilson
from imu_coach.synthetic.conduct import Which
from imu_coach.types import Json

EXERCISES = (
    "ext_rotation_seated",
    "row_low_dumbbell",
    "triceps_pushback",
    "triceps_pushback_kneeling",
    "superman_beginner",
    "superman_intermediate",
    "prone_ext_beginner",
    "prone_ext_intermediate",
    "prone_ext_advanced",
    "prone_ext_advanced_legs",
    "warmup_side_reach",
    "warmup_hip_rotation",
)
OTHER_SITES = {"row_low_dumbbell": (("upper_back", "wrist"),), "prone_ext_beginner": (("upper_back", "wrist"),)}
"""Sensors elsewhere than the exercise says, reported as rows of their own."""
FACTORS = (1.0, 0.5, 2.0, None)
"""Of the expected amplitude against this person's own; None: what the exercise file expects of everybody."""
SEEDS = {"test": 13000, "tuning": 17000}
"""First seeds; thresholds were looked at on those for tuning, and with other parameters than the tests have."""
TABLES = (
    ("exercise", "sensors", "amplitude", "sets", "exact %", "95 %", "within 1 %"),
    ("exercise", "sensors", "amplitude", "edges F1", "latency p95", "false/5 min"),
)
"""Columns that are printed; all are in the numbers."""
TITLE = {
    "test": "Repetitions, simulated people with held-out parameters (synthetic: not a device's accuracy)",
    "tuning": "Repetitions, simulated people with the parameters tuned on (synthetic: not a device's accuracy)",
}


def run(
    *,
    sessions: int = 20,
    exercises: Sequence[str] = EXERCISES,
    factors: Sequence[float | None] = FACTORS,
    which: Which = "test",
    practice: bool = False,
    jobs: int = 2,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Json]:
    """Count ``sessions`` sessions of two sets per exercise, layout and factor on the expected amplitude.

    ``practice``: once more with the coach's two practice repetitions before them.
    """
    kinds = [
        (e, sites, f, taught)
        for e in exercises
        for sites in ((), *OTHER_SITES.get(e, ()))
        for f in factors
        for taught in (False, True)[: 1 + practice]
    ]
    cases = [Case(e, SEEDS[which] + i, sites, f, which, t) for e, sites, f, t in kinds for i in range(sessions)]
    results = over(counted, cases, jobs, progress)
    rows = []
    pooled: dict[tuple[float | None, bool], list[Counted]] = {}
    small = 0
    for k, (exercise, sites, factor, taught) in enumerate(kinds):
        part = results[k * sessions : (k + 1) * sessions]
        sets = [one for found, _ in part for one in found]
        false, minutes = sum(f for _, (f, _) in part), sum(m for _, (_, m) in part)
        rows.append(_row(exercise, sites[-1] if sites else "its own", factor, taught, sets, false, minutes))
        small += sum(not one.large for one in sets)
        if not sites:
            pooled.setdefault((factor, taught), []).extend(sets)
    for (factor, taught), sets in pooled.items():
        rows.append(_row("all", "its own", factor, taught, sets, None, None))
    notes = [
        f"{sessions} sessions of two sets each; 5 to 12 repetitions a set, never told to the counter.",
        "amplitude: what is expected, over this person's own; file: as the exercise file has it for everybody;",
        "  practice: after two practice repetitions, as the coach asks for them (other sessions of the same people).",
        f"{small} sets of movements below the exercise's own least amplitude are not scored.",
        "sensors: the second one, where it is not the exercise's own.",
        "edges F1: starts and ends within 0.5 s.",
        "latency: from the true end of a repetition until it is told, s.",
        "false/5 min: repetitions told outside of sets (sitting, walking, getting down and up, resting, fidgeting).",
    ]
    return {"title": TITLE[which], "tables": [list(names) for names in TABLES], "rows": rows, "notes": notes}


def _row(
    exercise: str,
    sites: str,
    factor: float | None,
    practice: bool,
    every: Sequence[Counted],
    false: int | None,
    minutes: float | None,
) -> dict[str, Json]:
    sets = [one for one in every if one.large]
    n = max(1, len(sets))
    exact = sum(s.told == s.true for s in sets)
    near = sum(abs(s.told - s.true) <= 1 for s in sets)
    latency = [x for s in sets for x in s.latency]
    found, told, true = (sum(s.edges[k] for s in sets) for k in range(3))
    low, high = wilson(exact, n)
    return {
        "exercise": exercise,
        "sensors": sites,
        "amplitude": ("file" if factor is None else f"x{factor:g}") + " practice" * practice,
        "sets": len(sets),
        "exact %": round(100 * exact / n, 1),
        "95 %": f"{low:.0f}-{high:.0f}",
        "within 1 %": round(100 * near / n, 1),
        "MAE": round(sum(abs(s.told - s.true) for s in sets) / n, 2),
        "probable %": round(100 * sum(s.probable for s in sets) / max(1, sum(s.told for s in sets))),
        "edges F1": round(2 * found / max(1, told + true), 2),
        "latency p95": round(float(np.percentile(latency, 95)), 2) if latency else None,
        "seen %": round(100 * float(np.mean([s.seen for s in sets])), 1),
        "false/5 min": None if false is None or not minutes else round(5 * false / minutes, 2),
    }
