"""One connection to one sensor: runs the drivers' dialogues, and passes on what it sends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from bleak import BleakClient
from bleak.args.bluez import BlueZNotifyArgs
from bleak.backends.characteristic import BleakGATTCharacteristic

from imu_coach.drivers.base import Answer, Dialogue, Listen, Pause, Profile, Read, Refused, Step, Write
from imu_coach.errors import SourceError
from imu_coach.sources.air import Air, Found, heed
from imu_coach.sources.policy import ANSWERS, CHARACTERISTICS, LIMITS, SERVICES, Policy
from imu_coach.sources.problems import CONNECTING, Interrupted, translated

T = TypeVar("T")

Heard = Callable[[int, bytearray, int], None]
"""What to do with a payload: channel, payload, monotonic ns."""


class Line:
    """A connection in the making or made; used once."""

    def __init__(self, air: Air, found: Found, profile: Profile, policy: Policy, heard: Heard) -> None:
        self.air, self.found, self.profile, self.policy, self.heard = air, found, profile, policy, heard
        self.down = asyncio.Event()
        self.client = air.dial(found, self._gone, policy.connect)
        self.talking = asyncio.Lock()
        self.answers: dict[int, deque[bytes]] | None = None
        self.answered = asyncio.Event()
        self.listening: set[int] = set()

    def _gone(self, _client: BleakClient) -> None:
        self.down.set()

    async def connect(self) -> None:
        """Connect and find out what it offers; the lock of the air is held."""
        try:
            async with asyncio.timeout(self.policy.connect + 1.0):
                await self.client.connect()
            services = list(self.client.services)
        except Exception as error:
            raise translated(error, CONNECTING) from error
        if len(services) > SERVICES or sum(len(s.characteristics) for s in services) > CHARACTERISTICS:
            raise Interrupted(f"{CONNECTING}: it offers more than a sensor has")

    async def hang_up(self) -> None:
        """Always, also when it never was connected: a stale link blocks the next one."""
        self.down.set()
        await self.air.finish(self.client.disconnect(), self.policy.hang_up)

    async def run(self, dialogue: Dialogue[T]) -> T:
        """Carry out a driver's dialogue; one at a time.

        Raises what the dialogue raises, ``Interrupted`` when the link goes, ``BluetoothUnavailable`` when the radio
        does.
        """
        async with self.talking:
            self.answers = {}
            try:
                return await self._steps(dialogue)
            except SourceError:
                raise
            except TimeoutError as error:
                raise Interrupted("talking: no answer in time") from error
            except Exception as error:  # a driver, maybe of another package, that stumbles over what it was sent
                raise translated(error, f"driver {self.profile.name}") from error
            finally:
                self.answers = None
                dialogue.close()

    async def _steps(self, dialogue: Dialogue[T]) -> T:
        try:
            step = next(dialogue)
            while True:
                try:
                    answer = await self._step(step)
                    heed()
                except (Refused, TimeoutError) as told:
                    step = dialogue.throw(told)
                else:
                    step = dialogue.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _step(self, step: Step) -> bytes:
        match step:
            case Read(uuid):
                return await self._read(uuid)
            case Write(uuid, payload, response):
                if self.answers is not None:
                    self.answers.clear()
                await self.write(uuid, payload, response)
            case Listen(channel):
                await self._listen(channel)
            case Answer(channel, prefix, seconds):
                return await self._answer(channel, prefix, seconds)
            case Pause(seconds):
                await self._while_up(asyncio.sleep(seconds), seconds + self.policy.step, "pausing")
        return b""

    # --- steps --------------------------------------------------------------------------------------------------

    def _characteristic(self, uuid: str) -> BleakGATTCharacteristic:
        """By UUID; raises Refused when the sensor has none, Interrupted when there is no link."""
        try:
            services = list(self.client.services)
        except Exception as error:
            raise translated(error, "talking") from error
        for service in services:
            for characteristic in service.characteristics:
                if characteristic.uuid == uuid:
                    return characteristic
        raise Refused

    async def _read(self, uuid: str) -> bytes:
        characteristic = self._characteristic(uuid)
        value = await self._while_up(self.client.read_gatt_char(characteristic), self.policy.step, "reading")
        return bytes(value[: LIMITS.payload])

    async def write(self, uuid: str, payload: bytes, response: bool, seconds: float | None = None) -> None:
        """Write; without response only what fits into one packet of this connection."""
        characteristic = self._characteristic(uuid)
        if not response and len(payload) > characteristic.max_write_without_response_size:
            if "write" not in characteristic.properties:
                raise Refused
            response = True
        work = self.client.write_gatt_char(characteristic, payload, response=response)
        await self._while_up(work, self.policy.step if seconds is None else seconds, "writing")

    async def _listen(self, channel: int) -> None:
        if channel in self.listening:
            return
        characteristic = self._characteristic(self.profile.channels[channel])
        bluez: BlueZNotifyArgs = {} if self.air.options.use_start_notify else {"use_start_notify": False}
        work = self.client.start_notify(characteristic, partial(self._notified, channel), bluez=bluez)
        self.listening.add(channel)
        try:
            await self._while_up(work, self.policy.step, "subscribing")
        except BaseException:
            self.listening.discard(channel)
            raise

    def _notified(self, channel: int, _characteristic: BleakGATTCharacteristic, payload: bytearray) -> None:
        now = self.air.clock()
        if self.down.is_set():  # an afterthought of the system; what was sent after it is fetched again
            return
        if self.answers is not None:
            kept = self.answers.setdefault(channel, deque())
            if len(kept) < ANSWERS and len(payload) <= LIMITS.payload:
                kept.append(bytes(payload))
                self.answered.set()
        self.heard(channel, payload, now)

    async def _answer(self, channel: int, prefix: bytes, seconds: float) -> bytes:
        async def wait() -> bytes:
            while True:
                kept = (self.answers or {}).get(channel, ())
                for payload in kept:
                    if payload.startswith(prefix):
                        return payload
                self.answered.clear()
                await self.answered.wait()

        try:
            return await self._while_up(wait(), seconds, "waiting")
        except Interrupted:
            if self.down.is_set():
                raise
            raise TimeoutError from None

    async def _while_up(self, work: Awaitable[T], seconds: float, doing: str) -> T:
        """Do it while the link lasts; raises a SourceError."""
        task = asyncio.ensure_future(work)
        lost = asyncio.ensure_future(self.down.wait())
        try:
            done, _ = await asyncio.wait({task, lost}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            lost.cancel()
            if not task.done():
                task.cancel()
        if task not in done:
            task.add_done_callback(_retrieve)
            why = "the link was lost" if lost in done else "no answer in time"
            raise Interrupted(f"{doing}: {why}")
        try:
            return task.result()
        except Exception as error:
            raise translated(error, doing) from error

    async def lost(self, seconds: float) -> bool:
        """Wait so long for the link to go down; whether it did."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.down.wait()
        return self.down.is_set()


def _retrieve(task: asyncio.Future[T]) -> None:
    """Nobody waits for it any more; without a look at its exception asyncio complains of it."""
    if not task.cancelled():
        task.exception()
