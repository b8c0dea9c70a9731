"""The case: what does not fit is named, and what was drawn has the sizes that the parameters ask for."""

import struct
from collections import Counter
from pathlib import Path

import pytest

from hardware.enclosure import fit
from hardware.source import FaultsFound, TomlSource
from tests.fixtures.programs import ROOT

FOLDER = ROOT / "hardware" / "enclosure"
MADE = ROOT / "hardware" / "made"
BOARD = TomlSource(ROOT / "hardware" / "carrier" / "board.toml", "board.toml")
TEXT = (FOLDER / "case.toml").read_text()
Point = tuple[float, float, float]


@pytest.fixture(scope="module")
def case() -> fit.Case:
    return fit.load(FOLDER, BOARD)[1]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("groove_depth = 1.9", "groove_depth = 2.6", "groove_depth = 2.6", "not pressed"),
        ("groove_width = 2.6", "groove_width = 3.6", "groove_width = 3.6", "wider than the wall"),
        ("across = -48.0", "across = -70.0", "across = -70.0", "corner's post"),
        ("across = -16.0", "across = -40.0", "across", "mm apart"),
        ("up = 20.0", "up = 5.0", "up = 5.0", "within the wall"),
        ("depth = 6.0", "depth = 9.0", "depth = 9.0", "longer than the spacer"),
        ("floor = 3.0", "flor = 3.0", "# The case", "not shaped"),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: str, says: str
) -> None:
    assert old in TEXT
    changed = TEXT.replace(old, new, 1)
    (tmp_path / "case.toml").write_text(changed)
    with pytest.raises(FaultsFound) as found:
        fit.load(tmp_path, BOARD)
    lines = changed.splitlines()
    told = [f"{lines[one.line - 1]}  <-- {one.text}" for one in found.value.faults]
    assert any(one.startswith(line) and says in one for one in told), told


def triangles(path: Path) -> list[tuple[Point, Point, Point]]:
    """Of a binary STL: 80 bytes, a count, then a normal and three corners each."""
    data = path.read_bytes()
    (count,) = struct.unpack_from("<I", data, 80)
    assert len(data) == 84 + 50 * count
    found = []
    for number in range(count):
        v = struct.unpack_from("<9f", data, 84 + 50 * number + 12)
        found.append((v[0:3], v[3:6], v[6:9]))
    return found


@pytest.mark.parametrize("name", ["case-base", "case-lid"])
def test_a_printer_gets_a_closed_body_of_the_right_size(case: fit.Case, name: str) -> None:
    body = triangles(MADE / f"{name}.stl")
    rounded = [tuple(tuple(round(c, 3) for c in corner) for corner in one) for one in body]
    edges = Counter(
        frozenset((one[a], one[b]))
        for one in rounded
        for a, b in ((0, 1), (1, 2), (2, 0))
        if one[a] != one[b]
    )
    assert {count % 2 for count in edges.values()} == {0}
    spans = [
        max(c[axis] for t in body for c in t) - min(c[axis] for t in body for c in t) for axis in range(3)
    ]
    given = case.given
    wide = case.outer[0] + (2 * given["ears"]["reach"] if name == "case-base" else 0)
    high = case.inner[2] + given["walls"]["floor"] if name == "case-base" else given["walls"]["lid"]
    assert spans == pytest.approx([wide, case.outer[1], high], abs=0.1)


def test_the_boards_holes_are_the_cases_bosses(case: fit.Case) -> None:
    holes = BOARD.content["holes"]["at"]
    (x1, y1), (x2, y2) = holes[0], holes[3]
    (a1, b1), (a2, b2) = case.bosses[0], case.bosses[3]
    assert (abs(a1 - a2), abs(b1 - b2)) == pytest.approx((abs(x1 - x2), abs(y1 - y2)))


def test_the_exchange_files_are_there() -> None:
    for name in ("case-base", "case-lid"):
        assert (MADE / f"{name}.step").read_text().startswith("ISO-10303-21")
    assert "<svg" in (MADE / "case.svg").read_text()
