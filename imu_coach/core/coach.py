"""The coach: exercise, side, set, repetition or hold, rest, next.  Its transitions are in :mod:`imu_coach.core.table`.

It looks at cells of a quarter of a second, at the news of a counter and at commands.  It has no clock but the frames;
what it decides at the end of a cell holds from the next one on.

Commands
--------
``start`` {}, ``exercise`` {"id", "side"}    begin the plan; begin, or jump to, this item of it
``resite`` {"sensor", "site"}                that sensor sits there now
``finish`` {}                                that was the set
``pause`` {}, ``resume`` {}, ``next`` {}     next skips what is left of this exercise
``stop`` {"reason": "pain" | "tired" | "other"}
``undo`` {}, ``add`` {}                      one repetition less; one more, by hand
``tap`` {"taps": 2 | 3}                      two: start, pause, go on; three: undo
"""

from __future__ import annotations

import numpy as np

from imu_coach.core.book import OPEN, Book
from imu_coach.core.cells import CELL, CELL_SECONDS, Cell, Cells, lasting
from imu_coach.core.observe import SLACK, State, observed, watch
from imu_coach.core.rep import Rep
from imu_coach.core.seen import Known, News, Seen, best_motion
from imu_coach.core.table import ASKS, HORIZON, LONG, TABLE, TAPS
from imu_coach.exercise import Item, Motion, Plan, Scene
from imu_coach.types import Angles, Codes, Command, Event, Floats, Frames, Json


