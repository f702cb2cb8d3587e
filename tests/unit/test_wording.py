"""What may not be said to people, and what may not be claimed, in every text of the project."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

TOWARD_PEOPLE = (
    r"\bexcessive",
    r"\bfail(ed|s|ure|ures|ing)?\b",
    r"\brefus(ed|es|al)\b",
    r"\bpartials?\b",
    r"\badherence\b",
    r"\bwrong (posture|movement|form|way of)",
    r"\bbad (posture|form|rep|repetition)",
    r"\bincorrect",
    r"\bstale\b",
    r"\bposture (ok|okay|good|correct)\b",
    r"\bsafe (posture|position|angle|range|movement|limit)s?\b",
    r"\b\d+ ?% (done|complete|of your)",
)
"""A person is never graded, and a number is never a verdict."""

CLAIMS = (
    r"\bprevent(s|ing)? (a |the |any |new |further |your )*(vertebral )?(fracture|osteoporosis|fall|injur|disease)",
    r"\breduc(e|es|ing) (a |the |your )*(fracture |fall )?risk",
    r"\bclinically (validated|proven|tested|approved)",
    r"\bmedical[- ]grade",
    r"\b(diagnoses|treats|cures|heals|monitors|detects) (\w+ )?(disease|osteoporosis|fracture|condition|injur|pain)",
    r"\bFDA[- ](approved|cleared)|\bCE[- ]mark",
    r"\bsafe for (people|everyone|osteoporosis|your)",
    r"\bprotects? (your |the )?(spine|bones|vertebra)",
)
"""What would make a medical device of it, or be untrue."""

DISCLAIMERS = (
    r"not intended to diagnose",
    r"not intended to diagnose, prevent, monitor",
    r"not shown to reduce fracture risk",
    r"No wording that claims to",
    r"It is not a claim about",
)
"""A sentence that says one of these says what the software is not."""

FOR_PROGRAMMERS = ("dev.py", "imu_coach/importers", "imu_coach/evaluate", "imu_coach/recording", "imu_coach/synthetic")
"""Modules whose sentences are about files and packages: there, reading a file may fail."""
NAME = re.compile(r"[a-z0-9_]+")
"""A string that is a name in the program."""


def shared() -> list[Path]:
    """Every text that comes with the project; tests show people nothing."""
    kinds = {".py", ".toml", ".md", ".json", ".html", ".cff", ".txt"}
    roots = [ROOT / name for name in ("imu_coach", "docs", "recordings", ".github")]
    files = [path for root in roots if root.is_dir() for path in root.rglob("*")]
    files += [path for path in ROOT.iterdir() if path.is_file()]
    return sorted(p for p in files if p.suffix in kinds and "__pycache__" not in p.parts)


def without_disclaimers(text: str) -> str:
    """The text in one line, without the sentences that disclaim."""
    flat = " ".join(re.sub(r"[>*#`]", " ", text).split())
    sentences = re.split(r"(?<=[.;!?]) ", flat)
    return " ".join(s for s in sentences if not any(re.search(d, s, re.I) for d in DISCLAIMERS))


def found(text: str, patterns: tuple[str, ...]) -> list[str]:
    """What of these is in a text."""
    return [m.group(0) for p in patterns for m in re.finditer(p, text, re.I)]


def sentences(text: str) -> Iterator[str]:
    """Strings of a module that are for people: no docstrings, no comments, no names."""
    tree = ast.parse(text)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    loose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # a docstring of a constant
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs | loose:
            yield "" if NAME.fullmatch(node.value) else node.value
    yield from (ast.get_docstring(node) or "" for node in ast.walk(tree) if is_command(node))


def is_command(node: ast.AST) -> bool:
    """A function whose docstring is the help of a command."""
    return isinstance(node, ast.FunctionDef) and any("command(" in ast.unparse(d) for d in node.decorator_list)


def for_people(path: Path) -> str:
    """What people read of a file."""
    text = path.read_text("utf-8")
    name = path.relative_to(ROOT).as_posix()
    if path.suffix == ".py":
        return "" if name.startswith(FOR_PROGRAMMERS) else "\n".join(sentences(text))
    if path.suffix == ".toml" and "synthetic" not in name:
        return re.sub(r"(?m)(^|\s)#.*$", "", text)
    if name in ("README.md", "recordings/README.md") or path.suffix == ".html" or name.startswith("docs/exercises"):
        return text
    return ""


@pytest.mark.parametrize("path", shared(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_nobody_is_graded_and_nothing_is_claimed(path: Path) -> None:
    assert not found(without_disclaimers(path.read_text("utf-8")), CLAIMS)
    assert not found(without_disclaimers(for_people(path)), TOWARD_PEOPLE)


def test_the_texts_are_where_this_test_looks() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in shared()}
    must = {"README.md", "imu_coach/phrases.toml", "imu_coach/rules.toml", "imu_coach/sinks/words.py", "docs/events.md"}
    assert must <= names
    for name in must - {"docs/events.md"}:
        assert len(for_people(ROOT / name)) > 500


@pytest.mark.parametrize(
    "text",
    ["That was excessive.", "2 failed repetitions", "partial rep", "adherence 62 %", "wrong posture", "Posture OK"],
)
def test_bad_words_are_seen(text: str) -> None:
    assert found(without_disclaimers(text), TOWARD_PEOPLE)


@pytest.mark.parametrize(
    "text", ["It prevents\nfractures.", "clinically validated", "**reduces** the risk", "It protects your spine"]
)
def test_claims_are_seen_and_disclaimers_are_none(text: str) -> None:
    assert found(without_disclaimers(text), CLAIMS)
    assert not found(without_disclaimers(f"Software not shown to reduce fracture risk; {text[:0]}"), CLAIMS)


def test_commands_and_strings_are_read_but_not_comments_and_docstrings() -> None:
    module = '"""It failed."""\n# failed\nx = "Said."\n"""failed"""\n@click.command()\ndef f():\n    """Helps."""\n'
    assert set(sentences(module)) >= {"Said.", "Helps."}
    assert not found(" ".join(sentences(module)), TOWARD_PEOPLE)
