"""The reference for the service: paho with a callback that counts, on the same broker.

    python -m tests.bench.bare_subscriber PORT MESSAGES

Prints the messages a second of the same steady stretch as the flood's.
"""

import sys

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.bench.flood import Steady


def main(port: int, messages: int) -> None:
    came = 0
    steady = Steady(messages)

    def count(client: Client, _data: object, _message: MQTTMessage) -> None:
        nonlocal came
        came += 1
        steady.note(came)
        if came == messages:
            print(steady.rate, flush=True)
            client.disconnect()

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_message = count
    client.on_connect = lambda *_: client.subscribe("ortoo/v1/+/batch", 1)
    client.on_subscribe = lambda *_: print("ready", flush=True)
    properties = Properties(PacketTypes.CONNECT)
    properties.ReceiveMaximum = 1000
    client.connect("127.0.0.1", port, properties=properties)
    client.loop_forever()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
