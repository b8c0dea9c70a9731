"""Circulation: the facts about each copy, append-only, and what follows from them, made anew when one comes.

What follows (`copy_state`, `verdict`, what is to be told to the library) is a function of the facts, of the
decisions of people and of the library's answers; so whatever comes, in whatever order, only its copy is
folded again (`ingest.books.fold`).

    accepted   it counts; waiting for the library, or told to it
    already    another event, or the library, said so before
    conflict   a person decides; nothing of this copy is told to the library until then
    refused    the library will not have it, and says why

The library hears of a copy's events in the order in which they happened. One that comes late is told with the
readers who were told to have it later, and those later events are told once more: the library has what they
say, or is put right.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from firmware import wire
from ingest.books.event import LENT, LOAN_EVENTS, RENEWED, RETURNED, STANDS, Event, event_of
from ingest.books.fold import ACCEPTED, ALREADY, CONFLICT, REFUSED, RENEWAL, CopyState, Verdict, fold
from ingest.books.library import ALREADY as LIBRARY_ALREADY
from ingest.books.library import CONFLICT as LIBRARY_CONFLICT
from ingest.books.library import REFUSED as LIBRARY_REFUSED
from ingest.ledger import catalogue, clocks, readers

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from ingest.stock.entries import Said

# What is to be told waits, is claimed, then told or dead; `held` is what counts no more, or not yet.
WAITING, CLAIMED, DEAD, HELD = "waiting", "claimed", "dead", "held"

_EVENT = "identity, event, copy, time_ms, clock, unit, source, reader, loan, due_day, shelf, site, ruling"


class KnownBooks:
    """The catalogue, readers and holds as the ledger has them at this moment."""

    def __init__(self, ledger: sqlite3.Connection) -> None:
        self._ledger = ledger
        self._has_copies = catalogue.has_copies(ledger)
        self._has_readers = readers.has_readers(ledger)
        self._readers: dict[str, readers.Reader | None] = {}

    def is_known_copy(self, copy: str) -> bool:
        """Whether the catalogue has it; true while there is no catalogue."""
        return not self._has_copies or catalogue.find_copy(self._ledger, copy) is not None

    def withdrawn_ms(self, copy: str) -> int | None:
        """Since when the copy is withdrawn."""
        found = catalogue.find_copy(self._ledger, copy)
        return None if found is None else found.withdrawn_ms

    def is_known_reader(self, reader: str | None) -> bool:
        """Whether a card of ours has that hash; true while no cards were imported."""
        return not self._has_readers or self._reader(reader) is not None

    def is_blocked(self, reader: str | None, time_ms: int) -> bool:
        """Whether the reader was blocked or expired at that time."""
        found = self._reader(reader)
        return found is not None and found.is_blocked(time_ms)

    def held_for(self, copy: str, time_ms: int) -> str | None:
        """The reader for whom the copy was held back at that time."""
        held = readers.holds_of_copy(self._ledger, copy)
        return held[0].reader if held and held[0].since_ms <= time_ms else None

    def _reader(self, reader: str | None) -> readers.Reader | None:
        if reader is None:
            return None
        if reader not in self._readers:
            self._readers[reader] = readers.by_hash(self._ledger, reader)
        return self._readers[reader]


# --- facts


def add(ledger: sqlite3.Connection, said: Said) -> str | None:
    """Keep a record of kind `book`; the copy to fold again, None for one that is there or names no copy."""
    event = event_of(said)
    if event is None:
        return None
    stamp = (said.time_ms, wire.CLOCKS.index(said.clock), said.boot_at_ms, said.learned_ms)
    time_ms, clock = clocks.time_of(clocks.find(ledger, said.unit, said.boot), *stamp)
    event = replace(event, time_ms=time_ms, clock=clock)
    return event.copy if _insert(ledger, event, stamp, said.boot, said.values) else None


def add_by_hand(ledger: sqlite3.Connection, event: Event, now_ms: int, values: Mapping[str, Any]) -> bool:
    """Keep what a person says of a copy; False when it was there."""
    return _insert(ledger, event, (event.time_ms, len(wire.CLOCKS), 0, now_ms), None, values)


def _insert(
    ledger: sqlite3.Connection,
    event: Event,
    stamp: tuple[int, int, int, int],
    boot: str | None,
    values: Mapping[str, Any],
) -> bool:
    row = (
        *(getattr(event, name) for name in _EVENT.split(", ")),
        *stamp,
        boot,
        json.dumps(dict(values), ensure_ascii=False),
    )
    return bool(
        ledger.execute(
            f"INSERT OR IGNORE INTO book_event ({_EVENT}, said_ms, said_clock, boot_at_ms,"  # noqa: S608
            " learned_ms, boot, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        ).rowcount
    )


def correct(ledger: sqlite3.Connection, unit: str, boot: str) -> None:
    """Move what a boot had told by a lesser clock than it has won, and fold those copies again."""
    won = clocks.find(ledger, unit, boot)
    if won is None:
        return
    rows = ledger.execute(
        "SELECT id, copy, said_ms, said_clock, boot_at_ms, learned_ms FROM book_event"
        " WHERE unit = ? AND boot = ? AND said_clock < ?",
        (unit, boot, won.clock),
    ).fetchall()
    for id_, _, *stamp in rows:
        moved = clocks.time_of(won, *stamp)
        ledger.execute("UPDATE book_event SET time_ms = ?, clock = ? WHERE id = ?", (*moved, id_))
    fold_again(ledger, {row[1] for row in rows})


def events_of(ledger: sqlite3.Connection, copy: str) -> list[Event]:
    """The facts of one copy in event time."""
    rows = ledger.execute(
        f"SELECT {_EVENT} FROM book_event WHERE copy = ? ORDER BY time_ms, identity",  # noqa: S608
        (copy,),
    )
    return [Event(*row) for row in rows]


# --- what follows


@dataclass(frozen=True, slots=True)
class Telling:
    """What the library was told, or will be, of an event."""

    state: str
    is_forced: bool
    outcome: str | None
    cause: str
    facts: str
    told_ms: int | None


def fold_again(ledger: sqlite3.Connection, copies: Iterable[str]) -> None:
    """Make anew what follows from the facts of these copies."""
    known = KnownBooks(ledger)
    for copy in sorted(set(copies)):
        _fold_one(ledger, copy, known)


def copies_with_verdicts(ledger: sqlite3.Connection) -> set[str]:
    """Every copy that was ever lent, renewed or returned."""
    return {copy for (copy,) in ledger.execute("SELECT DISTINCT copy FROM verdict")}


def copies_of_readers(ledger: sqlite3.Connection, some: Iterable[str]) -> set[str]:
    """The copies that these readers ever had."""
    return {
        copy
        for reader in some
        for (copy,) in ledger.execute("SELECT DISTINCT copy FROM book_event WHERE reader = ?", (reader,))
    }


def _fold_one(ledger: sqlite3.Connection, copy: str, known: KnownBooks) -> None:
    events = events_of(ledger, copy)
    state, verdicts = fold(events, known)
    _put_state(ledger, copy, state)
    loans = [event for event in events if event.event in LOAN_EVENTS]
    tellings = _tell(ledger, loans, verdicts)
    for event in loans:
        _put_verdict(ledger, event, verdicts[event.identity], tellings.get(event.identity))


def _put_state(ledger: sqlite3.Connection, copy: str, state: CopyState) -> None:
    loan = state.loan
    row = ledger.execute(
        "SELECT language FROM copy JOIN title USING (title) WHERE copy = ?", (copy,)
    ).fetchone()
    ledger.execute(
        "INSERT OR REPLACE INTO copy_state VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            copy,
            state.unit,
            state.source,
            state.site,
            state.shelf,
            state.state,
            state.since_ms,
            None if row is None else row[0],
            *(
                (None, None, None, None, None, None, 0)
                if loan is None
                else (
                    loan.identity,
                    loan.reader,
                    loan.unit,
                    loan.since_ms,
                    loan.due_day,
                    loan.name,
                    loan.renewals,
                )
            ),
        ),
    )


def _tell(
    ledger: sqlite3.Connection, loans: list[Event], verdicts: Mapping[str, Verdict]
) -> dict[str, Telling]:
    """Bring what is to be told into step with the verdicts; what there is then, by identity."""
    if not loans:
        return {}
    held = _tellings(ledger, loans[0].copy)
    again_from = _again_from(loans, verdicts, held)
    is_late = False  # something before this is still to be told
    for at, event in enumerate(loans):
        is_late = is_late or at == again_from
        telling = held.get(event.identity)
        undo = sorted({later.reader for later in loans[at + 1 :] if later.reader and _was_lent(held, later)})
        if verdicts[event.identity].verdict != ACCEPTED:
            ledger.execute(
                "UPDATE telling SET state = 'held', outcome = NULL WHERE identity = ?", (event.identity,)
            )
        elif telling is None:
            _put_telling(ledger, event, undo)
            is_late = True
        elif telling.state in _TO_TELL:
            is_late = True
            ledger.execute(
                "UPDATE telling SET time_ms = ?, undo = ? WHERE identity = ?",
                (event.time_ms, json.dumps(undo), event.identity),
            )
        elif is_late or telling.state == HELD or (event.ruling == STANDS and not telling.is_forced):
            _tell_again(ledger, event, undo)
            is_late = True
    return _tellings(ledger, loans[0].copy)


_TO_TELL = frozenset({WAITING, CLAIMED, DEAD})


def _again_from(
    loans: list[Event], verdicts: Mapping[str, Verdict], held: Mapping[str, Telling]
) -> int | None:
    """Where telling begins again for a renewal that comes after its loan was told to be over."""
    is_told = False
    begin = None
    for at in reversed(range(len(loans))):
        event, telling = loans[at], held.get(loans[at].identity)
        is_renewal = event.event == RENEWED or verdicts[event.identity].cause == RENEWAL
        if is_renewal and is_told and (telling is None or telling.state == HELD):
            begin = at
        elif begin is not None and event.event == LENT and not is_renewal:
            return at
        is_told = is_told or (telling is not None and telling.told_ms is not None)
    return begin


def _was_lent(held: Mapping[str, Telling], event: Event) -> bool:
    telling = held.get(event.identity)
    return event.event != RETURNED and telling is not None and telling.told_ms is not None


def _tellings(ledger: sqlite3.Connection, copy: str) -> dict[str, Telling]:
    rows = ledger.execute(
        "SELECT identity, state, is_forced, outcome, cause, facts, told_ms FROM telling WHERE copy = ?",
        (copy,),
    )
    return {row[0]: Telling(row[1], bool(row[2]), *row[3:]) for row in rows}


def _put_telling(ledger: sqlite3.Connection, event: Event, undo: list[str]) -> None:
    ledger.execute(
        "INSERT INTO telling (identity, id, copy, time_ms, state, is_forced, undo, made_ms, due_ms)"
        " SELECT identity, id, copy, time_ms, 'waiting', ?, ?, learned_ms, 0 FROM book_event"
        " WHERE identity = ?",
        (event.ruling == STANDS, json.dumps(undo), event.identity),
    )


def _tell_again(ledger: sqlite3.Connection, event: Event, undo: list[str]) -> None:
    ledger.execute(
        "UPDATE telling SET state = 'waiting', outcome = NULL, due_ms = 0, time_ms = ?, is_forced = ?,"
        " undo = ? WHERE identity = ?",
        (event.time_ms, event.ruling == STANDS, json.dumps(undo), event.identity),
    )


def _put_verdict(ledger: sqlite3.Connection, event: Event, folded: Verdict, telling: Telling | None) -> None:
    verdict, facts = folded, "{}"
    if folded.verdict == ACCEPTED and telling is not None and telling.outcome in _ANSWERED:
        verdict = Verdict(_ANSWERED[telling.outcome], telling.cause, folded.other)
        facts = telling.facts
    ledger.execute(
        "INSERT OR REPLACE INTO verdict SELECT identity, id, copy, ?, ?, ?, ? FROM book_event"
        " WHERE identity = ?",
        (verdict.verdict, verdict.cause, verdict.other, facts, event.identity),
    )


_ANSWERED = {LIBRARY_ALREADY: ALREADY, LIBRARY_CONFLICT: CONFLICT, LIBRARY_REFUSED: REFUSED}
