"""Alerts as rows, and what has happened to each. They are never deleted: one that never was is withdrawn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from ingest.alerts.episode import Episode, fired_ms
from ingest.alerts.reconcile import Alert
from ingest.alerts.rules import ACT, RULES
from ingest.ledger import notifications

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from ingest.alerts.episode import Holds, Numbers, State

FIRING, PAST = "firing", "past"
_WAKING = [name for name, rule in RULES.items() if rule.severity == ACT]


class Subject(NamedTuple):
    """What a rule looks at. What is before `from_ms` is not judged any more."""

    number: int
    rule: str
    unit: str | None
    source: str
    site: str | None
    item: str | None
    lot: str | None
    part: str | None
    from_ms: int


_SUBJECT = "number, rule, unit, source, site, item, lot, part, from_ms"


def subject(
    ledger: sqlite3.Connection,
    rule: str,
    unit: str | None,
    source: str = "",
    site: str | None = None,
    item: str | None = None,
    lot: str | None = None,
    part: str | None = None,
) -> Subject:
    """The subject of these names, made when it is new; of a unit's, `site` is where it belongs now."""
    name = _name(unit, source, site, item, lot, part)
    row = ledger.execute(
        f"SELECT {_SUBJECT} FROM alert_subject WHERE rule = ? AND name = ?",  # noqa: S608
        (rule, name),
    ).fetchone()
    if row is not None and row[4] == site:
        return Subject(*row)
    row = ledger.execute(
        "INSERT INTO alert_subject (rule, name, unit, source, site, item, lot, part)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (rule, name) DO UPDATE SET site = excluded.site"
        " RETURNING number, rule, unit, source, site, item, lot, part, from_ms",
        (rule, name, unit, source, site, item, lot, part),
    ).fetchone()
    return Subject(*row)


def is_subject(ledger: sqlite3.Connection, rule: str, unit: str, source: str, part: str) -> bool:
    """Whether that part of a unit's source was ever seen by the rule."""
    name = _name(unit, source, None, part)
    row = ledger.execute("SELECT 1 FROM alert_subject WHERE rule = ? AND name = ?", (rule, name)).fetchone()
    return row is not None


def subjects_of_pair(ledger: sqlite3.Connection, site: str, item: str) -> list[Subject]:
    """What was ever seen to hold of a site's item."""
    rows = ledger.execute(
        f"SELECT {_SUBJECT} FROM alert_subject WHERE site = ? AND item = ?",  # noqa: S608
        (site, item),
    )
    return [Subject(*row) for row in rows]


def _name(unit: str | None, source: str, site: str | None, *rest: str | None) -> str:
    place = f"site {site}" if unit is None else f"unit {unit}/{source}"
    return "/".join(word for word in (place, *rest) if word is not None)


def find_subject(ledger: sqlite3.Connection, number: int) -> Subject:
    """The subject of a number that was given out."""
    row = ledger.execute(f"SELECT {_SUBJECT} FROM alert_subject WHERE number = ?", (number,)).fetchone()  # noqa: S608
    return Subject(*row)


def move_subject(ledger: sqlite3.Connection, subject: Subject, site: str | None) -> Subject:
    """A unit's source belongs to this site now."""
    if subject.site != site:
        ledger.execute("UPDATE alert_subject SET site = ? WHERE number = ?", (site, subject.number))
    return subject._replace(site=site)


def known(ledger: sqlite3.Connection, subject: Subject) -> list[Alert]:
    """The alerts of a subject that are still judged, in order of time."""
    rows = ledger.execute(
        "SELECT number, since_ms, fired_ms, over_ms, numbers FROM alert WHERE subject = ?"
        " AND state IN ('firing', 'resolved', 'past') AND COALESCE(over_ms, ?2) >= ?2 ORDER BY since_ms",
        (subject.number, subject.from_ms),
    )
    return [
        Alert(number, Episode(since_ms, fired_ms, over_ms, json.loads(numbers)))
        for number, since_ms, fired_ms, over_ms, numbers in rows
    ]


def closures(ledger: sqlite3.Connection, subject: Subject) -> list[int]:
    """When people ended alerts of a subject."""
    rows = ledger.execute(
        "SELECT closed_ms FROM alert WHERE subject = ? AND closed_ms IS NOT NULL ORDER BY closed_ms",
        (subject.number,),
    )
    return [closed_ms for (closed_ms,) in rows]


