"""The reader node's protocol and rounds, on CPython and on MicroPython."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import tag_reader
from tests.firmware import tag_field
from tests.fixtures.programs import ROOT
from tests.micropython import MicroPython

ONE, TWO = "e004010000000001", "e004010000000002"
TAGS: list[list[Any]] = [[ONE, "9100051cbe991a14", 7], [TWO, "", None]]
GIVEN = [tag_reader.WRITE, tag_reader.AFRESH, TAGS]


def test_a_tag_is_read_once_and_again_when_asked_for() -> None:
    said = tag_field.judged(GIVEN)
    data = [len(body) // 2 - 12 for kind, body in said if kind == tag_reader.TAG]
    assert data == [112, 112, 0, 0, 112]
    written = [body for kind, body in said if kind == tag_reader.WRITTEN]
    assert written == [ONE + "00c2", "00" * 8 + "0100"]


def test_a_tag_that_is_pulled_away_while_it_is_read_was_not_seen() -> None:
    field = tag_field.Field()
    field.tags[bytes.fromhex(ONE)] = tag = tag_field.Tag(b"")
    field.inventory = lambda: [bytes.fromhex(ONE)]  # type: ignore[method-assign]
    tag.is_gone = True
    assert tag_reader.TagReader(field).round() == []


@given(
    st.binary(min_size=8, max_size=8),
    st.one_of(st.none(), st.integers(0, 255)),
    st.one_of(st.none(), st.integers(0, 255)),
    st.one_of(st.none(), st.booleans()),
    st.integers(0, 255),
    st.binary(max_size=tag_reader.MAX_DATA_BYTES),
)
def test_a_tag_comes_back(
    uid: bytes, afi: int | None, dsfid: int | None, eas: bool | None, block: int, data: bytes
) -> None:
    seen = tag_reader.Seen(uid, afi, dsfid, eas, block, data)
    found = tag_reader.seen_of(tag_reader.tag_body(seen))
    assert found is not None
    assert vars(found) == vars(seen)


@given(st.binary(max_size=240))
def test_any_body_is_a_tag_or_none(body: bytes) -> None:
    found = tag_reader.seen_of(body)
    assert (found is None) == (len(body) < 12)


def test_what_is_too_long_is_refused_where_it_is_made() -> None:
    with pytest.raises(ValueError, match="data of 229"):
        tag_reader.tag_body(tag_reader.Seen(bytes(8), data=bytes(229)))


def test_both_interpreters_read_alike(micropython: Path, tmp_path: Path) -> None:
    board = MicroPython(micropython, tmp_path)
    board.add([ROOT / "firmware" / "tag_reader.py", ROOT / "tests" / "firmware" / "tag_field.py"])
    assert board.call("tag_field.judged", GIVEN).result == tag_field.judged(GIVEN)
