"""The driver of the PN5180 against a chip at the end of its wires."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import tag_reader
from firmware.drivers import DriverFault, driver_of, pn5180
from firmware.line import frame
from tests.firmware.reader_chip import SYSTEM_INFO, Chip

UIDS = ["e004010012345671", "e004010012345672", "e0040100ffffff71", "e0160100aa000001"]


class Select:
    """NSS: a frame ends where it rises, and that is when BUSY has risen (data sheet, 11.4.1)."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip

    def value(self, level: int) -> None:
        if level:
            assert self._chip.is_risen, "NSS rose before BUSY"
        self._chip.is_risen = False


class Bench:
    """A port with a reader on it; looking at the clock takes a millisecond."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self.ms = 0

    def now_ms(self) -> int:
        self.ms += 1
        return self.ms

    def spi(self, _: str) -> Chip:
        return self.chip

    def pin_in(self, signal: str) -> Any:
        assert signal == "BOOKS_BUSY"
        return self

    def pin_out(self, signal: str, value: int = 0) -> Any:
        del value
        return Select(self.chip) if signal == "BOOKS_CS" else self

    def value(self, level: int | None = None) -> int:
        return self.chip.busy() if level is None else 0


def made(chip: Chip) -> Any:
    port: Any = Bench(chip)
    return driver_of(port, {"type": "pn5180", "name": "books"})


def tags(*uids: str) -> dict[str, dict[str, Any]]:
    return {uid: {"afi": 7, "data": bytes(range(112)).hex(), "eas": uid[-1] == "1"} for uid in uids}


def test_every_tag_in_the_field_is_read_and_written_back() -> None:
    chip = Chip(tags(*UIDS))
    driver = made(chip)
    frames = [said for _, said in asyncio.run(driver.read())]
    seen = {tag.uid.hex(): tag for _, body in frames if (tag := tag_reader.seen_of(body)) is not None}
    assert sorted(seen) == sorted(UIDS)
    tag = seen[UIDS[0]]
    assert (tag.afi, tag.dsfid, tag.block_bytes, tag.data) == (7, 0x3E, 4, bytes(range(112)))
    assert [seen[uid].is_eas_on for uid in UIDS] == [True, False, True, None]
    ((kind, body),) = driver.hear(tag_reader.WRITE, bytes.fromhex(UIDS[1]) + b"\xc2")
    assert (kind, body[8:]) == (tag_reader.WRITTEN, bytes((tag_reader.READ_BACK, 0xC2)))


def test_an_empty_field_is_told_now_and_then() -> None:
    bench: Any = Bench(Chip({}))
    driver = driver_of(bench, {"type": "pn5180", "name": "books"})
    told = []
    for _ in range(30):
        told.append(asyncio.run(driver.read()))
        bench.ms += 1000
    assert told[0] == [("frame", (frame.REPORT, b""))]
    assert sum(map(bool, told)) == 3


def test_a_full_shelf_is_read_over_several_rounds() -> None:
    driver = made(Chip(tags(*[f"e0040100{number:08x}" for number in range(20)])))
    rounds = [[tag_reader.seen_of(body) for _, (_, body) in asyncio.run(driver.read())] for _ in range(4)]
    assert [len(one) for one in rounds] == [8, 16, 20, 20]
    assert [sum(bool(tag and tag.data) for tag in one) for one in rounds] == [8, 8, 4, 0]


@pytest.mark.parametrize("what", ["is_dead", "is_noisy"])
def test_a_reader_that_fails_is_a_fault_and_begun_anew(what: str) -> None:
    chip = Chip(tags(UIDS[0]))
    driver = made(chip)
    assert len(asyncio.run(driver.read())) == 1
    setattr(chip, what, True)
    with pytest.raises(DriverFault) as fault:
        asyncio.run(driver.read())
    assert fault.value.code == "no_reply"
    setattr(chip, what, False)
    assert len(asyncio.run(driver.read())) == 1


@pytest.mark.parametrize("level", [b"\x00", b"\xff"])
def test_no_reader_at_the_end_of_the_wires_is_a_fault(level: bytes) -> None:
    class Nothing(Chip):
        def readinto(self, into: bytearray, sent: int) -> None:
            super().readinto(into, sent)
            into[:] = level * len(into)

    with pytest.raises(DriverFault, match="no_reply"):
        asyncio.run(made(Nothing({})).read())


def test_what_real_tags_say_of_themselves() -> None:
    found = {uid: pn5180.info_of(bytes.fromhex(said)) for uid, said in SYSTEM_INFO.items()}
    assert found == {
        "e004012001110cde": (0, 0, 76, 4),
        "e007a000017a5fa2": (None, None, 244, 8),
        "e007a4000b3f7265": (None, None, 256, 8),
    }
    for uid, said in SYSTEM_INFO.items():
        assert pn5180.found_uid(b"\x00\x00" + bytes.fromhex(said)[2:10]) == bytes.fromhex(uid)


@given(st.binary(max_size=40))
def test_what_a_tag_answers_is_an_answer_or_an_oserror(answer: bytes) -> None:
    pn5180.found_uid(answer)
    try:
        pn5180.info_of(answer)
    except OSError:
        return
    assert len(answer) >= 10
