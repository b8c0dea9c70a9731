"""A library behind SIP2: for each transaction its facts of copy and reader, then the transaction itself.

Loans and returns go with no-block = Y: they have happened, and the library is told, not asked. What it would
have objected to is found out before, from its item information (17) and patron information (63), so that the
objection becomes a conflict with both sides' facts rather than a loan that nobody wanted.

SIP2 does not tell who has a copy; whether it is our reader shows in the list of what that reader has (AU).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.books.library import (
    ALREADY,
    CONFLICT,
    DONE,
    HELD_FOR_OTHER,
    ITEM_WITHDRAWN,
    LEND,
    NOT_ON_LOAN,
    ON_LOAN_ELSEWHERE,
    READER_BLOCKED,
    REFUSED,
    TAKE_BACK,
    UNKNOWN_CARD,
    UNKNOWN_ITEM,
    Answer,
    Transaction,
)
from ingest.books.sip2.message import Message, MessageError, Setting, date, parse_date_ms

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.books.sip2.link import Link

# Circulation status of 18.
OTHER = "01"
CHARGED = frozenset({"04", "05", "07", "11"})
ON_HOLD_SHELF = "08"
LOST = "12"
DENIED, CARD_LOST = 0, 4  # places in the patron status of 64
CHARGED_ITEMS = "  Y       "
LANGUAGE = "000"  # unknown: texts come as the library is set


@dataclass(frozen=True, slots=True)
class Copy:
    """What the library says of a copy."""

    status: str
    title: str
    due: str

    @property
    def is_known(self) -> bool:
        return self.status != OTHER or bool(self.title)

    @property
    def is_on_loan(self) -> bool:
        return self.status in CHARGED

    @property
    def facts(self) -> dict[str, str]:
        said = {"item_status": self.status, "title": self.title, "due": self.due}
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True, slots=True)
class Reader:
    """What the library says of a reader, without the name."""

    is_known: bool
    is_blocked: bool
    copies: frozenset[str]
    words: str

    @property
    def facts(self) -> dict[str, str]:
        state = "blocked" if self.is_blocked else "good" if self.is_known else "unknown"
        return {"reader": state} | ({"message": self.words} if self.words else {})


class Sip2Library:
    """The library at the other end of a link; `zone_ms` is its local time against UTC."""

    def __init__(self, link: Link, institution: str, zone_ms: int) -> None:
        self._link = link
        self._institution = institution
        self._zone_ms = zone_ms

    def settle(self, transactions: Sequence[Transaction]) -> Iterator[Answer]:
        """An answer each, in their order; raises LibraryError."""
        for one in transactions:
            try:
                yield self._settled(one)
            except MessageError as error:
                yield Answer(REFUSED, str(error), {})

    def close(self) -> None:
        """End the connection."""
        self._link.close()

    def _settled(self, one: Transaction) -> Answer:
        copy = self._copy(one)
        if not copy.is_known:
            return Answer(CONFLICT, UNKNOWN_ITEM, copy.facts)
        if one.action == TAKE_BACK:
            return self._taken_back(one, copy)
        if one.card is None:
            return Answer(CONFLICT, UNKNOWN_CARD, copy.facts)
        reader = self._reader(one, one.card)
        objection = self._objection(one, copy, reader)
        if objection is not None:
            return objection
        return self._renewed(one, copy) if one.copy in reader.copies else self._lent(one, copy)

    def _objection(self, one: Transaction, copy: Copy, reader: Reader) -> Answer | None:
        facts = copy.facts | reader.facts
        has_it = one.copy in reader.copies
        if not reader.is_known:
            return Answer(CONFLICT, UNKNOWN_CARD, facts)
        if has_it and (one.action == LEND or self._is_due_by(copy, one)):
            return Answer(ALREADY, "the library has this loan", facts)
        if one.is_decided:
            return None
        objections = {
            ON_LOAN_ELSEWHERE: copy.is_on_loan and not has_it and not self._is_ours(one),
            NOT_ON_LOAN: not has_it and one.action != LEND,
            READER_BLOCKED: reader.is_blocked,
            HELD_FOR_OTHER: copy.status == ON_HOLD_SHELF,
            ITEM_WITHDRAWN: copy.status == LOST,
        }
        cause = next((cause for cause, is_so in objections.items() if is_so), None)
        return None if cause is None else Answer(CONFLICT, cause, facts)

    def _is_ours(self, one: Transaction) -> bool:
        """Whether the library has the copy on a loan that we told it, and that happened later."""
        return any(one.copy in self._reader(one, card).copies for card in one.undo)

    def _is_due_by(self, copy: Copy, one: Transaction) -> bool:
        due_ms = parse_date_ms(copy.due, self._zone_ms)
        return due_ms is not None and one.due_ms is not None and due_ms >= one.due_ms // 1000 * 1000

    def _copy(self, one: Transaction) -> Copy:
        answer = self._link.ask(self._message("17", {"date": date(one.at_ms)}, AB=one.copy))
        return Copy(answer.fixed["circulation"], answer.first("AJ") or "", answer.first("AH") or "")

    def _reader(self, one: Transaction, card: str) -> Reader:
        fixed = {"language": LANGUAGE, "date": date(one.at_ms), "summary": CHARGED_ITEMS}
        answer = self._link.ask(self._message("63", fixed, AA=card))
        status = answer.fixed["status"]
        return Reader(
            answer.first("BL") != "N",
            "Y" in {status[DENIED], status[CARD_LOST]},
            frozenset(answer.all("AU")),
            answer.first("AF") or "",
        )

    def _lent(self, one: Transaction, copy: Copy) -> Answer:
        if copy.is_on_loan:  # a person said that this loan stands, or that one is ours
            returned = self._link.ask(self._return(one))
            if returned.fixed["ok"] != "1":
                return self._outcome(returned, copy)
        fixed = {"renewal_policy": "N", "no_block": "Y", **_times(one)}
        return self._outcome(self._link.ask(self._message("11", fixed, AA=one.card or "", AB=one.copy)), copy)

    def _renewed(self, one: Transaction, copy: Copy) -> Answer:
        fixed = {"third_party": "N", "no_block": "Y", **_times(one)}
        return self._outcome(self._link.ask(self._message("29", fixed, AA=one.card or "", AB=one.copy)), copy)

    def _taken_back(self, one: Transaction, copy: Copy) -> Answer:
        if not copy.is_on_loan:
            return Answer(ALREADY, "the library has it as not on loan", copy.facts)
        return self._outcome(self._link.ask(self._return(one)), copy)

    def _return(self, one: Transaction) -> Message:
        at = date(one.at_ms)
        return self._message("09", {"no_block": "Y", "date": at, "return_date": at}, AB=one.copy)

    def _outcome(self, answer: Message, copy: Copy) -> Answer:
        words = " ".join(answer.all("AF"))
        facts = {"title": answer.first("AJ") or copy.title, "due": answer.first("AH") or "", "message": words}
        said = {name: value for name, value in facts.items() if value}
        if answer.fixed["ok"] == "1":
            return Answer(DONE, "", said)
        return Answer(REFUSED, words or f"the library says no by {answer.code} and not why", said)

    def _message(self, code: str, fixed: dict[str, str], **values: str) -> Message:
        named = {"AO": self._institution, **values, "AC": ""}
        return Message(code, fixed, tuple(Setting(name, value) for name, value in named.items()))


def _times(one: Transaction) -> dict[str, str]:
    due = one.at_ms if one.due_ms is None else one.due_ms
    return {"date": date(one.at_ms), "no_block_due": date(due)}
