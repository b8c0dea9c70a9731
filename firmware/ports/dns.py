"""Names to addresses, as two datagrams (RFC 1035): MicroPython's own way waits, longer than a watchdog may.

A name that nobody answers for keeps socket.getaddrinfo waiting for 7 s with each server (lwIP: four tries, a
second to three apart), and nothing else runs meanwhile. Here nothing waits: the port sends and listens.

    question   id | 01 00 | 1 | 0 | 0 | 0 | name | 00 01 | 00 01
    answer     id | 8x xx | 1 | n | ...   | name | 00 01 | 00 01 | n records
    record     name | type | class | life, 4 bytes | length | data
    name       length, so many letters, ..., 00; or C0 and where it stands already
"""

PORT = 53
HEADER_BYTES = 12
FLAGS_ASKED = b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"  # recursion desired, one question
A_IN = b"\x00\x01\x00\x01"
LONGEST_LABEL = 63


def is_address(host: str) -> bool:
    """Whether it is an IPv4 address already."""
    parts = host.split(".")
    return len(parts) == 4 and all([part.isdigit() and int(part) < 256 for part in parts])


def question(host: str, number: bytes) -> bytes:
    """Asks for the address of a name; `number` are two bytes of chance. ValueError for what is no name."""
    out = number + FLAGS_ASKED
    for label in host.rstrip(".").split("."):
        letters = label.encode()
        if not 1 <= len(letters) <= LONGEST_LABEL:
            raise ValueError("no name of a machine: " + host)
        out += bytes((len(letters),)) + letters
    return out + b"\x00" + A_IN


def address(answer: bytes, asked: bytes) -> "str | None":
    """The first address of an answer to that question; None when it is none, or has none."""
    if len(answer) < len(asked) or answer[:2] != asked[:2] or not answer[2] & 0x80 or answer[3] & 15:
        return None
    if answer[HEADER_BYTES : len(asked)].lower() != asked[HEADER_BYTES:].lower():
        return None
    at = len(asked)
    for _ in range(answer[6] << 8 | answer[7]):
        at = _after_name(answer, at)
        if at + 10 > len(answer):
            return None
        size = answer[at + 8] << 8 | answer[at + 9]
        data = answer[at + 10 : at + 10 + size]
        if answer[at : at + 4] == A_IN and len(data) == size == 4:
            return ".".join([str(part) for part in data])
        at += 10 + size
    return None


def _after_name(answer: bytes, at: int) -> int:
    """Where the name that begins there ends."""
    while at < len(answer) and answer[at]:
        if answer[at] >= 0xC0:
            return at + 2
        at += 1 + answer[at]
    return at + 1
