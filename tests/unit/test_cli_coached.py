"""Exercises on the command line: what replay, reps, angles and plot do with --exercise and --programme."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from imu_coach import catalogue, config, rules
from imu_coach.cli import cli
from imu_coach.core.pipeline import Pipeline
from imu_coach.planner import single
from imu_coach.recording import Recording
from imu_coach.results import TABLES
from imu_coach.run import stream
from imu_coach.sinks import Session
from imu_coach.sinks.console import ConsoleView
from imu_coach.sinks.lines import Lines
from imu_coach.sinks.progress import Progress
from imu_coach.synthetic import Conduct, Faults, Simulated, exercise_session, simulate
from imu_coach.types import Event

PUSHBACK = "triceps_pushback"


def run(*arguments: str | Path) -> Result:
    """One command; any exception but an exit is a failure of the test."""
    found = CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="imu-coach")
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def refused(found: Result, *parts: str) -> None:
    """Exit 2 with one line on stderr that names the problem, and nothing on stdout."""
    assert (found.exit_code, found.stdout, found.stderr.count("\n")) == (2, "", 1)
    for part in ("imu-coach: ", *parts):
        assert part in found.stderr


@pytest.fixture(scope="module")
def made() -> Simulated:
    """A coached session: two sets of five push-backs."""
    even = Conduct(partials=0.0, pauses=0.0)
    return exercise_session(PUSHBACK, 4, reps=5, conduct=even, faults=Faults())


@pytest.fixture(scope="module")
def coached(made: Simulated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That session as a file."""
    path = tmp_path_factory.mktemp("coached") / "coached.mcap"
    Recording.of(made.header, made.inputs).save(path)
    return path


@pytest.fixture(scope="module")
def plain(coached: Path) -> Path:
    """A session that nobody coached."""
    path = coached.with_name("plain.mcap")
    session = simulate("pushback", seed=7)
    Recording.of(session.header, session.inputs).save(path)
    return path


# --- what is asked for ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["replay", "reps", "angles", "plot"])
def test_exercise_and_programme_exclude_each_other(command: str, coached: Path, tmp_path: Path) -> None:
    out = {"angles": ("-o", tmp_path / "x.csv"), "plot": ("-o", tmp_path / "x.png")}.get(command, ())
    found = run(command, coached, *out, "--exercise", PUSHBACK, "--programme", "spine_basics")
    refused(found, "--exercise", "--programme", "one of the two")


BAD: tuple[tuple[Callable[[Path], list[str]], list[str]], ...] = (
    (lambda d: ["--exercise", "bench_press"], ["bench_press", PUSHBACK, "auto"]),
    (lambda d: ["--programme", "marathon"], ["marathon", "spine_basics"]),
    (lambda d: ["--prescription", str(d / "p.toml")], ["--prescription", "--exercise"]),
    (lambda d: ["--exercises", str(d)], ["--exercises", "--exercise"]),
    (lambda d: ["--exercise", PUSHBACK, "--prescription", str(d / "none.toml")], ["none.toml", "no such file"]),
    (lambda d: ["--exercise", PUSHBACK, "--rules", str(d / "none.toml")], ["none.toml", "no such file"]),
    (lambda d: ["--exercise", PUSHBACK, "--rules", str(d / "bad.toml")], ["bad.toml", "W99", "W13"]),
    (
        lambda d: ["--exercise", PUSHBACK, "--prescription", str(d / "p.toml"), "--rules", str(d / "r.toml")],
        ["--rules"],
    ),
    (lambda d: ["--exercise", PUSHBACK, "--exercises", str(d / "nowhere")], ["nowhere"]),
)


