"""What is wired to a node, a file each: what it is, its bytes drawn, `parse` (pure), `read`, and a line here.

A driver is made from the port and its entry in the settings; `read` gives (kind, values) or raises
DriverFault. Only what is configured is loaded.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class DriverFault(Exception):
    """A sensor that could not be read: `code` is one word, as crc or no_reply."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


def _sht4x(port: "Any", given: "dict[str, Any]") -> "Any":
    from firmware.drivers.sht4x import Sht4x

    return Sht4x(port, given)


DRIVERS: "dict[str, Callable[[Any, dict[str, Any]], Any]]" = {
    "sht4x": _sht4x,
}
