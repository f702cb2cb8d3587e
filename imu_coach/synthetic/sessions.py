"""The small synthetic sessions that are shipped as recordings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from imu_coach.synthetic.link import GOOD_LINK, Faults
from imu_coach.synthetic.routines import coached_session
from imu_coach.synthetic.scenario import Step
from imu_coach.synthetic.simulator import Simulated, simulate

TWO = ("upper_back", "wrist")
Coached = tuple[str, str, int, int, float | None]
"""Exercise, side, sets, repetitions, hold in s."""


@dataclass(frozen=True)
class Session:
    """What a shipped session is made of."""

    script: str | tuple[Step, ...]
    seed: int
    sensors: tuple[str, ...] = TWO
    faults: Faults = GOOD_LINK
    coached: tuple[Coached, ...] = ()


SESSIONS: dict[str, Session] = {
    "prone_extension": Session("prone", 31, ("upper_back", "sacrum")),
    "pushback_hinge": Session("pushback", 12),
    "row": Session("row", 13, ("upper_back", "upper_arm")),
    "seated_rotation": Session("seated_rotation", 14),
    "slip_between_sets": Session(
        (Step("bend", reps=3), Step("stand_quiet", seconds=14), Step("bend", reps=3), Step("stand_quiet", seconds=8)),
        15,
        faults=Faults(slip=(("upper_back", 58.0, 22.0, (1.0, 0.3, 0.4)),)),
    ),
    "bad_link": Session(
        "seated_rotation",
        16,
        faults=Faults(
            loss=0.01,
            burst=1.0,
            stalls=(("wrist", 52.0, 1.2),),
            stall_rate=1.0,
            duplicate=0.005,
            late=0.002,
            out_of_range=(("upper_back", 75.0, 81.0),),
            reboots=(("wrist", 95.0),),
            rate_error={"wrist": 0.04},
        ),
    ),
    "three_sensors_bend": Session("bend_each", 17, ("upper_back", "thoracolumbar", "sacrum")),
    "one_sensor_slump": Session("slow_slump", 18, ("upper_back",)),
    "home_session": Session(
        "",
        19,
        coached=(
            ("ext_rotation_seated", "", 2, 8, None),
            ("triceps_pushback", "", 1, 8, None),
            ("superman_beginner", "", 1, 5, 3.0),
            ("prone_ext_beginner", "", 1, 4, 5.0),
        ),
    ),
}
"""Name -> session; 1.5 to 4 minutes each, the home session 9."""


def sessions() -> Iterator[tuple[str, Simulated]]:
    """Every shipped session, simulated."""
    for name, s in SESSIONS.items():
        if s.coached:
            yield name, coached_session(s.coached, s.seed, sensors=s.sensors, faults=s.faults)
        else:
            yield name, simulate(s.script, seed=s.seed, sensors=s.sensors, faults=s.faults)
