"""Separately started loggers: known offsets and drifts are found, within what sampling allows, or refused."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from imu_coach.conventions import GRAVITY
from imu_coach.errors import ConfigError, ImportFileError
from imu_coach.importers import Columns, Track, load
from imu_coach.importers.fit import parabola
from imu_coach.importers.motion import GRID
from imu_coach.importers.sync import correlate, tap

DATA = Path(os.environ.get("IMU_COACH_DATA", Path(__file__).parents[3] / "shared" / "data"))
BODY = DATA / "qmt_body" / "full_body_trunk_arm.npz"

LENGTH = 200.0
START_TAPS = (41.0, 41.6, 42.5)
END_TAPS = (185.0, 185.7, 186.2)
STRIKES = np.cumsum(np.random.default_rng(9).normal(0.55, 0.03, 130)) + 70.0
"""Heel strikes in the middle of the session, felt by both: as sharp as taps, but not where taps are looked for."""

TAP_SIGMA = 0.01 / np.sqrt(6)
"""s; the difference of two peaks that are each known to a sample of 10 ms: sqrt(2) times the sample over sqrt(12)."""

GRID_SIGMA = 1 / GRID / np.sqrt(12)


def turns(seed: int, tempo: float = 1.0) -> np.ndarray:
    """Frequencies (Hz), phases and amplitudes (rad/s) of a motion that does not repeat itself."""
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(0.3, 2.5, 36) * tempo, rng.uniform(0, 6.3, 36), rng.normal(0, 0.3, 36)])


def logger(
    seed: int,
    begin: float,
    end: float,
    *,
    clock: float = 0.0,
    drift: float = 0.0,
    taps: Sequence[float] = (*START_TAPS, *END_TAPS),
    motion: np.ndarray | None = None,
    rate: float = 100.0,
) -> tuple[Track, np.ndarray]:
    """A recording of ``begin`` to ``end`` on a clock that shows ``clock`` then and runs fast by ``drift``.

    Returns the track and the true times of its samples; both loggers of a session felt the same ``motion`` and taps.
    """
    rng = np.random.default_rng(1000 + seed)
    true = np.arange(begin, end, 1 / rate) + rng.uniform(0, 1 / rate)
    parts = turns(3) if motion is None else motion
    waves = parts[:, 2] * np.sin(2 * np.pi * parts[:, 0] * true[:, None] + parts[:, 1])
    gyr = waves.reshape(len(true), 12, 3).sum(axis=1) * (0.4 + abs(np.sin(0.11 * true) + np.sin(0.037 * true)))[:, None]
    acc = np.tile([0.0, 0.0, GRAVITY], (len(true), 1))
    for at, height, width in [*((at, 5.0, 0.006) for at in taps), *((at, 2.0, 0.02) for at in STRIKES)]:
        acc[:, 2] += height * GRAVITY * np.exp(-(((true - at) / width) ** 2) / 2)
    t = clock + (true - true[0]) * (1 + drift)
    noisy = [x + rng.normal(0, s, x.shape) for x, s in ((acc, 0.3), (gyr, 0.02))]
    return Track(t, noisy[0], noisy[1], "made up"), true


def off(track: Track, true: np.ndarray, reference_start: float) -> tuple[float, float]:
    """Error in s at the first and the last sample, the reference clock showing 0 at ``reference_start``."""
    wrong = track.t - (true - reference_start)
    return float(wrong[0]), float(wrong[-1])


# --- taps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_taps_at_both_ends(seed: int) -> None:
    drift = (seed - 2) * 60e-6
    a, ta = logger(seed, 0.0, 195.0)
    b, tb = logger(seed + 50, 17.3, LENGTH, clock=5000.0, drift=drift, rate=104.0)
    tracks, report = tap({"hip": a, "back": b})
    # three taps at each end; the line through both groups is at the ends at most 1.1 times as uncertain as a group
    allowed = 3.3 * TAP_SIGMA / np.sqrt(3)
    assert max(map(abs, off(tracks["back"], tb, ta[0]))) < allowed
    assert report.offset["back"] == pytest.approx(tb[0] - ta[0] - 5000.0, abs=allowed)
    # the groups are 144 s apart
    assert report.drift["back"] == pytest.approx(-drift, abs=3 * TAP_SIGMA * np.sqrt(2 / 3) / 144)
    assert report.detail["back"].startswith("3 and 3 taps, 144 s apart")
    assert report.error["back"] < 2 * TAP_SIGMA
    assert abs(off(tracks["back"], tb, ta[0])[0]) < 4 * report.error["back"]
    assert tracks["hip"] is a or (tracks["hip"].t == a.t).all()


@pytest.mark.parametrize(("taps", "where"), [(START_TAPS, "start"), (END_TAPS, "end")])
def test_taps_at_one_end_do_not_know_the_drift(taps: Sequence[float], where: str) -> None:
    a, ta = logger(1, 0.0, LENGTH, taps=taps)
    b, tb = logger(2, 17.3, LENGTH, taps=taps, drift=100e-6)
    tracks, report = tap({"hip": a, "back": b})
    first, last = off(tracks["back"], tb, ta[0])
    near, far = (first, last) if where == "start" else (last, first)
    assert abs(near) < 0.004 + 3 * TAP_SIGMA / np.sqrt(3)
    assert 0.01 < abs(far) < 0.03
    assert report.drift["back"] == 0
    assert f"3 taps at the {where} only, so the drift is unknown: 9 ms at 50 ppm" in report.detail["back"]


def test_taps_survive_lost_packets() -> None:
    a, ta = logger(1, 0.0, LENGTH)
    b, tb = logger(2, 17.3, LENGTH)
    keep = np.random.default_rng(0).random(len(tb)) < 0.7
    keep |= np.min(abs(tb[:, None] - np.array([*START_TAPS, *END_TAPS])), axis=1) < 0.02
    b = Track(b.t[keep], b.acc[keep], b.gyr[keep], "")
    tracks, _ = tap({"hip": a, "back": b})
    assert max(map(abs, off(tracks["back"], tb[keep], ta[0]))) < 0.01


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [
        ((), (), "no two taps near the start or the end"),
        ((41.0,), (41.0,), "no two taps"),
        (START_TAPS, (), "no two taps"),
        ((41.0, 42.0, 43.0, 44.0), (42.0, 43.0), "its taps fit 'hip' at"),
        ((110.0, 110.6, 111.5), (110.0, 110.6, 111.5), "no two taps"),
    ],
)
def test_taps_that_do_not_tell(ours: Sequence[float], theirs: Sequence[float], says: str) -> None:
    with pytest.raises(ImportFileError, match=f"^back: .*{says}.*tap three times"):
        tap({"hip": logger(1, 0.0, LENGTH, taps=ours)[0], "back": logger(2, 17.3, LENGTH, taps=theirs)[0]})


def test_taps_further_apart_than_allowed_are_refused() -> None:
    a, b = logger(1, 0.0, LENGTH)[0], logger(2, 17.3, LENGTH)[0]
    tap({"hip": a, "back": b}, max_lag=18.0)
    with pytest.raises(ImportFileError):
        tap({"hip": a, "back": b}, max_lag=16.0)


def test_parabola() -> None:
    x = np.array([1.0, 1.5, 3.0])
    assert parabola(x, 7 - 2 * (x - 1.8) ** 2) == pytest.approx(1.8)
    assert parabola(x, np.array([1.0, 1.0, 1.0])) == 1.5
    assert parabola(x, np.array([1.0, 2.0, 9.0])) == 1.5


# --- motion ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seed", "drift"), [(0, 0.0), (1, 60e-6), (2, -90e-6), (3, 200e-6)])
def test_motion_of_one_body(seed: int, drift: float) -> None:
    """Both sensors on one board, so that only noise and the grid limit it: never worse than the steps of the grid."""
    a, ta = logger(seed, 0.0, 195.0, taps=())
    b, tb = logger(seed + 50, 27.3, LENGTH, clock=5000.0, drift=drift, taps=(), rate=52.0)
    tracks, report = correlate({"hip": a, "back": b})
    assert max(map(abs, off(tracks["back"], tb, ta[0]))) < 2 * GRID_SIGMA
    # 16 pieces, each known to GRID_SIGMA or better, evenly over 168 s
    assert report.drift["back"] == pytest.approx(-drift, abs=3 * GRID_SIGMA / (168 / np.sqrt(12) * np.sqrt(16)))
    assert GRID_SIGMA <= report.error["back"] < 2 * GRID_SIGMA


def test_motion_survives_lost_packets() -> None:
    a, ta = logger(1, 0.0, LENGTH)
    b, tb = logger(2, 27.3, LENGTH)
    keep = np.random.default_rng(0).random(len(tb)) < 0.5
    tracks, _ = correlate({"hip": a, "back": Track(b.t[keep], b.acc[keep], b.gyr[keep], "")})
    assert max(map(abs, off(tracks["back"], tb[keep], ta[0]))) < 4 * GRID_SIGMA


def test_the_reference_may_be_the_later_one() -> None:
    a, ta = logger(1, 0.0, LENGTH)
    b, tb = logger(2, 27.3, LENGTH, clock=-40.0)
    _, one = correlate({"hip": a, "back": b})
    _, other = correlate({"back": b, "hip": a})
    assert one.offset["back"] == pytest.approx(tb[0] - ta[0] + 40.0, abs=2 * GRID_SIGMA)
    assert other.offset["hip"] == pytest.approx(-one.offset["back"], abs=2 * GRID_SIGMA)


def test_motion_that_does_not_tell() -> None:
    a = logger(1, 0.0, LENGTH)[0]
    made = [logger(1, 0.0, LENGTH), logger(2, 17.3, LENGTH)]
    again = [Track(t.t, t.acc, np.outer(np.sin(np.pi * true), [1.0, 0.0, 0.0]), "") for t, true in made]
    still = Track(a.t, a.acc, np.full_like(a.gyr, 0.01), "")
    brief = Track(a.t[:1500], a.acc[:1500], a.gyr[:1500], "")
    for one, other, says in [
        (a, logger(2, 0.0, LENGTH, motion=turns(77))[0], "no clear peak against 'hip'"),
        (*again, "no clear peak against 'hip'"),
        (a, still, "hardly moves"),
        (a, brief, "15 s is too short to correlate"),
    ]:
        with pytest.raises(ImportFileError, match=f"^back: {says}"):
            correlate({"hip": one, "back": other})


def test_a_lag_larger_than_allowed_is_refused() -> None:
    a, b = logger(1, 0.0, LENGTH)[0], logger(2, 27.3, LENGTH)[0]
    correlate({"hip": a, "back": b}, max_lag=28.0)
    with pytest.raises(ImportFileError, match="no clear peak"):
        correlate({"hip": a, "back": b}, max_lag=26.0)


def test_options() -> None:
    a = logger(1, 0.0, 60.0)[0]
    for sync in (tap, correlate):
        with pytest.raises(ConfigError, match="nothing to be synchronised with"):
            sync({"hip": a})
        for wrong in (0.0, -1.0, float("nan"), float("inf")):
            with pytest.raises(ConfigError, match="max_lag"):
                sync({"hip": a, "back": a}, max_lag=wrong)


# --- files ----------------------------------------------------------------------------------------------------------


def test_load_synchronises_files(tmp_path: Path) -> None:
    files, true = {}, {}
    for k, (sensor, begin) in enumerate([("hip", 5.0), ("back", 0.0), ("wrist", 12.0)]):
        track, true[sensor] = logger(k, begin, 120.0, clock=1e6 * k, taps=(20.0, 20.6, 21.5))
        files[sensor] = tmp_path / f"{sensor}.csv"
        table = np.column_stack([track.t * 1e3, track.acc, track.gyr])
        np.savetxt(files[sensor], table, "%.6f", ",", header="t,ax,ay,az,gx,gy,gz", comments="")
    columns = Columns.parse("time=t:ms,acc=ax;ay;az:m/s2,gyr=gx;gy;gz:rad/s")
    with pytest.raises(ImportFileError, match="use sync=tap or sync=correlate"):
        load(files, columns=columns)
    for method in ("tap", "correlate"):
        tracks, report = load(files, columns=columns, sync=method)  # type: ignore[arg-type]
        assert report is not None
        assert min(track.t[0] for track in tracks.values()) == 0
        for sensor, track in tracks.items():
            allowed = 0.0 if sensor == "back" else 0.012
            assert track.t[0] == pytest.approx(true[sensor][0] - true["back"][0], abs=allowed + 1e-9)
        lines = report.text().splitlines()
        assert [line.split(":")[0] for line in lines] == ["hip", "back", "wrist"]
        assert lines[0].startswith("hip: +0.0000 s, error 0.0 ms, drift +0 ppm")
        assert f"({method}: " in lines[1]


# --- a person -------------------------------------------------------------------------------------------------------

body = pytest.mark.skipif(not BODY.is_file(), reason="the recorded person is not here (IMU_COACH_DATA)")


def worn(sensor: str, begin: float, end: float, clock: float = 0.0, drift: float = 0.0) -> Track:
    """Part of the recorded person, as a logger of its own."""
    with np.load(BODY) as file:
        t = file["t"] - file["t"][0]
        part = (t >= begin) & (t <= end)
        acc, gyr = (file[f"{sensor}_{kind}"][part].astype(float) for kind in ("acc", "gyr"))
    return Track(clock + (t[part] - begin) * (1 + drift), acc, gyr, "qmt")


@body
@pytest.mark.parametrize("begin", [0.0, 12.35])
@pytest.mark.parametrize(
    ("first", "second", "within"),
    [("hip", "upper_back", 0.1), ("lower_back", "upper_back", 0.1), ("forearm_right", "hand_right", 0.015)],
)
def test_a_person(first: str, second: str, within: float, begin: float) -> None:
    """The truth is known: one system recorded all.  Trunk segments move up to 0.1 s apart."""
    tracks = {first: worn(first, 0.0, 85.0), second: worn(second, begin, 100.0, clock=7e4)}
    _, report = correlate(tracks)
    wrong = report.offset[second] - (begin - 7e4)
    assert abs(wrong) < within / 2
    assert abs(wrong) < 3 * report.error[second]
    assert report.error[second] < within
    assert report.drift[second] == 0


@body
@pytest.mark.parametrize("other", ["forearm_right", "hand_right"])
def test_a_person_whose_hand_does_not_follow_the_hip(other: str) -> None:
    with pytest.raises(ImportFileError, match="no clear peak"):
        correlate({"hip": worn("hip", 0.0, 85.0), other: worn(other, 12.35, 100.0)})
