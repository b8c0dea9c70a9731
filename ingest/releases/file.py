"""Reads a release file: its head, signed by one of the keys that are known here, and every file's bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from firmware.update import manifest, p256

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES = manifest.MAX_HEAD_BYTES + manifest.MAX_BYTES


class ReleaseRefused(ValueError):
    """It is not to be had here, and waiting does not help; `code` is the cause."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Read(NamedTuple):
    """A release that somebody known has signed; `blobs` are its head and its files by their digests."""

    manifest: manifest.Manifest
    head: bytes
    digest: str
    blobs: dict[str, bytes]


def read(data: bytes, keys: Iterable[bytes]) -> Read:
    """What a release file holds, checked to its last byte; raises ReleaseRefused, and nothing else."""
    if len(data) > MAX_BYTES:
        raise ReleaseRefused("too_large", f"{len(data)} bytes, at most {MAX_BYTES}")
    head = _head(data)
    found = _verified(head, tuple(keys))
    digest = manifest.digest_of(head).hex()
    blobs, at = {digest: head}, len(head)
    for path, size, wanted in found.files:
        body = data[at : at + size]
        if manifest.digest_of(body) != wanted:
            raise ReleaseRefused("damaged", f"{path}: not the bytes that were signed; copy the file again")
        blobs[wanted.hex()] = body
        at += size
    if at != len(data):
        raise ReleaseRefused("damaged", f"{len(data) - at} bytes too many at the end; copy the file again")
    return Read(found, head, digest, blobs)


def load_key(data: bytes, where: str) -> bytes:
    """A public key from its file's bytes; raises ValueError that names the setting."""
    if p256.point_of(data) is None:
        raise ValueError(f"{where}: no public key; take the file that ends in .pub")
    return data


def _head(data: bytes) -> bytes:
    start = data[: manifest.MAX_HEAD_BYTES]
    end = start.find(b"\n", start.find(b"\n") + 1) + 1
    if start[:1] != b"{" or not end:
        raise ReleaseRefused("shape", "not a release; is it the file that ./dev release made?")
    return start[:end]


def _verified(head: bytes, keys: tuple[bytes, ...]) -> manifest.Manifest:
    if not keys:
        raise ReleaseRefused("no_key", "no key is known here: set [releases] key_files")
    for key in keys:
        try:
            return manifest.verified(head, key)
        except manifest.ManifestError as error:
            if error.what != "signature":
                raise ReleaseRefused("shape", str(error)) from None
    raise ReleaseRefused(
        "signature", "signed by nobody who is known here; was it changed, or is the key new?"
    )
