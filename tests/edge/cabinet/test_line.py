"""The cabinet inside the agent: bytes on a pty in, rows of the outbox out, across a restart."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge import __main__ as command_line
from edge.agent import Agent
from edge.cabinet import command
from edge.cabinet.cabinet import Cabinet
from edge.cabinet.keeper import REQUEST
from edge.cabinet.layout import layout_of
from edge.clock import Clock
from edge.config import settings_of
from edge.outbox import Limits, open_outbox
from edge.record import Reading
from edge.simulate.pty_line import PtyLine
from edge.time_source import ScaledTime
from firmware import wire
from firmware.cabinet.axis import HOLD_MS
from firmware.line import frame
from firmware.line.frame import Entry
from tests.fixtures.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.settings import Settings

UTC_MS = 1_800_000_000_000
MINUTE_MS = 60_000
BOOT, OTHER_BOOT = "b" * 16, "c" * 16
PROBE = {"name": "fridge", "input": "node-0", "profile": "tight"}
SLOT = {"name": "a1", "item": "bcg-10", "input": "node-4", "pack_g": 25, "pack_pieces": 10}


def clock(mono_ms: int | None, utc_ms: int = UTC_MS) -> Clock:
    """A clock that knows the time at `mono_ms`, or not at all."""
    made = Clock(UTC_MS - 1)
    if mono_ms is not None:
        made.offer("rtc", utc_ms, mono_ms)
    return made


def cabinet_of(begin_ms: int = 0, **more: Any) -> Cabinet:
    table = {
        "unit": {"id": "v"},
        "cabinet": {"probe": [PROBE], "slot": [SLOT], "door_input": "node-3", **more},
    }
    return Cabinet(layout_of(settings_of(table, "test").cabinet), begin_ms)


def warm(cabinet: Cabinet, when: Clock, begin_ms: int, samples: int) -> list[Reading]:
    """A sample of 9 degrees each minute."""
    out: list[Reading] = []
    for number in range(samples):
        at_ms = begin_ms + number * MINUTE_MS
        out += cabinet.take(Reading("climate", "node-0", at_ms, {"temperature_cc": 900}))
        out += cabinet.step(at_ms + 1000, when)
    return out


def excursions(found: list[Reading]) -> list[tuple[Any, Any, Any]]:
    words = wire.KINDS["excursion"].by_name["state"].words
    return [
        (one.values["number"], words[int(one.values["state"] or 0)], one.values["began_ago_ms"])
        for one in found
        if one.kind == "excursion"
    ]


# --- across a power cut ---------------------------------------------------------------------------------


def test_an_excursion_goes_on_in_another_boot_by_the_clock() -> None:
    before = cabinet_of()
    warm(before, clock(0), 0, 31)
    state = before.state(BOOT, clock(0))
    after = cabinet_of(5000)
    after.resume(state, OTHER_BOOT)
    # 60 s after the last sample, this boot's clock says.
    late = clock(5000, UTC_MS + 31 * MINUTE_MS)
    found = excursions(warm(after, late, 5000, 40))
    assert found == [(1, "open", 3_600_000)]


def test_samples_wait_for_the_clock_and_are_judged_by_it() -> None:
    before = cabinet_of()
    warm(before, clock(0), 0, 60)
    after = cabinet_of()
    after.resume(before.state(BOOT, clock(0)), OTHER_BOOT)
    assert excursions(warm(after, clock(None), 0, 2)) == []
    won = clock(2 * MINUTE_MS, UTC_MS + 62 * MINUTE_MS)
    assert excursions(after.step(2 * MINUTE_MS, won)) == [(1, "open", 3_600_000)]


def test_a_gap_that_nobody_knows_is_too_long() -> None:
    before = cabinet_of()
    assert excursions(warm(before, clock(0), 0, 61)) == [(1, "open", 3_600_000)]
    after = cabinet_of()
    after.resume(before.state(BOOT, clock(0)), OTHER_BOOT)
    found = excursions(warm(after, clock(None), 0, 2 + HOLD_MS // MINUTE_MS))
    assert [one[:2] for one in found] == [(1, "lost")]


def test_the_same_boot_goes_on_by_itself_and_without_any_clock() -> None:
    before = cabinet_of()
    warm(before, clock(None), 0, 31)
    after = cabinet_of(31 * MINUTE_MS)
    after.resume(before.state(BOOT, clock(None)), BOOT)
    assert excursions(warm(after, clock(None), 31 * MINUTE_MS, 40)) == [(1, "open", 3_600_000)]


def test_a_state_of_the_code_before_is_resumed() -> None:
    """Saved by the judge that stood in edge/cabinet: half an hour of 9 degrees, and 20 minutes in sum."""
    probes = [PROBE, {"name": "box", "input": "node-1", "profile": "shipment-2"}]
    after = cabinet_of(31 * MINUTE_MS, probe=probes)
    after.resume((Path(__file__).parent / "state_v1.json").read_text(), BOOT)
    assert excursions(warm(after, clock(0), 31 * MINUTE_MS, 40)) == [(1, "open", 3_600_000)]
    assert json.loads(after.state(BOOT, clock(0)))["probes"]["box"]["tracks"][2]["sum_ms"] == 1_260_000


@pytest.mark.parametrize("state", [None, "", "{", "[]", '{"v":9}'])
def test_a_state_that_is_none_begins_anew(state: str | None) -> None:
    made = cabinet_of()
    made.resume(state, BOOT)
    assert excursions(warm(made, clock(None), 0, 61)) == [(1, "open", 3_600_000)]


# --- what a node logged ---------------------------------------------------------------------------------


def logged(at_ms: int, temperature_cc: int) -> Reading:
    return Reading("climate", "fridge", at_ms, {"temperature_cc": temperature_cc})


def wired(begin_ms: int) -> Cabinet:
    table = {"unit": {"id": "v"}, "cabinet": {"probe": [PROBE], "door_input": "node-3"}}
    return Cabinet(layout_of(settings_of(table, "test").cabinet, ["node"]), begin_ms)


def test_what_a_node_logged_while_the_pi_was_dead_is_judged_at_its_own_time() -> None:
    """Half an hour was seen; the Pi is off for two, all of it warm; then the log comes, and live after it."""
    before = wired(0)
    warm(before, clock(0), 0, 31)
    after = wired(0)
    after.resume(before.state(BOOT, clock(0)), OTHER_BOOT)
    late = clock(0, UTC_MS + 150 * MINUTE_MS)  # as this boot began
    out = after.step(1000, late)
    for minute in range(31, 150):
        after.learn(logged((minute - 150) * MINUTE_MS, 900))
        out += after.step(2000, late)
    out += after.take(Reading("climate", "node-0", 3000, {"temperature_cc": 500}))
    out += after.step(4000, late)
    told = [one for one in out if one.kind == "excursion"]
    words = wire.KINDS["excursion"].by_name["state"].words
    assert [(one.values["number"], words[int(one.values["state"] or 0)]) for one in told] == [
        (1, "open"),
        (1, "open"),
        (1, "ended"),
    ]
    assert told[0].mono_ms == (60 - 150) * MINUTE_MS, "when it was broken, not when it was learned"
    assert told[-1].values["began_ago_ms"] == 150 * MINUTE_MS + 3000
    assert [one.values["temperature_cc"] for one in out if one.kind == "climate"] == [500]


def test_a_silent_node_is_waited_for_and_a_dead_probe_is_not() -> None:
    alive, dead = wired(0), wired(0)
    for made in (alive, dead):
        assert excursions(warm(made, clock(0), 0, 62)) == [(1, "open", 3_600_000)]
    dead.take(Reading("fault", "node-0", 62 * MINUTE_MS, {"part": "node-0", "code": "no_reply", "state": 0}))
    hour_ms = 60 * MINUTE_MS
    assert excursions(dead.step(2 * hour_ms, clock(0)))[0][:2] == (1, "lost")
    assert excursions(alive.step(2 * hour_ms, clock(0))) == []
    assert alive.status(2 * hour_ms).level == "act", "nobody has said that it is over"
    assert excursions(alive.step(25 * hour_ms + 2 * MINUTE_MS, clock(0)))[0][:2] == (1, "lost")


def test_a_logged_record_has_the_names_of_the_cabinet_and_a_stranger_its_own() -> None:
    made = wired(0)
    assert made.named(Reading("climate", "node-0", 0, {})).source == "fridge"
    assert made.named(Reading("door", "node-3", 0, {})).source == "door"
    assert made.named(Reading("climate", "node-9", 0, {})).source == "node-9"
    made.learn(Reading("door", "door", 0, {"state": 1}))
    assert made.status(0).is_door_open


# --- what the parts make together -----------------------------------------------------------------------


def test_a_silent_probe_is_a_fault_and_no_temperature() -> None:
    made = cabinet_of()
    warm(made, clock(0), 0, 2)
    found = made.step(MINUTE_MS + 300_001, clock(0))
    assert [(one.kind, one.values["code"], one.values["state"]) for one in found] == [("fault", "silent", 0)]
    shown = made.status(MINUTE_MS + 300_001)
    assert (shown.level, shown.probes[0].temperature_cc) == ("look", None)
    back = warm(made, clock(0), 10 * MINUTE_MS, 1)
    assert [(one.kind, one.values.get("state")) for one in back] == [("fault", 1), ("climate", None)]


def test_freezing_says_act_and_why() -> None:
    made = cabinet_of()
    for number in range(61):
        made.take(Reading("climate", "node-0", number * MINUTE_MS, {"temperature_cc": 150}))
    made.step(61 * MINUTE_MS, clock(0))
    (reason,) = made.status(61 * MINUTE_MS).reasons
    assert (reason.level, reason.where) == ("act", "fridge")
    assert "too cold for 60 min, 1.5 °C (below 2.0 °C for 60 min)" in reason.text


def test_a_door_brackets_what_was_taken() -> None:
    made = cabinet_of()
    out: list[Reading] = []

    def hold(begin_s: int, end_s: int, mass_mg: int) -> None:
        for tenth in range(begin_s * 10, end_s * 10):
            out.extend(made.take(Reading("mass", "node-4", tenth * 100, {"mass_mg": mass_mg})))
            out.extend(made.step(tenth * 100, clock(0)))

    out += made.take(Reading("door", "node-3", 0, {"state": 0}))
    hold(0, 20, 500_000)
    out += made.take(Reading("door", "node-3", 20_000, {"state": 1}))
    hold(20, 30, 475_000)
    hold(30, 40, 450_000)
    out += made.take(Reading("door", "node-3", 40_000, {"state": 0}))
    hold(40, 50, 450_000)
    assert [one.kind for one in out] == ["door", "door", "count"]
    count = out[-1].values
    assert (count["change_pieces"], count["slot"], count["item"], count["sure_pct"]) == (
        -20,
        "a1",
        "bcg-10",
        100,
    )
    began_ms = out[-1].mono_ms - int(count["began_ago_ms"] or 0)
    assert 20_000 <= began_ms <= 21_500


def test_a_moving_vehicle_dispenses_nothing() -> None:
    made = cabinet_of(door_input="")
    out: list[Reading] = []
    for second in range(600):
        speed = 1500 if 60 <= second < 500 else 0
        out += made.take(Reading("fix", "gnss", second * 1000, {"speed_cm_s": speed, "fix_mode": 2}))
        for tenth in range(10):
            mass_mg = 500_000 if not speed else 430_000 + 5000 * (tenth % 2)
            at_ms = second * 1000 + tenth * 100
            out += made.take(Reading("mass", "node-4", at_ms, {"mass_mg": mass_mg}))
        out += made.step(second * 1000 + 950, clock(0))
    assert "count" not in {one.kind for one in out}


def test_an_overload_is_a_fault_until_it_is_gone() -> None:
    made = cabinet_of()
    (fault,) = made.take(Reading("mass", "node-4", 0, {"mass_mg": None}))
    assert (fault.values["code"], fault.values["state"]) == ("overload", 0)
    out = [
        one
        for tenth in range(1, 40)
        for one in made.take(Reading("mass", "node-4", tenth * 100, {"mass_mg": 1000}))
    ]
    assert [(one.values["code"], one.values["state"]) for one in out] == [("overload", 1)]


def test_what_a_scan_cannot_name_is_told_and_shown_until_the_next_good_one() -> None:
    made = cabinet_of()
    found = made.take(Reading("scan", "scanner", 0, {"code": "0109506682101352375"}))
    assert [one.values["code"] for one in found] == ["scan_count_37"]
    assert made.status(0).level == "look"
    found = made.take(Reading("scan", "scanner", 5000, {"code": "6901028075763"}))
    assert [one.kind for one in found] == ["fault", "move"]
    assert made.status(5000).level == "fine"


# --- the whole agent ------------------------------------------------------------------------------------


class Unit:
    """An agent with a node and a scanner on ptys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.node, self.scanner = PtyLine(folder / "node"), PtyLine(folder / "scanner")
        self.settings: Settings = settings_of(
            {
                "unit": {"id": "vehicle-01"},
                "broker": {"host": "127.0.0.1", "port": 9},
                "outbox": {"path": str(folder / "outbox.db"), "group_ms": 50},
                "source": [
                    {"name": "node", "type": "node", "port": str(folder / "node"), "baud": 115200},
                    {"name": "scanner", "type": "scanner", "port": str(folder / "scanner")},
                ],
                "cabinet": {
                    "folder": str(folder / "run"),
                    "climate_period_s": 1,
                    "door_input": "node-3",
                    "probe": [PROBE],
                    "slot": [SLOT],
                },
            },
            "unit",
        )
        self.seq = 0
        self.time = ScaledTime()
        self.start()

    def start(self) -> None:
        self.stop = threading.Event()
        self.agent = Agent(self.settings, self.time)
        self.thread = threading.Thread(target=self.agent.run, args=(self.stop,))
        self.thread.start()
        wait_until(lambda: self.node.has_reader and self.scanner.has_reader, 10)

    def end(self) -> None:
        self.stop.set()
        self.agent.wake()
        self.thread.join(60)
        assert not self.thread.is_alive()

    def say(self, *entries: Entry) -> None:
        self.seq += 1
        self.node.send(frame.encode(frame.REPORT, 1, self.seq, frame.report(list(entries))))

    def rows(self) -> list[tuple[str, str, dict[str, Any]]]:
        """What stands in the outbox, by a second look at the file; only while the agent is off."""
        outbox, _ = open_outbox(self.folder / "outbox.db", self.time.boot, Limits())
        found: list[tuple[str, str, dict[str, Any]]] = []
        for lane in ("event", "sense"):
            after = None
            while (batch := outbox.take(lane, after)) is not None:
                after = (batch.epoch, batch.last_seq)
                for group in batch.groups:
                    found += [
                        (group.kind, group.source, dict(zip(group.columns, cells, strict=True)))
                        for cells in zip(*group.columns.values(), strict=True)
                    ]
        self.asked = outbox.note(REQUEST)
        outbox.close()
        return found


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[Unit]:
    made = Unit(tmp_path)
    yield made
    made.end()
    made.node.close()
    made.scanner.close()


