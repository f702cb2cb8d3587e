"""The command line as people use it: exit codes, what is on stdout and stderr, and files that are not overwritten."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from imu_coach.cli import cli
from imu_coach.recording import Recording
from imu_coach.recording.format import dump_head, dump_json
from imu_coach.run import Result as Computed
from imu_coach.run import process
from imu_coach.sinks import words
from imu_coach.synthetic import Faults, simulate
from imu_coach.types import Command, Event, Header, Packet, SensorInfo, Source, Tick

Run = Callable[..., Result]


def run(*arguments: str | Path) -> Result:
    """One command, in this process; any exception but an exit is a failure of the test."""
    found = CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="imu-coach")
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def refused(found: Result, *parts: str) -> None:
    """Exit 2 with one line on stderr that names the problem, and nothing on stdout."""
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr.startswith("imu-coach: ")
    assert found.stderr.count("\n") == 1
    for part in parts:
        assert part in found.stderr


@pytest.fixture(scope="module")
def recording() -> Recording:
    """A quiet session in which the wrist sensor goes out of range for three seconds."""
    made = simulate("quiet", seed=4, faults=Faults(out_of_range=(("wrist", 40.0, 43.0),)))
    return Recording.of(made.header, made.inputs)


@pytest.fixture(scope="module")
def file(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That session as a file."""
    path = tmp_path_factory.mktemp("cli") / "quiet.mcap"
    recording.save(path)
    return path


@pytest.fixture(scope="module")
def realtime(recording: Recording) -> Computed:
    """What that session shows."""
    return process(recording)


