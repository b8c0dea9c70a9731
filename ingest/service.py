"""The service: joins broker, pipeline and API, and ends them in order.

The pipeline has a thread, paho has one, the API runs in the main one. If the pipeline ever fails in a way it
does not know, the whole service ends with an error and is to be started again: a thread must not die quietly.
"""

from __future__ import annotations

import logging
import random
import secrets
import signal
import threading
from typing import TYPE_CHECKING, Any

from firmware import wire
from ingest import gauges
from ingest.alerting import Terms
from ingest.alerts.news import AlertNews
from ingest.api.app import create_app
from ingest.api.context import Context, FirmwareTerms, LibraryTerms, Readiness
from ingest.api.server import ApiServer
from ingest.books.synchroniser import Synchroniser
from ingest.intake import Intake
from ingest.ledger import sites
from ingest.ledger.quarantine import Bounds
from ingest.live import Live
from ingest.metrics import Metrics
from ingest.notify import addressees
from ingest.notify.sender import Sender
from ingest.pipeline import Limits, Pipeline
from ingest.premises import CannotStart, taken
from ingest.reader import Reader
from ingest.releases.carrier import Carrier
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


class Service:
    """Everything of one process."""

    def __init__(self, settings: Settings, time: TimeSource) -> None:
        """Take the files and the port; raises CannotStart."""
        self._settings = settings
        self._time = time
        self._stop = threading.Event()
        self._is_asked_to_end = threading.Event()
        self._failure: BaseException | None = None
        self._premises = taken(settings, time.mono_s)
        self._reader = Reader(self._premises.path, self._premises.histories)
        self._intake = Intake()
        self._live = Live(settings.store.ahead_s * 1000)
        self._metrics = Metrics()
        self._alert_news = AlertNews()
        self._terms = Terms(
            settings.alerts.expiring_days, settings.alerts.to_rules(), settings.alerts.of_sites()
        )
        self._manners = _manners(settings, self._terms)
        self._name_unknown_sites()
        self._subscriber = self._made_subscriber()
        self._pipeline = self._made_pipeline()
        self._sender = self._made_sender()
        self._synchroniser = self._made_synchroniser()
        self._carrier = Carrier(self._reader, self._pipeline.change, self._subscriber, time.utc_ms)
        self._server = ApiServer(create_app(self._context()), settings.http.host, settings.http.port)
        gauges.show_line(self._metrics, self._subscriber, self._intake, self._pipeline)
        gauges.show_ledger(self._metrics, self._live, self._reader)

    def _made_subscriber(self) -> Subscriber:
        broker, password = self._settings.broker, self._premises.password
        try:
            return Subscriber(broker, password, self._intake, self._time.mono_s)
        except OSError as error:  # of a file with a certificate; ssl.SSLError is one, too
            raise CannotStart(f"broker: a certificate or key cannot be used: {error}") from None

    def _made_pipeline(self) -> Pipeline:
        return Pipeline(
            self._premises.connection,
            self._intake,
            self._subscriber,
            self._live,
            self._metrics,
            self._time,
            _limits(self._settings),
            self._premises.histories,
            Watchman(self._terms, self._manners, self._settings.alerts.silence.limits()),
            self._alert_news,
        )

    def _made_sender(self) -> Sender:
        jitter = random.Random()  # noqa: S311
        change, news = self._pipeline.change, self._alert_news.changed
        return Sender(change, self._premises.post, self._time.utc_ms, jitter, news)

    def _made_synchroniser(self) -> Synchroniser | None:
        library = self._premises.library
        if library is None:
            return None
        jitter = random.Random()  # noqa: S311
        return Synchroniser(self._pipeline.change, library, self._time.utc_ms, jitter)

    def _context(self) -> Context:
        live, library = self._settings.live, self._settings.library
        terms = LibraryTerms(
            library.kind, self._premises.card_key, library.loan_days, library.renewals, self._library_error
        )
        return Context(
            reader=self._reader,
            live=self._live,
            access=self._premises.access,
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
            alert_terms=self._terms,
            library=terms,
            firmware=FirmwareTerms(
                self._premises.release_keys,
                lambda: self._carrier.is_published,
                lambda: self._carrier.error,
                self._carrier.look_again,
            ),
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

    def _library_error(self) -> str:
        return "" if self._synchroniser is None else self._synchroniser.error

    def _name_unknown_sites(self) -> None:
        for contact in self._manners.contacts:
            if contact.site and sites.find(self._premises.connection, contact.site) is None:
                log.warning(
                    "notify.contact %s: no site is called %s yet, so nobody is told of what is below it",
                    contact.name,
                    contact.site,
                )
        for site in self._terms.of_sites:
            if sites.find(self._premises.connection, site) is None:
                log.warning("alerts.site %s: no site is called so yet, so its numbers are nobody's", site)

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; 0 then, 1 when a part failed. Raises CannotStart."""
        # uvicorn ends by these signals and then raises them once more, for whoever had them before.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._ask_to_end())
        worker = self._thread("pipeline", self._pipeline.run, self._stop)
        senders = [self._thread(name, run, self._is_asked_to_end) for name, run in self._senders().items()]
        try:
            self._join_broker()
            for thread in (worker, *senders):
                thread.start()
            log.info("serving on http://%s:%d", *self._premises.listener.getsockname()[:2])
            self._server.run(sockets=[self._premises.listener])
        finally:
            self._end(worker, senders)
        return 1 if self._failure is not None else 0

    def _thread(
        self, name: str, run: Callable[[threading.Event], None], stop: threading.Event
    ) -> threading.Thread:
        """A part that runs until `stop`; when it fails, or ends before, the service ends."""

        def work() -> None:
            try:
                run(stop)
            except BaseException as error:
                log.exception("the %s failed; the service ends, units keep their records", name)
                self._failure = error
                raise
            finally:
                self._server.should_exit = True

        return threading.Thread(target=work, name=name, daemon=True)

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

    def _senders(self) -> dict[str, Callable[[threading.Event], None]]:
        """Those who speak to the outside, which may be slow: a thread each."""
        found: dict[str, Callable[[threading.Event], None]] = {"releases": self._carrier.run}
        if self._manners.contacts:
            found["sender"] = self._sender.run
        if self._synchroniser is not None:
            found["library"] = self._synchroniser.run
        return found

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
            self._premises.connection.close()
        self._premises.leave()


def _manners(settings: Settings, terms: Terms) -> Manners:
    notify = settings.notify
    contacts = addressees.contacts(notify)
    return Manners(contacts, notify.settle_s * 1000, notify.group_s * 1000, terms.rules, terms.of_sites)


def _limits(settings: Settings) -> Limits:
    store = settings.store
    return Limits(
        group_messages=store.group_messages,
        group_ms=store.group_ms,
        ahead_ms=store.ahead_s * 1000,
        quarantine=Bounds(store.quarantine_rows, store.quarantine_mib << 20),
        keep_days=settings.history.keep_days(),
        supply=settings.alerts.supply.limits(),
    )
