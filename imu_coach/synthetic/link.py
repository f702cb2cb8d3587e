"""The radio link in between: device clock, packets, delays, losses, clock exchange; samples to inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, repeat
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from imu_coach.conventions import GRAVITY
from imu_coach.drivers import own
from imu_coach.synthetic.person import stream
from imu_coach.synthetic.sensors import Slip
from imu_coach.types import Bools, Command, Floats, Header, Input, Ints, Json, Link, Packet, SensorInfo, Sent, Tick

Raw = NDArray[np.int16]

CONNECTION_INTERVAL = 0.030
RETRANSMISSION = 0.10
OS_DELAY, OS_SPREAD = 0.002, 0.7
"""s, chance per event, s (median) and its log SD: ble.md 4."""

DITHER = 0.060
"""s, longest wait of the sensor before it answers a clock request: protocol.md."""

REBOOT_SECONDS = 1.5
TICK = 0.25


@dataclass(frozen=True)
class Faults:
    """What goes wrong; the default is a good link with ordinary parts.

    Attributes
    ----------
    loss : chance that a packet is lost
    burst : loss bursts per minute, 20 to 500 ms each
    stalls : (sensor, t0, dt) s: nothing arrives for dt, then everything at once; ``stall_rate`` per minute more at
        random, 0.2 to 1.5 s each
    out_of_range : (sensor, t0, t1) s: these samples are lost, or with ``catch_up`` sent afterwards as stored samples
    reboots : (sensor, t): 1.5 s of silence, then numbers and device time start anew
    duplicate, late : chance that a packet arrives twice, or after its successors
    clock_ppm : sensor -> error of its crystal, ppm; missing: drawn, SD 20
    rate_error : sensor -> (true rate / declared rate) - 1; missing: drawn, SD 1.5 %, within 5 %
    stamp_jitter : s, SD of the device's time stamps
    sync : a clock exchange every second
    battery : 0..1 at the start, None = not reported
    slip : (sensor, t, deg, axis in sensor axes)
    gyro_bias_dps : SD of the turn-on offset, deg/s (stress: 3)
    bias_captured : whether the session captures the bias on the table
    """

    loss: float = 0.0
    burst: float = 0.0
    stalls: Sequence[tuple[str, float, float]] = ()
    stall_rate: float = 0.0
    out_of_range: Sequence[tuple[str, float, float]] = ()
    catch_up: bool = False
    reboots: Sequence[tuple[str, float]] = ()
    duplicate: float = 0.0
    late: float = 0.0
    clock_ppm: Mapping[str, float] | None = None
    rate_error: Mapping[str, float] | None = None
    stamp_jitter: float = 20e-6
    sync: bool = True
    battery: float | None = 0.9
    slip: Sequence[Slip] = ()
    gyro_bias_dps: float = 1.0
    bias_captured: bool = True


GOOD_LINK = Faults()
"""Nothing goes wrong."""


@dataclass(frozen=True)
class Device:
    """One sensor's rhythm and clock.

    ``interval`` s between samples in truth; ``boots`` (start, stop, device time at start in us); ``clock`` us/s.
    """

    sensor: str
    interval: float
    ppm: float
    boots: tuple[tuple[float, float, int], ...]
    phase: float

    def times(self) -> list[Floats]:
        """Sampling instants of each boot, s."""
        counts = [max(int((stop - start) / self.interval), 0) for start, stop, _ in self.boots]
        return [np.asarray(b[0] + self.interval * np.arange(n)) for b, n in zip(self.boots, counts, strict=True)]

    def microseconds(self, boot: int, t: Floats) -> Floats:
        """Device time at the true time ``t``."""
        start, _, offset = self.boots[boot]
        return np.asarray(offset + (t - start) * (1e6 + self.ppm))


def header_for(
    sensors: Sequence[str], rate: float = 100.0, source: str = "imu_coach simulator", **person: Json
) -> Header:
    """A header that says synthetic: own protocol, 8 g, 1000 deg/s."""
    infos = tuple(
        SensorInfo(s, identity=f"synthetic-{s}", rate=rate, acc_range=8 * GRAVITY, gyr_range=float(np.deg2rad(1000.0)))
        for s in sensors
    )
    return Header(infos, synthetic=True, source=source, person=person)


def device(sensor: str, rate: float, seconds: float, faults: Faults, seed: int) -> Device:
    """Draw a sensor's clock, rate and boots."""
    rng = stream(seed, "device:" + sensor)
    ppm, error = 20.0 * float(rng.standard_normal()), float(np.clip(0.015 * rng.standard_normal(), -0.05, 0.05))
    start, phase = float(rng.uniform(0.05, 0.25)), float(rng.uniform(0.0, CONNECTION_INTERVAL))
    # one device in five crosses 2^32 us during the session
    offset = (
        int(rng.integers(2**32 - 200_000_000, 2**32)) if rng.random() < 0.2 else int(rng.integers(10**6, 4 * 10**9))
    )
    ppm = (faults.clock_ppm or {}).get(sensor, ppm)
    error = (faults.rate_error or {}).get(sensor, error)
    cuts = sorted(t for s, t in faults.reboots if s == sensor and start < t < seconds)
    starts, stops = [start, *(t + REBOOT_SECONDS for t in cuts)], [*cuts, seconds]
    boots = tuple((a, b, 150_000 if i else offset) for i, (a, b) in enumerate(zip(starts, stops, strict=True)))
    return Device(sensor, 1.0 / (rate * (1.0 + error)), ppm, boots, phase)


