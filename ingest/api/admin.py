"""What only an administrator's key may do: give units other firmware or other settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.api.errors import ApiError

if TYPE_CHECKING:
    from fastapi import Request


def is_admin(request: Request) -> bool:
    """Whether the caller's key may; while no key exists everybody on this machine may."""
    may: bool = request.app.state.door.is_admin(request.scope["state"]["holder"])
    return may


def need_admin(request: Request) -> str:
    """The name of the caller's key; ApiError 403 for one that may only look."""
    if not is_admin(request):
        detail = "this key may only look; make one with: ortoo-ingest key add NAME --admin"
        raise ApiError(403, "admin_needed", "header.authorization", detail)
    holder: str = request.scope["state"]["holder"]
    return holder
