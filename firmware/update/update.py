"""An update over the air: from a digest in a command to a firmware on trial. Pure but for the flash.

    head     fetched into memory: signature, number, board, bytecode; until it is good, flash is left alone
    clear    the folder that does not run is emptied, and the head is laid into it: what it is becoming
    files    piece by piece, from the folder that runs where that holds the same bytes, else fetched
    judge    every file is read once more
    stage    /slots.json names the folder and the number: from the next start on it is tried

What is known lies on flash: the command in the notes, the head and the files in their folder. A power cut at
any moment costs the piece under way; the firmware that runs is not touched until another has proved itself.

`work` does a bounded piece of it; when it has nothing to do, `wanted` tells which bytes are missing, whoever
brings them: their digest is what they are judged by.
"""

from firmware.update import manifest, slots
from firmware.update.keys import HEAD, KEY
from firmware.update.tree import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.store.notes import Notes

NOTE = "update"  # {"id": of the command, "release": digest of the head in hex, "bytes": of the head}
SLOTS = "slots.json"
_MOST_DAMAGED = 3
_REMOVE_AT_ONCE = 4
_ENOSPC = 28
RESERVE_BYTES = 65536  # for folders, and for the records of the meantime


class _Refused(Exception):
    """This update cannot be; the text goes to whoever asked."""


