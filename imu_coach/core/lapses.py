"""What arrivals alone tell of a device clock: how often it wrapped, and that a mere count has missed samples."""

from __future__ import annotations

from imu_coach.core.clock import BUCKET, SETTLING, Clock

LAPSE = 0.15
"""s; when nothing in a whole bucket came less late than this, it is not the radio that is late."""


def turned(since: int, passed: float, tick_seconds: float, modulus: int) -> int:
    """Ticks since the newest packet, ``passed`` s ago: of all that a wrapping clock may mean, the nearest."""
    return since + modulus * round((passed / tick_seconds - since) / modulus)


def lapsed(clock: Clock, last: float) -> bool:
    """Whether a clock that only counts samples has missed some; asked with the device time of a packet's last sample.

    Samples that the radio delayed catch up with the line, those behind lost ones do not.  Judged once a bucket.
    """
    line, best = clock.line, clock.arrivals.best
    if line is None or best is None or last < clock.refit_at or last - clock.began < SETTLING + BUCKET:
        return False
    return best[1] - line(best[0]) > LAPSE
