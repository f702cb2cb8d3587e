"""Do the 80 % bands hold 80 % of the truth?  On simulated people only, per angle, layout and activity.

``run`` measures coverage, mean width, interval score and availability on seeds that were not used to set the bands;
``fit`` sets them (``bands.toml``) from other seeds.  Synthetic through and through: no human data stand behind them.

The interval score of an 80 % band is its width plus ten times the distance by which truth falls outside [1]_.

References
----------
.. [1] T. Gneiting, A. Raftery, J. Am. Stat. Assoc. 102 (2007) 359-378, doi:10.1198/016214506000001437
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imu_coach import config, synthetic
from imu_coach.core.angles import ANCHORED
from imu_coach.recording import Recording
from imu_coach.run import process
from imu_coach.settings import Bands, Setup
from imu_coach.synthetic.scenario import Step, resolve
from imu_coach.types import Bools, Json, Source

LAYOUTS = ("upper_back_wrist", "upper_back_wrist_sacrum", "spine_wrist", "upper_back_upper_arm")
TEST_SEEDS = (5000, 5240)
"""First and one past the last; the bands were set on :data:`imu_coach.evaluate.fit_bands.SEEDS`."""
EVERY = 10
"""Every tenth frame is scored: 10 Hz, faster than anything in the angles."""
LARGE = 20.0
"""deg; larger angles are scored apart."""
MISS = 10.0
"""Penalty of the interval score per degree outside: 2 / 0.2."""
TITLE = "Coverage of the 80 % bands, simulated people (synthetic: not a device's accuracy)"
Reduce = Callable[[pd.DataFrame], pd.DataFrame]
KEYS = ["angle", "layout", "activity", "large"]
NOT_WORN_YET = ("table", "put_on", "stand_tall")
"""Activities before the angles have their zero."""


def run(
    *,
    seeds: tuple[int, int] = TEST_SEEDS,
    mix: str = "default",
    layouts: Sequence[str] = LAYOUTS,
    captured: bool = True,
    jobs: int = 2,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Json]:
    """Simulate sessions and score the bands.

    Parameters
    ----------
    seeds : first and one past the last
    mix : population of strategies, "default" or "shifted" (clearly different proportions and parameters)
    captured : whether the gyroscope bias was captured on the table
    """
    scored = collect(range(*seeds), mix, layouts, captured, reduce=score, jobs=jobs, progress=progress)
    table = coverage(scored)
    notes = [
        f"{seeds[1] - seeds[0]} sessions (seeds {seeds[0]} to {seeds[1] - 1}), mix {mix}, bias capture {captured}.",
        "coverage: mean over sessions of the share of frames whose truth lies in the band. large: |angle| > 20 deg.",
        "available: share of the activity's frames with a value.",
    ]
    return {"title": TITLE, "rows": table.to_dict("records"), "notes": notes}


def collect(
    seeds: Iterable[int],
    mix: str,
    layouts: Sequence[str],
    captured: bool,
    *,
    reduce: Reduce,
    bands: Bands | None = None,
    jobs: int = 2,
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """What ``reduce`` keeps of each session's frames (:func:`_scored`), for many sessions."""
    tasks = [(seed, mix, tuple(layouts), captured, bands, reduce) for seed in seeds]
    parts: list[pd.DataFrame] = []
    with ProcessPoolExecutor(jobs) as pool:
        for part in pool.map(_session, tasks):
            parts.append(part)
            if progress is not None:
                progress(len(parts) / len(tasks))
    return pd.concat(parts, ignore_index=True)


def _session(task: tuple[int, str, tuple[str, ...], bool, Bands | None, Reduce]) -> pd.DataFrame:
    """One simulated session through the realtime pipeline, once per layout."""
    seed, mix, layouts, captured, bands, reduce = task
    sites = tuple(dict.fromkeys(site for name in layouts for site in config.layout(name).sites))
    steps = resolve("bands")
    if not captured:  # worn from the first sample: on the table a sensor captures its bias by itself
        first = Step("stand_tall", seconds=8.0, calibrate=False)
        steps = (first, *(step for step in steps if step.activity not in ("table", "put_on")))
    simulated = synthetic.simulate(steps, seed=seed, sensors=sites, samples_per_packet=10, mix=mix, internal_rate=200.0)
    recording = Recording.of(simulated.header, simulated.inputs)
    parts = []
    for name in layouts:
        setup = config.setup(simulated.header, name)
        if bands is not None:
            setup = replace(setup, bands=bands)
        parts.append(_scored(recording, setup, simulated.truth).assign(layout=name))
    table = pd.concat(parts, ignore_index=True)
    table["session"] = seed
    return reduce(table)


def _scored(recording: Recording, setup: Setup, truth: synthetic.Truth) -> pd.DataFrame:
    result = process(recording, setup)
    block = result.block
    rows = np.arange(0, min(len(truth.t), len(block.index)), EVERY)
    rows = rows[~np.isin(truth.activity[rows], ("", *NOT_WORN_YET))]
    columns = []
    trunk = np.rad2deg(block.value[rows, block.names.index("trunk_inclination")])
    for i, name in enumerate(block.names):
        if name not in truth.angle:
            continue
        there = block.source[rows, i] != Source.UNAVAILABLE
        columns.append(
            pd.DataFrame(
                {
                    "angle": name,
                    "context": truth.context[rows],
                    "activity": _activity(truth.context[rows], truth.in_set[rows]),
                    "exercise": truth.activity[rows],
                    "available": there,
                    "trunk": trunk,
                    "value": np.rad2deg(block.value[rows, i]),
                    "low": np.rad2deg(block.low[rows, i]),
                    "high": np.rad2deg(block.high[rows, i]),
                    "truth": np.rad2deg(truth.angle[name][rows]),
                }
            )
        )
    return pd.concat(columns, ignore_index=True).astype(
        dict.fromkeys(("angle", "activity", "context", "exercise"), "category")
    )


def _activity(context: NDArray[np.str_], in_set: Bools) -> NDArray[np.str_]:
    """What the pipeline is told; standing bent over is another thing between sets than in one."""
    needs_set = np.isin(context, [posture for posture, in_a_set in ANCHORED.items() if in_a_set])
    return np.where(needs_set & ~in_set, "between sets", context)


def score(table: pd.DataFrame) -> pd.DataFrame:
    """One session: share inside, width and interval score per angle, layout, activity and size; and availability."""
    t = table[table["truth"].notna() & (table["activity"] != "")].copy()
    t["large"] = t["value"].abs() > LARGE
    t["width"] = t["high"] - t["low"]
    outside = np.maximum(t["low"] - t["truth"], 0.0) + np.maximum(t["truth"] - t["high"], 0.0)
    t["coverage"] = outside == 0.0
    t["score"] = t["width"] + MISS * outside
    available = t.groupby(KEYS[:3], observed=True)["available"].mean()
    mean = t[t["available"]].groupby(KEYS, observed=True)[["coverage", "width", "score"]].mean().reset_index()
    return mean.join(available, on=KEYS[:3]).assign(session=table["session"].iloc[0])


def coverage(scored: pd.DataFrame) -> pd.DataFrame:
    """Means over sessions, which are the unit, and the standard error of the coverage."""
    groups = scored.groupby(KEYS, observed=True)
    mean = groups[["coverage", "width", "score", "available"]].mean()
    mean["sessions"] = groups.size()
    mean["standard_error"] = groups["coverage"].std() / np.sqrt(mean["sessions"])
    return mean.reset_index()
