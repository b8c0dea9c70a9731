"""The crew's page: its server's manners, and the page in a real browser at a phone's size, offline."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from edge import __main__ as command_line
from edge.__main__ import BAD_CONFIG
from edge.books import lists, rules
from edge.books.fetching import Fetching
from edge.books.serve import FILES, MAX_BODY_BYTES, MOST_GUESSES_OF_ONE, MOST_OF_ONE, Page, is_local
from firmware import wire
from tests.edge.books.made import UTC_MS, Unit, some_lists
from tests.fixtures.ports import free_port, is_open
from tests.fixtures.programs import ROOT
from tests.fixtures.waiting import wait_until
from tests.web.browser import Browsers, Watched, browsers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LANGUAGES = ("zh", "en", "mn")
PHONE: dict[str, Any] = {"width": 390, "height": 844}


def served(unit: Unit, code: str = "") -> Page:
    page = Page(("127.0.0.1", 0), unit.books / "books.sock", code)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    return page


@pytest.fixture
def page(unit: Unit) -> Iterator[Page]:
    made = served(unit)
    yield made
    made.shutdown()
    made.server_close()


def request(
    page: Page, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, Any, http.client.HTTPResponse]:
    line = http.client.HTTPConnection("127.0.0.1", page.server_address[1], timeout=60)
    sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    given = {"Content-Type": "application/json", **headers} if sent is not None else headers
    line.request(method, path, sent, {name.replace("_", "-"): value for name, value in given.items()})
    answer = line.getresponse()
    content = answer.read()
    line.close()
    found = json.loads(content) if answer.headers.get_content_type() == "application/json" else content
    return answer.status, found, answer


# --- the server -----------------------------------------------------------------------------------------


def test_files_bear_a_strict_policy_and_nothing_else_is_served(page: Page) -> None:
    for path in ("/", "/page.js", "/page.css", "/messages/mn.json"):
        status, content, answer = request(page, "GET", path)
        assert (status, bool(content)) == (200, True)
        assert "default-src 'none'; script-src 'self'" in answer.headers["Content-Security-Policy"]
    for path in ("/../serve.py", "/messages/../../serve.py", "/page.html", "/.git"):
        assert request(page, "GET", path)[0] == 404


REQUESTS: list[tuple[object, dict[str, str], int]] = [
    ({"what": "status", "id": "a"}, {}, 200),
    ({"what": "lists", "id": "a"}, {}, 400),
    ({"what": ["status"], "id": "a"}, {}, 400),
    (b"[]", {}, 400),
    (b"{", {}, 400),
    (b"[" * 4000, {}, 400),
    (b" " * (MAX_BODY_BYTES + 1), {}, 400),
    ({"what": "status", "id": "a"}, {"Origin": "http://elsewhere"}, 400),
    ({"what": "status", "id": "a"}, {"Content_Type": "text/plain"}, 400),
    # A name of elsewhere that is answered with our address: its page would be taken for ours.
    ({"what": "status", "id": "a"}, {"Host": "evil.example", "Origin": "http://evil.example"}, 400),
    ({"what": "status", "id": "a"}, {"Host": "bus.local", "Origin": "http://bus.local"}, 200),
]


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("192.168.4.1:8090", True),
        ("[fe80::1]:8090", True),
        ("[::1]", True),
        ("localhost", True),
        ("library-01:8090", True),
        ("Bus.Local", True),
        ("evil.example:8090", False),
        ("192.168.4.1.evil.example", False),
        ("local.evil", False),
        ("", False),
    ],
)
def test_only_this_network_has_a_name_for_the_page(host: str, is_ours: bool) -> None:
    assert is_local(host) is is_ours


def test_clients_that_say_nothing_keep_nobody_else_out(page: Page) -> None:
    idle = [socket.create_connection(page.server_address[:2]) for _ in range(2 * MOST_OF_ONE)]  # type: ignore[arg-type]
    wait_until(lambda: page._open.total() == MOST_OF_ONE, 30)
    assert idle[-1].recv(1) == b"", "of one phone, no more than it needs"
    page._open["192.168.4.7"] = page._open.pop("127.0.0.1")  # another phone's
    assert request(page, "GET", "/")[0] == 200
    for one in idle:
        one.close()


def test_only_our_own_page_may_ask(page: Page) -> None:
    for body, headers, status in REQUESTS:
        assert request(page, "POST", "/api/ask", body, **headers)[0] == status, body


def test_with_a_code_nobody_asks_without_it_nor_guesses_it(unit: Unit) -> None:
    page = served(unit, "7319")
    ask = {"what": "status", "id": "a"}
    assert request(page, "POST", "/api/ask", ask)[0] == 401
    status, _, answer = request(page, "POST", "/api/enter", {"code": "7319"})
    cookie = answer.headers["Set-Cookie"]
    assert status == 200
    assert "HttpOnly; SameSite=Strict" in cookie
    assert request(page, "POST", "/api/ask", ask, Cookie=cookie.partition(";")[0])[0] == 200
    for guess in range(MOST_GUESSES_OF_ONE):
        assert request(page, "POST", "/api/enter", {"code": str(guess)})[0] == 401
    assert request(page, "POST", "/api/enter", {"code": "7319"})[0] == 401  # for a minute
    page.shutdown()
    page.server_close()


def test_without_an_agent_the_page_is_there_and_says_so(tmp_path: Path) -> None:
    page = Page(("127.0.0.1", 0), tmp_path / "books.sock", "")
    threading.Thread(target=page.serve_forever, daemon=True).start()
    status, answer, _ = request(page, "POST", "/api/ask", {"what": "status", "id": "a"})
    assert (status, answer["state"]) == (503, "gone")
    page.shutdown()
    page.server_close()


def test_the_command_serves_it_and_says_what_keeps_it_from_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    config, port = tmp_path / "unit.toml", free_port()
    books = f'[books]\nfolder = "{tmp_path}"\npage_host = "127.0.0.1"\npage_port = {port}\n'
    config.write_text(f'[unit]\nid = "library-01"\n{books}')
    program = subprocess.Popen([sys.executable, "-m", "edge", "shelf", "--config", str(config)], cwd=ROOT)
    try:
        wait_until(lambda: is_open(port), 20)
        assert command_line.main(["shelf", "--config", str(config)]) == 1, "systemd is to try again"
        assert f"127.0.0.1:{port}: Address already in use: it may be there later" in caplog.text
    finally:
        program.terminate()
        program.wait(30)
    config.write_text('[unit]\nid = "library-01"\n')
    assert command_line.main(["shelf", "--config", str(config)]) == BAD_CONFIG
    assert "no book shelf" in capsys.readouterr().err
    config.write_text(f'[unit]\nid = "library-01"\n{books}page_code_file = "{tmp_path}/none"\n')
    assert command_line.main(["shelf", "--config", str(config)]) == BAD_CONFIG
    assert "page_code_file" in capsys.readouterr().err


def test_a_network_that_is_not_there_yet_is_no_wrong_setting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The vehicle's own Wi-Fi may come up behind the page, which would else stay away for good."""
    config = tmp_path / "unit.toml"
    books = f'[books]\nfolder = "{tmp_path}"\npage_host = "192.0.2.1"\n'
    config.write_text(f'[unit]\nid = "library-01"\n{books}')
    assert command_line.main(["shelf", "--config", str(config)]) == 1
    assert "192.0.2.1:8090: Cannot assign requested address: it may be there later" in caplog.text


