"""The embedded broker of the demo, on loopback only: `python -m ingest.demo.broker PORT`.

amqtt is pure Python, so that a first look needs no system package. It speaks MQTT 3.1.1 only, forgets
everything when it ends, and may lose messages that it has acknowledged; the line's receipts make that
harmless. It is no broker for a county.
"""

import asyncio
import logging
import signal
import sys

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType

HOST = "127.0.0.1"
ANONYMOUS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


def settings(port: int) -> BrokerConfig:
    """One plain listener on loopback for whoever is on this machine."""
    listener = ListenerConfig(type=ListenerType.TCP, bind=f"{HOST}:{port}")
    return BrokerConfig(listeners={"default": listener}, plugins=ANONYMOUS)


async def serve(port: int) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    broker = Broker(settings(port))
    await broker.start()
    await stop.wait()
    await broker.shutdown()


def main(arguments: list[str]) -> int:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(serve(int(arguments[0])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
