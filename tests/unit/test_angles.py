"""Body angles of attitudes worked out by hand, in every layout: values, bands, sources and reasons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imu_coach import config, quat
from imu_coach.core.angles import ANCHORED, ANGLES, POSTURES, TOO_FAR_OUT, YAW_LEAK, Situation, Stretch, angles_of
from imu_coach.core.calibrate import given, nominal
from imu_coach.settings import Band, Bands, Estimate
from imu_coach.types import Angles, Frames, Source, Why

WORN_AS_DRAWN = (1.0, 0.0, 0.0, 0.0)
STANDING = (0.0, 1.0, 0.0)
BANDS = ("measured", "nominal", "split", "anchored", "integrated")


def rad(degrees: float) -> float:
    return float(np.deg2rad(degrees))


def band_table() -> Bands:
    """+-1 deg everywhere and in every posture, unless changed."""
    plain = {(a.name, basis, "any"): Band(-rad(1), 0.0, rad(1), 0.0) for a in ANGLES for basis in BANDS}
    return Bands(plain, {}, {})


def bent(flexion: float, out: float = 0.0) -> tuple[float, float, float]:
    """Up in segment axes of a segment with this flexion and out-of-plane angle, deg."""
    f, o = rad(flexion), rad(out)
    return -np.sin(f) * np.cos(o), np.cos(f) * np.cos(o), -np.sin(o)


def frames(ups: list[tuple[float, float, float]], n: int = 1, why: list[int] | None = None) -> Frames:
    """The same attitudes for ``n`` frames, one per sensor."""
    q = np.broadcast_to(quat.from_up(np.array(ups)), (n, len(ups), 4)).copy()
    codes = np.broadcast_to(np.array(why or [0] * len(ups), np.uint8), (n, len(ups))).copy()
    zero = np.zeros((n, len(ups), 3))
    return Frames(np.arange(n), q, zero, zero, codes)


def situation(layout: str, **changes: object) -> Situation:
    """Everything calibrated and captured, unless changed."""
    sites = config.layout(layout).sites
    return replace(Situation(sites, [given(WORN_AS_DRAWN) for _ in sites], set()), **changes)  # type: ignore[arg-type]


def angles(layout: str, f: Frames, s: Situation | None = None, bands: Bands | None = None) -> Angles:
    rows, up, columns = slice(0, len(f.index)), quat.up(f.earth_from_sensor), angles_of(config.layout(layout).sites)
    return Stretch(f, rows, up, columns, bands or band_table(), s or situation(layout)).angles()


def column(a: Angles, name: str) -> tuple[float, float, float, int, int]:
    """Value, low, high (deg), source and why of the last frame."""
    i = a.names.index(name)
    value, low, high = (float(np.rad2deg(x[-1, i])) for x in (a.value, a.low, a.high))
    return value, low, high, int(a.source[-1, i]), int(a.why[-1, i])


def value(a: Angles, name: str) -> float:
    v, low, high, source, why = column(a, name)
    assert why == 0, Why(why).name
    assert source != Source.UNAVAILABLE
    assert low <= high
    return v


def reason(a: Angles, name: str) -> Why:
    v, low, high, source, why = column(a, name)
    assert np.isnan([v, low, high]).all(), "nothing is shown that is not available"
    assert source == Source.UNAVAILABLE
    return Why(why)


@pytest.mark.parametrize(
    ("up", "flexion"),
    [
        (STANDING, 0.0),
        ((-1.0, 0.0, 0.0), 90.0),  # prone: the face looks down
        ((1.0, 0.0, 0.0), -90.0),  # supine
        ((np.sin(np.deg2rad(20)), np.cos(np.deg2rad(20)), 0.0), -20.0),  # leaning back
        ((-np.sin(np.deg2rad(100)), np.cos(np.deg2rad(100)), 0.0), 100.0),  # no fold at 90
        (bent(175.0), 175.0),
        (bent(50.0, 20.0), 50.0),
    ],
)
def test_flexion(up: tuple[float, float, float], flexion: float) -> None:
    a = angles("upper_back", frames([up]))
    assert value(a, "trunk_inclination") == pytest.approx(flexion)
    assert value(a, "upper_back_tilt") == pytest.approx(flexion), "worn as drawn: the sensor's own tilt is the same"


@pytest.mark.parametrize(("out", "side"), [(15.0, "right down"), (-15.0, "left down")])
def test_side_bend_of_an_upright_trunk(out: float, side: str) -> None:
    a = angles("upper_back", frames([(0.0, np.cos(rad(out)), -np.sin(rad(out)))]))
    assert value(a, "trunk_lateral") == pytest.approx(out)
    assert reason(a, "trunk_twist") == Why.NOT_DEFINED_HERE


@pytest.mark.parametrize("turn", [20.0, -20.0])
def test_twist_of_a_level_trunk(turn: float) -> None:
    """Prone and turned about the long axis; positive to the left, as a right-handed turn about cranial is."""
    prone = np.array([-1.0, 0.0, 0.0])
    up = quat.rotate(quat.conjugate(quat.from_rotvec(np.array([0.0, rad(turn), 0.0]))), prone)
    a = angles("upper_back", frames([tuple(up)]))
    assert value(a, "trunk_twist") == pytest.approx(turn)
    assert reason(a, "trunk_lateral") == Why.NOT_DEFINED_HERE


@pytest.mark.parametrize(
    ("flexion", "lateral", "twist"),
    [(44.0, True, False), (46.0, False, True), (-46.0, False, True), (134.0, False, True), (136.0, False, False)],
)
def test_where_bend_and_twist_are_defined(flexion: float, lateral: bool, twist: bool) -> None:
    a = angles("upper_back", frames([bent(flexion, 5.0)]))
    for name, defined in (("trunk_lateral", lateral), ("trunk_twist", twist)):
        if defined:
            assert value(a, name) == pytest.approx(5.0)
        else:
            assert reason(a, name) == Why.NOT_DEFINED_HERE


@pytest.mark.parametrize(("out", "there"), [(59.0, True), (61.0, False), (90.0, False), (-90.0, False)])
def test_lying_on_the_side(out: float, there: bool) -> None:
    """Less than half of gravity in the sagittal plane: no flexion."""
    a = angles("upper_back", frames([bent(0.0, out)]))
    if there:
        value(a, "trunk_inclination")
    else:
        for name in ("trunk_inclination", "trunk_lateral", "trunk_twist", "thoracolumbar_flexion"):
            assert reason(a, name) == Why.OUT_OF_PLANE


def test_without_a_side_axis() -> None:
    """Flexion barely needs it; side bend and twist wait for it."""
    mount = replace(given(WORN_AS_DRAWN), side=False)
    a = angles("upper_back", frames([bent(30.0)]), situation("upper_back", mounts=[mount]))
    assert value(a, "trunk_inclination") == pytest.approx(30.0)
    assert column(a, "trunk_inclination")[3] == Source.MEASURED
    assert reason(a, "trunk_lateral") == reason(a, "trunk_twist") == Why.SIDE_AXIS_UNKNOWN


@pytest.mark.parametrize("why", [Why.NOT_CALIBRATED, Why.SENSOR_MOVED])
def test_without_a_zero(why: Why) -> None:
    s = situation("upper_back_wrist", mounts=[replace(nominal(), why=why)] * 2)
    a = angles("upper_back_wrist", frames([bent(30.0)] * 2), s)
    for name in ("trunk_inclination", "trunk_lateral", "trunk_twist", "thoracolumbar_flexion", "forearm_elevation"):
        assert reason(a, name) == why
    value(a, "upper_back_tilt"), value(a, "wrist_yaw")  # neither needs a zero


@pytest.mark.parametrize("why", [Why.NOT_STARTED, Why.NO_DATA, Why.SETTLING])
@pytest.mark.parametrize("which", [0, 1])
def test_without_data(why: Why, which: int) -> None:
    a = angles("upper_back_sacrum", frames([STANDING] * 2, why=[why, 0] if which == 0 else [0, why]))
    for name in ("thoracolumbar_flexion", "lumbar_flexion", "thoracic_flexion"):
        assert reason(a, name) == why
    dead, alive = ("trunk_inclination", "pelvis_inclination")[:: 1 if which == 0 else -1]
    assert reason(a, dead) == why
    assert value(a, alive) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("upper", "lower", "between"),
    [(60.0, 40.0, 20.0), (-10.0, 15.0, -25.0), (170.0, -170.0, -20.0), (-170.0, 170.0, 20.0), (90.0, 90.0, 0.0)],
)
def test_between_two_sensors(upper: float, lower: float, between: float) -> None:
    """A difference of inclinations, wrapped at half a turn; the same in every posture."""
    for posture in (None, *POSTURES):
        s = situation("upper_back_sacrum", posture=posture)
        a = angles("upper_back_sacrum", frames([bent(upper), bent(lower)]), s)
        assert value(a, "thoracolumbar_flexion") == pytest.approx(between)
        assert column(a, "thoracolumbar_flexion")[3] == Source.MEASURED
        assert value(a, "pelvis_inclination") == pytest.approx(lower)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(("off", "near"), [(-1.0, True), (1.0, False)])
def test_too_far_sideways_for_a_difference(which: int, off: float, near: bool) -> None:
    ups = [bent(20.0), bent(10.0)]
    ups[which] = bent(20.0, float(np.rad2deg(TOO_FAR_OUT)) + off)
    a = angles("upper_back_sacrum", frames(ups))
    if near:
        value(a, "thoracolumbar_flexion")
    else:
        assert reason(a, "thoracolumbar_flexion") == Why.OUT_OF_PLANE
    value(a, "trunk_inclination")


def test_three_sensors_measure_both_parts() -> None:
    a = angles("spine", frames([bent(70.0), bent(50.0), bent(20.0)]))
    for name, expected in (("thoracolumbar_flexion", 50.0), ("thoracic_flexion", 20.0), ("lumbar_flexion", 30.0)):
        assert value(a, name) == pytest.approx(expected)
        assert column(a, name)[3] == Source.MEASURED


def test_two_sensors_share_out() -> None:
    """offset + change * thoracolumbar + anchor * trunk, by posture, else "any"; estimated, with its own band."""
    table = band_table()
    estimates = {
        ("lumbar_flexion", "split", "any"): Estimate(rad(2), 0.7, 0.1),
        ("thoracic_flexion", "split", "any"): Estimate(rad(-2), 0.3, -0.1),
        ("thoracic_flexion", "split", "seated"): Estimate(rad(5), 0.5, 0.0),
    }
    bands = replace(table, estimate=estimates)
    f = frames([bent(60.0), bent(20.0)])
    for posture, thoracic in ((None, -2.0 + 0.3 * 40 - 0.1 * 60), ("seated", 5.0 + 0.5 * 40), ("row", 4.0)):
        a = angles("upper_back_sacrum", f, situation("upper_back_sacrum", posture=posture), bands)
        assert value(a, "lumbar_flexion") == pytest.approx(2.0 + 0.7 * 40 + 0.1 * 60)
        assert value(a, "thoracic_flexion") == pytest.approx(thoracic)
        assert column(a, "thoracic_flexion")[3] == Source.ESTIMATED
    a = angles("upper_back_sacrum", f, bands=table)
    assert reason(a, "lumbar_flexion") == Why.NO_ANCHOR, "no estimate in the table"


# --- the curve, from one sensor -------------------------------------------------------------------------------------

ANCHORS = {posture: rad(10.0) for posture in ANCHORED}
FIXED = tuple(ANCHORED)


@pytest.mark.parametrize("in_set", [False, True])
@pytest.mark.parametrize("posture", [None, *POSTURES])
@pytest.mark.parametrize("layout", ["upper_back", "upper_back_wrist", "upper_back_upper_arm"])
def test_what_one_spine_sensor_may_say(layout: str, posture: str | None, in_set: bool) -> None:
    """Only what fixes the pelvis anchors an estimate: floor and chair always, hand or knee on a bench within a set."""
    expected = {
        None: Why.POSTURE_UNKNOWN,
        "transition": Why.TRANSITION,
        "standing": Why.NO_ANCHOR,
        "kneeling": 0 if in_set else Why.NO_ANCHOR,
        "pushback": 0 if in_set else Why.NO_ANCHOR,
    }.get(posture, 0)
    s = situation(layout, posture=posture, in_set=in_set, anchors=ANCHORS)
    a = angles(layout, frames([bent(30.0)] * len(s.sites)), s, config.bands())
    for name in ("thoracolumbar_flexion", "thoracic_flexion", "lumbar_flexion"):
        if expected:
            assert reason(a, name) == expected
        else:
            value(a, name)
            assert column(a, name)[3] == Source.ESTIMATED, "never measured"
    if not expected:
        fresh = situation(layout, posture=posture, in_set=in_set)
        assert reason(angles(layout, frames([STANDING] * len(s.sites)), fresh), "lumbar_flexion") == Why.CALIBRATING


def test_anchored_arithmetic() -> None:
    """offset + change * (trunk - anchor) + anchor * anchor: 5 + 0.6 (34 - 10) + 0.2 * 10."""
    estimate = {("lumbar_flexion", "anchored", "seated"): Estimate(rad(5), 0.6, 0.2)}
    band = {("lumbar_flexion", "anchored", "seated"): Band(rad(-4), -0.1, rad(6), 0.2)}
    table = band_table()
    bands = replace(table, estimate=estimate, band={**table.band, **band})
    s = situation("upper_back_wrist", posture="seated", anchors=ANCHORS)
    v, low, high, source, why = column(angles("upper_back_wrist", frames([bent(34.0)] * 2), s, bands), "lumbar_flexion")
    assert (source, why) == (Source.ESTIMATED, 0)
    assert v == pytest.approx(21.4)
    assert low == pytest.approx(21.4 - 4.0 - 2.14)
    assert high == pytest.approx(21.4 + 6.0 + 4.28)
    a = angles("upper_back_wrist", frames([bent(34.0)] * 2), s, bands)
    assert reason(a, "thoracic_flexion") == Why.NO_ANCHOR, "no estimate for this one"


@pytest.mark.parametrize(("up", "elevation"), [((0, 1, 0), -90), ((0, -1, 0), 90), ((1, 0, 0), 0), ((0, 0, -1), 0)])
@pytest.mark.parametrize(("layout", "name"), [("wrist", "forearm_elevation"), ("upper_arm", "upper_arm_elevation")])
def test_limbs_against_the_horizontal(layout: str, name: str, up: tuple[int, int, int], elevation: float) -> None:
    """Hanging, the proximal axis points up: -90; overhead +90."""
    a = angles(layout, frames([tuple(map(float, up))]))  # type: ignore[list-item]
    assert value(a, name) == pytest.approx(elevation)
    assert column(a, name)[3] == Source.MEASURED
    assert reason(a, "trunk_inclination") == reason(a, "lumbar_flexion") == Why.NOT_WORN


def spinning(layout: str, rates: list[float], n: int, ups: list[tuple[float, float, float]]) -> Frames:
    """Turning about the vertical at these rates (deg/s)."""
    f = frames(ups, n)
    gyr = np.array([rad(r) * np.array(u) for r, u in zip(rates, ups, strict=True)])
    return Frames(f.index, f.earth_from_sensor, f.acc, np.broadcast_to(gyr, (n, len(ups), 3)).copy(), f.why)


@pytest.mark.parametrize(
    ("rates", "yaw"), [((0.0, 30.0), 30.0), ((0.0, -30.0), -30.0), ((30.0, 30.0), 0.0), ((30.0, 0.0), -30.0)]
)
def test_wrist_yaw(rates: tuple[float, float], yaw: float) -> None:
    """One second of turning, positive to the left; whole-body turns do not count; it forgets slowly."""
    f = spinning("upper_back_wrist", list(rates), 100, [bent(20.0), (0.6, 0.0, 0.8)])
    a = angles("upper_back_wrist", f)
    v, _, _, source, _ = column(a, "wrist_yaw")
    assert v == pytest.approx(yaw, rel=1.5 / YAW_LEAK, abs=1e-9)
    assert source == Source.ESTIMATED, "integrated, never measured"


def test_wrist_yaw_alone_and_with_holes() -> None:
    f = spinning("wrist", [30.0], 100, [STANDING])
    assert value(angles("wrist", f), "wrist_yaw") == pytest.approx(30.0, rel=0.03)
    why = f.why.copy()
    why[50:99] = Why.NO_DATA
    s = situation("wrist")
    half = angles("wrist", Frames(f.index, f.earth_from_sensor, f.acc, f.gyr, why), s)
    assert value(half, "wrist_yaw") == pytest.approx(30.0 * 51 / 100, rel=0.05), "no turning is made up in a hole"
    assert np.isnan(half.value[60, half.names.index("wrist_yaw")])


@pytest.mark.parametrize("flexion", [40.0, -40.0, 0.0])
def test_band_arithmetic(flexion: float) -> None:
    """v + low + low_slope |v| to v + high + high_slope |v|; the posture's own band if there is one."""
    table = band_table()
    special = {("trunk_inclination", "measured", "row"): Band(rad(-3), -0.05, rad(2), 0.1)}
    bands = replace(table, band={**table.band, **special})
    for posture, low, high in (("row", -3 - 2, 2 + 4), ("prone", -1, 1), (None, -1, 1)):
        a = angles("upper_back", frames([bent(flexion)]), situation("upper_back", posture=posture), bands)
        v, lo, hi, _, _ = column(a, "trunk_inclination")
        if flexion == 0.0 and posture == "row":
            low, high = -3, 2
        assert (lo - v, hi - v) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize("unsure", [set(), {"upper_back"}, {"sacrum"}, {"upper_back", "sacrum"}])
