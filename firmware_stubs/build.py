"""Build and test the firmware: host with sanitizers, glue syntax, Cortex-M sizes, an emulated Cortex-M4, a sketch.

::

    python3 firmware_stubs/build.py            everything whose tools are here
    python3 firmware_stubs/build.py host emulate
    python3 firmware_stubs/build.py sketch --out FOLDER/xiao_nrf52840

It needs Python and a C compiler; ``arm-none-eabi-gcc`` (with newlib) and ``qemu-system-arm`` for the rest (Debian:
``apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm``).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "tests"))

import header  # noqa: E402

C99 = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Werror", "-pedantic")
SANITIZE = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
CORES = {"M0+": "cortex-m0plus", "M4": "cortex-m4", "M33": "cortex-m33"}
TESTS = {
    "core": ("core/*.c",),
    "lsm6ds3trc": ("drivers/*.c",),
    "app": ("core/*.c", "glue/app.c"),
}
"""Test programs, and what they are made of besides tests/test_NAME.c."""
PARTS = {"core": ("core/*.c",), "lsm6ds3trc": ("drivers/*.c",), "app": ("glue/app.c",)}
FOLDERS = ("core", "drivers", "glue", "tests")


class Missing(Exception):
    """A tool that is not here."""


class Wrong(Exception):
    """A step that did not go well; the text is what the tool printed."""


def tool(*names: str) -> str:
    """The first of these programs that is here."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        raise Missing(f"{names[0]} is not here")
    return found


def run(command: Sequence[str], seconds: float = 300) -> str:
    """What it prints; raises :class:`Wrong`."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, cwd=HERE)
    if done.returncode != 0:
        raise Wrong(f"{' '.join(command)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def files(patterns: Sequence[str]) -> list[str]:
    """Source files, in order."""
    return [str(path) for pattern in patterns for path in sorted(HERE.glob(pattern))]


def includes(out: Path, *more: str) -> list[str]:
    """Where headers are; makes that of the examples."""
    header.write(HERE / "vectors.json", out / "vectors.h")
    return [f"-I{HERE / folder}" for folder in (*FOLDERS, *more)] + [f"-I{out}"]


def sanitizing(out: Path) -> str:
    """The C compiler, when its sanitizers work here."""
    compiler, probe = tool("cc", "gcc", "clang"), out / "probe.c"
    probe.write_text("int main(void) { return 0; }\n", "utf-8")
    try:
        run([compiler, *SANITIZE, str(probe), "-o", str(out / "probe")])
        run([str(out / "probe")])
    except Wrong as wrong:
        raise Missing(f"{compiler} has no sanitizers that work here") from wrong
    return compiler


def host(out: Path) -> str:
    """Every test with the address and undefined behaviour sanitizers."""
    compiler, told = sanitizing(out), ""
    for name, parts in TESTS.items():
        program = out / f"test_{name}"
        sources = files((*parts, f"tests/test_{name}.c"))
        run([compiler, *C99, *SANITIZE, *includes(out), *sources, "-o", str(program)])
        told += run([str(program)])
    return told


def glue(out: Path) -> str:
    """The syntax and types of the boards' glue, against the small headers in tests/mini."""
    own = includes(out, "tests/mini")
    run([tool("cc", "gcc", "clang"), *C99, "-fsyntax-only", *own, *files(("glue/second_board/*.c",))])
    sketch = str(HERE / "glue/xiao_nrf52840/xiao_nrf52840.ino")
    flags = ("-std=c++11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-fsyntax-only")
    run([tool("c++", "g++", "clang++"), *flags, *own, "-x", "c++", sketch])
    return "glue: both boards are sound in syntax and types (never run on hardware)\n"


def size(out: Path, name: str, cpu: str) -> str:
    """Code and data of one part on one processor."""
    objects = []
    for source in files(PARTS[name]):
        objects.append(str(out / f"{Path(source).stem}-{cpu}.o"))
        flags = (f"-mcpu={cpu}", "-mthumb", "-Os", "-ffreestanding", "-ffunction-sections")
        run([tool("arm-none-eabi-gcc"), *C99, *flags, *includes(out), "-c", source, "-o", objects[-1]])
    lines = run([tool("arm-none-eabi-size"), "-t", *objects]).splitlines()
    text, data, bss = lines[-1].split()[:3]
    return f"{name}: {text} bytes of code and constants, {int(data) + int(bss)} of memory"


def cross(out: Path) -> str:
    """Sizes on three processors."""
    told = [f"{title:4}{size(out, name, cpu)}\n" for title, cpu in CORES.items() for name in PARTS]
    return "".join(told)


def emulate(out: Path) -> str:
    """The same tests on an emulated Cortex-M4."""
    qemu, compiler, told = tool("qemu-system-arm"), tool("arm-none-eabi-gcc"), ""
    if not Path(run([compiler, "-print-file-name=rdimon.specs"]).strip()).is_absolute():
        raise Missing("newlib for arm-none-eabi is not here")
    for name, parts in TESTS.items():
        program = out / f"{name}.elf"
        sources = files((*parts, f"tests/test_{name}.c", "tests/m4/start.c"))
        link = ("--specs=rdimon.specs", "-nostartfiles", f"-T{HERE / 'tests/m4/mps2.ld'}")
        flags = ("-mcpu=cortex-m4", "-mthumb", "-Os", "-g")
        run([compiler, *C99, *flags, *includes(out), *sources, *link, "-o", str(program)])
        machine = ("-M", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none")
        told += "on an emulated Cortex-M4: "
        told += run([qemu, *machine, "-semihosting-config", "enable=on,target=native", "-kernel", str(program)])
    return told


def sketch(out: Path) -> str:
    """One folder for the Arduino IDE, which wants everything beside the sketch."""
    out.mkdir(parents=True, exist_ok=True)
    wanted = files(("core/*.[ch]", "drivers/*.[ch]", "glue/*.[ch]", "glue/xiao_nrf52840/*.ino"))
    for source in wanted:
        shutil.copy(source, out)
    return f"sketch: {len(wanted)} files in {out}\n"


STEPS: dict[str, Callable[[Path], str]] = {"host": host, "glue": glue, "cross": cross, "emulate": emulate}


def main() -> int:
    """0: all went well; 1: something did not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("steps", nargs="*", default=[], help=f"{', '.join(STEPS)} or sketch; all but sketch")
    parser.add_argument("--out", type=Path, help="folder for what is made (default: one that is removed again)")
    args = parser.parse_args()
    unknown = set(args.steps) - {*STEPS, "sketch"}
    if unknown or ("sketch" in args.steps and args.out is None):
        parser.error(f"unknown: {', '.join(unknown)}" if unknown else "sketch needs --out FOLDER")
    bad = 0
    for name in args.steps or STEPS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                told = sketch(args.out) if name == "sketch" else STEPS[name](args.out or Path(folder))
            except Missing as missing:
                told = f"{name}: skipped, {missing}\n"
            except Wrong as wrong:
                told, bad = f"{name}: {wrong}\n", 1
        sys.stdout.write(told)
    return bad


if __name__ == "__main__":
    sys.exit(main())
