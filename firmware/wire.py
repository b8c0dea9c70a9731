"""The wire: what a unit and the service say to each other, as bytes in and bytes out.

This file is the contract. It runs unchanged on CPython 3.11+ and on MicroPython, touches no socket and no
clock. Kinds of record are declared in kinds.py, and nowhere else: the unit encodes from `KINDS`, the service
builds its protobuf classes from it, and `wire.proto`, the AsyncAPI document and the history schema are
rendered from it.

A batch is plain protobuf. Records of one kind and source form a group; a group holds one packed sint64
column per field, as differences, in the manner of OpenStreetMap's PBF:

    coding   what is written for v0, v1, v2, ...
    STEP     v0-base-1, v1-v0-1, ...           (seq: consecutive numbers cost nothing)
    SECOND   v0, v1-v0, (v2-v1)-(v1-v0), ...   (time, latitude, longitude)
    DIFF     v0, v1-v0, v2-v1, ...             (most numbers)
    RARE     as DIFF, and each zero is followed by how many more zeros follow: 10 0 6 1 0 2 -1
             is 10 in 8 rows, 11 in 4, then 10 (what stays the same for a while)
    TEXT     the strings themselves

Zeros at the end of a column are left out, so what does not change costs nothing. A missing value is never
a zero: it is listed in `absent` as (field number, first row, rows), and the column goes on as predicted.
Groups stand in the order of their kinds' numbers, records in a group in order of seq.

A batch never spans two boots. With `clock` "none" the unit does not know the time: `time_ms` then counts
from its boot and `boot_at_ms` is 0; otherwise `time_ms` is UTC since 1970 and `time_ms - boot_at_ms` is the
monotonic instant of the record.
"""

import binascii
import json

try:
    import zlib
except ImportError:  # MicroPython: decompress only
    zlib = None  # type: ignore[assignment]

from firmware import late

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Values = dict[str, "int | str | None"]
    Columns = dict[str, list[Any]]

VERSION = 1

MAX_BATCH_BYTES = 65536  # what a broker is told to pass (max_packet_size)
_MAX_INFLATED_BYTES = 262144  # a bomb of 20 bytes may inflate to a gigabyte
MAX_ROWS = 1000
MAX_GROUPS = 64
MAX_FIELDS = 8192  # of one protobuf message: a bomb of 300 bytes may inflate to 130,000
MAX_TEXT_BYTES = 256
MAX_JSON_BYTES = 4096
MAX_RUNS = 32
MAX_CAPABILITIES = 16
_U31 = 2147483647
MAX_SEQ = 9007199254740991  # 2**53 - 1: exact in JSON everywhere
MAX_TIME_MS = 4102444800000  # 2100-01-01
ID_BYTES = 8  # epoch and boot: random

LANES = ("event", "sense", "track")
# How far the time of a record is to be trusted, in rising order.
CLOCKS = ("none", "estimated", "rtc", "ntp", "gnss")

STEP, SECOND, DIFF, RARE, TEXT = "step", "second", "diff", "rare", "text"


class WireError(ValueError):
    """What came cannot be accepted, and waiting will not help.

    `code` is the cause: not_protobuf, not_json, not_zlib, topic, version, missing, shape, range, too_large.
    `where` names the place, as "fix[3].lat_e7".
    """

    def __init__(self, code: str, where: str, detail: str) -> None:
        super().__init__("%s: %s: %s" % (code, where, detail))
        self.code = code
        self.where = where
        self.detail = detail


class Field:
    """One column: a scaled integer in `unit` between `low` and `high`, or a text of that many bytes.

    `words` names the values of an enumeration, counted from 0.
    """

    def __init__(
        self,
        name: str,
        number: int,
        unit: str,
        low: int,
        high: int,
        coding: str = DIFF,
        words: "tuple[str, ...]" = (),
        is_needed: bool = False,
    ) -> None:
        self.name = name
        self.number = number
        self.unit = unit
        self.low = low
        self.high = high
        self.coding = coding
        self.words = words
        self.is_needed = is_needed


class Kind:
    """One kind of record: its protobuf field in the batch, its only lane, its usual source, its fields.

    The fields are made when first asked for: a node speaks of few kinds, and a kind's fields cost kilobytes.
    """

    fields: "tuple[Field, ...]"
    by_name: "dict[str, Field]"
    by_number: "dict[int, Field]"

    def __init__(self, name: str, number: int, lane: str, source: str) -> None:
        self._name = name
        self.number = number
        self.lane = lane
        self.source = source

    def made(self) -> "tuple[Field, ...]":
        """Its fields, which nobody keeps."""
        from firmware import kinds

        limits = {"u31": _U31, "u53": MAX_SEQ, "time": MAX_TIME_MS, "text": MAX_TEXT_BYTES}
        found = [Field(*given) for given in kinds.fields(self._name, limits)]
        late.forget("kinds")
        return tuple(found)

    def __getattr__(self, name: str) -> "Any":
        """Called for what is not there yet; from then on it is."""
        if name == "fields":
            self.fields = self.made()
        elif name == "by_name":
            self.by_name = {field.name: field for field in self.fields}
        elif name == "by_number":
            self.by_number = {field.number: field for field in BASE + self.fields}
        else:
            raise AttributeError(name)
        return getattr(self, name)


