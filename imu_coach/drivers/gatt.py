"""The standard services that many sensors have: who made it, and how full its battery is."""

from __future__ import annotations

from imu_coach.drivers.base import Dialogue, Listen, Read, Refused

TEXT = 40
"""Characters of a name from the air that are kept."""


def standard(number: int) -> str:
    """Full UUID of a 16-bit number of the Bluetooth SIG."""
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


BATTERY_LEVEL = standard(0x2A19)
MODEL, SERIAL, FIRMWARE = standard(0x2A24), standard(0x2A25), standard(0x2A26)


def text(raw: bytes) -> str:
    """What may be shown of a text that a sensor sent: printable, one line, cut."""
    kept = (c if c.isprintable() else " " for c in raw[: 4 * TEXT].decode("utf-8", "replace").partition("\0")[0])
    return " ".join("".join(kept).split())[:TEXT].rstrip()


def optional(uuid: str) -> Dialogue[bytes]:
    """The value of a characteristic that a sensor may not have; b"" then."""
    try:
        return (yield Read(uuid))
    except Refused:
        return b""


def listen_if_there(channel: int) -> Dialogue[bool]:
    """Subscribe to what a sensor may not have."""
    try:
        yield Listen(channel)
    except Refused:
        return False
    return True


def battery_level() -> Dialogue[float | None]:
    """0..1, or None when it does not tell."""
    value = yield from optional(BATTERY_LEVEL)
    return value[0] / 100 if len(value) == 1 and value[0] <= 100 else None
