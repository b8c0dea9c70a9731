"""The sender, its ledger and apprise, with a real mail server and a real receiver of webhooks."""

import logging
import random
import sqlite3
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ingest.history import StoreBusy
from ingest.ledger import notifications
from ingest.ledger.files import open_store
from ingest.ledger.notifications import Draft
from ingest.notify.letter import MAX_MESSAGES, Letter
from ingest.notify.post import MAX_URLS, AddressError, Post, PostError
from ingest.notify.retry import FIRST_S, GIVE_UP_S, LONGEST_S, is_over, wait_s
from ingest.notify.sender import Sender
from tests.fixtures.receivers import Hook, MailServer

T = TypeVar("T")
NOW_MS = 1_795_000_000_000


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


@pytest.fixture
def mails(free_port: int) -> Iterator[MailServer]:
    made = MailServer(free_port)
    yield made
    made.close()


class Desk:
    """A ledger with a sender; `now_ms` is its clock, `is_busy` a store that takes nothing."""

    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        self.ledger = open_store(folder / "ledger.sqlite3")
        self.now_ms = NOW_MS
        self.is_busy = False
        self.paths = {}
        for contact, text in files.items():
            self.paths[contact] = folder / contact
            self.paths[contact].write_text(text)
        self.restart()

    def restart(self) -> None:
        self.sender = Sender(self.change, Post(self.paths), lambda: self.now_ms, random.Random(1))

    def change(self, change: Callable[[sqlite3.Connection], T]) -> T:
        if self.is_busy:
            raise StoreBusy("the disk is full")
        self.ledger.execute("BEGIN")
        result = change(self.ledger)
        self.ledger.execute("COMMIT")
        return result

    def put(self, *names: str, contact: str = "nurse", due_ms: int = NOW_MS) -> None:
        drafts = [Draft(f"{name}/{contact}", 1, contact, name, f"{name}: why", due_ms) for name in names]
        self.change(lambda ledger: notifications.put(ledger, drafts, self.now_ms))

    def states(self) -> dict[str, str]:
        return {one.title: one.state for one in notifications.of_alert(self.ledger, 1)}


@pytest.fixture
def desk(tmp_path: Path, hook: Hook) -> Iterator[Desk]:
    made = Desk(tmp_path, {"nurse": f"# her phone\n\n{hook.url}\n"})
    yield made
    made.ledger.close()


def test_a_message_arrives_once(desk: Desk, hook: Hook) -> None:
    desk.put("cold")
    desk.put("cold")
    for _ in range(3):
        desk.sender.step()
    assert [(told["title"], told["message"]) for told in hook.told] == [("cold", "cold: why")]
    assert desk.states() == {"cold": "sent"}


def test_what_is_due_together_is_one_letter(desk: Desk, hook: Hook) -> None:
    desk.put("cold", "low", "open")
    desk.put("later", due_ms=NOW_MS + 1)
    desk.sender.step()
    assert len(hook.told) == 1
    assert hook.told[0]["title"] == "cold (+2)"
    assert all(f"{name}\n{name}: why" in hook.told[0]["message"] for name in ("cold", "low", "open"))
    desk.put(*map(str, range(MAX_MESSAGES + 1)))
    desk.now_ms += 1
    desk.sender.step()
    assert len(hook.told) == 2
    assert hook.told[1]["title"] == f"later (+{MAX_MESSAGES + 1})"
    assert hook.told[1]["message"].endswith("… +2")
    assert set(desk.states().values()) == {"sent"}


def test_mail_arrives_in_the_readers_script(tmp_path: Path, mails: MailServer) -> None:
    post = Post({"nurse": _file(tmp_path, mails.url)})
    post.send(Letter("nurse", "冷藏箱过热 ᠬᠠᠯᠠᠭᠤᠨ", "8.4 °C\n> 8 °C & <b>open</b>", (1,)))
    assert len(mails.told) == 1
    assert mails.told[0]["to"] == "nurse@sum.example"
    (part,) = [part for part in mails.told[0].walk() if not part.is_multipart()]
    assert part.get_content_type() == "text/plain"
    said = part.get_payload(decode=True).decode().splitlines()
    assert said[:2] == ["8.4 °C", "> 8 °C & <b>open</b>"]


