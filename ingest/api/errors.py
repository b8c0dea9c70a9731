"""The one shape in which the API says no.

    {"error": {"code": "dates_swapped", "where": "query.from", "detail": "...", "retry": false}}

`code` is for programs, `detail` for people, `where` names the part of the request, and `retry` answers the
only question that matters to a program: will waiting help?
"""

from __future__ import annotations

import logging
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ingest.api.counts import Counts

RETRY_AFTER_S = 5

log = logging.getLogger(__name__)


class Error(BaseModel):
    """What is wrong, where, and whether the same request may succeed later."""

    code: str
    where: str
    detail: str
    retry: bool


class ErrorBody(BaseModel):
    """The body of every answer that is not a success."""

    error: Error


class ApiError(HTTPException):
    """A refusal with its status and its words.

    It is one of the framework's, so that it also passes through where a body is read.
    """

    def __init__(
        self, status: int, code: str, where: str, detail: str, retry_after_s: int | None = None
    ) -> None:
        super().__init__(status, detail)
        self.code = code
        self.where = where
        self.retry_after_s = retry_after_s


def error_body(code: str, where: str, detail: str, *, retry: bool = False) -> dict[str, Any]:
    """The one shape."""
    return {"error": {"code": code, "where": where, "detail": detail, "retry": retry}}


def error_response(error: ApiError) -> JSONResponse:
    """The answer that an ApiError asks for."""
    retry = error.retry_after_s is not None
    headers = {"Retry-After": str(error.retry_after_s)} if retry else None
    return JSONResponse(
        error_body(error.code, error.where, error.detail, retry=retry), error.status_code, headers
    )


def unknown_unit(unit: str) -> ApiError:
    """404 for a unit nobody has heard of."""
    return ApiError(404, "unknown_unit", "path.unit", f"no unit {unit[:40]!r} has ever been heard of")


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of these refusals."""
    return {status: {"model": ErrorBody, "description": HTTPStatus(status).phrase} for status in statuses}


def add_error_handlers(app: FastAPI, busy: tuple[type[Exception], ...]) -> None:
    """Give every refusal the one shape; `busy` are the errors that pass by waiting."""
    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    for kind in busy:
        app.add_exception_handler(kind, _on_busy)


def _count(request: Request, code: str) -> None:
    counts: Counts = request.app.state.counts
    counts.refused(code)


def _on_api_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)  # noqa: S101 -- registered for nothing else
    _count(request, error.code)
    return error_response(error)


def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- registered for nothing else
    _count(request, "invalid")
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    more = len(error.errors()) - 1
    detail = first["msg"].removeprefix("Value error, ") + (f" (and {more} more)" if more else "")
    return JSONResponse(error_body("invalid", where, detail), 422)


def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 -- registered for nothing else
    codes = {404: "no_such_route", 405: "method", 400: "body"}
    code = codes.get(error.status_code, "http")
    _count(request, code)
    body = error_body(code, request.url.path[:200], str(error.detail))
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_allowed(request))
    return JSONResponse(body, error.status_code, headers)


def _allowed(request: Request) -> list[str]:
    """What may be done at a path; the framework names but the first route's methods."""
    path, routes = request.scope["path"], request.app.state.routes
    methods = {method for route in routes if route.path_regex.match(path) for method in route.methods}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))  # see Gate


def _on_busy(request: Request, error: Exception) -> JSONResponse:
    _count(request, "busy")
    return error_response(ApiError(503, "busy", "store", str(error), RETRY_AFTER_S))


class LastResort:
    """Answers 500 where a route breaks, before anything is sent."""

    def __init__(self, app: ASGIApp, counts: Counts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_started = False

        async def send_and_note(message: Message) -> None:
            nonlocal is_started
            is_started = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:
            if is_started or scope["type"] != "http":
                raise
            self._counts.refused("internal")
            path = scope["path"][:200]
            # As plain text: a renderer that shows local variables would show keys.
            log.error("%s failed: %s", path, "".join(traceback.format_exception(error)))  # noqa: TRY400
            answer = JSONResponse(error_body("internal", path, "see the service's log"), 500)
            await answer(scope, receive, send)
