"""Movella DOT (Xsens DOT): mode 20, acceleration and angular velocity as floats, one time-stamped sample a payload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from imu_coach.conventions import GRAVITY
from imu_coach.drivers import gatt
from imu_coach.drivers.base import (
    EVENT,
    Decoded,
    Dialogue,
    Identity,
    Listen,
    NoExchange,
    Profile,
    Read,
    Refused,
    Taken,
    Write,
    gather,
)
from imu_coach.drivers.stream import NUMBERS, Block, Stream
from imu_coach.types import Floats, Json, SensorInfo

DATA, REPORT, BATTERY = 1, 2, 3
SIZES = (34, 40)
"""Bytes of a payload: as long as its content, or filled up with zeros to what the characteristic holds."""
MODE = 20
"""Rate quantities: time stamp, acceleration, angular velocity, magnetic field."""
RATES = (1, 4, 10, 12, 15, 20, 30, 60)
ACC_RANGE, GYR_RANGE = 16 * GRAVITY, float(np.deg2rad(2000.0))
ROW = np.dtype([("stamp", "<u4"), ("acc", "<f4", 3), ("gyr", "<f4", 3)])
MOST = 2.0 * np.repeat([ACC_RANGE, GYR_RANGE], 3)
"""Values beyond two full scales are no measurement."""
AT_ONCE = np.zeros(1)


def uuid(number: int) -> str:
    """Full UUID of one of the vendor's services or characteristics."""
    return f"1517{number:04x}-4947-11e9-8646-d663bd873d93"


INFO, CONTROL, MEASURE = uuid(0x1001), uuid(0x1002), uuid(0x2001)


class MovellaDot(NoExchange):
    """Decoder of one sensor; see :class:`imu_coach.drivers.base.Driver`."""

    name = "movella_dot"
    seq_modulus = NUMBERS
    tick_modulus = 1 << 32
    tick_seconds = 1e-6
    clock = "device"

    def __init__(self, info: SensorInfo) -> None:
        self.sensor = info.sensor
        self.stream = Stream(1e6 / info.rate, self.tick_modulus)

    def decode(self, payloads: Sequence[bytes]) -> Decoded:
        problem = ["" if len(p) in SIZES else f"length is none of {SIZES}" for p in payloads]
        rows = np.frombuffer(b"".join([p[:28] for p in payloads if len(p) in SIZES]), ROW)
        with np.errstate(invalid="ignore"):  # not numbers
            values = np.hstack([rows["acc"].astype(np.float64), np.deg2rad(rows["gyr"].astype(np.float64))])
            sound = (np.abs(values) <= MOST).all(axis=1).tolist()
        packets: list[Taken] = []
        places = [i for i, said in enumerate(problem) if not said]
        for k, (i, stamp) in enumerate(zip(places, rows["stamp"].tolist(), strict=True)):
            taken = self._take(stamp, values[k : k + 1]) if sound[k] else "a value that no sensor measures"
            if isinstance(taken, str):
                problem[i] = taken
            else:
                packets.append(taken)
        return gather(problem, packets)

    def _take(self, stamp: int, values: Floats) -> Taken | str:
        number = self.stream.follow(stamp)
        if number is not None:
            return Taken(number, stamp, AT_ONCE, values[:, :3], values[:, 3:])
        run = self.stream.add(Block(stamp, values.copy()))
        if run is None:
            return EVENT
        offset = (run.times - run.times[0]) * self.tick_seconds
        return Taken(run.number, int(run.times[0]) % self.tick_modulus, offset, run.values[:, :3], run.values[:, 3:])


class MovellaDotProfile(Profile):
    """Set up over the vendor's configuration and measurement services; never tried on a device."""

    name = "movella_dot"
    title = "Movella DOT"
    timing = "no clock exchange: its times are right to about 10 ms"
    channels: Mapping[int, str] = {DATA: uuid(0x2003), REPORT: uuid(0x1004), BATTERY: uuid(0x3001)}
    packets = frozenset({DATA})
    services = ("Movella DOT", "Xsens DOT", uuid(0x1000))

    def decoder(self, info: SensorInfo) -> MovellaDot:
        return MovellaDot(info)

    def identity(self, name: str, address: str) -> Dialogue[Identity]:
        info = yield Read(INFO)
        battery = level((yield from gatt.optional(self.channels[BATTERY])))
        if len(info) < 34:
            return Identity(address.lower(), self.title, "", battery, frozenset({"identify", "battery"}))
        firmware = ".".join(str(part) for part in info[6:9])
        serial, model = info[20:28][::-1].hex(), gatt.text(info[28:34])
        return Identity(serial, model, firmware, battery, frozenset({"identify", "battery", "tap"}))

    def start(self, info: SensorInfo, samples_per_packet: int) -> Dialogue[SensorInfo]:
        rate = min(RATES, key=lambda r: abs(r - info.rate))
        yield from self.stop()  # the rate cannot be changed while it measures
        yield from self._control(0x10, 24, rate.to_bytes(2, "little"))
        for channel in (BATTERY, REPORT):
            yield from gatt.listen_if_there(channel)
        yield Listen(DATA)
        yield Write(MEASURE, bytes([1, 1, MODE]))
        return replace(info, rate=float(rate), acc_range=ACC_RANGE, gyr_range=GYR_RANGE)

    def stop(self) -> Dialogue[None]:
        yield Write(MEASURE, bytes([1, 0, MODE]))

    def identify(self, seconds: int) -> Dialogue[bool]:
        try:
            yield from self._control(0x01, 1, b"\x01")  # it blinks for 10 s, however long was asked
        except Refused:
            return False
        return True

    def event(self, channel: int, payload: bytes) -> tuple[str, Mapping[str, Json]] | None:
        if channel == BATTERY and (charge := level(payload)) is not None:
            return "battery", {"level": charge}
        if channel == REPORT and payload[:1] in (b"\x06", b"\x07"):  # its button, pressed twice or three times
            return "tap", {"taps": payload[0] - 4}
        return None

    def _control(self, what: int, at: int, value: bytes) -> Dialogue[None]:
        """Change one field of the configuration; the mask in its first byte says which one counts."""
        now = (yield Read(CONTROL)).ljust(32, b"\0")[:32]
        yield Write(CONTROL, bytes([what]) + now[1:at] + value + now[at + len(value) :])


def level(payload: bytes) -> float | None:
    """Battery 0..1 out of per cent and charging state."""
    return payload[0] / 100 if len(payload) == 2 and payload[0] <= 100 else None


PROFILE = MovellaDotProfile()
