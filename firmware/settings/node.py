"""Settings of a node: one JSON object, checked as a whole before it counts.

Loaded when there are new ones: the rest of the time they lie in the store, checked.

    version   count                    unit   its name on the broker; a wired node: its name on the Pi
    mode      "alone" or "wired"       group_s   measurements are written to flash so often
    broker    host, port, is_tls       wifi   ssid, password
    duty      {} for a node that may sleep: of one on a battery sample_s, scale_s, look_s, send_s, of a wired
              one sample_s; each at least what the battery was computed for, which is the default too
    modem     instead of wifi: apn, and as the card and the network ask pin, user, password
    drivers   a list of {type, name, ...}: what each takes stands in firmware/drivers
"""

from firmware.settings import driver
from firmware.settings.form import check
from firmware.settings.reading import SettingsError, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# key -> (type, is it needed, low, high): a number's bounds, or a text's lengths
_TABLE: "dict[str, tuple[str, bool, int, int]]" = {
    "version": ("number", True, 1, 2147483647),
    "unit": ("name", True, 1, 32),
    "mode": ("mode", True, 0, 0),
    "group_s": ("number", False, 1, 600),
    "broker": ("object", False, 0, 0),
    "wifi": ("object", False, 0, 0),
    "modem": ("object", False, 0, 0),
    "duty": ("object", False, 0, 0),
    "drivers": ("drivers", True, 0, 0),
}
_BROKER: "dict[str, tuple[str, bool, int, int]]" = {
    "host": ("text", True, 1, 255),
    "port": ("number", True, 1, 65535),
    "is_tls": ("flag", False, 0, 0),
}
_WIFI: "dict[str, tuple[str, bool, int, int]]" = {
    "ssid": ("text", True, 1, 32),
    "password": ("text", False, 8, 63),
}
_MODEM: "dict[str, tuple[str, bool, int, int]]" = {
    "apn": ("apn", True, 1, 63),
    "pin": ("pin", False, 4, 8),
    "user": ("text", False, 1, 32),
    "password": ("text", False, 1, 63),
}


def parsed(data: "bytes | str") -> "dict[str, Any]":
    """Checked settings; SettingsError, and nothing else."""
    return checked(read(data))


def checked(found: "Any") -> "dict[str, Any]":
    """The same of what was read."""
    check_parts(found)
    if found["mode"] == "alone" and "broker" not in found:
        raise SettingsError("broker: a node that stands alone needs one")
    return dict(found)


def check_parts(found: "Any") -> None:
    """What is said must be right, whatever a node has besides; SettingsError."""
    check(found, _TABLE, "settings")
    if "broker" in found:
        check(found["broker"], _BROKER, "broker")
    if "wifi" in found:
        check(found["wifi"], _WIFI, "wifi")
    if "modem" in found:
        check(found["modem"], _MODEM, "modem")
        if "wifi" in found:
            raise SettingsError("modem: there is wifi, too; one of them")
    if "duty" in found:
        from firmware.power import duty  # late: few nodes sleep

        bounds = duty.bounds(found["mode"])
        check(found["duty"], {name: ("number", False) + bounds[name] for name in bounds}, "duty")
    for one in found["drivers"]:
        driver.check_entry(one)
        if "profile" in one or "alarm" in one or "slot" in one:
            from firmware.settings import cabinet  # late: few nodes judge

            cabinet.check_entry(one)