def _text(numbers: Numbers) -> str:
    return json.dumps(numbers, ensure_ascii=False, sort_keys=True)


def add(ledger: sqlite3.Connection, subject: Subject, episode: Episode, seen_ms: int, now_ms: int) -> int:
    """Write an alert that nobody knew of, in place of the one that was about to be; its number."""
    state = FIRING if episode.over_ms is None else PAST
    row = ledger.execute(
        "SELECT number FROM alert WHERE subject = ? AND state = 'pending'", (subject.number,)
    ).fetchone()
    if row is not None:
        ledger.execute(
            "UPDATE alert SET state = ?, since_ms = ?, fired_ms = ?, over_ms = ?, numbers = ?, seen_ms = ?"
            " WHERE number = ?",
            (state, *episode[:3], _text(episode.numbers), seen_ms, row[0]),
        )
        number: int = row[0]
    else:
        number = ledger.execute(
            "INSERT INTO alert"
            " (subject, rule, state, since_ms, fired_ms, over_ms, numbers, found_ms, seen_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number",
            (
                *(subject.number, subject.rule, state, *episode[:3]),
                *(_text(episode.numbers), now_ms, seen_ms),
            ),
        ).fetchone()[0]
    add_step(ledger, number, now_ms, "found")
    return number


def change(ledger: sqlite3.Connection, alert: Alert, episode: Episode, now_ms: int) -> None:
    """It goes on, is over, or began at another time than was thought."""
    was_over, is_over = alert.episode.over_ms is not None, episode.over_ms is not None
    ledger.execute(
        "UPDATE alert SET state = CASE WHEN ?3 IS NULL THEN 'firing'"
        " WHEN ?3 <= found_ms AND told_ms IS NULL THEN 'past' ELSE 'resolved' END,"
        " since_ms = ?1, fired_ms = ?2, over_ms = ?3, numbers = ?4"
        " WHERE number = ?5",
        (*episode[:3], _text(episode.numbers), alert.number),
    )
    if is_over and not was_over:
        _fall_silent(ledger, alert.number, now_ms)
        _give_all_clear(ledger, alert.number, now_ms)
    elif was_over and not is_over:
        _take_all_clear_back(ledger, alert.number)
    if was_over != is_over:
        add_step(ledger, alert.number, now_ms, "ended" if is_over else "reopened")
    elif alert.episode[:3] != episode[:3]:
        add_step(ledger, alert.number, now_ms, "changed")


def withdraw(ledger: sqlite3.Connection, number: int, now_ms: int) -> None:
    """It never was."""
    ledger.execute("UPDATE alert SET state = 'withdrawn' WHERE number = ?", (number,))
    _fall_silent(ledger, number, now_ms)
    _give_all_clear(ledger, number, now_ms)
    add_step(ledger, number, now_ms, "withdrawn")


def note_seen(ledger: sqlite3.Connection, subject: Subject, seen_ms: int) -> None:
    """The newest reading that speaks of an open alert."""
    ledger.execute(
        "UPDATE alert SET seen_ms = ?1 WHERE subject = ?2 AND state = 'firing' AND seen_ms <> ?1",
        (seen_ms, subject.number),
    )


def set_pending(
    ledger: sqlite3.Connection, subject: Subject, state: State | None, holds: Holds, now_ms: int
) -> bool:
    """Show what will be an alert if it goes on, or that nothing will; whether that is news."""
    row = ledger.execute(
        "SELECT number, since_ms FROM alert WHERE subject = ? AND state = 'pending'", (subject.number,)
    ).fetchone()
    if state is None or state.is_firing:
        if row is not None:
            ledger.execute("DELETE FROM alert WHERE number = ?", (row[0],))
        return row is not None
    if row is not None:
        ledger.execute(
            "UPDATE alert SET since_ms = ?, fired_ms = ?, numbers = ?, seen_ms = ? WHERE number = ?",
            (state.since_ms, fired_ms(holds, state), _text(state.numbers), now_ms, row[0]),
        )
        return bool(row[1] != state.since_ms)
    ledger.execute(
        "INSERT INTO alert (subject, rule, state, since_ms, fired_ms, numbers, found_ms, seen_ms)"
        " VALUES (?, ?, 'pending', ?, ?, ?, ?, ?)",
        (
            *(subject.number, subject.rule, state.since_ms, fired_ms(holds, state)),
            *(_text(state.numbers), now_ms, now_ms),
        ),
    )
    return True


