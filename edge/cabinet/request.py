"""What a person at the cabinet may ask for: to correct what is booked, or to say what lies there. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from firmware import wire

if TYPE_CHECKING:
    from edge.cabinet.planogram import Planogram
    from edge.record import Values

MAX_TEXT_BYTES = 128
NAMES = ("what", "slot", "pieces", "reason", "actor", "lot")


class RequestError(ValueError):
    """The request cannot be recorded; asking again does not help."""


def parsed(data: bytes) -> dict[str, Any]:
    """The request of a file; raises RequestError."""
    try:
        found = json.loads(data.decode())
    except (ValueError, RecursionError):
        raise RequestError("the request is no JSON") from None
    if not isinstance(found, dict) or not all(name in NAMES for name in found):
        raise RequestError(f"a request has {', '.join(NAMES)} and nothing else")
    return found


def values_of(asked: dict[str, Any], planogram: Planogram) -> tuple[str, Values]:
    """Kind and values of the record; raises RequestError."""
    slot = planogram.by_name.get(_text(asked, "slot"))
    if slot is None:
        known = ", ".join(planogram.by_name) or "none"
        raise RequestError(f'no slot "{_text(asked, "slot")}" in the planogram; known are {known}')
    pieces = asked.get("pieces")
    if not isinstance(pieces, int) or isinstance(pieces, bool) or abs(pieces) > 1_000_000:
        raise RequestError(f"pieces = {pieces!r}: must be a whole number within a million")
    place: Values = {"slot": slot.name, "item": slot.item}
    who: Values = {"actor": _text(asked, "actor") or None, "lot": _text(asked, "lot") or None}
    if asked.get("what") == "count":
        if pieces < 0:
            raise RequestError(f"pieces = {pieces}: nobody counts less than none")
        return "count", {**place, **who, "method": _number("count", "method", "person"), "pieces": pieces}
    if asked.get("what") != "adjust":
        raise RequestError(f"what = {asked.get('what')!r}: must be adjust or count")
    if not pieces:
        raise RequestError("pieces = 0: an adjustment by nothing; to say what lies there, count")
    if not _text(asked, "reason"):
        raise RequestError("an adjustment needs a reason")
    move: Values = {"move": _number("move", "move", "adjust"), "pieces": pieces}
    move["reason"] = _text(asked, "reason")
    return "move", {**place, **who, **move}


def _number(kind: str, name: str, word: str) -> int:
    return wire.KINDS[kind].by_name[name].words.index(word)


def _text(asked: dict[str, Any], name: str) -> str:
    text = asked.get(name) or ""
    try:
        is_good = isinstance(text, str) and len(text.encode()) <= MAX_TEXT_BYTES
    except UnicodeEncodeError:
        is_good = False
    if not is_good:
        raise RequestError(f"{name}: must be a text of at most {MAX_TEXT_BYTES} bytes")
    return str(text).strip()
