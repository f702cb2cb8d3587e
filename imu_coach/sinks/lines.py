"""A session as lines of text: for people who pipe it into a file, and as JSON lines for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from imu_coach import config, phrases
from imu_coach.conventions import FRAME_RATE
from imu_coach.sinks import Session, Summary, words
from imu_coach.sinks.progress import Progress, quiet
from imu_coach.types import Angles, Event, Source, Update, Why

SCHEMA = "imu_coach/1"
SOURCES = {int(s): s.name.lower() for s in Source}
REASONS = {int(w): w.name.lower() for w in Why}
Write = Callable[[str], None]


def interleaved(update: Update, every: int) -> Iterator[Event | int]:
    """Events and the rows of every n-th frame, in the order of time; an event comes before the frame it decided."""
    events = list(update.events)
    for row in np.flatnonzero(update.angles.index % every == 0).tolist():
        frame = int(update.angles.index[row])
        while events and events[0].decided <= frame:
            yield events.pop(0)
        yield row
    yield from events


def state(why: int) -> str:
    """What one sensor does, from its reason code."""
    return words.STATES[why] if why < len(words.STATES) else REASONS[why]


class Lines:
    """One line a second of the session, and one for each event."""

    def __init__(self, write: Write) -> None:
        self.write = write
        self.session: Session | None = None
        self.progress = Progress()

    def begin(self, session: Session) -> None:
        """A heading that says what the lines are."""
        self.session = session
        self.progress = Progress.following(session)
        made = " SYNTHETIC (simulated, not a person)." if session.header.synthetic else ""
        self.write(f"# {words.clean(session.name)}: {session.setup.layout.title}.{made}")
        self.write(f"# Angles in degrees with their 80 % band; ~ is estimated. {words.NOTICE}")

    def push(self, update: Update) -> None:
        """Lines of an update."""
        assert self.session is not None
        for item in interleaved(update, int(FRAME_RATE)):
            if isinstance(item, Event):
                self.progress.push(item)
                if not quiet(item):
                    self.write(f"{max(item.decided, 0) / FRAME_RATE:8.2f} s  * {words.event(item)}")
                continue
            seen = zip(self.session.setup.layout.sites, update.frames.why[item].tolist(), strict=True)
            sensors = ", ".join(f"{site} {state(why)}" for site, why in seen)
            at = int(update.angles.index[item]) / FRAME_RATE
            doing = self.progress.told()
            parts = [sensors, *([doing] if doing else []), *_told(update.angles, item)]
            self.write(f"{at:8.2f} s  {'; '.join(parts)}")

    def notice(self, text: str) -> None:
        """A line of its own."""
        self.write(f"          ! {words.clean(text)}")

    def close(self) -> None:
        """Nothing to release."""

    def end(self, summary: Summary) -> None:
        """What was seen."""
        for line in summary_lines(summary):
            self.write(f"# {line}")


def _told(a: Angles, row: int) -> list[str]:
    """The angles of one frame; those not measured together, by reason."""
    told: list[str] = []
    missing: dict[str, list[str]] = {}
    for i, name in enumerate(a.names):
        source = int(a.source[row, i])
        if source == Source.UNAVAILABLE:
            missing.setdefault(words.SHORT[REASONS[int(a.why[row, i])]], []).append(name)
            continue
        value, low, high = (round(float(np.rad2deg(x[row, i]))) for x in (a.value, a.low, a.high))
        told.append(f"{name} {'~' if source == Source.ESTIMATED else ''}{value} [{low} {high}]")
    if not told and len(missing) == 1:
        return [f"nothing measured: {next(iter(missing))}"]
    return told + [f"not measured ({reason}): {', '.join(names)}" for reason, names in missing.items()]


def summary_lines(summary: Summary) -> list[str]:
    """The end of a session in words."""
    stopped = " (stopped by hand)" if summary.interrupted else ""
    lines = [f"{words.span(summary.seconds)} shown{stopped}"]
    for name, measured in summary.measured.items():
        estimated = summary.estimated[name]
        parts = [f"measured {words.percent(measured)}"] if measured else []
        parts += [f"estimated {words.percent(estimated)}"] if estimated else []
        lines.append(f"{words.angle(name)}: {', '.join(parts) + ' of the time' if parts else 'not measured'}")
    for sensor, health in summary.health.items():
        share = health.lost / max(1, health.lost + health.samples)
        lines.append(f"{words.site(sensor)} sensor: {health.samples} samples, lost {words.percent(share)}")
    told = ", ".join(f"{n} {words.kind(kind)}" for kind, n in summary.events.items())
    lines.append(f"events: {told or 'none'}")
    return lines


class JsonLines:
    """``header``, ``frame`` at 10 Hz, ``event``, ``health``, ``notice`` (live only), ``end``: objects, one per line."""

    def __init__(self, write: Write) -> None:
        self.write = write
        self.session: Session | None = None
        self.progress = Progress()
        self.told = -math.inf

    def begin(self, session: Session) -> None:
        """What the numbers mean."""
        self.session = session
        self.progress = Progress.following(session)
        header, setup = session.header, session.setup
        self._put(
            "header",
            file=session.name,
            started=header.started,
            synthetic=header.synthetic,
            source=header.source,
            sensors=[{"sensor": s.sensor, "driver": s.driver, "rate_hz": s.rate} for s in header.sensors],
            layout=setup.layout.name,
            filter=setup.filter,
            plan=config.described_plan(setup.plan),
            rules=config.described_rules(setup.rules),
            frame_rate_hz=FRAME_RATE,
            angles={name: session.meaning.get(name, {}) for name in session.angles},
            band="80 %",
            band_basis=session.band_basis,
            notice=words.NOTICE,
        )

    def push(self, update: Update) -> None:
        """Objects of an update."""
        assert self.session is not None
        sites = self.session.setup.layout.sites
        for item in interleaved(update, int(FRAME_RATE) // 10):
            if isinstance(item, Event):
                self._event(item)
                continue
            t = int(update.angles.index[item]) / FRAME_RATE
            sensors = {site: state(int(update.frames.why[item, k])) for k, site in enumerate(sites)}
            coach = self.progress.state() if self.session.setup.plan is not None else None
            self._put("frame", t_s=t, sensors=sensors, angles=_angles(update.angles, item), coach=coach)
        if len(update.angles.index) and (now := int(update.angles.index[-1]) / FRAME_RATE) >= self.told + 1.0:
            self.told = now
            self._put("health", t_s=now, sensors={s: asdict(h) for s, h in update.health.items()})

    def notice(self, text: str) -> None:
        """An object of its own."""
        self._put("notice", text=words.clean(text))

    def close(self) -> None:
        """Nothing to release."""

    def end(self, summary: Summary) -> None:
        """What was seen."""
        self._put(
            "end",
            shown_s=summary.seconds,
            interrupted=summary.interrupted,
            measured=summary.measured,
            estimated=summary.estimated,
            events=summary.events,
            health={s: asdict(h) for s, h in summary.health.items()},
            losses=[loss._asdict() for loss in summary.losses],
        )

    def _event(self, e: Event) -> None:
        self.progress.push(e)
        at, onset = max(e.decided, 0) / FRAME_RATE, max(e.onset, 0) / FRAME_RATE
        about = {"kind": e.kind, "sensor": e.sensor, "detail": dict(e.detail), "text": words.event(e)}
        about |= {"say": phrases.said(e), "priority": phrases.priority(e)}
        self._put("event", t_s=at, onset_s=onset, **about)

    def _put(self, type: str, **content: Any) -> None:
        self.write(json.dumps({"schema": SCHEMA, "type": type, **finite(content)}, allow_nan=False))


def _angles(a: Angles, row: int) -> dict[str, dict[str, Any]]:
    """One frame, degrees; null where there is no value."""
    values = [np.rad2deg(x[row]).tolist() for x in (a.value, a.low, a.high)]
    return {
        name: {
            "value_deg": values[0][i],
            "low_deg": values[1][i],
            "high_deg": values[2][i],
            "source": SOURCES[int(a.source[row, i])],
            "why": REASONS[int(a.why[row, i])],
        }
        for i, name in enumerate(a.names)
    }


def finite(value: Any) -> Any:
    """JSON has no NaN: null instead."""
    if isinstance(value, Mapping):
        return {str(key): finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
