"""What bleak wants of a backend, on a Bumble host: scanning, connecting, services, reads, writes, notifications."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from bleak.args import SizedBuffer
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_str
from bumble import att, core, hci
from bumble.core import AdvertisingData
from bumble.device import ConnectionParametersPreferences, Device, Peer

if TYPE_CHECKING:
    from imu_coach.virtual.adapter import Adapter

T = TypeVar("T")

PROPERTIES = (
    "broadcast", "read", "write-without-response", "write", "notify", "indicate", "authenticated-signed-writes",
    "extended-properties",
)  # fmt: skip
"""By bit."""
MTU = 247
ANSWER_SECONDS = 5.0
CLOSE_SECONDS = 5.0
CANCEL_SECONDS = 1.0

TYPE = AdvertisingData.Type
UUID_LISTS = (
    TYPE.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    TYPE.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    TYPE.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    TYPE.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
)


def full(uuid: core.UUID) -> str:
    """The full 128-bit text of a UUID, lower case."""
    return normalize_uuid_str(uuid.to_hex_str("-") if len(uuid.uuid_bytes) == 16 else uuid.to_hex_str())


async def bounded(work: Awaitable[T], seconds: float = ANSWER_SECONDS) -> T:
    """Nothing is waited for without end."""
    async with asyncio.timeout(seconds):
        return await work


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Bumble's exceptions as those of bleak."""
    try:
        yield
    except att.ATT_Error as error:
        raise BleakGATTProtocolError(error.error_code) from error
    except core.TimeoutError as error:
        raise TimeoutError(str(error)) from error
    except core.BaseBumbleError as error:
        raise BleakError(f"the virtual adapter: {error}") from error


class Scanner(BaseBleakScanner):
    """Scanner backend."""

    adapter: Adapter

    def __init__(self, detection_callback: Any, service_uuids: Any, scanning_mode: str, **_: Any) -> None:
        super().__init__(detection_callback, service_uuids)
        self._active = scanning_mode == "active"
        self._device: Device | None = None

    async def start(self) -> None:
        self.seen_devices = {}
        self._device = await self.adapter.ready()
        self._device.on("advertisement", self._heard)
        await self.adapter.scan(True, self._active, self._device)

    async def stop(self) -> None:
        if self._device is not None:
            device, self._device = self._device, None
            device.remove_listener("advertisement", self._heard)
            await self.adapter.scan(False, self._active, device)

    def _heard(self, advertisement: Any) -> None:
        data: AdvertisingData = advertisement.data
        lists: list[Any] = [found for kind in UUID_LISTS for found in data.get_all(kind)]
        services = list(dict.fromkeys(full(uuid) for found in lists for uuid in found))
        name = data.get(TYPE.COMPLETE_LOCAL_NAME) or data.get(TYPE.SHORTENED_LOCAL_NAME)
        found = AdvertisementData(
            local_name=name,
            manufacturer_data={c: bytes(v) for c, v in data.get_all(TYPE.MANUFACTURER_SPECIFIC_DATA)},
            service_data={},
            service_uuids=services,
            tx_power=data.get(TYPE.TX_POWER_LEVEL),
            rssi=advertisement.rssi,
            platform_data=(advertisement,),
        )
        address = advertisement.address.to_string(False)
        device = self.create_or_update_device(address, address, name, advertisement.address, found)
        if self.is_allowed_uuid(services):
            self.call_detection_callbacks(device, found)
        else:
            self.seen_devices.pop(address, None)


