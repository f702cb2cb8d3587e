"""How a text table is laid out: encoding, header row, separator and decimal sign, found from its first lines."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from imu_coach.errors import ImportFileError
from imu_coach.importers.columns import SEPARATOR, Columns, Decimal

LARGEST: Final = 2 * 1024**3
LONGEST_LINE: Final = 20_000
MOST_COLUMNS: Final = 1000
HEAD_BYTES: Final = 128 * 1024
HEAD_LINES: Final = 200
SCAN_BYTES: Final = 1 << 22

MAGIC: Final = (
    (b"PK\x03\x04", "a spreadsheet or a zip archive; save the sheet as CSV, or unpack it"),
    (b"\x1f\x8b", "compressed; unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet; save it as CSV"),
    (b"\x89HDF", "HDF5; give it the ending .hdf5"),
    (b"%PDF", "a PDF; export the recording as CSV"),
)
BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
COMMA_NUMBER: Final = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.IGNORECASE)
POINT_NUMBER: Final = re.compile(r"[+-]?\d*\.\d+(e[+-]?\d+)?", re.IGNORECASE)


class Sheet(NamedTuple):
    """How a text table is laid out.

    ``header`` is the row of the header (0: there is none), ``names`` its cells, ``width`` the cells of a data row,
    ``before`` the rows above it, ``data`` the first rows below it.
    """

    path: Path
    encoding: str
    separator: str
    decimal: Decimal
    header: int
    names: tuple[str, ...]
    width: int
    before: tuple[tuple[str, ...], ...]
    data: tuple[tuple[str, ...], ...]


def size_of(path: Path) -> int:
    """Bytes of a file that is there, not empty and not too large."""
    try:
        if not path.exists():
            raise ImportFileError(path, "no such file; check the name and the folder")
        if not path.is_file():
            raise ImportFileError(path, "not a file; give the exported file itself")
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise ImportFileError(path, f"cannot be read ({error}); check the name and the permissions") from error
    if size == 0:
        raise ImportFileError(path, "the file is empty; export the recording again")
    if size > LARGEST:
        raise ImportFileError(path, f"larger than {LARGEST // 1024**3} GB; split it")
    return size


def scan(path: Path) -> tuple[bytes, str]:
    """First bytes and encoding; refuses what is not text and lines that no table has, in bounded memory."""
    size_of(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            for magic, what in MAGIC:
                if head.startswith(magic):
                    raise ImportFileError(path, f"not a text table but {what}")
            encoding = next((name for bom, name in BOMS if head.startswith(bom)), "")
            file.seek(0)
            line, length = 1, 0
            while block := file.read(SCAN_BYTES):
                codes = np.frombuffer(block, dtype=np.uint8)
                if encoding != "utf-16" and not codes.all():
                    what = "binary data, or UTF-16 without its mark; export as CSV or save as UTF-8"
                    raise ImportFileError(path, f"not a text table: {what}")
                ends = np.flatnonzero((codes == ord("\n")) | (codes == ord("\r")))
                edges = np.concatenate([[-1 - length], ends, [codes.size]])
                longest = int(np.argmax(np.diff(edges)))
                if edges[longest + 1] - edges[longest] > LONGEST_LINE:
                    row = line + int((codes[: max(0, int(edges[longest]) + 1)] == ord("\n")).sum())
                    raise ImportFileError(path, f"a line longer than {LONGEST_LINE} characters; not a table", row)
                line += int((codes == ord("\n")).sum())
                length = int(codes.size - 1 - ends[-1]) if ends.size else length + int(codes.size)
    except OSError as error:
        raise ImportFileError(path, f"cannot be read ({error}); check the permissions") from error
    if not encoding:
        try:
            codecs.getincrementaldecoder("utf-8")().decode(head)
            encoding = "utf-8"
        except UnicodeDecodeError:
            encoding = "cp1252"
    return head, encoding


def cells(line: str, separator: str) -> tuple[str, ...]:
    """Cells of one line, stripped."""
    try:
        return tuple(cell.strip() for cell in next(csv.reader([line], delimiter=separator), []))
    except csv.Error:
        return ()


def numeric(text: str) -> bool:
    """Whether a cell is a number, with a point or a comma."""
    try:
        float(text.replace(",", ".", 1))
    except ValueError:
        return False
    return True


def folded(name: str) -> str:
    """A column name without the differences that exports differ in."""
    return " ".join(name.split()).casefold()


def survey(path: Path, columns: Columns | None = None) -> Sheet:
    """Find header row, separator and decimal sign from the first lines."""
    head, encoding = scan(path)
    text = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    lines = re.split(r"\r\n|\r|\n", text)
    lines = lines[: HEAD_LINES if len(head) < HEAD_BYTES else min(HEAD_LINES, len(lines) - 1)]
    told = re.match(r'"?sep=([,;|\t])', lines[0]) if lines else None
    given = columns.separator if columns is not None else None
    candidates = [given] if given else [told[1]] if told else list(SEPARATOR.values())
    best = max((header_row(path, lines, s) for s in candidates), key=lambda found: (found[2] > 0, len(found[1])))
    row, names, width, separator = best
    if not width:
        raise ImportFileError(path, "no table found; a header row and rows of numbers are needed, such as t,ax,ay,az")
    if max(width, len(names)) > MOST_COLUMNS:
        raise ImportFileError(path, f"more than {MOST_COLUMNS} columns; export one sensor per file", row)
    data = tuple(found for found in (cells(line, separator) for line in lines[row:]) if any(found))
    decimal = columns.decimal if columns is not None else None
    if decimal is None:
        body = [cell for found in data for cell in found]
        commas = any(COMMA_NUMBER.fullmatch(cell) for cell in body)
        decimal = "," if commas and not any(POINT_NUMBER.fullmatch(cell) for cell in body) else "."
    before = tuple(cells(line, separator) for line in lines[: max(0, row - 1)])
    return Sheet(path, encoding, separator, decimal, row, names, width, before, data)


def header_row(path: Path, lines: Sequence[str], separator: str) -> tuple[int, tuple[str, ...], int, str]:
    """Row of the header (0: none), its cells, cells of a data row (0: no table), separator."""
    found = [(row, cells(line, separator)) for row, line in enumerate(lines, 1) if line.strip()]
    spare: tuple[int, tuple[str, ...], int, str] = (0, (), 0, separator)
    for (row, names), (_, after) in zip(found, [*found[1:], (0, ())], strict=False):
        numbers = sum(map(numeric, names))
        if sum(map(bool, names)) < 3:
            continue
        if 2 * numbers >= len(names):
            if spare[2] == 0:
                spare = (row - 1, tuple(str(i + 1) for i in range(len(names))), len(names), separator)
            break
        if numbers == 0:
            if after and 2 * sum(map(numeric, after)) >= sum(map(bool, after)):
                return row, names, max(len(after), len(names)), separator
            if spare[2] == 0:
                spare = (row, names, len(names), separator)
    return spare
