"""One sensor's packets: numbers, losses, late ones, reboots, the interval, clock replies, battery and link."""

from __future__ import annotations

import numpy as np
import pytest

from imu_coach import synthetic
from imu_coach.core.decode import PENDING, REPEATS, SAME_TIME, Receiver
from imu_coach.drivers import own, si
from imu_coach.synthetic import Faults
from imu_coach.synthetic.link import device
from imu_coach.testing import partition
from imu_coach.types import Command, Health, Input, Link, Packet, Samples, SensorInfo, Sent, Tick

INFO = SensorInfo("wrist", acc_range=32.768)
N = 5
DELAY = 0.020


def packet(number: int, t: float | None = None, n: int = N, delay: float = DELAY, offset_us: int = 10**6) -> Packet:
    """Samples ``number`` ff. at 100 Hz from ``t`` s (device and session alike); acc x is the number, in mm/s2."""
    t = number * 0.01 if t is None else t
    acc = np.zeros((n, 3))
    acc[:, 0] = (number + np.arange(n)) % 30_000 * 1e-3
    payload = own.encode(INFO, number, round(t * 1e6) + offset_us, 10_000, acc, np.zeros((n, 3)))
    return Packet("wrist", round((t + 0.01 * (n - 1) + delay) * 1e9), own.DATA, payload)


def push(*items: Packet | Sent | Link, hold: float = 0.25) -> tuple[Samples, Health, Receiver]:
    receiver = Receiver(INFO, hold)
    samples = receiver.push(items)
    return samples, receiver.health(False), receiver


def stream(first: int, last: int) -> list[Packet]:
    return [packet(k) for k in range(first, last, N)]


def test_a_clean_stream() -> None:
    s, health, _ = push(*stream(0, 500))
    np.testing.assert_array_equal(s.number, np.arange(500))
    np.testing.assert_array_equal(np.rint(s.acc[:, 0] * 1e3), np.arange(500))
    np.testing.assert_allclose(np.diff(s.t), 0.01, atol=1e-6)
    assert s.start.tolist() == [True] + [False] * 499
    assert (health.packets, health.samples) == (100, 500)
    assert (health.lost, health.late, health.rejected, health.restarts) == (0, 0, 0, 0)
    assert health.interval == pytest.approx(0.01, rel=1e-4)


