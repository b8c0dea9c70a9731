"""Whatever is written, once or several times and in any order, reads the same from both stores."""

import itertools
import sqlite3
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware import wire
from ingest.history import History
from ingest.history.influx import InfluxHistory
from ingest.history.influx_server import InfluxServer
from ingest.history.sqlite import SqliteHistory
from tests.ingest.history.chunks import DAY_MS, chunks, keep
from tests.ingest.made import EPOCH, GNSS, NONE, NOW_MS, OTHER_EPOCH, RTC, A, B, batch_of, group

if TYPE_CHECKING:
    from ingest.history.chunk import Chunk

EXAMPLES = 12
MOST_MONO_MS = 200_000
TRUE_BOOT_MS = {A: NOW_MS - 2 * DAY_MS, B: NOW_MS - DAY_MS}
# What the clock of a boot says of its beginning: nothing, nearly right or far ahead of it, right.
BOOTS_AT_MS = {
    (boot, clock): at_ms
    for boot, true_ms in TRUE_BOOT_MS.items()
    for clock, at_ms in ((NONE, 0), (RTC, true_ms + (5000 if boot == A else 400 * DAY_MS)), (GNSS, true_ms))
}
KINDS = ("fix", "power", "fault", "clock_set")
SOURCES = {"fix": ("gnss", "gnss-2"), "power": ("unit",), "fault": ("unit",), "clock_set": ("clock",)}

_names = itertools.count(1)


def cells(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Values of a kind's fields, absent where they may be."""
    return st.fixed_dictionaries({field.name: _cell(field) for field in wire.KINDS[kind].fields})


def _cell(field: wire.Field) -> st.SearchStrategy[Any]:
    if field.coding == wire.TEXT:
        cell: st.SearchStrategy[Any] = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    else:
        cell = st.one_of(st.sampled_from([field.low, field.high]), st.integers(field.low, field.high))
    return cell if field.is_needed else st.none() | cell


@st.composite
def written(draw: st.DrawFn) -> tuple[list[wire.Batch], list[int]]:
    """Batches of two boots in two outboxes; and in which order each comes, perhaps several times."""
    batches = []
    for lane, epoch in itertools.product(wire.LANES, (EPOCH, OTHER_EPOCH)):
        seq = 1
        for boot in (A, B):
            for _ in range(draw(st.integers(0, 2))):
                kinds = [kind for kind in KINDS if wire.KINDS[kind].lane == lane]
                kind = draw(st.sampled_from(kinds))
                rows = draw(st.integers(1, 6))
                batches.append(draw(_batch(kind, range(seq, seq + rows), boot, epoch)))
                seq += rows + draw(st.integers(0, 3))
    order = draw(st.permutations(range(len(batches))))
    again = draw(st.lists(st.sampled_from(order), max_size=4)) if order else []
    return batches, [*order, *again]


@st.composite
def _batch(draw: st.DrawFn, kind: str, seqs: range, boot: str, epoch: str) -> wire.Batch:
    values = {seq: draw(cells(kind)) for seq in seqs}
    clocks = {
        seq: draw(st.sampled_from([RTC, GNSS] if kind == "clock_set" else [NONE, RTC, GNSS])) for seq in seqs
    }
    if kind == "clock_set" and boot == B:  # that would be a correction to a clock that is 400 days ahead
        clocks = dict.fromkeys(seqs, GNSS)
    monos = {seq: draw(st.sampled_from([0, 5000]) | st.integers(0, MOST_MONO_MS)) for seq in seqs}
    columns: dict[str, Any] = {
        "clock": clocks.__getitem__,
        "boot_at_ms": lambda seq: BOOTS_AT_MS[boot, clocks[seq]],
        "time_ms": lambda seq: BOOTS_AT_MS[boot, clocks[seq]] + monos[seq],
    }
    for field in wire.KINDS[kind].fields:
        columns[field.name] = lambda seq, name=field.name: values[seq][name]
    source = draw(st.sampled_from(SOURCES[kind]))
    return batch_of([group(kind, seqs, source=source, **columns)], boot=boot, epoch=epoch)


def rows_of(read: wire.Group) -> list[tuple[Any, ...]]:
    """All rows, by time and seq, then by whatever else they are."""
    rows = zip(*(read.columns[name] for name in sorted(read.columns)), strict=True)
    return sorted(rows, key=repr)


def order_of(read: wire.Group) -> list[tuple[int, int]]:
    return list(zip(read.columns["time_ms"], read.columns["seq"], strict=True))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    written(),
    st.sampled_from(sorted(set(BOOTS_AT_MS.values()))),
    st.integers(0, MOST_MONO_MS),
    st.integers(0, MOST_MONO_MS),
    st.integers(1, 9),
)
def test_both_stores_read_the_same(
    server: InfluxServer,
    ledger: sqlite3.Connection,
    written: tuple[list[wire.Batch], list[int]],
    begin_ms: int,
    low_ms: int,
    long_ms: int,
    most: int,
) -> None:
    batches, order = written
    unit = f"unit-{next(_names)}"
    sqlite_store, influx_store = SqliteHistory(ledger), InfluxHistory(server, ledger)
    made: list[list[Chunk]] = [chunks(batch, unit) for batch in batches]
    for at in order:
        keep(sqlite_store, made[at])
        keep(influx_store, made[at])
    assert influx_store.take_touched() >= sqlite_store.take_touched()
    assert influx_store.sources(unit) == sqlite_store.sources(unit)
    for kind in sorted({batch.groups[0].kind for batch in batches}):
        for from_ms, to_ms in [(0, wire.MAX_TIME_MS), (begin_ms + low_ms, begin_ms + low_ms + long_ms)]:
            same(sqlite_store, influx_store, (unit, kind, None, from_ms, to_ms), most)
        for source in SOURCES[kind]:
            newest = [order_of(store.newest(unit, kind, source)) for store in (sqlite_store, influx_store)]
            assert newest[0] == newest[1]
            names = [field.name for field in wire.KINDS[kind].fields if field.coding != wire.TEXT]
            found = [
                store.buckets(unit, kind, source, names, 0, wire.MAX_TIME_MS, 7000)
                for store in (sqlite_store, influx_store)
            ]
            assert found[0][:2] == found[1][:2]
            assert found[0].values.keys() == found[1].values.keys()
            for name, buckets in found[0].values.items():
                assert are_near(buckets, found[1].values[name])
    for lane, epoch, boot in sorted({(batch.lane, batch.epoch, batch.boot) for batch in batches}):
        held = [store.rows_between(unit, epoch, lane, boot, 2, 9) for store in (sqlite_store, influx_store)]
        assert held[0] == held[1]


def same(one: History, other: History, asked: tuple[str, str, None, int, int], most: int) -> None:
    """The same rows, whole and cut."""
    first, second = one.read(*asked), other.read(*asked)
    assert rows_of(first) == rows_of(second)
    assert order_of(first) == order_of(second)
    assert order_of(one.read(*asked, most)) == order_of(other.read(*asked, most)) == order_of(first)[:most]


def are_near(some: list[Any], others: list[Any]) -> bool:
    """The same, but that a mean of huge numbers may differ in its last digits."""
    return len(some) == len(others) and all(
        one == other
        if one is None or other is None
        else (one.least, one.most) == (other.least, other.most)
        and abs(one.mean - other.mean) <= 1e-9 * max(1, abs(one.least), abs(one.most))
        for one, other in zip(some, others, strict=True)
    )
