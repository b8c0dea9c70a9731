"""Asking a unit for something. The answer comes as an event record of kind `answer`, when the unit has it."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request

from firmware import wire
from firmware.settings import node as node_settings
from firmware.settings.reading import SettingsError
from ingest.api.errors import RETRY_AFTER_S, ApiError, responses, unknown_unit
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.roles import need_admin
from ingest.api.shapes import CommandSent, NewSettings, RawTrack, Resend
from ingest.instants import iso, parse_instant

router = APIRouter(tags=["units"])

CommandIn = Annotated[RawTrack | Resend | NewSettings, Body(discriminator="what")]


@router.post(
    "/api/v1/units/{unit}/commands",
    operation_id="send_command",
    status_code=202,
    responses=responses(403, 404, 422, 503),
)
def send_command(given: Given, unit: str, asked: CommandIn, request: Request) -> CommandSent:
    """Hand a command to the broker, which keeps it for a unit that is out of reach.

    Settings are for an administrator's key to change; nothing of them is kept or shown again.
    """
    if isinstance(asked, NewSettings):
        need_admin(request)
    if given.reader.unit(unit) is None:
        raise unknown_unit(unit)
    command = {"v": wire.VERSION, "id": secrets.token_hex(8), **_fields(asked)}
    try:
        wire.encode_json("command", command)
    except wire.WireError as error:
        raise ApiError(422, error.code, error.where.replace("command", "body"), error.detail) from None
    if not given.send_command(unit, command):
        raise ApiError(
            503, "no_broker", "broker", "the service has no connection to its broker", RETRY_AFTER_S
        )
    return CommandSent(id=command["id"], unit=unit, what=asked.what)


def _fields(asked: RawTrack | Resend | NewSettings) -> dict[str, Any]:
    if isinstance(asked, NewSettings):
        _check_settings(asked.settings)
    if not isinstance(asked, RawTrack):
        return asked.model_dump()
    from_ms, to_ms = _instant(asked.from_, "from"), _instant(asked.to, "to")
    if from_ms > to_ms:
        detail = f"from {iso(from_ms)} is after to {iso(to_ms)}: swap them"
        raise ApiError(422, "dates_swapped", "body.from", detail)
    return {"what": asked.what, "from_ms": from_ms, "to_ms": to_ms}


def _check_settings(asked: dict[str, Any]) -> None:
    """As far as can be said without the node: what it keeps is not known here."""
    try:
        node_settings.check_parts({"unit": "node", "mode": "alone", **asked})
    except SettingsError as error:
        where, _, detail = str(error).partition(": ")
        raise ApiError(
            422, "invalid", "body.settings", f"{where.removeprefix('settings.')}: {detail}"
        ) from None


def _instant(text: str, name: str) -> int:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise ApiError(422, "invalid", f"body.{name}", str(error)) from None
