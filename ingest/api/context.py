"""What the API is given: where it reads, what it may change, and what time it is.

The API writes neither history nor ledger. Everything it shows comes from `Reader` and the live state, so
that a slow browser never holds the pipeline's writing connection; keys and sessions have a file of their
own, and what a person says of a unit is handed to the pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ingest.alerting import Terms
from ingest.alerts.news import AlertNews

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

    from ingest.alerts.contact import Contact
    from ingest.ledger.erasures import Erasure
    from ingest.reader import Reader


class LiveState(Protocol):
    """The newest state of every unit, each change under a higher revision."""

    def snapshot(self) -> tuple[int, list[dict[str, Any]]]:
        """The revision, and every unit."""

    def texts(self) -> tuple[int, list[bytes]]:
        """The revision, and every unit as JSON."""

    def changed_since(self, revision: int) -> tuple[int, list[bytes]]:
        """The revision, and as JSON the units that changed after the given one."""

    def find(self, unit: str) -> dict[str, Any] | None:
        """One unit, None when it was never heard of."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the service can do its work, and how far behind it is."""

    is_broker_connected: bool
    is_store_writable: bool
    lag_s: float = 0.0  # age of the oldest message that waits for its commit


@dataclass(frozen=True, slots=True)
class LibraryTerms:
    """The library's system by its kind, the key of cards, what units are told; `error` is why it waits."""

    kind: str = "none"
    card_key: bytes | None = None
    loan_days: int = 30
    renewals: int = 2
    error: Callable[[], str] = str


@dataclass(frozen=True, slots=True)
class FirmwareTerms:
    """Whose releases are taken; whether the broker has them all, and what it says against it.

    `look_again`: there is news of them.
    """

    keys: tuple[bytes, ...] = ()
    is_published: Callable[[], bool] = bool
    error: Callable[[], str] = str
    look_again: Callable[[], object] = bool


@dataclass(frozen=True, slots=True)
class Context:
    """Everything the API needs, joined by the service.

    `access` is `ledger.files.open_access`. `register_unit(unit, name, capabilities)` returns when the ledger
    and the live state have it, and is False for a unit never heard of. `erase_unit(unit, who)` returns when
    the unit's history is gone, and None for a unit never heard of. `change(work)` runs work on the one
    writing connection in a transaction of its own and returns what it returns; a second argument is how many
    seconds it may take. `send_command(unit, command)` hands a command to the broker and is False when there
    is no connection. All are called from any thread.
    `instance` is a word of this process's life: a revision of the live state means nothing to the next one.
    `alert_news` tells that alerts changed; `alert_terms` are the rules' numbers, `contacts` who is told.
    """

    reader: Reader
    live: LiveState
    access: sqlite3.Connection
    register_unit: Callable[[str, str | None, list[str]], bool]
    erase_unit: Callable[[str, str], Erasure | None]
    change: Callable[..., Any]
    send_command: Callable[[str, dict[str, Any]], bool]
    readiness: Callable[[], Readiness]
    registry: CollectorRegistry
    now_ms: Callable[[], int]
    instance: str
    alert_news: AlertNews = field(default_factory=AlertNews)
    alert_terms: Terms = field(default_factory=Terms)
    contacts: tuple[Contact, ...] = ()
    library: LibraryTerms = LibraryTerms()
    firmware: FirmwareTerms = FirmwareTerms()
    stale_after_s: int = 90
    gone_after_s: int = 604800
    tick_ms: int = 50
    session_s: int = 2592000
