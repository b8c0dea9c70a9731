"""Catalogues: MARC 21 and CNMARC in UTF-8 and GBK, with each bad record named."""

import pymarc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.books.catalogue import clean_isbn, read_marc
from ingest.books.sheets import read_sheet
from ingest.ledger.catalogue import Copy, Title

NOW_MS = 1_795_248_000_000


def field(tag: str, *subfields: str) -> pymarc.Field:
    pairs = [pymarc.Subfield(one[0], one[1:]) for one in subfields]
    return pymarc.Field(tag, [" ", " "], pairs)


def record(number: str, *fields: pymarc.Field, coded: str = "") -> pymarc.Record:
    made = pymarc.Record(force_utf8=True)
    made.add_field(pymarc.Field("001", data=number))
    if coded:
        made.add_field(pymarc.Field("008", data=coded))
    for one in fields:
        made.add_field(one)
    return made


def gbk(data: bytes) -> bytes:
    """The same record in GBK: a record is fields between separators, its directory counts their bytes."""
    fields = data[int(data[12:17]) :].decode().encode("gbk").split(b"\x1e")[:-1]
    tags = [data[24 + 12 * at : 27 + 12 * at] for at in range(len(fields))]
    directory, body = b"", b""
    for tag, one in zip(tags, fields, strict=True):
        directory += tag + b"%04d%05d" % (len(one) + 1, len(body))
        body += one + b"\x1e"
    base = 24 + len(directory) + 1
    return (
        b"%05d" % (base + len(body) + 1) + b"nam a22%05d   4500" % base + directory + b"\x1e" + body + b"\x1d"
    )


def test_marc_21_as_koha_writes_it() -> None:
    made = record(
        "42",
        field("020", "a978-7-04-050694-5 (pbk.)"),
        field("100", "aTsengel, D."),
        field("245", "aSteppe :", "ba life /", "cD. Tsengel."),
        field("264", "bNomad Press,", "cc2019."),
        field("952", "pB1", "avan", "ca1"),
        field("952", "pB2", "01"),
        coded="190101s2018    mg            000 0 mon d",
    )
    found = read_marc(made.as_marc(), "depot", NOW_MS)
    assert found.problems == []
    assert found.titles == [
        Title("42", "Steppe : a life", "Tsengel, D", "mon", "9787040506945", "Nomad Press", "2019")
    ]
    assert found.copies == [
        Copy("B1", "42", None, "van", "a1"),
        Copy("B2", "42", None, "depot", None, NOW_MS),
    ]


CNMARC = record(
    "012000012345",
    field("010", "a7-5343-0001-4", "dCNY12.00"),
    field("101", "achi"),
    field("200", "a草原上的亅", "e历史", "f巴图著"),
    field("210", "a呼和浩特", "c内蒙古人民出版社", "d1987.5"),
    field("701", "a巴图"),
    field("905", "aNMG", "bQL001", "bQL002", "sI247/12"),
)


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_cnmarc_as_chinese_libraries_write_it(encoding: str) -> None:
    data = CNMARC.as_marc()
    found = read_marc(gbk(data) if encoding == "gbk" else data, "van", NOW_MS)
    assert found.titles == [
        Title("012000012345", "草原上的亅 历史", "巴图", "chi", None, "内蒙古人民出版社", "1987")
    ]
    assert found.copies == [
        Copy("QL001", "012000012345", "NMG", "van", "I247/12"),
        Copy("QL002", "012000012345", "NMG", "van", "I247/12"),
    ]
    assert [(one.line, one.code) for one in found.problems] == [(1, "isbn")]


def test_each_bad_record_is_named_and_the_rest_is_taken() -> None:
    good = record("1", field("245", "aGood"), field("952", "pB1"), field("952", "pB1"))
    data = (
        b"00030nam"
        b"\x1d"
        + record("", field("245", "aNo number")).as_marc()
        + record("3", field("100", "aNo title")).as_marc()
        + good.as_marc()
    )
    found = read_marc(data, None, NOW_MS)
    assert [(one.line, one.code) for one in found.problems] == [
        (1, "marc"),
        (2, "number"),
        (3, "no_title"),
        (4, "copy"),
    ]
    assert found.problems[3].detail == "barcode 'B1' stands in record 4, too"
    assert [one.copy for one in found.copies] == ["B1"]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_named(data: bytes) -> None:
    read_marc(data, None, NOW_MS)
    broken = bytearray(CNMARC.as_marc())
    for at, byte in enumerate(data):
        broken[(at * 7 + byte) % len(broken)] = byte
    read_marc(bytes(broken), None, NOW_MS)


def test_isbn() -> None:
    assert clean_isbn("7-04-050694-4") is None
    assert clean_isbn("0-306-40615-2") == "9780306406157"
    assert clean_isbn("979-10-90636-07-1") == "9791090636071"
    assert clean_isbn("") is None


def test_a_sheet_of_readers() -> None:
    found = read_sheet("readers", b"card,why,since_on\n1,blocked,2026-11-01\n2,,\n3,lost,\n")
    assert [(one.line, one.column) for one in found.problems] == [(4, "why")]
