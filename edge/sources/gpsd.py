"""A gpsd that already reads the receiver: TPV and SKY reports as JSON lines over TCP -> fix readings.

    ?WATCH={"enable":true,"json":true};        asked once
    {"class":"TPV","mode":3,"time":"2026-11-21T09:00:00.000Z","lat":...,"lon":...,"altMSL":...,"speed":...}
    {"class":"SKY","hdop":0.9,"uSat":11}       its numbers go with the TPV reports that follow

gpsd reports a moment more than once while it learns more of it: the first report with a position is taken.
Status 5 and 6 are dead reckoning, 8 is simulated and refused.
"""

from __future__ import annotations

import datetime
import json
import random
import socket
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from edge.record import Reading
from edge.sources import fix
from edge.sources.faults import Faults

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

WATCH = b'?WATCH={"enable":true,"json":true};\n'
DEFAULT_PORT = 2947
MAX_LINE_BYTES = 16384  # a SKY report of all systems is about 8 KB
CHUNK_BYTES = 65536
WAIT_S = 0.5
CONNECT_S = 5.0
BACKOFF_S = (1.0, 30.0)
LOST_MS = 5_000
SILENT_MS = 20_000

SIMULATED = 8
STATUS_QUALITY = {2: fix.DGNSS, 3: fix.RTK, 4: fix.FLOAT_RTK, 5: fix.DEAD_RECKONING, 6: fix.DEAD_RECKONING}


class GpsdGone(Exception):
    """gpsd cannot be reached or has closed; waiting helps."""


