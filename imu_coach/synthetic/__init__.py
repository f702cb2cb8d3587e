"""Simulated people, sensors and links, for tests, demonstrations and error bands: everything here is synthetic."""

from imu_coach.synthetic.link import Faults, header_for
from imu_coach.synthetic.person import Person
from imu_coach.synthetic.scenario import SCRIPTS, START, Step
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
    "Errors",
    "Faults",
    "Person",
    "Simulated",
    "Step",
    "Truth",
    "bands_session",
    "header_for",
    "number_of",
    "numbered",
    "sessions",
    "simulate",
]
