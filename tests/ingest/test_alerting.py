"""From records to alerts, case by case and for any order of arrival, on a real ledger."""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.alerting import Terms
from ingest.alerts.contact import Contact
from ingest.alerts.rules import RULES, Numbers, OwnNumbers, with_numbers
from ingest.alerts.text import LANGUAGES, PARTS, texts, worded
from ingest.ledger import (
    alert_looks,
    alerts,
    book,
    maintenance,
    notifications,
    par_levels,
    sites,
    stock_import,
)
from ingest.ledger.alert_looks import Look
from ingest.ledger.maintenance import Rest
from ingest.ledger.par_levels import ParLevel
from ingest.ledger.schema import LEDGER_STEPS, advance
from ingest.ledger.sites import Site
from ingest.stock.days import begin_ms, day_of
from ingest.telling import Manners
from ingest.watchman import Watchman
from tests.ingest.alerts.office import Office
from tests.ingest.made import BOOT_AT_MS, NONE, NOW_MS, RTC, UNIT, B

MIN_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
NURSE = Contact("nurse", "van", "zh", ("act", "look"))
CHIEF = Contact("chief", "county", "en", ("act", "look"))
LAST = Contact("last", "", "en", ("act", "look"))
EVERYBODY = Manners((NURSE, CHIEF, LAST), settle_ms=60_000, group_ms=900_000)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path, EVERYBODY)
    made.furnish()
    yield made
    made.ledger.close()


def excursion(
    state: str, at_ms: int, began_ms: int, ended_ms: int | None = None, **more: Any
) -> dict[str, Any]:
    """The values of an excursion that is told at a moment."""
    until_ms = at_ms if ended_ms is None else ended_ms
    return {
        "number": 1,
        "state": state,
        "direction": "high",
        "judgement": "single",
        "comparator": "above",
        "limit_cc": 800,
        "limit_s": 3600,
        "outside_s": (until_ms - began_ms) // 1000,
        "lowest_cc": 810,
        "highest_cc": 1150,
        "profile": "refrigerator",
        "profile_version": 1,
        "began_ago_ms": at_ms - began_ms,
        "ended_ago_ms": None if ended_ms is None else at_ms - ended_ms,
        **more,
    }


def warm(office: Office, state: str, began_ms: int, ended_ms: int | None = None, **more: Any) -> None:
    at_ms = more.pop("at_ms", office.now_ms if ended_ms is None else ended_ms)
    office.tell("excursion", at_ms, "fridge", **excursion(state, at_ms, began_ms, ended_ms, **more))
    office.work()


def move(office: Office, kind: str, pieces: int, at_ms: int | None = None, **more: Any) -> None:
    values = {"move": kind, "item": "ors", "lot": "A", "pieces": pieces, **more}
    office.tell("move", office.now_ms if at_ms is None else at_ms, **values)
    office.work()


# --- what is found, and who hears of it


def test_a_warm_fridge_is_told_once_to_the_nearest_contact_and_ends(office: Office) -> None:
    began_ms = office.now_ms - HOUR_MS
    warm(office, "open", began_ms)
    (alert,) = office.alerts("open")
    assert (alert.rule, alert.since_ms, alert.site, alert.told_ms) == ("overheating", began_ms, "van", NOW_MS)
    (message,) = office.messages()
    assert (message.contact, message.title) == ("nurse", "温度过高:Van 1")
    assert "11.5 °C" in message.body
    office.send()
    office.wait(20 * MIN_MS)
    warm(office, "open", began_ms)
    ended_ms = office.now_ms
    warm(office, "ended", began_ms, ended_ms)
    office.wait(31 * MIN_MS)
    (alert,) = office.alerts()
    assert (alert.state, alert.over_ms) == ("resolved", ended_ms)
    assert [one.key for one in office.messages()] == ["1/nurse", "1/nurse/over"]


def test_what_is_found_late_and_over_is_past_and_wakes_nobody(office: Office) -> None:
    began_ms, ended_ms = office.now_ms - 9 * HOUR_MS, office.now_ms - 7 * HOUR_MS
    warm(office, "open", began_ms, at_ms=began_ms + HOUR_MS)
    warm(office, "ended", began_ms, ended_ms)
    office.wait(2 * HOUR_MS)
    (alert,) = office.alerts()
    assert (alert.state, alert.since_ms, alert.over_ms) == ("past", began_ms, ended_ms)
    assert office.messages() == []


