"""The status ladder: one word for a site's stock of an item, the first rung that holds.

After OpenBoxes' InventoryUtil; EXPIRED_ONLY and the split of on hand and usable are ours. A level that is not
set, or 0, takes no part. The order of `WORST_FIRST` is the order of the board.
"""

from __future__ import annotations

from ingest.stock.figure import Figure

STOCK_OUT, EXPIRED_ONLY, LOW_STOCK, REORDER = "STOCK_OUT", "EXPIRED_ONLY", "LOW_STOCK", "REORDER"
OVERSTOCK, IN_STOCK = "OVERSTOCK", "IN_STOCK"
WORST_FIRST = (STOCK_OUT, EXPIRED_ONLY, LOW_STOCK, REORDER, OVERSTOCK, IN_STOCK)

RUNGS = {
    STOCK_OUT: "on_hand <= 0",
    EXPIRED_ONLY: "usable <= 0",
    LOW_STOCK: "usable <= min",
    REORDER: "usable <= reorder",
    OVERSTOCK: "on_hand > max",
    IN_STOCK: "none of the others",
}


def status(on_hand: int, usable: int, low: int | None, reorder: int | None, high: int | None) -> Figure:
    """Which rung; the formula is the comparison that held."""
    word = _rung(on_hand, usable, low or 0, reorder or 0, high or 0)
    inputs = {"on_hand": on_hand, "usable": usable, "min": low, "reorder": reorder, "max": high}
    return Figure(word, RUNGS[word], inputs)


def _rung(on_hand: int, usable: int, low: int, reorder: int, high: int) -> str:
    held = (
        on_hand <= 0,
        usable <= 0,
        0 < low >= usable,
        0 < reorder >= usable,
        0 < high < on_hand,
        True,
    )
    return WORST_FIRST[held.index(True)]
