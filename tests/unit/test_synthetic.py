"""The simulator tests itself: physics, truth, determinism, faults, and that everything says it is synthetic."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from vqf import VQF

from imu_coach import quat
from imu_coach.conventions import GRAVITY, SITES
from imu_coach.drivers import own
from imu_coach.drivers.base import Decoded
from imu_coach.synthetic import (
    ANGLES,
    PERFECT,
    SCRIPTS,
    SESSIONS,
    Errors,
    Faults,
    Person,
    Simulated,
    Step,
    Truth,
    algebra,
    bands_session,
    header_for,
    number_of,
    numbered,
    scenario,
    simulate,
)
from imu_coach.synthetic.link import device, packets, quantise
from imu_coach.synthetic.patterns import perform
from imu_coach.synthetic.sensors import attitude_and_place, ideal, sampled
from imu_coach.synthetic.skeleton import SEGMENT_OF, body, zxy
from imu_coach.types import Command, Header, Input, Link, Packet, Sent, Tick

EXACT = Faults(clock_ppm=dict.fromkeys(SITES, 0.0), rate_error=dict.fromkeys(SITES, 0.0), stamp_jitter=0.0)
BEND = (Step("stand_tall"), Step("bend", reps=2, amplitude=60.0), Step("stand_quiet"))


def data(inputs: list[Input], sensor: str) -> list[Packet]:
    return [i for i in inputs if isinstance(i, Packet) and i.sensor == sensor and i.channel == own.DATA]


def decoded(header: Header, inputs: list[Input], sensor: str) -> Decoded:
    return own.Own(header[sensor]).decode([p.payload for p in data(inputs, sensor)])


def motion(steps: tuple[Step, ...], seed: int = 3, rate: float = 400.0):
    person = Person.draw(seed)
    line, notes = perform(person, steps, seed)
    return person, body(person, line, rate, seed), notes


def inclination(simulated: Simulated, sensor: str) -> tuple[np.ndarray, np.ndarray]:
    """Angle of "up" to the sensor's y axis, from VQF on the decoded stream: (t, deg)."""
    d = decoded(simulated.header, simulated.inputs, sensor)
    gyr, acc = np.ascontiguousarray(d.gyr), np.ascontiguousarray(d.acc)
    q = VQF(0.01, tauAcc=3.0, motionBiasEstEnabled=False, restBiasEstEnabled=False).updateBatch(gyr, acc)["quat6D"]
    start = device(sensor, 100.0, 1e3, EXACT, SEED).boots[0][0]
    u = quat.up(q)
    return start + 0.01 * np.arange(len(q)), np.rad2deg(np.arctan2(-u[:, 0], u[:, 1]))


SEED = 3


# --- physics --------------------------------------------------------------------------------------------------------


def test_algebra_is_that_of_quat() -> None:
    rng = np.random.default_rng(0)
    a, b = quat.normalize(rng.standard_normal((2, 50, 4)))
    v = rng.standard_normal((50, 3))
    np.testing.assert_allclose(algebra.multiply(a, b), quat.multiply(a, b), atol=1e-15)
    np.testing.assert_allclose(algebra.rotate(a, v), quat.rotate(a, v), atol=1e-15)
    np.testing.assert_allclose(algebra.rotate(a, v, inverse=True), quat.rotate(quat.conjugate(a), v), atol=1e-14)
    np.testing.assert_allclose(algebra.from_rotvec(v), quat.from_rotvec(v), atol=1e-15)


def test_axes_and_signs() -> None:
    """Flexion is minus z, right bend plus x, left turn plus y; forward is x, right is z."""
    one, none = np.array([0.5]), np.array([0.0])
    z, x, y = zxy(-one, none, none), zxy(none, one, none), zxy(none, none, one)
    np.testing.assert_allclose(quat.rotate(z, np.array([[0.0, 1.0, 0.0]]))[0], [np.sin(0.5), np.cos(0.5), 0.0])
    np.testing.assert_allclose(quat.rotate(x, np.array([[0.0, 1.0, 0.0]]))[0], [0.0, np.cos(0.5), np.sin(0.5)])
    np.testing.assert_allclose(quat.rotate(y, np.array([[0.0, 0.0, 1.0]]))[0], [np.sin(0.5), 0.0, np.cos(0.5)])


