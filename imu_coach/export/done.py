"""What was done as files: five tables in a folder, or in one JSON object."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imu_coach.errors import ExportError
from imu_coach.export import replacing
from imu_coach.export.tables import SCHEMA

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = (".json", ".csv", ".parquet")
"""Of a single file; a name without an ending is a folder."""
DECIMALS = 4
ABOUT = "columns.json"
"""Beside the tables of a folder: what every column means and how it came about."""


def written(out: Path, names: tuple[str, ...]) -> tuple[Path, ...]:
    """The files that :func:`write` makes."""
    if out.suffix.lower() == ".csv":
        return out, out.with_name(f"{out.name}.json")
    return (out,) if out.suffix else (*(out / f"{name}.csv" for name in names), out / ABOUT)


def check(out: Path) -> None:
    """Refuse, before the work, what :func:`write` cannot do."""
    if out.suffix and out.suffix.lower() not in ENDINGS:
        problem = (
            f"give a folder for all tables, or a file that ends in {', '.join(ENDINGS)} (the latter two: reps only)"
        )
        raise ExportError(str(out), problem)
    if out.suffix.lower() == ".parquet":
        from imu_coach.export.tables import check as checked

        checked(out, None)


def write(tables: Mapping[str, pd.DataFrame], about: Mapping[str, Any], out: Path) -> None:
    """All tables into a folder or a ``.json``, or the repetitions into a ``.csv`` or ``.parquet``.

    Parameters
    ----------
    tables : by name, "reps" first
    about : what the columns mean and how they came about, JSON-able; ``about["tables"]`` by table
    """
    kind = out.suffix.lower()
    if kind == ".json":
        rows = {name: _plain(table) for name, table in tables.items()}
        _json({**about, "schema": SCHEMA, "type": "done", "rows": rows}, out)
    elif kind == ".csv":
        _csv(tables["reps"], out)
        _json(
            {**about, "schema": SCHEMA, "tables": {"reps": about["tables"]["reps"]}}, out.with_name(f"{out.name}.json")
        )
    elif kind == ".parquet":
        with replacing(out) as part:
            tables["reps"].to_parquet(part, engine="pyarrow")
    else:
        out.mkdir(exist_ok=True)
        for name, table in tables.items():
            _csv(table, out / f"{name}.csv")
        _json({**about, "schema": SCHEMA}, out / ABOUT)


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them: null where there is nothing."""
    rows = table.astype(object).where(table.notna(), None).to_dict(orient="records")
    return [{str(key): _rounded(value) for key, value in row.items()} for row in rows]


def _rounded(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return round(value, DECIMALS) if math.isfinite(value) else None


def _csv(table: pd.DataFrame, path: Path) -> None:
    numbers = table.select_dtypes("float64").round(DECIMALS) + 0.0
    with replacing(path) as part:
        table.assign(**{str(n): numbers[n] for n in numbers}).to_csv(part, index=False, lineterminator="\n")


def _json(content: Mapping[str, Any], path: Path) -> None:
    with replacing(path) as part:
        part.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