def test_what_fails_is_tried_again_ever_more_rarely_and_then_given_up_in_sight(
    desk: Desk, hook: Hook
) -> None:
    hook.status = 503
    desk.put("cold")
    tries = []
    while desk.states() == {"cold": "waiting"}:
        due_ms = notifications.next_due_ms(desk.ledger)
        assert due_ms is not None
        desk.now_ms = due_ms
        tries.append(desk.now_ms)
        desk.sender.step()
    assert desk.states() == {"cold": "dead"}
    assert "503" in notifications.of_alert(desk.ledger, 1)[0].error
    waits = [(after - before) / 1000 for before, after in pairwise(tries)]
    assert FIRST_S / 2 <= waits[0] <= FIRST_S
    assert LONGEST_S / 2 <= waits[-1] <= LONGEST_S
    assert GIVE_UP_S <= (tries[-1] - tries[0]) / 1000 <= GIVE_UP_S + LONGEST_S
    hook.status = 200
    desk.sender.step()
    assert hook.told == []


def test_the_second_address_is_for_when_the_first_does_not_take_it(tmp_path: Path, hook: Hook) -> None:
    both = Post({"nurse": _file(tmp_path, f"json://127.0.0.1:9/\n{hook.url}\n{hook.url}\n")})
    both.send(Letter("nurse", "cold", "why", (1,)))
    assert len(hook.told) == 1
    with pytest.raises(PostError) as caught:
        Post({"nurse": _file(tmp_path, "json://nurse:secret@127.0.0.1:9/")}).send(
            Letter("nurse", "", "x", (1,))
        )
    assert "secret" not in str(caught.value)


def test_what_was_claimed_when_the_power_went_is_not_sent_again_and_shows(
    desk: Desk, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    desk.put("cold")
    desk.change(lambda ledger: notifications.claim(ledger, NOW_MS, 10))
    desk.restart()
    with caplog.at_level(logging.ERROR):
        desk.sender.step()
    assert hook.told == []
    assert desk.states() == {"cold": "uncertain"}
    assert "not sent again" in caplog.text


def test_a_store_that_takes_nothing_neither_loses_nor_doubles(desk: Desk, hook: Hook) -> None:
    desk.put("cold")
    desk.put("low", contact="doctor")
    send = desk.sender._sent

    def send_and_fill_the_disk(*letter: Any) -> Any:
        desk.is_busy = True
        return send(*letter)

    desk.sender._sent = send_and_fill_the_disk  # type: ignore[method-assign]
    for _ in range(3):
        with pytest.raises(StoreBusy):
            desk.sender.step()
    desk.is_busy = False
    desk.sender._sent = send  # type: ignore[method-assign]
    desk.sender.step()
    assert len(hook.told) == 1
    assert desk.states() == {"cold": "sent", "low": "waiting"}
    assert "no contact 'doctor'" in notifications.of_alert(desk.ledger, 1)[1].error


def test_what_nobody_needs_to_hear_any_more_is_dropped(desk: Desk, hook: Hook) -> None:
    desk.put("cold", due_ms=NOW_MS + 60_000)
    desk.change(lambda ledger: notifications.drop_waiting(ledger, 1))
    desk.now_ms += 60_000
    desk.sender.step()
    assert hook.told == []
    assert notifications.counts(desk.ledger) == {}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "holds 0 addresses"),
        ("json://x\n" * (MAX_URLS + 1), f"1 to {MAX_URLS} are needed"),
        ("# fine\nnonsense://nurse:secret@x\n", "line 2: not an address"),
        ("mailto://\n", "line 1"),
    ],
)
def test_a_bad_file_of_addresses_is_named_and_not_shown(tmp_path: Path, text: str, complaint: str) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(AddressError, match=complaint) as caught:
        Post({"nurse": path})
    assert str(path) in str(caught.value)
    assert "secret" not in str(caught.value)


def test_no_file_of_addresses_is_no_surprise(tmp_path: Path) -> None:
    with pytest.raises(AddressError, match="cannot be read"):
        Post({"nurse": tmp_path / "none"})


def test_waits_double_up_to_an_hour() -> None:
    assert [wait_s(attempts, 0) for attempts in (1, 2, 3, 20)] == [30, 60, 120, 3600]
    assert wait_s(1, 1) == 15
    assert not is_over(GIVE_UP_S - 1)
    assert is_over(GIVE_UP_S)


def _file(folder: Path, text: str) -> Path:
    path = folder / "addresses"
    path.write_text(text)
    return path
