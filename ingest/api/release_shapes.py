"""The shapes of releases of firmware, and of who was asked to take them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ingest.api.shapes import Instant, Shape

MOST_UNITS = 1000
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]


class RolloutShape(Shape):
    """A unit, or a node wired to it, that was asked to take a release, and how that went."""

    unit: str
    node: str | None
    state: Literal["asked", "staged", "running", "refused", "rolled_back", "replaced"]
    detail: str = Field(description="what the unit said, as why it refused")
    who: str
    asked_at: Instant
    is_sent: bool = Field(description="whether the command is with the broker")
    changed_at: Instant


class ReleaseShape(Shape):
    """A signed set of files; offered to units until it is withdrawn."""

    number: int
    version: str
    digest: str
    size_bytes: int
    boards: list[str]
    files: int
    who: str
    added_at: Instant
    withdrawn_by: str | None
    withdrawn_at: Instant | None
    rollouts: list[RolloutShape]


class UnitSoftware(Shape):
    """What a unit said in its last birth that it runs."""

    unit: str
    name: str | None
    software: str | None
    is_node: bool = Field(description="whether it takes releases itself; of a Pi only its nodes do")


class Releases(Shape):
    """Every release, the newest first, and what every unit runs."""

    is_published: bool = Field(description="whether all that is offered was handed to the broker")
    error: str = Field(description="what the broker says against it, as that the service may not write it")
    has_key: bool = Field(description="whether releases can be added: a key is configured")
    may_change: bool = Field(description="whether the asker may add, withdraw and roll out")
    releases: list[ReleaseShape]
    units: list[UnitSoftware]


class RolloutIn(Shape):
    """Who is to take it; `node`: not the units themselves, but what they call so."""

    units: Annotated[list[Name], Field(min_length=1, max_length=MOST_UNITS)]
    node: Name | None = None


class Rollouts(Shape):
    """Everybody who was asked."""

    rollouts: list[RolloutShape]
