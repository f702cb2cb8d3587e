"""Holds on recordings of yoga poses: is each held pose seen as one hold of its length, by one sensor on the left leg?

The people are not those that this project is made for, and a whole file is one hold: its length is the truth, although
the first second may still be the way into the pose [1]_.

References
----------
.. [1] STMicroelectronics, STMems_Machine_Learning_Core, BSD-3-Clause
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imu_coach import config
from imu_coach.conventions import FRAME_RATE, GRAVITY
from imu_coach.core.rep import HoldNews
from imu_coach.core.stillness import LEAST, StillHold
from imu_coach.errors import ImportFileError
from imu_coach.evaluate.counting import wilson
from imu_coach.recording import Recording
from imu_coach.run import stream
from imu_coach.types import Json

TITLE = "Held poses: one sensor on the leg, not calibrated"
SITE = "wrist"
"""The pipeline knows no sensor on the leg; stillness does not care where it sits."""
MOVING = "Standing_Moving"
CREDITED = 0.9
"""Share of the file that has to be held."""


class Pose(NamedTuple):
    """One file: its length, s, and the holds seen in it: s each, and breaks."""

    name: str
    seconds: float
    holds: tuple[float, ...]
    breaks: int


def run(directory: str | Path, *, progress: Callable[[float], None] | None = None) -> dict[str, Json]:
    """Every ``.npz`` of a folder."""
    files = sorted(Path(directory).glob("*.npz"))
    if not files:
        raise ImportFileError(directory, "no poses (.npz) in there; give the folder that holds them")
    poses = []
    for i, file in enumerate(files):
        poses.append(one(file))
        if progress is not None:
            progress((i + 1) / len(files))
    rows = [_pose_row(p) for p in poses]
    held, moving = [p for p in poses if MOVING not in p.name], [p for p in poses if MOVING in p.name]
    rows += [_pooled("held poses", held), _pooled("moving", moving)]
    notes = [
        f"holds: of at least {LEAST:g} s.  short by: what is missing of the file's length, s.",
        f"as one hold: exactly one, and at least {100 * CREDITED:.0f} % of the file; moving: none.",
        "Nothing was fitted to a person or a pose.  Data: STMems_Machine_Learning_Core, BSD-3-Clause.",
    ]
    return {"title": TITLE, "rows": rows, "notes": notes}


def one(file: Path) -> Pose:
    """Judge one file by the live chain: packets, pipeline, frames."""
    with np.load(file) as data:
        t = data["t"].astype(np.float64)
        acc, gyr = data["acc_g"].astype(np.float64) * GRAVITY, np.deg2rad(data["gyr_deg_s"].astype(np.float64))
    recording = Recording.from_arrays({SITE: (t, acc, gyr)}, source=file.name)
    judge, last = StillHold(), 0
    news: list[HoldNews] = []
    for update in stream(recording, config.setup(recording.header)):
        f = update.frames
        news += judge.push(f.index, f.earth_from_sensor[:, 0], f.gyr[:, 0], f.why[:, 0])
        last = int(f.index[-1]) if len(f.index) else last
    ends = [n for n in [*news, *judge.finish(last)] if n.kind == "end" and n.seconds >= LEAST]
    return Pose(file.stem, last / FRAME_RATE, tuple(n.seconds for n in ends), sum(n.breaks for n in ends))


def seen(pose: Pose) -> bool:
    """Whether a held pose was seen as one hold of its length, and one that moves as none."""
    if MOVING in pose.name:
        return not pose.holds
    return len(pose.holds) == 1 and pose.holds[0] >= CREDITED * pose.seconds


def _pose_row(p: Pose) -> dict[str, Json]:
    still = MOVING not in p.name
    return {
        "pose": p.name.replace("_", " "),
        "seconds": round(p.seconds, 1),
        "holds": len(p.holds),
        "held s": round(sum(p.holds), 1),
        "short by": round(p.seconds - sum(p.holds), 2) if still else None,
        "breaks": p.breaks,
        "as one hold %": 100.0 * seen(p),
        "95 %": "",
    }


def _pooled(name: str, poses: Sequence[Pose]) -> dict[str, Json]:
    n, hits = len(poses), sum(map(seen, poses))
    low, high = wilson(hits, n)
    short = [p.seconds - sum(p.holds) for p in poses]
    return {
        "pose": f"{name} ({n})",
        "seconds": round(sum(p.seconds for p in poses), 1),
        "holds": sum(len(p.holds) for p in poses),
        "held s": round(sum(sum(p.holds) for p in poses), 1),
        "short by": round(float(np.median(short)), 2) if poses and "moving" not in name else None,
        "breaks": sum(p.breaks for p in poses),
        "as one hold %": round(100.0 * hits / max(n, 1), 1),
        "95 %": f"{low:.0f}-{high:.0f}",
    }
