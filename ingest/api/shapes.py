"""The shapes of what the API takes and gives, as the OpenAPI document shows them.

Answers that are large or frequent are written by hand where they are made (`formats`, `stream`); the tests
hold them to these shapes. Times are ISO 8601 in UTC, numbers are in the unit that ends their name, and what
is unknown is null.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from geojson_pydantic import Feature, FeatureCollection, LineString, Point
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from firmware import wire

Word = Annotated[str, Field(description="a word of the contract, see wire.proto")]
Instant = Annotated[
    str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", examples=["2026-11-21T09:00:00.123Z"])
]
Degrees = float | None
EVENT_KINDS = [name for name, kind in wire.KINDS.items() if kind.lane == "event"]
EventWord = Annotated[str, Field(json_schema_extra={"enum": EVENT_KINDS})]


class Shape(BaseModel):
    """What is not declared is not said."""

    model_config = ConfigDict(extra="forbid")


class LiveUnit(Shape):
    """The newest state of a unit: where it was last known to be, and when that was."""

    unit: str
    name: str | None
    capabilities: list[str]
    is_registered: bool
    connection: Literal["online", "offline", "unknown"]
    sampled_at: Instant | None = Field(description="time of the newest fix")
    received_at: Instant | None = Field(description="last news of any sort")
    clock: Word | None
    lat_deg: float | None = Field(description="WGS-84; the last known one, null before the first fix")
    lon_deg: float | None
    altitude_msl_m: float | None
    speed_m_s: float | None
    course_deg: float | None
    satellites: int | None
    hdop: float | None
    fix_mode: Word | None
    quality: Word | None
    vitals: dict[str, int | float | str | None]


class Units(Shape):
    """Every unit that was ever heard of."""

    now: Instant
    units: list[LiveUnit]


class Fleet(Units):
    """Every unit, and the ages from which a reader calls one stale and gone."""

    stale_after_s: int
    gone_after_s: int


class Me(Shape):
    """Whose key asks; `roles` are words of x-roles."""

    name: str
    roles: list[str]


class LaneState(Shape):
    """How much of one lane of one outbox is stored."""

    epoch: str
    lane: Word
    mark: int = Field(description="every row up to this one is stored, but for those that are gone")
    stored: int
    gone: int = Field(description="rows that the unit had lost when their turn came")
    moved_at: Instant


class GoneRows(Shape):
    """Rows that a unit no longer had when their turn came."""

    epoch: str
    lane: Word
    first_seq: int
    last_seq: int
    count: int
    noticed_at: Instant


class UnitState(LiveUnit):
    """A unit with what is stored of it."""

    first_seen_at: Instant
    software: str | None
    epoch: str | None = Field(description="of its present outbox")
    boot: str | None
    lanes: list[LaneState]
    gaps: list[GoneRows]


class TrackSegment(Shape):
    """An unbroken run of fixes as equally long columns."""

    source: str
    is_joined: bool = Field(description="the first fix is the one that ended the segment before")
    sampled_at: list[Instant]
    lat_deg: list[float]
    lon_deg: list[float]
    altitude_msl_m: list[float | None]
    speed_m_s: list[float | None]
    course_deg: list[float | None]
    satellites: list[int | None]
    hdop: list[float | None]
    fix_mode: list[Word]
    quality: list[Word | None]
    clock: list[Word]


class Track(Shape):
    """Where a unit was, as segments that end at gaps and where the position was lost."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    unit: str
    from_: Instant = Field(alias="from")
    to: Instant
    tolerance_m: float
    segments: list[TrackSegment]
    fixes: int
    fixes_read: int = Field(description="before the simplification")


class TrackProperties(Shape):
    """What a segment's line says of each of its points, in their order."""

    unit: str
    source: str
    is_joined: bool
    sampled_at: list[Instant]
    altitude_msl_m: list[float | None]
    speed_m_s: list[float | None]
    course_deg: list[float | None]
    satellites: list[int | None]
    hdop: list[float | None]
    fix_mode: list[Word]
    quality: list[Word | None]
    clock: list[Word]


class LiveProperties(Shape):
    """A unit's newest state without its position, which is the feature's geometry."""

    unit: str
    name: str | None
    capabilities: list[str]
    is_registered: bool
    connection: Literal["online", "offline", "unknown"]
    sampled_at: Instant | None
    received_at: Instant | None
    clock: Word | None
    altitude_msl_m: float | None
    speed_m_s: float | None
    course_deg: float | None
    satellites: int | None
    hdop: float | None
    fix_mode: Word | None
    quality: Word | None
    vitals: dict[str, int | float | str | None]


