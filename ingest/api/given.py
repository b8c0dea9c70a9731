"""How a route gets at the context."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from ingest.api.context import Context


async def _given(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Given = Annotated[Context, Depends(_given)]
