"""An update beside a line: what is asked for and when again, what is said, and when the node starts anew."""

import asyncio
import hashlib
import os
import struct
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from firmware import wire
from firmware.line import frame, mqtt_core
from firmware.line.link import Link
from firmware.store.folder import Folder
from firmware.store.intake import Intake
from firmware.store.outbox import Outbox
from firmware.update import slots, trial, updater
from firmware.update.tree import Tree
from firmware.update.updater import Updater
from tests.firmware import signing
from tests.firmware.folder_port import FolderPort

NEW = {"firmware/app.mpy": os.urandom(1500), "firmware/b.mpy": b"b"}


class Restarted(Exception):
    """The node starts again."""


class Desk(FolderPort):
    """A port that can be told to restart."""

    name = "host"

    def restart(self) -> None:
        raise Restarted


class Shelf:
    """Who has the parts; `has` takes them away."""

    wait_ms, longest_ms = 5_000, 600_000

    def __init__(self, blobs: dict[bytes, bytes]) -> None:
        self.blobs = blobs
        self.has = True
        self.asked: list[tuple[bytes, int, int]] = []
        self.left: list[tuple[bytes, int]] = []

    def ask(self, digest: bytes, offset: int, now_ms: int) -> None:
        self.asked.append((digest, offset, now_ms))

    def leave(self, digest: bytes, offset: int, now_ms: int) -> None:
        self.left.append((digest, offset))