def test_what_is_late_and_still_true_is_told_once_when_its_unit_has_said_all(office: Office) -> None:
    began_ms = office.now_ms - 9 * HOUR_MS
    warm(office, "open", began_ms, at_ms=began_ms + HOUR_MS)
    assert office.messages() == []
    office.wait(59_000)
    assert office.messages() == []
    office.wait(2_000)
    assert [one.contact for one in office.messages()] == ["nurse"]


def test_what_seemed_over_and_lasts_is_told_after_all(office: Office) -> None:
    open_ms = office.now_ms - 5 * HOUR_MS
    office.tell("door", open_ms, state="open")
    office.tell("door", open_ms + HOUR_MS, state="closed", open_ms=HOUR_MS)
    office.work()
    assert office.states() == {"door_open": "past"}
    office.tell("door", open_ms + HOUR_MS + 30_000, state="open")
    office.work()
    assert office.states() == {"door_open": "firing"}
    office.wait(2 * MIN_MS)
    assert [one.contact for one in office.messages()] == ["nurse"]


def test_what_ends_within_its_wait_is_no_alert(office: Office) -> None:
    office.tell("door", office.now_ms, state="open")
    office.work()
    assert office.states() == {"door_open": "pending"}
    office.wait(4 * MIN_MS)
    office.tell("door", office.now_ms, state="closed", open_ms=4 * MIN_MS)
    office.wait(10 * MIN_MS)
    assert office.states() == {}


def test_the_numbers_of_a_rule_may_be_set(office: Office) -> None:
    numbers = {"door_open": Numbers(10 * 60, 5 * 60, 20 * 60)}
    rules = with_numbers(numbers)
    office.watchman = Watchman(Terms(rules=rules), EVERYBODY._replace(rules=rules))
    office.tell("door", office.now_ms, state="open")
    office.wait(6 * MIN_MS)
    assert office.states() == {"door_open": "pending"}
    office.wait(4 * MIN_MS)
    assert [one.contact for one in office.messages()] == ["nurse"]
    office.send()
    office.wait(20 * MIN_MS)
    assert [one.contact for one in office.messages()] == ["nurse", "chief"]
    office.tell("door", office.now_ms, state="closed", open_ms=30 * MIN_MS)
    office.wait(4 * MIN_MS)
    assert office.states() == {"door_open": "firing"}
    office.wait(MIN_MS)
    assert office.states() == {"door_open": "resolved"}


def test_a_site_sets_numbers_for_itself_and_all_below_it_and_the_nearest_is_right(office: Office) -> None:
    of_sites = {
        "county": {"door_open": OwnNumbers(for_s=20 * 60, escalate_s=0)},
        "sum": {"door_open": OwnNumbers(for_s=60), "power_lost": OwnNumbers(keep_s=0)},
        "far": {"door_open": OwnNumbers(for_s=1)},
    }
    office.watchman = Watchman(Terms(of_sites=of_sites), EVERYBODY._replace(of_sites=of_sites))
    office.tell("door", office.now_ms, state="open")
    office.wait(30_000)
    assert office.states() == {"door_open": "pending"}
    office.wait(MIN_MS)
    assert [one.contact for one in office.messages()] == ["nurse"]
    office.wait(DAY_MS)  # the county goes no further up, and the township says nothing of that
    assert [one.contact for one in office.messages()] == ["nurse"]


def test_a_site_s_numbers_go_where_its_unit_goes(office: Office) -> None:
    of_sites = {"sum": {"door_open": OwnNumbers(for_s=60)}}
    office.watchman = Watchman(Terms(of_sites=of_sites), EVERYBODY._replace(of_sites=of_sites))
    office.change(
        lambda ledger: sites.put(ledger, Site("van", parent="county", level="vehicle", unit=UNIT, name="Van"))
    )
    office.tell("door", office.now_ms, state="open")
    office.wait(4 * MIN_MS)
    assert office.states() == {"door_open": "pending"}
    office.wait(2 * MIN_MS)
    assert office.states() == {"door_open": "firing"}


