"""Device time to session time: hulls against brute force, order under hostile arrivals, accuracy on simulated links."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu_coach import synthetic
from imu_coach.core.clock import BEYOND_JITTER, CRYSTAL, MARGIN, SLEW, WORST, Clock, Hull, Line
from imu_coach.core.decode import Receiver
from imu_coach.drivers import own
from imu_coach.synthetic import Faults
from imu_coach.synthetic.link import CONNECTION_INTERVAL, device
from imu_coach.types import Command, Packet, Samples, SensorInfo, Tick

INFO = SensorInfo("wrist")
SETTLED = 30.0
"""s after which a clock has enough evidence for its rate, not only for its offset."""

# --- hulls ----------------------------------------------------------------------------------------------------------

POINT = st.tuples(st.integers(0, 400), st.integers(-1000, 1000))
POINTS = st.lists(POINT, min_size=1, max_size=40, unique_by=lambda p: p[0])


def hull_of(points: list[tuple[int, int]], side: float) -> Hull:
    hull = Hull(side)
    for x, y in sorted(points):
        hull.add(float(x), float(y))
    return hull


@given(POINTS, st.sampled_from([1.0, -1.0]), st.integers(-50, 450), st.floats(-20, 20))
def test_the_touching_line_bounds_every_point(points: list[tuple[int, int]], side: float, x: int, slope: float) -> None:
    """A line of any slope pushed against the points stops at the same place as against all of them one by one."""
    extreme = min if side > 0 else max
    expected = extreme(py + slope * (x - px) for px, py in points)
    assert hull_of(points, side).value(x, slope) == pytest.approx(expected, abs=1e-6)


@given(POINTS, st.sampled_from([1.0, -1.0]))
def test_the_slope_is_that_of_the_tightest_line(points: list[tuple[int, int]], side: float) -> None:
    """Of all lines through two points with none beyond, the one that is tightest in the middle of the span."""
    if len(points) < 2:
        return
    hull = hull_of(points, side)
    xs = [x for x, _ in points]
    assert hull.span() == max(xs) - min(xs)
    middle = 0.5 * (min(xs) + max(xs))
    best = -np.inf
    for (x0, y0), (x1, y1) in combinations(points, 2):
        slope = (y1 - y0) / (x1 - x0)
        at = y0 + slope * (middle - x0)
        if all(side * (y - y0 - slope * (x - x0)) >= -1e-9 for x, y in points):
            best = max(best, side * at)
    assert side * hull.value(middle, hull.slope()) == pytest.approx(best, abs=1e-6)


def test_a_hull_takes_points_in_order_only() -> None:
    hull = Hull(1.0)
    assert hull.span() == 0.0
    for x, y in ((0.0, 1.0), (2.0, 1.0), (2.0, -5.0), (1.0, -5.0)):
        hull.add(x, y)
    assert hull.value(0.0, 0.0) == 1.0


# --- placing: always in order, always before arrival ----------------------------------------------------------------


def in_order(s: Samples) -> None:
    assert (np.diff(s.t) > 0).all(), "placed times strictly increase"
    assert (s.t < s.arrived_ns * 1e-9).all(), "a sample exists before it arrives"


def packet(seq: int, ticks: int, arrived_ns: int, n: int = 5, period: int = 10_000) -> Packet:
    zero = np.zeros((n, 3))
    return Packet("wrist", arrived_ns, own.DATA, own.encode(INFO, seq, ticks, period, zero, zero))


STEP_NS = (0, 0, 1, 999, 10**5, 10**7, 5 * 10**7, 10**8, 3 * 10**9)


def hostile(sizes: st.SearchStrategy[int]) -> st.SearchStrategy[list[tuple[int, int, int, int, int]]]:
    return st.lists(
        st.tuples(
            st.sampled_from(STEP_NS),  # to the next arrival
            st.integers(0, 3),  # packets lost before it
            st.integers(-20_000, 20_000),  # us by which its stamp is off
            sizes,
            st.sampled_from([1, 9_000, 10_000, 11_000, 65_535]),
        ),
        max_size=60,
    )


def check_hostile(steps: list[tuple[int, int, int, int, int]], begin: int) -> None:
    receiver = Receiver(INFO, 0.25)
    log, number, arrived = [], 0, begin
    for wait, lost, jitter, n, period in steps:
        number += lost * 5
        arrived += wait
        log.append(packet(number, 10**6 + number * 10_000 + jitter, arrived, n, period))
        number += n
    s = receiver.push(log)
    in_order(s)
    health = receiver.health(False)
    assert health.packets + health.late + health.rejected == len(log)


@settings(max_examples=120)
@given(hostile(st.integers(2, own.MAX_SAMPLES)), st.sampled_from([0, 10**6, 10**12]))
def test_any_arrivals_keep_the_order(steps: list[tuple[int, int, int, int, int]], begin: int) -> None:
    """Bursts with one arrival time, silences, jittering stamps, periods that are a lie."""
    check_hostile(steps, begin)


@pytest.mark.parametrize("begin", [0, 10**9])
def test_packets_of_one_sample_keep_the_order(begin: int) -> None:
    check_hostile([(0, 0, 0, 2, 65_535), (10**5, 0, 0, 1, 1), (0, 0, 0, 1, 1)], begin)


def test_a_burst_with_one_arrival_time_fits_before_it() -> None:
    receiver = Receiver(INFO, 0.25)
    log = [packet(5 * k, 50_000 * k, 10**9 + 50_000_000 * k) for k in range(100)]
    log += [packet(5 * k, 50_000 * k, 10**9 + 50_000_000 * 160) for k in range(100, 160)]
    s = receiver.push(log)
    in_order(s)
    assert receiver.health(False).rejected == 0
    assert np.abs(np.diff(s.t) - 0.01).max() < 1e-4, "three seconds late at once: still on its grid"


def test_a_flood_without_time_to_place_it_is_refused() -> None:
    """More samples than nanoseconds: all at session time zero."""
    receiver = Receiver(INFO, 0.25)
    s = receiver.push([packet(5 * k, 50_000 * k, 0) for k in range(50)])
    in_order(s)
    assert len(s.t) <= 5
    assert receiver.health(False).rejected >= 49


# --- accuracy -------------------------------------------------------------------------------------------------------


def placed(seconds: float, seed: int, faults: Faults) -> tuple[np.ndarray, np.ndarray, Receiver]:
    """Placed times of a simulated link, their errors (s), and the receiver."""
    inputs = synthetic.numbered(("wrist",), seconds, faults=faults, seed=seed)
    info = synthetic.header_for(("wrist",)).sensors[0]
    receiver = Receiver(info, 0.25)
    s = receiver.push([i for i in inputs if not isinstance(i, Tick | Command)])
    in_order(s)
    came = ~s.held
    true = np.concatenate(device("wrist", 100.0, seconds, faults, seed).times())
    return s.t[came], s.t[came] - true[synthetic.number_of(info, s.acc[came])], receiver


SEEDS = (1, 2, 3)
BAD = {"burst": 3.0, "stall_rate": 6.0, "loss": 0.02}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("ppm", [-150.0, 0.0, 150.0])
@pytest.mark.parametrize("link", [{}, BAD], ids=["good", "bad"])
def test_two_sided(seed: int, ppm: float, link: dict[str, float]) -> None:
    """Requests and dithered replies bound the line from both sides: half a frame, whatever the crystal.

    150 ppm would run away by 27 ms over these three minutes.
    """
    t, error, receiver = placed(180.0, seed, Faults(clock_ppm={"wrist": ppm}, **link))
    late = error[t > SETTLED]
    assert np.abs(late).max() < 0.005
    assert abs(np.median(late)) < 0.0015
    band = receiver.health(False).clock_band
    assert band is not None
    assert np.abs(late).max() < band + 0.003, "the half-width is an honest uncertainty"
    assert 0.0005 < band < 0.003


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("ppm", [-150.0, 0.0, 150.0])
def test_one_sided(seed: int, ppm: float) -> None:
    """Arrivals alone: late by the shortest delay (1 ms to the radio and the host's 2 ms), never by the mean wait."""
    t, error, receiver = placed(180.0, seed, Faults(sync=False, clock_ppm={"wrist": ppm}))
    late = error[t > SETTLED]
    assert late.min() > -0.001
    assert late.max() < 0.3 * CONNECTION_INTERVAL
    assert receiver.health(False).clock_band is None, "one side gives no uncertainty"


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("percent", [-5.0, -1.0, 1.0, 5.0])
def test_a_device_clock_that_is_far_off(percent: float, sync: bool) -> None:
    """An RC oscillator, or sample numbers for a clock: found from the data within half a minute.

    Taken as exact, the placed times would be wrong by 9 s after three minutes.
    """
    t, error, receiver = placed(180.0, 2, Faults(sync=sync, clock_ppm={"wrist": 1e4 * percent}))
    assert np.abs(error[t > 2 * SETTLED]).max() < 0.006
    assert np.abs(error).max() < BEYOND_JITTER + 1.5 * CONNECTION_INTERVAL, "before, what jitter could explain"
    true = device("wrist", 100.0, 180.0, Faults(), 2).interval
    assert receiver.health(False).interval == pytest.approx(true, rel=3e-4), (
        "the rate of the samples is not the clock's"
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_reboot_starts_a_new_clock(seed: int) -> None:
    faults = Faults(reboots=(("wrist", 60.0),), clock_ppm={"wrist": 100.0})
    t, error, receiver = placed(150.0, seed, faults)
    assert np.abs(error[t > 61.5 + SETTLED]).max() < 0.005
    assert np.abs(error[t < 61.5 + SETTLED]).max() < 3.0 * CONNECTION_INTERVAL, "the first packet's own delay"
    assert receiver.health(False).restarts == 1


def test_device_time_wraps() -> None:
    """u32 microseconds wrap after 71.6 minutes; here once soon after the start, and again after two long gaps."""
    receiver = Receiver(INFO, 0.25)
    log: list[Packet] = []
    device_us = 2**32 - 5_000_000
    number, now = 0, 100.0
    for k in range(900):
        if k in (300, 500, 700):  # half an hour out of range
            number += 180_000
            device_us += 1_800_000_000
            now += 1800.0
        log.append(packet(number % 65536, device_us % 2**32, round((now + 0.020 + 0.004 * (k % 7)) * 1e9)))
        number, device_us, now = number + 5, device_us + 50_000, now + 0.05
    s = receiver.push(log)
    in_order(s)
    assert receiver.health(False).lost == 540_000
    assert s.number[-1] == number - 1
    assert s.t[-1] == pytest.approx(now - 0.01 + 0.02 - 0.04, abs=0.025)
    assert receiver.health(False).rejected == 0
    assert device_us >> 32 == 2, "the test does what it says"


def test_requests_alone_never_push_a_sample_beyond_its_arrival() -> None:
    """A request that claims the sensor was later than it can be: the clamp to the arrival holds."""
    clock = Clock(CRYSTAL)
    after = -np.inf
    for k in range(200):
        device_s = 0.05 * k
        clock.request(device_s, 1.0 + device_s + 0.5)
        t_first, slope = clock.place(device_s, device_s + 0.04, 1.05 + device_s, after)
        after = t_first + slope * 0.04
        assert after < 1.05 + device_s
        assert slope > 0


def test_a_better_line_is_approached_without_a_step() -> None:
    """After the first seconds placed time turns towards a new line by at most 5 ms per second."""
    clock = Clock(CRYSTAL)
    after, slopes = -np.inf, []
    for k in range(1200):
        device_s = 0.05 * k
        delay = 0.025 if k < 400 else 0.005  # a link that becomes 20 ms faster
        t_first, slope = clock.place(device_s, device_s + 0.04, 10.0 + device_s + delay + 0.04, after)
        slopes.append(slope)
        after = t_first + slope * 0.04
    steady = np.array(slopes[150:])
    assert steady.max() <= 1.0 + CRYSTAL + SLEW + 1e-9
    assert np.sort(steady)[1] >= 1.0 - CRYSTAL - SLEW - 1e-9, "but for the one packet that came before its placed time"
    assert after == pytest.approx(10.0 + 1199 * 0.05 + 0.04 + 0.005, abs=0.002)


def test_a_line_is_a_line() -> None:
    line = Line(origin=2.0, at=5.0, slope=1.5)
    assert line(2.0) == 5.0
    assert line(4.0) == 8.0
    assert 0 < MARGIN < 1e-3
    assert CRYSTAL < WORST < 0.1
