"""Has a sensor moved on the body?  Judged from stillness between sets, knocks, and the axis of a set's movement.

A slip within the sagittal plane looks exactly like a change of posture and is not found here; a new stand-tall is.
"""

from __future__ import annotations

import numpy as np

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE, GRAVITY
from imu_coach.core.calibrate import Mount
from imu_coach.types import Codes, Floats

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
        self.rows = np.empty((0, 0))

    def context(self, mount: Mount, posture: str, in_set: bool) -> str:
        """A set or posture ends; why the sensor seems twisted, or ""."""
        problem = self._axis(mount) if self.in_set and self.posture in SAGITTAL else ""
        self.posture, self.in_set = posture, in_set
        self.doubts, self.before = 0, None
        self.moments = np.zeros((3, 3))
        self.rows = np.empty((0, 0))
        return problem

    def push(self, mount: Mount, up: Floats, gyr: Floats, acc: Floats, why: Codes) -> tuple[int, str]:
        """Sensor-frame ``up, gyr, acc (n, 3)`` -> the frame that decides a slip (-1: none), and why."""
        if not self.posture:
            return -1, ""
        carried = len(self.rows)
        sagittal = self.in_set and self.posture in SAGITTAL
        rows = np.empty((len(up), 9 if sagittal else 6))
        rows[:, :3], rows[:, 3], rows[:, 4], rows[:, 5] = up, quat.dot(gyr, gyr), quat.dot(acc, acc), why
        if sagittal:
            rows[:, 6:] = gyr
        rows = np.concatenate([self.rows, rows]) if carried else rows
        whole = len(rows) // BLOCK
        self.rows = rows[whole * BLOCK :]
        if not whole:
            return -1, ""
        blocks = rows[: whole * BLOCK].reshape(whole, BLOCK, rows.shape[1])
        spin, force = blocks[:, :, 3].mean(axis=1), blocks[:, :, 4].max(axis=1)
        invalid, turned = blocks[:, :, 5].max(axis=1), blocks[:, :, :3].mean(axis=1)
        for i in range(whole):
            if invalid[i]:
                self.before = None
                continue
            if sagittal:
                self._work(blocks[i, :, 6:])
            problem = self._block(mount, turned[i], float(spin[i]), float(force[i]))
            if problem:
                return (i + 1) * BLOCK - carried - 1, problem
        return -1, ""

    def _work(self, gyr: Floats) -> None:
        """Second moments of the rate: their main axis is the axis of the movement."""
        x = gyr.T
        for i in range(3):
            for j in range(i, 3):
                self.moments[i, j] += (x[i] * x[j]).sum() / FRAME_RATE
                self.moments[j, i] = self.moments[i, j]

    def _block(self, mount: Mount, up: Floats, spin: float, force: float) -> str:
        """Mean up direction, mean squared rate and largest squared specific force of one block."""
        if force > KNOCK * KNOCK:
            self.knocked = 3
            return ""
        problem = ""
        if spin < STILL * STILL:
            mean = quat.normalize(np.stack(mount.into_body(up)))
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

    def _axis(self, mount: Mount) -> str:
        """Whether the set's movement went about another axis than the side axis."""
        values, vectors = np.linalg.eigh(self.moments)
        if values.sum() < WORKED or values[2] < PLAIN * values.sum():
            return ""
        off = float(np.arccos(np.clip(abs(quat.dot(vectors[:, 2], mount.z)), 0.0, 1.0)))
        return "the set's movement went about another axis" if off > TWISTED else ""
