"""What a node does about updates without having the memory of one: a firmware on trial, a command to update.

Which firmware is on trial is said by slots.py; the update itself is in updater.py, loaded when one is due.
"""

import asyncio

from firmware import wire
from firmware.update import slots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.store.intake import Intake
    from firmware.ports.port import Port
    from firmware.update.updater import Updater

_TRIAL_S = 1200  # to reach somebody in, each time it starts
MOST_STARTS = 50


def tell_undone(port: "Port", intake: "Intake") -> None:
    """That an update was taken back: a fault, once."""
    path = port.path("slots.json")
    state = slots.load(path)
    intake.faults.begin("update", "rolled_back", state["undone"])
    intake.keep()
    if not intake.waiting:
        slots.save(slots.told(state), path)


async def end(port: "Port", is_confirmed: "Callable[[], bool]") -> None:
    """One that runs and reaches nobody gives the next start its chance, or the firmware before."""
    await asyncio.sleep(_TRIAL_S)
    if not is_confirmed():
        port.log("on trial, and nobody was reached")
        port.restart()


def asked(under_way: "Updater | None", intake: "Intake", command: "dict[str, Any]") -> None:
    """Keep what a command asks for: from here on a power cut does not lose it. ValueError: it cannot be."""
    release, size = command["release"], command["bytes"]
    if len(bytes.fromhex(release)) != wire.DIGEST_BYTES or not 1 <= size <= wire.MAX_HEAD_BYTES:
        raise ValueError("a release is named by a digest and the bytes of its head")
    found = {"id": str(command.get("id", release[:16])), "release": release, "bytes": size}
    if under_way is None:
        intake.notes.put({"update": found})
    else:
        under_way.ask(found)


def may_update(intake: "Intake") -> bool:
    """Whether the update that the notes ask for goes on: not one that stops the node again and again."""
    asked = dict(intake.notes.get("update"))
    asked["starts"] = asked.get("starts", 0) + 1
    if asked["starts"] <= MOST_STARTS:
        intake.notes.put({"update": asked})
        return True
    answer = {"command_id": asked["id"], "state": 1, "detail": "the node started %d times" % MOST_STARTS}
    intake.emit("answer", "unit", answer)
    intake.notes.put({"update": None})
    return False


def miss(port: "Port") -> None:
    """A wake of a node on a battery that reached nobody."""
    path = port.path("slots.json")
    state = slots.load(path)
    slots.change(slots.missed(state), state, path)
