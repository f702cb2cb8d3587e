"""``imu-coach live`` and ``record``: a session with sensors, shown or only recorded."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imu_coach.cli import coaching, common, keys
from imu_coach.cli.common import say
from imu_coach.cli.radio import Radio, layout_of, radio, wanted
from imu_coach.cli.running import Asked, Running, lower_timing
from imu_coach.errors import BluetoothUnavailable, ConfigError, SourceError

if TYPE_CHECKING:
    from imu_coach.sources import Inbox, Sensor
    from imu_coach.store import Person
    from imu_coach.types import Json


def session_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options that ``live`` and ``record`` share."""
    for option in (
        click.option("--virtual", is_flag=True, help="Virtual sensors on a simulated person instead (extra sim)."),
        click.option("--layout", help="Where sensors are worn; see: imu-coach layouts. Default: those assigned."),
        click.option("--person", metavar="NAME", help="Who exercises; see: imu-coach people."),
        click.option(
            "--seconds",
            callback=common.seconds_of,
            metavar="TIME",
            help="End after this long (90 or 1:30), connecting included; else with q or Ctrl-C.",
        ),
        click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Of the simulated person."),
        common.force_option,
    ):
        function = option(function)
    return function


@click.command(short_help="Exercise with sensors: angles, repetitions, holds, warnings.")
@session_options
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The recording. Default: in your own folder.")
@click.option("--no-recording", is_flag=True, help="Keep nothing.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout, angles in degrees at 10 Hz.")
@click.option("--filter", default="vqf", show_default=True, help="See: imu-coach filters.")
@coaching.coach_options
def live(no_recording: bool, as_json: bool, out: Path | None, **options: Any) -> None:
    """Exercise with sensors: angles, repetitions, holds and warnings as they happen, and a recording of it.

    The sensors are those that were assigned with imu-coach identify. With --exercise or --programme there is a coach.
    Without sensors try: imu-coach live --virtual

    \b
    Keys: space start, pause, go on   f set done   n next exercise   u one less   a one more   m sensor moved
          t sensors on the table   s standing tall   c sitting tall   g one sit-to-stand   l lying on the front
          p stop: pain   q end the session
    """
    if no_recording and out is not None:
        raise ConfigError("", "--no-recording", "and -o contradict each other; give one of the two")
    asked = Asked(out=out, kept=not no_recording, shown=True, as_json=as_json, **options)
    _finished(asyncio.run(_session(asked)))


@click.command(short_help="Record sensors without a view.")
@session_options
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The recording to write (.mcap).")
@coaching.coach_options
def record(out: Path, **options: Any) -> None:
    """Record sensors without a view: for experiments, and for machines without a screen.

    Nothing is computed; look at it afterwards with imu-coach replay. Words on standard input, one a line, are
    commands: table, stand, sit, getup, lie, go, finish, next, undo, add, pain, quit.
    """
    asked = Asked(out=out, kept=True, shown=False, as_json=False, filter="vqf", **options)
    _finished(asyncio.run(_session(asked)))


def _finished(interrupted: bool) -> None:
    click.get_current_context().exit(common.INTERRUPTED if interrupted else common.DONE)


# --- one session ----------------------------------------------------------------------------------------------------


async def _session(asked: Asked) -> bool:
    """Whether it was ended with Ctrl-C."""
    from imu_coach import config, intent
    from imu_coach.live import checked_room, run
    from imu_coach.sources import Inbox, advice
    from imu_coach.store import Person, Store

    person = Store().person(asked.person) if asked.person else Person("")
    asked = _with_habits(asked, person)
    path = _path(asked)
    if path is not None:
        checked_room(path)
    stop = asyncio.Event()
    with _interruptible(stop) as interrupted:
        async with radio(asked.virtual, asked.layout or "", asked.wanted.exercise or "", asked.seed) as air:
            layout = config.layout(layout_of(air.known, asked.layout))
            asked = _with_defaults(asked, air)
            agreed = intent.agreed(asked.wanted, layout.sites)
            for line in (*agreed.left_out, advice(len(layout.sites))):
                if line:
                    say(line)
            await _usable(air)
            inbox = Inbox()
            if asked.wanted.coached or asked.wanted.rules is not None:
                inbox.command(intent.COMMAND, intent.packed(asked.wanted, layout.name))
            sensors = _sensors(air, layout.sites, inbox)
            running = Running(asked, path, air, person, sensors, layout.name, agreed)
            running.rehearse()
            await run(sensors, inbox, running.begin, stop, _meanwhile(asked, air, running, inbox, stop))
            running.end(bool(interrupted))
    return bool(interrupted)


