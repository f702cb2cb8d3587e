"""The air, its faults and people in it: sensors that are not there, found and read like real ones (extra ``sim``).

``motion``, ``person``, ``core``, ``packetiser`` and ``firmware`` need no radio stack; what has to do with the air needs
Bumble.
"""

from __future__ import annotations

import importlib.util
import logging

from imu_coach.errors import ConfigError

__all__ = ["needs_bumble"]


BUMBLE = logging.getLogger("bumble")
if BUMBLE.level == logging.NOTSET:
    BUMBLE.setLevel(logging.CRITICAL)  # it writes a traceback for every lost link, and here links are lost on purpose


def needs_bumble() -> None:
    """ConfigError when the radio stack of the virtual air is not installed."""
    if importlib.util.find_spec("bumble") is None:
        raise ConfigError("", "", "virtual sensors need the extra sim: pip install 'imu-coach[sim]'")
