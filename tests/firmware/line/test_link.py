"""Both ends of the line between a node and its Pi: every acknowledged record once in the outbox, in order."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clock import Clock as PiClock
from edge.intake import Intake
from edge.outbox import Limits
from edge.sources.node import Reports
from edge.time_source import ScaledTime
from firmware import wire
from firmware.clock import BUILT_MS, Clock
from firmware.line import frame
from firmware.line.link import SILENT_MS, Link
from firmware.store.folder import Folder
from firmware.store.outbox import Outbox

STEP_MS = 200


class Moment(ScaledTime):
    """The time of both sides of a test; each has a boot of its own."""

    def __init__(self, begin_ms: int) -> None:
        super().__init__()
        self.begin_ms = begin_ms
        self.now_ms = 0

    def mono_ms(self) -> int:
        return self.now_ms - self.begin_ms


class Line:
    """A node and a Pi, their flash and their card, and a line that does what it is told to."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.dice = random.Random(seed)
        self.now_ms = 0
        self.numbers = self.boots = 0
        self.acked = 0
        self.accepted: list[int] = []
        self.faulty = 0.0
        self.pi_utc_ms: int | None = None
        self.start_node()
        self.start_pi()

    def start_node(self) -> None:
        self.boots += 1
        self.node_begin_ms = self.now_ms
        self.clock = Clock()
        boot = f"{self.boots:016x}"
        self.outbox = Outbox(Folder(str(self.folder / "flash")), boot, self.dice.randbytes, segment_bytes=700)
        self.done: list[Any] = []
        self.link = Link(
            self.outbox, self.dice.randbytes, "power", ["climate"], self.do, self.offer, self.hear
        )

    def do(self, command: dict[str, Any]) -> tuple[bool, str]:
        self.done.append(command["do"])
        return True, ""

    def hear(self, kind: int, body: bytes) -> None:
        self.done.append((kind, body))

    def offer(self, word: str, utc_ms: int) -> None:
        won = self.clock.offer(word, utc_ms, self.node_ms)
        if won is not None:
            self.outbox.clock_won(self.clock, self.node_ms, won[0], won[1], is_told=False)

    @property
    def node_ms(self) -> int:
        return self.now_ms - self.node_begin_ms

    def start_pi(self) -> None:
        """A Pi that starts has its card and nothing else."""
        self.time = Moment(self.now_ms)
        self.time.now_ms = self.now_ms
        self.reports = Reports("node")
        self.intake = Intake(
            self.folder / "outbox.db",
            Limits(tolerance_m=0),
            self.time,
            lambda last_good_ms: PiClock(max(BUILT_MS - 1, last_good_ms)),
            group_ms=1000,
            anchor_radius_m=0,
        )
        self.intake.open(self.time.mono_ms())
        self.reports.link.utc = self.utc
        self.to_node = self.reports.link.greeting()

    def utc(self) -> tuple[int | None, str]:
        clock = self.intake.clock
        return (None if clock.boot_at_ms is None else clock.time_of(self.time.mono_ms())[0]), clock.word

    def win_clock(self) -> None:
        self.intake.offer_time("ntp", BUILT_MS + 10**9 + self.now_ms, self.time.mono_ms())

    def add(self, count: int) -> None:
        """Records of both lanes; some of one lane, each with a number of its own."""
        for _ in range(count):
            self.numbers += 1
            number = self.numbers
            kind, values = ("climate", {"temperature_cc": number})
            if number % 3 == 0:
                kind, values = ("fault", {"part": "p", "code": "c", "state": 0, "detail": str(number)})
            self.outbox.append([(kind, "probe-1", values, self.node_ms)], self.clock)
            self.accepted.append(number)

    def turn(self) -> None:
        """Some time goes by and bytes go to and fro, as far as the line lets them."""
        self.now_ms += STEP_MS
        self.time.now_ms = self.now_ms
        self.link.step(self.node_ms)
        from_node = self.disturbed(self.link.output())
        while from_node:
            size = self.dice.randint(1, 200)
            for reading in self.reports.feed(from_node[:size], self.time.mono_ms()):
                self.intake.take(reading)
            from_node = from_node[size:]
        if self.intake.is_commit_due(self.time.mono_ms()):
            self.intake.commit(self.time.mono_ms())
        self.to_node += self.disturbed(self.reports.link.due(self.time.mono_ms()))
        cut = self.dice.randint(0, len(self.to_node))
        self.link.feed(self.to_node[:cut], self.node_ms)
        self.to_node = self.to_node[cut:]

    def disturbed(self, data: bytes) -> bytes:
        """Frames get lost, doubled or damaged."""
        out = b""
        for part in data.split(b"\0")[:-1] if data else []:
            fate = self.dice.random() / self.faulty if self.faulty else 9.0
            if fate < 0.4:
                continue
            if fate < 0.6:
                out += bytes((part[0] ^ 0x55,)) + part[1:] + b"\0"
            elif fate < 0.8:
                out += part[: len(part) // 2] + b"\0"
            else:
                out += (part + b"\0") * (1 + (fate < 1))
        return out

    def drain(self) -> None:
        self.faulty = 0.0
        self.win_clock()
        for _ in range(1500):
            if not self.outbox.waiting:
                return
            self.turn()
        raise AssertionError(f"{self.outbox.waiting} records never arrived")

    def rows(self) -> list[tuple[str, int, dict[str, Any]]]:
        """(lane, number, cells) in the Pi's outbox, in its order."""
        assert self.intake.outbox is not None
        found = []
        for lane in ("event", "sense"):
            after = None
            while (batch := self.intake.outbox.take(lane, after)) is not None:
                after = (batch.epoch, batch.last_seq)
                here = []
                for group in batch.groups:
                    if group.source == "node-probe-1":
                        name = "detail" if group.kind == "fault" else "temperature_cc"
                        for at, seq in enumerate(group.columns["seq"]):
                            cells = {key: column[at] for key, column in group.columns.items()}
                            here.append((seq, (lane, int(cells[name]), cells)))
                found += [row for _, row in sorted(here, key=lambda one: one[0])]
        return found


STEPS = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 30)),
    st.tuples(st.just("turns"), st.integers(1, 40)),
    st.tuples(st.just("faulty"), st.floats(0, 0.9)),
    st.tuples(st.sampled_from(["start_node", "start_pi", "win_clock"])),
)


