"""What simulated people do to try the guards: things to be told, correct sets, safe movement, getting down and up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from imu_coach.synthetic import Lapse, Step, rises, safe_movement

Make = Callable[[np.random.Generator], tuple[Step, ...]]


class Scenario(NamedTuple):
    """What a person does: ``make`` draws it; ``exercises`` is what a coach leads, none: only the posture is told."""

    name: str
    exercises: tuple[str, ...]
    make: Make


def _lapse(
    activity: str,
    strategy: str,
    trunk: tuple[float, float],
    seconds: tuple[float, float],
    spine: float,
    rng: np.random.Generator,
    speed: tuple[float, float] = (0.6, 1.4),
) -> tuple[Step, ...]:
    """Two sets, with a lapse of so many deg in each."""
    sets = []
    for _ in range(2):
        lapse = Lapse(_draw(rng, trunk), _draw(rng, seconds), spine, int(rng.integers(1, 5)), _draw(rng, speed))
        sets += [Step(activity, reps=8, strategy=strategy, lapse=lapse), Step("stand_quiet", seconds=6.0)]
    return tuple(sets)


def _draw(rng: np.random.Generator, ends: tuple[float, float]) -> float:
    return float(rng.uniform(*ends))


def _lean(
    activity: str, to: tuple[float, float], seconds: tuple[float, float], rng: np.random.Generator
) -> tuple[Step, ...]:
    """Three leans, between which the person is upright."""
    return tuple(
        step
        for _ in range(3)
        for step in (
            Step(activity, amplitude=_draw(rng, to), seconds=_draw(rng, seconds)),
            Step("stand_quiet", seconds=4.0),
        )
    )


def _bends(rng: np.random.Generator) -> tuple[Step, ...]:
    return tuple(
        step
        for _ in range(4)
        for step in (
            Step("rapid_bend", amplitude=_draw(rng, (35.0, 60.0)), rate=_draw(rng, (70.0, 140.0))),
            Step("stand_quiet", seconds=3.0),
        )
    )


def _turns(rng: np.random.Generator) -> tuple[Step, ...]:
    """Rows during which the trunk turns far, and stays there."""
    sizes = (_draw(rng, (110.0, 150.0)) for _ in range(2))
    sets = [
        Step("row", strategy="turning", reps=4, amplitude=a, exact=True, hold=_draw(rng, (2.0, 4.0))) for a in sizes
    ]
    return (sets[0], Step("stand_quiet", seconds=6.0), sets[1])


def _lifts(activity: str, deg: tuple[float, float], rng: np.random.Generator) -> tuple[Step, ...]:
    holds = (_draw(rng, (2.5, 5.0)) for _ in range(2))
    return tuple(Step(activity, reps=3, hold=h, amplitude=_draw(rng, deg), exact=True) for h in holds)


def _rises(count: int, rng: np.random.Generator) -> tuple[Step, ...]:
    kinds = [str(k) for k in rng.permutation(["sit_quiet", "kneel_quiet", "prone_quiet"])]
    return tuple(step for kind in kinds for step in rises(count, kind))


def _between(rng: np.random.Generator) -> tuple[Step, ...]:
    """Down and up between the sets of four exercises."""
    sets = (
        Step("side_reach", reps=3),
        Step("ext_rotation", reps=3),
        Step("pushback_kneeling", reps=3),
        Step("superman", reps=2),
    )
    return tuple(step for one in sets for step in (one, one, *_rises(1, rng)))


def _sets(activity: str, strategy: str, rng: np.random.Generator) -> tuple[Step, ...]:
    one = Step(activity, strategy=strategy, reps=int(rng.integers(6, 13)))
    return (one, Step("stand_quiet", seconds=8.0), one)


def _safe(minutes: float, rng: np.random.Generator) -> tuple[Step, ...]:
    return safe_movement(int(rng.integers(2**31)), minutes)


PUSH, KNEEL, ROW, TURN = "triceps_pushback", "triceps_pushback_kneeling", "row_low_dumbbell", "ext_rotation_seated"
SAFE_PLAN = (TURN, PUSH, ROW, "superman_beginner", "prone_ext_beginner", "warmup_side_reach")

EVENTS: tuple[Scenario, ...] = (
    Scenario("lean standing", (), partial(_lean, "lean_deep", (37.0, 52.0), (4.0, 7.0))),
    Scenario("lean seated", (), partial(_lean, "lean_deep_seated", (37.0, 52.0), (4.0, 7.0))),
    Scenario("lean in a set", (TURN,), partial(_lapse, "ext_rotation", "tall", (38.0, 48.0), (4.0, 6.0), 0.2)),
    Scenario("deep lean standing", (), partial(_lean, "lean_deep", (67.0, 85.0), (2.0, 4.0))),
    Scenario("deep lean seated", (), partial(_lean, "lean_deep_seated", (67.0, 80.0), (2.0, 4.0))),
    Scenario("deep lean in a set", (TURN,), partial(_lapse, "ext_rotation", "tall", (68.0, 76.0), (3.0, 4.0), 0.2)),
    Scenario("long lean", (), partial(_lean, "lean_deep", (26.5, 29.0), (32.0, 36.0))),
    Scenario("rounding in pushback", (PUSH,), partial(_lapse, "pushback", "flat", (20.0, 34.0), (3.0, 6.0), 1.0)),
    Scenario("rounding in kneeling", (KNEEL,),
             partial(_lapse, "pushback_kneeling", "flat", (22.0, 36.0), (3.0, 6.0), 1.0)),
    Scenario("rounding in row", (ROW,), partial(_lapse, "row", "flat", (20.0, 34.0), (3.0, 6.0), 1.0)),
    Scenario("rounding seated", (TURN,), partial(_lapse, "ext_rotation", "tall", (22.0, 34.0), (4.0, 6.0), 1.0)),
    Scenario("rounded throughout", (PUSH,), partial(_sets, "pushback", "rounded")),
    Scenario("rapid bend", (), _bends),
    Scenario("rapid bend in pushback", (PUSH,),
             partial(_lapse, "pushback", "flat", (26.0, 32.0), (2.0, 4.0), 0.0, speed=(2.3, 4.0))),
    Scenario("turning in row", (ROW,), _turns),
    Scenario("slump in a set", (TURN,), partial(_lapse, "ext_rotation", "tall", (16.0, 28.0), (4.0, 7.0), 0.9)),
    Scenario("hinge too deep", (PUSH,), partial(_lapse, "pushback", "flat", (16.0, 24.0), (5.0, 8.0), 0.0)),
    Scenario("hinge too upright", (PUSH,), partial(_lapse, "pushback", "flat", (-40.0, -27.0), (5.0, 8.0), 0.0)),
    Scenario("arching in superman", ("superman_beginner",),
             partial(_lapse, "superman", "neutral", (-38.0, -26.0), (3.0, 6.0), 1.0)),
    Scenario("lifting far", ("prone_ext_beginner",), partial(_lifts, "prone_prop", (51.0, 60.0))),
    Scenario("pressing far", ("prone_ext_intermediate",), partial(_lifts, "prone_press_up", (56.0, 66.0))),
    Scenario("arching far", ("prone_ext_advanced",), partial(_lifts, "prone_advanced", (31.0, 40.0))),
    Scenario("dip in pushback", (PUSH,), partial(_lapse, "pushback", "flat", (16.0, 22.0), (4.0, 7.0), 0.0)),
    Scenario("dip in kneeling", (KNEEL,), partial(_lapse, "pushback_kneeling", "flat", (16.0, 24.0), (4.0, 7.0), 0.0)),
    Scenario("dip in row", (ROW,), partial(_lapse, "row", "flat", (16.0, 24.0), (4.0, 7.0), 0.0)),
)  # fmt: skip
"""What is to be told."""

CORRECT: tuple[Scenario, ...] = (
    Scenario("correct hinge", (PUSH,), partial(_sets, "pushback", "flat")),
    Scenario("correct hinge kneeling", (KNEEL,), partial(_sets, "pushback_kneeling", "flat")),
    Scenario("correct row", (ROW,), partial(_sets, "row", "flat")),
    Scenario("correct seated", (TURN,), partial(_sets, "ext_rotation", "tall")),
    Scenario("correct superman", ("superman_beginner",), partial(_sets, "superman", "neutral")),
)
SAFE: tuple[Scenario, ...] = (
    Scenario("safe movement, posture told", (), partial(_safe, 10.0)),
    Scenario("safe movement, coached", SAFE_PLAN, partial(_safe, 10.0)),
)
SAME_DIP: tuple[Scenario, ...] = (
    Scenario("the same dip, flat", (PUSH,), partial(_lapse, "pushback", "flat", (24.0, 24.0), (4.0, 5.0), 0.0)),
    Scenario("the same dip, rounded", (PUSH,), partial(_lapse, "pushback", "flat", (24.0, 24.0), (4.0, 5.0), 1.0)),
)
"""The upper back dips alike: from the hips with a flat back, or by rounding."""
WAYS: tuple[Scenario, ...] = (
    Scenario("getting down and up, posture told", (), partial(_rises, 2)),
    Scenario("getting down and up, coached", ("warmup_side_reach", TURN, KNEEL, "superman_beginner"), _between),
)
"""Chair, one knee and floor, some of each; the coached ones between sets, when the coach is not told."""
ALL: Mapping[str, Scenario] = {s.name: s for s in (*EVENTS, *CORRECT, *SAFE, *SAME_DIP, *WAYS)}
