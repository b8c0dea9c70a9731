"""Retention classes: what is kept together for the same time.

A kind belongs to the class that `OF_KIND` names, else to that of its lane, so that a new kind is never
without one. `long` holds no kind and is kept for ever: the summaries that outlive the rows, and the rows of a
unit that did not know the time, which count from its boot and would look as old as 1970. There cannot be more
classes: each is a database to InfluxDB 3 Core, which takes five.
"""

from __future__ import annotations

from firmware import wire

LONG = "long"
OF_LANE = {"track": "track", "sense": "climate", "event": "event"}
OF_KIND = {"health": "health"}
OF_ROWS = ("track", "climate", "health", "event")  # each with a setting of days
CLASSES = (*OF_ROWS, LONG)


def class_of(kind: str, clock: int | None = None) -> str:
    """The class of a kind's rows, of `clock` (a number of wire.CLOCKS; None: any that knows the time)."""
    if clock is not None and wire.CLOCKS[clock] == "none":
        return LONG
    return OF_KIND.get(kind) or OF_LANE[wire.KINDS[kind].lane]


def kinds_of(name: str) -> tuple[str, ...]:
    """The kinds whose rows are kept in a class, in the order of the wire."""
    return tuple(kind for kind in wire.KINDS_IN_ORDER if class_of(kind) == name)
