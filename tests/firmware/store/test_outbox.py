"""The node's outbox against the service's own judgement: nothing lost, nothing twice, whatever happens."""

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import wire
from firmware.clock import BUILT_MS, Clock
from firmware.store import row
from firmware.store.folder import Folder
from firmware.store.outbox import Outbox, OutboxFull
from tests.edge.paper_service import PaperService

BOOT = "0" * 15


def fault(number: int, at_ms: int) -> tuple[str, str, dict[str, Any], int]:
    return "fault", "unit", {"part": "test", "code": "number", "state": 0, "detail": f"n{number}"}, at_ms


def climate(cc: int, at_ms: int) -> tuple[str, str, dict[str, Any], int]:
    return "climate", "probe-1", {"temperature_cc": cc}, at_ms


class Node:
    """An outbox on a folder that can be copied, put back and started anew, before a service on paper."""

    def __init__(self, path: Path, **limits: int) -> None:
        self.path, self.limits = path, limits
        self.draws = self.boots = self.numbers = self.conn = 0
        self.service = PaperService()
        self.accepted: dict[str, int] = {}  # what is on flash or was, by the number in it
        self.kept: tuple[dict[str, int], PaperService | None] | None = None
        self.start()

    def random(self, size: int) -> bytes:
        self.draws += 1
        return self.draws.to_bytes(size, "big")

    def start(self) -> None:
        self.boots += 1
        self.now_ms = 1000
        self.clock = Clock()
        boot = f"{self.boots:016x}"
        self.outbox = Outbox(Folder(str(self.path)), boot, self.random, **self.limits)
        self.connect()

    def connect(self) -> None:
        self.conn = self.outbox.next_conn()
        self.after: dict[str, int | None] = dict.fromkeys(wire.LANES)

    def add(self, count: int) -> None:
        self.now_ms += 1000
        numbers = [self.numbers + i for i in range(count)]
        self.outbox.append(
            [fault(n, self.now_ms) if n % 3 else climate(n, self.now_ms) for n in numbers], self.clock
        )
        self.numbers += count
        self.accepted.update({f"n{n}" if n % 3 else str(n): 0 for n in numbers})

    def win_clock(self) -> None:
        was = self.clock.boot_at_ms
        won = self.clock.offer("ntp", BUILT_MS + self.boots * 10**8 + self.now_ms + was % 999, self.now_ms)
        if won is not None:
            self.outbox.clock_won(self.clock, self.now_ms, won[0], won[1])

    def send(self, lane: str, is_lost: bool = False) -> bool:
        batch = self.outbox.take(lane, self.after[lane])
        if batch is None:
            return False
        payload = wire.encode_batch(batch)
        self.after[lane] = batch.last_seq
        if not is_lost:
            self.service.take(wire.decode_batch(payload))
        return True

    def hear(self, is_current: bool = True) -> None:
        for lane in wire.LANES:
            told = self.service.receipt(self.outbox.epoch(lane), self.conn if is_current else 0)
            told["lanes"] = {lane: told["lanes"][lane]}
            wire.encode_json("receipt", told)
            for progress in self.outbox.settle(told, is_current):
                if progress.is_back or is_current:
                    self.after[lane] = None

    def drain(self) -> None:
        for _ in range(200):
            self.connect()
            self.hear()
            sent = [self.send(lane) for lane in wire.LANES]
            self.hear()
            if not any(sent):
                return
        raise AssertionError("never at rest")

    def keep(self) -> None:
        shutil.rmtree(self.path.with_suffix(".kept"), ignore_errors=True)
        shutil.copytree(self.path, self.path.with_suffix(".kept"))
        self.kept = dict(self.accepted), None

    def fall_back(self) -> None:
        """The flash is what it was some time ago: rows since then are gone unless they were sent."""
        if self.kept is None:
            return
        shutil.rmtree(self.path)
        shutil.copytree(self.path.with_suffix(".kept"), self.path)
        self.accepted = dict(self.kept[0])
        self.start()

    def found(self) -> dict[str, int]:
        """How often each number is at the service."""
        out: dict[str, int] = {}
        for _, kind, _, *cells in self.service.rows.values():
            if kind in ("fault", "climate"):
                name = str(cells[3] if kind == "climate" else cells[6])
                out[name] = out.get(name, 0) + 1
        return out


