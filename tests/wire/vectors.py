"""The golden vectors: `python -m tests.wire.vectors` writes vectors.json anew, for those who add one.

Who changes bytes of a vector that exists breaks units in the field. The bytes of the good batches come from
the encoder; all others are put together here by hand.
"""

import json
import zlib
from pathlib import Path
from typing import Any

from firmware import wire
from tests.wire.judge import encoded

PATH = Path(__file__).with_name("vectors.json")
EPOCH, BOOT, OTHER_BOOT = "00112233445566aa", "0123456789abcdef", "fedcba9876543210"
BEGIN_MS, BOOT_AT_MS = 1_795_251_600_000, 1_795_250_845_679
Vector = dict[str, Any]


# --- bytes by hand


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def sized(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def count(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def column(number: int, *entries: int) -> bytes:
    return sized(
        number, b"".join(varint(entry << 1 if entry >= 0 else (-entry << 1) - 1) for entry in entries)
    )


def header(lane: int = 2, *, version: int = 1, prev: int = 0, epoch: str = EPOCH, boot: str = BOOT) -> bytes:
    ids = sized(2, bytes.fromhex(epoch)), sized(5, bytes.fromhex(boot))
    return count(1, version) + ids[0] + count(3, lane) + count(4, prev) + ids[1]


def group(kind: str, body: bytes) -> bytes:
    return sized(wire.KINDS[kind].number, body)


def fix(body: bytes) -> bytes:
    """A batch of one group of fixes."""
    return header() + group("fix", body)


# --- good


def _columns(kind: str, seqs: list[int], **values: list[Any]) -> dict[str, list[Any]]:
    rows = len(seqs)
    base = {
        "seq": seqs,
        "time_ms": [BEGIN_MS + 1000 * row for row in range(rows)],
        "boot_at_ms": [BOOT_AT_MS] * rows,
        "clock": [4] * rows,
    }
    return {**base, **{field.name: [None] * rows for field in wire.KINDS[kind].fields}, **values}


def _group(kind: str, seqs: list[int], source: str | None = None, **values: list[Any]) -> dict[str, Any]:
    return {
        "kind": kind,
        "source": source or wire.KINDS[kind].source,
        "columns": _columns(kind, seqs, **values),
    }


def _drive(rows: int) -> dict[str, Any]:
    """A curve with all columns busy, without any chance."""
    at = range(rows)
    return _group(
        "fix",
        [1 + row for row in at],
        lat_e7=[492122000 + 1200 * row + 7 * row * row - row**3 // 9 for row in at],
        lon_e7=[1197658000 - 900 * row + row % 7 * 60 for row in at],
        altitude_msl_dm=[6120 + row // 3 for row in at],
        speed_cm_s=[1400 + 37 * (row % 9) for row in at],
        course_ddeg=[(3590 + 3 * row) % 3600 for row in at],
        satellites=[11 - row // 17 for row in at],
        hdop_c=[92 if row % 11 else 95 for row in at],
        fix_mode=[2] * rows,
        quality=[row // 30 for row in at],
    )


def _batch(lane: str, *groups: dict[str, Any], prev: int = 0, prev_boot: str | None = None) -> dict[str, Any]:
    ids = {"epoch": EPOCH, "lane": lane, "prev": prev, "boot": BOOT, "prev_boot": prev_boot}
    return {**ids, "groups": list(groups)}


def _extremes(name: str) -> dict[str, Any]:
    """Each number at both ends of its range, each text as long as may be."""
    columns: dict[str, list[Any]] = {}
    for field in wire.BASE + wire.KINDS[name].fields:
        is_text = field.coding == wire.TEXT
        columns[field.name] = ["", "é" * 128] if is_text else [field.low, field.high]
    return _batch(wire.KINDS[name].lane, {"kind": name, "source": "x" * 32, "columns": columns})


def _morning() -> list[dict[str, Any]]:
    """A door opens, packs go and come, the fridge gets warm: each kind of a cabinet's events."""
    return [
        _group("door", [41, 45], state=[1, 0], open_ms=[None, 95_400]),
        _group(
            "count",
            [42, 46],
            method=[0, 1],
            slot=["a1", "a1"],
            item=["bcg-10", "bcg-10"],
            pieces=[None, 18],
            change_pieces=[-2, None],
            change_mg=[-50_120, None],
            sure_pct=[97, 100],
            began_ago_ms=[4200, None],
            actor=[None, "nurse"],
        ),
        _group(
            "move",
            [43, 44, 47],
            move=[0, 1, 4],
            slot=[None, "a1", "a1"],
            item=["bcg-10", "bcg-10", "bcg-10"],
            gtin=["09506000134352", None, None],
            lot=["ABC123", None, None],
            expires_on=[21427, None, None],
            pieces=[None, 2, -1],
            packs=[1, None, None],
            reason=[None, None, "破损"],
            actor=[None, "nurse", "nurse"],
            code=["]d201095060001343521728083110ABC123", None, None],
        ),
        _group(
            "excursion",
            [48, 49],
            "fridge",
            number=[3, 3],
            state=[0, 1],
            direction=[1, 1],
            judgement=[0, 0],
            comparator=[2, 2],
            limit_cc=[800, 800],
            limit_s=[3600, 3600],
            began_ago_ms=[3_600_000, 5_400_000],
            ended_ago_ms=[None, 60_000],
            outside_s=[3600, 5340],
            lowest_cc=[804, 804],
            highest_cc=[1012, 1150],
            profile=["tight", "tight"],
            profile_version=[1, 1],
        ),
    ]


def _lending_day() -> list[dict[str, Any]]:
    """A library vehicle takes its lists, lends, takes back, checks its shelf: each kind of a book event."""
    card = "5d2f0e6b0c9a4f3e8d7c6b5a49382716"
    return [
        _group(
            "book",
            [62, 63, 64, 66, 67, 68, 69],
            event=[0, 2, 1, 3, 4, 3, 5],
            item=["123456789012", "123456789012", "11223344", "QL-00731", "QL-00732", None, "123456789012"],
            owner=["US-InU-Mu", "US-InU-Mu", "DE705", "CN-150600-1", None, None, None],
            method=[0, 1, 0, 0, 0, 0, 0],
            reader=[card, card, None, None, None, None, None],
            reader_key=["8f14e45f", "8f14e45f", None, None, None, None, None],
            loan=["6c1fb2a09d3e5847"] * 2 + [None] * 5,
            due_on=[20806, 20820, None, None, None, None, None],
            ruling=[0, 1, 2, None, None, None, None],
            rules=[None, "held", None, None, None, None, None],
            lists_age_s=[86_400, 86_460, None, None, None, None, None],
            reason=[None, "预约人同意", None, None, None, None, None],
            actor=["bat"] * 3 + [None] * 4,
            shelf=[None, None, None, "b2", None, "b2", None],
            home_shelf=[None, None, None, "a1", None, None, None],
            place=[None, None, None, 1, None, 2, None],
            inventory=[None, None, None, 4, 4, 4, None],
            sure_pct=[None, None, None, 100, 97, 99, None],
            afi=[0xC2, None, 0x07, 0x07, None, 0, 0xC2],
            is_afi_pending=[0, 1, 0, None, None, None, 0],
            is_eas_on=[0, None, 1, None, None, None, None],
            usage=[0x10, None, 0x01, None, None, None, None],
            layout=[1, None, 2, 1, None, 0, None],
            tag_id=["e00401002f1a2b3c", None, "e00401002f1a2b3d", None, None, "e0040150aabbccdd", None],
            raw=[None, None, None, None, None, "deadbeef00000000", None],
        ),
        _group(
            "inventory",
            [65],
            number=[4],
            state=[0],
            method=[0],
            began_ago_ms=[94_000],
            rounds=[5],
            expected=[2987],
            present=[2986],
            missing=[1],
            misplaced=[1],
            foreign=[1],
            unread=[1],
            sure_pct=[99],
            lists_age_s=[90_000],
            actor=["bat"],
        ),
        _group("settle", [70], conflict=["c-17"], finding=[0], item=["QL-00732"], note=["在书架上"]),
        _group(
            "lists",
            [61, 71],
            state=[0, 1],
            revision=["20261120-2200", None],
            as_of_ms=[BEGIN_MS - 86_400_000, None],
            items=[2990, None],
            blocks=[41, None],
            holds=[3, None],
            conflicts=[0, None],
            detail=[None, "line 17: not JSON"],
        ),
    ]


def _good_batches() -> dict[str, dict[str, Any]]:
    lost = {"lat_e7": [None, 492122000, 492122100, None], "lon_e7": [None, 1197658000, 1197658100, None]}
    words = ["温度传感器", "ᠡᠮ ᠦᠨ ᠬᠠᠭᠤᠷᠴᠠᠭ", "\U0001f691", ""]
    return {
        "a drive": _batch("track", _drive(40)),
        "one fix after others": _batch(
            "track", _group("fix", [31], lat_e7=[1], lon_e7=[-1], fix_mode=[2]), prev=30
        ),
        "a fix lost and won": _batch("track", _group("fix", [1, 2, 3, 4], fix_mode=[0, 1, 2, 0], **lost)),
        "parked, 200 rows": _batch("track", _group("fix", list(range(1, 201)), fix_mode=[2] * 200)),
        "gaps in seq": _batch("track", _group("fix", [8, 9, 20, 21], fix_mode=[2, 2, 2, 1]), prev=5),
        "another boot before": _batch(
            "track", _group("fix", [6], fix_mode=[2]), prev=5, prev_boot=OTHER_BOOT
        ),
        "two kinds and two sources in turns": _batch(
            "sense",
            _group("power", [11, 13], supply_mv=[12710, 12690], is_ignition_on=[1, 1]),
            _group("power", [14], "cabinet", battery_mv=[3301]),
            _group("health", [12], uptime_s=[754], soc_temperature_cc=[-1250], odometer_m=[123456789]),
            prev=10,
        ),
        "texts": _batch(
            "event",
            _group(
                "fault",
                [1, 2, 3, 4],
                part=words,
                code=["no_reply"] * 4,
                state=[0, 1, 0, 1],
                detail=[None, "", "x", None],
            ),
        ),
        "a clock that is not set": _batch(
            "event",
            {
                "kind": "clock_set",
                "source": "clock",
                "columns": {
                    **_columns("clock_set", [1], step_ms=[-5], was=[0]),
                    "time_ms": [42000],
                    "boot_at_ms": [0],
                    "clock": [0],
                },
            },
        ),
        "a cabinet's morning": _batch("event", *_morning(), prev=40),
        "a day of lending": _batch("event", *_lending_day(), prev=60),
        "help, and taken back": _batch(
            "event",
            _group(
                "help",
                [5, 7],
                "node-help",
                event=[0, 1],
                call=[1_234_567_890, 1_234_567_890],
                held_ms=[None, 10_040],
                lat_e7=[491_234_567, 491_234_570],
                lon_e7=[1_197_654_321, 1_197_654_300],
                fix_age_s=[1, 0],
            ),
            _group("help", [6], event=[0], call=[1]),
        ),
        "a fridge at night": _batch(
            "sense",
            _group(
                "climate",
                list(range(1, 13)),
                "fridge",
                temperature_cc=[419, 425, 431, 431, 438, 444, None, 450, 456, 462, 469, 475],
                is_door_open=[0] * 12,
            ),
            _group("climate", [13, 14], "room", temperature_cc=[-3812, -3806], humidity_cpct=[4010, 4022]),
        ),
        "rare changes": _batch(
            "track",
            _group("fix", list(range(1, 16)), fix_mode=[2] * 8 + [1, 0] + [2] * 5, satellites=[0] * 14 + [9]),
        ),
        **{f"extremes of {name}": _extremes(name) for name in wire.KINDS_IN_ORDER},
    }


def _good() -> list[Vector]:
    found = [
        {"name": name, "hex": encoded(batch), "is_canonical": True, "batch": batch}
        for name, batch in _good_batches().items()
    ]
    one = _batch("event", _group("clock_set", [1], step_ms=[5], was=[2]))
    moment = {"time_ms": [0], "boot_at_ms": [0], "clock": [0]}
    one["groups"][0]["columns"].update(moment)
    body = count(2, 1) + column(8, 5) + column(9, 2)
    whole = header(0) + group("clock_set", body)
    odd = {
        "deflated": zlib.compress(whole, 9),
        "fields in another order": group("clock_set", column(9, 2) + column(8, 5) + count(2, 1)) + header(0),
        "said twice, the last counts": count(1, 9) + header(0) + group("clock_set", count(2, 7) + body),
        "columns unpacked": header(0) + group("clock_set", count(2, 1) + count(8, 10) + count(9, 4)),
        "varints longer than need be": header(0) + group("clock_set", b"\x90\x00\x81\x00" + body[2:]),
        "the usual source named": header(0) + group("clock_set", body + sized(1, b"clock")),
    }
    return found + [{"name": n, "hex": h.hex(), "is_canonical": False, "batch": one} for n, h in odd.items()]


# --- bad


def _bad_bytes() -> dict[str, tuple[bytes, str, str]]:
    rows, mode = count(2, 1), column(15, 2)
    good = rows + column(4) + mode
    return {
        "nothing": (b"", "missing", "payload"),
        "no header": (group("fix", good), "version", "batch"),
        "a varint that does not end": (b"\x08\xff\xff", "not_protobuf", "batch"),
        "a varint of eleven bytes": (b"\x08" + b"\xff" * 10 + b"\x01", "not_protobuf", "batch"),
        "a tag of six bytes": (b"\x88\x80\x80\x80\x80\x00\x01", "not_protobuf", "batch"),
        "a field that runs past its end": (header() + b"\x82\x01\x09\x10", "not_protobuf", "batch"),
        "a length beyond 32 bits": (b"\x12\xff\xff\xff\xff\xff\x01", "not_protobuf", "batch"),
        "field number 0": (b"\x00\x01", "not_protobuf", "batch"),
        "an end of a protobuf group": (header() + b"\x0c", "not_protobuf", "batch"),
        "wire type 7": (header() + b"\x0f", "not_protobuf", "batch"),
        "torn within a group": (header() + sized(16, good[:-1]), "not_protobuf", "fix"),
        "a field of the future in the batch": (fix(good) + count(7, 1), "shape", "batch"),
        "a kind of the future": (header() + sized(99, good), "shape", "batch"),
        "a field of the future in a group": (fix(good + column(60, 1)), "shape", "fix"),
        "a header field of another type": (sized(1, b"\x01") + header()[2:], "shape", "batch"),
        "a column of another type": (fix(good + b"\x45\x00\x00\x00\x00"), "shape", "fix"),
        "JSON": (b'{"v":1}', "not_protobuf", "batch"),
        "version 2": (header(version=2) + group("fix", good), "version", "batch"),
        "version 2 to the power of 32 plus 1": (header(version=2**32 + 1), "version", "batch"),
        "no epoch": (header(epoch="") + group("fix", good), "missing", "epoch"),
        "no boot": (header(boot="") + group("fix", good), "missing", "boot"),
        "an epoch of 7 bytes": (header(epoch=EPOCH[2:]), "shape", "epoch, boot, prev_boot"),
        "a prev_boot of 9 bytes": (header() + sized(6, b"123456789"), "shape", "epoch, boot, prev_boot"),
        "lane 3": (header(3) + group("fix", good), "range", "lane"),
        "a kind in another lane": (header(0) + group("fix", good), "shape", "fix"),
        "prev beyond 2 to the power of 53": (header(prev=2**53) + group("fix", good), "range", "prev"),
        "no records": (header(), "missing", "batch"),
        "a group without rows": (fix(mode), "missing", "fix"),
        "1001 rows": (fix(count(2, 1001) + mode), "too_large", "fix"),
        "rows beyond 64 bits": (fix(b"\x10" + b"\x80" * 9 + b"\x01" + mode), "too_large", "fix"),
        "1001 rows in two groups": (
            header() + group("fix", count(2, 999) + mode) + group("fix", count(2, 2) + mode),
            "too_large",
            "batch",
        ),
        "65 groups": (header() + group("fix", good) * 65, "too_large", "batch"),
        "8193 fields": (header() + group("fix", count(2, 1) * 8193), "too_large", "fix"),
        "more entries than rows": (fix(good + column(8, 1, 2)), "shape", "fix.lat_e7"),
        "more rare entries than rows": (fix(good + column(13, 1, 2)), "shape", "fix.satellites"),
        "2001 entries": (fix(good + column(8, *[1] * 2001)), "too_large", "fix.lat_e7"),
        "a zero without its count": (fix(good + column(13, 0)), "shape", "fix.satellites"),
        "a count of zeros beyond the rows": (fix(good + column(13, 0, 1)), "shape", "fix.satellites"),
        "a count of zeros below 0": (fix(good + column(13, 0, -1)), "shape", "fix.satellites"),
        "a latitude of 91 degrees": (fix(good + column(8, 910000000)), "range", "fix[0].lat_e7"),
        "a speed below 0 in row 2": (
            fix(count(2, 3) + mode + column(11, 5, 0, -6)),
            "range",
            "fix[2].speed_cm_s",
        ),
        "a number of 64 bits": (fix(good + column(10, -(2**63))), "range", "fix[0].altitude_msl_dm"),
        "a sum beyond 64 bits": (
            fix(count(2, 3) + mode + column(11, 2**62, 2**62, 2**62)),
            "range",
            "fix[0].speed_cm_s",
        ),
        "fix_mode 3": (fix(rows + column(15, 3)), "range", "fix[0].fix_mode"),
        "a time before 1970": (fix(good + column(5, -1)), "range", "fix[0].time_ms"),
        "seq at prev": (fix(good + column(4, -1)), "range", "fix[0].seq"),
        "seq that falls": (fix(count(2, 2) + mode + column(4, 5, -2)), "shape", "fix.seq"),
        "seq twice in two groups": (
            header() + group("fix", good) + group("fix", good + sized(1, b"second")),
            "shape",
            "seq",
        ),
        "absent not in threes": (fix(good + column(3, 8, 0)), "shape", "fix.absent"),
        "absent, a field that is not there": (fix(good + column(3, 60, 0, 1)), "shape", "fix.absent"),
        "absent beyond the rows": (fix(good + column(3, 8, 0, 2)), "shape", "fix.absent"),
        "absent before the rows": (fix(good + column(3, 8, -1, 1)), "shape", "fix.absent"),
        "absent for no rows": (fix(good + column(3, 8, 0, 0)), "shape", "fix.absent"),
        "absent, the time": (fix(good + column(3, 5, 0, 1)), "shape", "fix.absent"),
        "absent, a needed value": (fix(good + column(3, 15, 0, 1)), "missing", "fix[0].fix_mode"),
        "a source with a capital": (fix(good + sized(1, b"Gnss")), "shape", "fix.source"),
        "a source that is not UTF-8": (fix(good + sized(1, b"\xff")), "not_protobuf", "fix.source"),
        "a text that is not UTF-8": (
            header(0) + group("fault", rows + sized(8, b"\xc3\x28")),
            "not_protobuf",
            "fault.part",
        ),
        "a text of 257 bytes": (
            header(0) + group("fault", rows + sized(8, b"x" * 257)),
            "too_large",
            "fault[0].part",
        ),
        "more texts than rows": (
            header(0) + group("fault", rows + sized(8, b"a") + sized(8, b"b")),
            "shape",
            "fault.part",
        ),
        "zlib, torn": (zlib.compress(fix(good))[:-5], "not_zlib", "payload"),
        "zlib, another checksum": (zlib.compress(fix(good))[:-4] + b"abcd", "not_zlib", "payload"),
        "zlib and something behind": (zlib.compress(fix(good)) + b"x", "not_zlib", "payload"),
        "zlib of nothing": (zlib.compress(b""), "version", "batch"),
        "zlib, only its first byte": (b"\x78", "not_zlib", "payload"),
        "zlib of zlib": (zlib.compress(zlib.compress(fix(good))), "shape", "batch"),
        "a bomb": (zlib.compress(bytes(1_000_000), 9), "too_large", "payload"),
    }


_IDS = f'"epoch":"{EPOCH}"'

GOOD_JSON = {
    "live": '{"v":1,"conn":7,"time_ms":1795251600000,"clock":"gnss","lat_e7":0,"lon_e7":0,"fix_mode":"3d"}',
    "birth": f'{{"v":1,"conn":7,"state":"online",{_IDS},"boot":"{BOOT}","software":"0.1","name":"🚑"}}',
    "will": '{"v":1,"conn":7,"state":"offline"}',
    "receipt": f'{{"v":1,"conn":0,{_IDS},"lanes":{{"track":{{"mark":9,"runs":[[1,"{BOOT}"]]}}}}}}',
    "command": '{"v":1,"id":"c-1","what":"raw_track","from_ms":5,"to_ms":5}',
    "resend": '{"v":1,"id":"c-2","what":"resend","lane":"event","first_seq":1,"last_seq":9007199254740991}',
    "erase": '{"v":1,"id":"c-3","what":"erase"}',
    "update": f'{{"v":1,"id":"c-4","what":"update","release":"{"0a" * 32}","bytes":12288}}',
    "update of a node": f'{{"v":1,"id":"c","what":"update","release":"{"0a" * 32}","bytes":1,"node":"n"}}',
    "help is coming": '{"v":1,"id":"c-5","what":"help","source":"node-help","call":7,"state":"coming"}',
    "new settings": '{"v":1,"id":"c-6","what":"settings","settings":{"version":2,"drivers":[]}}',
}
_COMMANDS = ("resend", "erase", "update", "update of a node", "help is coming", "new settings")
LEAVES = {"will": "birth"} | dict.fromkeys(_COMMANDS, "command")

BAD_JSON = {
    "not JSON": ("live", b"{", "not_json", "live"),
    "not UTF-8": ("live", b'{"v":1,"conn":"\xff"}', "not_json", "live"),
    "nested 4000 deep": ("live", b"[" * 4000, "not_json", "live"),
    "a list": ("live", b"[1]", "shape", "live"),
    "no version": ("live", b"{}", "version", "live"),
    "version 2": ("live", b'{"v":2}', "version", "live"),
    "version true": ("live", b'{"v":true}', "version", "live"),
    "version 1.0": ("live", b'{"v":1.0}', "version", "live"),
    "too long": ("live", b'{"v":1}' + b" " * 4096, "too_large", "live"),
    "no conn": ("live", b'{"v":1,"time_ms":1,"clock":"gnss"}', "missing", "live.conn"),
    "conn true": ("live", b'{"v":1,"conn":true,"time_ms":1,"clock":"gnss"}', "shape", "live.conn"),
    "conn 1.0": ("live", b'{"v":1,"conn":1.0,"time_ms":1,"clock":"gnss"}', "shape", "live.conn"),
    "conn 1e999": ("live", b'{"v":1,"conn":1e999,"time_ms":1,"clock":"gnss"}', "shape", "live.conn"),
    "conn of 900 digits": (
        "live",
        b'{"v":1,"conn":' + b"9" * 900 + b',"time_ms":1,"clock":"gnss"}',
        "range",
        "live.conn",
    ),
    "a clock unheard of": ("live", b'{"v":1,"conn":1,"time_ms":1,"clock":"sun"}', "range", "live.clock"),
    "half a position": (
        "live",
        b'{"v":1,"conn":1,"time_ms":1,"clock":"gnss","lat_e7":1}',
        "missing",
        "live",
    ),
    "a key unheard of": ("live", b'{"v":1,"conn":1,"time_ms":1,"clock":"gnss","x":1}', "shape", "live"),
    "a will with more": (
        "birth",
        b'{"v":1,"conn":1,"state":"offline","epoch":5}',
        "shape",
        "birth",
    ),
    "an epoch in capitals": (
        "birth",
        b'{"v":1,"conn":1,"state":"online","epoch":"00112233445566AA","boot":"0123456789abcdef","software":"1"}',
        "shape",
        "birth.epoch",
    ),
    "runs that fall": (
        "receipt",
        f'{{"v":1,"conn":0,{_IDS},"lanes":{{"track":{{"mark":9,"runs":[[5,"{BOOT}"],[5,"{BOOT}"]]}}}}}}'.encode(),
        "range",
        "receipt.lanes.track.runs",
    ),
    "a lane unheard of": (
        "receipt",
        f'{{"v":1,"conn":0,{_IDS},"lanes":{{"fast":{{"mark":9,"runs":[]}}}}}}'.encode(),
        "range",
        "receipt.lanes",
    ),
    "dates swapped": (
        "command",
        b'{"v":1,"id":"c","what":"raw_track","from_ms":6,"to_ms":5}',
        "range",
        "command.to_ms",
    ),
    "a command with another's key": (
        "command",
        b'{"v":1,"id":"c","what":"raw_track","from_ms":5,"to_ms":6,"lane":"track"}',
        "shape",
        "command",
    ),
    "an erasure of a part": (
        "command",
        b'{"v":1,"id":"c","what":"erase","lane":"track"}',
        "shape",
        "command",
    ),
    "an update to half a digest": (
        "command",
        f'{{"v":1,"id":"c","what":"update","release":"{"0a" * 16}","bytes":9}}'.encode(),
        "shape",
        "command.release",
    ),
    "a release with too long a head": (
        "command",
        f'{{"v":1,"id":"c","what":"update","release":"{"0a" * 32}","bytes":12289}}'.encode(),
        "range",
        "command.bytes",
    ),
    "a call without a name": (
        "command",
        b'{"v":1,"id":"c","what":"help","source":"help","call":0,"state":"heard"}',
        "range",
        "command.call",
    ),
    "a state of help unheard of": (
        "command",
        b'{"v":1,"id":"c","what":"help","source":"help","call":1,"state":"on its way"}',
        "range",
        "command.state",
    ),
    "help at no button": (
        "command",
        b'{"v":1,"id":"c","what":"help","source":"","call":1,"state":"over"}',
        "shape",
        "command.source",
    ),
    "help with another's key": (
        "command",
        b'{"v":1,"id":"c","what":"help","source":"help","call":1,"state":"over","lane":"event"}',
        "shape",
        "command",
    ),
    "settings that are a text": (
        "command",
        b'{"v":1,"id":"c","what":"settings","settings":"{}"}',
        "shape",
        "command.settings",
    ),
    "no settings": ("command", b'{"v":1,"id":"c","what":"settings"}', "missing", "command.settings"),
    "an update of a node without a name": (
        "command",
        f'{{"v":1,"id":"c","what":"update","release":"{"0a" * 32}","bytes":9,"node":""}}'.encode(),
        "shape",
        "command.node",
    ),
}


def vectors() -> list[Vector]:
    """All of them."""
    found = _good()
    for name, (payload, code, where) in _bad_bytes().items():
        found.append({"name": name, "hex": payload.hex(), "code": code, "where": where})
    for name, text in GOOD_JSON.items():
        leaf = LEAVES.get(name, name)
        found.append(
            {"name": f"JSON: {name}", "leaf": leaf, "hex": text.encode().hex(), "message": json.loads(text)}
        )
    for name, (leaf, payload, code, where) in BAD_JSON.items():
        vector = {"name": f"JSON: {name}", "leaf": leaf, "hex": payload.hex(), "code": code, "where": where}
        found.append(vector)
    return found


def text() -> str:
    """vectors.json: a vector on each line."""
    lines = [json.dumps(vector, ensure_ascii=False, separators=(",", ":")) for vector in vectors()]
    return "[\n" + ",\n".join(lines) + "\n]\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