def status_of(unit: Unit) -> dict[str, Any]:
    path = unit.folder / "run" / "status.json"
    return json.loads(path.read_text()) if path.exists() else {}


def until(unit: Unit, said: Callable[[], None], reached: Callable[[dict[str, Any]], bool]) -> None:
    """Say it again until the status shows it: whoever opens a port throws away what waited there."""

    def look() -> bool:
        said()
        return reached(status_of(unit))

    wait_until(look, 15)


def test_from_bytes_on_a_line_to_rows_in_the_outbox(
    unit: Unit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "WAIT_S", 60)
    config = tmp_path / "unit.toml"
    config.write_text(
        f'[unit]\nid = "vehicle-01"\n[cabinet]\nfolder = "{tmp_path}/run"\n[[cabinet.slot]]\nname = "a1"\n'
    )
    unit.say(Entry(frame.TEMPERATURE_CC, 0, 0, 8500))
    until(
        unit,
        lambda: unit.say(Entry(frame.TEMPERATURE_CC, 0, 0, 425), Entry(frame.DOOR, 3, 0, 1)),
        lambda shown: bool(shown.get("is_door_open")),
    )
    unit.scanner.send(b"]d2010950668210135210A\r")
    wait_until(lambda: command_line.main(["cabinet", "--config", str(config)]) == 0, 10)
    asked = ["--config", str(config), "--slot", "a1"]
    assert command_line.main(["adjust", *asked, "--pieces", "-1", "--reason", "破损", "--by", "Saran"]) == 0
    assert command_line.main(["count", *asked, "--pieces", "18"]) == 0
    assert command_line.main(["adjust", *asked, "--pieces", "0", "--reason", "x"]) == 1
    unit.end()
    rows = unit.rows()
    assert list((tmp_path / "run" / "requests").iterdir()) == []
    kinds = {kind for kind, _, _ in rows}
    assert {"climate", "door", "move", "count"} <= kinds
    # Bytes of the port and requests are read by different threads: either may come first.
    moves = sorted((values for kind, _, values in rows if kind == "move"), key=lambda one: int(one["move"]))
    assert [(one["move"], one["gtin"], one["lot"], one["reason"], one["actor"]) for one in moves] == [
        (1, "09506682101352", "A", None, None),
        (4, None, None, "破损", "Saran"),
    ]
    assert [values["pieces"] for kind, _, values in rows if kind == "count"] == [18]
    assert {values["temperature_cc"] for kind, source, values in rows if kind == "climate"} == {425}
    unit.start()


