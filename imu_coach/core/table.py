"""The coach's transitions, as a table: in which phase a trigger does what.  All transitions are here."""

from __future__ import annotations

from collections.abc import Mapping

TABLE: Mapping[tuple[str, str], str] = {
    # phase, trigger: action (what it returns is the next phase)
    ("idle", "begin"): "begin_item",
    ("siting", "sited"): "make_ready",
    ("siting", "start"): "make_ready",
    ("siting", "steady"): "make_ready",
    ("siting", "next"): "next_item",
    ("ready", "steady"): "open_set",
    ("ready", "start"): "open_set",
    ("ready", "again"): "make_ready",
    ("ready", "next"): "next_item",
    ("practice", "practised"): "practised",
    ("practice", "start"): "practised",
    ("practice", "finish"): "practised",
    ("practice", "left"): "make_ready",
    ("practice", "next"): "next_item",
    ("set", "reached"): "close_set",
    ("set", "enough"): "close_set",
    ("set", "finish"): "close_set",
    ("set", "again"): "make_ready",
    ("set", "next"): "skip",
    ("set", "left"): "pause",
    ("set", "silent"): "pause",
    ("set", "blind"): "pause",
    ("set", "knocked"): "pause",
    ("set", "pause"): "pause",
    ("paused", "resume"): "resume",
    ("paused", "finish"): "close_set",
    ("paused", "next"): "skip",
    ("rest", "rested"): "make_ready",
    ("rest", "again"): "make_ready",
    ("rest", "resume"): "open_set",
    ("rest", "start"): "open_set",
    ("rest", "next"): "next_item",
    **{(phase, "stop"): "end_session" for phase in ("idle", "siting", "ready", "practice", "set", "paused", "rest")},
    **{(phase, "begin"): "begin_item" for phase in ("siting", "ready", "practice", "rest", "done")},
    **{(phase, "begin"): "close_and_begin" for phase in ("set", "paused")},
}
"""All transitions.  A trigger that has no line in a phase changes nothing there."""

TAPS = {"idle": "begin", "siting": "start", "ready": "start", "practice": "start", "set": "pause", "paused": "resume",
        "rest": "start", "done": ""}  # fmt: skip
"""What a double tap means, by phase."""

ASKS = ("begin", "again", "sited", "start", "finish", "pause", "resume", "next", "stop")

HORIZON, LONG = {"ready": 500, "siting": 500, "paused": 500, "practice": 500, "set": 1500}, 4096
"""Frames after which the next transition is likely, by phase; of the others."""
