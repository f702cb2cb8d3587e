"""Break the package on purpose, one rule at a time, and see tests fail: ``python tests/bench/mutants.py [part ...]``.

Each mutant is one edit of a copy of the package; it is caught when its tests fail, by default ``tests/properties``.
A ``part`` of a file's name takes the mutants of that file alone.  Exit 1 if one survives.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
COACHED = "tests/properties/test_law_coach.py"


class Mutant(NamedTuple):
    """An edit, the rule that it breaks, and where the test is that must fail."""

    rule: str
    file: str
    old: str
    new: str
    tests: str = "tests/properties"


MUTANTS = (
    Mutant(
        "a frame's data must have arrived by its deadline",
        "core/align.py",
        "there &= right[..., ARRIVED] <= deadline[:, None]",
        "there &= right[..., ARRIVED] <= deadline[:, None] + 10**12",
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
        "there = right[..., START] == 0.0",
        "there = np.broadcast_to(right[-1:, :, START] == 0.0, right.shape[:2]).copy()",
    ),
    Mutant(
        "nothing starts from the statistics of a chunk",
        "core/orientation.py",
        "rate = s.gyr - self.bias if self.bias is not None else s.gyr",
        "rate = s.gyr - 1e-6 * s.gyr.mean(axis=0)",
    ),
    Mutant(
        "only chunk-invariant arithmetic: no matrix product",
        "core/segments.py",
        "        np.multiply(parts[0], axes[..., 0:1], out=body)\n"
        "        body += parts[1] * axes[..., 1:2]\n"
        "        body += parts[2] * axes[..., 2:3]\n",
        "        body[:] = (axes.transpose(1, 0, 2) @ parts[:3].transpose(1, 0, 2)).transpose(1, 0, 2)\n",
    ),
    Mutant(
        "a running sum carries its last value into the next chunk",
        "core/angles.py",
        "yaw, self.situation.yaw = leaky_sum(steps, self.index, self.situation.yaw)",
        "yaw, _ = leaky_sum(steps, self.index, self.situation.yaw)",
    ),
    Mutant(
        "a gap that lies between two chunks is a gap",
        "core/gaps.py",
        "before, self.last = self.last, s",
        "before, self.last = self.last, None",
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
        "if last >= refit_at or t_first <=",
        "if (last >= refit_at and i) or t_first <=",
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
    Mutant(
        "the body stage goes on from where the coach changed its mind",
        "core/session.py",
        "            self.body.skip(rows)\n",
        "",
        COACHED,
    ),
    Mutant(
        "the body stage is taken back before it goes on from there",
        "core/session.py",
        "            self.body = kept\n",
        "",
        COACHED,
    ),
    Mutant(
        "angles beyond a change of posture or set are thrown away",
        "core/session.py",
        "        if done < end:\n",
        "        if False:\n",
        COACHED,
    ),
    Mutant(
        "cells of frames that will come again are forgotten",
        "core/session.py",
        "            self.coach.cells.back()\n",
        "            pass\n",
        COACHED,
    ),
    Mutant(
        "the coach counts no frame twice",
        "core/session.py",
        "            self.coach = kept\n",
        "",
        COACHED,
    ),
    Mutant(
        "a short block ends with its cell, where decisions fall",
        "core/session.py",
        "_within_cell(f, done, min(done + reach, n))",
        "min(done + reach, n)",
        COACHED,
    ),
    Mutant(
        "the guards judge a scene with the frames of that scene",
        "core/session.py",
        "if scene != following:",
        "if scene != following:\n                end = len(f.index)",
        COACHED,
    ),
    Mutant(
        "what two parts of the state share, their copies share",
        "core/snapshot.py",
        "if id(value) not in done:",
        "if True:",
        "tests/unit/test_coach.py",
    ),
    Mutant(
        "a copy of the state does not change with the original",
        "core/snapshot.py",
        "return value.copy() if value.flags.writeable else value",
        "return value",
        "tests/unit/test_snapshot.py",
    ),
    Mutant(
        "a list of the state is copied with what is in it",
        "core/snapshot.py",
        "return copy(value) if plain else [_copied(v, shared, done) for v in value]",
        "return copy(value)",
        COACHED,
    ),
    Mutant(
        "a set that stillness opened has not begun before something is done",
        "core/coach.py",
        "begun = self.book is None or self.book.begun",
        "begun = True",
        "tests/unit/test_coach.py",
    ),
    Mutant(
        "the scene says it when the set has begun",
        "core/coach.py",
        "or (self.book is not None and self.book.begun != self.scene.begun):",
        "or False:",
        "tests/unit/test_coach.py",
    ),
    Mutant(
        "nothing is said aloud before a set is known to have begun",
        "core/guards.py",
        'if scene.posture == "transition" or not scene.begun:',
        'if scene.posture == "transition":',
        "tests/unit/test_guards.py",
    ),
    Mutant(
        "where only samples are counted, a link that was down begins a new stream",
        "core/decode.py",
        'if back and self.driver.clock == "index":',
        "if False:",
        "tests/contracts/test_driver_clocks.py",
    ),
    Mutant(
        "where only samples are counted, no packet passes a link that came back",
        "core/decode.py",
        'wary = self.driver.clock == "index"',
        "wary = False",
        "tests/contracts/test_driver_clocks.py",
    ),
    Mutant(
        "what is computed has been recorded before",
        "live.py",
        "            self.recorder.write(items)\n"
        "        if self.pipeline is not None:\n"
        "            self._tell(self.pipeline.push(items))\n",
        "            pass\n"
        "        if self.pipeline is not None:\n"
        "            self._tell(self.pipeline.push(items))\n"
        "        if self.recorder is not None:\n"
        "            self.recorder.write(items)\n",
        "tests/unit/test_live_session.py",
    ),
)


def caught(mutant: Mutant, folder: Path) -> str:
    """The first test that fails on a copy with this edit, "" when none does."""
    target = folder / "imu_coach" / mutant.file
    source = target.read_text(encoding="utf-8")
    if source.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.file}: {source.count(mutant.old)} places match {mutant.old!r}; renew the mutant")
    target.write_text(source.replace(mutant.old, mutant.new), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", mutant.tests]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    target.write_text(source, encoding="utf-8")
    if result.returncode > 1:
        raise SystemExit(f"{mutant.file}: {mutant.tests} could not be run\n{result.stdout[-2000:]}{result.stderr}")
    found = re.search(r"^FAILED (?:\S*/)?(\S+)", result.stdout, re.MULTILINE)
    return "" if result.returncode == 0 else found[1] if found else "?"


def main(parts: Sequence[str]) -> int:
    """Print one line per mutant."""
    survived = 0
    mutants = [m for m in MUTANTS if not parts or any(part in m.file for part in parts)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("imu_coach", "tests"):
            shutil.copytree(ROOT / part, folder / part)
        shutil.copy(ROOT / "pyproject.toml", folder)
        for mutant in mutants:
            test = caught(mutant, folder)
            survived += not test
            sys.stdout.write(f"{'caught  ' if test else 'SURVIVED'}  {mutant.file:20s} {mutant.rule}  [{test}]\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(mutants) - survived} of {len(mutants)} caught\n")
    return 1 if survived else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
