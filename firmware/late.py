"""Modules that are needed now and then: a board has no room to keep them."""

import sys

IS_BOARD = sys.implementation.name == "micropython"


def forget(*names: str) -> None:
    """Drop modules of the firmware on a board; their next import loads them anew."""
    if not IS_BOARD:
        return
    for name in names:
        folder, _, last = ("firmware." + name).rpartition(".")
        if sys.modules.pop("firmware." + name, None) is not None:
            delattr(sys.modules[folder], last)
