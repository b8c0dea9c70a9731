"""What a release holds, and who says so: the head of a release, checked.

    {"v":1,"name":"ortoo-node","version":"0.2.0","number":12,"mpy":6,"boards":["esp32-s3","host"],
     "files":[["firmware/app.mpy",7366,"<SHA-256, 64 hex digits>"],...]}      on one line, then "\\n"
    <signature: r | s of ECDSA on P-256 over SHA-256 of that line's bytes, 128 hex digits>      then "\\n"

A release file is its head and then the files' bytes in the manifest's order. The signature is judged before
the JSON is looked at: nothing that a stranger wrote is parsed. And it is that text to the letter, since the
interpreters forgive different mistakes in JSON. `number` only ever rises, so that an old release with a known
hole cannot be brought back.
"""

import binascii
import hashlib
import json

from firmware import p256
from firmware.version import NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 1
MAX_HEAD_BYTES = 8192
MAX_FILES = 96
MAX_FILE_BYTES = 65536  # hashed in one go
MAX_BYTES = 524288
MAX_PATH = 64
MAX_VERSION = 32
MAX_NUMBER = 2147483647
PART_BYTES = 1024  # of a blob on the broker, and what a node writes to flash at once
_PATH_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_"
_WORD_LETTERS = _PATH_LETTERS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ.+-"
_SIGNATURE_DIGITS = 2 * p256.SIGNATURE_BYTES
_KEYS = ("v", "name", "version", "number", "mpy", "boards", "files")
_BEGIN = '{"v":%d,"name":"%s","version":"%s","number":%d,"mpy":%d,"boards":["%s"],"files":['
_FILE = '["%s",%d,"%s"]'


class ManifestError(ValueError):
    """What cannot be: `what` (too_large, shape, signature, key, range, digits), and where."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__("%s: %s" % (where, what))
        self.what = what
        self.where = where


class Manifest:
    """A release: `files` are (path, bytes, digest), in the order in which their bytes follow the head."""

    def __init__(
        self,
        version: str,
        number: int,
        mpy: int,
        boards: "list[str]",
        files: "list[tuple[str, int, bytes]]",
    ) -> None:
        self.version = version
        self.number = number
        self.mpy = mpy
        self.boards = boards
        self.files = files


def verified(head: bytes, key: bytes) -> Manifest:
    """The manifest of a head that the key's owner has signed; ManifestError, and nothing else."""
    if p256.point_of(key) is None:
        raise ManifestError("key", "key")
    text, signature = _cut(head)
    if not p256.is_signed(key, text, signature):
        raise ManifestError("signature", "head")
    return _checked(text)


def parsed(head: bytes) -> Manifest:
    """The manifest of a head, whoever wrote it; ManifestError, and nothing else."""
    text, _ = _cut(head)
    return _checked(text)


def digest_of(data: bytes) -> bytes:
    """SHA-256, the name of a blob."""
    digest: bytes = hashlib.sha256(data).digest()
    return digest


def _cut(head: bytes) -> "tuple[bytes, bytes]":
    """(the manifest's bytes, the signature)."""
    if len(head) > MAX_HEAD_BYTES:
        raise ManifestError("too_large", "head")
    end = len(head) - _SIGNATURE_DIGITS - 2
    if end < 1 or head.find(b"\n") != end or head[-1:] != b"\n":
        raise ManifestError("shape", "head")
    return bytes(head[:end]), _unhex(_str(head[end + 1 : -1], "head"), p256.SIGNATURE_BYTES, "head")


def _str(data: bytes, where: str) -> str:
    try:
        return str(data, "utf-8")
    except ValueError:
        raise ManifestError("shape", where)


def _checked(text: bytes) -> Manifest:
    try:
        found = json.loads(_str(text, "manifest"))
    except (ValueError, RuntimeError, MemoryError):  # the last two: nested too deeply
        raise ManifestError("shape", "manifest")
    if not isinstance(found, dict) or sorted(found) != sorted(_KEYS):
        raise ManifestError("shape", "manifest")
    _number(found["v"], VERSION, VERSION, "v")
    if found["name"] != NAME:
        raise ManifestError("range", "name")
    _text(found["version"], MAX_VERSION, "version")
    _number(found["number"], 1, MAX_NUMBER, "number")
    _number(found["mpy"], 1, 255, "mpy")
    boards = _list(found["boards"], 16, "boards")
    for board in boards:
        _text(board, 32, "boards")
    made = Manifest(found["version"], found["number"], found["mpy"], boards, _files(found["files"]))
    if not _is_written_so(text, made):
        raise ManifestError("shape", "manifest")
    return made


def _is_written_so(text: bytes, made: Manifest) -> bool:
    """Whether these are the bytes that a manifest is written as; piece by piece, a board's heap is small."""
    at, before = 0, _BEGIN % (VERSION, NAME, made.version, made.number, made.mpy, '","'.join(made.boards))
    for path, size, digest in made.files:
        piece = (before + _FILE % (path, size, binascii.hexlify(digest).decode())).encode()
        if text[at : at + len(piece)] != piece:
            return False
        at, before = at + len(piece), ","
    return text[at:] == b"]}"


def _files(found: "Any") -> "list[tuple[str, int, bytes]]":
    files: "list[tuple[str, int, bytes]]" = []
    paths = set()
    total = 0
    for entry in _list(found, MAX_FILES, "files"):
        where = "files[%d]" % len(files)
        if len(_list(entry, 3, where)) != 3:
            raise ManifestError("shape", where)
        path, size, digest = entry
        if not is_path(path) or path in paths:
            raise ManifestError("range", where)
        _number(size, 1, MAX_FILE_BYTES, where)
        _text(digest, 64, where)
        files.append((path, size, _unhex(digest, 32, where)))
        paths.add(path)
        total += size
    if total > MAX_BYTES:
        raise ManifestError("too_large", "files")
    return files


def is_path(path: "Any") -> bool:
    """Whether it names a module within a folder, and nothing outside of it."""
    if not isinstance(path, str) or len(path) > MAX_PATH or path[-4:] != ".mpy":
        return False
    for part in path[:-4].split("/"):
        if not part or any([letter not in _PATH_LETTERS for letter in part]):
            return False
    return True


def _list(value: "Any", most: int, where: str) -> "list[Any]":
    if not isinstance(value, list) or not value:
        raise ManifestError("shape", where)
    if len(value) > most:
        raise ManifestError("too_large", where)
    return value


def _number(value: "Any", low: int, high: int, where: str) -> None:
    if type(value) is not int:  # True is one to isinstance
        raise ManifestError("shape", where)
    if not low <= value <= high:
        raise ManifestError("range", where)


def _text(value: "Any", most: int, where: str) -> None:
    """A word of plain letters."""
    if not isinstance(value, str):
        raise ManifestError("shape", where)
    if not 1 <= len(value) <= most or any([letter not in _WORD_LETTERS for letter in value]):
        raise ManifestError("range", where)


def _unhex(digits: str, size: int, where: str) -> bytes:
    """Lower case only: one value, one form."""
    if len(digits) != 2 * size or any([letter not in "0123456789abcdef" for letter in digits]):
        raise ManifestError("digits", where)
    return binascii.unhexlify(digits)
