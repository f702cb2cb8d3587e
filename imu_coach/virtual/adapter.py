"""A Bluetooth adapter on the virtual air for unmodified bleak: its ``backend=`` classes, bound to a Bumble host."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason
from bumble import core, hci
from bumble.device import Device
from bumble.host import Host

from imu_coach.virtual.air import Air, Radio
from imu_coach.virtual.gatt import MTU, Client, Scanner, bounded, translated
from imu_coach.virtual.wire import connect_hci, lose

OPEN_SECONDS = 5.0


def own_address() -> str:
    """A random static address that other programs on the same air do not have."""
    return f"F0:F0:F0:F0:{os.getpid() >> 8 & 255:02X}:{os.getpid() & 255:02X}"


class Adapter:
    """One virtual adapter: the radio of one program, shared by its scanners and clients.

    Either on an :class:`Air` of this process, or on the hub whose ``port`` is given.  When it has died it comes back by
    itself with the next scan or connection that finds it there.
    """

    def __init__(self, air: Air | None = None, *, port: int = 0, address: str = "") -> None:
        self.air, self.port = air, port
        self.address = address or own_address()
        self.present = True
        self.device: Device | None = None
        self.radio: Radio | None = None
        self._transport: asyncio.Transport | None = None
        self._scanning = 0
        self._opening = asyncio.Lock()
        self.connecting = asyncio.Lock()

    async def __aenter__(self) -> Adapter:
        await self.ready()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def backends(self) -> tuple[type[BaseBleakScanner], type[BaseBleakClient]]:
        """The scanner and client classes for ``backend=`` of bleak, bound to this adapter."""
        return (
            type("VirtualScanner", (Scanner,), {"adapter": self}),
            type("VirtualClient", (Client,), {"adapter": self}),
        )

    async def ready(self) -> Device:
        """The host, powered on; raises BleakBluetoothNotAvailableError when there is no adapter."""
        async with self._opening:
            if self.device is None:
                try:
                    async with asyncio.timeout(OPEN_SECONDS):
                        await self._open()
                except (OSError, core.BaseBumbleError, TimeoutError, asyncio.CancelledError) as error:
                    self.close()
                    if isinstance(error, asyncio.CancelledError):
                        raise
                    reason = BleakBluetoothNotAvailableReason.NO_BLUETOOTH
                    raise BleakBluetoothNotAvailableError("the virtual adapter is not there", reason) from error
            assert self.device is not None
            return self.device

    async def _open(self) -> None:
        source, sink = await self._hci()
        self.device = device = Device(name="virtual", address=hci.Address(self.address), host=Host(source, sink))
        device.gatt_server.max_mtu = MTU
        device.once("flush", self._flushed)
        await device.power_on()

    async def _hci(self) -> tuple[Any, Any]:
        if self.port:
            self._transport, source, sink = await connect_hci(self.port)
            return source, sink
        if self.air is None or not self.present:
            raise ConnectionRefusedError
        self.radio = Radio("adapter", self.air)
        return self.radio, self.radio

    def _flushed(self) -> None:
        """The adapter has gone: clients have been told by the host; the next use opens it anew."""
        self.close()

    def unplug(self) -> None:
        """Take an in-process adapter away; see ``present``."""
        self.present = False
        device = self.device
        if device is not None:
            lose(device.host)
        self.close()

    def close(self) -> None:
        """Let go of the radio; its connections are lost by their supervision timeout."""
        if self.radio is not None and self.air is not None:
            self.air.lost(self.radio)
        if self._transport is not None:
            self._transport.abort()
        self.device = self.radio = self._transport = None
        self._scanning = 0

    async def scan(self, on: bool, active: bool, device: Device) -> None:
        """Scanners share the radio."""
        if self.device is not device:
            return
        self._scanning = max(0, self._scanning + (1 if on else -1))
        with translated():
            if on and self._scanning == 1:
                await bounded(device.start_scanning(active=active, filter_duplicates=False))
            elif not on and self._scanning == 0:
                await bounded(device.stop_scanning())
