"""Everyday life and safe movement as scripts made by seed, and what to call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from imu_coach.synthetic import scenario
from imu_coach.synthetic.person import stream
from imu_coach.synthetic.scenario import Step, resolve

Steps = tuple[Step, ...]

IDLE: tuple[tuple[float, float, Steps], ...] = (
    (5.0, 26.0, (Step("sit_quiet", seconds=22.0),)),
    (3.0, 16.0, (Step("sit_quiet", seconds=3.0), Step("fidget", seconds=10.0))),
    (2.0, 12.0, (Step("fidget_standing", seconds=9.0),)),
    (3.0, 17.0, (Step("walking", seconds=15.0),)),
    (2.0, 14.0, (Step("drink"),)),
    (1.5, 15.0, (Step("arms_raised"),)),
    (1.5, 15.0, (Step("arms_raised_seated"),)),
    (1.0, 9.0, (Step("pick_up_weights"),)),
    (0.5, 10.0, (Step("pick_up_rounded"),)),
    (0.7, 6.0, (Step("cough"),)),
    (2.0, 14.0, (Step("sit_quiet", seconds=3.0), Step("stand_quiet", seconds=3.0))),
    (0.8, 16.0, (Step("kneel_quiet"), Step("stand_quiet", seconds=3.0))),
    (1.0, 34.0, (Step("prone_quiet", seconds=6.0), Step("fidget_prone"), Step("stand_quiet", seconds=3.0))),
    (0.4, 40.0, (Step("prone_quiet"), Step("turning_over"), Step("stand_quiet", seconds=3.0))),
)
"""What people do between exercises: how often, about how long (s, with getting there), and the steps [ENG]."""

SAFE = tuple(row for row in IDLE if row[2][0].activity not in ("pick_up_rounded", "fidget", "fidget_standing"))
"""What nobody would warn of."""

SAFE_SETS: Steps = (
    Step("ext_rotation", strategy="tall"), Step("pushback", strategy="flat"), Step("row", strategy="flat"),
    Step("superman", strategy="neutral", reps=4), Step("prone_prop", strategy="relaxed", reps=3),
    Step("side_reach", strategy="pure"),
)  # fmt: skip


def idle_minutes(seed: int, minutes: float = 5.0, safe: bool = False) -> Steps:
    """Minutes of everyday life without any exercise, in an order and with lengths drawn by ``seed``.

    Sitting, walking, fidgeting, drinking, reaching up, picking things up, getting down and up.  ``safe``: without
    bending over rounded and without fidgeting.
    """
    rng = stream(seed, "idle")
    table = SAFE if safe else IDLE
    weights = np.array([row[0] for row in table])
    out: list[Step] = []
    left = 60.0 * minutes
    while left > 0.0:
        _, seconds, steps = table[int(rng.choice(len(table), p=weights / weights.sum()))]
        out += steps
        left -= seconds
    return tuple(out)


def safe_movement(seed: int, minutes: float = 10.0) -> Steps:
    """Minutes of movement that calls for no warning: everyday life, and correct sets of exercises in between."""
    rng = stream(seed, "safe")
    sets = [SAFE_SETS[i] for i in rng.permutation(len(SAFE_SETS))][: max(1, round(0.5 * minutes))]
    # about 50 s for a set with getting there and away: the rest of the time lies before, between and after the sets
    idle = max(minutes - 50.0 / 60.0 * len(sets), 0.0) / (len(sets) + 1)
    out: list[Step] = []
    for step in sets:
        out += (*idle_minutes(int(rng.integers(2**31)), idle, safe=True), step)
    return (*out, *idle_minutes(int(rng.integers(2**31)), idle, safe=True))


MADE: Mapping[str, Callable[[int], Steps]] = {"between": idle_minutes, "safe_movement": safe_movement}
"""Scripts that are another one for every seed."""

SCRIPTS: tuple[str, ...] = (*scenario.scripts(), *MADE)
"""Names of the ready-made scripts."""


def steps_of(script: str | Sequence[Step], seed: int) -> Steps:
    """The steps of a script, with the start routine in front unless they begin with ``table`` or ``stand_tall``."""
    return resolve(MADE[script](seed) if isinstance(script, str) and script in MADE else script)
