"""Codes on packs: what GS1 says, what biip lets pass, and the Chinese codes that are no GS1."""

import contextlib
import datetime
import sys
from subprocess import run

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.cabinet.barcode import Code, CodeError, check_serial, code_of, has_check_digit, printable
from tests.fixtures.programs import ROOT

GTIN = "09506682101352"
GS = "\x1d"
DIGITS = st.text("0123456789", min_size=20, max_size=20)


def day(year: int, month: int, number: int) -> int:
    return (datetime.date(year, month, number) - datetime.date(1970, 1, 1)).days


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # Day 00 is the last of the month.
        (f"]d201{GTIN}17280800", Code(GTIN, expires_on=day(2028, 8, 31))),
        (f"01{GTIN}1728080010ABC", Code(GTIN, "ABC", day(2028, 8, 31))),
        # A count beside a GTIN is (30).
        (f"]d201{GTIN}1728083110A{GS}3012", Code(GTIN, "A", day(2028, 8, 31), packs=12)),
        # With the separator: lot and serial.
        (f"]d201{GTIN}10test{GS}21532", Code(GTIN, "test", serial="532")),
        # A separator also behind (7003), though that has a fixed length; and one in front.
        (f"]d201{GTIN}7003280831120{1}{GS}10A", Code(GTIN, "A", day(2028, 8, 31))),
        (f"{GS}01{GTIN}10A", Code(GTIN, "A")),
        # The sliding century: in 2026 year 76 is 2076.
        (f"]d201{GTIN}17760101", Code(GTIN, expires_on=day(2076, 1, 1))),
        # Plain EAN.
        ("6901028075763", Code("06901028075763")),
        ("]E06901028075763", Code("06901028075763")),
        # The Chinese code: no GS1, whatever it begins with, unless the scanner says so.
        ("81234567890123456789", Code(serial="81234567890123456789", trace="81234567890123456789")),
        ("10123456789012345678", Code(serial="10123456789012345678", trace="10123456789012345678")),
        ("]C081234567890123456789", Code(serial="81234567890123456789", trace="81234567890123456789")),
        ("]C001095066821013523012", Code(serial="01095066821013523012", trace="01095066821013523012")),
        # The same twenty digits from a scanner that says GS1.
        (f"]d201{GTIN}3012", Code(GTIN, packs=12)),
    ],
)
def test_what_a_code_names(text: str, code: Code) -> None:
    assert code_of(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" ", "empty"),
        (f"01{GTIN}375", "count_37"),
        (f"]d201{GTIN}375", "count_37"),
        (f"]d201{GTIN}17290230", "date"),
        (f"]d201{GTIN}17990101", "date"),  # 1999, until the century slides beyond it in 2049
        (f"]d201{GTIN}70032808001200{GS}10A", "day_00"),
        ("]d2010950668210135310A", "check_digit"),
        ("6901028075764", "check_digit"),
        ("]d210ABC", "no_gtin"),
        ("]d20109506682101352" + "10" + "A" * 25, "unreadable"),
        ("]d20109506682101352" + "10" + "A" * 20 + "21532", "lost_separator"),
        ("]d20109506682101352" + "10A" + GS + "10B", "contradiction"),
        ("]d20109506682101352" + "3000", "unreadable"),
        (f"]d201{GTIN}30{GS}10A", "unreadable"),  # a count of no digits
        ("01095066821013523012", "ambiguous"),
        ("hello", "unreadable"),
        ("x" * 241, "too_long"),
        ("\x01" * 100, "too_long"),
    ],
)
def test_what_names_nothing(text: str, code: str) -> None:
    with pytest.raises(CodeError) as refused:
        code_of(text)
    assert refused.value.code == code


def test_a_lost_separator_is_seen_by_the_serial_that_is_not_there() -> None:
    lost = code_of(f"]d201{GTIN}10test21532")
    assert lost.lot == "test21532"
    with pytest.raises(CodeError, match="was FNC1 lost") as refused:
        check_serial(lost)
    assert refused.value.code == "no_serial"


def test_the_product_is_what_a_planogram_can_know() -> None:
    assert code_of("81234567890123456789").product == "8123456"
    assert code_of(f"]d201{GTIN}").product == GTIN


@given(DIGITS)
def test_twenty_digits_are_a_traceability_code_unless_they_are_a_gs1_key(digits: str) -> None:
    is_key = (digits[:2] == "00" and has_check_digit(digits[2:])) or (
        digits[:2] == "01" and has_check_digit(digits[2:16])
    )
    if is_key:
        with pytest.raises(CodeError):
            code_of(digits)
    else:
        assert code_of(digits).trace == digits


@given(st.text(max_size=300))
def test_anything_is_named_or_refused(text: str) -> None:
    with contextlib.suppress(CodeError):
        code_of(text)


@given(st.text(st.sampled_from("0123456789]dQ1C\x1dA"), max_size=60).map(lambda text: f"]d201{GTIN}{text}"))
def test_anything_behind_a_gtin_is_named_or_refused(text: str) -> None:
    try:
        code = code_of(text)
    except CodeError:
        return
    assert code.packs > 0
    assert code.lot is None or len(code.lot) <= 20
    assert len(printable(text).encode()) <= 256


def test_the_library_is_not_there_before_the_first_gs1_code() -> None:
    look = "import sys, edge.cabinet.cabinet as c, edge.cabinet.barcode as b; b.code_of('8' * 20)"
    done = run(
        [sys.executable, "-c", f"{look}; print('biip' in sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert done.stdout == b"False\n", done.stderr
