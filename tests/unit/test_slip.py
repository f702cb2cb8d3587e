"""Has a sensor moved?  Still moments, knocks and the axis of a set tell; breathing and sitting down do not."""

from __future__ import annotations

import numpy as np
import pytest

from imu_coach import config, quat
from imu_coach.conventions import FRAME_RATE, GRAVITY
from imu_coach.core.body import Body
from imu_coach.core.calibrate import given
from imu_coach.core.slip import BLOCK, KNOCK, MOVED, TWISTED, SlipMonitor
from imu_coach.types import Command, Event, Frames, Header, SensorInfo

WORN_AS_DRAWN = (1.0, 0.0, 0.0, 0.0)
MOUNT = given(WORN_AS_DRAWN)
Motion = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def rad(degrees: float) -> float:
    return float(np.deg2rad(degrees))


def rest(seconds: float, out: float = 0.0, flexion: float = 0.0, twist: float = 0.0) -> Motion:
    """A person at rest: breathing, sway and tremor; the sensor turned ``out`` deg sideways, ``twist`` about y."""
    t = np.arange(round(seconds * FRAME_RATE)) / FRAME_RATE
    f = rad(flexion) + rad(1.5) * np.sin(2 * np.pi * 0.25 * t) + rad(0.18) * np.sin(2 * np.pi * 5.5 * t)
    o = rad(out) + rad(1.0) * np.sin(2 * np.pi * 0.3 * t + 1.0)
    return sensed(f, o, twist)


def sensed(f: np.ndarray, o: np.ndarray, twist: float = 0.0) -> Motion:
    """Up, rate, force and reasons of a sensor with this flexion and out-of-plane angle (rad)."""
    up = np.stack([-np.sin(f) * np.cos(o), np.cos(f) * np.cos(o), -np.sin(o)], axis=1)
    gyr = np.zeros((len(f), 3))
    gyr[:, 2] = -np.gradient(f) * FRAME_RATE
    gyr[:, 0] = -np.gradient(o) * FRAME_RATE
    turn = np.broadcast_to(quat.from_rotvec(np.array([0.0, -rad(twist), 0.0])), (len(f), 4))
    up, gyr = quat.rotate(turn, up), quat.rotate(turn, gyr)
    return up, gyr, GRAVITY * up, np.zeros(len(f), np.uint8)


def bends(repetitions: int, depth: float = 60.0, twist: float = 0.0, side: float = 0.0) -> Motion:
    """Forward bends of 4 s each, with ``side`` deg of side bend."""
    t = np.arange(round(repetitions * 4 * FRAME_RATE)) / FRAME_RATE
    wave = np.sin(np.pi * t / 4.0) ** 2
    return sensed(rad(depth) * wave, rad(side) * np.sin(np.pi * t / 2.0), twist)


def joined(*parts: Motion) -> Motion:
    up, gyr, acc, why = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return up, gyr, acc, why


def watch(monitor: SlipMonitor, motion: Motion) -> tuple[int, str]:
    return monitor.push(MOUNT, *motion)


def resting(posture: str = "standing") -> SlipMonitor:
    monitor = SlipMonitor()
    assert monitor.context(MOUNT, posture, False) == ""
    return monitor


# --- stillness between sets -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("degrees", [-25.0, -12.0, 12.0, 25.0])
def test_a_slip_between_still_moments(degrees: float) -> None:
    """Beyond 8 deg sideways, seen twice."""
    assert abs(degrees) > np.rad2deg(MOVED)
    monitor = resting()
    assert watch(monitor, rest(10.0)) == (-1, "")
    at, problem = watch(monitor, rest(10.0, out=degrees))
    assert "differently" in problem
    assert at == 2 * BLOCK - 1, "the second still moment decides"


@pytest.mark.parametrize("out", [-4.0, -2.0, 3.0, 4.0])
def test_sitting_down_again_is_no_slip(out: float) -> None:
    """Two to four degrees of difference, with getting up and walking about in between."""
    monitor = resting("seated")
    watch(monitor, rest(10.0))
    for posture in ("", "standing", ""):
        monitor.context(MOUNT, posture, False)
        watch(monitor, rest(6.0, out=15.0))
    monitor.context(MOUNT, "seated", False)
    assert watch(monitor, rest(30.0, out=out)) == (-1, "")