def test_a_shortage_is_told_and_restocking_ends_it(office: Office) -> None:
    move(office, "receive", 30)
    office.wait(HOUR_MS)
    move(office, "dispense", 22)
    (alert,) = office.alerts("open")
    assert (alert.rule, alert.item, alert.since_ms) == ("low_stock", "ors", office.now_ms)
    title, why, _ = worded(alert, "en")
    assert title == "Running low: ORS, Van 1"
    assert why.startswith("8 usable on 2026-11-21, 10 are the least there should be; 8 are there.")
    assert why.endswith("8 are there. How long that lasts is not known.")
    office.wait(HOUR_MS)
    move(office, "dispense", 8)
    assert office.states() == {"stock_out": "firing", "low_stock": "firing"}
    assert [(one.contact, one.title) for one in office.messages()] == [
        ("nurse", "缺货:口服补液盐,Van 1"),
        ("nurse", "库存不足:口服补液盐,Van 1"),
    ]
    office.wait(HOUR_MS)
    move(office, "receive", 50)
    office.wait(2 * HOUR_MS)
    assert office.states() == {"stock_out": "resolved", "low_stock": "resolved"}


def test_stock_that_nobody_asked_for_is_not_missed(office: Office) -> None:
    office.change(lambda ledger: par_levels.remove(ledger, "van", "ors"))
    move(office, "receive", 3)
    move(office, "dispense", 3)
    assert office.states() == {}


def test_a_level_that_is_raised_makes_a_shortage_from_then_on(office: Office) -> None:
    move(office, "receive", 30)
    office.wait(DAY_MS)

    def raise_level(ledger: Any) -> None:
        par_levels.put(ledger, ParLevel("van", "ors", 40))
        stock_import.changed(ledger)

    office.change(raise_level)
    office.work()
    (alert,) = office.alerts("open")
    assert (alert.rule, alert.since_ms) == ("low_stock", office.now_ms)


def test_lots_expire_by_the_calendar_alone(office: Office) -> None:
    today = day_of(office.now_ms)
    move(office, "receive", 30, expires_on=today + 40)
    assert office.states() == {}
    office.wait(begin_ms(today + 10) - office.now_ms)
    (alert,) = office.alerts("open")
    assert (alert.rule, alert.lot, alert.since_ms) == ("expiring", "A", begin_ms(today + 10))
    office.wait(begin_ms(today + 41) - office.now_ms)
    assert {rule: state for rule, state in office.states().items() if state == "firing"} == {
        "expired": "firing",
        "expired_only": "firing",
        "low_stock": "firing",
    }
    assert office.alerts(rule="expiring")[0].over_ms == begin_ms(today + 41)


def test_a_lost_probe_that_is_heard_again_within_its_limits_ends_the_alert(office: Office) -> None:
    began_ms, lost_ms = office.now_ms - 2 * HOUR_MS, office.now_ms - HOUR_MS
    warm(office, "lost", began_ms, lost_ms, at_ms=office.now_ms)
    assert office.states() == {"overheating": "firing"}
    office.wait(HOUR_MS)
    assert office.states() == {"overheating": "firing"}
    (alert,) = office.alerts()
    closed = office.change(
        lambda ledger: alerts.close(ledger, alert.number, "wang", "removed", office.now_ms)
    )
    assert closed
    office.wait(DAY_MS)
    assert office.states() == {"overheating": "resolved"}
    again_ms = office.now_ms - HOUR_MS
    warm(office, "open", again_ms, number=2)
    assert [alert.state for alert in office.alerts()] == ["firing", "resolved"]


def test_supplies_are_judged_by_what_is_there(office: Office) -> None:
    for minute in range(60):
        office.tell("power", office.now_ms, supply_mv=11_500 if minute < 40 else 13_800)
        office.wait(MIN_MS)
    assert office.states() == {"battery_low": "firing"}
    rows = office.ledger.execute("SELECT COUNT(*) FROM alert_sample").fetchone()[0]
    assert rows == 3, "a run of equal readings is one sample"
    office.wait(HOUR_MS)
    assert office.states() == {"battery_low": "resolved"}


# --- people


def test_nobody_took_it_so_the_next_ones_up_are_told_and_told_who_was(office: Office) -> None:
    warm(office, "open", office.now_ms - HOUR_MS)
    office.wait(61 * MIN_MS)
    office.wait(61 * MIN_MS)
    office.wait(DAY_MS)
    assert [one.contact for one in office.messages()] == ["nurse", "chief", "last"]
    assert "Told before you: nurse, chief." in office.messages()[2].body


