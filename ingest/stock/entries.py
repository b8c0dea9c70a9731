"""Entries: what the book consists of, and how a record of a unit becomes some of them.

A record says what a unit saw or what its crew did; where it belongs and how many base units it means is known
to the service alone. What cannot be booked, because nobody has named the item or the site yet, is kept whole
with its reason, and booked when it can be.

    move     receive +, dispense -, discard -, adjust as said, transfer - here or + here by its two sites
    count    an observation: an entry of quantity 0

A transfer is two legs, and each end books its own, so that what is lost on the way shows. Where the other end
has no unit of its own nobody else could book it, so this record books both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Mapping

RECEIVE, DISPENSE, TRANSFER, DISCARD, ADJUST, COUNT = (
    "receive",
    "dispense",
    "transfer",
    "discard",
    "adjust",
    "count",
)
MOVES = (RECEIVE, DISPENSE, TRANSFER, DISCARD, ADJUST)
SIGNS = {RECEIVE: 1, DISPENSE: -1, DISCARD: -1, ADJUST: 1}
BOOKED_KINDS = frozenset({"move", "count"})
AHEAD_MS = 300_000
AHEAD = "ahead"  # the clock of an entry whose unit claimed a time to come
BEHIND = "behind"  # and of one that claimed a time before there was any unit
BEGIN_MS = 1_577_836_800_000  # 2020-01-01; a clock that has lost its battery says 1970 or 2000
NO_CLOCK = "none"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the book: append-only, corrected by a later one. `quantity` is signed, in base units."""

    identity: str
    site: str
    item: str
    lot: str
    kind: str
    quantity: int
    time_ms: int
    clock: str
    learned_ms: int
    said_ms: int
    said_clock: int = 0
    boot_at_ms: int = 0
    unit: str | None = None
    boot: str | None = None
    reason: str | None = None
    actor: str | None = None
    other_site: str | None = None
    expires_day: int | None = None
    serial: str | None = None
    slot: str | None = None
    method: str | None = None
    pieces: int | None = None
    change: int | None = None
    began_ago_ms: int | None = None
    sure_pct: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A record as it came: enumerations as words."""

    unit: str
    source: str
    epoch: str
    boot: str
    seq: int
    kind: str
    time_ms: int
    boot_at_ms: int
    clock: str
    learned_ms: int
    values: Mapping[str, Any]

    @property
    def identity(self) -> str:
        return f"{self.unit}/{self.epoch}/event/{self.seq}"


class Unbookable(ValueError):
    """Why a record cannot be booked yet: `code` for programs, the text for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Directory(Protocol):
    """What is known of sites and items."""

    def site_of(self, unit: str, source: str) -> str | None:
        """The site that a unit's source belongs to."""

    def has_own_records(self, site: str) -> bool | None:
        """Whether a unit books for this site; None for an unknown one."""

    def item_of(self, code: str) -> str | None:
        """The item of that name, or scanned by that code."""

    def pack_size(self, item: str) -> int:
        """Base units in a pack of a known item."""


def entries_of(said: Said, known: Directory) -> list[Entry]:
    """The entries that a record makes; raises Unbookable."""
    site = known.site_of(said.unit, said.source)
    if site is None:
        raise Unbookable("unknown_site", f"unit {said.unit}, source {said.source} is no site yet")
    return _of_move(said, site, known) if said.kind == "move" else [_of_count(said, site, known)]


def _of_move(said: Said, site: str, known: Directory) -> list[Entry]:
    values = said.values
    item = _item(values, known)
    count = _base_units(values, known.pack_size(item))
    move = values["move"]
    if count < 0 and move != ADJUST:
        raise Unbookable("negative", f"{move} of {count}: only an adjustment may take away")
    if move == TRANSFER:
        return _of_transfer(said, site, item, count, known)
    other = values.get("from_site") if move == RECEIVE else values.get("to_site")
    return [_entry(said, site, item, move, SIGNS[move] * count, other_site=other)]


def _of_transfer(said: Said, site: str, item: str, count: int, known: Directory) -> list[Entry]:
    source, target = said.values.get("from_site") or site, said.values.get("to_site") or site
    if source == target or site not in {source, target}:
        raise Unbookable("transfer_sites", f"a transfer from {source} to {target} is not one of {site}")
    is_out = source == site
    other = target if is_out else source
    has_own = known.has_own_records(other)
    if has_own is None:
        raise Unbookable("unknown_site", f"the other end of the transfer, {other}, is no site yet")
    here = _entry(said, site, item, TRANSFER, -count if is_out else count, other_site=other)
    if has_own:
        return [here]
    there = replace(here, identity=f"{here.identity}/2", site=other, quantity=-here.quantity, other_site=site)
    return [here, there]


def _of_count(said: Said, site: str, known: Directory) -> Entry:
    values = said.values
    item = _item(values, known)
    return replace(
        _entry(said, site, item, COUNT, 0),
        method=values.get("method"),
        pieces=values.get("pieces"),
        change=values.get("change_pieces"),
        began_ago_ms=values.get("began_ago_ms"),
        sure_pct=values.get("sure_pct"),
    )


def _item(values: Mapping[str, Any], known: Directory) -> str:
    said = [values[name] for name in ("item", "gtin", "code") if values.get(name)]
    for code in said:
        item = known.item_of(code)
        if item is not None:
            return item
    if not said:
        raise Unbookable("no_item", "the record names no item and no code")
    raise Unbookable("unknown_item", f"no item is called or coded {said[0]!r}")


def _base_units(values: Mapping[str, Any], pack_size: int) -> int:
    if values.get("pieces") is not None:
        return int(values["pieces"])
    packs = values.get("packs")
    return pack_size * (1 if packs is None else int(packs))


def _entry(
    said: Said, site: str, item: str, kind: str, quantity: int, other_site: str | None = None
) -> Entry:
    values = said.values
    time_ms, clock = booked_time(said.time_ms, said.clock, said.learned_ms)
    return Entry(
        identity=said.identity,
        site=site,
        item=item,
        lot=values.get("lot") or "",
        kind=kind,
        quantity=quantity,
        time_ms=time_ms,
        clock=clock,
        learned_ms=said.learned_ms,
        said_ms=said.time_ms,
        said_clock=wire.CLOCKS.index(said.clock),
        boot_at_ms=said.boot_at_ms,
        unit=said.unit,
        boot=said.boot,
        reason=values.get("reason"),
        actor=values.get("actor"),
        other_site=other_site,
        expires_day=values.get("expires_on"),
        serial=values.get("serial"),
        slot=values.get("slot"),
    )


def booked_time(time_ms: int, clock: str, learned_ms: int) -> tuple[int, str]:
    """When it happened for the book, and by which clock; on arrival where that is not known or cannot be."""
    if clock == NO_CLOCK:
        return learned_ms, clock
    if time_ms > learned_ms + AHEAD_MS:
        return learned_ms, AHEAD
    return (learned_ms, BEHIND) if time_ms < BEGIN_MS else (time_ms, clock)
