"""What a person chose for the demo, and the command lines that follow from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.demo.ports import HOST
from ingest.time_source import TimeSource

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """\
# Written anew at each start of the demo.
[broker]
host = {host}
port = {port}

[store]
path = {store}

[http]
host = {page_host}
port = {page_port}

[library]
card_key_file = {card_key}
"""


@dataclass(frozen=True, slots=True)
class Options:
    """The choices; None for a broker or a page port: our own."""

    folder: Path
    units: int = 24
    speed: float = 1.0
    replay: tuple[Path, ...] = ()
    broker: tuple[str, int] | None = None
    page_port: int | None = None

    @property
    def is_scaled(self) -> bool:
        """Whether the demo's day is faster than ours."""
        return self.speed != 1

    @property
    def card_key_path(self) -> Path:
        """Where units and service share the key of the readers' cards."""
        return self.kept_in / "units" / "card.key"

    @property
    def kept_in(self) -> Path:
        """The folder of this demo: a faster day keeps its own history, since its clock is ahead."""
        return self.folder / f"speed-{self.speed:g}" if self.is_scaled else self.folder


def time_source(options: Options) -> TimeSource:
    """The demo's clock. Its origin is kept, so that a faster day never goes back at a second start."""
    if not options.is_scaled:
        return TimeSource()
    path = options.kept_in / "origin-ms"
    if not path.exists():
        path.write_text(f"{TimeSource().utc_ms()}\n")
    return TimeSource(options.speed, int(path.read_text()))


def service_settings(options: Options, broker: tuple[str, int], page_port: int) -> str:
    """The service's settings file."""
    return SETTINGS.format(
        host=json.dumps(broker[0]),
        port=broker[1],
        store=json.dumps(str(options.kept_in / "ortoo.sqlite3")),
        page_host=json.dumps(HOST),
        page_port=page_port,
        card_key=json.dumps(str(options.card_key_path)),
    )


def service_arguments(settings_path: Path, clock: TimeSource) -> list[str]:
    """What follows `python -m ingest`."""
    return ["run", "--config", str(settings_path), "--time-rate", f"{clock.rate:g}", *_origin(clock)]


def fleet_arguments(options: Options, broker: tuple[str, int], clock: TimeSource) -> list[str]:
    """What follows `python -m edge`."""
    replay = [part for path in options.replay for part in ("--replay", str(path))]
    where = ["--broker", f"{broker[0]}:{broker[1]}", "--data", str(options.kept_in / "units")]
    speed = ["--speed", f"{options.speed:g}", *_origin(clock)]
    return ["simulate", "--units", str(options.units), *where, *speed, *replay]


def _origin(clock: TimeSource) -> list[str]:
    return ["--time-origin-ms", str(clock.origin_ms)]
