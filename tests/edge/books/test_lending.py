"""Lending without any network: asks through the agent's door in, rows of the outbox out, across a kill."""

from __future__ import annotations

import json
import secrets
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.books import asking, rules
from edge.record import Reading
from tests.edge.books.made import KEY, SARAN, TODAY, UTC_MS, Unit, some_lists
from tests.fixtures.programs import ROOT
from tests.fixtures.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TAG = "910005" + "1cbe991a14"  # the item 123456789012, as ISO 28560-2


class TagReader:
    """A reader under whose antenna lie what the test puts there; a tag may be pulled away."""

    name = "pad"
    refused: dict[str, int] = {}  # noqa: RUF012

    def __init__(self) -> None:
        self.afi: dict[str, int] = {}
        self.data: dict[str, str] = {}
        self.is_gone = False
        self.asked = 0  # to write
        self.emit: Callable[[Reading], None] | None = None

    def run(self, emit: Callable[[Reading], None], stop: threading.Event) -> None:
        self.emit = emit
        stop.wait()

    def show(self, uid: str, data: str, afi: int = 0x07) -> None:
        self.afi.setdefault(uid, afi)
        self.data[uid] = data
        assert self.emit is not None
        self.emit(
            Reading(
                "tag", self.name, self.now(), {"uid": uid, "data": data, "afi": self.afi[uid], "dsfid": 6}
            )
        )

    def write_afi(self, uid: str, afi: int) -> None:
        assert self.emit is not None
        self.asked += 1
        if not self.is_gone:
            self.afi[uid] = afi
        back = None if self.is_gone else afi
        self.emit(Reading("tag_written", self.name, self.now(), {"uid": uid, "afi": back}))

    now: Callable[[], int]


def test_a_loan_a_renewal_and_a_return_are_facts_with_all_a_verdict_needs(unit: Unit) -> None:
    lent = unit.ask("lend", item=" QL1 ", card="R1", actor="Bat")
    assert (lent["state"], lent["title"], lent["due_on"], lent["rules"]) == (
        "done",
        "蒙古秘史",
        TODAY + 30,
        [],
    )
    assert unit.ask("renew", item="QL1")["state"] == "done"
    assert unit.ask("reader", card="R1")["loans"] == [
        {"item": "QL1", "title": "蒙古秘史", "due_on": TODAY + 30},
        {"item": "QL4", "title": "Out", "due_on": TODAY + 3},
    ]
    back = unit.ask("return", item="QL1")
    assert (back["state"], back["is_held"], back["home"]) == ("done", False, "a1")
    unit.end()
    lent_row, renewed, returned = unit.books_of()
    assert {name: lent_row[name] for name in ("event", "item", "reader", "due_on", "ruling", "actor")} == {
        "event": "lent",
        "item": "QL1",
        "reader": SARAN,
        "due_on": TODAY + 30,
        "ruling": "allowed",
        "actor": "Bat",
    }
    assert (lent_row["owner"], lent_row["method"], lent_row["reader_key"]) == (
        "CN-150600-1",
        "barcode",
        "5cb83a91",
    )
    assert 86_400 <= lent_row["lists_age_s"] < 86_700
    assert renewed["loan"] == returned["loan"] == lent_row["loan"]
    assert returned["reader"] == SARAN
    assert "rules" not in returned
    (taken,) = unit.books_of("lists")
    assert (taken["state"], taken["revision"], taken["items"], taken["blocks"]) == ("taken", "r1", 5, 1)
    assert KEY.hex() not in json.dumps(unit.rows())
    assert '"R1"' not in json.dumps(unit.rows())


FORBIDDEN = [
    ({"what": "lend", "item": "QL1", "card": "R2"}, rules.READER_EXPIRED),
    ({"what": "lend", "item": "QL3", "card": "R1"}, rules.HELD_FOR_OTHER),
    ({"what": "lend", "item": "QL4", "card": "R3"}, rules.ON_LOAN),
    ({"what": "lend", "item": "QL5", "card": "R1"}, rules.ITEM_WITHDRAWN),
    ({"what": "renew", "item": "QL4", "card": "R5"}, rules.ON_LOAN),
]


