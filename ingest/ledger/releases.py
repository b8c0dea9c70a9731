"""Releases of firmware: their heads and files, content-addressed, until they are withdrawn.

A withdrawn release stays as a line of the book with its head, which says which parts the broker is to lose;
files that no other release needs go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Release:
    """`digest` is that of its head, by which units are told of it; `withdrawn_ms` None: it is offered."""

    number: int
    version: str
    digest: str
    head: bytes
    who: str
    added_ms: int
    withdrawn_by: str | None = None
    withdrawn_ms: int | None = None


def add(ledger: sqlite3.Connection, release: Release, blobs: Mapping[str, bytes]) -> None:
    """Keep a release and its blobs by their digests, its head among them."""
    ledger.execute(
        "INSERT INTO release VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)",
        (release.number, release.version, release.digest, release.head, release.who, release.added_ms),
    )
    ledger.executemany("INSERT OR IGNORE INTO release_blob VALUES (?, ?)", blobs.items())
    ledger.executemany(
        "INSERT INTO release_part VALUES (?, ?, ?)",
        [(release.number, digest, len(data)) for digest, data in blobs.items()],
    )


def withdraw(ledger: sqlite3.Connection, number: int, who: str, now_ms: int) -> bool:
    """Offer it no longer, and let go what no other needs; False when it was not offered."""
    is_done = ledger.execute(
        "UPDATE release SET withdrawn_by = ?, withdrawn_ms = ? WHERE number = ? AND withdrawn_ms IS NULL",
        (who, now_ms, number),
    ).rowcount
    ledger.execute(
        "DELETE FROM release_blob WHERE digest NOT IN (SELECT release_part.digest FROM release_part"
        " JOIN release USING (number) WHERE withdrawn_ms IS NULL)"
    )
    return is_done > 0


def find(ledger: sqlite3.Connection, number: int) -> Release | None:
    """One of them, withdrawn or not."""
    row = ledger.execute("SELECT * FROM release WHERE number = ?", (number,)).fetchone()
    return None if row is None else Release(*row)


def newest(ledger: sqlite3.Connection, limit: int) -> list[Release]:
    """The last ones, withdrawn ones too, the highest number first."""
    rows = ledger.execute("SELECT * FROM release ORDER BY number DESC LIMIT ?", (limit,))
    return [Release(*row) for row in rows]


def offered_blobs(ledger: sqlite3.Connection) -> list[tuple[str, int]]:
    """(digest, bytes) of what the broker is to have, files before heads: who finds a head finds all of it."""
    return ledger.execute(
        "SELECT part.digest, MAX(bytes) FROM release_part part JOIN release USING (number)"
        " WHERE withdrawn_ms IS NULL GROUP BY part.digest"
        " ORDER BY part.digest IN (SELECT digest FROM release), part.digest"
    ).fetchall()


def withdrawn_blobs(ledger: sqlite3.Connection, since_ms: int) -> list[tuple[str, int]]:
    """(digest, bytes) of what the broker is to lose, of releases withdrawn since a time."""
    return ledger.execute(
        "SELECT part.digest, MAX(bytes) FROM release_part part JOIN release USING (number)"
        " WHERE withdrawn_ms >= ? AND part.digest NOT IN (SELECT digest FROM release_blob)"
        " GROUP BY part.digest",
        (since_ms,),
    ).fetchall()


def blob(ledger: sqlite3.Connection, digest: str) -> bytes | None:
    """The bytes of that digest."""
    row = ledger.execute("SELECT data FROM release_blob WHERE digest = ?", (digest,)).fetchone()
    return None if row is None else bytes(row[0])
