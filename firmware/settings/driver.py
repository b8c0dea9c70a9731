"""What the entry of each driver may say, checked when settings are staged: a typo cannot be silent."""

from firmware.settings.form import check
from firmware.settings.reading import SettingsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Type of driver -> what its entry may hold besides type and name; ! where it must.
KNOWN = {
    "door": "pin",
    "ds18b20": "pin rom period_s",
    "gnss": "uart every_s",
    "help": "pin",
    "hx711": "data! clock! zero! mg_per_kcount! period_s",
    "nau7802": "bus! zero! mg_per_kcount! period_s",
    "pi_power": "computer! bus! address",
    "pn5180": "period_s",
    "power": "pin ignition period_s",
    "scanner": "uart move",
    "sht4x": "bus! address period_s",
}
_FORMS = {
    "address": ("number", 8, 119),
    "every_s": ("number", 1, 86400),
    "mg_per_kcount": ("number", -1000000000, 1000000000),
    "period_s": ("number", 1, 86400),
    "rom": ("text", 16, 16),
    "zero": ("number", -8388608, 8388607),
}
_OF_A_CABINET = ("profile", "alarm", "slot")


def check_entry(given: "dict[str, Any]") -> None:
    """SettingsError with the place; what concerns a cabinet is for `cabinet` to say."""
    where = str(given["name"])
    if given["type"] not in KNOWN:
        raise SettingsError(where + ".type: no such driver")
    table = {"type": ("text", True, 1, 32), "name": ("text", True, 1, 32)}
    for word in KNOWN[given["type"]].split():
        key = word.rstrip("!")
        form, low, high = _FORMS.get(key, ("text", 1, 32))
        table[key] = (form, word[-1:] == "!", low, high)
    check({key: given[key] for key in given if key not in _OF_A_CABINET}, table, where)
