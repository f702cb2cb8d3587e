"""The parts of a live session that are made when it begins, what is said meanwhile, and what is left afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from imu_coach.cli import common, keys, views
from imu_coach.cli.common import say
from imu_coach.cli.radio import Radio
from imu_coach.sinks import words

if TYPE_CHECKING:
    from imu_coach.intent import Agreed, Wanted
    from imu_coach.live import Session
    from imu_coach.settings import Setup
    from imu_coach.sinks import Sink, Tally
    from imu_coach.sources import Sensor
    from imu_coach.store import Person
    from imu_coach.types import Event, Header, Json, Update

LOOK = 0.25
"""s between two looks at the sensors' states."""


class Asked(NamedTuple):
    """What the options of a live session say."""

    virtual: bool
    layout: str | None
    filter: str
    wanted: Wanted
    person: str | None
    out: Path | None
    kept: bool
    shown: bool
    as_json: bool
    seconds: float | None
    seed: int
    force: bool


class Running:
    """The parts of a session that are made when it begins, and what is left of it afterwards."""

    def __init__(
        self,
        asked: Asked,
        path: Path | None,
        air: Radio,
        person: Person,
        sensors: list[Sensor],
        layout: str,
        agreed: Agreed,
    ) -> None:
        self.asked, self.path, self.air, self.person, self.sensors = asked, path, air, person, sensors
        self.layout, self.agreed = layout, agreed
        self.sink: Sink | None = None
        self.tally: Tally | None = None
        self.biases: dict[str, tuple[float, ...]] = {}
        self.session: Session | None = None
        self.asked_site = ""

    def header(self) -> Header:
        """What is known now that the sensors have begun."""
        import imu_coach
        from imu_coach.types import Header

        return Header(
            tuple(sensor.granted or sensor.wanted.info for sensor in self.sensors),
            started=datetime.now().astimezone().isoformat(timespec="seconds"),
            synthetic=self.air.virtual,
            source=f"live: {self.air.title}" if self.air.title else "live",
            person={"sensor_arm": self.person.arm} if self.person.arm else {},
            software=f"imu_coach {imu_coach.__version__}",
        )

    def setup(self, header: Header) -> Setup:
        """What was agreed, for these sensors."""
        from imu_coach import config

        return config.setup(header, self.layout, self.asked.filter, self.agreed.plan, self.agreed.rules)

    def rehearse(self) -> None:
        """What would be wrong is said before the sensors are switched on; what takes time is loaded by then."""
        from imu_coach.core.pipeline import Pipeline

        header = self.header()
        setup = self.setup(header)
        pipeline = Pipeline(header, setup)
        pipeline.push([])
        pipeline.flush()
        if self.asked.shown:
            views.about("", header, setup)
            views.sink(self.asked.as_json, "")

    def begin(self) -> Session:
        """Recorder, pipeline and view, with what the sensors have granted."""
        from imu_coach.core.pipeline import Pipeline
        from imu_coach.live import Recorder, Session, Shown
        from imu_coach.sinks import Tally

        header = self.header()
        for sensor in self.sensors:
            if sensor.granted is None:  # one that joins later must be as the recording says
                sensor.promised = header[sensor.wanted.site]
        recorder = None if self.path is None else Recorder(self.path, header, self.tell, overwrite=self.asked.force)
        if not self.asked.shown:
            say(f"recording to {common.shown(str(self.path))}")
            self.session = Session(recorder, None)
            return self.session
        setup = self.setup(header)
        about = views.about(self.path.name if self.path else "live", header, setup)
        self.sink, self.tally = views.sink(self.asked.as_json, "live", keys.HINT), Tally(about.angles)
        self.sink.begin(about)
        shown = Shown(self.sink, time.monotonic)
        self.session = Session(recorder, Pipeline(header, setup), (self.tally.push, self._captured, shown.push))
        return self.session

    def tell(self, text: str) -> None:
        """At once, wherever somebody looks."""
        if self.sink is not None:
            self.sink.notice(text)
        else:
            say(f"imu-coach: {text}")

    async def watching(self) -> None:
        """Say how each sensor is, whenever that changes; a view shows the rest itself."""
        from imu_coach.sources.problems import hint

        told: dict[str, str] = {}
        while True:
            for sensor in self.sensors:
                site, state = sensor.wanted.site, sensor.state
                trouble = str(sensor.problem) if sensor.problem is not None and state == "away" else ""
                now = trouble or state
                if told.get(site) == now or state == "connecting":
                    continue
                if self.sink is None or trouble:
                    line = trouble if trouble.startswith(site) else f"{words.site(site)} sensor: {now}"
                    more = hint(sensor.problem, sensor.wanted.address) if trouble else ""
                    self.tell(f"{line}. {more}" if more else line)
                if self.sink is None or trouble or state == "streaming":
                    told[site] = now
            await asyncio.sleep(LOOK)

    def _captured(self, update: Update) -> None:
        """Keep in mind what was measured of the sensors themselves, and where one is asked to be."""
        for site, bias in biases(update.events):
            self.biases[site] = bias
        for event in update.events:
            if event.kind == "resite_wanted":
                self.asked_site = str(event.detail["site"])

    def moved(self) -> dict[str, Json]:
        """The second sensor, that on the arm where there are three, sits where the coach asked for it."""
        sites = [sensor.wanted.site for sensor in self.sensors]
        arm = [site for site in sites if site in ("wrist", "upper_arm")]
        return {"sensor": (arm or sites)[-1], "site": self.asked_site}

    def end(self, interrupted: bool) -> None:
        """Say what was seen and where it is; remember the sensors."""
        if self.sink is not None and self.tally is not None:
            self.sink.close()
            self.sink.end(self.tally.summary((), interrupted))
        if self.session is None:
            say("ended before any sensor had begun; nothing was recorded")
        elif self.session.recorder is not None:
            lost = self.session.recorder.lost
            say(f"recorded in {self.path}" + (f", but for the last {lost} inputs" if lost else ""))
            say(f"see it again: imu-coach replay {self.path}")
        if not self.air.virtual:
            self._remember()

    def _remember(self) -> None:
        """Addresses and biases, for the next time."""
        from imu_coach.store import Store

        store, today = Store(), datetime.now().date().isoformat()
        known = {one.identity: one for one in store.sensors()}
        for sensor in self.sensors:
            one = known.get(sensor.wanted.identity)
            if one is None:
                continue
            new = one._replace(address=sensor.wanted.address)
            bias = self.biases.get(sensor.wanted.site)
            if bias is not None and len(bias) == 3:
                new = new._replace(bias=(bias[0], bias[1], bias[2]), bias_day=today)
            if new != one:
                store.keep(new)


def lower_timing(sensors: Iterable[Sensor]) -> Iterator[str]:
    """What to say of sensors whose times are worth less than those of others."""
    for sensor in sensors:
        if sensor.profile.timing:
            yield f"{words.site(sensor.wanted.site)} ({sensor.profile.title}): {sensor.profile.timing}"


def biases(events: Iterable[Event]) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Gyroscope biases (rad/s) that were captured, by sensor."""
    import numpy as np

    for event in events:
        found = event.detail.get("bias_deg_s")
        if event.kind == "calibrated" and event.sensor and isinstance(found, list | tuple):
            yield event.sensor, tuple(np.deg2rad(found).tolist())
