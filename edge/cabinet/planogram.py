"""The planogram: which item lies in which slot, what a pack of it weighs, how many there should be. Pure.

Several slots may hold one item, as a shelf of two trays does: the par levels add up, and a scanned pack then
belongs to the item and to no slot. But one item has one pack mass and one pack size, one GTIN has one item,
and no scale hangs under two slots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class PlanogramError(ValueError):
    """The planogram contradicts itself; waiting will not help."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One place for one item; `pack_mg` 0 means that no scale can count it."""

    name: str
    item: str
    pack_mg: int = 0
    pack_pieces: int = 1
    par_pieces: int = 0
    gtin: str = ""
    input: str = ""
    is_serialised: bool = False


class Planogram:
    """Slots by name, by scale, and by what is printed on the pack."""

    def __init__(self, slots: Iterable[Slot]) -> None:
        self.slots = tuple(slots)
        self.by_name = {slot.name: slot for slot in self.slots}
        self.by_input = {slot.input: slot for slot in self.slots if slot.input}
        self._items: dict[str, Slot] = {}
        self._gtins: dict[str, str] = {}
        for slot in self.slots:
            self._check(slot)
        if len(self.by_name) < len(self.slots):
            raise PlanogramError("two slots have one name")
        if len(self.by_input) < sum(bool(slot.input) for slot in self.slots):
            raise PlanogramError("two slots have one input")

    def _check(self, slot: Slot) -> None:
        first = self._items.setdefault(slot.item, slot)
        if (first.pack_mg, first.pack_pieces) != (slot.pack_mg, slot.pack_pieces):
            raise PlanogramError(f'slots "{first.name}" and "{slot.name}" hold "{slot.item}" in unlike packs')
        if slot.gtin and self._gtins.setdefault(slot.gtin, slot.item) != slot.item:
            raise PlanogramError(f'GTIN {slot.gtin} is "{self._gtins[slot.gtin]}" and "{slot.item}"')

    def item_of(self, gtin: str | None) -> Slot | None:
        """A slot that holds what the GTIN names; None when no slot does."""
        item = self._gtins.get(gtin or "")
        return None if item is None else self._items[item]

    def only_slot(self, item: str) -> Slot | None:
        """The slot of an item; None when there are several."""
        found = [slot for slot in self.slots if slot.item == item]
        return found[0] if len(found) == 1 else None

    def par_pieces(self, item: str) -> int:
        """How many of an item there should be, over all its slots."""
        return sum(slot.par_pieces for slot in self.slots if slot.item == item)
