"""The reader node: what it and its Pi say about tags, and how it reads. Pure, on both interpreters.

    TAG      node -> Pi   uid 8 | flags | AFI | DSFID | block bytes | data of all blocks, or none
    WRITTEN  node -> Pi   uid 8 | state | AFI as it was read back
    WRITE    Pi -> node   uid 8 | AFI
    AFRESH   Pi -> node   nothing: the data of all tags is wanted again

The bodies of frames of `frame.py`. Flags tell which of AFI, DSFID and EAS are known, and whether EAS is on.
The UID stands as it is printed, E0 first. A tag's blocks are read at its first sighting and when the Pi
asks for them; after that its identity is enough. Nothing here can lock a block: there is no frame for it.

`field` is the antenna: `inventory()` gives UIDs, `info(uid)` gives (AFI, DSFID, blocks, block bytes), each
None where the tag does not say, `eas(uid)` True, False or None, `read(uid, blocks)` bytes, `write_afi(uid,
afi)` nothing. Each may raise OSError when the tag is gone.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Field(Protocol):
        def inventory(self) -> "list[bytes]": ...
        def info(self, uid: bytes) -> "tuple[int | None, int | None, int | None, int | None]": ...
        def eas(self, uid: bytes) -> "bool | None": ...
        def read(self, uid: bytes, blocks: int) -> bytes: ...
        def write_afi(self, uid: bytes, afi: int) -> None: ...


TAG, WRITTEN = 16, 17  # types of frame
WRITE, AFRESH = 32, 33

UID_BYTES = 8
MAX_DATA_BYTES = 228
_DEFAULT_BLOCKS, _DEFAULT_BLOCK_BYTES = 28, 4  # of the usual library tag, where it does not say
_MAX_KNOWN = 500
_READ_A_ROUND = 8  # tags whose data is read in one round: each takes 50 ms, and nothing else happens
_HAS_AFI, _HAS_DSFID, _HAS_EAS, _EAS_ON = 1, 2, 4, 8
READ_BACK, GONE, DIFFERENT = 0, 1, 2  # states of WRITTEN


class Seen:
    """A tag as a frame tells it; None where the tag did not say."""

    def __init__(
        self,
        uid: bytes,
        afi: "int | None" = None,
        dsfid: "int | None" = None,
        is_eas_on: "bool | None" = None,
        block_bytes: int = 0,
        data: bytes = b"",
    ) -> None:
        self.uid = uid
        self.afi = afi
        self.dsfid = dsfid
        self.is_eas_on = is_eas_on
        self.block_bytes = block_bytes
        self.data = data


def tag_body(seen: Seen) -> bytes:
    """The body of a TAG; ValueError when it is too long."""
    if len(seen.uid) != UID_BYTES or len(seen.data) > MAX_DATA_BYTES:
        raise ValueError("a UID of %d bytes, data of %d" % (len(seen.uid), len(seen.data)))
    flags = 0 if seen.afi is None else _HAS_AFI
    flags |= 0 if seen.dsfid is None else _HAS_DSFID
    flags |= 0 if seen.is_eas_on is None else _HAS_EAS | (_EAS_ON if seen.is_eas_on else 0)
    head = bytes([flags, seen.afi or 0, seen.dsfid or 0, seen.block_bytes])
    return seen.uid + head + seen.data


def seen_of(body: bytes) -> "Seen | None":
    """The tag of a TAG's body; None when it is none."""
    if len(body) < UID_BYTES + 4:
        return None
    flags = body[8]
    return Seen(
        body[:8],
        body[9] if flags & _HAS_AFI else None,
        body[10] if flags & _HAS_DSFID else None,
        bool(flags & _EAS_ON) if flags & _HAS_EAS else None,
        body[11],
        body[12:],
    )


class TagReader:
    """Reads the field in rounds and does what the Pi asks; gives (type of frame, body)."""

    def __init__(self, field: "Field") -> None:
        self._field = field
        self._known: "dict[bytes, int]" = {}  # uid -> round of its last sighting
        self._round = 0

    def round(self) -> "list[tuple[int, bytes]]":
        """One look at all that lies there."""
        self._round += 1
        out, left = [], _READ_A_ROUND
        for uid in self._field.inventory():
            if uid not in self._known:
                left -= 1
                if left < 0:
                    continue  # in the next round
            try:
                out.append((TAG, tag_body(self._seen(uid))))
            except OSError:  # pulled away while it was read: it was not seen
                self._known.pop(uid, None)
        return out

    def _seen(self, uid: bytes) -> Seen:
        afi, dsfid, blocks, block_bytes = self._field.info(uid)
        size = block_bytes or _DEFAULT_BLOCK_BYTES
        count = min(blocks or _DEFAULT_BLOCKS, MAX_DATA_BYTES // size)
        data = b"" if uid in self._known else self._field.read(uid, count)
        if uid not in self._known and len(self._known) >= _MAX_KNOWN:
            oldest = min(self._known, key=lambda known: self._known[known])
            self._known.pop(oldest)
        self._known[uid] = self._round
        return Seen(uid, afi, dsfid, self._field.eas(uid), size, data)

    def hear(self, kind: int, body: bytes) -> "list[tuple[int, bytes]]":
        """What a frame from the Pi asks for; a frame of the future is none."""
        if kind == AFRESH:
            self._known = {}
        elif kind == WRITE and len(body) == UID_BYTES + 1:
            return [(WRITTEN, self._write(body[:8], body[8]))]
        return []

    def _write(self, uid: bytes, afi: int) -> bytes:
        """Write an AFI and believe nothing but what the tag then says."""
        try:
            self._field.write_afi(uid, afi)
            now = self._field.info(uid)[0]
        except OSError:
            return uid + bytes([GONE, 0])
        if now is None:
            return uid + bytes([GONE, 0])
        return uid + bytes([READ_BACK if now == afi else DIFFERENT, now])
