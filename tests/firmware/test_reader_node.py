"""A reader node, the firmware on MicroPython with a PN5180 on its wires, and the Pi's real source and desk.

What lies in the field is a file; between the two is a line of two ptys. Either side is started again, the
reader fails and comes back.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.books import iso28560_2
from edge.record import Reading
from edge.sources import SOURCES
from tests.edge.books.made import KnownTime, Unit
from tests.firmware.line.test_wired import BadLine
from tests.fixtures.programs import ROOT
from tests.fixtures.waiting import wait_until
from tests.micropython import MicroPython

CODE = "from firmware.main import main; main()"
UID = "e004010012345671"
BOOK = iso28560_2.encode([iso28560_2.Element(iso28560_2.PII, "QL1", is_locked=True)]).data.hex()
SETTINGS = {
    "version": 1,
    "unit": "pad",
    "mode": "wired",
    "group_s": 1,
    "drivers": [{"type": "pn5180", "name": "books", "period_s": 1}],
}


class Node:
    """The firmware with a reader, and the file that is its field."""

    def __init__(self, board: MicroPython, folder: Path, terminal: Path) -> None:
        self._board = board
        self._folder = folder
        self._field = folder / "field.json"
        self._env = {
            "ORTOO_IMAGE": str(folder / "image"),
            "ORTOO_SETTINGS": str(folder / "node.json"),
            "ORTOO_LINK": str(terminal),
            "ORTOO_WIRED": "reader_chip",
            "ORTOO_FIELD": str(self._field),
        }
        (folder / "node.json").write_text(json.dumps(SETTINGS))
        self.lie()
        self._child: Any = None

    def lie(self, *uids: str, is_dead: bool = False, afi: int = 7) -> None:
        """What lies on the reader from now on."""
        tags = {uid: {"afi": afi, "data": BOOK, "eas": False} for uid in uids}
        new = self._folder / "field.new"
        new.write_text(json.dumps({"is_dead": is_dead, "tags": tags}))
        new.replace(self._field)

    def afi(self) -> int:
        return int(json.loads(self._field.read_text())["tags"][UID]["afi"])

    def start(self) -> None:
        self._child = self._board.start(CODE, self._env)

    def kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            said, _ = child.communicate(timeout=120)
            assert "Traceback" not in said, said


class Pi:
    """A unit with the source `reader` on the other end."""

    def __init__(self, folder: Path, terminal: Path) -> None:
        self._folder, self._terminal = folder, terminal
        self._time = KnownTime()  # the machine's, which goes on when the agent starts again
        self.is_well: bool | None = None  # as the reader's last fault says

    def start(self) -> None:
        source: Any = SOURCES["reader"](
            "pad", str(self._terminal), 115200, self._time.mono_ms, lambda _: None
        )
        run = source.run
        source.run = lambda emit, stop: run(lambda found: (self._hear(found), emit(found)), stop)
        self.unit = Unit(self._folder / "unit", [source], item_prefixes=[])
        self.unit.time = self._time
        self.unit.start()

    def _hear(self, found: Reading) -> None:
        if found.kind == "fault" and found.values["part"] == "books":
            self.is_well = found.values["state"] == 1

    def has_book(self) -> bool:
        return bool(self.unit.ask("status")["pad"])


@pytest.fixture
def line(tmp_path: Path) -> Iterator[BadLine]:
    made = BadLine(tmp_path)
    yield made
    made.close()


def test_a_book_is_lent_and_returned_whoever_starts_again(
    board: MicroPython, line: BadLine, tmp_path: Path
) -> None:
    board.add([ROOT / "tests" / "firmware" / "reader_chip.py"])
    node, pi = Node(board, tmp_path, line.links[0]), Pi(tmp_path, line.links[1])
    node.start()
    pi.start()
    try:
        with pi.unit.time.standing():
            node.lie(UID)
            wait_until(pi.has_book, 60)
            answer = pi.unit.ask("lend", item="QL1", card="R1")
        assert (answer["state"], answer["is_afi_pending"], node.afi()) == ("done", False, 0xC2)

        node.kill()  # its flash knows nothing of tags: it reads them again
        node.lie()
        wait_until(lambda: not pi.has_book(), 60)
        node.start()
        node.lie(UID, afi=0xC2)
        wait_until(pi.has_book, 60)

        pi.unit.end()  # the new one has not seen the tag's data: it asks for it
        pi.start()
        wait_until(pi.has_book, 60)
        assert pi.unit.ask("return", item="QL1")["state"] == "done"
        wait_until(lambda: node.afi() == 7, 60)

        node.lie(UID, is_dead=True)
        wait_until(lambda: not pi.has_book(), 60)
        node.lie(UID)
        wait_until(lambda: pi.is_well, 60)
    finally:
        node.kill()
        pi.unit.end()
    told = [(one["code"], one["state"]) for one in pi.unit.books_of("fault") if one["part"] == "books"]
    assert told == [("no_reply", "raised"), ("no_reply", "cleared")]
    assert [one["event"] for one in pi.unit.books_of()] == ["lent", "returned"]
