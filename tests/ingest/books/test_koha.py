"""Koha's REST interface, against a small real HTTP server with a library of its own."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ingest.books.koha import KohaLibrary
from ingest.books.library import Answer, LibraryBusy, LibraryRefused, Transaction

AT_MS = 1_795_248_000_000
DAY_MS = 86_400_000
ITEMS = {"B1": 1, "B2": 2, "B4": 4}
PATRONS = {"R1": {"patron_id": 11}, "R2": {"patron_id": 12, "restricted": True}, "R9": {"patron_id": 19}}


class Koha:
    """Items, patrons and checkouts by item; `status` overrides every answer, `trouble` that of one path."""

    def __init__(self) -> None:
        self.checkouts: dict[int, dict[str, Any]] = {
            2: {"checkout_id": 7, "patron_id": 19, "item_id": 2, "checkout_date": "2026-11-01T08:00:00+08:00"}
        }
        self.posts: list[str] = []
        self.status = 200
        koha = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                self.say(koha.status, koha.found(url.path.removeprefix("/api/v1/"), query))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.say(*koha.post(self.path.removeprefix("/api/v1/"), body))

            def say(self, status: int, body: Any) -> None:
                is_let_in = self.headers["Authorization"] == "Basic b3J0b286c2VjcmV0"
                data = b"<html>" if body is None else json.dumps(body).encode()
                self.send_response(status if is_let_in else 401)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def found(self, what: str, query: dict[str, str]) -> Any:
        if what == "items":
            number = ITEMS.get(query["external_id"])
            return [] if number is None else [{"item_id": number, "withdrawn": int(number == 4)}]
        if what == "patrons":
            return [PATRONS[query["cardnumber"]]] if query["cardnumber"] in PATRONS else []
        loan = self.checkouts.get(int(query["item_id"]))
        return [] if loan is None else [loan]

    def post(self, what: str, body: dict[str, Any]) -> tuple[int, Any]:
        self.posts.append(what)
        if what == "checkins":
            self.checkouts.pop(body["item_id"])
            return 201, {}
        if what == "checkouts":
            if body["item_id"] in self.checkouts:
                return 409, {"error": "Already checked out"}
            self.checkouts[body["item_id"]] = {
                "checkout_id": 8,
                "checkout_date": "2026-11-21T16:00:00+08:00",
                **body,
            }
            return 201, self.checkouts[body["item_id"]]
        (loan,) = [
            one for one in self.checkouts.values() if what == f"checkouts/{one['checkout_id']}/renewal"
        ]
        loan |= body
        return 201, loan

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def koha() -> Iterator[Koha]:
    made = Koha()
    yield made
    made.close()


@pytest.fixture
def library(koha: Koha) -> Iterator[KohaLibrary]:
    made = KohaLibrary(koha.url, "ortoo", "secret", 20)
    yield made
    made.close()


def one(action: str, copy: str, card: str | None = "R1", at_ms: int = AT_MS, **more: Any) -> Transaction:
    return Transaction(1, action, copy, card, at_ms, AT_MS + 30 * DAY_MS, **more)


def settled(library: KohaLibrary, *transactions: Transaction) -> list[Answer]:
    return list(library.settle(transactions))


def test_each_transaction_gets_its_answer(koha: Koha, library: KohaLibrary) -> None:
    asked = [
        (one("lend", "B1"), "done", ""),
        (one("lend", "B1"), "already", "the library has this loan"),
        (one("renew", "B1", at_ms=AT_MS + 1)._replace(due_ms=AT_MS + 60 * DAY_MS), "done", ""),
        (one("renew", "B1"), "already", "the library has this loan"),
        (one("lend", "B2"), "conflict", "on_loan_elsewhere"),
        (one("lend", "B1", "R2"), "conflict", "on_loan_elsewhere"),
        (one("lend", "B3"), "conflict", "unknown_item"),
        (one("lend", "B4"), "conflict", "item_withdrawn"),
        (one("lend", "B4", "R2"), "conflict", "reader_blocked"),
        (one("lend", "B4", "R7"), "conflict", "unknown_card"),
        (one("renew", "B4"), "conflict", "not_on_loan"),
        (one("take_back", "B1", None, AT_MS - DAY_MS), "conflict", "on_loan_elsewhere"),
        (one("take_back", "B1", None), "done", ""),
        (one("take_back", "B1", None), "already", "the library has it as not on loan"),
        (one("lend", "B2", undo=("R9",)), "done", ""),
        (one("lend", "B2", "R9", is_decided=True), "done", ""),
    ]
    answers = settled(library, *(transaction for transaction, _, _ in asked))
    assert [(answer.outcome, answer.cause) for answer in answers] == [tuple(rest) for _, *rest in asked]
    assert answers[4].facts["since"] == "2026-11-01T08:00:00+08:00"
    assert koha.checkouts == {2: koha.checkouts[2]}
    assert koha.checkouts[2]["patron_id"] == 19


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (503, LibraryBusy, "503; trying again later helps"),
        (404, LibraryRefused, "does not offer items: use SIP2"),
        (403, LibraryRefused, "does not let us in"),
    ],
)
def test_a_koha_in_trouble(
    koha: Koha, library: KohaLibrary, status: int, kind: type[Exception], words: str
) -> None:
    koha.status = status
    with pytest.raises(kind, match=words):
        settled(library, one("lend", "B1"))


def test_something_else_answers(koha: Koha, library: KohaLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(koha, "found", lambda *_: None)
    with pytest.raises(LibraryBusy, match="is not JSON: is this Koha"):
        settled(library, one("lend", "B1"))
    monkeypatch.setattr(koha, "found", lambda *_: {})
    with pytest.raises(LibraryBusy, match="is no list"):
        settled(library, one("lend", "B1"))


def test_a_wrong_password_and_nobody_there(koha: Koha, free_port: int) -> None:
    with pytest.raises(LibraryRefused, match="correct library") as found:
        settled(KohaLibrary(koha.url, "ortoo", "wrong", 20), one("lend", "B1"))
    assert "wrong" not in str(found.value)
    with pytest.raises(LibraryBusy, match="trying again later helps"):
        settled(KohaLibrary(f"http://127.0.0.1:{free_port}", "ortoo", "secret", 20), one("lend", "B1"))