def test_what_a_rule_forbids_is_refused_until_a_person_says_why(unit: Unit) -> None:
    for ask, said in FORBIDDEN:
        answer = unit.ask(**ask)
        assert (answer["state"], answer["forbidding"]) == ("refused", [said])
        assert unit.ask(**ask, override=True)["detail"] == "what a rule forbids needs a reason"
        assert unit.ask(**ask, override=True, reason="馆长同意")["state"] == "done"
    answer = unit.ask("renew", item="QL2")  # this only informs: somebody has it, whatever the unit thought
    assert (answer["state"], answer["rules"]) == ("done", [rules.NOT_ON_LOAN])
    unit.end()
    rows = [(row["ruling"], row["rules"], row.get("reason")) for row in unit.books_of()]
    assert rows == [
        *[("overridden", said, "馆长同意") for _, said in FORBIDDEN],
        ("allowed", rules.NOT_ON_LOAN, None),
    ]


NONSENSE: list[tuple[dict[str, Any], str]] = [
    ({"what": "lend", "item": "9787020002207", "card": "R1"}, "ISBN"),
    ({"what": "lend", "item": "R1", "card": "R1"}, "reader's card"),
    ({"what": "lend", "item": "QL1", "card": "QL2"}, "label of a book"),
    ({"what": "lend", "item": "XX1", "card": "R1"}, "no label"),
    ({"what": "lend", "item": "QL1"}, "nothing was read"),
    ({"what": "lend", "item": "Q" * 200, "card": "R1"}, "at most 128 bytes"),
    ({"what": "lend", "item": ["QL1"], "card": "R1"}, "item: must be a text"),
    ({"what": "eat"}, "must be one of"),
    ({"what": None}, "must be one of"),
    ({"what": "settle", "conflict": "c9", "finding": "here"}, "no conflict"),
    ({"what": "settle", "conflict": "c1", "finding": "eaten"}, "must be one of here"),
    ({"what": "check", "step": "scan", "item": "QL1"}, "no shelf check"),
]


def test_what_makes_no_sense_is_said_and_nothing_is_recorded(unit: Unit) -> None:
    for ask, said in NONSENSE:
        answer = unit.ask(**ask)
        assert answer["state"] == "wrong"
        assert said in answer["detail"]
    unit.end()
    assert unit.books_of() == []


def test_asked_again_it_is_answered_again_and_not_done_again(unit: Unit) -> None:
    first = unit.ask("lend", id="a1", item="QL1", card="R1")
    assert unit.ask("lend", id="a1", item="QL1", card="R1") == first
    assert unit.ask("lend", id="a2", item="QL1", card="R1")["state"] == "already"  # scanned twice
    unit.end()
    unit.start()
    assert unit.ask("lend", id="a1", item="QL1", card="R1") == first
    assert unit.ask("copy", item="QL1")["is_lent"]
    unit.end()
    assert len(unit.books_of()) == 1


def test_without_lists_a_loan_is_unchecked_and_says_so(tmp_path: Path) -> None:
    made = Unit(tmp_path)
    made.start()
    answer = made.ask("lend", item="QL1", card="R1")
    assert (answer["state"], answer["rules"]) == ("done", [rules.UNKNOWN_ITEM, rules.LISTS_OLD])
    made.end()
    (row,) = made.books_of()
    assert row["ruling"] == "unchecked"
    assert "lists_age_s" not in row


def test_new_lists_know_what_they_include_and_nothing_else_is_forgotten(unit: Unit) -> None:
    for item in ("QL1", "QL2"):
        unit.ask("lend", item=item, card="R1")
    unit.end()
    seqs = [row["seq"] for row in unit.books_of()]
    unit.start()
    epoch = unit.agent._intake.outbox.epoch  # type: ignore[union-attr]
    unit.bring(some_lists(revision="r2", epoch=epoch, event_mark=seqs[0], as_of_ms=UTC_MS))
    assert unit.ask("lists")["is_taken"]
    # The service knew the first of the two loans, and says that it is over; of the second it knew nothing.
    assert not unit.ask("copy", item="QL1")["is_lent"]
    assert unit.ask("copy", item="QL2")["is_lent"]
    unit.bring(some_lists(revision="r3", unit="library-02"))
    assert not unit.ask("lists")["is_taken"]
    unit.bring(some_lists(revision="r0"))
    assert not unit.ask("lists")["is_taken"]
    (unit.books / "fresh.jsonl").write_bytes(b'{"v":1}')
    assert not unit.ask("lists")["is_taken"]
    assert unit.ask("status")["revision"] == "r2"
    unit.end()
    told = [(row["state"], row.get("detail", "")[:20]) for row in unit.books_of("lists")]
    assert told[1:] == [
        ("taken", ""),
        ("refused", "the lists are for li"),
        ("refused", "r0 is older than r2,"),
        ("refused", "1 lines: cut short, "),
    ]


