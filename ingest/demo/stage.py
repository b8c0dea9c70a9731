"""The demo as a whole: starts broker, service and fleet, says each second how they are, ends them in order.

Everything it keeps lies in one folder, so that a second start goes on where the first one stopped.
"""

from __future__ import annotations

import fcntl
import signal
import sys
import threading
import time
from typing import IO, TYPE_CHECKING

from ingest.demo.cabinets import furnish
from ingest.demo.children import Child
from ingest.demo.figures import Figures, figures, line
from ingest.demo.library import furnish_library, make_card_key
from ingest.demo.options import fleet_arguments, service_arguments, service_settings, time_source
from ingest.demo.ports import HOST, is_free, is_open, next_free
from ingest.demo.watch import Terminal, ask, ask_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.demo.options import Options

PAGE_PORT = 8137
BROKER_PORT = 1883
READY_S = 60  # a slow card reads Python's packages for a while at the first start
TICK_S = 1.0
QUIET_TICK_S = 10.0  # where no one watches a terminal
PATIENCE_S = 1.3  # per part, before SIGKILL


class CannotStart(RuntimeError):
    """Something on this machine is in the way; the text says what, and what helps."""


class PartEnded(RuntimeError):
    """A part of the demo ended by itself or never got ready; the text has its last words."""


class Stopped(Exception):
    """The demo was asked to end."""


class Stage:
    """One run of the demo."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._terminal = Terminal()
        self._stop = threading.Event()
        self._children: list[Child] = []
        self._lock: IO[str] | None = None
        self._page_port = 0

    def run(self) -> None:
        """Run until SIGINT or SIGTERM; raises CannotStart, PortInUse or PartEnded."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stop.set())
        try:
            self._open_folder()
            self._start()
            self._watch()
        except Stopped:
            pass
        finally:
            self._end()
        self._terminal.say("stopped; a second start goes on from here")

    def _open_folder(self) -> None:
        folder = self._options.kept_in
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "demo.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PartEnded(f"another demo uses {folder}: stop it first, with Ctrl-C where it runs") from None

    def _start(self) -> None:
        """Start the parts, who receives before who sends."""
        self._page_port, broker = self._choose_page_port(), self._choose_broker()
        clock = time_source(self._options)
        if self._options.broker is None:
            self._start_child("broker", "ingest.demo.broker", str(broker[1]))
            self._await("broker", lambda: is_open(*broker))
        make_card_key(self._options.card_key_path)
        settings_path = self._options.kept_in / "ingest.toml"
        settings_path.write_text(service_settings(self._options, broker, self._page_port))
        self._start_child("service", "ingest", *service_arguments(settings_path, clock))
        self._await("service", lambda: ask(self._page_port, "/readyz") is not None)
        furnish(self._page_port, self._options.units)
        furnish_library(self._page_port, self._options.units)
        self._start_child("fleet", "edge", *fleet_arguments(self._options, broker, clock))
        self._welcome(broker)

    def _welcome(self, broker: tuple[str, int]) -> None:
        ours = "the demo's own broker" if self._options.broker is None else "broker"
        speed = f", a day {self._options.speed:g} times as fast" if self._options.is_scaled else ""
        self._terminal.say(
            f"\n  The map:  http://{HOST}:{self._page_port}/\n"
            f"  Running:  {self._options.units} simulated units{speed}; {ours} at {broker[0]}:{broker[1]}\n"
            f"  Kept in:  {self._options.kept_in} (a second start goes on there)\n"
            f"  Stop it:  Ctrl-C\n"
        )

    def _choose_page_port(self) -> int:
        chosen = self._options.page_port
        if chosen is not None and not is_free(chosen):
            raise CannotStart(f"port {chosen} is in use: choose another with --port, or leave it out")
        port = next_free(PAGE_PORT) if chosen is None else chosen
        if chosen is None and port != PAGE_PORT:
            self._terminal.say(f"Port {PAGE_PORT} is in use; the page is on {port}.")
        return port

    def _choose_broker(self) -> tuple[str, int]:
        broker = self._options.broker
        if broker is None:
            return HOST, next_free(BROKER_PORT)
        if not is_open(*broker):
            raise CannotStart(f"no broker answers at {broker[0]}:{broker[1]}: is it running, and so named?")
        return broker

    def _start_child(self, name: str, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        self._children.append(Child(name, command, self._options.kept_in / "log" / f"{name}.log"))

    def _await(self, name: str, condition: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + READY_S
        while not condition():
            self._check()
            if time.monotonic() > deadline_s:
                raise PartEnded(f"the {name} is not ready after {READY_S} s: {self._last_words(name)}")
            if self._stop.wait(0.1):
                raise Stopped

    def _check(self) -> None:
        """Every part still runs."""
        for child in self._children:
            code = child.poll()
            if code is not None:
                raise PartEnded(f"the {child.name} ended by itself ({code}): {self._last_words(child.name)}")

    def _last_words(self, name: str) -> str:
        tail = next(child.tail for child in self._children if child.name == name)
        path = self._options.kept_in / "log" / f"{name}.log"
        return "\n".join([f"the last lines of {path}", *(f"  {said}" for said in tail)])

    def _watch(self) -> None:
        tick_s = TICK_S if self._terminal.is_watched else QUIET_TICK_S
        before, before_s = self._figures(), time.monotonic()
        while not self._stop.wait(TICK_S):
            self._check()
            passed_s = time.monotonic() - before_s
            if passed_s < tick_s:
                continue
            now = self._figures()
            if now is not None and before is not None:
                self._terminal.show(line(now, (now.live - before.live) / passed_s))
            before, before_s = now, time.monotonic()

    def _figures(self) -> Figures | None:
        metrics, units = ask(self._page_port, "/metrics"), ask_json(self._page_port, "/api/v1/units")
        if metrics is None or units is None:
            return None
        return figures(metrics.decode(), units)

    def _end(self) -> None:
        """End the parts, who sends before who receives."""
        for child in reversed(self._children):
            child.end(PATIENCE_S)
        if self._lock is not None:
            self._lock.close()
