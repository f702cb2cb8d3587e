"""``imu-coach sensors`` and ``people``: what is kept between sessions, shown and edited."""

from __future__ import annotations

from pathlib import Path

import click

from imu_coach.cli import common
from imu_coach.cli.common import put, say
from imu_coach.conventions import SITES
from imu_coach.errors import ConfigError
from imu_coach.sinks import words

SITE_CHOICE = click.Choice([*SITES, "none"])


@click.group(short_help="The sensors you own, and where each is worn.")
def sensors() -> None:
    """The sensors you own, and where each is worn."""


@sensors.command("list")
def list_() -> None:
    """List them, and the file they are written down in."""
    from rich.table import Table

    from imu_coach.store import Store

    store = Store()
    known = store.sensors()
    if not known:
        say("none yet; switch one on and use: imu-coach scan, then: imu-coach identify")
        return
    table = Table("worn", "name", "driver", "identity", "gyroscope bias")
    for one in known:
        bias = f"captured {one.bias_day}" if one.bias is not None else "not captured"
        cells = (words.site(one.site) if one.site else "not assigned", one.name, one.driver, one.identity, bias)
        table.add_row(*map(words.clean, cells))
    common.out_console().print(table)
    say(f"written down in {store.sensors_file}")


@sensors.command()
@click.argument("identity")
@click.argument("site", type=SITE_CHOICE)
def assign(identity: str, site: str) -> None:
    """Say where the sensor IDENTITY is worn; "none" for nowhere."""
    from imu_coach.store import Store

    store = Store()
    one = next((one for one in store.sensors() if identity in (one.identity, one.name)), None)
    if one is None:
        raise ConfigError("", "identity", f"no sensor {identity!r} is known; see: imu-coach sensors list")
    store.keep(one._replace(site="" if site == "none" else site))
    say(f"{words.clean(one.identity)}: {'not assigned' if site == 'none' else words.site(site)}")


@sensors.command()
@click.argument("identity")
def forget(identity: str) -> None:
    """Forget the sensor IDENTITY, its place and its bias."""
    from imu_coach.store import Store

    if not Store().forget(identity):
        raise ConfigError("", "identity", f"no sensor {identity!r} is known; see: imu-coach sensors list")
    say(f"{words.clean(identity)}: forgotten")


@click.group(short_help="The people who exercise here.")
def people() -> None:
    """The people who exercise here; all of it stays on this machine."""


@people.command("list")
def list_people() -> None:
    """List them."""
    from imu_coach.store import Store

    store = Store()
    for name in store.people():
        try:
            person = store.person(name)
        except ConfigError as problem:
            say(str(problem))
            continue
        about = {k: v for k, v in person._asdict().items() if k != "name" and v}
        put("  ".join([name, *(f"{k}: {words.clean(str(v))}" for k, v in about.items())]))
    if not store.people():
        say("nobody yet; such as: imu-coach people set anna --arm right")


@people.command("set")
@click.argument("name")
@click.option("--arm", type=click.Choice(["left", "right"]), help="The arm that wears the sensor.")
@click.option("--layout", help="Where sensors are worn; see: imu-coach layouts.")
@click.option("--prescription", type=click.Path(), help="The prescription to follow (.toml).")
@click.option("--notes", help="Anything to remember.")
def set_person(name: str, arm: str | None, layout: str | None, prescription: str | None, notes: str | None) -> None:
    """Add the person NAME, or change what is given."""
    from imu_coach.store import Person, Store

    store = Store()
    old = store.person(name) if name in store.people() else Person(name)
    if prescription:
        from imu_coach import catalogue

        catalogue.prescription(prescription)
        prescription = str(Path(prescription).resolve())
    given = {"arm": arm, "layout": layout, "prescription": prescription, "notes": notes}
    file = store.keep_person(old._replace(**{k: v for k, v in given.items() if v is not None}))
    say(f"{name}: written to {file}")


@people.command("forget")
@click.argument("name")
def forget_person(name: str) -> None:
    """Forget the person NAME; recordings stay where they are."""
    from imu_coach.store import Store

    Store().forget_person(name)
    say(f"{name}: forgotten")
