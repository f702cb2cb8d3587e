"""What is kept between sessions can be read, edited and damaged by hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from imu_coach.errors import ConfigError
from imu_coach.store import MOST, Known, Person, Store, with_bias
from imu_coach.types import SensorInfo

BACK = Known("0012AB", "own", "upper_back", "imu-12AB", "AA:BB", (0.01, -0.02, 0.0), "2026-11-02")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "kept")


def test_nothing_is_known_at_first(store: Store) -> None:
    assert (store.sensors(), store.people()) == ((), ())
    assert not store.folder.exists()


def test_a_sensor_comes_back_as_it_was(store: Store) -> None:
    store.keep(BACK)
    (found,) = store.sensors()
    assert found._replace(bias=None) == BACK._replace(bias=None)
    np.testing.assert_allclose(found.bias, BACK.bias, atol=np.deg2rad(1e-4))
    assert with_bias(SensorInfo("upper_back"), found).bias == found.bias


def test_a_site_has_one_sensor(store: Store) -> None:
    store.keep(BACK)
    store.keep(Known("77", "own", "upper_back"))
    assert [(one.identity, one.site) for one in store.sensors()] == [("77", "upper_back"), ("0012AB", "")]
    assert store.forget("77")
    assert not store.forget("77")
    assert [one.identity for one in store.sensors()] == ["0012AB"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[sensor]]\nidentity = 3\ndriver = 'own'\n", "identity"),
        ("[[sensor]]\nidentity = 'a'\ndriver = 'own'\nsite = 'nose'\n", "upper_back"),
        ("[[sensor]]\nidentity = 'a'\ndriver = 'own'\n" * 2, "twice"),
        ("[[sensor]]\nidentity = 'a'\ndriver = 'own'\ncolour = 'red'\n", "colour"),
        ("[[sensor]]\nidentity = 'a'\ndriver = 'own'\nbias_deg_s = [nan, 0.0, 0.0]\n", "50 deg/s"),
        ("[[", "not TOML"),
    ],
)
def test_a_file_edited_by_hand_is_checked(store: Store, text: str, says: str) -> None:
    store.folder.mkdir()
    store.sensors_file.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=says) as caught:
        store.sensors()
    assert "sensors.toml" in str(caught.value)


def test_there_is_an_end_to_it(store: Store) -> None:
    for i in range(MOST):
        store.keep(Known(str(i), "own"))
    with pytest.raises(ConfigError, match="forget some"):
        store.keep(Known("one more", "own"))
    assert len(store.sensors()) == MOST


def test_people_are_files_of_their_own(store: Store) -> None:
    anna = Person("anna", "left", "upper_back_wrist", notes="kneels badly")
    store.keep_person(anna)
    assert (store.people(), store.person("anna")) == (("anna",), anna)
    store.forget_person("anna")
    with pytest.raises(ConfigError, match="nobody yet"):
        store.person("anna")


def test_what_could_not_be_read_again_is_not_written(store: Store) -> None:
    with pytest.raises(ConfigError, match="1000 characters"):
        store.keep_person(Person("anna", notes="x" * 2000))
    with pytest.raises(ConfigError, match="unicode"):
        store.keep_person(Person("anna", notes="\udcff"))
    assert store.people() == ()
    assert not list(store.folder.glob("**/*.tmp"))


def test_a_damaged_person_can_be_forgotten(store: Store) -> None:
    store.keep_person(Person("anna")).write_text("[[", "utf-8")
    store.forget_person("anna")
    assert store.people() == ()


@pytest.mark.parametrize("name", ["", "../anna", "Anna", "a b", "a" * 41, ".hidden"])
def test_a_name_is_a_plain_word(store: Store, name: str) -> None:
    with pytest.raises(ConfigError, match="small letters"):
        store.keep_person(Person(name))


def test_a_layout_that_there_is_not_is_not_kept(store: Store) -> None:
    with pytest.raises(ConfigError, match="layout"):
        store.keep_person(Person("anna", layout="nose"))
    assert store.people() == ()


@pytest.mark.skipif(os.name == "nt", reason="folders have no such mode on Windows")
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file", "utf-8")
    with pytest.raises(ConfigError, match="cannot be written"):
        Store(tmp_path / "kept").keep(BACK)
