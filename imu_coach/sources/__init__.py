"""Inputs of a live session: sensors over Bluetooth, whatever they and the radio do."""

from __future__ import annotations

from imu_coach.sources.air import Air, Found, Options, Wanted
from imu_coach.sources.inbox import Inbox
from imu_coach.sources.policy import SENSORS_AT_ONCE, Limits, Policy, advice
from imu_coach.sources.problems import Flood, Interrupted, Stranger, hint
from imu_coach.sources.sensor import Counters, Sensor, visit

__all__ = [
    "SENSORS_AT_ONCE",
    "Air",
    "Counters",
    "Flood",
    "Found",
    "Inbox",
    "Interrupted",
    "Limits",
    "Options",
    "Policy",
    "Sensor",
    "Stranger",
    "Wanted",
    "advice",
    "hint",
    "visit",
]
