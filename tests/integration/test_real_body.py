"""A real person with three spine sensors (qmt example data, MIT): no optical truth, but what is known must come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imu_coach import Recording, process, quat
from imu_coach.run import Result

AXES = np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
"""How the sensors sit: their x axis up, their z axis backwards out of the body."""
SITES = {"upper_back": "upper_back", "thoracolumbar": "lower_back", "sacrum": "hip"}


@pytest.fixture(scope="module", params=["realtime", "offline"])
def result(request: pytest.FixtureRequest, data: Path) -> Result:
    file = np.load(data / "qmt_body" / "full_body_trunk_arm.npz")
    sensors = {
        site: (file["t"], file[f"{name}_acc"].astype(float), file[f"{name}_gyr"].astype(float))
        for site, name in SITES.items()
    }
    mounting = {site: tuple(quat.from_axes(*AXES)) for site in SITES}
    recording = Recording.from_arrays(sensors, neutral=(41.0, 44.0), mounting=mounting)
    return process(recording, result=request.param)


def test_stand_to_sit_flexes_the_spine_by_about_twenty_degrees(result: Result) -> None:
    """Published for this recording: hip to upper back -20 deg in ISB signs, from t = 41 s to sitting at 52 to 76 s."""
    table = result.table(isb=True)
    sitting = table.loc[16.0:34.0]
    assert sitting["thoracolumbar_flexion_deg"].mean() == pytest.approx(20.0, abs=3.0)
    assert sitting["thoracolumbar_flexion_deg_isb"].mean() == pytest.approx(-20.0, abs=3.0)
    assert (sitting["thoracolumbar_flexion_source"] == "measured").mean() > 0.99
    assert sitting["lumbar_flexion_deg"].mean() > 20.0, "the lumbar curve flattens"
    assert sitting["thoracic_flexion_deg"].mean() < 0.0, "and the upper back straightens"


def test_the_pelvis_rolls_back_and_the_trunk_stays_upright(result: Result) -> None:
    sitting = result.angles.loc[16.0:34.0]
    assert -27.0 < sitting["pelvis_inclination_deg"].mean() < -18.0
    assert abs(sitting["trunk_inclination_deg"].mean()) < 6.0


def test_standing_again_comes_back(result: Result) -> None:
    standing = result.angles.loc[45.0:48.0]
    assert abs(standing["pelvis_inclination_deg"].mean()) < 3.0


def test_anchored_estimates_are_not_made_up_where_they_can_be_measured(result: Result) -> None:
    for name in ("thoracolumbar", "thoracic", "lumbar"):
        assert set(result.angles[f"{name}_flexion_source"].unique()) <= {"measured", "unavailable"}
