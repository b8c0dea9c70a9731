"""How long units are usually silent, and what is known of probes beside their units."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

KEEP_MS = 35 * 86_400_000
MOST_GAPS = 200  # of a unit


def add_gap(ledger: sqlite3.Connection, unit: str, began_ms: int, ended_ms: int) -> None:
    """A unit was silent between two times; what is too old to matter goes, and of too many the shortest."""
    ledger.execute(
        "INSERT OR REPLACE INTO alert_gap VALUES (?, ?, ?)", (unit, began_ms, (ended_ms - began_ms) // 1000)
    )
    ledger.execute("DELETE FROM alert_gap WHERE unit = ? AND began_ms < ?", (unit, ended_ms - KEEP_MS))
    ledger.execute(
        "DELETE FROM alert_gap WHERE unit = ?1 AND began_ms IN (SELECT began_ms FROM alert_gap"
        " WHERE unit = ?1 ORDER BY gap_s DESC, began_ms DESC LIMIT -1 OFFSET ?2)",
        (unit, MOST_GAPS),
    )


def usual_ms(ledger: sqlite3.Connection, unit: str, now_ms: int, times: int) -> int:
    """How long a unit was silent at least so many times of late; 0 when it seldom is."""
    row = ledger.execute(
        "SELECT gap_s FROM alert_gap WHERE unit = ? AND began_ms >= ? ORDER BY gap_s DESC LIMIT 1 OFFSET ?",
        (unit, now_ms - KEEP_MS, times - 1),
    ).fetchone()
    return 0 if row is None else int(row[0]) * 1000


def overdue(ledger: sqlite3.Connection) -> dict[str, int]:
    """Units that were found to be silent for too long and not heard since, and since when they are."""
    rows = ledger.execute(
        "SELECT unit, MAX(at_ms), rank FROM alert_subject JOIN alert_sample"
        " ON subject = alert_subject.number WHERE rule = 'unit_overdue' GROUP BY unit"
    )
    return {unit: since_ms for unit, since_ms, rank in rows if rank == 2}


def probes(ledger: sqlite3.Connection, unit: str) -> list[tuple[str, int, int]]:
    """Each probe of a unit that knows the time: when it last spoke, and when the unit itself last did."""
    rows = ledger.execute(
        "SELECT kind, source, time_ms FROM last_value WHERE unit = ?"
        " AND kind IN ('climate', 'power', 'health') AND clock > 0",
        (unit,),
    ).fetchall()
    unit_ms = max((time_ms for kind, _, time_ms in rows if kind != "climate"), default=0)
    return [(source, time_ms, unit_ms) for kind, source, time_ms in rows if kind == "climate"]


def is_open(ledger: sqlite3.Connection, rule: str, unit: str, source: str) -> bool:
    """Whether the newest that was seen of it still holds."""
    row = ledger.execute(
        "SELECT rank FROM alert_sample JOIN alert_subject AS own ON own.number = subject"
        " WHERE rule = ? AND unit = ? AND source = ? ORDER BY at_ms DESC LIMIT 1",
        (rule, unit, source),
    ).fetchone()
    return row is not None and row[0] == 2
