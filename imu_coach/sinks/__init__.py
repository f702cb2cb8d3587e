"""Where updates go: the terminal view (:mod:`.console`), plain lines and JSON lines (:mod:`.lines`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from imu_coach.recording import Loss
    from imu_coach.settings import Setup
    from imu_coach.types import Event, Header, Health, Update


@dataclass(frozen=True)
class Session:
    """What a sink knows before the first update.

    Attributes
    ----------
    name : of the file
    angles : names, in the order of the updates
    meaning : by angle: what it is, its sign and its zero
    band_basis : what the bands rest on
    """

    name: str
    header: Header
    setup: Setup
    angles: tuple[str, ...]
    meaning: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    band_basis: str = ""


@dataclass
class Summary:
    """What was shown, in the end.

    Attributes
    ----------
    seconds : s, session time that was shown
    measured, estimated : share of the frames shown, by angle
    events : those shown, counted by kind
    health : the last counters, by sensor
    losses : damage of the file
    interrupted : stopped by hand
    """

    seconds: float = 0.0
    measured: dict[str, float] = field(default_factory=dict)
    estimated: dict[str, float] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    health: dict[str, Health] = field(default_factory=dict)
    losses: tuple[Loss, ...] = ()
    interrupted: bool = False


class Sink(Protocol):
    """Takes updates in order; presentation state only."""

    def begin(self, session: Session) -> None:
        """Before the first update."""
        ...

    def push(self, update: Update) -> None:
        """The next update."""
        ...

    def notice(self, text: str) -> None:
        """Something about the session itself that somebody must know at once, such as a full disk."""
        ...

    def close(self) -> None:
        """No more updates come, whatever the reason; a terminal is as it was."""
        ...

    def end(self, summary: Summary) -> None:
        """What was seen, also when interrupted; not after an error."""
        ...


class Tally:
    """Counts what a summary says."""

    def __init__(self, angles: tuple[str, ...]) -> None:
        self.angles = angles
        self.frames = 0
        self.measured, self.estimated = [0] * len(angles), [0] * len(angles)
        self.events: list[Event] = []
        self.health: dict[str, Health] = {}

    def push(self, update: Update) -> None:
        """Count one update."""
        from imu_coach.types import Source

        source = update.angles.source
        self.frames += len(source)
        for counts, code in ((self.measured, Source.MEASURED), (self.estimated, Source.ESTIMATED)):
            for i, n in enumerate((source == code).sum(axis=0).tolist()):
                counts[i] += n
        self.events += update.events
        self.health = dict(update.health)

    def summary(self, losses: tuple[Loss, ...], interrupted: bool) -> Summary:
        """The counts so far."""
        from imu_coach.conventions import FRAME_RATE

        n = max(1, self.frames)
        kinds: dict[str, int] = {}
        for e in self.events:
            kinds[e.kind] = kinds.get(e.kind, 0) + 1
        return Summary(
            self.frames / FRAME_RATE,
            {name: count / n for name, count in zip(self.angles, self.measured, strict=True)},
            {name: count / n for name, count in zip(self.angles, self.estimated, strict=True)},
            kinds,
            self.health,
            losses,
            interrupted,
        )
