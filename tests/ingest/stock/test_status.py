import pytest

from ingest.stock.status import WORST_FIRST, status
from ingest.stock.usable import Lot, usable

LEVELS = (10, 20, 100)


@pytest.mark.parametrize(
    ("on_hand", "usable_", "levels", "word"),
    [
        (0, 0, LEVELS, "STOCK_OUT"),
        (-3, -3, LEVELS, "STOCK_OUT"),
        (5, 0, LEVELS, "EXPIRED_ONLY"),
        (5, -1, LEVELS, "EXPIRED_ONLY"),
        (10, 10, LEVELS, "LOW_STOCK"),
        (50, 10, LEVELS, "LOW_STOCK"),
        (11, 11, LEVELS, "REORDER"),
        (20, 20, LEVELS, "REORDER"),
        (21, 21, LEVELS, "IN_STOCK"),
        (100, 100, LEVELS, "IN_STOCK"),
        (101, 101, LEVELS, "OVERSTOCK"),
        (101, 10, LEVELS, "LOW_STOCK"),
        (1, 1, (None, None, None), "IN_STOCK"),
        (1, 1, (0, 0, 0), "IN_STOCK"),
        (20, 20, (None, 20, None), "REORDER"),
        (0, 0, (None, None, None), "STOCK_OUT"),
    ],
)
def test_the_ladder(on_hand: int, usable_: int, levels: tuple[int | None, ...], word: str) -> None:
    found = status(on_hand, usable_, *levels)
    assert found.value == word
    assert found.inputs["on_hand"] == on_hand
    assert word in WORST_FIRST


TODAY = 20_000
GOOD = Lot("good", 5, TODAY + 30)


@pytest.mark.parametrize(
    ("lots", "visit", "value", "inputs"),
    [
        ([GOOD], None, 5, {"basis": "today", "day": TODAY}),
        ([Lot("a", 5, TODAY)], None, 5, {"expired": 0}),
        ([Lot("a", 5, TODAY - 1)], None, 0, {"expired": 5}),
        ([GOOD], TODAY + 30, 5, {"basis": "next_visit"}),
        ([GOOD], TODAY + 31, 0, {"expired": 5, "day": TODAY + 31}),
        ([GOOD], TODAY - 1, 5, {"basis": "today"}),
        ([Lot("a", 5, None)], None, 5, {"unknown_expiry": 5}),
        ([Lot("a", 5, None, is_held=True), GOOD], None, 5, {"held": 5}),
        ([Lot("a", 5, None, vvm_stage=2), Lot("b", 3, None, vvm_stage=3)], None, 5, {"vial_monitor": 3}),
        ([GOOD, Lot("", -2)], None, 3, {}),
        ([GOOD, Lot("old", -2, TODAY - 1)], None, 3, {"expired": 0}),
    ],
)
def test_usable(lots: list[Lot], visit: int | None, value: int, inputs: dict[str, object]) -> None:
    found = usable(lots, TODAY, visit)
    assert found.value == value
    assert dict(found.inputs) | inputs == dict(found.inputs)
