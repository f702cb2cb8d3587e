"""The terminal view: sensors, angles and recent events, calm, redrawn in place.

What is measured is solid, what is estimated has a tilde and a hatched bar, what is not measured is dim and says why.
Nothing is green: a number is not a verdict.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from imu_coach.conventions import FRAME_RATE
from imu_coach.sinks import Session, Summary, words
from imu_coach.sinks.lines import REASONS, state, summary_lines
from imu_coach.sinks.progress import Progress, quiet
from imu_coach.types import WHY_TEXT, Angles, Event, Health, Source, Update, Why

SCALE = 90.0
"""deg at either end of a bar."""
CELLS = 37
NARROW, WIDE = 92, 140
"""Columns below which there is no room for bars, and from which on there is room for advice beside a reason."""
FRAME_LINES = 9
"""Lines of the view that are neither sensors, angles nor events."""
MOST_EVENTS = 6

SOLID, HATCHED, MARK, ZERO = "━", "╌", "┃", "┊"
PLAIN = {SOLID: "=", HATCHED: "-", MARK: "|", ZERO: ":"}

STYLE = {"ok": "", "not started": "dim", "no data": "bold yellow", "settling": "yellow"}


class ConsoleView:
    """A live view on a terminal."""

    def __init__(self, console: Console, pace: str, hint: str = "Ctrl-C stops.") -> None:
        self.console, self.pace, self.hint = console, pace, hint
        self.session: Session | None = None
        self.live: Live | None = None
        self.events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self.noticed = ""
        self.progress = Progress()
        self.plain = "utf" not in console.encoding.lower()

    def begin(self, session: Session) -> None:
        """Start drawing."""
        self.session = session
        self.progress = Progress.following(session)
        self.live = Live(console=self.console, auto_refresh=False, transient=True)
        self.live.start()

    def push(self, update: Update) -> None:
        """Draw the newest frame."""
        assert self.live is not None
        for e in update.events:
            self.progress.push(e)
        self.events += [e for e in update.events if not quiet(e)]
        if len(update.angles.index):
            self.live.update(self.view(update), refresh=True)

    def notice(self, text: str) -> None:
        """Say it above the sensors from now on, with a beep."""
        self.noticed = words.clean(text)
        self.console.bell()

    def close(self) -> None:
        """Stop drawing."""
        if self.live is not None:
            self.live.stop()

    def end(self, summary: Summary) -> None:
        """Say what was seen."""
        for e in self.events:
            self.console.print(self._event(e))
        for line in (*summary_lines(summary), *([self.noticed] if self.noticed else [])):
            self.console.print(Text(line))
        self.console.print(Text(f"80 % bands from simulated people. {words.NOTICE}", style="dim"))

    def view(self, update: Update) -> RenderableType:
        """The newest frame of an update."""
        assert self.session is not None
        t = int(update.angles.index[-1]) / FRAME_RATE
        sensors, angles = self._sensors(update), self._angles(update.angles)
        doing = self._doing()
        room = self.console.size.height - FRAME_LINES - sensors.row_count - angles.row_count - len(doing)
        shown = list(self.events)[-max(1, room) :]
        events = [self._event(e) for e in shown] or [Text("  no events yet", style="dim")]
        foot = Text(f"80 % bands from simulated people. {words.NOTICE}  {self.hint}", style="dim")
        return Group(self._head(t), Text(), *doing, sensors, Text(), angles, Text(), *events, Text(), foot)

    def _head(self, t: float) -> RenderableType:
        assert self.session is not None
        head = Table.grid(expand=True, padding=(0, 1))
        head.add_column(no_wrap=True, overflow="ellipsis")
        head.add_column(justify="right", no_wrap=True)
        name = Text(words.clean(self.session.name), style="bold")
        if self.session.header.synthetic:
            name = Text.assemble((" SYNTHETIC ", "reverse"), " ", name)
        pace = f"  {self.pace}" if self.pace else ""
        head.add_row(name, Text(f"{words.clock(t)}{pace}", style="bold"))
        head.add_row(Text(self.session.setup.layout.title, style="dim"), Text(self.session.setup.filter, style="dim"))
        return head

    def _doing(self) -> list[Text]:
        """What was noticed, is being done, is raised and cannot be judged, with a line between it and the rest."""
        progress = self.progress
        if not progress.phase and not progress.warnings and not self.noticed:
            return []
        lines = [Text(f"  ! {self.noticed}", style="bold yellow")] if self.noticed else []
        lines += [Text(f"  {words.clean(progress.told())}", style="bold")] if progress.phase else []
        lines += [Text(f"  ! {words.clean(text)}", style="yellow") for text in progress.warnings.values()]
        if progress.not_judged:
            lines.append(Text(f"  not judged: {', '.join(progress.not_judged.values())}", style="dim"))
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        return [*lines, Text()]

    def _sensors(self, update: Update) -> Table:
        assert self.session is not None
        table = Table.grid(padding=(0, 2))
        for k, site in enumerate(self.session.setup.layout.sites):
            word = state(int(update.frames.why[-1, k])) if len(update.frames.why) else "not started"
            health = update.health.get(site, Health())
            lost = health.lost / max(1, health.lost + health.samples)
            battery = "" if health.battery is None else f"battery {words.percent(health.battery)}"
            table.add_row(
                Text(f"  {words.site(site)}"),
                Text(word, style=STYLE.get(word, "")),
                Text(battery, style="dim" if (health.battery or 1.0) > 0.2 else "bold"),
                Text(f"lost {words.percent(lost)}", style="dim"),
            )
        return table

    def _angles(self, a: Angles) -> Table:
        bars = self.console.size.width >= NARROW
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True, width=7)
        if bars:
            table.add_column(no_wrap=True, width=CELLS)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for i, name in enumerate(a.names):
            source = int(a.source[-1, i])
            label = Text(f"  {words.angle(name)}", style="dim" if source == Source.UNAVAILABLE else "")
            if source == Source.UNAVAILABLE:
                code = int(a.why[-1, i])
                why = WHY_TEXT[Why(code)] if self.console.size.width >= WIDE else words.SHORT[REASONS[code]]
                cells = [label, Text("-", style="dim")] + ([self._empty()] if bars else [])
                table.add_row(*cells, Text(f"not measured: {why}", style="dim"))
                continue
            value, low, high = (round(float(np.rad2deg(x[-1, i]))) for x in (a.value, a.low, a.high))
            estimated = source == Source.ESTIMATED
            number = Text(f"{'~' if estimated else ''}{value}°", style="cyan" if estimated else "bold")
            cells = [label, number] + ([self._bar(value, low, high, estimated)] if bars else [])
            table.add_row(*cells, Text(f"{low}° to {high}°{'  estimated' if estimated else ''}"))
        return table

    def _empty(self) -> Text:
        return self._drawn([" "] * CELLS, "dim")

    def _bar(self, value: int, low: int, high: int, estimated: bool) -> Text:
        """The band on a scale from -90 to 90 deg, with a mark at the value."""
        cells = [" "] * CELLS
        first, last = _cell(low), _cell(high)
        cells[first : last + 1] = [HATCHED if estimated else SOLID] * (last - first + 1)
        cells[_cell(value)] = MARK
        return self._drawn(cells, "cyan" if estimated else "")

    def _drawn(self, cells: list[str], style: str) -> Text:
        if cells[CELLS // 2] == " ":
            cells[CELLS // 2] = ZERO
        return Text("".join(PLAIN.get(c, c) for c in cells) if self.plain else "".join(cells), style=style)

    def _event(self, e: Event) -> Text:
        line = Text.assemble((f"  {words.clock(max(e.decided, 0) / FRAME_RATE):>7} ", "dim"), words.event(e))
        line.no_wrap, line.overflow = True, "ellipsis"
        return line


def _cell(degrees: float) -> int:
    """The cell of an angle; beyond the scale, the outermost."""
    return int(np.clip(round((degrees + SCALE) / (2 * SCALE) * (CELLS - 1)), 0, CELLS - 1))
