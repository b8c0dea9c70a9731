"""Instants out and in."""

import contextlib
import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.instants import MAX_MS, iso, iso_ascii, iso_column, parse_instant

INSTANTS = st.integers(0, MAX_MS)


@given(st.lists(INSTANTS, max_size=20))
def test_the_text_is_that_of_the_standard_library(times_ms: list[int]) -> None:
    expected = [
        datetime.datetime.fromtimestamp(0, datetime.UTC) + datetime.timedelta(milliseconds=time_ms)
        for time_ms in times_ms
    ]
    texts = [moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") for moment in expected]
    assert iso_column(times_ms) == texts
    assert iso_ascii(np.array(times_ms, np.int64)).tolist() == [text.encode() for text in texts]


@given(INSTANTS)
def test_what_is_written_is_read_back(time_ms: int) -> None:
    assert parse_instant(iso(time_ms)) == time_ms
    assert parse_instant(str(time_ms)) == time_ms


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("2026-11-21T09:00:00Z", 1_795_251_600_000),
        ("2026-11-21T17:00:00+08:00", 1_795_251_600_000),
        ("2026-11-21T17:00:00 08:00", 1_795_251_600_000),  # a plus that was not escaped
        ("2026-11-21T09:00:00.123Z", 1_795_251_600_123),
        ("2026-11-21", 1_795_219_200_000),
        ("0", 0),
    ],
)
def test_it_reads(text: str, time_ms: int) -> None:
    assert parse_instant(text) == time_ms


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "ISO 8601"),
        ("yesterday", "ISO 8601"),
        ("2026-11-21T09:00:00", "has no zone"),
        ("1969-12-31", "between 1970 and 2100"),
        ("9" * 30, "between 1970 and 2100"),
        ("-5", "ISO 8601"),
        ("१२३", "ISO 8601"),
        ("2026-13-01", "ISO 8601"),
    ],
)
def test_it_says_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_instant(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert 0 <= parse_instant(text) <= MAX_MS
