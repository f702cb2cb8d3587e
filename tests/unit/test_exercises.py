"""Exercise files: each held against the facts it was written from; what is wrong in a file is named."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imu_coach import catalogue
from imu_coach.catalogue.schema import (
    RULE_IDS,
    RULE_KEYS,
    SEEN_AT,
    DoseTable,
    ExerciseTable,
    FactsTable,
    GateTable,
    HoldTable,
    MotionTable,
    PrescriptionTable,
    ProgrammeTable,
)
from imu_coach.errors import ConfigError
from imu_coach.exercise import CHANNELS, Exercise
from imu_coach.planner import motion_seen

SEED1, SEED2 = "Exercises for Osteoporosis of the Spine", "Osteoporosis Exercises That Strengthen Back Extensor Muscles"
PUSH = {"why": "triceps posterior+deltoid posture osteoporosis pain", "cues": "middle+and+upper+back"}
SUPER = {"kit": "mat pillow rolled+towel", "caution": "neutral C+shape long", "cues": "lengthen"}
PRONE_START = "front mat pillow hips towel forehead long sides"
OWN = "own+choice"

FACTS: Mapping[str, Mapping[str, str]] = {
    "ext_rotation_seated": {
        "why": "rotator+cuff strong mobile shoulders spine slouched round",
        "start": "straight+spine tall+shoulders feet shoulder-width weight+in+each+hand front chest",
        "moves": "out+to+the+side slight+pressure shoulder+blades slowly back",
        "cues": "elbows+touch+your+sides face+forward neck+straight",
        "kit": "two+dumbbells equal+tin+cans",
        "adaptation": "little+weight more too+easy",
    },
    "row_low_dumbbell": {
        "why": "latissimus+dorsi bend+to+the+side arch",
        "start": "palm+down same+side knee lower+leg 8+in other+foot floor free+arm straight+down palm+facing",
        "moves": "spine+straight upper+arm+is+parallel elbow+points+straight+behind slowly",
        "cues": "back+and+shoulder+rather+than+the+arm nice+and+straight",
        "kit": "small+weight bench chair cannot+move",
        "adaptation": "technique+first weight+later mirror films",
    },
    "triceps_pushback": {
        **PUSH,
        "start": "weight+in+each+hand palms behind knees+slightly+bent lean+forward 50+degrees+from+upright bottom",
        "moves": "both+weights+back shoulder+blades just+clear slowly",
        "cues": "back+flat not+too+far middle+and+upper+back",
        "kit": "two+weights",
        "adaptation": "half-kneeling",
    },
    "triceps_pushback_kneeling": {
        **PUSH,
        "start": "mat left+foot+flat right+knee behind+you lean+forward+slightly straight+back",
        "moves": "together shoulder+blades just+clear",
        "cues": "both+arms",
        "kit": "mat two+weights",
        "adaptation": "beginners more+comfortable",
    },
    "superman_beginner": {
        **SUPER,
        "why": "erector+spinae lower+back back+pain neck",
        "start": PRONE_START,
        "moves": "arms+up in+front head+off+the+towel look+down hold lower+your+head sides",
    },
    "superman_intermediate": {
        **SUPER,
        "why": "erector+spinae core",
        "start": PRONE_START,
        "moves": "same+time legs tense buttocks hold lower",
        "adaptation": "comfortable",
    },
    "prone_ext_beginner": {
        "why": "stronger+back+muscles fewer+fractures not+a+promise extends not+bend+forward",
        "start": "flat stomach forearms+lie+on+the+floor beside close+to+your+sides",
        "moves": "lift+your+chest elbows+just+under hips legs feet relaxed lower",
        "kit": "mat",
        "source": OWN,
    },
    "prone_ext_intermediate": {
        "why": "stretches+further",
        "start": "face+down hands+beside+you push-up",
        "moves": "straighten+your+elbows only+your+upper+body lower+body+stays arch relaxes few+seconds comfortable",
        "kit": "mat",
        "adaptation": "forearms+is+comfortable",
        "caution": "therapist arch curving",
        "source": f"{OWN} {SEED1.replace(' ', '+').lower()}",
    },
    "prone_ext_advanced": {
        "why": "upper+back",
        "start": "pillow+under+your+hips arms+back+and+up grip if+you+are+able",
        "moves": "head+and+chest eyes+on+the+floor",
        "kit": "pillow mat",
        "adaptation": "legs",
        "source": OWN,
    },
    "prone_ext_advanced_legs": {
        "start": "pillow+under+your+hips arms+back+and+up if+you+are+able",
        "moves": "head+and+chest legs eyes+on+the+floor",
        "source": f"{OWN} modification",
    },
    "warmup_side_reach": {"why": "quick relaxes before strength", "source": OWN},
    "warmup_hip_rotation": {"why": "quick relaxes before strength", "source": OWN},
}
"""Words that must be found, in any order; a + is a space."""

Numbers = tuple[tuple[int, int], tuple[int, int], tuple[float, ...], bool]
DOSES: Mapping[str, Numbers] = {
    "ext_rotation_seated": ((3, 3), (8, 8), (), False),
    "row_low_dumbbell": ((3, 3), (8, 8), (), True),
    "triceps_pushback": ((3, 3), (8, 8), (), False),
    "triceps_pushback_kneeling": ((3, 3), (8, 8), (), False),
    "superman_beginner": ((3, 3), (8, 8), (3,), False),
    "superman_intermediate": ((3, 3), (8, 8), (3,), False),
    "prone_ext_beginner": ((1, 1), (8, 12), (5, 30), False),
    "prone_ext_intermediate": ((1, 1), (8, 12), (3, 3), False),
    "prone_ext_advanced": ((1, 1), (8, 10), (5, 20), False),
    "prone_ext_advanced_legs": ((1, 1), (8, 10), (5, 20), False),
    "warmup_side_reach": ((1, 1), (8, 12), (), False),
    "warmup_hip_rotation": ((1, 1), (8, 12), (), False),
}
"""Sets, repetitions, first and last hold, each side."""

SEEN: Mapping[str, tuple[str, str, float, float]] = {
    "ext_rotation_seated": ("wrist_yaw", "wrist", 50, 15),
    "row_low_dumbbell": ("upper_arm_elevation", "upper_arm", 70, 20),
    "triceps_pushback": ("forearm_elevation", "wrist", 18, 7),
    "triceps_pushback_kneeling": ("forearm_elevation", "wrist", 18, 7),
    "superman_beginner": ("wrist_sweep", "wrist", 140, 40),
    "superman_intermediate": ("wrist_sweep", "wrist", 140, 40),
    "prone_ext_beginner": ("trunk_extension", "upper_back", 28, 8),
    "prone_ext_intermediate": ("trunk_extension", "upper_back", 38, 10),
    "prone_ext_advanced": ("trunk_extension", "upper_back", 11, 3.5),
    "prone_ext_advanced_legs": ("trunk_extension", "upper_back", 10, 3.5),
    "warmup_side_reach": ("trunk_lateral", "upper_back", 20, 8),
}
CAPS = {"superman_beginner": 20, "superman_intermediate": 20, "prone_ext_beginner": 45, "prone_ext_intermediate": 50}
WORDS = r"excessive|failed|refused|partial|adherence|wrong posture|stale"
CLAIMS = re.compile(rf"prevents?\b|safe posture|clinically|treats?\b|cures?\b|reduces? .*risk|{WORDS}", re.I)


def text_of(e: Exercise, fact: str) -> str:
    """A fact in small letters."""
    value = getattr(e.facts, fact)
    return (value if isinstance(value, str) else " ".join(value)).lower()


@pytest.mark.parametrize(("id", "fact"), [(id, fact) for id, facts in FACTS.items() for fact in facts])
def test_every_fact_is_told(id: str, fact: str) -> None:
    told = text_of(catalogue.exercise(id), fact)
    words = [word.replace("+", " ").lower() for word in FACTS[id][fact].split(" ")]
    assert not [word for word in words if word not in told]


@pytest.mark.parametrize("id", DOSES)
def test_doses_holds_and_sources(id: str) -> None:
    e = catalogue.exercise(id)
    sets, reps, hold, each_side = DOSES[id]
    assert (e.dose.sets, e.dose.reps, e.dose.each_side) == (sets, reps, each_side)
    assert (e.hold is not None) == bool(hold)
    assert e.hold is None or (e.hold.levels[0], e.hold.levels[-1]) == (hold[0], hold[-1])
    assert e.dose.rest[0] <= 30 <= e.dose.rest[1], "around 30 s"
    seed = SEED1 if sets == (3, 3) else SEED2
    assert seed in e.facts.source


def test_holds_are_judged_the_right_way() -> None:
    held = {e.id: e.hold for e in catalogue.exercises().values() if e.hold}
    assert {id for id, hold in held.items() if hold.by == "wrist_still"} == {
        "superman_beginner",
        "superman_intermediate",
        "held_pose",
    }
    assert {id for id, hold in held.items() if hold.self_paced} == {"prone_ext_intermediate", "held_pose"}


@pytest.mark.parametrize("id", SEEN)
def test_how_repetitions_are_seen(id: str) -> None:
    channel, site, expected, minimum = SEEN[id]
    m = catalogue.exercise(id).motions[0]
    assert (m.channel, m.site) == (channel, site)
    assert np.rad2deg([m.expected, m.minimum]) == pytest.approx([expected, minimum])
    assert not m.probable


def test_a_row_on_the_wrist_is_only_probable() -> None:
    row = catalogue.exercise("row_low_dumbbell")
    best, other = motion_seen(row, ("upper_back", "upper_arm")), motion_seen(row, ("upper_back", "wrist"))
    assert best is not None
    assert other is not None
    assert (best.probable, other.probable) == (False, True)
    assert (other.expected, other.minimum) == (0.30, 0.08), "metres"


def test_signs_are_those_of_a_right_arm() -> None:
    assert catalogue.exercise("ext_rotation_seated").motions[0].sign == -1, "outward is clockwise, left rotation is +"
    assert catalogue.exercise("superman_beginner").motions[0].sign == 1
    assert catalogue.exercise("warmup_side_reach").motions[0].sign == 0


def test_where_the_second_sensor_sits() -> None:
    sites = {e.id: e.sites[-1] for e in catalogue.exercises().values()}
    assert sites["row_low_dumbbell"] == "upper_arm"
    assert {id for id, site in sites.items() if site == "sacrum"} == {id for id in sites if id.startswith("prone")}
    assert sites["auto"] == "any"


def test_locked_and_loaded() -> None:
    known = catalogue.exercises().values()
    locked = {"prone_ext_intermediate", "prone_ext_advanced", "prone_ext_advanced_legs"}
    assert {e.id for e in known if e.locked} == locked
    weights = {"ext_rotation_seated", "row_low_dumbbell", "triceps_pushback", "triceps_pushback_kneeling"}
    assert {e.id for e in known if e.loaded} == weights


def test_correct_lean_is_not_watched() -> None:
    for id in ("row_low_dumbbell", "triceps_pushback", "triceps_pushback_kneeling"):
        guards = catalogue.exercise(id).guards
        assert not {"W1", "W2", "W3"} & set(guards), "a lean is right here"
        assert {"W4", "W5", "W13"} <= set(guards)


@pytest.mark.parametrize(("id", "cap"), [*CAPS.items(), ("prone_ext_advanced", 25), ("prone_ext_advanced_legs", 25)])
def test_caps_of_extension(id: str, cap: float) -> None:
    numbers = catalogue.exercise(id).guards["W10"]
    assert np.rad2deg([numbers["on"], numbers["off"]]) == pytest.approx([cap, cap - 5])


@pytest.mark.parametrize("id", [id for id in DOSES if not id.startswith("warmup")])
def test_gates_let_every_start_begin(id: str) -> None:
    e = catalogue.exercise(id)
    usual = {"seated": (0, 30), "row": (50, 90), "pushback": (35, 60), "kneeling": (15, 45), "prone": (70, 115)}
    assert e.gate.trunk is not None
    low, high = np.rad2deg(e.gate.trunk)
    assert low <= usual[e.gate.posture][0]
    assert high >= usual[e.gate.posture][1]


def test_everything_says_what_cannot_be_judged_and_claims_nothing() -> None:
    for e in catalogue.exercises().values():
        assert e.cannot["any"]
        facts = e.facts
        text = " ".join((e.title, *facts.moves, *facts.cues, *facts.kit, facts.why, facts.start, facts.adaptation))
        text += " ".join((facts.caution, facts.source, *(one for texts in e.cannot.values() for one in texts)))
        assert not CLAIMS.search(text), e.id
        assert max(len(sentence.split()) for sentence in re.split(r"[.;:?]", text)) <= 25, f"{e.id}: short sentences"


def test_every_channel_has_a_place() -> None:
    assert set(SEEN_AT) == set(CHANNELS)


def test_every_rule_there_is_can_be_named(root: Path) -> None:
    rules = tomllib.loads((root / "imu_coach" / "rules.toml").read_text("utf-8"))
    assert set(rules) == set(RULE_IDS)


def test_auto_asks_for_nothing() -> None:
    auto = catalogue.exercise("auto")
    assert (auto.gate.posture, auto.gate.trunk, dict(auto.guards)) == ("", None, {})


# --- a person's own files -------------------------------------------------------------------------------------------

GOOD = """
title = "Curl"
place = "standing"
sites = ["upper_back", "wrist"]
[[motions]]
channel = "forearm_elevation"
site = "wrist"
expected = 100
minimum = 30
[dose]
sets = 3
reps = [8, 12]
[facts]
start = "Stand tall."
moves = ["Bend the elbow."]
"""


def own(folder: Path, text: str = GOOD, name: str = "curl") -> Path:
    """A folder with one file."""
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def test_an_own_exercise_is_one_of_them(tmp_path: Path) -> None:
    e = catalogue.exercise("curl", own(tmp_path))
    assert (e.id, e.sides, e.dose.sets, e.dose.reps, e.dose.rest) == ("curl", "both", (3, 3), (8, 12), (20, 60))
    assert e.motions[0].expected == pytest.approx(np.deg2rad(100))
    assert "row_low_dumbbell" in catalogue.exercises(tmp_path)
    assert "curl" not in catalogue.exercises()


def test_an_own_exercise_takes_the_place_of_one_with_its_name(tmp_path: Path) -> None:
    assert catalogue.exercise("auto", own(tmp_path, name="auto")).title == "Curl"
    assert catalogue.exercise("auto").title != "Curl"


WRONG = [
    ('place = "standing"', 'place = "garden"', "place", "standing, chair, bench, floor"),
    ('place = "standing"', "", "place", "required"),
    ('place = "standing"', 'place = "standing"\ncolour = 1', "", "unknown key 'colour'; there are: id, title"),
    ('["upper_back", "wrist"]', '["upper_back", "head"]', "sites.1", "upper_back, thoracolumbar, sacrum, wrist"),
    ('["upper_back", "wrist"]', '["upper_back"]', "", "first motion"),
    ('["upper_back", "wrist"]', '["wrist", "wrist"]', "", "twice"),
    ('"forearm_elevation"', '"elbow"', "motions.0.channel", ", ".join(CHANNELS)),
    ('site = "wrist"', 'site = "upper_back"', "motions.0", "at: wrist"),
    ("minimum = 30", "minimum = 100", "motions.0", "below expected"),
    ("minimum = 30", "minimum = nan", "motions.0.minimum", "finite"),
    ("minimum = 30", 'minimum = "30"', "motions.0.minimum", "number"),
    ("minimum = 30", "minimum = 30\nsign = 2", "motions.0.sign", "-1, 0 or 1"),
    ("reps = [8, 12]", "reps = [12, 8]", "dose.reps", "lowest must come first"),
    ("reps = [8, 12]", "reps = [8, 12, 14]", "dose.reps", "2 items"),
    ("sets = 3", "sets = 0", "dose.sets.0", "greater than or equal to 1"),
    ("sets = 3", "sets = 1.5", "dose.sets.0", "integer"),
    ("sets = 3", "sets = 3\neach_side = true", "", 'sides = "one"'),
    ("[dose]", '[gate]\nposture = "lying"\n[dose]', "gate.posture", "standing, seated, prone"),
    ("[dose]", "[gate]\ntrunk = [40, 10]\n[dose]", "gate.trunk", "lowest must come first"),
    ("[dose]", "[hold]\nlevels = [5, 5]\n[dose]", "hold", "must rise"),
    ("[dose]", '[hold]\nlevels = [5]\nby = "eye"\n[dose]', "hold.by", "level, wrist_still"),
    ("[dose]", "[guards]\nW77 = {}\n[dose]", "guards.W77", "W0, W1"),
    ("[dose]", "[guards]\nW1 = { onn = 3 }\n[dose]", "guards.W1.onn", "on, off, low"),
    ("[dose]", '[cannot]\nmoon = ["x"]\n[dose]', "cannot.moon", "any, spine_wrist"),
    ("[dose]", "tempo = [3, 1]\n[dose]", "motions.0", "unknown key 'tempo'"),
    ('place = "standing"', 'place = "standing"\ntempo = [3, 1]', "tempo", "lowest must come first"),
    ('"Stand tall."', '"Stand\\u001b[2J"', "facts.start", "control characters"),
    ('"Stand tall."', f'"{"x" * 401}"', "facts.start", "at most 400"),
    ('["Bend the elbow."]', str([f"{'word ' * 39}end"] * 6), "facts", "printed page has room"),
    ('title = "Curl"', 'title = "Curl"\nid = "other"', "id", "file's name"),
    ('title = "Curl"', "title = ", "", "not TOML"),
]


@pytest.mark.parametrize(("before", "after", "key", "says"), WRONG, ids=[row[1][:40] for row in WRONG])
def test_what_is_wrong_is_named(tmp_path: Path, before: str, after: str, key: str, says: str) -> None:
    assert GOOD.count(before) >= 1
    own(tmp_path, GOOD.replace(before, after, 1))
    with pytest.raises(ConfigError) as caught:
        catalogue.exercises(tmp_path)
    assert caught.value.file == str(tmp_path / "curl.toml")
    assert caught.value.key.startswith(key)
    assert says in caught.value.problem


@pytest.mark.parametrize("name", ["Curl", "my curl", "1st", "x" * 41, "é"])
def test_names_of_files_are_ids(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="small letters"):
        catalogue.exercises(own(tmp_path, name=name))


def test_too_much_is_refused(tmp_path: Path) -> None:
    own(tmp_path, GOOD + "#" * 200_000)
    with pytest.raises(ConfigError, match="longer than"):
        catalogue.exercises(tmp_path)
    for k in range(201):
        (tmp_path / f"e{k}.toml").touch()
    with pytest.raises(ConfigError, match=r"202 \.toml files"):
        catalogue.exercises(tmp_path)


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="between 1 and 200"):
        catalogue.exercises(tmp_path)
    with pytest.raises(ConfigError, match="must be a folder"):
        catalogue.exercises(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="unknown 'nix'; there are: auto, "):
        catalogue.exercise("nix")


# --- programmes and prescriptions -----------------------------------------------------------------------------------


def test_the_programmes_that_come_along() -> None:
    levels = {f"back_extension_{level}" for level in ("beginner", "intermediate", "advanced")}
    assert set(catalogue.programmes()) == levels | {"spine_basics", "full_session", "chair_only"}
    for name in catalogue.programmes():
        assert catalogue.programme(name).warm_up
    basics = catalogue.programme("spine_basics")
    assert set(basics.exercises) == {"ext_rotation_seated", "row_low_dumbbell", "triceps_pushback", "superman_beginner"}
    seated = catalogue.exercises()
    assert all(seated[id].place == "chair" for id in catalogue.programme("chair_only").exercises)


def test_an_own_programme(tmp_path: Path) -> None:
    own(tmp_path / "..", 'title = "M"\nexercises = ["curl"]', "mornings")
    path = str(tmp_path / ".." / "mornings.toml")
    assert catalogue.programme(path, own(tmp_path)).exercises == ("curl",)
    with pytest.raises(ConfigError, match="exercises: unknown 'curl'"):
        catalogue.programme(path)
    with pytest.raises(ConfigError, match="unknown 'nix'; there are: back_extension_advanced"):
        catalogue.programme("nix")
    own(tmp_path / "..", 'title = "M"\nwarm_up = ["auto"]\nexercises = ["auto"]', "mornings")
    with pytest.raises(ConfigError, match="twice"):
        catalogue.programme(path)


PRESCRIPTION = """
date = "2026-03-01"
by = "A. Physio"
surface = "bed"
allowed = ["prone_ext_intermediate", "prone_ext_beginner"]
limits = ["Not above the shoulder."]
[dose.prone_ext_beginner]
reps = 6
[holds]
prone_ext_beginner = 10
[rules.W5]
on = 50
dwell = 0.2
"""


def test_a_prescription(tmp_path: Path) -> None:
    p = catalogue.prescription(own(tmp_path, PRESCRIPTION, "p") / "p.toml")
    assert p.allowed == ("prone_ext_intermediate", "prone_ext_beginner")
    assert dict(p.dose["prone_ext_beginner"]) == {"reps": (6, 6)}
    assert dict(p.holds) == {"prone_ext_beginner": 10}
    assert p.rules["W5"]["on"] == pytest.approx(np.deg2rad(50))
    assert p.rules["W5"]["dwell"] == 0.2, "seconds"
    assert (p.date, p.by, p.surface, p.limits) == ("2026-03-01", "A. Physio", "bed", ("Not above the shoulder.",))


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('surface = "bed"', 'surface = "sea"', "surface: unknown 'sea'; there are: floor, bed, chair"),
        ('"prone_ext_beginner"]', '"nix"]', "allowed: unknown 'nix'; there are: auto"),
        ("[dose.prone_ext_beginner]", "[dose.nix]", "dose: unknown 'nix'"),
        ("reps = 6", "reps = [9, 6]", "lowest must come first"),
        ("reps = 6", "repz = 6", "unknown key 'repz'; there are: sets, reps, rest"),
        ("prone_ext_beginner = 10", "nix = 10", "holds: unknown 'nix'"),
        ("prone_ext_beginner = 10", "prone_ext_beginner = 1000", "less than or equal to 120"),
        ("prone_ext_beginner = 10", "prone_ext_intermediate = 10", "as long as is comfortable"),
        ("prone_ext_beginner = 10", "row_low_dumbbell = 10", "nothing is held"),
        ("[rules.W5]", "[rules.W55]", "unknown 'W55'; there are: W0"),
        ('"2026-03-01"', '"today"', "date"),
        ('"2026-03-01"', "2026-03-01", "date"),
    ],
)
def test_what_is_wrong_in_a_prescription_is_named(tmp_path: Path, before: str, after: str, says: str) -> None:
    assert PRESCRIPTION.count(before) == 1
    path = own(tmp_path, PRESCRIPTION.replace(before, after), "p") / "p.toml"
    with pytest.raises(ConfigError, match=re.escape(says)) as caught:
        catalogue.prescription(path)
    assert caught.value.file == str(path)


# --- the documentation ----------------------------------------------------------------------------------------------


def test_the_documentation_has_every_key_and_its_examples_work(root: Path, tmp_path: Path) -> None:
    text = (root / "docs" / "exercises.md").read_text("utf-8")
    tables = (
        ExerciseTable,
        GateTable,
        MotionTable,
        HoldTable,
        DoseTable,
        FactsTable,
        ProgrammeTable,
        PrescriptionTable,
    )
    keys = {key for table in tables for key in table.model_fields} | set(CHANNELS) | set(RULE_IDS) | set(RULE_KEYS)
    assert not [key for key in keys if f"`{key}`" not in text and f"[{key}" not in text]
    small, whole, programme, prescription = re.findall(r"```toml\n(.*?)```", text, re.S)
    mine = tmp_path / "mine"
    mine.mkdir()
    own(mine, small, "heel_raise")
    own(mine, whole, "knee_lift")
    own(tmp_path, programme, "mornings")
    own(tmp_path, prescription, "p")
    assert catalogue.programme(str(tmp_path / "mornings.toml"), mine).warm_up == ("warmup_side_reach",)
    assert catalogue.prescription(tmp_path / "p.toml").by == "A. Physio"


def test_defaults_are_those_of_the_documentation(root: Path, tmp_path: Path) -> None:
    text = (root / "docs" / "exercises.md").read_text("utf-8")
    found: dict[str, Any] = {}
    for table in (ExerciseTable, GateTable, MotionTable, HoldTable, DoseTable, FactsTable):
        found |= {
            key: f.default for key, f in table.model_fields.items() if isinstance(f.default, str | bool | int | list)
        }
    for key, default in found.items():
        row = re.search(rf"^\| `{key}`(?:, `\w+`)* \|.*\| `([^`|]*)` \|$", text, re.M)
        assert row or key == "id", key
        assert row is None or tomllib.loads(f"x = {row[1]}")["x"] == default, key
