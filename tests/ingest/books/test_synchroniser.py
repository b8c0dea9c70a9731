"""The synchroniser, its ledger, our SIP2 terminal and the peer's library, joined without a socket."""

import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.books.library import LibraryBusy, LibraryRefused
from ingest.books.sip2.frame import decoded
from ingest.books.sip2.library import Sip2Library
from ingest.books.sip2.message import Message, read, written
from ingest.books.synchroniser import FIRST_S, GIVE_UP_S, LONGEST_S, Synchroniser, wait_s
from ingest.ledger import conflicts, readers, tellings
from ingest.ledger.conflicts import Decision
from ingest.ledger.readers import Reader
from ingest.stock.entries import Said
from tests.ingest.books.said import NOW_MS, new_ledger, said, states, take, verdicts
from tests.ingest.books.sip2_peer import Library, seal
from tests.ingest.books.test_circulation import P, Q, T, days

U = TypeVar("U")
CARDS = {P: "R1", Q: "R2"}


class Wire:
    """A link that hands each request to the peer's library; `trouble` is raised instead, once per entry."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.trouble: list[Exception | None] = []

    def ask(self, message: Message) -> Message:
        trouble = self.trouble.pop(0) if self.trouble else None
        if trouble is not None:
            raise trouble
        return read(decoded(seal(self._library.answer(written(message)), "0", "utf-8")[:-1], "utf-8").text)

    def close(self) -> None:
        """Nothing to let go of."""


class Office:
    """A ledger, a synchroniser with its own clock, and a library that has B1, B2, B3 and two readers."""

    def __init__(self, path: Path) -> None:
        copies = {copy: {"title": copy} for copy in ("B1", "B2", "B3")}
        path.write_text(json.dumps({"readers": {card: {} for card in CARDS.values()}, "copies": copies}))
        self.library = Library(path)
        self.ledger = new_ledger()
        cards = [Reader(card, reader) for reader, card in CARDS.items()]
        readers.replace_readers(self.ledger, cards, NOW_MS)
        self.now_ms = NOW_MS
        self.wire = Wire(self.library)
        self.synchroniser = self.started()

    def started(self) -> Synchroniser:
        library: Any = Sip2Library(self.wire, "nmg", 0)  # type: ignore[arg-type]
        return Synchroniser(self.change, library, lambda: self.now_ms, random.Random(1))

    def change(self, work: Callable[[sqlite3.Connection], U]) -> U:
        return work(self.ledger)

    def tell_all(self) -> None:
        while self.synchroniser.step():
            pass

    @property
    def journal(self) -> list[str]:
        return [f"{one['what']} {one['copy']}" for one in self.library.state.get("journal", [])]

    def has(self, copy: str) -> str | None:
        found: str | None = self.library.state["copies"][copy].get("on_loan_to")
        return found


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path / "library.json")
    yield made
    made.ledger.close()


@pytest.fixture(scope="module")
def offices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all examples of a property share."""
    return tmp_path_factory.mktemp("offices")


def lend(unit: str, seq: int, copy: str, at_ms: int, reader: str, **more: Any) -> Said:
    return said(unit, seq, "lent", copy, at_ms, reader, due_on=20_800, **more)


def test_everything_is_told_in_the_order_in_which_it_happened(office: Office) -> None:
    take(office.ledger, said("b", 1, "returned", "B1", T + 2), lend("b", 2, "B2", T + 9, Q))
    take(office.ledger, lend("a", 1, "B1", T, P), said("a", 2, "renewed", "B1", T + 1, P, due_on=20_830))
    office.tell_all()
    assert office.journal == ["lend B1", "lend B2", "renew B1", "take_back B1"]
    assert {one[0] for one in verdicts(office.ledger).values()} == {"accepted"}
    assert tellings.counts(office.ledger) == {"told": 4}


def test_what_comes_late_puts_the_library_right(office: Office) -> None:
    """The return is known first: the library has nothing to take back, until the loan before it is told."""
    take(office.ledger, said("b", 1, "returned", "B1", T + 2))
    office.tell_all()
    assert [one[0] for one in verdicts(office.ledger).values()] == ["already"]
    take(office.ledger, lend("a", 1, "B1", T, P))
    office.tell_all()
    assert office.has("B1") is None
    assert {one[0] for one in verdicts(office.ledger).values()} == {"accepted"}


def test_a_conflict_holds_its_copy_back_and_no_other(office: Office) -> None:
    take(office.ledger, lend("b", 1, "B1", T + 1, Q))
    office.tell_all()
    assert office.has("B1") == "R2"
    take(office.ledger, lend("a", 1, "B1", T, P), lend("a", 2, "B2", T, P))
    office.tell_all()
    assert (office.has("B1"), office.has("B2")) == ("R2", "R1")
    (found,) = conflicts.listed(office.ledger)
    conflicts.decide(office.ledger, found.number, Decision("void", "typed by mistake", "bat", NOW_MS))
    office.tell_all()
    assert office.has("B1") == "R1"
    assert tellings.counts(office.ledger) == {"told": 2, "held": 1}


