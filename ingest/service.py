"""The service: joins broker, pipeline and API, and ends them in order.

The pipeline has a thread, paho has one, the API runs in the main one. If the pipeline ever fails in a way it
does not know, the whole service ends with an error and is to be started again: a thread must not die quietly.
"""

from __future__ import annotations

import logging
import random
import secrets
import signal
import socket
import sqlite3
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmware import wire
from ingest.alerting import Terms
from ingest.alerts.news import AlertNews
from ingest.api.app import create_app
from ingest.api.context import Context, LibraryTerms, Readiness
from ingest.api.server import ApiServer, BindError, check_bind
from ingest.books.card import load_key
from ingest.books.factory import library_of
from ingest.books.synchroniser import Synchroniser
from ingest.config import ConfigError, secret_of
from ingest.history.factory import histories
from ingest.intake import Intake
from ingest.ledger import alerts, circulation, conflicts, keys, notifications, sites, tellings
from ingest.ledger.files import StoreInUse, lock_store, open_access, open_store
from ingest.ledger.quarantine import Bounds
from ingest.ledger.schema import SchemaError
from ingest.live import Live
from ingest.metrics import Metrics
from ingest.notify import addressees
from ingest.notify.post import AddressError
from ingest.notify.sender import Sender
from ingest.pipeline import Limits, Pipeline
from ingest.reader import Reader
from ingest.subscriber import Subscriber
from ingest.telling import Manners
from ingest.watchman import Watchman

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.config import Settings
    from ingest.time_source import TimeSource

log = logging.getLogger(__name__)

SETTLE_S = 5.0  # a broker that refuses says so by then
STOP_S = 1.5
LAST_LETTER_S = 10.0  # a letter under way is sent to its end, and written down
DAY_S = 86400


