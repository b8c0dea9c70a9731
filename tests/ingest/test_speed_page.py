"""The page on speed: its commands measure something, its links lead somewhere."""

import re

from tests.bench.runner import names
from tests.fixtures.programs import ROOT

PAGE = ROOT / "ingest" / "speed.md"
TEXT = PAGE.read_text()


def test_each_figure_has_its_command() -> None:
    named = {name for command in re.findall(r"`\./dev bench ([\w ]+)`", TEXT) for name in command.split()}
    assert named - set(names()) == set()
    assert {"path", "ingest", "influx", "query", "year", "growth"} <= named


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#\s]+)", TEXT)
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
