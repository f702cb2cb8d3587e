"""What makes one virtual sensor differ from the next: its serial, its crystal, its IMU's rhythm, its charge."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple


class Part(NamedTuple):
    """One sensor's own numbers.

    ``ppm`` its crystal's error; ``offset_us`` its clock when it is switched on; ``rate_error`` (true rate / granted
    rate) - 1; ``battery`` 0..1.
    """

    serial: int
    ppm: float = 0.0
    offset_us: int = 0
    rate_error: float = 0.0
    battery: float = 0.9

    @classmethod
    def draw(cls, site: str, seed: int) -> Part:
        """Ordinary parts: a crystal within some 20 ppm, an IMU within some 1.5 %; on since some time."""
        draw = random.Random(f"{seed}:{site}")
        rate_error = max(-0.04, min(0.04, draw.gauss(0.0, 0.015)))
        return cls(
            serial=draw.randrange(1 << 16, 1 << 56),
            ppm=draw.gauss(0.0, 20.0),
            offset_us=draw.randrange(10**6, 1 << 32),
            rate_error=rate_error,
            battery=draw.uniform(0.3, 1.0),
        )

    @property
    def name(self) -> str:
        """As advertised: docs/protocol.md."""
        return f"imu-{self.serial & 0xFFFF:04X}"


class Clock:
    """A device's clock: us since it was switched on, off by parts per million."""

    def __init__(self, ppm: float, offset_us: float, now: Callable[[], float], since: float | None = None) -> None:
        self.now = now
        self._rate, self._since, self._us = 1e6 + ppm, now() if since is None else since, offset_us

    def us(self, at: float | None = None) -> int:
        """Device time at a true time (s of ``now``), or now."""
        return int(self._us + ((self.now() if at is None else at) - self._since) * self._rate)

    def when(self, us: float) -> float:
        """The true time (s of ``now``) of a device time."""
        return self._since + (us - self._us) / self._rate

    @property
    def set(self) -> tuple[float, float, float]:
        """ppm, device time and true time of the last change: what another process needs to have the same clock."""
        return self._rate - 1e6, self._us, self._since

    def skew(self, ppm: float) -> None:
        """Run at another rate from now on."""
        now = self.now()
        self._us, self._since, self._rate = float(self.us(now)), now, 1e6 + ppm