def test_the_reference_of_a_posture_outlives_a_change_of_context() -> None:
    monitor = resting("seated")
    watch(monitor, rest(6.0))
    monitor.context(MOUNT, "standing", False)
    assert watch(monitor, rest(10.0, out=14.0)) == (-1, ""), "another posture, another reference"
    monitor.context(MOUNT, "seated", False)
    assert watch(monitor, rest(10.0, out=14.0))[1]


def test_a_change_in_the_sagittal_plane_is_posture() -> None:
    monitor = resting()
    watch(monitor, rest(10.0))
    assert watch(monitor, rest(20.0, flexion=30.0)) == (-1, "")


def test_one_odd_moment_is_not_enough() -> None:
    monitor = resting()
    reach = rest(BLOCK / FRAME_RATE, out=20.0)
    assert watch(monitor, joined(rest(10.0), reach, rest(10.0), reach, rest(10.0))) == (-1, "")


def test_hours_of_breathing_sway_and_tremor() -> None:
    assert watch(resting(), rest(1800.0)) == (-1, "")


def test_moving_is_not_judged() -> None:
    """Walking about with the trunk bent sideways: no still moment, no judgement."""
    t = np.arange(4000) / FRAME_RATE
    walk = sensed(rad(10.0) * np.sin(2 * np.pi * 0.9 * t), rad(20.0) + rad(5.0) * np.sin(2 * np.pi * 0.9 * t))
    assert watch(resting(), joined(rest(10.0), walk)) == (-1, "")


@pytest.mark.parametrize("posture", ["seated", "prone", "row"])
def test_nothing_in_sets(posture: str) -> None:
    """A hold, propped or turned, is part of the exercise."""
    monitor = resting(posture)
    watch(monitor, rest(10.0))
    monitor.context(MOUNT, posture, True)
    assert watch(monitor, rest(20.0, out=25.0)) == (-1, "")


def test_nothing_without_a_posture() -> None:
    monitor = SlipMonitor()
    assert watch(monitor, joined(rest(10.0), rest(10.0, out=30.0))) == (-1, "")


def test_blocks_with_holes_are_not_judged() -> None:
    monitor = resting()
    watch(monitor, rest(10.0))
    up, gyr, acc, why = rest(20.0, out=20.0)
    why[::BLOCK] = 2
    up[::BLOCK] = np.nan
    assert watch(monitor, (up, gyr, acc, why)) == (-1, "")


@pytest.mark.parametrize("cut", [1, BLOCK - 1, BLOCK, 777, 1150])
def test_cuts_do_not_matter(cut: int) -> None:
    motion = joined(rest(10.0), rest(10.0, out=12.0))
    whole, problem = watch(resting(), motion)
    assert whole == 1000 + 2 * BLOCK - 1
    monitor = resting()
    first = tuple(x[:cut] for x in motion)
    assert watch(monitor, first) == (-1, "")  # type: ignore[arg-type]
    at, again = watch(monitor, tuple(x[cut:] for x in motion))  # type: ignore[arg-type]
    assert (at + cut, again) == (whole, problem)


# --- knocks ---------------------------------------------------------------------------------------------------------


def knock(size: float = 1.2 * KNOCK) -> Motion:
    """Two seconds in which something hits the sensor."""
    up, gyr, acc, why = rest(BLOCK / FRAME_RATE)
    acc[50] = [size, 0.0, 0.0]
    gyr[45:60] += 3.0
    return up, gyr, acc, why


@pytest.mark.parametrize("in_set", [False, True])
@pytest.mark.parametrize(
    ("size", "degrees", "slipped"),
    [(1.2, 15.0, True), (1.2, 3.0, False), (0.8, 15.0, False)],
    ids=["turned", "held", "light"],
)
def test_a_knock_that_turns_the_sensor(in_set: bool, size: float, degrees: float, slipped: bool) -> None:
    """Also in the sagittal plane, also within a set: at the first still moment after it."""
    monitor = resting("seated")
    monitor.context(MOUNT, "seated", in_set)
    motion = joined(rest(4.0), knock(size * KNOCK), rest(2.0, flexion=degrees))
    at, problem = watch(monitor, motion)
    assert ("knock" in problem) == slipped
    if slipped:
        assert at == 4 * BLOCK - 1


