"""What `/metrics` shows as it is at the moment it is asked: nothing here is counted up."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ingest.ledger import alerts, circulation, conflicts, notifications, tellings

if TYPE_CHECKING:
    from ingest.intake import Intake
    from ingest.live import Live
    from ingest.metrics import Metrics
    from ingest.pipeline import Pipeline
    from ingest.reader import Reader
    from ingest.subscriber import Subscriber

TELLINGS = {
    circulation.WAITING: "Loans and returns that the library is to be told",
    circulation.DEAD: "Loans and returns that the library never took",
}
MESSAGES = {
    notifications.WAITING: "Messages to people that are to be sent",
    notifications.UNCERTAIN: "Messages that may have gone out when the service ended",
    notifications.DEAD: "Messages that were given up",
}


def show_line(metrics: Metrics, subscriber: Subscriber, intake: Intake, pipeline: Pipeline) -> None:
    """From the broker to the store."""
    show = metrics.show
    show("broker_connected", "1 while the broker has us", lambda: subscriber.is_connected)
    show("store_writable", "1 while the store takes records", lambda: pipeline.is_writable)
    show("waiting", "Messages that wait for their commit", lambda: intake.waiting)
    show("lag_seconds", "Age of the oldest of them", pipeline.lag_s)
    show("dropped", "Messages let go unacknowledged, to come again", lambda: intake.dropped)
    show("live_dropped", "Live messages that fell out unread", lambda: intake.dropped_live)


def show_ledger(metrics: Metrics, live: Live, reader: Reader) -> None:
    """What waits for somebody."""
    show = metrics.show
    show("units", "Units ever heard of", live.count)
    show("alerts_open", "Alerts that last", lambda: reader.look(alerts.open_count))
    for state, text in TELLINGS.items():
        show(f"library_{state}", text, partial(_tellings, reader, state))
    show("book_conflicts", "Conflicts of loans that wait for a person", partial(_conflicts, reader))
    for state, text in MESSAGES.items():
        show(f"notifications_{state}", text, partial(_messages, reader, state))


def _tellings(reader: Reader, state: str) -> int:
    return reader.look(tellings.counts).get(state, 0)


def _conflicts(reader: Reader) -> int:
    return sum(reader.look(conflicts.count_open).values())


def _messages(reader: Reader, state: str) -> int:
    return reader.look(notifications.unsent).get(state, 0)
