"""A session as its inputs, on disk or in memory, read back as recorded or not at all.

The file is MCAP; :mod:`imu_coach.recording.format` says what is in it, :mod:`imu_coach.recording.writer` how it gets
there.  Nothing that fails a checksum is returned.  Damage that changes nothing is not reported: in MCAP's own header,
in the times in a chunk's head, in a compressed bit that unpacks to the same, and in all that follows the last copy of
the header (the index that other programs use).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from imu_coach.errors import NewerFormat, NotARecording, RecordingError, Truncated
from imu_coach.recording import format as form
from imu_coach.recording.arrays import Arrays, inputs_from_arrays
from imu_coach.recording.reader import Loss, Reading
from imu_coach.recording.scan import MAGIC, Scan
from imu_coach.recording.writer import Writer
from imu_coach.types import Header, Input

__all__ = ["Loss", "Recording", "Writer", "repair"]

BATCH = 4096
_SEARCHED = 1 << 20


class Recording:
    """A header and its inputs.

    Attributes
    ----------
    header : what was known before the first input
    losses : damage met so far; complete once :meth:`chunks` was read to its end
    path : the file, or None in memory
    """

    def __init__(
        self, header: Header, inputs: Sequence[Input] | None, head: form.Head | None, path: Path | None
    ) -> None:
        self.header, self.path = header, path
        self.losses: tuple[Loss, ...] = ()
        self._inputs, self._head = inputs, head

    @classmethod
    def open(cls, path: str | Path) -> Recording:
        """A file, of which only the header is read now."""
        path = Path(path)
        with _opened(path) as (file, size):
            head = _find_head(path, file, size)
        return cls(head.header, None, head, path)

    @classmethod
    def of(cls, header: Header, inputs: Iterable[Input]) -> Recording:
        """In memory."""
        return cls(header, list(inputs), None, None)

    @classmethod
    def from_arrays(
        cls,
        sensors: Mapping[str, Arrays],
        *,
        rate: float | None = None,
        neutral: tuple[float, float] | None = None,
        mounting: Mapping[str, Sequence[float]] | None = None,
        labels: Sequence[tuple[float, float, str]] = (),
        source: str = "",
        synthetic: bool = False,
    ) -> Recording:
        """Samples from elsewhere; see :func:`imu_coach.recording.arrays.inputs_from_arrays`."""
        infos, inputs = inputs_from_arrays(sensors, rate, neutral, mounting or {}, labels)
        header = Header(infos, source=source, synthetic=synthetic)
        if problem := form.header_problem(header):
            raise RecordingError(source or "arrays", f"{problem}; correct it")
        return cls.of(header, inputs)

    def chunks(self) -> Iterator[list[Input]]:
        """The inputs in the order of recording, a few thousand at a time; can be repeated."""
        if self._head is None or self.path is None:
            inputs = self._inputs or ()
            yield from (list(inputs[k : k + BATCH]) for k in range(0, len(inputs), BATCH))
            return
        batch: list[Input] = []
        with _opened(self.path) as (file, size):
            reading = Reading(file, size, self._head)
            for items in reading.lists():
                batch += items
                if len(batch) >= BATCH:
                    yield batch
                    batch = []
                self._learn(reading.losses)
            self._learn(reading.losses)
        if batch:
            yield batch

    def inputs(self) -> list[Input]:
        """All of them at once (an hour of three sensors takes 60 MB)."""
        return [item for chunk in self.chunks() for item in chunk]

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write a file of all inputs."""
        if self.path is not None and Path(path).exists() and os.path.samefile(path, self.path):
            raise RecordingError(path, "cannot be written over itself; choose another name")
        with Writer(path, self.header, overwrite=overwrite) as writer:
            # The bytes of the file shall not depend on how fast it is written.
            writer.patience = float("inf")
            for chunk in self.chunks():
                for item in chunk:
                    writer.write(item)

    def fingerprint(self) -> str:
        """SHA-256 of the inputs, the same for every file or memory that holds them."""
        digest = hashlib.sha256()
        for chunk in self.chunks():
            try:
                digest.update(b"".join(map(form.digestible, chunk)))
            except (ValueError, TypeError) as e:
                raise RecordingError(self.path or "memory", f"an input cannot be recorded ({e}); correct it") from e
        return digest.hexdigest()

    def _learn(self, losses: list[Loss]) -> None:
        if len(losses) > len(self.losses):
            self.losses = tuple(losses)


def repair(path: str | Path, out: str | Path, *, overwrite: bool = False) -> tuple[Loss, ...]:
    """Write what survives of a damaged file into a clean one, and say what does not."""
    recording = Recording.open(path)
    recording.save(out, overwrite=overwrite)
    return recording.losses


# --- opening --------------------------------------------------------------------------------------------------------


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    try:
        # Before opening: to open a pipe would wait for its other end.
        if not _is_file(path):
            raise RecordingError(path, "is not a file; give the name of a recording")
        with open(path, "rb", buffering=1 << 16) as file:
            yield file, os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise RecordingError(path, "does not exist; check the name") from None
    except PermissionError:
        raise RecordingError(path, "may not be read by you; change its permissions") from None
    except OSError as e:
        raise RecordingError(path, f"cannot be read ({e.strerror}); copy what can be read to another disk") from e


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except ValueError:
        return False  # a name that holds a zero byte


def _find_head(path: Path, file: BinaryIO, size: int) -> form.Head:
    """The first header copy that proves itself."""
    start = file.read(30)
    ours = start[:8] == MAGIC and start[21:] == b"imu_coach"
    scan, pos = Scan(file, size), 0
    # A foreign file may be huge: what does not look like ours is searched at its beginning only.
    while (unit := scan.next(pos, None if ours else _SEARCHED)) is not None and unit.records is not None:
        pos = unit.end
    if unit is None:
        raise _no_head(path, start, ours, size)
    try:
        raw = form.load_json(unit.head)
        if needs := form.newer(raw):
            advice = "run: pip install --upgrade imu-coach"
            raise NewerFormat(path, f"needs {needs}, this version reads format {form.FORMAT}; {advice}")
        return form.load_head(raw)
    except ValueError as e:
        raise RecordingError(path, f"has a header that imu_coach did not write ({e}); use a backup") from None


def _no_head(path: Path, start: bytes, ours: bool, size: int) -> RecordingError:
    """What to say of a file without a header, by its first 30 bytes."""
    if not start:
        return NotARecording(path, "is empty; check the name, or use a backup")
    if ours or (len(start) < 30 and (MAGIC + start[8:]).startswith(start)):
        return Truncated(path, "is cut or damaged so early that no header survived; use a backup", size, None)
    return NotARecording(path, "is not a recording of imu_coach; check the name, or import it")
