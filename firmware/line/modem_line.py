"""The line of a modem: carries the chat over a UART until it has ended, and not a byte further."""

import asyncio

from firmware import late

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.line.modem import Chat
    from firmware.ports.port import ModemUart

_LOOK_S = 0.02
_READ_BYTES = 256  # then it is looked at the time, whatever a modem babbles


async def dial(uart: "ModemUart", given: "dict[str, Any]", now_ms: "Callable[[], int]") -> "Chat":
    """Bring the modem of these settings online; ModemFault, within modem.LONGEST_MS."""
    from firmware.line import modem  # late, and not kept: from here on the line is PPP's

    chat = modem.Chat(given["apn"], given.get("pin"), now_ms())
    late.forget("line.modem", "line.at")
    baud = 0
    while not chat.outcome:
        if chat.baud != baud:
            baud = chat.baud
            uart.init(baudrate=baud)
        out = chat.output()
        while out:
            out = out[uart.write(out) or 0 :]
        for _ in range(_READ_BYTES):
            if chat.outcome or not uart.any():
                break
            chat.feed(uart.read(1) or b"", now_ms())  # what follows CONNECT is PPP's
        chat.step(now_ms())
        await asyncio.sleep(_LOOK_S)
    if chat.fault is not None:
        raise chat.fault
    return chat
