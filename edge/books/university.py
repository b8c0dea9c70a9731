"""The form of China's university libraries: 96 or 128 bits of a UHF tag's bank 01, in place of a UII. Pure.

    byte 0      0x80 lent | two reserved bits << 4 | sorting (four bits)
    byte 1      how the item is written << 6 | version - 1
    bytes 2, 3  what else is there: a bit each for OID 3, 4, 5, 6, 11, 12, 14, 15 | 16, 24, 26 to 31
    the rest    the item

    0   96 bits: below eight characters count and characters. From eight to fourteen a number of 64 bits, the
        low byte first: length (4 bits), last character (8), the third, second, first (6 each, from "0" on),
        the fourth (4), and the number that the others are
    1   128 bits: below twelve characters count and characters. From twelve to fourteen three numbers of 32
        bits: length (4), last character (8), the eleventh on (6 each); the sixth to tenth; the first five
    2   UTF-8

The lent bit is all the security that such a tag has: its AFI does not tell.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.books.compaction import TagError

OIDS = (3, 4, 5, 6, 11, 12, 14, 15, 16, 24, 26, 27, 28, 29, 30, 31)
HEAD_BYTES = 4
MAX_CHARACTERS = 14
MAX_BYTES = 62
_LENT = 0x80
SHORT, LONG, PLAIN = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Copy:
    """What bank 01 says behind its control word."""

    item: str
    is_lent: bool = False
    sorting: int = 0
    version: int = 1
    oids: tuple[int, ...] = ()


def decode(data: bytes) -> Copy:
    """The copy of a tag; raises TagError."""
    if not HEAD_BYTES < len(data) <= MAX_BYTES:
        raise TagError("length", f"{len(data)} bytes, {HEAD_BYTES + 1} to {MAX_BYTES} are possible")
    bits = int.from_bytes(data[2:4], "big")
    oids = tuple(oid for at, oid in enumerate(OIDS) if bits >> at & 1)
    decoders = {SHORT: _short, LONG: _long, PLAIN: _plain}
    how = data[1] >> 6
    if how not in decoders:
        raise TagError("layout", f"the item is written in a way {how} that nobody declared")
    item = decoders[how](data[HEAD_BYTES:])
    return Copy(item, bool(data[0] & _LENT), data[0] & 15, (data[1] & 63) + 1, oids)


def encode(copy: Copy) -> bytes:
    """The bytes behind the control word, in whole words; raises TagError."""
    if not (0 <= copy.sorting <= 15 and 1 <= copy.version <= 64 and set(copy.oids) <= set(OIDS)):
        raise TagError("part", f"sorting {copy.sorting}, version {copy.version}, OIDs {copy.oids}")
    bits = sum(1 << OIDS.index(oid) for oid in set(copy.oids))
    how, item = _item(copy.item)
    head = bytes([_LENT * copy.is_lent | copy.sorting, how << 6 | copy.version - 1])
    data = head + bits.to_bytes(2, "big") + item
    data += bytes(len(data) % 2)
    if len(data) > MAX_BYTES:
        raise TagError("too_long", f"{len(data)} bytes, at most {MAX_BYTES}")
    return data


def _item(text: str) -> tuple[int, bytes]:
    if is_short(text):
        return SHORT, encode_short(text)
    if is_long(text):
        return LONG, encode_long(text)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        data = b""
    if not data or b"\0" in data:
        raise TagError("character", f"{text!r} is no item")
    return PLAIN, data


def _plain(data: bytes) -> str:
    try:
        text = data.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        raise TagError("text", "the item is not UTF-8") from None
    if not text or "\0" in text:
        raise TagError("text", "the item has a hole")
    return text


def _is_code(text: str) -> bool:
    return all("0" <= char <= "9" or "A" <= char <= "Z" for char in text)


def _is_ascii(text: str) -> bool:
    return bool(text) and all("\0" < char < "\x80" for char in text)


def is_short(text: str) -> bool:
    """Whether 96 bits hold it."""
    if not _is_ascii(text) or len(text) > MAX_CHARACTERS:
        return False
    return len(text) < 8 or (_is_code(text[:3]) and text[3:-1].isdigit())


def is_long(text: str) -> bool:
    """Whether 128 bits hold it."""
    return _is_ascii(text) and len(text) <= MAX_CHARACTERS and (len(text) < 12 or _is_code(text[:-1]))


def encode_short(text: str) -> bytes:
    """96 bits' worth of an item that `is_short`."""
    if len(text) < 8:
        return _counted(text)
    fourth = ord(text[3]) - 48
    low = fourth & 3
    for char in text[:3]:
        low = low << 6 | ord(char) - 48
    low = low << 12 | ord(text[-1]) << 4 | len(text)
    high = int(text[4:-1]) << 2 | fourth >> 2
    return low.to_bytes(4, "little") + high.to_bytes(4, "little")


def _counted(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def _count(data: bytes) -> int:
    count = data[0] & 15
    if not 1 <= count <= MAX_CHARACTERS:
        raise TagError("length", f"{count} characters, 1 to {MAX_CHARACTERS} are possible")
    return count


def _uncounted(data: bytes, count: int) -> str:
    if data[0] != count or len(data) < count + 1 or any(data[count + 1 :]):
        raise TagError("length", f"{count} characters do not fill {len(data)} bytes")
    text = data[1 : count + 1].decode("latin-1")
    if not _is_ascii(text):
        raise TagError("text", f"{text!r} is no text of 7 bits")
    return text


def _short(data: bytes) -> str:
    count = _count(data)
    if count < 8:
        return _uncounted(data, count)
    if len(data) < 8 or any(data[8:]):
        raise TagError("length", f"{len(data)} bytes, 8 are needed")
    low, high = int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little")
    head = "".join(chr((low >> shift & 63) + 48) for shift in (24, 18, 12))
    fourth = low >> 30 | (high & 3) << 2
    middle = f"{high >> 2:0{count - 5}d}"
    text = f"{head}{fourth}{middle}{chr(low >> 4 & 0xFF)}"
    if fourth > 9 or len(text) != count or not is_short(text):
        raise TagError("text", f"{text!r} is no item of {count} characters")
    return text


def encode_long(text: str) -> bytes:
    """128 bits' worth of an item that `is_long`."""
    if len(text) < 12:
        return _counted(text)
    tail = _sixes(text[10:-1]) << 12 | ord(text[-1]) << 4 | len(text)
    numbers = (tail, _sixes(text[5:10]), _sixes(text[:5]))
    return b"".join(number.to_bytes(4, "little") for number in numbers)


def _sixes(text: str) -> int:
    number = 0
    for char in text:
        number = number << 6 | ord(char) - 48
    return number


def _long(data: bytes) -> str:
    count = _count(data)
    if count < 12:
        return _uncounted(data, count)
    if len(data) < 12 or any(data[12:]):
        raise TagError("length", f"{len(data)} bytes, 12 are needed")
    tail, middle, head = (int.from_bytes(data[at : at + 4], "little") for at in (0, 4, 8))
    text = _unsixed(head, 5) + _unsixed(middle, 5) + _unsixed(tail >> 12, count - 11)
    text += chr(tail >> 4 & 0xFF)
    if not is_long(text) or encode_long(text) != data[:12]:
        raise TagError("text", f"{text!r} is no item of {count} characters")
    return text


def _unsixed(number: int, count: int) -> str:
    return "".join(chr((number >> 6 * at & 63) + 48) for at in reversed(range(count)))
