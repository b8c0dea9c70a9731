"""What speaks against a loan, a return or a renewal, by what the unit knows without any network. Pure.

A rule that forbids needs a person who says why it is done all the same; the others are only told and
recorded. None of them makes a fact untrue: a book that was handed out is lent, whatever the lists said.

Type of usage (ISO 28560, two nibbles): 1-3 no issue, 1-4 no return, 1-5 neither, all of them while offline;
2-x is not for loan; 7 was discarded; 8 is a reader's card, 9 equipment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.books.lists import Block, Head
    from edge.books.shelf import Known

READER_BLOCKED, READER_EXPIRED = "reader_blocked", "reader_expired"
ITEM_WITHDRAWN, HELD_FOR_OTHER, ON_LOAN = "item_withdrawn", "held_for_other", "on_loan"
NOT_FOR_LOAN, NO_ISSUE, NO_RETURN = "not_for_loan", "no_issue", "no_return"
DISCARDED, PATRON_CARD = "discarded", "patron_card"
UNKNOWN_ITEM, TOO_MANY, LISTS_OLD = "unknown_item", "too_many", "lists_old"
NOT_ON_LOAN, RENEWALS_SPENT = "not_on_loan", "renewals_spent"

# These only inform; all others need an override.
TOLD = {UNKNOWN_ITEM, LISTS_OLD, NOT_ON_LOAN}


def of_usage(usage: int | None, *, is_loan: bool) -> list[str]:
    """By the tag's type of usage."""
    if usage is None:
        return []
    kind, detail = usage >> 4, usage & 15
    if kind == 1 and ((detail in {3, 5} and is_loan) or (detail in {4, 5} and not is_loan)):
        return [NO_ISSUE if is_loan else NO_RETURN]
    if kind == 8:
        return [PATRON_CARD]
    if not is_loan:
        return []
    return {2: [NOT_FOR_LOAN], 7: [DISCARDED]}.get(kind, [])


def of_reader(block: Block | None, today: int | None) -> list[str]:
    """By the block list; a block whose last day is over is none, unless nobody knows what day it is."""
    if block is None or (block.until_on is not None and today is not None and today > block.until_on):
        return []
    return [READER_EXPIRED if block.why == "expired" else READER_BLOCKED]


def of_lists(head: Head | None, age_s: int | None, most_days: float) -> list[str]:
    """By the age of the lists; lists that nobody can date are old."""
    is_young = head is not None and age_s is not None and age_s <= most_days * 86_400
    return [] if is_young else [LISTS_OLD]


def of_loan(known: Known, reader: str, loans: int, most_loans: int) -> list[str]:
    """Against lending this copy to this reader, who has so many of this unit's books already."""
    found = of_reader(known.block, known.today)
    found += [] if known.copy is not None else [UNKNOWN_ITEM]
    if known.copy is not None:
        found += [ITEM_WITHDRAWN] if known.copy.is_withdrawn else []
        found += [HELD_FOR_OTHER] if known.copy.held_for not in {"", reader} else []
    found += [ON_LOAN] if known.lent_to else []
    return found + ([TOO_MANY] if loans >= most_loans else [])


def of_return(known: Known) -> list[str]:
    """Against taking this copy back; held for another is told, so that it is put aside."""
    found = [] if known.copy is not None else [UNKNOWN_ITEM]
    return found + ([] if known.lent_to else [NOT_ON_LOAN])


def of_renewal(known: Known, reader: str, renewals: int, most_renewals: int) -> list[str]:
    """Against a longer loan of this copy."""
    found = of_reader(known.block, known.today)
    if known.copy is not None and known.copy.held_for not in {"", reader}:
        found += [HELD_FOR_OTHER]
    found += [NOT_ON_LOAN] if not known.lent_to else [ON_LOAN] if reader not in {"", known.lent_to} else []
    return found + ([RENEWALS_SPENT] if renewals >= most_renewals else [])


def forbidding(rules: list[str]) -> list[str]:
    """Those that need an override."""
    return [rule for rule in rules if rule not in TOLD]
