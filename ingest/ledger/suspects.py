"""Suspect lots of every site: what excursions propose to hold back, and nobody has decided yet.

A row is one reason why a lot that lies at a site should be held, with the excursion that gave it. Rows are
derived from the book, the excursions and what people decided, and are made anew when one of these changes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

Probe = tuple[str, str]  # unit, source


class Suspect(NamedTuple):
    """One reason: `code`, what was `measured` and `allowed` in `measure`; the excursion by its identity."""

    lot: str
    unit: str
    source: str
    epoch: str
    number: int
    code: str
    measured: float
    allowed: float
    measure: str
    began_ms: int


class Listed(NamedTuple):
    """A lot at a site with all that speaks against it."""

    site: str
    item: str
    lot: str
    began_ms: int
    reasons: list[Suspect]


_NAMES = ", ".join(Suspect._fields)


def of_pair(ledger: sqlite3.Connection, site: str, item: str) -> list[Suspect]:
    """What stands against a site's item."""
    rows = ledger.execute(
        f"SELECT {_NAMES} FROM suspect_lot WHERE site = ? AND item = ?"  # noqa: S608
        " ORDER BY lot, unit, source, epoch, number, code",
        (site, item),
    )
    return [Suspect(*row) for row in rows]


def replace(ledger: sqlite3.Connection, site: str, item: str, found: Sequence[Suspect]) -> set[Probe]:
    """Have exactly these stand against a site's item; the probes of whatever came, went or is another now."""
    changed = set(of_pair(ledger, site, item)) ^ set(found)
    if changed:
        ledger.execute("DELETE FROM suspect_lot WHERE site = ? AND item = ?", (site, item))
        ledger.executemany(
            f"INSERT INTO suspect_lot (site, item, {_NAMES}) VALUES (?, ?{', ?' * len(Suspect._fields)})",  # noqa: S608
            [(site, item, *one) for one in found],
        )
    return {(one.unit, one.source) for one in changed}


def lots_of_excursion(
    ledger: sqlite3.Connection, unit: str, source: str, epoch: str, number: int
) -> list[tuple[str, str]]:
    """Item and lot of what an excursion still puts under suspicion, wherever it lies."""
    rows = ledger.execute(
        "SELECT DISTINCT item, lot FROM suspect_lot WHERE unit = ? AND source = ? AND epoch = ?"
        " AND number = ? ORDER BY item, lot",
        (unit, source, epoch, number),
    )
    return list(rows)


_BELOW = """
    SELECT site FROM (WITH RECURSIVE below (site) AS (SELECT ?1 UNION SELECT site.site FROM site JOIN below
    ON site.parent = below.site) SELECT site FROM below)
"""
_WANTED = f"(?1 IS NULL OR site IN ({_BELOW})) AND (?2 IS NULL OR item = ?2)"


def count(ledger: sqlite3.Connection, under: str | None, item: str | None) -> int:
    """How many lots at sites are suspect, below a site or of an item where these are given."""
    row = ledger.execute(
        f"SELECT COUNT(*) FROM (SELECT DISTINCT site, item, lot FROM suspect_lot WHERE {_WANTED})",  # noqa: S608
        (under, item),
    ).fetchone()
    return int(row[0])


def listed(
    ledger: sqlite3.Connection, under: str | None, item: str | None, limit: int, offset: int
) -> list[Listed]:
    """Suspect lots, the newest excursion first."""
    rows = ledger.execute(
        "SELECT site, item, lot, MAX(began_ms),"  # noqa: S608
        f" json_group_array(json_array({_NAMES})) FROM suspect_lot WHERE {_WANTED}"
        " GROUP BY site, item, lot ORDER BY MAX(began_ms) DESC, site, item, lot LIMIT ?3 OFFSET ?4",
        (under, item, limit, offset),
    )
    return [
        Listed(site, item, lot, began_ms, sorted(Suspect(*one) for one in json.loads(some)))
        for site, item, lot, began_ms, some in rows
    ]
