"""The command line: ortoo-edge run, check, status, cabinet, adjust, count, shelf, simulate, replay."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import sqlite3
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import edge
from edge.config import ConfigError, load_settings

if TYPE_CHECKING:
    from types import FrameType

    from edge.agent import Agent

log = logging.getLogger(__name__)
CONFIG = Path("/etc/ortoo-edge.toml")
BAD_CONFIG = 2
LATE = {"simulate": "edge.simulate.command", "replay": "edge.replay"}  # loaded only when asked for


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    wanted = sys.argv[1:] if arguments is None else arguments
    parser = _parser(wanted)
    given = parser.parse_args(wanted)
    logging.basicConfig(level=logging.DEBUG if given.verbose else logging.INFO, format="%(message)s")
    try:
        return int(given.run(given))
    except ConfigError as error:
        print(f"ortoo-edge: {error}", file=sys.stderr)  # noqa: T201 - the terminal is where it belongs
        return BAD_CONFIG
    except KeyboardInterrupt:
        return 130


def _parser(wanted: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("ortoo-edge", description="The agent on a vehicle.")
    parser.add_argument("--version", action="version", version=edge.__version__)
    parser.add_argument("--verbose", action="store_true", help="tell every attempt, not only the first")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (
        ("run", _run, "record and send until stopped"),
        ("check", _check, "check a settings file"),
        ("status", _status, "tell what waits in the outbox"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--config", type=Path, default=CONFIG, metavar="FILE", help=f"default: {CONFIG}")
        command.set_defaults(run=run)
    for name, text in (
        ("cabinet", "tell how the cabinet is, and why"),
        ("adjust", "correct a slot's stock, with a reason"),
        ("count", "say how much lies in a slot"),
    ):
        command = commands.add_parser(name, help=text)
        if name in wanted:
            module = importlib.import_module("edge.cabinet.command")
            module.add_arguments(command, name, CONFIG)
            command.set_defaults(run=module.run)
    command = commands.add_parser("shelf", help="serve the crew's page of a book shelf")
    if "shelf" in wanted:
        module = importlib.import_module("edge.books.serve")
        module.add_arguments(command, CONFIG)
        command.set_defaults(run=module.run)
    for name, text in (("simulate", "run simulated units"), ("replay", "run one unit from a recorded log")):
        command = commands.add_parser(name, help=text)
        if name in wanted:
            module = importlib.import_module(LATE[name])
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def _run(given: argparse.Namespace) -> int:
    # Late: what the agent needs of libraries is not there on a machine that only checks a file.
    from edge.agent import Agent  # noqa: PLC0415
    from edge.time_source import SystemTime  # noqa: PLC0415
    from edge.watchdog import Watchdog  # noqa: PLC0415

    settings = load_settings(given.config)
    timeout_us = os.environ.get("WATCHDOG_USEC", "")
    watchdog = Watchdog(os.environ.get("NOTIFY_SOCKET"), int(timeout_us) if timeout_us.isdigit() else None)
    try:
        agent = Agent(settings, SystemTime(), watchdog=watchdog)
    except ConfigError as error:  # of a file that a setting names
        raise ConfigError(f"{given.config}: {error}") from None
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()  # and no more: a queue's lock may be held by what was interrupted

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    _leave(agent, stop)


def _leave(agent: Agent, stop: threading.Event) -> NoReturn:
    """Run the agent, and end the process without the interpreter's own end.

    That would wait for ever for a lock that a source's thread held when it was ended.
    """
    code = 0
    try:
        agent.run(stop)
    except Exception:
        log.exception("the agent has met what it cannot go on with; what it had accepted is on disk")
        code = 1
    logging.shutdown()
    os._exit(code)


def _check(given: argparse.Namespace) -> int:
    settings = load_settings(given.config)
    print(f"{given.config}: good, for unit {settings.unit.id}")  # noqa: T201
    return 0


def _status(given: argparse.Namespace) -> int:
    from edge.outbox.report import report  # noqa: PLC0415

    path = Path(load_settings(given.config).outbox.path)
    try:
        for line in report(path):
            print(line)  # noqa: T201
    except (sqlite3.Error, OSError) as error:
        print(f"ortoo-edge: {path}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