def test_who_takes_it_spares_the_others(office: Office) -> None:
    warm(office, "open", office.now_ms - HOUR_MS)
    (alert,) = office.alerts("open")
    assert office.change(
        lambda ledger: alerts.acknowledge(ledger, alert.number, "wang", "on my way", office.now_ms)
    )
    office.wait(DAY_MS)
    assert [one.contact for one in office.messages()] in ([], ["nurse"])
    assert office.states() == {"overheating": "acknowledged"}


def test_what_rests_is_shown_and_told_when_the_rest_is_over(office: Office) -> None:
    rest = Rest("site", "sum", "maintenance", None, "new fridge", "wang", office.now_ms)
    office.change(lambda ledger: maintenance.put(ledger, rest))
    warm(office, "open", office.now_ms - HOUR_MS)
    office.wait(DAY_MS)
    (alert,) = office.alerts("open")
    assert (alert.suppressed_by, office.messages()) == ("maintenance", [])
    office.change(lambda ledger: maintenance.end(ledger, "site", "sum"))
    office.work()
    assert [one.contact for one in office.messages()] == ["nurse"]
    assert office.alerts("open")[0].suppressed_by is None


def test_one_cause_is_one_message(office: Office) -> None:
    fault = {"part": "fridge", "detail": "no temperature for 300 s", "state": "raised"}
    office.tell("fault", office.now_ms, "fridge", code="silent", **fault)
    office.tell("fault", office.now_ms, "fridge", code="no_reply", **fault)
    office.work()
    office.wait(HOUR_MS)
    assert office.states() == {"probe_silent": "firing", "probe_fault": "firing"}
    assert [one.title for one in office.messages()] == ["探头无信号:Van 1"]
    (explained,) = office.alerts(rule="probe_fault")
    assert explained.explained_by == office.alerts(rule="probe_silent")[0].number


def test_what_is_less_bad_waits_for_what_was_just_said_of_the_place(office: Office) -> None:
    warm(office, "open", office.now_ms - HOUR_MS)
    office.wait(5 * MIN_MS)
    move(office, "receive", 5)
    warm(office, "open", office.now_ms - HOUR_MS, number=2, direction="low", comparator="below")
    due = {one.title.split(":")[0]: one.due_ms - NOW_MS for one in office.messages()}
    assert due == {"温度过高": 0, "冻结危险": 5 * MIN_MS, "库存不足": 15 * MIN_MS}


def test_quiet_hours_let_only_what_is_urgent_through(tmp_path: Path) -> None:
    office = Office(tmp_path, Manners((NURSE._replace(quiet=(22 * 60, 6 * 60)),)))
    office.furnish()
    midnight_ms = begin_ms(day_of(NOW_MS) + 1)
    office.wait(midnight_ms - office.now_ms)
    move(office, "receive", 5)
    warm(office, "open", office.now_ms - HOUR_MS)
    due = {one.title.split(":")[0]: one.due_ms - midnight_ms for one in office.messages()}
    assert due == {"库存不足": 6 * HOUR_MS, "温度过高": 0}
    office.ledger.close()


# --- clocks


def test_a_clock_that_is_won_moves_what_was_seen_by_a_lesser_one(office: Office) -> None:
    mono_ms = 6 * HOUR_MS
    office.tell("door", mono_ms, state="open", clock=NONE, boot_at_ms=0)
    office.work()
    assert office.alerts("pending")[0].since_ms == office.now_ms
    office.tell("clock_set", BOOT_AT_MS + mono_ms + 1000, step_ms=0, was="none")
    office.work()
    (alert,) = office.alerts()
    assert (alert.state, alert.since_ms) == ("firing", BOOT_AT_MS + mono_ms)
    office.tell("door", mono_ms + HOUR_MS, state="closed", clock=RTC, boot_at_ms=0)
    office.work()
    (alert,) = office.alerts()
    assert (alert.state, alert.over_ms) == ("past", BOOT_AT_MS + mono_ms + HOUR_MS)