STEPS = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 40)),
    st.tuples(st.just("send"), st.sampled_from(wire.LANES), st.booleans()),
    st.tuples(st.just("hear"), st.booleans()),
    st.tuples(st.sampled_from(["start", "connect", "win_clock", "keep", "fall_back", "drain"])),
)


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=25))
def test_nothing_is_lost_and_nothing_twice(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    node = Node(tmp_path_factory.mktemp("node") / "flash", segment_bytes=600)
    for name, *arguments in steps:
        getattr(node, name)(*arguments)
    node.drain()
    found = node.found()
    assert {number for number in node.accepted if found.get(number) != 1} == set()
    assert node.service.conflicts == []
    assert node.outbox.waiting == 0


def test_a_service_put_back_is_given_its_rows_again(tmp_path: Path) -> None:
    node = Node(tmp_path / "flash")
    node.add(10)
    node.drain()
    old = copy.deepcopy(node.service)
    node.add(30)
    node.drain()
    node.service = old
    node.drain()
    assert len(node.found()) == 40
    node.outbox.forget_settled()
    assert node.outbox.held("event", 1, 99) > 0


def test_rows_of_a_boot_without_time_get_it_when_it_is_won_or_a_later_boot_has_one(tmp_path: Path) -> None:
    node = Node(tmp_path / "flash")
    node.add(2)  # of the first boot, which never knows
    node.start()
    node.add(2)
    node.send("event", is_lost=True)  # leaves without a time: the rows of the first boot
    node.start()
    node.add(2)
    node.win_clock()
    node.drain()
    events = [row for _, row in sorted(node.service.rows.items()) if row[1] == "fault"]
    assert [(row[0][-1], wire.CLOCKS[row[5]], row[3] > BUILT_MS) for row in events] == [
        ("1", "none", False),
        ("2", "estimated", True),
        ("3", "ntp", True),
        ("3", "ntp", True),
    ]
    assert all(row[3] - row[4] < 10_000 for row in events)
    assert events[1][3] <= events[2][4]  # over when the next boot began


def test_what_left_without_a_time_is_corrected(tmp_path: Path) -> None:
    node = Node(tmp_path / "flash")
    node.add(2)
    node.send("event", is_lost=True)
    node.win_clock()
    node.add(2)
    node.drain()
    kinds = [row[1] for _, row in sorted(node.service.rows.items()) if row[1] == "clock_set"]
    assert kinds == ["clock_set"]
    assert node.service.conflicts == []


def test_a_full_flash_drops_the_oldest_but_no_event_and_says_so(tmp_path: Path) -> None:
    node = Node(tmp_path / "flash", max_bytes=6000, segment_bytes=600)
    for _ in range(60):
        node.add(6)
    node.drain()
    found = node.found()
    lost = {number for number in node.accepted if number not in found}
    assert lost
    assert not any(number.startswith("n") for number in lost)
    thinned = [row for row in node.service.rows.values() if row[1] == "thinned"]
    assert sum(row[9] for row in thinned) == len(lost) == node.outbox.dropped


@pytest.mark.parametrize("count", [1, 19, 20, 21, 100])
def test_rows_that_nobody_reads_do_not_block_their_lane(tmp_path: Path, count: int) -> None:
    """A newer firmware wrote them, before its update was taken back."""
    node = Node(tmp_path / "flash")
    node.win_clock()
    node.add(3)
    known = row.row_of("climate", "probe-1", {"temperature_cc": 1}, (BUILT_MS, 0, "ntp"))
    with pytest.raises(wire.WireError):
        row.group_of(b"\xfa" + known[1:], 1)
    node.outbox._rings["sense"].append([b"\xfa" + known[1:]] * count, node.outbox.boot, 0)
    node.add(30)
    node.drain()
    assert set(node.found().values()) == {1}
    assert len(node.found()) == 33
    assert node.outbox.dropped == count
    assert node.service.conflicts == []
    told = [one[9] for one in node.service.rows.values() if one[1] == "thinned"]
    assert sum(told) == count
    assert len(told) <= 1 + count // 10, "one record for a stretch"


def test_a_flash_that_takes_nothing_says_so(tmp_path: Path) -> None:
    class Full(Folder):
        is_full = False

        def append(self, name: str, data: bytes) -> None:
            if self.is_full:
                raise OSError(28, "ENOSPC")
            super().append(name, data)

    files = Full(str(tmp_path / "flash"))
    outbox = Outbox(files, "1" * 16, bytes)
    outbox.append([fault(1, 1)], Clock())
    files.is_full = True
    with pytest.raises(OutboxFull) as failed:
        outbox.append([fault(2, 2)], Clock())
    assert failed.value.landed == 0
    files.is_full = False
    outbox.append([fault(2, 2)], Clock())
    assert outbox.last_seq("event") == 2


def test_a_record_that_could_not_be_sent_is_refused_where_it_is_made(tmp_path: Path) -> None:
    outbox = Outbox(Folder(str(tmp_path / "flash")), "1" * 16, bytes)
    with pytest.raises(wire.WireError, match="temperature_cc"):
        outbox.append([climate(99999, 1)], Clock())
    with pytest.raises(wire.WireError, match="not a name"):
        outbox.append([("fault", "Ä", fault(1, 1)[2], 1)], Clock())