def _all_kinds() -> "dict[str, Kind]":
    from firmware import kinds

    found = {name: Kind(name, *kinds.head(name)) for name in kinds.TABLE}
    late.forget("kinds")
    return found


# Every record has these. `seq` is coded against the batch's `prev`.
BASE = (
    Field("seq", 4, "count", 1, MAX_SEQ, STEP),
    Field("time_ms", 5, "ms since 1970 UTC", 0, MAX_TIME_MS, SECOND),
    Field("boot_at_ms", 6, "ms since 1970 UTC", 0, MAX_TIME_MS, RARE),
    Field("clock", 7, "word", 0, len(CLOCKS) - 1, RARE, CLOCKS),
)

KINDS = _all_kinds()

KINDS_IN_ORDER = [name for _, name in sorted([(kind.number, name) for name, kind in KINDS.items()])]


def schema_hash() -> int:
    """A check sum of the table: two sides that have the same one know the same kinds and fields."""
    crc = 0
    for name in KINDS_IN_ORDER:
        for field in KINDS[name].made():
            text = "%s %s %d %s %d %d %s" % (
                name,
                field.name,
                field.number,
                field.coding,
                field.low,
                field.high,
                field.words,
            )
            crc = binascii.crc32(text.encode(), crc)
    return crc & 0xFFFFFFFF


SOURCE, ROWS, ABSENT = 1, 2, 3  # field numbers of a group besides its columns
HEADER = ("version", "epoch", "lane", "prev", "boot", "prev_boot")  # of a batch, numbered from 1


class Group:
    """Records of one kind and source: equally long lists by field name; None where a value is absent.

    Base columns (`seq`, `time_ms`, `boot_at_ms`, `clock`) are always whole; `clock` and all enumerations
    are numbers here, see `word`.
    """

    def __init__(self, kind: str, source: str, columns: "Columns") -> None:
        self.kind = kind
        self.source = source
        self.columns = columns

    @property
    def rows(self) -> int:
        return len(self.columns.get("seq", ()))


class Batch:
    """Records of one lane and one boot, in order of seq.

    `epoch` and `boot` are 16 hex digits. `prev` is the last row that still exists before the batch (0: none),
    `prev_boot` that row's boot (None: as `boot`, or no such row).
    """

    def __init__(
        self, epoch: str, lane: str, prev: int, boot: str, prev_boot: "str | None", groups: "list[Group]"
    ) -> None:
        self.epoch = epoch
        self.lane = lane
        self.prev = prev
        self.boot = boot
        self.prev_boot = prev_boot
        self.groups = groups

    @property
    def rows(self) -> int:
        return sum([group.rows for group in self.groups])

    @property
    def last_seq(self) -> int:
        return max([int(group.columns["seq"][-1]) for group in self.groups])


def word(kind: str, name: str, value: "int | None") -> "str | None":
    """The word for an enumeration's number, e.g. word("fix", "fix_mode", 2) is "3d"."""
    if value is None:
        return None
    words = CLOCKS if name == "clock" else KINDS[kind].by_name[name].words
    return words[value]


# --- checking -------------------------------------------------------------------------------------------


def _check_number(value: "Any", low: int, high: int, where: str) -> int:
    if value is True or value is False or not isinstance(value, int):
        raise WireError("shape", where, "not a whole number")
    if value < low or value > high:
        shown = "%d" % value if -(1 << 63) <= value < 1 << 63 else "a huge number"
        raise WireError("range", where, "%s is not within %d..%d" % (shown, low, high))
    return value


def _check_text(value: "Any", high: int, where: str) -> str:
    if not isinstance(value, str):
        raise WireError("shape", where, "not a text")
    try:
        size = len(value.encode())
    except ValueError:  # a lone surrogate
        raise WireError("shape", where, "not valid Unicode")
    if size > high:
        raise WireError("too_large", where, "%d bytes, at most %d" % (size, high))
    return value


def _check_hex(value: "Any", size: int, where: str) -> str:
    """The hex digits of so many bytes."""
    if not isinstance(value, str) or len(value) != 2 * size:
        raise WireError("shape", where, "not %d hex digits" % (2 * size))
    for char in value:
        if char not in "0123456789abcdef":
            raise WireError("shape", where, "not %d hex digits" % (2 * size))
    return value


def _check_id(value: "Any", where: str) -> str:
    return _check_hex(value, ID_BYTES, where)


def _check_word(value: "Any", words: "tuple[str, ...]", where: str) -> str:
    if not isinstance(value, str) or value not in words:
        raise WireError("range", where, "not one of " + ", ".join(words))
    return value


