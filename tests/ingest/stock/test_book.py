"""The book behind the real pipeline: any order, any repeat, any clock gives the same stock."""

import itertools
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware import wire
from ingest.history.chunk import Chunk
from ingest.ledger import book, bookkeeping, excursions, items, lots, sites, unbooked
from ingest.ledger.files import open_store
from ingest.ledger.items import Item
from ingest.ledger.sites import Site, SiteError
from ingest.stock.entries import Entry
from tests.ingest.made import BOOT_AT_MS, GNSS, NONE, NOW_MS, UNIT, A, Desk, batch_of, group

CABINET = f"{UNIT}-cabinet"
MOVES = wire.KINDS["move"].by_name["move"].words
RECEIVE, DISPENSE, TRANSFER, DISCARD, ADJUST = range(5)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    name_places(made.connection)
    yield made
    made.connection.close()


def name_places(ledger: sqlite3.Connection) -> None:
    sites.put(ledger, Site("county", level="county"))
    sites.put(ledger, Site("van", "county", "vehicle", unit=UNIT))
    sites.put(ledger, Site(CABINET, "van", "cabinet", unit=UNIT, source="cabinet"))
    items.put(ledger, Item("ors", pack_size=10, codes=("06901234567892",)))
    items.put(ledger, Item("opv", is_freeze_sensitive=False, vvm="vvm2"))


def move(seqs: list[int], kind: int, source: str = "cabinet", **cells: Any) -> wire.Group:
    return group("move", seqs, source, move=kind, **({"item": "ors"} | cells))


def sent(*groups: wire.Group, prev: int | None = None) -> bytes:
    return wire.encode_batch(batch_of(groups, prev))


def stock(ledger: sqlite3.Connection, site: str = CABINET) -> dict[tuple[str, str], int]:
    return {(item, lot): quantity for item, lot, quantity in book.balances(ledger, site)}


def test_moves_of_a_unit_are_its_stock(desk: Desk) -> None:
    desk.send(
        sent(move([1], RECEIVE, packs=3, lot="L1", expires_on=21000)),
        sent(move([2], DISPENSE, pieces=4, lot="L1")),
        sent(move([3], DISCARD, pieces=1, lot="L1", reason="broken")),
        sent(move([4], ADJUST, pieces=-2, lot="L1", reason="counted")),
        sent(move([5], DISPENSE, lot="L1")),
    )
    assert stock(desk.connection) == {("ors", "L1"): 30 - 4 - 1 - 2 - 10}
    found = lots.find(desk.connection, "ors", "L1")
    assert found is not None
    assert found.expires_day == 21000


def test_a_resent_batch_counts_once(desk: Desk) -> None:
    payload = sent(move([1, 2, 3], RECEIVE, pieces=5))
    for _ in range(3):
        desk.send(payload)
    assert stock(desk.connection) == {("ors", ""): 15}


def test_a_negative_balance_is_kept_and_shown(desk: Desk) -> None:
    desk.send(sent(move([1], DISPENSE, pieces=3)))
    assert stock(desk.connection) == {("ors", ""): -3}


def test_a_scanned_code_is_the_item(desk: Desk) -> None:
    desk.send(sent(move([1], RECEIVE, item=None, gtin="06901234567892", packs=1)))
    assert stock(desk.connection) == {("ors", ""): 10}


def test_what_cannot_be_booked_waits_and_is_booked_when_it_can(desk: Desk) -> None:
    desk.send(
        sent(move([1], RECEIVE, item="zinc", pieces=7)),
        sent(move([2], RECEIVE, item=None)),
        sent(move([3], DISPENSE, pieces=-4)),
        sent(move([4], TRANSFER, pieces=4, to_site="nowhere")),
        sent(move([5], RECEIVE, "cabinet", pieces=1)),
    )
    waiting = {one.said.seq: one.code for one in unbooked.waiting(desk.connection)}
    assert waiting == {1: "unknown_item", 2: "no_item", 3: "negative", 4: "unknown_site"}
    items.put(desk.connection, Item("zinc"))
    assert bookkeeping.book_waiting(desk.connection) == 1
    assert bookkeeping.book_waiting(desk.connection) == 0
    assert stock(desk.connection) == {("ors", ""): 1, ("zinc", ""): 7}
    assert unbooked.count(desk.connection) == 3


