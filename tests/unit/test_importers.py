"""Foreign files: every known kind is read with its units, and nothing that cannot be right gets through."""

from __future__ import annotations

import os
import re
import struct
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from imu_coach.conventions import GRAVITY
from imu_coach.errors import ConfigError, ImportFileError, ImuCoachError
from imu_coach.importers import Columns, Track, broad, layout, load, read

DATA = Path(os.environ.get("IMU_COACH_DATA", Path(__file__).parents[3] / "shared" / "data"))
data = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real recordings is not here (IMU_COACH_DATA)")

RATE = 100.0
NAMES = ("t", "ax", "ay", "az", "gx", "gy", "gz")
MS = "time=t:ms,acc=ax;ay;az:g,gyr=gx;gy;gz:deg/s"
ONE_DEGREE = np.pi / 180


def motion(n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times in s, specific force in g (length one) and rate of turn in deg/s of a slow rocking."""
    t = np.arange(n) / RATE
    tilt = 0.5 * np.sin(2 * np.pi * 0.3 * t)
    acc = np.column_stack([np.sin(tilt), np.zeros(n), np.cos(tilt)])
    gyr = np.column_stack([np.zeros(n), np.rad2deg(np.gradient(tilt, t)), np.full(n, 1.5)])
    return t, acc, gyr


def rows(n: int = 200, time: float = 1000.0, acc: float = 1.0, gyr: float = 1.0) -> list[list[str]]:
    """Cells of a table; the factors turn s, g and deg/s into other units."""
    t, a, g = motion(n)
    return [[f"{v:.6f}" for v in (x * time, *(y * acc), *(z * gyr))] for x, y, z in zip(t, a, g, strict=True)]


def write(
    folder: Path, cells: Sequence[Sequence[str]], names: Sequence[str] = NAMES, sep: str = ",", name: str = "a.csv"
) -> Path:
    path = folder / name
    path.write_text("\n".join(sep.join(row) for row in [names, *cells]) + "\n", encoding="utf-8")
    return path


def fails(path: Path, spec: str | None = MS) -> ImportFileError:
    with pytest.raises(ImportFileError) as caught:
        read(path, Columns.parse(spec) if spec else None)
    assert "\n" not in str(caught.value)
    return caught.value


def same(track: Track, n: int = 200) -> None:
    t, acc, gyr = motion(n)
    np.testing.assert_allclose(track.t - track.t[0], t[: len(track.t)], atol=2e-6)
    np.testing.assert_allclose(track.acc, acc * GRAVITY, atol=2e-5)
    np.testing.assert_allclose(track.gyr, gyr * ONE_DEGREE, atol=2e-6)


# --- options --------------------------------------------------------------------------------------------------------


def test_option_syntax() -> None:
    parsed = Columns.parse(
        'time="time (01:00)":us, acc=a;"b,x";c:m/s^2, gyr=d;e;f:dps, rate=50, separator=tab, decimal=comma'
    )
    assert parsed == Columns(("a", "b,x", "c"), ("d", "e", "f"), "m/s2", "deg/s", "time (01:00)", "us", 50.0, "\t", ",")
    assert Columns.parse("time=t,acc=a;b;c:g,gyr=d;e;f:rad/s").time_unit == "s"
    assert Columns.parse('rate=1,acc=a;b;c:g,gyr=d;e;f:rad/s,separator="#"').separator == "#"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not time="),
        ("time=t", "acc: is missing"),
        ("time=t,acc=a;b;c:g", "gyr: is missing"),
        ("time=t,acc=a;b:g,gyr=d;e;f:dps", "acc: three different columns"),
        ("time=t,acc=a;b;b:g,gyr=d;e;f:dps", "acc: three different columns"),
        ("time=t,acc=a;b;c,gyr=d;e;f:dps", "acc: the unit is missing; end it in :g or :m/s2"),
        ("time=t,acc=a;b;c:ft,gyr=d;e;f:dps", "acc: 'ft' is not known; use g, m/s2"),
        ("time=t:min,acc=a;b;c:g,gyr=d;e;f:dps", "time: 'min' is not known; use s, ms, us, ns; a name with a colon"),
        ("acc=a;b;c:g,gyr=d;e;f:dps", "time: say time=column:unit, or rate=Hz"),
        ("rate=0,acc=a;b;c:g,gyr=d;e;f:dps", "rate: a rate in Hz"),
        ("rate=nan,acc=a;b;c:g,gyr=d;e;f:dps", "rate: a rate in Hz"),
        ("rate=fast,acc=a;b;c:g,gyr=d;e;f:dps", "rate: 'fast' is not a number"),
        ("time=t,time=u,acc=a;b;c:g,gyr=d;e;f:dps", "time: given twice"),
        ("time=t;u,acc=a;b;c:g,gyr=d;e;f:dps", "time: one column"),
        ("time=t,acc=a;b;c:g,gyr=a;e;f:dps", "'a' is used twice"),
        ('time="t,acc=a;b;c:g,gyr=d;e;f:dps', "quote is not closed"),
        ("time=t,acc=a;b;c:g,gyr=d;e;f:dps,decimal=dot", "decimal: 'dot' is not known; use point, comma"),
        ("time=t,acc=a;b;c:g,gyr=d;e;f:dps,separator=xx", "separator: 'xx'"),
        ("time=t,acc=a;b;c:g,gyr=d;e;f:dps,separator=e", "separator: 'e'"),
    ],
)
def test_options_that_are_wrong(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)) as caught:
        Columns.parse(text)
    assert "\n" not in str(caught.value)


def test_load_options(tmp_path: Path) -> None:
    path = write(tmp_path, rows())
    for wrong in (
        lambda: load({}),
        lambda: load({"a": path}, sync="magic"),  # type: ignore[arg-type]
        lambda: load({"a": path, "b": path}, columns=Columns.parse(MS)),
        lambda: load({"a": path}, columns=Columns.parse(MS), sync="tap"),
        lambda: read(path, kind="spreadsheet"),
        lambda: read(path, kind="table"),
    ):
        with pytest.raises(ConfigError):
            wrong()


# --- tables that are right ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", [("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
def test_time_units(tmp_path: Path, unit: tuple[str, float]) -> None:
    same(read(write(tmp_path, rows(time=unit[1])), Columns.parse(MS.replace(":ms", f":{unit[0]}"))))


def test_units(tmp_path: Path) -> None:
    path = write(tmp_path, rows(acc=GRAVITY, gyr=ONE_DEGREE))
    same(read(path, Columns.parse("time=t:ms,acc=ax;ay;az:m/s2,gyr=gx;gy;gz:rad/s")))
    same(read(path, Columns.parse("rate=100,acc=ax;ay;az:m/s2,gyr=gx;gy;gz:rad/s")))


def test_names_are_matched_loosely_and_other_columns_are_ignored(tmp_path: Path) -> None:
    cells = [["note, more".replace(",", ""), *row, "x"] for row in rows()]
    same(read(write(tmp_path, cells, ["note", " T ", "AX", "ay", "az", "gx", "gy", "gz", "end"]), Columns.parse(MS)))


@pytest.mark.parametrize("sep", [";", "\t", "|"])
@pytest.mark.parametrize("comma", [False, True])
def test_separators_and_decimal_commas_are_found(tmp_path: Path, sep: str, comma: bool) -> None:
    cells = [[cell.replace(".", ",") if comma else cell for cell in row] for row in rows()]
    track = read(write(tmp_path, cells, sep=sep), Columns.parse(MS))
    same(track)
    assert ("decimal commas" in track.source) is comma


def test_quoted_decimal_commas(tmp_path: Path) -> None:
    cells = [['"' + cell.replace(".", ",") + '"' for cell in row] for row in rows()]
    same(read(write(tmp_path, cells), Columns.parse(MS)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, newline: str) -> None:
    names = [*NAMES[:-1], "gz [°/s]"]
    path = tmp_path / "a.csv"
    path.write_bytes(newline.join(",".join(row) for row in [names, *rows(), [], []]).encode(encoding))
    same(read(path, Columns.parse('time=t:ms,acc=ax;ay;az:g,gyr=gx;gy;"gz [°/s]":°/s')))


def test_rows_above_the_header_and_blank_rows(tmp_path: Path) -> None:
    lines = ["sep=,", "made by,x", "", ",".join(NAMES), "", *(",".join(row) for row in rows())]
    lines.insert(50, "")
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines))
    same(read(path, Columns.parse(MS)))
    lines[100] = "oops" + lines[100]
    path.write_text("\n".join(lines))
    assert fails(path).row == 101


def test_the_separator_that_a_file_tells(tmp_path: Path) -> None:
    """Names with commas make more cells than the semicolons do."""
    names = ["t,a,b,c", *NAMES[1:], "n,o,t,e,s,x"]
    path = write(tmp_path, [[*row, "0"] for row in rows()], names, sep=";")
    path.write_text("sep=;\n" + path.read_text())
    same(read(path, Columns.parse(MS.replace("time=t", 'time="t,a,b,c"'))))


def test_no_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join(",".join(row) for row in rows()))
    same(read(path, Columns.parse("time=1:ms,acc=2;3;4:g,gyr=5;6;7:dps")))
    assert "there are: 1, 2, 3, 4, 5, 6, 7" in str(fails(path))


# --- tables that are wrong: file, row, column, what to do -----------------------------------------------------------

Change = Callable[[list[list[str]]], object]


def put(row: int, column: str, value: str) -> Change:
    """Set a cell; ``row`` as an editor shows it, the header being row 1."""
    return lambda cells: cells[row - 2].__setitem__(NAMES.index(column), value)


@pytest.mark.parametrize(
    ("change", "row", "column", "says"),
    [
        (put(30, "ay", ""), 30, "ay", "an empty cell"),
        (put(31, "gz", "NaN"), 31, "gz", "'NaN' instead of a number"),
        (put(32, "ax", "inf"), 32, "ax", "'inf' instead of a number"),
        (put(33, "gx", "1e999"), 33, "gx", "'1e999' is not a number"),
        (put(34, "gx", "abc"), 34, "gx", "'abc' is not a number"),
        (put(35, "gx", '"0,123"'), 35, "gx", "decimal comma; say decimal=comma"),
        (
            put(36, "t", "2024-01-02 10:11:12"),
            36,
            "t",
            "a date or time of day; use a column of plain numbers, or rate=",
        ),
        (put(37, "az", "1_0"), 37, "az", "'1_0' is not a number"),
        (lambda c: c.__setitem__(40, c[40][:4]), 42, "gx", "the row ends after 4 cells (1 such row in all)"),
        (lambda c: c.__setitem__(41, c[41] + ["1", "2", "3"]), 43, None, "10 cells, 7 in the header"),
        (lambda c: c.insert(50, list(c[49])), 52, "t", "repeats the one before (1 repeated, 0 backward in all)"),
        (lambda c: c.__setitem__(slice(60, 80), c[60:80][::-1]), 63, "t", "(0 repeated, 19 backward in all)"),
        (
            lambda c: c[150:].clear() or [put(k, "t", str(1e8 + k))(c) for k in range(180, 202)],
            180,
            "t",
            "time jumps by",
        ),
        (put(70, "ax", "9999"), 70, "ax;ay;az", "no sensor reads that"),
        (put(71, "gx", "99999"), 71, "gx;gy;gz", "no sensor reads that"),
    ],
)
def test_wrong_cells_are_named(tmp_path: Path, change: Change, row: int, column: str | None, says: str) -> None:
    cells = rows()
    change(cells)
    path = write(tmp_path, cells)
    error = fails(path)
    assert (error.path, error.row, error.column) == (str(path), row, column)
    assert says in str(error)


def test_all_bad_rows_are_counted(tmp_path: Path) -> None:
    cells = rows()
    for row in (20, 90, 91):
        put(row, "ax", "")(cells)
    assert "(3 such rows in all)" in str(fails(write(tmp_path, cells)))


@pytest.mark.parametrize(
    ("made", "spec", "says"),
    [
        ({"acc": GRAVITY}, MS, "looks like m/s2, declared g; say acc=...:m/s2"),
        ({}, MS.replace(":g,", ":m/s2,"), "looks like g, declared m/s2; say acc=...:g"),
        ({"acc": 0.05}, MS, "gravity removed"),
        ({"acc": 1000.0}, MS, "thousandths of g, or raw counts"),
        ({"gyr": 3.0}, MS.replace("deg/s", "rad/s"), "looks like deg/s, declared rad/s; say gyr=...:deg/s"),
        ({"time": 1.0}, MS, "the time unit 'ms' is wrong, try s"),
        ({"time": 1e6}, MS, "the time unit 'ms' is wrong, try us"),
        ({}, MS + ",rate=50", "the time stamps say 100 Hz, rate= says 50"),
    ],
)
def test_wrong_units(tmp_path: Path, made: dict[str, float], spec: str, says: str) -> None:
    assert says in str(fails(write(tmp_path, rows(**made)), spec))


@pytest.mark.parametrize("spec", [MS, MS.replace(":g,", ":m/s2,")])
@pytest.mark.parametrize("change", [100, 101, 107])
def test_a_unit_that_changes_within_a_file(tmp_path: Path, spec: str, change: int) -> None:
    cells = [*rows(acc=GRAVITY)[:change], *rows()[change:]]
    error = fails(write(tmp_path, cells), spec)
    assert "the unit changes between g and m/s2" in str(error)
    assert error.row == change + 2


def test_fast_motion_is_not_another_unit(tmp_path: Path) -> None:
    """Recorded sets of shoulder exercises have a median of up to 2.5 g."""
    assert np.median(np.linalg.norm(read(write(tmp_path, rows(acc=2.5)), Columns.parse(MS)).acc, axis=1)) > 2 * GRAVITY


def test_columns_that_are_not_there(tmp_path: Path) -> None:
    error = fails(write(tmp_path, rows(), ["t", "acc_x", "ay", "az", "gx", "gy", "gz"]))
    assert error.row == 1
    assert "no column 'ax'; there are: t, acc_x, ay, az, gx, gy, gz; did you mean" in str(error)
    path = write(tmp_path, rows(), ["t", "ax", "AX", "ay", "az", "gx", "gy"])
    error = fails(path, "rate=100,acc=ax;ay;az:g,gyr=gx;gy;t:dps")
    assert "two columns of that name" in str(error)
    assert error.column == "ax"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"\n\n\n", "no table found"),
        (b"hello world", "no table found"),
        (",".join(NAMES).encode(), "a header and no data"),
        (",".join(NAMES).encode() + b"\n1,0,0,1,0,0,0\n", "1 rows of data; at least 20"),
        (b"PK\x03\x04" + bytes(100), "a spreadsheet or a zip archive; save the sheet as CSV"),
        (b"\x1f\x8b" + bytes(100), "compressed; unpack it"),
        (bytes(range(256)) * 40, "binary data"),
        ("t,ax\n1,2\n".encode("utf-16-le") * 100, "save as UTF-8"),
        (b"t,ax,ay,az,gx,gy,gz\n" + b"1" * 100_000, "a line longer than"),
        (b"t,ax,ay,az,gx,gy,gz\n" * 3 + b"1" * 9_000_000, "a line longer than"),
        (b",".join([b"x"] * 5000) + b"\n" + b",".join([b"1"] * 5000), "more than 1000 columns"),
        (b"t,ax,ay,az,gx,gy,gz\n" + b'1,"2,3,4,5,6,7\n' * 50, "is not a number"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert says in str(fails(path))


@pytest.mark.parametrize("block", [1000, 1 << 22])
def test_the_row_of_a_gigantic_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr("imu_coach.importers.layout.SCAN_BYTES", block)
    path = tmp_path / "a.csv"
    path.write_text("\n".join(",".join(row) for row in [NAMES, *rows()]) + "\n" + "7" * 50_000 + "\n1,2,3\n")
    error = fails(path)
    assert error.row == 202
    assert "a line longer than" in str(error)


def test_decimal_commas_between_commas(tmp_path: Path) -> None:
    error = fails(write(tmp_path, [[cell.replace(".", ",") for cell in row] for row in rows()]))
    assert "14 cells under 7 names; for numbers with decimal commas, export with separator ';'" in str(error)
    assert error.row == 2


def test_files_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no such file" in str(fails(tmp_path / "none.csv"))
    assert "not a file" in str(fails(tmp_path))
    path = write(tmp_path, rows())
    monkeypatch.setattr(layout, "LARGEST", 1000)
    assert "larger than" in str(fails(path))


def test_unknown_header(tmp_path: Path) -> None:
    error = str(fails(write(tmp_path, rows()), None))
    assert "unknown header; say what the columns mean, such as columns=time=" in error
    assert "there are: t, ax, ay, az" in error


# --- bought sensors -------------------------------------------------------------------------------------------------

DOT_BLOCK = "sep=,\nDeviceTag:,zdt\nFirmwareVersion:,2.0.0\nOutputRate:,100Hz\nStartTime: ,2021\n© Xsens 2021\n\n"


def dot(folder: Path, names: str, cells: Sequence[Sequence[object]], first: int = 4294000000) -> Path:
    """A DOT export; 10 ms apart, so that the counter of microseconds wraps after about 97 samples."""
    body = [f"{k + 1},{(first + 10_000 * k) % 2**32},{','.join(map(str, row))},0" for k, row in enumerate(cells)]
    path = folder / "dot.csv"
    path.write_text(DOT_BLOCK + f"PacketCounter,SampleTimeFine,{names},Status\n" + "\n".join(body), encoding="utf-8")
    return path


DOT_RATES = "Quat_W,Acc_X,Acc_Y,Acc_Z,Gyr_X,Gyr_Y,Gyr_Z"


def test_movella_dot_wraps(tmp_path: Path) -> None:
    _, acc, gyr = motion()
    track = read(dot(tmp_path, DOT_RATES, [[1, *a, *g] for a, g in zip(acc * GRAVITY, gyr, strict=True)]))
    same(track)
    assert track.t[0] == pytest.approx(4294.0)
    assert track.source == "Movella DOT"


def test_movella_dot_keeps_its_losses(tmp_path: Path) -> None:
    _, acc, gyr = motion()
    path = dot(tmp_path, DOT_RATES, [[1, *a, *g] for a, g in zip(acc * GRAVITY, gyr, strict=True)])
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[:50] + lines[120:]), encoding="utf-8")
    track = read(path)
    assert len(track.t) == 130
    assert np.diff(track.t).max() == pytest.approx(0.71)
    assert track.source == "Movella DOT, 70 of 200 packets lost"


def test_movella_dot_increments(tmp_path: Path) -> None:
    """``dq`` and ``dv`` over 10 ms: half the angle in the quaternion, a tenth of g times a tenth."""
    _, acc, gyr = motion()
    half = gyr * ONE_DEGREE / RATE / 2
    size = np.linalg.norm(half, axis=1, keepdims=True)
    dq = np.column_stack([np.cos(size), half * np.sinc(size / np.pi)])
    names = "dq_W,dq_X,dq_Y,dq_Z,dv[1],dv[2],dv[3]"
    cells = [[*q, *v] for q, v in zip(dq, acc * GRAVITY / RATE, strict=True)]
    same(read(dot(tmp_path, names, cells)))
    cells[5][0] = 3.0
    error = fails(dot(tmp_path, names, cells), None)
    assert (error.row, error.column) == (14, "dq_W")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("Quat_W,FreeAcc_X,FreeAcc_Y,FreeAcc_Z", "no gyroscope columns; free acceleration has gravity removed"),
        ("Gyr_X,Gyr_Y,Gyr_Z,FreeAcc_X", "no accelerometer columns; free acceleration has gravity removed"),
        ("Euler_X,Euler_Y,Euler_Z", "no gyroscope columns; record again in a mode with rate quantities"),
    ],
)
def test_movella_dot_without_what_is_needed(tmp_path: Path, names: str, says: str) -> None:
    error = fails(dot(tmp_path, names, [[1] * len(names.split(","))] * 30), None)
    assert says in str(error)
    assert error.row == 8


def test_mt_manager_is_not_a_dot(tmp_path: Path) -> None:
    """Its header has the same names, its ticks are 0.1 ms and its gyroscope is in rad/s."""
    path = dot(tmp_path, DOT_RATES, [[1, 0, 0, 9.81, 0, 0, 0]] * 30)
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[8:] = [f"{k},{100 * k},1,0,0,9.81,0,0,0,0" for k in range(30)]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert "an MT Manager export" in str(fails(path, None))


def test_ximu3(tmp_path: Path) -> None:
    names = ["Timestamp (us)", *(f"Gyroscope {x} (deg/s)" for x in "XYZ"), *(f"Accelerometer {x} (g)" for x in "XYZ")]
    t, acc, gyr = motion()
    cells = [[f"{19150794 + x * 1e6:.0f}", *map(str, [*g, *a])] for x, a, g in zip(t, acc, gyr, strict=True)]
    path = write(tmp_path, cells, names, name="Inertial.csv")
    same(read(path))
    same(read(path, kind="ximu3"))
    with pytest.raises(ImportFileError, match="not an export of Movella DOT"):
        read(path, kind="movella_dot")


def metabase(
    folder: Path, what: str, unit: str, t: np.ndarray, values: np.ndarray, head: str = "epoch (ms),time (-13:00)"
) -> Path:
    lines = [f"{head},elapsed (s),x-axis ({unit}),y-axis ({unit}),z-axis ({unit})"]
    for k, (x, v) in enumerate(zip(t, values, strict=True)):
        lines.append(f"{1547000000000 + x * 1000:.0f},2019-01-09T13.13.20.000,{k / RATE:.3f},{','.join(map(str, v))}")
    path = folder / f"MetaWear_{what}.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("head", ["epoch (ms),time (-13:00)", "epoc (ms),timestamp (-0700)"])
def test_metabase_pair(tmp_path: Path, head: str) -> None:
    """50 Hz accelerometer that starts 0.4 s later and has a hole, 100 Hz gyroscope; each ``elapsed`` begins at 0."""
    t, acc, gyr = motion(400)
    some = (np.arange(400) % 2 == 0) & (t >= 0.4) & ~((t > 2.01) & (t < 2.49))
    pair = (
        metabase(tmp_path, "Accelerometer", "g", t[some], acc[some], head),
        metabase(tmp_path, "Gyroscope", "deg/s", t, gyr, head),
    )
    for files in (pair, pair[::-1]):
        track = read(files)
        at = track.t - 1547000000
        assert at[0] == pytest.approx(0.4, abs=1e-6)
        assert not ((at > 2.005) & (at < 2.495)).any()
        assert len(at) == 310
        assert np.diff(track.t).max() == pytest.approx(0.5, abs=1e-6)
        which = np.round(at * RATE).astype(int)
        np.testing.assert_allclose(track.gyr, gyr[which] * ONE_DEGREE, atol=1e-9)
        # linear between samples 20 ms apart: a''/8 h^2, with a'' <= (0.5 * 2 pi 0.3)^2 + 0.5 (2 pi 0.3)^2 in g/s2
        np.testing.assert_allclose(track.acc, acc[which] * GRAVITY, atol=2.7 / 8 * 0.02**2 * GRAVITY)
        assert "90 gyroscope samples without accelerometer left out" in track.source
    assert "without the gyroscope; give both files" in str(fails(pair[0], None))
    assert "without the accelerometer; give both files" in str(fails(pair[1], None))
    with pytest.raises(ImportFileError, match="given for both sensors"):
        read((pair[0], pair[0]), Columns.parse(MS))
    late = metabase(tmp_path, "late", "deg/s", t + 60, gyr, head)
    with pytest.raises(ImportFileError, match=r"late.csv: does not overlap in time with MetaWear_Accelerometer"):
        read((pair[0], late))


def test_two_tables(tmp_path: Path) -> None:
    cells = rows()
    acc = write(tmp_path, [row[:4] for row in cells], NAMES[:4], name="acc.csv")
    gyr = write(tmp_path, [[row[0], *row[4:]] for row in cells], ["t", *NAMES[4:]], name="gyr.csv")
    same(read((acc, gyr), Columns.parse(MS)))
    with pytest.raises(ImportFileError, match="two files need a time column"):
        read((acc, gyr), Columns.parse("rate=100,acc=ax;ay;az:g,gyr=gx;gy;gz:dps"))
    with pytest.raises(ImportFileError, match="unknown header for one of two files"):
        read((acc, gyr))


# --- arrays ---------------------------------------------------------------------------------------------------------


def trial(n: int = 200) -> dict[str, np.ndarray]:
    _, acc, gyr = motion(n)
    quat = np.tile([1.0, 0.0, 0.0, 0.0], (n, 1))
    quat[3] = np.nan
    return {
        "imu_acc": acc * GRAVITY,
        "imu_gyr": gyr * ONE_DEGREE,
        "opt_quat": quat,
        "movement": np.arange(n) > 50,
        "sampling_rate": np.array(RATE),
    }


def save(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **arrays)  # type: ignore[arg-type]
    elif path.suffix == ".mat":
        scipy.io.savemat(path, arrays)
    else:
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            for key, value in arrays.items():
                file[key] = value
    return path


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".hdf5"])
def test_arrays(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"x{suffix}", trial())
    same(read(path))
    truth = broad.read_truth(path)
    assert truth.quat.shape == (200, 4)
    assert np.isnan(truth.quat[3]).all()
    assert truth.movement.sum() == 149


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".hdf5"])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"imu_acc": None}, "none of imu_acc, acc, acc_g"),
        ({"imu_gyr": None}, "none of imu_gyr, gyr"),
        ({"acc": np.ones((200, 3))}, "both imu_acc and acc"),
        ({"imu_gyr": np.ones((199, 3))}, "200 rows of imu_acc, 199 of imu_gyr"),
        ({"imu_gyr": np.ones((200, 4))}, "(200, 4); (n, 3) is needed"),
        ({"sampling_rate": None}, "neither t nor fs nor sampling_rate"),
        ({"sampling_rate": np.array(-5.0)}, "not one positive rate"),
        ({"sampling_rate": np.array(1e6)}, "not the rate of a motion sensor"),
        (
            {"imu_acc": np.full((200, 3), np.nan)},
            "row 1, column 'imu_acc x': not a number that a sensor gives (200 such rows)",
        ),
        ({"imu_gyr": np.full((200, 3), 100.0)}, "looks like deg/s, declared rad/s"),
        ({"imu_acc": np.full((200, 3), 1j)}, "complex128 instead of numbers"),
        ({"t": np.zeros(200)}, "row 2, column 't': the time stamp repeats the one before (199 repeated"),
        ({"t": np.zeros(3)}, "3 time stamps for 200 rows"),
        (dict.fromkeys(trial(), None) | {"other": np.ones(3)}, "none of the arrays fs, sampling_rate"),
    ],
)
def test_arrays_that_are_wrong(tmp_path: Path, suffix: str, change: dict[str, np.ndarray | None], says: str) -> None:
    arrays = {key: value for key, value in (trial() | change).items() if value is not None}
    assert says in str(fails(save(tmp_path / f"x{suffix}", arrays), None))


def test_array_files_that_are_hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, imu_acc=np.array([{"a": 1}], dtype=object), imu_gyr=np.ones((1, 3)))
    assert "allow_pickle=False" in str(fails(path, None))
    save(path, trial())
    monkeypatch.setattr(broad, "LARGEST", 1000)
    assert "when unpacked" in str(fails(path, None))
    save(tmp_path / "x.mat", trial())
    assert "when unpacked" in str(fails(tmp_path / "x.mat", None))
    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / "x.hdf5").write_bytes(b"\x89HDF")
    assert "pip install 'imu-coach[hdf5]'" in str(fails(tmp_path / "x.hdf5", None))


@pytest.mark.parametrize("compressed", [False, True])
def test_matlab_files_are_checked_before_scipy_crashes(tmp_path: Path, compressed: bool) -> None:
    """A wrong type of numbers makes scipy's reader crash, not raise."""
    path = tmp_path / "x.mat"
    scipy.io.savemat(path, {"imu_acc": np.ones((40, 3))}, do_compression=compressed)
    raw = path.read_bytes()
    body = zlib.decompress(raw[136:]) if compressed else raw[128:]
    at = body.index(struct.pack("<II", 9, 40 * 3 * 8))
    body = body[:at] + struct.pack("<I", 200) + body[at + 4 :]
    path.write_bytes(
        raw[:128] + (struct.pack("<II", 15, len(zlib.compress(body))) + zlib.compress(body) if compressed else body)
    )
    assert "numbers of an unknown type 200" in str(fails(path, None))
    path.write_bytes(raw[:-10])
    assert "cut off" in str(fails(path, None)) or "incomplete" in str(fails(path, None))
    path.write_bytes(b"MATLAB 7.3" + raw[10:])
    assert "save with -v7" in str(fails(path, None))


def test_no_truth(tmp_path: Path) -> None:
    arrays = trial()
    del arrays["movement"]
    with pytest.raises(ImportFileError, match="no movement: not a BROAD trial"):
        broad.read_truth(save(tmp_path / "x.npz", arrays))


# --- several sensors ------------------------------------------------------------------------------------------------


def test_load_begins_at_zero_and_keeps_a_shared_clock(tmp_path: Path) -> None:
    cells = rows()
    files = {"hip": write(tmp_path, cells[30:], name="h.csv"), "back": write(tmp_path, cells[10:150], name="b.csv")}
    tracks, report = load(files, columns=Columns.parse(MS))
    assert report is None
    assert list(tracks) == ["hip", "back"]
    assert tracks["back"].t[0] == 0
    assert tracks["hip"].t[0] == pytest.approx(0.2)


def test_load_refuses_clocks_that_do_not_meet(tmp_path: Path) -> None:
    cells = rows()
    files = {"hip": write(tmp_path, cells[:90], name="h.csv"), "back": write(tmp_path, cells[100:], name="b.csv")}
    with pytest.raises(ImportFileError, match=r"b.csv: begins after 'hip' ends; use sync=tap"):
        load(files, columns=Columns.parse(MS))


# --- real files -----------------------------------------------------------------------------------------------------


@data
def test_real_dot_files_lack_a_gyroscope() -> None:
    files = sorted((DATA / "movella_dot_csv").glob("*.csv"))
    assert len(files) == 5
    for path in files:
        error = fails(path, None)
        assert error.row == 12
        assert "no gyroscope columns; free acceleration has gravity removed" in str(error)


@data
def test_real_dot_stamps_show_the_losses(tmp_path: Path) -> None:
    """The stamps and packet numbers of LFemur, which lost about half, under columns that have a gyroscope."""
    text = (DATA / "movella_dot_csv" / "LFemur_20210820_202113_831.csv").read_text(encoding="utf-8")
    head, body = text.split("PacketCounter")
    lines = body.splitlines()[1:]
    path = tmp_path / "a.csv"
    rates = [f"{','.join(line.split(',')[:2])},0,0,9.81,1,2,3,0" for line in lines]
    path.write_text(
        head + f"PacketCounter,SampleTimeFine,{DOT_RATES[7:]},Status\n" + "\n".join(rates), encoding="utf-8"
    )
    track = read(path)
    assert len(track.t) == 195
    assert track.source == "Movella DOT, 157 of 352 packets lost"
    assert np.ptp(track.t) == pytest.approx(351 / 60, abs=1e-3)
    assert np.diff(track.t).max() == pytest.approx(5 / 60, abs=1e-4)


@data
def test_real_table() -> None:
    columns = Columns.parse("acc=acc_x;acc_y;acc_z:m/s2,gyr=gyr_x;gyr_y;gyr_z:deg/s,rate=102.4")
    track = read(DATA / "imucal" / "example_ferraris_session.csv", columns)
    assert len(track.t) == 10376
    assert np.ptp(track.t) == pytest.approx(10375 / 102.4)
    # three hand-made turns of 360 degrees, one about each axis
    turned = np.rad2deg(
        np.abs(
            np.array([track.gyr[a:b, i].sum() for i, (a, b) in enumerate([(6770, 7093), (8081, 8405), (9205, 9512)])])
            / 102.4
        )
    )
    np.testing.assert_allclose(turned, 360, rtol=0.05)


@data
@pytest.mark.parametrize(("folder", "count"), [("broad", 12), ("spar", 70), ("yoga_holds", 28)])
def test_real_arrays(folder: str, count: int) -> None:
    files = sorted((DATA / folder).glob("*.npz"))[:: 1 if folder != "spar" else 5]
    for path in files:
        track = read(path)
        assert 0.8 * GRAVITY < np.median(np.linalg.norm(track.acc, axis=1)) < 2.6 * GRAVITY
        assert (np.diff(track.t) > 0).all()
    assert len(files) in (count, count // 5)


# --- anything at all ------------------------------------------------------------------------------------------------


def mutate(text: bytes, rng: np.random.Generator) -> bytes:
    """Damage a file as editors, loggers and radios do, or worse."""
    raw = bytearray(text)
    for _ in range(rng.integers(1, 5)):
        at, to = sorted(rng.integers(0, max(1, len(raw)), 2).tolist())
        junk = [
            b",",
            b";",
            b'"',
            b"\n",
            b"\r",
            b"\x00",
            b"\xff",
            b"nan",
            b"-",
            b"e",
            b"1e999",
            b",,,,",
            b"\t",
            b"a",
            b"'",
            b"\xef\xbb\xbf",
        ]
        match rng.integers(0, 9):
            case 0:
                raw[at:at] = junk[rng.integers(0, len(junk))]
            case 1:
                del raw[at : at + rng.integers(1, 40)]
            case 2:
                del raw[to:]
            case 3:
                raw[at:at] = raw[at:to]
            case 4:
                raw[at : at + 8] = rng.bytes(8)
            case 5:
                del raw[:at]
            case 6:
                raw = raw.replace(*(junk[i] for i in rng.integers(0, len(junk), 2)), int(rng.integers(1, 50)))
            case 7:
                raw = raw.replace(b",", [b";", b"\t", b" ", b",,"][rng.integers(0, 4)])
            case _:
                raw = raw.replace(b".", b",")
    return bytes(raw)


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_raise_only_our_errors(tmp_path: Path, seed: int) -> None:
    """500 damaged files; what is still accepted is a valid track."""
    rng = np.random.default_rng(seed)
    cells = rows(40)
    _, acc, gyr = motion(40)
    sources = [
        (write(tmp_path, cells), Columns.parse(MS)),
        (
            write(tmp_path, [[c.replace(".", ",") for c in row] for row in cells], sep=";", name="b.csv"),
            Columns.parse(MS),
        ),
        (dot(tmp_path, DOT_RATES, [[1, *a, *g] for a, g in zip(acc * GRAVITY, gyr, strict=True)]), None),
        (save(tmp_path / "x.npz", trial(40)), None),
        (save(tmp_path / "x.mat", trial(40)), None),
    ]
    said: list[str] = []
    accepted = 0
    for round_ in range(125):
        source, columns = sources[round_ % len(sources)]
        path = tmp_path / f"m{source.suffix}"
        path.write_bytes(mutate(source.read_bytes(), rng))
        try:
            track = read(path, columns)
        except ImuCoachError as error:
            said.append(str(error))
            continue
        accepted += 1
        assert len(track.t) == len(track.acc) == len(track.gyr) >= 20
        assert all(np.isfinite(part).all() for part in track[:3])
        assert (np.diff(track.t) > 0).all()
    assert not [text for text in said if "\n" in text]
    assert 0 < accepted < 50
