"""The picture: hatched exactly where there is no value, estimates told from measurements, nothing else claimed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from imu_coach import config
from imu_coach.errors import ConfigError, ExportError
from imu_coach.plot import Context, plot
from imu_coach.plot.panels import POINTS, runs, thinned
from imu_coach.run import Result
from imu_coach.synthetic import Truth
from imu_coach.types import Angles, Event, Header, SensorInfo, Source, Why

NAMES = ("trunk_inclination", "lumbar_flexion", "trunk_lateral")
M, E = Source.MEASURED, Source.ESTIMATED


def result(n: int = 1000, synthetic: bool = True, source: str = "made for a test") -> Result:
    """Trunk measured but for two gaps, lumbar in four parts, and an angle that is never there."""
    value = np.deg2rad(np.stack([30 * np.sin(np.arange(n) / 50), np.full(n, 12.0), np.zeros(n)], axis=1))
    sources = np.full((n, 3), M, np.uint8)
    why = np.zeros((n, 3), np.uint8)
    why[:100, 0], why[400:430, 0] = Why.NOT_CALIBRATED, Why.NO_DATA
    sources[:, 1] = E
    sources[700:, 1] = M
    why[200:500, 1] = Why.NO_ANCHOR
    why[600:700, 1] = Why.NO_ANCHOR
    why[:, 2] = Why.NOT_DEFINED_HERE
    sources[why > 0] = Source.UNAVAILABLE
    value[why > 0] = np.nan
    block = Angles(np.arange(n), NAMES, value, value - 0.05, value + 0.1, sources, why)
    header = Header((SensorInfo("upper_back"), SensorInfo("wrist")), synthetic=synthetic, source=source)
    events = (
        Event(100, 50, "calibrated", "", {"pose": "stand_tall", "sensors": {}}),
        Event(105, 50, "calibrated", "wrist", {"pose": "table_still"}),
        Event(430, 401, "sensor_lost", "wrist", {}),
        Event(800, 800, "slipped", "upper_back", {"problem": "turned by a knock"}),
        Event(810, 810, "marked", "", {"text": "$x_1$ \x1b[31m[red] \u6f22"}),
    )
    return Result("realtime", block, events, {}, header, config.setup(header), {})


@pytest.fixture(scope="module")
def figure() -> Figure:
    """The whole of that result."""
    return plot(result())


def panels(figure: Figure) -> dict[str, Axes]:
    """By the name above them."""
    found = {}
    for ax in figure.axes:
        found |= {text.get_text().replace(" ", "_"): ax for text in ax.texts if text.get_fontweight() == "bold"}
    return found


def spans(ax: Axes) -> list[tuple[float, float]]:
    """The hatched stretches, s."""
    (hatched,) = [c for c in ax.collections if c.get_gid() == "unavailable"]
    assert hatched.get_hatch()
    found = []
    for path in hatched.get_paths():
        x = np.asarray(path.vertices)[:, 0]
        found.append((round(float(x.min()), 9), round(float(x.max()), 9)))
    return found


def line(ax: Axes, gid: str) -> Line2D:
    (found,) = [one for one in ax.lines if one.get_gid() == gid]
    return found


def band(ax: Axes, gid: str) -> PolyCollection:
    (found,) = [one for one in ax.collections if one.get_gid() == gid]
    assert isinstance(found, PolyCollection)
    return found


def reasons(ax: Axes) -> list[str]:
    return [text.get_text().replace("\n", " ") for text in ax.texts if text.get_gid() == "reason"]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def test_hatched_exactly_where_there_is_no_value_with_each_reason_once(figure: Figure) -> None:
    ax = panels(figure)
    assert spans(ax["trunk_inclination"]) == [(0.0, 1.0), (4.0, 4.3)]
    assert spans(ax["lumbar_flexion"]) == [(2.0, 5.0), (6.0, 7.0)]
    assert spans(ax["trunk_lateral"]) == [(0.0, 10.0)]
    assert reasons(ax["trunk_inclination"]) == ["not calibrated", "no data"]
    assert reasons(ax["lumbar_flexion"]) == ["nothing fixes the pelvis"]
    assert reasons(ax["trunk_lateral"]) == ["not defined in this posture"]


def test_hatching_follows_the_selection() -> None:
    ax = panels(plot(result(), start=2.5, end=6.5))
    assert spans(ax["lumbar_flexion"]) == [(2.5, 5.0), (6.0, 6.5)]
    assert ax["lumbar_flexion"].get_xlim() == (2.5, 6.5)
    assert spans(ax["trunk_inclination"]) == [(4.0, 4.3)]


def test_estimated_is_never_drawn_like_measured(figure: Figure) -> None:
    ax = panels(figure)["lumbar_flexion"]
    measured, estimated = line(ax, "value-measured"), line(ax, "value-estimated")
    assert (measured.get_linestyle(), estimated.get_linestyle()) == ("-", "--")
    assert measured.get_color() != estimated.get_color()
    assert band(ax, "band-estimated").get_hatch()
    assert not band(ax, "band-measured").get_hatch()
    trunk = panels(figure)["trunk_inclination"]
    assert not [one for one in (*trunk.lines, *trunk.collections) if "estimated" in str(one.get_gid())]


def test_lines_and_bands_are_the_numbers_of_the_result(figure: Figure) -> None:
    r = result()
    ax = panels(figure)["lumbar_flexion"]
    for gid, kind in (("measured", M), ("estimated", E)):
        x, y = (np.asarray(v, np.float64) for v in line(ax, f"value-{gid}").get_data())
        here = r.block.source[:, 1] == kind
        np.testing.assert_array_equal(x, np.arange(1000) / 100)
        np.testing.assert_array_equal(y, np.where(here, np.rad2deg(r.block.value[:, 1]), np.nan))
        y = np.concatenate([np.asarray(path.vertices)[:, 1] for path in band(ax, f"band-{gid}").get_paths()])
        assert y.min() == pytest.approx(np.rad2deg(np.nanmin(r.block.low[here, 1])))
        assert y.max() == pytest.approx(np.rad2deg(np.nanmax(r.block.high[here, 1])))


def test_nothing_is_green(figure: Figure) -> None:
    colours = {to_hex(one.get_color()) for ax in figure.axes for one in ax.lines}
    colours |= {to_hex(c) for ax in figure.axes for one in ax.collections for c in one.get_facecolor()}
    for colour in colours:
        red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
        assert green <= max(red, blue)


def test_a_long_recording_is_thinned_and_keeps_its_extremes() -> None:
    n = 400_000
    r = result(n)
    value = r.block.value.copy()
    value[123_457, 0] = np.deg2rad(88.0)
    block = replace(r.block, value=value, low=value - 0.01, high=value + 0.01)
    ax = panels(plot(replace(r, block=block)))["trunk_inclination"]
    y = np.asarray(line(ax, "value-measured").get_ydata(), np.float64)
    assert len(y) <= 2 * (POINTS + POINTS)
    assert np.nanmax(y) == pytest.approx(88.0)
    assert spans(ax) == [(0.0, 1.0), (4.0, 4.3)]


def test_thinning_ignores_gaps_and_leaves_short_curves_alone() -> None:
    t = np.arange(10 * POINTS) / 100
    y = np.sin(t)
    y[5000:9000] = np.nan
    at, low, high = thinned(t, y, y)
    assert len(at) == POINTS
    assert np.isnan(low[600:800]).all()
    assert (np.nanmin(low), np.nanmax(high)) == (np.nanmin(y), np.nanmax(y))
    assert thinned(t[:100], y[:100], y[:100])[1] is not None
    assert runs(np.array([0, 0, 3, 3, 0, 7], np.uint8)) == [(0, 2, 0), (2, 4, 3), (4, 5, 0), (5, 6, 7)]


def test_a_turn_through_180_degrees_is_a_gap_and_no_stroke() -> None:
    r = result()
    angle = np.linspace(100.0, 260.0, 1000)
    value = np.deg2rad(np.where(angle > 180.0, angle - 360.0, angle))[:, None].repeat(3, axis=1)
    zeros = np.zeros_like(r.block.why)
    block = replace(r.block, value=value, low=value, high=value, why=zeros, source=np.full_like(zeros, M))
    y = np.asarray(line(panels(plot(replace(r, block=block)))["trunk_inclination"], "value-measured").get_ydata())
    steps = np.abs(np.diff(y))
    assert np.nanmax(steps) < 1.0
    assert np.isnan(y).sum() == 1


def test_events_and_postures_stand_on_top() -> None:
    contexts = [Context(0.0, None, False), Context(1.0, "seated", False), Context(3.0, "pushback", True)]
    figure = plot(result(), contexts=contexts)
    strip = figure.axes[0]
    marks = {(one.get_gid(), float(np.asarray(one.get_xdata())[0])) for one in strip.lines}
    assert marks == {
        ("event-calibrated", 1.0),
        ("event-sensor_lost", 4.3),
        ("event-slipped", 8.0),
        ("event-marked", 8.1),
    }
    told = [text.get_text() for text in strip.texts]
    for expected in ("seated", "pushback, set", "stood tall", "wrist no data", "upper back may have moved"):
        assert expected in told
    for ax in panels(figure).values():
        assert [float(np.asarray(one.get_xdata())[0]) for one in ax.lines if one.get_linestyle() == "--"].count(
            8.0
        ) == 1


def test_truth_is_drawn_beside(tmp_path: Path) -> None:
    t = np.arange(0.0, 10.0, 0.04)
    none = np.full(len(t), "")
    truth = Truth(t, {"trunk_inclination": np.deg2rad(t)}, none, none, none, np.zeros(len(t), bool))
    truth.to_csv(tmp_path / "truth.csv")
    for given in (truth, tmp_path / "truth.csv"):
        ax = panels(plot(result(), truth=given))
        x, y = line(ax["trunk_inclination"], "truth").get_data()
        np.testing.assert_allclose(x, y, atol=0.006)
        assert "truth" not in [one.get_gid() for one in ax["lumbar_flexion"].lines]


def test_words_on_the_page() -> None:
    figure = plot(result(), title="pushback.mcap")
    told = texts(figure)
    assert told[0] == "pushback.mcap"
    assert "SYNTHETIC" in told
    assert "80 % bands from simulated people. Not a medical device." in told
    assert "realtime result" in told[1]
    assert "filter vqf" in told[1]
    ax = panels(figure)
    assert ax["trunk_inclination"].get_ylabel() == "flexion +  (deg)"
    assert list(ax) == list(NAMES)
    assert "SYNTHETIC" not in texts(plot(result(synthetic=False), angles=["lumbar_flexion"]))
    assert texts(plot(result(), angles=["lumbar_flexion"]))[0] == "made for a test"


def test_only_the_angles_that_were_asked_for_in_that_order() -> None:
    assert list(panels(plot(result(), angles=["trunk_lateral", "trunk_inclination"]))) == [
        "trunk_lateral",
        "trunk_inclination",
    ]


@pytest.mark.parametrize(("ending", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")])
def test_every_kind_of_file_the_same_bytes_each_time(ending: str, magic: bytes, tmp_path: Path) -> None:
    hostile = "$\\frac{ \x1b[31m <b> & \u6f22\U0001f600 " + "x" * 100
    for name in ("a", "b"):
        plot(result(), tmp_path / f"{name}{ending}", title=hostile, angles=["lumbar_flexion"])
    data = (tmp_path / f"a{ending}").read_bytes()
    assert data.startswith(magic)
    assert data == (tmp_path / f"b{ending}").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"one of \.png"):
        plot(result(), tmp_path / "x.gif")
    with pytest.raises(ConfigError, match="unknown 'knee'; there are: trunk_inclination"):
        plot(result(), angles=["knee"])
    for span in ({"start": 10.0}, {"start": 5.0, "end": 5.0}, {"end": 0.0}):
        with pytest.raises(ConfigError, match=r"nothing to draw in that span; the session lasts 10\.0 s"):
            plot(result(), **span)
    empty = result()
    block = Angles(*(v if isinstance(v, tuple) else v[:0] for v in (getattr(empty.block, n) for n in Angles.__slots__)))
    with pytest.raises(ConfigError, match="nothing to draw"):
        plot(replace(empty, block=block))
    assert not list(tmp_path.iterdir())


def test_results_draw_themselves_without_a_display_or_a_global_figure() -> None:
    code = "import sys, imu_coach.plot; print('matplotlib.pyplot' in sys.modules, 'imu_coach.synthetic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]
    assert isinstance(result().plot(angles=["trunk_inclination"]), Figure)
