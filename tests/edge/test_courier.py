"""The courier between a real outbox, whose disk fails, and a line on which nobody is."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from edge.courier import Courier
from edge.mqtt import Came, Closed, Mqtt, Opened
from edge.outbox import Limits, Outbox, OutboxBroken, connect
from edge.sources.faults import Faults
from edge.uplink import Uplink
from firmware import wire
from tests.edge.made import BOOT, fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge.record import Reading

COMMAND = wire.encode_json("command", {"id": "c1", "what": "erase"})


class Disk:
    """A connection whose commits fail while `is_failing`; without room for more rows while `is_full`."""

    def __init__(self, path: Path) -> None:
        self.real = connect(path)
        self.close = self.real.close
        self.is_failing = False
        self.is_full = False

    def execute(self, statement: str, *parameters: Any) -> Any:
        if self.is_failing and statement == "COMMIT":
            raise OSError(5, "Input/output error")
        if self.is_full and statement.startswith("INSERT INTO"):
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorname = "SQLITE_FULL"
            raise error
        return self.real.execute(statement, *parameters)


class Desk:
    """A courier with all that it joins."""

    def __init__(self, tmp_path: Path) -> None:
        self.disk = Disk(tmp_path / "outbox.db")
        self.outbox = Outbox(self.disk, BOOT, Limits())
        self.line = Mqtt("vehicle-01", "127.0.0.1", 1, wake=lambda: None)
        self.uplink = Uplink(
            window=2, receipt_timeout_ms=30_000, live_period_ms=1000, random=lambda: 0.5, spread_ms=0
        )
        self.told: list[Reading] = []
        self.courier = Courier(
            self.line,
            self.uplink,
            Faults("uplink", self.told.append, lambda: 0),
            birth={"software": "x"},
            batch_rows=10,
            batch_bytes=2048,
            is_deflated=False,
        )
        self.uplink.connecting()

    def step(self, now_ms: int) -> None:
        self.courier.step(self.outbox, now_ms, is_waiting=False, is_clock_good=True)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_an_end_of_the_line_is_heard_behind_whatever_the_disk_could_not_do(desk: Desk) -> None:
    """Else the agent would send into a connection that is gone, and never make another."""
    desk.line._put(Opened("5"))
    desk.step(0)
    assert desk.uplink.is_open
    desk.disk.is_failing = True
    desk.line._put(Came("command", COMMAND))
    desk.line._put(Closed("connection_lost", "gone"))
    with pytest.raises(OutboxBroken):
        desk.step(1)
    with pytest.raises(OutboxBroken):
        desk.step(2)
    assert not desk.uplink.is_open
    desk.disk.is_failing = False
    desk.step(3)  # and the command was kept until it could be done
    batch = desk.outbox.take("event")
    assert batch is not None
    assert [group.columns["command_id"] for group in batch.groups] == [["c1"]]


def test_a_command_for_which_there_is_no_room_keeps_nothing_from_being_sent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room comes from receipts, and these from what is sent."""
    sent: list[str] = []

    def publish(leaf: str, _payload: bytes, *, is_retained: bool = False) -> int:
        sent.append(leaf)
        return len(sent)

    monkeypatch.setattr(desk.line, "subscribe", lambda: None)
    monkeypatch.setattr(desk.line, "publish", publish)
    desk.line._put(Opened("5"))
    desk.step(0)
    desk.outbox.append([fault(1, "waits")])
    desk.disk.is_full = True
    desk.line._put(Came("command", COMMAND))
    desk.step(1)
    assert sent == ["birth", "batch"]
    desk.disk.is_full = False
    desk.step(2)  # and the command was kept until it could be done
    batch = desk.outbox.take("event", (desk.outbox.epoch, 1))
    assert batch is not None
    assert [group.columns["command_id"] for group in batch.groups] == [["c1"]]


def test_a_birth_and_what_it_hears_do_not_hang_on_the_disk(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def note(name: str) -> Callable[..., None]:
        return lambda *_, **__: done.append(name)

    monkeypatch.setattr(desk.line, "subscribe", note("subscribe"))
    monkeypatch.setattr(desk.line, "publish", note("publish"))
    desk.disk.is_failing = True
    desk.line._put(Opened("5"))
    with pytest.raises(OutboxBroken):
        desk.step(0)
    assert done == ["subscribe", "publish"]


def test_without_a_number_for_a_connection_none_is_tried_and_not_at_once_again(desk: Desk) -> None:
    desk.line._put(Closed("unreachable", "nobody there"))
    desk.step(0)
    desk.disk.is_failing = True
    while not desk.uplink.is_connect_due(now_ms := desk.uplink.wait_ms(0)):
        pass
    with pytest.raises(OutboxBroken):
        desk.step(now_ms)
    assert desk.uplink.wait_ms(now_ms) > 1000


def test_a_batch_that_is_too_long_gives_way_to_one_that_nearly_fills_the_limit(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []

    def publish(leaf: str, payload: bytes, *, is_retained: bool = False) -> int:
        sent.append(payload)
        return len(sent)

    monkeypatch.setattr(desk.line, "subscribe", lambda: None)
    monkeypatch.setattr(desk.line, "publish", publish)
    desk.outbox.append([fault(ms, "x" * 250) for ms in range(10)])
    desk.line._put(Opened("5"))
    desk.step(0)
    _, *batches = sent
    assert [wire.decode_batch(payload).rows for payload in batches] == [7, 3]
    assert len(batches[0]) <= 2048
