"""A sensor of the project's own kind on the virtual air: GATT around a core, and the IMU and clock that drive it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bumble import att, core, hci
from bumble.core import UUID, AdvertisingData
from bumble.device import Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.host import Host

from imu_coach.virtual.core import Core, Options
from imu_coach.virtual.motion import ACC_RANGE, GYR_RANGE, Motion
from imu_coach.virtual.part import Clock, Part

UUIDS = {n: UUID(f"6e3f{n:04x}-5b1c-4d0e-9f4a-1b7c2d9e8a01") for n in (1, 2, 3, 4, 5)}
DATA, CTRL, SYNC, INFO = 2, 3, 4, 5
TAP = 0x13
START, STOP, RESUME = 1, 2, 6
MTU = 247
ADVERTISE_MS = 100
TX_QUEUE = 6
"""Notifications that a radio stack takes before the first has been delivered."""
AWAY_BATCH = 0.25
"""s; how often samples are taken out of the IMU's FIFO while nobody listens."""
TOO_LATE = 30.0
"""s; a computer that slept this long has slept: the sensor goes on from now."""
BATTERY_SECONDS = 36000.0
"""A charge lasts ten hours."""
CCCD_IMPROPER = 0xFD


Begin = Callable[[], Awaitable[float]]
"""Asked when a stream starts: the time (s of the loop's clock) at which the person's session began."""


