"""What an alert says, in the reader's language: keys of texts, and the values to put in.

Numbers of the wire's scale become those that people read; a value that is not known is shown as a dash.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.alerts.rules import RULES
from ingest.stock.days import DAY_MS, ZONE, ZONE_MS, date_text, day_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.alerts.episode import Numbers
    from ingest.ledger.alert_list import Listed

LANGUAGES = ("zh", "en", "mn")
UNKNOWN = "–"
_FOLDER = Path(__file__).parent / "texts"
_PLACE = re.compile(r"\{(\w+)\}")

Value = int | float | str | None
# Of a number's name the end that goes, the one that comes, and how many of the first make one of the second.
_SCALES = (("_cc", "_c", 100), ("_mv", "_v", 1000))
_SPANS = (("_s", "_min", 60), ("_s", "_h", 3600))
_RENAMED = {"outside_s": "minutes"}
_PLACES = {"lat_e7": "place", "newest_lat_e7": "newest_place"}  # which take their longitude along
_PLAIN = ("newest_ms", "lon_e7", "newest_lon_e7")  # said otherwise
PARTS = ("title", "why", "todo")


@cache
def texts(language: str) -> Mapping[str, str]:
    """Every text of a language by its key."""
    found: dict[str, str] = json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return found


def said(language: str, key: str, values: Mapping[str, Value]) -> str:
    """A text with its values."""

    def value(place: re.Match[str]) -> str:
        found = values.get(place[1])
        return UNKNOWN if found is None else str(found)

    return _PLACE.sub(value, texts(language)[key])


def shown(numbers: Numbers) -> dict[str, Value]:
    """A rule's numbers as people read them: limit_cc 850 is also limit_c 8.5, limit_s 3600 limit_min 60."""
    found: dict[str, Value] = {}
    for name, value in numbers.items():
        if name in _PLACES:
            found[_PLACES[name]] = _place(value, numbers[name.replace("lat", "lon")])
        elif name in _PLAIN:
            continue
        elif name in _RENAMED:
            found[_RENAMED[name]] = None if value is None else int(value) // 60
        elif name.endswith("_day") and isinstance(value, int):
            found[name.removesuffix("_day") + "_on"] = date_text(value)
        else:
            found |= _scaled(name, value)
    return found


def _scaled(name: str, value: Value) -> dict[str, Value]:
    for ending, own, per in _SCALES:
        if name.endswith(ending):
            return {name.removesuffix(ending) + own: None if value is None else float(value) / per}
    if name.endswith("_s"):
        return {
            name.removesuffix(ending) + own: None if value is None else round(float(value) / per)
            for ending, own, per in _SPANS
        }
    return {name: value}


def _place(lat_e7: Value, lon_e7: Value) -> str | None:
    """A position as a phone's map takes it."""
    if lat_e7 is None or lon_e7 is None:
        return None
    return f"{float(lat_e7) / 1e7:.5f}, {float(lon_e7) / 1e7:.5f}"


def clock_face(time_ms: int) -> str:
    """An instant as people there read it, and nobody elsewhere misreads it: 2026-11-21 17:05 UTC+8."""
    minutes = (time_ms + ZONE_MS) % DAY_MS // 60_000
    return f"{date_text(day_of(time_ms))} {minutes // 60:02d}:{minutes % 60:02d} {ZONE}"


def values_of(alert: Listed, language: str | None = None) -> dict[str, Value]:
    """What the texts of an alert may name; with a language, as its readers write it."""
    item = alert.item if language is None else alert.item_names.get(language, alert.item)
    about: dict[str, Value] = {
        "unit": alert.unit_name or alert.unit,
        "site": alert.site_name or alert.site,
        "where": alert.site_name or alert.site or alert.unit_name or alert.unit,
        "source": alert.source or alert.unit_name or alert.unit,
        "item": item,
        "lot": alert.lot,
        "since": alert.since_ms if language is None else clock_face(alert.since_ms),
        "found": alert.found_ms if language is None else clock_face(alert.found_ms),
        "number": alert.number,
    }
    if RULES[alert.rule].is_call:
        newest_ms, late_min = alert.numbers.get("newest_ms"), (alert.found_ms - alert.since_ms) // 60_000
        about["newest_at"] = None if newest_ms is None else clock_face(newest_ms)
        about["late"] = f"{late_min // 60}:{late_min % 60:02d}"
    return shown(alert.numbers) | about


def keys_of(alert: Listed) -> dict[str, str]:
    """The keys of its texts; some are told in other words: a call that came late, a rest of unknown use."""
    rule = RULES[alert.rule]
    is_late = rule.is_call and alert.found_ms - alert.since_ms > rule.late_s * 1000
    keys = {part: f"{alert.rule}.{part}" + ("_late" if is_late and part != "todo" else "") for part in PARTS}
    if alert.rule == "low_stock" and alert.numbers.get("days") is None:
        keys["why"] += "_unknown_use"
    return keys


def worded(alert: Listed, language: str) -> tuple[str, str, str]:
    """What is wrong, why, and what to do."""
    values = values_of(alert, language)
    title, why, todo = (said(language, key, values) for key in keys_of(alert).values())
    return title, why, todo
