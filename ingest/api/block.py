"""A block of the event stream: some events, written out once for all who listen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json


@dataclass(frozen=True, slots=True)
class Block:
    """An encoded event: its number in the stream, and the revision that a reader then has.

    `framed`: as it is, and as a chunk of HTTP/1.1.
    """

    number: int
    revision: int
    framed: tuple[bytes, bytes]

    @property
    def data(self) -> bytes:
        return self.framed[0]


def with_units(head: dict[str, Any], units: list[bytes]) -> bytes:
    """An object that ends with the units, which are JSON already."""
    return b'%b,"units":[%b]}' % (to_json(head)[:-1], b",".join(units))


def chunked(data: bytes) -> bytes:
    """A chunk of HTTP/1.1 (RFC 9112, section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)
