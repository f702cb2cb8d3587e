"""What is done, as data: exercises, rules, programmes, prescriptions, and the plan of a session made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

Range = tuple[float, float]
"""Lowest and highest, both allowed: "about 10" and "around 30 s" are ranges."""

CHANNELS = (
    "trunk_extension",  # upper back rises from where it lay: trunk inclination falls
    "trunk_lateral",  # side bend
    "forearm_elevation",
    "upper_arm_elevation",  # from where it hung when the set began
    "wrist_yaw",  # wrist against trunk about the vertical, for one repetition's length
    "wrist_sweep",  # the same through a large arc
    "wrist_vertical",  # m, from the specific force: weak when slow
    "circle",  # the direction of gravity in the sensor goes round: full turns
    "tilt",  # the direction of gravity in the sensor turns away from where it was: no calibration needed
    "auto",  # the dominant motion, learned from the first two repetitions
)
"""What repetitions can be seen by.  The unit is rad, of ``wrist_vertical`` m."""

PHASES = ("idle", "siting", "ready", "practice", "set", "paused", "rest", "done")
"""Of the coach.  Repetitions are counted in practice and set only."""


class Motion(NamedTuple):
    """One way to see the repetitions of an exercise.

    channel : of :data:`CHANNELS`
    site : whose sensor; "any" takes the one that is there
    sign : +1 or -1 turns the channel so that a repetition goes up; 0 counts either way, each way a repetition
    expected, minimum : rad (m) a repetition is expected to reach, and must reach
    probable : repetitions seen this way are told as *probable*, not as counted
    """

    channel: str
    site: str
    sign: int
    expected: float
    minimum: float
    probable: bool = False


@dataclass(frozen=True, slots=True)
class Gate:
    """The posture in which a repetition starts (not one to be kept through it).

    posture : of :data:`imu_coach.core.angles.POSTURES`; "" when any will do
    trunk : rad, trunk inclination; None when any will do or it cannot be told
    """

    posture: str = ""
    trunk: Range | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold at the top of each repetition.

    levels : s, targets from the first one up; the prescription chooses, else the first
    by : "level" (near the top, and slow) or "wrist_still" (the wrist does not move)
    self_paced : as long as is comfortable: timed, never judged
    """

    levels: tuple[float, ...]
    by: str = "level"
    self_paced: bool = False


@dataclass(frozen=True, slots=True)
class Dose:
    """How much: ranges of sets, repetitions and rest (s).  ``each_side``: so many on each side."""

    sets: tuple[int, int]
    reps: tuple[int, int]
    rest: Range
    each_side: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What a person should know, in plain sentences, for the card and the printed sheet."""

    why: str
    start: str
    moves: tuple[str, ...]
    cues: tuple[str, ...]
    kit: tuple[str, ...]
    adaptation: str
    caution: str
    source: str


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise.

    Attributes
    ----------
    id, title : name in files and commands, and for people
    sites : where its two sensors sit; a third one adds, it is never missing
    gate, motions : the start posture, and how repetitions are seen, best first
    tempo : s, shortest and longest repetition without its hold
    hold, dose : None when nothing is held
    sides : "both" arms together, "one" side after the other, "alternating" repetitions
    guards : rule id -> changed numbers of the rule (an empty mapping: as it is); rules not named are off in its sets
    cannot : what cannot be judged, by layout name; "any" is for all
    locked : needs a prescription that allows it
    loaded : a weight is in the hand
    place : "standing", "chair", "bench" or "floor"
    """

    id: str
    title: str
    sites: tuple[str, ...]
    gate: Gate
    motions: tuple[Motion, ...]
    tempo: Range
    hold: Hold | None
    dose: Dose
    sides: str
    guards: Mapping[str, Mapping[str, float]]
    cannot: Mapping[str, tuple[str, ...]]
    facts: Facts
    place: str
    locked: bool = False
    loaded: bool = False


class Item(NamedTuple):
    """One exercise of a plan, with what the prescription made of it.  ``side``: "", "left" or "right"."""

    exercise: Exercise
    side: str
    sets: tuple[int, int]
    reps: tuple[int, int]
    rest: Range
    hold: float | None


