"""The keys whose owners may sign updates, and how they change without a visit.

    /update.key    one to four public keys, 65 bytes each (p256.py): a release is taken from the owner of any

A release may name the keys that count from then on, all of them (manifest.py): to add one it names those that
are and the new one, to retire one the others. They count once that release has reached somebody, and not when
it was taken back; in a new file that takes the old one's name, before the release counts itself: cut off
between the two, its next start does both. Nothing here can end without a key.

A node that has missed the release which named a key does not know it: that one is to be offered first.
"""

import binascii
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

KEY, HEAD = "update.key", "head"
_START_BYTES = 2048  # of a head: what stands before its files
_BEGIN, _END, _BETWEEN = b'"],"keys":["', b'"],"files":[', b'","'


def named(start: bytes) -> bytes:
    """The keys that a head names, one behind the other; none when it names none. It was judged before."""
    begin = start.find(_BEGIN)
    if begin < 0:
        return b""
    digits = start[begin + len(_BEGIN) : start.find(_END, begin)]
    return binascii.unhexlify(digits.replace(_BETWEEN, b""))


def follow(path_of: "Callable[[str], str]", slot: str) -> None:
    """Have those count that the release in this folder names."""
    try:
        with open(path_of(slot) + "/" + HEAD, "rb") as file:
            keys = named(file.read(_START_BYTES))
    except OSError:  # laid there by cable
        return
    if keys:
        with open(path_of(KEY) + ".new", "wb") as file:
            file.write(keys)
        os.rename(path_of(KEY) + ".new", path_of(KEY))
