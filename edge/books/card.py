"""A reader's card as a keyed hash: what the unit keeps, records and sends instead of the number.

    reader      = the first 16 bytes of HMAC-SHA256(key, b"reader:" + card), in hex
    reader_key  = the first 4 bytes of HMAC-SHA256(key, b"name"), in hex

The card is taken in UTF-8, without blanks at its ends. The key is a secret of the library, at least 16
bytes, in a file that only agent and service may read (its bytes as they are, without a line end behind
them). Card numbers are few and guessable, so a plain hash would be no protection: without the key nobody
can try them out.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MIN_KEY_BYTES = 16
MAX_KEY_BYTES = 1024
MAX_CARD_BYTES = 64


class CardError(ValueError):
    """The card, or the key, cannot be used; the text tells the crew what to do."""


def load_key(path: Path) -> bytes:
    """The key in a file; raises CardError."""
    try:
        with path.open("rb") as file:
            key = file.read(MAX_KEY_BYTES + 1).rstrip(b"\r\n")
    except OSError as error:
        raise CardError(f"{path}: the key of the readers' cards cannot be read: {error.strerror}") from None
    if not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise CardError(f"{path}: a key has {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes")
    return key


def name_of(key: bytes) -> str:
    """How records call the key; it tells nothing of it."""
    return hmac.digest(key, b"name", hashlib.sha256)[:4].hex()


def hashed(key: bytes, card: str) -> str:
    """The reader of a card; raises CardError for what is no card."""
    number = card.strip()
    if not number or not number.isprintable() or len(number.encode(errors="replace")) > MAX_CARD_BYTES:
        raise CardError("no card was read: scan it again, or type its number")
    return hmac.digest(key, b"reader:" + number.encode(), hashlib.sha256)[:16].hex()
