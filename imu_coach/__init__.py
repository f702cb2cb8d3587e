"""imu_coach: honest trunk angles from small motion sensors, live, replayed and in batch.

Research and education software.  Not a medical device.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = ["Pipeline", "Recording", "Result", "Setup", "load", "process"]

if TYPE_CHECKING:
    from imu_coach.core.pipeline import Pipeline
    from imu_coach.recording import Recording
    from imu_coach.run import Result, load, process
    from imu_coach.settings import Setup

_HOME = {
    "Pipeline": "core.pipeline",
    "Recording": "recording",
    "Result": "run",
    "Setup": "settings",
    "load": "run",
    "process": "run",
}


def __getattr__(name: str) -> object:
    """Public names on first use: a command that needs no tables does not wait for pandas."""
    if name in _HOME:
        return getattr(import_module(f"imu_coach.{_HOME[name]}"), name)
    raise AttributeError(f"module 'imu_coach' has no attribute {name!r}")