def quantise(info: SensorInfo, acc: Floats, gyr: Floats) -> Raw:
    """Counts (n, 6), clipped to full scale, as :func:`imu_coach.drivers.own.encode` makes them."""
    acc_scale, gyr_scale = own.scales(info)
    values = np.concatenate([acc / acc_scale, gyr / gyr_scale], axis=1)
    return np.asarray(np.clip(np.rint(values), -32768, 32767).astype(np.int16))


def packets(raw: Raw, t_us: Ints, period_us: int, n: int) -> list[bytes]:
    """DATA payloads of ``n`` samples each, identical to :func:`own.encode`; ``t_us`` of each packet's first sample."""
    count = len(raw) // n
    layout = np.dtype([("head", own.HEAD), ("raw", "<i2", (n, 6))])
    block = np.empty(count, layout)
    block["head"]["type"], block["head"]["n"], block["head"]["period"] = own.SAMPLES, n, period_us
    block["head"]["seq"] = (np.arange(count) * n) % own.Own.seq_modulus
    block["head"]["t_first"] = t_us[:count] % own.Own.tick_modulus
    block["raw"] = raw[: count * n].reshape(count, n, 6)
    text = block.tobytes()
    size = layout.itemsize
    return [text[i : i + size] for i in range(0, count * size, size)]


def _radio(ready: Floats, device: Device, rng: np.random.Generator) -> Floats:
    """Arrival (n,) s of payloads that were ready at ``ready``: next connection event, retransmissions, OS."""
    events = np.ceil((ready - device.phase) / CONNECTION_INTERVAL) + rng.geometric(1.0 - RETRANSMISSION, len(ready)) - 1
    at = device.phase + events * CONNECTION_INTERVAL
    return np.asarray(np.maximum(at, ready) + OS_DELAY * np.exp(OS_SPREAD * rng.standard_normal(len(ready))))


def _in_order(at: Floats) -> Floats:
    """Nothing overtakes on one link: at least 0.2 ms after what was sent before."""
    spacing = 2e-4 * np.arange(len(at))
    return np.asarray(np.maximum.accumulate(at - spacing) + spacing)


def transmit(
    raw: Callable[[list[Floats]], list[Raw]], info: SensorInfo, device: Device, n: int, faults: Faults, seed: int
) -> list[Input]:
    """Everything that one sensor's link brings: packets, clock exchanges, link changes; in order of arrival."""
    rng = stream(seed, "link:" + device.sensor)
    times = device.times()
    payloads: list[bytes] = []
    ready: list[Floats] = []
    period = round(device.interval * (1e6 + device.ppm))
    for boot, (t, counts) in enumerate(zip(times, raw(times), strict=True)):
        first = t[: len(t) // n * n : n]
        stamps = device.microseconds(boot, first) + 1e6 * faults.stamp_jitter * rng.standard_normal(len(first))
        payloads += packets(counts, np.rint(stamps).astype(np.int64), period, n)
        ready.append(first + (n - 1) * device.interval + 1e-3)
    due = np.concatenate(ready)
    sync = _requests(device, faults, rng) if faults.sync else _Requests.none()
    # data and clock answers share the link: one queue, in the order in which they were handed to the radio
    queue = np.argsort(np.concatenate([due, sync.replied]), kind="stable")
    at = _radio(np.concatenate([due, sync.replied])[queue], device, rng)
    lost, stored, at = _outages(device.sensor, np.concatenate([due, sync.replied])[queue], at, faults, rng)
    arrived = np.empty(len(queue))
    gone, held_back = np.empty(len(queue), bool), np.empty(len(queue), bool)
    arrived[queue], gone[queue], held_back[queue] = _in_order(at), lost, stored
    data = slice(0, len(due))
    out: list[Input] = _data(info.sensor, payloads, arrived[data], gone[data], held_back[data], faults, rng)
    silent = gone[len(due) :] | held_back[len(due) :]
    out += sync.inputs(info.sensor, arrived[len(due) :], silent)
    out += _changes(device, faults)
    return out


@dataclass(frozen=True)
class _Requests:
    """Clock exchanges: host send times and device answers; times in s of the true clock, and device us."""

    sent: Floats
    replied: Floats
    received_us: Ints
    replied_us: Ints

    @classmethod
    def none(cls) -> _Requests:
        return cls(np.empty(0), np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64))

    def inputs(self, sensor: str, arrived: Floats, silent: Bools) -> list[Input]:
        out: list[Input] = []
        for i, (sent, at) in enumerate(zip(_ns(self.sent), _ns(arrived), strict=True)):
            out.append(Sent(sensor, sent, own.encode_request(i)))
            if not silent[i]:
                reply = own.encode_reply(i, int(self.received_us[i]), int(self.replied_us[i]))
                out.append(Packet(sensor, at, own.SYNC, reply))
        return out


