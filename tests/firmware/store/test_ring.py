"""Rows and notes on flash: numbered, in order, and there after a cut of power at any operation."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.store import ring as rings
from firmware.store.folder import Folder
from firmware.store.notes import Notes
from firmware.store.ring import NotWritten, Ring
from tests.micropython import MicroPython

BOOT, LATER = "11" * 8, "22" * 8
FLASH_KIB = 1536  # of heap, for a model of a flash and all that was ever written to it


class Failing(Folder):
    """A flash that has no room for what comes: writes the first `room` bytes of it, then says so."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.room: int | None = None
        self.is_blind = False

    def read(self, name: str) -> bytes:
        if self.is_blind:
            raise OSError(5, "EIO")
        return super().read(name)

    def append(self, name: str, data: bytes) -> None:
        super().append(name, data if self.room is None else data[: self.room])
        if self.room is not None:
            raise OSError(28, "ENOSPC")


def folder(path: Path) -> Failing:
    return Failing(str(path / "flash"))


def test_rows_come_back_numbered_with_their_boot(tmp_path: Path) -> None:
    files = folder(tmp_path)
    ring = Ring(files, "e", 300)
    assert (ring.last, ring.rows(0, 9), ring.before(1)) == (0, [], None)
    assert ring.append([b"a", b"b"], BOOT) == 2
    assert ring.append([b"c" * 200, b"d" * 200], BOOT) == 4
    ring = Ring(files, "e", 300)
    assert ring.append([b"e"], LATER) == 5
    assert ring.rows(0, 9) == [(1, BOOT, b"a"), (2, BOOT, b"b"), (3, BOOT, b"c" * 200), (4, BOOT, b"d" * 200)]
    assert ring.rows(4, 9) == [(5, LATER, b"e")]
    assert ring.rows(1, 1) == [(2, BOOT, b"b")]
    assert (ring.before(5), ring.before(4), ring.before(99)) == ((4, BOOT), (3, BOOT), (5, LATER))
    assert Ring(files, "s").last == 0


def test_the_oldest_go_and_the_newest_stays(tmp_path: Path) -> None:
    ring = Ring(folder(tmp_path), "e", 100)
    ring.append([b"x" * 60] * 3, BOOT)
    assert [(one.first, one.last) for one in ring.segments] == [(1, 1), (2, 2), (3, 3)]
    assert ring.settled(0) is None
    settled = ring.settled(1)
    assert settled is not None
    assert settled.last == 1
    for number in (1, 2):
        dropped = ring.drop_oldest()
        assert dropped is not None
        assert dropped.last == number
    assert (ring.drop_oldest(), ring.settled(9)) == (None, None)
    assert ring.append([b"y"], BOOT) == 4


def test_a_number_that_was_given_elsewhere_is_not_given_again(tmp_path: Path) -> None:
    ring = Ring(folder(tmp_path), "e")
    assert ring.append([b"x"], BOOT, after=40) == 41
    assert ring.append([b"y"], BOOT, after=40) == 42
    assert ring.append([b"z"], BOOT, after=50) == 51
    assert [number for number, _, _ in Ring(folder(tmp_path), "e").rows(0, 9)] == [41, 42, 51]


@given(st.integers(0, 400))
def test_what_a_full_flash_took_is_known(tmp_path_factory: pytest.TempPathFactory, room: int) -> None:
    files = folder(tmp_path_factory.mktemp("full"))
    ring = Ring(files, "e", 300)
    ring.append([b"first"], BOOT)
    files.room = room
    rows = [bytes((65 + i,)) * 40 for i in range(5)]
    with pytest.raises(NotWritten) as failed:
        ring.append(rows, BOOT)
    files.room = None
    landed = failed.value.landed
    ring.append(rows[landed:], BOOT)
    expected = [b"first", *rows]
    assert [row for _, _, row in ring.rows(0, 99)] == expected
    assert [row for _, _, row in Ring(files, "e", 300).rows(0, 99)] == expected


