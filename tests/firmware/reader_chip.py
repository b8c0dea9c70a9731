"""A PN5180 at the end of its wires, as frames on SPI and levels of BUSY, with tags in its field.

In the subset of both interpreters: tests wire it to the firmware on a real MicroPython, too (ORTOO_WIRED).
There the field is a file of JSON that ORTOO_FIELD names, {"is_dead": false, "tags": {uid: {"afi": 7, "data":
hex}}}; an AFI that is written is written there. What tags answer is what real ones do: see SYSTEM_INFO.
"""

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NXP_EAS = 0xA5
INVENTORY, READ_BLOCKS, WRITE_AFI, INFO = 0x01, 0x23, 0x27, 0x2B
RX_STATUS, IRQ_STATUS = 0x13, 0x02
IS_COLLISION = 0x00040000
# Of UID, as real tags answered GET SYSTEM INFORMATION: an ICODE 3 (proxmark3, pull request 3279), two tags of
# Texas Instruments that say neither AFI nor DSFID (pynfcreader, issue 2; proxmark3, issue 2101).
SYSTEM_INFO = {
    "e004012001110cde": "000fde0c1101200104e000004b0301",
    "e007a000017a5fa2": "0004a25f7a0100a007e0f307",
    "e007a4000b3f7265": "000465723f0b00a407e0ff07",
}


class Chip:
    """Frames in, frames out. A tag: afi or None, data of 28 blocks or less."""

    def __init__(self, tags: "dict[str, dict[str, Any]]") -> None:
        self.tags = tags
        self.is_dead = False
        self.is_noisy = False
        self.is_risen = False  # BUSY, since the frame began, as somebody saw it
        self._busy = 0
        self._answer = b""
        self._status = 0
        self._given = b""

    def busy(self) -> int:
        """High for a look after each frame; a dead one for ever."""
        self._busy = 1 if self.is_dead else max(0, self._busy - 1)
        self.is_risen = self.is_risen or self._busy > 0
        return self._busy

    def write(self, frame: bytes) -> None:
        self._busy = 2
        if frame[0] == 0x09:
            self._air(bytes(frame[2:]))
        elif frame[0] == 0x04 and frame[1] == IRQ_STATUS:
            self._given = (0x4001 if self._status else 0).to_bytes(4, "little")
        elif frame[0] == 0x04:
            self._given = self._status.to_bytes(4, "little")
        elif frame[0] == 0x0A:
            self._given = self._answer
        elif frame[0] == 0x07:
            self._given = b"\x05\x03"  # 3.5

    def readinto(self, into: bytearray, sent: int) -> None:
        self._busy = 2
        into[:] = self._given[: len(into)]

    def _air(self, request: bytes) -> None:
        answers = [said for said in [self._said(uid, request) for uid in sorted(self.tags)] if said]
        self._answer = answers[0] if answers else b""
        self._status = len(self._answer) | (IS_COLLISION if len(answers) > 1 else 0)
        if self.is_noisy:
            self._status = 10 | IS_COLLISION

    def _said(self, uid: str, request: bytes) -> bytes:
        backwards = bytes(reversed(bytes.fromhex(uid)))
        if request[0] == 0x26:
            bits = request[2]
            mine = int.from_bytes(backwards, "little") & ((1 << bits) - 1)
            is_asked = int.from_bytes(request[3:], "little") == mine
            return b"\x00\x3e" + backwards if is_asked else b""
        if request[1] == NXP_EAS:
            return b"\x00" + bytes(32) if request[3:] == backwards and self.tags[uid].get("eas") else b""
        if request[2:10] != backwards:
            return b""
        return self._addressed(uid, request[1], request[10:], backwards)

    def _addressed(self, uid: str, command: int, rest: bytes, backwards: bytes) -> bytes:
        tag = self.tags[uid]
        if command == INFO and uid in SYSTEM_INFO:
            return bytes.fromhex(SYSTEM_INFO[uid])
        if command == INFO:
            return b"\x00\x07" + backwards + bytes((0x3E, tag["afi"], 27, 3))
        if command == READ_BLOCKS:
            data = bytes.fromhex(tag["data"]) + bytes(112)
            return b"\x00" + data[rest[0] * 4 : (rest[0] + rest[1] + 1) * 4]
        if command == WRITE_AFI:
            tag["afi"] = rest[0]
            self.written()
            return b"\x00"
        return b"\x01\x0f"

    def written(self) -> None:
        """A tag has another AFI."""


class FileChip(Chip):
    """The same, with a field in a file that a test changes while the node reads it."""

    def __init__(self, path: str) -> None:
        super().__init__({})
        self._path = path

    def look(self) -> None:
        """See what lies there now."""
        with open(self._path) as file:  # noqa: PTH123 - a board has no pathlib
            found = json.loads(file.read())
        self.tags, self.is_dead = found["tags"], found["is_dead"]

    def write(self, frame: bytes) -> None:
        if frame[:5] == b"\x09\x00\x26\x01\x00":  # a round begins
            self.look()
        super().write(frame)

    def written(self) -> None:
        with open(self._path + ".new", "w") as file:  # noqa: PTH123 - as above
            file.write(json.dumps({"is_dead": False, "tags": self.tags}))
        os.rename(self._path + ".new", self._path)  # noqa: PTH104 - as above


class _Pin:
    def __init__(self, chip: "FileChip", signal: str) -> None:
        self._chip = chip
        self._signal = signal

    def value(self, level: "int | None" = None) -> int:
        if self._signal == "BOOKS_RESET":
            self._chip.look()
        return self._chip.busy() if self._signal == "BOOKS_BUSY" and level is None else 0


_wired: "list[FileChip]" = []


def spi(bus: str) -> FileChip:
    """For ports/host.py."""
    if not _wired:
        _wired.append(FileChip(os.getenv("ORTOO_FIELD") or ""))
    return _wired[0]


def pin(signal: str) -> _Pin:
    return _Pin(spi("books"), signal)
