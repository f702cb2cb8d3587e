"""Break the core on purpose, one rule at a time, and see the law tests fail: ``python tests/bench/mutants.py``.

Each mutant is one edit of a copy of the package; it is caught when ``tests/properties`` fails.  Exit 1 if one survives.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Mutant(NamedTuple):
    """An edit and the rule that it breaks."""

    rule: str
    file: str
    old: str
    new: str


MUTANTS = (
    Mutant(
        "a frame's data must have arrived by its deadline",
        "core/align.py",
        "there &= tail.arrived_ns[i1] <= deadline",
        "there &= tail.arrived_ns[i1] <= deadline + 10**12",
    ),
    Mutant(
        "a frame at the time of the newest input is still undecided",
        "core/align.py",
        "return min(passed, (host_ns - 1) // STEP_NS + 1)",
        "return passed",
    ),
    Mutant(
        "no attitude across a restart of the filter",
        "core/align.py",
        "there = (right == i1) & (i1 > i0) & ~tail.start[i1]",
        "there = (right == i1) & (i1 > i0) & ~tail.start[-1]",
    ),
    Mutant(
        "nothing starts from the statistics of a chunk",
        "core/orientation.py",
        "rate = s.gyr[a:b] - self.bias if self.bias is not None else s.gyr[a:b]",
        "rate = s.gyr[a:b] - 1e-6 * s.gyr[a:b].mean(axis=0)",
    ),
    Mutant(
        "only chunk-invariant arithmetic: no matrix product",
        "core/calibrate.py",
        "return quat.dot(v, self.x), quat.dot(v, self.y), quat.dot(v, self.z)",
        "return v @ self.x, v @ self.y, v @ self.z",
    ),
    Mutant(
        "a running sum carries its last value into the next chunk",
        "core/angles.py",
        "yaw, self.situation.yaw = leaky_sum(steps, self.table.index, self.situation.yaw)",
        "yaw, _ = leaky_sum(steps, self.table.index, self.situation.yaw)",
    ),
    Mutant(
        "a gap that lies between two chunks is a gap",
        "core/gaps.py",
        "self.last = _rows(s, slice(-1, None))",
        "self.last = None",
    ),
    Mutant(
        "a start whose sample was dropped is not forgotten",
        "core/orientation.py",
        "if self.filter is None and len(start):",
        "if False:",
    ),
    Mutant(
        "a command acts at its frame, not when it is read",
        "core/body.py",
        "while self.commands and self.commands[0][0] <= frame:",
        "while self.commands:",
    ),
    Mutant(
        "a pose ends at its frame",
        "core/body.py",
        "for window in [w for w in self.windows if w.end <= frame]:",
        "for window in [w for w in self.windows if w.end <= frame + 7 * (frame % 2)]:",
    ),
    Mutant(
        "slip blocks are counted from the context, not from the chunk",
        "core/slip.py",
        "self.rows = rows[whole * BLOCK :]",
        "self.rows = rows[:0]",
    ),
    Mutant(
        "events come out in the order of the frames that decided them",
        "core/pipeline.py",
        "e.decided < self.aligner.next]",
        "e.decided < self.aligner.next + 500]",
    ),
    Mutant(
        "a refit of the clock moves later packets only",
        "core/decode.py",
        "            if last >= refit_at:\n                break\n",
        "            if last >= refit_at and i > begun:\n                break\n",
    ),
    Mutant(
        "the clock sees exchanges in their order among the packets",
        "core/decode.py",
        "others.append((len(payloads), item))",
        "others.append((0, item))",
    ),
    Mutant(
        "a capture ends by its samples, not by the chunk",
        "core/orientation.py",
        "elif host_ns > late:",
        "elif len(s.t):",
    ),
    Mutant(
        "presence is judged from frames, not from chunks",
        "core/presence.py",
        "if before >= 0 and back - before > PATIENCE:",
        "if before >= 0 and back - before > PATIENCE and back > present[0]:",
    ),
)


def caught(mutant: Mutant, folder: Path) -> bool:
    """Whether the law tests fail on a copy with this edit."""
    target = folder / "imu_coach" / mutant.file
    source = target.read_text(encoding="utf-8")
    if source.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.file}: {source.count(mutant.old)} places match {mutant.old!r}; renew the mutant")
    target.write_text(source.replace(mutant.old, mutant.new), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "tests/properties"]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    target.write_text(source, encoding="utf-8")
    return result.returncode == 1


def main() -> int:
    """Print one line per mutant."""
    survived = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("imu_coach", "tests/properties"):
            shutil.copytree(ROOT / part, folder / part)
        shutil.copy(ROOT / "pyproject.toml", folder)
        for mutant in MUTANTS:
            found = caught(mutant, folder)
            survived += not found
            sys.stdout.write(f"{'caught  ' if found else 'SURVIVED'}  {mutant.file:22s} {mutant.rule}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(MUTANTS) - survived} of {len(MUTANTS)} caught\n")
    return 1 if survived else 0


if __name__ == "__main__":
    raise SystemExit(main())
