"""ortoo-edge cabinet, adjust, count: what the crew asks a running agent."""

from __future__ import annotations

import json
import secrets
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cabinet import status
from edge.config import load_settings
from edge.time_source import SystemTime

if TYPE_CHECKING:
    import argparse

WAIT_S = 10.0
LOOK_S = 0.05


def add_arguments(parser: argparse.ArgumentParser, what: str, config: Path) -> None:
    """The options of one of the three."""
    parser.add_argument("--config", type=Path, default=config, metavar="FILE", help=f"default: {config}")
    parser.set_defaults(what=what)
    if what == "cabinet":
        parser.add_argument("--json", action="store_true", help="as JSON")
        return
    parser.add_argument("--slot", required=True, help="the slot's name in the planogram")
    help_of = {"adjust": "how many more (less than 0: fewer) than is booked", "count": "how many lie there"}
    parser.add_argument("--pieces", type=int, required=True, help=help_of[what])
    parser.add_argument("--reason", required=what == "adjust", default="", help="why, as broken or lost")
    parser.add_argument("--by", dest="actor", default="", help="who says so")
    parser.add_argument("--lot", default="", help="of which lot")


def run(given: argparse.Namespace) -> int:
    """Run it; the exit code."""
    folder = Path(load_settings(given.config).cabinet.folder)
    return _show(folder, as_json=given.json) if given.what == "cabinet" else _ask(folder, given)


def _show(folder: Path, *, as_json: bool) -> int:
    path = folder / "status.json"
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        age_s = _age_s(path)
    except (OSError, ValueError) as error:
        return _failed(f"{path}: cannot be read ({error}): does the agent run, with a cabinet declared?")
    lines = [json.dumps(plain, ensure_ascii=False)] if as_json else status.lines(plain, age_s)
    print("\n".join(lines))  # noqa: T201 - the terminal is where it belongs
    return 0


def _age_s(path: Path) -> int:
    """How old a file is, by the clock that dated it."""
    return max(time.clock_gettime_ns(time.CLOCK_REALTIME) - path.stat().st_mtime_ns, 0) // 1_000_000_000


def _ask(folder: Path, given: argparse.Namespace) -> int:
    asked: dict[str, Any] = {name: getattr(given, name) for name in ("what", "slot", "pieces")}
    asked |= {name: getattr(given, name) for name in ("reason", "actor", "lot") if getattr(given, name)}
    path = folder / "requests" / f"{secrets.token_hex(8)}.json"
    try:
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(asked), encoding="utf-8")
        fresh.replace(path)
        answer = _answer(path)
    except OSError as error:
        return _failed(f"{path.parent}: {error.strerror}: ask as the agent's user, while the agent runs")
    if answer is None:
        path.unlink(missing_ok=True)
        return _failed(f"no answer within {WAIT_S:.0f} s, and perhaps not recorded: does the agent run?")
    if answer["state"] != "done":
        return _failed(f"refused: {answer['detail']}")
    print("recorded")  # noqa: T201
    return 0


def _answer(path: Path) -> dict[str, str] | None:
    """The agent's answer, once it is there."""
    moments = SystemTime()
    until_ms = moments.mono_ms() + WAIT_S * 1000
    answered = path.with_suffix(".answer")
    while moments.mono_ms() < until_ms:
        if answered.exists():
            found: dict[str, str] = json.loads(answered.read_text(encoding="utf-8"))
            answered.unlink()
            return found
        moments.pause(LOOK_S)
    return None


def _failed(text: str) -> int:
    print(f"ortoo-edge: {text}", file=sys.stderr)  # noqa: T201
    return 1
