"""An example of a driver in a package of its own: Nordic Thingy:52, raw motion, one sample a payload, no time stamp."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from imu_coach.conventions import GRAVITY
from imu_coach.drivers import gatt
from imu_coach.drivers.base import Decoded, Dialogue, Identity, Listen, NoExchange, Profile, Read, Taken, Write, gather
from imu_coach.types import SensorInfo

RAW = 1
SIZE = 18
ACC, GYR = GRAVITY / 2**10, float(np.deg2rad(1.0 / 2**5))


def uuid(number: int) -> str:
    """Full UUID of one of its services and characteristics."""
    return f"ef68{number:04x}-9b35-4933-9b10-52ffa9740042"


CONFIGURATION = uuid(0x0401)


class Thingy(NoExchange):
    """Three 6Q10 of g, three 11Q5 of deg/s, three of a magnetometer that is not used."""

    name = "thingy"
    seq_modulus = tick_modulus = 1 << 62
    clock = "index"

    def __init__(self, info: SensorInfo) -> None:
        self.sensor = info.sensor
        self.tick_seconds = 1.0 / info.rate
        self.number = 0

    def decode(self, payloads: Sequence[bytes]) -> Decoded:
        problem = ["" if len(p) == SIZE else "length is not that of one sample" for p in payloads]
        packets = []
        for payload in [p for p in payloads if len(p) == SIZE]:
            raw = np.frombuffer(payload, "<i2", 6)[None]
            packets.append(Taken(self.number, self.number, np.zeros(1), raw[:, :3] * ACC, raw[:, 3:] * GYR))
            self.number += 1
        return gather(problem, packets)


class ThingyProfile(Profile):
    """Its rate is in a configuration of nine bytes; it streams to whoever listens."""

    name = "thingy"
    title = "Nordic Thingy:52"
    timing = "no time stamps"
    channels: Mapping[int, str] = {RAW: uuid(0x0406)}
    packets = frozenset({RAW})
    services = (uuid(0x0100), "Thingy")

    def decoder(self, info: SensorInfo) -> Thingy:
        return Thingy(info)

    def identity(self, name: str, address: str) -> Dialogue[Identity]:
        battery = yield from gatt.battery_level()
        return Identity(address.lower(), gatt.text(name.encode()), "", battery, frozenset())

    def start(self, info: SensorInfo, samples_per_packet: int) -> Dialogue[SensorInfo]:
        rate = max(5, min(200, round(info.rate)))
        now = yield Read(CONFIGURATION)
        yield Write(CONFIGURATION, now[:6] + rate.to_bytes(2, "little") + now[8:9])
        yield Listen(RAW)
        return replace(info, rate=float(rate), acc_range=16 * GRAVITY, gyr_range=float(np.deg2rad(1000.0)))

    def stop(self) -> Dialogue[None]:
        yield from ()


PROFILE = ThingyProfile()
