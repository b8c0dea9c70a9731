"""Reading tags: a reader node on a pty, another program's lines over TCP, and checks of a whole shelf."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.books import inventory, iso28560_2, iso28560_4
from edge.books.inventory import Inventory
from edge.simulate.pty_line import PtyLine
from edge.sources import SOURCES, TagWriter
from edge.sources.reader import Tags
from edge.sources.tags import Lines
from firmware import tag_reader
from firmware.line import frame
from tests.edge.books.made import Unit
from tests.firmware.tag_field import Field, Tag
from tests.fixtures.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge.sources import Source

UID = bytes.fromhex("e004010000000001")


def memory(item: str) -> bytes:
    return iso28560_2.encode([iso28560_2.Element(iso28560_2.PII, item, is_locked=True)]).data


class Node:
    """The reader node's own code over a field, at the far end of a pty."""

    def __init__(self, link: Path) -> None:
        self.line = PtyLine(link)
        self.field = Field()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        reader, heard = tag_reader.TagReader(self.field), frame.Decoder()
        seq = 0
        while not self._stop.wait(0.02):
            said = reader.round()
            for one in heard.feed(self.line.received()):
                said += reader.hear(one.kind, one.body)
            for kind, body in said:
                seq += 1
                self.line.send_all(frame.encode(kind, 1, seq, body), self._stop)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(30)
        self.line.close()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path / "reader")
    yield made
    made.close()


def test_a_book_on_the_node_s_pad_is_lent_with_its_gate_opened(node: Node, tmp_path: Path) -> None:
    source = SOURCES["reader"]("pad", str(tmp_path / "reader"), 115200, Clock.now, time.sleep)
    assert isinstance(source, TagWriter)
    unit = Unit(tmp_path / "unit", [source], item_prefixes=[])
    Clock.unit = unit
    unit.start()
    with unit.time.standing():
        node.field.tags[UID] = tag = Tag(memory("QL1"), eas=True)
        wait_until(lambda: unit.ask("status")["pad"], 15)
        answer = unit.ask("lend", item="QL1", card="R1")
    assert (answer["state"], answer["is_afi_pending"], tag.afi) == ("done", False, 0xC2)
    tag.is_gone = True
    wait_until(lambda: not unit.ask("status")["pad"], 15)
    assert unit.ask("return", item="QL1")["state"] == "done"  # by its barcode, the tag out of reach
    unit.end()
    lent, returned = unit.books_of()
    assert (lent["tag_id"], lent["afi"], lent["is_eas_on"], lent["method"]) == (
        UID.hex(),
        0xC2,
        "yes",
        "tag",
    )
    assert "afi" not in returned


class Clock:
    """The unit's time for a source that is made before it."""

    unit: Unit

    @classmethod
    def now(cls) -> int:
        return cls.unit.time.mono_ms()


@given(st.binary(max_size=300))
def test_any_bytes_of_a_node_are_read_or_counted(data: bytes) -> None:
    tags = Tags("pad")
    tags.feed(data + frame.encode(tag_reader.TAG, 1, 1, data[:240]), 5)
    tags.feed(frame.encode(99, 1, 1, b""), 5)
    assert tags.refused["unknown"] >= 1


def test_the_wired_scanner_s_codes_go_to_whoever_asks_first(tmp_path: Path) -> None:
    line = PtyLine(tmp_path / "scanner")
    source = SOURCES["scanner"]("scanner", str(tmp_path / "scanner"), 9600, Clock.now, time.sleep)
    wired = {"name": "scanner", "type": "scanner", "port": str(tmp_path / "scanner")}
    unit = Unit(tmp_path / "unit", [source], wired=[wired])
    Clock.unit = unit
    unit.start()
    assert unit.ask("status")["has_scanner"]

    def scans() -> list[str]:
        line.send(b"QL1\r")  # whoever opens a port throws away what waited there
        found: list[str] = unit.ask("scans")["scans"]
        return found

    assert set(wait_until(scans, 15, every_s=0.2)) == {"QL1"}
    unit.end()
    line.close()


# --- another program ------------------------------------------------------------------------------------


