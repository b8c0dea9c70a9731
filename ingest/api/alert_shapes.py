"""The shapes of alerts: what the API takes and gives of them.

Times are those of the event, but for `found_at`, which is when the service learned of it. Texts are keys of
GET /api/v1/alerts/texts with the values to put in; the letters say the same words.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ingest.api.shapes import Instant, Shape

RuleWord = Literal[
    "help_called",
    "freezing",
    "overheating",
    "stock_out",
    "expired_only",
    "power_lost",
    "door_open",
    "probe_silent",
    "cabinet_silent",
    "unit_overdue",
    "low_stock",
    "quarantine",
    "expired",
    "expiring",
    "probe_fault",
    "unit_fault",
    "battery_low",
    "books_missing",
    "book_lists_old",
]
SeverityWord = Literal["act", "look"]
StateWord = Literal["pending", "firing", "acknowledged", "resolved", "past", "withdrawn"]
MessageWord = Literal["waiting", "claimed", "sent", "uncertain", "dead"]
MaintenanceWord = Literal["maintenance", "decommissioned"]
Value = int | float | str | None
Comment = Annotated[str, Field(max_length=500)]


class AlertText(Shape):
    """What to say: `title`, `why` and `todo` are keys; `values` are what `{name}` in their texts means.

    `item` there is its id, whose names stand beside; `since` and `found` are instants.
    """

    title: str
    why: str
    todo: str
    values: dict[str, Value]


class AlertSaid(Shape):
    """The same in the language that was asked for, as the letters say it."""

    title: str
    why: str
    todo: str


class AlertRule(Shape):
    """The numbers of the rule that made the alert."""

    for_s: int = Field(description="how long the condition must hold")
    keep_s: int = Field(description="how long it must stay away to be over")
    escalate_s: int | None = Field(description="then the next site up is told, unless somebody took it")
    late_s: int


class AlertShape(Shape):
    """Something that somebody must know, for as long as it is so."""

    id: int
    rule: RuleWord
    severity: SeverityWord = Field(
        description="`act` wakes somebody at any hour, `look` waits for the morning"
    )
    state: StateWord = Field(
        description="`past` was over when it was found and told nobody; `withdrawn` turned out never to be"
    )
    unit: str | None
    unit_name: str | None
    source: str = Field(description="of the unit; empty where it is the whole unit")
    site: str | None
    site_name: str | None
    item: str | None
    item_names: dict[str, str]
    lot: str | None
    part: str | None = Field(description="what of the source: the code of a fault")
    since_at: Instant = Field(description="when the condition began, by the unit's time")
    fires_at: Instant = Field(description="when it had held for long enough, or will have")
    until_at: Instant | None
    found_at: Instant = Field(description="when the service learned of it")
    seen_at: Instant = Field(description="the newest reading that says so")
    numbers: dict[str, Value]
    by: AlertRule
    text: AlertText
    said: AlertSaid | None = Field(description="null where no language was asked for")
    told_at: Instant | None = Field(description="null: nobody was told yet, or it is past")
    told_to: list[str] = Field(description="the contacts that were told or are about to be, in their order")
    escalates_at: Instant | None
    acknowledged_at: Instant | None
    acknowledged_by: str | None
    closed_at: Instant | None = Field(description="a person ended it")
    closed_by: str | None
    suppressed_by: MaintenanceWord | None
    explained_by: int | None = Field(description="the alert that says it all; this one tells nobody")


class AlertCounts(Shape):
    """Alerts that are open, whatever the filter."""

    act: int
    look: int
    acknowledged: int
    undelivered: int = Field(description="messages that were given up or may not have gone out")


class Alerts(Shape):
    """Alerts, the worst first, of the past the newest first; `after` asks for the rows that follow."""

    now: Instant
    counts: AlertCounts
    alerts: list[AlertShape]
    after: int | None


class AlertMessage(Shape):
    """A message about an alert, to whom, and what became of it."""

    contact: str
    title: str
    body: str
    state: MessageWord = Field(description="`uncertain`: the service ended while it was being sent")
    made_at: Instant
    due_at: Instant = Field(description="not sent before")
    settled_at: Instant | None
    attempts: int
    error: str


class AlertStep(Shape):
    """Something that happened to an alert."""

    at: Instant
    what: Literal[
        "found",
        "changed",
        "told",
        "escalated",
        "held_back",
        "unsent",
        "acknowledged",
        "commented",
        "signalled",
        "closed",
        "ended",
        "reopened",
        "withdrawn",
        "all_clear",
    ]
    who: str | None
    text: str


class AlertWhole(AlertShape):
    """An alert with its history, the oldest first."""

    history: list[AlertStep]
    messages: list[AlertMessage]


class AlertComment(Shape):
    """What a person says of it."""

    comment: Annotated[str, Field(min_length=1, max_length=500)]


class AlertAcknowledge(Shape):
    """A person takes it: nobody else is woken for it. The comment may say what is being done."""

    comment: Comment = ""


class AlertClose(Shape):
    """A person ends it, with a reason; it begins again when its condition went and came back."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class AlertTexts(Shape):
    """Every text of alerts in one language."""

    language: Literal["zh", "en", "mn"]
    texts: dict[str, str]


class AlertContact(Shape):
    """Somebody who is told, from the settings; addresses are not shown."""

    name: str
    site: str = Field(description="whose alerts, and those of all sites below it; empty: all")
    language: Literal["zh", "en", "mn"]
    severities: list[SeverityWord]
    quiet: str = Field(description="local hours in which only `act` is sent, as 22:00-06:00; empty: none")
    waiting: int
    dead: int
    uncertain: int


class RuleNumbers(Shape):
    """In seconds: counts after, is over after, and the next ones up after; null: nobody else is told."""

    for_s: int
    keep_s: int
    escalate_s: int | None


class RuleShape(RuleNumbers):
    """A rule with its numbers by the settings, and the usual ones."""

    rule: RuleWord
    severity: SeverityWord
    usual: RuleNumbers


class OwnRule(Shape):
    """What a site sets of a rule, in seconds; null: as above it. `escalate_s` 0: nobody else is told."""

    rule: RuleWord
    for_s: int | None
    keep_s: int | None
    escalate_s: int | None


class SiteRules(Shape):
    """Numbers that a site sets for itself and all below it."""

    site: str
    rules: list[OwnRule]


class AlertRules(Shape):
    """Every rule, in the order of the inbox; `expiring_days` is when a lot expires soon."""

    expiring_days: int
    rules: list[RuleShape]
    sites: list[SiteRules]


class AlertContacts(Shape):
    contacts: list[AlertContact]


class MaintenanceShape(Shape):
    """A unit or site whose alerts are recorded and shown, and told to nobody; a site with all below it."""

    what: Literal["unit", "site"]
    name: str
    state: MaintenanceWord
    until_at: Instant | None
    reason: str
    who: str
    set_at: Instant


class Maintenance(Shape):
    maintenance: list[MaintenanceShape]


class MaintenanceIn(Shape):
    """Put a unit or site into maintenance until a time or until it is taken back, or take it out of use."""

    state: MaintenanceWord
    until: Annotated[str, Field(max_length=40)] | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500)]
