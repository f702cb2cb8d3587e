"""Sheets for paper: one page each, letters of 16 pt or more, nothing lost; the commands that make and check them."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imu_coach import catalogue, planner
from imu_coach.cli import cli
from imu_coach.errors import ExportError
from imu_coach.exercise import Dose, Exercise, Facts, Hold, Prescription
from imu_coach.export import sheets

KNOWN = catalogue.exercises()


def run(*words: object) -> Result:
    """A command, as typed."""
    return CliRunner().invoke(cli, ["exercises", *map(str, words)])


def streams(pdf: bytes) -> list[str]:
    """Contents of the pages of a PDF."""
    found = []
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.S):
        try:
            text = zlib.decompress(packed)
        except zlib.error:
            continue
        if b" Tf" in text:
            found.append(text.decode("latin-1"))
    return found


def pages(pdf: bytes) -> int:
    """Number of pages of a PDF."""
    return len(re.findall(rb"/Type /Page\b", pdf))


def written(path: Path, *exercises: Exercise) -> bytes:
    """The sheets of exercises as a file."""
    sheets.write([sheets.sheet(e) for e in exercises], path)
    return path.read_bytes()


def longest() -> Exercise:
    """As much text as a file may have."""
    words = "there is always more to tell of it "
    line = (words * 2)[:47] + "."
    facts = Facts(
        why=(line * 3)[:144],
        start=(line * 7)[:336],
        moves=(line, (line * 2)[:96], line, line, line, line),
        cues=(line, line),
        kit=("a mat", "a pillow"),
        adaptation=(line * 2)[:96],
        caution=(line * 2)[:96],
        source="",
    )
    dose = Dose((8, 10), (98, 100), (3000.0, 3600.0), True)
    hold = Hold((5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0))
    return replace(KNOWN["row_low_dumbbell"], title="W" * 28, facts=facts, dose=dose, hold=hold)


@pytest.mark.parametrize("e", [*KNOWN.values(), longest()], ids=[*KNOWN, "longest"])
def test_one_page_in_large_letters(tmp_path: Path, e: Exercise) -> None:
    pdf = written(tmp_path / "x.pdf", e)
    assert pages(pdf) == 1
    (content,) = streams(pdf)
    sizes = {float(size) for size in re.findall(r"/F\d+ ([\d.]+) Tf", content)}
    assert min(sizes) >= 16.0
    heights = [float(y) for y in re.findall(r"BT [\d.-]+ ([\d.-]+) Td", content)]
    assert min(heights) > 25.0, "pt above the edge"
    ends = [float(y) + float(h) for y, h in re.findall(r"[\d.-]+ ([\d.-]+) [\d.-]+ ([\d.-]+) re", content)]
    assert not ends or min(ends) > 25.0


def test_the_longest_is_as_long_as_a_file_may_be(tmp_path: Path) -> None:
    f = longest().facts
    texts = {"why": f.why, "start": f.start, "moves": list(f.moves), "cues": list(f.cues), "kit": list(f.kit)}
    texts |= {"adaptation": f.adaptation, "caution": f.caution}
    catalogue.schema.FactsTable.model_validate(texts)
    with pytest.raises(ValueError, match="room for 24"):
        catalogue.schema.FactsTable.model_validate({**texts, "cues": [*f.cues, "more"]})


def test_too_long_is_told_and_not_cut(tmp_path: Path) -> None:
    wide = replace(longest(), facts=replace(longest().facts, start="W" * 400))
    with pytest.raises(ExportError, match="do not fit on one page"):
        written(tmp_path / "x.pdf", wide)
    assert not (tmp_path / "x.pdf").exists()


def test_letters_that_the_font_lacks(tmp_path: Path) -> None:
    greek = replace(KNOWN["auto"], title="Άσκηση – упражнение ćwiczenie")
    assert pages(written(tmp_path / "x.pdf", greek)) == 1
    chinese = replace(KNOWN["auto"], title="运动")
    with pytest.raises(ExportError, match="no letter '动'"):
        written(tmp_path / "y.pdf", chinese)
    assert "运动" in written(tmp_path / "y.html", chinese).decode("utf-8")


class Texts(HTMLParser):
    """The texts of a page, by section; tags by name."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "section":
            self.sections.append("")

    def handle_data(self, data: str) -> None:
        if self.sections:
            self.sections[-1] += data


