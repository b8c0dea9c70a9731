"""The README runs: its commands, paths and links are real."""

import re
from pathlib import Path

import pytest

from ingest.demo.stage import PAGE_PORT
from tests.fixtures.programs import ROOT

TEXT = (ROOT / "README.md").read_text()
PAGES = sorted({ROOT / "README.md", *(ROOT / "hardware").glob("**/*.md"), *ROOT.glob("*/deploy/**/*.md")})


def test_it_begins_with_the_two_commands() -> None:
    commands = re.findall(r"^\./dev (\w+)", TEXT, re.MULTILINE)
    assert commands[:2] == ["run", "test"]


def test_its_commands_exist() -> None:
    script = (ROOT / "dev").read_text()
    for command in set(re.findall(r"\./dev (\w+)", TEXT)):
        assert f'"{command}": {command}' in script, command
    for module in set(re.findall(r"python3? -m (edge|ingest)\b", TEXT)):
        assert (ROOT / module / "__main__.py").exists()


def test_the_page_is_where_it_says() -> None:
    assert set(re.findall(r"http://127\.0\.0\.1:(\d+)", TEXT)) <= {str(PAGE_PORT)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_its_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_paths_it_names_are_there() -> None:
    named = re.findall(r"`((?:edge|firmware|ingest|hardware|tests)/[\w./-]*)`", TEXT)
    assert [path for path in named if not (ROOT / path).exists()] == []
