"""The firmware: its C tests with sanitizers and on an emulated Cortex-M4, and the same bytes from C and from Python."""

from __future__ import annotations

import importlib.util
import re
import struct
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sensor_vectors import FIRMWARE, VECTORS, call, ctrl, data, make, names, sync

from imu_coach.virtual.core import Core
from imu_coach.virtual.firmware import Firmware, FirmwareMissing, build, load
from imu_coach.virtual.packetiser import Packetiser


def module(path: Path) -> ModuleType:
    """A script, imported."""
    spec = importlib.util.spec_from_file_location(f"firmware_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


BUILD = module(FIRMWARE / "build.py")


def step(name: str, folder: Path) -> str:
    """What a step of the build prints; skips where a tool is missing."""
    try:
        return str(BUILD.STEPS[name](folder))
    except BUILD.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def compiled() -> None:
    """Skips where the C core cannot be compiled."""
    try:
        load()
    except FirmwareMissing as missing:
        pytest.skip(str(missing))


# --- the C tests ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["host", "emulate"])
def test_c(name: str, tmp_path: Path) -> None:
    told = step(name, tmp_path).splitlines()
    assert len(told) == len(BUILD.TESTS)
    for line in told:
        assert line.endswith(" checks, 0 do not hold")


def test_glue_is_sound_in_syntax(tmp_path: Path) -> None:
    assert "never run on hardware" in step("glue", tmp_path)


def test_it_fits_small_processors(tmp_path: Path) -> None:
    """A quarter of the smallest chips' flash (64 kB) is far more than this."""
    lines = step("cross", tmp_path).splitlines()
    assert len(lines) == 3 * len(BUILD.PARTS)
    for line in lines:
        code = int(line.split(": ")[1].split()[0])
        assert 0 < code < 6000, line


def test_every_example_is_in_the_header(tmp_path: Path) -> None:
    header = BUILD.header.tables(VECTORS)
    for kind in ("info", "data", "ctrl", "sync", "streams"):
        for name in names(kind):
            assert f'"{kind}: {name}"' in header


def test_every_c_file_says_what_it_is_and_is_no_longer_than_others() -> None:
    sources = [p for p in FIRMWARE.rglob("*") if p.suffix in (".c", ".h", ".ino")]
    assert len(sources) > 20
    for path in sources:
        lines = path.read_text("utf-8").splitlines()
        assert re.match(rf"/\* ({path.stem}|{path.name}|{path.parent.name})\b", lines[0]), path
        assert len(lines) <= 350
        assert max(map(len, lines)) <= 120


def test_glue_says_that_it_never_ran() -> None:
    boards = [p for p in (FIRMWARE / "glue").rglob("*") if p.parent.name != "glue" and p.is_file()]
    assert {p.parent.name for p in boards} == {"xiao_nrf52840", "second_board"}
    assert all("NEVER RUN ON HARDWARE" in p.read_text("utf-8") for p in boards)


def test_a_sketch_is_one_folder(tmp_path: Path) -> None:
    told = BUILD.sketch(tmp_path / "xiao_nrf52840")
    made = {p.name for p in (tmp_path / "xiao_nrf52840").iterdir()}
    assert {"xiao_nrf52840.ino", "app.c", "imuc.c", "stream.c", "lsm6ds3trc.c"} <= made
    assert str(len(made)) in told


# --- the examples ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("case", VECTORS["info"], ids=names("info"))
def test_info(case: dict[str, Any]) -> None:
    assert make(Firmware, case["sensor"]).info.hex() == case["payload"]


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("case", VECTORS["data"], ids=names("data"))
def test_data(case: dict[str, Any]) -> None:
    assert data(make(Firmware, case["sensor"]), case) == case["payload"]


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("case", VECTORS["ctrl"], ids=names("ctrl"))
def test_ctrl(case: dict[str, Any]) -> None:
    assert ctrl(make(Firmware, case["sensor"]), case) == [step["reply"] for step in case["steps"]]


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("case", VECTORS["sync"], ids=names("sync"))
def test_sync(case: dict[str, Any]) -> None:
    assert sync(make(Firmware, "standard"), case) == (case["wait"], case["reply"])


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("case", VECTORS["streams"], ids=names("streams"))
def test_stories(case: dict[str, Any]) -> None:
    core = make(Firmware, case["sensor"])
    for i, step in enumerate(case["calls"]):
        got, wanted = call(core, step)
        assert got == wanted, f"call {i}: {step}"


# --- the same from both, whatever is called -------------------------------------------------------------------------

Call = tuple[str, tuple[Any, ...], int]
COUNTS = st.tuples(*[st.integers(-32768, 32767)] * 6)
START = st.builds(
    lambda r, n: struct.pack("<BHB", 1, r, n), st.sampled_from((16, 52, 100, 208, 209)), st.integers(0, 50)
)
RESUME = st.builds(lambda seq: struct.pack("<BH", 6, seq % 65536), st.integers(-20, 300))
WRITE = st.one_of(START, RESUME, st.just(b"\x03"), st.binary(max_size=6))
STEPS = st.sampled_from((4807, 10_000, 62_500, 200_000))
REQUEST = st.one_of(st.binary(max_size=8), st.binary(min_size=5, max_size=5).map(lambda b: b"\x01" + b))


def calls() -> st.SearchStrategy[list[Call]]:
    """Calls with arguments and the time (us) that passes before each; times are put in by :func:`play`."""
    later = st.one_of(st.integers(0, 30_000), st.sampled_from((0, 9615, 62_500, 2_000_000, 600_000_001)))
    one = st.one_of(
        st.tuples(st.just("push"), st.tuples(COUNTS), later),
        st.tuples(
            st.just("run"), st.tuples(st.integers(1, 120), st.sampled_from((4807, 10_000, 62_500, 200_000))), later
        ),
        st.tuples(st.just("drain"), st.tuples(st.integers(1, 8)), later),
        st.tuples(st.sampled_from(("peek", "sent", "connected", "disconnected")), st.just(()), later),
        st.tuples(st.just("set_mtu"), st.tuples(st.sampled_from((0, 23, 25, 50, 185, 247, 517))), later),
        st.tuples(st.just("control"), st.tuples(WRITE), later),
        st.tuples(st.just("tap"), st.tuples(st.integers(0, 5), st.integers(0, 3_000_000)), later),
        st.tuples(st.just("sync"), st.tuples(REQUEST, st.integers(0, 65535)), later),
        st.tuples(st.sampled_from(("sync_reply", "tick")), st.just(()), later),
        st.tuples(st.just("battery"), st.tuples(st.integers(0, 255)), later),
    )
    return st.lists(one, max_size=60)


def play(core: Core, story: list[Call], t_us: int) -> list[Any]:
    """Everything that can be seen of a core that is called like this."""
    seen: list[Any] = []
    core.connected()
    core.set_mtu(247)
    seen.append(core.control(struct.pack("<BHB", 1, 100, 4), t_us))
    for name, arguments, later in story:
        t_us += later
        if name == "run":
            for k in range(arguments[0]):
                t_us += arguments[1]
                core.push((k, -k, 2048, 0, 1, -1), t_us)
        elif name == "drain":
            for _ in range(arguments[0]):
                seen.append(core.peek())
                core.sent()
        elif name == "battery":
            core.battery = arguments[0]
        elif name == "tap":
            core.tap(arguments[0], max(0, t_us - arguments[1]))
        elif name == "sync":
            seen.append(core.sync(arguments[0], t_us, arguments[1]))
        else:
            times = (t_us,) if name in ("push", "control", "sync_reply", "tick") else ()
            seen.append(getattr(core, name)(*arguments, *times))
        seen.append((core.rate, core.led, core.haptic, core.battery))
    return [*seen, core.control(b"\x03", t_us), core.peek(), core.info]


@pytest.mark.usefixtures("compiled")
@settings(max_examples=400)
@given(
    calls(),
    st.sampled_from((128, 200, None)),
    st.sampled_from((15, 15, 0, 4, 11)),
    st.sampled_from((0, 2**32 - 3_000_000, 2**48)),
)
def test_both_give_the_same(story: list[Call], store: int | None, features: int, t_us: int) -> None:
    options: dict[str, Any] = {"features": features, "store": store}
    assert play(Firmware(3, **options), story, t_us) == play(Packetiser(3, **options), story, t_us)


# --- where it cannot be built ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Packetiser, Firmware])
@pytest.mark.usefixtures("compiled")
def test_a_clock_that_goes_back_a_little_is_no_absence(kind: type[Packetiser] | type[Firmware]) -> None:
    """Whoever empties an IMU's FIFO after a tick tells of samples from before it."""
    core = kind(1)
    core.connected()
    core.set_mtu(247)
    core.control(bytes([1, 100, 0, 4]), 5_000_000)
    core.disconnected()
    core.tick(6_000_000)
    core.push([0] * 6, 5_999_999)
    assert core.rate == 100
    core.tick(6_000_000 + 601_000_000)
    assert core.rate == 0


def test_without_sources_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(FirmwareMissing, match="not in the installed package"):
        build(tmp_path, tmp_path, "cc")


def test_without_a_compiler_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(FirmwareMissing, match="no C compiler"):
        build(FIRMWARE / "core", tmp_path, None)


def test_a_compiler_that_does_not_work_is_named(tmp_path: Path) -> None:
    with pytest.raises(FirmwareMissing, match="no-such-compiler gave an error"):
        build(FIRMWARE / "core", tmp_path, "no-such-compiler")
    assert not list(tmp_path.glob("*.so"))


@pytest.mark.usefixtures("compiled")
def test_it_is_compiled_once_for_the_same_sources(tmp_path: Path) -> None:
    sources = tmp_path / "core"
    sources.mkdir()
    for path in (FIRMWARE / "core").glob("*.[ch]"):
        (sources / path.name).write_bytes(path.read_bytes())
    first = build(sources, tmp_path / "cache", "cc")
    assert build(sources, tmp_path / "cache", None) == first
    with (sources / "imuc.c").open("a") as file:
        file.write("/* changed */\n")
    assert build(sources, tmp_path / "cache", "cc") != first


@pytest.mark.usefixtures("compiled")
def test_bounds_are_checked_before_the_c_core_sees_them() -> None:
    with pytest.raises(ValueError, match="must be"):
        Firmware(1, store=1)
