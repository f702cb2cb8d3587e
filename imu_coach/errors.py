"""Every error a user of this package can meet.  Bad data is a value, bad use is one of these, anything else is a bug.

::

    ImuCoachError                  exit code 2, one line, never a traceback
    +- ConfigError                 a layout, setup or option: file, key, what is allowed
    +- RecordingError              a recording file: path
    |   +- NotARecording           another kind of file, or empty
    |   +- NewerFormat             written by a later version of imu_coach
    |   +- Truncated               cut or damaged; the reader yields everything around the damage first
    +- ImportFileError             a foreign file: path, row, column
    +- DecodeError                 one payload; counted by the core, never stops a session
    +- ExportError                 a format that cannot hold what was asked
    +- SourceError                 a live source
        +- SensorNotFound          the name asked for, and the names seen
        +- BluetoothUnavailable    no adapter, switched off, or not allowed: why, and what to do
        +- ConnectionLost          a sensor that does not come back

Any other exception is a defect of imu_coach: please report it.
"""

from __future__ import annotations

from pathlib import Path


class ImuCoachError(Exception):
    """Base of all errors that are the input's fault; the message ends in what to do next."""


class ConfigError(ImuCoachError):
    """A wrong option, layout or setup value."""

    def __init__(self, file: str | Path, key: str, problem: str) -> None:
        self.file, self.key, self.problem = str(file), key, problem
        where = ": ".join(part for part in (self.file, key) if part)
        super().__init__(f"{where}: {problem}" if where else problem)


class RecordingError(ImuCoachError):
    """A recording that cannot be used as asked."""

    def __init__(self, path: str | Path, problem: str) -> None:
        self.path, self.problem = str(path), problem
        super().__init__(f"{self.path}: {problem}")


class NotARecording(RecordingError):
    """The file is empty or of another kind."""


class NewerFormat(RecordingError):
    """The file was written in a format later than this version reads."""


class Truncated(RecordingError):
    """The file is cut or damaged at ``offset``; inputs up to ``last_t`` (s, or None) were read."""

    def __init__(self, path: str | Path, problem: str, offset: int, last_t: float | None) -> None:
        self.offset, self.last_t = offset, last_t
        super().__init__(path, problem)


class ImportFileError(ImuCoachError):
    """A foreign file that cannot be read; names the file, the row (1-based, as an editor shows it) and the column."""

    def __init__(self, path: str | Path, problem: str, row: int | None = None, column: str | None = None) -> None:
        self.path, self.problem, self.row, self.column = str(path), problem, row, column
        where = self.path
        where += f", row {row}" if row is not None else ""
        where += f", column {column!r}" if column is not None else ""
        super().__init__(f"{where}: {problem}")


class DecodeError(ImuCoachError):
    """A payload that does not follow its protocol."""

    def __init__(self, sensor: str, payload: bytes, problem: str) -> None:
        self.sensor, self.payload, self.problem = sensor, payload, problem
        super().__init__(f"{sensor}: {problem} ({len(payload)} bytes)")


class ExportError(ImuCoachError):
    """An export format that cannot hold what was asked of it."""

    def __init__(self, format: str, problem: str) -> None:
        self.format, self.problem = format, problem
        super().__init__(f"{format}: {problem}")


class SourceError(ImuCoachError):
    """A live source that cannot be used."""


class SensorNotFound(SourceError):
    """A sensor that was asked for is not there."""

    def __init__(self, name: str, seen: tuple[str, ...]) -> None:
        self.name, self.seen = name, seen
        super().__init__(f"no sensor {name!r}; there are: {', '.join(seen) or 'none'}")


class BluetoothUnavailable(SourceError):
    """There is no radio to use; ``reason`` says why and what to do."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"Bluetooth cannot be used: {reason}")


class ConnectionLost(SourceError):
    """A sensor could not be reached in ``attempts`` attempts."""

    def __init__(self, sensor: str, attempts: int) -> None:
        self.sensor, self.attempts = sensor, attempts
        super().__init__(
            f"{sensor}: not reached in {attempts} attempts; is it charged, on, near, and not held by another program?"
        )
