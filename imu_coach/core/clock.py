"""Device time to session time, causally: each packet is placed when it arrives and never moved again.

A sample exists before it arrives, and a clock request was sent before the sensor received it.  So the line
``session = a + b * device`` lies under every arrival (and every reply's arrival) and above every request.  Keeping the
lower convex hull of the first and the upper hull of the second gives the line; with requests it is two-sided and its
half-width is the uncertainty [1]_ [2]_.

References
----------
.. [1] L. Zhang, Z. Liu, C. Honghui Xia, IEEE INFOCOM 2002, doi:10.1109/INFCOM.2002.1019257
.. [2] S. Moon, P. Skelly, D. Towsley, IEEE INFOCOM 1999, doi:10.1109/INFCOM.1999.749287
"""

from __future__ import annotations

from typing import NamedTuple

CRYSTAL = 150e-6
"""A device crystal against the host's: 2 x 50 ppm plus temperature, rounded up."""
WORST = 0.06
"""Largest rate error that is believed at all: sensor parts are specified to about +-5 %."""
BEYOND_JITTER = 0.060
"""s; a lead or lag that no delay variation of a working link explains: then the clock itself is off."""
BUCKET = 2.0
"""s; one extreme point per bucket enters the hulls: within it a crystal moves at most 0.3 ms."""
FIRST_BUCKETS = 0.25
"""s; shorter buckets for the first :data:`SETTLING` seconds, when nothing is known yet."""
SETTLING = 5.0
WINDOW = 60.0
"""s; hulls reach back one to two windows."""
USUAL = 40e-6
"""What crystals are off by when nothing is known: two of 20 ppm each, and temperature."""
LOOSE = 0.003
"""s; how far the ends of a hull's edge are from the true line: a tenth of a connection interval of 30 ms."""
SLEW = 0.005
"""Largest rate at which the placed time moves towards a better line: 5 ms per second disturbs no angle."""
HORIZON = 2.0
"""s over which a correction is spread."""
MARGIN = 1e-6
"""s; samples are placed at least this long before their arrival."""


class Line(NamedTuple):
    """``session = at + slope * (device - origin)``."""

    origin: float
    at: float
    slope: float

    def __call__(self, device: float) -> float:
        return self.at + self.slope * (device - self.origin)


