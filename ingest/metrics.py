"""What is counted, by cause: for `/metrics`, and summed up in the ledger so that a restart hides nothing.

No unit is a label: a fleet would make thousands of series, and the whereabouts of one do not belong here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingest.ledger.counters import CounterKey

# name: (what its cause names, help)
COUNTERS = {
    "rows_stored": ("kind", "Records committed to the history"),
    "batches": ("verdict", "Batches by what became of them"),
    "refused": ("cause", "Payloads that could not be accepted and were set aside"),
    "refused_dropped": ("cause", "Payloads set aside that had to make room"),
    "rows_conflicting": ("lane", "Records that came with the identity of another one"),
    "rows_spoilt": ("kind", "Records that the history will never take, set aside"),
    "rows_gone": ("lane", "Records that a unit had lost before their turn came"),
    "rows_filled": ("lane", "Records below the mark that were missing here and came again"),
    "rows_ahead": ("kind", "Records that claim to be from the future"),
    "live": ("outcome", "Live messages by what became of them"),
    "births": ("state", "Births and wills"),
    "receipts": ("outcome", "Receipts handed to the broker"),
    "alerts": ("rule", "Alerts found, those that were over by then included"),
    "alert_looks": ("kind", "Times that something was judged for alerts"),
    "waits": ("cause", "Times that a group had to wait for the store"),
}


class Metrics:
    """The service's own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters = {
            name: Counter(f"ortoo_{name}", text, [label], registry=self.registry)
            for name, (label, text) in COUNTERS.items()
        }
        self.commit_s = Histogram(
            "ortoo_commit_seconds", "From taking a group of messages to its commit", registry=self.registry
        )

    def add(self, counts: Mapping[CounterKey, int]) -> None:
        """Count these more."""
        for (name, cause), count in counts.items():
            counter = self._counters.get(name)
            if counter is not None:  # a ledger may hold what another version counted
                counter.labels(cause).inc(count)

    def show(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A gauge that is read when asked for."""
        Gauge(f"ortoo_{name}", text, registry=self.registry).set_function(value)