class Node:
    """A node that was asked to update, and who brings it the parts."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys.implementation, "_mpy", 6 | 1 << 8, raising=False)
        self.desk = cast("Any", Desk(folder, 1000))
        Tree(self.desk.path("a")).append("firmware/app.mpy", b"old")
        (folder / "update.key").write_bytes(signing.KEY)
        slots.save(dict(slots.FIRST), self.desk.path("slots.json"))
        self.head = signing.head(signing.manifest(NEW))
        self.release = hashlib.sha256(self.head).hexdigest()
        self.shelf = Shelf({hashlib.sha256(data).digest(): data for data in [self.head, *NEW.values()]})
        self.intake = Intake(self.desk)
        self.ask("c1")
        self.updater = Updater(self.desk, self.intake, self.shelf)

    def ask(self, number: str, under_way: Updater | None = None) -> None:
        command = {"id": number, "release": self.release, "bytes": len(self.head)}
        trial.asked(under_way, self.intake, command)

    def run(self, seconds: float) -> None:
        """Turn it ten times a second."""
        for _ in range(int(seconds * 10)):
            self.desk.ms += 100
            seen = len(self.shelf.asked)
            self.updater.step(self.desk.ms)
            for digest, offset, _ in self.shelf.asked[seen:] if self.shelf.has else []:
                part = self.shelf.blobs[digest][offset : offset + 1024]
                assert self.updater.came(updater.topic(digest, offset), part)

    def told(self) -> list[tuple[str, ...]]:
        """(kind, what, detail) of the events on flash."""
        self.intake.keep()
        outbox = Outbox(Folder(self.desk.path("rows")), "2" * 16, os.urandom)
        batch = outbox.take("event", 0)
        found = []
        for group in batch.groups if batch is not None else []:
            columns = group.columns
            for row, seq in enumerate(columns["seq"]):
                if group.kind == "answer":
                    state = ("done", "refused", "expired")[columns["state"][row]]
                    found.append((seq, columns["command_id"][row], state, columns["detail"][row]))
                else:
                    state = ("raised", "cleared")[columns["state"][row]]
                    found.append((seq, columns["code"][row], state, columns["detail"][row]))
        return [row[1:] for row in sorted(found)]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(tmp_path, monkeypatch)


def test_it_answers_and_starts_anew_once_the_answer_is_receipted(node: Node) -> None:
    node.run(5)
    assert node.told() == [("c1", "done", "0.2.0, number 12, at the next start")]
    assert node.intake.notes.get("update") is None
    assert node.updater.is_staged
    assert [(digest, offset) for digest, offset, _ in node.shelf.asked] == node.shelf.left
    told = {"mark": 1, "runs": [[1, "1" * 16]]}
    node.intake.outbox.settle({"epoch": node.intake.outbox.epoch(), "lanes": {"event": told}}, True)
    with pytest.raises(Restarted):
        node.run(1)


def test_without_a_receipt_it_starts_anew_after_a_minute(node: Node) -> None:
    node.run(55)
    with pytest.raises(Restarted):
        node.run(10)


def test_a_part_that_does_not_come_is_asked_for_ever_later_and_given_up(node: Node) -> None:
    node.shelf.has = False
    node.run(16)
    assert node.told() == [("not_there", "raised", f"{node.release[:16]} from 0 on")]
    node.shelf.has = True
    node.run(50)
    node.intake.keep()
    assert [row[:2] for row in node.told()][1] == ("not_there", "cleared")
    assert node.updater.is_staged


def test_what_is_withdrawn_is_refused_in_the_end(node: Node) -> None:
    node.shelf.has = False
    while node.intake.notes.get("update") is not None and node.desk.ms < 86_400_000:
        node.desk.ms += 60_000
        node.run(0.2)
    gaps = [
        after[2] - before[2] for before, after in zip(node.shelf.asked, node.shelf.asked[1:], strict=False)
    ]
    assert len(node.shelf.asked) == updater.MOST_MISSES
    assert gaps == sorted(gaps)
    assert max(gaps) < 2 * Shelf.longest_ms
    assert node.told()[-1] == ("c1", "refused", f"not there: {node.release[:16]} from 0 on")
    assert not node.updater.is_moving(node.desk.ms)


def test_a_part_too_long_or_empty_is_as_if_it_had_not_come(node: Node) -> None:
    node.shelf.has = False
    node.run(0.3)
    for data in (b"", b"x" * 1025):
        digest, offset, _ = node.shelf.asked[-1]
        assert node.updater.came(updater.topic(digest, offset), data)
        node.run(0.1)
    assert not node.updater.came("ortoo/v1/unit/receipt", b"{}")
    assert node.updater.came(updater.topic(b"\x00" * 32, 0), b"of another")
    node.shelf.has = True
    node.run(30)
    assert node.updater.is_staged


def test_a_second_command_takes_the_place_of_the_first(node: Node) -> None:
    node.run(0.4)
    node.ask("c1", node.updater)  # the same: nothing happens
    node.ask("c2", node.updater)
    node.run(5)
    assert node.told()[:2] == [
        ("c1", "refused", "another update was asked for"),
        ("c2", "done", "0.2.0, number 12, at the next start"),
    ]
    node.ask("c3", node.updater)
    assert node.intake.notes.get("update")["id"] == "c3", "for the firmware that starts next"
    assert node.updater.is_staged


def test_a_command_right_after_the_staging_does_not_undo_it(node: Node) -> None:
    while node.updater._update.answer is None:
        node.run(0.1)
    node.ask("c2", node.updater)
    assert node.told() == [("c1", "done", "0.2.0, number 12, at the next start")]
    assert node.updater.is_staged
    assert node.intake.notes.get("update")["id"] == "c2"


def test_a_line_that_breaks_is_asked_again_on_the_next_one(node: Node) -> None:
    node.shelf.has = False
    node.run(0.3)
    node.updater.lost()
    node.shelf.has = True
    node.run(5)
    assert node.updater.is_staged


def test_a_firmware_that_runs_but_reaches_nobody_starts_anew_until_it_is_taken_back(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "_TRIAL_S", 0)
    path = node.desk.path("slots.json")
    slots.save(slots.staged(slots.load(path), "b", 12), path)
    for _ in range(slots.TRIES):
        assert slots.begin(path) == ("b", False)
        with pytest.raises(Restarted):
            asyncio.run(trial.end(node.desk, lambda: False))
        asyncio.run(trial.end(node.desk, lambda: True))
    assert slots.begin(path) == ("a", False)
    trial.tell_undone(node.desk, node.intake)
    assert node.told() == [("rolled_back", "raised", "number 12")]
    assert slots.load(path)["undone"] == ""


def test_on_a_battery_attempts_count_and_not_wakes(node: Node) -> None:
    path = node.desk.path("slots.json")
    slots.save(slots.staged(slots.load(path), "b", 12), path)
    slots.begin(path)
    for _ in range(slots.TRIES):
        assert [slots.begin(path, is_wake=True)[0] for _ in range(9)] == ["b"] * 9
        trial.miss(node.desk)
    assert slots.begin(path, is_wake=True) == ("a", False)


def test_what_stops_the_node_again_and_again_is_refused(node: Node) -> None:
    assert all(trial.may_update(node.intake) for _ in range(trial.MOST_STARTS))
    assert not trial.may_update(node.intake)
    assert node.told() == [("c1", "refused", "the node started 50 times")]
    assert node.intake.notes.get("update") is None


@pytest.mark.parametrize(
    "change", [{"release": "ab"}, {"release": "x" * 64}, {"bytes": 0}, {"bytes": 12289}, {"bytes": "7"}]
)
def test_a_command_that_is_none_is_refused_at_once(node: Node, change: dict[str, Any]) -> None:
    command = {"release": node.release, "bytes": 9, **change}
    with pytest.raises((ValueError, TypeError)):
        trial.asked(None, node.intake, command)


@pytest.mark.parametrize("part", [Folder, Outbox])
def test_a_flash_that_does_not_take_the_answer_is_asked_again(
    node: Node, monkeypatch: pytest.MonkeyPatch, part: type
) -> None:
    node.run(1.5)
    assert not node.updater.is_staged

    def broken(*_: object) -> None:
        raise OSError(5, "EIO")

    with monkeypatch.context() as patch:
        patch.setattr(part, "append", broken)
        node.run(10)
        assert not node.updater.is_staged
        assert node.intake.notes.get("update") is not None, "not forgotten before it is answered"
    node.run(1)
    assert node.updater.is_staged
    assert [row for row in node.told() if row[0] == "c1"] == [
        ("c1", "done", "0.2.0, number 12, at the next start")
    ]


def test_the_broker_is_asked_by_subscriptions_one_at_a_time() -> None:
    core = mqtt_core.Core("n")
    core.connect(0)
    core.feed(b"\x20\x03\x00\x00\x00", 0)
    core.output()
    source = updater.FromBroker(core)
    source.ask(b"\xab" * 32, 2048, 0)
    source.leave(b"\xab" * 32, 2048, 0)
    name = b"ortoo/v1/_release/" + b"ab" * 32 + b"/2"
    out = core.output()
    assert out.count(name) == 2
    assert (out[0], out[len(name) + 8]) == (0x82, 0xA2)
    with pytest.raises(wire.WireError):
        wire.parse_topic(name.decode())


def test_the_pi_is_asked_by_frames(node: Node) -> None:
    """The same update over a link: WANT, PART in pieces of 220 bytes, noise and strangers' parts between."""
    link = Link(
        node.intake.outbox, os.urandom, "power", [], lambda _: (True, ""), lambda *_: None, lambda *_: None
    )
    node.updater = updater.over_link(node.desk, node.intake, link)
    decoder, wants = frame.Decoder(), 0
    for _ in range(3000):
        node.desk.ms += 20
        node.updater.step(node.desk.ms)
        for found in decoder.feed(link.output()):
            if found.kind != frame.WANT:
                continue
            start, offset = struct.unpack("<16sI", found.body)
            (data,) = [blob for digest, blob in node.shelf.blobs.items() if digest[:16] == start]
            piece = data[offset : offset + frame.MAX_PART_BYTES]
            wants += 1
            for body in (
                frame.body(frame.PART, (b"\x00" * 16, offset), piece),
                frame.body(frame.PART, (start, offset + 1), piece),
                frame.body(frame.PART, (start, offset), piece) if wants % 5 else b"",
                frame.body(frame.PART, (start, offset), piece) if wants % 5 else b"",
            ):
                link.feed(frame.encode(frame.PART, 0, 1, body), node.desk.ms)
        if node.updater.is_staged:
            break
    assert node.updater.is_staged
    assert {name: Tree(node.desk.path("b")).read(name, 0, 9999) for name in NEW} == NEW
