"""Messages of SIP2: the fixed fields of each kind as a table, the others by their two letters."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_VALUE_BYTES = 255  # of one field we send: what every system takes
DATE_CHARS = 18  # YYYYMMDDZZZZHHMMSS; four blanks are local time, three and Z are UTC

# Fixed fields in their order, with their widths. The requests are ours; the answers are the library's.
FIXED: dict[str, tuple[tuple[str, int], ...]] = {
    "99": (("status", 1), ("width", 3), ("version", 4)),
    "98": (
        ("online", 1),
        ("checkin_ok", 1),
        ("checkout_ok", 1),
        ("renewal_ok", 1),
        ("update_ok", 1),
        ("offline_ok", 1),
        ("timeout_ds", 3),
        ("retries", 3),
        ("date", DATE_CHARS),
        ("version", 4),
    ),
    "93": (("uid_algorithm", 1), ("pwd_algorithm", 1)),
    "94": (("ok", 1),),
    "11": (("renewal_policy", 1), ("no_block", 1), ("date", DATE_CHARS), ("no_block_due", DATE_CHARS)),
    "12": (("ok", 1), ("renewal_ok", 1), ("magnetic", 1), ("desensitize", 1), ("date", DATE_CHARS)),
    "09": (("no_block", 1), ("date", DATE_CHARS), ("return_date", DATE_CHARS)),
    "10": (("ok", 1), ("resensitize", 1), ("magnetic", 1), ("alert", 1), ("date", DATE_CHARS)),
    "29": (("third_party", 1), ("no_block", 1), ("date", DATE_CHARS), ("no_block_due", DATE_CHARS)),
    "30": (("ok", 1), ("renewal_ok", 1), ("magnetic", 1), ("desensitize", 1), ("date", DATE_CHARS)),
    "17": (("date", DATE_CHARS),),
    "18": (("circulation", 2), ("security", 2), ("fee_type", 2), ("date", DATE_CHARS)),
    "63": (("language", 3), ("date", DATE_CHARS), ("summary", 10)),
    "64": (
        ("status", 14),
        ("language", 3),
        ("date", DATE_CHARS),
        ("holds", 4),
        ("overdue", 4),
        ("charged", 4),
        ("fines", 4),
        ("recalls", 4),
        ("unavailable", 4),
    ),
    "96": (),
    "97": (),
}
ANSWER_TO = {"99": "98", "93": "94", "11": "12", "09": "10", "29": "30", "17": "18", "63": "64"}


class MessageError(ValueError):
    """A message that is not what it should be; the text names the message and the place."""


class Setting(NamedTuple):
    """A field of two letters and its value, in the order sent."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its code, fixed fields by name, and the others as they stand."""

    code: str
    fixed: dict[str, str] = field(default_factory=dict)
    settings: tuple[Setting, ...] = ()

    def first(self, name: str) -> str | None:
        """The first field of these letters, None when there is none or an empty one."""
        return next((one.value for one in self.settings if one.name == name and one.value), None)

    def all(self, name: str) -> list[str]:
        """All fields of these letters that say something."""
        return [one.value for one in self.settings if one.name == name and one.value]

    def __repr__(self) -> str:
        """Without values: they hold passwords and the names of readers."""
        return f"Message({self.code}, {' '.join(one.name for one in self.settings)})"


def written(message: Message) -> str:
    """A message as text without its trailer; raises MessageError for what no field can hold."""
    parts = [message.code]
    for name, width in FIXED[message.code]:
        value = message.fixed[name]
        if len(value) != width or not value.isascii():
            raise MessageError(f"{message.code}.{name}: {len(value)} characters instead of {width}")
        parts.append(value)
    for name, value in message.settings:
        if len(value.encode()) > MAX_VALUE_BYTES:
            raise MessageError(f"{message.code}.{name}: more than {MAX_VALUE_BYTES} bytes")
        if "|" in value or not value.isprintable():
            raise MessageError(f"{message.code}.{name}: has a bar or a character that cannot be seen")
        parts.append(f"{name}{value}|")
    return "".join(parts)


def read(text: str) -> Message:
    """A message from its text; raises MessageError. Fields that nobody asked for are kept."""
    code = text[:2]
    if code not in FIXED:
        raise MessageError(f"{code!r} is no message that this program knows")
    fixed = {}
    at = 2
    for name, width in FIXED[code]:
        fixed[name] = text[at : at + width]
        if len(fixed[name]) != width:
            raise MessageError(f"{code}.{name}: the message ends after {len(text)} characters")
        at += width
    return Message(code, fixed, tuple(_settings(code, text[at:])))


def _settings(code: str, text: str) -> Iterable[Setting]:
    for part in text.rstrip().split("|"):
        if not part:
            continue
        name = part[:2]
        if len(name) < 2 or not name.isascii() or not name.isalnum():
            raise MessageError(f"{code}: a field without its two letters")
        yield Setting(name, part[2:])


def date(time_ms: int) -> str:
    """An instant as SIP2 writes it in UTC: 20261121   Z080000."""
    moment = datetime.datetime.fromtimestamp(time_ms / 1000, datetime.UTC)
    return f"{moment:%Y%m%d}   Z{moment:%H%M%S}"


def parse_date_ms(text: str, zone_ms: int) -> int | None:
    """Milliseconds since 1970 of a SIP2 date; four blanks mean the library's own zone. None when it is none.

    Due dates (AH) are free text: this form is what most libraries write, others are left alone.
    """
    if len(text) != DATE_CHARS:
        return None
    try:
        moment = datetime.datetime.strptime(text[:8] + text[12:], "%Y%m%d%H%M%S")  # noqa: DTZ007 - below
    except ValueError:
        return None
    utc_ms = round(moment.replace(tzinfo=datetime.UTC).timestamp() * 1000)
    return utc_ms if text[8:12] == "   Z" else utc_ms - zone_ms
