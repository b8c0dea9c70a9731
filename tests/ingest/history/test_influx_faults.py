"""What goes wrong with InfluxDB: temporary trouble delays receipts, permanent trouble is set aside.

The pipeline's real parts stand before a real InfluxDB wherever it can be brought to the fault; answers that
it cannot give are those it, or another version, was recorded or documented to give.
"""

import gzip
import json
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware import wire
from ingest.history import StoreBusy, StoreMisset
from ingest.history.factory import InfluxHistories
from ingest.history.influx import InfluxHistory
from ingest.history.influx_lines import NS, time_ns
from ingest.history.influx_server import Access, InfluxServer
from ingest.history.influx_setup import set_up
from tests.fixtures.influx_proxy import Proxy, Request, Said
from tests.fixtures.influxd import Influxd
from tests.fixtures.waiting import wait_until
from tests.ingest.history.chunks import everything, fix_chunks, keep
from tests.ingest.made import EPOCH, NOW_MS, UNIT, Desk, batch_of, fixes, group

BEGIN_MS = NOW_MS - 3_600_000
CLOSE = {"time_ms": lambda seq: BEGIN_MS + 100 * seq}


class Patience(threading.Event):
    """Stands for the stop event: counts the waits, and mends what is broken after some of them."""

    def __init__(self, after: int, mend: Callable[[], object]) -> None:
        super().__init__()
        self.waits = 0
        self._after, self._mend = after, mend

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        self.waits += 1
        if self.waits == self._after:
            self._mend()
        return False


@pytest.fixture
def desk(tmp_path: Path, server: InfluxServer) -> Iterator[Desk]:
    desk = Desk(tmp_path, histories=InfluxHistories(server))
    yield desk
    desk.connection.close()


def writes(said: Said) -> Callable[[Request], Said | None]:
    """This answer to every write."""
    return lambda request: said if request.path == "/api/v2/write" else None


def raw(server: InfluxServer) -> list[list[object]]:
    """Every fix as InfluxDB has it, every field and tag of it."""
    (tables,) = server.ask('SELECT * FROM "fix"', {}, "track")
    return tables[0].rows if tables else []


# --- temporary


def test_a_server_that_is_down_delays_and_loses_nothing(tmp_path: Path) -> None:
    influxd = Influxd(tmp_path / "influxd")
    influxd.start()
    proxy = Proxy(influxd.port)
    server = InfluxServer(Access(proxy.url, "", "ortoo", "", "", "", 60))
    try:
        list(set_up(server, {}))
        desk = Desk(tmp_path, histories=InfluxHistories(server))
        desk.send(fixes(range(1, 61)))
        influxd.kill()
        seen: list[object] = []

        def mend() -> None:
            seen.extend([desk.pipeline.is_writable, len(desk.broker.acked), desk.count("waits", "store") > 0])
            influxd.start()

        desk.stop = Patience(30, mend)
        desk.time.mono_s = time.monotonic  # type: ignore[method-assign]
        desk.pipeline.live_messages.kept_s = 0.0
        receipt = desk.send(fixes(range(61, 121)))
        assert seen == [False, 1, True]  # not acknowledged, and shown as waiting
        assert desk.mark(receipt) == 120
        assert desk.pipeline.is_writable
        assert desk.seqs() == list(range(1, 121))
        desk.connection.close()
    finally:
        server.close()
        proxy.close()
        influxd.stop()


