"""Node, scanner, DS18B20 and SHT4x: bytes and files in, readings and faults out."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.record import Reading
from edge.sources.node import Reports
from edge.sources.scanner import Codes, Scanner
from edge.sources.sht4x import Sht4x, crc8, values_of
from edge.sources.w1 import W1, temperature_of
from firmware.line import frame
from firmware.line.frame import Entry
from tests.edge.sources.pty_receiver import PtyReceiver
from tests.fixtures.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path


def sent(*entries: Entry, seq: int = 1, session: int = 7) -> bytes:
    return frame.encode(frame.REPORT, session, seq, frame.report(list(entries)))


def plain(readings: list[Reading]) -> list[tuple[str, str, int, dict[str, int | str | None]]]:
    return [(one.kind, one.source, one.mono_ms, one.values) for one in readings]


# --- node -----------------------------------------------------------------------------------------------


def test_a_report_becomes_readings_of_its_channels() -> None:
    stream = sent(
        Entry(frame.TEMPERATURE_CC, 0, 500, 425),
        Entry(frame.HUMIDITY_CPCT, 0, 500, 4010),
        Entry(frame.DOOR, 3, 0, 1),
        Entry(frame.MASS_MG, 4, 100, 512_000),
        Entry(frame.SCALE_FAULT, 5, 0, 4),
    )
    assert plain(Reports("node").feed(stream, 10_000)) == [
        ("climate", "node-0", 9_500, {"temperature_cc": 425, "humidity_cpct": 4010}),
        ("door", "node-3", 10_000, {"state": 1}),
        ("mass", "node-4", 9_900, {"mass_mg": 512_000}),
        ("mass", "node-5", 10_000, {"mass_mg": None}),
    ]


def test_a_probe_that_the_node_cannot_read_is_told_once_and_cleared() -> None:
    reports = Reports("node")
    bad = Entry(frame.PROBE_FAULT, 0, 0, 1)
    found = reports.feed(sent(bad) + sent(bad, seq=2), 1000)
    found += reports.feed(sent(Entry(frame.TEMPERATURE_CC, 0, 0, 400), seq=3), 2000)
    assert [(one.kind, one.values.get("code"), one.values.get("state")) for one in found] == [
        ("fault", "crc", 0),
        ("fault", "crc", 1),
        ("climate", None, None),
    ]


def test_what_is_missing_or_of_the_future_is_counted() -> None:
    reports = Reports("node")
    stream = sent(seq=1) + sent(seq=5) + sent(seq=1, session=8) + sent(Entry(99, 0, 0, 1), seq=2, session=8)
    stream += frame.encode(77, 8, 3, b"?") + frame.encode(frame.REPORT, 8, 4, b"odd")
    assert reports.feed(stream, 1000) == []
    assert {name: count for name, count in reports.refused.items() if count} == {
        "missing": 3,
        "unknown": 1,
        "report": 1,
    }


@given(st.binary(max_size=240))
def test_any_body_is_read_or_counted(body: bytes) -> None:
    for one in Reports("node").feed(frame.encode(frame.REPORT, 1, 1, body), 10**6):
        assert one.mono_ms <= 10**6


# --- scanner --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_codes_end_as_the_scanner_is_set(end: bytes) -> None:
    codes = Codes("scanner")
    stream = b"]d20109506682101352" + b"10A\x1d21B" + end + b"6901028075763" + end
    found = [one for at in range(len(stream)) for one in codes.feed(stream[at : at + 1], at)]
    assert [one.values["code"] for one in found] == ["]d2010950668210135210A\x1d21B", "6901028075763"]


def test_a_pause_ends_a_code_that_nothing_else_ends() -> None:
    codes = Codes("scanner")
    assert codes.feed(b"6901028075763", 0) == []
    assert [one.values["code"] for one in codes.flush(200)] == ["6901028075763"]
    assert codes.flush(400) == []


def test_the_rest_of_a_code_that_is_too_long_is_no_code() -> None:
    """Its end may look like a pack's."""
    codes = Codes("scanner")
    assert codes.feed(b"x" * 600, 0) == []
    assert codes.feed(b"yyy", 1) == []
    assert codes.feed(b"06901234567892\rA1\r", 2) == [Reading("scan", "scanner", 2, {"code": "A1"})]
    assert codes.feed(b"x" * 600, 3) == codes.flush(4) == []
    assert codes.feed(b"A2\n", 5) == [Reading("scan", "scanner", 5, {"code": "A2"})]
    assert codes.refused["too_long"] == 2


