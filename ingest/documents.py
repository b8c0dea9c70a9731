"""The documents that are rendered from the code: `python -m ingest.documents` writes them anew.

A test holds them equal to the code, so whoever changes a kind is told to run this.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from firmware import wire
from ingest import asyncapi, proto

ROOT = Path(__file__).resolve().parents[1]


def field_tables() -> str:
    """wire.md: the kinds and their fields for people."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Kinds of record and their fields"
    yield ""
    yield "Rendered from [wire.py](wire.py), which explains the codings; do not edit. As a protobuf schema:"
    yield "[wire.proto](wire.proto). A field without *needed* may be absent, which is never the same as 0."
    yield ""
    yield "## Every record"
    yield ""
    yield from _table(wire.BASE)
    for name in wire.KINDS_IN_ORDER:
        kind = wire.KINDS[name]
        yield ""
        yield f"## `{name}`"
        yield ""
        yield f"Field {kind.number} of a batch, lane `{kind.lane}`, source `{kind.source}` if none is named."
        yield ""
        yield from _table(kind.fields)


def _table(fields: tuple[wire.Field, ...]) -> Iterator[str]:
    yield "| field | number | unit or words | range | coding | |"
    yield "|---|---|---|---|---|---|"
    for field in fields:
        unit = (
            " ".join(f"{number}\N{NO-BREAK SPACE}{word}" for number, word in enumerate(field.words))
            or field.unit
        )
        bounds = "" if field.words else f"{field.low} to {field.high}"
        if field.coding == wire.TEXT:
            unit, bounds = "text", f"at most {field.high} bytes"
        is_needed = "needed" if field.is_needed or field in wire.BASE else ""
        yield f"| `{field.name}` | {field.number} | {unit} | {bounds} | {field.coding} | {is_needed} |"


DOCUMENTS: dict[Path, Callable[[], str]] = {
    ROOT / "firmware" / "wire.proto": proto.text,
    ROOT / "firmware" / "wire.md": field_tables,
    ROOT / "ingest" / "api" / "asyncapi.json": asyncapi.text,
}

if __name__ == "__main__":
    for path, render in DOCUMENTS.items():
        path.write_text(render(), encoding="utf-8")
