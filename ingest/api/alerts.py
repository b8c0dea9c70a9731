"""Alerts: the inbox, one of them with its history, and what a person does about it."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from ingest.alerts.rules import RULES, Numbers
from ingest.alerts.text import keys_of, texts, values_of, worded
from ingest.api.alert_shapes import (
    AlertAcknowledge,
    AlertClose,
    AlertComment,
    AlertContacts,
    AlertRules,
    Alerts,
    AlertTexts,
    AlertWhole,
    RuleWord,
    SeverityWord,
)
from ingest.api.answers import as_json
from ingest.api.errors import ApiError, responses
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.instants import iso
from ingest.ledger import alert_list, alerts, notifications
from ingest.ledger.alert_list import Listed, Wanted
from ingest.rulebook import rule_at

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from ingest.alerting import Terms
    from ingest.alerts.rules import Rule
    from ingest.api.context import Context
    from ingest.ledger.notifications import Notification

MAX_ALERTS = 500
MAX_OFFSET = 10_000_000
MAX_CSV = 100_000
CSV_COLUMNS = (
    *("id", "rule", "severity", "state", "unit", "source", "site", "item", "lot", "part", "since_at"),
    *("until_at", "found_at", "told_at", "told_to", "acknowledged_at", "acknowledged_by", "closed_at"),
    *("suppressed_by", "title", "why"),
)
LanguageWord = Literal["zh", "en", "mn"]
LanguageIn = Annotated[LanguageWord | None, Query(description="also say it in this language")]
AlertIn = Annotated[int, Path(ge=1, le=2**53)]
FilterIn = Annotated[str | None, Query(max_length=64)]

router = APIRouter(tags=["alerts"])


@router.get(
    "/api/v1/alerts",
    operation_id="list_alerts",
    response_class=Response,
    responses={
        200: {"model": Alerts, "content": {"text/csv": {"schema": {"type": "string"}}}},
        **responses(422, 503),
    },
)
def list_alerts(
    given: Given,
    state: Annotated[Literal["open", "pending", "past", "all"], Query()] = "open",
    site: FilterIn = None,
    under: Annotated[str | None, Query(max_length=64, description="this site and all below it")] = None,
    unit: FilterIn = None,
    rule: Annotated[RuleWord | None, Query()] = None,
    severity: Annotated[SeverityWord | None, Query()] = None,
    language: LanguageIn = None,
    after: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_ALERTS)] = 100,
    format: Annotated[Literal["json", "csv"], Query()] = "json",
) -> Response:
    """The inbox, worst first; of the past the newest first. As CSV all rows of the filter."""
    wanted, terms = Wanted(state, site, under, unit, rule, severity), given.alert_terms

    def look(ledger: sqlite3.Connection) -> Response:
        if format == "csv":
            return _csv(ledger, terms, alert_list.listed(ledger, wanted, MAX_CSV), language or "en")
        found = alert_list.listed(ledger, wanted, limit + 1, after)
        body = {
            "now": iso(given.now_ms()),
            "counts": _counts(ledger),
            "alerts": _shapes(ledger, terms, found[:limit], language),
            "after": after + limit if len(found) > limit else None,
        }
        return as_json(body)

    return given.reader.look(look)


def _counts(ledger: sqlite3.Connection) -> dict[str, int]:
    states = notifications.unsent(ledger)
    lost = states.get(notifications.DEAD, 0) + states.get(notifications.UNCERTAIN, 0)
    return alert_list.counts(ledger) | {"undelivered": lost}


def _csv(ledger: sqlite3.Connection, terms: Terms, found: list[Listed], language: str) -> Response:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(CSV_COLUMNS)
    for row in _shapes(ledger, terms, found, language):
        flat = row | row["said"] | {"told_to": " ".join(row["told_to"])}
        writer.writerow([_inert(flat[name]) for name in CSV_COLUMNS])
    headers = {"Content-Disposition": 'attachment; filename="alerts.csv"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _inert(cell: object) -> object:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


@router.get(
    "/api/v1/alerts/texts",
    operation_id="read_alert_texts",
    response_class=Response,
    responses={200: {"model": AlertTexts}, **responses(422)},
)
def read_alert_texts(language: Annotated[LanguageWord, Query()]) -> Response:
    """Every text of alerts in a language, by key; `{name}` stands for a value."""
    return as_json({"language": language, "texts": texts(language)})


@router.get(
    "/api/v1/alerts/contacts",
    operation_id="list_alert_contacts",
    response_class=Response,
    responses={200: {"model": AlertContacts}, **responses(503)},
)
def list_alert_contacts(given: Given) -> Response:
    """Who is told of alerts, by the settings, and how many messages to them wait or were given up."""
    by_contact = given.reader.look(notifications.counts_by_contact)
    contacts = [
        {
            "name": one.name,
            "site": one.site,
            "language": one.language,
            "severities": one.severities,
            "quiet": one.quiet_text,
            **{state: by_contact.get((one.name, state), 0) for state in ("waiting", "dead", "uncertain")},
        }
        for one in given.contacts
    ]
    return as_json({"contacts": contacts})


@router.get(
    "/api/v1/alerts/rules",
    operation_id="list_alert_rules",
    response_class=Response,
    responses={200: {"model": AlertRules}},
)
def list_alert_rules(given: Given) -> Response:
    """The rules in the order of the inbox, with their numbers by the settings, and the usual ones.

    `sites` are those for which the settings have other numbers, down the tree; null: as above it.
    """
    terms = given.alert_terms
    of_sites = [
        {"site": site, "rules": [{"rule": name, **own._asdict()} for name, own in owns.items()]}
        for site, owns in terms.of_sites.items()
    ]
    rules = [
        {
            "rule": name,
            "severity": rule.severity,
            **Numbers.of(rule)._asdict(),
            "usual": Numbers.of(RULES[name])._asdict(),
        }
        for name, rule in terms.rules.items()
    ]
    return as_json({"expiring_days": terms.expiring_days, "rules": rules, "sites": of_sites})


@router.get(
    "/api/v1/alerts/{id}",
    operation_id="read_alert",
    response_class=Response,
    responses={200: {"model": AlertWhole}, **responses(404, 422, 503)},
)
def read_alert(given: Given, id: AlertIn, language: LanguageIn = None) -> Response:
    """One alert with all that happened to it: who was told what and when, who took it, what was said."""
    return as_json(given.reader.look(lambda ledger: _whole(ledger, given.alert_terms, id, language)))


@router.post(
    "/api/v1/alerts/{id}/acknowledge",
    operation_id="acknowledge_alert",
    response_class=Response,
    responses={200: {"model": AlertWhole}, **responses(404, 409, 422, 503)},
)
def acknowledge_alert(request: Request, given: Given, id: AlertIn, said: AlertAcknowledge) -> Response:
    """Take it: nobody else is told, until it ends and begins anew. Once more adds the comment."""

    def work(ledger: sqlite3.Connection, who: str, now_ms: int) -> None:
        if not alerts.acknowledge(ledger, id, who, said.comment, now_ms):
            raise ApiError(409, "not_open", "path.id", f"alert {id} is over: comment on it instead")

    return _changed(request, given, id, work)


@router.post(
    "/api/v1/alerts/{id}/comment",
    operation_id="comment_alert",
    response_class=Response,
    responses={200: {"model": AlertWhole}, **responses(404, 422, 503)},
)
def comment_alert(request: Request, given: Given, id: AlertIn, said: AlertComment) -> Response:
    """Say something about it, for whoever reads its history."""
    return _changed(
        request,
        given,
        id,
        lambda ledger, who, now_ms: alerts.add_step(ledger, id, now_ms, "commented", who, said.comment),
    )


@router.post(
    "/api/v1/alerts/{id}/close",
    operation_id="close_alert",
    response_class=Response,
    responses={200: {"model": AlertWhole}, **responses(404, 409, 422, 503)},
)
def close_alert(request: Request, given: Given, id: AlertIn, said: AlertClose) -> Response:
    """End it by hand, as of a probe that is gone; it begins anew when its condition went and came back."""

    def work(ledger: sqlite3.Connection, who: str, now_ms: int) -> None:
        if not alerts.close(ledger, id, who, said.reason, now_ms):
            raise ApiError(409, "not_open", "path.id", f"alert {id} is over already")

    return _changed(request, given, id, work)


def _changed(
    request: Request, given: Context, number: int, work: Callable[[sqlite3.Connection, str, int], object]
) -> Response:
    holder: str = request.scope["state"]["holder"]

    def change(ledger: sqlite3.Connection) -> dict[str, Any]:
        _need(ledger, number)
        work(ledger, holder, given.now_ms())
        return _whole(ledger, given.alert_terms, number, None)

    answer = as_json(given.change(change))
    given.alert_news.changed()
    return answer


def _need(ledger: sqlite3.Connection, number: int) -> Listed:
    found = alert_list.find(ledger, number)
    if found is None:
        raise ApiError(404, "unknown_alert", "path.id", f"there is no alert {number}")
    return found


def _whole(ledger: sqlite3.Connection, terms: Terms, number: int, language: str | None) -> dict[str, Any]:
    found = _need(ledger, number)
    steps = [
        {"at": iso(step.at_ms), "what": step.what, "who": step.who, "text": step.text}
        for step in alert_list.steps(ledger, number)
    ]
    messages = [_message(one) for one in notifications.of_alert(ledger, number)]
    return _shapes(ledger, terms, [found], language)[0] | {"history": steps, "messages": messages}


def _message(one: Notification) -> dict[str, Any]:
    return {
        "contact": one.contact,
        "title": one.title,
        "body": one.body,
        "state": one.state,
        "made_at": iso(one.made_ms),
        "due_at": iso(one.due_ms),
        "settled_at": _iso(one.settled_ms),
        "attempts": one.attempts,
        "error": one.error,
    }


def _shapes(
    ledger: sqlite3.Connection, terms: Terms, found: list[Listed], language: str | None
) -> list[dict[str, Any]]:
    told_to = alert_list.told_to(ledger, [alert.number for alert in found])
    return [
        _shape(
            alert,
            rule_at(ledger, terms.rules, terms.of_sites, alert.rule, alert.site),
            told_to[alert.number],
            language,
        )
        for alert in found
    ]


def _shape(alert: Listed, rule: Rule, told_to: Iterable[str], language: str | None) -> dict[str, Any]:
    values = values_of(alert) | {"since": iso(alert.since_ms), "found": iso(alert.found_ms)}
    keys = keys_of(alert)
    said = None if language is None else dict(zip(keys, worded(alert, language), strict=True))
    return {
        "id": alert.number,
        "rule": alert.rule,
        "severity": rule.severity,
        "state": alert.state,
        **{name: getattr(alert, name) for name in _AS_IT_IS},
        "since_at": iso(alert.since_ms),
        "fires_at": iso(alert.fired_ms),
        "until_at": _iso(alert.over_ms),
        "found_at": iso(alert.found_ms),
        "seen_at": iso(alert.seen_ms),
        "by": {
            "for_s": rule.holds.for_s,
            "keep_s": rule.holds.keep_s,
            "escalate_s": rule.escalate_s,
            "late_s": rule.late_s,
        },
        "text": keys | {"values": values},
        "said": said,
        "told_at": _iso(alert.told_ms),
        "told_to": told_to,
        "escalates_at": _iso(alert.escalate_ms),
        "acknowledged_at": _iso(alert.acknowledged_ms),
        "closed_at": _iso(alert.closed_ms),
    }


_AS_IT_IS = (
    *("unit", "unit_name", "source", "site", "site_name", "item", "item_names", "lot", "part", "numbers"),
    *("acknowledged_by", "closed_by", "suppressed_by", "explained_by"),
)


def _iso(time_ms: int | None) -> str | None:
    return None if time_ms is None else iso(time_ms)
