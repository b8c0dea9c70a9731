"""Keys of the API, in the access file: shown once, kept as a hash.

A key is 256 random bits, which no one can guess, so one SHA-256 is enough to keep it unreadable: slow
hashes protect words that people choose.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
from dataclasses import dataclass

PREFIX = "ortoo_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}")


class KeyNameError(ValueError):
    """The name cannot be used for a key; the text says why."""


@dataclass(frozen=True, slots=True)
class Key:
    """`is_admin`: its holder may have units run other firmware."""

    name: str
    made_ms: int
    is_admin: bool = False


def digest(secret: str) -> bytes:
    """What is kept of a key or a session token."""
    return hashlib.sha256(secret.encode()).digest()


def add(access: sqlite3.Connection, name: str, now_ms: int, *, is_admin: bool = False) -> str:
    """Make a key and return it: it cannot be shown again. Raises KeyNameError."""
    if _NAME.fullmatch(name) is None:
        raise KeyNameError(f"{name[:64]!r}: a key's name is 1 to 64 letters, digits, spaces and . _ @ -")
    secret = PREFIX + secrets.token_urlsafe(32)
    try:
        access.execute("INSERT INTO key VALUES (?, ?, ?, ?)", (name, digest(secret), now_ms, is_admin))
    except sqlite3.IntegrityError:
        raise KeyNameError(
            f"there is a key {name!r} already: remove it first, or take another name"
        ) from None
    return secret


def remove(access: sqlite3.Connection, name: str) -> bool:
    """Forget a key and end its sessions; False when there is none of that name."""
    return access.execute("DELETE FROM key WHERE name = ?", (name,)).rowcount > 0


def all_keys(access: sqlite3.Connection) -> list[Key]:
    """Every key's name and day, never the key."""
    rows = access.execute("SELECT name, made_ms, is_admin FROM key ORDER BY name")
    return [Key(name, made_ms, bool(is_admin)) for name, made_ms, is_admin in rows]


def is_admin(access: sqlite3.Connection, name: str) -> bool:
    """Whether the holder of the key of that name may have units run other firmware."""
    return access.execute("SELECT 1 FROM key WHERE name = ? AND is_admin", (name,)).fetchone() is not None


def has_any(access: sqlite3.Connection) -> bool:
    """Whether the API asks for a key."""
    return access.execute("SELECT 1 FROM key LIMIT 1").fetchone() is not None


def name_of(access: sqlite3.Connection, secret: str) -> str | None:
    """The name of a key, None for one that is not ours."""
    row = access.execute("SELECT name FROM key WHERE digest = ?", (digest(secret),)).fetchone()
    return None if row is None else str(row[0])
