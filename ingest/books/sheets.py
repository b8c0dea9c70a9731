"""Sheets of a library as CSV: books, readers, holds, rotas, and which copies go round in them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.books.catalogue import clean_isbn
from ingest.stock.days import parse_day
from ingest.stock.sheet import Form, Sheet, name, read_form

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TEXT_CHARS = 500
WHYS = ("blocked", "expired")


def _maybe(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: read(text) if text else None


def _text(text: str) -> str:
    if len(text) > MAX_TEXT_CHARS or not text.isprintable():
        raise ValueError(f"is longer than {MAX_TEXT_CHARS} characters, or has one that cannot be seen")
    return text


def _needed_text(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return _text(text)


def _language(text: str) -> str:
    if len(text) != 3 or not text.isascii() or not text.islower():
        raise ValueError(f"{text[:40]!r} is no language code of three letters, as chi, mon or eng")
    return text


def _isbn(text: str) -> str:
    found = clean_isbn(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no ISBN; leave it empty if the book has none")
    return found


def _shelf(text: str) -> str:
    name(text.replace("/", "-"))  # call numbers have slashes
    return text


def _flag(text: str) -> bool:
    if text not in {"", "yes", "no"}:
        raise ValueError(f"{text[:40]!r} is neither yes nor no")
    return text == "yes"


def _why(text: str) -> str:
    if text not in WHYS:
        raise ValueError(f"{text[:40]!r} is not one of {', '.join(WHYS)}")
    return text


def _number(text: str) -> int:
    if not text.isdigit() or not 1 <= len(text) <= 4 or int(text) < 1:
        raise ValueError(f"{text[:40]!r} is not a whole number from 1 to 9999")
    return int(text)


FORMS = {
    "books": Form(
        "books",
        {
            "copy": name,
            "title": _maybe(name),
            "name": _needed_text,
            "author": _maybe(_text),
            "language": _maybe(_language),
            "isbn": _maybe(_isbn),
            "publisher": _maybe(_text),
            "year": _maybe(_text),
            "owner": _maybe(name),
            "home": _maybe(name),
            "shelf": _maybe(_shelf),
            "is_withdrawn": _flag,
        },
        ("copy",),
        ("copy", "name"),
    ),
    "readers": Form(
        "readers",
        {"card": name, "why": _maybe(_why), "since_on": _maybe(parse_day), "until_on": _maybe(parse_day)},
        ("card",),
        ("card",),
    ),
    "holds": Form(
        "holds",
        {
            "hold": name,
            "title": name,
            "copy": _maybe(name),
            "card": name,
            "stop": _maybe(name),
            "since_on": _maybe(parse_day),
        },
        ("hold",),
        ("hold", "title", "card"),
    ),
    "rotas": Form(
        "rotas",
        {"rota": name, "stage": _number, "site": name, "days": _number, "is_cyclic": _flag},
        ("rota", "stage"),
        ("rota", "stage", "site", "days"),
    ),
    "rounds": Form("rounds", {"copy": name, "rota": name}, ("copy",), ("copy", "rota")),
}


def read_sheet(what: str, body: bytes) -> Sheet:
    """The sheet `what` of a library; its first line names the columns."""
    return read_form(FORMS[what], body)
