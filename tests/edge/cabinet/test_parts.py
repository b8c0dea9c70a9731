"""Probe, door, planogram, clerk, requests, layout and status: each by its rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.cabinet import request, status
from edge.cabinet.barcode import CodeError
from edge.cabinet.clerk import REST_MS, STUTTER_MS, Clerk
from edge.cabinet.door import CLOSED, OPEN, Door
from edge.cabinet.planogram import Planogram, PlanogramError, Slot
from edge.cabinet.probe import Gate
from edge.cabinet.status import PATTERNS, Reason, Sight, Status
from edge.config import ConfigError, settings_of
from firmware import wire

GTIN = "09506682101352"
UNIT = {"id": "vehicle-01"}

# --- probe ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("samples_cc", "verdicts"),
    [
        ([8500, 425], ["power_on", 425]),
        ([425, 8500, 431], [425, "power_on", 431]),
        ([8400, 8500], [8400, 8500]),
        ([-12700, 425], ["no_reply", 425]),
        ([-12001, 12501], ["range", "range"]),
        ([400, 2400, 405], [400, "jump", 405]),
        ([400, 2400, 2410, 2420], [400, "jump", 2410, 2420]),
        ([400, 890, 1380], [400, 890, 1380]),
        ([0, -4000, -4010], [0, "jump", -4010]),
    ],
)
def test_what_is_no_temperature_is_a_fault(samples_cc: list[int], verdicts: list[int | str]) -> None:
    gate = Gate()
    found = [gate.take(1000 * number, value) for number, value in enumerate(samples_cc)]
    assert [one.fault or one.temperature_cc for one in found] == verdicts


def test_a_slow_way_is_no_jump() -> None:
    gate = Gate()
    assert gate.take(0, 400).temperature_cc == 400
    assert gate.take(600_000, 2400).temperature_cc == 2400


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(-20000, 20000)), max_size=60))
def test_two_that_agree_are_believed(samples: list[tuple[int, int]]) -> None:
    gate = Gate()
    for number, (_, value) in enumerate(samples):
        gate.take(1000 * number, value)
    gate.take(10**6, 500)
    assert gate.take(10**6 + 1000, 500).temperature_cc == 500


# --- door -----------------------------------------------------------------------------------------------


def test_a_door_tells_changes_and_how_long() -> None:
    door = Door(120)
    assert door.take(0, CLOSED) is None
    assert door.take(1000, OPEN) == {"state": OPEN, "open_ms": None}
    assert door.take(2000, OPEN) is None
    assert door.left_open_s(121_000 - 1) is None
    assert door.left_open_s(121_000) == 120
    assert door.take(96_400, CLOSED) == {"state": CLOSED, "open_ms": 95_400}
    assert door.left_open_s(10**6) is None
    assert not door.is_open


def test_a_door_first_seen_open_is_an_event() -> None:
    door = Door(120)
    assert door.is_open is None
    assert door.take(5, OPEN) == {"state": OPEN, "open_ms": None}


# --- planogram ------------------------------------------------------------------------------------------


def test_two_slots_of_one_item_add_up_and_a_scan_belongs_to_neither() -> None:
    found = Planogram([Slot("a", "bcg", par_pieces=10, gtin=GTIN), Slot("b", "bcg", par_pieces=20)])
    assert found.par_pieces("bcg") == 30
    assert found.only_slot("bcg") is None
    known = found.item_of(GTIN)
    assert known is not None
    assert known.item == "bcg"
    assert found.item_of(None) is None


@pytest.mark.parametrize(
    ("slots", "said"),
    [
        ([Slot("a", "bcg"), Slot("a", "opv")], "two slots have one name"),
        ([Slot("a", "bcg", input="n-1"), Slot("b", "opv", input="n-1")], "two slots have one input"),
        ([Slot("a", "bcg", 25), Slot("b", "bcg", 30)], 'slots "a" and "b" hold "bcg" in unlike packs'),
        ([Slot("a", "bcg", gtin="1"), Slot("b", "opv", gtin="1")], 'GTIN 1 is "bcg" and "opv"'),
    ],
)
def test_a_planogram_that_contradicts_itself_is_refused(slots: list[Slot], said: str) -> None:
    with pytest.raises(PlanogramError, match=said):
        Planogram(slots)


# --- clerk ----------------------------------------------------------------------------------------------


@pytest.fixture
def clerk() -> Clerk:
    slots = [
        Slot("a1", "bcg-10", pack_pieces=10, gtin=GTIN, is_serialised=True),
        Slot("a2", "ors", gtin="8123456"),
    ]
    return Clerk(Planogram(slots))


def test_a_pack_scanned_is_a_dispense(clerk: Clerk) -> None:
    found = clerk.scan(0, f"]d201{GTIN}1728083110AB\x1d21S1")
    assert found == {
        "move": 1,
        "slot": "a1",
        "item": "bcg-10",
        "gtin": GTIN,
        "lot": "AB",
        "expires_on": 21427,
        "serial": "S1",
        "pieces": 10,
        "packs": 1,
        "code": f"]d201{GTIN}1728083110AB{{GS}}21S1",
    }
    wire.check_values("move", found)


def test_a_chinese_code_finds_its_item_by_seven_digits(clerk: Clerk) -> None:
    found = clerk.scan(0, "81234567890123456789")
    assert found is not None
    assert (found["item"], found["serial"], found["gtin"]) == ("ors", "81234567890123456789", None)


def test_what_no_slot_holds_is_a_move_all_the_same(clerk: Clerk) -> None:
    found = clerk.scan(0, "6901028075763")
    assert found is not None
    assert (found["item"], found["pieces"], found["packs"], found["gtin"]) == (
        None,
        None,
        1,
        "06901028075763",
    )


def test_a_card_holds_until_the_scanner_has_rested(clerk: Clerk) -> None:
    words = wire.KINDS["move"].by_name["move"].words
    assert clerk.scan(0, "ORTOO:BY:Saran") is None
    assert clerk.scan(0, "ORTOO:TRANSFER:cabinet-7") is None
    moved = clerk.scan(1, "6901028075763")
    assert moved is not None
    assert (words[int(moved["move"] or 0)], moved["to_site"], moved["actor"]) == (
        "transfer",
        "cabinet-7",
        "Saran",
    )
    assert clerk.scan(2, "ORTOO:DISCARD:过期") is None
    thrown = clerk.scan(3, "6901028075763")
    assert thrown is not None
    assert (words[int(thrown["move"] or 0)], thrown["reason"], thrown["actor"]) == (
        "discard",
        "过期",
        "Saran",
    )
    later = clerk.scan(3 + REST_MS, "6901028075763")
    assert later is not None
    assert later["move"] == words.index("dispense")
    assert "actor" not in later


def test_a_stutter_is_one_pack(clerk: Clerk) -> None:
    assert clerk.scan(0, "6901028075763") is not None
    assert clerk.scan(STUTTER_MS - 1, "6901028075763") is None
    assert clerk.scan(3 * STUTTER_MS, "6901028075763") is not None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ORTOO:ADJUST", "card"),
        ("ORTOO:DISCARD", "card"),
        ("ORTOO:RECEIVE:x", "card"),
        ("ORTOO:BY:", "card"),
        ("ORTOO:BY:" + "x" * 65, "card"),
        (f"]d201{GTIN}10test21532", "no_serial"),
        ("01095066821013523012", "ambiguous"),
    ],
)
def test_what_the_clerk_refuses(clerk: Clerk, text: str, code: str) -> None:
    with pytest.raises(CodeError) as refused:
        clerk.scan(0, text)
    assert refused.value.code == code


# --- requests -------------------------------------------------------------------------------------------


def asked(**more: Any) -> tuple[str, Any]:
    whole = {"what": "adjust", "slot": "a1", "pieces": -1, "reason": "broken", **more}
    return request.values_of(whole, Planogram([Slot("a1", "bcg-10")]))


def test_an_adjustment_and_a_count() -> None:
    kind, values = asked(actor="Saran", lot="L1")
    wire.check_values(kind, values)
    assert (kind, values["pieces"], values["reason"], values["item"]) == ("move", -1, "broken", "bcg-10")
    kind, values = asked(what="count", pieces=18)
    wire.check_values(kind, values)
    assert (kind, values["pieces"], values["method"]) == ("count", 18, 1)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"slot": "b9"}, 'no slot "b9" in the planogram; known are a1'),
        ({"pieces": 1.5}, "must be a whole number"),
        ({"pieces": True}, "must be a whole number"),
        ({"pieces": 10**7}, "within a million"),
        ({"pieces": 0}, "an adjustment by nothing"),
        ({"what": "count", "pieces": -1}, "nobody counts less than none"),
        ({"what": "steal"}, "must be adjust or count"),
        ({"reason": ""}, "needs a reason"),
        ({"reason": "x" * 129}, "at most 128 bytes"),
        ({"reason": 5}, "must be a text"),
        ({"actor": "\ud800"}, "must be a text"),
    ],
)
def test_what_cannot_be_recorded_is_said(more: dict[str, Any], said: str) -> None:
    with pytest.raises(request.RequestError, match=said):
        asked(**more)


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"what":"count","x":1}', b"[" * 4000])
def test_a_request_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(request.RequestError):
        request.parsed(data)


# --- layout ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cabinet", "said"),
    [
        ({"probe": [{"profile": "cool"}]}, 'profile = "cool": unknown; known are refrigerator, tight'),
        ({"probe": [{}, {}]}, '[[probe]] name = "fridge": is there twice'),
        (
            {"probe": [{"input": "n-1"}], "slot": [{"input": "n-1", "pack_g": 20}]},
            'input = "n-1": is there twice',
        ),
        ({"slot": [{}, {}]}, "[[slot]]: two slots have one name"),
        ({"slot": [{"input": "n-1"}]}, "has an input, but no pack_g to count by"),
        ({"slot": [{"input": "n-1", "pack_g": 3}]}, "noise_g = 2.0 hides packs of 3.0 g"),
        ({"probe": [{}], "limit": [{"profile": "tight"}]}, 'profile = "tight": built in'),
        ({"probe": [{}], "limit": [{}, {"version": 2}]}, 'profile = "own": has versions 1 and 2'),
        ({"probe": [{"perod_s": 5}]}, 'unknown option "perod_s"; did you mean "period_s"?'),
        ({"probe": [{"period_s": 601}]}, "period_s = 601: must be within 1 to 600"),
        ({"limit": [{"comparator": "over"}]}, "must be one of below, at_or_below, above, at_or_above"),
    ],
)
def test_a_cabinet_that_contradicts_itself_is_named(cabinet: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        settings_of({"unit": UNIT, "cabinet": cabinet}, "unit.toml")
    assert str(error.value).startswith("unit.toml: [cabinet]")
    assert said in str(error.value)


def test_a_sensor_without_an_address_is_named() -> None:
    with pytest.raises(ConfigError, match='port = "/dev/serial0": must be bus and address, as 1:0x44'):
        settings_of({"unit": UNIT, "source": [{"type": "sht4x"}]}, "unit.toml")


# --- status ---------------------------------------------------------------------------------------------


def test_the_worst_is_told_first_and_freezing_before_warmth() -> None:
    reasons = (
        Reason("look", "door", "open"),
        Reason("act", "fridge", "too warm", 1),
        Reason("act", "freezer", "too cold", 0),
    )
    plain = Status((Sight("fridge", None, None, "tight 1"),), False, reasons).plain()
    assert plain["level"] == "act"
    assert [reason["where"] for reason in plain["reasons"]] == ["freezer", "fridge", "door"]
    assert plain["pattern"]["light"] == "red"
    lines = status.lines(plain, 3600)
    assert lines[0].startswith("ACT 60 min ago; no news since")
    assert "fridge unknown (tight 1)" in lines
    assert lines[-1] == "door closed"


def test_fine_is_quiet() -> None:
    assert Status().level == "fine"
    assert PATTERNS["fine"].beeps == 0
    assert set(PATTERNS) == set(status.LEVELS)


def test_a_page_shows_what_was_scanned_and_runs_none_of_it() -> None:
    page = status.page(Status(reasons=(Reason("look", "scanner", "<script>alert(1)</script>"),)).plain())
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
