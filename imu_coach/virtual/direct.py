"""A person and sensors without a radio: what a link would have brought, with no compiler and no radio stack."""

from __future__ import annotations

import heapq
import random
import struct
from collections.abc import Callable, Iterator
from operator import attrgetter

import numpy as np

from imu_coach.conventions import GRAVITY
from imu_coach.drivers import own
from imu_coach.types import Header, Input, Link, Packet, SensorInfo, Sent, Tick
from imu_coach.virtual.core import Core, Options
from imu_coach.virtual.motion import ACC_RANGE, GYR_RANGE, Motion
from imu_coach.virtual.packetiser import Packetiser
from imu_coach.virtual.part import Clock, Part
from imu_coach.virtual.person import Person

INTERVAL = 0.015
"""s between connection events; a packet waits for one of them."""
HANDLING = 0.001
"""s from the air to the program."""
MTU = 247
PING = 1.0
TICK = 0.25
REST = 5.0
"""s that the person rests at the end."""


def header(person: Person, seed: int, *, rate: int = 104) -> Header:
    """Of a recording of :func:`inputs`: synthetic, and says so."""
    infos = tuple(
        SensorInfo(
            site,
            identity=f"{Part.draw(site, seed).serial:016x}",
            rate=float(rate),
            acc_range=ACC_RANGE * GRAVITY,
            gyr_range=float(np.deg2rad(GYR_RANGE)),
        )
        for site in person.motions
    )
    return Header(infos, synthetic=True, source=f"imu_coach virtual person, seed {seed}")


def inputs(
    person: Person, seed: int, *, rate: int = 104, samples_per_packet: int = 5, core: Options = Packetiser
) -> Iterator[Input]:
    """Everything that arrives, in order: packets, clock exchanges, ticks; not the person's commands."""
    seconds = person.seconds + REST
    links = [
        _link(site, motion, seconds, seed, rate, samples_per_packet, core) for site, motion in person.motions.items()
    ]
    ticks = (Tick(round(k * TICK * 1e9)) for k in range(1, int(seconds / TICK) + 1))
    yield from heapq.merge(ticks, *links, key=attrgetter("arrived_ns"))


def _link(site: str, motion: Motion, seconds: float, seed: int, rate: int, n: int, make: Options) -> Iterator[Input]:
    """One sensor's link, in order."""
    part, draw = Part.draw(site, seed), random.Random(f"{seed}:{site}:link")
    core, clock, phase = make(part.serial), Clock(part.ppm, part.offset_us, lambda: 0.0, 0.0), draw.uniform(0, INTERVAL)
    core.battery = round(100 * part.battery)
    core.connected()
    core.set_mtu(MTU)
    core.control(struct.pack("<BHB", 1, rate, n), clock.us(0.0))
    yield Link(site, 0, "up", 0.0)
    yield Link(site, 1, "battery", part.battery)

    def heard(t: float) -> int:
        """When what is handed to the radio at ``t`` reaches the program, ns."""
        return round((t - (t - phase) % INTERVAL + INTERVAL + HANDLING * draw.uniform(1.0, 3.0)) * 1e9)

    waiting: list[Input] = []
    interval, ping, token = 1.0 / (rate * (1.0 + part.rate_error)), draw.uniform(0.2, 0.8), 0
    first = interval
    while first < seconds:
        due = [first + k * interval for k in range(n)]
        for t, counts in zip(due, motion.counts(first, interval, n), strict=True):
            core.push(counts, clock.us(t))
        first += n * interval
        while (payload := core.peek()) is not None:
            waiting.append(Packet(site, heard(due[-1]), own.DATA, payload))
            core.sent()
        if due[-1] > ping:
            waiting += _exchange(site, core, clock, due[-1], token, draw.randrange(1 << 16), heard)
            ping, token = ping + PING, token + 1
        waiting.sort(key=attrgetter("arrived_ns"))
        while waiting and waiting[0].arrived_ns <= round(first * 1e9):
            yield waiting.pop(0)
    yield from waiting


def _exchange(
    site: str, core: Core, clock: Clock, sent: float, token: int, dither: int, heard: Callable[[float], int]
) -> list[Input]:
    """A clock request and its answer; the sensor hears the request as late as the program hears the sensor."""
    request, received = own.encode_request(token), heard(sent) * 1e-9
    wait = core.sync(request, clock.us(received), dither)
    replied = received + (wait or 0) * 1e-6
    reply = core.sync_reply(clock.us(replied))
    answer = [Packet(site, heard(replied), own.SYNC, reply)] if reply is not None else []
    return [Sent(site, round(sent * 1e9), request), *answer]
