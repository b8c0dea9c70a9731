"""A door's switch to ground: low is shut.

level   ‾‾|_|‾|_____________|‾|_|‾‾‾‾‾‾      contacts bounce: a state counts when it has stood
state   open      closed             open    for three looks, 20 ms apart

{"type": "door", "name": "door", "pin": "DOOR"}
"""

from firmware.steady import LOOK_MS, Steady

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.drivers.driver import Readings
    from firmware.ports.port import Port


class Door:
    period_ms = LOOK_MS

    def __init__(self, port: "Port", given: "dict[str, Any]") -> None:
        self._pin = port.pin_in(given.get("pin", "DOOR"))
        self._now_ms = port.now_ms
        self._steady = Steady()
        self._opened_ms: "int | None" = None

    async def read(self) -> "Readings":
        if not self._steady.step(self._pin.value()):
            return []
        now_ms = self._now_ms()
        if self._steady.level:
            self._opened_ms = now_ms
            return [("door", {"state": 1})]
        values = {"state": 0}
        if self._opened_ms is not None:
            values["open_ms"] = now_ms - self._opened_ms
        return [("door", values)]