@settings(max_examples=30)
@given(st.lists(STEPS, max_size=14), st.integers(0, 2**32))
def test_every_record_is_once_and_in_order_in_the_outbox(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]], seed: int
) -> None:
    line = Line(tmp_path_factory.mktemp("line"), seed)
    for name, *arguments in steps:
        if name == "turns":
            for _ in range(arguments[0]):
                line.turn()
        elif name == "faulty":
            line.faulty = arguments[0]
        else:
            if name == "start_pi":
                line.intake._outbox.close()  # type: ignore[union-attr]
            getattr(line, name)(*arguments)
    line.drain()
    line.intake.commit(line.time.mono_ms())
    rows = line.rows()
    for lane in ("event", "sense"):
        numbers = [number for name, number, _ in rows if name == lane]
        assert numbers == [n for n in line.accepted if (n % 3 == 0) == (lane == "event")]
    line.intake.close(line.time.mono_ms())


def test_nothing_is_acknowledged_before_it_is_on_disk(tmp_path: Path) -> None:
    line = Line(tmp_path, 1)
    line.win_clock()
    line.add(5)
    line.intake.commit = lambda _: False  # type: ignore[method-assign,assignment]
    for _ in range(100):
        line.turn()
    assert [line.outbox.mark(lane) for lane in wire.LANES] == [0, 0, 0]
    del line.intake.commit
    line.drain()


def test_records_keep_their_moment_whatever_restarts(tmp_path: Path) -> None:
    """Of this boot by ticks, of an earlier one by the time that it knew; nothing lands after the fact."""
    line = Line(tmp_path, 2)
    line.win_clock()
    for _ in range(10):
        line.turn()  # the node learns the time
    assert line.clock.word == "ntp"
    line.add(3)
    happened_ms = line.now_ms
    line.now_ms += 3_600_000
    line.start_node()
    line.intake.close(line.time.mono_ms())
    line.start_pi()
    line.add(3)
    line.drain()
    line.intake.commit(line.time.mono_ms())
    times = [cells["time_ms"] - BUILT_MS - 10**9 for _, _, cells in line.rows()]
    assert max(abs(times[0] - happened_ms), abs(times[1] - happened_ms - 3_600_000)) < 1000
    assert {cells["clock"] for _, _, cells in line.rows()} == {wire.CLOCKS.index("ntp")}


