"""SIP2: bytes against the protocol's vectors, and conversations with a real server process over a socket."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.books.library import Answer, LibraryBusy, LibraryError, LibraryRefused, Transaction
from ingest.books.sip2.conversation import Again, Confused, Conversation
from ingest.books.sip2.frame import FrameError, Lines, checksum, decoded, encoded
from ingest.books.sip2.library import Sip2Library
from ingest.books.sip2.link import Door, Link
from ingest.books.sip2.message import (
    MAX_VALUE_BYTES,
    Message,
    MessageError,
    Setting,
    date,
    parse_date_ms,
    read,
    written,
)
from tests.fixtures.programs import Program, module_command

AT_MS = 1_795_248_000_000  # 2026-11-21 08:00 UTC
DAY_MS = 86_400_000
ZONE_MS = 8 * 3_600_000
TRANSCRIPT = Path(__file__).with_name("sip2_transcript.txt")


# --- bytes


def test_checksums_are_those_of_the_protocol() -> None:
    assert checksum(b"15+20130915    1854553BSpickupLocation|BY3|AO|AApatronId|ABitemId|AY1AZ") == "E9BF"
    assert checksum("AO图书馆|AY1AZ".encode("gbk")) == "F8BC"
    assert checksum("AO图书馆|AY1AZ".encode()) == "F6F8"
    assert encoded("97", None, "utf-8") == b"97AZFEF5\r"
    assert encoded("96", None, "utf-8") == b"96AZFEF6\r"


@given(st.text(st.characters(codec="gbk", exclude_characters="\r"), max_size=80), st.integers(0, 9))
def test_a_frame_comes_back_as_it_went(text: str, number: int) -> None:
    for encoding in ("utf-8", "gbk"):
        frame = decoded(encoded("12" + text, number, encoding)[:-1], encoding)
        assert frame == ("12" + text, number)


def test_a_bar_within_a_character_of_gbk_ends_no_field() -> None:
    assert "亅".encode("gbk")[1:] == b"|"
    message = Message("94", {"ok": "1"}, (Setting("AJ", "一亅二"), Setting("AF", "好")))
    line = encoded(written(message), 0, "gbk")[:-1]
    assert read(decoded(line, "gbk").text) == message


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"9", "length"),
        (b"941AY1AZ0000", "checksum"),
        (b"941AF\xff\xfe|", "encoding"),
        (b"9" * 40_000, "length"),
    ],
)
def test_a_bad_line_names_what_failed(line: bytes, what: str) -> None:
    with pytest.raises(FrameError, match=what):
        decoded(line, "utf-8")


@pytest.mark.parametrize("text", ["55", "98YYYY", "941A", "941|é1x|", ""])
def test_a_bad_message_is_named(text: str) -> None:
    with pytest.raises(MessageError):
        read(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    lines = Lines()
    lines.take(data)
    while (line := lines.next()) is not None:
        with suppress(FrameError, MessageError):
            read(decoded(line, "gbk").text)


@pytest.mark.parametrize("value", ["a|b", "a\rb", "a\0", "本" * (MAX_VALUE_BYTES // 3 + 1)])
def test_what_no_field_holds_is_refused_before_it_is_sent(value: str) -> None:
    with pytest.raises(MessageError, match=r"17\.AB"):
        written(Message("17", {"date": date(AT_MS)}, (Setting("AB", value),)))


def test_a_line_without_end_is_refused() -> None:
    lines = Lines()
    lines.take(b"9" * 40_000)
    with pytest.raises(FrameError, match="no end"):
        lines.next()
    lines.take(b"941\r")
    assert lines.next() == b"941"


def test_dates() -> None:
    assert date(AT_MS) == "20261121   Z080000"
    assert parse_date_ms("20261121   Z080000", ZONE_MS) == AT_MS
    assert parse_date_ms("20261121    160000", ZONE_MS) == AT_MS
    assert parse_date_ms("2026-11-21", ZONE_MS) is None
    assert parse_date_ms("20261321    160000", ZONE_MS) is None


# --- the rules, without a socket


def question() -> Message:
    return Message("17", {"date": date(AT_MS)}, (Setting("AB", "1"),))


def answer(number: int, title: str = "书") -> bytes:
    return encoded(f"18030001{date(AT_MS)}AB1|AJ{title}|", number, "utf-8")


def test_numbers_count_up_and_begin_again() -> None:
    conversation = Conversation("utf-8")
    for number in [*range(10), 0]:
        assert f"AY{number}AZ".encode() in conversation.ask(question())
        conversation.take(answer(number))
        assert isinstance(conversation.next(), Message)


def test_an_answer_in_pieces_and_one_to_an_older_number() -> None:
    conversation = Conversation("utf-8")
    conversation.ask(question())
    conversation.take(answer(0))
    conversation.next()
    sent = conversation.ask(question())
    assert conversation.repeat() == sent
    conversation.take(answer(0, "late") + b"\n")
    for byte in answer(1):
        assert conversation.next() is None
        conversation.take(bytes([byte]))
    found = conversation.next()
    assert isinstance(found, Message)
    assert found.first("AJ") == "书"


def test_who_could_not_read_asks_again() -> None:
    conversation = Conversation("utf-8")
    sent = conversation.ask(question())
    conversation.take(b"96AZFEF6\r")
    found = conversation.next()
    assert isinstance(found, Again)
    assert found.data == sent
    conversation.take(answer(0)[:-5] + b"0000\r")
    found = conversation.next()
    assert isinstance(found, Again)
    assert found.data == b"97AZFEF5\r"
    assert "checksum" in found.cause


def test_one_that_never_makes_sense_is_given_up() -> None:
    conversation = Conversation("utf-8")
    conversation.ask(question())
    for _ in range(3):
        conversation.take(b"18AZ0000\r")
        assert isinstance(conversation.next(), Again)
    conversation.take(b"18AZ0000\r")
    with pytest.raises(Confused, match="checksum"):
        conversation.next()
    conversation.ask(question())
    conversation.take(encoded("941", 1, "utf-8"))
    with pytest.raises(Confused, match="17 was answered by 94"):
        conversation.next()


def test_a_recorded_conversation() -> None:
    """Each line of ours is made anew from what it says, to the byte; each of theirs is understood."""
    conversation = Conversation("utf-8")
    codes = []
    for line in TRANSCRIPT.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        side, text = line[0], line[2:].encode() + b"\r"
        if side == ">":
            message = read(decoded(text[:-1], "utf-8").text)
            assert conversation.ask(message) == text
        else:
            conversation.take(text)
            found = conversation.next()
            assert isinstance(found, Message)
            codes.append(found.code)
    assert codes[:2] == ["94", "98"]
    assert {"12", "10", "30", "18", "64"} <= set(codes)


def test_values_are_not_shown() -> None:
    assert "secret" not in repr(Message("93", {}, (Setting("CO", "secret"),)))


# --- with a server

Made = Callable[..., tuple[Sip2Library, Path]]


def library_state() -> dict[str, Any]:
    return {
        "readers": {"R1": {}, "R2": {"blocked": True}},
        "copies": {
            "B1": {"title": "草原"},
            "B2": {"title": "亅", "on_loan_to": "R9", "due": "20261101    235900"},
            "B3": {"title": "held", "status": "08"},
            "B4": {"title": "lost", "status": "12"},
            "B5": {"title": "ours", "on_loan_to": "R1", "due": "20261101    235900"},
        },
    }


@pytest.fixture
def made(tmp_path: Path, programs: list[Program]) -> Iterator[Made]:
    """made(*faults, encoding=..., password=...): a client of a new server, and the file of its library."""
    libraries: list[Sip2Library] = []

    def make(
        *faults: str, encoding: str = "utf-8", password: str = "secret", **state: Any
    ) -> tuple[Sip2Library, Path]:
        path = tmp_path / f"library{len(libraries)}.json"
        path.write_text(json.dumps(library_state() | state))
        words = [word for fault in faults for word in ("--fault", fault)]
        command = module_command(
            "tests.ingest.books.sip2_peer", "--state", path, "--encoding", encoding, *words
        )
        peer = Program(command, tmp_path / f"peer{len(libraries)}.log")
        programs.append(peer)
        peer.start()
        port = int(peer.wait_for_log("\n", 30))
        door = Door("127.0.0.1", port, encoding, "ortoo", password, "vehicle", 20.0, 2)

        def mono_s() -> float:
            """A clock by which each silence is long: none has to be sat out, and no answer is too late."""
            return time.monotonic() + 1000 * peer.log().count("silent")

        libraries.append(Sip2Library(Link(door, mono_s), "nmg", ZONE_MS))
        return libraries[-1], path

    yield make
    for one in libraries:
        one.close()


def transaction(action: str, copy: str, card: str | None = "R1", **more: Any) -> Transaction:
    return Transaction(1, action, copy, card, AT_MS, AT_MS + 30 * DAY_MS, **more)


def settled(library: Sip2Library, *transactions: Transaction) -> list[Answer]:
    return list(library.settle(transactions))


def journal(path: Path) -> list[str]:
    return [f"{one['what']} {one['copy']}" for one in json.loads(path.read_text()).get("journal", [])]


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_each_transaction_gets_its_answer(made: Made, encoding: str) -> None:
    library, path = made(encoding=encoding)
    asked = [
        (transaction("lend", "B1"), "done", ""),
        (transaction("lend", "B1"), "already", "the library has this loan"),
        (transaction("renew", "B5"), "done", ""),
        (transaction("renew", "B5"), "already", "the library has this loan"),
        (transaction("lend", "B2"), "conflict", "on_loan_elsewhere"),
        (transaction("lend", "B3"), "conflict", "held_for_other"),
        (transaction("lend", "B4"), "conflict", "item_withdrawn"),
        (transaction("lend", "B3", "R2"), "conflict", "reader_blocked"),
        (transaction("lend", "B3", "R7"), "conflict", "unknown_card"),
        (transaction("lend", "B3", None), "conflict", "unknown_card"),
        (transaction("lend", "B7"), "conflict", "unknown_item"),
        (transaction("renew", "B3"), "conflict", "not_on_loan"),
        (transaction("take_back", "B1", None), "done", ""),
        (transaction("take_back", "B1", None), "already", "the library has it as not on loan"),
        (transaction("lend", "B2", is_decided=True), "done", ""),
        (transaction("lend", "B|1"), "refused", "17.AB: has a bar or a character that cannot be seen"),
    ]
    answers = settled(library, *(one for one, _, _ in asked))
    assert [(one.outcome, one.cause) for one in answers] == [(outcome, cause) for _, outcome, cause in asked]
    assert journal(path) == ["lend B1", "renew B5", "take_back B1", "take_back B2", "lend B2"]
    assert answers[4].facts == {
        "item_status": "04",
        "title": "亅",
        "due": "20261101    235900",
        "reader": "good",
    }
    assert answers[7].facts["message"] == "证件已停用"


FAULTS = ("17:silent", "63:garbled", "11:unread", "09:cut", "98:silent", "99:cut", "11:silent")


def test_answers_that_break_on_the_way_change_nothing(made: Made) -> None:
    library, path = made(*FAULTS)
    answers = settled(
        library, transaction("lend", "B1"), transaction("take_back", "B1"), transaction("lend", "B1")
    )
    assert [one.outcome for one in answers] == ["done"] * 3
    assert journal(path) == ["lend B1", "take_back B1", "lend B1"]


def test_a_server_that_stops_answering_is_one_error_and_waiting_helps(made: Made) -> None:
    library, path = made("11:silent", "11:silent", "11:silent")
    told = library.settle([transaction("lend", "B1"), transaction("lend", "B3")])
    with pytest.raises(
        LibraryBusy, match=r"did not answer 11, asked 3 times in 60 s; .* later may help"
    ) as found:
        next(told)
    assert found.value.is_worth_waiting
    # The loan was made and its answer lost: told again it does not count twice.
    assert [one.outcome for one in settled(library, transaction("lend", "B1"))] == ["already"]
    assert journal(path) == ["lend B1"]


def test_a_connection_that_ends_after_the_deed(made: Made) -> None:
    library, path = made("11:hangup")
    with pytest.raises(LibraryBusy, match="ended the connection"):
        settled(library, transaction("lend", "B1"))
    assert [one.outcome for one in settled(library, transaction("lend", "B1"))] == ["already"]
    assert journal(path) == ["lend B1"]


def test_a_server_that_speaks_nonsense(made: Made) -> None:
    library, _ = made("all:garbled")
    with pytest.raises(LibraryBusy, match="checksum"):
        settled(library, transaction("lend", "B1"))


def test_a_wrong_password_is_one_error_and_waiting_does_not_help(made: Made) -> None:
    library, _ = made(password="wrong")
    with pytest.raises(LibraryRefused, match="does not let user 'ortoo' in") as found:
        settled(library, transaction("lend", "B1"))
    assert not found.value.is_worth_waiting
    assert "wrong" not in str(found.value)


def test_nobody_listens(free_port: int) -> None:
    library = Sip2Library(Link(Door("127.0.0.1", free_port), time.monotonic), "nmg", ZONE_MS)
    with pytest.raises(LibraryBusy, match=f"127.0.0.1:{free_port}: Connection refused; .* helps"):
        settled(library, transaction("lend", "B1"))


def test_one_that_takes_the_call_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        door = Door("127.0.0.1", server.getsockname()[1], timeout_s=0.05, retries=1)
        library = Sip2Library(Link(door, time.monotonic), "nmg", ZONE_MS)
        with pytest.raises(LibraryError, match="did not answer 99, asked 2 times"):
            settled(library, transaction("lend", "B1"))
        library.close()
