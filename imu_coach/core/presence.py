"""Is a sensor still there?  Seen from its frames alone: lost after a second without data, back with the first."""

from __future__ import annotations

import numpy as np

from imu_coach.conventions import FRAME_RATE
from imu_coach.types import Codes, Event, Frames, Why

PATIENCE = int(FRAME_RATE)
"""Frames without data before a sensor counts as lost: longer than any retransmission, shorter than a repetition."""


NO_DATA, NOT_STARTED = int(Why.NO_DATA), int(Why.NOT_STARTED)


class Presence:
    """Watches the sensors of a layout."""

    def __init__(self, sites: tuple[str, ...]) -> None:
        self.sites = sites
        self.last = [-1] * len(sites)  # the last frame with data; -1 before the first
        self.lost = [False] * len(sites)

    def push(self, f: Frames) -> list[Event]:
        """Events decided within these frames."""
        events: list[Event] = []
        if not len(f.index):
            return events
        for i in range(len(self.sites)):
            events += self._sensor(i, f, f.why[:, i])
        return events

    def _sensor(self, i: int, f: Frames, why: Codes) -> list[Event]:
        there = (why != NO_DATA) & (why != NOT_STARTED)
        if self.last[i] == f.index[0] - 1 and not self.lost[i] and there.all():
            self.last[i] = int(f.index[-1])
            return []
        present = f.index[there]
        events: list[Event] = []
        edges = [self.last[i], *present[np.flatnonzero(np.diff(present, prepend=self.last[i]) > 1)].tolist()]
        for back in edges[1:]:
            before = int(present[np.searchsorted(present, back) - 1]) if back > present[0] else self.last[i]
            if before >= 0 and back - before > PATIENCE:
                events += [self._lost(i, before)] if not self.lost[i] else []
                events.append(
                    Event(back, before + 1, "sensor_back", self.sites[i], {"seconds": (back - before) / FRAME_RATE})
                )
                self.lost[i] = False
        if len(present):
            self.last[i] = int(present[-1])
        newest = int(f.index[-1])
        if self.last[i] >= 0 and not self.lost[i] and newest - self.last[i] > PATIENCE - 1:
            events.append(self._lost(i, self.last[i]))
            self.lost[i] = True
        return events

    def _lost(self, i: int, last: int) -> Event:
        return Event(last + PATIENCE, last + 1, "sensor_lost", self.sites[i], {})
