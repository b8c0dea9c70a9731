"""Input that somebody got wrong, or made up: what the pure readers make of it, and what they hold of it.

Runs on CPython and on MicroPython with the same numbers. Each reader may end in what it declares and in
nothing else; what leaves a function here is a fault of the firmware.
"""

# ruff: noqa: UP031

import gc
import json

from firmware import nmea, wire
from firmware.line import at, frame, modem, modem_fault, mqtt_core, mqtt_packets
from firmware.settings import node as settings
from firmware.settings.reading import SettingsError

try:
    from dice_judge import SENTENCES, Dice
except ImportError:  # on a board modules have no package
    from tests.firmware.dice_judge import SENTENCES, Dice

WELCOMES = (b"\x20\x03\x00\x00\x00", b"\x20\x02\x00\x00")  # of MQTT 5 and 3.1.1
READ_BYTES = 512  # as broker_line reads
MODEM_LINES = (
    b"OK", b"ERROR", b"+CME ERROR: 10", b"+CPIN: READY", b"+CPIN: SIM PIN", b"+CPINR: SIM PIN,3,3",
    b'+CSIM: 4,"63C3"', b"+CSQ: 31,99", b"+CSQ: ,,", b"+CEREG: 2,1", b"+CEREG:", b'+CGREG: 5,"26"',
    b'+QLTS: "2026/11/21,04:12:55+32,0"', b'+QLTS: "', b"NO CARRIER", b"CONNECT", b"RDY", b"+QLTS: 1/2/3,",
)  # fmt: skip
ENTRY = {"type": "sht4x", "name": "probe-1", "bus": "climate", "address": 68, "period_s": 60}
WHOLE = {
    "version": 1,
    "unit": "household-07",
    "mode": "alone",
    "group_s": 10,
    "broker": {"host": "broker.example", "port": 8883, "is_tls": True},
    "modem": {"apn": "internet", "pin": "0933", "user": "a", "password": "b"},
    "duty": {"sample_s": 300, "send_s": 86400},
    "drivers": [ENTRY, {"type": "door", "name": "door"}],
}
WORDS = (
    "null", "true", "-1", "1.5", "1099511627776", '""', '"%s"' % ("x" * 70), '"\u00c4"', "[]", "{}", "[[]]",
    '{"a": 1}', '"alone"', '"wired"',
)  # fmt: skip


def judged(seeds):
    """By reader: how often it refused, and the most that it held."""
    return {name: [run(reader, Dice(seed)) for seed in seeds] for name, reader in READERS.items()}


def held(seeds):
    """By reader the most bytes of heap in use while it read, beyond what was in use before."""
    gc.threshold(512)
    out = {}
    for name, reader in READERS.items():
        run(reader, Dice(1))  # what is imported late is no part of it
        most = 0
        for seed in seeds:
            gc.collect()
            before = gc.mem_alloc()
            for _ in reader(Dice(seed)):
                gc.collect()
                most = max(most, gc.mem_alloc() - before)
        out[name] = most
    return out


def run(reader, dice):
    told = 0
    for one in reader(dice):
        told = (told * 31 + one) % 1000003
    return told


def frames(dice):
    """Noise, frames, damaged frames, and zeros that do not come."""
    decoder = frame.Decoder()
    for _ in range(20):
        data = frame.encode(dice.below(9), 1, dice.below(99), dice.bytes(dice.below(100)))
        if dice.below(2):
            data = data[: dice.below(len(data))] + dice.bytes(dice.below(150)).replace(b"\0", b"\1")
        for one in decoder.feed(data):
            fields = frame.fields(one)
            yield len(fields or ()) + len(frame.entries_of(one.body) or ())
        yield sum(decoder.refused.values())


def sentences(dice):
    """A receiver that babbles: words too many, too long, of another kind, with a right check sum; binary."""
    reader = nmea.Reader()
    for _ in range(20):
        words = SENTENCES[dice.below(len(SENTENCES))][1:-1].split(b",")
        for _ in range(dice.below(4)):
            odd = (b"", b"-", b"9" * 40, b"1e9", b"\xc2\xb2", b".", b"N", b"0" + b"," * 30, dice.bytes(3))
            words[dice.below(len(words))] = odd[dice.below(len(odd))]
        body = b",".join(words[: 1 + dice.below(len(words))] if dice.below(3) == 0 else words)
        total = 0
        for byte in body:
            total ^= byte
        line = b"$" + body + b"*" + ("%02X\r\n" % total).encode()
        if dice.below(4) == 0:
            line = dice.bytes(dice.below(200))
        for utc_ms, fix in reader.feed(line):
            wire.check_values("fix", fix)
            yield (utc_ms or 0) % 1000003 + len(fix)
        yield sum(reader.refused.values())


