"""The radio as this package sees it: one lock around scan and connect, who was heard, and who is who."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bleak import BleakClient, BleakScanner
from bleak.args.bluez import BlueZClientArgs, BlueZScannerArgs
from bleak.args.winrt import WinRTClientArgs
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

from imu_coach.drivers.base import Profile
from imu_coach.sources.policy import DEVICES, KNOWN, POLICY, Policy
from imu_coach.sources.problems import Interrupted, Yielded, cannot_scan, plain
from imu_coach.types import SensorInfo

NAME = 40
"""Characters of a name or an address that are kept."""
FARTHEST, NEAREST = -127, 20
"""dBm that a radio can report."""


def never(_: object) -> bool:
    """Nothing is enough."""
    return False


class Found(NamedTuple):
    """A sensor that was heard; ``device`` is bleak's, to connect to."""

    name: str
    address: str
    driver: str
    rssi: int
    device: BLEDevice


@dataclass
class Wanted:
    """A sensor of a session: where it is worn, and which one it is.

    ``identity`` is what counts; "" takes whoever is at ``address`` and remembers who that is.  ``address`` and
    ``firmware`` follow what is found.  ``info`` is what was granted at the last start.
    """

    site: str
    info: SensorInfo
    address: str
    identity: str
    firmware: str = ""


@dataclass(frozen=True)
class Options:
    """What may be chosen about the radio.

    ``adapter`` as BlueZ names it (hci0), "" the first.  ``use_start_notify`` False: BlueZ's AcquireNotify, where
    notifications get lost inside the Bluetooth service.  ``allowed``: identities and addresses, all others are left
    alone; None: no such list.
    """

    adapter: str = ""
    use_start_notify: bool = True
    allowed: frozenset[str] | None = None


@dataclass
class Directory:
    """Who was found at which address, in this session; bounded, the oldest is forgotten."""

    owner: dict[str, str] = field(default_factory=dict)
    until: dict[str, float] = field(default_factory=dict)

    def learn(self, address: str, identity: str, until: float) -> None:
        """This identity is at this address, and nobody needs to look before ``until`` s."""
        for table in (self.owner, self.until):
            table.pop(address, None)
            if len(table) >= KNOWN:
                table.pop(next(iter(table)))
        self.owner[address], self.until[address] = identity, until

    def stranger(self, address: str, identity: str, now: float) -> bool:
        """Whether this address is known to be somebody else."""
        return self.owner.get(address, identity) != identity and now < self.until.get(address, 0.0)

    def address(self, identity: str) -> str:
        """Where this identity was last met, or ""."""
        return next((a for a, known in reversed(self.owner.items()) if identity and known == identity), "")


