"""Body, coach and guards in step: what the coach decides at a frame changes what the body stage says after it.

The body stage does a long block at once and the coach walks over its angles.  Where the coach has something to tell the
body stage, the angles beyond that frame are thrown away, and its state is taken back and moved on to there.  The guards
look last, a scene at a time.  So any cut of the frames gives the same, and an hour takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

from imu_coach.conventions import FRAME_RATE
from imu_coach.core.body import Body, movable
from imu_coach.core.cells import CELL
from imu_coach.core.coach import Coach
from imu_coach.core.guards import Guards
from imu_coach.core.snapshot import snapshot
from imu_coach.exercise import Scene
from imu_coach.settings import Setup
from imu_coach.types import Angles, Command, Event, Floats, Frames, Header, concat_angles

LONGEST = 4096
"""Frames that are done at once."""
REACH = 1500
"""Frames that the body stage does ahead of the coach: its angles are thrown away beyond a change of posture or set."""
NS = round(1e9 / FRAME_RATE)

B = TypeVar("B", Frames, Angles)


class Session:
    """Stage Frames -> Angles, trace of the repetitions' channel, and events; commands act at their frame."""

    def __init__(self, header: Header, setup: Setup) -> None:
        self.body = Body(setup.layout, header, setup.bands, setup.places())
        self.sensors = self.sites = setup.layout.sites
        arm = str(header.person.get("sensor_arm", ""))
        self.coach = Coach(setup.plan, self.sites, arm) if setup.plan is not None else None
        names = tuple(a.name for a in self.body.columns)
        self.guards = Guards(setup.rules, names, self.sites) if setup.rules else None
        self.due: list[tuple[int, Command]] = []
        self.events: list[Event] = []
        self.changes: list[Event] = []
        self.next = 0
        body = self.body
        constants = body.columns, body.nothing, body.sensors, body.now.numbers, setup.bands, setup.plan
        self.fixed = {id(one) for one in (*constants, *self._parts(setup))}

    @staticmethod
    def _parts(setup: Setup) -> list[object]:
        """What a plan is made of: it never changes."""
        items = setup.plan.items if setup.plan is not None else ()
        return [one for item in items for one in (item, item.exercise, *item.exercise.motions)]

    def command(self, command: Command) -> None:
        """Take note of a command."""
        if self.coach is None and self.guards is None:
            self.body.command(command)
        else:
            self.due.append((-(-command.arrived_ns // NS), command))

    def take_events(self) -> tuple[list[Event], list[Event]]:
        """Events since the last call: of the body stage; of coach and guards, by the frame that decided them."""
        changes, self.changes = [*self.changes, *self.body.take_events()], []
        events, self.events = self.events, []
        return changes, sorted(events, key=lambda e: e.decided)

    def note(self, events: Sequence[Event]) -> None:
        """What happened to the sensors; tell it before the frames that it was decided at."""
        if self.guards is not None:
            self.guards.note(events)

    def finish(self) -> None:
        """No more frames will come: no set ends silently."""
        if self.coach is not None:
            self.coach.finish(max(self.next - 1, 0))
            self.events += self.coach.take_events()

    def push(self, f: Frames) -> tuple[Angles, Floats]:
        """Angles, and the value of the channel by which repetitions are seen (n,), NaN outside of sets."""
        trace = np.full(len(f.index), np.nan)
        if (self.coach is None and self.guards is None) or not len(f.index):
            return self.body.push(f), trace
        parts: list[Angles] = []
        done, n = 0, len(f.index)
        while done < n:
            self._obey(int(f.index[done]))
            stop = n if not self.due else min(n, int(f.index.searchsorted(self._next_command())))
            parts.append(self._span(cut(f, done, stop), trace[done:stop]))
            done = stop
        self.next = int(f.index[-1]) + 1
        return _joined(parts), trace

    def _span(self, f: Frames, trace: Floats) -> Angles:
        """Angles of frames without a command among them; fills their trace."""
        parts: list[Angles] = []
        scenes: list[tuple[int, Scene]] = []  # each with the row at which it ends
        done, n = 0, len(f.index)
        while done < n:
            reach = LONGEST if self.coach is None else max(REACH, self.coach.horizon())
            parts.append(self._block(f, done, _within_cell(f, done, min(done + reach, n)), trace, scenes))
            done += len(parts[-1].index)
        angles = _joined(parts)
        self._guard(f, angles, scenes)
        return angles

    def _block(self, f: Frames, begin: int, end: int, trace: Floats, scenes: list[tuple[int, Scene]]) -> Angles:
        """Angles of rows ``begin`` to ``end``, or to where the coach has something to tell the body stage."""
        rows = cut(f, begin, end)
        kept = snapshot(self.body, self.fixed) if self.coach is not None and len(rows.index) > CELL else None
        angles = self.body.push(rows)
        before = now = _told(self._scene())
        done = begin
        while done < end and now == before:
            scene = self._scene()
            done = self._coached(f, cut(angles, done - begin, end - begin), done, end, trace)
            scenes.append((done, scene))
            now = _told(self._scene()) if self.coach is not None else before
        if done < end:
            assert kept is not None
            self.body = kept
            rows, angles = cut(rows, 0, done - begin), cut(angles, 0, done - begin)
            self.body.skip(rows)
        if now != before:
            frame = int(rows.index[-1]) + 1
            self.body.command(Command(frame * NS, "context", {"posture": now[0], "in_set": now[1]}))
        self.changes += self._noted(self.body.take_events())
        return angles

    def _coached(self, f: Frames, a: Angles, begin: int, end: int, trace: Floats) -> int:
        """Let the coach look at rows from ``begin`` on with their angles; the row before which its scene changes."""
        if self.coach is None:
            return end
        counting = self.coach.seen is not None
        if counting:
            end = _within_cell(f, begin, min(end, begin + self.coach.horizon()))
        rows, angles = cut(f, begin, end), cut(a, 0, end - begin)
        kept = snapshot(self.coach, self.fixed) if counting and end - begin > CELL else None
        change = self.coach.push(rows, angles)
        stop = end if change is None else begin + change - int(rows.index[0])
        if stop < end and kept is None:  # cells are all that it looked at, and at none beyond this one
            self.coach.cells.back()
        elif stop < end:
            assert kept is not None
            self.coach = kept
            self.coach.push(cut(rows, 0, stop - begin), cut(angles, 0, stop - begin))
        trace[begin:stop] = self.coach.trace[: stop - begin]
        self.events += self.coach.take_events()
        return stop

    def _noted(self, changes: list[Event]) -> list[Event]:
        if self.guards is not None:
            self.guards.note(changes)
        return changes

    def _guard(self, f: Frames, a: Angles, scenes: list[tuple[int, Scene]]) -> None:
        """Let the guards look at frames and angles, scene by scene."""
        if self.guards is None:
            return
        begin = 0
        for (end, scene), (_, following) in zip(scenes, [*scenes[1:], (0, None)], strict=True):
            if scene != following:
                self.events += self.guards.push(cut(f, begin, end), cut(a, begin, end), scene)
                begin = end

    def _scene(self) -> Scene:
        """Without a coach: what the last ``context`` command said."""
        if self.coach is not None:
            return self.coach.scene
        now = self.body.now
        return Scene("set" if now.in_set else "idle", now.posture)

    # --- commands -----------------------------------------------------------------------------------

    def _next_command(self) -> int:
        return min(frame for frame, _ in self.due)

    def _obey(self, frame: int) -> None:
        """Every command that is due at this frame."""
        now = [entry for entry in self.due if entry[0] <= frame]
        self.due = self.due[len(now) :]
        for _, command in now:
            at = command._replace(arrived_ns=frame * NS)
            if command.name == "resite" and not self._resited(command):
                continue
            coached = self.coach is not None and not self.coach.plan.open_ended
            if not (coached and command.name == "context"):
                self.body.command(at)
            if self.coach is not None:
                self.coach.command(frame, at)

    def _resited(self, command: Command) -> bool:
        sensor, site = str(command.value.get("sensor")), str(command.value.get("site"))
        if not movable(sensor, site, self.sensors, self.sites):
            return False
        self.sites = tuple(site if s == sensor else old for s, old in zip(self.sensors, self.sites, strict=True))
        if self.coach is not None:
            self.coach.sites = self.sites
        if self.guards is not None:
            self.guards.sites = self.sites
        return True


def cut(block: B, begin: int, stop: int) -> B:
    """Rows of a block of frames or angles."""
    if begin == 0 and stop == len(block.index):
        return block
    every = ((field.name, getattr(block, field.name)) for field in fields(block))
    rows: dict[str, Any] = {name: value[begin:stop] for name, value in every if isinstance(value, np.ndarray)}
    return replace(block, **rows)


def _joined(parts: list[Angles]) -> Angles:
    return concat_angles(parts) if len(parts) > 1 else parts[0]


def _told(scene: Scene) -> tuple[str | None, bool]:
    """What the body stage is told of a scene: posture, and whether a set is going on."""
    return scene.posture, scene.set_begin >= 0


def _within_cell(f: Frames, begin: int, end: int) -> int:
    """The end of a block; of a short one no later than the end of its cell, where decisions fall."""
    return min(end, begin + CELL - int(f.index[begin]) % CELL) if end - begin <= 4 * CELL else end