def test_a_request_recorded_but_not_answered_is_answered_and_not_recorded_again(unit: Unit) -> None:
    requests = unit.folder / "run" / "requests"
    asked = {"what": "adjust", "slot": "a1", "pieces": -1, "reason": "lost"}
    (requests / "one.json").write_text(json.dumps(asked))
    wait_until((requests / "one.answer").exists, 10)
    unit.end()
    assert sum(kind == "move" for kind, _, _ in unit.rows()) == 1
    assert unit.asked == "one"
    (requests / "one.json").write_text(json.dumps(asked))  # as if the power went before the answer
    unit.start()
    wait_until(lambda: not (requests / "one.json").exists(), 10)
    unit.end()
    assert sum(kind == "move" for kind, _, _ in unit.rows()) == 1
    unit.start()


def test_nobody_answers_when_no_agent_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "unit.toml"
    config.write_text(f'[unit]\nid = "v"\n[cabinet]\nfolder = "{tmp_path}/none"\n')
    assert command_line.main(["cabinet", "--config", str(config)]) == 1
    assert "does the agent run, with a cabinet declared?" in capsys.readouterr().err
    asked = ["--config", str(config), "--slot", "a1", "--pieces", "1", "--reason", "x"]
    assert command_line.main(["adjust", *asked]) == 1
    assert "ask as the agent's user, while the agent runs" in capsys.readouterr().err