def test_a_unit_that_is_no_site_loses_nothing(desk: Desk) -> None:
    desk.send(sent(move([1], RECEIVE, pieces=6)), unit="new-unit")
    assert [one.code for one in unbooked.waiting(desk.connection)] == ["unknown_site"]
    sites.put(desk.connection, Site("new", unit="new-unit"))
    bookkeeping.book_waiting(desk.connection)
    assert stock(desk.connection, "new") == {("ors", ""): 6}


def test_a_transfer_books_both_ends_where_nobody_else_can(desk: Desk) -> None:
    sites.put(desk.connection, Site("book-house", "county"))
    desk.send(
        sent(move([1], TRANSFER, "unit", pieces=4, to_site=CABINET)),
        sent(move([2], TRANSFER, "unit", pieces=5, to_site="book-house")),
        sent(move([3], TRANSFER, "unit", pieces=9, from_site="county")),
    )
    ledger = desk.connection
    assert stock(ledger, "van") == {("ors", ""): -4 - 5 + 9}
    assert stock(ledger, "book-house") == {("ors", ""): 5}
    assert stock(ledger, "county") == {("ors", ""): -9}
    assert stock(ledger) == {}
    assert book.on_the_way(ledger, CABINET) == {"ors": 4}
    desk.send(sent(move([4], RECEIVE, pieces=3, from_site="van")))
    assert book.on_the_way(ledger, CABINET) == {"ors": 1}  # the leg's shrinkage, until somebody says


def test_a_count_is_an_observation(desk: Desk) -> None:
    counted = group("count", [2], "cabinet", method=1, item="ors", pieces=12)
    desk.send(sent(move([1], RECEIVE, pieces=10)), sent(counted))
    assert stock(desk.connection) == {("ors", ""): 10}
    (_, newest), _ = book.history(desk.connection, CABINET, "ors", 10)
    assert (newest.kind, newest.pieces, newest.quantity) == ("count", 12, 0)


def test_the_earliest_expiry_counts_until_a_person_says(desk: Desk) -> None:
    desk.send(sent(move([1, 2], RECEIVE, pieces=1, lot="L", expires_on=lambda seq: 21000 - seq)))
    ledger = desk.connection
    assert lots.find(ledger, "ors", "L") == lots.Lot("ors", "L", 20998)
    assert lots.disputed(ledger) == [("ors", "L", 2)]
    lots.confirm(ledger, "ors", "L", 20999)
    desk.send(sent(move([3], RECEIVE, pieces=1, lot="L", expires_on=20000)))
    assert lots.find(ledger, "ors", "L") == lots.Lot("ors", "L", 20999, True)


def test_a_unit_that_knew_no_time_is_booked_on_arrival_and_moved_later(desk: Desk) -> None:
    lost = move([1], RECEIVE, pieces=1, clock=NONE, boot_at_ms=0, time_ms=5_000)
    desk.send(sent(lost))
    (_, entry) = book.history(desk.connection, CABINET, None, 1)[0]
    assert (entry.time_ms, entry.clock, entry.said_ms) == (NOW_MS, "none", 5_000)
    won = group("clock_set", [2], time_ms=BOOT_AT_MS + 60_000, boot_at_ms=BOOT_AT_MS, was=0, step_ms=0)
    desk.send(sent(won))
    late = move([3], RECEIVE, pieces=1, clock=NONE, boot_at_ms=0, time_ms=7_000)
    desk.send(sent(late))
    times = sorted((e.time_ms, e.clock) for _, e in book.history(desk.connection, CABINET, None, 9))
    assert times == [(BOOT_AT_MS + 5_000, "gnss"), (BOOT_AT_MS + 7_000, "gnss")]


def test_a_time_to_come_is_booked_on_arrival(desk: Desk) -> None:
    desk.send(sent(move([1], RECEIVE, pieces=1, time_ms=NOW_MS + 86_400_000)))
    (_, entry) = book.history(desk.connection, CABINET, None, 1)[0]
    assert (entry.time_ms, entry.clock) == (NOW_MS, "ahead")


