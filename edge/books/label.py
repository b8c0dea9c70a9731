"""What was scanned or typed: a copy's label, a reader's card, an ISBN, or a command card. Pure.

Labels and cards may bear the same number. Which of the two it is is decided by the prefixes that the
library gave them, and without such by what the crew is about to do; never by which list knows the number.
An ISBN names a title, not a copy: many older books have none, and two copies share one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MAX_BYTES = 64
What = Literal["item", "card", "isbn"]


class LabelError(ValueError):
    """What was scanned cannot be used; the text tells the crew what to do."""


@dataclass(frozen=True, slots=True)
class Label:
    """A scanned text and what it is taken for."""

    what: What
    text: str


def label_of(
    text: str, wanted: What, item_prefixes: tuple[str, ...] = (), card_prefixes: tuple[str, ...] = ()
) -> Label:
    """What a text is, where `wanted` is asked for; raises LabelError."""
    code = text.strip()
    if not code or not code.isprintable() or len(code.encode(errors="replace")) > MAX_BYTES:
        raise LabelError("nothing was read; scan again")
    if card_prefixes and code.startswith(card_prefixes):
        return Label("card", code)
    if item_prefixes and code.startswith(item_prefixes):
        return Label("item", code)
    if is_isbn(code):
        return Label("isbn", code)
    if wanted == "card" and item_prefixes and not card_prefixes:
        return Label("card", code)
    if wanted == "item" and item_prefixes:
        raise LabelError(f"{code} is no label of this library's books")
    if wanted == "card" and card_prefixes:
        raise LabelError(f"{code} is no card of this library's readers")
    return Label(wanted, code)


def is_isbn(code: str) -> bool:
    """Whether it is an ISBN with a good check digit: 13 digits from 978 or 979, or the older ten."""
    digits = code.replace("-", "").replace(" ", "").upper()
    if len(digits) == 13 and digits.isascii() and digits.isdigit() and digits.startswith(("978", "979")):
        return sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(digits)) % 10 == 0
    is_ten = "-" in code and len(digits) == 10 and digits.isascii() and digits[:9].isdigit()
    if not is_ten or digits[9] not in "0123456789X":
        return False
    values = [10 if digit == "X" else int(digit) for digit in digits]
    return sum(value * (10 - at) for at, value in enumerate(values)) % 11 == 0
