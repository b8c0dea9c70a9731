"""The whole node on an image with two folders of firmware: updated over a broker, and what cannot start."""

import hashlib
import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware import wire
from firmware.update import slots
from tests.firmware import signing
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.programs import find_program
from tests.micropython import MicroPython

UNIT = "household-03"
CODE = "from firmware.host_main import start; start()"
HEAP_KIB = 224  # of 64-bit objects: the updater is 25 kB more while it works
WAIT_S = 60


def compiled(text: str, folder: Path) -> bytes:
    """A module as a release carries it."""
    cross = find_program("mpy-cross", variable="MPY_CROSS")
    assert cross is not None
    (folder / "module.py").write_text(text)
    subprocess.run([cross, "-o", folder / "module.mpy", folder / "module.py"], check=True)
    return (folder / "module.mpy").read_bytes()


class Node:
    """The firmware in /a of an image, started as a board starts it."""

    def __init__(self, board: MicroPython, folder: Path, port: int) -> None:
        self._board = board
        self._folder = folder
        self.image = str(folder / "node.image")
        firmware = [path.relative_to(board.library) for path in (board.library / "firmware").rglob("*.mpy")]
        self.lay(board.library, "/a", *map(str, firmware))
        (folder / "update.key").write_bytes(signing.KEY)
        self.lay(folder, "", "update.key")
        self.settings: dict[str, Any] = {
            "version": 1,
            "unit": UNIT,
            "mode": "alone",
            "group_s": 1,
            "broker": {"host": "127.0.0.1", "port": port},
            "drivers": [
                {"type": "sht4x", "name": "probe-1", "bus": "climate", "address": 0x44, "period_s": 1}
            ],
        }
        self.child: subprocess.Popen[str] | None = None

    def lay(self, source: Path, target: str, *names: str) -> None:
        """Put files onto the flash."""
        self._board.call("image_judge.lay", [self.image, str(source), target, names], heap_kib=2048)

    def begin_with(self, **state: Any) -> None:
        """What slots.json says before the first start."""
        (self._folder / "slots.json").write_text(json.dumps({**slots.FIRST, **state}))
        self.lay(self._folder, "", "slots.json")

    def state(self) -> dict[str, Any]:
        text = self._board.call("image_judge.read", [self.image, "slots.json"], heap_kib=2048).result
        state: dict[str, Any] = json.loads(text)
        return state

    def start(self) -> None:
        (self._folder / "settings.json").write_text(json.dumps(self.settings))
        env = {"ORTOO_IMAGE": self.image, "ORTOO_RTC": self.image + ".rtc"}
        env["ORTOO_SETTINGS"] = str(self._folder / "settings.json")
        self.child = self._board.start(CODE, env, HEAP_KIB)
        self.said: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(self.child,), daemon=True)
        self._reader.start()

    def _read(self, child: "subprocess.Popen[str]") -> None:
        assert child.stdout is not None
        for line in child.stdout:
            self.said.put(line.strip())

    def wait_for(self, text: str) -> str:
        deadline_s = time.monotonic() + WAIT_S
        heard: list[str] = []
        while not heard or text not in heard[-1]:
            try:
                heard.append(self.said.get(timeout=max(0.0, deadline_s - time.monotonic())))
            except queue.Empty:
                raise AssertionError(f"it never said {text!r}: {heard}") from None
        return heard[-1]

    def stop(self) -> int:
        """Wait for its end, or kill it; its code."""
        assert self.child is not None
        child, self.child = self.child, None
        try:
            code = child.wait(timeout=0 if self._reader.is_alive() else WAIT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            code = child.wait()
        self._reader.join()
        for pipe in (child.stdin, child.stdout):
            assert pipe is not None
            pipe.close()
        return code

    def ended(self) -> int:
        """Wait for its end; its code."""
        self._reader.join(timeout=WAIT_S)
        return self.stop()

    def faults(self) -> list[tuple[str, int, str | None]]:
        """(code, state, detail) of the faults on flash, in their order."""
        rows = self._board.call("image_judge.rows", self.image, heap_kib=2048).result[1]
        return [(cells[-3], cells[-2], cells[-1]) for *_, kind, _, cells in rows if kind == "fault"]


@pytest.fixture
def broker(mosquitto_factory: Callable[..., Mosquitto]) -> Mosquitto:
    return mosquitto_factory()


@pytest.fixture
def node(board: MicroPython, tmp_path: Path, broker: Mosquitto) -> Iterator[Node]:
    made = Node(board, tmp_path, broker.port)
    yield made
    if made.child is not None:
        made.stop()


def say(broker: Mosquitto, topic: str, payload: bytes, *options: str) -> None:
    command = ["mosquitto_pub", "-p", str(broker.port), "-q", "1", "-t", topic, "-s", *options]
    subprocess.run(command, input=payload, check=True, timeout=WAIT_S)


@pytest.mark.parametrize("kind", ["in safe mode", "on a battery"])
def test_a_node_is_reached_and_updated(node: Node, broker: Mosquitto, tmp_path: Path, kind: str) -> None:
    if kind == "on a battery":
        node.settings["duty"] = {"sample_s": 300, "send_s": 86400}
    node.begin_with(starts=slots.SAFE_AFTER if kind == "in safe mode" else 0)
    main = compiled("def main(is_safe=False):\n    print('the new one runs')\n", tmp_path)
    files = {"firmware/__init__.mpy": compiled("", tmp_path), "firmware/main.mpy": main}
    head = signing.head(signing.manifest(files))
    for blob in (head, *files.values()):
        say(broker, f"{wire.PREFIX}/_release/{hashlib.sha256(blob).hexdigest()}/0", blob, "-r")
    node.start()
    node.wait_for("time from")
    release = {"release": hashlib.sha256(head).hexdigest(), "bytes": len(head)}
    command = wire.encode_json("command", {"id": "c1", "what": "update", **release})
    say(broker, wire.topic(UNIT, "command"), command, "-r")
    assert node.wait_for("update: ") == "update: done, 0.2.0, number 12, at the next start"
    node.stop()
    assert [fault[0] for fault in node.faults()] == ["safe_mode"] * (kind == "in safe mode")
    node.start()
    node.wait_for("the new one runs")
    node.stop()
    assert (node.state()["trial"], node.state()["tries"]) == ("b", 1)


def test_what_cannot_even_be_loaded_is_taken_back_and_told_once(node: Node, tmp_path: Path) -> None:
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware" / "main.mpy").write_bytes(compiled("import nothing_of_that_name", tmp_path))
    node.lay(tmp_path, "/b", "firmware/main.mpy")
    node.begin_with(trial="b", trying=12, number=12)
    for _ in range(slots.TRIES):
        node.start()
        assert node.ended() == 1
    for _ in range(2):
        node.start()
        node.wait_for("safe: event")
        node.wait_for("safe: event")  # killed before, it would tell it again
        node.stop()
    told = [fault for fault in node.faults() if fault[0] == "rolled_back"]
    assert told[0] == ("rolled_back", 0, "number 12")
    assert [state for _, state, _ in told] == [0, 1], "told once, and over with the next start"
    assert (node.state()["good"], node.state()["undone"], node.state()["number"]) == ("a", "", 12)
