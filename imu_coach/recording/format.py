"""What the bytes of a recording mean, in one place for its writer and its reader.

A recording is an MCAP file.  Each input is one message; a topic says what it is:

=====================  ======================  =============================================
topic                  message encoding        data
=====================  ======================  =============================================
``/<sensor>/<N>``      ``imu_coach/<driver>``  payload of characteristic N, as received
``/<sensor>/sent``     ``imu_coach/<driver>``  a clock request that left the host
``/link``              ``json``                ``{"sensor", "kind", "value"}``
``/command``           ``json``                ``{"name", "value"}``
``/tick``              ``imu_coach/tick``      empty
=====================  ======================  =============================================

``log_time`` and ``publish_time`` are session nanoseconds.  ``sequence`` numbers the inputs through the whole file,
modulo 2**32, from a number that the header gives: a part that is missing, repeated or out of another file shows.
Everything before the first input is JSON in the metadata record ``imu_coach`` (:func:`dump_head`).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NamedTuple, TypeAlias

from imu_coach.types import Command, Header, Input, Json, Link, Packet, SensorInfo, Sent, Tick

FORMAT = 1
NEEDS = "0.1"
"""First version of imu_coach that reads this format."""

NAME = re.compile(r"[a-z0-9_]{1,40}")
MAX_TIME_NS = 1 << 62
MAX_PAYLOAD = 1 << 16
MAX_JSON = 1 << 18
MAX_SENSORS = 16
MAX_TEXT = 1000

PACKET, SENT, LINK, COMMAND, TICK = range(5)
MESSAGE = struct.Struct("<BQHIQQ")
_HASHED = struct.Struct("<BqHBI")

Route: TypeAlias = tuple[int, str, int]
"""Kind of input, sensor ("" for inputs of no sensor) and characteristic: what a topic says."""


class Head(NamedTuple):
    """One copy of the header: ``inputs`` were written before it; ``closed`` in the last copy of a complete file."""

    header: Header
    first: int
    inputs: int
    closed: bool


# --- header ---------------------------------------------------------------------------------------------------------


def dump_json(value: Json) -> str:
    """Compact JSON with sorted keys; ValueError or TypeError where it is none (NaN is none)."""
    return json.dumps(value, allow_nan=False, sort_keys=True, separators=(",", ":"))


def load_json(text: str | bytes) -> Json:
    """JSON of finite numbers; ValueError whatever is wrong."""
    try:
        return _DECODER.decode(text if isinstance(text, str) else text.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number that is not finite")
    return value


_DECODER = json.JSONDecoder(parse_constant=_finite, parse_float=_finite)


def header_json(header: Header) -> Json:
    """All fields, as JSON values."""
    sensors = [{f.name: getattr(info, f.name) for f in fields(info)} for info in header.sensors]
    return {f.name: getattr(header, f.name) for f in fields(header)} | {
        "sensors": sensors,
        "person": dict(header.person),
    }


def first_number(header: Header) -> int:
    """Number of the first input, different for every header, so that a part of another recording shows."""
    return zlib.crc32(dump_json(header_json(header)).encode())


def dump_head(header: Header, inputs: int, closed: bool) -> dict[str, str]:
    """The metadata record.  MCAP gives metadata no checksum, hence ``sha256``."""
    text = dump_json(
        {
            "format": FORMAT,
            "needs": NEEDS,
            "first": first_number(header),
            "inputs": inputs,
            "closed": closed,
            "header": header_json(header),
        }
    )
    return {"json": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def newer(raw: Json) -> str:
    """What a head of a later format needs ("" for a format that this version reads); ValueError if it is no head."""
    told = raw.get("format") if isinstance(raw, dict) else None
    if type(told) is not int or told < 1:
        raise ValueError("it names no format")
    if told <= FORMAT:
        return ""
    needs = str(raw.get("needs", ""))[:20]
    return f"imu_coach {needs} or later" if needs and needs.isprintable() else "a later imu_coach"


def load_head(raw: Json) -> Head:
    """The inverse of :func:`dump_head`; ValueError whatever is wrong."""
    try:
        old = raw["header"]
        header = Header(**(old | {"sensors": tuple(_sensor(s) for s in old["sensors"])}))
        problem = header_problem(header)
    except (LookupError, TypeError, AttributeError, OverflowError) as e:
        raise ValueError(f"the header is not valid ({type(e).__name__})") from None
    if problem:
        raise ValueError(problem)
    return Head(header, *load_counts(raw))


def load_counts(raw: Json) -> tuple[int, int, bool]:
    """``first, inputs, closed`` of :class:`Head`; ValueError whatever is wrong."""
    first, inputs, closed = (raw.get(k) if isinstance(raw, dict) else None for k in ("first", "inputs", "closed"))
    if type(first) is not int or type(inputs) is not int or type(closed) is not bool:
        raise ValueError("the header does not count")
    if not (0 <= first < 1 << 32 and 0 <= inputs < 1 << 63):
        raise ValueError("the header counts out of range")
    return first, inputs, closed


def _sensor(raw: Mapping[str, Any]) -> SensorInfo:
    changed: dict[str, Any] = {k: float(raw[k]) for k in ("rate", "acc_range", "gyr_range") if k in raw}
    changed |= {k: tuple(float(x) for x in raw[k]) for k in ("bias", "mounting") if raw.get(k) is not None}
    return SensorInfo(**(dict(raw) | changed))


def header_problem(header: Header) -> str:
    """Why this header cannot be recorded ("" when it can): the limits that keep a hostile file harmless."""
    names = [info.sensor for info in header.sensors]
    if len(names) > MAX_SENSORS or len(set(names)) < len(names):
        return f"more than {MAX_SENSORS} sensors, or two of one name"
    if not all(map(_sensor_ok, header.sensors)):
        return "a sensor of the header is not valid: names are a-z, 0-9 and _, numbers finite, ranges positive"
    if not all(map(_text_ok, (header.started, header.source, header.software))):
        return f"started, source or software is not one line of at most {MAX_TEXT} characters"
    if not isinstance(header.synthetic, bool) or not isinstance(header.person, Mapping):
        return "synthetic is not true or false, or person is not a table"
    try:
        size = len(dump_json(header_json(header)))
    except (ValueError, TypeError, RecursionError):
        return "the header holds something that is not JSON"
    return "" if size <= MAX_JSON else f"the header is longer than {MAX_JSON} bytes"


def _sensor_ok(info: SensorInfo) -> bool:
    ranges = (info.rate, info.acc_range, info.gyr_range)
    vectors = [(v, n) for v, n in ((info.bias, 3), (info.mounting, 4)) if v is not None]
    return (
        all(isinstance(name, str) and bool(NAME.fullmatch(name)) for name in (info.sensor, info.driver))
        and _text_ok(info.identity)
        and all(math.isfinite(x) and x > 0 for x in ranges)
        and all(len(v) == n and all(map(math.isfinite, v)) for v, n in vectors)
    )


def _text_ok(text: object) -> bool:
    return isinstance(text, str) and len(text) <= MAX_TEXT and text.isprintable()


# --- inputs ---------------------------------------------------------------------------------------------------------


def topic(route: Route) -> str:
    """The MCAP topic of a route."""
    kind, sensor, number = route
    return {PACKET: f"/{sensor}/{number}", SENT: f"/{sensor}/sent", LINK: "/link", COMMAND: "/command"}.get(
        kind, "/tick"
    )


def encoding(route: Route, header: Header) -> str:
    """The message encoding of a route: the driver's name, or json."""
    kind, sensor, _ = route
    if kind in (PACKET, SENT):
        return f"imu_coach/{header[sensor].driver}"
    return "imu_coach/tick" if kind == TICK else "json"


