"""What the entry of a probe or a scale may say of the cabinet it is in, checked when settings are staged.

"profile": "tight"                                    of a probe: one of profile.TABLE
"alarm": {"low_cc": 200, "high_cc": 800, "for_s": 600}      it sounds, whoever else hears of it
"slot": {"item": "bcg-10", "pack_mg": 25000, "most_mg": 5000000}     of a scale; with it, if need be,
        "name" (the scale's), "pack_pieces" (1) and "noise_mg", how far samples of a quiet second lie
        apart (a quarter of a pack)
"""

from firmware.cabinet.profile import TABLE
from firmware.settings.form import check
from firmware.settings.reading import SettingsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ALARM = {
    "low_cc": ("number", True, -20000, 20000),
    "high_cc": ("number", True, -20000, 20000),
    "for_s": ("number", True, 0, 86400),
}
_SLOT = {
    "item": ("text", True, 1, 64),
    "name": ("text", False, 1, 32),
    "pack_mg": ("number", True, 1000, 100000000),
    "pack_pieces": ("number", False, 1, 100000),
    "noise_mg": ("number", False, 1, 50000000),
    "most_mg": ("number", True, 1000, 1000000000),
}


def check_entry(given: "dict[str, Any]") -> None:
    """SettingsError where a driver's entry cannot be judged by."""
    name = str(given["name"])
    profile = given.get("profile", "tight")
    if not isinstance(profile, str) or profile not in TABLE:
        raise SettingsError(name + ".profile: not one of " + ", ".join(sorted(TABLE)))
    if "alarm" in given:
        check(given["alarm"], _ALARM, name + ".alarm")
    if "slot" in given:
        check(given["slot"], _SLOT, name + ".slot")
        if given["slot"].get("noise_mg", 1) * 2 > given["slot"]["pack_mg"]:
            raise SettingsError(name + ".slot.noise_mg: hides a pack")
