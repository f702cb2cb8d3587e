"""Drivers that other installed packages offer, in the entry-point group ``imu_coach.drivers``."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from imu_coach.drivers.base import Profile

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "imu_coach.drivers"
NEEDED = (
    *("name", "title", "timing", "channels", "packets", "sync", "services", "decoder", "identity", "start", "stop"),
    *("recognises", "resume", "identify", "haptic", "request", "last_number", "event"),
)


def offered() -> Iterable[EntryPoint]:
    """Entry points of our group, in an order that does not depend on where they are installed."""
    from importlib.metadata import entry_points  # slow to import, and rarely asked

    return sorted(entry_points(group=GROUP), key=lambda e: (e.name, e.value))


def other(name: str) -> Profile | str | None:
    """The profile that another package offers under this name; why it cannot be used; or None: there is none."""
    for entry in offered():
        if entry.name == name:
            return load(entry)
    return None


def others(taken: Collection[str]) -> tuple[dict[str, Profile], tuple[str, ...]]:
    """All that other packages offer, and one line for each that cannot be used."""
    found: dict[str, Profile] = {}
    problems: list[str] = []
    for entry in offered():
        if entry.name in taken or entry.name in found:
            problems.append(f"driver {entry.name!r} of {origin(entry)}: the name is taken; it is left out")
            continue
        loaded = load(entry)
        if isinstance(loaded, str):
            problems.append(loaded)
        else:
            found[entry.name] = loaded
    return found, tuple(problems)


def load(entry: EntryPoint) -> Profile | str:
    """A profile, or one line that says why it cannot be used."""
    try:
        loaded = entry.load()
        missing = [name for name in NEEDED if not hasattr(loaded, name)]
        wrong = f"it calls itself {loaded.name!r}" if not missing and loaded.name != entry.name else ""
    except (Exception, SystemExit) as problem:  # whatever code of others does, it must not stop the other sensors
        reason = " ".join(f"{type(problem).__name__}: {problem}".split())[:200]
    else:
        reason = f"it has no {', '.join(missing)}" if missing else wrong
        if not reason:
            profile: Profile = loaded
            return profile
    return f"driver {entry.name!r} of {origin(entry)} cannot be used: {reason}"


def origin(entry: EntryPoint) -> str:
    """The package that offers it."""
    return f"package {entry.dist.name}" if entry.dist is not None else entry.value