@pytest.mark.parametrize("missing", [(10,), (10, 11, 15), tuple(range(10, 60)), (10, 97)])
def test_losses_are_counted_in_samples(missing: tuple[int, ...]) -> None:
    s, health, _ = push(*(p for k, p in enumerate(stream(0, 500)) if k not in missing))
    assert health.lost == N * len(missing)
    assert health.packets == 100 - len(missing)
    own_rows = ~s.held
    assert s.number[own_rows].tolist() == [i for i in range(500) if i // N not in missing], "numbers do not shift"


def test_a_packet_of_another_size_hides_no_loss() -> None:
    s, health, _ = push(packet(0), packet(5, n=12), packet(17, n=1), packet(18), packet(26, n=3))
    assert health.lost == 3
    assert s.number[~s.held].tolist() == [*range(23), *range(26, 29)]


@pytest.mark.parametrize("sizes", [(40, 1), (1, 40), (40, 40, 1, 1, 1), (1,)])
def test_packet_sizes_may_vary_all_the_time(sizes: tuple[int, ...]) -> None:
    log, number = [], 0
    while number < 3000:
        for n in sizes:
            log.append(packet(number, n=n))
            number += n
    s, health, _ = push(*log)
    assert (health.packets, health.rejected, health.late, health.lost) == (len(log), 0, 0, 0)
    assert health.restarts == 0
    np.testing.assert_allclose(s.t - s.t[0], 0.01 * np.arange(number), atol=0.005)


@pytest.mark.parametrize("n", [5, 20, 40])
def test_a_small_packet_after_a_large_one_and_a_loss(n: int) -> None:
    """It comes much sooner after the packet before than that packet is long."""
    log = [packet(n * k, n=n) for k in range(50)]
    _, health, _ = push(*log, packet(50 * n + 1, n=1), packet(50 * n + 2, n=n))
    assert (health.packets, health.lost, health.rejected, health.restarts) == (52, 1, 0, 0)


@pytest.mark.parametrize("again", [99, 98, 95, 90], ids=["the newest", "the one before", "an old one", "older"])
def test_duplicates_are_late_and_never_filtered(again: int) -> None:
    packets = stream(0, 1000)
    log = [*packets[:100], packets[again]._replace(arrived_ns=packets[99].arrived_ns + 1), *packets[100:]]
    s, health, _ = push(*log)
    np.testing.assert_array_equal(s.number, np.arange(1000))
    assert (health.late, health.rejected, health.lost, health.packets) == (1, 0, 0, 200)


def test_overtaken_packets_are_late() -> None:
    """A few packets that come after their successors: a hole for the filter, and counted once."""
    packets = stream(0, 1000)
    moved = [*packets[:100], *packets[103:105], *packets[100:103], *packets[105:]]
    moved = [p._replace(arrived_ns=max(p.arrived_ns, q.arrived_ns)) for p, q in zip(moved, packets, strict=True)]
    s, health, _ = push(*moved)
    assert (health.late, health.lost, health.held) == (3, 15, 15)
    assert s.held[500:515].all()
    assert (np.diff(s.number) == 1).all()


def test_a_packet_that_overlaps_is_late() -> None:
    _, health, _ = push(*stream(0, 100), packet(97), *stream(100, 200))
    assert (health.late, health.packets, health.lost) == (1, 40, 0)


@pytest.mark.parametrize("gap", [0, 5, 65_535 - 65_535 % 5, 65_540, 3 * 65_536 + 4, 170_000])
def test_numbers_wrap_also_over_long_gaps(gap: int) -> None:
    """65536 samples are 11 minutes: a gap of several wraps is resolved with the help of device time."""
    log = [*stream(0, 70_000)[-2000:], *(packet(70_000 + gap + k) for k in range(0, 1000, N))]
    s, health, _ = push(*log)
    assert health.lost == gap
    assert health.late == health.rejected == 0
    own_rows = s.number[~s.held]
    assert own_rows[-1] - own_rows[0] == 70_000 + gap + 999 - 60_000


@pytest.mark.parametrize(("number", "t"), [(3, 500.0), (3, 900.0), (600, 4.0), (600, 6.3), (600, 10.0)])
def test_one_odd_packet_is_noise(number: int, t: float) -> None:
    """Also one whose number goes on but whose time does not, even if it came late enough for that time."""
    strange = packet(number, t)._replace(arrived_ns=packet(595 if t != 6.3 else 700).arrived_ns)
    s, health, _ = push(*stream(0, 600), strange, *stream(600, 1000))
    assert (health.rejected, health.late, health.lost, health.restarts) == (1, 0, 0, 0)
    np.testing.assert_array_equal(s.number, np.arange(1000))


def reboot(t: float, count: int, ticks_us: int) -> list[Packet]:
    """A sensor that counts from zero again at session time ``t``."""
    packets = []
    for k in range(0, count, N):
        p = packet(k, offset_us=ticks_us)
        packets.append(p._replace(arrived_ns=p.arrived_ns + round(t * 1e9)))
    return packets


def test_a_reboot_is_believed_at_the_second_packet() -> None:
    s, health, _ = push(*stream(0, 5000), *reboot(52.0, 2000, 9 * 10**8))
    assert (health.rejected, health.late, health.lost) == (1, 0, 0)
    assert health.packets == 1000 + 399
    assert health.restarts == 1
    at = int(np.flatnonzero(s.start)[1])
    assert at == 5000
    np.testing.assert_array_equal(np.rint(s.acc[at:, 0] * 1e3), np.arange(N, 2000), err_msg="but for the first packet")
    assert (np.diff(s.number) >= 1).all(), "numbers go on"
    assert s.t[at] == pytest.approx(52.05, abs=0.025)


@pytest.mark.parametrize("uptime", [1500.0, 2700.0, 3900.0, 2300.0, 3000.0, 3600.0])
def test_a_reboot_of_a_sensor_that_was_on_for_long(uptime: float) -> None:
    """After 36 minutes more than half the range of a u32 is used: device time from zero looks like the future."""
    before = [packet(k, offset_us=round(uptime * 1e6)) for k in range(0, 2000, N)]
    s, health, _ = push(*before, *reboot(22.0, 2000, 0))
    assert health.lost == 0
    assert health.restarts == 1
    assert health.packets >= 800 - REPEATS
    assert s.t[-1] == pytest.approx(42.0, abs=0.05)


def test_a_reboot_that_looks_like_old_packets_takes_a_few_more() -> None:
    """Number and device time both from zero again: each packet is one that was there before."""
    s, health, _ = push(*stream(0, 5000), *reboot(52.0, 2000, 10**6))
    assert health.late == REPEATS - 1
    assert health.rejected == 0
    assert health.restarts == 1
    assert health.packets == 1400 - (REPEATS - 1)
    assert s.t[-1] == pytest.approx(72.0, abs=0.05)


@pytest.mark.parametrize("repeated", range(1, REPEATS))
def test_a_few_repeated_packets_are_no_reboot(repeated: int) -> None:
    packets = stream(0, 1000)
    old = [p._replace(arrived_ns=packets[99].arrived_ns + 1) for p in packets[60 : 60 + repeated]]
    _, health, _ = push(*packets[:100], *old, *packets[100:])
    assert (health.late, health.restarts, health.lost) == (repeated, 0, 0)


@pytest.mark.parametrize("error", [-0.05, -0.01, 0.0, 0.02, 0.05])
@pytest.mark.parametrize("ppm", [-100.0, 100.0])
def test_the_interval_is_measured(error: float, ppm: float) -> None:
    """The true rate of a part is up to 5 % off the declared; its crystal drifts besides."""
    faults = Faults(rate_error={"wrist": error}, clock_ppm={"wrist": ppm}, loss=0.02)
    inputs = synthetic.numbered(("wrist",), 90.0, faults=faults, seed=8)
    receiver = Receiver(synthetic.header_for(("wrist",)).sensors[0], 0.25)
    s = receiver.push([i for i in inputs if not isinstance(i, Tick | Command)])
    true = device("wrist", 100.0, 90.0, faults, 8).interval
    assert true == pytest.approx(0.01 / (1.0 + error))
    np.testing.assert_allclose(s.interval[s.t > 60.0], true, rtol=1e-4, err_msg="a crystal's worth of error")
    np.testing.assert_allclose(s.interval[(s.t > 3.0) & (s.t < 60.0)], true, rtol=3e-4)
    assert receiver.health(False).interval == s.interval[-1]
    assert receiver.health(False).restarts == 0
    assert (s.interval[:5] == 0.01).all(), "as declared until there is evidence"


# --- clock exchange -------------------------------------------------------------------------------------------------


def exchange(token: int, t: float, received: float | None = None, replied: float | None = None) -> list[Packet | Sent]:
    """A request at ``t`` and its reply; device times are a second ahead of session time, as in :func:`packet`."""
    received = t + 0.010 if received is None else received
    replied = received + 0.030 if replied is None else replied
    reply = own.encode_reply(token, round((received + 1.0) * 1e6), round((replied + 1.0) * 1e6))
    return [
        Sent("wrist", round(t * 1e9), own.encode_request(token)),
        Packet("wrist", round((t + 0.050) * 1e9), own.SYNC, reply),
    ]


def with_exchanges(items: list[Packet | Sent], seconds: int = 30) -> list[Packet | Sent]:
    log: list[Packet | Sent] = [*stream(0, 100 * seconds), *items]
    return sorted(log, key=lambda i: i.arrived_ns)


def test_replies_make_the_clock_two_sided() -> None:
    alone = push(*with_exchanges([]))[1]
    s, both, _ = push(*with_exchanges([i for k in range(30) for i in exchange(k, k + 0.5)]))
    assert alone.clock_band is None
    assert both.clock_band == pytest.approx(0.010, abs=1e-4), "half of the 10 ms there plus 10 ms back"
    assert both.packets == alone.packets
    assert both.rejected == 0
    assert s.t[-1] == pytest.approx(29.99, abs=0.001), "in the middle of a symmetric exchange"


@pytest.mark.parametrize(
    ("items", "rejected"),
    [
        (exchange(1, 40.0)[1:], 0),  # a reply nobody asked for
        (exchange(1, 40.0)[:1], 0),  # a request without reply
        (exchange(1, 40.0) + exchange(1, 40.0)[1:], 0),  # the same reply twice
        (exchange(1, 40.0, received=40.0 + SAME_TIME + 1.0), 1),
        (exchange(1, 40.0, received=40.0 - SAME_TIME - 1.0, replied=40.0), 1),
        (exchange(1, 40.0, replied=39.9), 1),  # replied before it was received
        (exchange(1, 40.0, received=40.01, replied=41.1), 1),  # kept for more than a second
        ([Packet("wrist", 40 * 10**9, own.SYNC, b"\x81")], 1),
        ([Packet("wrist", 40 * 10**9, own.SYNC, b"")], 1),
        ([Packet("wrist", 40 * 10**9, own.SYNC, packet(3).payload)], 1),
        ([Sent("wrist", 40 * 10**9, b"")], 1),
        ([Sent("wrist", 40 * 10**9, b"\x01\x00")], 1),
    ],
)
def test_hostile_replies_tell_nothing(items: list[Packet | Sent], rejected: int) -> None:
    clean, before, _ = push(*with_exchanges([], 60))
    s, health, _ = push(*with_exchanges(items, 60))
    assert health.rejected == rejected
    assert health.packets == before.packets, "an exchange is no data packet"
    if rejected:
        assert health.clock_band is None
        np.testing.assert_array_equal(s.t, clean.t, err_msg="and the placed times do not move")


def test_replies_before_the_first_packet_tell_nothing() -> None:
    _, health, _ = push(*exchange(1, 0.001), *(packet(k) for k in range(10, 1000, N)))
    assert health.clock_band is None
    assert health.rejected == 0


def test_forgotten_requests_do_not_pile_up() -> None:
    receiver = Receiver(INFO, 0.25)
    receiver.push([Sent("wrist", k, own.encode_request(k)) for k in range(10 * PENDING)])
    assert len(receiver.requests) <= PENDING
    receiver.push(stream(0, 1000))
    old, newest = exchange(0, 5.0)[1], exchange(10 * PENDING - 1, 5.0)[1]
    receiver.push([old._replace(arrived_ns=packet(999).arrived_ns)])
    assert len(receiver.requests) == PENDING, "the oldest was forgotten"
    receiver.push([newest._replace(arrived_ns=packet(999).arrived_ns)])
    assert len(receiver.requests) == PENDING - 1


# --- link and the rest ----------------------------------------------------------------------------------------------


def test_battery_and_link() -> None:
    receiver = Receiver(INFO, 0.25)
    assert receiver.health(True).battery is None
    receiver.push([Link("wrist", 1, "battery", 0.8), Link("wrist", 2, "rssi", -70.0), Link("wrist", 3, "down", 0.0)])
    assert receiver.health(True).battery == 0.8
    assert receiver.health(True).reconnects == 0
    receiver.push([Link("wrist", 4, "up", 0.0), Link("wrist", 5, "battery", 0.79)])
    assert receiver.health(True).reconnects == 1
    assert receiver.health(True).battery == 0.79
    assert receiver.health(True).bias_known
    assert not receiver.health(False).bias_known


def test_the_first_connection_is_no_reconnection() -> None:
    _, health, _ = push(Link("wrist", 1, "up", 0.0), *stream(0, 100))
    assert health.reconnects == 0


def test_delay_is_that_of_the_newest_packet() -> None:
    log = [*stream(0, 1000), packet(1000, delay=0.120)]
    assert push(*log)[1].delay == pytest.approx(0.120 - DELAY, abs=0.001), "beyond the shortest there was"


def test_nothing_gives_nothing() -> None:
    receiver = Receiver(INFO, 0.25)
    for items in ([], [Link("wrist", 1, "up", 0.0)], [Packet("wrist", 1, own.DATA, b"junk")]):
        s = receiver.push(items)
        assert len(s.t) == 0
        assert s.acc.shape == (0, 3)
    assert receiver.health(False).rejected == 1


def test_cuts_do_not_matter() -> None:
    """With everything on one link: losses, late and damaged packets, a reboot, exchanges."""
    faults = Faults(loss=0.02, late=0.02, duplicate=0.02, burst=4.0, reboots=(("wrist", 20.0),))
    log: list[Input] = [i for i in synthetic.numbered(("wrist",), 40.0, faults=faults) if not isinstance(i, Tick)]
    log[50:50] = [log[50]._replace(payload=b"damaged")] if isinstance(log[50], Packet) else []  # type: ignore[list-item]
    info = synthetic.header_for(("wrist",)).sensors[0]
    whole = Receiver(info, 0.25)
    reference = whole.push(log)  # type: ignore[arg-type]
    pieces = Receiver(info, 0.25)
    parts = [pieces.push(part) for part in partition(log, range(0, len(log), 3))]  # type: ignore[arg-type]
    for name in ("number", "t", "arrived_ns", "interval", "acc", "held", "start"):
        np.testing.assert_array_equal(np.concatenate([getattr(p, name) for p in parts]), getattr(reference, name))
    assert whole.health(False) == pieces.health(False)
    assert whole.health(False).restarts >= 1


# --- imported recordings: session time as it is ---------------------------------------------------------------------


def block(number: int, t: float, n: int = 10, delay: float = 0.5) -> Packet:
    t_ns = round(t * 1e9) + 10_000_000 * np.arange(n)
    return Packet("wrist", int(t_ns[-1]) + round(delay * 1e9), si.DATA, si.encode(number, t_ns, *np.zeros((2, n, 3))))


def test_imported_times_are_kept() -> None:
    receiver = Receiver(SensorInfo("wrist", "si"), 0.25)
    s = receiver.push([block(10 * k, 100.0 + 0.1 * k) for k in range(50)])
    np.testing.assert_allclose(s.t, 100.0 + 0.01 * np.arange(500), atol=1e-9)
    assert receiver.health(False).rejected == 0


@pytest.mark.parametrize(
    ("bad", "rejected", "late"),
    [(block(20, 100.2, delay=-0.05), 1, 0), (block(20, 100.19), 1, 0), (block(10, 100.1), 0, 1)],
    ids=["arrived before it was taken", "before the sample before", "twice"],
)
def test_imported_times_that_cannot_be(bad: Packet, rejected: int, late: int) -> None:
    receiver = Receiver(SensorInfo("wrist", "si"), 0.25)
    s = receiver.push([block(0, 100.0), block(10, 100.1), bad, block(30, 100.3)])
    health = receiver.health(False)
    assert (health.rejected, health.late, health.packets) == (rejected, late, 3)
    assert (np.diff(s.t) > 0).all()
    assert (s.t < s.arrived_ns * 1e-9).all()
