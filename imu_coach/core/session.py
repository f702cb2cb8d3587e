"""Body, coach and guards in step: what the coach decides at a frame changes what the body stage says after it.

A long block is tried as a whole; if the coach decides something within it, the block is taken back and done again up to
that frame.  So any cut of the frames gives the same, and an hour takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

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
NS = round(1e9 / FRAME_RATE)


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
        constants = self.body.columns, self.body.nothing, self.body.sensors, setup.bands, setup.plan
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
            first = int(f.index[done])
            self._obey(first)
            ahead = self.coach.horizon() if self.coach is not None else LONGEST
            stop = min(done + ahead, n, int(np.searchsorted(f.index, self._next_command())))
            if stop - done <= 4 * CELL:
                stop = min(stop, done + CELL - first % CELL)
            stop, angles, part = self._block(f, done, stop)
            parts.append(angles)
            trace[done:stop] = part
            done = stop
        self.next = int(f.index[-1]) + 1
        return concat_angles(parts) if len(parts) > 1 else parts[0], trace

    def _block(self, f: Frames, begin: int, stop: int) -> tuple[int, Angles, Floats]:
        """Frames of one scene: as many of these as there are."""
        rows = cut(f, begin, stop)
        if self.coach is None:
            angles = self.body.push(rows)
            self._guard(rows, angles, self._scene())
            return stop, angles, np.full(stop - begin, np.nan)
        kept = snapshot((self.body, self.coach), self.fixed) if stop - begin > CELL else None
        scene = self.coach.scene
        angles = self.body.push(rows)
        change = self.coach.push(rows, angles)
        if change is not None and change < int(f.index[stop - 1]) + 1:
            assert kept is not None
            self.body, self.coach = kept
            stop = begin + change - int(f.index[begin])
            rows = cut(f, begin, stop)
            angles = self.body.push(rows)
            change = self.coach.push(rows, angles)
        self.events += self.coach.take_events()
        self._guard(rows, angles, scene)
        if change is not None:
            self._tell_body(change, scene, self.coach.scene)
        return stop, angles, self.coach.trace

    def _guard(self, f: Frames, a: Angles, scene: Scene) -> None:
        if self.guards is not None:
            changes = self.body.take_events()
            self.changes += changes
            self.guards.note(changes)
            self.events += self.guards.push(f, a, scene)

    def _scene(self) -> Scene:
        """Without a coach: what the last ``context`` command said."""
        now = self.body.now
        return Scene("set" if now.in_set else "idle", now.posture)

    def _tell_body(self, frame: int, before: Scene, after: Scene) -> None:
        """The coach's word on posture and set, from this frame on."""
        told = [(s.posture, s.set_begin >= 0) for s in (before, after)]
        if told[0] != told[1]:
            value = {"posture": told[1][0], "in_set": told[1][1]}
            self.body.command(Command(frame * NS, "context", value))

    # --- commands -----------------------------------------------------------------------------------

    def _next_command(self) -> int:
        return min((frame for frame, _ in self.due), default=int(np.iinfo(np.int64).max))

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


def cut(f: Frames, begin: int, stop: int) -> Frames:
    """Rows of a block of frames."""
    if begin == 0 and stop == len(f.index):
        return f
    return replace(f, **{field.name: getattr(f, field.name)[begin:stop] for field in fields(f)})
