"""``imu-coach import`` and ``simulate``: recordings from other people's files, and from simulated people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

import click

from imu_coach.cli import common
from imu_coach.cli.common import say
from imu_coach.conventions import SITES
from imu_coach.errors import ConfigError
from imu_coach.sinks import words

Files: TypeAlias = Path | tuple[Path, Path]
Sync: TypeAlias = Literal["none", "tap", "correlate"]
KINDS = "table, arrays, or a vendor's name; recognised by its header when left out."
COLUMNS = "What the columns of a table mean, such as time=ms:ms,acc=ax;ay;az:g,gyr=gx;gy;gz:deg/s"


@click.command("import", short_help="Make a recording from tables of other loggers.")
@click.argument("files", nargs=-1, required=True, metavar="SENSOR=FILE...")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The recording to write (.mcap).")
@click.option("--columns", metavar="SPEC", help=COLUMNS)
@click.option("--kind", metavar="KIND", help=KINDS)
@click.option("--rate", type=float, metavar="HZ", help="Sample rate, for files without times; else it is checked.")
@click.option("--neutral", metavar="T0:T1", help="Seconds during which the person stands tall: the zero.")
@click.option("--label", "labels", multiple=True, metavar="T0:T1=NAME", help="A posture or calibration pose; repeat.")
@click.option(
    "--mounting", "mountings", multiple=True, metavar="SENSOR=w,x,y,z", help="Known body_from_sensor quaternion."
)
@click.option(
    "--sync",
    default="none",
    show_default=True,
    type=click.Choice(["none", "tap", "correlate"]),
    help="Loggers started separately: by taps all of them felt, or by their motion.",
)
@common.force_option
def import_(
    files: tuple[str, ...],
    out: Path,
    columns: str | None,
    kind: str | None,
    rate: float | None,
    neutral: str | None,
    labels: tuple[str, ...],
    mountings: tuple[str, ...],
    sync: Sync,
    force: bool,
) -> None:
    """Make a recording from tables of other loggers, one SENSOR=FILE per sensor.

    SENSOR is where it was worn: upper_back, thoracolumbar, sacrum, wrist or upper_arm. Where an export has two files,
    name the sensor twice, accelerometer first. Times of --neutral and --label count from the first sample.

    \b
    imu-coach import upper_back=back.csv wrist=arm.csv --neutral 5:9 --label 20:60=seated -o session.mcap
    """
    from imu_coach import importers
    from imu_coach.importers import Columns
    from imu_coach.recording import Recording

    by_sensor = _files(files)
    paths = [path for one in by_sensor.values() for path in (one if isinstance(one, tuple) else (one,))]
    common.fresh(out, force, *paths)
    spans = [_label(text) for text in labels]
    zero = _span(neutral, "--neutral") if neutral else None
    mounting = dict(_mounting(text) for text in mountings)
    meaning = Columns.parse(_with_rate(columns, rate)) if columns else None
    with common.progress("reading"):
        tracks, report = importers.load(by_sensor, columns=meaning, kind=kind, sync=sync)
        recording = Recording.from_arrays(
            {sensor: (track.t, track.acc, track.gyr) for sensor, track in tracks.items()},
            rate=rate,
            neutral=zero,
            mounting=mounting,
            labels=spans,
            source=_source({sensor: track.source for sensor, track in tracks.items()}),
        )
        recording.save(out, overwrite=force)
    for line in report.text().splitlines() if report else ():
        say(line)
    for sensor, track in tracks.items():
        seconds = float(track.t[-1] - track.t[0])
        say(f"{sensor}: {len(track.t)} samples over {words.span(seconds)} ({track.source})")
    if zero is None and not any(name == "stand_tall" for _, _, name in spans) and not mounting:
        say("no --neutral: angles stay unavailable until a stand_tall label or a mounting is given")
    say(f"{out}: written")


def _files(texts: tuple[str, ...]) -> dict[str, Files]:
    """``SENSOR=FILE`` each; a sensor given twice has an accelerometer and a gyroscope file."""
    found: dict[str, list[Path]] = {}
    for text in texts:
        sensor, equals, path = text.partition("=")
        if not equals or not path:
            raise ConfigError("", text, "is not SENSOR=FILE, such as upper_back=back.csv")
        if sensor not in SITES:
            raise ConfigError("", "sensor", f"unknown {sensor!r}; there are: {', '.join(SITES)}")
        found.setdefault(sensor, []).append(Path(path))
    for sensor, paths in found.items():
        if len(paths) > 2:
            raise ConfigError("", sensor, "has more than two files; an accelerometer and a gyroscope file at most")
    return {sensor: (paths[0], paths[1]) if len(paths) == 2 else paths[0] for sensor, paths in found.items()}


def _with_rate(columns: str, rate: float | None) -> str:
    """A table without a time column needs the rate as well."""
    keys = {part.partition("=")[0].strip() for part in columns.split(",")}
    return f"{columns},rate={rate!r}" if rate is not None and not keys & {"rate", "time"} else columns


def _span(text: str, key: str) -> tuple[float, float]:
    begin, colon, end = text.partition(":")
    try:
        span = float(begin), float(end)
    except ValueError:
        span = math.nan, math.nan
    if not colon or not 0 <= span[0] < span[1] < math.inf:
        raise ConfigError("", key, f"{text!r} is not T0:T1 in seconds, such as 5:9")
    return span


def _label(text: str) -> tuple[float, float, str]:
    from imu_coach.core.angles import POSTURES
    from imu_coach.recording.arrays import POSES

    span, equals, name = text.partition("=")
    if not equals or name not in (*POSTURES, *POSES):
        allowed = ", ".join((*POSTURES, *sorted(POSES)))
        raise ConfigError("", "--label", f"{text!r} is not T0:T1=NAME; names are: {allowed}")
    return (*_span(span, "--label"), name)


def _mounting(text: str) -> tuple[str, tuple[float, ...]]:
    sensor, _, numbers = text.partition("=")
    try:
        q = tuple(float(part) for part in numbers.split(","))
    except ValueError:
        q = ()
    if sensor not in SITES or len(q) != 4:
        raise ConfigError("", "--mounting", f"{text!r} is not SENSOR=w,x,y,z")
    return sensor, q


def _source(sources: Mapping[str, str]) -> str:
    kinds = list(dict.fromkeys(words.clean(text) for text in sources.values()))
    return f"imported: {'; '.join(kinds)}"[:900]


# --- simulate -------------------------------------------------------------------------------------------------------


@click.command(short_help="Simulate a person and record the session.")
@click.argument("script", required=False)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The recording to write (.mcap).")
@click.option("--list", "listing", is_flag=True, help="List the scripts.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Another seed, another person.")
@click.option("--sensors", default="upper_back,wrist", show_default=True, help="Where sensors are worn.")
@click.option("--truth", type=click.Path(path_type=Path), help="Also write what really happened (.csv).")
@click.option("--loss", type=click.FloatRange(0, 1), default=0.0, help="Share of radio packets lost, 0 to 1.")
@common.force_option
def simulate(
    script: str | None,
    out: Path | None,
    listing: bool,
    seed: int,
    sensors: str,
    truth: Path | None,
    loss: float,
    force: bool,
) -> None:
    """Simulate a person, the sensors and the radio, and record that session. The result is marked SYNTHETIC."""
    from imu_coach import synthetic

    if listing:
        for name in synthetic.SCRIPTS:
            common.put(name)
        return
    if script is None or out is None:
        raise click.UsageError("a script and -o OUT are needed; see: imu-coach simulate --list")
    if script not in synthetic.SCRIPTS:
        raise ConfigError("", "script", f"unknown {script!r}; there are: {', '.join(synthetic.SCRIPTS)}")
    sites = tuple(dict.fromkeys(part.strip() for part in sensors.split(",")))
    for site in sites:
        if site not in SITES:
            raise ConfigError("", "--sensors", f"unknown {site!r}; there are: {', '.join(SITES)}")
    common.fresh(out, force)
    if truth is not None:
        common.fresh(truth, force, out)
        if truth.resolve() == out.resolve():
            raise ConfigError("", "--truth", "is the recording; choose another name")
    from imu_coach.recording import Recording

    with common.progress("simulating"):
        made = synthetic.simulate(script, seed=seed, sensors=sites, faults=synthetic.Faults(loss=loss))
        Recording.of(made.header, made.inputs).save(out, overwrite=force)
        if truth is not None:
            made.truth.to_csv(truth)
    say(f"{out}: SYNTHETIC session, {words.span(made.inputs[-1].arrived_ns / 1e9)}, {', '.join(sites)}, seed {seed}")
    if truth is not None:
        say(f"{truth}: what really happened in it")
