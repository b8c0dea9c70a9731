"""What the service may ask of an outbox: the raw track, a stretch of the black box, to forget what it has.

A command runs once: that it ran is committed together with its answer, which the outbox records as an event.
Stretches of the black box are remembered until all of their rows have gone out again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from edge.outbox import lanes, quota, raw
from edge.outbox.connection import transaction
from edge.outbox.rows import Row, cells_of
from firmware import wire

if TYPE_CHECKING:
    from edge.outbox.connection import Connection
    from edge.record import Values

DONE_KEPT = 1000
NO_SETTINGS = "the settings of this unit are a file on it"
NO_UPDATES = "this unit takes no updates: it has no [releases] key_file"
ERASED_AT_ONCE = 20_000  # in one transaction: some megabytes


class Answer(NamedTuple):
    """How a command went, in words of the wire, and how many rows it was about."""

    state: Literal["done", "refused", "expired"]
    detail: str | None
    rows: int

    def values(self, command_id: str) -> Values:
        """Those of the record that tells it."""
        words = wire.KINDS["answer"].by_name["state"].words
        state = words.index(self.state)
        return {"command_id": command_id, "state": state, "detail": self.detail, "rows": self.rows}


class Stretch(NamedTuple):
    """The next rows of one that was asked for again; none are left of it when `rows` is empty."""

    number: int
    lane: lanes.Lane
    rows: list[Row]


def is_done(db: Connection, command_id: str) -> bool:
    return db.execute("SELECT 1 FROM commands WHERE id = ?", (command_id,)).fetchone() is not None


def remember(db: Connection, command_id: str) -> None:
    """Note that a command has run. Within the transaction of its answer."""
    db.execute("INSERT INTO commands (id) VALUES (?)", (command_id,))
    db.execute("DELETE FROM commands WHERE number <= (SELECT max(number) FROM commands) - ?", (DONE_KEPT,))


def erase(db: Connection) -> Answer:
    """Empty the black box and the raw track, step by step. What is not yet receipted stays."""
    rows = 0
    while True:
        with transaction(db):
            dropped = quota.drop_held(db, ERASED_AT_ONCE)
        rows += dropped
        if not dropped:
            return Answer("done", None, rows)


def do(db: Connection, epoch: int, command: dict[str, Any]) -> Answer:
    """Put into a lane, or note down, what is asked for. Within a transaction."""
    if command["what"] == "raw_track":
        return _send_raw(db, epoch, command["from_ms"], command["to_ms"])
    if command["what"] == "help":
        return Answer("done", None, 0)  # the helpline has it
    if command["what"] == "settings":
        return Answer("refused", NO_SETTINGS, 0)
    if command["what"] == "update":  # done elsewhere, if at all
        return Answer(command.get("state", "refused"), command.get("detail", NO_UPDATES), 0)
    lane = lanes.lane_of(db, epoch, wire.LANES.index(command["lane"]))
    last = min(command["last_seq"], lane.mark)
    count = db.execute(
        "SELECT count(*) FROM rows WHERE epoch = ? AND lane = ? AND seq >= ? AND seq <= ?",
        (lane.epoch, lane.lane, command["first_seq"], last),
    ).fetchone()[0]
    if not count:
        return Answer("refused", "no such receipted rows", 0)
    db.execute(
        "INSERT INTO resends (epoch, lane, next_seq, last_seq) VALUES (?, ?, ?, ?)",
        (lane.epoch, lane.lane, command["first_seq"], last),
    )
    return Answer("done", None, count)


def _send_raw(db: Connection, epoch: int, from_ms: int, to_ms: int) -> Answer:
    if quota.is_over(db, quota.LOW):
        return Answer("refused", "the outbox has no room", 0)
    rows = raw.send_again(db, epoch, from_ms, to_ms)
    return Answer("done", "only the first part: ask again" if rows >= raw.ANSWER_ROWS else None, rows)


def next_stretch(db: Connection, most: int) -> Stretch | None:
    """What was asked for first and has not all gone out; rows that are damaged are left out."""
    found = db.execute(
        "SELECT id, epoch, lane, next_seq, last_seq FROM resends ORDER BY id LIMIT 1"
    ).fetchone()
    if found is None:
        return None
    number, epoch, index, next_seq, last_seq = found
    lane = lanes.lane_of(db, epoch, index)
    rows = lanes.rows_between(db, lane, next_seq - 1, last_seq, most)
    return Stretch(number, lane, lanes.one_boot([row for row in rows if cells_of(row) is not None]))


def forget_stretch(db: Connection, number: int) -> None:
    """Within a transaction."""
    db.execute("DELETE FROM resends WHERE id = ?", (number,))


def stretch_sent(db: Connection, number: int, last_seq: int) -> None:
    """Rows up to `last_seq` have gone out. Within a transaction."""
    db.execute("UPDATE resends SET next_seq = ? WHERE id = ?", (last_seq + 1, number))
    db.execute("DELETE FROM resends WHERE next_seq > last_seq")
