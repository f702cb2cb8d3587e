"""Arrays of samples and labels -> the inputs a live session would have given: imported data take no side road."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from imu_coach.drivers import si
from imu_coach.errors import RecordingError
from imu_coach.recording.format import MAX_TIME_NS, NAME
from imu_coach.types import Command, Floats, Input, Ints, Packet, SensorInfo

Arrays: TypeAlias = tuple[ArrayLike | None, ArrayLike, ArrayLike]
"""``t (n,)`` s or None, ``acc (n, 3)`` m/s2, ``gyr (n, 3)`` rad/s."""

POSES = frozenset(("stand_tall", "sit_tall", "lie_prone", "sit_to_stand", "hip_hinge", "table_still"))
"""Labels that are calibration captures; every other label is a posture."""

ACC_RANGE, GYR_RANGE = 100 * 9.81, float(np.deg2rad(10000.0))
"""No sensor in use reaches these: imported samples never count as saturated."""

BLOCK = 0.1
MAX_BLOCK = 1000
_WHAT = "arrays"


def inputs_from_arrays(
    sensors: Mapping[str, Arrays],
    rate: float | None,
    neutral: tuple[float, float] | None,
    mounting: Mapping[str, Sequence[float]],
    labels: Sequence[tuple[float, float, str]],
) -> tuple[tuple[SensorInfo, ...], list[Input]]:
    """Sensors and inputs; session time begins at the smallest ``t``, and all other times are on the clock of ``t``.

    ``rate`` is Hz or None, ``neutral`` (start, end) s, ``mounting`` unit quaternions body_from_sensor, ``labels``
    (start, end, name) s.
    """
    if unknown := mounting.keys() - sensors.keys():
        raise _wrong(f"mounting names sensors that are not there: {', '.join(sorted(map(repr, unknown)))}; correct it")
    if not sensors:
        raise _wrong("there are no sensors; give at least one")
    checked = {name: _checked(name, *arrays, rate) for name, arrays in sensors.items()}
    zero = min(float(t[0]) for t, *_ in checked.values())
    infos, found = [], _commands(zero, neutral, labels)
    for name, (t, acc, gyr, interval) in checked.items():
        infos.append(
            SensorInfo(name, "si", "", 1.0 / interval, ACC_RANGE, GYR_RANGE, None, _quaternion(name, mounting))
        )
        found += _packets(name, _nanoseconds(t, zero), acc, gyr, interval)
    # The sort is stable: commands, being first, come before the packets of their time.
    found.sort(key=lambda item: item.arrived_ns)
    return tuple(infos), found


def _checked(
    name: str, t: ArrayLike | None, acc: ArrayLike, gyr: ArrayLike, rate: float | None
) -> tuple[Floats, Floats, Floats, float]:
    """``t (n,)``, ``acc, gyr (n, 3)`` and the interval in s."""
    a, g = _numbers(name, "acc", acc), _numbers(name, "gyr", gyr)
    if a.ndim != 2 or a.shape[1:] != (3,) or not len(a) or a.shape != g.shape:
        raise _wrong(f"{name}: acc {a.shape} and gyr {g.shape} are not both (n, 3) with n > 0; correct the columns")
    if rate is not None and not (np.isfinite(rate) and rate > 0):
        raise _wrong(f"rate {rate} is not a positive number; correct it")
    if t is None:
        if rate is None:
            raise _wrong(f"{name}: neither times nor a rate; give one of them")
        return np.arange(len(a)) / rate, a, g, 1.0 / rate
    times = _numbers(name, "t", t)
    if times.shape != (len(a),):
        raise _wrong(f"{name}: t {times.shape} does not match acc {a.shape}; correct the columns")
    _check_times(name, times)
    if len(times) < 2 and rate is None:
        raise _wrong(f"{name}: one sample alone has no interval; give a rate")
    median = float(np.median(np.diff(times))) if len(times) > 1 else 1.0 / float(rate or 1.0)
    if rate is not None and not 1 / 1.5 < median * rate < 1.5:
        raise _wrong(f"{name}: times are {1 / median:.4g} Hz apart, rate says {rate:.4g} Hz; correct or leave out rate")
    return times, a, g, median if rate is None else 1.0 / rate


def _numbers(name: str, what: str, values: ArrayLike) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as e:
        raise _wrong(f"{name}: {what} is not an array of numbers ({e}); correct the columns") from None


def _check_times(name: str, t: Floats) -> None:
    """Row numbers count from 0, like the arrays."""
    if len(bad := np.flatnonzero(~np.isfinite(t))):
        raise _wrong(f"{name}: t is not a number at row {bad[0]}; correct the times")
    if float(np.ptp(t)) * 1e9 > MAX_TIME_NS:
        raise _wrong(f"{name}: t spans more than 146 years; give seconds")
    if len(bad := np.flatnonzero(np.diff(np.rint((t - t[0]) * 1e9)) < 1)):
        raise _wrong(f"{name}: t does not increase at row {bad[0] + 1}; sort the rows or remove repeated ones")


def _nanoseconds(t: Floats, zero: float) -> Ints:
    """Session time; the difference to the first sample is rounded alone, so that checked times stay increasing."""
    start = round((float(t[0]) - zero) * 1e9)
    if start + float(t[-1] - t[0]) * 1e9 > MAX_TIME_NS:
        raise _wrong("the sensors' times are more than 146 years apart; give all on one clock, in seconds")
    after: Ints = np.rint((t - t[0]) * 1e9).astype(np.int64)
    return after + start


def _packets(name: str, t_ns: Ints, acc: Floats, gyr: Floats, interval: float) -> list[Input]:
    """Blocks of contiguous samples; a step of more than 1.5 intervals is missing samples."""
    step = np.diff(t_ns) / (interval * 1e9)
    jump = np.where(step > 1.5, np.rint(step), 1).astype(np.int64)
    number = np.concatenate([[0], np.cumsum(jump)])
    size = int(np.clip(round(BLOCK / interval), 1, MAX_BLOCK))
    edges = np.concatenate([[0], np.flatnonzero(jump > 1) + 1, [len(t_ns)]]).tolist()
    found: list[Input] = []
    for begin, end in pairwise(edges):
        for a in range(begin, end, size):
            b = min(a + size, end)
            payload = si.encode(int(number[a]), t_ns[a:b], acc[a:b], gyr[a:b])
            found.append(Packet(name, int(t_ns[b - 1]), si.DATA, payload))
    return found


def _commands(
    zero: float, neutral: tuple[float, float] | None, labels: Sequence[tuple[float, float, str]]
) -> list[Input]:
    """Captures and postures; a posture ends in ``None`` unless the next one starts there."""
    found: list[Input] = []
    if neutral is not None:
        labels = [(*neutral, "stand_tall"), *labels]
    spans = [(*_span(zero, start, end, name), name) for start, end, name in labels]
    postures = sorted(span for span in spans if span[2] not in POSES)
    for (_, end, before), (start, _, after) in pairwise(postures):
        if start < end:
            raise _wrong(f"labels {before!r} and {after!r} overlap; give one posture at a time")
    starts = {start for start, _, _ in postures}
    for start, end, posture in postures:
        found.append(Command(start, "context", {"posture": posture}))
        if end not in starts:
            found.append(Command(end, "context", {"posture": None}))
    for start, end, pose in spans:
        if pose in POSES:
            found.append(Command(start, "calibrate", {"pose": pose, "seconds": (end - start) / 1e9}))
    return found


def _span(zero: float, start: float, end: float, name: str) -> tuple[int, int]:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise _wrong(f"label {name!r} is not a name of a-z, 0-9 and _; rename it")
    if not (np.isfinite(start) and np.isfinite(end) and zero <= start < end and (end - zero) * 1e9 < MAX_TIME_NS):
        raise _wrong(
            f"label {name!r} from {start} to {end} s is not within the recording; give times on the clock of t"
        )
    return round((start - zero) * 1e9), round((end - zero) * 1e9)


def _quaternion(name: str, mounting: Mapping[str, Sequence[float]]) -> tuple[float, float, float, float] | None:
    if name not in mounting:
        return None
    q = _numbers(name, "mounting", mounting[name])
    if q.shape != (4,) or not abs(float(np.linalg.norm(q)) - 1) < 1e-3:
        raise _wrong(f"{name}: mounting is not a unit quaternion (w, x, y, z); correct it")
    w, x, y, z = q.tolist()
    return w, x, y, z


def _wrong(problem: str) -> RecordingError:
    return RecordingError(_WHAT, problem)