def _check_cell(field: Field, value: "Any", where: str) -> None:
    if value is None:
        if field.is_needed:
            raise WireError("missing", where, "needed")
    elif field.coding == TEXT:
        _check_text(value, field.high, where)
    else:
        _check_number(value, field.low, field.high, where)


def check_values(kind: str, values: "Values") -> None:
    """Refuse a record where it is made, not days later at the head of a queue."""
    if kind not in KINDS:
        raise WireError("shape", str(kind), "no such kind")
    fields = KINDS[kind].by_name
    for name in values:
        if name not in fields:
            raise WireError("shape", "%s.%s" % (kind, name), "no such field")
    for field in KINDS[kind].fields:
        _check_cell(field, values.get(field.name), "%s.%s" % (kind, field.name))


def is_source(text: "Any") -> bool:
    """A source is named like a unit: [a-z0-9][a-z0-9-]{0,31}."""
    return is_unit(text)


def is_unit(text: "Any") -> bool:
    """True for [a-z0-9][a-z0-9-]{0,31}."""
    if not isinstance(text, str) or not 1 <= len(text) <= 32 or text[0] == "-":
        return False
    for char in text:
        if char not in "abcdefghijklmnopqrstuvwxyz0123456789-":
            return False
    return True


def _check_group(group: Group, lane: str) -> None:
    kind = KINDS.get(group.kind)
    if kind is None:
        raise WireError("shape", str(group.kind), "no such kind")
    if kind.lane != lane:
        raise WireError("shape", group.kind, "belongs to lane %s, not %s" % (kind.lane, lane))
    if not is_source(group.source):
        raise WireError("shape", group.kind + ".source", "not a name")
    rows = group.rows
    for field in BASE + kind.fields:
        column = group.columns.get(field.name)
        if column is None or len(column) != rows:
            raise WireError("shape", "%s.%s" % (group.kind, field.name), "columns differ in length")
        _check_column(group.kind, field, column)
    if len(group.columns) != len(BASE) + len(kind.fields):
        raise WireError("shape", group.kind, "a column that the kind has not")


def _check_column(kind: str, field: Field, column: "list[Any]") -> None:
    if {type(value) for value in column} == {int}:  # the usual case, at the speed of min and max
        if field.coding != TEXT and min(column) >= field.low and max(column) <= field.high:
            return
    for row in range(len(column)):
        where = "%s[%d].%s" % (kind, row, field.name)
        if column[row] is None and field in BASE:
            raise WireError("missing", where, "needed")
        _check_cell(field, column[row], where)


def _check_order(prev: int, groups: "list[Group]") -> None:
    seqs: list[int] = []
    for group in groups:
        _check_rising(prev, group.columns["seq"], group.kind + ".seq")
        seqs.extend(group.columns["seq"])
    if len(groups) > 1:
        _check_rising(prev, sorted(seqs), "seq")


def _check_rising(prev: int, seqs: "list[int]", where: str) -> None:
    for seq in seqs:
        if seq <= prev:
            raise WireError("shape", where, "%d does not follow %d" % (seq, prev))
        prev = seq


def _check_count(what: str, count: int, high: int) -> None:
    if count > high:
        raise WireError("too_large", "batch", "%d %s, at most %d" % (count, what, high))


def check_batch(batch: Batch) -> None:
    """Refuse a batch that a decoder would refuse."""
    _check_word(batch.lane, LANES, "lane")
    _check_id(batch.epoch, "epoch")
    _check_id(batch.boot, "boot")
    if batch.prev_boot is not None:
        _check_id(batch.prev_boot, "prev_boot")
    _check_number(batch.prev, 0, MAX_SEQ, "prev")
    if not batch.groups:
        raise WireError("missing", "batch", "no records")
    _check_count("groups", len(batch.groups), MAX_GROUPS)
    _check_count("rows", batch.rows, MAX_ROWS)
    for group in batch.groups:
        if not group.rows:
            raise WireError("missing", group.kind, "no rows")
        _check_group(group, batch.lane)
    _check_order(batch.prev, batch.groups)


# --- varints --------------------------------------------------------------------------------------------


def _put_varint(out: bytearray, value: int) -> None:
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def _put_tag(out: bytearray, number: int, wire_type: int) -> None:
    _put_varint(out, number << 3 | wire_type)


def _put_bytes(out: bytearray, number: int, data: "bytes | bytearray") -> None:
    _put_tag(out, number, 2)
    _put_varint(out, len(data))
    out.extend(data)


def _packed(numbers: "list[int]") -> bytearray:
    out = bytearray()
    for number in numbers:
        _put_varint(out, number << 1 if number >= 0 else (-number << 1) - 1)
    return out


def _varint(data: "memoryview", at: int, most: int, where: str) -> "tuple[int, int]":
    """(value, next position) of a varint of at most `most` bytes; wraps at 64 bits as in every reader."""
    value = shift = 0
    while at < len(data) and shift < 7 * most:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise WireError("not_protobuf", where, "a varint runs past its end")


