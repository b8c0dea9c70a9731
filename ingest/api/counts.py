"""What the API counts of itself, beside the service's own counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from ingest.api.hub import Hub


class Counts:
    """Refusals by code, open streams, and listeners that took nothing and were let go."""

    def __init__(self, registry: CollectorRegistry, hub: Hub) -> None:
        self._refusals = Counter(
            "ortoo_api_refusals", "Requests refused, by code", ["code"], registry=registry
        )
        self._slow = Counter(
            "ortoo_stream_let_go", "Listeners that took nothing for too long", registry=registry
        )
        streams = Gauge("ortoo_streams", "Open event streams", registry=registry)
        streams.set_function(lambda: hub.listeners)

    def refused(self, code: str) -> None:
        """Count a refusal."""
        self._refusals.labels(code).inc()

    def let_go(self) -> None:
        """Count a listener that was let go."""
        self._slow.inc()
