"""``imu-coach info`` and ``repair``: what a recording file holds, and what can be saved of a damaged one."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imu_coach.cli import common
from imu_coach.cli.common import put, say
from imu_coach.errors import ConfigError
from imu_coach.sinks import words

if TYPE_CHECKING:
    from imu_coach.recording import Recording
    from imu_coach.types import Header

COMMANDS_SHOWN = 40


@click.command(short_help="Say what is in a recording.")
@common.file_argument
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def info(file: Path, as_json: bool) -> None:
    """Say what is in a recording: sensors, length, commands, damage, and what it can and cannot show."""
    recording = common.opened(file)
    found = _found(recording)
    if as_json:
        from imu_coach.sinks.lines import finite

        put(json.dumps(finite(found), allow_nan=False))
    else:
        for line in _lines(found):
            put(line)
    click.get_current_context().exit(common.told_losses(recording))


def _found(recording: Recording) -> dict[str, Any]:
    """Everything that ``info`` tells, JSON-able."""
    from imu_coach.core.pipeline import LONGEST_SILENCE_NS
    from imu_coach.recording.format import FORMAT
    from imu_coach.sinks.lines import SCHEMA
    from imu_coach.types import Command

    kinds: Counter[str] = Counter()
    packets: Counter[str] = Counter()
    commands: list[dict[str, Any]] = []
    last, misplaced = 0, 0
    for chunk in recording.chunks():
        for item in chunk:
            kinds[type(item).__name__.lower()] += 1
            if type(item).__name__ == "Packet":
                packets[getattr(item, "sensor", "")] += 1
            if last <= item.arrived_ns <= last + LONGEST_SILENCE_NS:
                last = item.arrived_ns
            else:
                misplaced += 1
            if isinstance(item, Command):
                commands.append({"t_s": item.arrived_ns / 1e9, "name": item.name, "value": dict(item.value)})
    header = recording.header
    return {
        "schema": SCHEMA,
        "type": "info",
        "file": recording.path.name if recording.path else "",
        "format": f"imu_coach recording, format {FORMAT} (MCAP)",
        "started": header.started,
        "synthetic": header.synthetic,
        "source": header.source,
        "duration_s": last / 1e9,
        "sensors": [
            {
                "sensor": s.sensor,
                "driver": s.driver,
                "rate_hz": s.rate,
                "identity": s.identity,
                "bias_known": s.bias is not None,
                "mounting_known": s.mounting is not None,
                "packets": packets[s.sensor],
            }
            for s in header.sensors
        ],
        "inputs": dict(sorted(kinds.items())),
        "impossible_times": misplaced,
        "commands": commands,
        "losses": [loss._asdict() for loss in recording.losses],
        "layout": _layout(header),
    }


def _layout(header: Header) -> dict[str, Any]:
    """The layout that would be used, with what it sees; or why there is none."""
    from imu_coach import config

    try:
        one = config.layout_of(header)
    except ConfigError as e:
        return {"name": None, "problem": str(e)}
    return {"name": one.name, "title": one.title, "sees": list(one.sees), "cannot_see": list(one.cannot_see)}


def _lines(found: dict[str, Any]) -> list[str]:
    made = "SYNTHETIC: simulated, not a person" if found["synthetic"] else "a recording"
    rows = [
        ("file", f"{found['file']}, {found['format']}"),
        ("what", made),
        ("from", found["source"] or "not said"),
        ("started", found["started"] or "not said"),
        ("length", words.span(found["duration_s"])),
    ]
    for s in found["sensors"]:
        known = [word for word, yes in (("bias", s["bias_known"]), ("mounting", s["mounting_known"])) if yes]
        parts = [f"{s['driver']} driver", f"{s['rate_hz']:g} Hz", f"{s['packets']} packets"]
        parts += [f"identity {s['identity']}"] if s["identity"] else []
        parts.append(f"{' and '.join(known)} known beforehand" if known else "nothing known beforehand")
        rows.append(("sensor", f"{s['sensor']}: {', '.join(parts)}"))
    rows.append(("inputs", ", ".join(f"{n} {kind}" for kind, n in found["inputs"].items()) or "none"))
    if found["impossible_times"]:
        rows.append(("", f"{found['impossible_times']} inputs with impossible times are not used"))
    for c in found["commands"][:COMMANDS_SHOWN]:
        value = ", ".join(f"{key} {_value(v)}" for key, v in c["value"].items())
        rows.append(("command", f"{c['t_s']:8.2f} s  {c['name']} {value}".rstrip()))
    if len(found["commands"]) > COMMANDS_SHOWN:
        rows.append(("", f"and {len(found['commands']) - COMMANDS_SHOWN} more commands (all with --json)"))
    layout = found["layout"]
    if layout["name"] is None:
        rows.append(("layout", f"none: {layout['problem']}"))
    else:
        rows.append(("layout", f"{layout['name']}: {layout['title']}"))
        rows += [("sees", one) for one in layout["sees"]] + [("cannot see", one) for one in layout["cannot_see"]]
    rows.append(("damage", "none found" if not found["losses"] else f"{len(found['losses'])} places, see below"))
    lines, before = [], ""
    for heading, text in rows:
        lines.append(f"{heading if heading != before else '':11} {words.clean(text)}")
        before = heading
    return lines


def _value(value: Any) -> str:
    return "yes" if value is True else "no" if value is False else "none" if value is None else str(value)[:80]


@click.command(short_help="Save what is readable of a damaged recording.")
@common.file_argument
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The new, clean file.")
@common.force_option
def repair(file: Path, out: Path, force: bool) -> None:
    """Write everything readable of a damaged recording into a new file, and say what is lost."""
    from imu_coach.recording import Recording
    from imu_coach.recording import repair as rescue

    common.fresh(out, force, file)
    Recording.open(file)
    with common.progress("repairing"):
        losses = rescue(file, out, overwrite=force)
    recording = Recording.open(out)
    inputs = sum(len(chunk) for chunk in recording.chunks())
    seconds, _ = common.survey(recording)
    say(f"{out}: {inputs} inputs over {words.span(seconds)} recovered")
    if losses:
        say(f"imu-coach: {file}: {words.losses(losses)}")
    else:
        say(f"{file}: nothing was lost; the new file holds the same")
    click.get_current_context().exit(common.LOSSES if losses else common.DONE)
