"""The firmware on MicroPython and the Pi's agent over a bad line of two ptys, either killed in mid-stream."""

import json
import os
import random
import select
import shutil
import signal
import threading
import time
import tty
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.agent import Agent
from edge.config import settings_of
from edge.outbox import Limits, open_outbox
from edge.record import Reading
from edge.time_source import ScaledTime
from firmware import wire
from tests.fixtures.programs import ROOT
from tests.fixtures.waiting import wait_until
from tests.micropython import MicroPython

if TYPE_CHECKING:
    import subprocess

SEED = 20261121
PROBES = 8
ENDED = "ended with the run before"
CODE = "from firmware.main import main; main()"


class BadLine:
    """Two ptys and what goes between them: in small pieces, some of it lost, damaged or made up."""

    def __init__(self, folder: Path) -> None:
        self.dice = random.Random(SEED)
        self.badness = 0.0
        self.carried = 0
        self.masters, self.links = [], []
        for name in ("node", "pi"):
            master, slave = os.openpty()
            tty.setraw(slave)
            os.set_blocking(master, False)
            link = folder / name
            link.symlink_to(os.ttyname(slave))
            self.masters.append(master)
            self.links.append(link)
            self._keep = [*getattr(self, "_keep", []), slave]  # or a hang-up ends the line
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            ready, _, _ = select.select(self.masters, [], [], 0.05)
            for master in ready:
                other = self.masters[1 - self.masters.index(master)]
                self._carry(os.read(master, self.dice.randint(1, 97)), other)

    def _carry(self, data: bytes, to: int) -> None:
        self.carried += len(data)
        fate = self.dice.random()
        if fate < self.badness / 3:
            return
        if fate < 2 * self.badness / 3:
            data = bytes((data[0] ^ 0x10,)) + data[1:]
        elif fate < self.badness:
            data += self.dice.randbytes(7)
        try:
            os.write(to, data)
        except BlockingIOError:
            return  # nobody reads: the line is full

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for end in (*self.masters, *self._keep):
            os.close(end)


class Node:
    """The firmware in wired mode, on its flash image."""

    def __init__(
        self, board: MicroPython, folder: Path, line: Path, drivers: list[dict[str, Any]] | None = None
    ) -> None:
        self._board = board
        self.image = folder / "image"
        self.env = {"ORTOO_IMAGE": str(self.image), "ORTOO_LINK": str(line)}
        self.env["ORTOO_SETTINGS"] = str(folder / "settings.json")
        self._child: subprocess.Popen[str] | None = None
        self.safe = 0  # the number of the newest sample on flash
        self.own: dict[tuple[str, str, int], list[Any]] = {}  # the rows that were seen on flash
        probe = {"type": "sht4x", "bus": "climate", "period_s": 1}
        if drivers is None:
            drivers = [{**probe, "name": f"probe-{at}", "address": 0x44 + at % 2} for at in range(PROBES)]
        self.carries(drivers)

    def carries(self, drivers: list[dict[str, Any]]) -> None:
        """From its next start on."""
        settings = {"version": 1, "unit": "node", "mode": "wired", "group_s": 1, "drivers": drivers}
        Path(self.env["ORTOO_SETTINGS"]).write_text(json.dumps(settings))

    def start(self, until: str = "safe: ") -> list[str]:
        """Until it says so; what it said."""
        self._child = self._board.start(CODE, self.env)
        assert self._child.stdout is not None
        said = []
        while until not in (line := self._child.stdout.readline()):
            assert line, "it has ended"
            assert "Traceback" not in line, line + self._child.stdout.read()
            said.append(line)
        self._reader = threading.Thread(target=self._read, args=(self._child,), daemon=True)
        self._reader.start()
        return said

    def _read(self, child: "subprocess.Popen[str]") -> None:
        assert child.stdout is not None
        for line in child.stdout:
            if line.startswith("safe: "):
                self.safe = int(line.split("sense ")[1].split()[0])

    def log_more(self) -> None:
        """Wait until it has samples of all probes on flash that it had not."""
        begin = self.safe
        wait_until(lambda: self.safe >= begin + PROBES, 30, what="samples on flash")

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._reader.join()
            for pipe in (self._child.stdin, self._child.stdout):
                assert pipe is not None
                pipe.close()
            self._child = None

    def look(self) -> int:
        """Keep what is on flash, which forgets what has its receipt; how many rows have none."""
        copy = self.image.with_name("copy")
        if self._child is not None:
            self._child.send_signal(signal.SIGSTOP)
        shutil.copy(self.image, copy)
        if self._child is not None:
            self._child.send_signal(signal.SIGCONT)
        waiting, rows = self._board.call("image_judge.rows", str(copy), heap_kib=65536).result
        self.own |= {(epoch, lane, seq): row for row in rows for epoch, lane, seq in [row[:3]]}
        return int(waiting)

    def look_until(self, is_reached: Callable[[int], bool], what: str) -> None:
        """Look until what waits, or what has been carried, is as wanted."""
        wait_until(lambda: is_reached(self.look()), 30, every_s=0.2, what=what)


