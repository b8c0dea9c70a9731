"""The board kept up by what changed is the board made anew, whatever order things come in."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.ledger import book, items, lots, par_levels, sites
from ingest.ledger.files import open_store
from ingest.ledger.items import Item
from ingest.ledger.par_levels import ParLevel
from ingest.ledger.sites import Site
from ingest.ledger.stock_board import StockBoard, explained
from ingest.stock.board import Facts, Line, brief, full
from ingest.stock.days import DAY_MS, begin_ms
from ingest.stock.entries import Entry

TODAY = 20_000
SITES, ITEMS = ("county", "van", "cabinet"), ("ors", "opv")


def at(day: int) -> int:
    return begin_ms(day) + DAY_MS // 2


def entry(number: int, site: str, item: str, lot: str, kind: str, quantity: int, day: int) -> Entry:
    signed = {"receive": quantity, "dispense": -quantity, "adjust": quantity - 5}[kind]
    time_ms = at(day)
    return Entry(str(number), site, item, lot, kind, signed, time_ms, "gnss", at(TODAY), time_ms)


entries = st.lists(
    st.tuples(
        st.sampled_from(SITES),
        st.sampled_from(ITEMS),
        st.sampled_from(["L1", "L2", ""]),
        st.sampled_from(["receive", "dispense", "adjust"]),
        st.integers(1, 20),
        st.integers(TODAY - 120, TODAY),
    ),
    max_size=30,
).map(lambda made: [entry(number, *said) for number, said in enumerate(made)])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries, st.randoms(use_true_random=False))
def test_the_kept_board_is_the_one_made_anew(tmp_path: Path, made: list[Entry], dice: object) -> None:
    path = tmp_path / f"{id(made)}-{len(made)}.sqlite3"
    path.unlink(missing_ok=True)
    ledger = open_store(path)
    ledger.execute("PRAGMA synchronous = OFF")
    for site in SITES:
        sites.put(ledger, Site(site, lead_days=2))
    for item in ITEMS:
        items.put(ledger, Item(item))
        par_levels.put(ledger, ParLevel("cabinet", item, 5, 10, 40))
    lots.note(ledger, "ors", "L1", TODAY - 3)
    board = StockBoard()
    shuffled = list(made)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    for one in shuffled:
        book.add(ledger, [one, one])
        kept, around = board.rows(ledger, TODAY)
    kept, around = board.rows(ledger, TODAY)
    anew, _ = StockBoard().rows(ledger, TODAY)
    assert kept == anew
    rows = explained(ledger, around, [row[:2] for row in kept], TODAY)
    for row in kept:
        found = rows[row[:2]]
        known = [one for one in made if (one.site, one.item) == row[:2]]
        total = sum(one.quantity for one in known) if known else None
        assert row.brief.on_hand == found.on_hand.value == total
        assert row.brief.usable == found.usable.value
        assert row.brief.status == found.status.value
        assert row.brief.days == (found.days.exact if row.brief.amc else None)
    ledger.close()


def test_an_order_by_measured_visits_and_use() -> None:
    visits = [TODAY - 84 + 14 * number for number in range(6)]
    lines = [Line(at(day), "", "receive", 30) for day in visits]
    lines += [Line(at(TODAY - 84 + day), "", "dispense", -2) for day in range(84)]
    lines.sort()
    found = full(lines, Facts(lead_days=2, max=500), TODAY, visits, 4)
    assert (found.visit_days.value, found.on_hand.value, found.amc.value) == (14, 12, 60)
    assert found.order.value == 2 * 16 - 12 - 4  # neither use nor visits scatter
    assert found.order.inputs["on_the_way"] == 4
    few = full(lines, Facts(lead_days=2, max=500), TODAY, visits[:2], 4)
    assert (few.order.value, few.visit_days.why) == (500 - 12 - 4, "too_few_visits")
    assert full(lines, Facts(), TODAY, [], 0).order.why == "no_use_visits_or_max"


def test_rare_use_is_covered_by_poisson() -> None:
    visits = [TODAY - 56, TODAY - 42, TODAY - 28, TODAY - 14]
    lines = [Line(at(TODAY - 90), "", "receive", 10), Line(at(TODAY - 40), "", "dispense", -9)]
    found = full(lines, Facts(lead_days=6, pack_size=1), TODAY, visits, 0)
    assert found.order.inputs["rate"] == 2
    assert found.order.value == 5 - 1


def test_nothing_booked_is_unknown() -> None:
    assert brief([], Facts(1, 2, 3), TODAY).status is None
    empty = full([], Facts(1, 2, 3), TODAY, [], 0)
    assert (empty.on_hand.value, empty.on_hand.why, empty.amc.value) == (None, "nothing_booked", None)


@pytest.mark.parametrize(("day", "amc"), [(TODAY - 1, 90), (TODAY, None)])
def test_today_is_no_whole_day_yet(day: int, amc: int | None) -> None:
    lines = [Line(at(TODAY - 1), "", "receive", 100), Line(at(day), "", "dispense", -3)]
    assert brief(lines, Facts(), TODAY).amc == amc
