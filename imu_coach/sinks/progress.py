"""Where a coached session stands, from its events: exercise, set, repetitions, hold, and what is raised now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imu_coach import phrases
from imu_coach.sinks import words

if TYPE_CHECKING:
    from imu_coach.sinks import Session
    from imu_coach.types import Event

PHASES = {
    "exercise_begin": "getting ready",
    "resite_wanted": "moving a sensor",
    "resited": "getting ready",
    "practice_begin": "practice",
    "practised": "getting ready",
    "set_begin": "set",
    "resumed": "set",
    "paused": "paused",
    "set_end": "between sets",
    "rest_begin": "rest",
    "rest_end": "getting ready",
    "session_end": "done",
}
"""In a word or two, after an event."""
QUIET = ("hold_second", "judged_again", "warning_cleared")
"""Events that the state shows; as lines of their own they would crowd out the rest."""
BRIEF = ("resting", "calibrating", "transition", "no_data", "settling", "not_started")
"""Why a rule is not judged for a moment: what the sensors' own states tell."""
ENDS = ("exercise_begin", "set_begin", "practice_begin", "set_end", "session_end")
"""What was not judged is told anew after these."""


def quiet(e: Event) -> bool:
    """Whether an event is no line of its own."""
    return e.kind in QUIET or (e.kind == "not_judged" and e.detail.get("why") in BRIEF)


@dataclass
class Progress:
    """Presentation state only; :meth:`push` every event in order."""

    phase: str = ""
    exercise: str = ""
    title: str = ""
    side: str = ""
    set: int = 0
    of: int | None = None
    reps: int = 0
    asked: str = ""
    hold_s: float | None = None
    target_s: float | None = None
    waiting: bool = False  # the sensor of the hold is silent
    warnings: dict[str, str] = field(default_factory=dict)  # rule -> in words
    not_judged: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)

    @classmethod
    def following(cls, session: Session) -> Progress:
        """Of a session; its plan knows the titles."""
        items = session.setup.plan.items if session.setup.plan is not None else ()
        return cls(titles={item.exercise.id: item.exercise.title for item in items})

    def push(self, e: Event) -> None:
        """Take note of an event."""
        d = e.detail
        self.phase = PHASES.get(e.kind, self.phase)
        if "exercise" in d and e.kind in (*PHASES, "rep"):
            self.exercise, self.side, self.set = str(d["exercise"]), str(d.get("side") or ""), int(d.get("set") or 0)
            self.title = self.titles.get(self.exercise, self.exercise.replace("_", " "))
        step = getattr(self, f"_{e.kind}", None)
        if step is not None:
            step(d)
        if e.kind in ENDS:
            self.not_judged.clear()

    def _exercise_begin(self, d: Any) -> None:
        self.asked, self.reps = phrases.numbers(d.get("reps")), 0

    def _set_begin(self, d: Any) -> None:
        self.reps, self.of, self.hold_s = 0, d.get("of"), None

    _practice_begin = _set_begin

    def _rep(self, d: Any) -> None:
        self.reps = int(d["number"])

    def _undone(self, d: Any) -> None:
        self.reps = int(d["number"]) - 1

    def _hold(self, d: Any) -> None:
        self.hold_s, self.target_s, self.waiting = float(d["seconds"]), d.get("target_s"), False

    _hold_begin = _hold_second = _hold_resume = _hold

    def _hold_pause(self, d: Any) -> None:
        self.waiting = True

    def _hold_end(self, d: Any) -> None:
        self.hold_s, self.waiting = None, False

    _set_end = _hold_end

    def _warning(self, d: Any) -> None:
        self.warnings[str(d["rule"])] = words.warning(d)

    def _warning_cleared(self, d: Any) -> None:
        self.warnings.pop(str(d["rule"]), None)

    def _not_judged(self, d: Any) -> None:
        self.not_judged[str(d["rule"])] = str(d["title"]).lower()

    def _judged_again(self, d: Any) -> None:
        self.not_judged.pop(str(d["rule"]), None)

    # --- in words -----------------------------------------------------------------------------------

    def told(self) -> str:
        """One line: ``Superman: arms and head, set 1 of 3: 5 of 8, holding 2 s of 3``; "" before anything began."""
        if not self.phase:
            return ""
        if self.phase not in ("set", "practice", "paused"):
            return f"{self.title}: {self.phase}" if self.phase != "done" else self.phase
        where = [f"{self.title}{f' ({self.side})' if self.side else ''}", self._which()]
        counted = f"{self.reps}{f' of {self.asked}' if self.asked else ''}"
        return f"{', '.join(part for part in where if part)}: {counted}{self._holding()}"

    def _which(self) -> str:
        if self.phase == "practice":
            return "practice"
        of = f" of {self.of}" if self.of is not None and self.of < phrases.MOST else ""
        return f"set {self.set}{of}{', paused' if self.phase == 'paused' else ''}"

    def _holding(self) -> str:
        if self.hold_s is None:
            return ""
        aim = f" of {self.target_s:g}" if self.target_s else ""
        return f", holding {int(self.hold_s + 0.01)} s{aim}{' (sensor pause, it still counts)' if self.waiting else ''}"

    def state(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "phase": self.phase,
            "exercise": self.exercise,
            "side": self.side,
            "set": self.set,
            "reps": self.reps,
            "hold_s": self.hold_s,
            "warnings": sorted(self.warnings),
            "not_judged": sorted(self.not_judged),
        }
