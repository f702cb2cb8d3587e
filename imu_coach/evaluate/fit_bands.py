"""Sets the estimates and 80 % bands of ``bands.toml`` from simulated people.

``python -m imu_coach.evaluate.fit_bands`` does it.  Per angle, basis and posture: a least-squares fit of the estimate,
then linear quantile regressions of the error on the size of the angle [1]_.  A band always contains its value and never
narrows as the angle grows; where that moves one edge, the other moves so that 80 % stay inside.  Frames are drawn so
that every session weighs the same.

References
----------
.. [1] R. Koenker, G. Bassett, Econometrica 46 (1978) 33-50, doi:10.2307/1913643
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import brentq, linprog

from imu_coach import config
from imu_coach.core.angles import ANCHORED
from imu_coach.evaluate.bands import LAYOUTS, collect
from imu_coach.settings import Band, Bands, Estimate
from imu_coach.types import Floats

SEEDS = range(1000, 1360)
UNCAPTURED_SEEDS = range(3000, 3040)
SPLIT = ("thoracic_flexion", "lumbar_flexion")
CURVES = ("thoracolumbar_flexion", *SPLIT)
PER_SESSION = 100
"""Frames drawn per session, angle, basis and posture."""
NOMINAL = (1.0, 0.06)
"""deg, and share of the angle: added to either side while the side axis is not calibrated; a sensor that is turned by
20 deg about its long axis reads 94 % of a flexion."""
NO_IDEA = (-40.0, 0.0, 40.0, 0.0)
"""deg; an anchored estimate in a posture that has none: it is never shown, but a band must be there."""
TILT = (-2.0, 0.0, 2.0, 0.0)
"""deg; a sensor's own tilt: 15-40 mg of accelerometer offset and 1 deg of filter."""
UNKNOWN_BIAS = 2.3
"""deg; least widening without a capture: parts have offsets of 1.5 deg/s (SD), 80 % of them below 1.9, and each deg/s
costs up to 1.2 deg in a slump (`imu-coach evaluate slump`)."""
TWO_SENSORS = ("thoracolumbar_flexion", "thoracic_flexion", "lumbar_flexion")
HEADER = """# Widths and estimates of the 80 % bands.  Basis: SIMULATED people only, no human data.
# Written by `python -m imu_coach.evaluate.fit_bands`; measured on other seeds by `imu-coach evaluate bands`.
#
# band.ANGLE.BASIS.POSTURE = [low, low_slope, high, high_slope]: v + low + low_slope |v| to v + high + high_slope |v|
# estimate.ANGLE.anchored.POSTURE = [offset, change, anchor]: offset + change (trunk - trunk at anchor) + anchor (trunk
#   at anchor); estimate.ANGLE.split = the same with thoracolumbar flexion and trunk.   Degrees; slopes have no unit.
"""


def identity() -> Bands:
    """Bands of no width, and estimates that hand their first input through."""
    bases = ("measured", "nominal", "split", "anchored", "integrated")
    none = Band(0.0, 0.0, 0.0, 0.0)
    return Bands(
        {(a, b, "any"): none for a in config.angle_names() for b in bases},
        {(a, b, "any"): Estimate(0.0, 1.0, 0.0) for a in CURVES for b in ("split", "anchored")},
        {},
    )


def basis_of(layout: str, angle: str) -> str:
    """How a layout comes by an angle."""
    sites = config.layout(layout).sites
    if angle == "wrist_yaw":
        return "integrated"
    if angle not in CURVES or "thoracolumbar" in sites:
        return "measured"
    if "sacrum" in sites:
        return "measured" if angle == "thoracolumbar_flexion" else "split"
    return "anchored"


def draw(table: pd.DataFrame) -> pd.DataFrame:
    """Some frames of one session: as many from every angle, basis and posture."""
    table = table[table["available"] & table["truth"].notna() & (table["context"] != "")].copy()
    pairs = table[["layout", "angle"]].drop_duplicates().itertuples(index=False)
    basis = {(layout, angle): basis_of(layout, angle) for layout, angle in pairs}
    table["basis"] = [basis[pair] for pair in zip(table["layout"], table["angle"], strict=True)]
    shuffled = table.sample(frac=1.0, random_state=1)
    return shuffled.groupby(["angle", "basis", "context"], observed=True).head(PER_SESSION)


def groups(table: pd.DataFrame) -> Iterator[tuple[str, str, str, pd.DataFrame]]:
    """Angle, basis, posture (also "any") and a sample of its frames."""
    for (angle, basis), of_basis in table.groupby(["angle", "basis"], observed=True):
        for context, part in [*of_basis.groupby("context", observed=True), ("any", of_basis)]:
            if context and part["session"].nunique() >= 20:
                yield str(angle), str(basis), str(context), part


def second_input(basis: str, g: pd.DataFrame) -> Floats | None:
    """The second input of an estimate; None where the value is measured.  The first one is the value itself."""
    if basis == "split":
        return g["trunk"].to_numpy()
    return (g["trunk"] - g["value"]).to_numpy() if basis == "anchored" else None


