"""An update of a wired node on the Pi: broker and node on paper, a real outbox, shelf and signature."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from edge.outbox import Limits, Outbox, open_outbox
from edge.record import Reading
from edge.releases import rollout as rollout_module
from edge.releases.rollout import LONGEST_WAIT_MS, TELL_MS, Rollout
from edge.releases.shelf import Shelf
from firmware.line import frame
from firmware.update import manifest
from tests.fixtures.operator import Operator, blobs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Broker:
    """Keeps parts, and gives one to whoever wants it."""

    def __init__(self, release: bytes) -> None:
        self.parts = {
            (digest, at // 1024): data[at : at + 1024]
            for digest, data in blobs_of(release).items()
            for at in range(0, len(data), 1024)
        }
        self.wanted: set[tuple[str, int]] = set()
        self.asked = 0

    def want_part(self, digest: str, part: int) -> None:
        self.asked += 1
        self.wanted.add((digest, part))

    def drop_part(self, digest: str, part: int) -> None:
        self.wanted.discard((digest, part))


class Node:
    """What the Pi sees of one."""

    def __init__(self) -> None:
        self.hello = "door ortoo-node/0.1.0"
        self.told: list[dict[str, Any]] = []
        self.answer: tuple[bool, str] | None = None
        self.part: Callable[[bytes, int], bytes] = lambda _start, _offset: b""

    def command(self, number: bytes, text: str) -> None:
        assert 8 + len(text.encode()) <= frame.MAX_BODY_BYTES
        self.told.append(json.loads(text))

    def answer_to(self, number: bytes) -> tuple[bool, str] | None:
        return self.answer

    def serve(self, part: Callable[[bytes, int], bytes]) -> None:
        self.part = part

    def fetched(self, digest: str, size: int) -> bytes:
        """A whole blob, as the node asks for it."""
        start, found = bytes.fromhex(digest)[: frame.PART_ID_BYTES], b""
        while len(found) < size:
            more = self.part(start, len(found))
            assert 0 < len(more) <= frame.MAX_PART_BYTES
            found += more
        return found


class Pi:
    """One Pi, to be started again at any moment."""

    def __init__(self, folder: Path, operator: Operator, release: bytes) -> None:
        self.folder, self.key, self.release = folder, operator.public, release
        self.broker, self.node, self.now_ms = Broker(release), Node(), 0
        self.blobs = blobs_of(release)
        self.digest = next(iter(self.blobs))
        self.outbox: Outbox | None = None
        self.start()

    def start(self) -> None:
        if self.outbox is not None:
            self.outbox.close()
        self.outbox, _ = open_outbox(self.folder / "outbox.db", "b" * 16, Limits())
        self.broker.wanted.clear()
        self.rollout = Rollout({"power": self.node}, self.key, Shelf(self.folder / "releases"))

    def ask(self, command_id: str = "c1", node: str | None = "power") -> None:
        command = {"id": command_id, "what": "update", "release": self.digest, "node": node}
        command = {key: value for key, value in command.items() if value is not None}
        assert self.outbox is not None
        self.rollout.ask(self.outbox, {**command, "bytes": len(self.blobs[self.digest])})

    def step(self, *, is_open: bool = True) -> None:
        self.now_ms += 50
        assert self.outbox is not None
        self.rollout.step(self.outbox, self.broker if is_open else None, self.now_ms)
        for digest, part in sorted(self.broker.wanted):
            data = self.broker.parts.get((digest, part))
            if data is not None:
                self.rollout.take(self.broker, digest, part, data)

    def run(self, until: Callable[[], bool]) -> None:
        for _ in range(1000):
            if until():
                return
            self.step()
        raise AssertionError("it never came to that")

    def hear(self, kind: str, **values: Any) -> None:
        assert self.outbox is not None
        self.rollout.heard(self.outbox, Reading(kind, "power-unit", self.now_ms, values))

    def answers(self) -> list[tuple[str, int, str]]:
        """(command, state, detail) of what it has answered itself."""
        assert self.outbox is not None
        batch = self.outbox.take("event", None, most=100)
        columns = [group.columns for group in batch.groups if group.kind == "answer"] if batch else []
        return [
            row for one in columns for row in zip(one["command_id"], one["state"], one["detail"], strict=True)
        ]


@pytest.fixture(scope="module")
def operators(tmp_path_factory: pytest.TempPathFactory) -> list[Operator]:
    return [Operator(tmp_path_factory.mktemp("keys") / name) for name in ("operator", "stranger")]


@pytest.fixture
def release(tmp_path: Path, operators: list[Operator]) -> bytes:
    folder = tmp_path / "a" / "firmware"
    folder.mkdir(parents=True)
    (folder / "app.mpy").write_bytes(random.Random(1).randbytes(5000))
    (folder / "wire.mpy").write_bytes(random.Random(2).randbytes(2048))
    return operators[0].release(folder.parent, 4, "0.2.0")


@pytest.fixture
def pi(tmp_path: Path, operators: list[Operator], release: bytes) -> Iterator[Pi]:
    made = Pi(tmp_path, operators[0], release)
    yield made
    assert made.outbox is not None
    made.outbox.close()


def test_fetched_told_served_staged_and_running(pi: Pi) -> None:
    pi.ask()
    pi.run(lambda: bool(pi.node.told))
    assert pi.node.told == [
        {"do": "update", "release": pi.digest, "bytes": len(pi.blobs[pi.digest]), "id": "c1"}
    ]
    pi.node.answer = (True, "")
    pi.step()
    assert {digest: pi.node.fetched(digest, len(data)) for digest, data in pi.blobs.items()} == pi.blobs
    pi.hear("answer", command_id="c1", state=0, detail="staged")
    assert not list((pi.folder / "releases").glob("*"))
    pi.step()
    assert pi.answers() == []
    pi.node.hello = "door ortoo-node/0.2.0"
    pi.run(lambda: bool(pi.answers()))
    assert pi.answers() == [("c1", 0, "power runs 0.2.0")]
    pi.ask()
    assert len(pi.node.told) == 1, "a command that was answered is not done again"


def test_a_power_cut_at_any_moment_goes_on_where_it_was(pi: Pi) -> None:
    rng = random.Random(20261121)
    pi.ask()
    parts = len(pi.broker.parts)
    while not pi.node.told:
        pi.step(is_open=rng.random() < 0.8)
        if rng.random() < 0.3:
            pi.start()
            if rng.random() < 0.3:
                for growing in (pi.folder / "releases").glob("*.part"):
                    growing.write_bytes(growing.read_bytes()[:-7])  # a card that kept less than it said
    assert pi.broker.asked < 6 * parts
    pi.node.answer = (True, "")
    pi.step()
    pi.start()
    pi.step()
    assert {digest: pi.node.fetched(digest, len(data)) for digest, data in pi.blobs.items()} == pi.blobs
    pi.hear("answer", command_id="c1", state=0)
    pi.start()
    pi.node.hello = "ortoo-node/0.2.0"
    pi.step()
    assert pi.answers() == [("c1", 0, "power runs 0.2.0")]


def test_what_is_not_there_is_asked_for_ever_more_rarely(pi: Pi) -> None:
    pi.ask()
    head = (pi.digest, 0)
    held = pi.broker.parts.pop(head)
    pi.step()
    asked = pi.broker.asked
    for _ in range(20):
        pi.now_ms += LONGEST_WAIT_MS
        pi.step()
    assert pi.broker.asked == asked + 20
    pi.step()
    assert pi.broker.asked == asked + 20
    pi.broker.parts[head] = held
    pi.run(lambda: bool(pi.node.told))


def test_a_strangers_release_never_reaches_the_node(
    tmp_path: Path, operators: list[Operator], release: bytes
) -> None:
    pi = Pi(tmp_path, operators[1], release)
    pi.ask()
    pi.run(lambda: bool(pi.answers()))
    assert pi.answers() == [("c1", 1, "bad signature")]
    assert pi.node.told == []
    assert not list((tmp_path / "releases").glob("*"))
    assert pi.outbox is not None
    pi.outbox.close()


def test_bytes_that_are_wrong_three_times_are_refused(pi: Pi) -> None:
    digest = list(pi.blobs)[1]
    pi.broker.parts[digest, 1] = bytes(1024)
    pi.ask()
    pi.run(lambda: bool(pi.answers()))
    assert pi.answers() == [("c1", 1, "damaged on its way, three times")]


def test_for_a_node_that_is_not_here_or_will_not(pi: Pi) -> None:
    pi.ask("c0", "freezer")
    pi.ask("c2", None)
    pi.ask()
    pi.run(lambda: bool(pi.node.told))
    pi.node.answer = (False, "no such command")
    pi.step()
    assert [row[:2] for row in pi.answers()] == [("c0", 1), ("c2", 1), ("c1", 1)]
    assert pi.answers()[0][2] == "no node 'freezer' here; there are power"
    assert pi.answers()[2][2] == "no such command"


def test_told_again_until_it_answers_and_replaced_by_a_newer_one(pi: Pi) -> None:
    pi.ask()
    pi.run(lambda: bool(pi.node.told))
    pi.now_ms += TELL_MS
    pi.step()
    assert len(pi.node.told) == 2
    pi.ask("c2")
    pi.run(lambda: len(pi.node.told) == 3)
    assert pi.node.told[-1]["id"] == "c2"
    pi.hear("fault", part="update", code="rolled_back", state=0)
    assert pi.outbox is not None
    assert pi.outbox.note(rollout_module.NOTE) == ""


def test_a_head_that_is_too_long_for_its_command_is_never_whole(pi: Pi) -> None:
    assert len(pi.blobs[pi.digest]) <= manifest.MAX_HEAD_BYTES
    pi.broker.parts[pi.digest, 0] += b"x"
    pi.ask()
    for _ in range(50):
        pi.step()
    assert pi.node.told == []
