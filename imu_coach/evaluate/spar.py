"""Counts on SPAR: seven shoulder movements with one watch on the wrist, of which the counter knows nothing.

The movements and the watch are real, the people are not those that this project is made for.  By the protocol a set has
20 repetitions [1]_; performers may have done 19 to 22.

References
----------
.. [1] D. M. Burns et al., Physiol. Meas. 39 (2018) 075007, doi:10.1088/1361-6579/aacfd9
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imu_coach import config
from imu_coach.conventions import GRAVITY
from imu_coach.core.auto import AutoCounter
from imu_coach.core.rep import Rep
from imu_coach.errors import ImportFileError
from imu_coach.evaluate.counting import wilson
from imu_coach.recording import Recording
from imu_coach.run import stream
from imu_coach.types import Json

TITLE = "SPAR: repetitions of movements that nobody defined, from one watch on the wrist"
MOVEMENTS = {
    "ER": "external rotation",
    "ROW": "bent-over row",
    "TRAP": "trapezius row",
    "PEN": "pendulum",
    "ABD": "abduction",
    "FEL": "forward elevation",
    "IR": "internal rotation",
}
POOLED: dict[str, tuple[str, ...]] = {"ER, ROW, TRAP": ("ER", "ROW", "TRAP"), "all seven": tuple(MOVEMENTS)}


class Set(NamedTuple):
    """One file: repetitions by the protocol, told live, and told when the end of the recording is known, too."""

    name: str
    movement: str
    true: int
    live: int
    end: int


def run(directory: str | Path, *, progress: Callable[[float], None] | None = None) -> dict[str, Json]:
    """Every set of a folder of ``<person>_<side>_<movement>.npz``."""
    files = sorted(p for p in Path(directory).glob("*_*_*.npz") if p.stem.split("_")[-1] in MOVEMENTS)
    if not files:
        raise ImportFileError(directory, "no sets (s1_0.0_ER.npz and so on) in there; give the folder that holds them")
    sets = []
    for i, file in enumerate(files):
        sets.append(one(file))
        if progress is not None:
            progress((i + 1) / len(files))
    groups: dict[str, tuple[str, ...]] = {f"{k} ({v})": (k,) for k, v in MOVEMENTS.items()}
    groups |= POOLED
    rows = [row for name, kinds in groups.items() if (row := _row(name, [s for s in sets if s.movement in kinds]))]
    differ = [f"{s.name} {s.live}/{s.end}" for s in sets if s.true not in (s.live, s.end)]
    notes = [
        "live: as told while it happens.  at the end: with a last repetition that the end of the file cut off.",
        "Nothing is trained: no number depends on the person or the movement, so each person is a left-out one.",
        "The few thresholds were chosen with five of the 20 people in view.  The truth is the protocol's: 20.",
        "live/end is not the protocol's number in: " + (", ".join(differ) or "none") + ".",
        "Data: D. M. Burns et al. 2018, doi 10.1088/1361-6579/aacfd9, BSD-3-Clause.",
    ]
    return {"title": TITLE, "rows": rows, "notes": notes}


def one(file: Path) -> Set:
    """Count one file by the live chain: packets, pipeline, frames."""
    with np.load(file) as data:
        acc, gyr = data["acc_g"].astype(np.float64) * GRAVITY, data["gyr_rad_s"].astype(np.float64)
        rate, true = float(data["fs"]), int(data["reps"])
    recording = Recording.from_arrays({"wrist": (None, acc, gyr)}, rate=rate, source=file.name)
    counter, told, last = AutoCounter(), 0, 0
    for update in stream(recording, config.setup(recording.header)):
        f = update.frames
        news = counter.push(f.index, f.earth_from_sensor[:, 0], f.gyr[:, 0], f.acc[:, 0], f.why[:, 0])
        told += sum(isinstance(n, Rep) and n.status != "partial" for n in news)
        last = int(f.index[-1]) if len(f.index) else last
    return Set(file.stem, file.stem.split("_")[-1], true, told, told + len(counter.finish(last)))


def _row(name: str, sets: Sequence[Set]) -> dict[str, Json]:
    """Exact and within one with their intervals; nothing for no sets."""
    n = len(sets)
    if not n:
        return {}
    row: dict[str, Json] = {"movement": name, "sets": n}
    for label, told in (("live", [s.live for s in sets]), ("at the end", [s.end for s in sets])):
        off = [abs(a - s.true) for a, s in zip(told, sets, strict=True)]
        for what, most in (("exact", 0), ("within 1", 1)):
            hits = sum(x <= most for x in off)
            low, high = wilson(hits, n)
            row[f"{what} {label} %"] = round(100 * hits / n, 1)
            row[f"95 % {what} {label}"] = f"{low:.0f}-{high:.0f}"
        row[f"MAE {label}"] = round(sum(off) / n, 2)
    return row
