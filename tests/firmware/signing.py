"""An operator at a desk: makes keys, and signs releases from the book, slow and never with a real secret."""

import hashlib
import json
from typing import Any

from firmware.update.p256 import G, N, P

SECRET = 0x0D1E5E7C0FFEE0DDBA11F00DCAFE0B5E55ED5EED0FF1CE0BADC0DE5CA1AB1E01
STRANGER = SECRET + 1

Point = tuple[int, int]


def plus(one: Point | None, other: Point | None) -> Point | None:
    """The sum of two points of the curve; None is the one at infinity."""
    if one is None or other is None:
        return other if one is None else one
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, P) if one == other else (y2 - y1) * pow(x2 - x1, -1, P)
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def times(count: int, point: Point) -> Point:
    """So many of that point; not for multiples of N."""
    total: Point | None = None
    adding: Point | None = point
    while count:
        if count & 1:
            total = plus(total, adding)
        adding = plus(adding, adding)
        count >>= 1
    assert total is not None
    return total


def written(point: Point) -> bytes:
    """A point as a key is kept."""
    return b"\x04" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def signed(data: bytes, secret: int = SECRET, nonce: int = 0x1234567) -> bytes:
    """r | s over the data."""
    r = times(nonce, G)[0] % N
    s = pow(nonce, -1, N) * (int.from_bytes(hashlib.sha256(data).digest(), "big") + r * secret) % N
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


KEY = written(times(SECRET, G))
OTHER_KEY = written(times(STRANGER, G))


def manifest(contents: dict[str, bytes], **changes: Any) -> dict[str, Any]:
    """What a release of these files says of itself."""
    entries = [[path, len(data), hashlib.sha256(data).hexdigest()] for path, data in sorted(contents.items())]
    said = {
        "v": 1,
        "name": "ortoo-node",
        "version": "0.2.0",
        "number": 12,
        "mpy": 6,
        "boards": ["esp32-s3", "host"],
    }
    if "keys" in changes:
        said["keys"] = [key.hex() for key in changes.pop("keys")]
    return {**said, "files": entries, **changes}


def head(said: Any, secret: int = SECRET) -> bytes:
    """The head of a release with that manifest."""
    text = json.dumps(said, separators=(",", ":")).encode()
    return text + b"\n" + signed(text, secret).hex().encode() + b"\n"
