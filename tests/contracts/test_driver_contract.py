"""What every driver promises, the one of another package too: the same suite over all of them.

``IMU_COACH_MUTATIONS=100000`` sets how many damaged payloads each has to stand; fewer by default.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache

import numpy as np
import pytest
from driver_cases import CASES, Case, install_example
from hypothesis import given, settings
from hypothesis import strategies as st

from imu_coach.core.decode import Receiver
from imu_coach.drivers import DRIVERS, PROFILES, driver, profile, profiles
from imu_coach.drivers.base import Decoded, Driver
from imu_coach.errors import DecodeError

MUTATIONS = int(os.environ.get("IMU_COACH_MUTATIONS", "3000"))
NAMES = sorted(CASES)


@pytest.fixture(autouse=True, scope="module")
def _example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        install_example(tmp_path_factory.mktemp("site"), patch)
        yield


@cache
def stream(name: str, samples: int = 1200) -> list[bytes]:
    return CASES[name].payloads(samples)


def fresh(name: str) -> Driver:
    return driver(CASES[name].info)


def consistent(d: Decoded, payloads: int) -> None:
    """What every stage behind relies on."""
    n, p = int(d.count.sum()), sum(not x for x in d.problem)
    assert len(d.problem) == payloads
    assert len(d.seq) == len(d.ticks) == len(d.count) == p
    assert d.offset.shape == (n,)
    assert d.acc.shape == d.gyr.shape == (n, 3)
    assert d.acc.dtype == d.gyr.dtype == d.offset.dtype == np.float64
    assert d.seq.dtype == d.ticks.dtype == d.count.dtype == np.int64
    assert (d.count > 0).all()
    starts = np.cumsum(d.count) - d.count
    assert (d.offset[starts] == 0.0).all()
    inside = np.ones(n, bool)
    inside[starts] = False
    assert (np.diff(d.offset)[inside[1:]] > 0.0).all()
    assert np.isfinite(d.offset).all()


def same(a: Sequence[Decoded], b: Sequence[Decoded]) -> None:
    """The same bits, however they come in pieces."""
    assert [p for d in a for p in d.problem] == [p for d in b for p in d.problem]
    for field in ("seq", "ticks", "count", "offset", "acc", "gyr"):
        one, other = (np.concatenate([getattr(d, field) for d in part]) for part in (a, b))
        np.testing.assert_array_equal(one, other, err_msg=field)


def test_every_driver_is_here() -> None:
    found, problems = profiles()
    assert set(CASES) == set(DRIVERS) | set(found)
    assert not problems


@pytest.mark.parametrize("name", NAMES)
def test_modulus_and_clock(name: str) -> None:
    d = fresh(name)
    assert d.name == name
    assert d.clock in ("device", "index", "session")
    assert d.tick_seconds > 0
    consistent(d.decode([]), 0)
    decoded = d.decode(stream(name))
    consistent(decoded, len(stream(name)))
    assert ((decoded.seq >= 0) & (decoded.seq < d.seq_modulus)).all()
    assert ((decoded.ticks >= 0) & (decoded.ticks < d.tick_modulus)).all()


@pytest.mark.parametrize("name", NAMES)
def test_every_sample_comes_out_once(name: str) -> None:
    case = CASES[name]
    decoded = fresh(name).decode(stream(name))
    numbers = case.numbers(decoded.gyr)
    assert len(numbers) > 1100
    np.testing.assert_array_equal(numbers, (case.first + np.arange(len(numbers))) % 1000)
    steps = np.diff(decoded.seq) % fresh(name).seq_modulus
    np.testing.assert_array_equal(steps, decoded.count[:-1], err_msg="numbers go on")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrapping", [False, True], ids=["from the start", "over the wraps"])
def test_the_receiver_takes_all_of_it(name: str, wrapping: bool) -> None:
    receiver = Receiver(CASES[name].info, 0.25)
    samples = receiver.push(CASES[name].packets(1200, wrapping))
    health = receiver.health(False)
    assert (health.lost, health.late, health.rejected, health.restarts, health.held) == (0, 0, 0, 0, 0)
    assert health.samples == len(samples.t) > 1100
    np.testing.assert_allclose(np.diff(samples.t)[100:], health.interval, rtol=0.06)


@pytest.mark.parametrize("name", [n for n in NAMES if CASES[n].loss_shows])
@pytest.mark.parametrize("missing", [1, 3])
def test_a_loss_shows(name: str, missing: int) -> None:
    """Packets in the middle never arrive (of the Polar, of both streams)."""
    case = CASES[name]
    packets = case.packets(1200)
    kinds = 2 if name == "polar" else 1
    at = len(packets) // 4 * 2
    receiver = Receiver(case.info, 0.25)
    samples = receiver.push(packets[:at] + packets[at + missing * kinds :])
    health = receiver.health(False)
    clean = Receiver(case.info, 0.25)
    whole = len(clean.push(packets).t)
    assert health.lost == whole - health.samples > 0
    assert health.rejected == health.late == 0
    own_rows = ~samples.held
    at_number = (case.first + samples.number - samples.number[0])[own_rows] % 1000
    np.testing.assert_array_equal(case.numbers(samples.gyr[own_rows]), at_number, err_msg="each where it belongs")


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(data=st.data())
def test_any_cut_gives_the_same(name: str, data: st.DataObject) -> None:
    payloads = damaged(name, 60, data.draw(st.integers(0, 2**32 - 1)))[0]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(payloads)), max_size=12)))
    whole, pieces = fresh(name), fresh(name)
    parts = [pieces.decode(payloads[a:b]) for a, b in zip([0, *cuts], [*cuts, len(payloads)], strict=True)]
    same(parts, [whole.decode(payloads)])


@pytest.mark.parametrize("name", NAMES)
def test_cut_at_every_byte(name: str) -> None:
    """No cut payload raises or gives more than the whole, and those behind it still decode."""
    before, payload, *behind = stream(name)[:6]
    for size in range(len(payload)):
        d = fresh(name)
        d.decode([before])
        cut = d.decode([payload[:size]])
        consistent(cut, 1)
        whole = fresh(name).decode([before, payload, *behind])
        assert cut.count.sum() <= whole.count.sum()
        consistent(d.decode(behind), len(behind))
        again = d.decode(behind[-1:])
        consistent(again, 1)


def damage(payload: bytes, rng: np.random.Generator) -> bytes:
    """Noise, or a payload with bytes changed, cut, or lengthened."""
    kind = rng.random()
    raw = bytearray(payload)
    if kind < 0.2:
        return rng.bytes(int(rng.integers(0, 90)))
    if kind < 0.7:
        for at in rng.integers(0, len(raw), int(rng.integers(1, 4))):
            raw[at] = int(rng.choice([0, 0x7F, 0x80, 0xFF])) if rng.random() < 0.3 else int(rng.integers(0, 256))
        return bytes(raw)
    if kind < 0.9:
        return bytes(raw[: int(rng.integers(0, len(raw)))])
    return bytes(raw) + rng.bytes(int(rng.integers(1, 60)))


def damaged(name: str, samples: int, seed: int) -> tuple[list[bytes], list[bool]]:
    """A stream with a damaged older payload before each of its own, and which are its own."""
    rng = np.random.default_rng(seed)
    payloads, log, sound = CASES[name].payloads(samples), [], []
    for i, payload in enumerate(payloads):
        if i >= 4:
            log.append(damage(payloads[int(rng.integers(0, i - 3))], rng))
            sound.append(False)
        log.append(payload)
        sound.append(True)
    return log, sound


def rows(decoded: Decoded, chosen: Sequence[bool]) -> np.ndarray:
    """Acceleration and rotation of the samples that came with the chosen payloads."""
    good = [c for c, problem in zip(chosen, decoded.problem, strict=True) if not problem]
    which = np.repeat(np.array(good, bool), decoded.count)
    return np.hstack([decoded.acc, decoded.gyr])[which]


def samples_for(case: Case, payloads: int) -> int:
    """Samples of a stream of about so many payloads."""
    probe = 1000
    return probe * payloads // len(case.payloads(probe))


@pytest.mark.parametrize("name", NAMES)
def test_damaged_payloads_among_sound_ones(name: str) -> None:
    """Nothing raises, every payload is explained, every sound one gives what it gives alone, and nothing grows."""
    case = CASES[name]
    log, sound = damaged(name, samples_for(case, MUTATIONS), seed=11)
    d = fresh(name)
    sizes, parts = [], []
    for at in range(0, len(log), 500):
        parts.append(d.decode(log[at : at + 500]))
        sizes.append(len(pickle.dumps(vars(d))))
        consistent(parts[-1], len(log[at : at + 500]))
    payloads = [p for p, own in zip(log, sound, strict=True) if own]
    alone = rows(fresh(name).decode(payloads), [True] * len(payloads))
    chosen = [sound[at : at + 500] for at in range(0, len(log), 500)]
    got = np.concatenate([rows(part, own) for part, own in zip(parts, chosen, strict=True)])
    np.testing.assert_array_equal(got, alone)
    problem = [p for part in parts for p in part.problem]
    counted = sum(p != "" for p, own in zip(problem, sound, strict=True) if not own)
    assert counted > len(payloads) // 4, "damage is counted"
    assert max(sizes[1:]) < 200_000


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=80)
@given(junk=st.lists(st.binary(max_size=250), max_size=6))
def test_noise_raises_nothing(name: str, junk: list[bytes]) -> None:
    d = fresh(name)
    consistent(d.decode(junk), len(junk))
    for payload in junk:
        for ask in (d.reply, d.token):
            with suppress(DecodeError):
                ask(payload)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "si"])
def test_profile(name: str) -> None:
    """Full UUIDs in lower case, one characteristic a channel, recognised by what it says itself."""
    p = profile(name)
    assert p.name == name
    assert p.title
    assert all(len(u) == 36 and u == u.lower() for u in p.channels.values())
    assert len(set(p.channels.values())) == len(p.channels)
    assert CASES[name].channel in p.packets <= set(p.channels)
    assert p.sync == -1 or p.sync in p.packets
    assert not p.recognises("", [])
    for mark in p.services:
        assert p.recognises(mark, []) if len(mark) != 36 else p.recognises("", [mark.upper()])
    others = [q for q in PROFILES.values() if q.name != name]
    assert not any(q.recognises("", p.services) for q in others)
    assert (p.request(7) is None) == (p.sync == -1)
    for junk in (b"", b"\x00", bytes(300)):
        assert p.last_number(junk) is None
        for channel in (*p.channels, 99):
            assert p.event(channel, junk) is None or len(junk) == 1
