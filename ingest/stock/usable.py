"""Usable stock: what may still be given out at the next planned visit.

A lot counts when it does not expire before that day, nobody holds it back, and its vaccine vial monitor, if
it has one, was read as stage 1 or 2. With no visit known the day is today, and the figure says so. A lot
whose expiry nobody knows counts, and is reported beside. A lot of negative balance (given out before its
receipt was booked, or booked without a lot) takes away from the sum, so that the total stays true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.stock.figure import Figure, Value

if TYPE_CHECKING:
    from collections.abc import Iterable

WORST_USABLE_STAGE = 2
FORMULA = "sum of lots with expiry >= day, not held, vial monitor stage 1 or 2"


class Lot(NamedTuple):
    """What a site has of a lot; `lot` is empty where nobody said which."""

    lot: str
    on_hand: int
    expires_day: int | None = None
    is_held: bool = False
    vvm_stage: int | None = None


def unusable_because(lot: Lot, day: int) -> str | None:
    """Why a lot may not be given out on a day, None when it may."""
    if lot.expires_day is not None and lot.expires_day < day:
        return "expired"
    if lot.is_held:
        return "held"
    if lot.vvm_stage is not None and lot.vvm_stage > WORST_USABLE_STAGE:
        return "vial_monitor"
    return None


def day_of_use(today: int, next_visit_day: int | None) -> int:
    """The day of the next planned visit; today where none is known or it has passed."""
    return today if next_visit_day is None else max(today, next_visit_day)


def usable(lots: Iterable[Lot], today: int, next_visit_day: int | None) -> Figure:
    """How much may be given out on the day of the next planned visit, or today where none is known."""
    day = day_of_use(today, next_visit_day)
    left_out: dict[str, int] = {"expired": 0, "held": 0, "vial_monitor": 0}
    total = unknown_expiry = 0
    for lot in lots:
        reason = unusable_because(lot, day)
        if reason is not None and lot.on_hand > 0:
            left_out[reason] += lot.on_hand
            continue
        total += lot.on_hand
        unknown_expiry += lot.on_hand if lot.expires_day is None and lot.on_hand > 0 else 0
    basis = "next_visit" if day == next_visit_day else "today"
    inputs: dict[str, Value] = {"day": day, "basis": basis, "unknown_expiry": unknown_expiry, **left_out}
    return Figure(total, FORMULA, inputs)
