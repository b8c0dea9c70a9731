"""What the API is given: where it reads, what it may change, and what time it is.

The API never writes history. What little it changes in the ledger (sessions, a unit's name) goes through
`Changes`; everything it shows comes from `Reader` and the live state, so that a slow browser never holds
the pipeline's writing connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

    from ingest.reader import Reader


class LiveState(Protocol):
    """The newest state of every unit, each change under a higher revision."""

    def snapshot(self) -> tuple[int, list[dict[str, Any]]]:
        """The revision, and every unit."""

    def changed_since(self, revision: int) -> tuple[int, list[dict[str, Any]]]:
        """The revision, and the units that changed after the given one."""


class Changes(Protocol):
    """What the API changes in the ledger; each call is its own transaction, from any thread."""

    def add_session(self, token_hash: bytes, key_name: str, until_ms: int) -> None:
        """Keep a session, and drop those that are over."""

    def end_session(self, token_hash: bytes) -> None:
        """Forget a session; one that is unknown is no error."""

    def register_unit(self, unit: str, name: str | None, capabilities: list[str], now_ms: int) -> bool:
        """Name a unit and mark it registered; False when the ledger does not know it."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the service can do its work, and how far behind it is."""

    is_broker_connected: bool
    is_store_writable: bool
    lag_s: float = 0.0  # age of the oldest message that waits for its commit


@dataclass(frozen=True, slots=True)
class Context:
    """Everything the API needs, joined by the service.

    `send_command(unit, command)` hands a command to the broker and is False when there is no connection.
    `instance` is a word of this process's life: a revision of the live state means nothing to the next one.
    """

    reader: Reader
    live: LiveState
    changes: Changes
    send_command: Callable[[str, dict[str, Any]], bool]
    readiness: Callable[[], Readiness]
    registry: CollectorRegistry
    now_ms: Callable[[], int]
    instance: str
    stale_after_s: int = 90
    gone_after_s: int = 604800
    tick_ms: int = 50
    session_s: int = 2592000
