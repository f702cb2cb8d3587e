"""Plans of sessions: warm-up first, one way down to the floor, at most two re-sitings; what a prescription changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu_coach import catalogue, planner
from imu_coach.errors import ConfigError
from imu_coach.exercise import Plan, Prescription, Programme

KNOWN = catalogue.exercises()
KITS = (
    ("upper_back", "wrist"),
    ("wrist", "upper_back"),
    ("upper_back", "upper_arm"),
    ("upper_back", "sacrum"),
    ("upper_back", "wrist", "sacrum"),
    ("upper_back", "thoracolumbar", "sacrum", "wrist"),
    ("upper_back",),
    ("wrist",),
)
EVERYTHING = Prescription(allowed=tuple(KNOWN))


def ids(plan: Plan) -> list[str]:
    """Of a plan's items, with the side."""
    return [f"{one.exercise.id} {one.side}".strip() for one in plan.items]


def properties(plan: Plan, warm_up: tuple[str, ...]) -> None:
    """What every plan keeps."""
    assert len(planner.resitings(plan)) <= 2
    assert planner.descents(plan) <= 1
    warm = [one.exercise.id in warm_up for one in plan.items]
    assert warm == sorted(warm, reverse=True), "the warm-up comes first"
    low = [one.exercise.place == "floor" for one in plan.items if one.exercise.id not in warm_up]
    assert low == sorted(low), "the floor comes last"
    for one, spot in zip(plan.items, planner.spots(plan), strict=True):
        assert spot.site in ("", *one.exercise.sites)
        if spot.site == "upper_arm" and one.side:
            assert spot.side == one.side, "the sensor is on the arm that works"


@pytest.mark.parametrize("sensors", KITS, ids="-".join)
@pytest.mark.parametrize("prescription", [None, EVERYTHING], ids=["free", "all"])
@pytest.mark.parametrize("name", catalogue.programmes())
def test_every_programme(name: str, prescription: Prescription | None, sensors: tuple[str, ...]) -> None:
    programme = catalogue.programme(name)
    plan, left_out = planner.plan(programme, prescription, sensors)
    properties(plan, programme.warm_up)
    done = {one.exercise.id for one in plan.items}
    assert len(done) + len(left_out) == len(programme.exercises) + len(programme.warm_up), "told or done"


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(sorted(KNOWN)), min_size=1, max_size=12, unique=True),
    st.integers(0, 3),
    st.sampled_from(KITS),
    st.sampled_from([("right", "left"), ("left", "right")]),
)
def test_any_programme(chosen: list[str], warm: int, sensors: tuple[str, ...], sides: tuple[str, str]) -> None:
    warm_up, rest = tuple(id for id in chosen[:warm] if KNOWN[id].place != "floor"), tuple(chosen[warm:])
    if not warm_up and not rest:
        return
    plan, left_out = planner.plan(Programme("p", "P", rest, warm_up), EVERYTHING, sensors, sides)
    properties(plan, warm_up)
    assert not left_out
    twice = sum(KNOWN[id].sides == "one" for id in (*warm_up, *rest))
    assert len(plan.items) == len(warm_up) + len(rest) + twice


def test_the_usual_session_is_counted_throughout() -> None:
    plan, _ = planner.plan(catalogue.programme("spine_basics"))
    assert [f"{s.site} {s.side}".strip() for s in planner.spots(plan)] == [
        "upper_arm right",
        "upper_arm right",
        "upper_arm right",
        "upper_arm left",
        *["wrist"] * 3,
    ]
    assert ids(plan)[2:4] == ["row_low_dumbbell right", "row_low_dumbbell left"], "all of one side first"
    assert [r.item for r in planner.resitings(plan)] == [3, 4]
    for one in plan.items[2:]:
        motion = planner.motion_seen(one.exercise, one.exercise.sites)
        assert motion is not None
        assert not motion.probable, one.exercise.id


def test_the_other_side_first() -> None:
    plan, _ = planner.plan(catalogue.programme("spine_basics"), sides=("left", "right"))
    assert ids(plan)[2:4] == ["row_low_dumbbell left", "row_low_dumbbell right"]


def test_prone_extensions_alone_have_the_second_sensor_at_the_sacrum() -> None:
    plan, _ = planner.plan(catalogue.programme("back_extension_beginner"))
    assert {s.site for s in planner.spots(plan)} == {"sacrum"}
    assert planner.resitings(plan) == []


def test_sensors_that_stay() -> None:
    plan, _ = planner.plan(catalogue.programme("full_session"), layout_sites=("upper_back", "wrist"), movable=False)
    assert {one.exercise.sites for one in plan.items} == {("upper_back", "wrist")}
    assert planner.resitings(plan) == []


