"""The board's /main.py: picks the folder of firmware and starts it. An update never changes this file.

A file /hold keeps it from starting once: ./dev flash puts it there, for no watchdog must run while it copies.
"""

import os
import sys
import time

import machine
import slots

PROMPT_S = 5  # to press Ctrl-C in


def start() -> None:
    """Until the power goes."""
    is_wake = machine.reset_cause() == getattr(machine, "DEEPSLEEP_RESET", None)
    slot, is_safe = slots.begin(slots.FILE, is_wake)
    sys.path.insert(0, "/" + slot)
    try:
        from firmware.main import main

        main(is_safe)
    except Exception as error:  # noqa: BLE001 - one that cannot even be loaded has used up a start, and is left
        sys.print_exception(error)
        time.sleep(PROMPT_S)
        machine.reset()


if "hold" in os.listdir("/"):
    os.remove("/hold")
else:
    start()
