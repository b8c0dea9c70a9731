"""One release on its way to a wired node: asked for, fetched, told, served, staged, running.

    command `update` ─▶ head fetched, its signature checked ─▶ files fetched ─▶ the node is told, and served
    service ◀─ the node's own answer, through its rows ◀─ staged
    service ◀─ our answer ◀─ the node says hello with the new version

The broker gives a part to whoever subscribes to it; one at a time is under way, beside the lanes. The node is
told when all is here, so that it never waits for coverage. What was asked stands in a note of the outbox,
what was fetched on disk: a power cut of the Pi goes on where it was. A release whose signer nobody here knows
never reaches the node, which checks for itself, too.
"""

from __future__ import annotations

import json
import logging
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from firmware.line import frame
from firmware.update import manifest
from firmware.update.version import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.outbox import Outbox
    from edge.record import Reading
    from edge.releases.shelf import Shelf
    from edge.sources import Updatable

log = logging.getLogger(__name__)

NOTE = "update"
TELL_MS = 30_000
FIRST_WAIT_MS, LONGEST_WAIT_MS = 30_000, 600_000  # for a part: it may have been withdrawn
MOST_DAMAGED = 3
REFUSED = {"signature": "bad signature", "key": "no good key on the Pi"}


class Line(Protocol):
    """The broker as far as parts of blobs go."""

    def want_part(self, digest: str, part: int) -> None:
        """Have it sent, now or when it is there."""

    def drop_part(self, digest: str, part: int) -> None:
        """It is no longer wanted."""


@dataclass(slots=True)
class Asked:
    """What the service asked for, and how far it is."""

    id: str
    node: str
    release: str
    bytes: int
    stage: Literal["asked", "told", "staged"] = "asked"
    version: str = ""


