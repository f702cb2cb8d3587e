"""``imu-coach doctor``: whether Bluetooth can be used here, and what to do when it cannot."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import click

from imu_coach.cli import common
from imu_coach.cli.common import put
from imu_coach.sinks import words

SECONDS = 4.0
"""s of scanning."""


class Finding(NamedTuple):
    """``ok``: True, False, or None for what could not be found out."""

    ok: bool | None
    what: str
    advice: str = ""


KNOWN = (
    ("a sensor is found and does not connect", "Another program or telephone may hold it: switch Bluetooth off there."),
    ("it connected yesterday and does not today (Linux)", "Remove it and scan again: bluetoothctl remove ADDRESS"),
    ("after new firmware it is not understood (Windows)", "Remove the sensor in the Bluetooth settings; pair nothing."),
    ("sensors drop out when the network is busy", "On small boards WLAN and Bluetooth share an aerial: use 5 GHz."),
    ("a fourth or fifth sensor does not connect", "Adapters hold 3 to 7 at once; three are what this is made for."),
    ("sensors in the next room drop out", "A body in between takes as much as a wall: keep within 5 m."),
)
"""Troubles that were reported of Bluetooth programs, and what helps."""


@click.command(short_help="Can Bluetooth be used here?")
def doctor() -> None:
    """Can Bluetooth be used here? Says what is in the way and what to do."""
    findings = list(_findings())
    for one in findings:
        mark = {True: "ok ", False: "NO ", None: "?  "}[one.ok]
        put(f"{mark} {words.clean(one.what)}")
        if one.advice and one.ok is not True:
            put(f"     {words.clean(one.advice)}")
    put("")
    put("Known troubles:")
    for what, advice in KNOWN:
        put(f"  {what}: {advice}")
    bad = any(one.ok is False for one in findings)
    click.get_current_context().exit(common.BAD_INPUT if bad else common.DONE)


def _findings() -> Iterator[Finding]:
    """From the ground up; what comes after a failure is still looked at."""
    system = platform.system()
    yield Finding(True, f"{system} {platform.release()}, Python {platform.python_version()}, bleak {version('bleak')}")
    yield from {"Linux": _linux, "Darwin": _macos, "Windows": _windows}.get(system, _other)()
    yield asyncio.run(_scan())
    from imu_coach.store import Store

    yield _folder(Store().folder)


def _folder(folder: Path) -> Finding:
    """Whether sessions can be kept."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), Path())
    free = shutil.disk_usage(there).free >> 20
    ok = there.is_dir() and os.access(there, os.W_OK) and free > 200
    return Finding(ok, f"sessions are kept in {folder} ({free} MB free)", "Make room, or name another: IMU_COACH_HOME")


def _linux() -> Iterator[Finding]:
    adapters = sorted(path.name for path in Path("/sys/class/bluetooth").glob("hci*"))
    names = ", ".join(adapters)
    yield Finding(
        bool(adapters),
        f"Bluetooth adapter: {names or 'none'}",
        "Plug one in, or switch it on in the BIOS; a virtual machine or container needs it passed through.",
    )
    bus = Path(os.environ.get("DBUS_SYSTEM_BUS_ADDRESS", "/run/dbus/system_bus_socket").removeprefix("unix:path="))
    yield Finding(bus.exists(), f"system bus: {bus}", "Start dbus; a container needs /run/dbus mounted.")
    running = any(_command_of(path) == "bluetoothd" for path in Path("/proc").glob("[0-9]*"))
    yield Finding(running, "bluetoothd runs", "sudo apt install bluez; sudo systemctl enable --now bluetooth")
    if shutil.which("rfkill"):
        try:
            told = subprocess.run(
                ["rfkill", "list", "bluetooth"], capture_output=True, text=True, timeout=5, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return
        yield Finding("blocked: yes" not in told.stdout, "not switched off by rfkill", "rfkill unblock bluetooth")


def _command_of(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return ""


def _macos() -> Iterator[Finding]:
    advice = "System Settings > Privacy & Security > Bluetooth: allow the terminal program that you start this from."
    yield Finding(None, "permission of the terminal program to use Bluetooth", advice)


def _windows() -> Iterator[Finding]:
    build = int(platform.version().split(".")[-1]) if sys.platform == "win32" else 0
    yield Finding(build >= 22000, f"Windows build {build}", "bleak 3 needs Windows 11 (build 22000 or later).")


def _other() -> Iterator[Finding]:
    yield Finding(None, "this operating system is not known to bleak", "Use Linux, macOS or Windows 11.")


async def _scan() -> Finding:
    """The proof: a scan."""
    from imu_coach.drivers import profiles
    from imu_coach.errors import BluetoothUnavailable
    from imu_coach.sources import Air

    try:
        found = await Air().scan(SECONDS, profiles()[0])
    except BluetoothUnavailable as error:
        return Finding(False, "a scan", error.reason)
    names = ", ".join(words.clean(one.name or one.address) for one in found)
    advice = "Switch a sensor on, hold it near, and see: imu-coach scan"
    return Finding(True if found else None, f"a scan of {SECONDS:g} s found sensors: {names or 'none'}", advice)