@pytest.mark.parametrize(("options", "parts"), BAD)
def test_bad_options_say_what_there_is(
    options: Callable[[Path], list[str]], parts: list[str], coached: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.toml").write_text("[W99]\non = 10\n")
    (tmp_path / "r.toml").write_text("[W13]\non = 12\n")
    (tmp_path / "p.toml").write_text("[rules.W13]\non = 12\n")
    refused(run("replay", coached, *options(tmp_path)), *parts)


def test_reps_without_an_exercise_says_what_to_do(coached: Path) -> None:
    refused(run("reps", coached), "--exercise", "exercises list", "auto")


def test_a_programme_needs_a_recording_that_was_coached(plain: Path) -> None:
    refused(run("reps", plain, "--programme", "spine_basics"), "--programme", "--exercise")


# --- what comes out -------------------------------------------------------------------------------------------------


def test_a_coached_recording_has_the_sets_that_were_done(coached: Path, made: Simulated, tmp_path: Path) -> None:
    out = tmp_path / "done"
    found = run("reps", coached, "--exercise", PUSHBACK, "-o", out)
    assert (found.exit_code, found.stdout) == (0, "")
    assert "10 repetitions in 2 sets" in found.stderr
    assert "SYNTHETIC" in found.stderr
    assert {p.name for p in out.iterdir()} == {*(f"{name}.csv" for name in TABLES), "columns.json"}
    sets = pd.read_csv(out / "sets.csv")
    assert sets["reps"].tolist() == [5, 5]
    assert sets["within"].tolist() == ["below", "below"]
    for row, (start, end, *_) in zip(sets.itertuples(), made.truth.sets, strict=True):
        assert start - 6 < row.start_s < start
        assert end < row.end_s < end + 5
    about = json.loads((out / "columns.json").read_text())
    for name, columns in TABLES.items():
        names = [c.name for c in columns]
        assert list(pd.read_csv(out / f"{name}.csv", nrows=0)) == list(about["tables"][name]) == names
    assert about["provenance"]["plan"]["items"][0]["exercise"] == PUSHBACK
    assert about["provenance"]["rules"]["W1"]["on_deg"] == 30.0
    assert about["synthetic"] is True


def test_an_uncoached_recording_is_counted_as_a_whole(plain: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    assert run("reps", plain, "--exercise", PUSHBACK, "-o", out).exit_code == 0
    rows = json.loads(out.read_text())["rows"]
    done = [row for row in rows["sets"] if row["reps"]]
    assert len(done) >= 2
    assert {row["asked_low"] for row in rows["sets"]} == {None}
    assert {row["within"] for row in rows["sets"]} == {None}
    assert all(e["t_s"] >= 0.0 for e in json_events(plain, "--exercise", PUSHBACK))
    assert sum(row["reps"] for row in done) == len([r for r in rows["reps"] if r["status"] != "small"]) > 10


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_one_file_has_the_repetitions(ending: str, coached: Path, tmp_path: Path) -> None:
    out = tmp_path / f"x{ending}"
    assert run("reps", coached, "--exercise", PUSHBACK, "-o", out).exit_code == 0
    table = pd.read_csv(out) if ending == ".csv" else pd.read_parquet(out)
    assert list(table) == [c.name for c in TABLES["reps"]]
    assert table["number"].tolist() == [1, 2, 3, 4, 5] * 2
    if ending == ".csv":
        assert set(json.loads((tmp_path / "x.csv.json").read_text())["tables"]) == {"reps"}


def test_tables_are_printed_for_people(coached: Path) -> None:
    found = run("reps", coached, "--exercise", PUSHBACK)
    assert (found.exit_code, found.stderr) == (0, "")
    text = found.stdout
    assert "SYNTHETIC" in text
    assert "Not a medical device." in text
    assert "sets: 2" in text
    assert "reps: 10" in text
    assert "holds: none" in text
    for word in ("nan", "<NA>", "None", "%"):
        assert word not in text


@pytest.mark.parametrize("name", ["x.xlsx", "x.mcap"])
def test_reps_writes_what_it_can(name: str, coached: Path, tmp_path: Path) -> None:
    refused(run("reps", coached, "--exercise", PUSHBACK, "-o", tmp_path / name), ".json")


def test_nothing_is_overwritten_unasked(coached: Path, tmp_path: Path) -> None:
    out = tmp_path / "done"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    assert run("reps", coached, "--exercise", PUSHBACK, "-o", out).exit_code == 0
    before = (out / "reps.csv").read_bytes()
    (out / "reps.csv").write_text("edited")
    refused(run("reps", coached, "--exercise", PUSHBACK, "-o", out), "reps.csv", "--force")
    assert run("reps", coached, "--exercise", PUSHBACK, "-o", out, "--force").exit_code == 0
    assert (out / "reps.csv").read_bytes() == before
    assert (out / "mine.txt").read_text() == "mine"
    refused(run("reps", coached, "--exercise", PUSHBACK, "-o", out / "mine.txt" / "x"))


def test_a_prescription_and_a_clinicians_limits_are_used(coached: Path, tmp_path: Path) -> None:
    prescription, limits = tmp_path / "p.toml", tmp_path / "r.toml"
    prescription.write_text(f'allowed = ["{PUSHBACK}"]\n[dose.{PUSHBACK}]\nreps = [4, 6]\n')
    limits.write_text("[W9]\non = 40\noff = 35\n")
    out = tmp_path / "x.json"
    with_rules = tmp_path / "q.toml"
    with_rules.write_text("[rules.W13]\non = 12\n")
    assert run("reps", coached, "--exercise", PUSHBACK, "--prescription", with_rules, "-o", out).exit_code == 0
    assert json.loads(out.read_text())["provenance"]["rules"]["W13"]["on_deg"] == 12.0
    options = ("--prescription", prescription, "--rules", limits, "-o", out, "--force")
    assert run("reps", coached, "--exercise", PUSHBACK, *options).exit_code == 0
    found = json.loads(out.read_text())
    assert [(row["asked_low"], row["within"]) for row in found["rows"]["sets"]] == [(4, "within")] * 2
    w9 = found["provenance"]["rules"]["W9"]
    assert (w9["on_deg"], w9["off_deg"], w9["clinician_set"]) == (40.0, 35.0, ["off", "on"])
    assert {w["rule"] for w in found["rows"]["warnings"] if w["phase"] == "set"} == {"W9"}
    levels = {w["threshold_deg"] for w in found["rows"]["warnings"] if w["rule"] == "W9"}
    assert levels <= {40.0, 45.0}, "the further level moves along"
    assert levels


def test_ones_own_exercise_is_as_good(coached: Path, tmp_path: Path) -> None:
    shipped = Path(str(config.resources.files("imu_coach"))) / "exercises" / f"{PUSHBACK}.toml"
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "my_move.toml").write_text(shipped.read_text("utf-8"), "utf-8")
    found = run("replay", coached, "--exercises", folder, "--exercise", "my_move")
    assert found.exit_code == 0
    assert "repetition 5" in found.stdout


def json_events(*arguments: str | Path) -> list[dict[str, Any]]:
    found = run("replay", *arguments, "--json")
    assert found.exit_code == 0
    return [line for line in map(json.loads, found.stdout.splitlines()) if line["type"] == "event"]


def test_replay_and_reps_say_the_same(coached: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    run("reps", coached, "--exercise", PUSHBACK, "-o", out)
    rows = json.loads(out.read_text())["rows"]["reps"]
    events = [e for e in json_events(coached, "--exercise", PUSHBACK) if e["kind"] == "rep"]
    assert [(e["t_s"], e["onset_s"], e["detail"]["range"]) for e in events] == [
        (row["told_s"], row["onset_s"], row["range"]) for row in rows
    ]


def test_lines_tell_a_session_to_a_stranger(coached: Path) -> None:
    text = run("replay", coached, "--exercise", PUSHBACK).stdout
    title = catalogue.exercise(PUSHBACK).title
    assert f"* Next: {title}. 3 sets of 8. Get ready in your own time" in text
    assert "* Set 1 of 3" in text
    assert "* repetition 5" in text
    assert "* 5 of 8, good work" in text
    assert "* Rest, around 20 to 60 s. Stay as you are, or move a little" in text
    assert f"; {title}, set 1 of 3: 3 of 8; trunk_inclination" in text
    assert f"; {title}: rest; trunk_inclination" in text
    assert "small_rep" not in text
    assert "triceps_pushback" not in text


def test_what_the_state_shows_is_no_line_of_its_own(made: Simulated) -> None:
    written: list[str] = []
    setup = config.setup(made.header)
    sink = Lines(written.append)
    sink.begin(Session("x.mcap", made.header, setup, ()))
    about = {"exercise": "x", "side": "", "set": 1, "seconds": 2.0, "target_s": 3.0, "breaks": 0}
    lost = {"rule": "W1", "title": "Forward lean", "why": "no_data"}
    told = (
        Event(5, 5, "hold_second", "", about),
        Event(6, 6, "not_judged", "", lost),
        Event(7, 7, "small_rep", "", about),
    )
    sink.push(replace(Pipeline(made.header, setup).push([]), events=told))
    assert [line.split("* ")[1] for line in written if "* " in line] == ["small one, counted as half-way"]


def test_without_an_exercise_nothing_is_coached(coached: Path) -> None:
    kinds = {e["kind"] for e in json_events(coached)}
    assert kinds <= {"calibrated", "calibration_failed", "sensor_lost", "sensor_back"}


def test_limits_alone_guard_without_a_coach(tmp_path: Path) -> None:
    limits, file = tmp_path / "r.toml", tmp_path / "slump.mcap"
    limits.write_text("[W1]\non = 5\noff = 3\n")
    session = simulate("slow_slump", seed=7)
    Recording.of(session.header, session.inputs).save(file)
    kinds = {e["kind"] for e in json_events(file, "--rules", limits)}
    assert "warning" in kinds
    assert "rep" not in kinds


def test_angles_and_plot_take_the_exercise_too(coached: Path, tmp_path: Path) -> None:
    assert run("angles", coached, "-o", tmp_path / "x.csv", "--rate", "1", "--exercise", PUSHBACK).exit_code == 0
    table = pd.read_csv(tmp_path / "x.csv")
    without = tmp_path / "y.csv"
    assert run("angles", coached, "-o", without, "--rate", "1").exit_code == 0
    estimated = [(t["thoracolumbar_flexion_source"] == "estimated").sum() for t in (table, pd.read_csv(without))]
    assert estimated[0] > estimated[1], "the coach knows when the pelvis is fixed"
    assert run("plot", coached, "-o", tmp_path / "x.svg", "--exercise", PUSHBACK).exit_code == 0
    drawn = (tmp_path / "x.svg").read_text()
    assert "darker: in a set" in drawn


# --- the terminal ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 140])
def test_the_view_shows_exercise_repetition_and_hold(width: int) -> None:
    even = Conduct(partials=0.0, pauses=0.0, dips=0.0)
    session = exercise_session("prone_ext_beginner", 3, reps=3, sets=1, conduct=even, faults=Faults())
    recording = Recording.of(session.header, session.inputs)
    plan = single(catalogue.exercise("prone_ext_beginner"))
    plan = type(plan)(plan.id, plan.title, plan.items, practice=False)
    setup = config.setup(recording.header, plan=plan, rules=rules.load())
    console = Console(file=io.StringIO(), width=width, height=40, record=True, force_terminal=True, color_system=None)
    view = ConsoleView(console, "1x")
    view.begin(Session("x.mcap", recording.header, setup, ()))
    assert view.live is not None
    view.live.stop()
    view.live = None
    seen = []
    for update in stream(recording, setup):
        for e in update.events:
            view.progress.push(e)
            if e.kind in ("hold_second", "rep", "warning"):
                console.export_text()
                for line in view._doing():
                    console.print(line)
                seen.append((e.kind, console.export_text()))
    assert all(len(line) <= width for _, text in seen for line in text.splitlines())
    title = plan.title
    assert any(f"{title}, set 1 of 1: 1 of 8 to 12, holding 2 s of 5" in text for kind, text in seen)
    assert any(f"{title}, set 1 of 1: 3 of 8 to 12\n" in text for kind, text in seen if kind == "rep")
    assert any("! deep lean" in text for kind, text in seen if kind == "warning")


def test_progress_forgets_what_is_over() -> None:
    progress = Progress()
    about = {"exercise": "x", "side": "left", "set": 1}
    warned = {"rule": "W4", "title": "Rounded back", "value_deg": 24.0, "threshold_deg": 20.0, "unit": "deg"}
    hold = {"seconds": 2.0, "target_s": 3.0, "breaks": 0}
    for kind, detail in (
        ("set_begin", about | {"of": 2}),
        ("rep", about | {"number": 2}),
        ("hold_begin", about | hold),
        ("hold_pause", about | hold),
        ("warning", warned | {"spoken": False, "prompt": "w4_rounding"}),
        ("not_judged", {"rule": "W6", "title": "Twist while bent", "why": "no_data"}),
    ):
        progress.push(Event(5, 5, kind, "", detail))
    assert progress.told() == "x (left), set 1 of 2: 2, holding 2 s of 3 (sensor pause, it still counts)"
    assert progress.state()["warnings"] == ["W4"]
    assert progress.warnings["W4"] == "rounded back 24°, beyond 20°"
    assert progress.state()["not_judged"] == ["W6"]
    for kind, detail in (
        ("undone", about | {"number": 2, "status": "counted"}),
        ("hold_end", about | hold),
        ("warning_cleared", {"rule": "W4"}),
        ("set_end", about | {"reps": 1}),
    ):
        progress.push(Event(6, 6, kind, "", detail))
    assert progress.state() == {
        "phase": "between sets", "exercise": "x", "side": "left", "set": 1, "reps": 1, "hold_s": None,
        "warnings": [], "not_judged": [],
    }  # fmt: skip
    assert progress.told() == "x: between sets"