@pytest.mark.parametrize(
    "said",
    [
        Said(503, b'{"error":"timeout"}\n'),
        Said(500, b'{"error":"engine: error writing WAL entry: write x.wal: no space left on device"}\n'),
        Said(500, b'{"error":"engine: error writing WAL entry: open x.wal: read-only file system"}\n'),
        Said(500, b'{"error":"engine: cache-max-memory-size exceeded: (1073741840/1073741824)"}\n'),
        Said(429, b'{"code":"too many requests","message":"org exceeded limited_write plan limit"}'),
        Said(502, b"<html>Bad Gateway</html>"),
        Said(400, b"<html>The plain HTTP request was sent to HTTPS port</html>"),
    ],
    ids=["slow", "full", "read-only", "memory", "quota", "gateway", "not-influx"],
)
def test_what_passes_is_waited_for(desk: Desk, proxy: Proxy, said: Said) -> None:
    proxy.instead = writes(said)
    desk.stop = Patience(5, lambda: setattr(proxy, "instead", lambda _: None))
    assert desk.mark(desk.send(fixes(range(1, 61)))) == 60
    assert desk.seqs() == list(range(1, 61))
    assert desk.refused() == []


def test_the_server_says_how_long_to_wait(desk: Desk, proxy: Proxy) -> None:
    answers = [Said(429, b"{}", {"Retry-After": "3"})]
    proxy.instead = lambda request: answers.pop() if answers and request.path == "/api/v2/write" else None
    desk.stop = patience = Patience(0, lambda: None)
    desk.send(fixes(range(1, 61)))
    assert patience.waits == 60  # of 0.05 s


def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=5m", "ortoo-test", disk]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("may not mount a tmpfs")
    influxd = Influxd(disk / "influxd")
    influxd.start()
    proxy = Proxy(influxd.port)
    server = InfluxServer(Access(proxy.url, "", "ortoo", "", "", "", 60))
    desk = Desk(tmp_path, histories=InfluxHistories(server))
    try:
        list(set_up(server, {}))
        desk.send(fixes(range(1, 61)))
        ballast = disk / "ballast"
        with pytest.raises(OSError, match="No space left"):
            ballast.write_bytes(b"x" * (5 << 20))

        def mend() -> None:  # room alone does not do: it repeats its first error until it is started again
            ballast.unlink()
            influxd.kill()
            influxd.start()

        desk.stop = Patience(10, mend)
        assert desk.mark(desk.send(*[fixes(range(n, n + 100)) for n in range(61, 2061, 100)])) == 2060
        assert desk.stop.waits >= 10
        assert desk.seqs() == list(range(1, 2061))
    finally:
        desk.connection.close()
        server.close()
        proxy.close()
        influxd.stop()
        subprocess.run(["umount", disk], check=False)


def test_live_goes_on_while_an_answer_is_waited_for(desk: Desk, proxy: Proxy) -> None:
    live = {"conn": 1, "time_ms": NOW_MS, "clock": "gnss", "lat_e7": 10, "lon_e7": 20, "fix_mode": "3d"}
    is_shown = threading.Event()

    def slow(request: Request) -> None:
        if request.path == "/api/v2/write":
            desk.put(wire.encode_json("live", live), leaf="live")
            wait_until(lambda: desk.live.find(UNIT) is not None)
            is_shown.set()

    proxy.instead = slow  # type: ignore[assignment]
    desk.send(fixes(range(1, 61)))
    assert is_shown.is_set()
    assert desk.seqs() == list(range(1, 61))


def test_no_answer_in_time_is_waited_for_and_less_is_sent(
    proxy: Proxy, server: InfluxServer, ledger: sqlite3.Connection
) -> None:
    hasty = InfluxServer(server.access._replace(timeout_s=0.2))
    is_over = threading.Event()

    def deaf(request: Request) -> None:
        if request.path == "/api/v2/write":
            is_over.wait(60)

    proxy.instead = deaf  # type: ignore[assignment]
    history = InfluxHistory(hasty, ledger)
    chunks = [chunk for n in range(1, 5001, 500) for chunk in fix_chunks(range(n, n + 500), **CLOSE)]
    history.write(chunks)
    with pytest.raises(StoreBusy, match=r"no answer from InfluxDB .* timed out"):
        history.settle()
    is_over.set()
    proxy.instead = lambda _: None
    history._server = history._posts._server = server  # as long as a busy machine needs
    keep(history, chunks)
    sizes = [len(gzip.decompress(request.body).splitlines()) for request in proxy.writes]
    assert sizes.count(2500) == 2, sizes
    assert everything(history).rows == 5000
    hasty.close()


