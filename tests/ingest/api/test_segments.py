"""Where a track is broken, and where it is not."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from firmware import wire
from ingest.api import segments as subject
from ingest.api.segments import COLUMNS, GAP_MS, MAX_FIXES, Segment, segments
from ingest.stretch import array_of

MODES = wire.KINDS["fix"].by_name["fix_mode"].words
NONE, THREE_D = MODES.index("none"), MODES.index("3d")
Row = tuple[int, int | None]  # time, latitude (None: lost)


def window(rows: list[Row]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [None] * len(rows) for name in COLUMNS}
    columns["time_ms"] = [time_ms for time_ms, _ in rows]
    columns["lat_e7"] = [lat for _, lat in rows]
    columns["lon_e7"] = [lat for _, lat in rows]
    columns["fix_mode"] = [NONE if lat is None else THREE_D for _, lat in rows]
    return columns


def lines(*windows: list[Row]) -> list[list[Row]]:
    found = segments("gnss", [window(rows) for rows in windows])
    return [list(zip(one.columns["time_ms"], one.columns["lat_e7"], strict=True)) for one in found]


def test_an_unbroken_run_is_one_segment_over_all_windows() -> None:
    assert lines([(0, 1), (1000, 2)], [(2000, 3)]) == [[(0, 1), (1000, 2), (2000, 3)]]


def test_silence_breaks_it_within_and_between_windows() -> None:
    assert lines([(0, 1), (GAP_MS, 2)]) == [[(0, 1), (GAP_MS, 2)]]
    assert lines([(0, 1), (GAP_MS + 1, 2)]) == [[(0, 1)], [(GAP_MS + 1, 2)]]
    assert lines([(0, 1)], [(GAP_MS + 1, 2)]) == [[(0, 1)], [(GAP_MS + 1, 2)]]


def test_a_loss_breaks_it_and_is_no_position() -> None:
    assert lines([(0, 1), (1, None), (2, 2)]) == [[(0, 1)], [(2, 2)]]
    assert lines([(0, 1), (1, None)], [(2, 2)]) == [[(0, 1)], [(2, 2)]]
    assert lines([(0, None)], [(1, None)]) == []


def test_a_fix_said_twice_is_one_and_breaks_nothing() -> None:
    assert lines([(0, 1), (0, 1), (1, 2)]) == [[(0, 1), (1, 2)]]
    assert lines([(0, 1), (0, 2)]) == [[(0, 1), (0, 2)]]


def test_a_long_segment_is_cut_and_joined() -> None:
    rows: list[Row] = [(row * 1000, row) for row in range(2 * MAX_FIXES)]
    found = list(segments("gnss", [window(rows)]))
    assert [one.fixes for one in found] == [MAX_FIXES, MAX_FIXES, 2]
    assert [one.is_joined for one in found] == [False, True, True]
    assert found[0].columns["time_ms"][-1] == found[1].columns["time_ms"][0]


@given(
    st.lists(st.tuples(st.integers(1, 2 * GAP_MS), st.none() | st.integers(-900, 900)), max_size=60),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_windows_make_no_difference_and_every_position_is_in_one_segment(
    steps: list[tuple[int, int | None]], cuts: list[int]
) -> None:
    rows: list[Row] = []
    now_ms = 0
    for step_ms, lat in steps:
        now_ms += step_ms
        rows.append((now_ms, lat))
    edges = [0, *sorted(cuts), len(rows)]
    windows = [rows[first:end] for first, end in pairwise(edges)]
    found = lines(*windows)
    assert found == lines(rows)
    assert [row for line in found for row in line] == [row for row in rows if row[1] is not None]


def test_picked_counts_what_it_leaves_out() -> None:
    rows = window([(0, 1), (1, 2), (2, 3)])
    one = Segment("gnss", {name: array_of(rows, name) for name in rows})
    assert one.picked([0, 2]).left_out == 1
    assert one.picked([0, 2]).columns["lat_e7"].tolist() == [1, 3]
    assert subject.GAP_MS > 2 * 120_000  # twice the window that a unit simplifies at once
