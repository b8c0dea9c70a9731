"""A node that stands alone on MicroPython, a pty for its modem's UART, and a broker behind it."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
import tty
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from firmware.line.modem_fault import ModemFault
from firmware.line.modem_line import dial
from tests.firmware.modem_talks import READY, Modem, Talk
from tests.fixtures.waiting import wait_until
from tests.micropython import HEAP_KIB

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from tests.fixtures.mosquitto import Mosquitto
    from tests.micropython import MicroPython

CODE = "from firmware.main import main; main()"
UNIT = "household-01"
DIAL = "ATD*99#"


class Line:
    """A pty with a modem at its far end."""

    def __init__(self, heard_by: Modem) -> None:
        self.modem = heard_by
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._is_over = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            data = os.read(self._master, 100)
            if self._is_over:
                return
            said = self.modem.hear(data, now_ms())
            for at in range(0, len(said), 3):
                os.write(self._master, said[at : at + 3])

    def close(self) -> None:
        """Hang up."""
        self._is_over = True
        os.write(self._slave, b"\n")
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def line() -> Iterator[Line]:
    """A modem whose first dial finds no network."""
    made = Line(Modem(Talk("", "", {**READY, DIAL: ["<NO CARRIER<", "<CONNECT 150000000<"]})))
    yield made
    made.close()


@pytest.fixture
def start(
    board: MicroPython, line: Line, mosquitto: Mosquitto, tmp_path: Path
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the node; each time on the same flash, at a modem that nobody has told of it."""
    files = {name: str(tmp_path / name.lower()) for name in ("ORTOO_IMAGE", "ORTOO_SETTINGS", "ORTOO_RTC")}
    children = []

    def begin(heap_kib: int = HEAP_KIB, **more: Any) -> subprocess.Popen[str]:
        settings = {
            "version": 1,
            "unit": UNIT,
            "mode": "alone",
            "modem": {"apn": "internet"},
            "broker": {"host": mosquitto.host, "port": mosquitto.port},
            "drivers": [],
        }
        Path(files["ORTOO_SETTINGS"]).write_text(json.dumps({**settings, **more}))
        children.append(board.start(CODE, {**files, "ORTOO_LINK": line.path}, heap_kib))
        return children[-1]

    yield begin
    for child in children:
        child.kill()
        print(child.communicate()[0])


def connections(mosquitto: Mosquitto, node: subprocess.Popen[str]) -> int:
    """How often the broker let the node in."""
    assert node.poll() is None, "the node has ended"
    return mosquitto.log().count(f" as {UNIT} ")


def test_a_node_dials_again_and_finds_its_modem_after_a_cut_of_power(
    start: Callable[..., subprocess.Popen[str]],
    line: Line,
    board: MicroPython,
    mosquitto: Mosquitto,
    tmp_path: Path,
) -> None:
    image = str(tmp_path / "ortoo_image")

    def faults() -> list[tuple[str, int]]:
        rows = board.call("image_judge.rows", image, heap_kib=2048).result[1]
        return [(row[6][-3], row[6][-2]) for row in rows if row[4:6] == ["fault", "modem"]]

    node = start(group_s=1)
    wait_until(lambda: connections(mosquitto, node) == 1, 60)
    assert line.modem.heard.count(DIAL) == 2
    wait_until(lambda: faults() == [("no_carrier", 0), ("no_carrier", 1)], 60)
    node.kill()
    node.wait()
    assert line.modem.is_in_data
    again = start(group_s=1)
    wait_until(lambda: connections(mosquitto, again) == 2, 60)
    assert faults() == [("no_carrier", 0), ("no_carrier", 1)]


def test_a_node_on_a_battery_dials_and_sleeps(
    start: Callable[..., subprocess.Popen[str]], line: Line, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    line.modem.on[DIAL] = lambda: "<CONNECT 150000000<"
    node = start(duty={})
    assert node.wait(timeout=120) == 0
    assert mosquitto.log().count(f" as {UNIT} ") == 1
    assert (tmp_path / "ortoo_rtc").exists()
    assert line.modem.heard[-1] == DIAL


class Uart:
    """A UART whose far end is a modem that listens at one rate only."""

    def __init__(self, heard_by: Modem) -> None:
        self.modem = heard_by
        self.baud = 0
        self.came = b""

    def init(self, *, baudrate: int) -> None:
        self.baud = baudrate

    def any(self) -> int:
        return len(self.came)

    def read(self, size: int) -> bytes:
        data, self.came = self.came[:size], self.came[size:]
        return data

    def write(self, data: bytes) -> int:
        taken = data[:5]  # as a full buffer does
        self.came += self.modem.hear(taken, now_ms(), self.baud)
        return len(taken)


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def test_the_first_frame_of_ppp_is_left_to_ppp() -> None:
    first = "~\x7f}#@!}!}!} }2}"
    uart = Uart(Modem(Talk("", "", {**READY, DIAL: [f"<CONNECT<{first}<"]})))
    chat = asyncio.run(dial(uart, {"apn": "internet"}, now_ms))
    assert (uart.baud, chat.outcome) == (115200, "online")
    assert uart.came.strip() == first.encode()


def test_why_it_came_to_nothing_is_raised() -> None:
    uart = Uart(Modem(Talk("", "", {"AT+CPIN?": ["<+CPIN: SIM PUK<<OK<"]})))
    with pytest.raises(ModemFault) as failed:
        asyncio.run(dial(uart, {"apn": "internet"}, now_ms))
    assert (failed.value.code, failed.value.is_waiting_good) == ("card_locked", False)
