"""What the demo says of itself each second: pure functions from the service's answers to one line."""

from __future__ import annotations

import datetime
import re
import statistics
from dataclasses import dataclass
from typing import Any

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? ([0-9.eE+-]+)$", re.MULTILINE)
STORED = "ortoo_rows_stored_total"
LIVE = "ortoo_live_total"


@dataclass(frozen=True, slots=True)
class Figures:
    """The state of the line at one moment."""

    units: int
    online: int
    live: int  # live messages taken: each moved a marker to a newer fix
    stored_fixes: int  # fewer: the track is sent simplified, some minutes at a time
    stored_rows: int
    lag_s: float | None  # age of the newest position, the median of the units that are online
    outbox_rows: int


def total(metrics: str, name: str, label: str = "") -> int:
    """The sum of a counter, of all its labels or of one (`kind="fix"`)."""
    found = SAMPLE.findall(metrics)
    return int(sum(float(value) for named, labels, value in found if named == name and label in labels))


def figures(metrics: str, answer: dict[str, Any]) -> Figures:
    """The figures from `/metrics` and `/api/v1/units`; ages count in the time that the units live in."""
    now, units = datetime.datetime.fromisoformat(answer["now"]), answer["units"]
    online = [unit for unit in units if unit["connection"] == "online"]
    moments = [unit["sampled_at"] for unit in online if unit["sampled_at"] is not None]
    ages_s = [(now - datetime.datetime.fromisoformat(moment)).total_seconds() for moment in moments]
    return Figures(
        units=len(units),
        online=len(online),
        live=total(metrics, LIVE, 'outcome="taken"'),
        stored_fixes=total(metrics, STORED, 'kind="fix"'),
        stored_rows=total(metrics, STORED),
        lag_s=statistics.median(ages_s) if ages_s else None,
        outbox_rows=sum(unit["vitals"].get("outbox_rows") or 0 for unit in online),
    )


def line(now: Figures, fixes_per_s: float) -> str:
    """One line for a person."""
    lag = "-" if now.lag_s is None else f"{max(0.0, now.lag_s):.1f} s"
    return (
        f"{now.online}/{now.units} units online · {fixes_per_s:.0f} fixes/s · lag {lag} · "
        f"stored {now.stored_rows:,} ({now.stored_fixes:,} fixes) · outboxes {now.outbox_rows:,}"
    )