class Reports:
    """Bytes of gpsd -> fix readings. Pure; `refused` counts by cause."""

    def __init__(self, source: str) -> None:
        self.refused: Counter[str] = Counter()
        self.positions = 0  # reports of one, with a fix or without
        self._source = source
        self._rest = b""
        self._sky: dict[str, Any] = {}
        self._last_time: object = None
        self._has_fix: bool | None = None

    def begin(self) -> None:
        """A new connection: what was torn by the last one stays torn."""
        self._rest = b""
        self._sky = {}

    def feed(self, data: bytes, mono_ms: int) -> list[Reading]:
        """The fixes in these bytes; what is torn waits for the next."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            self._rest = b""
            self.refused["too_long"] += 1
        given: list[Reading] = []
        for line in lines:
            given += self._report(line, mono_ms)
        return given

    def lose(self, mono_ms: int) -> list[Reading]:
        """Whatever position there was is lost; told at the transition only."""
        was, self._has_fix = self._has_fix, False
        satellites = fix.scaled("satellites", _number(self._sky, "uSat"), 1)
        return [] if was is False else [Reading("fix", self._source, mono_ms, fix.no_fix(satellites))]

    def _report(self, line: bytes, mono_ms: int) -> list[Reading]:
        try:
            report = json.loads(line)
        except (ValueError, RecursionError):
            self.refused["not_json"] += bool(line.strip())
            return []
        if not isinstance(report, dict):
            self.refused["shape"] += 1
            return []
        if report.get("class") == "SKY":
            self._sky.update({name: report[name] for name in ("hdop", "uSat") if name in report})
        return self._fix(report, mono_ms) if report.get("class") == "TPV" else []

    def _fix(self, report: dict[str, Any], mono_ms: int) -> list[Reading]:
        self.positions += 1
        if report.get("mode") not in (2, 3) or report.get("status") == SIMULATED:
            return self.lose(mono_ms)
        lat_deg, lon_deg = _number(report, "lat"), _number(report, "lon")
        if lat_deg is None or lon_deg is None:
            return []
        found = fix.position(lat_deg, lon_deg)
        if found is None:
            self.refused["range"] += 1
            return self.lose(mono_ms)
        if report.get("time") is not None and report.get("time") == self._last_time:
            return []
        self._last_time = report.get("time")
        self._has_fix = True
        return [Reading("fix", self._source, mono_ms, self._values(report, found), _utc_ms(self._last_time))]

    def _values(self, report: dict[str, Any], found: tuple[int, int]) -> dict[str, int | str | None]:
        return {
            "lat_e7": found[0],
            "lon_e7": found[1],
            "altitude_msl_dm": fix.scaled("altitude_msl_dm", _number(report, "altMSL"), 10),
            "speed_cm_s": fix.scaled("speed_cm_s", _number(report, "speed"), 100),
            "course_ddeg": fix.course(_number(report, "track")),
            "satellites": fix.scaled("satellites", _number(self._sky, "uSat"), 1),
            "hdop_c": fix.scaled("hdop_c", _number(self._sky, "hdop"), 100),
            "fix_mode": fix.MODE_3D if report["mode"] == 3 else fix.MODE_2D,
            "quality": STATUS_QUALITY.get(_status(report), fix.GNSS),
        }


def _status(report: dict[str, Any]) -> int:
    status = report.get("status")
    return status if isinstance(status, int) else 1


def _number(report: dict[str, Any], name: str) -> float | None:
    value = report.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:  # JSON knows whole numbers of any length
        return None


def _utc_ms(text: object) -> int | None:
    if not isinstance(text, str) or not text.endswith("Z"):
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return round(moment.timestamp() * 1000)


class Gpsd:
    """Source of kind `fix` from a gpsd at `port` ("host:2947"); `baud` and `pause` are of no use here."""

    def __init__(
        self,
        name: str,
        port: str,
        baud: int,
        mono_ms: Callable[[], int],
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        del baud, pause
        self.name = name
        self.reopened = 0
        self._address = _address(port)
        self._reports = Reports(name)
        self._mono_ms = mono_ms

    @property
    def refused(self) -> dict[str, int]:
        """Reports and positions that were refused, by cause."""
        return dict(self._reports.refused)

    def run(self, emit: Callable[[Reading], None], stop: threading.Event) -> None:
        """Read until `stop`; the body of a thread."""
        faults = Faults(self.name, emit, self._mono_ms)
        backoff_s = BACKOFF_S[0]
        while not stop.is_set():
            before = self._reports.positions
            try:
                self._listen(emit, stop, faults)
            except (OSError, GpsdGone) as error:
                host, port = self._address
                faults.begin("no_gpsd", f"{host}:{port}: {error}")
                self._lose(emit)
                self.reopened += 1
                backoff_s = (
                    BACKOFF_S[0] if self._reports.positions > before else min(2 * backoff_s, BACKOFF_S[1])
                )
                stop.wait(backoff_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret

    def _listen(self, emit: Callable[[Reading], None], stop: threading.Event, faults: Faults) -> None:
        with socket.create_connection(self._address, CONNECT_S) as connection:
            connection.settimeout(WAIT_S)
            connection.sendall(WATCH)
            self._reports.begin()
            heard_ms = self._mono_ms()
            while not stop.is_set():
                before = self._reports.positions
                self._take(connection, emit, faults)
                if self._reports.positions > before:
                    heard_ms = self._mono_ms()
                    faults.end("silent")
                else:
                    self._doubt(emit, faults, self._mono_ms() - heard_ms)

    def _take(self, connection: socket.socket, emit: Callable[[Reading], None], faults: Faults) -> None:
        try:
            data = connection.recv(CHUNK_BYTES)
        except TimeoutError:
            return
        if not data:
            raise GpsdGone("closed by gpsd")
        faults.end("no_gpsd")
        for reading in self._reports.feed(data, self._mono_ms()):
            emit(reading)

    def _doubt(self, emit: Callable[[Reading], None], faults: Faults, silent_ms: int) -> None:
        if silent_ms > LOST_MS:
            self._lose(emit)
        if silent_ms > SILENT_MS:
            faults.begin("silent", "gpsd has no news: no receiver, or it says nothing")

    def _lose(self, emit: Callable[[Reading], None]) -> None:
        for reading in self._reports.lose(self._mono_ms()):
            emit(reading)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isdecimal() else (text.strip("[]"), DEFAULT_PORT)