def test_inclination_survives_a_noise_free_round_trip() -> None:
    slow = tuple(dataclasses.replace(s, speed=0.25) for s in BEND)
    person = dataclasses.replace(Person.draw(SEED), tremor=0.0)
    s = simulate(slow, seed=SEED, sensors=("upper_back",), faults=EXACT, errors=PERFECT, person=person)
    t, angle = inclination(s, "upper_back")
    truth = np.rad2deg(np.interp(t, s.truth.t, s.truth.angle["trunk_inclination_absolute"]))
    late = t > 3.0
    error = angle - truth
    assert np.ptp(truth) > 50.0
    assert np.sqrt(np.mean(error[late] ** 2)) < 0.1


def test_specific_force_is_gravity_at_rest() -> None:
    s = simulate((Step("table"),), seed=SEED, sensors=("wrist",), faults=EXACT, errors=PERFECT)
    d = decoded(s.header, s.inputs, "wrist")
    np.testing.assert_allclose(quat.length(d.acc[:500]), GRAVITY, atol=3e-3)
    assert np.abs(d.gyr[:500]).max() < 1e-6


def test_specific_force_contains_the_lever_arm() -> None:
    """A segment turning at a constant rate: centripetal acceleration w^2 r points at the axis."""
    rate, w, r = 400.0, 2.0, 0.3
    angle = w * np.arange(2000) / rate
    zero = np.zeros_like(angle)
    q = algebra.columns(np.cos(angle / 2), zero, zero, np.sin(angle / 2))
    p = quat.rotate(q, np.array([r, 0.0, 0.0]))
    force, omega = ideal(q, p, rate)
    np.testing.assert_allclose(force[5:-5], np.broadcast_to([-w * w * r, 0.0, GRAVITY], (1990, 3)), atol=1e-4)
    np.testing.assert_allclose(omega[5:], np.broadcast_to([0.0, 0.0, w], (1995, 3)), atol=1e-9)


@pytest.mark.parametrize("errors", [PERFECT, Errors()], ids=["bare", "with skin"])
def test_gyroscope_integrates_to_the_attitude(errors: Errors) -> None:
    person, moving, notes = motion((Step("stand_tall"), Step("bend", reps=4), Step("fidget", seconds=20)))
    q, p = attitude_and_place("wrist", moving, notes, person, errors, (), SEED)
    _, omega = ideal(q, p, moving.rate)
    t = np.arange(1.0, 60.0, 0.01)
    gyr = sampled(omega, moving.rate, t, 0.01, ends=True)
    at = q[np.rint(t * moving.rate).astype(int)]
    attitude = at[0]
    for step in quat.from_rotvec(0.01 * gyr[1:]):
        attitude = quat.multiply(attitude, step)
    off = quat.multiply(quat.conjugate(at[-1]), attitude)
    assert np.rad2deg(2.0 * np.arccos(min(abs(off[0]), 1.0))) < 0.1


def test_sampled_is_a_mean_over_the_interval() -> None:
    grid = np.arange(0, 401)[:, None] / 400.0 * np.ones((1, 3))
    t = np.array([0.5, 0.6, 0.7])
    np.testing.assert_allclose(sampled(grid, 400.0, t, 0.1, ends=False)[:, 0], t - 0.05)
    np.testing.assert_allclose(sampled(grid, 400.0, t, 0.1, ends=True)[:, 0], t - 0.05 + 0.5 / 400.0)


def test_errors_are_of_the_size_they_say() -> None:
    script = (Step("table", seconds=60.0),)
    bias = []
    for seed in range(12):
        s = simulate(script, seed=seed, sensors=("sacrum", "wrist"), faults=Faults(gyro_bias_dps=3.0))
        bias += [np.rad2deg(decoded(s.header, s.inputs, x).gyr[1000:].mean(axis=0)) for x in ("sacrum", "wrist")]
        noise = np.std(np.diff(decoded(s.header, s.inputs, "wrist").acc[1000:5000, 0])) / np.sqrt(2.0)
        assert 0.5 < noise / (90e-6 * GRAVITY * np.sqrt(50.0)) < 1.5
    assert 2.0 < np.std(bias) < 4.2


