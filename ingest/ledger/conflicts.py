"""Conflicts: events that cannot simply count, until a person decides; what crews found out stands beside.

A conflict is called after its event, `c-` and the event's number, by units and people alike.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.ledger import circulation

if TYPE_CHECKING:
    import sqlite3

    from ingest.stock.entries import Said


class DecisionError(ValueError):
    """There is nothing to decide; the text says why. Waiting does not help."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One side of a conflict: an event, as the crew told it."""

    identity: str
    event: str
    unit: str | None
    time_ms: int
    clock: str
    reader: str | None
    due_day: int | None
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a crew found out."""

    finding: str
    note: str | None
    actor: str | None
    unit: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided, and why."""

    ruling: str
    comment: str
    actor: str
    decided_ms: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """An event in conflict, the event or the library's facts that speak against it, and what was done."""

    number: int
    copy: str
    cause: str
    ours: Fact
    other: Fact | None
    library: dict[str, str]
    findings: list[Finding]
    decision: Decision | None

    @property
    def name(self) -> str:
        return f"c-{self.number}"


_FACT = "identity, event, unit, time_ms, clock, reader, due_day, body"
_OPEN = "NOT EXISTS (SELECT 1 FROM conflict_decision d WHERE d.identity = v.identity)"


def listed(
    ledger: sqlite3.Connection,
    is_open: bool = True,
    after: int = 0,
    limit: int = -1,
    cause: str | None = None,
) -> list[Conflict]:
    """Conflicts by number, from the one after `after`; open ones, or those that were decided."""
    rows = ledger.execute(
        "SELECT id, copy, cause, identity, other, facts FROM verdict v WHERE verdict = 'conflict'"  # noqa: S608
        f" AND {'' if is_open else 'NOT '}{_OPEN} AND id > ?1 AND (?2 IS NULL OR cause = ?2)"
        " ORDER BY id LIMIT ?3",
        (after, cause, limit),
    ).fetchall()
    return [_made(ledger, row) for row in rows]


def count_open(ledger: sqlite3.Connection) -> dict[str, int]:
    """How many wait for a person, by class."""
    rows = ledger.execute(
        f"SELECT cause, COUNT(*) FROM verdict v WHERE verdict = 'conflict' AND {_OPEN} GROUP BY cause"  # noqa: S608
    )
    return dict(rows.fetchall())


def find(ledger: sqlite3.Connection, number: int) -> Conflict | None:
    """One conflict, open or decided."""
    row = ledger.execute(
        "SELECT id, copy, cause, identity, other, facts FROM verdict WHERE id = ? AND verdict = 'conflict'",
        (number,),
    ).fetchone()
    return None if row is None else _made(ledger, row)


def _made(ledger: sqlite3.Connection, row: tuple[Any, ...]) -> Conflict:
    number, copy, cause, identity, other, facts = row
    ours = fact(ledger, identity)
    assert ours is not None  # noqa: S101 - a verdict is of an event
    return Conflict(
        number,
        copy,
        cause,
        ours,
        None if other is None else fact(ledger, other),
        json.loads(facts),
        _findings(ledger, f"c-{number}"),
        decision(ledger, identity),
    )


def fact(ledger: sqlite3.Connection, identity: str) -> Fact | None:
    """An event as it was told."""
    row = ledger.execute(f"SELECT {_FACT} FROM book_event WHERE identity = ?", (identity,)).fetchone()  # noqa: S608
    return None if row is None else Fact(*(*row[:7], json.loads(row[7])))


def decision(ledger: sqlite3.Connection, identity: str) -> Decision | None:
    """What was decided of an event."""
    row = ledger.execute(
        "SELECT ruling, comment, actor, decided_ms FROM conflict_decision WHERE identity = ?", (identity,)
    ).fetchone()
    return None if row is None else Decision(*row)


def decide(ledger: sqlite3.Connection, number: int, made: Decision) -> None:
    """A person decides a conflict: it stands or is void. Raises DecisionError."""
    found = find(ledger, number)
    if found is None:
        raise DecisionError(f"c-{number} is no conflict, or not any more")
    if found.decision is not None:
        raise DecisionError(f"c-{number} was decided by {found.decision.actor}: {found.decision.ruling}")
    identity = found.ours.identity
    ledger.execute(
        "INSERT INTO conflict_decision VALUES (?, ?, ?, ?, ?)",
        (identity, made.ruling, made.comment, made.actor, made.decided_ms),
    )
    ledger.execute("UPDATE book_event SET ruling = ? WHERE identity = ?", (made.ruling, identity))
    circulation.fold_again(ledger, [found.copy])


def note_finding(ledger: sqlite3.Connection, said: Said) -> None:
    """Keep what a crew found out (kind `settle`); a person still decides."""
    values = said.values
    ledger.execute(
        "INSERT OR IGNORE INTO conflict_finding VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            said.identity,
            values["conflict"],
            values["finding"],
            values.get("note"),
            values.get("actor"),
            said.unit,
            said.time_ms,
        ),
    )


def _findings(ledger: sqlite3.Connection, name: str) -> list[Finding]:
    rows = ledger.execute(
        "SELECT finding, note, actor, unit, time_ms FROM conflict_finding WHERE conflict = ?"
        " ORDER BY time_ms, identity",
        (name,),
    )
    return [Finding(*row) for row in rows]