def test_without_a_bias_capture_bands_are_wider(unsure: set[str]) -> None:
    """On either side, for every angle that the sensor has a part in, and for no other."""
    extra = {"trunk_inclination": rad(2.3), "pelvis_inclination": rad(2.5), "thoracolumbar_flexion": rad(3.3)}
    bands = replace(band_table(), no_bias_capture=extra)
    s = situation("upper_back_sacrum", unsure=unsure)
    a = angles("upper_back_sacrum", frames([bent(20.0), bent(5.0)]), s, bands)
    for name, sites in (
        ("trunk_inclination", {"upper_back"}),
        ("pelvis_inclination", {"sacrum"}),
        ("thoracolumbar_flexion", {"upper_back", "sacrum"}),
        ("upper_back_tilt", set()),
    ):
        v, low, high, _, _ = column(a, name)
        wide = 1.0 + (np.rad2deg(extra.get(name, 0.0)) if unsure & sites else 0.0)
        assert (low - v, high - v) == pytest.approx((-wide, wide))


def test_the_side_axis_decides_the_basis() -> None:
    """A nominal side axis has its own, wider band; a difference is as good as the worse of the two."""
    table = band_table()
    wide = {(name, "nominal", "any"): Band(-rad(4), 0.0, rad(4), 0.0) for name, _, _ in table.band}
    bands = replace(table, band={**table.band, **wide})
    mounts = [given(WORN_AS_DRAWN), replace(given(WORN_AS_DRAWN), side=False)]
    s = situation("upper_back_sacrum", mounts=mounts)
    a = angles("upper_back_sacrum", frames([bent(20.0), bent(5.0)]), s, bands)
    width = {n: round(float(np.rad2deg(a.high - a.low)[0, i]), 6) for i, n in enumerate(a.names)}
    assert width["trunk_inclination"] == 2.0
    assert width["pelvis_inclination"] == 8.0
    assert width["thoracolumbar_flexion"] == 8.0
