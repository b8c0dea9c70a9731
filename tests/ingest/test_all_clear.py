"""The all-clear: who heard of an alert hears once that it is over; who did not, hears nothing."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest.ledger import alerts, notifications
from ingest.ledger.files import open_store
from ingest.ledger.notifications import CLAIMED
from ingest.ledger.schema import LEDGER_STEPS, advance
from ingest.notify.letter import letters
from ingest.notify.post import Post
from ingest.notify.sender import Sender
from tests.fixtures.receivers import Hook
from tests.ingest.alerts.office import Office
from tests.ingest.test_alerting import move
from tests.ingest.test_calls import EVERYBODY, HOUR_MS, MIN_MS, call, cancel


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path, EVERYBODY)  # the nurse sleeps all day, the chief never
    made.furnish()
    yield made
    made.ledger.close()


def clears(office: Office) -> list[tuple[str, str, str]]:
    """The all-clears by contact: title, and the first line."""
    rows = office.ledger.execute(
        "SELECT contact, title, body FROM notification WHERE is_over ORDER BY number"
    )
    return [(contact, title, body.splitlines()[0]) for contact, title, body in rows]


def alert_number(office: Office) -> int:
    (alert,) = office.alerts()
    return alert.number


def door(office: Office, state: str, at_ms: int) -> None:
    office.tell("door", at_ms, state=state)
    office.work()


def test_who_was_paged_hears_once_that_the_crew_cancelled(office: Office) -> None:
    call(office)
    office.send()
    office.wait(5 * MIN_MS)
    assert [one.contact for one in office.messages()] == ["nurse", "chief"]
    office.send()
    office.wait(MIN_MS)
    cancel(office)
    nurse, chief = clears(office)
    assert nurse[:2] == ("nurse", "Over: HELP is called: Van 1")
    assert nurse[2].startswith("Cancelled by the crew at 2026-11-21 17:06 UTC+8:")
    assert chief[1] == "已结束:求助:Van 1"
    assert chief[2].startswith("车组已于 2026-11-21 17:06 UTC+8 ")
    due_ms = [one.due_ms for one in office.messages()][2:]
    assert due_ms == [office.now_ms] * 2, "whoever is on the way hears it at once, asleep or not"
    cancel(office)  # sent again
    office.restart()
    office.wait(HOUR_MS)
    office.send()
    office.wait(HOUR_MS)
    assert len(clears(office)) == 2


def test_who_was_never_paged_hears_nothing(office: Office) -> None:
    call(office)  # a message waits for the sender
    cancel(office)
    office.wait(HOUR_MS)
    assert office.messages() == []


def test_one_in_flight_that_fails_is_neither_sent_later_nor_taken_back(office: Office) -> None:
    call(office)
    (claimed,) = office.change(lambda ledger: notifications.claim(ledger, office.now_ms, 9))
    cancel(office)
    assert [contact for contact, _, _ in clears(office)] == ["nurse"], "it may be reaching them just now"
    office.change(lambda ledger: notifications.put_back(ledger, claimed.number, office.now_ms, "no line"))
    assert office.messages() == []


def test_one_in_flight_that_arrives_is_taken_back(office: Office) -> None:
    call(office)
    (claimed,) = office.change(lambda ledger: notifications.claim(ledger, office.now_ms, 9))
    assert claimed.state == CLAIMED
    cancel(office)
    office.change(lambda ledger: notifications.settle(ledger, [claimed.number], office.now_ms))
    office.wait(HOUR_MS)
    assert [contact for contact, _, _ in clears(office)] == ["nurse"]


def test_a_person_s_reason_goes_to_who_was_paged(office: Office) -> None:
    call(office)
    office.send()
    number = alert_number(office)
    office.change(lambda ledger: alerts.close(ledger, number, "Wang", "all are safe", office.now_ms))
    office.work()
    ((contact, _, line),) = clears(office)
    assert (contact, line.startswith("Wang closed it at 2026-11-21 17:00")) == ("nurse", True)
    assert line.endswith(": all are safe")


def test_a_door_is_told_as_shut_when_the_quiet_hours_end_and_a_shortage_never(office: Office) -> None:
    began_ms = office.now_ms
    move(office, "receive", 30)
    door(office, "open", began_ms)
    office.wait(6 * MIN_MS)
    office.send()
    door(office, "closed", office.now_ms)
    office.wait(2 * MIN_MS)
    ((contact, _, line),) = clears(office)
    assert (contact, line.startswith("It ended at 2026-11-21 17:06")) == ("nurse", True)
    assert office.messages()[-1].due_ms > office.now_ms
    move(office, "dispense", 25)  # low stock only asks to be looked at
    office.wait(2 * HOUR_MS)
    assert office.states()["low_stock"] == "firing"
    office.change(lambda ledger: ledger.execute("UPDATE notification SET due_ms = 0"))
    office.send()
    move(office, "receive", 30)
    office.wait(2 * HOUR_MS)
    assert office.states()["low_stock"] == "resolved"
    assert len(clears(office)) == 1


@pytest.mark.parametrize("is_clear_sent", [False, True])
def test_what_lasts_after_all_is_told_again_to_who_heard_that_it_is_over(
    office: Office, is_clear_sent: bool
) -> None:
    began_ms = office.now_ms
    door(office, "open", began_ms)
    office.wait(6 * MIN_MS)
    office.send()
    door(office, "closed", office.now_ms)
    shut_ms = office.now_ms
    office.wait(2 * MIN_MS)
    assert len(clears(office)) == 1
    if is_clear_sent:
        office.change(lambda ledger: ledger.execute("UPDATE notification SET due_ms = 0"))
        office.send()
    door(office, "open", shut_ms + 30_000)  # comes late
    office.wait(20 * MIN_MS)
    assert office.states() == {"door_open": "firing"}
    first = [one for one in office.messages() if one.key in {"1/nurse", "1/nurse/1"}]
    assert (len(first), len(clears(office))) == ((2, 1) if is_clear_sent else (1, 0))
    office.change(lambda ledger: ledger.execute("UPDATE notification SET due_ms = 0"))
    office.send()
    door(office, "closed", office.now_ms)
    office.wait(2 * MIN_MS)
    assert len(clears(office)) == (2 if is_clear_sent else 1)


def test_an_all_clear_in_flight_that_fails_is_not_sent_into_what_lasts_after_all(office: Office) -> None:
    door(office, "open", office.now_ms)
    office.wait(6 * MIN_MS)
    office.send()
    door(office, "closed", office.now_ms)
    shut_ms = office.now_ms
    office.wait(2 * MIN_MS)
    office.change(lambda ledger: ledger.execute("UPDATE notification SET due_ms = 0"))
    (claimed,) = office.change(lambda ledger: notifications.claim(ledger, office.now_ms, 9))
    assert claimed.is_over
    door(office, "open", shut_ms + 30_000)  # comes late
    assert office.states() == {"door_open": "firing"}
    office.change(lambda ledger: notifications.put_back(ledger, claimed.number, office.now_ms, "no line"))
    assert clears(office) == []


def test_who_heard_that_it_is_over_and_nothing_since_does_not_hear_it_again(office: Office) -> None:
    door(office, "open", office.now_ms)
    office.wait(6 * MIN_MS)
    office.send()
    office.wait(2 * HOUR_MS)
    assert [one.contact for one in office.messages()] == ["nurse", "chief"], "nobody took it"
    office.send()
    door(office, "closed", office.now_ms)
    shut_ms = office.now_ms
    office.wait(2 * MIN_MS)
    office.change(lambda ledger: ledger.execute("UPDATE notification SET due_ms = 0"))
    office.send()
    door(office, "open", shut_ms + 30_000)  # comes late
    office.wait(2 * MIN_MS)
    office.change(lambda ledger: ledger.execute("UPDATE notification SET due_ms = 0"))
    office.send()
    door(office, "closed", office.now_ms)
    office.wait(2 * MIN_MS)
    assert [contact for contact, _, _ in clears(office)] == ["nurse", "chief", "nurse"]


def test_what_never_was_is_taken_back(office: Office) -> None:
    began_ms = office.now_ms - 6 * MIN_MS
    door(office, "open", began_ms)
    office.send()
    door(office, "closed", began_ms + MIN_MS)
    office.wait(HOUR_MS)
    assert office.states() == {"door_open": "withdrawn"}
    assert [line for _, _, line in clears(office)] == ["It never was: that is what came late."]


def test_a_real_receiver_gets_the_call_and_then_the_all_clear(office: Office, tmp_path: Path) -> None:
    with closing(Hook()) as hook:
        files = {}
        for contact in ("nurse", "chief"):
            files[contact] = tmp_path / contact
            files[contact].write_text(hook.url)
        sender = Sender(office.change, Post(files), lambda: office.now_ms, random.Random(1))
        call(office)
        sender.step()
        cancel(office)
        for _ in range(3):
            sender.step()
        titles = [told["title"] for told in hook.told]
    assert titles == ["HELP is called: Van 1", "Over: HELP is called: Van 1"]


def test_a_call_is_never_told_below_the_title_of_one_that_is_over(office: Office) -> None:
    call(office)
    office.send()
    cancel(office)
    call(office, number=8)
    claimed = office.change(lambda ledger: notifications.claim(ledger, office.now_ms, 9))
    (letter,) = letters(claimed)
    assert letter.title == "HELP is called: Van 1 (+1)"
    assert letter.body.index("was pressed") < letter.body.index("Over: ")


def test_a_message_from_before_there_were_all_clears_is_none(tmp_path: Path) -> None:
    own = next(at for at, step in enumerate(LEDGER_STEPS) if "ADD COLUMN is_over" in step)
    path = tmp_path / "store.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        advance(old, "ledger", LEDGER_STEPS[:own])
        old.execute(
            "INSERT INTO notification"
            " (key, alert, contact, title, body, made_ms, due_ms, state, attempts, error)"
            " VALUES ('1/nurse', 1, 'nurse', '', '', 0, 0, 'sent', 1, '')"
        )
    with closing(open_store(path)) as ledger:
        assert notifications.who_heard(ledger, 1) == ["nurse"]
        assert not notifications.is_all_clear_given(ledger, 1)
