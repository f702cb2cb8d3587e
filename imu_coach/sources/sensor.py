"""One supervised sensor: found, connected, started, watched, and fetched back whenever it was away."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from imu_coach.drivers.base import BATTERY, Declined, Dialogue, Identity, Profile, Refused
from imu_coach.drivers.gatt import battery_level
from imu_coach.errors import ConnectionLost, SourceError
from imu_coach.sources.air import FARTHEST, NAME, Air, Found, Wanted, heed, unheard
from imu_coach.sources.backoff import BackOff
from imu_coach.sources.inbox import Inbox
from imu_coach.sources.link import Line
from imu_coach.sources.policy import Policy
from imu_coach.sources.problems import Flood, Interrupted, Stranger, Yielded, plain, translated
from imu_coach.types import Json, SensorInfo

T = TypeVar("T")

LOOK = 0.25
"""s between two looks at the link while it streams."""
PING = 1.0
"""s that a clock request may take to leave."""
TAIL = 8
"""Last data payloads kept, to know where to go on: the newest may be an event without a number."""
FOREVER = float("inf")

Told = Callable[[str, str, Mapping[str, Json]], None]
"""What to do with an event that is not a battery level: site, kind, detail."""


def ignore(_site: str, _kind: str, _detail: Mapping[str, Json]) -> None:
    """Do nothing with an event."""


@dataclass
class Counters:
    """Since the session began: attempts, streams begun and gone on with, what ended them; ``odd`` are defects."""

    attempts: int = 0
    started: int = 0
    resumed: int = 0
    lost: int = 0
    stale: int = 0
    floods: int = 0
    strangers: int = 0
    odd: int = 0


class Sensor:
    """Keeps one sensor of a session streaming into the inbox, until cancelled.

    ``state`` is searching, connecting, starting, streaming, silent or away; ``problem`` what stood in the way last,
    None while it streams.  ``told`` hears of taps.
    """

    def __init__(
        self,
        air: Air,
        wanted: Wanted,
        profile: Profile,
        inbox: Inbox,
        *,
        policy: Policy | None = None,
        told: Told = ignore,
        draw: random.Random | None = None,
    ) -> None:
        self.air, self.wanted, self.profile, self.inbox, self.told = air, wanted, profile, inbox, told
        self.policy = policy or air.policy
        self.draw = draw or random.Random()
        self.back_off = BackOff(self.policy, self.draw)
        self.counters = Counters()
        self.state = "away"
        self.problem: SourceError | None = None
        self.identity: Identity | None = None
        self.granted: SensorInfo | None = None
        self.promised: SensorInfo | None = None  # what a recording that began without it says of it
        self.line: Line | None = None
        self.up = False
        self.tail: deque[bytes] = deque(maxlen=TAIL)
        self.data_at = 0.0
        self.strangers = 0
        self.yielded = False

    # --- for whoever runs the session -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Never returns by itself, and raises nothing but the cancellation."""
        try:
            while True:
                try:
                    await self._attempt()
                except Yielded:
                    self.yielded = True
                except SourceError as problem:
                    self.problem, self.yielded = problem, False
                except Exception as defect:  # of this program or of a driver: counted, and the session goes on
                    self.counters.odd += 1
                    self.problem, self.yielded = translated(defect, self.profile.name), False
                heed()
                self.state = "away"
                await asyncio.sleep(self._wait())
        finally:
            self.state = "away"

    async def do(self, dialogue: Dialogue[T]) -> T:
        """Carry out a dialogue with the sensor while it streams: identify, haptic.  Raises SourceError."""
        line = self.line
        if line is None or self.state != "streaming":
            dialogue.close()
            raise ConnectionLost(self.wanted.site, self.counters.attempts)
        return await line.run(dialogue)

    def _wait(self) -> float:
        """s until the next attempt."""
        if isinstance(self.problem, Flood):
            return self.policy.penalty * self.draw.uniform(1.0, 1.0 + self.policy.jitter)
        if self.yielded or (isinstance(self.problem, Stranger) and self.strangers <= self.policy.strangers):
            return self.policy.back_off
        wait = self.back_off.next()
        if self.problem is not None and self.back_off.in_a_row >= self.policy.many_attempts:
            lost = ConnectionLost(self.wanted.site, self.back_off.in_a_row)
            lost.__cause__ = self.problem
            self.problem = lost
        return wait

    # --- one attempt ------------------------------------------------------------------------------------------------

    async def _attempt(self) -> None:
        self.state = "searching"
        line = await self._reach()
        self.line = line
        streaming = False
        try:
            self.state = "starting"
            await self._begin(line)
            streaming = True
            self.state, self.problem = "streaming", None
            await self._stream(line)
        except asyncio.CancelledError:
            if streaming:
                await self.air.finish(line.run(self.profile.stop()), self.policy.goodbye)
            raise
        except (Refused, Declined):
            self.air.anew(line.found.address)  # maybe what the system remembers of its services is out of date
            raise
        finally:
            self.line = None
            self._lowered()
            await line.hang_up()

    async def _reach(self) -> Line:
        """Find and connect, one sensor at a time."""
        async with self.air.turn(self.wanted):
            found = await self.air.seek(self.wanted, self.profile, self.policy.scan, yielding=not self.yielded)
            self.counters.attempts += 1
            if found is None:
                raise unheard(self.wanted, self.policy.scan)
            self.state = "connecting"
            line = Line(self.air, found, self.profile, self.policy, self._heard)
            try:
                await line.connect()
                heed()
            except BaseException:
                await line.hang_up()
                raise
            return line

    async def _begin(self, line: Line) -> None:
        """Make sure who it is, then go on with its stream or start a new one."""
        identity = await line.run(self.profile.identity(line.found.name, line.found.address))
        self._recognise(line.found, identity)
        number = self._number() if "catch_up" in identity.features else None
        if number is not None and await line.run(self.profile.resume(number)):
            self.counters.resumed += 1
        else:
            self.tail.clear()
            n = max(self.policy.samples_per_packet, round(self.wanted.info.rate * self.policy.packet))
            self._grant(await line.run(self.profile.start(self.wanted.info, n)))
            self.counters.started += 1
        self.air.fresh.discard(line.found.address)
        self._raised(self.inbox.now())
        if line.found.rssi > FARTHEST:
            self.inbox.link(self.wanted.site, "rssi", float(line.found.rssi))
        if identity.battery is not None:
            self._battery(identity.battery)

    def _recognise(self, found: Found, identity: Identity) -> None:
        """Raises Stranger when it is not the one; addresses change, what a sensor says of itself stays."""
        wanted, serial = self.wanted, plain(identity.serial, NAME)
        same = serial == wanted.identity or not wanted.identity
        self.air.directory.learn(found.address, serial, FOREVER if same else self.air.now() + self.policy.stranger)
        if not same:
            self.counters.strangers += 1
            self.strangers += 1
            raise Stranger(f"{wanted.site}: another sensor was at this address")
        if not self.air.allows(found.address, serial):
            raise Declined(f"{wanted.site}: this sensor is not on the list of those allowed")
        changed = bool(wanted.firmware) and identity.firmware != wanted.firmware
        wanted.identity, wanted.address, wanted.firmware = serial, found.address, identity.firmware
        self.identity = identity
        if changed and found.address not in self.air.fresh:
            self.air.anew(found.address)
            raise Interrupted(f"{wanted.site}: its firmware has changed; connecting anew")

    def _grant(self, info: SensorInfo) -> None:
        """What was granted once holds for the session: its recording was begun with it."""
        info = replace(info, identity=self.wanted.identity)
        before = self.granted or self.promised
        if before is not None and (info.rate, info.acc_range, info.gyr_range) != (
            before.rate,
            before.acc_range,
            before.gyr_range,
        ):
            raise Declined(f"{self.wanted.site}: its rate or ranges have changed since the session began; start anew")
        self.granted = self.wanted.info = info

    def _number(self) -> int | None:
        """Number after the last sample that came, to go on from."""
        for payload in reversed(self.tail):
            number = self.profile.last_number(payload)
            if number is not None:
                return number
        return None

    # --- while it streams -------------------------------------------------------------------------------------------

    async def _stream(self, line: Line) -> None:
        """Until it ends; raises why."""
        policy, now = self.policy, self.air.now()
        began = self.data_at = max(self.data_at, now)
        silence = max(policy.silence, policy.silent_packets * policy.samples_per_packet / self.wanted.info.rate)
        pings, ping_at, battery_at = 0, now, now + policy.battery
        while not await line.lost(max(0.0, min(LOOK, ping_at - self.air.now()))):
            heed()
            now = self.air.now()
            if now - began > policy.good:
                self.back_off.reset()
                self.strangers = 0
            if now - self.data_at > silence:
                self.state = "silent"
                self.counters.stale += 1
                raise Interrupted(f"{self.wanted.site}: connected, but silent for {silence:g} s")
            if self.inbox.floods(self.wanted.site):
                self.counters.floods += 1
                raise Flood(f"{self.wanted.site}: sends far more than a sensor does")
            if now >= ping_at:
                await self._ping(line)
                pings += 1
                ping_at = now + self.draw.uniform(*(policy.eager_ping if pings < policy.eager else policy.ping))
            if now >= battery_at:
                battery_at = now + policy.battery
                await self._read_battery(line)
        self.counters.lost += 1
        raise Interrupted(f"{self.wanted.site}: the link was lost")

    async def _ping(self, line: Line) -> None:
        """Ask for the sensor's clock; the time is taken before anything can wait."""
        request = self.profile.request(self.draw.getrandbits(32))
        if request is not None:
            channel, payload = request
            self.inbox.sent(self.wanted.site, payload)
            with suppress(Interrupted, Refused):  # the watchdog decides what is dead
                await line.write(self.profile.channels[channel], payload, response=False, seconds=PING)

    async def _read_battery(self, line: Line) -> None:
        if BATTERY in self.profile.channels and BATTERY not in line.listening:
            level = await line.run(battery_level())
            if level is not None:
                self._battery(level)

    def _battery(self, level: float) -> None:
        self.inbox.link(self.wanted.site, "battery", max(0.0, min(1.0, level)))

    # --- what it sends ----------------------------------------------------------------------------------------------

    def _heard(self, channel: int, payload: bytearray, now_ns: int) -> None:
        """A notification; called in the radio's callback, so it only sorts and stores."""
        at = now_ns - self.inbox.began_ns
        site, profile = self.wanted.site, self.profile
        admitted = self.inbox.admit(site, len(payload), at)
        if not admitted:
            return
        data = bytes(payload)
        try:
            event = profile.event(channel, data)
        except Exception:  # a driver that stumbles over hostile bytes must not take the callback down
            self.counters.odd += 1
            event = None
        if channel in profile.packets:
            self._raised(at)
            self.inbox.packet(site, channel, data, at)
            if channel != profile.sync and event is None:
                self.data_at = now_ns * 1e-9
                self.tail.append(data)
        if event is not None:
            kind, detail = event
            if kind == "battery":
                self._battery(float(detail["level"]))
            else:
                self.told(site, kind, detail)

    def _raised(self, at_ns: int) -> None:
        """The link is up from its first packet on."""
        if not self.up:
            self.up = True
            self.inbox.link(self.wanted.site, "up", 0.0, at_ns)

    def _lowered(self) -> None:
        if self.up:
            self.up = False
            self.inbox.link(self.wanted.site, "down", 0.0)


async def visit(air: Air, found: Found, profile: Profile, dialogue: Dialogue[T]) -> T:
    """Connect, carry out one dialogue, and leave: who is it, where is it.  Raises SourceError."""
    async with air.lock:
        line = Line(air, found, profile, air.policy, lambda _channel, _payload, _now: None)
        try:
            await line.connect()
            return await line.run(dialogue)
        finally:
            dialogue.close()
            await line.hang_up()