@dataclass(frozen=True, slots=True)
class Programme:
    """A named list of exercise ids, in the order in which a therapist would write them; the coach may reorder."""

    id: str
    title: str
    exercises: tuple[str, ...]
    warm_up: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prescription:
    """What a clinician allows and asks for.

    allowed : exercise ids; empty means every one that is not locked
    dose : exercise id -> ranges that replace the exercise's own (sets, reps, rest in s)
    holds : exercise id -> target, s
    rules : rule id -> numbers that replace the engineering defaults
    limits : s or deg in words of the clinician, shown and not computed
    """

    date: str = ""
    by: str = ""
    notes: str = ""
    surface: str = "floor"
    allowed: tuple[str, ...] = ()
    dose: Mapping[str, Mapping[str, Range]] = field(default_factory=dict)
    holds: Mapping[str, float] = field(default_factory=dict)
    rules: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session is to be: items in order; the same exercise on the other side is another item.

    ``open_ended``: one exercise over a whole recording, counted from the first frame to the last without gates, sets
    or targets (what ``--exercise`` does to a recording that nobody coached).
    """

    id: str
    title: str
    items: tuple[Item, ...]
    practice: bool = True
    open_ended: bool = False


class Level(NamedTuple):
    """A further level of a rule: told as ``severity`` beyond ``on`` (rad or rad/s) for ``dwell`` s."""

    severity: str
    on: float
    dwell: float


class Rule(NamedTuple):
    """One thing that is watched; every number is an engineering default unless a clinician changed it.

    Attributes
    ----------
    id, title : "W1", and what it is called in reports
    severity : "cue", "amber" or "red", of the first level
    quantity : what is compared: see :data:`imu_coach.core.quantities.QUANTITIES`
    relative : "neutral" (the person's stand tall), "posture" (this posture's own neutral) or "set" (when the set began)
    on, off : rad or rad/s; raised beyond the first, cleared below the second
    dwell, clear_dwell : s beyond and below; of "time_bent" the s beyond, gaps included, within the last two minutes
    refractory : s before it is told again (sooner only when 10 deg worse)
    phases, postures : of the coach, in which it is watched; empty: all
    always : watched outside of the sets of exercises that name it, too
    spoken : told aloud; the rest is only shown and logged
    prompt : key of the phrase that is said; below ``low`` it is ``prompt`` + "_low"
    higher : further levels, from mild to severe
    low : rad; raised below it, too (the lower edge of a band), with the same dwell and hysteresis
    beyond : rad; the trunk must be bent this far (a twist), the swing at least this large (a speed)
    sharpened : W7 applies: with a weight in the hand, or bent and turned, it comes sooner and one level up
    aloud_phases, aloud_postures : in which it is told aloud; empty: all in which it is watched
    flexion : a forward-bending threshold in absolute terms: what a higher-risk profile lowers
    shift : rad; added to every threshold last of all (a profile), also to those that an exercise changed
    fixed : numbers that a clinician set; they go before those of an exercise
    """

    id: str
    title: str
    severity: str
    quantity: str
    relative: str
    on: float
    off: float
    dwell: float
    clear_dwell: float
    refractory: float
    phases: tuple[str, ...]
    postures: tuple[str, ...]
    always: bool
    spoken: bool
    prompt: str
    higher: tuple[Level, ...] = ()
    low: float = -inf
    beyond: float = 0.0
    sharpened: bool = False
    aloud_phases: tuple[str, ...] = ()
    aloud_postures: tuple[str, ...] = ()
    flexion: bool = False
    shift: float = 0.0
    fixed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """What the coach says is going on during a stretch of frames.

    phase, posture : of :data:`PHASES` and :data:`imu_coach.core.angles.POSTURES` (None: not known)
    exercise : the one in progress
    set_number : 0 outside of sets; set_begin : frame at which this set began, -1 outside
    begun : False while a stillness alone says that a set began: somebody may still be on the way
    """

    phase: str = "idle"
    posture: str | None = None
    exercise: Exercise | None = None
    side: str = ""
    set_number: int = 0
    set_begin: int = -1
    begun: bool = True
