"""What is said: every prompt has its words, and what it asks for can be done in the posture one is in."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imu_coach import catalogue, phrases, rules
from imu_coach.core.angles import POSTURES
from imu_coach.core.table import TABLE
from imu_coach.sinks import words
from imu_coach.types import Event

ROOT = Path(__file__).resolve().parents[2]
TEXTS = phrases.phrases()
EVENTS = ("rep", "small_rep", "undone", "hold_begin", "hold_second", "hold_pause", "hold_resume", "hold_end",
          "not_in_plan", "resited", "exercise_end", "slipped")  # fmt: skip
"""Kinds of events that are told by a phrase of their own."""
VARIANTS = {
    "rep_probable",
    "rep_promoted",
    "rep_hand",
    "set_begin_open",
    "set_end_open",
    "set_end_none",
    "hold_breathe",
}


def coach_prompts() -> set[str]:
    """What coach.py tells as ``prompt=...``."""
    tree = ast.parse((ROOT / "imu_coach" / "core" / "coach.py").read_text("utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "prompt":
            found |= set(named(node.value))
    return found


def named(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from (*named(node.body), *named(node.orelse))
    elif isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.JoinedStr):  # f"paused_{trigger}"
        yield from (f"paused_{trigger}" for (phase, trigger), action in TABLE.items() if action == "pause")
    elif isinstance(node, ast.Name):  # kind
        yield from ("practice_begin", "set_begin")


def guard_prompts() -> dict[str, tuple[str, ...]]:
    """Prompt of a rule -> postures in which it may be said aloud."""
    found: dict[str, tuple[str, ...]] = {}
    for rule in rules.defaults():
        postures = rule.aloud_postures or rule.postures or POSTURES
        found[rule.prompt] = tuple(p for p in postures if p != "transition") if rule.spoken else ()
        if rule.low > float("-inf"):
            found[f"{rule.prompt}_low"] = found[rule.prompt]
    return found


def spoken_in() -> list[tuple[str, str]]:
    """Every prompt with every posture in which it can be said.

    The coach says everything in the posture of the exercise, before and after it in any; a guard what its rule says.
    """
    gates = {e.gate.posture or p for e in catalogue.exercises().values() for p in POSTURES if e.gate.posture in ("", p)}
    by_coach = [(prompt, posture) for prompt in sorted({*coach_prompts(), *EVENTS}) for posture in sorted(gates)]
    return by_coach + [(prompt, posture) for prompt, postures in guard_prompts().items() for posture in postures]


ASKS = {
    r"\bstand\b|\bget up\b|\bsit (up|down|tall)\b|\bturn over\b|\broll\b|\blie (down|on)\b|\bkneel\b": (),
    r"\bleave\b|\bgo to\b|\bfeet\b|\bwalk\b": (),
    r"where you sit": ("seated",),
    r"\bgrow tall\b|\bgrow long\b": ("standing", "seated", "kneeling"),
    r"from the hips": ("standing", "seated", "pushback", "row", "kneeling"),
    r"\bthighs\b": ("standing", "seated"),
    r"\bease up\b": ("standing", "seated", "pushback", "row", "kneeling"),
    r"\bease down\b": ("prone",),
    r"\bchest\b": ("standing", "seated", "pushback", "row", "kneeling"),
    r"\bknees\b": ("standing", "pushback", "kneeling"),
}
"""Words that ask the body for something -> postures in which that can be done without leaving them."""


def possible(text: str, posture: str) -> bool:
    """Whether everything that a text asks for can be done in a posture."""
    return all(posture in postures for words, postures in ASKS.items() if re.search(words, text, re.I))


@pytest.mark.parametrize(("prompt", "posture"), spoken_in())
def test_what_is_asked_for_can_be_done_in_the_posture_one_is_in(prompt: str, posture: str) -> None:
    phrase = TEXTS[prompt]
    assert phrase.postures == phrases.ANY or posture in phrase.postures
    assert possible(phrase.text["en"], posture)


def test_the_table_is_whole() -> None:
    table = spoken_in()
    assert {posture for _, posture in table} == set(POSTURES)
    assert {prompt for prompt, _ in table} == set(TEXTS) - VARIANTS - {"w7_none"}


def test_a_rule_never_says_more_than_its_phrase_may() -> None:
    for prompt, postures in guard_prompts().items():
        phrase = TEXTS[prompt]
        assert phrase.postures == phrases.ANY or set(phrase.postures) >= set(postures)


@pytest.mark.parametrize(
    ("text", "posture"),
    [
        ("Stand tall.", "standing"),
        ("Ease up a little.", "prone"),
        ("Bend from the hips", "prone"),
        ("Lie down", "prone"),
    ],
)
def test_what_cannot_be_done_is_seen(text: str, posture: str) -> None:
    assert not possible(text, posture)


def test_after_a_knock_it_asks_and_wants_no_pose() -> None:
    knocked = TEXTS["paused_knocked"]
    assert "?" in knocked.text["en"]
    assert knocked.priority == "safety"
    assert not any(re.search(words, knocked.text["en"], re.I) for words in ASKS)
    assert "stay as you are" in knocked.text["en"].lower()


def test_pain_is_answered_calmly_and_with_advice() -> None:
    text = TEXTS["session_pain"].text["en"].lower()
    assert "stop" in text
    assert "clinician" in text
    assert TEXTS["session_pain"].priority == "safety"


def test_texts_are_short_plain_and_fillable() -> None:
    places = set(phrases.filled(Event(0, 0, "x", "", {}))) | {"number", "title", "exercise", "set", "sets", "reps"}
    for key, phrase in TEXTS.items():
        for text in phrase.text.values():
            assert {name for _, name, _, _ in string.Formatter().parse(text) if name} <= places, key
            assert "!" not in text
            assert len(text) <= 110 or key == "session_pain"


# --- what an event says ---------------------------------------------------------------------------------------------

ABOUT = {"exercise": "row_low_dumbbell", "side": "left", "set": 2}
HOLD = {"seconds": 3.02, "target_s": 5.0, "breaks": 0}
SET = {"probable": 1, "hand": 0, "small": 2, "undone": 0, "holds_s": [], "why": "finish", "prompt": "set_end"}


@pytest.mark.parametrize(
    ("kind", "detail", "said"),
    [
        ("exercise_begin", {"title": "Row", "sets": [3, 3], "reps": [8, 8], "prompt": "exercise_begin"},
         "Next: Row, left side. 3 sets of 8. Get ready in your own time."),
        ("exercise_begin", {"title": "Row", "sets": [1, 2], "reps": None, "prompt": "exercise_begin"},
         "Next: Row, left side. 1 to 2 sets of as many as you like. Get ready in your own time."),
        ("set_begin", {"of": 3, "prompt": "set_begin"}, "Set 2 of 3."),
        ("set_begin", {"of": 10**6, "prompt": "set_begin"}, "I count."),
        ("rep", {"number": 4, "status": "counted", "promoted": False}, "4."),
        ("rep", {"number": 4, "status": "probable", "promoted": False}, "4, probably."),
        ("rep", {"number": 4, "status": "counted", "promoted": True}, "4, the small ones count."),
        ("rep", {"number": 4, "status": "hand", "promoted": False}, "4, added."),
        ("small_rep", {}, "Small one, counted as half-way."),
        ("undone", {"number": 4, "status": "counted"}, "4 taken back."),
        ("hold_second", HOLD, "3."),
        ("hold_second", HOLD | {"seconds": 2.999}, "3."),
        ("hold_pause", HOLD, "Sensor pause, your hold still counts."),
        ("hold_end", HOLD, "3.0 s held."),
        ("set_end", SET | {"reps": 6, "asked": [8, 8]}, "6 of 8, good work."),
        ("set_end", SET | {"reps": 6, "asked": [8, 12]}, "6 of 8 to 12, good work."),
        ("set_end", SET | {"reps": 6, "asked": None}, "6 done, good work."),
        ("set_end", SET | {"reps": 0, "asked": [8, 8]}, "That was this set."),
        ("rest_begin", {"rest_s": [20.0, 60.0], "prompt": "rest_begin"},
         "Rest, around 20 to 60 s. Stay as you are, or move a little."),
        ("resite_wanted", {"site": "sacrum", "prompt": "resite"},
         "The second sensor goes at the back of the waistband now. Take your time."),
        ("session_end", {"why": "done", "prompt": "session_end"}, "That was the session, well done."),
        ("sensor_lost", {}, ""),
        ("judged_again", {"rule": "W1", "title": "Forward lean", "why": ""}, ""),
    ],
)  # fmt: skip
def test_what_is_said(kind: str, detail: dict[str, Any], said: str) -> None:
    assert phrases.said(Event(100, 50, kind, "", ABOUT | detail)) == said


def test_a_slip_is_said_in_the_words_that_people_know() -> None:
    said = phrases.said(Event(5, 5, "slipped", "upper_back", {"problem": "turned"}))
    assert said == "The back sensor may have moved: carry on, I count but do not judge posture."


def test_another_language_falls_back_to_english() -> None:
    assert phrases.said(Event(5, 5, "small_rep", "", {}), "xx") == "Small one, counted as half-way."


def test_what_is_urgent_goes_first() -> None:
    warning = Event(5, 5, "warning", "", {"rule": "W13", "prompt": "w13_dip"})
    order = [phrases.PRIORITIES.index(TEXTS[key].priority) for key in ("w13_dip", "hold_second", "rep", "set_begin")]
    assert order == sorted(order) == [0, 1, 2, 3]
    assert phrases.priority(warning) == "safety"
    assert phrases.priority(Event(5, 5, "sensor_lost", "wrist", {})) == "info"


# --- the line to read -----------------------------------------------------------------------------------------------

WARNED = {"rule": "W13", "severity": "cue", "title": "Dip in the set", "value_deg": 12.4, "threshold_deg": 10.0,
          "unit": "deg", "prompt": "w13_dip", "suppressed": "", "posture": "row", "phase": "set"}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "detail", "line"),
    [
        ("rep", {"number": 4, "status": "probable", "promoted": False}, "repetition 4, probable"),
        ("rep", {"number": 4, "status": "counted", "promoted": True}, "the small one before counts: repetition 4"),
        ("small_rep", {}, "small one, counted as half-way"),
        ("hold_end", HOLD, "held 3.0 s of 5"),
        ("hold_end", HOLD | {"target_s": 0.0}, "held 3.0 s"),
        ("hold_pause", HOLD, "Sensor pause, your hold still counts"),
        ("set_end", SET | {"reps": 6, "asked": [8, 8]}, "6 of 8, good work (1 probable, 2 small)"),
        ("set_end", SET | {"reps": 0, "asked": None, "small": 0, "probable": 0}, "0 done"),
        ("warning", WARNED | {"spoken": True},
         "dip in the set 12°, beyond 10°: You have dipped since this set began: chest long, bend from the hips"),
        ("warning", WARNED | {"spoken": False}, "dip in the set 12°, beyond 10°"),
        ("warning", WARNED | {"spoken": False, "unit": "deg/s", "title": "Rapid bend"}, "rapid bend, beyond 10°/s"),
        ("not_judged", {"rule": "W4", "title": "Rounded back", "why": "estimated"},
         "rounded back: not judged, these sensors only estimate it: "
         "a sensor at the back of the waistband would measure it"),
        ("transition", {"seconds": 4.6, "deepest_deg": 91.4, "fastest_deg_s": 60.0},
         "moved from one posture to another in 5 s, leaning up to 91°"),
        ("not_in_plan", {"exercise": "curl\x1b[2J"}, "curl[2J is not in this plan"),
    ],
)  # fmt: skip
def test_the_line_of_an_event(kind: str, detail: dict[str, Any], line: str) -> None:
    found = words.event(Event(100, 50, kind, "", ABOUT | detail))
    assert re.sub(r"\s+", " ", found) == line.replace("curl[2J", "curl [2J")


def test_every_language_is_a_whole_one() -> None:
    data = tomllib.loads((ROOT / "imu_coach" / "phrases.toml").read_text("utf-8"))
    languages = {language for row in data.values() for language in row["text"]}
    assert "en" in languages
    for language in languages:
        assert all(language in row["text"] for row in data.values())