def test_a_scanner_that_is_plugged_in_again_is_no_fault_while_nobody_scans(tmp_path: Path) -> None:
    port, told, stop = tmp_path / "scanner", queue.SimpleQueue[Reading](), threading.Event()
    scanner = Scanner("scanner", str(port), 0, lambda: 0)
    thread = threading.Thread(target=scanner.run, args=(told.put, stop), daemon=True)
    thread.start()
    assert told.get(timeout=60).values["state"] == 0
    receiver = PtyReceiver(port)
    assert told.get(timeout=60).values["state"] == 1
    stop.set()
    thread.join(60)
    receiver.hang_up()


def test_what_is_no_code_is_counted() -> None:
    codes = Codes("scanner")
    assert codes.feed(b"x" * 513, 0) == []
    assert codes.feed(b"y" * 513 + b"\n" + b"z" * 513 + b"\n" + b"\xff\xfe\n", 0) == []
    assert codes.refused == {"too_long": 2, "not_text": 1}


# --- DS18B20 --------------------------------------------------------------------------------------------

GOOD = "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (GOOD, (2312, "")),
        (GOOD.replace("23125", "-1062"), (-106, "")),
        ("50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 05 4b 46 7f ff 0c 10 1c t=85000\n", (8500, "")),
        (GOOD.replace("YES", "NO"), (None, "crc")),
        ("", (None, "no_reply")),
        ("nonsense", (None, "no_reply")),
    ],
)
def test_the_kernels_file_is_read(text: str, found: tuple[int | None, str]) -> None:
    assert temperature_of(text) == found


def test_a_probe_pulled_and_put_back(tmp_path: Path) -> None:
    found: list[Reading] = []
    stop = threading.Event()
    source = W1("fridge", str(tmp_path), 0, lambda: 5, read_s=0.01)
    thread = threading.Thread(target=source.run, args=(found.append, stop))
    thread.start()
    wait_until(lambda: found)
    (tmp_path / "w1_slave").write_text(GOOD)
    wait_until(lambda: found[-1].kind == "climate")
    stop.set()
    thread.join(60)
    kinds = [(one.kind, one.values.get("code"), one.values.get("state")) for one in found[:3]]
    assert kinds == [("fault", "no_reply", 0), ("fault", "no_reply", 1), ("climate", None, None)]
    assert found[2].values["temperature_cc"] == 2312
    assert source.refused["no_reply"] >= 1


# --- SHT4x ----------------------------------------------------------------------------------------------


def test_the_check_sum_is_that_of_the_data_sheet() -> None:
    assert crc8(bytes.fromhex("beef")) == 0x92


@pytest.mark.parametrize(
    ("warmth", "damp", "found"),
    [(0, 0, (-4500, 0)), (65535, 65535, (13000, 10000)), (0x6666, 0x8000, (2500, 5650))],
)
def test_six_bytes_are_a_climate(warmth: int, damp: int, found: tuple[int, int]) -> None:
    halves = [value.to_bytes(2, "big") for value in (warmth, damp)]
    answer = b"".join(half + bytes([crc8(half)]) for half in halves)
    assert values_of(answer) == found
    for at in range(6):
        damaged = bytearray(answer)
        damaged[at] ^= 0x10
        assert values_of(bytes(damaged)) is None
    assert values_of(answer[:5]) is None


def test_a_bus_that_is_not_there_is_a_fault() -> None:
    found: list[Reading] = []
    stop = threading.Event()
    source = Sht4x("room", "250:0x44", 0, lambda: 5)

    def emit(reading: Reading) -> None:
        found.append(reading)
        stop.set()

    source.run(emit, stop)
    assert [(one.values["code"], one.values["detail"]) for one in found] == [
        ("no_reply", "/dev/i2c-250, 0x44: No such file or directory")
    ]
