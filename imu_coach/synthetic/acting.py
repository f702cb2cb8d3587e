"""How a person moves through a script: draws at the person's own level, postures and the ways between them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from imu_coach.synthetic.conduct import Conduct
from imu_coach.synthetic.person import Person, stream
from imu_coach.synthetic.scenario import Activity, Edge, Spread, Step, Strategy, poses, route
from imu_coach.synthetic.timeline import SPINE, Timeline, joints
from imu_coach.types import Json

TEMPO_SD = 0.22
"""SD of the log of durations, +-25 %: biomechanics.md 7."""

TRUNK = ("trunk", "lumbar", "thoracic", "lat", "axial")

RESTING = {"standing": "stand", "seated": "sit", "kneeling": "half_kneel", "prone": "prone"}
"""The pose in which a group of postures is passed through."""


class Actor:
    """One person playing one script; ``timeline`` is the result.

    ``rng`` draws what has always been drawn, ``more`` what came later: scripts without it stay as they were.
    """

    def __init__(self, person: Person, seed: int, conduct: Conduct | None = None, coached: bool = False) -> None:
        self.conduct = conduct or Conduct()
        self.person = self.conduct.on(person)
        self.coached = coached
        self.arm = person.arm
        self.rng = stream(seed, "script")
        self.more = stream(seed, "script:more")
        self.timeline = Timeline()
        self.group = ""
        self.traits: dict[str, float] = {}

    # --- draws --------------------------------------------------------------------------------------------------------

    def draw(self, name: str, values: Spread) -> float:
        """A value with the person's own part (always the same under this name) and the part of this time."""
        mean, between, each = values
        if between and name not in self.traits:
            self.traits[name] = self.person.trait(name)
        own = between * self.traits[name] if between else 0.0
        return mean + own + (each * float(self.rng.standard_normal()) if each else 0.0)

    def draws(self, name: str, values: Mapping[str, Spread]) -> dict[str, float]:
        """:meth:`draw` for every entry."""
        return {channel: self.draw(f"{name}.{channel}", s) for channel, s in values.items()}

    def seconds(self, mean: float, speed: float = 1.0) -> float:
        """A duration at the person's tempo."""
        return mean * self.person.tempo / speed * float(np.exp(TEMPO_SD * self.rng.standard_normal()))

    def share(self, strategy: Strategy | None = None) -> float:
        """Lumbar share of the next spine movement."""
        mean = self.person.lumbar_share if strategy is None or strategy.share is None else strategy.share
        return float(np.clip(mean + self.person.lumbar_share_spread * self.rng.standard_normal(), 0.1, 1.0))

    def room(self, spine: float) -> float:
        """``spine`` deg more flexion, but not beyond the person's range."""
        full = self.person.lumbar_range + self.person.thoracic_range
        return min(spine, max(full - sum(self.timeline.value[c] for c in SPINE), 0.0))

    def pose(self, name: str) -> dict[str, float]:
        """Joint targets of a posture as this person takes it this time."""
        pose = poses()[name]
        # a person's trunk is alike in all postures of a group: lying with the arms here or there, sitting tall or not
        group = name if pose.group == "path" else pose.group
        target = {c: self.draw(f"{group if c in TRUNK else name}.{c}", s) for c, s in pose.target.items()}
        slump = pose.slump * self.person.slump
        lumbar = target.pop("lumbar") + pose.sitting * self.person.sit_flattening + self.person.lumbar_share * slump
        thoracic = target.pop("thoracic") + (1.0 - self.person.lumbar_share) * slump
        trunk = target.pop("trunk") + 0.6 * slump
        for channel in ("height", "forward"):
            target[channel] *= self.person.scale
        return {**joints(target, 0.0), "lumbar": lumbar, "thoracic": thoracic, "pelvis": trunk - lumbar - thoracic}

    # --- getting there ------------------------------------------------------------------------------------------------

    def context(self, posture: str, in_set: bool = False) -> None:
        """A context command, unless nothing changed; "" = the coach does not know the posture."""
        notes = self.timeline.notes
        if notes.contexts and notes.contexts[-1][1:] == (posture, in_set):
            return
        notes.contexts.append((self.timeline.t, posture, in_set))
        if not self.coached:
            self.command("context", {"posture": posture or None, "in_set": in_set})

    def command(self, name: str, value: Mapping[str, Json]) -> None:
        """Somebody presses a button, now."""
        self.timeline.notes.commands.append((self.timeline.t, name, value))

    def announce(self, activity: Activity, step: Step) -> None:
        """Say which exercise comes, before getting into position for it (coached sessions)."""
        if self.coached and (exercise := step.exercise or activity.exercise):
            self.timeline.t += float(self.more.uniform(0.5, 1.5))
            self.command("exercise", {"id": exercise, "side": self.side(activity, step)})
            self.timeline.t += float(self.more.uniform(0.5, 1.5))

    def side(self, activity: Activity, step: Step) -> str:
        """The working side: as the script says, else the arm with the sensors for what is done with one arm."""
        return step.side or (self.arm if activity.one_sided else "")

    def sided(self, deltas: Mapping[str, float]) -> dict[str, float]:
        """Side bends and turns the other way round while the other arm wears the sensors."""
        if self.arm == self.person.arm:
            return dict(deltas)
        return {c: -d if c.endswith(("_lat", "_axial")) else d for c, d in deltas.items()}

    def get_ready(self) -> None:
        """Be still in the start posture, as the coach asks for it (coached sessions)."""
        if self.coached:
            self.timeline.t += float(self.more.uniform(*self.conduct.ready))

    def finish(self, activity: Activity, step: Step, begin: float, end: float) -> None:
        """The last repetition ended at ``end``: say so a little later (coached sessions)."""
        exercise = step.exercise or activity.exercise
        if self.coached and exercise:
            notes = self.timeline.notes
            notes.sets.append((begin, end, exercise, self.side(activity, step)))
            self.timeline.t = max(self.timeline.t, end + float(self.more.uniform(*self.conduct.finish)))
            self.command("finish", {})

    def take(self, name: str) -> None:
        """Get into a posture, on the way that leads there."""
        line, group = self.timeline, poses()[name].group
        if not line.moves:
            line.jump({**self.pose(name), "heading": float(self.rng.uniform(-180.0, 180.0))})
        for edge in route(self.group, group) if self.group else ():
            self.travel(edge, name if edge.end == group else RESTING[edge.end])
        if self.group == group:
            target = self.pose(name)
            largest = max(abs(value - line.value[c]) for c, value in target.items())
            line.go(target, self.seconds(1.0 + largest / 70.0))
        self.group = group

    def travel(self, edge: Edge, name: str) -> None:
        """One way between two groups of postures."""
        line, start = self.timeline, self.timeline.t
        self.context("transition")
        line.shift({"heading": edge.turn * float(self.rng.uniform(-1.5, 1.5))}, start, self.seconds(sum(edge.seconds)))
        for pose, seconds in zip((*edge.via, name), edge.seconds, strict=True):
            line.go(self.pose(pose), self.seconds(seconds))
        line.t += 0.4
        line.notes.steps.append((start, line.t, edge.name))
        self.group = edge.end
