"""A flat-back hinge and a rounded back at the same angle of the upper back, seen by two pairs of sensors: a picture.

Run ``python tests/bench/hinge_or_round.py`` in the project's folder; it writes ``docs/img/hinge_or_round.png``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from imu_coach import config, rules
from imu_coach.conventions import FRAME_RATE
from imu_coach.core.guards import Guards
from imu_coach.exercise import Dose, Exercise, Facts, Gate, Scene
from imu_coach.synthetic import Simulated, Step, simulate
from imu_coach.testing import run
from imu_coach.types import Event, Source, Update

WAY = {"hinge": "a flat back that leans from the hips", "rounded": "a back that rounds"}
SENSORS = {"with a sensor at the waistband": ("upper_back", "sacrum"), "with one at the wrist": ("upper_back", "wrist")}
TRUNK, SPINE, RAISED = "#1f4e79", "#b3541e", "#c0392b"


class Seen(NamedTuple):
    """What one pair of sensors makes of a set of bends: s and deg."""

    t: np.ndarray
    trunk: np.ndarray
    spine: np.ndarray
    low: np.ndarray
    high: np.ndarray
    measured: bool
    truth: np.ndarray
    events: list[Event]
    begin: float


def scene(begin: int) -> Scene:
    """A set of bends that is watched for rounding and for dips."""
    facts = Facts("", "", (), (), (), "", "", "")
    dose = Dose((1, 1), (4, 4), (20.0, 60.0))
    guards: dict[str, dict[str, float]] = {"W4": {}, "W13": {}}
    bends = Exercise("bends", "Bends", (), Gate(), (), (1.0, 9.0), None, dose, "both", guards, {}, facts, "standing")
    return Scene("set", "standing", bends, "", 1, begin)


def watch(update: Update, sites: tuple[str, ...], begin: int, end: int) -> list[Event]:
    """Events of the set, with nothing called for before it."""
    guards = Guards(rules.load(), update.angles.names, sites)
    guards.note(update.events)
    events: list[Event] = []
    for a, b, now in ((0, begin, Scene()), (begin, end, scene(begin))):
        frames = type(update.frames)(*(getattr(update.frames, f)[a:b] for f in update.frames.__slots__))
        arrays = {f: getattr(update.angles, f)[a:b] for f in ("index", "value", "low", "high", "source", "why")}
        angles = type(update.angles)(names=update.angles.names, **arrays)
        events += guards.push(frames, angles, now)
    return [e for e in events if e.detail.get("rule") in ("W4", "W13")]


def seen(way: str, sensors: tuple[str, ...], seed: int) -> Seen:
    """One person bends one way, four times to 50 deg."""
    bend = Step("bend", strategy=way, amplitude=50.0, reps=4, hold=3.0)
    sim: Simulated = simulate((bend,), seed=seed, sensors=sensors)
    update = run(sim.header, config.setup(sim.header), [sim.inputs])
    begin, end = (round(t * FRAME_RATE) for t in next(s[:2] for s in sim.truth.steps if s[2] == "bend"))
    rows = slice(begin, end)
    names = update.angles.names
    i, j = names.index("trunk_inclination"), names.index("thoracolumbar_flexion")
    columns = (update.angles.value[rows, i], *(getattr(update.angles, f)[rows, j] for f in ("value", "low", "high")))
    trunk, spine, low, high = (np.rad2deg(c) for c in columns)
    measured = bool((update.angles.source[rows, j] == Source.MEASURED).any())
    truth = np.rad2deg(sim.truth.angle["thoracolumbar_flexion"][rows])
    t = np.arange(end - begin) / FRAME_RATE
    return Seen(t, trunk, spine, low, high, measured, truth, watch(update, sensors, begin, end), begin / FRAME_RATE)


def draw(ax: Axes, s: Seen, title: str) -> None:
    """Upper back, curve where it is measured, and what is told."""
    ax.plot(s.t, s.trunk, color=TRUNK, lw=2, label="upper back against gravity")
    ax.plot(s.t, s.truth, color="0.45", lw=1, ls="--", label="what the back really does (simulation)")
    if s.measured:
        ax.fill_between(s.t, s.low, s.high, color=SPINE, alpha=0.25, lw=0)
        ax.plot(s.t, s.spine, color=SPINE, lw=2, label="upper back against pelvis, 80 % band")
    w4 = [e for e in s.events if e.detail["rule"] == "W4"]
    unjudged = [e for e in w4 if e.kind == "not_judged"]
    if unjudged:
        ax.axhspan(-21, -11, facecolor="0.9", edgecolor="0.6", hatch="///", lw=0)
    words = "W4: not judged" if unjudged else "W4: judged, nothing to tell" if not w4 else "W4 rounded back"
    marks = [("W4", words, -16.0, RAISED), ("W13", "W13 dip in the set", 63.0, TRUNK)]
    for rule, text, y, colour in marks:
        raised = [e for e in s.events if e.detail["rule"] == rule and e.kind == "warning"]
        cleared = [e.decided for e in s.events if e.detail["rule"] == rule and e.kind == "warning_cleared"]
        for e in raised:
            until = min((c for c in cleared if c > e.decided), default=len(s.t) + round(s.begin * FRAME_RATE))
            ends = [k / FRAME_RATE - s.begin for k in (e.decided, until)]
            ax.plot(ends, [y + 3 * (rule == "W4")] * 2, color=colour, lw=5, solid_capstyle="butt")
        at = y + 6 if raised and rule == "W13" else y - 4 if raised else y
        if raised or rule == "W4":
            ax.text(0.2, at, text, va="center", fontsize=9, color=colour if raised else "0.25")
    ax.set_title(title, fontsize=10, loc="left")
    ax.set_ylim(-26, 76)
    ax.axhline(0, color="0.8", lw=0.8, zorder=0)


def main() -> None:
    """Draw all four."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/img/hinge_or_round.png"))
    parser.add_argument("--seed", type=int, default=21)
    args = parser.parse_args()
    figure, axes = plt.subplots(2, 2, figsize=(11, 6.4), sharex=True, sharey=True, layout="constrained")
    for row, (pair, sensors) in zip(axes, SENSORS.items(), strict=True):
        for ax, (way, words) in zip(row, WAY.items(), strict=True):
            draw(ax, seen(way, sensors, args.seed), f"{words}, {pair}")
    for ax in axes[:, 0]:
        ax.set_ylabel("deg, flexion +")
    for ax in axes[1]:
        ax.set_xlabel("s")
    handles, labels = axes[0, 1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    figure.suptitle(
        "The same lean of the upper back, twice: only a sensor at the waistband tells them apart (simulated person)"
    )
    figure.savefig(args.out, dpi=110)


if __name__ == "__main__":
    main()
