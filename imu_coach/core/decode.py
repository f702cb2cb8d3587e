"""Packets of one sensor to placed samples: sequence, losses, reboots, device time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import inf

import numpy as np

from imu_coach.core.clock import CRYSTAL, MARGIN, WORST, Clock
from imu_coach.core.gaps import GapFiller
from imu_coach.core.lapses import lapsed, turned
from imu_coach.core.placed import Columns, Placed
from imu_coach.drivers import driver, sync_channel
from imu_coach.drivers.base import EVENT, Decoded
from imu_coach.errors import DecodeError
from imu_coach.types import Health, Link, Packet, Samples, SensorInfo, Sent

CONSISTENT = 0.05
"""s; a packet's number and device time may disagree by this much (plus 6 %), else it is not of this stream."""
INTERVAL_KNOTS = 11
"""The interval is measured over ten to twenty seconds: rounding to 1 us is then 1e-7, and warm-up is still followed."""
REPEATS = 5
"""Old packets in a row that continue each other before they are taken for a sensor that counts from zero again."""
SAME_TIME = 30.0
"""s; a clock reply further than this from its request belongs to another run of the sensor."""
AT_ONCE = 64
"""Regular packets that are placed in one go: the line that places them lasts for a second."""
EARLIEST = 2.0 * MARGIN
"""s after the sample before, at which a regular packet begins."""
PENDING = 64
"""Clock requests that may wait for their answer."""

SensorInput = Packet | Sent | Link


