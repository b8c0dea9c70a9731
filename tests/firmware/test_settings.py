"""New settings of a node: what may stand there, and what comes over the air."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from firmware import drivers
from firmware.drivers import DRIVERS
from firmware.settings import node as settings
from firmware.settings.driver import KNOWN
from firmware.settings.reading import SettingsError
from firmware.settings.store import Store
from firmware.store.folder import Folder
from firmware.store.notes import Notes

GOOD: dict[str, Any] = {"version": 1, "unit": "node", "mode": "wired", "drivers": []}


def test_a_change_keeps_what_it_does_not_name_and_repeats_no_secret(tmp_path: Path) -> None:
    made = Store(Notes(Folder(str(tmp_path / "notes"))))
    wifi = {"ssid": "somum", "password": "a-secret-one"}
    whole = {**GOOD, "mode": "alone", "broker": {"host": "b", "port": 1}, "wifi": wifi}
    made.stage(json.dumps(whole))
    made.begin()
    made.confirm()
    door = [{"type": "door", "name": "door"}]
    assert made.change({"version": 2, "drivers": door}) == 2
    assert made.begin() == {**whole, "version": 2, "drivers": door}
    made.confirm()
    assert made.change({"version": 3, "drivers": [], "modem": {"apn": "internet"}}) == 3
    changed = made.begin()
    assert changed is not None
    assert ("wifi" in changed, changed["broker"], changed["unit"]) == (
        False,
        {"host": "b", "port": 1},
        "node",
    )
    made.confirm()
    for asked in (
        {"version": 4, "drivers": [], "unit": "other"},
        {"version": 4, "drivers": [], "mode": "wired"},
        {"version": 3, "drivers": []},
        {"version": 4, "drivers": [], "wifi": {"ssid": "x", "password": "a-secret-too" * 9}},
        {"drivers": []},
    ):
        with pytest.raises(SettingsError) as refused:
            made.change(asked)
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"type": "radar"}, "x.type: no such driver"),
        ({"type": "sht4x"}, "x.bus: needed"),
        ({"type": "sht4x", "bus": "climate", "adress": 68}, "x.adress: no such setting"),
        ({"type": "sht4x", "bus": "climate", "period_s": 0}, "x.period_s: not a number"),
        ({"type": "ds18b20", "rom": "28ff"}, "x.rom: not a text"),
        ({"type": "pi_power", "computer": "cm4"}, "x.bus: needed"),
    ],
)
def test_a_driver_s_entry_is_checked_before_it_is_tried(entry: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings.parsed(json.dumps({**GOOD, "drivers": [{"name": "x", **entry}]}))
    assert says in str(refused.value)


def test_every_driver_s_own_example_passes() -> None:
    assert sorted(KNOWN) == sorted(DRIVERS)
    folder = Path(drivers.__file__).parent
    found = set()
    for path in sorted(folder.glob("*.py")):
        for text in re.findall(
            r'\{"type":[^}]*\}', (path.read_text()).replace("28ff...", "28ff641e8016038c")
        ):
            entry = json.loads(text)
            found.add(entry["type"])
            settings.parsed(json.dumps({**GOOD, "drivers": [entry]}))
    assert found == set(DRIVERS)
