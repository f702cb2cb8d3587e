"""What all commands share: exit codes, errors in one line, careful output files, progress, common options."""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from imu_coach.errors import ConfigError, ExportError, ImuCoachError
from imu_coach.sinks import words

if TYPE_CHECKING:
    from rich.console import Console

    from imu_coach.recording import Recording
    from imu_coach.run import Result
    from imu_coach.settings import Setup
    from imu_coach.types import Command

DONE, LOSSES, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
PATIENCE = 1.0
"""s of work before a progress bar appears."""

F = TypeVar("F", bound=Callable[..., Any])


# --- talking --------------------------------------------------------------------------------------------------------


def say(text: str) -> None:
    """One line to the person, on stderr."""
    click.echo(words.clean(text), err=True)


def put(text: str) -> None:
    """One line of data, on stdout."""
    click.echo(words.clean(text) if not text.startswith("{") else text)


def shown(path: str | Path) -> str:
    """A path as it can be printed."""
    return words.clean(path)


class Guarded(click.Group):
    """A group whose commands end in one line and an exit code, never in a traceback, when the input is at fault."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except ImuCoachError as e:
            _refuse(ctx, str(e))
        except KeyboardInterrupt:
            say("imu-coach: interrupted")
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            _hush()
            ctx.exit(DONE)
        except UnicodeError as e:
            _refuse(ctx, f"a name or text that cannot be written here ({e.__class__.__name__}); use plain letters")
        except OSError as e:
            where = f"{e.filename}: " if e.filename else ""
            _refuse(ctx, f"{where}{e.strerror or e}; check the name, the permissions and the room on the disk")


def _refuse(ctx: click.Context, problem: str) -> NoReturn:
    say(f"imu-coach: {problem}")
    ctx.exit(BAD_INPUT)


def _hush() -> None:
    """Nobody reads our output any more: let the interpreter's last flush go nowhere."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return  # stdout is not a file: nothing to flush


def out_console() -> Console:
    """A console on stdout for tables; as wide as they need unless it is a terminal."""
    from rich.console import Console

    class Out(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Out(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 200)


@contextmanager
def progress(title: str, total: float | None = None) -> Iterator[Callable[[float], None]]:
    """A progress bar on stderr, if that is a terminal and the work takes longer than a second.

    The value it is called with is the amount done, of ``total``.
    """
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(words.clean(title), total=total)
    timer = threading.Timer(PATIENCE, bar.start)
    timer.start()
    try:
        yield lambda done: bar.update(task, completed=done)
    finally:
        timer.cancel()
        timer.join()
        bar.stop()


# --- files ----------------------------------------------------------------------------------------------------------


def fresh(path: Path, force: bool, *inputs: Path) -> None:
    """Refuse an output file before the work that would be lost."""
    try:
        exists, parent = path.exists(), path.resolve().parent
        if path.is_dir():
            raise ExportError(str(path), "is a directory; give the name of a file")
        if not parent.is_dir():
            raise ExportError(str(path), f"there is no directory {parent}; make it first")
        if any(exists and one.exists() and os.path.samefile(path, one) for one in inputs):
            raise ExportError(str(path), "is the input; choose another name")
    except (ValueError, RuntimeError):
        raise ExportError(str(path), "is not a path; choose another name") from None
    if exists and not force:
        raise ExportError(str(path), "exists already; choose another name or use --force")


def ending(path: Path, allowed: tuple[str, ...]) -> str:
    """The file's ending, one of those allowed."""
    found = path.suffix.lower()
    if found not in allowed:
        raise ExportError(str(path), f"the ending says the format; use one of {', '.join(allowed)}")
    return found


def told_losses(recording: Recording) -> int:
    """Say what a damaged file has lost; the exit code."""
    if not recording.losses:
        return DONE
    say(f"imu-coach: {recording.path or 'memory'}: {words.losses(recording.losses)}; the rest was read")
    return LOSSES


def opened(path: Path) -> Recording:
    """A recording file."""
    from imu_coach.recording import Recording

    return Recording.open(path)


def survey(recording: Recording) -> tuple[float, list[Command]]:
    """The last time of a recording in s, and its commands."""
    from imu_coach.types import Command

    last, commands = 0, []
    for chunk in recording.chunks():
        commands += [item for item in chunk if isinstance(item, Command)]
        last = max(last, max((item.arrived_ns for item in chunk), default=0))
    return last / 1e9, commands


def computed(recording: Recording, setup: Setup, result: str) -> Result:
    """The result of a recording, with a progress bar."""
    from imu_coach.run import process

    seconds, _ = survey(recording)
    total = seconds if result == "realtime" else None
    with progress("working through the recording", total) as advance:
        return process(recording, setup, result=result, progress=advance)


# --- options --------------------------------------------------------------------------------------------------------


def seconds_of(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """A time in the session: ``90``, ``90.5`` or ``1:30``."""
    if value is None:
        return None
    try:
        parts = [float(part) for part in value.split(":")]
    except ValueError:
        parts = []
    seconds = sum(part * 60.0**k for k, part in enumerate(reversed(parts)))
    if not 1 <= len(parts) <= 3 or not math.isfinite(seconds) or min(parts) < 0:
        raise click.BadParameter(f"{value!r} is not a time; such as 90.5 or 1:30", ctx, param)
    return seconds


def file_argument(function: F) -> F:
    """The recording to read."""
    return click.argument("file", type=click.Path(path_type=Path))(function)


def force_option(function: F) -> F:
    """Nothing is overwritten without it."""
    return click.option("--force", is_flag=True, help="Replace the output file if it exists.")(function)


def setup_options(function: F) -> F:
    """Layout and filter."""
    layout = click.option("--layout", help="Sensors to use; see: imu-coach layouts. Default: all it has a layout for.")
    filter = click.option("--filter", default="vqf", show_default=True, help="See: imu-coach filters.")
    return layout(filter(function))


def span_options(function: F) -> F:
    """A part of the session."""
    start = click.option(
        "--from", "start", metavar="TIME", callback=seconds_of, help="Show from this time on (90 or 1:30)."
    )
    end = click.option("--to", "end", metavar="TIME", callback=seconds_of, help="Show up to this time.")
    return start(end(function))


def result_option(function: F) -> F:
    """Which of the two results."""
    return click.option(
        "--result",
        default="realtime",
        show_default=True,
        type=click.Choice(["realtime", "offline"]),
        help="realtime: what a live session showed. offline: no deadlines, and the filter knows the future.",
    )(function)


def checked_span(start: float | None, end: float | None) -> None:
    """From before to."""
    if start is not None and end is not None and start >= end:
        raise ConfigError("", "--to", f"{end:g} s is not after --from {start:g} s")
