"""The page asks once: a form that takes a key and gives a session, without a line of script.

The cookie is HttpOnly and SameSite=Strict, and Secure when the browser says that it came over https: behind
a proxy that ends TLS only the browser knows.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ingest.api.auth import COOKIE, MAX_SECRET_CHARS, address_of, session_token, too_many
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.headers import form_policy

if TYPE_CHECKING:
    from ingest.api.auth import Doorkeeper

router = APIRouter(include_in_schema=False)

FORM = """<!doctype html>
<html lang="zh">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ortoo</title>
<style nonce="{nonce}">
  body {{ font: 16px/1.5 system-ui, sans-serif; display: grid; place-items: center }}
  body {{ min-height: 90vh; margin: 0 }}
  form {{ display: grid; gap: 1rem; width: min(22rem, 86vw) }}
  .words {{ display: flex; gap: 1.5rem; align-items: center; justify-content: center; min-height: 7rem }}
  [lang="mn-Mong"] {{ writing-mode: vertical-lr; text-orientation: mixed }}
  input, button {{ font: inherit; padding: .6rem; border: 1px solid #777; border-radius: .3rem }}
  button {{ background: #0b5fa5; color: #fff; border-color: #0b5fa5 }}
  p {{ margin: 0; color: #a31515; text-align: center }}
</style>
<form method="post" action="/login">
  <label class="words" for="key">
    <span lang="zh">请输入密钥</span><span lang="en">Enter your key</span><span lang="mn-Mong">ᠲᠦᠯᠬᠢᠭᠦᠷ</span>
  </label>
  {message}
  <input id="key" name="key" type="password" maxlength="200" autocomplete="current-password"
    required autofocus>
  <button><span lang="zh">登录</span> · <span lang="en">Log in</span></button>
</form>
</html>
"""
ALERT = '<p role="alert"><span lang="zh">{zh}</span> · <span lang="en">{en}</span></p>'


def form(message: str = "", status: int = 200) -> HTMLResponse:
    """The form, with what went wrong."""
    nonce = secrets.token_urlsafe(16)
    headers = {"Content-Security-Policy": form_policy(nonce)}
    return HTMLResponse(FORM.format(nonce=nonce, message=message), status, headers)


@router.get("/login")
def show_login(request: Request) -> Response:
    """The form; where no key is needed, the page."""
    door: Doorkeeper = request.app.state.door
    return form() if door.is_key_needed() else RedirectResponse("/", 303)


@router.post("/login")
async def log_in(request: Request, given: Given) -> Response:
    """A session for a key."""
    door: Doorkeeper = request.app.state.door
    address = address_of(request.scope)
    if wait_ms := door.attempts.wait_ms(address, given.now_ms()):
        error = too_many(wait_ms)
        words = ALERT.format(zh="请稍后再试", en=f"Too many attempts: wait {error.retry_after_s} s")
        return form(words, error.status_code)
    key = _key_in(await request.body())
    holder = await run_sync(door.holder, key, None)
    if holder is None:
        door.attempts.failed(address, given.now_ms())
        return form(ALERT.format(zh="密钥不对", en="This is not a key"), 401)
    token = secrets.token_urlsafe(32)
    await run_sync(door.begin_session, token, holder.name)
    return _with_cookie(request, token, given.session_s)


def _key_in(body: bytes) -> str:
    fields = parse_qs(body.decode("utf-8", "replace"))
    return fields.get("key", [""])[0].strip()[:MAX_SECRET_CHARS]


def _with_cookie(request: Request, token: str, session_s: int) -> Response:
    is_secure = request.url.scheme == "https" or request.headers.get("origin", "").startswith("https:")
    answer = RedirectResponse("/", 303)
    answer.set_cookie(COOKIE, token, max_age=session_s, secure=is_secure, httponly=True, samesite="strict")
    return answer


@router.post("/logout")
def log_out(request: Request) -> Response:
    """Forget the session on both sides."""
    door: Doorkeeper = request.app.state.door
    token = session_token(request.headers)
    if token is not None:
        door.end_session(token)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer
