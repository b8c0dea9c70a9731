"""What a release holds, and who says so: the head of a release, checked.

    {"v":1,"name":"ortoo-node","version":"0.2.0","number":12,"mpy":6,"boards":["esp32-s3","host"],
     "keys":["<65 bytes, 130 hex digits>",...],      where they change: those that count then (keys.py)
     "files":[["firmware/app.mpy",7366,"<SHA-256, 64 hex digits>"],...]}      on one line, then "\\n"
    <signature: r | s of ECDSA on P-256 over SHA-256 of that line's bytes, 128 hex digits>      then "\\n"

A release file is its head and then the files' bytes in the manifest's order, which is that of their paths.
`number` only ever rises, so that an old release with a known hole cannot be brought back.

The signature is judged before anything is read: nothing that a stranger wrote is. And the JSON is read as the
one text it is, letter by letter: the interpreters forgive different mistakes in JSON, and a board has no room
for a tree of it. Nothing is copied but what is found.
"""

import binascii
import hashlib

from firmware import late
from firmware.update.version import NAME

VERSION = 1
MAX_HEAD_BYTES = 12288
MAX_FILES = 96
MAX_FILE_BYTES = 65536  # hashed in one go
MAX_BYTES = 524288
_MAX_PATH = 64
_MAX_WORD = 32  # of a version, or a board's name
_MAX_BOARDS = 16
MAX_NUMBER = 2147483647
MAX_KEYS = 4
MAX_ENTRY_BYTES = _MAX_PATH + 80
BLOCK_BYTES = 4096
PART_BYTES = 1024  # of a blob on the broker, and what a node writes to flash at once
_PATH_LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789_"
_WORD_LETTERS = _PATH_LETTERS + b"ABCDEFGHIJKLMNOPQRSTUVWXYZ.+-"
_HEX_LETTERS = b"0123456789abcdef"
KEY_BYTES = 65  # as p256.py takes it
_SIGNATURE_DIGITS, _KEY_DIGITS = 128, 130
_KEYS_BEGIN = b'"],"keys":["'
_QUOTE = ord('"')


class ManifestError(ValueError):
    """What cannot be: `what` (too_large, shape, signature, key, range, order), and where."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__("%s: %s" % (where, what))
        self.what = what
        self.where = where


class Manifest:
    """A release of `count` files, in blocks of a flash `block_bytes`; the first one's entry is at `first`."""

    def __init__(
        self, head: "bytes | bytearray", version: str, number: int, mpy: int, boards: "list[str]"
    ) -> None:
        self._head = head
        self.version = version
        self.number = number
        self.mpy = mpy
        self.boards = boards
        self.keys: "list[bytes]" = []
        self.first = self.count = self.block_bytes = 0

    @property
    def files(self) -> "list[tuple[str, int, bytes]]":
        """(path, bytes, digest) of all, in the order in which their bytes follow the head."""
        found, at = [], self.first
        for _ in range(self.count):
            path, size, digest, at = entry(self._head, at)
            found.append((path, size, digest))
            at += 1
        return found


def verified(head: "bytes | bytearray", keys: bytes) -> Manifest:
    """The manifest of a head that one of these keys has signed; ManifestError, and nothing else."""
    try:
        known = keys_of(keys)
        end = _end(head)
        signature = binascii.unhexlify(bytes(head[end + 1 : -1]))
        if is_signed(known, memoryview(head)[:end], signature):
            return _read(head, end)
        raise ManifestError("signature", "head")
    finally:
        late.forget("update.p256")  # it is asked once an update


def is_signed(keys: "list[bytes]", data: memoryview, signature: bytes) -> bool:
    """Whether the owner of one of these keys has signed the data."""
    from firmware.update import p256

    return any(p256.is_signed(key, data, signature) for key in keys)


def keys_of(data: bytes) -> "list[bytes]":
    """The one to four keys of a file of them; ManifestError key."""
    from firmware.update import p256

    count = len(data) // KEY_BYTES
    found = [data[at * KEY_BYTES : (at + 1) * KEY_BYTES] for at in range(count)]
    if len(data) != count * KEY_BYTES or not 1 <= count <= MAX_KEYS:
        raise ManifestError("key", "key")
    if None in [p256.point_of(key) for key in found]:
        raise ManifestError("key", "key")
    return found


def parsed(head: bytes) -> Manifest:
    """The manifest of a head, whoever wrote it; ManifestError, and nothing else."""
    return _read(head, _end(head))


def digest_of(data: "bytes | bytearray") -> bytes:
    """SHA-256, the name of a blob."""
    digest: bytes = hashlib.sha256(data).digest()
    return digest