def _signed(value: int) -> int:
    return value >> 1 if not value & 1 else -(value >> 1) - 1


# --- columns --------------------------------------------------------------------------------------------


def _filled(column: "list[Any]", coding: str) -> "list[int]":
    """The column with absent cells replaced by what its coding predicts, so that they cost nothing."""
    if None not in column:
        return column
    out: list[int] = []
    for value in column:
        if value is None:
            if not out:
                value = 0
            elif coding == SECOND and len(out) > 1:
                value = 2 * out[-1] - out[-2]
            else:
                value = out[-1]
        out.append(value)
    return out


def _differences(values: "list[int]", coding: str, base: int) -> "list[int]":
    if coding == STEP:
        return [b - a - 1 for a, b in zip([base] + values, values)]
    out = values[:1] + [b - a for a, b in zip(values, values[1:])]
    if coding == SECOND:
        out = out[:2] + [b - a for a, b in zip(out[1:], out[2:])]
    return out


def _sums(numbers: "list[int]", start: int) -> "list[int]":
    out = []
    for number in numbers:
        start += number
        out.append(start)
    return out


def _restored(column: "list[int]", coding: str, base: int) -> "list[int]":
    if coding == STEP:
        return _sums([number + 1 for number in column], base)
    if coding == SECOND:
        column = column[:1] + _sums(column[1:], 0)
    return _sums(column, 0)


def _put_column(out: bytearray, field: Field, column: "list[Any]", base: int) -> None:
    if field.coding == TEXT:
        texts = [value or "" for value in column]
        while texts and not texts[-1]:
            texts.pop()
        for text in texts:
            _put_bytes(out, field.number, text.encode())
        return
    numbers = _differences(_filled(column, field.coding), field.coding, base)
    while numbers and not numbers[-1]:
        numbers.pop()
    if field.coding == RARE:
        numbers = _counted(numbers)
    if numbers:
        _put_bytes(out, field.number, _packed(numbers))


def _counted(numbers: "list[int]") -> "list[int]":
    """Each run of zeros as a zero and how many more there are; the last number is no zero."""
    out: list[int] = []
    run = 0
    for number in numbers:
        if not number:
            run += 1
            continue
        if run:
            out.extend((0, run - 1))
            run = 0
        out.append(number)
    return out


def _uncounted(entries: "list[int]", rows: int, where: str) -> "list[int]":
    out: list[int] = []
    at = 0
    while at < len(entries):
        out.append(entries[at])
        if not entries[at]:
            at += 1
            more = entries[at] if at < len(entries) else -1
            if more < 0 or more > rows - len(out):
                raise WireError("shape", where, "a zero without the number of zeros that follow")
            out.extend([0] * more)
        at += 1
    return out


def _absent(kind: Kind, columns: "Columns") -> "list[int]":
    """Runs of missing cells as field number, first row, rows."""
    out: list[int] = []
    for field in kind.fields:
        run = 0
        column = columns[field.name]
        for row in range(len(column) + 1):
            if row < len(column) and column[row] is None:
                run += 1
            elif run:
                out.extend((field.number, row - run, run))
                run = 0
    return out


# --- encoding -------------------------------------------------------------------------------------------


def encode_group(group: Group, prev: int) -> bytes:
    """The protobuf message of one checked group, whose seq is coded against the batch's `prev`."""
    kind = KINDS[group.kind]
    out = bytearray()
    if group.source != kind.source:
        _put_bytes(out, SOURCE, group.source.encode())
    _put_tag(out, ROWS, 0)
    _put_varint(out, group.rows)
    absent = _absent(kind, group.columns)
    if absent:
        _put_bytes(out, ABSENT, _packed(absent))
    for field in BASE + kind.fields:
        _put_column(out, field, group.columns[field.name], prev)
    return bytes(out)


def encode_batch(batch: Batch, is_deflated: bool = False) -> bytes:
    """The bytes of a batch; raises WireError for one that could not be accepted.

    With `is_deflated` (CPython only) deflated, unless that makes it longer.
    """
    check_batch(batch)
    out = bytearray()
    _put_tag(out, 1, 0)
    _put_varint(out, VERSION)
    _put_bytes(out, 2, bytes.fromhex(batch.epoch))
    _put_tag(out, 3, 0)
    _put_varint(out, LANES.index(batch.lane))
    _put_tag(out, 4, 0)
    _put_varint(out, batch.prev)
    _put_bytes(out, 5, bytes.fromhex(batch.boot))
    if batch.prev_boot is not None:
        _put_bytes(out, 6, bytes.fromhex(batch.prev_boot))
    for name in KINDS_IN_ORDER:
        for group in batch.groups:
            if group.kind == name:
                _put_bytes(out, KINDS[name].number, encode_group(group, batch.prev))
    data = bytes(out)
    if is_deflated:
        deflated = zlib.compress(data, 9)
        data = deflated if len(deflated) < len(data) else data
    if len(data) > MAX_BATCH_BYTES:
        raise WireError("too_large", "batch", "%d bytes, at most %d" % (len(data), MAX_BATCH_BYTES))
    return data


