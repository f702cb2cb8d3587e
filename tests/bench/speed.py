"""Speed and size, as ratios within one process: ``python tests/bench/speed.py [--json FILE] [--minutes M]``.

The yardstick is ``VQF.updateBatch`` on the same whole arrays.  CPU time, the best of several rounds in turn.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import vqf

from imu_coach import catalogue, config, planner, rules, synthetic
from imu_coach.core.book import OPEN
from imu_coach.core.filters import OTHERS
from imu_coach.core.pipeline import Pipeline
from imu_coach.exercise import Plan
from imu_coach.recording import Recording
from imu_coach.run import CHUNK, stream
from imu_coach.settings import Setup
from imu_coach.synthetic import Step
from imu_coach.types import Input, Packet

SENSORS = ("upper_back", "sacrum", "wrist")
RATE = 100.0
TOGETHER = 0.012
"""s that a live session waits for the packets of the other sensors."""


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def session(minutes: float, samples_per_packet: int) -> synthetic.Simulated:
    """A long session: one start, then bends and pushbacks until the time is over."""
    steps = [*synthetic.START]
    for _ in range(max(1, round(minutes / 1.35))):
        steps += [Step("bend", reps=4), Step("stand_quiet", seconds=10), Step("pushback", reps=8)]
    return synthetic.simulate(
        steps, seed=1, sensors=SENSORS, samples_per_packet=samples_per_packet, internal_rate=200.0, coached=True
    )


def coached(simulated: synthetic.Simulated) -> Setup:
    """With a coach that leads the pushbacks, and with guards."""
    item = planner.single(catalogue.exercise("triceps_pushback")).items[0]._replace(sets=(1, OPEN), rest=(5.0, 60.0))
    plan = Plan("bench", "bench", (item,), practice=False)
    return replace(config.setup(simulated.header), plan=plan, rules=rules.load())


def pipeline(simulated: synthetic.Simulated, setup: Setup) -> None:
    """Packets in memory to angles."""
    p = Pipeline(simulated.header, setup)
    for a in range(0, len(simulated.inputs), CHUNK):
        p.push(simulated.inputs[a : a + CHUNK])
    p.flush()


def read(path: Path) -> int:
    """The file alone."""
    return sum(len(chunk) for chunk in Recording.open(path).chunks())


def live(simulated: synthetic.Simulated, setup: Setup) -> float:
    """Median milliseconds of one packet through ``push``."""
    p = Pipeline(simulated.header, setup)
    middle = len(simulated.inputs) // 2
    p.push(simulated.inputs[:middle])
    took = []
    for item in simulated.inputs[middle : middle + 3000]:
        begin = time.perf_counter()
        p.push([item])
        if isinstance(item, Packet):
            took.append(time.perf_counter() - begin)
    return 1e3 * float(np.median(took))


def rounds(inputs: Sequence[Input], seconds: float) -> list[list[Input]]:
    """Inputs as a live session takes them: the first, and what comes within so many seconds after it."""
    taken: list[list[Input]] = []
    end = -1
    for item in inputs:
        if item.arrived_ns > end:
            taken.append([])
            end = item.arrived_ns + round(1e9 * seconds)
        taken[-1].append(item)
    return taken


def live_rounds(simulated: synthetic.Simulated, setup: Setup) -> tuple[float, float]:
    """Median CPU milliseconds of a push that holds a packet of every sensor; CPU per second of a live session, %."""
    p = Pipeline(simulated.header, setup)
    middle = len(simulated.inputs) // 2
    p.push(simulated.inputs[:middle])
    rest = simulated.inputs[middle : middle + 6000]
    took = []
    for items in rounds(rest[:3000], 3.5 / RATE):
        spent = cpu(lambda items=items: p.push(items))  # type: ignore[misc]
        if {item.sensor for item in items if isinstance(item, Packet)} == set(SENSORS):
            took.append(spent)
    seconds = 1e-9 * (rest[-1].arrived_ns - rest[3000].arrived_ns)
    share = cpu(lambda: [p.push(items) for items in rounds(rest[3000:], TOGETHER)]) / seconds
    return 1e3 * float(np.median(took)), 100.0 * share


def raw_bytes(inputs: list[Input]) -> int:
    """Payload bytes of the packets."""
    return sum(len(i.payload) for i in inputs if isinstance(i, Packet))


def measure(minutes: float, samples_per_packet: int, rounds: int) -> dict[str, float]:
    """All figures."""
    simulated = session(minutes, samples_per_packet)
    n = int(simulated.inputs[-1].arrived_ns * 1e-9 * RATE)
    rng = np.random.default_rng(0)
    gyr, acc = 0.5 * rng.standard_normal((n, 3)), np.array([0.0, 9.81, 0.0]) + 0.3 * rng.standard_normal((n, 3))
    few = 2000
    madgwick, dt = OTHERS["madgwick"](1.0 / RATE), np.full(few, 1.0 / RATE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "session.mcap"
        Recording.of(simulated.header, simulated.inputs).save(path)
        size = path.stat().st_size
        yard, pipe, coach, file, slow = [], [], [], [], []
        plain, full = config.setup(simulated.header), coached(simulated)
        for _ in range(rounds):
            yard.append(cpu(lambda: [vqf.VQF(1.0 / RATE).updateBatch(gyr, acc) for _ in SENSORS]))
            pipe.append(cpu(lambda: pipeline(simulated, plain)))
            coach.append(cpu(lambda: pipeline(simulated, full)))
            file.append(cpu(lambda: read(path)))
            slow.append(cpu(lambda: madgwick.push(gyr[:few], acc[:few], dt)) * n / few * len(SENSORS))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in stream(Recording.open(path), config.setup(simulated.header)):
            pass
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    round_ms, share = live_rounds(simulated, full)
    ahrs_total = min(slow) + max(0.0, min(pipe) - min(yard))  # the same angles with the filter exchanged
    return {
        "minutes": n / RATE / 60.0,
        "samples_per_packet": samples_per_packet,
        "vqf_updateBatch_cpu_s": min(yard),
        "packets_to_angles_over_vqf": min(pipe) / min(yard),
        "reading_the_file_over_vqf": min(file) / min(yard),
        "ahrs_madgwick_over_packets_to_angles": ahrs_total / min(pipe),
        "with_coach_and_guards_over_vqf": min(coach) / min(yard),
        "live_packet_median_ms": live(simulated, plain),
        "live_packet_with_coach_median_ms": live(simulated, full),
        "live_round_of_packets_with_coach_median_cpu_ms": round_ms,
        "live_with_coach_percent_of_a_core": share,
        "file_over_payload_bytes": size / raw_bytes(simulated.inputs),
        "streaming_replay_grows_mb": (after - before) / 1024.0,
    }


def main() -> None:
    """Print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=60.0)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    rows = [measure(given.minutes, n, given.rounds) for n in (5, 10)]
    for name in rows[0]:
        sys.stdout.write(f"{name:46s} {'  '.join(f'{row[name]:10.3f}' for row in rows)}\n")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
