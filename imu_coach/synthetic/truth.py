"""What really happened in a simulated session: angles, activities, repetitions, holds; and their file."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imu_coach import quat
from imu_coach.conventions import FRAME_RATE
from imu_coach.synthetic.skeleton import Body
from imu_coach.synthetic.timeline import Notes
from imu_coach.types import Bools, Floats

ANGLES = (
    "trunk_inclination", "trunk_lateral", "trunk_twist", "pelvis_inclination",
    "thoracolumbar_flexion", "lumbar_flexion", "thoracic_flexion",
    "forearm_elevation", "upper_arm_elevation", "wrist_yaw", "trunk_inclination_absolute",
)  # fmt: skip

FILE_RATE = 25.0
FIRST_LINE = "# SYNTHETIC truth of a simulated session (imu_coach simulator), not a recording of a person"
NOTES = ("reps", "holds", "slips", "steps")
RARE_NOTES = ("sets", "lapses", "taps", "resites")
"""Lines that a file has only when there is something to say."""
LABELS = ("activity", "strategy", "context", "in_set")

Strings = NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Truth:
    """Ground truth of a simulated session on the common grid ``k / 100`` s (from a file: every fourth point).

    Attributes
    ----------
    t : (m,) s
    angle : name -> (m,) rad, flexion +, right bend +, left rotation +.  Zero of the trunk and spine angles is the mean
        posture while standing tall for the calibration; each segment's axes are those in which "up" was then y.
        ``trunk_lateral`` is given while |flexion| < 45 deg, ``trunk_twist`` from 45 to 135 deg, NaN elsewhere.
        ``thoracolumbar_flexion``, ``lumbar_flexion`` and ``thoracic_flexion`` are the flexion of the relative
        rotation's Z-X-Y angles.  ``forearm_elevation`` and ``upper_arm_elevation`` are absolute: 0 horizontal, -90 deg
        hanging.  ``wrist_yaw`` is the turn of the forearm about the vertical minus that of the upper thorax (the
        integral of the true vertical rates), counterclockwise from above +, zero at the last ``rezero`` or ``context``
        command, or at what would be a ``context`` command in a coached session.  ``trunk_inclination_absolute``
        contains the kyphotic tilt of the back surface at T2-T4.
    activity, strategy, context : (m,) str; "" where none, context is the posture last commanded
    in_set : (m,) bool, as last commanded
    reps : (t_on, t_peak, t_off, amplitude_rad, complete) each, as scripted; t_peak is where the hold begins
    holds : (t0, t1) s each, the scripted plateau (approach and return not included)
    slips : (sensor, t, deg, axis) each
    steps : (t0, t1, activity or way) each
    sets : (t0, t1, exercise id, side) each, of a coached session: from being still in position to the end of the last
        repetition
    lapses : (t0, t1, deg of trunk flexion, share made by the spine) each, the plateau of a :class:`Lapse`
    taps : (t, sensor, g) each, also knocks
    resites : (t0, t1, sensor, site) each; from t1 on the sensor is worn there
    """

    t: Floats
    angle: Mapping[str, Floats]
    activity: Strings
    strategy: Strings
    context: Strings
    in_set: Bools
    reps: list[tuple[float, float, float, float, bool]] = field(default_factory=list)
    holds: list[tuple[float, float]] = field(default_factory=list)
    slips: list[tuple[str, float, float, tuple[float, float, float]]] = field(default_factory=list)
    steps: list[tuple[float, float, str]] = field(default_factory=list)
    sets: list[tuple[float, float, str, str]] = field(default_factory=list)
    lapses: list[tuple[float, float, float, float]] = field(default_factory=list)
    taps: list[tuple[float, str, float]] = field(default_factory=list)
    resites: list[tuple[float, float, str, str]] = field(default_factory=list)

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write as text (gzipped if the name ends in ``.gz``) at 25 Hz; degrees, in columns named ``..._deg``."""
        text = self.csv().encode()
        Path(path).write_bytes(gzip.compress(text, mtime=0) if Path(path).suffix == ".gz" else text)

    def csv(self) -> str:
        """The text of :meth:`to_csv`: a line that says synthetic, one line per kind of note, then the table."""
        every = max(1, round(1.0 / (FILE_RATE * (self.t[1] - self.t[0])))) if len(self.t) > 1 else 1
        rows = slice(None, None, every)
        out = io.StringIO()
        out.write(FIRST_LINE + "\n")
        for name in NOTES:
            out.write(f"# {name} = {json.dumps(getattr(self, name))}\n")
        for name in RARE_NOTES:
            if values := getattr(self, name):
                out.write(f"# {name} = {json.dumps(values)}\n")
        write = csv.writer(out, lineterminator="\n")
        write.writerow(["t_s", *(f"{name}_deg" for name in self.angle), *LABELS])
        columns = [[f"{t:.2f}" for t in self.t[rows]]]
        columns += [["" if v != v else f"{v:.2f}" for v in np.rad2deg(a[rows])] for a in self.angle.values()]
        columns += [list(map(str, labels[rows])) for labels in (self.activity, self.strategy, self.context)]
        columns += [[str(int(v)) for v in self.in_set[rows]]]
        write.writerows(zip(*columns, strict=True))
        return out.getvalue()

    @classmethod
    def from_csv(cls, path: str | PathLike[str]) -> Truth:
        """Read what :meth:`to_csv` wrote (25 Hz, angles to 0.01 deg)."""
        raw = Path(path).read_bytes()
        lines = (gzip.decompress(raw) if Path(path).suffix == ".gz" else raw).decode().splitlines()
        if not lines or lines[0] != FIRST_LINE:
            raise ValueError(f"{path}: not the truth of a simulated session")
        head = [line for line in lines if line.startswith("#")]
        notes = dict(line[2:].split(" = ", 1) for line in head[1:])
        rows = list(csv.reader(lines[len(head) :]))
        column: dict[str, Any] = {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}
        angle = {
            name.removesuffix("_deg"): np.deg2rad([float(v) if v else np.nan for v in values])
            for name, values in column.items()
            if name.endswith("_deg")
        }
        activity, strategy, context = (np.array(column[name]) for name in LABELS[:3])
        return cls(
            np.array(column["t_s"], np.float64),
            angle,
            activity,
            strategy,
            context,
            in_set=np.array(column["in_set"]) == "1",
            reps=[(a, b, c, d, bool(e)) for a, b, c, d, e in json.loads(notes["reps"])],
            holds=[(a, b) for a, b in json.loads(notes["holds"])],
            slips=[(s, t, deg, (x, y, z)) for s, t, deg, (x, y, z) in json.loads(notes["slips"])],
            steps=[(a, b, name) for a, b, name in json.loads(notes["steps"])],
            **{name: [tuple(v) for v in json.loads(notes.get(name, "[]"))] for name in RARE_NOTES},
        )


