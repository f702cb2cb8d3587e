"""Everything that bleak and the OS below it raise, in the words of this package; it happens here alone."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakGATTProtocolError,
)
from bleak.exc import BleakBluetoothNotAvailableReason as Reason

from imu_coach.drivers.base import Refused
from imu_coach.errors import BluetoothUnavailable, ConnectionLost, SourceError

NO_ADAPTER = "no_adapter"
OFF = "off"
DENIED = "denied"
NO_SERVICE = "no_service"
UNKNOWN = "unknown"

KIND: Mapping[Reason, str] = {
    Reason.NO_BLUETOOTH: NO_ADAPTER,
    Reason.NO_BLE_CENTRAL_ROLE: NO_ADAPTER,
    Reason.POWERED_OFF: OFF,
    Reason.DENIED_BY_USER: DENIED,
    Reason.DENIED_BY_SYSTEM: DENIED,
    Reason.DENIED_BY_UNKNOWN: DENIED,
    Reason.UNKNOWN: UNKNOWN,
}

DBUS: Mapping[str, str] = {
    "org.bluez.Error.NotReady": OFF,
    "org.bluez.Error.NotAuthorized": DENIED,
    "org.freedesktop.DBus.Error.AccessDenied": DENIED,
    "org.freedesktop.DBus.Error.ServiceUnknown": NO_SERVICE,
    "org.freedesktop.DBus.Error.NameHasNoOwner": NO_SERVICE,
    "org.freedesktop.DBus.Error.Spawn.ServiceNotFound": NO_SERVICE,
}

WHAT: Mapping[str, str] = {
    NO_ADAPTER: "this computer has no Bluetooth Low Energy adapter",
    OFF: "it is switched off",
    DENIED: "this program is not allowed to use it",
    NO_SERVICE: "the Bluetooth service of this computer does not answer",
    UNKNOWN: "the system does not say why",
}

HINTS: Mapping[str, Mapping[str, str]] = {
    "linux": {
        NO_ADAPTER: "plug one in (`bluetoothctl list` shows it)",
        OFF: "`rfkill unblock bluetooth`, then `bluetoothctl power on`",
        DENIED: "add your user to the group `bluetooth`, then log in again",
        NO_SERVICE: "install BlueZ 5.55 or later and `sudo systemctl start bluetooth`",
        UNKNOWN: "`sudo systemctl restart bluetooth`, then try again",
    },
    "darwin": {
        NO_ADAPTER: "plug one in, then try again",
        OFF: "switch Bluetooth on in the menu bar",
        DENIED: "System Settings > Privacy & Security > Bluetooth: allow the terminal, then start it again",
        NO_SERVICE: "switch Bluetooth off and on in the menu bar",
        UNKNOWN: "switch Bluetooth off and on in the menu bar",
    },
    "win32": {
        NO_ADAPTER: "plug one in (Device Manager > Bluetooth shows it)",
        OFF: "switch it on in Settings > Bluetooth & devices",
        DENIED: "Settings > Privacy & security > Radios: let desktop apps use them",
        NO_SERVICE: "start the Bluetooth Support Service (services.msc)",
        UNKNOWN: "switch Bluetooth off and on in Settings > Bluetooth & devices",
    },
}


REASON = 120
"""Characters of a reason that are kept: parts of it may come from the air."""


CONNECTING = "connecting"
STUCK: Mapping[str, str] = {
    "linux": "`bluetoothctl remove {address}`, then switch the sensor off and on",
    "darwin": "switch Bluetooth off and on in the menu bar, and the sensor, too",
    "win32": "remove the sensor in Settings > Bluetooth & devices, then switch it off and on",
}
"""A sensor that is heard and does not connect: often the system still holds a link of a program that has ended."""


class Interrupted(SourceError):
    """A connection ended, or did not come about; the supervisor tries again."""


class Stranger(Interrupted):
    """This was somebody else."""


class Yielded(Interrupted):
    """Another sensor goes first."""


class Flood(Interrupted):
    """A sensor that sends more than a sensor does."""


def plain(text: str | None, length: int) -> str:
    """What may be shown of a text from the air: one line without control or direction characters, cut."""
    kept = (c if c.isprintable() else " " for c in (text or "")[: 4 * length])
    return " ".join("".join(kept).split())[:length].rstrip()


def hint(problem: Exception | None, address: str, platform: str = sys.platform) -> str:
    """What else helps a sensor that is heard again and again and does not connect, or ""."""
    cause = problem.__cause__ if isinstance(problem, ConnectionLost) else None
    if not str(cause or "").startswith(CONNECTING):
        return ""
    return STUCK.get(platform, STUCK["linux"]).format(address=plain(address, 40))


def unavailable(kind: str, platform: str = sys.platform) -> BluetoothUnavailable:
    """One line: what is the matter, and what to do on this system."""
    return BluetoothUnavailable(f"{WHAT[kind]}; {HINTS.get(platform, HINTS['linux'])[kind]}")


def radio_kind(error: BaseException) -> str:
    """Which trouble of the radio itself this is, or "" when it concerns one sensor."""
    if isinstance(error, BleakBluetoothNotAvailableError):
        return KIND.get(error.reason, UNKNOWN)
    if isinstance(error, BleakDBusError):
        return DBUS.get(error.dbus_error, "")
    if isinstance(error, PermissionError):
        return DENIED
    if isinstance(error, FileNotFoundError | ConnectionError | EOFError):
        return NO_SERVICE  # no D-Bus, or it went away
    return ""


def translated(error: Exception, doing: str) -> SourceError:
    """An exception of bleak as one of this package.

    ``Refused`` for what the sensor does not accept, ``BluetoothUnavailable`` for trouble of the radio, ``Interrupted``
    for everything else: bleak lets assertions and errors of D-Bus, Windows and macOS through, and none may end a
    session.
    """
    if isinstance(error, SourceError):
        return error
    if isinstance(error, BleakGATTProtocolError):
        return Refused(int(error.code))
    if isinstance(error, BleakCharacteristicNotFoundError):
        return Refused()
    kind = radio_kind(error)
    if kind:
        return unavailable(kind)
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return Interrupted(f"{doing}: no answer in time")
    return Interrupted(f"{doing}: {plain(f'{type(error).__name__}: {error}', REASON)}")


def cannot_scan(error: Exception) -> SourceError:
    """The same for starting a scan, where any OSError is the radio's."""
    found = translated(error, "scanning")
    return unavailable(UNKNOWN) if isinstance(error, OSError) and isinstance(found, Interrupted) else found
