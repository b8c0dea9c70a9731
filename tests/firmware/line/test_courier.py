"""The courier before a broker and a service on paper: what it sends again, when it gives up, what it says."""

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from firmware import wire
from firmware.clock import BUILT_MS, Clock
from firmware.line import courier as couriers
from firmware.line import mqtt_packets
from firmware.line.courier import Courier
from firmware.store.folder import Folder
from firmware.store.outbox import Outbox
from tests.edge.paper_service import PaperService

UNIT = "household-01"


class Broker:
    """Answers packets; `level` is the only one it speaks, and what is published comes to `published`."""

    def __init__(self, level: int = 5) -> None:
        self.level = level
        self.published: list[tuple[str, bytes]] = []
        self.acknowledges = True

    def answer(self, data: bytes) -> bytes:
        out = b""
        while data:
            size, at = mqtt_packets.varint(data, 1)
            out += self._packet(data[0], data[at : at + size])
            data = data[at + size :]
        return out

    def _packet(self, first: int, packet: bytes) -> bytes:
        kind = first >> 4
        if kind == mqtt_packets.CONNECT:
            if packet[6] != self.level:
                return b"\x20\x03\x00\x84\x00" if packet[6] == 5 else b"\x20\x02\x00\x01"
            return b"\x20\x03\x00\x00\x00" if self.level == 5 else b"\x20\x02\x00\x00"
        if kind == mqtt_packets.SUBSCRIBE:
            return b"\x90" + (
                b"\x04" + packet[:2] + b"\x00\x01" if self.level == 5 else b"\x03" + packet[:2] + b"\x01"
            )
        if kind == mqtt_packets.PUBLISH:
            return self._published(first, packet)
        return b"\xd0\x00" if kind == mqtt_packets.PINGREQ else b""

    def _published(self, first: int, packet: bytes) -> bytes:
        at = 2 + mqtt_packets.u16(packet, 0)
        topic = packet[2:at].decode()
        number = packet[at : at + 2] if first & 2 else b""
        self.published.append((topic.rpartition("/")[2], packet[at + len(number) + (self.level == 5) :]))
        return b"\x40\x02" + number if number and self.acknowledges else b""


class Line:
    """A courier on a line that always connects at once."""

    def __init__(self, folder: Path, level: int = 5) -> None:
        self.broker, self.service = Broker(level), PaperService()
        self.clock = Clock()
        self.clock.offer("ntp", BUILT_MS + 10**9, 0)
        self.outbox = Outbox(Folder(str(folder / "rows")), "1" * 16, os.urandom)
        self.told: list[tuple[str, bool]] = []
        self.courier = Courier(UNIT, self.outbox, self.clock, os.urandom, self.tell, "test", ["climate"])
        self.now_ms = 0
        self.connections = 0
        self.answers = True

    def tell(self, code: str, detail: str, is_over: bool) -> None:
        del detail
        self.told.append((code, is_over))

    def add(self, count: int) -> None:
        readings = [("climate", "probe-1", {"temperature_cc": n}, self.now_ms) for n in range(count)]
        self.outbox.append(readings, self.clock)

    def run(self, seconds: float) -> None:
        until_ms = self.now_ms + int(seconds * 1000)
        while self.now_ms < until_ms:
            self.now_ms += 100
            if self.courier.is_connect_due(self.now_ms):
                self.connections += 1
                self.courier.connected(self.now_ms)
            if not (self.courier.step(self.now_ms) and self.carry()):
                self.courier.lost(self.now_ms)

    def carry(self) -> bool:
        seen = len(self.broker.published)
        came = self.broker.answer(self.courier.output())
        for leaf, payload in self.broker.published[seen:]:
            epoch = self.outbox.epoch()
            if leaf == "birth":
                self.conn = wire.decode_json("birth", payload)["conn"]
            elif leaf == "batch":
                batch = wire.decode_batch(payload)
                self.service.take(batch)
                epoch = batch.epoch  # a fork gives its lane one of its own
            if leaf in ("birth", "batch") and self.answers:
                came += self.down("receipt", self.service.receipt(epoch, self.conn))
        return self.courier.feed(came, self.now_ms)

    def down(self, leaf: str, message: dict[str, Any]) -> bytes:
        topic, payload = wire.topic(UNIT, leaf).encode(), wire.encode_json(leaf, message)
        body = len(topic).to_bytes(2, "big") + topic + (b"\x00" if self.broker.level == 5 else b"") + payload
        return mqtt_packets.packet(0x30, body)

    def raw(self, topic: str, payload: bytes) -> bytes:
        """A message as nobody checked it."""
        head = mqtt_packets.text(topic) + (b"\x00" if self.broker.level == 5 else b"")
        return mqtt_packets.packet(0x30, head + payload)

    def leaves(self) -> list[str]:
        return [leaf for leaf, _ in self.broker.published]


