"""Rows on flash until they are receipted: numbered, in order, none lost to a cut of power.

    segment   a file of at most some kB, named by its first number; all its rows are of one boot
              head | row | row | ...
    entry     size u16 | CRC-32 of the bytes u32 | bytes          little endian
    head      an entry: "R1" | first number u64 | boot, 8 bytes

Rows are appended and files removed, nothing else is ever written. A row is safe when `append` returns. A
torn end, which no `append` has returned for, is found by its check sum: reading stops before it and the next
row goes to a new segment. Numbers go on from the last row that is there, so the segment with the highest
number is never removed. What cannot be read in the middle is a gap, known by the numbers around it.
"""

import binascii
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    class Files(Protocol):
        def names(self) -> "list[str]": ...
        def read(self, name: str) -> bytes: ...
        def append(self, name: str, data: bytes) -> None: ...
        def remove(self, name: str) -> None: ...

    Row = tuple[int, str, bytes]  # number, boot, bytes


_SEGMENT_BYTES = 4096
MAX_ROW_BYTES = 1024
_HEAD = "<2sQ8s"
_ENTRY = "<HI"
_ENTRY_BYTES = 6


def entry(data: bytes) -> bytes:
    """The bytes of an entry."""
    return struct.pack(_ENTRY, len(data), binascii.crc32(data) & 0xFFFFFFFF) + data


def entries(data: bytes) -> "Iterator[bytes]":
    """The entries of a file, up to the first that is not whole."""
    at = 0
    while at + _ENTRY_BYTES <= len(data):
        size, crc = struct.unpack(_ENTRY, data[at : at + _ENTRY_BYTES])
        at += _ENTRY_BYTES
        found = data[at : at + size]
        if len(found) < size or binascii.crc32(found) & 0xFFFFFFFF != crc:
            return
        yield found
        at += size


class NotWritten(Exception):
    """The flash did not take all: `landed` of the rows are safe all the same. Waiting may help, room does."""

    def __init__(self, landed: int, error: OSError) -> None:
        super().__init__("%d rows written: %s" % (landed, error))
        self.landed = landed


class Segment:
    """A file of consecutive rows of one boot; `last` is the last that can be read, or first - 1."""

    def __init__(self, name: str, first: int, last: int, boot: str, size: int) -> None:
        self.name = name
        self.first = first
        self.last = last
        self.boot = boot
        self.size = size


class Ring:
    """One lane's rows. `letter` begins the names of its files."""

    def __init__(self, files: "Files", letter: str, segment_bytes: int = _SEGMENT_BYTES) -> None:
        self._files = files
        self._letter = letter
        self._segment_bytes = segment_bytes
        self._is_sealed = True  # the next row begins a new segment
        self._taken = 0  # a number that may lie where nobody could read
        self.segments: "list[Segment]" = []
        for name in files.names():
            if name[:1] == letter:
                self._add(name)

    def _add(self, name: str) -> None:
        found = self._scanned(name)
        if found is None:
            self._files.remove(name)  # torn before its first row was safe
        else:
            self.segments.append(found)

    def _scanned(self, name: str) -> "Segment | None":
        data = self._files.read(name)
        first, boot, count, size = 0, "", -1, 0
        for found in entries(data):
            if count < 0:
                if len(found) != struct.calcsize(_HEAD) or found[:2] != b"R1":
                    return None
                _, first, number = struct.unpack(_HEAD, found)
                boot = number.hex()
            count += 1
            size += _ENTRY_BYTES + len(found)
        return Segment(name, first, first + count - 1, boot, len(data)) if count > 0 else None

    @property
    def last(self) -> int:
        """The highest number given, 0 for none."""
        return self.segments[-1].last if self.segments else 0

    @property
    def bytes_used(self) -> int:
        return sum([segment.size for segment in self.segments])

    def append(self, rows: "list[bytes]", boot: str, after: int = 0) -> int:
        """Number the rows and make them safe; the number of the last. NotWritten tells how many are safe.

        `after`: a number that was given once, whatever became of its row.
        """
        for row in rows:
            if len(row) > MAX_ROW_BYTES:
                raise ValueError("a row of %d bytes, at most %d" % (len(row), MAX_ROW_BYTES))
        at = 0
        while at < len(rows):
            room = self._room(boot, after)
            count, data = 0, b""
            while at + count < len(rows) and (not count or len(data) + len(rows[at + count]) <= room):
                data += entry(rows[at + count])
                count += 1
            self._write(data, count, at, boot, max(after, self.last, self._taken) + 1)
            at += count
        return self.last

    def _room(self, boot: str, after: int) -> int:
        """Bytes that go into the open segment; where there are none a new one begins."""
        if self.segments and not self._is_sealed and self.last >= max(after, self._taken):
            newest = self.segments[-1]
            if newest.boot == boot and newest.size < self._segment_bytes * 9 // 10:
                return self._segment_bytes - newest.size
        self._is_sealed = True
        return self._segment_bytes - _ENTRY_BYTES - struct.calcsize(_HEAD)

    def _write(self, data: bytes, count: int, landed: int, boot: str, first: int) -> None:
        if self._is_sealed:
            data = entry(struct.pack(_HEAD, b"R1", first, bytes.fromhex(boot))) + data
            name = "%s%015x" % (self._letter, first)
        else:
            name = self.segments[-1].name
        try:
            self._files.append(name, data)
        except OSError as error:
            raise NotWritten(landed + self._landed(name, first, count), error)
        if self._is_sealed:
            self._is_sealed = False
            self.segments.append(Segment(name, first, first - 1, boot, 0))
        self.segments[-1].last += count
        self.segments[-1].size += len(data)

    def _landed(self, name: str, first: int, count: int) -> int:
        """How many rows of an append that failed are there all the same; the segment is not used again."""
        self._is_sealed = True
        try:
            found = self._scanned(name) if name in self._files.names() else None
        except OSError:  # nobody can say what is there: these numbers are not given again
            self._taken = first + count - 1
            return 0
        if found is None:
            return 0
        if self.segments and self.segments[-1].name == name:
            self.segments.pop()
        self.segments.append(found)
        return found.last - first + 1

    def rows(self, after: int, most: int) -> "list[Row]":
        """At most so many rows above a number, of one boot, in order."""
        out: "list[Row]" = []
        for segment in self.segments:
            if segment.last <= after or len(out) >= most:
                continue
            if out and out[-1][1] != segment.boot:
                break
            for number, data in self._rows_of(segment):
                if number > after and len(out) < most:
                    out.append((number, segment.boot, data))
        return out

    def _rows_of(self, segment: Segment) -> "Iterator[tuple[int, bytes]]":
        number = segment.first - 2
        for found in entries(self._files.read(segment.name)):
            number += 1
            if number >= segment.first:  # behind the head
                yield number, found

    def before(self, number: int) -> "tuple[int, str] | None":
        """(number, boot) of the last row below that number."""
        for segment in reversed(self.segments):
            if segment.first < number:
                return min(segment.last, number - 1), segment.boot
        return None

    def settled(self, mark: int) -> "Segment | None":
        """The oldest segment, when all of it is at or below the mark; never the newest."""
        if len(self.segments) > 1 and self.segments[0].last <= mark:
            return self.segments[0]
        return None

    def drop_oldest(self) -> "Segment | None":
        """Remove the oldest segment, unless it is the newest too; what was in it."""
        if len(self.segments) < 2:
            return None
        oldest = self.segments[0]
        self._files.remove(oldest.name)
        return self.segments.pop(0)
