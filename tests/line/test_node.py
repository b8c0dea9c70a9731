"""A stand-alone node from its sensor to the API: killed at random, started again on the same flash.

The node is the firmware itself on MicroPython's unix port with a board's heap, its flash a littlefs image;
what stands on the image, row by row, must be what the service has.
"""

from __future__ import annotations

import json
import queue
import random
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.waiting import PATIENCE, wait_until
from tests.line import books
from tests.micropython import HEAP_KIB, MicroPython, board_with_firmware

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto
    from tests.line.whole_line import Service

UNIT = "household-01"
SEED = 20261121
KILLS = 8
PROBE = {"type": "sht4x", "bus": "climate", "period_s": 1}
CODE = "from firmware.main import main; main()"


class Node:
    """The firmware as a process on a flash image."""

    code = CODE
    heap_kib = HEAP_KIB

    def __init__(self, board: MicroPython, folder: Path, host: str, port: int) -> None:
        self.board = board
        self.image = folder / "node.image"
        self._settings = folder / "node.json"
        self._broker = {"host": host, "port": port}
        self.env: dict[str, str] = {}  # beside what it needs to start
        self._version = 0
        self._child: subprocess.Popen[str] | None = None
        self.said: queue.Queue[str] = queue.Queue()
        self.heard: list[str] = []
        self.promised = dict.fromkeys(("event", "sense", "track"), 0)

    def configure(self, *drivers: dict[str, Any]) -> None:
        """Settings to take up at the next start."""
        self._version += 1
        values = {"version": self._version, "unit": UNIT, "mode": "alone", "group_s": 1}
        self._settings.write_text(json.dumps({**values, "broker": self._broker, "drivers": drivers}))

    def start(self) -> None:
        self.heard.clear()
        env = {**self.env, "ORTOO_IMAGE": str(self.image), "ORTOO_SETTINGS": str(self._settings)}
        self._child = self.board.start(self.code, env, self.heap_kib)
        self._reader = threading.Thread(target=self._read, args=(self._child,), daemon=True)
        self._reader.start()

    def _read(self, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        for line in child.stdout:
            self._hear(line.strip())
            self.said.put(line.strip())

    def _hear(self, line: str) -> None:
        if line.startswith("safe: "):
            words = line.split()[1:]
            self.promised.update(zip(words[::2], map(int, words[1::2]), strict=True))

    def kill(self) -> None:
        """As a cut of power: nobody gets to clean up."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            self._reader.join()
            for pipe in (child.stdin, child.stdout):
                assert pipe is not None
                pipe.close()
            while not self.said.empty():
                self.heard.append(self.said.get())
            assert not any("Traceback" in line for line in self.heard), "\n".join(self.heard)

    def wait_for(self, text: str, timeout_s: float = 60) -> None:
        deadline_s = time.monotonic() + PATIENCE * timeout_s
        while not self.heard or text not in self.heard[-1]:
            try:
                self.heard.append(self.said.get(timeout=max(0.0, deadline_s - time.monotonic())))
            except queue.Empty:
                raise AssertionError(f"the node never said {text!r}: {self.heard}") from None

    def books(self) -> tuple[int, books.Books]:
        """(rows without a receipt, every row on the image); the node must not run."""
        waiting, rows = self.board.call("image_judge.rows", str(self.image), heap_kib=2048).result
        found: books.Books = {}
        for epoch, lane, seq, boot, kind, source, cells in rows:
            assert (epoch, lane, seq) not in found
            found[epoch, lane, seq] = (boot, kind, source, *cells)
        return waiting, found


@pytest.fixture
def node(micropython: Path, tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Node]:
    made = Node(
        board_with_firmware(micropython, tmp_path / "board"), tmp_path, mosquitto.host, mosquitto.port
    )
    yield made
    made.kill()


@pytest.mark.timeout(600)
def test_a_node_killed_at_random_loses_nothing_and_says_nothing_twice(
    node: Node, mosquitto: Mosquitto, service: Service, note: Callable[..., None]
) -> None:
    rng = random.Random(SEED)
    node.configure(*({**PROBE, "name": f"probe-{at}", "address": 0x43 + at} for at in (1, 2, 3)))
    for kill in range(KILLS):
        node.start()
        if kill == KILLS // 2:
            mosquitto.kill()
            mosquitto.start()
            service.program.kill()
            service.start()
        node.wait_for("safe: ")
        time.sleep(rng.uniform(0.0, 1.5))
        node.kill()
    node.configure()  # without sensors it comes to rest
    service.wait_until_ready()
    while True:
        node.start()
        node.wait_for("all receipted")
        node.kill()
        waiting, own = node.books()
        if not waiting:
            break
    found = books.of_service(service.store, UNIT)
    assert books.unbalanced(own, found) == []
    seqs = {lane: max((seq for _, name, seq in own if name == lane), default=0) for lane in node.promised}
    assert all(seqs[lane] >= promised for lane, promised in node.promised.items())
    records = service.records(UNIT, "climate", source="probe-1")
    assert len(records) == sum(row[1:3] == ("climate", "probe-1") for row in own.values())
    states = [row[-2] for row in own.values() if row[1:3] == ("fault", "probe-3")]
    assert states, "a probe that does not answer is a fault"
    assert not any(row[1:3] == ("climate", "probe-3") for row in own.values())
    wait_until(lambda: UNIT in json.dumps(service.get("units")), 30)
    note(seed=SEED, kills=KILLS, rows=len(own), lost=0, twice=0)