@pytest.mark.parametrize("level", [5, 4])
def test_all_is_receipted_whatever_the_broker_speaks(tmp_path: Path, level: int) -> None:
    line = Line(tmp_path, level)
    line.add(50)
    line.run(20)
    assert (line.outbox.waiting, line.courier.is_open) == (0, True)
    assert len(line.service.rows) == 50
    assert line.leaves()[0] == "birth"
    assert line.connections == (1 if level == 5 else 2)
    assert line.leaves().count("batch") == 3, "a batch under way is not sent twice"


def test_without_receipts_it_sends_again_ever_later_and_then_connects_anew(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.answers = False
    line.add(1)
    line.run(100)
    assert line.connections == 2, "three time-outs: the line only looks alive"
    assert 3 <= line.leaves().count("batch") <= 6
    assert ("no_receipt", False) in line.told
    line.answers = True
    line.run(100)
    assert line.outbox.waiting == 0
    assert ("no_receipt", True) in line.told
    assert len(line.service.rows) == 1


def test_a_service_that_lost_its_store_is_given_what_there_is(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.add(30)
    line.run(5)
    line.service = PaperService()
    line.courier.lost(line.now_ms)
    line.run(30)
    assert len(line.service.rows) == 30
    assert ("store_lowered", False) in line.told


def test_records_without_a_time_wait_for_it_but_not_for_ever(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.clock.word = "none"
    line.clock.boot_at_ms = 0
    line.add(3)
    line.run(60)
    assert "batch" not in line.leaves()
    line.now_ms = couriers.HOLD_MS
    line.run(5)
    assert line.outbox.waiting == 0


def test_a_command_is_answered_once_and_nonsense_is_a_fault(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.add(10)
    line.run(5)
    asked = {"id": "c1", "what": "resend", "lane": "sense", "first_seq": 3, "last_seq": 6}
    for message in (
        asked,
        asked,
        {"id": "c2", "what": "raw_track", "from_ms": 0, "to_ms": 1},
        {"id": "c3", "what": "erase"},
    ):
        assert line.courier.feed(line.down("command", message), line.now_ms)
    line.run(5)
    answers = [row for _, row in sorted(line.service.rows.items()) if row[1] == "answer"]
    assert [(row[6], row[7]) for row in answers] == [("c1", 0), ("c2", 1), ("c3", 0)]
    assert line.service.conflicts == []
    bad = mqtt_packets.packet(0x30, b"\x00\x03a/b\x00x")
    assert line.courier.feed(bad, line.now_ms)
    assert ("bad_message", False) in line.told


def test_a_live_message_is_rare_without_news_and_a_good_bye_is_said(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.run(2)
    for _ in range(40):
        line.courier.send_live({"lat_e7": 1, "lon_e7": 2}, line.now_ms, True)
        line.run(1)
    assert 4 <= line.leaves().count("live") <= 5
    line.courier.close()
    line.broker.answer(line.courier.output())
    assert wire.decode_json("birth", line.broker.published[-1][1])["state"] == "offline"


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({mqtt_packets.CONNECT: b"\x20\x03\x00\x87\x00"}, "refused"),
        ({mqtt_packets.SUBSCRIBE: b"\x90\x04\x00\x01\x00\x87"}, "subscription_denied"),
        ({mqtt_packets.PUBLISH: b"\x40\x03\x00\x03\x97"}, "quota"),
        ({mqtt_packets.PUBLISH: b"\xe0\x01\x8e"}, "taken_over"),
        ({mqtt_packets.PUBLISH: b"\xe0\x00"}, "closed"),
        ({mqtt_packets.PUBLISH: b"\x30\xff\x7f"}, "too_large"),
        ({mqtt_packets.PUBLISH: b"\x20\x03\x00\x00\x00"}, "malformed"),
    ],
)
def test_what_a_broker_has_against_us_is_told_and_over_when_it_lets_us_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: dict[int, bytes], code: str
) -> None:
    line = Line(tmp_path)
    real, left = line.broker._packet, dict(answers)

    def answered(first: int, packet: bytes) -> bytes:
        said = real(first, packet)
        return left.pop(first >> 4, said)

    monkeypatch.setattr(line.broker, "_packet", answered)
    line.add(5)
    line.run(100)
    assert left == {}
    assert (code, False) in line.told
    line.courier.lost(line.now_ms)
    line.run(60)
    assert (code, True) in line.told[line.told.index((code, False)) :]
    assert line.outbox.waiting == 0


def test_who_asks_for_what_is_under_way_is_given_it_again_once(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.answers = False
    line.add(1)
    line.run(3)
    assert line.leaves().count("batch") == 1
    nothing_yet = line.service.receipt(line.outbox.epoch(), line.conn)
    nothing_yet["lanes"] = {"sense": {"mark": 0, "runs": []}}
    for _ in range(3):
        line.courier.feed(line.down("receipt", nothing_yet), line.now_ms)
        line.run(3)
    assert line.leaves().count("batch") == 2
    assert 0 < line.courier.wait_ms(line.now_ms) < couriers.RECEIPT_MS


def test_a_batch_has_room_on_a_board(tmp_path: Path) -> None:
    line = Line(tmp_path)
    values = {"part": "p" * 60, "state": 0, "detail": "d" * 100}
    line.outbox.append([("fault", "unit", {**values, "code": f"{n:060}"}, 0) for n in range(40)], line.clock)
    line.run(20)
    sizes = [len(payload) for leaf, payload in line.broker.published if leaf == "batch"]
    assert max(sizes) <= couriers.BATCH_BYTES
    assert (line.outbox.waiting, len(line.service.rows)) == (0, 40)


def test_a_stretch_is_sent_again_as_far_as_the_line_has_room(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.add(400)
    line.run(60)
    line.broker.acknowledges = False
    asked = {"id": "c1", "what": "resend", "lane": "sense", "first_seq": 1, "last_seq": 400}
    assert line.courier.feed(line.down("command", asked), line.now_ms)
    line.broker.acknowledges = True
    line.run(30)
    (answer,) = [row for row in line.service.rows.values() if row[1] == "answer"]
    assert (answer[7], answer[9]) == (0, 8 * 30), "a window of eight batches"
    assert line.service.conflicts == []


ODD = (
    None,
    True,
    -1,
    0,
    1,
    3,
    49,
    50,
    51,
    1.5,
    2**53,
    2**70,
    "",
    "x",
    "1" * 16,
    [],
    {},
    [[1, "2" * 16]],
    [[]],
)


def twisted(dice: random.Random, message: Any) -> Any:
    """The same with one value of another kind, or not there."""
    if isinstance(message, dict) and message and dice.random() < 0.8:
        key = dice.choice(sorted(message))
        if dice.random() < 0.1:
            return {name: message[name] for name in message if name != key}
        return {**message, key: twisted(dice, message[key])}
    if isinstance(message, list) and message and dice.random() < 0.8:
        at = dice.randrange(len(message))
        return [*message[:at], twisted(dice, message[at]), *message[at + 1 :]]
    return dice.choice(ODD)


@pytest.mark.parametrize("seed", range(12))
def test_receipts_that_lie_cost_time_and_nothing_else(tmp_path: Path, seed: int) -> None:
    """Marks never reached, boots never had, other epochs, commands that are none: all arrives in the end."""
    dice, line = random.Random(seed), Line(tmp_path)
    line.add(50)
    line.run(1)
    for _ in range(25):
        epoch = dice.choice([line.outbox.epoch(), "f" * 16])
        receipt = twisted(dice, line.service.receipt(epoch, dice.choice([0, line.conn, line.conn + 1])))
        command = twisted(
            dice, {"id": "c1", "what": "resend", "lane": "sense", "first_seq": 3, "last_seq": 6}
        )
        for leaf, message in (("receipt", receipt), ("command", command)):
            payload = json.dumps({"v": 1, **message} if isinstance(message, dict) else message).encode()
            topic = dice.choice(
                [wire.topic(UNIT, leaf), f"ortoo/v1/{UNIT}/{leaf}/x", leaf, "ortoo/v1/b/live"]
            )
            assert line.courier.feed(line.raw(topic, payload[: dice.choice([9999, 20])]), line.now_ms)
        line.run(1)
        for lane in wire.LANES:
            assert 0 <= line.outbox.mark(lane) <= line.outbox.last_seq(lane)
    line.run(100)
    assert line.outbox.waiting == 0
    temperatures = {row[6] for row in line.service.rows.values() if row[1] == "climate"}
    assert temperatures == set(range(50))


@pytest.mark.parametrize("seed", range(12))
def test_receipts_that_could_be_true_but_are_not_leave_it_at_work(tmp_path: Path, seed: int) -> None:
    """Who lies about what is stored can lose it; the node goes on, and what comes later arrives."""
    dice, line = random.Random(seed), Line(tmp_path)
    line.add(50)
    for _ in range(25):
        mark = dice.randrange(61)
        runs = [[dice.randint(1, mark), dice.choice(["1" * 16, "2" * 16])]] if mark else []
        told = {
            "epoch": line.outbox.epoch(),
            "conn": dice.choice([0, line.conn]) if line.connections else 0,
            "lanes": {dice.choice(wire.LANES): {"mark": mark, "runs": runs}},
        }
        line.run(1)
        assert line.courier.feed(line.down("receipt", told), line.now_ms)
        for lane in wire.LANES:
            assert 0 <= line.outbox.mark(lane) <= line.outbox.last_seq(lane)
    line.run(100)
    line.outbox.append([("climate", "probe-1", {"temperature_cc": 777}, line.now_ms)], line.clock)
    line.run(100)
    assert line.outbox.waiting == 0
    assert 777 in {row[6] for row in line.service.rows.values() if row[1] == "climate"}
