"""The lists: what the service knew when the unit last heard of it, as one file of JSON lines.

    {"v":1,"revision":"20261120-2200","unit":"library-01","as_of_ms":1795212000000,
     "epoch":"00112233445566aa","event_mark":60,"reader_key":"8f14e45f","loan_days":30,"renewals":2}
    {"item":"123456789012","owner":"CN-150600-1","title":"…","language":"mn","isbn":"…","shelf":"a1",
     "is_withdrawn":false,"held_for":"<reader>","lent_to":"<reader>","due_on":20806,"loan":"…"}
    {"block":"<reader>","why":"expired","until_on":20806}
    {"hold":"h-3","item":"123456789012","reader":"<reader>","stop":"…"}
    {"conflict":"c-17","class":"on_loan_elsewhere","item":"123456789012","at_ms":…,"ours":"…","theirs":"…"}
    {"end":4}

The first line heads the file, the last counts the lines between; a file without it was cut and is refused
as a whole. An item stands there because it belongs on this unit's shelf; with `lent_to` it is not expected
there. A reader is only ever the keyed hash of a card (`card.hashed`). `epoch` and `event_mark` say up to
which of the unit's own events the lists are true: what happened after it still stands against them. Unknown
names are left alone, for the service may be newer than the unit; only `v` has to be known.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

VERSION = 1
MAX_BYTES = 16 << 20
MAX_LINES = 50_000
MAX_TEXT_BYTES = 1024
MAX_NAME_BYTES = 128  # of all but what only people read: a record has to hold it
LONG = ("title", "ours", "theirs", "stop")
MOST = {"due_on": 65_535, "until_on": 65_535, "loan_days": 3650, "renewals": 100}

_Line = TypeVar("_Line")


class ListsError(ValueError):
    """The file is not a whole list; the one before it stays in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is true of the whole file."""

    revision: str
    unit: str
    as_of_ms: int
    epoch: str = ""
    event_mark: int = 0
    reader_key: str = ""
    loan_days: int = 30
    renewals: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy that belongs on the shelf; `lent_to` (a reader's hash, or "?") when it is out."""

    item: str
    owner: str = ""
    title: str = ""
    language: str = ""
    isbn: str = ""
    shelf: str = ""
    is_withdrawn: bool = False
    held_for: str = ""
    lent_to: str = ""
    due_on: int | None = None
    loan: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A reader who may not borrow; `until_on` is the last such day (None: until told otherwise)."""

    block: str
    why: str = "blocked"
    until_on: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A copy that is to be carried to a reader."""

    hold: str
    item: str
    reader: str = ""
    stop: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """What the service could not settle by itself, with both sides as sentences for the crew."""

    conflict: str
    class_: str = ""
    item: str = ""
    at_ms: int | None = None
    ours: str = ""
    theirs: str = ""


@dataclass(frozen=True, slots=True)
class Lists:
    """One whole file."""

    head: Head
    copies: dict[str, Copy] = field(default_factory=dict)
    blocks: dict[str, Block] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    conflicts: dict[str, Conflict] = field(default_factory=dict)


def parsed(data: bytes) -> Lists:
    """The lists of a file's bytes; raises ListsError, which names the line."""
    if len(data) > MAX_BYTES:
        raise ListsError(f"{len(data)} bytes, at most {MAX_BYTES}")
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError as error:
        raise ListsError(f"not UTF-8 at byte {error.start}") from None
    if not 2 <= len(lines) <= MAX_LINES + 2:
        raise ListsError(f"{len(lines)} lines: cut short, or more than {MAX_LINES}")
    head = _object(lines[0], 1)
    if head.get("v") != VERSION:
        raise ListsError(f"line 1: version {head.get('v')!r}, this unit reads {VERSION}")
    if _object(lines[-1], len(lines)) != {"end": len(lines) - 2}:
        raise ListsError(f'the last line is not {{"end":{len(lines) - 2}}}: the file was cut')
    lists = Lists(_made(Head, head, 1))
    for number, line in enumerate(lines[1:-1], 2):
        _add(lists, _object(line, number), number)
    return lists


def _add(lists: Lists, found: dict[str, Any], number: int) -> None:
    """One line: the first of these names that it bears says what it is."""
    if "conflict" in found:
        one = _made(Conflict, {**found, "class_": found.get("class", "")}, number)
        lists.conflicts[one.conflict] = one
    elif "hold" in found:
        hold = _made(Hold, found, number)
        lists.holds[hold.hold] = hold
    elif "block" in found:
        block = _made(Block, found, number)
        lists.blocks[block.block] = block
    elif "item" in found:
        copy = _made(Copy, found, number)
        lists.copies[copy.item] = copy


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise ListsError(f"line {number}: not JSON") from None
    if not isinstance(found, dict):
        raise ListsError(f"line {number}: not an object")
    return found


def _made(kind: type[_Line], found: dict[str, Any], number: int) -> _Line:
    values: dict[str, Any] = {}
    for one in fields(kind):  # type: ignore[arg-type]
        value = found.get(one.name)
        if value is not None:
            _check(value, one.name, str(one.type), f"line {number}: {one.name}")
            values[one.name] = value
    try:
        return kind(**values)
    except TypeError:
        raise ListsError(f"line {number}: something is missing of {kind.__name__.lower()}") from None


def _check(value: Any, name: str, kind: str, where: str) -> None:
    wanted = {"str": str, "bool": bool}.get(kind, int)
    most_bytes = MAX_TEXT_BYTES if name in LONG else MAX_NAME_BYTES
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise ListsError(f"{where}: {value!r} is no {wanted.__name__}")
    if isinstance(value, int) and not 0 <= value <= MOST.get(name, (1 << 53) - 1):
        raise ListsError(f"{where}: {value} is out of range")
    if isinstance(value, str) and len(value.encode(errors="replace")) > most_bytes:
        raise ListsError(f"{where}: longer than {most_bytes} bytes")


def written(lists: Lists) -> bytes:
    """The bytes of a file; what `parsed` takes."""
    lines = [{"v": VERSION, **_plain(lists.head)}]
    groups: tuple[dict[str, Any], ...] = (lists.copies, lists.blocks, lists.holds, lists.conflicts)
    for group in groups:
        lines += [_plain(one) for one in group.values()]
    lines.append({"end": len(lines) - 1})
    return "".join(
        json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines
    ).encode()


def _plain(line: Any) -> dict[str, Any]:
    """As in the file; what is at its default is left out."""
    return {
        one.name.rstrip("_"): getattr(line, one.name)
        for one in fields(line)
        if getattr(line, one.name) != one.default
    }