def test_too_much_at_once_is_halved(proxy: Proxy, server: InfluxServer, ledger: sqlite3.Connection) -> None:
    def small(request: Request) -> Said | None:
        is_much = request.path == "/api/v2/write" and len(gzip.decompress(request.body).splitlines()) > 700
        return Said(413, b'{"error":"Request Entity Too Large"}') if is_much else None

    proxy.instead = small
    history = InfluxHistory(server, ledger)
    keep(history, [chunk for n in range(1, 4001, 500) for chunk in fix_chunks(range(n, n + 500), **CLOSE)])
    assert everything(history).rows == 4000
    before = len(proxy.writes)
    keep(history, [chunk for n in range(4001, 6001, 500) for chunk in fix_chunks(range(n, n + 500), **CLOSE)])
    assert everything(history).rows == 6000
    assert len(proxy.writes) - before == 4  # it is known by now how much may go at once


# --- settings


@pytest.mark.parametrize(
    ("said", "help_"),
    [
        (Said(401, b'{"error":"authorization failed"}\n'), "token or password is not accepted"),
        (
            Said(403, b'{"code":"forbidden","message":"insufficient permissions for write"}'),
            "the right to write",
        ),
        (Said(404, b'{"code":"not found","message":"bucket \\"ortoo/track\\" not found"}'), "influx init"),
        (Said(404, b'{"error":"database not found: \\"ortoo\\""}\n'), "influx init"),
        (Said(500, b'{"error":"retention policy not found: track"}\n'), "influx init"),
    ],
    ids=["401", "403", "404-v2", "404-v1", "policy"],
)
def test_a_wrong_setting_keeps_everything_and_says_what_to_do(
    desk: Desk, proxy: Proxy, caplog: pytest.LogCaptureFixture, said: Said, help_: str
) -> None:
    proxy.instead = writes(said)
    desk.stop = Patience(5, lambda: setattr(proxy, "instead", lambda _: None))
    assert desk.mark(desk.send(fixes(range(1, 61)))) == 60
    assert "the store takes nothing, units keep their records until somebody helps" in caplog.text
    assert help_ in caplog.text
    desk.time.now_ms += 2000
    desk.pipeline.step(desk.stop)
    assert desk.count("waits", "settings") == 2
    assert desk.refused() == []


def test_a_policy_that_is_not_there_keeps_everything(desk: Desk, server: InfluxServer) -> None:
    """The real one answers 500 then, as if waiting would help."""
    server.ask('DROP RETENTION POLICY "track" ON "ortoo"', {}, is_read=False)
    desk.stop = Patience(5, lambda: list(set_up(server, {})))
    assert desk.mark(desk.send(fixes(range(1, 61)))) == 60
    assert desk.seqs() == list(range(1, 61))


# --- permanent


def spoil(server: InfluxServer, field: str, time_ms: int) -> None:
    """Somebody else writes the field as a float into the shard of that time."""
    server.put("track", f"fix,source=other,unit=other {field}=1.5 {time_ms * 1_000_000}".encode())


def test_a_bad_point_among_good_ones_is_set_aside_alone(desk: Desk, server: InfluxServer) -> None:
    spoil(server, "altitude_msl_dm", BEGIN_MS)
    payload = fixes(range(1, 61), altitude_msl_dm=lambda seq: 7000 if seq in {5, 41} else None)
    assert desk.mark(desk.send(payload, fixes(range(61, 121)))) == 120
    assert desk.seqs() == [seq for seq in range(1, 121) if seq not in {5, 41}]
    (refused,) = desk.refused()
    assert (refused.cause, refused.place, refused.unit) == ("store", "fix", UNIT)
    assert 'input field "altitude_msl_dm" on measurement "fix" is type integer' in refused.detail
    assert refused.detail.startswith("2 rows: ")
    aside = wire.decode_batch(desk.refused_payload(refused.id))
    assert aside.groups[0].columns["seq"] == [5, 41]
    assert desk.count("rows_spoilt", "fix") == 2
    assert desk.count("rows_stored", "fix") == 118
    assert desk.pipeline.is_writable


