"""Lists and cards: what the service sends down is read whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from edge.books import card, lists

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes(range(32))
READER = card.hashed(KEY, "20260017")
WHOLE = lists.Lists(
    lists.Head(revision="r1", unit="library-01", as_of_ms=1_795_212_000_000, epoch="e" * 16, event_mark=60),
    {"b1": lists.Copy(item="b1", title="蒙古秘史", language="mn", shelf="a1", due_on=20806, lent_to=READER)},
    {READER: lists.Block(block=READER, why="expired", until_on=20806)},
    {"h-1": lists.Hold(hold="h-1", item="b1", reader=READER, stop="查干苏木")},
    {"c-1": lists.Conflict(conflict="c-1", class_="on_loan_elsewhere", item="b1", ours="x", theirs="y")},
)


def test_what_is_written_is_read() -> None:
    assert lists.parsed(lists.written(WHOLE)) == WHOLE


def test_a_newer_service_may_say_more() -> None:
    data = lists.written(WHOLE).replace(b'{"block":', b'{"colour":"red","block":')
    assert lists.parsed(data).blocks == WHOLE.blocks


def test_a_file_that_was_cut_anywhere_is_refused() -> None:
    data = lists.written(WHOLE)
    for end in range(len(data) - 1):  # the last byte is the line end
        with pytest.raises(lists.ListsError):
            lists.parsed(data[:end])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'"v":1', b'"v":2', "line 1: version 2"),
        (b'"shelf":"a1"', b'"shelf":7', "line 2: shelf"),
        (b'"due_on":20806', b'"due_on":true', "line 2: due_on"),
        (b'"due_on":20806', b'"due_on":1e400', "line 2: due_on"),
        (b'"due_on":20806', b'"due_on":65536', "line 2: due_on: 65536 is out of range"),
        (b'"event_mark":60', b'"event_mark":-1', "line 1: event_mark"),
        (b'"shelf":"a1"', b'"shelf":"' + b"x" * 129 + b'"', "line 2: shelf: longer than 128"),
        (b'"hold":"h-1",', b'"hold":null,', "line 4: something is missing of hold"),
        (b'{"block"', b'["block"', "line 3: not JSON"),
        (b"\xe8\x92\x99", b"\xe8\x92", "not UTF-8"),
        (b'"ours":"x"', b'"ours":"' + b"x" * 1025 + b'"', "line 5: ours: longer"),
    ],
)
def test_what_is_wrong_is_named(old: bytes, new: bytes, said: str) -> None:
    data = lists.written(WHOLE)
    assert old in data
    with pytest.raises(lists.ListsError, match=said):
        lists.parsed(data.replace(old, new))


def test_a_head_alone_is_a_list_of_nothing() -> None:
    empty = replace(WHOLE, copies={}, blocks={}, holds={}, conflicts={})
    assert lists.parsed(lists.written(empty)) == empty


# --- cards ----------------------------------------------------------------------------------------------


def test_a_card_is_its_keyed_hash() -> None:
    # As computed by OpenSSL: printf 'reader:20260017' | openssl dgst -sha256 -mac HMAC -macopt hexkey:00..1f
    assert card.hashed(KEY, " 20260017 ") == READER == "8d32cf6ba57560a59643b6d223f91a98"
    assert card.hashed(bytes(32), "20260017") != READER
    assert card.name_of(KEY) != card.name_of(bytes(32))


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "x" * 65, "\ud800" * 40])
def test_what_is_no_card_is_said(text: str) -> None:
    with pytest.raises(card.CardError):
        card.hashed(KEY, text)


def test_a_key_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(KEY + b"\n")
    assert card.load_key(path) == KEY
    path.write_bytes(b"short")
    with pytest.raises(card.CardError, match="16 to 1024"):
        card.load_key(path)
    with pytest.raises(card.CardError, match="cannot be read"):
        card.load_key(tmp_path / "none")
