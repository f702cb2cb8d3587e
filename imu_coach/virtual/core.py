"""What a sensor of the project's own kind does between its IMU and its radio: one API, two implementations.

:class:`imu_coach.virtual.firmware.Firmware` is the firmware's own C core,
:class:`imu_coach.virtual.packetiser.Packetiser` the same in Python for where there is no compiler.  Both give the same
bytes for the same calls (docs/protocol.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

TAP, HAPTIC, STORED, BATTERY = 1, 2, 4, 8
"""Bits of ``features``."""
ALL_FEATURES = TAP | HAPTIC | STORED | BATTERY

STORE_SECONDS = 21
"""Kept for catch-up at the highest rate: 20 s, and an IMU may run 5 % fast."""
MIN_STORE, MAX_STORE = 128, 32768
"""Samples: three of the largest packets, and half of what a 16 bit number can tell apart."""
MIN_RATE, MAX_RATE = 16, 1000
"""Hz.  Below, the time between samples does not fit its 16 bits."""
UNKNOWN_BATTERY = 255


class Core(Protocol):
    """One sensor.  Times are microseconds of the sensor's own clock and never go back.

    ``battery`` is in per cent, 0 to 100, 255 when unknown.  Bytes from the air may be anything.
    """

    battery: int

    def connected(self) -> None:
        """A host has connected.  Nothing is sent until it writes START or RESUME; the MTU is 23 until told."""
        ...

    def disconnected(self) -> None:
        """The link has gone.  Sampling goes on into the store."""
        ...

    def set_mtu(self, att_mtu: int) -> None:
        """The ATT MTU that was agreed."""
        ...

    def push(self, counts: Sequence[int], t_us: int) -> None:
        """One sample, six raw counts (acc x y z, gyr x y z); ignored while not sampling."""
        ...

    def tap(self, taps: int, t_us: int) -> None:
        """A double (2) or triple (3) tap was felt; ``t_us`` is that of its last tap.  Ignored while nobody listens."""
        ...

    def peek(self) -> bytes | None:
        """The next DATA payload that wants to go out."""
        ...

    def sent(self) -> None:
        """The radio stack has taken what :meth:`peek` last returned."""
        ...

    def control(self, payload: bytes, t_us: int) -> bytes:
        """The indication that answers a CTRL write."""
        ...

    def sync(self, payload: bytes, t_rx_us: int, random16: int) -> int | None:
        """A SYNC write: us to wait before :meth:`sync_reply`; None when it is no request, or one still waits."""
        ...

    def sync_reply(self, t_tx_us: int) -> bytes | None:
        """The notification that answers the SYNC write that waits, if any."""
        ...

    def tick(self, t_us: int) -> None:
        """Time has come to ``t_us``: patterns go on, and sampling ends when nobody has asked for long."""
        ...

    @property
    def info(self) -> bytes:
        """What INFO reads as, 20 bytes."""
        ...

    @property
    def rate(self) -> int:
        """Hz to sample at; 0: not sampling."""
        ...

    @property
    def led(self) -> bool:
        """Whether the light is on, as of the last time told."""
        ...

    @property
    def haptic(self) -> bool:
        """Whether the motor is on, as of the last time told."""
        ...


class Options(Protocol):
    """How both are made."""

    def __call__(
        self,
        serial: int,
        *,
        acc_range: int = 16,
        gyr_range: int = 2000,
        max_rate: int = 208,
        features: int = ALL_FEATURES,
        store: int | None = None,
    ) -> Core:
        """``acc_range`` g, ``gyr_range`` deg/s, ``max_rate`` Hz, ``store`` samples (None: :func:`store_size`)."""
        ...


def store_size(max_rate: int, store: int | None) -> int:
    """Samples kept; raises ValueError when the rate or the store is out of bounds."""
    size = max(STORE_SECONDS * max_rate, MIN_STORE) if store is None else store
    if not (MIN_RATE <= max_rate <= MAX_RATE and MIN_STORE <= size <= MAX_STORE):
        raise ValueError(
            f"max_rate {max_rate} Hz must be {MIN_RATE} to {MAX_RATE}, store {size} samples {MIN_STORE} to {MAX_STORE}"
        )
    return size
