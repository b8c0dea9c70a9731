"""The MQTT core on a real line, steered by JSON lines: commands come on stdin, events go to stdout.

Runs on MicroPython, so in its subset.
"""

import asyncio
import json
import sys

from firmware.line import mqtt_core
from firmware.ports.host import Host


class Talker:
    def __init__(self):
        self.port = Host()
        self.core = None
        self.writer = None
        self.reader_task = None

    def tell(self, name, event):
        values = {}
        for key, value in event.__dict__.items():
            values[key] = value.decode() if isinstance(value, bytes) else value
        print(json.dumps([name, values]))

    async def open(self, host, port, level=5, will=None, tls=None):
        if self.reader_task is not None:
            self.reader_task.cancel()
        if tls is not None:
            tls = [bytes.fromhex(der) for der in tls]
        try:
            reader, self.writer = await self.port.connect(host, port, tls)
        except (OSError, ValueError) as error:
            print(json.dumps(["Failed", {"why": str(error)}]))
            return
        will = will and mqtt_core.Will(will[0], will[1].encode())
        self.core.connect(self.port.now_ms(), will, level)
        self.reader_task = asyncio.create_task(self.read(reader))

    async def read(self, reader):
        try:
            await self.flush()
            while True:
                data = await reader.read(512)
                if not data:
                    break
                for event in self.core.feed(data, self.port.now_ms()):
                    self.tell(type(event).__name__, event)
                await self.flush()
            print('["Closed", {}]')
        except (OSError, ValueError) as error:
            print(json.dumps(["Broken", {"why": str(error)}]))

    async def flush(self):
        data = self.core.output()
        if data:
            self.writer.write(data)
            await self.writer.drain()

    async def do(self, command):
        name, values = command
        now_ms = self.port.now_ms()
        if name == "make":
            self.core = mqtt_core.Core(**values)
            return
        if name == "open":
            await self.open(**values)
            return
        if name == "publish":
            number = self.core.publish(
                values["topic"],
                values["payload"].encode(),
                values["qos"],
                now_ms,
                values.get("retained", False),
            )
            print(json.dumps(["Number", {"number": number}]))
        elif name == "subscribe":
            self.core.subscribe(values["topic"], now_ms)
        elif name == "acknowledge":
            self.core.acknowledge(values["number"], now_ms)
        elif name == "raw":
            self.writer.write(bytes.fromhex(values["hex"]))
            await self.writer.drain()
        elif name == "step":  # as if so much time had gone by
            for event in self.core.step(now_ms + values["later_ms"]):
                self.tell(type(event).__name__, event)
        elif name == "drop":  # the connection, without a word
            self.writer.s.close()
            self.reader_task.cancel()
            print('["Dropped", {}]')
            return
        elif name == "disconnect":
            self.core.disconnect()
        await self.flush()

    async def main(self):
        commands = asyncio.StreamReader(sys.stdin.buffer)
        while True:
            line = await commands.readline()
            if not line:
                return
            try:
                await self.do(json.loads(line))
            except OSError as error:
                print(json.dumps(["Broken", {"why": str(error)}]))


asyncio.run(Talker().main())
