"""Kill a live session at random moments, and see what of it is on the disk.

Virtual sensors run all the while; for each moment a session is begun, watched, and killed (SIGKILL)::

    python tests/bench/kill.py            fifty moments, about eight minutes
    python tests/bench/kill.py --times 5
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from imu_coach.recording import Recording

PROGRAM = [sys.executable, "-m", "imu_coach.cli"]


def killed(out: Path, after: float) -> float:
    """Session time (s) that was shown when the program was killed, so many s after its first frame."""
    program = subprocess.Popen(
        [*PROGRAM, "live", "--virtual", "--json", "-o", str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert program.stdout is not None
    shown, until = 0.0, float("inf")
    for text in program.stdout:
        line = json.loads(text)
        if line["type"] == "frame":
            shown, until = line["t_s"], min(until, time.monotonic() + after)
        if time.monotonic() >= until:
            break
    program.send_signal(signal.SIGKILL)
    program.wait(10)
    program.stdout.close()
    return shown


def main() -> int:
    """Run it; 1 when a file does not open or more than 1.0 s is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    draw, missing = random.Random(args.seed), []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IMU_COACH_RUNTIME"] = folder
        air = subprocess.Popen([*PROGRAM, "virtual", "--python"], stderr=subprocess.PIPE, text=True)
        assert air.stderr is not None
        next(text for text in air.stderr if "another terminal" in text)
        for k in range(args.times):
            out = Path(folder) / f"{k}.mcap"
            shown = killed(out, draw.uniform(0.0, 5.0))
            last = max(item.arrived_ns for item in Recording.open(out).inputs()) / 1e9
            missing.append(shown - last)
            out.unlink()
        air.send_signal(signal.SIGINT)
        air.wait(20)
    worst = max(missing)
    sys.stdout.write(f"{args.times} kills, every file opens; shown and not on the disk: at most {worst:.2f} s\n")
    return int(worst > 1.0)


if __name__ == "__main__":
    sys.exit(main())
