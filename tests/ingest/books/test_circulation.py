"""Circulation: verdicts event by event, and that no order of arrival changes them."""

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.books import card
from ingest.books.sheets import read_sheet
from ingest.ledger import catalogue, circulation, clocks, conflicts, library_import, readers
from ingest.ledger.conflicts import Decision, DecisionError
from ingest.ledger.library_import import Terms
from ingest.ledger.readers import Hold, Reader
from ingest.ledger.schema import LEDGER_STEPS, advance
from ingest.stock.entries import Said
from tests.ingest.books.said import DAY_MS, HOUR_MS, NOW_MS, new_ledger, said, states, take, verdicts

P, Q = "a" * 32, "b" * 32
T = NOW_MS - 10 * DAY_MS


@pytest.fixture
def ledger() -> Iterator[sqlite3.Connection]:
    made = new_ledger()
    yield made
    made.close()


def told(ledger: sqlite3.Connection) -> list[str]:
    return [" ".join(filter(None, one[:2])) for _, one in sorted(verdicts(ledger).items())]


def test_a_loan_its_renewal_and_its_return(ledger: sqlite3.Connection) -> None:
    take(
        ledger,
        said("a", 1, "lent", "B1", T, P, loan="x", due_on=20800),
        said("a", 2, "renewed", "B1", T + HOUR_MS, P, loan="x", due_on=20820),
    )
    assert told(ledger) == ["accepted", "accepted renewal"]
    assert ledger.execute("SELECT state, reader, due_day, renewals FROM copy_state").fetchone() == (
        "on_loan",
        P,
        20820,
        1,
    )
    take(ledger, said("b", 1, "returned", "B1", T + 2 * HOUR_MS, shelf="s2"))
    assert told(ledger) == ["accepted", "accepted renewal", "accepted"]
    assert ledger.execute("SELECT state, unit, shelf, loan FROM copy_state").fetchone() == (
        "on_shelf",
        "b",
        "s2",
        None,
    )


def test_one_book_lent_twice_has_both_sides(ledger: sqlite3.Connection) -> None:
    take(ledger, said("b", 1, "lent", "B1", T + HOUR_MS, Q, loan="y"))
    assert told(ledger) == ["accepted"]
    take(ledger, said("a", 1, "lent", "B1", T, P, loan="x"))
    (found,) = conflicts.listed(ledger)
    assert (found.cause, found.ours.unit, found.ours.reader) == ("on_loan_elsewhere", "b", Q)
    assert found.other is not None
    assert (found.other.unit, found.other.reader, found.other.time_ms) == ("a", P, T)
    # The disputed book comes back first, then the one in force.
    take(ledger, said("b", 2, "returned", "B1", T + 2 * HOUR_MS, loan="y"))
    assert ledger.execute("SELECT state, reader FROM copy_state").fetchone() == ("on_loan", P)
    take(ledger, said("a", 2, "returned", "B1", T + 3 * HOUR_MS, loan="x"))
    assert told(ledger) == ["accepted", "accepted", "conflict on_loan_elsewhere", "accepted"]


def test_a_return_told_twice(ledger: sqlite3.Connection) -> None:
    take(
        ledger,
        said("a", 1, "lent", "B1", T, P),
        said("a", 2, "returned", "B1", T + 1),
        said("a", 3, "returned", "B1", T + 2),
        said("b", 1, "returned", "B1", T + 3),
        said("b", 2, "renewed", "B1", T + 4, P),
    )
    assert told(ledger) == [
        "accepted",
        "accepted",
        "already repeated",
        "conflict not_on_loan",
        "conflict not_on_loan",
    ]


def test_the_same_loan_told_under_another_number_is_already_so(ledger: sqlite3.Connection) -> None:
    take(ledger, said("a", 1, "lent", "B1", T, P, loan="x"), said("a", 7, "lent", "B1", T, P, loan="x"))
    assert told(ledger) == ["accepted", "already repeated"]


