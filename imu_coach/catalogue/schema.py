"""What a TOML file of an exercise, a programme or a prescription may say, in degrees and seconds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from imu_coach.config import LAYOUTS
from imu_coach.conventions import SITES
from imu_coach.core.angles import POSTURES
from imu_coach.exercise import CHANNELS

RULE_IDS = tuple(f"W{i}" for i in range(14) if i != 12)
RULE_ANGLES = ("on", "off", "low", "beyond")
RULE_KEYS = (*RULE_ANGLES, "dwell", "clear_dwell", "refractory")
"""What an exercise or a clinician may change of a rule; the angles are deg or deg/s in TOML, the rest s."""
GATES = tuple(posture for posture in POSTURES if posture != "transition")
PLACES = ("standing", "chair", "bench", "floor")
SIDES = ("both", "one", "alternating")
SURFACES = ("floor", "bed", "chair")
HOLDS = ("level", "wrist_still")

SEEN_AT: Mapping[str, tuple[str, ...]] = {
    "trunk_extension": ("upper_back",),
    "trunk_lateral": ("upper_back",),
    "forearm_elevation": ("wrist",),
    "upper_arm_elevation": ("upper_arm",),
    "wrist_yaw": ("wrist",),
    "wrist_sweep": ("wrist",),
    "wrist_vertical": ("wrist",),
    "circle": SITES,
    "tilt": SITES,
    "auto": (*SITES, "any"),
}
"""Where the sensor must sit for a channel to exist."""

MAX_FILES = 200
"""Of a folder with a person's own exercises."""
LINE, LINES = 48, 24
"""Characters of a line and lines of all facts on a printed page with letters of 16 pt; a word more may still fit."""


def _known(*names: str) -> AfterValidator:
    """One of these names, or a complaint that lists them."""

    def check(value: str) -> str:
        if value not in names:
            raise ValueError(f"unknown {value!r}; there are: {', '.join(filter(None, names))}")
        return value

    return AfterValidator(check)


