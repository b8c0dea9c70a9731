"""A record as bytes, on flash and on the line to a Pi: its kind's number and the wire's group of one row."""

from firmware import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_KINDS = {wire.KINDS[name].number: name for name in wire.KINDS}


def row_of(kind: str, source: str, values: "dict[str, Any]", time: "tuple[int, int, str]") -> bytes:
    """The bytes of a record on flash and on the line to a Pi; WireError for one that could not be sent."""
    wire.check_values(kind, values)
    if not wire.is_source(source):
        raise wire.WireError("shape", kind + ".source", "not a name")
    columns: "dict[str, list[Any]]" = {
        "seq": [1],
        "time_ms": [time[0]],
        "boot_at_ms": [time[1]],
        "clock": [wire.CLOCKS.index(time[2])],
    }
    for field in wire.KINDS[kind].fields:
        columns[field.name] = [values.get(field.name)]
    return bytes((wire.KINDS[kind].number,)) + wire.encode_group(wire.Group(kind, source, columns), 0)


def group_of(data: bytes, seq: int) -> "wire.Group":
    """The record of such bytes as a group of one row; WireError when it is none."""
    kind = _KINDS.get(data[0]) if data else None
    if kind is None:
        raise wire.WireError("shape", "row", "no such kind")
    return wire.decode_group(kind, memoryview(data)[1:], seq - 1)


def time_of(data: bytes) -> "tuple[int, int, str]":
    """(time_ms, boot_at_ms, clock) of a row."""
    try:
        columns = group_of(data, 1).columns
    except wire.WireError:
        return 0, 0, "none"
    return columns["time_ms"][0], columns["boot_at_ms"][0], wire.CLOCKS[columns["clock"][0]]


def at_ms(data: bytes) -> int:
    """ms since its boot."""
    time_ms, boot_at_ms, _ = time_of(data)
    return time_ms - boot_at_ms
