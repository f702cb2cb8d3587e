"""Simulated coached sessions: commands, conduct, re-siting, taps, everyday life; does the truth fit the signals?"""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from imu_coach import quat
from imu_coach.conventions import GRAVITY, SITES
from imu_coach.drivers import own
from imu_coach.drivers.base import Decoded
from imu_coach.synthetic import (
    PERFECT,
    Conduct,
    Faults,
    Person,
    Simulated,
    Step,
    Truth,
    coached_session,
    dip,
    exercise_session,
    faults_for,
    idle_minutes,
    overextend,
    rises,
    simulate,
    sites_of,
    slump_set,
)
from imu_coach.synthetic.carrying import legs_of, two_armed, worn
from imu_coach.synthetic.conduct import CONDUCT
from imu_coach.synthetic.patterns import perform
from imu_coach.synthetic.scenario import activities, exercises
from imu_coach.synthetic.sensors import attitude_and_place, ideal
from imu_coach.synthetic.skeleton import SEGMENT_OF, body
from imu_coach.types import Command, Packet

EXERCISES = {
    "ext_rotation_seated", "row_low_dumbbell", "triceps_pushback", "triceps_pushback_kneeling", "superman_beginner",
    "superman_intermediate", "prone_ext_beginner", "prone_ext_intermediate", "prone_ext_advanced",
    "prone_ext_advanced_legs", "warmup_side_reach", "warmup_hip_rotation",
}  # fmt: skip
EXACT = Faults(clock_ppm=dict.fromkeys(SITES, 0.0), rate_error=dict.fromkeys(SITES, 0.0), stamp_jitter=0.0)
STEADY = Conduct(partials=0.0, pauses=0.0, dips=0.0)
SEED = 3


def commands(s: Simulated) -> list[tuple[float, str, dict]]:
    return [(i.arrived_ns / 1e9, i.name, dict(i.value)) for i in s.inputs if isinstance(i, Command)]


def decoded(s: Simulated, sensor: str) -> Decoded:
    mine = [i for i in s.inputs if isinstance(i, Packet) and i.sensor == sensor and i.channel == own.DATA]
    return own.Own(s.header[sensor]).decode([p.payload for p in mine])


def quick(*steps: Step, seed: int = SEED, **more: object) -> Simulated:
    return simulate((Step("stand_tall"), *steps), seed=seed, internal_rate=200.0, **more)


def during(truth: Truth, name: str) -> slice:
    """The rows of the first step of this name."""
    a, b, _ = next(s for s in truth.steps if s[2] == name)
    return slice(round(a * 100), round(b * 100))


def degrees(truth: Truth, angle: str, name: str) -> np.ndarray:
    return np.rad2deg(truth.angle[angle][during(truth, name)])


# --- coached sessions -----------------------------------------------------------------------------------------------


def test_every_exercise_can_be_done() -> None:
    assert set(exercises()) == EXERCISES


@pytest.mark.parametrize("exercise", sorted(EXERCISES))
def test_a_session_of_one_exercise(exercise: str) -> None:
    s = exercise_session(exercise, SEED)
    assert tuple(i.sensor for i in s.header.sensors) == sites_of(exercise)
    said = [c for c in commands(s) if c[1] in ("exercise", "finish", "context")]
    assert [name for _, name, _ in said] == ["exercise", "finish"] * 2
    assert [c[2]["pose"] for c in commands(s) if c[1] == "calibrate"][:2] == ["table_still", "stand_tall"]
    for (began, _, what), (ended, _, _), (t0, t1, done, side) in zip(said[::2], said[1::2], s.truth.sets, strict=True):
        assert what == {"id": exercise, "side": side} == {"id": done, "side": side}
        assert side == (s.header.person["sensor_arm"] if exercise == "row_low_dumbbell" else "")
        reps = [r for r in s.truth.reps if t0 <= r[0] and r[2] <= t1 + 1e-3]
        assert 5 <= len(reps) <= 12
        assert began < t0
        assert 3.0 <= reps[0][0] - t0 <= 7.0
        assert reps[-1][2] == pytest.approx(t1, abs=2e-3)
        # a pause after the last repetition may make it longer
        assert 2.6 <= ended - t1 <= 14.0
        assert s.truth.in_set[round(t0 * 100) + 1 : round(t1 * 100)].all()
    assert len(s.truth.reps) == sum(t0 <= r[0] <= t1 for r in s.truth.reps for t0, t1, _, _ in s.truth.sets)


