"""Who may ask: the gate before every route.

While no key exists the service is for this machine alone: the caller's address and the name it calls us by
must both be loopback, so that neither another machine nor a web page that had its name point to 127.0.0.1
(DNS rebinding) gets in. From the first key on, every route but the health checks wants a key as
`Authorization: Bearer`, or the cookie that /login gives for one. What it may ask for: `roles`.

Keys and session tokens are 256 random bits, kept as SHA-256 and found by it: an attacker can neither guess
one nor choose the bits that are compared, so the look-up needs no further care about its time.

An unsafe method must come from our own page or from no page at all (Origin, Sec-Fetch-Site), on top of the
cookie's SameSite=Strict. A caller who shows wrong keys is soon told to wait.
"""

from __future__ import annotations

import functools
import ipaddress
import threading
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse

from ingest.api.errors import ApiError, error_response
from ingest.api.page import PAGES
from ingest.ledger import keys, sessions
from ingest.releases.file import MAX_BYTES as MAX_RELEASE_BYTES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ingest.api.counts import Counts

COOKIE = "ortoo_session"
FREE = frozenset({"/healthz", "/readyz", "/login"})
STREAM = "/api/v1/stream"  # has no end, so no length either
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
MAX_BODY_BYTES = 16384
MAX_SHEET_BYTES = 16 * 1024 * 1024
LONGER = {  # what may be sent where
    "/api/v1/stock/import": MAX_SHEET_BYTES,
    "/api/v1/books/import": MAX_SHEET_BYTES,
    "/api/v1/releases": MAX_RELEASE_BYTES,
}
MAX_SECRET_CHARS = 200


class Attempts:
    """Wrong keys by address: after `limit` of them within the window the address has to wait."""

    def __init__(self, limit: int = 10, window_ms: int = 300_000, max_addresses: int = 1000) -> None:
        self._limit = limit
        self._window_ms = window_ms
        self._max_addresses = max_addresses
        self._wrong: OrderedDict[str, tuple[int, int]] = OrderedDict()  # count, when the window ends

    def wait_ms(self, address: str, now_ms: int) -> int:
        """How long the address has to wait, 0 for one that may try."""
        count, end_ms = self._wrong.get(address, (0, 0))
        return end_ms - now_ms if count >= self._limit and end_ms > now_ms else 0

    def failed(self, address: str, now_ms: int) -> None:
        """Count a wrong key."""
        count, end_ms = self._wrong.pop(address, (0, 0))
        if end_ms <= now_ms:
            count, end_ms = 0, now_ms + self._window_ms
        self._wrong[address] = (count + 1, end_ms)
        if len(self._wrong) > self._max_addresses:
            self._wrong.popitem(last=False)


class Holder(NamedTuple):
    """Who asks, and the roles of their key at this moment."""

    name: str
    roles: frozenset[str]


class Doorkeeper:
    """Keys and sessions as they are at this moment; may be asked from any thread."""

    def __init__(self, access: sqlite3.Connection, now_ms: Callable[[], int], session_s: int) -> None:
        self._access = access
        self._now_ms = now_ms
        self._session_s = session_s
        self._lock = threading.Lock()
        self.attempts = Attempts()

    def is_key_needed(self) -> bool:
        """Whether any key exists."""
        with self._lock:
            return keys.has_any(self._access)

    def holder(self, key: str | None, token: str | None) -> Holder | None:
        """Whose key was shown, or is behind the session; None for neither."""
        with self._lock:
            name = None
            if key is not None:
                name = keys.name_of(self._access, key)
            elif token is not None:
                name = sessions.key_name(self._access, keys.digest(token), self._now_ms())
            return None if name is None else Holder(name, keys.roles_of(self._access, name))

    def begin_session(self, token: str, key_name: str) -> None:
        """Keep a session for the holder of a key."""
        now_ms = self._now_ms()
        with self._lock:
            digest, until_ms = keys.digest(token), now_ms + self._session_s * 1000
            sessions.add(self._access, digest, key_name, until_ms, now_ms)

    def end_session(self, token: str) -> None:
        """Forget a session."""
        with self._lock:
            sessions.end(self._access, keys.digest(token))


THIS_MACHINE = Holder("this machine", frozenset({keys.ADMIN}))  # who asks while no key exists


