"""Readers' cards as keyed hashes: what units say instead of a number (the unit's half is edge/books/card.py).

    reader      = the first 16 bytes of HMAC-SHA256(key, b"reader:" + card), in hex
    reader_key  = the first 4 bytes of HMAC-SHA256(key, b"name"), in hex

The service holds the cards, since the library asks for numbers; records, lists and screens hold the hash.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from ingest.config import ConfigError

MIN_KEY_BYTES = 16
MAX_KEY_BYTES = 1024
MAX_CARD_BYTES = 64


def load_key(path: str) -> bytes | None:
    """The key in a file, None for no file; raises ConfigError that names the setting."""
    if not path:
        return None
    try:
        key = Path(path).read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise ConfigError(f"library.card_key_file {path}: cannot be read: {error.strerror}") from None
    if not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise ConfigError(
            f"library.card_key_file {path}: {len(key)} bytes, a key has {MIN_KEY_BYTES} to {MAX_KEY_BYTES}"
        )
    return key


def name_of(key: bytes) -> str:
    """How records call the key."""
    return hmac.digest(key, b"name", hashlib.sha256)[:4].hex()


def hashed(key: bytes, card: str) -> str:
    """The reader of a card; raises ValueError for what is no card."""
    number = card.strip()
    if not number or not number.isprintable() or len(number.encode(errors="replace")) > MAX_CARD_BYTES:
        raise ValueError(f"is no card: 1 to {MAX_CARD_BYTES} bytes that can be seen")
    return hmac.digest(key, b"reader:" + number.encode(), hashlib.sha256)[:16].hex()
