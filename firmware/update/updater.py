"""An update beside a line: asks for the parts that are missing, one at a time, waits, tries again, answers.

What it does for an update comes after records and receipts: a piece of work or one part at each turn of the
line. A part that does not come is asked for again, waiting twice as long each time; the second time it is a
fault, and after MOST_MISSES in a row the update is refused: it was withdrawn. On the broker a part is a
retained message, ortoo/v1/_release/<SHA-256 of its blob>/<number>; a Pi answers WANT with PART.

The answer is an event, kept before the command is forgotten. What was staged starts once that is receipted.
"""

import sys

from firmware import wire
from firmware.update import manifest, update

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from firmware.line.courier import Courier
    from firmware.store.intake import Intake
    from firmware.line.link import Link
    from firmware.line.mqtt_core import Core
    from firmware.ports.port import Port

    class Source(Protocol):
        """Who has the parts: `ask` for one, `leave` it; how long to wait for it at first, and at most."""

        wait_ms: int
        longest_ms: int

        def ask(self, digest: bytes, offset: int, now_ms: int) -> None: ...
        def leave(self, digest: bytes, offset: int, now_ms: int) -> None: ...


MOST_MISSES = 20
_STALL_MS = 6_000  # one question in vain
_RESTART_MS = 60_000  # for the receipt of the answer
_MAX_DETAIL = 200


class FromBroker:
    """Parts as retained messages."""

    wait_ms, longest_ms = 5_000, 600_000

    def __init__(self, core: "Core") -> None:
        self._core = core

    def ask(self, digest: bytes, offset: int, now_ms: int) -> None:
        self._core.subscribe(topic(digest, offset), now_ms)

    def leave(self, digest: bytes, offset: int, now_ms: int) -> None:
        self._core.unsubscribe(topic(digest, offset), now_ms)


class FromPi:
    """Parts in frames: a piece of 220 bytes each, from a disk that is there when the Pi is."""

    wait_ms, longest_ms = 2_000, 30_000

    def __init__(self, link: "Link") -> None:
        self._link = link

    def ask(self, digest: bytes, offset: int, now_ms: int) -> None:
        from firmware.line import frame  # late: a node that stands alone has none

        self._link.say(frame.WANT, frame.body(frame.WANT, (digest[: frame.PART_ID_BYTES], offset)))

    def leave(self, digest: bytes, offset: int, now_ms: int) -> None:
        """A frame is answered once."""


