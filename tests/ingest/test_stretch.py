"""Chunks decoded together are what they are one by one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import wire
from ingest.decode import group_from_chunk
from ingest.stretch import ABSENT, Stretch, array_of, stored

KINDS = sorted(wire.KINDS)


@st.composite
def chunks(draw: st.DrawFn, kind: str) -> list[tuple[int, bytes]]:
    """A few chunks of any columns that the wire allows."""
    out = []
    for _ in range(draw(st.integers(1, 4))):
        rows, prev = draw(st.integers(1, 9)), draw(st.integers(0, 1000))
        steps = draw(st.lists(st.integers(1, 5), min_size=rows, max_size=rows))
        columns: dict[str, list[Any]] = {"seq": [prev + sum(steps[: row + 1]) for row in range(rows)]}
        for field in (*wire.BASE[1:], *wire.KINDS[kind].fields):
            cells = st.integers(field.low, field.high)
            if field.coding == wire.TEXT:
                cells = st.text("abй", max_size=field.high // 2)
            elif field.coding == wire.RARE:
                cells = st.integers(field.low, min(field.high, field.low + 2))
            if field in wire.KINDS[kind].fields and not field.is_needed:
                cells = cells | st.none()
            columns[field.name] = draw(st.lists(cells, min_size=rows, max_size=rows))
        body = bytes(wire.encode_group(wire.Group(kind, wire.KINDS[kind].source, columns), prev))
        out.append((prev, body))
    return out


def stretch_of(kind: str, some: list[tuple[int, bytes]]) -> Stretch:
    return Stretch(kind, [stored(kind, "one", prev, body) for prev, body in some])


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15)
@given(data=st.data())
def test_together_as_one_by_one(kind: str, data: st.DataObject) -> None:
    some = data.draw(chunks(kind))
    stretch = stretch_of(kind, some)
    found = [group_from_chunk(kind, body, prev).columns for prev, body in some]
    for name in found[0]:
        assert stretch[name] == [cell for columns in found for cell in columns[name]], name
    assert set(stretch) == {*found[0], "source"}
    assert stretch["source"] == ["one"] * len(stretch["seq"])


@settings(max_examples=30)
@given(data=st.data())
def test_rows_are_picked_from_all_columns(data: st.DataObject) -> None:
    some = data.draw(chunks("fix"))
    whole = stretch_of("fix", some)
    rows = data.draw(st.lists(st.integers(0, len(whole["seq"]) - 1), max_size=5))
    picked = stretch_of("fix", some)
    assert picked["lat_e7"] == whole["lat_e7"]  # what was read before is picked, too
    picked.pick(np.array(rows, np.int64))
    picked.pick(slice(1, None))
    for name in whole:
        assert picked[name] == [whole[name][row] for row in rows[1:]]


def test_what_is_absent_is_neither_zero_nor_a_number() -> None:
    columns: dict[str, list[Any]] = {"seq": [1, 2], "time_ms": [5, 6], "boot_at_ms": [0, 0], "clock": [0, 0]}
    columns |= {"temperature_cc": [None, 0], "humidity_cpct": [7, None], "is_door_open": [None, None]}
    body = bytes(wire.encode_group(wire.Group("climate", "probe", columns), 0))
    stretch = stretch_of("climate", [(0, body)])
    assert stretch.array("temperature_cc").tolist() == [ABSENT, 0]
    assert array_of(columns, "temperature_cc").tolist() == [ABSENT, 0]
    assert (stretch["humidity_cpct"], stretch["is_door_open"]) == ([7, None], [None, None])


def test_times_and_clocks_are_corrected() -> None:
    columns: dict[str, list[Any]] = {"seq": [1], "time_ms": [5], "boot_at_ms": [1], "clock": [0]}
    columns |= {name: [None] for name in wire.KINDS["climate"].by_name}
    body = bytes(wire.encode_group(wire.Group("climate", "probe", columns), 0))
    stretch = Stretch("climate", [stored("climate", "a", 0, body, 100, 4), stored("climate", "b", 0, body)])
    assert (stretch["time_ms"], stretch["boot_at_ms"], stretch["clock"]) == ([105, 5], [101, 1], [4, 0])
    assert stretch["source"] == ["a", "b"]


def test_an_unusual_coding_of_repeats_is_read_all_the_same() -> None:
    """Two repeats of one row each instead of one of two: nobody of ours writes that."""
    columns: dict[str, list[Any]] = {"seq": [1, 2, 3], "time_ms": [5, 6, 7], "boot_at_ms": [0, 0, 0]}
    columns |= {"clock": [4, 4, 4]} | {name: [None] * 3 for name in wire.KINDS["climate"].by_name}
    body = bytes(wire.encode_group(wire.Group("climate", "probe", columns), 0))
    number = next(field.number for field in wire.BASE if field.name == "clock")
    usual = bytes([number << 3 | 2, 1, 8])
    assert body.count(usual) == 1
    odd = body.replace(usual, bytes([number << 3 | 2, 5, 8, 0, 0, 0, 0]))
    assert group_from_chunk("climate", odd, 0).columns["clock"] == [4, 4, 4]
    assert stretch_of("climate", [(0, odd)])["clock"] == [4, 4, 4]


def test_nothing_found_is_no_rows() -> None:
    assert dict(Stretch("climate", [])) == {
        name: [] for name in (*[f.name for f in wire.BASE], *wire.KINDS["climate"].by_name, "source")
    }


def test_a_damaged_chunk_is_named() -> None:
    with pytest.raises(wire.WireError, match="shape"):
        stored("climate", "probe", 0, b"\xff\xff")