def test_a_person_is_still_before_a_set() -> None:
    s = exercise_session("triceps_pushback", SEED, conduct=STEADY, sets=1)
    t0, _, _, _ = s.truth.sets[0]
    ready = slice(round(t0 * 100), round(s.truth.reps[0][0] * 100))
    assert np.ptp(np.rad2deg(s.truth.angle["forearm_elevation"][ready])) < 2.5
    assert np.ptp(np.rad2deg(s.truth.angle["trunk_inclination"][ready])) < 9.0


def test_rests_and_counts_vary() -> None:
    made = [exercise_session("ext_rotation_seated", seed, conduct=STEADY) for seed in range(8)]
    rests = [b[0] - a[1] for s in made for a, b in pairwise(s.truth.sets)]
    assert 18.0 < min(rests) < max(rests) < 75.0
    assert len({len(s.truth.reps) for s in made}) > 3
    assert {len(exercise_session("ext_rotation_seated", 1, reps=7, sets=3).truth.reps)} == {21}


def test_uncoached_sessions_say_nothing_of_exercises() -> None:
    s = simulate("pushback", seed=SEED, internal_rate=200.0)
    assert not {"exercise", "finish"} & {c[1] for c in commands(s)}
    assert not s.truth.sets
    assert "# sets" not in s.truth.csv()


def test_another_id_for_an_activity() -> None:
    s = exercise_session("my_curl", SEED, activity="biceps_curl", sensors=("wrist",), reps=6, sets=1, conduct=STEADY)
    assert [c[2]["id"] for c in commands(s) if c[1] == "exercise"] == ["my_curl"]
    elevation = np.rad2deg(s.truth.angle["forearm_elevation"])
    for on, top, _, _, _ in s.truth.reps:
        assert elevation[round(top * 100)] - elevation[round(on * 100)] > 60.0


def test_a_programme_moves_the_second_sensor() -> None:
    arm = Person.draw(SEED).arm
    other = "left" if arm == "right" else "right"
    plan = [("ext_rotation_seated", "", 1, 4, None), ("row_low_dumbbell", arm, 1, 4, None),
            ("row_low_dumbbell", other, 1, 4, None), ("prone_ext_beginner", "", 1, 3, 5.0)]  # fmt: skip
    s = coached_session(plan, SEED, practice=2)
    names = [(c[1], c[2].get("site") or c[2].get("id", "")) for c in commands(s) if c[1] != "calibrate"]
    assert names == [
        ("exercise", "ext_rotation_seated"), ("finish", ""), ("exercise", "ext_rotation_seated"), ("finish", ""),
        ("resite", "upper_arm"), ("exercise", "row_low_dumbbell"), ("finish", ""),
        ("resite", "upper_arm"), ("exercise", "row_low_dumbbell"), ("finish", ""),
        ("resite", "sacrum"), ("exercise", "prone_ext_beginner"), ("finish", ""),
    ]  # fmt: skip
    assert [x[3] for x in s.truth.sets] == ["", "", arm, other, ""]
    assert [(x[2], x[3]) for x in s.truth.resites] == [
        ("wrist", "upper_arm"), ("wrist", "upper_arm"), ("wrist", "sacrum"),
    ]  # fmt: skip
    assert [i.sensor for i in s.header.sensors] == ["upper_back", "wrist"]
    assert len([x for x in s.truth.steps if x[2] == "get_down"]) == 1
    assert not coached_session(plan[:2], SEED, resites=False).truth.resites


def test_the_truth_survives_its_file(tmp_path) -> None:
    s = coached_session([("row_low_dumbbell", "", 1, 3, None)], SEED)
    s.truth.to_csv(tmp_path / "truth.csv")
    back = Truth.from_csv(tmp_path / "truth.csv")
    assert back.sets == s.truth.sets
    assert back.resites == s.truth.resites


# --- conduct --------------------------------------------------------------------------------------------------------