@pytest.mark.parametrize(
    "answer", [b"garbage\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"]
)
def test_what_is_no_answer_is_no_end_of_asking(
    tmp_path: Path, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            client, _ = server.accept()
            with client:
                client.recv(4096)
                client.sendall(answer)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        fetching = Fetching(f"http://127.0.0.1:{server.getsockname()[1]}/lists", "", tmp_path)
        assert fetching.step() is False
        thread.join(30)
    assert "the lists before stay in force" in caplog.text


# --- lists over the air ---------------------------------------------------------------------------------


class Service(BaseHTTPRequestHandler):
    """The service's side of the lists, as far as the unit asks."""

    asked: list[dict[str, str]] = []  # noqa: RUF012
    tag, content, status = "r2", b"", 200

    def do_GET(self) -> None:
        self.asked.append(dict(self.headers))
        is_same = self.headers.get("If-None-Match") == self.tag
        self.send_response(304 if is_same else self.status)
        self.send_header("ETag", self.tag)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0" if is_same else str(len(self.content)))
        self.end_headers()
        if not is_same:
            self.wfile.write(self.content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_newer_lists_are_fetched_once(unit: Unit, tmp_path: Path) -> None:
    Service.content = lists.written(some_lists(revision="r2", as_of_ms=UTC_MS))
    service = HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    (tmp_path / "token").write_text("secret\n")
    url = f"http://127.0.0.1:{service.server_address[1]}/lists"
    fetching = Fetching(url, str(tmp_path / "token"), unit.books)
    assert fetching.step()
    assert unit.ask("status")["revision"] == "r2"
    assert not fetching.step()  # 304
    assert [one.get("If-None-Match") for one in Service.asked] == [None, "r2"]
    assert Service.asked[0]["Authorization"] == "Bearer secret"
    Service.tag = "r3"
    for status in (500, 302):
        Service.status = status
        assert not fetching.step()
    Service.status, Service.content = 200, b"<html>log in to the network</html>"
    assert not fetching.step()
    assert unit.ask("status")["revision"] == "r2"
    service.shutdown()
    service.server_close()
    assert not fetching.step()  # nobody there
    assert {one["Host"] for one in Service.asked} == {url.split("/")[2]}
    assert len(Service.asked) == 5
    unit.end()
    assert [row["state"] for row in unit.books_of("lists")] == ["taken", "taken"]


# --- words ----------------------------------------------------------------------------------------------


def words(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((FILES / "messages" / f"{language}.json").read_text(encoding="utf-8"))
    return found


def test_each_language_has_a_word_for_all_that_is_shown() -> None:
    keys = list(words("en"))
    assert [list(words(language)) for language in LANGUAGES] == [keys] * 3
    rule_words = [value for name, value in vars(rules).items() if name.isupper() and isinstance(value, str)]
    findings = wire.KINDS["settle"].by_name["finding"].words
    assert {f"rule_{word}" for word in rule_words} | {f"finding_{word}" for word in findings} <= set(keys)
    script = (FILES / "page.js").read_text(encoding="utf-8")
    unused = [
        key
        for key in keys
        if f'"{key}"' not in script and not key.startswith(("rule_", "finding_", "conflict_", "tab_"))
    ]
    assert unused == []


# --- the browser ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chrome(chromium: Path, artefacts: Path) -> Iterator[Browsers]:
    with browsers(chromium, artefacts) as made:
        yield made


def type_in(phone: Watched, text: str) -> None:
    """As a scanner does: keys, then Enter, wherever the focus is left."""
    phone.wait("document.activeElement?.id === 'scan' && !document.activeElement.disabled")
    phone.page.keyboard.type(text)
    phone.page.keyboard.press("Enter")


def shown(phone: Watched) -> str:
    return str(phone.page.inner_text("#main"))


def has(phone: Watched, text: str) -> None:
    wait_until(lambda: text in shown(phone), 15, what=f"{text!r} in {shown(phone)!r}")


def fits(phone: Watched) -> None:
    """Nothing sticks out at the side, and every button can be hit with a thumb."""
    assert phone.read("document.documentElement.scrollWidth <= innerWidth")
    assert phone.read("main.scrollWidth <= main.clientWidth")
    assert phone.read("[...document.querySelectorAll('main button')].every((one) => one.offsetHeight >= 44)")


def test_a_day_at_the_desk_on_a_phone(page: Page, unit: Unit, chrome: Browsers) -> None:
    with chrome.open(f"http://127.0.0.1:{page.server_address[1]}/", "en", **PHONE) as phone:
        has(phone, "Scan the reader's card")
        type_in(phone, "R1")
        has(phone, "Scan the books to lend")
        type_in(phone, "QL1")
        has(phone, "Lent until")
        has(phone, "蒙古秘史")
        type_in(phone, "QL3")
        has(phone, "Held for another reader")
        fits(phone)
        chrome.keep(phone, "shelf-lend")
        phone.page.click("text=All the same")  # without a reason the field is asked for
        phone.page.fill("[placeholder='Why all the same']", "agreed")
        phone.page.click("text=All the same")
        wait_until(lambda: unit.ask("copy", item="QL3")["is_lent"], 15)
        phone.page.click("text=Done, next reader")
        type_in(phone, "R2")
        has(phone, "The reader's card has expired")
        phone.page.click("text=Return")
        type_in(phone, "QL1")
        has(phone, "Taken back; it belongs on a1")
        type_in(phone, "QL3")
        has(phone, "put it aside")
        chrome.keep(phone, "shelf-return")
        phone.page.click("#tabs >> text=Holds")
        has(phone, "查干苏木")
        phone.page.click("#tabs >> text=To settle")
        has(phone, "On loan elsewhere")
        chrome.keep(phone, "shelf-conflicts")
        phone.page.fill("textarea", "on the shelf")
        phone.page.click("text=It is here")
        has(phone, "None")
    unit.end()
    told = [(row["event"], row["item"], row["ruling"], row.get("reason")) for row in unit.books_of()]
    assert told == [
        ("lent", "QL1", "allowed", None),
        ("lent", "QL3", "overridden", "agreed"),
        ("returned", "QL1", "allowed", None),
        ("returned", "QL3", "allowed", None),
    ]
    assert [(row["finding"], row["note"]) for row in unit.books_of("settle")] == [("here", "on the shelf")]


def test_a_shelf_check_and_a_lost_agent_in_all_three_languages(
    page: Page, unit: Unit, chrome: Browsers
) -> None:
    brought = some_lists(revision="r2")
    for number in range(9):
        brought.copies[f"QL9{number}"] = lists.Copy(item=f"QL9{number}", shelf="b9")
    unit.bring(brought)
    assert unit.ask("lists")["is_taken"]
    with chrome.open(f"http://127.0.0.1:{page.server_address[1]}/", "zh", **PHONE) as phone:
        phone.page.click("#tabs >> text=清点")
        has(phone, "清点书架")
        phone.page.fill("#shelf", "a1")
        phone.page.click("text=扫条码")
        has(phone, "请逐本扫描")
        type_in(phone, "QL1")
        type_in(phone, "QL3")
        has(phone, "应放在 a2 架")
        fits(phone)
        chrome.keep(phone, "shelf-check")
        phone.page.click("text=结束清点")
        has(phone, "清点结果已登记")
        assert unit.ask("copy", item="QL2")["is_gone"]
        phone.page.fill("#shelf", "b9")
        phone.page.click("text=扫条码")
        has(phone, "请逐本扫描")
        phone.page.click("text=结束清点")  # with nothing scanned: asked once more
        has(phone, "确定结束？9 本将登记为缺少")
        phone.page.click("text=中止")
        has(phone, "缺少的书未登记")
        phone.page.select_option("#language", "mn")
        phone.wait("document.documentElement.dataset.script === 'mong'")
        chrome.keep(phone, "shelf-mn")
        phone.page.select_option("#language", "zh")
        phone.page.click("#tabs >> text=归还")
        unit.end()
        type_in(phone, "QL4")
        has(phone, "没有收到回答")
        assert "车载程序没有回答" in phone.page.inner_text("#state")
        chrome.keep(phone, "shelf-gone")
        unit.start()
        phone.page.click("text=再试一次")
        has(phone, "已归还")
        phone.complaints.clear()  # the browser's own lines about the answers that failed
    unit.end()
    assert [(row["event"], row["item"]) for row in unit.books_of()][-1] == ("returned", "QL4")
