"""A barcode scanner on a UART: a line is a code, ended by CR, LF or both.

    {"type": "scanner", "name": "scanner", "uart": "aux", "move": "dispense"}

A code is one pack that moved as `move` says; what the code means is found out where the catalogue is. A GS1
separator becomes {GS}, as everywhere on the wire.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.drivers.driver import Readings
    from firmware.ports.port import Port

MAX_LINE = 128
MOVES = ("receive", "dispense", "transfer", "discard", "adjust")  # as wire.KINDS["move"]


class Lines:
    """Bytes -> codes in printable form; `refused` counts by cause."""

    def __init__(self) -> None:
        self.refused = {"too_long": 0, "not_text": 0}
        self._held = b""

    def feed(self, data: bytes) -> "list[str]":
        """The codes that these bytes complete."""
        parts = (self._held + data).replace(b"\r", b"\n").split(b"\n")
        self._held = parts.pop()
        if len(self._held) > MAX_LINE:
            self.refused["too_long"] += 1
            self._held = b""
        found = [self._code(part) for part in parts if part]
        return [code for code in found if code]

    def _code(self, line: bytes) -> str:
        if len(line) > MAX_LINE:
            self.refused["too_long"] += 1
            return ""
        for byte in line:
            if not (32 <= byte < 127 or byte == 29):
                self.refused["not_text"] += 1
                return ""
        return str(line.replace(b"\x1d", b"{GS}"), "utf-8")


class Scanner:
    period_ms = 100

    def __init__(self, port: "Port", given: "dict[str, Any]") -> None:
        self._uart = port.uart(given.get("uart", "aux"))
        self._move = MOVES.index(given.get("move", "dispense"))
        self._lines = Lines()

    async def read(self) -> "Readings":
        waiting = self._uart.any()
        data = self._uart.read(waiting) if waiting else None
        return [("move", {"move": self._move, "code": code}) for code in self._lines.feed(data or b"")]
