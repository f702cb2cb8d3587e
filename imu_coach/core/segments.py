"""How segments stand against gravity: what depends on the frames and on how the sensors sit, and on nothing else.

All sensors are done at once: in a live session, where a push holds a few frames, the calls are what costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from imu_coach.core.calibrate import Mount
from imu_coach.types import Bools, Floats, Ints

SPINE = ("upper_back", "thoracolumbar", "sacrum")
LIMBS = ("wrist", "upper_arm")
SIDEWAYS = 0.5
"""Share of gravity left in the sagittal plane below which flexion is not defined: lying on the side."""
UP, BODY, PLANE = 0, 3, 6
"""Planes of components: "up" in the sensor, in the segment, and its share in a plane of the segment."""


class _Rows(NamedTuple):
    """Which rows of components make which angle: ``arctan2(-above, below)``, and where it is found.

    ``sides (2, s)``: the components whose length is the share in a plane.
    """

    sides: Ints
    above: Ints
    below: Ints
    at: dict[tuple[str, str], int]


@lru_cache(maxsize=64)
def _rows(sites: tuple[str, ...]) -> _Rows:
    n = len(sites)
    x, y, z = ([(BODY + axis) * n + i for i in range(n)] for axis in range(3))
    sides = [x, [z[i] if site in LIMBS else y[i] for i, site in enumerate(sites)]]
    angles: list[tuple[str, str, int, int]] = []
    for i, site in enumerate(sites):
        if site in SPINE:
            angles += [("flexion", site, x[i], y[i]), ("out", site, z[i], PLANE * n + i)]
        elif site in LIMBS:
            angles.append(("elevation", site, y[i], PLANE * n + i))
        if site == "upper_back":
            angles.append(("tilt", site, i, n + i))
    above, below = (np.array([angle[k] for angle in angles], np.int64) for k in (2, 3))
    return _Rows(np.array(sides), above, below, {(kind, site): k for k, (kind, site, _, _) in enumerate(angles)})


class Segments:
    """Angles of every segment, one row each.

    Parameters
    ----------
    up : (n, s, 3) the up direction in each sensor
    sites, mounts : of the sensors, in that order
    """

    def __init__(self, up: Floats, sites: tuple[str, ...], mounts: Sequence[Mount]) -> None:
        n, s = up.shape[:2]
        parts = np.empty((7, s, n))
        parts[:3] = up.transpose(2, 1, 0)
        axes = np.concatenate([axis for m in mounts for axis in (m.x, m.y, m.z)]).reshape(s, 3, 3).transpose(1, 0, 2)
        body = parts[BODY:PLANE]
        np.multiply(parts[0], axes[..., 0:1], out=body)
        body += parts[1] * axes[..., 1:2]
        body += parts[2] * axes[..., 2:3]
        self.up, rows, flat = parts[:3], _rows(sites), parts.reshape(7 * s, n)
        np.hypot(flat.take(rows.sides[0], axis=0), flat.take(rows.sides[1], axis=0), out=parts[PLANE])
        self.at = rows.at
        self.angle: Floats = np.arctan2(-flat.take(rows.above, axis=0), flat.take(rows.below, axis=0))
        self.in_plane: Bools = parts[PLANE] > SIDEWAYS

    def __call__(self, kind: str, site: str) -> Floats:
        """One angle (n,) rad: flexion or out (of plane) of the spine, elevation of a limb, tilt of the upper back."""
        return self.angle[self.at[kind, site]]  # type: ignore[no-any-return]
