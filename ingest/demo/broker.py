"""The embedded broker of the demo, on loopback only: `python -m ingest.demo.broker PORT`.

amqtt is pure Python, so that a first look needs no system package. It speaks MQTT 3.1.1 only, forgets
everything when it ends, and may lose messages that it has acknowledged; the line's receipts make that
harmless. It is no broker for a county.

A client that begins with MQTT 5 is turned down here, at its first bytes, so that it goes on with 3.1.1 at
once: amqtt would read the newer packet as if it were the older one, and wait for the rest of it for ever.

    CONNECT   10 | length, 1 to 4 bytes | 00 04 'MQTT' | level: 04 is 3.1.1, 05 is 5 | ...
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import suppress

from amqtt.adapters import StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType

HOST = "127.0.0.1"
LISTENER = "default"
ANONYMOUS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}

FIRST_S = 10  # for a client's first bytes
LEVEL_AT = 6  # after the length, past the protocol's name
MQTT_5 = 5
UNSUPPORTED = bytes([0x20, 3, 0, 0x84, 0])  # CONNACK of MQTT 5: unsupported protocol version


class Begun:
    """A connection whose first bytes were read already, as amqtt reads connections."""

    def __init__(self, first: bytes, reader: asyncio.StreamReader) -> None:
        self._first = first
        self._reader = reader

    async def read(self, n: int = -1) -> bytes:
        """So many bytes; all that come for -1."""
        if n < 0:
            return self._first + await self._reader.read()
        given, self._first = self._first[:n], self._first[n:]
        return given + await self._reader.readexactly(n - len(given))

    def feed_eof(self) -> None:
        """There is nothing more to come."""
        self._reader.feed_eof()


async def first_bytes(reader: asyncio.StreamReader) -> tuple[bytes, int]:
    """The start of a CONNECT up to its protocol level, and that level."""
    first = await reader.readexactly(2)
    while first[-1] & 0x80 and len(first) < 5:  # the length goes on
        first += await reader.readexactly(1)
    first += await reader.readexactly(LEVEL_AT + 1)
    return first, first[-1]


class Demo:
    """amqtt behind a door that looks at the protocol."""

    def __init__(self) -> None:
        listener = ListenerConfig(type=ListenerType.EXTERNAL)
        self._broker = Broker(BrokerConfig(listeners={LISTENER: listener}, plugins=ANONYMOUS))

    async def serve(self, port: int, stop: asyncio.Event) -> None:
        """Take connections until `stop`."""
        await self._broker.start()
        server = await asyncio.start_server(self._connected, HOST, port)
        await stop.wait()
        server.close()
        await self._broker.shutdown()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whoever leaves in the middle of a packet is no event: units lose their link all the time.
        with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            first, level = await asyncio.wait_for(first_bytes(reader), FIRST_S)
            if level == MQTT_5:
                writer.write(UNSUPPORTED)
                await writer.drain()
            else:
                through = Begun(first, reader), StreamWriterAdapter(writer)
                await self._broker.external_connected(*through, LISTENER)
        writer.close()


async def run(port: int) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await Demo().serve(port, stop)


def main(arguments: list[str]) -> int:
    """Run the broker on the port that is given."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(run(int(arguments[0])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
