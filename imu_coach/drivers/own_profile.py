"""How the project's own sensors are talked to (docs/protocol.md): identity, start, catch-up, LED, haptic, clock."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from imu_coach.conventions import GRAVITY
from imu_coach.drivers import gatt, own
from imu_coach.drivers.base import (
    BATTERY,
    Answer,
    Declined,
    Dialogue,
    Identity,
    Listen,
    Profile,
    Read,
    Refused,
    Write,
    battery_event,
)
from imu_coach.types import Json, SensorInfo

VERSION = 1
PATIENCE = 2.0
"""s to wait for the answer of the control point."""
MIN_RATE = 16
"""Hz; below it the period does not fit into its 16 bits."""
FEATURES = ("tap", "haptic", "catch_up", "battery")
"""Bits of INFO, from the lowest."""
NOT_POSSIBLE = 3
STATUS = {
    1: "it does not know this request",
    2: "the request had a wrong length",
    NOT_POSSIBLE: "not possible now",
    4: "the connection's packets are too small for one sample",
    5: "the rate is out of its range",
}


def uuid(number: int) -> str:
    """Full UUID of characteristic ``number`` of the own service; 1 is the service itself."""
    return f"6e3f{number:04x}-5b1c-4d0e-9f4a-1b7c2d9e8a01"


class Info(NamedTuple):
    """What INFO says; ranges in g and deg/s as sent."""

    version: int
    features: int
    acc_range: int
    gyr_range: int
    max_rate: int
    store: int
    serial: int


INFO = struct.Struct("<BBHHHIQ")


def parse_info(payload: bytes) -> Info:
    """INFO of a sensor that can be used; raises Declined."""
    if len(payload) != INFO.size:
        raise Declined(f"this sensor does not say what it is (INFO has {len(payload)} bytes, not {INFO.size})")
    info = Info._make(INFO.unpack(payload))
    if info.version != VERSION:
        raise Declined(f"this sensor speaks version {info.version} of the protocol, and this program version {VERSION}")
    if not (info.acc_range and info.gyr_range and info.max_rate >= MIN_RATE):
        raise Declined("this sensor says of itself that it measures nothing (a range or rate of zero in INFO)")
    return info


class OwnProfile(Profile):
    """The project's own firmware."""

    name = "own"
    title = "imu_coach sensor"
    channels = {n: uuid(n) for n in (own.DATA, own.CTRL, own.SYNC)} | {BATTERY: gatt.BATTERY_LEVEL}
    packets = frozenset({own.DATA, own.SYNC})
    sync = own.SYNC
    services = (uuid(1),)

    def decoder(self, info: SensorInfo) -> own.Own:
        return own.Own(info)

    def identity(self, name: str, address: str) -> Dialogue[Identity]:
        info = parse_info((yield Read(uuid(own.INFO))))
        model = gatt.text((yield from gatt.optional(gatt.MODEL)))
        firmware = gatt.text((yield from gatt.optional(gatt.FIRMWARE)))
        battery = yield from gatt.battery_level()
        features = {feature for bit, feature in enumerate(FEATURES) if info.features >> bit & 1}
        return Identity(f"{info.serial:016x}", model, firmware, battery, frozenset(features | {"identify", "sync"}))

    def start(self, info: SensorInfo, samples_per_packet: int) -> Dialogue[SensorInfo]:
        has = parse_info((yield Read(uuid(own.INFO))))
        rate = max(MIN_RATE, min(has.max_rate, round(info.rate)))
        n = max(1, min(own.MAX_SAMPLES, samples_per_packet))
        yield from self._listen()
        reply = yield from ask(struct.pack("<BHB", 1, rate, n))
        if reply[2] != 0 or len(reply) != 4:
            raise Declined(f"the sensor does not start at {rate} Hz: {STATUS.get(reply[2], 'it does not say why')}")
        return replace(
            info, rate=float(rate), acc_range=has.acc_range * GRAVITY, gyr_range=float(np.deg2rad(has.gyr_range))
        )

    def resume(self, number: int) -> Dialogue[bool]:
        yield from self._listen()
        return (yield from succeeds(struct.pack("<BH", 6, number % own.Own.seq_modulus), 6))

    def stop(self) -> Dialogue[None]:
        yield Listen(own.CTRL)
        yield from ask(b"\x02")

    def identify(self, seconds: int) -> Dialogue[bool]:
        yield Listen(own.CTRL)
        return (yield from succeeds(bytes([4, max(0, min(255, seconds))]), 3))

    def haptic(self, pattern: int) -> Dialogue[bool]:
        yield Listen(own.CTRL)
        return (yield from succeeds(bytes([5, pattern & 0xFF]), 3))

    def request(self, token: int) -> tuple[int, bytes] | None:
        return own.SYNC, own.encode_request(token & 0xFFFFFFFF)

    def last_number(self, payload: bytes) -> int | None:
        if own.problem_of(payload):
            return None
        seq = int.from_bytes(payload[2:4], "little")
        return (seq + payload[1]) % own.Own.seq_modulus

    def event(self, channel: int, payload: bytes) -> tuple[str, Mapping[str, Json]] | None:
        if channel == own.DATA and len(payload) == own.TAP_SIZE and payload[0] == own.TAP and payload[1] in (2, 3):
            return "tap", {"taps": payload[1]}
        return battery_event(channel, payload)

    def _listen(self) -> Dialogue[None]:
        """Answers first, data last: nothing is sent before a start, so nothing is missed."""
        for channel in (own.CTRL, own.SYNC, own.DATA):
            yield Listen(channel)
        yield from gatt.listen_if_there(BATTERY)


def ask(request: bytes) -> Dialogue[bytes]:
    """Write to the control point; its answer, at least 3 bytes: ``80 request status``."""
    yield Write(uuid(own.CTRL), request)
    reply = yield Answer(own.CTRL, bytes([0x80, request[0]]), PATIENCE)
    return reply.ljust(3, b"\xff")


def succeeds(request: bytes, size: int) -> Dialogue[bool]:
    """Whether the control point does it, with an answer of this size."""
    try:
        reply = yield from ask(request)
    except Refused:
        return False
    return reply[2] == 0 and len(reply) == size


PROFILE = OwnProfile()
