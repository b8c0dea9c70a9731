"""Updates on trial, settings on trial, and tasks that hang: a node comes back by itself."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.settings import node as settings
from firmware.settings.reading import SettingsError
from firmware.settings.store import TRIES, Store
from firmware.store.folder import Folder
from firmware.store.notes import Notes
from firmware.update import slots
from firmware.watchdog import Watchdog

GOOD = {"version": 1, "unit": "node", "mode": "wired", "drivers": []}


def starts(state: dict[str, Any], count: int) -> tuple[list[tuple[str, bool]], dict[str, Any]]:
    """What runs at so many starts that reach nobody."""
    out = []
    for _ in range(count):
        slot, is_safe, state = slots.chosen(state)
        out.append((slot, is_safe))
    return out, state


def test_an_update_that_reaches_nobody_is_taken_back() -> None:
    ran, state = starts(slots.staged(dict(slots.FIRST), "b"), slots.TRIES + 2)
    assert [slot for slot, _ in ran] == ["b"] * slots.TRIES + ["a"] * 2
    assert slots.confirmed(state)["good"] == "a"


def test_an_update_that_has_reached_somebody_stays() -> None:
    _, state = starts(slots.staged(dict(slots.FIRST), "b"), 1)
    state = slots.confirmed(state)
    assert starts(state, 20)[0][0] == ("b", False)
    with pytest.raises(ValueError, match="lies in b"):
        slots.staged(state, "b")


def test_many_starts_without_anybody_end_in_safe_mode() -> None:
    ran, state = starts(dict(slots.FIRST), slots.SAFE_AFTER + 2)
    assert [is_safe for _, is_safe in ran] == [False] * slots.SAFE_AFTER + [True] * 2
    assert starts(slots.confirmed(state), 1)[0] == [("a", False)]


def test_a_wake_is_no_start_but_one_that_reaches_nobody_counts() -> None:
    """A node on a battery wakes a hundred times between two connections."""
    state = dict(slots.FIRST)
    for _ in range(100):
        slot, is_safe, state = slots.chosen(state, is_wake=True)
        assert (slot, is_safe) == ("a", False)
    assert state == slots.FIRST, "and writes nothing"
    state = slots.chosen(slots.staged(state, "b", 12))[2]
    for _ in range(slots.TRIES):
        slot, _, state = slots.chosen(state, is_wake=True)
        assert slot == "b"
        state = slots.missed(state)
    slot, _, state = slots.chosen(state, is_wake=True)
    assert (slot, state["undone"]) == ("a", "number 12")
    assert slots.missed(state) == state


def test_what_was_taken_back_is_remembered_until_it_is_told() -> None:
    for number, undone in ((12, "number 12"), (0, "what lay in b")):  # the last by cable
        _, state = starts(slots.staged({**slots.FIRST, "number": 11}, "b", number), slots.TRIES + 1)
        assert (state["undone"], state["number"]) == (undone, max(11, number))
        assert slots.told(state)["undone"] == ""
        again = slots.staged(state, "b", 13)
        assert (again["undone"], again["number"], again["tries"]) == ("", 13, 0)


def test_a_file_of_an_older_firmware_has_fewer_names(tmp_path: Path) -> None:
    path = tmp_path / "slots.json"
    path.write_text('{"good": "b", "trial": "", "tries": 0, "starts": 4}')
    assert slots.load(str(path)) == {**slots.FIRST, "good": "b", "starts": 4}
    assert slots.begin(str(path), is_wake=True) == ("b", False)
    assert "number" not in path.read_text(), "a wake writes nothing"
    path.write_text('{"good": 7}')
    assert slots.load(str(path)) == slots.FIRST


@given(st.binary(max_size=60))
def test_a_damaged_file_is_the_beginning(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    path = tmp_path_factory.mktemp("slots") / "slots.json"
    path.write_bytes(text)
    state = slots.load(str(path))
    assert sorted(state) == sorted(slots.FIRST)
    slots.save(slots.staged(dict(slots.FIRST), "b"), str(path))
    assert slots.load(str(path))["trial"] == "b"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 0}, "settings.version"),
        ({"version": True}, "settings.version"),
        ({"unit": "Ä"}, "settings.unit"),
        ({"mode": "both"}, "settings.mode"),
        ({"drivers": [{"type": "x"}]}, "settings.drivers"),
        ({"drivers": 3}, "settings.drivers"),
        ({"group_s": 0}, "settings.group_s"),
        ({"extra": 1}, "settings.extra: no such setting"),
        ({"mode": "alone"}, "broker: a node that stands alone"),
        ({"broker": {"host": "h", "port": 70000}}, "broker.port"),
        ({"broker": {"port": 1}}, "broker.host: needed"),
        ({"wifi": {"ssid": "x", "password": "short"}}, "wifi.password"),
        ({"wifi": []}, "settings.wifi"),
        ({"modem": {"apn": 'a",x'}}, "modem.apn"),
        ({"modem": {"apn": "internet", "pin": "12\r4"}}, "modem.pin"),
        ({"modem": {"apn": "internet"}, "wifi": {"ssid": "x"}}, "modem: there is wifi, too"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_their_place(change: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings.parsed(json.dumps({**GOOD, **change}))
    assert says in str(refused.value)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_whatever_stands_there_only_settings_errors(text: bytes | str) -> None:
    try:
        settings.parsed(text)
    except SettingsError:
        return
    raise AssertionError(text)


def test_settings_are_tried_thrice_and_confirmed_or_taken_back(tmp_path: Path) -> None:
    def store() -> Store:
        return Store(Notes(Folder(str(tmp_path / "notes"))))

    first = store()
    assert first.begin() is None
    assert first.stage(json.dumps(GOOD)) == 1
    assert [store().begin(), store().begin()] == [GOOD, GOOD]  # there are no others to go back to
    last = store()
    last.begin()
    last.confirm()
    better = {**GOOD, "version": 2, "group_s": 5}
    last.stage(json.dumps(better))
    assert not store().is_on_trial
    assert [store().begin() for _ in range(TRIES)] == [better] * TRIES
    assert store().is_on_trial
    last = store()
    assert (last.begin(), last.taken_back, last.is_on_trial) == (GOOD, 2, False)
    assert (store().begin(), store().taken_back) == (GOOD, 0)
    with pytest.raises(SettingsError, match="version 2 has reached nobody"):
        store().stage(json.dumps(better))  # as the file on the flash does at every start
    better["version"] = 3
    last = store()
    last.stage(json.dumps(better))
    last.begin()
    with pytest.raises(SettingsError, match="version 3 is being tried"):
        store().stage(json.dumps(better))
    last.confirm()
    assert store().begin() == better
    with pytest.raises(SettingsError, match="version 3, there is 3 already"):
        store().stage(json.dumps(better))
    with pytest.raises(SettingsError, match="has no PPP"):
        store().stage(json.dumps({**better, "version": 4, "modem": {"apn": "x"}}), has_ppp=False)


def test_a_task_that_hangs_is_late() -> None:
    watchdog = Watchdog()
    watchdog.report("line", 0, 100)
    watchdog.report("sense", 0, 1000)
    assert watchdog.late(100) == []
    assert watchdog.late(101) == ["line"]
    watchdog.report("line", 101, 100)
    assert watchdog.late(201) == []
