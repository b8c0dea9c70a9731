"""Thousands of inputs through every pure module, made alike on both interpreters; in short."""

# ruff: noqa: UP031, RUF005

import binascii

from firmware import nmea, wire
from firmware.drivers import DriverFault, ds18b20, hx711, pn5180, scanner, sht4x
from firmware.line import frame
from firmware.settings import node as settings
from firmware.settings.reading import SettingsError
from firmware.store import ring, row
from firmware.update import manifest, p256

try:
    from dice_judge import SENTENCES, Dice
except ImportError:  # on a board modules have no package
    from tests.firmware.dice_judge import SENTENCES, Dice

KINDS = ("climate", "fault", "health", "fix", "power", "door", "move")


def judged(seeds):
    """For ten seeds each a check sum of what the six groups of modules made of them."""
    out, crc = [], 0
    for at, seed in enumerate(seeds):
        crc ^= seen(seed)
        if at % 10 == 9:
            out.append(crc)
    return out


def seen(seed):
    dice = Dice(seed)
    told = [framed(dice), recorded(dice), located(dice), measured(dice), configured(dice), released(dice)]
    return binascii.crc32(repr(told).encode()) & 0xFFFFFFFF


def framed(dice):
    stream = (
        dice.bytes(dice.below(40)) + b"\0" + frame.encode(3, 1, dice.below(99), dice.bytes(dice.below(60)))
    )
    decoder = frame.Decoder()
    # Up to 1.27 b"".hex() is b"".
    found = [(one.kind, one.seq, len(one.body) and one.body.hex()) for one in decoder.feed(stream)]
    found += [one.hex() for one in ring.entries(ring.entry(stream) + dice.bytes(9))]
    return [found, sorted(decoder.refused.items())]


def recorded(dice):
    kind = KINDS[dice.below(len(KINDS))]
    values = {}
    for field in wire.KINDS[kind].fields:
        if field.is_needed or dice.below(3):
            values[field.name] = cell(field, dice)
    try:
        data = row.row_of(kind, "probe-%d" % dice.below(9), values, (dice.below(2000000000) * 800, 0, "none"))
    except wire.WireError as error:
        return [error.code, error.where]
    group = row.group_of(data, 1 + dice.below(1000))
    damaged = data[:3] + dice.bytes(1) + data[4:]
    try:
        row.group_of(damaged, 1)
        error = ""
    except wire.WireError as refused:
        error = refused.code
    return [
        data.hex(),
        [plain(group.columns[field.name][0]) for field in wire.BASE + wire.KINDS[kind].fields],
        error,
    ]


def plain(value):
    """A text as bytes: the interpreters print letters beyond ASCII differently."""
    return value.encode() if isinstance(value, str) else value


def cell(field, dice):
    if field.coding == wire.TEXT:
        return "ä%d" % dice.below(1000)
    return field.low + dice.below(2147483647) % (min(field.high, 1000000) - field.low + 2)


def located(dice):
    body = bytearray(SENTENCES[dice.below(len(SENTENCES))])
    if dice.below(3) == 0:
        body[1 + dice.below(len(body) - 2)] = 33 + dice.below(90)
    total = 0
    for byte in body[1:-1]:
        total ^= byte
    reader = nmea.Reader()
    out = reader.feed(bytes(body) + ("%02X\r\n" % total).encode() + dice.bytes(20) + b"\n")
    return [[at, sorted(fix.items(), key=str)] if fix else at for at, fix in out] + sorted(
        reader.refused.items()
    )


def measured(dice):
    scratch = dice.bytes(8)
    scratch += bytes((ds18b20.crc8(scratch),))
    warm, damp = dice.bytes(2), dice.bytes(2)
    answer = warm + bytes((sht4x.crc8(warm),)) + damp + bytes((sht4x.crc8(damp) ^ (dice.below(9) == 0),))
    out = [tried(ds18b20.parse, scratch), tried(sht4x.parse, answer), tried(hx711.parse, dice.below(1 << 24))]
    out.append(hx711.mass_mg(dice.below(1 << 24) - (1 << 23), dice.below(9999), dice.below(5000)))
    out.append([pn5180.inventory(dice.below(1 << 20), 20).hex(), pn5180.found_uid(dice.bytes(9) + b"\xe0")])
    out.append(tried(pn5180.info_of, dice.bytes(dice.below(16))))
    lines = scanner.Lines()
    return out + [lines.feed(dice.bytes(30) + b"\r"), sorted(lines.refused.items())]


def tried(parse, data):
    try:
        return parse(data)
    except DriverFault as fault:
        return fault.code
    except OSError:
        return "gone"


def configured(dice):
    texts = (
        '{"version": %d, "unit": "n", "mode": "wired", "drivers": []}' % dice.below(3),
        '{"version": 1, "unit": "n", "mode": "alone", "drivers": [], "broker": {"host": "h", "port": %d}}'
        % dice.below(70000),
        '{"version": 1, "unit": "N", "mode": "wired", "drivers": [{"name": "a", "type": "x"}]}',
        '{"version": true, "x": %d}' % dice.below(9),
        "[" * dice.below(30),
    )
    text = texts[dice.below(len(texts))]
    try:
        return sorted(settings.parsed(text))
    except SettingsError as error:
        return str(error)


HEAD = (
    '{"v":1,"name":"ortoo-node","version":"0.2.%d","number":%d,"mpy":6,"boards":["host"],'
    '"files":[["firmware/%s.mpy",%d,"%s"],["firmware/b.mpy",9,"%s"]]}\n'
)
ODD = b'"[]{}:,.-0123456789\\/ulena\xff\x00'


def released(dice):
    """A head, most of them with a few letters changed."""
    digests = [binascii.hexlify(dice.bytes(32)).decode() for _ in range(2)]
    said = [dice.below(3), dice.below(40000), "abc"[dice.below(3)], dice.below(70000)]
    head = HEAD % tuple(said + digests)
    head = bytearray(head.encode() + binascii.hexlify(dice.bytes(64)) + b"\n")
    for _ in range(dice.below(3)):
        head[dice.below(len(head))] = ODD[dice.below(len(ODD))]
    try:
        found = manifest.parsed(bytes(head))
    except manifest.ManifestError:
        return "refused"  # which of its mistakes is found first, they need not agree upon
    files = [[path, size, digest.hex()] for path, size, digest in found.files]
    return [found.version, found.number, found.mpy, found.boards, files]


def signatures(vectors):
    """Whether each of [key, message, signature] is good, in hex."""
    return [p256.is_signed(*[bytes.fromhex(text) for text in vector]) for vector in vectors]
