"""Inclination on the BROAD benchmark: the shipping setting, offline, and VQF as its authors set it."""

from __future__ import annotations

from pathlib import Path

import pytest

from imu_coach.errors import ImportFileError
from imu_coach.evaluate import broad


@pytest.fixture(scope="module")
def mean(data: Path) -> dict[str, float]:
    folder = data / "broad"
    if len(list(folder.glob("*.npz"))) != 12:
        pytest.skip("the figures are those of twelve trials")
    return broad.run(folder, slow=False)["rows"][-1]


def test_shipping_is_at_least_as_good_as_the_defaults(mean: dict[str, float]) -> None:
    assert mean["shipping"] <= 0.735
    assert mean["vqf_default"] == pytest.approx(0.735, rel=0.02)


@pytest.mark.parametrize("method", ["shipping, rate 3 % high", "shipping, rate 3 % low"])
def test_a_wrong_declared_rate_costs_nothing(mean: dict[str, float], method: str) -> None:
    assert mean[method] <= 0.735


def test_offline_knows_the_future(mean: dict[str, float]) -> None:
    assert mean["offline"] == pytest.approx(0.556, rel=0.02)


def test_a_folder_without_trials_says_so(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match="no trials"):
        broad.run(tmp_path)
