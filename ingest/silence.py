"""Silence: a unit that was not heard of for longer than it usually is, and a cabinet that its unit lost.

A unit in a valley is silent every day, and a parked one every night: that is no news. So each unit's silence
is held against its own: what happened three times within five weeks is usual. Silence is a matter of arrival,
the one thing here that is: it counts only while the broker had us, and what a unit brings later does not undo
it. A cabinet is silent when its unit's own readings went on and the cabinet's did not; both come in one lane,
in their order, so a backlog looks no different from the day itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.ledger import alert_looks, alert_samples, alert_silence, alerts, sites, units
from ingest.ledger.alert_looks import SUBJECT, Look
from ingest.ledger.alert_samples import Stamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
GAP_MS = 15 * MINUTE_MS  # shorter silence is not remembered
USUAL_TIMES = 3
NEW_MS = 7 * DAY_MS  # nobody knows yet what is usual for a unit
BEYOND = 1.5  # times what is usual
ROUNDS = 10  # of ten looks each cabinet is looked at in one


class Limits(NamedTuple):
    """For how long a unit may be silent: at least, at most, while it is new; and a cabinet beside it."""

    least_ms: int = 2 * HOUR_MS
    most_ms: int = 7 * DAY_MS
    new_ms: int = DAY_MS
    cabinet_ms: int = HOUR_MS

    def of_unit_ms(self, usual_ms: int, known_ms: int) -> int:
        """For how long a unit may be silent, from what is usual and how long it has been known."""
        if not usual_ms and known_ms < NEW_MS:
            return self.new_ms
        return round(min(max(BEYOND * usual_ms, self.least_ms), self.most_ms))


USUAL = Limits()


class Silence:
    """Of all units of one ledger; `listen` is called now and then."""

    def __init__(self, limits: Limits = USUAL) -> None:
        self._limits = limits
        self._heard_ms: dict[str, int] = {}
        self._listening_ms: int | None = None  # since when the broker had us without a break
        self._overdue: dict[str, int] | None = None  # and since when
        self._due_ms: dict[str, int] = {}  # when a unit that is not heard by then is overdue
        self._round = 0

    def listen(
        self, ledger: sqlite3.Connection, heard_ms: Mapping[str, int], now_ms: int, *, is_listening: bool
    ) -> None:
        """Note who is silent for too long, and who is heard again, by when each was last heard."""
        if self._overdue is None:
            self._overdue = alert_silence.overdue(ledger)
        if not is_listening:
            self._listening_ms = None
            return
        if self._listening_ms is None:
            self._listening_ms = now_ms
            self._due_ms.clear()
        for unit, last_ms in heard_ms.items():
            self._hear(ledger, unit, last_ms, now_ms)
        self._round = (self._round + 1) % ROUNDS
        self._listen_to_cabinets(ledger, sorted(heard_ms)[self._round :: ROUNDS], now_ms)

    def _hear(self, ledger: sqlite3.Connection, unit: str, last_ms: int, now_ms: int) -> None:
        assert self._overdue is not None and self._listening_ms is not None  # noqa: S101, PT018 -- set above
        before_ms = self._heard_ms.get(unit, last_ms)
        self._heard_ms[unit] = last_ms
        if last_ms > before_ms:
            self._due_ms.pop(unit, None)
            if last_ms - before_ms >= GAP_MS and before_ms >= self._listening_ms:
                alert_silence.add_gap(ledger, unit, before_ms, last_ms)
        if unit not in self._overdue:
            self._judge(ledger, unit, last_ms, now_ms)
        elif last_ms >= self._overdue[unit]:
            self._note(ledger, "unit_overdue", unit, "", last_ms, now_ms, None)
            del self._overdue[unit]

    def _judge(self, ledger: sqlite3.Connection, unit: str, last_ms: int, now_ms: int) -> None:
        assert self._overdue is not None and self._listening_ms is not None  # noqa: S101, PT018 -- set above
        since_ms = max(last_ms, self._listening_ms)
        if now_ms < self._due_ms.get(unit, since_ms + min(self._limits.least_ms, self._limits.new_ms)):
            return
        known = units.find(ledger, unit)
        usual_ms = alert_silence.usual_ms(ledger, unit, now_ms, USUAL_TIMES)
        most_ms = self._limits.of_unit_ms(usual_ms, 0 if known is None else now_ms - known.first_seen_ms)
        self._due_ms[unit] = since_ms + most_ms
        if now_ms < since_ms + most_ms:
            return
        numbers = {
            "silent_s": (now_ms - last_ms) // 1000,
            "usual_s": usual_ms // 1000,
            "limit_s": most_ms // 1000,
        }
        self._note(ledger, "unit_overdue", unit, "", last_ms, now_ms, numbers)
        self._overdue[unit] = last_ms + 1

    def _listen_to_cabinets(self, ledger: sqlite3.Connection, some: Iterable[str], now_ms: int) -> None:
        for unit in some:
            for source, last_ms, unit_ms in alert_silence.probes(ledger, unit):
                limit_ms = self._limits.cabinet_ms
                if unit_ms - last_ms > limit_ms:
                    numbers = {"silent_s": (unit_ms - last_ms) // 1000, "limit_s": limit_ms // 1000}
                    self._note(ledger, "cabinet_silent", unit, source, last_ms, now_ms, numbers)
                elif alert_silence.is_open(ledger, "cabinet_silent", unit, source):
                    self._note(ledger, "cabinet_silent", unit, source, last_ms, now_ms, None)

    def _note(
        self,
        ledger: sqlite3.Connection,
        rule: str,
        unit: str,
        source: str,
        at_ms: int,
        now_ms: int,
        numbers: Mapping[str, int] | None,
    ) -> None:
        site = sites.of_source(ledger, unit, source)
        at_ms += numbers is not None  # it is silent from then on, not at that moment
        subject = alerts.subject(ledger, rule, unit, source, site)
        stamp = Stamp(at_ms, "", now_ms, 0, 0, now_ms)
        if alert_samples.note(ledger, subject.number, numbers is not None, numbers or {}, stamp):
            alert_looks.ask(ledger, [Look(SUBJECT, str(subject.number))])
