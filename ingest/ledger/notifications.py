"""Messages to people, from the moment that they are decided on to the moment that they are settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

# waiting → claimed → sent, or back to waiting; then uncertain or dead, which a person sees
WAITING, CLAIMED, SENT, UNCERTAIN, DEAD = "waiting", "claimed", "sent", "uncertain", "dead"


class Draft(NamedTuple):
    """A message to write: `key` says what it is about and to whom, so that it is written once.

    `is_over`: it says that the alert is over.
    """

    key: str
    alert: int
    contact: str
    title: str
    body: str
    due_ms: int
    is_over: bool = False


class Notification(NamedTuple):
    """A message in the ledger. `made_ms` is when it was decided on, `due_ms` before when it is not sent."""

    number: int
    key: str
    alert: int
    contact: str
    title: str
    body: str
    made_ms: int
    due_ms: int
    state: str
    attempts: int
    settled_ms: int | None
    error: str
    is_over: bool = False


_CLAIM = """
    UPDATE notification SET state = 'claimed', attempts = attempts + 1 WHERE number IN
    (SELECT number FROM notification WHERE state = 'waiting' AND due_ms <= ? ORDER BY due_ms LIMIT ?)
    RETURNING number, key, alert, contact, title, body, made_ms, due_ms, state, attempts, settled_ms, error,
    is_over
"""
_OF_ALERT = """
    SELECT number, key, alert, contact, title, body, made_ms, due_ms, state, attempts, settled_ms, error,
    is_over FROM notification WHERE alert = ? ORDER BY number
"""


def put(ledger: sqlite3.Connection, drafts: Iterable[Draft], now_ms: int, thing: str = "") -> None:
    """Write messages about a thing; one whose key is there already is not written again."""
    ledger.executemany(
        "INSERT OR IGNORE INTO notification"
        " (key, alert, contact, title, body, due_ms, is_over, made_ms, thing, state, attempts, error)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', 0, '')",
        [(*draft, now_ms, thing) for draft in drafts],
    )


def heard_of(ledger: sqlite3.Connection, contact: str, thing: str, since_ms: int) -> list[tuple[str, int]]:
    """Of which rules a contact was told about a thing since then, and when that was due."""
    rows = ledger.execute(
        "SELECT alert.rule, notification.due_ms FROM notification"
        " JOIN alert ON alert.number = notification.alert"
        " WHERE contact = ? AND thing = ? AND due_ms > ?",
        (contact, thing, since_ms),
    )
    return rows.fetchall()


def drop_waiting(ledger: sqlite3.Connection, alert: int) -> int:
    """Forget what was to be said of an alert and was not yet: it is over, or somebody has it. How many."""
    return ledger.execute("DELETE FROM notification WHERE alert = ? AND state = 'waiting'", (alert,)).rowcount


def who_heard(ledger: sqlite3.Connection, alert: int) -> list[str]:
    """Whom a message of an alert reached, may have reached, or is just reaching; and no all-clear since."""
    rows = ledger.execute(
        "SELECT contact FROM notification WHERE alert = ? AND state IN ('claimed', 'sent', 'uncertain')"
        " GROUP BY contact HAVING MAX(CASE WHEN is_over THEN 0 ELSE number END)"
        " > MAX(CASE WHEN is_over THEN number ELSE 0 END)",
        (alert,),
    )
    return [contact for (contact,) in rows]


def is_all_clear_given(ledger: sqlite3.Connection, alert: int) -> bool:
    """Whether anybody heard that it is over, or may have."""
    row = ledger.execute(
        "SELECT 1 FROM notification WHERE alert = ? AND is_over"
        " AND state IN ('claimed', 'sent', 'uncertain') LIMIT 1",
        (alert,),
    ).fetchone()
    return row is not None


def claim(ledger: sqlite3.Connection, now_ms: int, most: int) -> list[Notification]:
    """Take what is due; from now on it is this sender's. Commit before sending."""
    rows = ledger.execute(_CLAIM, (now_ms, most)).fetchall()
    return sorted(Notification(*row) for row in rows)


def next_due_ms(ledger: sqlite3.Connection) -> int | None:
    """When the next one is due."""
    found: tuple[int | None] = ledger.execute(
        "SELECT MIN(due_ms) FROM notification WHERE state = 'waiting'"
    ).fetchone()
    return found[0]


def settle(ledger: sqlite3.Connection, numbers: Sequence[int], now_ms: int) -> None:
    """They are sent."""
    ledger.executemany(
        "UPDATE notification SET state = 'sent', settled_ms = ?, error = '' WHERE number = ?",
        [(now_ms, number) for number in numbers],
    )


def put_back(ledger: sqlite3.Connection, number: int, due_ms: int, error: str) -> None:
    """It could not be sent; try again later, unless its alert was taken or is over by now.

    Who is not to hear of it any more is not to hear that it is over either, nor is anybody while it lasts.
    """
    ledger.execute(
        "UPDATE notification SET state = 'waiting', due_ms = ?, error = ? WHERE number = ?",
        (due_ms, error, number),
    )
    dropped = ledger.execute(
        "DELETE FROM notification WHERE number = ? AND alert IN (SELECT number FROM alert"
        " WHERE CASE WHEN notification.is_over THEN state = 'firing'"
        " ELSE state <> 'firing' OR acknowledged_ms IS NOT NULL END)"
        " RETURNING alert, contact",
        (number,),
    ).fetchall()
    ledger.executemany(
        "DELETE FROM notification WHERE alert = ? AND contact = ? AND is_over AND state = 'waiting'", dropped
    )


def give_up(ledger: sqlite3.Connection, number: int, now_ms: int, error: str) -> None:
    """It was tried for long enough."""
    ledger.execute(
        "UPDATE notification SET state = 'dead', settled_ms = ?, error = ? WHERE number = ?",
        (now_ms, error, number),
    )


def doubt_claimed(ledger: sqlite3.Connection, now_ms: int) -> int:
    """At start: what was claimed and never settled may have gone out. How many."""
    return ledger.execute(
        "UPDATE notification SET state = 'uncertain', settled_ms = ?,"
        " error = 'the service ended while this was being sent' WHERE state = 'claimed'",
        (now_ms,),
    ).rowcount


def of_alert(ledger: sqlite3.Connection, alert: int) -> list[Notification]:
    """What was said of an alert, to whom, and what became of it."""
    return [Notification(*row) for row in ledger.execute(_OF_ALERT, (alert,))]


def counts_by_contact(ledger: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """How many there are by contact and state."""
    rows = ledger.execute("SELECT contact, state, COUNT(*) FROM notification GROUP BY contact, state")
    return {(contact, state): count for contact, state, count in rows}


def unsent(ledger: sqlite3.Connection) -> dict[str, int]:
    """How many there are in each state that is not sent."""
    rows = ledger.execute("SELECT state, COUNT(*) FROM notification WHERE state <> 'sent' GROUP BY state")
    return dict(rows.fetchall())


def counts(ledger: sqlite3.Connection) -> dict[str, int]:
    """How many there are in each state."""
    return dict(ledger.execute("SELECT state, COUNT(*) FROM notification GROUP BY state").fetchall())