def test_a_slip_turns_the_sensor_and_nothing_else() -> None:
    slip = Faults(**{**vars(EXACT), "slip": (("upper_back", 12.0, 20.0, (0.0, 0.0, 1.0)),)})
    script = (Step("stand_tall"), Step("stand_quiet", seconds=20.0))
    clean, moved = (simulate(script, seed=SEED, errors=PERFECT, faults=f) for f in (EXACT, slip))
    assert moved.truth.slips == [("upper_back", 12.0, 20.0, (0.0, 0.0, 1.0))]
    np.testing.assert_array_equal(moved.truth.angle["trunk_inclination"], clean.truth.angle["trunk_inclination"])
    t, before = inclination(clean, "upper_back")
    _, after = inclination(moved, "upper_back")
    difference = after - before
    assert np.abs(difference[(t > 5) & (t < 11.9)]).max() < 0.05
    assert np.abs(np.abs(difference[t > 13.0]) - 20.0).max() < 0.3
    assert [p.payload for p in data(clean.inputs, "wrist")] == [p.payload for p in data(moved.inputs, "wrist")]


# --- truth ----------------------------------------------------------------------------------------------------------


def test_everything_is_zero_while_standing_tall() -> None:
    s = simulate("bend", seed=SEED)
    start, seconds = next(
        (i.arrived_ns / 1e9, i.value["seconds"])
        for i in s.inputs
        if isinstance(i, Command) and i.value.get("pose") == "stand_tall"
    )
    tall = (s.truth.t >= start) & (s.truth.t < start + seconds)
    for name in ANGLES[:2] + ANGLES[3:7]:
        assert abs(np.rad2deg(s.truth.angle[name][tall].mean())) < 0.2, name
    tilt = Person.draw(SEED).kyphosis
    assert abs(np.rad2deg(s.truth.angle["trunk_inclination_absolute"][tall].mean()) - tilt) < 4.0
    assert np.rad2deg(s.truth.angle["forearm_elevation"][tall].max()) < -50.0


def test_strategies_differ_where_the_upper_back_does_not() -> None:
    top = {}
    for how in ("hinge", "natural", "rounded"):
        s = simulate((Step("stand_tall"), Step("bend", reps=3, amplitude=55.0, strategy=how)), seed=SEED)
        at = np.argmax(s.truth.angle["trunk_inclination"])
        top[how] = {name: np.rad2deg(s.truth.angle[name][at]) for name in ANGLES}
        assert set(s.truth.strategy) <= {"", how}
    assert top["rounded"]["lumbar_flexion"] - top["hinge"]["lumbar_flexion"] > 15.0
    assert top["hinge"]["lumbar_flexion"] < top["natural"]["lumbar_flexion"] < top["rounded"]["lumbar_flexion"]
    assert abs(top["rounded"]["trunk_inclination"] - top["hinge"]["trunk_inclination"]) < 20.0


def test_relative_angles_agree_with_the_difference_of_inclinations() -> None:
    a = simulate("bend_each", seed=SEED).truth.angle
    difference = a["trunk_inclination"] - a["pelvis_inclination"]
    assert np.rad2deg(np.abs(difference - a["thoracolumbar_flexion"])).max() < 2.0
    total = a["lumbar_flexion"] + a["thoracic_flexion"]
    assert np.rad2deg(np.abs(total - a["thoracolumbar_flexion"])).max() < 2.0


def test_side_bend_and_twist_are_given_where_they_mean_something() -> None:
    s = simulate((Step("stand_tall"), Step("side_reach", reps=2), Step("row", reps=2)), seed=SEED)
    a = s.truth.angle
    lean = np.rad2deg(np.abs(a["trunk_inclination"]))
    np.testing.assert_array_equal(np.isfinite(a["trunk_lateral"]), lean < 45.0)
    np.testing.assert_array_equal(np.isfinite(a["trunk_twist"]), (lean >= 45.0) & (lean <= 135.0))
    assert np.rad2deg(np.nanmax(a["trunk_lateral"])) > 10.0 > -10.0 > np.rad2deg(np.nanmin(a["trunk_lateral"]))


