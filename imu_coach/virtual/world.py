"""Virtual sensors on virtual people: a radio, one person who exercises, a sensor at each site, and what goes wrong.

::

    async with World(layout("upper_back_wrist"), "row", processes=False) as world:
        scanner, client = world.backends()
        await world.fault("out_of_range", "wrist", seconds=5)
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner

from imu_coach.errors import SourceError
from imu_coach.settings import Layout
from imu_coach.synthetic import Truth
from imu_coach.virtual import faults
from imu_coach.virtual.adapter import Adapter
from imu_coach.virtual.air import LinkProfile
from imu_coach.virtual.core import Options
from imu_coach.virtual.firmware import Firmware
from imu_coach.virtual.motion import STILL, Motion
from imu_coach.virtual.packetiser import Packetiser
from imu_coach.virtual.part import Clock, Part
from imu_coach.virtual.person import exercising
from imu_coach.virtual.session import LEAD
from imu_coach.virtual.stages import Apart, Here

__all__ = ["Apart", "Here", "World"]

MOST_FAULTS = 16
"""At once, those that wait for another one of their sensor counted; more are left out."""
BEGIN_POLL = 0.5
"""s between two looks whether the session has begun."""


class World:
    """People, sensors and a radio; an async context manager.

    Parameters
    ----------
    layout : whose sites have a sensor
    exercise : what the person does, an id; "": nobody wears the sensors
    seed : decides the person, the sensors' own errors, the radio and the random faults
    plan : faults, as data or in short (:func:`imu_coach.virtual.faults.read`); they begin with the session
    processes : a process for the radio and one for each sensor, or everything here
    core : the firmware's own, or the same in Python
    profile : how good the radio is
    sets, reps : of the exercise
    told : called with each fault of the plan as it begins
    """

    def __init__(
        self,
        layout: Layout | Sequence[str],
        exercise: str = "",
        *,
        seed: int = 1,
        plan: faults.Plan | str = "",
        processes: bool = False,
        core: type[Firmware] | type[Packetiser] = Packetiser,
        profile: LinkProfile | None = None,
        sets: int = 2,
        reps: int = 8,
        told: Callable[[faults.Fault], None] = lambda fault: None,
    ) -> None:
        self.sites = layout.sites if isinstance(layout, Layout) else tuple(layout)
        self.exercise, self.seed, self.told = exercise, seed, told
        self.sets, self.reps = sets, reps
        self.plan = faults.read(plan) if isinstance(plan, str) else plan
        self.schedule = faults.schedule(self.plan, self.sites, seed)
        self.core: Options = core
        self.profile = profile or LinkProfile()
        self.person = exercising(exercise, self.sites, seed=seed, sets=sets, reps=reps) if exercise else None
        self.lead = LEAD if self.person is not None else 0.0
        self.parts = {site: Part.draw(site, seed) for site in self.sites}
        self.addresses = {site: f"E0:00:00:00:{seed % 256:02X}:{k:02X}" for k, site in enumerate(self.sites, 1)}
        self._processes = processes
        self._stage: Here | Apart | None = None
        self._faults: set[asyncio.Task[None]] = set()
        self._one = {name: asyncio.Lock() for name in (*self.sites, "")}

    async def __aenter__(self) -> World:
        self._stage = Apart(self) if self._processes else Here(self)
        try:
            await self._stage.open()
        except BaseException:
            await self._stage.close()
            raise
        if self.plan.faults or self.plan.every:
            self._in_background(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = list(self._faults)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.stage.close()

    @property
    def stage(self) -> Here | Apart:
        """Where it runs."""
        assert self._stage is not None, "the world is entered first"
        return self._stage

    @property
    def adapter(self) -> Adapter:
        """The computer's radio."""
        return self.stage.adapter

    def backends(self) -> tuple[type[BaseBleakScanner], type[BaseBleakClient]]:
        """For bleak."""
        return self.adapter.backends()

    def motion(self, site: str) -> Motion:
        """What one sensor feels."""
        return self.person.motions[site] if self.person is not None else STILL

    def truth(self) -> Truth | None:
        """What the person really does, in session time; None when there is nobody."""
        return self.person.truth if self.person is not None else None

    async def began(self) -> float | None:
        """When the person's session began (s of the loop's clock): with the first START; None before."""
        return await self.stage.began()

    def clock(self, site: str) -> Clock:
        """A sensor's own clock, as it truly is."""
        return self.stage.clocks[site] if isinstance(self.stage, Apart) else self.stage.sensors[site][1].clock

    # --- faults -------------------------------------------------------------------------------------------------

    async def fault(
        self, kind: str, site: str = "", *, seconds: float | None = None, value: float | None = None
    ) -> None:
        """Let one thing go wrong now; returns when it is over."""
        await self._happen(faults.fault(kind, site, seconds=seconds, value=value))

    async def _happen(self, what: faults.Fault) -> None:
        """One at a time at each site."""
        async with self._one[what.site]:
            await faults.happen(what, self.stage)

    def _in_background(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._faults.add(task)
        task.add_done_callback(self._faults.discard)

    async def _follow(self) -> None:
        """The plan, from the session's beginning; over when the air is."""
        with contextlib.suppress(SourceError):
            await self._play()

    async def _play(self) -> None:
        while (epoch := await self.began()) is None:
            await asyncio.sleep(BEGIN_POLL)
        now = asyncio.get_running_loop().time
        for what in self.schedule:
            await asyncio.sleep(max(0.0, epoch + what.at - now()))
            if len(self._faults) < MOST_FAULTS:
                self.told(what)
                self._in_background(self._told(what))

    async def _told(self, what: faults.Fault) -> None:
        with contextlib.suppress(SourceError):
            await self._happen(what)

    async def stats(self) -> dict[str, Any]:
        """Counters of the air; of other processes, also the process ids and the hub's CPU time, s."""
        if isinstance(self.stage, Here):
            return {"stats": self.stage.air.stats, "cpu": time.process_time()}
        assert self.stage.line is not None
        pids = {site: child.pid for site, child in self.stage.sensors.items()}
        return await self.stage.line.ask("status") | {
            "pids": pids | {"hub": self.stage.hub.pid if self.stage.hub else 0}
        }
