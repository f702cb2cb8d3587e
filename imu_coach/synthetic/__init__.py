"""Simulated people, sensors and links, for tests, demonstrations and error bands: everything here is synthetic."""

from imu_coach.synthetic.conduct import Conduct, faults_for
from imu_coach.synthetic.idle import SCRIPTS, idle_minutes, safe_movement
from imu_coach.synthetic.link import Faults, header_for
from imu_coach.synthetic.person import Person
from imu_coach.synthetic.routines import (
    PlanItem,
    coached_session,
    dip,
    exercise_session,
    overextend,
    rises,
    sites_of,
    slump_set,
)
from imu_coach.synthetic.scenario import START, Lapse, Step
from imu_coach.synthetic.sensors import PERFECT, Errors
from imu_coach.synthetic.sessions import SESSIONS, sessions
from imu_coach.synthetic.signal import number_of, numbered
from imu_coach.synthetic.simulator import BANDS_SENSORS, Simulated, bands_session, simulate
from imu_coach.synthetic.truth import ANGLES, Truth

__all__ = [
    "ANGLES",
    "BANDS_SENSORS",
    "PERFECT",
    "SCRIPTS",
    "SESSIONS",
    "START",
    "Conduct",
    "Errors",
    "Faults",
    "Lapse",
    "Person",
    "PlanItem",
    "Simulated",
    "Step",
    "Truth",
    "bands_session",
    "coached_session",
    "dip",
    "exercise_session",
    "faults_for",
    "header_for",
    "idle_minutes",
    "number_of",
    "numbered",
    "overextend",
    "rises",
    "safe_movement",
    "sessions",
    "simulate",
    "sites_of",
    "slump_set",
]