def packets(dice):
    """A broker that lies: of lengths, of numbers that were never sent, of properties, out of order."""
    core = mqtt_core.Core("node-01", 60, 3600, 4)
    is_over = True
    for at_ms in range(30):
        if is_over:
            level = dice.below(2)
            core.connect(at_ms, None, mqtt_core.LEVELS[level])
            core.feed(WELCOMES[level if dice.below(9) else 1 - level], at_ms)
            is_over = False
        core.publish("up", b"x" * 100, dice.below(2), at_ms)
        core.subscribe("down", at_ms)
        told = lie(dice)
        for at_byte in range(0, len(told), READ_BYTES):
            for event in core.feed(told[at_byte : at_byte + READ_BYTES], at_ms):
                is_over = is_over or isinstance(event, (mqtt_core.Ended, mqtt_core.Refused))
                yield len(event.__dict__)
        yield len(core.output()) + len(core.step(at_ms + dice.below(40000)))


def lie(dice):
    topic = mqtt_packets.text("t" * dice.below(140))
    number = (dice.below(70000) % 65536).to_bytes(2, "big")
    odd = (b"", b"\x00", b"\x05\x03\xff\xff", b"\x03\x23\x00\x01", b"\xff\xff\xff\x7f", b"\x02\x99\x00")
    told = odd[dice.below(len(odd))]
    lies = (
        mqtt_packets.packet(0x30 | dice.below(16), topic + number + told + dice.bytes(dice.below(99))),
        # more than it has, and more than will ever come
        bytes((0x30, 128 + dice.below(128), dice.below(64))) + dice.bytes(dice.below(99)),
        bytes((0x30, 255, 255, 255, dice.below(256))) + dice.bytes(9),
        mqtt_packets.packet((4, 9, 11, 5, 6)[dice.below(5)] << 4, number + told),
        mqtt_packets.packet(0xE0, told),
        WELCOMES[dice.below(2)],
        mqtt_packets.packet(0x30, topic + b"\x00" + b"x" * (5000 if dice.below(9) == 0 else 9)),
        dice.bytes(dice.below(99)),
    )
    return lies[dice.below(len(lies))]


def setting(dice):
    """Settings of which something is of another kind, not there, or twice as large."""
    for _ in range(20):
        found = json.loads(json.dumps(WHOLE))
        for _ in range(dice.below(3)):
            twist(found, dice)
        data = json.dumps(found)
        if dice.below(4) == 0:
            data = data[: dice.below(len(data))] + "[" * dice.below(400)
        try:
            settings.parsed(data)
            yield 1
        except SettingsError:
            yield 2  # which of two faults is named is the order of a dictionary: not the same everywhere


def twist(found, dice):
    """Change one value, somewhere inside."""
    while True:
        keys = sorted(found) if isinstance(found, dict) else list(range(len(found)))
        if not keys:
            return
        key = keys[dice.below(len(keys))]
        inner = found[key]
        if isinstance(inner, (dict, list)) and inner and dice.below(3):
            found = inner
        elif isinstance(found, dict) and dice.below(4) == 0:
            del found[key]
            return
        else:
            found[key] = json.loads(WORDS[dice.below(len(WORDS))])
            return


def lines(dice):
    """A modem that answers anything to anything."""
    chat, now_ms = modem.Chat("internet", "0933", 0), 0
    while not chat.outcome:
        line = MODEM_LINES[dice.below(len(MODEM_LINES))] if dice.below(4) else b"OK"
        if dice.below(6) == 0:
            line = line[: dice.below(len(line))] + dice.bytes(dice.below(200))
        chat.feed(line + b"\r\n", now_ms)
        now_ms += 500
        chat.step(now_ms)
        yield len(chat.output())
    yield sorted(modem_fault.FAILURES).index(chat.outcome) if chat.fault else 99
    yield len(at.cause(chat.outcome))


READERS = {
    "frames": frames,
    "sentences": sentences,
    "packets": packets,
    "settings": setting,
    "modem": lines,
}
