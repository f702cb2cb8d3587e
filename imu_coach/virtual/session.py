"""When the person of the virtual air begins: soon after the first stream, so that no sensor misses the beginning."""

from __future__ import annotations

from collections.abc import Callable

LEAD = 6.0
"""s that a person waits after the first START: the sensors lie on the table, and the others are started, too."""
QUIET = 10.0
"""s without any stream after which the next START finds the person at the beginning again: longer than a reboot."""


class Session:
    """The session clock that all sensors share; sensors are told apart by their address.

    ``lead``: s from the first START to its beginning.  ``epoch`` is the time (s of ``now``) at which the session
    begins, None before the first START.
    """

    def __init__(self, now: Callable[[], float], lead: float = 0.0) -> None:
        self.now, self.lead = now, lead
        self.epoch: float | None = None
        self._streaming: set[str] = set()
        self._quiet_since = now()

    def begin(self, sensor: str) -> float:
        """A sensor starts a stream: the epoch that its samples belong to."""
        if self.epoch is None or (not self._streaming and self.now() - self._quiet_since > QUIET):
            self.epoch = self.now() + self.lead
        self.busy(sensor, True)
        return self.epoch

    def busy(self, sensor: str, streaming: bool) -> None:
        """A sensor has a host that listens, or not any more."""
        if streaming:
            self._streaming.add(sensor)
        elif sensor in self._streaming:
            self._streaming.discard(sensor)
            self._quiet_since = self.now()