def test_the_default_conduct_changes_nothing() -> None:
    plain, same = (quick(Step("prone_prop", reps=3), conduct=c) for c in (None, Conduct()))
    assert plain.inputs == same.inputs


def test_conduct_changes_what_it_says() -> None:
    def reps(**values: object) -> list[tuple[float, ...]]:
        return quick(Step("pushback", reps=10), conduct=dataclasses.replace(STEADY, **values)).truth.reps

    base, small, large, slow = reps(), reps(amplitude=0.4), reps(amplitude=2.0), reps(tempo=1.6)
    size = [np.mean([r[3] for r in x]) for x in (base, small, large)]
    assert size[1] / size[0] == pytest.approx(0.4, rel=1e-3)
    assert size[2] / size[0] == pytest.approx(2.0, rel=0.02)
    climb = [np.mean([r[1] - r[0] for r in x]) for x in (base, slow)]
    assert climb[1] / climb[0] == pytest.approx(1.6, rel=1e-2)
    assert all(r[4] for r in base)
    assert not any(r[4] for r in reps(partials=1.0))
    gaps = [b[0] - a[2] for a, b in pairwise(reps(pauses=1.0, pause=(9.0, 10.0)))]
    assert min(gaps) > 9.0


def test_what_moves_along_is_as_large_as_the_conduct() -> None:
    def lift(factor: float) -> float:
        conduct = dataclasses.replace(STEADY, amplitude=factor, wobble=0.0, breathing=0.0)
        t = quick(Step("superman", reps=6), conduct=conduct).truth
        a = t.angle["trunk_inclination"]
        return float(np.mean([a[round(r[0] * 100)] - a[round(r[1] * 100)] for r in t.reps]))

    assert lift(0.5) / lift(1.0) == pytest.approx(0.5, abs=0.05)


def test_the_signal_is_as_large_as_the_conduct() -> None:
    for factor in (0.4, 2.0):
        conduct = dataclasses.replace(STEADY, amplitude=factor, fatigue=0.0)
        t = quick(Step("ext_rotation", reps=4, strategy="tall"), conduct=conduct).truth
        for on, top, _, amplitude, _ in t.reps:
            moved = t.angle["wrist_yaw"][round(top * 100)] - t.angle["wrist_yaw"][round(on * 100)]
            assert abs(np.rad2deg(abs(moved) - amplitude)) < 6.0


def test_holds_sway_and_sink_as_told() -> None:
    person = dataclasses.replace(Person.draw(SEED), sway=0.0, tremor=0.0, breathing=0.0)
    script = Step("prone_prop", reps=2, hold=20.0, strategy="relaxed")

    def held(**values: float) -> np.ndarray:
        conduct = dataclasses.replace(STEADY, breathing=0.0, **values)
        t = quick(script, person=person, conduct=conduct).truth
        a, b = t.holds[0]
        return np.rad2deg(t.angle["trunk_inclination"][round(a * 100) + 100 : round(b * 100) - 100])

    assert np.ptp(held()) < 0.3
    assert 1.0 < np.ptp(held(hold_sway=1.0)) < 2.2
    sunk = held(sag=0.1)
    assert 1.0 < sunk[-1] - sunk[0] < 2.2


def test_tests_use_conduct_that_tuning_never_saw() -> None:
    for name, (low, high) in CONDUCT["tuning"].items():
        a, b = CONDUCT["test"][name]
        assert a <= low < high <= b
        assert b - a > high - low
    held_out = 0
    for seed in range(100):
        c = Conduct.draw(seed, "test")
        assert c == Conduct.draw(seed, "test")
        held_out += any(not low <= getattr(c, n) <= high for n, (low, high) in CONDUCT["tuning"].items())
    assert held_out > 90
    assert Conduct.draw(1, "tuning") != Conduct.draw(1, "test")
    assert max(faults_for("test", s).loss for s in range(50)) > max(faults_for("tuning", s).loss for s in range(50))


# --- movements ------------------------------------------------------------------------------------------------------


