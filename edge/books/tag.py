"""A tag as a reader saw it -> what it is: which layout, which copy, whose. Pure.

The layouts are tried one after the other, those with a check sum or a declaration of their own first. A tag
that is none of them is kept as what it is: its identity and its bytes, so that a person can find out.

AFI (ISO 15693): 0x07 an item of a library that is in it, where the gate alarms; 0xC2 an item that may
leave. A patron's card bears 0xC2 as well, so 0xC2 alone is no proof of a loan. EAS is another bit, which
gates of some makers ask instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge.books import iso28560_2, iso28560_3, iso28560_4, university
from edge.books.compaction import TagError

AFI_IN_LIBRARY, AFI_ON_LOAN = 0x07, 0xC2
MAX_UID = 64
MAX_RAW_BYTES = 128  # as hex it has to fit the wire's field
HF, UHF = "hf", "uhf"
BLANK, DAMAGED, UNKNOWN = "blank", "damaged", "unknown"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a reader read of one tag: for HF its blocks, for UHF bank 01 behind the CRC, then bank 11."""

    uid: str  # UID or EPC, in lower-case hex
    data: bytes | None = None  # None: only its identity was read
    protocol: str = HF
    afi: int | None = None
    dsfid: int | None = None
    is_eas_on: bool | None = None
    user: bytes = b""


@dataclass(frozen=True, slots=True)
class Tag:
    """What a tag is. `layout` is a word of the wire; without `item` it names no copy."""

    uid: str
    layout: str
    item: str = ""
    owner: str = ""
    usage: int | None = None  # ISO 28560's type of usage, two nibbles
    parts: int | None = None
    part: int | None = None
    shelf: str = ""
    is_lent: bool | None = None  # where the tag itself says so: the university form
    raw: bytes = b""


Layout = Callable[[Sighting, bytes], Tag]


def sighting_of(values: Mapping[str, int | str | None]) -> Sighting | None:
    """What a `tag` reading says; None for one that makes no sense."""
    uid, data, user = values.get("uid"), values.get("data"), values.get("user")
    if not isinstance(uid, str) or not 0 < len(uid) <= MAX_UID:
        return None
    try:
        memory = None if data is None else bytes.fromhex(str(data))
        bank = b"" if user is None else bytes.fromhex(str(user))
    except ValueError:
        return None
    eas = values.get("eas")
    afi, dsfid = (_byte(values.get(name)) for name in ("afi", "dsfid"))
    protocol = "uhf" if values.get("protocol") == "uhf" else "hf"
    return Sighting(uid, memory, protocol, afi, dsfid, None if eas is None else bool(eas), bank)


def _byte(value: int | str | None) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= 255 else None


def identified(sighting: Sighting) -> Tag | None:
    """What a tag is; None while nothing but its identity was read."""
    data = sighting.data
    if data is None:
        return None
    if not any(data) and not any(sighting.user):
        return Tag(sighting.uid, BLANK)
    layouts = (_uii, _university) if sighting.protocol == UHF else _by_dsfid(sighting.dsfid)
    is_damaged = False
    for layout in layouts:
        try:
            return layout(sighting, data)
        except TagError as error:
            is_damaged = is_damaged or (error.code == "crc" and sighting.dsfid == iso28560_3.DSFID)
    return Tag(sighting.uid, DAMAGED if is_damaged else UNKNOWN, raw=(data + sighting.user)[:MAX_RAW_BYTES])


def _by_dsfid(dsfid: int | None) -> tuple[Layout, Layout]:
    return (_part_2, _part_3) if dsfid == iso28560_2.DSFID else (_part_3, _part_2)


def _part_2(sighting: Sighting, data: bytes) -> Tag:
    return _of_elements(sighting.uid, "iso28560_2", iso28560_2.decode(data))


def _of_elements(
    uid: str, layout: str, elements: list[iso28560_2.Element], uii: iso28560_4.Uii | None = None
) -> Tag:
    item = uii.item if uii is not None else iso28560_2.value_of(elements, iso28560_2.PII)
    if not item:
        raise TagError("blank", "no primary item identifier")
    owner = (uii.owner if uii is not None else "") or iso28560_2.value_of(elements, iso28560_2.OWNER) or ""
    parts, part = _set(iso28560_2.value_of(elements, iso28560_2.SET))
    shelf = iso28560_2.value_of(elements, iso28560_2.SHELF) or ""
    return Tag(uid, layout, item, owner, _usage(elements), parts, part, shelf)


def _set(text: str | None) -> tuple[int | None, int | None]:
    """Parts and part: half the digits each, as 31 or 1203."""
    if text is None or len(text) % 2 or not (text.isascii() and text.isdigit()):
        return None, None
    half = len(text) // 2
    return int(text[:half]), int(text[half:])


def _usage(elements: list[iso28560_2.Element]) -> int | None:
    for element in elements:
        if element.oid == iso28560_2.USAGE:
            text = element.value.hex() if isinstance(element.value, bytes) else element.value
            is_hex = 0 < len(text) <= 2 and all(char in "0123456789abcdefABCDEF" for char in text)
            return int(text, 16) if is_hex else None
    return None


def _part_3(sighting: Sighting, data: bytes) -> Tag:
    found = iso28560_3.decode(data)
    return Tag(sighting.uid, "iso28560_3", found.item, found.owner, found.usage << 4, found.parts, found.part)


def _uii(sighting: Sighting, data: bytes) -> Tag:
    control = iso28560_4.control_of(int.from_bytes(data[:2], "big"))
    if control.afi is None or len(data) < 2 + 2 * control.words:
        raise TagError("layout", "an EPC, or cut off")
    uii = iso28560_4.decode_uii(data[2 : 2 + 2 * control.words])
    try:
        elements = iso28560_4.decode_user(sighting.user)
    except TagError:  # bank 11 was not read, or holds something else: the UII says enough
        elements = []
    return _of_elements(sighting.uid, "iso28560_4", elements, uii)


def _university(sighting: Sighting, data: bytes) -> Tag:
    control = iso28560_4.control_of(int.from_bytes(data[:2], "big"))
    if control.afi is not None or len(data) < 2 + 2 * control.words:
        raise TagError("layout", "a UII, or cut off")
    found = university.decode(data[2 : 2 + 2 * control.words])
    if found.version != 1:
        raise TagError("layout", f"version {found.version} of the university form is not known")
    return Tag(sighting.uid, "university", found.item, is_lent=found.is_lent)