@given(st.integers(0, 400), st.integers(0, 3))
def test_a_number_is_given_once_though_nobody_can_see_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, room: int, before: int
) -> None:
    files = folder(tmp_path_factory.mktemp("blind"))
    ring = Ring(files, "e", 300)
    if before:
        ring.append([b"first"] * before, BOOT)
    rows = [bytes((65 + i,)) * 40 for i in range(5)]
    for _ in range(2):
        files.room, files.is_blind = room, True
        with pytest.raises(NotWritten) as failed:
            ring.append(rows, BOOT)
        assert failed.value.landed == 0
        files.room, files.is_blind = None, False
    ring.append(rows, BOOT)
    held = {number: row for number, _, row in ring.rows(0, 99)}
    assert [held[number] for number in sorted(held)][-5:] == rows
    found = Ring(files, "e", 300)
    numbers = [number for number, _, _ in found.rows(0, 99)]
    assert numbers == sorted(set(numbers))
    assert held.items() <= {number: row for number, _, row in found.rows(0, 99)}.items()
    assert found.last == ring.last


@given(st.binary(max_size=200))
def test_a_damaged_file_is_read_up_to_the_damage(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes
) -> None:
    files = folder(tmp_path_factory.mktemp("damaged"))
    ring = Ring(files, "e", 120)
    ring.append([b"x" * 20] * 6, BOOT)
    names = files.names()
    whole = files.read(names[0])
    files.remove(names[0])
    files.append(names[0], whole[:-20] + noise[:20])
    files.append("e0000000000000zz"[:15] + "f", noise)
    found = Ring(files, "e", 120).rows(0, 99)
    assert [number for number, _, _ in found][-1] == 6
    assert Ring(files, "e", 120).append([b"y"], BOOT) == 7


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers()), max_size=30), st.integers(0, 20))
def test_notes_are_what_was_put_last(
    tmp_path_factory: pytest.TempPathFactory, puts: list[tuple[str, int]], cut: int
) -> None:
    files = folder(tmp_path_factory.mktemp("notes"))
    notes, expected = Notes(files, 120), {}
    for at, (name, value) in enumerate(puts):
        if at == cut:
            files.room = value % 30
            with pytest.raises(OSError, match="ENOSPC"):
                notes.put({"lost": 1})
            files.room = None
            if value % 2:
                notes = Notes(files, 120)
        notes.put({name: value})
        expected[name] = value
        assert notes.values.get(name) == value
    found = Notes(files, 120).values
    found.pop("lost", None)
    assert found == expected
    assert len([name for name in files.names() if name[0] == "n"]) <= 2


def test_a_row_too_long_is_refused_where_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a row of 1025 bytes"):
        Ring(folder(tmp_path), "e").append([b"x" * (rings.MAX_ROW_BYTES + 1)], BOOT)


def test_nothing_acknowledged_is_lost_wherever_power_is_cut(board: MicroPython) -> None:
    """At every program and erase of a littlefs, the last one torn; the store is of use after each."""
    count, lost, unacknowledged = board.call("flash_judge.cuts", [24, 512, 48], heap_kib=FLASH_KIB).result
    print(f"{count} cuts, {unacknowledged} rows that nobody had been told of")
    assert count > 300
    assert lost == []


def test_control_who_answers_too_early_loses(board: MicroPython) -> None:
    flaws = board.call("flash_judge.careless_cuts", [20, 512, 48], heap_kib=FLASH_KIB).result
    assert "row 20 is lost" in flaws


def test_a_flash_lasts(board: MicroPython) -> None:
    """Rows of 40 bytes, one a second, committed every ten: the wear of one MiB with 100,000 erases."""
    programmed, erased = board.call("flash_judge.wear", [1200, 40, 10, 4096, 24], heap_kib=FLASH_KIB).result
    years = 256 * 100_000 / (erased / 1200) / 31_557_600
    print(f"{programmed / 1200:.0f} bytes programmed, {erased / 1200:.3f} erases a row: {years:.0f} years")
    assert programmed / 1200 < 700
    assert years > 3