def test_what_the_library_would_object_to(ledger: sqlite3.Connection) -> None:
    catalogue.put_title(ledger, catalogue.Title("t1", "草原", language="chi"))
    for copy, withdrawn_ms in (("B1", None), ("B2", T - 1), ("B3", None)):
        catalogue.put_copy(ledger, catalogue.Copy(copy, "t1", withdrawn_ms=withdrawn_ms))
    cards = [Reader("1", P), Reader("2", Q, blocked_ms=T, why="blocked")]
    readers.replace_readers(ledger, cards, NOW_MS)
    readers.replace_holds(ledger, [Hold("h", "t1", "B3", Q, None, T - 1)], NOW_MS)
    take(
        ledger,
        said("a", 1, "lent", "B9", T, P),
        said("a", 2, "lent", "B2", T, P),
        said("a", 3, "lent", "B3", T, P),
        said("a", 4, "lent", "B1", T - HOUR_MS, Q),
        said("a", 5, "returned", "B1", T, Q),
        said("a", 6, "lent", "B1", T + 1, Q),
        said("a", 7, "returned", "B1", T + 2, Q),
        said("a", 8, "lent", "B1", T + 3, "c" * 32),
    )
    assert told(ledger) == [
        "conflict unknown_item",
        "conflict item_withdrawn",
        "conflict held_for_other",
        "accepted",
        "accepted",
        "conflict reader_blocked",
        "accepted",
        "conflict unknown_card",
    ]
    assert ledger.execute("SELECT DISTINCT state FROM copy_state").fetchall() == [("on_loan",)]
    assert conflicts.count_open(ledger)["reader_blocked"] == 1


def test_a_list_judges_anew_what_it_concerns(ledger: sqlite3.Connection) -> None:
    key = bytes(16)
    cards = {number: card.hashed(key, number) for number in ("1", "2")}
    terms = Terms(key, NOW_MS)

    def bring(what: str, text: str) -> None:
        library_import.take(ledger, what, read_sheet(what, text.encode()), terms)

    take(ledger, said("a", 1, "lent", "B1", T, cards["1"]), said("a", 2, "lent", "B2", T, "c" * 32))
    bring("readers", "card\n1\n2\n")
    assert told(ledger) == ["accepted", "conflict unknown_card"]
    bring("readers", "card,why,since_on,until_on\n1,blocked,2026-11-01,2026-11-05\n2,,,\n")
    assert told(ledger)[0] == "accepted"  # it was over when the book was lent, on the eleventh
    bring("readers", "card,why,since_on,until_on\n1,blocked,2026-11-01,2026-11-11\n2,,,\n")
    assert told(ledger)[0] == "conflict reader_blocked"
    bring("readers", "card\n1\n2\n")
    bring("books", "copy,title,name,language\nB2,t,x,chi\n")
    assert told(ledger)[0] == "conflict unknown_item"
    bring("books", "copy,title,name,language\nB1,t,x,mon\n")
    assert told(ledger)[0] == "accepted"
    assert ledger.execute("SELECT DISTINCT language FROM copy_state").fetchall() == [("mon",)]
    bring("holds", "hold,title,copy,card,since_on\nh,t,B1,2,2026-11-01\n")
    assert told(ledger)[0] == "conflict held_for_other"
    bring("holds", "hold,title,copy,card,since_on\n")
    assert told(ledger)[0] == "accepted"


def test_what_a_crew_found_out_stands_beside_the_conflict(ledger: sqlite3.Connection) -> None:
    take(ledger, said("a", 1, "lent", "B1", T, P), said("b", 1, "lent", "B1", T + 1, Q))
    (found,) = conflicts.listed(ledger)
    record = said("a", 2, "", None, T + 2)
    values = {"conflict": found.name, "finding": "with_reader", "note": "电话问过", "actor": "bat"}
    for _ in range(2):
        conflicts.note_finding(ledger, replace(record, kind="settle", values=values))
    (found,) = conflicts.listed(ledger)
    assert [(one.finding, one.note, one.unit) for one in found.findings] == [("with_reader", "电话问过", "a")]


def test_a_person_decides_once_with_a_comment(ledger: sqlite3.Connection) -> None:
    take(ledger, said("a", 1, "lent", "B1", T, P), said("b", 1, "lent", "B1", T + 1, Q))
    (found,) = conflicts.listed(ledger)
    conflicts.decide(ledger, found.number, Decision("stands", "the reader has it", "bat", NOW_MS))
    assert ledger.execute("SELECT reader FROM copy_state").fetchone() == (Q,)
    assert conflicts.listed(ledger) == []
    with pytest.raises(DecisionError, match="no conflict"):
        conflicts.decide(ledger, found.number, Decision("void", "again", "bat", NOW_MS))
    take(ledger, said("c", 1, "lent", "B1", T + 2, P))
    (third,) = conflicts.listed(ledger)
    conflicts.decide(ledger, third.number, Decision("void", "a slip", "bat", NOW_MS))
    assert conflicts.listed(ledger) == []
    (kept,) = conflicts.listed(ledger, is_open=False)
    assert kept.decision is not None
    assert (kept.decision.comment, kept.cause) == ("a slip", "on_loan_elsewhere")
    with pytest.raises(DecisionError, match="was decided by bat"):
        conflicts.decide(ledger, third.number, Decision("stands", "no", "bold", NOW_MS))