TrackCollection = FeatureCollection[Feature[LineString | Point, TrackProperties]]
LiveCollection = FeatureCollection[Feature[Point, LiveProperties]]


class Record(BaseModel):
    """One record; its kind's fields follow, numbers in the unit that ends their name."""

    model_config = ConfigDict(extra="allow")

    source: str
    sampled_at: Instant | None = Field(description="null when the unit did not know the time")
    clock: Word
    seq: int


class Records(Shape):
    """Records of one kind, the oldest first; each has its kind's fields besides what is named here."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    unit: str
    kind: Word
    from_: Instant = Field(alias="from")
    to: Instant
    records: list[Record]


class SourceSeries(Shape):
    """One source's values, as equally long columns."""

    source: str
    begins_at: list[Instant]
    records: list[int] = Field(description="records in the bucket, with and without the value")
    min: list[float | None]
    max: list[float | None]
    mean: list[float | None]


class Series(Shape):
    """One number over time; buckets without records are left out."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    unit: str
    kind: Word
    field: str
    from_: Instant = Field(alias="from")
    to: Instant
    bucket_s: int
    series: list[SourceSeries]


class Erased(Shape):
    """A unit's history was erased, and the unit was asked to do the same."""

    unit: str
    who: str = Field(description="the name of the key")
    erased_at: Instant
    command_id: str
    told_at: Instant | None = Field(description="when the command went to the broker")
    answered_at: Instant | None = Field(description="when the unit had done it")


class Erasures(Shape):
    """Erasures of a unit's history, newest first."""

    erasures: list[Erased]


class Event(Shape):
    """A record that is an event: what it says is in `values`."""

    kind: EventWord
    source: str
    sampled_at: Instant | None = Field(description="null when the unit did not know the time")
    clock: Word
    seq: int
    values: dict[str, int | str | None]


class Events(Shape):
    """Events, newest first; `before` asks for the ones before these, null at the end."""

    unit: str
    events: list[Event]
    before: Instant | None


class RefusedPayload(Shape):
    """A payload that could not be accepted: kept as it came, with the reason."""

    id: int
    unit: str | None
    topic: str
    cause: str
    where: str
    detail: str
    received_at: Instant
    latest_at: Instant
    times: int
    size_bytes: int


class Refused(Shape):
    """Payloads set aside, newest first; `before` asks for the ones before these, null at the end."""

    refused: list[RefusedPayload]
    before: int | None


class RawTrack(Shape):
    """Ask a unit for every fix between two times, simplified or not."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    what: Literal["raw_track"]
    from_: str = Field(alias="from", max_length=40, examples=["2026-11-21T08:00:00Z"])
    to: str = Field(max_length=40, examples=["2026-11-21T09:00:00Z"])


class Resend(Shape):
    """Ask a unit for rows of a lane between two numbers once more."""

    what: Literal["resend"]
    lane: Literal["event", "sense", "track"]
    first_seq: Annotated[int, Field(ge=1, le=wire.MAX_SEQ, strict=True)]
    last_seq: Annotated[int, Field(ge=1, le=wire.MAX_SEQ, strict=True)]


class NewSettings(Shape):
    """Have a node that stands alone try other settings; what they may say stands in firmware/settings/.

    Unit and mode stay as they are, and so do broker and network where they are not named: no secret has to
    be sent. The version must be higher than the node's. A node that reaches nobody with them goes back.
    """

    what: Literal["settings"]
    settings: Annotated[
        dict[str, Any],
        Field(examples=[{"version": 4, "group_s": 30, "drivers": [{"type": "door", "name": "door"}]}]),
    ]


class CommandSent(Shape):
    """The command was handed to the broker; an event of kind `answer` will carry its id."""

    id: str
    unit: str
    what: str


def _name(text: str) -> str:
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise ValueError("control characters have no place in a name")
    if len(text.encode("utf-8", "surrogatepass")) > 64:
        raise ValueError("more than 64 bytes")
    return text


def _capability(text: str) -> str:
    if not wire.is_source(text):
        raise ValueError(f"{text[:40]!r} is not a name of a-z, 0-9 and - that begins with a letter or digit")
    return text


class Registration(Shape):
    """What a person says of a unit."""

    name: Annotated[str, Field(max_length=64), AfterValidator(_name)] | None = None
    capabilities: Annotated[
        list[Annotated[str, Field(max_length=32), AfterValidator(_capability)]],
        Field(max_length=wire.MAX_CAPABILITIES),
    ] = []


class Health(Shape):
    """The process answers."""

    status: Literal["alive"]


class Ready(Shape):
    """Whether the service can do its work, and how far behind it is."""

    is_ready: bool
    is_broker_connected: bool
    is_store_writable: bool
    lag_s: float


Json = dict[str, Any]
