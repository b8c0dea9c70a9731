"""The power budget: it follows from its assumptions, and a goal that is missed is named by its line."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware import power
from hardware.source import FaultsFound
from tests.fixtures.programs import ROOT

SOURCE = ROOT / "hardware" / "power.toml"
TEXT = SOURCE.read_text()


def test_the_hold_up_by_hand() -> None:
    """Two 25 F in series from 5.0 to 2.5 V hold 117 J, to 2.8 V 107 J; three such strings, old and cold."""
    _, budget = power.load(SOURCE)
    assert budget.stored_j == pytest.approx(3 * 107.25 * 0.85 * 0.7 * 0.8, rel=1e-3)
    assert budget.holds_s == pytest.approx(budget.stored_j / budget.shutdown_w)


def test_the_parked_current_by_hand() -> None:
    _, budget = power.load(SOURCE)
    at_5v = (0.02 + 35 * 1 / 60) * 3.3 / 0.85 / 5 + 0.05
    assert budget.parked_ma == pytest.approx(at_5v * 5 / 0.6 / 12 + 0.3)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("farad = 37.5", "farad = 15.0", "farad = 15.0", "cannot hold the shutdown"),
        ("farad = 37.5", "farad = 25.0", "farad = 25.0", "too near to 5 V"),
        ("shutdown_s = 12.0", "shutdown_s = 30.0", "farad = 37.5", "cannot hold the shutdown"),
        ("empty_v = 2.8", "empty_v = 2.0", "empty_v = 2.0", "the shutdown draws"),
        ("cold = 0.8", "cold = 1.8", "cold = 1.8", "a share"),
        ("fuse_a = 3.0", "fuse_a = 2.0", "fuse_a = 2.0", "too much for 2 A"),
        ("peak_ma = 1400", "peak_ma = 2400", "most_a = 3.5", "more than 3.5 A"),
        ("every_s = 60.0", "every_s = 2.0", "parked_ma = 2.0", "a parked vehicle loses"),
        ("every_s = 60.0", "every_s = 0.5", "for_s = 1.0", "longer than its period"),
        ("ah = 26.0", "ah = 3.0", "ah = 3.0", "months, goal"),
        ("ma = 0.02", "mA = 0.02", "# What the power budget assumes", "not shaped"),
    ],
)
def test_a_goal_that_is_missed_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: str, says: str
) -> None:
    assert old in TEXT
    changed = TEXT.replace(old, new, 1)
    path = tmp_path / "power.toml"
    path.write_text(changed)
    with pytest.raises(FaultsFound) as found:
        power.load(path)
    lines = changed.splitlines()
    assert any(lines[one.line - 1].startswith(line) and says in one.text for one in found.value.faults)


@given(st.floats(min_value=2.6, max_value=5.0))
def test_the_start_voltage_holds_just_what_is_asked(volts: float) -> None:
    holdup = power.load(SOURCE)[0].content["holdup"]
    assert power._volts_for(holdup, power._stored_j(holdup, volts)) == pytest.approx(volts)


def test_the_firmware_and_the_page_quote_the_budget() -> None:
    source, budget = power.load(SOURCE)
    board: dict[str, object] = {}
    exec((ROOT / "firmware" / "board.py").read_text(), board)  # as a node reads it
    limits, duty = board["LIMITS"], board["DUTY"]
    assert isinstance(limits, dict)
    assert isinstance(duty, dict)
    assert 0 <= limits["holdup_start_mv"] - budget.start_v * 1000 <= 10
    assert duty["cabinet_sample"] == (source.content["cabinet"]["sample"]["every_s"], 1000)
    page = (ROOT / "hardware" / "made" / "power.md").read_text()
    assert f"{budget.stored_j:.0f} J, {budget.holds_s:.0f} s" in page
    for warm, cold in budget.months.values():
        assert f"| {warm:.0f} months | {cold:.0f} months |" in page


def figures() -> dict[str, float]:
    """What the guides may quote, by name."""
    source, budget = power.load(SOURCE)
    given = source.content
    cold, pi = given["cold"], given["pi"]
    return {
        **{
            name: getattr(budget, name)
            for name in ("start_v", "stored_j", "needed_j", "holds_s", "parked_ma", "peak_a")
        },
        "parked_goal_ma": given["goal"]["parked_ma"],
        "shutdown_s": given["goal"]["shutdown_s"],
        "fuse_a": given["vehicle"]["fuse_a"],
        "linger_s": cold["linger_s"],
        "halt_timeout_s": cold["halt_timeout_s"],
        "cm4_lowest_c": pi["cm4"]["lowest_c"],
        "cm4_start_c": pi["cm4"]["lowest_c"] + cold["start_above_c"],
        "zero_start_c": pi["zero-2-w"]["lowest_c"] + cold["start_above_c"],
    }


def test_the_guides_quote_the_budget() -> None:
    """A figure stands there as `name`: 4.27 V, and is rounded as it is written."""
    known, quoted = figures(), []
    for path in sorted((ROOT / "hardware" / "guides").glob("*.md")):
        for name, text in re.findall(r"`([a-z0-9_]+)`: (-?[\d.]*\d)", path.read_text()):
            quoted.append(name)
            decimals = len(text.partition(".")[2])
            assert f"{known[name]:.{decimals}f}" == text, f"{path.name}: {name} is {known[name]:.{decimals}f}"
    assert len(quoted) >= 8
