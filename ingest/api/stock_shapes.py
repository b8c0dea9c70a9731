"""The shapes of stock: what the API takes and gives of it.

A figure carries its formula and inputs; `value` is null where it is not known, and `why` says the reason.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ingest.api.shapes import Instant, Shape
from ingest.stock.days import parse_day
from ingest.stock.sheet import MAX_COUNT, name

Name = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(name)]
ProfileWord = Literal["refrigerator", "tight", "ultra_low", "shipment_1", "shipment_2", "room"]
VvmWord = Literal["vvm2", "vvm7", "vvm14", "vvm30"]
LanguageWord = Literal["zh", "en", "mn"]
StatusWord = Literal["STOCK_OUT", "EXPIRED_ONLY", "LOW_STOCK", "REORDER", "OVERSTOCK", "IN_STOCK", "UNKNOWN"]
Number = int | float | str | None
Count = Annotated[int, Field(ge=0, le=MAX_COUNT, strict=True)]


def _is_day(text: str) -> str:
    parse_day(text)
    return text


Day = Annotated[str, Field(max_length=10, examples=["2027-04-30"]), AfterValidator(_is_day)]


class FigureShape(Shape):
    """A number that explains itself."""

    value: Number
    formula: str
    inputs: dict[str, Number]
    why: str | None


class StockRow(Shape):
    """One site's item; quantities are in its base unit."""

    site: str
    site_name: str | None
    item: str
    names: dict[str, str]
    base_unit: str
    pack_size: int
    status: FigureShape
    on_hand: FigureShape
    usable: FigureShape
    amc: FigureShape = Field(description="average monthly consumption")
    months_of_stock: FigureShape
    days_of_stock: FigureShape
    visit_days: FigureShape = Field(description="measured interval between supplies")
    order: FigureShape = Field(description="how much to bring")
    needs_count: bool = Field(description="a balance is below zero: somebody has to count")
    newest_at: Instant | None


class StockBoardShape(Shape):
    """Rows worst first; `counts` are of all rows that the filter lets through, by status."""

    now: Instant
    counts: dict[str, int]
    unbooked: int = Field(description="records that wait for a site or an item to be named")
    rows: list[StockRow]
    after: int | None = Field(description="ask with this for the rows that follow, null at the end")


class SiteShape(Shape):
    """A place that holds stock; its parent is where supplies and escalations come from."""

    site: str
    parent: str | None
    level: str
    name: str | None
    unit: str | None
    source: str
    probes: list[str]
    people: int | None
    next_visit_on: str | None
    lead_days: int | None


class ItemShape(Shape):
    """A kind of thing that is counted."""

    item: str
    base_unit: str
    pack_size: int
    profile: str | None
    is_freeze_sensitive: bool
    vvm: str | None
    names: dict[str, str]
    codes: list[str]


class LevelShape(Shape):
    """How much a site should have; null takes no part."""

    site: str
    item: str
    min: int | None
    reorder: int | None
    max: int | None


class StockSites(Shape):
    sites: list[SiteShape]


class SiteLook(SiteShape):
    """A site, how many of its items are in which state, and when its book last grew."""

    counts: dict[str, int]
    newest_at: Instant | None


class StockOverview(Shape):
    now: Instant
    sites: list[SiteLook]


class StockItems(Shape):
    items: list[ItemShape]


class StockLevels(Shape):
    levels: list[LevelShape]


class LotShape(Shape):
    """What a site has of a lot, the first to expire first."""

    item: str
    lot: str = Field(description="empty where nobody said which")
    on_hand: int
    expires_on: str | None
    is_held: bool
    vvm_stage: int | None
    unusable_because: str | None


class LineShape(Shape):
    """A line of the book."""

    id: int
    identity: str
    item: str
    lot: str
    kind: str
    quantity: int
    happened_at: Instant
    clock: str
    learned_at: Instant
    reason: str | None
    actor: str | None
    other_site: str | None
    pieces: int | None
    change: int | None


class ProposalShape(Shape):
    """A count that differs from the book: confirm it by an entry `adjust` at its time, or reject it."""

    id: str = Field(description="of these observations and this quantity; another difference has another")
    item: str
    lot: str
    quantity: int
    observed: int
    booked: int
    reason: str
    happened_at: Instant


class DifferenceShape(ProposalShape):
    """A proposal with where it is, and what the book says there now: of its lot, or of the whole item."""

    site: str
    site_name: str | None
    names: dict[str, str]
    on_hand: int


class StockDifferences(Shape):
    """Counts that differ from the book, the newest first; `count` is of all of them."""

    count: int
    differences: list[DifferenceShape]


