"""Where a virtual world runs: all of it in this process, or the air and each sensor in a process of its own."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imu_coach.errors import SourceError
from imu_coach.virtual.adapter import Adapter
from imu_coach.virtual.air import Air
from imu_coach.virtual.children import Child
from imu_coach.virtual.faults import SLOW_PER_EVENT
from imu_coach.virtual.firmware import Firmware, load
from imu_coach.virtual.part import Clock
from imu_coach.virtual.peripheral import Peripheral
from imu_coach.virtual.person import Person
from imu_coach.virtual.radio import Radio
from imu_coach.virtual.session import Session
from imu_coach.virtual.wire import Line

if TYPE_CHECKING:
    from imu_coach.virtual.world import World


class Here:
    """Everything in this process, for tests: the air, the sensors, and hands on them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.air = Air(world.profile, world.seed)
        self.session = Session(asyncio.get_running_loop().time, world.lead)
        self.adapter = Adapter(self.air)
        self.sensors: dict[str, tuple[Radio, Peripheral]] = {}

    async def open(self) -> None:
        """Switch everything on."""
        for site in self.world.sites:
            await self._on(site, booted_before=False)
        await self.adapter.ready()

    async def close(self) -> None:
        """Switch everything off."""
        self.adapter.close()
        for site in list(self.sensors):
            await self.power(site, False)

    async def began(self) -> float | None:
        """When the person's session began, s of the loop's clock."""
        return self.session.epoch

    async def _on(self, site: str, booted_before: bool) -> None:
        address = self.world.addresses[site]

        async def begin() -> float:
            return self.session.begin(address)

        sensor = Peripheral(
            self.world.core,
            self.world.parts[site],
            address,
            self.world.motion(site),
            begin,
            busy=lambda streaming: self.session.busy(address, streaming),
            booted_before=booted_before,
        )
        radio = Radio(site, self.air)
        self.sensors[site] = radio, sensor
        await sensor.start(radio, radio)

    async def range(self, site: str, there: bool) -> None:
        """See :class:`imu_coach.virtual.faults.Hands`, here and below."""
        if site in self.sensors:
            self.air.set_in_range(self.sensors[site][0], there)

    async def link(self, site: str, loss: float | None = None, interval: float | None = None) -> None:
        changes = spoiled(loss, interval)
        self.air.set_profile(replace(self.air.profile, **changes) if changes else None, self.world.addresses[site])

    async def power(self, site: str, on: bool) -> None:
        if on and site not in self.sensors:
            await self._on(site, booted_before=True)
        elif not on and site in self.sensors:
            radio, sensor = self.sensors.pop(site)
            self.air.lost(radio)
            await sensor.stop()

    async def skew(self, site: str, ppm: float) -> None:
        if site in self.sensors:
            self.sensors[site][1].skew(ppm)

    async def plug(self, there: bool) -> None:
        if there:
            self.adapter.present = True
        else:
            self.adapter.unplug()


class Apart:
    """The air and each sensor in a process of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.folder = tempfile.TemporaryDirectory(prefix="imu-coach-", ignore_cleanup_errors=True)
        self.file = Path(self.folder.name) / "motion.npz"
        self.hub: Child | None = None
        self.line: Line | None = None
        self.ports: dict[str, int] = {}
        self.sensors: dict[str, Child] = {}
        self.clocks: dict[str, Clock] = {}
        self.adapter = Adapter()

    async def open(self) -> None:
        """Start the hub, then all sensors at once."""
        world = self.world
        if world.core is Firmware:
            load()
        Person({site: world.motion(site) for site in world.sites}, (), None).save(self.file)
        orders = {"profile": asdict(world.profile), "seed": world.seed, "lead": world.lead, "folder": self.folder.name}
        self.hub = await Child.start("imu_coach.virtual.hub", orders)
        self.ports = await self.hub.ready()
        self.line = await Line.to(self.ports["admin"])
        self.adapter = Adapter(port=self.ports["radio"])
        for site in world.sites:
            await self._on(site, booted_before=False)
        for site in world.sites:
            self._is_ready(site, await self.sensors[site].ready())

    async def close(self) -> None:
        """End all processes, whatever state they are in."""
        self.adapter.close()
        if self.line is not None:
            self.line.close()
        hub, sensors, self.sensors, self.hub = self.hub, list(self.sensors.values()), {}, None
        await asyncio.gather(*(child.end() for child in sensors), return_exceptions=True)
        if hub is not None:
            await hub.end()
        self.folder.cleanup()

    async def began(self) -> float | None:
        """When the person's session began, s of the loop's clock, which is the computer's."""
        epoch = (await self._ask("status"))["epoch"]
        return None if epoch is None else float(epoch)

    async def _ask(self, command: str, **values: Any) -> dict[str, Any]:
        assert self.line is not None
        try:
            return await self.line.ask(command, **values)
        except (OSError, TimeoutError) as error:
            raise SourceError("the virtual air has ended; start it again") from error

    def _is_ready(self, site: str, said: dict[str, Any]) -> None:
        ppm, us, since = said["clock"]
        self.clocks[site] = Clock(ppm, us, asyncio.get_running_loop().time, since)

    async def _on(self, site: str, booted_before: bool) -> None:
        orders = {
            "port": self.ports["sensors"],
            "admin": self.ports["admin"],
            "site": site,
            "address": self.world.addresses[site],
            "part": self.world.parts[site],
            "motion": str(self.file),
            "core": "Firmware" if self.world.core is Firmware else "Packetiser",
            "booted_before": booted_before,
        }
        self.sensors[site] = await Child.start("imu_coach.virtual.node", orders)

    async def range(self, site: str, there: bool) -> None:
        """See :class:`imu_coach.virtual.faults.Hands`, here and below."""
        await self._ask("range", address=self.world.addresses[site], there=there)

    async def link(self, site: str, loss: float | None = None, interval: float | None = None) -> None:
        await self._ask("link", address=self.world.addresses[site], changes=spoiled(loss, interval))

    async def power(self, site: str, on: bool) -> None:
        if on and site not in self.sensors:
            await self._on(site, booted_before=True)
            self._is_ready(site, await self.sensors[site].ready())
        elif not on and site in self.sensors:
            await self.sensors.pop(site).kill()
            await self._ask("busy", address=self.world.addresses[site], streaming=False)

    async def skew(self, site: str, ppm: float) -> None:
        if site in self.sensors:
            self.sensors[site].send(skew=ppm)
            self.clocks[site].skew(self.world.parts[site].ppm + ppm)

    async def plug(self, there: bool) -> None:
        await self._ask("adapter", there=there)


def spoiled(loss: float | None, interval: float | None) -> dict[str, Any]:
    """What of a link profile is changed."""
    changes: dict[str, Any] = {} if loss is None else {"loss": loss}
    return changes if interval is None else changes | {"interval": interval, "per_event": SLOW_PER_EVENT}
