"""Erasing a unit's history: what goes, what stays, and what may still come.

In one transaction go its rows, their summaries, its last values, what the live state shows of it, its
payloads in quarantine, and alerts of its doors, faults, supplies and silences. What stays: that the unit
exists and what it is called; its marks, runs and gaps, for without them it would send everything again; what
is booked in stock; excursions and their alerts; and who erased it when.

The unit holds rows itself. It is asked by a command to empty its black box and raw track, and answers. Rows
that were on their way already, or wait on the unit for their first sending, come all the same: for SWEPT_MS
after an erasure whatever of the unit happened before it is let go again, a few minutes after it came. Rows
whose time is not known are not told apart from new ones, and stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware import wire
from ingest.history.summary import NAMES, Hour, begin_of
from ingest.ledger import alert_erasing, dirty_hours, erasures

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from ingest.history import History
    from ingest.ledger.erasures import Erasure

SWEPT_MS = 60 * 86_400_000
ASK_AGAIN_MS = 6 * 86_400_000  # a broker keeps commands for seven days

_OF_UNIT = ("last_value", "live_state", "quarantine", "dirty_hour")


def erase(
    ledger: sqlite3.Connection, history: History, unit: str, who: str, command_id: str, now_ms: int
) -> Erasure:
    """Erase a unit's history within the caller's transaction; raises StoreBusy."""
    history.erase(unit)
    for table in _OF_UNIT:
        ledger.execute(f"DELETE FROM {table} WHERE unit = ?", (unit,))  # noqa: S608 - names of our own
    alert_erasing.erase(ledger, unit, wire.MAX_TIME_MS)
    return erasures.add(ledger, unit, who, command_id, now_ms)


def sweep(ledger: sqlite3.Connection, history: History, now_ms: int) -> None:
    """Let go what came after an erasure and happened before it."""
    for unit, erased_ms in erasures.latest(ledger, now_ms - SWEPT_MS):
        history.erase(unit, erased_ms)
        alert_erasing.erase(ledger, unit, erased_ms)
        ledger.execute(
            "DELETE FROM last_value WHERE unit = ? AND clock > 0 AND time_ms < ?", (unit, erased_ms)
        )
        # The hour of the erasure itself has rows of before and after.
        dirty_hours.add(
            ledger,
            [
                Hour(begin_of(erased_ms), kind, unit, source)
                for kind, source in history.sources(unit)
                if NAMES[kind]
            ],
        )


def ask_units(
    ledger: sqlite3.Connection, history: History, publish: Callable[[str, bytes], bool], now_ms: int
) -> None:
    """Ask each unit that has not answered to erase what it holds; again before a broker forgets it."""
    for erasure in erasures.unanswered(ledger, now_ms - SWEPT_MS):
        answers = history.read(erasure.unit, "answer", None, 0, wire.MAX_TIME_MS).columns
        if erasure.command_id in answers["command_id"]:
            erasures.note_answered(ledger, erasure.id, now_ms)
        elif erasure.told_ms is None or now_ms - erasure.told_ms >= ASK_AGAIN_MS:
            command = wire.encode_json("command", {"id": erasure.command_id, "what": "erase"})
            if publish(wire.topic(erasure.unit, "command"), command):
                erasures.note_told(ledger, erasure.id, now_ms)
