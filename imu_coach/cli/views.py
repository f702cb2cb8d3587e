"""Where a session is shown: a terminal view, lines or JSON lines, and what they need to know of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from imu_coach.cli import common

if TYPE_CHECKING:
    from imu_coach.settings import Setup
    from imu_coach.sinks import Session, Sink
    from imu_coach.types import Header


def on_terminal(as_json: bool) -> bool:
    """Whether a person looks at it."""
    return sys.stdout.isatty() and not as_json


def sink(as_json: bool, pace: str, hint: str = "Ctrl-C stops.") -> Sink:
    """The view that fits where standard output goes; ``pace`` and ``hint`` are shown on a terminal."""
    if on_terminal(as_json):
        from imu_coach.sinks.console import ConsoleView

        return ConsoleView(common.out_console(), pace, hint)
    from imu_coach.sinks.lines import JsonLines, Lines

    return JsonLines(common.put) if as_json else Lines(common.put)


def about(name: str, header: Header, setup: Setup) -> Session:
    """What a sink is told before the first update."""
    from imu_coach.core.angles import angles_of
    from imu_coach.run import BAND_BASIS, SIGNS
    from imu_coach.sinks import Session

    angles = angles_of(setup.places())
    meaning = {a.name: {"meaning": a.meaning, "sign": SIGNS[a.kind], "zero": a.zero} for a in angles}
    return Session(name, header, setup, tuple(meaning), meaning, BAND_BASIS)
