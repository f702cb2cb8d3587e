"""What each setting of the orientation filter is worth on BROAD: ``python tests/bench/orientation.py FOLDER``.

Every variant goes through the same chain as the shipping setting; only the filter is exchanged.  The shipping settings
were chosen from physics and from synthetic signals; this table is a check, not where they come from.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import vqf

from imu_coach.core import filters
from imu_coach.evaluate import broad
from imu_coach.types import Floats

VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "rest-based bias off": {"restBiasEstEnabled": False},
    "motion-based bias off too": {"restBiasEstEnabled": False, "motionBiasEstEnabled": False},
    "rest-based off, clip 5 deg/s": {"restBiasEstEnabled": False, "biasClip": 5.0},
    "the same, spread 0.3 deg/s": {"restBiasEstEnabled": False, "biasClip": 5.0, "biasSigmaInit": 0.3},
    "tauAcc 1.5 s": {"tauAcc": 1.5},
    "tauAcc 2 s": {"tauAcc": 2.0},
    "tauAcc 4 s": {"tauAcc": 4.0},
    "tauAcc 6 s": {"tauAcc": 6.0},
}


class Variant:
    """VQF with these parameters."""

    def __init__(self, interval: float, parameters: dict[str, Any], advance: int = 0) -> None:
        self.interval = interval
        self.vqf = vqf.VQF(interval, **parameters)

    def push(self, gyr: Floats, acc: Floats, interval: Floats) -> tuple[Floats, None]:
        scaled = gyr * (interval / self.interval)[:, None]
        return self.vqf.updateBatch(np.ascontiguousarray(scaled), np.ascontiguousarray(acc))["quat6D"], None


class Gated(Variant):
    """Accelerometer left out while its magnitude is off by more than a limit: an idea that does not work."""

    def push(self, gyr: Floats, acc: Floats, interval: Floats) -> tuple[Floats, None]:
        off = np.abs(np.sqrt((acc * acc).sum(axis=1)) - 9.81) > 2.0
        return super().push(gyr, np.where(off[:, None], 0.0, acc), interval)  # VQF ignores a zero accelerometer


def main() -> None:
    """One line per variant."""
    files = sorted(Path(sys.argv[1]).glob("*.npz"))
    rows = {"shipping": [broad.trial(f, "shipping") for f in files]}
    for name, parameters in VARIANTS.items():
        filters.OTHERS[name] = lambda interval, p=parameters: Variant(interval, p)
        rows[name] = [broad.trial(f, name) for f in files]
    filters.OTHERS["gated"] = lambda interval: Gated(interval, {})
    rows["accelerometer gated at 2 m/s2"] = [broad.trial(f, "gated") for f in files]
    for name, errors in rows.items():
        sys.stdout.write(f"{name:32s} mean {np.mean(errors):6.3f}  worst {max(errors):6.3f} deg\n")


if __name__ == "__main__":
    main()
