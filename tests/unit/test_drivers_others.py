"""Drivers of other packages: found without a change here, and unable to do harm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from talk import Table, talk

from imu_coach.core.decode import Receiver
from imu_coach.drivers import PROFILES, driver, profile, profiles, sync_channel
from imu_coach.errors import ConfigError
from imu_coach.types import Packet, SensorInfo

EXAMPLE = Path(__file__).parents[1] / "example_driver"


def install(folder: Path, patch: pytest.MonkeyPatch, points: str, **modules: str) -> None:
    """What pip leaves of a package: modules on the path, and a folder that tells of its entry points."""
    written = folder / "somebody-1.0.dist-info"
    written.mkdir()
    (written / "METADATA").write_text("Metadata-Version: 2.1\nName: somebody\nVersion: 1.0\n")
    (written / "entry_points.txt").write_text(f"[imu_coach.drivers]\n{points}\n")
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    patch.syspath_prepend(str(EXAMPLE))
    patch.syspath_prepend(str(folder))


def test_without_other_packages() -> None:
    assert profiles() == (PROFILES, ())


def test_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found, set up, and its payloads become samples, through the receiver that every session uses."""
    install(tmp_path, monkeypatch, "thingy = imu_coach_thingy:PROFILE")
    found, problems = profiles()
    assert set(found) == {*PROFILES, "thingy"}
    assert not problems
    thingy = profile("thingy")
    assert sync_channel("thingy") == -1
    config = "ef680401-9b35-4933-9b10-52ffa9740042"
    table = Table({config: bytes.fromhex("f401 f401 f401 c800 01")})
    info = talk(thingy.start(SensorInfo("wrist", "thingy"), 5), table)
    assert table.written() == [bytes.fromhex("f401 f401 f401 6400 01")]
    payload = bytes.fromhex("0004 0000 00fc 2000 e0ff 4006 000000000000")
    log = [Packet("wrist", 10**9 + k * 10**7, 1, payload) for k in range(50)]
    samples = Receiver(info, 0.25).push(log)
    assert len(samples.t) == 50
    np.testing.assert_allclose(samples.acc[0], [9.81, 0.0, -9.81])
    np.testing.assert_allclose(np.rad2deg(samples.gyr[0]), [1.0, -1.0, 50.0])


BROKEN = {
    "no such module": ("bad = nowhere_at_all:PROFILE", "ModuleNotFoundError"),
    "no such name": ("bad = somebodys:NOTHING", "AttributeError"),
    "raises": ("bad = raising:PROFILE", "ValueError: two lines of text"),
    "exits": ("bad = leaving:PROFILE", "SystemExit"),
    "no profile": ("bad = somebodys:NUMBER", "has no name, title"),
    "half a profile": ("bad = somebodys:HALF", "has no title"),
    "another name": ("bad = somebodys:OTHER", "calls itself 'own'"),
}
MODULES = {
    "somebodys": "from imu_coach.drivers import PROFILES\nNUMBER = 3\nOTHER = PROFILES['own']\n"
    "class Half:\n    name = 'bad'\nHALF = Half()\n",
    "raising": "raise ValueError('two lines\\n of text')\n",
    "leaving": "raise SystemExit(3)\n",
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_one_is_one_clear_line(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point, reason = BROKEN[what]
    install(tmp_path, monkeypatch, f"{point}\nthingy = imu_coach_thingy:PROFILE", **MODULES)
    found, problems = profiles()
    assert set(found) == {*PROFILES, "thingy"}, "the others work"
    (line,) = problems
    assert line.startswith("driver 'bad' of package somebody cannot be used: ")
    assert reason in line
    assert "\n" not in line
    for use in (lambda: profile("bad"), lambda: driver(SensorInfo("wrist", "bad"))):
        with pytest.raises(ConfigError, match="package somebody"):
            use()
    assert driver(SensorInfo("wrist", "thingy")).name == "thingy"


def test_a_name_that_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "own = imu_coach_thingy:PROFILE\nsi = imu_coach_thingy:PROFILE")
    found, problems = profiles()
    assert found == PROFILES
    assert [("'own'" in p, "taken" in p) for p in problems] == [(True, True), (False, True)]
    assert driver(SensorInfo("wrist", "own")).name == "own"
    assert profile("own") is PROFILES["own"]
    with pytest.raises(ConfigError, match="unknown driver 'si'"):
        profile("si")


def test_unknown_driver_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"unknown driver 'magic'.*movella_dot, own, polar, si, witmotion"):
        driver(SensorInfo("wrist", "magic"))
