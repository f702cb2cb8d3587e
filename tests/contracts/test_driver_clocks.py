"""The clocks of sensors without a clock exchange, under the rules that the receiver has for all of them."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from driver_cases import CASES, POLAR_INFO, Case
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imu_coach.core.decode import Receiver, SensorInput
from imu_coach.testing import partition
from imu_coach.types import Link, Packet

WIT, DOT = CASES["witmotion"], CASES["movella_dot"]
DELAY = 0.02


def away(case: Case, samples: int, begin: float, end: float) -> list[SensorInput]:
    """A stream with the link down for a while; what was sent then is lost."""
    log: list[SensorInput] = [p for p in case.packets(samples) if not begin <= p.arrived_ns * 1e-9 < end]
    log += [Link("wrist", round(begin * 1e9), "down", 0.0), Link("wrist", round(end * 1e9) - 1, "up", 0.0)]
    return sorted(log, key=lambda item: item.arrived_ns)


def push(case: Case, log: list[SensorInput]) -> tuple[Receiver, np.ndarray, np.ndarray]:
    """The receiver, when samples were taken as it sees it, and when they were (by their content)."""
    receiver = Receiver(case.info, 0.25)
    samples = receiver.push(log)
    own = ~samples.held
    return receiver, samples.t[own], samples.gyr[own, 0] / case.gyr_unit


@pytest.mark.parametrize("absence", [0.6, 5.0, 60.0])
def test_a_link_that_comes_back_begins_a_new_stream_where_only_samples_are_counted(absence: float) -> None:
    """Else all samples behind would be placed as much too early as the link was away."""
    log = away(WIT, 12_000, 30.0, 30.0 + absence)
    receiver, t, content = push(WIT, log)
    late = t > 30.0 + absence
    assert 2_900 < late.sum() < 12_000
    np.testing.assert_allclose(t, wit_true(t, content), atol=0.025)
    health = receiver.health(False)
    assert (health.restarts, health.reconnects, health.lost, health.rejected) == (1, 1, 0, 0)
    assert health.delay < 0.03


LOGS = {
    "links": away(WIT, 900, 3.0, 4.0),
    "unnoticed": [p for p in WIT.packets(1_800) if not 9.0 <= p.arrived_ns * 1e-9 < 9.5],
}
LINKS = [i for i, item in enumerate(LOGS["links"]) if isinstance(item, Link)]


@pytest.mark.parametrize("name", LOGS)
@settings(max_examples=30)
@given(st.lists(st.integers(0, 850) | st.integers(LINKS[0] - 2, LINKS[-1] + 3), max_size=12))
@example([LINKS[0]])
@example([LINKS[0] + 1])
@example([LINKS[-1]])
@example([LINKS[-1] + 1])
@example([LINKS[-1] + 2])
def test_any_cut_where_a_stream_begins_anew(name: str, cuts: list[int]) -> None:
    log = LOGS[name]
    whole, pieces = Receiver(WIT.info, 0.25), Receiver(WIT.info, 0.25)
    reference = whole.push(log)
    parts = [pieces.push(part) for part in partition(log, sorted(c for c in cuts if c <= len(log)))]
    for field in ("number", "t", "arrived_ns", "interval", "acc", "gyr", "held", "start"):
        np.testing.assert_array_equal(np.concatenate([getattr(p, field) for p in parts]), getattr(reference, field))
    assert whole.health(False) == pieces.health(False)
    assert reference.start.sum() == 2


def wit_true(t: np.ndarray, content: np.ndarray) -> np.ndarray:
    """When samples were taken: content tells modulo ten seconds."""
    number = np.rint(content).astype(int)
    return np.asarray(0.01 * (number + 1000 * np.rint((t * 100 - number) / 1000)) + DELAY)


@pytest.mark.parametrize("lost", [0.3, 1.0, 4.0])
def test_lost_samples_are_noticed_by_their_lateness_where_they_are_only_counted(lost: float) -> None:
    log: list[SensorInput] = [p for p in WIT.packets(6_000) if not 30.0 <= p.arrived_ns * 1e-9 < 30.0 + lost]
    receiver, t, content = push(WIT, log)
    error = t - wit_true(t, content)
    assert receiver.health(False).restarts == 1
    assert abs(error[t < 29.9]).max() < 0.025
    wrong = abs(error) > 0.05
    assert wrong.sum() < 430, "some seconds are as early as samples are missing"
    assert not wrong[t > 30.0 + lost + 4.5].any()


@pytest.mark.parametrize("fade", [0.3, 1.0, 1.9])
@pytest.mark.parametrize("begin", [20.0, 20.5, 21.0, 21.5])
def test_late_samples_are_none_lost(fade: float, begin: float) -> None:
    """A fade: nothing arrives, then everything at once; and something else is said between all packets."""
    log: list[SensorInput] = []
    for p in WIT.packets(2_600):
        t = p.arrived_ns * 1e-9
        within = begin <= t < begin + fade
        log.append(p._replace(arrived_ns=round((begin + fade) * 1e9) + len(log)) if within else p)
        log.append(Link("wrist", log[-1].arrived_ns, "rssi", -60.0))
    receiver, t, content = push(WIT, log)
    assert receiver.health(False).restarts == 0
    np.testing.assert_allclose(t, wit_true(t, content), atol=0.025)


def test_a_first_link_and_one_that_was_not_down_change_nothing() -> None:
    log = sorted([*WIT.packets(900), *(Link("wrist", n, "up", 0.0) for n in (0, 10**9))], key=lambda i: i.arrived_ns)
    receiver, t, _ = push(WIT, log)
    assert receiver.health(False).restarts == 0
    assert len(t) == 900


def dot(t: float, epoch_us: int, k: int) -> bytes:
    return struct.pack("<I6f3h", (epoch_us + round(t * 1e6)) % 2**32, 0, 0, 9.81, k % 1000 * 0.5, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("absence", [0.5, 20.0, 1800.0, 2400.0, 4290.0, 9000.0])
@pytest.mark.parametrize("epoch", [0, 2**31 - 10**6, 2**32 - 10**6])
def test_dot_after_an_absence(absence: float, epoch: int) -> None:
    """Its stamps wrap every 71 minutes: wherever, and however long it was away, times are right again soon."""
    times = [*(k / 60 for k in range(600)), *(10 + absence + k / 60 for k in range(600))]
    log: list[SensorInput] = [
        Packet("wrist", round((t + DELAY) * 1e9), 1, dot(t, epoch, k)) for k, t in enumerate(times)
    ]
    log[600:600] = [Link("wrist", round(11e9), "down", 0.0), Link("wrist", round((10 + absence) * 1e9), "up", 0.0)]
    log.sort(key=lambda item: item.arrived_ns)
    receiver, t, content = push(DOT, log)
    health = receiver.health(False)
    assert health.samples - health.held >= 1190
    back = t > 10 + absence
    assert back.sum() >= 590
    true = 10 + absence + (np.rint(content[back]) - 600) % 1000 / 60 + DELAY
    np.testing.assert_allclose(t[back], true, atol=0.005)


def polar_frames(
    rate: tuple[float, float], size: tuple[int, int], seconds: float, shift: float = 0.3
) -> list[tuple[float, bytes]]:
    """Acceleration and rotation at rates and in blocks of their own, 3 s after its clock began (complete at, payload).

    Rotation about x is 50 counts a second, acceleration along x is 50 mg a second: both tell when they were taken.
    """
    out = []
    for kind, f, n in zip((2, 5), rate, size, strict=True):
        for k in range(0, round(seconds * f) - n, n):
            t = (np.arange(k, k + n) + (shift if kind == 2 else 0.0)) / f
            head = struct.pack("<BQ", kind, round((t[-1] + 3.0) * 1e9))
            if kind == 2:
                rows = b"\x01" + b"".join(struct.pack("<3h", round(50 * x), 0, 1000) for x in t)
            else:
                patterns = [struct.pack("<3f", 50 * x, 0, 0) for x in t]
                values = np.frombuffer(b"".join(patterns), "<i4").reshape(-1, 3).astype(np.int64)
                rows = b"\x81" + patterns[0]
                for step in np.diff(values, axis=0).tolist():
                    rows += b"\x20\x01" + struct.pack("<3i", *step)
            out.append((float(t[-1]), head + rows))
    return sorted(out)


@pytest.mark.parametrize(
    ("rate", "size"),
    [((52.0, 52.0), (36, 36)), ((52.4, 51.8), (36, 17)), ((51.7, 52.3), (20, 36)), ((208.0, 208.0), (35, 40))],
)
def test_polar_is_on_time(rate: tuple[float, float], size: tuple[int, int]) -> None:
    """Though samples wait for the other stream, by up to a block: what counts is the newest stamp of a payload."""
    info = POLAR_INFO.__class__("wrist", "polar", rate=float(round(rate[1])), acc_range=1e3, gyr_range=1e3)
    log = [Packet("wrist", round((t + 0.05) * 1e9), 2, p) for t, p in polar_frames(rate, size, 30.0)]
    receiver = Receiver(info, 0.25)
    samples = receiver.push(log)
    health = receiver.health(False)
    assert (health.lost, health.late, health.rejected, health.restarts) == (0, 0, 0, 0)
    assert len(samples.t) > 28 * rate[1]
    settled = samples.t > 6.0
    true = np.rad2deg(samples.gyr[settled, 0]) / 50.0 + 0.05
    np.testing.assert_allclose(samples.t[settled], true, atol=0.005)
    taken = samples.acc[settled, 0] / (9.81e-3 * 50.0) + 0.05
    np.testing.assert_allclose(taken, true, atol=0.025, err_msg="both at the same time, but for the rounding to mg")
    assert 0.0 <= health.delay < 1.1 * max(n / f for n, f in zip(size, rate, strict=True))
    newest = max(arrived * 1e-9 for arrived in samples.arrived_ns)
    assert health.delay == pytest.approx(newest - samples.t[-1], abs=0.01), "what a person has to wait for"


@pytest.mark.parametrize("absence", [1.0, 20.0, 7200.0])
def test_polar_after_an_absence(absence: float) -> None:
    """Its clock runs on."""
    info = POLAR_INFO.__class__("wrist", "polar", rate=52.0, acc_range=1e3, gyr_range=1e3)
    before = [(t, p) for t, p in polar_frames((52.0, 52.0), (36, 36), 30.0) if not 15.0 < t < 16.0]
    log = []
    for t, p in before:
        later = absence * (t > 15.0)
        stamp = int.from_bytes(p[1:9], "little") + round(later * 1e9)
        log.append(Packet("wrist", round((t + later + 0.05) * 1e9), 2, p[:1] + stamp.to_bytes(8, "little") + p[9:]))
    receiver = Receiver(info, 0.25)
    samples = receiver.push(log)
    health = receiver.health(False)
    assert (health.late, health.rejected, health.restarts) == (0, 0, 1)
    assert health.lost == pytest.approx((absence + 1.0) * 52, abs=60)
    true = np.rad2deg(samples.gyr[:, 0]) / 50.0 + 0.05
    back = samples.t > 17.0 + absence
    assert back.sum() > 600
    np.testing.assert_allclose(samples.t[back], true[back] + absence, atol=0.005)