def read(path: Path) -> Texts:
    """A page of HTML."""
    parser = Texts()
    parser.feed(path.read_text("utf-8"))
    return parser


def test_html_has_every_text(tmp_path: Path) -> None:
    written(tmp_path / "x.html", *KNOWN.values())
    page = read(tmp_path / "x.html")
    assert len(page.sections) == len(KNOWN)
    for e, text in zip(KNOWN.values(), page.sections, strict=True):
        f = e.facts
        for one in (e.title, f.why, f.start, *f.moves, *f.cues, f.adaptation, f.caution, sheets.NOTICE):
            assert one in text
        assert all(thing[1:] in text for thing in f.kit)
    sizes = [float(size) for size in re.findall(r"(?:font(?:-size)?): ?([\d.]+)pt", (tmp_path / "x.html").read_text())]
    assert sizes
    assert min(sizes) >= 16.0
    assert "size: A4" in (tmp_path / "x.html").read_text()


def test_nothing_in_a_file_becomes_markup(tmp_path: Path) -> None:
    bad = '<script>x()</script> & "$title"'
    facts = replace(KNOWN["auto"].facts, why=bad, moves=(bad,), cues=(bad,), kit=(bad,))
    written(tmp_path / "x.html", replace(KNOWN["auto"], title=bad, facts=facts))
    page = read(tmp_path / "x.html")
    assert "script" not in page.tags
    assert page.sections[0].count(bad) == 5


def test_the_notice_is_that_of_the_readme(root: Path) -> None:
    readme = " ".join((root / "README.md").read_text("utf-8").replace("\n>", " ").split())
    assert sheets.NOTICE in readme.replace(
        "**Not a medical device.** Research and education software. Not", "X"
    ).replace("X a medical", "Research and education software. Not a medical")


@pytest.mark.parametrize(
    ("id", "says"),
    [
        ("ext_rotation_seated", "3 sets of 8. Rest 20 to 60 seconds between sets; longer is fine."),
        ("row_low_dumbbell", "3 sets of 8 on each side."),
        (
            "prone_ext_beginner",
            "8 to 12 times. Hold each one for 5 seconds. When that is comfortable: 10, 15, 20, then 30",
        ),
        (
            "prone_ext_advanced",
            "8 to 10 times. Hold each one for 5 seconds. When your therapist says so: 10, 15, then 20",
        ),
        ("prone_ext_intermediate", "8 to 12 times. Hold for a few seconds, or as long as is comfortable."),
        ("superman_beginner", "Hold each one for 3 seconds."),
        ("warmup_side_reach", "8 to 12 times, to either side in turn."),
    ],
)
def test_doses_in_words(id: str, says: str) -> None:
    assert says in " ".join(sheets.dose(planner.item(KNOWN[id])))


def test_boxes_to_tick() -> None:
    assert sheets.sheet(KNOWN["row_low_dumbbell"]).ticks == (("Right", 3), ("Left", 3))
    assert sheets.sheet(KNOWN["superman_beginner"]).ticks == (("Sets", 3),)
    more = Prescription(dose={"superman_beginner": {"sets": (2.0, 5.0)}})
    assert sheets.sheet(KNOWN["superman_beginner"], more).ticks == (("Sets", 5),)
    assert sheets.html([sheets.sheet(KNOWN["superman_beginner"], more)], "x").count("<i></i>") == 5 * 4, (
        "fewer days, not smaller boxes"
    )


# --- the commands ---------------------------------------------------------------------------------------------------


def test_print_a_programme(tmp_path: Path) -> None:
    out = tmp_path / "x.pdf"
    result = run("print", "spine_basics", "-o", out)
    assert result.exit_code == 0
    assert result.stderr.endswith("x.pdf: 7 pages\n")
    assert pages(out.read_bytes()) == 7
    assert run("print", "spine_basics", "-o", out).exit_code == 2, "exists already"
    assert run("print", "spine_basics", "-o", out, "--force").exit_code == 0


