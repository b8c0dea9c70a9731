"""What an answer of InfluxDB means to whoever waits for it: logic only.

    2xx                          kept
    400, 422 said by InfluxDB    some points are bad, the others of the post are kept: never the same again
    413                          too much at once: half of it
    401, 403, 404, and what      a setting is wrong here or there: nothing is dropped, a person has to help
      names a missing database
    anything else, or no answer  later: 429 and 503 may say when

A 400 without InfluxDB's own words comes from something between us, and says nothing about a point.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_WAIT_S = 60.0
MOST_TEXT = 300

_DROPPED = re.compile(r" ?dropped=(\d+)")
_MISSING = re.compile(r"(database|retention policy|bucket|organization)\b.*\bnot found", re.IGNORECASE)
_HELP = {
    401: "its token or password is not accepted: check influx.token_file, or username and password_file",
    403: "it does not allow us to: give the token or user the right to write and read this database",
    404: "it does not know the database or bucket: check influx.url, org and database, then run"
    " `ortoo-ingest influx init`",
}


class Meaning(Enum):
    KEPT = "kept"
    BAD = "bad"
    TOO_MUCH = "too much"
    MISSET = "misset"
    LATER = "later"


class Answer(NamedTuple):
    """A status (0: none came), what was said, and the headers by their names in lower case."""

    status: int
    text: str
    headers: Mapping[str, str] = {}


class Verdict(NamedTuple):
    """`dropped` is how many points InfluxDB counted as bad, `wait_s` how long it asks us to wait."""

    meaning: Meaning
    reason: str = ""
    dropped: int = 0
    wait_s: float = 0.0


def judged(answer: Answer) -> Verdict:
    """What an answer means."""
    status, text, _ = answer
    if 200 <= status < 300:
        return Verdict(Meaning.KEPT)
    said = _said(text)
    reason = f"InfluxDB answers {status}: {said or text[:MOST_TEXT]}" if status else text
    if status == 413:
        return Verdict(Meaning.TOO_MUCH, reason)
    if said is not None and _MISSING.search(said):
        return Verdict(Meaning.MISSET, f"{reason}; {_HELP[404]}")
    if status in _HELP:
        return Verdict(Meaning.MISSET, f"{reason}; {_HELP[status]}")
    if status in {400, 422} and said is not None:
        found = _DROPPED.search(said)
        return Verdict(Meaning.BAD, _DROPPED.sub("", said), int(found[1]) if found else 0)
    return Verdict(Meaning.LATER, reason, wait_s=_wait_s(answer))


def _said(text: str) -> str | None:
    """InfluxDB's own words, None when it is not it that answers."""
    try:
        table = json.loads(text)
    except ValueError:
        return None
    if not isinstance(table, dict):
        return None
    said = [table[name] for name in ("error", "message") if isinstance(table.get(name), str)]
    lines = table.get("data")  # of version 3: line by line
    if isinstance(lines, list):
        said += [str(line.get("error_message")) for line in lines[:3] if isinstance(line, dict)]
    return ": ".join(said)[:MOST_TEXT] if said else None


def _wait_s(answer: Answer) -> float:
    try:
        asked_s = float(answer.headers.get("retry-after", "0"))
    except ValueError:  # a date
        return 0.0
    return min(max(asked_s, 0.0), MOST_WAIT_S)
