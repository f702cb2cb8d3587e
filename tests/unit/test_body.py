"""Commands, anchors and poses change what angles mean, each at its frame; hostile commands change nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from imu_coach import config, quat
from imu_coach.conventions import GRAVITY
from imu_coach.core.body import ANCHOR_FRAMES, Body
from imu_coach.types import Angles, Command, Event, Frames, Header, SensorInfo, Source, Why, concat_angles

WORN_AS_DRAWN = (1.0, 0.0, 0.0, 0.0)
N = 2000


def bent(flexion: np.ndarray | float) -> np.ndarray:
    """Up in segment axes (n, 3) for this flexion, deg."""
    f = np.deg2rad(np.broadcast_to(flexion, (N,)))
    return np.stack([-np.sin(f), np.cos(f), np.zeros(N)], axis=1)


def frames(*ups: np.ndarray, yaw_rate: float = 0.0, why: np.ndarray | None = None) -> Frames:
    """One attitude series per sensor; all turn about the vertical at ``yaw_rate`` (rad/s) but the first."""
    q = np.stack([quat.from_up(u) for u in ups], axis=1)
    gyr = yaw_rate * np.stack(ups, axis=1)
    gyr[:, 0] = 0.0
    codes = np.zeros((N, len(ups)), np.uint8) if why is None else why
    return Frames(np.arange(N), q, np.stack(ups, axis=1) * GRAVITY, gyr, codes)


def body(layout: str = "upper_back_wrist", mounted: bool = True, bias: bool = True) -> Body:
    infos = tuple(
        SensorInfo(s, mounting=WORN_AS_DRAWN if mounted else None, bias=(0.0, 0.0, 0.0) if bias else None)
        for s in config.layout(layout).sites
    )
    return Body(config.layout(layout), Header(infos), config.bands())


def command(at: float, name: str, **value: Any) -> Command:
    return Command(round(at * 1e9), name, value)


def play(stage: Body, f: Frames, *commands: Command) -> tuple[Angles, list[Event]]:
    for c in commands:
        stage.command(c)
    return stage.push(f), stage.take_events()


def row(a: Angles, name: str, what: str = "value") -> np.ndarray:
    return np.asarray(getattr(a, what)[:, a.names.index(name)])


@pytest.mark.parametrize(("ns", "frame"), [(0, 0), (1, 1), (9_999_999, 1), (10_000_000, 1), (10_000_001, 2)])
def test_a_command_acts_from_the_first_frame_at_or_after_it(ns: int, frame: int) -> None:
    _, events = play(body(), frames(bent(0), bent(0)), Command(ns, "marker", {"text": "here"}))
    assert events == [Event(frame, frame, "marked", "", {"text": "here"})]


def test_context_takes_effect_at_its_frame() -> None:
    a, _ = play(
        body(), frames(bent(20), bent(0)), command(3.0, "context", posture="transition"), command(5.0, "context")
    )
    why = row(a, "lumbar_flexion", "why")
    assert set(why[:300]) == {Why.POSTURE_UNKNOWN}
    assert set(why[300:500]) == {Why.TRANSITION}
    assert set(why[500:]) == {Why.POSTURE_UNKNOWN}


@pytest.mark.parametrize("cut", [299, 300, 301])
def test_it_does_so_wherever_the_frames_are_cut(cut: int) -> None:
    f = frames(bent(20), bent(0))
    whole, _ = play(body(), f, command(3.0, "context", posture="transition"))
    stage = body()
    stage.command(command(3.0, "context", posture="transition"))
    parts = [
        stage.push(Frames(*(getattr(f, n)[s] for n in ("index", "earth_from_sensor", "acc", "gyr", "why"))))
        for s in (slice(0, cut), slice(cut, cut), slice(cut, N))
    ]
    np.testing.assert_array_equal(concat_angles(parts).why, whole.why)


def test_frames_that_are_skipped_leave_what_pushed_ones_leave() -> None:
    """Poses, zeros, the anchor of a posture and the wrist's yaw go on as if the angles had been asked for."""
    rng = np.random.default_rng(5)
    sway = np.cumsum(rng.normal(0.0, 0.02, N))
    f = frames(bent(sway + 10.0), bent(5.0), yaw_rate=0.2)
    told = (
        command(1.0, "calibrate", pose="stand_tall", seconds=4.0),
        command(6.0, "context", posture="prone", in_set=True),
        command(9.0, "rezero"),
    )
    rows = [
        Frames(*(getattr(f, n)[s] for n in ("index", "earth_from_sensor", "acc", "gyr", "why")))
        for s in (slice(0, 1201), slice(1201, N))
    ]
    later = []
    for skipped in (False, True):
        stage = body(mounted=False)
        for c in told:
            stage.command(c)
        stage.skip(rows[0]) if skipped else stage.push(rows[0])
        later.append((stage.push(rows[1]), stage.take_events()))
    assert later[0][1] == later[1][1]
    assert [e.kind for e in later[0][1]] == ["calibrated"]
    for name in ("value", "low", "high", "source", "why"):
        np.testing.assert_array_equal(getattr(later[0][0], name), getattr(later[1][0], name))
    assert np.isfinite(row(later[0][0], "wrist_yaw")).any()


