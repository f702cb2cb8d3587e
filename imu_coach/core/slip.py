"""Has a sensor moved on the body?  Judged from stillness between sets, knocks, and the axis of a set's movement.

A slip within the sagittal plane looks exactly like a change of posture and is not found here; a new stand-tall is.
"""

from __future__ import annotations

import numpy as np

from imu_coach import quat
from imu_coach.conventions import GRAVITY
from imu_coach.types import Bools, Floats

BLOCK = 200
"""Frames (2 s) that are judged together: the shortest stillness that is not just a turning point of a movement."""
STILL = float(np.deg2rad(6.0))
"""rad/s; rms rate of a person at rest: breathing (1.5 deg at 0.25 Hz) and sway stay below 3."""
MOVED = float(np.deg2rad(8.0))
"""rad; out-of-plane change between still moments in one posture; sitting down again differs by 2 to 4 deg."""
TWISTED = float(np.deg2rad(20.0))
"""rad; the axis of a set's movement against the side axis: a calibrated side axis is good to 10 deg (p95)."""
PLAIN = 0.85
"""Share of the squared rate about one axis, for the set's axis to mean anything."""
WORKED = 2.0
"""rad2/s; squared rate summed over a set before its axis is believed: about four bends of 45 deg."""
KNOCK = 3.0 * GRAVITY
SAGITTAL = ("prone", "pushback")
"""Postures whose sets move the trunk in the sagittal plane alone."""


class SlipMonitor:
    """Watches one calibrated spine sensor; blocks count from the last change of context."""

    def __init__(self) -> None:
        self.posture = ""
        self.in_set = False
        self.references: dict[str, float] = {}  # out-of-plane angle at the first stillness, by posture
        self.doubts = 0
        self.before: Floats | None = None  # mean up direction of the last still block
        self.knocked = 0  # blocks left in which a stillness is compared with the one before the knock
        self.moments = np.zeros((3, 3))
        self.rows = np.empty((0, 7))

    def context(self, posture: str, in_set: bool) -> str:
        """A set or posture ends; why the sensor seems twisted, or ""."""
        problem = self._axis() if self.in_set and self.posture in SAGITTAL else ""
        self.posture, self.in_set = posture, in_set
        self.doubts, self.before = 0, None
        self.moments = np.zeros((3, 3))
        self.rows = np.empty((0, 7))
        return problem

    def push(self, up: Floats, gyr: Floats, acc: Floats, valid: Bools) -> tuple[int, str]:
        """Body-frame ``up, gyr (n, 3)``, ``acc (n,)`` m/s2 -> the frame that decides a slip (-1: none), and why."""
        if not self.posture:
            return -1, ""
        carried = len(self.rows)
        new = np.concatenate([up, gyr, np.where(valid, acc, np.nan)[:, None]], axis=1)
        rows = np.concatenate([self.rows, new])
        whole = len(rows) // BLOCK
        self.rows = rows[whole * BLOCK :]
        for i in range(whole):
            problem = self._block(rows[i * BLOCK : (i + 1) * BLOCK])
            if problem:
                return (i + 1) * BLOCK - carried - 1, problem
        return -1, ""

    def _block(self, rows: Floats) -> str:
        up, gyr, acc = rows[:, :3], rows[:, 3:6], rows[:, 6]
        if np.isnan(acc).any():
            self.before = None
            return ""
        if self.in_set and self.posture in SAGITTAL:
            for i in range(3):
                for j in range(3):
                    self.moments[i, j] += (gyr[:, i] * gyr[:, j]).sum() / 100.0
        knock = bool(acc.max() > KNOCK)
        if knock:
            self.knocked = 3
        still = not knock and float(np.sqrt(quat.dot(gyr, gyr).mean())) < STILL
        problem = ""
        if still:
            mean = quat.normalize(up.mean(axis=0))
            problem = self._stillness(mean)
            self.before = mean
        self.knocked = max(0, self.knocked - 1)
        return problem

    def _stillness(self, up: Floats) -> str:
        if self.knocked and self.before is not None:
            self.knocked = 0
            if float(np.arccos(np.clip(quat.dot(up, self.before), -1.0, 1.0))) > MOVED:
                return "turned by a knock"
        if self.in_set:
            return ""
        out = float(np.arctan2(-up[2], np.hypot(up[0], up[1])))
        reference = self.references.setdefault(self.posture, out)
        self.doubts = self.doubts + 1 if abs(out - reference) > MOVED else 0
        return "sits differently than before in this posture" if self.doubts >= 2 else ""

    def _axis(self) -> str:
        """Whether the set's movement went about another axis than the side axis."""
        values, vectors = np.linalg.eigh(self.moments)
        if values.sum() < WORKED or values[2] < PLAIN * values.sum():
            return ""
        off = float(np.arccos(np.clip(abs(vectors[2, 2]), 0.0, 1.0)))
        return "the set's movement went about another axis" if off > TWISTED else ""
