"""Pieces of chunks."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decode import group_from_chunk
from ingest.history.chunk import Chunk, pieces, rows_by_seq
from tests.ingest.history.chunks import fix_chunks
from tests.ingest.made import GNSS, NONE, NOW_MS, RTC


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([NONE, RTC, GNSS]), st.integers(0, 3), st.integers(0, 500_000)),
        min_size=1,
        max_size=40,
    )
)
def test_pieces_hold_the_same_rows_each_of_one_time_base(rows: list[tuple[int, int, int]]) -> None:
    cells = {
        "clock": lambda seq: rows[seq - 1][0],
        "boot_at_ms": lambda seq: rows[seq - 1][1] * 1000 if rows[seq - 1][0] else 0,
        "time_ms": lambda seq: NOW_MS + rows[seq - 1][2] if rows[seq - 1][0] else rows[seq - 1][2],
    }
    (chunk,) = fix_chunks(range(1, len(rows) + 1), **cells)
    parts = [piece.chunk for piece in pieces(chunk, 300_000)]
    joined: dict[int, Any] = {}
    for part in parts:
        decoded = rows_of_bytes(part)
        assert not joined.keys() & decoded.keys()
        joined |= decoded
        assert len(set(part.group.columns["clock"])) == len(set(part.group.columns["boot_at_ms"])) == 1
    assert joined == rows_by_seq(chunk.group)


def rows_of_bytes(part: Chunk) -> dict[int, Any]:
    """A piece as it comes back from its bytes."""
    return rows_by_seq(group_from_chunk(part.group.kind, part.body, part.prev))
