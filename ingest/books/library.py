"""The library's system as the synchroniser sees it, whichever it is: one interface for all adapters.

A transaction is what happened on board. The adapter tells the library of it and says what came of it; the
library's own facts ride along, because a person who decides a conflict has to see both sides.

Telling the same transaction twice must not count twice: an adapter finds out first whether the library
already holds what it is told (`already`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LEND, TAKE_BACK, RENEW = "lend", "take_back", "renew"

# What can come of a transaction.
DONE, ALREADY, CONFLICT, REFUSED = "done", "already", "conflict", "refused"

# Why an event cannot simply count: the named classes of conflict.
ON_LOAN_ELSEWHERE = "on_loan_elsewhere"
READER_BLOCKED = "reader_blocked"
ITEM_WITHDRAWN = "item_withdrawn"
HELD_FOR_OTHER = "held_for_other"
NOT_ON_LOAN = "not_on_loan"
UNKNOWN_CARD = "unknown_card"
UNKNOWN_ITEM = "unknown_item"
CLOCK_DOUBTFUL = "clock_doubtful"
CLASSES = (
    ON_LOAN_ELSEWHERE,
    READER_BLOCKED,
    ITEM_WITHDRAWN,
    HELD_FOR_OTHER,
    NOT_ON_LOAN,
    UNKNOWN_CARD,
    UNKNOWN_ITEM,
    CLOCK_DOUBTFUL,
)


class LibraryError(RuntimeError):
    """Nothing could be told. `is_worth_waiting` says whether the same may succeed later by itself."""

    is_worth_waiting = False


class LibraryBusy(LibraryError):
    """The library does not answer, or not sensibly: waiting helps."""

    is_worth_waiting = True


class LibraryRefused(LibraryError):
    """The library will not have us as we are set up: somebody has to change a setting."""


class Transaction(NamedTuple):
    """What happened on board. Times are ms since 1970; `is_decided` when a person said that it stands.

    `undo` are cards to which the library may have been told later loans of the copy: those it may end.
    """

    number: int
    action: str
    copy: str
    card: str | None
    at_ms: int
    due_ms: int | None
    is_decided: bool = False
    undo: tuple[str, ...] = ()


class Answer(NamedTuple):
    """What the library made of it: `cause` is a class of conflict or the library's own words."""

    outcome: str
    cause: str
    facts: Mapping[str, str]


class Library(Protocol):
    """One library system."""

    def settle(self, transactions: Sequence[Transaction]) -> Iterator[Answer]:
        """Tell them in this order, an answer each; raises LibraryError, and what was answered stays so."""

    def close(self) -> None:
        """Let go of connections."""
