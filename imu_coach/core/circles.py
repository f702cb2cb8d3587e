"""Full turns of a circling movement, seen by one sensor: the direction of gravity goes round in it.

No calibration is needed and no rest between turns.  A turn is 360 deg of the phase about the middle of the swing, while
the swing is large enough to be no sway.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import signal

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE
from imu_coach.core.rep import Rep, RepSpec, Turn
from imu_coach.types import Bools, Codes, Floats, Ints, Why

EVERY = 4
"""Frames per step, 25 Hz."""
BAND = (0.06, 1.5)
"""Hz: a turn takes 1 to 12 s; slower is posture, faster is tremor."""
SHARE = 0.45
"""Of the learned radius: a smaller swing is not part of a turn."""
FLOOR, LEAST = 0.6, 0.8
"""Of the least amplitude: what the swing must have throughout, and in the middle (median) of a turn."""
FIRST, LAST, ONLY = 0.8, 0.67, 0.6
"""Of a turn; the first and the last of a row are cut by moving out from the middle and back, a single one by both."""
LARGEST, CATCH_UP = 2.5, 1.2
"""Times the learned radius: a larger turn is another movement (getting into position, walking), and by how much each
such turn raises what is learned all the same."""
TAUGHT = 3
"""Turns from which that is known."""
PATIENCE = round(1.2 * FRAME_RATE)
"""Frames of too small a swing, or of turning back, that end a row of turns."""

_SOS = signal.butter(1, BAND, btype="bandpass", fs=FRAME_RATE, output="sos")


class Circles:
    """Counts turns; the same face as :class:`~imu_coach.core.reps.Counter`."""

    def __init__(self, spec: RepSpec, amplitude: float | None = None) -> None:
        self.spec = spec
        self.amplitude = spec.expected if amplitude is None else amplitude
        self.learned = amplitude is not None
        self.state: Floats | None = None
        self.axes: tuple[Floats, Floats] | None = None
        self.last = np.zeros(2)  # where it was when last seen
        self.value: Floats = np.empty(0)
        self.resting = True
        self.before = (0.0, 0.0)
        self.phase = 0.0  # since the last turn was counted; signed
        self.turns = 0  # of this row
        self.counted = TAUGHT if self.learned else 0
        self.begin = self.still = 0  # frames
        self.radius: list[float] = []

    def push(self, index: Ints, earth_from_sensor: Floats, why: Codes) -> list[Rep | Turn]:
        """Consecutive frames of one sensor ``(n,), (n, 4), (n,)``."""
        there = (why == Why.AVAILABLE) | (why == Why.SETTLING)
        swing = self._swing(quat.up(earth_from_sensor), there)
        self.value = np.where(there, swing[0], np.nan)
        found: list[Rep | Turn] = []
        first = -int(index[0]) % EVERY if len(index) else 0
        frame = int(index[first]) if first < len(index) else 0
        for x, y in zip(swing[0, first::EVERY].tolist(), swing[1, first::EVERY].tolist(), strict=True):
            resting = self.resting
            found += self._step(frame, x, y)
            if self.resting is not resting:
                found.append(Turn(frame, self.resting, frame))
            frame += EVERY
        return found

    def _swing(self, up: Floats, there: Bools) -> Floats:
        """The swing across two fixed directions, (2, n) rad; zero where there are no data."""
        if self.axes is None:
            seen = np.flatnonzero(there)
            if not len(seen):
                return np.zeros((2, len(up)))
            at = up[seen[0]]
            a = quat.normalize(quat.cross(at, np.eye(3)[int(np.argmin(np.abs(at)))]))
            self.axes = a, quat.cross(at, a)
        out = self._bridged(np.stack([quat.dot(up, axis) for axis in self.axes]), there)
        if self.state is None:
            start = signal.sosfilt_zi(_SOS)
            first = int(np.flatnonzero(there)[0]) if there.any() else 0
            self.state = np.stack([start * float(row[first]) for row in out], axis=1)
        if len(up):
            out, self.state = signal.sosfilt(_SOS, out, zi=self.state)
        return np.asarray(out)

    def _bridged(self, x: Floats, there: Bools) -> Floats:
        """``x (2, n)``, in a gap as it was before the gap: a jump to zero would be a swing."""
        rows = np.maximum.accumulate(np.where(there, np.arange(len(there)) + 1, 0))
        x = np.concatenate([self.last[:, None], np.where(there, x, 0.0)], axis=1)[:, rows]
        if len(there):
            self.last = x[:, -1].copy()
        return np.asarray(x)

    def _step(self, frame: int, x: float, y: float) -> list[Rep | Turn]:
        px, py = self.before
        self.before = x, y
        radius = math.hypot(x, y)
        if radius < max(FLOOR * self.spec.minimum, SHARE * self.amplitude if self.learned else 0.0):
            self.still += EVERY
            return self._over(frame) if self.still > PATIENCE else []
        if self.resting:
            self.resting, self.begin = False, frame
        self.still = 0
        turn = math.atan2(px * y - py * x, px * x + py * y)
        if self.phase * turn < 0.0 and abs(self.phase) < 0.5 * math.pi:
            self.phase, self.begin = 0.0, frame  # the other way round
        self.phase += turn
        self.radius.append(radius)
        if abs(self.phase) < 2.0 * math.pi * (FIRST if self.turns == 0 else 1.0):
            return []
        return self._turned(frame, frame)

    def _turned(self, decided: int, frame: int) -> list[Rep | Turn]:
        """One turn is complete."""
        direction = 1 if self.phase > 0.0 else -1
        size = float(np.median(self.radius))
        seconds = (frame - self.begin) / FRAME_RATE
        begin, self.begin, self.radius = self.begin, frame, []
        self.phase -= direction * 2.0 * math.pi
        if not self.spec.shortest <= seconds <= self.spec.longest or size < LEAST * self.spec.minimum:
            return []
        if self.counted >= TAUGHT and size > LARGEST * self.amplitude:
            self.amplitude *= CATCH_UP
            return []
        self.turns += 1
        self.counted += 1
        self.amplitude = size if not self.learned else self.amplitude + 0.5 * (size - self.amplitude)
        self.learned = True
        middle = begin + (frame - begin) // 2
        speed = size * 2.0 * math.pi / seconds
        return [Rep(decided, begin, middle, middle, frame, "counted", direction, 0.0, direction * size, speed)]

    def _over(self, frame: int) -> list[Rep | Turn]:
        """The row of turns has ended; its last turn is cut short by going back to the middle."""
        enough = (LAST if self.turns else ONLY) * 2.0 * math.pi
        last = self._turned(frame, frame - self.still) if abs(self.phase) > enough else []
        self.resting, self.phase, self.turns, self.still = True, 0.0, 0, 0
        self.radius = []
        return last