def test_breathing_is_real_motion() -> None:
    person = dataclasses.replace(Person.draw(SEED), sway=0.0, tremor=0.0, breathing=1.5, breathing_hz=0.25)
    s = simulate((Step("stand_tall"), Step("stand_quiet", seconds=30.0)), seed=SEED, person=person)
    still = s.truth.angle["thoracic_flexion"][1000:3000]
    assert 2.6 < np.rad2deg(np.ptp(still)) < 3.4


def test_sitting_flattens_the_lumbar_curve() -> None:
    flat = []
    for seed in range(15):
        s = simulate((Step("stand_tall"), Step("sit_tall", seconds=3.0)), seed=seed, internal_rate=200.0)
        sitting = (s.truth.activity == "sit_tall") & (s.truth.context == "seated")
        flat.append(np.rad2deg(np.median(s.truth.angle["lumbar_flexion"][sitting])))
        assert abs(np.rad2deg(np.median(s.truth.angle["trunk_inclination"][sitting]))) < 15.0
    assert 25.0 < np.mean(flat) < 45.0
    assert 5.0 < np.std(flat) < 18.0


@pytest.mark.parametrize("arm", ["right", "left"])
def test_external_rotation_and_row_show_on_the_arm(arm: str) -> None:
    person = dataclasses.replace(Person.draw(SEED), arm=arm)
    s = simulate((Step("stand_tall"), Step("ext_rotation", reps=3), Step("row", reps=3)), seed=SEED, person=person)
    in_set = {p: s.truth.in_set & (s.truth.context == p) for p in ("seated", "row")}
    yaw = np.rad2deg(s.truth.angle["wrist_yaw"][in_set["seated"]])
    assert (yaw.min() < -25.0) if arm == "right" else (yaw.max() > 25.0)
    assert np.rad2deg(np.ptp(s.truth.angle["upper_arm_elevation"][in_set["row"]])) > 30.0
    assert 50.0 < np.rad2deg(np.median(s.truth.angle["trunk_inclination"][in_set["row"]])) < 95.0


def test_reps_and_holds_lie_in_their_sets() -> None:
    t = simulate("prone", seed=SEED).truth
    for on, peak, off, amplitude, _ in t.reps:
        assert on < peak < off
        assert amplitude > 0.0
        rows = slice(int(on * 100) + 1, int(off * 100))
        assert t.in_set[rows].all()
        assert (t.context[rows] == "prone").all()
    complete = sum(r[4] for r in t.reps)
    assert len(t.holds) == complete
    for t0, t1 in t.holds:
        assert 1.0 < t1 - t0 < 12.0


def test_truth_survives_its_file(tmp_path) -> None:
    truth = simulate("prone", seed=SEED, faults=Faults(slip=(("wrist", 30.0, 15.0, (1.0, 0.0, 0.0)),))).truth
    truth.to_csv(tmp_path / "truth.csv")
    text = (tmp_path / "truth.csv").read_text()
    assert "SYNTHETIC" in text.splitlines()[0]
    assert "trunk_inclination_deg" in text
    again = Truth.from_csv(tmp_path / "truth.csv")
    np.testing.assert_allclose(again.t, truth.t[::4], atol=1e-9)
    for name in ANGLES:
        np.testing.assert_allclose(again.angle[name], truth.angle[name][::4], atol=np.deg2rad(0.0051), err_msg=name)
    for name in ("activity", "strategy", "context", "in_set"):
        np.testing.assert_array_equal(getattr(again, name), getattr(truth, name)[::4])
    for name in ("reps", "holds", "slips", "steps"):
        assert [tuple(x) for x in getattr(again, name)] == [tuple(x) for x in getattr(truth, name)]
    (tmp_path / "other.csv").write_text("t_s\n0\n")
    with pytest.raises(ValueError, match="not the truth"):
        Truth.from_csv(tmp_path / "other.csv")


# --- determinism, scripts, labels -----------------------------------------------------------------------------------


def test_same_seed_same_bytes() -> None:
    a, b, c = (simulate("bend", seed=s, internal_rate=200.0) for s in (5, 5, 6))
    assert a.inputs == b.inputs
    assert a.header == b.header
    np.testing.assert_array_equal(a.truth.angle["lumbar_flexion"], b.truth.angle["lumbar_flexion"])
    assert data(a.inputs, "wrist")[0].payload != data(c.inputs, "wrist")[0].payload


