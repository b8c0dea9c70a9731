"""What surrounds the book of one pair, as it is and as it was from each change on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ingest.alerts.shelf import Facts

if TYPE_CHECKING:
    import sqlite3

MOST_FACTS = 50  # of a pair; the oldest go


def facts_now(ledger: sqlite3.Connection, site: str, item: str) -> dict[str, Any]:
    """Levels, the next planned visit, and what people decided of lots there."""
    level = ledger.execute(
        "SELECT min, COALESCE(min, reorder, max, 0) > 0 FROM par_level WHERE site = ? AND item = ?",
        (site, item),
    ).fetchone()
    visit = ledger.execute("SELECT next_visit_day FROM site WHERE site = ?", (site,)).fetchone()
    held = ledger.execute(
        "SELECT lot, is_held, vvm_stage FROM lot_state WHERE site = ? AND item = ? ORDER BY lot", (site, item)
    )
    return {
        "min": None if level is None else level[0],
        "is_wanted": level is not None and bool(level[1]),
        "next_visit_day": None if visit is None else visit[0],
        "held": {lot: [bool(is_held), stage] for lot, is_held, stage in held},
    }


def facts(ledger: sqlite3.Connection, site: str, item: str, now_ms: int) -> list[Facts]:
    """What held from when on, with what holds now; the first holds for all before."""
    body = json.dumps(facts_now(ledger, site, item), ensure_ascii=False)
    rows = ledger.execute(
        "SELECT since_ms, body FROM alert_facts WHERE site = ? AND item = ? ORDER BY since_ms", (site, item)
    ).fetchall()
    if not rows or rows[-1][1] != body:
        rows.append((now_ms if rows else 0, body))
        ledger.execute("INSERT OR REPLACE INTO alert_facts VALUES (?, ?, ?, ?)", (site, item, *rows[-1]))
        if len(rows) > MOST_FACTS:
            gone = rows.pop(0)
            ledger.execute(
                "DELETE FROM alert_facts WHERE site = ? AND item = ? AND since_ms = ?", (site, item, gone[0])
            )
    return [_facts(since_ms, json.loads(text)) for since_ms, text in rows]


def _facts(since_ms: int, body: dict[str, Any]) -> Facts:
    held = {lot: (is_held, stage) for lot, (is_held, stage) in body["held"].items()}
    return Facts(since_ms, body["is_wanted"], body["min"], body["next_visit_day"], held)


def expiries(ledger: sqlite3.Connection, site: str, item: str) -> dict[str, int | None]:
    """The expiry of every lot of the item that was ever at the site."""
    rows = ledger.execute(
        "SELECT lot, expires_day FROM lot WHERE item = ?1 AND lot IN"
        " (SELECT lot FROM book WHERE site = ?2 AND item = ?1)",
        (item, site),
    )
    return dict(rows.fetchall())


def newest_news(ledger: sqlite3.Connection, site: str, item: str) -> tuple[int, int]:
    """When the newest entry of a pair happened, and when it was heard of; 0 where there is none."""
    row = ledger.execute(
        "SELECT time_ms, learned_ms FROM book WHERE site = ? AND item = ? ORDER BY time_ms DESC LIMIT 1",
        (site, item),
    ).fetchone()
    return (0, 0) if row is None else row
