"""Catalogues: titles and copies from MARC records, MARC 21 or CNMARC, with what is wrong record by record.

    what        MARC 21                CNMARC
    number      001                    001
    name        245 $a $b              200 $a $e
    author      100 110 700 $a         701 711 702 $a, 200 $f
    language    041 $a, 008/35-37      101 $a
    isbn        020 $a                 010 $a
    publisher   264 260 $b             210 $c
    year        264 260 $c, 008/07-10  210 $d
    copies      952 (Koha): $p barcode, $a home, $c shelf, $0 withdrawn
                                       905 (common in China): $b or $e barcode, $a owner, $s shelf

Which of the two a file is shows in field 200 against 245. Bytes are UTF-8 where they read as such, else GBK,
in which many Chinese catalogues are written, whatever the leader says. Holdings have no one standard; a
library that keeps them elsewhere brings them as a sheet of books.
"""

from __future__ import annotations

import logging
import re
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pymarc
from pymarc.exceptions import BadSubfieldCodeWarning, PymarcException
from stdnum import isbn as isbn_rules
from stdnum.exceptions import ValidationError

from ingest.ledger.catalogue import Copy, Title
from ingest.stock.sheet import MAX_NAME_BYTES, MAX_PROBLEMS, Problem, name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_RECORDS = 1_000_000
MAX_TEXT_CHARS = 500
RECORD_END = b"\x1d"
logging.getLogger("pymarc").setLevel(logging.ERROR)  # what is wrong with a record stands in the report

_LANGUAGE = re.compile(r"[a-z]{3}")
_YEAR = re.compile(r"\d{4}")