def test_a_conflict_is_settled_once(unit: Unit) -> None:
    (open_,) = unit.ask("conflicts")["conflicts"]
    assert (open_["conflict"], open_["class"], open_["title"]) == ("c1", "on_loan_elsewhere", "骆驼祥子")
    assert unit.ask("settle", conflict="c1", finding="here", note="在书架上")["state"] == "done"
    assert unit.ask("conflicts")["conflicts"] == []
    assert unit.ask("settle", conflict="c1", finding="here")["state"] == "wrong"
    unit.end()
    unit.start()
    assert unit.ask("conflicts")["conflicts"] == []
    unit.end()
    (row,) = unit.books_of("settle")
    assert (row["conflict"], row["finding"], row["item"], row["note"]) == ("c1", "here", "QL2", "在书架上")


def test_holds_to_carry(unit: Unit) -> None:
    (hold,) = unit.ask("holds")["holds"]
    assert (hold["item"], hold["stop"], hold["shelf"], hold["is_here"]) == ("QL3", "查干苏木", "a2", True)


def test_a_shelf_check_by_labels_tells_what_is_missing_misplaced_and_foreign(unit: Unit) -> None:
    begun = unit.ask("check", step="begin", shelf="a1", method="barcode", actor="Bat")
    assert (begun["expected"], begun["missing"]) == (2, 2)
    for item in ("QL1", "QL1", "QL3", "QL99"):
        seen = unit.ask("check", step="scan", item=item)
    assert (seen["present"], seen["misplaced"], seen["foreign"], seen["missing"]) == (1, 1, 1, 1)
    ended = unit.ask("check", step="end")
    assert ended["is_told"]
    assert [one["item"] for one in ended["missing_items"]] == ["QL2"]
    assert unit.ask("copy", item="QL2")["is_gone"]
    unit.ask("check", step="begin", shelf="a1", method="barcode")
    unit.ask("check", step="scan", item="QL1")
    assert unit.ask("check", step="end")["missing"] == 0  # what is gone is no more expected
    unit.end()
    told = [(row["event"], row["item"], row.get("place")) for row in unit.books_of()]
    assert told == [
        ("seen", "QL1", "present"),
        ("seen", "QL3", "misplaced"),
        ("seen", "QL99", "foreign"),
        ("gone", "QL2", None),
    ]  # and not a word of QL1 after the second check, which found it where it was
    first, second = unit.books_of("inventory")
    assert (first["number"], first["state"], first["expected"], first["present"], first["missing"]) == (
        1,
        "stable",
        2,
        1,
        1,
    )
    assert (second["number"], second["expected"], second["missing"]) == (2, 1, 0)


NAMES = ["what", "id", "item", "card", "step", "shelf", "method", "override", "reason", "conflict", "finding"]
WORDS = [
    "lend",
    "return",
    "renew",
    "settle",
    "check",
    "status",
    "copy",
    "reader",
    "begin",
    "scan",
    "end",
    "look",
]
VALUES = st.recursive(
    st.one_of(
        st.sampled_from([*WORDS, "QL1", "R1", "c1", "here", "a1", "\ud800", "Q\0"]),
        st.text(st.characters(), max_size=9),
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=3,
)
ASKS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)


def test_no_ask_stops_the_agent(unit: Unit) -> None:
    @settings(max_examples=150, deadline=None)
    @given(ASKS, st.sampled_from(WORDS), st.binary(max_size=30))
    def try_one(ask: dict[str, Any], what: str, noise: bytes) -> None:
        answer = asking.ask(unit.books / "books.sock", {"what": what, **ask, "id": secrets.token_hex(4)}, 60)
        assert answer["state"] in {"done", "already", "refused", "wrong"}
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.connect(str(unit.books / "books.sock"))
            line.sendall(noise + b"\n" + json.dumps(ask).encode() + b"\n")

    try_one()
    assert unit.ask("status")["state"] == "done"
    unit.end()
    assert unit.books_of() is not None


# --- tags -----------------------------------------------------------------------------------------------


@pytest.fixture
def pad(tmp_path: Path) -> Iterator[tuple[Unit, TagReader]]:
    reader = TagReader()
    made = Unit(tmp_path, [reader], item_prefixes=[])
    made.bring()
    reader.now = made.time.mono_ms
    made.start()
    yield made, reader
    if made.thread.is_alive():
        made.end()


