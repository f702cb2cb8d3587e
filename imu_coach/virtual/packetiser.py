"""The firmware's core in Python, for where there is no compiler: the same bytes for the same calls.

It follows ``firmware_stubs/core`` function by function; the reasons stand there.  Numbers are modulo 2^32.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Sequence

from imu_coach.virtual.core import ALL_FEATURES, HAPTIC, MIN_RATE, STORED, TAP, UNKNOWN_BATTERY, store_size

LIVE, CATCH_UP, TAP_EVENT = 0x11, 0x12, 0x13
HEAD_SIZE, SAMPLE_SIZE, MAX_N, MAX_TAPS = 10, 12, 40, 4
OK, UNKNOWN, LENGTH, STATE, MTU, RANGE = range(6)
AWAY_US, DITHER_US = 600_000_000, 60_000
LED_SLOT_US, LED_PATTERN = 125_000, 0x05
HAPTIC_SLOT_US, HAPTIC_PATTERNS = 150_000, (0x00, 0x01, 0x0F, 0x05)
U16, U32, U64 = 0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF

HEAD = struct.Struct("<BBHIH")
SAMPLE = struct.Struct("<6h")
EVENT = struct.Struct("<BBHI")
INFO = struct.Struct("<BBHHHIQ")

Reply = tuple[int, bytes]


def fit(att_mtu: int, wanted: int) -> int:
    """Samples that fit a packet, at most ``wanted``."""
    return min(max(0, (att_mtu - 3 - HEAD_SIZE) // SAMPLE_SIZE), MAX_N, wanted)


class Packetiser:
    """See :class:`imu_coach.virtual.core.Core`, and :class:`imu_coach.virtual.core.Options` for how it is made."""

    def __init__(
        self,
        serial: int,
        *,
        acc_range: int = 16,
        gyr_range: int = 2000,
        max_rate: int = 208,
        features: int = ALL_FEATURES,
        store: int | None = None,
    ) -> None:
        self._capacity = store_size(max_rate, store)
        self._info = INFO.pack(1, features, acc_range, gyr_range, max_rate, self._capacity, serial)
        self._features, self._max_rate = features, max_rate
        self._store: deque[tuple[int, bytes]] = deque(maxlen=self._capacity)
        self._taps: deque[tuple[int, bytes]] = deque(maxlen=MAX_TAPS)
        self._end = self._next = self._offered = self._dropped = self._tap_end = 0
        self._out_first = self._out_n = self._out_tap = 0
        self._rate = self._granted = self._n = 0
        self._mtu, self.battery = 23, UNKNOWN_BATTERY
        self._flowing = self._catching = self._idle = False
        self._now = self._idle_since = 0
        self._sync: tuple[bytes, int] | None = None
        self._led = self._haptic = (0, 0)  # since when, seconds or pattern
        self._requests: tuple[tuple[Callable[[bytes], Reply], int], ...] = (
            (self._start, 3),
            (self._stop, 0),
            (self._status, 0),
            (self._identify, 1),
            (self._vibrate, 1),
            (self._resume, 2),
        )

    # --- life

    def _fresh(self) -> None:
        self.set_mtu(23)
        self._flowing = self._catching = False
        self._sync = None
        self._withdraw()
        self._taps.clear()

    def _withdraw(self) -> None:
        self._out_n = self._out_tap = 0

    def connected(self) -> None:
        self._fresh()

    def disconnected(self) -> None:
        self._fresh()
        if not self._features & STORED:
            self._finish()

    def set_mtu(self, att_mtu: int) -> None:
        self._mtu = att_mtu
        self._n = fit(att_mtu, self._granted)

    def tick(self, t_us: int) -> None:
        self._age(t_us)
        if (self._now - self._led[0]) & U64 >= self._led[1] * 1_000_000:
            self._led = (0, 0)
        if (self._now - self._haptic[0]) & U64 >= 8 * HAPTIC_SLOT_US:
            self._haptic = (0, 0)

    def _age(self, t_us: int) -> None:
        self._now = t_us
        if self._flowing or not self._idle:
            self._idle_since = t_us
        self._idle = not self._flowing
        away = (t_us - self._idle_since) & U64  # huge when the caller's clock went back a little
        if self._idle and AWAY_US < away < 1 << 63:
            self._finish()

    def _finish(self) -> None:
        self._rate = 0
        self._flowing = self._catching = False
        self._store.clear()
        self._taps.clear()
        self._withdraw()

    @property
    def info(self) -> bytes:
        return self._info

    @property
    def rate(self) -> int:
        return self._rate

    @property
    def led(self) -> bool:
        since, seconds = self._led
        return seconds > 0 and bool(LED_PATTERN >> ((self._now - since) & U64) // LED_SLOT_US % 8 & 1)

    @property
    def haptic(self) -> bool:
        since, pattern = self._haptic
        return bool(HAPTIC_PATTERNS[pattern] >> ((self._now - since) & U64) // HAPTIC_SLOT_US % 8 & 1)

    # --- samples out

    def _t(self, number: int) -> int:
        return self._store[number - self._end][0]

    def _even(self, number: int) -> bool:
        return (self._t(number) - self._t(number - 1)) & U32 <= 2 * (1_000_000 // self._rate)

    def push(self, counts: Sequence[int], t_us: int) -> None:
        self._age(t_us)
        if self._rate == 0:
            return
        self._store.append((t_us & U32, SAMPLE.pack(*counts)))
        self._end += 1
        if self._flowing and self._end - self._next > self._window():
            skipped = max(self._n, 1)
            self._next += skipped
            self._dropped += skipped

    def _window(self) -> int:
        return self._capacity if self._catching else min(2 * max(self._rate, self._n), self._capacity)

    def tap(self, taps: int, t_us: int) -> None:
        if not self._flowing or taps not in (2, 3) or not self._features & TAP:
            return
        self._taps.append((self._tap_end, EVENT.pack(TAP_EVENT, taps, self._number_at(t_us) & U16, t_us & U32)))
        self._tap_end += 1

    def _number_at(self, t_us: int) -> int:
        held = len(self._store)
        back, limit = min(held, 1), min(held, 2 * self._rate)
        while back < limit and 0 < (self._store[-back][0] - t_us) & U32 < 0x8000_0000:
            back += 1
        return self._end - back

    def _ready(self) -> int:
        unsent = self._end - self._next
        if not self._flowing or self._n == 0 or unsent == 0:
            return 0
        k = 1
        while k < self._n and k < unsent and self._even(self._next + k):
            k += 1
        return k if k == self._n or k < unsent else 0

    def _period(self, k: int) -> int:
        us, first = 1_000_000 // self._rate, self._next
        if k > 1:
            us = (((self._t(first + k - 1) - self._t(first)) & U32) + (k - 1) // 2) // (k - 1)
        elif self._end - first < len(self._store) and self._even(first):
            us = (self._t(first) - self._t(first - 1)) & U32
        return max(1, min(us, U16))

    def peek(self) -> bytes | None:
        self._withdraw()
        if self._taps:
            self._out_tap = 1
            self._out_first, event = self._taps[0]
            return event
        k = self._ready()
        if k == 0:
            return None
        first = self._next
        self._out_n, self._out_first = k, first
        self._offered = max(self._offered, first + k)
        kind = CATCH_UP if self._catching else LIVE
        head = HEAD.pack(kind, k, first & U16, self._t(first), self._period(k))
        return head + b"".join(self._store[number - self._end][1] for number in range(first, first + k))

    def sent(self) -> None:
        if self._out_tap and self._taps and self._taps[0][0] == self._out_first:
            self._taps.popleft()
        if self._out_n:
            self._dropped -= min(max(self._next - self._out_first, 0), self._out_n)
            self._next = max(self._next, self._out_first + self._out_n)
            self._catching = self._catching and self._ready() > 0
        self._withdraw()

    # --- requests in

    def control(self, payload: bytes, t_us: int) -> bytes:
        self.tick(t_us)
        code = payload[0] if payload else 0
        status, added = self._answer(code, payload)
        return bytes((0x80, code, status)) + (added if status == OK else b"")

    def _answer(self, code: int, payload: bytes) -> Reply:
        if not payload:
            return LENGTH, b""
        if not 1 <= code <= len(self._requests):
            return UNKNOWN, b""
        request, takes = self._requests[code - 1]
        return request(payload[1:]) if len(payload) == 1 + takes else (LENGTH, b"")

    def _start(self, rest: bytes) -> Reply:
        rate, n = int.from_bytes(rest[:2], "little"), fit(self._mtu, rest[2])
        if not MIN_RATE <= rate <= self._max_rate or rest[2] == 0:
            return RANGE, b""
        if n == 0:
            return MTU, b""
        self._finish()
        self._rate, self._granted, self._n = rate, n, n
        self._end = self._next = self._offered = self._dropped = 0
        self._flowing, self._idle = True, False
        return OK, bytes((n,))

    def _stop(self, rest: bytes) -> Reply:
        self._finish()
        return OK, b""

    def _status(self, rest: bytes) -> Reply:
        return OK, struct.pack("<IIB", self._dropped & U32, self._end & U32, self.battery)

    def _identify(self, rest: bytes) -> Reply:
        self._led = (self._now, rest[0])
        return OK, b""

    def _vibrate(self, rest: bytes) -> Reply:
        if not self._features & HAPTIC:
            return STATE, b""
        if not 1 <= rest[0] <= 3:
            return RANGE, b""
        self._haptic = (self._now, rest[0])
        return OK, b""

    def _resume(self, rest: bytes) -> Reply:
        if self._rate == 0 or not self._features & STORED:
            return STATE, b""
        if self._n == 0:
            return MTU, b""
        back = (self._offered - int.from_bytes(rest, "little")) & U16
        if back > 0x7FFF or back > self._offered:
            return RANGE, b""
        behind = self._end - self._offered + back
        kept = min(behind, len(self._store))
        self._dropped += behind - kept
        self._next = self._end - kept
        self._withdraw()
        self._flowing, self._idle = True, False
        self._catching = self._ready() > 0
        return OK, struct.pack("<HB", self._next & U16, self._n)

    # --- clock

    def sync(self, payload: bytes, t_rx_us: int, random16: int) -> int | None:
        if len(payload) != 6 or payload[0] != 0x01 or self._sync is not None:
            return None
        self._sync = payload[1:], t_rx_us
        return random16 * DITHER_US >> 16

    def sync_reply(self, t_tx_us: int) -> bytes | None:
        if self._sync is None:
            return None
        (head, t_rx_us), self._sync = self._sync, None
        return b"\x81" + head + struct.pack("<QQ", t_rx_us, t_tx_us)
