"""What every driver is: types alone, no board carries this file."""

from typing import Any, Protocol

# (kind of record, its values); "utc_ms" is evidence of the time, "frame" something to say to the Pi.
Readings = list[tuple[str, Any]]

class Driver(Protocol):
    """Made from the port and its entry in the settings. `read` is called every `period_ms`."""

    @property
    def period_ms(self) -> int: ...
    async def read(self) -> Readings:
        """What there is to tell; DriverFault or OSError when it could not be read."""
