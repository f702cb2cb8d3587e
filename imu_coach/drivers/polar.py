"""Polar Verity Sense: acceleration and rotation as two streams, made one at the times of the gyroscope."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from imu_coach.conventions import GRAVITY
from imu_coach.drivers import gatt
from imu_coach.drivers.base import (
    BATTERY,
    EVENT,
    Answer,
    Declined,
    Decoded,
    Dialogue,
    Identity,
    Listen,
    NoExchange,
    Profile,
    Taken,
    Write,
    gather,
)
from imu_coach.drivers.polar_frames import (
    ACC,
    CHANNELS,
    FACTOR,
    GYRO,
    LATEST,
    RANGE,
    RATE,
    RESOLUTION,
    Broken,
    parse,
    setting_list,
    settings,
)
from imu_coach.drivers.stream import NUMBERS, Block, Run, Stream
from imu_coach.types import Bools, Floats, Ints, SensorInfo

CONTROL, DATA = 1, 2
KEPT = 1024
"""Samples of a stream that wait for the other; the oldest go first."""
BRIDGE = 2.5
"""Intervals between two accelerations that are joined by a line; nothing is made up over a longer gap."""
PATIENCE = 3.0
"""s to wait for the answer of the control point."""


def uuid(number: int) -> str:
    """Full UUID of the measurement service (0x80) or its characteristics."""
    return f"fb005c{number:02x}-02e7-f387-1cad-8acd2d8df0c8"


class Polar(NoExchange):
    """Decoder of one sensor; see :class:`imu_coach.drivers.base.Driver`.

    Acceleration is interpolated between its samples at the times of the gyroscope's, so a payload of either kind may
    release samples; what is released at once is one contiguous packet.
    """

    name = "polar"
    seq_modulus = NUMBERS
    tick_modulus = LATEST
    tick_seconds = 1e-9
    clock = "device"

    def __init__(self, info: SensorInfo) -> None:
        self.sensor = info.sensor
        self.streams = {kind: Stream(1e9 / info.rate, LATEST) for kind in (ACC, GYRO)}
        self.scale = {ACC: info.acc_range / 32768.0, GYRO: info.gyr_range / 32768.0}
        self.waiting = _Rows()  # of the gyroscope
        self.acc = _Rows()

    def decode(self, payloads: Sequence[bytes]) -> Decoded:
        problem: list[str] = []
        packets: list[Taken] = []
        for payload in payloads:
            try:
                newest = self._add(payload)
            except Broken as broken:
                problem.append(str(broken))
                continue
            taken = None if newest is None else self._release(newest)
            problem.append(EVENT if taken is None else "")
            if taken is not None:
                packets.append(taken)
        return gather(problem, packets)

    def _add(self, payload: bytes) -> int | None:
        """Take in one payload; its time stamp, or None while it is not believed."""
        frame = parse(payload)
        unit = GRAVITY * 1e-3 if frame.kind == ACC else np.pi / 180.0
        values = frame.values * (self.scale[frame.kind] if frame.counts else unit)
        stream = self.streams[frame.kind]
        old = stream.newest
        run = stream.add(Block(frame.last, values))
        if run is None:
            if old is not None and frame.last <= old:
                raise Broken("repeats or precedes what was received")
            return None
        rows = self.acc if frame.kind == ACC else self.waiting
        rows.add(run)
        return frame.last

    def _release(self, newest: int) -> Taken | None:
        """The next contiguous samples of the gyroscope that lie between accelerations; older ones are given up."""
        acc, t = self.acc, self.waiting.t
        ready = int(np.searchsorted(t, acc.t[-1], side="right")) if len(acc.t) > 1 else 0
        if ready == 0:
            return None
        after = np.maximum(np.searchsorted(acc.t, t[:ready]), 1)
        t0, t1 = acc.t[after - 1], acc.t[after]
        known = (t0 <= t[:ready]) & (t1 - t0 <= BRIDGE * self.streams[ACC].interval)
        begin, end = _first_run(known, self.waiting.number[:ready])
        number, times, gyr = self.waiting.take(begin, end)
        now = slice(begin, end)
        weight = ((times - t0[now]) / (t1[now] - t0[now]))[:, None]
        between = acc.values[after[now] - 1] * (1.0 - weight) + acc.values[after[now]] * weight
        acc.take(0, max(0, int(np.searchsorted(acc.t, t[end - 1], side="right")) - 1))
        if begin == end:
            return None
        offset = (times - times[0]) * self.tick_seconds
        behind = max(0, newest - int(times[-1])) * self.tick_seconds
        return Taken(int(number[0]), int(times[0]) % LATEST, offset, between, gyr, behind)


def _first_run(known: Bools, number: Ints) -> tuple[int, int]:
    """Begin and end of the first known samples that continue each other; both at the end when there are none."""
    if not known.any():
        return len(known), len(known)
    begin = int(np.argmax(known))
    breaks = ~known[begin + 1 :] | (np.diff(number[begin:]) % NUMBERS != 1)
    return begin, begin + 1 + (int(np.argmax(breaks)) if breaks.any() else len(breaks))


class _Rows:
    """Samples of one stream in order of time, at most :data:`KEPT`: ``number, t (n,)``, ``values (n, 3)``."""

    def __init__(self) -> None:
        self.number: Ints = np.empty(0, np.int64)
        self.t: Ints = np.empty(0, np.int64)
        self.values: Floats = np.empty((0, 3))

    def add(self, run: Run) -> None:
        """Append; what is not older than the run is of a time before a restart, and forgotten."""
        if len(self.t) and run.times[0] <= self.t[-1]:
            self.take(0, len(self.t))
        number = (run.number + np.arange(len(run.times))) % NUMBERS
        self.number = np.concatenate([self.number, number])[-KEPT:]
        self.t = np.concatenate([self.t, run.times])[-KEPT:]
        self.values = np.concatenate([self.values, run.values])[-KEPT:]

    def take(self, begin: int, end: int) -> tuple[Ints, Ints, Floats]:
        """Rows ``begin`` to ``end``; they and those before them are gone then."""
        taken = self.number[begin:end], self.t[begin:end], self.values[begin:end]
        self.number, self.t, self.values = self.number[end:], self.t[end:], self.values[end:]
        return taken


class PolarProfile(Profile):
    """Set up over Polar's measurement service; never tried on a device."""

    name = "polar"
    title = "Polar Verity Sense"
    timing = "no clock exchange, and it sends in bursts: up to a second late, times right to about 30 ms"
    channels: Mapping[int, str] = {CONTROL: uuid(0x81), DATA: uuid(0x82), BATTERY: gatt.BATTERY_LEVEL}
    packets = frozenset({DATA})
    services = ("Polar ", uuid(0x80))

    def decoder(self, info: SensorInfo) -> Polar:
        return Polar(info)

    def identity(self, name: str, address: str) -> Dialogue[Identity]:
        title = gatt.text(name.encode()) or self.title
        features = yield from gatt.optional(uuid(0x81))
        if len(features) < 2 or features[0] != 0x0F:
            raise Declined(f"{title} does not offer its motion sensors; Polar Verity Sense does")
        if not features[1] >> GYRO & 1 or not features[1] >> ACC & 1:
            raise Declined(f"{title} has no gyroscope, and angles need one; Polar Verity Sense has both sensors")
        serial = gatt.text((yield from gatt.optional(gatt.SERIAL))) or address.lower()
        model = gatt.text((yield from gatt.optional(gatt.MODEL))) or title
        firmware = gatt.text((yield from gatt.optional(gatt.FIRMWARE)))
        battery = yield from gatt.battery_level()
        return Identity(serial, model, firmware, battery, frozenset({"battery"}))

    def start(self, info: SensorInfo, samples_per_packet: int) -> Dialogue[SensorInfo]:
        yield Listen(CONTROL)
        yield from gatt.listen_if_there(BATTERY)
        yield Listen(DATA)
        yield from self.stop()  # it may still be sending to the connection before
        offered = {}
        for kind in (ACC, GYRO):
            offered[kind] = settings((yield from ask(bytes([1, kind])))[5:])
        rates = set(offered[ACC].get(RATE, ())) & set(offered[GYRO].get(RATE, ())) - {0}
        if not rates:
            raise Declined("the sensor offers no rate that both its motion sensors have")
        rate = min(rates, key=lambda r: (abs(r - info.rate), r))
        full = {}
        for kind in (ACC, GYRO):
            full[kind] = yield from self._start(kind, rate, offered[kind])
        return replace(info, rate=float(rate), acc_range=full[ACC], gyr_range=full[GYRO])

    def stop(self) -> Dialogue[None]:
        yield Listen(CONTROL)
        for kind in (ACC, GYRO):
            yield from ask(bytes([3, kind]))

    def _start(self, kind: int, rate: int, offered: dict[int, list[int]]) -> Dialogue[float]:
        """Start one stream; full scale in m/s2 or rad/s, as what 32768 counts are worth."""
        chosen = [(RATE, rate)]
        chosen += [(what, max(offered[what])) for what in (RESOLUTION, RANGE) if offered.get(what)]
        chosen += [(CHANNELS, max(offered.get(CHANNELS, [3])))]
        reply = yield from ask(bytes([2, kind]) + setting_list(chosen))
        if reply[3] != 0:
            raise Declined(f"the sensor does not start its {NAMES[kind]} (status {reply[3]})")
        unit = GRAVITY if kind == ACC else float(np.pi / 180.0)
        return factor(reply[5:], kind) * 32768.0 * unit


NAMES = {ACC: "accelerometer", GYRO: "gyroscope"}
PLAIN = {ACC: 1e-3, GYRO: 1.0}
"""g and deg/s per count when the sensor names no factor."""


def factor(listed: bytes, kind: int) -> float:
    """g or deg/s per count, out of the answer to a start."""
    granted = settings(listed).get(FACTOR)
    value = float(struct.unpack("<f", granted[0].to_bytes(4, "little"))[0]) if granted else PLAIN[kind]
    return value if 1e-6 < value <= 10.0 else PLAIN[kind]


def ask(request: bytes) -> Dialogue[bytes]:
    """Write to the control point; its answer, at least 5 bytes: ``F0 request kind status more``."""
    yield Write(uuid(0x81), request)
    reply = yield Answer(CONTROL, b"\xf0" + request[:2], PATIENCE)
    return reply.ljust(5, b"\xff")


PROFILE = PolarProfile()
