"""Rotas and the copies that go round in them; who moves them and when is `ingest.books.rotation`'s to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.books.rotation import MOVES, Round, Stage, Step, step
from ingest.ledger import shelves

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping


class Due(NamedTuple):
    """What a rota asks of a copy today."""

    copy: str
    rota: str
    place: str | None
    step: Step


def replace(ledger: sqlite3.Connection, rotas: Mapping[str, tuple[bool, list[Stage]]]) -> None:
    """Take all rotas anew: whether each is cyclic, and its stages."""
    ledger.execute("DELETE FROM rota")
    ledger.execute("DELETE FROM rota_stage")
    for rota, (is_cyclic, stages) in rotas.items():
        ledger.execute("INSERT INTO rota VALUES (?, ?)", (rota, is_cyclic))
        ledger.executemany(
            "INSERT INTO rota_stage VALUES (?, ?, ?, ?)",
            [(rota, number, *stage) for number, stage in enumerate(stages)],
        )


def join(ledger: sqlite3.Connection, copies: Iterable[tuple[str, str]]) -> None:
    """Copies that go round from now on, each with its rota; one that is in it stays where it is."""
    ledger.executemany(
        "INSERT INTO rota_copy (copy, rota) VALUES (?, ?) ON CONFLICT DO UPDATE SET rota = excluded.rota,"
        " stage = NULL, moves_to = NULL, arrived_day = NULL WHERE rota <> excluded.rota",
        list(copies),
    )


def names(ledger: sqlite3.Connection) -> set[str]:
    """All rotas."""
    return {rota for (rota,) in ledger.execute("SELECT rota FROM rota")}


def due(ledger: sqlite3.Connection, today: int) -> list[Due]:
    """What the rotas ask of every copy in them, by copy."""
    stages: dict[str, list[Stage]] = {}
    for rota, site, days in ledger.execute("SELECT rota, site, days FROM rota_stage ORDER BY rota, stage"):
        stages.setdefault(rota, []).append(Stage(site, days))
    cyclic = dict(ledger.execute("SELECT rota, is_cyclic FROM rota"))
    rows = ledger.execute(
        "SELECT copy, rota, stage, moves_to, is_in_demand, arrived_day FROM rota_copy ORDER BY copy"
    ).fetchall()
    found = []
    for copy, rota, stage, moves_to, is_in_demand, arrived_day in rows:
        place = shelves.place_of(ledger, copy)
        at = Round(stage, moves_to, bool(is_in_demand), arrived_day)
        found.append(
            Due(copy, rota, place, step(at, place, stages.get(rota, []), bool(cyclic.get(rota)), today))
        )
    return found


def follow(ledger: sqlite3.Connection, today: int) -> int:
    """Bring rounds into step with where copies are: what is to move is under way, what came has arrived."""
    changed = 0
    for one in due(ledger, today):
        if one.step.site is None:
            changed += ledger.execute("DELETE FROM rota_copy WHERE copy = ?", (one.copy,)).rowcount
        elif one.step.action in MOVES:
            changed += ledger.execute(
                "UPDATE rota_copy SET stage = ?, moves_to = ?, arrived_day = NULL, is_in_demand = 0"
                " WHERE copy = ?",
                (one.step.stage, one.step.site, one.copy),
            ).rowcount
        elif one.place == one.step.site:
            changed += ledger.execute(
                "UPDATE rota_copy SET stage = ?1, moves_to = NULL, arrived_day = ?2 WHERE copy = ?3"
                " AND (stage IS NOT ?1 OR moves_to IS NOT NULL OR arrived_day IS NULL)",
                (one.step.stage, today, one.copy),
            ).rowcount
    return changed
