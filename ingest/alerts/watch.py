"""From records to what the rules see: which rule, of what, holding or not, and why. Pure.

Judged on the unit: doors and faults come as changes. Judged here: the supply. Its limits are those of lead
batteries at rest, 12 V and 24 V by what is there (11.8 V is about a fifth of the charge); far below that it
is no low battery but none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ingest.alerts.episode import Numbers

PROBE_FAULTS = frozenset({"power_on", "no_reply", "range", "crc", "jump"})
CLOCK = "clock"  # whose jumps are not those of a probe
NO_TEMPERATURE = "no temperature"  # so a cabinet says that a probe is silent; a receiver can be so, too
SMALL_BELOW_MV = 16_000  # a supply of 12 V, from there on one of 24 V
OLD_LISTS_S = 3 * 86_400  # by which a crew still lends: blocks may have been set or lifted since


class Supply(NamedTuple):
    """Below which voltages a supply is lost, and low, by its kind, in mV."""

    lost_below_mv: int = 4_000
    low_12v_mv: int = 11_800
    low_24v_mv: int = 23_600

    def low_below_mv(self, supply_mv: int) -> int:
        """Where low begins for a supply of that many volts."""
        return self.low_12v_mv if supply_mv < SMALL_BELOW_MV else self.low_24v_mv

    def is_low(self, supply_mv: int) -> bool:
        """Whether it is low and not lost."""
        return self.lost_below_mv <= supply_mv < self.low_below_mv(supply_mv)


USUAL_SUPPLY = Supply()


class Seen(NamedTuple):
    """What a rule sees; `part` tells it from others of the same source."""

    rule: str
    part: str | None
    is_true: bool | None
    numbers: Numbers


OF_A_BOOT = ("door_open", "probe_silent", "probe_fault", "unit_fault")  # who starts anew tells them anew

Values = Mapping[str, Any]
Columns = Mapping[str, Sequence[Any]]


def seen_in(kind: str, source: str, values: Values, supply: Supply = USUAL_SUPPLY) -> Iterator[Seen]:
    """What the rules see in a record whose enumerations are words."""
    if kind == "power":
        yield from _power(values, supply)
    else:
        yield from _WATCHERS[kind](source, values)


def _door(_source: str, values: Values) -> Iterator[Seen]:
    yield Seen("door_open", None, values["state"] == "open", {})


def _fault(source: str, values: Values) -> Iterator[Seen]:
    part, code, detail = values["part"], values["code"], values.get("detail") or ""
    rule = "unit_fault"
    if code == "silent" and detail.startswith(NO_TEMPERATURE):
        rule = "probe_silent"
    elif code in PROBE_FAULTS and source != CLOCK:
        rule = "probe_fault"
    numbers = {"part": part, "code": code, "detail": detail}
    yield Seen(rule, f"{part}:{code}", values["state"] == "raised", numbers)


def _help(_source: str, values: Values) -> Iterator[Seen]:
    """Each call is a thing of its own, or one that was taken would swallow the next."""
    names = ("held_ms", "lat_e7", "lon_e7", "fix_age_s")
    numbers = {name: values.get(name) for name in names}
    yield Seen("help_called", str(values["call"]), values["event"] == "called", numbers)


def _power(values: Values, supply: Supply) -> Iterator[Seen]:
    supply_mv = values.get("supply_mv")
    if supply_mv is None:
        if values.get("is_undervolted") is not None:
            yield Seen("battery_low", None, values["is_undervolted"] == "yes", {"supply_mv": None})
        return
    numbers = {"supply_mv": supply_mv, "battery_mv": values.get("battery_mv")}
    is_lost = supply_mv < supply.lost_below_mv
    yield Seen("power_lost", None, is_lost, numbers | {"lost_below_mv": supply.lost_below_mv})
    is_low = not is_lost and (values.get("is_undervolted") == "yes" or supply.is_low(supply_mv))
    yield Seen("battery_low", None, is_low, numbers | {"low_below_mv": supply.low_below_mv(supply_mv)})


def turns(columns: Columns, supply: Supply = USUAL_SUPPLY) -> list[int]:
    """Of supplies in order of time, the rows that begin and end a run of those that are alike."""
    alike = [_sort(supply, *row) for row in zip(columns["supply_mv"], columns["is_undervolted"], strict=True)]
    last = len(alike) - 1
    return [
        at
        for at, sort in enumerate(alike)
        if at in (0, last) or sort != alike[at - 1] or sort != alike[at + 1]
    ]


def _sort(supply: Supply, supply_mv: int | None, is_undervolted: int | None) -> tuple[object, ...]:
    if supply_mv is None:
        return (is_undervolted,)
    low_below_mv = supply.low_below_mv(supply_mv)
    return supply_mv < supply.lost_below_mv, is_undervolted, low_below_mv, supply.is_low(supply_mv)


def _inventory(_source: str, values: Values) -> Iterator[Seen]:
    if values["state"] == "stable":  # one that was stopped proves nothing
        missing = values.get("missing") or 0
        numbers = {name: values.get(name) for name in ("missing", "expected", "sure_pct")}
        yield Seen("books_missing", values.get("shelf"), missing > 0, numbers)


def _book(_source: str, values: Values) -> Iterator[Seen]:
    age_s = values.get("lists_age_s")
    if age_s is not None:
        numbers = {"lists_age_s": age_s, "old_after_s": OLD_LISTS_S}
        yield Seen("book_lists_old", None, age_s > OLD_LISTS_S, numbers)


def _lists(_source: str, values: Values) -> Iterator[Seen]:
    if values["state"] == "taken":
        yield Seen("book_lists_old", None, False, {"lists_age_s": 0, "old_after_s": OLD_LISTS_S})


_WATCHERS: Mapping[str, Callable[[str, Values], Iterator[Seen]]] = {
    "door": _door,
    "fault": _fault,
    "help": _help,
    "inventory": _inventory,
    "book": _book,
    "lists": _lists,
}
KINDS = frozenset({*_WATCHERS, "power"})
