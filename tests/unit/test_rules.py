"""Rules as data: defaults, a profile, a clinician's numbers, and what is wrong with a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imu_coach import rules
from imu_coach.core.quantities import QUANTITIES
from imu_coach.errors import ConfigError
from imu_coach.exercise import Rule

BY_ID = {rule.id: rule for rule in rules.load()}


def deg(value: float) -> float:
    return float(np.rad2deg(value))


def table(*rows: Rule) -> dict[str, tuple[float, float, float]]:
    return {r.id: (round(deg(r.on), 6), round(deg(r.off), 6), r.dwell) for r in rows}


def test_defaults_are_those_of_the_design() -> None:
    assert list(BY_ID) == [f"W{i}" for i in range(14) if i != 12]  # W12 is a law, not a rule
    assert table(*BY_ID.values()) | {"W0": None, "W7": None} == {
        "W0": None,
        "W1": (30, 25, 3.0),
        "W2": (60, 50, 1.0),
        "W3": (20, 15, 60.0),
        "W4": (20, 15, 1.0),
        "W5": (60, 50, 0.0),
        "W6": (20, 15, 1.0),
        "W7": None,
        "W8": (10, 6, 3.0),
        "W9": (60, 56, 3.0),
        "W10": (25, 20, 1.0),
        "W11": (35, 25, 0.5),
        "W13": (10, 6, 2.0),
    }
    higher = {r.id: [(level.severity, round(deg(level.on)), level.dwell) for level in r.higher] for r in BY_ID.values()}
    assert {k: v for k, v in higher.items() if v} == {
        "W4": [("red", 30, 0.5)],
        "W5": [("red", 100, 0.0)],
        "W6": [("red", 30, 0.5)],
        "W8": [("amber", 20, 2.0)],
        "W9": [("amber", 65, 2.0)],
    }
    assert deg(BY_ID["W9"].low) == pytest.approx(30)


def test_every_refractory_is_ten_seconds_or_more() -> None:
    assert all(rule.refractory >= 10.0 for rule in BY_ID.values())


def test_red_never_rests_on_what_one_back_sensor_cannot_know() -> None:
    for rule in BY_ID.values():
        if rule.quantity == "dip":
            assert "round" not in (rule.title + rule.prompt).lower()
            assert rule.severity == "cue"


def test_hinges_and_prone_are_free_of_lean_rules() -> None:
    for rule in (BY_ID["W1"], BY_ID["W2"], BY_ID["W3"]):
        assert not {"pushback", "row", "kneeling", "prone"} & set(rule.postures)
        assert rule.postures
    assert all("prone" not in rule.postures for rule in BY_ID.values() if rule.flexion or rule.quantity == "bend_speed")


def test_one_prompt_a_rule() -> None:
    prompts = [rule.prompt for rule in BY_ID.values()]
    assert len(set(prompts)) == len(prompts)
    assert {rule.quantity for rule in BY_ID.values()} - {"twist_or_load"} == set(QUANTITIES)


def test_an_override_takes_off_and_levels_along() -> None:
    (w4,) = (r for r in rules.load({"W4": {"on": np.deg2rad(12.0), "dwell": 2.0}}) if r.id == "W4")
    assert table(w4) == {"W4": (12, 7, 2.0)}
    assert deg(w4.higher[0].on) == pytest.approx(22)
    assert w4.fixed == ("dwell", "off", "on")
    assert [r for r in rules.load({"W4": {"on": 1.0}}) if r.id != "W4"] == [r for r in rules.load() if r.id != "W4"]


def test_the_profile_lowers_forward_bending_only() -> None:
    lowered = {r.id for r in rules.load(higher_risk=True) if r.shift}
    assert lowered == {"W1", "W2", "W3", "W4"}
    fixed = rules.load({"W1": {"on": 0.6}}, higher_risk=True)
    assert {r.id for r in fixed if r.shift} == {"W2", "W3", "W4"}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ({"W99": {"on": 1.0}}, "unknown rule; there are: W0, W1"),
        ({"W1": {"onn": 1.0}}, "unknown number; there are: on, off"),
        ({"W1": {"off": 3.0}}, "off must not be above on"),
    ],
)
def test_bad_overrides(override: dict[str, dict[str, float]], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        rules.load(override)


def test_a_clinicians_file(tmp_path: Path) -> None:
    file = tmp_path / "limits.toml"
    file.write_text("higher_risk = true\n[W2]\non = 45\n[W5]\non = 50\nrefractory = 20\n")
    found = {rule.id: rule for rule in rules.load_file(file)}
    assert deg(found["W2"].on) == pytest.approx(45)
    assert deg(found["W2"].off) == pytest.approx(35)
    assert deg(found["W5"].on) == pytest.approx(50)
    assert found["W5"].refractory == 20
    assert deg(found["W1"].shift) == pytest.approx(-10)
    assert found["W2"].shift == 0


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("[W2]\nonn = 45\n", "W2.onn", "not permitted"),
        ("[W2]\non = 450\n", "W2.on", "less than or equal to 360"),
        ("[W2]\ndwell = -1\n", "W2.dwell", "greater than or equal to 0"),
        ("[W20]\non = 45\n", "W20", "there are: W0"),
        ("higher_risk = 3\n", "higher_risk", ""),
        ("W2 = [\n", "", "not TOML"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, text: str, key: str, words: str) -> None:
    file = tmp_path / "limits.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        rules.load_file(file)
    assert str(file) in str(error.value)
    assert (error.value.key, words in error.value.problem) == (key, True)
