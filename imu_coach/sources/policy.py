"""How patient, how curious and how trusting the radio is: every number of the sources, with its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """Of one supervised sensor; times in s.

    Attributes
    ----------
    scan : one look for a sensor; a sensor that advertises every 100 ms is heard 40 times
    connect : connecting and finding its services; bleak's own 30 s keeps the others waiting too long
    step : one read, write or subscription; ATT itself gives up after 30 s, by then the link is long gone
    hang_up : a disconnect that the OS does not confirm goes on without us
    goodbye : the request to stop measuring, when a session ends
    silence : without data for so long, a link is dead whatever the OS says of it; disconnects are noticed 2-20 s late
    silent_packets : ... but never before so many packets were due, for slow sensors
    samples_per_packet, packet : few large notifications beat many small ones: at least so many samples, and so much
        time, in each; the sensor caps it
    ping : bounds of the random time between two clock requests
    eager, eager_ping : so many requests come sooner: the clock is as good after 15 s as it would be after 40 s
    battery : between two readings, where the sensor does not tell by itself
    back_off, back_off_most : the first wait after an attempt, and the longest; it doubles in between
    jitter : share by which a wait varies either way, so that three sensors do not knock at once
    good : a stream of this length was worth it: the next wait is the first again
    penalty : wait after a flood
    strangers : so many devices that are somebody else are asked without a growing wait
    stranger : how long such a device is not asked again
    many_attempts : after so many in a row the person is told to look after the sensor
    """

    scan: float = 4.0
    connect: float = 10.0
    step: float = 5.0
    hang_up: float = 5.0
    goodbye: float = 1.0
    silence: float = 2.5
    silent_packets: float = 4.0
    samples_per_packet: int = 4
    packet: float = 0.04
    ping: tuple[float, float] = (0.5, 0.75)
    eager: int = 60
    eager_ping: tuple[float, float] = (0.2, 0.3)
    battery: float = 300.0
    back_off: float = 0.25
    back_off_most: float = 5.0
    jitter: float = 0.5
    good: float = 10.0
    penalty: float = 30.0
    strangers: int = 8
    stranger: float = 120.0
    many_attempts: int = 8


@dataclass(frozen=True, slots=True)
class Limits:
    """What one sensor may put into the inbox; what exceeds is dropped and counted.

    Attributes
    ----------
    payload : bytes; the longest value that ATT allows
    packets, burst_packets : a second, and at once.  A sensor at 208 Hz with one sample per packet sends 208; twenty
        seconds of stored samples arrive at once after an absence
    data, burst_data : bytes, the same; Bluetooth LE carries at most 170 kB/s
    waiting : inputs that wait for a consumer that does not come
    lasting : s of dropping, without a second's pause, that make a flood
    """

    payload: int = 512
    packets: float = 400.0
    burst_packets: float = 2000.0
    data: float = 96e3
    burst_data: float = 512e3
    waiting: int = 4000
    lasting: float = 2.0


POLICY = Policy()
LIMITS = Limits()

DEVICES = 64
"""Devices that one scan remembers."""
KNOWN = 256
"""Addresses whose owner is remembered."""
SERVICES, CHARACTERISTICS = 64, 512
"""A sensor that offers more than this is not one."""
ANSWERS = 256
"""Payloads per channel kept for a dialogue that may wait for one of them."""
SENSORS_AT_ONCE = 4
"""Above this, adapters begin to turn connections away (3 to 10, by model)."""


def advice(sensors: int) -> str:
    """What to say of this many sensors, or ""."""
    if sensors <= SENSORS_AT_ONCE:
        return ""
    return (
        f"{sensors} sensors at once: many Bluetooth adapters carry only 3 to 5 connections; "
        "if one does not connect, use fewer or another adapter"
    )
