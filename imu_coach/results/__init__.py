"""Events to tables: repetitions, holds, sets, warnings, and what the session came to; pure functions.

Raw and edited are both kept: a repetition that was taken back stays as a row with ``undone``, one added by hand is a
row with the status ``hand``.  Practice is set 0 and is in no sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from imu_coach.conventions import FRAME_RATE
from imu_coach.results.columns import TABLES, Row, described, table
from imu_coach.results.smooth import Turning
from imu_coach.results.summary import PHASES, Unjudged, session, unjudged
from imu_coach.types import Event

__all__ = ["BEGINS", "OVER", "PHASES", "TABLES", "Turning", "Unjudged", "described", "holds", "reps", "session", "sets",
           "unjudged", "warnings"]  # fmt: skip

BEGINS = ("set_begin", "practice_begin")
OVER = ("set_end", "practised", "exercise_begin", "session_end")
"""After these no set is in progress."""


class Placed(NamedTuple):
    """An event, and the running number of the set it belongs to (-1: outside of sets)."""

    set: int
    event: Event


def placed(events: Sequence[Event]) -> Iterator[Placed]:
    """Every event with its set; a set's own beginning and end belong to it."""
    count, now = -1, -1
    for e in events:
        if e.kind in BEGINS:
            count += 1
            now = count
        yield Placed(now, e)
        if e.kind in OVER:
            now = -1


def _where(e: Event) -> Row:
    return {name: e.detail.get(name) for name in ("exercise", "side", "set")}


def _s(frame: int) -> float:
    """s; what is decided before the first frame is told at 0."""
    return max(frame, 0) / FRAME_RATE


# --- repetitions and holds ------------------------------------------------------------------------------------------


def reps(events: Sequence[Event], turning: Turning | None = None) -> pd.DataFrame:
    """One row per repetition, small ones too; ``turning`` adds smoothness."""
    return table("reps", _reps(events, turning))


def _reps(events: Sequence[Event], turning: Turning | None) -> list[Row]:
    rows: list[Row] = []
    raw: dict[int, int] = {}
    for key, e in placed(events):
        if turning is not None:
            turning.follow(e)
        if e.kind in ("rep", "small_rep"):
            row = {"key": key, **_rep(e), **(turning.smoothness(e) if turning is not None else {})}
            if row["promoted"]:  # told before as a small one, and its hold with it
                small = [r for r in rows if r["key"] == key and r["onset_s"] == row["onset_s"]]
                rows = [r for r in rows if r not in small]
                row["hold_s"] = max((r["hold_s"] for r in (*small, row) if r["hold_s"] is not None), default=None)
            if row["status"] in ("counted", "probable"):
                row["raw_number"] = raw[key] = raw.get(key, 0) + 1
            rows.append(row)
        elif e.kind == "undone":
            counted = (r for r in reversed(rows) if r["key"] == key and r["number"] is not None and not r["undone"])
            last = next(counted, None)
            if last is not None:
                last["undone"] = True
    return rows


def _rep(e: Event) -> Row:
    d, by_hand = e.detail, "end_s" not in e.detail
    row = {**_where(e), "number": d.get("number"), "status": d.get("status", "small"), "told_s": _s(e.decided)}
    row |= {"promoted": bool(d.get("promoted")), "undone": False, "onset_s": _s(e.onset)}
    if by_hand:
        return row
    row |= {name: d[name] for name in ("top_s", "release_s", "end_s", "hold_s", "direction", "unit")}
    row |= {name: d[name] for name in ("range", "peak_speed")} | {"odd_shape": d.get("odd_shape")}
    return row | {"concentric_s": d["top_s"] - row["onset_s"], "eccentric_s": d["end_s"] - d["release_s"]}


def holds(events: Sequence[Event]) -> pd.DataFrame:
    """One row per hold that ended."""
    return table("holds", _holds(events))