def test_an_ideal_upper_back_sensor_sees_the_true_inclination() -> None:
    """But for the arms: with them up the skin tilts by 3-8 deg while the trunk stays."""
    steps = (Step("stand_tall"), Step("lean_deep", seconds=3.0), Step("arms_raised"), Step("superman_legs", reps=2))
    person = Person.draw(SEED)
    line, notes = perform(person, steps, SEED)
    moving = body(person, line, 200.0, SEED)
    q, _ = attitude_and_place("upper_back", moving, notes, person, PERFECT, (), SEED)
    u = quat.up(q)
    seen = np.rad2deg(np.unwrap(np.arctan2(-u[:, 0], u[:, 1])))[::2]
    s = quick(*steps[1:], person=person)
    n = min(len(seen), len(s.truth.t))
    off = np.abs(seen[:n] - np.rad2deg(s.truth.angle["trunk_inclination_absolute"][:n]))
    assert off[during(s.truth, "lean_deep")].max() < 0.1
    assert 2.9 < off[during(s.truth, "arms_raised")].max() < 8.1
    assert np.ptp(degrees(s.truth, "trunk_inclination", "arms_raised")) < 8.0
    assert degrees(s.truth, "upper_arm_elevation", "arms_raised").max() > 20.0


@pytest.mark.parametrize("name", ["superman_legs", "prone_advanced_legs"])
def test_lifted_legs_pitch_the_pelvis_a_little(name: str) -> None:
    """And the lumbar spine takes it back: the trunk lifts by what it would lift without them."""
    pitch, trunk = [], []
    for seed in range(6):
        t = quick(Step(name, reps=3), seed=seed, conduct=STEADY).truth
        for on, top, _, amplitude, _ in t.reps:
            a = np.rad2deg(t.angle["pelvis_inclination"])
            pitch.append(a[round(top * 100)] - a[round(on * 100)])
            if name == "prone_advanced_legs":
                a = np.rad2deg(t.angle["trunk_inclination"])
                trunk.append(a[round(on * 100)] - a[round(top * 100)] - np.rad2deg(amplitude))
    assert 1.0 < np.mean(pitch) < 8.0
    assert 2.0 < max(pitch) < 9.0
    assert abs(np.mean(trunk or [0.0])) < 1.0


def test_the_wrist_goes_round_with_the_hips() -> None:
    s = exercise_session("warmup_hip_rotation", SEED, conduct=dataclasses.replace(STEADY, wobble=0.1), reps=6, sets=1)
    assert len(s.truth.reps) == 6
    a = s.truth.angle
    for on, _, off, amplitude, _ in s.truth.reps:
        rows = slice(round(on * 100), round(off * 100))
        assert np.ptp(a["pelvis_inclination"][rows]) == pytest.approx(2.0 * amplitude, rel=0.25)
        assert np.ptp(a["forearm_elevation"][rows]) > 0.5 * amplitude
        assert np.ptp(a["trunk_inclination"][rows]) < 0.5 * np.ptp(a["pelvis_inclination"][rows]) + np.deg2rad(3.5)


def test_events_reach_what_was_asked() -> None:
    t = quick(
        Step("lean_deep", amplitude=50.0, seconds=8.0),
        Step("rapid_bend", rate=120.0, amplitude=60.0),
        Step("twist_bent", amplitude=30.0),
        Step("round_bent", trunk=50.0, amplitude=35.0),
        Step("round_seated", amplitude=25.0),
        Step("pick_up_rounded"),
        Step("pick_up_weights"),
    ).truth
    lean = degrees(t, "trunk_inclination", "lean_deep")
    assert 7.5 < (lean > 44.0).sum() / 100.0 < 11.0
    assert np.gradient(degrees(t, "trunk_inclination", "rapid_bend")).max() * 100.0 == pytest.approx(120.0, rel=0.1)
    assert 24.0 < np.ptp(degrees(t, "trunk_twist", "twist_bent")[300:-300]) < 36.0
    rounding, trunk = (degrees(t, name, "round_bent") for name in ("thoracolumbar_flexion", "trunk_inclination"))
    at = np.argmax(rounding)
    assert rounding[at] - np.median(rounding[:60]) == pytest.approx(35.0, abs=6.0)
    assert trunk[at] == pytest.approx(50.0, abs=6.0)
    assert np.ptp(degrees(t, "thoracolumbar_flexion", "round_seated")) == pytest.approx(25.0, abs=4.0)
    assert np.ptp(degrees(t, "trunk_inclination", "round_seated")) < 6.0
    assert degrees(t, "trunk_inclination", "pick_up_rounded").max() > 65.0
    assert degrees(t, "trunk_inclination", "pick_up_weights").max() < 60.0


