"""How a tag writes a text in few bits: the compactions of ISO/IEC 15962, and the one for an ISIL. Pure.

    1 integer   2 numeric (BCD)   3 five bits (A to _)   4 six bits (blank to _)   5 seven bits   6 octets
    7 UTF-8 0 is the application's own: ISIL for an owner, raw bytes for the rest

What is left of the last byte is filled: zeros behind five bits, 100000 behind six, ones behind seven and
ISIL.

ISIL (ISO 28560-2, annex): three sets, begun in upper case; in the digits a symbol has four bits, else five.

    upper   0 -   1..26 A..Z   27 :   28 lower   29 lower for one   30 digits   31 digits for one
    lower   0 -   1..26 a..z   27 /   28 upper   29 upper for one   30 digits   31 digits for one
    digits  0..9  10 -  11 :   12 upper  13 upper for one  14 lower  15 lower for one
"""

from __future__ import annotations

APPLICATION, INTEGER, NUMERIC, FIVE_BIT, SIX_BIT, SEVEN_BIT, OCTETS, UTF_8 = range(8)
MAX_DATA_BYTES = 127  # above, the length would need a second byte
MAX_INTEGER_DIGITS = 19

_UPPER = "-ABCDEFGHIJKLMNOPQRSTUVWXYZ:"
_LOWER = "-abcdefghijklmnopqrstuvwxyz/"
_DIGITS = "0123456789-:"
_SETS = {"upper": _UPPER, "lower": _LOWER, "digits": _DIGITS}
# What a symbol beyond the characters does: go over to a set, for good (True) or for one character.
_TURNS = {
    "upper": {28: ("lower", True), 29: ("lower", False), 30: ("digits", True), 31: ("digits", False)},
    "lower": {28: ("upper", True), 29: ("upper", False), 30: ("digits", True), 31: ("digits", False)},
    "digits": {12: ("upper", True), 13: ("upper", False), 14: ("lower", True), 15: ("lower", False)},
}
_SYMBOL_OF_TURN = {
    (here, *there): symbol for here, turns in _TURNS.items() for symbol, there in turns.items()
}


class TagError(ValueError):
    """The bytes are not what they should be, or the values do not fit a tag; reading again may help.

    `code` is one of length, precursor, text, digits, crc, blank, layout, character, too_long, part.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def compacted(text: str, compaction: int) -> bytes:
    """The bytes of a text; raises TagError where this compaction cannot hold it."""
    if not is_fit(text, compaction):
        raise TagError("character", f"compaction {compaction} cannot hold {text!r}")
    if compaction == INTEGER:
        number = int(text)
        data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    elif compaction == NUMERIC:
        data = bytes.fromhex(text + "f" * (len(text) % 2))
    elif compaction in _BITS:
        data = _packed(text, *_BITS[compaction])
    else:
        data = text.encode("latin-1" if compaction == OCTETS else "utf-8")
    if not 0 < len(data) <= MAX_DATA_BYTES:
        raise TagError("too_long", f"{len(data)} bytes, 1 to {MAX_DATA_BYTES} fit")
    return data


# Bits of a character, what fills the last byte.
_BITS = {FIVE_BIT: (5, "0000000"), SIX_BIT: (6, "1000000"), SEVEN_BIT: (7, "1111111")}
_ALPHABET = {FIVE_BIT: (0x41, 0x5F), SIX_BIT: (0x20, 0x5F), SEVEN_BIT: (0x00, 0x7E)}


def is_fit(text: str, compaction: int) -> bool:
    """Whether the compaction gives exactly this text back."""
    if compaction == INTEGER:
        return _is_number(text) and text[0] != "0" and len(text) <= MAX_INTEGER_DIGITS
    if compaction == NUMERIC:
        return _is_number(text)
    if compaction in _ALPHABET:
        low, high = _ALPHABET[compaction]
        is_padding = compaction == SIX_BIT and text.endswith(" ")
        return bool(text) and not is_padding and all(low <= ord(char) <= high for char in text)
    if compaction == OCTETS:
        return bool(text) and all(ord(char) <= 0xFF for char in text)
    return compaction == UTF_8 and bool(text) and not any(0xD800 <= ord(char) < 0xE000 for char in text)


def _is_number(text: str) -> bool:
    return len(text) > 1 and text.isascii() and text.isdigit()


def best(text: str) -> int:
    """The compaction that takes the fewest bytes; raises TagError when none holds the text."""
    order = (INTEGER, NUMERIC, FIVE_BIT, SIX_BIT, SEVEN_BIT, OCTETS, UTF_8)
    for compaction in order:
        if is_fit(text, compaction):
            return compaction
    raise TagError("character", f"{text!r} is no text for a tag")


def _packed(text: str, bits: int, filling: str) -> bytes:
    mask = (1 << bits) - 1
    return _bytes_of("".join(f"{ord(char) & mask:0{bits}b}" for char in text), filling)


def _bytes_of(bits: str, filling: str) -> bytes:
    bits += filling[: -len(bits) % 8]
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def extracted(data: bytes, compaction: int) -> str:
    """The text of an element's bytes; raises TagError."""
    if not data:
        raise TagError("length", "an element without data")
    if compaction == INTEGER:
        return str(int.from_bytes(data, "big"))
    if compaction == NUMERIC:
        return _numeric(data)
    if compaction in _BITS:
        text = _unpacked(data, compaction)
        if not text:
            raise TagError("text", "nothing but filling")
        return text
    if compaction == OCTETS:
        return data.decode("latin-1")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise TagError("text", f"not UTF-8 at byte {error.start}") from None