def entry(data: "bytes | bytearray", at: int, where: str = "files") -> "tuple[str, int, bytes, int]":
    """(path, bytes, digest, where it ends: the next one is behind a comma) of a head, or of a piece of it."""
    path, at = _word(data, _after(data, at, b'["', where), _MAX_PATH, _PATH_LETTERS + b"/.", where)
    size, at = _number(data, _after(data, at, b'",', where), MAX_FILE_BYTES, where)
    digits, at = _word(data, _after(data, at, b',"', where), 64, _HEX_LETTERS, where)
    if len(digits) != 64:
        raise ManifestError("shape", where)
    return str(path, "utf-8"), size, binascii.unhexlify(digits), _after(data, at, b'"]', where)


def is_path(path: str) -> bool:
    """Whether it names a module within a folder, and nothing outside of it."""
    if path[-4:] != ".mpy":
        return False
    for part in path[:-4].split("/"):
        if not part or "." in part:
            return False
    return True


# --- reading --------------------------------------------------------------------------------------------


def _end(head: "bytes | bytearray") -> int:
    """Where the manifest ends and its signature begins."""
    if len(head) > MAX_HEAD_BYTES:
        raise ManifestError("too_large", "head")
    end = len(head) - _SIGNATURE_DIGITS - 2
    if end < 1 or head.find(b"\n") != end or head[-1:] != b"\n":
        raise ManifestError("shape", "head")
    for letter in memoryview(head)[end + 1 : -1]:
        if letter not in _HEX_LETTERS:
            raise ManifestError("shape", "head")
    return end


def _read(head: "bytes | bytearray", end: int) -> Manifest:
    at = _after(head, 0, b'{"v":%d,"name":"%s","version":"' % (VERSION, NAME.encode()), "manifest")
    version, at = _word(head, at, _MAX_WORD, _WORD_LETTERS, "version")
    number, at = _number(head, _after(head, at, b'","number":', "version"), MAX_NUMBER, "number")
    mpy, at = _number(head, _after(head, at, b',"mpy":', "number"), 255, "mpy")
    boards = []
    at = _after(head, at, b',"boards":["', "boards")
    while True:
        board, at = _word(head, at, _MAX_WORD, _WORD_LETTERS, "boards")
        boards.append(str(board, "utf-8"))
        if head[at : at + 3] != b'","':
            break
        if len(boards) == _MAX_BOARDS:
            raise ManifestError("too_large", "boards")
        at += 3
    made = Manifest(head, str(version, "utf-8"), number, mpy, boards)
    if head[at : at + len(_KEYS_BEGIN)] == _KEYS_BEGIN:
        made.keys, at = _keys(head, at + len(_KEYS_BEGIN))
    made.first = _after(head, at, b'"],"files":[', "boards")
    _walk(head, end, made)
    return made


def _keys(head: "bytes | bytearray", at: int) -> "tuple[list[bytes], int]":
    found = b""
    while True:
        digits, at = _word(head, at, _KEY_DIGITS, _HEX_LETTERS, "keys")
        if len(digits) != _KEY_DIGITS:
            raise ManifestError("shape", "keys")
        found += binascii.unhexlify(digits)
        if head[at : at + 3] != b'","':
            return keys_of(found), at
        at += 3


def _walk(head: "bytes | bytearray", end: int, made: Manifest) -> None:
    at, last, total_bytes = made.first, "", 0
    while not made.count or head[at : at + 1] == b",":
        if made.count == MAX_FILES:
            raise ManifestError("too_large", "files")
        where = "files[%d]" % made.count
        path, size, _, at = entry(head, at + bool(made.count), where)
        if not is_path(path) or path <= last:
            raise ManifestError("range" if path > last else "order", where)
        made.count, total_bytes, last = made.count + 1, total_bytes + size, path
        made.block_bytes += -(-size // BLOCK_BYTES) * BLOCK_BYTES
    if _after(head, at, b"]}", "files") != end:
        raise ManifestError("shape", "manifest")
    if total_bytes > MAX_BYTES:
        raise ManifestError("too_large", "files")


def _after(data: "bytes | bytearray", at: int, text: bytes, where: str) -> int:
    """Behind a text that must stand there."""
    if data[at : at + len(text)] != text:
        raise ManifestError("shape", where)
    return at + len(text)


def _word(data: "bytes | bytearray", at: int, most: int, letters: bytes, where: str) -> "tuple[bytes, int]":
    """(the letters before the next quote, where that stands)."""
    begin = at
    while at < len(data) and data[at] != _QUOTE:
        if data[at] not in letters:
            raise ManifestError("range", where)
        at += 1
        if at - begin > most:
            raise ManifestError("too_large", where)
    if at == begin:
        raise ManifestError("shape", where)
    return bytes(data[begin:at]), at


def _number(data: "bytes | bytearray", at: int, most: int, where: str) -> "tuple[int, int]":
    """(a number from 1 on, as it is written, where it ends)."""
    begin, value = at, 0
    while at < len(data) and 48 <= data[at] <= 57 and at - begin < 10:
        value = 10 * value + data[at] - 48
        at += 1
    if at == begin or data[begin] == 48:
        raise ManifestError("shape", where)
    if value > most:
        raise ManifestError("range", where)
    return value, at
