"""Koha by its REST interface, where a library offers it (Koha 23.11 and later: checkouts, patrons, items).

    GET  /api/v1/items?external_id=BARCODE          the copy, with `checked_out_date` and so on
    GET  /api/v1/patrons?cardnumber=CARD            the reader, with `restricted` and `expired`
    GET  /api/v1/checkouts?item_id=N                who has it, since when
    POST /api/v1/checkouts                          a loan (patron_id, item_id, due_date)
    POST /api/v1/checkouts/N/renewal                a renewal
    POST /api/v1/checkins                           a return (item_id), where the version has it

Paths and fields are Koha's own documentation's; a library that lacks one answers 404, which is said as what
it is: this Koha does not offer it, use SIP2.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import httpx

from ingest.books.library import (
    ALREADY,
    CONFLICT,
    DONE,
    ITEM_WITHDRAWN,
    LEND,
    NOT_ON_LOAN,
    ON_LOAN_ELSEWHERE,
    READER_BLOCKED,
    REFUSED,
    TAKE_BACK,
    UNKNOWN_CARD,
    UNKNOWN_ITEM,
    Answer,
    LibraryBusy,
    LibraryRefused,
    Transaction,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LATER = frozenset({429, 500, 502, 503, 504})


class KohaLibrary:
    """A Koha at `url` with a user that may lend; every answer within `timeout_s`."""

    def __init__(self, url: str, user: str, password: str, timeout_s: float) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.Client(auth=(user, password), timeout=timeout_s, trust_env=False)

    def settle(self, transactions: Sequence[Transaction]) -> Iterator[Answer]:
        """An answer each, in their order; raises LibraryError."""
        for one in transactions:
            yield self._settled(one)

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def _settled(self, one: Transaction) -> Answer:
        items = self._listed("items", external_id=one.copy)
        if not items:
            return Answer(CONFLICT, UNKNOWN_ITEM, {})
        item = items[0]
        checkouts = self._listed("checkouts", item_id=item["item_id"])
        loan = checkouts[0] if checkouts else None
        if one.action == TAKE_BACK:
            return self._taken_back(one, item, loan)
        patrons = [] if one.card is None else self._listed("patrons", cardnumber=one.card)
        if not patrons:
            return Answer(CONFLICT, UNKNOWN_CARD, _facts(loan))
        return self._lent(one, item, loan, patrons[0])

    def _lent(
        self, one: Transaction, item: dict[str, Any], loan: dict[str, Any] | None, patron: dict[str, Any]
    ) -> Answer:
        is_ours = loan is not None and loan["patron_id"] == patron["patron_id"]
        if loan is not None and is_ours and (one.action == LEND or _is_due_by(loan, one)):
            return Answer(ALREADY, "the library has this loan", _facts(loan))
        objection = None if one.is_decided else self._objection(one, item, loan, patron, is_ours)
        if objection is not None:
            return objection
        if loan is not None and is_ours:
            return self._posted(f"checkouts/{loan['checkout_id']}/renewal", {"due_date": _date(one.due_ms)})
        if loan is not None:
            self._posted("checkins", {"item_id": item["item_id"]})
        body = {"patron_id": patron["patron_id"], "item_id": item["item_id"], "due_date": _date(one.due_ms)}
        return self._posted("checkouts", body)

    def _objection(
        self,
        one: Transaction,
        item: dict[str, Any],
        loan: dict[str, Any] | None,
        patron: dict[str, Any],
        is_ours: bool,
    ) -> Answer | None:
        is_blocked = bool(patron.get("restricted") or patron.get("expired"))
        objections = {
            ON_LOAN_ELSEWHERE: loan is not None and not is_ours and not self._is_of(loan, one.undo),
            NOT_ON_LOAN: loan is None and one.action != LEND,
            READER_BLOCKED: is_blocked,
            ITEM_WITHDRAWN: bool(item.get("withdrawn")),
        }
        cause = next((cause for cause, is_so in objections.items() if is_so), None)
        facts = _facts(loan) | {"reader": "blocked" if is_blocked else "good"}
        return None if cause is None else Answer(CONFLICT, cause, facts)

    def _is_of(self, loan: dict[str, Any], cards: Sequence[str]) -> bool:
        """Whether the loan is one of those that we told it, and that happened later."""
        found = (patron for card in cards for patron in self._listed("patrons", cardnumber=card))
        return any(patron["patron_id"] == loan["patron_id"] for patron in found)

    def _taken_back(self, one: Transaction, item: dict[str, Any], loan: dict[str, Any] | None) -> Answer:
        if loan is None:
            return Answer(ALREADY, "the library has it as not on loan", {})
        if _ms(loan.get("checkout_date")) > one.at_ms and not one.is_decided and not one.undo:
            return Answer(CONFLICT, ON_LOAN_ELSEWHERE, _facts(loan))  # it was lent there after this return
        return self._posted("checkins", {"item_id": item["item_id"]})

    # --- HTTP

    def _listed(self, what: str, **query: str | int) -> list[dict[str, Any]]:
        answer = self._asked("GET", what, params=query)
        found = self._json(answer, what)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise LibraryBusy(f"{self._url}: {what} is no list: is this Koha's REST interface?")
        return found

    def _posted(self, what: str, body: dict[str, Any]) -> Answer:
        answer = self._asked("POST", what, json={name: value for name, value in body.items() if value})
        found = self._json(answer, what) if answer.content else {}
        if answer.is_success:
            return Answer(DONE, "", _facts(found if isinstance(found, dict) else None))
        words = found.get("error") if isinstance(found, dict) else None
        return Answer(REFUSED, str(words or f"the library says {answer.status_code} and not why")[:500], {})

    def _asked(self, method: str, what: str, **more: Any) -> httpx.Response:
        try:
            answer = self._client.request(method, f"{self._url}/api/v1/{what}", **more)
        except httpx.HTTPError as error:
            raise LibraryBusy(
                f"{self._url}: {error or type(error).__name__}; trying again later helps"
            ) from None
        if answer.status_code in {401, 403}:
            raise LibraryRefused(f"{self._url} does not let us in: correct library.user and its password")
        if answer.status_code == 404:
            raise LibraryRefused(
                f"{self._url} does not offer {what.split('/', maxsplit=1)[0]}: use SIP2 with this Koha"
            )
        if answer.status_code in LATER:
            raise LibraryBusy(f"{self._url}: {answer.status_code}; trying again later helps")
        return answer

    def _json(self, answer: httpx.Response, what: str) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise LibraryBusy(f"{self._url}: {what} is not JSON: is this Koha's REST interface?") from None


def _facts(loan: dict[str, Any] | None) -> dict[str, str]:
    if loan is None:
        return {}
    said = {"since": loan.get("checkout_date"), "due": loan.get("due_date")}
    return {name: str(value) for name, value in said.items() if value}


def _date(time_ms: int | None) -> str | None:
    if time_ms is None:
        return None
    return datetime.datetime.fromtimestamp(time_ms / 1000, datetime.UTC).isoformat(timespec="seconds")


def _ms(text: Any) -> int:
    """Milliseconds since 1970 of an RFC 3339 time; 0 for what is none, so that nothing is held against it."""
    try:
        moment = datetime.datetime.fromisoformat(str(text))
    except ValueError:
        return 0
    return round(moment.timestamp() * 1000) if moment.tzinfo else 0


def _is_due_by(loan: dict[str, Any], one: Transaction) -> bool:
    return one.due_ms is not None and _ms(loan.get("due_date")) >= one.due_ms // 1000 * 1000
