"""Koha's offline file (.koc), as its `offline_circ/process_koc.pl` reads it.

    Version=1.0<TAB>Generator=ortoo<TAB>GeneratorVersion=1
    2026-11-21 16:00:00 000<TAB>issue<TAB>card<TAB>barcode
    2026-11-21 16:05:00 000<TAB>return<TAB>barcode

Local time, since the file bears no zone. It has no word for a renewal: an issue to the same card is one. Koha
answers nothing, and loses silently what it compares by days: an issue of a copy that it has on loan to
another card since the same day or a later one. What we know of is kept from that: a copy is issued only
after its return, and where a person said that a loan stands against another, a return goes before it. What
the library itself lent meanwhile is lost as ever: SIP2 or REST tell of it.

Each round is one file, named after its first event, written beside and moved into place: whoever looks into
the folder sees whole files alone. A round that was cut off is written once more under another name: Koha
takes the same issue again as a renewal, and the same return as an error that it shows.
"""

from __future__ import annotations

import datetime
import os
from typing import TYPE_CHECKING

from ingest.books.library import (
    CONFLICT,
    DONE,
    REFUSED,
    TAKE_BACK,
    UNKNOWN_CARD,
    Answer,
    LibraryRefused,
    Transaction,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

HEAD = "Version=1.0\tGenerator=ortoo\tGeneratorVersion=1"
MAX_FIELD_CHARS = 64
MAX_FILES = 10_000


class KocLibrary:
    """Files for Koha's operator in `folder`; `zone_ms` is local time against UTC."""

    def __init__(self, folder: Path, zone_ms: int) -> None:
        self._folder = folder
        self._zone_ms = zone_ms

    def settle(self, transactions: Sequence[Transaction]) -> Iterator[Answer]:
        """An answer each, once the whole file is on the disk; raises LibraryRefused."""
        answers = [_objection(one) for one in transactions]
        said = [one for one, answer in zip(transactions, answers, strict=True) if answer is None]
        facts = {"file": self._write(said)} if said else {}
        for answer in answers:
            yield Answer(DONE, "", facts) if answer is None else answer

    def close(self) -> None:
        """Nothing is open."""

    def _free_path(self, stem: str) -> Path:
        names = (f"{stem}.koc", *(f"{stem}-{again}.koc" for again in range(2, MAX_FILES)))
        return next(self._folder / name for name in names if not (self._folder / name).exists())

    def _write(self, said: list[Transaction]) -> str:
        path = self._free_path(f"ortoo-{said[0].number:08}")
        beside = path.with_suffix(".part")
        data = "".join(
            f"{line}\n" for line in (HEAD, *(line for one in said for line in lines_of(one, self._zone_ms)))
        )
        try:
            with beside.open("wb") as file:
                file.write(data.encode())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise LibraryRefused(
                f"{path}: cannot be written: {error.strerror}; make room or access"
            ) from None
        return path.name


def lines_of(one: Transaction, zone_ms: int) -> list[str]:
    """A transaction as lines of the file."""
    stamp = f"{_moment(one, zone_ms):%Y-%m-%d %H:%M:%S} {one.at_ms % 1000:03}"
    back = f"{stamp}\treturn\t{one.copy}"
    if one.action == TAKE_BACK:
        return [back]
    issue = f"{stamp}\tissue\t{one.card}\t{one.copy}"
    return [back, issue] if one.is_decided or one.undo else [issue]


def _moment(one: Transaction, zone_ms: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp((one.at_ms + zone_ms) // 1000, datetime.UTC)


def _objection(one: Transaction) -> Answer | None:
    if one.action != TAKE_BACK and one.card is None:
        return Answer(CONFLICT, UNKNOWN_CARD, {})
    for value in (one.copy, one.card or "0"):
        if not value.isprintable() or len(value) > MAX_FIELD_CHARS:
            return Answer(REFUSED, f"{value[:20]!r} cannot stand in a .koc file", {})
    return None