def _with_defaults(asked: Asked, air: Radio) -> Asked:
    """A virtual person does something, without practice."""
    wanted = asked.wanted
    if air.virtual and not wanted.coached:
        wanted = wanted._replace(exercise=air.exercise)
    if air.virtual and wanted.practice is None:
        wanted = wanted._replace(practice=False)
    return asked._replace(wanted=wanted)


def _sensors(air: Radio, sites: tuple[str, ...], inbox: Inbox) -> list[Sensor]:
    """The supervised sensors of a layout; their taps are commands."""
    from imu_coach import drivers
    from imu_coach.sources import Sensor

    def tapped(_site: str, kind: str, detail: Mapping[str, Json]) -> None:
        if kind == "tap":
            inbox.command("tap", {"taps": detail.get("taps")})

    found = wanted(air.known, sites)
    sensors = [Sensor(air.air, one, drivers.profile(one.info.driver), inbox, told=tapped) for one in found]
    for line in lower_timing(sensors):
        say(line)
    return sensors


def _meanwhile(
    asked: Asked, air: Radio, running: Running, inbox: Inbox, stop: asyncio.Event
) -> list[Coroutine[None, None, None]]:
    """What runs beside the session: keys, what is said of the sensors, a simulated person's own words, the time."""

    def put(name: str, value: Mapping[str, Json]) -> None:
        if name == "moved":
            inbox.command("resite", running.moved())
        else:
            inbox.command(name, value)

    work = [keys.listening(put, stop), running.watching()]
    if asked.seconds is not None:
        work.append(_later(asked.seconds, stop))
    if air.began is not None:
        work.append(_pressed_by_the_person(air, running.sensors, inbox))
    return work


def _with_habits(asked: Asked, person: Person) -> Asked:
    """What a person usually does stands in for what the options leave out."""
    if asked.layout is None and person.layout:
        asked = asked._replace(layout=person.layout)
    if asked.wanted.coached and asked.wanted.prescription is None and person.prescription:
        asked = asked._replace(wanted=asked.wanted._replace(prescription=Path(person.prescription)))
    return asked


def _path(asked: Asked) -> Path | None:
    from imu_coach.store import Store

    if not asked.kept:
        return None
    if asked.out is not None:
        common.fresh(asked.out, asked.force)
        return asked.out
    return Store().recordings / f"{datetime.now():%Y-%m-%d_%H-%M-%S}.mcap"


async def _usable(air: Radio) -> None:
    """One clear line when the radio cannot be used."""
    try:
        await air.air.check()
    except BluetoothUnavailable as problem:
        raise BluetoothUnavailable(f"{problem.reason} (more: imu-coach doctor)") from problem


@contextmanager
def _interruptible(stop: asyncio.Event) -> Iterator[list[bool]]:
    """Ctrl-C and a hang-up end the session in order; the list is not empty after the first."""
    loop, told = asyncio.get_running_loop(), list[bool]()

    def end(by_hand: bool) -> None:
        if by_hand:
            told.append(True)
        stop.set()

    numbers = [(signal.SIGINT, True), (signal.SIGTERM, False)]
    if hasattr(signal, "SIGHUP"):
        numbers.append((signal.SIGHUP, False))
    before = {}
    for number, by_hand in numbers:
        try:
            loop.add_signal_handler(number, end, by_hand)
        except NotImplementedError:  # Windows
            before[number] = signal.signal(number, lambda *_: loop.call_soon_threadsafe(end, True))
    try:
        yield told
    finally:
        for number, _ in numbers:
            if number in before:
                signal.signal(number, before[number])
            else:
                loop.remove_signal_handler(number)
        if told:  # a second and third Ctrl-C in haste change nothing any more
            signal.signal(signal.SIGINT, signal.SIG_IGN)


async def _later(seconds: float, stop: asyncio.Event) -> None:
    await asyncio.sleep(seconds)
    stop.set()


async def _pressed_by_the_person(air: Radio, sensors: Sequence[Sensor], inbox: Inbox) -> None:
    """What a simulated person tells the program, when it is time; what was over before this session is not said."""
    assert air.began is not None
    while all(sensor.granted is None for sensor in sensors):  # only a stream lets a person begin, or begin anew
        await asyncio.sleep(0.05)
    try:
        began = await air.began()
    except (SourceError, OSError):  # the virtual air has ended: its sensors tell
        return
    now = asyncio.get_running_loop().time
    for command in air.commands if began is not None else ():
        due = (began or 0.0) + command.arrived_ns * 1e-9
        if due > now() - 0.5:
            await asyncio.sleep(max(0.0, due - now()))
            inbox.command(command.name, command.value)