def test_no_frames() -> None:
    stage = body()
    three = np.zeros((0, 2, 3))
    a = stage.push(Frames(np.arange(0), np.zeros((0, 2, 4)), three, three, np.zeros((0, 2), np.uint8)))
    assert a.value.shape == (0, len(a.names))


HOSTILE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("calibrate", {}),
    ("calibrate", {"pose": None}),
    ("calibrate", {"pose": "toe_touch"}),
    ("calibrate", {"pose": ["stand_tall"]}),
    ("calibrate", {"pose": {"stand_tall": 1}, "seconds": 4}),
    ("calibrate", {"pose": "stand_tall", "seconds": "4"}),
    ("calibrate", {"pose": "stand_tall", "seconds": None}),
    ("calibrate", {"pose": "stand_tall", "seconds": -4}),
    ("calibrate", {"pose": "stand_tall", "seconds": 0.49}),
    ("calibrate", {"pose": "stand_tall", "seconds": 61}),
    ("calibrate", {"pose": "stand_tall", "seconds": float("nan")}),
    ("calibrate", {"pose": "stand_tall", "seconds": float("inf")}),
    ("calibrate", {"pose": "stand_tall", "seconds": [4]}),
)


@pytest.mark.parametrize(("name", "value"), HOSTILE)
def test_a_pose_that_makes_no_sense_is_refused(name: str, value: dict[str, Any]) -> None:
    a, events = play(body(mounted=False), frames(bent(20), bent(0)), Command(10**9, name, value))
    (event,) = events
    assert (event.kind, event.decided) == ("calibration_failed", 100)
    assert event.detail["problem"]
    assert set(row(a, "trunk_inclination", "why")) == {Why.NOT_CALIBRATED}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nonsense", {"x": 1}),
        ("", {}),
        ("context", {}),
        ("context", {"posture": "lying"}),
        ("context", {"posture": 7, "in_set": "yes"}),
        ("context", {"posture": ["prone"]}),
        ("rezero", {"to": "the moon"}),
        ("start", {"exercise": "row"}),
        ("undo", {}),
    ],
)
def test_commands_for_others_and_nonsense_do_nothing_here(name: str, value: dict[str, Any]) -> None:
    f = frames(bent(20), bent(0))
    plain, _ = play(body(), f)
    a, events = play(body(), f, Command(10**9, name, value))
    assert events == []
    np.testing.assert_array_equal(a.value, plain.value)
    np.testing.assert_array_equal(a.why, plain.why)


