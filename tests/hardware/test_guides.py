"""The guides: what they name is there, part by part and command by command."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hardware import harness, pinmap
from hardware.carrier import circuit
from tests.fixtures.programs import ROOT

HERE = ROOT / "hardware"
PAGES = sorted([*HERE.glob("*.md"), *HERE.glob("guides/*.md"), *HERE.glob("enclosure/*.md")])
REFERENCE = re.compile(r"\b((?:SC|[RCUQDLJFXHW]|X[A-Z])\d{1,2})\b")


@pytest.fixture(scope="module")
def known() -> set[str]:
    """Every reference of both drawings, every signal and every net."""
    pins = pinmap.load(HERE / "pinmap.toml")
    parts = circuit.load(HERE / "carrier")
    cables = harness.load(HERE / "harness.yml", pins, 3.0)
    drawn = {part.ref for part in parts.parts} | parts.nets().keys() | cables.parts.keys()
    return drawn | pins.signals.keys() | pins.devices.keys() | {"L91"}  # a cell's name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_parts_and_signals_that_it_names_exist(page: Path, known: set[str]) -> None:
    text = page.read_text()
    named = set(REFERENCE.findall(text)) | set(re.findall(r"`([A-Z][A-Z0-9_]{2,})`", text))
    assert sorted(named - known) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_it_says_that_nothing_was_built(page: Path) -> None:
    assert re.search(r"[Dd]esigned, not (built|printed)", page.read_text())


def test_the_commands_exist() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    edge = subprocess.run(
        [sys.executable, "-m", "edge", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for command in set(re.findall(r"`ortoo-edge (\w+)", text)):
        assert re.search(rf"^\s+{command}\s", edge, re.MULTILINE), command
    dev = (ROOT / "dev").read_text()
    for command in set(re.findall(r"`\./dev (\w+)", text)):
        assert f'"{command}": {command}' in dev, command


def test_the_settings_exist() -> None:
    text = (HERE / "guides" / "calibration.md").read_text()
    settings = (ROOT / "edge" / "example.toml").read_text()
    for name in ("noise_g", "pack_g", "most_g", "climate_period_s"):
        assert f"`{name}`" in text
        assert f"{name} = " in settings
    driver = (ROOT / "firmware" / "drivers" / "nau7802.py").read_text()
    for name in ("zero", "mg_per_kcount"):
        assert f"`{name}`" in text
        assert f'given["{name}"]' in driver


def test_every_picture_of_the_guides_is_made() -> None:
    shown = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text())
    }
    assert len(shown) >= 5
    assert all(path.is_file() and path.parent == HERE / "made" for path in shown)
