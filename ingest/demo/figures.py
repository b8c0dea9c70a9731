"""What the demo says of itself each second: pure functions from the service's answers to one line."""

from __future__ import annotations

import datetime
import re
import statistics
from dataclasses import dataclass
from typing import Any

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? ([0-9.eE+-]+)$", re.MULTILINE)
STORED = "ortoo_rows_stored_total"


@dataclass(frozen=True, slots=True)
class Figures:
    """The state of the line at one moment."""

    units: int
    online: int
    stored_fixes: int
    stored_rows: int
    lag_s: float | None  # age of the newest position, the median of the units that are online
    outbox_rows: int


def stored(metrics: str, kind: str | None = None) -> int:
    """How many rows the service has committed, of one kind or of all."""
    total = 0.0
    for name, labels, value in SAMPLE.findall(metrics):
        if name == STORED and (kind is None or f'kind="{kind}"' in labels):
            total += float(value)
    return int(total)


def figures(metrics: str, answer: dict[str, Any]) -> Figures:
    """The figures from `/metrics` and `/api/v1/units`; ages count in the time that the units live in."""
    now, units = datetime.datetime.fromisoformat(answer["now"]), answer["units"]
    online = [unit for unit in units if unit["connection"] == "online"]
    moments = [unit["sampled_at"] for unit in online if unit["sampled_at"] is not None]
    ages_s = [(now - datetime.datetime.fromisoformat(moment)).total_seconds() for moment in moments]
    return Figures(
        units=len(units),
        online=len(online),
        stored_fixes=stored(metrics, "fix"),
        stored_rows=stored(metrics),
        lag_s=statistics.median(ages_s) if ages_s else None,
        outbox_rows=sum(unit["vitals"].get("outbox_rows") or 0 for unit in online),
    )


def line(now: Figures, fixes_per_s: float) -> str:
    """One line for a person."""
    lag = "-" if now.lag_s is None else f"{max(0.0, now.lag_s):.1f} s"
    return (
        f"{now.online}/{now.units} units online · {fixes_per_s:.1f} fixes/s stored · "
        f"{now.stored_rows:,} records stored · lag {lag} · {now.outbox_rows:,} in outboxes"
    )
