"""Objects by a table: key -> (form, is it needed, low, high): a number's bounds, or a text's lengths."""

from firmware import wire
from firmware.settings.reading import SettingsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MAX_DRIVERS = 16
MODES = ("alone", "wired")


def check(found: "Any", table: "dict[str, tuple[str, bool, int, int]]", where: str) -> None:
    """An object by its table; SettingsError with the place."""
    if not isinstance(found, dict):
        raise SettingsError(where + ": not an object")
    for key in found:
        if key not in table:
            raise SettingsError("%s.%s: no such setting" % (where, key))
    for key in table:
        form, is_needed, low, high = table[key]
        if key not in found:
            if is_needed:
                raise SettingsError("%s.%s: needed" % (where, key))
        elif not _is_good(found[key], form, low, high):
            raise SettingsError("%s.%s: not a %s within its bounds" % (where, key, form))


def _is_good(value: "Any", form: str, low: int, high: int) -> bool:
    if form == "number":
        return type(value) is int and low <= value <= high
    if form == "text":
        return isinstance(value, str) and low <= len(value) <= high
    if form in _LETTERS:
        is_short = isinstance(value, str) and low <= len(value) <= high
        return is_short and all([letter in _LETTERS[form] for letter in value])
    return bool(_FORMS[form](value))


# What goes into a command to a modem: nothing that could end it.
_LETTERS = {"pin": "0123456789", "apn": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_"}
_FORMS: "dict[str, Callable[[Any], bool]]" = {
    "name": wire.is_unit,
    "flag": lambda value: value is True or value is False,
    "mode": lambda value: value in MODES,
    "object": lambda value: isinstance(value, dict),
    "drivers": lambda value: (
        isinstance(value, list) and len(value) <= _MAX_DRIVERS and all([_is_driver(one) for one in value])
    ),
}


def _is_driver(value: "Any") -> bool:
    return (
        isinstance(value, dict) and wire.is_source(value.get("name")) and isinstance(value.get("type"), str)
    )
