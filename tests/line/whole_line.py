"""Both real ends: the agent's process, a broker, the service's process, and its API to look through."""

from __future__ import annotations

import datetime
import sqlite3
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from tests.fixtures.programs import Program, module_command
from tests.fixtures.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

DAY_S = 86_400
ANSWER_S = 60.0  # an answer is never awaited in vain; a busy machine gives it late
SERVICE = """\
[broker]
host = "{host}"
port = {port}
[store]
path = "{path}"
[http]
port = {http_port}
"""
UNIT = """\
[unit]
id = "{unit}"
[broker]
host = "{host}"
port = {port}
keepalive_s = {keepalive_s}
spread_s = {spread_s}
[outbox]
path = "{path}"
group_ms = {group_ms}
[uplink]
receipt_timeout_s = {receipt_timeout_s}
[track]
tolerance_m = {tolerance_m}
window_s = {window_s}
anchor_radius_m = 0.0
[sense]
period_s = {sense_s}
[clock]
hold_s = 2.0
"""
RECEIVER = """\
[[source]]
name = "gnss"
port = "{port}"
baud = 115200
"""


class Service:
    """`python -m ingest run` with its own store; killed and started at will."""

    def __init__(
        self,
        folder: Path,
        host: str,
        port: int,
        http_port: int,
        prefix: tuple[str, ...] = (),
        settings: str = "",
    ) -> None:
        """`settings` are further lines of its settings, such as another history."""
        self.store = folder / "store.sqlite3"
        self.url = f"http://127.0.0.1:{http_port}"
        config = folder / "service.toml"
        known = SERVICE.format(host=host, port=port, path=self.store, http_port=http_port)
        config.write_text(known + settings)
        command = [*prefix, *module_command("ingest", "run", "--config", str(config))]
        self.program = Program(command, folder / "service.log")

    def start(self) -> None:
        self.program.start()

    def wait_until_ready(self) -> None:
        """Fails at once, with its log, when the service ends instead."""
        wait_until(self.is_ready, 30, what=lambda: f"the service:\n{self.program.tail()}")

    def is_ready(self) -> bool:
        ended = f"the service ended with {self.program.child.returncode}"
        assert self.program.is_running, f"{ended}:\n{self.program.tail()}"
        try:
            return httpx.get(f"{self.url}/readyz", timeout=ANSWER_S).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def get(self, path: str, **query: Any) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=query, timeout=ANSWER_S)
        answer.raise_for_status()
        return answer.json()

    def records(self, unit: str, kind: str, **which: str) -> list[dict[str, Any]]:
        """What the API has of a kind, of the last week: without a beginning it would be the day in UTC."""
        begins = instant(time.time_ns() // 1_000_000 - 7 * DAY_S * 1000)
        found: list[dict[str, Any]] = self.get(
            f"units/{unit}/records", kind=kind, **{"from": begins}, **which
        )["records"]
        return found

    def positions(self, unit: str, from_ms: int) -> list[tuple[float, float]]:
        """(latitude, longitude) of every fix that the API has of the thirty days from then on."""
        begins, ends = (instant(from_ms + days * DAY_S * 1000) for days in (0, 30))
        track = self.get(f"units/{unit}/track", **{"from": begins, "to": ends})
        return [
            place
            for segment in track["segments"]
            for place in zip(segment["lat_deg"], segment["lon_deg"], strict=True)
            if None not in place
        ]


def instant(time_ms: int) -> str:
    moment = datetime.datetime.fromtimestamp(time_ms / 1000, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Unit:
    """An agent's settings and files; its outbox is on `disk` where that is not `folder`."""

    folder: Path
    name: str
    host: str
    port: int
    tolerance_m: float = 0.0
    window_s: float = 2.0
    sense_s: float = 5.0
    receipt_timeout_s: float = 2.0
    spread_s: float = 0.0
    group_ms: int = 1000
    keepalive_s: int = 5
    disk: Path | None = None
    receiver: Path | None = None
    outbox: Path = field(init=False)
    config: Path = field(init=False)

    def __post_init__(self) -> None:
        self.outbox = (self.disk or self.folder) / f"{self.name}.db"
        self.config = self.folder / f"{self.name}.toml"
        settings = UNIT.format(unit=self.name, path=self.outbox, **asdict(self))
        self.config.write_text(settings)
        if self.receiver is not None:
            self.listen(self.receiver)

    def listen(self, port: Path) -> None:
        """Give it a receiver on that port."""
        with self.config.open("a") as config:
            config.write(RECEIVER.format(port=port))

    def replay(self, recording: Path, *words: str) -> Program:
        """The agent living through a recording; not yet started."""
        command = module_command("edge", "replay", str(recording), "--config", str(self.config), *words)
        return Program(command, self.folder / f"{self.name}.log")

    def accepted(self) -> dict[tuple[str, str, int], str]:
        """What its outbox holds and held, by (epoch, lane, seq); for a stopped unit."""
        with closing(sqlite3.connect(self.outbox)) as file:
            rows = file.execute(
                "SELECT epochs.epoch, lane, seq, body FROM rows JOIN epochs ON epochs.id = rows.epoch"
            ).fetchall()
        return {(epoch, ("event", "sense", "track")[lane], seq): body for epoch, lane, seq, body in rows}