class Receiver:
    """One sensor: inputs in order of arrival -> :class:`~imu_coach.types.Samples`; keeps its own counters.

    Parameters
    ----------
    hold : s; a gap up to this long is interpolated on the sensor's grid, a longer one marks ``start``
    """

    # the newest packet of the stream: number and count of its samples, its seq and ticks as sent
    number: int
    count: int
    seq: int
    ticks: int
    elapsed: int  # ticks from the stream's first packet to the newest
    origin: float  # s, the stream's first ticks
    interval: float  # device seconds per sample
    knots: list[tuple[float, int]]  # device time and number, about one a second
    clock: Clock
    fresh: bool  # the next placed sample begins a stream

    def __init__(self, info: SensorInfo, hold: float) -> None:
        self.info = info
        self.driver = driver(info)
        self.sync_channel = sync_channel(info.driver)
        self.gaps = GapFiller(info, hold)
        self.packets = self.lost = self.late = self.rejected = self.reconnects = 0
        self.down = False
        self.delay = 0.0
        self.battery: float | None = None
        self.requests: dict[int, float] = {}
        self.suspect: tuple[int, int, int] | None = None  # seq and ticks of a packet that did not fit, how many so far
        self.begun = False
        self.after = -np.inf  # session time of the last placed sample
        self._begin(0, 0, 0)
        self.nothing = Placed().samples(info.sensor, self.driver.decode([]), np.empty(0, np.int64))

    def push(self, items: Sequence[SensorInput]) -> Samples:
        """Inputs of this sensor, in order of arrival."""
        if not items:
            return self.nothing
        payloads: list[bytes] = []
        arrived: list[int] = []
        others: list[tuple[int, SensorInput]] = []  # each with the number of data packets before it
        for item in items:
            if type(item) is Packet and item.channel != self.sync_channel:
                payloads.append(item.payload)
                arrived.append(item.arrived_ns)
            else:
                others.append((len(payloads), item))
        decoded = self.driver.decode(payloads)
        if any(decoded.problem):
            good = [not problem for problem in decoded.problem]
            before = [0, *np.cumsum(good).tolist()]
            others = [(before[position], item) for position, item in others]
            arrived = [ns for ns, ok in zip(arrived, good, strict=True) if ok]
            self.rejected += sum(problem not in ("", EVENT) for problem in decoded.problem)
        placed = self._place(decoded, arrived, others)
        if decoded.behind is not None and placed.index:
            self.delay += float(decoded.behind[placed.index[-1]])
        return self.gaps.push(placed.samples(self.info.sensor, decoded, np.array(arrived, np.int64)))

    def health(self, bias_known: bool) -> Health:
        """Counters so far."""
        return Health(
            packets=self.packets,
            samples=self.gaps.samples,
            lost=self.lost,
            held=self.gaps.held,
            late=self.late,
            rejected=self.rejected,
            invalid=self.gaps.invalid,
            restarts=max(0, self.gaps.restarts - 1),
            reconnects=self.reconnects,
            delay=self.delay,
            interval=self.interval * self.clock.rate,
            clock_band=self.clock.band,
            bias_known=bias_known,
            battery=self.battery,
        )

    def _clock(self, tolerance: float) -> Clock:
        return Clock(tolerance)

    def _place(self, decoded: Decoded, arrived: list[int], others: list[tuple[int, SensorInput]]) -> Placed:
        """Walk through the packets, and the clock exchanges between them, in order of arrival."""
        columns = Columns.of(decoded, arrived)
        gaps = self._gaps(decoded)
        placed = Placed()
        i, done = 0, 0
        wary = self.driver.clock == "index"  # a link that comes back begins a new stream there
        while i < len(arrived):
            stop = others[done][0] if wary and done < len(others) else len(arrived)
            after = self._regular(i, stop, columns, gaps, placed) if self.begun and stop > i else i
            if after > i:
                i = after
                continue
            while done < len(others) and others[done][0] <= i:  # an exchange tells at the next refit, not before
                self._other(others[done][1])
                done += 1
            self._packet(i, columns, placed)
            i += 1
        for _, item in others[done:]:
            self._other(item)
        return placed

    def _gaps(self, decoded: Decoded) -> list[float]:
        """s, device time from one packet to the next; inf where number or time do not continue."""
        seq, ticks, count = decoded.seq, decoded.ticks, decoded.count
        if len(seq) < 2:
            return [inf] * len(seq)
        since = np.diff(ticks)
        follows = (seq[1:] == (seq[:-1] + count[:-1]) % self.driver.seq_modulus) & (since >= 0)
        return [inf, *np.where(follows, since * self.driver.tick_seconds, inf).tolist()]

    def _regular(self, i: int, stop: int, columns: Columns, gaps: list[float], placed: Placed) -> int:
        """Place packets before ``stop`` that simply continue the stream, up to the first that needs :meth:`_packet`.

        It does what :meth:`_packet` would do, without its questions: nearly all packets of an hour pass through here.
        """
        line, best = self.clock.line, self.clock.arrivals.best
        if (
            line is None
            or best is None
            or self.clock.told_of_every_packet
            or self.driver.clock == "session"
            or stop <= i
        ):
            return i
        seq, ticks, counts, spans, arrived = columns
        tick_seconds, wrap = self.driver.tick_seconds, self.driver.seq_modulus
        interval, rate = self.interval, self.clock.rate
        count, after, base = self.count, self.after, self.elapsed - self.ticks
        origin, at, slope = line
        refit_at, lead = self.clock.refit_at, best[1] - rate * best[0]
        since = ticks[i] - self.ticks
        gap = since * tick_seconds if seq[i] == (self.seq + count) % wrap and since >= 0 else inf
        stop = min(stop, i + AT_ONCE)
        firsts: list[float] = []
        for ticked, span, ns, following, n in zip(
            ticks[i:stop], spans[i:stop], arrived[i:stop], [*gaps[i + 1 : stop], inf], counts[i:stop], strict=True
        ):
            if abs(gap - count * interval) > CONSISTENT:
                break
            device = (base + ticked) * tick_seconds
            last = device + span
            t_first = at + slope * (device - origin)
            t_last = at + slope * (last - origin)
            now = ns * 1e-9
            if last >= refit_at or t_first <= after + EARLIEST or t_last > now - MARGIN:
                break
            if now - rate * last < lead:
                lead = now - rate * last
                best = (last, now)
            gap, count, after = following, n, t_last
            firsts.append(t_first)
        if firsts:
            self._placed(i, firsts, columns, placed, slope)
            self.clock.arrivals.best, self.after = best, after
            self.delay = arrived[i + len(firsts) - 1] * 1e-9 - after
        return i + len(firsts)

    def _placed(self, begin: int, firsts: list[float], columns: Columns, placed: Placed, slope: float) -> None:
        """Take note of regular packets, the first of which is the one at ``begin``."""
        n = len(firsts)
        placed.index.extend(range(begin, begin + n))
        placed.number.extend(accumulate(columns.counts[begin : begin + n - 1], initial=self.number + self.count))
        placed.t_first.extend(firsts)
        placed.slope.extend([slope] * n)
        placed.interval.extend([self.interval * self.clock.rate] * n)
        newest = begin + n - 1
        self.suspect = None
        self.number, self.count, self.seq = placed.number[-1], columns.counts[newest], columns.seq[newest]
        self.elapsed += columns.ticks[newest] - self.ticks
        self.ticks = columns.ticks[newest]
        self.packets += n

    def _packet(self, i: int, columns: Columns, placed: Placed) -> None:
        """Number and place one packet, or count why not."""
        seq, ticks, count = columns.seq[i], columns.ticks[i], columns.counts[i]
        span, arrived = columns.span[i], columns.arrived_ns[i] * 1e-9
        step, since = self._since(self.seq, self.ticks, seq, ticks)
        passed = arrived - self.after  # since the newest sample, which is about count - 1 after its packet's first
        if self.begun:
            since = turned(since, passed, self.driver.tick_seconds, self.driver.tick_modulus)
            last = (self.elapsed + since) * self.driver.tick_seconds + span
            self.begun = self.driver.clock != "index" or not lapsed(self.clock, last)
        ahead = since * self.driver.tick_seconds - self.count * self.interval - passed
        fits = self.begun and self._fits(step, since) and ahead < CONSISTENT + WORST * passed
        if fits and step >= self.count:
            self.lost += step - self.count
            self.number += step
            self.elapsed += since
            self.seq, self.ticks = seq, ticks
        elif not self.begun or self._confirmed(seq, ticks, REPEATS if fits else 2):
            self.begun = True
            self._begin(self.number + self.count, seq, ticks)
        else:
            self.late += fits
            self.rejected += not fits
            return
        self.suspect = None
        self.count = count
        device, after = self.elapsed * self.driver.tick_seconds, self.after
        if arrived - after < 3.0 * MARGIN:  # a flood: no time is left to place these samples in
            self.rejected += 1
            return
        if self.driver.clock == "session":
            t_first, slope = self.origin + device, 1.0
            if t_first <= after or t_first + span > arrived + 1e-9:  # rounding of the sum
                self.rejected += 1
                return
        else:
            t_first, slope = self.clock.place(device, device + span, arrived, after)
        self.after = self.clock.last_placed if self.driver.clock != "session" else t_first + span
        self._measure_interval(device)
        if self.fresh:
            placed.starts.append(len(placed.index))
            self.fresh = False
        placed.index.append(i)
        placed.number.append(self.number)
        placed.t_first.append(t_first)
        placed.slope.append(slope)
        placed.interval.append(self.interval * self.clock.rate)
        self.packets += 1
        self.delay = arrived - self.after

    def _since(self, seq0: int, ticks0: int, seq: int, ticks: int) -> tuple[int, int]:
        """Samples and ticks from one packet to another, signed, wraps undone with the help of the time."""
        whole, wrap = self.driver.tick_modulus, self.driver.seq_modulus
        since = (ticks - ticks0 + (whole >> 1)) % whole - (whole >> 1)
        step = (seq - seq0 + (wrap >> 1)) % wrap - (wrap >> 1)
        samples = since * self.driver.tick_seconds / self.interval
        if abs(samples) > 0.25 * wrap:
            step += wrap * round((samples - step) / wrap)
        return step, since

    def _fits(self, step: int, since: int) -> bool:
        """Whether a step in number and a step in device time belong together."""
        seconds = since * self.driver.tick_seconds
        return abs(seconds - step * self.interval) <= CONSISTENT + WORST * abs(seconds)

    def _confirmed(self, seq: int, ticks: int, needed: int) -> bool:
        """Whether this is the last of ``needed`` packets in a row that fit each other but not the stream.

        One odd packet is noise, a few old ones are duplicates; what goes on is a sensor that has restarted.
        """
        chain = 1
        if self.suspect is not None:
            step, since = self._since(self.suspect[0], self.suspect[1], seq, ticks)
            if step > 0 and self._fits(step, since):
                chain = self.suspect[2] + 1
        self.suspect = seq, ticks, chain
        return chain >= needed

    def _begin(self, number: int, seq: int, ticks: int) -> None:
        """A new device clock and numbering."""
        self.number, self.seq, self.ticks, self.count = number, seq, ticks, 0
        self.elapsed = 0
        self.origin = ticks * self.driver.tick_seconds
        self.clock = self._clock(WORST if self.driver.clock == "index" else CRYSTAL)
        self.interval = 1.0 / self.info.rate
        self.knots = []
        self.fresh = True

    def _measure_interval(self, device: float) -> None:
        """Over the last ten to twenty seconds, renewed with the clock; as declared until there is one second."""
        knots = self.knots
        if knots and device - knots[-1][0] < 1.0:
            return
        knots.append((device, self.number))
        if len(knots) > INTERVAL_KNOTS:
            knots.pop(0)
        if len(knots) > 1:
            self.interval = (device - knots[0][0]) / (self.number - knots[0][1])

    def _other(self, item: SensorInput) -> None:
        """Clock exchange and link state."""
        if isinstance(item, Link):
            if item.kind == "battery":
                self.battery = item.value
            back = item.kind == "up" and self.down
            self.reconnects += back
            if back and self.driver.clock == "index":  # its numbers do not tell how long it was away
                self.begun = False
            self.down = item.kind == "down" or (self.down and item.kind != "up")
            return
        try:
            if isinstance(item, Packet):
                self._answer(item)
                return
            self.requests[self.driver.token(item.payload)] = item.arrived_ns * 1e-9
            if len(self.requests) > PENDING:
                self.requests.pop(next(iter(self.requests)))
        except DecodeError:
            self.rejected += 1

    def _answer(self, item: Packet) -> None:
        """A clock reply bounds the clock from both sides, if it belongs to this stream's device time."""
        reply = self.driver.reply(item.payload)
        sent = self.requests.pop(reply.token, None)
        if sent is None or not self.begun:
            return
        whole, half = self.driver.tick_modulus, self.driver.tick_modulus >> 1
        received, replied = (
            (self.elapsed + (ticks - self.ticks + half) % whole - half) * self.driver.tick_seconds
            for ticks in (reply.received_ticks, reply.replied_ticks)
        )
        here = self.clock.session(received)
        if here is None or abs(here - sent) > SAME_TIME or not 0.0 <= replied - received < 1.0:
            raise DecodeError(self.info.sensor, item.payload, "clock reply from another time")
        self.clock.request(received, sent)
        self.clock.answer(replied, item.arrived_ns * 1e-9)
