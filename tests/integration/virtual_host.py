"""A small bleak program for tests of the virtual air: connects to a sensor of the project's own kind and listens."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from bleak import BleakClient, BleakScanner

pytest.importorskip("bumble", reason="virtual sensors need the extra sim")

from imu_coach.virtual.world import World

T = TypeVar("T")
DATA, CTRL, SYNC, INFO = (f"6e3f{n:04x}-5b1c-4d0e-9f4a-1b7c2d9e8a01" for n in (2, 3, 4, 5))
SERVICE = "6e3f0001-5b1c-4d0e-9f4a-1b7c2d9e8a01"


def run(work: Coroutine[Any, Any, T], seconds: float = 60.0) -> T:
    """Run a test's coroutine; nothing of it may be left when it ends."""

    async def bounded() -> T:
        async with asyncio.timeout(seconds):
            found = await work
        await asyncio.sleep(0.05)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert not left, left
        return found

    return asyncio.run(bounded())


class Host:
    """A program connected to one sensor; ``data`` are (type, seq, n, t_first, period, payload, arrived)."""

    def __init__(self, world: World, site: str) -> None:
        self.world, self.site = world, site
        self.client: BleakClient
        self.gone = asyncio.Event()
        self.replies: asyncio.Queue[bytes] = asyncio.Queue()
        self.synced: asyncio.Queue[tuple[bytes, float]] = asyncio.Queue()
        self.data: list[tuple[int, int, int, int, int, bytes, float]] = []
        self.now = asyncio.get_running_loop().time

    async def connect(self, timeout: float = 5.0) -> Host:
        """Scan, connect, listen."""
        scanner, backend = self.world.backends()
        address = self.world.addresses[self.site]
        device = await BleakScanner.find_device_by_address(address, timeout, backend=scanner)
        assert device is not None, "it advertises"
        self.client = BleakClient(device, lambda _: self.gone.set(), backend=backend, timeout=timeout)
        await self.client.connect()
        await self.client.start_notify(CTRL, lambda _, b: self.replies.put_nowait(bytes(b)))
        await self.client.start_notify(SYNC, lambda _, b: self.synced.put_nowait((bytes(b), self.now())))
        await self.client.start_notify(DATA, self._data)
        return self

    def _data(self, _: object, payload: bytearray) -> None:
        head = struct.unpack_from("<BBHIH", payload)
        self.data.append((head[0], head[2], head[1], head[3], head[4], bytes(payload), self.now()))

    async def ask(self, request: bytes) -> bytes:
        """Write to the control point; its answer."""
        await self.client.write_gatt_char(CTRL, request, response=True)
        return await asyncio.wait_for(self.replies.get(), 3.0)

    async def start(self, rate: int = 104, n: int = 4) -> bytes:
        """START."""
        return await self.ask(struct.pack("<BHB", 1, rate, n))

    async def resume(self, number: int) -> bytes:
        """RESUME."""
        return await self.ask(struct.pack("<BH", 6, number))

    async def packets(self, count: int, seconds: float = 5.0) -> None:
        """Wait until there are so many."""
        async with asyncio.timeout(seconds):
            while len(self.data) < count:
                await asyncio.sleep(0.01)

    @property
    def next(self) -> int:
        """The number after the last sample."""
        return (self.data[-1][1] + self.data[-1][2]) % 65536

    @property
    def missing(self) -> int:
        """Samples that are missing between the first and the last."""
        pairs = zip(self.data, self.data[1:], strict=False)
        return sum((after[1] - before[1] - before[2]) % 65536 for before, after in pairs)