def test_a_fault_that_no_boot_clears_is_over_with_its_boot(office: Office) -> None:
    fault = {"part": "fridge", "code": "crc"}
    office.tell("fault", office.now_ms, "fridge", state="raised", **fault)
    office.tell("door", office.now_ms, state="open")
    office.work()
    office.wait(HOUR_MS)
    assert office.states() == {"probe_fault": "firing", "door_open": "firing"}
    boot: dict[str, Any] = {"boot": B, "boot_at_ms": office.now_ms}
    office.tell("power", office.now_ms + 2000, supply_mv=13_000, **boot)
    office.tell("fault", office.now_ms + 5000, "fridge", state="raised", **fault, **boot)
    office.wait(HOUR_MS)
    assert office.states() == {"probe_fault": "firing", "door_open": "resolved"}
    assert office.alerts(rule="door_open")[0].over_ms == boot["boot_at_ms"]
    assert len(office.alerts(rule="probe_fault")) == 1


# --- any order

STEP_MS = 7 * MIN_MS
Told = tuple[int, str, str, dict[str, Any]]  # when, which kind, of what, saying what


def day(choices: list[tuple[int, int]]) -> list[Told]:
    """A day's records in order of time; each choice is a kind of happening and how it goes on."""
    told: list[Told] = []
    door = fault = False
    for at, (what, how) in enumerate(choices):
        at_ms = NOW_MS + at * STEP_MS
        if what == 0:
            door = not door
            told.append((at_ms, "door", "door", {"state": "open" if door else "closed"}))
        elif what == 1:
            fault = not fault
            values = {"part": "fridge", "code": "crc", "state": "raised" if fault else "cleared"}
            told.append((at_ms, "fault", "fridge", values))
        elif what == 2:
            moved: dict[str, Any] = {
                "move": "dispense" if how % 2 else "receive",
                "item": "ors",
                "lot": "A",
                "pieces": 3 + how,
            }
            told.append((at_ms, "move", "cabinet", moved))
        else:
            began_ms = at_ms - HOUR_MS
            end_ms = at_ms + how * 10 * MIN_MS
            number: dict[str, Any] = {"number": at + 1, "direction": "low" if how % 2 else "high"}
            told.append((at_ms, "excursion", "fridge", excursion("open", at_ms, began_ms, **number)))
            over = excursion("ended", end_ms + 1, began_ms, end_ms, **number)
            told.append((end_ms + 1, "excursion", "fridge", over))
    return sorted(told, key=lambda one: one[0])


DAYS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=25).map(day)


def found(office: Office) -> list[tuple[Any, ...]]:
    """What came of it, without how anybody learned of it."""
    return sorted(
        (alert.rule, alert.source, alert.lot or "", alert.since_ms, alert.fired_ms, alert.over_ms or 0)
        for alert in office.alerts()
        if alert.state not in {"pending", "withdrawn"}
    )


def judge_anew(office: Office) -> None:
    """All that can be judged."""
    subjects = office.ledger.execute("SELECT DISTINCT subject FROM alert_sample").fetchall()
    own = [Look("subject", str(number)) for (number,) in subjects]
    looks = [*own, Look("shelf", "van", "ors"), Look("probe", UNIT, "fridge")]
    office.change(lambda ledger: alert_looks.ask(ledger, looks))
    office.work()


def rows(office: Office) -> list[tuple[Any, ...]]:
    """Every alert with all that happened to it."""
    steps = office.ledger.execute("SELECT alert, at_ms, what FROM alert_step ORDER BY number").fetchall()
    return [*office.ledger.execute("SELECT * FROM alert ORDER BY number").fetchall(), *steps]


