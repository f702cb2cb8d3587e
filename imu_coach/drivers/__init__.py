"""Sensor protocols, by name: sans-I/O, bytes to samples."""

from __future__ import annotations

from collections.abc import Callable

from imu_coach.drivers import own, si
from imu_coach.drivers.base import Driver
from imu_coach.errors import ConfigError
from imu_coach.types import SensorInfo

DRIVERS: dict[str, Callable[[SensorInfo], Driver]] = {"own": own.Own, "si": si.SI}

SYNC_CHANNEL = {"own": own.SYNC}
"""Channel of clock replies, for the drivers that have one; every other channel carries data."""


def driver(info: SensorInfo) -> Driver:
    """A new decoder for one sensor."""
    try:
        return DRIVERS[info.driver](info)
    except KeyError:
        raise ConfigError(
            "", "driver", f"unknown driver {info.driver!r}; there are: {', '.join(sorted(DRIVERS))}"
        ) from None
