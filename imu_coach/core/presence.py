"""Is a sensor still there?  Seen from its frames alone: lost after a second without data, back with the first."""

from __future__ import annotations

import numpy as np

from imu_coach.conventions import FRAME_RATE
from imu_coach.types import Bools, Event, Frames, Why

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
        there = (f.why != NO_DATA) & (f.why != NOT_STARTED)
        if there.all() and not any(self.lost) and all(last == f.index[0] - 1 for last in self.last):  # nearly always
            self.last = [int(f.index[-1])] * len(self.sites)
            return events
        for i in range(len(self.sites)):
            events += self._sensor(i, f, there[:, i])
        return events

    def _sensor(self, i: int, f: Frames, there: Bools) -> list[Event]:
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
