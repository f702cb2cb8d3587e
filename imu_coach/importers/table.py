"""Text tables of numbers: read with pandas, checked, and a wrong cell named by its row and column."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from imu_coach.errors import ImportFileError
from imu_coach.importers import checks
from imu_coach.importers.checks import Origin
from imu_coach.importers.columns import Columns, Track
from imu_coach.importers.layout import COMMA_NUMBER, Sheet, folded, survey
from imu_coach.types import Floats

CHUNK_ROWS: Final = 200_000
LONGEST_HOLD: Final = 0.15
SHOWN: Final = 40
NEAR: Final = 0.5


class Half(NamedTuple):
    """One of the two sensors of a board: ``t (n,)`` s and ``values (n, 3)`` in SI units."""

    t: Floats
    values: Floats


def read(path: Path, columns: Columns, title: str = "table") -> Track:
    """Both sensors from one table.

    Raises
    ------
    ImportFileError
        with the row and column, and what to do next
    """
    sheet = survey(path, columns)
    raw = numbers(sheet, [*columns.acc, *columns.gyr, *([columns.time] if columns.time else [])])
    return track(sheet, columns, raw, title)


def track(sheet: Sheet, columns: Columns, raw: Floats, title: str) -> Track:
    """Check ``raw (n, 6 or 7)``: acc, gyr and the time stamps, and convert to SI units."""
    origin = origin_of(sheet)
    checks.enough(origin, len(raw))
    t = checks.clock(origin, raw[:, 6] if columns.time else None, len(raw), columns)
    acc = checks.specific_force(origin, raw[:, :3], columns.acc_unit, columns.acc)
    gyr = checks.rate_of_turn(origin, raw[:, 3:6], columns.gyr_unit, columns.gyr)
    return Track(t, acc, gyr, title + remarks(sheet))


def read_pair(acc_path: Path, gyr_path: Path, columns: Columns, title: str = "two tables") -> Track:
    """Accelerometer and gyroscope from two tables with one clock; acc is interpolated onto the gyro times.

    Gyro samples before, after or in a hole of the accelerometer are left out, so that nothing is made up.
    """
    if columns.time is None:
        raise ImportFileError(gyr_path, "two files need a time column to pair them; say time=column:unit")
    if acc_path.resolve() == gyr_path.resolve():
        raise ImportFileError(gyr_path, "given for both sensors; give the accelerometer and the gyroscope file")
    acc_sheet, gyr_sheet = survey(acc_path, columns), survey(gyr_path, columns)
    acc = half(acc_sheet, columns, columns.acc)
    gyr = half(gyr_sheet, columns, columns.gyr)
    after = np.searchsorted(acc.t, gyr.t)
    inside = (gyr.t >= acc.t[0]) & (gyr.t <= acc.t[-1])
    after = np.clip(after, 1, len(acc.t) - 1)
    hole = acc.t[after] - acc.t[after - 1] > max(LONGEST_HOLD, 3 * float(np.median(np.diff(acc.t))))
    keep = inside & ~(hole & (acc.t[after] != gyr.t) & (acc.t[after - 1] != gyr.t))
    if keep.sum() < checks.FEWEST:
        problem = f"does not overlap in time with {acc_path.name}; give the two files of one recording"
        raise ImportFileError(gyr_path, problem)
    t = gyr.t[keep]
    paired = np.column_stack([np.interp(t, acc.t, acc.values[:, i]) for i in range(3)])
    dropped = f", {int((~keep).sum())} gyroscope samples without accelerometer left out" if (~keep).any() else ""
    return Track(t, paired, gyr.values[keep], title + remarks(gyr_sheet) + dropped)


def half(sheet: Sheet, columns: Columns, names: tuple[str, str, str]) -> Half:
    """One sensor and its time stamps."""
    origin = origin_of(sheet)
    raw = numbers(sheet, [*names, str(columns.time)])
    checks.enough(origin, len(raw))
    t = checks.clock(origin, raw[:, 3], len(raw), columns)
    if names == columns.acc:
        return Half(t, checks.specific_force(origin, raw[:, :3], columns.acc_unit, names))
    return Half(t, checks.rate_of_turn(origin, raw[:, :3], columns.gyr_unit, names))


def remarks(sheet: Sheet) -> str:
    """What was found by itself and is worth saying."""
    said = [f", separator {sheet.separator!r}"] if sheet.separator != "," else []
    return "".join([*said, *([", decimal commas"] if sheet.decimal == "," else [])])


def origin_of(sheet: Sheet) -> Origin:
    """Samples of a sheet, with their rows."""
    return Origin(sheet.path, lambda sample: row_of(sheet, sample))


def find(sheet: Sheet, wanted: Sequence[str]) -> list[int]:
    """Positions of the wanted columns, or what is missing and what there is."""
    have = [folded(name) for name in sheet.names]
    missing = [name for name in wanted if folded(name) not in have]
    row = sheet.header or None
    if missing:
        near = difflib.get_close_matches(missing[0], sheet.names, 1, NEAR)
        hint = f"; did you mean {near[0]!r}?" if near else "; correct the names"
        listed = ", ".join(sheet.names[:SHOWN]) + (", ..." if len(sheet.names) > SHOWN else "")
        raise ImportFileError(sheet.path, f"no column {', '.join(map(repr, missing))}; there are: {listed}{hint}", row)
    for name in wanted:
        if have.count(folded(name)) > 1:
            raise ImportFileError(sheet.path, "there are two columns of that name; rename one", row, name)
    return [have.index(folded(name)) for name in wanted]


def numbers(sheet: Sheet, wanted: Sequence[str]) -> Floats:
    """The wanted columns as (n, k) finite numbers; anything else is an error that names the cell."""
    at = find(sheet, wanted)
    if sheet.data and len(sheet.data[0]) > len(sheet.names) + 1:
        hint = "; for numbers with decimal commas, export with separator ';'" if sheet.separator == "," else ""
        problem = f"{len(sheet.data[0])} cells under {len(sheet.names)} names{hint or '; export it again'}"
        raise ImportFileError(sheet.path, problem, row_of(sheet, 0))
    parts: list[Floats] = []
    try:
        with pd.read_csv(
            sheet.path,
            sep=sheet.separator,
            decimal=sheet.decimal,
            encoding=sheet.encoding,
            encoding_errors="replace",
            skiprows=sheet.header,
            header=None,
            names=list(range(sheet.width)),
            index_col=False,
            dtype={i: "float64" if i in at else "object" for i in range(sheet.width)},
            low_memory=False,
            chunksize=CHUNK_ROWS,
        ) as reader:
            parts.extend(chunk[at].to_numpy(dtype=np.float64) for chunk in reader)
    except pd.errors.EmptyDataError:
        return np.empty((0, len(at)))
    except (ValueError, OverflowError, OSError) as error:
        raise diagnose(sheet, at, str(error)) from error
    values = np.concatenate(parts) if parts else np.empty((0, len(at)))
    if not (abs(values) < checks.HUGE).all():
        raise diagnose(sheet, at, "a cell is empty or not a number")
    return values


def rows(sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """Rows of data that are not blank, each with its last row in an editor."""
    with sheet.path.open(encoding=sheet.encoding, errors="replace", newline="") as file:
        for _ in range(sheet.header):
            file.readline()
        reader = csv.reader(file, delimiter=sheet.separator)
        for row in reader:
            if len(row) > 1 or any(cell.strip() for cell in row):
                yield sheet.header + reader.line_num, row


def row_of(sheet: Sheet, sample: int) -> int | None:
    """The row of a sample in an editor; blank rows count there, and not here."""
    try:
        return next((row for row, _ in islice(rows(sheet), sample, None)), None)
    except (OSError, csv.Error):
        return None


def diagnose(sheet: Sheet, at: Sequence[int], said: str) -> ImportFileError:
    """Name the first cell that is not a number, and count the rows like it."""
    first: ImportFileError | None = None
    count = 0
    try:
        for row, found in rows(sheet):
            if len(found) > sheet.width:
                problem = f"{len(found)} cells, {len(sheet.names)} in the header; correct or remove this row"
                return first or ImportFileError(sheet.path, problem, row)
            bad = next((i for i in at if i >= len(found) or not is_number(found[i], sheet.decimal)), None)
            if bad is None:
                continue
            count += 1
            if first is None:
                column = sheet.names[bad] if bad < len(sheet.names) else None
                what = f"the row ends after {len(found)} cells" if bad >= len(found) else describe(found[bad])
                first = ImportFileError(sheet.path, what, row, column)
    except (OSError, csv.Error) as error:
        said = str(error)
    if first is None:
        line = (said.strip() or "unknown reason").splitlines()[0]
        return ImportFileError(sheet.path, f"cannot be read as a table ({line[:200]}); export it again")
    problem = f"{first.problem} ({count} such row{'s' if count > 1 else ''} in all)"
    return ImportFileError(sheet.path, problem, first.row, first.column)


def is_number(cell: str, decimal: str) -> bool:
    """Whether this cell is a number that a sensor gives."""
    try:
        return "_" not in cell and abs(float(cell.replace(decimal, "."))) < checks.HUGE
    except ValueError:
        return False


def describe(cell: str) -> str:
    """What is wrong with a cell, and what to do."""
    text = cell.strip()
    if not text:
        return "an empty cell; remove such rows or export again"
    if text.casefold() in {"nan", "na", "n/a", "null", "none", "inf", "-inf", "+inf"}:
        return f"{text!r} instead of a number; remove such rows"
    if COMMA_NUMBER.fullmatch(text):
        return f"{text!r} has a decimal comma; say decimal=comma"
    if len(text) > 3 and sum(map(str.isdigit, text)) >= 6 and any(mark in text for mark in ":-/"):
        return f"{text[:40]!r} is a date or time of day; use a column of plain numbers, or rate= instead of time="
    return f"{text[:40]!r} is not a number; correct or remove such rows"