class Update:
    """What the notes ask for. `path_of` gives a place on the flash by its name; `board`, `mpy`: what runs."""

    def __init__(self, notes: "Notes", path_of: "Callable[[str], str]", board: str, mpy: int) -> None:
        asked: "dict[str, Any]" = notes.get(NOTE)
        self.id = str(asked["id"])
        self.answer: "tuple[str, str] | None" = None  # ("done" or "refused", why), once it is over
        self.is_staged = False
        self._release: bytes = bytes.fromhex(asked["release"])
        self._head_bytes = int(asked["bytes"])
        self._path_of = path_of
        self._root = Tree(path_of(SLOTS)[: -len(SLOTS) - 1])
        self._board = board
        self._mpy = mpy
        self._head = bytearray()  # in one piece: it would not fit in twice
        self._head_there = 0
        self._is_good = False  # whether the head is
        self._version, self._number, self._room = "", 0, 0
        self._at = self._first = 0  # where the file in hand stands in the head on flash
        self._path, self._size, self._digest = "", 0, b""
        self._there = 0  # bytes of that file on flash
        self._held = b""  # and those that are not yet
        self._damaged = 0
        self._refusal = ""
        self._next: "Callable[[], None] | None" = self._begin

    def give_up(self, why: str) -> None:
        """Somebody else knows that it cannot be."""
        if self.answer is None:
            self._refuse(why)

    def work(self) -> bool:
        """Do a piece of what needs nobody else; False when there is none."""
        if self._next is None:
            return False
        try:
            self._next()
        except (_Refused, manifest.ManifestError) as error:
            self._refuse(str(error))
        except OSError as error:
            self._refuse(self._no_room() if error.errno == _ENOSPC else "flash: %s" % error)
        return True

    def wanted(self) -> "tuple[bytes, int] | None":
        """(digest, offset) of the bytes that are missing next; None while there is work, and at the end."""
        if self._next is not None or self.answer is not None:
            return None
        if not self._is_good:
            return self._release, self._head_there
        return self._digest, self._there + len(self._held)

    def take(self, digest: bytes, offset: int, data: bytes) -> bool:
        """Bytes of a blob; False when they are not the ones that are wanted."""
        if self.wanted() != (digest, offset) or not 0 < len(data) <= manifest.PART_BYTES:
            return False
        if not self._is_good:
            if offset + len(data) > self._head_bytes:
                return False
            if not offset:
                self._head = bytearray(self._head_bytes)
            self._head[offset : offset + len(data)] = data
            self._head_there += len(data)
            if self._head_there == self._head_bytes:
                self._next = self._judge_head
            return True
        if offset + len(data) > self._size:
            return False
        self._held += data
        self._go_on()
        return True

    # --- the head ---------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._next = None
        if self._root.size(SLOTS) is None:
            raise _Refused("this node has one folder of firmware only")
        state = slots.load(self._path_of(SLOTS))
        slot = slots.running(state)
        self._floor = int(state["number"])
        self._slot = "b" if slot == "a" else "a"
        self._running, self._target = Tree(self._path_of(slot)), Tree(self._path_of(self._slot))
        if self._is_head_in(self._running):
            found = manifest.parsed(self._running.read(HEAD, 0, self._head_bytes))
            self._version, self._number = found.version, found.number
            self._done("runs already" if not state["trial"] else "on trial already")
        elif state["trial"]:
            raise _Refused("another firmware is on trial")
        else:
            is_there = self._is_head_in(self._target)
            if is_there:
                self._head = bytearray(self._target.read(HEAD, 0, self._head_bytes))
            self._next = self._judge_head if is_there else None

    def _is_head_in(self, tree: Tree) -> bool:
        """Whether that folder is, or is becoming, what was asked for."""
        return tree.size(HEAD) == self._head_bytes and tree.digest(HEAD) == self._release

    def _judge_head(self) -> None:
        if manifest.digest_of(self._head) != self._release:
            self._head, self._head_there = bytearray(), 0
            self._next = None
            self._count_damaged("the head is not what was asked for")
            return
        found = manifest.verified(self._head, self._keys())
        if found.number <= self._floor:
            raise _Refused("number %d, there was %d already" % (found.number, self._floor))
        if self._board not in found.boards:
            raise _Refused("for %s, this is %s" % (" ".join(found.boards), self._board))
        if found.mpy != self._mpy:
            raise _Refused("of bytecode %d, this board reads %d" % (found.mpy, self._mpy))
        self._version, self._number = found.version, found.number
        self._room = found.block_bytes + RESERVE_BYTES
        self._at = self._first = found.first
        self._is_good = True
        self._next = self._look if self._is_head_in(self._target) else self._clear

    def _keys(self) -> bytes:
        if self._root.size(KEY) is None:
            raise _Refused("no update.key on this node")
        return self._root.read(KEY, 0, 512)

    # --- its folder -------------------------------------------------------------------------------------

    def _clear(self) -> None:
        if not self._target.remove_some(_REMOVE_AT_ONCE):
            if self._room > self._root.free_bytes():
                raise _Refused(self._no_room())
            self._target.append(HEAD, self._head)
            self._next = self._look

    def _no_room(self) -> str:
        return "no room: %d kB needed, %d kB free" % (self._room >> 10, self._root.free_bytes() >> 10)

    # --- its files --------------------------------------------------------------------------------------

    def _is_file(self) -> bool:
        """Take the next file in hand; False at the end."""
        data = self._target.read(HEAD, self._at, manifest.MAX_ENTRY_BYTES)
        if data[:1] == b"]":
            return False
        self._path, self._size, self._digest, self._end = manifest.entry(data, data[:1] == b",")
        return True

    def _is_whole(self, tree: Tree) -> bool:
        return tree.size(self._path) == self._size and tree.digest(self._path) == self._digest

    def _look(self) -> None:
        """What of the file in hand is on flash, and where the rest comes from."""
        self._head, self._held = bytearray(), b""
        if not self._is_file():
            self._at, self._next = self._first, self._judge
            return
        self._there = self._target.size(self._path) or 0
        if self._is_whole(self._target):
            self._at += self._end
        elif self._there >= self._size or self._there % manifest.PART_BYTES:
            self._drop()
        else:
            self._next = self._copy if self._is_whole(self._running) else None

    def _copy(self) -> None:
        self._held = self._running.read(self._path, self._there, manifest.PART_BYTES)
        self._lay()
        self._next = self._next or self._copy

    def _lay(self) -> None:
        """Bring a piece of what is held to flash: what is there is always a number of whole ones."""
        piece, self._held = self._held[: manifest.PART_BYTES], self._held[manifest.PART_BYTES :]
        self._target.append(self._path, piece)
        self._there += len(piece)
        self._go_on()

    def _go_on(self) -> None:
        """After more of a file has come."""
        held = len(self._held)
        if self._there == self._size:
            self._next = self._look
        elif held >= manifest.PART_BYTES or self._there + held == self._size:
            self._next = self._lay
        else:
            self._next = None

    def _drop(self) -> None:
        self._target.remove(self._path)
        self._count_damaged(self._path + " is not what the manifest says")

    def _count_damaged(self, refusal: str) -> None:
        self._damaged += 1
        if self._damaged > _MOST_DAMAGED:
            raise _Refused(refusal)

    # --- the end ----------------------------------------------------------------------------------------

    def _judge(self) -> None:
        """All of it once more, as it will be run."""
        if not self._is_file():
            if not self._is_head_in(self._target):
                raise _Refused("its head is damaged on flash")
            slots.stage(self._slot, self._path_of(SLOTS), self._number)
            self.is_staged = True
            self._done("at the next start")
        elif self._is_whole(self._target):
            self._at += self._end
        else:
            self._next = self._look

    def _done(self, when: str) -> None:
        self._next = None
        self.answer = "done", "%s, number %d, %s" % (self._version, self._number, when)

    def _refuse(self, why: str) -> None:
        self._refusal = why
        self._next = self._sweep
        if not self._is_good:
            self._next, self.answer = None, ("refused", why)

    def _sweep(self) -> None:
        """Nothing of it stays."""
        try:
            is_more = self._target.remove_some(_REMOVE_AT_ONCE)
        except OSError as error:
            self._refusal, is_more = "%s; %s" % (self._refusal, error), False
        if not is_more:
            self._next, self.answer = None, ("refused", self._refusal)