@pytest.mark.parametrize("rounded", [False, True])
def test_a_dip_in_a_set_is_flat_or_rounded(rounded: bool) -> None:
    plain = quick(dataclasses.replace(dip(20.0), lapse=None)).truth
    t = quick(dip(20.0, 5.0, rounded=rounded)).truth
    ((t0, t1, deg, spine),) = t.lapses
    assert (t1 - t0, deg, spine) == (pytest.approx(5.0, abs=0.01), 20.0, float(rounded))
    rows = slice(round(t0 * 100), round(t1 * 100))
    change = {
        n: np.rad2deg(t.angle[n][rows] - plain.angle[n][rows]) for n in ("trunk_inclination", "thoracolumbar_flexion")
    }
    np.testing.assert_allclose(change["trunk_inclination"], 20.0, atol=0.5)
    np.testing.assert_allclose(change["thoracolumbar_flexion"], 20.0 * rounded, atol=1.0)
    assert t.reps == plain.reps


def test_slumps_and_extensions_on_order() -> None:
    t = quick(slump_set(25.0)).truth
    a, b, _, _ = t.lapses[0]
    slumped = np.rad2deg(t.angle["trunk_inclination"])
    assert (
        np.median(slumped[round(a * 100) : round(b * 100)])
        - np.median(slumped[round(a * 100) - 400 : round(a * 100) - 200])
        > 18.0
    )
    t = quick(overextend(58.0)).truth
    for on, top, _, amplitude, _ in t.reps:
        trunk = np.rad2deg(t.angle["trunk_inclination"])
        assert np.rad2deg(amplitude) == pytest.approx(58.0)
        assert trunk[round(on * 100)] - trunk[round(top * 100)] == pytest.approx(58.0, abs=6.0)


def test_everyday_life_has_no_repetitions() -> None:
    for seed in range(4):
        steps = idle_minutes(seed, 5.0)
        t = simulate(steps, seed=seed, internal_rate=200.0).truth
        assert 240.0 < t.t[-1] - 35.0 < 480.0
        assert not t.reps
        assert not t.sets
    assert idle_minutes(1) == idle_minutes(1) != idle_minutes(2)
    assert {x.activity for s in range(30) for x in idle_minutes(s)} >= {
        "walking", "fidget", "drink", "arms_raised", "pick_up_weights", "prone_quiet", "kneel_quiet", "sit_quiet",
    }  # fmt: skip


def test_safe_movement_is_long_and_safe() -> None:
    s = simulate("safe_movement", seed=SEED, internal_rate=200.0, coached=True)
    assert 500.0 < s.truth.t[-1] < 1000.0
    assert len(s.truth.sets) == 5
    assert "arms_raised" in s.truth.activity or "arms_raised_seated" in s.truth.activity
    upright = np.isin(s.truth.context, ["standing", "seated"])
    assert np.rad2deg(s.truth.angle["trunk_inclination"][upright]).max() < 60.0


def test_rises() -> None:
    t = quick(*rises(4), *rises(2, "kneel_quiet"), *rises(1, "prone_quiet")).truth
    names = [s[2] for s in t.steps]
    assert names.count("stand_up") == names.count("sit_down") == 4
    assert names.count("kneel_down") == 3
    assert names.count("get_up") == 1


def test_every_activity_runs() -> None:
    for name, activity in activities().items():
        strategy = {"resite": "wrist>sacrum"}.get(name)
        t = quick(Step("stand_quiet", seconds=1.0), Step(name, strategy=strategy)).truth
        assert name in [s[2] for s in t.steps]
        assert activity.most >= activity.limits[1], name


# --- sensors that are moved, tapped and knocked ---------------------------------------------------------------------


