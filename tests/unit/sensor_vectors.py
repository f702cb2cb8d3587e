"""Plays firmware_stubs/vectors.json to a sensor's core; shared by the tests of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from imu_coach.virtual.core import Core, Options

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware_stubs"
VECTORS: dict[str, Any] = json.loads((FIRMWARE / "vectors.json").read_text("utf-8"))


def names(kind: str) -> list[str]:
    """The cases of a kind, for test names."""
    return [case.get("name", case.get("reason", "")) for case in VECTORS[kind]]


def make(options: Options, sensor: str) -> Core:
    """A new sensor of the table ``sensors``."""
    return options(**VECTORS["sensors"][sensor])


def ramp(k: int) -> tuple[int, ...]:
    """The counts of sample k of a story."""
    return k % 1000, -(k % 1000), 2048, k % 7, -(k % 5), 0


def hexed(value: bytes | None) -> str | None:
    """As the file has it."""
    return None if value is None else value.hex()


def run(core: Core, drain: bool, first: int, count: int, t0: int, step: int) -> None:
    """The calls ``push_run`` and ``drain_run``."""
    for i in range(count):
        core.push(ramp(first + i), t0 + i * step)
        while drain and core.peek() is not None:
            core.sent()


def data(core: Core, case: dict[str, Any]) -> str | None:
    """What a new sensor sends when it is told to start and is given these samples."""
    core.connected()
    core.set_mtu(247)
    core.control(b"\x01" + case["rate"].to_bytes(2, "little") + bytes((case["n"],)), 0)
    for t_us, counts in zip(case["t"], case["samples"], strict=True):
        core.push(counts, t_us)
    return hexed(core.peek())


def ctrl(core: Core, case: dict[str, Any]) -> list[str | None]:
    """The answers to the writes of a case."""
    if case["mtu"] is not None:
        core.set_mtu(case["mtu"])
    return [hexed(core.control(bytes.fromhex(step["write"]), 0)) for step in case["steps"]]


def sync(core: Core, case: dict[str, Any]) -> tuple[int | None, str | None]:
    """The wait and the reply."""
    wait = core.sync(bytes.fromhex(case["write"]), case["t_rx"], case["random"])
    return wait, hexed(core.sync_reply(case["t_tx"]))


def call(core: Core, step: list[Any]) -> tuple[Any, Any]:
    """What one call of a story gives, and what it must give."""
    name, *arguments = step
    if name in ("push_run", "drain_run"):
        return run(core, name == "drain_run", *arguments), None
    if name in ("led", "haptic", "rate"):
        return getattr(core, name), arguments[0]
    if name == "battery":
        core.battery = arguments[0]
        return None, None
    if name in ("control", "sync"):
        return told(core, name, arguments)
    if name in ("peek", "sync_reply"):
        return hexed(getattr(core, name)(*arguments[:-1])), arguments[-1]
    return getattr(core, name)(*arguments), None


def told(core: Core, name: str, arguments: list[Any]) -> tuple[Any, Any]:
    """The calls that take bytes."""
    payload, *rest, wanted = arguments
    value = getattr(core, name)(bytes.fromhex(payload), *rest)
    return (hexed(value) if isinstance(value, bytes) else value), wanted
