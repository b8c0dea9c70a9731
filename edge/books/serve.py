"""ortoo-edge shelf: the crew's page, served by the Pi itself to phones and tablets in the vehicle's network.

A process of its own, so that the agent stays as small as it is. It holds no state that matters: each ask goes
through the agent's door (`edge.books.door`), and what is not answered is asked again with the same id.

    GET  /                the page; /page.js, /page.css, /messages/zh.json …
    POST /api/enter       {"code":"…"} -> a cookie, where the crew has a code
    POST /api/ask         an ask -> its answer; 401 without the cookie, 503 while the agent does not answer

When there is coverage it fetches newer lists and hands them to the agent.
"""

from __future__ import annotations

import contextlib
import errno
import hmac
import ipaddress
import json
import logging
import secrets
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.books import asking
from edge.books.asking import AgentGone
from edge.books.door import SOCKET
from edge.config import ConfigError, load_settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from edge.settings import BooksSettings

log = logging.getLogger(__name__)

FILES = Path(__file__).parent / "page"
TYPES = {
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
}
PATHS = {
    "/": "index.html",
    **{f"/{name}": name for name in ("page.js", "page.css", "icon.svg")},
    **{f"/messages/{language}.json": f"messages/{language}.json" for language in ("zh", "en", "mn")},
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MAX_BODY_BYTES = 4096
MOST_AT_ONCE = 16
MOST_OPEN, MOST_OF_ONE = 48, 8  # connections, each a thread; a phone's browser opens six
IDLE_S = 30
MOST_GUESSES, MOST_GUESSES_OF_ONE, GUESSES_S = 30, 10, 60.0
# Names that nobody outside can have an answer given for: see `is_local`.
LOCAL = (".local", ".lan", ".home.arpa", ".internal")
LATER = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)
MOST_SESSIONS = 64
COOKIE = "ortoo_crew"
# What the page may ask; lists are brought by this process alone.
ASKS = {
    "status",
    "lend",
    "return",
    "renew",
    "settle",
    "holds",
    "conflicts",
    "reader",
    "copy",
    "check",
    "scans",
}


