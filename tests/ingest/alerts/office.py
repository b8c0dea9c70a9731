"""A ledger with a watchman and a clock that is moved by hand; records come as the pipeline gives them."""

import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from firmware import wire
from ingest import alerting
from ingest.alerting import Terms
from ingest.history.chunk import Chunk
from ingest.ledger import alert_list, bookkeeping, items, notifications, par_levels, sites, stock_import
from ingest.ledger.alert_list import Listed, Wanted
from ingest.ledger.files import open_store
from ingest.ledger.items import Item
from ingest.ledger.notifications import Notification
from ingest.ledger.par_levels import ParLevel
from ingest.ledger.sites import Site
from ingest.telling import Manners
from ingest.watchman import Watchman
from tests.ingest.made import BOOT_AT_MS, EPOCH, GNSS, NOW_MS, UNIT, A

T = TypeVar("T")


def furnish(ledger: sqlite3.Connection) -> None:
    """A county with a vehicle that carries an item."""
    items.put(ledger, Item("ors", names={"en": "ORS", "zh": "口服补液盐"}))
    sites.put(ledger, Site("county", level="county", name="County store"))
    sites.put(ledger, Site("sum", parent="county", level="township"))
    sites.put(ledger, Site("van", parent="sum", level="vehicle", unit=UNIT, name="Van 1"))
    par_levels.put(ledger, ParLevel("van", "ors", 10))
    stock_import.changed(ledger)


class Office:
    """`now_ms` is its clock; `tell` is a record of a unit, `work` what the watchman does by then."""

    def __init__(self, folder: Path, manners: Manners | None = None) -> None:
        self.manners = manners or Manners()
        self.ledger = open_store(folder / "ledger.sqlite3")
        self.ledger.execute("PRAGMA synchronous = OFF")
        self.now_ms = NOW_MS
        self.seq = 0
        self.boot = ""
        self.restart()

    def restart(self) -> None:
        self.watchman = Watchman(Terms(), self.manners)

    def change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self.ledger.execute("BEGIN")
        result = work(self.ledger)
        self.ledger.execute("COMMIT")
        return result

    def furnish(self) -> None:
        self.change(furnish)

    def tell(self, kind: str, at_ms: int, source: str = "", **values: Any) -> None:
        """A record that happened then and comes now."""
        self.take([self.chunk(kind, at_ms, source, **values)])

    def chunk(
        self,
        kind: str,
        at_ms: int,
        source: str = "",
        *,
        boot: str = A,
        boot_at_ms: int = BOOT_AT_MS,
        clock: int = GNSS,
        **values: Any,
    ) -> Chunk:
        self.seq += 1
        columns: dict[str, list[Any]] = {
            "seq": [self.seq],
            "time_ms": [at_ms],
            "boot_at_ms": [boot_at_ms],
            "clock": [clock],
        }
        for field in wire.KINDS[kind].fields:
            value = values.get(field.name)
            columns[field.name] = [
                field.words.index(value) if isinstance(value, str) and field.words else value
            ]
        group = wire.Group(kind, source or wire.KINDS[kind].source, columns)
        lane = wire.KINDS[kind].lane
        return Chunk(UNIT, EPOCH, lane, boot, self.seq - 1, group, b"", self.now_ms)

    def take(self, chunks: Iterable[Chunk]) -> None:
        """As a group does within the mark's transaction."""

        def work(ledger: sqlite3.Connection) -> None:
            for chunk in chunks:
                came = chunk._replace(received_ms=self.now_ms)
                if came.group.kind in bookkeeping.KINDS:
                    bookkeeping.take(ledger, [came])
                if came.boot != self.boot:
                    self.boot = came.boot
                    alerting.begin(ledger, [came])
                if came.group.kind in alerting.KINDS:
                    alerting.take(ledger, [came])

        self.change(work)

    def work(self) -> None:
        """Until nothing is due."""
        while self.watchman.is_due(self.ledger, self.now_ms):
            self.change(lambda ledger: self.watchman.step(ledger, self.now_ms))

    def wait(self, span_ms: int) -> None:
        self.now_ms += span_ms
        self.work()

    def send(self) -> None:
        """As a sender that reaches everybody."""

        def work(ledger: sqlite3.Connection) -> None:
            due = notifications.claim(ledger, self.now_ms, 1000)
            notifications.settle(ledger, [one.number for one in due], self.now_ms)

        self.change(work)

    def alerts(self, state: str = "all", rule: str | None = None) -> list[Listed]:
        return alert_list.listed(self.ledger, Wanted(state, rule=rule), 1000)

    def states(self) -> dict[str, str]:
        return {alert.rule: alert.state for alert in self.alerts()}

    def messages(self) -> list[Notification]:
        return [one for alert in self.alerts() for one in notifications.of_alert(self.ledger, alert.number)]
