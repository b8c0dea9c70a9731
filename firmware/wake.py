"""One wake of a node on a battery: a look at everything, a connection when it is due, and to sleep."""

import asyncio

from firmware import duty

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.broker_line import BrokerLine
    from firmware.intake import Intake
    from firmware.ports.port import Port
    from firmware.senses import Senses

LOOK_S = 0.05


async def wake(
    port: "Port", intake: "Intake", senses: "Senses", line: "BrokerLine", settings: "dict[str, Any]"
) -> None:
    """Ends in a deep sleep."""
    woke_ms = port.now_ms()
    for given in settings["drivers"]:
        driver = senses.driver(given)
        if driver is not None:
            await senses.look(given["name"], driver)
        port.feed_watchdog()
    intake.keep()
    notes, boot, outbox = intake.notes, intake.outbox.boot, intake.outbox
    has_event = outbox.last_seq("event") > outbox.mark("event")
    sent_ms, tried_ms = notes.get("sent", {}).get(boot, [None, None])
    if duty.is_send_due(woke_ms, sent_ms, tried_ms, settings["duty"]["send_s"], has_event):
        await _send(port, line, woke_ms)
        sent_ms = sent_ms if outbox.waiting else woke_ms
        notes.put({"sent": {boot: [sent_ms, woke_ms if outbox.waiting else None]}})
    port.sleep(duty.sleep_ms(port.now_ms(), woke_ms, settings["duty"]["sample_s"]))


async def _send(port: "Port", line: "BrokerLine", woke_ms: int) -> None:
    line.is_going = True
    task = asyncio.create_task(line.run())
    while line.is_going and port.now_ms() - woke_ms < duty.LONGEST_SEND_MS:
        port.feed_watchdog()
        await asyncio.sleep(LOOK_S)
    task.cancel()