def truth(body: Body, notes: Notes, kyphosis: float, slips: list[Any], resites: list[Any] | None = None) -> Truth:
    """Angles of a body's motion and what the script noted; ``kyphosis`` in deg.

    ``resites``: what became of the script's re-sitings with the sensors of this session.
    """
    every = round(body.rate / FRAME_RATE)
    earth = {segment: q[::every] for segment, q in body.earth_from.items()}
    t = np.arange(len(earth["pelvis"])) / FRAME_RATE
    pressed = (when for when, name, _ in notes.commands if name == "rezero")
    changes = [0.0, *sorted([*pressed, *(when for when, _, _ in notes.contexts)])]
    steps = [(round(a, 3), round(b, 3), name) for a, b, name in notes.steps]
    return Truth(
        t,
        _angles(earth, t, notes, kyphosis, changes),
        _labels(t, steps),
        _labels(t, notes.strategies),
        _last(t, [c[0] for c in notes.contexts], ["", *(c[1] for c in notes.contexts)]),
        _last(t, [c[0] for c in notes.contexts], [False, *(c[2] for c in notes.contexts)]),
        [
            (round(r.t_on, 3), round(r.t_peak, 3), round(r.t_off, 3), round(r.amplitude, 5), r.complete)
            for r in notes.reps
        ],
        [(round(a, 3), round(b, 3)) for a, b in notes.holds],
        slips,
        steps,
        [(round(a, 3), round(b, 3), name, side) for a, b, name, side in notes.sets],
        [(round(a, 3), round(b, 3), deg, spine) for a, b, deg, spine in notes.lapses],
        [(round(j.t, 3), j.sensor, round(j.peak, 2)) for j in notes.jolts],
        resites or [],
    )


def flexion(u: Floats) -> Floats:
    """Flexion (n,) rad of a segment with "up" at ``u (n, 3)``."""
    return np.asarray(np.arctan2(-u[:, 0], u[:, 1]))


def _relative(upper: Floats, lower: Floats) -> Floats:
    """Flexion (n,) rad of one segment against another: minus the first of the Z-X-Y angles."""
    w, x, y, z = quat.multiply(quat.conjugate(lower), upper).T
    return np.asarray(np.arctan2(2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z)))


def _functional(q: Floats, rows: slice) -> Floats:
    """Attitude of a segment in the axes in which the mean "up" over ``rows`` is y: the turn onto y is the shortest."""
    x, y, z = quat.normalize(quat.up(q[rows]).mean(axis=0))
    shortest = quat.normalize(np.array([1.0 + y, -z, 0.0, x]))  # takes (x, y, z) onto (0, 1, 0)
    return quat.multiply(q, quat.conjugate(shortest)[None, :])


def _angles(
    earth: Mapping[str, Floats], t: Floats, notes: Notes, kyphosis: float, changes: list[float]
) -> dict[str, Floats]:
    tilt = np.deg2rad(kyphosis)
    surface = np.array([np.cos(0.5 * tilt), 0.0, 0.0, -np.sin(0.5 * tilt)])
    absolute = flexion(quat.up(quat.multiply(earth["upper_thorax"], surface[None, :])))
    q = dict(earth)
    if notes.tall:
        rows = slice(*(int(np.ceil(x * FRAME_RATE)) for x in notes.tall))
        q |= {s: _functional(earth[s], rows) for s in ("pelvis", "lower_thorax", "upper_thorax")}
    u = quat.up(q["upper_thorax"])
    trunk, out = flexion(u), np.arctan2(-u[:, 2], np.hypot(u[:, 0], u[:, 1]))
    lean = np.abs(trunk)
    quarter = 0.25 * np.pi
    yaw = _turned(earth["forearm"]) - _turned(earth["upper_thorax"])
    zero = np.searchsorted(changes, t, side="right") - 1
    first = np.minimum(np.ceil(np.array(changes) * FRAME_RATE).astype(int), len(t) - 1)
    values = (
        trunk,
        np.where(lean < quarter, out, np.nan),
        np.where((lean >= quarter) & (lean <= 3.0 * quarter), out, np.nan),
        flexion(quat.up(q["pelvis"])),
        _relative(q["upper_thorax"], q["pelvis"]),
        _relative(q["lower_thorax"], q["pelvis"]),
        _relative(q["upper_thorax"], q["lower_thorax"]),
        _elevation(earth["forearm"]),
        _elevation(earth["upper_arm"]),
        yaw - yaw[first[zero]],
        absolute,
    )
    return dict(zip(ANGLES, values, strict=True))


def _elevation(q: Floats) -> Floats:
    """Elevation (n,) rad of a limb segment's distal direction over the horizontal."""
    return np.asarray(np.arcsin(np.clip(-quat.up(q)[:, 1], -1.0, 1.0)))


def _turned(q: Floats) -> Floats:
    """(n,) rad: the integral of the rate about the vertical."""
    step = quat.multiply(q[1:], quat.conjugate(q[:-1]))  # in the earth frame
    return np.concatenate([[0.0], np.cumsum(2.0 * np.arctan2(step[:, 3] * np.sign(step[:, 0]), np.abs(step[:, 0])))])


def _labels(t: Floats, spans: list[tuple[float, float, str]]) -> Strings:
    out = np.full(len(t), "", dtype="U24")
    for a, b, name in spans:
        out[int(np.ceil(a * FRAME_RATE)) : int(np.ceil(b * FRAME_RATE))] = name
    return out


def _last(t: Floats, changes: list[float], values: list[Any]) -> NDArray[Any]:
    return np.array(values)[np.searchsorted(changes, t, side="right")]
