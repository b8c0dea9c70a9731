"""From records to the ledger, inside the transaction that moves the mark: stock, books, excursions, clocks.

Nothing a record says can stop its group: what cannot be booked is kept as unbooked, and tried again when a
site or an item is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware import wire
from ingest.ledger import book, circulation, clocks, conflicts, excursions, items, lots, sites, unbooked
from ingest.stock.entries import BOOKED_KINDS, Said, Unbookable, entries_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from ingest.history.chunk import Chunk

KINDS = BOOKED_KINDS | {"excursion", "clock_set", "book", "settle"}


class KnownPlaces:
    """Sites and items as the ledger has them at this moment."""

    def __init__(self, ledger: sqlite3.Connection) -> None:
        self._ledger = ledger
        self._sites: dict[tuple[str, str], str | None] = {}
        self._items: dict[str, str | None] = {}

    def site_of(self, unit: str, source: str) -> str | None:
        """The site that a unit's source belongs to."""
        key = (unit, source)
        if key not in self._sites:
            self._sites[key] = sites.of_source(self._ledger, unit, source)
        return self._sites[key]

    def has_own_records(self, site: str) -> bool | None:
        """Whether a unit books for this site; None for an unknown one."""
        found = sites.find(self._ledger, site)
        return None if found is None else found.unit is not None

    def item_of(self, code: str) -> str | None:
        """The item of that name, or scanned by that code."""
        if code not in self._items:
            is_name = items.find(self._ledger, code) is not None
            self._items[code] = code if is_name else items.by_code(self._ledger, code)
        return self._items[code]

    def pack_size(self, item: str) -> int:
        """Base units in a pack of a known item."""
        found = items.find(self._ledger, item)
        return 1 if found is None else found.pack_size


def take(ledger: sqlite3.Connection, chunks: Iterable[Chunk]) -> None:
    """Keep what records of these kinds say."""
    known = KnownPlaces(ledger)
    copies: set[str | None] = set()
    for chunk in chunks:
        if chunk.group.kind == "clock_set":
            _correct(ledger, chunk)
            continue
        for said in said_in(chunk):
            if said.kind == "excursion":
                excursions.note(ledger, said)
            elif said.kind == "book":
                copies.add(circulation.add(ledger, said))
            elif said.kind == "settle":
                conflicts.note_finding(ledger, said)
            else:
                _book(ledger, said, known)
    circulation.fold_again(ledger, (copy for copy in copies if copy is not None))


def _correct(ledger: sqlite3.Connection, chunk: Chunk) -> None:
    columns = chunk.group.columns
    for clock, boot_at_ms, time_ms in zip(
        columns["clock"], columns["boot_at_ms"], columns["time_ms"], strict=True
    ):
        if clocks.learn(ledger, chunk.unit, chunk.boot, clock, boot_at_ms, time_ms - boot_at_ms):
            book.correct(ledger, chunk.unit, chunk.boot)
            excursions.correct(ledger, chunk.unit, chunk.boot)
            circulation.correct(ledger, chunk.unit, chunk.boot)


def _book(ledger: sqlite3.Connection, said: Said, known: KnownPlaces) -> bool:
    try:
        entries = entries_of(said, known)
    except Unbookable as reason:
        unbooked.put(ledger, said, reason)
        return False
    for entry in entries:
        lots.note(ledger, entry.item, entry.lot, entry.expires_day)
    book.add(ledger, entries)
    return True


def book_waiting(ledger: sqlite3.Connection) -> int:
    """Try again what waits, after a site or an item was named; returns how many records are booked now."""
    known = KnownPlaces(ledger)
    booked = 0
    for waiting in unbooked.waiting(ledger):
        if _book(ledger, waiting.said, known):
            unbooked.remove(ledger, waiting.said)
            booked += 1
    return booked


def said_in(chunk: Chunk) -> Iterator[Said]:
    """The rows of a chunk as they were said, enumerations as words."""
    group = chunk.group
    columns = group.columns
    fields = wire.KINDS[group.kind].fields
    for row in range(group.rows):
        values = {
            field.name: wire.word(group.kind, field.name, columns[field.name][row])
            if field.words
            else columns[field.name][row]
            for field in fields
        }
        yield Said(
            chunk.unit,
            group.source,
            chunk.epoch,
            chunk.boot,
            columns["seq"][row],
            group.kind,
            columns["time_ms"][row],
            columns["boot_at_ms"][row],
            wire.CLOCKS[columns["clock"][row]],
            chunk.received_ms,
            {name: value for name, value in values.items() if value is not None},
        )