class RejectedShape(Shape):
    """A difference that a person has rejected: the count was wrong, the book stayed as it was."""

    item: str
    lot: str
    quantity: int
    observed: int
    booked: int
    happened_at: Instant = Field(description="of the count")
    reason: str
    actor: str
    rejected_at: Instant


class LimitShape(Shape):
    comparator: str
    limit_c: float
    minutes: int
    judgement: str


class ProfileShape(Shape):
    """The temperature profile of items at a site."""

    profile: str
    version: int
    items: list[str]
    limits: list[LimitShape]


class ExcursionShape(Shape):
    """A probe outside its safe range, as its unit judged it."""

    probe: str
    number: int
    state: str
    direction: str
    judgement: str
    limit_c: float
    limit_minutes: int
    began_at: Instant
    ended_at: Instant | None
    minutes_outside: int
    lowest_c: float | None
    highest_c: float | None
    profile: str
    profile_version: int
    learned_at: Instant


class SiteStock(Shape):
    """Everything about one site's stock; `before` asks for older lines of the book."""

    now: Instant
    site: SiteShape
    way_up: list[str]
    rows: list[StockRow]
    lots: list[LotShape]
    proposals: list[ProposalShape]
    rejected: list[RejectedShape]
    profiles: list[ProfileShape]
    excursions: list[ExcursionShape]
    book: list[LineShape]
    before: str | None


class UnbookedShape(Shape):
    """A record that waits to be booked, and for what."""

    unit: str
    source: str
    seq: int
    kind: str
    sampled_at: Instant | None
    code: str
    detail: str
    values: dict[str, Number]


class StockUnbooked(Shape):
    records: list[UnbookedShape]


# --- what is taken


class EntryIn(Shape):
    """A line for the book. `id` is yours: the same one again is not counted again."""

    id: Name
    site: Name
    item: Name
    lot: Annotated[str, Field(max_length=64)] = ""
    kind: Literal["receive", "dispense", "transfer", "discard", "adjust", "count"]
    quantity: Annotated[int, Field(ge=-MAX_COUNT, le=MAX_COUNT, strict=True)] = Field(
        description="base units, above zero but for `adjust`; of a `count` the pieces that lie there"
    )
    reason: Annotated[str, Field(max_length=256)] | None = None
    at: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="when it happened, by default now"
    )
    other_site: Name | None = Field(None, description="where a transfer goes; both ends are booked")
    expires_on: Day | None = None


class DifferenceRejection(Shape):
    """Why the count was wrong."""

    site: Name
    item: Name
    reason: Annotated[str, Field(min_length=1, max_length=256, pattern=r"\S")]


class DifferenceRejected(Shape):
    """It is rejected; `is_new` is false when it was before."""

    is_new: bool


class EntryTaken(Shape):
    is_new: bool
    on_hand: int


class SiteIn(Shape):
    parent: Name | None = None
    level: Literal["county", "township", "vehicle", "cabinet"]
    name: Name | None = None
    unit: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")] | None = None
    source: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9-]{0,31})?$")] = ""
    probes: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]], Field(max_length=32)
    ] = Field(default_factory=list)
    people: Count | None = None
    next_visit_on: Day | None = None
    lead_days: Annotated[int, Field(ge=0, le=3650, strict=True)] | None = None


class ItemIn(Shape):
    base_unit: Name = "piece"
    pack_size: Annotated[int, Field(ge=1, le=MAX_COUNT, strict=True)] = 1
    profile: ProfileWord | None = None
    is_freeze_sensitive: bool = False
    vvm: VvmWord | None = None
    names: dict[LanguageWord, Name] = Field(default_factory=dict)
    codes: Annotated[list[Name], Field(max_length=100)] = Field(default_factory=list)


class LevelIn(Shape):
    min: Count | None = None
    reorder: Count | None = None
    max: Count | None = None


class LotIn(Shape):
    expires_on: Day | None


class LotDecision(Shape):
    """What a person decided of a lot at a site."""

    is_held: bool
    vvm_stage: Annotated[int, Field(ge=1, le=4, strict=True)] | None = None
    reason: Annotated[str, Field(min_length=1, max_length=256)]


class Saved(Shape):
    """It is in the ledger; so many records that had waited are booked now."""

    booked: int


class SheetProblem(Shape):
    """What is wrong with a line of a sheet; the first line of the file is 1."""

    line: int
    column: str
    code: str
    detail: str


class Imported(Shape):
    """All lines of a sheet were taken, or none and why."""

    is_taken: bool
    lines: int
    problems: list[SheetProblem]