def end_of(told: list[Told]) -> int:
    return max((at_ms for at_ms, *_ in told), default=NOW_MS) + 2 * DAY_MS


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(DAYS, st.randoms(use_true_random=False))
def test_a_day_that_comes_late_and_shuffled_gives_the_alerts_of_the_day_itself(
    tmp_path_factory: pytest.TempPathFactory, told: list[Told], dice: Any
) -> None:
    live, late = (Office(tmp_path_factory.mktemp("office"), EVERYBODY) for _ in range(2))
    for office in (live, late):
        office.furnish()
    for at_ms, kind, source, values in told:
        live.now_ms = max(live.now_ms, at_ms)
        live.work()
        live.tell(kind, at_ms, source, **values)
        live.work()
    live.wait(end_of(told) - live.now_ms)
    late.now_ms = end_of(told) - MIN_MS
    chunks = [late.chunk(kind, at_ms, source, **values) for at_ms, kind, source, values in told]
    dice.shuffle(chunks)
    for chunk in chunks:
        late.take([chunk])
        if dice.random() < 0.3:
            late.work()
        if dice.random() < 0.1:
            late.restart()
    late.wait(MIN_MS)
    assert found(late) == found(live)
    late.wait(DAY_MS)
    lasting = [alert for alert in late.alerts("open") if alert.since_ms < end_of(told)]
    told_of = {one.alert for one in late.messages() if one.contact == "nurse"}
    assert told_of == {alert.number for alert in lasting if alert.explained_by is None}
    for office in (live, late):
        before = rows(office)
        judge_anew(office)
        assert rows(office) == before
        office.ledger.close()


# --- words


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_has_its_words(language: str) -> None:
    wanted = {f"{rule}.{part}" for rule in RULES for part in PARTS}
    wanted |= {f"{name}.{part}_late" for name, rule in RULES.items() if rule.is_call for part in PARTS[:2]}
    wanted.add("low_stock.why_unknown_use")
    assert {key for key in texts(language) if not key.startswith("letter.")} == wanted
    assert set(texts(language)) == set(texts("en"))
    for key, text in texts(language).items():
        places = {word.split("}")[0] for word in text.split("{")[1:]}
        assert places == {word.split("}")[0] for word in texts("en")[key].split("{")[1:]}, key


def test_a_book_made_before_there_were_alerts_is_judged(office: Office) -> None:
    move(office, "receive", 5)
    state = book.state(office.ledger)
    office.change(lambda ledger: ledger.execute("DELETE FROM alert"))
    office.change(lambda ledger: ledger.execute("UPDATE alert_cursor SET revision = -1, entry = 0"))
    office.work()
    assert office.states() == {"low_stock": "firing"}
    assert book.state(office.ledger) == state
    assert json.loads(json.dumps(dict(office.alerts()[0].numbers)))["usable"] == 5


def test_a_file_from_before_there_were_alerts_is_brought_forward_and_judged(tmp_path: Path) -> None:
    own = next(at for at, step in enumerate(LEDGER_STEPS) if "CREATE TABLE alert_subject" in step)
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite3", isolation_level=None)) as old:
        advance(old, "ledger", LEDGER_STEPS[:own])
        old.execute("INSERT INTO site (site, level) VALUES ('van', 'vehicle')")
        old.execute("INSERT INTO par_level VALUES ('van', 'ors', 10, NULL, NULL)")
        old.execute(
            "INSERT INTO book (identity, site, item, lot, kind, quantity, time_ms, clock, learned_ms,"
            " said_ms, said_clock, boot_at_ms)"
            " VALUES ('1', 'van', 'ors', '', 'receive', 5, ?1, 'gnss', ?1, ?1, 4, 0)",
            (NOW_MS,),
        )
        old.execute(
            "INSERT INTO notification VALUES (1, 'k', 1, 'nurse', 'a', 'b', 0, 0, 'waiting', 0, NULL, '')"
        )
    office = Office(tmp_path, EVERYBODY)
    office.work()
    assert office.states() == {"low_stock": "firing"}
    assert notifications.unsent(office.ledger)["waiting"] >= 1
    office.ledger.close()


def test_a_look_that_breaks_harms_nothing_else(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.change(lambda ledger: alert_looks.ask(ledger, [Look("subject", "4711")]))
    with caplog.at_level(logging.ERROR):
        warm(office, "open", office.now_ms - HOUR_MS)
    assert office.states() == {"overheating": "firing"}
    assert "4711" in caplog.text
    assert len(caplog.records) == 1


def test_whoever_comes_to_be_responsible_is_told_of_what_lasts(tmp_path: Path) -> None:
    office = Office(tmp_path, EVERYBODY._replace(contacts=(NURSE,)))
    warm(office, "open", office.now_ms - HOUR_MS)
    office.wait(HOUR_MS)
    assert office.messages() == [], "the unit is no site yet"
    office.furnish()
    office.wait(10 * MIN_MS)
    assert [one.title for one in office.messages()] == ["温度过高:Van 1"]
    office.ledger.close()
