"""From a script to the recorded inputs of a session and its truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from imu_coach.conventions import SITES
from imu_coach.synthetic.carrying import Leg, jolted, legs_of, resite_commands, turned, two_armed, worn
from imu_coach.synthetic.conduct import Conduct
from imu_coach.synthetic.idle import steps_of
from imu_coach.synthetic.link import GOOD_LINK, Faults, Raw, device, header_for, merge, quantise, transmit
from imu_coach.synthetic.patterns import perform
from imu_coach.synthetic.person import Person
from imu_coach.synthetic.scenario import Step
from imu_coach.synthetic.sensors import Errors, ideal, imperfect, sampled
from imu_coach.synthetic.skeleton import Body
from imu_coach.synthetic.timeline import Notes
from imu_coach.synthetic.truth import Truth, truth
from imu_coach.types import Floats, Header, Input, SensorInfo


@dataclass(frozen=True, eq=False)
class Simulated:
    """A synthetic session: what would have been recorded, and what was true."""

    header: Header
    inputs: list[Input]
    truth: Truth


def simulate(
    script: str | Sequence[Step],
    *,
    seed: int,
    sensors: Sequence[str] = ("upper_back", "wrist"),
    rate: float = 100.0,
    samples_per_packet: int = 5,
    faults: Faults = GOOD_LINK,
    mix: str = "default",
    person: Person | None = None,
    errors: Errors | None = None,
    internal_rate: float = 400.0,
    coached: bool = False,
    conduct: Conduct | None = None,
) -> Simulated:
    """Simulate one session; the same arguments give the same bytes.

    Parameters
    ----------
    script : one of :data:`~imu_coach.synthetic.SCRIPTS`, or steps; the start routine (table, putting on, standing and
        sitting tall, one sit-to-stand) goes before it unless its first step is ``table`` or ``stand_tall``
    seed : decides everything that is drawn; person, script, each sensor and each link have streams of their own, so
        that another set of sensors changes neither the motion nor the other sensors' data
    sensors : of :data:`imu_coach.conventions.SITES`
    rate : Hz, declared; the true one differs by ``faults.rate_error``
    mix : population in ``people.toml``: ``default`` or ``shifted``
    errors : of the sensors; :data:`~imu_coach.synthetic.PERFECT` for none (rate and clock: see ``faults``)
    internal_rate : Hz, a multiple of 100
    coached : instead of ``context`` commands there are those of a coached session: ``exercise`` {"id", "side"} before
        getting into position, stillness there, and ``finish`` {} about 3 s after the last repetition; the truth has
        the same labels
    conduct : how the person performs this time
    """
    unknown = sorted(set(sensors) - set(SITES))
    if unknown or internal_rate % 100:
        raise ValueError(f"unknown sensor sites {unknown}" if unknown else "internal_rate must be a multiple of 100")
    who = person or Person.draw(seed, mix)
    line, notes = perform(who, steps_of(script, seed), seed, conduct, coached)
    who = (conduct or Conduct()).on(who)
    if not faults.bias_captured:
        notes.commands = [c for c in notes.commands if c[2].get("pose") != "table_still"]
    moving = two_armed(who, line, internal_rate, seed)
    seconds = (len(moving.earth_from["pelvis"]) - 1) / internal_rate
    wrong = replace(Errors(), gyr_bias=faults.gyro_bias_dps) if errors is None else errors
    name = script if isinstance(script, str) else "custom script"
    source = f"imu_coach simulator: {name}, seed {seed}, mix {mix}"
    header = header_for(sensors, rate, source, synthetic=True, sensor_arm=who.arm)
    faults = replace(faults, slip=[*faults.slip, *turned(notes, seed)])
    legs = legs_of(sensors, notes, who)
    links = [
        _sensor(info, legs[info.sensor], moving, notes, who, wrong, faults, samples_per_packet, seconds, seed)
        for info in header.sensors
    ]
    slips = [(s, t, degrees, axis) for s, t, degrees, axis in faults.slip if s in sensors]
    sited, resites = resite_commands(legs, seed)
    found = truth(moving, notes, who.kyphosis, slips, resites)
    return Simulated(header, merge(links, seconds, [*notes.commands, *sited]), found)


def _sensor(
    info: SensorInfo,
    legs: Sequence[Leg],
    moving: Body,
    notes: Notes,
    who: Person,
    errors: Errors,
    faults: Faults,
    n: int,
    seconds: float,
    seed: int,
) -> list[Input]:
    """The inputs that one sensor's link brings."""
    site = info.sensor
    part = device(site, info.rate, seconds, faults, seed)
    q, p = worn(site, legs, moving, notes, who, errors, faults.slip, seed)
    force, omega = jolted(site, notes, moving.rate, *ideal(q, p, moving.rate), seed)

    def raw(times: list[Floats]) -> list[Raw]:
        out = []
        for t in times:
            acc = sampled(force, moving.rate, t, part.interval, ends=False)
            gyr = sampled(omega, moving.rate, t, part.interval, ends=True)
            out.append(quantise(info, *imperfect(site, acc, gyr, t, part.interval, errors, seed)))
        return out

    return transmit(raw, info, part, n, faults, seed)


BANDS_SENSORS = ("upper_back", "thoracolumbar", "sacrum", "wrist", "upper_arm")


def bands_session(
    seed: int, mix: str = "default", sensors: Sequence[str] = BANDS_SENSORS, bias_captured: bool = True
) -> Simulated:
    """A session of 4 to 6 minutes with every activity in it, for the measurement of the bands over many seeds."""
    faults = Faults(bias_captured=bias_captured)
    return simulate(
        "bands", seed=seed, sensors=sensors, samples_per_packet=10, faults=faults, mix=mix, internal_rate=200.0
    )
