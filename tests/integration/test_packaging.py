"""What is shipped: the wheel, the source distribution, the pins, and the script that sets everything up."""

from __future__ import annotations

import importlib.util
import os
import re
import runpy
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PYTHONS = ("3.11", "3.12", "3.13")
JUNK = re.compile(
    r"(^|/)(__pycache__|\.venv[^/]*|\.git|\.[a-z]+_cache|\.hypothesis|\.coverage[^/]*|[^/]+\.egg-info)(/|$)"
)


def in_tree(*folders: str) -> set[str]:
    """Files of these folders, as a clone has them."""
    files = {p.relative_to(ROOT).as_posix() for folder in folders for p in (ROOT / folder).rglob("*") if p.is_file()}
    return {name for name in files if not JUNK.search(name)}


# --- what is built --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the source distribution and the wheel that was built from it."""
    for module in ("build", "hatchling"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed; it comes with the extra 'test'")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    """The wheel, open."""
    return zipfile.ZipFile(next(built.glob("*.whl")))


def test_wheel_is_the_package_with_its_data_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == in_tree("imu_coach")
    assert {"imu_coach/py.typed", "imu_coach/bands.toml", "imu_coach/layouts/upper_back_wrist.toml"} <= names
    assert any(re.fullmatch(r"imu_coach/synthetic/\w+\.toml", name) for name in names)


def test_wheel_metadata(wheel: zipfile.ZipFile) -> None:
    info = {Path(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
    assert "LICENSE" in info
    assert "imu-coach = imu_coach.cli:main" in wheel.read(info["entry_points.txt"]).decode()
    metadata = wheel.read(info["METADATA"]).decode()
    assert f"Version: {PROJECT['version']}\n" in metadata
    assert "License-Expression: MIT\n" in metadata
    assert SpecifierSet(re.search(r"Requires-Python: (.*)", metadata)[1]) == SpecifierSet(PROJECT["requires-python"])  # type: ignore[index]
    assert (ROOT / "README.md").read_text("utf-8").strip() in metadata


def test_wheel_runs_from_the_archive(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """Unpacked elsewhere, it finds its data without the tree."""
    wheel.extractall(tmp_path)
    code = "from imu_coach import config; print(config.__file__, config.bands() is not None, len(config.LAYOUTS))\n"
    code += "for name in config.LAYOUTS: config.layout(name)"
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout


def test_source_distribution_is_complete(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    top = ("dev.py", "constraints.txt", "pyproject.toml", "README.md", "CHANGELOG.md", "CITATION.cff", "LICENSE")
    wanted = in_tree("imu_coach", "tests", "docs", "recordings", ".ci") | set(top)
    assert not wanted - names
    assert not [name for name in names if JUNK.search(name)]


# --- one version, one place -----------------------------------------------------------------------------------------


def test_version_and_pythons_agree() -> None:
    import imu_coach

    assert imu_coach.__version__ == PROJECT["version"]
    assert f"version: {PROJECT['version']}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert [f"3.{n}" for n in range(8, 20) if f"3.{n}" in allowed] == list(PYTHONS)
    dev = runpy.run_path(str(ROOT / "dev.py"))
    assert (dev["OLDEST"], dev["NEWEST"]) == ((3, 11), (3, 13))


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_everything_is_pinned_once(python: str, system: str) -> None:
    environment = {**default_environment(), "python_version": python, "python_full_version": f"{python}.9"}
    environment |= {"sys_platform": system, "os_name": "nt" if system == "win32" else "posix", "extra": ""}
    pins: dict[str, str] = {}
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        pin = Requirement(line)  # a name and a version: no address, no hash, no option
        assert pin.url is None
        if applies(pin.marker, environment):
            name = canonicalize_name(pin.name)
            assert name not in pins, f"{name} is pinned twice"
            pins[name] = re.fullmatch(r"==([^,*]+)", str(pin.specifier))[1]  # type: ignore[index]
    for text in [*PROJECT["dependencies"], *(r for rs in PROJECT["optional-dependencies"].values() for r in rs)]:
        wanted = Requirement(text)
        assert pins[canonicalize_name(wanted.name)] in wanted.specifier, f"constraints.txt is older than {text}"


def applies(marker: Marker | None, environment: dict[str, Any]) -> bool:
    """Whether a line counts here."""
    return marker is None or marker.evaluate(environment)


# --- dev.py, without installing anything ----------------------------------------------------------------------------


class Dev:
    """dev.py in a folder of its own, whose commands are noted instead of run."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.ran, self.status = folder, list[list[str]](), 0
        for name in ("dev.py", "pyproject.toml", "constraints.txt"):
            (folder / name).write_bytes((ROOT / name).read_bytes())
        spec = importlib.util.spec_from_file_location("dev", folder / "dev.py")
        assert spec is not None
        assert spec.loader is not None
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        monkeypatch.setattr(self.module.subprocess, "call", self.call)
        monkeypatch.setattr(self.module.os, "execv", lambda path, command: sys.exit(self.call(command)))
        monkeypatch.setattr(self.module.sys, "version_info", (3, 12, 1, "final", 0))

    def call(self, command: list[str], **options: Any) -> int:
        """Instead of a process."""
        self.ran.append(command)
        if "venv" in command:
            self.module.PYTHON.parent.mkdir(parents=True, exist_ok=True)
            self.module.PYTHON.touch()
            (self.module.VENV / "imu_coach_installed").unlink(missing_ok=True)
        return self.status

    def run(self, *arguments: str) -> list[str]:
        """What kind of command each was."""
        self.ran.clear()
        with pytest.raises(SystemExit):
            self.module.main(list(arguments))
        kinds = ("venv", "pip", "pytest")
        return [next((k for k in kinds if k in command), Path(command[0]).stem) for command in self.ran]


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dev:
    """A fresh one, on a path with a space."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    return Dev(folder, monkeypatch)


def test_dev_installs_once_and_the_test_extra_only_for_tests(dev: Dev) -> None:
    assert dev.run("replay", "x.mcap") == ["venv", "pip", "imu-coach"]
    assert dev.ran[1][-2:] == ["-e", "."]
    assert dev.ran[2][1:] == ["replay", "x.mcap"]
    assert dev.run("replay", "x.mcap") == ["imu-coach"]
    assert dev.run("test") == ["pip", "pytest"]
    assert dev.ran[0][-2:] == ["-e", ".[test]"]
    assert "-n" in dev.ran[1]
    assert dev.run("test", "-k", "law") == ["pytest"]
    assert dev.ran[0][1:] == ["-m", "pytest", "-k", "law"]
    assert dev.run() == ["imu-coach"]


def test_dev_installs_the_virtual_radio_only_when_it_is_asked_for(dev: Dev) -> None:
    assert dev.run("replay", "x.mcap") == ["venv", "pip", "imu-coach"]
    assert dev.run("live", "--virtual") == ["pip", "imu-coach"]
    assert dev.ran[0][-2:] == ["-e", ".[sim]"]
    assert dev.run("virtual") == dev.run("live") == ["imu-coach"]
    assert dev.run("test") == ["pip", "pytest"]
    assert dev.run("scan", "--virtual") == ["imu-coach"]


def test_dev_installs_again_when_something_changed(dev: Dev, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dev.run("test") == ["venv", "pip", "pytest"]
    assert dev.run("replay") == ["imu-coach"]
    with (dev.folder / "constraints.txt").open("a") as file:
        file.write("# newer\n")
    assert dev.run("replay") == ["pip", "imu-coach"]
    monkeypatch.setattr(dev.module.sys, "version_info", (3, 13, 0, "final", 0))
    assert dev.run("replay") == ["venv", "pip", "imu-coach"]


def test_dev_installs_again_in_a_folder_that_was_moved(dev: Dev, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripts in .venv hold its path."""
    assert dev.run("replay") == ["venv", "pip", "imu-coach"]
    moved = Dev(dev.folder.rename(dev.folder.with_name("moved")), monkeypatch)
    assert moved.run("replay") == ["venv", "pip", "imu-coach"]


def test_dev_stops_at_a_failure_and_tries_again(dev: Dev, capfd: pytest.CaptureFixture[str]) -> None:
    dev.status = 1
    assert dev.run("replay") == ["venv"]
    dev.status = 0
    assert dev.run("replay") == ["venv", "pip", "imu-coach"]
    assert "Installing" in capfd.readouterr().err


@pytest.mark.parametrize(("version", "text"), [((3, 10, 9), "3.10"), ((3, 14, 0), "3.14")])
def test_dev_names_the_pythons_it_can_use(
    dev: Dev, version: tuple[int, ...], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev.module.sys, "version_info", version)
    with pytest.raises(SystemExit, match=rf"3\.11, 3\.12 and 3\.13.*{re.escape(text)}"):
        dev.module.main(["replay"])
    assert not dev.ran


def test_dev_says_what_debian_lacks(dev: Dev, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit, match="apt install python3-venv"):
        dev.module.main(["replay"])
    assert not dev.ran


def test_dev_runs_where_it_was_called_and_tests_in_its_folder(dev: Dev, tmp_path: Path) -> None:
    dev.run("replay", "x.mcap")
    assert Path.cwd() == tmp_path
    dev.run("test")
    assert Path.cwd() == dev.folder