@dataclass
class Catalogue:
    """What was read; a record with a problem is left out, or its copy is, and the rest is taken."""

    titles: list[Title] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def complain(self, line: int, column: str, code: str, detail: str) -> None:
        """Note what is wrong with a record; the first of a file is 1."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(line, column, code, detail))


def clean_isbn(text: str) -> str | None:
    """An ISBN-13 without hyphens from what a record holds, None for what is none (many old books)."""
    first = (text.strip().split() or [""])[0]
    try:
        number = isbn_rules.validate(first)
        return str(isbn_rules.to_isbn13(number)).replace("-", "")
    except ValidationError:
        return None


def read_marc(data: bytes, home: str | None, now_ms: int) -> Catalogue:
    """Titles and copies of an ISO 2709 file; copies without a place of their own get `home`."""
    found = Catalogue()
    barcodes: dict[str, int] = {}
    for number, record in _records(data, found):
        is_chinese = record.get("200") is not None and record.get("245") is None
        title = _title(record, _CNMARC if is_chinese else _MARC21, number, found)
        if title is None:
            continue
        found.titles.append(title)
        read = _copies_905 if is_chinese and not record.get_fields("952") else _copies_952
        for copy in read(record, title.title, home, now_ms):
            problem = _copy_problem(copy, barcodes)
            if problem is None:
                barcodes[copy.copy] = number
                found.copies.append(copy)
            else:
                found.complain(number, "copy", "copy", problem)
    return found


def _records(data: bytes, found: Catalogue) -> Iterator[tuple[int, pymarc.Record]]:
    parts = [part for part in data.split(RECORD_END) if part.strip()]
    if len(parts) > MAX_RECORDS:
        found.complain(MAX_RECORDS, "", "too_long", f"more than {MAX_RECORDS:,} records")
    for number, part in enumerate(parts[:MAX_RECORDS], 1):
        try:
            yield number, _record(part.lstrip(b"\r\n\x1a") + RECORD_END)
        except (PymarcException, BadSubfieldCodeWarning, ValueError, LookupError, AssertionError) as error:
            found.complain(number, "", "marc", f"not a MARC record: {type(error).__name__} {error}"[:200])


def _record(part: bytes) -> pymarc.Record:
    """One record, its text as UTF-8 or, where that fails, as GBK."""
    try:
        part.decode()
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding, part = "gb18030", part[:9] + b" " + part[10:]  # whatever the leader says of Unicode
    is_utf8 = encoding == "utf-8"
    with warnings.catch_warnings():
        warnings.simplefilter("error", BadSubfieldCodeWarning)
        return pymarc.Record(data=part, to_unicode=True, force_utf8=is_utf8, file_encoding=encoding)


# --- fields: what -> where, tag and subfields, the first that says something wins

_Where = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Format:
    name: _Where
    author: _Where
    language: _Where
    isbn: _Where
    publisher: _Where
    year: _Where


_MARC21 = _Format(
    name=(("245", "abnp"),),
    author=(("100", "a"), ("110", "a"), ("700", "a")),
    language=(("041", "a"),),
    isbn=(("020", "a"),),
    publisher=(("264", "b"), ("260", "b")),
    year=(("264", "c"), ("260", "c")),
)
_CNMARC = _Format(
    name=(("200", "aehi"),),
    author=(("701", "a"), ("711", "a"), ("702", "a"), ("200", "f")),
    language=(("101", "a"),),
    isbn=(("010", "a"),),
    publisher=(("210", "c"),),
    year=(("210", "d"),),
)


def _said(record: pymarc.Record, where: _Where) -> str | None:
    for tag, subfields in where:
        for one in record.get_fields(tag):
            text = " ".join(one.get_subfields(*subfields)).strip(" /:;,.=")
            if text:
                return text[:MAX_TEXT_CHARS]
    return None


def _title(record: pymarc.Record, format_: _Format, number: int, found: Catalogue) -> Title | None:
    control = record.get("001")
    key = (control.data or "").strip() if control is not None else ""
    said = _said(record, format_.name)
    try:
        name(key)
    except ValueError as error:
        found.complain(number, "001", "number", f"the record's number {error}")
        return None
    if said is None:
        found.complain(number, "title", "no_title", "the record has no title")
        return None
    isbn_text = _said(record, format_.isbn)
    isbn = None if isbn_text is None else clean_isbn(isbn_text)
    if isbn_text is not None and isbn is None:
        found.complain(number, "isbn", "isbn", f"{isbn_text[:40]!r} is no ISBN: left out")
    return Title(
        key,
        said,
        _said(record, format_.author),
        _language(record, format_),
        isbn,
        _said(record, format_.publisher),
        _year(record, format_),
    )


def _language(record: pymarc.Record, format_: _Format) -> str | None:
    code = (_said(record, format_.language) or "")[:3].lower()
    if not _LANGUAGE.fullmatch(code) and format_ is _MARC21:
        code = _fixed(record, 35, 38)
    return code if _LANGUAGE.fullmatch(code) else None


def _year(record: pymarc.Record, format_: _Format) -> str | None:
    match = _YEAR.search(_said(record, format_.year) or "")
    if match is None and format_ is _MARC21:
        match = _YEAR.fullmatch(_fixed(record, 7, 11))
    return None if match is None else match[0]


def _fixed(record: pymarc.Record, begin: int, end: int) -> str:
    coded = record.get("008")
    return "" if coded is None else (coded.data or "")[begin:end]


# --- copies


def _copies_952(record: pymarc.Record, title: str, home: str | None, now_ms: int) -> Iterator[Copy]:
    for one in record.get_fields("952"):
        yield Copy(
            _first(one, "p"),
            title,
            None,
            _first(one, "a") or home,
            _first(one, "c") or None,
            None if _first(one, "0") in {"", "0"} else now_ms,
        )


def _copies_905(record: pymarc.Record, title: str, home: str | None, _: int) -> Iterator[Copy]:
    for one in record.get_fields("905"):
        for barcode in one.get_subfields("b", "e"):
            yield Copy(barcode.strip(), title, _first(one, "a") or None, home, _first(one, "s") or None)


_first: Callable[[pymarc.Field, str], str] = lambda one, code: (one.get(code) or "").strip()  # noqa: E731


def _copy_problem(copy: Copy, barcodes: dict[str, int]) -> str | None:
    if copy.copy in barcodes:
        return f"barcode {copy.copy!r} stands in record {barcodes[copy.copy]}, too"
    said = (("barcode", copy.copy), ("home", copy.home), ("owner", copy.owner))
    shelf = copy.shelf and copy.shelf.replace("/", "-")  # call numbers have slashes
    for what, text in (*said, ("shelf", shelf)):
        if text is not None:
            try:
                name(text)
            except ValueError as error:
                return f"its {what} {error}: {text[:40]!r}, at most {MAX_NAME_BYTES} bytes"
    return None