def _fall_silent(ledger: sqlite3.Connection, number: int, now_ms: int) -> None:
    """Nobody is to be told any more. Whom no message reached was not told, and may be, should it go on."""
    ledger.execute("UPDATE alert SET tell_ms = NULL, escalate_ms = NULL WHERE number = ?", (number,))
    if notifications.drop_waiting(ledger, number):
        add_step(ledger, number, now_ms, "unsent")
    ledger.execute(
        "UPDATE alert SET told_ms = NULL, level = 0 WHERE number = ?1"
        " AND NOT EXISTS (SELECT 1 FROM notification WHERE alert = ?1)",
        (number,),
    )


def _give_all_clear(ledger: sqlite3.Connection, number: int, now_ms: int) -> None:
    """Whoever was woken by it is to hear that it is over, see ingest/all_clear.py."""
    ledger.execute(
        f"UPDATE alert SET tell_ms = ? WHERE number = ? AND rule IN ({', '.join('?' * len(_WAKING))})"  # noqa: S608
        " AND EXISTS (SELECT 1 FROM notification WHERE alert = alert.number AND NOT is_over"
        " AND notification.state IN ('claimed', 'sent', 'uncertain'))",
        (now_ms, number, *_WAKING),
    )


def _take_all_clear_back(ledger: sqlite3.Connection, number: int) -> None:
    """It lasts after all: who heard that it is over is to be told anew, who did not is not to hear it."""
    ledger.execute("UPDATE alert SET tell_ms = NULL WHERE number = ?", (number,))
    notifications.drop_waiting(ledger, number)
    if notifications.is_all_clear_given(ledger, number):
        ledger.execute("UPDATE alert SET told_ms = NULL, level = 0 WHERE number = ?", (number,))


# --- what people do


def acknowledge(ledger: sqlite3.Connection, number: int, who: str, comment: str, now_ms: int) -> bool:
    """Somebody takes an open alert: nobody else is told. False when it is over."""
    taken = ledger.execute(
        "UPDATE alert SET acknowledged_ms = COALESCE(acknowledged_ms, ?), acknowledged_by ="
        " COALESCE(acknowledged_by, ?) WHERE number = ? AND state = 'firing'",
        (now_ms, who, number),
    ).rowcount
    if taken:
        _fall_silent(ledger, number, now_ms)
        add_step(ledger, number, now_ms, "acknowledged", who, comment)
    return taken > 0


def close(ledger: sqlite3.Connection, number: int, who: str, reason: str, now_ms: int) -> bool:
    """Somebody ends an open alert. False when it is over."""
    closed = ledger.execute(
        "UPDATE alert SET state = 'resolved', over_ms = MAX(?1, since_ms), closed_ms = ?1, closed_by = ?2"
        " WHERE number = ?3 AND state = 'firing'",
        (now_ms, who, number),
    ).rowcount
    if closed:
        _fall_silent(ledger, number, now_ms)
        _give_all_clear(ledger, number, now_ms)
        add_step(ledger, number, now_ms, "closed", who, reason)
    return closed > 0


def add_step(
    ledger: sqlite3.Connection, number: int, at_ms: int, what: str, who: str | None = None, text: str = ""
) -> None:
    """Keep what happened to an alert."""
    ledger.execute(
        "INSERT INTO alert_step (alert, at_ms, what, who, text) VALUES (?, ?, ?, ?, ?)",
        (number, at_ms, what, who, text),
    )


def newest_step(ledger: sqlite3.Connection, number: int, what: str) -> str | None:
    """What was said at the newest step of that kind."""
    row = ledger.execute(
        "SELECT text FROM alert_step WHERE alert = ? AND what = ? ORDER BY rowid DESC LIMIT 1", (number, what)
    ).fetchone()
    return None if row is None else str(row[0])


def lives(ledger: sqlite3.Connection, number: int) -> int:
    """How often it began again."""
    row = ledger.execute(
        "SELECT COUNT(*) FROM alert_step WHERE alert = ? AND what = 'reopened'", (number,)
    ).fetchone()
    return int(row[0])


# --- whom to tell, and when


