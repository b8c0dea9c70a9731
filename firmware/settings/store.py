"""The settings that count, and those that are tried; all in the notes.

New ones are staged, tried for TRIES starts, and confirmed once the node has reached its service or its Pi
with them; else those before count again, and a fault says so. Versions only rise. Over the air comes a
change: unit and mode stay, and so do broker and network where it does not name them, so that no secret has
to travel.
"""

import json

from firmware import late
from firmware.settings.reading import SettingsError, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.store.notes import Notes

TRIES = 3
STAY = ("unit", "mode")
TABLES = ("node", "form", "driver", "cabinet")  # files of this folder


def _checked(found: "Any") -> "dict[str, Any]":
    """By tables that are large, and that a board has no room for once they were needed."""
    from firmware.settings import node

    try:
        return node.checked(found)
    finally:
        late.forget(*["settings." + name for name in TABLES])


class Store:
    """The settings that count, and the ones that are tried; all in the notes."""

    def __init__(self, notes: "Notes") -> None:
        self._notes = notes
        self.taken_back = 0  # the version that this start has given up

    def take(self, asked: "dict[str, Any]", has_ppp: bool = True) -> "tuple[bool, str]":
        """What a command has asked for: (is it done, detail). Of one that was cut short, the same again."""
        staged = self._notes.get("staged") or {}
        try:
            if staged and staged["version"] == asked.get("version"):
                version = int(staged["version"])
            else:
                version = self.change(asked, has_ppp)
        except SettingsError as error:
            return False, str(error)
        return True, "version %d is being tried" % version

    def change(self, asked: "dict[str, Any]", has_ppp: bool = True) -> int:
        """Stage what came over the air; its version. SettingsError, which repeats no value."""
        now = self._notes.get("settings", {})
        for name in STAY:
            if name in asked and asked[name] != now.get(name):
                raise SettingsError("settings.%s: another one comes by cable only" % name)
        whole = dict(asked)
        is_network_said = "wifi" in asked or "modem" in asked
        for name in STAY + ("broker",) + (() if is_network_said else ("wifi", "modem")):
            if name in now and name not in whole:
                whole[name] = now[name]
        return self.stage(json.dumps(whole), has_ppp)

    def stage(self, data: "bytes | str", has_ppp: bool = True) -> int:
        """Have these tried at the next start; their version. SettingsError when they cannot be."""
        found = read(data)
        if isinstance(found, dict):
            self._check_version(found.get("version"))
        found = _checked(found)
        if "modem" in found and not has_ppp:
            raise SettingsError("modem: this board's MicroPython has no PPP; an ESP32's has, from 1.26 on")
        self._notes.put({"staged": found, "tried": 0})
        return int(found["version"])

    def _check_version(self, version: "Any") -> None:
        """Those on the flash are found at every start, and are not new for that."""
        if type(version) is not int:
            return
        if version <= self.version:
            raise SettingsError("version %d, there is %d already" % (version, self.version))
        if version == self._notes.get("refused"):
            raise SettingsError("version %d has reached nobody: correct it as a higher one" % version)
        if version == (self._notes.get("staged") or {}).get("version"):
            raise SettingsError("version %d is being tried" % version)

    @property
    def version(self) -> int:
        """Of what counts; 0: nothing yet."""
        return int(self._notes.get("settings", {}).get("version", 0))

    @property
    def is_on_trial(self) -> bool:
        """Whether what is used has not proved itself, and there is something to go back to."""
        return bool(self.version and self._notes.get("staged") and self._notes.get("tried"))

    def begin(self) -> "dict[str, Any] | None":
        """At a start: what to use now."""
        staged, tried = self._notes.get("staged"), int(self._notes.get("tried") or 0)
        if staged and (tried < TRIES or not self.version):
            self._notes.put({"tried": min(tried + 1, TRIES)})
            return dict(staged)
        if staged:
            self.taken_back = int(staged["version"])
            self._notes.put({"staged": None, "refused": self.taken_back})
        settled: "dict[str, Any] | None" = self._notes.get("settings")
        return settled and dict(settled)  # whoever changes it does not change the notes

    def confirm(self) -> None:
        """What is tried has worked: from now on it counts."""
        staged = self._notes.get("staged")
        if staged and self._notes.get("tried"):
            self._notes.put({"settings": staged, "staged": None})