def test_the_lane_goes_on_after_points_that_are_all_bad(
    desk: Desk, server: InfluxServer, proxy: Proxy
) -> None:
    spoil(server, "speed_cm_s", BEGIN_MS)
    before = len(proxy.writes)
    assert desk.mark(desk.send(fixes(range(1, 61)))) == 60
    assert len(proxy.writes) == before + 1  # one answer says it of all of them
    assert desk.seqs() == []
    assert desk.mark(desk.send(fixes(range(61, 121), speed_cm_s=None))) == 120
    assert desk.seqs() == list(range(61, 121))


def test_a_bad_point_that_comes_again_is_one_refusal(desk: Desk, server: InfluxServer) -> None:
    spoil(server, "altitude_msl_dm", BEGIN_MS)
    payload = fixes(range(1, 11), altitude_msl_dm=lambda seq: 7000 if seq == 5 else None)
    for _ in range(3):
        assert desk.mark(desk.send(payload)) == 10
    (refused,) = desk.refused()
    assert refused.times == 3
    assert desk.seqs() == [1, 2, 3, 4, 6, 7, 8, 9, 10]


def test_what_is_older_than_the_retention_is_set_aside(desk: Desk, server: InfluxServer) -> None:
    list(set_up(server, {"track": 30}))
    now_ms = time.time_ns() // 1_000_000
    desk.time.now_ms = now_ms
    old_ms = now_ms - 60 * 86_400_000

    def at(seq: int) -> int:
        return old_ms + seq if seq <= 20 else now_ms - 100_000 + seq

    base = {"time_ms": at, "boot_at_ms": old_ms - 1000}
    assert desk.mark(desk.send(fixes(range(1, 61), **base))) == 60
    assert desk.seqs() == list(range(21, 61))
    (refused,) = desk.refused()
    assert refused.detail.startswith("20 rows: partial write: points beyond retention policy")


def test_any_text_is_no_line_of_its_own(desk: Desk) -> None:
    detail = 'x"\nfix,unit=other,source=gnss speed_cm_s=1i 1\n\\" , = 内蒙古\\'
    desk.send(wire.encode_batch(batch_of([group("fault", [1], detail=detail, part="", code=" ")])))
    found = desk.stored("fault").columns
    assert (found["detail"], found["part"], found["code"]) == ([detail], [""], [" "])
    assert desk.stored("fix", "other").rows == 0


def test_version_3_names_bad_lines_in_its_own_way(
    proxy: Proxy, server: InfluxServer, ledger: sqlite3.Connection
) -> None:
    said = {"error": "partial write of line protocol occurred", "data": [{"error_message": "invalid column"}]}

    def version_3(request: Request) -> Said | None:
        is_bad = request.path == "/api/v2/write" and b"seq=7i" in gzip.decompress(request.body)
        return Said(400, json.dumps(said).encode()) if is_bad else None

    proxy.instead = version_3
    history = InfluxHistory(server, ledger)
    history.write(fix_chunks(range(1, 11)))
    ((chunk, reason),) = history.settle()
    assert chunk.group.columns["seq"] == [7]
    assert reason == "partial write of line protocol occurred: invalid column"
    assert everything(history).columns["seq"] == [1, 2, 3, 4, 5, 6, 8, 9, 10]


