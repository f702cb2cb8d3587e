"""What counters say: repetitions and holds, in frames of the common grid."""

from __future__ import annotations

from typing import NamedTuple


class RepSpec(NamedTuple):
    """What a counter knows of a movement before it has seen one.  Never how many are wanted.

    expected, minimum : rad (m for a displacement), rest to top
    shortest, longest : s, of a repetition without its hold
    either_way : a movement to either side of rest is a repetition
    hold : s aimed for; None when nothing is held; 0 when held as long as is comfortable (timed, not judged)
    """

    expected: float
    minimum: float
    shortest: float = 0.8
    longest: float = 20.0
    either_way: bool = False
    hold: float | None = None


class Rep(NamedTuple):
    """One repetition.

    decided : frame at which it was known; onset, top, release, end : frames at which the movement began, the top was
        reached, the top was left, rest was reached again (back-dated, so never after ``decided``)
    status : "counted", "partial", or "promoted" (a partial that counts after all, told again with the same onset)
    direction : +1 or -1, the way it went
    baseline, peak : of the channel; ``peak - baseline`` is signed like ``direction``
    speed : the largest of the channel's rate, per s
    """

    decided: int
    onset: int
    top: int
    release: int
    end: int
    status: str
    direction: int
    baseline: float
    peak: float
    speed: float


class HoldNews(NamedTuple):
    """How a hold goes.

    decided : frame at which it was known; onset : frame it speaks of
    kind : "start", "second" (each whole second held, for a spoken count and a live timer), "pause" and "resume" (the
        channel is not sensed: the judge waits, the hold goes on), "end"
    seconds : held so far without breaks
    breaks : interruptions longer than half a second so far
    sag : per s, slope of the channel while held (rad/s; negative = sinking); tremor : rms 3-12 Hz; sway : rms 0.2-3 Hz;
        these three are nan until the end, and where they cannot be told
    unseen : s of it without a value (they count as held: the person was not at fault)
    """

    decided: int
    onset: int
    kind: str
    seconds: float
    breaks: int = 0
    sag: float = float("nan")
    tremor: float = float("nan")
    sway: float = float("nan")
    unseen: float = 0.0


class Turn(NamedTuple):
    """The counter has left rest, or reached it again; ``since``: frame from which it has been at rest."""

    decided: int
    resting: bool
    since: int = 0
