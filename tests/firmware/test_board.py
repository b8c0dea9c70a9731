"""The firmware as a whole: the same on both interpreters, within its size, and typed as the boards are."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.firmware import parity_judge, sizes
from tests.fixtures.programs import ROOT
from tests.micropython import HEAP_KIB, MicroPython

SEEDS = 700  # six vectors each
MOST_GROWTH = 1.05
CONNECTIONS = 25
WRONG = """
import machine
from firmware.ports.port import Port

machine.Pin(4, machine.Pin.IN).valeu()

def read(port: Port) -> None:
    port.pin_in("DOOR").valeu()
"""
ROOMS = ("store", "line", "cabinet", "settings", "power", "update")
PORTS = ("esp32", "rp2", "host", "image", "micro", "ppp")
OF_BOARDS = ("machine", "network", "esp32", "rp2", "ssl", "onewire", "ds18x20", "socket", "vfs")


def test_three_thousand_vectors_come_out_alike(board: MicroPython) -> None:
    seeds = list(range(1, SEEDS + 1))
    assert board.call("parity_judge.judged", seeds).result == parity_judge.judged(seeds)


def test_signatures_are_judged_alike(board: MicroPython) -> None:
    published = json.loads((Path(__file__).parent / "update" / "p256_vectors.json").read_text())
    vectors = [[vector[name] for name in ("key", "message", "signature")] for vector in published]
    vectors += [[key, "00" + message, signature] for key, message, signature in vectors]
    vectors += [[key[:-2] + "00", message, signature] for key, message, signature in vectors[:3]]
    outcome = board.call("parity_judge.signatures", vectors)
    print(f"{outcome.microseconds / 1000 / sum(outcome.result):.0f} ms each at most")
    expected = [vector["is_good"] for vector in published]
    assert outcome.result == parity_judge.signatures(vectors)
    assert outcome.result == expected + [False] * (len(expected) + 3)


def test_working_leaves_nothing_behind(board: MicroPython) -> None:
    assert board.call("heap_judge.leaked", 10).result < 512


def test_many_connections_leave_nothing_behind(
    board: MicroPython, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the whole app in a board's heap, with rows to send, and a broker that goes away each time."""
    monkeypatch.setenv("ORTOO_IMAGE", str(tmp_path / "image"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        broker = threading.Thread(target=fickle, args=(listening,), daemon=True)
        broker.start()
        found = board.call("connection_judge.used", [listening.getsockname()[1], CONNECTIONS]).result
    broker.join(60)
    early, late = max(found[5:15]), max(found[-10:])
    assert late - early < 64 * CONNECTIONS, found  # a table that grows once is no leak
    assert late < HEAP_KIB * 1024 - 8192, found


def fickle(listening: socket.socket) -> None:
    """A broker that takes everybody in, hears their first records and what comes with them, and goes."""
    for _ in range(CONNECTIONS):
        line, _ = listening.accept()
        with line:
            line.settimeout(60)
            heard = line.recv(4096)
            line.sendall(b"\x20\x03\x00\x00\x00")  # CONNACK of MQTT 5
            while b"/batch" not in heard:
                heard = heard[-100:] + line.recv(4096)
            line.settimeout(0.05)
            with contextlib.suppress(OSError):
                while line.recv(4096):
                    pass


def test_the_firmware_stays_small(board: MicroPython) -> None:
    """Bytes of each .mpy and heap: over the table by 5 % is a decision, made by writing it anew."""
    table, found = json.loads(sizes.TABLE.read_text()), sizes.measured(board)
    print(json.dumps(found, indent=1))
    assert sorted(found) == sorted(table), "python -m tests.firmware.sizes"
    grown = {
        name: (size, table[name]) for name, size in found.items() if size > table[name] * MOST_GROWTH + 64
    }
    assert grown == {}, "look at what grew; then python -m tests.firmware.sizes"


def test_only_ports_know_the_board() -> None:
    users = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "firmware").rglob("*.py"))
        for line in path.read_text().splitlines()
        if line.strip().startswith(("import ", "from ")) and line.split()[1].split(".")[0] in OF_BOARDS
    ]
    assert set(users) <= {f"firmware/ports/{name}.py" for name in PORTS} | {"firmware/board_main.py"}


def test_every_file_is_in_the_readme() -> None:
    firmware = ROOT / "firmware"
    text = (firmware / "README.md").read_text()
    files = {path.name for path in firmware.glob("*.py")}
    files |= {path.name for room in ROOMS for path in (firmware / room).glob("*.py")}
    assert {name for name in files if f"`{name}`" not in text} == {"__init__.py"}


@pytest.mark.parametrize("config", ["esp32", "rp2"])
def test_both_boards_type_the_whole_firmware(config: str) -> None:
    """All but the contract, which servers run too, and what is not to be seen from a checkout."""
    other = {"esp32": "rp2", "rp2": "esp32"}[config]
    lines = (ROOT / "firmware" / f"mypy-{config}.ini").read_text().splitlines()
    assert {"strict = True", "files = firmware"} <= set(lines)
    assert rf"exclude = firmware/(ports/{other}|board_main|wire)\.py" in lines


@pytest.mark.parametrize("board_name", ["esp32", "rp2"])
def test_a_wrong_call_of_a_pin_is_found(board_name: str, tmp_path: Path) -> None:
    """With the stubs that `./dev check` installs; without them it is `./dev check` that fails."""
    stubs = ROOT / ".cache" / "stubs" / board_name
    if not stubs.is_dir():
        pytest.skip("./dev check installs the stubs")
    wrong = tmp_path / "wrong.py"
    wrong.write_text(WRONG)
    config = (ROOT / "firmware" / f"mypy-{board_name}.ini").read_text()
    kept = [line for line in config.splitlines() if not line.startswith(("files", "cache_dir"))]
    (tmp_path / "mypy.ini").write_text("\n".join([*kept, f"cache_dir = {tmp_path / 'cache'}"]))
    command = [sys.executable, "-m", "mypy", "--config-file", str(tmp_path / "mypy.ini"), str(wrong)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert '"Pin" has no attribute "valeu"' in done.stdout, done.stdout + done.stderr
    assert '"Input" has no attribute "valeu"' in done.stdout, done.stdout + done.stderr