def _numeric(data: bytes) -> str:
    digits = data.hex()
    text = digits.removesuffix("f")
    if not text.isdigit():
        raise TagError("digits", f"{digits} are no decimal digits")
    return text


def _unpacked(data: bytes, compaction: int) -> str:
    width = _BITS[compaction][0]
    bits = _bits_of(data)
    numbers = [int(bits[at : at + width], 2) for at in range(0, len(bits) - width + 1, width)]
    if compaction == FIVE_BIT:
        return _five_bit(numbers)
    has_filling = len(bits) % width == 0
    if has_filling and numbers[-1] == (0x20 if compaction == SIX_BIT else 0x7F):
        numbers.pop()
    if compaction == SEVEN_BIT:
        if 0x7F in numbers:
            raise TagError("text", "a DEL within seven-bit text")
        return "".join(map(chr, numbers))
    return "".join(chr(number if number & 0x20 else number | 0x40) for number in numbers)


def _five_bit(numbers: list[int]) -> str:
    while numbers and numbers[-1] == 0:
        numbers.pop()
    if 0 in numbers:
        raise TagError("text", "a zero within five-bit text")
    return "".join(chr(number | 0x40) for number in numbers)


def _bits_of(data: bytes) -> str:
    return f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}"


# --- ISIL -----------------------------------------------------------------------------------------------


def isil_compacted(text: str) -> bytes:
    """The bytes of an ISIL; raises TagError for a character that none has."""
    bits, here = "", "upper"
    for at, char in enumerate(text):
        there = _set_of(char, here)
        after = text[at + 1] if at + 1 < len(text) else ""
        if there != here:
            is_lasting = bool(after) and after not in _SETS[here]
            bits += _symbol(here, _SYMBOL_OF_TURN[here, there, is_lasting])
            if is_lasting:
                here = there
        bits += _symbol(there, _SETS[there].index(char))
    data = _bytes_of(bits, "1111111") if bits else b""
    if not 0 < len(data) <= MAX_DATA_BYTES:
        raise TagError("too_long", f"{len(data)} bytes, 1 to {MAX_DATA_BYTES} fit")
    return data


def _set_of(char: str, here: str) -> str:
    for name in (here, *_SETS):
        if char in _SETS[name]:
            return name
    raise TagError("character", f"{char!r} is in no ISIL")


def _symbol(name: str, number: int) -> str:
    return f"{number:0{4 if name == 'digits' else 5}b}"


def isil_extracted(data: bytes) -> str:
    """The ISIL of an element's bytes; raises TagError."""
    bits, at, end = _bits_of(data), 0, 0
    text, here, once = "", "upper", ""
    while True:
        name = once or here
        after = at + (4 if name == "digits" else 5)
        if after > len(bits):
            break
        number, at = int(bits[at:after], 2), after
        turn = _TURNS[name].get(number)
        if turn is None:
            text, end, once = text + _SETS[name][number], at, ""
        elif turn[1]:
            here, once = turn[0], ""
        else:
            once = turn[0]
    if not text or "0" in bits[end:]:
        raise TagError("text", f"{data.hex()} is no ISIL")
    return text
