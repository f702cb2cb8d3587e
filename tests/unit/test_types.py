"""Values that cross a stage boundary: read-only, joined in order, every reason in words."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

from imu_coach.errors import ConfigError, DecodeError, ImuCoachError, SensorNotFound
from imu_coach.types import (
    WHY_TEXT,
    Angles,
    Command,
    Event,
    Frames,
    Header,
    Health,
    Link,
    Packet,
    SensorInfo,
    Sent,
    Source,
    Tick,
    Update,
    Why,
    concat,
    concat_angles,
)

NAMES = ("trunk_inclination", "wrist_yaw")


def angles(first: int, n: int) -> Angles:
    value = np.arange(first, first + n)[:, None] + np.array([0.0, 0.5])
    codes = np.ones((n, 2), np.uint8)
    return Angles(np.arange(first, first + n), NAMES, value, value - 1.0, value + 1.0, codes, codes - 1)


def update(first: int, n: int) -> Update:
    q = np.zeros((n, 1, 4))
    f = Frames(np.arange(first, first + n), q, q[..., :3], q[..., :3], np.zeros((n, 1), np.uint8))
    event = Event(first, first, "marked", "", {"text": str(first)})
    trace = np.full(n, float(first))
    return Update(f, angles(first, n), trace, (event,), {"wrist": Health(packets=first + n)})


def test_blocks_cannot_be_written_to() -> None:
    block = angles(0, 3)
    for field in dataclasses.fields(block):
        value = getattr(block, field.name)
        if isinstance(value, np.ndarray):
            with pytest.raises(ValueError, match="read-only"):
                value[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        block.index = np.arange(3)  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        block.note = 1  # type: ignore[attr-defined]


def test_concat_keeps_order_and_the_newest_health() -> None:
    a, b, c = update(0, 3), update(3, 0), update(3, 2)
    whole = concat([a, b, c])
    np.testing.assert_array_equal(whole.frames.index, np.arange(5))
    np.testing.assert_array_equal(whole.angles.value[:, 0], np.arange(5))
    assert [e.decided for e in whole.events] == [0, 3, 3]
    assert whole.health["wrist"].packets == 5
    for other in (concat([concat([a, b]), c]), concat([a, concat([b, c])])):
        np.testing.assert_array_equal(other.angles.value, whole.angles.value)
        np.testing.assert_array_equal(other.frames.earth_from_sensor, whole.frames.earth_from_sensor)
        assert other.events == whole.events
        assert other.health == whole.health


def test_concat_of_angles() -> None:
    joined = concat_angles([angles(0, 2), angles(2, 1)])
    assert joined.names == NAMES
    for name in ("value", "low", "high"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(angles(0, 3), name))
    assert joined.source.dtype == joined.why.dtype == np.uint8


def test_every_reason_has_words() -> None:
    assert set(WHY_TEXT) == set(Why)
    assert [w for w in Why if not WHY_TEXT[w]] == [Why.AVAILABLE]
    assert len(set(WHY_TEXT.values())) == len(Why), "two reasons that read alike are one"
    assert Why.AVAILABLE == 0
    assert Source.UNAVAILABLE == 0
    assert max(Why) < 256, "codes are u8"


def test_inputs_are_plain_tuples_with_an_arrival_time() -> None:
    inputs = (
        Packet("wrist", 5, 2, b"\x11"),
        Sent("wrist", 5, b"\x01"),
        Link("wrist", 5, "up", 0.0),
        Command(5, "marker", {"text": "x"}),
        Tick(5),
    )
    for item in inputs:
        assert item.arrived_ns == 5
        assert pickle.loads(pickle.dumps(item)) == item


def test_header_finds_a_sensor() -> None:
    header = Header((SensorInfo("wrist", rate=50.0), SensorInfo("sacrum")))
    assert header["wrist"].rate == 50.0
    assert header["sacrum"].rate == 100.0
    assert header["sacrum"].gyr_range == pytest.approx(34.9066, abs=1e-3), "2000 deg/s in rad/s"


def test_errors_say_what_and_what_there_is() -> None:
    assert str(ConfigError("a.toml", "sites", "unknown")) == "a.toml: sites: unknown"
    assert str(ConfigError("", "", "no key")) == "no key"
    error = SensorNotFound("wrist", ("sacrum", "upper_back"))
    assert error.name == "wrist"
    assert "'wrist'" in str(error)
    assert "sacrum, upper_back" in str(error)
    assert str(SensorNotFound("wrist", ())).endswith("none")
    decode = DecodeError("wrist", b"abc", "odd")
    assert (decode.sensor, decode.payload, decode.problem) == ("wrist", b"abc", "odd")
    assert "3 bytes" in str(decode)
    assert issubclass(SensorNotFound, ImuCoachError)
