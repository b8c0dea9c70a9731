"""NMEA logs: bytes -> epochs, and the same epochs moved to another date.

Every byte of the log goes out again, damaged lines too, since the gate must bear them; only comment lines (#)
stay behind, which no receiver ever sent. An epoch begins with the first sentence of a new time of day.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge.replay.recording import Epoch, Recording, RecordingError
from edge.simulate.sentences import SINCE, checksum, framed

DAY_MS = 86_400_000
LONGEST_PAUSE_MS = 3_600_000  # beyond that, or backwards, the log's clock was set: go on after a second
STEP_MS = 1000
PIVOT_YEAR = 80
TIME_FIELDS = {"RMC": 1, "GGA": 1, "GNS": 1, "ZDA": 1, "GLL": 5, "GBS": 1, "GST": 1}


def fields_of(line: bytes) -> list[str] | None:
    """The fields of a sentence whose checksum is right, else None."""
    begin, star = line.rfind(b"$"), line.rfind(b"*")
    body, digits = line[begin + 1 : star], line[star + 1 :].strip()
    if begin < 0 or star < begin or len(digits) != 2 or not body.isascii():
        return None
    try:
        is_right = int(digits, 16) == checksum(body.decode())
    except ValueError:
        return None
    return body.decode().split(",") if is_right else None


def time_of_day_ms(fields: list[str]) -> int | None:
    """The time of day that a sentence carries, if it is one that does."""
    at = TIME_FIELDS.get(fields[0][2:])
    if at is None or at >= len(fields):
        return None
    text, _, parts = fields[at].partition(".")
    if len(text) != 6 or not text.isdigit() or not (parts or "0").isdigit():
        return None
    hour, minute, second = int(text[:2]), int(text[2:4]), int(text[4:])
    if hour > 23 or minute > 59 or second > 59:
        return None
    return ((hour * 60 + minute) * 60 + second) * 1000 + int(f"{parts:0<3.3}" or 0)


def date_of(fields: list[str]) -> datetime | None:
    """The date of an RMC that has a fix or of a ZDA."""
    try:
        if fields[0][2:] == "RMC" and fields[2] == "A":
            return _short_date(fields[9])
        if fields[0][2:] == "ZDA":
            return datetime(int(fields[4]), int(fields[3]), int(fields[2]), tzinfo=UTC)
    except (IndexError, ValueError):
        return None
    return None


def _short_date(text: str) -> datetime:
    year = int(text[4:])
    if len(text) != 6 or year < 0:
        raise ValueError(text)
    return datetime(year + (1900 if year >= PIVOT_YEAR else 2000), int(text[2:4]), int(text[:2]), tzinfo=UTC)


def _pause_ms(before_ms: int, now_ms: int) -> int:
    pause_ms = (now_ms - before_ms) % DAY_MS
    return pause_ms if pause_ms <= LONGEST_PAUSE_MS else STEP_MS


def epochs_of(lines: Iterable[bytes]) -> Iterator[Epoch]:
    """The lines as epochs, paced by the times that they carry."""
    at_ms, time_ms, payload = 0, None, bytearray()
    for line in lines:
        fields = fields_of(line)
        now_ms = None if fields is None else time_of_day_ms(fields)
        if now_ms is not None and now_ms != time_ms:
            if time_ms is not None:
                yield Epoch(at_ms, bytes(payload))
                at_ms += _pause_ms(time_ms, now_ms)
                payload.clear()
            time_ms = now_ms
        payload += line
    if payload:
        yield Epoch(at_ms, bytes(payload))


def _begins_ms(epochs: Iterable[Epoch]) -> int | None:
    """The UTC of the first epoch, told by the first one that has a date."""
    for epoch in epochs:
        for line in epoch.payload.splitlines():
            fields = fields_of(line)
            if fields is None:
                continue
            date, time_ms = date_of(fields), time_of_day_ms(fields)
            if date is not None and time_ms is not None:
                return (date - SINCE) // timedelta(milliseconds=1) + time_ms - epoch.at_ms
    return None


def read_nmea(data: bytes, path: Path) -> Recording:
    """The recording in a log's bytes; raises RecordingError."""
    lines = [line for line in data.splitlines(keepends=True) if not line.startswith(b"#")]
    epochs = tuple(epochs_of(lines))
    if not any(fields_of(line) for line in lines):
        raise RecordingError(
            f"{path}: none of its {len(data.splitlines())} lines is an NMEA sentence with a right checksum"
        )
    return Recording(epochs, _begins_ms(epochs))


def moved(payload: bytes, shift_ms: int) -> bytes:
    """The same sentences so much later; what cannot be read stays as it is."""
    return b"".join(_moved_line(line, shift_ms) for line in payload.splitlines(keepends=True))


def _moved_line(line: bytes, shift_ms: int) -> bytes:
    fields = fields_of(line)
    time_ms = None if fields is None else time_of_day_ms(fields)
    if fields is None or time_ms is None:
        return line
    fields[TIME_FIELDS[fields[0][2:]]] = _written_time((time_ms + shift_ms) % DAY_MS)
    date = _any_date(fields)
    if date is not None:
        _write_date(fields, date + timedelta(milliseconds=time_ms + shift_ms))
    return framed(",".join(fields))


def _any_date(fields: list[str]) -> datetime | None:
    """The date whether there is a fix or not."""
    return date_of([*fields[:2], "A", *fields[3:]]) if fields[0][2:] == "RMC" else date_of(fields)


def _written_time(time_ms: int) -> str:
    seconds, parts = divmod(time_ms, 1000)
    return f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}.{parts:03d}"


def _write_date(fields: list[str], moment: datetime) -> None:
    if fields[0][2:] == "RMC":
        fields[9] = f"{moment:%d%m%y}"
    else:
        fields[2:5] = [f"{moment:%d}", f"{moment:%m}", f"{moment:%Y}"]
