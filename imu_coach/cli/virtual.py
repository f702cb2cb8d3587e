"""``imu-coach virtual``: sensors that are not there, for trying everything out without any."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import click

from imu_coach.cli.common import say

if TYPE_CHECKING:
    from imu_coach.virtual.faults import Fault
    from imu_coach.virtual.world import World


@click.command(short_help="Run virtual sensors on a simulated person who exercises.")
@click.option("--layout", "layout_name", default="upper_back_wrist", show_default=True, help="See: imu-coach layouts.")
@click.option("--exercise", default="triceps_pushback", show_default=True, help="What the person does.")
@click.option("--sets", default=2, show_default=True, type=click.IntRange(1, 20), help="How many of them.")
@click.option("--reps", default=8, show_default=True, type=click.IntRange(1, 50), help="In each set.")
@click.option("--faults", "plan", default="", help="A TOML file, or in short: random@20, out_of_range:wrist@60+5.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Another seed, another person.")
@click.option("--interval", default=15.0, show_default=True, type=click.FloatRange(7.5, 500), help="Of the radio, ms.")
@click.option("--loss", default=0.0, show_default=True, type=click.FloatRange(0, 0.9), help="Of radio packets.")
@click.option("--seconds", type=click.FloatRange(1), help="End after this long; else with Ctrl-C.")
@click.option("--python", is_flag=True, help="Run the sensors on the Python core, not on the firmware's own in C.")
def virtual(
    layout_name: str,
    exercise: str,
    sets: int,
    reps: int,
    plan: str,
    seed: int,
    interval: float,
    loss: float,
    seconds: float | None,
    python: bool,
) -> None:
    """Run virtual sensors on one simulated person: a radio and each sensor in a process of its own.

    Programs find them by scanning, as they find real ones. The person begins 6 s after the first sensor is started:
    sensors on the table, stand tall, sit tall, then the exercise; and begins anew after 10 s without any stream.

    \b
    Faults, in short KIND:SITE@AT+SECONDS=VALUE, in s after the person began:
      out_of_range, fade, battery_pull, reboot, slow_link, clock_skew (of a sensor),
      adapter_death (of the computer), random@8 (one every 8 s on average)
    """
    from imu_coach.virtual import needs_bumble

    needs_bumble()
    from imu_coach.config import layout
    from imu_coach.virtual.air import LinkProfile
    from imu_coach.virtual.firmware import Firmware, FirmwareMissing, load
    from imu_coach.virtual.packetiser import Packetiser
    from imu_coach.virtual.world import World

    core: type[Firmware] | type[Packetiser] = Packetiser if python else Firmware
    if not python:
        try:
            load()
        except FirmwareMissing as missing:
            say(f"imu-coach: {missing}")
            core = Packetiser
    world = World(
        layout(layout_name),
        exercise,
        seed=seed,
        plan=plan,
        processes=True,
        core=core,
        profile=LinkProfile(interval=interval / 1000.0, loss=loss),
        sets=sets,
        reps=reps,
        told=told,
    )
    asyncio.run(run(world, layout_name, "Python" if core is Packetiser else "C, the firmware's own", seconds))


def told(fault: Fault) -> None:
    """One line for each fault of the plan."""
    from imu_coach.virtual.faults import shown

    say(f"{fault.at:6.1f} s  {shown(fault)}")


async def run(world: World, layout_name: str, core: str, seconds: float | None) -> None:
    """Until the time is over, or somebody has had enough."""
    import os

    from imu_coach.virtual.ports import Running, announced
    from imu_coach.virtual.world import Apart

    enough = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            asyncio.get_running_loop().add_signal_handler(number, enough.set)
        except NotImplementedError:  # Windows: Ctrl-C comes as KeyboardInterrupt
            break
    async with world:
        assert isinstance(world.stage, Apart)
        ports, who = world.stage.ports, (world.exercise, world.seed, world.sets, world.reps)
        running = Running(os.getpid(), ports["radio"], ports["admin"], layout_name, *who)
        with announced(running):
            say(f"virtual sensors, core in {core}:")
            for site in world.sites:
                say(f"  {world.parts[site].name}  {world.addresses[site]}  {site}")
            if world.person is None:
                say("nobody wears them")
            else:
                say(f"6 s after the first sensor is started: {world.exercise}, {world.person.seconds:.0f} s")
            say("in another terminal: imu-coach live --virtual, or imu-coach scan --virtual; Ctrl-C ends this")
            await ended(world, enough, seconds)


async def ended(world: World, enough: asyncio.Event, seconds: float | None) -> None:
    """Wait for the end; say when the person begins and is done."""
    now = asyncio.get_running_loop().time
    until, epoch, done = float("inf") if seconds is None else now() + seconds, None, False
    while not enough.is_set() and now() < until:
        began = await world.began()
        if began is not None and began != epoch and world.person is not None:
            epoch, done = began, False
            say("the person begins")
        if epoch is not None and world.person is not None and not done and now() - epoch > world.person.seconds:
            done = True
            say("the person has finished, and rests")
        try:
            async with asyncio.timeout(max(0.0, min(0.5, until - now()))):
                await enough.wait()
        except TimeoutError:
            continue
