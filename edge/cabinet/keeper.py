"""The keeper: the cabinet inside an agent. Takes readings, keeps its state, shows it, hears the crew.

    folder/status.json, status.html   what the crew sees; written when it changes, and every STATUS_MS
    folder/requests/ID.json           what a person asks for (`ortoo-edge adjust`, `count`)
    folder/requests/ID.answer         what became of it

A request is answered when its record is on disk. Its id is committed with the record, so that one which was
recorded but not yet answered when the power went is answered the next time, and not recorded twice.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from typing import TYPE_CHECKING, Any

from edge.cabinet import request, status
from edge.record import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from edge.cabinet.cabinet import Cabinet
    from edge.intake import Intake
    from edge.record import Mark

log = logging.getLogger(__name__)

STATE, REQUEST = "cabinet", "cabinet request"  # notes of the outbox
STATUS_MS = 30_000
MAX_REQUEST_BYTES = 4096


class Keeper:
    """Runs in the agent's main thread."""

    def __init__(
        self,
        cabinet: Cabinet,
        intake: Intake,
        folder: Path,
        boot: str,
        signal: Callable[[status.Pattern], None] = lambda _: None,
    ) -> None:
        """`signal` has a light and a buzzer show the pattern; it is told again with each status."""
        self._cabinet = cabinet
        self._intake = intake
        self._folder = folder
        self._requests = folder / "requests"
        self._boot = boot
        self._signal = signal
        self.reasons: Callable[[], Iterable[status.Reason]] = tuple  # of others than the cabinet
        self._is_resumed = False
        self._taken = ""  # the request whose record waits for its commit
        self._shown: tuple[str, int] | None = None
        self._is_told = False
        with contextlib.suppress(OSError):
            self._requests.mkdir(parents=True, exist_ok=True)
            for answer in self._requests.glob("*.answer"):
                answer.unlink()  # whoever asked has gone

    def take(self, reading: Reading) -> None:
        """A reading of any source."""
        for made in self._cabinet.take(reading):
            self._intake.take(made)

    def take_row(self, reading: Reading, mark: Mark) -> None:
        """A record that a node kept while nobody heard it; it is judged as if it had been heard."""
        taken = self._intake.take_row(self._cabinet.named(reading), mark)
        if taken is not None:
            self._cabinet.learn(taken)

    def step(self, now_ms: int) -> None:
        """What is due by itself. To be called before the commit of each turn."""
        if not self._is_resumed and not self._resume():
            return
        for made in self._cabinet.step(now_ms, self._intake.clock):
            self._intake.take(made)
        if self._cabinet.has_changed:
            self._intake.keep(STATE, self._cabinet.state(self._boot, self._intake.clock), now_ms)
        self._hear(now_ms)
        self._show(now_ms)

    def _resume(self) -> bool:
        outbox = self._intake.outbox
        if outbox is None:
            return False
        self._cabinet.resume(outbox.note(STATE), self._boot)
        self._is_resumed = True
        return True

    # --- requests ---------------------------------------------------------------------------------------

    def _hear(self, now_ms: int) -> None:
        """One request at a time: recorded in this turn, answered in the next."""
        outbox = self._intake.outbox
        path = min(self._requests.glob("*.json"), default=None)
        if path is None or outbox is None:
            return
        if outbox.note(REQUEST) == path.stem:
            _answer(path, "done", "")
        elif self._taken != path.stem:
            self._ask(path, now_ms)

    def _ask(self, path: Path, now_ms: int) -> None:
        try:
            with path.open("rb") as file:
                asked = request.parsed(file.read(MAX_REQUEST_BYTES + 1))
            kind, values = request.values_of(asked, self._cabinet.planogram)
        except (request.RequestError, OSError) as error:
            _answer(path, "refused", str(error))
            return
        self._taken = path.stem
        self._intake.take(Reading(kind, "cabinet", now_ms, values))
        self._intake.keep(REQUEST, path.stem, now_ms)

    # --- status -----------------------------------------------------------------------------------------

    def _show(self, now_ms: int) -> None:
        plain = self._cabinet.status(now_ms).and_these(self.reasons()).plain()
        news = json.dumps([plain["level"], plain["is_door_open"], [_named(one) for one in plain["reasons"]]])
        if self._shown is not None and news == self._shown[0] and now_ms - self._shown[1] < STATUS_MS:
            return
        self._shown = news, now_ms
        self._signal(status.PATTERNS[plain["level"]])
        try:
            _replace(self._folder / "status.json", json.dumps(plain, ensure_ascii=False))
            _replace(self._folder / "status.html", status.page(plain))
        except OSError as error:
            if not self._is_told:
                log.warning("%s: the crew's status cannot be shown: %s", self._folder, error.strerror)
            self._is_told = True


def _named(reason: dict[str, Any]) -> str:
    """What makes it another reason: of a call also how it stands, while a temperature may well change."""
    return f"{reason['where']} {reason['text'] if reason['rank'] < 0 else ''}"


def _answer(path: Path, state: str, detail: str) -> None:
    answer: dict[str, Any] = {"state": state, "detail": detail}
    with contextlib.suppress(OSError):
        _replace(path.with_suffix(".answer"), json.dumps(answer, ensure_ascii=False))
        path.unlink()


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, path)  # noqa: PTH105 - says what it does