# --- decoding -------------------------------------------------------------------------------------------


def inflate(payload: bytes) -> bytes:
    """Plain protobuf from a payload that may be deflated (first byte 0x78)."""
    if len(payload) > MAX_BATCH_BYTES:
        raise WireError("too_large", "payload", "%d bytes, at most %d" % (len(payload), MAX_BATCH_BYTES))
    if not payload:
        raise WireError("missing", "payload", "empty")
    if payload[0] != 0x78:
        return payload
    data = _inflated(payload)
    if len(data) > _MAX_INFLATED_BYTES:
        raise WireError("too_large", "payload", "inflates to more than %d bytes" % _MAX_INFLATED_BYTES)
    return data


def _inflated(payload: bytes) -> bytes:
    if zlib is None:
        return _inflated_by_micropython(payload)
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(payload, _MAX_INFLATED_BYTES + 1)
    except zlib.error:
        raise WireError("not_zlib", "payload", "damaged")
    if len(data) <= _MAX_INFLATED_BYTES and (not stream.eof or stream.unused_data):
        raise WireError("not_zlib", "payload", "torn, or followed by something else")
    return data


def _inflated_by_micropython(payload: bytes) -> bytes:
    import deflate  # type: ignore[import-not-found]
    import io

    source = io.BytesIO(payload)
    stream = deflate.DeflateIO(source, deflate.ZLIB)
    pieces: list[bytes] = []
    try:
        while len(pieces) * 1024 <= _MAX_INFLATED_BYTES:
            piece = stream.read(1024)
            if not piece:
                break
            pieces.append(piece)
        data = b"".join(pieces)
    except (OSError, EOFError):
        raise WireError("not_zlib", "payload", "damaged")
    except MemoryError:
        raise WireError("too_large", "payload", "inflates to more than the memory holds")
    if len(data) <= _MAX_INFLATED_BYTES and source.read(1):
        raise WireError("not_zlib", "payload", "torn, or followed by something else")
    return data


def _fields(data: "bytes | memoryview", where: str) -> "Iterator[tuple[int, int, Any]]":
    """(number, wire type, value) of each field of a message: an int for type 0, a memoryview for type 2."""
    at = count = 0
    view = memoryview(data)
    while at < len(view):
        count += 1
        if count > MAX_FIELDS:
            raise WireError("too_large", where, "more than %d fields" % MAX_FIELDS)
        tag, at = _varint(view, at, 5, where)
        if not 1 <= tag >> 3 <= 536870911:
            raise WireError("not_protobuf", where, "field number %d" % (tag >> 3))
        value, at = _field(view, at, tag & 7, where)
        yield tag >> 3, tag & 7, value


def _field(view: "memoryview", at: int, wire_type: int, where: str) -> "tuple[Any, int]":
    """(value, next position) of what follows a tag."""
    if wire_type == 0:
        return _varint(view, at, 10, where)
    if wire_type == 2:
        size, at = _varint(view, at, 5, where)
    elif wire_type in (1, 5):
        size = 8 if wire_type == 1 else 4
    else:
        raise WireError("not_protobuf", where, "wire type %d" % wire_type)
    if size > len(view) - at:
        raise WireError("not_protobuf", where, "a field runs past its end")
    return view[at : at + size], at + size


def _add_numbers(out: "list[int]", wire_type: int, value: "Any", high: int, where: str) -> None:
    """Append the entries of a packed (type 2) or a single (type 0) number."""
    if wire_type == 0:
        out.append(_signed(value))
    else:
        at = 0
        while at < len(value) and len(out) <= high:
            number, at = _varint(value, at, 10, where)
            out.append(_signed(number))
    if len(out) > high:
        raise WireError("too_large", where, "more than %d entries" % high)


def _decoded_text(data: "memoryview", where: str) -> str:
    try:
        return str(bytes(data), "utf-8")
    except ValueError:
        raise WireError("not_protobuf", where, "not UTF-8")


def _unknown(where: str, number: int) -> WireError:
    return WireError("shape", where, "unknown field %d: a newer unit?" % number)


def decode_group(name: str, data: "memoryview", prev: int) -> Group:
    """A group from its protobuf message."""
    fields = KINDS[name].by_number
    source, rows = "", 0
    absent: list[int] = []
    raw: dict[str, list[Any]] = {}
    for number, wire_type, value in _fields(data, name):
        field = fields.get(number)
        if number == SOURCE and wire_type == 2:
            source = _decoded_text(value, name + ".source")
        elif number == ROWS and wire_type == 0:
            rows = value
        elif number == ABSENT and wire_type in (0, 2):
            _add_numbers(absent, wire_type, value, 3 * MAX_ROWS, name + ".absent")
        elif field is not None and field.coding == TEXT and wire_type == 2:
            raw.setdefault(field.name, []).append(_decoded_text(value, name + "." + field.name))
        elif field is not None and field.coding != TEXT and wire_type in (0, 2):
            column = raw.setdefault(field.name, [])
            _add_numbers(column, wire_type, value, 2 * MAX_ROWS, name + "." + field.name)
        else:
            raise _unknown(name, number)
    return group_of(name, source, rows, absent, raw, prev)


