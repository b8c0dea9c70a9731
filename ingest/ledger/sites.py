"""Sites: the places that hold stock, as a tree. The parent is where supplies and escalations come from.

A unit can be a site, and a source of it another: a vehicle is one, the cabinet in it is its child. Records
are booked to the site of their unit and source; where that source has no site, to the site of the whole unit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3

LEVELS = ("county", "township", "vehicle", "cabinet")


class SiteError(ValueError):
    """What is said of a site cannot be; the text says why. Waiting does not help."""


@dataclass(frozen=True, slots=True)
class Site:
    """A place with stock; `probes` are the sources of its temperature, days are local ones since 1970."""

    site: str
    parent: str | None = None
    level: str = "cabinet"
    name: str | None = None
    unit: str | None = None
    source: str = ""
    probes: tuple[str, ...] = ()
    people: int | None = None
    next_visit_day: int | None = None
    lead_days: int | None = None


_COLUMNS = "site, parent, level, name, unit, source, probes, people, next_visit_day, lead_days"


def _site(row: tuple[Any, ...]) -> Site:
    site, parent, level, name, unit, source, probes, *rest = row
    return Site(site, parent, level, name, unit, source, tuple(json.loads(probes)), *rest)


def put(ledger: sqlite3.Connection, site: Site) -> None:
    """Make or change a site; raises SiteError for a parent that is unknown or below it, or a taken source."""
    _check_parent(ledger, site)
    _check_source(ledger, site)
    ledger.execute(
        f"INSERT INTO site ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"  # noqa: S608
        " parent = excluded.parent, level = excluded.level, name = excluded.name, unit = excluded.unit,"
        " source = excluded.source, probes = excluded.probes, people = excluded.people,"
        " next_visit_day = excluded.next_visit_day, lead_days = excluded.lead_days",
        (
            site.site,
            site.parent,
            site.level,
            site.name,
            site.unit,
            site.source,
            json.dumps(site.probes),
            site.people,
            site.next_visit_day,
            site.lead_days,
        ),
    )


def _check_parent(ledger: sqlite3.Connection, site: Site) -> None:
    parent, seen = site.parent, {site.site}
    while parent is not None:
        if parent in seen:
            raise SiteError(f"the parent of {site.site} lies below it: {' > '.join(sorted(seen))}")
        seen.add(parent)
        row = ledger.execute("SELECT parent FROM site WHERE site = ?", (parent,)).fetchone()
        if row is None:
            raise SiteError(f"no site {parent!r}: name the parent first")
        parent = row[0]


def _check_source(ledger: sqlite3.Connection, site: Site) -> None:
    if site.unit is None:
        return
    row = ledger.execute(
        "SELECT site FROM site WHERE unit = ? AND source = ? AND site <> ?",
        (site.unit, site.source, site.site),
    ).fetchone()
    if row is not None:
        where = f"unit {site.unit}" + (f", source {site.source}" if site.source else "")
        raise SiteError(f"{where} already is site {row[0]}")


def find(ledger: sqlite3.Connection, site: str) -> Site | None:
    """One site, None when there is none of that name."""
    row = ledger.execute(f"SELECT {_COLUMNS} FROM site WHERE site = ?", (site,)).fetchone()  # noqa: S608
    return None if row is None else _site(row)


def all_sites(ledger: sqlite3.Connection) -> list[Site]:
    """Every site by name."""
    return [_site(row) for row in ledger.execute(f"SELECT {_COLUMNS} FROM site ORDER BY site")]  # noqa: S608


def of_source(ledger: sqlite3.Connection, unit: str, source: str) -> str | None:
    """To which site a unit's source belongs."""
    row = ledger.execute(
        "SELECT site FROM site WHERE unit = ? AND source IN (?, '') ORDER BY source DESC LIMIT 1",
        (unit, source),
    ).fetchone()
    return None if row is None else str(row[0])


def ways_up(ledger: sqlite3.Connection, site: str) -> list[str]:
    """The site, its parent, and so on to the top."""
    # UNION drops a row that was there, so a circle ends; rows come in the order in which they are found.
    rows = ledger.execute(
        "WITH RECURSIVE up (site, parent) AS (SELECT site, parent FROM site WHERE site = ?"
        " UNION SELECT above.site, above.parent FROM up JOIN site AS above ON above.site = up.parent)"
        " SELECT site FROM up",
        (site,),
    )
    return [above for (above,) in rows]
