"""Starts a node: picks the port of this board, takes new settings, runs the app."""

import asyncio
import gc
import sys

from firmware.app import App
from firmware.settings import SettingsError


GC_BYTES = 16384  # collected so often, the heap does not fall into pieces


def port_of(platform):
    if platform == "esp32":
        from firmware.ports.esp32 import Esp32

        return Esp32()
    if platform == "rp2":
        from firmware.ports.rp2 import Rp2

        return Rp2()
    from firmware.ports.host import Host

    return Host()


def main(is_safe=False):
    """Run until the power goes; in safe mode without drivers."""
    gc.threshold(GC_BYTES)
    port = port_of(sys.platform)
    port.begin()
    app = App(port)
    staged = port.staged_settings()
    if staged is not None:
        try:
            app.store.stage(staged)
        except SettingsError as error:
            port.log("settings: %s" % error)
    app.settings = app.store.begin()
    if app.settings is None:
        port.log("no settings: put settings.json on the flash")
        return
    if is_safe:
        app.settings["drivers"] = []
        app.faults.begin("node", "safe_mode", "started often without reaching anybody")
    try:
        asyncio.run(app.run())
    except Exception as error:  # noqa: BLE001 - whatever it is, a node starts again
        sys.print_exception(error)
        port.restart()
