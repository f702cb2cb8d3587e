"""What every column of the result tables is: name, type, unit and meaning, in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

TEXT, NUMBER, WHOLE, YES_NO = "string", "float64", "Int64", "boolean"
"""pandas types; all but ``float64`` can be missing, a missing ``float64`` is NaN."""

Row = dict[str, Any]


class Column(NamedTuple):
    """``unit`` is "" for what has none."""

    name: str
    dtype: str
    unit: str
    meaning: str


WHERE = (
    Column("exercise", TEXT, "", "id of the exercise"),
    Column("side", TEXT, "", "left, right, or empty for both together"),
    Column("set", WHOLE, "", "number of the set within the exercise; 0: practice"),
)
"""The first columns of every table of sets and what is in them."""

REPS = (
    *WHERE,
    Column("number", WHOLE, "", "the number as it was told, after corrections; missing for a small one"),
    Column("raw_number", WHOLE, "", "running number of what the sensors counted, before corrections"),
    Column("status", TEXT, "", "counted; probable: by a weaker sign; small: not counted; hand: added by hand"),
    Column("promoted", YES_NO, "", "first told as small, counted after all because a second one was alike"),
    Column("undone", YES_NO, "", "taken back by hand; the row stays"),
    Column("onset_s", NUMBER, "s", "it began; added by hand: when it was added"),
    Column("top_s", NUMBER, "s", "the top was reached"),
    Column("release_s", NUMBER, "s", "the top was left"),
    Column("end_s", NUMBER, "s", "rest was reached again"),
    Column("told_s", NUMBER, "s", "it was told"),
    Column("concentric_s", NUMBER, "s", "from onset to top"),
    Column("hold_s", NUMBER, "s", "held at the top, without breaks; missing where nothing is held"),
    Column("eccentric_s", NUMBER, "s", "from release to end"),
    Column("range", NUMBER, "column unit", "from rest to top, always positive"),
    Column("peak_speed", NUMBER, "column unit, per s", "largest rate, always positive"),
    Column("unit", TEXT, "", "of range: deg, or m for a height"),
    Column("direction", WHOLE, "", "+1 or -1: the way it went"),
    Column("smooth_up", NUMBER, "", "SPARC of the angular speed from onset to top; nearer to 0 is smoother"),
    Column("smooth_down", NUMBER, "", "the same from release to end"),
    Column("odd_shape", YES_NO, "", "its curve, size included, is unlike the median one of its set; missing where that "
           "is not told: realtime result, small ones, by hand, data missing, fewer than five counted in the set"),
)  # fmt: skip

HOLDS = (
    *WHERE,
    Column("rep", WHOLE, "", "number of the repetition it belongs to; missing if that did not count"),
    Column("start_s", NUMBER, "s", "the hold began"),
    Column("end_s", NUMBER, "s", "the last moment of the hold"),
    Column("held_s", NUMBER, "s", "time near the top without breaks longer than half a second"),
    Column("target_s", NUMBER, "s", "aimed for; missing when held as long as is comfortable"),
    Column("whole", YES_NO, "", "at least 90 % of the target; missing without a target"),
    Column("breaks", WHOLE, "", "interruptions longer than half a second"),
    Column("unseen_s", NUMBER, "s", "part of held_s during which the sensor was silent"),
    Column("sag_dps", NUMBER, "deg/s", "slope while held, negative: sinking"),
    Column("tremor_deg", NUMBER, "deg", "rms from 3 to 12 Hz"),
    Column("sway_deg", NUMBER, "deg", "rms from 0.2 to 3 Hz"),
)

SETS = (
    *WHERE,
    Column("start_s", NUMBER, "s", "counting began"),
    Column("end_s", NUMBER, "s", "the set was over"),
    Column("reps", WHOLE, "", "counted, probable and by hand, after corrections"),
    Column("counted", WHOLE, "", "of them, counted"),
    Column("probable", WHOLE, "", "of them, probable"),
    Column("hand", WHOLE, "", "of them, by hand"),
    Column("undone", WHOLE, "", "taken back by hand"),
    Column("small", WHOLE, "", "small ones, not counted"),
    Column("asked_low", WHOLE, "", "lowest number asked for; missing when open"),
    Column("asked_high", WHOLE, "", "highest number asked for; missing when open"),
    Column("within", TEXT, "", "reps against what was asked: below, within or above; missing when open"),
    Column("holds", WHOLE, "", "holds of any length"),
    Column("holds_whole", WHOLE, "", "holds of at least 90 % of their target; missing without targets"),
    Column("why", TEXT, "", "what ended it"),
    Column("channel", TEXT, "", "what repetitions were seen by; empty: by hand only"),
    Column("seen", NUMBER, "1", "share of the set in which that had a value"),
    Column("rest_before_s", NUMBER, "s", "since the set before; missing for the first of an exercise"),
)

WARNINGS = (
    Column("rule", TEXT, "", "W0 to W13"),
    Column("title", TEXT, "", "what it is called"),
    Column("severity", TEXT, "", "cue, amber or red"),
    Column("onset_s", NUMBER, "s", "the threshold was crossed"),
    Column("told_s", NUMBER, "s", "it was raised"),
    Column("cleared_s", NUMBER, "s", "it was over; missing if it lasted to the end"),
    Column("value_deg", NUMBER, "deg", "the angle when it was raised"),
    Column("worst_deg", NUMBER, "deg", "the largest angle until it was over"),
    Column("threshold_deg", NUMBER, "deg or deg/s", "the limit: an engineering default unless a clinician set it"),
    Column("unit", TEXT, "", "of threshold_deg: deg, or deg/s for a speed; empty when there is none"),
    Column("spoken", YES_NO, "", "said aloud in a live session"),
    Column("suppressed", TEXT, "", "why it was not said aloud; empty when it was"),
    Column("exercise", TEXT, "", "id of the exercise in progress"),
    Column("set", WHOLE, "", "the set in progress; missing outside of sets"),
    Column("phase", TEXT, "", "of the coach"),
    Column("posture", TEXT, "", "as far as it is known"),
)  # fmt: skip

SESSION = (
    Column("exercise", TEXT, "", "id of the exercise; empty: the whole session"),
    Column("side", TEXT, "", "left, right or empty"),
    Column("phase", TEXT, "", "exercise, rest, transition or other"),
    Column("quantity", TEXT, "", "what it is"),
    Column("value", NUMBER, "column unit", "missing where it cannot be known"),
    Column("unit", TEXT, "", "of the value"),
)

TABLES: Mapping[str, tuple[Column, ...]] = {
    "reps": REPS,
    "holds": HOLDS,
    "sets": SETS,
    "warnings": WARNINGS,
    "session": SESSION,
}
"""Every table and its columns, in order."""


def table(name: str, rows: Sequence[Row]) -> pd.DataFrame:
    """Rows as a table with all its columns in their types, also when there are none."""
    columns = {c.name: pd.Series([row.get(c.name) for row in rows], dtype=c.dtype) for c in TABLES[name]}
    return pd.DataFrame(columns)


def described(name: str) -> dict[str, dict[str, str]]:
    """Unit and meaning of every column, for a file beside the table."""
    return {c.name: {"type": c.dtype, "unit": c.unit, "meaning": c.meaning} for c in TABLES[name]}