class Air:
    """The radio of a program: one for all its sensors.

    Parameters
    ----------
    scanner, client : bleak backends; None: those of this operating system
    clock : monotonic ns
    """

    def __init__(
        self,
        scanner: type[BaseBleakScanner] | None = None,
        client: type[BaseBleakClient] | None = None,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        options: Options | None = None,
        policy: Policy = POLICY,
    ) -> None:
        self.scanner, self.client, self.clock, self.policy = scanner, client, clock, policy
        self.options = options or Options()
        self.lock = asyncio.Lock()
        self.directory = Directory()
        self.fresh: set[str] = set()
        self.searches: list[Callable[[Found], bool]] = []
        self.leaving: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        """Monotonic s."""
        return self.clock() * 1e-9

    # --- scanning -----------------------------------------------------------------------------------------------

    async def check(self) -> None:
        """Whether the radio can be used at all; raises BluetoothUnavailable."""
        await self.scan(0.0, {})

    async def scan(
        self,
        seconds: float,
        profiles: Mapping[str, Profile],
        *,
        until: Callable[[Sequence[Found]], bool] | None = None,
    ) -> list[Found]:
        """Sensors heard within some seconds, nearest first; ends early when ``until`` is content.

        Raises BluetoothUnavailable.
        """
        async with self.lock:
            return await self._listen(seconds, tuple(profiles.values()), until or never)

    async def _listen(
        self,
        seconds: float,
        profiles: Sequence[Profile],
        until: Callable[[Sequence[Found]], bool],
        sure: Callable[[Found], bool] = never,
    ) -> list[Found]:
        heard: dict[str, Found] = {}
        done = asyncio.Event()

        def on_advertisement(device: BLEDevice, data: AdvertisementData) -> None:
            found = recognised(device, data, profiles)
            if found is not None and keep(heard, found, sure(found)) and until(list(heard.values())):
                done.set()

        async with self._scanning(on_advertisement):
            heed()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await done.wait()
        return sorted(heard.values(), key=lambda found: -found.rssi)

    @asynccontextmanager
    async def _scanning(self, heard: Callable[[BLEDevice, AdvertisementData], None]) -> AsyncIterator[None]:
        bluez: BlueZScannerArgs = {"adapter": self.options.adapter} if self.options.adapter else {}
        try:
            scanner = BleakScanner(heard, bluez=bluez, backend=self.scanner)
            async with asyncio.timeout(self.policy.connect):
                await scanner.start()
        except Exception as error:
            raise cannot_scan(error) from error
        try:
            yield
        finally:
            await self.finish(scanner.stop(), self.policy.hang_up)

    # --- one sensor ---------------------------------------------------------------------------------------------

    async def seek(self, wanted: Wanted, profile: Profile, seconds: float, *, yielding: bool = True) -> Found | None:
        """A device that is, or may be, the wanted one; the lock is held.  Raises BluetoothUnavailable.

        The one at its address; else, when it is not heard for the whole time, one whose name ends like its identity,
        else any of its kind that is not known to be another.  Raises Yielded when another, that somebody waits for, is
        heard before; unless not ``yielding``, for who has let others go first before.
        """
        searches = self.searches if yielding else []

        def sure(found: Found) -> bool:
            return self.rank(found, wanted) == 0

        def enough(heard: Sequence[Found]) -> bool:
            return sure(heard[-1]) or any(search(heard[-1]) for search in searches)

        heard = await self._listen(seconds, (profile,), enough, sure)
        ranked = sorted((rank, found.address, found) for found in heard if (rank := self.rank(found, wanted)) < NOBODY)
        if (not ranked or ranked[0][0] > 0) and any(search(found) for found in heard for search in searches):
            raise Yielded(f"{wanted.site}: not heard yet; another one is, and goes first")
        return ranked[0][2] if ranked else None

    @asynccontextmanager
    async def turn(self, wanted: Wanted) -> AsyncIterator[None]:
        """Wait for the lock; meanwhile others end their scan when they hear this sensor."""

        def search(found: Found) -> bool:
            return self.rank(found, wanted) == 0

        self.searches.append(search)
        try:
            await self.lock.acquire()
        finally:
            self.searches.remove(search)
        try:
            yield
        finally:
            self.lock.release()

    def rank(self, found: Found, wanted: Wanted) -> int:
        """How likely it is the wanted one: 0 it is at its address, 1 and 2 it may be, :data:`NOBODY` it is not."""
        identity = wanted.identity
        if identity and self.directory.stranger(found.address, identity, self.now()):
            return NOBODY
        if identity and not self.allows(found.address, identity):
            return NOBODY
        if found.address == (self.directory.address(identity) or wanted.address):
            return 0
        if not identity:
            return NOBODY
        return 1 if found.name.lower().endswith(identity[-4:].lower()) else 2

    def allows(self, address: str, identity: str) -> bool:
        """Whether the list of those allowed, if there is one, has it."""
        allowed = self.options.allowed
        return allowed is None or bool({address.lower(), identity.lower()} & {entry.lower() for entry in allowed})

    def anew(self, address: str) -> None:
        """The next connection to this address reads the services from the sensor, not from what the OS remembers."""
        if len(self.fresh) >= KNOWN:
            self.fresh.clear()
        self.fresh.add(address)

    def dial(self, found: Found, gone: Callable[[BleakClient], None], seconds: float) -> BleakClient:
        """A new client, never used before: after an attempt the old one may be in any state."""
        bluez: BlueZClientArgs = {"adapter": self.options.adapter} if self.options.adapter else {}
        winrt: WinRTClientArgs = {"use_cached_services": False} if found.address in self.fresh else {}
        return BleakClient(found.device, gone, timeout=seconds, bluez=bluez, winrt=winrt, backend=self.client)

    async def finish(self, work: Coroutine[Any, Any, None], seconds: float) -> None:
        """Let something end in its own time, at most ``seconds`` of ours; nothing it raises matters any more.

        It goes on when we are cancelled: a link must not stay open because a session was stopped.
        """
        task = asyncio.create_task(_quiet(work, 4 * seconds))
        self.leaving.add(task)
        task.add_done_callback(self.leaving.discard)
        await asyncio.wait({task}, timeout=seconds)

    async def close(self) -> None:
        """Wait for what is still leaving."""
        if self.leaving:
            await asyncio.wait(set(self.leaving), timeout=self.policy.hang_up)


NOBODY = 9


def heed() -> None:
    """Raise a cancellation that something below has swallowed, as ``asyncio.wait_for`` may before Python 3.12."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _quiet(work: Coroutine[Any, Any, None], seconds: float) -> None:
    with suppress(Exception):
        async with asyncio.timeout(seconds):
            await work


def recognised(device: BLEDevice, data: AdvertisementData, profiles: Collection[Profile]) -> Found | None:
    """A sensor of one of these kinds, its texts cleaned; None for everything else in the air."""
    name = plain(data.local_name or device.name, NAME)
    services = [str(uuid)[:NAME].lower() for uuid in data.service_uuids[:DEVICES]]
    profile = next((profile for profile in profiles if profile.recognises(name, services)), None)
    if profile is None:
        return None
    told = isinstance(data.rssi, int) and FARTHEST <= data.rssi <= NEAREST
    return Found(name, plain(device.address, NAME), profile.name, data.rssi if told else FARTHEST, device)


def keep(heard: dict[str, Found], found: Found, wanted: bool = False) -> bool:
    """Remember it, as the newest, unless the table is full of nearer ones and it is not wanted."""
    known = heard.pop(found.address, None)
    if known is not None and not found.name:
        found = found._replace(name=known.name)
    if known is None and len(heard) >= DEVICES:
        farthest = min(heard.values(), key=lambda other: other.rssi)
        if farthest.rssi >= found.rssi and not wanted:
            return False
        del heard[farthest.address]
    heard[found.address] = found
    return True


def unheard(wanted: Wanted, seconds: float) -> Interrupted:
    """What to say of a sensor that is not there."""
    return Interrupted(f"{wanted.site}: not heard within {seconds:g} s; is it charged, switched on and near?")