@pytest.mark.parametrize("said_ms", [0, 946_684_800_000])  # what clocks say that have lost their battery
def test_a_clock_in_the_past_is_booked_on_arrival_and_moved_when_it_is_set(desk: Desk, said_ms: int) -> None:
    rtc = wire.CLOCKS.index("rtc")
    desk.send(sent(move([1], RECEIVE, pieces=6, clock=rtc, boot_at_ms=said_ms, time_ms=said_ms + 5_000)))
    (_, entry) = book.history(desk.connection, CABINET, None, 1)[0]
    assert (entry.time_ms, entry.clock, entry.said_ms) == (NOW_MS, "behind", said_ms + 5_000)
    assert stock(desk.connection) == {("ors", ""): 6}
    desk.send(
        sent(group("clock_set", [2], time_ms=BOOT_AT_MS + 60_000, boot_at_ms=BOOT_AT_MS, was=rtc, step_ms=1))
    )
    (_, entry) = book.history(desk.connection, CABINET, None, 1)[0]
    assert (entry.time_ms, entry.clock) == (BOOT_AT_MS + 5_000, "gnss")


def told(seq: int, state: int, ago_ms: int, **cells: Any) -> wire.Group:
    rule = {"direction": 1, "judgement": 0, "comparator": 2, "limit_cc": 800, "limit_s": 3600}
    about = {"number": 1, "state": state, "began_ago_ms": ago_ms, "outside_s": 3600 + 60 * seq}
    more = {"profile": "tight", "profile_version": 1, "time_ms": BOOT_AT_MS + ago_ms}
    return group("excursion", [seq], "probe-1", **{**rule, **about, **more, **cells})


def test_an_excursion_is_one_row_in_any_order(desk: Desk) -> None:
    ended = told(2, 1, 7_200_000, ended_ago_ms=60_000)
    desk.send(sent(ended, prev=0))
    desk.send(sent(told(1, 0, 3_600_000), prev=0))
    (one,) = excursions.of_unit(desk.connection, UNIT, ["probe-1"], 10)
    assert (one.state, one.began_ms, one.ended_ms) == ("ended", BOOT_AT_MS, BOOT_AT_MS + 7_140_000)
    assert one.outside_s == 3720


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_an_excursion_told_without_a_clock_is_moved_when_it_is_won(
    desk: Desk, order: tuple[int, ...]
) -> None:
    lost = {"clock": NONE, "boot_at_ms": 0}
    won = {"time_ms": BOOT_AT_MS + 60_000, "boot_at_ms": BOOT_AT_MS, "was": 0, "step_ms": 0}
    groups = [
        told(1, 0, 3_600_000, time_ms=3_610_000, **lost),
        told(2, 1, 7_200_000, ended_ago_ms=60_000, time_ms=7_210_000, **lost),
        group("clock_set", [3], **won),
    ]
    chunks = [Chunk(UNIT, A, "event", "b" * 16, 0, made, b"", NOW_MS) for made in groups]
    for number in order:
        bookkeeping.take(desk.connection, [chunks[number]])
    (one,) = excursions.of_unit(desk.connection, UNIT, None, 10)
    assert (one.began_ms, one.ended_ms) == (BOOT_AT_MS + 10_000, BOOT_AT_MS + 7_150_000)
    assert (one.state, one.clock) == ("ended", "gnss")


def test_an_excursion_without_any_clock_is_dated_by_its_arrival(desk: Desk) -> None:
    desk.send(sent(told(1, 0, 3_600_000, time_ms=3_610_000, clock=NONE, boot_at_ms=0)))
    (one,) = excursions.of_unit(desk.connection, UNIT, None, 10)
    assert (one.began_ms, one.clock) == (NOW_MS - 3_600_000, "none")


def test_another_boot_moves_nothing(desk: Desk) -> None:
    desk.send(sent(told(1, 0, 3_600_000, time_ms=3_610_000, clock=NONE, boot_at_ms=0)))
    assert excursions.correct(desk.connection, UNIT, "f" * 16) == 0


