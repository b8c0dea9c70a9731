"""Who has been heard of: a unit is known from its first message, and registered when a person says so."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Unit:
    """What is known of a unit besides its records. What a person said goes before what it claims itself."""

    unit: str
    first_seen_ms: int
    is_registered: bool
    name: str | None
    capabilities: tuple[str, ...]
    conn: int
    epoch: str | None
    boot: str | None
    software: str | None


_COLUMNS = (
    "unit, first_seen_ms, is_registered, name, capabilities, claimed_name, claimed_capabilities, "
    "conn, epoch, boot, software"
)


def _unit(row: tuple[Any, ...]) -> Unit:
    unit, first_seen_ms, is_registered, name, capabilities, claimed, claimed_capabilities, *rest = row
    return Unit(
        unit,
        first_seen_ms,
        bool(is_registered),
        name if name is not None else claimed,
        tuple(json.loads(capabilities if is_registered else claimed_capabilities)),
        *rest,
    )


def see(ledger: sqlite3.Connection, units: Iterable[str], now_ms: int) -> None:
    """Know these units from now on; one that is known stays as it is."""
    ledger.executemany(
        "INSERT OR IGNORE INTO unit (unit, first_seen_ms) VALUES (?, ?)", [(unit, now_ms) for unit in units]
    )


def note_birth(ledger: sqlite3.Connection, unit: str, birth: dict[str, Any]) -> None:
    """Keep what a known unit says of itself in a birth (not a will)."""
    ledger.execute(
        "UPDATE unit SET claimed_name = ?, claimed_capabilities = ?, conn = ?, epoch = ?, boot = ?,"
        " software = ? WHERE unit = ?",
        (
            birth.get("name"),
            json.dumps(birth.get("capabilities", [])),
            birth["conn"],
            birth["epoch"],
            birth["boot"],
            birth["software"],
            unit,
        ),
    )


def register(ledger: sqlite3.Connection, unit: str, name: str | None, capabilities: list[str]) -> bool:
    """A person names a unit; False when it was never heard of."""
    return (
        ledger.execute(
            "UPDATE unit SET is_registered = 1, name = ?, capabilities = ? WHERE unit = ?",
            (name, json.dumps(capabilities), unit),
        ).rowcount
        > 0
    )


def find(ledger: sqlite3.Connection, unit: str) -> Unit | None:
    """One unit, None when it was never heard of."""
    row = ledger.execute(f"SELECT {_COLUMNS} FROM unit WHERE unit = ?", (unit,)).fetchone()  # noqa: S608
    return None if row is None else _unit(row)


def all_units(ledger: sqlite3.Connection) -> list[Unit]:
    """Every unit, by its name on the broker."""
    return [_unit(row) for row in ledger.execute(f"SELECT {_COLUMNS} FROM unit ORDER BY unit")]  # noqa: S608
