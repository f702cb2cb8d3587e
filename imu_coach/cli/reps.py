"""``imu-coach reps``: repetitions, holds, sets, warnings and the session's sums, as tables and files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imu_coach.cli import coaching, common
from imu_coach.cli.common import put, say
from imu_coach.errors import ConfigError, ExportError
from imu_coach.sinks import words

if TYPE_CHECKING:
    import pandas as pd

    from imu_coach.run import Result

SHOWN = {
    "sets": ("exercise", "side", "set", "reps", "counted", "probable", "hand", "small", "asked_low", "asked_high",
             "within", "holds_whole", "start_s", "end_s", "rest_before_s", "why"),
    "reps": ("exercise", "side", "set", "number", "status", "undone", "onset_s", "end_s", "concentric_s", "hold_s",
             "eccentric_s", "range", "unit", "odd_shape"),
    "holds": ("exercise", "set", "rep", "start_s", "held_s", "target_s", "whole", "breaks", "sag_dps", "sway_deg"),
    "warnings": ("rule", "title", "severity", "told_s", "cleared_s", "worst_deg", "threshold_deg", "unit", "spoken",
                 "suppressed", "exercise", "set"),
}  # fmt: skip
"""Columns that are printed; files have all of them."""


@click.command(short_help="Count repetitions and time holds.")
@common.file_argument
@click.option("-o", "--out", type=click.Path(path_type=Path), help="A folder for all tables, a .json, or a .csv.")
@common.result_option
@common.setup_options
@coaching.coach_options
@common.force_option
def reps(
    file: Path,
    out: Path | None,
    result: str,
    layout: str | None,
    filter: str,
    wanted: coaching.Wanted,
    force: bool,
) -> None:
    """Count repetitions and time holds of a recording, by set, beside what was watched.

    Where the recording says when the exercise was done, its sets are those; else the whole recording is counted.
    Every repetition is counted, probable (seen by a weaker sign), small or added by hand. What was taken back stays as
    a row. --exercise auto counts any movement that is repeated. docs/events.md says what every column means.
    """
    from imu_coach.export import done

    if wanted.exercise is None and wanted.programme is None:
        problem = "is missing: say what was done; imu-coach exercises list has the names, auto is any movement"
        raise ConfigError("", "--exercise", problem)
    recording = common.opened(file)
    if out is not None:
        done.check(out)
        _fresh(out, force, file)
    setup = coaching.coached_setup(recording, layout, filter, wanted)
    found = common.computed(recording, setup, result)
    tables = {name: getattr(found, name) for name in ("reps", "holds", "sets", "warnings", "session")}
    if out is None:
        _print(tables, recording.header.synthetic)
    else:
        done.write(tables, _about(found), out)
        made = ", SYNTHETIC" if recording.header.synthetic else ""
        say(f"{out}: {len(tables['reps'])} repetitions in {len(tables['sets'])} sets, {result}{made}")
    click.get_current_context().exit(common.told_losses(recording))


def _fresh(out: Path, force: bool, file: Path) -> None:
    """Nothing is overwritten unasked; a folder may be there, its tables may not."""
    from imu_coach.export import done
    from imu_coach.results import TABLES

    if not out.suffix and out.exists() and not out.is_dir():
        raise ExportError(str(out), "is a file; give a folder, or a name that ends in .json or .csv")
    if not out.suffix and not out.exists():
        common.fresh(out, force, file)
        return
    for path in done.written(out, tuple(TABLES)):
        common.fresh(path, force, file)


def _about(found: Result) -> dict[str, Any]:
    from imu_coach.results import TABLES, described

    return {
        "result": found.name,
        "synthetic": found.header.synthetic,
        "notice": "Research and education software. Not a medical device.",
        "tables": {name: described(name) for name in TABLES},
        "provenance": dict(found.provenance),
    }


def _print(tables: dict[str, pd.DataFrame], synthetic: bool) -> None:
    from rich.table import Table

    console = common.out_console()
    put(f"{'SYNTHETIC (simulated, not a person). ' if synthetic else ''}Times in s. {words.NOTICE}")
    for name, columns in SHOWN.items():
        table = tables[name]
        put("")
        put(f"{name}: {len(table) or 'none'}")
        if table.empty:
            continue
        drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        kept = [c for c in columns if table[c].notna().any() and not (table[c] == "").all()]
        for column in kept:
            numbers = str(table[column].dtype) in ("float64", "Int64")
            drawn.add_column(column, justify="right" if numbers else "left", no_wrap=True)
        for row in table[kept].itertuples(index=False):
            drawn.add_row(*map(_cell, row))
        console.print(drawn)


def _cell(value: Any) -> str:
    if str(value) in ("None", "<NA>", "nan"):
        return "-"
    if str(value) in ("True", "False"):
        return "yes" if value else "no"
    return f"{value:.1f}" if isinstance(value, float) else words.clean(value)
