"""How well holds are timed: simulated people who breathe and sway, targets from 3 to 30 s.

Synthetic: an upper bound, not a device's accuracy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from imu_coach.evaluate.counting import Case, Held, counted, over, wilson
from imu_coach.synthetic.conduct import Which
from imu_coach.types import Json

EXERCISES = (
    "superman_beginner",
    "superman_intermediate",
    "prone_ext_beginner",
    "prone_ext_intermediate",
    "prone_ext_advanced",
    "prone_ext_advanced_legs",
)
SEEDS = 8000
CREDIT = 0.9
TITLE = "Holds, simulated people who breathe and sway (synthetic: not a device's accuracy)"


def run(
    *,
    sessions: int = 20,
    exercises: Sequence[str] = EXERCISES,
    which: Which = "test",
    jobs: int = 2,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Json]:
    """Time the holds of ``sessions`` sessions per exercise."""
    cases = [Case(e, SEEDS + i, which=which) for e in exercises for i in range(sessions)]
    results = [held for _, held, _ in over(counted, cases, jobs, progress)]
    rows = [_row(e, [h for h in results if h.exercise == e]) for e in exercises]
    rows.append(_row("all", results))
    notes = [
        "credited: told at least 90 % of the true length.  MAE and bias in s, of all true holds.",
        "false: holds of 1.5 s or more that touch no true one, per true hold.",
    ]
    return {"title": TITLE, "rows": rows, "notes": notes}


def _row(exercise: str, sessions: Sequence[Held]) -> dict[str, Json]:
    pairs = np.array([p for s in sessions for p in s.pairs]).reshape(-1, 2)
    n, hits = len(pairs), int((pairs[:, 1] >= CREDIT * pairs[:, 0]).sum())
    low, high = wilson(hits, n)
    error = pairs[:, 1] - pairs[:, 0]
    return {
        "exercise": exercise,
        "holds": n,
        "length s": f"{pairs[:, 0].min():.0f}-{pairs[:, 0].max():.0f}" if n else "-",
        "credited %": round(100 * hits / max(n, 1), 1),
        "95 %": f"{low:.0f}-{high:.0f}",
        "MAE s": round(float(np.abs(error).mean()), 2) if n else None,
        "bias s": round(float(error.mean()), 2) if n else None,
        "false %": round(100 * sum(s.false for s in sessions) / max(n, 1), 1),
    }
