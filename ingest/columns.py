"""Columns of a group: from entries on the wire to values, in C loops; and the proof that all are in range.

The coding is told in firmware/wire.py. Entries that were left out at the end mean "goes on as predicted".

Most columns of an arriving batch are never looked at: the history stores their bytes. What every batch owes
is the proof that no value is out of range, and that comes cheaply. Read as unsigned, an entry d stands there
in zigzag, z >= 2|d| - 1, so the sum of a whole column bounds how far it can get from its first value. Only
where this bound is too coarse (a vehicle that stands, a course near north) the values are computed to see.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate, islice
from operator import add
from typing import Any

from firmware import wire

Blanks = dict[str, list[tuple[int, int]]]  # absent cells by column as (first row, rows)


class Doubt(Exception):
    """Not this way: `wire.decode_batch` shall judge."""


class Columns(Mapping[str, list[Any]]):
    """Columns by field name, in the order of the kind's fields; restored when somebody looks at one."""

    __slots__ = ("_names", "_ready", "_restore")

    def __init__(
        self, names: tuple[str, ...], ready: dict[str, list[Any]], restore: Callable[[str], list[Any]]
    ) -> None:
        self._names = names
        self._ready = ready
        self._restore = restore

    def __getitem__(self, name: str) -> list[Any]:
        column = self._ready.get(name)
        if column is None:
            column = self._ready[name] = self._restore(name)
        return column

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def seqs(entries: list[int], rows: int, prev: int) -> list[int]:
    """Rising numbers above `prev`."""
    if not entries:
        return list(range(prev + 1, prev + 1 + rows))
    rests = list(accumulate(entries))
    if len(rests) > rows or min(entries) < 0:  # not rising
        raise Doubt
    rests += rests[-1:] * (rows - len(rests))
    return list(map(add, rests, range(prev + 1, prev + 1 + rows)))


def second(entries: list[int], rows: int) -> list[int]:
    """Values from second differences."""
    if len(entries) > rows:
        raise Doubt
    if len(entries) < 3:
        first, step = (*entries, 0, 0)[:2]
        return list(range(first, first + step * rows, step)) if step else [first] * rows
    column = list(accumulate(accumulate(islice(entries, 1, None)), initial=entries[0]))
    missing, last, step = rows - len(column), column[-1], column[-1] - column[-2]
    if missing:
        column += range(last + step, last + step * (missing + 1), step) if step else [last] * missing
    return column


def diff(entries: list[int], rows: int) -> list[int]:
    """Values from differences."""
    if len(entries) > rows:
        raise Doubt
    if not entries:
        return [0] * rows
    column = list(accumulate(entries))
    column += column[-1:] * (rows - len(column))
    return column


def rare(entries: list[int], rows: int) -> tuple[list[int], list[int]]:
    """Values from differences with counted zeros; and each value at least once, which are fewer to check."""
    column: list[int] = []
    value, values = 0, [0] if not entries else []
    left = iter(entries)
    for change in left:
        if change:
            value += change
            column.append(value)
        else:
            more = next(left, -1)
            if more < 0 or more >= rows - len(column):
                raise Doubt
            column += [value] * (more + 1)
        values.append(value)
    if len(column) > rows:
        raise Doubt
    column += [value] * (rows - len(column))
    return column, values


def texts(entries: list[str], rows: int) -> list[str]:
    """The texts, the last ones empty."""
    if len(entries) > rows:
        raise Doubt
    return entries + [""] * (rows - len(entries))


def is_second_surely_within(zigzags: list[int], rows: int, low: int, high: int) -> bool:
    """Whether no second differences of that size can lead out of the range."""
    if len(zigzags) > rows:
        raise Doubt
    if not zigzags:
        return low <= 0 <= high
    zigzag = zigzags[0]
    first = zigzag >> 1 ^ -(zigzag & 1)
    reach = rows * (sum(zigzags) - zigzag + len(zigzags) >> 1)
    return low <= first - reach and first + reach <= high


def is_diff_surely_within(zigzags: list[int], rows: int, low: int, high: int) -> bool:
    """Whether no differences of that size can lead out of the range."""
    if len(zigzags) > rows:
        raise Doubt
    if not zigzags:
        return low <= 0 <= high
    zigzag = zigzags[0]
    first = zigzag >> 1 ^ -(zigzag & 1)
    reach = sum(zigzags) - zigzag + len(zigzags) >> 1
    return low <= first - reach and first + reach <= high


def blanks(absent: list[int], rows: int, may_lack: dict[int, str]) -> Blanks:
    """The absent cells, from (field number, first row, rows) and so on."""
    if len(absent) % 3 or len(absent) > 3 * wire.MAX_ROWS:
        raise Doubt
    found: Blanks = {}
    for number, first, count in zip(absent[::3], absent[1::3], absent[2::3], strict=True):
        if number not in may_lack or first < 0 or count < 1 or first + count > rows:
            raise Doubt
        found.setdefault(may_lack[number], []).append((first, count))
    return found


def blank(column: list[Any], runs: list[tuple[int, int]]) -> None:
    """Make the absent cells None."""
    for first, count in runs:
        column[first : first + count] = [None] * count
