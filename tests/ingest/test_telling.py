"""From a batch to a mail and a webhook: real pipeline, store, sender, mail server, receiver, and kills."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from firmware import wire
from ingest.alerts.contact import Contact
from ingest.ledger import alert_list, notifications
from ingest.ledger.alert_list import Wanted
from ingest.notify.letter import Letter
from ingest.notify.post import Post, PostError
from ingest.notify.sender import Sender
from ingest.telling import Manners
from tests.fixtures.receivers import Hook, MailServer
from tests.ingest.alerts.office import Office, furnish
from tests.ingest.made import NOW_MS, Desk, batch_of, group

T = TypeVar("T")
MANNERS = Manners(
    (Contact("nurse", "van", "en", ("act", "look")), Contact("chief", "van", "zh", ("act", "look"))),
    settle_ms=60_000,
)


class Station(Desk):
    """A pipeline with a sender that may both be killed."""

    def __init__(self, folder: Path, mail_url: str, hook_url: str) -> None:
        self.files = {"nurse": folder / "nurse", "chief": folder / "chief"}
        for (name, path), url in zip(self.files.items(), (mail_url, hook_url), strict=True):
            path.write_text(f"# of {name}\n{url}\n")
        super().__init__(folder, manners=MANNERS)
        self.within(furnish)

    def open(self) -> None:
        super().open()
        self.sender = Sender(self.within, Post(self.files), self.time.utc_ms, random.Random(1))

    def within(self, change: Callable[[sqlite3.Connection], T]) -> T:
        self.connection.execute("BEGIN IMMEDIATE")
        result = change(self.connection)
        self.connection.execute("COMMIT")
        return result

    def pass_ms(self, span_ms: int, steps: int = 4) -> None:
        for _ in range(steps):
            self.time.now_ms += span_ms // steps
            self.pipeline.step(self.stop)

    def tell(self, kind: str, seq: int, **values: Any) -> None:
        words = wire.KINDS[kind].by_name
        cells: dict[str, Any] = {
            name: words[name].words.index(value) if name in words and words[name].words else value
            for name, value in values.items()
        }
        self.send(wire.encode_batch(batch_of([group(kind, [seq], **cells)])))

    def rules(self) -> dict[str, str]:
        found = alert_list.listed(self.connection, Wanted("all"), 100)
        return {alert.rule: alert.state for alert in found}

    def message_states(self) -> list[str]:
        return sorted(notifications.counts(self.connection))


@pytest.fixture
def mails(free_port: int) -> Iterator[MailServer]:
    made = MailServer(free_port)
    yield made
    made.close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


@pytest.fixture
def station(tmp_path: Path, mails: MailServer, hook: Hook) -> Iterator[Station]:
    made = Station(tmp_path, mails.url, hook.url)
    yield made
    made.connection.close()


def a_bad_day(station: Station) -> None:
    """Out of coverage stock ran low and the fridge was warm for 70 minutes; all of it comes now."""
    began_ms, hour_ms = NOW_MS - 10 * 3_600_000, 3_600_000
    station.tell("move", 1, time_ms=began_ms, move="receive", item="ors", lot="A", pieces=30)
    station.tell("move", 2, time_ms=began_ms + hour_ms, move="dispense", item="ors", lot="A", pieces=22)
    limit = {
        "direction": "high",
        "judgement": "single",
        "comparator": "above",
        "limit_cc": 800,
        "limit_s": 3600,
    }
    numbers = {"lowest_cc": 790, "highest_cc": 1170, "profile": "refrigerator", "profile_version": 1}
    for seq, state, ended_ago_ms, outside_s in ((3, "open", None, 3600), (4, "ended", 0, 4200)):
        station.tell(
            "excursion",
            seq,
            source="fridge",
            time_ms=began_ms + outside_s * 1000,
            number=1,
            state=state,
            began_ago_ms=outside_s * 1000,
            ended_ago_ms=ended_ago_ms,
            outside_s=outside_s,
            **limit,
            **numbers,
        )


def test_a_bad_day_makes_one_message_for_each_however_often_everything_is_killed(
    station: Station, mails: MailServer, hook: Hook
) -> None:
    a_bad_day(station)
    station.kill()
    station.pass_ms(2000)
    station.kill()
    assert station.rules()["low_stock"] == "firing"
    station.pass_ms(120_000)
    station.kill()  # decided and written, not yet claimed
    for _ in range(3):
        station.sender.step()
        station.kill()
    station.pass_ms(7_200_000)
    station.sender.step()
    assert station.rules() == {"overheating": "past", "low_stock": "firing"}
    assert [mail["subject"] for mail in mails.told] == ["Running low: ORS, Van 1"]
    assert [told["title"] for told in hook.told] == ["库存不足:口服补液盐,Van 1"]
    assert station.message_states() == ["sent"]
    (alert,) = alert_list.listed(station.connection, Wanted(rule="low_stock"), 10)
    assert alert.since_ms == NOW_MS - 9 * 3_600_000


def test_a_kill_between_claiming_and_sending_is_shown_and_not_made_good_by_a_second_message(
    station: Station, hook: Hook
) -> None:
    a_bad_day(station)
    station.pass_ms(120_000)
    station.within(lambda ledger: notifications.claim(ledger, station.time.now_ms, 10))
    station.kill()
    station.sender.step()
    assert hook.told == []
    assert station.message_states() == ["uncertain"]


class Killed(BaseException):
    """The process ends here."""


class Ledge:
    """A poster that may fall off: before it sends, after it sent, or not."""

    def __init__(self, dice: random.Random) -> None:
        self.sent: list[int] = []
        self._dice = dice

    def send(self, letter: Letter) -> None:
        fate = self._dice.choice(("before", "after", "fails", "well", "well"))
        if fate == "before":
            raise Killed
        if fate == "fails":
            raise PostError("no such host")
        self.sent += letter.numbers
        if fate == "after":
            raise Killed


@pytest.mark.parametrize("seed", range(4))
def test_no_message_goes_out_twice_however_often_the_sender_is_killed(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    office, ledge = Office(tmp_path, MANNERS), Ledge(dice)
    office.furnish()

    def sender() -> Sender:
        return Sender(office.change, ledge, lambda: office.now_ms, dice)

    at_work = sender()
    for number in range(60):
        fault = {"part": f"part-{number}", "code": "died", "state": "raised"}
        office.tell("fault", office.now_ms, "gnss", **fault)
        office.wait(dice.choice((1_000, 700_000)))
        try:
            at_work.step()
        except Killed:
            at_work = sender()
    states = notifications.counts(office.ledger)
    assert len(ledge.sent) == len(set(ledge.sent))
    assert set(ledge.sent) >= {one.number for one in office.messages() if one.state == "sent"}
    assert states["sent"] > 10
    assert states["uncertain"] > 0
    office.ledger.close()


def test_a_resend_of_everything_tells_nobody_again(station: Station, hook: Hook) -> None:
    a_bad_day(station)
    station.pass_ms(120_000)
    station.sender.step()
    a_bad_day(station)
    station.pass_ms(120_000)
    station.sender.step()
    assert len(hook.told) == 1
