"""The pin map: what is made of it, and that each kind of mistake in it is named with its line."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hardware import __main__ as build
from hardware import pinmap
from hardware.source import FaultsFound
from tests.fixtures.programs import ROOT
from tests.micropython import MicroPython

SOURCE = ROOT / "hardware" / "pinmap.toml"
TEXT = SOURCE.read_text()


@pytest.fixture(scope="module")
def pins() -> pinmap.PinMap:
    return pinmap.load(SOURCE)


@pytest.fixture
def faults_of(tmp_path: Path) -> Callable[[str, str], list[str]]:
    """faults_of(old, new): what is said when the first `old` is `new`, each after the line that it names."""

    def judge(old: str, new: str) -> list[str]:
        assert old in TEXT
        changed = TEXT.replace(old, new, 1)
        path = tmp_path / "pinmap.toml"
        path.write_text(changed)
        with pytest.raises(FaultsFound) as found:
            pinmap.load(path)
        lines = changed.splitlines()
        return [f"{lines[fault.line - 1]}  <-- {fault.text}" for fault in found.value.faults]

    return judge


def test_what_is_committed_is_what_is_made() -> None:
    assert build.different() == []


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("esp32-s3 = 5\n", "esp32-s3 = 4\n", "esp32-s3 = 4", "is DOOR's already"),
        ("pi = 18\n", "pi = 25\n", "pi = 25", "is CAN_INT's already"),
        ("esp32-s3 = 21\n", "esp32-s3 = 45\n", "esp32-s3 = 45", "strapping: flash voltage"),
        ("pico-2-w = 14\n", "pico-2-w = 23\n", "pico-2-w = 23", "wireless: power"),
        ("pi = 4\n", "pi = 0\n", "pi = 0", "ID_SD"),
        ("pi = 4\n", "pi = 40\n", "pi = 40", "does not exist"),
        ("esp32-s3 = 2\n", "esp32-s3 = 21\n", "esp32-s3 = 21", "cannot be adc"),
        ("esp32-s3 = 6\n", "esp32-s3 = 41\n", "esp32-s3 = 41", "cannot wake"),
        ("pico-2-w = 4\n", "pico-2-w = 28\n", "pico-2-w = 28", "cannot be uart1_tx"),
        ('through = "R34 R35 D5"\n', "", "[signal.IGNITION]", "joins 3V3 and VBAT"),
        ('pi_kind = "uart0_rx"\nconnector = "J6.2"\nthrough = "U9"\n', 'connector = "J6.2"\n',
         "[signal.LINK_TX]", "joins 3V3 and 3V3_PI"),
        ("divide = 16\n", "", "[signal.SUPPLY]", "VBAT undivided"),
        ('connector = "J3.1"', 'connector = "J3.9"', 'connector = "J3.9"', "there is no pin J3.9"),
        ('1 = "DOOR"', '1 = "HELP"', '1 = "HELP"', "which says it is at J7.1"),
        ('harness = "X3"', 'harness = "X2"', 'harness = "X2"', "is J2's already"),
        ("address = 0x45", "address = 0x44", "address = 0x44", "is CABINET's already"),
        ("address = 0x45", "address = 0x03", "address = 0x03", "reserved"),
        ('lines = ["AUX_RX"]', 'lines = ["AUX"]', 'lines = ["AUX"]', "no signal AUX"),
        ("wakes = ", "wake = ", "wake = ", "unknown key 'wake'"),
        ('wakes = "high"', "wakes = true", "wakes = true", "wakes is one of"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(
    faults_of: Callable[[str, str], list[str]], old: str, new: str, line: str, says: str
) -> None:
    assert any(told.startswith(line) and says in told for told in faults_of(old, new))


def test_what_is_no_pin_map_is_told_and_not_thrown(tmp_path: Path) -> None:
    path = tmp_path / "pinmap.toml"
    for text in ("[board", "a = 1", "[board]\n[rail]\n[signal]\nX = 3\n[bus]\n[device]\n[connector]\n"):
        path.write_text(text)
        with pytest.raises(FaultsFound, match=r"pinmap\.toml:1: no"):
            pinmap.load(path)


def test_pins_and_header_agree(pins: pinmap.PinMap) -> None:
    for board in pins.boards.values():
        assert len(set(board.header.values())) == len(board.header)
        assert set(board.header) <= set(board.pins)
    assert pins.boards["pi"].header[14] == 8  # TXD, in every table of the Pi


def test_micropython_reads_the_same_pins(pins: pinmap.PinMap, micropython: Path, tmp_path: Path) -> None:
    interpreter = MicroPython(micropython, tmp_path / "micropython")
    interpreter.add([ROOT / "firmware" / "board.py"])
    for name in pinmap.NODES:
        expected = {signal.name: signal.pins[name] for signal in pins.signals.values() if name in signal.pins}
        assert interpreter.call("board.pins", name).result == expected


def test_the_pi_is_told_its_own_pins(pins: pinmap.PinMap) -> None:
    told = re.findall(r"(?:gpio_?pin|interrupt)=(\d+)", pinmap.pi_config(pins))
    named = ["PI_HALT", "PI_OFF", "GNSS_PPS", "CAN_INT", "PI_PROBES"]
    assert list(map(int, told)) == [pins.signals[name].pins["pi"] for name in named]
