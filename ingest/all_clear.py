"""The all-clear: whoever was woken by an alert hears, once, that it is over, and why.

Somebody may be on the way through the night for a call that was taken back. So those whom a message of an
`act` alert reached, or may have reached, get one more when it ends; who never heard of it hears nothing now.
That of a call goes out at once, any other waits out quiet hours. When what came late says that the alert
lasts after all, an all-clear that waits is dropped, and after one that went out they are told anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.alerts import contact, text
from ingest.alerts.rules import ACT, LOOK, RULES
from ingest.ledger import alert_list, alerts, notifications
from ingest.ledger.notifications import Draft

if TYPE_CHECKING:
    import sqlite3

    from ingest.alerts.contact import Contact
    from ingest.ledger.alert_list import Listed


def tell(ledger: sqlite3.Connection, contacts: tuple[Contact, ...], number: int, now_ms: int) -> None:
    """Write to everybody who heard of an alert that it is over."""
    alert = alert_list.find(ledger, number)
    assert alert is not None  # noqa: S101 -- it was just read
    heard = set(notifications.who_heard(ledger, number))
    severity = ACT if RULES[alert.rule].is_call else LOOK
    drafts = [
        Draft(
            key_of(number, one.name, alerts.lives(ledger, number), "over"),
            number,
            one.name,
            *_letter(ledger, alert, one.language),
            contact.due_ms(one, severity, now_ms),
            is_over=True,
        )
        for one in contacts
        if one.name in heard
    ]
    notifications.put(ledger, drafts, now_ms)
    alerts.tell_nobody(ledger, number)
    if drafts:
        names = ", ".join(draft.contact for draft in drafts)
        alerts.add_step(ledger, number, now_ms, "all_clear", None, names)


def key_of(number: int, contact: str, lives: int, what: str = "") -> str:
    """What a message is about and to whom: one of each for each time that the alert began."""
    again = str(lives) if lives else ""
    return "/".join(word for word in (str(number), contact, what + again) if word)


def _letter(ledger: sqlite3.Connection, alert: Listed, language: str) -> tuple[str, str]:
    title, _, _ = text.worded(alert, language)
    values = text.values_of(alert, language)
    lines = [_why(ledger, alert, language)]
    lines += [text.said(language, f"letter.{part}", values) for part in ("since", "number")]
    return text.said(language, "letter.over", {"title": title}), "\n".join(lines)


def _why(ledger: sqlite3.Connection, alert: Listed, language: str) -> str:
    until_ms = alert.over_ms if alert.closed_ms is None else alert.closed_ms
    until = None if until_ms is None else text.clock_face(until_ms)
    if alert.state == "withdrawn":
        key = "withdrawn"
    elif alert.closed_ms is not None:
        key = "closed"
    else:
        key = "taken_back" if RULES[alert.rule].is_call else "ended"
    reason = alerts.newest_step(ledger, alert.number, "closed")
    return text.said(language, f"letter.{key}", {"until": until, "who": alert.closed_by, "reason": reason})
