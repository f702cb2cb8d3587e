"""TOML to settings: everything that is shipped loads, and what is wrong is named with file, key and problem."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imu_coach import config
from imu_coach.conventions import SITES
from imu_coach.core.angles import ANCHORED, ANGLES, POSTURES, Situation, Stretch, angles_of, empty
from imu_coach.core.calibrate import given
from imu_coach.errors import ConfigError
from imu_coach.types import Angles, Frames, Header, SensorInfo, Why


def header(*sites: str) -> Header:
    return Header(tuple(SensorInfo(s) for s in sites))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in place of the package's own data."""
    (tmp_path / "layouts").mkdir()
    monkeypatch.setattr(config, "_package", lambda: tmp_path)
    config.layout.cache_clear()
    config.bands.cache_clear()
    yield tmp_path
    config.layout.cache_clear()
    config.bands.cache_clear()


GOOD_LAYOUT = 'title = "t"\nsites = ["wrist"]\nsees = ["a"]\ncannot_see = ["b"]\n'
GOOD_BANDS = """
[band.trunk_inclination]
measured.any = [-1.0, -0.1, 2.0, 0.2]
[estimate.lumbar_flexion]
anchored.seated = [10.0, 0.5, 0.1]
[no_bias_capture]
trunk_inclination = 3.0
"""


@pytest.mark.parametrize("name", config.LAYOUTS)
def test_every_layout_loads(name: str) -> None:
    layout = config.layout(name)
    assert layout.name == name
    assert set(layout.sites) <= set(SITES)
    assert len(set(layout.sites)) == len(layout.sites)
    assert layout.title
    assert layout.sees
    assert layout.cannot_see, "what it cannot see is said"
    assert config.layout_of(header(*layout.sites)) == layout


def test_every_layout_file_is_listed(root: Path) -> None:
    assert {p.stem for p in (root / "imu_coach" / "layouts").glob("*.toml")} == set(config.LAYOUTS)


@pytest.mark.parametrize(
    ("sites", "name"),
    [
        (("wrist", "upper_back"), "upper_back_wrist"),
        (("sacrum", "wrist", "upper_back"), "upper_back_wrist_sacrum"),
        (("sacrum", "thoracolumbar", "upper_back"), "spine"),
        (SITES, "spine_wrist"),
        (("upper_back", "head"), "upper_back"),
    ],
)
def test_the_richest_layout_that_fits(sites: tuple[str, ...], name: str) -> None:
    assert config.layout_of(header(*sites)).name == name
    assert config.setup(header(*sites)).layout.name == name


@pytest.mark.parametrize("sites", [(), ("head",), ("sacrum",)])
def test_no_layout_fits(sites: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="no layout for") as caught:
        config.layout_of(header(*sites))
    assert caught.value.key == "sensors"
    assert (sites[0] if sites else "no sensors") in str(caught.value)
    assert "upper_back" in str(caught.value), "and which sites there are"


def test_unknown_layout() -> None:
    with pytest.raises(ConfigError, match=r"layout: unknown layout 'all'.*upper_back_wrist"):
        config.layout("all")


def test_setup_by_name() -> None:
    setup = config.setup(header("upper_back", "wrist"), "upper_back", "madgwick")
    assert (setup.layout.name, setup.filter) == ("upper_back", "madgwick")
    assert setup.bands is config.bands()


# --- bands ----------------------------------------------------------------------------------------------------------


def test_shipped_bands_are_sane() -> None:
    """Every band holds its value, is not wider than half a turn, and every anchored estimate has one."""
    bands = config.bands()
    for (angle, _, posture), b in bands.band.items():
        assert angle in config.angle_names()
        assert posture in (*POSTURES, "any")
        for size in (0.0, np.deg2rad(90.0)):
            assert b.low + b.low_slope * size <= 0.0 <= b.high + b.high_slope * size
            assert b.high + b.high_slope * size < np.pi
    for name in ("thoracolumbar_flexion", "thoracic_flexion", "lumbar_flexion"):
        assert {p for a, basis, p in bands.estimate if (a, basis) == (name, "anchored")} == set(ANCHORED)
        for posture in ANCHORED:
            assert (name, "anchored", posture) in bands.band
    assert all(0.0 < width < np.deg2rad(10.0) for width in bands.no_bias_capture.values())


