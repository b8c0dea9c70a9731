"""What is wired to a node, a file each: what it is, its bytes drawn, `parse` (pure), `read`, and a line here.

A driver is made from the port and its entry in the settings; `read` gives (kind, values) or raises
DriverFault. Only what is configured is loaded.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.drivers.driver import Driver
    from firmware.ports.port import Port


class DriverFault(Exception):
    """A sensor that could not be read: `code` is one word, as crc or no_reply."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


# Type in the settings -> the file of this folder and the class in it.
DRIVERS = {
    "door": ("door", "Door"),
    "ds18b20": ("ds18b20", "Ds18b20"),
    "gnss": ("gnss", "Gnss"),
    "help": ("help", "Help"),
    "hx711": ("hx711", "Hx711"),
    "nau7802": ("nau7802", "Nau7802"),
    "pi_power": ("pi_power", "PiPower"),
    "pn5180": ("pn5180", "Pn5180"),
    "power": ("power", "Power"),
    "scanner": ("scanner", "Scanner"),
    "sht4x": ("sht4x", "Sht4x"),
}


def driver_of(port: "Port", given: "dict[str, Any]") -> "Driver":
    """The driver of an entry in the settings; KeyError for a type that is not there."""
    file, name = DRIVERS[given["type"]]
    module = __import__("firmware.drivers." + file, None, None, (name,))
    driver: "Driver" = getattr(module, name)(port, given)
    return driver