@pytest.mark.parametrize("text", ["x" * 10_000, None, 5, ["a"], {"b": "c"}])
def test_marker_texts_are_short_strings(text: object) -> None:
    _, (event,) = play(body(), frames(bent(0), bent(0)), Command(10**9, "marker", {"text": text}))
    assert isinstance(event.detail["text"], str)
    assert len(event.detail["text"]) <= 200


def test_standing_tall_makes_zero() -> None:
    """Worn 25 deg tilted (a kyphotic back): from the end of the pose on, that is zero; the tilt stays visible."""
    flexion = np.where(np.arange(N) < 800, 25.0, 55.0)
    a, (event,) = play(
        body(mounted=False), frames(bent(flexion), bent(0)), command(2.0, "calibrate", pose="stand_tall", seconds=4)
    )
    assert (event.kind, event.onset, event.decided) == ("calibrated", 200, 600)
    assert set(event.detail["sensors"]) == {"upper_back", "wrist"}
    assert set(row(a, "trunk_inclination", "why")[:600]) == {Why.NOT_CALIBRATED}
    np.testing.assert_allclose(np.rad2deg(row(a, "trunk_inclination")[600:800]), 0.0, atol=1e-6)
    np.testing.assert_allclose(np.rad2deg(row(a, "trunk_inclination")[800:]), 30.0, atol=1e-6)
    np.testing.assert_allclose(np.rad2deg(row(a, "upper_back_tilt")), flexion, atol=1e-6)
    assert set(row(a, "trunk_lateral", "why")[600:800]) == {Why.SIDE_AXIS_UNKNOWN}


def test_one_sensor_refused_the_other_taken() -> None:
    """It is a calibration if any sensor was; the one that was not keeps what it had."""
    restless = bent(20.0 * np.sin(np.arange(N) / 20.0))
    a, (event,) = play(
        body(mounted=False), frames(restless, bent(0)), command(2.0, "calibrate", pose="stand_tall", seconds=4)
    )
    assert event.kind == "calibrated"
    assert "problem" in event.detail["sensors"]["upper_back"]
    assert "problem" not in event.detail["sensors"]["wrist"]
    assert row(a, "trunk_inclination", "why")[-1] == Why.NOT_CALIBRATED
    assert row(a, "forearm_elevation", "why")[-1] == 0
    _, (event,) = play(body(mounted=False), frames(restless, restless), command(2.0, "calibrate", pose="stand_tall"))
    assert event.kind == "calibration_failed"


def test_a_pose_without_data_fails() -> None:
    why = np.zeros((N, 2), np.uint8)
    why[250:600] = Why.NO_DATA
    _, (event,) = play(
        body(mounted=False), frames(bent(0), bent(0), why=why), command(2.0, "calibrate", pose="stand_tall")
    )
    assert event.kind == "calibration_failed"
    assert {"too little data from the sensor"} == {q["problem"] for q in event.detail["sensors"].values()}


def test_prone_concerns_the_spine_alone() -> None:
    flexion = np.where(np.arange(N) < 800, 0.0, 90.0)
    a, events = play(
        body(mounted=False),
        frames(bent(flexion), bent(0)),
        command(2.0, "calibrate", pose="stand_tall", seconds=4),
        command(9.0, "calibrate", pose="lie_prone", seconds=4.0),
    )
    assert [e.kind for e in events] == ["calibrated", "calibrated"]
    assert set(events[1].detail["sensors"]) == {"upper_back"}
    assert row(a, "trunk_twist", "why")[1299] == Why.SIDE_AXIS_UNKNOWN
    assert row(a, "trunk_twist", "why")[1300] == 0


def test_overlapping_poses_both_end() -> None:
    _, events = play(
        body(mounted=False),
        frames(bent(0), bent(0)),
        command(2.0, "calibrate", pose="stand_tall", seconds=6.0),
        command(3.0, "calibrate", pose="stand_tall", seconds=2.0),
    )
    assert [(e.kind, e.onset, e.decided) for e in events] == [("calibrated", 300, 500), ("calibrated", 200, 800)]


