"""ISO 28560-3, the fixed layout that began in Denmark: 32 bytes. Pure.

    0      version << 4 | type of usage (some makers have the two nibbles swapped)
    1, 2   parts in the item, number of this part (some read them swapped: "2 of 3" has parts 3, part 2)
    3..18  primary item identifier, zeros behind it
    19, 20 CRC, the low byte first
    21, 22 country of the owner, 23..31 the rest of its ISIL, zeros behind it

The CRC is CRC-16/CCITT (polynomial 0x1021, begun with 0xFFFF) over bytes 0 to 18, 21 to 31 and two zero
bytes, which the text is easily read without. Some tags were written with the bytes of each block reversed:
both orders are tried and the CRC decides. A tag is never taken for this layout without its CRC.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass

from edge.books.compaction import TagError

BYTES = 32
BLOCK_BYTES = 4
VERSION = 1
PII_BYTES, LIBRARY_BYTES = 16, 9
DSFID = 0x3E  # not confirmed by a standard's text; the CRC decides, not this


@dataclass(frozen=True, slots=True)
class Item:
    """What the 32 bytes say; `usage` is the nibble of the type of usage."""

    item: str
    country: str = ""
    library: str = ""
    usage: int = 1
    parts: int = 1
    part: int = 1

    @property
    def owner(self) -> str:
        """The ISIL, as DE-705."""
        return f"{self.country}-{self.library}" if self.country and self.library else ""


def crc(data: bytes) -> int:
    """CRC-16/CCITT-FALSE."""
    return binascii.crc_hqx(data, 0xFFFF)


def _crc_of(data: bytes) -> int:
    return crc(data[:19] + data[21:32] + b"\0\0")


def reversed_blocks(data: bytes, block_bytes: int = BLOCK_BYTES) -> bytes:
    """The bytes with each block turned round."""
    return b"".join(data[at : at + block_bytes][::-1] for at in range(0, len(data), block_bytes))


def decode(data: bytes) -> Item:
    """The item of a tag's memory in either order of bytes; raises TagError."""
    if len(data) < BYTES:
        raise TagError("length", f"{len(data)} bytes, {BYTES} are needed")
    found = TagError("crc", "the check sum is wrong in both orders of bytes")
    for order in (data[:BYTES], reversed_blocks(data[:BYTES])):
        if _crc_of(order) == int.from_bytes(order[19:21], "little"):
            try:
                return _item(order)
            except TagError as error:  # of 65,536 tags one has a good sum in the wrong order, too
                found = error
    raise found


def _item(data: bytes) -> Item:
    high, low = data[0] >> 4, data[0] & 15
    usage = high if high != VERSION and low == VERSION else low
    parts, part = data[1], data[2]
    if part > parts:
        parts, part = part, parts  # written by one who swaps them: no item has a part 3 of 2
    pii = _text(data[3:19], "the identifier")
    if not pii:
        raise TagError("blank", "no identifier")
    return Item(pii, _text(data[21:23], "the country"), _text(data[23:32], "the library"), usage, parts, part)


def _text(data: bytes, name: str) -> str:
    text, _, rest = data.partition(b"\0")
    if any(rest):
        raise TagError("text", f"{name} goes on behind its end")
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise TagError("text", f"{name} is not UTF-8") from None


def encode(item: Item) -> bytes:
    """The 32 bytes; raises TagError."""
    if not 0 <= item.usage <= 15:
        raise TagError("too_long", f"type of usage {item.usage}, 0 to 15 fit")
    if not 0 <= item.part <= item.parts <= 255:
        raise TagError("part", f"part {item.part} of {item.parts}")
    body = bytes([VERSION << 4 | item.usage, item.parts, item.part]) + _filled(item.item, PII_BYTES)
    owner = _filled(item.country, 2) + _filled(item.library, LIBRARY_BYTES)
    if not item.item:
        raise TagError("blank", "no identifier")
    return body + _crc_of(body + b"\0\0" + owner).to_bytes(2, "little") + owner


def _filled(text: str, size: int) -> bytes:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise TagError("character", f"{text!r} is no text for a tag") from None
    if len(data) > size or b"\0" in data:
        raise TagError("too_long", f"{text!r}: {len(data)} bytes, {size} fit")
    return data + bytes(size - len(data))
