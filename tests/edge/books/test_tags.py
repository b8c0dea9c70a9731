"""The codecs of tags: published examples, round trips of random elements, and bytes that are nonsense."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.books import compaction, iso28560_2, iso28560_3, iso28560_4, university
from edge.books.compaction import TagError
from edge.books.iso28560_2 import Element
from edge.books.label import Label, LabelError, What, label_of
from edge.books.tag import Sighting, Tag, identified

if TYPE_CHECKING:
    from collections.abc import Callable

FUZZED = int(os.environ.get("ORTOO_TAG_FUZZ", "12000"))  # of each decoder; a million take two minutes

# The worked example of ISO 28560-2, and the same elements as ISO/TS 28560-4 (p. 52) writes them in bank 11.
EXAMPLE = bytes.fromhex("9100051cbe991a140201d0140204b34607441cb6e2e335d6830207acc09ebaa06f6b0000")
ELEMENTS = [
    Element(iso28560_2.PII, "123456789012", is_locked=True),
    Element(iso28560_2.CONTENT, b"\xd0"),
    Element(iso28560_2.SET, "1203"),
    Element(iso28560_2.SHELF, "QA268.L55"),
    Element(iso28560_2.OWNER, "US-InU-Mu", is_locked=True),
]
BANK_11 = bytes.fromhex("060201d0140204b34607441cb6e2e335d65308ab4d6c9dd556cdeb00")
DANISH = bytes.fromhex("11010131313232333334340000000000000000513e4445373035000000000000")


def plain(elements: list[Element]) -> list[tuple[int, Any]]:
    return [(element.oid, element.value) for element in elements]


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(TagError) as raised:
        call()
    return raised.value.code


# --- ISO 28560-2 ----------------------------------------------------------------------------------------


def test_the_worked_example_is_written_byte_for_byte_with_its_locks() -> None:
    encoded = iso28560_2.encode(ELEMENTS)
    assert encoded.data == EXAMPLE
    assert encoded.locks == "ll....lll"
    assert iso28560_2.content_of(ELEMENTS) == b"\xd0"


def test_the_worked_example_is_read() -> None:
    assert plain(iso28560_2.decode(EXAMPLE)) == plain(ELEMENTS)
    assert plain(iso28560_2.decode(EXAMPLE + bytes(76))) == plain(ELEMENTS)


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("123456789012", compaction.INTEGER),
        ("0042", compaction.NUMERIC),
        ("007", compaction.NUMERIC),
        ("QINGHE_", compaction.FIVE_BIT),
        ("QA268.L55", compaction.SIX_BIT),
        ("SHELF", compaction.FIVE_BIT),
        ("A 3", compaction.SIX_BIT),
        ("abc-7", compaction.SEVEN_BIT),
        ("ABC ", compaction.SEVEN_BIT),  # in six bits the blank would be taken for filling
        ("café", compaction.OCTETS),
        ("蒙古秘史", compaction.UTF_8),
        ("7", compaction.SIX_BIT),
    ],
)
def test_each_text_takes_the_compaction_that_is_best(text: str, scheme: int) -> None:
    assert compaction.best(text) == scheme
    assert compaction.extracted(compaction.compacted(text, scheme), scheme) == text


@pytest.mark.parametrize("isil", ["US-InU-Mu", "CN-150600-1", "MN-UB", "DE-705", "FR-751131010", "GB-uk/a:B"])
def test_an_isil_of_any_country_comes_back(isil: str) -> None:
    assert compaction.isil_extracted(compaction.isil_compacted(isil)) == isil


def test_oids_above_14_have_a_byte_of_their_own() -> None:
    data = iso28560_2.encode([Element(iso28560_2.TITLE, "蒙古秘史")], 1).data
    assert data[:2] == bytes([0x7F, 2])
    assert plain(iso28560_2.decode(data)) == [(17, "蒙古秘史")]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("", "blank"),
        ("00000000", "blank"),
        ("10", "precursor"),
        ("11", "length"),
        ("1105", "length"),
        ("1100", "length"),
        ("910005", "length"),
        ("91020112ff00", "length"),  # a pad that is no zero
        ("2101fa", "digits"),
        ("2101ff", "digits"),
        ("7102c328", "text"),
        ("31020040", "text"),
        ("310100", "text"),
        ("0301f0", "text"),
        ("1f", "length"),
        ("5102ffff", "text"),
    ],
)
def test_what_is_no_element_is_refused(data: str, code: str) -> None:
    assert code_of(lambda: iso28560_2.decode(bytes.fromhex(data))) == code


@pytest.mark.parametrize(
    ("element", "code"),
    [
        (Element(1, ""), "character"),
        (Element(1, "0123", compaction.INTEGER), "character"),
        (Element(1, "9" * 20, compaction.INTEGER), "character"),
        (Element(1, "x", compaction.FIVE_BIT), "character"),
        (Element(1, "x", 8), "character"),
        (Element(1, "x" * 200), "too_long"),
        (Element(1, "\ud800"), "character"),
        (Element(3, "US_1"), "character"),
        (Element(3, ""), "too_long"),
        (Element(3, b"x"), "character"),
        (Element(2, b""), "too_long"),
        (Element(0, "x"), "precursor"),
        (Element(143, "x"), "precursor"),
    ],
)
def test_what_fits_no_tag_is_refused(element: Element, code: str) -> None:
    assert code_of(lambda: iso28560_2.encode([element])) == code


ISIL_TEXT = st.text("ABCXYZabcxyz0189-:/", min_size=1, max_size=20)
TEXT = st.one_of(
    st.text("0123456789", min_size=1, max_size=24),
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_", min_size=1, max_size=20),
    st.text([chr(number) for number in range(0x20, 0x60)], min_size=1, max_size=20),
    st.text([chr(number) for number in range(0x80)], min_size=1, max_size=20),
    st.text([chr(number) for number in range(0x100)], min_size=1, max_size=20),
    st.text(min_size=1, max_size=20),
)


@st.composite
def elements(draw: st.DrawFn) -> Element:
    oid = draw(st.integers(1, iso28560_2.MAX_OID))
    is_locked = draw(st.booleans())
    if oid in (iso28560_2.OWNER, iso28560_2.ILL_BORROWER):
        return Element(oid, draw(ISIL_TEXT), is_locked=is_locked)
    if draw(st.integers(0, 4)) == 0:
        return Element(oid, draw(st.binary(min_size=1, max_size=8)), is_locked=is_locked)
    text = draw(TEXT)
    fitting = [scheme for scheme in range(1, 8) if compaction.is_fit(text, scheme)]
    return Element(oid, text, draw(st.sampled_from([None, *fitting])), is_locked)


@settings(max_examples=150, deadline=None)
@given(st.lists(elements(), min_size=1, max_size=9), st.sampled_from([1, 4, 8]))
def test_any_elements_come_back_and_locks_never_hold_a_neighbour(
    written: list[Element], block_bytes: int
) -> None:
    encoded = iso28560_2.encode(written, block_bytes)
    assert plain(iso28560_2.decode(encoded.data)) == plain(written)
    assert len(encoded.data) == block_bytes * len(encoded.locks)
    # Cut at the borders between locked and open blocks, each stretch holds exactly its own elements.
    at, left = 0, list(written)
    while at < len(encoded.locks):
        lock = encoded.locks[at]
        end = next((i for i in range(at, len(encoded.locks)) if encoded.locks[i] != lock), len(encoded.locks))
        own = []
        while left and left[0].is_locked == (lock == "l"):
            own.append(left.pop(0))
        assert plain(iso28560_2.decode(encoded.data[at * block_bytes : end * block_bytes])) == plain(own)
        at = end
    assert not left


# --- ISO 28560-3 ----------------------------------------------------------------------------------------


def test_the_danish_example_is_written_and_read() -> None:
    item = iso28560_3.Item("11223344", "DE", "705", usage=1)
    assert iso28560_3.decode(DANISH) == item
    assert iso28560_3.encode(item) == DANISH
    assert item.owner == "DE-705"


def test_the_check_sum_needs_the_two_zero_bytes() -> None:
    assert iso28560_3.crc(b"RFID tag data model") == 0x1AEE
    assert iso28560_3.crc(b"123456789") == 0x29B1
    assert iso28560_3.crc(DANISH[:19] + DANISH[21:]) == 0x2272
    without = DANISH[:19] + (0x2272).to_bytes(2, "little") + DANISH[21:]
    assert code_of(lambda: iso28560_3.decode(without)) == "crc"


def test_part_2_of_3_is_part_2_of_3() -> None:
    """Swapped it would be part 3 of 2, which no item has: so whoever swaps is found out."""
    tag = iso28560_3.encode(iso28560_3.Item("77", "CN", "150600", parts=3, part=2))
    assert tag[1:3] == b"\x03\x02"
    assert (iso28560_3.decode(tag).parts, iso28560_3.decode(tag).part) == (3, 2)
    body = tag[:1] + b"\x02\x03" + tag[3:19]
    swapped = body + iso28560_3.crc(body + tag[21:] + b"\0\0").to_bytes(2, "little") + tag[21:]
    assert (iso28560_3.decode(swapped).parts, iso28560_3.decode(swapped).part) == (3, 2)
    assert code_of(lambda: iso28560_3.encode(iso28560_3.Item("77", parts=2, part=3))) == "part"


def test_blocks_that_were_written_backwards_are_turned_round() -> None:
    assert iso28560_3.decode(iso28560_3.reversed_blocks(DANISH)) == iso28560_3.decode(DANISH)


def test_swapped_nibbles_are_told_by_the_version() -> None:
    for first in (0x12, 0x21):
        body = bytes([first]) + DANISH[1:19]
        tag = body + iso28560_3.crc(body + DANISH[21:] + b"\0\0").to_bytes(2, "little") + DANISH[21:]
        assert iso28560_3.decode(tag).usage == 2


DANISH_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)


@settings(max_examples=150, deadline=None)
@given(
    DANISH_TEXT.filter(lambda text: 0 < len(text.encode()) <= 16),
    st.sampled_from(["", "DE", "CN"]),
    st.text("07AZ-", max_size=9),
    st.data(),
)
def test_any_danish_item_comes_back(pii: str, country: str, library: str, data: st.DataObject) -> None:
    parts = data.draw(st.integers(0, 255))
    part = data.draw(st.integers(0, parts))
    # A usage of 1 cannot be told from the version: both nibbles say the same.
    item = iso28560_3.Item(pii, country, library, data.draw(st.integers(0, 15)), parts, part)
    tag = iso28560_3.encode(item)
    assert iso28560_3.decode(tag) == item
    assert iso28560_3.decode(iso28560_3.reversed_blocks(tag)) == item


def test_a_sum_that_is_right_in_the_wrong_order_does_not_decide_alone() -> None:
    """Found by chance: read backwards its sum is good as well, but its texts have holes."""
    item = iso28560_3.Item("#", usage=11, parts=254, part=0)
    backwards = iso28560_3.reversed_blocks(iso28560_3.encode(item))
    assert iso28560_3.decode(backwards) == item


# --- ISO 28560-4 ----------------------------------------------------------------------------------------

UIIS = {
    "CH-000134-1.12345678.31": "141cc04fc70badb5c6e2da1ded4dd319",  # ISO/TS 28560-4:2014 p. 49
    "12312345678": "fb2102dddf7c4e",
}


@pytest.mark.parametrize(("text", "data"), UIIS.items())
def test_the_published_uiis(text: str, data: str) -> None:
    written = iso28560_4.encode_text(text)
    assert written == bytes.fromhex(data) + bytes(len(data) // 2 % 2)
    assert iso28560_4.decode_text(written) == text
    assert str(iso28560_4.decode_uii(written)) == text


def test_bank_11_holds_the_elements_of_part_2() -> None:
    owner = Element(iso28560_2.OWNER, "US-InU-Mu", compaction.SEVEN_BIT)
    assert iso28560_4.encode_user([*ELEMENTS[1:4], owner]) == BANK_11
    assert plain(iso28560_4.decode_user(BANK_11)) == plain([*ELEMENTS[1:4], owner])


def test_the_control_word() -> None:
    control = iso28560_4.control_of(0x45C2)
    assert control == iso28560_4.Control(8, has_user_bank=True, afi=0xC2)
    assert iso28560_4.control_word(control) == 0x45C2
    assert iso28560_4.control_of(0x3000) == iso28560_4.Control(6, has_user_bank=False, afi=None)


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        ("0000", "E2F0"),
        ("08001111", "CCAE"),
        ("100011112222", "968F"),
        ("3000111122223333444455556666", "1835"),
        ("3000170328087903000084560000", "DAD5"),
    ],
)
def test_the_crc_of_gen2(data: str, crc: str) -> None:
    assert f"{iso28560_4.gen2_crc(bytes.fromhex(data)):04X}" == crc


UII_TEXT = st.text(
    st.one_of(st.sampled_from("ABZ-:0123456789" * 4), st.characters(max_codepoint=0xFFFF)), min_size=1
)


@settings(max_examples=150, deadline=None)
@given(UII_TEXT.map(lambda text: text.replace("\0", "").replace(".", "")[:16]), st.sampled_from(["", "31"]))
def test_any_uii_comes_back(item: str, of_set: str) -> None:
    uii = iso28560_4.Uii(item, "CN-150600" if of_set else "", of_set)
    try:
        data = iso28560_4.encode_uii(uii)
    except TagError:  # it does not fit
        return
    assert len(data) % 2 == 0
    assert iso28560_4.decode_uii(data) == uii


@pytest.mark.parametrize("digits", ["000000001", "9" * 24, "1" * 25, "0" * 33, "12345678"])
def test_long_numbers_keep_their_zeros(digits: str) -> None:
    assert iso28560_4.decode_text(iso28560_4.encode_text(digits)) == digits


# --- the university form --------------------------------------------------------------------------------

# Published with the form's algorithm (DigitalPlatform/dp2, UnitTestRFID/TestGaoxiao.cs).
SHORT = {
    "ABC01": "054142433031",
    "ABC0123*": "A8324911EC010000",
    "ABC01234=": "D933491148130000",
    "ABC0123456789?": "FE33491154346F1D",
    "A00000@": "0741303030303040",
    "AAA9000000000)": "9E12455102000000",
    "ZZZ80007000000": "0EA3AA2A82B92A00",
    "99999999999999": "9E932449FE276BEE",
}
LONG = {
    "A": "0141",
    "ABC0123456a": "0B4142433031323334353661",
    "ABC01234567z": "AC77000046410C0201304911",
    "ABC012345678*": "AD821C0046410C0201304911",
    "AAA9000000000)": "9E0200000000000040124511",
    "ZZZZZZZZZZZZZZ": "AEA5AA2AAAAAAA2AAAAAAA2A",
}


@pytest.mark.parametrize(("text", "data"), SHORT.items())
def test_the_form_of_96_bits(text: str, data: str) -> None:
    assert university.encode_short(text).hex().upper() == data
    assert university.decode(bytes([0x80, 0, 0, 0xA1]) + bytes.fromhex(data)) == university.Copy(
        text, is_lent=True, oids=(3, 12, 15)
    )


@pytest.mark.parametrize(("text", "data"), LONG.items())
def test_the_form_of_128_bits(text: str, data: str) -> None:
    assert university.encode_long(text).hex().upper() == data
    assert university.decode(bytes([0, 0x40, 0, 0]) + bytes.fromhex(data)).item == text


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.from_regex(r"[A-Z0-9]{3}[0-9]{4,10}[!-~]", fullmatch=True),
        st.from_regex(r"[A-Z0-9]{7,13}[!-~]", fullmatch=True),
        st.text("AZ09az蒙", min_size=1, max_size=16),
    ),
    st.booleans(),
    st.sets(st.sampled_from(university.OIDS)),
)
def test_any_university_copy_comes_back(item: str, is_lent: bool, oids: set[int]) -> None:
    copy = university.Copy(item, is_lent, 9, 1, tuple(sorted(oids)))
    assert university.decode(university.encode(copy)) == copy


# --- which of them it is --------------------------------------------------------------------------------


def test_a_tag_is_told_by_what_it_holds() -> None:
    part_2 = identified(Sighting("e004", EXAMPLE + bytes(76), dsfid=6))
    assert part_2 == Tag(
        "e004", "iso28560_2", "123456789012", "US-InU-Mu", parts=12, part=3, shelf="QA268.L55"
    )
    for dsfid in (None, 0, 6, 0x3E):  # many tags were never given one
        found = identified(Sighting("e004", DANISH + bytes(80), dsfid=dsfid))
        assert found == Tag("e004", "iso28560_3", "11223344", "DE-705", usage=0x10, parts=1, part=1)


def test_a_uhf_tag_is_told_by_its_control_word() -> None:
    uii = bytes.fromhex("45c2" + UIIS["CH-000134-1.12345678.31"])
    found = identified(Sighting("e2", uii, "uhf", user=BANK_11))
    assert found == Tag("e2", "iso28560_4", "12345678", "CH-000134-1", parts=12, part=3, shelf="QA268.L55")
    data = university.encode(university.Copy("ABC01234=", is_lent=True))
    control = iso28560_4.control_word(iso28560_4.Control(len(data) // 2, has_user_bank=False, afi=None))
    found = identified(Sighting("e2", control.to_bytes(2, "big") + data, "uhf"))
    assert found == Tag("e2", "university", "ABC01234=", is_lent=True)


def test_the_type_of_usage_is_two_nibbles_however_it_is_written() -> None:
    for value in (b"\x13", "13"):
        data = iso28560_2.encode([Element(1, "77"), Element(iso28560_2.USAGE, value)]).data
        found = identified(Sighting("e004", data))
        assert found is not None
        assert found.usage == 0x13


@pytest.mark.parametrize(
    ("sighting", "layout", "raw"),
    [
        (Sighting("e004", bytes(112)), "blank", b""),
        (Sighting("e004", b"\xff" * 112), "unknown", b"\xff" * 112),
        (Sighting("e004", b"\xff" * 200), "unknown", b"\xff" * 128),
        (Sighting("e004", DANISH[:5] + b"\xff" + DANISH[6:], dsfid=0x3E), "damaged", None),
        (Sighting("e2", bytes.fromhex("3000") + b"\x30" * 12, "uhf"), "unknown", None),
    ],
)
def test_an_unknown_tag_is_kept_as_what_it_is(sighting: Sighting, layout: str, raw: bytes | None) -> None:
    found = identified(sighting)
    assert found is not None
    assert (found.uid, found.layout, found.item) == (sighting.uid, layout, "")
    assert found.raw == (sighting.data if raw is None else raw)


def test_a_tag_of_which_only_the_identity_was_read_is_nothing_yet() -> None:
    assert identified(Sighting("e004")) is None


# --- labels ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted", "what"),
    [
        ("QL00012345", "item", "item"),
        (" QL00012345 ", "card", "item"),
        ("R20260017", "item", "card"),
        ("9787020002207", "item", "isbn"),
        ("7-02-000220-X", "item", "isbn"),
        ("9787020002208", "card", None),
        ("77", "item", None),
        ("", "item", None),
        ("a\x1db", "item", None),
    ],
)
def test_a_label_is_told_by_its_prefix_never_by_which_list_knows_it(
    text: str, wanted: What, what: str | None
) -> None:
    if what is None:
        with pytest.raises(LabelError):
            label_of(text, wanted, ("QL",), ("R",))
    else:
        assert label_of(text, wanted, ("QL",), ("R",)) == Label(what, text.strip())  # type: ignore[arg-type]


def test_without_prefixes_a_number_is_what_was_asked_for() -> None:
    assert label_of("77", "item").what == "item"
    assert label_of("77", "card").what == "card"
    assert label_of("77", "card", ("QL",)).what == "card"


# --- nonsense -------------------------------------------------------------------------------------------

DECODERS: dict[str, tuple[Callable[[bytes], object], list[bytes]]] = {
    "iso28560_2": (iso28560_2.decode, [EXAMPLE, iso28560_2.encode([Element(17, "蒙古秘史")]).data]),
    "iso28560_3": (iso28560_3.decode, [DANISH]),
    "uii": (iso28560_4.decode_uii, [bytes.fromhex(data) for data in UIIS.values()]),
    "bank 11": (iso28560_4.decode_user, [BANK_11]),
    "university": (
        university.decode,
        [bytes([0, 0, 0, 0]) + bytes.fromhex(data) for data in SHORT.values()]
        + [bytes([0, 0x40, 0, 0]) + bytes.fromhex(data) for data in LONG.values()],
    ),
    "any HF tag": (lambda data: identified(Sighting("e0", data)), [EXAMPLE, DANISH]),
    "any UHF tag": (
        lambda data: identified(Sighting("e2", data, "uhf", user=BANK_11)),
        [bytes.fromhex("45c2" + UIIS["CH-000134-1.12345678.31"])],
    ),
    "isil": (compaction.isil_extracted, [compaction.isil_compacted("CN-150600-1a/B")]),
}


def mangled(dice: random.Random, seeds: list[bytes]) -> bytes:
    """Random bytes, or a good tag with some of its bytes changed, cut or doubled."""
    if dice.random() < 0.3:
        return dice.randbytes(dice.randrange(64))
    data = bytearray(dice.choice(seeds))
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(data) + 1)
        data[at : at + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
    return bytes(data)


@pytest.mark.parametrize("name", DECODERS)
def test_no_bytes_raise_anything_but_a_tag_error(name: str) -> None:
    decode, seeds = DECODERS[name]
    dice = random.Random(28560)
    good = 0
    for _ in range(FUZZED):
        try:
            decode(mangled(dice, seeds))
            good += 1
        except TagError:
            continue
    if name != "iso28560_3":  # its check sum lets nothing pass
        assert good