class Peripheral:
    """One sensor, from being switched on to being switched off."""

    def __init__(
        self,
        make: Options,
        part: Part,
        address: str,
        motion: Motion,
        begin: Begin,
        *,
        busy: Callable[[bool], None] = lambda busy: None,
        booted_before: bool = False,
    ) -> None:
        self.part, self.address, self.motion, self.begin, self.busy = part, address, motion, begin, busy
        self.core: Core = make(part.serial, acc_range=ACC_RANGE, gyr_range=GYR_RANGE)
        self.clock = Clock(part.ppm, 150_000 if booted_before else part.offset_us, asyncio.get_running_loop().time)
        self.core.battery = round(part.battery * 100)
        self._on = self.clock.now()
        self.epoch = float("inf")
        self.connection: Any = None
        self.device: Device | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._sampling: asyncio.Task[None] | None = None
        self._batch = 1
        self._interval = self._due = 0.0
        self._count = self._next = 0
        self._random = random.Random(part.serial)
        self._characteristics = self._table()

    # --- life ---------------------------------------------------------------------------------------------------

    def _table(self) -> dict[int, Characteristic[bytes]]:
        has, may = Characteristic.Properties, Characteristic.Permissions
        control: Any = CharacteristicValue(write=self._control)
        sync: Any = CharacteristicValue(write=self._sync)
        return {
            DATA: Characteristic(UUIDS[DATA], has.NOTIFY, may(0)),
            CTRL: Characteristic(UUIDS[CTRL], has.WRITE | has.INDICATE, may.WRITEABLE, control),
            SYNC: Characteristic(UUIDS[SYNC], has.WRITE_WITHOUT_RESPONSE | has.NOTIFY, may.WRITEABLE, sync),
            INFO: Characteristic(UUIDS[INFO], has.READ, may.READABLE, self.core.info),
        }

    def _services(self) -> list[Service]:
        has, may = Characteristic.Properties, Characteristic.Permissions
        told = {
            "2A29": b"imu_coach",
            "2A24": b"virtual",
            "2A25": f"{self.part.serial:016x}".encode(),
            "2A26": type(self.core).__name__.lower().encode(),
        }
        level: Any = CharacteristicValue(read=lambda connection: bytes([self.core.battery]))
        self._level: Characteristic[bytes] = Characteristic(UUID("2A19"), has.READ | has.NOTIFY, may.READABLE, level)
        information = [Characteristic(UUID(uuid), has.READ, may.READABLE, value) for uuid, value in told.items()]
        return [
            Service(UUIDS[1], list(self._characteristics.values())),
            Service(UUID("180F"), [self._level]),
            Service(UUID("180A"), information),
        ]

    async def start(self, source: Any, sink: Any) -> None:
        """Switch on: advertise on the controller behind this HCI."""
        name = self.part.name.encode()
        self.device = device = Device(name=self.part.name, address=hci.Address(self.address), host=Host(source, sink))
        device.add_services(self._services())
        device.gatt_server.max_mtu = MTU
        advertised = [
            (AdvertisingData.Type.FLAGS, bytes([6])),
            (AdvertisingData.Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, bytes(UUIDS[1])),
        ]
        device.advertising_data = bytes(AdvertisingData(advertised))
        device.scan_response_data = bytes(AdvertisingData([(AdvertisingData.Type.COMPLETE_LOCAL_NAME, name)]))
        device.on("connection", self._connected)
        device.on("flush", lambda: self._disconnected(0))
        await device.power_on()
        await device.start_advertising(
            auto_restart=True, advertising_interval_min=ADVERTISE_MS, advertising_interval_max=ADVERTISE_MS
        )
        self._task(self._patterns())

    async def stop(self) -> None:
        """Switch off, without a farewell."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.device is not None:
            for bumble in (self.device.host, self.device):  # ends what Bumble does for it, and what it begins thereupon
                bumble.emit("flush")
        self.busy(False)

    def skew(self, ppm: float) -> None:
        """Change the crystal's error by so much."""
        self.part = self.part._replace(ppm=self.part.ppm + ppm)
        self.clock.skew(self.part.ppm)

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _patterns(self) -> None:
        """The light, the motor, the battery."""
        while True:
            await asyncio.sleep(0.1 if self.core.led or self.core.haptic else 0.5)
            self._drain()
            self.core.tick(self.clock.us())
            level = max(0, round(100 * (self.part.battery - (self.clock.now() - self._on) / BATTERY_SECONDS)))
            if level != self.core.battery:
                self.core.battery = level
                self._notify(self._level, bytes([level]))

    # --- the link -----------------------------------------------------------------------------------------------

    def _connected(self, connection: Any) -> None:
        self.connection = connection
        self.core.connected()
        connection.on("disconnection", self._disconnected)
        connection.on("connection_att_mtu_update", lambda: self.core.set_mtu(connection.att_mtu))
        queue = self._queue()
        if queue is not None:
            queue.on("flow", self._pump)

    def _disconnected(self, _reason: int) -> None:
        if self.connection is not None:
            self.connection = None
            self.core.disconnected()
            self.busy(False)

    def _queue(self) -> Any:
        if self.device is None or self.connection is None:
            return None
        return self.device.host.get_data_packet_queue(self.connection.handle)

    def _subscribed(self, characteristic: Characteristic[bytes], bit: int) -> bool:
        if self.device is None or self.connection is None:
            return False
        value = self.device.gatt_server.subscribers.get(self.connection, {}).get(characteristic.handle, b"\0\0")
        return bool(value[0] & bit)

    def _notify(self, characteristic: Characteristic[bytes], payload: bytes) -> bool:
        """Hand a notification to the stack; False when nobody has subscribed."""
        if self.device is None or not self._subscribed(characteristic, 1):
            return False
        packet = att.ATT_Handle_Value_Notification(attribute_handle=characteristic.handle, attribute_value=payload)
        self.device.gatt_server.send_gatt_pdu(self.connection, bytes(packet))
        return True

    def _pump(self) -> None:
        """Give the stack what it takes."""
        queue = self._queue()
        while queue is not None and queue.pending < TX_QUEUE:
            payload = self.core.peek()
            if payload is None or not self._notify(self._characteristics[DATA], payload):
                return
            self.core.sent()
            if payload[0] != TAP:
                self._next = int.from_bytes(payload[2:4], "little") + payload[1]

    # --- requests -----------------------------------------------------------------------------------------------

    async def _control(self, connection: Any, payload: bytes) -> None:
        if not self._subscribed(self._characteristics[CTRL], 2):
            raise att.ATT_Error(att.ErrorCode(CCCD_IMPROPER))
        self._drain()
        reply = self.core.control(bytes(payload), self.clock.us())
        done = reply[1] if reply[2] == 0 else 0
        if done in (START, RESUME):
            self._batch = max(1, reply[-1])
            self.busy(True)
        if done == RESUME:
            self._next = int.from_bytes(reply[3:5], "little")
        if done in (START, STOP):
            self._halt()
        if done == START:
            self.epoch = await self.begin()
            self._sample_anew()
        if done == STOP:
            self.busy(False)
        self._task(self._indicate(reply))

    async def _indicate(self, reply: bytes) -> None:
        with contextlib.suppress(TimeoutError, core.BaseBumbleError):
            if self.device is not None and self.connection is not None:
                await self.device.indicate_subscriber(self.connection, self._characteristics[CTRL], reply)
        self._pump()

    def _sync(self, connection: Any, payload: bytes) -> None:
        wait = self.core.sync(bytes(payload), self.clock.us(), self._random.randrange(1 << 16))
        if wait is not None:
            asyncio.get_running_loop().call_later(wait * 1e-6, self._sync_reply)

    def _sync_reply(self) -> None:
        reply = self.core.sync_reply(self.clock.us())
        if reply is not None:
            self._notify(self._characteristics[SYNC], reply)

    # --- the IMU ------------------------------------------------------------------------------------------------

    def _halt(self) -> None:
        if self._sampling is not None:
            self._sampling.cancel()
        self._sampling, self._interval = None, 0.0

    def _sample_anew(self) -> None:
        if self.core.rate:
            self._interval = 1.0 / (self.core.rate * (1.0 + self.part.rate_error))
            self._due, self._count, self._next = self.clock.now() + self._interval, 0, 0
            self._sampling = self._task(self._sample())

    async def _sample(self) -> None:
        """Wake when a packet is full, as by the watermark of the IMU's FIFO; while away, a few times a second."""
        while self.core.rate:
            n = max(1, round(AWAY_BATCH / self._interval))
            if self.connection is not None:
                waiting = (self._count - self._next) % 65536
                n = self._batch - waiting if waiting < self._batch else self._batch
            await asyncio.sleep(max(0.0, self._due + (n - 1) * self._interval - self.clock.now()))
            self._drain()
            self._pump()

    def _drain(self) -> None:
        """Read the IMU's FIFO: everything that was due until now.  Done before anything else that knows the time."""
        now = self.clock.now()
        if not self.core.rate or not self._interval or self._due > now:
            return
        if now - self._due > TOO_LATE:
            self._due = now
        n = int((now - self._due) / self._interval) + 1
        for k, counts in enumerate(self.motion.counts(self._due - self.epoch, self._interval, n)):
            self.core.push(counts, self.clock.us(self._due + k * self._interval))
        self._due += n * self._interval
        self._count += n