def _printable(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError("must be one line of text without control characters, tabs or spaces around it")
    return value


def _rising(value: list[float]) -> list[float]:
    if any(b < a for a, b in pairwise(value)):
        raise ValueError("the lowest must come first")
    return value


def _as_range(value: object) -> object:
    """A single number is a range of one."""
    return [value, value] if isinstance(value, int | float) and not isinstance(value, bool) else value


Line = Annotated[str, AfterValidator(_printable)]
Short = Annotated[Line, Field(min_length=1, max_length=120)]
Long = Annotated[Line, Field(min_length=1, max_length=200)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Pair = Field(min_length=2, max_length=2)
Degrees = Annotated[list[Annotated[Number, Field(ge=-180, le=180)]], Pair, AfterValidator(_rising)]
Span = Annotated[list[Annotated[Number, Field(ge=0, le=3600)]], Pair, AfterValidator(_rising)]
Site = Annotated[str, _known(*SITES, "any")]
RuleNumber = Annotated[Number, Field(ge=-360, le=360)]
RuleNumbers = dict[Annotated[str, _known(*RULE_IDS)], dict[Annotated[str, _known(*RULE_KEYS)], RuleNumber]]


class Table(BaseModel):
    """A TOML table: no key that is not known, no number written as text."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _keys(cls, data: object) -> object:
        unknown = sorted(set(data) - set(cls.model_fields)) if isinstance(data, dict) else []
        if unknown:
            raise ValueError(f"unknown key {unknown[0]!r}; there are: {', '.join(cls.model_fields)}")
        return data


class CountsTable(Table):
    """Ranges; a single number stands for a range of one."""

    @model_validator(mode="before")
    @classmethod
    def _single(cls, data: object) -> object:
        ranges = ("sets", "reps", "rest")
        return {k: _as_range(v) if k in ranges else v for k, v in data.items()} if isinstance(data, dict) else data


Sets = Annotated[list[Annotated[int, Field(ge=1, le=10)]], Pair, AfterValidator(_rising)]
Reps = Annotated[list[Annotated[int, Field(ge=1, le=100)]], Pair, AfterValidator(_rising)]


class GateTable(Table):
    """The start posture; degrees."""

    posture: Annotated[str, _known("", *GATES)] = ""
    trunk: Degrees | None = None


class MotionTable(Table):
    """How repetitions are seen; degrees, of ``wrist_vertical`` metres."""

    channel: Annotated[str, _known(*CHANNELS)]
    site: Site
    sign: Literal[-1, 0, 1] = 1
    expected: Annotated[Number, Field(gt=0, le=360)]
    minimum: Annotated[Number, Field(gt=0, le=360)]
    probable: bool = False

    @model_validator(mode="after")
    def _sense(self) -> Self:
        if self.minimum >= self.expected:
            raise ValueError(f"minimum {self.minimum:g} must be below expected {self.expected:g}")
        if self.site not in SEEN_AT[self.channel]:
            raise ValueError(f"{self.channel} cannot be seen at {self.site!r}; at: {', '.join(SEEN_AT[self.channel])}")
        if self.channel == "wrist_vertical" and self.expected > 2:
            raise ValueError("expected and minimum of wrist_vertical are metres, such as 0.3 and 0.08")
        return self


class HoldTable(Table):
    """Seconds."""

    levels: Annotated[list[Annotated[Number, Field(ge=1, le=120)]], Field(min_length=1, max_length=12)]
    by: Annotated[str, _known(*HOLDS)] = "level"
    self_paced: bool = False

    @model_validator(mode="after")
    def _sense(self) -> Self:
        if any(b <= a for a, b in pairwise(self.levels)):
            raise ValueError("levels must rise, such as [5, 10, 20]")
        return self


class DoseTable(CountsTable):
    """How much; a single number is a range of one."""

    sets: Sets
    reps: Reps
    rest: Span = [20.0, 60.0]
    each_side: bool = False


class FactsTable(Table):
    """What a person reads; all of it fits one printed page."""

    why: Line = Field("", max_length=400)
    start: Line = Field(min_length=1, max_length=400)
    moves: list[Long] = Field(min_length=1, max_length=8)
    cues: list[Short] = Field([], max_length=5)
    kit: list[Short] = Field([], max_length=6)
    adaptation: Line = Field("", max_length=300)
    caution: Line = Field("", max_length=300)
    source: Line = Field("", max_length=300)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        texts = (self.why, self.start, self.adaptation, self.caution, *self.moves, *self.cues, ", ".join(self.kit))
        used = sum(-(-len(text) // LINE) for text in texts)
        if used > LINES:
            raise ValueError(
                f"the texts take about {used} lines; a printed page has room for {LINES}: make them shorter"
            )
        return self


class ExerciseTable(Table):
    """A file of an exercise."""

    id: str | None = None
    title: Line = Field(min_length=1, max_length=40)
    place: Annotated[str, _known(*PLACES)]
    sites: Annotated[list[Site], Field(min_length=1, max_length=3)]
    sides: Annotated[str, _known(*SIDES)] = "both"
    tempo: Span = [0.8, 20.0]
    locked: bool = False
    loaded: bool = False
    gate: GateTable = GateTable()
    motions: Annotated[list[MotionTable], Field(min_length=1, max_length=6)]
    hold: HoldTable | None = None
    dose: DoseTable
    guards: RuleNumbers = {}
    cannot: dict[Annotated[str, _known("any", *LAYOUTS)], Annotated[list[Short], Field(max_length=10)]] = {}
    facts: FactsTable

    @model_validator(mode="after")
    def _sense(self) -> Self:
        if self.tempo[0] < 0.3 or self.tempo[0] >= self.tempo[1]:
            raise ValueError("tempo must be [shortest, longest] in s, the shortest at least 0.3 and below the longest")
        if len(set(self.sites)) < len(self.sites):
            raise ValueError("sites names a site twice")
        if "any" in self.sites and (len(self.sites) > 1 or any(m.site != "any" for m in self.motions)):
            raise ValueError('sites = ["any"] goes with motions of site "any" only')
        seen = {"any", *self.sites}
        if "any" not in self.sites and self.motions[0].site not in seen:
            raise ValueError(f"the first motion is seen at {self.motions[0].site!r}, which is not among sites")
        if self.hold and self.hold.by == "wrist_still" and not {"wrist", "any"} & set(self.sites):
            raise ValueError('hold by "wrist_still" needs "wrist" or "any" among sites')
        if self.dose.each_side and self.sides != "one":
            raise ValueError('dose.each_side = true goes with sides = "one"')
        return self


class ProgrammeTable(Table):
    """A file of a programme: ids of exercises."""

    title: Line = Field(min_length=1, max_length=60)
    exercises: Annotated[list[str], Field(min_length=1, max_length=20)]
    warm_up: Annotated[list[str], Field(max_length=6)] = []


class RangesTable(CountsTable):
    """What a prescription changes of a dose."""

    sets: Sets | None = None
    reps: Reps | None = None
    rest: Span | None = None


class PrescriptionTable(Table):
    """A file of a prescription."""

    date: Annotated[str, Field(max_length=10, pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = ""
    by: Line = Field("", max_length=80)
    notes: Line = Field("", max_length=400)
    surface: Annotated[str, _known(*SURFACES)] = "floor"
    allowed: Annotated[list[str], Field(max_length=MAX_FILES)] = []
    dose: dict[str, RangesTable] = {}
    holds: dict[str, Annotated[Number, Field(ge=1, le=120)]] = {}
    rules: RuleNumbers = {}
    limits: list[Short] = Field([], max_length=6)
