"""The harness: held to the pin map, to electricity and to its own drawing."""

import re
from pathlib import Path

import pytest
import yaml

from hardware import harness, pinmap
from hardware.source import FaultsFound
from tests.fixtures.programs import ROOT

SOURCE = ROOT / "hardware" / "harness.yml"
MADE = ROOT / "hardware" / "made"
TEXT = SOURCE.read_text()
PINS = (ROOT / "hardware" / "pinmap.toml").read_text()
FUSE_A = 3.0


@pytest.fixture(scope="module")
def pins() -> pinmap.PinMap:
    return pinmap.load(ROOT / "hardware" / "pinmap.toml")


def test_every_connector_of_the_carrier_has_its_plug(pins: pinmap.PinMap) -> None:
    found = harness.load(SOURCE, pins, FUSE_A)
    for connector in pins.connectors.values():
        assert found.plugs[connector.harness].nets == {int(n): net for n, net in connector.pins.items()}


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("- [X3: [1, 2], W7", "- [X3: [1, 5], W7", "  - [X3: [1, 5]", "X3 has no pin 5"),
        ("W7: [1, 2], XR1: [1, 2]", "W7: [1, 2], XR9: [1, 2]", "  - [X3: [1, 2], W7", "no connector XR9"),
        ("W7: [1, 2], XR1: [1, 2]", "W7: [1, 2], XR1: [2, 1]", "  - [X3: [1, 2], W7", "joins DOOR to GND"),
        ("W7: [1, 2]", "W7: [1, 3]", "  - [X3: [1, 2], W7", "W7 has no wire 3"),
        ("W8: [1, 2]", "W7: [1, 2]", "  - [X3:", "is used 2 times"),
        ("[DOOR, GND, +5V, BUZZER]", "[GND, DOOR, +5V, BUZZER]", "  X3:", "pin 1 is GND, at J3 it is DOOR"),
        ("mpn: GHR-10V-S", "mpn: GHR-06V-S", "  X5:", "the pin map says JST GHR-10V-S"),
        ("  - [XF1: [1], W3: [1], XB1: [1]]\n", "", "  X", "no wire at pin 1 (VBAT)"),
        ("Fuse holder, 3 A", "Fuse holder, 5 A", "  XF1:", "no fuse of 3 A"),
        ("gauge: 1 mm2", "gauge: 0.5 mm2", "  W", "carries VBAT in 0.5 mm2"),
        ("[XP1, ==, XV1]", "[XP1, ==, XF1]", "  XF1:", "mated and differ"),
        ("  X12:\n", "  X13:\n", 'harness = "X12"', "the harness has no plug X12"),
        ("connections:", "connections: [", "", "no harness"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, pins: pinmap.PinMap, old: str, new: str, line: str, says: str
) -> None:
    assert old in TEXT
    changed = TEXT.replace(old, new, 1)
    path = tmp_path / "harness.yml"
    path.write_text(changed)
    with pytest.raises(FaultsFound) as found:
        harness.load(path, pins, FUSE_A)
    lines = {path.name: changed.splitlines(), "pinmap.toml": PINS.splitlines()}
    told = [f"{lines[Path(one.path).name][one.line - 1]}  <-- {one.text}" for one in found.value.faults]
    assert any(one.startswith(line) and says in one for one in told), told


def test_the_committed_drawing_shows_what_is_declared() -> None:
    shown = (MADE / "harness.svg").read_text()
    declared = yaml.safe_load(TEXT)
    for ref, values in declared["connectors"].items():
        assert f">{ref}<" in shown
        assert all(f">{label}<" in shown for label in values["pinlabels"])
    assert all(f">{cable}<" in shown for cable in declared["cables"])


def test_the_parts_of_the_drawing_are_those_of_the_source() -> None:
    """As WireViz sums them: every designator is there."""
    listed = set(re.findall(r"\b[XW][A-Z]?\d+\b", (MADE / "harness.tsv").read_text()))
    declared = yaml.safe_load(TEXT)
    assert declared["connectors"].keys() | declared["cables"].keys() <= listed | {"XD1"}
