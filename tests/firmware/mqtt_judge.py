"""What the MQTT core makes of bytes; runs on CPython and on MicroPython."""

import gc

from firmware.line import mqtt_core


def judged(streams):
    """Of each stream, in pieces of three: what is said, what is told."""
    out = []
    for stream in streams:
        data = bytes.fromhex(stream)
        for level in mqtt_core.LEVELS:
            core = mqtt_core.Core("node-01", 60, 3600, 2, "u", b"p")
            core.connect(0, mqtt_core.Will("t/birth", b"gone"), level)
            told = [core.output().hex()]
            for at in range(0, len(data), 3):
                for event in core.feed(data[at : at + 3], at):
                    told.append([type(event).__name__, _values(event)])
                    if type(event) is mqtt_core.Opened:
                        told.append(core.subscribe("down", at))
                        told.append([core.publish("up", b"x" * 130, 1, at, True) for _ in range(3)])
                told.append(core.output().hex())
            told.append(
                [core.wait_ms(100), [_values(event) for event in core.step(200000)], core.output().hex()]
            )
            out.append(told)
    return out


def _values(event):
    values = event.__dict__
    return [str(values[name]) for name in sorted(values)]


def heap(count):
    """Bytes that a core holds after so many publishes of 400 bytes."""
    gc.collect()
    before = gc.mem_alloc()
    core = mqtt_core.Core("node-01", session_s=60)
    core.connect(0)
    core.feed(b"\x20\x03\x00\x00\x00", 0)
    for _ in range(count):
        number = core.publish("up", b"x" * 400, 1, 0)
        core.output()
        if number is not None and number > 3:
            core.feed(b"\x40\x02" + (number - 3).to_bytes(2, "big"), 0)
    gc.collect()
    return gc.mem_alloc() - before


def starved(spare):
    """What a core tells of the largest packet when so many bytes of the heap are free in a piece."""
    core = mqtt_core.Core("node-01")
    core.connect(0)
    core.feed(b"\x20\x03\x00\x00\x00", 0)
    piece, room, held = b"x" * 512, bytearray(spare), []
    for size in (4096, 1024, 256, 64):
        try:
            while True:
                held.append(bytearray(size))
        except MemoryError:
            pass
    del room
    gc.collect()
    told = core.feed(b"\x30\xf0\x3f\x00\x01t\x00", 0)
    while not told and len(piece) == 512:
        told = core.feed(piece, 0)
    held.clear()
    return [[type(event).__name__, _values(event)] for event in told]
