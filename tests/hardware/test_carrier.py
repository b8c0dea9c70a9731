"""The carrier's KiCad project: its wires say what circuit.csv says, and what the pin map says."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hardware import pinmap
from hardware.carrier import circuit, netlist, project, rules, schematic, sexpr
from hardware.source import FaultsFound, TomlSource
from tests.fixtures.programs import ROOT, find_program

CARRIER = ROOT / "hardware" / "carrier"
KICAD = ROOT / "hardware" / "made" / "carrier"
SHEET = KICAD / "carrier.kicad_sch"
SOURCES = ("circuit.csv", "symbols.toml", "board.toml")


@pytest.fixture(scope="module")
def pins() -> pinmap.PinMap:
    return pinmap.load(ROOT / "hardware" / "pinmap.toml")


@pytest.fixture(scope="module")
def drawn() -> netlist.Netlist:
    return netlist.read(SHEET.read_text())


@pytest.fixture
def faults_of(tmp_path: Path, pins: pinmap.PinMap) -> Callable[[str, str, str], list[str]]:
    """faults_of(file, old, new): what is said when `old` is `new` there, each after its line."""

    def judge(name: str, old: str, new: str) -> list[str]:
        for source in SOURCES:
            shutil.copy(CARRIER / source, tmp_path / source)
        text = (tmp_path / name).read_text()
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new, 1))
        with pytest.raises(FaultsFound) as found:
            project.make(tmp_path, pins, TomlSource(tmp_path / "board.toml", "carrier/board.toml"), "carrier")
        told = []
        for fault in found.value.faults:
            if not fault.path.startswith("carrier/"):
                continue
            lines = (tmp_path / fault.path.removeprefix("carrier/")).read_text().splitlines()
            told.append(f"{lines[fault.line - 1]}  <-- {fault.text}")
        return told

    return judge


def test_the_wires_of_the_drawing_say_what_the_circuit_says(drawn: netlist.Netlist) -> None:
    parts = circuit.load(CARRIER)
    expected = {frozenset(pins_) for pins_ in parts.nets().values()}
    assert {frozenset(pins_) for pins_ in drawn.nets.values()} == expected
    assert set(drawn.parts) == {part.ref for part in parts.parts}


def test_the_drawing_agrees_with_the_pin_map(pins: pinmap.PinMap, drawn: netlist.Netlist) -> None:
    assert list(rules.compare(pins, circuit.load(CARRIER), drawn)) == []
    assert drawn.net_of("U7", "4") == "DOOR"  # GPIO 4 is pad 4 of the module


@pytest.mark.parametrize(
    ("name", "old", "new", "line", "says"),
    [
        ("circuit.csv", "IO4=DOOR IO5=HELP", "IO4=HELP IO5=DOOR", "U7,", "pad 4 (esp32-s3) is on HELP"),
        ("circuit.csv", "IO45=NC", "IO45=DOOR", "U7,", "pad 26 (esp32-s3) is on DOOR, the pin map says None"),
        ("circuit.csv", "LINK_TX_PI GPIO17=PI_HALT_PI", "PI_HALT_PI GPIO17=LINK_TX_PI", "J13,", "pad 11"),
        ("circuit.csv", "1=DOOR_X 2=GND 3=+5V", "1=DOOR 2=GND 3=+5V", "J3,", "pin 1 is on DOOR, the pin map"),
        ("circuit.csv", "1=HELP_X 2=HELP\n", "1=HELPX 2=HELP\n", "R43,", "nothing else is on HELPX"),
        ("circuit.csv", "R43,R,1k", "R40,R,1k", "R40,R,1k,", "R40 is in line"),
        ("circuit.csv", "EN=NODE_EN", "ENABLE=NODE_EN", "U7,", "has no pin ENABLE"),
        ("circuit.csv", "R64,R,100k,30,134", "R64,R,100k,14,132", "R64,", "is drawn over U8"),
        ("circuit.csv", "U8,SHT4x", "U8,SHT5x", "U8,", "there is no symbol SHT5x"),
        ("circuit.csv", "R64,R,100k,", "R64,R,100k,left", "R64,", "whole numbers"),
        ("board.toml", "x = 29.0", "x = 20.0", "J", "overlap"),
        ("board.toml", "x = 16.0, y = 86.0", "x = 16.0, y = 90.0", "J3", "beyond the board's edge"),
        ("board.toml", "J8 = {", "J18 = {", "", "J8 is not placed"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(
    faults_of: Callable[[str, str, str], list[str]], name: str, old: str, new: str, line: str, says: str
) -> None:
    told = faults_of(name, old, new)
    assert any(one.startswith(line) and says in one for one in told), told


def test_a_signal_led_around_its_buffer_is_found(tmp_path: Path, pins: pinmap.PinMap) -> None:
    for source in SOURCES:
        shutil.copy(CARRIER / source, tmp_path / source)
    path = tmp_path / "circuit.csv"
    text = path.read_text().replace("2A=PI_HALT GND", "2A=GND GND")
    path.write_text(text)
    with pytest.raises(FaultsFound, match=r"pinmap\.toml:\d+: PI_HALT: none of these parts is at PI_HALT"):
        project.make(tmp_path, pins, TomlSource(tmp_path / "board.toml", "board.toml"))


def test_a_level_that_nothing_holds_is_found(tmp_path: Path, pins: pinmap.PinMap) -> None:
    for source in SOURCES:
        shutil.copy(CARRIER / source, tmp_path / source)
    path = tmp_path / "circuit.csv"
    path.write_text(path.read_text().replace("1=BOOKS_RESET 2=GND", "1=BOOKS_RESET 2=+3V3"))
    with pytest.raises(FaultsFound, match=r"BOOKS_RESET: no resistor to GND"):
        project.make(tmp_path, pins, TomlSource(tmp_path / "board.toml", "board.toml"))


def test_the_reader_joins_no_wire_that_only_touches(drawn: netlist.Netlist) -> None:
    """Without its junctions the drawing falls apart: the reader does not see more than KiCad would."""
    text = re.sub(r"\(junction.*?\n\t\)", "", SHEET.read_text(), flags=re.DOTALL)
    apart = netlist.read(text)
    assert apart.nets == drawn.nets  # wires are cut where others meet them
    moved = SHEET.read_text().replace('(label "HELP_X"', '(label "HELPX"', 1)
    assert netlist.read(moved).nets != drawn.nets


nodes = st.recursive(
    st.one_of(
        st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
        st.text(max_size=8).filter(lambda text: "\0" not in text).map(sexpr.Quoted),
    ),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=50)
@given(st.lists(nodes, min_size=1, max_size=4))
def test_what_is_dumped_is_parsed_again(node: list[sexpr.Node]) -> None:
    assert sexpr.parse(sexpr.dump(["top", *node])) == ["top", *node]


@pytest.mark.parametrize("text", ["", "(a", "a)", "(a) (b)", "a", '(a "b)', ")("])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"bracket|expression"):
        sexpr.parse(text)


@pytest.fixture(scope="module")
def kicad() -> Path:
    """kicad-cli of a version that checks rules."""
    program = find_program("kicad-cli")
    if program is None:
        pytest.skip("other platform: no kicad-cli (Debian 13 or Debian 12's backports have it)")
    version = subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout
    if int(version.split(".")[0]) < 8:
        pytest.skip(f"other platform: kicad-cli {version.strip()} checks no rules, 8 does")
    return program


def test_kicad_reads_the_same_nets(kicad: Path, drawn: netlist.Netlist, tmp_path: Path) -> None:
    target = tmp_path / "carrier.net"
    run_kicad(kicad, tmp_path, "sch", "export", "netlist", "-o", target, SHEET)
    tree = sexpr.parse(target.read_text())
    nets = {}
    for net in sexpr.children(sexpr.child(tree, "nets"), "net"):
        name = str(sexpr.child(net, "name")[1])
        if not name.startswith("unconnected-"):
            nets[name.removeprefix("/")] = {
                (str(sexpr.child(node, "ref")[1]), str(sexpr.child(node, "pin")[1]))
                for node in sexpr.children(net, "node")
            }
    assert {frozenset(found) for found in nets.values()} == {
        frozenset(found) for found in drawn.nets.values()
    }


def test_kicad_finds_nothing_against_the_rules(kicad: Path, tmp_path: Path) -> None:
    report = tmp_path / "erc.txt"
    done = run_kicad(kicad, tmp_path, "sch", "erc", "--exit-code-violations", "-o", report, SHEET)
    assert done == 0, report.read_text()


def test_kicad_opens_the_board(kicad: Path, tmp_path: Path) -> None:
    target = tmp_path / "board.svg"
    assert run_kicad(
        kicad, tmp_path, "pcb", "export", "svg", "-l", "F.Cu,Edge.Cuts", "-o", target,
        KICAD / "carrier.kicad_pcb",
    ) == 0  # fmt: skip
    assert target.stat().st_size > 1000


def run_kicad(program: Path, home: Path, *arguments: str | Path) -> int:
    """In a home of its own: the first run there writes settings."""
    done = subprocess.run(
        [program, *arguments], env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    return done.returncode


KINDS = {
    name: circuit.load(CARRIER).symbols[name] for name in ("R", "C", "NMOS", "GH4", "LM74700", "TPS22918")
}


@st.composite
def circuits(draw: st.DrawFn) -> circuit.Circuit:
    """Parts strewn over a sheet, their pins on a few nets, none on another's place."""
    cells = draw(
        st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=10, unique=True)
    )
    parts = []
    for number, (column, row) in enumerate(cells):
        symbol = draw(st.sampled_from(list(KINDS.values())))
        nets = {pin.name: draw(st.sampled_from(["A", "B", "C", "GND", "+5V", "NC"])) for pin in symbol.pins}
        x, y = 20 + 14 * column + draw(st.integers(0, 2)), 20 + 12 * row + draw(st.integers(0, 2))
        turn = draw(st.sampled_from([0, 90, 180, 270]))
        parts.append(circuit.Part(f"P{number}", symbol, "v", x, y, turn, "", nets, number))
    assume(not [*circuit._doubled(parts), *circuit._covered(parts)])  # what load() refuses
    return circuit.Circuit("drawn", tuple(parts), KINDS, ())


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(circuits())
def test_whatever_is_drawn_is_read_back(strewn: circuit.Circuit) -> None:
    """No wire joins what is apart, and no name is forgotten."""
    found = netlist.read(schematic.schematic(strewn, ["GND", "+5V"], []))
    assert {frozenset(pins_) for pins_ in found.nets.values()} == {
        frozenset(pins_) for pins_ in strewn.nets().values()
    }
    for name, pins_ in strewn.nets().items():
        assert len(pins_) < 3 or found.nets[name] == pins_
