"""The rules: what is watched, how long it must hold, when it is over, how urgent it is. One table.

`act` wakes somebody at any hour and goes up the tree of sites until somebody takes it; `look` waits for the
morning. The order is that of the inbox: a person who calls for help stands first. Freezing stands before and
apart from heat: it spoils a vaccine for good and at once (WHO), and in a winter here it is the likelier one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ingest.alerts.episode import Holds

ACT, LOOK = "act", "look"
SEVERITIES = (ACT, LOOK)
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
NEVER_S = 100 * 365 * DAY_S  # of what is known by silence alone


class Rule(NamedTuple):
    """One rule. `escalate_s`: when nobody took it by then, the next site up is told; None: nobody else is.

    `late_s`: what is known by nothing younger may be over already; it is told only when its unit has said
    all that it had kept. `is_sampled`: its readings come all the time, so a run of equal ones is one sample.
    `explained_by`: while one of these fires for the same thing, this one is shown and not told.
    `is_call`: a person calls, so nothing holds it back: neither maintenance, nor what was told just now, nor,
    for more than CALL_SETTLE_S, what its unit still brings. One older than STALE_CALL_S when it comes is only
    shown.
    """

    holds: Holds
    severity: str
    escalate_s: int | None = None
    late_s: int = 10 * MINUTE_S
    is_sampled: bool = False
    explained_by: tuple[str, ...] = ()
    is_call: bool = False


CALL_SETTLE_S = MINUTE_S  # it may have been taken back in the next batch
STALE_CALL_S = 7 * DAY_S  # whoever called was met since, or is past all paging

RULES = {
    "help_called": Rule(Holds(0, 0), ACT, escalate_s=5 * MINUTE_S, is_call=True),
    # judged on the unit, minute by minute, long before it has coverage: nothing to wait for here
    "freezing": Rule(Holds(0, 30 * MINUTE_S), ACT, escalate_s=HOUR_S // 2),
    "overheating": Rule(Holds(0, 30 * MINUTE_S), ACT, escalate_s=HOUR_S),
    "stock_out": Rule(Holds(0, HOUR_S), ACT, escalate_s=DAY_S),
    "expired_only": Rule(Holds(0, HOUR_S), ACT, escalate_s=DAY_S, explained_by=("stock_out",)),
    "power_lost": Rule(Holds(10 * MINUTE_S, 10 * MINUTE_S), ACT, escalate_s=4 * HOUR_S, is_sampled=True),
    "door_open": Rule(Holds(5 * MINUTE_S, MINUTE_S), ACT, escalate_s=HOUR_S),
    "probe_silent": Rule(Holds(0, 10 * MINUTE_S), ACT, escalate_s=4 * HOUR_S),
    "cabinet_silent": Rule(
        Holds(0, 10 * MINUTE_S),
        ACT,
        escalate_s=4 * HOUR_S,
        late_s=NEVER_S,
        explained_by=("probe_silent",),
    ),
    "unit_overdue": Rule(Holds(0, 0), LOOK, escalate_s=DAY_S, late_s=NEVER_S),
    "low_stock": Rule(
        Holds(0, HOUR_S), LOOK, escalate_s=3 * DAY_S, explained_by=("stock_out", "expired_only")
    ),
    # one for each excursion; while it is still warm or cold there, its own alert says what to do
    "quarantine": Rule(Holds(0, 0), LOOK, escalate_s=DAY_S, explained_by=("freezing", "overheating")),
    "expired": Rule(Holds(0, 0), LOOK, escalate_s=3 * DAY_S, explained_by=("expired_only",)),
    "expiring": Rule(Holds(0, 0), LOOK),
    "probe_fault": Rule(
        Holds(10 * MINUTE_S, 10 * MINUTE_S), LOOK, explained_by=("probe_silent", "cabinet_silent")
    ),
    "unit_fault": Rule(Holds(10 * MINUTE_S, 10 * MINUTE_S), LOOK),
    "battery_low": Rule(Holds(30 * MINUTE_S, HOUR_S), LOOK, is_sampled=True, explained_by=("power_lost",)),
    "books_missing": Rule(Holds(0, 0), LOOK, late_s=DAY_S),
    "book_lists_old": Rule(Holds(0, 0), LOOK, late_s=DAY_S, is_sampled=True),
}
Rules = Mapping[str, Rule]


class Numbers(NamedTuple):
    """What a county may set of a rule, in seconds; `escalate_s` None: nobody else is told."""

    for_s: int
    keep_s: int
    escalate_s: int | None

    @classmethod
    def of(cls, rule: Rule) -> Numbers:
        return cls(rule.holds.for_s, rule.holds.keep_s, rule.escalate_s)


def with_numbers(numbers: Mapping[str, Numbers]) -> Rules:
    """The rules with these numbers in place of their own."""
    return {
        name: rule
        if (own := numbers.get(name)) is None
        else rule._replace(holds=Holds(own.for_s, own.keep_s), escalate_s=own.escalate_s)
        for name, rule in RULES.items()
    }


class OwnNumbers(NamedTuple):
    """What a site sets of a rule for itself and all below it, in seconds; None: as above.

    `escalate_s` 0: nobody else is told.
    """

    for_s: int | None = None
    keep_s: int | None = None
    escalate_s: int | None = None


OfSites = Mapping[str, Mapping[str, OwnNumbers]]  # by site and rule


def at_site(rule: Rule, owns: Iterable[OwnNumbers]) -> Rule:
    """The rule where these set its numbers, the farthest first."""
    for own in owns:
        for_s, keep_s = (old if new is None else new for old, new in zip(rule.holds, own[:2], strict=True))
        escalate_s = rule.escalate_s if own.escalate_s is None else own.escalate_s or None
        rule = rule._replace(holds=Holds(for_s, keep_s), escalate_s=escalate_s)
    return rule


RANKS = {rule: rank for rank, rule in enumerate(RULES)}