def topic(digest: bytes, offset: int) -> str:
    """Where the part that begins there lies."""
    return wire.part_topic(digest.hex(), offset // manifest.PART_BYTES)


class Updater:
    """The update that the notes ask for; turn it by `step` while the line stands."""

    def __init__(self, port: "Port", intake: "Intake", source: "Source") -> None:
        self._port = port
        self._intake = intake
        self._source = source
        self._asked: "tuple[bytes, int] | None" = None
        self._deadline_ms = 0
        self._misses = 0
        self._answered_ms: "int | None" = None
        self.moved_ms = port.now_ms()  # when it last came forward
        self._begin()

    def _begin(self) -> None:
        self._is_emitted = False
        mpy = getattr(sys.implementation, "_mpy", 0) & 255
        self._update = update.Update(self._intake.notes, self._port.path, self._port.name, mpy)

    @property
    def is_staged(self) -> bool:
        """Whether the next start is the new firmware's."""
        return self._answered_ms is not None and self._update.is_staged

    def is_moving(self, now_ms: int) -> bool:
        """Whether it is worth to stay awake for it."""
        return (self._answered_ms is None or self.is_staged) and now_ms - self.moved_ms < _STALL_MS

    def ask(self, asked: "dict[str, Any]") -> None:
        """Another command: it takes the place of the one under way, or waits for the next start."""
        if self._answered_ms is None:
            if asked["id"] == self._update.id:
                return
            if self._update.answer is not None:
                self._answer(self._update.answer, self._port.now_ms())
        if self._answered_ms is None:
            self._emit("refused", "another update was asked for")
        self._intake.notes.put({update.NOTE: asked})
        if not self.is_staged:
            self.lost()
            self._misses, self._answered_ms = 0, None
            self._begin()

    def step(self, now_ms: int) -> None:
        """One piece of work, one question, or what time brings."""
        if self._answered_ms is not None:
            self._restart(now_ms)
        elif self._update.answer is not None:
            self._answer(self._update.answer, now_ms)
        elif self._update.work():
            self.moved_ms = now_ms
        else:
            self._fetch(now_ms)

    def came(self, name: str, data: bytes) -> bool:
        """A message of the broker; False when it is no part of a release."""
        if not name.startswith(wire.RELEASES):
            return False
        if self._asked is not None and name == topic(self._asked[0], self._asked[1]):
            self._take(data)
        return True

    def heard(self, start: bytes, offset: int, data: bytes) -> None:
        """A PART of the Pi."""
        if self._asked is not None and self._asked == (self._asked[0], offset):
            if self._asked[0][: len(start)] == start:
                self._take(data)

    def lost(self) -> None:
        """The line is gone, and with it what was asked for."""
        self._asked = None

    # --- inside -----------------------------------------------------------------------------------------

    def _fetch(self, now_ms: int) -> None:
        wanted = self._update.wanted()
        if wanted is None:
            return
        if self._asked is not None:
            if now_ms < self._deadline_ms:
                return
            self._source.leave(self._asked[0], self._asked[1], now_ms)
            self._miss(wanted)
            if self._update.answer is not None or self._update.wanted() is None:
                return
        self._asked = wanted
        source = self._source
        self._deadline_ms = now_ms + min(source.wait_ms << min(self._misses, 10), source.longest_ms)
        source.ask(wanted[0], wanted[1], now_ms)

    def _miss(self, wanted: "tuple[bytes, int]") -> None:
        self._asked = None
        self._misses += 1
        what = "%s from %d on" % (wanted[0].hex()[:16], wanted[1])
        if self._misses == 2:
            self._intake.faults.begin("update", "not_there", what)
        if self._misses >= MOST_MISSES:
            self._update.give_up("not there: " + what)

    def _take(self, data: bytes) -> None:
        asked, self._asked, now_ms = self._asked, None, self._port.now_ms()
        if asked is None:
            return
        self._source.leave(asked[0], asked[1], now_ms)
        if self._update.take(asked[0], asked[1], data):
            self._misses, self.moved_ms = 0, now_ms
            self._intake.faults.end("update", "not_there")
        else:
            self._miss(asked)

    def _answer(self, answer: "tuple[str, str]", now_ms: int) -> None:
        """First the answer, then the command is forgotten; a flash that takes neither is asked again."""
        if not self._is_emitted:
            self._is_emitted = True
            self._intake.faults.end("update", "not_there")
            self._emit(answer[0], answer[1])
        self._intake.keep()
        if self._intake.waiting:
            return
        try:
            self._intake.notes.put({update.NOTE: None})
        except OSError as error:
            self._port.log("update: %s" % error)
            return
        self._answered_ms = now_ms

    def _emit(self, state: str, detail: str) -> None:
        number = wire.KINDS["answer"].by_name["state"].words.index(state)
        self._intake.emit(
            "answer",
            "unit",
            {"command_id": self._update.id, "state": number, "detail": detail[:_MAX_DETAIL]},
        )
        self._port.log("update: %s, %s" % (state, detail))

    def _restart(self, now_ms: int) -> None:
        outbox = self._intake.outbox
        if self._answered_ms is None or not self.is_staged:
            return
        is_told = outbox.mark("event") >= outbox.last_seq("event")
        if is_told or now_ms - self._answered_ms >= _RESTART_MS:
            self._port.restart()


def over_broker(port: "Port", intake: "Intake", courier: "Courier") -> Updater:
    """The update of a node that stands alone."""
    made = Updater(port, intake, FromBroker(courier.core))
    courier.on_part = made.came
    return made


def over_link(port: "Port", intake: "Intake", link: "Link") -> Updater:
    """The update of a wired node."""
    made = Updater(port, intake, FromPi(link))
    link.on_part = made.heard
    return made
