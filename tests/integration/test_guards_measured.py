"""Warnings end to end: simulated people, the whole pipeline, coach and rules; a small part of ``evaluate guards``."""

from __future__ import annotations

from functools import cache

import pytest

from imu_coach.evaluate import guards
from imu_coach.evaluate.acted import ALL, CORRECT, EVENTS, SAFE, SAME_DIP, WAYS
from imu_coach.evaluate.guards import Case, Found, found, layouts
from imu_coach.evaluate.told import LATE

SEEDS = range(9500, 9502)
"""Not those of the command."""


@cache
def done(name: str, sensors: int, seeds: range = SEEDS) -> tuple[Found, ...]:
    sites = next(s for s in layouts(ALL[name]) if len(s) == sensors)
    return tuple(found(Case(name, sites, seed)) for seed in seeds)


def raised(rule: str) -> list[bool]:
    """Whether in time, of every event at which the rule could be judged."""
    sessions = [f for s in EVENTS for f in done(s.name, len(layouts(s)[0]))]
    return [e.delay <= LATE for f in sessions for e in f.episodes if e.rule == rule and e.judged]


@pytest.mark.parametrize("rule", guards.RULES)
def test_five_degrees_over_is_raised_in_time(rule: str) -> None:
    told = raised(rule)
    assert len(told) >= 2
    assert sum(told) >= 0.85 * len(told), f"{sum(told)} of {len(told)}"


@pytest.mark.parametrize("sensors", [2, 3])
@pytest.mark.parametrize("scenario", CORRECT, ids=lambda s: s.name)
def test_nothing_false_in_correct_sets(scenario: guards.Scenario, sensors: int) -> None:
    sessions = done(scenario.name, sensors, SEEDS[: 4 - sensors])
    assert sum(f.minutes for f in sessions) > 2
    assert not [w for f in sessions for w in f.warnings if w.alarm and w.false]


def test_safe_movement_with_raised_arms() -> None:
    for scenario in SAFE:
        (one,) = done(scenario.name, 2, range(9500, 9501))
        assert sum(w.false and w.alarm for w in one.warnings) <= 1


def test_getting_down_and_up_is_logged_never_red_never_spoken() -> None:
    sessions = done(WAYS[0].name, 2, range(9500, 9503))
    warnings = [w for f in sessions for w in f.warnings if w.way and w.rule != "W0"]
    assert all(f.ways[0] == f.ways[1] >= 10 for f in sessions)
    assert warnings
    assert not [w for w in warnings if w.spoken or w.severity == "red"]


@pytest.mark.parametrize("scenario", SAME_DIP, ids=lambda s: s.name)
def test_the_same_dip_is_told_apart_with_a_sensor_at_the_waistband_only(scenario: guards.Scenario) -> None:
    for sensors in (2, 3):
        for one in done(scenario.name, sensors):
            told = {w.rule for w in one.warnings}
            assert "W13" in told
            assert ("W4" in told) == (sensors == 3 and scenario.name.endswith("rounded"))
            assert ("W4" in one.unjudged) == (sensors == 2)


def test_the_table_has_a_row_for_everything() -> None:
    results = [f for s in (*EVENTS, *CORRECT[:1]) for f in done(s.name, len(layouts(s)[0]))]
    rows = [guards._raised(rule, results) for rule in guards.RULES]
    assert all(row["events"] for row in rows)
    assert guards._alarms(CORRECT[0].name, 2, results)["minutes"] > 2