def test_tags_of_another_program_come_as_lines_and_are_written_as_lines(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)
        port = listening.getsockname()[1]
        source: Source = SOURCES["tags"]("llrp", f"127.0.0.1:{port}", 0, Clock.now, time.sleep)
        unit = Unit(tmp_path, [source], item_prefixes=[])
        Clock.unit = unit
        unit.start()
        connection, _ = listening.accept()
        with unit.time.standing(), connection, connection.makefile("rwb") as lines:
            uii = iso28560_4.encode_uii(iso28560_4.Uii("12345678", "CH-000134-1"))
            word = iso28560_4.control_word(iso28560_4.Control(len(uii) // 2, has_user_bank=False, afi=0x07))
            tag = {"tag": "E2", "protocol": "uhf", "bank01": (word.to_bytes(2, "big") + uii).hex()}
            lines.write(b"nonsense\n" + json.dumps(tag).encode() + b"\n")
            lines.flush()
            wait_until(lambda: unit.ask("status")["pad"], 15)
            answers: list[Any] = []
            lending = threading.Thread(
                target=lambda: answers.append(unit.ask("lend", item="12345678", card="R1"))
            )
            lending.start()
            asked = json.loads(lines.readline())
            assert asked == {"write_afi": 0xC2, "tag": "e2"}
            lines.write(b'{"written":"e2","afi":194}\n')
            lines.flush()
            lending.join(60)
        unit.end()
    assert answers[0]["is_afi_pending"] is False
    (lent,) = unit.books_of()
    assert (lent["layout"], lent["owner"], lent["afi"]) == ("iso28560_4", "CH-000134-1", 0xC2)
    assert source.refused["not_json"] == 1


@given(st.binary(max_size=200))
def test_any_line_is_read_or_counted(line: bytes) -> None:
    lines = Lines("llrp")
    lines.feed(line + b"\n", 0)
    assert lines.feed(b'{"tag":"e2","afi":7}\n', 0)[0].values["afi"] == 7


# --- a shelf --------------------------------------------------------------------------------------------


def check(present: list[str], expected: set[str], share: float, seed: int) -> Inventory:
    """A check by rounds of reading in which each tag answers with this probability."""
    dice = random.Random(seed)
    homes = dict.fromkeys(expected, "a1")
    made = Inventory(1, 0, "a1", "tag", frozenset(expected), homes)
    at_ms = 0
    while not made.is_stable:
        for item in present:
            if dice.random() < share:
                made.see(at_ms, item)
        at_ms += inventory.ROUND_MS
        made.step(at_ms)
    return made


def test_a_shelf_is_read_until_nothing_new_comes_and_says_how_sure_it_is() -> None:
    items = [f"QL{number}" for number in range(300)]
    made = check([*items[:290], "XX1"], set(items), 0.7, 7)
    found = made.found()
    assert set(found.missing) == set(items[290:])
    assert (found.count("present"), found.count("foreign")) == (290, 1)
    assert found.sure_pct >= 99
    assert found.missing_sure_pct >= 99


def test_a_shelf_that_answers_badly_is_read_longer_or_less_sure() -> None:
    items = [f"QL{number}" for number in range(300)]
    good, bad = check(items, set(items), 0.95, 1), check(items, set(items), 0.25, 1)
    assert bad.rounds > good.rounds
    assert len(bad.found().missing) <= 300 * (100 - bad.found().missing_sure_pct) / 100 + 3


def test_one_pass_is_no_count() -> None:
    made = Inventory(1, 0, "", "tag", frozenset({"QL1", "QL2"}), {})
    made.see(0, "QL1")
    made.step(inventory.ROUND_MS)
    assert not made.is_stable
    assert made.found().missing == ("QL2",)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)), st.floats(0.3, 1), st.integers(0, 99))
def test_what_is_found_adds_up(here: set[int], listed: set[int], share: float, seed: int) -> None:
    expected = {f"QL{number}" for number in listed}
    found = check([f"QL{number}" for number in sorted(here | {99})], expected, share, seed).found()
    assert found.count("present") + len(found.missing) == found.expected == len(expected)
    assert not set(found.missing) & set(found.places)
    assert 0 <= found.sure_pct <= 100
    assert 0 <= found.missing_sure_pct <= 100
