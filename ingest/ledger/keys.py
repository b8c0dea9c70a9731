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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = "ortoo_"
VIEWER, DISPATCHER, HEALTH, LIBRARIAN, ADMIN = "viewer", "dispatcher", "health", "librarian", "admin"
ROLES = (VIEWER, DISPATCHER, HEALTH, LIBRARIAN, ADMIN)  # the least first
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}")


class KeyNameError(ValueError):
    """The name cannot be used for a key; the text says why."""


class RoleError(ValueError):
    """There is no such role; the text says which there are."""


@dataclass(frozen=True, slots=True)
class Key:
    """What its holder may do is said of each role in `ingest.api.roles`."""

    name: str
    made_ms: int
    roles: frozenset[str]


def digest(secret: str) -> bytes:
    """What is kept of a key or a session token."""
    return hashlib.sha256(secret.encode()).digest()


def add(access: sqlite3.Connection, name: str, now_ms: int, roles: Iterable[str] = (VIEWER,)) -> str:
    """Make a key and return it: it cannot be shown again. Raises KeyNameError, RoleError."""
    if _NAME.fullmatch(name) is None:
        raise KeyNameError(f"{name[:64]!r}: a key's name is 1 to 64 letters, digits, spaces and . _ @ -")
    secret = PREFIX + secrets.token_urlsafe(32)
    try:
        access.execute("INSERT INTO key VALUES (?, ?, ?, ?)", (name, digest(secret), now_ms, _joined(roles)))
    except sqlite3.IntegrityError:
        raise KeyNameError(
            f"there is a key {name!r} already: remove it first, or take another name"
        ) from None
    return secret


def give(access: sqlite3.Connection, name: str, roles: Iterable[str]) -> bool:
    """Give a key these roles in place of its own, at once; False when there is none. Raises RoleError."""
    return access.execute("UPDATE key SET roles = ? WHERE name = ?", (_joined(roles), name)).rowcount > 0


def _joined(roles: Iterable[str]) -> str:
    said = sorted(set(roles), key=lambda role: ROLES.index(role) if role in ROLES else -1)
    if not said or said[0] not in ROLES:
        raise RoleError(f"{''.join(said[:1])[:64]!r} is no role: there are {', '.join(ROLES)}")
    return " ".join(said)


def remove(access: sqlite3.Connection, name: str) -> bool:
    """Forget a key and end its sessions; False when there is none of that name."""
    return access.execute("DELETE FROM key WHERE name = ?", (name,)).rowcount > 0


def all_keys(access: sqlite3.Connection) -> list[Key]:
    """Every key's name, day and roles, never the key."""
    rows = access.execute("SELECT name, made_ms, roles FROM key ORDER BY name")
    return [Key(name, made_ms, frozenset(roles.split())) for name, made_ms, roles in rows]


def roles_of(access: sqlite3.Connection, name: str) -> frozenset[str]:
    """The roles of the key of that name, none when there is no such key."""
    row = access.execute("SELECT roles FROM key WHERE name = ?", (name,)).fetchone()
    return frozenset() if row is None else frozenset(row[0].split())


def has_any(access: sqlite3.Connection) -> bool:
    """Whether the API asks for a key."""
    return access.execute("SELECT 1 FROM key LIMIT 1").fetchone() is not None


def name_of(access: sqlite3.Connection, secret: str) -> str | None:
    """The name of a key, None for one that is not ours."""
    row = access.execute("SELECT name FROM key WHERE digest = ?", (digest(secret),)).fetchone()
    return None if row is None else str(row[0])
