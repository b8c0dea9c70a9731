"""A field with tags in it for the reader node; on CPython and on MicroPython, so in the subset of both."""

try:
    from firmware import tag_reader
except ImportError:  # on a board modules have no package
    import tag_reader  # type: ignore[no-redef, import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Tag:
    """One tag of 28 blocks; `is_gone` when it was pulled away."""

    def __init__(
        self,
        data: bytes,
        afi: "int | None" = 7,
        dsfid: "int | None" = 6,
        eas: "bool | None" = None,
    ) -> None:
        self.data = data + bytes(112 - len(data))
        self.afi = afi
        self.dsfid = dsfid
        self.eas = eas
        self.is_gone = False
        self.reads = 0


class Field:
    """What the antenna reaches."""

    def __init__(self) -> None:
        self.tags: dict[bytes, Tag] = {}

    def inventory(self) -> "list[bytes]":
        return sorted(uid for uid in self.tags if not self.tags[uid].is_gone)

    def _tag(self, uid: bytes) -> Tag:
        tag = self.tags.get(uid)
        if tag is None or tag.is_gone:
            raise OSError("no tag")
        return tag

    def info(self, uid: bytes) -> "tuple[int | None, int | None, int | None, int | None]":
        tag = self._tag(uid)
        return tag.afi, tag.dsfid, 28, 4

    def eas(self, uid: bytes) -> "bool | None":
        return self._tag(uid).eas

    def read(self, uid: bytes, blocks: int) -> bytes:
        tag = self._tag(uid)
        tag.reads += 1
        return tag.data[: 4 * blocks]

    def write_afi(self, uid: bytes, afi: int) -> None:
        self._tag(uid).afi = afi


def judged(given: "list[Any]") -> "list[list[Any]]":
    """What a reader says in three rounds with these tags, and of writes to the first and to none.

    Given are the kinds of a write and of beginning afresh, whose names a board folds away, and the tags.
    """
    write, afresh, tags = given
    field = Field()
    for uid, data, afi in tags:
        field.tags[bytes.fromhex(uid)] = Tag(bytes.fromhex(data), afi)
    reader = tag_reader.TagReader(field)
    out = reader.round() + reader.round()
    first = bytes.fromhex(tags[0][0])
    out += reader.hear(write, first + b"\xc2")
    out += reader.hear(write, bytes(8) + b"\xc2")
    out += reader.hear(write, b"short") + reader.hear(99, b"")
    field.tags[first].is_gone = True
    out += reader.hear(afresh, b"") + reader.round()
    return [[kind, body.hex()] for kind, body in out]
