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
from imu_coach.synthetic.scenario import resolve
from imu_coach.types import Bands, Bools, Json, Setup, Source

LAYOUTS = ("upper_back_wrist", "upper_back_wrist_sacrum", "spine_wrist", "upper_back_upper_arm")
TEST_SEEDS = (5000, 5200)
"""First and one past the last; the bands were set on :data:`imu_coach.evaluate.fit_bands.SEEDS`."""
EVERY = 10
"""Every tenth frame is scored: 10 Hz, faster than anything in the angles."""
LARGE = 20.0
"""deg; larger angles are scored apart."""
MISS = 10.0
"""Penalty of the interval score per degree outside: 2 / 0.2."""
TITLE = "Coverage of the 80 % bands, simulated people (synthetic: not a device's accuracy)"
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
    frames = collect(range(*seeds), mix, tuple(layouts), captured, jobs=jobs, progress=progress)
    table = coverage(frames[frames["activity"] != ""])
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
    bands: Bands | None = None,
    *,
    jobs: int = 2,
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """Scored frames of many sessions: one row per session, layout, angle and scored frame (degrees)."""
    tasks = [(seed, mix, tuple(layouts), captured, bands) for seed in seeds]
    parts: list[pd.DataFrame] = []
    with ProcessPoolExecutor(jobs) as pool:
        for part in pool.map(_session, tasks):
            parts.append(part)
            if progress is not None:
                progress(len(parts) / len(tasks))
    return pd.concat(parts, ignore_index=True)


def _session(task: tuple[int, str, tuple[str, ...], bool, Bands | None]) -> pd.DataFrame:
    """One simulated session through the realtime pipeline, once per layout."""
    seed, mix, layouts, captured, bands = task
    sites = tuple(dict.fromkeys(site for name in layouts for site in config.layout(name).sites))
    steps = resolve("bands")
    if not captured:  # worn from the first sample: on the table a sensor captures its bias by itself
        steps = tuple(step for step in steps if step.activity not in ("table", "put_on"))
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
    return table


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


def coverage(table: pd.DataFrame) -> pd.DataFrame:
    """Coverage, width, interval score and availability, sessions as the unit."""
    t = table[table["truth"].notna()].copy()
    t["large"] = t["value"].abs() > LARGE
    t["width"] = t["high"] - t["low"]
    outside = np.maximum(t["low"] - t["truth"], 0.0) + np.maximum(t["truth"] - t["high"], 0.0)
    t["inside"] = outside == 0.0
    t["score"] = t["width"] + MISS * outside
    unit = ["session", "angle", "layout", "activity"]
    shares = t.groupby(unit, observed=True)["available"].mean().groupby(unit[1:], observed=True).mean()
    there = t[t["available"]]
    per_session = there.groupby(["session", *KEYS], observed=True)[["inside", "width", "score"]].mean()
    mean = per_session.groupby(KEYS, observed=True).mean()
    mean["sessions"] = per_session.groupby(KEYS, observed=True).size()
    mean = mean.rename(columns={"inside": "coverage"}).reset_index()
    return mean.join(shares, on=KEYS[:3])