class Rollout:
    """At most one at a time: a newer command takes the place of the one before. For the main thread."""

    def __init__(self, nodes: Mapping[str, Updatable], keys: bytes, shelf: Shelf) -> None:
        self._nodes = nodes
        self._keys = keys
        self._shelf = shelf
        self._asked: Asked | None = None
        self._is_resumed = False
        self._blobs: dict[bytes, tuple[str, int]] = {}  # by the start of the digest: digest, bytes
        self._under_way: tuple[str, int] | None = None
        self._due_ms = 0
        self._wait_ms = FIRST_WAIT_MS
        self._damaged = 0
        self._number = b""
        self._tell_ms: int | None = None
        for node in nodes.values():
            node.serve(self.part)

    def ask(self, outbox: Outbox, command: Mapping[str, Any]) -> None:
        """The command `update`; one for a node that is not here is answered at once."""
        self._resume(outbox)
        if self._asked is not None and self._asked.id == command["id"]:
            return
        node = command.get("node", "")
        if node not in self._nodes:
            known = ", ".join(sorted(self._nodes)) or "none"
            self._answer(outbox, command["id"], "refused", f"no node {node!r} here; there are {known}"[:200])
            return
        self._forget(outbox)
        self._asked = Asked(command["id"], node, command["release"], command["bytes"])
        self._keep(outbox)
        log.info("%s: an update is asked for, release %s", node, command["release"][:16])

    def heard(self, outbox: Outbox, reading: Reading) -> None:
        """A record of a node on its way to the outbox: its answer, or that it went back."""
        asked, values = self._asked, reading.values
        if asked is None:
            return
        if reading.kind == "answer" and values.get("command_id") == asked.id:
            if values.get("state") == 0 and asked.stage != "staged":
                asked.stage = "staged"
                self._shelf.clear()
                self._keep(outbox)
            elif values.get("state") != 0:
                self._forget(outbox)
        elif reading.kind == "fault" and (values.get("part"), values.get("code")) == (
            "update",
            "rolled_back",
        ):
            self._forget(outbox)

    def take(self, line: Line, digest: str, part: int, data: bytes) -> None:
        """A part came from the broker."""
        line.drop_part(digest, part)
        if self._asked is None or (digest, part) != self._under_way:
            return
        self._under_way = None
        size = self._size_of(self._asked, digest)
        held = self._shelf.size(digest)
        is_next = held == part * manifest.PART_BYTES
        if not is_next or len(data) != min(manifest.PART_BYTES, size - held):
            return
        self._wait_ms = FIRST_WAIT_MS
        try:
            self._damaged += not self._shelf.put(digest, data, size)
        except OSError as error:
            log.warning("a part of an update is let go, to be fetched again: %s", error)
            self._under_way = (digest, part)  # not before its time

    def closed(self) -> None:
        """The line is gone, and with it what was under way."""
        self._under_way = None

    def step(self, outbox: Outbox, line: Line | None, now_ms: int) -> None:
        """What is due; `line` None: there is no connection."""
        self._resume(outbox)
        asked = self._asked
        if asked is None:
            return
        if asked.stage == "staged":
            self._watch(outbox, asked)
        elif not self._shelf.is_whole(asked.release):
            self._fetch(outbox, asked, line, asked.release, now_ms)
        elif self._is_known(outbox, asked) and asked.stage == "asked":
            missing = next((one for one, _ in self._blobs.values() if not self._shelf.is_whole(one)), None)
            if missing is not None:
                self._fetch(outbox, asked, line, missing, now_ms)
            else:
                self._tell(outbox, asked, now_ms)

    def part(self, start: bytes, offset: int) -> bytes:
        """What a node wants; b"" when it is not here. From any thread."""
        digest, _ = self._blobs.get(start, ("", 0))
        return self._shelf.read(digest, offset, frame.MAX_PART_BYTES) if digest else b""

    # --- inside -----------------------------------------------------------------------------------------

    def _is_known(self, outbox: Outbox, asked: Asked) -> bool:
        """Whether the head is signed by whom we know; else the service hears why not."""
        if self._blobs:
            return True
        head = self._shelf.read(asked.release)
        try:
            found = manifest.verified(head, self._keys)
        except manifest.ManifestError as error:
            self._refuse(outbox, asked, REFUSED.get(error.what, str(error)))
            return False
        blobs = [(digest.hex(), size) for _, size, digest in found.files] + [(asked.release, asked.bytes)]
        self._blobs = {bytes.fromhex(digest)[: frame.PART_ID_BYTES]: (digest, size) for digest, size in blobs}
        asked.version = found.version
        return True

    def _tell(self, outbox: Outbox, asked: Asked, now_ms: int) -> None:
        """Until the node has answered that it knows; from then on it keeps it itself."""
        node = self._nodes[asked.node]
        said = node.answer_to(self._number) if self._number else None
        if said is not None and said[0]:
            asked.stage = "told"
            self._keep(outbox)
        elif said is not None:
            self._refuse(outbox, asked, said[1] or "the node will not")
        elif self._tell_ms is None or now_ms - self._tell_ms >= TELL_MS:
            self._tell_ms = now_ms
            self._number = self._number or secrets.token_bytes(8)
            order = {"do": "update", "release": asked.release, "bytes": asked.bytes, "id": asked.id}
            node.command(self._number, json.dumps(order, separators=(",", ":")))

    def _fetch(self, outbox: Outbox, asked: Asked, line: Line | None, digest: str, now_ms: int) -> None:
        if self._damaged >= MOST_DAMAGED:
            self._refuse(outbox, asked, "damaged on its way, three times")
            return
        if line is None:
            return
        wanted = (digest, self._shelf.size(digest) // manifest.PART_BYTES)
        if wanted == self._under_way:
            if now_ms < self._due_ms:
                return
            self._wait_ms = min(2 * self._wait_ms, LONGEST_WAIT_MS)
        self._under_way, self._due_ms = wanted, now_ms + self._wait_ms
        line.want_part(*wanted)

    def _watch(self, outbox: Outbox, asked: Asked) -> None:
        """Staged: it runs once the node says hello with it."""
        if f"{NAME}/{asked.version}" in self._nodes[asked.node].hello.split():
            self._answer(outbox, asked.id, "done", f"{asked.node} runs {asked.version}")
            self._forget(outbox)

    def _size_of(self, asked: Asked, digest: str) -> int:
        if digest == asked.release:
            return asked.bytes
        return self._blobs.get(bytes.fromhex(digest)[: frame.PART_ID_BYTES], ("", 0))[1]

    def _refuse(self, outbox: Outbox, asked: Asked, detail: str) -> None:
        log.warning("%s: the update is refused: %s", asked.node, detail)
        self._answer(outbox, asked.id, "refused", detail)
        self._forget(outbox)

    def _answer(self, outbox: Outbox, command_id: str, state: str, detail: str) -> None:
        outbox.obey({"id": command_id, "what": "update", "state": state, "detail": detail})

    def _forget(self, outbox: Outbox) -> None:
        self._asked = None
        self._blobs = {}
        self._under_way, self._damaged, self._number, self._tell_ms = None, 0, b"", None
        self._shelf.clear()
        self._keep(outbox)

    def _keep(self, outbox: Outbox) -> None:
        outbox.note(NOTE, "" if self._asked is None else json.dumps(asdict(self._asked)))

    def _resume(self, outbox: Outbox) -> None:
        if self._is_resumed:
            return
        self._is_resumed = True
        found = json.loads(outbox.note(NOTE) or "null")
        if found is not None and found["node"] in self._nodes:
            self._asked = Asked(**found)
