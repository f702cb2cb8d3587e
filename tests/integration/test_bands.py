"""The 80 % bands on a few simulated people that did not set them; `imu-coach evaluate bands` does it on 240."""

from __future__ import annotations

import pandas as pd
import pytest

from imu_coach.core.angles import ANCHORED
from imu_coach.evaluate import bands
from imu_coach.evaluate.bands import score

SEEDS = (9000, 9012)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.DataFrame(bands.run(seeds=SEEDS, layouts=("upper_back_wrist", "spine_wrist"))["rows"])


def test_about_four_fifths_of_the_truth_is_inside(rows: pd.DataFrame) -> None:
    """With twelve sessions the mean over angles and activities is good to about 5 points."""
    common = rows[rows["sessions"] >= 8]
    mean = common.groupby(["layout", "angle"])["coverage"].mean()
    assert mean.between(0.65, 0.95).all(), mean
    assert 0.72 < common["coverage"].mean() < 0.88


def test_two_sensors_estimate_the_spine_where_the_posture_fixes_the_pelvis(rows: pd.DataFrame) -> None:
    two = rows[(rows["layout"] == "upper_back_wrist") & rows["activity"].isin(list(ANCHORED))]
    for angle in ("thoracic_flexion", "lumbar_flexion"):
        available = two[two["angle"] == angle].groupby("activity")["available"].mean()
        assert len(available) == len(ANCHORED)
        assert (available >= 0.8).all(), available


def test_nothing_is_estimated_where_nothing_fixes_the_pelvis(rows: pd.DataFrame) -> None:
    two = rows[(rows["layout"] == "upper_back_wrist") & rows["angle"].isin(["thoracic_flexion", "lumbar_flexion"])]
    assert not set(two["activity"]) & {"standing", "transition", "between sets"}


def test_estimates_are_wider_than_measurements(rows: pd.DataFrame) -> None:
    width = rows[rows["angle"] == "lumbar_flexion"].groupby("layout")["width"].mean()
    assert width["upper_back_wrist"] > 1.5 * width["spine_wrist"]


def test_the_score_of_a_made_up_session() -> None:
    """Three frames inside, one 2 deg below a band of 4 deg: coverage 3/4, score 4 + 10 * 2 / 4."""
    frames = pd.DataFrame(
        {
            "angle": "trunk_inclination",
            "layout": "x",
            "activity": "seated",
            "available": True,
            "value": 10.0,
            "low": 8.0,
            "high": 12.0,
            "truth": [8.0, 10.0, 12.0, 6.0],
            "session": 1,
        }
    )
    found = score(frames).iloc[0]
    assert (found["coverage"], found["width"], found["score"], found["available"]) == (0.75, 4.0, 9.0, 1.0)
    assert not found["large"]