def quantile_line(size: Floats, error: Floats, q: float, side: float) -> tuple[float, float]:
    """``a + b size`` below which a share ``q`` of the errors lies; ``a`` and ``b`` have the sign of ``side``."""
    n = len(size)
    x = sparse.csr_array(np.stack([np.ones(n), size], axis=1))
    eye = sparse.eye_array(n, format="csr")
    cost = np.concatenate([np.zeros(2), np.full(n, q), np.full(n, 1.0 - q)])
    bounds = [(0.0, None) if side > 0 else (None, 0.0)] * 2 + [(0.0, None)] * (2 * n)
    system = sparse.hstack([x, eye, -eye], format="csr")
    found: Any = linprog(cost, A_eq=system, b_eq=error, bounds=bounds, method="highs")
    return float(found.x[0]), float(found.x[1])


def band(value: Floats, truth: Floats) -> Floats:
    """Low, low slope, high, high slope: 80 % of the truth inside."""
    rows = np.random.default_rng(0).permutation(len(value))[:8000]
    size, error = np.abs(value[rows]), (truth - value)[rows]
    low = quantile_line(size, error, 0.1, -1.0)
    below = float(np.mean(error < low[0] + low[1] * size))
    high = quantile_line(size, error, min(0.8 + below, 0.97), +1.0)
    above = float(np.mean(error > high[0] + high[1] * size))
    if below + above < 0.15:  # the value itself was the upper edge: take the rest from below
        low = quantile_line(size, error, min(0.2 - above, 0.97), -1.0)
    return np.array([*low, *high])


def fit(table: pd.DataFrame) -> tuple[dict[tuple[str, str, str], Floats], dict[tuple[str, str, str], Floats]]:
    """Bands and estimates, in degrees."""
    bands: dict[tuple[str, str, str], Floats] = {}
    estimates: dict[tuple[str, str, str], Floats] = {}
    for angle, basis, context, g in groups(table):
        value, second = np.array(g["value"]), second_input(basis, g)
        if second is not None:
            if basis == "anchored" and context not in ANCHORED:
                continue
            x = np.stack([np.ones(len(g)), value, second], axis=1)
            estimate: Floats = np.linalg.lstsq(x, np.array(g["truth"]), rcond=None)[0]
            estimates[angle, basis, context] = estimate
            value = estimate[0] + estimate[1] * value + estimate[2] * second
        edges = band(value, g["truth"].to_numpy())
        bands[angle, basis, context] = edges
        if basis == "measured":
            more, share = NOMINAL
            bands[angle, "nominal", context] = edges + np.array([-more, -share, more, share])
    bands |= {(angle, "anchored", "any"): np.array(NO_IDEA) for angle in CURVES}
    bands["upper_back_tilt", "measured", "any"] = np.array(TILT)
    return bands, estimates


def widening(table: pd.DataFrame) -> dict[str, float]:
    """deg to add on either side, per angle, so that 80 % of the truth is inside although no bias was captured."""
    out: dict[str, float] = {}
    t = table[table["available"] & table["truth"].notna()]
    for angle, g in t.groupby("angle", observed=True):
        outside = pd.Series(np.maximum(g["low"] - g["truth"], g["truth"] - g["high"]))
        unit = [g["session"], g["layout"], g["context"]]

        def short(width: float, outside: Any = outside, unit: Any = unit) -> float:
            return float(0.8 - (outside <= width).groupby(unit, observed=True).mean().mean())

        least = UNKNOWN_BIAS * (np.sqrt(2.0) if angle in TWO_SENSORS else 1.0)
        found = brentq(short, 0.0, 90.0, xtol=0.05) if short(0.0) > 0.0 else 0.0
        out[str(angle)] = round(max(least, found), 1)
    return out


Table = dict[tuple[str, str, str], Floats]


def toml(bands: Table, estimates: Table, extra: dict[str, float]) -> str:
    """The text of ``bands.toml``."""
    lines = [HEADER]
    for title, table in (("band", bands), ("estimate", estimates)):
        for angle in dict.fromkeys(key[0] for key in table):
            lines.append(f"[{title}.{angle}]")
            rows = {key: value for key, value in table.items() if key[0] == angle}
            for (_, basis, posture), values in rows.items():
                lines.append(f"{basis}.{posture} = [{', '.join(f'{v:.3f}' for v in values)}]")
            lines.append("")
    lines.append("[no_bias_capture]  # deg on either side")
    lines += [f"{angle} = {width}" for angle, width in extra.items()]
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--jobs", default=2, show_default=True, help="Processes.")
def main(jobs: int) -> None:
    """Simulate, fit, and write bands.toml into the package."""
    path = Path(str(resources.files("imu_coach") / "bands.toml"))
    bands, estimates = fit(collect(SEEDS, "default", LAYOUTS, True, reduce=draw, bands=identity(), jobs=jobs))
    path.write_text(toml(bands, estimates, {}), encoding="utf-8")
    config.bands.cache_clear()
    extra = widening(collect(UNCAPTURED_SEEDS, "default", LAYOUTS, False, reduce=draw, jobs=jobs))
    path.write_text(toml(bands, estimates, extra), encoding="utf-8")
    click.echo(f"{path}: {len(bands)} bands, {len(estimates)} estimates")


if __name__ == "__main__":
    main()
