"""The wire: bytes and microseconds per fix, beside JSON objects and Teltonika's codec 8 on the same tracks.

Sizes count the whole MQTT payload, with header and first values. The goal of 8 bytes plain and 6 deflated is
for 60 fixes at 1 Hz on the roads between villages, as is the goal for decoding. A lively town drive stays
above 6 deflated: the noise in its seven columns is 3.6 bytes per fix, 90 bytes of a payload are identity and
first values, and deflate has one table for all columns.
"""

import gc
import json
import struct
import time
import zlib
from collections.abc import Callable, Iterable, Sequence

from firmware import wire
from ingest import decode
from tests.bench import tracks
from tests.bench.report import Report
from tests.bench.tracks import Fix

HOUR_S = 3600
ROUNDS = 9


def run(report: Report) -> None:
    """Every figure of this file."""
    country, town = tracks.drive(2 * HOUR_S, road=tracks.COUNTRY), tracks.drive(2 * HOUR_S, road=tracks.TOWN)
    for name, fixes in (("country", country), ("town", town)):
        for hertz, step in (("1 Hz", 1), ("0.1 Hz", 10)):
            for rows in (1, 10, 60, 360):
                is_goal = (name, hertz, rows) == ("country", "1 Hz", 60)
                _sizes(report, f"{name}, {hertz}, {rows}", tracks.every(fixes, step), rows, is_goal=is_goal)
    coarse = tracks.drive(2 * HOUR_S, road=tracks.COUNTRY, decimals=4)
    _sizes(report, "country, 1 Hz, 60, minutes of 4 decimals", coarse, 60)
    for name, fixes in tracks.recorded().items():
        _sizes(report, f"recorded {name}, {len(fixes)}", fixes, len(fixes))
    _speeds(report, "country", country, goal_us="<= 30")
    _speeds(report, "town", town)


CODEC8_RECORD = struct.Struct(
    ">QB"  # time, priority
    "iihHBH"  # longitude, latitude, altitude m, course deg, satellites, speed km/h
    "BB"  # event, number of elements
    "BBB"  # one of 1 byte: 69, GNSS status
    "BBH"  # one of 2 bytes: 182, HDOP
    "BB"  # none of 4, none of 8
)


def codec8(fixes: Sequence[Fix]) -> bytes:
    """A Teltonika AVL packet with the same content, as far as its coarser units can hold it."""
    body = b"".join(_codec8_record({key: value or 0 for key, value in fix.items()}) for fix in fixes)
    data = bytes((8, len(fixes) & 255)) + body + bytes((len(fixes) & 255,))
    return struct.pack(">II", 0, len(data)) + data + struct.pack(">I", zlib.crc32(data))


def _codec8_record(fix: Fix) -> bytes:
    place = fix["lon_e7"], fix["lat_e7"], fix["altitude_msl_dm"] // 10, fix["course_ddeg"] // 10
    motion = fix["satellites"], fix["speed_cm_s"] * 36 // 1000
    elements = 0, 2, 1, 69, fix["fix_mode"], 1, 182, fix["hdop_c"], 0, 0
    return CODEC8_RECORD.pack(fix["time_ms"], 0, *place, *motion, *elements)


def _sizes(report: Report, name: str, fixes: list[Fix], rows: int, *, is_goal: bool = False) -> None:
    batches = tracks.batches(fixes, rows)
    parts = [fixes[at : at + rows] for at in range(0, len(batches) * rows, rows)]
    total = len(batches) * rows

    def per_fix(payloads: Iterable[bytes]) -> float:
        return sum(map(len, payloads)) / total

    plain = per_fix(wire.encode_batch(batch) for batch in batches)
    deflated = per_fix(wire.encode_batch(batch, is_deflated=True) for batch in batches)
    objects = per_fix(tracks.as_json(fix) for part in parts for fix in part)
    codec8s = [codec8(part) for part in parts]
    deflated_codec8s = per_fix(zlib.compress(data, 9) for data in codec8s)
    goals = ("<= 8", "<= 6") if is_goal else ("", "")
    report.row(f"{name}: plain", plain, "B/fix", "one JSON object per fix", objects)
    report.row(f"{name}: plain", plain, "B/fix", "codec 8", per_fix(codec8s), goal=goals[0])
    report.row(f"{name}: deflated", deflated, "B/fix", "codec 8, deflated", deflated_codec8s, goal=goals[1])


def _speeds(report: Report, track: str, fixes: list[Fix], goal_us: str = "") -> None:
    """Encoding and decoding batches of 60, against json on one flat object per fix, in turns."""
    batches = tracks.batches(fixes, 60)
    payloads = [wire.encode_batch(batch) for batch in batches]
    chunks = [
        (batch.prev, decode.decode_with_chunks(p)[1][0]) for batch, p in zip(batches, payloads, strict=True)
    ]
    objects = [tracks.as_flat(fix) for fix in fixes]
    texts = [json.dumps(flat).encode() for flat in objects]
    total = len(batches) * 60
    rates = _in_turns(
        {
            "json.dumps": lambda: [json.dumps(flat).encode() for flat in objects[:total]],
            "json.loads": lambda: [json.loads(text) for text in texts[:total]],
            "encode": lambda: [wire.encode_batch(batch) for batch in batches],
            "encode, deflated": lambda: [wire.encode_batch(batch, is_deflated=True) for batch in batches],
            "decode, pure": lambda: [wire.decode_batch(payload) for payload in payloads],
            "decode, upb": lambda: [decode.decode(payload) for payload in payloads],
            "decode, upb, all columns read": lambda: [_read(decode.decode(payload)) for payload in payloads],
            "read a chunk": lambda: [decode.group_from_chunk("fix", body, prev) for prev, body in chunks],
        },
        total,
    )
    for name in ("encode", "encode, deflated"):
        report.row(f"{track}, {name}", rates[name], "us/fix", "json.dumps", rates["json.dumps"])
    for name in ("decode, pure", "decode, upb", "decode, upb, all columns read", "read a chunk"):
        report.row(f"{track}, {name}", rates[name], "us/fix", "json.loads", rates["json.loads"])
    batch_us, pure_us = rates["decode, upb"] * 60, rates["decode, pure"] * 60
    report.row(f"{track}, decode, upb, 60 fixes", batch_us, "us", "pure", pure_us, goal=goal_us)


def _read(batch: wire.Batch) -> None:
    for group in batch.groups:
        for column in group.columns.values():
            assert column


def _in_turns(calls: dict[str, Callable[[], object]], fixes: int) -> dict[str, float]:
    """The best of some rounds for each, in us per fix: what disturbs only ever makes slower."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS):
        for name, call in calls.items():
            gc.collect()
            began = time.process_time()
            call()
            best[name] = min(best[name], (time.process_time() - began) / fixes * 1e6)
    return best
