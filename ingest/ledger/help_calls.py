"""What is to be told to the buttons of calls for help, and what was.

A call is heard when its alert is there, somebody comes when a person has taken it or said something of it,
and it is over when that alert is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.ledger import alerts

if TYPE_CHECKING:
    import sqlite3

_DUE = """
    SELECT alert, unit, source, CAST(part AS INTEGER), wanted, was FROM (
        SELECT alert.number AS alert, subject.unit, subject.source, subject.part,
        CASE WHEN alert.state <> 'firing' THEN 'over'
        WHEN alert.acknowledged_ms IS NOT NULL OR EXISTS (SELECT 1 FROM alert_step
            WHERE alert_step.alert = alert.number AND what = 'commented') THEN 'coming'
        ELSE 'heard' END AS wanted, told.state AS was, told.told_ms
        FROM alert_subject AS subject JOIN alert ON alert.subject = subject.number
        LEFT JOIN help_told AS told ON told.alert = alert.number
        WHERE subject.rule = 'help_called' AND (alert.state = 'firing' OR told.state IS NOT NULL)
    ) WHERE wanted IS NOT was OR told_ms IS NULL ORDER BY alert
"""


class Answer(NamedTuple):
    """What became of a call, for the button that made it; `was` is what it was told before."""

    alert: int
    unit: str
    source: str
    call: int
    state: str
    was: str | None


def due(ledger: sqlite3.Connection) -> list[Answer]:
    """What some button does not know yet."""
    return [Answer(*row) for row in ledger.execute(_DUE)]


def note_told(ledger: sqlite3.Connection, answer: Answer, now_ms: int) -> None:
    """The broker has it; of what is new the alert's history tells."""
    ledger.execute(
        "INSERT INTO help_told VALUES (?1, ?2, ?3)"
        " ON CONFLICT DO UPDATE SET state = excluded.state, told_ms = excluded.told_ms",
        (answer.alert, answer.state, now_ms),
    )
    if answer.state != answer.was:
        alerts.add_step(ledger, answer.alert, now_ms, "signalled", None, answer.state)


def tell_again(ledger: sqlite3.Connection, unit: str) -> None:
    """A unit was born again, and a broker may have lost what it had for it: of each button the last call."""
    ledger.execute(
        "UPDATE help_told SET told_ms = NULL WHERE alert IN (SELECT MAX(alert.number) FROM alert_subject AS"
        " subject JOIN alert ON alert.subject = subject.number WHERE subject.rule = 'help_called'"
        " AND subject.unit = ? GROUP BY subject.source)",
        (unit,),
    )