def test_other_sensors_change_nothing() -> None:
    two, one = (simulate("bend", seed=5, sensors=s, internal_rate=200.0) for s in (("sacrum", "wrist"), ("wrist",)))
    assert [i for i in two.inputs if getattr(i, "sensor", "wrist") == "wrist"] == one.inputs


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_runs_and_says_that_it_is_synthetic(script: str) -> None:
    index = SCRIPTS.index(script)
    sensors = tuple(s for i, s in enumerate(SITES) if (index + 1) >> i & 1) or SITES
    s = simulate(script, seed=index, sensors=sensors, mix="shifted" if index % 2 else "default", internal_rate=200.0)
    assert s.header.synthetic
    assert s.header.person["synthetic"]
    assert "SYNTHETIC" in s.truth.csv().splitlines()[0]
    assert "simulator" in s.header.source
    assert tuple(i.sensor for i in s.header.sensors) == sensors
    assert all("synthetic" in i.identity for i in s.header.sensors)
    check_inputs(s)
    for name in ANGLES:
        assert len(s.truth.angle[name]) == len(s.truth.t)
        if name not in ("trunk_lateral", "trunk_twist"):
            assert np.isfinite(s.truth.angle[name]).all()
    assert (np.diff([t for a, b, _ in s.truth.steps for t in (a, b)]) >= -1e-9).all()


def test_every_subset_of_sensors() -> None:
    for mask in range(1, 32):
        sensors = tuple(s for i, s in enumerate(SITES) if mask >> i & 1)
        s = simulate((Step("stand_tall"),), seed=mask, sensors=sensors, internal_rate=200.0)
        assert {i.sensor for i in s.inputs if isinstance(i, Packet)} == set(sensors)


def check_inputs(s: Simulated) -> None:
    """Sorted; per link in order; nothing arrives before it was measured; all packets decode; a tick each 250 ms."""
    times = [i.arrived_ns for i in s.inputs]
    assert times == sorted(times)
    assert times[0] >= 0
    ticks = [i.arrived_ns for i in s.inputs if isinstance(i, Tick)]
    assert set(np.diff(ticks)) == {250_000_000}
    for info in s.header.sensors:
        d = decoded(s.header, s.inputs, info.sensor)
        assert not any(d.problem)
        assert (np.diff(d.seq) % 65536 == d.count[:-1]).all()
        arrived = np.array([p.arrived_ns for p in data(s.inputs, info.sensor)]) / 1e9
        assert (np.diff(arrived) > 0).all()
        device_time = np.unwrap(d.ticks.astype(float), period=2.0**32) * 1e-6
        delay = arrived - device_time
        assert np.ptp(delay) < 0.6  # drift of the crystal is far below that
        replies = [i for i in s.inputs if isinstance(i, Packet) and i.sensor == info.sensor and i.channel == own.SYNC]
        sent = {own.Own(info).token(i.payload): i for i in s.inputs if isinstance(i, Sent) and i.sensor == info.sensor}
        assert len(replies) > 1
        for packet in replies:
            reply = own.Own(info).reply(packet.payload)
            assert sent[reply.token].arrived_ns < packet.arrived_ns
            assert 0 <= reply.replied_ticks - reply.received_ticks <= 60_000


def test_calibration_and_context_commands() -> None:
    s = simulate("prone", seed=SEED)
    commands = [i for i in s.inputs if isinstance(i, Command)]
    poses = [i.value["pose"] for i in commands if i.name == "calibrate"]
    assert poses == ["table_still", "stand_tall", "sit_tall", "sit_to_stand", "lie_prone"]
    postures = {i.value["posture"] for i in commands if i.name == "context"}
    assert {"standing", "seated", "prone", "transition"} <= postures
    open_ended = simulate("quiet", seed=SEED, faults=Faults(bias_captured=False))
    assert "table_still" not in [i.value.get("pose") for i in open_ended.inputs if isinstance(i, Command)]
    rezero = simulate((*BEND, Step("rezero"), Step("marker", strategy="here"), Step("hip_hinge")), seed=SEED)
    assert [i.name for i in rezero.inputs if isinstance(i, Command)].count("rezero") == 1


