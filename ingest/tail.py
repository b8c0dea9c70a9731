"""Batches as JSON lines, one record a line, for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from firmware import wire
from ingest.decode import decode
from ingest.instants import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.intake import Message


def lines(message: Message) -> Iterator[str]:
    """What a message says, or why it says nothing."""
    for entry in _entries(message):
        yield json.dumps(entry, ensure_ascii=False)


def _entries(message: Message) -> Iterator[dict[str, Any]]:
    try:
        unit, leaf = wire.parse_topic(message.topic)
        if leaf != "batch":
            yield {"unit": unit, leaf: wire.decode_json(leaf, message.payload)}
            return
        batch = decode(message.payload)
    except wire.WireError as error:
        yield {"topic": message.topic, "refused": error.code, "where": error.where, "detail": error.detail}
        return
    head = {"unit": unit, "lane": batch.lane, "epoch": batch.epoch, "boot": batch.boot}
    for group in batch.groups:
        for row in range(group.rows):
            yield head | _record(group, row)


def _record(group: wire.Group, row: int) -> dict[str, Any]:
    cells = {name: column[row] for name, column in group.columns.items()}
    clock = cells.pop("clock")
    time_ms, boot_at_ms = cells.pop("time_ms"), cells.pop("boot_at_ms")
    known = {"kind": group.kind, "source": group.source, "seq": cells.pop("seq"), "clock": wire.CLOCKS[clock]}
    when = {"time": iso(time_ms)} if clock else {}
    fields = wire.KINDS[group.kind].by_name
    values = {
        name: fields[name].words[value] if fields[name].words else value
        for name, value in cells.items()
        if value is not None
    }
    return known | when | {"mono_ms": time_ms - boot_at_ms} | values
