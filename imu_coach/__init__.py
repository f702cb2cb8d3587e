"""imu_coach: honest trunk angles, repetitions, holds and warnings from small motion sensors.

Research and education software.  Not a medical device.
"""

__version__ = "0.1.0"
