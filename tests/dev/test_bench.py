"""The bench's bookkeeping: medians, ratios, verdicts."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench.chart import LEAST_GAP, svg
from tests.bench.report import Report
from tests.bench.runner import chosen, names, table

SVG = "{http://www.w3.org/2000/svg}"


def test_a_row_has_median_ratio_and_verdict() -> None:
    row = Report().row("size", [9, 7, 100], "B", "JSON", [90, 90], goal="<= 10")
    assert (row.value, row.ratio, row.is_met) == (9, 0.1, True)
    assert row.spread == "7 .. 100"


@pytest.mark.parametrize(
    ("value", "goal", "is_met"), [(8, "<= 8", True), (7, ">= 800,000", False), (1, "", None)]
)
def test_goals(value: float, goal: str, is_met: bool | None) -> None:
    assert Report().row("x", value, "s", goal=goal).is_met is is_met


def test_a_line_says_what_was_missed() -> None:
    assert Report().row("rate", 5, "/s", goal=">= 10").line().endswith("MISSED (>= 10)")


def test_a_run_is_kept(tmp_path: Path) -> None:
    report = Report()
    report.row("x", 1.5, "s", "y", 3)
    report.write(tmp_path / "new" / "bench.json")
    kept = json.loads((tmp_path / "new" / "bench.json").read_text())
    assert kept["rows"][0]["ratio"] == 0.5


def test_one_table_has_the_rows_of_all() -> None:
    report = Report()
    for bench in ("fast", "slow"):
        report.bench = bench
        report.row("x", 1.5, "s")
    assert [line.split() for line in table(report).splitlines() if line][::2] == [["fast"], ["slow"]]
    assert table(report).count("1.5 s") == 2


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SystemExit, match="no bench named nonsense"):
        chosen(["nonsense"])
    assert chosen([]) == names()


def test_a_chart_is_xml_with_a_line_for_each_figure() -> None:
    lines = {"a & b": [(10, 0.5), (1000, 20)], "c": [(10, 0.6), (1000, 21)]}
    root = ElementTree.fromstring(svg("growth", "units", lines))
    places = [float(text.attrib["y"]) for text in root.iter(f"{SVG}text") if text.text in lines]
    assert len(list(root.iter(f"{SVG}polyline"))) == len(places) == 2
    assert abs(places[0] - places[1]) >= LEAST_GAP
    with pytest.raises(ValueError, match="above zero"):
        svg("growth", "units", {"a": [(10, 0)]})
