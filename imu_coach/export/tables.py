"""The angle table as CSV with a JSON file beside it, or as Parquet with the same in its metadata.

Degrees; what each column means, its sign, zero, method and band travels with the numbers.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imu_coach.conventions import FRAME_RATE, ISB_SIGN
from imu_coach.core.angles import ANGLES, YAW_LEAK, AngleKind
from imu_coach.errors import ExportError
from imu_coach.export import replacing
from imu_coach.settings import Layout

if TYPE_CHECKING:
    import pandas as pd

    from imu_coach.run import Result

SCHEMA = "imu_coach/1"
ENDINGS = (".csv", ".parquet")
DECIMALS = 4
"""Of a degree in a CSV, far below the noise; Parquet holds the numbers as they are."""

SPAN = {
    "thoracolumbar_flexion": ("upper_back", "sacrum"),
    "thoracic_flexion": ("upper_back", "thoracolumbar"),
    "lumbar_flexion": ("thoracolumbar", "sacrum"),
}
"""The two sensors between which a flexion is measured."""


def written(path: Path) -> tuple[Path, ...]:
    """The files that :func:`write` makes."""
    return (path, sidecar(path)) if path.suffix.lower() == ".csv" else (path,)


def sidecar(path: Path) -> Path:
    """``x.csv`` -> ``x.csv.json``."""
    return path.with_name(f"{path.name}.json")


def check(path: Path, rate: float | None) -> None:
    """Refuse, before the work, what :func:`write` cannot do."""
    if path.suffix.lower() not in ENDINGS:
        raise ExportError(str(path), f"the ending says the format; use one of {', '.join(ENDINGS)}")
    if rate is not None and not 0.0 < rate <= FRAME_RATE:
        raise ExportError("rate", f"{rate:g} Hz is not above 0 and up to {FRAME_RATE:g} Hz, which is all there is")
    if path.suffix.lower() == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise ExportError(str(path), "Parquet needs one more package; run: pip install imu-coach[parquet]")


def write(result: Result, path: Path, *, isb: bool = False, rate: float | None = None) -> int:
    """Write the table of a result.

    Parameters
    ----------
    path : ends in ``.csv`` or ``.parquet``; replaced if it exists
    isb : also ISB-signed columns, named ``_isb``
    rate : Hz; rows at about this rate are picked (nothing is averaged), None: all

    Returns
    -------
    Rows written.

    Raises
    ------
    ExportError : another ending, an impossible rate, or Parquet without its package
    """
    check(path, rate)
    whole = result.table(isb=isb)
    table, about = thinned(whole, rate), description(result, whole.attrs, isb=isb, rate=rate)
    if path.suffix.lower() == ".parquet":
        _parquet(table, about, path)
    else:
        about["decimals"] = DECIMALS
        with replacing(path) as part:
            _csv(table, part)
        with replacing(sidecar(path)) as part:
            part.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return len(table)


def thinned(table: pd.DataFrame, rate: float | None) -> pd.DataFrame:
    """The first row of each interval ``1 / rate``."""
    if rate is None:
        return table
    frame = np.rint(table.index.to_numpy(np.float64) * FRAME_RATE)
    interval = np.floor(frame * (rate / FRAME_RATE) + 1e-9)
    return table.loc[np.diff(interval, prepend=-1.0) > 0]


def description(result: Result, attrs: dict[Any, Any], *, isb: bool, rate: float | None) -> dict[str, Any]:
    """What the table means and how it came about, JSON-able; ``attrs`` of :meth:`imu_coach.run.Result.table`."""
    columns: dict[str, Any] = {"t_s": {"unit": "s", "meaning": "session time since the recording began"}}
    for name in result.block.names:
        columns |= _columns(next(a for a in ANGLES if a.name == name), result, isb, attrs)
    return {
        "schema": SCHEMA,
        "result": result.name,
        "synthetic": result.header.synthetic,
        "rows_per_second": FRAME_RATE if rate is None else rate,
        "columns": columns,
        "source": {
            "measured": "from the direction of gravity at sensors that are worn there",
            "estimated": "inferred where nothing measures it; the band says how far off it may be",
            "unavailable": "no value; the _why column says the reason",
        },
        "why": attrs["why"],
        "band": attrs["band"],
        "band_basis": attrs["band_basis"],
        "notice": "Research and education software. Not a medical device.",
        "provenance": dict(result.provenance),
    }


def _columns(about: AngleKind, result: Result, isb: bool, attrs: dict[Any, Any]) -> dict[str, Any]:
    name, sign = about.name, attrs["angles"][about.name]["sign"]
    common = {
        "meaning": about.meaning,
        "sign": sign,
        "zero": about.zero,
        "method": method(name, result.setup.layout),
    }
    band = {"unit": "deg", "band": attrs["band"], "band_basis": attrs["band_basis"]}
    found: dict[str, Any] = {
        f"{name}_deg": {"unit": "deg", **common, "band_basis": attrs["band_basis"]},
        f"{name}_low_deg": {**band, "meaning": "lower end of the band"},
        f"{name}_high_deg": {**band, "meaning": "upper end of the band"},
        f"{name}_source": {"values": ["unavailable", "measured", "estimated"]},
        f"{name}_why": {"meaning": "why there is no value: a key of why"},
    }
    if isb:
        factor = ISB_SIGN[about.kind]
        found[f"{name}_deg_isb"] = {
            "unit": "deg", "meaning": about.meaning, "sign": f"ISB: {factor:+.0f} times {name}_deg"
        }  # fmt: skip
    return found


def method(name: str, layout: Layout) -> str:
    """How an angle comes about with these sensors."""
    if name in SPAN:
        if set(SPAN[name]) <= set(layout.sites):
            return "difference of two inclinations against gravity"
        if {"upper_back", "sacrum"} <= set(layout.sites):
            return "estimated: share of the flexion between upper back and sacrum"
        if "upper_back" in layout.sites:
            return "estimated: change of the upper back since an anchor that fixes the pelvis"
        return "not measured with this layout"
    if name == "wrist_yaw":
        return f"estimated: integrated rate about the vertical, forgets with a time constant of {YAW_LEAK:g} s"
    if name == "trunk_inclination" and "upper_back" not in layout.sites:
        return "not measured with this layout"
    return "direction of gravity in the segment frame"


def _csv(table: pd.DataFrame, path: Path) -> None:
    numbers = table.select_dtypes("number").round(DECIMALS) + 0.0  # no "-0.0"
    table.assign(**{str(name): numbers[name] for name in numbers}).to_csv(path, lineterminator="\n", encoding="utf-8")


def _parquet(table: pd.DataFrame, about: dict[str, Any], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    plain = table.copy()
    plain.attrs = {}
    arrow = pa.Table.from_pandas(plain)
    fields = []
    for field in arrow.schema:
        told = about["columns"].get(field.name, {})
        fields.append(field.with_metadata({key: str(value) for key, value in told.items()}))
    schema = pa.schema(fields, metadata={**(arrow.schema.metadata or {}), b"imu_coach": json.dumps(about).encode()})
    with replacing(path) as part:
        pq.write_table(arrow.cast(schema), part)
