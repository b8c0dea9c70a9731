"""Alerting: from what units and people said to alerts in the ledger.

Inside the transaction that moves a mark, what rules see in its records is kept, and what it concerns is put
on the list of looks. A look judges one thing anew from all that is known of it, at its own times, and writes
what came of that in one transaction with whom to tell. Looks are rows too, so a kill at any moment only
delays; and since a look starts from all that is known, it does not matter in which order that came.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from firmware import wire
from ingest import suspects
from ingest.alerts import cold, shelf, watch
from ingest.alerts.cold import Spell
from ingest.alerts.episode import Found, found
from ingest.alerts.reconcile import Change, Opened, Past, Withdrawn, changes
from ingest.alerts.rules import RULES
from ingest.alerts.watch import USUAL_SUPPLY
from ingest.history.chunk import CLOCK_NONE
from ingest.ledger import (
    alert_looks,
    alert_samples,
    alert_shelf,
    alerts,
    excursions,
    last_values,
    sites,
    stock_board,
)
from ingest.ledger.alert_looks import EXPOSED, PROBE, SHELF, SUBJECT, Look
from ingest.ledger.alert_samples import Newest, Stamp
from ingest.ledger.bookkeeping import said_in
from ingest.ledger.spared import spared
from ingest.rulebook import rule_at
from ingest.stock.entries import booked_time

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator

    from ingest.alerts.episode import Holds, Sample
    from ingest.alerts.rules import OfSites, Rules
    from ingest.alerts.watch import Supply
    from ingest.history.chunk import Chunk
    from ingest.ledger.alerts import Subject
    from ingest.ledger.excursions import Excursion
    from ingest.stock.entries import Said

KINDS = watch.KINDS | {"excursion", "clock_set"}
KEEP_MS = 45 * 86_400_000  # samples stay so long: more than a unit may bring late
EXPIRING_DAYS = 30
MOST_EXCURSIONS = 10_000  # of a unit, the newest
ASK_AGAIN_MS = 60_000  # whether a lost probe was heard again


# --- inside the transaction of a mark


def take(ledger: sqlite3.Connection, chunks: Iterable[Chunk], supply: Supply = USUAL_SUPPLY) -> None:
    """Keep what rules see in these records, and ask for what they concern to be judged."""
    for chunk in chunks:
        with spared(ledger, f"looking at {chunk.group.kind} of {chunk.unit} for alerts"):
            alert_looks.ask(ledger, set(_seen(ledger, chunk, supply)))


def _seen(ledger: sqlite3.Connection, chunk: Chunk, supply: Supply) -> Iterator[Look]:
    kind = chunk.group.kind
    if kind == "clock_set":
        yield from _corrected(ledger, chunk)
    elif kind == "excursion":
        yield from (Look(kind, chunk.unit, chunk.group.source) for kind in (PROBE, EXPOSED))
    else:
        for said in said_in(_turning(chunk, supply) if kind == "power" else chunk):
            yield from _noted(ledger, said, supply)


def _turning(chunk: Chunk, supply: Supply) -> Chunk:
    """Of readings that come all the time those that matter: of equal ones on end the first and the last."""
    columns = chunk.group.columns
    rows = watch.turns(columns, supply)
    if len(rows) == chunk.group.rows:
        return chunk
    picked = {name: [column[row] for row in rows] for name, column in columns.items()}
    return chunk._replace(group=wire.Group(chunk.group.kind, chunk.group.source, picked))


def begin(ledger: sqlite3.Connection, chunks: Iterable[Chunk]) -> None:
    """A boot spoke for the first time: what the one before it said of doors and faults is over with it.

    Who starts anew tells what is still so, within the keep time; what is not told again has gone meanwhile.
    """
    for chunk in chunks:
        columns = chunk.group.columns
        with spared(ledger, f"beginning a boot of {chunk.unit} for alerts"):
            looks = _begun(ledger, chunk, columns["clock"][0], columns["boot_at_ms"][0])
            alert_looks.ask(ledger, set(looks))


def _begun(ledger: sqlite3.Connection, chunk: Chunk, clock: int, boot_at_ms: int) -> Iterator[Look]:
    if clock == CLOCK_NONE:  # it will be known when the clock is won
        return
    stamp = Stamp(boot_at_ms, chunk.boot, 0, clock, 0, chunk.received_ms)
    for number in alert_samples.end_of_others(ledger, chunk.unit, watch.OF_A_BOOT, stamp):
        yield Look(SUBJECT, str(number))


def _corrected(ledger: sqlite3.Connection, chunk: Chunk) -> Iterator[Look]:
    columns = chunk.group.columns
    for clock, boot_at_ms in zip(columns["clock"], columns["boot_at_ms"], strict=True):
        for number in alert_samples.move(ledger, chunk.unit, chunk.boot, clock, boot_at_ms):
            yield Look(SUBJECT, str(number))
        yield from _begun(ledger, chunk, clock, boot_at_ms)
    for one in excursions.of_unit(ledger, chunk.unit, None, MOST_EXCURSIONS):
        yield from (Look(kind, chunk.unit, one.source) for kind in (PROBE, EXPOSED))


def _noted(ledger: sqlite3.Connection, said: Said, supply: Supply) -> Iterator[Look]:
    stamp = _stamp(ledger, said)
    site = sites.of_source(ledger, said.unit, said.source)
    for seen in watch.seen_in(said.kind, said.source, said.values, supply):
        subject = alerts.subject(ledger, seen.rule, said.unit, said.source, site, part=seen.part)
        if stamp.at_ms >= subject.from_ms:
            is_sampled = RULES[seen.rule].is_sampled
            is_new = alert_samples.add(
                ledger, subject.number, seen.is_true, seen.numbers, stamp, is_sampled=is_sampled
            )
            if is_new or seen.is_true:
                yield Look(SUBJECT, str(subject.number))


def _stamp(ledger: sqlite3.Connection, said: Said) -> Stamp:
    """When it was said, by the best clock that its boot has earned by now."""
    mono_ms, clock = said.time_ms - said.boot_at_ms, wire.CLOCKS.index(said.clock)
    row = ledger.execute(
        "SELECT clock, boot_at_ms FROM book_clock WHERE unit = ? AND boot = ?", (said.unit, said.boot)
    ).fetchone()
    time_ms = said.time_ms
    if row is not None and row[0] > clock:
        clock, time_ms = row[0], row[1] + mono_ms
    at_ms, _ = booked_time(time_ms, wire.CLOCKS[clock], said.learned_ms)
    return Stamp(at_ms, said.boot, said.seq, clock, mono_ms, said.learned_ms)


# --- looks


class Terms(NamedTuple):
    """What a county may set: how many days before its end a lot expires soon, and the rules' numbers.

    `of_sites`: what sites set otherwise.
    """

    expiring_days: int = EXPIRING_DAYS
    rules: Rules = RULES
    of_sites: OfSites = MappingProxyType({})

    def holds(self, ledger: sqlite3.Connection, subject: Subject) -> Holds:
        """How long its rule waits where it is."""
        return rule_at(ledger, self.rules, self.of_sites, subject.rule, subject.site).holds


class Outcome(NamedTuple):
    """What came of a look: when time alone changes something, and the rules of which alerts were found."""

    due_ms: int | None
    news: list[str]
    is_changed: bool


def judged(ledger: sqlite3.Connection, look: Look, now_ms: int, terms: Terms) -> Outcome:
    """Judge one thing anew."""
    return _JUDGES[look.kind](ledger, look, now_ms, terms)


def _judge_subject(ledger: sqlite3.Connection, look: Look, now_ms: int, terms: Terms) -> Outcome:
    subject = alerts.find_subject(ledger, int(look.one))
    newest = alert_samples.newest(ledger, subject.number)
    if newest is None:
        return Outcome(None, [], is_changed=False)
    some = alert_samples.samples(ledger, subject.number)
    holds = terms.holds(ledger, subject)
    outcome = _settled(ledger, subject, holds, some, newest, now_ms)
    _let_go(ledger, subject, holds, some, now_ms - KEEP_MS)
    return outcome


def _let_go(
    ledger: sqlite3.Connection, subject: Subject, holds: Holds, some: list[Sample], before_ms: int
) -> None:
    """Forget samples that are too old to be joined by late ones, up to a moment when nothing was going on."""
    quiet_ms = None
    if some[0].at_ms >= before_ms:
        return
    for at, sample in enumerate(some):
        if sample.at_ms >= before_ms:
            break
        if sample.is_true is False and found(holds, some[: at + 1], sample.at_ms).state is None:
            quiet_ms = sample.at_ms
    if quiet_ms is not None and quiet_ms > some[0].at_ms:
        alert_samples.forget(ledger, subject.number, quiet_ms)


def _judge_probe(ledger: sqlite3.Connection, look: Look, now_ms: int, terms: Terms) -> Outcome:
    known = excursions.of_unit(ledger, look.one, [look.other], MOST_EXCURSIONS)
    site = sites.of_source(ledger, look.one, look.other)
    heard_ms = _heard_within_ms(ledger, known)
    outcomes = []
    for direction, rule in cold.RULES.items():
        own = [one for one in known if one.direction == direction]
        some = cold.samples([_spell(one) for one in own], heard_ms)
        if some:
            newest = max((_newest_of(one) for one in own), default=Newest(0, 0))
            subject = alerts.subject(ledger, rule, look.one, look.other, site)
            outcomes.append(_settled(ledger, subject, terms.holds(ledger, subject), some, newest, now_ms))
            if some[-1].is_true is None:
                outcomes.append(Outcome(now_ms + ASK_AGAIN_MS, [], is_changed=False))
    return _joined(outcomes)


def _spell(one: Excursion) -> Spell:
    numbers = {name: getattr(one, name) for name in _EXCURSION_NUMBERS}
    return Spell(one.began_ms, one.ended_ms, one.state, numbers)


_EXCURSION_NUMBERS = (
    *("judgement", "comparator", "limit_cc", "limit_s", "outside_s", "lowest_cc", "highest_cc"),
    *("profile", "profile_version"),
)


def _newest_of(one: Excursion) -> Newest:
    """The last sample that its unit told of; of a sum of runs perhaps an earlier one."""
    last_ms = one.began_ms + one.outside_s * 1000 if one.ended_ms is None else one.ended_ms
    return Newest(last_ms, one.latest_ms)


def _heard_within_ms(ledger: sqlite3.Connection, known: list[Excursion]) -> int | None:
    """When the probe was last heard, if it was within all limits that it was lost beyond."""
    lost = [one for one in known if one.state == cold.LOST]
    if not lost:
        return None
    series = last_values.of_unit(ledger, lost[0].unit)
    value = next((one for one in series if (one.kind, one.source) == ("climate", lost[0].source)), None)
    temperature_cc = None if value is None else value.values["temperature_cc"]
    if value is None or temperature_cc is None:
        return None
    newest = max(lost, key=lambda one: (one.ended_ms or 0, one.number))
    is_out = cold.is_outside(newest.comparator, newest.limit_cc, temperature_cc)
    return None if is_out else value.time_ms


def _judge_shelf(ledger: sqlite3.Connection, look: Look, now_ms: int, terms: Terms) -> Outcome:
    site, item = look.one, look.other
    lines = stock_board.lines_of(ledger, site, item)
    facts = alert_shelf.facts(ledger, site, item, now_ms)
    expiries = alert_shelf.expiries(ledger, site, item)
    seen = shelf.seen(lines, facts, expiries, terms.expiring_days, now_ms)
    newest = Newest(*alert_shelf.newest_news(ledger, site, item))
    held = {(one.rule, one.lot): one for one in alerts.subjects_of_pair(ledger, site, item)}
    outcomes = [Outcome(seen.due_ms, [], is_changed=False)]
    for rule, lot in {key for key, some in seen.samples.items() if some} | set(held):
        subject = held.get((rule, lot)) or alerts.subject(ledger, rule, None, "", site, item, lot)
        some = seen.samples.get((rule, lot), [])
        outcomes.append(_settled(ledger, subject, terms.holds(ledger, subject), some, newest, now_ms))
    suspects.follow_book(ledger, site, item, now_ms)
    return _joined(outcomes)


def _judge_exposed(ledger: sqlite3.Connection, look: Look, now_ms: int, terms: Terms) -> Outcome:
    """The lots that lay where a probe is: an alert for each excursion that puts any under suspicion."""
    unit, source = look.one, look.other
    for pair in suspects.pairs_of_probe(ledger, unit, source):
        suspects.judge_pair(ledger, *pair, now_ms)
    site = sites.of_source(ledger, unit, source)
    stays = suspects.stays_at(ledger, unit, source, now_ms)
    outcomes = []
    for one in excursions.of_unit(ledger, unit, [source], suspects.MOST_EXCURSIONS):
        part = f"{one.epoch}:{one.number}"
        some = suspects.samples(ledger, one, stays)
        if some or alerts.is_subject(ledger, "quarantine", unit, source, part=part):
            subject = alerts.subject(ledger, "quarantine", unit, source, site, part=part)
            holds = terms.holds(ledger, subject)
            outcomes.append(_settled(ledger, subject, holds, some, _newest_of(one), now_ms))
    return _joined(outcomes)


_JUDGES: dict[str, Callable[[sqlite3.Connection, Look, int, Terms], Outcome]] = {
    SUBJECT: _judge_subject,
    PROBE: _judge_probe,
    SHELF: _judge_shelf,
    EXPOSED: _judge_exposed,
}


def _joined(outcomes: Iterable[Outcome]) -> Outcome:
    all_of = list(outcomes)
    due_ms = min((one.due_ms for one in all_of if one.due_ms is not None), default=None)
    news = [rule for one in all_of for rule in one.news]
    return Outcome(due_ms, news, is_changed=any(one.is_changed for one in all_of))


# --- what came of it


def _settled(
    ledger: sqlite3.Connection,
    subject: Subject,
    holds: Holds,
    some: list[Sample],
    newest: Newest,
    now_ms: int,
) -> Outcome:
    """Fold the samples of a subject and turn its alerts into what they say."""
    came = found(holds, some, now_ms, alerts.closures(ledger, subject))
    news = [
        is_new
        for change in changes(alerts.known(ledger, subject), came.all(holds))
        if (is_new := _written(ledger, subject, change, came, newest, now_ms)) is not None
    ]
    alerts.note_seen(ledger, subject, newest.at_ms)
    is_pending = alerts.set_pending(ledger, subject, came.state, holds, now_ms)
    return Outcome(came.due_ms(holds), [subject.rule] * sum(news), is_changed=bool(news) or is_pending)


def _written(
    ledger: sqlite3.Connection,
    subject: Subject,
    change: Change,
    came: Found,
    newest: Newest,
    now_ms: int,
) -> bool | None:
    """Write a change; whether it is a new alert, None when nothing is to be written yet.

    What was never told of and is on its way out may be over for all that anybody knows: it waits to be past.
    """
    if isinstance(change, Opened) and came.is_clearing:
        return None
    if isinstance(change, Opened | Past):
        number = alerts.add(ledger, subject, change.episode, newest.at_ms, now_ms)
        if isinstance(change, Opened):
            alerts.tell_at(ledger, number, now_ms)
        return True
    if isinstance(change, Withdrawn):
        alerts.withdraw(ledger, change.alert.number, now_ms)
        return False
    alerts.change(ledger, change.alert, change.episode, now_ms)
    if change.episode.over_ms is None and not came.is_clearing:
        alerts.tell_untold(ledger, change.alert.number, now_ms)
    return False
