"""What a quarter of a second means to the coach: posture kept or left, trouble, a set that is over."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from imu_coach.conventions import FRAME_RATE
from imu_coach.core.book import Book
from imu_coach.core.cells import CELL_SECONDS, Cell
from imu_coach.exercise import Item, Plan

STEADY = 6
"""Cells (1.5 s) of calm in the start posture that open a set: longer than the turning point of any repetition."""
LEFT = 8
"""Cells (2 s) out of reach of the posture: it was left."""
SETTLED = 3.0
"""s of rest after the last repetition asked for, then the set is over."""
ENOUGH = 8.0
"""s of rest that end a set in which the lower number was reached; 2.5 times this person's own rhythm if longer."""
SILENT = 25.0
"""s at rest before the coach pauses and asks: a tired ten seconds between repetitions are normal."""
BEYOND = 20.0
"""s of hold beyond the highest level before it asks."""
BLIND = 20
"""Cells (5 s) without data from a sensor of the exercise."""
SLACK = float(np.deg2rad(12.0))
"""rad beyond the start posture that is still the posture: a repetition moves a trunk that should be still by 5."""
LIFTED = float(np.deg2rad(45.0))
"""rad below the start posture, for lifts of the trunk: a press-up takes 38, sitting up more."""
PRACTICE = 2
"""Repetitions that teach the amplitude."""


@dataclass(slots=True)
class State:
    """What changes beside the book of the set."""

    phase: str = "idle"
    item: int = -1
    set_number: int = 0
    cells: int = 0  # in this phase
    steady: int = 0  # cells in a row in the start posture, and calm
    away: int = 0  # cells in a row out of reach of the posture
    blind: int = 0  # cells in a row without data
    wait: float = 0.0  # s of rest that the next set waits for
    why: str = ""  # of a pause
    posture: str | None = None
    practised: bool = False
    wanted: int = 0  # item that a command asked for
    reason: str = ""  # of a stop
    asked: tuple[str, ...] = ()  # triggers of commands since the last cell
    amplitude: dict[str, float] = field(default_factory=dict)  # rad or m, by exercise and channel


def watch(s: State, item: Item | None, book: Book | None, cell: Cell, carrier: int) -> None:
    """Posture, calm and data over the last cells; ``carrier``: the sensor that repetitions are seen by, -1 none."""
    s.cells += 1
    data = cell.data[carrier] if carrier >= 0 else max(cell.data)
    s.blind = s.blind + 1 if data < 0.5 else 0
    if item is None:
        return
    gate, trunk = item.exercise.gate.trunk, cell.trunk
    if gate is None or trunk != trunk:
        inside = near = True
    else:
        lifts = book.motion if book is not None else None
        reach = LIFTED if lifts and lifts.channel == "trunk_extension" else SLACK
        inside, near = gate[0] <= trunk <= gate[1], gate[0] - reach <= trunk <= gate[1] + SLACK
    s.steady = s.steady + 1 if inside and cell.calm else 0
    s.away = 0 if near else s.away + 1
    if s.phase in ("rest", "ready", "siting") and s.away >= LEFT:
        s.posture = "transition"
    if book is not None:
        book.trunks.append(trunk)


def observed(s: State, plan: Plan, item: Item | None, book: Book | None, cell: Cell) -> str:
    """The trigger that a cell itself is, or ""."""
    if item is None:
        return ""
    if s.phase in ("ready", "siting"):
        return "steady" if s.steady >= STEADY and s.cells * CELL_SECONDS >= s.wait else ""
    if s.phase == "rest":
        return "rested" if s.cells * CELL_SECONDS >= item.rest[0] else ""
    if s.phase == "paused":
        back = s.why == "left" or (s.why == "blind" and s.blind == 0)
        return "resume" if back and s.steady >= STEADY else ""
    if book is None or plan.open_ended:
        return ""
    if s.phase == "practice" and len(book.reps) >= PRACTICE and book.resting:
        return "practised"
    return _trouble(s, item, book, cell) or (_over(item, book, cell) if s.phase == "set" else "")


def _trouble(s: State, item: Item, book: Book, cell: Cell) -> str:
    hold = item.exercise.hold
    longest = np.inf if hold is None or hold.self_paced else max(*hold.levels, item.hold or 0.0) + BEYOND
    for trigger, there in (
        ("knocked", cell.knocked),
        ("blind", s.blind >= BLIND),
        ("left", s.away >= LEFT),
        ("silent", book.holding > longest),
    ):
        if there:
            return trigger
    return ""


def _over(item: Item, book: Book, cell: Cell) -> str:
    """Whether the set is over: enough repetitions, and then rest."""
    if not book.resting:
        return ""
    rested = (cell.end - book.rest_since) / FRAME_RATE
    done, (low, high) = len(book.reps), item.reps
    if done >= high and rested >= SETTLED:
        return "reached"
    if done >= low and rested >= max(ENOUGH, 2.5 * book.rhythm()):
        return "enough"
    return "silent" if rested >= SILENT else ""
