"""The batch as protobuf messages, described from `wire.KINDS`: as a descriptor and as the text of wire.proto.

Nothing is generated into the repository but the text. Scalars are uint64 and not uint32, because a uint32
would silently drop high bits that `wire.decode_batch` sees.
"""

from collections.abc import Iterator

from google.protobuf import descriptor_pb2

from firmware import wire

PACKAGE = "ortoo.v1"

_Proto = descriptor_pb2.FieldDescriptorProto
_OPTIONAL, _REPEATED = _Proto.LABEL_OPTIONAL, _Proto.LABEL_REPEATED

# name, type, type in the text
_HEADER_TYPES = {
    "version": (_Proto.TYPE_UINT64, "uint64"),
    "epoch": (_Proto.TYPE_BYTES, "bytes"),
    "lane": (_Proto.TYPE_UINT64, "uint64"),
    "prev": (_Proto.TYPE_UINT64, "uint64"),
    "boot": (_Proto.TYPE_BYTES, "bytes"),
    "prev_boot": (_Proto.TYPE_BYTES, "bytes"),
}

_HEADER_NOTES = {
    "version": f"{wire.VERSION}",
    "epoch": f"{wire.ID_BYTES} random bytes made with the outbox file",
    "lane": ", ".join(f"{number} {lane}" for number, lane in enumerate(wire.LANES)),
    "prev": "seq of the last row that still exists before the batch, 0: none",
    "boot": f"{wire.ID_BYTES} random bytes of the boot in which all records were made",
    "prev_boot": "boot of `prev` where it differs from `boot`",
}


def message_name(kind: str) -> str:
    """The protobuf message of a kind's groups: "clock_set" gives "ClockSet"."""
    return "".join(part.capitalize() for part in kind.split("_"))


def descriptor() -> descriptor_pb2.FileDescriptorProto:
    """The file that wire.proto is the text of, for a descriptor pool."""
    described = descriptor_pb2.FileDescriptorProto(name="ortoo/wire.proto", package=PACKAGE, syntax="proto3")
    batch = described.message_type.add(name="Batch")
    add_header(batch)
    for name in wire.KINDS_IN_ORDER:
        _add(
            batch, name, wire.KINDS[name].number, _Proto.TYPE_MESSAGE, _REPEATED
        ).type_name = f".{PACKAGE}.{message_name(name)}"
        _describe_group(described.message_type.add(name=message_name(name)), wire.KINDS[name])
    return described


def add_header(batch: descriptor_pb2.DescriptorProto) -> None:
    """Describe the fields of a batch that are not groups."""
    for number, name in enumerate(wire.HEADER, 1):
        _add(batch, name, number, _HEADER_TYPES[name][0], _OPTIONAL)


def _describe_group(group: descriptor_pb2.DescriptorProto, kind: wire.Kind) -> None:
    _add(group, "source", wire.SOURCE, _Proto.TYPE_STRING, _OPTIONAL)
    _add(group, "row_count", wire.ROWS, _Proto.TYPE_UINT64, _OPTIONAL)
    _add(group, "absent", wire.ABSENT, _Proto.TYPE_SINT64, _REPEATED)
    for field in wire.BASE + kind.fields:
        _add(group, field.name, field.number, _field_type(field), _REPEATED)


def _field_type(field: wire.Field) -> "_Proto.Type.ValueType":
    return _Proto.TYPE_STRING if field.coding == wire.TEXT else _Proto.TYPE_SINT64


def _add(
    message: descriptor_pb2.DescriptorProto,
    name: str,
    number: int,
    type_: "_Proto.Type.ValueType",
    label: "_Proto.Label.ValueType",
) -> descriptor_pb2.FieldDescriptorProto:
    return message.field.add(name=name, number=number, type=type_, label=label)


def text() -> str:
    """wire.proto."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "// Rendered from wire.py, which explains the coding of the columns; do not edit."
    yield 'syntax = "proto3";'
    yield f"package {PACKAGE};"
    yield ""
    yield "message Batch {"
    for number, name in enumerate(wire.HEADER, 1):
        yield f"  {_HEADER_TYPES[name][1]} {name} = {number};  // {_HEADER_NOTES[name]}"
    for name in wire.KINDS_IN_ORDER:
        kind = wire.KINDS[name]
        yield f"  repeated {message_name(name)} {name} = {kind.number};  // lane {kind.lane}"
    yield "}"
    for name in wire.KINDS_IN_ORDER:
        yield from _group_lines(name, wire.KINDS[name])


def _group_lines(name: str, kind: wire.Kind) -> Iterator[str]:
    yield ""
    yield f"// Records of kind {name} and one source: a column per field."
    yield f"message {message_name(name)} {{"
    yield f"  string source = {wire.SOURCE};  // empty: {kind.source}"
    yield f"  uint64 row_count = {wire.ROWS};"
    yield f"  repeated sint64 absent = {wire.ABSENT};  // field number, first row, rows; and so on"
    for field in wire.BASE + kind.fields:
        yield f"  repeated {_text_type(field)} {field.name} = {field.number};  // {_note(field)}"
    yield "}"


def _text_type(field: wire.Field) -> str:
    return "string" if field.coding == wire.TEXT else "sint64"


def _note(field: wire.Field) -> str:
    if field.coding == wire.TEXT:
        return f"at most {field.high} bytes"
    if field.words:
        return f"{field.coding}; " + ", ".join(f"{number} {word}" for number, word in enumerate(field.words))
    return f"{field.coding}; {field.unit}; {field.low} to {field.high}"
