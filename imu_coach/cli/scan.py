"""``imu-coach scan`` and ``identify``: which sensors are there, and which of them is worn where."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from imu_coach.cli import common
from imu_coach.cli.common import put, say
from imu_coach.cli.radio import Radio, radio
from imu_coach.conventions import SITES
from imu_coach.errors import ConfigError, SensorNotFound, SourceError
from imu_coach.sinks import words

if TYPE_CHECKING:
    from imu_coach.drivers.base import Identity, Profile
    from imu_coach.sources import Air, Found, Inbox, Sensor
    from imu_coach.store import Known
    from imu_coach.types import Input

SECONDS = 6.0
"""s of listening; a sensor that saves its battery may advertise only once a second or two."""
LIFT = 20.0
"""s to lift a sensor."""
WINDOW = 1.5
"""s of motion that are compared."""
MOVED, TIMES = 1.0, 4.0
"""rad/s rms of a sensor that is lifted, and how many times that of the others it must be: a table that shakes moves
all of them."""
AFTER = {"upper_back": "for your upper back", "wrist": "for your wrist", "upper_arm": "for above your elbow"}
"""What is said of a site; the others are for their own name."""


@click.command(short_help="Which sensors are in the air?")
@click.option("--virtual", is_flag=True, help="The virtual sensors that run in another terminal (extra sim).")
@click.option("--seconds", default=SECONDS, show_default=True, type=click.FloatRange(1, 60), help="To listen.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per sensor on stdout.")
def scan(virtual: bool, seconds: float, as_json: bool) -> None:
    """Which sensors are in the air? Name, kind, signal, battery, and whether each is known already.

    To learn the battery and the identity each one is connected to for a moment.
    """
    rows = asyncio.run(_scan(virtual, seconds))
    if as_json:
        import json

        for row in rows:
            put(json.dumps(row))
    elif rows:
        _table(rows)
    if not rows:
        say("no sensor found; is it charged, switched on and near? See: imu-coach doctor")


Row = dict[str, str | float | None]


def _table(rows: Sequence[Row]) -> None:
    from rich.table import Table

    table = Table("name", "kind", "signal", "battery", "identity", "known as")
    for row in rows:
        battery = row["battery"]
        cells = (
            str(row["name"] or row["address"]),
            str(row["driver"]),
            f"{row['rssi']} dBm",
            "" if battery is None else words.percent(float(battery)),
            str(row["identity"] or f"? ({row['problem']})"),
            words.site(str(row["site"])) if row["site"] else str(row["known"]),
        )
        table.add_row(*map(words.clean, cells))
    common.out_console().print(table)
    if any(not row["site"] for row in rows):
        say("say where each is worn: imu-coach identify")


async def _scan(virtual: bool, seconds: float) -> list[Row]:
    async with radio(virtual) as there:
        found = await _found(there.air, seconds)
        rows = []
        for one in found:
            identity, problem = await _who(there.air, one)
            rows.append(_row(one, identity, problem, there.known))
    return rows


async def _found(air: Air, seconds: float) -> list[Found]:
    from imu_coach.drivers import profiles

    offered, problems = profiles()
    for problem in problems:
        say(problem)
    return await air.scan(seconds, offered)


async def _who(air: Air, found: Found) -> tuple[Identity | None, str]:
    """Who a sensor says it is, or why it does not."""
    from imu_coach.drivers import profile
    from imu_coach.sources import visit

    kind = profile(found.driver)
    try:
        return await visit(air, found, kind, kind.identity(found.name, found.address)), ""
    except SourceError as problem:
        return None, str(problem)


def _row(found: Found, identity: Identity | None, problem: str, known: tuple[Known, ...]) -> Row:
    serial = identity.serial if identity is not None else ""
    one = next((one for one in known if one.identity == serial), None)
    return {
        "name": found.name,
        "address": found.address,
        "driver": found.driver,
        "rssi": found.rssi,
        "battery": identity.battery if identity is not None else None,
        "identity": serial,
        "site": one.site if one is not None else "",
        "known": "not assigned" if one is not None else "new",
        "problem": problem,
    }


# --- which is which -------------------------------------------------------------------------------------------------


@click.command(short_help="Say which sensor is worn where.")
@click.option("--virtual", is_flag=True, help="Virtual sensors (extra sim), for --led: nobody lifts them.")
@click.option("--layout", default="upper_back_wrist", show_default=True, help="Where sensors are worn.")
@click.option("--led", metavar="NAME", help="Let this sensor blink instead, and ask nothing.")
@click.option("--seconds", default=LIFT, show_default=True, type=click.FloatRange(5, 120), help="To lift each one.")
def identify(virtual: bool, layout: str, led: str | None, seconds: float) -> None:
    """Say which sensor is worn where: lift the one that is asked for, and it is remembered.

    Put all sensors on a table first. With --led NAME that sensor blinks, where it has a light.
    """
    if led is not None:
        asyncio.run(_blink(virtual, led))
        return
    chosen = asyncio.run(_identify(virtual, layout, seconds))
    if not virtual:
        from imu_coach.store import Store

        store = Store()
        for one in chosen:
            store.keep(one)
        say(f"remembered in {store.sensors_file}")


async def _blink(virtual: bool, name: str) -> None:
    from imu_coach.drivers import profile
    from imu_coach.sources import visit

    async with radio(virtual) as there:
        found = await _found(there.air, SECONDS)
        one = next((one for one in found if name in (one.name, one.address)), None)
        if one is None:
            raise SensorNotFound(name, tuple(one.name or one.address for one in found))
        blinked = await visit(there.air, one, profile(one.driver), profile(one.driver).identify(5))
        say(f"{one.name}: {'it blinks for 5 s' if blinked else 'it has no light that can be switched from here'}")


async def _identify(virtual: bool, layout: str, seconds: float) -> list[Known]:
    from imu_coach import config
    from imu_coach.drivers import profile
    from imu_coach.sources import Inbox, Sensor, Wanted
    from imu_coach.types import SensorInfo

    sites = config.layout(layout).sites
    async with radio(virtual, layout) as there:
        found = await _found(there.air, SECONDS)
        if len(found) < len(sites):
            names = ", ".join(one.name or one.address for one in found) or "none"
            problem = f"{len(found)} found ({names}) and {len(sites)} needed; switch all of them on and hold them near"
            raise ConfigError("", "sensors", problem)
        inbox = Inbox()
        sensors = []
        for one in found[: len(SITES)]:
            info = SensorInfo(one.address, driver=one.driver)
            sensors.append(Sensor(there.air, Wanted(one.address, info, one.address, ""), profile(one.driver), inbox))
        return await _lifting(there, sites, sensors, inbox, seconds, {one.address: one.name for one in found})


async def _lifting(
    there: Radio,
    sites: Sequence[str],
    sensors: Sequence[Sensor],
    inbox: Inbox,
    seconds: float,
    names: Mapping[str, str],
) -> list[Known]:
    """Ask for one site after the other, while all sensors stream."""
    from imu_coach.store import Known

    tasks = [asyncio.create_task(sensor.run()) for sensor in sensors]
    try:
        await _streaming(sensors, len(sites))
        left = {sensor.wanted.site: sensor for sensor in sensors}
        chosen = []
        for site in sites:
            say(f"lift the one {AFTER.get(site, f'for: {words.site(site)}')}, turn it about, and put it back")
            address = await _lifted(inbox, left, seconds)
            if address is None:
                raise ConfigError("", words.site(site), f"none was lifted within {seconds:g} s; try again")
            sensor = left.pop(address)
            identity = sensor.wanted.identity
            before = next((one for one in there.known if one.identity == identity), Known(identity, ""))
            kept = before._replace(driver=sensor.profile.name, site=site, name=names[address], address=address)
            chosen.append(kept)
            say(f"{words.site(site)}: {words.clean(names[address] or address)}")
        return chosen
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _streaming(sensors: Sequence[Sensor], needed: int) -> None:
    """Until enough of them stream."""
    from imu_coach.live import GATHER

    try:
        async with asyncio.timeout(GATHER):
            while sum(sensor.state == "streaming" for sensor in sensors) < needed:
                await asyncio.sleep(0.1)
    except TimeoutError:
        silent = ", ".join(sensor.wanted.address for sensor in sensors if sensor.state != "streaming")
        raise ConfigError("", "sensors", f"not reached: {silent}; hold them near and try again") from None


async def _lifted(inbox: Inbox, sensors: Mapping[str, Sensor], seconds: float) -> str | None:
    """The address of the sensor that moves while the others rest."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    await asyncio.sleep(WINDOW)  # until the last one is back on the table
    inbox.take()
    while loop.time() < end:
        await asyncio.sleep(WINDOW)
        moved = lifted(turning(inbox.take(), sensors))
        if moved is not None:
            return moved
    return None


def turning(items: Sequence[Input], sensors: Mapping[str, Sensor]) -> dict[str, float]:
    """How fast each sensor turned, rad/s rms, out of what it sent."""
    import numpy as np

    from imu_coach.types import Packet

    found = {}
    for site, sensor in sensors.items():
        info = sensor.granted or sensor.wanted.info
        profile: Profile = sensor.profile
        channels = profile.packets - {profile.sync}
        mine = [i.payload for i in items if isinstance(i, Packet) and i.sensor == site and i.channel in channels]
        gyr = profile.decoder(info).decode(mine).gyr
        found[site] = float(np.sqrt((gyr**2).sum(axis=1).mean())) if len(gyr) else 0.0
    return found


def lifted(rates: Mapping[str, float]) -> str | None:
    """The one that moves while all others rest; None when none does, or several."""
    ranked = sorted(rates, key=lambda site: -rates[site])
    if not ranked or rates[ranked[0]] < MOVED:
        return None
    second = rates[ranked[1]] if len(ranked) > 1 else 0.0
    return ranked[0] if rates[ranked[0]] >= TIMES * second else None
