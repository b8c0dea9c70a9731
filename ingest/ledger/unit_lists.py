"""What a unit is told of its shelf, of blocked readers, of holds and of conflicts, put together for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.books.carry import Candidate, Carried, to_carry
from ingest.books.lists import Line, Lists, oldest_ms, revised
from ingest.ledger import catalogue, conflicts, marks, readers, rotas, shelves, sites, units
from ingest.stock.days import ZONE_MS, date_text, day_of

if TYPE_CHECKING:
    import sqlite3

    from ingest.ledger.conflicts import Fact

DAY_MS = 86_400_000


class Terms(NamedTuple):
    """What of lending is set here: the name of the key of cards, for how long, how often again."""

    reader_key: str
    loan_days: int
    renewals: int


def for_unit(ledger: sqlite3.Connection, unit: str, terms: Terms, now_ms: int) -> Lists | None:
    """The lists of a unit as of now; None for one never heard of that is no site either."""
    found, own = units.find(ledger, unit), own_sites(ledger, unit)
    if found is None and not own:
        return None
    epoch = None if found is None else found.epoch
    today = day_of(now_ms)
    mark = next(
        (one.mark for one in marks.lanes(ledger, unit) if (one.epoch, one.lane) == (epoch, "event")), 0
    )
    as_of_ms = oldest_ms(
        (readers.as_of_ms(ledger, name) for name in (readers.READERS, readers.HOLDS)), now_ms
    )
    head = {
        "unit": unit,
        "as_of_ms": as_of_ms,
        "epoch": epoch,
        "event_mark": mark,
        "reader_key": terms.reader_key or None,
        "loan_days": terms.loan_days,
        "renewals": terms.renewals,
    }
    items = _items(ledger, own, today)
    blocks, holds = _blocks(ledger, today), _holds(ledger, unit)
    return revised(Lists(head, items, blocks, holds, _conflicts(ledger, unit)))


def own_sites(ledger: sqlite3.Connection, unit: str) -> set[str]:
    """The sites whose records this unit brings."""
    return {site.site for site in sites.all_sites(ledger) if site.unit == unit}


def carried(ledger: sqlite3.Connection, unit: str) -> list[Carried]:
    """Holds along a unit's way (its sites and what lies below them, or anywhere), a copy for each."""
    own = own_sites(ledger, unit)
    below = {site.site for site in sites.all_sites(ledger) if own & set(sites.ways_up(ledger, site.site))}
    wanted = [hold for hold in readers.holds(ledger) if hold.stop is None or hold.stop in below]
    on_board = own | {unit}
    candidates: dict[str, list[Candidate]] = {}
    for copy in shelves.lying(ledger, sorted({hold.title for hold in wanted})):
        kept = catalogue.find_copy(ledger, copy.copy)
        if copy.place is not None and kept is not None and kept.withdrawn_ms is None:
            candidates.setdefault(kept.title, []).append(
                Candidate(copy.copy, copy.place, copy.place in on_board)
            )
    return to_carry(wanted, None, candidates)


def _items(ledger: sqlite3.Connection, own: set[str], today: int) -> list[Line]:
    found = {
        copy.copy: (copy, title) for site in sorted(own) for copy, title in catalogue.shelf_list(ledger, site)
    }
    for due in rotas.due(ledger, today):
        copy = catalogue.find_copy(ledger, due.copy)
        if due.step.site in own and copy is not None:
            found[due.copy] = (copy, catalogue.find_title(ledger, copy.title))
        elif due.step.site is not None:
            found.pop(due.copy, None)
    return [_item(ledger, copy, title) for copy, title in found.values()]


def _item(ledger: sqlite3.Connection, copy: catalogue.Copy, title: catalogue.Title | None) -> Line:
    state = ledger.execute(
        "SELECT reader, due_day, loan_name FROM copy_state WHERE copy = ? AND loan IS NOT NULL", (copy.copy,)
    ).fetchone()
    held = readers.holds_of_copy(ledger, copy.copy)
    return {
        "item": copy.copy,
        "owner": copy.owner,
        "title": None if title is None else title.name,
        "language": None if title is None else title.language,
        "isbn": None if title is None else title.isbn,
        "shelf": copy.shelf,
        "is_withdrawn": copy.withdrawn_ms is not None,
        "held_for": held[0].reader if held else None,
        "lent_to": None if state is None else state[0] or "?",
        "due_on": None if state is None else state[1],
        "loan": None if state is None else state[2],
    }


def _blocks(ledger: sqlite3.Connection, today: int) -> list[Line]:
    return [
        {"block": one.reader, "why": one.why, "until_on": one.until_day}
        for one in readers.blocked(ledger, today)
    ]


def _holds(ledger: sqlite3.Connection, unit: str) -> list[Line]:
    return [
        {"hold": one.hold.hold, "item": one.candidate.copy, "reader": one.hold.reader, "stop": one.hold.stop}
        for one in carried(ledger, unit)
        if one.candidate is not None
    ]


def _conflicts(ledger: sqlite3.Connection, unit: str) -> list[Line]:
    return [
        {
            "conflict": one.name,
            "class": one.cause,
            "item": one.copy,
            "at_ms": one.ours.time_ms,
            "ours": _said(one.ours),
            "theirs": _said(one.other) if one.other is not None else " ".join(one.library.values()),
        }
        for one in conflicts.listed(ledger)
        if unit in {one.ours.unit, None if one.other is None else one.other.unit}
    ]


def _said(fact: Fact) -> str:
    """A side in words that need no language: who, what, when."""
    local_ms = fact.time_ms + ZONE_MS
    minute = local_ms % DAY_MS // 60_000
    when = f"{date_text(day_of(fact.time_ms))} {minute // 60:02}:{minute % 60:02}"
    return f"{fact.unit or ''}: {fact.event} {when}"
