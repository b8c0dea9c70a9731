"""A scanned code -> what it names: a GS1 pack, a Chinese traceability code, or a plain EAN. Pure.

biip reads the elements of GS1; what it lets pass and a medicine cabinet must not is checked here:

    (01) with (37)          a count beside a GTIN is (30); (37) belongs to a logistic unit
    a lost FNC1             behind every element of variable length but the last one stands a 0x1D; without it
                            the serial is taken for the end of the lot
    day 00 of (7003)        only (11) to (17) have it, where it means the last day of the month
    lot, expiry, serial     belong to a GTIN; alone they name nothing
    a date before 2000      the century slides: in 2026 year 77 reads as 1977

Chinese packs carry 20 digits that are not GS1 (药品追溯码, the first seven name the product), which biip
would take for it where they begin with 00, 10, 21 and the like. So unless the scanner's symbology identifier
says GS1 they are tested first. Only a valid (00) or (01) key is really both: then a person is asked.

biip costs 25 MB of memory: it is imported when the first code of GS1 is scanned, not before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime

    from biip.gs1_element_strings import GS1ElementString
    from biip.gs1_messages import GS1Message

MAX_CODE_BYTES = 240  # as printable text it has to fit the wire's field
SEPARATOR = "\x1d"
GS1_SYMBOLOGIES = ("]C1", "]d2", "]Q3", "]e0")
EPOCH_ORDINAL = 719_163  # date(1970, 1, 1).toordinal()
FIRST_YEAR = 2000
_SYMBOLOGY = re.compile(r"^\][A-Za-z][0-9A-Za-z]")
_TRACE = re.compile(r"^[0-9]{20}$")
_EAN = re.compile(r"^[0-9]{8}$|^[0-9]{12,14}$")


class CodeError(ValueError):
    """The code names nothing that can be counted; scanning it again does not help, unless it says so.

    `code` is one of empty, too_long, unreadable, check_digit, no_gtin, count_37, lost_separator, day_00,
    date, contradiction, no_serial, ambiguous, card.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Code:
    """What a code names. `trace` is a Chinese code, of which `product` is the first seven digits."""

    gtin: str | None = None
    lot: str | None = None
    expires_on: int | None = None  # days since 1970
    serial: str | None = None
    packs: int = 1
    trace: str | None = None

    @property
    def product(self) -> str | None:
        """What the catalogue or the planogram may know: a GTIN, or the seven digits."""
        return self.trace[:7] if self.trace is not None else self.gtin


def printable(text: str) -> str:
    """The code as people and the wire may see it: a separator as {GS}, other control characters as {XX}."""
    out = text.replace(SEPARATOR, "{GS}")
    return "".join(char if char.isprintable() else f"{{{ord(char):02X}}}" for char in out)


def code_of(text: str) -> Code:
    """What a scanned text names; raises CodeError."""
    if not text.strip():
        raise CodeError("empty", "nothing was read; scan again")
    if len(printable(text).encode()) > MAX_CODE_BYTES:
        raise CodeError("too_long", f"{len(text)} characters, at most {MAX_CODE_BYTES}")
    found = _SYMBOLOGY.match(text)
    symbology = found.group() if found else ""
    rest = text[len(symbology) :]
    if symbology in GS1_SYMBOLOGIES:
        return _gs1(rest)
    if _TRACE.match(rest):
        if not symbology and _is_gs1_key(rest):
            raise CodeError(
                "ambiguous", f"{rest} may be a GS1 key or a traceability code; enter the item by hand"
            )
        return Code(serial=rest, trace=rest)
    if _EAN.match(rest):
        return Code(gtin=_gtin(rest))
    return _gs1(rest)


def has_check_digit(digits: str) -> bool:
    """Whether the last digit is GS1's check digit: weights 3 and 1 from the right."""
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(reversed(digits)))
    return total % 10 == 0


def _is_gs1_key(digits: str) -> bool:
    key = {"00": digits[2:20], "01": digits[2:16]}.get(digits[:2])
    return key is not None and has_check_digit(key)


def _gtin(digits: str) -> str:
    if not has_check_digit(digits):
        raise CodeError("check_digit", f"{digits}: the check digit is wrong; scan again")
    return digits.zfill(14)


def _gs1(text: str) -> Code:
    elements = list(_message(text).element_strings)
    _check_separators(text, elements)
    values = _values(elements)
    if "01" not in values:
        raise CodeError("no_gtin", f"{printable(text)}: no GTIN (01), so lot, expiry and serial name nothing")
    if "37" in values:
        raise CodeError("count_37", "a count beside a GTIN is (30); (37) belongs to a logistic unit (02)")
    return Code(
        gtin=_gtin(values["01"].value),
        lot=values["10"].value if "10" in values else None,
        expires_on=_expiry(values),
        serial=values["21"].value if "21" in values else None,
        packs=_packs(values),
    )


def _message(text: str) -> GS1Message:
    from biip import ParseError  # noqa: PLC0415 - see above
    from biip.gs1_messages import GS1Message  # noqa: PLC0415

    try:
        return GS1Message.parse(text)
    except ParseError as error:
        raise CodeError(_cause(text), f"{printable(text)}: {error}") from None


def _cause(text: str) -> str:
    return "date" if re.search(r"(^|\x1d|^01[0-9]{14})1[1-7][0-9]{6}", text) else "unreadable"


def _check_separators(text: str, elements: list[GS1ElementString]) -> None:
    """Each element that needs a separator behind it has one, unless it is the last."""
    at = 1 if text.startswith(SEPARATOR) else 0
    for element in elements:
        at += len(element.ai.ai) + len(element.value)
        is_separated = text[at : at + 1] == SEPARATOR
        if element.ai.separator_required and at < len(text) and not is_separated:
            raise CodeError(
                "lost_separator",
                f"no separator behind ({element.ai.ai}) {element.value}: set the scanner to send FNC1 as GS",
            )
        at += is_separated


def _values(elements: list[GS1ElementString]) -> dict[str, GS1ElementString]:
    values: dict[str, GS1ElementString] = {}
    for element in elements:
        known = values.setdefault(element.ai.ai, element)
        if known.value != element.value:
            raise CodeError("contradiction", f"({element.ai.ai}) is {known.value} and {element.value}")
    return values


def _expiry(values: dict[str, GS1ElementString]) -> int | None:
    if "17" in values:
        return _days(values["17"].date, values["17"].value)
    if "7003" not in values:
        return None
    element = values["7003"]
    if element.value[4:6] == "00":
        raise CodeError("day_00", f"(7003) {element.value}: day 00 is not for an expiry with a time")
    moment = element.datetime
    return _days(element.date if moment is None else moment.date(), element.value)


def _days(date: datetime.date | None, text: str) -> int:
    if date is None or date.year < FIRST_YEAR:
        raise CodeError("date", f"{text} is not a date of expiry" + ("" if date is None else f": {date}"))
    return date.toordinal() - EPOCH_ORDINAL


def _packs(values: dict[str, GS1ElementString]) -> int:
    if "30" not in values:
        return 1
    text = values["30"].value
    packs = int(text or "0")  # biip lets an empty one pass
    if packs == 0:
        raise CodeError("unreadable", f"(30) {text}: none at all")
    return packs


def check_serial(code: Code) -> None:
    """For an item whose packs all have a serial; raises CodeError where the code has none."""
    if code.serial is None:
        raise CodeError(
            "no_serial",
            f"no serial (21), and every pack of this item has one; lot reads {code.lot}: was FNC1 lost?",
        )