@pytest.fixture(scope="module")
def damaged(file: Path) -> Path:
    """The same with a part in the middle overwritten."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    path = file.with_name("damaged.mcap")
    path.write_bytes(data)
    return path


# --- help -----------------------------------------------------------------------------------------------------------


def test_help_says_first_what_it_is_and_what_it_is_not() -> None:
    lines = [line.strip() for line in run("--help").stdout.splitlines()]
    first = " ".join(lines[2 : lines.index("", 2)])
    assert not any(line.endswith("...") for line in lines[1:])
    assert first == "Exercises counted and trunk angles measured with small motion sensors. Not a medical device."


def every_command(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += every_command(command, (*path, name))
    return found


@pytest.mark.parametrize("path", every_command(cli), ids=" ".join)
def test_every_command_explains_itself_and_all_its_options(path: tuple[str, ...]) -> None:
    found = run(*path, "--help")
    assert found.exit_code == 0
    command: Any = cli
    for name in path:
        command = command.commands[name]
    assert command.help
    assert all(option.help for option in command.params if isinstance(option, click.Option))
    for word in ("posture OK", "excessive", "failed", "safe"):
        assert word not in found.stdout


def test_help_waits_for_nothing_heavy() -> None:
    heavy = ("numpy", "pandas", "scipy", "matplotlib", "pydantic", "rich", "mcap", "vqf")
    code = f"import sys, imu_coach.cli; print([m for m in {heavy!r} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_filters_and_layouts_list_what_the_options_take() -> None:
    from imu_coach.config import LAYOUTS
    from imu_coach.core.filters import FILTERS

    assert [line.split()[0] for line in run("filters").stdout.splitlines()] == list(FILTERS)
    text = run("layouts").stdout
    assert [line.split(":")[0] for line in text.splitlines() if line and line[0] != " "] == list(LAYOUTS)
    assert "cannot see" in text


# --- replay ---------------------------------------------------------------------------------------------------------


def json_lines(text: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines()]
    assert all(line["schema"] == "imu_coach/1" for line in lines)
    return lines


def test_json_lines_equal_the_result_of_process(realtime: Computed, file: Path) -> None:
    found = run("replay", file, "--json")
    assert (found.exit_code, found.stderr) == (0, "")
    lines = json_lines(found.stdout)
    result, table = realtime, realtime.angles
    assert (lines[0]["type"], lines[0]["synthetic"], lines[-1]["type"]) == ("header", True, "end")
    trunk = {
        "meaning": "upper back against gravity",
        "sign": "flexion +, extension -",
        "zero": "the person's stand tall",
    }
    assert (lines[0]["angles"]["trunk_inclination"], lines[0]["band_basis"]) == (trunk, "simulated")
    frames = [line for line in lines if line["type"] == "frame"]
    assert [frame["t_s"] for frame in frames] == table.index[::10].tolist()
    for k, name in enumerate(result.block.names):
        for part, column in (("value", "_deg"), ("low", "_low_deg"), ("high", "_high_deg")):
            told = [np.nan if (v := f["angles"][name][f"{part}_deg"]) is None else v for f in frames]
            np.testing.assert_array_equal(told, table[f"{name}{column}"].to_numpy()[::10])
        sources = [Source[frame["angles"][name]["source"].upper()] for frame in frames]
        np.testing.assert_array_equal(sources, result.block.source[::10, k])
    events = [line for line in lines if line["type"] == "event"]
    assert [(e["t_s"], e["kind"], e["sensor"]) for e in events] == [
        (e.decided / 100, e.kind, e.sensor) for e in result.events
    ]
    assert {e["kind"] for e in events} >= {"calibrated", "sensor_lost", "sensor_back"}
    times = [line["t_s"] for line in lines if line["type"] in ("frame", "event")]
    assert times == sorted(times)
    share = result.availability()
    for name, measured in lines[-1]["measured"].items():
        assert measured + lines[-1]["estimated"][name] == pytest.approx(share[name])
    assert lines[-1]["health"]["wrist"]["lost"] == result.counters["wrist"].lost


def test_pacing_and_span_change_what_is_shown_not_the_numbers(file: Path) -> None:
    whole = json_lines(run("replay", file, "--json").stdout)
    part = json_lines(run("replay", file, "--json", "--from", "0:40", "--to", "41.5", "--speed", "10").stdout)
    expected = [x for x in whole if x["type"] in ("frame", "event") and 40.0 <= x["t_s"] < 41.5]
    assert [x for x in part if x["type"] in ("frame", "event")] == expected
    assert any(x["type"] == "event" for x in expected)
    assert part[-1]["shown_s"] == pytest.approx(1.5)
    at = next(x["t_s"] for x in whole if x["type"] == "event" and x["kind"] == "sensor_back")
    for start, end, there in ((at - 1.0, at, False), (at, at + 1.0, True)):
        shown = json_lines(run("replay", file, "--json", "--from", f"{start:.2f}", "--to", f"{end:.2f}").stdout)
        assert ("sensor_back" in shown[-1]["events"]) == there


@pytest.mark.parametrize(("speed", "seconds"), [("1", 1.5), ("10", 0.15), ("max", 0.0)])
def test_replay_waits_as_long_as_it_says(
    speed: str, seconds: float, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]

    def sleep(duration: float) -> None:
        assert duration > 0
        now[0] += duration

    fake = SimpleNamespace(monotonic=lambda: now[0], sleep=sleep)
    monkeypatch.setattr(sys.modules["imu_coach.cli.replay"], "time", fake)
    assert run("replay", file, "--from", "20", "--to", "21.5", "--speed", speed).exit_code == 0
    assert now[0] - 1000.0 == pytest.approx(seconds, abs=0.06)


def test_plain_lines_are_one_a_second_and_one_an_event(realtime: Computed, file: Path) -> None:
    found = run("replay", file)
    result = realtime
    lines = [line for line in found.stdout.splitlines() if not line.startswith("#")]
    events = [line for line in lines if " s  * " in line]
    assert len(events) == len(result.events)
    assert [float(line.split()[0]) for line in lines if line not in events] == [
        t for t in result.angles.index if t == round(t)
    ]
    assert any("stood tall: calibrated" in line for line in events)
    assert any("wrist no data" in line for line in lines)
    assert "SYNTHETIC" in found.stdout
    assert "lumbar flexion: " in found.stdout
    assert "not measured" in found.stdout
    assert words.NOTICE in found.stdout


def test_estimates_carry_a_tilde_and_measurements_do_not(file: Path) -> None:
    lines = run("replay", file, "--from", "26", "--to", "27").stdout.splitlines()
    line = next(line for line in lines if not line.startswith("#") and "*" not in line)
    assert "thoracolumbar_flexion ~" in line
    assert "trunk_inclination ~" not in line
    assert "trunk_inclination " in line


def test_a_damaged_file_shows_all_that_is_readable_and_exits_1(file: Path, damaged: Path) -> None:
    found = run("replay", damaged, "--json")
    assert found.exit_code == 1
    assert found.stderr.count("\n") == 1
    assert "damaged: between" in found.stderr
    whole = {x["t_s"]: x for x in json_lines(run("replay", file, "--json").stdout) if x["type"] == "frame"}
    lines = json_lines(found.stdout)
    (loss,) = lines[-1]["losses"]
    frames = {x["t_s"]: x for x in lines if x["type"] == "frame"}
    assert frames.keys() == whole.keys()
    before = [t for t in frames if t < loss["before_t"] - 0.5]
    assert len(before) > 100
    assert all(frames[t] == whole[t] for t in before)
    for command in (("info",), ("replay",), ("info", "--json")):
        assert run(command[0], damaged, *command[1:]).exit_code == 1


def test_a_terminal_gets_a_view_without_green_and_a_summary(file: Path) -> None:
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "imu_coach.cli", "replay", str(file), "--speed", "max"]
    env = dict(os.environ, TERM="xterm-256color", COLUMNS="120", LINES="40")
    child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env)
    os.close(slave)
    seen = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not part:
            break
        seen += part
    os.close(master)
    assert child.wait(30) == 0
    text = seen.decode()
    for expected in (
        " SYNTHETIC ",
        "upper back",
        "battery",
        "not measured: ",
        "estimated",
        "┃",
        "stood tall: calibrated",
    ):
        assert expected in text
    assert "lumbar flexion: estimated" in text
    for green in ("\x1b[32m", "\x1b[1;32m", "\x1b[92m", "posture OK"):
        assert green not in text


@pytest.mark.parametrize(("width", "encoding"), [(80, "utf-8"), (120, "utf-8"), (160, "ascii")])
def test_the_view_tells_measured_from_estimated_from_not_measured(width: int, encoding: str, file: Path) -> None:
    import io

    from rich.console import Console

    from imu_coach import config
    from imu_coach.run import stream
    from imu_coach.sinks import Session
    from imu_coach.sinks.console import ConsoleView
    from imu_coach.types import concat

    recording = Recording.open(file)
    setup = config.setup(recording.header)
    whole = concat(list(stream(recording, setup)))
    until = sys.modules["imu_coach.cli.replay"]._rows
    rows = slice(0, 2620)
    update = replace(whole, frames=until(whole.frames, rows), angles=until(whole.angles, rows))
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace")
    console = Console(file=out, width=width, height=40, record=True, force_terminal=True, color_system=None)
    view = ConsoleView(console, "1x")
    view.session = Session("[red]x.mcap", recording.header, setup, whole.angles.names)
    console.print(view.view(update))
    lines = console.export_text().splitlines()
    assert all(len(line) <= width for line in lines)
    (trunk,) = [line for line in lines if "trunk inclination" in line]
    (lumbar,) = [line for line in lines if "lumbar flexion" in line and "thoraco" not in line]
    (twist,) = [line for line in lines if "trunk twist" in line]
    assert "~" not in trunk
    assert "estimated" not in trunk
    assert "~" in lumbar
    assert "estimated" in lumbar
    assert "not measured: left and right" in twist
    assert not any(c.isdigit() for c in twist)
    assert any("[red]x.mcap" in line and "0:26  1x" in line for line in lines)
    assert ("━" in trunk, "=" in trunk) == {80: (False, False), 120: (True, False), 160: (False, True)}[width]


@pytest.mark.skipif(os.name == "nt", reason="signals are sent differently there")
def test_an_interrupt_ends_with_130_and_what_was_seen(file: Path) -> None:
    command = [sys.executable, "-m", "imu_coach.cli", "replay", str(file), "--speed", "1"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(4):
        child.stdout.readline()
    child.send_signal(signal.SIGINT)
    rest, errors = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "stopped by hand" in rest
    assert "Traceback" not in errors


def test_a_reader_that_leaves_is_no_error(file: Path) -> None:
    command = [sys.executable, "-m", "imu_coach.cli", "replay", str(file), "--json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.readline()
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(30) == 0


# --- bad input ------------------------------------------------------------------------------------------------------


def newer(path: Path) -> None:
    """A recording of a later format: the header says so, with a right checksum."""
    import hashlib

    from mcap.writer import Writer

    head = dump_head(Header((SensorInfo("wrist"),)), 0, closed=True)
    raw = json.loads(head["json"]) | {"format": 99, "needs": "9.9"}
    text = dump_json(raw)
    with path.open("wb") as out:
        writer = Writer(out)
        writer.start("imu_coach", "imu_coach 9.9")
        writer.add_metadata("imu_coach", {"json": text, "sha256": hashlib.sha256(text.encode()).hexdigest()})
        writer.finish()


@pytest.mark.parametrize("command", ["info", "replay", "angles", "plot", "repair"])
@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("missing", "does not exist"),
        ("empty", "is empty"),
        ("directory", "is not a file"),
        ("text", "is not a recording"),
        ("newer", "pip install --upgrade"),
    ],
)
def test_what_is_no_recording_is_refused_in_one_line(command: str, kind: str, part: str, tmp_path: Path) -> None:
    path = tmp_path / "x.mcap"
    match kind:
        case "empty":
            path.touch()
        case "directory":
            path.mkdir()
        case "text":
            path.write_text("time,ax,ay,az\n1,2,3,4\n")
        case "newer":
            newer(path)
    endings = {"angles": ".csv", "plot": ".png", "repair": ".mcap"}
    out = [] if command not in endings else ["-o", tmp_path / f"out{endings[command]}"]
    refused(run(command, path, *out), str(path), part)
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["replay", "FILE", "--layout", "nowhere"], "unknown layout 'nowhere'; there are: spine_wrist"),
        (["replay", "FILE", "--layout", "spine"], "no sensor 'thoracolumbar'; there are: upper_back, wrist"),
        (["replay", "FILE", "--filter", "magic"], "unknown filter 'magic'; there are: vqf"),
        (["replay", "FILE", "--from", "9", "--to", "3"], "3 s is not after --from 9 s"),
        (["angles", "FILE", "-o", "x.txt"], "one of .csv, .parquet"),
        (["angles", "FILE", "-o", "x.csv", "--rate", "200"], "200 Hz is not above 0 and up to 100 Hz"),
        (["angles", "FILE", "-o", "x.csv", "--rate", "0"], "0 Hz"),
        (["angles", "FILE", "-o", "x.csv", "--rate", "nan"], "nan Hz"),
        (["angles", "FILE", "-o", "nowhere/x.csv"], "there is no directory"),
        (["angles", "FILE", "-o", "directory.csv"], "is a directory"),
        (["plot", "FILE", "-o", "x.gif"], "one of .png, .svg, .pdf"),
        (["plot", "FILE", "-o", "x.png", "--angles", "knee"], "unknown 'knee'; this layout has: trunk_inclination"),
        (["plot", "FILE", "-o", "x.png", "--from", "500"], "nothing to draw in that span"),
        (["plot", "FILE", "-o", "x.png", "--truth", "FILE"], "is not the truth of a simulated session"),
        (["plot", "FILE", "-o", "x.png", "--truth", "nowhere.csv"], "nowhere.csv"),
        (["repair", "FILE", "-o", "FILE", "--force"], "is the input"),
        (["simulate", "dancing", "-o", "x.mcap"], "unknown 'dancing'; there are: quiet"),
        (["simulate", "quiet", "-o", "x.mcap", "--sensors", "ear"], "unknown 'ear'; there are: upper_back"),
        (["simulate", "quiet", "-o", "x.mcap", "--truth", "x.mcap"], "is the recording"),
        (["import", "ear=x.csv", "-o", "x.mcap"], "unknown 'ear'; there are: upper_back"),
        (["import", "x.csv", "-o", "x.mcap"], "is not SENSOR=FILE"),
        (["import", "wrist=nowhere.csv", "-o", "x.mcap"], "nowhere.csv"),
        (["import", "wrist=a", "wrist=b", "wrist=c", "-o", "x.mcap"], "more than two files"),
        (["import", "wrist=FILE", "-o", "x.mcap", "--neutral", "4:3"], "is not T0:T1"),
        (["import", "wrist=FILE", "-o", "x.mcap", "--label", "1:2=flying"], "names are: standing"),
        (["import", "wrist=FILE", "-o", "x.mcap", "--mounting", "wrist=1,0"], "is not SENSOR=w,x,y,z"),
        (["import", "wrist=FILE", "-o", "x.mcap", "--columns", "acc=a;b;c:furlong,gyr=d;e;f:deg/s,rate=9"], "furlong"),
        (["import", "wrist=FILE", "-o", "x.mcap", "--kind", "teapot"], "teapot"),
        (["evaluate", "broad", "nowhere"], "is not a directory"),
        (["evaluate", "bands", "--seeds", "9:4"], "is not A:B"),
        (["evaluate", "bands", "--layout", "nowhere"], "unknown layout"),
    ],
)
def test_bad_options_are_refused_in_one_line_before_any_work(
    arguments: list[str], part: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "directory.csv").mkdir()
    refused(run(*(file if a == "FILE" else a for a in arguments)), part)
    assert [p.name for p in tmp_path.iterdir()] == ["directory.csv"]


@pytest.mark.parametrize("arguments", [["replay"], ["dance"], ["simulate"], ["replay", "x", "--from", "-1"]])
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    found = run(*arguments)
    assert (found.exit_code, found.stdout) == (2, "")
    assert "Usage: imu-coach" in found.stderr


@pytest.mark.parametrize("name", ["\x1b[31mred.mcap", "two\nlines.mcap", "\udcff.mcap", "[bold]x.mcap"])
def test_hostile_names_cannot_control_the_terminal(name: str) -> None:
    found = run("replay", name)
    refused(found)
    assert found.stderr.rstrip("\n").isprintable()
    found = run("repair", __file__, "-o", name)
    assert found.exit_code == 2
    assert found.stderr.rstrip("\n").isprintable()


def test_hostile_text_of_a_file_cannot_control_the_terminal(tmp_path: Path) -> None:
    text = "\x1b[2J[red]drop\r\nnew\u202eline"
    header = Header((SensorInfo("wrist", identity="[link]id"),), source="[bold]from")
    commands = [Command(0, "marker", {"text": text}), Command(5, "x", {"\x1b]0;t": text}), Tick(2_000_000_000)]
    path = tmp_path / "hostile.mcap"
    Recording.of(header, commands).save(path)
    for arguments in (["info", path], ["replay", path], ["info", path, "--json"], ["replay", path, "--json"]):
        found = run(*arguments)
        assert found.exit_code == 0
        assert all(line.isprintable() for line in found.stdout.splitlines())
    assert "marked: [2J[red]drop new line" in run("replay", path).stdout
    assert "[bold]from" in run("info", path).stdout


def test_a_directory_that_may_not_be_written(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / "x.csv"))

    monkeypatch.setattr(pd.DataFrame, "to_csv", denied)
    refused(run("angles", file, "-o", tmp_path / "x.csv"), "x.csv: Permission denied")
    assert not list(tmp_path.iterdir())


def test_an_interrupt_leaves_no_half_file(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(table: pd.DataFrame, path: Path, **options: object) -> None:
        Path(path).write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_csv", interrupted)
    (tmp_path / "x.csv").write_text("precious")
    found = run("angles", file, "-o", tmp_path / "x.csv", "--force")
    assert (found.exit_code, found.stderr) == (130, "imu-coach: interrupted\n")
    assert (tmp_path / "x.csv").read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 1


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "existing"),
    [
        (["angles", "FILE", "-o", "x.csv"], "x.csv"),
        (["angles", "FILE", "-o", "x.csv"], "x.csv.json"),
        (["angles", "FILE", "-o", "x.parquet"], "x.parquet"),
        (["plot", "FILE", "-o", "x.svg", "--angles", "trunk_inclination"], "x.svg"),
        (["repair", "FILE", "-o", "x.mcap"], "x.mcap"),
        (["simulate", "quiet", "-o", "x.mcap"], "x.mcap"),
        (["simulate", "quiet", "-o", "x.mcap", "--truth", "x.csv"], "x.csv"),
        (["import", "wrist=TABLE", "-o", "x.mcap"], "x.mcap"),
    ],
)
def test_nothing_is_overwritten_without_force(
    arguments: list[str], existing: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / existing).write_text("precious")
    arguments = [{"FILE": str(file), "wrist=TABLE": "wrist=table.csv"}.get(a, a) for a in arguments]
    table(tmp_path / "table.csv")
    if arguments[0] == "import":
        arguments += ["--columns", COLUMNS]
    refused(run(*arguments), existing, "--force")
    assert (tmp_path / existing).read_text() == "precious"
    assert {p.name for p in tmp_path.iterdir()} == {existing, "table.csv"}
    assert run(*arguments, "--force").exit_code == 0
    assert (tmp_path / existing).read_bytes() != b"precious"


def test_info_tells_what_is_in_a_file(recording: Recording, file: Path) -> None:
    text = run("info", file).stdout
    for part in (
        "SYNTHETIC: simulated, not a person",
        "upper_back: own driver, 100 Hz",
        "calibrate pose stand_tall, seconds 4",
        "upper_back_wrist: Upper back and wrist",
        "cannot see  rounding against hinging",
        "damage      none found",
    ):
        assert part in text
    found = json.loads(run("info", file, "--json").stdout)
    assert found["schema"] == "imu_coach/1"
    assert sum(found["inputs"].values()) == len(recording.inputs())
    assert found["duration_s"] == recording.inputs()[-1].arrived_ns / 1e9
    assert found["layout"]["name"] == "upper_back_wrist"
    packets = sum(isinstance(item, Packet) and item.sensor == "wrist" for item in recording.inputs())
    assert next(s for s in found["sensors"] if s["sensor"] == "wrist")["packets"] == packets


def test_info_of_sensors_that_no_layout_has(tmp_path: Path) -> None:
    path = tmp_path / "knee.mcap"
    Recording.of(Header((SensorInfo("knee"),)), [Tick(0)]).save(path)
    found = run("info", path)
    assert found.exit_code == 0
    assert "none: sensors: no layout for knee" in found.stdout
    refused(run("replay", path), "no layout for knee")


def test_repair_keeps_all_that_is_readable_and_says_what_is_lost(damaged: Path, file: Path, tmp_path: Path) -> None:
    found = run("repair", damaged, "-o", tmp_path / "new.mcap")
    assert (found.exit_code, found.stdout) == (1, "")
    assert "inputs over 49.5 s recovered" in found.stderr
    assert "inputs missing" in found.stderr
    assert Recording.open(tmp_path / "new.mcap").inputs() == Recording.open(damaged).inputs()
    assert run("info", tmp_path / "new.mcap").exit_code == 0
    found = run("repair", file, "-o", tmp_path / "same.mcap")
    assert found.exit_code == 0
    assert "nothing was lost" in found.stderr


def test_simulate_writes_what_simulate_gives(tmp_path: Path) -> None:
    out, truth = tmp_path / "s.mcap", tmp_path / "s.csv"
    options = ["--seed", "9", "--sensors", "upper_back,sacrum", "--loss", "0.1"]
    found = run("simulate", "quiet", "-o", out, "--truth", truth, *options)
    assert (found.exit_code, found.stdout) == (0, "")
    assert "SYNTHETIC" in found.stderr
    made = simulate("quiet", seed=9, sensors=("upper_back", "sacrum"), faults=Faults(loss=0.1))
    assert Recording.open(out).inputs() == made.inputs
    assert truth.read_text() == made.truth.csv()
    assert run("simulate", "--list").stdout.split()[0] == "quiet"


COLUMNS = "time=t:s,acc=ax;ay;az:g,gyr=gx;gy;gz:deg/s"


def table(path: Path, shift: float = 0.0, seconds: float = 20.0) -> None:
    """A logger on a person who stands, tapped three times, and leans by 30 deg at the end."""
    t = np.arange(0.0, seconds, 0.01)
    lean = np.clip((t - shift - 14.0) / 2.0, 0.0, 1.0) * np.deg2rad(30.0)
    lean += np.deg2rad(1.0) * np.sin(2.0 * np.pi * 0.4 * (t - shift))  # sways: it does not lie on a table
    rate = np.gradient(np.rad2deg(lean), t)
    columns = {"t": t, "ax": -np.sin(lean), "ay": np.cos(lean), "az": 0 * t, "gx": 0 * t, "gy": 0 * t, "gz": -rate}
    frame = pd.DataFrame(columns)
    for tap in (2.0, 2.5, 3.3):
        frame.loc[(frame["t"] - shift - tap).abs() < 0.006, ["ax", "ay", "az"]] += 3.0
    frame.round(6).to_csv(path, index=False)


def test_import_gives_a_recording_whose_angles_are_measured(tmp_path: Path) -> None:
    table(tmp_path / "back.csv")
    out = tmp_path / "new.mcap"
    options = ["--columns", COLUMNS, "--neutral", "7:11", "--label", "12:20=standing"]
    found = run("import", f"upper_back={tmp_path / 'back.csv'}", "-o", out, *options)
    assert (found.exit_code, found.stdout) == (0, ""), found.stderr
    assert "2000 samples" in found.stderr
    frames = [x for x in json_lines(run("replay", out, "--json").stdout) if x["type"] == "frame"]
    angle = {x["t_s"]: x["angles"]["trunk_inclination"] for x in frames}
    assert angle[5.0]["source"] == "unavailable"
    assert angle[5.0]["why"] == "not_calibrated"
    assert angle[5.0]["value_deg"] is None
    assert angle[18.0]["source"] == "measured"
    assert angle[18.0]["value_deg"] == pytest.approx(30.0, abs=2.0)
    commands = [(c.name, c.arrived_ns / 1e9) for c in Recording.open(out).inputs() if isinstance(c, Command)]
    assert ("calibrate", 7.0) in commands
    assert not Recording.open(out).header.synthetic


def test_import_says_how_well_loggers_were_synchronised(tmp_path: Path) -> None:
    table(tmp_path / "back.csv")
    table(tmp_path / "arm.csv", shift=1.25)
    sensors = [f"upper_back={tmp_path / 'back.csv'}", f"wrist={tmp_path / 'arm.csv'}"]
    found = run("import", *sensors, "-o", tmp_path / "n.mcap", "--columns", COLUMNS, "--sync", "tap")
    assert found.exit_code == 0, found.stderr
    line = next(line for line in found.stderr.splitlines() if line.startswith("wrist: ") and " ms" in line)
    assert float(line.split()[1]) == pytest.approx(-1.25, abs=0.01)
    assert "no --neutral" in found.stderr


def test_import_refuses_what_a_table_cannot_be(tmp_path: Path) -> None:
    table(tmp_path / "back.csv")
    source = f"upper_back={tmp_path / 'back.csv'}"
    wrong = COLUMNS.replace("acc=ax;ay;az:g", "acc=ax;ay;az:m/s2")
    refused(run("import", source, "-o", tmp_path / "n.mcap", "--columns", wrong), "back.csv")
    refused(run("import", source, "-o", tmp_path / "n.mcap"), "columns")
    refused(run("import", source, "-o", tmp_path / "n.mcap", "--columns", COLUMNS, "--rate", "50"), "100 Hz")
    assert not (tmp_path / "n.mcap").exists()


# --- tables ---------------------------------------------------------------------------------------------------------


def test_csv_is_clean_and_its_sidecar_says_the_rest(realtime: Computed, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.csv"
    found = run("angles", file, "-o", out, "--isb")
    assert (found.exit_code, found.stdout) == (0, "")
    expected = realtime.table(isb=True)
    read = pd.read_csv(out, index_col="t_s")
    assert list(read.columns) == list(expected.columns)
    np.testing.assert_array_equal(read.index, expected.index)
    for name in expected:
        if expected[name].dtype == np.float64:
            np.testing.assert_allclose(read[name], expected[name], atol=6e-5, rtol=0)
        else:
            assert read[name].tolist() == expected[name].astype(str).tolist()
    about = json.loads((tmp_path / "x.csv.json").read_text())
    assert set(about["columns"]) == {"t_s", *expected.columns}
    lumbar = about["columns"]["lumbar_flexion_deg"]
    assert lumbar["sign"] == "flexion +, extension -"
    assert lumbar["zero"] == "the person's stand tall"
    assert lumbar["method"].startswith("estimated")
    assert lumbar["band_basis"] == "simulated"
    assert about["why"]["no_anchor"]
    assert about["synthetic"] is True
    assert about["provenance"] == json.loads(json.dumps(realtime.provenance))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.csv", "x.csv.json"]


def test_parquet_holds_the_same_exactly(recording: Recording, file: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    out = tmp_path / "x.parquet"
    assert run("angles", file, "-o", out, "--result", "offline", "--rate", "25").exit_code == 0
    expected = process(recording, result="offline").angles.iloc[::4]
    read = pd.read_parquet(out)
    assert list(read.columns) == list(expected.columns)
    np.testing.assert_array_equal(read.index, expected.index)
    np.testing.assert_array_equal(read["trunk_inclination_deg"], expected["trunk_inclination_deg"])
    assert read["trunk_inclination_why"].tolist() == expected["trunk_inclination_why"].tolist()
    schema = pq.read_schema(out)
    assert json.loads(schema.metadata[b"imu_coach"])["result"] == "offline"
    assert schema.field("trunk_inclination_deg").metadata[b"sign"] == b"flexion +, extension -"


def test_parquet_without_its_package_says_what_to_install(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "pyarrow" else find(name))
    refused(run("angles", file, "-o", tmp_path / "x.parquet"), "pip install imu-coach[parquet]")


@pytest.mark.parametrize("rate", [100.0, 50.0, 7.0, 0.5])
def test_thinning_picks_rows_and_changes_none(realtime: Computed, rate: float) -> None:
    from imu_coach.export.tables import thinned

    whole = realtime.angles
    rows = thinned(whole, rate)
    assert abs(len(rows) - len(whole) * rate / 100.0) <= 1
    assert rows.index[0] == 0.0
    pd.testing.assert_frame_equal(rows, whole.loc[rows.index])


# --- evaluate, words ------------------------------------------------------------------------------------------------


def test_evaluate_prints_a_table_and_writes_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    rows = [{"angle": "[b]trunk", "error_deg": 1.23456, "n": 4}, {"angle": "lumbar", "error_deg": None, "n": 5}]

    def evaluation(*arguments: Any, progress: Callable[[float], None], **options: Any) -> dict[str, Any]:
        progress(0.5)
        asked.update(options, arguments=arguments)
        return {"title": "How good", "rows": rows, "notes": ["A note."]}

    for name in ("broad", "slump", "bands"):
        monkeypatch.setitem(sys.modules, f"imu_coach.evaluate.{name}", SimpleNamespace(run=evaluation))
    out = tmp_path / "x.json"
    found = run("evaluate", "slump", "--json", out)
    assert found.exit_code == 0
    for part in ("How good", "error_deg", "[b]trunk", "1.23", " - ", "A note."):
        assert part in found.stdout
    assert json.loads(out.read_text())["rows"] == rows
    refused(run("evaluate", "slump", "--json", out), "exists already")
    assert run("evaluate", "bands", "--seeds", "3:5", "--mix", "shifted", "--layout", "upper_back_wrist").exit_code == 0
    assert asked == {"arguments": (), "seeds": (3, 5), "mix": "shifted", "layouts": ("upper_back_wrist",)}
    assert run("evaluate", "broad", tmp_path).exit_code == 0
    assert asked["arguments"] == (tmp_path,)


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (Event(1, 0, "calibrated", "", {"pose": "stand_tall", "sensors": {"wrist": {}}}), "stood tall: calibrated"),
        (
            Event(1, 0, "calibrated", "", {"pose": "sit_tall", "sensors": {"sacrum": {"problem": "not still enough"}}}),
            "sat tall: calibrated, but not the sacrum",
        ),
        (
            Event(1, 0, "calibration_failed", "", {"pose": "lie_prone", "problem": "stand tall first"}),
            "lay on the front: not calibrated, stand tall first; let's try that again",
        ),
        (
            Event(1, 1, "slipped", "upper_back", {"problem": "turned by a knock"}),
            "the back sensor may have moved: carry on, I count but do not judge posture",
        ),
        (Event(9, 8, "sensor_lost", "wrist", {}), "wrist: no data for a second"),
        (Event(9, 8, "sensor_back", "wrist", {"seconds": 1.04}), "wrist: back after 1.0 s"),
        (Event(9, 9, "marked", "", {"text": "a\x1bb"}), "marked: a b"),
        (Event(9, 9, "something_new", "knee_left", {}), "something_new knee left"),
    ],
)
def test_events_in_plain_words(event: Event, text: str) -> None:
    assert words.event(event) == text


def test_a_plot_says_which_sensor_a_pose_did_not_calibrate() -> None:
    detail = {"pose": "stand_tall", "sensors": {"wrist": {}, "sacrum": {"problem": "not still enough"}}}
    assert words.short_event(Event(1, 0, "calibrated", "", detail)) == "stood tall, not sacrum"
    assert words.short_event(Event(1, 0, "calibrated", "wrist", {"pose": "table_still"})) == ""


def test_shares_never_round_to_all_or_nothing() -> None:
    shares = (0.0, 0.001, 0.5, 0.996, 1.0)
    assert [words.percent(share) for share in shares] == ["0 %", "<1 %", "50 %", ">99 %", "100 %"]
    assert [words.span(s) for s in (4.25, 185, 3720)] == ["4.2 s", "3 min 05 s", "1 h 02 min"]
    assert [words.clock(s) for s in (0.0, 59.99, 61, 3725)] == ["0:00", "0:59", "1:01", "1:02:05"]