def _requests(device: Device, faults: Faults, rng: np.random.Generator) -> _Requests:
    """A request every second, to whichever boot is running; none that would span a reboot."""
    parts = []
    for boot, (start, stop, _) in enumerate(device.boots):
        sent = np.arange(start + 0.3, stop - 0.5, 1.0)
        sent = sent + rng.uniform(0.0, 0.05, len(sent))
        event = np.ceil((sent + 5e-4 - device.phase) / CONNECTION_INTERVAL)
        event += rng.geometric(1.0 - RETRANSMISSION, len(sent)) - 1
        received = device.phase + event * CONNECTION_INTERVAL + 3e-4
        replied = received + rng.uniform(0.0, DITHER, len(sent))
        stamps = [np.rint(device.microseconds(boot, t)).astype(np.int64) for t in (received, replied)]
        parts.append((sent, replied, *stamps))
    return _Requests(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _outages(
    sensor: str, ready: Floats, at: Floats, faults: Faults, rng: np.random.Generator
) -> tuple[Bools, Bools, Floats]:
    """What is lost, what was stored and sent later, and when the rest arrives."""
    end = float(ready[-1]) if len(ready) else 0.0
    lost = rng.random(len(ready)) < faults.loss
    for t0 in rng.uniform(0.0, end, rng.poisson(faults.burst * end / 60.0)):
        lost |= (ready >= t0) & (ready < t0 + rng.uniform(0.02, 0.5))
    stalls = [(t0, dt) for s, t0, dt in faults.stalls if s == sensor]
    stalls += [(t0, rng.uniform(0.2, 1.5)) for t0 in rng.uniform(0.0, end, rng.poisson(faults.stall_rate * end / 60.0))]
    for t0, dt in stalls:
        at = np.where((at >= t0) & (at < t0 + dt), t0 + dt, at)
    stored = np.zeros(len(ready), bool)
    for _, t0, t1 in (o for o in faults.out_of_range if o[0] == sensor):
        away = (ready >= t0) & (ready < t1)
        stored |= away & faults.catch_up
        lost |= away & (not faults.catch_up)
        # what was stored comes four times faster than real time, and what is new waits behind it
        at = np.where(away, t1 + 0.3 + 0.25 * (ready - t0), at)
    return lost, stored & ~lost, at


def _data(
    sensor: str,
    payloads: list[bytes],
    arrived: Floats,
    lost: Bools,
    stored: Bools,
    faults: Faults,
    rng: np.random.Generator,
) -> list[Input]:
    """DATA packets; a late one is handed over after its successors, a duplicate twice."""
    n = len(payloads)
    late, twice = rng.random(n) < faults.late, rng.random(n) < faults.duplicate
    times = _ns(np.where(late, arrived + rng.uniform(0.08, 0.3, n), arrived))
    for i in np.flatnonzero(stored).tolist():
        payloads[i] = bytes([own.STORED]) + payloads[i][1:]
    sent = map(Packet, repeat(sensor), times, repeat(own.DATA), payloads)
    out: list[Input] = list(compress(sent, (~lost).tolist()))
    out += [Packet(sensor, times[i] + 400_000, own.DATA, payloads[i]) for i in np.flatnonzero(twice & ~lost).tolist()]
    return out


def _changes(device: Device, faults: Faults) -> list[Input]:
    """Link up and down, and the battery once a minute."""
    sensor, start, stop = device.sensor, device.boots[0][0], device.boots[-1][1]
    changes = [(start - 0.02, "up")]
    for before, after in zip(device.boots, device.boots[1:], strict=False):
        changes += [(before[1] + 0.4, "down"), (after[0] - 0.02, "up")]
    for _, t0, t1 in (o for o in faults.out_of_range if o[0] == sensor):
        changes += [(t0 + min(2.0, 0.5 * (t1 - t0)), "down"), (t1, "up")]
    out: list[Input] = [Link(sensor, round(t * 1e9), kind, 0.0) for t, kind in changes]
    if faults.battery is not None:
        for t in np.arange(start, stop, 60.0).tolist():
            level = max(round(faults.battery - t / 36000.0, 3), 0.0)  # ten hours on a charge [ENG]
            out.append(Link(sensor, round(t * 1e9), "battery", level))
    return out


def merge(
    links: Sequence[Sequence[Input]], seconds: float, commands: Sequence[tuple[float, str, Mapping[str, Json]]] = ()
) -> list[Input]:
    """All inputs of a session in order of arrival, with a tick every 250 ms."""
    out: list[Input] = [Command(round(t * 1e9), name, value) for t, name, value in commands]
    out += [Tick(k * round(TICK * 1e9)) for k in range(1, int(seconds / TICK) + 4)]
    for link in links:
        out += link
    out.sort(key=attrgetter("arrived_ns"))
    return out


def _ns(t: Floats) -> list[int]:
    out: list[int] = np.rint(t * 1e9).astype(np.int64).tolist()
    return out
