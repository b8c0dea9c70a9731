"""Counts that differ from the book, of every site: what waits for a person to decide.

Like the board it is derived from the book and kept by the process: a new entry costs its own pair, and when a
clock or anything around the book changes all of it is made anew. What a person has rejected is left out when
somebody asks.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from ingest.ledger import book, rejections, stock_board
from ingest.stock.entries import COUNT
from ingest.stock.reconcile import Booked, Observation, proposals

if TYPE_CHECKING:
    import sqlite3

    from ingest.ledger.stock_board import Pair
    from ingest.stock.reconcile import Proposal

MAX_COUNTS = 500  # of a pair, the newest


class Difference(NamedTuple):
    """An adjustment that is proposed for a site's item."""

    site: str
    item: str
    proposal: Proposal


class Differences:
    """All differences of one process; may be asked from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state: tuple[int, int] | None = None  # revision, newest entry
        self._found: dict[Pair, list[Proposal]] = {}

    def all(self, ledger: sqlite3.Connection) -> list[Difference]:
        """Every difference, the newest first."""
        with self._lock:
            revision, newest = book.state(ledger)
            if self._state is None or self._state[0] != revision:
                self._found = {}
                self._take(ledger, book.counted_pairs(ledger))
            elif self._state[1] != newest:
                self._take(ledger, book.pairs_since(ledger, self._state[1]))
            self._state = revision, newest
            listed = [Difference(*pair, one) for pair, found in self._found.items() for one in found]
        listed = [one for one in listed if not rejections.is_rejected(ledger, one.proposal.id)]
        return sorted(listed, key=lambda one: (-one.proposal.time_ms, one.site, one.item))

    def _take(self, ledger: sqlite3.Connection, pairs: set[Pair]) -> None:
        for pair in pairs:
            self._found.pop(pair, None)
            if found := _proposed(ledger, *pair):
                self._found[pair] = found


def of_pair(ledger: sqlite3.Connection, site: str, item: str) -> list[Proposal]:
    """What the counts of a site's item say against its book, but for what was rejected."""
    return [one for one in _proposed(ledger, site, item) if not rejections.is_rejected(ledger, one.id)]


def _proposed(ledger: sqlite3.Connection, site: str, item: str) -> list[Proposal]:
    observations = [
        Observation(
            entry.identity,
            entry.time_ms,
            entry.lot,
            entry.pieces,
            entry.change,
            None if entry.began_ago_ms is None else entry.time_ms - entry.began_ago_ms,
            entry.sure_pct,
            entry.method or "person",
        )
        for _, entry in book.counts(ledger, site, item, MAX_COUNTS)
    ]
    if not observations:
        return []
    lines = stock_board.lines_of(ledger, site, item)
    booked = [Booked(line.time_ms, line.lot, line.quantity) for line in lines if line.kind != COUNT]
    return proposals(observations, booked)
