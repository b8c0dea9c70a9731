"""The parts list: every reference of both drawings, none without a temperature grade."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from hardware import bom, harness, pinmap
from hardware.carrier import circuit
from hardware.source import FaultsFound
from tests.fixtures.programs import ROOT

HERE = ROOT / "hardware"
TEXT = (HERE / "bom.csv").read_text()


@pytest.fixture(scope="module")
def drawings() -> tuple[circuit.Circuit, harness.Harness]:
    pins = pinmap.load(HERE / "pinmap.toml")
    return circuit.load(HERE / "carrier"), harness.load(HERE / "harness.yml", pins, 3.0)


@pytest.fixture
def faults_of(
    tmp_path: Path, drawings: tuple[circuit.Circuit, harness.Harness]
) -> Callable[[str, str, str], list[str]]:
    """faults_of(ref, column, value): what is said when that cell has that value, each after its line."""

    def judge(ref: str, column: str, value: str) -> list[str]:
        rows = list(csv.DictReader(io.StringIO(TEXT)))
        next(row for row in rows if ref in row["refs"].split())[column] = value
        path = tmp_path / "bom.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, bom.COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        with pytest.raises(FaultsFound) as found:
            bom.load(path, *drawings)
        lines = path.read_text().splitlines()
        return [
            f"{lines[one.line - 1] if 'bom' in one.path else one.path}  <-- {one.text}"
            for one in found.value.faults
        ]

    return judge


@pytest.mark.parametrize(
    ("ref", "column", "value", "line", "says"),
    [
        ("U2", "grade_c", "", "U2 U4,", "no temperature grade"),
        ("U2", "grade_c", "industrial", "U2 U4,", "written as -40..85"),
        ("U2", "grade_c", "0..70", "U2 U4,", "rated to 0 degC only"),
        ("U2", "datasheet", "", "U2 U4,", "no datasheet"),
        ("U2", "part", "LM74610", "U2 U4,", "U2 is LM74700QDBVRQ1 in the schematic"),
        ("U2", "refs", "U2 U3", "U", "U3 is in line"),
        ("U2", "refs", "U2", "hardware/carrier/circuit.csv", "U4 is not in bom.csv"),
        ("XR1", "refs", "XR2", "XR2,", "XR2 is in no drawing"),
        ("XR1", "refs", "LC3", "hardware/harness.yml", "XR1 is not in bom.csv"),
        ("XR1", "part", "MK04", "XR1,", "XR1 is 59140-010 in the harness"),
        ("U2", "vehicle", "3", "U2 U4,", "3 fitted, the schematic has 2"),
        ("U2", "vehicle", "-1", "U2 U4,", "no number of pieces"),
        ("U2", "price_usd", "cheap", "U2 U4,", "a band"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    faults_of: Callable[[str, str, str], list[str]], ref: str, column: str, value: str, line: str, says: str
) -> None:
    told = faults_of(ref, column, value)
    assert any(one.startswith(line) and says in one for one in told), told


def test_sums_are_those_of_the_lines(drawings: tuple[circuit.Circuit, harness.Harness]) -> None:
    items = bom.load(HERE / "bom.csv", *drawings)
    rows = list(csv.DictReader(io.StringIO(TEXT)))
    for variant, (kinds, low, high) in bom.totals(items).items():
        used = [row for row in rows if int(row[variant])]
        assert kinds == len(used) > 5
        assert 0 < low < high
    page = (HERE / "made" / "parts.md").read_text()
    assert all(item.texts["part"] in page for item in items)
