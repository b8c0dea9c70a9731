"""Answers: whole as JSON, or piece by piece where a year of records would not fit into memory."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from fastapi.responses import Response, StreamingResponse
from pydantic_core import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE_BYTES = 1 << 20  # what is shorter than this is one plain answer
JSON = "application/json"


def as_json(body: object, status: int = 200, media_type: str = JSON) -> Response:
    """What was made by our own code, so that nobody has to check it against its shape again."""
    return Response(to_json(body), status, media_type=media_type)


def in_pieces(pieces: Iterator[bytes], media_type: str, headers: dict[str, str]) -> Response:
    """Whole when it is short, so that an error on the way still gets its status; else as a stream."""
    first: list[bytes] = []
    size = 0
    for piece in pieces:
        first.append(piece)
        size += len(piece)
        if size > AT_ONCE_BYTES:
            return StreamingResponse(chain(first, pieces), media_type=media_type, headers=headers)
    return Response(b"".join(first), media_type=media_type, headers=headers)
