"""The clerk at the scanner: a scanned code is a move, and cards with codes of ours say which. Pure.

    ORTOO:RECEIVE   ORTOO:DISPENSE   ORTOO:TRANSFER:site   ORTOO:DISCARD:reason   ORTOO:BY:who

A card holds for the packs scanned after it until the scanner has rested for a while; then a scan is a
dispense again, which is what a pack is taken out for. A code that comes twice at once is one pack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.cabinet.barcode import CodeError, check_serial, code_of, printable
from firmware import wire

if TYPE_CHECKING:
    from edge.cabinet.planogram import Planogram
    from edge.record import Values

REST_MS = 180_000
STUTTER_MS = 1_500
CARD = "ORTOO:"
MOVES = wire.KINDS["move"].by_name["move"].words
WITH_DETAIL = {"TRANSFER": "to_site", "DISCARD": "reason"}
MAX_DETAIL_BYTES = 64


class Clerk:
    """Turns what was scanned into moves."""

    def __init__(self, planogram: Planogram) -> None:
        self._planogram = planogram
        self._last: tuple[str, int] = ("", -STUTTER_MS)
        self._reset()

    def _reset(self) -> None:
        self.move = "dispense"
        self._details: dict[str, str] = {}

    def scan(self, at_ms: int, text: str) -> Values | None:
        """The values of a move; None for a card or a stutter. Raises CodeError."""
        before, before_ms = self._last
        self._last = (text, at_ms)
        if at_ms - before_ms >= REST_MS:
            self._reset()
        if text == before and at_ms - before_ms < STUTTER_MS:
            return None
        if text.startswith(CARD):
            self._obey(text.removeprefix(CARD))
            return None
        return self._move(text)

    def _obey(self, card: str) -> None:
        word, _, detail = card.partition(":")
        if len(detail.encode()) > MAX_DETAIL_BYTES:
            raise CodeError("card", f"a card of more than {MAX_DETAIL_BYTES} bytes")
        if word == "BY" and detail:
            self._details["actor"] = detail
            return
        if word == "ADJUST" or word.lower() not in MOVES or (word in WITH_DETAIL) != bool(detail):
            raise CodeError("card", f"{CARD}{printable(card)} is no card of ours")
        actor = self._details.get("actor")
        self.move, self._details = word.lower(), {} if actor is None else {"actor": actor}
        if detail:
            self._details[WITH_DETAIL[word]] = detail

    def _move(self, text: str) -> Values:
        code = code_of(text)
        slot = self._planogram.item_of(code.product)
        if slot is not None and slot.is_serialised:
            check_serial(code)
        only = None if slot is None else self._planogram.only_slot(slot.item)
        return {
            "move": MOVES.index(self.move),
            "slot": None if only is None else only.name,
            "item": None if slot is None else slot.item,
            "gtin": code.gtin,
            "lot": code.lot,
            "expires_on": code.expires_on,
            "serial": code.serial,
            "pieces": None if slot is None else code.packs * slot.pack_pieces,
            "packs": code.packs,
            "code": printable(text),
            **self._details,
        }