class Pi:
    """The agent, whose boot outlives its process."""

    def __init__(self, folder: Path, line: Path, **more: Any) -> None:
        self.path = folder / "outbox.db"
        self.time = ScaledTime()
        self.settings = settings_of(
            {
                "unit": {"id": "vehicle-01"},
                "broker": {"host": "127.0.0.1", "port": 9},
                "outbox": {"path": str(self.path), "group_ms": 100},
                "source": [{"name": "node", "type": "node", "port": str(line), "baud": 115200}],
                **more,
            },
            "pi",
        )
        self._thread: threading.Thread | None = None
        self.live: Counter[str] = Counter()  # readings that were heard, by source

    def start(self) -> None:
        self.stop = threading.Event()
        self.agent = Agent(self.settings, self.time)
        take = self.agent._intake.take

        def counted(reading: Reading) -> Any:
            self.live[reading.source] += reading.mark is None
            return take(reading)

        self.agent._intake.take = counted  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self.agent.run, args=(self.stop,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        if self._thread is not None:
            self.stop.set()
            self.agent.wake()
            self._thread.join(60)
            self._thread = None

    def rows(self) -> list[tuple[str, str, str, tuple[Any, ...]]]:
        """(lane, kind, source, cells) of what came from the node, in order."""
        outbox, _ = open_outbox(self.path, self.time.boot, Limits())
        found = []
        for lane in ("event", "sense"):
            after = None
            while (batch := outbox.take(lane, after)) is not None:
                after = (batch.epoch, batch.last_seq)
                rows = [
                    (
                        seq,
                        (
                            lane,
                            group.kind,
                            group.source,
                            tuple(group.columns[name][at] for name in group.columns)[4:],
                        ),
                    )
                    for group in batch.groups
                    for at, seq in enumerate(group.columns["seq"])
                ]
                found += [row for _, row in sorted(rows)]
        outbox.close()
        return found


@pytest.fixture
def line(tmp_path: Path) -> Iterator[BadLine]:
    made = BadLine(tmp_path)
    yield made
    made.close()


def test_what_a_node_logged_alone_reaches_the_pi_once_and_in_order(
    board: MicroPython, line: BadLine, tmp_path: Path
) -> None:
    node, pi = Node(board, tmp_path, line.links[0]), Pi(tmp_path, line.links[1])
    try:
        for _ in range(3):  # nobody hears it: it logs by itself
            node.start()
            node.log_more()
            node.kill()
        line.badness = 0.2
        node.start()
        pi.start()
        node.look_until(lambda _: line.carried > 1500, "the first bytes")
        node.kill()
        node.start()
        node.look_until(lambda _: line.carried > 3000, "more bytes")
        pi.end()
        pi.start()
        line.badness = 0.02
        node.kill()
        node.carries([])
        node.start()
        node.look_until(lambda waiting: waiting == 0, "all records to arrive")
    finally:
        node.kill()
        pi.end()
    expected = [
        (lane, kind, f"node-{source}", tuple(cells[3:]))
        for _, lane, _, _, kind, source, cells in (node.own[identity] for identity in sorted(node.own))
        if kind != "clock_set"
    ]
    logged = {row[2] for row in expected}
    # What the Pi had live and did not hear the end of, it ends by itself when it starts again.
    arrived = [row for row in pi.rows() if row[2] in logged and row[3][-1] != ENDED]
    assert len(expected) > 3 * PROBES
    for source in sorted(logged):
        own_rows = [row for row in expected if row[2] == source]
        rest = [row for row in arrived if row[2] == source]
        assert len(rest) == len(own_rows) + pi.live[source], "none twice"
        following = iter(rest)
        assert all(row in following for row in own_rows), "none lost, and in order"


def test_an_excursion_with_the_pi_dead_sounds_at_once_and_is_judged_afterwards(
    board: MicroPython, line: BadLine, tmp_path: Path
) -> None:
    """Samples 1,100 s apart, each a start of the same boot: an hour and more of twelve degrees."""
    board.add([ROOT / "tests" / "firmware" / "cold_room.py"])
    alarm = {"low_cc": 200, "high_cc": 800, "for_s": 0}
    node = Node(board, tmp_path, line.links[0], [{"type": "ds18b20", "name": "fridge", "alarm": alarm}])
    node.env |= {f"ORTOO_{name.upper()}": str(tmp_path / name) for name in ("rtc", "room")}
    node.env["ORTOO_WIRED"] = "cold_room"
    probe = {"name": "vaccines", "input": "node-0", "profile": "tight", "period_s": 600}
    # Without a clock the Pi takes nothing of before it began.
    pi = Pi(tmp_path, line.links[1], cabinet={"folder": str(tmp_path / "run"), "probe": [probe]})
    pi.time.evidence = lambda: ("ntp", int(time.time() * 1000))  # type: ignore[method-assign]
    try:
        for start in range(6):
            (tmp_path / "room").write_text(str(12 * 16))
            (tmp_path / "rtc").write_text(f"{'d' * 16} {start * 1_100_000}")
            if start == 5:
                pi.start()
                node.start()
                break
            said = node.start(f"sense {2 * start + 2} ")  # how it is, and how cold it is
            assert any("buzz" in text for text in said)
            node.kill()
        wait_until(lambda: '"level": "act"' in status_of(tmp_path), 60)
    finally:
        node.kill()
        pi.end()
    (told,) = [cells for _, kind, source, cells in pi.rows() if (kind, source) == ("excursion", "vaccines")]
    names = [field.name for field in wire.KINDS["excursion"].fields]
    found = dict(zip(names, told, strict=True))
    assert (found["number"], found["state"], found["highest_cc"]) == (1, 0, 1200)
    assert abs(found["outside_s"] - 4 * 1100) < 60
    warm = [cells for _, kind, source, cells in pi.rows() if (kind, source) == ("climate", "vaccines")]
    assert len(warm) >= 5


def status_of(folder: Path) -> str:
    path = folder / "run" / "status.json"
    return path.read_text() if path.exists() else ""