class Coach:
    """Frames, angles and commands in; events out; :attr:`scene` says what is going on."""

    def __init__(self, plan: Plan, sites: tuple[str, ...], arm: str = "") -> None:
        self.plan, self.sites, self.arm = plan, sites, arm
        self.s = State()
        self.cells = Cells()
        self.seen: Seen | None = None
        self.book: Book | None = None
        self.whys: Codes | None = None  # why each angle is not known, gaps left out
        self.events: list[Event] = []
        self.scene = Scene()
        self.trace: Floats = np.empty(0)
        if plan.open_ended:
            self.s.item = 0
            self.s.phase = self._open_set(-1, "start", None)
            self.scene = self._scene()

    @property
    def doing(self) -> Item | None:
        """The item in progress, None before the first."""
        return self.plan.items[self.s.item] if self.s.item >= 0 else None

    @property
    def item(self) -> Item:
        """What is being done."""
        return self.plan.items[self.s.item]

    # --- input ------------------------------------------------------------------------------------

    def command(self, frame: int, command: Command) -> None:
        """Act on a command at its frame; what moves the table waits for the end of the cell."""
        name, value = command.name, command.value
        if name == "tap":
            name = {"2": TAPS[self.s.phase], "3": "undo"}.get(str(value.get("taps")), "")
        if name == "start" and self.s.phase in ("idle", "done"):
            name, self.s.wanted = "begin", 0
        if name == "exercise":
            name = self._choose(frame, str(value.get("id"))[:64], str(value.get("side") or ""))
        elif name == "context" and self.plan.open_ended:
            name = "resume" if value.get("in_set") else "finish"
        elif name == "resite":
            name = self._resite(frame, str(value.get("sensor", "")), str(value.get("site", "")))
        elif name in ("undo", "add"):
            entry = self.book.by_hand(frame, name) if self.book is not None else None
            if entry is not None:
                self._tell(entry.decided, entry.onset, entry.kind, **entry.detail)
        elif name == "stop":
            self.s.reason = str(value.get("reason", "other"))[:32]
        if name in ASKS and self.plan.items:  # a prescription may leave nothing over
            self.s.asked += (name,)

    def push(self, f: Frames, a: Angles) -> int | None:
        """Look at frames of one scene; the frame from which another scene holds (nothing beyond it was looked at)."""
        news: list[News] = []
        self.trace = np.full(len(f.index), np.nan)
        if self.seen is not None and len(f.index):
            news = self.seen.push(f, a)
            self.trace = self.seen.value
        if self.book is not None and self.seen is not None:
            self.book.watch(len(f.index), int(np.isnan(self.trace).sum()))
        for cell in self.cells.push(f, a, self.sites):
            while news and news[0].decided <= cell.end:
                self._hear(news.pop(0))
            if self._step(cell, f, a):
                self.whys = lasting(a.why[: cell.end + 1 - int(f.index[0])], self.whys)
                return cell.end + 1
        for one in news:
            self._hear(one)
        if len(f.index):
            self.whys = lasting(a.why, self.whys)
        return None

    def horizon(self) -> int:
        """Frames that are worth trying at once: a decision in their midst costs doing some of them again."""
        if self.s.phase == "rest":
            return max(1, round(self.item.rest[0] / CELL_SECONDS) - self.s.cells) * CELL
        return HORIZON.get(self.s.phase, LONG)

    def finish(self, frame: int) -> None:
        """The recording is over: no set ends silently."""
        for one in self.seen.finish(frame) if self.seen is not None else ():
            self._hear(one)
        if self.book is not None:
            self._told_set(frame, "the recording ended")
        if self.s.phase not in ("idle", "done"):
            self._tell(frame, frame, "session_end", why="the recording ended")

    def take_events(self) -> list[Event]:
        """Events since the last call."""
        events, self.events = self.events, []
        return events

    def _choose(self, frame: int, id: str, side: str) -> str:
        """The trigger that naming an exercise is."""
        fitting = [i for i, item in enumerate(self.plan.items) if item.exercise.id == id]
        fitting = [i for i in fitting if not side or self.plan.items[i].side in ("", side)] or fitting
        if not fitting:
            self._tell(frame, frame, "not_in_plan", exercise=id)
            return ""
        ahead = [i for i in fitting if i >= self.s.item] or fitting
        begun = self.s.phase == "set" and self.book is not None and not self.book.reps
        if ahead[0] == self.s.item and (begun or self.s.phase in ("siting", "ready", "rest")):
            return "again"
        self.s.wanted = ahead[0]
        return "begin"

    def _resite(self, frame: int, sensor: str, site: str) -> str:
        """The second sensor has moved; the body stage forgets how it sat."""
        self._tell(frame, frame, "resited", sensor=sensor, site=site)
        self.arm = ""  # it may be the other one now
        return "sited"

    # --- what is seen -----------------------------------------------------------------------------

    def _hear(self, news: News) -> None:
        """Into the book, unless it began outside the posture or nothing is to be counted now."""
        if self.book is None or (isinstance(news, Rep) and not self._in_posture(news.onset)):
            return
        for entry in self.book.hear(news):
            self._tell(entry.decided, entry.onset, entry.kind, **entry.detail)
            if entry.kind == "rep" and self.s.phase == "paused" and self.s.why == "silent":
                self.s.asked += ("resume",)

    def _in_posture(self, frame: int) -> bool:
        """Whether the trunk was near the start posture at a frame, as far as that is known."""
        gate = self.item.exercise.gate.trunk
        if gate is None or self.book is None:
            return True
        cell = max(0, (frame - self.book.begin) // CELL)
        trunk = self.book.trunks[cell] if cell < len(self.book.trunks) else np.nan
        return trunk != trunk or gate[0] - SLACK <= trunk <= gate[1] + SLACK

    def _step(self, cell: Cell, f: Frames, a: Angles) -> bool:
        """End of a cell; whether the scene is another one from now on."""
        s, before, posture = self.s, self.scene, self.s.posture
        acted = False
        watch(s, self.doing, self.book, cell, self.seen.site if self.seen is not None else -1)
        asked, s.asked = s.asked, ()
        for trigger in (*asked, ""):
            trigger = trigger or observed(s, self.plan, self.doing, self.book, cell)
            action = TABLE.get((s.phase, trigger))
            if action is not None:
                known = a.names, lasting(a.why[: cell.end - int(f.index[0]) + 1], self.whys)
                s.phase = getattr(self, "_" + action)(cell.end, trigger, known)
                s.cells = s.steady = s.away = 0
                acted = True
        if acted or s.posture != posture or (self.book is not None and self.book.begun != self.scene.begun):
            self.scene = self._scene()
        return self.scene != before

    # --- actions of the table: each returns the next phase -----------------------------------------

    def _begin_item(self, frame: int, trigger: str, known: Known) -> str:
        """The exercise that was asked for, or the first or next one."""
        s = self.s
        self._drop()
        s.item, s.set_number = s.wanted, 0
        self._getting_there()
        s.wait = 0.0 if trigger == "begin" else s.wait  # who asks for it is ready
        item = self.item
        motion = best_motion(self.item.exercise, self.sites, known)
        self._tell(
            frame,
            frame,
            "exercise_begin",
            title=item.exercise.title,
            channel=motion.channel if motion else "",
            probable=bool(motion and motion.probable),
            sets=list(item.sets),
            reps=list(item.reps) if item.reps[1] < OPEN else None,
            rest_s=list(item.rest),
            hold_s=item.hold,
            prompt="exercise_begin",
        )
        missing = [site for site in item.exercise.sites if site not in self.sites]
        if missing and len(self.sites) > 1 and (motion is None or motion != item.exercise.motions[0]):
            self._tell(frame, frame, "resite_wanted", site=missing[0], prompt="resite")
            return "siting"
        return self._make_ready(frame, trigger, known)

    def _close_and_begin(self, frame: int, trigger: str, known: Known) -> str:
        self._told_set(frame, "another exercise")
        return self._begin_item(frame, trigger, known)

    def _make_ready(self, frame: int, trigger: str, known: Known) -> str:
        if self.s.phase == "rest" or trigger == "again":
            self.s.wait = 0.0
        if self.s.phase == "rest":
            self._tell(frame, frame, "rest_end", seconds=self.s.cells * CELL_SECONDS, prompt="rest_end")
        if self.book is not None and self.s.phase == "set":  # told to begin again before anything was counted
            self._told_set(frame, "begun again")
            self.s.set_number -= 1
        self._drop()
        self._getting_there()
        return "ready"

    def _open_set(self, frame: int, trigger: str, known: Known) -> str:
        """From the next cell on, repetitions count; in practice they teach."""
        s, item = self.s, self.item
        practice = self.plan.practice and not s.practised and not self.plan.open_ended
        s.posture = item.exercise.gate.posture or None
        s.set_number += not practice
        motion = best_motion(self.item.exercise, self.sites, known)
        if s.phase == "rest" and not self.plan.open_ended:
            self._tell(frame, frame, "rest_end", seconds=s.cells * CELL_SECONDS, prompt="rest_end")
        self.book = Book(item, motion, s.set_number, frame + 1, trigger != "steady")
        self.seen = self._look(motion)
        kind = "practice_begin" if practice else "set_begin"
        about = {"channel": motion.channel if motion else "", "probable": bool(motion and motion.probable)}
        self._tell(max(frame, 0), max(frame, 0), kind, of=item.sets[1], prompt=kind, **about)
        return "practice" if practice else "set"

    def _practised(self, frame: int, trigger: str, known: Known) -> str:
        """What was learned stays; the set itself begins from rest."""
        reps = len(self.book.reps) if self.book else 0
        self._drop()
        self.s.practised = True
        self._tell(frame, frame, "practised", reps=reps, prompt="practised")
        return "ready"

    def _pause(self, frame: int, trigger: str, known: Known) -> str:
        s = self.s
        s.why = trigger
        if trigger in ("left", "knocked"):
            s.posture = "transition" if trigger == "left" else s.posture
            self.seen = None
        self._tell(frame, frame, "paused", why=trigger, prompt=f"paused_{trigger}")
        return "paused"

    def _resume(self, frame: int, trigger: str, known: Known) -> str:
        s = self.s
        assert self.book is not None
        s.posture = self.item.exercise.gate.posture or None
        if self.seen is None:
            self.seen = self._look(self.book.motion)
        self.book.resting, self.book.rest_since = True, frame
        self._tell(frame, frame, "resumed", why=s.why, prompt="resumed")
        s.why = ""
        return "set"

    def _close_set(self, frame: int, trigger: str, known: Known) -> str:
        """The set is told; a rest follows, or the next exercise."""
        assert self.book is not None
        if self.plan.open_ended and not self.book.reps and not self.book.small:  # nobody was coached: nothing to tell
            self.s.set_number -= 1
            self._drop()
            return "rest"
        self._told_set(frame, trigger)
        if self.plan.open_ended:
            return "rest"
        if self.s.set_number < self.item.sets[1]:
            self._tell(frame, frame, "rest_begin", rest_s=list(self.item.rest), prompt="rest_begin")
            return "rest"
        return self._next_item(frame, trigger, known)

    def _skip(self, frame: int, trigger: str, known: Known) -> str:
        self._told_set(frame, "skipped")
        return self._next_item(frame, trigger, known)

    def _next_item(self, frame: int, trigger: str, known: Known) -> str:
        self._tell(frame, frame, "exercise_end", sets=self.s.set_number, asked=list(self.item.sets))
        self.s.wanted, self.s.wait = self.s.item + 1, self.item.rest[0]
        if self.s.wanted >= len(self.plan.items):
            return self._end(frame, "done")
        return self._begin_item(frame, trigger, known)

    def _end_session(self, frame: int, trigger: str, known: Known) -> str:
        if self.book is not None:
            self._told_set(frame, f"stopped: {self.s.reason}")
        return self._end(frame, self.s.reason)

    def _end(self, frame: int, why: str) -> str:
        self._drop()
        self.s.posture = None
        self._tell(frame, frame, "session_end", why=why, prompt="session_pain" if why == "pain" else "session_end")
        return "done"

    # --- small things -----------------------------------------------------------------------------

    def _getting_there(self) -> None:
        """On the way into the start posture, unless one is in it already."""
        if self.s.posture != (self.item.exercise.gate.posture or None):
            self.s.posture = "transition"

    def _look(self, motion: Motion | None) -> Seen | None:
        if motion is None:
            return None
        item = self.item
        learned = self.s.amplitude.get(f"{item.exercise.id} {motion.channel}")
        return Seen(item.exercise, motion, self.sites, self.arm, item.hold, learned)

    def _told_set(self, frame: int, why: str) -> None:
        assert self.book is not None
        self._tell(frame, self.book.begin, "set_end", **self.book.summary(why, frame), prompt="set_end")
        self._drop()

    def _drop(self) -> None:
        """Nothing is counted any more; what was learned stays."""
        if self.seen is not None and self.book is not None and self.book.motion is not None and self.book.reps:
            learned = self.seen.amplitude
            if learned is not None:
                self.s.amplitude[f"{self.item.exercise.id} {self.book.motion.channel}"] = learned
        self.seen = self.book = None

    def _scene(self) -> Scene:
        s = self.s
        if s.item < 0:
            return Scene()
        counting = s.phase in ("set", "practice") or (s.phase == "paused" and s.posture != "transition")
        begin = self.book.begin if self.book is not None and counting else -1
        begun = self.book is None or self.book.begun
        return Scene(s.phase, s.posture, self.item.exercise, self.item.side, s.set_number, begin, begun)

    def _tell(self, decided: int, onset: int, kind: str, **detail: Json) -> None:
        about: dict[str, Json] = {}
        if self.s.item >= 0:
            about = {"exercise": self.item.exercise.id, "side": self.item.side, "set": self.s.set_number}
        self.events.append(Event(decided, onset, kind, "", about | detail))
