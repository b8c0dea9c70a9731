"""The ports of both boards against doubles that refuse what MicroPython's C sources refuse."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import board as pins
from firmware.line import frame
from firmware.ports import dns
from tests.fixtures.programs import ROOT
from tests.micropython import MicroPython

DOUBLES = str(Path(__file__).parent / "boards")
BOARDS = ["esp32", "rp2"]
NAMES = {"esp32": "esp32-s3", "rp2": "pico-2-w"}


def judged(interpreter: MicroPython, name: str, board_name: str, **more: Any) -> Any:
    env = {"ORTOO_BOARD": board_name, "ORTOO_DNS": "127.0.0.1", **more.pop("env", {})}
    given_all = {"board": board_name, "doubles": DOUBLES, "env": env, **more}
    return interpreter.call(f"ports_judge.{name}", given_all).result


@pytest.mark.parametrize("board_name", BOARDS)
def test_with_everything_in_use_each_signal_is_whose_it_is(board: MicroPython, board_name: str) -> None:
    seen = judged(board, "whole", board_name)
    owners, is_esp32 = seen["owners"], board_name == "esp32"
    assert [owners["LINK_TX"], owners["LINK_RX"]] == ["UART1.TX", "UART1.RX"]
    assert owners["AUX_RX"].endswith(".RX")
    assert [owners[signal] for signal in ("BOOKS_RESET", "BOOKS_CS", "LED", "PI_HALT")] == ["out"] * 4
    assert [owners[signal] for signal in ("DOOR", "HELP", "IGNITION", "PI_OFF", "BOOKS_BUSY")] == ["in"] * 5
    assert [owners[signal].split(".")[0] for signal in ("BOOKS_SCK", "SDA")] == [
        "SPI1" if is_esp32 else "SPI0",
        "I2C0",
    ]
    assert seen["codes"] == [19 if is_esp32 else 5] * 3, "each bus has its wires, and nobody on them"
    assert seen["volts"] == [1500 * 16, 1500 * 2] if is_esp32 else [1650 * 16, 1650 * 2]
    assert seen["said"].count("irq off") == seen["said"].count("irq on") == 2
    assert ("country CN" in seen["said"]) is not is_esp32


def test_the_spare_pin_of_a_pico_is_nobodys() -> None:
    assert 28 not in pins.pins("pico-2-w").values()


@pytest.mark.parametrize("board_name", BOARDS)
def test_a_buzzer_sounds_on_and_is_low_in_the_end(board: MicroPython, board_name: str) -> None:
    assert judged(board, "buzzes", board_name) == [["PWM", 1], ["out", 0]]


def test_a_restart_that_was_asked_for_is_no_watchdog_and_no_button(board: MicroPython) -> None:
    """machine.reset() is HARD_RESET (2) on an ESP32, WDT_RESET (3) with bit 1 of the reason on an RP2350."""
    words = judged(board, "causes", "esp32", causes=[[cause, 0] for cause in (0, 1, 2, 3, 4, 5)])
    assert words == ["unknown", "power", "software", "watchdog", "deep_sleep", "software"]
    pico = judged(board, "causes", "rp2", causes=[[1, 0], [3, 1], [3, 2]])
    assert pico == ["power", "watchdog", "software"]
    assert {*words, *pico} <= set(frame.RESETS)


def test_a_door_wakes_unless_it_is_open_already(board: MicroPython) -> None:
    signals = pins.pins("esp32-s3")
    shut = judged(board, "sleeps", "esp32", levels={"DOOR": 0, "IGNITION": 0, "HELP": 1})
    both = sorted([signals["DOOR"], signals["IGNITION"]])
    assert shut["said"] == [f"ext1 {both} 1", f"ext0 {signals['HELP']} 0", "deepsleep 60000"]
    assert shut["kept"]
    assert 0 <= shut["ms"] < 5000
    opened = judged(board, "sleeps", "esp32", levels={"DOOR": 1, "IGNITION": 0, "HELP": 0})
    assert opened["said"] == [f"ext1 [{signals['IGNITION']}] 1", "deepsleep 60000"]


@pytest.mark.parametrize("board_name", BOARDS)
@pytest.mark.parametrize("is_trying", [False, True])
def test_a_network_that_is_not_there_is_an_error_and_not_tried_on(
    board: MicroPython, board_name: str, *, is_trying: bool
) -> None:
    said = judged(board, "joins", board_name, is_trying=is_trying)
    assert said == ["no network somum", False]
    if not is_trying:
        assert judged(board, "joins", board_name, is_trying=False, env={"ORTOO_AIR": "1"}) == ["joined", True]


def test_a_modem_that_hangs_leaves_its_line_to_the_next_call(board: MicroPython) -> None:
    assert judged(board, "hangs_up", "esp32") == 0


NTP = bytes((0x1C, 2)) + bytes(38) + struct.pack(">II", 2_208_988_800 + 1_793_500_000, 1 << 31)


@contextlib.contextmanager
def server(answers: Any, *, is_strange: bool = False) -> Iterator[int]:
    """A port of UDP on which a function answers, or does not; a strange one answers from another."""
    udp = socket.AF_INET, socket.SOCK_DGRAM
    with socket.socket(*udp) as heard, socket.socket(*udp) as stranger:
        heard.bind(("127.0.0.1", 0))

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    data, whence = heard.recvfrom(512)
                    said = answers(data)
                    if data == b"end":
                        return
                    if said:
                        (stranger if is_strange else heard).sendto(said, whence)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield heard.getsockname()[1]
        finally:
            heard.sendto(b"end", heard.getsockname())
            thread.join()


def ntp(asked: bytes) -> bytes:
    return NTP[:24] + asked[40:48] + NTP[32:]


def named(question: bytes, *records: bytes) -> bytes:
    return (
        question[:2]
        + b"\x81\x80\x00\x01"
        + struct.pack(">H", len(records))
        + bytes(4)
        + question[12:]
        + b"".join(records)
    )


def record(kind: int, data: bytes) -> bytes:
    return b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data


def test_names_and_time_are_asked_for_without_keeping_anybody_waiting(board: MicroPython) -> None:
    def names(question: bytes) -> bytes:
        return named(question, record(5, b"\x01x\xc0\x0c"), record(1, b"\x7f\x00\x00\x01"))

    with server(names) as dns_port, server(ntp) as ntp_port:
        seen = judged(board, "asks", "rp2", dns=dns_port, ntp=ntp_port, host="broker.example", looks=2000)
    assert seen[:2] == [["ntp", 1_793_500_000_500], "127.0.0.1"]
    with server(lambda _: b"") as silent:
        evidence, found, turns = judged(
            board, "asks", "esp32", dns=silent, ntp=silent, host="broker.example", looks=5
        )
    assert (evidence, found) == (None, "error -2")
    assert turns > 30, "nobody answers, and whoever feeds the watchdog has its turns"
    with server(names, is_strange=True) as strange, server(lambda _: NTP) as forged:
        seen = judged(board, "asks", "rp2", dns=strange, ntp=forged, host="broker.example", looks=5)
    assert seen[:2] == [None, "error -2"], "somebody else answers"
    with server(names) as dns_port, server(lambda _: NTP) as forged:
        seen = judged(board, "asks", "rp2", dns=dns_port, ntp=forged, host="broker.example", looks=2000)
    assert seen[:2] == [None, "127.0.0.1"], "an answer to another question says nothing of the time"


def test_an_answer_is_read_as_the_rfc_draws_it() -> None:
    asked = dns.question("broker.example", b"\x12\x34")
    assert asked[12:] == b"\x06broker\x07example\x00\x00\x01\x00\x01"
    good = named(asked, record(5, b"\x01x\xc0\x0c"), record(1, bytes((10, 0, 0, 7))))
    assert dns.address(good, asked) == "10.0.0.7"
    assert dns.address(named(asked, record(28, bytes(16))), asked) is None
    for at, byte in ((0, 0), (2, 0x01), (3, 0x83), (13, ord("x"))):
        bad = bytearray(good)
        bad[at] = byte
        assert dns.address(bytes(bad), asked) is None
    assert [dns.is_address(host) for host in ("10.0.0.7", "10.0.0.256", "broker.example", "1.2.3")] == [
        True
    ] + [False] * 3
    with pytest.raises(ValueError, match="no name"):
        dns.question("a..b", b"\x00\x00")


@given(st.binary(max_size=80))
def test_whatever_a_name_server_says_it_is_an_address_or_none(noise: bytes) -> None:
    asked = dns.question("a.b", b"\x00\x01")
    found = dns.address(asked[:2] + b"\x81\x80" + noise, asked)
    assert found is None or dns.is_address(found)
    found = dns.address(named(asked)[:6] + b"\xff\xff" + bytes(4) + asked[12:] + noise, asked)
    assert found is None or dns.is_address(found)


@pytest.mark.parametrize("board_name", BOARDS)
def test_a_board_starts_its_firmware_unless_it_is_held(
    board: MicroPython, tmp_path: Path, board_name: str
) -> None:
    """/main.py on a littlefs of its own: held once, then it runs what lies in /a, which fails."""
    text = (ROOT / "firmware" / "board_main.py").read_text().replace("PROMPT_S = 5", "PROMPT_S = 0")
    files = {
        "/main.py": text,
        "/slots.py": (ROOT / "firmware" / "update" / "slots.py").read_text(),
        "/hold": "",
        "/a/firmware/__init__.py": "",
        "/a/firmware/main.py": (
            "import machine\ndef main(is_safe):\n    machine.said.append(f'ran {is_safe}')\n    1 / 0\n"
        ),
    }
    seen = judged(board, "starts", board_name, image=str(tmp_path / "image"), files=files)
    held, after_held, ran, after_run = seen["ends"]
    assert (held, ran) == ("prompt", "restart")
    assert "hold" not in after_held
    assert "slots.json" not in after_held, "no start was counted"
    assert "slots.json" in after_run
    assert seen["said"] == ["ran False", "reset"]