def test_a_third_sensor_stays_where_it_is() -> None:
    plan, _ = planner.plan(catalogue.programme("full_session"), layout_sites=("upper_back", "wrist", "sacrum"))
    assert {one.exercise.sites[0] for one in plan.items} == {"upper_back"}
    assert {one.exercise.sites[2] for one in plan.items} == {"sacrum"}


# --- prescriptions --------------------------------------------------------------------------------------------------


def test_locked_exercises_need_a_prescription() -> None:
    programme = catalogue.programme("back_extension_advanced")
    plan, left_out = planner.plan(programme)
    assert "prone_ext_intermediate" not in ids(plan)
    assert left_out == (
        "Press-up for the back: only when a prescription allows it",
        "Chest lift, arms behind: only when a prescription allows it",
    )
    allowed = Prescription(allowed=("prone_ext_beginner", "prone_ext_intermediate"))
    plan, left_out = planner.plan(programme, allowed)
    assert ids(plan) == ["warmup_side_reach", "warmup_hip_rotation", "prone_ext_beginner", "prone_ext_intermediate"]
    assert len(left_out) == 1
    plan, left_out = planner.plan(programme, Prescription(), sides=("right", "left"))
    assert "prone_ext_intermediate" not in ids(plan), "an empty list allows what is not locked"


def test_only_what_is_prescribed_and_the_warm_up() -> None:
    plan, left_out = planner.plan(catalogue.programme("spine_basics"), Prescription(allowed=("ext_rotation_seated",)))
    assert ids(plan) == ["warmup_side_reach", "warmup_hip_rotation", "ext_rotation_seated"]
    assert left_out[0] == "One-arm row on a bench: not in the prescription"


def test_a_chair_leaves_out_the_floor_and_a_bed_does_not() -> None:
    programme = catalogue.programme("full_session")
    plan, left_out = planner.plan(programme, Prescription(surface="chair"))
    assert planner.descents(plan) == 0
    assert len(left_out) == 2
    assert not planner.plan(programme, Prescription(surface="bed")).left_out


def test_nothing_left_is_an_error_with_the_reasons() -> None:
    locked = Programme("p", "Mine", ("prone_ext_advanced",))
    with pytest.raises(ConfigError, match="nothing of 'Mine' is left; Chest lift"):
        planner.plan(locked)


def test_doses_and_holds_of_a_prescription() -> None:
    rules = Prescription(
        dose={"prone_ext_beginner": {"reps": (6.0, 8.0), "rest": (60.0, 90.0)}}, holds={"prone_ext_beginner": 12.0}
    )
    plan, _ = planner.plan(catalogue.programme("back_extension_beginner"), rules)
    last = plan.items[-1]
    assert (last.sets, last.reps, last.rest, last.hold) == ((1, 1), (6, 8), (60.0, 90.0), 12.0)
    assert all(isinstance(n, int) for n in (*last.sets, *last.reps))
    assert plan.items[0].hold is None


# --- one exercise ---------------------------------------------------------------------------------------------------


def test_one_exercise() -> None:
    plan = planner.single(KNOWN["prone_ext_beginner"], hold=20.0)
    assert (plan.id, plan.items[0].hold, plan.practice, plan.open_ended) == ("prone_ext_beginner", 20.0, True, False)
    assert planner.single(KNOWN["prone_ext_beginner"]).items[0].hold == 5.0
    assert planner.single(KNOWN["prone_ext_intermediate"]).items[0].hold == 0.0, "as long as is comfortable"
    assert planner.single(KNOWN["row_low_dumbbell"], side="left").items[0].side == "left"
    ended = planner.single(KNOWN["auto"], open_ended=True)
    assert ended.open_ended
    assert not ended.practice
    prescribed = Prescription(holds={"prone_ext_beginner": 9.0})
    assert planner.single(KNOWN["prone_ext_beginner"], prescription=prescribed).items[0].hold == 9.0


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ConfigError, match="left, right"):
        planner.single(KNOWN["auto"], side="up")
    with pytest.raises(ConfigError, match="nothing is held"):
        planner.single(KNOWN["auto"], hold=5.0)
    with pytest.raises(ConfigError, match="between 0 and 600"):
        planner.single(KNOWN["prone_ext_beginner"], hold=float("nan"))


def test_descents_count_every_way_down() -> None:
    plan, _ = planner.plan(catalogue.programme("full_session"))
    stand, floor = plan.items[0], plan.items[-1]
    assert planner.descents(replace(plan, items=(floor, stand, floor))) == 2