def test_a_knock_long_ago_is_forgotten() -> None:
    monitor = resting("seated")
    moving = bends(3)
    monitor.context(MOUNT, "seated", True)
    assert watch(monitor, joined(rest(4.0), knock(), moving, rest(6.0, flexion=20.0))) == (-1, "")


# --- the axis of a set ----------------------------------------------------------------------------------------------


def after_a_set(motion: Motion, posture: str = "pushback") -> str:
    monitor = resting(posture)
    monitor.context(MOUNT, posture, True)
    assert watch(monitor, motion) == (-1, ""), "nothing while the set lasts"
    return monitor.context(MOUNT, posture, False)


@pytest.mark.parametrize("posture", ["prone", "pushback"])
@pytest.mark.parametrize("twist", [-35.0, -25.0, 25.0, 35.0])
def test_a_strap_that_turned(posture: str, twist: float) -> None:
    """Upright, gravity does not show it; the axis of the bends does."""
    assert abs(twist) > np.rad2deg(TWISTED)
    assert "axis" in after_a_set(bends(8, twist=twist), posture)


@pytest.mark.parametrize("twist", [-12.0, 0.0, 12.0])
def test_a_side_axis_within_its_accuracy(twist: float) -> None:
    assert after_a_set(bends(8, twist=twist)) == ""


@pytest.mark.parametrize("posture", ["row", "seated", "kneeling", "standing"])
def test_sets_that_turn_about_other_axes(posture: str) -> None:
    assert after_a_set(bends(8, twist=40.0), posture) == ""


def test_too_little_movement_means_nothing() -> None:
    assert after_a_set(bends(8, depth=6.0, twist=40.0)) == ""


def test_a_movement_about_several_axes_means_nothing() -> None:
    assert after_a_set(bends(8, depth=40.0, twist=40.0, side=25.0)) == ""


def test_an_empty_set() -> None:
    monitor = resting("prone")
    assert monitor.context(MOUNT, "prone", True) == ""
    assert monitor.context(MOUNT, "", False) == ""


def test_a_new_set_begins_from_nothing() -> None:
    monitor = resting("pushback")
    for depth, expected in ((60.0, True), (6.0, False), (60.0, True)):
        monitor.context(MOUNT, "pushback", True)
        watch(monitor, bends(8, depth, twist=40.0))
        assert bool(monitor.context(MOUNT, "pushback", False)) == expected


# --- as part of the body --------------------------------------------------------------------------------------------


def slips(motion: Motion, *commands: tuple[float, str, dict[str, object]]) -> list[Event]:
    """The events of one upper-back sensor, all calibrated, that moves like this."""
    up, gyr, acc, why = (x[:, None] for x in motion)
    info = SensorInfo("upper_back", mounting=WORN_AS_DRAWN)
    stage = Body(config.layout("upper_back"), Header((info,)), config.bands())
    for t, name, value in commands:
        stage.command(Command(round(t * 1e9), name, value))
    stage.push(Frames(np.arange(len(up)), quat.from_up(up), acc, gyr, why))
    return stage.take_events()


@pytest.mark.parametrize(("twist", "slipped"), [(35.0, True), (0.0, False)])
def test_the_end_of_a_set_decides(twist: float, slipped: bool) -> None:
    events = slips(
        joined(rest(4.0, twist=twist), bends(8, twist=twist), rest(4.0, twist=twist)),
        (1.0, "context", {"posture": "pushback", "in_set": False}),
        (4.0, "context", {"posture": "pushback", "in_set": True}),
        (36.0, "context", {"posture": "pushback", "in_set": False}),
    )
    assert [(e.kind, e.decided, e.sensor) for e in events] == [("slipped", 3600, "upper_back")] * slipped


def test_standing_tall_forgets_how_it_sat_before() -> None:
    """What was the first stillness of a posture under the old zero means nothing under the new."""
    events = slips(
        joined(rest(10.0), rest(4.0, out=12.0), rest(20.0)),
        (1.0, "context", {"posture": "standing"}),
        (10.0, "calibrate", {"pose": "stand_tall", "seconds": 4.0}),
    )
    assert [e.kind for e in events] == ["calibrated"]
