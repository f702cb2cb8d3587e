"""A recording through the pipeline, and what comes out of it."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from imu_coach import config, results
from imu_coach.conventions import FRAME_RATE, ISB_SIGN
from imu_coach.core.angles import ANGLES
from imu_coach.core.pipeline import Pipeline
from imu_coach.errors import ConfigError
from imu_coach.offline import offline
from imu_coach.settings import Setup
from imu_coach.types import WHY_TEXT, Angles, Event, Floats, Header, Health, Input, Json, Source, Update, Why

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from imu_coach.recording import Recording

RESULTS = ("realtime", "offline")
"""``realtime`` is what a live session showed, bit for bit; ``offline`` has no deadlines and knows the future."""

CHUNK = 6000
"""Inputs per push: a minute or two, so that what a push costs by itself does not count."""

BAND_BASIS = "simulated"
"""The 80 % bands come from simulated people; no human data stand behind them yet."""


@dataclass(frozen=True, eq=False)
class Result:
    """Angles, what was done, events, health and provenance of one recording.

    Attributes
    ----------
    name : "realtime" or "offline"
    block : :class:`~imu_coach.types.Angles` in radians
    events : in the order in which they were decided
    health : counters per sensor
    header : of the recording
    provenance : versions, setup, recording hash: enough to do it again
    trace : (n,) what repetitions are seen by during sets (rad, of a height m), NaN elsewhere
    turning : (n, s) how fast each sensor of the layout turns, rad/s, NaN where it is not sensed
    """

    name: str
    block: Angles
    events: tuple[Event, ...]
    counters: Mapping[str, Health]
    header: Header
    setup: Setup
    provenance: Mapping[str, Json]
    trace: Floats = field(default_factory=lambda: np.empty(0))
    turning: Floats = field(default_factory=lambda: np.empty((0, 0)))

    @property
    def angles(self) -> pd.DataFrame:
        """One row per frame (index ``t_s``), five columns per angle: ``_deg _low_deg _high_deg _source _why``."""
        return self.table()

    def table(self, isb: bool = False) -> pd.DataFrame:
        """The angle table; with ``isb``, ISB-signed values beside, in columns that end in ``_isb``."""
        sources = pd.CategoricalDtype([s.name.lower() for s in Source])
        reasons = pd.CategoricalDtype([w.name.lower() for w in Why])
        columns: dict[str, Any] = {}
        described: dict[str, Json] = {}
        block = self.block
        for i, name in enumerate(block.names):
            about = next(a for a in ANGLES if a.name == name)
            value = np.rad2deg(block.value[:, i])
            columns[f"{name}_deg"] = value
            columns[f"{name}_low_deg"] = np.rad2deg(block.low[:, i])
            columns[f"{name}_high_deg"] = np.rad2deg(block.high[:, i])
            columns[f"{name}_source"] = pd.Categorical.from_codes(block.source[:, i].astype(np.int8), dtype=sources)
            columns[f"{name}_why"] = pd.Categorical.from_codes(block.why[:, i].astype(np.int8), dtype=reasons)
            if isb:
                columns[f"{name}_deg_isb"] = ISB_SIGN[about.kind] * value
            described[name] = {
                "meaning": about.meaning,
                "kind": about.kind,
                "sign": SIGNS[about.kind],
                "zero": about.zero,
            }
        frame = pd.DataFrame(columns, index=pd.Index(block.index / FRAME_RATE, name="t_s"))
        frame.attrs = {
            "result": self.name,
            "synthetic": self.header.synthetic,
            "band": "80 %",
            "band_basis": BAND_BASIS,
            "angles": described,
            "why": {w.name.lower(): WHY_TEXT[w] for w in Why},
        }
        return frame

    @property
    def reps(self) -> pd.DataFrame:
        """One row per repetition, small, undone and added ones too; docs/events.md has the columns."""
        return results.reps(self.events, results.Turning(self.turning, self.setup.layout.sites, self.setup.plan))

    @property
    def holds(self) -> pd.DataFrame:
        """One row per hold."""
        return results.holds(self.events)

    @property
    def sets(self) -> pd.DataFrame:
        """One row per set."""
        return results.sets(self.events)

    @property
    def warnings(self) -> pd.DataFrame:
        """One row each time a rule was raised."""
        return results.warnings(self.events)

    @property
    def session(self) -> pd.DataFrame:
        """What it came to: a long table of quantities, by exercise and phase."""
        return results.session(self.events, self.block, self.reps, self.sets)

    @property
    def health(self) -> pd.DataFrame:
        """One row per sensor: the counters of :class:`~imu_coach.types.Health`."""
        return pd.DataFrame({sensor: asdict(h) for sensor, h in self.counters.items()}).T.rename_axis("sensor")

    def availability(self) -> pd.Series[float]:
        """Share of frames with a value, per angle."""
        shares = (self.block.source != Source.UNAVAILABLE).mean(axis=0) if len(self.block.index) else 0.0
        return pd.Series(shares, index=list(self.block.names), name="available")

    def plot(self, path: str | Path | None = None, **options: Any) -> Figure:
        """Traces with bands, unavailable spans hatched; see :func:`imu_coach.plot.plot`."""
        from imu_coach.plot import plot

        return plot(self, path, **options)


SIGNS = {
    "flexion": "flexion +, extension -",
    "lateral": "right bend +, left bend -",
    "rotation": "left rotation +, right rotation -",
}


def process(
    recording: Recording,
    setup: Setup | None = None,
    *,
    result: str = "realtime",
    progress: Callable[[float], None] | None = None,
) -> Result:
    """Run a recording through the pipeline.

    Parameters
    ----------
    recording : :class:`~imu_coach.recording.Recording`
    setup : layout, filter and deadlines; the recording's own layout with the defaults when None
    result : "realtime" (deadlines as in a live session) or "offline" (none, acausal)
    progress : called now and then with the session time reached, s

    Raises
    ------
    ConfigError : no layout fits the recording's sensors, or an unknown filter or result
    """
    if result not in RESULTS:
        raise ConfigError("", "result", f"unknown result {result!r}; there are: {', '.join(RESULTS)}")
    setup = setup or config.setup(recording.header)
    if result == "offline":
        updates: Iterable[Update] = [offline(recording.header, setup, recording.inputs())]
    else:
        updates = stream(recording, setup)
    return _gathered(updates, result, recording, setup, progress)


def _gathered(
    updates: Iterable[Update],
    name: str,
    recording: Recording,
    setup: Setup,
    progress: Callable[[float], None] | None,
) -> Result:
    """Everything of the updates that a result keeps."""
    parts: dict[str, list[Any]] = {key: [] for key in ("index", "value", "low", "high", "source", "why")}
    traces: list[Floats] = []
    turning: list[Floats] = []
    events: list[Event] = []
    names: tuple[str, ...] = ()
    health: Mapping[str, Health] = {}
    for update in updates:
        for key, arrays in parts.items():
            arrays.append(getattr(update.angles, key))
        traces.append(update.trace)
        turning.append(np.sqrt((update.frames.gyr**2).sum(axis=2)))
        events += update.events
        names, health = update.angles.names, update.health
        if progress is not None and len(update.angles.index):
            progress(float(update.angles.index[-1]) / FRAME_RATE)
    index, *columns = (np.concatenate(parts.pop(key)) for key in list(parts))  # one by one: half the memory
    block, about = Angles(index, names, *columns), provenance(recording, setup, name)
    more = (np.concatenate(traces), np.concatenate(turning))
    return Result(name, block, tuple(events), health, recording.header, setup, about, *more)


def load(path: str | Path) -> Recording:
    """Open a recording file."""
    from imu_coach.recording import Recording

    return Recording.open(path)


def stream(recording: Recording, setup: Setup) -> Iterator[Update]:
    """Updates of a recording, one after the other, in bounded memory."""
    pipeline = Pipeline(recording.header, setup)
    yield pipeline.push([])
    for chunk in _batches(recording.chunks()):
        yield pipeline.push(chunk)
    yield pipeline.flush()


def _batches(chunks: Iterator[list[Input]]) -> Iterator[list[Input]]:
    """Chunks joined to at least :data:`CHUNK` inputs."""
    batch: list[Input] = []
    for chunk in chunks:
        batch += chunk
        if len(batch) >= CHUNK:
            yield batch
            batch = []
    yield batch


def provenance(recording: Recording, setup: Setup, name: str) -> dict[str, Json]:
    """What was run on what."""
    settings = {"layout": setup.layout.name, "filter": setup.filter} | {
        key: getattr(setup, key) for key in ("wait", "hold", "settle")
    }
    bands = json.dumps(sorted((str(k), v) for k, v in {**setup.bands.band, **setup.bands.estimate}.items()))
    return {
        "software": {name: version(name) for name in ("imu-coach", "numpy", "scipy", "vqf", "ahrs")},
        "python": platform.python_version(),
        "result": name,
        "setup": settings,
        "plan": config.described_plan(setup.plan),
        "rules": config.described_rules(setup.rules),
        "plan_sha256": hashlib.sha256(repr((setup.plan, setup.rules)).encode()).hexdigest() if setup.plan else None,
        "bands_sha256": hashlib.sha256(bands.encode()).hexdigest(),
        "recording_sha256": recording.fingerprint(),
        "recording_source": recording.header.source,
        "synthetic": recording.header.synthetic,
        "band_basis": BAND_BASIS,
    }
