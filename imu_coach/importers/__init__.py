"""Foreign recordings: one call from files of any known kind to tracks on one clock.

``load({"upper_back": "back.csv", "sacrum": ("acc.csv", "gyr.csv")})`` recognises each file by its header or ending;
``columns`` (:meth:`Columns.parse`) tells what a table means that is not recognised.  Loggers that were started
separately are put on one clock with ``sync="tap"`` or ``sync="correlate"`` (:mod:`imu_coach.importers.sync`).

To add a kind of export, add a row to :data:`imu_coach.importers.vendors.VENDORS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from imu_coach.errors import ConfigError, ImportFileError
from imu_coach.importers import broad, table, vendors
from imu_coach.importers import sync as synchronise
from imu_coach.importers.columns import EXAMPLE, Columns, Track
from imu_coach.importers.layout import survey
from imu_coach.importers.sync import SyncReport

__all__ = ["KINDS", "Columns", "SyncReport", "Track", "load", "read"]

KINDS: Final = ("table", "arrays", *vendors.VENDORS)
"""What ``kind`` may be."""

METHODS: Final = {"tap": synchronise.tap, "correlate": synchronise.correlate}
"""What ``sync`` may be, beside ``none``."""

Files = str | Path | tuple[str | Path, str | Path]
Sync = Literal["none", "tap", "correlate"]


def read(path: Files, columns: Columns | None = None, kind: str | None = None) -> Track:
    """One sensor's recording.

    Parameters
    ----------
    path : the file; or (accelerometer, gyroscope) where an export has two
    columns : what the columns of a table mean; None: recognised by its header
    kind : one of :data:`KINDS`; None: recognised

    Returns
    -------
    :class:`Track` : on the clock of the file, losses kept as gaps between time stamps

    Raises
    ------
    ImportFileError
        a file that cannot be right: file, row, column, what to do next
    ConfigError
        a wrong option
    """
    if kind is not None and kind not in KINDS:
        raise ConfigError("", "kind", f"{kind!r} is not known; use {', '.join(KINDS)}")
    if isinstance(path, tuple):
        return read_pair(Path(path[0]), Path(path[1]), columns)
    path = Path(path)
    if kind == "arrays" or (kind is None and path.suffix.lower() in broad.LOADERS):
        return broad.read(path)
    if kind == "table" or (kind is None and columns is not None):
        if columns is None:
            raise ConfigError("", "columns", f"a table needs them; such as {EXAMPLE}")
        return table.read(path, columns)
    sheet = survey(path)
    found = vendors.recognise(sheet)
    if kind is not None and found != kind:
        title, listed = vendors.VENDORS[kind].title, ", ".join(sheet.names[:40])
        raise ImportFileError(path, f"not an export of {title}; there are: {listed}", sheet.header or None)
    if found is None:
        problem = f"unknown header; say what the columns mean, such as columns={EXAMPLE}"
        raise ImportFileError(path, f"{problem}; there are: {', '.join(sheet.names[:40])}", sheet.header or None)
    return vendors.VENDORS[found].read(path, sheet)


def read_pair(acc: Path, gyr: Path, columns: Columns | None) -> Track:
    """Accelerometer and gyroscope from two files with one clock."""
    if columns is not None:
        return table.read_pair(acc, gyr, columns)
    for path in (acc, gyr):
        sheet = survey(path)
        if vendors.recognise(sheet) != "metabase":
            problem = f"unknown header for one of two files; say what the columns mean, such as columns={EXAMPLE}"
            raise ImportFileError(path, f"{problem}; there are: {', '.join(sheet.names[:40])}", sheet.header or None)
    return vendors.read_metabase_pair(acc, gyr)


def load(
    files: Mapping[str, Files],
    *,
    columns: Columns | None = None,
    kind: str | None = None,
    sync: Sync = "none",
    max_lag: float = synchronise.MAX_LAG,
) -> tuple[dict[str, Track], SyncReport | None]:
    """All sensors of a recording, on one clock that begins at 0 s.

    Parameters
    ----------
    files : sensor name -> file, or (accelerometer, gyroscope)
    columns, kind : as for :func:`read`, for all files
    sync : ``none``: the files share a clock; ``tap``, ``correlate``: they do not
    max_lag : s, how far apart the loggers may have been started

    Returns
    -------
    tracks : sensor name -> :class:`Track`, in the order of ``files``
    report : what the synchronisation found and how well, None without

    Raises
    ------
    ImportFileError, ConfigError
        as :func:`read`; and recordings that do not overlap or cannot be synchronised
    """
    if not files:
        raise ConfigError("", "files", "no files; give at least one sensor")
    if sync not in ("none", *METHODS):
        raise ConfigError("", "sync", f"{sync!r} is not known; use none, {', '.join(METHODS)}")
    owner: dict[Path, str] = {}
    for sensor, path in files.items():
        for one in {Path(p) for p in (path if isinstance(path, tuple) else (path,))}:
            if one in owner:
                raise ConfigError("", "files", f"{sensor!r} has a file of {owner[one]!r}; each sensor has its own")
            owner[one] = sensor
    tracks = {sensor: read(path, columns, kind) for sensor, path in files.items()}
    report = None
    if sync != "none":
        tracks, report = METHODS[sync](tracks, max_lag=max_lag)
    last = max(tracks, key=lambda sensor: float(tracks[sensor].t[0]))
    for sensor, track in tracks.items():
        if track.t[-1] <= tracks[last].t[0] and sensor != last:
            path = next(one for one, name in owner.items() if name == last)
            raise ImportFileError(path, f"begins after {sensor!r} ends; use sync=tap or sync=correlate")
    origin = min(track.t[0] for track in tracks.values())
    return {sensor: track._replace(t=track.t - origin) for sensor, track in tracks.items()}, report