class CannotStart(RuntimeError):
    """Something is in the way; the text says what, and what helps."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises CannotStart with a sentence for people."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        detail = error.strerror or str(error)
        raise CannotStart(f"cannot listen on {host}:{port}: {detail}; choose another http.port") from None
    return listener


class Service:
    """Everything of one process."""

    def __init__(self, settings: Settings, time: TimeSource) -> None:
        """Take the files and the port; raises CannotStart."""
        self._settings = settings
        self._time = time
        self._stop = threading.Event()
        self._is_asked_to_end = threading.Event()
        path = Path(settings.store.path)
        try:
            self._lock = lock_store(path)
            self._access = open_access(path)
            check_bind(settings.http.host, keys.has_any(self._access))
            self._listener = listen(settings.http.host, settings.http.port)
            self._connection = open_store(path)
            self._histories = histories(settings)
            self._histories.prepare(self._connection)
            password = secret_of(settings.broker.password_file)
            post = addressees.post(settings.notify)
            card_key = load_key(settings.library.card_key_file)
            library = library_of(settings.library, time.mono_s)
        except (StoreInUse, SchemaError, BindError, ConfigError, AddressError) as error:
            raise CannotStart(str(error)) from None
        except (OSError, sqlite3.Error) as error:
            detail = getattr(error, "strerror", None) or error
            raise CannotStart(f"the store at {path} cannot be used: {detail}") from None
        self._reader = Reader(path, self._histories)
        self._intake = Intake()
        self._live = Live(settings.store.ahead_s * 1000)
        self._metrics = Metrics()
        self._alert_news = AlertNews()
        self._manners = _manners(settings)
        self._name_unknown_sites()
        self._subscriber = self._made_subscriber(password)
        self._pipeline = Pipeline(
            self._connection,
            self._intake,
            self._subscriber,
            self._live,
            self._metrics,
            time,
            _limits(settings),
            self._histories,
            Watchman(Terms(settings.alerts.expiring_days), self._manners),
            self._alert_news,
        )
        self._sender = Sender(
            self._pipeline.change,
            post,
            time.utc_ms,
            random.Random(),  # noqa: S311 - jitter
            self._alert_news.changed,
        )
        self._synchroniser: Synchroniser | None = None
        if library is not None:
            self._synchroniser = Synchroniser(self._pipeline.change, library, time.utc_ms, random.Random())  # noqa: S311
        self._server = ApiServer(create_app(self._context(card_key)), settings.http.host, settings.http.port)
        self._show_gauges()
        self._failure: BaseException | None = None

    def _made_subscriber(self, password: str | None) -> Subscriber:
        try:
            return Subscriber(self._settings.broker, password, self._intake, self._time.mono_s)
        except OSError as error:  # of a file with a certificate; ssl.SSLError is one, too
            raise CannotStart(f"broker: a certificate or key cannot be used: {error}") from None

    def _context(self, card_key: bytes | None) -> Context:
        live, library = self._settings.live, self._settings.library
        terms = LibraryTerms(library.kind, card_key, library.loan_days, library.renewals, self._library_error)
        return Context(
            reader=self._reader,
            live=self._live,
            access=self._access,
            register_unit=self._pipeline.register_unit,
            erase_unit=self._pipeline.erase_unit,
            change=self._pipeline.change,
            send_command=self._send_command,
            readiness=self._readiness,
            registry=self._metrics.registry,
            now_ms=self._time.utc_ms,
            instance=secrets.token_hex(4),
            alert_news=self._alert_news,
            contacts=self._manners.contacts,
            library=terms,
            stale_after_s=live.stale_after_s,
            gone_after_s=live.gone_after_s,
            tick_ms=live.tick_ms,
            session_s=self._settings.http.session_days * DAY_S,
        )

    def _send_command(self, unit: str, command: dict[str, Any]) -> bool:
        if not self._subscriber.is_connected:
            return False
        payload = wire.encode_json("command", command)
        return self._subscriber.publish(wire.topic(unit, "command"), payload)

    def _readiness(self) -> Readiness:
        return Readiness(self._subscriber.is_connected, self._pipeline.is_writable, self._pipeline.lag_s())

    def _show_gauges(self) -> None:
        show = self._metrics.show
        show("broker_connected", "1 while the broker has us", lambda: self._subscriber.is_connected)
        show("store_writable", "1 while the store takes records", lambda: self._pipeline.is_writable)
        show("waiting", "Messages that wait for their commit", lambda: self._intake.waiting)
        show("lag_seconds", "Age of the oldest of them", self._pipeline.lag_s)
        show("dropped", "Messages let go unacknowledged, to come again", lambda: self._intake.dropped)
        show("live_dropped", "Live messages that fell out unread", lambda: self._intake.dropped_live)
        show("units", "Units ever heard of", self._live.count)
        show("alerts_open", "Alerts that last", lambda: self._reader.look(alerts.open_count))
        for state in (circulation.WAITING, circulation.DEAD):
            show(f"library_{state}", _TELLINGS[state], partial(self._tellings, state))
        show("book_conflicts", "Conflicts of loans that wait for a person", self._conflicts)
        for state in (notifications.WAITING, notifications.UNCERTAIN, notifications.DEAD):
            show(f"notifications_{state}", _MESSAGES[state], partial(self._messages, state))

    def _library_error(self) -> str:
        return "" if self._synchroniser is None else self._synchroniser.error

    def _messages(self, state: str) -> int:
        return self._reader.look(notifications.unsent).get(state, 0)

    def _tellings(self, state: str) -> int:
        return self._reader.look(tellings.counts).get(state, 0)

    def _conflicts(self) -> int:
        return sum(self._reader.look(conflicts.count_open).values())

    def _name_unknown_sites(self) -> None:
        for contact in self._manners.contacts:
            if contact.site and sites.find(self._connection, contact.site) is None:
                log.warning(
                    "notify.contact %s: no site is called %s yet, so nobody is told of what is below it",
                    contact.name,
                    contact.site,
                )

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; 0 then, 1 when a part failed. Raises CannotStart."""
        # uvicorn ends by these signals and then raises them once more, for whoever had them before.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._ask_to_end())
        worker = threading.Thread(target=self._work, name="pipeline", daemon=True)
        senders = [
            threading.Thread(target=self._send, args=(name, run), name=name, daemon=True)
            for name, run in self._senders().items()
        ]
        try:
            self._join_broker()
            worker.start()
            for sender in senders:
                sender.start()
            log.info("serving on http://%s:%d", *self._listener.getsockname()[:2])
            self._server.run(sockets=[self._listener])
        finally:
            self._end(worker, senders)
        return 1 if self._failure is not None else 0

    def _ask_to_end(self) -> None:
        self._is_asked_to_end.set()
        self._server.should_exit = True

    def _join_broker(self) -> None:
        """Begin the session. A broker that is not there is waited for later, one that refuses is not."""
        self._subscriber.start()
        deadline_s = self._time.mono_s() + SETTLE_S
        while not self._subscriber.wait_settled(0.05) and self._time.mono_s() < deadline_s:
            self._subscriber.tend()
            if self._is_asked_to_end.is_set():
                break
        if self._subscriber.refusal is not None:
            raise CannotStart(self._subscriber.refusal)

    def _work(self) -> None:
        try:
            self._pipeline.run(self._stop)
        except BaseException as error:
            log.exception("the pipeline failed; the service ends, units keep their records")
            self._failure = error
            raise
        finally:
            self._server.should_exit = True

    def _senders(self) -> dict[str, Callable[[threading.Event], None]]:
        """Those who speak to the outside, which may be slow: a thread each."""
        found: dict[str, Callable[[threading.Event], None]] = {}
        if self._manners.contacts:
            found["sender"] = self._sender.run
        if self._synchroniser is not None:
            found["library"] = self._synchroniser.run
        return found

    def _send(self, name: str, run: Callable[[threading.Event], None]) -> None:
        try:
            run(self._is_asked_to_end)
        except BaseException as error:
            log.exception("the %s failed; the service ends", name)
            self._failure = error
            raise
        finally:
            self._server.should_exit = True

    def _end(self, worker: threading.Thread, senders: list[threading.Thread]) -> None:
        """Finish the letter and the group in hand, answer it, leave the broker, close the files."""
        self._is_asked_to_end.set()
        for sender in senders:
            if sender.is_alive():  # it writes down what it sent through the worker
                sender.join(LAST_LETTER_S)
        self._stop.set()
        self._intake.wake()
        if worker.is_alive():
            worker.join(STOP_S)
        self._subscriber.stop()
        self._reader.close()
        if not worker.is_alive():
            self._connection.close()
        self._histories.close()
        self._access.close()
        self._lock.close()


_TELLINGS = {
    circulation.WAITING: "Loans and returns that the library is to be told",
    circulation.DEAD: "Loans and returns that the library never took",
}
_MESSAGES = {
    notifications.WAITING: "Messages to people that are to be sent",
    notifications.UNCERTAIN: "Messages that may have gone out when the service ended",
    notifications.DEAD: "Messages that were given up",
}


def _manners(settings: Settings) -> Manners:
    notify = settings.notify
    return Manners(addressees.contacts(notify), notify.settle_s * 1000, notify.group_s * 1000)


def _limits(settings: Settings) -> Limits:
    store = settings.store
    return Limits(
        group_messages=store.group_messages,
        group_ms=store.group_ms,
        ahead_ms=store.ahead_s * 1000,
        quarantine=Bounds(store.quarantine_rows, store.quarantine_mib << 20),
        keep_days=settings.history.keep_days(),
    )