def test_degrees_become_radians_and_slopes_stay(package: Path) -> None:
    (package / "bands.toml").write_text(GOOD_BANDS)
    bands = config.bands()
    assert bands.band["trunk_inclination", "measured", "any"] == pytest.approx((-np.pi / 180, -0.1, np.pi / 90, 0.2))
    assert bands.estimate["lumbar_flexion", "anchored", "seated"] == pytest.approx((np.pi / 18, 0.5, 0.1))
    assert bands.no_bias_capture["trunk_inclination"] == pytest.approx(np.pi / 60)


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("not toml at all [", "", "not TOML"),
        (GOOD_BANDS.replace("[-1.0, ", "["), "band.trunk_inclination.measured.any", "required"),
        (GOOD_BANDS.replace("-1.0", "true_north"), "", "not TOML"),
        (GOOD_BANDS.replace("-1.0", '"wide"'), "band.trunk_inclination.measured.any.0", "number"),
        (GOOD_BANDS.replace("band.trunk_inclination", "band.trunk_pitch"), "trunk_pitch", "unknown"),
        (GOOD_BANDS.replace("anchored.seated", "anchored.flying"), "lumbar_flexion", "unknown"),
        (GOOD_BANDS.replace("[no_bias_capture]\ntrunk_inclination = 3.0", ""), "no_bias_capture", "required"),
        (GOOD_BANDS + "[extra]\na = 1\n", "extra", "not permitted"),
    ],
)
def test_bad_bands(package: Path, text: str, key: str, problem: str) -> None:
    (package / "bands.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        config.bands()
    error = caught.value
    assert error.file.endswith("bands.toml")
    assert error.key.startswith(key)
    assert problem in error.problem
    assert str(error).startswith(error.file)


ALWAYS = ("trunk_inclination", "thoracolumbar_flexion", "thoracic_flexion", "lumbar_flexion")


def upright(layout: str, posture: str | None = None, side: bool = True) -> Angles:
    """The angles of a person who stands, everything calibrated but perhaps the side axes."""
    sites = config.layout(layout).sites
    n = len(sites)
    up = np.broadcast_to([0.0, 1.0, 0.0], (1, n, 3))
    zero = np.zeros((1, n, 3))
    f = Frames(np.arange(1), np.zeros((1, n, 4)), zero, zero, np.zeros((1, n), np.uint8))
    mounts = [replace(given((1.0, 0.0, 0.0, 0.0)), side=side) for _ in sites]
    now = Situation(sites, mounts, set(sites), posture, True, dict.fromkeys(ANCHORED, 0.0))
    return Stretch(f, slice(0, 1), up, angles_of(config.layout(layout).sites), config.bands(), now).angles()


@pytest.mark.parametrize("layout", config.LAYOUTS)
def test_columns_of_a_layout(layout: str) -> None:
    """Trunk and curves are always columns, if only to say that they are not worn; the rest needs its sensor."""
    sites, a = config.layout(layout).sites, upright(layout)
    for kind in ANGLES:
        assert (kind.name in a.names) == (kind.site in sites or kind.name in ALWAYS)
    if "upper_back" not in sites:
        assert {a.why[0, a.names.index(name)] for name in ALWAYS} == {Why.NOT_WORN}
    assert empty(a.names).value.shape == (0, len(a.names))


@pytest.mark.parametrize("layout", config.LAYOUTS)
@pytest.mark.parametrize("posture", [None, *POSTURES])
@pytest.mark.parametrize("side", [True, False])
def test_the_shipped_bands_serve_every_situation(layout: str, posture: str | None, side: bool) -> None:
    a = upright(layout, posture, side)
    shown = a.why == 0
    assert shown.any()
    assert (a.low[shown] <= a.value[shown]).all()
    assert (a.value[shown] <= a.high[shown]).all()
    assert np.isnan(a.value[~shown]).all()


# --- layouts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("sites = [", "", "not TOML"),
        (GOOD_LAYOUT.replace('title = "t"\n', ""), "title", "required"),
        (GOOD_LAYOUT.replace('["wrist"]', "[]"), "sites", "at least 1"),
        (GOOD_LAYOUT.replace('["wrist"]', '"wrist"'), "sites", "tuple"),
        (GOOD_LAYOUT.replace('["wrist"]', "[1]"), "sites.0", "string"),
        (GOOD_LAYOUT.replace('"wrist"', '"knee"'), "sites", "knee"),
        (GOOD_LAYOUT + 'colour = "red"\n', "colour", "not permitted"),
    ],
)
def test_bad_layouts(package: Path, text: str, key: str, problem: str) -> None:
    (package / "layouts" / "wrist.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        config.layout("wrist")
    error = caught.value
    assert error.file.endswith("wrist.toml")
    assert error.key == key
    assert problem in error.problem


def test_a_missing_or_binary_file(package: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        config.layout("wrist")
    (package / "layouts" / "wrist.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not TOML"):
        config.layout("wrist")
