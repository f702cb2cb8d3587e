"""Sensor protocols, by name: decoders and profiles, those of other packages too."""

from __future__ import annotations

from collections.abc import Callable

from imu_coach.drivers import movella_dot, own, own_profile, polar, si, witmotion
from imu_coach.drivers.base import Driver, Profile
from imu_coach.drivers.others import other, others
from imu_coach.errors import ConfigError
from imu_coach.types import SensorInfo

PROFILES: dict[str, Profile] = {
    p.name: p for p in (own_profile.PROFILE, witmotion.PROFILE, polar.PROFILE, movella_dot.PROFILE)
}
"""The sensors that come with the package, on the air."""

DRIVERS: dict[str, Callable[[SensorInfo], Driver]] = {
    "own": own.Own,
    "si": si.SI,
    "witmotion": witmotion.WitMotion,
    "polar": polar.Polar,
    "movella_dot": movella_dot.MovellaDot,
}
"""Their decoders, and that of imported recordings, which no radio ever sends."""

SYNC_CHANNEL = {name: p.sync for name, p in PROFILES.items() if p.sync >= 0}
"""Channel of clock replies, for the drivers that have one; every other channel carries data."""


def driver(info: SensorInfo) -> Driver:
    """A new decoder for one sensor."""
    make = DRIVERS.get(info.driver)
    return make(info) if make is not None else profile(info.driver).decoder(info)


def sync_channel(name: str) -> int:
    """The channel of a driver's clock replies, or -1."""
    return SYNC_CHANNEL.get(name, -1) if name in DRIVERS else profile(name).sync


def profile(name: str) -> Profile:
    """One profile by name, also of another package; raises ConfigError."""
    if name in PROFILES:
        return PROFILES[name]
    found = None if name in DRIVERS else other(name)
    if isinstance(found, str):
        raise ConfigError("", "driver", found)
    if found is None:
        known = ", ".join(sorted(DRIVERS))
        raise ConfigError("", "driver", f"unknown driver {name!r}; there are: {known}; others come as packages")
    return found


def profiles() -> tuple[dict[str, Profile], tuple[str, ...]]:
    """All profiles by name, and one line for each of another package that cannot be used."""
    found, problems = others(DRIVERS)
    return PROFILES | found, problems
