"""Tags of books: microseconds to read and write one, and a shelf of 3,000 at the speed of a reader.

The reference of the codecs is JSON of the same content, of the shelf what a fast reader gives: a UHF reader
700 reads a second, a handheld for ISO 15693 about 50. A check goes through all that the agent does with a
tag: the node's frame, its layout, the pad, the round. How long it takes is a matter of rounds, so it is
counted in the shelf's own time, with each tag answering in 7 of 10 rounds.
"""

import json
import random
import time
from collections.abc import Callable

from edge.books import inventory, iso28560_2, iso28560_3, iso28560_4, university
from edge.books.inventory import Inventory
from edge.books.iso28560_2 import Element
from edge.books.pad import Pad
from edge.books.tag import Sighting, identified
from edge.sources.reader import Tags
from firmware import tag_reader
from firmware.line import frame
from tests.bench.report import Report

ELEMENTS = [
    Element(iso28560_2.PII, "123456789012", is_locked=True),
    Element(iso28560_2.CONTENT, b"\xd0"),
    Element(iso28560_2.SET, "1203"),
    Element(iso28560_2.SHELF, "QA268.L55"),
    Element(iso28560_2.OWNER, "US-InU-Mu", is_locked=True),
]
TAGS = 3000
SHARE = 0.7
UHF_PER_S, HF_PER_S = 700, 50


def run(report: Report) -> None:
    """Every figure of this file."""
    rounds = 3 if report.is_short else 9
    calls = 300 if report.is_short else 3000
    _codecs(report, rounds, calls)
    _shelf(report, 1 if report.is_short else 3)


def _codecs(report: Report, rounds: int, calls: int) -> None:
    part_2, item = iso28560_2.encode(ELEMENTS).data, iso28560_3.Item("11223344", "DE", "705")
    uii, copy = iso28560_4.Uii("12345678", "CH-000134-1", "31"), university.Copy("ABC01234567z")
    whole = {str(one.oid): str(one.value) for one in ELEMENTS}
    text = json.dumps(whole)
    danish, short = iso28560_3.encode(item), iso28560_4.encode_uii(uii)
    own = university.encode(copy)
    cases: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "ISO 28560-2": (lambda: iso28560_2.decode(part_2), lambda: iso28560_2.encode(ELEMENTS)),
        "ISO 28560-3": (lambda: iso28560_3.decode(danish), lambda: iso28560_3.encode(item)),
        "ISO 28560-4": (lambda: iso28560_4.decode_uii(short), lambda: iso28560_4.encode_uii(uii)),
        "university form": (lambda: university.decode(own), lambda: university.encode(copy)),
    }
    reading = [_us(lambda: json.loads(text), calls) for _ in range(rounds)]
    writing = [_us(lambda: json.dumps(whole), calls) for _ in range(rounds)]
    for name, (decode, encode) in cases.items():
        found = [_us(decode, calls) for _ in range(rounds)]
        report.row(f"read a tag, {name}", found, "us", "json.loads", reading, goal="<= 400")
        found = [_us(encode, calls) for _ in range(rounds)]
        report.row(f"write a tag, {name}", found, "us", "json.dumps", writing, goal="<= 400")
    blank = Sighting("e0", part_2 + bytes(76))
    report.row("tell what a tag is", [_us(lambda: identified(blank), calls) for _ in range(rounds)], "us")


def _us(call: Callable[[], object], calls: int) -> float:
    begin = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - begin) / calls * 1e6


def _frames() -> list[bytes]:
    """Each tag's first frame, with its data, and the ones after that."""
    out = []
    for number in range(TAGS):
        data = iso28560_2.encode([Element(iso28560_2.PII, f"{100000 + number}")]).data
        uid = bytes.fromhex(f"e00401{number:010x}")
        for memory in (data + bytes(112 - len(data)), b""):
            body = tag_reader.tag_body(tag_reader.Seen(uid, 7, 6, None, 4, memory))
            out.append(frame.encode(tag_reader.TAG, 1, number + 1, body))
    return out


def _shelf(report: Report, runs: int) -> None:
    frames = _frames()
    rates, seconds, sure = [], [], []
    for seed in range(runs):
        reads, busy_s, made = _check(frames, random.Random(seed))
        rates.append(reads / busy_s)
        seconds.append(made.rounds * inventory.ROUND_MS / 1000)
        sure.append(float(made.found().sure_pct))
        if len(made.found().missing):
            raise AssertionError(f"{len(made.found().missing)} of {TAGS} tags were missed")
    report.row("tags the agent takes a second", rates, "/s", "a UHF reader", UHF_PER_S, goal=">= 3,500")
    every_s = TAGS / HF_PER_S
    report.row(f"{TAGS} tags until stable, 7 of 10 answer", seconds, "s", "one pass by hand", every_s)
    report.row("how sure the check then is", sure, "%", goal=">= 99")


def _check(frames: list[bytes], dice: random.Random) -> tuple[int, float, Inventory]:
    """One check to its end; the reads, the seconds they kept the processor busy, and what came of it."""
    tags, pad = Tags("pad"), Pad(lambda _source, _uid, _afi: None)
    items = {f"{100000 + number}" for number in range(TAGS)}
    made = Inventory(1, 0, "", "tag", frozenset(items), dict.fromkeys(items, "a1"))
    seen: set[int] = set()
    reads, busy_s, at_ms = 0, 0.0, 0
    while not made.is_stable:
        answering = [number for number in range(TAGS) if dice.random() < SHARE]
        begin = time.perf_counter()
        for number in answering:
            stream = frames[2 * number + (number in seen)]
            for reading in tags.feed(stream, at_ms):
                _see(pad, made, reading.mono_ms, reading.values)
        made.step(at_ms + inventory.ROUND_MS)
        busy_s += time.perf_counter() - begin
        seen.update(answering)
        reads += len(answering)
        at_ms += inventory.ROUND_MS
    return reads, busy_s, made


def _see(pad: Pad, made: Inventory, at_ms: int, values: dict[str, int | str | None]) -> None:
    data = values["data"]
    sighting = Sighting(str(values["uid"]), None if data is None else bytes.fromhex(str(data)), dsfid=6)
    lying = pad.see(at_ms, "pad", sighting)
    if lying is not None:
        made.see(at_ms, lying.tag.item, lying.tag.uid)
