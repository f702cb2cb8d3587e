"""Exports of bought sensors, recognised by the names in their header.

MbientLab MetaBase
    Accelerometer and gyroscope are two files, ``epoch (ms),time (-13:00),elapsed (s),x-axis (g),y-axis (g),z-axis (g)``
    and the same with ``(deg/s)``; the time zone differs, and some apps write ``epoc (ms),timestamp (-0700)``.
    ``elapsed`` starts at zero in each file, so only ``epoch`` pairs them [1]_ [2]_.
Movella (Xsens) DOT
    A block of ``key:,value`` rows, then ``PacketCounter,SampleTimeFine,...``.  ``SampleTimeFine`` is in microseconds
    and wraps at 2**32; ``Acc`` is in m/s2, ``Gyr`` in deg/s, ``dq`` a unit quaternion and ``dv`` in m/s over one
    output interval; ``FreeAcc`` is in the earth frame with gravity removed [3]_.
x-io x-IMU3
    ``Inertial.csv`` of a device folder: ``Timestamp (us),Gyroscope X (deg/s),...,Accelerometer X (g),...`` [4]_.

References
----------
.. [1] MbientLab, Apps tutorial, section MetaBase, https://mbientlab.com/tutorials/Apps.html
.. [2] MbientLab, Syncing MetaBase data from multiple boards,
   http://projects.mbientlab.com/syncing-metabase-data-from-multiple-boards/
.. [3] Xsens DOT User Manual, XD0502P revision E (2021), sections 4.2.1 to 4.2.5
.. [4] x-io Technologies, x-IMU3-CSV, example of logged data, https://github.com/xioTechnologies/x-IMU3-CSV
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from imu_coach.errors import ImportFileError
from imu_coach.importers import checks, table
from imu_coach.importers.columns import Columns, Names, Track
from imu_coach.importers.layout import Sheet, folded, survey
from imu_coach.types import Floats

TICKS: Final = 1 << 32
FASTEST_STEP: Final = 4000
"""us, between samples; a DOT takes at most 120 a second."""
UNIT_TOLERANCE: Final = 0.01
COUNTER: Final = "PacketCounter"
EPOCHS: Final = ("epoch (ms)", "epoc (ms)")


def xyz(pattern: str, axes: str = "XYZ") -> Names:
    """Three names from one."""
    return pattern.format(axes[0]), pattern.format(axes[1]), pattern.format(axes[2])


METABASE: Final = Columns(
    time=EPOCHS[0],
    time_unit="ms",
    acc=xyz("{}-axis (g)", "xyz"),
    acc_unit="g",
    gyr=xyz("{}-axis (deg/s)", "xyz"),
    gyr_unit="deg/s",
)
XIMU3: Final = Columns(
    time="Timestamp (us)",
    time_unit="us",
    acc=xyz("Accelerometer {} (g)"),
    acc_unit="g",
    gyr=xyz("Gyroscope {} (deg/s)"),
    gyr_unit="deg/s",
)
DOT: Final = Columns(
    time="SampleTimeFine",
    time_unit="us",
    acc=xyz("Acc_{}"),
    acc_unit="m/s2",
    gyr=xyz("Gyr_{}"),
    gyr_unit="deg/s",
)
DOT_TURN: Final = ("dq_W", *xyz("dq_{}"))
DOT_PUSH: Final = xyz("dv[{}]", "123")
DOT_FIX: Final = "record again in a mode with rate quantities (acceleration and angular velocity)"


class Vendor(NamedTuple):
    """A kind of export: the names that only its header has (each one of several spellings), and its reader."""

    title: str
    marks: tuple[tuple[str, ...], ...]
    read: Callable[[Path, Sheet], Track]


def read_ximu3(path: Path, sheet: Sheet) -> Track:
    """``Inertial.csv`` of an x-IMU3."""
    return table.read(path, XIMU3, VENDORS["ximu3"].title)


def read_metabase(path: Path, sheet: Sheet) -> Track:
    """One MetaBase file is half a recording."""
    half = "accelerometer" if METABASE.acc[0] in map(folded, sheet.names) else "gyroscope"
    other = "gyroscope" if half == "accelerometer" else "accelerometer"
    problem = f"a MetaBase {half} file, without the {other}; give both files of the recording"
    raise ImportFileError(path, problem, sheet.header or None)


def read_metabase_pair(first: Path, second: Path) -> Track:
    """Both files of a MetaBase recording, in either order."""
    sheets = [survey(path) for path in (first, second)]
    names = [set(map(folded, sheet.names)) for sheet in sheets]
    if METABASE.gyr[0] in names[0] and METABASE.acc[0] in names[1]:
        first, second, names = second, first, names[::-1]
    columns = replace(METABASE, time=next((epoch for epoch in EPOCHS if epoch in names[0]), EPOCHS[0]))
    return table.read_pair(first, second, columns, VENDORS["metabase"].title)


def read_dot(path: Path, sheet: Sheet) -> Track:
    """A Movella DOT export: rate quantities, or the older increments."""
    have = set(map(folded, sheet.names))
    increments = {*map(folded, (*DOT_TURN, *DOT_PUSH))} <= have
    if not increments:
        check_dot(path, sheet, have)
    names = [*DOT_TURN, *DOT_PUSH] if increments else [*DOT.acc, *DOT.gyr]
    raw = table.numbers(sheet, [*names, str(DOT.time), COUNTER])
    checks.enough(table.origin_of(sheet), len(raw))
    ticks = unwrapped(raw[:, -2])
    step = float(np.median(np.diff(ticks)))
    if 0 < step < FASTEST_STEP:
        problem = f"steps of {step:.0f} are too short for a DOT: an MT Manager export, with ticks of 0.1 ms and rad/s?"
        raise table.origin_of(sheet).error(f"{problem} Say what its columns mean, with rate=", column=DOT.time)
    if increments:
        off = abs((raw[:, :4] ** 2).sum(axis=1) - 1) > UNIT_TOLERANCE
        if off.any():
            problem = "dq is not a unit quaternion; remove such rows or export again"
            raise table.origin_of(sheet).error(problem, int(np.argmax(off)), DOT_TURN[0])
    values = from_increments(raw[:, :7], interval(sheet, ticks)) if increments else raw[:, :6]
    packets = unwrapped(raw[:, -1])
    sent = int(packets[-1] - packets[0]) + 1
    lost = f", {sent - len(raw)} of {sent} packets lost" if sent > len(raw) else ""
    return table.track(sheet, DOT, np.column_stack([values, ticks]), VENDORS["movella_dot"].title + lost)


def check_dot(path: Path, sheet: Sheet, have: set[str]) -> None:
    """Say which sensor an export left out."""
    free = "; free acceleration has gravity removed and cannot be used" if "freeacc_x" in have else ""
    for what, names in (("gyroscope", DOT.gyr), ("accelerometer", DOT.acc)):
        if folded(names[0]) not in have:
            problem = f"no {what} columns{free}; {DOT_FIX}; there are: {', '.join(sheet.names)}"
            raise ImportFileError(path, problem, sheet.header or None)


def unwrapped(raw: Floats) -> Floats:
    """A counter (n,) modulo 2**32 -> one that goes on."""
    wraps = np.diff(raw, prepend=raw[:1]) < -TICKS / 2
    return raw + TICKS * np.cumsum(wraps)


def interval(sheet: Sheet, ticks: Floats) -> float:
    """Output interval in s, over which the increments were summed: from the header block, else the commonest step."""
    said = [re.fullmatch(r"([\d.]+)\s*Hz", row[1]) for row in sheet.before if len(row) > 1 and row[0] == "OutputRate:"]
    rate = float(said[0][1]) if said and said[0] else 0.0
    return 1 / rate if rate > 0 else float(np.median(np.diff(ticks))) * checks.SECONDS["us"]


def from_increments(raw: Floats, seconds: float) -> Floats:
    """``dq`` (w, x, y, z) and ``dv`` as (n, 7) -> mean acceleration in m/s2 and rate of turn in deg/s, (n, 6)."""
    turn = Rotation.from_quat(raw[:, [1, 2, 3, 0]]).as_rotvec(degrees=True)
    return np.column_stack([raw[:, 4:7] / seconds, turn / seconds])


VENDORS: Final[dict[str, Vendor]] = {
    "metabase": Vendor("MbientLab MetaBase", (EPOCHS, (METABASE.acc[0], METABASE.gyr[0])), read_metabase),
    "movella_dot": Vendor("Movella DOT", ((COUNTER,), ("SampleTimeFine",)), read_dot),
    "ximu3": Vendor("x-io x-IMU3", ((XIMU3.time or "",), (XIMU3.gyr[0],)), read_ximu3),
}
"""Every vendor, by the name that ``kind`` takes."""


def recognise(sheet: Sheet) -> str | None:
    """The vendor whose marks are all in the header."""
    have = set(map(folded, sheet.names))
    for kind, vendor in VENDORS.items():
        if all(any(folded(name) in have for name in spellings) for spellings in vendor.marks):
            return kind
    return None
