"""Who asks: so that a page shows nobody what they may not do."""

from __future__ import annotations

from fastapi import APIRouter, Request

from ingest.api.roles import holder_of, roles_of
from ingest.api.shapes import Me

router = APIRouter(tags=["me"])


@router.get("/api/v1/me", operation_id="read_me")
async def read_me(request: Request) -> Me:
    """The name and the roles of the key that was shown, or that is behind the session."""
    return Me(name=holder_of(request), roles=sorted(roles_of(request)))