def entries() -> list[Entry]:
    made = []
    for seq in range(60):
        kind = ("receive", "dispense", "transfer", "adjust", "count")[seq % 5]
        quantity = {"receive": 9, "dispense": -2, "transfer": -1, "adjust": -1, "count": 0}[kind]
        site = ("van", CABINET)[seq % 2]
        made.append(
            Entry(
                f"{UNIT}/{A}/event/{seq}",
                site,
                ("ors", "opv")[seq % 3 == 0],
                ("L1", "L2", "")[seq % 3],
                kind,
                quantity,
                NOW_MS - 1000 * seq,
                "gnss",
                NOW_MS,
                NOW_MS - 1000 * seq,
                said_clock=GNSS,
                boot_at_ms=BOOT_AT_MS,
                unit=UNIT,
                boot=A,
                pieces=seq if kind == "count" else None,
            )
        )
    return made


@pytest.mark.parametrize("seed", range(20))
def test_the_book_is_the_same_in_any_order_and_with_any_repeat(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    ledger = open_store(tmp_path / "store.sqlite3")
    made = entries()
    shuffled = made + dice.choices(made, k=40)
    dice.shuffle(shuffled)
    for entry in shuffled:
        before = book.on_hand(ledger, entry.site, entry.item)
        is_new = book.add(ledger, [entry])
        assert book.on_hand(ledger, entry.site, entry.item) == before + is_new * entry.quantity
    found = [
        (*stock(ledger, site).items(), *(entry for _, entry in book.history(ledger, site, None, 99)))
        for site in ("van", CABINET)
    ]
    ledger.close()
    straight = open_store(tmp_path / "straight.sqlite3")
    book.add(straight, made)
    assert found == [
        (*stock(straight, site).items(), *(entry for _, entry in book.history(straight, site, None, 99)))
        for site in ("van", CABINET)
    ]
    straight.close()


def test_the_tree_of_sites_has_no_ring(desk: Desk) -> None:
    with pytest.raises(SiteError, match="lies below it"):
        sites.put(desk.connection, Site("county", CABINET))
    with pytest.raises(SiteError, match="no site 'x'"):
        sites.put(desk.connection, Site("y", "x"))
    with pytest.raises(SiteError, match="already is site van"):
        sites.put(desk.connection, Site("other", "county", unit=UNIT))
    assert sites.ways_up(desk.connection, CABINET) == [CABINET, "van", "county"]


def test_a_file_of_the_step_before_is_brought_forward(tmp_path: Path) -> None:
    from ingest.ledger.schema import LEDGER_STEPS, advance

    (at,) = (number for number, step in enumerate(LEDGER_STEPS) if "TABLE book (" in step)
    path = tmp_path / "old.sqlite3"
    old = sqlite3.connect(path, isolation_level=None)
    advance(old, "ledger", LEDGER_STEPS[:at])
    old.execute("INSERT INTO unit (unit, first_seen_ms) VALUES (?, ?)", (UNIT, NOW_MS))
    old.close()
    new = open_store(path)
    name_places(new)
    assert book.state(new) == (0, 0)
    assert new.execute("SELECT unit FROM unit").fetchall() == [(UNIT,)]
    new.close()


def test_excursions_of_an_older_file_stay_as_they_were(tmp_path: Path) -> None:
    from ingest.ledger.schema import LEDGER_STEPS, advance

    (at,) = (number for number, step in enumerate(LEDGER_STEPS) if "said_learned_ms" in step)
    path = tmp_path / "old.sqlite3"
    old = sqlite3.connect(path, isolation_level=None)
    advance(old, "ledger", LEDGER_STEPS[:at])
    rule = ("open", "high", "single", "above", 800, 3600, 5_000, None, 3600, 801, 900, "tight", 1, "gnss")
    old.execute(
        f"INSERT INTO excursion VALUES ({', '.join('?' * 21)})", (UNIT, "fridge", A, 1, 7, *rule, 1, 1)
    )
    old.close()
    new = open_store(path)
    (one,) = excursions.of_unit(new, UNIT, None, 10)
    assert (one.seq, one.began_ms, one.clock) == (7, 5_000, "gnss")
    assert excursions.correct(new, UNIT, "") == 0
    new.close()