@pytest.fixture
def core(proxy: Proxy, server: InfluxServer) -> Iterator[InfluxServer]:
    """Says that it is version 3 Core, and answers as the real server does."""
    said = Said(200, b"{}", {"X-Influxdb-Version": "3.1.0", "X-Influxdb-Build": "Core"})
    proxy.instead = lambda request: said if request.path == "/ping" else None
    own = InfluxServer(server.access)
    yield own
    own.close()


def test_version_3_says_that_it_cannot_erase(core: InfluxServer, ledger: sqlite3.Connection) -> None:
    history = InfluxHistory(core, ledger)
    keep(history, fix_chunks(range(1, 11)))
    with pytest.raises(StoreMisset, match="3 Core deletes no points"):
        history.erase(UNIT)
    assert everything(history).rows == 10


def test_version_3_is_asked_for_few_days_at_a_time(
    core: InfluxServer, proxy: Proxy, ledger: sqlite3.Connection
) -> None:
    history = InfluxHistory(core, ledger)
    keep(history, fix_chunks(range(1, 11), time_ms=lambda seq: NOW_MS - (10 - seq) * 86_400_000))
    assert everything(history).columns["seq"] == list(range(1, 11))
    asked = [json.loads(request.query["params"]) for request in proxy.requests if "params" in request.query]
    spans = [values["to"] - values["from"] for values in asked if "from" in values]
    assert len(spans) > 3
    assert max(spans) < 72 * 3_600_000 * NS


# --- the same points again


def test_a_lost_answer_makes_no_second_point(desk: Desk, proxy: Proxy, server: InfluxServer) -> None:
    proxy.loses_answers = True
    once: list[list[list[object]]] = []

    def mend() -> None:
        proxy.loses_answers = False
        once.append(raw(server))

    desk.stop = Patience(5, mend)
    assert desk.mark(desk.send(fixes(range(1, 61)))) == 60
    assert len(once[0]) == 60
    assert raw(server) == once[0]


def test_a_kill_between_history_and_ledger_makes_no_second_point(desk: Desk, server: InfluxServer) -> None:
    desk.send(fixes(range(1, 11)))
    writer = desk.pipeline.writer
    commit = writer.commit

    def killed(work: Callable[..., object], now_ms: int) -> None:
        def then_die(own: object) -> None:
            work(own)
            own._flush()  # type: ignore[attr-defined]
            writer.history.settle()
            raise KeyboardInterrupt

        commit(then_die, now_ms)

    writer.commit = killed  # type: ignore[method-assign, assignment]
    desk.put(fixes(range(11, 61)))
    with pytest.raises(KeyboardInterrupt):
        desk.pipeline.step(desk.stop)
    once = raw(server)
    assert len(once) == 60
    desk.kill()
    desk.time.now_ms += 5000
    assert desk.mark(desk.send(fixes(range(11, 41)), fixes(range(41, 61)))) == 60
    assert raw(server) == once
    assert desk.seqs() == list(range(1, 61))


def test_a_point_is_at_its_milliseconds_and_its_seq(desk: Desk, server: InfluxServer) -> None:
    """Two records of one millisecond never erase each other."""
    desk.send(fixes(range(1, 4), time_ms=NOW_MS))
    times = [row[0] for row in raw(server)]
    assert times == [time_ns(NOW_MS, seq, EPOCH) for seq in range(1, 4)]
    assert [time_ns // 1_000_000 for time_ns in times] == [NOW_MS] * 3  # type: ignore[operator]
    assert desk.seqs() == [1, 2, 3]


def test_a_conflict_is_found_among_points(desk: Desk) -> None:
    """The same identity with other content: compared with what InfluxDB has."""
    desk.send(fixes(range(1, 61)))
    desk.send(fixes(range(1, 61)))
    assert desk.refused() == []
    desk.send(fixes(range(1, 61), speed_cm_s=lambda seq: 999 if seq == 7 else 100))
    (refused,) = desk.refused()
    assert refused.cause == "conflict"
    assert desk.stored().columns["speed_cm_s"] == [100] * 60
