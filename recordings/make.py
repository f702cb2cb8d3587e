"""Makes the shipped recordings anew: ``python recordings/make.py``.  All of them are synthetic."""

from __future__ import annotations

from pathlib import Path

from imu_coach.recording import Recording
from imu_coach.synthetic import sessions

HERE = Path(__file__).parent
KILLED = "seated_rotation", 0.62
"""The session whose recorder is killed, and the share of the file that had reached the disk."""


def main() -> None:
    """One recording and its truth per session, and the killed recorder's."""
    for name, simulated in sessions():
        path = HERE / f"{name}.mcap"
        Recording.of(simulated.header, simulated.inputs).save(path, overwrite=True)
        simulated.truth.to_csv(HERE / f"{name}.truth.csv")
        if name == KILLED[0]:
            data = path.read_bytes()
            (HERE / "killed_recorder.mcap").write_bytes(data[: int(KILLED[1] * len(data))])


if __name__ == "__main__":
    main()
