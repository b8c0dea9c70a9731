"""A simulated cabinet: physics that hold, people who come, and lines that the real unit understands."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edge.outbox import Limits, open_outbox
from edge.simulate import fridge
from edge.simulate.cabinet import Cabinet
from edge.simulate.caller import Caller
from edge.simulate.fleet import fleet
from edge.simulate.home import Home
from edge.simulate.node import Node
from edge.simulate.past import live_through
from edge.simulate.shelf import DAY_MS, GOODS, opening, visits
from edge.simulate.unit import settings_for
from edge.simulate.wiring import state_path
from edge.sources.node import Reports
from edge.sources.scanner import Codes
from firmware import wire
from firmware.line import frame

NOW_MS = 1_795_251_600_000
MINUTE_S = 60
MOVES = wire.KINDS["move"].by_name["move"].words


def lived(ambient_c, how, minutes, *, is_open=False):
    """The temperature each minute."""
    air, seen = fridge.Air(), []
    for _ in range(minutes):
        air = fridge.after(air, MINUTE_S, ambient_c, how, is_open=is_open)
        seen.append(air.temperature_c)
    return seen


@pytest.mark.parametrize("ambient_c", [-10, 0, 10, 20, 30])
def test_a_fridge_that_works_keeps_what_lies_in_it_cold_and_unfrozen(ambient_c):
    seen = lived(ambient_c, "", 24 * 60)
    assert min(seen) > 2
    assert max(seen) < 8
    assert max(abs(a - b) for a, b in pairwise(seen)) < 0.6


def test_the_compressor_has_its_cycle():
    seen = lived(20, "", 12 * 60)
    turns = sum((a < b) != (b < c) for a, b, c in zip(seen, seen[1:], seen[2:], strict=False))
    assert 20 < turns < 80  # once in twenty minutes to an hour and more


def test_how_it_fails():
    assert next(at for at, c in enumerate(lived(20, "off", 300)) if c > 8) in range(30, 90)
    assert max(lived(20, "ajar", 70)) > 8
    assert min(lived(20, "stuck", 75)) <= -0.5
    assert min(lived(-40, "", 600)) < -0.5  # an unheated winter night is too much for any heater
    assert lived(20, "", 1, is_open=True)[0] - 4.3 > 0.5


def test_failures_are_rare_short_and_the_same_again():
    hours = [
        fridge.failure(f"u-{unit}", NOW_MS + hour * 3_600_000) for unit in range(60) for hour in range(96)
    ]
    assert set(hours) == {"", *fridge.FAILURES}
    assert 0.005 < 1 - hours.count("") / len(hours) < 0.1
    assert hours[:96] == [fridge.failure("u-0", NOW_MS + hour * 3_600_000) for hour in range(96)]


def test_medicines_go_in_working_hours_and_come_now_and_then():
    goods = GOODS["clinic"]
    found = visits("u", goods, NOW_MS - 60 * DAY_MS, NOW_MS)
    hours = {(one.at_ms // 3_600_000 + 8) % 24 for one in found if not one.is_delivery}
    assert hours <= set(range(9, 18))
    assert len({one.at_ms // DAY_MS for one in found if one.is_delivery}) in (2, 3)
    assert [one.at_ms for one in found] == sorted(one.at_ms for one in found)
    parts = visits("u", goods, NOW_MS - 60 * DAY_MS, NOW_MS - 9_999_999) + visits(
        "u", goods, NOW_MS - 9_999_999, NOW_MS
    )
    assert parts == found


def test_its_lines_are_understood_and_a_visit_is_door_mass_and_code():
    cabinet = Cabinet("u", "clinic", NOW_MS)
    for visit in opening("u", cabinet.goods, NOW_MS):
        cabinet.scanned(visit)
    (first, *_) = (one for one in visits("u", cabinet.goods, NOW_MS, NOW_MS + DAY_MS) if one.good.channel)
    reports, codes, heard = Reports("node"), Codes("scanner"), []
    cabinet.at_ms = first.at_ms - 30_000
    for at_ms in range(first.at_ms - 29_000, first.at_ms + 60_000, 1000):
        said = cabinet.advance(at_ms, 20, is_staffed=True, is_moving=False)
        body = frame.report(said.entries)
        heard += reports.feed(frame.encode(frame.REPORT, 0, at_ms // 1000, body), at_ms)
        heard += [scan for code in said.codes for scan in codes.feed(code, at_ms)]
    assert not any(reports.refused.values())
    doors = [one.values["state"] for one in heard if one.kind == "door"]
    assert [state for state, after in pairwise([*doors, None]) if state != after] == [0, 1, 0]
    masses = [one.values["mass_mg"] for one in heard if one.source == f"node-{first.good.channel}"]
    assert masses[0] - masses[-1] == pytest.approx(1000 * first.good.pack_g, abs=1000)
    (scan,) = (one for one in heard if one.kind == "scan")
    assert scan.values["code"].startswith(f"]d201{first.good.gtin}17")


class Pi:
    """The real source of a unit at the other end of a node's line; what comes is on disk at once."""

    def __init__(self, node, at_ms=NOW_MS):
        self.node, self.at_ms, self.reports, self.readings = node, at_ms, Reports("node"), []
        self.to_node = self.reports.link.greeting()

    def live(self, span_ms, entries=()):
        """Half a second at a time."""
        for _ in range(0, span_ms, 500):
            self.at_ms += 500
            said = self.node.step(self.to_node, list(entries), self.at_ms)
            for reading in self.reports.feed(said, self.at_ms):
                self.readings.append(reading)
                if reading.mark is not None:
                    reading.mark.settled(reading.mark.after(None))
            self.to_node = self.reports.link.due(self.at_ms)


