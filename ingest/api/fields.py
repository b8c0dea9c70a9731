"""Fields under the names of the API: the wire's scaled integers become SI units, the unit ends the name.

The wire's name already ends in its unit, so one table of endings does it for every kind, the next one too.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Iterable

# Ending on the wire, ending outside, and how many of the wire's units make one outside.
ENDINGS = (
    ("_e7", "_deg", 10_000_000),
    ("_ddeg", "_deg", 10),
    ("_dm", "_m", 10),
    ("_cm_s", "_m_s", 100),
    ("_mv", "_v", 1000),
    ("_ms", "_s", 1000),
    ("_mg", "_g", 1000),
    ("_cpct", "_pct", 100),
    ("_cc", "_c", 100),
    ("_c", "", 100),
)
_ERA = datetime.date(1970, 1, 1)


class Outside(NamedTuple):
    """A field as the API shows it."""

    name: str
    field: wire.Field
    per: int

    @property
    def is_number(self) -> bool:
        return not (self.field.words or self.field.coding == wire.TEXT or self.is_date)

    @property
    def is_date(self) -> bool:
        return self.field.unit == "days since 1970"

    def number(self, value: float | None) -> float | None:
        """A value of the wire in the unit of the API."""
        return value if value is None or self.per == 1 else value / self.per

    def column(self, cells: Iterable[Any]) -> list[Any]:
        """Cells of the wire as they are shown: numbers in SI units, words as words, days as dates."""
        if self.field.words:
            return [None if cell is None else self.field.words[cell] for cell in cells]
        if self.is_date:
            return [None if cell is None else _date(cell) for cell in cells]
        return list(cells) if self.per == 1 else [self.number(cell) for cell in cells]


def _date(day: int) -> str:
    try:
        return (_ERA + datetime.timedelta(days=day)).isoformat()
    except OverflowError:  # a day that no calendar has
        return str(day)


def _outside(field: wire.Field) -> Outside:
    if not field.words and field.coding != wire.TEXT:
        for inside, ending, per in ENDINGS:
            if field.name.endswith(inside):
                return Outside(field.name.removesuffix(inside) + ending, field, per)
    return Outside(field.name, field, 1)


FIELDS = {name: tuple(_outside(field) for field in kind.fields) for name, kind in wire.KINDS.items()}
