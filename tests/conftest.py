"""Shared by all tests: the folder of real recordings, plots without a screen, property tests without a deadline."""

from __future__ import annotations

import os
from pathlib import Path

import matplotlib
import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

matplotlib.use("Agg")
settings.register_profile("imu_coach", deadline=None)  # a shared machine is sometimes slow; the rest stays as it is
settings.load_profile("imu_coach")


@pytest.fixture(scope="session")
def data() -> Path:
    """Real recordings made by other people: ``IMU_COACH_DATA``, or ``shared/data`` beside the project's folder."""
    folder = Path(os.environ.get("IMU_COACH_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the folder of real recordings is not here: set IMU_COACH_DATA")
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT
