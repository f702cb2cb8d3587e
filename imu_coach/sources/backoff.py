"""Waits between attempts: they grow, vary, and end."""

from __future__ import annotations

import random

from imu_coach.sources.policy import Policy


class BackOff:
    """Waits that grow, vary and end."""

    def __init__(self, policy: Policy, draw: random.Random) -> None:
        self.policy, self.draw = policy, draw
        self.in_a_row = 0

    def next(self) -> float:
        """s to wait now."""
        policy = self.policy
        wait = min(policy.back_off_most, policy.back_off * 2.0 ** min(self.in_a_row, 30))
        self.in_a_row += 1
        return wait * self.draw.uniform(1.0 - policy.jitter, 1.0 + policy.jitter)

    def reset(self) -> None:
        """It was worth it."""
        self.in_a_row = 0
