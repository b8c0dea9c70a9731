"""The cabinet on a node: the Pi's judges, cut into restarts, asleep, without a clock, and on MicroPython."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import wire
from firmware.cabinet.cabinet import NOTE
from firmware.settings import node as settings
from firmware.settings.reading import SettingsError
from tests.firmware import cabinet_judge
from tests.firmware.cabinet_judge import MINUTE_MS, Node

if TYPE_CHECKING:
    from tests.micropython import MicroPython

PROBE = {"name": "fridge", "type": "sht4x", "bus": "climate", "profile": "tight"}
SCALE = {"name": "shelf", "type": "x", "slot": {"item": "bcg-10", "pack_mg": 25000, "most_mg": 5000000}}
WORDS = wire.KINDS["excursion"].by_name["state"].words


def told(node: Node) -> list[tuple[int, str, int]]:
    """(number, state, minute) of the excursions."""
    found = [(at_ms, dict(values)) for at_ms, kind, _, values in node.records if kind == "excursion"]
    return [(one["number"], WORDS[one["state"]], round(at_ms / MINUTE_MS)) for at_ms, one in found]


def feel(node: Node, minutes: range, temperature_cc: int | None) -> None:
    """A look a minute; None: the probe is dead."""
    for minute in minutes:
        values = None if temperature_cc is None else {"temperature_cc": temperature_cc}
        node.look(minute * MINUTE_MS, "fridge", "climate", values)


# --- excursions -----------------------------------------------------------------------------------------


def test_a_dead_probe_is_lost_and_not_fine_and_goes_on_sounding() -> None:
    node = Node([PROBE])
    feel(node, range(62), 900)
    assert node.cabinet.is_sounding
    feel(node, range(62, 70), None)
    assert told(node) == [(1, "open", 60), (1, "lost", 64)]
    assert node.cabinet.is_sounding, "nobody has seen that it is well"
    feel(node, range(70, 72), 500)
    assert not node.cabinet.is_sounding
    assert [wire.check_values(kind, dict(values)) for _, kind, _, values in node.records] == [None] * 2


def test_what_the_clock_never_tells_is_a_gap_of_unknown_length() -> None:
    node = Node([PROBE])
    feel(node, range(62), 900)
    node.start(63 * MINUTE_MS, is_timed=False)
    feel(node, range(63, 75), 900)
    assert told(node) == [(1, "open", 60), (1, "lost", 63)]
    asleep = Node([PROBE], 60)
    feel(asleep, range(62), 900)
    asleep.start(63 * MINUTE_MS, is_timed=False)
    feel(asleep, range(63, 64), 900)
    assert told(asleep) == [(1, "open", 60)]
    found = asleep.cabinet.step(1000, is_last=True)
    assert [WORDS[one[2]["state"]] for one in found] == ["lost"], "it sleeps, and cannot wait"


@hypothesis.settings(max_examples=20)
@given(st.integers(0, 2**20), st.integers(1, 30))
def test_any_cut_into_restarts_gives_the_same_records(seed: int, cuts_pct: int) -> None:
    """Sleeps, cuts with a clock, and cuts after which it is won some samples later."""
    assert cabinet_judge.days([[seed], cuts_pct]) == cabinet_judge.days([[seed], 0])


def test_power_cut_between_rows_and_note_tells_again_under_the_same_number() -> None:
    node = Node([PROBE])
    feel(node, range(60), 900)
    flash = dict(node.files.held)
    feel(node, range(60, 61), 900)
    assert told(node) == [(1, "open", 60)]
    node.files.held = flash
    node.start(61 * MINUTE_MS - 5000)
    feel(node, range(61, 62), 900)
    assert told(node) == [(1, "open", 60), (1, "open", 61)]


def test_the_note_is_written_with_samples_outside_and_else_never() -> None:
    node = Node([PROBE, {**PROBE, "name": "box"}])
    feel(node, range(500), 500)
    assert node.notes.get(NOTE) is None
    feel(node, range(500, 600), 900)
    written = sum(len(data) for data in node.files.held.values())
    assert len(json.dumps(node.notes.get(NOTE))) < 300
    feel(node, range(600, 602), 500)
    before = dict(node.files.held)
    feel(node, range(602, 1000), 500)
    assert node.files.held == before
    assert written < 4096 + 300, "one file of notes, however often"


def test_a_note_that_is_of_another_version_is_none() -> None:
    node = Node([PROBE])
    node.notes.put({NOTE: {"v": 99, "probes": {"fridge": "?"}}})
    node.start(0)
    feel(node, range(61), 900)
    assert told(node) == [(1, "open", 60)]


def test_the_alarm_outlasts_a_sleep_and_never_waits_for_the_clock() -> None:
    alarmed = {"name": "fridge", "type": "x", "alarm": {"low_cc": 200, "high_cc": 800, "for_s": 600}}
    node = Node([alarmed], 300)
    for minute in range(0, 20, 5):
        node.start(minute * MINUTE_MS - 1000, is_new=False, is_timed=False)
        node.look(minute * MINUTE_MS, "fridge", "climate", {"temperature_cc": 900})
    assert node.faults == [["fridge", "too_warm", 0]]
    assert node.records == []
    node.start(20 * MINUTE_MS, is_timed=False)
    assert not node.cabinet.is_sounding, "another boot: it begins anew"


# --- counts ---------------------------------------------------------------------------------------------


def weigh(node: Node, begin_s: int, end_s: int, mass_mg: int | None, every_s: int = 1) -> None:
    dice = random.Random(begin_s)
    for second in range(begin_s, end_s, every_s):
        mass = None if mass_mg is None else mass_mg + dice.randint(-600, 600)
        node.look(second * 1000, "shelf", "mass", {"mass_mg": mass})


def counts(node: Node) -> list[dict[str, Any]]:
    return [dict(values) for _, kind, _, values in node.records if kind == "count"]


def test_what_a_hand_takes_is_a_count() -> None:
    node = Node([SCALE])
    weigh(node, 0, 20, 500_000)
    weigh(node, 20, 60, 450_000)
    (count,) = counts(node)
    assert (count["slot"], count["item"], count["change_pieces"]) == ("shelf", "bcg-10", -2)
    weigh(node, 60, 100, 440_000)
    weigh(node, 100, 160, 415_000 + 12_000)
    assert [one["change_pieces"] for one in counts(node)] == [-2, None], "nobody knows how many packs that is"


def test_a_door_brackets_a_visit() -> None:
    node = Node([SCALE])
    node.look(0, "door", "door", {"state": 0})
    weigh(node, 0, 20, 500_000)
    node.look(20_000, "door", "door", {"state": 1})
    weigh(node, 20, 60, 475_000)
    assert counts(node) == []
    node.look(60_000, "door", "door", {"state": 0})
    weigh(node, 60, 70, 475_000)
    assert [(one["change_pieces"], one["sure_pct"] > 90) for one in counts(node)] == [(-1, True)]


def test_a_scale_that_carries_too_much_is_a_fault() -> None:
    node = Node([SCALE])
    weigh(node, 0, 1, None)
    assert node.faults == [["shelf", "overload", 0]]


def test_a_node_that_sleeps_counts_by_its_looks() -> None:
    node = Node([SCALE], 300)
    for look in range(16):
        node.start(look * 900_000 - 1000, is_new=False)
        weigh(node, look * 900, look * 900 + 1, 500_000 if look < 5 else 475_000)
    assert [one["change_pieces"] for one in counts(node)] == [-1]
    assert counts(node)[0]["began_ago_ms"] <= 5 * 900_000


# --- settings, and the other interpreter ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "where"),
    [
        ({"profile": "warm"}, "fridge.profile: not one of refrigerator, room"),
        ({"profile": 7}, "fridge.profile"),
        ({"alarm": {"low_cc": 200, "high_cc": 800}}, "fridge.alarm.for_s: needed"),
        ({"alarm": 5}, "fridge.alarm: not an object"),
        ({"slot": {"item": "bcg", "pack_mg": 25000}}, "fridge.slot.most_mg: needed"),
        ({"slot": {"item": "bcg", "pack_mg": 25000, "most_mg": 1000000, "noise_mg": 20000}}, "hides a pack"),
        ({"slot": {"item": "bcg", "pack_mg": 25000, "most_mg": 1000000, "color": 1}}, "fridge.slot.color"),
    ],
)
def test_settings_that_cannot_be_judged_by_are_refused(entry: dict[str, Any], where: str) -> None:
    one = {"name": "fridge", "type": "sht4x", "bus": "climate", **entry}
    text = json.dumps({"version": 1, "unit": "n", "mode": "wired", "drivers": [one]})
    with pytest.raises(SettingsError, match=where):
        settings.parsed(text)


def test_a_cabinet_of_four_probes_and_four_scales_fits_into_the_settings() -> None:
    probes = [{**PROBE, "name": f"probe-{at}", "address": 68 + at} for at in range(4)]
    slot = {"item": "bcg-10", "pack_mg": 25000, "pack_pieces": 10, "most_mg": 5000000}
    scale = {"type": "nau7802", "bus": "scale-a", "zero": 838860, "mg_per_kcount": 2450, "slot": slot}
    whole = {
        "version": 1,
        "unit": "household-07",
        "mode": "alone",
        "wifi": {"ssid": "somum", "password": "at-least-8"},
        "broker": {"host": "broker.example", "port": 8883, "is_tls": True},
        "drivers": [*probes, *({**scale, "name": f"scale-{at}"} for at in "abcd")],
    }
    text = json.dumps(whole, separators=(",", ":"))
    assert len(settings.parsed(text)["drivers"]) == 8


def test_both_interpreters_judge_alike(board: MicroPython) -> None:
    seeds = list(range(1, 8))
    ours = [cabinet_judge.days([seeds, cuts_pct]) for cuts_pct in (0, 10)]
    assert ours[0] == ours[1]
    assert sum(len(day) for day in ours[0]) > 10
    assert board.call("cabinet_judge.days", [seeds, 10], heap_kib=1024).result == ours[0]
