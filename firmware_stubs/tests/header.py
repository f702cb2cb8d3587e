"""vectors.json as C tables: run by build.py, so that the C tests read the same file as the Python ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

KINDS = ("connected", "disconnected", "set_mtu", "control", "push", "push_run", "drain_run", "peek", "sent", "tap")
KINDS += ("tick", "sync", "sync_reply", "led", "haptic", "rate", "battery", "info", "fresh")


def text(value: str) -> str:
    """A C string."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def call(kind: str, numbers: Sequence[int] = (), given: str | None = None, wanted: str | None = None) -> str:
    """One row: what to call, up to six numbers, bytes in, bytes out ("-" for nothing)."""
    padded = [*numbers, *[0] * (6 - len(numbers))]
    values = ", ".join(f"INT64_C({n})" if n < 2**63 else f"(int64_t)UINT64_C({n})" for n in padded)
    return (
        f"    {{ DO_{kind.upper()}, {{ {values} }}, {text(given or '')}, {text('-' if wanted is None else wanted)} }},"
    )


def story(step: Sequence[Any]) -> str:
    """A call of ``streams``."""
    name, *rest = step
    if name == "control":
        return call(name, rest[1:2], rest[0], rest[2])
    if name == "sync":
        wait = -1 if rest[3] is None else rest[3]
        return call(name, [rest[1], rest[2], wait], rest[0])
    if name in ("peek", "sync_reply"):
        return call(name, rest[:-1], None, rest[-1])
    return call(name, rest)


def data(case: dict[str, Any]) -> list[str]:
    """START, the samples, and the packet."""
    start = b"\x01" + case["rate"].to_bytes(2, "little") + bytes((case["n"],))
    rows = [call("connected"), call("set_mtu", [247]), call("control", [0], start.hex(), f"800100{case['n']:02x}")]
    for t_us, sample in zip(case["t"], case["samples"], strict=True):
        rows += [call("tick", [t_us]), call("push", sample)]
    return [*rows, call("peek", [], None, case["payload"])]


def ctrl(case: dict[str, Any]) -> list[str]:
    """Writes and replies."""
    first = [] if case["mtu"] is None else [call("set_mtu", [case["mtu"]])]
    return first + [call("control", [0], step["write"], step["reply"]) for step in case["steps"]]


def sync(case: dict[str, Any]) -> list[str]:
    """A request and its reply."""
    wait = -1 if case["wait"] is None else case["wait"]
    ask = call("sync", [case["t_rx"], case["random"], wait], case["write"])
    return [ask, call("sync_reply", [case["t_tx"]], None, case["reply"])]


def tables(vectors: dict[str, Any]) -> str:
    """The header."""
    sensors = list(vectors["sensors"])
    rows: list[str] = []
    cases: list[str] = []

    def add(kind: str, case: dict[str, Any], calls: list[str]) -> None:
        sensor = sensors.index(case.get("sensor", "standard"))
        cases.append(f"    {{ {text(kind + ': ' + case['name'])}, {sensor}, {len(rows)}, {len(calls)} }},")
        rows.extend(calls)

    for case in vectors["info"]:
        add("info", case, [call("info", [], None, case["payload"])])
    for kind, make in (("data", data), ("ctrl", ctrl), ("sync", sync)):
        for case in vectors[kind]:
            add(kind, case, make(case))
    for case in vectors["streams"]:
        add("streams", case, [story(step) for step in case["calls"]])
    configs = [
        "    {{ {{ UINT64_C({serial}), {acc_range}, {gyr_range}, {max_rate}, {features} }}, {store} }},".format(**row)
        for row in vectors["sensors"].values()
    ]
    kinds = ", ".join(f"DO_{kind.upper()}" for kind in KINDS)
    return "\n".join(
        [
            "/* Made from vectors.json by header.py. */",
            f"enum {{ {kinds} }};",
            "static const struct { imuc_config_t config; uint32_t store; } SENSORS[] = {",
            *configs,
            "};",
            "typedef struct { int kind; int64_t x[6]; const char *given, *wanted; } call_t;",
            "static const call_t CALLS[] = {",
            *rows,
            "};",
            "static const struct { const char *name; int sensor; size_t first, count; } CASES[] = {",
            *cases,
            "};",
            "",
        ]
    )


def write(vectors: Path, header: Path) -> None:
    """Make ``header`` from the JSON file."""
    header.write_text(tables(json.loads(vectors.read_text("utf-8"))), "utf-8")