class Telling(NamedTuple):
    """An alert that somebody is to be told of; `level` counts those who were, up the tree.

    One that is over is told of to those who heard of it.
    """

    number: int
    subject: int
    rule: str
    found_ms: int
    seen_ms: int
    level: int
    is_over: bool


_TELLING = "number, subject, rule, found_ms, seen_ms, level, state <> 'firing'"


def tell_at(ledger: sqlite3.Connection, number: int, tell_ms: int) -> None:
    """When somebody is to be told of it."""
    ledger.execute("UPDATE alert SET tell_ms = ? WHERE number = ?", (tell_ms, number))


def tell_nobody(ledger: sqlite3.Connection, number: int) -> None:
    """It is shown, and nobody is told."""
    ledger.execute("UPDATE alert SET tell_ms = NULL WHERE number = ?", (number,))


def tell_untold(ledger: sqlite3.Connection, number: int, tell_ms: int) -> None:
    """It turned out to last: somebody is to be told, unless somebody was or took it."""
    ledger.execute(
        "UPDATE alert SET tell_ms = COALESCE(tell_ms, ?) WHERE number = ? AND told_ms IS NULL"
        " AND acknowledged_ms IS NULL",
        (tell_ms, number),
    )


def to_tell(ledger: sqlite3.Connection, now_ms: int, most: int) -> list[Telling]:
    """Alerts of which somebody is to be told now."""
    rows = ledger.execute(
        f"SELECT {_TELLING} FROM alert WHERE tell_ms <= ? ORDER BY tell_ms, number LIMIT ?",  # noqa: S608
        (now_ms, most),
    )
    return [Telling(*row) for row in rows]


def to_escalate(ledger: sqlite3.Connection, now_ms: int, most: int) -> list[Telling]:
    """Alerts that nobody took in time."""
    rows = ledger.execute(
        f"SELECT {_TELLING} FROM alert WHERE escalate_ms <= ? ORDER BY escalate_ms, number LIMIT ?",  # noqa: S608
        (now_ms, most),
    )
    return [Telling(*row) for row in rows]


def hold_back(
    ledger: sqlite3.Connection,
    number: int,
    again_ms: int,
    suppressed_by: str | None,
    explained_by: int | None,
) -> None:
    """Nobody is told for now, and why; look again then."""
    ledger.execute(
        "UPDATE alert SET tell_ms = ?, suppressed_by = ?, explained_by = ? WHERE number = ?",
        (again_ms, suppressed_by, explained_by, number),
    )


def told(ledger: sqlite3.Connection, number: int, now_ms: int, level: int, escalate_ms: int | None) -> None:
    """Messages are written to all up to this level."""
    ledger.execute(
        "UPDATE alert SET tell_ms = NULL, told_ms = COALESCE(told_ms, ?), level = ?, escalate_ms = ?,"
        " suppressed_by = NULL, explained_by = NULL WHERE number = ?",
        (now_ms, level, escalate_ms, number),
    )


def told_nobody_else(ledger: sqlite3.Connection, number: int) -> None:
    """All are told who are to be."""
    ledger.execute("UPDATE alert SET escalate_ms = NULL WHERE number = ?", (number,))


def escalate_at(ledger: sqlite3.Connection, number: int, escalate_ms: int) -> None:
    """When the next ones are to be told."""
    ledger.execute("UPDATE alert SET escalate_ms = ? WHERE number = ?", (escalate_ms, number))


def open_of(ledger: sqlite3.Connection, rules: Sequence[str], subject: Subject) -> int | None:
    """The number of an open alert of one of these rules about the same thing, None when there is none."""
    if not rules:
        return None
    places = ", ".join("?" * len(rules))
    row = ledger.execute(
        "SELECT alert.number FROM alert JOIN alert_subject AS other ON other.number = alert.subject"  # noqa: S608
        f" WHERE alert.state = 'firing' AND alert.rule IN ({places}) AND other.unit IS ?"
        " AND other.item IS ? AND CASE WHEN ? IS NULL THEN other.site IS ? ELSE other.source = ? END"
        " ORDER BY alert.number LIMIT 1",
        (*rules, subject.unit, subject.item, subject.unit, subject.site, subject.source),
    ).fetchone()
    return None if row is None else int(row[0])


def open_count(ledger: sqlite3.Connection) -> int:
    """How many alerts last."""
    return int(ledger.execute("SELECT COUNT(*) FROM alert WHERE state = 'firing'").fetchone()[0])