def test_what_the_library_objects_to_is_a_conflict_with_its_facts(office: Office) -> None:
    office.library.state["copies"]["B1"] |= {"on_loan_to": "R9", "due": "20261101    235900"}
    take(office.ledger, lend("a", 1, "B1", T, P))
    office.tell_all()
    (found,) = conflicts.listed(office.ledger)
    assert (found.cause, found.library["due"]) == ("on_loan_elsewhere", "20261101    235900")
    conflicts.decide(office.ledger, found.number, Decision("stands", "here", "bat", NOW_MS))
    office.tell_all()
    assert office.has("B1") == "R1"
    assert list(verdicts(office.ledger).values()) == [("accepted", "stands", None)]


def test_a_library_that_is_away_is_waited_for(office: Office) -> None:
    take(office.ledger, lend("a", 1, "B1", T, P), lend("a", 2, "B2", T + 1, P))
    office.wire.trouble = [LibraryBusy("away; trying again later helps")]
    assert not office.synchroniser.step()
    assert office.synchroniser.error == "away; trying again later helps"
    assert not office.synchroniser.step(), "not at once"
    office.now_ms += LONGEST_S * 1000
    office.tell_all()
    assert office.journal == ["lend B1", "lend B2"]
    assert office.synchroniser.error == ""


def test_an_event_that_the_library_never_answers_does_not_hold_up_the_others(office: Office) -> None:
    take(office.ledger, lend("a", 1, "B1", T, P), lend("a", 2, "B2", T + 1, P))
    for _ in range(12):
        office.wire.trouble = [LibraryBusy("hangs up")]
        office.synchroniser.step()
        office.now_ms += FIRST_S * 1000
        if not office.journal:
            office.wire.trouble = []
            office.synchroniser.step()
    assert "lend B2" in office.journal


def test_after_two_weeks_it_is_a_dead_letter_which_a_person_revives(office: Office) -> None:
    take(office.ledger, lend("a", 1, "B1", T, P))
    office.now_ms += GIVE_UP_S * 1000
    office.wire.trouble = [LibraryBusy("away")]
    office.synchroniser.step()
    assert [one[1:] for one in tellings.dead(office.ledger, 10)] == [
        ("B1", "a/" + "0" * 16 + "/event/1", 1, "away")
    ]
    assert tellings.revive(office.ledger, office.now_ms) == 1
    office.tell_all()
    assert office.has("B1") == "R1"


def test_a_wrong_setting_is_never_given_up(office: Office) -> None:
    take(office.ledger, lend("a", 1, "B1", T, P))
    office.now_ms += 2 * GIVE_UP_S * 1000
    office.wire.trouble = [LibraryRefused("correct the password")]
    office.synchroniser.step()
    assert tellings.counts(office.ledger) == {"waiting": 1}


def test_killed_between_the_deed_and_its_note(office: Office) -> None:
    take(office.ledger, lend("a", 1, "B1", T, P))
    (one,) = tellings.claim(office.ledger, office.now_ms, 10)
    assert one.transaction.card == "R1"
    assert [answer.outcome for answer in Sip2Library(office.wire, "nmg", 0).settle([one.transaction])] == [
        "done"
    ]  # type: ignore[arg-type]
    office.synchroniser = office.started()
    office.tell_all()
    assert office.journal == ["lend B1"]
    assert tellings.counts(office.ledger) == {"told": 1}


def test_waits_double_to_a_cap() -> None:
    assert [wait_s(attempts, 0) for attempts in (0, 1, 2, 50)] == [
        FIRST_S,
        2 * FIRST_S,
        4 * FIRST_S,
        LONGEST_S,
    ]
    assert wait_s(0, 1) == FIRST_S / 2


@settings(max_examples=25)
@given(days(), st.randoms(use_true_random=False))
def test_whenever_it_syncs_the_library_ends_with_our_loans(
    offices: Path, records: list[Said], rng: random.Random
) -> None:
    """Units' days in any order with syncs in between: undisputed copies are at the library as they are here.

    Renewals of loans that began elsewhere are left out: what the library says to them depends on the moment.
    """
    records = [one for one in records if one.values["event"] != "renewed" or one.values.get("loan")]
    office, expected = Office(offices / "library.json"), Office(offices / "expected.json")
    take(expected.ledger, *records)
    expected.tell_all()
    shuffled = list(records)
    rng.shuffle(shuffled)
    for one in shuffled:
        take(office.ledger, one)
        if rng.random() < 0.4:
            office.tell_all()
    office.tell_all()
    ours = states(office.ledger)
    assert ours == states(expected.ledger)
    assert listed(office) == listed(expected)
    disputed = {one.copy for one in conflicts.listed(office.ledger)}
    for copy, reader in office.ledger.execute("SELECT copy, reader FROM copy_state"):
        if copy not in disputed:
            assert office.has(copy) == CARDS.get(reader)
    assert set(verdicts(office.ledger)) == set(verdicts(expected.ledger))


def listed(office: Office) -> list[tuple[str, str]]:
    return sorted((one.ours.identity, one.cause) for one in conflicts.listed(office.ledger))