def group_of(name: str, source: str, rows: int, absent: "list[int]", raw: "Columns", prev: int) -> Group:
    """A group from what stands on the wire: whole columns, absent cells as None; values are not yet checked.

    `raw` holds the columns by field name as differences, shorter than `rows` where they end in zeros.
    """
    kind = KINDS[name]
    if not 1 <= rows <= MAX_ROWS:
        raise WireError("missing" if not rows else "too_large", name, "%d rows" % rows)
    columns: dict[str, list[Any]] = {}
    for field in BASE + kind.fields:
        column = raw.get(field.name, [])
        where = "%s.%s" % (name, field.name)
        if field.coding == RARE:
            column = _uncounted(column, rows, where)
        if len(column) > rows:
            raise WireError("shape", where, "%d entries, %d rows" % (len(column), rows))
        if field.coding == TEXT:
            columns[field.name] = list(column) + [""] * (rows - len(column))
        else:
            columns[field.name] = _restored(list(column) + [0] * (rows - len(column)), field.coding, prev)
    _blank(kind, name, columns, absent, rows)
    return Group(name, source or kind.source, columns)


def _blank(kind: Kind, name: str, columns: "Columns", absent: "list[int]", rows: int) -> None:
    if len(absent) % 3:
        raise WireError("shape", name + ".absent", "not in threes")
    names = {field.number: field.name for field in kind.fields}
    for at in range(0, len(absent), 3):
        number, first, count = absent[at : at + 3]
        if number not in names or first < 0 or count < 1 or first + count > rows:
            raise WireError("shape", name + ".absent", "%d, %d, %d" % (number, first, count))
        columns[names[number]][first : first + count] = [None] * count


def decode_batch(payload: bytes) -> Batch:
    """A checked batch from a payload, plain or deflated; raises WireError, and nothing else."""
    header: dict[int, Any] = {}
    raw_groups: dict[int, list[Any]] = {KINDS[name].number: [] for name in KINDS}
    for number, wire_type, value in _fields(inflate(payload), "batch"):
        if number in (1, 3, 4) and wire_type == 0:
            header[number] = value
        elif number in (2, 5, 6) and wire_type == 2:
            header[number] = bytes(value)
        elif number in raw_groups and wire_type == 2:
            raw_groups[number].append(value)
        else:
            raise _unknown("batch", number)
    batch = batch_of(
        header.get(1, 0),
        header.get(2, b""),
        header.get(3, 0),
        header.get(4, 0),
        header.get(5, b""),
        header.get(6, b""),
    )
    _check_count("groups", sum([len(found) for found in raw_groups.values()]), MAX_GROUPS)
    for name in KINDS_IN_ORDER:
        for data in raw_groups[KINDS[name].number]:
            batch.groups.append(decode_group(name, data, batch.prev))
            _check_count("rows", batch.rows, MAX_ROWS)
    check_batch(batch)
    return batch


def batch_of(version: int, epoch: bytes, lane: int, prev: int, boot: bytes, prev_boot: bytes) -> Batch:
    """A batch without groups from the header's fields, each at protobuf's default where it was missing."""
    if version != VERSION:
        raise WireError("version", "batch", "%d, this side speaks %d" % (version, VERSION))
    if not epoch or not boot:
        raise WireError("missing", "boot" if epoch else "epoch", "needed")
    if len(epoch) != ID_BYTES or len(boot) != ID_BYTES or len(prev_boot) not in (0, ID_BYTES):
        raise WireError("shape", "epoch, boot, prev_boot", "not %d bytes each" % ID_BYTES)
    if lane >= len(LANES):
        raise WireError("range", "lane", "%d" % lane)
    return Batch(epoch.hex(), LANES[lane], prev, boot.hex(), prev_boot.hex() if prev_boot else None, [])


# --- topics ---------------------------------------------------------------------------------------------

PREFIX = "ortoo/v1"
RELEASES = PREFIX + "/_release/"  # no unit can have that name
UP = ("birth", "live", "batch")
DOWN = ("receipt", "command")


def topic(unit: str, leaf: str) -> str:
    return "%s/%s/%s" % (PREFIX, unit, leaf)


def part_topic(digest: str, number: int) -> str:
    """Where the broker keeps a part of a blob of a release; the blob's SHA-256 in hex digits."""
    return "%s%s/%d" % (RELEASES, digest, number)


def parse_topic(text: str) -> "tuple[str, str]":
    """(unit, leaf) of one of our topics."""
    parts = text.split("/")
    if len(parts) != 4 or "/".join(parts[:2]) != PREFIX or not is_unit(parts[2]) or parts[3] not in UP + DOWN:
        raise WireError("topic", "topic", "not one of ours")
    return parts[2], parts[3]


