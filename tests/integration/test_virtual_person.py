"""The simulated person through sensors, packets and clocks of their own, with no radio: counted as they really move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imu_coach import catalogue, config, planner
from imu_coach.drivers import own
from imu_coach.recording import Recording
from imu_coach.run import process
from imu_coach.types import Header, Input, Packet, Sent, Tick
from imu_coach.virtual import direct
from imu_coach.virtual.part import Part
from imu_coach.virtual.person import Person, exercising

SITES = ("upper_back", "upper_arm")
SEED = 17011


@pytest.fixture(scope="module")
def person() -> Person:
    """Somebody who rows a little."""
    return exercising("row_low_dumbbell", SITES, seed=SEED, sets=1, reps=8)


@pytest.fixture(scope="module")
def heard(person: Person) -> list[Input]:
    """What arrives."""
    return list(direct.inputs(person, SEED))


def test_arrivals_are_in_order_and_complete(person: Person, heard: list[Input]) -> None:
    times = [item.arrived_ns for item in heard]
    assert times == sorted(times)
    assert times[-1] / 1e9 == pytest.approx(person.seconds + direct.REST, abs=0.5)
    for site in SITES:
        packets = [item for item in heard if isinstance(item, Packet) and item.sensor == site]
        data = [item.payload for item in packets if item.channel == own.DATA]
        decoded = own.Own(direct.header(person, SEED)[site]).decode(data)
        assert not any(decoded.problem)
        assert (np.diff(decoded.seq) % 65536 == decoded.count[:-1]).all(), "nothing is missing"
        replies = [item for item in packets if item.channel == own.SYNC]
        requests = [item for item in heard if isinstance(item, Sent) and item.sensor == site]
        assert len(replies) == len(requests) == pytest.approx(person.seconds, abs=8)
    assert sum(isinstance(item, Tick) for item in heard) == int((person.seconds + direct.REST) / direct.TICK)


def test_the_same_person_and_seed_give_the_same_bytes(person: Person, heard: list[Input]) -> None:
    assert list(direct.inputs(person, SEED)) == heard
    assert list(direct.inputs(person, SEED + 1)) != heard
    header = direct.header(person, SEED)
    assert header.synthetic
    assert [info.identity for info in header.sensors] == [f"{Part.draw(site, SEED).serial:016x}" for site in SITES]


def test_the_repetitions_are_counted_as_they_were_done(person: Person, heard: list[Input]) -> None:
    assert person.truth is not None
    inputs = sorted([*heard, *person.commands], key=lambda item: item.arrived_ns)
    header: Header = direct.header(person, SEED)
    plan = replace(planner.single(catalogue.exercise("row_low_dumbbell")), practice=False)
    result = process(Recording.of(header, inputs), config.setup(header, plan=plan))
    assert result.health["lost"].sum() == 0
    assert len(person.truth.reps) == 8
    assert (result.reps["status"] == "counted").sum() == 8
    assert (result.health["clock_band"] < 0.01).all()
    onsets = [rep[0] for rep in person.truth.reps]
    assert result.reps["onset_s"].to_numpy() == pytest.approx(onsets, abs=0.8)
