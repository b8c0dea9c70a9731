"""Alerts as people look at them: worst first, with the names of what they are about."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.alerts.rules import RULES
from ingest.ledger import last_values

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

OPEN, PAST = ("firing",), ("resolved", "past", "withdrawn")
STATES = {"open": OPEN, "pending": ("pending",), "past": PAST, "all": ("pending", *OPEN, *PAST)}


class Wanted(NamedTuple):
    """Which alerts; None does not ask. `under` is a site with all below it."""

    state: str = "open"
    site: str | None = None
    under: str | None = None
    unit: str | None = None
    rule: str | None = None
    severity: str | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """An alert whole; `state` as people call it."""

    number: int
    rule: str
    state: str
    since_ms: int
    fired_ms: int
    over_ms: int | None
    numbers: Mapping[str, Any]
    found_ms: int
    seen_ms: int
    told_ms: int | None
    escalate_ms: int | None
    acknowledged_ms: int | None
    acknowledged_by: str | None
    closed_ms: int | None
    closed_by: str | None
    suppressed_by: str | None
    explained_by: int | None
    unit: str | None
    source: str
    site: str | None
    item: str | None
    lot: str | None
    part: str | None
    unit_name: str | None
    site_name: str | None
    item_names: Mapping[str, str]


_RANK = " ".join(f"WHEN '{rule}' THEN {rank}" for rank, rule in enumerate(RULES))
_SELECT = """
    SELECT alert.number, alert.rule, CASE WHEN state = 'firing' AND acknowledged_ms IS NOT NULL
    THEN 'acknowledged' ELSE state END, since_ms, fired_ms, over_ms, numbers, found_ms, seen_ms, told_ms,
    escalate_ms, acknowledged_ms, acknowledged_by, closed_ms, closed_by, suppressed_by, explained_by,
    subject.unit, subject.source, subject.site, subject.item, subject.lot, subject.part,
    COALESCE(unit.name, unit.claimed_name), site.name, item.names
    FROM alert JOIN alert_subject AS subject ON subject.number = alert.subject
    LEFT JOIN unit ON unit.unit = subject.unit LEFT JOIN site ON site.site = subject.site
    LEFT JOIN item ON item.item = subject.item
"""
_BELOW = """
    subject.site IN (WITH RECURSIVE below (site) AS (SELECT ? UNION SELECT site.site FROM site JOIN below
    ON site.parent = below.site) SELECT site FROM below)
"""
_WORST_FIRST = f"""
    CASE state WHEN 'firing' THEN 0 WHEN 'pending' THEN 1 ELSE 2 END,
    CASE WHEN state = 'firing' THEN (suppressed_by IS NOT NULL) * 2 + (acknowledged_ms IS NOT NULL) END,
    CASE WHEN state IN ('firing', 'pending') THEN CASE alert.rule {_RANK} END END,
    CASE WHEN state IN ('firing', 'pending') THEN since_ms ELSE -since_ms END, alert.number
"""


def listed(ledger: sqlite3.Connection, wanted: Wanted, limit: int, offset: int = 0) -> list[Listed]:
    """The alerts that are wanted, the worst first, of the past the newest first."""
    where, given = _where(wanted)
    rows = ledger.execute(
        f"{_SELECT} WHERE {where} ORDER BY {_WORST_FIRST} LIMIT ? OFFSET ?", (*given, limit, offset)
    )
    found = [_listed(row) for row in rows]
    return [_placed(ledger, alert) if RULES[alert.rule].is_call else alert for alert in found]


def _placed(ledger: sqlite3.Connection, alert: Listed) -> Listed:
    """With the newest position of its unit, which may have gone on since somebody called."""
    series = [] if alert.unit is None else last_values.of_unit(ledger, alert.unit)
    fixes = [one for one in series if one.kind == "fix" and one.clock != "none"]
    fix = max(fixes, key=lambda one: one.time_ms, default=None)
    if fix is None or fix.values["lat_e7"] is None:
        return alert
    newest = {"newest_lat_e7": fix.values["lat_e7"], "newest_lon_e7": fix.values["lon_e7"]}
    return replace(alert, numbers={**alert.numbers, **newest, "newest_ms": fix.time_ms})


def find(ledger: sqlite3.Connection, number: int) -> Listed | None:
    """One alert, None when there is none of that number."""
    found = listed(ledger, Wanted("all", number=number), 1)
    return found[0] if found else None


def _listed(row: Sequence[Any]) -> Listed:
    cells = list(row)
    cells[6] = json.loads(cells[6])
    cells[-1] = json.loads(cells[-1]) if cells[-1] else {}
    return Listed(*cells)


def _where(wanted: Wanted) -> tuple[str, list[Any]]:
    states = STATES[wanted.state]
    asked: list[tuple[str, list[Any]]] = [(f"state IN ({_places(states)})", list(states))]
    filters = (
        ("subject.site = ?", wanted.site),
        ("subject.unit = ?", wanted.unit),
        (_BELOW, wanted.under),
        ("alert.number = ?", wanted.number),
        ("alert.rule = ?", wanted.rule),
    )
    asked += [(text, [value]) for text, value in filters if value is not None]
    if wanted.severity is not None:
        rules = [name for name, rule in RULES.items() if rule.severity == wanted.severity]
        asked.append((f"alert.rule IN ({_places(rules)})", list(rules)))
    return " AND ".join(text for text, _ in asked), [value for _, values in asked for value in values]


def _places(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


def counts(ledger: sqlite3.Connection) -> dict[str, int]:
    """Of the open alerts, how many are of each severity and not taken yet, and how many are taken."""
    found = dict.fromkeys(("act", "look", "acknowledged"), 0)
    rows = ledger.execute(
        "SELECT rule, acknowledged_ms IS NOT NULL, COUNT(*) FROM alert WHERE state = 'firing' GROUP BY 1, 2"
    )
    for rule, is_taken, count in rows:
        found["acknowledged" if is_taken else RULES[rule].severity] += count
    return found


class Step(NamedTuple):
    """Something that happened to an alert."""

    at_ms: int
    what: str
    who: str | None
    text: str


def steps(ledger: sqlite3.Connection, number: int) -> list[Step]:
    """What happened to an alert, the oldest first."""
    rows = ledger.execute(
        "SELECT at_ms, what, who, text FROM alert_step WHERE alert = ? ORDER BY number", (number,)
    )
    return [Step(*row) for row in rows]


def told_to(ledger: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, list[str]]:
    """Who was told of these alerts or is about to be, in their order."""
    found: dict[int, list[str]] = {number: [] for number in numbers}
    rows = ledger.execute(
        f"SELECT alert, contact FROM notification WHERE alert IN ({_places([''] * len(numbers))})"  # noqa: S608
        " ORDER BY number",
        list(numbers),
    )
    for alert, contact in rows:
        if contact not in found[alert]:
            found[alert].append(contact)
    return found
