"""A PN5180 on SPI: ISO 15693 tags of books (NXP, data sheet rev. 4.1; ISO/IEC 15693-3).

    host ──  00 reg value 4  write register     01 reg mask 4  or     02 reg mask 4  and     04 reg  read
             09 bits data    send on the air    0A 00          read what came
             07 at n         read its memory    11 tx rx  load RF settings      16 00  field on

    NSS      ‾|________|‾‾‾    a frame may begin only while BUSY is low; NSS rises when BUSY has risen,
    BUSY     _______|‾‾‾|__    which falls when the chip has done (11.4.1)
    IRQ      bit 14 rises when a tag begins to answer, bit 0 when it has: both stand in register 02

    on the air   flags | command | parameters          the chip adds and checks the CRC
    inventory    26 01 00 mask length, mask            answer  00 | DSFID | UID, lsb first
    a tag's      22 command UID, lsb first             answer  00 | data, or 01 | error

Frames are made and read by functions without a pin; `Pn5180` moves them. Two tags that answer at once are
told apart by asking again with a longer mask. Nothing here locks a block: there is no function for it.

    {"type": "pn5180", "name": "books", "period_s": 1}
"""

import asyncio

from firmware.line import frame
from firmware.drivers import DriverFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.drivers.driver import Readings
    from firmware.ports.port import Port

SYSTEM_CONFIG, IRQ_STATUS, IRQ_CLEAR, RX_STATUS = 0x00, 0x02, 0x03, 0x13
HAS_ANSWERED, IS_ANSWERING = 1 << 0, 1 << 14
PRODUCT_VERSION = b"\x07\x10\x02"  # read two bytes at 10
BOOT_S = 0.01
FIELD_S = 0.005  # a tag takes 1 ms in the field before it listens (ISO/IEC 15693-3)
ISO15693_TX, ISO15693_RX = 0x0D, 0x8D
IDLE, TRANSCEIVE = 0xFFFFFFF8, 0x00000003
INVENTORY, READ_BLOCKS, WRITE_AFI, INFO, EAS = 0x01, 0x23, 0x27, 0x2B, 0xA5
NXP = 0x04  # maker code, for the EAS command of ICODE tags
MOST_MASK_BITS = 60
MOST_BLOCKS_AT_ONCE = 16
MOST_ASKS = 512  # of one inventory: noise looks like tags that answer at once, and would be asked for ever
BUSY_LOOKS = 2000
RISE_LOOKS = 200  # one that has not risen within a millisecond had done before it was looked at
BEGIN_MS, ANSWER_MS, WRITE_MS = (
    10,
    50,
    30,
)  # until an answer begins, until it ends, until it begins to a write
ANSWER_LOOKS = 5000
ALIVE_MS = 10_000  # the Pi takes a reader that says nothing for 30 s for a dead one


def write_register(register: int, value: int) -> bytes:
    return bytes((0x00, register)) + value.to_bytes(4, "little")


def or_register(register: int, mask: int) -> bytes:
    return bytes((0x01, register)) + mask.to_bytes(4, "little")


def and_register(register: int, mask: int) -> bytes:
    return bytes((0x02, register)) + mask.to_bytes(4, "little")


def read_register(register: int) -> bytes:
    return bytes((0x04, register))


def send(data: bytes) -> bytes:
    """All bits of the last byte count: 0."""
    return b"\x09\x00" + data


def received(status: int) -> "tuple[int, bool]":
    """(bytes that came, did two tags talk at once or was the CRC wrong) of RX_STATUS."""
    return status & 0x1FF, bool(status & 0x00070000)


