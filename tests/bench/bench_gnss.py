"""The way in: sentences per second through the whole gate, and what is left of a track after TD-TR.

The gate is everything between the bytes of the port and the fix reading. Its reference is pynmea2's parse
of the same sentences, which frames nothing, joins nothing and judges nothing. The reader's reference is a
loop over pyserial's readline on the same line; the wire's is one JSON object for each original fix.
"""

import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pynmea2
import serial

from edge.simulate.pty_line import PtyLine
from edge.sources.gnss import Decoder, Gnss
from edge.sources.nmea_lines import checksum
from edge.track import Point, simplified, thinned
from firmware import wire
from tests.bench.report import Report
from tests.bench.tracks import COUNTRY, TOWN, Fix, as_json, batch, batches, drive

EPOCHS = 2000
WINDOW = 120
ROUNDS = 3
LISTEN_S = 8


def burst(second: int) -> list[str]:
    """What a modern receiver sends for one moment, without satellites in view."""
    time_of_day = f"{second // 3600 % 24:02}{second // 60 % 60:02}{second % 60:02}.000"
    place = f"4356.{second % 9000:04},N,11605.{second % 9000:04},E"
    return [
        f"GNRMC,{time_of_day},A,{place},12.50,87.3,211126,,,A,V",
        "GNVTG,87.3,T,,M,12.50,N,23.15,K,A",
        f"GNGGA,{time_of_day},{place},1,11,0.85,995.3,M,-24.1,M,,",
        "GNGSA,A,3,01,03,06,11,17,19,,,,,,,1.52,0.85,1.26,1",
        f"GNGLL,{place},{time_of_day},A,A",
    ]


def per_second(done: Callable[[], int]) -> list[float]:
    rates = []
    for _ in range(ROUNDS):
        began_s = time.perf_counter()
        count = done()
        rates.append(count / (time.perf_counter() - began_s))
    return rates


def sentences(report: Report) -> None:
    bodies = [body for second in range(EPOCHS) for body in burst(second)]
    framed = [f"${body}*{checksum(body.encode()):02X}" for body in bodies]
    per_burst = len(burst(0))
    bursts = [
        "".join(f"{line}\r\n" for line in framed[at : at + per_burst]).encode()
        for at in range(0, len(framed), per_burst)
    ]

    def through_the_gate() -> int:
        decoder, fixes = Decoder("gnss"), 0
        for number, data in enumerate(bursts):
            fixes += len(decoder.feed(data, number * 1000))
        fixes += len(decoder.flush())
        assert fixes >= EPOCHS - 1, fixes
        return decoder.sentences

    def bare() -> int:
        for line in framed:
            pynmea2.parse(line, check=True)
        return len(framed)

    rates = per_second(through_the_gate)
    report.row("NMEA through the whole gate", rates, "sentences/s", "bare pynmea2.parse", per_second(bare))


def point_of(fix: Fix) -> Point:
    return Point(fix["time_ms"], fix["lat_e7"], fix["lon_e7"])


def sent(fixes: list[Fix], tolerance_m: float) -> list[Fix]:
    """What stays of a drive in windows that join, as the outbox makes them."""
    kept = [fixes[0]]
    for at in range(1, len(fixes), WINDOW):
        window = [kept[-1], *fixes[at : at + WINDOW]]
        kept += [window[index] for index in simplified([point_of(fix) for fix in window], tolerance_m)[1:]]
    return [fix | {"seq": number} for number, fix in enumerate(kept, 1)]


def track(report: Report, name: str, fixes: list[Fix]) -> None:
    points = [point_of(fix) for fix in fixes]
    windows = [points[at : at + WINDOW] for at in range(0, len(points), WINDOW)]

    def simplify() -> int:
        for window in windows:
            simplified(window, 5.0)
        return len(points)

    costs = [1e6 / rate for rate in per_second(simplify)]
    report.row(f"TD-TR, {name}", costs, "us/fix", goal="<= 10")
    kept = sent(fixes, 5.0)
    report.row(f"fixes kept within 5 m, {name}", 100 * len(kept) / len(fixes), "%")
    whole = batches(kept, 60)
    plain = [wire.encode_batch(one) for one in [*whole, batch(kept[60 * len(whole) :])]]
    deflated = sum(min(len(data), len(zlib.compress(data, 9))) for data in plain)
    json_bytes = sum(len(as_json(fix)) for fix in fixes) / len(fixes)
    reference = "one JSON object per fix"
    size = sum(map(len, plain)) / len(fixes)
    report.row(f"wire per original fix, 5 m, {name}", size, "bytes", reference, json_bytes, "<= 1.5")
    report.row(f"the same deflated, {name}", deflated / len(fixes), "bytes", reference, json_bytes, "<= 1.5")


def on_a_line(name: str, read: Callable[[str, threading.Event], None]) -> float:
    """Per cent of a core that a reading thread takes while a receiver speaks once a second."""
    spent_s: list[float] = []

    def timed(path: str) -> None:
        began_s = time.thread_time()
        read(path, stop)
        spent_s.append(time.thread_time() - began_s)

    with tempfile.TemporaryDirectory() as folder:
        line, stop = PtyLine(Path(folder) / name), threading.Event()
        thread = threading.Thread(target=timed, args=(str(line.link),), name=name)
        thread.start()
        for second in range(LISTEN_S):
            line.send("".join(f"${b}*{checksum(b.encode()):02X}\r\n" for b in burst(second)).encode())
            time.sleep(1)
        stop.set()
        thread.join()
        line.close()
    return 100 * spent_s[0] / LISTEN_S


def by_chunks(path: str, stop: threading.Event) -> None:
    Gnss("gnss", path, 9600, lambda: time.monotonic_ns() // 1_000_000).run(lambda reading: None, stop)


def by_lines(path: str, stop: threading.Event) -> None:
    with serial.Serial(path, 9600, timeout=0.2) as port:
        while not stop.is_set():
            line = port.readline().decode().strip()
            if line:
                pynmea2.parse(line, check=True)


def run(report: Report) -> None:
    sentences(report)
    share = on_a_line("chunks", by_chunks)
    report.row(
        "reader and gate on a line at 1 Hz",
        share,
        "% of a core",
        "readline",
        on_a_line("lines", by_lines),
        "<= 0.5",
    )
    for name, road in (("town", TOWN), ("country", COUNTRY)):
        track(report, name, drive(4 * 3600, road=road))
    points = [point_of(fix) for fix in drive(1000)]
    costs = [1e6 / rate for rate in per_second(lambda: len(points) + 0 * len(thinned(points, 50).kept))]
    report.row("thinning 1,000 fixes to 50", costs, "us/fix")