def test_print_what_is_named_in_the_order_it_is_named(tmp_path: Path) -> None:
    assert run("print", "superman_beginner", "ext_rotation_seated", "-o", tmp_path / "x.html").exit_code == 0
    titles = [text.strip().split("\n")[0] for text in read(tmp_path / "x.html").sections]
    assert titles == ["Superman: arms and head", "Arms out to the side, seated"]


def test_print_everything_that_needs_no_prescription(tmp_path: Path) -> None:
    assert run("print", "-o", tmp_path / "x.html").exit_code == 0
    text = (tmp_path / "x.html").read_text("utf-8")
    free = [e for e in KNOWN.values() if not e.locked and e.id not in ("auto", "held_pose")]
    assert text.count("<section>") == len(free)


def test_print_a_prescription(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(
        'allowed = ["prone_ext_advanced", "superman_beginner"]\nnotes = "Begin with the towel."\n'
        'limits = ["Nothing above the head."]\ndate = "2026-03-01"\nby = "A. Physio"\n[holds]\nprone_ext_advanced = 7\n'
    )
    result = run("print", "--prescription", tmp_path / "p.toml", "-o", tmp_path / "x.html")
    assert result.exit_code == 0
    cover, *rest = read(tmp_path / "x.html").sections
    assert all(
        word in cover for word in ("Begin with the towel.", "Nothing above the head.", "2026-03-01", "A. Physio")
    )
    assert len(rest) == 2
    assert "Hold each one for 7 seconds." in "".join(rest)


def test_locked_sheets_say_why_not(tmp_path: Path) -> None:
    result = run("print", "prone_ext_advanced", "-o", tmp_path / "x.pdf")
    assert result.exit_code == 2
    assert "only when a prescription allows it" in result.stderr
    result = run("print", "prone_ext_advanced", "superman_beginner", "-o", tmp_path / "x.pdf")
    assert result.exit_code == 0
    assert "left out: Chest lift, arms behind: only when a prescription allows it" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("print", "nix", "-o", "{}/x.pdf"),
        ("print", "-o", "{}/x.txt"),
        ("print", "-o", "{}/no/x.pdf"),
        ("print", "-o", "{}/x.pdf", "--prescription", "{}/no.toml"),
        ("show", "nix"),
        ("check", "{}/no.toml"),
        ("check", "{}"),
        ("list", "--exercises", "{}/no"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    result = run(*(word.replace("{}", str(tmp_path)) for word in words))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_list_and_show() -> None:
    listed = run("list").stdout
    assert all(id in listed for id in (*KNOWN, *catalogue.programmes()))
    shown = run("show", "row_low_dumbbell").stdout
    f = KNOWN["row_low_dumbbell"].facts
    assert all(text in shown for text in (f.why, f.start, *f.moves, f.source, "70 deg expected", "0.3 m expected"))


def blocks(text: str) -> dict[str, str]:
    """Of what check says: layout name to its lines."""
    return {block.split("\n")[0].split(" ")[0]: block for block in text.split("\n\n")[1:]}


def test_check_says_what_the_sensors_see(root: Path) -> None:
    result = run("check", root / "imu_coach" / "exercises" / "row_low_dumbbell.toml")
    assert result.exit_code == 0
    seen = blocks(result.stdout)
    assert "repetitions   counted, by upper arm elevation" in seen["upper_back_upper_arm"]
    assert "repetitions   probable, by wrist vertical" in seen["upper_back_wrist"]
    assert "repetitions   not seen" in seen["upper_back"]
    assert "measured      trunk inclination, trunk twist, forearm elevation\n" in seen["upper_back_wrist"]
    assert (
        "estimated     thoracolumbar flexion, thoracic flexion, lumbar flexion, wrist yaw" in seen["upper_back_wrist"]
    )
    assert "rule W4 (needs the sacrum)" in seen["upper_back_wrist"]
    assert "W4" not in seen["upper_back_wrist_sacrum"]
    assert "thoracolumbar flexion" in seen["upper_back_sacrum"].split("measured")[1].split("estimated")[0]
    assert "rounding against leaning" in seen["upper_back_wrist"]
