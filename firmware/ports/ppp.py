"""PPP of a board over a modem on its UART: MicroPython's network.PPP, once the modem says CONNECT.

Each join dials anew: PPP does not see that a modem or a network has died, and a broker that could not be
reached is all that is known of it. MicroPython's ESP32 images have it, as here from 1.26 on; those of the
RP2 have it only when built with MICROPY_PY_NETWORK_PPP_LWIP.
"""

import asyncio

import network

from firmware.line.modem_fault import ADDRESS_MS, ModemFault
from firmware.line.modem_line import dial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.ports.port import ModemUart

CLOSE_MS = 3_000
LOOK_S = 0.1


def is_there() -> bool:
    """Whether this board's MicroPython can do it."""
    return hasattr(getattr(network, "PPP", None), "poll")


class Ppp:
    """`uart` makes the line to the modem; whoever has it, has to leave it to PPP."""

    def __init__(self, uart: "Callable[[], ModemUart]", now_ms: "Callable[[], int]") -> None:
        self._uart = uart
        self._now_ms = now_ms
        self._ppp: "network.PPP | None" = None
        self._told: "tuple[int, int] | None" = None

    async def join(self, given: "dict[str, Any]") -> None:
        """Come to an address by `modem` of the settings; ModemFault."""
        if not is_there():
            raise ModemFault("no_ppp")
        await self.leave()
        uart = self._uart()
        self._told = (await dial(uart, given, self._now_ms)).utc
        ppp = self._ppp = network.PPP(uart)
        if "user" in given:
            ppp.connect(security=ppp.SEC_CHAP, user=given["user"], key=given.get("password", ""))
        else:
            ppp.connect()
        if not await self._is_within(ADDRESS_MS, True):
            await self.leave()
            raise ModemFault("no_address")

    async def leave(self) -> None:
        """Hang up, in the way of PPP: the modem goes back to commands by itself.

        Then what it holds is freed at once: left to the collector, it would still listen to the line on which
        the next one is made.
        """
        if self._ppp is not None:
            self._ppp.disconnect()
            await self._is_within(CLOSE_MS, False)
            self._ppp.__del__()  # type: ignore[attr-defined] # ports/esp32/network_ppp.c has it, no stub
            self._ppp = None

    def time(self) -> "int | None":
        """UTC in ms as the network told it at the last join."""
        return None if self._told is None else self._told[0] + self._now_ms() - self._told[1]

    async def _is_within(self, ms: int, is_up: bool) -> bool:
        end_ms = self._now_ms() + ms
        while self._ppp is not None and self._now_ms() < end_ms:
            if self._ppp.isconnected() == is_up:
                return True
            await asyncio.sleep(LOOK_S)
        return False
