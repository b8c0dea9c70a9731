"""The page on how "nothing lost, nothing twice" is proved: its tests exist, its figures are of a run."""

import json
import re

import pytest

from tests.fixtures.programs import ROOT
from tests.line import figures

TEXT = figures.PAGE.read_text()
SHOWN = json.loads(figures.SHOWN.read_text())
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"def (test_\w+)", path.read_text())
}


def test_every_test_it_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    assert named - TESTS == set()
    assert len(named) > 80


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#\s]+)\)", TEXT)
    assert [link for link in links if not (figures.HERE / link).exists()] == []


@pytest.mark.parametrize("number", range(1, 31))
def test_each_failure_has_its_row(number: int) -> None:
    assert f"\n| {number} | " in TEXT


def test_its_figures_are_those_of_the_run() -> None:
    assert figures.rendered(TEXT, SHOWN) == TEXT
    assert SHOWN.keys() == figures.ROWS.keys()


def test_a_run_without_a_loss_bounds_the_rate() -> None:
    some = {**SHOWN, "test_no_promise_is_broken": {**SHOWN["test_no_promise_is_broken"], "cuts": 30}}
    assert "No loss in 30 cuts: with 95 % confidence fewer than 10.0% of cuts lose." in figures.table(some)