# --- the small JSON -------------------------------------------------------------------------------------

STATES = ("offline", "online")
COMMANDS = ("raw_track", "resend", "erase", "update", "help", "settings")
# What became of a call, for the light at its button: the service has it, a person answered, it is over.
HELP_STATES = ("heard", "coming", "over")
DIGEST_BYTES = 32  # SHA-256
MAX_HEAD_BYTES = 12288  # of a release of firmware

# What a live message may carry besides its base: the newest fix and a few vital values.
LIVE_KINDS = ("fix", "power", "health")


def _json(payload: "bytes | str", name: str) -> "dict[str, Any]":
    if len(payload) > MAX_JSON_BYTES:
        raise WireError("too_large", name, "%d bytes, at most %d" % (len(payload), MAX_JSON_BYTES))
    try:  # as a text: from bytes CPython would guess UTF-16 and UTF-32 too
        value = json.loads(payload if isinstance(payload, str) else str(payload, "utf-8"))
    except (ValueError, RuntimeError, MemoryError):  # the last two: nested too deeply
        raise WireError("not_json", name, "damaged")
    if not isinstance(value, dict):
        raise WireError("shape", name, "not an object")
    version = value.get("v")
    if type(version) is not int or version != VERSION:  # True == 1 == 1.0
        raise WireError("version", name, "this side speaks %d" % VERSION)
    return value


def _refuse_others(message: "dict[str, Any]", names: "tuple[str, ...]", name: str) -> None:
    for key in message:
        if key not in names:
            raise WireError("shape", name, "no such key")


def _need(message: "dict[str, Any]", names: "tuple[str, ...]", name: str) -> None:
    for key in names:
        if message.get(key) is None:
            raise WireError("missing", "%s.%s" % (name, key), "needed")


def check_live(message: "dict[str, Any]") -> "dict[str, Any]":
    """`time_ms` and `clock` of the newest fix or, without one, of now; then any fields of LIVE_KINDS."""
    _need(message, ("v", "conn", "time_ms", "clock"), "live")
    for key, value in message.items():
        where, field = "live." + str(key), None
        if key not in ("v", "conn", "time_ms", "clock"):
            field = _live_field(key)
        if key == "v":
            pass
        elif key == "conn":
            _check_number(value, 0, MAX_SEQ, where)
        elif key == "time_ms":
            _check_number(value, 0, MAX_TIME_MS, where)
        elif key == "clock":
            _check_word(value, CLOCKS, where)
        elif field is None:
            raise WireError("shape", "live", "no such key")
        elif value is None:
            raise WireError("shape", where, "leave out what is absent")
        elif field.words:
            _check_word(value, field.words, where)
        else:
            _check_cell(field, value, where)
    if ("lat_e7" in message) != ("lon_e7" in message):
        raise WireError("missing", "live", "half a position")
    return message


def _live_field(name: str) -> "Field | None":
    """Looked for in the vitals first: few nodes know where they are, and have no room for a fix's fields."""
    for kind in reversed(LIVE_KINDS):
        if name in KINDS[kind].by_name:
            return KINDS[kind].by_name[name]
    return None


def check_birth(message: "dict[str, Any]") -> "dict[str, Any]":
    """A birth (`state` online) or a will (`state` offline, only `conn` besides)."""
    names = ("v", "conn", "state", "epoch", "boot", "software", "name", "capabilities")
    _refuse_others(message, names, "birth")
    _need(message, ("v", "conn", "state"), "birth")
    _check_number(message["conn"], 0, MAX_SEQ, "birth.conn")
    if _check_word(message["state"], STATES, "birth.state") == "offline":
        _refuse_others(message, ("v", "conn", "state"), "birth")
        return message
    _need(message, ("epoch", "boot", "software"), "birth")
    _check_id(message["epoch"], "birth.epoch")
    _check_id(message["boot"], "birth.boot")
    _check_text(message["software"], 64, "birth.software")
    if message.get("name") is not None:
        _check_text(message["name"], 64, "birth.name")
    capabilities = message.get("capabilities", [])
    if not isinstance(capabilities, list) or len(capabilities) > MAX_CAPABILITIES:
        raise WireError("shape", "birth.capabilities", "not a list of at most %d" % MAX_CAPABILITIES)
    for capability in capabilities:
        if not is_source(capability):
            raise WireError("shape", "birth.capabilities", "not a name")
    return message


