"""The whole demo as a newcomer runs it: it starts, shows units that move, ends cleanly, and goes on."""

import http.client
import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.programs import Program
from tests.fixtures.waiting import wait_until

START_S = 60
END_S = 15
UNITS = 3

Demo = Callable[..., Program]


@pytest.fixture
def demo(start_module: Callable[..., Program], tmp_path: Path, free_port: int) -> Demo:
    def start(*more: str) -> Program:
        arguments = ["--units", str(UNITS), "--port", str(free_port), "--folder", str(tmp_path / "var")]
        return start_module("ingest.demo", *arguments, *more)

    return start


def ask(port: int, path: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def placed(port: int) -> set[str]:
    """The units that have a position."""
    return {unit["unit"] for unit in ask(port, "/api/v1/units")["units"] if unit["lat_deg"] is not None}


def processes_with(text: str) -> list[str]:
    """The command lines on this machine that name it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        if text in line:
            found.append(line)
    return found


def test_units_appear_ctrl_c_ends_all_and_a_second_start_goes_on(
    demo: Demo, free_port: int, tmp_path: Path
) -> None:
    first = demo()
    first.wait_for_log("Stop it:", START_S)
    wait_until(lambda: len(placed(free_port)) == UNITS, START_S, what="every unit placed")
    first.child.send_signal(signal.SIGINT)
    assert first.wait(END_S) == 0
    assert processes_with(str(tmp_path / "var")) == []

    second = demo()
    second.wait_for_log("Stop it:", START_S)
    assert len(placed(free_port)) == UNITS  # at once: kept from the first run
    wait_until(lambda: " units online" in second.log(), START_S)
    assert second.stop(END_S) == 0
    assert processes_with(str(tmp_path / "var")) == []


def test_a_part_that_ends_is_named_with_its_last_words(demo: Demo, free_port: int, tmp_path: Path) -> None:
    (tmp_path / "var" / "ortoo.sqlite3").mkdir(parents=True)  # what no service can open
    program = demo()
    assert program.wait(START_S) == 1
    assert "the service ended by itself" in program.log()
    assert "the last lines of" in program.log()
    assert processes_with(str(tmp_path / "var")) == []


def test_a_chosen_port_in_use_is_said(demo: Demo, free_port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port))
        taken.listen()
        program = demo()
        assert program.wait(START_S) == 2
    assert f"port {free_port} is in use" in program.log()


def test_a_broker_that_is_not_there_is_said(demo: Demo) -> None:
    program = demo("--broker", "127.0.0.1:1")
    assert program.wait(START_S) == 2
    assert "no broker answers at 127.0.0.1:1" in program.log()
