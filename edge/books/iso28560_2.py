"""ISO 28560-2: what a library writes on an ISO 15693 tag, as elements one behind the other. Pure.

    precursor | [OID - 15] | [pad count] | length | data | [pads]
    precursor = offset 0x80 | compaction << 4 | OID (15: the next byte tells it)

With the offset bit a count of zero bytes stands there, which follow the data: so an element ends where a
block of the tag ends, and blocks can be locked without locking a neighbour. A zero ends the elements. The
content parameter (OID 2) is a bitmap of what else is there: 0x80 for OID 3, 0x40 for OID 4, and so on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.books import compaction as packing
from edge.books.compaction import TagError

if TYPE_CHECKING:
    from collections.abc import Sequence

PII, CONTENT, OWNER, SET, USAGE, SHELF, ILL_BORROWER, GS1, TITLE = 1, 2, 3, 4, 5, 6, 11, 13, 17
DSFID = 0x06
MAX_OID = 15 + 127
MAX_ELEMENTS = 64
OFFSET, OID_FOLLOWS = 0x80, 15
_ISIL_OIDS = (OWNER, ILL_BORROWER)


@dataclass(frozen=True, slots=True)
class Element:
    """One element: a text, or bytes where only the application knows what they are.

    `compaction` None: the one that takes the fewest bytes. `is_locked`: its blocks are to be locked.
    """

    oid: int
    value: str | bytes
    compaction: int | None = None
    is_locked: bool = False


@dataclass(frozen=True, slots=True)
class Encoded:
    """Whole blocks, and which of them are to be locked ("l") or not (".")."""

    data: bytes
    locks: str


def decode(data: bytes) -> list[Element]:
    """The elements up to the end or the first zero precursor; raises TagError.

    Which blocks are locked stands in the tag's block states, not here.
    """
    elements: list[Element] = []
    at = 0
    while at < len(data) and data[at]:
        if len(elements) == MAX_ELEMENTS:
            raise TagError("too_long", f"more than {MAX_ELEMENTS} elements")
        element, at = _element(data, at)
        elements.append(element)
    if not elements:
        raise TagError("blank", "no element")
    return elements


def _element(data: bytes, at: int) -> tuple[Element, int]:
    precursor = data[at]
    begin, oid = at, precursor & 15
    compaction = precursor >> 4 & 7
    at += 1
    if oid == OID_FOLLOWS:
        oid, at = OID_FOLLOWS + _byte(data, at, begin), at + 1
    elif oid == 0:
        raise TagError("precursor", f"byte {begin}: OID 0")
    pads = 0
    if precursor & OFFSET:
        pads, at = _byte(data, at, begin), at + 1
    length, at = _byte(data, at, begin), at + 1
    if not 0 < length <= packing.MAX_DATA_BYTES or at + length + pads > len(data):
        raise TagError("length", f"byte {begin}: {length} bytes of data, {pads} behind them")
    if any(data[at + length : at + length + pads]):
        raise TagError("length", f"byte {begin}: what should be zeros behind the data is not")
    value = _value(oid, compaction, data[at : at + length])
    return Element(oid, value, compaction), at + length + pads


def _byte(data: bytes, at: int, begin: int) -> int:
    if at >= len(data):
        raise TagError("length", f"byte {begin}: the element is cut off")
    return data[at]


def _value(oid: int, compaction: int, data: bytes) -> str | bytes:
    if compaction != packing.APPLICATION:
        return packing.extracted(data, compaction)
    return packing.isil_extracted(data) if oid in _ISIL_OIDS else data


def encode(elements: Sequence[Element], block_bytes: int = 4) -> Encoded:
    """Whole blocks of these elements in their order; raises TagError."""
    if not 0 < len(elements) <= MAX_ELEMENTS:
        raise TagError("too_long", f"{len(elements)} elements, 1 to {MAX_ELEMENTS} fit")
    out = bytearray()
    locks: list[bool] = []
    for number, element in enumerate(elements):
        is_last = number + 1 == len(elements)
        ends_block = element.is_locked if is_last else elements[number + 1].is_locked != element.is_locked
        out += _bytes(element, len(out), block_bytes if ends_block else 1)
        locks += [element.is_locked] * (-(-len(out) // block_bytes) - len(locks))
    out += bytes(-len(out) % block_bytes)
    return Encoded(bytes(out), "".join("l" if is_locked else "." for is_locked in locks))


def _bytes(element: Element, at: int, block_bytes: int) -> bytes:
    """An element that begins at `at` and ends with a block."""
    if not 1 <= element.oid <= MAX_OID:
        raise TagError("precursor", f"OID {element.oid}, 1 to {MAX_OID} are there")
    compaction, data = _data(element)
    head = [compaction << 4 | min(element.oid, OID_FOLLOWS)]
    head += [element.oid - OID_FOLLOWS] if element.oid >= OID_FOLLOWS else []
    spare = -(at + len(head) + 1 + len(data)) % block_bytes
    if not spare:
        return bytes([*head, len(data)]) + data
    return bytes([head[0] | OFFSET, *head[1:], spare - 1, len(data)]) + data + bytes(spare - 1)


def _data(element: Element) -> tuple[int, bytes]:
    value = element.value
    if isinstance(value, bytes):
        if element.oid in _ISIL_OIDS or element.compaction not in {None, packing.APPLICATION}:
            raise TagError("character", f"OID {element.oid}: a text is needed, not bytes")
        if not 0 < len(value) <= packing.MAX_DATA_BYTES:
            raise TagError("too_long", f"{len(value)} bytes, 1 to {packing.MAX_DATA_BYTES} fit")
        return packing.APPLICATION, value
    if element.oid in _ISIL_OIDS and element.compaction in {None, packing.APPLICATION}:
        return packing.APPLICATION, packing.isil_compacted(value)
    compaction = packing.best(value) if element.compaction is None else element.compaction
    if not packing.APPLICATION < compaction <= packing.UTF_8:
        raise TagError("character", f"compaction {compaction} is not for the text of OID {element.oid}")
    return compaction, packing.compacted(value, compaction)


def content_of(elements: Sequence[Element]) -> bytes:
    """The content parameter that names these elements: a bit for each OID from 3 on, from the highest."""
    oids = [element.oid for element in elements if element.oid > CONTENT]
    size = max([(oid - CONTENT + 7) // 8 for oid in oids], default=1)
    bits = sum(1 << (8 * size - 1 - (oid - CONTENT - 1)) for oid in set(oids))
    return bits.to_bytes(size, "big")


def value_of(elements: Sequence[Element], oid: int) -> str | None:
    """The text of the first such element; bytes as hex."""
    for element in elements:
        if element.oid == oid:
            return element.value.hex() if isinstance(element.value, bytes) else element.value
    return None