def test_a_person_is_drawn_with_real_spread_and_the_shifted_mix_differs() -> None:
    crowd = {mix: [Person.draw(seed, mix) for seed in range(200)] for mix in ("default", "shifted")}
    for name, low in (("sit_flattening", 7.0), ("kyphosis", 6.0), ("lumbar_share", 0.05)):
        assert np.std([getattr(p, name) for p in crowd["default"]]) > low
    means = {m: np.mean([p.sit_flattening for p in crowd[m]]) for m in crowd}
    assert means["default"] - means["shifted"] > 5.0
    size = [np.linalg.norm(r) for p in crowd["default"] for r in p.mounting.values()]
    assert min(size) > 4.999
    assert max(size) < 20.001
    with pytest.raises(ValueError, match="unknown sensor"):
        simulate("quiet", seed=1, sensors=("ankle",))
    assert scenario.route("seated", "prone")[-1].end == "prone"


def test_bands_session_has_everything() -> None:
    s = bands_session(1)
    assert {i.sensor for i in s.header.sensors} == set(SITES)
    wanted = {"bend", "side_reach", "hip_circles", "walking", "ext_rotation", "slow_slump", "fidget", "pushback", "row",
              "pushback_kneeling", "superman", "prone_prop", "prone_press_up", "prone_advanced", "turning_over",
              "get_down", "get_up", "sit_down", "stand_up", "lie_prone", "sit_to_stand"}  # fmt: skip
    assert wanted <= set(s.truth.activity)


def test_shipped_sessions_are_short_and_known() -> None:
    assert {"prone_extension", "pushback_hinge", "row", "bad_link", "one_sensor_slump"} <= set(SESSIONS)
    assert len({s.seed for s in SESSIONS.values()}) == len(SESSIONS)
    for name in ("slip_between_sets", "bad_link"):
        made = SESSIONS[name]
        s = simulate(made.script, seed=made.seed, sensors=made.sensors, faults=made.faults, internal_rate=200.0)
        assert 90.0 < s.truth.t[-1] < 240.0
        for _, when, _, _ in s.truth.slips:
            assert all(not on < when < off for on, _, off, _, _ in s.truth.reps)
            assert s.truth.reps[0][2] < when < s.truth.reps[-1][0]


# --- link -----------------------------------------------------------------------------------------------------------


def test_packets_are_those_of_the_driver() -> None:
    info = header_for(("wrist",))["wrist"]
    rng = np.random.default_rng(0)
    acc, gyr = rng.normal(0.0, 30.0, (20, 3)), rng.normal(0.0, 10.0, (20, 3))
    t = np.array([2**32 - 20, 2**32 + 49_980, 10, 20])
    fast = packets(quantise(info, acc, gyr), t, 10_000, 5)
    for i, payload in enumerate(fast):
        rows = slice(5 * i, 5 * i + 5)
        assert payload == own.encode(info, 5 * i, int(t[i]), 10_000, acc[rows], gyr[rows])


@pytest.mark.parametrize("error", [-0.05, 0.03])
def test_the_true_rate_shows_in_the_packets(error: float) -> None:
    faults = Faults(rate_error={"wrist": error}, clock_ppm={"wrist": 100.0}, stamp_jitter=0.0)
    s = simulate((Step("stand_tall"),), seed=SEED, sensors=("wrist",), faults=faults)
    d = decoded(s.header, s.inputs, "wrist")
    expected = 5e4 / (1.0 + error) * (1.0 + 100e-6)
    np.testing.assert_allclose(np.diff(d.ticks) % 2**32, expected, atol=1.5)
    assert (np.diff(d.seq) == 5).all()


def seen(faults: Faults, seconds: float = 60.0) -> tuple[np.ndarray, list[Packet], list[Input]]:
    inputs = numbered(("wrist", "sacrum"), seconds, faults=faults, seed=7)
    header = header_for(("wrist", "sacrum"))
    return number_of(header["wrist"], decoded(header, inputs, "wrist").acc), data(inputs, "wrist"), inputs


