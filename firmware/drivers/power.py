"""Supply voltage and ignition of a vehicle, or the battery of a household cabinet.

pin ── divider ── supply      mV at the pin times board.DIVIDERS; five readings, the middle one counts

{"type": "power", "name": "unit", "pin": "SUPPLY", "ignition": "IGNITION", "period_s": 60}
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.drivers.driver import Readings
    from firmware.ports.port import Port

READINGS = 5


def middle(readings: "list[int]") -> int:
    """The median: one spark does not count."""
    return sorted(readings)[len(readings) // 2]


class Power:
    def __init__(self, port: "Port", given: "dict[str, Any]") -> None:
        self.period_ms = int(given.get("period_s", 60)) * 1000
        self._millivolts = port.millivolts
        self._signal = given.get("pin", "SUPPLY")
        self._ignition = port.pin_in(given["ignition"]) if "ignition" in given else None

    async def read(self) -> "Readings":
        values = {"supply_mv": middle([self._millivolts(self._signal) for _ in range(READINGS)])}
        if self._ignition is not None:
            values["is_ignition_on"] = self._ignition.value()
        return [("power", values)]