def test_a_bias_capture_narrows_the_band_from_its_frame_on() -> None:
    stage = body(bias=False)
    stage.bias_captured(Event(700, 300, "calibrated", "upper_back", {}))
    a, _ = play(stage, frames(bent(10), bent(0)))
    width = np.rad2deg(row(a, "trunk_inclination", "high") - row(a, "trunk_inclination", "low"))
    extra = np.rad2deg(config.bands().no_bias_capture["trunk_inclination"])
    np.testing.assert_allclose(width[:700] - width[700:].mean(), 2.0 * extra, atol=1e-9)
    np.testing.assert_allclose(width[700:], width[700], atol=1e-9)
    arm = row(a, "forearm_elevation", "high") - row(a, "forearm_elevation", "low")
    np.testing.assert_allclose(arm, arm[0], atol=1e-12, err_msg="another sensor's capture")


def test_the_first_second_of_a_posture_is_its_anchor() -> None:
    """The mean trunk inclination over :data:`ANCHOR_FRAMES`; then estimates, relative to it."""
    k = np.arange(N)
    flexion = np.where(k < 500, 12.0 + 2.0 * np.cos(2.0 * np.pi * k / ANCHOR_FRAMES), 40.0)
    a, _ = play(body(), frames(bent(flexion), bent(0)), command(2.0, "context", posture="seated"))
    why, value = row(a, "thoracolumbar_flexion", "why"), row(a, "thoracolumbar_flexion")
    assert set(why[200 : 200 + ANCHOR_FRAMES]) == {Why.CALIBRATING}
    assert set(why[200 + ANCHOR_FRAMES :]) == {0}
    assert set(row(a, "thoracolumbar_flexion", "source")[300:]) == {Source.ESTIMATED}
    e = config.bands().estimate["thoracolumbar_flexion", "anchored", "seated"]
    expected = e.offset + e.change * np.deg2rad(28.0) + e.anchor * np.deg2rad(12.0)
    assert value[-1] == pytest.approx(expected)


def test_an_anchor_waits_for_data() -> None:
    why = np.zeros((N, 2), np.uint8)
    why[200:700, 0] = Why.NO_DATA
    a, _ = play(body(), frames(bent(12), bent(0), why=why), command(2.0, "context", posture="seated"))
    codes = row(a, "thoracolumbar_flexion", "why")
    assert set(codes[200:700]) == {Why.NO_DATA}
    assert codes[700] == Why.CALIBRATING
    assert codes[700 + 2 * ANCHOR_FRAMES] == 0


def test_a_set_has_its_own_anchor() -> None:
    """Pushback: nothing between sets; each set begins with its own anchor."""
    flexion = np.where(np.arange(N) < 1000, 50.0, 60.0)
    a, _ = play(
        body(),
        frames(bent(flexion), bent(0)),
        command(1.0, "context", posture="pushback", in_set=False),
        command(3.0, "context", posture="pushback", in_set=True),
        command(8.0, "context", posture="pushback", in_set=False),
        command(12.0, "context", posture="pushback", in_set=True),
    )
    why = row(a, "lumbar_flexion", "why")
    assert set(why[100:300]) == {Why.NO_ANCHOR}
    assert set(why[300:400]) == {Why.CALIBRATING}
    assert set(why[400:800]) == {0}
    assert set(why[800:1200]) == {Why.NO_ANCHOR}
    assert set(why[1200:1300]) == {Why.CALIBRATING}
    e = config.bands().estimate["lumbar_flexion", "anchored", "pushback"]
    for frame, anchor in ((700, 50.0), (1900, 60.0)):
        assert row(a, "lumbar_flexion")[frame] == pytest.approx(e.offset + e.anchor * np.deg2rad(anchor))


