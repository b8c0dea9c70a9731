"""Starts a node: picks the port of this board, takes new settings, runs the app."""

import asyncio
import sys

from firmware import wire
from firmware.app import App
from firmware.settings.reading import SettingsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.ports.port import Port

MAX_DETAIL = 100


def port_of(platform: str) -> "Port":
    """The port of the board that this runs on."""
    port: "Port"
    if platform == "esp32":
        from firmware.ports.esp32 import Esp32

        port = Esp32()
    elif platform == "rp2":
        from firmware.ports.rp2 import Rp2

        port = Rp2()
    else:
        from firmware.ports.host import Host

        port = Host()
    return port


def main(is_safe: bool = False) -> None:
    """Run until the power goes; in safe mode without drivers."""
    port = port_of(sys.platform)
    port.begin()
    app = App(port)
    settings = begun(app, port)
    if settings is None:
        port.log("no settings: put settings.json on the flash")
        return
    port.watch()  # not before: nothing could stop it at the prompt
    if is_safe:
        settings["drivers"] = []
        app.intake.faults.begin("node", "safe_mode", "started often without reaching anybody")
    try:
        asyncio.run(app.run(settings))
    except Exception as error:  # noqa: BLE001 - whatever it is, a node starts again
        port.log_error(error)
        port.restart()


def begun(app: App, port: "Port") -> "dict[str, Any] | None":
    """The settings of this start: new ones beside the firmware or from a command are tried first."""
    staged = port.staged_settings()
    if staged is not None:
        try:
            app.store.stage(staged, port.has_ppp())
        except SettingsError as error:
            port.log("settings: %s" % error)
    asked = app.intake.notes.get("asked")
    if asked:
        is_done, detail = app.store.take(asked["settings"], port.has_ppp())
        state = wire.KINDS["answer"].by_name["state"].words.index("done" if is_done else "refused")
        values = {"command_id": asked["id"], "state": state, "detail": detail[:MAX_DETAIL]}
        app.intake.emit("answer", "unit", values)
        app.intake.keep()
        app.intake.notes.put({"asked": None})
    return app.store.begin()