class Client(BaseBleakClient):
    """Client backend."""

    adapter: Adapter

    def __init__(self, address_or_ble_device: BLEDevice | str, *, services: Any = None, **kwargs: Any) -> None:
        super().__init__(address_or_ble_device, **kwargs)
        device = address_or_ble_device if isinstance(address_or_ble_device, BLEDevice) else None
        known = device is not None and isinstance(device.details, hci.Address)
        self._target = device.details if device is not None and known else hci.Address(self.address)
        self._name = device.name if device is not None else None
        self._only = services
        self._connection: Any = None
        self._peer: Any = None
        self._listening: dict[int, Callable[[bytes], None]] = {}
        self._gone: asyncio.Future[int] | None = None

    @property
    def name(self) -> str:
        """As advertised, or made of the address."""
        return self._name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """What was agreed."""
        return int(self._connection.att_mtu) if self._connection is not None else 23

    @property
    def is_connected(self) -> bool:
        """Whether nobody has said otherwise."""
        return self._connection is not None

    # --- connecting -------------------------------------------------------------------------------------------------

    async def connect(self, pair: bool, **_: Any) -> None:
        """Connect, agree on an MTU, find the services; see bleak for what it raises, here and below."""
        if self._connection is not None:
            raise BleakError("Client is already connected")
        try:
            async with asyncio.timeout(self._timeout):
                device = await self.adapter.ready()
                async with self.adapter.connecting:
                    connection = await self._dial(device)
                if connection not in device.connections.values():
                    raise BleakError("no connection: it was lost at once")
                self._connected(connection)
                await self._ask(self._peer.request_mtu(MTU))
                if pair:
                    await self._ask(connection.pair())
                self.services = await self._discover()
        except (TimeoutError, core.TimeoutError) as error:
            await self._abort()
            raise TimeoutError(f"{self.address} did not answer in {self._timeout:g} s") from error
        except core.ConnectionError as error:
            await self._abort()
            raise BleakDeviceNotFoundError(self.address, f"no connection: {error}") from error
        except core.BaseBumbleError as error:
            await self._abort()
            raise BleakError(f"no connection: {error}") from error
        except BaseException:
            await self._abort()
            raise

    async def _dial(self, device: Device) -> Any:
        """One connection at a time may be in the making; a cancelled one is taken back."""
        parameters = ConnectionParametersPreferences(supervision_timeout=4000)
        try:
            with _unflushed():
                return await device.connect(
                    self._target, timeout=None, connection_parameters_preferences={hci.Phy.LE_1M: parameters}
                )
        except asyncio.CancelledError:
            with contextlib.suppress(TimeoutError, core.BaseBumbleError, hci.HCI_Error):
                cancel = device.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command())
                await bounded(asyncio.shield(asyncio.ensure_future(cancel)), CANCEL_SECONDS)
                late = device.find_connection_by_bd_addr(self._target)
                if late is not None:
                    await bounded(late.disconnect(), CANCEL_SECONDS)
            raise

    def _connected(self, connection: Any) -> None:
        self._gone = asyncio.get_running_loop().create_future()
        self._connection, self._peer = connection, Peer(connection)
        connection.once("disconnection", self._disconnected)

    def _disconnected(self, reason: int) -> None:
        if self._connection is None:
            return
        self._connection = self._peer = self.services = None
        self._listening.clear()
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(reason)
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    async def _abort(self) -> None:
        if self._connection is not None:
            await self.disconnect()

    async def disconnect(self) -> None:
        """End the connection, if there is one."""
        if self._connection is None or self._gone is None:
            return
        gone, connection = self._gone, self._connection
        with contextlib.suppress(TimeoutError, core.BaseBumbleError, hci.HCI_Error, OSError), _unflushed():
            await bounded(connection.disconnect(), CLOSE_SECONDS)
        await asyncio.wait([gone], timeout=CLOSE_SECONDS)

    async def pair(self, *_: Any, **__: Any) -> None:
        """Pair."""
        await self._ask(self._alive().pair())

    async def unpair(self) -> None:
        """There are no bonds."""
        raise NotImplementedError("the virtual adapter keeps no bonds")

    # --- GATT -------------------------------------------------------------------------------------------------------

    def _alive(self) -> Any:
        if self._connection is None:
            raise BleakError("Not connected")
        return self._connection

    async def _ask(self, request: Coroutine[Any, Any, T]) -> T:
        """A GATT operation; the loss of the link ends it."""
        if self._connection is None or self._gone is None:
            request.close()
            raise BleakError("Not connected")
        task = asyncio.ensure_future(request)
        try:
            await asyncio.wait((task, self._gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
        if not task.done() or task.cancelled():
            raise BleakError("disconnected")
        with translated():
            return task.result()

    async def _discover(self) -> BleakGATTServiceCollection:
        found, peer = BleakGATTServiceCollection(), self._peer
        for one in await self._ask(peer.discover_services()):
            if self._only and full(one.uuid) not in self._only:
                continue
            service = BleakGATTService(one, one.handle, full(one.uuid))
            found.add_service(service)
            for c in await self._ask(peer.discover_characteristics((), one)):
                names: Any = [name for bit, name in enumerate(PROPERTIES) if int(c.properties) >> bit & 1]
                characteristic = BleakGATTCharacteristic(
                    c, c.handle, full(c.uuid), names, lambda: self.mtu_size - 3, service
                )
                found.add_characteristic(characteristic)
                for d in await self._ask(peer.discover_descriptors(c)):
                    found.add_descriptor(BleakGATTDescriptor(d, d.handle, full(d.type), characteristic))
        return found

    async def read_gatt_char(self, characteristic: BleakGATTCharacteristic, **_: Any) -> bytearray:
        """Read a characteristic."""
        self._alive()
        return bytearray(await self._ask(self._peer.read_value(characteristic.obj)))

    async def read_gatt_descriptor(self, descriptor: BleakGATTDescriptor, **_: Any) -> bytearray:
        """Read a descriptor."""
        self._alive()
        return bytearray(await self._ask(self._peer.read_value(descriptor.obj)))

    async def write_gatt_char(self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool) -> None:
        """Write a characteristic."""
        self._alive()
        if not response and len(bytes(data)) > self.mtu_size - 3:
            raise BleakError("longer than fits into one packet")
        await self._ask(self._peer.write_value(characteristic.obj, bytes(data), with_response=response))

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
        """Write a descriptor."""
        self._alive()
        await self._ask(self._peer.write_value(descriptor.obj, bytes(data), with_response=True))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: Callable[[bytearray], None], **_: Any
    ) -> None:
        """Subscribe."""
        self._alive()
        handle = characteristic.handle
        if handle in self._listening:
            raise BleakError("Characteristic notifications already started")

        def received(value: bytes) -> None:
            callback(bytearray(value))

        self._listening[handle] = received
        try:
            await self._ask(self._peer.subscribe(characteristic.obj, received))
        except BaseException:
            self._listening.pop(handle, None)
            raise

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe."""
        received = self._listening.pop(characteristic.handle, None)
        if self._peer is not None and received is not None:
            await self._ask(self._peer.unsubscribe(characteristic.obj, received))


@contextlib.contextmanager
def _unflushed() -> Iterator[None]:
    """Bumble cancels what waits for a controller that is lost: an error of the link, not of the caller."""
    task = asyncio.current_task()
    asked = task.cancelling() if task is not None else 0
    try:
        yield
    except asyncio.CancelledError as error:
        if task is not None and task.cancelling() > asked:
            raise
        raise BleakError("the virtual adapter was lost") from error