class Gate:
    """Lets a request through to the app, or answers it at the door."""

    def __init__(self, app: ASGIApp, door: Doorkeeper, counts: Counts, now_ms: Callable[[], int]) -> None:
        self._app = app
        self._door = door
        self._counts = counts
        self._now_ms = now_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            check_origin(scope["method"], headers)
            check_size(headers, most_bytes(scope["path"]))
            await self._check_holder(scope, headers)
        except ApiError as error:
            self._counts.refused(error.code)
            answer = RedirectResponse("/login", 303) if is_for_login(scope, error) else error_response(error)
            await answer(scope, receive, send)
            return
        if scope["method"] == "HEAD" and scope["path"] != STREAM:
            scope = {**scope, "method": "GET"}  # the server leaves out the body
        await self._app(scope, bounded(receive, most_bytes(scope["path"])), send)

    async def _check_holder(self, scope: Scope, headers: Headers) -> None:
        ask = functools.partial(self._holder, scope, headers)
        if scope["path"] in FREE:
            return
        holder = await run_sync(ask)
        if holder is None:
            raise self._refusal(scope, headers)

        async def is_still_allowed() -> bool:
            return await run_sync(ask) is not None

        state = {"holder": holder.name, "roles": holder.roles, "is_still_allowed": is_still_allowed}
        scope.setdefault("state", {}).update(state)

    def _holder(self, scope: Scope, headers: Headers) -> Holder | None:
        if self._door.is_key_needed():
            return self._door.holder(bearer(headers), session_token(headers))
        return THIS_MACHINE if is_from_this_machine(scope, headers) else None

    def _refusal(self, scope: Scope, headers: Headers) -> ApiError:
        address, now_ms = address_of(scope), self._now_ms()
        if bearer(headers) is not None:
            if wait_ms := self._door.attempts.wait_ms(address, now_ms):
                return too_many(wait_ms)
            self._door.attempts.failed(address, now_ms)
        detail = "show a key as 'Authorization: Bearer KEY', or log in at /login"
        return ApiError(401, "key_needed", "header.authorization", detail)


def too_many(wait_ms: int) -> ApiError:
    """429 for an address that showed too many wrong keys."""
    wait_s = -(-wait_ms // 1000)
    return ApiError(429, "too_many_attempts", "header.authorization", f"wait {wait_s} s", wait_s)


def is_for_login(scope: Scope, error: ApiError) -> bool:
    """A person who opens a page is led to the form."""
    return error.status_code == 401 and scope["path"] in PAGES and scope["method"] in {"GET", "HEAD"}


def address_of(scope: Scope) -> str:
    """The caller's address, empty for a socket without one."""
    client = scope.get("client")
    return client[0] if client else ""


def is_from_this_machine(scope: Scope, headers: Headers) -> bool:
    """Called from loopback, by a name of loopback, with no proxy in between."""
    host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    is_forwarded = any(name in headers for name in FORWARDED)
    return is_loopback(address_of(scope)) and is_loopback(host) and not is_forwarded


def is_loopback(host: str) -> bool:
    """True for an address that only this machine can reach."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def check_origin(method: str, headers: Headers) -> None:
    """Refuse an unsafe request that another site's page sent; raises ApiError."""
    if method in SAFE_METHODS:
        return
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    is_foreign = origin is not None and urlsplit(origin).netloc != headers.get("host")
    is_unproven = origin is None and site is None and session_token(headers) is not None
    if is_foreign or is_unproven or site not in {None, "same-origin", "none"}:
        raise ApiError(403, "foreign_origin", "header.origin", "another site's page may not ask for this")


def most_bytes(path: str) -> int:
    """How long a body may be."""
    return LONGER.get(path, MAX_BODY_BYTES)


def check_size(headers: Headers, most: int) -> None:
    """Refuse a body that says it is too long; raises ApiError."""
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length[:12]) > most:
        raise ApiError(413, "too_large", "body", f"at most {most} bytes")


def bounded(receive: Receive, most: int) -> Receive:
    """A receive that refuses to go on past the limit, for bodies that do not say how long they are."""
    size = 0

    async def receive_bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise ApiError(413, "too_large", "body", f"at most {most} bytes")
        return message

    return receive_bounded


def bearer(headers: Headers) -> str | None:
    """The key that the request shows."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip()[:MAX_SECRET_CHARS] if scheme.lower() == "bearer" else None


def session_token(headers: Headers) -> str | None:
    """The token in the session's cookie."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")[:4096]).get(COOKIE)
    except CookieError:
        return None
    return morsel.value[:MAX_SECRET_CHARS] if morsel is not None and morsel.value else None