@pytest.mark.parametrize("way", ["wrist>upper_arm", "wrist>sacrum", "wrist>sacrum, sacrum>wrist"])
def test_a_moved_sensor_follows_its_new_segment(way: str) -> None:
    moves = tuple(Step("resite", strategy=w) for w in way.split(", "))
    steps = (Step("stand_tall"), *moves, Step("bend", reps=2), Step("row", reps=2))
    person = Person.draw(SEED)
    line, notes = perform(person, steps, SEED)
    moving = two_armed(person, line, 200.0, SEED)
    legs = legs_of(("upper_back", "wrist"), notes, person)["wrist"]
    assert len(legs) == 1 + len(moves)
    q, p = worn("wrist", legs, moving, notes, person, PERFECT, (), SEED)
    site = legs[-1].site
    after = slice(round(legs[-1].end * 200) + 1, None)
    segment = moving.earth_from[SEGMENT_OF[site]]
    against = quat.multiply(quat.conjugate(segment[after]), q[after])
    np.testing.assert_allclose(np.abs(against), np.broadcast_to(np.abs(against[0]), against.shape), atol=1e-9)
    force, omega = ideal(q, p, 200.0)
    assert quat.length(force).max() < 40.0
    assert quat.length(omega).max() < np.deg2rad(600.0)
    assert 5.0 <= legs[-1].end - legs[-1].start <= 8.0


def test_a_resite_is_said_when_it_is_done() -> None:
    steps = (Step("resite", strategy="wrist>sacrum"), Step("bend", reps=2))
    s = quick(*steps, sensors=("upper_back", "wrist"))
    ((when, _, value),) = [c for c in commands(s) if c[1] == "resite"]
    ((t0, t1, sensor, site),) = s.truth.resites
    assert value == {"sensor": sensor, "site": site} == {"sensor": "wrist", "site": "sacrum"}
    assert t0 < t1 < when < t1 + 1.0
    none = quick(*steps, sensors=("upper_back",))
    assert not none.truth.resites
    assert not [c for c in commands(none) if c[1] == "resite"]
    np.testing.assert_array_equal(none.truth.angle["lumbar_flexion"], s.truth.angle["lumbar_flexion"])


def test_the_other_arm_is_a_mirror_of_the_first() -> None:
    arm = "right"
    person = dataclasses.replace(Person.draw(SEED), arm=arm)
    yaw = {}
    for side in ("right", "left"):
        steps = (Step("resite", strategy=f"wrist>wrist:{side}"), Step("ext_rotation", reps=3, strategy="tall"))
        t = quick(*steps, person=person).truth
        on, top = t.reps[0][:2]
        yaw[side] = t.angle["wrist_yaw"][round(top * 100)] - t.angle["wrist_yaw"][round(on * 100)]
    assert np.rad2deg(yaw["right"]) < -20.0
    assert np.rad2deg(yaw["left"]) > 20.0


@pytest.mark.parametrize(
    ("name", "count", "low", "high"), [("double_tap", 2, 2, 4), ("triple_tap", 3, 2, 4), ("knock", 1, 3.5, 6)]
)
def test_taps_are_spikes_on_one_sensor(name: str, count: int, low: float, high: float) -> None:
    script = (Step("stand_quiet"), Step(name), Step("stand_quiet"))
    s = quick(*script, faults=EXACT, errors=PERFECT, sensors=("upper_back", "wrist"))
    assert len(s.truth.taps) == count
    assert all(low <= g <= high and sensor == "wrist" for _, sensor, g in s.truth.taps)
    for a, b in pairwise(s.truth.taps):
        assert b[0] - a[0] == pytest.approx(0.25, abs=0.03)
    hit, quiet = (np.abs(quat.length(decoded(s, x).acc) - GRAVITY) / GRAVITY for x in ("wrist", "upper_back"))
    assert 0.5 * low < hit.max() < high + 0.5
    assert quiet.max() < 0.5
    seconds = np.flatnonzero(hit > 0.4 * hit.max()) / 100.0
    assert seconds.max() - seconds.min() < 0.25 * count


def test_a_knock_may_turn_the_sensor() -> None:
    turned, same = (quick(Step("knock", strategy="upper_back", amplitude=a), Step("stand_quiet")) for a in (18.0, None))
    ((sensor, when, deg, _),) = turned.truth.slips
    assert (sensor, deg) == ("upper_back", 18.0)
    assert when == pytest.approx(turned.truth.taps[0][0], abs=1e-3)
    assert not same.truth.slips
