"""The book of one set: what was counted, what was held, what a person corrected; every entry becomes an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from imu_coach.conventions import FRAME_RATE
from imu_coach.core.rep import HoldNews, Rep, Turn
from imu_coach.exercise import Item, Motion
from imu_coach.types import Json

CREDIT = 0.9
"""Share of the target that makes a hold a whole one."""

SHORTEST_HOLD = 1.5
"""s; turning round slowly at the top takes as long."""

HOLD_KINDS = {
    "start": "hold_begin",
    "second": "hold_second",
    "pause": "hold_pause",
    "resume": "hold_resume",
    "end": "hold_end",
}


class Entry(NamedTuple):
    """One line of the book: an event without its exercise and set."""

    decided: int
    onset: int
    kind: str
    detail: Mapping[str, Json]


class Book:
    """Of the set of an item that began at a frame; ``motion`` is how its repetitions are seen, None: by hand only.

    ``begun``: it is known that it began, by a word or since something was done; a stillness alone may be a pause on
    the way to the floor.
    """

    def __init__(self, item: Item, motion: Motion | None, set_number: int, begin: int, begun: bool = True) -> None:
        self.item, self.motion = item, motion
        self.set_number, self.begin, self.begun = set_number, begin, begun
        self.reps: list[tuple[float, str]] = []  # when it ended, s, and its status
        self.undone = 0
        self.small = 0
        self.of_small: dict[int, float] = {}  # s held in a small one, by its onset
        self.resting, self.rest_since = True, begin
        self.holding = 0.0  # s, of the hold in progress
        self.held = 0.0  # s, since the last repetition
        self.holds: list[float] = []
        self.frames = self.unseen = 0
        self.trunks: list[float] = []  # trunk inclination (rad) of the cells so far, NaN where not known

    def hear(self, news: Rep | HoldNews | Turn) -> list[Entry]:
        """Entries that some news make."""
        if isinstance(news, Turn):
            self.resting, self.rest_since = news.resting, max(news.since, self.begin)
            return []
        return [self._hold(news)] if isinstance(news, HoldNews) else [self._rep(news)]

    def watch(self, frames: int, unseen: int) -> None:
        """So many frames went by, so many of them without a value."""
        self.frames += frames
        self.unseen += unseen

    def _hold(self, news: HoldNews) -> Entry:
        target = self.item.hold
        self.holding = news.seconds
        self.begun |= news.seconds >= SHORTEST_HOLD
        detail: dict[str, Json] = {"seconds": round(news.seconds, 2), "target_s": target, "breaks": news.breaks}
        if news.kind == "end":
            self.holding = 0.0
            self.held += news.seconds
            if news.seconds >= SHORTEST_HOLD:
                self.holds.append(news.seconds)
            detail |= {
                "whole": None if target is None else news.seconds >= CREDIT * target,
                "unseen_s": round(news.unseen, 2),
                "sag_dps": _degrees(news.sag),
                "tremor_deg": _degrees(news.tremor),
                "sway_deg": _degrees(news.sway),
            }
        return Entry(news.decided, news.onset, HOLD_KINDS[news.kind], detail)

    def _rep(self, rep: Rep) -> Entry:
        probable = self.motion is not None and self.motion.probable
        metres = self.motion is not None and self.motion.channel == "wrist_vertical"
        size, speed = abs(rep.peak - rep.baseline), abs(rep.speed)
        detail: dict[str, Json] = {
            "top_s": rep.top / FRAME_RATE,
            "release_s": rep.release / FRAME_RATE,
            "end_s": rep.end / FRAME_RATE,
            "direction": rep.direction,
            "range": round(size if metres else float(np.rad2deg(size)), 3),
            "peak_speed": round(speed if metres else float(np.rad2deg(speed)), 3),
            "unit": "m" if metres else "deg",
            "hold_s": round(self.held, 2) if self.item.exercise.hold else None,
        }
        if rep.status == "partial":
            self.small += 1
            self.of_small[rep.onset], self.held = self.held, 0.0
            return Entry(rep.decided, rep.onset, "small_rep", detail)
        self.begun = True  # a small one may be a change of posture
        promoted = rep.status == "promoted"
        if promoted:
            self.small -= 1
            detail["hold_s"] = round(self.of_small.get(rep.onset, 0.0), 2) if self.item.exercise.hold else None
        status = "probable" if probable else "counted"
        self.reps.append((rep.end / FRAME_RATE, status))
        self.held = self.held if promoted else 0.0
        detail |= {"number": len(self.reps), "status": status, "promoted": promoted}
        return Entry(rep.decided, rep.onset, "rep", detail)

    def by_hand(self, frame: int, name: str) -> Entry | None:
        """``add`` or ``undo`` a repetition; None when there is nothing to undo."""
        if name == "add":
            self.reps.append((frame / FRAME_RATE, "hand"))
            return Entry(frame, frame, "rep", {"number": len(self.reps), "status": "hand", "promoted": False})
        if not self.reps:
            return None
        number = len(self.reps)
        self.undone += 1
        return Entry(frame, frame, "undone", {"number": number, "status": self.reps.pop()[1]})

    def rhythm(self) -> float:
        """s, the usual time from one repetition to the next; 0 when not known."""
        ends = [end for end, _ in self.reps]
        return float(np.median(np.diff(ends))) if len(ends) > 1 else 0.0

    def summary(self, why: str, frame: int) -> dict[str, Json]:
        """What the set came to."""
        status = [s for _, s in self.reps]
        low, high = self.item.reps
        return {
            "why": why,
            "seconds": (frame - self.begin) / FRAME_RATE,
            "reps": len(self.reps),
            **{name: status.count(name) for name in ("counted", "probable", "hand")},
            "undone": self.undone,
            "small": self.small,
            "asked": [low, high] if high < OPEN else None,
            "holds_s": [round(h, 2) for h in self.holds],
            "channel": self.motion.channel if self.motion else "",
            "seen": round(1.0 - self.unseen / self.frames, 4) if self.frames else 0.0,
        }


OPEN = 10**6
"""Repetitions that stand for "as many as you like"."""


def _degrees(value: float) -> float | None:
    return None if value != value else round(float(np.rad2deg(value)), 3)
