"""The switch before a wired Pi: ignition and voltages in, its 5 V and its wish to shut down out.

    PI_POWER   ____|‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾|____     high is on
    PI_HALT    ______________|‾‾‾‾‾‾‾‾‾‾|____     high asks it to shut down
    PI_OFF     ____________________|‾‾‾‾‾‾‾‾‾     high: it has

What is decided stands in `firmware/power/pi_supply.py`; a change is a fault record with its cause, at once.

    {"type": "pi_power", "name": "pi-power", "computer": "cm4", "bus": "climate", "address": 69}
"""

from firmware import board
from firmware.drivers import DriverFault
from firmware.drivers.sht4x import Sht4x
from firmware.power.pi_supply import HALTING, OFF, ON, PiSupply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.drivers.driver import Readings
    from firmware.ports.port import Port

PERIOD_MS = 250
CABIN_MS = 30_000


class PiPower:
    period_ms = PERIOD_MS

    def __init__(self, port: "Port", given: "dict[str, Any]") -> None:
        self._port = port
        self._name = given["name"]
        self._cabin = Sht4x(port, given)
        is_on = port.level("PI_POWER")  # the switch keeps its state while the node starts again
        self._supply = PiSupply(board.LIMITS, board.PI_COLD_CC[given["computer"]], bool(is_on))
        self._ignition, self._down = port.pin_in("IGNITION"), port.pin_in("PI_OFF")
        self._power, self._halt = port.pin_out("PI_POWER", is_on), port.pin_out("PI_HALT")
        self._cabin_cc: "int | None" = None
        self._looked_ms = -CABIN_MS

    @property
    def is_parked(self) -> bool:
        return self._supply.state == OFF and not self._ignition.value()

    async def read(self) -> "Readings":
        now_ms = self._port.now_ms()
        if now_ms - self._looked_ms >= CABIN_MS:
            self._looked_ms = now_ms
            self._cabin_cc = await self._cabin_now()
        before = self._supply.state
        seen = {
            "supply_mv": self._port.millivolts("SUPPLY"),
            "holdup_mv": self._port.millivolts("HOLDUP"),
            "is_ignition_on": self._ignition.value(),
            "is_down": self._down.value(),
            "cabin_cc": self._cabin_cc,
        }
        state = self._supply.step(now_ms, seen)
        self._power.value(state in (ON, HALTING))
        self._halt.value(state == HALTING)
        if state != HALTING or before == HALTING:
            return []
        return [("fault", {"part": self._name, "code": self._supply.cause, "state": 0})]

    async def _cabin_now(self) -> "int | None":
        try:
            found = await self._cabin.read()
        except (DriverFault, OSError):
            return None
        return int(found[0][1]["temperature_cc"])
