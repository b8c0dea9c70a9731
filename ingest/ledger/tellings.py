"""What the library is told: rows that wait, are claimed, answered and settled, each step committed.

A row that was claimed and never settled may have been told. It is simply told again: an adapter asks the
library first what it has, so nothing counts twice.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from ingest.books.event import LENT, RENEWED
from ingest.books.fold import RENEWAL
from ingest.books.library import LEND, RENEW, TAKE_BACK, Transaction
from ingest.ledger import circulation, readers
from ingest.stock.days import begin_ms

if TYPE_CHECKING:
    import sqlite3

    from ingest.books.library import Answer


class Claimed(NamedTuple):
    """A row in hand: what is told, and how often that failed."""

    identity: str
    transaction: Transaction
    attempts: int
    made_ms: int


# Due, with no open conflict of its copy, and nothing of its copy before it that is still to be told.
_CLAIM = """
    SELECT t.identity FROM telling t WHERE t.state = 'waiting' AND t.due_ms <= ?
    AND NOT EXISTS (SELECT 1 FROM verdict v WHERE v.copy = t.copy AND v.verdict = 'conflict' AND NOT EXISTS
        (SELECT 1 FROM conflict_decision d WHERE d.identity = v.identity))
    AND NOT EXISTS (SELECT 1 FROM telling b WHERE b.copy = t.copy
        AND b.state IN ('waiting', 'claimed', 'dead') AND (b.time_ms, b.identity) < (t.time_ms, t.identity))
    ORDER BY t.time_ms, t.identity LIMIT ?
"""
_CLAIMED = """
    SELECT t.identity, t.id, t.copy, t.time_ms, t.is_forced, t.undo, t.attempts, t.made_ms, e.event, e.reader,
        e.due_day, v.cause
    FROM telling t JOIN book_event e USING (identity) JOIN verdict v USING (identity)
    WHERE t.state = 'claimed' ORDER BY t.time_ms, t.identity
"""
END_OF_DAY_MS = 86_400_000 - 60_000  # a loan is due on the last minute of its day


def claim(ledger: sqlite3.Connection, now_ms: int, most: int) -> list[Claimed]:
    """Take what is due, each copy's earliest alone; from now on it is this synchroniser's."""
    chosen = ledger.execute(_CLAIM, (now_ms, most)).fetchall()
    ledger.executemany("UPDATE telling SET state = 'claimed' WHERE identity = ?", chosen)
    return [_claimed(ledger, *row) for row in ledger.execute(_CLAIMED).fetchall()]


def _claimed(
    ledger: sqlite3.Connection,
    identity: str,
    number: int,
    copy: str,
    time_ms: int,
    is_forced: int,
    undo: str,
    attempts: int,
    made_ms: int,
    event: str,
    reader: str | None,
    due_day: int | None,
    cause: str,
) -> Claimed:
    action = {LENT: LEND, RENEWED: RENEW}.get(event, TAKE_BACK)
    told = Transaction(
        number,
        RENEW if action == LEND and cause == RENEWAL else action,
        copy,
        None if reader is None else _card(ledger, reader),
        time_ms,
        None if due_day is None else begin_ms(due_day) + END_OF_DAY_MS,
        bool(is_forced),
        tuple(card for card in (_card(ledger, other) for other in json.loads(undo)) if card is not None),
    )
    return Claimed(identity, told, attempts, made_ms)


def _card(ledger: sqlite3.Connection, reader: str) -> str | None:
    found = readers.by_hash(ledger, reader)
    return None if found is None else found.card


def settle(ledger: sqlite3.Connection, one: Claimed, answer: Answer, now_ms: int) -> None:
    """Keep what the library said, and what follows for the event."""
    facts = json.dumps(dict(answer.facts), ensure_ascii=False)
    ledger.execute("UPDATE telling SET told_ms = ? WHERE identity = ?", (now_ms, one.identity))
    ledger.execute(
        "UPDATE telling SET state = 'told', outcome = ?, cause = ?, facts = ?, error = ''"
        " WHERE identity = ? AND state = 'claimed'",
        (answer.outcome, answer.cause, facts, one.identity),
    )
    circulation.fold_again(ledger, [one.transaction.copy])


def put_back(
    ledger: sqlite3.Connection, one: Claimed, due_ms: int, error: str, is_failure: bool = True
) -> None:
    """It could not be told; try again later. One that was only behind another did not fail itself."""
    ledger.execute(
        "UPDATE telling SET state = 'waiting', due_ms = ?, error = ?, attempts = attempts + ?"
        " WHERE identity = ? AND state = 'claimed'",
        (due_ms, error, is_failure, one.identity),
    )


def give_up(ledger: sqlite3.Connection, one: Claimed, error: str) -> None:
    """It was tried for long enough; a person sees it."""
    ledger.execute(
        "UPDATE telling SET state = 'dead', error = ?, attempts = attempts + 1"
        " WHERE identity = ? AND state = 'claimed'",
        (error, one.identity),
    )


def unclaim(ledger: sqlite3.Connection) -> int:
    """At start: what was claimed and never settled waits again. How many."""
    return ledger.execute("UPDATE telling SET state = 'waiting' WHERE state = 'claimed'").rowcount


def revive(ledger: sqlite3.Connection, now_ms: int) -> int:
    """A person says that what was given up is worth another try. How many."""
    return ledger.execute(
        "UPDATE telling SET state = 'waiting', attempts = 0, due_ms = ?1, made_ms = ?1 WHERE state = 'dead'",
        (now_ms,),
    ).rowcount


def counts(ledger: sqlite3.Connection) -> dict[str, int]:
    """How many there are in each state."""
    return dict(ledger.execute("SELECT state, COUNT(*) FROM telling GROUP BY state").fetchall())


def dead(ledger: sqlite3.Connection, limit: int) -> list[tuple[int, str, str, int, str]]:
    """Event, copy, identity, attempts and error of what was given up."""
    return ledger.execute(
        "SELECT id, copy, identity, attempts, error FROM telling WHERE state = 'dead' ORDER BY id LIMIT ?",
        (limit,),
    ).fetchall()
