"""Inclination error of every filter on BROAD: one sensor on a hand-moved board, against an optical system.

It is not a body-worn sensor.  The metric is the benchmark's own: the root mean square, over movement samples with valid
truth, of the angle between the estimated and the true "up" [1]_.

References
----------
.. [1] D. Laidig et al., Data 6 (2021) 72, doi:10.3390/data6070072
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from imu_coach import quat
from imu_coach.core.decode import Receiver
from imu_coach.core.orientation import Orientation
from imu_coach.errors import ImportFileError
from imu_coach.importers import broad
from imu_coach.offline import OfflineOrientation
from imu_coach.recording import Recording
from imu_coach.types import Attitude, Json, Packet

SENSOR = "upper_back"
METHODS = ("shipping", "shipping, rate 3 % high", "shipping, rate 3 % low", "offline", "vqf_default")
SLOW = ("madgwick", "mahony", "ekf")
TITLE = "BROAD: inclination RMSE in degrees (one sensor on a board, not on a body)"


def run(
    directory: str | Path, *, slow: bool = True, progress: Callable[[float], None] | None = None
) -> dict[str, Json]:
    """Every trial of a folder.

    Parameters
    ----------
    directory : holds the trials as ``.npz``, ``.mat`` or ``.hdf5``
    slow : also the filters of ``ahrs``, which are pure Python loops
    """
    files = sorted(p for p in Path(directory).glob("*") if p.suffix in broad.LOADERS)
    if not files:
        raise ImportFileError(directory, "no trials (.npz, .mat, .hdf5) in there; give the folder that holds them")
    methods = METHODS + (SLOW if slow else ())
    rows: list[dict[str, Json]] = []
    for i, file in enumerate(files):
        row: dict[str, Json] = {"trial": file.stem}
        for k, method in enumerate(methods):
            row[method] = trial(file, method)
            if progress is not None:
                progress((i + (k + 1) / len(methods)) / len(files))
        rows.append(row)
    rows.append({"trial": "mean"} | {m: float(np.mean([row[m] for row in rows])) for m in methods})
    notes = [
        "shipping: the realtime result's own chain, from packets to attitudes; rate 3 % high or low: declared so.",
        "vqf_default, madgwick, mahony, ekf: as their packages set them, on the data as they are (no bias capture).",
        "Data: D. Laidig et al. 2021, doi 10.3390/data6070072, CC BY 4.0.",
    ]
    return {"title": TITLE, "rows": rows, "notes": notes}


def trial(file: Path, method: str) -> float:
    """Inclination RMSE of one trial, deg."""
    track, truth = broad.read(file), broad.read_truth(file)
    wrong = {"shipping, rate 3 % high": 1.03, "shipping, rate 3 % low": 0.97}.get(method, 1.0)
    rate = wrong / float(np.median(np.diff(track.t)))
    recording = Recording.from_arrays({SENSOR: (track.t, track.acc, track.gyr)}, rate=rate)
    q = attitudes(recording, method).earth_from_sensor
    scored = truth.movement & ~np.isnan(truth.quat).any(axis=1)
    error = quat.inclination_error(q[scored], truth.quat[scored])
    return float(np.rad2deg(np.sqrt(np.mean(error * error))))


def attitudes(recording: Recording, method: str) -> Attitude:
    """Attitudes of the one sensor at its own sample times, by the chain that the results use."""
    info = recording.header[SENSOR]
    packets = [item for item in recording.inputs() if isinstance(item, Packet)]
    samples = Receiver(info, hold=0.25).push(packets)
    name = "vqf" if method.startswith(("shipping", "offline")) else method
    kind = OfflineOrientation if method == "offline" else Orientation
    return kind(info, name, settle=3.0).push(samples, packets[-1].arrived_ns)
