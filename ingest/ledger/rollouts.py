"""Who was asked to take which release, by whom, and how it went.

    asked ─▶ staged ─▶ running          by the unit's answer, and by a birth after it with another boot;
      │        │                        of a node by its own answer, and by its Pi's after it
      │        └─────▶ rolled_back      by the unit's fault: three starts reached nobody
      └─▶ refused                       by the unit's answer, with its reason
    (all but the last three) ─▶ replaced, when it is asked for another one

`node` names a microcontroller that is wired to the unit; empty: the unit itself. An answer tells the boot it
was given in, so that a birth of that same boot is not taken for the new firmware's, whichever comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

ASKED, STAGED, RUNNING, REFUSED = "asked", "staged", "running", "refused"
ROLLED_BACK, REPLACED = "rolled_back", "replaced"
OPEN = (ASKED, STAGED)


@dataclass(frozen=True, slots=True)
class Rollout:
    """`sent_ms`: when the command last went to the broker; `boot`: in which the unit gave its answer."""

    id: int
    number: int
    unit: str
    node: str
    command_id: str
    who: str
    asked_ms: int
    sent_ms: int | None
    state: str
    detail: str
    boot: str | None
    changed_ms: int


def ask(
    ledger: sqlite3.Connection, number: int, unit: str, node: str, command_id: str, who: str, now_ms: int
) -> Rollout:
    """Write down that a unit, or a node of it, is to take a release; what it was asked before is over."""
    ledger.execute(
        "UPDATE rollout SET state = ?, changed_ms = ? WHERE unit = ? AND node = ? AND state IN (?, ?)",
        (REPLACED, now_ms, unit, node, *OPEN),
    )
    row = ledger.execute(
        "INSERT INTO rollout (number, unit, node, command_id, who, asked_ms, state, detail, changed_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, '', ?) RETURNING *",
        (number, unit, node, command_id, who, now_ms, ASKED, now_ms),
    ).fetchone()
    return Rollout(*row)


def unsent(ledger: sqlite3.Connection, before_ms: int, limit: int) -> list[Rollout]:
    """Those unanswered whose command never went to the broker, or not since a time."""
    rows = ledger.execute(
        "SELECT * FROM rollout WHERE state = ? AND (sent_ms IS NULL OR sent_ms < ?) ORDER BY id LIMIT ?",
        (ASKED, before_ms, limit),
    )
    return [Rollout(*row) for row in rows]


def say_again(ledger: sqlite3.Connection, unit: str, before_ms: int) -> None:
    """Have what a unit was asked before a time, and never answered, sent once more."""
    ledger.execute(
        "UPDATE rollout SET sent_ms = NULL WHERE unit = ? AND state = ? AND sent_ms < ?",
        (unit, ASKED, before_ms),
    )


def note_sent(ledger: sqlite3.Connection, ids: list[int], now_ms: int) -> None:
    """Their commands are with the broker."""
    ledger.executemany("UPDATE rollout SET sent_ms = ? WHERE id = ?", [(now_ms, id_) for id_ in ids])


def give_up(ledger: sqlite3.Connection, number: int, detail: str, now_ms: int) -> None:
    """Whoever has not answered need not take it any more."""
    ledger.execute(
        "UPDATE rollout SET state = ?, detail = ?, changed_ms = ? WHERE number = ? AND state = ?",
        (REPLACED, detail, now_ms, number, ASKED),
    )


def of_release(ledger: sqlite3.Connection, number: int) -> list[Rollout]:
    """All who were asked to take it, each as asked last."""
    rows = ledger.execute(
        "SELECT * FROM rollout WHERE id IN (SELECT MAX(id) FROM rollout WHERE number = ? GROUP BY unit, node)"
        " ORDER BY unit, node",
        (number,),
    )
    return [Rollout(*row) for row in rows]


def by_command(ledger: sqlite3.Connection, unit: str, command_id: str) -> Rollout | None:
    """The one that a unit answers."""
    row = ledger.execute(
        "SELECT * FROM rollout WHERE command_id = ? AND unit = ?", (command_id, unit)
    ).fetchone()
    return None if row is None else Rollout(*row)


def last_taken(ledger: sqlite3.Connection, unit: str, node: str) -> Rollout | None:
    """The last one that a unit or its node had staged, whatever became of it."""
    row = ledger.execute(
        "SELECT * FROM rollout WHERE unit = ? AND node = ? AND state IN (?, ?, ?) ORDER BY id DESC LIMIT 1",
        (unit, node, STAGED, RUNNING, ROLLED_BACK),
    ).fetchone()
    return None if row is None else Rollout(*row)


def settle(
    ledger: sqlite3.Connection,
    rollout: Rollout,
    state: str,
    detail: str,
    now_ms: int,
    boot: str | None = None,
) -> None:
    """How it went, as far as is known now."""
    ledger.execute(
        "UPDATE rollout SET state = ?, detail = ?, boot = COALESCE(?, boot), changed_ms = ? WHERE id = ?",
        (state, detail, boot, now_ms, rollout.id),
    )
