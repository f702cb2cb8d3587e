"""A test signal that carries its sample number, so that loss, duplication and reordering are visible in any stage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imu_coach.drivers.own import scales
from imu_coach.synthetic.link import GOOD_LINK, Faults, Raw, device, header_for, merge, transmit
from imu_coach.types import Floats, Input, Ints, SensorInfo

WRAP = 30_000
"""Counts stay below this, far from saturation."""


def counts(numbers: Ints, index: int) -> Raw:
    """Counts (n, 6) of the ``index``-th sensor's samples: acc = (low, high, index), gyr = (low, -low, high)."""
    low, high = numbers % WRAP, numbers // WRAP
    return np.stack([low, high, np.full_like(low, index), low, -low, high], axis=1).astype(np.int16)


def number_of(info: SensorInfo, acc: Floats) -> Ints:
    """The sample numbers in decoded accelerations ``acc (n, 3)`` m/s2."""
    raw = np.rint(acc / scales(info)[0]).astype(np.int64)
    return np.asarray(raw[:, 0] + WRAP * raw[:, 1])


def numbered(
    sensors: Sequence[str],
    seconds: float,
    rate: float = 100.0,
    samples_per_packet: int = 5,
    faults: Faults = GOOD_LINK,
    seed: int = 0,
) -> list[Input]:
    """Inputs whose accelerometer and gyroscope counts are sample numbers (exact int16); :func:`number_of` reads them.

    The header that goes with them is :func:`~imu_coach.synthetic.header_for`.  Numbers go on over a reboot.
    """
    links = []
    for index, info in enumerate(header_for(sensors, rate).sensors):

        def raw(times: list[Floats], index: int = index) -> list[Raw]:
            first = np.cumsum([0, *(len(t) for t in times)])
            return [counts(start + np.arange(len(t)), index) for start, t in zip(first[:-1], times, strict=True)]

        part = device(info.sensor, rate, seconds, faults, seed)
        links.append(transmit(raw, info, part, samples_per_packet, faults, seed))
    return merge(links, seconds)