def check_receipt(message: "dict[str, Any]") -> "dict[str, Any]":
    """Per lane the `mark` below which all is stored, and the last `runs` as [first seq, boot].

    `conn` is the unit's connection that is answered, 0 when the service knows of none.
    """
    _refuse_others(message, ("v", "conn", "epoch", "lanes"), "receipt")
    _need(message, ("v", "conn", "epoch", "lanes"), "receipt")
    _check_number(message["conn"], 0, MAX_SEQ, "receipt.conn")
    _check_id(message["epoch"], "receipt.epoch")
    if not isinstance(message["lanes"], dict):
        raise WireError("shape", "receipt.lanes", "not an object")
    for lane, entry in message["lanes"].items():
        _check_word(lane, LANES, "receipt.lanes")
        where = "receipt.lanes." + lane
        if not isinstance(entry, dict):
            raise WireError("shape", where, "not an object")
        _refuse_others(entry, ("mark", "runs"), where)
        _need(entry, ("mark", "runs"), where)
        _check_number(entry["mark"], 0, MAX_SEQ, where + ".mark")
        _check_runs(entry["runs"], where + ".runs")
    return message


def _check_runs(runs: "Any", where: str) -> None:
    if not isinstance(runs, list) or len(runs) > MAX_RUNS:
        raise WireError("shape", where, "not a list of at most %d" % MAX_RUNS)
    before = 0
    for run in runs:
        if not isinstance(run, list) or len(run) != 2:
            raise WireError("shape", where, "not [first seq, boot]")
        _check_number(run[0], before + 1, MAX_SEQ, where)
        _check_id(run[1], where)
        before = run[0]


def check_command(message: "dict[str, Any]") -> "dict[str, Any]":
    """`raw_track` asks for every fix between two times, `resend` for rows of a lane between two numbers.

    `erase` tells the unit to forget what it holds besides what was not yet receipted. `update` has it fetch
    the release of firmware whose head of so many `bytes` has the digest `release`; with `node` it is for the
    microcontroller that its Pi calls so. `settings` are new ones for a node that stands alone: see
    firmware/settings/, which says whether they are right.
    """
    _need(message, ("v", "id", "what"), "command")
    _check_text(message["id"], 64, "command.id")
    what = _check_word(message["what"], COMMANDS, "command.what")
    if what == "erase":
        _refuse_others(message, ("v", "id", "what"), "command")
    elif what == "update":
        _refuse_others(message, ("v", "id", "what", "release", "bytes", "node"), "command")
        _need(message, ("release", "bytes"), "command")
        _check_hex(message["release"], DIGEST_BYTES, "command.release")
        _check_number(message["bytes"], 1, MAX_HEAD_BYTES, "command.bytes")
        if "node" in message and not is_source(message["node"]):
            raise WireError("shape", "command.node", "not a name")
    elif what == "help":
        _refuse_others(message, ("v", "id", "what", "source", "call", "state"), "command")
        _need(message, ("source", "call", "state"), "command")
        if not is_source(message["source"]):
            raise WireError("shape", "command.source", "not a name")
        _check_number(message["call"], 1, _U31, "command.call")
        _check_word(message["state"], HELP_STATES, "command.state")
    elif what == "settings":
        _refuse_others(message, ("v", "id", "what", "settings"), "command")
        _need(message, ("settings",), "command")
        if not isinstance(message["settings"], dict):
            raise WireError("shape", "command.settings", "not an object")
    elif what == "raw_track":
        _refuse_others(message, ("v", "id", "what", "from_ms", "to_ms"), "command")
        _need(message, ("from_ms", "to_ms"), "command")
        _check_number(message["from_ms"], 0, MAX_TIME_MS, "command.from_ms")
        _check_number(message["to_ms"], message["from_ms"], MAX_TIME_MS, "command.to_ms")
    else:
        _refuse_others(message, ("v", "id", "what", "lane", "first_seq", "last_seq"), "command")
        _need(message, ("lane", "first_seq", "last_seq"), "command")
        _check_word(message["lane"], LANES, "command.lane")
        _check_number(message["first_seq"], 1, MAX_SEQ, "command.first_seq")
        _check_number(message["last_seq"], message["first_seq"], MAX_SEQ, "command.last_seq")
    return message


CHECKS = {"live": check_live, "birth": check_birth, "receipt": check_receipt, "command": check_command}


# Not \uXXXX: MicroPython reads a character beyond 16 bits as two broken ones. It writes UTF-8 by itself.
_AS_UTF8: "Any" = {} if zlib is None else {"ensure_ascii": False}


def encode_json(leaf: str, message: "dict[str, Any]") -> bytes:
    """The bytes of a live, birth, receipt or command; `v` is added, None values are left out."""
    whole = {key: value for key, value in message.items() if value is not None}
    whole["v"] = VERSION
    CHECKS[leaf](whole)
    data = json.dumps(whole, separators=(",", ":"), **_AS_UTF8).encode()
    if len(data) > MAX_JSON_BYTES:
        raise WireError("too_large", leaf, "%d bytes, at most %d" % (len(data), MAX_JSON_BYTES))
    return data


def decode_json(leaf: str, payload: "bytes | str") -> "dict[str, Any]":
    """A checked live, birth, receipt or command; raises WireError, and nothing else."""
    return CHECKS[leaf](_json(payload, leaf))