def test_where_a_copy_is(ledger: sqlite3.Connection) -> None:
    take(ledger, said("a", 1, "seen", "B1", T, shelf="s1"), said("a", 2, "seen", None, T, tag_id="e0"))
    assert ledger.execute("SELECT unit, shelf, state FROM copy_state").fetchall() == [("a", "s1", "on_shelf")]
    take(ledger, said("b", 1, "gone", "B1", T + 1))
    assert ledger.execute("SELECT state FROM copy_state").fetchone() == ("on_shelf",)
    take(ledger, said("a", 3, "gone", "B1", T + 2))
    assert ledger.execute("SELECT state, unit FROM copy_state").fetchone() == ("missing", "a")
    take(ledger, said("b", 2, "seen", "B1", T + 3))
    assert ledger.execute("SELECT state, unit FROM copy_state").fetchone() == ("on_shelf", "b")
    assert verdicts(ledger) == {}


def test_a_clock_won_later_moves_what_was_told(ledger: sqlite3.Connection) -> None:
    take(
        ledger,
        said("a", 1, "lent", "B1", HOUR_MS, P, clock="none"),
        said("b", 1, "returned", "B1", T + 2 * HOUR_MS),
    )
    assert told(ledger) == ["conflict clock_doubtful", "accepted"]
    assert clocks.learn(ledger, "a", "b" * 16, 4, T, 1)
    circulation.correct(ledger, "a", "b" * 16)
    assert told(ledger) == ["accepted", "accepted"]
    assert ledger.execute("SELECT state FROM copy_state").fetchone() == ("on_shelf",)


# --- any order


@st.composite
def days(draw: st.DrawFn) -> list[Said]:
    """Two units' offline days: what each told, in its order, over a few copies and readers."""
    records = []
    for unit in "ab":
        loans: dict[str, tuple[str, str]] = {}  # name and reader of a copy's last loan here
        at_ms = T
        for seq in range(1, draw(st.integers(1, 9))):
            at_ms += draw(st.integers(0, 3))
            copy = draw(st.sampled_from(["B1", "B2"]))
            event = draw(st.sampled_from(["lent", "lent", "returned", "renewed", "seen", "gone"]))
            if event == "lent":
                loans[copy] = (f"{unit}{seq}", draw(st.sampled_from([P, Q])))
            loan, reader = loans.get(copy, (None, P if event == "renewed" else None))
            records.append(said(unit, seq, event, copy, at_ms, reader, loan=loan, due_on=20_800 + seq))
    return records


def concluded(ledger: sqlite3.Connection) -> tuple[object, ...]:
    listed = [(one.ours.identity, one.cause, one.other) for one in conflicts.listed(ledger)]
    return states(ledger), verdicts(ledger), sorted(listed, key=lambda one: one[0])


@settings(max_examples=60)
@given(days(), st.randoms(use_true_random=False))
def test_any_order_ends_with_the_same_loans_and_conflicts(records: list[Said], rng: random.Random) -> None:
    ledger, other = new_ledger(), new_ledger()
    for one in (ledger, other):
        readers.replace_readers(one, [Reader("1", P), Reader("2", Q, blocked_ms=T + 5, why="blocked")], T)
    take(ledger, *records)
    shuffled = records + rng.sample(records, len(records) // 2)  # some come twice
    rng.shuffle(shuffled)
    while shuffled:
        take(other, *(shuffled.pop() for _ in range(min(len(shuffled), rng.randint(1, 4)))))
    assert concluded(ledger) == concluded(other)
    loans = {one.identity for one in records if one.values["event"] in {"lent", "returned", "renewed"}}
    assert set(verdicts(ledger)) == loans  # each has one, and nothing else has


def test_a_file_from_before_there_were_books_is_brought_forward() -> None:
    (at,) = (number for number, step in enumerate(LEDGER_STEPS) if "TABLE book_event (" in step)
    ledger = sqlite3.connect(":memory:", isolation_level=None)
    advance(ledger, "ledger", LEDGER_STEPS[:at])
    ledger.execute("INSERT INTO site (site, level) VALUES ('van', 'vehicle')")
    advance(ledger, "ledger", LEDGER_STEPS)
    take(ledger, said("a", 1, "lent", "B1", T, P))
    assert told(ledger) == ["accepted"]
    assert ledger.execute("SELECT site FROM site").fetchall() == [("van",)]
