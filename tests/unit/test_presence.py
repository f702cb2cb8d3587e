"""Lost after a second without data, back with the first: counted by hand on frames."""

from __future__ import annotations

import numpy as np
import pytest

from imu_coach.conventions import FRAME_RATE
from imu_coach.core.presence import PATIENCE, Presence
from imu_coach.types import Event, Frames, Why

SITES = ("upper_back", "wrist")


def frames(why: np.ndarray, first: int = 0) -> Frames:
    n, s = why.shape
    return Frames(
        np.arange(first, first + n), np.zeros((n, s, 4)), np.zeros((n, s, 3)), np.zeros((n, s, 3)), why.astype(np.uint8)
    )


def gone(n: int, *spans: tuple[int, int], code: int = Why.NO_DATA) -> Frames:
    """The wrist without data in these frames."""
    why = np.zeros((n, 2))
    for a, b in spans:
        why[a:b, 1] = code
    return frames(why)


def brief(events: list[Event]) -> list[tuple[str, str, int, int]]:
    return [(e.kind, e.sensor, e.decided, e.onset) for e in events]


def test_patience_is_a_second() -> None:
    assert PATIENCE == FRAME_RATE


@pytest.mark.parametrize(
    ("length", "lost"), [(1, False), (PATIENCE - 1, False), (PATIENCE, True), (PATIENCE + 1, True), (500, True)]
)
def test_lost_and_back(length: int, lost: bool) -> None:
    events = Presence(SITES).push(gone(1000, (300, 300 + length)))
    expected = [
        ("sensor_lost", "wrist", 299 + PATIENCE, 300),
        ("sensor_back", "wrist", 300 + length, 300),
    ]
    assert brief(events) == (expected if lost else [])
    if lost:
        assert events[1].detail["seconds"] == pytest.approx((length + 1) / FRAME_RATE)


@pytest.mark.parametrize("cut", [1, 250, 299, 300, 301, 398, 399, 400, 401, 450, 499, 500, 501, 600])
def test_any_cut(cut: int) -> None:
    whole = gone(700, (300, 500), (510, 520), (530, 690))
    stage = Presence(SITES)
    parts = [frames(whole.why[:cut]), frames(whole.why[cut:], cut)]
    assert [e for p in parts for e in stage.push(p)] == Presence(SITES).push(whole)


def test_frame_by_frame_it_says_so_as_soon_as_it_is_true() -> None:
    stage, whole = Presence(SITES), gone(600, (300, 500))
    for k in range(600):
        for event in stage.push(frames(whole.why[k : k + 1], k)):
            assert event.decided == k


def test_a_sensor_that_never_came_is_not_lost() -> None:
    why = np.zeros((500, 2))
    why[:, 0] = Why.NOT_STARTED
    why[:, 1] = Why.NO_DATA
    assert Presence(SITES).push(frames(why)) == []


def test_a_late_beginning_is_no_comeback() -> None:
    assert Presence(SITES).push(gone(800, (0, 400), code=Why.NOT_STARTED)) == []


@pytest.mark.parametrize("code", [Why.SETTLING])
def test_a_settling_filter_is_there(code: Why) -> None:
    assert Presence(SITES).push(gone(800, (300, 700), code=code)) == []


def test_each_sensor_by_itself() -> None:
    why = np.zeros((900, 2))
    why[100:300, 0] = Why.NO_DATA
    why[150:450, 1] = Why.NO_DATA
    why[600:, 0] = Why.NO_DATA
    events = Presence(SITES).push(frames(why))
    assert sorted(brief(events), key=lambda e: (e[2], e[1])) == [
        ("sensor_lost", "upper_back", 199, 100),
        ("sensor_lost", "wrist", 249, 150),
        ("sensor_back", "upper_back", 300, 100),
        ("sensor_back", "wrist", 450, 150),
        ("sensor_lost", "upper_back", 699, 600),
    ]


def test_no_frames_no_events() -> None:
    assert Presence(SITES).push(frames(np.zeros((0, 2)))) == []
