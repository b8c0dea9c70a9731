"""From the facts of one copy to where it is, who has it, and one verdict for each loan event. Pure.

A loan is a fact: it is never rejected, only resolved. Facts are taken in event time, so the same set gives
the same loans and the same conflicts, however they came:

    lent      on the shelf or unknown → a loan begins · on loan to the same reader → it is renewed ·
              on loan to another → conflict on_loan_elsewhere, and the loan that was first stays in force
    renewed   on loan to this reader, or unknown → accepted · else conflict
    returned  on loan or unknown → the loan ends · returned before by the same unit → already so ·
              by another → conflict not_on_loan; somewhere in between a loan is missing

What the library would object to (a blocked reader, a withdrawn copy, a hold for another) makes a conflict of
a loan that is in force all the same: the book is gone. A person decides each conflict with a comment: it
stands, and then ends what speaks against it, or it is void and counts as if it had not been said.

A copy's state before its first fact is unknown, not "on the shelf": the library may have lent it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from ingest.books.event import (
    GONE,
    LENT,
    LOAN_EVENTS,
    PLACED,
    RENEWED,
    RETURNED,
    SEEN,
    STANDS,
    VOID,
    Event,
)
from ingest.books.library import (
    CLOCK_DOUBTFUL,
    HELD_FOR_OTHER,
    ITEM_WITHDRAWN,
    NOT_ON_LOAN,
    ON_LOAN_ELSEWHERE,
    READER_BLOCKED,
    UNKNOWN_CARD,
    UNKNOWN_ITEM,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

ACCEPTED, ALREADY, CONFLICT, REFUSED = "accepted", "already", "conflict", "refused"
RENEWAL, REPEATED = "renewal", "repeated"

ON_SHELF, ON_LOAN, MISSING, UNKNOWN = "on_shelf", "on_loan", "missing", "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an event; `other` is the identity of the event that speaks against it."""

    verdict: str
    cause: str = ""
    other: str | None = None


@dataclass(frozen=True, slots=True)
class Loan:
    """A loan in force: since when, until which local day, and the event that began it."""

    identity: str
    reader: str | None
    unit: str | None
    since_ms: int
    due_day: int | None
    name: str | None = None
    renewals: int = 0


@dataclass(frozen=True, slots=True)
class CopyState:
    """Where a copy was last, and who has it. `unit` and `source` or `site` say where; None is unknown."""

    unit: str | None = None
    source: str = ""
    site: str | None = None
    shelf: str | None = None
    since_ms: int = 0
    loan: Loan | None = None
    is_missing: bool = False
    is_known: bool = False  # whether a loan or a return of it was ever told

    @property
    def state(self) -> str:
        if self.loan is not None:
            return ON_LOAN
        if self.is_missing:
            return MISSING
        return UNKNOWN if self.unit is None and self.site is None else ON_SHELF


class Directory(Protocol):
    """What the service knows besides the events."""

    def is_known_copy(self, copy: str) -> bool:
        """Whether the catalogue has it; true while there is no catalogue."""

    def withdrawn_ms(self, copy: str) -> int | None:
        """Since when the copy is withdrawn."""

    def is_known_reader(self, reader: str | None) -> bool:
        """Whether a card of ours has that hash; true while no cards were imported."""

    def is_blocked(self, reader: str | None, time_ms: int) -> bool:
        """Whether the reader was blocked or expired at that time."""

    def held_for(self, copy: str, time_ms: int) -> str | None:
        """The reader for whom the copy was held back at that time."""


def fold(events: Iterable[Event], known: Directory) -> tuple[CopyState, dict[str, Verdict]]:
    """The copy's state after all of its events, and the verdict of each loan event by identity."""
    run = _Run(known)
    for event in sorted(events, key=lambda event: event.order):
        run.take(event)
    return run.state, run.verdicts


