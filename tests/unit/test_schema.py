"""The schema of the JSON lines: real streams fit it, wrong ones do not, and it lists exactly the kinds that exist."""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from imu_coach import catalogue, config, rules
from imu_coach.cli.replay import _play
from imu_coach.planner import single
from imu_coach.recording import Recording
from imu_coach.sinks.lines import JsonLines
from imu_coach.synthetic import Conduct, Faults, exercise_session
from imu_coach.types import Command, Header

ROOT = Path(__file__).resolve().parents[2]
SCHEMA: dict[str, Any] = json.loads(
    (resources.files("imu_coach") / "schema" / "events.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = Draft202012Validator(SCHEMA)
KINDS: list[str] = SCHEMA["$defs"]["line_event"]["properties"]["kind"]["enum"]
Line = dict[str, Any]


# --- what exists ----------------------------------------------------------------------------------------------------


def kinds_of(tree: ast.AST) -> Iterator[str]:
    """Names that stand where an event's kind stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).split(".")[-1]
            at = {"Event": 2, "Entry": 2, "_tell": 2}.get(name)
            if at is not None and len(node.args) > at:
                yield from strings(node.args[at])
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and target.id == "kind" and node.value is not None:
                yield from strings(node.value)
            elif isinstance(target, ast.Name) and target.id == "HOLD_KINDS" and isinstance(node.value, ast.Dict):
                yield from (one for value in node.value.values for one in strings(value))


def strings(node: ast.expr) -> Iterator[str]:
    branches = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
    yield from (b.value for b in branches if isinstance(b, ast.Constant) and isinstance(b.value, str))


def kinds_in_source() -> set[str]:
    files = (ROOT / "imu_coach" / "core").glob("*.py")
    return {kind for path in files for kind in kinds_of(ast.parse(path.read_text("utf-8")))}


def test_schema_and_page_list_exactly_the_kinds_that_exist() -> None:
    page = (ROOT / "docs" / "events.md").read_text("utf-8")
    listed = page[page.index("## Kinds of events") : page.index("## Tables")]
    assert kinds_in_source() == set(KINDS)
    rows = re.findall(r"^\| `(\w+)` \|", listed, re.M)
    assert sorted(rows) == sorted(KINDS)
    assert {one["if"]["properties"]["kind"]["const"] for one in SCHEMA["$defs"]["line_event"]["allOf"]} == set(KINDS)


def test_the_page_names_every_detail() -> None:
    page = (ROOT / "docs" / "events.md").read_text("utf-8")
    everywhere = {"exercise", "side", "set", "prompt", "sensors", "automatic", "bias_deg_s", "sharpened", "again"}
    for kind in KINDS:
        for name in SCHEMA["$defs"][kind]["properties"]:
            assert name in everywhere or f"`{name}`" in page, f"{kind}: {name}"


def test_every_detail_says_what_it_is() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    for kind in KINDS:
        about = SCHEMA["$defs"][kind]
        assert about["description"]
        assert about["additionalProperties"] is False
        for name, value in about["properties"].items():
            assert {"description", "const"} & set(value), f"{kind}: {name}"


# --- real streams ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    """Everything that replay --json writes of a coached session: holds, a correction, a pause, a stop."""
    even = Conduct(partials=0.3, dips=0.0)
    made = exercise_session("prone_ext_beginner", 3, reps=4, conduct=even, faults=Faults(loss=0.02))
    end = made.truth.sets[0][1]
    said: list[tuple[float, str, dict[str, Any]]] = [
        (end - 12.0, "add", {}),
        (end - 11.0, "undo", {}),
        (end - 10.0, "pause", {}),
        (end - 8.0, "resume", {}),
        (end - 7.0, "marker", {"text": "said"}),
        (end - 6.0, "exercise", {"id": "nobody_knows_it"}),
        (made.truth.sets[1][1] + 6.0, "stop", {"reason": "tired"}),
    ]
    commands = [Command(round(t * 1e9), name, value) for t, name, value in said]
    inputs = sorted([*made.inputs, *commands], key=lambda one: one.arrived_ns)
    return written(made.header, inputs, "prone_ext_beginner")


def written(header: Header, inputs: list[Any], exercise: str) -> list[Line]:
    texts: list[str] = []
    plan = single(catalogue.exercise(exercise))
    plan = replace(plan, practice=False, items=(plan.items[0]._replace(sets=(2, 3)),))
    setup = config.setup(header, plan=plan, rules=rules.load())
    _play(Recording.of(header, inputs), setup, JsonLines(texts.append), "max", None, None)
    return [json.loads(text) for text in texts]


def complaints(line: Line) -> list[str]:
    return [f"{line.get('kind', line['type'])}: {e.message}" for e in VALIDATOR.iter_errors(line)]


def test_real_lines_fit(lines: list[Line]) -> None:
    chosen = [line for line in lines if line["type"] != "frame" or line["t_s"] % 5 == 0]
    assert {line["type"] for line in chosen} == {"header", "frame", "event", "health", "end"}
    assert not [c for line in chosen for c in complaints(line)]
    kinds = {line["kind"] for line in chosen if line["type"] == "event"}
    wanted = "exercise_begin set_begin rep undone hold_begin hold_second hold_end set_end session_end paused resumed "
    wanted += "not_in_plan marked calibrated warning warning_cleared transition rest_begin"
    assert kinds >= set(wanted.split())


def test_a_frame_says_where_the_session_stands(lines: list[Line]) -> None:
    frames = [line for line in lines if line["type"] == "frame"]
    reps = [line for line in lines if line.get("kind") == "rep"]
    after = next(f for f in frames if f["t_s"] >= reps[1]["t_s"])
    assert after["coach"]["exercise"] == "prone_ext_beginner"
    assert after["coach"]["reps"] == 2
    held = next(line for line in lines if line.get("kind") == "hold_second" and line["detail"]["seconds"] >= 3)
    during = next(f for f in frames if f["t_s"] >= held["t_s"])
    assert during["coach"]["hold_s"] >= 3


def change(kind: str, act: Callable[[Line], Any]) -> tuple[str, Callable[[Line], Any]]:
    return kind, act


WRONG = (
    change("rep", lambda e: e["detail"].pop("number")),
    change("rep", lambda e: e["detail"].update(status="perfect")),
    change("rep", lambda e: e["detail"].pop("end_s")),
    change("rep", lambda e: e["detail"].update(range="28 deg")),
    change("rep", lambda e: e["detail"].update(status="hand")),
    change("rep", lambda e: e.update(kind="repetition")),
    change("rep", lambda e: e.pop("onset_s")),
    change("rep", lambda e: e.update(t_s=-0.01)),
    change("set_end", lambda e: e["detail"].update(asked=[8])),
    change("set_end", lambda e: e["detail"].update(seen=1.2)),
    change("set_end", lambda e: e["detail"].pop("exercise")),
    change("hold_end", lambda e: e["detail"].update(held=3)),
    change("paused", lambda e: e["detail"].update(why="bored")),
    change("warning", lambda e: e["detail"].update(severity="green")),
    change("warning", lambda e: e["detail"].update(rule="W14")),
    change("warning", lambda e: e.update(priority="urgent")),
)


@pytest.mark.parametrize(("kind", "act"), WRONG)
def test_wrong_lines_do_not_fit(lines: list[Line], kind: str, act: Callable[[Line], Any]) -> None:
    event = copy.deepcopy(next(line for line in lines if line.get("kind") == kind))
    assert not complaints(event)
    act(event)
    assert complaints(event)


def test_checkers_of_the_source_see_a_new_kind() -> None:
    assert set(kinds_of(ast.parse("self._tell(a, b, 'danced', x=1)"))) == {"danced"}
    assert set(kinds_of(ast.parse("kind = 'a' if x else 'b'"))) == {"a", "b"}
