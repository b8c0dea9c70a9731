"""The page on InfluxDB: its tests exist, and it claims no more than they prove."""

import re
from pathlib import Path

import pytest

from ingest.history.classes import CLASSES
from tests.dev.test_proof_page import TESTS
from tests.fixtures.programs import ROOT

PAGE = ROOT / "ingest" / "history" / "influx.md"
TEXT = PAGE.read_text()
VERSIONS = ("1.6.7", "1.8", "2.x", "3 Core")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.partition("## Which version")[2].partition("\n1.6.7 has")[0].splitlines()
    if line.startswith("| ") and "`test_" in line
]
LIVE = "\n".join(
    (ROOT / "tests" / path).read_text()
    for path in ("live/test_influx.py", "ingest/history/test_suite.py", "ingest/history/test_summaries.py")
)


def test_every_test_it_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    assert named - TESTS == set()
    assert len(named) > 30


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1].strip("`"))
def test_a_row_claims_what_was_proved(row: list[str]) -> None:
    _, tests, *cells = row
    assert len(cells) == len(VERSIONS)
    assert set(cells) <= {"real", "paper", "live", "open", "no", ""}
    assert "real" not in cells[1:], "no other version runs in our tests"
    if "live" in cells:
        assert all(name in LIVE for name in re.findall(r"test_\w+", tests))


def test_each_version_has_its_column() -> None:
    assert f"| what | test | {' | '.join(VERSIONS)} |" in TEXT
    assert len(ROWS) > 15


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#\s]+)", TEXT)
    assert [link for link in links if not (Path(PAGE).parent / link).exists()] == []


def test_it_counts_the_classes() -> None:
    assert len(CLASSES) == 5
    assert "for each of five classes" in TEXT
