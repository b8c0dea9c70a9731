"""A process for each unit, forked from a parent that has imported everything, so that one costs little.

A child that dies is started again, after a while that doubles. Each child writes one JSON line a second into
its pipe. The parent holds the only writing end of one more pipe, the lifeline: when the parent is gone,
however it went, the children read its end and stop.
"""

import gc
import json
import logging
import os
import selectors
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn

log = logging.getLogger(__name__)

AGAIN_S = 1.0
MOST_AGAIN_S = 60.0
CALM_S = 60.0  # a child that lived so long starts afresh
STAGGER_S = 0.03
MAX_LINE_BYTES = 4096

# (status pipe's writing end, lifeline's reading end): runs in the child until SIGTERM.
Body = Callable[[int, int], None]


@dataclass(slots=True)
class Child:
    """One unit's process, or the wait for its next start."""

    name: str
    body: Body
    pid: int | None = None
    pipe: int = -1
    started_s: float = 0.0
    due_s: float = 0.0
    pause_s: float = AGAIN_S
    starts: int = 0
    tail: bytes = b""
    status: dict[str, Any] = field(default_factory=dict)


class Supervisor:
    """Starts, watches, restarts and ends the children; every moment is an argument, in seconds."""

    def __init__(self, bodies: Sequence[tuple[str, Body]], now_s: float) -> None:
        self.children = [
            Child(name, body, due_s=now_s + index * STAGGER_S) for index, (name, body) in enumerate(bodies)
        ]
        self._life_read, self._life_write = os.pipe()
        self._wake_read, self._wake_write = os.pipe()
        for end in (self._wake_read, self._wake_write):
            os.set_blocking(end, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        signal.set_wakeup_fd(self._wake_write)  # else a signal would wait for the end of `listen`

    def look(self, now_s: float) -> None:
        """Start what is due and reap what has ended."""
        for child in self.children:
            if child.pid is not None:
                self._reap(child, now_s)
            elif now_s >= child.due_s:
                self._start(child, now_s)

    def listen(self, timeout_s: float) -> None:
        """Wait so long at most for news of the children, and take it."""
        for key, _ in self._selector.select(timeout_s):
            if key.data is None:
                os.read(self._wake_read, 64)
            else:
                _hear(key.data)

    def next_start_s(self) -> float | None:
        """When the next waiting child is due."""
        return min((child.due_s for child in self.children if child.pid is None), default=None)

    def end(self, number: signal.Signals) -> None:
        """Send a signal to every child that runs."""
        for child in self.children:
            if child.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(child.pid, number)

    def gone(self) -> bool:
        """Reap; true when no child is left. For the end: nothing is started again."""
        for child in self.children:
            if child.pid is not None and os.waitpid(child.pid, os.WNOHANG)[0]:
                self._forget(child)
        return all(child.pid is None for child in self.children)

    def close(self) -> None:
        """Let go of the pipes."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        for end in (self._life_read, self._life_write, self._wake_read, self._wake_write):
            os.close(end)

    def _start(self, child: Child, now_s: float) -> None:
        pipe, status = os.pipe()
        os.set_blocking(pipe, False)
        os.set_blocking(status, False)
        gc.freeze()  # what was imported stays shared with the children
        child.pid = os.fork()
        if child.pid == 0:
            self._become(child, pipe, status)
        os.close(status)
        child.pipe, child.started_s, child.tail = pipe, now_s, b""
        child.starts += 1
        self._selector.register(pipe, selectors.EVENT_READ, child)

    def _become(self, child: Child, pipe: int, status: int) -> NoReturn:
        """In the child: keep nothing of the parent's, run, and leave without its endings."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the group; the parent tells us
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._selector.close()
            others = [other.pipe for other in self.children if other.pipe >= 0]
            for end in (pipe, self._life_write, self._wake_read, self._wake_write, *others):
                os.close(end)
            child.body(status, self._life_read)
            code = 0
        except BaseException:  # noqa: BLE001 (the last line of this process)
            traceback.print_exc()
        finally:
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _reap(self, child: Child, now_s: float) -> None:
        if child.pid is None:
            return
        pid, code = os.waitpid(child.pid, os.WNOHANG)
        if pid == 0:
            return
        calm = now_s - child.started_s >= CALM_S
        child.pause_s = AGAIN_S if calm else min(2 * child.pause_s, MOST_AGAIN_S)
        child.due_s = now_s + child.pause_s
        why = os.waitstatus_to_exitcode(code)
        log.warning("%s ended with %d; starts again in %.0f s", child.name, why, child.pause_s)
        self._forget(child)

    def _forget(self, child: Child) -> None:
        self._selector.unregister(child.pipe)
        os.close(child.pipe)
        child.pid, child.pipe, child.status = None, -1, {}


def _hear(child: Child) -> None:
    try:
        data = os.read(child.pipe, 65536)
    except BlockingIOError:
        return
    *lines, child.tail = (child.tail + data).split(b"\n")
    child.tail = child.tail[-MAX_LINE_BYTES:]
    if lines:
        with suppress(ValueError):
            child.status = json.loads(lines[-1])