def test_its_node_says_hello_and_shows_what_it_is_told(tmp_path, caplog):
    pi = Pi(Node("u", tmp_path / "flash", NOW_MS + 900))  # within the world's second
    pi.live(5000, [frame.Entry(frame.TEMPERATURE_CC, 0, 0, 431)])
    assert pi.readings[0].values == {"temperature_cc": 431}
    red = {"do": "signal", "light": "red", "on_ms": 250, "off_ms": 250, "beeps": 3, "every_s": 30}
    with caplog.at_level("INFO"):
        pi.reports.link.command(b"12345678", json.dumps(red))  # which only goes to a node that said hello
        pi.live(5000)
    assert pi.node.signal == "red light, 3 beeps"
    assert "the cabinet shows: red light, 3 beeps" in caplog.messages
    assert not any(pi.reports.refused.values())


def test_a_press_is_a_record_once_though_the_unit_was_off_and_the_node_started_anew(tmp_path, caplog):
    caplog.set_level("INFO")
    node = Node("u", tmp_path / "flash", NOW_MS)
    node.press()
    assert node.call.state == "called"
    pi = Pi(Node("u", tmp_path / "flash", NOW_MS + 60_000), NOW_MS + 60_000)
    pi.live(30_000)
    (call,) = (reading for reading in pi.readings if reading.kind == "help")
    assert (call.source, call.values["event"], call.values["call"]) == ("node-help", 0, node.call.number)
    coming = {"do": "help", "source": "help", "call": node.call.number, "state": "coming"}
    pi.reports.link.command(b"87654321", json.dumps(coming))
    pi.live(5000)
    assert pi.node.call.state == "coming"
    assert "the button shows: coming" in caplog.messages


def test_a_crew_calls_now_and_then_and_takes_it_back_when_nobody_comes(tmp_path):
    node = Node("u", tmp_path / "flash", NOW_MS)
    caller, states = Caller("u", node, NOW_MS), []
    for minute in range(24 * 60):
        caller.step(NOW_MS + minute * 60_000)
        states.append(node.call.state)
    assert states[:12] == ["over"] * 3 + ["called"] * 8 + ["over"]
    assert 4 <= sum(before != after == "called" for before, after in pairwise(states)) <= 8
    node.press()
    node.call.answer("help", node.call.number, "coming")
    caller.step(NOW_MS + 10 * DAY_MS)
    assert node.call.state == "coming", "the crew waits for whoever comes"


def rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The records of an outbox's event and sense lanes, each with its kind."""
    outbox, _ = open_outbox(path, "b" * 16, Limits())
    for lane in ("event", "sense"):
        after = None
        while (batch := outbox.take(lane, after)) is not None:
            after = (batch.epoch, batch.last_seq)
            for group in batch.groups:
                for cells in zip(*group.columns.values(), strict=True):
                    yield group.kind, dict(zip(group.columns, cells, strict=True))
    outbox.close()


def test_a_unit_that_starts_has_a_past_in_its_outbox(tmp_path):
    unit = next(unit for unit in fleet(24) if unit.is_home)
    settings = settings_for(unit, tmp_path, ("127.0.0.1", 9))
    live_through(unit, settings, NOW_MS)
    found = list(rows(tmp_path / "outbox.db"))
    pieces = Counter()
    for kind, values in found:
        if kind == "move":
            sign = 1 if MOVES[values["move"]] == "receive" else -1
            pieces[values["item"]] += sign * values["pieces"]
            assert values["lot"]
            assert values["expires_on"] > NOW_MS // DAY_MS - 60
    cabinet = Cabinet(unit.id, unit.cabinet, NOW_MS)
    cabinet.resume(json.loads(state_path(tmp_path).read_text()))
    lying = {good.item: good.pack_pieces * cabinet.shelf.packs(good.slot) for good in cabinet.goods}
    assert {item: pieces[item] for item in lying} == lying
    climate = [values["time_ms"] for kind, values in found if kind == "climate"]
    assert len(climate) > 1300
    assert NOW_MS - DAY_MS <= min(climate) <= max(climate) <= NOW_MS
    assert {values["clock"] for _, values in found} == {wire.CLOCKS.index("rtc")}
    before = (tmp_path / "outbox.db").read_bytes()
    live_through(unit, settings, NOW_MS + DAY_MS)
    assert (tmp_path / "outbox.db").read_bytes() == before


def test_a_household_stays_where_it_is_and_its_network_comes_and_goes():
    home = Home("home-01", next(unit for unit in fleet(24) if unit.is_home).home_id)
    motion, seen = home.start(), []
    for _ in range(200):
        motion = home.after(motion, 1800)
        seen.append(home.scene(motion))
    assert len({(scene.lat_deg, scene.lon_deg, scene.speed_m_s) for scene in seen}) == 1
    assert {scene.is_covered for scene in seen} == {True, False}
    assert home.after(home.after(home.start(), 5000), 5000) == home.after(home.start(), 10_000)
