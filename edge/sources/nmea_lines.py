"""Framing: bytes of a serial line in any pieces -> NMEA sentences whose checksum holds. Pure.

    $GNRMC,081434.590,A,5212.978993,N,...*46\\r\\n
    |      body: printable ASCII           |checksum: the XOR of the body, two hex digits

A `$` always begins a sentence, whatever came before, so a torn or glued line costs itself and nothing else.
A sentence ends with its checksum, so the last one of a burst need not wait for a line end. What is not within
a sentence (line ends, binary protocols, noise) is skipped and counted in bytes.
"""

from __future__ import annotations

from collections import Counter

MAX_SENTENCE_BYTES = 120  # NMEA says 82; receivers with long coordinates stretch it


def checksum(body: bytes) -> int:
    """The XOR of all bytes."""
    folded = int.from_bytes(body, "big")
    for bits in (512, 256, 128, 64, 32, 16, 8):  # the upper half onto the lower: seven steps, no loop
        folded ^= folded >> bits
    return folded & 0xFF


class Lines:
    """Collects bytes and gives whole sentences, from `$` to the checksum. `refused` counts by cause."""

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()
        self.skipped_bytes = 0
        self._open: bytes | None = None  # what follows a `$` and is not yet judged

    def feed(self, data: bytes) -> list[str]:
        """The sentences that these bytes complete, without `$` and checksum; in order."""
        first, *others = data.split(b"$")
        sentences: list[str] = []
        self._grow(first, sentences)
        for piece in others:
            if self._open is not None:
                self.refused["torn"] += 1
            self._open = b""
            self._grow(piece, sentences)
        return sentences

    def _grow(self, piece: bytes, sentences: list[str]) -> None:
        if self._open is None:
            self.skipped_bytes += len(piece)
            return
        self._open += piece
        body, star, rest = self._open.partition(b"*")
        if len(body) > MAX_SENTENCE_BYTES - 4:  # "$" and "*hh"
            self._close("too_long")
        elif not body.isascii() or (body and not body.decode().isprintable()):
            self._close("no_checksum" if b"\n" in body or b"\r" in body else "not_ascii")
        elif star and len(rest) >= 2:
            self._judge(body, rest[:2], sentences)
            self.skipped_bytes += len(rest) - 2

    def _judge(self, body: bytes, digits: bytes, sentences: list[str]) -> None:
        try:
            is_right = int(digits, 16) == checksum(body) and digits.isalnum()
        except ValueError:
            is_right = False
        if is_right:
            self._open = None
            sentences.append(body.decode())
        else:
            self._close("checksum")

    def _close(self, cause: str) -> None:
        self.refused[cause] += 1
        self._open = None
