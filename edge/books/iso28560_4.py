"""ISO 28560-4: a library's UHF tag, a UII in bank 01 and the elements of part 2 in bank 11. Pure.

Bank 01 is CRC | protocol control | UII. The control word: five bits how many words the UII has, 0x0400 bank
11 is used, 0x0200 more control follows, 0x0100 the low byte is an AFI (0: an EPC of GS1). The CRC is that
of Gen2: CRC-16/CCITT, then every bit turned over.

The UII is `owner.item.set` or fewer of them, in URN Code 40: three characters a, b, c are 1600a + 40b + c +
1 in two bytes, with A..Z 1..26, - 27, . 28, : 29, 0..9 30..39 and 0 where there is none. A first byte above
0xFA says other:

    FB   nine digits and more: (digits - 9) << 4 | (bytes - 4), then the number
    FC, FD, FE   a character of 1, 2, 3 bytes of UTF-8
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.books import iso28560_2, iso28560_3
from edge.books.compaction import TagError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TABLE = "\0ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:0123456789"
LONG_NUMBER = 0xFB
MAX_UII_BYTES = 62  # 31 words
USER_BANK, HAS_AFI = 0x0400, 0x0100
MIN_DIGITS = 9
_RUNS = re.compile(r"[0-9]{9,24}|[A-Z.:\-0-9]|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Uii:
    """What a UII names; a part that is not there is empty."""

    item: str
    owner: str = ""
    set: str = ""

    def __str__(self) -> str:
        return ".".join(part for part in (self.owner, self.item, self.set) if part)


@dataclass(frozen=True, slots=True)
class Control:
    """The protocol control word; `afi` None: an EPC."""

    words: int
    has_user_bank: bool
    afi: int | None


def gen2_crc(data: bytes) -> int:
    """The CRC-16 of a Gen2 tag."""
    return iso28560_3.crc(data) ^ 0xFFFF


def control_of(word: int) -> Control:
    """What the two bytes of protocol control say."""
    return Control(word >> 11, bool(word & USER_BANK), word & 0xFF if word & HAS_AFI else None)


def control_word(control: Control) -> int:
    """The two bytes of protocol control."""
    afi = 0 if control.afi is None else HAS_AFI | control.afi
    return control.words << 11 | (USER_BANK if control.has_user_bank else 0) | afi


# --- the text -------------------------------------------------------------------------------------------


def encode_text(text: str) -> bytes:
    """URN Code 40, in whole words; raises TagError."""
    out, run = bytearray(), ""
    for piece in _RUNS.findall(text):
        if len(piece) == 1 and piece != "\0" and piece in TABLE:
            run += piece
            continue
        out += _triples(run) + (_number(piece) if len(piece) > 1 else _character(piece))
        run = ""
    out += _triples(run)
    out += bytes(len(out) % 2)
    if not 0 < len(out) <= MAX_UII_BYTES:
        raise TagError("too_long", f"{len(out)} bytes, 1 to {MAX_UII_BYTES} fit")
    return bytes(out)


def _triples(run: str) -> bytes:
    out = b""
    for at in range(0, len(run), 3):
        a, b, c = (TABLE.index(char) for char in run[at : at + 3].ljust(3, "\0"))
        out += (1600 * a + 40 * b + c + 1).to_bytes(2, "big")
    return out


def _number(digits: str) -> bytes:
    number = int(digits)
    size = max((number.bit_length() + 7) // 8, 4)
    return bytes([LONG_NUMBER, len(digits) - MIN_DIGITS << 4 | size - 4]) + number.to_bytes(size, "big")


def _character(char: str) -> bytes:
    try:
        data = char.encode()
    except UnicodeEncodeError:
        data = b""
    if not 1 <= len(data) <= 3 or char == "\0":
        raise TagError("character", f"{char!r} has no place in a UII")
    return bytes([LONG_NUMBER + len(data)]) + data


def decode_text(data: bytes) -> str:
    """The text of whole words; raises TagError."""
    if len(data) > MAX_UII_BYTES:
        raise TagError("too_long", f"{len(data)} bytes, at most {MAX_UII_BYTES}")
    text = "".join(_pieces(data))
    if not text:
        raise TagError("blank", "no text")
    return text


def _pieces(data: bytes) -> Iterator[str]:
    at = 0
    while at < len(data) and any(data[at:]):  # zeros fill up
        if data[at] < LONG_NUMBER:
            yield _triple(_taken(data, at, 2))
            at += 2
        elif data[at] == LONG_NUMBER:
            head = _taken(data, at, 2)[1]
            size = (head & 15) + 4
            number = int.from_bytes(_taken(data, at + 2, size), "big")
            yield _digits(number, (head >> 4) + MIN_DIGITS)
            at += 2 + size
        elif data[at] == 0xFF:
            raise TagError("text", f"byte {at}: 0xFF begins nothing")
        else:
            size = data[at] - LONG_NUMBER
            yield _decoded(_taken(data, at + 1, size), at)
            at += 1 + size


def _taken(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise TagError("length", f"byte {at}: the text is cut off")
    return data[at : at + size]


def _triple(pair: bytes) -> str:
    number = int.from_bytes(pair, "big") - 1
    a, b, c = number // 1600, number // 40 % 40, number % 40
    if number < 0 or a >= len(TABLE):
        raise TagError("text", f"{pair.hex()} is no three characters")
    text = (TABLE[a] + TABLE[b] + TABLE[c]).rstrip("\0")
    if "\0" in text or not text:
        raise TagError("text", f"{pair.hex()} has a hole")
    return text


def _digits(number: int, digits: int) -> str:
    text = str(number).rjust(digits, "0")
    if len(text) > digits:
        raise TagError("digits", f"{text} has more than {digits} digits")
    return text


def _decoded(data: bytes, at: int) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    if len(text) != 1 or text == "\0":
        raise TagError("text", f"byte {at}: {data.hex()} is no character of {len(data)} bytes")
    return text


# --- the two banks --------------------------------------------------------------------------------------


def encode_uii(uii: Uii) -> bytes:
    """The UII's words; raises TagError."""
    parts = [uii.owner, uii.item, uii.set]
    if not uii.item or (uii.set and not uii.owner) or any("." in part for part in parts):
        raise TagError("part", f"{uii}: owner.item.set, each without a dot")
    return encode_text(str(uii))


def decode_uii(data: bytes) -> Uii:
    """What a UII names; raises TagError."""
    parts = decode_text(data).split(".")
    if len(parts) > 3 or not all(parts):
        raise TagError("part", f"{'.'.join(parts)} is not owner.item.set")
    if len(parts) == 1:
        return Uii(parts[0])
    return Uii(parts[1], parts[0], parts[2] if len(parts) == 3 else "")


def decode_user(data: bytes) -> list[iso28560_2.Element]:
    """The elements of bank 11, which begins with its DSFID; raises TagError."""
    if not data or data[0] != iso28560_2.DSFID:
        raise TagError("layout", "bank 11 does not begin with the DSFID 06")
    return iso28560_2.decode(data[1:])


def encode_user(elements: Sequence[iso28560_2.Element]) -> bytes:
    """Bank 11 with these elements, in whole words, with a zero behind them; raises TagError."""
    data = bytes([iso28560_2.DSFID]) + iso28560_2.encode(elements, 1).data + b"\0"
    return data + bytes(len(data) % 2)