def test_a_card_put_in_anew_goes_on_where_the_node_stands(tmp_path: Path) -> None:
    line = Line(tmp_path, 3)
    line.add(6)
    line.drain()
    line.intake._outbox.close()  # type: ignore[union-attr]
    for file in tmp_path.glob("outbox.db*"):
        file.unlink()
    line.start_pi()
    line.add(3)
    line.drain()
    line.intake.commit(line.time.mono_ms())
    assert sorted(number for _, number, _ in line.rows()) == [7, 8, 9]


def test_a_flash_that_fell_back_loses_nothing_new(tmp_path: Path) -> None:
    """The Pi holds numbers that the node gives again: a new epoch, and each new record arrives."""
    line = Line(tmp_path, 4)
    line.add(6)
    line.drain()
    for file in (tmp_path / "flash").iterdir():
        file.unlink()
    line.start_node()
    line.add(30)
    line.drain()
    line.intake.commit(line.time.mono_ms())
    assert sorted(number for _, number, _ in line.rows()) == list(range(1, 37))


def test_a_node_that_hears_its_pi_before_it_has_spoken_says_hello_all_the_same(tmp_path: Path) -> None:
    """Else the Pi takes it for the boot before, and never learns which firmware runs."""
    line = Line(tmp_path, 4)
    line.start_node()
    ping = frame.body(frame.PING, (1, 0, 0))
    line.link.feed(frame.encode(frame.PING, 0, 9, ping), line.node_ms)
    line.link.step(line.node_ms)
    assert [found.kind for found in frame.Decoder().feed(line.link.output())] == [frame.PONG, frame.HELLO]


def test_commands_are_done_once_and_a_silent_pi_is_noticed(tmp_path: Path) -> None:
    line = Line(tmp_path, 5)
    line.reports.link.command(b"00000000", '{"do": "nothing"}')
    for _ in range(20):
        line.turn()
    line.faulty = 0.6
    line.reports.link.command(b"12345678", '{"do": "signal"}')
    line.reports.link.command(b"87654321", '{"do": 1, ')
    for _ in range(200):
        line.turn()
    assert line.done == ["signal"], "one that nobody heard is not done later"
    assert line.link.is_heard(line.node_ms)
    assert not line.link.is_heard(line.node_ms + SILENT_MS)
    line.link.feed(frame.encode(33, 0, 1, b"x"), line.node_ms)
    assert line.done[-1] == (33, b"x")


def test_a_record_of_a_newer_node_stays_on_it(tmp_path: Path) -> None:
    line = Line(tmp_path, 6)
    line.add(1)
    line.outbox._rings["event"].append([bytes((99,)) + b"??"], line.outbox.boot)
    with pytest.raises(AssertionError, match="1 records never arrived"):
        line.drain()
    line.intake.commit(line.time.mono_ms())


@given(st.lists(st.tuples(st.integers(0, 40), st.binary(max_size=60)), max_size=8))
def test_frames_that_make_no_sense_harm_neither_side(frames: list[tuple[int, bytes]]) -> None:
    stream = b"".join(frame.encode(kind, 1, at, body) for at, (kind, body) in enumerate(frames))
    Reports("node").feed(stream, 1)
    told: list[Any] = []

    class Nothing:
        def settle(self, *_: object) -> list[Any]:
            return []

        def epoch(self) -> str:
            return "0" * 16

        boot = "1" * 16

    link = Link(
        Nothing(),  # type: ignore[arg-type]
        random.Random(1).randbytes,
        "power",
        [],
        lambda command: (bool(command["do"]), ""),
        lambda word, utc_ms: told.append((word, utc_ms)),
        lambda kind, body: told.append((kind, body)),
    )
    link.feed(stream, 1)
    link.output()
