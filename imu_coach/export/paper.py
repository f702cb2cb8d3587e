"""Exercise sheets as PDF pages: as large and airy as fits, never smaller than 16 pt, never more than one page each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast

import matplotlib
from fpdf import FPDF
from fpdf.fonts import TTFFont

from imu_coach.errors import ExportError
from imu_coach.export.sheets import NOTICE, ROW, Part, Sheet, days

SMALLEST = 16.0
"""pt; nothing is smaller."""
CONDENSED = 90
"""Per cent; DejaVu Sans is a wide face, its own condensed cut is 90 % of it."""
LEFT, TOP, WIDTH, BOTTOM = 13.0, 12.0, 184.0, 285.0
INDENT, BOX = 8.0, 6.2
"""mm."""


class Style(NamedTuple):
    """pt of text; lines apart (1 = as high as the letters); mm between parts."""

    size: float
    leading: float
    gap: float

    @property
    def line(self) -> float:
        """mm from line to line."""
        return self.size * self.leading * 25.4 / 72.0


STYLES = (Style(18, 1.3, 3.2), Style(17, 1.28, 2.8), Style(16, 1.28, 2.6), Style(16, 1.2, 1.8), Style(16, 1.12, 1.0))
"""From the largest down; the first that fits a page is taken."""


def pdf(sheets: Sequence[Sheet], title: str) -> bytes:
    """All sheets as a PDF; a sheet with boxes is one page, a cover may be more."""
    document = FPDF(format="A4")
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for style, name in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
        document.add_font("sans", style, fonts / name)
    document.set_title(title)
    document.set_margins(LEFT, TOP, 210.0 - LEFT - WIDTH)
    document.c_margin = 0.0
    try:
        for one in sheets:
            _letters(document, one)
            _page(document, one)
        return bytes(document.output())
    finally:
        for font in document.fonts.values():
            cast(TTFFont, font).close()


def _letters(document: FPDF, one: Sheet) -> None:
    """Refuse what would be printed as empty squares."""
    known = cast(TTFFont, document.fonts["sans"]).cmap
    text = one.title + "".join(line for part in one.parts for line in part.lines)
    missing = sorted({c for c in text if ord(c) not in known})
    if missing:
        raise ExportError(one.title, f"the PDF has no letter {missing[0]!r}; write .html instead")


def _page(document: FPDF, one: Sheet) -> None:
    document.set_auto_page_break(not one.ticks, 297.0 - BOTTOM)
    document.add_page()
    document.set_stretching(CONDENSED)
    for style in STYLES:
        with document.offset_rendering() as recorder:
            trial = cast(FPDF, recorder)
            _draw(trial, one, style)
            fits = trial.page_no() == document.page_no() and trial.get_y() + _notice_height(trial) <= BOTTOM
        if fits:
            break
    if not fits and one.ticks:
        raise ExportError(one.title, "its texts do not fit on one page of 16 pt; make them shorter")
    _draw(document, one, style)
    _foot(document)


def _draw(document: FPDF, one: Sheet, style: Style) -> None:
    document.set_xy(LEFT, TOP)
    document.set_font("sans", "B", 23)
    document.multi_cell(WIDTH, 9.8, one.title, align="L", new_x="LMARGIN", new_y="NEXT")
    _rule(document, 0.7, document.get_y() + 0.8)
    document.set_y(document.get_y() + 1.6 + style.gap)
    document.set_font("sans", "B", style.size)
    column = max(document.get_string_width(part.heading) for part in one.parts) + 3.0
    for part in one.parts:
        _part(document, part, style, column)
    _ticks(document, one.ticks, style)


def _part(document: FPDF, part: Part, style: Style, column: float) -> None:
    document.set_font("sans", "B", style.size)
    document.set_x(LEFT)
    document.cell(column, style.line, part.heading)
    document.set_font("sans", "", style.size)
    for number, line in enumerate(part.lines, start=1):
        x = LEFT + column
        if part.mark:
            document.set_x(x)
            document.cell(INDENT, style.line, f"{number}." if part.mark == "1" else "•")
            x += INDENT
        document.set_x(x)
        document.multi_cell(LEFT + WIDTH - x, style.line, line, align="L", new_x="LMARGIN", new_y="NEXT")
    document.set_y(document.get_y() + style.gap)


def _ticks(document: FPDF, ticks: Sequence[tuple[str, int]], style: Style) -> None:
    """A line for the day, below it a box for each set."""
    if not ticks:
        return
    first, n = LEFT + WIDTH - ROW, days(ticks)
    pitch = ROW / n
    document.set_font("sans", "B", SMALLEST)
    document.set_line_width(0.35)
    y = document.get_y() + 0.5
    document.set_xy(LEFT, y)
    document.cell(18.0, BOX, "Day")
    for day in range(n):
        document.line(first + day * pitch, y + BOX, first + (day + 1) * pitch - 3.0, y + BOX)
    y += BOX + 1.8
    for label, count in ticks:
        document.set_xy(LEFT, y)
        document.cell(18.0, BOX, label)
        for day in range(n):
            for k in range(count):
                document.rect(first + day * pitch + k * (BOX + 0.8), y, BOX, BOX)
        y += BOX + 1.6
    document.set_y(y + style.gap * 0.3)


def _notice_height(document: FPDF) -> float:
    document.set_font("sans", "", SMALLEST)
    lines = document.multi_cell(WIDTH, STYLES[-1].line, NOTICE, align="L", dry_run=True, output="LINES")
    return len(cast("list[str]", lines)) * STYLES[-1].line + 1.5


def _foot(document: FPDF) -> None:
    """The notice, at the bottom of the page."""
    y = max(BOTTOM - _notice_height(document), document.get_y())
    _rule(document, 0.3, y)
    document.set_xy(LEFT, y + 1.0)
    document.multi_cell(WIDTH, STYLES[-1].line, NOTICE, align="L", new_x="LMARGIN", new_y="NEXT")


def _rule(document: FPDF, width: float, y: float) -> None:
    document.set_line_width(width)
    document.line(LEFT, y, LEFT + WIDTH, y)
