"""Settings as they come: JSON of bounded size."""

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_BYTES = 2048  # several fit into a file of notes


class SettingsError(ValueError):
    """What stands there cannot be used, and where."""


def read(data: "bytes | str") -> "Any":
    """JSON of bounded size; SettingsError."""
    if len(data) > MAX_BYTES:
        raise SettingsError("%d bytes, at most %d" % (len(data), MAX_BYTES))
    try:
        return json.loads(data if isinstance(data, str) else str(data, "utf-8"))
    except (ValueError, RuntimeError, MemoryError):
        raise SettingsError("not JSON")
