"""The radio that a command uses: the computer's own, or the virtual one with somebody in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imu_coach.cli import common
from imu_coach.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from imu_coach.sources import Air, Wanted
    from imu_coach.store import Known
    from imu_coach.types import Command

DEFAULT_LAYOUT = "upper_back_wrist"
DEFAULT_EXERCISE = "triceps_pushback"


@dataclass(frozen=True)
class Radio:
    """An air, the sensors that are assigned in it, and what a virtual person would press meanwhile.

    ``began`` gives the time (s of the loop's clock) at which that person began, None before.
    """

    air: Air
    known: tuple[Known, ...]
    virtual: bool = False
    title: str = ""
    exercise: str = ""
    commands: tuple[Command, ...] = ()
    began: Callable[[], Awaitable[float | None]] | None = None


@asynccontextmanager
async def radio(virtual: bool, layout: str = "", exercise: str = "", seed: int = 1) -> AsyncIterator[Radio]:
    """The computer's radio with the sensors of the user's folder; or a virtual one, running already or made for this.

    Raises
    ------
    BluetoothUnavailable, ConfigError
    """
    if virtual:
        async with _virtual(layout, exercise, seed) as made:
            yield made
        return
    from imu_coach.sources import Air
    from imu_coach.store import Store

    air = Air()
    try:
        yield Radio(air, Store().sensors())
    finally:
        await air.close()


@asynccontextmanager
async def _virtual(layout: str, exercise: str, seed: int) -> AsyncIterator[Radio]:
    from imu_coach.virtual import needs_bumble

    needs_bumble()
    from imu_coach.virtual import ports

    running = ports.find()
    if running is not None:
        for option, asked, there in (("--layout", layout, running.layout), ("--exercise", exercise, running.exercise)):
            if asked and asked != there:
                raise ConfigError("", option, f"the virtual sensors that run have {there!r}; leave it out, or end them")
        async with _joined(running) as made:
            yield made
    else:
        async with _made(layout or DEFAULT_LAYOUT, exercise or DEFAULT_EXERCISE, seed) as made:
            yield made


@asynccontextmanager
async def _joined(running: object) -> AsyncIterator[Radio]:
    """The virtual air that runs in another terminal."""
    from imu_coach import config
    from imu_coach.sources import Air
    from imu_coach.virtual.adapter import Adapter
    from imu_coach.virtual.person import exercising
    from imu_coach.virtual.ports import Running
    from imu_coach.virtual.wire import Line

    assert isinstance(running, Running)
    sites = config.layout(running.layout).sites
    person = exercising(running.exercise, sites, seed=running.seed, sets=running.sets, reps=running.reps)
    line = await Line.to(running.admin)
    adapter = Adapter(port=running.radio)

    async def began() -> float | None:
        epoch = (await line.ask("status"))["epoch"]
        return None if epoch is None else float(epoch)

    air = Air(*adapter.backends())
    try:
        known = known_of(sites, running.seed)
        yield Radio(air, known, True, "virtual sensors", running.exercise, person.commands, began)
    finally:
        await air.close()
        adapter.close()
        line.close()


@asynccontextmanager
async def _made(layout: str, exercise: str, seed: int) -> AsyncIterator[Radio]:
    """A virtual air for this one session."""
    from imu_coach import config
    from imu_coach.sources import Air
    from imu_coach.virtual.firmware import Firmware, FirmwareMissing, load
    from imu_coach.virtual.packetiser import Packetiser
    from imu_coach.virtual.world import World

    core: type[Firmware] | type[Packetiser] = Firmware
    try:
        load()
    except FirmwareMissing as missing:
        common.say(f"imu-coach: {missing}")
        core = Packetiser
    chosen = config.layout(layout)
    common.say(f"switching on virtual sensors on a simulated person: {exercise} (a few seconds)")
    async with World(chosen, exercise, seed=seed, processes=True, core=core) as world:
        air = Air(*world.backends())
        commands = world.person.commands if world.person is not None else ()
        try:
            yield Radio(air, known_of(chosen.sites, seed), True, "virtual sensors", exercise, commands, world.began)
        finally:
            await air.close()


def known_of(sites: tuple[str, ...], seed: int) -> tuple[Known, ...]:
    """Virtual sensors are assigned by whoever made them."""
    from imu_coach.store import Known
    from imu_coach.virtual.part import Part

    parts = {site: Part.draw(site, seed) for site in sites}
    return tuple(Known(f"{part.serial:016x}", "own", site, part.name) for site, part in parts.items())


def wanted(known: tuple[Known, ...], sites: tuple[str, ...]) -> list[Wanted]:
    """The sensors of a layout; ConfigError when one is not assigned."""
    from imu_coach.sinks import words
    from imu_coach.sources import Wanted
    from imu_coach.store import with_bias
    from imu_coach.types import SensorInfo

    by_site = {one.site: one for one in known if one.site}
    missing = [words.site(site) for site in sites if site not in by_site]
    if missing:
        problem = f"no sensor is assigned to: {', '.join(missing)}; switch it on and use: imu-coach identify"
        raise ConfigError("", "sensors", problem)
    found = []
    for site in sites:
        one = by_site[site]
        info = with_bias(SensorInfo(site, driver=one.driver, identity=one.identity), one)
        found.append(Wanted(site, info, one.address, one.identity))
    return found


def layout_of(known: tuple[Known, ...], asked: str | None) -> str:
    """The layout that was asked for, else the richest that the assigned sensors make."""
    from imu_coach import config

    if asked:
        return asked
    sites = {one.site for one in known}
    for name in config.LAYOUTS:
        if sites >= set(config.layout(name).sites):
            return name
    problem = "none is assigned yet; switch your sensors on and use: imu-coach identify"
    raise ConfigError("", "sensors", problem)
