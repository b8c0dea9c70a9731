"""The outbox's file under force: killed writers, full disks, flipped bits, torn pages."""

import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge.outbox import (
    Limits,
    Outbox,
    OutboxBroken,
    OutboxDamaged,
    OutboxError,
    OutboxFull,
    connect,
    open_outbox,
    schema,
)
from edge.outbox import file as outbox_file
from edge.outbox.connection import PAGE_BYTES
from tests.edge.made import BOOT, OTHER_BOOT, fault, fix, health, receipt
from tests.edge.paper_service import rows_of
from tests.fixtures.programs import ROOT

LIMITS = Limits(max_mib=4, tolerance_m=0.0, window_ms=10_000)

WRITER = """
import sys
from pathlib import Path
from edge.outbox import Limits, open_outbox
from tests.edge.made import fault, fix, health
outbox, _ = open_outbox(Path(sys.argv[1]), sys.argv[2], Limits(max_mib=4, tolerance_m=0.0, window_ms=1000))
number = int(sys.argv[3])
while True:
    number += 1
    ms = number * 100
    outbox.append([fix(ms, number, boot=outbox.boot), fault(ms, str(number), outbox.boot)])
    print(number, flush=True)
    outbox.close_windows(ms)
"""


def everything(outbox: Outbox) -> Counter[str]:
    """What is in the lanes, by kind and its number; the open window is closed before."""
    while outbox.close_windows(1 << 40, is_final=True):
        pass
    found: Counter[str] = Counter()
    for lane in ("event", "sense", "track"):
        after = None
        while (batch := outbox.take(lane, after)) is not None:
            for group in batch.groups:
                name = {"fix": "lat_e7", "fault": "code", "health": "uptime_s"}.get(group.kind)
                if name is not None:
                    found.update(f"{group.kind} {value}" for value in group.columns[name])
            after = (batch.epoch, batch.last_seq)
    return found


