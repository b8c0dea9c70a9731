"""`edge simulate`: a fleet on this machine, each unit the real agent in a process of its own."""

import argparse
import contextlib
import fcntl
import functools
import json
import logging
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from edge.cabinet.barcode import code_of
from edge.config import ConfigError
from edge.replay.reader import read_recording
from edge.replay.recording import RecordingError
from edge.simulate import journal, unit
from edge.simulate.calendar import Calendar
from edge.simulate.fleet import Unit, fleet
from edge.simulate.supervisor import Body, Supervisor

log = logging.getLogger(__name__)

MOST_UNITS = 2000
SPEEDS = 0.1, 1000.0
END_S = 1.0  # then what is left is killed; every record that was accepted is on disk
STATUS_S = 1.0
ANY_CODE = "]d20109520000000011"
BAD = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `edge simulate`."""
    add = parser.add_argument
    add("--units", type=int, default=24, metavar="N", help="how many units drive (default: 24)")
    add("--broker", default="127.0.0.1:1883", metavar="HOST[:PORT]", help="default: 127.0.0.1:1883")
    add("--data", type=Path, required=True, metavar="DIR", help="where units keep outbox, log and journal")
    add(
        "--speed", "--time-rate", type=float, default=1.0, metavar="X", help="simulated seconds in a real one"
    )
    add(
        "--time-origin-ms",
        type=int,
        metavar="MS",
        help="when simulated and real time were the same (default: goes on from DIR, or now)",
    )
    add("--replay", type=Path, action="append", default=[], metavar="FILE", help="NMEA or GPX, one more unit")
    add("--status-json", metavar="FD|FILE", help="one JSON line a second, to a file descriptor or a file")


def run(given: argparse.Namespace) -> int:
    """Run until SIGINT or SIGTERM; the exit code."""
    try:
        _check(given)
        broker = _broker(given.broker)
        given.data.mkdir(parents=True, exist_ok=True)
        with _alone(given.data), _status_stream(given.status_json) as status:
            calendar = _calendar(given)
            _supervise(_bodies(given, broker, calendar), calendar, status)
    except (ConfigError, RecordingError, OSError) as error:
        print(f"ortoo-edge simulate: {error}", file=sys.stderr)  # noqa: T201 (the terminal is where it belongs)
        return BAD
    return 0


def _check(given: argparse.Namespace) -> None:
    if not 0 <= given.units <= MOST_UNITS:
        raise ConfigError(f"--units {given.units}: must be within 0 to {MOST_UNITS}")
    if not SPEEDS[0] <= given.speed <= SPEEDS[1]:
        raise ConfigError(f"--speed {given.speed:g}: must be within {SPEEDS[0]:g} to {SPEEDS[1]:g}")


def _broker(text: str) -> tuple[str, int]:
    host, _, port = text.partition(":")
    if not host or not (port or "1883").isdigit() or not 0 < int(port or 1883) < 65536:
        raise ConfigError(f"--broker {text}: must be HOST or HOST:PORT")
    return host, int(port or 1883)


def _calendar(given: argparse.Namespace) -> Calendar:
    """The simulated date; never before what the units have lived through."""
    now_ms, last_ms = time.time_ns() // 1_000_000, journal.last_ms(given.data)
    origin_ms = given.time_origin_ms
    if origin_ms is None:
        origin_ms = _going_on(now_ms, last_ms, given.speed)
    calendar = Calendar(given.speed, origin_ms)
    if last_ms is not None and calendar.utc_ms() < last_ms:
        ahead_s = (last_ms - calendar.utc_ms()) // 1000
        raise ConfigError(
            f"the units in {given.data} have lived {ahead_s} s beyond this time, at another speed: "
            "give the same --speed and --time-origin-ms as then, or another --data"
        )
    return calendar


def _going_on(now_ms: int, last_ms: int | None, speed: float) -> int:
    """The origin with which now is the last simulated moment, if that is ahead of the real one."""
    if last_ms is None or last_ms <= now_ms or speed == 1:
        return now_ms
    return round((last_ms + 1000 - speed * now_ms) / (1 - speed))


def _bodies(given: argparse.Namespace, broker: tuple[str, int], calendar: Calendar) -> list[tuple[str, Body]]:
    units = fleet(given.units)
    if any(each.cabinet for each in units):
        code_of(ANY_CODE)  # loads what reads codes once, and not in every child
    bodies: list[tuple[str, Body]] = [
        (each.id, functools.partial(unit.drive, each, given.data / each.id, broker, calendar))
        for each in units
    ]
    for number, path in enumerate(given.replay, 1):
        recording = read_recording(path)
        each = _player(number, path)
        body = functools.partial(unit.play, each, given.data / each.id, broker, calendar, recording)
        bodies.append((each.id, body))
    return bodies


def _player(number: int, path: Path) -> Unit:
    name = path.name.encode()[:64].decode(errors="ignore")
    return Unit(f"replay-{number:02d}", name, (), "", 0, "", is_nmea41=False)


@contextlib.contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Hold the folder: two fleets in one would fight for its outboxes."""
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"{data} is in use by another simulation") from None
        yield


@contextlib.contextmanager
def _status_stream(target: str | None) -> Iterator[IO[str] | None]:
    if target is None:
        yield None
        return
    with open(int(target) if target.isdigit() else target, "w", encoding="utf-8") as stream:  # noqa: PTH123 (or a number)
        yield stream


def _supervise(bodies: list[tuple[str, Body]], calendar: Calendar, status: IO[str] | None) -> None:
    """Look after the children until a signal; then end them."""
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _: stopped.append(got))
    supervisor = Supervisor(bodies, time.monotonic())
    told_s = time.monotonic()
    log.info("%d units", len(bodies))
    while not stopped:
        supervisor.look(time.monotonic())
        now_s = time.monotonic()
        supervisor.listen(_pause_s(supervisor, told_s, now_s))
        if time.monotonic() - told_s >= STATUS_S:
            told_s = time.monotonic()
            _tell(status, supervisor, calendar)
    _end(supervisor)


def _pause_s(supervisor: Supervisor, told_s: float, now_s: float) -> float:
    due_s = supervisor.next_start_s()
    wait_s = told_s + STATUS_S - now_s
    return max(0.0, wait_s if due_s is None else min(wait_s, due_s - now_s))


def _tell(status: IO[str] | None, supervisor: Supervisor, calendar: Calendar) -> None:
    if status is None:
        return
    with contextlib.suppress(BrokenPipeError):
        status.write(json.dumps(summary(supervisor, calendar.utc_ms())) + "\n")
        status.flush()


def summary(supervisor: Supervisor, utc_ms: int) -> dict[str, Any]:
    """All units in one line."""
    lines = [child.status for child in supervisor.children if child.status]
    return {
        "utc_ms": utc_ms,
        "units": len(supervisor.children),
        "on": sum(line["is_on"] for line in lines),
        "online": sum(line["is_online"] for line in lines),
        "fixes": sum(line["fixes"] for line in lines),
        "outbox_rows": sum(line["outbox_rows"] or 0 for line in lines),
        "restarts": sum(max(0, child.starts - 1) for child in supervisor.children),
    }


def _end(supervisor: Supervisor) -> None:
    """All children gone: asked first, then made to."""
    supervisor.end(signal.SIGTERM)
    deadline_s = time.monotonic() + END_S
    while not supervisor.gone() and time.monotonic() < deadline_s:
        time.sleep(0.02)
    supervisor.end(signal.SIGKILL)
    while not supervisor.gone():
        time.sleep(0.01)
    supervisor.close()
