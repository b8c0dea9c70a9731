"""What rules saw of doors, faults and supplies: kept under its boot, so that a clock won later moves it.

A rule whose readings come all the time keeps a run of equal ones as one sample, its first and last moment.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from ingest.alerts.episode import Sample

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from ingest.alerts.episode import Numbers

_TRUTHS: dict[int, bool | None] = {0: False, 1: None, 2: True}  # the worse the higher
_RANKS = {truth: rank for rank, truth in _TRUTHS.items()}


class Stamp(NamedTuple):
    """When a sample was taken, by which clock of which boot, and when it was heard of."""

    at_ms: int
    boot: str
    seq: int
    clock: int
    mono_ms: int
    came_ms: int


def add(
    ledger: sqlite3.Connection,
    subject: int,
    is_true: bool | None,
    numbers: Numbers,
    stamp: Stamp,
    *,
    is_sampled: bool = False,
) -> bool:
    """Keep what a rule saw; False when it only goes on with what was seen.

    Of one moment of one boot the later counts, of several boots the worse.
    """
    rank = _RANKS[is_true]
    if is_sampled and _prolong(ledger, subject, rank, stamp):
        return False
    text = json.dumps(numbers, ensure_ascii=False, sort_keys=True)
    ledger.execute(
        "INSERT INTO alert_sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " rank = excluded.rank, numbers = excluded.numbers, boot = excluded.boot, seq = excluded.seq,"
        " clock = excluded.clock, mono_ms = excluded.mono_ms, came_ms = excluded.came_ms"
        " WHERE CASE WHEN excluded.boot = boot THEN excluded.seq >= seq ELSE excluded.rank > rank END",
        (subject, stamp.at_ms, stamp.at_ms, rank, text, *stamp[1:]),
    )
    return True


def note(
    ledger: sqlite3.Connection, subject: int, is_true: bool | None, numbers: Numbers, stamp: Stamp
) -> bool:
    """Keep what was seen unless the sample before says the same; whether it was kept."""
    row = ledger.execute(
        "SELECT rank FROM alert_sample WHERE subject = ? AND at_ms <= ? ORDER BY at_ms DESC LIMIT 1",
        (subject, stamp.at_ms),
    ).fetchone()
    is_new = row is None or row[0] != _RANKS[is_true]
    if is_new:
        add(ledger, subject, is_true, numbers, stamp)
    return is_new


def end_of_others(ledger: sqlite3.Connection, unit: str, rules: Sequence[str], stamp: Stamp) -> list[int]:
    """A boot began: what an earlier one had seen to hold is not known to hold any more. Returns of whom."""
    places = ", ".join("?" * len(rules))
    rows = ledger.execute(
        "SELECT number, rank, boot, MAX(at_ms) FROM alert_subject JOIN alert_sample ON subject = number"  # noqa: S608
        f" WHERE unit = ? AND rule IN ({places}) AND at_ms < ? GROUP BY number",
        (unit, *rules, stamp.at_ms),
    ).fetchall()
    ended = [number for number, rank, boot, _ in rows if rank == _RANKS[True] and boot != stamp.boot]
    for number in ended:
        add(ledger, number, False, {}, stamp)
    return ended


def _prolong(ledger: sqlite3.Connection, subject: int, rank: int, stamp: Stamp) -> bool:
    """Whether a sample only goes on with the run that it falls into; a run of another truth is parted."""
    row = ledger.execute(
        "SELECT at_ms, last_ms, rank, numbers, boot, seq, clock, mono_ms, came_ms FROM alert_sample"
        " WHERE subject = ? AND at_ms <= ? ORDER BY at_ms DESC LIMIT 1",
        (subject, stamp.at_ms),
    ).fetchone()
    if row is None or row[4] != stamp.boot:
        return False
    at_ms, last_ms, held_rank, numbers, boot, seq, clock, mono_ms, came_ms = row
    if held_rank == rank:
        ledger.execute(
            "UPDATE alert_sample SET last_ms = MAX(last_ms, ?), came_ms = MAX(came_ms, ?)"
            " WHERE subject = ? AND at_ms = ?",
            (stamp.at_ms, stamp.came_ms, subject, at_ms),
        )
        return True
    if last_ms > stamp.at_ms:
        ledger.execute(
            "UPDATE alert_sample SET last_ms = at_ms WHERE subject = ? AND at_ms = ?", (subject, at_ms)
        )
        rest = (last_ms, last_ms, held_rank, numbers, boot, seq, clock, mono_ms + last_ms - at_ms, came_ms)
        ledger.execute(
            "INSERT OR IGNORE INTO alert_sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (subject, *rest)
        )
    return False


class Newest(NamedTuple):
    """The newest moment that is known of, and when it was heard of."""

    at_ms: int
    came_ms: int


def samples(ledger: sqlite3.Connection, subject: int) -> list[Sample]:
    """What a rule saw of a subject, in order of time."""
    rows = ledger.execute(
        "SELECT at_ms, rank, numbers FROM alert_sample WHERE subject = ? ORDER BY at_ms", (subject,)
    )
    return [Sample(at_ms, _TRUTHS[rank], json.loads(numbers)) for at_ms, rank, numbers in rows]


def newest(ledger: sqlite3.Connection, subject: int) -> Newest | None:
    """The newest sample of a subject."""
    row = ledger.execute(
        "SELECT last_ms, came_ms FROM alert_sample WHERE subject = ? ORDER BY at_ms DESC LIMIT 1", (subject,)
    ).fetchone()
    return None if row is None else Newest(*row)


def forget(ledger: sqlite3.Connection, subject: int, before_ms: int) -> None:
    """Let go of samples before a moment, from which on the subject is judged."""
    ledger.execute("DELETE FROM alert_sample WHERE subject = ? AND at_ms < ?", (subject, before_ms))
    ledger.execute("UPDATE alert_subject SET from_ms = ? WHERE number = ?", (before_ms, subject))


def move(ledger: sqlite3.Connection, unit: str, boot: str, clock: int, boot_at_ms: int) -> list[int]:
    """A boot's clock was won: move what it had seen by a lesser one. Returns whose samples moved."""
    rows = ledger.execute(
        "SELECT subject, at_ms, last_ms, rank, numbers, seq, mono_ms, came_ms FROM alert_sample"
        " JOIN alert_subject ON alert_subject.number = subject"
        " WHERE unit = ? AND boot = ? AND clock < ?",
        (unit, boot, clock),
    ).fetchall()
    ledger.executemany("DELETE FROM alert_sample WHERE subject = ? AND at_ms = ?", [row[:2] for row in rows])
    for subject, at_ms, last_ms, rank, numbers, seq, mono_ms, came_ms in rows:
        moved_ms = boot_at_ms + mono_ms
        _put_moved(
            ledger,
            (
                subject,
                moved_ms,
                moved_ms + last_ms - at_ms,
                rank,
                numbers,
                boot,
                seq,
                clock,
                mono_ms,
                came_ms,
            ),
        )
    return sorted({row[0] for row in rows})


def _put_moved(ledger: sqlite3.Connection, row: Sequence[object]) -> None:
    ledger.execute(
        "INSERT INTO alert_sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " rank = excluded.rank, numbers = excluded.numbers, last_ms = MAX(last_ms, excluded.last_ms)"
        " WHERE excluded.rank > rank",
        row,
    )
