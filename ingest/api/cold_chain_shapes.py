"""The shapes of what lots went through."""

from __future__ import annotations

from pydantic import Field

from ingest.api.shapes import Instant, Shape
from ingest.api.stock_shapes import FigureShape  # noqa: TC001 -- pydantic reads the annotation


class LegShape(Shape):
    """A stretch of a lot's way; at no site while it was between two of them.

    Minutes are below and above the nearest limits of the item's profile, null where it has none. What was not
    measured is unknown, neither fine nor bad.
    """

    site: str | None
    probe: str | None = Field(description="of several the one that was farthest outside")
    from_: Instant = Field(alias="from")
    to: Instant
    minutes_known: int
    minutes_unknown: int
    minutes_low: int | None
    minutes_high: int | None
    lowest_c: float | None
    highest_c: float | None


class LimitSpentShape(Shape):
    """A limit of the profile, and how much of its minutes is spent: in the longest run, or in sum."""

    comparator: str
    limit_c: float
    minutes: int
    judgement: str
    minutes_spent: int


class ReasonShape(Shape):
    """Why a lot should be held until a person has looked.

    `code` is frozen, too_cold_single, too_warm_single, too_cold_cumulative, too_warm_cumulative or
    vial_monitor; `measured` and `allowed` are in `unit`.
    """

    code: str
    measured: float
    allowed: float
    unit: str


class LotProposalShape(Shape):
    """Quarantine is proposed: `decide_stock_lot` with is_held true accepts it, with false rejects it.

    After a rejection only what the lot goes through later is judged.
    """

    reasons: list[ReasonShape]


class LotDecidedShape(Shape):
    """What a person decided of the lot at this site."""

    is_held: bool
    vvm_stage: int | None
    reason: str
    actor: str
    at: Instant


class LotColdChain(Shape):
    """What a lot at a site went through since somebody received it: here, and wherever it was before.

    Pieces that came by several ways cannot be told apart: the worst way is shown, and counts.
    """

    site: str
    item: str
    lot: str
    on_hand: int
    profile: str | None
    profile_version: int | None
    minutes_known: int
    minutes_unknown: int
    minutes_low: int | None
    minutes_high: int | None
    lowest_c: float | None
    highest_c: float | None
    limits: list[LimitSpentShape]
    mean_kinetic_c: FigureShape
    vvm_used_pct: FigureShape
    way: list[LegShape] = Field(description="the oldest leg first, the last one is this site until now")
    judged_from: Instant | None = Field(description="when a person last released it, null: all is judged")
    decided: LotDecidedShape | None
    proposal: LotProposalShape | None = Field(description="null: nothing speaks against it, or it is held")


class SuspectExcursion(Shape):
    """Which excursion of which unit's probe; `number` is the unit's."""

    unit: str
    probe: str
    number: int
    began_at: Instant


class SuspectReason(ReasonShape):
    """A reason with the excursion that gave it."""

    excursion: SuspectExcursion


class SuspectLot(Shape):
    """A lot at a site that excursions propose to hold back: decide of it by `decide_stock_lot`.

    With no number, `lot` is empty: by `decide_unnumbered_lot`.
    """

    site: str
    site_name: str | None
    item: str
    names: dict[str, str]
    lot: str
    on_hand: int
    reasons: list[SuspectReason]


class SuspectLots(Shape):
    """Suspect lots, the newest excursion first; `count` is of all that the filter lets through."""

    now: Instant
    count: int
    lots: list[SuspectLot]
    after: int | None = Field(description="ask with this for the lots that follow, null at the end")


class ColdChain(Shape):
    """Lots by site, item and lot."""

    now: Instant
    lots: list[LotColdChain]
    after: int | None = Field(description="ask with this for the lots that follow, null at the end")
