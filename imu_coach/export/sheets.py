"""Exercise sheets for paper: one A4 page each, black on white, letters of 16 pt or more, as HTML or PDF."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import NamedTuple

from imu_coach import planner
from imu_coach.errors import ExportError
from imu_coach.exercise import Exercise, Hold, Item, Plan, Prescription

ENDINGS = (".html", ".pdf")
NOTICE = (
    "Research and education software. Not a medical device; not intended to diagnose, prevent, monitor, predict or "
    "treat any disease or injury, and not shown to reduce fracture risk. Angle limits are engineering defaults, not "
    "clinical limits; absence of a warning does not mean a movement is safe. Ask your clinician or physiotherapist "
    "before exercising, especially after a vertebral fracture; stop and seek help for new or sudden back pain. "
    "Clinician-set limits take precedence."
)
DAYS, ROW, BOX = 7, 166.0, 7.0
"""Days that can be ticked on one sheet; mm for all of them, and for a box."""


class Part(NamedTuple):
    """A heading with its lines; ``mark`` is "" for plain text, "1" for numbered lines, "-" for points."""

    heading: str
    mark: str
    lines: tuple[str, ...]


class Sheet(NamedTuple):
    """What is on one sheet; ``ticks`` are the rows of boxes: a label, and how many for a day."""

    title: str
    parts: tuple[Part, ...]
    ticks: tuple[tuple[str, int], ...] = ()


# --- in words -------------------------------------------------------------------------------------------------------


def numbers(values: tuple[float, float]) -> str:
    """A range in words: "8", "8 to 12"."""
    low, high = values
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def dose(item: Item) -> tuple[str, ...]:
    """How much, and how long to hold, in plain sentences."""
    both = item.exercise.dose.each_side
    side = {"alternating": ", to either side in turn"}.get(item.exercise.sides, " on each side" if both else "")
    if item.sets[1] == 1:
        told = [f"{numbers(item.reps)} times{side}."]
    else:
        told = [f"{numbers(item.sets)} sets of {numbers(item.reps)}{side}."]
        told.append(f"Rest {numbers(item.rest)} seconds between sets; longer is fine.")
    if both:
        told.append("All sets of one side first.")
    return (*told, *_hold(item, item.exercise.hold))


def _hold(item: Item, hold: Hold | None) -> tuple[str, ...]:
    if hold is None or item.hold is None:
        return ()
    if hold.self_paced:
        return ("Hold for a few seconds, or as long as is comfortable.",)
    told = f"Hold each one for {item.hold:g} {'second' if item.hold == 1 else 'seconds'}."
    later = [f"{level:g}" for level in hold.levels if level > item.hold]
    if not later:
        return (told,)
    steps = later[0] if len(later) == 1 else f"{', '.join(later[:-1])}, then {later[-1]}"
    when = "When your therapist says so" if item.exercise.locked else "When that is comfortable"
    return told, f"{when}: {steps} seconds."


def sheet(e: Exercise, prescription: Prescription | None = None) -> Sheet:
    """The sheet of one exercise."""
    item, f = planner.item(e, prescription=prescription), e.facts
    parts = (
        Part("Why", "", (f.why,)),
        Part("You need", "", (_list(f.kit),)),
        Part("Start", "", (f.start,)),
        Part("Do this", "1", f.moves),
        Part("Think of", "-", f.cues),
        Part("How much", "", (" ".join(dose(item)),)),
        Part("Your way", "", (f.adaptation,)),
        Part("Take care", "", (f.caution,)),
    )
    labels = ("Right", "Left") if e.dose.each_side else ("Sets",)
    kept = tuple(part for part in parts if any(part.lines))
    return Sheet(e.title, kept, tuple((label, item.sets[1]) for label in labels))


def _list(things: Sequence[str]) -> str:
    text = ", ".join(things)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def cover(plan: Plan, prescription: Prescription | None = None) -> Sheet:
    """The first sheet of a programme or a prescription: what to do in which order, and the clinician's words."""
    rules = prescription or Prescription()
    seen: dict[str, str] = {}
    for item in plan.items:
        seen.setdefault(item.exercise.id, f"{item.exercise.title}: {short(item)}")
    parts = (
        Part("Date", "", (rules.date,)),
        Part("By", "", (rules.by,)),
        Part("Where", "", (f"On the {rules.surface}." if prescription and rules.surface != "floor" else "",)),
        Part("In order", "1", tuple(seen.values())),
        Part("Limits", "-", rules.limits),
        Part("Notes", "", (rules.notes,)),
    )
    return Sheet(plan.title, tuple(part for part in parts if any(part.lines)))


def short(item: Item) -> str:
    """How much, in a few words: "3 sets of 8, each side"."""
    side = ", each side" if item.exercise.dose.each_side else ""
    sets = "" if item.sets[1] == 1 else f"{numbers(item.sets)} sets of "
    held = f", hold {item.hold:g} s" if item.hold else ""
    return f"{sets}{numbers(item.reps)}{' times' if not sets else ''}{side}{held}"


# --- HTML -----------------------------------------------------------------------------------------------------------


def html(sheets: Sequence[Sheet], title: str) -> str:
    """All sheets as one page of HTML without scripts or anything to be fetched; every text is escaped."""
    template = (resources.files("imu_coach.export") / "sheet.html").read_text("utf-8")
    return Template(template).substitute(title=escape(title), sheets="\n".join(map(_section, sheets)))


def _section(one: Sheet) -> str:
    parts = "\n".join(f"<dt>{escape(part.heading)}</dt><dd>{_lines(part)}</dd>" for part in one.parts)
    return (
        f"<section>\n<h1>{escape(one.title)}</h1>\n<dl>\n{parts}\n</dl>\n{_boxes(one)}"
        f"<footer>{escape(NOTICE)}</footer>\n</section>"
    )


def _lines(part: Part) -> str:
    if not part.mark:
        return escape(" ".join(part.lines))
    tag = "ol" if part.mark == "1" else "ul"
    return f"<{tag}>{''.join(f'<li>{escape(line)}</li>' for line in part.lines)}</{tag}>"


def days(ticks: Sequence[tuple[str, int]]) -> int:
    """How many days have room for their boxes."""
    most = max(count for _, count in ticks)
    return max(1, min(DAYS, int(ROW // (most * BOX + 2.5))))


def _boxes(one: Sheet) -> str:
    if not one.ticks:
        return ""
    n = days(one.ticks)
    head = f"<tr><td>Day</td>{'<td><u>&nbsp;</u></td>' * n}</tr>"
    rows = (f"<tr><td>{escape(label)}</td>{_day(count) * n}</tr>" for label, count in one.ticks)
    return f"<table>{head}{''.join(rows)}</table>\n"


def _day(count: int) -> str:
    return f"<td>{'<i></i>' * count}</td>"


# --- files ----------------------------------------------------------------------------------------------------------


def write(sheets: Sequence[Sheet], out: Path, title: str = "Exercises") -> None:
    """Write a ``.html`` or ``.pdf`` file.

    Raises
    ------
    ExportError
        Another ending; or, for a PDF, an exercise too long for a page or with letters that the font does not have.
    """
    if out.suffix.lower() not in ENDINGS:
        raise ExportError(str(out), f"the ending says the format; use one of {', '.join(ENDINGS)}")
    if out.suffix.lower() == ".html":
        out.write_text(html(sheets, title), encoding="utf-8")
        return
    from imu_coach.export import paper

    out.write_bytes(paper.pdf(sheets, title))