def inventory(mask: int, bits: int) -> bytes:
    """A request that tags answer whose UID ends in these bits."""
    return bytes((0x26, INVENTORY, bits)) + mask.to_bytes((bits + 7) // 8, "little")


def addressed(command: int, uid: bytes, rest: bytes = b"") -> bytes:
    """A request to one tag; its UID as it is printed, E0 first."""
    return bytes((0x22, command)) + bytes(reversed(uid)) + rest


def found_uid(answer: bytes) -> "bytes | None":
    """The UID, E0 first, of an answer to an inventory."""
    if len(answer) != 10 or answer[0] & 1 or answer[9] != 0xE0:
        return None
    return bytes(reversed(answer[2:]))


def answered(answer: bytes) -> bytes:
    """What follows the flags; OSError when the tag says that it could not, or nothing came."""
    if not answer or answer[0] & 1:
        raise OSError(5, "the tag refuses" if answer else "the tag is gone")
    return answer[1:]


def info_of(answer: bytes) -> "tuple[int | None, int | None, int | None, int | None]":
    """(AFI, DSFID, blocks, block bytes) of the answer to INFO, each None where the tag does not say."""
    data = answered(answer)
    if len(data) < 9:
        raise OSError(5, "short")
    flags, at = data[0], 9
    out: "list[int | None]" = []
    for bit in (1, 2):  # DSFID, AFI
        out.append(data[at] if flags & bit and at < len(data) else None)
        at += bool(flags & bit)
    blocks = size = None
    if flags & 4 and at + 1 < len(data):
        blocks, size = data[at] + 1, (data[at + 1] & 31) + 1
    return out[1], out[0], blocks, size


class Pn5180:
    """A driver whose readings are frames of tags to the Pi."""

    def __init__(self, port: "Port", given: "dict[str, Any]") -> None:
        from firmware.tag_reader import TagReader

        self.period_ms = int(given.get("period_s", 1)) * 1000
        self._antenna = Antenna(port)
        self._is_begun = False
        self._reader = TagReader(self._antenna)
        self._now_ms = port.now_ms
        self._said_ms = -ALIVE_MS

    async def read(self) -> "Readings":
        """One look at all that lies there."""
        try:
            if not self._is_begun:
                await self._antenna.begin()
                self._is_begun = True
            said = self._reader.round()
        except OSError as error:
            self._is_begun = False
            raise DriverFault("no_reply", str(error))
        now_ms = self._now_ms()
        if not said and now_ms - self._said_ms >= ALIVE_MS:
            said = [(frame.REPORT, b"")]
        if said:
            self._said_ms = now_ms
        return [("frame", told) for told in said]

    def hear(self, kind: int, body: bytes) -> "list[tuple[int, bytes]]":
        """What a frame of the Pi asks for."""
        return self._reader.hear(kind, body)


class Antenna:
    """The field of `firmware/tag_reader.py`."""

    def __init__(self, port: "Port") -> None:
        self._spi = port.spi("books")
        self._select, self._reset = port.pin_out("BOOKS_CS", 1), port.pin_out("BOOKS_RESET", 1)
        self._busy = port.pin_in("BOOKS_BUSY")
        self._now_ms = port.now_ms

    async def begin(self) -> None:
        """Reset, load what ISO 15693 needs, and put the field on."""
        self._reset.value(0)
        await asyncio.sleep(BOOT_S)
        self._reset.value(1)
        await asyncio.sleep(BOOT_S)
        if self._command(PRODUCT_VERSION, 2) in (b"\x00\x00", b"\xff\xff"):
            raise OSError(19, "no reader on the wires")
        self._command(bytes((0x11, ISO15693_TX, ISO15693_RX)))
        self._command(b"\x16\x00")
        await asyncio.sleep(FIELD_S)

    def inventory(self) -> "list[bytes]":
        """The UIDs of all tags in the field."""
        found, masks, asks = [], [(0, 0)], 0
        while masks:
            asks += 1
            if asks > MOST_ASKS:
                raise OSError(5, "noise in the field")
            mask, bits = masks.pop()
            answer, is_collision = self._ask(inventory(mask, bits))
            uid = None if is_collision else found_uid(answer)
            if uid is not None:
                found.append(uid)
            elif is_collision and bits < MOST_MASK_BITS:
                masks += [(mask, bits + 1), (mask | 1 << bits, bits + 1)]
        return found

    def info(self, uid: bytes) -> "tuple[int | None, int | None, int | None, int | None]":
        return info_of(self._ask(addressed(INFO, uid))[0])

    def eas(self, uid: bytes) -> "bool | None":
        """Whether an ICODE tag's EAS is on: only then it answers; None for other makers."""
        if uid[1] != NXP:
            return None
        answer, _ = self._ask(bytes((0x22, EAS, NXP)) + bytes(reversed(uid)))
        return bool(answer) and not answer[0] & 1

    def read(self, uid: bytes, blocks: int) -> bytes:
        """The first blocks of a tag, in pieces that a frame on the air holds."""
        out = b""
        for first in range(0, blocks, MOST_BLOCKS_AT_ONCE):
            count = min(MOST_BLOCKS_AT_ONCE, blocks - first)
            out += answered(self._ask(addressed(READ_BLOCKS, uid, bytes((first, count - 1))))[0])
        return out

    def write_afi(self, uid: bytes, afi: int) -> None:
        answered(self._ask(addressed(WRITE_AFI, uid, bytes((afi,))), WRITE_MS)[0])

    # --- SPI --------------------------------------------------------------------------------------------

    def _ask(self, request: bytes, begin_ms: int = BEGIN_MS) -> "tuple[bytes, bool]":
        """(answer, did several talk at once) of a request on the air."""
        self._command(and_register(SYSTEM_CONFIG, IDLE))
        self._command(or_register(SYSTEM_CONFIG, TRANSCEIVE))
        self._command(write_register(IRQ_CLEAR, 0x000FFFFF))
        self._command(send(request))
        if not self._is_answered(begin_ms):
            return b"", False
        size, is_collision = received(self._value(RX_STATUS))
        return (self._command(b"\x0a\x00", size) if size else b""), is_collision

    def _is_answered(self, begin_ms: int) -> bool:
        began_ms = self._now_ms()
        for _ in range(ANSWER_LOOKS):
            state = self._value(IRQ_STATUS)
            if state & HAS_ANSWERED:
                return True
            if self._now_ms() - began_ms > (ANSWER_MS if state & IS_ANSWERING else begin_ms):
                return False
        return False

    def _value(self, register: int) -> int:
        return int.from_bytes(self._command(read_register(register), 4), "little")

    def _command(self, frame: bytes, size: int = 0) -> bytes:
        """Write a frame, and read the answer in a second one."""
        self._transfer(frame, None)
        answer = bytearray(b"\xff" * size)
        if size:
            self._transfer(b"", answer)
        return bytes(answer)

    def _transfer(self, frame: bytes, into: "bytearray | None") -> None:
        self._wait_for_idle()
        self._select.value(0)
        if into is None:
            self._spi.write(frame)
        else:
            self._spi.readinto(into, 0xFF)
        for _ in range(RISE_LOOKS):
            if self._busy.value():
                break
        self._select.value(1)
        self._wait_for_idle()

    def _wait_for_idle(self) -> None:
        for _ in range(BUSY_LOOKS):
            if not self._busy.value():
                return
        raise OSError(5, "the reader is busy for ever")