def gaps(numbers: np.ndarray) -> int:
    return int((np.diff(numbers) > 1).sum())


def test_numbers_run_without_faults() -> None:
    numbers, _, inputs = seen(EXACT, 400.0)
    np.testing.assert_array_equal(numbers, np.arange(len(numbers)))
    assert len(numbers) > 39_000  # beyond the wrap of the low part
    header = header_for(("wrist", "sacrum"))
    assert (np.rint(decoded(header, inputs, "sacrum").acc[:, 2] / own.scales(header["sacrum"])[0]) == 1).all()


def test_loss_and_bursts_show() -> None:
    for faults in (Faults(loss=0.03), Faults(burst=20.0)):
        numbers, packets_, _ = seen(faults)
        assert gaps(numbers) > 5
        assert (np.diff(numbers) > 0).all()
        assert 0.85 < len(packets_) / 1200 < 1.05


def test_duplicates_and_late_packets_show() -> None:
    numbers, _, _ = seen(Faults(duplicate=0.05))
    assert len(numbers) - len(np.unique(numbers)) > 100
    numbers, packets_, _ = seen(Faults(late=0.05))
    assert (np.diff(numbers) < 0).sum() > 20
    assert len(np.unique(numbers)) == len(numbers)
    assert (np.diff([p.arrived_ns for p in packets_]) >= 0).all()


def test_a_stall_delivers_everything_at_once() -> None:
    numbers, packets_, _ = seen(Faults(stalls=(("wrist", 20.0, 1.5),)))
    np.testing.assert_array_equal(numbers, np.arange(len(numbers)))
    arrived = np.array([p.arrived_ns for p in packets_]) / 1e9
    assert np.diff(arrived).max() > 1.4
    assert ((arrived > 21.49) & (arrived < 21.53)).sum() > 25


def test_out_of_range_loses_or_catches_up() -> None:
    away = (("wrist", 20.0, 26.0),)
    numbers, _, inputs = seen(Faults(out_of_range=away))
    assert gaps(numbers) == 1
    assert 550 < np.diff(numbers).max() < 660
    kinds = [i.kind for i in inputs if isinstance(i, Link) and i.sensor == "wrist" and i.kind in ("up", "down")]
    assert kinds == ["up", "down", "up"]
    numbers, packets_, _ = seen(Faults(out_of_range=away, catch_up=True))
    np.testing.assert_array_equal(numbers, np.arange(len(numbers)))
    stored = [p.arrived_ns / 1e9 for p in packets_ if p.payload[0] == own.STORED]
    assert 100 < len(stored) < 130
    assert min(stored) > 26.0
    assert max(stored) < 29.0


def test_a_reboot_starts_numbers_and_clock_anew() -> None:
    inputs = numbered(("wrist",), 30.0, faults=Faults(reboots=(("wrist", 12.0),)), seed=7)
    d = decoded(header_for(("wrist",)), inputs, "wrist")
    at = np.flatnonzero(np.diff(d.seq) < 0)
    assert len(at) == 1
    assert d.seq[at[0] + 1] == 0
    assert d.ticks[at[0] + 1] < 1_000_000
    assert [i.kind for i in inputs if isinstance(i, Link) and i.kind != "battery"] == ["up", "down", "up"]


def test_no_sync_no_battery() -> None:
    _, _, inputs = seen(Faults(sync=False, battery=None), 10.0)
    assert not any(isinstance(i, Sent) or (isinstance(i, Packet) and i.channel == own.SYNC) for i in inputs)
    assert not any(isinstance(i, Link) and i.kind == "battery" for i in inputs)


def test_nothing_arrives_before_it_was_measured() -> None:
    inputs = numbered(SITES, 60.0, faults=EXACT, seed=1)
    for site in SITES:
        part = device(site, 100.0, 60.0, EXACT, 1)
        last = part.times()[0][4::5]
        arrived = np.array([p.arrived_ns for p in data(inputs, site)]) / 1e9
        delay = arrived - last[: len(arrived)]
        assert delay.min() > 0.0
        assert 0.01 < np.median(delay) < 0.04  # half a connection interval and what the system adds
    assert SEGMENT_OF.keys() == set(SITES)