class Hull:
    """Lower (side = +1) or upper (side = -1) convex hull of points that come with growing x; amortised O(1) a point."""

    def __init__(self, side: float) -> None:
        self.side = side
        self.points: list[tuple[float, float]] = []

    def add(self, x: float, y: float) -> None:
        """Points not beyond the last x are ignored: their neighbour already bounds the line."""
        points, y = self.points, self.side * y
        if points and x <= points[-1][0]:
            return
        while len(points) > 1:
            (x0, y0), (x1, y1) = points[-2], points[-1]
            if (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0:
                break
            points.pop()
        points.append((x, y))

    def span(self) -> float:
        """Distance in x from first to last point."""
        return self.points[-1][0] - self.points[0][0] if self.points else 0.0

    def slope(self) -> float:
        """Slope of the edge over the middle of the span: the line that hugs all points best."""
        points = self.points
        middle = 0.5 * (points[0][0] + points[-1][0])
        i = next(i for i in range(1, len(points)) if points[i][0] >= middle)
        (x0, y0), (x1, y1) = points[i - 1], points[i]
        return self.side * (y1 - y0) / (x1 - x0)

    def value(self, x: float, slope: float) -> float:
        """At ``x``, the line of this slope that touches the hull."""
        return self.side * min(self.side * slope * (x - px) + py for px, py in self.points)


class _Windowed:
    """The hull of the last one to two windows: two hulls started a window apart, the older one is asked."""

    def __init__(self, side: float) -> None:
        self.side = side
        self.hulls = [Hull(side)]
        self.best: tuple[float, float] | None = None

    def offer(self, x: float, y: float, slope: float) -> None:
        """Keep the most extreme point of the current bucket, as seen along ``slope``."""
        if self.best is None or self.side * ((y - slope * x) - (self.best[1] - slope * self.best[0])) < 0:
            self.best = (x, y)

    def close_bucket(self) -> None:
        if self.best is None:
            return
        newest = self.hulls[-1]
        if newest.span() > WINDOW:
            newest = Hull(self.side)
            self.hulls = [*self.hulls[-1:], newest]
        for hull in self.hulls:
            hull.add(*self.best)
        self.best = None

    def hull(self) -> Hull:
        return self.hulls[0]


class Clock:
    """Places the packets of one sensor, between two (re)starts of its device clock.

    Parameters
    ----------
    tolerance : how far the device's rate may be off without evidence (:data:`CRYSTAL`, or :data:`WORST` for streams
        whose "device time" is just the sample number)
    """

    told_of_every_packet = False
    """Regular packets on the present line need no :meth:`place`, unless a clock wants to hear of each."""

    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance
        self.line: Line | None = None
        self.rate = 1.0
        self.band: float | None = None
        self.began = 0.0
        self.last_placed = 0.0
        self.refit_at = 0.0
        self.arrivals = _Windowed(+1.0)
        self.requests = _Windowed(-1.0)

    def place(self, first: float, last: float, arrived: float, after: float) -> tuple[float, float]:
        """Session time of a packet's first sample, and session seconds per device second within the packet.

        Parameters
        ----------
        first, last : s, device time of its first and last sample
        arrived : s, session time of arrival
        after : s, session time of the sample before; every placed time is later than this
        """
        line = self.line
        if line is None:
            line = self._begin(last, arrived)
        elif last >= self.refit_at:
            line = self._refit(last)
        lead = arrived - self.rate * last
        best = self.arrivals.best
        if best is None or lead < best[1] - self.rate * best[0]:
            self.arrivals.best = (last, arrived)
        t_first = line.at + line.slope * (first - line.origin)
        t_last = line.at + line.slope * (last - line.origin)
        return self._fit(first, last, t_first, t_last, line.slope, arrived, after)

    def _fit(
        self, first: float, last: float, t_first: float, t_last: float, slope: float, arrived: float, after: float
    ) -> tuple[float, float]:
        """Keep a packet before its arrival and after the sample before it."""
        latest = arrived - MARGIN
        if t_last > latest:  # faster than anything before: the line is too late, until the next refit moves it
            t_first -= t_last - latest
            t_last = latest
        if t_first <= after + MARGIN:
            t_first, t_last, slope = _squeeze(first, last, t_last, after, latest)
        self.last_placed = t_last
        return t_first, slope

    def session(self, device: float) -> float | None:
        """Session time of a device time as far as is known now; None before the first packet."""
        return None if self.line is None else self.line(device)

    def request(self, device: float, sent: float) -> None:
        """The sensor received, at ``device`` s, a request that left the host at ``sent`` s."""
        self.requests.offer(device, sent, self.rate)

    def answer(self, device: float, arrived: float) -> None:
        """A reply handed to the radio at ``device`` s arrived at ``arrived`` s."""
        self.arrivals.offer(device, arrived, self.rate)

    def _begin(self, last: float, arrived: float) -> Line:
        self.began = last
        self.refit_at = last + FIRST_BUCKETS
        self.line = Line(last, arrived - MARGIN, 1.0)
        return self.line

    def _refit(self, now: float) -> Line:
        """Close the bucket, find the best line, and turn the placed line towards it without a step."""
        assert self.line is not None
        settling = now - self.began < SETTLING
        self.refit_at = now + (FIRST_BUCKETS if settling else BUCKET)
        self.arrivals.close_bucket()
        self.requests.close_bucket()
        target = self._target(now)
        here = self.line(now)
        if settling:
            self.line = Line(now, target, self.rate)
        else:
            turn = max(-SLEW, min(SLEW, (target - here) / HORIZON))
            self.line = Line(now, here, self.rate + turn)
        return self.line

    def _target(self, now: float) -> float:
        """Session time of ``now`` on the best line; updates ``rate`` and ``band``."""
        lower, upper = self.arrivals.hull(), self.requests.hull()
        self.rate = self._rate(lower, upper)
        high = lower.value(now, self.rate)
        if not upper.points:
            self.band = None
            return high
        low = upper.value(now, self.rate)
        self.band = 0.5 * abs(high - low)
        return 0.5 * (high + low)

    def _rate(self, lower: Hull, upper: Hull) -> float:
        """The hulls' slopes and what is usual, each for what it is worth (least squares); never beyond a crystal's
        worst unless the evidence is beyond any jitter.
        """
        hulls = [h for h in (lower, upper) if len(h.points) > 1 and h.span() >= 1.0]
        if not hulls:
            return self.rate
        evidence = [(hull.span() / LOOSE) ** 2 for hull in hulls]
        total = sum(evidence)
        off = sum(e * (hull.slope() - 1.0) for e, hull in zip(evidence, hulls, strict=True)) / total
        if self.tolerance < WORST:
            usual = USUAL + max(0.0, abs(off) - total**-0.5)  # more, by as much as is beyond the evidence's own error
            off *= total / (total + usual**-2)
        slope = 1.0 + off
        held = max(1.0 - self.tolerance, min(1.0 + self.tolerance, slope))
        steep = lower.slope() if lower in hulls else held
        if abs(steep - held) * lower.span() > BEYOND_JITTER:
            return max(1.0 - WORST, min(1.0 + WORST, steep))
        return held


def _squeeze(first: float, last: float, t_last: float, after: float, latest: float) -> tuple[float, float, float]:
    """Fit a packet between the sample before and its own arrival: the line has just moved back in time."""
    span = last - first
    t_last = max(t_last, after + min(max(0.1 * span, MARGIN), 0.5 * (latest - after)))
    t_first = after + 0.1 * (t_last - after) if span > 0 else t_last
    return t_first, t_last, (t_last - t_first) / span if span > 0 else 1.0
