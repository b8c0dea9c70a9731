"""The differences that are kept are those made anew, whatever order entries come in."""

import sqlite3
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.ledger import book, rejections
from ingest.ledger.differences import Difference, Differences
from ingest.ledger.files import open_store
from ingest.ledger.rejections import Rejection
from ingest.stock.days import DAY_MS
from ingest.stock.entries import Entry

NOW_MS = 1_795_251_600_000


def entry(number: int, site: str, lot: str, is_count: bool, pieces: int, day: int) -> Entry:
    at_ms = NOW_MS - day * DAY_MS
    kind, quantity = ("count", 0) if is_count else ("receive", pieces)
    counted = pieces if is_count else None
    return Entry(str(number), site, "ors", lot, kind, quantity, at_ms, "gnss", NOW_MS, at_ms, pieces=counted)


entries = st.lists(
    st.tuples(
        st.sampled_from(["cabinet", "van"]),
        st.sampled_from(["L1", "L2", ""]),
        st.booleans(),
        st.integers(1, 9),
        st.integers(0, 9),
    ),
    max_size=8,
).map(lambda made: [entry(number, *said) for number, said in enumerate(made)])


def reject(ledger: sqlite3.Connection, one: Difference) -> None:
    said = one.proposal
    numbers = said.lot, said.quantity, said.observed, said.booked, said.time_ms
    rejections.add(ledger, Rejection(said.id, one.site, one.item, *numbers, "miscounted", "nurse", NOW_MS))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries)
def test_the_kept_differences_are_those_made_anew(tmp_path: Path, made: list[Entry]) -> None:
    path = tmp_path / f"{id(made)}.sqlite3"
    path.unlink(missing_ok=True)
    ledger = open_store(path)
    ledger.execute("PRAGMA synchronous = OFF")
    kept = Differences()
    for one in made:
        book.add(ledger, [one])
        for found in kept.all(ledger)[1:]:
            reject(ledger, found)
        assert kept.all(ledger) == Differences().all(ledger)
    book.touch(ledger)
    assert kept.all(ledger) == Differences().all(ledger)
    ledger.close()


def test_an_adjustment_as_of_the_count_settles_it(tmp_path: Path) -> None:
    ledger = open_store(tmp_path / "store.sqlite3")
    kept = Differences()
    book.add(ledger, [entry(1, "cabinet", "L1", False, 9, 3), entry(2, "cabinet", "", True, 7, 1)])
    ((site, item, proposal),) = kept.all(ledger)
    assert (site, item, proposal.quantity, proposal.observed, proposal.booked) == ("cabinet", "ors", -2, 7, 9)
    at_ms = proposal.time_ms
    adjust = Entry("3", site, item, "", "adjust", proposal.quantity, at_ms, "manual", NOW_MS, at_ms)
    book.add(ledger, [adjust])
    assert kept.all(ledger) == []
    assert book.on_hand(ledger, "cabinet", "ors", "L1") == 9
    ledger.close()


def test_a_rejected_difference_leaves_the_book_and_comes_back_only_as_another(tmp_path: Path) -> None:
    ledger = open_store(tmp_path / "store.sqlite3")
    kept = Differences()
    book.add(ledger, [entry(1, "cabinet", "", False, 9, 5), entry(2, "cabinet", "", True, 7, 3)])
    (first,) = kept.all(ledger)
    reject(ledger, first)
    assert kept.all(ledger) == []
    assert book.on_hand(ledger, "cabinet", "ors") == 9
    (said,) = rejections.of_site(ledger, "cabinet", None, 9)
    assert (said.quantity, said.reason, said.actor) == (-2, "miscounted", "nurse")

    book.add(ledger, [entry(3, "cabinet", "", True, 8, 1)])  # a later count is judged again
    assert [one.proposal.quantity for one in kept.all(ledger)] == [-1]
    reject(ledger, kept.all(ledger)[0])
    book.add(ledger, [entry(4, "cabinet", "", False, 3, 9)])  # what comes late moves the book under it
    assert [(one.proposal.quantity, one.proposal.booked) for one in kept.all(ledger)] == [(-4, 12)]
    book.add(ledger, [entry(5, "cabinet", "", True, 2, 4)])  # a late count of before is settled by the newer
    assert len(kept.all(ledger)) == 1
    ledger.close()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries, st.data())
def test_what_is_rejected_is_the_same_in_whatever_order_records_come(
    tmp_path: Path, made: list[Entry], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(made))
    found = []
    for number, order in enumerate((made, shuffled)):
        path = tmp_path / f"{number}-{id(made)}.sqlite3"
        path.unlink(missing_ok=True)
        ledger = open_store(path)
        ledger.execute("PRAGMA synchronous = OFF")
        book.add(ledger, order)
        for one in Differences().all(ledger)[::2]:
            reject(ledger, one)
        said = rejections.of_site(ledger, "cabinet", None, 99)
        found.append((Differences().all(ledger), sorted(one.id for one in said)))
        ledger.close()
    assert found[0] == found[1]