def parse_topic(text: str, header: Header) -> Route:
    """The inverse of :func:`topic`; ValueError for one that this header does not allow."""
    fixed = {"/link": LINK, "/command": COMMAND, "/tick": TICK}
    if text in fixed:
        return fixed[text], "", 0
    _, sensor, last = text.split("/")
    if all(info.sensor != sensor for info in header.sensors):
        raise ValueError("a topic of an unknown sensor")
    if last == "sent":
        return SENT, sensor, 0
    if not re.fullmatch(r"0|[1-9][0-9]{0,4}", last) or int(last) > 0xFFFF:
        raise ValueError("a topic of no characteristic")
    return PACKET, sensor, int(last)


def split(item: Input) -> tuple[Route, int, bytes]:
    """Where an input goes, when, and what it carries."""
    match item:
        case Packet(sensor, t, number, payload):
            return (PACKET, sensor, number), t, payload
        case Sent(sensor, t, payload):
            return (SENT, sensor, 0), t, payload
        case Link(sensor, t, kind, value):
            told = {"sensor": sensor, "kind": kind, "value": None if math.isnan(value) else float(value)}
            return (LINK, "", 0), t, dump_json(told).encode()
        case Command(t, name, asked):
            return (COMMAND, "", 0), t, dump_json({"name": name, "value": dict(asked)}).encode()
        case Tick(t):
            return (TICK, "", 0), t, b""


def join(route: Route, t: int, data: bytes) -> Input:
    """The inverse of :func:`split`; ValueError where the data are not what the topic says."""
    kind, sensor, number = route
    if kind == PACKET:
        return Packet(sensor, t, number, data)
    if kind == SENT:
        return Sent(sensor, t, data)
    if kind == TICK:
        return Tick(t)
    raw = load_json(data)
    if kind == LINK and isinstance(raw, dict) and raw.keys() == {"sensor", "kind", "value"}:
        value = math.nan if raw["value"] is None else raw["value"]
        if _name_ok(raw["sensor"]) and _name_ok(raw["kind"]) and type(value) in (float, int):
            return Link(raw["sensor"], t, raw["kind"], float(value))
    if (
        kind == COMMAND
        and isinstance(raw, dict)
        and raw.keys() == {"name", "value"}
        and _name_ok(raw["name"])
        and isinstance(raw["value"], dict)
    ):
        return Command(t, raw["name"], raw["value"])
    raise ValueError("a message that is not what its topic says")


def _name_ok(name: object) -> bool:
    return isinstance(name, str) and bool(NAME.fullmatch(name))


def digestible(item: Input) -> bytes:
    """Bytes that are equal for equal inputs only, whatever file they came from."""
    (kind, sensor, number), t, data = split(item)
    name = sensor.encode()
    return _HASHED.pack(kind, t, number, len(name), len(data)) + name + data