class _Run:
    """One pass over the events of one copy."""

    def __init__(self, known: Directory) -> None:
        self._known = known
        self._disputed: dict[str, str] = {}  # loans not in force, by name: the event that began each
        self._ended: Event | None = None  # the return after which the copy has not been lent
        self._names: dict[tuple[str | None, str, str], str] = {}  # unit, event, loan name
        self.state = CopyState()
        self.verdicts: dict[str, Verdict] = {}

    def take(self, event: Event) -> None:
        if event.event not in LOAN_EVENTS:
            self._observe(event)
            return
        if event.ruling == VOID:
            self.verdicts[event.identity] = Verdict(
                CONFLICT, self._cause(event) or VOID, self._against(event)
            )
            return
        repeated = self._repeated(event)
        if repeated is not None:
            self.verdicts[event.identity] = Verdict(ALREADY, REPEATED, repeated)
            return
        step = {LENT: self._lend, RENEWED: self._renew, RETURNED: self._take_back}[event.event]
        self.verdicts[event.identity] = step(event)

    def _repeated(self, event: Event) -> str | None:
        """The earlier event by which the same unit told the same of the same loan; a renewal may recur."""
        if event.loan is None or event.event == RENEWED:
            return None
        first = self._names.setdefault((event.unit, event.event, event.loan), event.identity)
        return None if first == event.identity else first

    def _observe(self, event: Event) -> None:
        if event.event in {SEEN, PLACED}:
            self._lie_at(event)
        elif event.event == GONE and (event.unit, event.source) == (self.state.unit, self.state.source):
            self.state = replace(self.state, is_missing=True, since_ms=event.time_ms)

    def _lie_at(self, event: Event) -> None:
        is_by_hand = event.event == PLACED
        self.state = replace(
            self.state,
            unit=None if is_by_hand else event.unit,
            source="" if is_by_hand else event.source,
            site=event.site if is_by_hand else None,
            shelf=event.shelf,
            since_ms=event.time_ms,
            is_missing=False,
        )

    # --- loans

    def _lend(self, event: Event) -> Verdict:
        loan = self.state.loan
        if loan is not None and _is_same_reader(event, loan):
            return self._renewed(event, loan)
        if loan is not None and event.ruling != STANDS:
            return self._dispute(event, loan)
        cause = self._cause(event)
        self._begin(event)
        return self._judged(event, cause)

    def _renew(self, event: Event) -> Verdict:
        loan = self.state.loan
        if loan is None:
            if self.state.is_known and event.ruling != STANDS:
                against = None if self._ended is None else self._ended.identity
                return Verdict(CONFLICT, NOT_ON_LOAN, against)
            cause = self._cause(event)
            self._begin(event)
            return self._judged(event, cause)
        if _is_same_reader(event, loan):
            return self._renewed(event, loan)
        if event.ruling != STANDS:
            return self._dispute(event, loan)
        self._begin(event)
        return self._judged(event, ON_LOAN_ELSEWHERE)

    def _renewed(self, event: Event, loan: Loan) -> Verdict:
        cause = self._objection(event)
        renewed = replace(loan, due_day=event.due_day or loan.due_day, renewals=loan.renewals + 1)
        self.state = replace(self.state, loan=renewed)
        return self._judged(event, cause, RENEWAL)

    def _dispute(self, event: Event, loan: Loan) -> Verdict:
        if event.loan is not None:
            self._disputed[event.loan] = event.identity
        return Verdict(CONFLICT, ON_LOAN_ELSEWHERE, loan.identity)

    def _begin(self, event: Event) -> None:
        loan = Loan(event.identity, event.reader, event.unit, event.time_ms, event.due_day, event.loan)
        self._ended = None
        self.state = CopyState(
            event.unit, event.source, None, None, event.time_ms, loan, is_missing=False, is_known=True
        )

    def _take_back(self, event: Event) -> Verdict:
        loan, ended = self.state.loan, self._ended
        is_disputed = event.loan is not None and event.loan in self._disputed
        self._lie_at(event)
        if loan is not None and is_disputed and event.loan != loan.name:
            return Verdict(ACCEPTED)  # the disputed loan is over, the one in force is not
        if loan is None and ended is not None and event.ruling != STANDS:
            return Verdict(ACCEPTED) if is_disputed else _returned_again(event, ended)
        self._ended = event
        self.state = replace(self.state, loan=None, is_known=True)
        return self._judged(event, CLOCK_DOUBTFUL if event.is_doubtful else None)

    def _judged(self, event: Event, cause: str | None, word: str = "") -> Verdict:
        if event.ruling == STANDS:
            return Verdict(ACCEPTED, STANDS, self._against(event))
        return Verdict(ACCEPTED, word) if cause is None else Verdict(CONFLICT, cause, self._against(event))

    def _against(self, event: Event) -> str | None:
        loan = self.state.loan
        return None if loan is None or loan.identity == event.identity else loan.identity

    def _cause(self, event: Event) -> str | None:
        loan = self.state.loan
        if event.event == RETURNED:
            return CLOCK_DOUBTFUL if event.is_doubtful else None
        if loan is not None and not _is_same_reader(event, loan):
            return ON_LOAN_ELSEWHERE
        return self._objection(event)

    def _objection(self, event: Event) -> str | None:
        """What the library would say against a loan that is in force."""
        known = self._known
        withdrawn_ms = known.withdrawn_ms(event.copy)
        held_for = known.held_for(event.copy, event.time_ms)
        objections = {
            CLOCK_DOUBTFUL: event.is_doubtful,
            UNKNOWN_ITEM: not known.is_known_copy(event.copy),
            UNKNOWN_CARD: not known.is_known_reader(event.reader),
            ITEM_WITHDRAWN: withdrawn_ms is not None and withdrawn_ms <= event.time_ms,
            READER_BLOCKED: known.is_blocked(event.reader, event.time_ms),
            HELD_FOR_OTHER: held_for is not None and held_for != event.reader,
        }
        return next((cause for cause, is_so in objections.items() if is_so), None)


def _is_same_reader(event: Event, loan: Loan) -> bool:
    if event.loan is not None and event.loan == loan.name and event.unit == loan.unit:
        return True
    return event.reader is not None and event.reader == loan.reader


def _returned_again(event: Event, ended: Event) -> Verdict:
    if ended.unit == event.unit:
        return Verdict(ALREADY, REPEATED, ended.identity)
    return Verdict(CONFLICT, NOT_ON_LOAN, ended.identity)
