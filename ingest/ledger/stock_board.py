"""The board over the ledger: every pair worked out once, then only what changed since.

What is kept is derived from the book and thrown away with the process. When a day begins, or a site, item,
level, lot or clock changes, all of it is made anew; a new entry costs its own pair.
"""

from __future__ import annotations

import threading
from bisect import insort
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from ingest.ledger import book, items, lots, par_levels, sites
from ingest.stock.board import Brief, Facts, Full, Line, LotFacts, brief, full

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from ingest.ledger.items import Item
    from ingest.ledger.par_levels import ParLevel
    from ingest.ledger.sites import Site

MOST_MOVED = 1000  # beyond it sorting all is quicker

Pair = tuple[str, str]  # site and item


class Row(NamedTuple):
    """One pair of the board with its brief numbers."""

    site: str
    item: str
    brief: Brief


def _urgency(row: Row) -> tuple[float, float, str, str]:
    return (*row.brief.urgency, row.site, row.item)


class Surroundings:
    """Sites, items, levels and lots as they are at one moment."""

    def __init__(self, ledger: sqlite3.Connection) -> None:
        self.sites: dict[str, Site] = {site.site: site for site in sites.all_sites(ledger)}
        self.items: dict[str, Item] = {item.item: item for item in items.all_items(ledger)}
        self.levels: dict[Pair, ParLevel] = {
            (level.site, level.item): level for level in par_levels.levels(ledger)
        }
        self._states: dict[Pair, list[lots.LotState]] = {}
        for state in lots.states(ledger):
            self._states.setdefault((state.site, state.item), []).append(state)
        self.read_lots(ledger)

    def read_lots(self, ledger: sqlite3.Connection) -> None:
        """Lots are named by units, too, so they are read whenever the book has grown."""
        self._lots: dict[str, dict[str, LotFacts]] = {}
        for lot in lots.all_lots(ledger):
            self._lots.setdefault(lot.item, {})[lot.lot] = LotFacts(lot.expires_day)

    def facts(self, site: str, item: str) -> Facts:
        """What surrounds one pair."""
        level, place, kind = self.levels.get((site, item)), self.sites.get(site), self.items.get(item)
        known = self._lots.get(item, {})
        states = self._states.get((site, item))
        if states:
            known = dict(known)
            for state in states:
                day = known.get(state.lot, LotFacts()).expires_day
                known[state.lot] = LotFacts(day, state.is_held, state.vvm_stage)
        return Facts(
            *((None, None, None) if level is None else (level.min, level.reorder, level.max)),
            next_visit_day=None if place is None else place.next_visit_day,
            lead_days=None if place is None else place.lead_days,
            pack_size=1 if kind is None else kind.pack_size,
            lots=known,
        )


class StockBoard:
    """The board of one process; may be asked from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state: tuple[int, int, int] | None = None  # revision, day, newest entry
        self._rows: dict[Pair, Row] = {}
        self._sorted: list[Row] = []
        self._around: Surroundings | None = None

    def rows(self, ledger: sqlite3.Connection, today: int) -> tuple[list[Row], Surroundings]:
        """Every pair, worst first, and what surrounds them."""
        with self._lock:
            revision, newest = book.state(ledger)
            if self._state is None or self._around is None or self._state[:2] != (revision, today):
                self._around = Surroundings(ledger)
                self._rows = {row[:2]: row for row in _all_rows(ledger, self._around, today)}
                self._sorted = sorted(self._rows.values(), key=_urgency)
            elif self._state[2] != newest:
                self._around.read_lots(ledger)
                changed = book.pairs_since(ledger, self._state[2])
                self._rows |= {pair: _row(ledger, self._around, *pair, today) for pair in changed}
                self._sorted = self._resorted(changed)
            self._state = (revision, today, newest)
            return self._sorted, self._around

    def _resorted(self, changed: set[Pair]) -> list[Row]:
        """The order with these rows moved, in a list of its own: somebody may still hold the old one."""
        if len(changed) > MOST_MOVED:
            return sorted(self._rows.values(), key=_urgency)
        kept = [row for row in self._sorted if row[:2] not in changed]
        for pair in changed:
            insort(kept, self._rows[pair], key=_urgency)
        return kept


def _all_rows(ledger: sqlite3.Connection, around: Surroundings, today: int) -> Iterable[Row]:
    missing = set(around.levels)
    for (site, item), found in groupby(book.lines(ledger), itemgetter(0, 1)):
        missing.discard((site, item))
        lines = [line[2:] for line in found]
        yield Row(site, item, brief(lines, around.facts(site, item), today))
    for site, item in missing:
        yield Row(site, item, brief([], around.facts(site, item), today))


def _row(ledger: sqlite3.Connection, around: Surroundings, site: str, item: str, today: int) -> Row:
    return Row(site, item, brief(lines_of(ledger, site, item), around.facts(site, item), today))


def lines_of(ledger: sqlite3.Connection, site: str, item: str) -> list[Line]:
    """The lines of one pair in order of time."""
    return [Line(*line[2:]) for line in book.lines(ledger, site, item)]


def explained(
    ledger: sqlite3.Connection, around: Surroundings, pairs: Iterable[Pair], today: int
) -> dict[Pair, Full]:
    """These pairs with all their figures."""
    wanted = list(pairs)
    places = {site for site, _ in wanted}
    on_the_way = {site: book.on_the_way(ledger, site) for site in places}
    visits = {site: book.supply_days(ledger, site) for site in places}
    return {
        (site, item): full(
            lines_of(ledger, site, item),
            around.facts(site, item),
            today,
            visits[site],
            on_the_way[site].get(item, 0),
        )
        for site, item in wanted
    }
