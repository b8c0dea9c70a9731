"""A firmware on trial, seen from the inside; which one that is, is said by slots.py."""

import asyncio

from firmware import slots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.intake import Intake
    from firmware.ports.port import Port

TRIAL_S = 1200  # to reach somebody in, each time it starts


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
    await asyncio.sleep(TRIAL_S)
    if not is_confirmed():
        port.log("on trial, and nobody was reached")
        port.restart()


def miss(port: "Port") -> None:
    """A wake of a node on a battery that reached nobody."""
    path = port.path("slots.json")
    state = slots.load(path)
    slots.change(slots.missed(state), state, path)
