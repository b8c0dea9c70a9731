"""What a Pi may tell its node to do, over the line.

signal     light and buzzer: on_ms, off_ms, beeps, every_s        restart
help       what became of a call for help: source, call, state
part       of settings, which are longer than a frame: at, text   settings   the parts are all there
update     a release: its digest, the bytes of its head, id of what asked for it; the answer is a record
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.call import Call
    from firmware.ports.port import Port
    from firmware.settings.store import Store
    from firmware.signal import Signal


class Orders:
    """Does what it can; the answer is (is it done, detail)."""

    def __init__(self, port: "Port", store: "Store", signal: "Signal", call: "Call | None" = None) -> None:
        self._port = port
        self._store = store
        self._signal = signal
        self._call = call
        self._parts: "list[str]" = []
        self.on_update: "Callable[[dict[str, Any]], None] | None" = None

    def do(self, command: "dict[str, Any]") -> "tuple[bool, str]":
        """KeyError, TypeError or ValueError for a command that is not whole."""
        what = command["do"]
        if what == "signal":
            found = [int(command[name]) for name in ("on_ms", "off_ms", "beeps", "every_s")]
            self._signal.pattern = found if found[0] > 0 and found[1] > 0 else None
        elif what == "help":
            if self._call is None or not self._call.answer(
                str(command["source"]), int(command["call"]), str(command["state"])
            ):
                return False, "another call"
        elif what == "part":
            self._parts = self._parts[: int(command["at"])] + [str(command["text"])]
        elif what == "settings":
            text, self._parts = "".join(self._parts), []
            return True, "version %d at the next start" % self._store.stage(text)
        elif what == "update" and self.on_update is not None:
            self.on_update(command)
        elif what == "restart":
            self._port.restart()
        else:
            return False, "no such command"
        return True, ""
