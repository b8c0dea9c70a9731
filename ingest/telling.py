"""Telling: who hears of an alert, when, and what the letter says.

In the transaction that finds out that somebody is to be told, the messages are written; the sender takes them
from there. Nobody is told while a unit or a site rests, while another alert says it all, or while a unit
still brings what it had kept and may say in the next breath that it is over. When nobody takes an alert in
time those at the next site up are told, and they are told who was.

A call for help goes through all of that: at once, or within a minute when it comes out of a gap.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ingest import all_clear
from ingest.alerts import contact, text
from ingest.alerts.rules import CALL_SETTLE_S, RANKS, RULES, STALE_CALL_S
from ingest.ledger import alert_list, alerts, maintenance, notifications, sites
from ingest.ledger.notifications import Draft
from ingest.ledger.spared import spared
from ingest.rulebook import rule_at

if TYPE_CHECKING:
    import sqlite3

    from ingest.alerts.contact import Contact
    from ingest.alerts.rules import OfSites, Rules
    from ingest.ledger.alerts import Subject, Telling

MOST_TOLD = 100  # in a step
AGAIN_MS = 300_000  # how often it is looked whether what holds a message back still does
MOST_SETTLE_MS = 3_600_000  # how long a unit that brings old records is waited for


class Manners(NamedTuple):
    """How people are told. `settle_ms`: a unit that was silent for so long has brought all that it had kept.

    `group_ms`: of one place nobody hears twice within it, but for what is worse.
    """

    contacts: tuple[Contact, ...] = ()
    settle_ms: int = 60_000
    group_ms: int = 900_000
    rules: Rules = RULES
    of_sites: OfSites = MappingProxyType({})


def tell(ledger: sqlite3.Connection, manners: Manners, now_ms: int) -> int:
    """Write the messages that are due; how many alerts were looked at."""
    due = alerts.to_tell(ledger, now_ms, MOST_TOLD)
    for telling in due:
        alerts.tell_at(ledger, telling.number, now_ms + AGAIN_MS)  # should it fail
        with spared(ledger, f"telling of alert {telling.number}"):
            if telling.is_over:
                all_clear.tell(ledger, manners.contacts, telling.number, now_ms)
            else:
                _tell(ledger, manners, telling, now_ms)
    late = alerts.to_escalate(ledger, now_ms, MOST_TOLD)
    for telling in late:
        alerts.escalate_at(ledger, telling.number, now_ms + AGAIN_MS)
        with spared(ledger, f"escalating alert {telling.number}"):
            _escalate(ledger, manners, telling, now_ms)
    return len(due) + len(late)


def _tell(ledger: sqlite3.Connection, manners: Manners, telling: Telling, now_ms: int) -> None:
    subject, is_call = _placed(ledger, telling), RULES[telling.rule].is_call
    if is_call and telling.found_ms - telling.seen_ms > STALE_CALL_S * 1000:
        alerts.tell_nobody(ledger, telling.number)
        return
    if not is_call and _is_held_back(ledger, telling, subject, now_ms):
        return
    again_ms = _settled_ms(ledger, manners, telling, subject.unit, now_ms)
    if again_ms > now_ms:
        alerts.tell_at(ledger, telling.number, again_ms)
        return
    _tell_level(ledger, manners, telling, subject, 0, now_ms)


def _placed(ledger: sqlite3.Connection, telling: Telling) -> Subject:
    """What it is about, where that belongs now."""
    subject = alerts.find_subject(ledger, telling.subject)
    if subject.unit is None:
        return subject
    return alerts.move_subject(ledger, subject, sites.of_source(ledger, subject.unit, subject.source))


def _is_held_back(ledger: sqlite3.Connection, telling: Telling, subject: Subject, now_ms: int) -> bool:
    rest = maintenance.found(ledger, subject.unit, subject.site, now_ms)
    if rest is not None:
        until_ms = now_ms + AGAIN_MS if rest.until_ms is None else min(rest.until_ms, now_ms + AGAIN_MS)
        alerts.hold_back(ledger, telling.number, until_ms, rest.state, None)
        return True
    other = alerts.open_of(ledger, RULES[telling.rule].explained_by, subject)
    if other is not None:
        alerts.hold_back(ledger, telling.number, now_ms + AGAIN_MS, None, other)
    return other is not None


def _settled_ms(
    ledger: sqlite3.Connection, manners: Manners, telling: Telling, unit: str | None, now_ms: int
) -> int:
    """When to tell what was found late: when its unit has said all that it had kept."""
    rule = RULES[telling.rule]
    if telling.found_ms - telling.seen_ms <= rule.late_s * 1000:
        return now_ms
    row = ledger.execute(
        "SELECT MAX(moved_ms) FROM lane WHERE unit = ? AND lane = 'event'", (unit,)
    ).fetchone()
    news_ms = max(telling.found_ms, row[0] or 0)
    most_ms = CALL_SETTLE_S * 1000 if rule.is_call else MOST_SETTLE_MS
    return min(news_ms + manners.settle_ms, telling.found_ms + most_ms)


def _escalate(ledger: sqlite3.Connection, manners: Manners, telling: Telling, now_ms: int) -> None:
    subject = _placed(ledger, telling)
    is_call = RULES[telling.rule].is_call
    if not is_call and maintenance.found(ledger, subject.unit, subject.site, now_ms) is not None:
        alerts.escalate_at(ledger, telling.number, now_ms + AGAIN_MS)
        return
    _tell_level(ledger, manners, telling, subject, telling.level + 1, now_ms)


def _tell_level(
    ledger: sqlite3.Connection,
    manners: Manners,
    telling: Telling,
    subject: Subject,
    level: int,
    now_ms: int,
) -> None:
    rule = rule_at(ledger, manners.rules, manners.of_sites, telling.rule, subject.site)
    way_up = [] if subject.site is None else sites.ways_up(ledger, subject.site)
    levels = contact.levels(manners.contacts, way_up, rule.severity)
    if level >= len(levels):
        if level:
            alerts.told_nobody_else(ledger, telling.number)
        return
    drafts = [_draft(ledger, manners, telling, subject, one, now_ms) for one in levels[level]]
    notifications.put(ledger, drafts, now_ms, thing_of(subject))
    is_last = level + 1 >= len(levels) or rule.escalate_s is None
    latest_ms = max(draft.due_ms for draft in drafts)
    escalate_ms = None if is_last else latest_ms + (rule.escalate_s or 0) * 1000
    alerts.told(ledger, telling.number, now_ms, level, escalate_ms)
    what = "escalated" if level else "told"
    for step, some in (
        (what, [draft.contact for draft in drafts if draft.due_ms <= now_ms]),
        ("held_back", [draft.contact for draft in drafts if draft.due_ms > now_ms]),
    ):
        if some:
            alerts.add_step(ledger, telling.number, now_ms, step, None, ", ".join(some))


def thing_of(subject: Subject) -> str:
    """What belongs together: a site, else a unit."""
    return f"site {subject.site}" if subject.site is not None else f"unit {subject.unit}"


def _draft(
    ledger: sqlite3.Connection,
    manners: Manners,
    telling: Telling,
    subject: Subject,
    to: Contact,
    now_ms: int,
) -> Draft:
    severity = RULES[telling.rule].severity
    due_ms = contact.due_ms(to, severity, _after_others_ms(ledger, manners, telling, subject, to, now_ms))
    title, body = _letter(ledger, telling.number, to.language)
    key = all_clear.key_of(telling.number, to.name, alerts.lives(ledger, telling.number))
    return Draft(key, telling.number, to.name, title, body, due_ms)


def _after_others_ms(
    ledger: sqlite3.Connection,
    manners: Manners,
    telling: Telling,
    subject: Subject,
    to: Contact,
    now_ms: int,
) -> int:
    """Now, with what this contact is about to hear of the same thing, or a while after what it heard."""
    if RULES[telling.rule].is_call:
        return now_ms
    heard = notifications.heard_of(ledger, to.name, thing_of(subject), now_ms - manners.group_ms)
    as_bad_ms = [due_ms for rule, due_ms in heard if RANKS[rule] <= RANKS[telling.rule]]
    return max(
        (due_ms if due_ms >= now_ms else due_ms + manners.group_ms for due_ms in as_bad_ms), default=now_ms
    )


def _letter(ledger: sqlite3.Connection, number: int, language: str) -> tuple[str, str]:
    alert = alert_list.find(ledger, number)
    assert alert is not None  # noqa: S101 -- it was just read
    title, why, todo = text.worded(alert, language)
    values = text.values_of(alert, language)
    lines = [why, todo, text.said(language, "letter.since", values)]
    before = alert_list.told_to(ledger, [number])[number]
    if before:
        lines.append(text.said(language, "letter.escalated", {"contacts": ", ".join(before)}))
    lines.append(text.said(language, "letter.number", values))
    return title, "\n".join(lines)