def test_a_tag_on_the_pad_is_written_and_read_back_before_the_loan_is_recorded(
    pad: tuple[Unit, TagReader],
) -> None:
    unit, reader = pad
    with unit.time.standing():
        reader.show("e004", TAG)
        wait_until(lambda: unit.ask("status")["pad"])
        answer = unit.ask("lend", item="123456789012", card="R1")
        assert (answer["state"], answer["is_afi_pending"]) == ("done", False)
        assert reader.afi["e004"] == 0xC2
        unit.ask("return", item="123456789012")
        assert reader.afi["e004"] == 0x07
    unit.end()
    rows = [(row["event"], row["afi"], row["is_afi_pending"], row["tag_id"]) for row in unit.books_of()]
    assert rows == [("lent", 0xC2, "no", "e004"), ("returned", 0x07, "no", "e004")]
    assert {row["layout"] for row in unit.books_of()} == {"iso28560_2"}


def test_a_tag_that_was_pulled_away_is_lent_all_the_same_and_repaired_when_it_is_seen_again(
    pad: tuple[Unit, TagReader],
) -> None:
    unit, reader = pad
    answers: list[dict[str, Any]] = []
    with unit.time.standing():
        reader.show("e004", TAG)
        wait_until(lambda: unit.ask("status")["pad"])
        reader.is_gone = True
        lending = threading.Thread(
            target=lambda: answers.append(unit.ask("lend", item="123456789012", card="R1"))
        )
        lending.start()
        wait_until(lambda: reader.asked)
    lending.join()
    assert (answers[0]["state"], answers[0]["is_afi_pending"]) == ("done", True)
    assert unit.ask("status")["repairs"] == 1
    unit.end()
    unit.start()  # the queue outlives a restart
    assert unit.ask("status")["repairs"] == 1
    reader.is_gone = False

    def is_repaired() -> bool:
        reader.show("e004", TAG)
        return not unit.ask("status")["repairs"]

    wait_until(is_repaired, every_s=0.1)
    unit.end()
    rows = [(row["event"], row.get("afi"), row["is_afi_pending"]) for row in unit.books_of()]
    assert rows == [("lent", 0x07, "yes"), ("repaired", 0xC2, "no")]


def test_a_tag_may_say_that_it_is_not_for_loan(pad: tuple[Unit, TagReader]) -> None:
    unit, reader = pad
    with unit.time.standing():
        reader.show("e005", TAG[:16] + "050120" + "00000000")  # usage 2-0
        wait_until(lambda: unit.ask("status")["pad"])
        answer = unit.ask("lend", item="123456789012", card="R1")
    assert rules.NOT_FOR_LOAN in answer["forbidding"]


# --- a kill ---------------------------------------------------------------------------------------------


def test_what_was_answered_survives_a_kill_and_is_there_once(tmp_path: Path) -> None:
    made = Unit(tmp_path)
    made.bring()
    config = tmp_path / "unit.toml"
    config.write_text(
        f'''[unit]\nid = "library-01"\n[broker]\nhost = "127.0.0.1"\nport = 9
        [outbox]\npath = "{tmp_path}/outbox.db"
        [[source]]\nname = "none"\ntype = "scanner"\nport = "{tmp_path}/none"
        [books]\nfolder = "{made.books}"\nkey_file = "{tmp_path}/key"\n'''
    )
    asks = [
        {"what": "lend", "id": f"k{number}", "item": f"QL{number}", "card": f"R1{number}"}
        for number in range(40)
    ]
    answered: list[str] = []

    def run_until(most: int) -> None:
        program = subprocess.Popen([sys.executable, "-m", "edge", "run", "--config", str(config)], cwd=ROOT)
        try:
            wait_until(lambda: _is_open(made.books / "books.sock"), 20)
            while len(answered) < most:
                ask = asks[len(answered)]
                answer = made.ask(**ask)
                assert answer["state"] in {"done", "refused"}, answer
                answered.append(str(answer["item"]))
        finally:
            program.send_signal(signal.SIGKILL)
            program.wait(30)

    run_until(7)
    run_until(20)
    del answered[15:]  # answers that got lost: asked again with the same ids
    run_until(25)
    lent = [row["item"] for row in made.books_of() if row["event"] == "lent"]
    assert sorted(lent) == sorted(set(lent))
    refused = {"QL3", "QL4", "QL5"}
    assert set(lent) == {f"QL{number}" for number in range(25)} - refused


def _is_open(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.connect(str(path))
    except OSError:
        return False
    return True
