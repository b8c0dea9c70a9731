"""What the values amount to is within its bounds, and agrees with what the firmware multiplies by."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware import pinmap, power
from hardware.carrier import circuit, setpoints
from tests.fixtures.programs import ROOT

HERE = ROOT / "hardware"


@pytest.fixture(scope="module")
def pins() -> pinmap.PinMap:
    return pinmap.load(HERE / "pinmap.toml")


def judged(folder: Path, pins: pinmap.PinMap, ref: str, value: str) -> list[str]:
    """What is said when that part has that value."""
    drawn = circuit.load(folder)
    parts = [dataclasses.replace(part, value=value) if part.ref == ref else part for part in drawn.parts]
    changed = dataclasses.replace(drawn, parts=tuple(parts))
    assumed = power.load(HERE / "power.toml")[0].content
    lines = (folder / "circuit.csv").read_text().splitlines()
    found = setpoints.faults(changed, setpoints.setpoints(changed, pins, assumed))
    return [f"{lines[fault.line - 1]}  <-- {fault.text}" for fault in found]


@pytest.mark.parametrize(
    ("ref", "value", "says"),
    [
        ("R13", "20k", "5 V of U3 is 6.04 V"),
        ("R31", "10k", "SUPPLY is divided by is 31"),
        ("R33", "47k", "HOLDUP is divided by"),
        ("R35", "10k", "ignition at the pin"),
        ("C24", "1u 10V", "kept in a reset is 0.323 s"),
        ("R26", "100k", "capacitors full is 9.51 V"),
        ("R42", "10k", "through a shut door"),
        ("R11", "47k", "U3 starts above"),
    ],
)
def test_a_wrong_value_is_named_with_its_line(pins: pinmap.PinMap, ref: str, value: str, says: str) -> None:
    assert any(says in told for told in judged(HERE / "carrier", pins, ref, value))


def test_the_values_as_they_are_meet_every_bound(pins: pinmap.PinMap) -> None:
    assert judged(HERE / "carrier", pins, "R1", "0R") == []


@given(st.integers(1, 999), st.sampled_from("pnumRkM"), st.integers(0, 99))
def test_a_value_is_read_as_it_is_written(whole: int, factor: str, part: int) -> None:
    scale = {"p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "R": 1, "k": 1e3, "M": 1e6}[factor]
    assert setpoints.value_of(f"{whole}{factor}{part}") == pytest.approx(float(f"{whole}.{part}") * scale)


@pytest.mark.parametrize("text", ["", "k", "4.7k", "SM8S36A", "k47"])
def test_what_is_no_value_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no value"):
        setpoints.value_of(text)
