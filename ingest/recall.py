"""What the live state was when the service ended, and what it missed.

It is kept every second, so a process that is killed loses the last of it. The records themselves are in the
store. Whatever of a unit is newer there than what was kept is shown again, as it was shown when it came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firmware import wire
from ingest.history import StoreBusy
from ingest.ledger import last_values, live_states, units

if TYPE_CHECKING:
    import sqlite3

    from ingest.history import History
    from ingest.ledger.last_values import LastValue
    from ingest.live import Live

LOST_MS = 3_600_000  # how far before the loss of a position its last one is looked for


def recall(live: Live, ledger: sqlite3.Connection, history: History) -> None:
    """Show every unit as it was last known."""
    live.load(live_states.all_states(ledger))
    for unit in units.all_units(ledger):
        if live.find(unit.unit) is None:
            live.add(unit.unit, unit.name, list(unit.capabilities), is_registered=unit.is_registered)
        _recall_newest(live, ledger, history, unit.unit)


def _recall_newest(live: Live, ledger: sqlite3.Connection, history: History, unit: str) -> None:
    """Show the newest stored values of a unit where the live state is behind them."""
    for value in last_values.of_unit(ledger, unit):
        if value.kind not in wire.LIVE_KINDS:
            continue
        clock = wire.CLOCKS.index(value.clock)
        if value.kind != "fix":
            if live.has_newer_vitals(unit, value.kind, value.time_ms, clock):
                live.apply_vitals(unit, value.kind, value.time_ms, clock, value.values, value.received_ms)
        elif live.is_newer_fix(unit, value.time_ms, clock):
            _recall_position(live, history, value)
            live.apply_fix(unit, value.time_ms, clock, value.values, value.received_ms)


def _recall_position(live: Live, history: History, value: LastValue) -> None:
    """A unit without a position is shown where it had its last."""
    if value.values["lat_e7"] is not None or value.clock == "none":
        return
    try:
        from_ms, to_ms = value.time_ms - LOST_MS, value.time_ms - 1
        found = history.read(value.unit, "fix", value.source, from_ms, to_ms).columns
    except StoreBusy:  # then it is shown without: a start does not wait for the history
        return
    at = next((row for row in reversed(range(len(found["seq"]))) if found["lat_e7"][row] is not None), None)
    if at is not None:
        row: dict[str, Any] = {name: column[at] for name, column in found.items()}
        live.apply_fix(value.unit, row["time_ms"], row["clock"], row, value.received_ms)