def _holds(events: Sequence[Event]) -> list[Row]:
    done = [r for r in _reps(events, None) if r["number"] is not None and r.get("end_s") is not None]
    rows: list[Row] = []
    begun = None
    for key, e in placed(events):
        if e.kind == "hold_begin":
            begun = _s(e.onset)
        elif e.kind == "hold_end":
            end = _s(e.onset)
            start = begun if begun is not None else end
            own = (r["number"] for r in done if r["key"] == key and r["onset_s"] <= end and start <= r["end_s"])
            rows.append({"key": key, **_where(e), "rep": next(own, None), "start_s": start, "end_s": end, **_held(e)})
            begun = None
    return rows


def _held(e: Event) -> Row:
    d = e.detail
    aimed = bool(d["target_s"])
    row = {"held_s": d["seconds"], "target_s": d["target_s"] if aimed else None, "whole": d["whole"] if aimed else None}
    return row | {name: d[name] for name in ("breaks", "unseen_s", "sag_dps", "tremor_deg", "sway_deg")}


# --- sets -----------------------------------------------------------------------------------------------------------


def sets(events: Sequence[Event]) -> pd.DataFrame:
    """One row per set that was done; practice is none."""
    return table("sets", _sets(events))


def _sets(events: Sequence[Event]) -> list[Row]:
    held = _holds(events)
    rows: list[Row] = []
    for key, e in placed(events):
        if e.kind != "set_end" or not e.detail.get("set"):
            continue
        row = _set(e) | _set_holds([h for h in held if h["key"] == key])
        before = rows[-1] if rows else None
        same = before is not None and all(before[name] == row[name] for name in ("exercise", "side"))
        if before is not None and same and row["set"] > before["set"]:
            row["rest_before_s"] = row["start_s"] - before["end_s"]
        rows.append(row)
    return rows


def _set(e: Event) -> Row:
    d = e.detail
    low, high = d["asked"] or (None, None)
    row = {**_where(e), "start_s": _s(e.onset), "end_s": _s(e.decided), "asked_low": low, "asked_high": high}
    row |= {name: d[name] for name in ("reps", "counted", "probable", "hand", "undone", "small")}
    row |= {name: d[name] for name in ("why", "channel", "seen")}
    return row | {"within": within(d["reps"], low, high)}


def within(done: int, low: int | None, high: int | None) -> str | None:
    """A number against a range: in words, never a percentage."""
    if low is None or high is None:
        return None
    return "below" if done < low else "above" if done > high else "within"


def _set_holds(held: list[Row]) -> Row:
    judged = [h["whole"] for h in held if h["whole"] is not None]
    return {"holds": len(held), "holds_whole": sum(judged) if judged else None}


# --- warnings -------------------------------------------------------------------------------------------------------


def warnings(events: Sequence[Event]) -> pd.DataFrame:
    """One row each time a rule was raised, or raised again because it got worse."""
    rows: list[Row] = []
    open_: dict[str, list[Row]] = {}
    for key, e in placed(events):
        if e.kind == "warning":
            row = _warning(e, current(events, key) if key >= 0 else None)
            rows.append(row)
            open_.setdefault(row["rule"], []).append(row)
        elif e.kind == "warning_cleared":
            for row in open_.pop(e.detail["rule"], []):
                row |= {"cleared_s": _s(e.decided), "worst_deg": e.detail["worst_deg"]}
    return table("warnings", rows)


def current(events: Sequence[Event], key: int) -> int | None:
    """The number of a set by its running number."""
    begins = [e for e in events if e.kind in BEGINS]
    found: int | None = begins[key].detail.get("set")
    return found


def _warning(e: Event, number: int | None) -> Row:
    names = ("rule", "title", "severity", "value_deg", "threshold_deg", "unit", "spoken", "suppressed")
    row: Row = {name: e.detail.get(name) for name in (*names, "exercise", "phase", "posture")}
    return row | {"onset_s": _s(e.onset), "told_s": _s(e.decided), "set": number, "worst_deg": row["value_deg"]}
