"""Erasing what alerts keep of a unit's records: samples, alerts, what was said of them, and its silences.

Cold and heat rest on excursions, which stay with the medicines that went through them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

_SUBJECTS = "SELECT number FROM alert_subject WHERE unit = ?1 AND rule NOT IN ('freezing', 'overheating')"
_ALERTS = "SELECT number FROM alert WHERE since_ms < ?2 AND subject IN (" + _SUBJECTS + ")"  # noqa: S608 - of our own
_ERASED = (
    "DELETE FROM help_told WHERE alert IN (" + _ALERTS + ")",  # noqa: S608
    "DELETE FROM alert_step WHERE alert IN (" + _ALERTS + ")",  # noqa: S608
    "DELETE FROM notification WHERE alert IN (" + _ALERTS + ")",  # noqa: S608
    "DELETE FROM alert WHERE number IN (" + _ALERTS + ")",  # noqa: S608
    "DELETE FROM alert_sample WHERE at_ms < ?2 AND subject IN (" + _SUBJECTS + ")",  # noqa: S608
    "DELETE FROM alert_gap WHERE unit = ?1 AND began_ms < ?2",
)


def erase(ledger: sqlite3.Connection, unit: str, before_ms: int) -> None:
    """Erase what happened before a moment."""
    for statement in _ERASED:
        ledger.execute(statement, (unit, before_ms))
