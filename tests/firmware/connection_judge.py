"""Heap in use after each of many connections of a node that stands alone; on a board's heap."""

import asyncio
import gc

from firmware.app import App
from firmware.ports.host import Host
from firmware.senses import Senses


def used(argument):
    """Bytes after each; `argument` is the broker's port and how many connections."""
    broker, count = argument
    host = Host()
    host.begin()
    app = App(host)
    probe = {"type": "sht4x", "name": "probe-1", "bus": "climate"}
    settings = {"unit": "household-01", "mode": "alone", "drivers": [probe]}
    settings["broker"] = {"host": "127.0.0.1", "port": broker}
    senses = Senses(host, app.intake, settings["drivers"])
    line = app._broker_line(senses, settings)
    for number in range(150):
        app.intake.emit("climate", "probe-1", {"temperature_cc": number, "humidity_cpct": 4000})
        if number % 10 == 9:
            app.intake.keep()
    found = []

    async def many():
        for _ in range(count):
            await line._one_connection()
            gc.collect()
            found.append(gc.mem_alloc())

    asyncio.run(many())
    return found