def test_what_a_killed_writer_was_told_is_there_once(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    told, rng = 0, random.Random(1)
    for boot in range(1, 6):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, path, f"{boot:016x}", str(told)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert child.stdout is not None
        for _ in range(rng.randrange(5, 60)):
            told = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        told = max([told, *(int(line) for line in child.stdout.read().split())])
        child.wait()
        child.stdout.close()
    outbox, salvage = open_outbox(path, BOOT, LIMITS)
    assert salvage is None
    found = everything(outbox)
    outbox.close()
    assert all(found[f"{kind} {number}"] >= 1 for number in range(1, told + 1) for kind in ("fix", "fault"))
    # The one after the last told may be there, a commit that nobody heard of; the writer made it again.
    assert sum(count - 1 for count in found.values()) <= 2 * 5


# --- full -------------------------------------------------------------------------------------------------


def fill(outbox: Outbox, most: int = 100_000) -> int:
    """Events until there is no room; how many were accepted."""
    for number in range(most):
        try:
            outbox.append([fault(number, "x" * 200) for _ in range(20)])
        except OutboxFull:
            return number * 20
    pytest.fail("never full")


def test_at_the_cap_nothing_is_claimed_and_receipts_make_room(tmp_path: Path) -> None:
    outbox, _ = open_outbox(tmp_path / "outbox.db", BOOT, Limits(max_mib=1))
    accepted = fill(outbox)
    assert outbox.marks()["event"]["seq"] == accepted
    assert (tmp_path / "outbox.db").stat().st_size <= 1024 * 1024
    outbox.settle(receipt(outbox.epoch, event=(accepted // 2, [(1, BOOT)])), 1)
    outbox.append([fault(1, "room again")])
    assert outbox.marks()["event"]["seq"] == accepted + 1
    outbox.close()


def test_on_a_full_disk_nothing_is_claimed_and_recording_goes_on_when_there_is_room(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=700k", "ortoo-test", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount a tmpfs")
    try:
        outbox, _ = open_outbox(disk / "outbox.db", BOOT, Limits(max_mib=4))
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 200_000)
        accepted = fill(outbox)
        ballast.unlink()
        outbox.append([fault(1, "room again")])
        outbox.close()
        outbox, salvage = open_outbox(disk / "outbox.db", OTHER_BOOT, Limits(max_mib=4))
        assert salvage is None
        assert outbox.marks()["event"]["seq"] == accepted + 1
        outbox.close()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_folder_in_the_way_or_no_right_to_write_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutboxBroken, match="is a folder"):
        open_outbox(tmp_path, BOOT, LIMITS)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutboxBroken, match="file"):
        open_outbox(tmp_path / "file" / "outbox.db", BOOT, LIMITS)


# --- damage -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[tuple[str, str, int], object]]:
    """A file with every sort of row, and what a service would get of it."""
    path = tmp_path_factory.mktemp("sound") / "outbox.db"
    outbox, _ = open_outbox(path, BOOT, LIMITS)
    for second in range(0, 400, 4):
        moments = [1000 * (second + more) for more in range(4)]
        outbox.append([fix(ms, ms) for ms in moments] + [health(ms, ms // 1000) for ms in moments])
        outbox.append([fault(moments[0], str(second))])
        outbox.close_windows(moments[-1])
    outbox.settle(receipt(outbox.epoch, sense=(100, [(1, BOOT)])), 1)
    rows = identities(outbox)
    outbox.close()
    return path, rows


def identities(outbox: Outbox) -> dict[tuple[str, str, int], object]:
    found: dict[tuple[str, str, int], object] = {}
    for lane in ("event", "sense", "track"):
        after = None
        while (batch := outbox.take(lane, after)) is not None:
            found.update({(batch.epoch, lane, seq): content for seq, content in rows_of(batch)})
            after = (batch.epoch, batch.last_seq)
    return found


def check_recovery(path: Path, rows: dict[tuple[str, str, int], object]) -> bool:
    """The unit starts, gives nothing that is wrong, records on; whether the file was set aside."""
    outbox, salvage = open_outbox(path, OTHER_BOOT, LIMITS)
    try:
        before = identities(outbox)
    except OutboxDamaged as error:  # found in use: the agent then opens it again, and says so
        outbox.close()
        outbox, salvage = open_outbox(path, OTHER_BOOT, LIMITS, str(error))
        before = identities(outbox)
    epochs = {epoch for epoch, _, _ in rows}
    for identity, content in before.items():
        if identity in rows:
            assert rows[identity] == content, "a damaged row was offered as sound"
        elif identity[0] in epochs:
            # Below the mark, or what tells of the damage; never a second meaning for a number that was used.
            assert salvage is not None or identity[2] > max(
                seq for e, lane, seq in rows if lane == identity[1]
            )
    outbox.append([fault(1, "after", OTHER_BOOT)])
    assert any("after" in content for content in identities(outbox).values())  # type: ignore[operator]
    outbox.close()
    return salvage is not None


def test_any_flipped_bit_is_survived(
    sound: tuple[Path, dict[tuple[str, str, int], object]], tmp_path: Path
) -> None:
    source, rows = sound
    size, rng, aside = source.stat().st_size, random.Random(7), 0
    places = [*range(0, 100, 3), *(rng.randrange(size) for _ in range(150))]
    for place in places:
        path = tmp_path / str(place) / "outbox.db"
        path.parent.mkdir(exist_ok=True)
        data = bytearray(source.read_bytes())
        data[place] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        aside += check_recovery(path, rows)
        shutil.rmtree(path.parent)
    assert aside > 20


def test_any_torn_or_lost_page_is_survived(
    sound: tuple[Path, dict[tuple[str, str, int], object]], tmp_path: Path
) -> None:
    source, rows = sound
    whole = source.read_bytes()
    for number in range(len(whole) // PAGE_BYTES):
        # Lost as a whole, or torn in its middle.
        fill_with = b"\0" * PAGE_BYTES if number % 2 else os.urandom(PAGE_BYTES // 2)
        path = tmp_path / str(number) / "outbox.db"
        path.parent.mkdir()
        data = bytearray(whole)
        data[number * PAGE_BYTES : number * PAGE_BYTES + len(fill_with)] = fill_with
        path.write_bytes(data)
        check_recovery(path, rows)
        shutil.rmtree(path.parent)


def test_any_flipped_bit_of_the_log_costs_no_more_than_what_is_behind_it(tmp_path: Path) -> None:
    """What was committed since the last checkpoint stands in the write-ahead log alone."""
    path = tmp_path / "outbox.db"
    outbox, _ = open_outbox(path, BOOT, LIMITS)
    for number in range(30):
        outbox.append([fault(number, str(number))])
    rows = identities(outbox)
    copies = {tail: path.with_name(path.name + tail).read_bytes() for tail in ("", "-wal")}
    outbox.close()
    rng = random.Random(9)
    for place in [*range(0, 56, 7), *(rng.randrange(len(copies["-wal"])) for _ in range(40))]:
        damaged = tmp_path / str(place) / "outbox.db"
        damaged.parent.mkdir(exist_ok=True)
        log = bytearray(copies["-wal"])
        log[place] ^= 1 << rng.randrange(8)
        damaged.write_bytes(copies[""])
        damaged.with_name("outbox.db-wal").write_bytes(log)
        again, _ = open_outbox(damaged, OTHER_BOOT, LIMITS)
        left = identities(again)
        assert list(left.items()) == list(rows.items())[: len(left)], "what is left is not a beginning"
        again.append([fault(1, "after", OTHER_BOOT)])
        again.close()


@pytest.mark.parametrize("size", [0, 1, 100, 4095, 4096, 10_000, 50_000])
def test_a_file_cut_short_is_survived(
    sound: tuple[Path, dict[tuple[str, str, int], object]], tmp_path: Path, size: int
) -> None:
    source, rows = sound
    path = tmp_path / "outbox.db"
    path.write_bytes(source.read_bytes()[:size])
    check_recovery(path, rows)


def test_what_is_sound_is_saved_under_its_old_numbers(
    sound: tuple[Path, dict[tuple[str, str, int], object]], tmp_path: Path
) -> None:
    source, rows = sound
    path = tmp_path / "outbox.db"
    path.write_bytes(source.read_bytes())
    outbox, _ = open_outbox(path, OTHER_BOOT, LIMITS)
    outbox.note("book:QL1", "lent")
    outbox.close()
    data = bytearray(path.read_bytes())
    data[-4096:] = b"\xff" * 4096
    path.write_bytes(data)
    outbox, salvage = open_outbox(path, OTHER_BOOT, LIMITS)
    assert salvage is not None
    assert (tmp_path / salvage.moved_to).exists()
    assert outbox.notes("book:") == {"QL1": "lent"}
    saved = identities(outbox)
    assert len(saved.keys() & rows.keys()) > len(rows) // 2
    assert outbox.epoch not in {epoch for epoch, _, _ in rows}
    outbox.close()


class Cut(BaseException):
    """The power is gone."""


def cut_off(_path: Path) -> Path:
    raise Cut


def cut_before(monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """The power goes before this one of the calls that change what is in the folder."""
    calls = itertools.count()

    def cut(real: Any) -> Any:
        def counted(*arguments: Any, **options: Any) -> Any:
            if next(calls) == call:
                raise Cut
            return real(*arguments, **options)

        return counted

    for name in ("rename", "unlink"):
        monkeypatch.setattr(Path, name, cut(getattr(Path, name)))
    for name in ("_opened", "_copied", "_sync"):
        monkeypatch.setattr(outbox_file, name, cut(getattr(outbox_file, name)))
    monkeypatch.setattr(schema, "set_meta", cut(schema.set_meta))


def test_a_power_cut_while_a_damaged_file_is_saved_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saving a hundred megabytes takes a Pi minutes, and a file is damaged where the power often goes."""
    writer, _ = open_outbox(tmp_path / "outbox.db", BOOT, LIMITS)
    writer.append([fault(number, str(number)) for number in range(5)])
    writer._db.execute("PRAGMA wal_checkpoint").fetchall()
    writer.append([fault(number, str(number)) for number in range(5, 10)])  # in the write-ahead log alone
    rows = identities(writer)
    whole = {tail: (tmp_path / f"outbox.db{tail}").read_bytes() for tail in ("", "-wal")}
    writer.close()
    for call in range(100):
        path = tmp_path / str(call) / "outbox.db"
        path.parent.mkdir()
        for tail, data in whole.items():
            path.with_name(path.name + tail).write_bytes(data)
        is_cut = False
        with monkeypatch.context() as patched:
            cut_before(patched, call)
            try:
                open_outbox(path, OTHER_BOOT, LIMITS, "found in use")[0].close()
            except Cut:
                is_cut = True
        again, salvage = open_outbox(path, OTHER_BOOT, LIMITS)
        assert identities(again).items() >= rows.items(), f"cut before call {call}"
        assert salvage is None or salvage.rows == len(rows)
        again.append([fault(1, "after", OTHER_BOOT)])
        again.close()
        assert not list(path.parent.glob("*-salvaging*"))
        if not is_cut:
            break
    assert call > 8


def test_a_copy_that_is_damaged_before_it_is_used_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "outbox.db"
    writer, _ = open_outbox(path, BOOT, LIMITS)
    writer.append([fault(number, str(number)) for number in range(5)])
    rows = identities(writer)
    writer.close()
    with monkeypatch.context() as patched:
        patched.setattr(outbox_file, "_next_aside", cut_off)
        with pytest.raises(Cut):
            open_outbox(path, OTHER_BOOT, LIMITS, "found in use")
    with closing(connect(path)) as db:  # whole by its own word, and a page of it is not
        page = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'rows'").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(bytes(PAGE_BYTES))
    with pytest.raises(OutboxBroken):
        open_outbox(path, OTHER_BOOT, LIMITS)
    again, salvage = open_outbox(path, OTHER_BOOT, LIMITS)
    assert salvage is not None
    assert identities(again).items() >= rows.items()
    again.close()


def test_only_two_damaged_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    for _ in range(5):
        path.write_bytes(b"not a database at all" * 400)
        open_outbox(path, BOOT, LIMITS)[0].close()
    assert len(list(tmp_path.glob("outbox.db-damaged-*"))) == 2


# --- failing syncs ----------------------------------------------------------------------------------------


def test_a_failed_commit_is_told_by_the_numbers_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    outbox, _ = open_outbox(path, BOOT, LIMITS)
    outbox.append([fault(1)])
    assert outbox.attempted is None
    real = outbox._db

    class Failing:
        """Stands for a disk whose sync fails after the commit went through."""

        def execute(self, statement: str, *parameters: object) -> object:
            found = real.execute(statement, *parameters)  # type: ignore[arg-type]
            if statement == "COMMIT":
                raise OSError(5, "Input/output error")
            return found

        close = real.close

    outbox._db = Failing()  # type: ignore[assignment]
    with pytest.raises(OutboxBroken):
        outbox.append([fault(2), fix(2)])
    attempted = outbox.attempted
    outbox.close()
    again, _ = open_outbox(path, BOOT, LIMITS)
    assert again.heights == attempted
    again.close()


def test_the_connection_may_be_made_in_another_thread(tmp_path: Path) -> None:
    made: list[Outbox] = []
    thread = threading.Thread(target=lambda: made.append(Outbox(connect(tmp_path / "o.db"), BOOT, LIMITS)))
    thread.start()
    thread.join()
    made[0].append([fault(1)])
    made[0].close()
    with pytest.raises(OutboxError):
        made[0].append([fault(2)])