def test_sitting_tall_is_an_anchor_that_lasts() -> None:
    """Until the next standing tall: later slouching sets do not move it."""
    flexion = np.where(np.arange(N) < 700, 10.0, 30.0)
    a, events = play(
        body(),
        frames(bent(flexion), bent(0)),
        command(2.0, "calibrate", pose="sit_tall", seconds=4.0),
        command(8.0, "context", posture="seated", in_set=False),
        command(12.0, "context", posture="seated", in_set=True),
    )
    assert [e.kind for e in events] == ["calibrated"]
    assert set(row(a, "lumbar_flexion", "why")[800:]) == {0}, "no second of waiting"
    e = config.bands().estimate["lumbar_flexion", "anchored", "seated"]
    expected = e.offset + e.change * np.deg2rad(20.0) + e.anchor * np.deg2rad(10.0)
    np.testing.assert_allclose(row(a, "lumbar_flexion")[800:], expected)


def test_standing_tall_again_forgets_the_anchors() -> None:
    a, _ = play(
        body(),
        frames(bent(10), bent(0)),
        command(1.0, "calibrate", pose="sit_tall", seconds=2.0),
        command(4.0, "context", posture="seated"),
        command(6.0, "calibrate", pose="stand_tall", seconds=2.0),
    )
    why = row(a, "lumbar_flexion", "why")
    assert set(why[400:800]) == {0}
    assert why[800] == Why.CALIBRATING
    assert why[900] == 0


def test_an_anchor_across_a_new_zero() -> None:
    """Re-calibrated in the middle of the first second of a posture: the anchor must be of the new zero alone."""
    a, _ = play(
        body(),
        frames(bent(20), bent(0)),
        command(2.0, "calibrate", pose="stand_tall", seconds=4.0),
        command(5.5, "context", posture="seated"),
    )
    e = config.bands().estimate["lumbar_flexion", "anchored", "seated"]
    assert row(a, "trunk_inclination")[-1] == pytest.approx(0.0, abs=1e-9)
    assert row(a, "lumbar_flexion")[-1] == pytest.approx(e.offset, abs=1e-9)


def test_the_same_context_again_changes_nothing() -> None:
    f = frames(bent(10), bent(0), yaw_rate=0.2)
    once, _ = play(body(), f, command(2.0, "context", posture="prone"))
    twice, _ = play(body(), f, command(2.0, "context", posture="prone"), command(9.0, "context", posture="prone"))
    np.testing.assert_array_equal(once.value, twice.value)


@pytest.mark.parametrize("c", [command(8.0, "rezero"), command(8.0, "context", posture="seated")])
def test_rezeroing_the_yaw(c: Command) -> None:
    a, _ = play(body(), frames(bent(0), bent(0), yaw_rate=0.3), c)
    yaw = row(a, "wrist_yaw")
    assert yaw[799] > 1.0
    assert yaw[800] == pytest.approx(0.003)
    assert (np.diff(yaw[800:]) > 0).all()


def test_a_slip_takes_the_angles_away_until_standing_tall() -> None:
    """Found between sets; nothing is shown that needs the old mounting; a new stand-tall brings it back."""
    aside = bent(0)
    turned = quat.rotate(quat.from_rotvec(np.array([np.deg2rad(15.0), 0.0, 0.0])), aside)
    up = np.where((np.arange(N) < 800)[:, None], aside, turned)
    a, events = play(
        body(),
        frames(up, bent(0)),
        command(1.0, "context", posture="standing"),
        command(15.0, "calibrate", pose="stand_tall", seconds=3.0),
    )
    assert [e.kind for e in events] == ["slipped", "calibrated"]
    slip = events[0]
    assert slip.sensor == "upper_back"
    assert 1000 <= slip.decided <= 1400
    why = row(a, "trunk_inclination", "why")
    assert set(why[: slip.decided]) == {0}
    assert set(why[slip.decided : 1800]) == {Why.SENSOR_MOVED}
    assert set(why[1800:]) == {0}
    assert row(a, "trunk_lateral", "why")[-1] == Why.SIDE_AXIS_UNKNOWN
    assert set(row(a, "forearm_elevation", "why")) == {0}, "another sensor"
