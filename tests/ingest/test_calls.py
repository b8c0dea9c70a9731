"""Calls for help: who is told when, what the letter says, and what the button learns of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware import wire
from ingest.alerts.contact import Contact
from ingest.alerts.rules import RULES
from ingest.alerts.text import values_of
from ingest.ledger import alert_list, alerts, help_calls, maintenance
from ingest.ledger.maintenance import Rest
from ingest.telling import Manners
from tests.ingest.alerts.office import Office, furnish
from tests.ingest.made import NOW_MS, UNIT, Desk, batch_of, birth, fixes, group

MIN_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
NURSE = Contact("nurse", "van", "en", ("act", "look"), (0, 24 * 60 - 1))  # sleeps all day
CHIEF = Contact("chief", "county", "zh", ("act", "look"))
EVERYBODY = Manners((NURSE, CHIEF), settle_ms=600_000, group_ms=900_000)
PLACE = {"lat_e7": 491_234_567, "lon_e7": 1_197_654_321, "fix_age_s": 61}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path, EVERYBODY)
    made.furnish()
    yield made
    made.ledger.close()


def call(office: Office, age_ms: int = 0, number: int = 7, **more: Any) -> None:
    office.tell("help", office.now_ms - age_ms, "node-help", event="called", call=number, **more)
    office.work()


def cancel(office: Office, number: int = 7) -> None:
    office.tell("help", office.now_ms, "node-help", event="cancelled", call=number, held_ms=10_000)
    office.work()


def told(office: Office) -> list[tuple[str, int]]:
    """Who is told, and how many ms from now."""
    return [(one.contact, one.due_ms - office.now_ms) for one in office.messages()]


def test_a_call_wakes_somebody_at_once_whatever_rests_and_goes_up_fast(office: Office) -> None:
    rest = Rest("site", "van", "maintenance", None, "in the workshop", "chief", NOW_MS)
    office.change(lambda ledger: maintenance.put(ledger, rest))
    office.tell("door", office.now_ms - 20 * MIN_MS, state="open")
    office.work()
    assert told(office) == []
    call(office, **PLACE)
    assert told(office) == [("nurse", 0)]
    (alert, *_) = office.alerts("open")
    assert alert.rule == "help_called", "first in the inbox"
    (message,) = office.messages()
    assert message.title == "HELP is called: Van 1"
    assert "Position then: 49.12346, 119.76543 (1 min old); newest: – (–)." in message.body
    office.wait(5 * MIN_MS)
    assert [contact for contact, _ in told(office)] == ["nurse", "chief"]


def test_each_call_is_told_however_soon_it_follows(office: Office) -> None:
    call(office)
    office.send()
    office.change(lambda ledger: alerts.acknowledge(ledger, office.alerts()[0].number, "chief", "", NOW_MS))
    office.wait(2 * MIN_MS)
    call(office, number=8)
    assert [contact for contact, _ in told(office)] == ["nurse", "nurse"]
    assert sorted(alert.state for alert in office.alerts()) == ["acknowledged", "firing"]


@pytest.mark.parametrize(
    ("age_ms", "after_ms", "title"),
    [
        (0, 0, "HELP is called: Van 1"),
        (9 * MIN_MS, 0, "HELP is called: Van 1"),
        (3 * HOUR_MS + 5 * MIN_MS, MIN_MS, "HELP was called 3:05 h ago: Van 1"),
        (6 * DAY_MS, MIN_MS, "HELP was called 144:00 h ago: Van 1"),
        (8 * DAY_MS, None, ""),
    ],
)
def test_a_call_out_of_a_gap_is_told_as_what_it_is(
    office: Office, age_ms: int, after_ms: int | None, title: str
) -> None:
    call(office, age_ms)
    assert [state for state in office.states().values()] == ["firing"], "it is shown, however old"
    if after_ms is None:
        office.wait(DAY_MS)
        assert told(office) == []
        return
    if after_ms:
        office.wait(after_ms - 1000)
        assert told(office) == []
        office.wait(1000)
    assert [contact for contact, _ in told(office)] == ["nurse"]
    assert [message.title for message in office.messages()] == [title]
    if age_ms > 10 * MIN_MS:
        assert "out of coverage, it came here only at 2026-11-21 17:00" in office.messages()[0].body


def test_one_that_was_taken_back_before_anybody_knew_wakes_nobody(office: Office) -> None:
    call(office, 3 * HOUR_MS)
    office.wait(20_000)
    cancel(office)
    office.wait(HOUR_MS)
    assert told(office) == []
    assert office.states() == {"help_called": "resolved"}
    both = (("called", 2 * HOUR_MS), ("cancelled", HOUR_MS))
    office.take([office.chunk("help", office.now_ms - age_ms, event=event, call=8) for event, age_ms in both])
    office.wait(HOUR_MS)
    assert told(office) == []
    assert sorted(alert.state for alert in office.alerts()) == ["past", "resolved"]


def test_only_who_calls_or_who_answers_ends_it(office: Office) -> None:
    call(office)
    office.wait(30 * DAY_MS)
    assert office.states() == {"help_called": "firing"}
    cancel(office)
    assert office.states() == {"help_called": "resolved"}


class Line(Desk):
    """A pipeline whose unit calls."""

    def call(self, seq: int, event: str = "called", **cells: Any) -> None:
        word = wire.KINDS["help"].by_name["event"].words.index(event)
        moment = {"time_ms": self.time.now_ms, **cells}
        self.send(wire.encode_batch(batch_of([group("help", [seq], "help", event=word, call=7, **moment)])))
        self.pass_ms(2_100)

    def pass_ms(self, span_ms: int) -> None:
        for _ in range(3):
            self.time.now_ms += span_ms // 3
            self.pipeline.step(self.stop)

    def said(self) -> list[str]:
        """What the button was told since."""
        found = [(message["id"], message["state"]) for topic, message in self.broker.commands]
        assert all(topic == f"ortoo/v1/{UNIT}/command" for topic, _ in self.broker.commands)
        assert all(id_ == f"help-7-{state}" for id_, state in found)
        self.broker.commands.clear()
        return [state for _, state in found]

    def act(self, work: Any) -> None:
        self.connection.execute("BEGIN")
        work(self.connection)
        self.connection.execute("COMMIT")
        self.pipeline._alerts._alert_news.changed()
        self.pass_ms(2_100)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path, manners=EVERYBODY)
    made.act(furnish)
    yield made
    made.connection.close()


def test_the_button_hears_that_it_was_heard_that_somebody_comes_and_that_it_is_over(line: Line) -> None:
    line.call(1)
    assert line.said() == ["heard"]
    line.pass_ms(HOUR_MS)
    assert line.said() == []
    line.act(lambda ledger: alerts.add_step(ledger, 1, line.time.now_ms, "commented", "chief", "we see you"))
    assert line.said() == ["coming"]
    line.act(lambda ledger: alerts.acknowledge(ledger, 1, "chief", "", line.time.now_ms))
    assert line.said() == []
    line.act(lambda ledger: alerts.close(ledger, 1, "chief", "all are safe", line.time.now_ms))
    assert line.said() == ["over"]
    steps = line.connection.execute("SELECT text FROM alert_step WHERE what = 'signalled'").fetchall()
    assert steps == [("heard",), ("coming",), ("over",)]


def test_nothing_is_told_as_told_that_the_broker_did_not_take(line: Line) -> None:
    line.broker.is_connected = False
    line.call(1)
    assert set(line.said()) == {"heard"}
    line.broker.is_connected = True
    line.pass_ms(6_000)
    assert line.said() == ["heard"]
    line.kill()
    line.pass_ms(6_000)
    assert line.said() == []


def test_a_unit_that_comes_back_is_told_again_of_its_last_call(line: Line) -> None:
    line.call(1)
    line.act(lambda ledger: alerts.acknowledge(ledger, 1, "chief", "", line.time.now_ms))
    assert line.said() == ["heard", "coming"]
    line.send(birth(2), leaf="birth")
    line.pass_ms(2_100)
    assert line.said() == ["coming"]
    line.call(2, "cancelled", held_ms=10_000)
    assert line.said() == ["over"]
    line.send(birth(3), leaf="birth")
    line.pass_ms(2_100)
    assert line.said() == ["over"]
    assert len(line.connection.execute("SELECT * FROM alert_step WHERE what = 'signalled'").fetchall()) == 3


def test_the_newest_position_stands_beside_the_one_of_the_call(line: Line) -> None:
    line.call(1, lat_e7=491_234_567, lon_e7=1_197_654_321, fix_age_s=0)
    line.send(fixes([1], lat_e7=492_000_000, time_ms=line.time.now_ms))
    line.pass_ms(1_000)
    alert = alert_list.find(line.connection, 1)
    assert alert is not None
    values = values_of(alert, "en")
    assert values["place"] == "49.12346, 119.76543"
    assert values["newest_place"] == "49.20000, 119.76580"
    assert str(values["newest_at"]).startswith("2026-11-21 17:0")


def test_the_words_of_the_answer_are_those_of_the_wire(line: Line) -> None:
    line.call(1)
    (due,) = line.connection.execute("SELECT state FROM help_told").fetchall()
    assert due[0] in wire.HELP_STATES
    assert all(f"'{state}'" in help_calls._DUE for state in wire.HELP_STATES)
    assert RULES["help_called"].severity == "act"