class Page(ThreadingHTTPServer):
    """The server; `code` empty: whoever reaches it may ask."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], door: Path, code: str) -> None:
        super().__init__(address, Handler)
        self.door = door
        self.files = {path: (FILES / name).read_bytes() for path, name in PATHS.items()}
        self._code = code
        self._sessions: dict[str, None] = {}
        self._guesses: list[tuple[float, str]] = []
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.room = threading.Semaphore(MOST_AT_ONCE)

    def handle_error(self, request: object, client_address: object) -> None:
        """A phone that went out of reach in the middle of an answer is nothing to tell."""
        del request
        log.debug("%s: gone, or a fault", client_address)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hear a client, unless there are too many: slow ones must not keep the others out."""
        address = str(client_address[0])
        with self._lock:
            has_room = self._open.total() < MOST_OPEN and self._open[address] < MOST_OF_ONE
            if has_room:
                self._open[address] += 1
        if not has_room:
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread could be begun
            self._gone(address)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The body of a client's thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._gone(str(client_address[0]))

    def _gone(self, address: str) -> None:
        with self._lock:
            self._open[address] -= 1
            if self._open[address] <= 0:
                del self._open[address]

    def is_known(self, cookie: str) -> bool:
        """Whether a session may ask."""
        with self._lock:
            return not self._code or cookie in self._sessions

    def enter(self, code: str, address: str) -> str | None:
        """A new session for the right code; None for a wrong one, or after too many of them."""
        now_s = time.monotonic()
        with self._lock:
            self._guesses = [one for one in self._guesses if now_s - one[0] < GUESSES_S]
            own = sum(1 for _, of in self._guesses if of == address)
            if len(self._guesses) >= MOST_GUESSES or own >= MOST_GUESSES_OF_ONE:
                return None
            if not hmac.compare_digest(code.encode(errors="replace"), self._code.encode()):
                self._guesses.append((now_s, address))
                return None
            session = secrets.token_urlsafe(24)
            self._sessions = dict.fromkeys([*self._sessions, session][-MOST_SESSIONS:])
            return session


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Page
    protocol_version = "HTTP/1.1"
    server_version = "ortoo"
    sys_version = ""
    timeout = IDLE_S

    def do_GET(self) -> None:
        """A file of the page."""
        path = self.path.partition("?")[0]
        content = self.server.files.get(path)
        if content is None:
            self._answer(404, b"", "text/plain")
            return
        self._answer(200, content, TYPES[Path(PATHS[path]).suffix] + "; charset=utf-8")

    def do_POST(self) -> None:
        """An ask, or the crew's code."""
        body = self._body()
        if body is None:
            return
        if self.path == "/api/enter":
            self._enter(body)
        elif self.path != "/api/ask":
            self._say(404, {"state": "wrong", "detail": "no such path"})
        elif not self.server.is_known(self._cookie()):
            self._say(401, {"state": "wrong", "detail": "code"})
        elif str(body.get("what")) not in ASKS:
            self._say(400, {"state": "wrong", "detail": f"what must be one of {', '.join(sorted(ASKS))}"})
        else:
            self._ask(body)

    def _ask(self, body: dict[str, Any]) -> None:
        if not self.server.room.acquire(blocking=False):
            self._say(503, {"state": "gone", "detail": "too many at once"})
            return
        try:
            self._say(200, asking.ask(self.server.door, body))
        except AgentGone as error:
            self._say(503, {"state": "gone", "detail": str(error)})
        finally:
            self.server.room.release()

    def _enter(self, body: dict[str, Any]) -> None:
        session = self.server.enter(str(body.get("code", ""))[:256], str(self.client_address[0]))
        if session is None:
            self._say(401, {"state": "wrong", "detail": "code"})
            return
        cookie = f"{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"
        self._say(200, {"state": "done"}, {"Set-Cookie": cookie})

    def _body(self) -> dict[str, Any] | None:
        """The object of a request of our own page; None when it was refused."""
        length = self.headers.get("Content-Length", "")
        origin, host = self.headers.get("Origin"), self.headers.get("Host", "")
        is_ours = is_local(host) and (origin is None or origin.partition("://")[2] == host)
        is_json = self.headers.get_content_type() == "application/json"
        if not is_ours or not is_json or not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._say(
                400, {"state": "wrong", "detail": f"JSON of at most {MAX_BODY_BYTES} bytes, from this page"}
            )
            return None
        try:
            found = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            self._say(400, {"state": "wrong", "detail": "not an object"})
            return None
        return found

    def _cookie(self) -> str:
        for part in self.headers.get("Cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == COOKIE:
                return value
        return ""

    def _say(self, status: int, answer: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._answer(status, json.dumps(answer, ensure_ascii=False).encode(), "application/json", headers)

    def _answer(
        self, status: int, content: bytes, content_type: str, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a line a request would wear the card out and say who borrows."""


def is_local(host: str) -> bool:
    """Whether a Host header names this machine as only its own network does: by address or a local name.

    Else a page of elsewhere could have its own name answered with our address, and would be "from this page".
    """
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(name.strip("[]"))
        return True
    return bool(name) and ("." not in name or name.lower().endswith(LOCAL))


def add_arguments(parser: argparse.ArgumentParser, config: Path) -> None:
    """The options of the command."""
    parser.add_argument("--config", type=Path, default=config, metavar="FILE", help=f"default: {config}")


def run(given: argparse.Namespace) -> int:
    """Serve until stopped."""
    settings = load_settings(given.config).books
    if not settings.folder:
        raise ConfigError(f"{given.config}: [books] folder is empty: this unit has no book shelf")
    address, code = (settings.page_host, settings.page_port), _code(settings)
    try:
        page = Page(address, Path(settings.folder) / SOCKET, code)
    except OSError as error:
        where = f"[books] page_host, page_port: {settings.page_host}:{settings.page_port}: {error.strerror}"
        if error.errno not in LATER:
            raise ConfigError(f"{given.config}: {where}") from None
        log.error("%s: it may be there later", where)  # noqa: TRY400 - the cause is in it
        return 1
    log.info("the crew's page is at http://%s:%d/", *page.server_address[:2])
    if settings.lists_url:
        threading.Thread(target=_fetch, args=(settings,), daemon=True, name="lists").start()
    with page:
        page.serve_forever()
    return 0


def _code(settings: BooksSettings) -> str:
    if not settings.page_code_file:
        return ""
    try:
        code = Path(settings.page_code_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"[books] page_code_file: {settings.page_code_file}: {error}") from None
    if not code:
        raise ConfigError(f"[books] page_code_file: {settings.page_code_file}: is empty")
    return code


def _fetch(settings: BooksSettings, pause: Callable[[float], object] = time.sleep) -> None:
    # Late: what speaks HTTP to a service is not loaded where lists are brought by hand.
    from edge.books.fetching import Fetching  # noqa: PLC0415

    fetching = Fetching(settings.lists_url, settings.lists_token_file, Path(settings.folder))
    while True:
        fetching.step()
        pause(settings.lists_period_s)
