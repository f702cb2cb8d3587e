"""Set up .venv the first time, then run imu-coach or the tests.

python3 dev.py replay recordings/prone_extension.mcap    this or any other imu-coach command
python3 dev.py test                                      the tests; what follows goes to pytest
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN, EXE = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
PYTHON = VENV / BIN / f"python{EXE}"
OLDEST, NEWEST = (3, 11), (3, 13)
ALL = ["-n", "auto", "--maxprocesses", "4", "--dist", "worksteal"]
"""How pytest runs all tests; with arguments of its own it runs as plain pytest."""


def set_up(extra: str) -> None:
    """Make .venv and install into it, unless that was done for this Python, this folder and these dependencies."""
    version = "{}.{}".format(*sys.version_info)
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        sys.exit(f"imu_coach runs on Python 3.11, 3.12 and 3.13. This is {version}; try: python3.13 dev.py ...")
    place = hashlib.sha256(ascii((version, str(ROOT))).encode())
    wanted = place.copy()
    for name in ("pyproject.toml", "constraints.txt"):
        wanted.update((ROOT / name).read_bytes())
    stamp = VENV / "imu_coach_installed"
    have = [*(stamp.read_text().split() if stamp.exists() and PYTHON.exists() else ()), "", ""]
    if have[0] == wanted.hexdigest() and {extra, "test"} & {*have[2:]}:  # the tests need everything
        return
    steps = [[str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-c", "constraints.txt"]]
    steps[0] += ["-e", f".[{extra}]" if extra else "."]
    if have[1] != place.hexdigest():  # none yet, one that was not finished, of another Python or moved here
        if importlib.util.find_spec("ensurepip") is None:
            sys.exit("This Python lacks ensurepip. On Debian and Ubuntu: sudo apt install python3-venv")
        steps.insert(0, [sys.executable, "-m", "venv", "--clear", str(VENV)])
    sys.stderr.write(f"Installing what imu_coach needs into {VENV}; a minute or two, once ...\n")
    for step in steps:
        if subprocess.call(step, cwd=ROOT, stdout=sys.stderr):
            sys.exit("Setting up failed; the lines above say why. It needs the network once; then run this again.")
    stamp.write_text(f"{wanted.hexdigest()} {place.hexdigest()} {extra}")


def main(arguments: "list[str]") -> None:
    """Run the tests from the project's folder, or imu-coach from here."""
    testing, virtual = arguments[:1] == ["test"], arguments[:1] == ["virtual"] or "--virtual" in arguments
    set_up("test" if testing else "sim" if virtual else "")
    if testing:
        os.chdir(ROOT)
        command = [str(PYTHON), "-m", "pytest", *(arguments[1:] or ALL)]
    else:
        command = [str(VENV / BIN / f"imu-coach{EXE}"), *arguments]
    if os.name == "posix":
        os.execv(command[0], command)  # interrupts and exit codes are those of the program
    sys.exit(subprocess.call(command))


if __name__ == "__main__":
    main(sys.argv[1:])
